"""Small plans for the tests: a table of tasks from one line each, and an office that closes on US holidays."""

from __future__ import annotations

from datetime import date

import pandas as pd

from opslib.analysis.project_portfolio.plan import Plan, read_plan
from opslib.analysis.project_portfolio.working_days import WorkingDays
from opslib.settings import Calendar

OFFICE = Calendar(
    name="office",
    time_zone="UTC",
    hours=[{"from": "2020-01-01", "days": {"mon-fri": ["09:00-17:00"]}}],
    holidays={"country": "US"},
)


def project(project_id: str = "P", **columns: object) -> dict[str, object]:
    return {"project_id": project_id, "name": f"Project {project_id}", "stage": "running", "owner": "ann"} | columns


def task(task_id: str, depends_on: str = "", project_id: str = "P", **columns: object) -> dict[str, object]:
    return {"task_id": task_id, "project_id": project_id, "name": f"Task {task_id}", "depends_on": depends_on} | columns


def points(optimistic: float, likely: float, pessimistic: float) -> dict[str, float]:
    return {"optimistic_days": optimistic, "likely_days": likely, "pessimistic_days": pessimistic}


def planned(start: str, end: str) -> dict[str, str]:
    return {"baseline_start_on": start, "baseline_end_on": end}


def plan_of(
    *tasks: dict[str, object], projects: list[dict[str, object]] | None = None, as_of: str = "2026-01-04"
) -> Plan:
    """A plan; by default of one project, on the Sunday before Monday, January 5, 2026."""
    of = projects or [project(baseline_start_on="2026-01-05", baseline_end_on="2026-03-27")]
    return read_plan(pd.DataFrame(of), pd.DataFrame(list(tasks)), as_of=date.fromisoformat(as_of))


def office_days(plan: Plan) -> WorkingDays:
    return WorkingDays.of_calendar(OFFICE, plan.dates)
