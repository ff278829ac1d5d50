"""Reads an export file of any form: tells what it is from its bytes, and has its form's module make rows of it.

Every form (CSV in any encoding, compressed or zipped, XLSX, JSON lines, JSON arrays, Parquet) becomes a Parquet file of
text columns in a private temporary folder, streamed, so a file does not have to fit into memory. Nothing is lost
silently: rows that do not fit the header come out empty with `_unreadable` set, and what is wrong with the file as a
whole is said in `damage`.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final, Literal

import duckdb

from opslib.errors import ExportError
from opslib.intake.disclosure import shown_name
from opslib.intake.reading.csv_rows import csv_rows
from opslib.intake.reading.disguises import disguise_of, is_text
from opslib.intake.reading.joined_rows import joined
from opslib.intake.reading.json_rows import json_rows
from opslib.intake.reading.parquet_rows import parquet_rows
from opslib.intake.reading.raw_rows import BeyondLimits, RawRows, Reading, Sheet, Workspace, suffix_of
from opslib.intake.reading.read_options import SUFFIXES, ReadOptions
from opslib.intake.reading.text_file import utf8_text
from opslib.intake.reading.text_shape import LineShape, RecordShape
from opslib.intake.reading.unpacking import NOT_A_ZIP, Unpacking
from opslib.intake.reading.workbook_rows import workbook_rows
from opslib.locales import whole
from opslib.settings import ReadingLimits

Form = Literal["csv", "json", "xlsx", "parquet", "zip"]

_JSON_SUFFIXES: Final = (".json", ".jsonl", ".ndjson")


def open_export(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    options: ReadOptions | None = None,
    limits: ReadingLimits | None = None,
) -> RawRows:
    """Read one export file.

    Args:
        con: a DuckDB connection; it is not held after the call.
        path: CSV, CSV.gz, zip of CSVs (or of JSON files), XLSX, JSON lines, JSON arrays (each may be gzipped) or
            Parquet. What the file is is told from its bytes, text from its suffix.
        options: what the file does not say of itself.
        limits: how much the file may ask for.

    Returns:
        The rows. `damage` says what is wrong with the file as a whole: a truncated gzip (the rows before it are there),
        zero rows, a broken zip, a limit that it goes beyond, records that were not read.

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
    name = shown_name(path)
    try:
        reading = Reading(con.cursor(), workspace.link(path), options, workspace, limits or ReadingLimits(), name)
        try:
            raw = _read(reading)
        except BeyondLimits as error:
            raw = reading.nothing(str(error))
        return replace(raw, path=path)
    except BaseException:
        workspace.close()
        raise


def form_of(path: Path) -> Form:
    """What a file is, from its first bytes, text from its suffix or first character.

    Raises:
        ExportError: the file cannot be opened.
    """
    try:
        return _form_of(path, path.name)
    except OSError as error:
        raise ExportError(f"{path.parent / shown_name(path)}: the file cannot be opened: {error.strerror}") from error


def _form_of(path: Path, name: str) -> Form:
    with path.open("rb") as stream:
        start = stream.read(512)
    if start[:2] == b"\x1f\x8b":
        start = _inflate_start(start)
    if start[:4] == b"PAR1":
        return "parquet"
    if start[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return "xlsx"
    name = name.casefold().removesuffix(".gz")
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06") or name.endswith(".zip"):
        return "xlsx" if name.endswith((".xlsx", ".xlsm")) or _is_workbook(path) else "zip"
    if name.endswith((".xlsx", ".xlsm", ".xls")) and not is_text(start):
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
    except NOT_A_ZIP:
        return False


def _inflate_start(start: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(start, 512)
    except zlib.error:
        return b""


def _read(reading: Reading) -> RawRows:
    if reading.path.stat().st_size == 0:
        return reading.nothing(f"{reading.name}: the file is empty (0 bytes)")
    if disguise := disguise_of(reading.path, reading.name):
        return reading.nothing(f"{reading.name}: {disguise}")
    match _form_of(reading.path, reading.name):
        case "parquet":
            return parquet_rows(reading)
        case "xlsx":
            return workbook_rows(reading)
        case "zip":
            return _zip_rows(reading)
        case "json":
            return json_rows(reading, utf8_text(reading, LineShape))
        case "csv":
            return csv_rows(reading, utf8_text(reading, RecordShape))


def _zip_rows(reading: Reading) -> RawRows:
    """The rows of all files in a zip, one after the other; it has the columns of all of them."""
    try:
        archive = zipfile.ZipFile(reading.path)
    except NOT_A_ZIP:
        return reading.nothing(
            f"{reading.name}: the zip file is damaged (its list of files is missing or broken): fetch the export again"
        )
    parts: list[RawRows] = []
    damage: list[str] = []
    notes: list[str] = []
    unread: list[str] = []
    sheets: list[Sheet] = []
    unpacking = Unpacking(reading, reading.path.stat().st_size)
    with archive:
        members = [
            member
            for member in sorted(archive.infolist(), key=lambda member: member.filename)
            if not member.is_dir()
            and "__MACOSX" not in member.filename
            and PurePosixPath(member.filename).match(reading.options.member)
        ]
        for member in members:
            name = shown_name(Path(member.filename))
            ending = name.casefold().removesuffix(".gz")
            if ending.endswith(".zip"):
                damage.append(f"{reading.name}: `{name}` in it is a zip itself; unpack it once and put that here")
                continue
            if not ending.endswith(SUFFIXES):
                unread.append(f"`{name}` in the zip was not read: it is no CSV, JSON, XLSX or Parquet file")
                continue
            unpacked = reading.workspace.new(suffix_of(name))
            problem = unpacking.member(archive, member, unpacked)
            if unpacked.exists() and unpacked.stat().st_size:
                try:
                    part = _read(replace(reading, path=unpacked, name=name))
                except BeyondLimits as error:
                    raise BeyondLimits(f"{reading.name}: {error}") from error
                parts.append(part)
                sheets += [replace(sheet, name=f"{name}: {sheet.name}") for sheet in part.sheets] or [
                    Sheet(name, False, part)
                ]
                notes += part.notes
                if part.damage and not problem:
                    damage.append(f"{reading.name}: {part.damage}")
            if problem:
                damage.append(f"{reading.name}: `{name}` in it is damaged: {problem}; the rows up to there were read")
            elif not unpacked.stat().st_size:
                damage.append(f"{reading.name}: `{name}` in it is empty (0 bytes)")
            unpacked.unlink(missing_ok=True)
    message = "; ".join(damage) or None
    if not parts:
        return reading.nothing(message or f"{reading.name}: there is no CSV file in the zip", notes=notes)
    if len(parts) == 1:
        return replace(parts[0], damage=message, notes=tuple(notes), unread=(*unread, *parts[0].unread))
    rows = joined(reading.con, parts)
    if len(rows.columns) > reading.limits.columns:
        raise reading.beyond("columns", f"its files have {whole(len(rows.columns))} columns")
    if not any(part.sheets for part in parts):
        sheets = []
    return replace(rows, damage=message, notes=tuple(dict.fromkeys(notes)), unread=tuple(unread), sheets=tuple(sheets))
