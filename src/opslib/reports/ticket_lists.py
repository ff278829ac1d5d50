"""The lists of tickets of a week: those behind its metrics, counted by the catalogue itself, and those open now."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from opslib import labels, metrics
from opslib.analysis.methods import ticket_lists as analysis
from opslib.analysis.methods.small_groups import distinct_people
from opslib.calendars import OpenClock
from opslib.display import words
from opslib.display.cells import is_known, rows_of
from opslib.errors import NotInExport
from opslib.metrics import ALL, CATALOGUE, Metric
from opslib.reports.week import is_newest
from opslib.settings import Calendar, Organisation
from opslib.store.warehouse import Warehouse
from opslib.tables import ACTIVE
from opslib.weeks import week_bounds

if TYPE_CHECKING:
    import ibis
    import ibis.expr.types as ir

OLD_DAYS = 7
"""An open ticket is old when it is more days old than this."""
ROWS_ON_A_REPORT = 6
"""How many of a list stand on a report, the worst first."""
OPEN_LISTS = ("late_without_reply", "about_to_breach", "oldest_open")
"""The lists of what is open at the end of the export, the most pressing first."""

_TICKETS = (
    *("ticket_id", "team", "created_at", "status", "requester_id", "assignee_id", "priority", "queue", "channel"),
    *("contact_reason", "due_at", "first_reply_at"),
)
_AT_WEEK_END = ("backlog_closing", "backlog_unassigned", "backlog_unreplied", "unanswered_questions")
_SLA_COLUMNS = ("elapsed_seconds", "target_seconds", "breached_at")
_RUNS_IN = {"requester_wait": ("new", "open", "on_hold"), "agent_work": ("new", "open")}
"""The statuses in which the clock of a promise runs, where it does not run in all that are open."""
_AHEAD_DAYS = 30
"""How far the next open day is looked for: no calendar is closed for longer."""

_TITLES = {
    "created": "Tickets created",
    "csat": "Tickets of dissatisfied customers",
    "one_touch_share": "Solved with more than one reply, or reopened",
    "under_two_replies_share": "Solved with two replies or more",
    "first_contact_resolution": "Not solved at the first contact",
    "late_without_reply": "Late and still without a reply",
    "about_to_breach": "About to miss their promise",
    "oldest_open": f"Open for more than {OLD_DAYS} days",
}
_OF_OPEN = {
    "late_without_reply": "Open tickets whose promised first reply is overdue and has not been given",
    "about_to_breach": "Open tickets of which a promise runs out by the end of the next open day, unless it is kept",
    "oldest_open": f"Open tickets that are more than {OLD_DAYS} days old",
}


@dataclass(frozen=True)
class TicketList:
    """A list of tickets.

    `name` is that of its files, `sentence` says which tickets they are, `rows` are `analysis.COLUMNS`, the worst first;
    `missing` says why there is no list, and is empty where there is one.
    """

    name: str
    title: str
    sentence: str
    rows: pd.DataFrame
    missing: str = ""

    @property
    def count(self) -> int:
        """How many rows it has."""
        return len(self.rows)


@dataclass(frozen=True)
class WeekTickets:
    """The tickets behind a week's metrics, for all teams together: each fact is read once, when it is first needed."""

    week: str
    warehouse: Warehouse
    organisation: Organisation
    as_of: datetime

    @cached_property
    def weeks(self) -> pd.DataFrame:
        """The week with its bounds, one row."""
        return metrics.week_frame([self.week], lambda week: week_bounds(week, self.organisation.zone))

    @cached_property
    def tickets(self) -> pd.DataFrame:
        """What is told of every ticket, by ticket_id: `_TICKETS` as far as the export has them."""
        return tickets_told(self.warehouse)

    @cached_property
    def values(self) -> dict[tuple[str, str], Any]:
        """The weekly values of the week over all channels, by team and metric."""
        rows = self.warehouse.read("facts", "weekly_values", weeks=[self.week])
        return {(row.team, row.metric): row for row in rows_of(rows[rows["channel"] == ALL])}

    def behind(self, names: Iterable[str], team: str) -> Iterator[TicketList]:
        """The lists behind some metrics of a team's week, by their names; all teams' rows are counted together."""
        for name in names:
            yield self._list_of(CATALOGUE[name], team)

    def count_all(self, names: Iterable[str]) -> None:
        """Count the rows of several metrics in as few questions to the engine as there are kinds of rows."""
        asked = [CATALOGUE[name] for name in names if name not in self._rows and name not in _AT_WEEK_END]
        kinds = sorted((each for each in asked if self._why_none(each) is None), key=_kind_of_rows)
        if kinds:
            engine = self.warehouse.engine()
            try:
                relations = _Relations(self, engine)
                for _, group in itertools.groupby(kinds, _kind_of_rows):
                    self._rows.update(relations.rows_counted(list(group)))
            finally:
                engine.disconnect()

    @cached_property
    def _rows(self) -> dict[str, pd.DataFrame]:
        """What counts in a metric, by its name: ticket_id, team, value and, of promises, by how much they are over."""
        return {}

    def _why_none(self, metric: Metric) -> str | None:
        """Why no tickets can be listed behind a metric in this week, for any team."""
        if (reason := analysis.why_no_list(metric)) is not None:
            return reason
        if metrics.settled(metric, self.weeks, as_of=self.as_of).empty:
            return f"Known only {metric.settles_days} days after the week has ended."
        reasons = [row.missing for (_, name), row in self.values.items() if name == metric.name]
        return str(reasons[0]) if reasons and all(isinstance(each, str) for each in reasons) else None

    def _list_of(self, metric: Metric, team: str) -> TicketList:
        why = self._why_none(metric)
        if why is None:
            own = self.values.get((team, metric.name))
            why = own.missing if own is not None and isinstance(own.missing, str) else None
        if why is not None:
            return TicketList(metric.name, title_of(metric), "", self.nothing, why)
        limit = self.limit_of(metric, team)
        rows = analysis.listed_rows(metric, self._rows_of_team(metric.name, team), limit=limit)
        sentence = _sentence_of(metric, limit, self.goal_of(metric, team) is not None)
        if metric.name == "csat" and 0 < self._people(rows) < self.organisation.privacy.minimum_group:
            few = f"Fewer than {self.organisation.privacy.minimum_group} customers were dissatisfied: not listed."
            return TicketList(metric.name, title_of(metric), sentence, self.nothing, few)
        return TicketList(metric.name, title_of(metric), sentence, self.with_details(rows, team))

    def goal_of(self, metric: Metric, team: str) -> float | None:
        """The goal in force on the week's Monday."""
        return self.organisation.team(team).goal(metric.name, self.weeks["first_day"].iloc[0])

    def limit_of(self, metric: Metric, team: str) -> float | None:
        """What a time or mean must be beyond to be listed: the goal, else the week's own number or its bound."""
        own = self.values.get((team, metric.name))
        if analysis.side_of(metric) != "beyond" or own is None:
            return None
        goal = self.goal_of(metric, team)
        return goal if goal is not None else own.value if is_known(own.value) else own.low

    def with_details(self, rows: pd.DataFrame, team: str) -> pd.DataFrame:
        """`analysis.COLUMNS` of rows that have a ticket_id, the worst first."""
        if team not in self._told:
            self._told[team] = analysis.tickets_to_list(self.tickets, self.hiding(team), as_of=pd.Timestamp(self.as_of))
        return analysis.worst_first(rows, self._told[team])

    def hiding(self, team: str) -> analysis.Hiding:
        """The queues, reasons and channels, also together, with which enough people have ever written to the team."""
        own = self.tickets[self.tickets["team"] == team]
        return analysis.groups_to_name(own, minimum=self.organisation.privacy.minimum_group)

    @property
    def is_newest(self) -> bool:
        """Whether what is open now belongs to this week."""
        return is_newest(self.weeks["end_at"].iloc[0], self.as_of)

    def open_lists(self, team: str) -> list[TicketList]:
        """The lists of what the team has open at the end of the export, in the order of `OPEN_LISTS`."""
        own = self.tickets[self.tickets["team"] == team]
        return open_lists(own, self._promises, self.organisation, team, self.as_of)

    @cached_property
    def _promises(self) -> pd.DataFrame:
        opened = self.tickets[self.tickets["status"].isin(list(ACTIVE))]
        return promises(self.warehouse, self.organisation, opened)

    @cached_property
    def _told(self) -> dict[str, pd.DataFrame]:
        return {}

    @cached_property
    def _by_team(self) -> dict[str, Mapping[str, pd.DataFrame]]:
        return {}

    def narrowed(self, name: str, team: str, groups: Mapping[str, str]) -> TicketList:
        """The list behind a metric for some group of tickets, where enough people wrote those that count in it.

        Args:
            name: of the metric.
            team: whose week.
            groups: values by column: priority, queue, channel or contact_reason.
        """
        whole = self._list_of(CATALOGUE[name], team)
        if whole.missing or not groups:
            return whole
        counted = self._rows_of_team(name, team)
        about = self.tickets.reindex(counted["ticket_id"])
        lacking = [column for column in groups if column not in about]
        sentence = f"{whole.sentence}; {', '.join(labels.phrase(name, value) for name, value in groups.items())}"
        if lacking:
            why = f"Not in this export: {' and '.join(lacking)} of the tickets."
            return replace(whole, sentence=sentence, rows=self.nothing, missing=why)
        inside = np.logical_and.reduce([(about[column] == value).to_numpy() for column, value in groups.items()])
        minimum = self.organisation.privacy.minimum_group
        if self._people(counted[inside]) < minimum:
            why = f"Fewer than {minimum} people wrote tickets of that group which count here: not listed."
            return replace(whole, sentence=sentence, rows=self.nothing, missing=why)
        among = whole.rows["ticket_id"].isin(counted.loc[inside, "ticket_id"])
        return replace(whole, sentence=sentence, rows=whole.rows[among].reset_index(drop=True))

    def _rows_of_team(self, name: str, team: str) -> pd.DataFrame:
        """What counts in a metric for a team: ticket_id, value, and what is told beside it."""
        if name in _AT_WEEK_END:
            held = self._held[self._held["team"] == team]
            is_part = 1.0 if name == "backlog_closing" else held[name].astype("float64")
            return held[["ticket_id", "team"]].assign(value=is_part)
        self.count_all([name])
        rows = self._rows[name]
        if name not in self._by_team:
            self._by_team[name] = {str(each): own for each, own in rows.groupby("team", sort=False)}
        return self._by_team[name].get(team, rows.head(0))

    def _people(self, rows: pd.DataFrame) -> int:
        return int(distinct_people(self.tickets.reindex(rows["ticket_id"]).reset_index(drop=True)).nunique())

    @property
    def nothing(self) -> pd.DataFrame:
        """A list of no tickets."""
        return pd.DataFrame(columns=list(analysis.COLUMNS))

    @cached_property
    def _held(self) -> pd.DataFrame:
        """What each team held at the week's end: ticket_id, team, and how it stood: `_AT_WEEK_END`."""
        end = pd.Timestamp(self.weeks["end_at"].iloc[0])
        columns = ["ticket_id", "team", "status", "assignee_id", "start_at", "end_at"]
        weeks = [week for week in self.warehouse.weeks("facts", "spells") if week <= self.week]
        held = analysis.held_at(
            self.warehouse.read("facts", "spells", columns=columns, weeks=weeks), end, ACTIVE
        ).reset_index(drop=True)
        tickets = self.tickets.reindex(held["ticket_id"]).reset_index()
        waits = analysis.waits_at(self._events_of(tickets), tickets, end)
        return pd.DataFrame(
            {
                "ticket_id": held["ticket_id"],
                "team": held["team"],
                "backlog_unassigned": held["assignee_id"].isna(),
                "backlog_unreplied": waits["unreplied"].to_numpy(),
                "unanswered_questions": waits["unanswered"].to_numpy(),
            }
        )

    def _events_of(self, tickets: pd.DataFrame) -> pd.DataFrame:
        """All events of some tickets, but for what they say."""
        columns = ["ticket_id", "sequence", "occurred_at", "event", "actor_role"]
        if not self.warehouse.has("standard", "ticket_events") or tickets.empty:
            return pd.DataFrame(columns=columns).astype({"occurred_at": "datetime64[us, UTC]"})
        there = self.warehouse.weeks("standard", "ticket_events")
        first = tickets["created_at"].min().tz_convert(str(self.organisation.zone)).isocalendar()
        since = f"{first[0]}-W{first[1]:02d}"
        weeks = [week for week in there if since <= week <= self.week] if there else None
        return self.warehouse.read("standard", "ticket_events", columns=columns, weeks=weeks)


class _Relations:
    """The relations of an engine in which a week's metrics count."""

    def __init__(self, week: WeekTickets, engine: ibis.BaseBackend) -> None:
        self.week, self.engine = week, engine
        self.relations: dict[str, ir.Table] = {}

    def rows_counted(self, members: list[Metric]) -> dict[str, pd.DataFrame]:
        """What counts in metrics of one kind of rows, by their names."""
        first = members[0]
        also = _SLA_COLUMNS if first.fact == "sla" else ()
        rows = self._relation(first.fact, is_of_week=first.dated_by == "week")
        wide = metrics.rows_counted(members, rows, self.week.weeks.iloc[0], also=also).to_pandas()
        if also:
            wide["over_seconds"] = wide["elapsed_seconds"] - wide["target_seconds"]
            wide["due_at"] = wide["breached_at"]
        columns = ["ticket_id", "team", *(("over_seconds", "due_at", "breached_at") if also else ())]
        counted = {}
        for metric in members:
            above, below = wide[f"{metric.name}|above"], wide[f"{metric.name}|below"]
            counts = (below > 0) & above.notna()
            counted[metric.name] = wide.loc[counts, columns].assign(value=above[counts])
        return counted

    def _relation(self, fact: str, *, is_of_week: bool) -> ir.Table:
        name = f"{fact} of the week" if is_of_week else fact
        if name not in self.relations:
            warehouse = self.week.warehouse
            needed = {"tickets", fact} & {"tickets", "replies", "sla", "solves"}
            tables = {
                each: warehouse.scan(self.engine, "facts", each, [self.week.week] if is_of_week else None)
                for each in needed
            }
            if fact in ("surveys", "offers"):
                tables["satisfaction"] = warehouse.scan(self.engine, "standard", "satisfaction")
            live = self.week.organisation.live_channels
            self.relations[name] = metrics.relation(fact, tables, live_channels=live)
        return self.relations[name]


def tickets_told(warehouse: Warehouse, team: str | None = None) -> pd.DataFrame:
    """What is told of tickets, of those that a team holds now or of all, by ticket_id.

    Args:
        warehouse: where the facts lie.
        team: whose; None is everybody's.
    """
    told = warehouse.columns("tickets") | {"ticket_id", "team", "created_at", "status", "first_reply_at"}
    columns = [name for name in _TICKETS if name in told]
    return warehouse.read("facts", "tickets", columns=columns, teams=None if team is None else [team]).set_index(
        "ticket_id"
    )


def open_lists_of(warehouse: Warehouse, organisation: Organisation, team: str, as_of: datetime) -> list[TicketList]:
    """`open_lists` of one team, read from a warehouse."""
    own = tickets_told(warehouse, team)
    opened = own[own["status"].isin(list(ACTIVE))]
    return open_lists(own, promises(warehouse, organisation, opened), organisation, team, as_of)


def open_lists(
    own: pd.DataFrame, promised: pd.DataFrame, organisation: Organisation, team: str, as_of: datetime
) -> list[TicketList]:
    """The lists of what a team has open at the end of the export, in the order of `OPEN_LISTS`.

    Args:
        own: the tickets that the team holds, of `tickets_told`.
        promised: of `promises`.
        organisation: its teams with their calendars.
        team: who holds the tickets now.
        as_of: the instant up to which the exports know the world.

    Notes:
        A promise on a business clock runs out where the team's calendar has counted what is left of it; one whose clock
        stands still in the ticket's status does not run out until that changes.
    """
    now = pd.Timestamp(as_of)
    opened = own[own["status"].isin(list(ACTIVE))]
    hiding = analysis.groups_to_name(own, minimum=organisation.privacy.minimum_group)
    told = analysis.tickets_to_list(opened, hiding, as_of=now)
    promised = promised[promised["ticket_id"].isin(opened.index)]
    late = promised[(promised["state"] == "breached") & (promised["metric"] == "first_reply")]
    late = late.assign(over_seconds=late["elapsed_seconds"] - late["target_seconds"], due_at=late["breached_at"])
    calendar = organisation.calendar(organisation.team(team).calendar)
    due = _due_soon(promised[promised["state"] == "running"], opened, calendar, as_of)
    old = opened.index[(now - opened["created_at"]) > pd.Timedelta(days=OLD_DAYS)]
    rows = {
        "late_without_reply": analysis.worst_first(late, told),
        "about_to_breach": analysis.worst_first(due, told).sort_values("due_at", kind="stable", ignore_index=True),
        "oldest_open": analysis.worst_first(pd.DataFrame({"ticket_id": old}), told),
    }
    return [TicketList(name, _TITLES[name], _OF_OPEN[name], rows[name]) for name in OPEN_LISTS]


def promises(warehouse: Warehouse, organisation: Organisation, opened: pd.DataFrame) -> pd.DataFrame:
    """What was promised on open tickets and is not kept yet: columns of facts/sla.

    Args:
        warehouse: where the facts lie.
        organisation: its zone dates the weeks.
        opened: the tickets, by ticket_id as the index, with created_at.
    """
    columns = ["ticket_id", "metric", "clock", *_SLA_COLUMNS, "state", "ended_at"]
    created = opened["created_at"].dt.tz_convert(str(organisation.zone)).dt.strftime("%G-W%V").unique()
    weeks = sorted(set(created) & set(warehouse.weeks("facts", "sla")))
    try:
        rows = warehouse.read("facts", "sla", columns=columns, weeks=weeks)
    except NotInExport:
        return pd.DataFrame(columns=columns)
    return rows[rows["ended_at"].isna() & rows["ticket_id"].isin(opened.index)]


def _due_soon(running: pd.DataFrame, opened: pd.DataFrame, calendar: Calendar, as_of: datetime) -> pd.DataFrame:
    """The promises that run out by the end of the next open day, the first of each ticket: ticket_id, due_at."""
    status = running["ticket_id"].map(opened["status"])
    stands_still = pd.Series(False, index=running.index)
    for metric, statuses in _RUNS_IN.items():
        stands_still |= (running["metric"] == metric) & ~status.isin(statuses)
    running = running[~stands_still]
    left = (running["target_seconds"] - running["elapsed_seconds"]).to_numpy("float64")
    now = as_of.timestamp()
    today = as_of.astimezone(UTC).date()
    ahead = OpenClock(calendar, today, today + timedelta(days=_AHEAD_DAYS + 365))
    on_clock = ahead.instant_at(ahead.seconds_at([now])[0] + left)
    due = np.where(running["clock"].to_numpy() == "business", on_clock, now + left)
    horizon = end_of_next_open_day(calendar, as_of)
    rows = running[["ticket_id"]].assign(due_at=pd.to_datetime(due, unit="s", utc=True).as_unit("us"))
    rows = rows[due <= horizon.timestamp()].sort_values("due_at", kind="stable")
    return rows.drop_duplicates("ticket_id")


def end_of_next_open_day(calendar: Calendar, as_of: datetime) -> datetime:
    """The midnight that ends the first local day, after that of an instant, on which a calendar is open.

    Args:
        calendar: of a team.
        as_of: an instant.

    >>> from opslib.settings import Calendar
    >>> hours = [{"from": "2020-01-01", "days": {"mon-fri": ["09:00-17:00"]}}]
    >>> office = Calendar(name="office", time_zone="UTC", hours=hours)
    >>> end_of_next_open_day(office, datetime(2026, 11, 13, 12, tzinfo=UTC)).isoformat()
    '2026-11-17T00:00:00+00:00'
    """
    today = as_of.astimezone(ZoneInfo(calendar.time_zone)).date()
    clock = OpenClock(calendar, today - timedelta(days=2), today + timedelta(days=_AHEAD_DAYS + 2))
    midnights = [_midnight(calendar, today + timedelta(days=ahead)) for ahead in range(1, _AHEAD_DAYS + 1)]
    counted = clock.seconds_at([each.timestamp() for each in midnights])
    is_open = np.flatnonzero(np.diff(counted) > 0)
    return midnights[int(is_open[0]) + 1] if len(is_open) else midnights[-1]


def _midnight(calendar: Calendar, day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(calendar.time_zone))


def title_of(metric: Metric) -> str:
    """What the list behind a metric is called."""
    if metric.name in _TITLES or analysis.why_no_list(metric) is not None:
        return _TITLES.get(metric.name, metric.label)
    if metric.family == "sla":
        return f"Late: {metric.label.removesuffix(' within SLA').lower()}"
    if analysis.side_of(metric) == "beyond":
        return f"Slowest: {metric.label}" if metric.unit == "seconds" else f"Most: {metric.label}"
    return metric.label


def _kind_of_rows(metric: Metric) -> tuple[str, str, str]:
    return (metric.fact, metric.dated_by, metric.team)


def _sentence_of(metric: Metric, limit: float | None, has_goal: bool) -> str:
    """Which tickets a list holds, in a sentence without a full stop."""
    if metric.family == "sla":
        return f"{metric.label}: promises that ran out in the week and were not kept by then"
    if analysis.side_of(metric) == "beyond" and limit is not None and not pd.isna(limit):
        whose = "goal" if has_goal else "week's own number"
        beyond = f"{metric.label}: beyond the {whose} of {words.value(limit, metric.unit)}"
        return f"{beyond}; open tickets with what they have waited" if metric.kind == "quantile" else beyond
    if analysis.side_of(metric) == "failed":
        return f"{metric.label}: those that count in it and are not among them"
    return f"{metric.label}: those that it counts"
