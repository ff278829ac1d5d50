"""Files that are never half there: written aside and renamed, and told apart by their content."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
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


def sha256_of(path: Path) -> str:
    """SHA-256 of one file, as `sha256sum` prints it."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def week_rows_source(paths: Iterable[Path]) -> str:
    """SQL for FROM: the rows of Parquet files, with `week` as the name of the folder of each has it.

    Notes:
        DuckDB's own way would make columns of the names of all folders above, such as `team=x`.
    """
    patterns = ", ".join("'" + pattern_of(path).replace("'", "''") + "'" for path in paths)
    files = f"read_parquet([{patterns}], hive_partitioning = false, filename = '_file')"
    return f"(SELECT * EXCLUDE _file, regexp_extract(_file, '/week=([^/]+)/[^/]+$', 1) AS week FROM {files})"


def pattern_of(path: Path) -> str:
    """The pattern that only this path fits: DuckDB takes every name of a file as a pattern of names."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in str(path.absolute()))
