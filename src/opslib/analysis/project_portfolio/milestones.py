"""What is due next, with its chance, and what is overdue."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd

from opslib.analysis.project_portfolio.finish_forecast import FinishForecast
from opslib.analysis.project_portfolio.plan import Plan

PROMISED_DATE, MILESTONE = "promised date", "milestone"
REACHED, DUE, OVERDUE, LATER, UNDATED, NOT_TOLD = "reached", "due", "overdue", "later", "undated", "not told"
STATES = (OVERDUE, DUE, LATER, NOT_TOLD, UNDATED, REACHED)
WEEKS_AHEAD = 4
COLUMNS = ("project_id", "kind", "task_id", "name", "due_on", "state", "reached_on", "chance", "finish_50_on", "days")


def milestones(plan: Plan, forecast: FinishForecast, *, weeks: int = WEEKS_AHEAD) -> pd.DataFrame:
    """The milestones of all projects: the tasks marked as such, and the promised end of each project.

    Args:
        plan: the plans.
        forecast: of the same plans.
        weeks: how far ahead a milestone is due.

    Returns:
        A row each, overdue ones first, then by date: project_id, kind, task_id (null of a promised date), name, due_on,
        state (overdue: its day has passed; due: within these weeks; later; not told: its day has passed and the export
        says nothing of progress; undated; reached), reached_on (null where
        no finish is told), chance of being in time (null where there is no forecast), finish_50_on, days (calendar
        days from as_of to due_on, below 0 where it has passed).
    """
    marked = forecast.tasks[plan.tasks["milestone"].to_numpy()].copy()
    marked["kind"], marked["reached_on"] = MILESTONE, marked["finish_50_on"].where(marked["is_done"])
    ends = forecast.projects[["project_id", "name", "promised_on", "chance", "finish_50_on"]].rename(
        columns={"promised_on": "due_on"}
    )
    ends["is_done"] = (forecast.projects["state"] == "finished").to_numpy()
    ends["kind"], ends["reached_on"] = PROMISED_DATE, ends["finish_50_on"].where(ends["is_done"])
    ends["task_id"] = None
    frame = pd.concat([ends, marked.dropna(axis=1, how="all")], ignore_index=True) if len(marked) else ends
    now = pd.Timestamp(plan.as_of)
    state = pd.Series(LATER, index=frame.index)
    state[frame["due_on"] <= now + timedelta(weeks=weeks)] = DUE
    state[frame["due_on"] <= now] = OVERDUE if plan.tells_progress else NOT_TOLD
    state[frame["due_on"].isna()] = UNDATED
    state[frame["is_done"].astype(bool)] = REACHED
    frame["state"] = state
    frame["days"] = (frame["due_on"] - now).dt.days
    order = frame["state"].map({name: rank for rank, name in enumerate(STATES)})
    frame = frame.assign(order=order).sort_values(
        ["order", "due_on", "project_id", "kind"], kind="stable", ignore_index=True
    )
    return frame.reindex(columns=list(COLUMNS))
