"""`opslib …`: what the Makefile calls. Imports of heavy parts stand inside the commands so that help comes at once."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from opslib.errors import OpslibError

if TYPE_CHECKING:
    from opslib.weekly.run import Chosen, Run

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Weekly analysis of user-support operations: exports in, gated numbers and reports out.",
)
sources = typer.Typer(no_args_is_help=True, help="How the exports of a CRM map to the standard tables.")
app.add_typer(sources, name="sources")
routing = typer.Typer(no_args_is_help=True, help="Routing rules on past tickets.")
app.add_typer(routing, name="routing")
console = Console(highlight=False, soft_wrap=True)


class Exit(IntEnum):
    """What the exit status says."""

    DONE = 0
    REPORT_FAILED = 1
    BAD_INPUT = 2
    BLOCKED_BY_THE_GATE = 3


Source = Annotated[
    str | None, typer.Option(help="A name in params/sources; `standard`, or the sample where there are no exports.")
]
Exports = Annotated[Path | None, typer.Option(help="Folder of the exports. [default: data/exports/SOURCE]")]
Params = Annotated[Path, typer.Option(help="Folder of org.yml, weekly.yml and sources/.")]
WarehouseFolder = Annotated[Path | None, typer.Option(help="Folder of the warehouse. [default: data/warehouse]")]
Reports = Annotated[Path | None, typer.Option(help="Folder of the reports. [default: reports]")]
Notebooks = Annotated[Path, typer.Option(help="Folder of the notebooks.")]
Expectations = Annotated[Path, typer.Option(help="Folder of the suites of the gate.")]
Week = Annotated[str | None, typer.Option(help="ISO week, like 2026-W46. [default: the last complete one in the data]")]
AsOf = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z"],
        help="Up to when the exports know the world, like 2026-11-16T11:00:00Z. [default: the latest instant in them]",
    ),
]
Teams = Annotated[list[str] | None, typer.Option("--team", help="Only this team; may be given more than once.")]
Only = Annotated[list[str] | None, typer.Option("--only", help="Only this report, by its identifier of --list.")]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many reports.")]
Force = Annotated[bool, typer.Option("--force", help="Make reports again of which nothing has changed.")]
Timeout = Annotated[int, typer.Option(min=1, help="Seconds that one cell of a notebook may take.")]
Memory = Annotated[int | None, typer.Option(min=256, help="MB of memory a notebook may use. [default: no limit]")]
ListOnly = Annotated[bool, typer.Option("--list", help="Say which reports there would be, and stop.")]
NoExecute = Annotated[bool, typer.Option("--no-execute", help="Stop before the notebooks.")]
Jobs = Annotated[int | None, typer.Option(min=1, help="Reports rendered side by side. [default: the cores]")]
SampleTickets = Annotated[int, typer.Option(min=1, help="Size of the sample where it is made.")]

_PARAMS = Path("params")
_NOTEBOOKS = Path("notebooks")
_EXPECTATIONS = Path("expectations")
_SAMPLE_TICKETS = 60_000
_TIMEOUT_SECONDS = 600


def say(step: str, line: str) -> None:
    """One line of what a step did."""
    console.print(f"[bold]{step:<8}[/bold] ", end="")
    console.print(line, markup=False)


def _open(
    source: str | None,
    exports: Path | None,
    params: Path,
    warehouse: Path | None,
    week: str | None,
    as_of: datetime | None,
    *,
    reports: Path | None = None,
    notebooks: Path = _NOTEBOOKS,
    expectations: Path = _EXPECTATIONS,
    jobs: int | None = None,
    sample_tickets: int = _SAMPLE_TICKETS,
) -> Run:
    from opslib.weekly.run import open_run

    return open_run(
        source=source or None,
        exports=exports,
        params=params,
        warehouse=warehouse,
        reports=reports,
        notebooks=notebooks,
        expectations=expectations,
        week=week,
        as_of=as_of if as_of is None or as_of.tzinfo is not None else as_of.replace(tzinfo=UTC),
        workers=jobs,
        sample_tickets=sample_tickets,
        say=say,
    )


@app.command()
def weekly(
    source: Source = None,
    exports: Exports = None,
    params: Params = _PARAMS,
    warehouse: WarehouseFolder = None,
    reports: Reports = None,
    notebooks: Notebooks = _NOTEBOOKS,
    expectations: Expectations = _EXPECTATIONS,
    week: Week = None,
    as_of: AsOf = None,
    team: Teams = None,
    only: Only = None,
    limit: Limit = None,
    jobs: Jobs = None,
    timeout: Timeout = _TIMEOUT_SECONDS,
    memory: Memory = None,
    force: Force = False,
    list_only: ListOnly = False,
    no_execute: NoExecute = False,
    sample_tickets: SampleTickets = _SAMPLE_TICKETS,
) -> None:
    """Gate the exports, build the facts and render the reports of a week."""
    from opslib.weekly import unchanged

    chosen = {name: value for name, value in locals().items() if name not in {"unchanged", "force", "jobs"}}
    remembered = unchanged.memo_of(reports or Path("reports"), chosen)
    if not (force or list_only) and (before := unchanged.recall(remembered)) is not None:
        for step, line in before.lines:
            say(step, line)
        raise typer.Exit(before.exit_status)

    from opslib.weekly import run as steps

    run = _open(
        source,
        exports,
        params,
        warehouse,
        week,
        as_of,
        reports=reports,
        notebooks=notebooks,
        expectations=expectations,
        jobs=jobs,
        sample_tickets=sample_tickets,
    )
    wanted = _chosen(team, only, limit, timeout, memory, force)
    steps.check_plan(run, wanted)
    with run.warehouse.locked():
        intake = steps.admit_exports(run, say)
        if list_only:
            _list(run, intake.week, wanted)
            return
        with nullcontext() if no_execute else steps.kernels_begun(run, intake, wanted) as kernels:
            steps.build_facts(run, intake, say)
            steps.publish(run, intake, say)
            outcomes = [] if no_execute else steps.render_reports(run, intake, wanted, say, kernels=kernels)
    status = _exit_status(intake.verdict.exit_status, [outcome.status for outcome in outcomes])
    if status != Exit.REPORT_FAILED:
        index = run.folders.reports / intake.week / "index.html"
        lines = (("weekly", f"{intake.week}: nothing has changed since it was made"), ("index", str(index)))
        unchanged.remember(remembered, steps.watched(run, intake), unchanged.Before(status, lines))
    raise typer.Exit(status)


@app.command()
def exports(
    source: Source = None,
    exports: Exports = None,
    params: Params = _PARAMS,
    warehouse: WarehouseFolder = None,
    week: Week = None,
    as_of: AsOf = None,
    sample_tickets: SampleTickets = _SAMPLE_TICKETS,
) -> None:
    """Say which exports there are and which tables each feeds; make the sample where there are none."""
    from opslib.intake.mapping.export_files import find_files

    run = _open(source, exports, params, warehouse, week, as_of, sample_tickets=sample_tickets)
    for path in find_files(run.source, run.folders.exports):
        tables = ", ".join(dict.fromkeys(feed.table for feed in run.source.feeds if feed.fits(path.name)))
        say("exports", f"{path} ({path.stat().st_size / 1e6:,.1f} MB) feeds {tables}")


@app.command()
def gate(
    source: Source = None,
    exports: Exports = None,
    params: Params = _PARAMS,
    warehouse: WarehouseFolder = None,
    reports: Reports = None,
    expectations: Expectations = _EXPECTATIONS,
    week: Week = None,
    as_of: AsOf = None,
    sample_tickets: SampleTickets = _SAMPLE_TICKETS,
) -> None:
    """Take the exports in, judge them, print every expectation and write data_quality.html."""
    from opslib.intake.gate.verdict import verdict_lines
    from opslib.weekly import run as steps

    run = _open(
        source,
        exports,
        params,
        warehouse,
        week,
        as_of,
        reports=reports,
        expectations=expectations,
        sample_tickets=sample_tickets,
    )
    with run.warehouse.locked():
        intake = steps.admit_exports(run, say)
        page = steps.write_data_quality_page(run, intake)
    console.print(verdict_lines(intake.verdict))
    say("gate", f"every expectation with what it saw: {page}")
    raise typer.Exit(intake.verdict.exit_status)


@app.command()
def facts(
    source: Source = None,
    exports: Exports = None,
    params: Params = _PARAMS,
    warehouse: WarehouseFolder = None,
    reports: Reports = None,
    expectations: Expectations = _EXPECTATIONS,
    week: Week = None,
    as_of: AsOf = None,
    sample_tickets: SampleTickets = _SAMPLE_TICKETS,
) -> None:
    """Gate the exports and build the facts and weekly values."""
    from opslib.weekly import run as steps

    run = _open(
        source,
        exports,
        params,
        warehouse,
        week,
        as_of,
        reports=reports,
        expectations=expectations,
        sample_tickets=sample_tickets,
    )
    with run.warehouse.locked():
        intake = steps.admit_exports(run, say)
        steps.build_facts(run, intake, say)
    raise typer.Exit(intake.verdict.exit_status)


@app.command()
def reports(
    source: Source = None,
    exports: Exports = None,
    params: Params = _PARAMS,
    warehouse: WarehouseFolder = None,
    reports: Reports = None,
    notebooks: Notebooks = _NOTEBOOKS,
    week: Week = None,
    as_of: AsOf = None,
    team: Teams = None,
    only: Only = None,
    limit: Limit = None,
    jobs: Jobs = None,
    timeout: Timeout = _TIMEOUT_SECONDS,
    memory: Memory = None,
    force: Force = False,
    list_only: ListOnly = False,
) -> None:
    """Render the reports from the facts as they are; the exports are not looked at."""
    from opslib.weekly import run as steps

    run = _open(source, exports, params, warehouse, week, as_of, reports=reports, notebooks=notebooks, jobs=jobs)
    wanted = _chosen(team, only, limit, timeout, memory, force)
    steps.check_plan(run, wanted)
    with run.warehouse.locked():
        intake = steps.last_intake(run)
        if list_only:
            _list(run, intake.week, wanted)
            return
        outcomes = steps.render_reports(run, intake, wanted, say)
    raise typer.Exit(_exit_status(intake.verdict.exit_status, [outcome.status for outcome in outcomes]))


def _chosen(
    team: list[str] | None,
    only: list[str] | None,
    limit: int | None,
    timeout: int,
    memory: int | None,
    force: bool,
) -> Chosen:
    from opslib.weekly.run import Chosen

    memory_bytes = None if memory is None else memory * 1_000_000
    return Chosen(tuple(team or ()), tuple(only or ()), limit, force, timeout, memory_bytes)


def _list(run: Run, week: str, wanted: Chosen) -> None:
    from opslib.weekly.run import planned_jobs

    for job in planned_jobs(run, week, wanted):
        console.print(job.identifier, markup=False)


@app.command()
def review(
    reports: Annotated[Path, typer.Option(help="Folder of the reports.")] = Path("reports"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="The first port to try.")] = 8765,
) -> None:
    """Serve the reports on 127.0.0.1, for browsers that dislike files."""
    from opslib.weekly.pages.serve import serve

    serve(reports, port, lambda address: say("review", f"{address} (Ctrl-C ends)"))


@app.command()
def metrics() -> None:
    """List every metric with its unit, direction and definition."""
    from rich.table import Table

    from opslib.metrics import CATALOGUE

    shown = Table(
        "metric", "label", "unit", "better", "definition", title="What the numbers mean", title_justify="left"
    )
    for metric in CATALOGUE.values():
        shown.add_row(metric.name, metric.label, metric.unit, metric.better, metric.definition)
    console.print(shown)


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(help="Folder to write; it must not exist.")],
    tickets: Annotated[int, typer.Option(min=1)] = _SAMPLE_TICKETS,
    seed: Annotated[int, typer.Option()] = 20261116,
    planted: Annotated[bool, typer.Option(help="Whether ground truth is planted.")] = True,
) -> None:
    """Write the exports of a simulated support centre."""
    from opslib.sample import write_sample

    if folder.exists():
        raise OpslibError(f"{folder} exists already; name a new folder")
    write_sample(folder, tickets=tickets, seed=seed, planted=planted, on_progress=lambda line: say("sample", line))
    say("sample", f"{folder}: {len(list(folder.iterdir()))} files")


@sources.command("list")
def list_sources(params: Params = _PARAMS) -> None:
    """The sources there are."""
    from opslib.intake.mapping.sources import load_source, source_names

    for name in source_names(params):
        say(name, load_source(params, name).description.strip().splitlines()[0])


@sources.command("check")
def check(
    name: Annotated[str, typer.Argument(help="The source: a name in params/sources, or standard.")],
    paths: Annotated[list[Path], typer.Argument(help="Export files, or a folder of them.")],
    params: Params = _PARAMS,
) -> None:
    """Read export files and say, column by column, what each would become and what could not be read."""
    from opslib.intake.mapping.check import check_source

    report = check_source(params, name, paths)
    console.print(report)
    raise typer.Exit(Exit.DONE if report.fits else Exit.BAD_INPUT)


@routing.command("replay")
def routing_replay(
    rules: Annotated[
        Path, typer.Option(help="The candidate file; where there is none, today's rules are written to it.")
    ],
    weeks: Annotated[int, typer.Option(min=1, help="So many complete weeks, up to the last.")] = 8,
    week: Week = None,
    params: Params = _PARAMS,
    warehouse: WarehouseFolder = None,
) -> None:
    """Which queue past tickets would have entered under a candidate rule set, and what that changes."""
    from opslib.reports.routing_audit.candidates import replay_files, start_file
    from opslib.settings import load_organisation
    from opslib.store.warehouse import Warehouse

    store = Warehouse(warehouse or Path("data") / "warehouse")
    if not rules.exists():
        start_file(store, rules)
        say("routing", f"wrote today's rules to {rules}; change them and replay")
        return
    organisation = load_organisation(params, store.facts_of_the_run()["organisation"])
    console.print(str(replay_files(store, organisation, rules, weeks, week=week)), markup=False)


@routing.command("learn")
def routing_learn(
    rules: Annotated[Path, typer.Option(help="The candidate file to write; it must not exist.")],
    by: Annotated[str, typer.Option(help="The field that decides.")] = "contact_reason",
    weeks: Annotated[
        int | None, typer.Option(min=1, help="Learn from so many complete weeks. [default: all up to --week]")
    ] = None,
    week: Week = None,
    params: Params = _PARAMS,
    warehouse: WarehouseFolder = None,
) -> None:
    """Write the simplest candidate that the past suggests: each reason to the queue that has solved most of it."""
    from opslib.reports.routing_audit.candidates import learn_file
    from opslib.settings import load_organisation
    from opslib.store.warehouse import Warehouse

    if rules.exists():
        raise OpslibError(f"{rules} exists already; name a new file")
    store = Warehouse(warehouse or Path("data") / "warehouse")
    organisation = load_organisation(params, store.facts_of_the_run()["organisation"])
    say("routing", f"{rules}: {learn_file(store, organisation, rules, by=by, weeks=weeks, week=week)}")


def _exit_status(gate_status: int, statuses: list[str]) -> int:
    if gate_status:
        return gate_status
    return Exit.REPORT_FAILED if "failed" in statuses else Exit.DONE


def main() -> None:
    """The entry point: what a user can mend is said in one message, without a traceback."""
    try:
        app()
    except OpslibError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"opslib: {error}", style="red", markup=False)
        sys.exit(Exit.BAD_INPUT)
