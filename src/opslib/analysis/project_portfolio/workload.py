"""Hours of work that wait for each owner, week by week over all projects, against the hours they have."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from opslib.analysis.methods.columns import Floats
from opslib.analysis.project_portfolio.critical_path import remaining_path
from opslib.analysis.project_portfolio.plan import Plan
from opslib.analysis.project_portfolio.working_days import WorkingDays
from opslib.weeks import monday_of, shift_week, week_of_day

HOURS_A_WEEK = 40.0
"""What an owner has in a week of five working days, where nothing else is told."""
WEEKS = 8


def remaining_hours(plan: Plan) -> Floats:
    """Budget hours of each task that are still to be worked.

    Args:
        plan: the plans.

    Returns:
        Shape (tasks,): 0 of a task that is done; else the budget times the share that is not complete, or, without a
        percentage, the budget less the hours worked, none below 0; NaN without a budget.
    """
    tasks = plan.tasks
    budget, percent = tasks["budget_hours"].to_numpy(), tasks["percent_complete"].to_numpy()
    by_hours = np.maximum(budget - np.nan_to_num(tasks["actual_hours"].to_numpy()), 0.0)
    left = np.where(np.isnan(percent), by_hours, budget * (1 - percent / 100))
    return np.where(tasks["is_done"].to_numpy(), 0.0, left)


def task_load(
    plan: Plan, days: WorkingDays, *, weeks: int = WEEKS, forecast: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Spread the remaining hours of tasks over the weeks in which they are worked.

    Args:
        plan: the plans.
        days: working days.
        weeks: how many, the one after `as_of` first (that of `as_of` where it has days left).
        forecast: `finish_forecast`'s tasks, whose even dates (50 %) count; None: the earliest dates of
            `remaining_path`.

    Returns:
        A row per task and week in which it has hours: owner (of the task, else of its project; null where nobody is
        named), week, project_id, task_id, hours. By equal parts on the working days from its start, or now, to its
        finish.
    """
    tasks = plan.tasks
    path = remaining_path(plan, days)
    start, finish = path["early_start"].to_numpy().copy(), path["early_finish"].to_numpy().copy()
    now = float(days.end_of(np.datetime64(plan.as_of, "D")))
    if forecast is not None:
        of_task = forecast.set_index("task_id").reindex(tasks["task_id"])
        first = days.start_of(of_task["start_50_on"].to_numpy().astype("datetime64[D]"))
        last = days.end_of(of_task["finish_50_on"].to_numpy().astype("datetime64[D]"))
        has_dates = ~np.isnan(first) & ~np.isnan(last)
        start, finish = np.where(has_dates, first, start), np.where(has_dates, last, finish)
    start = np.maximum(start, now)
    finish = np.maximum(finish, np.floor(start) + 1)
    hours = remaining_hours(plan)
    names = [shift_week(_first_week(plan.as_of), step) for step in range(weeks)]
    edges = days.start_of(
        np.array([monday_of(shift_week(names[0], step)) for step in range(weeks + 1)], "datetime64[D]")
    )
    inside = np.minimum(finish[:, None], edges[1:]) - np.maximum(start[:, None], edges[:-1])
    load = np.maximum(inside, 0.0) / (finish - start)[:, None] * hours[:, None]
    at, of_week = np.nonzero(np.nan_to_num(load) > 0)
    of_project = plan.projects.drop_duplicates("project_id").set_index("project_id")["owner"]
    owner = tasks["owner"].where(tasks["owner"].notna(), tasks["project_id"].map(of_project))
    return pd.DataFrame(
        {
            "owner": owner.to_numpy()[at],
            "week": np.array(names, dtype=object)[of_week],
            "project_id": tasks["project_id"].to_numpy()[at],
            "task_id": tasks["task_id"].to_numpy()[at],
            "hours": load[at, of_week],
        }
    )


def workload(
    load: pd.DataFrame, days: WorkingDays, *, capacity: pd.DataFrame | None = None, hours_a_week: float = HOURS_A_WEEK
) -> pd.DataFrame:
    """The hours of owners by week against what they have.

    Args:
        load: `task_load`.
        days: working days.
        capacity: hours that owners have: owner, week, hours; for those and weeks that it does not name counts
            hours_a_week.
        hours_a_week: of a week with five working days; one with four has four fifths of it.

    Returns:
        A row per owner and week with hours: owner, week, hours, projects (how many), capacity_hours, over_hours (0
        where there are enough). Hours that nobody owns are left out.

    Raises:
        ValueError: hours_a_week is below 0.
    """
    if hours_a_week < 0:
        raise ValueError(f"hours_a_week must be 0 or more, not {hours_a_week}")
    frame = (
        load.dropna(subset="owner")
        .groupby(["owner", "week"], as_index=False)
        .agg(hours=("hours", "sum"), projects=("project_id", "nunique"))
    )
    mondays = np.array([monday_of(week) for week in frame["week"]], dtype="datetime64[D]")
    worked = days.start_of(mondays + np.timedelta64(7, "D")) - days.start_of(mondays)
    frame["capacity_hours"] = hours_a_week * worked / 5
    if capacity is not None:
        told = capacity.groupby(["owner", "week"])["hours"].sum()
        own = told.reindex(pd.MultiIndex.from_frame(frame[["owner", "week"]])).to_numpy(dtype=np.float64)
        frame["capacity_hours"] = np.where(np.isnan(own), frame["capacity_hours"], own)
    frame["over_hours"] = (frame["hours"] - frame["capacity_hours"]).clip(lower=0.0)
    return frame


def overload(weeks: pd.DataFrame) -> pd.DataFrame:
    """The owners who have more to do than hours.

    Args:
        weeks: `workload`.

    Returns:
        A row per owner, most hours over first: owner, over_hours, first_week, weeks (how many are over), week_names.
    """
    over = weeks[weeks["over_hours"] > 1e-9].sort_values("week")
    frame = over.groupby("owner", as_index=False).agg(
        over_hours=("over_hours", "sum"),
        first_week=("week", "first"),
        weeks=("week", "size"),
        week_names=("week", ", ".join),
    )
    return frame.sort_values(["over_hours", "owner"], ascending=[False, True], ignore_index=True)


def _first_week(as_of: date) -> str:
    week = week_of_day(as_of)
    return shift_week(week, 1) if as_of.isoweekday() == 7 else week
