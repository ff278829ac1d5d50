"""The tests of a week against the one before: each week made anew where what it rests on has changed, and only then."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from opslib.store.warehouse import Slice, Warehouse
from opslib.weekly.numbers.changes import TABLE, build_weekly_changes
from tests.reports.review_warehouse import shared_warehouse
from tests.reports.small_warehouse import copy_warehouse


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    root, _ = copy_warehouse(shared_warehouse(tmp_path_factory), tmp_path_factory.mktemp("changes"))
    return Warehouse(root)


def raise_by_one(warehouse: Warehouse, table: str, week: str, column: str) -> None:
    rows = warehouse.rows(Slice("facts", table, weeks=(week,)))
    place = rows.schema.get_field_index(column)
    raised = pc.add(rows[column], pa.scalar(1, rows.schema.field(place).type))
    warehouse.write_week("facts", table, week, rows.set_column(place, rows.schema.field(place), raised))


def written(warehouse: Warehouse) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in warehouse.files("facts", TABLE)}


def test_nothing_is_tested_again_where_nothing_changed(warehouse: Warehouse) -> None:
    assert build_weekly_changes(warehouse) == ["weekly changes as before"]


@pytest.mark.parametrize("table", ["weekly_values", "tickets"])
def test_another_number_is_tested_in_its_week_and_in_the_next(warehouse: Warehouse, table: str) -> None:
    """A week stands beside the one before it, so that what changes in one concerns two."""
    week = warehouse.weeks("facts", "weekly_values")[-3]
    column = "value" if table == "weekly_values" else "first_reply_business_seconds"
    raise_by_one(warehouse, table, week, column)
    (line,) = build_weekly_changes(warehouse)
    assert line.startswith("weekly changes: 2 weeks tested")


def test_weeks_made_one_by_one_have_the_bytes_of_weeks_made_together(warehouse: Warehouse) -> None:
    together = written(warehouse)
    for path in warehouse.files("facts", TABLE):
        path.unlink()
        (line,) = build_weekly_changes(warehouse)
        assert line.startswith("weekly changes: 1 weeks tested")
    assert written(warehouse) == together


def test_a_week_whose_file_is_gone_is_made_again(warehouse: Warehouse) -> None:
    before = written(warehouse)
    gone: Path = warehouse.files("facts", TABLE)[0]
    gone.unlink()
    build_weekly_changes(warehouse)
    assert written(warehouse) == before
