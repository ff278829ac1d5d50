"""Rows of several tables, one after the other: the files of a zip, the sheets of a workbook."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, groupby

import duckdb
import pyarrow.parquet as pq

from opslib.intake.notation import identifier, parquet_sources, quoted
from opslib.intake.reading.raw_rows import RawRows


def joined(con: duckdb.DuckDBPyConnection, parts: Sequence[RawRows]) -> RawRows:
    """The rows of all parts under the columns of all of them, numbered on.

    Args:
        con: a DuckDB connection.
        parts: at least one, all in one workspace; those without columns have no rows.

    Returns:
        The rows, under the first part's path; damage and notes are the caller's to say.
    """
    first_spellings = {column.casefold(): column for part in reversed(parts) for column in reversed(part.columns)}
    order = dict.fromkeys(column.casefold() for part in parts for column in part.columns)
    columns = tuple(first_spellings[folded] for folded in order)
    parquet, offset, selects = parts[0].workspace.new(".parquet"), 0, []
    for _, alike in groupby(parts, key=lambda part: part.columns):
        run = list(alike)
        values = "".join(
            f"{identifier(own) if (own := run[0].column_of(name)) else 'NULL::VARCHAR'} AS {identifier(name)}, "
            for name in columns
        )
        *offsets, offset = accumulate([offset, *map(_last_row, run)])
        selects.append(
            f"SELECT {values}_row + [{', '.join(map(str, offsets))}][file_index::BIGINT + 1] AS _row, "
            f"_item, _unreadable, _header FROM {parquet_sources([part.parquet for part in run])}"
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


def _last_row(part: RawRows) -> int:
    """The number of the last row of a part, by the footer of its file."""
    footer = pq.read_metadata(part.parquet)
    place = footer.schema.names.index("_row")
    columns = (footer.row_group(number).column(place) for number in range(footer.num_row_groups))
    return max((column.statistics.max for column in columns if column.statistics is not None), default=0)
