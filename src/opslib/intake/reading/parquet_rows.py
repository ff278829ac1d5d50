"""A Parquet file into rows, each value as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from opslib.intake.notation import identifier, parquet_source, quoted
from opslib.intake.reading.raw_rows import RawRows, Reading, distinct_names
from opslib.locales import whole


def parquet_rows(reading: Reading) -> RawRows:
    """The rows of a Parquet file; the fields of a struct become columns `struct.field`."""
    source = parquet_source(reading.path)
    try:
        records = pq.read_metadata(reading.path).num_rows
        description = reading.con.execute(f"SELECT * FROM {source} LIMIT 0").description or []
        leaves = [leaf for column in description for leaf in _leaves((column[0],), column[1])]
        if len(leaves) > reading.limits.columns:
            raise reading.beyond("columns", f"it has {whole(len(leaves))} columns")
        columns = distinct_names([".".join(path) for path, _ in leaves])
        selects = [f"{text} AS {identifier(name)}" for (_, text), name in zip(leaves, columns, strict=True)]
        parquet = reading.workspace.new(".parquet")
        reading.con.execute(
            f"""COPY (
                SELECT {", ".join(selects)}, row_number() OVER () AS _row, 0 AS _item,
                       NULL::VARCHAR AS _unreadable, false AS _header
                FROM {source}
            ) TO {quoted(parquet)} (FORMAT parquet)"""
        )
    except UnicodeDecodeError:
        return reading.nothing(
            f"{reading.name}: the names of columns in the Parquet file are not UTF-8; export it with other names"
        )
    except (duckdb.Error, pa.ArrowException, OSError, RuntimeError) as error:
        return reading.nothing(
            f"{reading.name}: the Parquet file is damaged or of a kind that cannot be read ({type(error).__name__}); "
            "fetch the export again"
        )
    return reading.result(columns, parquet, typed=True, records=records)


def _leaves(path: tuple[str, ...], kind: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    """The flat columns of a Parquet column and the SQL that gives each as text."""
    value = ".".join(identifier(part) for part in path)
    match kind.id:
        case "struct":
            for name, child in kind.children:
                yield from _leaves((*path, name), child)
        case "timestamp with time zone":
            yield path, f"strftime({value} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')"
        case "timestamp" | "timestamp_s" | "timestamp_ms" | "timestamp_ns":
            yield path, f"strftime({value}::TIMESTAMP, '%Y-%m-%d %H:%M:%S')"
        case "list" | "array" | "map" | "union":
            yield path, f"to_json({value})::VARCHAR"
        case "blob":
            yield path, f"coalesce(try(decode({value})), {value}::VARCHAR)"
        case _:
            yield path, f"{value}::VARCHAR"
