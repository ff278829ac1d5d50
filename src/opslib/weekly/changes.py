"""The tests of each week against the one before, over all metrics and teams: made once, each report reads its own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from time import perf_counter

import pandas as pd
import pyarrow as pa

from opslib import calendars
from opslib.analysis import discovery, intervals, review, survival
from opslib.metrics import ALL, CATALOGUE
from opslib.store import Slice, Warehouse, digest, write_json
from opslib.weekly.values import TABLE as VALUES

TABLE = "weekly_changes"
TESTED_TIMES = ("first_reply_median", "first_resolution_median", "full_resolution_median", "next_reply_median")


def build_weekly_changes(warehouse: Warehouse) -> list[str]:
    """Write `facts/weekly_changes`, a partition per week; a week is left alone where what it rests on is the same.

    Args:
        warehouse: Holds the facts and weekly values.

    Returns:
        One line that says what was done.
    """
    started = perf_counter()
    memory = warehouse.folder("facts", "_changes_inputs.json")
    known: dict[str, str] = json.loads(memory.read_text()) if memory.exists() else {}
    memory.unlink(missing_ok=True)
    weeks = warehouse.weeks("facts", VALUES)
    code = digest(*(Path(str(module.__file__)) for module in (review, discovery, intervals, survival)), Path(__file__))
    inputs, made = {}, 0
    for week in weeks[1:]:
        before = calendars.shift_week(week, -1)
        inputs[week] = _inputs(warehouse, week, before, code)
        if known.get(week) == inputs[week] and warehouse.files("facts", TABLE, [week]):
            continue
        rows = _tested(warehouse, week, before).assign(week=week)
        warehouse.write_week("facts", TABLE, week, pa.Table.from_pandas(rows, preserve_index=False))
        made += 1
    removed = warehouse.remove_weeks("facts", TABLE, keep=weeks[1:])
    write_json(inputs, memory)
    if not made and not removed:
        return ["weekly changes as before"]
    return [f"weekly changes: {made} weeks tested against the one before ({perf_counter() - started:.1f} s)"]


def _tested(warehouse: Warehouse, week: str, before: str) -> pd.DataFrame:
    values = warehouse.read("facts", VALUES, weeks=[before, week])
    values = values[values["channel"] == ALL]
    times = {name: _times(warehouse, name, week, before) for name in TESTED_TIMES}
    return review.week_on_week(values, CATALOGUE, week, before, times=times).sort_values(["team", "metric"])


def _times(warehouse: Warehouse, name: str, week: str, before: str) -> pd.DataFrame:
    """The times of tickets created in the two weeks: week, team, seconds, ended."""
    metric = CATALOGUE[name]
    columns = ["week", "team", metric.ended, metric.censored]
    found = warehouse.read("facts", metric.fact, columns=columns, weeks=[before, week])
    ended, censored = found[metric.ended], found[metric.censored]
    rows = found[["week", "team"]].assign(seconds=ended.fillna(censored), ended=ended.notna())
    return rows[rows["seconds"].notna()]


def _inputs(warehouse: Warehouse, week: str, before: str, code: str) -> str:
    parts = [code]
    for fact in sorted({VALUES, *(CATALOGUE[name].fact for name in TESTED_TIMES)}):
        parts.append(warehouse.digest_of(Slice("facts", fact, weeks=(before, week))))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
