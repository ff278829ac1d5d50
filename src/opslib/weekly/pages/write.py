"""The page of each report: as its notebook showed it, or why there is no such page. One is always written."""

from __future__ import annotations

import traceback as tracebacks
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opslib.display import mime
from opslib.locales import week_days
from opslib.store.files import remove_file, write_text
from opslib.weekly.edition import Edition, Link, in_words
from opslib.weekly.headline import bundles_of
from opslib.weekly.manifest import last_ready_week
from opslib.weekly.notebook_file import NoNotebookError, StoppedCellError
from opslib.weekly.outcome import Outcome
from opslib.weekly.pages.neighbours import text_of
from opslib.weekly.pages.page import plain_text, title_of, to_html
from opslib.weekly.pages.template import render_template
from opslib.weekly.plan import Job

if TYPE_CHECKING:
    from nbformat import NotebookNode

_LONGEST_LINE = 500


def write_report(
    job: Job, reports: Path, edition: Edition, parameters: Mapping[str, Any], notebook: NotebookNode
) -> Path:
    """The page of a notebook that has run, and beside it the report as text, where the notebook shows one.

    Args:
        job: the report.
        reports: the folder of all weeks.
        edition: what the header and footer say.
        parameters: of the notebook; the footer lists them.
        notebook: as it ran.

    Returns:
        The page.
    """
    html = to_html(
        notebook,
        title=title_of(notebook, _title_without_notebook(job)),
        header=edition.header_of(job, reports),
        footer=edition.footer(parameters),
        sample=edition.sample,
        ticket_root=edition.ticket_url.partition("{")[0],
    )
    text = next((str(bundle["markdown"]) for bundle in bundles_of(notebook, mime.TEXT)), None)
    return _write(job, reports, html, text)


def write_failure(
    job: Job,
    reports: Path,
    edition: Edition,
    parameters: Mapping[str, Any],
    error: BaseException,
    notebook: NotebookNode | None,
    seconds: float,
) -> Outcome:
    """The page of a job that failed: what happened on top, the code and the traceback folded.

    Args:
        job: the report.
        reports: the folder of all weeks.
        edition: what the header and footer say.
        parameters: of the notebook; the footer lists them.
        error: what went wrong.
        notebook: as it is on disk, for its title and sections; None where it cannot be read.
        seconds: that the job took.

    Returns:
        The outcome "failed".
    """
    from papermill.exceptions import PapermillExecutionError

    source, section = "", None
    if isinstance(error, PapermillExecutionError):
        last_line = plain_text(f"{error.ename}: {error.evalue}").strip().splitlines()[0]
        trace, source = plain_text("\n".join(error.traceback)), error.source
        section = _section_of(notebook, error.source)
    elif isinstance(error, StoppedCellError | NoNotebookError):
        last_line, trace = str(error), ""
        source = error.source if isinstance(error, StoppedCellError) else ""
        section = _section_of(notebook, source)
    else:
        lines = plain_text(str(error)).strip().splitlines()
        last_line = f"{type(error).__name__}: {lines[-1]}" if lines else type(error).__name__
        trace = plain_text("".join(tracebacks.format_exception(error)))
    if len(last_line) > _LONGEST_LINE:
        last_line = f"{last_line[: _LONGEST_LINE - 1]}…"
    title = _title_without_notebook(job)
    html = render_template(
        "failed.html.j2",
        title=title if notebook is None else title_of(notebook, title),
        header=edition.header_of(job, reports),
        footer=edition.footer(parameters),
        sample=edition.sample,
        last_line=last_line,
        last_ready=_last_ready(job, reports),
        section=section,
        notebook=job.notebook,
        source=source,
        traceback=trace.replace(str(Path.home()), "~"),
    )
    _write(job, reports, html)
    return Outcome(job, "failed", seconds, job.page(reports), last_line)


def write_blocked(job: Job, reports: Path, edition: Edition, reasons: Sequence[str]) -> Outcome:
    """The page of a job that the gate blocks: why, and where to read more.

    Args:
        job: the report.
        reports: the folder of all weeks.
        edition: what the header and footer say.
        reasons: why the gate blocks it, a sentence each; at least one.

    Returns:
        The outcome "blocked".
    """
    html = render_template(
        "blocked.html.j2",
        title=_title_without_notebook(job),
        header=edition.header_of(job, reports),
        footer=edition.footer(),
        sample=edition.sample,
        reasons=reasons,
        last_ready=_last_ready(job, reports),
    )
    _write(job, reports, html)
    return Outcome(job, "blocked", 0.0, job.page(reports), reasons[0])


def _write(job: Job, reports: Path, html: str, text: str | None = None) -> Path:
    """The page, and its text beside it; a page without one leaves none lying there from a time when it had."""
    page = job.page(reports)
    write_text(html, page)
    if text is None:
        remove_file(text_of(page))
    else:
        write_text(text, text_of(page))
    return page


def _last_ready(job: Job, reports: Path) -> Link | None:
    """The last page of the same report before its week that was ready."""
    week = last_ready_week(reports, job)
    return Link(week_days(week), f"{job.root}../{job.in_week(week).identifier}.html") if week else None


def _title_without_notebook(job: Job) -> str:
    return in_words(job.name)


def _section_of(notebook: NotebookNode | None, source: str) -> str | None:
    """The last heading above the cell with that source."""
    section = None
    for cell in notebook.cells if notebook is not None else []:
        if cell.cell_type == "markdown":
            headings = [line.lstrip("# ").strip() for line in cell.source.splitlines() if line.startswith("#")]
            section = headings[-1] if headings else section
        elif cell.source == source:
            return section
    return None
