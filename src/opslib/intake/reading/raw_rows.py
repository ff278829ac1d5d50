"""The one shape that a file of any form is read into: text columns in a Parquet file, with the number of each row."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from opslib.intake.disclosure import shown_name, shown_title
from opslib.intake.notation import identifier, parquet_source
from opslib.intake.reading.read_options import SUFFIXES, ReadOptions
from opslib.locales import whole
from opslib.settings import ReadingLimits

SHEET: Final = "_sheet"
"""The column of a workbook's rows that names their sheet."""
FILE: Final = "\x1ffile"
"""The column that tells whose a row is where a Parquet file holds several files' rows; no export has one of that name.
"""
HEAD_LINES: Final = 50
"""Lines from the top in which a header is looked for that is not where it was expected."""
_BATCH_ROWS: Final = 50_000
_OWN_FIELDS: Final = [
    ("_row", pa.int64()),
    ("_item", pa.int64()),
    ("_unreadable", pa.string()),
    ("_header", pa.bool_()),
]


class Workspace:
    """A private temporary folder, removed on `close`, when nobody holds it any more, and at the end of the program."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="opslib-"))
        self._remove = weakref.finalize(self, shutil.rmtree, str(self.folder), ignore_errors=True)
        self._numbers = count()
        self._companions: list[Workspace] = []

    def new(self, suffix: str) -> Path:
        """A path in the folder that is not used yet."""
        return self.folder / f"{next(self._numbers)}{suffix}"

    def link(self, path: Path) -> Path:
        """A file under a name of which no part means anything to those who read it, but for how it ends."""
        link = self.new(suffix_of(path.name))
        link.symlink_to(path.absolute())
        return link

    def keep(self, other: Workspace) -> None:
        """Let another workspace live as long as this one."""
        if other is not self:
            self._companions.append(other)

    def close(self) -> None:
        """Remove the folder and all in it, and those that live with it."""
        for other in self._companions:
            other.close()
        self._remove()


@dataclass(frozen=True)
class Stretch:
    """Where the rows of one file stand among those of several: between the number of the row before and of the last."""

    before: int
    last: int


@dataclass(frozen=True)
class RawRows:
    """The rows of one file, all columns text.

    `relation` is SQL for FROM: the columns as the file names them, `_row` (from 1, the header not counted), `_item`
    (the number within an array that was taken apart, else 0) and `_unreadable` (null, or what is wrong with the row;
    its values are null then). `typed` says that the file has times of its own type, which are ISO text here whatever
    the mapping's rule is. `records` is the number of records in the file, counted by another way than `rows`.

    `sheets` are those of a workbook with several, of which these rows are the first one's; `unread` says what of the
    file is not among the rows, and why; `head` are the cells of the first lines, for finding a header among them.
    `stretch` is the file's own of a Parquet file that holds several.
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
    records: int = 0
    sheets: tuple[Sheet, ...] = ()
    unread: tuple[str, ...] = ()
    head: tuple[tuple[str, ...], ...] = ()
    stretch: Stretch | None = None

    @property
    def name(self) -> str:
        """What messages call the file."""
        return shown_name(self.path)

    @property
    def relation(self) -> str:
        return f"(SELECT * EXCLUDE _header FROM {self.source} WHERE NOT _header)"

    @property
    def source(self) -> str:
        """SQL for FROM: the same with the rows that repeat the header, and `_header`, which tells them."""
        rows = parquet_source(self.parquet)
        if self.stretch is None:
            return rows
        before, last = self.stretch.before, self.stretch.last
        own = f"* EXCLUDE {identifier(FILE)} REPLACE (_row - {before} AS _row)"
        return f"(SELECT {own} FROM {rows} WHERE _row > {before} AND _row <= {last})"

    def column_of(self, name: str) -> str | None:
        """The column of that name as the file writes it: exactly so, else in other case; None where there is none."""
        if name in self.columns:
            return name
        folded = name.strip().casefold()
        return next((column for column in self.columns if column.casefold() == folded), None)

    def close(self) -> None:
        """Remove the temporary files."""
        self.workspace.close()


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook."""

    name: str
    hidden: bool
    rows: RawRows

    @property
    def title(self) -> str:
        """What messages call the sheet."""
        return shown_title(self.name)


class BeyondLimits(Exception):
    """A file asks for more than the limits allow; the message is what is wrong with it."""


@dataclass(frozen=True)
class Reading:
    """One reading of one file: what each form needs for it, and the two ways in which it ends.

    `path` is where its bytes lie, under a name that means nothing; `name` is what messages call it.
    """

    con: duckdb.DuckDBPyConnection
    path: Path
    options: ReadOptions
    workspace: Workspace
    limits: ReadingLimits
    name: str

    def beyond(self, limit: str, what: str) -> BeyondLimits:
        """What to raise of a file that asks for more than one of `limits` allows."""
        return BeyondLimits(
            f"{self.name}: {what}; `limits.reading.{limit}` in params allows {whole(getattr(self.limits, limit))}. "
            "Nothing "
            "of the file was read: raise the limit if the file is meant to be so"
        )

    def nothing(self, damage: str, columns: tuple[str, ...] = (), notes: Iterable[str] = ()) -> RawRows:
        """A file that gives no row, and why."""
        parquet = self.workspace.new(".parquet")
        schema = pa.schema([*((name, pa.string()) for name in columns), *_OWN_FIELDS])
        pq.write_table(schema.empty_table(), parquet)
        return RawRows(self.path, columns, parquet, 0, self.workspace, damage=damage, notes=tuple(notes))

    def result(
        self,
        columns: Sequence[str],
        parquet: Path,
        *,
        typed: bool = False,
        damage: str | None = None,
        notes: Iterable[str] = (),
        records: int | None = None,
    ) -> RawRows:
        """What stands in a Parquet file of these columns and our own, each repeated header counted and left out.

        Args:
            columns: the names of the file's columns.
            parquet: its rows.
            typed: whether the file has times of its own type.
            damage: what is wrong with the file as a whole.
            notes: what else is to be said of it.
            records: how many records the file has, repeated headers among them, counted by another way than `parquet`
                was made; a file of whose records some are missing there is damaged.
        """
        with pq.ParquetFile(parquet) as written:
            is_header = written.read(columns=["_header"])["_header"]
        return self.counted(
            RawRows(
                self.path,
                tuple(columns),
                parquet,
                len(is_header),
                self.workspace,
                typed,
                pc.sum(is_header).as_py() or 0,
                damage,
                tuple(notes),
                len(is_header) if records is None else records,
            )
        )

    def counted(self, rows: RawRows) -> RawRows:
        """The rows, of whose numbers those that repeat the header are no longer part, and what is said of them."""
        headers, damage = rows.repeated_headers, rows.damage
        number, records = rows.rows - headers, rows.records - headers
        if records != number and damage is None:
            damage = (
                f"{self.name}: the file has {whole(records)} record(s), {whole(number)} could be read: fetch the "
                "export again; "
                "if that does not help, save it in another form"
            )
        if number == 0 and damage is None:
            what = "a header but no rows" if rows.columns else "no rows"
            damage = f"{self.name}: the file has {what}"
        repeats = [f"{headers} line(s) repeat the header; they were skipped"] if headers else []
        return replace(rows, rows=number, records=records, damage=damage, notes=(*rows.notes, *repeats))


class RowWriter:
    """Writes rows of text to Parquet, a batch at a time."""

    def __init__(self, parquet: Path, columns: Sequence[str]) -> None:
        self._width = len(columns)
        self._schema = pa.schema([*((name, pa.string()) for name in columns), *_OWN_FIELDS])
        self._writer = pq.ParquetWriter(parquet, self._schema)
        self._rows: list[tuple[Any, ...]] = []

    def add(self, number: int, values: Sequence[str | None] | None, problem: str | None, *, header: bool) -> None:
        """Write one row: its number, its values (none where it does not fit), what is wrong with it."""
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

    def __enter__(self) -> RowWriter:
        return self

    def __exit__(self, *raised: object) -> None:
        self._flush()
        self._writer.close()


def distinct_names(header: Sequence[str]) -> list[str]:
    """Names without the spaces around them, each once (SQL does not tell case apart), none empty, none of our own."""
    names: list[str] = []
    used_names = {SHEET, *(name for name, _ in _OWN_FIELDS)}
    for position, name in enumerate(header, start=1):
        stem = name.strip().replace("\x00", "") or f"column_{position}"
        candidate = next(
            n for n in chain([stem], (f"{stem}_{number}" for number in count(2))) if n.casefold() not in used_names
        )
        used_names.add(candidate.casefold())
        names.append(candidate)
    return names


def suffix_of(name: str) -> str:
    """How the name of a file ends, where that says what kind of file it is; else nothing."""
    return next((suffix for suffix in SUFFIXES if name.casefold().endswith(suffix)), "")
