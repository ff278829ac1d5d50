"""The pages around the reports: the Monday brief of a week, the way to the newest week, and what the gate saw."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from markupsafe import Markup

from opslib.analysis.findings.quiet_pages import chance_in_words, weeks_in_words
from opslib.analysis.methods.discovery import FALSE_DISCOVERY_RATE
from opslib.analysis.weekly_review.false_alarms import MEASURED, rate_in_words
from opslib.display.headline import nothing_here
from opslib.display.words import listed, number_of
from opslib.locales import short_week_days, week_number, whole
from opslib.store.files import write_text
from opslib.weekly.edition import Edition, Link, comparison_of, in_words, links_of_the_week, place_of
from opslib.weekly.escalations import Escalated
from opslib.weekly.headline import spark_label
from opslib.weekly.manifest import Record, last_ready_week
from opslib.weekly.pages.neighbours import html_of, renew, reports_in, write_comparisons
from opslib.weekly.pages.template import render_template
from opslib.weekly.unchanged import FOLDER
from opslib.weeks import is_week, shift_week

if TYPE_CHECKING:
    from opslib.intake.gate.verdict import Result, Verdict
    from opslib.weekly.brief import Brief

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
TEAMS_WITHOUT_FILTER = 12
"""So many rows are read without a field that narrows them."""
_EVERY_TEAM = "*"
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
    brief: Brief | None = None,
    restated: Mapping[str, int] | None = None,
    escalated: Sequence[Escalated] = (),
    pairs: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> Path:
    """`reports/<week>/index.html`; `reports/index.html` goes to the newest week, and other weeks' pages learn of it.

    The other indexes list this week, the same report of the weeks before and after links this one's, and each report
    gets a page that shows it beside the week before.

    Args:
        reports: the folder of all weeks.
        edition: the week.
        records: what became of each report of the week.
        blocked: reasons by team.
        brief: what the week comes to; None where no number is known.
        restated: how many published numbers of past weeks are others now, by team; None where nobody looked.
        escalated: what the week's reports hand over to product teams.
        pairs: by identifier all metrics of reports beside those of the week before.

    Returns:
        The index of the week.

    Raises:
        ManifestError: the manifest of a neighbouring week is damaged.
    """
    week = edition.week
    weeks = sorted({*weeks_in(reports), week}, reverse=True)
    header = {
        **edition.header(),
        "team": "",
        "links": links_of_the_week("", "index.html"),
        "days": "" if brief is not None and brief.lead else edition.closures,
        "gate": _gate(edition),
    }
    html = render_template(
        "index.html.j2",
        title="Monday brief",
        header=header,
        footer=edition.footer(),
        sample=edition.sample,
        weeks=_list_of_weeks(weeks, week),
        brief=brief,
        labels={record.team: edition.label(record.team) for record in records} | dict(edition.teams),
        blocked=_held_back(edition, records, blocked, reports),
        failed=[_page(record, edition, reports) for record in records if record.status == "failed"],
        days={team: head.days for team, head in edition.heads.items()},
        reviews=_reviews(records),
        escalated=[(edition.label(each.team), each) for each in escalated],
        pages=_pages_by_team(edition, records, reports),
        words=STATUS_WORDS,
        data=_data_state(edition, records, blocked, restated),
        has_filter=brief is not None and len(brief.rows) > TEAMS_WITHOUT_FILTER,
    )
    path = reports / week / "index.html"
    write_text(html, path)
    _renew_lists(reports, weeks, but=week)
    write_comparisons(reports, edition=edition, records=records, pairs=pairs)
    renew(reports, week, edition.labels)
    return path


def forget_weeks(reports: Path, weeks: Sequence[str], labels: Mapping[str, str]) -> None:
    """Remove the folders of weeks, and what leads to them from the pages of others.

    Args:
        reports: the folder of all weeks.
        weeks: to be removed, with all that lies in their folders.
        labels: of `edition.links_of`.
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
        renew(reports, week, labels)
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
        header={**edition.header(), "team": "", "links": links_of_the_week("", "data_quality.html")},
        footer=edition.footer(),
        sample=edition.sample,
        verdict=_data_verdict(edition, results, verdict.blocked),
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
        of_pages=chance_in_words(rate),
        discovery=rate_in_words(FALSE_DISCOVERY_RATE),
        of_drivers=weeks_in_words("contact_drivers"),
        of_routing=weeks_in_words("routing_audit"),
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


def _gate(edition: Edition) -> dict[str, Any]:
    """What the head says of the data of all teams; of each team the section on data does."""
    heads = edition.heads.values()
    gate = edition.header()["gate"]
    counts = {status: sum(head.gate == status for head in heads) for status in ("blocked", "warned")}
    worst = next((status for status, count in counts.items() if count), "passed")
    if not heads:
        return dict(gate)
    count = counts.get(worst, 0)
    teams = "all teams" if count == len(heads) > 1 else number_of(count, "team")
    text = {"passed": "Data OK", "warned": f"Warnings for {teams}", "blocked": f"Data blocked for {teams}"}[worst]
    return {**gate, "status": worst, "text": text, "note": ""}


def _pages_by_team(edition: Edition, records: Sequence[Record], reports: Path) -> list[dict[str, Any]]:
    """The pages of the week by team, in the order of the organisation; those about all teams and projects last."""
    teams = list(edition.teams)
    owners = sorted(
        {record.team for record in records if record.team is not None},
        key=lambda team: (teams.index(team) if team in teams else len(teams), team),
    )
    in_order = sorted(records, key=lambda record: place_of(record.name))
    groups = [(edition.label(team), [each for each in in_order if each.team == team]) for team in owners]
    groups.append((edition.label(None), [each for each in in_order if each.team is None and each.value is None]))
    others = [each for each in records if each.value is not None]
    for parameter in dict.fromkeys(each.job.parameter for each in others):
        groups.append((f"{in_words(parameter)}s", [each for each in others if each.job.parameter == parameter]))
    return [
        {"label": label, "pages": [_page(record, edition, reports) for record in own]} for label, own in groups if own
    ]


def _page(record: Record, edition: Edition, reports: Path) -> dict[str, Any]:
    job = record.job.in_week(edition.week)
    earlier = job.in_week(shift_week(edition.week, -1))
    beside = comparison_of(job, reports).relative_to(reports / edition.week)
    return {
        "href": f"{record.identifier.partition('/')[2]}.html",
        "label": in_words(record.name) if record.value is None else edition.labels.get(job.folder, record.value),
        "team": edition.label(record.team),
        "status": "ready" if record.status == "unchanged" else record.status,
        "error": record.error if record.status == "failed" else None,
        "before": {"week": earlier.week, "beside": beside.as_posix()} if earlier.page(reports).is_file() else None,
    }


def _reviews(records: Sequence[Record]) -> dict[str, str]:
    """By team the page that its name leads to: the first of its reports."""
    pages: dict[str, str] = {}
    for record in sorted(records, key=lambda record: place_of(record.name)):
        if record.team is not None:
            pages.setdefault(record.team, f"{record.identifier.partition('/')[2]}.html")
    return pages


def _held_back(
    edition: Edition, records: Sequence[Record], blocked: Mapping[str, Sequence[str]], reports: Path
) -> list[dict[str, Any]]:
    """Who has no pages with numbers and why, whom to ask for what, and the last good page of each."""
    parts = []
    for team, reasons in blocked.items():
        if not reasons:
            continue
        head = edition.heads.get(team) or next((head for head in edition.heads.values() if team == _EVERY_TEAM), None)
        own = [record for record in records if record.status == "blocked" and team in (record.team, _EVERY_TEAM)]
        last = next((link for record in own if (link := _last_good(record, edition, reports))), None)
        parts.append(
            {
                "label": edition.label(None if team == _EVERY_TEAM else team),
                "reasons": list(reasons),
                "request": head.request if head is not None else None,
                "last_ready": last if team != _EVERY_TEAM else None,
                "is_one_team": team != _EVERY_TEAM,
            }
        )
    return parts


def _last_good(record: Record, edition: Edition, reports: Path) -> Link | None:
    week = last_ready_week(reports, record.job)
    return Link(week_number(week), f"../{record.job.in_week(week).identifier}.html") if week else None


def _data_state(
    edition: Edition,
    records: Sequence[Record],
    blocked: Mapping[str, Sequence[str]],
    restated: Mapping[str, int] | None,
) -> dict[str, Any]:
    """What is said of the week's data: who is blocked or warned, how many teams are sound, what was restated."""
    teams = list(dict.fromkeys(record.team for record in records if record.team is not None))
    held = {team for team in teams if team in blocked or _EVERY_TEAM in blocked}
    warned = {
        team: head.warnings
        for team in teams
        if team not in held and (head := edition.heads.get(team)) and head.warnings
    }
    sound = len(teams) - len(held) - len(warned)
    return {
        "blocked": [edition.label(team) for team in teams if team in held],
        "warned": [(edition.label(team), list(warnings)) for team, warnings in warned.items()],
        "sound": sound,
        "teams": len(teams),
        "note": edition.gate_note,
        "restated": None
        if restated is None
        else [(edition.label(team), count) for team, count in restated.items() if count],
    }


def _data_verdict(edition: Edition, results: Sequence[Mapping[str, Any]], blocked: Collection[str]) -> str:
    """What the gate saw, in a sentence: who is blocked, what was set aside, who is warned; else that it is sound."""
    outcomes = Counter(result["outcome"] for result in results)
    warned = [edition.label(team) for team, head in edition.heads.items() if head.warnings]
    whose = "all teams" if _EVERY_TEAM in blocked else number_of(len(blocked), "team")
    parts = [f"the data of {whose} are blocked"] if blocked else []
    if outcomes["set_aside"]:
        parts.append(f"rows that break {number_of(outcomes['set_aside'], 'expectation')} were set aside")
    if warned:
        parts.append(f"the data of {listed(warned)} may not be complete or right")
    if parts:
        said = listed(parts)
        return f"{said[0].upper()}{said[1:]}."
    if outcomes["warned"]:
        return nothing_here("No row was set aside, and no warning concerns a team")
    return nothing_here("Every expectation held")


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
