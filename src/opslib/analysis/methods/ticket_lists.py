"""Which tickets stand behind a number: which side of a metric is worth opening, and how its tickets are listed.

A share that should be high lists those that failed it, any other share and every count those that it counts; a time or
a mean lists what lies beyond the goal, or beyond the number itself where there is no goal. What a list names of a
ticket is what a team lead needs to open it: never a text, never who wrote it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from opslib.analysis.methods.small_groups import few_people, mask_cells
from opslib.metrics import Metric

Side = Literal["counted", "failed", "beyond"]

COLUMNS = (
    *("ticket_id", "created_at", "age_days", "over_seconds", "priority", "queue", "channel", "contact_reason"),
    *("due_at", "breached_at", "status", "owner"),
)
"""What a list tells of a ticket. `over_seconds` is by how much it is over its target or goal, on the clock of that."""

GROUPS = ("queue", "contact_reason", "channel")
"""The columns that tell a group of people, alone and together; that first which is to be named most often."""

_DAY = 86_400

_WITHOUT_LIST = {
    "solved": "A solved ticket waits for nobody; those that came back or changed hands have lists of their own.",
    "reopened": "A ticket may come back several times a week; the reopened share lists the solves that did not hold.",
    "net_flow": "It is a difference of several counts; the backlog has a list.",
    "backlog_days": "It is the backlog divided by a pace; the backlog has a list.",
    "contacts_per_1000": "It is a rate of the tickets created, which have a list.",
    "live_channel_share": "It says where the work comes from; no ticket of it is right or wrong.",
    "survey_response_rate": "Who did not answer a survey has nothing that could be opened.",
    "qa_score": "A review judges a person; people see their own reviews, and no list of them is made.",
    "critical_error_rate": "A review judges a person; people see their own reviews, and no list of them is made.",
    "solves_per_agent": "It counts what people did; no list of it is made.",
    "solves_per_agent_hour": "It counts what people did; no list of it is made.",
}


@dataclass(frozen=True)
class Hiding:
    """What may be named of a ticket: `named` has the values of each column that stand together with enough people."""

    named: Mapping[str, frozenset[tuple[str, ...]]]
    minimum: int

    def masked(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows, with what would tell a group of too few people replaced, and so what nobody wrote to the team."""
        columns = list(self.named)
        if not columns or rows.empty:
            return rows
        code = rows.groupby(columns, dropna=False, sort=False).ngroup()
        values = rows[columns][~code.duplicated()].astype("object")
        for place, name in enumerate(columns):
            is_named = np.array([each in self.named[name] for each in _groups_of(values[columns[: place + 1]])])
            values[name] = values[name].where(is_named, few_people(self.minimum))
        return rows.assign(**{name: values[name].to_numpy()[code] for name in columns})


def why_no_list(metric: Metric) -> str | None:
    """Why no tickets are listed behind a metric, in a sentence; None where they are."""
    return _WITHOUT_LIST.get(metric.name)


def side_of(metric: Metric) -> Side:
    """Which of the tickets that a metric counts are listed."""
    if metric.kind in ("quantile", "mean"):
        return "beyond"
    return "failed" if metric.kind == "share" and metric.better == "higher" else "counted"


def count_behind(metric: Metric, numerator: float | None, denominator: float | None) -> int | None:
    """How many rows the list of a metric has, from the weekly value that stands on a page.

    Args:
        metric: one that has a list.
        numerator: of the weekly value; None or NaN where it is not known.
        denominator: of the weekly value.

    Returns:
        The count; None where the value is not known, or does not tell it (times and means).
    """
    side = side_of(metric)
    if side == "beyond" or numerator is None or math.isnan(numerator):
        return None
    if side == "counted":
        return round(numerator)
    return None if denominator is None or math.isnan(denominator) else round(denominator - numerator)


def listed_rows(metric: Metric, rows: pd.DataFrame, *, limit: float | None) -> pd.DataFrame:
    """The rows that are listed behind a metric.

    Args:
        metric: one that has a list.
        rows: what counts in the metric, one row per thing counted: value (what it adds; of a time its seconds).
        limit: the goal, or the number itself, of a time or a mean; None lists none of these.

    Returns:
        Those of the interesting side; of times with `over_seconds`, where the rows have none yet.
    """
    side = side_of(metric)
    if side == "counted":
        return rows[rows["value"] > 0]
    if side == "failed":
        return rows[rows["value"] == 0]
    if limit is None or math.isnan(limit):
        return rows.head(0)
    beyond = rows[rows["value"] > limit] if metric.better == "lower" else rows[rows["value"] < limit]
    return beyond.assign(over_seconds=beyond["value"] - limit) if metric.unit == "seconds" else beyond


def held_at(spells: pd.DataFrame, instant: pd.Timestamp, statuses: Sequence[str]) -> pd.DataFrame:
    """What teams held at an instant.

    Args:
        spells: ticket_id, team, status, start_at, end_at (null while it lasts), and more columns.
        instant: what happens at it comes after it.
        statuses: those in which a ticket is held.

    Returns:
        The spells that were running then, one per ticket at most.
    """
    begun = spells["start_at"] < instant
    running = ~(spells["end_at"] < instant)
    return spells[begun & running & spells["status"].isin(list(statuses))]


def waits_at(comments: pd.DataFrame, tickets: pd.DataFrame, instant: pd.Timestamp) -> pd.DataFrame:
    """Who of some tickets' customers had no reply at an instant, and who had written again since the last one.

    Args:
        comments: all events of the tickets: ticket_id, sequence, occurred_at, event and actor_role.
        tickets: ticket_id, created_at, first_reply_at (what their own columns tell, where they have no events).
        instant: what happens at it comes after it.

    Returns:
        ticket_id, unreplied, unanswered (bool), one row per ticket.
    """
    born = tickets.set_index("ticket_id")["created_at"]
    events = comments[comments["ticket_id"].isin(born.index)].sort_values(["ticket_id", "sequence"], kind="stable")
    created = events["ticket_id"].map(born)
    at = events["occurred_at"].where(events["occurred_at"] >= created, created)
    events = events[["ticket_id", "sequence"]].assign(
        # An event that is dated before the one that precedes it counts at the instant of that one.
        at=at.groupby(events["ticket_id"]).cummax(),
        role=events["actor_role"].where(events["event"] == "public_comment"),
    )
    before = events[events["at"] < instant]
    last = {
        role: before[before["role"] == role].groupby("ticket_id")["sequence"].max().reindex(born.index)
        for role in ("agent", "requester")
    }
    by_columns = (tickets.set_index("ticket_id")["first_reply_at"] < instant) & ~born.index.isin(events["ticket_id"])
    replied = last["agent"].notna() | by_columns.fillna(False)
    asked_since = (last["requester"] > last["agent"]).fillna(False)
    return pd.DataFrame({"unreplied": ~replied, "unanswered": asked_since}).reset_index()


def groups_to_name(tickets: pd.DataFrame, *, minimum: int) -> Hiding:
    """What of `GROUPS` may be named of a team's tickets: what enough people have written with, one and all together.

    Args:
        tickets: the team's tickets, of all weeks: the columns of `GROUPS` as far as they are told, and requester_id
            (without it each ticket is another person's).
        minimum: how many people a group must have.
    """
    columns = [name for name in GROUPS if name in tickets]
    masked = mask_cells(tickets, columns, minimum=minimum)
    named = {
        name: frozenset(
            _groups_of(masked.loc[masked[name] != few_people(minimum), columns[: place + 1]].drop_duplicates())
        )
        for place, name in enumerate(columns)
    }
    return Hiding(named, minimum)


def _groups_of(rows: pd.DataFrame) -> Iterator[tuple[str, ...]]:
    """What rows name together; what is not told is a value too."""
    return rows.astype("object").fillna("").itertuples(index=False, name=None)


def tickets_to_list(tickets: pd.DataFrame, hiding: Hiding, *, as_of: pd.Timestamp) -> pd.DataFrame:
    """What lists tell of tickets, made once for all lists of a team.

    Args:
        tickets: by ticket_id as the index: created_at, priority, queue, channel, contact_reason, due_at, status,
            assignee_id, as far as they are told.
        hiding: of `groups_to_name`.
        as_of: the instant up to which the exports know the world; ages are counted to it.

    Returns:
        `COLUMNS`, by ticket_id as the index, sorted by it; breached_at is empty.
    """
    own = tickets.sort_index()
    no_instant = pd.Series(pd.NaT, index=own.index, dtype="datetime64[us, UTC]")
    told = pd.DataFrame(
        {
            "ticket_id": own.index.astype("str"),
            "created_at": own["created_at"],
            "age_days": (as_of - own["created_at"]).dt.total_seconds() / _DAY,
            "over_seconds": np.nan,
            **{name: _text_of(own, name) for name in ("priority", *GROUPS)},
            "due_at": own.get("due_at", no_instant),
            "breached_at": no_instant,
            "status": _text_of(own, "status"),
            "owner": _text_of(own, "assignee_id"),
        },
        index=own.index,
    )
    return hiding.masked(told)[list(COLUMNS)]


def worst_first(rows: pd.DataFrame, told: pd.DataFrame) -> pd.DataFrame:
    """A list: what is told of the tickets of some rows, the worst first.

    Args:
        rows: ticket_id, and over_seconds, due_at and breached_at where they are known.
        told: of `tickets_to_list`; it holds all these tickets.

    Returns:
        `COLUMNS`; furthest over first, then oldest first.
    """
    places = told.index.get_indexer(pd.Index(rows["ticket_id"]))
    own = [name for name in ("over_seconds", "due_at", "breached_at") if name in rows]
    age = told["age_days"].to_numpy()[places]
    over = rows["over_seconds"].to_numpy("float64") if "over_seconds" in rows else np.zeros(len(rows))
    # Tickets stand in the order of their ids, so that their place is their rank.
    order = np.lexsort((places, -age, -np.nan_to_num(over)))
    listed = told.take(places[order]).reset_index(drop=True)
    for name in own:
        listed[name] = rows[name].array[order]
    return listed


def _text_of(tickets: pd.DataFrame, name: str) -> Any:
    return tickets[name] if name in tickets else pd.Series(None, index=tickets.index, dtype="str")
