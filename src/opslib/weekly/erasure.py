"""People and tickets taken out of all that was made of the exports, on request; and what is kept no longer.

What is asked for is written down first and struck out at the end, so that a run that is killed is finished by the next.
The reports come first: what customers wrote is looked for in them while the tables still have it. Numbers that were
published stay; they are counts.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from opslib.analysis.weekly_review import restatements
from opslib.intake.admit import MEMO
from opslib.intake.exclusions import Exclusions, Limits
from opslib.intake.privacy.labels import pseudonymise_personal_ids
from opslib.intake.privacy.pseudonyms import Pseudonymiser
from opslib.intake.privacy.row_files import (
    empty_old_texts,
    old_texts_held,
    rows_held,
    take_out,
    tickets_before,
)
from opslib.intake.privacy.subjects import Subjects, tickets_of
from opslib.intake.privacy.tombstones import AREA, BY_AGE, ON_REQUEST
from opslib.locales import whole
from opslib.settings import Keep
from opslib.store.files import write_json, write_text
from opslib.store.generations import PLACE as COPIES
from opslib.store.memo import Memo
from opslib.store.warehouse import PLANS, PUBLISHED, Warehouse
from opslib.tables import TABLES
from opslib.weekly.manifest import generations_of
from opslib.weekly.numbers import published
from opslib.weekly.pages.index import forget_weeks
from opslib.weekly.pages.traces import Traces, erase
from opslib.weekly.ranges import labels_of_values
from opslib.weekly.unchanged import FOLDER
from opslib.weeks import is_week, monday_of

_PENDING: Final = "pending.json"
_LOG: Final = "log.json"
_STAGED: Final = "staged"
_LEDGER: Final = {ON_REQUEST: restatements.FORGOTTEN, BY_AGE: restatements.KEPT_NO_LONGER}
_TEXTS: Final = {"tickets": ("subject", "description"), "satisfaction": ("comment",)}


@dataclass(frozen=True)
class Request:
    """Who and what is to be forgotten, by their ids in the CRM."""

    requesters: tuple[str, ...] = ()
    tickets: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()

    def subjects(self, pseudonymiser: Pseudonymiser) -> Subjects:
        """The same as the tables name them."""
        tickets = pa.chunked_array([pa.array([each.strip() for each in self.tickets], pa.string())])
        return Subjects(
            frozenset(pseudonymise_personal_ids(tickets, pseudonymiser)[0].to_pylist()),
            frozenset(map(pseudonymiser.one, self.requesters)),
            frozenset(map(pseudonymiser.one, self.agents)),
        )


@dataclass(frozen=True)
class Holdings:
    """Where rows and pages of people lie that are made of the exports of one organisation; its teams, by name."""

    warehouse: Warehouse
    quarantine: Path
    reports: Path
    teams: Mapping[str, str]

    @property
    def labels(self) -> dict[str, str]:
        """The folders of reports to what a reader calls what they are for, of `edition.links_of`."""
        return {**self.teams, **labels_of_values(self.warehouse)}

    def row_files(self) -> Iterator[tuple[str, str, Path]]:
        """The files of rows by area and table: staged, standard, facts, plans and quarantine."""
        memo = self.warehouse.memo(_STAGED)
        staged = {entry["parquet"]: entry["table"] for name in memo.names() for entry in memo.note(name)}
        yield from ((_STAGED, table, self.warehouse.root / parquet) for parquet, table in sorted(staged.items()))
        for area in ("standard", "facts", PLANS):
            for folder in sorted((self.warehouse.root / area).glob("*/")):
                yield from ((area, folder.name, path) for path in self.warehouse.files(area, folder.name))
        for path in sorted(self.quarantine.glob("*/*.parquet")):
            if path.parent.name in TABLES:
                yield "quarantine", path.parent.name, path

    def write(self, text: str, path: Path) -> None:
        """Replace a file by a text, and its copy where it has one."""
        for generations in (self.warehouse.generations, generations_of(self.reports)):
            if path.is_relative_to(generations.root) and generations.paths(path):
                generations.write(text.encode(), path)
                return
        write_text(text, path)

    def forget_copies(self) -> None:
        """Remove copies of what verdicts, published tables and manifests held before."""
        warehouse, reports = self.warehouse.generations, generations_of(self.reports)
        for area in ("gate", PUBLISHED, PLANS):
            for path in warehouse.paths(self.warehouse.root / area):
                warehouse.forget_older(path)
        for path in reports.paths(self.reports):
            reports.forget_older(path)

    def report_files(self) -> Iterator[Path]:
        """The pages of all weeks with all that lies beside them, and what is remembered of how they were made."""
        for week in sorted(self.reports.glob("*/")) if self.reports.is_dir() else ():
            if is_week(week.name) or week.name == FOLDER:
                files = [path for path in sorted(week.rglob("*")) if path.is_file()]
                yield from (path for path in files if COPIES not in path.relative_to(self.reports).parts)


@dataclass(frozen=True)
class Erasure:
    """What takes people and tickets out of holdings; hold the lock of the warehouse meanwhile.

    `exclusions` are what is not taken in, so that what is taken out stays out when the same exports are read again.
    """

    holdings: Holdings
    exclusions: Exclusions
    pseudonymiser: Pseudonymiser

    def forget(self, request: Request, *, dry_run: bool) -> list[str]:
        """Forget people and tickets.

        Args:
            request: who and what.
            dry_run: only count.

        Returns:
            What was done, or would be, a line each.
        """
        subjects = request.subjects(self.pseudonymiser)
        subjects |= Subjects(tickets=_tickets_of(self.holdings, subjects.requesters))
        if dry_run:
            counts = _erase(self.holdings, subjects, dry_run=True)
        else:
            _write_pending(self.holdings.warehouse, subjects)
            counts = self.finish()
        lines = [f"{_in_words(request)}; tickets in all: {whole(len(subjects.tickets))}"]
        lines += _lines_of(counts, dry_run=dry_run)
        if not counts:
            lines.append("nothing of it was found; is the id written as in the CRM?")
        if not dry_run:
            lines.append("they stay out when exports are read; what the exports hold themselves is not touched")
        return lines

    def finish(self) -> Counter[str]:
        """Do what was asked for and is not done yet, also by a run that was killed; what was taken out of what."""
        warehouse = self.holdings.warehouse
        path = _folder(warehouse) / _PENDING
        if not path.is_file():
            return Counter()
        pending = json.loads(path.read_text(encoding="utf-8"))
        subjects = Subjects(*(frozenset(pending[name]) for name in ("tickets", "requesters", "agents")))
        digests = self.exclusions.tombstones.add(subjects, ON_REQUEST)
        _judge_anew(warehouse)
        counts = _erase(self.holdings, subjects, dry_run=False)
        self.exclusions.sweep(warehouse.memo(_STAGED))
        _log(warehouse, digests, counts)
        path.unlink()
        return counts

    def take_out_the_old(self, keep: Keep, limits: Limits, today: date, cause: str, *, dry_run: bool) -> list[str]:
        """Take out what is older than it is kept: tickets with all that is theirs, texts, rows set aside, reports.

        Args:
            keep: for how long things are kept.
            limits: the instants that follow from it.
            today: the day from which it is counted.
            cause: of the tombstones of tickets.
            dry_run: only count.

        Returns:
            What was done, or would be, a line each.
        """
        holdings, warehouse = self.holdings, self.holdings.warehouse
        counts: Counter[str] = Counter()
        files = list(holdings.row_files())
        old: set[str] = set()
        for area, table, path in files:
            if limits.tickets is not None and table == "tickets" and area != "facts":
                old |= tickets_before(path, limits.tickets)
        subjects = Subjects(tickets=frozenset(old))
        with_old_texts = []
        for area, table, path in files:
            if area != "facts" and (count := old_texts_held(path, table, limits.text)):
                counts[f"texts in {area}/{table}"] += count
                with_old_texts.append((table, path))
        if not dry_run and (subjects or with_old_texts):
            self.exclusions.tombstones.add(subjects, cause)
            _judge_anew(warehouse)
        counts += _erase_rows(holdings, subjects, _LEDGER[cause], dry_run=dry_run) if subjects else Counter()
        for path in _old_quarantine(holdings, limits.quarantine):
            counts["files of rows set aside"] += 1
            if not dry_run:
                path.unlink()
        if not dry_run:
            self.exclusions.sweep(warehouse.memo(_STAGED))
            there = [(table, path) for table, path in with_old_texts if path.exists()]
            _renew_memos(warehouse, [path for table, path in there if empty_old_texts(path, table, limits.text)])
        counts += remove_old_reports(holdings.reports, keep, today, holdings.labels, dry_run=dry_run)
        if not dry_run and counts:
            _log(warehouse, [], counts)
        return _lines_of(counts, dry_run=dry_run) or ["nothing is older than it is kept"]


def remove_old_reports(
    reports: Path, keep: Keep, today: date, labels: Mapping[str, str], *, dry_run: bool
) -> Counter[str]:
    """Remove the folders of weeks that ended before reports are kept, and what is remembered of texts that are too old.

    Args:
        reports: the folder of all weeks.
        keep: for how long things are kept.
        today: the day from which it is counted.
        labels: of `edition.links_of`.
        dry_run: only count.
    """
    counts: Counter[str] = Counter()
    weeks = sorted(path.name for path in reports.glob("*/") if is_week(path.name))
    ended = {week: monday_of(week) + timedelta(days=7) for week in weeks}
    old = [week for week in weeks if keep.reports is not None and ended[week] <= keep.reports.before(today)]
    counts["pages"] += sum(1 for week in old for _ in (reports / week).rglob("*.html"))
    if old and not dry_run:
        forget_weeks(reports, old, labels)
    bundles = [
        path
        for path in sorted((reports / FOLDER).glob("*/"))
        if keep.text is not None
        and is_week(path.name)
        and monday_of(path.name) + timedelta(days=7) <= keep.text.before(today)
    ]
    for path in bundles if not dry_run else ():
        shutil.rmtree(path)
    return +counts


def _erase(holdings: Holdings, subjects: Subjects, *, dry_run: bool) -> Counter[str]:
    """Take people and tickets out of reports and rows; how many files of reports, and rows by area and table."""
    counts: Counter[str] = Counter()
    traces = Traces(subjects.tickets | subjects.people, _texts_of(holdings, subjects.tickets))
    for path in holdings.report_files():
        name = path.relative_to(holdings.reports)
        if name.parts[0] == FOLDER:
            # What is remembered of a page is made again with it.
            if traces.in_text(path.read_text(encoding="utf-8", errors="replace")) and not dry_run:
                path.unlink()
        elif erase(path, traces, dry_run=dry_run, write=holdings.write):
            counts["pages" if path.suffix == ".html" else "files of reports"] += 1
            if not dry_run:
                (holdings.reports / FOLDER / name.with_suffix(".json")).unlink(missing_ok=True)
    for path in sorted((holdings.warehouse.root / "gate").glob("*.json")):
        counts["verdicts of the gate"] += erase(path, traces, dry_run=dry_run, write=holdings.write)
    return +(counts + _erase_rows(holdings, subjects, restatements.FORGOTTEN, dry_run=dry_run))


def _erase_rows(holdings: Holdings, subjects: Subjects, cause: str, *, dry_run: bool) -> Counter[str]:
    """Take people and tickets out of rows; how many rows were, by area and table. What is staged is swept by itself."""
    counts: Counter[str] = Counter()
    changed = []
    if not dry_run:
        published.withdraw(holdings.warehouse, subjects, cause)
    for area, table, path in holdings.row_files():
        gone, named = rows_held(path, table, subjects)
        counts[f"rows of {area}/{table}"] += gone
        counts[f"names in rows of {area}/{table}"] += named
        if (gone or named) and area != _STAGED and not dry_run:
            take_out(path, table, subjects)
            changed.append(path)
            if area == PLANS:
                holdings.warehouse.generations.write(path.read_bytes(), path)
    if not dry_run:
        _renew_memos(holdings.warehouse, changed)
        holdings.forget_copies()
    return +counts


def _renew_memos(warehouse: Warehouse, changed: Iterable[Path]) -> None:
    """Have the memos of all steps take files as they are now."""
    paths = list(changed)
    for memo in sorted((warehouse.root / "memo").glob("*.json")) if paths else ():
        Memo(memo).renew(paths)


def _judge_anew(warehouse: Warehouse) -> None:
    """Have the next run judge the exports again, whatever else is the same; what the last one took in stays known."""
    memo = warehouse.memo(MEMO)
    if MEMO in memo.names():
        memo.keep(MEMO, {}, memo.note(MEMO))


def _tickets_of(holdings: Holdings, requesters: frozenset[str]) -> frozenset[str]:
    """The ids of all tickets that requesters opened."""
    paths = [path for _, table, path in holdings.row_files() if table == "tickets"] if requesters else []
    tickets = [
        tickets_of(pq.read_table(path, columns=["ticket_id", "requester_id"], partitioning=None), requesters)
        for path in paths
    ]
    return frozenset().union(*tickets)


def _texts_of(holdings: Holdings, tickets: frozenset[str]) -> frozenset[str]:
    """What customers wrote in tickets, but for short texts that others wrote as well: these tell nobody."""
    own, others = set[str](), set[str]()
    among = pa.array(sorted(tickets), pa.string())
    for area, table, path in holdings.row_files() if tickets else ():
        if area == "facts" or table not in _TEXTS:
            continue
        rows = pq.read_table(path, columns=["ticket_id", *_TEXTS[table]], partitioning=None)
        is_own = pc.fill_null(pc.is_in(rows["ticket_id"], value_set=among), False)
        for name in _TEXTS[table]:
            own |= set(pc.drop_null(rows[name].filter(is_own)).to_pylist())
    for area, table, path in holdings.row_files() if own else ():
        if area != "standard" or table not in _TEXTS:
            continue
        rows = pq.read_table(path, columns=["ticket_id", *_TEXTS[table]], partitioning=None)
        is_other = pc.invert(pc.fill_null(pc.is_in(rows["ticket_id"], value_set=among), False))
        for name in _TEXTS[table]:
            shared = pc.is_in(rows[name], value_set=pa.array(sorted(own), pa.string()))
            others |= set(pc.unique(rows[name].filter(pc.and_(is_other, shared))).to_pylist())
    return frozenset(own - others)


def _old_quarantine(holdings: Holdings, limit: datetime | None) -> list[Path]:
    """The files of rows set aside whose export file was last changed before an instant."""
    if limit is None:
        return []
    memo = holdings.warehouse.memo(_STAGED)
    entries = [entry for name in memo.names() for entry in memo.note(name)]
    changed = {entry["file"]: entry["changed_ns"] / 1e9 for entry in entries if "changed_ns" in entry}
    files = [path for area, _, path in holdings.row_files() if area == "quarantine"]
    return [
        path
        for path in files
        for name in pq.read_table(path, columns=["file"], partitioning=None)["file"][:1].to_pylist()
        if changed.get(name, path.stat().st_mtime) < limit.timestamp()
    ]


def _folder(warehouse: Warehouse) -> Path:
    return warehouse.root / AREA


def _write_pending(warehouse: Warehouse, subjects: Subjects) -> None:
    """Add to what is still to be done; what a killed run left stays in it."""
    path = _folder(warehouse) / _PENDING
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    names = {"tickets": subjects.tickets, "requesters": subjects.requesters, "agents": subjects.agents}
    write_json({name: sorted(ids.union(before.get(name, ()))) for name, ids in names.items()}, path)


def _log(warehouse: Warehouse, digests: list[str], counts: Counter[str]) -> None:
    """Add to the log what was taken out and when; people and tickets stand in it as their tombstones."""
    path = _folder(warehouse) / _LOG
    entries: list[Any] = json.loads(path.read_text(encoding="utf-8"))["erasures"] if path.is_file() else []
    at = datetime.now(UTC).isoformat(timespec="seconds")
    entry = {"at": at, "tombstones": sorted(digests), "removed": dict(sorted(counts.items()))}
    write_json({"erasures": [*entries, entry]}, path)


def _in_words(request: Request) -> str:
    counts = {"requesters": request.requesters, "tickets": request.tickets, "agents": request.agents}
    return ", ".join(f"{whole(len(ids))} {name if len(ids) != 1 else name[:-1]}" for name, ids in counts.items() if ids)


def _lines_of(counts: Counter[str], *, dry_run: bool) -> list[str]:
    """What was taken out, or would be, a line for each kind."""
    done = "would be taken out" if dry_run else "taken out"
    return [f"{name}: {whole(count)} {done}" for name, count in sorted(counts.items()) if count]
