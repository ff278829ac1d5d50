"""What a team holds at its closing time, how old that is, and when tickets arrive."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from opslib.analysis.weekly_review.standing import AGES, ages_at, arrivals, closing_times, open_at
from opslib.settings import Calendar

WEEKDAYS = {"from": "2020-01-01", "days": {"mon-fri": ["09:00-12:00", "13:00-19:00"], "sat": ["09:00-15:00"]}}
OFFICE = Calendar(
    name="office",
    time_zone="America/Los_Angeles",
    hours=[WEEKDAYS],
    holidays={"closed": [{"on": "2026-11-27", "name": "Bridge day"}]},
)
ALWAYS = Calendar(name="always", time_zone="America/New_York", hours=[{"from": "2020-01-01", "always": True}])
NEVER = Calendar(name="never", time_zone="UTC", hours=[{"from": "2030-01-01", "always": True}])


def utc(*texts: str | None) -> pd.Series:
    return pd.Series(pd.to_datetime(list(texts), utc=True, format="ISO8601"))


def instants(seconds: np.ndarray, zone: str) -> list[str]:
    return [f"{each:%a %H:%M}" for each in pd.to_datetime(seconds, unit="s", utc=True).tz_convert(zone)]


@pytest.mark.parametrize(
    ("calendar", "expected"),
    [
        (OFFICE, ["Fri 19:00", "Fri 19:00", "Thu 19:00"]),
        (ALWAYS, ["Sat 00:00", "Sat 00:00", "Sat 00:00"]),
        (NEVER, ["Sat 00:00", "Sat 00:00", "Sat 00:00"]),
    ],
)
def test_the_close_is_the_end_of_the_last_open_hour_up_to_friday(calendar: Calendar, expected: list[str]) -> None:
    """Daylight saving ends between the first two weeks; the last Friday is a holiday of the office."""
    times = closing_times(["2026-W43", "2026-W46", "2026-W48"], calendar)
    assert instants(times, calendar.time_zone) == expected


def test_what_is_open_at_an_instant_is_counted_like_one_by_one() -> None:
    chance = np.random.default_rng(7)
    starts = chance.integers(0, 1000, 400)
    ends = np.where(chance.random(400) < 0.2, -1, starts + chance.integers(1, 300, 400))
    statuses = chance.choice(["new", "open", "pending", "on_hold", "solved", "spam", "merged"], 400)
    spells = pd.DataFrame(
        {
            "status": statuses,
            "start_at": pd.to_datetime(starts, unit="s", utc=True),
            "end_at": pd.to_datetime(np.where(ends < 0, np.nan, ends), unit="s", utc=True),
        }
    )
    at = np.arange(0.0, 1400.0, 37.0)
    by_hand = [
        sum(
            status in ("new", "open", "pending", "on_hold") and start <= now and not 0 <= end <= now
            for status, start, end in zip(statuses, starts, ends, strict=True)
        )
        for now in at
    ]
    assert open_at(spells, at).tolist() == by_hand
    assert max(by_hand) > 10


def test_the_age_of_what_is_open_counts_from_its_creation() -> None:
    now = pd.Timestamp("2026-11-16T05:00Z")
    created = utc(
        "2026-11-15T06:00Z", "2026-11-15T05:00Z", "2026-11-12T05:01Z", "2026-10-01T00:00Z", "2026-11-01T00:00Z"
    )
    ended = utc(None, None, None, None, "2026-11-10T00:00Z")
    spells = pd.DataFrame({"status": "open", "created_at": created, "start_at": created, "end_at": ended})
    ages = ages_at(spells, now.timestamp())
    assert dict(ages.itertuples(index=False)) == {
        "under 1 day": 1,
        "1 to 3 days": 1,
        "3 to 7 days": 1,
        "over 7 days": 1,
    }
    assert ages["age"].tolist() == [words for words, _, _ in AGES]


def test_tickets_arrive_by_the_clock_of_the_team() -> None:
    """Monday 17:30 UTC is 9:30 in Los Angeles; noon is lunch; Sunday is closed; the hour is the local one."""
    created = utc("2026-11-16T17:30Z", "2026-11-16T20:10Z", "2026-11-22T18:00Z", "2026-11-17T06:59:59Z")
    frame = arrivals(created, OFFICE)
    found = frame[frame["tickets"] > 0].to_numpy().tolist()
    assert found == [[0, 9, 1, 0], [0, 12, 1, 1], [0, 22, 1, 1], [6, 10, 1, 1]]
    assert len(frame) == 168
    assert arrivals(created.head(0), OFFICE)["tickets"].sum() == 0
