"""Business hours: exact to the second, in any zone of the tz database, over every DST change.

How a schedule becomes instants:

- Dates name local days of the calendar's zone, and ranges of dates are half open.
- A stretch runs from the instant of its local start to the instant of its local end. A wall time that DST repeats
  counts as its first occurrence for a start and as its second for an end, so that the longer stretch is open; one that
  DST skips is the instant of the change. So 24/7 has days of 23 and 25 hours, and 00:00-08:00 on those days 7 and 9.
- An end at 24:00 is the end of the local day, the first instant of the next.
- A stretch past midnight belongs to the day on which it starts: a holiday closes the stretches that start on it, and
  the evening before a holiday runs to its end.
- Overlapping stretches are open once.
- The first entry of `hours` also holds before its `from` date, because exports hold tickets older than the settings.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.settings import Calendar, Organisation
from opslib.weeks import epoch_at_wall, monday_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

DAY_SECONDS = 86_400

_Seconds = npt.NDArray[np.int64]

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_PAIR = re.compile(r"^open_(\d+)$")


def day_table(calendars: Iterable[Calendar], start: date, end: date) -> pd.DataFrame:
    """Open segments per calendar and UTC day, for joins in any engine.

    Args:
        calendars: calendars with different names.
        start: first UTC day.
        end: the UTC day after the last.

    Returns:
        One row per calendar and utc_date (a date), sorted by them: open_before (open seconds of the calendar from
        `start` to before that day), open_in_day, and open_1, close_1, open_2, close_2, … (seconds of the UTC day; as
        many pairs as the busiest day of all needs, 0 and 0 where a day has fewer). All counts are int64.

    Raises:
        ValueError: the range has no day, or two calendars have the same name.
    """
    calendars = list(calendars)
    names = [calendar.name for calendar in calendars]
    if len(set(names)) < len(names):
        raise ValueError(f"two calendars of the day table have the same name: {', '.join(sorted(names))}")
    if end <= start:
        raise ValueError(f"from {start} to before {end} there is no day")
    first_day, last_day = start.toordinal() - _EPOCH_ORDINAL, end.toordinal() - _EPOCH_ORDINAL
    days = np.arange(first_day, last_day)
    pieces = {
        calendar.name: _pieces(*_segments(calendar, first_day * DAY_SECONDS, last_day * DAY_SECONDS))
        for calendar in calendars
    }
    pairs = max((int(rank.max()) + 1 for _, rank, _, _ in pieces.values() if rank.size), default=1)
    dates = [date.fromordinal(int(day) + _EPOCH_ORDINAL) for day in days]
    tables = []
    for name in sorted(names):
        day, rank, opens, closes = pieces[name]
        edges = np.zeros((len(days), 2 * pairs), dtype=np.int64)
        edges[day - first_day, 2 * rank] = opens
        edges[day - first_day, 2 * rank + 1] = closes
        in_day = edges[:, 1::2].sum(axis=1) - edges[:, 0::2].sum(axis=1)
        columns: dict[str, Any] = {"calendar": name, "utc_date": dates, "open_before": np.cumsum(in_day) - in_day}
        columns["open_in_day"] = in_day
        for pair in range(pairs):
            columns[f"open_{pair + 1}"], columns[f"close_{pair + 1}"] = edges[:, 2 * pair], edges[:, 2 * pair + 1]
        tables.append(pd.DataFrame(columns))
    return pd.concat(tables, ignore_index=True)


def week_days(calendar: Calendar, week: str) -> dict[date, str]:
    """The days of a week on which a calendar has hours, open or closed.

    Args:
        calendar: the calendar.
        week: ISO week; its days are the calendar's own.

    Returns:
        By day, in order, the name of the holiday that closes it; "" where it is open.
    """
    return _days_by_week(calendar, [week])[week]


def working_days(calendar: Calendar, start: date, end: date) -> npt.NDArray[np.datetime64]:
    """The days on which a calendar has hours and no holiday closes it.

    Args:
        calendar: the calendar; the days are its own.
        start: the first day.
        end: the day after the last.

    Returns:
        Days (datetime64[D]), in order.

    >>> from opslib.settings import Calendar
    >>> hours = [{"from": "2020-01-01", "days": {"mon-fri": ["09:00-17:00"]}}]
    >>> office = Calendar(name="office", time_zone="UTC", hours=hours, holidays={"country": "US"})
    >>> working_days(office, date(2026, 7, 1), date(2026, 7, 8)).astype(str).tolist()
    ['2026-07-01', '2026-07-02', '2026-07-06', '2026-07-07']
    """
    days = np.arange(np.datetime64(start, "D"), np.datetime64(end, "D"))
    ordinals = days.astype(np.int64) + _EPOCH_ORDINAL
    since = [entry.start.toordinal() for entry in calendar.hours]
    has_hours = np.array([[bool(stretches) for stretches in entry.by_weekday()] for entry in calendar.hours])
    entry = np.maximum(np.searchsorted(since, ordinals, side="right") - 1, 0)
    closed = [day.toordinal() for day in calendar.holidays.dates(range(start.year, end.year + 1))]
    working: npt.NDArray[np.datetime64] = days[has_hours[entry, (ordinals - 1) % 7] & ~np.isin(ordinals, closed)]
    return working


def closures(calendar: Calendar, weeks: Iterable[str]) -> dict[str, str]:
    """By week the holidays of a calendar on days on which it would be open.

    Args:
        calendar: the calendar.
        weeks: ISO weeks.

    Returns:
        Names, joined by `, `; no entry for a week without one.
    """
    names = {week: ", ".join(filter(None, days.values())) for week, days in _days_by_week(calendar, weeks).items()}
    return {week: name for week, name in names.items() if name}


def closed_weeks(organisation: Organisation, weeks: Iterable[str]) -> dict[tuple[str, str], str]:
    """By team and week the holidays on days on which the team would be open: `closures` of its calendar.

    Args:
        organisation: its teams and their calendars.
        weeks: ISO weeks.
    """
    weeks = list(weeks)
    names = {calendar.name: closures(calendar, weeks) for calendar in organisation.calendars}
    return {(team.name, week): name for team in organisation.teams for week, name in names[team.calendar].items()}


def _days_by_week(calendar: Calendar, weeks: Iterable[str]) -> dict[str, dict[date, str]]:
    """By week the days on which a calendar has hours, with the name of the holiday where one closes it."""
    days_of = {week: [monday_of(week) + timedelta(days=place) for place in range(7)] for week in weeks}
    names = calendar.holidays.dates({day.year for days in days_of.values() for day in days})
    since, hours = [entry.start for entry in calendar.hours], [entry.by_weekday() for entry in calendar.hours]
    return {
        week: {day: names.get(day, "") for day in days if hours[max(bisect_right(since, day) - 1, 0)][day.weekday()]}
        for week, days in days_of.items()
    }


class OpenClock:
    """The open seconds of one calendar at instants, and back, for columns in memory.

    Args:
        calendar: the calendar.
        start: first UTC day; open seconds count from it.
        end: the UTC day after the last.

    >>> from opslib.settings import Calendar
    >>> hours = [{"from": "2020-01-01", "days": {"mon-fri": ["09:00-17:00"]}}]
    >>> clock = OpenClock(Calendar(name="office", time_zone="UTC", hours=hours), date(2026, 6, 1), date(2026, 6, 8))
    >>> monday = (date(2026, 6, 1).toordinal() - date(1970, 1, 1).toordinal()) * 86_400
    >>> clock.seconds_at([monday + 10 * 3600]).tolist(), (clock.instant_at([3600]) - monday).tolist()
    ([3600.0], [36000.0])
    """

    def __init__(self, calendar: Calendar, start: date, end: date) -> None:
        edges = [(day.toordinal() - _EPOCH_ORDINAL) * DAY_SECONDS for day in (start, end)]
        opens, closes = _segments(calendar, *edges)
        lengths = closes - opens
        self._opens, self._before = opens.astype(np.float64), (np.cumsum(lengths) - lengths).astype(np.float64)
        self._lengths, self._end = lengths.astype(np.float64), float(edges[1])

    def seconds_at(self, instants: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Open seconds at instants.

        Args:
            instants: seconds since 1970, within the clock's days.

        Returns:
            Open seconds since the clock's first day; NaN where the instant is.
        """
        at = np.asarray(instants, dtype=np.float64)
        if not len(self._opens):
            return np.where(np.isnan(at), np.nan, 0.0)
        place = np.maximum(np.searchsorted(self._opens, at, side="right") - 1, 0)
        inside = np.clip(at - self._opens[place], 0.0, self._lengths[place])
        counted: npt.NDArray[np.float64] = self._before[place] + inside
        return counted

    def instant_at(self, seconds: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The first instants at which so many open seconds have passed.

        Args:
            seconds: open seconds since the clock's first day.

        Returns:
            Seconds since 1970; the end of the clock's days where it does not count so far; NaN where seconds is.
        """
        count = np.asarray(seconds, dtype=np.float64)
        if not len(self._opens):
            return np.where(np.isnan(count), np.nan, self._end)
        place = np.maximum(np.searchsorted(self._before, count, side="left") - 1, 0)
        inside = count - self._before[place]
        return np.where(inside > self._lengths[place], self._end, self._opens[place] + inside)


def open_seconds_at(table: ir.Table, instant_column: str, calendar_column: str, days: ir.Table) -> ir.Table:
    """Add the open seconds that a calendar has counted at an instant.

    The open seconds between two instants of the same calendar are the difference of their counts.

    Args:
        table: has a column of instants and a column with the name of a calendar.
        instant_column: timestamps with a time zone in whole seconds, or whole seconds since 1970 (int64). Where many
            instants are counted, bring seconds: DuckDB takes longer for a timestamp's distance from 1970 than for
            everything else here.
        calendar_column: a name of `days.calendar`.
        days: `day_table` as a table of the same backend. It must span every instant.

    Returns:
        The table with `<instant_column>_open` (int64): null where the instant or the calendar is null or not in `days`.

    Raises:
        TypeError: the instant column is neither.
    """
    import ibis

    rows = table.mutate(_second=_epoch_seconds(table, instant_column))
    rows = rows.mutate(_day=rows["_second"] // DAY_SECONDS)
    right = days.mutate(_of_day_number=days.utc_date.epoch_days().cast("int64")).drop("utc_date")
    right = right.rename({f"_of_day_{column}": column for column in days.columns if column != "utc_date"})
    day_rows = rows.left_join(
        right,
        [rows[calendar_column] == right["_of_day_calendar"], rows["_day"] == right["_of_day_number"]],
    )
    second = day_rows["_second"] - day_rows["_day"] * DAY_SECONDS
    open_seconds = day_rows["_of_day_open_before"]
    for number in _pair_numbers(days):
        opens, closes = day_rows[f"_of_day_open_{number}"], day_rows[f"_of_day_close_{number}"]
        open_seconds = open_seconds + ibis.greatest(ibis.least(second, closes) - opens, 0)
    return day_rows.select(*table.columns, **{f"{instant_column}_open": open_seconds.cast("int64")})


def instant_at_open(
    table: ir.Table, open_column: str, calendar_column: str, days: ir.Table, *, name: str = "reached_at"
) -> ir.Table:
    """Add the earliest instant at which a calendar has counted so many open seconds: the inverse of `open_seconds_at`.

    The breach of a target of N > 0 business seconds from an instant is at the count `<instant>_open + N`.

    Args:
        table: has a column with counts of open seconds and a column with the name of a calendar.
        open_column: int64, open seconds since the start of `days`.
        calendar_column: a name of `days.calendar`.
        days: `day_table` as a table of the same backend.
        name: the column to add.

    Returns:
        The table with `name` (timestamp, UTC), which lies in opening hours or at closing time: null where the count or
        the calendar is null, where the count is not positive, and where `days` ends before the count is reached.
    """
    import ibis

    pairs = _pair_numbers(days)
    open_days = days.filter(days.open_in_day > 0)
    right = open_days.mutate(
        _of_day_epoch=open_days.utc_date.epoch_days().cast("int64") * DAY_SECONDS,
    ).rename({f"_of_day_{column}": column for column in days.columns})
    day_rows = table.asof_join(
        right,
        on=table[open_column] > right["_of_day_open_before"],
        predicates=[table[calendar_column] == right["_of_day_calendar"]],
    )
    left = day_rows[open_column] - day_rows["_of_day_open_before"]
    branches = []
    for number in pairs:
        opens, closes = day_rows[f"_of_day_open_{number}"], day_rows[f"_of_day_close_{number}"]
        branches.append((left <= closes - opens, day_rows["_of_day_epoch"] + opens + left))
        left = left - (closes - opens)
    reached = ibis.cases(*branches).cast("int64").as_timestamp("s").cast("timestamp('UTC')")
    return day_rows.select(*table.columns, **{name: reached})


def _utc_date(seconds: int) -> date:
    return date.fromordinal(seconds // DAY_SECONDS + _EPOCH_ORDINAL)


def _segments(calendar: Calendar, first: int, last: int) -> tuple[_Seconds, _Seconds]:
    """Open and close (epoch seconds) of the sorted, disjoint segments from `first` to `last`."""
    zone = ZoneInfo(calendar.time_zone)
    # Local and UTC dates differ by a day at most, and a stretch ends on the day after its start at the latest.
    ordinals = range(_utc_date(first).toordinal() - 2, _utc_date(last).toordinal() + 3)
    years = range(date.fromordinal(ordinals[0]).year, date.fromordinal(ordinals[-1]).year + 1)
    closed = {day.toordinal() for day in calendar.holidays.dates(years)}
    since = [entry.start.toordinal() for entry in calendar.hours]
    weeks = [entry.by_weekday() for entry in calendar.hours]
    opens, closes = [], []
    for ordinal in ordinals:
        if ordinal in closed:
            continue
        week = weeks[max(bisect_right(since, ordinal) - 1, 0)]
        midnight = (ordinal - _EPOCH_ORDINAL) * DAY_SECONDS
        for start, end in week[(ordinal - 1) % 7]:
            opens.append(epoch_at_wall(midnight + start, zone, 0))
            closes.append(epoch_at_wall(midnight + end, zone, 0 if end == DAY_SECONDS else 1))
    return _merged(np.clip(np.array(opens, np.int64), first, last), np.clip(np.array(closes, np.int64), first, last))


def _merged(opens: _Seconds, closes: _Seconds) -> tuple[_Seconds, _Seconds]:
    """The union of stretches, without empty ones."""
    is_stretch = closes > opens
    order = np.argsort(opens[is_stretch], kind="stable")
    opens, closes = opens[is_stretch][order], closes[is_stretch][order]
    if not opens.size:
        return opens, closes
    reach = np.maximum.accumulate(closes)
    begins = np.concatenate([[True], opens[1:] > reach[:-1]])
    return opens[begins], reach[np.concatenate([begins[1:], [True]])]


def _pieces(opens: _Seconds, closes: _Seconds) -> tuple[_Seconds, _Seconds, _Seconds, _Seconds]:
    """Segments cut at UTC midnights: day since 1970, rank in the day, and open and close in seconds of the day."""
    first_days = opens // DAY_SECONDS
    counts = (closes - 1) // DAY_SECONDS - first_days + 1
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    day = np.repeat(first_days, counts) + within
    start = np.maximum(np.repeat(opens, counts) - day * DAY_SECONDS, 0)
    end = np.minimum(np.repeat(closes, counts) - day * DAY_SECONDS, DAY_SECONDS)
    rank = np.arange(day.size) - np.searchsorted(day, day, side="left")
    return day, rank, start, end


def _pair_numbers(days: ir.Table) -> list[int]:
    return sorted(int(match[1]) for column in days.columns if (match := _PAIR.match(column)))


def _epoch_seconds(table: ir.Table, column: str) -> ir.Value:
    """Whole seconds since 1970.

    Not `epoch_seconds()`: on DuckDB that goes through a local timestamp and follows the session's time zone.
    """
    import ibis

    instants = table[column]
    if instants.type().is_integer():
        return instants.cast("int64")
    if not (instants.type().is_timestamp() and instants.type().timezone is not None):
        raise TypeError(
            f"column {column!r} is {instants.type()}; it must be a timestamp with a time zone or seconds since 1970"
        )
    return instants.delta(ibis.timestamp("1970-01-01 00:00:00", timezone="UTC"), unit="second").cast("int64")
