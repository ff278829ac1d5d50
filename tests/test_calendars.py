"""Business hours against published cases and a clock read minute by minute."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import duckdb
import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from opslib.calendars import day_table, instant_at_open, open_seconds_at
from opslib.settings import WEEKDAYS, Calendar, HolidayRule, WeeklyHours
from tests.open_time import OpenMinutes

NEW_YORK = ZoneInfo("America/New_York")
DAY = timedelta(days=1)


def a_calendar(
    days: dict[str, list[str]] | None, zone: str = "America/New_York", name: str = "office", **holidays: object
) -> Calendar:
    """A calendar with one entry of hours; without days it is always open."""
    hours = {"from": "2000-01-01", **({"always": True} if days is None else {"days": days})}
    return Calendar.model_validate({"name": name, "time_zone": zone, "hours": [hours], "holidays": holidays})


OFFICE = a_calendar({"mon-fri": ["09:00-17:00"]}, country="US")
DAILY = {day: ["00:00-24:00"] for day in WEEKDAYS}


def wall_time(text: str, zone: str) -> datetime:
    """The first instant at which the clock of a zone shows a time; where it is skipped, the change."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def engine(session_zone: str, **frames: pd.DataFrame) -> ibis.BaseBackend:
    """DuckDB in a session of that zone, with the frames as tables."""
    raw = duckdb.connect()
    backend = ibis.duckdb.from_connection(raw)
    raw.execute(f"SET TimeZone='{session_zone}'")
    for name, frame in frames.items():
        raw.register(f"{name}_frame", frame)
        raw.execute(f"CREATE TABLE {name} AS SELECT * FROM {name}_frame")
    return backend


def open_seconds(calendar: Calendar, start: str, end: str) -> int:
    """Open seconds between two local wall times, as the engine counts them."""
    edges = [wall_time(text, calendar.time_zone) for text in (start, end)]
    days = day_table([calendar], edges[0].date() - 2 * DAY, edges[1].date() + 2 * DAY)
    instants = pd.DataFrame({"calendar": calendar.name, "at": edges})
    backend = engine("UTC", instants=instants, days=days)
    counts = open_seconds_at(backend.table("instants"), "at", "calendar", backend.table("days"))
    before, after = counts.order_by("at").to_pyarrow()["at_open"].to_pylist()
    return int(after - before)


def segments(calendar: Calendar, first: date, last: date) -> list[tuple[datetime, datetime]]:
    """When a calendar is open from the local day `first` to before `last`: UTC instants, read off the day table."""
    begin, finish = (wall_time(f"{day}T00:00", calendar.time_zone) for day in (first, last))
    stretches: list[tuple[datetime, datetime]] = []
    for row in day_table([calendar], begin.date(), finish.date() + DAY).to_dict("records"):
        midnight = datetime.combine(row["utc_date"], datetime.min.time(), UTC)
        for number in range(1, 1 + sum(name.startswith("close_") for name in row)):
            edges = (midnight + timedelta(seconds=row[f"{edge}_{number}"]) for edge in ("open", "close"))
            start, end = (min(max(edge, begin), finish) for edge in edges)
            if stretches and stretches[-1][1] == start:
                start, _ = stretches.pop()
            if end > start:
                stretches.append((start, end))
    return stretches


def local_edges(calendar: Calendar, first: date, last: date) -> list[tuple[str, str]]:
    zone = ZoneInfo(calendar.time_zone)
    return [
        (start.astimezone(zone).strftime("%d %H:%M"), end.astimezone(zone).strftime("%d %H:%M"))
        for start, end in segments(calendar, first, last)
    ]


def hours_of(calendar: Calendar, first: date, last: date) -> list[float]:
    return [(end - start) / timedelta(hours=1) for start, end in segments(calendar, first, last)]


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
    assert local_edges(nights, date(2026, 6, 9), date(2026, 6, 12)) == [
        ("09 00:00", "09 06:00"),
        ("09 22:00", "10 06:00"),
        ("11 22:00", "12 00:00"),
    ]


def test_holidays_are_local_days() -> None:
    """In Auckland the holiday of 4 June begins on 3 June in UTC: held in UTC it would close the wrong half days."""
    calendar = a_calendar(None, "Pacific/Auckland", closed=[{"on": "2026-06-04", "name": "own"}])
    before, after = segments(calendar, date(2026, 6, 3), date(2026, 6, 6))
    assert before[1] == datetime(2026, 6, 3, 12, tzinfo=UTC)
    assert after[0] == datetime(2026, 6, 4, 12, tzinfo=UTC)


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
    assert sum(hours_of(a_calendar(None, zone), first, first + days * DAY)) == hours


def test_a_day_that_begins_with_a_skipped_hour_begins_at_the_change() -> None:
    """DST began at midnight in São Paulo on 2018-11-04: 00:00 was 01:00."""
    sundays = a_calendar({"sun": ["00:00-24:00"]}, "America/Sao_Paulo")
    start, end = datetime(2018, 11, 4, 3, tzinfo=UTC), datetime(2018, 11, 5, 2, tzinfo=UTC)
    assert segments(sundays, date(2018, 11, 3), date(2018, 11, 6)) == [(start, end)]


def test_an_end_at_midnight_is_the_end_of_the_day_where_dst_repeats_midnight() -> None:
    """Havana's clocks go back from 01:00 to 00:00: Saturday ends when it is midnight first, Sunday has 25 hours."""
    saturdays = a_calendar({"sat": ["22:00-24:00"]}, "America/Havana")
    sundays = a_calendar({"sun": ["00:00-24:00"]}, "America/Havana")
    for calendar, hours in ((saturdays, 2), (sundays, 25)):
        assert hours_of(calendar, date(2026, 10, 31), date(2026, 11, 3)) == [hours]


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
    assert hours_of(calendar, date(2026, 7, 6), date(2026, 7, 10)) == [8, 8, 3, 3]
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
    for calendar in (a_calendar(None), a_calendar(DAILY)):
        assert hours_of(calendar, date(2026, 1, 1), date(2027, 1, 1)) == [365 * 24]


def test_a_calendar_that_is_closed_all_the_time_counts_nothing_and_reaches_nothing() -> None:
    sundays = a_calendar({"sun": ["09:00-12:00"]})
    days = day_table([sundays], date(2026, 6, 1), date(2026, 6, 4))
    assert days.open_in_day.tolist() == [0, 0, 0]
    waits = pd.DataFrame({"calendar": "office", "since": pd.to_datetime(["2026-06-02T12:00Z"]), "due": [1]})
    backend = engine("UTC", waits=waits, days=days)
    counts = open_seconds_at(backend.table("waits"), "since", "calendar", backend.table("days"))
    row = instant_at_open(counts, "due", "calendar", backend.table("days")).to_pyarrow().to_pylist()[0]
    assert (row["since_open"], row["reached_at"]) == (0, None)


def test_a_day_table_has_days() -> None:
    with pytest.raises(ValueError, match="no day"):
        day_table([OFFICE], date(2026, 6, 1), date(2026, 6, 1))


# --- against a clock read minute by minute ---------------------------------------------------------------------------

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


minutes_of_day = st.sampled_from((0, 60, 120, 1440)) | st.integers(0, 96).map(lambda n: n * 15) | st.integers(0, 1440)


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


def open_flags(days: pd.DataFrame) -> np.ndarray:
    """Of the day table of one calendar: whether it is open, for each of its minutes."""
    pairs = sum(name.startswith("close_") for name in days.columns)
    flags = np.zeros((len(days), 1440), dtype=bool)
    for number in range(1, pairs + 1):
        edges = days[[f"open_{number}", f"close_{number}"]].to_numpy()
        assert (edges % 60 == 0).all()
        minutes = np.arange(1440) * 60
        flags |= (minutes >= edges[:, :1]) & (minutes < edges[:, 1:])
    return flags.ravel()


@settings(max_examples=100, deadline=None)
@given(calendars_at_a_change())
def test_the_day_table_agrees_with_a_clock_read_minute_by_minute(case: tuple[Calendar, date]) -> None:
    calendar, day = case
    first, last = day - 3 * DAY, day + 4 * DAY
    expected = OpenMinutes(calendar, first, last).is_open
    days = day_table([calendar], first, last)
    assert (open_flags(days) == expected).all()
    in_days = 60 * expected.reshape(-1, 1440).sum(axis=1)
    assert days.open_in_day.tolist() == in_days.tolist()
    assert days.open_before.tolist() == (np.cumsum(in_days) - in_days).tolist()
    edges = days[[name for name in days.columns if name.startswith(("open_", "close_")) and name[-1].isdigit()]]
    for row in edges.to_numpy().tolist():
        stretches = [(start, end) for start, end in zip(row[::2], row[1::2], strict=True) if end > start]
        assert all(end < start for (_, end), (start, _) in pairwise(stretches)), "sorted, apart from each other"


@settings(max_examples=20, deadline=None)
@given(calendars_at_a_change(), st.integers(0, 2**32 - 1))
def test_the_engine_counts_every_second_and_finds_the_earliest_instant(case: tuple[Calendar, date], seed: int) -> None:
    calendar, day = case
    first, last = day - 3 * DAY, day + 4 * DAY
    clock = OpenMinutes(calendar, first, last)
    random = np.random.default_rng(seed)
    end = clock.first_second + 7 * 86_400
    total = int(clock.seconds_before(np.array([end]))[0])
    since = np.concatenate([random.integers(clock.first_second, end, 50), clock.changes])
    due = random.integers(1, total + 1, 50) if total else np.full(50, 1)
    due = np.concatenate([due, clock.seconds_before(clock.changes)])
    waits = pd.DataFrame({"calendar": calendar.name, "since": since, "due": np.maximum(due, 1)})
    backend = engine("UTC", waits=waits, days=day_table([calendar], first, last))
    counts = open_seconds_at(backend.table("waits"), "since", "calendar", backend.table("days"))
    rows = instant_at_open(counts, "due", "calendar", backend.table("days")).to_pyarrow().to_pandas()
    assert rows.since_open.tolist() == clock.seconds_before(rows.since.to_numpy()).tolist()
    if total:
        reached = rows.reached_at.astype("datetime64[s, UTC]").astype("int64").to_numpy()
        assert reached.tolist() == clock.instants_at(rows.due.to_numpy()).tolist()
    else:
        assert rows.reached_at.isna().all()


# --- on an engine --------------------------------------------------------------------------------------------------

FIRST, LAST = date(2025, 12, 1), date(2027, 2, 1)
ENGINE_CALENDARS = [
    a_calendar({"mon-fri": ["09:00-12:00", "13:00-18:00"]}, name="lunch", country="US"),
    a_calendar(None, name="always"),
    a_calendar({"mon-sun": ["22:00-06:00"]}, "Europe/Amsterdam", name="nights", country="NL"),
    a_calendar({"mon-sat": ["00:00-02:15", "10:00-20:00"]}, "Australia/Lord_Howe", name="half-hour"),
    a_calendar({"sun-thu": ["10:00-17:00"]}, "Asia/Kathmandu", name="quarter-hour"),
]


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


@cache
def clocks() -> dict[str, OpenMinutes]:
    return {calendar.name: OpenMinutes(calendar, FIRST, LAST) for calendar in ENGINE_CALENDARS}


@pytest.mark.parametrize("session_zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_the_engine_counts_and_inverts_in_every_session_zone(session_zone: str) -> None:
    waits = random_waits(6_000)
    backend = engine(session_zone, waits=waits, days=day_table(ENGINE_CALENDARS, FIRST, LAST))
    days = backend.table("days")
    counts = open_seconds_at(backend.table("waits"), "since", "calendar", days)
    counts = open_seconds_at(counts, "until", "calendar", days)
    counts = counts.mutate(business=counts.until_open - counts.since_open, due=counts.since_open + counts.target)
    rows = instant_at_open(counts, "due", "calendar", days, name="due_at").order_by("wait").to_pandas()
    assert rows.columns.tolist() == [*waits, "since_open", "until_open", "business", "due", "due_at"]
    assert rows.wait.tolist() == waits.wait.tolist()
    assert str(rows.due_at.dtype) == "datetime64[us, UTC]"
    assert rows.business.dtype == np.int64
    for name, clock in clocks().items():
        own = rows[rows.calendar == name]
        assert len(own) > 1000
        since, until, due = (
            own[column].astype("datetime64[s, UTC]").astype("int64").to_numpy()
            for column in ("since", "until", "due_at")
        )
        assert own.since_open.tolist() == clock.seconds_before(since).tolist()
        assert own.business.tolist() == (clock.seconds_before(until) - clock.seconds_before(since)).tolist()
        assert due.tolist() == clock.instants_at(own.due.to_numpy()).tolist()


def test_the_engine_counts_seconds_as_it_counts_timestamps() -> None:
    """Facts bring their instants as whole seconds since 1970."""
    waits = random_waits(2_000)
    waits["second"] = waits.since.astype("int64") // 1_000_000
    backend = engine("America/New_York", waits=waits, days=day_table(ENGINE_CALENDARS, FIRST, LAST))
    days = backend.table("days")
    counts = open_seconds_at(backend.table("waits"), "since", "calendar", days)
    rows = open_seconds_at(counts, "second", "calendar", days).to_pandas()
    assert rows.second_open.tolist() == rows.since_open.tolist()
    assert rows.second_open.nunique() > 500


def test_the_engine_reaches_the_last_second_at_closing_time() -> None:
    """To noon, into the afternoon, to Friday's close, past the weekend, and from a Saturday: in whatever order the day
    table is stored. A breach at closing time must not be shown as Monday morning, nor Saturday's ticket before it.
    """
    friday, saturday = (wall_time(f"2026-06-0{day}T11:00", "America/New_York") for day in (5, 6))
    waits = pd.DataFrame(
        {
            "calendar": "lunch",
            "since": [friday, friday, friday, friday, saturday],
            "target": [3600, 3601, 6 * 3600, 6 * 3600 + 1, 2],
            "wait": range(5),
        }
    )
    days = day_table(ENGINE_CALENDARS, FIRST, LAST)
    for stored in (days, days.sort_values("utc_date", ascending=False)):
        backend = engine("UTC", waits=waits, days=stored)
        counts = open_seconds_at(backend.table("waits"), "since", "calendar", backend.table("days"))
        counts = counts.mutate(due=counts.since_open + counts.target)
        rows = instant_at_open(counts, "due", "calendar", backend.table("days")).order_by("wait").to_pandas()
        assert rows.reached_at.dt.tz_convert(NEW_YORK).dt.strftime("%d %H:%M:%S").tolist() == [
            "05 12:00:00",
            "05 13:00:01",
            "05 18:00:00",
            "08 09:00:01",
            "08 09:00:02",
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
    counts = open_seconds_at(backend.table("waits"), "since", "calendar", backend.table("days"))
    rows = instant_at_open(counts, "due", "calendar", backend.table("days")).order_by("wait").to_pandas()
    assert rows.since_open.isna().tolist() == [True, True, True, True, False]
    assert rows.reached_at.isna().all()


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
    for name, clock in clocks().items():
        own = days[days.calendar == name]
        in_days = 60 * clock.is_open.reshape(-1, 1440).sum(axis=1)
        assert own.open_in_day.tolist() == in_days.tolist()
        assert own.open_before.tolist() == (np.cumsum(in_days) - in_days).tolist()
    always = days[days.calendar == "always"]
    assert (always.open_in_day == 86400).all()


def test_two_calendars_of_one_name_are_refused() -> None:
    """They would double every row of the join."""
    with pytest.raises(ValueError, match="same name"):
        day_table([OFFICE, OFFICE], FIRST, LAST)


# --- speed ---------------------------------------------------------------------------------------------------------


def test_ten_calendars_of_five_years_compile_within_two_seconds() -> None:
    calendars = [
        calendar.model_copy(update={"name": f"{calendar.name} {number}"})
        for calendar in ENGINE_CALENDARS
        for number in range(2)
    ]
    started = time.process_time()
    days = day_table(calendars, date(2022, 1, 1), date(2027, 1, 1))
    assert time.process_time() - started < 2
    assert days.calendar.nunique() == 10
