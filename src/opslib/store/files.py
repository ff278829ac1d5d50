"""Files that are never half there: written aside and renamed, and told apart by their content."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ASIDE: Final = ".aside-"
"""How the name of a file begins that is being written, or was when its run was killed; the process stands behind it."""
FOR_THIS_USER: Final = 0o600
_AS_THE_UMASK_HAS_IT: Final = 0o666
_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_RESERVED: Final = frozenset({"lists"})
"""Names of folders with another use."""


def write_aside(path: Path, write: Callable[[Path], object], mode: int = _AS_THE_UMASK_HAS_IT) -> bool:
    """Replace a file so that no reader ever meets half of it, nor does one after the power has failed.

    Args:
        path: the file; its folder is made where there is none, and a folder in its place gives way (`make_way`).
        write: writes the file that it is given, which lies beside `path` and is renamed when it is on the disk.
        mode: who may read and write the file, less what the umask and the rights of the file that it replaces forbid.

    Returns:
        Whether the bytes changed; a file that has them already is left alone, with its time.
    """
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        flush_folder(path.parent.parent)
    aside = _new_file_beside(path, mode)
    try:
        write(aside)
        if path.is_file():
            if path.stat().st_size == aside.stat().st_size and digest(path) == digest(aside):
                return False
            _narrow(aside, stat.S_IMODE(path.stat().st_mode))
        else:
            make_way(path)
        _flush(aside)
        os.replace(aside, path)
        flush_folder(path.parent)
        return True
    finally:
        aside.unlink(missing_ok=True)


def write_bytes(content: bytes, path: Path, mode: int = _AS_THE_UMASK_HAS_IT) -> bool:
    """Replace a file by these bytes; True where they are others than before."""
    return write_aside(path, lambda aside: aside.write_bytes(content), mode)


def write_text(text: str, path: Path) -> bool:
    """Replace a text file; True where its text changed."""
    return write_bytes(text.encode("utf-8"), path)


def write_json(value: Mapping[str, Any], path: Path) -> bool:
    """Replace a JSON file by `json_text`; True where its text changed."""
    return write_text(json_text(value), path)


def json_text(value: Mapping[str, Any]) -> str:
    """A value as JSON for people and diffs: sorted keys, two spaces."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=str) + "\n"


def make_way(path: Path) -> None:
    """Have no folder stand where a file belongs: an empty one goes, one that holds anything is renamed beside it."""
    if not path.is_dir() or path.is_symlink():
        return
    try:
        path.rmdir()
    except OSError:
        number = 1
        while (beside := path.with_name(f"{path.name}.not-ours-{number}")).exists():
            number += 1
        path.rename(beside)


def remove_file(path: Path) -> None:
    """Remove a file that may not be there; a folder in its place gives way."""
    make_way(path)
    path.unlink(missing_ok=True)


def asides_in(folder: Path) -> list[Path]:
    """What lies below a folder of runs that are writing or were killed while they wrote."""
    return sorted(_named(folder, ASIDE))


def abandoned_asides(folder: Path) -> list[Path]:
    """Those of `asides_in` whose process is gone."""
    return [path for path in asides_in(folder) if not _is_written(path)]


def remove_all(paths: Iterable[Path]) -> None:
    """Remove files, and folders with all that is in them."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _named(folder: Path, beginning: str) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        yield from (Path(place, name) for name in (*folders, *files) if name.startswith(beginning))
        folders[:] = [name for name in folders if not name.startswith(beginning)]


def _is_written(aside: Path) -> bool:
    """Whether the process whose number stands in the name of an aside is alive."""
    number = aside.name.removeprefix(ASIDE).partition("-")[0]
    if not number.isdecimal():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _new_file_beside(path: Path, mode: int) -> Path:
    aside = path.with_name(f"{ASIDE}{os.getpid()}-{secrets.token_hex(6)}{path.suffix}")
    os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
    return aside


def _narrow(path: Path, allowed: int) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & ~allowed:
        path.chmod(mode & allowed)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, where its file system can do that."""
    with contextlib.suppress(OSError):
        _flush(folder)


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


def folder_of(value: str) -> str:
    """A folder's name for a value that may hold anything; no two values have one name.

    >>> folder_of("PRJ-2"), folder_of("Refunds / EU")
    ('PRJ-2', 'Refunds-EU-9af44c19')
    """
    if _PLAIN.fullmatch(value) and value not in _RESERVED:
        return value
    plain = re.sub(r"[^A-Za-z0-9]+", "-", value).strip("-")[:40]
    return f"{plain}-{hashlib.sha256(value.encode()).hexdigest()[:8]}".lstrip("-")


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
