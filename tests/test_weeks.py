"""ISO weeks on the wall clock of a zone, over DST and over the end of long years."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from opslib.weeks import NoSuchWeek, last_complete_week, shift_week, week_bounds, week_of_day, weeks_between

NEW_YORK = ZoneInfo("America/New_York")


def test_a_week_begins_at_the_zones_monday_midnight() -> None:
    assert week_bounds("2026-W47", NEW_YORK)[0] == datetime(2026, 11, 16, 5, tzinfo=UTC)
    assert week_bounds("2026-W46", "UTC")[1] == datetime(2026, 11, 16, tzinfo=UTC)


def test_the_days_around_new_year_belong_to_the_iso_year_of_their_thursday() -> None:
    days = [date(2026, 12, 28), date(2027, 1, 3), date(2027, 1, 4), date(2024, 12, 30)]
    assert [week_of_day(day) for day in days] == ["2026-W53", "2026-W53", "2027-W01", "2025-W01"]
    assert shift_week("2026-W53", 1) == "2027-W01"
    assert shift_week("2027-W01", -1) == "2026-W53"
    assert weeks_between("2026-W52", "2027-W02") == ["2026-W52", "2026-W53", "2027-W01", "2027-W02"]
    assert weeks_between("2027-W02", "2026-W52") == []


@pytest.mark.parametrize(("week", "hours"), [("2026-W10", 167), ("2026-W44", 169), ("2026-W45", 168)])
def test_a_week_with_a_dst_change_is_an_hour_shorter_or_longer(week: str, hours: int) -> None:
    start, end = week_bounds(week, NEW_YORK)
    assert (end - start) == timedelta(hours=hours)
    assert start.tzinfo is UTC
    assert start.astimezone(NEW_YORK).strftime("%a %H:%M") == "Mon 00:00"
    assert week_bounds(shift_week(week, 1), NEW_YORK)[0] == end


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe"])
def test_every_instant_lies_within_the_week_of_its_local_day(zone: str) -> None:
    random = np.random.default_rng(20261116)
    for second in random.integers(1_200_000_000, 1_900_000_000, 1000).tolist():
        instant = datetime.fromtimestamp(second, ZoneInfo(zone))
        start, end = week_bounds(week_of_day(instant.date()), zone)
        assert start <= instant < end


@pytest.mark.parametrize("week", ["2026-46", "2026W46", "2026-W4", "2025-W53", "2026-W00", "2026-W46 ", "W46"])
def test_a_bad_week_says_how_weeks_are_written(week: str) -> None:
    with pytest.raises(NoSuchWeek, match="like 2026-W46"):
        week_bounds(week, NEW_YORK)


def test_the_last_complete_week_has_ended_within_the_tolerance() -> None:
    end = week_bounds("2026-W46", NEW_YORK)[1]
    hours = timedelta(hours=1)
    assert last_complete_week(end, NEW_YORK, timedelta(0)) == "2026-W46"
    assert last_complete_week(end - timedelta(seconds=1), NEW_YORK, timedelta(0)) == "2026-W45"
    assert last_complete_week(end - 12 * hours, NEW_YORK, 12 * hours) == "2026-W46"
    assert last_complete_week(end - 13 * hours, NEW_YORK, 12 * hours) == "2026-W45"
    assert last_complete_week(end + 167 * hours, NEW_YORK, timedelta(0)) == "2026-W46"
    assert last_complete_week(end.astimezone(ZoneInfo("Asia/Tokyo")), NEW_YORK, timedelta(0)) == "2026-W46"
    with pytest.raises(ValueError, match="time zone"):
        last_complete_week(datetime(2026, 11, 16), NEW_YORK, timedelta(0))
