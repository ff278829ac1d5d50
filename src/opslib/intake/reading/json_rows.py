"""JSON in any layout into rows: objects are flattened into columns, arrays taken apart into rows."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from opslib.errors import ExportError
from opslib.intake.notation import identifier, listed, quoted
from opslib.intake.reading.raw_rows import LONGEST_FIELD, RawRows, Reading, distinct_names
from opslib.intake.reading.text_file import BLOCK, Text


def json_rows(reading: Reading, text: Text) -> RawRows:
    """The objects of a JSON text, one row each; the fields of objects in them become columns `object.field`."""
    lines = _lines(reading, text)
    if lines is None:
        return reading.nothing(
            text.damage or f"{reading.path.name}: the file is empty: it has no rows", notes=text.notes
        )
    objects = reading.workspace.new(".parquet")
    reading.con.execute(
        f"""COPY (
            SELECT row_number() OVER () AS _row, CASE WHEN json_valid(line) THEN line END AS _json,
                   CASE WHEN NOT json_valid(line) THEN 'row: not valid JSON'
                        WHEN json_type(line) <> 'OBJECT' THEN 'row: not a JSON object' END AS _unreadable
            FROM read_csv({quoted(lines)}, auto_detect=false, columns={{'line': 'VARCHAR'}}, header=false,
                          delim='\x1f', quote='', escape='', parallel=false, strict_mode=false,
                          max_line_size={LONGEST_FIELD})
            WHERE trim(line) <> ''
        ) TO {quoted(objects)} (FORMAT parquet)"""
    )
    relation = f"read_parquet({quoted(objects)})"
    if reading.options.records:
        where = quoted(_json_path(reading.options.records.split(".")))
        records = reading.workspace.new(".parquet")
        reading.con.execute(
            f"""COPY (
                SELECT row_number() OVER () AS _row, _json, _unreadable FROM (
                    SELECT unnest(CASE WHEN _unreadable IS NOT NULL THEN [NULL]
                                  WHEN json_exists(_json, {where}) THEN json_extract(_json, {where[:-1]}[*]')
                                  ELSE [_json::JSON] END) AS _json, _unreadable
                    FROM {relation}
                )
            ) TO {quoted(records)} (FORMAT parquet)"""
        )
        relation = f"read_parquet({quoted(records)})"
    fields = _fields(reading.con, relation, "_json")
    columns, selects = _columns(fields, "_json", reserved=[], prefix="")
    parquet = reading.workspace.new(".parquet")
    reading.con.execute(
        f"""COPY (
            SELECT {", ".join([*selects, "_row", "0 AS _item", "_unreadable", "false AS _header"])}
            FROM {_with_values(relation, "_json", fields)}
        ) TO {quoted(parquet)} (FORMAT parquet)"""
    )
    return reading.result(columns, parquet, damage=text.damage, notes=text.notes)


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
        raise ExportError(
            f"{raw.path.name}: there is no column `{column}` to take apart; the file has {listed(raw.columns)}"
        )
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
    fields = _fields(cursor, f"read_parquet({quoted(items)})", "_json")
    columns, selects = _columns(fields, "_json", reserved=[c for c in raw.columns if c != name], prefix=f"{column}.")
    others = [c for c in raw.columns if c != name]
    cursor.execute(
        f"""COPY (
            SELECT {", ".join([*(identifier(c) for c in others), *selects])}, _row, _item, _unreadable,
                   false AS _header
            FROM {_with_values(f"read_parquet({quoted(items)})", "_json", fields)}
        ) TO {quoted(parquet)} (FORMAT parquet)"""
    )
    items.unlink()
    rows = pq.read_metadata(parquet).num_rows
    return replace(raw, columns=(*others, *columns), parquet=parquet, rows=rows)


def _lines(reading: Reading, text: Text) -> Path | None:
    """A file with one object a line: itself where it is one, else an array or a pretty-printed text taken apart."""
    with text.path.open(encoding="utf-8", errors="replace") as stream:
        first = next((line for line in stream if line.strip()), "").strip()
    if not first:
        return None
    if first.startswith("{") and _is_json(first):
        return text.path
    lines = reading.workspace.new(".jsonl")
    with text.path.open(encoding="utf-8", errors="replace") as stream, lines.open("w", encoding="utf-8") as out:
        try:
            for item in _items(stream):
                out.write(json.dumps(item, ensure_ascii=False) + "\n")
        except ValueError as error:
            message = (
                f"{reading.path.name}: the JSON ends or breaks in the middle ({error}); the rows before it were read"
            )
            text.damage = text.damage or message
    return lines if lines.stat().st_size else None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _items(stream: io.TextIOBase | Any) -> Iterator[Any]:
    """The items of a JSON array, or the objects of a text of objects, one after the other, without reading it whole."""
    decoder, buffer, at_end, in_array, number = json.JSONDecoder(), "", False, False, 0
    while True:
        buffer = buffer.lstrip(" \t\r\n,")
        if not in_array and buffer.startswith("["):
            buffer, in_array = buffer[1:], True
            continue
        if in_array and buffer.startswith("]"):
            return
        if buffer:
            try:
                item, end = decoder.raw_decode(buffer)
            except ValueError as error:
                if at_end:
                    raise ValueError(f"after row {number}") from error
            else:
                # A number at the end of the buffer may go on in the next block.
                if end < len(buffer) or at_end or isinstance(item, (dict, list)):
                    number += 1
                    yield item
                    buffer = buffer[end:]
                    continue
        if at_end:
            if in_array:
                raise ValueError(f"after row {number}")
            return
        block = stream.read(max(BLOCK, len(buffer)))
        at_end = not block
        buffer += block


def _json_path(keys: Sequence[str]) -> str:
    return "$" + "".join(f'."{key}"' for key in keys)


def _fields(con: duckdb.DuckDBPyConnection, relation: str, column: str) -> list[tuple[str, ...]]:
    """The paths of all values that are not objects, in all rows."""
    row = con.execute(
        f"SELECT json_group_structure({column}::JSON)::VARCHAR FROM {relation} "
        f"WHERE json_type({column}::JSON) = 'OBJECT'"
    ).fetchone()
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
