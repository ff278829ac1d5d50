"""Files that cannot be made anew: each is kept in two generations, and damage to it is noticed and mended.

    <root>/<place>/<way of the file>/000007-<SHA-256 of what it held>

The newest generation is a copy of the file as it should be, the one before of what it was; their names tell both the
file and the copies by their content. A generation is written before its file, so that a run that is killed between the
two is made good by taking the file from it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from opslib.store.files import FOR_THIS_USER, flush_folder, remove_all, remove_file, sha256_of, write_bytes

PLACE: Final = "generations"
_NAME: Final = re.compile(r"(\d{6})-([0-9a-f]{64})")
_KEPT: Final = 2


@dataclass(frozen=True)
class _Generation:
    """What a file held once: its number, the digest in its name, and its copy."""

    number: int
    sha256: str
    path: Path

    @property
    def is_whole(self) -> bool:
        return _digest(self.path) == self.sha256


@dataclass(frozen=True)
class Generations:
    """The generations of files below a folder, in a place within it.

    Those of a file that one user alone may read are for this user alone too.
    """

    root: Path
    place: str = PLACE

    def write(self, content: bytes, path: Path, mode: int = 0o666) -> bool:
        """Replace a file and keep its content as its newest generation; True where its bytes changed."""
        self._add(content, path, mode)
        return write_bytes(content, path, mode)

    def adopt(self, path: Path, mode: int = 0o666) -> None:
        """Keep a file as it is now, where it has no generation yet."""
        if path.is_file() and not self._of(path):
            self._add(path.read_bytes(), path, mode)

    def paths(self, below: Path) -> list[Path]:
        """The files below a folder that have generations."""
        kept = self.root / self.place
        start = kept / below.relative_to(self.root)
        # A copy in the place of which there is a folder is still one.
        folders = sorted(
            Path(place) for place, inner, names in os.walk(start) if any(map(_NAME.fullmatch, [*inner, *names]))
        )
        return [self.root / folder.relative_to(kept) for folder in folders]

    def is_newest(self, path: Path) -> bool:
        """Whether a file has generations and holds what the newest of them tells."""
        generations = self._of(path)
        return bool(generations) and generations[-1].sha256 == _digest(path)

    def mend(self, path: Path, mode: int = 0o666) -> str | None:
        """Put a file right that is not as its newest generation tells, and a generation that is not as its name tells.

        Returns:
            What was done, in one line; None where all is well. A file of which nothing whole is left is removed.
        """
        generations, shown = self._of(path), self._shown(path)
        damaged = [each for each in generations if not each.is_whole]
        content = _digest(path)
        newest = generations[-1]
        if content == newest.sha256:
            for each in damaged:
                remove_all([each.path])
            if not damaged:
                return None
            if newest in damaged:
                write_bytes(path.read_bytes(), newest.path, mode)
            return f"a copy of {shown} was damaged and is taken out"
        source = next((each for each in reversed(generations) if each not in damaged), None)
        by_content = next((each for each in generations if each.sha256 == content), None)
        if source is None and by_content is None:
            remove_all([each.path for each in damaged])
            remove_file(path)
            return f"{shown} and its copies were damaged, and nothing of it is left"
        if source is not None and (by_content is None or source.number >= by_content.number):
            write_bytes(source.path.read_bytes(), path, mode)
        remove_all([each.path for each in damaged])
        if source is newest:
            return f"{shown} was not as it was written: taken from its copy"
        self._add(path.read_bytes(), path, mode)
        return f"{shown} and its newest copy were damaged: the one before is used, and what was added since is missing"

    def forget(self, path: Path) -> None:
        """Remove all generations of a file, or of the files below a folder."""
        kept = self.root / self.place / path.relative_to(self.root)
        if kept.is_dir():
            remove_all([kept])

    def forget_older(self, path: Path) -> None:
        """Remove what a file held before, where that must not be found any more."""
        remove_all(each.path for each in self._of(path)[:-1])

    def _add(self, content: bytes, path: Path, mode: int) -> None:
        generations = self._of(path)
        sha256 = hashlib.sha256(content).hexdigest()
        if generations and generations[-1].sha256 == sha256 and generations[-1].is_whole:
            return
        number = generations[-1].number + 1 if generations else 1
        folder = self._folder(path)
        if folder.is_file():
            folder.unlink()
        if mode == FOR_THIS_USER:
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
        write_bytes(content, folder / f"{number:06}-{sha256}", mode)
        remove_all(each.path for each in generations[: 1 - _KEPT])
        flush_folder(folder)

    def _of(self, path: Path) -> list[_Generation]:
        """The generations of a file, the oldest first."""
        folder = self._folder(path)
        found: Iterable[Path] = sorted(folder.iterdir()) if folder.is_dir() else ()
        names = [(each, match) for each in found if (match := _NAME.fullmatch(each.name))]
        return [_Generation(int(match[1]), match[2], each) for each, match in names]

    def _folder(self, path: Path) -> Path:
        return self.root / self.place / path.relative_to(self.root)

    def _shown(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def _digest(path: Path) -> str | None:
    """SHA-256 of a file; None where there is none."""
    return sha256_of(path) if path.is_file() else None
