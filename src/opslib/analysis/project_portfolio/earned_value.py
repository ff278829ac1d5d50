"""Earned value and earned schedule of projects, week by week, in hours of work."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.analysis.methods.columns import Floats, as_columns
from opslib.analysis.project_portfolio.plan import Plan
from opslib.analysis.project_portfolio.working_days import Days, WorkingDays

REPORTED, LINEAR, ALL_OR_NOTHING = "reported", "linear from start to finish", "nothing until finished"
"""How the earned value of a week was measured."""
VALUES = ("pv", "ev", "ac")
INDICES = ("sv", "cv", "spi", "cpi", "eac", "etc", "vac", "tcpi")
SCHEDULE = ("at_weeks", "es_weeks", "sv_t_weeks", "spi_t", "pd_weeks", "ieac_t_weeks", "ieac_t_on")
COLUMNS = (
    *("project_id", "status_on", "bac", *VALUES, *INDICES, *SCHEDULE, "ev_from", "ac_from", "tasks_without_budget"),
)


def indices(
    pv: npt.ArrayLike, ev: npt.ArrayLike, ac: npt.ArrayLike, bac: npt.ArrayLike, *, all_estimates: bool = False
) -> pd.DataFrame:
    """The variances, indices and estimates that earned value gives.

    Args:
        pv: planned value, in any one unit of effort or money.
        ev: earned value.
        ac: actual cost.
        bac: budget at completion.
        all_estimates: add the two other usual estimates at completion.

    Returns:
        sv = ev - pv, cv = ev - ac, spi = ev / pv, cpi = ev / ac, eac = bac / cpi (the rest costs what the work so far
        has cost), etc = eac - ac, vac = bac - eac, tcpi = (bac - ev) / (bac - ac); with `all_estimates` also
        eac_at_plan = ac + bac - ev (the rest costs what was planned) and eac_of_both = ac + (bac - ev) / (cpi spi).
        NaN where a divisor is 0; tcpi also where the budget is spent.

    References:
        Project Management Institute (2017). A guide to the project management body of knowledge, 6th ed., 7.4.2.2.

    >>> indices([40_000], [35_000], [63_000], [100_000])[["spi", "cpi", "eac"]].round(3).values.tolist()
    [[0.875, 0.556, 180000.0]]
    """
    columns, index = as_columns(pv=pv, ev=ev, ac=ac, bac=bac)
    planned, earned, actual, budget = (columns[name] for name in ("pv", "ev", "ac", "bac"))
    cpi, spi = _ratio(earned, actual), _ratio(earned, planned)
    eac = _ratio(budget, cpi)
    frame = {
        "sv": earned - planned,
        "cv": earned - actual,
        "spi": spi,
        "cpi": cpi,
        "eac": eac,
        "etc": eac - actual,
        "vac": budget - eac,
        "tcpi": np.where(budget > actual, _ratio(budget - earned, budget - actual), np.nan),
    }
    if all_estimates:
        frame["eac_at_plan"] = actual + budget - earned
        frame["eac_of_both"] = actual + _ratio(budget - earned, cpi * spi)
    return pd.DataFrame(frame, index=index)


def earned_schedule(pv: npt.ArrayLike, ev: npt.ArrayLike) -> Floats:
    """When the value earned should have been earned by the plan.

    Args:
        pv: planned value at the end of each period, period 0 first (0 as a rule), never falling; one that the plan
            reaches twice counts from when it is first reached.
        ev: earned values, of any number.

    Returns:
        Periods, for each earned value: C + (ev - pv_C) / (pv_C+1 - pv_C), where C is the last period whose planned
        value is earned; at most the period in which the whole plan is earned.

    References:
        Lipke, W. (2003). Schedule is different. The Measurable News, March 2003.

    >>> earned_schedule([0, 20, 50, 90, 140, 200], [70]).tolist()
    [2.5]
    """
    planned = np.maximum.accumulate(np.asarray(pv, dtype=np.float64))
    earned = np.minimum(np.asarray(ev, dtype=np.float64), planned[-1])
    whole = np.searchsorted(planned, earned, side="left").clip(1, len(planned) - 1)
    step = planned[whole] - planned[whole - 1]
    share = np.where(step > 0, (earned - planned[whole - 1]) / np.where(step > 0, step, 1.0), 0.0)
    return np.asarray(np.where(np.isnan(earned), np.nan, np.maximum(whole - 1 + share, 0.0)))


def earned_value(plan: Plan, days: WorkingDays, *, snapshots: pd.DataFrame | None = None) -> pd.DataFrame:
    """What each project had planned, earned and spent by the end of each week.

    Args:
        plan: the plans.
        days: working days.
        snapshots: earlier states of the plans, a row per task and state: as_of (the last day it knows), task_id,
            percent_complete, actual_hours. Of a week counts the last one of its seven days.

    Returns:
        A row per project and week, from the week in which its plan or its work begins, up to `as_of`, or to the week in
        which all was earned: project_id, status_on (the week's Sunday), bac, pv, ev, ac (hours), what `indices` gives,
        at_weeks (weeks since the plan's first Monday), es_weeks (`earned_schedule`), sv_t_weeks = es - at, spi_t =
        es / at, pd_weeks (in which the plan is to be done), ieac_t_weeks = pd / spi_t, ieac_t_on (the day that is),
        ev_from, ac_from (how they were measured), tasks_without_budget. A project without a budget or planned dates
        has no rows.

    Notes:
        Planned value grows by equal parts on the working days from planned start to planned end. What a snapshot
        reports counts; else, earned value grows by equal parts from a task's start to its finish, or to the share
        that it has now; where no percentage is told, a task earns nothing until it is finished. Hours worked are
        spread over the same days. Tasks without a budget or planned dates count in no value. The last row rests on
        the table itself where it knows that Sunday.

    References:
        Project Management Institute (2019). The standard for earned value management.
        Lipke, W. (2003). Schedule is different. The Measurable News, March 2003.
    """
    tasks = plan.tasks
    start, end = days.start_of(plan.of_tasks("baseline_start_on")), days.end_of(plan.of_tasks("baseline_end_on"))
    counts = tasks["budget_hours"].notna().to_numpy() & ~np.isnan(start) & ~np.isnan(end)
    frames = []
    for project_id, places in tasks.groupby("project_id", sort=False).indices.items():
        rows = np.asarray(places)[counts[places]]
        if rows.size and tasks["budget_hours"].to_numpy()[rows].sum() > 0:
            frame = _of_project(plan, days, rows, snapshots)
            frame.insert(0, "project_id", str(project_id))
            frame["tasks_without_budget"] = len(places) - rows.size
            frames.append(frame)
    if not frames:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(frames, ignore_index=True)[list(COLUMNS)]


def _of_project(
    plan: Plan, days: WorkingDays, rows: npt.NDArray[np.int64], snapshots: pd.DataFrame | None
) -> pd.DataFrame:
    tasks = plan.tasks.iloc[rows]
    budget = tasks["budget_hours"].to_numpy()
    begin, done_by = plan.of_tasks("baseline_start_on")[rows], plan.of_tasks("baseline_end_on")[rows]
    started, finished = plan.of_tasks("started_on")[rows], plan.of_tasks("finished_on")[rows]
    as_of = np.datetime64(plan.as_of, "D")
    work_starts = started[~np.isnat(started)]
    first = _monday(begin.min())
    shown = min([first, *map(_monday, work_starts)])
    last_plan = _monday(done_by.max()) + np.timedelta64(6, "D")
    plan_sundays = np.arange(first - np.timedelta64(1, "D"), last_plan + np.timedelta64(1, "D"), np.timedelta64(7, "D"))
    sundays = np.arange(shown + np.timedelta64(6, "D"), as_of + np.timedelta64(1, "D"), np.timedelta64(7, "D"))
    if not sundays.size:
        return pd.DataFrame(columns=[name for name in COLUMNS if name != "project_id"])

    def planned_by(status: Days) -> Floats:
        share = _share(days, begin, done_by, status)
        return np.asarray((budget[:, None] * share).sum(axis=0))

    curve = planned_by(plan_sundays)
    bac = float(budget.sum())
    percent, hours = tasks["percent_complete"].to_numpy() / 100, tasks["actual_hours"].to_numpy()
    done = tasks["is_done"].to_numpy()
    # A task whose finish is not told has come as far as it is on the last day that the plan knows.
    until = np.where(np.isnat(finished), as_of, finished)
    since = np.where(np.isnat(started), np.where(done & ~np.isnat(finished), until, as_of), started)
    course = _share(days, since, until, sundays)
    told_hours = not np.isnan(hours).all()
    told_percent = "project_tasks.percent_complete" not in plan.missing
    told_percent &= bool((~np.isnan(percent[~done])).any() or done.all())
    reach = np.where(np.isnan(percent), np.where(done, 1.0, 0.0), percent)
    by_step = np.where(np.isnan(percent) & ~done, 0.0, 1.0)[:, None]
    earned_share = course * reach[:, None] * by_step
    spent = course * hours[:, None]
    from_ev = np.full(sundays.size, LINEAR if told_percent else ALL_OR_NOTHING, dtype=object)
    if not told_percent:
        earned_share = np.where(~np.isnat(finished)[:, None], finished[:, None] <= sundays[None, :], earned_share)
    from_ac = np.full(sundays.size, LINEAR, dtype=object)
    if sundays[-1] == as_of:
        from_ev[-1], from_ac[-1] = (REPORTED if told_percent else ALL_OR_NOTHING), REPORTED
    if snapshots is not None:
        _take_snapshots(snapshots, tasks["task_id"], sundays, earned_share, spent, from_ev, from_ac)
    ev = (budget[:, None] * earned_share).sum(axis=0)
    no_hours = np.isnan(spent).all(axis=0)
    ac = np.where(no_hours | (not told_hours), np.nan, np.nansum(spent, axis=0))
    pv = planned_by(sundays)
    at = (sundays - (first - np.timedelta64(1, "D"))).astype(np.int64) / 7
    es = earned_schedule(curve, ev)
    planned_weeks = float(np.flatnonzero(curve >= bac * (1 - 1e-12))[0])
    spi_t = np.where(at > 0, es / np.where(at > 0, at, 1.0), np.nan)
    weeks = _ratio(np.full(at.size, planned_weeks), spi_t)
    frame = pd.DataFrame({"status_on": sundays.astype("datetime64[s]"), "bac": bac, "pv": pv, "ev": ev, "ac": ac})
    frame = frame.join(indices(pv, ev, ac, bac))
    frame["at_weeks"], frame["es_weeks"], frame["sv_t_weeks"], frame["spi_t"] = at, es, es - at, spi_t
    frame["pd_weeks"], frame["ieac_t_weeks"] = planned_weeks, weeks
    whole_days = np.where(np.isnan(weeks) | (weeks > 5_000), np.nan, np.ceil(weeks * 7 - 1e-9))
    ends = [first.astype(date) + timedelta(days=int(each) - 1) if each == each else None for each in whole_days]
    frame["ieac_t_on"] = pd.to_datetime(pd.Series(ends, dtype=object)).astype("datetime64[s]")
    frame["ev_from"], frame["ac_from"] = from_ev, from_ac
    complete = np.flatnonzero(ev >= bac * (1 - 1e-12))
    return frame.iloc[: complete[0] + 1] if complete.size else frame


def _share(days: WorkingDays, start: Days, end: Days, status: Days) -> Floats:
    """The share of the working days from starts to ends that has passed by the end of each status day."""
    first, last = days.start_of(start)[:, None], days.end_of(end)[:, None]
    now, length = days.end_of(status)[None, :], last - first
    # What lies on closed days alone is done when its last day has passed.
    passed = np.where(end[:, None] <= status[None, :], 1.0, 0.0)
    with np.errstate(invalid="ignore"):
        share = np.clip((now - first) / np.where(length > 0, length, np.nan), 0.0, 1.0)
    return np.where(length > 0, share, passed)


def _take_snapshots(
    snapshots: pd.DataFrame,
    task_ids: pd.Series,
    sundays: Days,
    earned_share: Floats,
    spent: Floats,
    from_ev: npt.NDArray[np.object_],
    from_ac: npt.NDArray[np.object_],
) -> None:
    """Replace what was measured from dates by what was reported in a week."""
    own = snapshots[snapshots["task_id"].isin(set(task_ids))]
    known = pd.to_datetime(own["as_of"]).to_numpy().astype("datetime64[D]")
    place = pd.Series(np.arange(len(task_ids)), index=task_ids.to_numpy())
    for week, sunday in enumerate(sundays):
        if from_ev[week] == REPORTED:
            continue
        within = (known <= sunday) & (known > sunday - np.timedelta64(7, "D"))
        if not within.any():
            continue
        state = own[within & (known == known[within].max())].drop_duplicates("task_id")
        at = place.loc[state["task_id"]].to_numpy()
        for column, target, told, unit in (
            ("percent_complete", earned_share, from_ev, 100.0),
            ("actual_hours", spent, from_ac, 1.0),
        ):
            if column in state and state[column].notna().any():
                target[:, week] = 0.0  # a task that the plan of that week did not have had earned nothing
                target[at, week] = state[column].fillna(0.0).to_numpy(dtype=np.float64) / unit
                told[week] = REPORTED


def _monday(day: np.datetime64) -> np.datetime64:
    number = int(day.astype("datetime64[D]").astype(np.int64))
    return np.datetime64(number - (number + 3) % 7, "D")


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.asarray(np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below != 0))
