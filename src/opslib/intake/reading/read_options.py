"""What a source may say of how its files are to be read."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from opslib.settings import Settings


def _character(value: str) -> str:
    if len(value) != 1 or value in "\r\n\0":
        raise ValueError(f"{value!r} is no single character; write it like ';' or \"\\t\"")
    return value


SUFFIXES: Final = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".xlsx", ".xlsm", ".xls", ".parquet", ".zip")
"""How the names of files end that can be read; `.gz` may follow."""


Character = Annotated[str, AfterValidator(_character)]


class ReadOptions(Settings):
    """How a file is to be read where it does not say so itself; the rest is worked out from the file.

    `records` is the dotted path of the array that holds the rows in the JSON answer of an API (`tickets`, `result`); an
    object that has no such array is a row itself. `member` is a pattern for the files of a zip. `skip_lines` leaves out
    lines above the header of a CSV or of a sheet; `header_lines` is how many lines the header has, where names of
    groups stand above those of columns.

    Of a workbook all sheets are read that have the columns of the mapping, one after the other, unless `sheet` names
    one. The column `_sheet` names the sheet of each row.
    """

    encoding: str | None = None
    separator: Character | None = None
    escape: Character = '"'
    sheet: str | None = None
    member: str = "*"
    records: str | None = None
    skip_lines: int = Field(default=0, ge=0)
    header_lines: int = Field(default=1, ge=1, le=5)
