"""What a report rests on, so that an unchanged one is not made again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from opslib.store.memo import PACKAGE, Basis, Memo, code_of, digest_of, digest_of_files
from opslib.store.warehouse import Slice, Warehouse, slice_of
from opslib.weekly.edition import Head
from opslib.weekly.pages.neighbours import digest_of_page, text_of
from opslib.weekly.plan import Job, subjects_of
from opslib.weekly.unchanged import FOLDER
from opslib.weeks import is_week

MAKER = "opslib.weekly.report_maker"
"""The module whose code makes a page of a notebook."""


@dataclass(frozen=True)
class MadeReport:
    """What came of a report that was made: its status, headline, what it handed over and what it found."""

    status: str
    headline: list[dict[str, Any]]
    handover: dict[str, Any] | None
    findings: dict[str, list[dict[str, Any]]] | None


@dataclass(frozen=True)
class Cache:
    """The reports that were made, by what they rest on.

    `shared` is what all of them rest on, of `shared_basis`; `heads` is what stands below each team's name.
    """

    warehouse: Warehouse
    reports: Path
    shared: Basis
    heads: Mapping[str, Head] = field(default_factory=dict)

    def recall(self, job: Job, notebook: Path, parameters: Mapping[str, Any]) -> MadeReport | None:
        """What was made of the job before, if all that it rests on is the same and its page is as it was written."""
        memo = self._memo(job)
        if not memo.holds(job.identifier, self._basis(job, notebook, parameters)):
            return None
        note = memo.note(job.identifier)
        if note.get("page") != digest_of_page(job.page(self.reports)) or note.get("text") != self._text(job):
            return None
        if any(self.warehouse.digest_of(slice_of(part)) != content for part, content in note["slices"]):
            return None
        return MadeReport(note["status"], note["headline"], note["handover"], note["findings"])

    def remember(
        self,
        job: Job,
        notebook: Path,
        parameters: Mapping[str, Any],
        *,
        slices: Sequence[Slice],
        made: MadeReport,
    ) -> None:
        """Keep what a report rests on; call it while the warehouse is still as the report read it."""
        note = asdict(made)
        note["page"], note["text"] = digest_of_page(job.page(self.reports)), self._text(job)
        note["slices"] = [(asdict(part), self.warehouse.digest_of(part)) for part in slices]
        self._memo(job).keep(job.identifier, self._basis(job, notebook, parameters), note)

    def _text(self, job: Job) -> str:
        """What lies beside the page as text; "" where nothing does."""
        path = text_of(job.page(self.reports))
        return digest_of_files([path]) if path.is_file() else ""

    def forget(self, job: Job) -> None:
        """A report that failed or was blocked is made again next time."""
        self._memo(job).forget([job.identifier])

    def _basis(self, job: Job, notebook: Path, parameters: Mapping[str, Any]) -> Basis:
        return {
            **self.shared,
            "code": code_of(MAKER, *modules_called(notebook)),
            "notebook": digest_of_files([notebook]),
            "head": digest_of(str(self.heads.get(job.team or ""))),
            "arguments": digest_of({name: str(value) for name, value in parameters.items()}),
        }

    def _memo(self, job: Job) -> Memo:
        # one file for each, as workers write side by side
        return Memo(self.reports / FOLDER / f"{job.identifier}.json")


def pages_not_as_written(reports: Path, week: str | None = None) -> list[Path]:
    """The pages that are gone or hold other bytes than when they were made, as far as it is remembered.

    Args:
        reports: the folder of all weeks.
        week: of which; None is of all.

    Returns:
        The pages, also where what is remembered of one is damaged.
    """
    pages = []
    for path in sorted((reports / FOLDER).glob(f"{week or '*'}/*/**/*.json")):
        name = path.relative_to(reports / FOLDER)
        if not is_week(name.parts[0]):
            continue
        memo = Memo(path)
        page = reports / name.with_suffix(".html")
        notes = [memo.note(name) for name in memo.names()]
        if memo.is_damaged or any(note.get("page") != digest_of_page(page) for note in notes):
            pages.append(page)
    return pages


def modules_called(notebook: Path) -> list[str]:
    """The modules of opslib that a notebook calls: the week it opens, and the subjects it asks."""
    return ["opslib.reports.week", "opslib.display", *(f"opslib.reports.{name}" for name in subjects_of([notebook]))]


def shared_basis(params: Path, warehouse: Warehouse) -> Basis:
    """What every report rests on beside its own code.

    It is the lock, the parameters of the organisations, and which tables and columns the export gives: a report that
    found a table missing read none of it, and is another one when the table comes.
    """
    lock = PACKAGE.parents[1] / "requirements.lock"
    return {
        "lock": digest_of_files([lock] if lock.exists() else []),
        "parameters": digest_of_files(sorted(path for path in params.glob("*.yml") if path.name != "weekly.yml")),
        "columns": digest_of({table: sorted(columns) for table, columns in warehouse.present().items()}),
    }
