"""What the gate found is written, read back and printed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest
from rich.console import Console

from opslib.errors import GateError
from opslib.intake.gate.verdict import Verdict, verdict_lines
from tests.intake.gate.healthy_exports import AS_OF, WEEK
from tests.intake.gate.judging import judge


def test_a_verdict_reads_back_as_it_was_written_and_the_same_export_gives_the_same_bytes(tickets: pd.DataFrame) -> None:
    tickets.loc[3, "team"] = "us-generral"
    verdict = judge({"tickets": tickets}).verdict
    assert Verdict.from_json(verdict.to_json()) == verdict
    assert judge({"tickets": tickets}).verdict.to_json() == verdict.to_json()


def test_a_text_that_is_no_verdict_is_refused() -> None:
    with pytest.raises(GateError, match="opslib gate"):
        Verdict.from_json('{"week": "2026-W46"}')


def test_the_printed_table_names_what_failed_and_sums_up_the_rest(tickets: pd.DataFrame) -> None:
    tickets.loc[7, "solved_at"] = tickets.loc[7, "created_at"] - timedelta(hours=2)
    verdict = judge({"tickets": tickets}).verdict
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(verdict_lines(verdict))
    text = console.export_text()
    assert "solved_at is not before created_at (1 of 3,360 rows)" in text
    assert "set aside" in text
    assert "passed" in text
    assert "the table is not in this export" in text


def test_a_verdict_is_blocked_before_it_is_warned_before_it_is_passed() -> None:
    passed = Verdict(WEEK, AS_OF, (), {}, {})
    assert (passed.status, passed.exit_status) == ("passed", 0)
    blocked = replace(passed, blocked={"us-general": ("why",)})
    assert (blocked.status, blocked.exit_status) == ("blocked", 3)
