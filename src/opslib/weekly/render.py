"""Make the reports of a week: a page for each job, whatever happens to it.

A job goes one way: blocked by the gate, unchanged since the last time, or made by a worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from opslib.settings import NotebookLimits
from opslib.weekly.cache import Cache
from opslib.weekly.edition import Edition
from opslib.weekly.outcome import Event, Outcome
from opslib.weekly.pages.write import write_blocked
from opslib.weekly.plan import Job, check_parameters
from opslib.weekly.report_maker import ReportMaker
from opslib.weekly.warm import warm
from opslib.weekly.workers import make_reports

__all__ = ["run", "warm"]


def run(
    jobs: Sequence[Job],
    *,
    notebooks: Path,
    reports: Path,
    edition: Edition,
    parameters: Mapping[str, Any],
    blocked: Mapping[str, Sequence[str]],
    workers: int,
    on_event: Callable[[Event], None],
    cache: Cache | None = None,
    timeout_seconds: int = 600,
    memory_bytes: int | None = None,
    limits: NotebookLimits | None = None,
    kernels: Mapping[str, str] | None = None,
) -> list[Outcome]:
    """Make the reports of the jobs.

    Args:
        jobs: what `plan` returned.
        notebooks: the folder of `team/` and `org/`.
        reports: where pages go, as `<identifier>.html`.
        edition: what the pages' header and footer say.
        parameters: what every notebook gets beside week and team; paths among them absolute, as a notebook runs in its
            own folder.
        blocked: reasons by team; "*" blocks all. A blocked job is not executed, its page says why. A report about all
            teams is blocked where every team is.
        workers: how many notebooks run at once.
        on_event: called in this process when a job starts and when it is done.
        cache: what was made before; a job of which nothing has changed is not run again. None makes all.
        timeout_seconds: for one cell.
        memory_bytes: private writable memory that a notebook may use; None is no limit.
        limits: of what a notebook may show; the usual ones where they are not given.
        kernels: what `warm` yields, where it was begun with this limit; None begins it.

    Returns:
        Outcomes in the order of the jobs. A job that fails has a page that says what happened, the others are not
        touched.

    Raises:
        PlanError: parameters do not fit; nothing has then run.
        KeyboardInterrupt: after the workers and kernels are gone; no half page is left.
    """
    reasons_by_job = {job: _reasons(job, blocked, edition.teams) for job in jobs}
    waiting = [job for job in jobs if not reasons_by_job[job]]
    check_parameters(waiting, notebooks, parameters)
    make = ReportMaker(
        notebooks, reports, edition, dict(parameters), cache, timeout_seconds, limits or NotebookLimits()
    )
    outcomes: dict[Job, Outcome] = {}

    def tell(event: Event) -> None:
        if event.outcome is not None:
            outcomes[event.job] = event.outcome
        on_event(event)

    for job, reasons in reasons_by_job.items():
        if reasons:
            tell(Event("done", job, write_blocked(job, reports, edition, reasons)))
            make.forget(job)
    for job in list(waiting):
        if (unchanged := make.recall(job)) is not None:
            waiting.remove(job)
            tell(Event("done", job, unchanged))
    with ExitStack() as stack:
        if waiting and kernels is None:
            kernels = stack.enter_context(warm([make.source(job) for job in waiting], memory_bytes=memory_bytes))
        make_reports(waiting, make, workers=workers, variables=kernels or {}, on_event=tell)
    return [outcomes[job] for job in jobs]


def _reasons(job: Job, blocked: Mapping[str, Sequence[str]], teams: Iterable[str]) -> list[str]:
    """Why the job is blocked; a report about all teams is so only where no team is left."""
    if job.team is not None:
        concerned = ["*", job.team]
    else:
        concerned = ["*", *(teams if all(team in blocked for team in teams) else ())]
    return list(dict.fromkeys(reason for team in concerned for reason in blocked.get(team, ())))
