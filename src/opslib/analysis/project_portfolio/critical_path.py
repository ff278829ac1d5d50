"""Which tasks hold up the end of a project, and how much later the others may be: as planned, and as it stands."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opslib.analysis.methods.columns import Floats
from opslib.analysis.project_portfolio.estimates import expected_days
from opslib.analysis.project_portfolio.network import Network
from opslib.analysis.project_portfolio.plan import Plan
from opslib.analysis.project_portfolio.working_days import WorkingDays

_NO_SLACK = 1e-9


def planned_path(plan: Plan, days: WorkingDays) -> pd.DataFrame:
    """The critical path of the plan as if nothing had happened yet.

    Args:
        plan: the plans.
        days: working days.

    Returns:
        A row per task: task_id, project_id, name, days, early_start, early_finish, late_start, late_finish (working
        days since the project's first start), total_slack_days (by which it may be late without moving the end),
        free_slack_days (without moving any other task), is_critical. NaN downstream of a task of which nothing tells
        how long it takes.

    Notes:
        A task that waits for none starts on its planned day; the others when what they wait for has ended.

    References:
        Kelley, J. E., Walker, M. R. (1959). Critical-path planning and scheduling. Proc. Eastern Joint Comput. Conf.
    """
    duration = expected_days(plan, days)
    waits = np.array([bool(before) for before in plan.network.predecessors], dtype=bool)
    dated = days.start_of(plan.of_tasks("baseline_start_on"))
    codes = plan.tasks["project_id"].to_numpy()
    first = pd.Series(dated).groupby(codes).transform("min").fillna(0.0).to_numpy()
    release = np.where(waits | np.isnan(dated), first, dated)
    frame = _passes(plan, plan.network, duration, release)
    start = frame["early_start"].groupby(codes).transform("min")
    for column in ("early_start", "early_finish", "late_start", "late_finish"):
        frame[column] -= start
    return frame


def remaining_path(plan: Plan, days: WorkingDays) -> pd.DataFrame:
    """The critical path of what is still to be done.

    Args:
        plan: the plans.
        days: working days.

    Returns:
        A row per task, done or not: task_id, project_id, name, days (still to work), early_start, early_finish,
        late_start, late_finish (places on the line of working days), total_slack_days, free_slack_days, is_critical,
        is_done, start_on, finish_on (when it was started and finished, or is to be at the earliest). Slack is NaN
        where the task is done.

    Notes:
        Retained logic: what is left of a task that was started out of sequence waits for what the task waits for. Of
        a started task is left the share that is not complete of its expected days; without a percentage, those less
        the days since its start, one at least.
    """
    tasks = plan.tasks
    now = float(days.end_of(np.datetime64(plan.as_of, "D")))
    done = tasks["is_done"].to_numpy()
    frame = _passes(plan, remaining_network(plan), remaining_days(plan, days), release_of(plan, days))
    ended = days.end_of(plan.of_tasks("finished_on"))
    starts = days.start_of(plan.of_tasks("started_on"))
    frame["early_finish"] = np.where(done, np.where(np.isnan(ended), now, ended), frame["early_finish"])
    frame["is_done"] = done
    for column in ("total_slack_days", "free_slack_days", "late_start", "late_finish"):
        frame[column] = frame[column].mask(done)
    frame["is_critical"] &= ~done
    begun = ~np.isnan(starts)
    frame["start_on"] = np.where(begun, days.day_of_start(starts), days.day_of_start(frame["early_start"]))
    frame["finish_on"] = days.day_of_end(frame["early_finish"])
    unknown = done & ~begun
    frame["start_on"] = frame["start_on"].mask(unknown).astype("datetime64[s]")
    frame["finish_on"] = frame["finish_on"].astype("datetime64[s]")
    return frame


def remaining_network(plan: Plan) -> Network:
    """The links that still count: none into a task that is done.

    Args:
        plan: the plans.
    """
    done = plan.tasks["is_done"].to_numpy()
    links = [
        (before, after)
        for after, firsts in enumerate(plan.network.predecessors)
        if not done[after]
        for before in firsts
    ]
    return Network(plan.network.size, [before for before, _ in links], [after for _, after in links])


def release_of(plan: Plan, days: WorkingDays) -> Floats:
    """The place before which each task, or what is left of it, cannot start: now, or a later planned start.

    Args:
        plan: the plans.
        days: working days.

    Returns:
        Shape (tasks,). Of a task that waits for others no planned start counts, nor of one that has begun; of one that
        is done, the place of its finish.
    """
    now = float(days.end_of(np.datetime64(plan.as_of, "D")))
    waits = np.array([bool(before) for before in plan.network.predecessors], dtype=bool)
    dated = days.start_of(plan.of_tasks("baseline_start_on"))
    begun = ~np.isnat(plan.of_tasks("started_on"))
    free = ~waits & ~begun & (dated > now)
    ended = days.end_of(plan.of_tasks("finished_on"))
    done = plan.tasks["is_done"].to_numpy()
    return np.where(done, np.where(np.isnan(ended), now, ended), np.where(free, dated, now))


def remaining_days(plan: Plan, days: WorkingDays) -> Floats:
    """Expected working days still to work on each task: 0 where it is done.

    Args:
        plan: the plans.
        days: working days.
    """
    expected = expected_days(plan, days)
    elapsed = elapsed_days(plan, days)
    percent = plan.tasks["percent_complete"].to_numpy()
    by_time = np.where(np.isnan(elapsed), expected, np.maximum(expected - np.nan_to_num(elapsed), 1.0))
    left = np.where(np.isnan(percent), by_time, expected * (1 - percent / 100))
    return np.where(plan.tasks["is_done"].to_numpy(), 0.0, left)


def elapsed_days(plan: Plan, days: WorkingDays) -> Floats:
    """Working days from the start of each task that runs to now; NaN where it has not started or is done.

    Args:
        plan: the plans.
        days: working days.
    """
    now = days.end_of(np.datetime64(plan.as_of, "D"))
    since = now - days.start_of(plan.of_tasks("started_on"))
    return np.where(plan.tasks["is_done"].to_numpy(), np.nan, since)


def _passes(plan: Plan, network: Network, duration: Floats, release: Floats) -> pd.DataFrame:
    early = network.early_finishes(duration, release)
    codes = plan.tasks["project_id"].to_numpy()
    end = pd.Series(early).groupby(codes).transform(lambda each: each.max(skipna=False)).to_numpy()
    late = network.late_finishes(duration, end)
    slack = late - early
    free = network.gap_to_next(early - duration, early, end)
    return plan.tasks[["task_id", "project_id", "name"]].assign(
        days=duration,
        early_start=early - duration,
        early_finish=early,
        late_start=late - duration,
        late_finish=late,
        total_slack_days=np.where(np.abs(slack) < _NO_SLACK, 0.0, slack),
        free_slack_days=np.maximum(free, 0.0),
        is_critical=slack < _NO_SLACK,
    )
