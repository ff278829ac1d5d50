"""The findings of all teams that are read first: what it is, how large, why, and who does what about it by when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from opslib.analysis.findings.actions import in_order
from opslib.analysis.findings.ranking import first_lines
from opslib.analysis.findings.register import causes_of
from opslib.analysis.methods.ticket_lists import count_behind, why_no_list
from opslib.display import verdicts, words
from opslib.display.cells import is_known, rows_of
from opslib.display.verdicts import Verdict
from opslib.metrics import CATALOGUE, Metric
from opslib.reports.findings import hours_in_words
from opslib.weekly.brief.goals import WeekNumbers
from opslib.weekly.edition import Link
from opslib.weekly.escalations import Escalated
from opslib.weekly.plan import LISTS

_MOST_COINCIDENCES = 2
_LATE = ("sla", "speed")
_SAID_ONCE = "data incomplete"
"""What a whole export lacks is no finding of each of its teams."""


@dataclass(frozen=True)
class Point:
    """A finding as the brief lists it; `share` is its size beside the largest of them, in percent.

    `teams` are those of which the same is said, the team of the finding first.
    """

    finding_id: str
    team: str
    teams: tuple[str, ...]
    kind: str
    subject: str
    what: str
    verdict: Verdict | None
    share: int
    size: str
    facts: tuple[str, ...]
    causes: tuple[tuple[str, str], ...]
    links: tuple[Link, ...]
    next_step: str
    owner: str
    due: str
    state: str
    is_overdue: bool


def first_points(
    findings: pd.DataFrame,
    actions: pd.DataFrame,
    numbers: WeekNumbers,
    *,
    folder: Path,
    today: date,
    authors: Mapping[str, str],
    escalated: Sequence[Escalated] = (),
) -> tuple[Point, ...]:
    """The findings that are read first, at most five and two of a team, in their order.

    Args:
        findings: rows of the register, of one week.
        actions: `actions.COLUMNS`.
        numbers: of the same week.
        folder: of the week's pages; a page that is not there is not linked.
        today: the day on which actions are overdue or not.
        authors: by team who wrote a sentence on the week, "" where that is not told.
        escalated: what the week's reports propose to hand over.
    """
    taken = {row.finding_id: row for row in reversed(list(rows_of(in_order(actions, today)))) if row.finding_id}
    together = findings.groupby(["kind", "what"], sort=False)["team"].agg(tuple).to_dict()
    is_again = (findings["kind"] == _SAID_ONCE) & findings.duplicated(["kind", "what"])
    first = list(rows_of(first_lines(findings[~is_again])))
    largest = max((row.size for row in first if is_known(row.size)), default=0.0)
    return tuple(
        _point(
            row,
            numbers,
            taken.get(row.finding_id),
            teams=together[row.kind, row.what] if row.kind == _SAID_ONCE else (row.team,),
            share=round(100 * row.size / largest) if is_known(row.size) and largest else 0,
            links=tuple(_links(row, numbers, folder, authors, escalated)),
        )
        for row in first
    )


def _point(
    row: Any, numbers: WeekNumbers, action: Any, *, teams: tuple[str, ...], share: int, links: tuple[Link, ...]
) -> Point:
    metric = CATALOGUE.get(row.subject)
    own = numbers.row(row.team, row.subject) if metric is not None else None
    what, size = row.what.removesuffix("."), _size(row)
    facts = tuple(filter(None, (hours_in_words(row).removesuffix("."),)))
    if row.kind == "goal missed" and own is not None and metric is not None:
        what = f"{metric.label} {words.value(own.value, own.unit)}, goal {words.goal(own.goal, own.better, own.unit)}"
        size = size or verdicts.gap(own)
        facts = tuple(filter(None, (_missed_of(metric, own), verdicts.misses(own))))
    return Point(
        finding_id=row.finding_id,
        team=row.team,
        teams=teams,
        kind=row.kind,
        subject=row.subject,
        what=what,
        verdict=_verdict(row, own),
        share=share,
        size=size,
        facts=facts,
        causes=_causes(row),
        links=links,
        next_step=row.next_step,
        owner=action.owner if action is not None else "",
        due=words.day(action.due) if action is not None and action.due else "",
        state=action.state if action is not None else "proposed",
        is_overdue=bool(action is not None and action.is_overdue),
    )


def _size(row: Any) -> str:
    """How large a finding is, in what it is ranked by."""
    if not is_known(row.size) or not row.size:
        return ""
    count = words.value(row.size, "count")
    return f"{count} short" if row.kind == "goal missed" else f"{count} a week"


def _missed_of(metric: Metric, row: Any) -> str:
    """How many cases missed a goal, of how many."""
    count = count_behind(metric, row.numerator, row.denominator) if why_no_list(metric) is None else None
    if count is None or metric.kind != "share":
        return verdicts.size(row).partition(",")[0]
    of = f"{words.value(count, 'count')} of {words.value(row.n, 'count')}"
    return f"{of} late" if metric.family in _LATE else f"{of} {metric.cases} missed it"


def _verdict(row: Any, own: Any) -> Verdict | None:
    since = f" since {words.short_day(row.since)}" if row.since else ""
    match row.kind:
        case "goal missed":
            return verdicts.of_goal(own) if own is not None else None
        case "signal":
            return verdicts.of_signal(own) if own is not None else None
        case "broken rule":
            return Verdict("outside", f"Broken{since}")
        case "reason moved":
            return Verdict("outside", f"More{since}")
        case _:
            return Verdict("at-risk", "Data incomplete")


def _causes(row: Any) -> tuple[tuple[str, str], ...]:
    """The likeliest cause that was measured, with what it explains, and what was only at the same time."""
    causes = causes_of(row)
    measured = next((each for each in causes if each["is_measured"]), None)
    most = _MOST_COINCIDENCES if measured is None else 1
    beside = [_coincidence(each) for each in causes if not each["is_measured"]][:most]
    parts = [("Cause", _measured(measured))] if measured is not None else []
    return tuple(parts + ([("At the same time", f"{'; '.join(beside)}.")] if beside else []))


def _coincidence(cause: Mapping[str, Any]) -> str:
    now, usual, unit = cause.get("now"), cause.get("usual"), cause.get("unit")
    if not (is_known(now) and is_known(usual)) or not unit:
        return str(cause["text"])
    return f"{cause['text']} ({words.value(now, unit)}, usually {words.value(usual, unit)})"


def _measured(cause: Mapping[str, Any]) -> str:
    cases, of = cause.get("cases"), cause.get("of")
    if not (is_known(cases) and is_known(of)) or not of:
        return f"{cause['text']}."
    return f"{cause['text']}: {words.value(cases, 'count')} of the {words.value(of, 'count')}."


def _links(
    row: Any, numbers: WeekNumbers, folder: Path, authors: Mapping[str, str], escalated: Sequence[Escalated]
) -> list[Link]:
    page = row.section.partition("#")[0]
    links = [Link("Why", row.section)] if (folder / page).is_file() else []
    metric = CATALOGUE.get(row.subject) if row.kind in ("goal missed", "signal") else None
    tickets = f"{row.team}/{LISTS}/{row.subject}.html"
    if metric is not None and (folder / tickets).is_file():
        links.append(Link(_tickets_in_words(metric, numbers.row(row.team, row.subject)), tickets))
    handed = [each for each in escalated if row.kind == "reason moved" and each.team == row.team]
    handed = [each for each in handed if each.subject == row.subject]
    own = f"{row.team}/{LISTS}/{row.finding_id}.html"
    if not handed and is_known(row.listed) and (folder / own).is_file():
        links.append(Link(f"{words.value(row.listed, 'count')} tickets", own))
    for each in handed:
        links += [Link("The escalation", each.brief), Link("Its tickets", each.tickets)]
    review = f"{row.team}/weekly_review.html"
    if row.team in authors and (folder / review).is_file():
        links.append(Link(f"Note by {authors[row.team]}" if authors[row.team] else "Note", review))
    return links


def _tickets_in_words(metric: Metric, row: Any) -> str:
    """What a list of tickets has, with how many where the week's number tells that."""
    late = "late " if metric.family in _LATE and metric.better == "higher" else ""
    count = count_behind(metric, row.numerator, row.denominator) if row is not None else None
    return f"{words.value(count, 'count')} {late}{metric.cases}" if count is not None else f"The {metric.cases}"
