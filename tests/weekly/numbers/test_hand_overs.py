"""A hand-over changes no number of a week that was over before it: neither the giver's nor the receiver's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from opslib.facts.build import build
from opslib.metrics import CATALOGUE
from opslib.store.warehouse import Warehouse
from opslib.weekly.numbers.values import build_weekly_values
from tests.facts.support_centre import at, event_at, fill, organisation, question_at, ticket

WEEK, MONDAY, NEXT_MONDAY = "2026-W10", "2026-03-09 12:00", "2026-03-16 12:00"
STARTED = "2026-03-03 14:00"
STILL_RUNS = {"first_resolution", "full_resolution"}
"""What is not decided while a ticket is open."""


def _ticket(name: str, team: str, *events: Any, handed_to: str | None = None, status: str = "open") -> Any:
    """A ticket of a team, in the second export handed over on Tuesday of the next week."""
    moves = [event_at("2026-03-10 14:00", "team", "agent", handed_to)] if handed_to else []
    story = [*question_at(STARTED), event_at(STARTED, "team", None, team), *events, *moves]
    own, rows = ticket(name, STARTED, *story, status=status, team=handed_to or team, priority="high", channel="email")
    return dict(own), rows


def _writes(when: str, role: str) -> Any:
    return event_at(when, "public_comment", role)


STORIES = {
    "solved": [_writes("2026-03-03 14:30", "agent"), event_at("2026-03-04 14:00", "status", "agent", "solved")],
    "late": [
        _writes("2026-03-05 14:00", "agent"),
        _writes("2026-03-05 15:00", "requester"),
        _writes("2026-03-05 15:20", "agent"),
        _writes("2026-03-06 10:00", "requester"),
    ],
    "reopened": [
        _writes("2026-03-03 14:30", "agent"),
        event_at("2026-03-04 14:00", "status", "agent", "solved"),
        event_at("2026-03-05 14:00", "status", "requester", "open"),
        _writes("2026-03-05 14:00", "requester"),
        event_at("2026-03-05 15:00", "status", "agent", "solved"),
    ],
}


def _values(folder: Path, handed_over: str, *, to: str | None, as_of: str) -> pd.DataFrame:
    """Weekly values of the week, where one of the tickets has been handed over by then."""
    tickets = []
    for team in ("promised", "night"):
        for story, events in STORIES.items():
            name, status = f"{story} of {team}", "open" if story == "late" else "solved"
            tickets.append(_ticket(name, team, *events, handed_to=to if name == handed_over else None, status=status))
    warehouse = Warehouse(folder)
    fill(warehouse, organisation(), tickets)
    build(warehouse, organisation(), at(as_of))
    build_weekly_values(warehouse, organisation(), at(as_of))
    return warehouse.read("facts", "weekly_values", weeks=[WEEK]).set_index(["metric", "team", "channel"]).sort_index()


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Weekly values of the week as they were on Monday: nothing had been handed over."""
    return _values(tmp_path_factory.mktemp("before"), "", to=None, as_of=MONDAY)


@pytest.mark.parametrize(
    ("handed_over", "still_runs"),
    [("solved of promised", False), ("reopened of night", False), ("late of promised", True)],
)
def test_a_hand_over_of_tuesday_changes_no_decided_number_of_last_week(
    before: pd.DataFrame, tmp_path: Path, handed_over: str, still_runs: bool
) -> None:
    receiver = "night" if handed_over.endswith("promised") else "promised"
    after = _values(tmp_path, handed_over, to=receiver, as_of=NEXT_MONDAY)
    decided = [
        name
        for name, metric in CATALOGUE.items()
        if metric.settles_days == 0 and name.rpartition("_")[0].removesuffix("_calendar") not in STILL_RUNS
    ]
    numbers = ["value", "numerator", "denominator", "n"]
    first, second = (rows.loc[decided, numbers].astype("float64") for rows in (before, after))
    if still_runs:
        # The question of Friday is not answered yet: it waits with whoever holds the ticket.
        first, second = (rows.drop(index="next_reply_median", level="metric") for rows in (first, second))
    pd.testing.assert_frame_equal(first, second)
    assert first.loc[("first_reply_sla", "promised", "all"), ["numerator", "n"]].tolist() == [2, 3]
    assert first.loc[("next_reply_sla", "promised", "all"), ["numerator", "n"]].tolist() == [2, 3]
    assert first.loc[("unanswered_questions", "promised", "all"), "value"] == 1
    assert first.loc[("first_reply_calendar_median", "night", "all"), "value"] == 1800
