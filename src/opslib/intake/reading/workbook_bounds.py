"""How large the parts of a workbook are, before a reader takes memory for them."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from itertools import chain
from typing import Final

from opslib.intake.reading.raw_rows import Reading
from opslib.intake.reading.unpacking import BLOCK, NOT_A_ZIP, Unpacking
from opslib.locales import whole

_PARTS: Final = re.compile(r"xl/(worksheets/[^/]*|sharedStrings|styles|workbook)\.xml", re.IGNORECASE)
_SHEETS: Final = re.compile(r"xl/worksheets/", re.IGNORECASE)
_PLAIN_WIDE: Final = re.compile(rb' r="([A-Z]{2,3})\d')
_WIDE: Final = re.compile(rb"""\sr\s*=\s*["']([A-Z]{2,3})\d""")
_ROW: Final = re.compile(rb"""\sr\s*=\s*["'][A-Z]{0,3}(\d{1,9})["']""")
_OTHER_SPELLINGS: Final = (b"r='", b"r =", b"r= ", b"\nr=", b"\tr=", b"\rr=")
"""How a cell may name its place other than programs do; looking for all of them takes ten times as long."""
_ROWS: Final = 1_048_576
_NARROW: Final = 26
_OVERLAP: Final = 64
"""Bytes that the name of a cell is shorter than, which may lie across the end of a block."""


_BINARY: Final = "xl/workbook.bin"


class BrokenPart(Exception):
    """A part of a workbook that cannot be unpacked."""


class BinaryWorkbook(Exception):
    """A workbook whose parts are binary (XLSB), so that nobody sees how far its cells reach."""


def check_bounds(reading: Reading) -> None:
    """Unpack the sheets of a workbook once, without keeping them, and see how far their cells reach.

    Raises:
        BeyondLimits: a sheet reaches over more cells than the limits allow, or the workbook is too large unpacked.
        BinaryWorkbook: the sheets are no XML.
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
            if _BINARY in map(str.casefold, archive.namelist()):
                raise BinaryWorkbook
            for member in archive.infolist():
                if _PARTS.fullmatch(member.filename):
                    _check_part(reading, archive, member, unpacking)
    except (*NOT_A_ZIP, zlib.error, RuntimeError) as error:
        raise BrokenPart("one of its parts cannot be unpacked") from error


def _check_part(reading: Reading, archive: zipfile.ZipFile, member: zipfile.ZipInfo, unpacking: Unpacking) -> None:
    is_sheet, columns = _SHEETS.match(member.filename), _NARROW
    for text in _blocks(archive, member, unpacking):
        if is_sheet:
            pattern = _WIDE if any(spelling in text for spelling in _OTHER_SPELLINGS) else _PLAIN_WIDE
            columns = max(columns, max(map(_place, set(pattern.findall(text))), default=0))
    # Few sheets have so many columns that it matters how many rows they have.
    if not is_sheet or columns * _ROWS <= reading.limits.cells:
        return
    rows = max(
        max(map(int, set(_ROW.findall(text))), default=0)
        for text in chain([b""], _blocks(archive, member, Unpacking(reading, unpacking.packed_bytes)))
    )
    if rows * columns > reading.limits.cells:
        raise reading.beyond(
            "cells",
            f"a sheet of it reaches to row {whole(rows)} and column {whole(columns)}, which are "
            f"{whole(rows * columns)} cells; delete "
            "the empty rows and columns beyond its table",
        )


def _blocks(archive: zipfile.ZipFile, member: zipfile.ZipInfo, unpacking: Unpacking) -> Iterator[bytes]:
    """The text of a part, block by block, each with the end of the one before."""
    before = b""
    with archive.open(member) as stream:
        while block := stream.read(BLOCK):
            unpacking.add(len(block))
            yield before + block
            before = block[-_OVERLAP:]


def _place(letters: bytes) -> int:
    """The number of a column: A is 1, XFD 16,384."""
    place = 0
    for letter in letters:
        place = place * 26 + letter - 64
    return place
