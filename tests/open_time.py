"""When a calendar is open, read off the wall clock of its zone minute by minute: the twin of `opslib.calendars`.

Nothing is shared with the product but the settings. A stretch begins when the clock first shows its start or later, and
ends when it shows its end for the last time, or passes it for the last time where it never shows it; an end at 24:00 is
when the clock first shows the next day. Hours are to the minute here.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from opslib.settings import Calendar

_MARGIN = timedelta(days=3)
_DAY = 86_400


class OpenMinutes:
    """The open minutes of a calendar from one UTC day to before another."""

    def __init__(self, calendar: Calendar, first: date, last: date) -> None:
        self.first_second = _minute_of(first) * 60
        self.is_open = _is_open(calendar, first, last)
        self._before = np.concatenate([[0], np.cumsum(60 * self.is_open.astype(np.int64))])

    @property
    def changes(self) -> np.ndarray:
        """The instants (seconds since 1970) at which it opens or closes."""
        return np.asarray(self.first_second + 60 * (1 + np.flatnonzero(np.diff(self.is_open))))

    def seconds_before(self, seconds: np.ndarray) -> np.ndarray:
        """Open seconds from the first day to each instant (seconds since 1970)."""
        minutes, rest = np.divmod(seconds - self.first_second, 60)
        inside = np.append(self.is_open, False)[minutes]
        return np.asarray(self._before[minutes] + rest * inside)

    def instants_at(self, counts: np.ndarray) -> np.ndarray:
        """The earliest instants (seconds since 1970) at which so many open seconds, one or more, have passed."""
        minutes = np.searchsorted(self._before, counts) - 1
        return np.asarray(self.first_second + 60 * minutes + counts - self._before[minutes])


def _is_open(calendar: Calendar, first: date, last: date) -> np.ndarray:
    """A flag for each minute of the UTC days."""
    start, stop = first - _MARGIN, last + _MARGIN
    wall = _wall_minutes(ZoneInfo(calendar.time_zone), _minute_of(start), _minute_of(stop))
    latest_so_far = np.maximum.accumulate(wall)
    earliest_from_here = np.minimum.accumulate(wall[::-1])[::-1]

    def first_shown(minute: int) -> int:
        """The first place at which the clock shows a time or a later one."""
        return int(np.searchsorted(latest_so_far, minute))

    def last_shown(minute: int) -> int:
        """The last place at which the clock shows a time; where it skips it, the place of the change."""
        last = int(np.searchsorted(earliest_from_here, minute, side="right")) - 1
        return last if wall[last] == minute else last + 1

    flags = np.zeros(wall.size, dtype=bool)
    holidays = calendar.holidays.dates(range(start.year, stop.year + 1))
    for day in (start + timedelta(days=number) for number in range(1, (stop - start).days - 1)):
        if day in holidays:
            continue
        entries = [entry for entry in calendar.hours if entry.start <= day] or [calendar.hours[0]]
        for begin, end in entries[-1].by_weekday()[day.weekday()]:
            close = _minute_of(day) + end // 60
            opens = first_shown(_minute_of(day) + begin // 60)
            flags[opens : first_shown(close) if end == _DAY else last_shown(close)] = True
    margin = _MARGIN // timedelta(minutes=1)
    return flags[margin:-margin]


def _wall_minutes(zone: ZoneInfo, start: int, stop: int) -> np.ndarray:
    """What the clock of a zone shows at each minute; the offset is read on the hour, and by the minute at a change."""

    def offset(minute: int) -> int:
        shift = datetime.fromtimestamp(60 * minute, zone).utcoffset()
        assert shift is not None
        return shift // timedelta(minutes=1)

    on_the_hour = np.array([offset(minute) for minute in range(start, stop + 1, 60)])
    offsets = np.repeat(on_the_hour[:-1], 60)
    for hour in np.flatnonzero(np.diff(on_the_hour)).tolist():
        offsets[60 * hour : 60 * hour + 60] = [offset(start + 60 * hour + minute) for minute in range(60)]
    return np.arange(start, stop) + offsets


def _minute_of(day: date) -> int:
    """The minute since 1970 at which a day begins: in UTC, or as a wall clock shows it."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) // 60
