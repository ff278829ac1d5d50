"""Small files that are read together: to begin with a file takes longer than to read a few rows of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import duckdb

from opslib.errors import ExportError
from opslib.intake.notation import shown_name
from opslib.intake.reading.csv_rows import rows_of_texts
from opslib.intake.reading.disguises import disguise_of
from opslib.intake.reading.raw_rows import BeyondLimits, RawRows, Reading, Workspace
from opslib.intake.reading.read import form_of
from opslib.intake.reading.read_options import ReadOptions
from opslib.intake.reading.text_file import Text, utf8_text
from opslib.intake.reading.text_shape import RecordShape
from opslib.settings import ReadingLimits

_SMALL_BYTES: Final = 2_000_000
_BATCH_BYTES: Final = 16_000_000
_PACKED: Final = (".gz", ".zip", ".xlsx", ".xlsm", ".parquet")
_UNPACKED_SIZE: Final = 10
"""How many times as large as a packed file its text may be thought to be."""


def batches_of(paths: Iterable[Path]) -> Iterator[list[Path]]:
    """Files to be read together: small ones, up to 16 MB of text at a time; any other by itself.

    Args:
        paths: files that are read alike.

    Yields:
        One to many of them, in their order but for large ones, which come between.
    """
    batch: list[Path] = []
    bytes_of_batch = 0
    for path in paths:
        size = path.stat().st_size * (_UNPACKED_SIZE if path.name.casefold().endswith(_PACKED) else 1)
        if size > _SMALL_BYTES:
            yield [path]
            continue
        if bytes_of_batch + size > _BATCH_BYTES:
            yield batch
            batch, bytes_of_batch = [], 0
        batch.append(path)
        bytes_of_batch += size
    if batch:
        yield batch


def rows_of_small_files(
    con: duckdb.DuckDBPyConnection, paths: Sequence[Path], options: ReadOptions, limits: ReadingLimits | None = None
) -> dict[Path, RawRows]:
    """Read those of several small files together that are CSV texts with the same header.

    Args:
        con: a DuckDB connection; it is not held after the call.
        paths: the files, which together fit into memory.
        options: what they do not say of themselves.
        limits: how much one file may ask for.

    Returns:
        What `open_export` gives for each of them, but for its `head`, all in one workspace. A file is left to it that
        is anything else, or in which anything is wrong.
    """
    workspace = Workspace()
    try:
        texts = []
        for path in paths:
            link = workspace.link(path)
            reading = Reading(con.cursor(), link, options, workspace, limits or ReadingLimits(), shown_name(path))
            text = _csv_text(path, reading)
            if text is not None:
                texts.append((path, reading, text))
        rows = rows_of_texts([(reading, text) for _, reading, text in texts])
    except BaseException:
        workspace.close()
        raise
    return {path: replace(raw, path=path) for (path, *_), raw in zip(texts, rows, strict=True) if raw is not None}


def _csv_text(path: Path, reading: Reading) -> Text[RecordShape] | None:
    """The text of a CSV file; None where it is another or there is a reason to look more closely."""
    try:
        if path.stat().st_size == 0 or form_of(path) != "csv" or disguise_of(path, reading.name):
            return None
        return utf8_text(reading, RecordShape)
    except (BeyondLimits, ExportError, OSError):
        return None
