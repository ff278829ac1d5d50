"""How long tasks are planned to take, by three points or by their dates, and how long such plans have taken."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.analysis.methods.columns import Floats
from opslib.analysis.project_portfolio.plan import Plan
from opslib.analysis.project_portfolio.working_days import WorkingDays

FEWEST_RATIOS = 8
"""Finished tasks from which the spread of the organisation's own plans is told."""
MOST_RATIOS = 200
"""Finished tasks of which it is told at most, the newest: how an organisation plans does not stay as it is."""


class Spread(NamedTuple):
    """How the logarithm of actual to planned working days is spread: its mean, its standard deviation, of how many."""

    log_mean: float
    log_sd: float
    tasks: int


def pert_mean(optimistic: npt.ArrayLike, likely: npt.ArrayLike, pessimistic: npt.ArrayLike) -> Floats:
    """The mean of three-point estimates: (optimistic + 4 likely + pessimistic) / 6.

    Args:
        optimistic: days if all goes well.
        likely: days, most likely.
        pessimistic: days if much goes wrong.

    References:
        Malcolm, D. G., Roseboom, J. H., Clark, C. E., Fazar, W. (1959). Application of a technique for research and
        development program evaluation. Oper. Res. 7, 646-669.

    >>> pert_mean([1], [2], [9]).tolist()
    [3.0]
    """
    o, m, p = (np.asarray(each, dtype=np.float64) for each in (optimistic, likely, pessimistic))
    return (o + 4 * m + p) / 6


def pert_variance(optimistic: npt.ArrayLike, pessimistic: npt.ArrayLike) -> Floats:
    """The variance that PERT's hand calculation gives three-point estimates: ((pessimistic - optimistic) / 6)².

    Args:
        optimistic: days if all goes well.
        pessimistic: days if much goes wrong.

    Notes:
        The beta distribution that is drawn from has another one: (mean - optimistic) (pessimistic - mean) / 7.
    """
    return ((np.asarray(pessimistic, dtype=np.float64) - np.asarray(optimistic, dtype=np.float64)) / 6) ** 2


def dated_days(plan: Plan, days: WorkingDays) -> Floats:
    """Working days from the planned start of each task to its planned end, none of a milestone that waits.

    Args:
        plan: the plans.
        days: working days.

    Returns:
        Shape (tasks,); NaN where one of the dates is missing.
    """
    dated = days.between(plan.of_tasks("baseline_start_on"), plan.of_tasks("baseline_end_on"))
    waits = np.array([bool(before) for before in plan.network.predecessors], dtype=bool)
    is_point = plan.tasks["milestone"].to_numpy() & waits
    is_point &= plan.of_tasks("baseline_start_on") == plan.of_tasks("baseline_end_on")
    return np.where(is_point, 0.0, np.where(np.isnan(dated), np.nan, np.maximum(dated, 1.0)))


def expected_days(plan: Plan, days: WorkingDays) -> Floats:
    """Working days that each task is expected to take: `pert_mean`, else those of its dates, else the likely ones.

    Args:
        plan: the plans.
        days: working days.

    Returns:
        Shape (tasks,); NaN where the plan has neither estimates nor dates.
    """
    tasks = plan.tasks
    mean = pert_mean(tasks["optimistic_days"], tasks["likely_days"], tasks["pessimistic_days"])
    dated = dated_days(plan, days)
    likely = tasks["likely_days"].to_numpy()
    return np.where(np.isnan(mean), np.where(np.isnan(dated), likely, dated), mean)


def actual_days(plan: Plan, days: WorkingDays) -> Floats:
    """Working days from the start of each finished task to its finish, one at least; NaN where it has not both.

    Args:
        plan: the plans.
        days: working days.
    """
    took = days.between(plan.of_tasks("started_on"), plan.of_tasks("finished_on"))
    return np.where(np.isnan(took), np.nan, np.maximum(took, 1.0))


def duration_ratios(plan: Plan, days: WorkingDays) -> pd.DataFrame:
    """How long finished tasks took against their plan.

    Args:
        plan: the plans.
        days: working days.

    Returns:
        A row per task that has a start, a finish and a planned duration above 0, in the order in which they were
        finished: task_id, project_id, finished_on, planned_days (those of its dates, else the expected ones),
        actual_days, ratio.
    """
    dated = dated_days(plan, days)
    planned = np.where(dated > 0, dated, expected_days(plan, days))
    frame = plan.tasks[["task_id", "project_id", "finished_on"]].assign(
        planned_days=planned, actual_days=actual_days(plan, days)
    )
    frame = frame[(frame["planned_days"] > 0) & frame["actual_days"].notna()]
    frame = frame.assign(ratio=frame["actual_days"] / frame["planned_days"])
    return frame.sort_values(["finished_on", "task_id"], ignore_index=True)


def spread_of(ratios: npt.ArrayLike) -> Spread | None:
    """How actual durations are spread around planned ones.

    Args:
        ratios: actual to planned, above 0, in order of time; the last `MOST_RATIOS` count.

    Returns:
        None of fewer than `FEWEST_RATIOS`.
    """
    values = np.asarray(ratios, dtype=np.float64)
    values = np.log(values[values > 0][-MOST_RATIOS:])
    if values.size < FEWEST_RATIOS:
        return None
    return Spread(float(values.mean()), float(values.std(ddof=1)), int(values.size))
