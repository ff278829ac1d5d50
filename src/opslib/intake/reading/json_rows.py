"""JSON in any layout into rows: objects are flattened into columns, arrays taken apart into rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from opslib.errors import ExportError
from opslib.intake.notation import identifier, parquet_source, quoted
from opslib.intake.reading.json_text import SCHEMA, JsonText
from opslib.intake.reading.raw_rows import RawRows, Reading, distinct_names
from opslib.intake.reading.text_file import Text
from opslib.intake.reading.text_shape import LineShape
from opslib.locales import whole

_BLANKS: Final = "' ,' || chr(9) || chr(10) || chr(13) || chr(30) || chr(65279)"
_IS_PLAIN: Final = "starts_with(text, '{') AND (ends_with(text, '}') OR ends_with(text, '}' || chr(10)))"
"""SQL: whether nothing need be trimmed off a record, which is slow."""
_BROKEN_ARRAY: Final = "row: not valid JSON, but an array that may hold many rows"
_ERROR_KEYS: Final = ("error", "errors", "errorMessages", "fault")


def json_rows(reading: Reading, text: Text[LineShape]) -> RawRows:
    """The objects of a JSON text, one row each; the fields of objects in them become columns `object.field`."""
    json_text, values = JsonText(reading, text), reading.workspace.new(".parquet")
    with reading.con.cursor() as con:
        con.register("json_records", pa.RecordBatchReader.from_batches(SCHEMA, json_text.batches()))
        con.execute(
            f"""COPY (
                SELECT place AS _row, CASE WHEN kind IN ('OBJECT', 'ARRAY') THEN json END AS _json,
                       CASE WHEN kind IS NULL AND problem IS NULL AND json LIKE '[%' THEN {quoted(_BROKEN_ARRAY)}
                            WHEN kind IS NULL THEN coalesce(problem, 'row: not valid JSON')
                            WHEN kind NOT IN ('OBJECT', 'ARRAY') THEN 'row: not a JSON object' END AS _unreadable,
                       coalesce(kind = 'ARRAY', false) AS is_array
                FROM (
                    SELECT place, json, problem, CASE WHEN json_valid(json) THEN json_type(json) END AS kind
                    FROM (SELECT place, CASE WHEN {_IS_PLAIN} THEN text ELSE trim(text, {_BLANKS}) END AS json, problem
                          FROM json_records)
                )
            ) TO {quoted(values)} (FORMAT parquet)"""
        )
    if text.is_temporary:
        text.path.unlink()
    if json_text.beyond is not None:
        raise json_text.beyond
    damage = text.damage or json_text.damage
    if not json_text.records:
        return reading.nothing(damage or f"{reading.name}: the file is empty: it has no rows", notes=text.notes)
    objects, records, wrong_pages = _objects(reading, values)
    fields = _fields(reading.con, f"{parquet_source(objects)} WHERE _json IS NOT NULL")
    if len(fields) > reading.limits.columns:
        raise reading.beyond("columns", f"its records have {whole(len(fields))} fields")
    columns, selects = _columns(fields, "_json", reserved=[], prefix="")
    parquet = reading.workspace.new(".parquet")
    reading.con.execute(
        f"""COPY (
            SELECT {", ".join([*selects, "_row", "0 AS _item", "_unreadable", "false AS _header"])}
            FROM {_with_values(parquet_source(objects), "_json", fields)}
        ) TO {quoted(parquet)} (FORMAT parquet)"""
    )
    objects.unlink()
    return reading.result(columns, parquet, damage=damage or wrong_pages, notes=text.notes, records=records)


def _objects(reading: Reading, values: Path) -> tuple[Path, int, str | None]:
    """The records of a file's values: of pages those in their array, of arrays their items, else the value itself.

    Returns:
        A Parquet file of `_row`, `_json` and `_unreadable`; how many records the values say that they hold; what is
        wrong where a page holds none because it is an error, or something else than records.
    """
    key = reading.options.records
    path = _json_path(key.split(".")) if key else ""
    page = f"json_type(_json, {quoted(path)})" if key else "NULL::VARCHAR"
    row = reading.con.execute(
        f"""SELECT count(*), count(*) FILTER (is_array), min(_row) FILTER (_unreadable = {quoted(_BROKEN_ARRAY)})
            FROM {parquet_source(values)}"""
    ).fetchone()
    assert row is not None
    records, arrays, first_broken = row
    wrong = None
    if first_broken:
        wrong = (
            f"{reading.name}: value {whole(first_broken)} of the file is a broken array of records: fetch the export "
            "again"
        )
    if not key and not arrays:
        return values, records, wrong
    source = f"(SELECT *, {page} AS page FROM {parquet_source(values)})"
    in_page = f"json_array_length(_json, {quoted(path)})" if key else "0"
    counts = reading.con.execute(
        f"""SELECT coalesce(sum(CASE WHEN is_array THEN json_array_length(_json) WHEN page IN ('ARRAY', 'NULL')
                                     THEN coalesce({in_page}, 0) ELSE 1 END), 0)::BIGINT,
                   count(page), count(*) FILTER (page NOT IN ('ARRAY', 'NULL')),
                   min(_row) FILTER (_json IS NOT NULL AND NOT is_array AND page IS NULL),
                   min(_row) FILTER (page IS NULL AND {_is_error("_json")})
            FROM {source}"""
    ).fetchone()
    assert counts is not None
    records, pages, odd_pages, first_without, first_error = counts
    if key and wrong is None and odd_pages:
        wrong = f"{reading.name}: `{key}` is no array of records; fetch the export again"
    elif key and (first_error or (pages and first_without)):
        wrong = (
            f"{reading.name}: value {whole(first_error or first_without)} of the file is an error of what was asked "
            "for, or "
            f"a page without the array `{key}`; the rows of the others were read: fetch the export again"
        )
    if not arrays and not pages:
        return values, records, wrong
    objects = reading.workspace.new(".parquet")
    of_page = f"WHEN page IN ('ARRAY', 'NULL') THEN json_extract(_json, {quoted(path + '[*]')})" if key else ""
    reading.con.execute(
        f"""COPY (
            SELECT row_number() OVER () AS _row, CASE WHEN is_row THEN json END AS _json,
                   CASE WHEN NOT is_row THEN 'row: not a JSON object' ELSE problem END AS _unreadable
            FROM (
                SELECT json, problem, json_type(json) = 'OBJECT' OR problem IS NOT NULL AS is_row
                FROM (
                    SELECT unnest(CASE WHEN is_array THEN json_extract(_json, '$[*]') {of_page}
                                  ELSE [_json::JSON] END) AS json, _unreadable AS problem
                    FROM (SELECT * FROM {source} ORDER BY _row)
                )
            )
        ) TO {quoted(objects)} (FORMAT parquet)"""
    )
    values.unlink()
    return objects, records, wrong


def _is_error(column: str) -> str:
    """SQL: whether an object says that an API could not answer."""
    keys = ", ".join(quoted(f'$."{key}"') for key in _ERROR_KEYS)
    return (
        f"len(list_filter(json_extract_string({column}, [{keys}]), lambda v: v NOT IN ('[]', '{{}}', 'false', ''))) > 0"
    )


def explode(con: duckdb.DuckDBPyConnection, raw: RawRows, column: str) -> RawRows:
    """One row per item of a column of JSON arrays; the item's fields become columns `column.field`, beside the
    row's own.

    Args:
        con: a DuckDB connection.
        raw: the rows of a file.
        column: a column of the file, its values JSON arrays as text. A row with none, or an empty one, gives no
            row.

    Raises:
        ExportError: the file has no such column.
    """
    name = raw.column_of(column)
    if name is None:
        raise ExportError(f"{raw.name}: there is no column `{column}` to take apart")
    cursor, parquet = con.cursor(), raw.workspace.new(".parquet")
    items = raw.workspace.new(".parquet")
    own = identifier(name)
    wrong = quoted(f"row: `{name}` is not a JSON array")
    is_array = f"(CASE WHEN json_valid({own}) THEN json_type({own}) IN ('ARRAY', 'NULL') ELSE {own} IS NULL END)"
    cursor.execute(
        f"""COPY (
            SELECT * EXCLUDE (_items, _item), unnest(_items) AS _json, unnest(range(len(_items))) AS _item
            FROM (
                SELECT *, CASE WHEN _unreadable IS NOT NULL THEN [NULL]
                          WHEN {own} IS NOT NULL THEN json_extract({own}, '$[*]') END AS _items
                FROM (
                    SELECT * REPLACE (
                        CASE WHEN _unreadable IS NULL AND NOT {is_array} THEN {wrong} ELSE _unreadable END
                        AS _unreadable
                    ) FROM {raw.relation}
                )
            )
        ) TO {quoted(items)} (FORMAT parquet)"""
    )
    fields = _fields(cursor, f"{parquet_source(items)} WHERE json_type(_json) = 'OBJECT'")
    columns, selects = _columns(fields, "_json", reserved=[c for c in raw.columns if c != name], prefix=f"{column}.")
    others = [c for c in raw.columns if c != name]
    cursor.execute(
        f"""COPY (
            SELECT {", ".join([*(identifier(c) for c in others), *selects])}, _row, _item, _unreadable,
                   false AS _header
            FROM {_with_values(parquet_source(items), "_json", fields)}
        ) TO {quoted(parquet)} (FORMAT parquet)"""
    )
    items.unlink()
    rows = pq.read_metadata(parquet).num_rows
    return replace(raw, columns=(*others, *columns), parquet=parquet, rows=rows, stretch=None)


def _json_path(keys: Sequence[str]) -> str:
    return "$" + "".join(f'."{key}"' for key in keys)


def _fields(con: duckdb.DuckDBPyConnection, objects: str) -> list[tuple[str, ...]]:
    """The paths of all values that are not objects, in the column `_json` of rows of objects."""
    row = con.execute(f"SELECT json_group_structure(_json::JSON)::VARCHAR FROM {objects}").fetchone()
    structure = json.loads(row[0]) if row and row[0] else {}

    def leaves(path: tuple[str, ...], node: Any) -> Iterator[tuple[str, ...]]:
        if isinstance(node, dict) and node:
            for key, child in node.items():
                if '"' not in key:
                    yield from leaves((*path, key), child)
        elif path:
            yield path

    return list(leaves((), structure))


def _with_values(relation: str, column: str, fields: Sequence[tuple[str, ...]]) -> str:
    paths = ", ".join(quoted(_json_path(path)) for path in fields)
    values = f"json_extract_string({column}::JSON, [{paths}])" if fields else "NULL"
    return f"(SELECT *, {values} AS _values FROM {relation})"


def _columns(
    fields: Sequence[tuple[str, ...]], column: str, *, reserved: Sequence[str], prefix: str
) -> tuple[list[str], list[str]]:
    """Names of the flattened columns, and the SQL of each over `_values`."""
    column_names = distinct_names([*reserved, *(prefix + ".".join(path) for path in fields)])[len(reserved) :]
    return column_names, [
        f"_values[{number}] AS {identifier(name)}" for number, name in enumerate(column_names, start=1)
    ]
