"""Where and when it happens: what the team holds at its closing time, when tickets arrive, where replies are late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import pandas as pd

from opslib.analysis.methods.small_groups import groups_to_hide
from opslib.analysis.weekly_review import standing as analysis
from opslib.errors import NotInExport
from opslib.reports.weekly_review.frames import Review
from opslib.settings import Calendar
from opslib.weeks import monday_of, shift_week

WEEKS: Final = 13
_MEASURE: Final = "first_reply"
"""The promise whose places are shown: most of a team's work is under it."""
ANOTHER_TEAM: Final = "another team"
_BANDS: Final = {"urgent": "urgent, high", "high": "urgent, high"}
ALL_QUEUES: Final = "all queues"
_ROW: Final = ("channel", "priority")
_PLACE: Final = (*_ROW, "queue")
_NOT_TOLD: Final = "not told"


def standing(review: Review) -> pd.DataFrame:
    """What the team held when it closed for the weekend, thirteen weeks.

    Returns:
        week, closes_at (an instant in the team's zone), tickets, closed (the holidays that close the team in that
        week, "" for none), one row per week of which the export tells it.
    """
    columns = ["week", "closes_at", "tickets", "closed"]
    spells = review.spells
    known = set(review.week.own_values["week"])
    weeks = [week for week in (shift_week(review.week.week, -back) for back in reversed(range(WEEKS))) if week in known]
    if spells.empty or not weeks or not review.week.has_data:
        return pd.DataFrame(columns=columns)
    calendar = _calendar(review)
    times = analysis.closing_times(weeks, calendar)
    closes_at = pd.to_datetime(times, unit="s", utc=True).tz_convert(calendar.time_zone)
    frame = pd.DataFrame({"week": weeks, "closes_at": closes_at, "tickets": analysis.open_at(spells, times)})
    return review.week.with_closures(frame)[columns]


def days(review: Review) -> pd.DataFrame:
    """What came in and what went out on each day of the week.

    Returns:
        day (a date), came, went, left (at midnight), closed (the holiday that closes the team, "" for none).
    """
    rows, first, last = review.backlog_days, *_days_of(review)
    own = rows[[first <= day <= last for day in rows["day"]]] if review.week.has_data else rows.head(0)
    holidays = review.week.days()
    came = own[["created", "reopened", "moved_in"]].sum(axis="columns")
    went = own[["solved", "deleted", "merged", "moved_out"]].sum(axis="columns")
    closed = [holidays.get(day, "") for day in own["day"]]
    frame = pd.DataFrame({"day": own["day"], "came": came, "went": went, "left": own["closing"], "closed": closed})
    return frame.reset_index(drop=True)


def ages(review: Review) -> pd.DataFrame:
    """How old what the team holds at the week's end is.

    Returns:
        age (words), tickets.
    """
    spells = review.spells
    if spells.empty or not review.week.has_data:
        return pd.DataFrame(columns=["age", "tickets"])
    end = review.week.bounds[1]
    held = spells[(spells["start_at"] <= end) & ~(spells["end_at"] <= end)]
    created = review.week.tickets_of(held["week"].unique(), ["ticket_id", "created_at"])
    return analysis.ages_at(held.merge(created, on="ticket_id"), end.timestamp())


def arrivals(review: Review) -> pd.DataFrame:
    """When the week's tickets arrived, by the team's own clock.

    Returns:
        weekday (0 is Monday), hour, tickets, closed (those that arrived while the team was closed).
    """
    own = review.week.tickets_of([review.week.week], ["created_at", "team", "first_team"])
    is_ours = own["first_team"].fillna(own["team"]) == review.week.team
    return analysis.arrivals(own.loc[is_ours, "created_at"], _calendar(review))


def late_places(review: Review) -> pd.DataFrame:
    """Where the promised first replies that were decided in the week were late.

    Returns:
        channel, priority (urgent and high together), queue (in which the ticket first was; `another team` where that
        was another team's, `all queues` for the sum), due, late, is_few (of too few people to be shown, or needed so
        that these stay unknown; due and late are null there), one row per place.
    """
    columns = [*_PLACE, "due", "late", "is_few"]
    week = review.week
    decided = _decided(review)
    if decided.empty or not week.has_data:
        return pd.DataFrame(columns=columns)
    told = week.tickets_of(decided["week"].unique(), _told(review)).set_index("ticket_id")
    rows = told.reindex(decided["ticket_id"]).reset_index().assign(late=(decided["state"] == "breached").to_numpy())
    for name in _PLACE:
        source = "first_queue" if name == "queue" else name
        rows[name] = rows[source].fillna(_NOT_TOLD) if source in rows else _NOT_TOLD
    rows["priority"] = rows["priority"].replace(_BANDS)
    rows["queue"] = rows["queue"].mask(rows["first_team"].fillna(week.team) != week.team, ANOTHER_TEAM)
    minimum = week.organisation.privacy.minimum_group
    # Where the sum of a row must not be told, what would tell it must not either.
    is_hidden = groups_to_hide(rows, list(_ROW), minimum=minimum)
    is_few = is_hidden | groups_to_hide(rows, list(_PLACE), minimum=minimum, totals=[list(_ROW), []])
    cells = _counted(rows.assign(is_few=is_few), _PLACE)
    sums = _counted(rows.assign(queue=ALL_QUEUES, is_few=is_hidden), _PLACE)
    return pd.concat([cells, sums], ignore_index=True)[columns]


def _counted(rows: pd.DataFrame, groups: Sequence[str]) -> pd.DataFrame:
    """How many replies were due and late in each group, null where it is of too few people."""
    grouped = rows.groupby(list(groups), sort=True)
    counts = grouped.agg(due=("late", "size"), late=("late", "sum"), is_few=("is_few", "any")).reset_index()
    told = ~counts["is_few"]
    return counts.assign(
        due=counts["due"].where(told).astype("float64"), late=counts["late"].where(told).astype("float64")
    )


def _decided(review: Review) -> pd.DataFrame:
    """The promised first replies that were kept, or broken when their time ran out, in the week; as the metric has it.

    Their promises began in the weeks up to it: `facts/sla` lies by the week of the ticket.
    """
    columns = ["ticket_id", "week", "team", "metric", "state", "breached_at", "ended_at"]
    store = review.week.warehouse
    weeks = [week for week in store.weeks("facts", "sla") if week <= review.week.week]
    try:
        rows = store.read("facts", "sla", columns=columns, weeks=weeks, teams=[review.week.team])
    except NotInExport:
        return pd.DataFrame(columns=columns)
    rows = rows[(rows["metric"] == _MEASURE) & rows["state"].isin(["met", "breached"])]
    decided_at = rows["breached_at"].where(rows["state"] == "breached", rows["ended_at"])
    first, last = (pd.Timestamp(each) for each in review.week.bounds)
    return rows[(decided_at >= first) & (decided_at < last)]


def _told(review: Review) -> list[str]:
    told = review.week.warehouse.columns("tickets")
    optional = [name for name in ("channel", "priority", "requester_id") if name in told]
    return ["ticket_id", *optional, "first_queue", "first_team"]


def _days_of(review: Review) -> tuple[date, date]:
    """The first day of the week and its last."""
    monday = monday_of(review.week.week)
    return monday, monday + timedelta(days=6)


def _calendar(review: Review) -> Calendar:
    return review.week.organisation.calendar(review.week.settings.calendar)
