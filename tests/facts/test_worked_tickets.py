"""The tickets worked by hand, through the whole build, to the second."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from tests.facts.support_centre import facts_of, organisation
from tests.facts.worked_tickets import WORKED_TICKETS, WorkedTicket

DURATIONS = (
    "requester_wait",
    "agent_work",
    "agent_wait",
    "on_hold",
    "first_reply",
    "first_resolution",
    "full_resolution",
)
INSTANTS = ("first_reply_at", "first_solved_at", "last_solved_at")


@pytest.fixture(scope="module")
def tickets(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return facts_of(tmp_path_factory.mktemp("worked"), organisation(), *(each.ticket for each in WORKED_TICKETS))[
        "tickets"
    ]


def _or_none(value: Any) -> Any:
    return None if pd.isna(value) else value


@pytest.mark.parametrize("case", WORKED_TICKETS, ids=lambda case: case.name)
def test_a_worked_ticket_comes_out_to_the_second(tickets: pd.DataFrame, case: WorkedTicket) -> None:
    row = tickets.loc[case.name]
    for duration in DURATIONS:
        seconds = tuple(_or_none(row[f"{duration}_{clock}_seconds"]) for clock in ("calendar", "business"))
        assert seconds == (getattr(case, duration) or (None, None)), duration
    for instant in INSTANTS:
        assert _or_none(row[instant]) == case.instants.get(instant), instant
    assert row["reopens"] == case.reopens
    assert row["touches"] == case.touches


@pytest.mark.parametrize(
    ("name", "measure", "seconds"),
    [
        ("answered and still open", "full_resolution", (22867200, 5414400)),
        ("never answered", "first_reply", (22780800, 5385600)),
        ("never answered", "first_resolution", (22780800, 5385600)),
        ("a note and an automatic answer", "first_reply", (7200, 7200)),
    ],
)
def test_what_has_not_happened_is_censored_and_never_dropped(
    tickets: pd.DataFrame, name: str, measure: str, seconds: tuple[int, int]
) -> None:
    """Averages over the solved ones only would look better the more tickets are left lying."""
    row = tickets.loc[name]
    assert tuple(row[f"{measure}_{clock}_censored_seconds"] for clock in ("calendar", "business")) == seconds
    assert pd.isna(row[f"{measure}_calendar_seconds"])
