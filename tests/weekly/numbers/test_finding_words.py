"""What is proposed follows from what was measured; a coincidence proposes something for waits and backlogs alone."""

from __future__ import annotations

import pandas as pd
import pytest

from opslib.metrics import CATALOGUE
from opslib.weekly.numbers.finding_words import next_step


def candidates(*rows: tuple[str, str, bool]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["cause", "subject", "is_measured"])
    return frame.assign(detail="")


@pytest.mark.parametrize(
    ("metric", "rows", "step"),
    [
        ("first_reply_sla", [("people", "", False)], "Ask for people from another team"),
        ("csat", [("people", "", False)], "Open the tickets that missed it"),
        ("csat", [("people", "", False), ("reason", "lost_drafts", True)], "Send the escalation about “Lost drafts”"),
        ("first_reply_sla", [("mix", "chat", True)], "Open the tickets that missed it"),
        ("live_channel_share", [("people", "", False), ("reason", "lost_drafts", True)], "Ask what changed"),
    ],
)
def test_the_step_is_that_of_the_first_cause_that_tells_one(
    metric: str, rows: list[tuple[str, str, bool]], step: str
) -> None:
    assert next_step(candidates(*rows), CATALOGUE[metric]).startswith(step)
