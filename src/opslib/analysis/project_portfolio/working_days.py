"""Durations and dates in working days, holidays left out."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from opslib.analysis.methods.columns import Floats
from opslib.calendars import working_days
from opslib.settings import Calendar

Days = npt.NDArray[np.datetime64]

_BEFORE, _AFTER = np.timedelta64(400, "D"), np.timedelta64(3660, "D")


class WorkingDays:
    """A line on which a unit is a working day: 0 is the start of its first one, 0.5 the noon of it, 1 its end.

    Args:
        days: working days (datetime64[D]), in order.

    Raises:
        ValueError: there are none.

    >>> week = WorkingDays(np.array(["2026-11-09", "2026-11-10", "2026-11-12", "2026-11-13"], dtype="datetime64[D]"))
    >>> week.start_of("2026-11-12").tolist(), week.end_of("2026-11-12").tolist()
    (2.0, 3.0)
    >>> str(week.day_of_end(2.4))
    '2026-11-12'
    """

    def __init__(self, days: Days) -> None:
        self.days: Days = np.asarray(days, dtype="datetime64[D]")
        if not self.days.size:
            raise ValueError("the calendar has no working day in these years")

    @classmethod
    def of_calendar(cls, calendar: Calendar, dates: npt.ArrayLike) -> WorkingDays:
        """Those of a calendar from a year before the first of the dates to ten years after the last.

        Args:
            calendar: whose hours and holidays hold.
            dates: all days that are asked for, in any order; those that are missing (NaT) are passed over.

        Raises:
            ValueError: there are no dates, or the calendar is never open.
        """
        given = np.asarray(dates, dtype="datetime64[D]").ravel()
        given = given[~np.isnat(given)]
        if not given.size:
            raise ValueError("no date says which years the plan is of")
        first, last = (given.min() - _BEFORE).astype(date), (given.max() + _AFTER).astype(date)
        return cls(working_days(calendar, first, last))

    def start_of(self, day: Any) -> Floats:
        """Working days before a day: where it starts; NaN where it is missing."""
        return self._count(day, "left")

    def end_of(self, day: Any) -> Floats:
        """Working days up to a day and with it: where it ends; NaN where it is missing."""
        return self._count(day, "right")

    def between(self, start: Any, end: Any) -> Floats:
        """Working days from one day to another, both included; NaN where one of them is missing."""
        return np.asarray(self.end_of(end) - self.start_of(start))

    def day_of_end(self, place: Any) -> Days:
        """The working day on which something ends that ends at a place; NaT where it is NaN or beyond the calendar."""
        return self._day(np.ceil(np.round(np.asarray(place, dtype=np.float64), 9)) - 1)

    def day_of_start(self, place: Any) -> Days:
        """The working day on which something starts that starts at a place; NaT where it is NaN or beyond."""
        return self._day(np.floor(np.round(np.asarray(place, dtype=np.float64), 9)))

    def _day(self, index: Floats) -> Days:
        inside = (index < self.days.size) & ~np.isnan(index)
        place = np.where(inside, np.maximum(index, 0), 0).astype(np.int64)
        return np.where(inside, self.days[place], np.datetime64("NaT", "D"))

    def _count(self, day: Any, side: Any) -> Floats:
        at = np.asarray(day, dtype="datetime64[D]")
        counted = np.searchsorted(self.days, at, side=side).astype(np.float64)
        return np.where(np.isnat(at), np.nan, counted)
