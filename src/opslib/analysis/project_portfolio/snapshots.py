"""Plans as they were against plans as they are: what slipped, came or went, and how right past forecasts were."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.analysis.methods.intervals import wilson
from opslib.analysis.project_portfolio.plan import Plan
from opslib.analysis.project_portfolio.working_days import Days, WorkingDays

ADDED, REMOVED, REBASELINED, HOURS, ESTIMATE = "added", "removed", "re-baselined", "budget hours", "estimate"
SLIPPED, STARTED, FINISHED, PROGRESS, BACK = "slipped", "started", "finished", "progress", "progress taken back"
PROMISE, LINKS, OWNER = "promised date", "depends on", "owner"
CHANGES = (
    *(SLIPPED, PROMISE, REBASELINED, ADDED, REMOVED, HOURS, ESTIMATE, LINKS, OWNER, BACK, STARTED, FINISHED, PROGRESS),
)
"""What can have changed in a plan, in the order in which it is listed."""
SCOPE = (ADDED, REMOVED, HOURS)
COLUMNS = ("project_id", "task_id", "name", "change", "was", "is_now", "days", "hours")


def tasks_known_on(tasks: pd.DataFrame, day: date) -> pd.DataFrame:
    """The tasks as far as their dates tell what was known of them on an earlier day, where no snapshot was kept.

    Args:
        tasks: the table `project_tasks` of a later day.
        day: the earlier one.

    Returns:
        The tasks: starts and finishes after that day are null; percent_complete and actual_hours are 100 and what they
        are of a task that was finished, 0 of one that was not started, null of one that ran, for how far it had come
        nobody wrote down. Names, links, estimates, budgets and planned dates are those of the later day.
    """
    known = tasks.copy()
    last = pd.Timestamp(day)
    dates = {
        column: pd.to_datetime(known[column]) if column in known else pd.Series(pd.NaT, index=known.index)
        for column in ("started_on", "finished_on")
    }
    finished, started = (dates[column] <= last for column in ("finished_on", "started_on"))
    for column, values in dates.items():
        if column in known:
            known[column] = values.where(values <= last)
    for column in ("percent_complete", "actual_hours"):
        if column in known:
            number = pd.to_numeric(known[column]).astype("float64")
            known[column] = number.where(finished, 0.0).where(finished | ~started)
    return known


def plan_changes(earlier: Plan, later: Plan, days: WorkingDays) -> pd.DataFrame:
    """What changed between two states of the plans.

    Args:
        earlier: as it was; of a project that had an error then nothing is compared.
        later: as it is.
        days: working days.

    Returns:
        A row per change: project_id, task_id (null of a project), name, change, was and is_now (dates, numbers of
        hours, days or percent, as text in ISO form; null where there was none), days (working days by which a date
        moved or an estimate grew, later above 0; of `slipped`, by which the end is later than was planned), hours by
        which the scope grew (of an added task its budget, of a removed one less it).

    Notes:
        A task slipped where its planned end passed since the earlier state without a finish, or it finished since
        later than planned. A date that was re-baselined is listed as such, and slips against the new one. Progress is
        that of a task of which it was told before, and which is not finished now.
    """
    rows = [
        _of_projects(earlier, later, days),
        _added_or_removed(earlier, later),
        *_of_tasks(earlier, later, days),
    ]
    frame = pd.concat([each for each in rows if len(each)], ignore_index=True) if any(map(len, rows)) else rows[0]
    frame = frame.reindex(columns=list(COLUMNS))
    order = frame["change"].map({name: rank for rank, name in enumerate(CHANGES)})
    return (
        frame.assign(order=order)
        .sort_values(["project_id", "order", "task_id"], kind="stable", ignore_index=True)
        .drop(columns="order")
    )


def scope_changes(changes: pd.DataFrame) -> pd.DataFrame:
    """How the scope of each project changed.

    Args:
        changes: `plan_changes`.

    Returns:
        A row per project whose scope changed: project_id, tasks_added, tasks_removed, hours (by which its budget
        grew; null where no budget is told), days (by which estimates grew), re_baselined (tasks).
    """
    counts = pd.crosstab(changes["project_id"], changes["change"])
    scope = changes[changes["change"].isin(SCOPE)]
    frame = pd.DataFrame(
        {
            "tasks_added": counts.get(ADDED),
            "tasks_removed": counts.get(REMOVED),
            "hours": scope.groupby("project_id")["hours"].sum(min_count=1),
            "days": changes[changes["change"] == ESTIMATE].groupby("project_id")["days"].sum(),
            "re_baselined": counts.get(REBASELINED),
        },
        index=counts.index,
    )
    for column in ("tasks_added", "tasks_removed", "re_baselined"):
        frame[column] = frame[column].fillna(0).astype(np.int64)
    frame["days"] = frame["days"].fillna(0.0)
    changed = (frame[["tasks_added", "tasks_removed", "re_baselined"]] > 0).any(axis=1) | frame["hours"].notna()
    return frame[changed | (frame["days"] != 0)].reset_index()


class Calibration(NamedTuple):
    """How right past forecasts were; see `forecast_calibration`."""

    forecasts: pd.DataFrame
    drift: pd.DataFrame
    shares: pd.DataFrame


def forecast_calibration(past: pd.DataFrame, finishes: pd.DataFrame, days: WorkingDays) -> Calibration:
    """Hold past forecasts of the finish against what came.

    Args:
        past: forecasts as they were made: as_of, project_id, promised_on, chance, finish_50_on, finish_80_on.
        finishes: project_id, finished_on, of the projects that have ended.
        days: working days.

    Returns:
        forecasts: of ended projects, `past` made before the end, with finished_on, days_ahead (working days from as_of
        to the end), error_days (working days by which it ended later than the 50 % date) and by_50, by_80 (whether it
        ended by then).
        drift: of each project, ended or not, while it was open: project_id, forecasts, first_as_of, last_as_of,
        first_finish_50_on, last_finish_50_on, moved_days (working days from the one to the other), weeks_later,
        weeks_earlier (how many forecasts moved it out or in).
        shares: percent (50, 80), projects, ended_by, share, low, high (Wilson 95 %): of each project counts the middle
        one of its forecasts alone, for those of one project all miss together.
    """
    rows = past.assign(
        **{
            name: pd.to_datetime(past[name]).astype("datetime64[s]")
            for name in ("as_of", "finish_50_on", "finish_80_on")
        }
    ).sort_values(["project_id", "as_of"], ignore_index=True)
    made = rows.merge(finishes[["project_id", "finished_on"]], on="project_id", how="inner")
    made["finished_on"] = pd.to_datetime(made["finished_on"]).astype("datetime64[s]")
    made = made[(made["as_of"] < made["finished_on"]) & made["finish_50_on"].notna()].reset_index(drop=True)
    end = days.end_of(_days(made["finished_on"]))
    made["days_ahead"] = end - days.end_of(_days(made["as_of"]))
    made["error_days"] = end - days.end_of(_days(made["finish_50_on"]))
    made["by_50"], made["by_80"] = made["error_days"] <= 0, made["finished_on"] <= made["finish_80_on"]
    middle = made[made.groupby("project_id").cumcount() == made.groupby("project_id")["as_of"].transform("size") // 2]
    shares = pd.DataFrame(
        {
            "percent": [50, 80],
            "projects": [len(middle)] * 2,
            "ended_by": [int(middle["by_50"].sum()), int(middle["by_80"].sum())],
        }
    )
    shares[["share", "low", "high"]] = wilson(shares["ended_by"], shares["projects"]).to_numpy()
    return Calibration(made, _drift(rows[rows["finish_50_on"] > rows["as_of"]], days), shares)


def _drift(rows: pd.DataFrame, days: WorkingDays) -> pd.DataFrame:
    place = pd.Series(days.end_of(_days(rows["finish_50_on"])), index=rows.index)
    step = place.groupby(rows["project_id"]).diff()
    frame = (
        rows.assign(later=step > 0, earlier=step < 0)
        .groupby("project_id", as_index=False)
        .agg(
            forecasts=("as_of", "size"),
            first_as_of=("as_of", "first"),
            last_as_of=("as_of", "last"),
            first_finish_50_on=("finish_50_on", "first"),
            last_finish_50_on=("finish_50_on", "last"),
            weeks_later=("later", "sum"),
            weeks_earlier=("earlier", "sum"),
        )
    )
    moved = days.end_of(_days(frame["last_finish_50_on"])) - days.end_of(_days(frame["first_finish_50_on"]))
    frame.insert(6, "moved_days", moved)
    return frame


def _of_projects(earlier: Plan, later: Plan, days: WorkingDays) -> pd.DataFrame:
    both = later.projects.drop_duplicates("project_id").merge(
        earlier.projects.drop_duplicates("project_id")[["project_id", "baseline_end_on"]],
        on="project_id",
        suffixes=("", "_was"),
    )
    return _date_moves(both.assign(task_id=None), "baseline_end_on", PROMISE, days)


def _added_or_removed(earlier: Plan, later: Plan) -> pd.DataFrame:
    comparable = _comparable(earlier, later)
    frames = []
    for here, there, change, sign in ((later, earlier, ADDED, 1.0), (earlier, later, REMOVED, -1.0)):
        own = here.tasks[here.tasks["project_id"].isin(comparable)]
        own = own[~own["task_id"].isin(set(there.tasks["task_id"]))]
        frame = own[["project_id", "task_id", "name"]].assign(change=change, hours=sign * own["budget_hours"])
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _of_tasks(earlier: Plan, later: Plan, days: WorkingDays) -> list[pd.DataFrame]:
    both = later.tasks.merge(
        earlier.tasks.drop(columns=["project_id", "name"]), on="task_id", suffixes=("", "_was"), how="inner"
    )
    start, end = _moved(both, "baseline_start_on", days), _moved(both, "baseline_end_on", days)
    moved = both[(np.nan_to_num(start) != 0) | (np.nan_to_num(end) != 0)]
    rebaselined = _rows(moved, REBASELINED, _iso(moved["baseline_end_on_was"]), _iso(moved["baseline_end_on"]))
    rebaselined["days"] = _moved(moved, "baseline_end_on", days)
    hours = _number_moves(both, "budget_hours", HOURS)
    hours["hours"] = hours.pop("grew")
    estimate = _number_moves(both, "likely_days", ESTIMATE)
    estimate["days"] = estimate.pop("grew")
    went_on = both[both["percent_complete_was"].notna() & (both["is_done"] <= both["is_done_was"])]
    percent = _number_moves(went_on, "percent_complete", PROGRESS)
    percent["change"] = np.where(percent.pop("grew") > 0, PROGRESS, BACK)
    texts = []
    for column, change in (("depends_on", LINKS), ("owner", OWNER)):
        differ = both[both[column].fillna("") != both[f"{column}_was"].fillna("")]
        texts.append(_rows(differ, change, differ[f"{column}_was"], differ[column]))
    # Who owns a task is a pseudonym: that it changed is said, not from whom to whom.
    texts[1][["was", "is_now"]] = None
    begun = both[both["started_on_was"].isna() & both["started_on"].notna()]
    ended = both[~both["is_done_was"] & both["is_done"]]
    return [
        _slipped(both, earlier, later, days),
        rebaselined,
        hours,
        estimate,
        percent,
        *texts,
        _rows(begun, STARTED, None, _iso(begun["started_on"])),
        _rows(ended, FINISHED, None, _iso(ended["finished_on"])),
    ]


def _slipped(both: pd.DataFrame, earlier: Plan, later: Plan, days: WorkingDays) -> pd.DataFrame:
    due = both["baseline_end_on"]
    now, before = pd.Timestamp(later.as_of), pd.Timestamp(earlier.as_of)
    passed = ~both["is_done"] & (due <= now) & (due > before)
    late = ~both["is_done_was"] & (both["finished_on"] > due)
    own = both[passed | late]
    end = own["finished_on"].where(own["finished_on"].notna(), now)
    frame = _rows(own, SLIPPED, _iso(own["baseline_end_on"]), _iso(own["finished_on"]))
    frame["days"] = days.end_of(_days(end)) - days.end_of(_days(own["baseline_end_on"]))
    return frame


def _date_moves(both: pd.DataFrame, column: str, change: str, days: WorkingDays) -> pd.DataFrame:
    own = both[(both[column] != both[f"{column}_was"]) & (both[column].notna() | both[f"{column}_was"].notna())]
    frame = _rows(own, change, _iso(own[f"{column}_was"]), _iso(own[column]))
    frame["days"] = _moved(own, column, days)
    return frame


def _number_moves(both: pd.DataFrame, column: str, change: str) -> pd.DataFrame:
    now, was = both[column], both[f"{column}_was"]
    own = both[(now != was) & (now.notna() | was.notna())]
    text = [own[name].map("{:g}".format, na_action="ignore") for name in (f"{column}_was", column)]
    frame = _rows(own, change, *text)
    frame["grew"] = (own[column].fillna(0) - own[f"{column}_was"].fillna(0)).to_numpy()
    return frame


def _rows(own: pd.DataFrame, change: str, was: pd.Series | None, is_now: pd.Series | None) -> pd.DataFrame:
    frame = own[["project_id", "task_id", "name"]].assign(change=change, was=None, is_now=None)
    for name, values in (("was", was), ("is_now", is_now)):
        if values is not None:
            frame[name] = values.astype(object).where(values.notna(), None)
    return frame.reset_index(drop=True)


def _moved(both: pd.DataFrame, column: str, days: WorkingDays) -> npt.NDArray[np.float64]:
    return np.asarray(days.end_of(_days(both[column])) - days.end_of(_days(both[f"{column}_was"])))


def _comparable(earlier: Plan, later: Plan) -> set[str]:
    """The projects that had numbers both times, and those that are new or gone."""
    sound = [set(plan.projects.loc[plan.projects["has_numbers"], "project_id"]) for plan in (earlier, later)]
    known = [set(plan.projects["project_id"]) for plan in (earlier, later)]
    return (sound[0] & sound[1]) | (sound[1] - known[0]) | (sound[0] - known[1])


def _iso(dates: pd.Series) -> pd.Series:
    text: pd.Series = dates.dt.strftime("%Y-%m-%d")
    return text


def _days(dates: pd.Series) -> Days:
    named: Days = dates.to_numpy().astype("datetime64[D]")
    return named
