"""The pages around the reports: the index of a week, the way to the newest week, and what the gate saw."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from markupsafe import Markup

from opslib.analysis.weekly_review.false_alarms import MEASURED, rate_in_words
from opslib.locales import short_week_days, whole
from opslib.store.files import write_text
from opslib.weekly.edition import Edition, Link, comparison_of
from opslib.weekly.escalations import Escalated
from opslib.weekly.findings import IndexLine
from opslib.weekly.headline import spark_label
from opslib.weekly.manifest import Record
from opslib.weekly.pages.neighbours import changes_since, html_of, in_words, renew, reports_in, write_comparisons
from opslib.weekly.pages.template import render_template
from opslib.weekly.plan import Job
from opslib.weekly.unchanged import FOLDER
from opslib.weeks import is_week, shift_week

if TYPE_CHECKING:
    from opslib.intake.gate.verdict import Result, Verdict

STATUS_WORDS = {
    "ready": "ready",
    "unchanged": "unchanged",
    "no_data": "no data",
    "blocked": "blocked by the gate",
    "failed": "failed",
}
OUTCOME_WORDS = {
    "blocked": "blocks",
    "set_aside": "rows set aside",
    "warned": "warning",
    "passed": "holds",
    "absent": "not in this export",
}
EXAMPLES_SHOWN = 5
HEADLINES_SHOWN = 6
"""Of a report on the index, and every one that has a goal."""
_UNITS = {"rows": "row", "teams": "team", "table": "table"}
WEEKS_SHOWN = 13
_WEEKS = re.compile(r"(<!-- weeks -->\n).*?(<!-- end of weeks -->)", re.DOTALL)
_NOT_MET = ("blocked", "set_aside", "warned")
_COUNTS = ("read", "kept", "replaced", "set_aside")
_WHERE_ANY = {"left_out": "Left out", "forgotten": "Forgotten on request", "expired": "Too old to keep"}
"""What else becomes of rows; a column of the account where it happens."""


def weeks_in(reports: Path) -> list[str]:
    """The weeks that have an index under reports/, newest first."""
    if not reports.is_dir():
        return []
    return sorted((p.parent.name for p in reports.glob("*/index.html") if is_week(p.parent.name)), reverse=True)


def write_index(
    reports: Path,
    *,
    edition: Edition,
    records: Sequence[Record],
    blocked: Mapping[str, Sequence[str]],
    restated: Mapping[str, int] | None = None,
    escalated: Sequence[Escalated] = (),
    lines: Sequence[IndexLine] = (),
) -> Path:
    """`reports/<week>/index.html`; `reports/index.html` goes to the newest week, and other weeks' pages learn of it.

    The other indexes list this week, the same report of the weeks before and after links this one's, and each report
    gets a page that shows it beside the week before.

    Args:
        reports: the folder of all weeks.
        edition: the week.
        records: what became of each report of the week.
        blocked: reasons by team.
        restated: how many published numbers of past weeks are others now, by team; None where nobody looked.
        escalated: what the week's reports hand over to product teams.
        lines: the findings of all teams that are read first.

    Returns:
        The index of the week.

    Raises:
        ManifestError: the manifest of a neighbouring week is damaged.
    """
    week = edition.week
    weeks = sorted({*weeks_in(reports), week}, reverse=True)
    names = list(dict.fromkeys(record.name for record in records))
    owners = list(dict.fromkeys(record.team for record in records if record.team is not None))
    owners.sort(
        key=lambda team: (list(edition.teams).index(team) if team in edition.teams else len(edition.teams), team)
    )
    rows = [
        {
            "team": team or "org",
            "label": edition.label(team),
            "cells": [_cell(records, team, name, reports, week) for name in names],
        }
        for team in [*owners, *([None] if any(record.team is None for record in records) else [])]
    ]
    statuses = [record.status for record in records]
    header = {**edition.header(), "team": "", "links": [Link("Data quality", "data_quality.html", "d")]}
    html = render_template(
        "index.html.j2",
        title="Weekly reports",
        header=header,
        footer=edition.footer(),
        sample=edition.sample,
        weeks=_list_of_weeks(weeks, week),
        tally=[(status, statuses.count(status)) for status in STATUS_WORDS if status in statuses],
        words=STATUS_WORDS,
        blocked=_by_label(edition, blocked),
        notebooks=[{"name": name, "label": in_words(name)} for name in names],
        rows=rows,
        escalated=[(edition.label(each.team), each) for each in escalated],
        lines=[(edition.label(each.team), each) for each in lines],
        goals=_goals(edition, records),
        changes=changes_since(reports, edition=edition, records=records, restated=restated),
    )
    path = reports / week / "index.html"
    write_text(html, path)
    _renew_lists(reports, weeks, but=week)
    write_comparisons(reports, edition=edition, records=records)
    renew(reports, week)
    return path


def forget_weeks(reports: Path, weeks: Sequence[str]) -> None:
    """Remove the folders of weeks, and what leads to them from the pages of others.

    Args:
        reports: the folder of all weeks.
        weeks: to be removed, with all that lies in their folders.
    """
    for week in weeks:
        for folder in (reports / week, reports / FOLDER / week):
            shutil.rmtree(folder, ignore_errors=True)
    left = weeks_in(reports)
    for week in weeks:
        following = shift_week(week, 1)
        for job in reports_in(reports, following):
            comparison_of(job, reports).unlink(missing_ok=True)
        index = reports / following / "index.html"
        if index.is_file():
            html = index.read_text(encoding="utf-8")
            write_text(
                re.sub(rf'<a [^>]*href="(?:\.\./{week}/[^"]*|[^"]*\.compare\.html)"[^>]*>(.*?)</a>', r"\1", html), index
            )
        renew(reports, week)
    if left:
        _renew_lists(reports, left)
    elif weeks:
        (reports / "index.html").unlink(missing_ok=True)


def _renew_lists(reports: Path, weeks: Sequence[str], but: str | None = None) -> None:
    """Tell the indexes which weeks there are by now, the newest first, and go to that one from the folder of all."""
    for other in weeks:
        if other != but:
            _renew_weeks(reports / other / "index.html", _list_of_weeks(weeks, other))
    write_text(render_template("forward.html.j2", week=weeks[0]), reports / "index.html")


def write_data_quality(reports: Path, *, edition: Edition, verdict: Verdict, accounting: pd.DataFrame) -> Path:
    """`reports/<week>/data_quality.html`: every expectation, what it saw, its failures by week, the account of rows.

    Args:
        reports: the folder of all weeks.
        edition: the week.
        verdict: the gate's.
        accounting: columns file, table, read, kept, replaced, set_aside and, where they are used, left_out, forgotten
            and expired; rows.

    Returns:
        The page.
    """
    results = [_result(result, edition) for result in verdict.results]
    tables = list(dict.fromkeys(result["table"] for result in results))
    outcomes = [result["outcome"] for result in results]
    others = [name for name in _WHERE_ANY if name in accounting and (name == "left_out" or accounting[name].any())]
    html = render_template(
        "data_quality.html.j2",
        title="Data quality",
        header={**edition.header(), "team": ""},
        footer=edition.footer(),
        sample=edition.sample,
        words=OUTCOME_WORDS,
        tally=[(outcome, outcomes.count(outcome)) for outcome in OUTCOME_WORDS if outcome in outcomes],
        blocked=_by_label(edition, verdict.blocked),
        not_met=_worst_first([result for result in results if result["outcome"] in _NOT_MET]),
        sections=[
            {
                "table": table,
                "results": (own := _worst_first([result for result in results if result["table"] == table])),
                "failed": sum(result["outcome"] in _NOT_MET for result in own),
                "tally": _tally_in_words([result["outcome"] for result in own]),
                "trend": any(len(result["spark"]) > 1 for result in own),
            }
            for table in tables
        ],
        others=[_WHERE_ANY[name] for name in others],
        accounting=_account(accounting, [*_COUNTS, *others]),
    )
    path = reports / edition.week / "data_quality.html"
    write_text(html, path)
    return path


def write_how_we_decide(reports: Path, *, edition: Edition, rate: float, minimum_group: int) -> Path:
    """`reports/<week>/how_we_decide.html`: what the words of the pages mean, and by which methods they are decided.

    Args:
        reports: the folder of all weeks.
        edition: the week.
        rate: the chance that a page on which nothing has moved shows a signal, at most.
        minimum_group: people that a group must have to be shown.

    Returns:
        The page.
    """
    html = render_template(
        "how_we_decide.html.j2",
        title="How we decide",
        header={**edition.header(), "team": ""},
        footer=edition.footer(),
        sample=edition.sample,
        rate=rate_in_words(rate),
        measured=MEASURED.get(rate),
        minimum_group=minimum_group,
    )
    path = reports / edition.week / "how_we_decide.html"
    write_text(html, path)
    return path


def _list_of_weeks(weeks: Sequence[str], week: str) -> Markup:
    place = weeks.index(week)
    keys = {place - 1: "newer", place + 1: "older"}
    entries = [{"week": w, "dates": short_week_days(w), "key": keys.get(i, "")} for i, w in enumerate(weeks)]
    return Markup(render_template("weeks.html.j2", weeks=entries, week=week))


def _renew_weeks(index: Path, weeks: Markup) -> None:
    """Tell the index of another week which weeks there are by now; nothing else of it changes."""
    html = html_of(index)
    renewed = _WEEKS.sub(lambda match: f"{match[1]}{weeks}{match[2]}", html, count=1)
    if renewed != html:
        write_text(renewed, index)


def _cell(records: Sequence[Record], team: str | None, name: str, reports: Path, week: str) -> dict[str, Any] | None:
    record = next((record for record in records if record.team == team and record.name == name), None)
    if record is None:
        return None
    earlier = Job(record.notebook, shift_week(week, -1), team)
    beside = comparison_of(Job(record.notebook, week, team), reports).relative_to(reports / week)
    return {
        "href": f"{record.identifier.partition('/')[2]}.html",
        "label": in_words(name),
        "status": record.status,
        "error": record.error if record.status == "failed" else None,
        "headline": [
            line for place, line in enumerate(record.headline) if place < HEADLINES_SHOWN or line.get("goal_verdict")
        ],
        "before": {"week": earlier.week, "href": f"../{earlier.identifier}.html", "beside": beside.as_posix()}
        if earlier.page(reports).is_file()
        else None,
    }


def _goals(edition: Edition, records: Sequence[Record]) -> dict[str, Any]:
    """What became of all goals, as the headlines of the reports have it: counts, and those missed, the surest first."""
    lines = [
        {
            **line,
            "team": edition.label(record.team),
            "report": in_words(record.name),
            "href": f"{record.identifier.partition('/')[2]}.html",
        }
        for record in records
        for line in record.headline
        if line.get("goal_verdict")
    ]
    told = [line for line in lines if line["goal_verdict"] != "no value"]
    missed = [line for line in told if line["is_missed"]]
    surest = ("missed", "missed, could be chance")
    rank = {verdict: place for place, verdict in enumerate(surest)}
    return {
        "told": len(told),
        "unknown": len(lines) - len(told),
        "met": len(told) - len(missed),
        "at_risk": sum(line["goal_verdict"] == "at risk" for line in told),
        "surely": sum(line["goal_verdict"] == "missed" for line in missed),
        "missed": sorted(missed, key=lambda line: rank.get(line["goal_verdict"], len(rank))),
    }


def _result(result: Result, edition: Edition) -> dict[str, Any]:
    weeks = {week: float(count) for week, count in result.failures_by_week.items() if is_week(week)}
    trend = _trend(weeks, edition.week) if weeks else []
    teams = [edition.label(team) for team in result.teams or () if team != "*"]
    label = f"Failures of {result.expectation} on {result.table}"
    return {
        "table": result.table,
        "expectation": result.expectation,
        "column": result.column,
        "severity": result.severity,
        "notes": result.notes,
        "checked_rows": result.checked,
        "checked": "–"
        if result.outcome == "absent"
        else f"{whole(result.checked)} {_UNITS[result.scope]}{'' if result.checked == 1 else 's'}",
        "failed": "–" if result.outcome == "absent" else whole(result.failed),
        "observed": result.observed,
        "examples": [str(key) for key in result.examples][:EXAMPLES_SHOWN],
        "teams": ", ".join(teams) or "all teams",
        "outcome": result.outcome,
        "spark": trend,
        "spark_label": spark_label(label, trend),
        "spark_total": sum(trend),
    }


def _worst_first(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What did not hold on top; the rest in the order of the suite."""
    ranks = {outcome: rank for rank, outcome in enumerate(_NOT_MET)}
    return sorted(results, key=lambda result: ranks.get(result["outcome"], len(ranks)))


def _tally_in_words(outcomes: Sequence[str]) -> str:
    count = len(outcomes)
    ends = [f"{outcomes.count(outcome)} {words}" for outcome, words in OUTCOME_WORDS.items() if outcome in outcomes]
    if set(outcomes) == {"passed"}:
        return f"{count} expectation{', which holds' if count == 1 else 's, all hold'}"
    return f"{count} expectation{'' if count == 1 else 's'}: {', '.join(ends)}"


def _trend(failures: Mapping[str, float], last: str) -> list[float]:
    """Failures of the weeks up to the last, 0 where there were none: the gate lists only weeks that had some."""
    weeks = [last]
    while len(weeks) < WEEKS_SHOWN:
        weeks.append(shift_week(weeks[-1], -1))
    return [failures.get(week, 0.0) for week in reversed(weeks)]


def _account(accounting: pd.DataFrame, names: list[str]) -> list[dict[str, Any]]:
    counts = accounting[names].astype("int64")
    adds_up = counts["read"] == counts.drop(columns="read").sum(axis="columns")
    return [
        {"file": str(file), "table": str(table), "counts": [whole(count) for count in row], "adds_up": bool(fits)}
        for file, table, row, fits in zip(
            accounting["file"], accounting["table"], counts.to_numpy().tolist(), adds_up, strict=True
        )
    ]


def _by_label(edition: Edition, blocked: Mapping[str, Sequence[str]]) -> list[tuple[str, list[str]]]:
    return [
        (edition.label(None if team == "*" else team), list(reasons)) for team, reasons in blocked.items() if reasons
    ]
