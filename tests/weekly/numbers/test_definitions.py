"""What the field means by its metrics: tickets worked by hand, through facts and weekly values, to the last digit.

Everything happens in 2026-W11 (9 to 15 March) unless it says otherwise, and is known up to the noon of 6 April.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pytest

from opslib.analysis.methods.intervals import poisson_rate, wilson
from opslib.facts.build import build
from opslib.metrics import CATALOGUE, exposures, week_frame
from opslib.store.files import write_json
from opslib.store.warehouse import Warehouse
from opslib.tables import TABLES
from opslib.weekly.numbers.values import build_weekly_values
from opslib.weeks import week_bounds
from tests.facts.support_centre import at, event_at, fill, organisation, question_at, ticket

WEEK = "2026-W11"
AS_OF = "2026-04-06 12:00"
REPLY, NOTE, STATUS, TEAM = "public_comment", "internal_note", "status", "team"


def values_of(folder: Path, *tickets: Any, **tables: Any) -> pd.DataFrame:
    """Weekly values for channel `all`, by week, team and metric; `tables`: rows of other standard tables."""
    warehouse, centre = Warehouse(folder), organisation(privacy={"minimum_group": 2})
    fill(warehouse, centre, tickets)
    present = {name: sorted(columns) for name, columns in warehouse.present().items()}
    for name, rows in tables.items():
        frame = pd.DataFrame(rows).reindex(columns=list(TABLES[name].names))
        dtypes = {"instant": "datetime64[us, UTC]", "number": "float64", "boolean": "boolean", "integer": "Int64"}
        of_column = {column.name: dtypes.get(column.type, "object") for column in TABLES[name]}
        warehouse.write("standard", name, frame.astype(of_column))
        present[name] = sorted({column for row in rows for column in row})
    write_json(present, warehouse.root / "standard" / "columns.json")
    build(warehouse, centre, at(AS_OF))
    build_weekly_values(warehouse, centre, at(AS_OF))
    values = warehouse.read("facts", "weekly_values")
    return values[values["channel"] == "all"].set_index(["week", "team", "metric"]).sort_index()


def solve_at(when: str, who: str = "anna") -> Any:
    return event_at(when, STATUS, "agent", "solved", who)


def sums(values: pd.DataFrame, metric: str, team: str = "nl", week: str = WEEK) -> tuple[float, float]:
    row = values.loc[(week, team, metric)]
    return row["numerator"], row["denominator"]


def asked(name: str, created: str, *events: Any, **columns: Any) -> Any:
    """A ticket that a requester opened, with the events after that."""
    return ticket(name, created, *question_at(created), *events, **columns)


MONDAY, TUESDAY = "2026-03-09", "2026-03-10"


ANSWERS = [
    {"ticket_id": "one", "answered_at": at(f"{TUESDAY} 1{n}:00"), "score": score, "scale_max": 10}
    for n, score in enumerate((9.0, 8.0, 3.0))
]


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    reply, solved = event_at(f"{MONDAY} 10:00", REPLY, "agent", None, "anna"), solve_at(f"{MONDAY} 10:00")
    again = event_at("2026-03-12 09:00", STATUS, "requester", "open")
    much_later = event_at("2026-03-20 09:00", STATUS, "requester", "open")
    first, login = event_at(f"{MONDAY} 09:00", TEAM, "automation", "nl"), {"contact_reason": "login"}
    return values_of(
        tmp_path_factory.mktemp("definitions"),
        # written: one reply; solved without a word; two replies; one reply and reopened
        asked("one", f"{MONDAY} 09:00", reply, solved, channel="email", requester_id="r1", **login),
        asked("none", f"{MONDAY} 09:00", solved, channel="email", requester_id="r2", **login),
        asked("two", f"{MONDAY} 09:00", reply, event_at(f"{MONDAY} 11:00", REPLY, "agent"), solve_at(f"{MONDAY} 11:00"),
              channel="email", requester_id="r3", **login),
        # live: three messages of one chat; one that came back; one whose requester calls again; one back too late
        asked("chat", f"{MONDAY} 09:00", *[event_at(f"{MONDAY} 09:0{n}", REPLY, "agent") for n in range(1, 4)],
              solve_at(f"{MONDAY} 10:00"), channel="chat", requester_id="r4", **login),
        asked("back", f"{MONDAY} 09:00", reply, solved, again, solve_at("2026-03-13 09:00"), channel="phone",
              requester_id="r5", **login),
        asked("calls again", f"{MONDAY} 09:00", reply, solved, channel="phone", requester_id="r6", **login),
        asked("the second call", "2026-03-16 10:00", channel="phone", requester_id="r6", **login),
        asked("back late", f"{MONDAY} 09:00", reply, solved, much_later, solve_at("2026-03-20 10:00", "ben"),
              channel="chat", requester_id="r7", **login),
        # handed on: after a note; unread; to another team and solved there
        asked("noted", f"{MONDAY} 09:00", first, event_at(f"{MONDAY} 10:00", NOTE, "agent"),
              event_at(f"{MONDAY} 10:01", TEAM, "agent", "us"), solve_at(f"{TUESDAY} 10:00", "uma"), team="us"),
        asked("unread", f"{MONDAY} 09:00", first, event_at(f"{MONDAY} 10:01", TEAM, "agent", "us"),
              event_at(f"{MONDAY} 11:00", REPLY, "agent"), solve_at(f"{TUESDAY} 10:00", "uma"), team="us"),
        asked("fresh", "2026-03-31 09:00", solve_at("2026-03-31 10:00")),
        satisfaction=ANSWERS,
    )  # fmt: skip


def test_a_ticket_solved_twice_counts_twice_in_the_share_of_reopened_solves(values: pd.DataFrame) -> None:
    """nl solved seven times on Monday and once on Friday; `back` came back after 3 days, `back late` after 11."""
    assert sums(values, "reopen_share") == (1, 8)
    assert sums(values, "reopen_share", "us") == (0, 2)
    assert sums(values, "reopen_share", "all") == (1, 10)
    interval = wilson([1], [8]).iloc[0]
    row = values.loc[(WEEK, "nl", "reopen_share")]
    assert (row["low"], row["high"]) == (pytest.approx(interval["low"]), pytest.approx(interval["high"]))
    assert sums(values, "reopen_share", week="2026-W12") == (0, 1)


def test_a_solve_is_judged_when_its_seven_days_have_passed(values: pd.DataFrame) -> None:
    """Known on Monday, the latest week would always look good."""
    assert values.loc[("2026-W14", "nl", "solved"), "value"] == 1
    assert pd.isna(values.loc[("2026-W14", "nl", "reopen_share"), "value"])


def test_one_touch_is_one_reply_and_never_reopened_fewer_than_two_is_any(values: pd.DataFrame) -> None:
    """Last solved in the week by nl: one, none, two, chat, back, calls again (`back late` in the next)."""
    assert sums(values, "one_touch_share") == (2, 6), "one and calls again"
    assert sums(values, "under_two_replies_share") == (4, 6), "one, none, back and calls again"


def test_a_chat_of_many_messages_is_one_contact_a_letter_of_two_replies_is_not(values: pd.DataFrame) -> None:
    """`one` and `chat` are; `none` had no reply, `two` two, `back` came back, `calls again` rang again on day 7."""
    assert sums(values, "first_contact_resolution") == (2, 6)
    assert sums(values, "first_contact_resolution", week="2026-W12") == (1, 1), "back after 11 days: another contact"


def test_phone_and_chat_are_live_unless_the_organisation_says_otherwise(values: pd.DataFrame) -> None:
    assert sums(values, "live_channel_share") == (4, 7), "two tickets have no channel"


def test_an_escalation_is_handed_on_by_a_team_that_had_worked_on_it(values: pd.DataFrame) -> None:
    """Credited to nl, which had them first, though us solved both."""
    assert sums(values, "escalation_rate") == (1, 8)
    assert (WEEK, "us", "escalation_rate") in values.index
    assert sums(values, "escalation_rate", "us") == (0, 0)


def test_too_small_a_group_is_not_shown(values: pd.DataFrame) -> None:
    """anna alone solved for nl in the week, uma alone for us: together they are two, the least that is shown."""
    assert sums(values, "solves_per_agent", "all") == (10, 2)
    row = values.loc[(WEEK, "us", "solves_per_agent")]
    assert pd.isna(row["value"])
    assert row["missing"] == "not shown: fewer than 2 people"


def test_what_the_export_lacks_is_said_and_never_zero(values: pd.DataFrame) -> None:
    lacks = values.loc[(WEEK, "nl")]["missing"]
    assert lacks["solves_per_agent_hour"] == "not in this export: no shifts"
    assert lacks["contacts_per_1000"] == "not in this export: no counts of active users"
    assert lacks["critical_error_rate"] == "not in this export: no critical errors in the quality reviews"
    assert lacks["backlog_unassigned"] == "not in this export: no changes of assignee in the history of the tickets"
    assert pd.isna(values.loc[(WEEK, "nl", "backlog_unassigned"), "value"])


def shift(agent: str, start: str, end: str, activity: str = "tickets", *, planned: bool = False) -> dict[str, Any]:
    return {"agent_id": agent, "start_at": at(start), "end_at": at(end), "activity": activity, "planned": planned}


SHIFTS = [
    shift("anna", f"{MONDAY} 09:00", f"{MONDAY} 12:00"),
    shift("anna", f"{MONDAY} 12:00", f"{MONDAY} 13:00", "break"),
    shift("anna", f"{MONDAY} 09:00", f"{MONDAY} 17:00", planned=True),
    shift("ben", f"{MONDAY} 09:00", f"{MONDAY} 10:30", "chat"),
    shift("cara", f"{TUESDAY} 09:00", f"{TUESDAY} 12:30", "phone"),
    shift("dora", f"{TUESDAY} 09:00", f"{TUESDAY} 17:00", "training"),
]
AGENTS = [{"agent_id": who, "team": team} for who, team in (("anna", "nl"), ("ben", "us"), ("cara", "nl"))]
ACTIVITY = [
    {"active_on": date(2026, 3, day), "users": users, "region": region}
    for day, region, users in ((9, "EU", 900), (10, "EU", 1100), (9, "US", 3000), (10, "US", 5000))
]


def review(name: str, criterion: str, score: float, most: float, **columns: Any) -> dict[str, Any]:
    own = {"review_id": name, "ticket_id": "t", "reviewer_id": "p", "reviewed_at": at(f"{TUESDAY} 12:00")}
    return own | {"criterion": criterion, "score": score, "max_score": most} | columns


SCALE = {"min_score": 1.0}
REVIEWS = [
    review("weighed", "tone", 4, 5, weight=3.0, **SCALE),
    review("weighed", "facts", 5, 10),
    review("weighed", "privacy", 1, 1, critical=True, weight=4.0),
    review("failed", "tone", 5, 5, **SCALE),
    review("failed", "privacy", 2, 5, critical=True, **SCALE),
    review("free", "tone", 5, 5, **SCALE),
    review("calibration", "privacy", 0, 1, critical=True, calibration=True),
]


@pytest.fixture(scope="module")
def at_work(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """nl solved four, by two agents; `promised` one a day from 16 February to 15 March; `night` has a backlog."""
    solvers = (("a", "anna"), ("b", "anna"), ("c", "ben"), ("t", "ben"))
    lives = [asked(name, f"{MONDAY} 09:00", solve_at(f"{MONDAY} 12:00", who)) for name, who in solvers]
    lives += [asked(f"us{n}", f"{MONDAY} 15:00", team="us") for n in range(2)]
    for n in range(28):
        day = date(2026, 2, 16) + timedelta(days=n)
        lives.append(asked(f"s{n:02}", f"{day} 15:00", solve_at(f"{day} 16:00", "pia"), team="promised"))
    lives += [asked(f"open{n}", "2026-02-16 15:00", team="promised") for n in range(7)]
    night = {"team": "night"}
    lives += [
        asked("owned", f"{MONDAY} 09:00", event_at(f"{MONDAY} 10:00", "assignee", "agent", "eva", "eva"), **night),
        asked("answered", f"{MONDAY} 09:00", event_at(f"{MONDAY} 10:00", REPLY, "agent"), **night),
        asked("neither", f"{MONDAY} 09:00", event_at(f"{MONDAY} 10:00", NOTE, "agent"), **night),
        asked("too late", f"{MONDAY} 09:00", event_at("2026-03-16 10:00", REPLY, "agent"), **night),
        asked("solved", f"{MONDAY} 09:00", solve_at(f"{MONDAY} 10:00", "eva"), **night),
    ]
    tables = {"shifts": SHIFTS, "agents": AGENTS, "activity": ACTIVITY, "quality_reviews": REVIEWS}
    return values_of(tmp_path_factory.mktemp("at_work"), *lives, **tables)


def test_hours_are_those_worked_on_tickets_by_whom_the_week_saw_in_the_team(at_work: pd.DataFrame) -> None:
    """ben has moved to us since, but solved for nl; cara solved nothing and counts with her hours; dora trained."""
    assert sums(at_work, "solves_per_agent_hour") == (4, 3 + 1.5 + 3.5)
    assert at_work.loc[(WEEK, "nl", "solves_per_agent_hour"), "value"] == 0.5
    assert sums(at_work, "solves_per_agent") == (4, 2)
    assert at_work.loc[(WEEK, "nl", "solves_per_agent"), ["low", "high"]].isna().all()
    assert sums(at_work, "solves_per_agent", "all") == (4 + 7 + 1, 4), "of one week, seven by pia and one by eva"


def test_planned_hours_stand_in_where_no_worked_ones_are_told() -> None:
    columns = {"agent_id": "str", "start_at": "datetime64[us, UTC]", "end_at": "datetime64[us, UTC]"}
    solves = pd.DataFrame({"agent_id": ["anna", "ben"], "team": "nl", "solved_at": [at(f"{MONDAY} 12:00")] * 2})
    shifts = pd.DataFrame([{**row, "planned": True} for row in SHIFTS if row["agent_id"] in ("anna", "ben")])
    tables = {"solves": ibis.memtable(solves), "shifts": ibis.memtable(shifts.astype(columns))}
    weeks = week_frame([WEEK], lambda week: week_bounds(week, "America/New_York"))
    hours = exposures(tables, weeks, organisation()).set_index(["exposure", "team"])["size"]
    assert hours["hours", "nl"] == hours["hours", "all"] == 3 + 8 + 1.5


def test_contacts_are_divided_by_the_users_of_the_region_and_those_of_all_teams_by_all(at_work: pd.DataFrame) -> None:
    """nl is of the region EU, us of US; the users of one day add up, those of two days do not."""
    assert sums(at_work, "contacts_per_1000") == (4, 1000)
    assert sums(at_work, "contacts_per_1000", "us") == (2, 4000)
    assert sums(at_work, "contacts_per_1000", "all") == (4 + 2 + 7 + 5, 5000)
    exact = poisson_rate([4], [1000], per=1000).iloc[0]
    row = at_work.loc[(WEEK, "nl", "contacts_per_1000"), ["value", "low", "high"]]
    assert row.to_list() == pytest.approx(exact.to_list())


def test_a_backlog_in_days_is_what_is_left_over_the_pace_of_four_weeks(at_work: pd.DataFrame) -> None:
    """Seven are left and one was solved a day: seven days of work. All teams together add up before they divide."""
    assert sums(at_work, "backlog_days", "promised") == (7, 1)
    assert at_work.loc[(WEEK, "promised", "backlog_days"), "value"] == 7
    assert at_work.loc[(WEEK, "all", "backlog_days"), "value"] == pytest.approx((7 + 4) / ((28 + 4 + 1) / 28))
    assert pd.isna(at_work.loc[("2026-W10", "promised", "backlog_days"), "value"]), "three weeks are no four"


def test_the_backlog_without_owner_and_without_reply_is_counted_at_the_weeks_end(at_work: pd.DataFrame) -> None:
    of_week = at_work.loc[(WEEK, "night")]["value"]
    assert of_week["backlog_closing"] == 4
    assert of_week["backlog_unassigned"] == 3
    assert of_week["backlog_unreplied"] == 3


def test_reviews_weigh_their_criteria_start_at_their_least_and_fall_on_a_critical_error(at_work: pd.DataFrame) -> None:
    """(4-1)/4 = 0.75 weighs 3, 5/10 = 0.5 weighs 1, 1 weighs 4. A failed critical criterion: 0. All points: 1."""
    assert sums(at_work, "qa_score") == (pytest.approx((3 * 0.75 + 0.5 + 4) / 8 + 0 + 1), 3)
    assert sums(at_work, "critical_error_rate") == (1, 2), "who judged no critical criterion can find no critical error"


def test_eight_of_ten_is_satisfied_and_the_definition_says_so(values: pd.DataFrame) -> None:
    assert sums(values, "csat") == (2, 3)
    assert "4 and 5 of 5; 8 to 10 of 10; 6 and 7 of 7; 3 of 3; good of good and bad" in CATALOGUE["csat"].definition
