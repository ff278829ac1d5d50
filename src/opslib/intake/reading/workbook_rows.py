"""The sheets of a workbook (XLSX, XLSM, XLS) into rows, each cell as text, with the name of its sheet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Final

from python_calamine import (
    CalamineError,
    CalamineWorkbook,
    SheetMetadata,
    SheetTypeEnum,
    SheetVisibleEnum,
    WorksheetNotFound,
    XmlError,
    ZipError,
)
from python_calamine import PasswordError as WorkbookIsLocked

from opslib.errors import ExportError
from opslib.intake.disclosure import shown_title
from opslib.intake.notation import listed
from opslib.intake.reading.header import Header, header_of
from opslib.intake.reading.raw_rows import HEAD_LINES, SHEET, RawRows, Reading, RowWriter, Sheet
from opslib.intake.reading.workbook_bounds import BinaryWorkbook, BrokenPart, check_bounds
from opslib.locales import whole

_EXACT: Final = 2**53
"""From where on a cell cannot hold every whole number."""
_BROKEN: Final = (BrokenPart, CalamineError, WorksheetNotFound, XmlError, ZipError, OSError, ValueError)


def workbook_rows(reading: Reading) -> RawRows:
    """The rows of the first visible sheet that has any, with all sheets beside them; or of the sheet of the options.

    Raises:
        ExportError: there is no such sheet.
    """
    try:
        with _panics_as_errors():
            check_bounds(reading)
            book = CalamineWorkbook.from_path(reading.path)
            sheets = [_sheet(reading, book, entry) for entry in _entries(reading, book)]
    except WorkbookIsLocked:
        return reading.nothing(f"{reading.name}: the workbook is locked with a password; save it without one")
    except BinaryWorkbook:
        return reading.nothing(
            f"{reading.name}: this is a binary workbook (XLSB), which is not read; open it in a spreadsheet and save "
            "it as XLSX or CSV"
        )
    except _BROKEN as error:
        return reading.nothing(
            f"{reading.name}: the workbook is damaged and cannot be opened ({_fault(error)}); fetch the export "
            "again, or open it in a spreadsheet and save it as CSV"
        )
    if not sheets:
        return reading.nothing(f"{reading.name}: the workbook has no sheet with cells")
    first = next((sheet for sheet in sheets if sheet.rows.rows and not sheet.hidden), None)
    first = first or next((sheet for sheet in sheets if sheet.rows.columns), sheets[0])
    return replace(first.rows, sheets=tuple(sheets) if len(sheets) > 1 else ())


def _entries(reading: Reading, book: CalamineWorkbook) -> list[SheetMetadata]:
    """The sheets of cells, or just the one that the options name."""
    entries = [entry for entry in book.sheets_metadata if entry.typ == SheetTypeEnum.WorkSheet]
    name = reading.options.sheet
    if name is None:
        return entries
    named = [entry for entry in entries if entry.name == name]
    if not named:
        names = [shown_title(entry.name) for entry in entries]
        raise ExportError(f"{reading.name}: there is no sheet {name!r}; the workbook has {listed(names)}")
    return named


def _sheet(reading: Reading, book: CalamineWorkbook, entry: SheetMetadata) -> Sheet:
    rows = _rows(reading, book, entry.name)
    return Sheet(entry.name, entry.visible != SheetVisibleEnum.Visible, rows)


def _rows(reading: Reading, book: CalamineWorkbook, name: str) -> RawRows:
    cells = ([_cell(value) for value in row] for row in book.get_sheet_by_name(name).iter_rows())
    numbered_rows = ((number, row) for number, row in enumerate(cells) if number >= reading.options.skip_lines)
    head: list[list[str | None]] = []
    header = _header(reading, numbered_rows, head)
    if header is None:
        return reading.nothing(f"{reading.name}: the sheet `{shown_title(name)}` is empty")
    width = len(header.columns)
    if width > reading.limits.columns:
        raise reading.beyond("columns", f"the header of its sheet `{shown_title(name)}` has {whole(width)} columns")
    top = reading.options.skip_lines + len(head) - 1
    parquet, records = reading.workspace.new(".parquet"), 0
    with RowWriter(parquet, [*header.columns, SHEET]) as writer:
        for number, row in numbered_rows:
            if len(head) < HEAD_LINES:
                head.append(row)
            if any(row):
                records += 1
                beyond = sum(value is not None for value in row[width:])
                problem = f"row: {beyond} value(s) beyond the last column of the header" if beyond else None
                values = [*row[:width], *[None] * (width - len(row)), name]
                writer.add(number - top, None if problem else values, problem, header=header.repeats(row[:width]))
    rows = reading.result([*header.columns, SHEET], parquet, typed=True, records=records)
    return replace(rows, head=tuple(tuple(value or "" for value in row) for row in head))


def _header(
    reading: Reading, numbered_rows: Iterator[tuple[int, list[str | None]]], head: list[list[str | None]]
) -> Header | None:
    """The header, from the first lines that have any cell; all lines up to it are added to the head."""
    lines: list[list[str]] = []
    for _, row in numbered_rows:
        head.append(row)
        if any(row) or lines:
            lines.append([value or "" for value in row])
        if len(lines) == reading.options.header_lines:
            return header_of(lines)
    return None


@contextmanager
def _panics_as_errors() -> Iterator[None]:
    """A panic of the reader of workbooks is no `Exception`: it would end the run."""
    try:
        yield
    except BaseException as error:
        if type(error).__name__ == "PanicException":
            raise BrokenPart("its parts contradict each other") from error
        raise


def _fault(error: BaseException) -> str:
    """What is wrong in our words: those of the reader may hold what stands in the workbook."""
    return str(error) if isinstance(error, BrokenPart) else f"{type(error).__name__} in one of its parts"


def _cell(value: object) -> str | None:
    """The text of a cell of a workbook: ISO for times, no `.0` on whole numbers."""
    match value:
        case None | "":
            return None
        case bool():
            return "true" if value else "false"
        case float():
            return _number(value)
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


def _number(value: float) -> str:
    """Whole numbers as they are, those that a cell cannot hold to the last digit in exponential form."""
    if value.is_integer() and abs(value) < _EXACT:
        return str(int(value))
    return f"{value:.16e}" if _EXACT <= abs(value) < 1e16 else repr(value)
