"""An export file written to disk and read: what the tests of readers look at."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from opslib.intake.reading.raw_rows import RawRows
from opslib.intake.reading.read import open_export
from opslib.intake.reading.read_options import ReadOptions
from opslib.settings import ReadingLimits


@dataclass(frozen=True)
class Export:
    """What came of a file: its values by row, what is wrong with rows and with the file."""

    raw: RawRows
    values: list[tuple[Any, ...]]
    unreadable: dict[int, str]

    @property
    def damage(self) -> str:
        return self.raw.damage or ""

    @property
    def ids(self) -> list[Any]:
        """The first column."""
        return [value[0] for value in self.values]


@dataclass(frozen=True)
class Folder:
    """A folder into which exports are written."""

    path: Path
    con: duckdb.DuckDBPyConnection

    def read(
        self, name: str | bytes, content: bytes | str, *, limits: ReadingLimits | None = None, **options: Any
    ) -> Export:
        path = self.path / (os.fsdecode(name) if isinstance(name, bytes) else name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        raw = open_export(self.con, path, ReadOptions(**options), limits)
        try:
            names = ", ".join('"' + column.replace('"', '""') + '"' for column in raw.columns) or "NULL"
            values = self.con.execute(f"SELECT {names} FROM {raw.relation} ORDER BY _row, _item").fetchall()
            unreadable = self.con.execute(f"SELECT _row, _unreadable FROM {raw.relation}").fetchall()
            return Export(raw, values, {row: what for row, what in unreadable if what is not None})
        finally:
            raw.close()
