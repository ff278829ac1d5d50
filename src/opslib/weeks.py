"""ISO weeks: their names, days and instants in any zone of the tz database.

Weeks run from Monday to Monday on the wall clock of a zone, so a week of a DST change has 167 or 169 hours.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

_WEEK = re.compile(r"\d{4}-W\d{2}")
_DAY_SECONDS = 86_400
_EPOCH = datetime(1970, 1, 1)


class NoSuchWeek(ValueError):
    """A text names no ISO week; the message says what one looks like."""


def monday_of(week: str) -> date:
    """The first day of an ISO week.

    Raises:
        NoSuchWeek: the text is not written like a week, or the year has no such week.

    >>> monday_of("2026-W46").isoformat()
    '2026-11-09'
    """
    if not _WEEK.fullmatch(week):
        raise NoSuchWeek(f"{week!r} is no week; write an ISO week like 2026-W46")
    year, number = week.split("-W")
    try:
        return date.fromisocalendar(int(year), int(number), 1)
    except ValueError as error:
        raise NoSuchWeek(f"{week!r}: {year} has no week {number}; write an ISO week like 2026-W46") from error


def is_week(text: str) -> bool:
    """Whether a text is the name of an ISO week.

    >>> is_week("2026-W46"), is_week("2026-W54"), is_week("latest")
    (True, False, False)
    """
    try:
        monday_of(text)
    except NoSuchWeek:
        return False
    return True


def week_of_day(day: date) -> str:
    """The ISO week that a day lies in.

    >>> week_of_day(date(2027, 1, 3))
    '2026-W53'
    """
    year, number, _ = day.isocalendar()
    return f"{year:04d}-W{number:02d}"


def shift_week(week: str, n: int) -> str:
    """The week `n` weeks later (earlier where `n` is negative).

    Raises:
        NoSuchWeek: there is no such week.

    >>> shift_week("2026-W53", 1)
    '2027-W01'
    """
    return week_of_day(monday_of(week) + timedelta(weeks=n))


def weeks_between(first: str, last: str) -> list[str]:
    """All weeks from `first` to `last`, both included; none where `last` comes before `first`.

    Raises:
        NoSuchWeek: there is no such week.
    """
    start, end = monday_of(first).toordinal(), monday_of(last).toordinal()
    return [week_of_day(date.fromordinal(day)) for day in range(start, end + 1, 7)]


def week_bounds(week: str, zone: ZoneInfo | str) -> tuple[datetime, datetime]:
    """First instant of an ISO week and of the next, in UTC.

    Args:
        week: such as `2026-W46`.
        zone: the zone whose Mondays begin the weeks.

    Returns:
        The half-open stretch; 167 or 169 hours long in the weeks of a one-hour DST change.

    Raises:
        NoSuchWeek: there is no such week.

    >>> week_bounds("2026-W44", "America/New_York")[1].isoformat()
    '2026-11-02T05:00:00+00:00'
    """
    monday, zone = monday_of(week), ZoneInfo(zone) if isinstance(zone, str) else zone
    start, end = (epoch_of_midnight(monday + timedelta(days=days), zone) for days in (0, 7))
    return datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC)


def last_complete_week(as_of: datetime, zone: ZoneInfo | str, tolerance: timedelta = timedelta(0)) -> str:
    """The last week that has ended at `as_of`.

    Args:
        as_of: the tz-aware instant up to which the exports know the world.
        zone: the zone whose Mondays begin the weeks.
        tolerance: a week that ends up to this long after `as_of` counts as ended, because the last row of an export
            comes before the export's end.

    Returns:
        The last week whose end is not after `as_of + tolerance`.

    Raises:
        ValueError: `as_of` has no time zone.
    """
    if as_of.tzinfo is None:
        raise ValueError("as_of needs a time zone")
    reached = as_of.astimezone(UTC) + tolerance
    week = week_of_day(reached.date() + timedelta(days=7))
    while week_bounds(week, zone)[1] > reached:
        week = shift_week(week, -1)
    return week


def epoch_of_midnight(day: date, zone: ZoneInfo) -> int:
    """Epoch seconds at which a local day begins; where midnight is skipped, the instant of the change."""
    return epoch_at_wall((day.toordinal() - _EPOCH.toordinal()) * _DAY_SECONDS, zone, 0)


def epoch_at_wall(wall: int, zone: ZoneInfo, fold: Literal[0, 1]) -> int:
    """Epoch seconds at which the wall clock of a zone shows a time.

    Args:
        wall: seconds since 1970-01-01 00:00 on the wall clock.
        zone: whose clock.
        fold: which of the two instants, where DST shows the time twice.

    Returns:
        The `fold`-th instant where the time is shown twice, the instant of the change where it is skipped.
    """
    local = (_EPOCH + timedelta(seconds=wall)).replace(tzinfo=zone)
    before, after = _offset(local), _offset(local.replace(fold=1))
    if before >= after:
        return wall - (after if fold else before)
    # Skipped: at `wall - after` the old offset still holds, at `wall - before` the new one does.
    candidates = range(wall - after, wall - before + 1)
    return candidates[bisect_left(candidates, True, key=lambda at: _offset(datetime.fromtimestamp(at, zone)) != before)]


def _offset(moment: datetime) -> int:
    offset = moment.utcoffset()
    assert offset is not None
    return offset.days * _DAY_SECONDS + offset.seconds
