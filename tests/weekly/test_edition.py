from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from opslib.intake.gate.verdict import Result, Verdict
from opslib.weekly.edition import gate_sentence
from tests.weekly.weekly_notebooks import edition


def verdict(*outcomes: Any, blocked: dict[str, tuple[str, ...]] | None = None) -> Verdict:
    results = tuple(
        Result(
            table="tickets",
            expectation="x",
            type="t",
            column="",
            severity="critical",
            scope="rows",
            notes="",
            checked=1,
            failed=0,
            observed="",
            examples=(),
            teams=(),
            outcome=outcome,
        )
        for outcome in outcomes
    )
    return Verdict("2026-W46", datetime(2026, 11, 16, tzinfo=UTC), results, blocked or {}, {})


@pytest.mark.parametrize(
    ("verdict", "aside", "sentence"),
    [
        (
            verdict(*["passed"] * 3, "absent"),
            0,
            "all 3 checks passed; 1 does not apply to this export; nothing set aside",
        ),
        (verdict("passed", "warned"), 0, "1 of 2 checks passed, 1 raised a warning; nothing set aside"),
        (verdict("passed", "set_aside"), 1204, "1 of 2 checks passed, 1 set rows aside; 1,204 of 2,000 rows set aside"),
        (verdict("passed"), 1, "1 of 1 check passed; 1 of 2,000 rows set aside"),
        (
            verdict("passed", "blocked", "absent", "absent", blocked={"us-safety": ("late",), "us-general": ()}),
            0,
            "1 of 2 checks passed, 1 held reports back; 2 do not apply to this export; nothing set aside; "
            "no report for 1 team",
        ),
        (
            verdict("blocked", blocked={"*": ("no events",)}),
            0,
            "0 of 1 check passed, 1 held reports back; nothing set aside; no report is made",
        ),
    ],
)
def test_the_gates_verdict_is_a_sentence_for_a_team_leader(verdict: Verdict, aside: int, sentence: str) -> None:
    assert (
        gate_sentence(verdict, pd.DataFrame({"read": [2000, 0], "left_out": 0, "replaced": 0, "set_aside": [aside, 0]}))
        == sentence
    )


def test_a_commit_with_changes_says_so() -> None:
    assert replace(edition(), commit="a" * 40).footer()["commit"] == "a" * 12
    assert (
        replace(edition(), commit=f"{'a' * 40}+").footer()["commit"]
        == f"{'a' * 12}, with changes that are not committed"
    )
    assert edition().footer()["commit"] is None


def test_the_footer_says_up_to_when_the_data_reach_and_what_the_gate_found() -> None:
    footer = replace(edition(), gate="warned", gate_note="1 of 2 checks passed").footer()
    assert footer["as_of"] == "Mon Nov 16, 2026, 6 am ET"
    assert footer["gate"] == "Data checked, with warnings: 1 of 2 checks passed"
    assert footer["inputs"] == [{"name": "tickets.csv", "sha256": "a" * 64}]
