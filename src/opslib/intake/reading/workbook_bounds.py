"""How large the parts of a workbook are, before a reader takes memory for them."""

from __future__ import annotations

import re
import zipfile
import zlib
from typing import Final

from opslib.intake.reading.raw_rows import Reading
from opslib.intake.reading.unpacking import BLOCK, NOT_A_ZIP, Unpacking

_PARTS: Final = re.compile(r"xl/(worksheets/[^/]*|sharedStrings|styles|workbook)\.xml", re.IGNORECASE)
_SHEETS: Final = re.compile(r"xl/worksheets/", re.IGNORECASE)
_COLUMN: Final = re.compile(rb"""\sr=["']([A-Z]{1,3})\d""")
_ROW: Final = re.compile(rb"""\sr=["'][A-Z]{0,3}(\d{1,9})["']""")
_OVERLAP: Final = 64
"""Bytes that the name of a cell is shorter than, which may lie across the end of a block."""


class BrokenPart(Exception):
    """A part of a workbook that cannot be unpacked."""


def check_bounds(reading: Reading) -> None:
    """Unpack the sheets of a workbook once, without keeping them, and see how far their cells reach.

    Raises:
        BeyondLimits: a sheet reaches over more cells than the limits allow, or the workbook is too large unpacked.
        BrokenPart: a part is cut off, or its checksum is wrong.

    Notes:
        A reader takes memory for every cell between the first and the last one, so that one value far out in an empty
        sheet asks for all of it. The older binary workbooks (XLS) cannot reach that far.
    """
    if not zipfile.is_zipfile(reading.path):
        return
    unpacking = Unpacking(reading, reading.path.stat().st_size)
    try:
        with zipfile.ZipFile(reading.path) as archive:
            for member in archive.infolist():
                if _PARTS.fullmatch(member.filename):
                    _check_part(reading, archive, member, unpacking)
    except (*NOT_A_ZIP, zlib.error, RuntimeError) as error:
        raise BrokenPart(str(error)) from error


def _check_part(reading: Reading, archive: zipfile.ZipFile, member: zipfile.ZipInfo, unpacking: Unpacking) -> None:
    columns: set[bytes] = set()
    last_row, before = 0, b""
    with archive.open(member) as stream:
        while block := stream.read(BLOCK):
            unpacking.add(len(block))
            if _SHEETS.match(member.filename):
                text = before + block
                columns.update(_COLUMN.findall(text))
                last_row = max(last_row, max(map(int, set(_ROW.findall(text))), default=0))
                before = text[-_OVERLAP:]
                _check_cells(reading, last_row, max(map(_place, columns), default=0))


def _check_cells(reading: Reading, rows: int, columns: int) -> None:
    if rows * columns > reading.limits.cells:
        raise reading.beyond(
            "cells",
            f"a sheet of it reaches to row {rows:,} and column {columns:,}, which are {rows * columns:,} cells; delete "
            "the empty rows and columns beyond its table",
        )


def _place(letters: bytes) -> int:
    """The number of a column: A is 1, XFD 16,384."""
    place = 0
    for letter in letters:
        place = place * 26 + letter - 64
    return place
