"""The run itself: exports, gate, facts, reports, one function each; `weekly` in the command line calls them in turn.

What takes long to import and is needed late, or not at all where nothing has changed, is imported where it is used.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from importlib import import_module
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pandas as pd

from opslib.errors import ExportError, WarehouseError
from opslib.facts.build import build
from opslib.intake import admit, stage
from opslib.intake.exclusions import Exclusions, Limits
from opslib.intake.gate.verdict import Verdict
from opslib.intake.mapping.sources import SourceMapping, load_source
from opslib.intake.privacy.key import load_key
from opslib.intake.privacy.pseudonyms import Pseudonymiser
from opslib.intake.privacy.tombstones import Tombstones
from opslib.locales import decimal, whole
from opslib.metrics import check_goals
from opslib.sample import write_sample
from opslib.sample.centre import AS_OF
from opslib.settings import Keep, Organisation, load_organisation, load_weekly_plan
from opslib.store.files import abandoned_asides, remove_all, write_json
from opslib.store.memo import Basis, code_of, digest_of, digest_of_files
from opslib.store.warehouse import Warehouse
from opslib.weekly import plan, unchanged
from opslib.weekly.edition import Edition, account_in_words, gate_sentence
from opslib.weekly.outcome import WRITTEN, Outcome
from opslib.weekly.ranges import labels_of_values, ranges_of_week
from opslib.weeks import last_complete_week, shift_week

if TYPE_CHECKING:
    from rich.console import Console

    from opslib.weekly.erasure import Erasure

Say = Callable[[str, str], None]
"""Told the step and, in one line, what it did."""

_NEEDED_BY_NEW_EXPORTS = ("great_expectations", "opslib.weekly.numbers.values", "opslib.weekly.numbers.signals")
SAMPLE_MARK = "ground_truth.json"
_SAMPLE_TICKETS = 60_000
_INTAKE = admit.MEMO
_ABOUT = "warehouse.json"
_DATA = Path("data")
_SHOWS_NUMBERS = "weekly_review"
"""The report whose page shows a team's published numbers."""
_SHOWS_METRICS = f"team/{_SHOWS_NUMBERS}"
"""The notebook whose page shows all metrics of a team."""


@dataclass(frozen=True)
class Folders:
    """Where a run finds what it needs and puts what it makes."""

    exports: Path
    params: Path
    warehouse: Path
    reports: Path
    notebooks: Path
    expectations: Path
    notes: Path

    @property
    def quarantine(self) -> Path:
        return self.warehouse / "quarantine"


@dataclass(frozen=True)
class Run:
    """One call of the command line: the source, whose it is, the folders, what was selection, the secret of the key."""

    source: SourceMapping
    organisation: Organisation
    folders: Folders
    week: str | None
    as_of: datetime | None
    workers: int
    sample: bool
    secret: str | None = field(repr=False)

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.folders.warehouse)


@dataclass(frozen=True)
class Selection:
    """Which reports of a week are rendered, and how far each may go."""

    teams: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    limit: int | None = None
    force: bool = False
    timeout_seconds: int = 600
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Intake:
    """What a report says of its exports: the week, the instant they reach, the verdict, the files and their rows."""

    week: str
    as_of: datetime
    verdict: Verdict
    rows: pd.DataFrame
    inputs: dict[str, str]


def open_run(
    *,
    source: str | None,
    exports: Path | None,
    params: Path,
    warehouse: Path | None,
    reports: Path | None,
    notebooks: Path,
    expectations: Path,
    notes: Path,
    week: str | None,
    as_of: datetime | None,
    workers: int | None,
    sample_tickets: int | None,
    secret: str | None,
    say: Say,
) -> Run:
    """Read the parameters and find the exports; where there are none of the organisation's own, make the sample.

    It is made in a folder that was named only where its size was asked for too: the name may be misspelt.

    A source that belongs to another organisation (its file names one) has folders of its own, so that the numbers of
    two organisations never mix.

    Raises:
        SettingsError: something in params/ does not fit.
        ExportError: the folder that was named has no exports.
    """
    mapping = load_source(params, source or "standard")
    organisation = load_organisation(params, mapping.organisation)
    organisation.speak()
    folders = Folders(
        exports=exports or _DATA / "exports" / mapping.name,
        params=params,
        warehouse=warehouse or _own(mapping, _DATA) / "warehouse",
        reports=reports or _own(mapping, Path("reports")),
        notebooks=notebooks,
        expectations=expectations,
        notes=notes,
    )
    if source is None and (exports is None or sample_tickets is not None) and not _has_files(folders.exports):
        sample_folder = exports or _DATA / "sample"
        _make_sample(sample_folder, sample_tickets or _SAMPLE_TICKETS, say)
        folders = Folders(**(vars(folders) | {"exports": sample_folder}))
    if not folders.exports.exists():
        raise ExportError(
            f"there is no {folders.exports}; put the exports of {mapping.name} there or name a folder with --exports"
        )
    return Run(
        source=mapping,
        organisation=organisation,
        folders=folders,
        week=week,
        as_of=as_of,
        workers=workers or os.cpu_count() or 1,
        sample=(folders.exports / SAMPLE_MARK).exists(),
        secret=secret,
    )


def _own(mapping: SourceMapping, folder: Path) -> Path:
    """The part of a folder that belongs to the organisation of a source."""
    return folder / mapping.organisation.removeprefix("org").strip("_")


def name_damage(run: Run, say: Say) -> None:
    """Say what of the warehouse is not as it was written: mended where it cannot be made anew, else made anew."""
    for line in run.warehouse.mend():
        say("repair", f"{run.warehouse.root}: {line}")
    if damage := run.warehouse.damage():
        others = f" and {whole(len(damage) - 1)} more files are" if damage[1:] else " is"
        say("repair", f"{run.warehouse.root / damage[0]}{others} missing or not as written: made anew")


def admit_exports(run: Run, say: Say) -> Intake:
    """Stage the exports, gate them and write the standard tables; where nothing they depend on has changed, skip it."""
    started = perf_counter()
    warehouse = run.warehouse
    name_damage(run, say)
    _keep_apart(run)
    key = load_key(
        warehouse.root,
        run.organisation.organisation,
        secret=run.secret,
        fingerprint=stage.fingerprint_of(warehouse),
    )
    for line in key.lines:
        say("key", line)
    for line in admit.remove_former_quarantine(warehouse):
        say("gate", line)
    pseudonymiser = Pseudonymiser(key.content)
    exclusions = _exclusions(warehouse, run.organisation, pseudonymiser)
    if sum(_erasure(run.folders, run.organisation, exclusions, pseudonymiser).finish().values()):
        say("forget", "what was asked for before and not done yet is done now")
    ahead = Thread(target=_import_all, args=(_NEEDED_BY_NEW_EXPORTS,), daemon=True)

    def on_file(name: str) -> None:
        if ahead.ident is None:
            ahead.start()
        say("exports", f"reading {name}")

    staged = stage.stage(
        warehouse,
        run.source,
        run.folders.exports,
        pseudonymiser,
        region=" ".join(run.organisation.countries),
        limits=run.organisation.limits.reading,
        exclusions=exclusions,
        workers=run.workers,
        on_file=on_file,
    )
    inputs = {item.file: item.sha256 for item in staged}
    read = sum(item.rows_read for item in staged)
    redacted = sum(sum(item.redacted.values()) for item in staged)
    say(
        "exports",
        f"{len(inputs)} files of {run.source.name}, {whole(read)} rows read, "
        f"{whole(redacted)} pieces of personal data taken out of free text ({decimal(perf_counter() - started, 1)} s)",
    )
    for line in dict.fromkeys(f"{item.file}: {text}" for item in staged for text in item.unread):
        say("exports", line)
    started = perf_counter()
    memo, basis = warehouse.memo(_INTAKE), _basis_of_intake(run, staged, exclusions)
    note = memo.note(_INTAKE)
    if memo.holds(_INTAKE, basis):
        intake = _intake_of(note, admit.read_verdict(warehouse, note["week"]), inputs)
        say("gate", f"{verdict_in_words(intake)}, as before")
        _say_what_is_wrong(intake.verdict, note["shortage"], say)
        return intake
    memo.forget([_INTAKE])
    if len(exclusions.tombstones):
        from opslib.weekly.numbers import published

        published.withdraw_by_age(warehouse, exclusions.tombstones)
    admitted = admit.admit(
        warehouse,
        staged,
        run.organisation,
        expectations=run.folders.expectations,
        quarantine=run.folders.quarantine,
        quarantine_since=exclusions.limits.quarantine,
        week=run.week,
        as_of=run.as_of,
        now=datetime.now(UTC),
        team_column=_team_column(run.source),
    )
    intake = Intake(admitted.week, admitted.as_of, admitted.verdict, admitted.rows, inputs)
    about = {"source": run.source.name, "organisation": run.source.organisation, "sample": run.sample}
    write_json(about | {"as_of": intake.as_of.isoformat()}, warehouse.root / _ABOUT)
    note = {
        "week": intake.week,
        "as_of": intake.as_of.isoformat(),
        "rows": intake.rows.to_dict(orient="records"),
        "inputs": inputs,
        "about": about,
        "shortage": admitted.shortage,
    }
    made = [warehouse.root / _ABOUT, *admit.files_of_admission(warehouse, intake.week), *admitted.quarantined]
    memo.keep(_INTAKE, basis, note, made)
    say("gate", f"{verdict_in_words(intake)} ({decimal(perf_counter() - started, 1)} s)")
    _say_what_is_wrong(intake.verdict, admitted.shortage, say)
    return intake


def open_erasure(
    *, source: str | None, params: Path, warehouse: Path | None, reports: Path | None, secret: str | None
) -> tuple[Erasure, Organisation]:
    """What takes people and tickets out of what was made of a source's exports, and whose they are.

    Raises:
        SettingsError: something in params/ does not fit.
        WarehouseError: nothing has been taken in yet.
    """
    mapping = load_source(params, source or "standard")
    folders = Folders(
        exports=_DATA,
        params=params,
        warehouse=warehouse or _own(mapping, _DATA) / "warehouse",
        reports=reports or _own(mapping, Path("reports")),
        notebooks=_DATA,
        expectations=_DATA,
        notes=_DATA,
    )
    store = Warehouse(folders.warehouse)
    organisation = load_organisation(params, store.facts_of_the_run()["organisation"])
    organisation.speak()
    key = load_key(store.root, organisation.organisation, secret=secret, fingerprint=stage.fingerprint_of(store))
    pseudonymiser = Pseudonymiser(key.content)
    exclusions = _exclusions(store, organisation, pseudonymiser)
    return _erasure(folders, organisation, exclusions, pseudonymiser), organisation


def _erasure(
    folders: Folders, organisation: Organisation, exclusions: Exclusions, pseudonymiser: Pseudonymiser
) -> Erasure:
    from opslib.weekly.erasure import Erasure, Holdings

    teams = {team.name: team.label for team in organisation.teams}
    holdings = Holdings(Warehouse(folders.warehouse), folders.quarantine, folders.reports, teams)
    return Erasure(holdings, exclusions, pseudonymiser)


def _exclusions(warehouse: Warehouse, organisation: Organisation, pseudonymiser: Pseudonymiser) -> Exclusions:
    """What is not taken in: who was forgotten, and what params/org.yml keeps no longer."""
    keep = organisation.privacy.keep
    limits = Limits.of(keep, organisation, datetime.now(UTC))
    return Exclusions(warehouse, Tombstones(warehouse, pseudonymiser), limits, keep)


def _say_what_is_wrong(verdict: Verdict, shortage: str | None, say: Say) -> None:
    """That no week is complete; and each reason for which a team is blocked once, with the teams that it blocks."""
    if shortage:
        say("gate", shortage)
    teams_by_reason: dict[str, list[str]] = {}
    for team, reasons in verdict.blocked.items():
        for reason in reasons:
            teams_by_reason.setdefault(reason, []).append(team)
    for reason, teams in teams_by_reason.items():
        say("blocked", f"{', '.join(teams)}: {reason}")


def build_facts(run: Run, intake: Intake, say: Say) -> None:
    """Facts and weekly values of what was admitted."""
    from opslib.facts.text_languages import build_text_languages
    from opslib.weekly.numbers import completeness, plans, signals, values

    if not run.warehouse.weeks("standard", "tickets"):
        say("facts", "no ticket was kept, so there is nothing to build")
        return
    started = perf_counter()
    for line in build(run.warehouse, run.organisation, intake.as_of):
        say("facts", line)
    for line in build_text_languages(run.warehouse):
        say("facts", line)
    for line in completeness.build_weekly_completeness(run.warehouse, run.organisation, intake.as_of):
        say("facts", line)
    for line in values.build_weekly_values(run.warehouse, run.organisation, intake.as_of):
        say("facts", line)
    for line in signals.build_weekly_signals(run.warehouse, run.organisation):
        say("facts", line)
    for line in plans.keep_plans(run.warehouse, run.organisation, intake.as_of):
        say("facts", line)
    say("facts", f"done ({decimal(perf_counter() - started, 1)} s)")


def last_intake(run: Run) -> Intake:
    """What the last run took in, without looking at the exports.

    Raises:
        WarehouseError: nothing has been taken in yet, or another week was asked for than the gate judged.
    """
    note = run.warehouse.memo(_INTAKE).note(_INTAKE)
    if note is None:
        raise WarehouseError(f"{run.warehouse.root} is empty; `make facts` fills it")
    week = run.week or note["week"]
    if week not in admit.verdict_weeks(run.warehouse):
        raise WarehouseError(f"the gate has not judged {week}; run `make facts WEEK={week}` first")
    return _intake_of(note | {"week": week}, admit.read_verdict(run.warehouse, week), note["inputs"])


def _team_column(source: SourceMapping) -> str:
    """What the exports of a source call the team of a ticket."""
    rules = (feed.columns.get("team") for feed in source.feeds if feed.table == "tickets")
    return next((rule.source[0] for rule in rules if rule is not None and rule.source), "team")


def _intake_of(note: Mapping[str, Any], verdict: Verdict, inputs: dict[str, str]) -> Intake:
    """An intake as its note tells it."""
    return Intake(note["week"], datetime.fromisoformat(note["as_of"]), verdict, pd.DataFrame(note["rows"]), inputs)


def runs_before(run: Run, selection: Selection) -> list[Run]:
    """What is made before a run: of the sample's first one the week before, so that there is one to compare with."""
    is_first = not any(run.folders.reports.glob("*-W*/index.html"))
    if not (run.sample and is_first) or run.week or selection.only or selection.limit:
        return []
    tolerance = timedelta(hours=run.organisation.limits.week_ends_within_hours)
    newest = last_complete_week(run.as_of or AS_OF, run.organisation.zone, tolerance)
    return [replace(run, week=shift_week(newest, -1))]


def check_plan(run: Run, selection: Selection) -> None:
    """Refuse an unknown team or notebook before anything is read.

    Raises:
        PlanError: params/weekly.yml and what was asked for do not fit; the message lists what there is.
    """
    plan.plan(load_weekly_plan(run.folders.params), run.organisation, run.week or "2026-W01", selection.teams or None)
    check_goals(run.organisation)


def planned_jobs(run: Run, week: str, selection: Selection) -> list[plan.Job]:
    """The reports of a week that were selection, in the order of the plan.

    Raises:
        PlanError: a team, notebook or identifier is not known; the message lists what there is.
    """
    weekly_plan = load_weekly_plan(run.folders.params)
    ranges = ranges_of_week(run.warehouse, week)
    jobs = plan.plan(weekly_plan, run.organisation, week, selection.teams or None, ranges)
    by_identifier = {job.identifier: job for job in jobs}
    if unknown := [name for name in selection.only if name not in by_identifier]:
        raise plan.PlanError(f"no report {', '.join(unknown)}; there are {', '.join(by_identifier)}")
    jobs = [by_identifier[name] for name in selection.only] or jobs
    return jobs[: selection.limit]


@contextmanager
def warm_kernels(run: Run, intake: Intake, selection: Selection) -> Iterator[Mapping[str, str]]:
    """What the reports will run in, loading on another core while the facts are built."""
    from opslib.weekly import render

    names = {job.notebook for job in planned_jobs(run, intake.week, selection)}
    notebooks = [path for name in names if (path := run.folders.notebooks / f"{name}.ipynb").is_file()]
    with render.warm(notebooks, memory_bytes=_memory_bytes(run, selection)) as kernels:
        yield kernels


def render_reports(
    run: Run,
    intake: Intake,
    selection: Selection,
    say: Say,
    *,
    console: Console | None = None,
    kernels: Mapping[str, str] | None = None,
) -> list[Outcome]:
    """The reports of the week, the index, the data quality page and the manifest.

    Args:
        run: the call of the command line.
        intake: of `admit_exports` or `last_intake`.
        selection: which reports.
        say: told what was done.
        console: what `say` writes on; None where nobody waits.
        kernels: of `warm_kernels`; None begins them where a report has to be made.
    """
    from opslib.weekly import erasure, escalations, findings, lists, manifest, progress, render
    from opslib.weekly.brief import brief_of_week
    from opslib.weekly.cache import Cache, pages_not_as_written, shared_basis
    from opslib.weekly.kernels import can_fork
    from opslib.weekly.notes import ALL_ACTIONS, take_in_notes
    from opslib.weekly.numbers import published
    from opslib.weekly.numbers.findings import build_findings, keep_findings
    from opslib.weekly.pages import index as site

    started = perf_counter()
    for line in manifest.mend_manifests(run.folders.reports):
        say("repair", f"{run.folders.reports}: {line}")
    if damage := pages_not_as_written(run.folders.reports, intake.week):
        others = f" and {whole(len(damage) - 1)} more are" if damage[1:] else " is"
        say("repair", f"{damage[0]}{others} not as written: made anew")
    remove_all(abandoned_asides(run.folders.reports))
    jobs = planned_jobs(run, intake.week, selection)
    edition = _edition(run, intake)
    cache = Cache(run.warehouse, run.folders.reports, shared_basis(run.folders.params, run.warehouse), edition.heads)
    if selection.force:
        for job in jobs:
            cache.forget(job)
    warm, why_not = can_fork()
    if not warm:
        say("kernels", f"each is started from nothing: {why_not}")
    escalations.open_register(run.warehouse, intake.week)
    parameters = {
        "warehouse": str(run.folders.warehouse.resolve()),
        "params": str(run.folders.params.resolve()),
    }
    first, last = plan.in_turn(jobs)
    plan.check_parameters([*first, *last], run.folders.notebooks, parameters)
    with progress.progress_bar(len(jobs), say, console) as on_event:

        def make(turn: list[plan.Job]) -> list[Outcome]:
            return render.run(
                turn,
                notebooks=run.folders.notebooks,
                reports=run.folders.reports,
                edition=edition,
                parameters=parameters,
                blocked=intake.verdict.blocked,
                workers=run.workers,
                on_event=on_event,
                cache=cache,
                timeout_seconds=selection.timeout_seconds,
                memory_bytes=_memory_bytes(run, selection),
                limits=run.organisation.limits.notebooks,
                kernels=kernels,
            )

        take_in_notes(run.warehouse, run.organisation, run.folders.notes, intake.week)
        actions = run.warehouse.digest_of(ALL_ACTIONS)
        outcomes = make(first)
        keep_findings(run.warehouse, intake.week, findings.handovers_of(outcomes))
        for line in take_in_notes(run.warehouse, run.organisation, run.folders.notes, intake.week):
            say("notes", line)
        if run.warehouse.digest_of(ALL_ACTIONS) != actions:
            # The first reports have found what an action is about: it belongs beside what they found.
            again = make([outcome.job for outcome in outcomes if outcome.status in WRITTEN])
            made = {outcome.job: outcome for outcome in again if outcome.status != "unchanged"}
            outcomes = [made.get(outcome.job, outcome) for outcome in outcomes]
        for line in build_findings(
            run.warehouse, run.organisation, intake.week, intake.as_of, blocked=intake.verdict.blocked
        ):
            say("findings", line)
        outcomes += make(last)
    outcomes.sort(key=lambda outcome: jobs.index(outcome.job))
    published.close(run.warehouse, _teams_shown(outcomes))
    for line in escalations.keep(run.warehouse, run.folders.reports, intake.week, outcomes):
        say("escalate", line)
    for line in _write_lists(run, intake, edition, outcomes):
        say("lists", line)
    write_data_quality_page(run, intake)
    keep, today = run.organisation.privacy.keep, datetime.now(run.organisation.zone).date()
    old = erasure.remove_old_reports(run.folders.reports, keep, today, edition.labels, dry_run=False)["pages"]
    if old:
        say("forget", f"{whole(old)} pages of weeks that are kept no longer removed")
    records = manifest.records_of_week(run.folders.reports, intake.week, outcomes)
    escalated = escalations.of_week(run.warehouse, run.folders.reports, intake.week)
    index = site.write_index(
        run.folders.reports,
        edition=edition,
        records=records,
        brief=brief_of_week(
            run.warehouse,
            run.organisation,
            intake.week,
            teams=[record.team for record in records if record.team is not None],
            blocked=intake.verdict.blocked,
            folder=run.folders.reports / intake.week,
            today=intake.as_of.astimezone(run.organisation.zone).date(),
            closures=edition.closures,
            escalated=escalated,
        ),
        blocked=intake.verdict.blocked,
        restated=published.restated_by_team(run.warehouse, intake.as_of),
        escalated=escalated,
        pairs=_pairs(run, intake.week),
    )
    seconds = perf_counter() - started
    manifest.write_manifest(
        run.folders.reports / intake.week / "manifest.json",
        edition=edition,
        parameters={"source": run.source.name, "week": intake.week, "teams": ", ".join(selection.teams) or "all"},
        records=records,
        verdict={"status": intake.verdict.status, "blocked": intake.verdict.blocked},
        times={"reports": seconds},
        lists=lists.lists_in(run.folders.reports, intake.week),
    )
    statuses = sorted(Counter(outcome.status for outcome in outcomes).items())
    counts = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in statuses)
    say("reports", f"{counts} ({decimal(seconds, 1)} s)")
    say("index", str(index))
    return outcomes


def _pairs(run: Run, week: str) -> dict[str, list[dict[str, Any]]]:
    """By report, of a week and of the one after it, all its metrics beside those of the week before."""
    from opslib.weekly.comparison import metric_pairs

    return {
        plan.Job(_SHOWS_METRICS, each, team).identifier: pairs
        for each in (week, shift_week(week, 1))
        for team, pairs in metric_pairs(run.warehouse, run.organisation, each).items()
    }


def _write_lists(run: Run, intake: Intake, edition: Edition, outcomes: Iterable[Outcome]) -> list[str]:
    """The lists of tickets of the teams whose reports this run shows; those of blocked teams go."""
    from opslib.weekly.lists import ListWriter

    writer = ListWriter(run.warehouse, run.organisation, run.folders.reports, edition)
    statuses: dict[str, set[str]] = {}
    for outcome in outcomes:
        if outcome.job.team is not None:
            statuses.setdefault(outcome.job.team, set()).add(outcome.status)
    writer.remove(team for team, found in statuses.items() if found == {"blocked"})
    return writer.write([team for team, found in statuses.items() if found & WRITTEN])


def _memory_bytes(run: Run, selection: Selection) -> int:
    """What a notebook may take of memory: as the command line has it, else the parameters."""
    return selection.memory_bytes or run.organisation.limits.notebooks.memory_megabytes * 1_000_000


def watched(run: Run, intake: Intake) -> list[Path]:
    """The files that the week's reports depend on, and the reports: while they are the same, there is nothing to do."""
    folders = run.folders
    pages = [folders.reports / "index.html", folders.reports / intake.week]
    return [
        *(folders.exports, folders.params, folders.expectations, folders.notebooks, folders.notes, folders.warehouse),
        *unchanged.code_and_lock(),
        *pages,
    ]


def nothing_is_due_before(run: Run) -> datetime | None:
    """The midnight at which something may grow too old to be kept; None where all is kept."""
    if run.organisation.privacy.keep == Keep():
        return None
    tomorrow = datetime.now(run.organisation.zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), run.organisation.zone)


def write_data_quality_page(run: Run, intake: Intake) -> Path:
    """`data_quality.html` of the week, and beside it `how_we_decide.html`, to which each page has a link."""
    from opslib.weekly.pages import index as site

    edition, organisation = _edition(run, intake), run.organisation
    site.write_how_we_decide(
        run.folders.reports,
        edition=edition,
        rate=organisation.signals.rate,
        minimum_group=organisation.privacy.minimum_group,
    )
    return site.write_data_quality(run.folders.reports, edition=edition, verdict=intake.verdict, accounting=intake.rows)


def _edition(run: Run, intake: Intake) -> Edition:
    from opslib.weekly import manifest
    from opslib.weekly.heads import closures_in_words, team_heads

    return Edition(
        organisation=run.organisation.organisation,
        week=intake.week,
        time_zone=run.organisation.time_zone,
        teams={team.name: team.label for team in run.organisation.teams},
        as_of=intake.as_of,
        made_at=datetime.now(UTC),
        gate=intake.verdict.status,
        gate_note=gate_sentence(intake.verdict, intake.rows),
        inputs=intake.inputs,
        versions=manifest.installed_versions(),
        commit=manifest.commit_of(run.folders.notebooks),
        sample=run.sample,
        ticket_url=run.organisation.ticket_url or "",
        locale=run.organisation.locale,
        heads=team_heads(run.organisation, intake.verdict, run.warehouse, intake.week),
        closures=closures_in_words(run.organisation, intake.week),
        values=labels_of_values(run.warehouse),
    )


def publish(run: Run, intake: Intake, selection: Selection, say: Say) -> None:
    """Open a publication of the numbers that the reports are to show, and say which of those before are others now.

    `render_reports` closes it.
    """
    from opslib.weekly.numbers import published

    if not run.warehouse.weeks("standard", "tickets"):
        return
    jobs = [] if "*" in intake.verdict.blocked else planned_jobs(run, intake.week, selection)
    teams = {job.team for job in jobs if job.name == _SHOWS_NUMBERS and job.team not in intake.verdict.blocked}
    for line in published.publish(
        run.warehouse, run.organisation, intake.as_of, intake.week, [str(team) for team in teams]
    ):
        say("publish", line)


def _teams_shown(outcomes: Iterable[Outcome]) -> set[str]:
    """The teams whose page with published numbers is there."""
    return {
        str(outcome.job.team)
        for outcome in outcomes
        if outcome.job.name == _SHOWS_NUMBERS and outcome.status in WRITTEN
    }


def _import_all(modules: Iterable[str]) -> None:
    for module in modules:
        import_module(module)


def _make_sample(folder: Path, tickets: int, say: Say) -> None:
    if (folder / SAMPLE_MARK).exists():
        return
    started = perf_counter()
    write_sample(folder, tickets=tickets)
    say(
        "sample",
        f"no exports yet: made a simulated support center in {folder} ({decimal(perf_counter() - started, 1)} s)",
    )


def _has_files(folder: Path) -> bool:
    return folder.exists() and any(path.is_file() and not path.name.startswith(".") for path in folder.rglob("*"))


def _keep_apart(run: Run) -> None:
    """Never let the sample replace the tables of real exports, nor the exports of one organisation those of another.

    Real exports replace the sample, and what was published of it is forgotten: it is no past of theirs.
    """
    about = _about(run.warehouse)
    if about is None:
        return
    if run.sample and not about["sample"]:
        raise WarehouseError(
            f"{run.warehouse.root} was made from exports of {about['source']}, but {run.folders.exports} is the "
            f"sample; put the exports back into {_DATA / 'exports' / about['source']}, or name another --warehouse"
        )
    if about["organisation"] != run.source.organisation:
        raise WarehouseError(
            f"{run.warehouse.root} holds {about['organisation']}, but {run.source.name} belongs to "
            f"{run.source.organisation}; name another --warehouse"
        )
    if about["sample"] and not run.sample:
        from opslib.weekly.numbers import published

        published.forget_all(run.warehouse)


def _about(warehouse: Warehouse) -> dict[str, Any] | None:
    """Whose exports the warehouse holds; None where there are none. Two files tell it, as one may be damaged."""
    try:
        return warehouse.facts_of_the_run()
    except WarehouseError:
        note = warehouse.memo(_INTAKE).note(_INTAKE)
        return None if note is None else note["about"]


def _basis_of_intake(run: Run, staged: list[stage.Staged], exclusions: Exclusions) -> Basis:
    """What the standard tables and the gate's verdict are made of."""
    return {
        "code": code_of(admit.__name__),
        "parameters": digest_of(run.organisation.model_dump_json(exclude={"labels"})),
        "expectations": digest_of_files(sorted(run.folders.expectations.glob("*.json"))),
        "week": str(run.week),
        "as_of": str(run.as_of),
        "staged": digest_of([f"{item.parquet} {item.order} {item.damage}" for item in staged]),
        "sweeps": str(exclusions.sweeps),
        "quarantine": digest_of([item.file for item in staged if admit.is_too_old(item, exclusions.limits.quarantine)]),
    }


def verdict_in_words(intake: Intake) -> str:
    """One line: how many expectations ended how, what became of the rows, the teams blocked."""
    outcomes = pd.Series([result.outcome for result in intake.verdict.results]).value_counts()
    counts = ", ".join(f"{count} {str(outcome).replace('_', ' ')}" for outcome, count in outcomes.items())
    blocked = f"; blocked: {', '.join(sorted(intake.verdict.blocked))}" if intake.verdict.blocked else ""
    return (
        f"{intake.week}: {len(intake.verdict.results)} expectations: {counts}; {account_in_words(intake.rows)}{blocked}"
    )
