"""What a finding costs in hours: counted by hand from hours on shift, solves and replies."""

from __future__ import annotations

import pandas as pd
import pytest

from opslib.analysis.findings.hours import (
    NO_HOURS,
    WEEKS,
    Hours,
    hours_a_reply,
    hours_a_ticket,
    of_tickets,
)
from opslib.analysis.findings.register import KINDS, finding

WEEK = "2026-W46"


def values(*weeks: tuple[str, float | None, float | None, float | None]) -> pd.DataFrame:
    """Weekly values of hours on shift, solves in them, and replies of what was solved."""
    rows = []
    for week, hours, solves, replies in weeks:
        rows.append((week, "solves_per_agent_hour", solves, hours))
        rows.append((week, "touches_per_solved", replies, solves))
        rows.append((week, "csat", 9.0, 10.0))
    return pd.DataFrame(rows, columns=["week", "metric", "numerator", "denominator"])


def test_a_ticket_takes_the_hours_on_shift_over_what_was_solved_in_them():
    two = values(("2026-W45", 100.0, 200.0, 300.0), (WEEK, 50.0, 100.0, 200.0), ("2026-W47", 900.0, 1.0, 1.0))
    assert hours_a_ticket(two, WEEK) == pytest.approx(150 / 300)
    assert hours_a_reply(two, WEEK) == pytest.approx(150 / 500)


def test_weeks_that_do_not_tell_it_and_those_long_past_do_not_count():
    old = [(f"2026-W{20 + place}", 1000.0, 1.0, 1.0) for place in range(5)]
    recent = [(f"2026-W{47 - back}", 10.0, 40.0, 80.0) for back in range(WEEKS, 0, -1)]
    assert hours_a_ticket(values(*old, *recent), WEEK) == pytest.approx(0.25)
    assert hours_a_ticket(values(("2026-W45", 10.0, 40.0, 80.0), (WEEK, None, 40.0, 80.0)), WEEK) == pytest.approx(0.25)
    assert hours_a_ticket(values((WEEK, None, None, 80.0)), WEEK) is None
    assert hours_a_ticket(pd.DataFrame({"week": [WEEK], "metric": ["csat"]}), WEEK) is None


def test_tickets_that_are_too_many_cost_hours_with_the_interval_of_their_number():
    assert of_tickets(40.0, (20.0, 60.0), 0.5) == Hours(20.0, 10.0, 30.0)
    assert of_tickets(40.0, (None, None), 0.5) == Hours(20.0)
    assert of_tickets(40.0, (20.0, 60.0), None) == Hours(missing=NO_HOURS)


def test_a_finding_of_any_kind_says_why_it_has_no_hours():
    plain = {"week": WEEK, "team": "alpha", "subject": "x", "what": "", "next_step": "", "section": "", "tickets": {}}
    for kind in KINDS:
        row = finding(kind, **plain)  # type: ignore[arg-type]
        assert row["hours"] is None
        assert row["hours_missing"].endswith(".")
    row = finding("reason moved", hours=Hours(20.0, 10.0, 30.0), **plain)  # type: ignore[arg-type]
    assert (row["hours"], row["hours_low"], row["hours_high"], row["hours_missing"]) == (20.0, 10.0, 30.0, "")
