"""The page of one project for its stakeholders: its head, its sections, and the same as text for a mail or a wiki."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pandas as pd

from opslib.analysis.project_portfolio.capability import dmaic_stages
from opslib.display import words
from opslib.display.cells import bullets, paragraphs, rows_of
from opslib.display.headline import Headline, Line
from opslib.display.section import LeftOut, Section
from opslib.display.text_version import TextVersion
from opslib.errors import NotInExport
from opslib.locales import percent
from opslib.reports.benefit_words import detectable_sentence, gain_sentence
from opslib.reports.project_portfolio import drawings, frames
from opslib.reports.project_portfolio.benefit import NOT_LIVE, NOT_MEASURED, scope_of, verdict_of
from opslib.reports.project_portfolio.plan_words import changed_in_words, done_last_week, next_steps
from opslib.reports.project_portfolio.portfolio import Portfolio, open_portfolio
from opslib.store.files import folder_of

_AHEAD_DAYS = 14
_MOST_NAMED = 10
_MARKUP = re.compile(r"[\\`*_{}\[\]<>#|!~]")


@dataclass(frozen=True)
class Project:
    """One project of a portfolio: its id, and its row of `frames.projects`."""

    portfolio: Portfolio
    project_id: str
    row: Any

    @property
    def name(self) -> str:
        """What a reader calls it."""
        return str(self.row.name)


def open_project(week: str, project: str, *, warehouse: str = "", params: str = "") -> Project:
    """Open a project of a week.

    Args:
        week: ISO week, like `2026-W46`.
        project: its id, as the export has it.
        warehouse: of `ops.open_week`.
        params: of `ops.open_week`.

    Raises:
        NoSuchWeek: the week is not written like one.
        NotInExport: the export has no such project; the message lists those that there are.
        WarehouseError: the warehouse is empty, or it ends before the week.
    """
    portfolio = open_portfolio(week, warehouse=warehouse, params=params)
    for row in rows_of(frames.projects(portfolio, project)):
        return Project(portfolio, project, row)
    there = ", ".join(portfolio.plan.projects["project_id"].astype("str")[:_MOST_NAMED])
    raise NotInExport(f"no project {project!r} in this export; there are {there}")


def project_headline(project: Project) -> Headline:
    """What the project comes to, and its status, dates and hours."""
    return Headline(
        [_status(project), _dates(project), _hours(project)], has_data=True, verdict=project_verdict(project)
    )


def project_verdict(project: Project) -> str:
    """Whether it is late and by when it ends, and how many decisions are needed."""
    row = project.row
    promised, middle, late = (drawings.day(each) for each in (row.promised_on, row.finish_50_on, row.finish_80_on))
    if row.status.startswith("done"):
        on = "" if pd.isna(row.finish_50_on) else f" on {middle}"
        said = f"Done{on}." if pd.isna(row.promised_on) else f"Done{on}, promised for {promised}."
    elif pd.isna(row.finish_50_on):
        said = f"Promised for {promised}; when it ends cannot be told."
    elif pd.isna(row.promised_on):
        said = f"Likely to end between {middle} and {late}; no date was promised."
    else:
        start = "Late. " if row.promised_on < row.finish_50_on and row.status == "off track" else ""
        said = f"{start}Promised for {promised}; likely between {middle} and {late}."
    asked = f" {words.number_of(row.decisions, 'decision').capitalize()} needed." if row.decisions else ""
    return said + asked


def project_decisions(project: Project) -> Section:
    """Decisions that are asked, the most urgent first, and those taken lately."""
    rows = frames.decisions(project.portfolio, project.project_id)
    if rows.empty:
        return LeftOut("No decision is asked for.")
    lines = [_decision(row) for row in rows_of(rows)]
    asked = int((rows["kind"] == "asked").sum())
    return Section(bullets(lines), answer=f"{words.number_of(asked, 'decision').capitalize()} asked." if asked else "")


def project_about(project: Project) -> Section:
    """Objective, scope and the like, in the project manager's words."""
    rows = frames.own_sections(project.portfolio, project.project_id)
    if rows.empty:
        return LeftOut(f"Nobody wrote of it; notes/projects/{folder_of(project.project_id)}.md is the place.")
    parts = [paragraphs(f"{row.title}: {' '.join(row.text.split())}") for row in rows_of(rows)]
    return Section(*parts)


def project_benefit(project: Project) -> Section:
    """Whether it helped: the verdict, what it was measured on, and what it is worth."""
    own = project.portfolio.benefits_of([project.project_id]).get(project.project_id)
    said = verdict_of(own)
    answer = f"{said[0].upper()}{said[1:]}. {project.row.benefit_words}"
    if own is None or said == NOT_MEASURED:
        return Section(answer=answer)
    lines = [scope_of(own)]
    if said != NOT_LIVE:
        lines.append(detectable_sentence(own))
    if own.gain is not None:
        lines.append(gain_sentence(own.gain, project.portfolio.week.organisation.impact.currency))
    return Section(paragraphs(*lines), answer=answer)


def project_timeline(project: Project) -> Section:
    """Its tasks: plan, what was done, forecast."""
    rows = frames.timeline(project.portfolio, project.project_id)
    if rows.empty:
        return LeftOut("This project has no tasks that could be drawn.")
    return Section(drawings.gantt(rows, project.portfolio.today))


def project_steps(project: Project) -> Section:
    """What was done last week and what comes in the next two."""
    done = done_last_week(project.portfolio, project.project_id)
    changed = changed_in_words(project.portfolio, project.project_id)
    ahead = next_steps(project.portfolio, project.project_id, days=_AHEAD_DAYS)
    last = [changed] if changed and project.portfolio.changes is not None else done
    parts = [
        bullets([f"Last week: {each}" for each in last] or ["Last week: nothing was begun or finished."]),
        bullets([f"Next two weeks: {each}" for each in ahead] or ["Next two weeks: nothing is planned."]),
    ]
    return Section(*parts)


def project_risks(project: Project) -> Section:
    """Its risks, the heaviest first."""
    rows = frames.risks(project.portfolio, project.project_id)
    if rows.empty:
        return LeftOut(str(rows.attrs.get("missing", "No risk is open.")))
    return Section(drawings.risk_table(rows, frames.owned(project.portfolio)))


def project_problems(project: Project) -> Section:
    """What is wrong with its plan."""
    rows = frames.problems(project.portfolio, project.project_id)
    if rows.empty:
        return LeftOut("Nothing is wrong with the plan.")
    return Section(drawings.problem_table(rows, {project.project_id: project.name}))


def project_measures(project: Project) -> Section:
    """Earned value, earned schedule and the stage of DMAIC, folded."""
    rows = frames.earned(project.portfolio, project.project_id).tail(1)
    stages = dmaic_stages(project.portfolio.plan).set_index("project_id")
    stage = stages.loc[project.project_id]
    if isinstance(stage, pd.DataFrame):
        stage = stage.iloc[0]
    dmaic = f"DMAIC: {stage['dmaic'] or 'cannot be told'} ({stage['why']})."
    if rows.empty:
        return Section(paragraphs(dmaic), answer=str(rows.attrs.get("missing", frames.NO_BUDGET)), folded=True)
    now = rows.iloc[0]
    answer = f"CPI {drawings.index(now['cpi'])}, SPI {drawings.index(now['spi'])}."
    return Section(drawings.earned_table(rows), paragraphs(dmaic), answer=answer, folded=True)


def project_text(project: Project) -> Section:
    """The same as text, for a mail or a wiki; a file of the same name lies beside the page."""
    return Section(TextVersion(_markdown(project)), folded=True, answer="A file beside this page has it.")


def _status(project: Project) -> Line:
    row = project.row
    who = row.own_who or "Project manager"
    own = f"{who}, {words.short_day(row.own_on)}: “{row.own_status}”" if row.own_status else ""
    reasons = f"{row.reasons[0].upper()}{row.reasons[1:]}" if row.reasons else ""
    chip = drawings.verdict(row.status)
    return Line("Status by rule", chip.text, "", False, "", (), facts=tuple(filter(None, (reasons, own))))


def _dates(project: Project) -> Line:
    row = project.row
    if pd.isna(row.finish_50_on):
        forecast = project.portfolio.forecast.projects.set_index("project_id")
        why = str(forecast.loc[project.project_id, "why"]) or "nothing tells how long its tasks take"
        return Line("Ends", words.NOT_SHOWN, "", False, why, ())
    if row.status.startswith("done"):
        promised = f"promised {drawings.day(row.promised_on)}"
        return Line("Ended", drawings.day(row.finish_50_on), "", False, "", (), facts=(promised,))
    chance = words.NOT_SHOWN if pd.isna(row.chance) else percent(row.chance, 0)
    facts = (
        f"even odds; {drawings.day(row.finish_80_on)}: 4 chances in 5",
        f"promised {drawings.day(row.promised_on)}, chance {chance}",
    )
    return Line("Ends by", drawings.day(row.finish_50_on), "", False, "", (), facts=facts)


def _hours(project: Project) -> Line:
    rows = frames.earned(project.portfolio, project.project_id)
    if rows.empty:
        return Line("Hours", words.NOT_SHOWN, "", False, "no planned hours in this export", ())
    now = rows.iloc[-1]
    spent, budget = words.whole(round(now["ac"])), words.whole(round(now["bac"]))
    facts = []
    if not pd.isna(now["eac"]):
        facts.append(f"about {words.whole(round(now['eac']))} at the end")
    if not pd.isna(now["cpi"]) and now["cpi"]:
        facts.append(f"each planned hour takes {words.value(1 / now['cpi'], 'per_ticket')}")
    return Line("Hours", f"{spent} of {budget}", "", False, "", (), facts=tuple(facts))


def _decision(row: Any) -> str:
    if row.kind == "taken":
        by = f", {row.who}" if row.who else ""
        return f"Taken {words.short_day(row.on)}{by}: {row.text}"
    due = f" by {words.short_day(row.due)}" if row.due else ""
    who = f", from {row.who}" if row.who else ""
    return f"{row.text} (asked {words.short_day(row.on)}{who}{due})"


def _markdown(project: Project) -> str:
    """The update as Markdown: what came from people or exports is plain text in it."""
    portfolio, name = project.portfolio, project.project_id
    week = words.week_number(portfolio.week.week)
    lines = [f"# {_plain(project.name)}, {week}: {project.row.status}", "", _plain(project_verdict(project))]
    if project.row.own_status:
        lines += ["", _plain(f"Project manager: {project.row.own_status}")]
    for title, items in (
        ("Decisions", [_decision(row) for row in rows_of(frames.decisions(portfolio, name))]),
        ("What it is", [f"{r.title}: {r.text}" for r in rows_of(frames.own_sections(portfolio, name))]),
        ("Last week", done_last_week(portfolio, name)),
        ("Next two weeks", next_steps(portfolio, name, days=_AHEAD_DAYS)),
        ("Risks", [_risk(row) for row in rows_of(frames.risks(portfolio, name))]),
        ("Did it help?", [f"{project.row.benefit.capitalize()}. {project.row.benefit_words}".strip()]),
    ):
        if items:
            lines += ["", f"## {title}", "", *(f"- {_plain(item)}" for item in items)]
    return "\n".join(lines) + "\n"


def _risk(row: Any) -> str:
    due = "" if pd.isna(row.due_on) else f", due {drawings.day(row.due_on)}"
    return f"{row.description} (likely {drawings.level(row.likelihood)}, impact {drawings.level(row.impact)}{due})"


def _plain(text: str) -> str:
    """A text on one line, in which no letter is markup."""
    return _MARKUP.sub(r"\\\g<0>", " ".join(str(text).split()))
