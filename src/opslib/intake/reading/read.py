"""Reads an export file of any form: tells what it is from its bytes, and has its form's module make rows of it.

Every form (CSV in any encoding, compressed or zipped, XLSX, JSON lines, JSON arrays, Parquet) becomes a Parquet file of
text columns in a private temporary folder, streamed, so a file does not have to fit into memory. Nothing is lost
silently: rows that do not fit the header come out empty with `_unreadable` set, and what is wrong with the file as a
whole is said in `damage`.
"""

from __future__ import annotations

import shutil
import zipfile
import zlib
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Final, Literal

import duckdb

from opslib.errors import ExportError
from opslib.intake.notation import identifier, quoted
from opslib.intake.reading.csv_rows import csv_rows
from opslib.intake.reading.json_rows import json_rows
from opslib.intake.reading.parquet_rows import parquet_rows
from opslib.intake.reading.raw_rows import RawRows, Reading, Workspace, distinct_names
from opslib.intake.reading.read_options import SUFFIXES, ReadOptions
from opslib.intake.reading.text_file import BLOCK, utf8_text
from opslib.intake.reading.workbook_rows import workbook_rows

Form = Literal["csv", "json", "xlsx", "parquet", "zip"]

_JSON_SUFFIXES: Final = (".json", ".jsonl", ".ndjson")


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
        return _read(Reading(con.cursor(), path, options, workspace))
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


def _read(reading: Reading) -> RawRows:
    if reading.path.stat().st_size == 0:
        return reading.nothing(f"{reading.path.name}: the file is empty (0 bytes)")
    match form_of(reading.path):
        case "parquet":
            return parquet_rows(reading)
        case "xlsx":
            return workbook_rows(reading)
        case "zip":
            return _zip_rows(reading)
        case "json":
            return json_rows(reading, utf8_text(reading))
        case "csv":
            return csv_rows(reading, utf8_text(reading))


def _zip_rows(reading: Reading) -> RawRows:
    """The rows of all files in a zip, one after the other; it has the columns of all of them."""
    try:
        archive = zipfile.ZipFile(reading.path)
    except (zipfile.BadZipFile, OSError):
        return reading.nothing(
            f"{reading.path.name}: the zip file is damaged (its list of files is missing): fetch the export again"
        )
    parts, damage, notes = [], [], []
    with archive:
        members = [
            member
            for member in sorted(archive.infolist(), key=lambda member: member.filename)
            if not member.is_dir()
            and "__MACOSX" not in member.filename
            and Path(member.filename).match(reading.options.member)
        ]
        for member in members:
            if not member.filename.casefold().removesuffix(".gz").endswith(SUFFIXES[:-1]):
                notes.append(f"`{member.filename}` in the zip was not read: it is no CSV, JSON, XLSX or Parquet file")
                continue
            folder = reading.workspace.new("")
            folder.mkdir()
            unpacked = folder / Path(member.filename).name
            problem = _unzip(archive, member, unpacked)
            part = _read(replace(reading, path=unpacked))
            unpacked.unlink()
            parts.append(part)
            notes += part.notes
            if problem:
                damage.append(
                    f"{reading.path.name}: `{member.filename}` in it is damaged ({problem}); "
                    "the rows up to there were read"
                )
            elif part.damage:
                damage.append(f"{reading.path.name}: {part.damage}")
    if not parts:
        return reading.nothing(f"{reading.path.name}: there is no CSV file in the zip", notes=notes)
    message = "; ".join(damage) or None
    if len(parts) == 1:
        return replace(parts[0], path=reading.path, damage=message, notes=tuple(notes))
    columns = tuple(distinct_names(list(dict.fromkeys(chain.from_iterable(part.columns for part in parts)))))
    parquet, offset, selects = reading.workspace.new(".parquet"), 0, []
    for part in parts:
        values = ", ".join(
            f"{identifier(own) if (own := part.column_of(name)) else 'NULL::VARCHAR'} AS {identifier(name)}"
            for name in columns
        )
        selects.append(
            f"SELECT {values}, _row + {offset} AS _row, _item, _unreadable, _header "
            f"FROM read_parquet({quoted(part.parquet)})"
        )
        offset += part.rows + part.repeated_headers
    reading.con.execute(f"COPY ({' UNION ALL '.join(selects)}) TO {quoted(parquet)} (FORMAT parquet)")
    rows = reading.result(columns, parquet, typed=all(part.typed for part in parts), notes=notes)
    return replace(rows, damage=message or rows.damage, notes=tuple(dict.fromkeys(notes)))


def _unzip(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> str | None:
    try:
        with archive.open(member) as stream, target.open("wb") as out:
            shutil.copyfileobj(stream, out, BLOCK)
    except (zipfile.BadZipFile, zlib.error, EOFError):
        return "truncated or its checksum is wrong"
    except (RuntimeError, NotImplementedError):
        return "locked with a password or packed in a way that is not known"
    return None
