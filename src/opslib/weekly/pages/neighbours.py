"""One week beside the next: links between the weeks of a report, both side by side, and what changed since the last.

A page is written when its week is made and does not know the week that follows. What it says about its neighbours
stands between two marks, which `renew` rewrites, and nothing else of the page, when a neighbour came or went.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from opslib.store.files import remove_file, write_text
from opslib.store.memo import digest_of
from opslib.weekly.edition import GATE_WORDS, Edition, Link, Links, comparison_of, in_words, links_of
from opslib.weekly.manifest import Record, read_gate, read_records
from opslib.weekly.pages.template import render_template
from opslib.weekly.plan import Job
from opslib.weeks import shift_week

ORGANISATION = "org"
_MARKED = re.compile(r"(<!-- neighbours -->\n).*?(<!-- end of neighbours -->)", re.DOTALL)
_AS_READY = frozenset({"ready", "unchanged"})


def reports_in(reports: Path, week: str) -> list[Job]:
    """The reports of a week whose pages are there, by team and name."""
    return [
        Job(f"{'org' if page.parent.name == ORGANISATION else 'team'}/{page.stem}", week, _team_of(page))
        for page in sorted((reports / week).glob("*/*.html"))
        if not page.name.endswith(".compare.html") and not page.name.startswith(".") and page.is_file()
    ]


def renew(reports: Path, week: str, teams: Mapping[str, str]) -> list[Path]:
    """Tell the reports of a week and of its neighbours which other weeks, teams and reports there are by now.

    Args:
        reports: the folder of all weeks.
        week: the week that was made.
        teams: names to labels.

    Returns:
        The pages that changed; a page that is right already is not written.
    """
    changed = []
    for job in [job for w in (shift_week(week, -1), week, shift_week(week, 1)) for job in reports_in(reports, w)]:
        page = job.page(reports)
        before = html_of(page)
        links = render_template("neighbours.html.j2", kinds=links_of(job, reports, teams))
        after = _MARKED.sub(rf"\g<1>{links}\g<2>", before, count=1)
        if after != before:
            write_text(after, page)
            changed.append(page)
    return changed


def html_of(page: Path) -> str:
    """The text of a page; none where it is not there or is damaged."""
    try:
        return page.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError):
        return ""


def digest_of_page(page: Path) -> str:
    """SHA-256 of a page but for what it says of its neighbours: that is renewed whenever one of them comes or goes."""
    return digest_of(_MARKED.sub("", html_of(page), count=1))


def write_comparisons(reports: Path, *, edition: Edition, records: Sequence[Record]) -> list[Path]:
    """A page per report that shows it beside the week before, for this week and the one after.

    Args:
        reports: the folder of all weeks.
        edition: the week that was made.
        records: what became of its reports.

    Returns:
        The pages `<identifier>.compare.html`. A report that has no week before has none, and one left over is removed.

    Notes:
        Its numbers are those that the manifests of the two weeks tell.
    """
    pages = []
    records_by_week = {edition.week: records}
    for week in (edition.week, shift_week(edition.week, 1)):
        before = shift_week(week, -1)
        for w in (before, week):
            if w not in records_by_week:
                records_by_week[w] = read_records(reports / w / "manifest.json")
        for job in reports_in(reports, week):
            page = comparison_of(job, reports)
            if Job(job.notebook, before, job.team).page(reports).is_file():
                earlier, record = (_of(records_by_week[w], job) for w in (before, week))
                html = _comparison(reports, edition, job, earlier, record)
                write_text(html, page)
                pages.append(page)
            else:
                remove_file(page)
    return pages


def changes_since(
    reports: Path, *, edition: Edition, records: Sequence[Record], restated: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """What is otherwise than one week before: statuses, signals among the headlines, the gate, restated numbers.

    Args:
        reports: the folder of all weeks.
        edition: the week.
        records: what became of its reports.
        restated: how many published numbers of past weeks are others now, by team; None where nobody looked.

    Returns:
        before (the week compared with, or None where it has no manifest), statuses (team, report, href, was, now),
        signals (team, report, href, label, value, was, change, note, is_new), new and headlines (counts), ended
        and unjudged (texts: signals of the week before that are none now, or of which that is not known), gate (was,
        now) where it changed, and restated (label, count).
    """
    week = shift_week(edition.week, -1)
    manifest = reports / week / "manifest.json"
    earlier = {(record.team, record.name): record for record in read_records(manifest)}
    gate = read_gate(manifest)
    statuses, signals = [], []
    ended: list[str] = []
    unjudged: list[str] = []
    for record in records:
        label = edition.label(record.team)
        place = {
            "team": label,
            "report": in_words(record.name),
            "href": f"{record.identifier.partition('/')[2]}.html",
        }
        before = earlier.get((record.team, record.name))
        if before is not None and _status_as_ready(before.status) != _status_as_ready(record.status):
            statuses.append({**place, "was": _status_as_ready(before.status), "now": _status_as_ready(record.status)})
        lines = {line["label"]: line for line in before.headline} if before is not None else {}
        for line in record.headline:
            was = lines.get(line["label"])
            if line["signal"]:
                verdict = line.get("signal_verdict")
                is_new = verdict == "new" if verdict else _is_new(was)
                signals.append({**place, **line, "was": was["value"] if was else "", "is_new": is_new})
            elif was is not None and was["signal"]:
                (ended if line.get("judged", True) else unjudged).append(f"{label}: {line['label']} ({line['value']})")
    signals.sort(key=lambda signal: not signal["is_new"])
    return {
        "before": week if manifest.is_file() else None,
        "statuses": statuses,
        "signals": signals,
        "headlines": sum(len(record.headline) for record in records),
        "new": sum(signal["is_new"] for signal in signals),
        "ended": ended,
        "unjudged": unjudged,
        "gate": (GATE_WORDS.get(gate, gate), GATE_WORDS[edition.gate]) if gate and gate != edition.gate else None,
        "restated": None
        if restated is None
        else [(edition.label(team), count) for team, count in restated.items() if count],
    }


def _comparison(reports: Path, edition: Edition, job: Job, before: Record | None, now: Record | None) -> str:
    earlier = Job(job.notebook, shift_week(job.week, -1), job.team)
    header = edition.header(team=job.team, root="../")
    address = f"../../{earlier.identifier}.html"
    return render_template(
        "compare.html.j2",
        title=in_words(job.name),
        header={
            **header,
            "week": job.week,
            "neighbours": [Links("This report", (Link(in_words(job.name), f"{job.name}.html", "back"),))],
        },
        footer=edition.footer({"week": job.week} | ({"team": job.team} if job.team else {})),
        sample=edition.sample,
        weeks=[
            {"week": earlier.week, "href": address, "key": "before"},
            {"week": job.week, "href": f"{job.name}.html", "key": "now"},
        ],
        rows=list(_pairs(before.headline if before else [], now.headline if now else [])),
    )


def _pairs(before: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The headlines of two weeks, each in one row with the verdicts of both; what only one has stands alone."""
    earlier = {line["label"]: line for line in before}
    for line in now:
        was = earlier.pop(line["label"], {})
        chips = was.get("chips", [])
        changed = bool(was) and _verdicts(was) != _verdicts(line)
        yield {**line, "was": was.get("value", "–"), "chips_before": chips, "verdict_changed": changed}
    for line in earlier.values():
        nothing = {"value": "–", "change": "", "note": "", "signal": False, "chips": [], "facts": []}
        yield {**line, **nothing, "was": line["value"], "chips_before": line.get("chips", []), "verdict_changed": False}


def _verdicts(line: Mapping[str, Any]) -> tuple[Any, ...]:
    """What was decided of a headline."""
    return tuple(line.get(name) for name in ("goal_verdict", "is_missed", "signal_verdict"))


def _of(records: Iterable[Record], job: Job) -> Record | None:
    return next((record for record in records if record.team == job.team and record.name == job.name), None)


def _team_of(page: Path) -> str | None:
    return None if page.parent.name == ORGANISATION else page.parent.name


def _is_new(was: Mapping[str, Any] | None) -> bool:
    """Whether a signal of which nobody decided that is new: the week before it was judged to be none."""
    return was is not None and not was["signal"] and bool(was.get("judged", True))


def _status_as_ready(status: str) -> str:
    """A report that was not run again because nothing changed is as ready as before."""
    return "ready" if status in _AS_READY else status
