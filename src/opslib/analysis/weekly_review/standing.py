"""What a team holds at an instant: the last closing time before a weekend, and how old that is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.calendars import OpenClock
from opslib.settings import Calendar
from opslib.weeks import monday_of

NOT_OPEN: Final = ("solved", "closed", "merged", "deleted", "spam")
AGES: Final = (
    ("under 1 day", 0.0, 1.0),
    ("1 to 3 days", 1.0, 3.0),
    ("3 to 7 days", 3.0, 7.0),
    ("over 7 days", 7.0, np.inf),
)
"""Words for an age, and from and below how many calendar days it is meant."""

_DAY: Final = 86_400.0
_LOOK_BACK_DAYS: Final = 14


def closing_times(weeks: Sequence[str], calendar: Calendar) -> npt.NDArray[np.float64]:
    """The end of the last open hour that begins on a Friday or before it, of each week.

    Args:
        weeks: ISO weeks.
        calendar: of the team.

    Returns:
        Seconds since 1970: on a Friday at closing time, on the day before where Friday is closed; Friday's midnight for
        a team that never closes, or that was not open in the two weeks before.
    """
    fridays = [monday_of(week) + timedelta(days=4) for week in weeks]
    midnights = np.array([_midnight_after(friday, calendar.time_zone) for friday in fridays])
    clock = OpenClock(calendar, min(fridays) - timedelta(days=_LOOK_BACK_DAYS), max(fridays) + timedelta(days=2))
    counted = clock.seconds_at(midnights)
    closed = clock.instant_at(counted)
    return np.where((counted > 0) & (closed <= midnights), closed, midnights)


def open_at(spells: pd.DataFrame, instants: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """How many tickets were open at instants.

    Args:
        spells: status, start_at, end_at (null where it has not ended), a row per stretch of a ticket in one status.
        instants: seconds since 1970.

    Returns:
        Tickets neither solved, closed, merged, deleted nor marked as spam at each of them.
    """
    held = spells[~spells["status"].isin(NOT_OPEN)]
    starts, ends = (np.sort(_seconds(held[name])) for name in ("start_at", "end_at"))
    begun, over = (np.searchsorted(each, instants, side="right") for each in (starts, ends[~np.isnan(ends)]))
    return (begun - over).astype(np.int64)


def ages_at(spells: pd.DataFrame, instant: float) -> pd.DataFrame:
    """How old the tickets are that are open at an instant.

    Args:
        spells: as `open_at` takes them, with created_at of the ticket.
        instant: seconds since 1970.

    Returns:
        age (words), tickets: a row for each of `AGES`.
    """
    held = spells[~spells["status"].isin(NOT_OPEN)]
    start, end = _seconds(held["start_at"]), _seconds(held["end_at"])
    now = (start <= instant) & ~(end <= instant)
    days = (instant - _seconds(held["created_at"])[now]) / _DAY
    rows = [(words, int(((days >= low) & (days < high)).sum())) for words, low, high in AGES]
    return pd.DataFrame(rows, columns=["age", "tickets"])


def arrivals(created_at: pd.Series, calendar: Calendar) -> pd.DataFrame:
    """When tickets arrive, by weekday and hour of the team's own clock.

    Args:
        created_at: instants.
        calendar: of the team.

    Returns:
        weekday (0 is Monday), hour, tickets, closed (those of them that arrived while the team was closed): 168 rows.
    """
    local = created_at.dt.tz_convert(calendar.time_zone)
    every = pd.MultiIndex.from_product([range(7), range(24)], names=["weekday", "hour"])
    if created_at.empty:
        return pd.DataFrame({"tickets": 0, "closed": 0}, index=every).reset_index()
    at = _seconds(created_at)
    clock = OpenClock(calendar, _day_of(at.min()) - timedelta(days=1), _day_of(at.max()) + timedelta(days=2))
    is_closed = clock.seconds_at(at + 1) == clock.seconds_at(at)
    keys = [local.dt.day_of_week.rename("weekday"), local.dt.hour.rename("hour")]
    counted = pd.Series(is_closed, index=created_at.index).groupby(keys).agg(["size", "sum"])
    counted.columns = ["tickets", "closed"]
    return counted.reindex(every, fill_value=0).astype("int64").reset_index()


def _seconds(instants: pd.Series) -> npt.NDArray[np.float64]:
    """Seconds since 1970, NaN where there is no instant."""
    plain = instants.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    return np.where(np.isnat(plain), np.nan, plain.astype(np.int64) / 1e6)


def _midnight_after(day: date, zone: str) -> float:
    return datetime.combine(day + timedelta(days=1), datetime.min.time(), ZoneInfo(zone)).timestamp()


def _day_of(seconds: float) -> date:
    return date(1970, 1, 1) + timedelta(days=int(seconds // _DAY))
