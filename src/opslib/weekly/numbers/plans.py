"""The plans of projects as they were in each week, and what was forecast of them: no export tells that again."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from time import perf_counter

import pandas as pd
import pyarrow as pa

from opslib.analysis.project_portfolio.finish_forecast import finish_forecast
from opslib.analysis.project_portfolio.plan import read_plan
from opslib.analysis.project_portfolio.working_days import WorkingDays
from opslib.display.words import number_of
from opslib.locales import decimal
from opslib.settings import Organisation
from opslib.store.memo import code_of, digest_of
from opslib.store.warehouse import PLANS, Warehouse
from opslib.weekly.numbers.values import last_week_of
from opslib.weeks import monday_of

FORECASTS = "forecasts"
FORECASTS_SCHEMA = pa.schema(
    [
        ("project_id", pa.string()),
        ("as_of", pa.date32()),
        ("state", pa.string()),
        ("promised_on", pa.date32()),
        ("chance", pa.float64()),
        ("finish_50_on", pa.date32()),
        ("finish_80_on", pa.date32()),
    ]
)
_TABLES = ("projects", "project_tasks")
_KEYS = ["task_id", "project_id"]


def keep_plans(warehouse: Warehouse, organisation: Organisation, as_of: datetime) -> list[str]:
    """Write `plans/projects`, `plans/project_tasks` and `plans/forecasts` of the newest week.

    Args:
        warehouse: holds the standard tables; weeks that were kept before stay as they are.
        organisation: the working days of its projects.
        as_of: the instant up to which the exports know the world.

    Returns:
        One line that says what was done; none where the export has no projects.
    """
    if not warehouse.has("standard", "projects"):
        return []
    started = perf_counter()
    week = last_week_of(organisation, as_of)
    tables = [name for name in _TABLES if warehouse.has("standard", name)]
    memo = warehouse.memo(PLANS)
    basis = {
        "code": code_of("opslib.weekly.numbers.plans"),
        "calendar": digest_of(str(organisation.working_calendar)),
        **{name: warehouse.digest_of(warehouse.told(name)) for name in tables},
    }
    if memo.holds(week, basis):
        return ["plans of projects as before"]
    memo.forget([week])
    rows = {name: warehouse.rows(warehouse.told(name)) for name in tables}
    for name, own in rows.items():
        warehouse.write_week(PLANS, name, week, own)
    projects = rows["projects"].to_pandas()
    tasks = rows["project_tasks"].to_pandas() if "project_tasks" in rows else pd.DataFrame(columns=_KEYS)
    forecasts = _forecasts(projects, tasks, organisation, monday_of(week) + timedelta(days=6))
    warehouse.write_week(PLANS, FORECASTS, week, forecasts)
    files = [path for name in (*tables, FORECASTS) for path in warehouse.files(PLANS, name, [week])]
    memo.keep(week, basis, made=files)
    count = number_of(forecasts.num_rows, "project")
    return [f"plans of {count} kept, with their forecasts ({decimal(perf_counter() - started, 1)} s)"]


def _forecasts(projects: pd.DataFrame, tasks: pd.DataFrame, organisation: Organisation, as_of: date) -> pa.Table:
    plan = read_plan(projects, tasks, as_of=as_of)
    made = finish_forecast(plan, WorkingDays.of_calendar(organisation.working_calendar, plan.dates)).projects
    frame = made.assign(as_of=pd.Timestamp(as_of))[FORECASTS_SCHEMA.names]
    return pa.Table.from_pandas(frame, schema=FORECASTS_SCHEMA, preserve_index=False)
