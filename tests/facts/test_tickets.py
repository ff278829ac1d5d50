"""The rules of facts/tickets, facts/spells and facts/replies, one ticket each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.facts.support_centre import at, event_at, facts_of, organisation, question_at, ticket

REPLY, STATUS = "public_comment", "status"
START = "2026-03-02 09:00"


def _solve(when: str, by: str | None = "agent", who: str | None = None) -> Any:
    return event_at(when, STATUS, by, "solved", who)


TICKETS = [
    ticket("no created event", START, event_at("2026-03-02 10:00", REPLY, "agent"), _solve("2026-03-02 11:00")),
    ticket(
        "late event",
        START,
        *question_at(START),
        event_at("2026-03-02 07:00", STATUS, None, "pending"),
        event_at("2026-03-02 10:00", STATUS, None, "open"),
        _solve("2026-03-02 11:00"),
    ),
    ticket(
        "out of order",
        START,
        *question_at(START),
        event_at("2026-03-02 12:00", STATUS, None, "pending"),
        event_at("2026-03-02 10:00", STATUS, None, "open"),
        _solve("2026-03-02 13:00"),
    ),
    ticket("no role", START, *question_at(START), event_at("2026-03-02 10:00", REPLY), _solve("2026-03-02 11:00")),
    ticket(
        "agent who left",
        START,
        *question_at(START),
        event_at("2026-03-02 10:00", REPLY, "agent", who="left long ago"),
        event_at("2026-03-02 10:00", STATUS, "agent", "solved", "left long ago"),
        assignee_id="holds it today",
    ),
    ticket(
        "opened by automation",
        START,
        event_at(START, "created", "automation"),
        event_at("2026-03-02 10:00", REPLY, "agent"),
        event_at("2026-03-02 11:00", REPLY, "requester"),
        event_at("2026-03-02 12:00", REPLY, "agent"),
    ),
    ticket(
        "opened by an agent and silent", START, event_at(START, "created", "agent"), event_at(START, REPLY, "agent")
    ),
    ticket(
        "opening is implied",
        START,
        event_at(START, "created", "requester"),
        event_at("2026-03-02 10:00", REPLY, "agent"),
        event_at("2026-03-02 11:00", REPLY, "requester"),
        event_at("2026-03-02 13:00", REPLY, "agent"),
    ),
    ticket(
        "two calendars",
        "2026-03-02 15:00",
        *question_at("2026-03-02 15:00"),
        event_at("2026-03-02 15:00", "team", None, "nl"),
        event_at("2026-03-02 19:00", "team", "agent", "us"),
        _solve("2026-03-02 20:00"),
        team="us",
    ),
    ticket(
        "closed and reopened",
        START,
        *question_at(START),
        event_at("2026-03-02 10:00", STATUS, "agent", "closed"),
        event_at("2026-03-02 11:00", STATUS, None, "open"),
        event_at("2026-03-02 12:00", STATUS, "agent", "closed"),
    ),
    ticket("solved twice in a row", START, *question_at(START), _solve("2026-03-02 10:00"), _solve("2026-03-02 12:00")),
    ticket("merged", START, *question_at(START), event_at("2026-03-02 10:00", "merged_into", "agent", "x")),
    ticket("deleted", START, *question_at(START), event_at("2026-03-02 10:00", "deleted", "agent")),
    ticket("spam", START, *question_at(START), event_at("2026-03-02 10:00", STATUS, "agent", "spam")),
    ticket("spam in its column only", START, *question_at(START), status="spam", updated_at=at("2026-03-02 12:00")),
    ticket(
        "sent around",
        START,
        *question_at(START),
        event_at(START, "queue", None, "front"),
        event_at("2026-03-02 10:00", "queue", "agent", "billing"),
        event_at("2026-03-02 10:00", "team", "agent", "us"),
        event_at("2026-03-02 11:00", "queue", "agent", "front"),
        event_at("2026-03-02 12:00", "queue", "agent", "front"),
        event_at("2026-03-02 13:00", "team", "agent", "nl"),
    ),
    ticket(
        "first queue comes late",
        START,
        *question_at(START),
        event_at("2026-03-02 10:00", "queue", None, "billing"),
        queue="elsewhere today",
    ),
    ticket(
        "credit",
        START,
        *question_at(START),
        event_at(START, "team", None, "nl"),
        event_at("2026-03-02 09:30", "assignee", "agent", "anna"),
        event_at("2026-03-02 10:00", REPLY, "agent", who="anna"),
        event_at("2026-03-02 10:30", REPLY, "agent", who="ben"),
        _solve("2026-03-02 10:30", who="ben"),
        event_at("2026-03-02 11:00", "satisfaction_offered", "automation"),
        event_at("2026-03-02 12:00", REPLY, "agent", who="carla"),
        event_at("2026-03-02 12:00", "assignee", "agent", "carla"),
        event_at("2026-03-02 12:00", "team", "agent", "us"),
        team="us",
    ),
    ticket(
        "unassigned",
        START,
        *question_at(START),
        event_at("2026-03-02 10:00", "assignee", "agent", "anna"),
        event_at("2026-03-02 10:30", "assignee", "agent", None),
        _solve("2026-03-02 11:00", who="ben"),
    ),
    ticket("unknown team", START, *question_at(START), _solve("2026-03-02 11:00"), team="not in org.yml"),
    ticket(
        "thanks",
        START,
        *question_at(START),
        event_at("2026-03-02 10:00", REPLY, "agent"),
        _solve("2026-03-02 10:00"),
        event_at("2026-03-02 11:00", REPLY, "requester"),
    ),
    ticket(
        "asked again and left",
        START,
        *question_at(START),
        event_at("2026-03-02 10:00", REPLY, "agent"),
        event_at("2026-03-02 11:00", REPLY, "requester"),
        event_at("2026-03-02 12:00", REPLY, "requester"),
        _solve("2026-03-02 13:00"),
    ),
    ticket(
        "asked again and left, then moved",
        START,
        *question_at(START),
        event_at(START, "team", None, "nl"),
        event_at("2026-03-02 10:00", REPLY, "agent"),
        event_at("2026-03-02 11:00", REPLY, "requester"),
        _solve("2026-03-02 13:00"),
        event_at("2026-03-03 13:00", "team", "agent", "us"),
        team="us",
    ),
    ticket(
        "handed around",
        START,
        *question_at(START),
        event_at(START, "team", None, "nl"),
        event_at("2026-03-02 10:00", REPLY, "agent"),
        event_at("2026-03-02 11:00", REPLY, "requester"),
        event_at("2026-03-02 12:00", "team", "agent", "us"),
        event_at("2026-03-02 13:00", REPLY, "agent"),
        _solve("2026-03-02 13:00"),
        event_at("2026-03-03 10:00", STATUS, "requester", "open"),
        event_at("2026-03-03 10:00", REPLY, "requester"),
        event_at("2026-03-03 11:00", "team", "agent", "nl"),
        event_at("2026-03-03 12:00", REPLY, "agent"),
        _solve("2026-03-03 12:00"),
        event_at("2026-03-04 10:00", STATUS, "requester", "open"),
        event_at("2026-03-04 10:00", REPLY, "requester"),
        team="today's",
    ),
    ticket("solved, nobody knows when", START, *question_at(START), status="solved", updated_at=at("2026-03-05 09:00")),
    ticket(
        "solved in its column",
        START,
        *question_at(START),
        event_at("2026-03-02 10:00", REPLY, "agent"),
        status="solved",
        solved_at=at("2026-03-02 11:00"),
    ),
    ticket("no time in between", START, *question_at(START), event_at(START, STATUS, None, "open"), _solve(START)),
    *(
        ticket(
            name,
            when,
            *question_at(when),
            event_at(when, REPLY, "agent"),
            _solve(when),
            requester_id=requester,
            contact_reason="login",
            status="solved",
        )
        for name, when, requester in (
            ("helped", "2026-03-02 09:00", "r1"),
            ("wrote again", "2026-03-02 09:00", "r2"),
            ("again after six days", "2026-03-08 09:00", "r2"),
            ("wrote much later", "2026-03-02 09:00", "r3"),
            ("after eight days", "2026-03-10 09:00", "r3"),
            ("too new to know", "2026-11-30 09:00", "r4"),
        )
    ),
]


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    return facts_of(tmp_path_factory.mktemp("rules"), organisation(), *TICKETS)


@pytest.fixture(scope="module")
def tickets(facts: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return facts["tickets"]


def test_a_ticket_without_its_created_event_starts_at_created_at_as_new(facts: dict[str, pd.DataFrame]) -> None:
    row = facts["tickets"].loc["no created event"]
    assert (row["first_reply_calendar_seconds"], row["requester_wait_calendar_seconds"]) == (3600, 7200)
    spells = facts["spells"].set_index("ticket_id").loc["no created event"]
    assert spells["status"].tolist() == ["new", "solved"]
    assert spells["start_at"].iloc[0] == at(START)


def test_an_event_dated_before_creation_counts_at_creation(tickets: pd.DataFrame) -> None:
    row = tickets.loc["late event"]
    assert (row["agent_wait_calendar_seconds"], row["requester_wait_calendar_seconds"]) == (3600, 3600)


def test_the_sequence_orders_events_and_not_their_time(tickets: pd.DataFrame) -> None:
    """The later one in sequence counts at the instant of the one before it, so pending lasts no time."""
    row = tickets.loc["out of order"]
    assert (row["agent_wait_calendar_seconds"], row["requester_wait_calendar_seconds"]) == (0, 4 * 3600)


def test_an_actor_without_a_role_is_no_agent(tickets: pd.DataFrame) -> None:
    row = tickets.loc["no role"]
    assert pd.isna(row["first_reply_at"])
    assert row["touches"] == 0


def test_replies_of_an_agent_who_has_left_count(tickets: pd.DataFrame) -> None:
    """The role is the one that stands with the event, not the one in today's list of agents."""
    row = tickets.loc["agent who left"]
    assert row["first_reply_calendar_seconds"] == 3600
    assert row["one_touch"]
    assert row["solved_agent_id"] == "holds it today"


def test_what_automation_opened_is_answered_after_the_requester_spoke(tickets: pd.DataFrame) -> None:
    assert tickets.loc["opened by automation", "first_reply_at"] == at("2026-03-02 12:00")


def test_nobody_waits_on_a_ticket_that_an_agent_opened_and_the_requester_ignores(tickets: pd.DataFrame) -> None:
    row = tickets.loc["opened by an agent and silent"]
    assert pd.isna(row["first_reply_calendar_seconds"])
    assert pd.isna(row["first_reply_calendar_censored_seconds"])


def test_an_opening_without_a_comment_is_the_creation(facts: dict[str, pd.DataFrame]) -> None:
    """Forum exports have the question in `created`; the asker's first comment is then not the opening."""
    assert facts["tickets"].loc["opening is implied", "first_reply_at"] == at("2026-03-02 10:00")
    stretch = facts["replies"].set_index("ticket_id").loc["opening is implied"]
    assert (stretch["asked_at"], stretch["calendar_seconds"]) == (at("2026-03-02 11:00"), 7200)


def test_the_business_clock_follows_the_team_that_holds_the_ticket(facts: dict[str, pd.DataFrame]) -> None:
    """One hour until Amsterdam closes, nothing until the move, one hour in New York."""
    row = facts["tickets"].loc["two calendars"]
    assert (row["full_resolution_calendar_seconds"], row["full_resolution_business_seconds"]) == (5 * 3600, 2 * 3600)
    assert row["requester_wait_business_seconds"] == 2 * 3600
    spells = facts["spells"].set_index("ticket_id").loc["two calendars"]
    assert spells["team"].tolist() == ["nl", "us", "us"]
    assert spells["business_seconds"].tolist()[:2] == [3600, 3600]


def test_closing_counts_as_solving_where_nobody_solved_and_reopening_after_it_counts(tickets: pd.DataFrame) -> None:
    row = tickets.loc["closed and reopened"]
    assert row["reopens"] == 1
    assert (row["first_resolution_calendar_seconds"], row["full_resolution_calendar_seconds"]) == (3600, 3 * 3600)


def test_saying_solved_twice_solves_once(tickets: pd.DataFrame) -> None:
    assert tickets.loc["solved twice in a row", "full_resolution_calendar_seconds"] == 3600


@pytest.mark.parametrize("name", ["merged", "deleted", "spam", "spam in its column only"])
def test_merged_deleted_and_spam_count_in_no_speed_metric(facts: dict[str, pd.DataFrame], name: str) -> None:
    row = facts["tickets"].loc[name]
    assert not row["counts_in_speed"]
    assert row[[column for column in row.index if column.endswith("_seconds")]].isna().all()
    assert name not in set(facts["sla"]["ticket_id"]) | set(facts["replies"]["ticket_id"])


def test_team_and_queue_changed_at_once_are_one_transfer_and_a_way_back_is_a_ping_pong(tickets: pd.DataFrame) -> None:
    row = tickets.loc["sent around"]
    assert (row["transfers"], row["ping_pongs"]) == (3, 1)


def test_the_first_queue_that_is_named_held_before_too(tickets: pd.DataFrame) -> None:
    row = tickets.loc["first queue comes late"]
    assert (row["first_queue"], row["transfers"]) == ("billing", 0)


def test_credit_goes_to_who_held_the_ticket_then_and_not_today(tickets: pd.DataFrame) -> None:
    row = tickets.loc["credit"]
    assert (row["solved_agent_id"], row["solved_team"]) == ("anna", "nl")
    assert (row["survey_agent_id"], row["survey_team"]) == ("ben", "nl")
    assert (row["first_reply_team"], row["first_solved_team"]) == ("nl", "nl")
    assert row["transfers"] == 0, "it was moved when it was solved already"


def test_each_team_is_credited_with_what_happened_while_it_held_the_ticket(facts: dict[str, pd.DataFrame]) -> None:
    row = facts["tickets"].loc["handed around"]
    assert (row["first_reply_team"], row["first_solved_team"], row["solved_team"]) == ("nl", "us", "nl")
    stretches = facts["replies"].set_index("ticket_id").loc["handed around"]
    assert stretches["team"].tolist() == ["us", "nl", "today's"], "the one that waits is with today's team"
    asked = facts["replies"].set_index("ticket_id").loc["asked again and left, then moved"]
    assert asked["team"] == "nl", "no reply: it ended with the solve"


def test_an_unassigned_ticket_is_solved_by_who_solves_it(tickets: pd.DataFrame) -> None:
    assert tickets.loc["unassigned", "solved_agent_id"] == "ben"


def test_business_time_of_a_team_without_a_calendar_is_not_known(tickets: pd.DataFrame) -> None:
    row = tickets.loc["unknown team"]
    assert row["full_resolution_calendar_seconds"] == 7200
    assert pd.isna(row["full_resolution_business_seconds"])
    assert pd.isna(row["requester_wait_business_seconds"])


def test_thanks_on_a_solved_ticket_wait_for_nothing(facts: dict[str, pd.DataFrame]) -> None:
    assert "thanks" not in set(facts["replies"]["ticket_id"])


def test_an_unanswered_question_is_censored_at_the_solve(facts: dict[str, pd.DataFrame]) -> None:
    stretch = facts["replies"].set_index("ticket_id").loc["asked again and left"]
    assert (stretch["asked_at"], stretch["calendar_censored_seconds"]) == (at("2026-03-02 11:00"), 7200)
    assert pd.isna(stretch["calendar_seconds"])


def test_a_solve_that_nothing_dates_is_neither_a_time_nor_an_open_ticket(facts: dict[str, pd.DataFrame]) -> None:
    """As censored it would pull the median up for ever, as solved at updated_at it would invent a time."""
    row = facts["tickets"].loc["solved, nobody knows when"]
    assert row[[column for column in row.index if column.endswith("_seconds")]].isna().all()
    days = facts["backlog"].query("team == 'nl'").set_index("day")["solved"]
    assert days[at("2026-03-05 09:00").date()] == 1


def test_an_end_that_only_the_column_tells_is_taken_from_it(tickets: pd.DataFrame) -> None:
    row = tickets.loc["solved in its column"]
    assert row["full_resolution_calendar_seconds"] == 7200
    assert row["requester_wait_calendar_seconds"] == 7200


def test_states_that_last_no_time_leave_no_spell(facts: dict[str, pd.DataFrame]) -> None:
    spells = facts["spells"].set_index("ticket_id").loc[["no time in between"]]
    assert spells["status"].tolist() == ["solved"]
    assert facts["tickets"].loc["no time in between", "full_resolution_calendar_seconds"] == 0


def test_first_contact_resolution_asks_for_the_seven_days_after(tickets: pd.DataFrame) -> None:
    resolutions = tickets["first_contact_resolution"]
    assert resolutions["helped"] is True
    assert resolutions["wrote again"] is False
    assert resolutions["wrote much later"] is True
    assert resolutions["too new to know"] is None, "the seven days have not passed"
    assert resolutions["closed and reopened"] is None, "no requester is known"


WITHOUT_EVENTS = [
    ticket("solved", START, status="solved", solved_at=at("2026-03-02 12:00"), first_reply_at=at("2026-03-02 10:00"),
           reopen_count=0, transfer_count=2, assignee_id="anna"),
    ticket("closed only", START, status="closed", closed_at=at("2026-03-02 13:00")),
    ticket("reopened once", START, status="solved", solved_at=at("2026-03-03 09:00"), reopen_count=1),
    ticket("open", START, status="open"),
]  # fmt: skip


def test_a_source_without_events_gives_what_its_columns_tell_and_nothing_else(tmp_path: Path) -> None:
    tickets = facts_of(tmp_path, organisation(), *WITHOUT_EVENTS)["tickets"]
    row = tickets.loc["solved"]
    assert (row["first_reply_calendar_seconds"], row["full_resolution_calendar_seconds"]) == (3600, 3 * 3600)
    assert (row["reopens"], row["transfers"], row["solved_agent_id"]) == (0, 2, "anna")
    assert tickets.loc["closed only", "full_resolution_calendar_seconds"] == 4 * 3600
    assert tickets.loc["reopened once", "full_resolution_calendar_seconds"] == 24 * 3600
    assert pd.isna(tickets.loc["reopened once", "first_resolution_calendar_seconds"]), "the first solve is not known"
    assert tickets.loc["open", "full_resolution_calendar_censored_seconds"] > 0
    for column in ("touches", "one_touch", "ping_pongs", "requester_wait_calendar_seconds", "on_hold_business_seconds"):
        assert tickets[column].isna().all(), column


def test_a_first_reply_that_the_export_does_not_have_is_not_censored(tmp_path: Path) -> None:
    """Nobody knows whether there was one: a censored time would say that there was none so far."""
    tickets = facts_of(tmp_path, organisation(), *WITHOUT_EVENTS[1:], without=["first_reply_at"])["tickets"]
    for column in ("first_reply_at", "first_reply_calendar_seconds", "first_reply_calendar_censored_seconds"):
        assert tickets[column].isna().all(), column
