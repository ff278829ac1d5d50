"""The files of a run, each read once, and the rows of them that the rows of other files are looked up in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import duckdb

from opslib.intake.mapping import value_sql
from opslib.intake.mapping.export_files import files_of_lookup
from opslib.intake.mapping.sources import Feed, Lookup, SourceMapping
from opslib.intake.notation import identifier, parquet_sources, quoted, shown_name
from opslib.intake.reading.joined_rows import neighbours
from opslib.intake.reading.raw_rows import RawRows, Stretch, Workspace
from opslib.intake.reading.read import open_export
from opslib.intake.reading.read_options import ReadOptions
from opslib.intake.reading.small_files import batches_of, rows_of_small_files
from opslib.settings import ReadingLimits

MATCH: Final = "_match"
"""The column of a look-up's rows by which they are found."""
DIGITS: Final = 20
"""Hexadecimal ones, of a digest."""
_WHOLE: Final = Stretch(0, (1 << 63) - 1)
_READERS: Final = 2
_GROUP_ROWS: Final = 20_000


@dataclass(frozen=True)
class LookUpRows:
    """The rows of all files of one look-up, one for each value that is looked up: the last of the newest file.

    `rows` are those rows, with the columns that a feed names, `_match` beside them, in its order; None where there is
    no file. `columns` are all columns of the files by their names in lower case, `file` is what messages call the
    oldest of them, `damage` what is wrong with any.
    """

    rows: RawRows | None
    columns: dict[str, str]
    file: str = ""
    damage: tuple[str, ...] = ()


class LookUps:
    """What can be looked up beside the files of an export folder; to be closed.

    Args:
        exports: the folder of the exports.
        limits: how much one file may ask for.
        secret: what digests of looked-up rows are keyed with, where they are to be kept.
    """

    def __init__(self, exports: Path, limits: ReadingLimits | None = None, secret: str = "") -> None:
        self._exports, self._limits, self.secret = exports, limits, secret
        self._workspace = Workspace()
        self._files: dict[tuple[Path, ReadOptions], RawRows] = {}
        self._rows: dict[tuple[str, frozenset[str]], LookUpRows] = {}
        self._digests: dict[str, Path] = {}

    @cached_property
    def _con(self) -> duckdb.DuckDBPyConnection:
        """Opened where it is needed first: most sources look nothing up."""
        con = duckdb.connect()
        con.execute("SET preserve_insertion_order=true")
        return con

    def rows_of(self, feed: Feed, name: str) -> LookUpRows:
        """The rows of one look-up of a feed."""
        lookup = feed.lookups[name]
        names = frozenset(_names_under(feed, name))
        key = (lookup.model_dump_json(exclude={"key", "optional"}), names)
        if key not in self._rows:
            self._rows[key] = self._read(lookup, names)
        return self._rows[key]

    def digests_of(self, label: str, feed: Feed, name: str) -> Path:
        """Digests of what a look-up of a feed says, in place of what it says.

        Args:
            label: of the look-up, see `label_of`.
            feed: the feed.
            name: the look-up.

        Returns:
            A Parquet file of `look_up` (the label), `key` (of each value that is looked up; empty for the columns and
            the damage of the files) and `says`.
        """
        if label not in self._digests:
            found = self.rows_of(feed, name)
            kept = found.rows.columns if found.rows else ()
            about = sha256(repr((found.rows is None, sorted(kept), found.damage)).encode()).hexdigest()[:DIGITS]
            rows = f"SELECT {quoted(label)} AS look_up, '' AS key, {quoted(about)} AS says"
            if found.rows:
                values = ", ".join(f"coalesce({identifier(column)}, chr(30))" for column in sorted(kept))
                says = self.digest_sql(f"concat_ws(chr(31), {values})") if kept else "''"
                rows += (
                    f" UNION ALL SELECT {quoted(label)}, {self.digest_sql(MATCH)}, {says} FROM {found.rows.relation}"
                )
            self._digests[label] = self._workspace.new(".parquet")
            self._con.execute(f"COPY ({rows}) TO {quoted(self._digests[label])} (FORMAT parquet)")
        return self._digests[label]

    def digest_sql(self, text: str) -> str:
        """SQL of a digest of a text by which nobody learns the text without the secret."""
        return f"left(sha256(concat({quoted(self.secret)}, {text})), {DIGITS})"

    def open(self, path: Path, options: ReadOptions) -> RawRows:
        """The rows of a file, read once however often they are asked for."""
        if (path, options) not in self._files:
            self._files[path, options] = open_export(self._con.cursor(), path, options, self._limits)
        return self._files[path, options]

    def open_all(self, paths: Sequence[Path], options: ReadOptions) -> list[RawRows]:
        """The rows of several files, small ones read together."""
        new = [path for path in paths if (path, options) not in self._files]
        con = self._con  # Threads would open several.

        def read(batch: Sequence[Path]) -> None:
            together = rows_of_small_files(con, batch, options, self._limits) if len(batch) > 1 else {}
            self._files.update({(path, options): raw for path, raw in together.items()})

        with ThreadPoolExecutor(_READERS) as readers:
            list(readers.map(read, batches_of(new)))
            list(readers.map(lambda path: self.open(path, options), new))
        return [self.open(path, options) for path in paths]

    def forget(self, path: Path) -> None:
        """Read a file again when it is asked for."""
        for key in [key for key in self._files if key[0] == path]:
            raw = self._files.pop(key)
            if raw.stretch is None:
                raw.close()

    def close(self) -> None:
        """Remove the temporary files."""
        for raw in self._files.values():
            raw.close()
        if "_con" in self.__dict__:
            self._con.close()
        self._workspace.close()

    def __enter__(self) -> LookUps:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _read(self, lookup: Lookup, names: frozenset[str]) -> LookUpRows:
        paths = files_of_lookup(lookup, self._exports)
        if not paths:
            return LookUpRows(None, {})
        raws = [raw for file in self.open_all(paths, lookup.read) for raw in _with_column(file, lookup.match)]
        columns = {column.casefold(): column for raw in raws for column in raw.columns}
        damage = tuple(raw.damage for raw in raws if raw.damage)
        kept = [column for folded, column in columns.items() if folded in names]
        parquet = self._workspace.new(".parquet")
        values = "".join(f", {identifier(column)} VARCHAR" for column in kept)
        table = f"look_up_{len(self._rows)}"
        self._con.execute(f"CREATE TABLE {table} ({MATCH} VARCHAR, _file BIGINT, _row BIGINT{values})")
        parts = neighbours(raws)
        alike: dict[tuple[tuple[str, ...], bool], list[int]] = {}
        for number, raw in enumerate(parts):
            if raw.column_of(lookup.match):
                alike.setdefault((raw.columns, raw.stretch is None), []).append(number)
        for numbers in alike.values():
            first = parts[numbers[0]]
            match = value_sql.as_id(f"trim(rows.{identifier(first.column_of(lookup.match) or lookup.match)})")
            own = "".join(f", rows.{identifier(c)}" if first.column_of(c) else ", NULL" for c in kept)
            places = {path: place for place, path in enumerate(dict.fromkeys(parts[n].parquet for n in numbers))}
            stretches = [(n, places[parts[n].parquet], parts[n].stretch or _WHOLE) for n in numbers]
            files = ", ".join(f"({place}, {stretch.before}, {stretch.last}, {n})" for n, place, stretch in stretches)
            self._con.execute(
                f"""INSERT INTO {table} SELECT * FROM (
                    SELECT {match} AS id, files.number, rows._row{own}
                    FROM {parquet_sources(list(places))} AS rows
                    JOIN (VALUES {files}) AS files(place, before, last, number)
                        ON rows.file_index = files.place AND rows._row > files.before AND rows._row <= files.last
                    WHERE NOT rows._header
                ) WHERE id IS NOT NULL"""
            )
        self._con.execute(
            f"COPY (SELECT *, 0 AS _item, NULL::VARCHAR AS _unreadable, false AS _header FROM {table} "
            f"QUALIFY row_number() OVER (PARTITION BY {MATCH} ORDER BY _file DESC, _row DESC) = 1 ORDER BY {MATCH}) "
            f"TO {quoted(parquet)} (FORMAT parquet, ROW_GROUP_SIZE {_GROUP_ROWS})"
        )
        self._con.execute(f"DROP TABLE {table}")
        rows = RawRows(paths[0], tuple(kept), parquet, sum(raw.rows for raw in raws), self._workspace)
        return LookUpRows(rows, columns, shown_name(paths[0]), damage)


def label_of(mapping: SourceMapping, feed: Feed, name: str) -> str:
    """What tells a look-up of a feed from those of others."""
    return f"{mapping.feeds.index(feed)}.{name}"


def _with_column(raw: RawRows, name: str) -> list[RawRows]:
    """Those sheets of a workbook that have a column; any other file, or a workbook without it, as it is."""
    return [sheet.rows for sheet in raw.sheets if sheet.rows.column_of(name)] or [raw]


def _names_under(feed: Feed, prefix: str) -> set[str]:
    """The columns of a look-up that any rule of a feed names, in lower case, and the one that is matched."""
    start = f"{prefix}."
    named = {text.removeprefix(start).casefold() for text in _texts(feed.model_dump()) if text.startswith(start)}
    return named | {feed.lookups[prefix].match.casefold()}


def _texts(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        for value in tree.values():
            yield from _texts(value)
    elif isinstance(tree, (list, tuple)):
        for value in tree:
            yield from _texts(value)
