"""Files that are never half there: written aside and renamed, and told apart by their content."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def write_aside(path: Path, write: Callable[[Path], object]) -> bool:
    """Replace a file so that no reader ever meets half of it.

    Args:
        path: the file; its folder is made where there is none.
        write: writes the file that it is given, which lies beside `path` and is renamed when it is done.

    Returns:
        Whether the bytes changed; a file that has them already is left alone, with its time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".aside-", suffix=path.suffix)
    os.close(handle)
    aside = Path(name)
    try:
        write(aside)
        if path.exists() and path.stat().st_size == aside.stat().st_size and digest(path) == digest(aside):
            return False
        os.chmod(aside, 0o644)
        os.replace(aside, path)
        return True
    finally:
        aside.unlink(missing_ok=True)


def write_text(text: str, path: Path) -> bool:
    """Replace a text file; True where its text changed."""
    return write_aside(path, lambda aside: aside.write_text(text, encoding="utf-8"))


def write_json(value: Mapping[str, Any], path: Path) -> bool:
    """Replace a JSON file, written for people and diffs: sorted keys, two spaces."""
    return write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str) + "\n", path)


def digest(*paths: Path) -> str:
    """SHA-256 over the content of files in their order."""
    content = hashlib.sha256()
    for path in paths:
        with path.open("rb") as stream:
            content.update(hashlib.file_digest(stream, "sha256").digest())
    return content.hexdigest()
