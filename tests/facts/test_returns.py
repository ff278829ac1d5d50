"""A customer who comes back to a ticket that was finished without a reply waits for the first reply from there."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from tests.facts.support_centre import at, event_at, facts_of, organisation, question_at, ticket

MONDAY, FRIDAY, SUNDAY = "2026-03-09 13:00", "2026-03-13 18:00", "2026-03-15 18:00"
DAY = 86_400


def _case(name: str, *events: Any, status: str = "open", opened: list[Any] | None = None) -> Any:
    beginning = question_at(MONDAY) if opened is None else opened
    return ticket(name, MONDAY, *beginning, *events, status=status, team="night", priority="normal")


def _finish(when: str, role: str | None = "automation") -> Any:
    return event_at(when, "status", role, "solved")


def _reopen(when: str, role: str | None = "requester") -> Any:
    return event_at(when, "status", role, "open")


def _writes(when: str, role: str = "requester") -> Any:
    return event_at(when, "public_comment", role)


BOT = _writes("2026-03-09 13:01", "automation")
SOLVED = _finish("2026-03-09 13:05")
BACK = (_reopen(FRIDAY), _writes(FRIDAY))
ANSWER = _writes("2026-03-13 18:10", "agent")
OUTREACH = [event_at(MONDAY, "created", "agent"), _writes(MONDAY, "agent")]
TICKETS = [
    _case("bot first", BOT, _writes("2026-03-09 13:12", "agent"), _finish("2026-03-09 13:20"), status="solved"),
    _case("bot solved it", BOT, SOLVED, *BACK, ANSWER),
    _case("comment comes before the reopening", BOT, SOLVED, _writes(FRIDAY), _reopen(FRIDAY, None), ANSWER),
    _case("reopened without a word", BOT, SOLVED, _reopen(FRIDAY), ANSWER),
    _case("an agent solved it in silence", _finish("2026-03-09 13:05", "agent"), *BACK, ANSWER),
    _case("an agent reopened it", BOT, SOLVED, _reopen(FRIDAY, "agent"), ANSWER),
    _case(
        "the bot solved it twice",
        *(BOT, SOLVED, _reopen("2026-03-11 13:00"), _writes("2026-03-11 13:00"), _finish("2026-03-11 13:05")),
        *(*BACK, _writes("2026-03-13 18:05"), ANSWER),
    ),
    _case("nobody has answered yet", BOT, SOLVED, *BACK),
    _case("solved again before the answer", BOT, SOLVED, *BACK, _finish("2026-03-13 18:04"), ANSWER, status="solved"),
    _case("solved again without an answer", BOT, SOLVED, *BACK, _finish("2026-03-13 18:04"), status="solved"),
    _case("only thanked", BOT, SOLVED, _writes(FRIDAY), status="solved"),
    _case("never came back", BOT, SOLVED, status="solved"),
    _case("answers an outreach", _finish("2026-03-09 13:05", "agent"), *BACK, ANSWER, opened=OUTREACH),
    _case("answered before", ANSWER, _finish("2026-03-13 19:00"), _reopen("2026-03-14 13:00")),
]  # fmt: skip


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    return facts_of(tmp_path_factory.mktemp("returns"), organisation(), *TICKETS, as_of=SUNDAY)


@pytest.mark.parametrize(
    ("name", "start", "seconds", "so_far", "sla"),
    [
        ("bot first", MONDAY, 720, None, ("met", 720)),
        ("bot solved it", FRIDAY, 600, None, ("met", 600)),
        ("comment comes before the reopening", FRIDAY, 600, None, ("met", 600)),
        ("reopened without a word", FRIDAY, 600, None, ("met", 600)),
        ("an agent solved it in silence", FRIDAY, 600, None, ("met", 600)),
        ("an agent reopened it", MONDAY, 4 * DAY + 5 * 3600 + 600, None, ("met", 300)),
        ("the bot solved it twice", FRIDAY, 600, None, ("met", 600)),
        ("nobody has answered yet", FRIDAY, None, 2 * DAY, ("breached", 2 * DAY)),
        ("solved again before the answer", FRIDAY, 600, None, ("met", 240)),
        ("solved again without an answer", FRIDAY, None, 240, ("met", 240)),
        ("only thanked", MONDAY, None, 300, ("met", 300)),
        ("never came back", MONDAY, None, 300, ("met", 300)),
        ("answers an outreach", FRIDAY, 600, None, ("met", 600)),
        ("answered before", MONDAY, 4 * DAY + 5 * 3600 + 600, None, ("breached", 4 * DAY + 5 * 3600 + 600)),
    ],
)
def test_the_reply_and_its_promise_run_from_the_return(
    facts: dict[str, pd.DataFrame], name: str, start: str, seconds: int | None, so_far: int | None, sla: tuple[str, int]
) -> None:
    row = facts["tickets"].loc[name]
    assert row["first_reply_start_at"] == at(start)
    for clock in ("calendar", "business"):  # the team works around the clock
        both = row[f"first_reply_{clock}_seconds"], row[f"first_reply_{clock}_censored_seconds"]
        assert [None if pd.isna(value) else value for value in both] == [seconds, so_far]
    promises = facts["sla"].set_index("ticket_id").loc[[name]].query("metric == 'first_reply'")
    assert promises["started_at"].tolist() == [at(start)]
    assert list(zip(promises["state"], promises["elapsed_seconds"], strict=True)) == [sla]


def test_a_target_that_runs_out_after_the_return_is_broken_then(facts: dict[str, pd.DataFrame]) -> None:
    """Four hours of a normal ticket: from the return, not from Monday."""
    promises = facts["sla"].query("ticket_id == 'nobody has answered yet' and metric == 'first_reply'")
    assert promises["breached_at"].tolist() == [at("2026-03-13 22:00")]
