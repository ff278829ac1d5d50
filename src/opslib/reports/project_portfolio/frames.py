"""What is asked of the projects of a week: each function gives a tidy frame, which `show` draws as it is."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

from opslib.analysis.project_portfolio import own_words
from opslib.analysis.project_portfolio.milestones import DUE, OVERDUE
from opslib.analysis.project_portfolio.plan import is_running
from opslib.analysis.project_portfolio.risks import CLOSED, CLOSED_SINCE
from opslib.analysis.project_portfolio.snapshots import scope_changes
from opslib.analysis.project_portfolio.status import (
    AT_RISK,
    DONE,
    DONE_LATE,
    DONE_ON_TIME,
    OFF_TRACK,
    ON_TRACK,
    UNKNOWN,
)
from opslib.reports.project_portfolio.benefit import sentence_of, verdict_of
from opslib.reports.project_portfolio.plan_words import changed_in_words, next_in_words
from opslib.reports.project_portfolio.portfolio import Portfolio
from opslib.reports.week import answer

STATUSES = (OFF_TRACK, AT_RISK, UNKNOWN, ON_TRACK, DONE_LATE, DONE_ON_TIME, DONE)
"""What a project's status can be, those in trouble first."""
ON_TIME = (ON_TRACK, DONE_ON_TIME)
JUDGED = (OFF_TRACK, AT_RISK, ON_TRACK, DONE_LATE, DONE_ON_TIME)
"""The statuses of projects of which it can be told whether they are on time."""
NO_EARLIER = "The plans of no earlier week were kept yet; from the next run on, what changed stands here."
NO_TASKS = "This export has no tasks of projects (project_tasks)."
NO_BUDGET = "No project has tasks with planned hours and dates, so nothing is earned that could be counted."
NO_RISKS = "This export has no risks of projects (risks)."
NO_LOAD = "Nothing that is left to do has an owner and planned hours."
NO_FORECASTS = "No forecast of an earlier week was kept yet."
HALF_AN_HOUR = 0.5
"""What is no more than this over capacity is nothing."""
_AHEAD_DAYS = 14


def projects(portfolio: Portfolio, project: str | None = None) -> pd.DataFrame:
    """Projects, those in trouble first.

    Args:
        portfolio: of `open_portfolio`.
        project: which one; None is every one that is running.

    Returns:
        project_id, name (its id where it has none), teams (a list), status (of `STATUSES`), reasons (what decided),
        chance, promised_on, finish_50_on, finish_80_on, cpi, own_status (the manager's words), own_on, own_who,
        own_says (what they come to, "" where nothing), differs (whether that is another than the rule says), changed,
        ahead (sentences), decision, decision_due, decisions (how many are asked), benefit (a verdict), benefit_words,
        problem ("" where its plan has none).
    """
    rows = portfolio.plan.projects.drop_duplicates("project_id")
    is_shown = is_running(rows, portfolio.today) if project is None else rows["project_id"] == project
    frame = rows.loc[is_shown, ["project_id", "name", "teams"]].merge(
        portfolio.status[["project_id", "status", "reasons", "chance", "cpi"]], on="project_id", how="left"
    )
    dates = portfolio.forecast.projects[["project_id", "promised_on", "finish_50_on", "finish_80_on"]]
    frame = frame.merge(dates, on="project_id", how="left")
    frame["status"] = frame["status"].fillna(UNKNOWN)
    ids = frame["project_id"]
    named = names(portfolio)
    frame["name"] = [named[str(name)] for name in ids]
    frame["teams"] = [[each.strip() for each in text.split(";") if each.strip()] for text in _texts(frame["teams"])]
    said = _own_status(portfolio).reindex(ids)
    for name in ("text", "on", "who"):
        frame["own_status" if name == "text" else f"own_{name}"] = _texts(said[name])
    frame["own_says"] = [own_words.says(text) for text in frame["own_status"]]
    frame["differs"] = [
        says != "" and not status.startswith(says)
        for says, status in zip(frame["own_says"], frame["status"], strict=True)
    ]
    asked = decisions(portfolio)
    asked = asked[asked["kind"] == "asked"]
    first = asked.drop_duplicates("project_id").set_index("project_id").reindex(ids)
    frame["decision"] = _texts(first["text"])
    frame["decision_due"] = _texts(first["due"])
    frame["decisions"] = ids.map(asked["project_id"].value_counts()).fillna(0).astype("int64")
    frame["changed"] = [changed_in_words(portfolio, name) for name in ids]
    frame["ahead"] = [next_in_words(portfolio, name, days=_AHEAD_DAYS) for name in ids]
    benefits = portfolio.benefits_of(ids)
    frame["benefit"] = [verdict_of(benefits.get(name)) for name in ids]
    frame["benefit_words"] = [sentence_of(benefits.get(name)) for name in ids]
    worst = portfolio.plan.problems.drop_duplicates("project_id").set_index("project_id")["says"]
    frame["problem"] = _texts(ids.map(worst))
    place = frame["status"].map({status: rank for rank, status in enumerate(STATUSES)})
    order = frame.assign(_place=place).sort_values(["_place", "chance", "promised_on", "project_id"], kind="stable")
    return order.drop(columns="_place").reset_index(drop=True)


def timeline(portfolio: Portfolio, project: str | None = None) -> pd.DataFrame:
    """Plan, what was done and forecast, by project or by task of one project.

    Args:
        portfolio: of `open_portfolio`.
        project: whose tasks; None is every project as a whole.

    Returns:
        id, name, planned_start, planned_end, started, done_until (the last finish, or the end of the week of what is
        under way; null where nothing began), starts_50, ends_50, ends_80 (null where it is done or has no forecast),
        promised_on (of a project), chance, is_done, percent (complete, by planned hours, else by planned days).
    """
    tasks = portfolio.plan.tasks.merge(
        portfolio.forecast.tasks[["task_id", "start_50_on", "finish_50_on", "finish_80_on"]], on="task_id", how="left"
    )
    tasks["weight"] = tasks["budget_hours"].where(tasks["budget_hours"] > 0)
    spans = (tasks["baseline_end_on"] - tasks["baseline_start_on"]).dt.days + 1
    tasks["weight"] = tasks["weight"].fillna(spans).fillna(1.0)
    done = tasks["is_done"].astype("bool")
    share = tasks["percent_complete"].where(~done, 100.0)
    tasks["earned"] = share.fillna(0.0) / 100 * tasks["weight"]
    today = pd.Timestamp(portfolio.today)
    if project is not None:
        own = tasks[tasks["project_id"] == project].reset_index(drop=True)
        own_done = own["is_done"].astype("bool")
        return pd.DataFrame(
            {
                "id": own["task_id"],
                "name": own["name"],
                "planned_start": own["baseline_start_on"],
                "planned_end": own["baseline_end_on"],
                "started": own["started_on"],
                "done_until": own["finished_on"].where(own_done, today).where(own["started_on"].notna()),
                "starts_50": own["start_50_on"].where(~own_done),
                "ends_50": own["finish_50_on"].where(~own_done),
                "ends_80": own["finish_80_on"].where(~own_done),
                "promised_on": pd.NaT,
                "is_done": own_done,
                "percent": share[tasks["project_id"] == project].to_numpy(),
            }
        )
    by = tasks.groupby("project_id")
    frame = projects(portfolio)[["project_id", "name", "promised_on", "status"]].rename(columns={"project_id": "id"})
    told = portfolio.plan.projects.drop_duplicates("project_id").set_index("project_id").reindex(frame["id"])
    frame["planned_start"] = told["baseline_start_on"].to_numpy()
    frame["planned_end"] = told["baseline_end_on"].to_numpy()
    frame["started"] = by["started_on"].min().reindex(frame["id"]).to_numpy()
    ends = portfolio.forecast.projects.set_index("project_id").reindex(frame["id"])
    frame["is_done"] = (ends["state"] == "finished").to_numpy()
    last = pd.Series(by["finished_on"].max().reindex(frame["id"]).to_numpy(), index=frame.index)
    frame["done_until"] = last.where(frame["is_done"], today).where(frame["started"].notna())
    for percent in (50, 80):
        until = pd.Series(ends[f"finish_{percent}_on"].to_numpy(), index=frame.index)
        frame[f"ends_{percent}"] = until.where(~frame["is_done"])
    first = by["start_50_on"].min().reindex(frame["id"])
    frame["starts_50"] = pd.Series(first.to_numpy(), index=frame.index).where(~frame["is_done"])
    sums = by[["earned", "weight"]].sum().reindex(frame["id"])
    frame["percent"] = (100 * sums["earned"] / sums["weight"]).to_numpy()
    return frame


def due(portfolio: Portfolio) -> pd.DataFrame:
    """Milestones and promised dates that are overdue or due in the next four weeks: `milestones.COLUMNS`."""
    rows = portfolio.milestones
    return rows[rows["state"].isin([OVERDUE, DUE])].reset_index(drop=True)


def drivers(portfolio: Portfolio) -> pd.DataFrame:
    """Which open tasks drive the end of their project, the strongest first.

    Args:
        portfolio: of `open_portfolio`.

    Returns:
        project_id, task_id, name, criticality (share of courses in which it has no slack), cruciality (rank correlation
        of its remaining days and the end), mean_days (still to come), finish_50_on, slack_days (0: on the critical
        path).
    """
    rows = portfolio.forecast.tasks
    rows = rows[~rows["is_done"].astype("bool") & rows["criticality"].notna()]
    slack = portfolio.path.set_index("task_id")["total_slack_days"]
    columns = ["project_id", "task_id", "name", "criticality", "cruciality", "mean_days", "finish_50_on"]
    frame = rows[columns].assign(slack_days=rows["task_id"].map(slack))
    order = frame.assign(_by=frame["cruciality"].abs().fillna(0) * frame["criticality"])
    order = order.sort_values(["_by", "criticality", "task_id"], ascending=[False, False, True], kind="stable")
    return answer(
        order.drop(columns="_by").reset_index(drop=True), is_known=len(portfolio.plan.tasks) > 0, missing=NO_TASKS
    )


def owners(portfolio: Portfolio) -> pd.DataFrame:
    """Hours of work that wait for each owner by week, those with most over capacity first.

    Returns:
        owner (a pseudonym), week, hours, projects, capacity_hours, over_hours, for the next four weeks.
    """
    rows = portfolio.workload
    weeks = sorted(rows["week"].unique())[:4] if len(rows) else []
    rows = rows[rows["week"].isin(weeks)]
    over = rows.groupby("owner")["over_hours"].transform("sum")
    hours = rows.groupby("owner")["hours"].transform("sum")
    frame = rows.assign(_over=over, _hours=hours).sort_values(
        ["_over", "_hours", "owner", "week"], ascending=[False, False, True, True], kind="stable"
    )
    return answer(
        frame.drop(columns=["_over", "_hours"]).reset_index(drop=True), is_known=len(frame) > 0, missing=NO_LOAD
    )


def names(portfolio: Portfolio) -> dict[str, str]:
    """By project its name, else its id."""
    rows = portfolio.plan.projects.drop_duplicates("project_id")
    ids = rows["project_id"].astype("str")
    return {project: name or project for project, name in zip(ids, _texts(rows["name"]), strict=True)}


def rule(portfolio: Portfolio) -> str:
    """By what rule a project is on track, at risk or off track, as sentences."""
    return portfolio.thresholds.rule


def today(portfolio: Portfolio) -> date:
    """The last day that counts."""
    return portfolio.today


def owned(portfolio: Portfolio) -> dict[str, list[str]]:
    """By owner, a pseudonym, the names of the projects that are hers."""
    rows = portfolio.plan.projects.drop_duplicates("project_id").dropna(subset=["owner"])
    named = rows["project_id"].astype("str").map(names(portfolio))
    return {str(owner): own.tolist() for owner, own in named.groupby(rows["owner"], sort=False)}


def hours_over(portfolio: Portfolio) -> tuple[float, int]:
    """Hours over capacity in the next two weeks, and of how many owners."""
    rows = portfolio.workload
    weeks = sorted(rows["week"].unique())[:2] if len(rows) else []
    rows = rows[rows["week"].isin(weeks) & (rows["over_hours"] > HALF_AN_HOUR)]
    return float(rows["over_hours"].sum()), int(rows["owner"].nunique())


def earned(portfolio: Portfolio, project: str | None = None) -> pd.DataFrame:
    """Earned value: the newest week of each project, or every week of one.

    Args:
        portfolio: of `open_portfolio`.
        project: of which; None is the newest row of each.

    Returns:
        `earned_value.COLUMNS`, and name.
    """
    rows = portfolio.earned
    rows = rows.groupby("project_id").tail(1) if project is None else rows[rows["project_id"] == project]
    frame = rows.assign(name=rows["project_id"].astype("str").map(names(portfolio))).reset_index(drop=True)
    return answer(frame, is_known=len(frame) > 0, missing=NO_BUDGET)


def scope(portfolio: Portfolio) -> pd.DataFrame:
    """How the scope of each project changed since its plan was kept last: `snapshots.scope_changes`."""
    rows = portfolio.changes
    if rows is None:
        return answer(pd.DataFrame(columns=["project_id"]), is_known=False, missing=NO_EARLIER)
    return scope_changes(rows)


def past_forecasts(portfolio: Portfolio) -> pd.DataFrame:
    """How the forecast of each project's end moved since the first that was kept: `Calibration.drift`, and name."""
    calibration = portfolio.calibration
    if calibration is None or calibration.drift.empty:
        return answer(pd.DataFrame(columns=["project_id"]), is_known=False, missing=NO_FORECASTS)
    frame = calibration.drift.assign(name=calibration.drift["project_id"].astype("str").map(names(portfolio)))
    is_known = bool((frame["forecasts"] > 1).any())
    return answer(frame[frame["forecasts"] > 1].reset_index(drop=True), is_known=is_known, missing=NO_FORECASTS)


def risks(portfolio: Portfolio, project: str | None = None) -> pd.DataFrame:
    """Risks that are open or were closed this week, the heaviest first: `risks.COLUMNS`."""
    rows = portfolio.risks
    if rows is None:
        return answer(pd.DataFrame(columns=["risk_id", "project_id", "state"]), is_known=False, missing=NO_RISKS)
    rows = rows[rows["state"] != CLOSED]
    if project is not None:
        return rows[rows["project_id"] == project].reset_index(drop=True)
    is_closed = rows["state"] == CLOSED_SINCE
    return (
        rows.assign(_closed=is_closed)
        .sort_values(["_closed", "score", "due_on"], ascending=[True, False, True], na_position="last", kind="stable")
        .drop(columns="_closed")
        .reset_index(drop=True)
    )


def decisions(portfolio: Portfolio, project: str | None = None) -> pd.DataFrame:
    """Decisions that are asked, the most urgent first, and those that were taken in the last four weeks.

    Returns:
        project_id, kind (asked, taken), on, due, who, text.
    """
    rows = portfolio.words[portfolio.words["kind"].isin(["asked", "taken"])]
    since = (portfolio.today - timedelta(weeks=4)).isoformat()
    rows = rows[(rows["kind"] == "asked") | (rows["on"] >= since)]
    if project is not None:
        rows = rows[rows["project_id"] == project]
    order = rows.assign(_asked=rows["kind"] != "asked", _due=rows["due"].replace("", "9999"))
    order = order.sort_values(["_asked", "_due", "on", "line"], kind="stable")
    return order[["project_id", "kind", "on", "due", "who", "text"]].reset_index(drop=True)


def own_sections(portfolio: Portfolio, project: str) -> pd.DataFrame:
    """What the project manager wrote of a project below headings of her own: title, text."""
    rows = portfolio.words
    rows = rows[(rows["project_id"] == project) & (rows["kind"] == "section")]
    return rows[["title", "text"]].reset_index(drop=True)


def problems(portfolio: Portfolio, project: str | None = None) -> pd.DataFrame:
    """What is wrong with the plans, by name: `plan.COLUMNS`."""
    rows = portfolio.plan.problems
    return rows if project is None else rows[rows["project_id"] == project].reset_index(drop=True)


def _own_status(portfolio: Portfolio) -> pd.DataFrame:
    rows = portfolio.words[portfolio.words["kind"] == "status"]
    return rows.drop_duplicates("project_id", keep="last").set_index("project_id")[["text", "on", "who"]]


def _texts(values: pd.Series) -> list[str]:
    """Texts, "" where there is none: a column in which nothing is told has no type of text."""
    return [str(value) if told else "" for value, told in zip(values, values.notna(), strict=True)]
