"""What a report depends on, by content, so that an unchanged one is not made again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from opslib.store import Slice, Warehouse, digest, slice_of, write_json
from opslib.weekly.plan import Job

_FOLDER = ".runs"


@dataclass(frozen=True)
class Remembered:
    """A report that was made: what it depended on, what came of it and the page it gave."""

    basis: str
    slices: tuple[tuple[Slice, str], ...]
    page: str
    status: str
    headline: list[dict[str, Any]]


def basis_of(job: Job, notebook: Path, parameters: Mapping[str, Any], shared: str) -> str:
    """Digest of what a report depends on beside the slices of the warehouse that it reads.

    Args:
        job: The report.
        notebook: Its notebook.
        parameters: What is handed to it.
        shared: Of `shared_basis`.
    """
    given = json.dumps({name: str(value) for name, value in parameters.items()}, sort_keys=True)
    parts = [job.identifier, digest(notebook), given, shared]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def shared_basis(params: Path) -> str:
    """Digest of what every report depends on: opslib's source, the lock, and the parameters of the organisation."""
    package = Path(__file__).parents[1]
    source = sorted(path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    lock = package.parents[1] / "requirements.lock"
    settings = sorted(path for path in params.glob("*.yml") if path.name != "weekly.yml")
    return digest(*source, *([lock] if lock.exists() else []), *settings)


def recall(reports: Path, warehouse: Warehouse, job: Job, basis: str) -> Remembered | None:
    """What was made of the job before, if all that it depended on is the same and its page is still there."""
    try:
        found = json.loads(_memory(reports, job).read_text(encoding="utf-8"))
        slices = tuple((slice_of(part), content) for part, content in found.pop("slices"))
        remembered = Remembered(slices=slices, **found)
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None
    page = job.page(reports)
    if remembered.basis != basis or not page.exists():
        return None
    if any(warehouse.digest_of(part) != content for part, content in remembered.slices):
        return None
    return remembered


def remember(
    reports: Path,
    warehouse: Warehouse,
    job: Job,
    *,
    basis: str,
    slices: Sequence[Slice],
    status: str,
    headline: list[dict[str, Any]],
) -> None:
    """Keep what a report depended on; call it while the warehouse is still as the report read it."""
    remembered = Remembered(
        basis=basis,
        slices=tuple((part, warehouse.digest_of(part)) for part in slices),
        page=digest(job.page(reports)),
        status=status,
        headline=headline,
    )
    write_json(asdict(remembered), _memory(reports, job))


def forget(reports: Path, job: Job) -> None:
    """A report that failed or was blocked is made again next time."""
    _memory(reports, job).unlink(missing_ok=True)


def _memory(reports: Path, job: Job) -> Path:
    return reports / _FOLDER / f"{job.identifier}.json"
