"""The sections of the portfolio: each function shows the frames of a question, with the answer in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from opslib.display import words
from opslib.display.cells import bullets, paragraphs
from opslib.display.section import LeftOut, Section
from opslib.locales import percent
from opslib.reports.project_portfolio import drawings, frames
from opslib.reports.project_portfolio.status_page import (
    project_about as project_about,
)
from opslib.reports.project_portfolio.status_page import (
    project_benefit as project_benefit,
)
from opslib.reports.project_portfolio.status_page import (
    project_decisions as project_decisions,
)
from opslib.reports.project_portfolio.status_page import (
    project_measures as project_measures,
)
from opslib.reports.project_portfolio.status_page import (
    project_problems as project_problems,
)
from opslib.reports.project_portfolio.status_page import (
    project_risks as project_risks,
)
from opslib.reports.project_portfolio.status_page import (
    project_steps as project_steps,
)
from opslib.reports.project_portfolio.status_page import (
    project_text as project_text,
)
from opslib.reports.project_portfolio.status_page import (
    project_timeline as project_timeline,
)
from opslib.store.files import folder_of

NO_TASKS = "This export has no tasks of projects, so there is no plan to draw."
NO_PROBLEM = "Nothing is wrong with the plans."
NOTHING_CHANGED = "No plan changed in scope since it was kept last."
_MOST = 3


def projects(frame: pd.DataFrame, rule: str) -> Section:
    """All projects in one table, with the rule of their status.

    Args:
        frame: of `frames.projects`.
        rule: of `frames.rule`.
    """
    folders = {name: f"../project/{folder_of(name)}/status.html" for name in frame["project_id"]}
    differ = frame.loc[frame["differs"], "name"].tolist()
    beside = f"The project manager says otherwise of {words.listed(differ)}." if differ else ""
    return Section(drawings.project_table(frame, folders), paragraphs(rule), answer=beside)


def timeline(frame: pd.DataFrame, today: date, due: pd.DataFrame) -> Section:
    """Plan, work done and forecast of each project.

    Args:
        frame: of `frames.timeline`.
        today: the last day that counts.
        due: of `frames.due`.
    """
    if frame.empty or frame[["planned_start", "started"]].isna().all(axis=None):
        return LeftOut(NO_TASKS)
    return Section(drawings.gantt(frame, today), bullets([_milestone(row) for row in due.to_dict("records")]))


def drivers(frame: pd.DataFrame, names: dict[str, str]) -> Section:
    """The open tasks that decide when projects end.

    Args:
        frame: of `frames.drivers`.
        names: of projects by id.
    """
    if frame.empty:
        return LeftOut(str(frame.attrs.get("missing", "No task is open.")))
    return Section(drawings.driver_table(frame, names), answer=_driven(frame, names))


def owners(frame: pd.DataFrame, owned: Mapping[str, Sequence[str]]) -> Section:
    """Owners and the hours that wait for them; folded where nobody has more than there is.

    Args:
        frame: of `frames.owners`.
        owned: of `frames.owned`.
    """
    if frame.empty:
        return LeftOut(str(frame.attrs.get("missing", frames.NO_LOAD)))
    over = frame[frame["over_hours"] > frames.HALF_AN_HOUR]
    if over.empty:
        return Section(drawings.owner_table(frame, owned), answer="Nobody has more to do than hours.", folded=True)
    hours = over.groupby("owner", sort=False)["over_hours"].sum()
    said = [f"{drawings.owner_name(str(name), owned)} by {words.whole(round(each))} h" for name, each in hours.items()]
    return Section(drawings.owner_table(frame, owned), answer=f"Over capacity: {words.listed(said[:_MOST])}.")


def past_forecasts(frame: pd.DataFrame) -> Section:
    """How the forecasts of weeks before moved, folded.

    Args:
        frame: of `frames.past_forecasts`.
    """
    if frame.empty:
        return LeftOut(str(frame.attrs.get("missing", frames.NO_FORECASTS)))
    lines = [_drift(row) for row in frame.to_dict("records")]
    return Section(bullets(lines), answer=lines[0], folded=True)


def earned(frame: pd.DataFrame) -> Section:
    """Earned value, folded.

    Args:
        frame: of `frames.earned`.
    """
    if frame.empty:
        return LeftOut(str(frame.attrs.get("missing", frames.NO_BUDGET)))
    over = frame[frame["cpi"] < 1]
    answer = (
        f"{words.number_of(len(over), 'project')} with more hours spent than earned."
        if len(over)
        else "No project has spent more hours than it earned."
    )
    value, hours = (words.listed(sorted(set(frame[name]))) for name in ("ev_from", "ac_from"))
    how = f"Earned value: {value}. Actual hours: {hours}."
    return Section(drawings.earned_table(frame), paragraphs(how), answer=answer, folded=True)


def risks(frame: pd.DataFrame, owned: Mapping[str, Sequence[str]], names: dict[str, str]) -> Section:
    """Risks of all projects, folded.

    Args:
        frame: of `frames.risks`.
        owned: of `frames.owned`.
        names: of projects by id.
    """
    if frame.empty:
        return LeftOut(str(frame.attrs.get("missing", "No risk is open.")))
    closed = int((frame["state"] == "closed since").sum())
    late = int((frame["state"] == "overdue").sum())
    parts = [f"{words.whole(len(frame) - closed)} open", *([f"{words.whole(late)} of them overdue"] if late else [])]
    parts += [f"{words.whole(closed)} closed this week"] if closed else []
    return Section(drawings.risk_table(frame, owned, names), answer=f"{', '.join(parts)}.", folded=True)


def changes(scope: pd.DataFrame, names: dict[str, str]) -> Section:
    """How the scope of projects changed since their plans were kept last, folded.

    Args:
        scope: of `frames.scope`.
        names: of projects by id.
    """
    if "missing" in scope.attrs:
        return LeftOut(str(scope.attrs["missing"]))
    if scope.empty:
        return LeftOut(NOTHING_CHANGED)
    lines = [_scope(row, names) for row in scope.to_dict("records")]
    return Section(bullets(lines), answer=lines[0] if len(lines) == 1 else f"{words.number_of(len(lines), 'project')}.")


def problems(frame: pd.DataFrame, names: dict[str, str]) -> Section:
    """What is wrong with plans.

    Args:
        frame: of `frames.problems`.
        names: of projects by id.
    """
    if frame.empty:
        return LeftOut(NO_PROBLEM)
    errors = frame.loc[frame["severity"] == "error", "project_id"].nunique()
    left = f"{words.number_of(errors, 'project')} without numbers until mended." if errors else "All numbers stand."
    return Section(drawings.problem_table(frame, names), answer=left)


def _milestone(row: Any) -> str:
    chance = row["chance"]
    told = "" if pd.isna(chance) else f", {percent(float(chance), 0)} chance"
    if row["state"] == "overdue":
        now = "" if pd.isna(row["finish_50_on"]) else f", now likely {drawings.day(row['finish_50_on'])}"
        return f"{row['name']}: was due {drawings.day(row['due_on'])}{now}."
    return f"{row['name']}: due {drawings.day(row['due_on'])}{told}."


def _driven(drivers: pd.DataFrame, names: dict[str, str]) -> str:
    """Of the project that ends last which tasks decide its date."""
    last = drivers.sort_values("finish_50_on", kind="stable")["project_id"].iloc[-1]
    own = drivers[(drivers["project_id"] == last) & (drivers["criticality"] >= 0.1)].head(_MOST)
    if own.empty:
        return ""
    name = names.get(str(last), str(last))
    return f"{name}: {words.listed([str(each) for each in own['name']])} decide{'s' if len(own) == 1 else ''} the date."


def _drift(row: Any) -> str:
    moved = float(row["moved_days"])
    if pd.isna(moved) or moved == 0:
        return f"{row['name']}: its forecast has not moved since {drawings.day(row['first_as_of'])}."
    side = "out" if moved > 0 else "in"
    return (
        f"{row['name']}: its forecast moved {side} by {words.number_of(round(abs(moved)), 'working day')} since "
        f"{drawings.day(row['first_as_of'])}."
    )


def _scope(row: Any, names: dict[str, str]) -> str:
    parts = []
    for column, word in (("tasks_added", "added"), ("tasks_removed", "taken out"), ("re_baselined", "planned anew")):
        if count := int(row[column]):
            parts.append(f"{words.number_of(count, 'task')} {word}")
    hours = row["hours"]
    if not pd.isna(hours) and float(hours):
        parts.append(f"{float(hours):+,.0f} planned hours".replace("-", "−"))
    days = float(row["days"])
    if days:
        parts.append(f"{days:+,.1f} estimated days".replace("-", "−"))
    return f"{names.get(str(row['project_id']), row['project_id'])}: {', '.join(parts)}."
