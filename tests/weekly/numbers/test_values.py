"""The weekly values of a warehouse: which weeks there are, when they are built again, and with which bytes."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

import opslib as ops
from opslib.metrics import CATALOGUE
from opslib.reports.weekly_review import open_review
from opslib.settings import load_organisation
from opslib.store.files import write_json
from opslib.store.warehouse import Warehouse
from opslib.weekly.numbers.signals import build_weekly_signals
from opslib.weekly.numbers.values import build_weekly_values
from tests.reports.review_warehouse import AS_OF, LAST, shared_warehouse, tickets, write_warehouse
from tests.reports.small_warehouse import Folders, copy_warehouse


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return shared_warehouse(tmp_path_factory)


def test_weekly_values_are_left_alone_until_something_changes(folders: Folders, tmp_path: Path):
    root, params = copy_warehouse(folders, tmp_path)
    warehouse, organisation = Warehouse(root), load_organisation(params)
    paths = [root / "facts" / "weekly_values" / f"week={week}" / "part.parquet" for week in ("2026-W39", "2026-W40")]
    before = [path.stat().st_mtime_ns for path in paths]
    assert build_weekly_values(warehouse, organisation, AS_OF) == ["weekly values as before"]
    present = {table: sorted(columns) for table, columns in warehouse.present().items()}
    write_json(present | {"projects": ["project_id"]}, root / "standard" / "columns.json")
    assert build_weekly_values(warehouse, organisation, AS_OF) == ["weekly values as before"]
    facts = tickets()
    facts.loc[facts["week"] == "2026-W40", "touches"] = 9
    warehouse.write("facts", "tickets", facts, partition_by_week=True)
    assert build_weekly_values(warehouse, organisation, AS_OF) != ["weekly values as before"]
    after = [path.stat().st_mtime_ns for path in paths]
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_the_same_facts_give_the_same_bytes(folders: Folders, tmp_path: Path):
    one, _ = folders
    two, _ = write_warehouse(tmp_path)
    for table in ("weekly_values", "weekly_breakdown", "weekly_signals"):
        first, second = (Warehouse(root).files("facts", table) for root in (one, two))
        assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second] != []


def test_a_week_that_is_not_over_has_no_values(folders: Folders):
    weeks = Warehouse(folders[0]).read("facts", "weekly_values", columns=["week"])["week"]
    assert weeks.max() == LAST
    assert json.loads((folders[0] / "warehouse.json").read_text())["as_of"].startswith("2026-11-16")


def test_a_part_of_the_backlog_that_the_export_does_not_tell_is_missing_and_not_none(folders: Folders, tmp_path: Path):
    """Nobody may read that no question waits, where only the comments would say so."""
    root, params = copy_warehouse(folders, tmp_path)
    warehouse = Warehouse(root)
    days = warehouse.read("facts", "backlog")
    warehouse.write(
        "facts", "backlog", days.assign(unanswered=days["unanswered"].astype("Int64").mask(days["day"] > date.min))
    )
    build_weekly_values(warehouse, load_organisation(params), AS_OF)
    values = warehouse.read("facts", "weekly_values", weeks=[LAST]).set_index(["metric", "team"])
    unanswered = values.loc["unanswered_questions"]
    assert unanswered["value"].isna().all()
    assert unanswered["missing"].str.startswith("not in this export").all()
    assert values.loc["backlog_closing", "value"].notna().all()


def test_an_export_of_a_single_week_has_values_and_nothing_to_compare(folders: Folders, tmp_path: Path):
    """Who tries it on last week's export alone must not meet an error."""
    root, params = copy_warehouse(folders, tmp_path)
    warehouse = Warehouse(root)
    for table in ("tickets", "replies", "sla"):
        warehouse.remove_weeks("facts", table, keep=[LAST])
    for table in ("weekly_values", "weekly_breakdown", "weekly_signals"):
        warehouse.remove_weeks("facts", table, keep=[])
    build_weekly_values(warehouse, load_organisation(params), AS_OF)
    build_weekly_signals(warehouse, load_organisation(params))
    week = open_review(ops.open_week(LAST, "alpha", warehouse=str(root), params=str(params)))
    values = ops.weekly_review.values(week).set_index("metric")
    assert values.loc["created", "value"] == 40
    assert ops.weekly_review.explain(week, "first_reply_sla")["missing"].notna().all()
    assert set(ops.weekly_review.signals(week)["verdict"]) == {"not judged"}
    assert ops.weekly_review.metric_table(week)["metric"].tolist() == list(CATALOGUE)
