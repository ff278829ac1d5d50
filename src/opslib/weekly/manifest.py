"""What a week's reports were made from and what became of each: `reports/<week>/manifest.json`."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from opslib.errors import OpslibError
from opslib.store.files import json_text, remove_file
from opslib.store.generations import Generations
from opslib.weekly.edition import Edition
from opslib.weekly.outcome import WRITTEN, Outcome, Status
from opslib.weekly.plan import Job
from opslib.weekly.unchanged import FOLDER

PACKAGES = ("opslib", "duckdb", "ibis-framework", "pandas", "pyarrow", "great-expectations", "papermill", "nbconvert")


class ManifestError(OpslibError):
    """The manifest of a week is damaged."""


@dataclass(frozen=True)
class Record:
    """What became of one report, as it stands in the manifest."""

    identifier: str
    notebook: str
    team: str | None
    status: Status
    seconds: float
    error: str | None = None
    headline: list[dict[str, Any]] = field(default_factory=list)
    value: str | None = None

    @property
    def name(self) -> str:
        """The notebook without its folder."""
        return self.notebook.rpartition("/")[2]

    @property
    def job(self) -> Job:
        """The report that it tells of."""
        return Job(self.notebook, self.identifier.partition("/")[0], self.team, self.value)


def records_of_week(reports: Path, week: str, outcomes: Iterable[Outcome]) -> list[Record]:
    """What became of every report of a week: this run's outcomes, and from the manifest those that this run left alone.

    Args:
        reports: the folder of all weeks.
        week: ISO week.
        outcomes: of this run.

    Returns:
        Records in the order of this run, then of the manifest; reports whose page is gone are left out.

    Raises:
        ManifestError: the manifest that is there cannot be read.
    """
    records = [
        Record(o.job.identifier, o.job.notebook, o.job.team, o.status, o.seconds, o.error, o.headline, o.job.value)
        for o in outcomes
    ]
    identifiers = {record.identifier for record in records}
    for record in read_records(reports / week / "manifest.json"):
        if record.identifier not in identifiers and (reports / f"{record.identifier}.html").is_file():
            records.append(record)
    return records


def read_records(path: Path) -> list[Record]:
    """The reports that a manifest lists; none where there is no manifest.

    Raises:
        ManifestError: the file is no manifest.
    """
    try:
        return [Record(**entry) for entry in _read(path).get("reports", [])]
    except (AttributeError, TypeError) as error:
        raise _no_manifest(path, error) from error


def last_ready_week(reports: Path, job: Job) -> str | None:
    """The last week before a report's own of which the same report is there and shows numbers; None where none is.

    Args:
        reports: the folder of all weeks.
        job: the report.
    """
    for folder in sorted(reports.glob("*-W*"), reverse=True):
        before = job.in_week(folder.name)
        if folder.name >= job.week or not before.page(reports).is_file():
            continue
        try:
            records = read_records(folder / "manifest.json")
        except ManifestError:
            continue
        if any(each.identifier == before.identifier and each.status in WRITTEN for each in records):
            return folder.name
    return None


def read_gate(path: Path) -> str | None:
    """The gate's status that a manifest tells; None where it tells none or there is no manifest.

    Raises:
        ManifestError: the file is no manifest.
    """
    try:
        status = _read(path).get("gate", {}).get("status")
    except AttributeError as error:
        raise _no_manifest(path, error) from error
    return None if status is None else str(status)


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        content["reports"]
    except (ValueError, KeyError, TypeError) as error:
        raise _no_manifest(path, error) from error
    return content


def _no_manifest(path: Path, error: Exception) -> ManifestError:
    return ManifestError(f"{path} is no manifest ({error}); delete it and make the week again")


def write_manifest(
    path: Path,
    *,
    edition: Edition,
    parameters: Mapping[str, Any],
    records: Sequence[Record],
    verdict: Mapping[str, Any],
    times: Mapping[str, float],
    lists: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write the manifest: the same content gives the same bytes.

    Args:
        path: `reports/<week>/manifest.json`.
        edition: names of inputs with their sha256, commit, versions, as_of, made_at.
        parameters: of the run.
        records: what became of each report.
        verdict: the gate's, as plain values.
        times: seconds by step.
        lists: the files of the lists of tickets, by team.
    """
    content = {
        "week": edition.week,
        "organisation": edition.organisation,
        "as_of": edition.as_of.isoformat(),
        "made_at": edition.made_at.isoformat(),
        "sample": edition.sample,
        "commit": edition.commit,
        "versions": dict(edition.versions),
        "inputs": {name: {"sha256": digest} for name, digest in edition.inputs.items()},
        "parameters": {
            key: value if isinstance(value, int | float | str) else str(value) for key, value in parameters.items()
        },
        "gate": dict(verdict),
        "seconds": {step: round(seconds, 3) for step, seconds in times.items()},
        "lists": {team: list(names) for team, names in (lists or {}).items()},
        "reports": [asdict(record) for record in sorted(records, key=lambda record: record.identifier)],
    }
    generations_of(path.parents[1]).write(json_text(content).encode(), path)


def mend_manifests(reports: Path) -> list[str]:
    """Put right the manifests that are not as they were written; a line for each.

    Args:
        reports: the folder of all weeks.

    Returns:
        What was done. A damaged one of which there is no copy is removed: its week is made again.
    """
    generations = generations_of(reports)
    paths = generations.paths(reports)
    lines = [line for path in paths if (line := generations.mend(path))]
    for path in sorted({*reports.glob("*/manifest.json")} - {*paths}):
        try:
            read_records(path)
            read_gate(path)
            generations.adopt(path)
        except ManifestError:
            remove_file(path)
            lines.append(f"{path.relative_to(reports)} was damaged and has no copy: make its week again")
    return lines


def manifests_not_as_written(reports: Path) -> list[Path]:
    """The manifests that `mend_manifests` puts right from their copies."""
    generations = generations_of(reports)
    return [path for path in generations.paths(reports) if not generations.is_newest(path)]


def generations_of(reports: Path) -> Generations:
    """What keeps copies of the manifests below a folder of reports."""
    return Generations(reports, f"{FOLDER}/generations")


def commit_of(folder: Path) -> str | None:
    """The commit that the folder's code stands at, with `+` where files differ from it; None where git cannot tell.

    Notebooks pass through a filter that starts a Python for each of them: it is asked only where the bytes of
    notebooks differ and nothing else does, since those may differ in outputs alone.
    """
    differing = ("diff", "--name-only", "HEAD", "--")
    without_filter = ("-c", "filter.nbstripout.clean=cat", *differing)
    try:
        head = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, *without_filter, ":(top,exclude)*.ipynb") or (
            _git(folder, *without_filter, ":(top)*.ipynb") and _git(folder, *differing, ":(top)*.ipynb")
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{head}{'+' if changed else ''}"


def installed_versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Versions of Python and of the packages that the numbers and pages rest on."""
    versions = {"python": platform.python_version()}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "--no-optional-locks", *arguments]
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=10)
    return answer.stdout.strip()
