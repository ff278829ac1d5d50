"""Plans of which the export tells the least: what is not told is said to be missing, and no number is made of it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from opslib.reports.project_portfolio import headline, open_portfolio, open_project, project_headline, show
from opslib.reports.project_portfolio.frames import names, problems, projects, rule
from opslib.store.files import write_json
from opslib.store.warehouse import Warehouse
from tests.reports.review_warehouse import LAST, shared_warehouse
from tests.reports.small_warehouse import copy_warehouse

COLUMNS = ["project_id", "name", "stage", "baseline_start_on", "baseline_end_on"]
TASKS = ["task_id", "project_id", "name"]


@pytest.fixture
def folders(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> dict[str, str]:
    """A live, a running, a hostile and a closed project, with names and dates alone; a task of the first two."""
    root, params = copy_warehouse(shared_warehouse(tmp_path_factory), tmp_path)
    warehouse = Warehouse(root)
    rows = [
        ("P-1", "Macros", "live", date(2026, 7, 6), date(2026, 8, 26)),
        ("P-2", "Form", "running", date(2026, 9, 14), date(2026, 11, 9)),
        ("P / 3", "<script>alert(1)</script> | *x*", "running", date(2026, 11, 2), date(2026, 12, 1)),
        ("P-4", "Over", "closed", date(2026, 1, 5), date(2026, 2, 5)),
    ]
    table = pa.Table.from_pylist([dict(zip(COLUMNS, row, strict=True)) for row in rows])
    nothing = pa.nulls(len(rows), pa.string())
    for name in ("owner", "goal_metric", "teams"):
        table = table.append_column(name, nothing)
    warehouse.write("standard", "projects", table)
    tasks = [("T-1", "P-1", "Write"), ("T-2", "P-2", "Build")]
    warehouse.write(
        "standard", "project_tasks", pa.Table.from_pylist([dict(zip(TASKS, row, strict=True)) for row in tasks])
    )
    told = {table: sorted(columns) for table, columns in warehouse.present().items()}
    write_json({**told, "projects": COLUMNS, "project_tasks": TASKS}, warehouse.folder("standard", "columns.json"))
    return {"warehouse": str(root), "params": str(params)}


def test_what_is_not_told_is_no_verdict(folders: dict[str, str]) -> None:
    portfolio = open_portfolio(LAST, **folders)
    rows = projects(portfolio).set_index("project_id")
    assert rows["status"].to_dict() == {"P-2": "cannot be told", "P / 3": "cannot be told", "P-1": "done"}
    head = headline(portfolio)
    assert head.verdict == "Of no project can it be told whether it is on time."
    assert [line.value for line in head.lines] == ["–", "–", "–"]
    assert [each for each in problems(portfolio)["problem"] if each == "nobody owns it"] == [], (
        "no owner is told of any"
    )
    table = show.projects(projects(portfolio), rule(portfolio)).parts[0]
    assert "nan" not in table.text.casefold()
    assert "<script>" not in table.html


def test_a_project_without_anything_has_a_page(folders: dict[str, str]) -> None:
    project = open_project(LAST, "P / 3", **folders)
    head = project_headline(project)
    assert head.verdict == "Promised for Dec 1; when it ends cannot be told."
    assert [line.value for line in head.lines] == ["Cannot be told", "–", "–"]
    assert "it has no tasks" in head.lines[1].note
    assert "notes/projects/P-3-" in show.project_about(project).missing
    assert r"\<script\>" in repr(show.project_text(project))
    over = open_project(LAST, "P-4", **folders)
    assert project_headline(over).verdict == "Done, promised for Feb 5."
    assert names(over.portfolio)["P-4"] == "Over"
