"""One week beside the next: links between the weeks of a report, and both in one table.

A page is written when its week is made and does not know the week that follows. What it says about its neighbours
stands between two marks, which `renew` rewrites, and nothing else of the page, when a neighbour came or went.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from opslib.display.headline import nothing_here
from opslib.display.words import number_of
from opslib.store.files import remove_file, write_text
from opslib.store.memo import digest_of
from opslib.weekly.edition import Edition, Link, Links, comparison_of, in_words, links_of
from opslib.weekly.manifest import Record, read_records
from opslib.weekly.outcome import WRITTEN
from opslib.weekly.pages.template import render_template
from opslib.weekly.plan import LISTS, ORGANISATION, Job, own_parameters
from opslib.weeks import shift_week

_MARKED = re.compile(r"(<!-- neighbours -->\n).*?(<!-- end of neighbours -->)", re.DOTALL)


def reports_in(reports: Path, week: str) -> list[Job]:
    """The reports of a week whose pages are there, by folder and name."""
    return [
        _job_of(page.relative_to(reports / week), week)
        for page in sorted([*(reports / week).glob("*/*.html"), *(reports / week).glob("*/*/*.html")])
        if not page.name.endswith(".compare.html")
        and not page.name.startswith(".")
        and page.parent.name != LISTS
        and page.is_file()
    ]


def renew(reports: Path, week: str, labels: Mapping[str, str]) -> list[Path]:
    """Tell the reports of a week and of its neighbours which other weeks, teams and reports there are by now.

    Args:
        reports: the folder of all weeks.
        week: the week that was made.
        labels: of `links_of`.

    Returns:
        The pages that changed; a page that is right already is not written.
    """
    changed = []
    for job in [job for w in (shift_week(week, -1), week, shift_week(week, 1)) for job in reports_in(reports, w)]:
        page = job.page(reports)
        before = html_of(page)
        links = render_template("neighbours.html.j2", kinds=links_of(job, reports, labels))
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


def text_of(page: Path) -> Path:
    """Where a report lies as text: beside its page."""
    return page.with_suffix(".md")


def digest_of_page(page: Path) -> str:
    """SHA-256 of a page but for what it says of its neighbours: that is renewed whenever one of them comes or goes."""
    return digest_of(_MARKED.sub("", html_of(page), count=1))


def write_comparisons(
    reports: Path,
    *,
    edition: Edition,
    records: Sequence[Record],
    pairs: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> list[Path]:
    """A page per report that shows it beside the week before, for this week and the one after.

    Args:
        reports: the folder of all weeks.
        edition: the week that was made.
        records: what became of its reports.
        pairs: by identifier all metrics of reports beside those of the week before (`comparison.Pair`).

    Returns:
        The pages `<identifier>.compare.html`. A report that has no week before has none, and one left over is removed.

    Notes:
        A report without metrics, or one that showed no numbers in either week, has the headlines of the manifests.
    """
    pages = []
    pairs = pairs or {}
    records_by_week = {edition.week: records}
    for week in (edition.week, shift_week(edition.week, 1)):
        before = shift_week(week, -1)
        for w in (before, week):
            if w not in records_by_week:
                records_by_week[w] = read_records(reports / w / "manifest.json")
        for job in reports_in(reports, week):
            page = comparison_of(job, reports)
            if job.in_week(before).page(reports).is_file():
                earlier, record = (_of(records_by_week[w], job) for w in (before, week))
                are_shown = all(each is not None and each.status in WRITTEN for each in (earlier, record))
                rows = pairs.get(job.identifier) if are_shown else None
                html = _comparison(edition, reports, job, rows or _headline_pairs(earlier, record))
                write_text(html, page)
                pages.append(page)
            else:
                remove_file(page)
    return pages


def _comparison(edition: Edition, reports: Path, job: Job, rows: Sequence[Mapping[str, Any]]) -> str:
    earlier = job.in_week(shift_week(job.week, -1))
    header = edition.header_of(job, reports)
    address = f"{job.root}../{earlier.identifier}.html"
    head = edition.heads.get(job.team or "") if job.week == edition.week else None
    return render_template(
        "compare.html.j2",
        title=in_words(job.name),
        header={
            **header,
            "week": job.week,
            "neighbours": [Links("This report", (Link(in_words(job.name), f"{job.name}.html", "back"),))],
        },
        footer=edition.footer(own_parameters(job)),
        sample=edition.sample,
        weeks=[
            {"week": earlier.week, "href": address, "key": "before"},
            {"week": job.week, "href": f"{job.name}.html", "key": "now"},
        ],
        rows=rows,
        verdict=_verdict_line(rows, is_warned=bool(head is not None and head.warnings)),
        changed=sum(row["verdict_changed"] for row in rows),
    )


def _verdict_line(rows: Sequence[Mapping[str, Any]], *, is_warned: bool) -> str:
    """What two weeks beside each other come to: whether anything needs somebody, and how many verdicts changed."""
    if not rows:
        return "There is nothing to compare: one of the two weeks has no numbers."
    changed = sum(row["verdict_changed"] for row in rows)
    what = f"{changed} of {len(rows)} verdicts changed" if changed else "No verdict changed"
    if needing := sum(bool(row.get("needs_somebody")) for row in rows):
        count = number_of(needing, "number")
        return f"{what}. {count[0].upper()}{count[1:]} {'needs' if needing == 1 else 'need'} somebody now."
    if is_warned:
        return f"{what}. The data of this week may not be complete or right."
    return nothing_here(what)


def _headline_pairs(before: Record | None, now: Record | None) -> list[dict[str, Any]]:
    """The headlines of two weeks, each in one row with the verdicts of both; what only one has stands alone."""
    earlier = {line["label"]: line for line in (before.headline if before else [])}
    lines = [(earlier.pop(line["label"], None), line) for line in (now.headline if now else [])]
    return [_pair(was, line) for was, line in [*lines, *((line, None) for line in earlier.values())]]


def _pair(was: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> dict[str, Any]:
    line = now or was or {}
    both = was is not None and now is not None
    return {
        "label": line["label"],
        "was": was["value"] if was else "–",
        "value": now["value"] if now else "–",
        "change": now["change"] if now else "",
        "chips_before": was.get("chips", []) if was else [],
        "chips": now.get("chips", []) if now else [],
        "goal": next(iter(line.get("facts", [])), "") if line.get("goal_verdict") else "",
        "verdict_changed": both and _verdicts(was or {}) != _verdicts(now or {}),
        "needs_somebody": now is not None and bool(now.get("is_missed") or now.get("signal")),
    }


def _verdicts(line: Mapping[str, Any]) -> tuple[Any, ...]:
    """What was decided of a headline."""
    return tuple(line.get(name) for name in ("goal_verdict", "is_missed", "signal_verdict"))


def _of(records: Iterable[Record], job: Job) -> Record | None:
    return next((each for each in records if (each.job.folder, each.name) == (job.folder, job.name)), None)


def _job_of(page: Path, week: str) -> Job:
    """The report of a page, by its path in the folder of its week; a value's folder stands for the value."""
    *folders, _ = page.parts
    match folders:
        case [parameter, value]:
            return Job(f"{parameter}/{page.stem}", week, value=value)
        case [folder] if folder == ORGANISATION:
            return Job(f"{ORGANISATION}/{page.stem}", week)
        case _:
            return Job(f"team/{page.stem}", week, folders[0])
