"""A CSV text into rows: fast where all of it keeps to one form, record by record where it does not."""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import duckdb

from opslib.intake.notation import identifier, quoted
from opslib.intake.reading.raw_rows import LONGEST_FIELD, RawRows, Reading, RowWriter, distinct_names
from opslib.intake.reading.text_file import SAMPLE, Text, ends_with_newline

_SEPARATORS: Final = (",", ";", "\t", "|")


@dataclass(frozen=True)
class _Layout:
    """What every record keeps to; `columns` are the names of the header, made distinct."""

    separator: str
    skip_lines: int
    header: list[str]
    columns: list[str]


def csv_rows(reading: Reading, text: Text) -> RawRows:
    """The records of a CSV text, one row each, under the names of its header."""
    with text.path.open(encoding="utf-8", newline="", errors="replace") as stream:
        sample = stream.read(SAMPLE)
    skip_lines = reading.options.skip_lines
    separator = reading.options.separator
    if (separator_line := re.match(r"sep=(.)\r?\n", sample)) is not None:
        separator = separator or separator_line[1]
        skip_lines += 1
    body = "".join(sample.splitlines(keepends=True)[skip_lines:])
    if not body.strip():
        return reading.nothing(
            f"{reading.path.name}: the file is empty: it has no header and no rows", notes=text.notes
        )
    separator = separator or _sniffed_separator(body)
    header = next(row for row in csv.reader(io.StringIO(body, newline=""), delimiter=separator) if row)
    layout = _Layout(separator, skip_lines, header, distinct_names(header))
    parquet = reading.workspace.new(".parquet")
    # DuckDB drops what follows an opening quote that is never closed without a word, so an odd number of quotes
    # goes the careful way.
    is_irregular = text.truncated or text.quotes % 2 == 1 or reading.options.escape != '"' or body[:1].isspace()
    if is_irregular or not _through_duckdb(reading, text, layout, parquet):
        _record_by_record(reading, text, layout, parquet)
    if text.is_temporary:
        text.path.unlink()
    return reading.result(layout.columns, parquet, damage=text.damage, notes=text.notes)


def _through_duckdb(reading: Reading, text: Text, layout: _Layout, parquet: Path) -> bool:
    """True where every row fits the header; on the first that does not, nothing is kept."""
    types = ", ".join(f"{quoted(f'c{number}')}: 'VARCHAR'" for number in range(len(layout.columns)))
    is_header = " AND ".join(
        f"coalesce(trim(c{number}), '') = {quoted(name.strip())}" for number, name in enumerate(layout.header)
    )
    columns = ", ".join(f"c{number} AS {identifier(name)}" for number, name in enumerate(layout.columns))
    try:
        reading.con.execute(
            f"""COPY (
                SELECT {columns}, row_number() OVER () AS _row, 0 AS _item, NULL::VARCHAR AS _unreadable,
                       {is_header} AS _header
                FROM read_csv({quoted(text.path)}, auto_detect=false, columns={{{types}}}, header=true,
                              delim={quoted(layout.separator)}, quote='"', escape='"', skip={layout.skip_lines},
                              parallel=false, strict_mode=true, null_padding=false)
            ) TO {quoted(parquet)} (FORMAT parquet)"""
        )
    except duckdb.Error:
        return False
    return True


def _record_by_record(reading: Reading, text: Text, layout: _Layout, parquet: Path) -> None:
    """The slow and careful way, for files that do not keep to one form."""
    width, header = len(layout.columns), [name.strip() for name in layout.header]
    escape = None if reading.options.escape == '"' else reading.options.escape
    ends_whole = ends_with_newline(text.path)
    limit = csv.field_size_limit(LONGEST_FIELD)
    try:
        with (
            text.path.open(encoding="utf-8", newline="", errors="replace") as stream,
            RowWriter(parquet, layout.columns) as writer,
        ):
            for _ in range(layout.skip_lines):
                stream.readline()
            records = _records(stream, width, delimiter=layout.separator, escapechar=escape, doublequote=escape is None)
            next(records, None)
            following = next(records, None)
            for number in count(1):
                if following is None:
                    break
                (record, problem), following = following, next(records, None)
                if following is None and text.truncated and (not ends_whole or not record or record[-1].endswith("\n")):
                    problem = "row: cut off where the file ends"
                is_header = [value.strip() for value in record] == header
                writer.add(number, record if problem is None else None, problem, header=is_header)
    finally:
        csv.field_size_limit(limit)


class _Lines:
    """The lines of a text, of which those of the record at hand can be given back."""

    def __init__(self, stream: Iterator[str]) -> None:
        self._stream = stream
        self._pending: deque[str] = deque()
        self.record_lines: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.record_lines.append(self._pending.popleft() if self._pending else next(self._stream))
        return self.record_lines[-1]

    def give_back_all_but_the_first(self) -> None:
        self._pending.extendleft(reversed(self.record_lines[1:]))


def _records(stream: Iterator[str], width: int, **form: Any) -> Iterator[tuple[list[str], str | None]]:
    """The records of a CSV text and what is wrong with each.

    A quote that is opened and never closed swallows the rows after it. Where a record does not fit the header and a
    line of it alone would, its first line is the broken one, and the others are read anew.
    """
    lines = _Lines(stream)
    records = csv.reader(lines, **form)
    while True:
        lines.record_lines = []
        try:
            record = next(records)
        except StopIteration:
            return
        except csv.Error:
            record = []
        if not record and len(lines.record_lines) == 1 and not lines.record_lines[0].strip():
            continue
        while len(record) > width and not record[-1].strip():
            record.pop()
        if len(record) == width:
            yield record, None
        elif len(lines.record_lines) > 1 and (
            not record
            or any(
                len(alone) == width
                for alone in csv.reader([line.replace('"', "") for line in lines.record_lines[1:]], **form)
            )
        ):
            lines.give_back_all_but_the_first()
            yield [], "row: a quote is opened and not closed"
        else:
            yield record, f"row: {len(record)} field(s) where the header has {width}"


def _sniffed_separator(body: str) -> str:
    """The separator that gives the most columns to most records."""
    best, separator = (0.0, 0), ","
    for candidate in _SEPARATORS:
        records = [
            row
            for row, _ in zip(csv.reader(io.StringIO(body, newline=""), delimiter=candidate), range(200), strict=False)
            if row
        ]
        if len(records) > 2 and len(body) >= SAMPLE:
            records.pop()
        width = len(records[0]) if records else 0
        share = sum(len(row) == width for row in records) / max(1, len(records))
        if width > 1 and (round(share, 1), width) > best:
            best, separator = (round(share, 1), width), candidate
    return separator
