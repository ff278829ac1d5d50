"""The plans of projects are kept by week: a later export leaves those of weeks before as they were."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from opslib.settings import Organisation, load_organisation
from opslib.store.warehouse import PLANS, Warehouse
from opslib.weekly.numbers.plans import FORECASTS, keep_plans
from tests.reports.review_warehouse import ORGANISATION

MONDAY = datetime(2026, 11, 16, 15, tzinfo=UTC)


@pytest.fixture
def organisation(tmp_path: Path) -> Organisation:
    (tmp_path / "params").mkdir()
    (tmp_path / "params" / "org.yml").write_text(ORGANISATION, encoding="utf-8")
    return load_organisation(tmp_path / "params")


def export(warehouse: Warehouse, *, percent: float) -> None:
    """A project of one task of 20 working days, begun on Monday, November 2, and promised for the 27th."""
    projects = {
        "project_id": ["P"],
        "name": ["Form"],
        "stage": ["running"],
        "baseline_start_on": [date(2026, 11, 2)],
        "baseline_end_on": [date(2026, 11, 27)],
        "owner": ["p-owner"],
    }
    tasks = {
        "task_id": ["T"],
        "project_id": ["P"],
        "name": ["Build"],
        "optimistic_days": [18.0],
        "likely_days": [20.0],
        "pessimistic_days": [26.0],
        "started_on": [date(2026, 11, 2)],
        "percent_complete": [percent],
    }
    warehouse.write("standard", "projects", pa.table(projects))
    warehouse.write("standard", "project_tasks", pa.table(tasks))


def test_each_week_keeps_its_plan_and_what_was_forecast_of_it(tmp_path: Path, organisation: Organisation) -> None:
    warehouse = Warehouse(tmp_path / "warehouse")
    assert keep_plans(warehouse, organisation, MONDAY) == []
    export(warehouse, percent=40.0)
    assert keep_plans(warehouse, organisation, MONDAY)[0].startswith("plans of one project kept")
    first = {path: path.read_bytes() for path in (warehouse.root / PLANS).rglob("*.parquet")}
    assert keep_plans(warehouse, organisation, MONDAY) == ["plans of projects as before"]
    export(warehouse, percent=45.0)
    keep_plans(warehouse, organisation, MONDAY + timedelta(days=7))
    assert warehouse.weeks(PLANS, "project_tasks") == ["2026-W46", "2026-W47"]
    assert {path: path.read_bytes() for path in first} == first
    shares = warehouse.read(PLANS, "project_tasks", weeks=["2026-W46", "2026-W47"])["percent_complete"]
    assert shares.tolist() == [40.0, 45.0]
    then, now = warehouse.read(PLANS, FORECASTS).sort_values("as_of").itertuples()
    assert (then.as_of, now.as_of) == (date(2026, 11, 15), date(2026, 11, 22))
    assert then.promised_on == date(2026, 11, 27)
    assert then.finish_50_on < now.finish_50_on
    assert 0 <= now.chance < then.chance <= 1


def test_a_plan_that_was_damaged_comes_back_from_its_copy(tmp_path: Path, organisation: Organisation) -> None:
    warehouse = Warehouse(tmp_path / "warehouse")
    export(warehouse, percent=40.0)
    keep_plans(warehouse, organisation, MONDAY)
    (path,) = warehouse.files(PLANS, "project_tasks", ["2026-W46"])
    right = path.read_bytes()
    path.write_bytes(right[:100])
    assert len(warehouse.mend()) == 1
    assert path.read_bytes() == right
