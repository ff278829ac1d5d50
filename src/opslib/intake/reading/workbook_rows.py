"""A sheet of a workbook (XLSX, XLSM, XLS) into rows, each cell as text."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final

from python_calamine import CalamineError, CalamineWorkbook
from python_calamine import PasswordError as WorkbookIsLocked

from opslib.errors import ExportError
from opslib.intake.notation import listed
from opslib.intake.reading.raw_rows import RawRows, Reading, RowWriter, distinct_names

_EXACT: Final = 2**53
"""From where on a cell cannot hold every whole number."""


def workbook_rows(reading: Reading) -> RawRows:
    """The rows of one sheet: the one that the options name, else the first that has any.

    Raises:
        ExportError: there is no such sheet.
    """
    try:
        book = CalamineWorkbook.from_path(reading.path)
    except WorkbookIsLocked:
        return reading.nothing(f"{reading.name}: the workbook is locked with a password; save it without one")
    except (CalamineError, OSError) as error:
        return reading.nothing(
            f"{reading.name}: the workbook is damaged and cannot be opened ({error}); fetch the export again"
        )
    name = reading.options.sheet
    if name is not None and name not in book.sheet_names:
        raise ExportError(f"{reading.name}: there is no sheet {name!r}; the workbook has {listed(book.sheet_names)}")
    name = name or next(
        (sheet for sheet in book.sheet_names if book.get_sheet_by_name(sheet).height), book.sheet_names[0]
    )
    notes = []
    if len(book.sheet_names) > 1 and reading.options.sheet is None:
        others = [sheet for sheet in book.sheet_names if sheet != name]
        notes.append(f"the sheet `{name}` was read; the workbook also has {listed(others)}")
    rows = ([_cell(value) for value in row] for row in book.get_sheet_by_name(name).iter_rows())
    numbered_rows = ((number, row) for number, row in enumerate(rows) if number >= reading.options.skip_lines)
    top, header = next(((number, row) for number, row in numbered_rows if any(row)), (0, []))
    if not header:
        return reading.nothing(f"{reading.name}: the sheet `{name}` is empty", notes=notes)
    width = max(position for position, value in enumerate(header, start=1) if value)
    names, columns = (
        [value or "" for value in header[:width]],
        distinct_names([value or "" for value in header[:width]]),
    )
    parquet = reading.workspace.new(".parquet")
    with RowWriter(parquet, columns) as writer:
        for number, row in numbered_rows:
            if any(row):
                beyond = sum(value is not None for value in row[width:])
                problem = f"row: {beyond} value(s) beyond the last column of the header" if beyond else None
                is_header = [(value or "").strip() for value in row[:width]] == [value.strip() for value in names]
                writer.add(number - top, None if problem else row[:width], problem, header=is_header)
    return reading.result(columns, parquet, typed=True, notes=notes)


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
