"""What a report depends on, by content, so that an unchanged one is not made again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from opslib.store.files import digest, write_json
from opslib.store.warehouse import Slice, Warehouse, slice_of
from opslib.weekly.plan import Job

_FOLDER = ".runs"


@dataclass(frozen=True)
class Remembered:
    """A report that was made: what it depended on and what came of it."""

    basis: str
    slices: tuple[tuple[Slice, str], ...]
    status: str
    headline: list[dict[str, Any]]
    handover: dict[str, Any] | None


@dataclass(frozen=True)
class Cache:
    """The reports that were made, by what they depended on.

    `shared` is what all of them depend on, of `shared_basis`.
    """

    warehouse: Warehouse
    reports: Path
    shared: str

    def recall(self, job: Job, notebook: Path, parameters: Mapping[str, Any]) -> Remembered | None:
        """What was made of the job before, if all that it depended on is the same and its page is still there."""
        try:
            found = json.loads(self._memory(job).read_text(encoding="utf-8"))
            slices = tuple((slice_of(part), content) for part, content in found.pop("slices"))
            remembered = Remembered(slices=slices, **found)
            if remembered.basis != self._basis(job, notebook, parameters) or not job.page(self.reports).exists():
                return None
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None
        if any(self.warehouse.digest_of(part) != content for part, content in remembered.slices):
            return None
        return remembered

    def remember(
        self,
        job: Job,
        notebook: Path,
        parameters: Mapping[str, Any],
        *,
        slices: Sequence[Slice],
        status: str,
        headline: list[dict[str, Any]],
        handover: dict[str, Any] | None,
    ) -> None:
        """Keep what a report depended on; call it while the warehouse is still as the report read it."""
        remembered = Remembered(
            basis=self._basis(job, notebook, parameters),
            slices=tuple((part, self.warehouse.digest_of(part)) for part in slices),
            status=status,
            headline=headline,
            handover=handover,
        )
        write_json(asdict(remembered), self._memory(job))

    def forget(self, job: Job) -> None:
        """A report that failed or was blocked is made again next time."""
        self._memory(job).unlink(missing_ok=True)

    def _basis(self, job: Job, notebook: Path, parameters: Mapping[str, Any]) -> str:
        given = json.dumps({name: str(value) for name, value in parameters.items()}, sort_keys=True)
        parts = [job.identifier, digest(notebook), given, self.shared]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _memory(self, job: Job) -> Path:
        return self.reports / _FOLDER / f"{job.identifier}.json"


def shared_basis(params: Path, warehouse: Warehouse) -> str:
    """Digest of what every report depends on.

    It is opslib's source, the lock, the parameters of the organisations, and which tables and columns the export gives:
    a report that found a table missing read none of it, and is another one when the table comes.
    """
    package = Path(__file__).parents[1]
    source = sorted(path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    lock = package.parents[1] / "requirements.lock"
    settings = sorted(path for path in params.glob("*.yml") if path.name != "weekly.yml")
    given = warehouse.folder("standard", "columns.json")
    return digest(*source, *settings, *(path for path in (lock, given) if path.exists()))
