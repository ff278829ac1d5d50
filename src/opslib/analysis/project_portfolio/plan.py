"""Plans of projects as checked networks: what is wrong with them by name, and the rest fit for numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.analysis.project_portfolio.network import Network, Places, in_circles
from opslib.analysis.project_portfolio.working_days import Days

ERROR, WARNING = "error", "warning"
COLUMNS = ("project_id", "problem", "severity", "task_ids", "tasks", "says")
"""The columns of problems: task_ids and tasks (how many they are) may be empty and 0; says is a sentence."""


class Kind(NamedTuple):
    """A kind of problem: how much of a project it takes away, what it is called in a sentence, and what to do."""

    severity: str
    says: str
    ask: str


PROBLEMS: Mapping[str, Kind] = {
    "circle": Kind(ERROR, "tasks wait for each other in a circle", "Take one of them out of another's depends_on."),
    "dangling reference": Kind(
        ERROR, "tasks wait for a task that is not in the plan", "Add it, or take it out of depends_on."
    ),
    "same id": Kind(ERROR, "task ids stand in more than one row", "Give each task an id of its own."),
    "planned end before start": Kind(
        ERROR, "tasks are planned to end before they start", "Correct baseline_start_on or baseline_end_on."
    ),
    "project planned backwards": Kind(
        ERROR, "the project is planned to end before it starts", "Correct its baseline_start_on or baseline_end_on."
    ),
    "percent outside 0 to 100": Kind(
        ERROR, "tasks have a percent_complete below 0 or above 100", "Write a number from 0 to 100."
    ),
    "no such project": Kind(
        ERROR, "tasks name a project that is not in the table of projects", "Add the project, or correct project_id."
    ),
    "waits for a faulty project": Kind(
        ERROR, "tasks wait for tasks of a project that has errors", "Mend that project first."
    ),
    "hours without a task": Kind(WARNING, "hours that belong to no task", "Give each of them a task."),
    "nobody owns it": Kind(WARNING, "nobody owns the project", "Name its owner."),
    "no tasks": Kind(WARNING, "the project has no tasks", "Add its tasks; until then there is no forecast."),
    "same project id": Kind(ERROR, "the project stands in more than one row", "Give each project an id of its own."),
    "finish before start": Kind(
        WARNING, "tasks end before they start, and count as done with no start", "Correct started_on or finished_on."
    ),
    "negative hours": Kind(WARNING, "tasks have hours below 0, which count as missing", "Correct the hours."),
    "hours before the start": Kind(WARNING, "tasks have hours worked and no start", "Fill in started_on."),
    "estimates out of order": Kind(
        WARNING,
        "tasks have estimates that are not 0 ≤ optimistic ≤ likely ≤ pessimistic, and are left out",
        "Correct the three numbers.",
    ),
    "dated in the future": Kind(
        WARNING,
        "tasks have a start or finish after the day that the export knows, and count as not yet there",
        "Leave started_on and finished_on empty until it has happened.",
    ),
    "finished below 100 percent": Kind(
        WARNING, "tasks are finished at less than 100 percent, and count as done", "Correct percent_complete."
    ),
    "100 percent without a finish": Kind(
        WARNING, "tasks are at 100 percent without a finish, and count as done by now", "Fill in finished_on."
    ),
    "progress without a start": Kind(WARNING, "tasks have progress and no start", "Fill in started_on."),
    "out of sequence": Kind(
        WARNING, "tasks started before what they wait for had ended", "Look whether the link is still right."
    ),
    "closed with open tasks": Kind(
        WARNING, "the project is closed and tasks are not finished", "Finish them, or take them out of the plan."
    ),
}
"""The problems of plans by name: an error takes the project's numbers away, a warning stands beside them."""

_TASK_TEXTS = ("task_id", "project_id", "name", "depends_on", "owner")
_TASK_DATES = ("baseline_start_on", "baseline_end_on", "started_on", "finished_on")
_ESTIMATES = ("optimistic_days", "likely_days", "pessimistic_days")
_TASK_NUMBERS = (*_ESTIMATES, "percent_complete", "budget_hours", "actual_hours")
_PROJECT_TEXTS = ("project_id", "name", "stage", "owner", "goal_metric", "teams")
_PROJECT_DATES = ("baseline_start_on", "baseline_end_on", "went_live_on")
LIVE, CLOSED = "live", "closed"
"""The stages of a project that is over, as far as its plan goes."""
_WEEKS_AHEAD = 4
_MOST_NAMES = 5

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Plan:
    """The plans of all projects, read and checked.

    Args:
        projects: a row per project: its columns (those that the export lacks are null), and has_numbers.
        tasks: a row per task of the projects that have numbers, `place` counted from 0: its columns, those that the
            export lacks null, milestone a boolean; what the warnings say is done to it.
        network: which of these tasks waits for which.
        problems: what is wrong, `COLUMNS`.
        missing: columns of tasks and projects, as `table.column`, of which the export says nothing.
        as_of: the last day of which the plans know.
    """

    projects: pd.DataFrame
    tasks: pd.DataFrame
    network: Network
    problems: pd.DataFrame
    missing: tuple[str, ...]
    as_of: date

    @property
    def tells_progress(self) -> bool:
        """Whether anything says how far tasks are; where not, no date that has passed is overdue."""
        return not {"project_tasks.finished_on", "project_tasks.percent_complete"} <= set(self.missing)

    def of_tasks(self, column: str) -> Days:
        """A column of dates of the tasks as days."""
        days: Days = self.tasks[column].to_numpy().astype("datetime64[D]")
        return days

    @property
    def dates(self) -> Days:
        """All days that the plan names, and that up to which it knows."""
        columns = [self.projects[each] for each in _PROJECT_DATES] + [self.tasks[each] for each in _TASK_DATES]
        days = [each.to_numpy().astype("datetime64[D]") for each in columns]
        return np.concatenate([*days, np.array([self.as_of], dtype="datetime64[D]")])


def is_running(projects: pd.DataFrame, day: date) -> pd.Series:
    """Which projects are under way on a day: not closed, and begun or to begin within four weeks.

    Args:
        projects: the table `projects`.
        day: the last day that counts.

    Notes:
        A start that is not told is no reason to leave a project out.
    """
    begins = pd.to_datetime(projects["baseline_start_on"])
    is_closed = projects["stage"].astype("str").str.casefold() == CLOSED
    return ~is_closed & ~(begins > pd.Timestamp(day) + pd.Timedelta(weeks=_WEEKS_AHEAD))


def read_plan(projects: pd.DataFrame, tasks: pd.DataFrame, *, as_of: date) -> Plan:
    """Read the tables `projects` and `project_tasks`, and name all that is wrong with them.

    Args:
        projects: one row per project.
        tasks: one row per task; any of its columns but task_id and project_id may be missing.
        as_of: the last day of which the tables know.

    Returns:
        The plan. A project with an error has no tasks in it; all others are whole.

    Notes:
        depends_on lists task ids, separated by `;`, of any project. All links are finish-to-start and have no lag: the
        table carries none. A finish outweighs a percentage.
    """
    all_projects, lacking = _typed(projects, texts=_PROJECT_TEXTS, dates=_PROJECT_DATES, numbers=("budget_hours",))
    all_tasks, lacking_of_tasks = _typed(tasks, texts=_TASK_TEXTS, dates=_TASK_DATES, numbers=_TASK_NUMBERS)
    has_milestones = "milestone" in tasks.columns
    all_tasks["milestone"] = _yes(tasks["milestone"]) if has_milestones else np.zeros(len(tasks), dtype=bool)
    missing = [f"projects.{column}" for column in lacking] + [f"project_tasks.{column}" for column in lacking_of_tasks]
    missing += [] if has_milestones else ["project_tasks.milestone"]
    rows: list[dict[str, object]] = []

    is_task = all_tasks["task_id"].notna().to_numpy()
    _hours_of_no_task(rows, all_projects, all_tasks, is_task)
    all_tasks = all_tasks[is_task].reset_index(drop=True)
    _of_projects(rows, all_projects, all_tasks, owners_told="owner" not in lacking)
    _errors_of_tasks(rows, all_projects, all_tasks)
    links = _links(all_tasks)
    _errors_of_links(rows, all_tasks, links)
    faulty = {str(row["project_id"]) for row in rows if row["severity"] == ERROR}
    faulty = _waiting_for(rows, all_tasks, links, faulty)

    all_projects["has_numbers"] = ~all_projects["project_id"].isin(faulty).to_numpy()
    is_sound = ~all_tasks["project_id"].isin(faulty).to_numpy()
    sound = _mended(rows, all_tasks[is_sound].reset_index(drop=True), all_projects, as_of)
    place = np.cumsum(is_sound) - 1
    inside = links[is_sound[links["before"]] & is_sound[links["after"]]]
    before, after = place[inside["before"]], place[inside["after"]]
    _out_of_sequence(rows, sound, before, after)
    problems = pd.DataFrame(rows, columns=list(COLUMNS))
    is_error = problems["severity"] == ERROR
    problems = pd.concat([problems[is_error], problems[~is_error]], ignore_index=True)
    return Plan(all_projects, sound, Network(len(sound), before, after), problems, tuple(missing), as_of)


def _typed(
    frame: pd.DataFrame, *, texts: Iterable[str], dates: Iterable[str], numbers: Iterable[str]
) -> tuple[pd.DataFrame, list[str]]:
    """The columns that are asked for, typed, and which of them the frame lacks."""
    columns: dict[str, pd.Series] = {}
    lacking = [name for name in (*texts, *dates, *numbers) if name not in frame.columns]
    nothing = pd.Series([None] * len(frame), dtype=object)
    given = {name: nothing if name in lacking else frame[name].reset_index(drop=True) for name in frame.columns}
    for name in texts:
        text = given.get(name, nothing).astype("str").str.strip()
        columns[name] = text.where(text.notna() & (text != ""), None)
    for name in dates:
        columns[name] = pd.to_datetime(given.get(name, nothing)).astype("datetime64[s]")
    for name in numbers:
        number = pd.to_numeric(given.get(name, nothing)).astype("float64")
        columns[name] = number.where(np.isfinite(number))
    return pd.DataFrame(columns), lacking


def _yes(values: pd.Series) -> Bools:
    text = values.astype("str").str.strip().str.lower()
    return ~text.isin(["", "false", "no", "n", "0", "0.0"]).to_numpy() & text.notna().to_numpy()


def _hours_of_no_task(
    rows: list[dict[str, object]], projects: pd.DataFrame, tasks: pd.DataFrame, is_task: Bools
) -> None:
    """Rows with hours and no task id, and a budget of a project without a task."""
    stray = tasks[~is_task]
    hours = stray[["budget_hours", "actual_hours"]].fillna(0).sum(axis=1)
    for project_id, total in hours.groupby(stray["project_id"].fillna("")).sum().items():
        if total > 0:
            _add(rows, str(project_id), "hours without a task", says=f"{total:g} hours belong to no task")
    with_tasks = set(tasks.loc[is_task, "project_id"].dropna())
    bare = projects[~projects["project_id"].isin(with_tasks) & (projects["budget_hours"].fillna(0) > 0)]
    for project_id, total in zip(bare["project_id"], bare["budget_hours"], strict=True):
        _add(rows, project_id, "hours without a task", says=f"the budget of {total:g} hours has no task")


def _of_projects(
    rows: list[dict[str, object]], projects: pd.DataFrame, tasks: pd.DataFrame, *, owners_told: bool
) -> None:
    ids = projects["project_id"]
    for project_id in ids[ids.duplicated()].unique():
        _add(rows, project_id, "same project id")
    for project_id in ids[(projects["baseline_end_on"] < projects["baseline_start_on"]).to_numpy()]:
        _add(rows, project_id, "project planned backwards")
    for project_id in ids[projects["owner"].isna().to_numpy()] if owners_told else []:
        _add(rows, project_id, "nobody owns it")
    for project_id in ids[~ids.isin(set(tasks["project_id"])).to_numpy()]:
        _add(rows, project_id, "no tasks")


def _errors_of_tasks(rows: list[dict[str, object]], projects: pd.DataFrame, tasks: pd.DataFrame) -> None:
    percent = tasks["percent_complete"]
    of_errors = {
        "same id": tasks["task_id"].duplicated(keep=False),
        "planned end before start": tasks["baseline_end_on"] < tasks["baseline_start_on"],
        "percent outside 0 to 100": (percent < 0) | (percent > 100),
        "no such project": ~tasks["project_id"].isin(set(projects["project_id"])),
    }
    for problem, of in of_errors.items():
        _add_tasks(rows, tasks, of.to_numpy(), problem)


def _links(tasks: pd.DataFrame) -> pd.DataFrame:
    """A row per link: after, the place of the task that waits, wants, the id it names, and before, its place or -1."""
    wanted = tasks["depends_on"].dropna().str.split(";").explode().str.strip()
    wanted = wanted[wanted != ""]
    place = pd.Series(np.arange(len(tasks)), index=tasks["task_id"])
    place = place[~place.index.duplicated()]
    before = place.reindex(wanted).fillna(-1).to_numpy().astype(np.int64)
    return pd.DataFrame({"after": wanted.index.to_numpy(), "wants": wanted.to_numpy(), "before": before})


def _errors_of_links(rows: list[dict[str, object]], tasks: pd.DataFrame, links: pd.DataFrame) -> None:
    dangling = links[links["before"] < 0]
    if len(dangling):
        of = np.zeros(len(tasks), dtype=bool)
        of[dangling["after"]] = True
        names = dangling.groupby(tasks["project_id"].to_numpy()[dangling["after"]])["wants"].unique()
        says = {str(project): f"; it is not there: {_list(list(ids))}" for project, ids in names.items()}
        _add_tasks(rows, tasks, of, "dangling reference", more=says)
    whole = links[links["before"] >= 0]
    for circle in in_circles(len(tasks), whole["before"].to_numpy(), whole["after"].to_numpy()):
        of = np.zeros(len(tasks), dtype=bool)
        of[circle] = True
        _add_tasks(rows, tasks, of, "circle")


def _waiting_for(rows: list[dict[str, object]], tasks: pd.DataFrame, links: pd.DataFrame, faulty: set[str]) -> set[str]:
    """The faulty projects and those whose tasks wait, over however many, for theirs."""
    whole = links[links["before"] >= 0]
    project = tasks["project_id"].fillna("").to_numpy()
    first, then = project[whole["before"]], project[whole["after"]]
    while True:
        waits = np.isin(first, list(faulty)) & ~np.isin(then, list(faulty))
        if not waits.any():
            return faulty
        of = np.zeros(len(tasks), dtype=bool)
        of[whole["after"].to_numpy()[waits]] = True
        _add_tasks(rows, tasks, of, "waits for a faulty project")
        faulty = faulty | set(then[waits])


def _mended(rows: list[dict[str, object]], tasks: pd.DataFrame, projects: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Tasks with what the warnings say done to them."""
    now = pd.Timestamp(as_of)
    hours = tasks[["budget_hours", "actual_hours"]]
    started, finished, percent = tasks["started_on"], tasks["finished_on"], tasks["percent_complete"]
    early, likely, late = (tasks[column] for column in _ESTIMATES)
    told = tasks[list(_ESTIMATES)].notna()
    ordered = (early >= 0) & (early <= likely) & (likely <= late)
    future = (started > now) | (finished > now)
    is_backwards = finished < started
    started = started.mask(is_backwards)
    finished, started = finished.where(~(finished > now)), started.where(~(started > now))
    is_closed = tasks["project_id"].isin(set(projects.loc[projects["stage"] == "closed", "project_id"]))
    of_warnings = {
        "finish before start": is_backwards,
        "negative hours": (hours < 0).any(axis=1),
        "hours before the start": (tasks["actual_hours"] > 0) & tasks["started_on"].isna(),
        "estimates out of order": told.all(axis=1) & ~ordered | (tasks[list(_ESTIMATES)] < 0).any(axis=1),
        "dated in the future": future,
        "finished below 100 percent": finished.notna() & (percent < 100),
        "100 percent without a finish": finished.isna() & (percent == 100),
        "progress without a start": started.isna() & ((percent > 0) | finished.notna()) & ~future & ~is_backwards,
        "closed with open tasks": is_closed & finished.isna() & ~(percent == 100),
    }
    for problem, of in of_warnings.items():
        _add_tasks(rows, tasks, of.to_numpy(), problem)
    fit = (told.all(axis=1) & ordered).to_numpy()
    mended = tasks.assign(
        started_on=started,
        finished_on=finished,
        percent_complete=percent.mask(finished.notna(), 100.0),
        **{column: hours[column].where(~(hours[column] < 0)) for column in ("budget_hours", "actual_hours")},
        **{column: tasks[column].where(fit) for column in ("optimistic_days", "pessimistic_days")},
        likely_days=likely.where(fit | ~told.all(axis=1).to_numpy() & (likely >= 0).to_numpy()),
    )
    mended["is_done"] = mended["finished_on"].notna() | (mended["percent_complete"] == 100)
    return mended


def _out_of_sequence(rows: list[dict[str, object]], tasks: pd.DataFrame, before: Places, after: Places) -> None:
    starts, ends = tasks["started_on"].to_numpy(), tasks["finished_on"].to_numpy()
    has_started = ~np.isnat(starts[after])
    early = has_started & (np.isnat(ends[before]) | (starts[after] < ends[before]))
    early &= ~(tasks["is_done"].to_numpy()[before] & np.isnat(ends[before]))
    of = np.zeros(len(tasks), dtype=bool)
    of[after[early]] = True
    _add_tasks(rows, tasks, of, "out of sequence")


def _add_tasks(
    rows: list[dict[str, object]],
    tasks: pd.DataFrame,
    of: Bools,
    problem: str,
    *,
    more: Mapping[str, str] | None = None,
) -> None:
    """Add a problem for each project that has it, with its tasks."""
    if not of.any():
        return
    for project_id, group in tasks[of].groupby(tasks["project_id"].fillna("")[of], sort=False):
        ids = group["task_id"].tolist()
        names = [_name(*each) for each in zip(group["name"], ids, strict=True)]
        says = f"{PROBLEMS[problem].says}: {_list(names)}{(more or {}).get(str(project_id), '')}"
        _add(rows, str(project_id), problem, says=says, ids=ids)


def _add(
    rows: list[dict[str, object]], project_id: str, problem: str, *, says: str = "", ids: Iterable[str] = ()
) -> None:
    kind, ids = PROBLEMS[problem], list(ids)
    what = says or kind.says
    sentence = f"{what[0].upper()}{what[1:]}. {kind.ask}"
    values = (project_id, problem, kind.severity, "; ".join(ids), len(ids), sentence)
    rows.append(dict(zip(COLUMNS, values, strict=True)))


def _name(name: str | None, task_id: str) -> str:
    return task_id if name is None or pd.isna(name) else f"{name} ({task_id})"


def _list(names: list[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown} and {len(names) - _MOST_NAMES} more"
