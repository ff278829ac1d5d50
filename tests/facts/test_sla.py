"""The rules of facts/sla, one ticket each.

`promised` works 09:00-17:00 in Amsterdam (08:00-16:00 UTC in early March), `night` always; both promise the policy
`standard`: a first reply in 4 business hours at normal and in 1 at high priority.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from tests.facts.support_centre import at, event_at, facts_of, organisation, question_at, ticket

MONDAY = "2026-03-02 09:00"


def _ticket(name: str, created: str, *events: Any, **columns: Any) -> Any:
    own = {"team": "promised", "priority": "normal", **columns}
    return ticket(name, created, *question_at(created), *events, **own)


def _reply(when: str) -> Any:
    return event_at(when, "public_comment", "agent")


def _status(when: str, status: str) -> Any:
    return event_at(when, "status", "agent", status)


TICKETS = [
    _ticket(
        "made urgent later",
        MONDAY,
        event_at(MONDAY, "priority", None, "normal"),
        event_at("2026-03-02 09:10", "priority", "agent", "high"),
        _reply("2026-03-02 12:00"),
        priority="high",
    ),
    _ticket(
        "applied anew",
        MONDAY,
        event_at(MONDAY, "priority", None, "normal"),
        event_at(MONDAY, "sla_policy", None, "standard"),
        event_at("2026-03-02 09:10", "priority", "agent", "high"),
        event_at("2026-03-02 09:20", "sla_policy", None, "standard"),
        _reply("2026-03-02 12:00"),
    ),
    _ticket(
        "applied after the reply",
        MONDAY,
        _reply("2026-03-02 10:00"),
        event_at("2026-03-02 11:00", "sla_policy", None, "standard"),
    ),
    _ticket(
        "lifted",
        MONDAY,
        event_at(MONDAY, "sla_policy", None, "standard"),
        event_at("2026-03-02 10:00", "sla_policy", None, None),
        _reply("2026-03-02 15:30"),
    ),
    _ticket("over the weekend", "2026-03-06 15:30", _reply("2026-03-10 10:00")),
    _ticket("to the second", MONDAY, _reply("2026-03-02 13:00")),
    _ticket("a second more", MONDAY, _reply("2026-03-02 13:00:01")),
    _ticket("up to closing time", "2026-03-02 12:00", _reply("2026-03-03 08:00")),
    _ticket("past closing time", "2026-03-02 12:00", _reply("2026-03-03 08:00:01")),
    _ticket("solved without a reply", MONDAY, _status("2026-03-02 10:00", "solved"), status="solved"),
    _ticket("new and waiting", "2026-11-30 15:30"),
    _ticket("old and waiting", "2026-11-30 09:00"),
    _ticket(
        "moved to the night",
        "2026-03-02 15:00",
        event_at("2026-03-02 15:00", "team", None, "promised"),
        event_at("2026-03-02 16:30", "team", None, "night"),
        _reply("2026-03-02 23:00"),
        team="night",
    ),
    _ticket(
        "used up as the wait stops",
        MONDAY,
        _status("2026-03-02 13:00", "pending"),
        _status("2026-03-02 15:00", "open"),
        _status("2026-03-02 15:30", "solved"),
        priority="high",
    ),
    _ticket(
        "one of two answers late",
        MONDAY,
        _reply("2026-03-02 09:30"),
        event_at("2026-03-02 10:00", "public_comment", "requester"),
        _reply("2026-03-02 15:00"),
        event_at("2026-03-03 10:00", "public_comment", "requester"),
        _reply("2026-03-03 10:10"),
    ),
    _ticket("deadline kept", MONDAY, _status("2026-03-03 09:00", "solved"), due_at=at("2026-03-03 09:00")),
    _ticket("deadline missed and still open", MONDAY, due_at=at("2026-03-03 09:00")),
    _ticket("deadline ahead", MONDAY, due_at=at("2027-01-01 09:00")),
    _ticket("merged", MONDAY, event_at("2026-03-05 09:00", "merged_into", None, "x"), due_at=at("2026-03-03 09:00")),
    _ticket("no priority", MONDAY, priority=None),
    _ticket(
        "reopened after ten days", MONDAY, _status("2026-03-02 10:00", "solved"),
        event_at("2026-03-12 10:00", "status", "requester", "open"), _status("2026-03-12 10:10", "solved"),
    ),
    _ticket(
        "late after it was reopened", MONDAY, _status("2026-03-03 16:00", "solved"),
        event_at("2026-03-10 08:00", "status", "requester", "open"), _status("2026-03-10 11:00", "solved"),
    ),
    _ticket(
        "handed over once broken", MONDAY, event_at(MONDAY, "team", None, "promised"),
        event_at("2026-03-03 08:30", "team", None, "night"), _reply("2026-03-04 09:00"),
        event_at("2026-03-05 09:00", "team", None, "nl"), team="nl", due_at=at("2026-03-02 20:00"),
    ),
    _ticket(
        "handed over once kept", MONDAY, event_at(MONDAY, "team", None, "promised"), _reply("2026-03-02 10:00"),
        event_at("2026-03-02 11:00", "team", None, "night"),
        event_at("2026-03-02 12:00", "public_comment", "requester"),
        _reply("2026-03-02 12:30"), _status("2026-03-02 13:00", "solved"),
        event_at("2026-03-02 14:00", "team", None, "nl"), team="nl", status="solved",
    ),
    _ticket(
        "handed over and running", "2026-11-30 09:00", event_at("2026-11-30 09:00", "team", None, "promised"),
        _reply("2026-11-30 10:00"), event_at("2026-11-30 11:00", "team", None, "nl"), team="nl",
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def sla(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    facts = facts_of(tmp_path_factory.mktemp("sla"), organisation(), *TICKETS)["sla"]
    assert not facts.duplicated(["ticket_id", "policy", "metric", "clock", "started_at"]).any()
    return facts.set_index(["ticket_id", "policy", "metric"]).sort_index()


@pytest.mark.parametrize(
    ("name", "priority", "target", "elapsed", "state", "breached_at"),
    [
        ("made urgent later", "normal", 14400, 10800, "met", None),
        ("applied anew", "high", 3600, 10800, "breached", "2026-03-02 10:00"),
        ("over the weekend", "normal", 14400, 1800 + 8 * 3600 + 2 * 3600, "breached", "2026-03-09 11:30"),
        ("to the second", "normal", 14400, 14400, "met", None),
        ("a second more", "normal", 14400, 14401, "breached", "2026-03-02 13:00"),
        ("up to closing time", "normal", 14400, 14400, "met", None),
        ("past closing time", "normal", 14400, 14401, "breached", "2026-03-02 16:00"),
        ("solved without a reply", "normal", 14400, 3600, "met", None),
        ("new and waiting", "normal", 14400, 1800, "running", None),
        ("old and waiting", "normal", 14400, 7 * 3600, "breached", "2026-11-30 13:00"),
        ("moved to the night", "normal", 14400, 3600 + 6 * 3600 + 1800, "breached", "2026-03-02 19:30"),
    ],
)
def test_the_first_reply_is_held_against_what_was_promised(
    sla: pd.DataFrame, name: str, priority: str, target: int, elapsed: int, state: str, breached_at: str | None
) -> None:
    row = sla.loc[(name, "standard", "first_reply")]
    assert (row["priority"], row["target_seconds"]) == (priority, target)
    assert (row["elapsed_seconds"], row["state"]) == (elapsed, state)
    assert (None if pd.isna(row["breached_at"]) else row["breached_at"]) == (breached_at and at(breached_at))


@pytest.mark.parametrize("name", ["applied after the reply", "lifted", "no priority"])
def test_what_nobody_had_promised_by_then_is_not_measured(sla: pd.DataFrame, name: str) -> None:
    assert (name, "standard", "first_reply") not in sla.index


def test_a_wait_that_used_up_its_target_as_it_stopped_broke_the_promise_then(sla: pd.DataFrame) -> None:
    """The target was gone at 13:00; that the wait went on at 15:00 only made it visible."""
    row = sla.loc[("used up as the wait stops", "standard", "requester_wait")]
    assert (row["elapsed_seconds"], row["state"], row["breached_at"]) == (16200, "breached", at("2026-03-02 13:00"))


@pytest.mark.parametrize(
    ("name", "elapsed", "state", "breached_at"),
    [
        ("reopened after ten days", 3600 + 600, "met", None),
        ("late after it was reopened", (7 + 8 + 3) * 3600, "breached", "2026-03-10 09:00"),
    ],
)
def test_the_clock_of_the_resolution_stands_still_while_the_ticket_is_solved(
    sla: pd.DataFrame, name: str, elapsed: int, state: str, breached_at: str | None
) -> None:
    """A solved ticket is nobody's to work on; as the field has it, only time in which it was not solved counts."""
    row = sla.loc[(name, "standard", "full_resolution")]
    assert (row["elapsed_seconds"], row["state"]) == (elapsed, state)
    assert (None if pd.isna(row["breached_at"]) else row["breached_at"]) == (breached_at and at(breached_at))


def test_every_next_reply_is_a_promise_of_its_own(sla: pd.DataFrame) -> None:
    """Two questions on a ticket are two answers to wait for, each decided in its own week."""
    rows = sla.loc[[("one of two answers late", "standard", "next_reply")]]
    assert rows["started_at"].tolist() == [at("2026-03-02 10:00"), at("2026-03-03 10:00")]
    assert rows["state"].tolist() == ["breached", "met"]
    assert rows["elapsed_seconds"].tolist() == [5 * 3600, 600]
    assert rows["breached_at"].dropna().tolist() == [at("2026-03-02 14:00")]


@pytest.mark.parametrize(
    ("name", "policy", "metric", "team"),
    [
        ("handed over once broken", "standard", "first_reply", "promised"),
        ("handed over once broken", "standard", "requester_wait", "night"),
        ("handed over once broken", "standard", "agent_work", "night"),
        ("handed over once broken", "due_at", "full_resolution", "promised"),
        ("handed over once kept", "standard", "first_reply", "promised"),
        ("handed over once kept", "standard", "next_reply", "night"),
        ("handed over once kept", "standard", "full_resolution", "night"),
        ("handed over and running", "standard", "full_resolution", "nl"),
    ],
)
def test_a_promise_is_that_of_the_team_that_kept_or_broke_it(
    sla: pd.DataFrame, name: str, policy: str, metric: str, team: str
) -> None:
    """Who gets the ticket afterwards has neither kept nor broken it; what still runs is the holder's of today."""
    assert sla.loc[[(name, policy, metric)], "team"].tolist() == [team]


@pytest.mark.parametrize(
    ("name", "state"),
    [("deadline kept", "met"), ("deadline missed and still open", "breached"), ("deadline ahead", "running")],
)
def test_the_deadline_of_the_source_is_a_policy_of_its_own(sla: pd.DataFrame, name: str, state: str) -> None:
    row = sla.loc[(name, "due_at", "full_resolution")]
    assert (row["state"], row["clock"]) == (state, "calendar")
    assert (state == "breached") == (row["breached_at"] == at("2026-03-03 09:00"))


def test_a_merged_ticket_keeps_and_breaks_no_promise(sla: pd.DataFrame) -> None:
    assert "merged" not in sla.index.get_level_values("ticket_id")
