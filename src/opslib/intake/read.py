"""Reads an export file of any form into one shape: columns of text, with the number of the row that each came from.

Every form (CSV in any encoding, compressed or zipped, XLSX, JSON lines, JSON arrays, Parquet) becomes a Parquet file of
text columns in a private temporary folder, streamed, so a file does not have to fit into memory. Nothing is lost
silently: rows that do not fit the header come out empty with `_unreadable` set, and what is wrong with the file as a
whole is said in `damage`.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import os
import re
import shutil
import tempfile
import weakref
import zipfile
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from itertools import chain, count
from pathlib import Path
from typing import Any, Final, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from charset_normalizer import from_bytes
from python_calamine import CalamineError, CalamineWorkbook
from python_calamine import PasswordError as WorkbookIsLocked

from opslib.errors import ExportError
from opslib.settings import Settings

Form = Literal["csv", "json", "xlsx", "parquet", "zip"]

SUFFIXES: Final = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".xlsx", ".xlsm", ".xls", ".parquet", ".zip")
_JSON_SUFFIXES: Final = (".json", ".jsonl", ".ndjson")
_SEPARATORS: Final = (",", ";", "\t", "|")
_OWN_COLUMNS: Final = ("_row", "_item", "_header", "_unreadable")
_BLOCK: Final = 1 << 20
_SAMPLE: Final = 1 << 18
_BATCH_ROWS: Final = 50_000
_LONGEST_FIELD: Final = 16 << 20
_SAMPLED_ENCODINGS: Final = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "shift_jis", "gb18030", "big5", "euc_kr"]


class ReadOptions(Settings):
    """How a file is to be read where it does not say so itself; what is not given is found out.

    `records` is the dotted path of the array that holds the rows in the JSON answer of an API (`tickets`, `result`); an
    object that has no such array is a row itself. `member` is a pattern for the files of a zip. `skip_lines` leaves out
    lines above the header of a CSV or of a sheet.
    """

    encoding: str | None = None
    separator: str | None = None
    escape: str = '"'
    sheet: str | None = None
    member: str = "*"
    records: str | None = None
    skip_lines: int = 0


class Workspace:
    """A private temporary folder, removed on `close`, when nobody holds it any more, and at the end of the program."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="opslib-"))
        self._remove = weakref.finalize(self, shutil.rmtree, str(self.folder), ignore_errors=True)
        self._numbers = count()
        self._kept: list[Workspace] = []

    def new(self, suffix: str) -> Path:
        """A path in the folder that is not used yet."""
        return self.folder / f"{next(self._numbers)}{suffix}"

    def keep(self, other: Workspace) -> None:
        """Let another workspace live as long as this one."""
        if other is not self:
            self._kept.append(other)

    def close(self) -> None:
        """Remove the folder and all in it, and those that live with it."""
        for other in self._kept:
            other.close()
        self._remove()


@dataclass(frozen=True)
class RawRows:
    """The rows of one file, all columns text.

    `relation` is SQL for FROM: the columns as the file names them, `_row` (from 1, the header not counted), `_item`
    (the number within an array that was taken apart, else 0) and `_unreadable` (null, or what is wrong with the row;
    its values are null then). `typed` says that the file has times of its own type, which are ISO text here whatever
    the mapping's rule is.
    """

    path: Path
    columns: tuple[str, ...]
    parquet: Path
    rows: int
    workspace: Workspace
    typed: bool = False
    repeated_headers: int = 0
    damage: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def relation(self) -> str:
        return f"(SELECT * EXCLUDE _header FROM read_parquet({quoted(self.parquet)}) WHERE NOT _header)"

    def named(self, name: str) -> str | None:
        """The column of that name as the file writes it: exactly so, else in other case; None where there is none."""
        if name in self.columns:
            return name
        wanted = name.strip().casefold()
        return next((column for column in self.columns if column.casefold() == wanted), None)

    def exploded(self, con: duckdb.DuckDBPyConnection, column: str) -> RawRows:
        """One row per item of a column of JSON arrays; the item's fields become columns `column.field`, beside the
        row's own.

        Args:
            con: a DuckDB connection.
            column: a column of this file, its values JSON arrays as text. A row with none, or an empty one, gives no
                row.

        Raises:
            ExportError: the file has no such column.
        """
        name = self.named(column)
        if name is None:
            raise ExportError(
                f"{self.path.name}: there is no column `{column}` to take apart; the file has {listed(self.columns)}"
            )
        cursor, parquet = con.cursor(), self.workspace.new(".parquet")
        items = self.workspace.new(".parquet")
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
                        ) FROM {self.relation}
                    )
                )
            ) TO {quoted(items)} (FORMAT parquet)"""
        )
        fields = _json_fields(cursor, f"read_parquet({quoted(items)})", "_json")
        columns, chosen = _json_columns(
            fields, "_json", taken=[c for c in self.columns if c != name], prefix=f"{column}."
        )
        kept = [c for c in self.columns if c != name]
        cursor.execute(
            f"""COPY (
                SELECT {", ".join([*(identifier(c) for c in kept), *chosen])}, _row, _item, _unreadable,
                       false AS _header
                FROM {_with_json_values(f"read_parquet({quoted(items)})", "_json", fields)}
            ) TO {quoted(parquet)} (FORMAT parquet)"""
        )
        items.unlink()
        rows = pq.read_metadata(parquet).num_rows
        return replace(self, columns=(*kept, *columns), parquet=parquet, rows=rows)

    def close(self) -> None:
        """Remove the temporary files."""
        self.workspace.close()


def open_export(con: duckdb.DuckDBPyConnection, path: Path, options: ReadOptions | None = None) -> RawRows:
    """Read one export file.

    Args:
        con: a DuckDB connection; it is not held after the call.
        path: CSV, CSV.gz, zip of CSVs (or of JSON files), XLSX, JSON lines, JSON arrays (each may be gzipped) or
            Parquet. What the file is is told from its bytes, text from its suffix.
        options: what the file does not say of itself.

    Returns:
        The rows. `damage` says what is wrong with the file as a whole: a truncated gzip (the rows before it are there),
        zero rows, a broken zip.

    Raises:
        ExportError: there is no such file, or it has no such sheet, encoding or records.

    Notes:
        A row with more or fewer fields than the header keeps none of its values: it cannot be told which column each
        belongs to. Lines that repeat the header are skipped and counted; they keep their row number, so that row N
        stays row N + 1 of the file in a spreadsheet. Text in UTF-8 is read as such, else with the encoding of the
        options, else by its byte-order mark, else by the pattern of its zero bytes (UTF-16), else as what
        charset-normalizer finds, Windows-1252 where that is unsure.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export = Path(folder, "tickets.csv")
    ...     _ = export.write_text("id;status\\n1;open\\n", encoding="utf-16")
    ...     open_export(duckdb.connect(), export).columns
    ('id', 'status')
    """
    options = options or ReadOptions()
    if not path.is_file():
        raise ExportError(f"{path}: there is no such file")
    workspace = Workspace()
    try:
        return _Reader(con.cursor(), path, options, workspace).read()
    except BaseException:
        workspace.close()
        raise


def form_of(path: Path) -> Form:
    """What a file is, from its first bytes, text from its suffix or first character.

    Raises:
        ExportError: the file cannot be opened.
    """
    try:
        with path.open("rb") as stream:
            start = stream.read(512)
    except OSError as error:
        raise ExportError(f"{path}: the file cannot be opened: {error.strerror}") from error
    if start[:2] == b"\x1f\x8b":
        start = _inflate_start(start)
    if start[:4] == b"PAR1":
        return "parquet"
    if start[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return "xlsx"
    name = path.name.casefold().removesuffix(".gz")
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06") or name.endswith(".zip"):
        return "xlsx" if name.endswith((".xlsx", ".xlsm")) or _is_workbook(path) else "zip"
    if name.endswith((".xlsx", ".xlsm", ".xls")):
        return "xlsx"
    if name.endswith(".parquet"):
        return "parquet"
    text = start.lstrip(b"\xef\xbb\xbf \r\n\t\xff\xfe\x00")
    if name.endswith(_JSON_SUFFIXES) or (not name.endswith((".csv", ".tsv")) and text[:1] in (b"{", b"[")):
        return "json"
    return "csv"


def quoted(text: object) -> str:
    """A SQL text constant."""
    return "'" + str(text).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A SQL name."""
    return '"' + name.replace('"', '""') + '"'


def listed(names: Sequence[str], most: int = 40) -> str:
    """`a`, `b`, `c` and so on, for messages."""
    shown = ", ".join(f"`{name}`" for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown or "no columns"


@dataclass
class _Text:
    """A file as UTF-8 text with no byte-order mark."""

    path: Path
    damage: str | None = None
    notes: list[str] = field(default_factory=list)
    quotes: int = 0
    truncated: bool = False
    owned: bool = True


@dataclass
class _Reader:
    """One reading of one file: each form has its method, all end in a Parquet file of text."""

    con: duckdb.DuckDBPyConnection
    path: Path
    options: ReadOptions
    workspace: Workspace

    def read(self) -> RawRows:
        if self.path.stat().st_size == 0:
            return self._nothing(f"{self.path.name}: the file is empty (0 bytes)")
        match form_of(self.path):
            case "parquet":
                return self._parquet()
            case "xlsx":
                return self._workbook()
            case "zip":
                return self._zip()
            case "json":
                return self._json(self._text(self.path))
            case "csv":
                return self._csv(self._text(self.path))

    # ---------------------------------------------------------------------------------------------------------- results

    def _nothing(self, damage: str, columns: tuple[str, ...] = (), notes: Iterable[str] = ()) -> RawRows:
        parquet = self.workspace.new(".parquet")
        schema = pa.schema([*((name, pa.string()) for name in columns), *_OWN_FIELDS])
        pq.write_table(schema.empty_table(), parquet)
        return RawRows(self.path, columns, parquet, 0, self.workspace, damage=damage, notes=tuple(notes))

    def _result(
        self,
        columns: Sequence[str],
        parquet: Path,
        text: _Text | None = None,
        *,
        typed: bool = False,
        notes: Iterable[str] = (),
    ) -> RawRows:
        counted = self.con.execute(
            f"SELECT count(*) FILTER (NOT _header), count(*) FILTER (_header) FROM read_parquet({quoted(parquet)})"
        ).fetchone()
        assert counted is not None
        rows, headers = counted
        damage = text.damage if text else None
        if rows == 0 and damage is None:
            damage = (
                f"{self.path.name}: the file has a header but no rows"
                if columns
                else f"{self.path.name}: the file has no rows"
            )
        said = [*(text.notes if text else []), *notes]
        if headers:
            said.append(f"{headers} line(s) repeat the header; they were skipped")
        return RawRows(self.path, tuple(columns), parquet, rows, self.workspace, typed, headers, damage, tuple(said))

    # ------------------------------------------------------------------------------------------------------------- text

    def _text(self, path: Path) -> _Text:
        """Decompress and decode to UTF-8, in blocks."""
        text = _Text(path, owned=False)
        with path.open("rb") as stream:
            compressed = stream.read(2) == b"\x1f\x8b"
        if compressed:
            text.path, text.owned = self.workspace.new(".raw"), True
            with text.path.open("wb") as out:
                problem = _inflate(path, out)
            if problem:
                text.truncated = True
                text.damage = (
                    f"{path.name}: the gzip file is damaged ({problem}); the rows up to there were read, the rest is "
                    "missing: fetch the export again"
                )
        return self._decoded(text)

    def _decoded(self, text: _Text) -> _Text:
        encoding = self.options.encoding
        if encoding is not None:
            try:
                codecs.lookup(encoding)
            except LookupError as error:
                raise ExportError(
                    f"{self.path.name}: there is no encoding {encoding!r}; write it like utf-8, utf-16 or cp1252"
                ) from error
        with text.path.open("rb") as stream:
            start = stream.read(_SAMPLE)
        found, mark = _marked_encoding(start)
        if encoding is None:
            encoding = found
        if encoding is None:
            bad, quotes = _not_utf8(text.path, allow_cut=text.truncated)
            if bad is None:
                if mark == 0:
                    text.quotes = quotes
                    return text
                encoding = "utf-8"
            else:
                encoding = _guessed_encoding(text.path, bad)
                text.notes.append(f"the text is not UTF-8; it was read as {encoding}")
        source, target = text.path, self.workspace.new(".txt")
        replaced = 0
        with source.open("rb") as stream, target.open("w", encoding="utf-8", newline="") as out:
            stream.seek(mark if codecs.lookup(encoding).name == codecs.lookup(found or "utf-8").name else 0)
            decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
            for block in iter(lambda: stream.read(_BLOCK), b""):
                decoded = decoder.decode(block).replace("\ufeff", "")
                replaced += decoded.count("\ufffd")
                text.quotes += decoded.count('"')
                out.write(decoded)
            if not text.truncated:
                out.write(decoder.decode(b"", final=True))
        if text.owned:
            source.unlink()
        if replaced:
            text.notes.append(f"{replaced} character(s) could not be read as {encoding}; they are shown as \ufffd")
        text.path, text.owned = target, True
        return text

    # -------------------------------------------------------------------------------------------------------------- CSV

    def _csv(self, text: _Text) -> RawRows:
        with text.path.open(encoding="utf-8", newline="", errors="replace") as stream:
            sample = stream.read(_SAMPLE)
        skipped = self.options.skip_lines
        separator = self.options.separator
        if (told := re.match(r"sep=(.)\r?\n", sample)) is not None:
            separator = separator or told[1]
            skipped += 1
        body = "".join(sample.splitlines(keepends=True)[skipped:])
        if not body.strip():
            return self._nothing(f"{self.path.name}: the file is empty: it has no header and no rows", notes=text.notes)
        separator = separator or _sniffed_separator(body)
        header = next(row for row in csv.reader(io.StringIO(body, newline=""), delimiter=separator) if row)
        columns = _distinct(header)
        parquet = self.workspace.new(".parquet")
        # DuckDB drops what follows an opening quote that is never closed without a word, so an odd number of quotes
        # goes the careful way.
        careful = text.truncated or text.quotes % 2 == 1 or self.options.escape != '"' or body[:1].isspace()
        if careful or not self._csv_through_duckdb(text, columns, header, separator, skipped, parquet):
            self._csv_record_by_record(text, columns, header, separator, skipped, parquet)
        if text.owned:
            text.path.unlink()
        return self._result(columns, parquet, text)

    def _csv_through_duckdb(
        self, text: _Text, columns: Sequence[str], header: Sequence[str], separator: str, skipped: int, parquet: Path
    ) -> bool:
        """True where every row fits the header; on the first that does not, nothing is kept."""
        types = ", ".join(f"{quoted(f'c{number}')}: 'VARCHAR'" for number in range(len(columns)))
        repeated = " AND ".join(
            f"coalesce(trim(c{number}), '') = {quoted(name.strip())}" for number, name in enumerate(header)
        )
        named = ", ".join(f"c{number} AS {identifier(name)}" for number, name in enumerate(columns))
        try:
            self.con.execute(
                f"""COPY (
                    SELECT {named}, row_number() OVER () AS _row, 0 AS _item, NULL::VARCHAR AS _unreadable,
                           {repeated} AS _header
                    FROM read_csv({quoted(text.path)}, auto_detect=false, columns={{{types}}}, header=true,
                                  delim={quoted(separator)}, quote='"', escape='"', skip={skipped}, parallel=false,
                                  strict_mode=true, null_padding=false)
                ) TO {quoted(parquet)} (FORMAT parquet)"""
            )
        except duckdb.Error:
            return False
        return True

    def _csv_record_by_record(
        self, text: _Text, columns: Sequence[str], header: Sequence[str], separator: str, skipped: int, parquet: Path
    ) -> None:
        """The slow and careful way, for files that do not keep to one form."""
        width, plain = len(columns), [name.strip() for name in header]
        escape = None if self.options.escape == '"' else self.options.escape
        ended = _ends_with_newline(text.path)
        limit = csv.field_size_limit(_LONGEST_FIELD)
        try:
            with (
                text.path.open(encoding="utf-8", newline="", errors="replace") as stream,
                _RowWriter(parquet, columns) as writer,
            ):
                for _ in range(skipped):
                    stream.readline()
                records = _records(stream, width, delimiter=separator, escapechar=escape, doublequote=escape is None)
                next(records, None)
                held = next(records, None)
                for number in count(1):
                    if held is None:
                        break
                    (record, problem), held = held, next(records, None)
                    if held is None and text.truncated and (not ended or not record or record[-1].endswith("\n")):
                        problem = "row: cut off where the file ends"
                    same = [value.strip() for value in record] == plain
                    writer.add(number, record if problem is None else None, problem, header=same)
        finally:
            csv.field_size_limit(limit)

    # ------------------------------------------------------------------------------------------------------------- JSON

    def _json(self, text: _Text) -> RawRows:
        lines = self._json_lines(text)
        if lines is None:
            return self._nothing(
                text.damage or f"{self.path.name}: the file is empty: it has no rows", notes=text.notes
            )
        objects = self.workspace.new(".parquet")
        self.con.execute(
            f"""COPY (
                SELECT row_number() OVER () AS _row, CASE WHEN json_valid(line) THEN line END AS _json,
                       CASE WHEN NOT json_valid(line) THEN 'row: not valid JSON'
                            WHEN json_type(line) <> 'OBJECT' THEN 'row: not a JSON object' END AS _unreadable
                FROM read_csv({quoted(lines)}, auto_detect=false, columns={{'line': 'VARCHAR'}}, header=false,
                              delim='\x1f', quote='', escape='', parallel=false, strict_mode=false,
                              max_line_size={_LONGEST_FIELD})
                WHERE trim(line) <> ''
            ) TO {quoted(objects)} (FORMAT parquet)"""
        )
        relation = f"read_parquet({quoted(objects)})"
        if self.options.records:
            where = quoted(_json_path(self.options.records.split(".")))
            unpacked = self.workspace.new(".parquet")
            self.con.execute(
                f"""COPY (
                    SELECT row_number() OVER () AS _row, _json, _unreadable FROM (
                        SELECT unnest(CASE WHEN _unreadable IS NOT NULL THEN [NULL]
                                      WHEN json_exists(_json, {where}) THEN json_extract(_json, {where[:-1]}[*]')
                                      ELSE [_json::JSON] END) AS _json, _unreadable
                        FROM {relation}
                    )
                ) TO {quoted(unpacked)} (FORMAT parquet)"""
            )
            relation = f"read_parquet({quoted(unpacked)})"
        fields = _json_fields(self.con, relation, "_json")
        columns, chosen = _json_columns(fields, "_json", taken=[], prefix="")
        parquet = self.workspace.new(".parquet")
        self.con.execute(
            f"""COPY (
                SELECT {", ".join([*chosen, "_row", "0 AS _item", "_unreadable", "false AS _header"])}
                FROM {_with_json_values(relation, "_json", fields)}
            ) TO {quoted(parquet)} (FORMAT parquet)"""
        )
        return self._result(columns, parquet, text)

    def _json_lines(self, text: _Text) -> Path | None:
        """A file with one object a line: itself where it is one, else an array or a pretty-printed text taken apart."""
        with text.path.open(encoding="utf-8", errors="replace") as stream:
            first = next((line for line in stream if line.strip()), "").strip()
        if not first:
            return None
        if first.startswith("{") and _is_json(first):
            return text.path
        lines = self.workspace.new(".jsonl")
        with text.path.open(encoding="utf-8", errors="replace") as stream, lines.open("w", encoding="utf-8") as out:
            try:
                for item in _json_items(stream):
                    out.write(json.dumps(item, ensure_ascii=False) + "\n")
            except ValueError as error:
                said = (
                    f"{self.path.name}: the JSON ends or breaks in the middle ({error}); the rows before it were read"
                )
                text.damage = text.damage or said
        return lines if lines.stat().st_size else None

    # ---------------------------------------------------------------------------------------------------- XLSX, Parquet

    def _workbook(self) -> RawRows:
        try:
            book = CalamineWorkbook.from_path(self.path)
        except WorkbookIsLocked:
            return self._nothing(f"{self.path.name}: the workbook is locked with a password; save it without one")
        except (CalamineError, OSError) as error:
            return self._nothing(
                f"{self.path.name}: the workbook is damaged and cannot be opened ({error}); fetch the export again"
            )
        name = self.options.sheet
        if name is not None and name not in book.sheet_names:
            raise ExportError(
                f"{self.path.name}: there is no sheet {name!r}; the workbook has {listed(book.sheet_names)}"
            )
        name = name or next(
            (sheet for sheet in book.sheet_names if book.get_sheet_by_name(sheet).height), book.sheet_names[0]
        )
        notes = []
        if len(book.sheet_names) > 1 and self.options.sheet is None:
            others = [sheet for sheet in book.sheet_names if sheet != name]
            notes.append(f"the sheet `{name}` was read; the workbook also has {listed(others)}")
        rows = ([_cell(value) for value in row] for row in book.get_sheet_by_name(name).iter_rows())
        filled = ((number, row) for number, row in enumerate(rows) if number >= self.options.skip_lines)
        top, header = next(((number, row) for number, row in filled if any(row)), (0, []))
        if not header:
            return self._nothing(f"{self.path.name}: the sheet `{name}` is empty", notes=notes)
        width = max(position for position, value in enumerate(header, start=1) if value)
        plain, columns = [value or "" for value in header[:width]], _distinct([value or "" for value in header[:width]])
        parquet = self.workspace.new(".parquet")
        with _RowWriter(parquet, columns) as writer:
            for number, row in filled:
                if any(row):
                    beyond = sum(value is not None for value in row[width:])
                    problem = f"row: {beyond} value(s) beyond the last column of the header" if beyond else None
                    same = [(value or "").strip() for value in row[:width]] == [value.strip() for value in plain]
                    writer.add(number - top, None if problem else row[:width], problem, header=same)
        return self._result(columns, parquet, typed=True, notes=notes)

    def _parquet(self) -> RawRows:
        source = f"read_parquet({quoted(self.path)})"
        try:
            described = self.con.execute(f"SELECT * FROM {source} LIMIT 0").description or []
            leaves = [leaf for column in described for leaf in _parquet_leaves((column[0],), column[1])]
            columns = _distinct([".".join(path) for path, _ in leaves])
            chosen = [f"{text} AS {identifier(name)}" for (_, text), name in zip(leaves, columns, strict=True)]
            parquet = self.workspace.new(".parquet")
            self.con.execute(
                f"""COPY (
                    SELECT {", ".join(chosen)}, row_number() OVER () AS _row, 0 AS _item,
                           NULL::VARCHAR AS _unreadable, false AS _header
                    FROM {source}
                ) TO {quoted(parquet)} (FORMAT parquet)"""
            )
        except duckdb.Error as error:
            said = str(error).splitlines()[0].replace(str(self.path), self.path.name)
            return self._nothing(
                f"{self.path.name}: the Parquet file is damaged ({said[:120]}); fetch the export again"
            )
        return self._result(columns, parquet, typed=True)

    # -------------------------------------------------------------------------------------------------------------- zip

    def _zip(self) -> RawRows:
        try:
            archive = zipfile.ZipFile(self.path)
        except (zipfile.BadZipFile, OSError):
            return self._nothing(
                f"{self.path.name}: the zip file is damaged (its list of files is missing): fetch the export again"
            )
        parts, damage, notes = [], [], []
        with archive:
            members = [
                member
                for member in sorted(archive.infolist(), key=lambda member: member.filename)
                if not member.is_dir()
                and "__MACOSX" not in member.filename
                and Path(member.filename).match(self.options.member)
            ]
            for member in members:
                if not member.filename.casefold().removesuffix(".gz").endswith(SUFFIXES[:-1]):
                    notes.append(
                        f"`{member.filename}` in the zip was not read: it is no CSV, JSON, XLSX or Parquet file"
                    )
                    continue
                folder = self.workspace.new("")
                folder.mkdir()
                unpacked = folder / Path(member.filename).name
                problem = _unzip(archive, member, unpacked)
                part = _Reader(self.con, unpacked, self.options, self.workspace).read()
                unpacked.unlink()
                parts.append(part)
                notes += part.notes
                if problem:
                    damage.append(
                        f"{self.path.name}: `{member.filename}` in it is damaged ({problem}); "
                        "the rows up to there were read"
                    )
                elif part.damage:
                    damage.append(f"{self.path.name}: {part.damage}")
        if not parts:
            return self._nothing(f"{self.path.name}: there is no CSV file in the zip", notes=notes)
        said = "; ".join(damage) or None
        if len(parts) == 1:
            return replace(parts[0], path=self.path, damage=said, notes=tuple(notes))
        columns = tuple(_distinct(list(dict.fromkeys(chain.from_iterable(part.columns for part in parts)))))
        parquet, offset, selects = self.workspace.new(".parquet"), 0, []
        for part in parts:
            named = ", ".join(
                f"{identifier(own) if (own := part.named(name)) else 'NULL::VARCHAR'} AS {identifier(name)}"
                for name in columns
            )
            selects.append(
                f"SELECT {named}, _row + {offset} AS _row, _item, _unreadable, _header "
                f"FROM read_parquet({quoted(part.parquet)})"
            )
            offset += part.rows + part.repeated_headers
        self.con.execute(f"COPY ({' UNION ALL '.join(selects)}) TO {quoted(parquet)} (FORMAT parquet)")
        whole = self._result(columns, parquet, typed=all(part.typed for part in parts), notes=notes)
        return replace(whole, damage=said or whole.damage, notes=tuple(dict.fromkeys(notes)))


_OWN_FIELDS: Final = [
    ("_row", pa.int64()),
    ("_item", pa.int64()),
    ("_unreadable", pa.string()),
    ("_header", pa.bool_()),
]


class _Lines:
    """The lines of a text, of which those of the record at hand can be given back."""

    def __init__(self, stream: Iterator[str]) -> None:
        self._stream = stream
        self._returned: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        self.taken.append(self._returned.popleft() if self._returned else next(self._stream))
        return self.taken[-1]

    def give_back_all_but_the_first(self) -> None:
        self._returned.extendleft(reversed(self.taken[1:]))


def _records(stream: Iterator[str], width: int, **form: Any) -> Iterator[tuple[list[str], str | None]]:
    """The records of a CSV text and what is wrong with each.

    A quote that is opened and never closed swallows the rows after it. Where a record does not fit the header and a
    line of it alone would, its first line is the broken one, and the others are read anew.
    """
    lines = _Lines(stream)
    records = csv.reader(lines, **form)
    while True:
        lines.taken = []
        try:
            record = next(records)
        except StopIteration:
            return
        except csv.Error:
            record = []
        if not record and len(lines.taken) == 1 and not lines.taken[0].strip():
            continue
        while len(record) > width and not record[-1].strip():
            record.pop()
        if len(record) == width:
            yield record, None
        elif len(lines.taken) > 1 and (
            not record
            or any(
                len(alone) == width for alone in csv.reader([line.replace('"', "") for line in lines.taken[1:]], **form)
            )
        ):
            lines.give_back_all_but_the_first()
            yield [], "row: a quote is opened and not closed"
        else:
            yield record, f"row: {len(record)} field(s) where the header has {width}"


class _RowWriter:
    """Writes rows of text to Parquet, a batch at a time."""

    def __init__(self, parquet: Path, columns: Sequence[str]) -> None:
        self._width = len(columns)
        self._schema = pa.schema([*((name, pa.string()) for name in columns), *_OWN_FIELDS])
        self._writer = pq.ParquetWriter(parquet, self._schema)
        self._rows: list[tuple[Any, ...]] = []

    def add(self, number: int, values: Sequence[str | None] | None, problem: str | None, *, header: bool) -> None:
        self._rows.append((*(values if values is not None else [None] * self._width), number, 0, problem, header))
        if len(self._rows) >= _BATCH_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            arrays = [
                pa.array(values, type)
                for values, type in zip(zip(*self._rows, strict=True), self._schema.types, strict=True)
            ]
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
            self._rows = []

    def __enter__(self) -> _RowWriter:
        return self

    def __exit__(self, *raised: object) -> None:
        self._flush()
        self._writer.close()


# ------------------------------------------------------------------------------------------------- bytes and characters


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name in archive.namelist() for name in ("xl/workbook.xml", "xl/workbook.bin"))
    except (zipfile.BadZipFile, OSError):
        return False


def _inflate_start(start: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(start, 512)
    except zlib.error:
        return b""


def _inflate(path: Path, out: io.BufferedWriter) -> str | None:
    """Decompress gzip, several members in a row too; None, or what is wrong with it (all before that is written)."""
    inflater = zlib.decompressobj(wbits=31)
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(_BLOCK), b""):
            while block:
                try:
                    out.write(inflater.decompress(block))
                except zlib.error:
                    return f"broken at byte {stream.tell() - len(block):,} or after"
                block = inflater.unused_data
                if inflater.eof:
                    block = block.lstrip(b"\0")
                    inflater = zlib.decompressobj(wbits=31) if block else inflater
    if not inflater.eof:
        out.write(inflater.flush())
        return f"truncated after {path.stat().st_size:,} bytes"
    return None


def _unzip(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> str | None:
    try:
        with archive.open(member) as stream, target.open("wb") as out:
            shutil.copyfileobj(stream, out, _BLOCK)
    except (zipfile.BadZipFile, zlib.error, EOFError):
        return "truncated or its checksum is wrong"
    except (RuntimeError, NotImplementedError):
        return "locked with a password or packed in a way that is not known"
    return None


def _marked_encoding(start: bytes) -> tuple[str | None, int]:
    """The encoding that the first bytes tell, and the length of the byte-order mark."""
    for mark, name in ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF8, None), (codecs.BOM_UTF16_LE, "utf-16-le")):
        if start.startswith(mark):
            return name, len(mark)
    if start.startswith(codecs.BOM_UTF16_BE):
        return "utf-16-be", 2
    head = start[: len(start) // 2 * 2]
    if head:
        even, odd = head[::2].count(0) / (len(head) // 2), head[1::2].count(0) / (len(head) // 2)
        if odd > 0.3 and even < 0.1:
            return "utf-16-le", 0
        if even > 0.3 and odd < 0.1:
            return "utf-16-be", 0
    return None, 0


def _not_utf8(path: Path, *, allow_cut: bool) -> tuple[int | None, int]:
    """The position of the first byte that is no UTF-8, or None; and how many quotes there are."""
    decoder, read, quotes = codecs.getincrementaldecoder("utf-8")(), 0, 0
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(_BLOCK), b""):
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                return max(0, read + error.start - 4), 0
            quotes += block.count(b'"')
            read += len(block)
    try:
        decoder.decode(b"", final=not allow_cut)
    except UnicodeDecodeError:
        return max(0, read - 4), 0
    return None, quotes


def _guessed_encoding(path: Path, bad: int) -> str:
    """The likely encoding of a text that is not UTF-8, judged by the lines that have other than ASCII characters."""
    with path.open("rb") as stream:
        stream.seek(max(0, bad - _SAMPLE // 4))
        telling = b"\n".join(line for line in stream.read(_SAMPLE).splitlines() if not line.isascii())
    best = from_bytes(telling, cp_isolation=_SAMPLED_ENCODINGS).best()
    western = {"ascii", "cp1252", "cp1254", "cp1250", "latin_1"}
    if best is None or best.encoding in western or len(best.alphabets) == 0 or len(telling) < 64:
        return "cp1252"
    return best.encoding


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) in (b"\n", b"\r")


# -------------------------------------------------------------------------------------------------------------- headers


def _sniffed_separator(body: str) -> str:
    """The separator that gives the most columns to most records."""
    best, separator = (0.0, 0), ","
    for candidate in _SEPARATORS:
        records = [
            row
            for row, _ in zip(csv.reader(io.StringIO(body, newline=""), delimiter=candidate), range(200), strict=False)
            if row
        ]
        if len(records) > 2 and len(body) >= _SAMPLE:
            records.pop()
        width = len(records[0]) if records else 0
        share = sum(len(row) == width for row in records) / max(1, len(records))
        if width > 1 and (round(share, 1), width) > best:
            best, separator = (round(share, 1), width), candidate
    return separator


def _distinct(header: Sequence[str]) -> list[str]:
    """Names without the spaces around them, each once (SQL does not tell case apart), none empty, none of our own."""
    names: list[str] = []
    taken = set(_OWN_COLUMNS)
    for position, name in enumerate(header, start=1):
        plain = name.strip().replace("\x00", "") or f"column_{position}"
        candidate = next(
            n for n in chain([plain], (f"{plain}_{number}" for number in count(2))) if n.casefold() not in taken
        )
        taken.add(candidate.casefold())
        names.append(candidate)
    return names


def _cell(value: object) -> str | None:
    """The text of a cell of a workbook: ISO for times, no `.0` on whole numbers."""
    match value:
        case None | "":
            return None
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case datetime():
            # A workbook holds times as fractions of a day, which miss the whole second by a few microseconds.
            return (
                (value + timedelta(microseconds=500)).isoformat(sep=" ", timespec="milliseconds").removesuffix(".000")
            )
        case date() | time():
            return value.isoformat()
        case timedelta():
            return str(value.total_seconds())
        case _:
            return str(value)


# ----------------------------------------------------------------------------------------------------------------- JSON


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _json_items(stream: io.TextIOBase | Any) -> Iterator[Any]:
    """The items of a JSON array, or the objects of a text of objects, one after the other, without reading it whole."""
    decoder, buffer, ended, opened, number = json.JSONDecoder(), "", False, False, 0
    while True:
        buffer = buffer.lstrip(" \t\r\n,")
        if not opened and buffer.startswith("["):
            buffer, opened = buffer[1:], True
            continue
        if opened and buffer.startswith("]"):
            return
        if buffer:
            try:
                item, end = decoder.raw_decode(buffer)
            except ValueError as error:
                if ended:
                    raise ValueError(f"after row {number}") from error
            else:
                # A number at the end of the buffer may go on in the next block.
                if end < len(buffer) or ended or isinstance(item, (dict, list)):
                    number += 1
                    yield item
                    buffer = buffer[end:]
                    continue
        if ended:
            if opened:
                raise ValueError(f"after row {number}")
            return
        block = stream.read(max(_BLOCK, len(buffer)))
        ended = not block
        buffer += block


def _json_path(keys: Sequence[str]) -> str:
    return "$" + "".join(f'."{key}"' for key in keys)


def _json_fields(con: duckdb.DuckDBPyConnection, relation: str, column: str) -> list[tuple[str, ...]]:
    """The paths of all values that are not objects, in all rows."""
    found = con.execute(
        f"SELECT json_group_structure({column}::JSON)::VARCHAR FROM {relation} "
        f"WHERE json_type({column}::JSON) = 'OBJECT'"
    ).fetchone()
    structure = json.loads(found[0]) if found and found[0] else {}

    def leaves(path: tuple[str, ...], node: Any) -> Iterator[tuple[str, ...]]:
        if isinstance(node, dict) and node:
            for key, child in node.items():
                if '"' not in key:
                    yield from leaves((*path, key), child)
        elif path:
            yield path

    return list(leaves((), structure))


def _with_json_values(relation: str, column: str, fields: Sequence[tuple[str, ...]]) -> str:
    paths = ", ".join(quoted(_json_path(path)) for path in fields)
    values = f"json_extract_string({column}::JSON, [{paths}])" if fields else "NULL"
    return f"(SELECT *, {values} AS _values FROM {relation})"


def _json_columns(
    fields: Sequence[tuple[str, ...]], column: str, *, taken: Sequence[str], prefix: str
) -> tuple[list[str], list[str]]:
    """Names of the flattened columns, and the SQL of each over `_values`."""
    names = _distinct([*taken, *(prefix + ".".join(path) for path in fields)])[len(taken) :]
    return names, [f"_values[{number}] AS {identifier(name)}" for number, name in enumerate(names, start=1)]


def _parquet_leaves(path: tuple[str, ...], kind: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    """The flat columns of a Parquet column and the SQL that gives each as text."""
    value = ".".join(identifier(part) for part in path)
    match kind.id:
        case "struct":
            for name, child in kind.children:
                yield from _parquet_leaves((*path, name), child)
        case "timestamp with time zone":
            yield path, f"strftime({value} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')"
        case "timestamp" | "timestamp_s" | "timestamp_ms" | "timestamp_ns":
            yield path, f"strftime({value}::TIMESTAMP, '%Y-%m-%d %H:%M:%S')"
        case "list" | "array" | "map" | "union":
            yield path, f"to_json({value})::VARCHAR"
        case "blob":
            yield path, f"decode({value})"
        case _:
            yield path, f"{value}::VARCHAR"
