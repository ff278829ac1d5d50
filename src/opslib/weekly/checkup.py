"""What is not as it should be where the line keeps things: the warehouse, its key, the reports, the machine.

Nothing is changed by looking; each finding says what mends it, and knows how where that can be done at once.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Final

from opslib.errors import GateError
from opslib.intake import admit
from opslib.intake.privacy.key import KEY_FILE, key_fault, mend_key
from opslib.locales import whole
from opslib.store.files import abandoned_asides, asides_in, remove_all
from opslib.store.memo import PACKAGE
from opslib.store.warehouse import Warehouse
from opslib.weekly.cache import pages_not_as_written
from opslib.weekly.manifest import manifests_not_as_written, mend_manifests

_ROOM_BYTES: Final = 1_000_000_000
_PINNED: Final = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;]+)([^\n]*)", re.MULTILINE)


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be, what mends it, and how, where that can be done at once."""

    what: str
    remedy: str
    repair: Callable[[], object] | None = None


def examine(warehouse: Warehouse, reports: Path) -> list[Finding]:
    """Look at everything; the order is that in which repairs are made.

    Args:
        warehouse: one that no run holds.
        reports: the folder of all weeks.

    Returns:
        What was found; nothing where all is well.
    """
    return [
        *_machine(warehouse, reports),
        *_leftovers(warehouse, reports),
        *_key(warehouse),
        *_what_cannot_be_made_anew(warehouse),
        *_what_is_made_anew(warehouse),
        *_reports(reports),
    ]


def _machine(warehouse: Warehouse, reports: Path) -> Iterator[Finding]:
    lock = PACKAGE.parents[1] / "requirements.lock"
    wanted = _PINNED.findall(lock.read_text(encoding="utf-8")) if lock.exists() else []
    # A line with a marker is for some machines only.
    others = [
        f"{name} {installed} instead of {version}"
        for name, version, rest in wanted
        if ";" not in rest and (installed := _installed(name)) != version
    ]
    if others:
        shown = f"{', '.join(others[:5])}{f' and {len(others) - 5} more' if others[5:] else ''}"
        yield Finding(
            f"versions are others than in requirements.lock: {shown}", "`make setup` installs those of the lock"
        )
    for folder in dict.fromkeys(map(_there, (warehouse.root, reports, Path(tempfile.gettempdir())))):
        free = shutil.disk_usage(folder).free
        if free < _ROOM_BYTES:
            yield Finding(f"{folder} has {whole(free / 1e6)} MB free", "make room: a run may need 1,000 MB")
        if not os.access(folder, os.W_OK):
            yield Finding(f"{folder} cannot be written to", "give this user the right to, or name another folder")


def _leftovers(warehouse: Warehouse, reports: Path) -> Iterator[Finding]:
    asides = [*asides_in(warehouse.root), *abandoned_asides(reports)]
    if asides:
        yield Finding(
            f"{_files(asides)} left by a run that was killed while it wrote",
            "removed, by the next run too",
            partial(remove_all, asides),
        )


def _key(warehouse: Warehouse) -> Iterator[Finding]:
    if fault := key_fault(warehouse.root):
        yield Finding(fault, "put right from its copy, for this user only", partial(mend_key, warehouse.root))
    former = warehouse.root.parent / KEY_FILE
    if former.exists():
        remedy = "the next run takes it over"
        if (warehouse.root / KEY_FILE).exists():
            remedy = "delete it once no warehouse beside this one takes it over when it is run"
        yield Finding(f"{former} lies where earlier versions kept the key", remedy)


def _what_cannot_be_made_anew(warehouse: Warehouse) -> Iterator[Finding]:
    damage = warehouse.damage_of_kept()
    if damage:
        yield Finding(f"{_files(damage)} not as written", "taken from the copy", warehouse.mend)
    for week in admit.verdict_weeks(warehouse):
        path = warehouse.root / "gate" / f"{week}.json"
        try:
            admit.read_verdict(warehouse, week)
        except (GateError, OSError):
            if path not in damage:
                yield Finding(f"{path} cannot be read", f"`make gate WEEK={week}` makes it anew")


def _what_is_made_anew(warehouse: Warehouse) -> Iterator[Finding]:
    damage = [warehouse.root / path for path in warehouse.damage()]
    if damage:
        yield Finding(f"{_files(damage)} missing or not as written", "made anew by the next run")


def _reports(reports: Path) -> Iterator[Finding]:
    if damage := manifests_not_as_written(reports):
        yield Finding(f"{_files(damage)} not as written", "taken from the copy", partial(mend_manifests, reports))
    by_week: dict[str, list[Path]] = {}
    for page in pages_not_as_written(reports):
        by_week.setdefault(page.relative_to(reports).parts[0], []).append(page)
    for week, pages in sorted(by_week.items()):
        yield Finding(f"{_files(pages)} not as written", f"`make weekly WEEK={week}` makes pages anew")


def _files(paths: list[Path]) -> str:
    verb = "are" if paths[1:] else "is"
    return f"{paths[0]}{f' and {whole(len(paths) - 1)} more' if paths[1:] else ''} {verb}"


def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _there(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())
