"""The values over which a notebook ranges where params/weekly.yml names them by a word: the projects of the export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pandas as pd

from opslib.analysis.project_portfolio.plan import is_running
from opslib.errors import NotInExport
from opslib.store.files import folder_of
from opslib.store.warehouse import Warehouse
from opslib.weeks import monday_of


def ranges_of_week(warehouse: Warehouse, week: str) -> dict[tuple[str, str], Sequence[str]]:
    """What each word stands for, by parameter and word.

    Args:
        warehouse: its `standard/projects`; without them there is no project.
        week: ISO week.

    Returns:
        ("project", "all"), every project of the export; and ("project", "running"), those that `is_running` on the last
        day of the week; both by their planned end, then by their id.
    """
    projects = _projects(warehouse)
    running = projects[is_running(projects, monday_of(week) + timedelta(days=6))]
    return {
        ("project", "all"): projects["project_id"].tolist(),
        ("project", "running"): running["project_id"].tolist(),
    }


def labels_of_values(warehouse: Warehouse) -> Mapping[str, str]:
    """The folders of reports about projects to the projects' names, in the order of `ranges_of_week`."""
    projects = _projects(warehouse)
    names = projects["name"].fillna("").where(projects["name"].fillna("") != "", projects["project_id"])
    return {f"project/{folder_of(value)}": name for value, name in zip(projects["project_id"], names, strict=True)}


def projects_by_folder(warehouse: Warehouse) -> dict[str, str]:
    """The projects' ids by the folder of their reports, which is also the name of the file with the words on each."""
    return {folder_of(value): value for value in _projects(warehouse)["project_id"]}


def _projects(warehouse: Warehouse) -> pd.DataFrame:
    columns = ["project_id", "name", "stage", "baseline_start_on", "baseline_end_on"]
    try:
        rows = warehouse.read("standard", "projects", columns=columns)
    except NotInExport:
        return pd.DataFrame(columns=columns)
    return rows.sort_values(["baseline_end_on", "project_id"], kind="stable").reset_index(drop=True)
