"""Rows of several tables, one after the other: the files of a zip, the sheets of a workbook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, groupby, pairwise

import duckdb
import pyarrow.parquet as pq

from opslib.intake.notation import identifier, parquet_sources, quoted
from opslib.intake.reading.raw_rows import RawRows, Stretch


def joined(con: duckdb.DuckDBPyConnection, parts: Sequence[RawRows]) -> RawRows:
    """The rows of all parts under the columns of all of them, numbered on.

    Args:
        con: a DuckDB connection.
        parts: at least one, all in one workspace; those without columns have no rows.

    Returns:
        The rows, under the first part's path; damage and notes are the caller's to say.
    """
    together = neighbours(parts)
    if len(together) == 1:
        return together[0]
    parts = together
    first_spellings = {column.casefold(): column for part in reversed(parts) for column in reversed(part.columns)}
    order = dict.fromkeys(column.casefold() for part in parts for column in part.columns)
    columns = tuple(first_spellings[folded] for folded in order)
    parquet, offset, selects = parts[0].workspace.new(".parquet"), 0, []
    for _, alike in groupby(parts, key=lambda part: (part.columns, part.stretch and part.parquet)):
        run = list(alike)
        values = "".join(
            f"{identifier(own) if (own := run[0].column_of(name)) else 'NULL::VARCHAR'} AS {identifier(name)}, "
            for name in columns
        )
        *offsets, offset = accumulate([offset, *map(_last_row, run)])
        rest = "_item, _unreadable, _header FROM"
        if run[0].stretch is not None:
            selects += [
                f"SELECT {values}_row + {start} AS _row, {rest} {part.source}"
                for part, start in zip(run, offsets, strict=True)
            ]
            continue
        selects.append(
            f"SELECT {values}_row + [{', '.join(map(str, offsets))}][file_index::BIGINT + 1] AS _row, "
            f"{rest} {parquet_sources([part.parquet for part in run])}"
        )
    con.execute(f"COPY ({' UNION ALL '.join(selects)}) TO {quoted(parquet)} (FORMAT parquet)")
    return RawRows(
        path=parts[0].path,
        columns=columns,
        parquet=parquet,
        rows=sum(part.rows for part in parts),
        workspace=parts[0].workspace,
        typed=all(part.typed for part in parts),
        repeated_headers=sum(part.repeated_headers for part in parts),
        records=sum(part.records for part in parts),
    )


def neighbours(parts: Sequence[RawRows]) -> list[RawRows]:
    """The same rows in fewer parts: those of files that follow each other in one Parquet file as one part.

    Args:
        parts: rows of files, in their order.

    Returns:
        Rows under the first path of each, their numbers going on; damage and notes are the caller's to say.
    """
    starts = [0, *(number for number, (one, other) in enumerate(pairwise(parts), 1) if not _follows(one, other))]
    return [
        _as_one(parts[start:end]) if end - start > 1 else parts[start] for start, end in pairwise([*starts, len(parts)])
    ]


def _follows(one: RawRows, other: RawRows) -> bool:
    """Whether rows stand behind others in the same Parquet file."""
    if one.stretch is None or other.stretch is None:
        return False
    return one.parquet == other.parquet and one.stretch.last == other.stretch.before


def _as_one(run: Sequence[RawRows]) -> RawRows:
    first, last = run[0].stretch, run[-1].stretch
    assert first is not None
    assert last is not None
    return replace(
        run[0],
        rows=sum(part.rows for part in run),
        repeated_headers=sum(part.repeated_headers for part in run),
        records=sum(part.records for part in run),
        damage=None,
        notes=(),
        head=(),
        stretch=Stretch(first.before, last.last),
    )


def _last_row(part: RawRows) -> int:
    """The number of the last row of a part, by the footer of its file."""
    if part.stretch is not None:
        return part.stretch.last - part.stretch.before
    footer = pq.read_metadata(part.parquet)
    place = footer.schema.names.index("_row")
    columns = (footer.row_group(number).column(place) for number in range(footer.num_row_groups))
    return max((column.statistics.max for column in columns if column.statistics is not None), default=0)
