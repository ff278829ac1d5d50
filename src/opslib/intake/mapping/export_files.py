"""Which files of an export folder a source maps, which it looks things up in, and in what order they come."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from opslib.errors import ExportError
from opslib.intake.mapping.sources import Lookup, SourceMapping
from opslib.intake.notation import listed, shown_name


def find_files(mapping: SourceMapping, exports: Path) -> list[Path]:
    """The files of an export that feed a standard table, oldest first.

    Args:
        mapping: the source.
        exports: the folder of the exports (one file is taken as itself).

    Returns:
        The files in the order of the last date in their name (`2026-11-09`, `20261109`), else of their time of change,
        then of their name: the order in which later rows replace earlier ones.

    Raises:
        ExportError: there is no such folder, no file in it fits the source, or one that does is a link out of it.
    """
    files = [path for path in _files(exports) if any(feed.fits(path.name) for feed in mapping.feeds)]
    _refuse_links_out(files, exports)
    if not files:
        names = [path.name for path in _files(exports)]
        raise ExportError(
            f"{exports}: no file fits the source {mapping.name!r}. It looks for {listed(mapping.file_patterns, 12)}; "
            f"the folder has {listed(names, 12) if names else 'no files'}"
        )
    return _oldest_first(files)


def lookup_files(mapping: SourceMapping, exports: Path) -> list[Path]:
    """The files that rows of other files are looked up in: a change in one of them changes what the others become."""
    lookups = [lookup for feed in mapping.feeds for lookup in feed.lookups.values()]
    files = [path for path in _files(exports) if any(lookup.fits(path.name) for lookup in lookups)]
    _refuse_links_out(files, exports)
    return files


def files_of_lookup(lookup: Lookup, exports: Path) -> list[Path]:
    """The files of one look-up, oldest first; where the exports are one file, those beside it."""
    folder = exports if exports.is_dir() else exports.parent
    files = [path for path in _files(folder) if lookup.fits(path.name)]
    _refuse_links_out(files, folder)
    return _oldest_first(files)


def _refuse_links_out(files: Iterable[Path], exports: Path) -> None:
    """Whoever may put a link among the exports must not have any file of this machine read, such as the key.

    Raises:
        ExportError: a file is a link, or leads by one, to what is not in the folder; an export named by itself may be.
    """
    folder = exports.resolve()
    out = [path for path in files if path != exports and not path.resolve().is_relative_to(folder)]
    if out:
        raise ExportError(
            f"{listed([shown_name(path) for path in out])}: a link that leads out of the folder of the exports, which "
            "is not followed; put the file itself there, or name its folder with --exports"
        )


def _files(exports: Path) -> list[Path]:
    if exports.is_file():
        return [exports]
    if not exports.is_dir():
        raise ExportError(f"{exports}: there is no such folder of exports")
    return sorted(path for path in exports.iterdir() if path.is_file() and not path.name.startswith("."))


def _oldest_first(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: (_file_date(path), path.name))


def _file_date(path: Path) -> datetime:
    for year, month, day in reversed(re.findall(r"(?<!\d)(20\d\d)[-_.]?(\d\d)[-_.]?(\d\d)(?!\d)", path.name)):
        try:
            return datetime(int(year), int(month), int(day), tzinfo=UTC)
        except ValueError:
            continue
    return datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
