"""Whether anything that a run depends on or made has changed since, told from names, sizes and times of files alone.

It imports nothing heavy: a run with nothing to do should say so before it has loaded what it would do it with.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opslib.store.memo import PACKAGE, Memo, digest_of

FOLDER = ".runs"
_RUN = "run"


@dataclass(frozen=True)
class Before:
    """What a run that had the same inputs said at its end."""

    exit_status: int
    lines: tuple[tuple[str, str], ...]


def memo_of(reports: Path, options: Mapping[str, Any]) -> Memo:
    """Where a run with these options is remembered."""
    return Memo(reports / FOLDER / f"{digest_of({name: str(value) for name, value in options.items()})[:20]}.json")


def remember(memo: Memo, watched: Iterable[Path], before: Before, until: datetime | None = None) -> None:
    """Keep how a run ended and the files that it depends on or made.

    Args:
        memo: Of `memo_of`.
        watched: Files and folders (with all that is in them).
        before: What to say when nothing has changed.
        until: From when on there may be something to do though nothing has changed; None where there is no such time.
    """
    names = sorted({str(path.absolute()) for path in watched})
    ends = None if until is None else until.timestamp()
    note = {"watched": names, "until": ends, "exit_status": before.exit_status, "lines": before.lines}
    memo.keep(_RUN, {"files": _state(names)}, note)


def recall(memo: Memo) -> Before | None:
    """How the run ended if nothing that it depends on or made is different now; None where it must be done again."""
    note = memo.note(_RUN)
    if note is None or not memo.holds(_RUN, {"files": _state(note["watched"])}):
        return None
    if (until := note.get("until")) is not None and datetime.now(UTC).timestamp() >= until:
        return None
    return Before(note["exit_status"], tuple((step, line) for step, line in note["lines"]))


def code_and_lock() -> list[Path]:
    """The files of opslib itself and, in a checkout, the lock of its environment."""
    lock = PACKAGE.parents[1] / "requirements.lock"
    return [PACKAGE, *([lock] if lock.exists() else [])]


def _state(watched: Iterable[str]) -> str:
    state = hashlib.sha256()
    for name in watched:
        state.update(os.fsencode(f"{name}\n"))
        for path, *traits in sorted(_files(name)):
            state.update(os.fsencode(f"{path}\t{traits}\n"))
    return state.hexdigest()


def _files(name: str) -> Iterable[tuple[str, int, int, int]]:
    """Path, size, time of the last writing and of the last change of each file; nobody can set the last of them."""
    if os.path.isdir(name):
        for entry in os.scandir(name):
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in {"__pycache__", ".ipynb_checkpoints", FOLDER}:
                    yield from _files(entry.path)
            elif not entry.name.endswith((".pyc", ".lock")):
                yield _traits_of(entry.path)
    elif os.path.exists(name):
        yield _traits_of(name)


def _traits_of(path: str) -> tuple[str, int, int, int]:
    try:
        stat = os.stat(path)
    except FileNotFoundError:
        # A link to nothing.
        stat = os.lstat(path)
    return path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
