"""Weeks and business hours against published cases and a minute-by-minute twin."""

from __future__ import annotations

import time
from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from opslib.calendars import (
    OpenTime,
    day_table,
    instant_at_open,
    local_midnights,
    open_seconds_at,
    open_segments,
)
from opslib.settings import WEEKDAYS, Calendar, HolidayRule, WeeklyHours

NEW_YORK = ZoneInfo("America/New_York")
MINUTE = timedelta(minutes=1)


def a_calendar(
    days: dict[str, list[str]] | None, zone: str = "America/New_York", name: str = "office", **holidays: object
) -> Calendar:
    """A calendar with one entry of hours; without days it is always open."""
    hours = {"from": "2000-01-01", **({"always": True} if days is None else {"days": days})}
    return Calendar.model_validate({"name": name, "time_zone": zone, "hours": [hours], "holidays": holidays})


OFFICE = a_calendar({"mon-fri": ["09:00-17:00"]}, country="US")
DAILY = {day: ["00:00-24:00"] for day in WEEKDAYS}


def instants(*texts: str, zone: str = "UTC") -> pd.Series:
    return pd.Series([pd.Timestamp(text).tz_localize(zone) for text in texts]).dt.tz_convert("UTC")


def open_seconds(calendar: Calendar, start: str, end: str) -> float:
    """Open seconds between two local wall times."""
    zone = calendar.time_zone
    days = date.fromisoformat(start[:10]) - timedelta(days=2), date.fromisoformat(end[:10]) + timedelta(days=3)
    return float(OpenTime(calendar, *days).seconds_between(instants(start, zone=zone), instants(end, zone=zone))[0])


def test_local_midnights_follow_dst() -> None:
    midnights = local_midnights(date(2026, 10, 31), date(2026, 11, 3), NEW_YORK)
    assert midnights.tolist() == instants("2026-10-31T04:00", "2026-11-01T04:00", "2026-11-02T05:00").tolist()
    assert midnights.index.tolist() == pd.date_range("2026-10-31", periods=3).tolist()


def test_a_day_that_begins_with_a_skipped_hour_begins_at_the_change() -> None:
    """DST began at midnight in São Paulo on 2018-11-04: 00:00 was 01:00."""
    assert local_midnights(date(2018, 11, 4), date(2018, 11, 5), "America/Sao_Paulo").tolist() == [
        pd.Timestamp("2018-11-04T03:00Z")
    ]


# --- published and worked cases ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-10-30T16:00", "2026-11-02T10:00", 2),
        ("2026-11-25T16:00", "2026-11-27T10:00", 2),
        ("2026-12-24T12:00", "2026-12-28T12:00", 8),
    ],
)
def test_office_hours_over_dst_and_holidays(start: str, end: str, hours: int) -> None:
    """Reference figures on which workclock 0.1.2 and businesstimedelta 1.0.1 agree: the weekend on which DST ends,
    Thanksgiving, and Christmas."""
    assert open_seconds(OFFICE, start, end) == hours * 3600


@pytest.mark.parametrize(
    ("days", "day", "hours"),
    [
        (None, "2026-03-08", 23),
        (None, "2026-11-01", 25),
        ({"sun": ["00:00-08:00"]}, "2026-03-08", 7),
        ({"sun": ["00:00-08:00"]}, "2026-11-01", 9),
        ({"sun": ["02:30-08:00"]}, "2026-03-08", 5),
        ({"sun": ["00:00-02:30"]}, "2026-03-08", 2),
        ({"sun": ["02:10-02:50"]}, "2026-03-08", 0),
        ({"sun": ["01:30-08:00"]}, "2026-11-01", 7.5),
        ({"sun": ["00:00-01:30"]}, "2026-11-01", 2.5),
    ],
)
def test_stretches_on_the_sundays_of_a_dst_change(days: dict[str, list[str]], day: str, hours: float) -> None:
    """02:00-03:00 is skipped on 2026-03-08 and 01:00-02:00 repeated on 2026-11-01."""
    following = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    assert open_seconds(a_calendar(days), f"{day}T00:00", f"{following}T00:00") == hours * 3600


def test_a_weekend_with_dst_between_office_hours_in_amsterdam() -> None:
    """A ticket of Friday 16:30 answered on Monday 09:30 waits an hour, whatever Sunday's clocks do."""
    calendar = a_calendar(
        {"mon-fri": ["09:00-17:00"]}, "Europe/Amsterdam", closed=[{"on": "2026-04-27", "name": "own"}]
    )
    assert open_seconds(calendar, "2026-03-27T16:30", "2026-03-30T09:30") == 3600
    assert open_seconds(calendar, "2026-04-24T16:00", "2026-04-28T10:00") == 7200


def test_lunch_breaks_and_holidays_are_not_open() -> None:
    """From before lunch to after it; from Wednesday evening over Thanksgiving to Friday."""
    calendar = a_calendar({"mon-fri": ["09:00-12:00", "13:00-18:00"]}, closed=[{"on": "2026-11-26", "name": "own"}])
    assert open_seconds(calendar, "2026-11-25T11:30", "2026-11-25T13:10:01") == 2401
    assert open_seconds(calendar, "2026-11-25T11:30", "2026-11-27T09:30") == (30 + 300 + 30) * 60


def test_a_week_with_a_holiday_has_four_days() -> None:
    assert open_seconds(OFFICE, "2026-11-23T00:00", "2026-11-30T00:00") == 4 * 8 * 3600


def test_a_holiday_that_is_worked_is_open() -> None:
    worked = a_calendar({"mon-fri": ["09:00-17:00"]}, country="US", open=["2026-11-26"])
    assert open_seconds(worked, "2026-11-23T00:00", "2026-11-30T00:00") == 5 * 8 * 3600


def test_a_holiday_closes_the_nights_that_start_on_it_and_no_other() -> None:
    """22:00-06:00 of the evening before runs into the holiday; the holiday's own evening does not begin."""
    nights = a_calendar({"mon-sun": ["22:00-06:00"]}, closed=[{"on": "2026-06-10", "name": "own"}])
    segments = open_segments(nights, date(2026, 6, 9), date(2026, 6, 12))
    assert segments.start_at.dt.tz_convert(NEW_YORK).dt.strftime("%d %H:%M").tolist() == [
        "09 00:00",
        "09 22:00",
        "11 22:00",
    ]
    assert segments.end_at.dt.tz_convert(NEW_YORK).dt.strftime("%d %H:%M").tolist() == [
        "09 06:00",
        "10 06:00",
        "12 00:00",
    ]


def test_holidays_are_local_days() -> None:
    """In Auckland the holiday of 4 June begins on 3 June in UTC: held in UTC it would close the wrong half days."""
    calendar = a_calendar(None, "Pacific/Auckland", closed=[{"on": "2026-06-04", "name": "own"}])
    segments = open_segments(calendar, date(2026, 6, 3), date(2026, 6, 6))
    assert segments.end_at.iloc[0] == pd.Timestamp("2026-06-03T12:00Z")
    assert segments.start_at.iloc[1] == pd.Timestamp("2026-06-04T12:00Z")


@pytest.mark.parametrize(
    ("zone", "day"),
    [("Europe/Istanbul", "2026-10-25"), ("America/Sao_Paulo", "2026-11-01"), ("Asia/Tokyo", "2026-03-29")],
)
def test_zones_that_had_dst_once_have_days_of_24_hours_now(zone: str, day: str) -> None:
    following = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    assert open_seconds(a_calendar(None, zone), f"{day}T00:00", f"{following}T00:00") == 86400


@pytest.mark.parametrize(
    ("zone", "first", "days", "hours"),
    [
        ("America/Sao_Paulo", date(2019, 2, 16), 1, 25),
        ("America/Sao_Paulo", date(2018, 11, 4), 1, 23),
        ("Australia/Lord_Howe", date(2026, 4, 5), 1, 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 1, 23.5),
        ("Pacific/Apia", date(2011, 12, 29), 3, 48),
        ("Pacific/Apia", date(2011, 12, 30), 1, 0),
        ("Asia/Kathmandu", date(2026, 6, 1), 1, 24),
    ],
)
def test_days_of_odd_length(zone: str, first: date, days: int, hours: float) -> None:
    """Half-hour DST, DST at midnight, a day that was left out, an offset of 5:45."""
    segments = open_segments(a_calendar(None, zone), first, first + timedelta(days=days))
    assert (segments.end_at - segments.start_at).sum() == pd.Timedelta(hours=hours)


def test_an_end_at_midnight_is_the_end_of_the_day_where_dst_repeats_midnight() -> None:
    """Havana's clocks go back from 01:00 to 00:00: Saturday ends when it is midnight first, Sunday has 25 hours."""
    saturdays = a_calendar({"sat": ["22:00-24:00"]}, "America/Havana")
    sundays = a_calendar({"sun": ["00:00-24:00"]}, "America/Havana")
    for calendar, hours in ((saturdays, 2), (sundays, 25)):
        segments = open_segments(calendar, date(2026, 10, 31), date(2026, 11, 3))
        assert (segments.end_at - segments.start_at).tolist() == [pd.Timedelta(hours=hours)]


def test_hours_change_on_the_local_day_and_the_first_entry_also_holds_before_its_date() -> None:
    calendar = Calendar.model_validate(
        {
            "name": "office",
            "time_zone": "America/New_York",
            "hours": [
                {"from": "2026-06-01", "days": {"mon-fri": ["09:00-17:00"]}},
                {"from": "2026-07-08", "days": {"mon-fri": ["09:00-12:00"]}},
            ],
        }
    )
    segments = open_segments(calendar, date(2026, 7, 6), date(2026, 7, 10))
    assert ((segments.end_at - segments.start_at) / pd.Timedelta(hours=1)).tolist() == [8, 8, 3, 3]
    assert open_seconds(calendar, "2020-01-06T00:00", "2020-01-07T00:00") == 8 * 3600


def test_stretches_that_overlap_at_a_change_of_hours_count_once() -> None:
    """The last night of the old hours ends at 06:00, the first day of the new ones begins at 04:00."""
    calendar = Calendar.model_validate(
        {
            "name": "office",
            "time_zone": "America/New_York",
            "hours": [
                {"from": "2026-01-01", "days": {"mon-sun": ["22:00-06:00"]}},
                {"from": "2026-07-08", "days": {"mon-sun": ["04:00-08:00"]}},
            ],
        }
    )
    assert open_seconds(calendar, "2026-07-07T12:00", "2026-07-08T12:00") == 10 * 3600


def test_overlapping_stretches_of_a_day_are_refused_by_the_settings() -> None:
    with pytest.raises(ValidationError, match="overlap"):
        a_calendar({"mon": ["09:00-12:00", "11:00-13:00"]})


def test_always_open_is_one_segment_whatever_the_clocks_do() -> None:
    """24/7 shifted to UTC must not lose or double an hour at any midnight."""
    year = open_segments(a_calendar(None), date(2026, 1, 1), date(2027, 1, 1))
    assert len(year) == 1
    assert year.end_at[0] - year.start_at[0] == pd.Timedelta(days=365)
    assert open_segments(a_calendar(DAILY), date(2026, 1, 1), date(2027, 1, 1)).equals(year)


def test_a_calendar_that_is_closed_all_the_time_counts_nothing() -> None:
    sundays = a_calendar({"sun": ["09:00-12:00"]})
    monday = date(2026, 6, 1), date(2026, 6, 4)
    assert open_segments(sundays, *monday).empty
    assert str(open_segments(sundays, *monday).start_at.dtype) == "datetime64[us, UTC]"
    closed = OpenTime(sundays, *monday)
    assert closed.seconds_between(instants("2026-06-01T12:00"), instants("2026-06-02T12:00")).tolist() == [0]
    with pytest.raises(ValueError, match="not open that long"):
        closed.after(instants("2026-06-01T12:00"), 1)
    assert day_table([sundays], *monday).open_in_day.tolist() == [0, 0, 0]


# --- the interface of OpenTime -------------------------------------------------------------------------------------


def test_outside_its_days_open_time_refuses_rather_than_counts_zero() -> None:
    open_time = OpenTime(OFFICE, date(2026, 6, 1), date(2026, 6, 8))
    inside, before, after = (instants(day) for day in ("2026-06-02", "2026-06-01T03:59:59", "2026-06-08T04:00:01"))
    for outside in (before, after):
        with pytest.raises(ValueError, match="outside the days"):
            open_time.seconds_between(inside, outside)
        with pytest.raises(ValueError, match="outside the days"):
            open_time.after(outside, 1)
    with pytest.raises(ValueError, match="not open that long"):
        open_time.after(inside, 5 * 8 * 3600)
    with pytest.raises(ValueError, match="negative"):
        open_time.after(inside, -1)
    with pytest.raises(ValueError, match="no time zone"):
        open_time.seconds_between(inside, pd.Series(pd.to_datetime(["2026-06-02"])))
    with pytest.raises(ValueError, match="no day"):
        OpenTime(OFFICE, date(2026, 6, 1), date(2026, 6, 1))


def test_missing_instants_stay_missing_and_the_index_is_kept() -> None:
    open_time = OpenTime(OFFICE, date(2026, 6, 1), date(2026, 6, 8))
    starts = pd.Series(pd.to_datetime(["2026-06-01T13:00Z", None, "2026-06-01T13:00Z"]), index=["a", "b", "c"])
    seconds = open_time.seconds_between(
        starts, pd.Series(pd.to_datetime(["2026-06-01T14:00Z", "2026-06-01T14:00Z", None]))
    )
    assert seconds[0] == 3600
    assert np.isnan(seconds[1:]).all()
    reached = open_time.after(starts, [60, 60, np.nan])
    assert reached.index.tolist() == ["a", "b", "c"]
    assert reached["a"] == pd.Timestamp("2026-06-01T13:01Z")
    assert reached.isna().tolist() == [False, True, True]


def test_a_backward_stretch_counts_negative() -> None:
    open_time = OpenTime(OFFICE, date(2026, 6, 1), date(2026, 6, 8))
    assert open_time.seconds_between(instants("2026-06-01T14:00"), instants("2026-06-01T13:30")).tolist() == [-1800]


def test_the_last_second_passes_at_closing_time_not_at_the_next_opening() -> None:
    """A breach at 17:00 must not be shown as Monday 09:00, nor a breach of Saturday's ticket before Monday."""
    open_time = OpenTime(OFFICE, date(2026, 6, 1), date(2026, 6, 20))
    starts = instants(
        "2026-06-05T16:00", "2026-06-05T16:00", "2026-06-06T12:00", "2026-06-06T12:00", zone="America/New_York"
    )
    reached = open_time.after(starts, [3600, 3601, 1, 0]).dt.tz_convert(NEW_YORK)
    assert reached.dt.strftime("%m-%d %H:%M:%S").tolist() == [
        "06-05 17:00:00",
        "06-08 09:00:01",
        "06-08 09:00:01",
        "06-06 12:00:00",
    ]


# --- against a slow twin -------------------------------------------------------------------------------------------

CHANGES = [
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Europe/Amsterdam", date(2026, 3, 29)),
    ("Europe/Amsterdam", date(2026, 10, 25)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("Asia/Kathmandu", date(2026, 6, 3)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("America/Havana", date(2026, 3, 8)),
    ("America/Havana", date(2026, 11, 1)),
    ("Atlantic/Azores", date(2026, 10, 25)),
    ("America/Sao_Paulo", date(2018, 11, 4)),
    ("America/Sao_Paulo", date(2019, 2, 17)),
    ("Africa/Casablanca", date(2026, 2, 15)),
    ("America/St_Johns", date(2010, 11, 7)),
    ("Europe/Istanbul", date(2016, 9, 7)),
    ("Asia/Tokyo", date(2026, 7, 1)),
]


def open_minutes(calendar: Calendar, first: date, last: date) -> set[datetime]:
    """The open UTC minutes from the local day `first` to before `last`, read off a wall clock minute by minute.

    A stretch begins when the clock first shows its start or later, and ends after the last minute for which the clock
    shows less than its end; an end at 24:00 is when the clock first shows the next day.
    """
    zone = ZoneInfo(calendar.time_zone)
    begin = datetime.combine(first, datetime.min.time(), UTC) - timedelta(days=3)
    utc = [begin + n * MINUTE for n in range(((last - first).days + 6) * 1440)]
    wall = [minute.astimezone(zone).replace(tzinfo=None, fold=0) for minute in utc]

    def first_shown(moment: datetime) -> int:
        return next(n for n, shown in enumerate(wall) if shown >= moment)

    def last_passed(moment: datetime) -> int:
        return max(n for n, shown in enumerate(wall) if shown < moment) + 1

    days = [datetime.combine(first + timedelta(days=n), datetime.min.time()) for n in range(-1, (last - first).days)]
    closed = {day.on for day in calendar.holidays.closed}
    entries = [entry.start for entry in calendar.hours]
    opened: set[int] = set()
    for day in days:
        if day.date() in closed:
            continue
        entry = calendar.hours[max(bisect_right(entries, day.date()) - 1, 0)]
        for start, end in entry.by_weekday()[day.weekday()]:
            closes = day + timedelta(seconds=end)
            until = first_shown(closes) if end == 86400 else last_passed(closes)
            opened.update(range(first_shown(day + timedelta(seconds=start)), until))
    bounds = [first_shown(datetime.combine(day, datetime.min.time())) for day in (first, last)]
    return {utc[n] for n in opened if bounds[0] <= n < bounds[1]}


minutes_of_day = st.integers(0, 96).map(lambda n: n * 15) | st.integers(0, 1440)


@st.composite
def stretches(draw: st.DrawFn) -> tuple[int, int]:
    """A stretch to the minute that lasts up to a day; a third pass midnight."""
    start = draw(minutes_of_day.filter(lambda minute: minute < 1440))
    end = draw(minutes_of_day.filter(lambda minute: minute > 0))
    return start * 60, (end if end > start else end + 1440) * 60


def weekly_hours(start: date) -> st.SearchStrategy[WeeklyHours]:
    """Hours that may overlap: the settings refuse them within an entry, the counting must bear them."""
    days = st.dictionaries(st.sampled_from(WEEKDAYS), st.lists(stretches(), max_size=3).map(tuple), min_size=4)
    always = st.just(WeeklyHours.model_construct(start=start, always=True, days={}))
    return always | days.map(lambda days: WeeklyHours.model_construct(start=start, always=False, days=days))


@st.composite
def calendars_at_a_change(draw: st.DrawFn) -> tuple[Calendar, date]:
    zone, day = draw(st.sampled_from(CHANGES))
    offset = st.integers(-2, 2).map(lambda n: day + timedelta(days=n))
    hours = (draw(weekly_hours(date(2000, 1, 1))), draw(offset.flatmap(weekly_hours)))
    closed = [{"on": on, "name": "own"} for on in draw(st.sets(offset, max_size=2))]
    holidays = HolidayRule.model_validate({"closed": closed})
    return Calendar.model_construct(name="random", time_zone=zone, hours=hours, holidays=holidays), day


@settings(max_examples=80, deadline=None)
@given(calendars_at_a_change(), st.data())
def test_open_time_agrees_with_a_clock_read_minute_by_minute(case: tuple[Calendar, date], data: st.DataObject) -> None:
    calendar, day = case
    first, last = day - timedelta(days=2), day + timedelta(days=3)
    minutes = open_minutes(calendar, first, last)
    segments = open_segments(calendar, first, last)
    assert (segments.start_at.iloc[1:].to_numpy() > segments.end_at.iloc[:-1].to_numpy()).all()
    ranges = zip(segments.start_at, segments.end_at, strict=True)
    assert sum(((end - start) // MINUTE for start, end in ranges), 0) == len(minutes)
    begin, finish = local_midnights(first, last + timedelta(days=1), calendar.time_zone).iloc[[0, -1]]
    span = int((finish - begin) / MINUTE)
    pairs = data.draw(st.lists(st.tuples(*[st.integers(0, span)] * 2), min_size=1, max_size=8))
    starts = pd.Series([begin + min(pair) * MINUTE for pair in pairs])
    ends = pd.Series([begin + max(pair) * MINUTE for pair in pairs])
    counted = OpenTime(calendar, first, last).seconds_between(starts, ends)
    expected = [60 * sum(start <= minute < end for minute in minutes) for start, end in zip(starts, ends, strict=True)]
    assert counted.tolist() == expected


@settings(max_examples=80, deadline=None)
@given(calendars_at_a_change(), st.data())
def test_after_is_the_earliest_instant_at_which_the_seconds_have_passed(
    case: tuple[Calendar, date], data: st.DataObject
) -> None:
    calendar, day = case
    first, last = day - timedelta(days=4), day + timedelta(days=5)
    open_time = OpenTime(calendar, first, last)
    begin, finish = local_midnights(first, last + timedelta(days=1), calendar.time_zone).iloc[[0, -1]]
    start = begin + timedelta(seconds=data.draw(st.integers(0, int((finish - begin).total_seconds()))))
    left = int(open_time.seconds_between(pd.Series([start]), pd.Series([finish]))[0])
    seconds = data.draw(st.integers(0, left))
    reached = open_time.after(pd.Series([start]), seconds)
    assert open_time.seconds_between(pd.Series([start]), reached).tolist() == [seconds]
    if seconds == 0:
        assert reached[0] == start
    else:
        earlier = reached - pd.Timedelta(seconds=1)
        assert open_time.seconds_between(pd.Series([start]), earlier).tolist() == [seconds - 1]
    with pytest.raises(ValueError, match="not open that long"):
        open_time.after(pd.Series([start]), left + 1)


# --- on an engine --------------------------------------------------------------------------------------------------

FIRST, LAST = date(2025, 12, 1), date(2027, 2, 1)
ENGINE_CALENDARS = [
    a_calendar({"mon-fri": ["09:00-12:00", "13:00-18:00"]}, name="lunch", country="US"),
    a_calendar(None, name="always"),
    a_calendar({"mon-sun": ["22:00-06:00"]}, "Europe/Amsterdam", name="nights", country="NL"),
    a_calendar({"mon-sat": ["00:00-02:15", "10:00-20:00"]}, "Australia/Lord_Howe", name="half-hour"),
    a_calendar({"sun-thu": ["10:00-17:00"]}, "Asia/Kathmandu", name="quarter-hour"),
]


def engine(session_zone: str, **frames: pd.DataFrame) -> ibis.BaseBackend:
    """DuckDB in a session of that zone, with the frames as tables."""
    raw = duckdb.connect()
    backend = ibis.duckdb.from_connection(raw)
    raw.execute(f"SET TimeZone='{session_zone}'")
    for name, frame in frames.items():
        raw.register(f"{name}_frame", frame)
        raw.execute(f"CREATE TABLE {name} AS SELECT * FROM {name}_frame")
    return backend


def random_waits(n: int) -> pd.DataFrame:
    """Waits of up to ten days, half of them around the DST changes."""
    random = np.random.default_rng(20260308)
    changes = np.array(
        [pd.Timestamp(day).timestamp() for day in ("2026-03-08", "2026-10-25", "2026-04-04", "2026-11-01")]
    )
    anywhere = random.integers(
        int(pd.Timestamp("2026-01-01").timestamp()), int(pd.Timestamp("2027-01-01").timestamp()), n
    )
    near = random.choice(changes, n).astype(np.int64) + random.integers(-200_000, 200_000, n)
    starts = np.where(random.random(n) < 0.5, anywhere, near)
    return pd.DataFrame(
        {
            "wait": np.arange(n),
            "calendar": random.choice([calendar.name for calendar in ENGINE_CALENDARS], n),
            "since": pd.to_datetime(starts, unit="s", utc=True),
            "until": pd.to_datetime(starts + random.integers(0, 864_000, n), unit="s", utc=True),
            "target": random.integers(1, 60_000, n),
        }
    )


@pytest.mark.parametrize("session_zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_the_engine_counts_and_inverts_as_open_time_does(session_zone: str) -> None:
    waits = random_waits(6_000)
    backend = engine(session_zone, waits=waits, days=day_table(ENGINE_CALENDARS, FIRST, LAST))
    days = backend.table("days")
    counted = open_seconds_at(backend.table("waits"), "since", "calendar", days)
    counted = open_seconds_at(counted, "until", "calendar", days)
    counted = counted.mutate(business=counted.until_open - counted.since_open, due=counted.since_open + counted.target)
    found = instant_at_open(counted, "due", "calendar", days, name="due_at").order_by("wait").to_pandas()
    assert found.columns.tolist() == [*waits, "since_open", "until_open", "business", "due", "due_at"]
    assert found.wait.tolist() == waits.wait.tolist()
    assert str(found.due_at.dtype) == "datetime64[us, UTC]"
    assert found.business.dtype == np.int64
    for calendar in ENGINE_CALENDARS:
        own = found[found.calendar == calendar.name]
        open_time = OpenTime(calendar, FIRST, LAST)
        assert len(own) > 1000
        assert own.business.tolist() == open_time.seconds_between(own.since, own.until).tolist()
        assert own.due_at.tolist() == open_time.after(own.since, own.target).tolist()


def test_the_engine_counts_seconds_as_it_counts_timestamps() -> None:
    """Facts bring their instants as whole seconds since 1970."""
    waits = random_waits(2_000)
    waits["second"] = waits.since.astype("int64") // 1_000_000
    backend = engine("America/New_York", waits=waits, days=day_table(ENGINE_CALENDARS, FIRST, LAST))
    days = backend.table("days")
    counted = open_seconds_at(backend.table("waits"), "since", "calendar", days)
    found = open_seconds_at(counted, "second", "calendar", days).to_pandas()
    assert found.second_open.tolist() == found.since_open.tolist()
    assert found.second_open.nunique() > 500


def test_the_engine_reaches_the_last_second_at_closing_time() -> None:
    """To noon, into the afternoon, to Friday's close, past the weekend: in whatever order the day table is stored."""
    since = instants("2026-06-05T11:00", zone="America/New_York")
    waits = pd.DataFrame({"calendar": "lunch", "since": since[0], "target": [3600, 3601, 6 * 3600, 6 * 3600 + 1]})
    days = day_table(ENGINE_CALENDARS, FIRST, LAST)
    for stored in (days, days.sort_values("utc_date", ascending=False)):
        backend = engine("UTC", waits=waits, days=stored)
        counted = open_seconds_at(backend.table("waits"), "since", "calendar", backend.table("days"))
        counted = counted.mutate(due=counted.since_open + counted.target)
        found = instant_at_open(counted, "due", "calendar", backend.table("days")).order_by("target").to_pandas()
        assert found.reached_at.dt.tz_convert(NEW_YORK).dt.strftime("%d %H:%M:%S").tolist() == [
            "05 12:00:00",
            "05 13:00:01",
            "05 18:00:00",
            "08 09:00:01",
        ]


def test_the_engine_answers_null_where_it_cannot_know() -> None:
    """No instant, no calendar, an unknown calendar, an instant outside the day table, a count never reached."""
    waits = pd.DataFrame(
        {
            "wait": range(5),
            "calendar": ["lunch", None, "unknown", "lunch", "lunch"],
            "since": pd.to_datetime([None, "2026-06-01", "2026-06-01", "2028-06-01", "2026-06-01"], utc=True),
            "due": [None, 5, 5, 10**9, 0],
        }
    ).astype({"due": "Int64"})
    backend = engine("UTC", waits=waits, days=day_table(ENGINE_CALENDARS, FIRST, LAST))
    counted = open_seconds_at(backend.table("waits"), "since", "calendar", backend.table("days"))
    found = instant_at_open(counted, "due", "calendar", backend.table("days")).order_by("wait").to_pandas()
    assert found.since_open.isna().tolist() == [True, True, True, True, False]
    assert found.reached_at.isna().all()


def test_the_engine_refuses_timestamps_without_a_zone() -> None:
    backend = engine("UTC", waits=pd.DataFrame({"calendar": ["lunch"], "since": pd.to_datetime(["2026-06-01"])}))
    with pytest.raises(TypeError, match="time zone"):
        open_seconds_at(backend.table("waits"), "since", "calendar", backend.table("waits"))


def test_the_day_table_has_every_utc_day_once_and_adds_up() -> None:
    days = day_table(ENGINE_CALENDARS, FIRST, LAST)
    assert len(days) == len(ENGINE_CALENDARS) * (LAST - FIRST).days
    assert not days.duplicated(["calendar", "utc_date"]).any()
    assert days.columns.tolist() == [
        "calendar",
        "utc_date",
        "open_before",
        "open_in_day",
        *(f"{edge}_{pair}" for pair in (1, 2, 3) for edge in ("open", "close")),
    ]
    assert set(days.dtypes.iloc[2:]) == {np.dtype("int64")}
    for calendar in ENGINE_CALENDARS:
        own = days[days.calendar == calendar.name].reset_index(drop=True)
        assert own.open_before.iloc[0] == 0
        assert (own.open_before.shift(-1).dropna() == (own.open_before + own.open_in_day).iloc[:-1]).all()
        edges = pd.Series(pd.to_datetime([FIRST, LAST], utc=True))
        total = OpenTime(calendar, FIRST - timedelta(days=1), LAST + timedelta(days=1)).seconds_between(
            edges[:1], edges[1:].reset_index(drop=True)
        )
        assert own.open_in_day.sum() == total[0]
    always = days[days.calendar == "always"]
    assert (always.open_in_day == 86400).all()


def test_two_calendars_of_one_name_are_refused() -> None:
    """They would double every row of the join."""
    with pytest.raises(ValueError, match="same name"):
        day_table([OFFICE, OFFICE], FIRST, LAST)


# --- speed ---------------------------------------------------------------------------------------------------------


def test_ten_calendars_of_five_years_compile_within_two_seconds() -> None:
    started = time.process_time()
    for calendar in ENGINE_CALENDARS * 2:
        OpenTime(calendar, date(2022, 1, 1), date(2027, 1, 1))
    assert time.process_time() - started < 2
