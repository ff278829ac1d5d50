"""Which files of an export folder a source maps, which it looks things up in, and in what order they come."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from opslib.errors import ExportError
from opslib.intake.disclosure import shown_name
from opslib.intake.mapping.sources import Lookup, SourceMapping
from opslib.intake.notation import listed


def find_files(mapping: SourceMapping, exports: Path) -> list[Path]:
    """The files of an export that feed a standard table, oldest first.

    Args:
        mapping: the source.
        exports: the folder of the exports (one file is taken as itself).

    Returns:
        The files in the order of the last date in their name (`2026-11-09`, `20261109`), else of their time of change,
        then of their name: the order in which later rows replace earlier ones.

    Raises:
        ExportError: there is no such folder, or no file in it fits the source.
    """
    files = [path for path in _files(exports) if any(feed.fits(path.name) for feed in mapping.feeds)]
    if not files:
        names = [shown_name(path) for path in _files(exports)]
        raise ExportError(
            f"{exports}: no file fits the source {mapping.name!r}. It looks for {listed(mapping.file_patterns, 12)}; "
            f"the folder has {listed(names, 12) if names else 'no files'}"
        )
    return _oldest_first(files)


def lookup_files(mapping: SourceMapping, exports: Path) -> list[Path]:
    """The files that rows of other files are looked up in: a change in one of them changes what the others become."""
    lookups = [lookup for feed in mapping.feeds for lookup in feed.lookups.values()]
    return [path for path in _files(exports) if any(lookup.fits(path.name) for lookup in lookups)]


def files_of_lookup(lookup: Lookup, exports: Path) -> list[Path]:
    """The files of one look-up, oldest first; where the exports are one file, those beside it."""
    folder = exports if exports.is_dir() else exports.parent
    return _oldest_first(path for path in _files(folder) if lookup.fits(path.name))


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
