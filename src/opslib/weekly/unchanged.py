"""Whether anything that a run depends on has changed since, told from names, sizes and times of files alone.

It imports nothing heavy: a run with nothing to do should say so before it has loaded what it would do it with.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FOLDER = ".runs"
_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Before:
    """What a run that had the same inputs said at its end."""

    exit_status: int
    lines: tuple[tuple[str, str], ...]


def memory_of(reports: Path, chosen: Mapping[str, Any]) -> Path:
    """Where a run with these options is remembered."""
    named = json.dumps({name: str(value) for name, value in chosen.items()}, sort_keys=True)
    return reports / _FOLDER / f"{hashlib.sha256(named.encode()).hexdigest()[:20]}.json"


def remember(memory: Path, watched: Iterable[Path], before: Before) -> None:
    """Keep how a run ended and the files that it depends on or made.

    Args:
        memory: Of `memory_of`.
        watched: Files and folders (with all that is in them).
        before: What to say when nothing has changed.
    """
    names = sorted({str(path.absolute()) for path in watched})
    content = {
        "watched": names,
        "state": _state(names),
        "exit_status": before.exit_status,
        "lines": [list(line) for line in before.lines],
    }
    memory.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=memory.parent, prefix=".aside-")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump(content, stream, indent=1)
    os.replace(aside, memory)


def recall(memory: Path) -> Before | None:
    """How the run ended if nothing that it depends on or made is different now; None where it must be done again."""
    try:
        content = json.loads(memory.read_text(encoding="utf-8"))
        if content["state"] != _state(content["watched"]):
            return None
        return Before(content["exit_status"], tuple((step, line) for step, line in content["lines"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def code_and_lock() -> list[Path]:
    """The files of opslib itself and, in a checkout, the lock of its environment."""
    lock = _PACKAGE.parents[1] / "requirements.lock"
    return [_PACKAGE, *([lock] if lock.exists() else [])]


def _state(watched: Iterable[str]) -> str:
    found = hashlib.sha256()
    found.update(os.environ.get("OPSLIB_KEY", "").encode())
    for name in watched:
        found.update(f"{name}\n".encode())
        for path, size, changed in sorted(_files(name)):
            found.update(f"{path}\t{size}\t{changed}\n".encode())
    return found.hexdigest()


def _files(name: str) -> Iterable[tuple[str, int, int]]:
    if os.path.isdir(name):
        for entry in os.scandir(name):
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in {"__pycache__", ".ipynb_checkpoints", _FOLDER}:
                    yield from _files(entry.path)
            elif not entry.name.endswith((".pyc", ".lock")):
                stat = entry.stat()
                yield entry.path, stat.st_size, stat.st_mtime_ns
    elif os.path.exists(name):
        stat = os.stat(name)
        yield name, stat.st_size, stat.st_mtime_ns
