from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from opslib.analysis.project_portfolio.working_days import WorkingDays
from opslib.calendars import working_days
from opslib.settings import Calendar
from tests.analysis.project_portfolio.plans import OFFICE


def test_a_week_with_thanksgiving_has_four_working_days():
    days = WorkingDays.of_calendar(OFFICE, ["2026-11-23", "2026-12-31"])
    assert days.between("2026-11-23", "2026-11-29") == 4
    assert days.between("2026-11-26", "2026-11-26") == 0
    assert np.isnan(days.between("2026-11-23", "NaT"))


def test_places_and_days_turn_into_each_other():
    days = WorkingDays.of_calendar(OFFICE, ["2026-11-23"])
    wednesday, friday = days.end_of("2026-11-25"), days.end_of("2026-11-27")
    assert str(days.day_of_end(wednesday)) == "2026-11-25"
    assert str(days.day_of_end(wednesday + 0.01)) == "2026-11-27"
    assert str(days.day_of_start(wednesday)) == "2026-11-27"
    assert friday - wednesday == 1
    assert np.isnat(days.day_of_end([np.nan, 1e6])).all()


def test_hours_that_change_change_the_working_days():
    calendar = Calendar(
        name="team",
        time_zone="UTC",
        hours=[
            {"from": "2026-01-01", "days": {"mon-fri": ["09:00-17:00"]}},
            {"from": "2026-02-02", "days": {"mon-sat": ["09:00-17:00"]}},
        ],
    )
    assert len(working_days(calendar, date(2026, 1, 26), date(2026, 2, 2))) == 5
    assert len(working_days(calendar, date(2026, 2, 2), date(2026, 2, 9))) == 6


def test_a_calendar_that_is_never_open_is_refused():
    with pytest.raises(ValueError, match="no working day"):
        WorkingDays(np.array([], dtype="datetime64[D]"))
    with pytest.raises(ValueError, match="no date"):
        WorkingDays.of_calendar(OFFICE, ["NaT"])
