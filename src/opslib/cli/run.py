"""The run by its commands: all of it, or up to one of its steps."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from opslib.cli.options import CHOICE, DATA, WEEK, RunOptions, offering
from opslib.cli.terminal import Exit, console, say
from opslib.intake.privacy.secret import take_secret
from opslib.locales import decimal
from opslib.weeks import monday_of

if TYPE_CHECKING:
    from opslib.weekly.outcome import Outcome
    from opslib.weekly.run import Run, Selection


@offering((*DATA, "reports", "notebooks", "expectations", "notes", *WEEK, *CHOICE, "no_execute", "sample_tickets"))
def weekly(options: RunOptions) -> None:
    """Gate the exports, build the facts and render the reports of a week."""
    from opslib.weekly import unchanged

    secret = take_secret()
    memory = unchanged.memo_of(options.reports or Path("reports"), options.identity | {"secret": secret})
    if not (options.force or options.list_only) and (before := unchanged.recall(memory)) is not None:
        for step, line in before.lines:
            say(step, line)
        raise typer.Exit(before.exit_status)

    run = _open_run(options, secret)
    choice = _choice(options)
    from opslib.weekly import run as steps

    steps.check_plan(run, choice)
    with run.warehouse.locked():
        intake = steps.admit_exports(run, say)
        if options.list_only:
            _print_identifiers(run, intake.week, choice)
            return
        with nullcontext() if options.no_execute else steps.warm_kernels(run, intake, choice) as kernels:
            steps.build_facts(run, intake, say)
            steps.publish(run, intake, say)
            outcomes = []
            if not options.no_execute:
                outcomes = steps.render_reports(run, intake, choice, say, console=console, kernels=kernels)
    status = _exit_status(intake.verdict.exit_status, outcomes)
    if status != Exit.REPORT_FAILED:
        index = run.folders.reports / intake.week / "index.html"
        lines = (("weekly", f"{intake.week}: nothing has changed since it was made"), ("index", str(index)))
        before = unchanged.Before(status, lines)
        unchanged.remember(memory, steps.watched(run, intake), before, steps.nothing_is_due_before(run))
    raise typer.Exit(status)


@offering((*DATA, *WEEK, "sample_tickets"))
def exports(options: RunOptions) -> None:
    """Say which exports there are and which tables each feeds; make the sample where there are none."""
    from opslib.intake.mapping.export_files import find_files

    run = _open_run(options, take_secret())
    for path in find_files(run.source, run.folders.exports):
        tables = ", ".join(dict.fromkeys(feed.table for feed in run.source.feeds if feed.fits(path.name)))
        say("exports", f"{path} ({decimal(path.stat().st_size / 1e6, 1)} MB) feeds {tables}")


@offering((*DATA, "reports", "expectations", *WEEK, "sample_tickets"))
def gate(options: RunOptions) -> None:
    """Take the exports in, judge them, print every expectation and write data_quality.html."""
    from opslib.intake.gate.verdict import verdict_lines

    _refuse_bad_week(options)
    run = _open_run(options, take_secret())
    from opslib.weekly import run as steps

    with run.warehouse.locked():
        intake = steps.admit_exports(run, say)
        page = steps.write_data_quality_page(run, intake)
    console.print(verdict_lines(intake.verdict))
    say("gate", f"every expectation with what it saw: {page}")
    raise typer.Exit(intake.verdict.exit_status)


@offering((*DATA, "reports", "expectations", *WEEK, "sample_tickets"))
def facts(options: RunOptions) -> None:
    """Gate the exports and build the facts and weekly values."""
    _refuse_bad_week(options)
    run = _open_run(options, take_secret())
    from opslib.weekly import run as steps

    with run.warehouse.locked():
        intake = steps.admit_exports(run, say)
        steps.build_facts(run, intake, say)
    raise typer.Exit(intake.verdict.exit_status)


@offering((*DATA, "reports", "notebooks", "notes", *WEEK, *CHOICE))
def reports(options: RunOptions) -> None:
    """Render the reports from the facts as they are; the exports are not looked at."""
    run = _open_run(options, take_secret())
    choice = _choice(options)
    from opslib.weekly import run as steps

    steps.check_plan(run, choice)
    with run.warehouse.locked():
        steps.name_damage(run, say)
        intake = steps.last_intake(run)
        if options.list_only:
            _print_identifiers(run, intake.week, choice)
            return
        outcomes = steps.render_reports(run, intake, choice, say, console=console)
    raise typer.Exit(_exit_status(intake.verdict.exit_status, outcomes))


def _refuse_bad_week(options: RunOptions) -> None:
    """Refuse a week that there is not before anything is read; `check_plan` does so where reports are made.

    Raises:
        NoSuchWeek: its message says what a week looks like.
    """
    if options.week is not None:
        monday_of(options.week)


def _open_run(options: RunOptions, secret: str | None) -> Run:
    """The run that the options ask for; heavy imports begin here, so that help comes at once."""
    from opslib.weekly.lean_imports import skip_iri_grammar

    skip_iri_grammar()
    from opslib.weekly.run import open_run

    return open_run(
        source=options.source or None,
        exports=options.exports,
        params=options.params,
        warehouse=options.warehouse,
        reports=options.reports,
        notebooks=options.notebooks,
        expectations=options.expectations,
        notes=options.notes,
        week=options.week,
        as_of=options.as_of_utc,
        workers=options.jobs,
        sample_tickets=options.sample_tickets,
        secret=secret,
        say=say,
    )


def _choice(options: RunOptions) -> Selection:
    from opslib.weekly.run import Selection

    return Selection(
        teams=tuple(options.team or ()),
        only=tuple(options.only or ()),
        limit=options.limit,
        force=options.force,
        timeout_seconds=options.timeout,
        memory_bytes=None if options.memory is None else options.memory * 1_000_000,
    )


def _print_identifiers(run: Run, week: str, choice: Selection) -> None:
    from opslib.weekly.run import planned_jobs

    for job in planned_jobs(run, week, choice):
        console.print(job.identifier)


def _exit_status(gate_status: int, outcomes: Iterable[Outcome]) -> int:
    return Exit.REPORT_FAILED if any(outcome.status == "failed" for outcome in outcomes) else gate_status
