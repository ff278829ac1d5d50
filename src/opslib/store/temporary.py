"""The one folder of a run for what is written for a while; it goes with the run, by whatever that ends."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import current_process
from pathlib import Path

from opslib.processes import end_processes_with

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # Windows
    _HAS_LOCKS = False
else:
    _HAS_LOCKS = True

_PREFIX = "opslib-"
_LOCK = ".run"
_VARIABLE = "TMPDIR"
_FOR_SOCKETS = "OPSLIB_SOCKETS"
_LONGEST_FOLDER = 70  # a socket's path has room for 107 characters
_SHORT = "/tmp"


@contextmanager
def temporary_folder() -> Iterator[list[Path]]:
    """Have this process and those that it starts write their temporary files into a folder that ends with the block.

    What a run that was killed has left is removed first, its processes with it; another run's folder is left alone as
    long as that run lives, which is told by a lock on a file in it.

    Yields:
        The folder, and one for sockets where its path is too long for them; none where there can be none, and temporary
        files lie where they would.
    """
    folders = _new_folders()
    before, before_here = {name: os.environ.get(name) for name in folders}, tempfile.tempdir
    os.environ.update({name: str(path) for name, (path, _) in folders.items()})
    # what multiprocessing knows as its folder it does not remove itself
    sockets: dict[str, str | None] = getattr(current_process(), "_config")  # noqa: B009
    before_of_sockets = sockets.get("tempdir")
    if folders:
        tempfile.tempdir = os.environ[_VARIABLE]
        sockets["tempdir"] = short_parent()
    try:
        yield [path for path, _ in folders.values()]
    finally:
        tempfile.tempdir = before_here
        sockets["tempdir"] = before_of_sockets
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        remove_folders([path for path, _ in folders.values()])
        for _, lock in folders.values():
            os.close(lock)


def short_parent() -> str:
    """The folder of temporary files, or another where its path leaves no room for a socket's name."""
    folder = tempfile.gettempdir()
    return folder if len(folder) <= _LONGEST_FOLDER else os.environ.get(_FOR_SOCKETS, _SHORT)


def remove_folders(paths: Iterable[Path]) -> None:
    """Remove folders of temporary files, and end what still runs with them."""
    for path in paths:
        for name in (_VARIABLE, _FOR_SOCKETS):
            end_processes_with(name, str(path))
        shutil.rmtree(path, ignore_errors=True)


def remove_left_folders(parent: Path) -> list[Path]:
    """Remove the folders of runs that ended without doing so.

    Args:
        parent: the folder of temporary files.

    Returns:
        Those that were removed.
    """
    removed = []
    for path in parent.glob(f"{_PREFIX}*") if _HAS_LOCKS else ():
        with suppress(OSError):
            if not _is_own_folder(path):
                continue
            lock = os.open(path / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
            try:
                flock(lock, LOCK_EX | LOCK_NB)
                remove_folders([path])
                removed.append(path)
            finally:
                os.close(lock)
    return removed


def _new_folders() -> dict[str, tuple[Path, int]]:
    """Locked folders by the variable that names each, with the descriptors of their locks."""
    if not _HAS_LOCKS:
        return {}
    try:
        parent = Path(tempfile.gettempdir()).absolute()
        folders = {_VARIABLE: _new_folder(parent)}
        if len(str(folders[_VARIABLE][0])) > _LONGEST_FOLDER:
            folders[_FOR_SOCKETS] = _new_folder(Path(_SHORT))
    except OSError:
        return {}
    return folders


def _new_folder(parent: Path) -> tuple[Path, int]:
    remove_left_folders(parent)
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        flock(lock, LOCK_EX)
        # another run may have taken it for one that was left, before it was locked
        if (path / _LOCK).exists():
            return path, lock
        os.close(lock)


def _is_own_folder(path: Path) -> bool:
    state = path.lstat()
    return stat.S_ISDIR(state.st_mode) and state.st_uid == os.getuid()
