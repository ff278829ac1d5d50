"""Every notebook on the sample without each optional table, without its optional columns, without kinds of events.

A source that lacks something is the rule. Then no cell fails, and what cannot be known is missing and never a zero:
whatever is more than nothing in the whole export is not nothing throughout where a part of it lacks.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from opslib.facts.build import build
from opslib.metrics import CATALOGUE
from opslib.settings import load_organisation
from opslib.store.files import write_json
from opslib.store.warehouse import Warehouse, write_parquet
from opslib.tables import TABLES, Table
from opslib.weekly.numbers.completeness import build_weekly_completeness
from opslib.weekly.numbers.signals import build_weekly_signals
from opslib.weekly.numbers.values import build_weekly_values
from tests.built_once import built_once
from tests.notebooks.notebook_cells import run_cells
from tests.whole_line import whole_line

ROOT = Path(__file__).parents[2]
NOTEBOOKS = tuple(sorted((ROOT / "notebooks" / "team").glob("*.ipynb")))
WEEK, TEAM = "2026-W46", "us-general"
WEEKS = 11
EVENTS = "ticket_events"
GROUPS = 3
"""Tables, and the columns of each, are left out in so many groups, every third: numbers are made anew for each."""

NO_VALUE = re.compile(r"\b(nan|None(?! of)|NaT)\b|<NA>")
NAMES = re.compile(rf"\b({'|'.join(name for name in CATALOGUE if '_' in name)})\b")

Lacking = Mapping[str, Collection[str]]
"""Tables with the columns that they lack; a table without any is left out whole."""

TOLD_OF_EVENTS = [
    # Which events are one and how they follow each other is settled before they are in the warehouse.
    column.name
    for column in TABLES[EVENTS]
    if not column.needed and column.name not in ("event_id", "sequence")
]
OPTIONAL = [table for table in TABLES.values() if not table.needed]
KINDS = {
    "transfers": ("team", "queue"),
    "statuses": ("status",),
    "public comments": ("public_comment",),
}


UNKNOWN = {
    "transfers": {"transfer_share": "changes of team or changes of queue or counts of transfers"},
    "statuses": {
        "reopened": "changes of status in the history of the tickets",
        "full_resolution_sla": "changes of status in the history of the tickets or solving times or closing times",
    },
    "public comments": {
        "first_reply_median": "public comments in the history of the tickets or times of the first reply",
        "first_reply_sla": "public comments in the history of the tickets or times of the first reply",
    },
}
"""What cannot be known without them, and what would tell it."""

STAND_INS = ("first_reply_at", "solved_at", "closed_at", "reopen_count", "transfer_count")


def optional_columns(table: Table) -> list[str]:
    return [column.name for column in table if not column.needed]


def without_columns(group: int) -> Lacking:
    return {
        table.name: columns
        for table in TABLES.values()
        if table.name != EVENTS and (columns := optional_columns(table)[group::GROUPS])
    }


def write_whole(folder: Path, line: Path) -> None:
    """The last weeks of the standard tables of the whole line's sample, with the values that follow from them."""
    source = Warehouse(line)
    for table in source.present():
        files = source.files("standard", table)
        for path in files if table not in ("tickets", EVENTS) else files[-WEEKS:]:
            copied = folder / path.relative_to(line)
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copied)
    for name in ("warehouse.json", "standard/columns.json"):
        shutil.copy(line / name, folder / name)
    build_numbers(folder)


def write_incomplete(whole: Path, folder: Path, lacking: Lacking, kinds: Collection[str] = ()) -> None:
    """A copy of a warehouse whose export lacks tables, columns and kinds of events, with the values that it gives."""
    shutil.copytree(whole, folder)
    warehouse = Warehouse(folder)
    present = {table: set(columns) for table, columns in warehouse.present().items()}
    for table, columns in lacking.items():
        if not columns:
            present.pop(table, None)
            shutil.rmtree(warehouse.folder("standard", table), ignore_errors=True)
            continue
        present.get(table, set()).difference_update(columns)
        for path in warehouse.files("standard", table):
            rows = pq.ParquetFile(path).read()
            for column in columns:
                place, field = rows.schema.get_field_index(column), rows.schema.field(column)
                rows = rows.set_column(place, field, pa.nulls(len(rows), field.type))
            write_parquet(rows, path)
    for path in warehouse.files("standard", EVENTS) if kinds else ():
        rows = pq.ParquetFile(path).read()
        write_parquet(rows.filter(pc.invert(pc.is_in(rows["event"], pa.array(sorted(kinds))))), path)
    write_json({table: sorted(columns) for table, columns in present.items()}, folder / "standard" / "columns.json")
    build_numbers(folder)


def build_numbers(folder: Path) -> None:
    """Facts and weekly values as a run builds them."""
    warehouse, organisation = Warehouse(folder), load_organisation(ROOT / "params")
    as_of = datetime.fromisoformat(warehouse.facts_of_the_run()["as_of"])
    build(warehouse, organisation, as_of)
    build_weekly_completeness(warehouse, organisation, as_of)
    build_weekly_values(warehouse, organisation, as_of)
    build_weekly_signals(warehouse, organisation)


def pages(warehouse: Path) -> dict[str, str]:
    """What each notebook shows in all its cells, as text."""
    folders = {"warehouse": str(warehouse), "params": str(ROOT / "params")}
    shown = {path.stem: run_cells(path, week=WEEK, team=TEAM, **folders) for path in NOTEBOOKS}
    return {
        subject: "\n".join(repr(each) for answers in sections.values() for each in answers)
        for subject, sections in shown.items()
    }


def values_of(warehouse: Path) -> pd.DataFrame:
    values = Warehouse(warehouse).read("facts", "weekly_values", columns=["metric", "value", "missing"])
    return values.groupby("metric").agg(most=("value", "max"), missing=("missing", "first"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    line = whole_line(tmp_path_factory).warehouse
    return built_once(tmp_path_factory, "whole_export", partial(write_whole, line=line))


def faults(whole: Path, folder: Path, lacking: Lacking, kinds: Collection[str] = ()) -> list[str]:
    """What an incomplete warehouse's values and pages say that may not be said, or leave unsaid."""
    write_incomplete(whole, folder, lacking, kinds)
    before, after = values_of(whole), values_of(folder)
    found = [f"{name} is 0" for name in after.index[(after["most"] == 0) & (before["most"] > 0)]]
    shown = pages(folder)
    for subject, text in shown.items():
        lines = text.splitlines()
        found += [f"{subject}: {line}" for line in lines if NO_VALUE.search(line) or NAMES.search(line)]
    review = shown["weekly_review"]
    return found + [
        f"{name} is missing without a word"
        for name, reason in reasons(folder).items()
        if f"{CATALOGUE[name].label} | {reason}" not in review
    ]


def reasons(folder: Path) -> dict[str, str]:
    """Why metrics are missing, by metric."""
    values = values_of(folder)
    lacking: dict[str, str] = values.loc[values["most"].isna(), "missing"].to_dict()
    return lacking


def test_without_events(whole: Path, tmp_path: Path):
    assert faults(whole, tmp_path / "warehouse", {EVENTS: ()}) == []


@pytest.mark.parametrize("group", range(GROUPS))
def test_without_some_other_tables(whole: Path, tmp_path: Path, group: int):
    names = [table.name for table in OPTIONAL if table.name != EVENTS]
    assert faults(whole, tmp_path / "warehouse", dict.fromkeys(names[group::GROUPS], ())) == []


@pytest.mark.parametrize("group", range(GROUPS))
def test_without_some_columns_of_each_table(whole: Path, tmp_path: Path, group: int):
    assert faults(whole, tmp_path / "warehouse", without_columns(group)) == []


def test_with_nothing_but_what_is_needed(whole: Path, tmp_path: Path):
    columns = {table.name: optional_columns(table) for table in TABLES.values() if table.needed}
    assert faults(whole, tmp_path / "warehouse", columns | {table.name: () for table in OPTIONAL}) == []


@pytest.mark.parametrize("column", TOLD_OF_EVENTS)
def test_without_a_column_of_the_events(whole: Path, tmp_path: Path, column: str):
    assert faults(whole, tmp_path / "warehouse", {EVENTS: [column]}) == []


@pytest.mark.parametrize("kinds", KINDS)
def test_without_a_kind_of_events(whole: Path, tmp_path: Path, kinds: str):
    """The columns of tickets stand in for events; without them too, what they tell is missing."""
    assert faults(whole, tmp_path / "warehouse", {"tickets": STAND_INS}, KINDS[kinds]) == []
    missing = reasons(tmp_path / "warehouse")
    for metric, reason in UNKNOWN[kinds].items():
        assert missing[metric] == f"not in this export: no {reason}"
