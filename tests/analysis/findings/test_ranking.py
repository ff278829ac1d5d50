"""Findings keep their names from week to week, and come in the order that is stated."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opslib.analysis.findings.ranking import first_lines, ranked
from opslib.analysis.findings.register import SCHEMA, Kind, causes_of, finding, finding_id, selection_of
from opslib.display.cells import rows_of


def row(kind: Kind, team: str, subject: str, score: float | None, **more: Any) -> dict[str, Any]:
    plain = {"what": subject, "next_step": "", "section": "", "tickets": {"metric": subject}, "score": score}
    return finding(kind, week="2026-W46", team=team, subject=subject, **plain | more)


def test_a_name_depends_on_kind_team_and_subject_alone():
    row_then, row_now = row("signal", "a", "csat", 1.0), row("signal", "a", "csat", 9.0, since="2026-01-05")
    assert row_then["finding_id"] == row_now["finding_id"] == finding_id("signal", "a", "csat")
    others = {finding_id("signal", "b", "csat"), finding_id("goal missed", "a", "csat")}
    assert len({row_now["finding_id"], *others}) == 3


def test_a_row_has_the_columns_of_the_register_and_gives_back_what_it_holds():
    (read,) = rows_of(pd.DataFrame([row("signal", "a", "csat", 1.0, causes=[{"text": "x", "share": float("nan")}])]))
    assert set(read._fields) == set(SCHEMA.names)
    assert causes_of(read) == [{"text": "x", "share": None}]
    assert selection_of(read) == {"kind": "signal", "metric": "csat", "week": "2026-W46", "team": "a"}


def test_clear_misses_come_before_what_could_be_chance_and_tickets_decide_within():
    frame = pd.DataFrame(
        [
            row("goal missed", "a", "by chance", 900.0, standing="could be chance"),
            row("goal missed", "a", "few", 999.0, standing="too few to say"),
            row("broken rule", "a", "rule", 49.0),
            row("goal missed", "b", "sla", 74.0),
            row("goal missed", "a", "twin", 500.0, said_by="F-1"),
            row("signal", "c", "unknown size", None),
            row("signal", "c", "better", 800.0, standing="no need"),
            row("data incomplete", "d", "export", None, standing="first"),
        ]
    )
    order = ["export", "sla", "rule", "unknown size", "by chance", "few", "better", "twin"]
    assert ranked(frame)["subject"].tolist() == order
    assert ranked(frame.iloc[::-1])["subject"].tolist() == order
    assert ranked(frame)["rank"].tolist() == list(range(1, 9))


def test_of_five_lines_a_team_has_two_and_actions_and_better_numbers_none():
    frame = pd.DataFrame(
        [
            *(row("goal missed", "a", f"a{number}", 100.0 - number) for number in range(4)),
            row("overdue action", "b", "call", 99.0),
            row("signal", "b", "better", 99.0, standing="no need"),
            *(row("goal missed", team, team, 10.0) for team in "cdef"),
        ]
    )
    assert first_lines(frame)["subject"].tolist() == ["a0", "a1", "c", "d", "e"]
    assert first_lines(frame[frame["team"] == "a"], most=3, most_of_a_team=3)["subject"].tolist() == ["a0", "a1", "a2"]
    assert first_lines(frame.head(0)).empty
