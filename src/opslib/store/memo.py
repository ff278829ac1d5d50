"""What a result rests on, and whether any of it has changed since: the one place where that is decided.

A result rests on code, on files and on values. Code is told by a module's name: its own file, what it imports of
opslib, what those import, and the data files beside them, so that no list has to be kept by hand. It imports nothing
heavy: a run with nothing to do should say so before it has loaded what it would do it with.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from opslib.store.files import digest, write_text

PACKAGE = Path(__file__).parents[1]
_FOR_TYPES_ONLY = re.compile(r"^if TYPE_CHECKING:\n(?:(?:[ \t][^\n]*)?\n)+", re.MULTILINE)
_IMPORTED = re.compile(r"^[ \t]*(?:from (opslib[\w.]*) import (\([^)]*\)|[^\n]+)|import (opslib[\w.]*))", re.MULTILINE)
_NAME = re.compile(r"(\w+)(?:\s+as\s+\w+)?")

Basis = Mapping[str, str]
"""What a result rests on, by name, each with its digest: `{"code": …, "tickets": …}`."""


class Memo:
    """Which results were made of what, in one file.

    Args:
        path: the JSON file; where it is missing or damaged, nothing holds and everything is made again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, dict[str, Any]] = {}
        self.is_damaged = False
        try:
            self._entries = _entries_of(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        except (IsADirectoryError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            self.is_damaged = True

    def holds(self, name: str, basis: Basis) -> bool:
        """Whether a result rests on just this still, and all that was made of it is as it was written."""
        entry = self._entries.get(name)
        return entry is not None and entry["basis"] == dict(basis) and not self._lost(entry)

    def holds_but_for(self, name: str, basis: Basis, part: str) -> bool:
        """Whether a result rests on this still, whatever it rested on by the name of one part."""
        then = self.basis(name)
        return self.holds(name, {**basis, part: then.get(part, "")})

    def lost(self) -> list[Path]:
        """The files of any result that are missing, or of another size or time than when they were kept."""
        return [path for entry in self._entries.values() for path in self._lost(entry)]

    def _lost(self, entry: Mapping[str, Any]) -> list[Path]:
        folder = self._path.parent
        return [folder / name for name, state in entry["made"].items() if _state_of(folder / name) != state]

    def changed(self, name: str, basis: Basis) -> frozenset[str]:
        """The names in a basis whose digest is another than when the result was kept; all where it never was."""
        then = self.basis(name)
        return frozenset(part for part in {*then, *basis} if then.get(part) != basis.get(part))

    def basis(self, name: str) -> Basis:
        """What a result rests on; nothing where there is no such result."""
        return dict(self._entries.get(name, {"basis": {}})["basis"])

    def note(self, name: str) -> Any:
        """What was kept beside a result; None where there is no such result."""
        return self._entries.get(name, {"note": None})["note"]

    def names(self) -> list[str]:
        """The results that are kept."""
        return sorted(self._entries)

    def keep(self, name: str, basis: Basis, note: Any = None, made: Iterable[Path] = ()) -> None:
        """Keep what a result was made of, once it is made; `note` is any JSON to find beside it, `made` its files."""
        self.keep_all({name: (basis, note, made)})

    def keep_all(self, results: Mapping[str, tuple[Basis, Any, Iterable[Path]]]) -> None:
        """Keep several results at once, each with its basis, its note and the files that were made of it."""
        for name, (basis, note, made) in results.items():
            states = {os.path.relpath(path, self._path.parent): _state_of(path) for path in made}
            self._entries[name] = {"basis": dict(basis), "note": note, "made": states}
        self._write()

    def renew(self, paths: Iterable[Path], notes: Mapping[str, Any] | None = None) -> None:
        """Take some files as they are now: they were changed on purpose, and the results that have them still hold.

        Args:
            paths: of any result; one that is gone is no file of it any more.
            notes: of results that have another one now, by name.
        """
        states = {os.path.relpath(path, self._path.parent): _state_of(path) for path in paths}
        changed = dict(notes or {})
        is_other = bool(changed)
        for name, entry in self._entries.items():
            is_other |= not states.keys().isdisjoint(entry["made"])
            made = {file: states.get(file, state) for file, state in entry["made"].items()}
            entry["made"] = {file: state for file, state in made.items() if state is not None}
            entry["note"] = changed.get(name, entry["note"])
        if is_other:
            self._write()

    def forget(self, names: Iterable[str]) -> None:
        """Before results are made again, so that a run that is killed half-way is made good by the next."""
        gone = self._entries.keys() & set(names)
        for name in gone:
            del self._entries[name]
        if gone:
            self._write()

    def _write(self) -> None:
        text = json.dumps(self._entries, sort_keys=True, ensure_ascii=False, default=str)
        write_text(f"{_BEFORE_RESULTS}{text}{_BEFORE_DIGEST}{digest_of(text)}{_END}", self._path)


_BEFORE_RESULTS, _BEFORE_DIGEST, _END = '{"results": ', ', "sha256": "', '"}\n'
"""What stands around the results in the file of a memo, so that it tells by itself whether it is as it was written."""


def _entries_of(text: str) -> dict[str, dict[str, Any]]:
    """The results in the text of a memo; one of an earlier version has no digest.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: the text is damaged.
    """
    tree = json.loads(text)
    if "sha256" in tree:
        results = text.removeprefix(_BEFORE_RESULTS).rpartition(_BEFORE_DIGEST)[0]
        if tree["sha256"] != digest_of(results):
            raise ValueError("the results are not those of which the digest was taken")
        tree = tree["results"]
    return {
        name: {"basis": dict(entry["basis"]), "note": entry["note"], "made": dict(entry.get("made", {}))}
        for name, entry in tree.items()
    }


def _state_of(path: Path) -> list[int] | None:
    """Size and time of change: the bytes of a warehouse are too many to be read again each time."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return [stat.st_size, stat.st_mtime_ns]


def digest_of(value: Any) -> str:
    """SHA-256 of a value: text as it is, anything else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of_files(paths: Iterable[Path], root: Path | None = None) -> str:
    """SHA-256 of files by name and content, in their order; names are relative to `root` where it is given."""
    files = list(paths)
    names = [path.relative_to(root).as_posix() if root else path.name for path in files]
    return digest_of([names, digest(*files)])


def code_of(*modules: str) -> str:
    """SHA-256 of the code that modules of opslib stand on, import by import.

    Args:
        modules: such as `opslib.facts.build`; a package stands for its `__init__` and what that imports.

    Returns:
        A digest over the files of the modules, of all that they import of opslib (within functions too, but not for
        types only), and of the data files that lie beside any of them.
    """
    return digest_of_files(code_files(*modules), PACKAGE)


def code_files(*modules: str) -> list[Path]:
    """The files over which `code_of` goes, sorted."""
    reached: dict[str, Path] = {}
    ahead = list(modules)
    while ahead:
        name = ahead.pop()
        path = _file_of(name)
        if path is None:
            raise ModuleNotFoundError(f"{name} is no module of opslib")
        if name not in reached:
            reached[name] = path
            ahead += _imports(path)
    folders = {path.parent for path in reached.values()}
    return sorted({*reached.values(), *(path for folder in folders for path in _data_files(folder))})


def _imports(path: Path) -> list[str]:
    """The modules of opslib that a file imports when it runs."""
    text = _FOR_TYPES_ONLY.sub("", path.read_text(encoding="utf-8"))
    modules: list[str] = []
    for package, names, plain in _IMPORTED.findall(text):
        if plain:
            modules.append(plain)
            continue
        members = [f"{package}.{name}" for name in _NAME.findall(names.partition("#")[0].strip("()"))]
        submodules = [member for member in members if _file_of(member) is not None]
        modules += submodules
        if len(submodules) < len(members):
            modules.append(package)
    return modules


def _file_of(module: str) -> Path | None:
    first, *parts = module.split(".")
    place = PACKAGE.joinpath(*parts)
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if first == "opslib" and path.is_file():
            return path
    return None


def _data_files(folder: Path) -> Iterable[Path]:
    """What lies in a folder of code beside the code, such as templates; folders that hold code have their own."""
    for path in folder.iterdir():
        if path.is_dir() and path.name != "__pycache__" and not any(path.glob("*.py")):
            yield from (below for below in path.rglob("*") if below.is_file())
        elif path.is_file() and path.suffix not in {".py", ".pyc"}:
            yield path
