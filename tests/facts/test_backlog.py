"""The backlog adds up, and says so when it does not."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import ibis
import pandas as pd
import pyarrow as pa
import pytest

from opslib.facts import backlog
from tests.facts.support_centre import at, event_at, facts_of, organisation, question_at, ticket

NOON = "2026-03-02 17:00"  # in New York, whose midnights count
TICKETS = [
    ticket(
        "moved and solved",
        NOON,
        *question_at(NOON),
        event_at(NOON, "team", None, "nl"),
        event_at("2026-03-03 17:00", "team", None, "us"),
        event_at("2026-03-04 17:00", "status", None, "solved"),
        event_at("2026-03-05 17:00", "status", None, "open"),
        event_at("2026-03-05 18:00", "team", None, "nl"),
        status="open",
    ),
    ticket("deleted", NOON, *question_at(NOON), event_at("2026-03-03 17:00", "deleted", None), status="deleted"),
    ticket("merged", NOON, *question_at(NOON), event_at("2026-03-03 17:00", "merged_into", None, "x"), status="merged"),
    ticket("spam", NOON, *question_at(NOON), event_at("2026-03-03 17:00", "status", None, "spam"), status="spam"),
    ticket(
        "moved while solved",
        NOON,
        *question_at(NOON),
        event_at(NOON, "team", None, "nl"),
        event_at("2026-03-03 17:00", "status", None, "solved"),
        event_at("2026-03-04 17:00", "team", None, "us"),
        event_at("2026-03-05 17:00", "status", None, "open"),
        status="open",
    ),
    ticket("before midnight", "2026-03-04 04:59:59", *question_at("2026-03-04 04:59:59")),
    ticket("at midnight", "2026-03-04 05:00", *question_at("2026-03-04 05:00")),
]


WAITING = [
    ticket(
        "handled", NOON, *question_at(NOON), event_at(NOON, "team", None, "nl"),
        event_at("2026-03-03 17:00", "assignee", None, "anna"),
        event_at("2026-03-04 17:00", "public_comment", "agent"),
        event_at("2026-03-05 17:00", "public_comment", "requester"),
        event_at("2026-03-06 17:00", "public_comment", "requester"),
        event_at("2026-03-06 18:00", "team", "agent", "us"), event_at("2026-03-06 18:00", "assignee", "agent", None),
        event_at("2026-03-07 17:00", "public_comment", "agent"),
        event_at("2026-03-08 15:00", "status", "agent", "solved"),
        event_at("2026-03-08 16:00", "public_comment", "requester"),
        event_at("2026-03-10 17:00", "status", None, "open"), team="us",
    ),
    ticket("answered by the bot", NOON, *question_at(NOON), event_at(NOON, "public_comment", "automation"), team="us"),
]  # fmt: skip


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    return facts_of(tmp_path_factory.mktemp("backlog"), organisation(), *TICKETS, as_of="2026-04-15 16:00")


@pytest.fixture(scope="module")
def days(facts: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return facts["backlog"].set_index(["team", "day"])


def _terms(days: pd.DataFrame, team: str, day: int) -> dict[str, int]:
    row = days.loc[(team, date(2026, 3, day)), list(backlog.IDENTITY)]
    return {term: int(count) for term, count in row.items() if count}


def test_every_way_in_and_out_has_its_term(days: pd.DataFrame) -> None:
    assert _terms(days, "nl", 2) == {"created": 5, "closing": 5}
    assert _terms(days, "nl", 3) == {
        "opening": 5, "created": 1, "solved": 1, "deleted": 2, "merged": 1, "moved_out": 1, "closing": 1,
    }  # fmt: skip
    assert _terms(days, "us", 3) == {"moved_in": 1, "closing": 1}
    assert _terms(days, "us", 4) == {"opening": 1, "solved": 1}
    assert _terms(days, "us", 5) == {"reopened": 2, "moved_out": 1, "closing": 1}
    assert _terms(days, "nl", 5) == {"opening": 2, "moved_in": 1, "closing": 3}


def test_a_day_begins_at_local_midnight(days: pd.DataFrame) -> None:
    assert _terms(days, "nl", 3)["created"] == 1
    assert _terms(days, "nl", 4)["created"] == 1


def test_what_moves_while_it_is_solved_moves_nothing(days: pd.DataFrame) -> None:
    """It comes back to the team that holds it when it is reopened."""
    assert "moved_in" not in _terms(days, "us", 4)


def test_the_last_day_runs_to_as_of_and_ages_are_whole_local_days(days: pd.DataFrame) -> None:
    last = days.loc[("nl", date(2026, 4, 15))]
    assert days.index.get_level_values("day").max() == date(2026, 4, 15)
    assert (last["closing"], last["older_than_7d"], last["older_than_30d"]) == (3, 3, 3)
    assert last["median_age_days"] == 43  # created on 2, 3 and 4 March
    assert days.loc[("nl", date(2026, 3, 9)), "older_than_7d"] == 1
    assert days.loc[("nl", date(2026, 3, 8)), "older_than_7d"] == 0


def test_what_lies_unassigned_or_waits_for_a_word_is_counted_as_it_stood_at_midnight(tmp_path: Path) -> None:
    """What happens later does not change it: neither the assignee of today nor today's team nor the answer of today."""
    parts = facts_of(tmp_path, organisation(), *WAITING, as_of="2026-03-12 17:00")["backlog"]
    parts = parts.set_index(["team", "day"])[list(backlog.PARTS)]
    nl, us = ([tuple(parts.loc[(team, date(2026, 3, day))]) for day in range(2, 12)] for team in ("nl", "us"))
    assert nl == [(1, 1, 0), (0, 1, 0), (0, 0, 0), (0, 0, 1), *[(0, 0, 0)] * 6]
    bot = (1, 1, 0)  # nobody has it, and no agent has written
    both = {"waits": (2, 1, 1), "answered": (2, 1, 0), "thanked, then reopened": (2, 1, 1)}
    assert us[:4] == [bot] * 4
    assert us[4:] == [both["waits"], both["answered"], bot, bot, *[both["thanked, then reopened"]] * 2]


def test_what_an_export_does_not_tell_of_the_backlog_is_missing_and_not_none(tmp_path: Path) -> None:
    """Without events of assignees nobody knows who had a ticket on a Sunday in March; a reply's own column dates it."""
    solves = [event_at("2026-03-04 17:00", "status", None, "solved")]
    columns = {"assignee_id": "anna", "first_reply_at": at("2026-03-03 17:00")}
    for name, without, events, is_told in (
        ("column", [], [], True),
        ("events", ["first_reply_at"], solves, False),
    ):
        own = ticket("no words", NOON, *events, **columns)
        days = facts_of(tmp_path / name, organisation(), own, without=without, as_of="2026-03-12 17:00")["backlog"]
        assert days[["unassigned", "unanswered"]].isna().all(axis=None)
        assert days["unreplied"].notna().all() == is_told
        assert days["unreplied"].isna().all() != is_told
        if is_told:
            assert days.query("team == 'nl'")["unreplied"].tolist()[:3] == [1, 0, 0]


def test_the_identity_holds_for_every_team_and_day(facts: dict[str, pd.DataFrame]) -> None:
    assert len(facts["backlog"]) == 2 * 45
    assert backlog.check_identity(facts["backlog"]).empty


def test_a_backlog_that_does_not_add_up_is_named(facts: dict[str, pd.DataFrame]) -> None:
    wrong = facts["backlog"].copy()
    wrong.loc[3, "solved"] += 1
    wrong.loc[7, "opening"] += 2
    breaks = backlog.check_identity(wrong)
    assert breaks["difference"].tolist() == [1, -2]
    assert breaks["gap"].tolist() == [0, 2]


def test_the_tickets_that_break_it_are_named() -> None:
    """Two sides that are made from the same events can only differ by a fault; the ticket is where to look for it."""
    zeros = dict.fromkeys((*backlog.TERMS, "held"), 0)
    rows = [
        {"team": "nl", "day": 20_000, "ticket_id": "fine", **zeros, "created": 1, "held": 1},
        {"team": "nl", "day": 20_000, "ticket_id": "solved but held", **zeros, "solved": 1},
    ]
    changes = ibis.memtable(pa.Table.from_pylist(rows))
    rows = ibis.duckdb.connect().to_pyarrow(backlog.tickets_that_break_it(changes)).to_pylist()
    assert rows == [{"team": "nl", "day": 20_000, "ticket_id": "solved but held", "difference": 1}]


@pytest.mark.parametrize("zone", ["America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kolkata"])
def test_local_days_are_those_of_the_zone_database(zone: str) -> None:
    """Every hour of two years, against zoneinfo: with changes of an hour, of half an hour and around Ramadan."""
    first = int(datetime(2025, 1, 1, tzinfo=ZoneInfo("UTC")).timestamp())
    seconds = [first + 3600 * hour + 1800 * (hour % 2) for hour in range(2 * 365 * 24)]
    offsets = backlog.zone_offsets(ZoneInfo(zone), date(2025, 1, 1), date(2027, 1, 1))
    table = ibis.memtable(pa.table({"second": seconds}))
    days = ibis.duckdb.connect().to_pyarrow(table.select(day=backlog.local_day(table["second"], offsets)))
    expected = [(datetime.fromtimestamp(second, ZoneInfo(zone)).date() - date(1970, 1, 1)).days for second in seconds]
    assert days["day"].to_pylist() == expected
