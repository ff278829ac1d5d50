"""Files of rows without the people and tickets that are taken out of them, and without texts that are too old."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from opslib.intake.privacy.subjects import Subjects, about, id_columns, naming, without
from opslib.store.files import write_aside
from opslib.tables import TABLES

_BATCH_ROWS: Final = 131_072
_WRITTEN_AT: Final = {"tickets": "created_at", "satisfaction": "answered_at"}
"""The tables in which customers wrote, with the instant at which they did."""


def rows_held(path: Path, table: str, subjects: Subjects) -> tuple[int, int]:
    """How many rows of a Parquet file are about subjects, and how many others name one.

    Args:
        path: the file.
        table: the standard table or fact that its rows are of.
        subjects: who and what is looked for.
    """
    with pq.ParquetFile(path) as file:
        rows = file.read(columns=id_columns(file.schema_arrow, table))
    is_about = about(rows, table, subjects)
    count = pc.sum(is_about).as_py() or 0
    rows = rows.filter(pc.invert(is_about)) if count else rows
    return count, pc.sum(naming(rows, table, subjects)).as_py() or 0


def take_out(path: Path, table: str, subjects: Subjects) -> bool:
    """Write a Parquet file anew without subjects; False, and untouched, where it holds none."""
    if rows_held(path, table, subjects) == (0, 0):
        return False
    return _rewrite(path, lambda rows: without(rows, table, subjects))


def texts_before(rows: pa.Table, table: str, limit: datetime | None) -> int:
    """How many texts of customers among rows of a table were written before an instant."""
    if limit is None or _WRITTEN_AT.get(table) not in rows.column_names:
        return 0
    old = rows.filter(_is_before(rows[_WRITTEN_AT[table]], limit))
    return sum(len(old) - old[name].null_count for name in _texts(table) if name in old.column_names)


def without_old_texts(rows: pa.Table, table: str, limit: datetime | None) -> pa.Table:
    """Rows of a table with nothing in the place of texts that were written before an instant."""
    if not texts_before(rows, table, limit):
        return rows
    assert limit is not None
    is_old = _is_before(rows[_WRITTEN_AT[table]], limit)
    for name in _texts(table):
        if name in rows.column_names:
            nothing = pa.scalar(None, rows.schema.field(name).type)
            place = rows.schema.get_field_index(name)
            rows = rows.set_column(place, name, pc.if_else(is_old, nothing, rows[name]))
    return rows


def old_texts_held(path: Path, table: str, limit: datetime | None) -> int:
    """How many texts of customers that were written before an instant a Parquet file holds."""
    if limit is None or table not in _WRITTEN_AT:
        return 0
    with pq.ParquetFile(path) as file:
        names = [name for name in (_WRITTEN_AT[table], *_texts(table)) if name in file.schema_arrow.names]
        return texts_before(file.read(columns=names), table, limit)


def empty_old_texts(path: Path, table: str, limit: datetime | None) -> bool:
    """Write a Parquet file anew without texts from before an instant; False, and untouched, where it has none."""
    if not old_texts_held(path, table, limit):
        return False
    return _rewrite(path, lambda rows: without_old_texts(rows, table, limit))


def tickets_before(path: Path, limit: datetime) -> frozenset[str]:
    """The ids of the tickets of a Parquet file that were created before an instant."""
    with pq.ParquetFile(path) as file:
        rows = file.read(columns=["ticket_id", "created_at"])
    return ids_before(rows, limit)


def ids_before(rows: pa.Table, limit: datetime) -> frozenset[str]:
    """The ids of those of some tickets that were created before an instant."""
    return frozenset(pc.drop_null(rows["ticket_id"].filter(_is_before(rows["created_at"], limit))).to_pylist())


def _is_before(instants: pa.ChunkedArray, limit: datetime) -> pa.ChunkedArray:
    return pc.fill_null(pc.less(instants, pa.scalar(limit, instants.type)), False)


def _texts(table: str) -> list[str]:
    return [name for name in TABLES[table].of_type("free_text") if not TABLES[table][name].needed]


def _rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> bool:
    """Write a Parquet file anew, some rows at a time."""

    def write(aside: Path) -> None:
        with pq.ParquetFile(path) as file, pq.ParquetWriter(aside, file.schema_arrow, compression="zstd") as writer:
            for batch in file.iter_batches(_BATCH_ROWS):
                writer.write_table(change(pa.Table.from_batches([batch])).cast(file.schema_arrow))

    return write_aside(path, write)
