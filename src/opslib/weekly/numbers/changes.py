"""The tests of each week against the one before, over all metrics and teams: made once, each report reads its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from time import perf_counter

import pandas as pd
import pyarrow as pa

from opslib.analysis.weekly_review import week_on_week
from opslib.metrics import ALL, CATALOGUE
from opslib.store.memo import Basis, code_of, digest_of_files
from opslib.store.warehouse import Warehouse
from opslib.weekly.numbers.values import TABLE as VALUES
from opslib.weeks import shift_week

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
    memo = warehouse.memo("weekly_changes")
    weeks = warehouse.weeks("facts", VALUES)
    code = code_of(__name__)
    basis = {week: _basis(warehouse, week, code) for week in weeks[1:]}
    outdated = [
        week
        for week in weeks[1:]
        if not memo.holds(week, basis[week], [warehouse.folder("facts", TABLE) / f"week={week}" / "part.parquet"])
    ]
    memo.forget({*outdated, *(set(memo.names()) - set(weeks[1:]))})
    for week, rows in _tested(warehouse, outdated):
        warehouse.write_week("facts", TABLE, week, pa.Table.from_pandas(rows, preserve_index=False))
    removed = warehouse.remove_weeks("facts", TABLE, keep=weeks[1:])
    memo.keep_all({week: (basis[week], None) for week in outdated})
    if not outdated and not removed:
        return ["weekly changes as before"]
    return [f"weekly changes: {len(outdated)} weeks tested against the one before ({perf_counter() - started:.1f} s)"]


def _tested(warehouse: Warehouse, weeks: Sequence[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """The changes of each of the weeks; what they rest on is read once for all."""
    if not weeks:
        return
    pairs = {week: [shift_week(week, -1), week] for week in weeks}
    read = sorted({name for pair in pairs.values() for name in pair})
    values = warehouse.read("facts", VALUES, weeks=read)
    values_of = _by_week(values[values["channel"] == ALL])
    times_of = {name: _by_week(_times(warehouse, name, read)) for name in TESTED_TIMES}
    for week, pair in pairs.items():
        times = {name: _together(of, pair) for name, of in times_of.items()}
        rows = week_on_week.week_on_week(_together(values_of, pair), CATALOGUE, week, pair[0], times=times)
        yield week, rows.sort_values(["team", "metric"]).assign(week=week)


def _times(warehouse: Warehouse, name: str, weeks: Sequence[str]) -> pd.DataFrame:
    """The times of tickets created in some weeks: week, team, seconds, ended."""
    metric = CATALOGUE[name]
    columns = ["week", "team", metric.ended, metric.censored]
    tickets = warehouse.read("facts", metric.fact, columns=columns, weeks=weeks)
    ended, censored = tickets[metric.ended], tickets[metric.censored]
    rows = tickets[["week", "team"]].assign(seconds=ended.fillna(censored), ended=ended.notna())
    return rows[rows["seconds"].notna()]


def _by_week(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each week; under the empty name, none of them."""
    return {"": rows.head(0)} | {str(week): part for week, part in rows.groupby("week")}


def _together(rows_of: Mapping[str, pd.DataFrame], weeks: Sequence[str]) -> pd.DataFrame:
    return pd.concat([rows_of.get(week, rows_of[""]) for week in weeks], ignore_index=True)


def _basis(warehouse: Warehouse, week: str, code: str) -> Basis:
    """What the changes of a week rest on: the bytes of that week and of the one before."""
    facts = sorted({VALUES, *(CATALOGUE[name].fact for name in TESTED_TIMES)})
    pair = [shift_week(week, -1), week]
    return {"code": code} | {
        fact: digest_of_files(warehouse.files("facts", fact, pair), warehouse.root) for fact in facts
    }
