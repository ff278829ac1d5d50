"""Judges a small support centre by the shipped suites, for the tests of the gate."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from opslib.intake.gate.gate import check
from opslib.intake.gate.verdict import DamagedFile, GateRun, Result
from tests.intake.gate.healthy_exports import AS_OF, NOW, ORGANISATION, WEEK, WEEK_END, candidates, present_in

SUITES = Path(__file__).parents[3] / "expectations"
Tables = dict[str, pd.DataFrame]

OF_TYPE = "expect_column_values_to_be_of_type"
NOT_NULL = "expect_column_values_to_not_be_null"
LEAN: list[Path] = []
"""The folder of the suites that are quick to run, as a fixture makes it."""


def suites_with(folder: Path, keep: Callable[[dict[str, Any]], bool]) -> Path:
    """The shipped suites with some of their expectations: the time of a run is the number of its expectations."""
    for path in SUITES.glob("*.json"):
        suite = json.loads(path.read_text())
        suite["expectations"] = [rule for rule in suite["expectations"] if keep(rule)]
        (folder / path.name).write_text(json.dumps(suite))
    return folder


def judge(
    tables: Mapping[str, pd.DataFrame],
    *,
    con: duckdb.DuckDBPyConnection | None = None,
    **how: Any,
) -> GateRun:
    con = con or duckdb.connect()
    candidates(con, tables)
    return judge_candidates(con, tables, **how)


def judge_candidates(
    con: duckdb.DuckDBPyConnection,
    tables: Mapping[str, pd.DataFrame],
    *,
    expectations: Path | None = None,
    without: Sequence[str] = (),
    damaged: Sequence[DamagedFile] = (),
    as_of: datetime = AS_OF,
) -> GateRun:
    return check(
        con,
        organisation=ORGANISATION,
        week=WEEK,
        as_of=as_of,
        expectations=expectations or LEAN[-1],
        present=present_in(tables, without),
        damaged=damaged,
        now=NOW,
    )


def result(run: GateRun, table: str, expectation: str) -> Result:
    matches = [r for r in run.verdict.results if r.table == table and r.expectation == expectation]
    assert len(matches) == 1, [r.expectation for r in run.verdict.results if r.table == table]
    return matches[0]


def reasons(run: GateRun, table: str) -> dict[int, str]:
    aside = run.set_aside[table]
    return dict(zip(aside["_row"].to_pylist(), aside["reason"].to_pylist(), strict=True))


def in_week(frame: pd.DataFrame, column: str = "created_at") -> pd.Series:
    return frame[column] >= WEEK_END - timedelta(days=7)
