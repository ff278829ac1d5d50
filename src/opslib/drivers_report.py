"""What the notebook on contact drivers calls: why customers write to a team, what moved, what is new, what to escalate.

As `report`: every function takes what `open_drivers` gives and returns a tidy frame; `show` draws such frames.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np
import pandas as pd

from opslib import calendars
from opslib.analysis import drivers, escalation, language, movers
from opslib.analysis.movers import ALL
from opslib.display import drivers as show
from opslib.display import words
from opslib.display.headline import Headline, Line
from opslib.intake.privacy import redact
from opslib.report import Week

__all__ = [
    "Drivers",
    "Escalation",
    "brief",
    "emerging",
    "escalations",
    "forms",
    "headline",
    "history",
    "labels",
    "languages",
    "moved",
    "open_drivers",
    "pareto",
    "per_segment",
    "register",
    "show",
    "top_escalation",
    "topics",
    "warnings",
]

RANKED_WEEKS = 4
HISTORY_WEEKS = 26
TEXT_WEEKS = 13
AREA, TABLE = "published", "escalations"
_SEASON_WEEKS = 62
_EXCERPT = 280
_ASKED_BACK_WITHIN = timedelta(minutes=10)
_LIGHT = (
    *("ticket_id", "week", "created_at", "contact_reason", "channel", "language", "region", "form", "priority"),
    *("requester_id", "counts_in_speed", "agent_work_business_seconds", "reopens", "first_queue", "solved_queue"),
    *("first_team", "solved_team"),
)
_FIELDS = ("contact_reason", "channel", "language", "region", "form", "priority", "requester_id")


@dataclass(frozen=True)
class Escalation:
    """A candidate with the evidence that a product team asks for."""

    escalation_id: str
    team: str
    team_label: str
    week: str
    row: pd.Series
    trend: pd.DataFrame
    segments: pd.DataFrame
    links: pd.DataFrame
    examples: tuple[str, ...]
    tickets: pd.DataFrame


@dataclass(frozen=True)
class Drivers:
    """A team's contacts up to a week. Spam, merged and deleted tickets are left out."""

    week: Week

    @property
    def minimum_group(self) -> int:
        """How many people a group must have to be shown."""
        return self.week.organisation.privacy.minimum_group

    @cached_property
    def weeks(self) -> list[str]:
        """The complete weeks that the warehouse knows up to this one, at most those that a season needs, and 26."""
        known = set(self.week.warehouse.weeks("facts", "weekly_values"))
        names = [calendars.shift_week(self.week.week, -back) for back in range(_SEASON_WEEKS - 1, -1, -1)]
        return [name for name in names if name in known]

    @cached_property
    def tickets(self) -> pd.DataFrame:
        """One row per ticket of these weeks, with its local day and survey answer; without what the export lacks."""
        given = self.week.warehouse.columns("tickets")
        lacking = [name for name in _FIELDS if name not in given]
        rows = self.week.warehouse.read(
            "facts",
            "tickets",
            columns=[name for name in (*_LIGHT, "team") if name not in lacking],
            weeks=self.weeks,
            teams=[self.week.team],
        )
        rows = rows[rows["counts_in_speed"].fillna(True).astype(bool)].reset_index(drop=True)
        zone = self.week.organisation.zone
        rows["day"] = rows["created_at"].dt.tz_convert(str(zone)).dt.strftime("%Y-%m-%d").astype("str")
        if "contact_reason" not in rows:
            rows["contact_reason"] = pd.Series(pd.NA, index=rows.index, dtype="str")
        return rows.merge(self._answers, on="ticket_id", how="left")

    @cached_property
    def recent(self) -> pd.DataFrame:
        """The tickets of the last four weeks, on which rankings and forms rest."""
        return self.tickets[self.tickets["week"].isin(self.weeks[-RANKED_WEEKS:])].reset_index(drop=True)

    @cached_property
    def texts(self) -> pd.DataFrame:
        """The texts of the last thirteen weeks, as of `analysis.language.texts_of`."""
        raw = self.raw_texts
        return language.texts_of(raw)

    @cached_property
    def raw_texts(self) -> pd.DataFrame:
        """Subjects and descriptions of the last thirteen weeks, as redacted at intake."""
        given = self.week.warehouse.columns("tickets")
        wanted = [name for name in ("subject", "description", "language", "contact_reason") if name in given]
        rows = self.week.warehouse.read(
            "facts",
            "tickets",
            columns=["ticket_id", "week", "counts_in_speed", *wanted, "team"],
            weeks=self.weeks[-TEXT_WEEKS:],
            teams=[self.week.team],
        )
        return rows[rows["counts_in_speed"].fillna(True).astype(bool)].reset_index(drop=True)

    @cached_property
    def corpus(self) -> language.Corpus:
        """The words and phrases of the texts of the weeks that phrases, topics and labels look at."""
        recent = self.weeks[-(movers.TRAILING_WEEKS + 2) :]
        return language.corpus_of(self.texts[self.texts["week"].isin(recent)])

    @cached_property
    def counts(self) -> pd.DataFrame:
        """Tickets per week, reason and segment, as of `analysis.movers.weekly_counts`."""
        return movers.weekly_counts(self.tickets, self.weeks)

    @cached_property
    def movers(self) -> pd.DataFrame:
        """As of `analysis.movers.weekly_movers`."""
        return movers.weekly_movers(self.counts, self.week.week)

    @cached_property
    def phrases(self) -> pd.DataFrame:
        """As of `analysis.language.emerging_phrases`."""
        return language.emerging_phrases(self.corpus, self.week.week)

    @cached_property
    def days(self) -> list[str]:
        """The local days of the last thirteen weeks, oldest first."""
        return _days(self, self.weeks[-TEXT_WEEKS:])

    @cached_property
    def subjects(self) -> pd.DataFrame:
        """The tickets of the last thirteen weeks with their text in lower case, where there is one."""
        rows = self.tickets[self.tickets["day"].isin(self.days)]
        return rows.merge(self.texts[["ticket_id", "text"]], on="ticket_id", how="left")

    @cached_property
    def candidates(self) -> pd.DataFrame:
        """As of `analysis.escalation.candidates`."""
        if self.tickets.empty:
            return pd.DataFrame(columns=list(escalation.CANDIDATE_COLUMNS))
        return escalation.candidates(self.subjects, self.movers, self.phrases, days=self.days)

    @cached_property
    def register(self) -> pd.DataFrame:
        """All escalations of the team so far, as of `analysis.escalation.REGISTER_COLUMNS`."""
        if not self.week.warehouse.has(AREA, TABLE):
            return pd.DataFrame(columns=list(escalation.REGISTER_COLUMNS))
        return self.week.warehouse.read(AREA, TABLE, teams=[self.week.team])

    @cached_property
    def _answers(self) -> pd.DataFrame:
        """The last survey answer of each ticket: satisfied 1.0 or 0.0."""
        if not self.week.warehouse.columns("satisfaction"):
            return pd.DataFrame({"ticket_id": pd.Series(dtype="str"), "satisfied": pd.Series(dtype="float64")})
        answers = self.week.warehouse.read("standard", "satisfaction").sort_values("answered_at", kind="stable")
        best = answers["scale_max"].astype("float64").fillna(5.0)
        good = answers["score"] >= np.where(best == 2, 2.0, 0.8 * best)
        frame = pd.DataFrame({"ticket_id": answers["ticket_id"], "satisfied": good.astype("float64")})
        return frame.drop_duplicates("ticket_id", keep="last")


def open_drivers(week: Week) -> Drivers:
    """Open the contacts of a team's week. Where the export labels no ticket, all are `not labelled`."""
    return Drivers(week)


def headline(contacts: Drivers) -> Headline:
    """The numbers that stand above the report: tickets, movers, new phrases, what to escalate."""
    if contacts.weeks[-1:] != [contacts.week.week] or contacts.recent.empty:
        return Headline([], has_data=False)
    whole = contacts.counts[(contacts.counts["dimension"] == ALL) & (contacts.counts["contact_reason"] == ALL)]
    spark = tuple(float(count) for count in whole["count"].iloc[-13:])
    own = contacts.movers[(contacts.movers["dimension"] == ALL) & contacts.movers["discovery"]]
    reasons = own[own["contact_reason"] != ALL]
    up = [str(reason) for reason in reasons.loc[reasons["excess"] > 0, "contact_reason"]]
    first = contacts.candidates["subject"].iloc[0] if len(contacts.candidates) else ""
    lines = [
        (
            "Contacts",
            f"{spark[-1]:,.0f}",
            words.change(spark[-2], spark[-1], "count") if len(spark) > 1 else "",
            "",
            spark,
        ),
        ("Reasons that moved", f"{len(reasons)}", "", f"up: {words.listed(up[:3])}" if up else "", ()),
        ("New phrases", f"{len(contacts.phrases)}", "", words.listed(list(contacts.phrases["phrase"].head(3))), ()),
        ("To escalate", f"{len(contacts.candidates)}", "", f"first: {first}" if first else "", ()),
    ]
    marked = (bool((own["contact_reason"] == ALL).any()), bool(len(reasons)), bool(len(contacts.phrases)), bool(first))
    return Headline(
        [
            Line(label=label, value=value, better="lower", change=change, signal=signal, note=note, spark=history)
            for (label, value, change, note, history), signal in zip(lines, marked, strict=True)
        ],
        has_data=True,
    )


def pareto(contacts: Drivers, *, activity: pd.DataFrame | None = None) -> pd.DataFrame:
    """Reasons of the last four weeks by tickets, with what they cost; as `analysis.drivers.pareto`.

    Args:
        contacts: of `open_drivers`.
        activity: active users of the same four weeks: users, and channel, language or region where it is split.
    """
    found = drivers.pareto(contacts.recent, minimum_group=contacts.minimum_group, activity=activity)
    return found.assign(weeks=min(RANKED_WEEKS, len(contacts.weeks)), week=contacts.week.week)


def per_segment(contacts: Drivers, by: str, *, activity: pd.DataFrame | None = None) -> pd.DataFrame:
    """The same within each value of `by` (channel, language, region); no row where the export has no such field."""
    if by not in contacts.recent or contacts.recent[by].notna().sum() == 0:
        return drivers.pareto(contacts.recent.head(0).assign(**{by: ""}), minimum_group=1, by=by)
    return drivers.pareto(contacts.recent, minimum_group=contacts.minimum_group, activity=activity, by=by)


def moved(contacts: Drivers) -> pd.DataFrame:
    """What moved in the week; as `analysis.movers.weekly_movers`, with history (the last thirteen weeks)."""
    wide = contacts.counts.pivot_table(index=["dimension", "segment", "contact_reason"], columns="week", values="count")
    names = [name for name in contacts.weeks[-13:] if name in wide]
    past = wide[names].apply(tuple, axis=1).rename("history").reset_index() if len(wide) else wide.reset_index()
    keys = ["dimension", "segment", "contact_reason"]
    return contacts.movers.merge(past, on=keys, how="left") if "history" in past else contacts.movers.assign(history=())


def history(contacts: Drivers, reason: str = "", *, shown: int = HISTORY_WEEKS) -> pd.DataFrame:
    """Tickets of a reason per week with what the eight weeks before each predicted.

    Args:
        contacts: of `open_drivers`.
        reason: a contact reason; empty: the one that moved most in the week.
        shown: how many weeks.

    Returns:
        contact_reason, week, count, expected, low, high, discovery (a mover of its week).
    """
    if not reason:
        first = contacts.movers.query("dimension == 'all' and contact_reason != 'all'")
        reason = str(first["contact_reason"].iloc[0]) if len(first) else ""
    team = contacts.counts[contacts.counts["dimension"] == ALL]
    columns = ["contact_reason", "week", "count", "expected", "low", "high", "discovery"]
    if not reason:
        return pd.DataFrame(columns=columns)
    team = contacts.counts[contacts.counts["dimension"] == ALL]
    found = movers.movers_by_week(team, contacts.weeks[-shown:])
    return found.loc[found["contact_reason"] == reason, columns].reset_index(drop=True)


def warnings(contacts: Drivers) -> pd.DataFrame:
    """Early warnings on the days of the week; as `analysis.movers.early_warnings`."""
    known = _days(contacts, contacts.weeks[-(movers.TRAILING_WEEKS + 2) :])
    return movers.early_warnings(movers.daily_counts(contacts.tickets, known), known[-7:])


def emerging(contacts: Drivers) -> pd.DataFrame:
    """New words and phrases; as `analysis.language.emerging_phrases`."""
    return contacts.phrases


def languages(contacts: Drivers) -> pd.DataFrame:
    """Which languages have texts enough; as `analysis.language.languages_looked_at`."""
    return language.languages_looked_at(contacts.texts, contacts.week.week)


def topics(contacts: Drivers) -> pd.DataFrame:
    """Topics of the texts; as `analysis.language.topics`."""
    return language.topics(contacts.corpus, contacts.week.week)


def labels(contacts: Drivers) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Accuracy of a classifier of texts, and the labels that it contradicts; as `analysis.language.label_check`."""
    weeks = contacts.weeks[-movers.TRAILING_WEEKS :]
    return language.label_check(contacts.corpus.within(weeks))


def forms(contacts: Drivers) -> pd.DataFrame:
    """Which choices lead to misrouting, "other", or a reply that asks back; as `analysis.drivers.form_choices`."""
    rows = contacts.recent
    where = ("first_queue", "solved_queue") if rows["first_queue"].notna().any() else ("first_team", "solved_team")
    known = rows[where[0]].notna() & rows[where[1]].notna()
    outcomes = rows.assign(
        misrouted=(rows[where[0]] != rows[where[1]]).astype("float64").where(known),
        labelled_other=drivers.is_catch_all(rows["contact_reason"]).astype("float64"),
    )
    asked = _asked_back(contacts, contacts.weeks[-RANKED_WEEKS:])
    if asked is not None:
        outcomes = outcomes.merge(asked, on="ticket_id", how="left")
    return drivers.form_choices(outcomes, minimum_group=contacts.minimum_group)


def escalations(contacts: Drivers) -> pd.DataFrame:
    """Candidates for product feedback; as `analysis.escalation.candidates`."""
    return contacts.candidates


def top_escalation(contacts: Drivers, rank: int = 1) -> Escalation | None:
    """The candidate of a rank with its evidence; None where there are not so many."""
    if rank > len(contacts.candidates):
        return None
    return brief(contacts, contacts.candidates.iloc[rank - 1])


def brief(contacts: Drivers, row: pd.Series) -> Escalation:
    """The evidence for a candidate.

    Args:
        contacts: of `open_drivers`.
        row: of `escalations`.
    """
    rows = contacts.subjects
    mine = subject_tickets(rows, row)
    since = rows["day"] >= row["onset_on"]
    own = rows[mine & since]
    zone = contacts.week.organisation.zone
    low = pd.Timestamp(row["onset_low"] or row["onset_on"], tz=str(zone)).tz_convert("UTC")
    high = pd.Timestamp(row["onset_high"] or row["onset_on"], tz=str(zone)).tz_convert("UTC") + pd.Timedelta(days=1)
    links = escalation.linked_causes(
        str(row["reason"]) or None,
        tuple(own["ticket_id"]),
        onset_low=low,
        onset_high=high,
        tool_requests=_known_by_then(contacts, "tool_requests", "opened_at"),
        policy_changes=_known_by_then(contacts, "policy_changes", "effective_at"),
    )
    chosen = language.typical(contacts.texts, list(own["ticket_id"]))
    trend = weekly_of(contacts, row)
    return Escalation(
        escalation_id=escalation_id(contacts.week.week, contacts.week.team, str(row["subject"])),
        team=contacts.week.team,
        team_label=contacts.week.label,
        week=contacts.week.week,
        row=row,
        trend=trend.rename_axis("week").rename("tickets").reset_index(),
        segments=escalation.affected_segments(rows[since], mine[since], minimum_group=contacts.minimum_group),
        links=links,
        examples=tuple(_excerpts(contacts.raw_texts, chosen)),
        tickets=own,
    )


def register(contacts: Drivers) -> pd.DataFrame:
    """What was escalated before and what became of it; as `analysis.escalation.REGISTER_COLUMNS`."""
    known = contacts.register
    return known[known["escalated_week"] <= contacts.week.week].reset_index(drop=True)


def subject_tickets(rows: pd.DataFrame, row: pd.Series) -> pd.Series:
    """Which of the tickets belong to the subject of a candidate or a row of the register."""
    said = [phrase for phrase in str(row["phrases"]).split(";") if phrase]
    return escalation.members(rows, str(row["reason"]) or None, said)


def weekly_of(contacts: Drivers, row: pd.Series) -> pd.Series:
    """Tickets of that subject per week, the last thirteen weeks."""
    names = contacts.weeks[-TEXT_WEEKS:]
    own = contacts.subjects[subject_tickets(contacts.subjects, row)]
    return own.groupby("week").size().reindex(names, fill_value=0).astype("int64")


def escalation_id(week: str, team: str, subject: str) -> str:
    """A name that is safe as a file name and the same for the same subject.

    >>> escalation_id("2026-W41", "us-creators", "draft_sync_loss")
    '2026-W41-us-creators-draft-sync-loss-cbe0'
    """
    plain = re.sub(r"[^a-z0-9]+", "-", subject.lower()).strip("-")[:40].strip("-") or "subject"
    safe_team = re.sub(r"[^a-z0-9]+", "-", team.lower()).strip("-")
    return f"{week}-{safe_team}-{plain}-{zlib.crc32(subject.encode()) & 0xFFFF:04x}"


def _days(contacts: Drivers, weeks: Sequence[str]) -> list[str]:
    if not weeks:
        return []
    bounds = contacts.week.weeks(weeks)
    span = pd.date_range(bounds["first_day"].min(), bounds["last_day"].max(), freq="D")
    return list(span.strftime("%Y-%m-%d"))


def _known_by_then(contacts: Drivers, table: str, dated_by: str) -> pd.DataFrame | None:
    """The rows of a table up to the week's end; None where the export has no such table."""
    store = contacts.week.warehouse
    if not store.columns(table):
        return None
    rows = store.read("standard", table)
    known: pd.DataFrame = rows[rows[dated_by] < contacts.week.weeks([contacts.week.week])["end_at"].iloc[0]]
    return known


def _excerpts(raw: pd.DataFrame, ticket_ids: Sequence[str]) -> list[str]:
    """Subject and beginning of the tickets, redacted once more: redaction may have learnt since they were taken in."""
    texts = raw.set_index("ticket_id").reindex(list(ticket_ids))
    found = []
    for row in texts.to_dict("records"):
        said = [str(row[name]) for name in ("subject", "description") if isinstance(row.get(name), str)]
        plain = " ".join(re.sub(r"<[^<>]{0,500}>", " ", " — ".join(said)).split())
        masked = redact(plain)[0]
        found.append(masked if len(masked) <= _EXCERPT else masked[: _EXCERPT - 1].rsplit(" ", 1)[0] + "…")
    return found


def _asked_back(contacts: Drivers, weeks: Sequence[str]) -> pd.DataFrame | None:
    """Whether the first agent's reply put the ticket on pending, and the customer wrote again.

    Texts of replies are in no export; an agent who needs to know more answers and sets the ticket to pending, and the
    next thing that happens is the customer's answer. None where the export has no such events.
    """
    store = contacts.week.warehouse
    if not {"actor_role", "value"} <= store.columns("ticket_events") or not store.files(
        "standard", "ticket_events", weeks
    ):
        return None
    columns = ["ticket_id", "occurred_at", "event", "actor_role", "value"]
    events = store.read("standard", "ticket_events", columns=columns, weeks=weeks)
    events = events[events["event"].isin(["public_comment", "status"])]
    events = events[events["ticket_id"].isin(contacts.recent["ticket_id"])]
    comment = events["event"] == "public_comment"
    replied = events[comment & (events["actor_role"] == "agent")].groupby("ticket_id")["occurred_at"].min()
    since = events["occurred_at"] - events["ticket_id"].map(replied)
    waits = ~comment & (events["value"] == "pending") & since.between(timedelta(0), _ASKED_BACK_WITHIN)
    writes = comment & (events["actor_role"] == "requester") & (since > timedelta(0))
    asked = replied.index.isin(events.loc[waits, "ticket_id"]) & replied.index.isin(events.loc[writes, "ticket_id"])
    found = pd.DataFrame({"ticket_id": replied.index, "asked_back": asked.astype("float64")})
    return found if len(found) else None
