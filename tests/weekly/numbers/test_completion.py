"""The newest week's times as weekly values have them: hand-counted weeks taken through facts and values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from opslib.facts.build import build
from opslib.settings import load_organisation
from opslib.store.warehouse import Warehouse
from opslib.tables import TABLES
from opslib.weekly.numbers.values import build_weekly_values
from tests.weekly.numbers.mondays import Exports

HOUR = timedelta(hours=1)
ORGANISATION = """
organisation: Test desk
time_zone: America/New_York
calendars:
  - name: office
    time_zone: America/New_York
    hours: [{from: 2020-01-01, days: {mon-fri: ["09:00-17:00"]}}]
teams:
  - {name: ush, label: US help, region: US, calendar: office}
"""
Ticket = tuple[str, datetime, datetime]
"""A ticket, when it was created, and when it was answered and solved."""


def at(day: int, hour: int, minute: int = 0, *, month: int = 6) -> datetime:
    """An instant of 2026 on the clock of New York, in summer."""
    return datetime(2026, month, day, tzinfo=UTC) + timedelta(hours=hour + 4, minutes=minute)


def weekend_of(monday: datetime, name: str) -> Iterator[Ticket]:
    """Four weekday tickets answered in one hour, six of Saturday answered on Monday after five open hours."""
    for day in range(4):
        created = monday + timedelta(days=day, hours=11)
        yield f"{name}-{day}", created, created + HOUR
    for number in range(6):
        yield (
            f"{name}-s{number}",
            monday + timedelta(days=5, hours=11, minutes=number),
            monday + timedelta(days=7, hours=14),
        )


def exports_of(tickets: list[Ticket], as_of: datetime) -> Exports:
    """What exports tell at an instant of tickets that are answered and solved in one go."""
    rows, events = [], []
    for name, created, done in tickets:
        if created > as_of:
            continue
        events += [
            (name, created, "created", "requester", "u", None),
            (name, created, "public_comment", "requester", "u", None),
        ]
        if done <= as_of:
            events += [
                (name, done, "public_comment", "agent", "a", None),
                (name, done, "status", "agent", "a", "solved"),
            ]
        rows.append((name, created, "solved" if done <= as_of else "new", "ush"))
    frames = {
        "tickets": pd.DataFrame(rows, columns=["ticket_id", "created_at", "status", "team"]),
        "ticket_events": pd.DataFrame(
            events, columns=["ticket_id", "occurred_at", "event", "actor_role", "actor_id", "value"]
        ),
        "satisfaction": pd.DataFrame(),
        "quality_reviews": pd.DataFrame(),
    }
    for name, frame in frames.items():
        for field in TABLES[name].schema:
            if field.name not in frame:
                frame[field.name] = pd.Series(index=frame.index, dtype="object")
    return Exports(**{("events" if name == "ticket_events" else name): frame for name, frame in frames.items()})


def values_of(root: Path, tickets: list[Ticket], as_of: datetime) -> pd.DataFrame:
    (root / "params").mkdir(parents=True)
    (root / "params" / "org.yml").write_text(ORGANISATION, encoding="utf-8")
    organisation, warehouse = load_organisation(root / "params"), Warehouse(root / "warehouse")
    exports_of(tickets, as_of).write(warehouse, organisation)
    build(warehouse, organisation, as_of)
    build_weekly_values(warehouse, organisation, as_of)
    values = warehouse.read("facts", "weekly_values", teams=["ush"])
    return values[values["channel"] == "all"].set_index(["week", "metric"]).sort_index()


def test_without_history_monday_says_at_least_an_hour(tmp_path: Path):
    tickets = list(weekend_of(at(8, 0), "only"))
    reply = values_of(tmp_path, tickets, at(15, 6, 54)).loc[("2026-W24", "first_reply_median")]
    assert (reply["state"], reply["low"]) == ("bounds", 3600)
    assert pd.isna(reply[["value", "high", "settles_on"]]).all()
    assert (reply["n"], reply["censored"]) == (10, 6)


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Twelve weeks that are all alike, on the Monday after the last."""
    first = at(1, 0)
    tickets = [each for week in range(12) for each in weekend_of(first + timedelta(weeks=week), f"w{week}")]
    return values_of(tmp_path_factory.mktemp("twelve"), tickets, first + timedelta(weeks=12, hours=6, minutes=54))


@pytest.fixture(scope="module")
def monday(values: pd.DataFrame) -> pd.DataFrame:
    return values.loc["2026-W34"]


def test_a_week_in_which_everything_has_ended_is_settled(values: pd.DataFrame):
    reply = values.loc[("2026-W33", "first_reply_median")]
    assert (reply["state"], reply["value"]) == ("settled", 5 * 3600)
    assert pd.isna(reply[["settles_on", "still_low", "still_high", "extra_variance"]]).all()


def test_with_history_monday_knows_what_weeks_like_it_came_to(monday: pd.DataFrame):
    reply = monday.loc["first_reply_median"]
    assert reply["state"] == "so far"
    assert reply["value"] == pytest.approx(5 * 3600)
    assert reply["still_low"] == pytest.approx(5 * 3600)
    assert reply["still_high"] == pytest.approx(5 * 3600)
    assert reply["settles_on"] == "2026-08-24"
    assert reply["low"] <= 5 * 3600 <= reply["high"]
    assert reply["extra_variance"] == pytest.approx(0)


def test_by_the_calendar_the_same_answer_comes_at_the_same_instant(monday: pd.DataFrame):
    """Saturday 11:00 to Monday 14:00 are 51 hours; nobody has to wait for the five open ones three times over."""
    assert monday.loc["first_reply_calendar_p90", "value"] == pytest.approx(51 * 3600, abs=300)


def test_what_a_reopening_may_move_is_known_a_week_or_two_later(monday: pd.DataFrame):
    assert monday.loc["full_resolution_median", "settles_on"] == "2026-08-31"
    assert monday.loc["full_resolution_p90", "settles_on"] == "2026-09-07"
    one_touch = monday.loc["one_touch_share"]
    assert (one_touch["state"], one_touch["settles_on"]) == ("so far", "2026-08-31")
    assert one_touch["value"] == 1


def test_what_is_told_a_week_later_says_when(monday: pd.DataFrame):
    reopened = monday.loc["reopen_share"]
    assert pd.isna(reopened["value"])
    assert (reopened["state"], reopened["settles_on"]) == ("so far", "2026-08-31")


def test_what_is_known_at_once_is_settled(monday: pd.DataFrame):
    assert monday.loc[["created", "solved", "backlog_closing"], "state"].tolist() == ["settled"] * 3
