"""A CSV text into rows: fast where all of it keeps to one form, record by record where it does not."""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count, islice
from pathlib import Path
from typing import Any, Final

import duckdb

from opslib.intake.notation import identifier, parquet_source, quoted, quoted_list
from opslib.intake.reading.header import header_of
from opslib.intake.reading.raw_rows import (
    FILE,
    HEAD_LINES,
    BeyondLimits,
    RawRows,
    Reading,
    RowWriter,
    Stretch,
    distinct_names,
)
from opslib.intake.reading.text_file import SAMPLE, Text, ends_with_newline
from opslib.intake.reading.text_shape import RecordShape
from opslib.intake.reading.unpacking import BLOCK
from opslib.locales import whole
from opslib.store.files import pattern_of

_SEPARATORS: Final = (",", ";", "\t", "|")
_SMALL_BYTES: Final = 50_000
"""Up to which a text is read record by record sooner than DuckDB has begun."""
_FEWEST_TOGETHER: Final = 2
_SEPARATOR_LINE: Final = re.compile(r'"?sep=(?P<separator>[^"\r\n])"?[,;\t|]*(?:\r\n|\r|\n)', re.IGNORECASE)
_FORMULA: Final = re.compile(r'=".*"', re.DOTALL)


@dataclass(frozen=True)
class _Layout:
    """What every record keeps to.

    `records` counts those below the header and `lines` all, by the text's bytes; `formulas` says that values may be
    written as `="000101"`, as they are where a spreadsheet is not to change them; `irregular`, that it may keep to no
    form.
    """

    separator: str
    header: list[str]
    records: int
    lines: int
    formulas: bool
    irregular: bool
    first_lines: list[str]

    @cached_property
    def columns(self) -> list[str]:
        """The names of the header, made distinct."""
        return distinct_names(self.header)

    @property
    def head(self) -> tuple[tuple[str, ...], ...]:
        """The cells of the first lines."""
        return tuple(tuple(re.split(r"[,;\t|]", line.replace('"', "").strip())) for line in self.first_lines)


def csv_rows(reading: Reading, text: Text[RecordShape]) -> RawRows:
    """The records of a CSV text, one row each, under the names of its header."""
    layout = _layout_of(reading, text)
    if layout is None:
        return reading.nothing(f"{reading.name}: the file is empty: it has no header and no rows", notes=text.notes)
    parquet = reading.workspace.new(".parquet")
    records_read = None
    is_small = text.path.stat().st_size <= _SMALL_BYTES
    if is_small or layout.irregular or not _through_duckdb(reading, text, layout, parquet):
        records_read = _record_by_record(reading, text, layout, parquet)
    if text.is_temporary:
        text.path.unlink()
    rows = reading.result(
        layout.columns,
        parquet,
        damage=text.damage,
        notes=text.notes,
        records=layout.records if records_read is None else records_read,
    )
    return replace(rows, head=layout.head)


def rows_of_texts(texts: Sequence[tuple[Reading, Text[RecordShape]]]) -> list[RawRows | None]:
    """The records of several CSV texts, those with one header read by one query.

    Args:
        texts: of different files, all read into one workspace; together they fit into memory.

    Returns:
        What `csv_rows` gives for each but for its `head`, with its own `stretch`; None where it has to be read by
        itself, because no other has its header, or it does not keep to one form.
    """
    alike: dict[tuple[str, tuple[str, ...], bool], list[_Member]] = {}
    for number, (reading, text) in enumerate(texts):
        try:
            layout = None if text.damage else _layout_of(reading, text)
        except BeyondLimits:
            continue
        if layout is not None and not layout.irregular and layout.records > 0:
            key = (layout.separator, tuple(layout.header), layout.formulas)
            alike.setdefault(key, []).append(_Member(number, reading, text, layout))
    rows: list[RawRows | None] = [None] * len(texts)
    for members in alike.values():
        for member, raw in _rows_of_members(members):
            rows[member.number] = raw
    for _, text in texts:
        if text.is_temporary:
            text.path.unlink()
    return rows


@dataclass(frozen=True)
class _Member:
    """One of several texts with the same header."""

    number: int
    reading: Reading
    text: Text[RecordShape]
    layout: _Layout


def _rows_of_members(members: Sequence[_Member]) -> Iterator[tuple[_Member, RawRows]]:
    """The rows of texts with the same header; halves of them where one does not fit."""
    if len(members) < _FEWEST_TOGETHER:
        return
    reading, layout = members[0].reading, members[0].layout
    parquet = reading.workspace.new(".parquet")
    if _copied(reading, [member.text.path for member in members], layout, parquet) is None:
        middle = len(members) // 2
        yield from _rows_of_members(members[:middle])
        yield from _rows_of_members(members[middle:])
        return
    counts = reading.con.execute(
        f"""SELECT parse_filename({identifier(FILE)}), count(*), min(_row), max(_row), count(*) FILTER (_header)
            FROM {parquet_source(parquet)} GROUP BY 1"""
    ).fetchall()
    of_file = {name: numbers for name, *numbers in counts}
    for member in members:
        rows, first, last, headers = of_file.get(member.text.path.name, (0, 0, 0, 0))
        # A record more in one file and one less in another would not show in their sum.
        if rows == member.layout.records == last - first + 1:
            raw = RawRows(
                member.reading.path,
                tuple(layout.columns),
                parquet,
                rows,
                reading.workspace,
                repeated_headers=headers,
                notes=tuple(member.text.notes),
                records=rows,
                stretch=Stretch(first - 1, last),
            )
            yield member, member.reading.counted(raw)


def _layout_of(reading: Reading, text: Text[RecordShape]) -> _Layout | None:
    """What the records keep to, and the text without what stands above its header; None where there is nothing."""
    most = reading.limits.value_megabytes << 20
    if text.shape.longest_line > most:
        raise reading.beyond("value_megabytes", f"a line of it has {whole(text.shape.longest_line >> 20)} MB")
    csv.field_size_limit(most)
    with text.path.open(encoding="utf-8", newline="", errors="replace") as stream:
        sample = stream.read(SAMPLE)
        skip_lines = reading.options.skip_lines
        separator = reading.options.separator
        if (separator_line := _SEPARATOR_LINE.match(sample)) is not None:
            separator = separator or separator_line["separator"]
            skip_lines += 1
        while len(lines := _lines_of(sample)) <= skip_lines + 1 and (more := stream.readline()):
            sample += more
    preamble, body = "".join(lines[:skip_lines]), "".join(lines[skip_lines:])
    if not body.strip():
        return None
    separator = separator or _sniffed_separator(body)
    records = csv.reader(io.StringIO(body, newline=""), delimiter=separator)
    header = next(row for row in records if row)
    if len(header) > reading.limits.columns:
        raise reading.beyond("columns", f"its header has {whole(len(header))} columns")
    first_lines = _lines_of(body)[:HEAD_LINES]
    if reading.options.header_lines > 1:
        above, header = _header_of_lines(records, header, reading.options.header_lines)
        preamble += "".join(_lines_of(body)[:above])
    if preamble:
        _cut_off(reading, text, preamble)
    shape = text.shape
    return _Layout(
        separator,
        header,
        shape.records - 1,
        shape.lines,
        formulas=shape.has_formulas,
        # DuckDB drops what follows an opening quote that is never closed without a word, so an odd number of quotes
        # goes the careful way.
        irregular=text.truncated or shape.quotes % 2 == 1 or reading.options.escape != '"' or body[:1].isspace(),
        first_lines=first_lines,
    )


def _header_of_lines(records: Iterator[list[str]], first: list[str], number: int) -> tuple[int, list[str]]:
    """How many lines stand above the last one of a header of several, and the names that they make together."""
    lines, above = [first], 0
    while len(lines) < number:
        above = records.line_num  # type: ignore[attr-defined]
        lines.append(next(records, []))
    return above, list(header_of(lines).names)


def _lines_of(sample: str) -> list[str]:
    """Lines with their ends, which are no others than those of a CSV."""
    return list(io.StringIO(sample, newline=""))


def _cut_off(reading: Reading, text: Text[RecordShape], preamble: str) -> None:
    """Leave out what stands above the header, from the text and its counts."""
    whole, body = text.path, reading.workspace.new(".txt")
    with whole.open("rb") as stream, body.open("wb") as out:
        stream.seek(len(preamble.encode()))
        shape = RecordShape()
        for block in iter(lambda: stream.read(BLOCK), b""):
            shape.add(block)
            out.write(block)
        shape.end()
    if text.is_temporary:
        whole.unlink()
    text.path, text.is_temporary, text.shape = body, True, shape


def _through_duckdb(reading: Reading, text: Text[RecordShape], layout: _Layout, parquet: Path) -> bool:
    """True where every row fits the header and none is missing; on the first that does not, nothing is kept."""
    return _copied(reading, [text.path], layout, parquet) == layout.records


def _copied(reading: Reading, paths: Sequence[Path], layout: _Layout, parquet: Path) -> int | None:
    """Write the rows of texts of one layout, and count them; None where one does not fit the header."""
    types = ", ".join(f"{quoted(f'c{number}')}: 'VARCHAR'" for number in range(len(layout.columns)))
    is_header = " AND ".join(
        f"coalesce(trim(c{number}), '') = {quoted(name.strip())}" for number, name in enumerate(layout.header)
    )
    value = (
        "CASE WHEN regexp_full_match({0}, '=\".*\"', 's') THEN nullif({0}[3:-2], '') ELSE {0} END"
        if layout.formulas
        else "{0}"
    )
    columns = ", ".join(
        f"{value.format(f'c{number}')} AS {identifier(name)}" for number, name in enumerate(layout.columns)
    )
    files = quoted_list([pattern_of(path) for path in paths])
    # The name of the file beside each row costs time, and one file needs none.
    is_several = len(paths) > 1
    name = f", {identifier(FILE)}" if is_several else ""
    try:
        copied = reading.con.execute(
            f"""COPY (
                SELECT {columns}, row_number() OVER () AS _row, 0 AS _item, NULL::VARCHAR AS _unreadable,
                       {is_header} AS _header{name}
                FROM read_csv([{files}], auto_detect=false, columns={{{types}}}, header=true,
                              delim={quoted(layout.separator)}, quote='"', escape='"', compression='none',
                              hive_partitioning=false, parallel=false, strict_mode=true, null_padding=false,
                              filename={quoted(FILE) if is_several else "false"})
            ) TO {quoted(parquet)} (FORMAT parquet)"""
        ).fetchall()
    except duckdb.Error:
        return None
    return int(copied[0][0])


def _record_by_record(reading: Reading, text: Text[RecordShape], layout: _Layout, parquet: Path) -> int:
    """The slow and careful way, for files that do not keep to one form; the number of records that the text has."""
    width, header = len(layout.columns), [name.strip() for name in layout.header]
    escape = None if reading.options.escape == '"' else reading.options.escape
    ends_whole = ends_with_newline(text.path)
    too_long = (
        f"row: a value of more than the {whole(reading.limits.value_megabytes)} MB of `limits.reading.value_megabytes`"
    )
    number = 0
    with (
        text.path.open(encoding="utf-8", newline="", errors="replace") as stream,
        RowWriter(parquet, layout.columns) as writer,
    ):
        lines = _Lines(stream)
        records = _records(
            lines, width, too_long, delimiter=layout.separator, escapechar=escape, doublequote=escape is None
        )
        next(records, None)
        following = next(records, None)
        for number in count(1):
            if following is None:
                break
            (record, problem), following = following, next(records, None)
            if following is None and text.truncated and (not ends_whole or not record or record[-1].endswith("\n")):
                problem = "row: cut off where the file ends"
            is_header = [value.strip() for value in record] == header
            if layout.formulas:
                record = [value[2:-1] if _FORMULA.fullmatch(value) else value for value in record]
            values = [value or None for value in record] if problem is None else None
            writer.add(number, values, problem, header=is_header)
    # A line that no record was made of is a record that is missing.
    return number - 1 + layout.lines - lines.taken


class _Lines:
    """The lines of a text, of which those of the record at hand can be given back."""

    def __init__(self, stream: Iterator[str]) -> None:
        self._stream = stream
        self._pending: deque[str] = deque()
        self.record_lines: list[str] = []
        self.taken = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.record_lines.append(self._pending.popleft() if self._pending else next(self._stream))
        self.taken += 1
        return self.record_lines[-1]

    def give_back_all_but_the_first(self) -> None:
        self._pending.extendleft(reversed(self.record_lines[1:]))
        self.taken -= len(self.record_lines) - 1


def _records(lines: _Lines, width: int, too_long: str, **form: Any) -> Iterator[tuple[list[str], str | None]]:
    """The records of a CSV text and what is wrong with each.

    A quote that is opened and never closed swallows the rows after it. Where a record does not fit the header and a
    line of it alone would, its first line is the broken one, and the others are read anew.
    """
    records = csv.reader(lines, **form)
    while True:
        lines.record_lines = []
        try:
            record = next(records)
        except StopIteration:
            return
        except csv.Error:
            record = []
            if len(lines.record_lines) == 1:
                yield [], too_long
                continue
        if not record and len(lines.record_lines) == 1 and not lines.record_lines[0].strip():
            continue
        while len(record) > width and not record[-1].strip():
            record.pop()
        # A quote that closes in the midst of another record's field was opened in error.
        is_whole = len(record) == width and (len(lines.record_lines) == 1 or _keeps_to_form(lines.record_lines, form))
        if not is_whole and len(lines.record_lines) > 1 and (not record or _holds_record(lines, width, form)):
            lines.give_back_all_but_the_first()
            yield [], "row: a quote is opened and not closed"
        elif len(record) == width:
            yield record, None
        else:
            yield record, f"row: {len(record)} field(s) where the header has {width}"


def _keeps_to_form(lines: list[str], form: dict[str, Any]) -> bool:
    """Whether the quotes of a record stand only where fields begin and end."""
    try:
        return len(list(csv.reader(lines, strict=True, **form))) == 1
    except csv.Error:
        return False


def _holds_record(lines: _Lines, width: int, form: dict[str, Any]) -> bool:
    """Whether a line behind the first of a record would be a record by itself."""
    alone = csv.reader([line.replace('"', "") for line in lines.record_lines[1:]], **form)
    return any(len(record) == width for record in alone)


def _sniffed_separator(body: str) -> str:
    """The separator that gives the most columns to most records."""
    best, separator = (0.0, 0), ","
    for candidate in _SEPARATORS:
        if candidate not in body:
            continue
        reader = csv.reader(io.StringIO(body, newline=""), delimiter=candidate)
        first = next((row for row in reader if row), [])
        if len(first) < 2:
            continue
        records = [first, *(row for row in islice(reader, 199) if row)]
        if len(records) > 2 and len(body) >= SAMPLE:
            records.pop()
        width = len(first)
        share = sum(len(row) == width for row in records) / len(records)
        if (round(share, 1), width) > best:
            best, separator = (round(share, 1), width), candidate
    return separator
