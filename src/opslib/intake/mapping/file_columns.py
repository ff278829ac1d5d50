"""What a column's name in a mapping stands for in one file: a column of it, or one of a file looked up beside it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from opslib.intake.mapping import value_sql
from opslib.intake.mapping.export_files import files_of_lookup
from opslib.intake.mapping.sources import Feed, SourceMapping
from opslib.intake.notation import identifier, listed, quoted
from opslib.intake.reading.json_rows import explode
from opslib.intake.reading.raw_rows import RawRows
from opslib.intake.reading.read_options import ReadOptions
from opslib.tables import Column

_ITEM = re.compile(r"(?P<array>[^\[\]]+)\[(?P<key>[^\[\]=]+)=(?P<word>[^\[\]]+)\]\.(?P<path>[^\[\]]+)")
"""`answers[type=open_ended].value`: of an array the first object whose `type` is that word, and of it `value`."""


def _item_sql(array: str, item: re.Match[str]) -> str:
    """SQL of a value in an object of an array that a column holds as JSON; null where it holds none."""
    key, path = quoted(f"$.{item['key']}"), quoted(f"$.{item['path']}")
    matches = f"lambda x: json_extract_string(x, {key}) = {quoted(item['word'])}"
    value = f"json_extract_string(list_filter(json_extract({array}, '$[*]'), {matches})[1], {path})"
    return f"CASE WHEN json_valid({array}) THEN {value} END"


@dataclass
class FileColumns:
    """The columns of a file that the rules of a feed can name, and those of the files that are looked up beside it.

    `file` is the file as it was read, `raw` its rows with the array taken apart that the feed names. `used` gathers the
    columns that rules name, `damage` and `notes` what is to be said of the file.
    """

    mapping: SourceMapping
    feed: Feed
    file: RawRows
    raw: RawRows
    used: set[str] = field(default_factory=set)
    damage: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _lookup_columns: dict[str, set[str]] = field(default_factory=dict)
    _lookup_files: dict[str, tuple[list[RawRows], dict[str, str]]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        con: duckdb.DuckDBPyConnection,
        mapping: SourceMapping,
        feed: Feed,
        file: RawRows,
        exports: Path,
        open_file: Callable[[Path, ReadOptions], RawRows],
    ) -> FileColumns:
        """Take the array apart that the feed names, and open the files that are looked up.

        Args:
            con: a DuckDB connection.
            mapping: the source.
            feed: one of its feeds, which the file fits.
            file: the file as it was read.
            exports: the folder of the exports, for look-ups.
            open_file: reads a file of a look-up.
        """
        columns = cls(mapping, feed, file, file, damage=[file.damage] if file.damage else [], notes=list(file.notes))
        if feed.explode and file.columns:
            columns._explode(con, feed.explode)
        columns._open_lookups(exports, open_file)
        return columns

    @property
    def reordered(self) -> bool:
        """Whether the rows of `relation` may come in another order than those of the file."""
        return bool(self._lookup_columns) or self.feed.explode is not None

    def sql_of(self, name: str) -> str | None:
        """SQL of a column of the file or of a lookup, cleaned of spaces and null markers; None where there is none."""
        prefix, _, rest = name.partition(".")
        if prefix in self.feed.lookups and rest:
            _, columns = self._lookup_files.get(prefix, ([], {}))
            own = columns.get(rest.casefold())
            if own is None:
                return None
            self._lookup_columns.setdefault(prefix, set()).add(own)
            return self._clean_sql(identifier(f"{prefix}.{own}"))
        item = _ITEM.fullmatch(name)
        column = self.raw.column_of(item["array"] if item else name)
        if column is None:
            return None
        self.used.add(column)
        return self._clean_sql(_item_sql(identifier(column), item) if item else identifier(column))

    def relation(self) -> str:
        """SQL for FROM: the rows of the file, each beside the columns of look-ups that `sql_of` was called for."""
        joins = ""
        result_columns = [identifier(name) for name in self.raw.columns]
        for name, columns in sorted(self._lookup_columns.items()):
            lookup = self.feed.lookups[name]
            raws, _ = self._lookup_files[name]
            names = sorted(columns)
            selects = []
            for number, raw in enumerate(raws):
                own_columns = [
                    f"{identifier(c)} AS {identifier(c)}" if raw.column_of(c) else f"NULL AS {identifier(c)}"
                    for c in names
                ]
                match = raw.column_of(lookup.match)
                if match is not None:
                    selects.append(
                        f"SELECT {value_sql.as_id(f'trim({identifier(match)})')} AS _match, {number} AS _file, _row, "
                        f"{', '.join(own_columns)} FROM {raw.relation}"
                    )
            key = self.sql_of(lookup.key)
            if key is None:
                self.damage.append(
                    f"{self.raw.path.name}: the column `{lookup.key}` is not there, so `{name}` cannot be looked up; "
                    f"the file has {listed(self.raw.columns)}"
                )
                key = "NULL::VARCHAR"
            result_columns += [f"{name}.{identifier(c)} AS {identifier(f'{name}.{c}')}" for c in names]
            joins += (
                f" LEFT JOIN (SELECT * FROM ({' UNION ALL '.join(selects)}) WHERE _match IS NOT NULL "
                f"QUALIFY row_number() OVER (PARTITION BY _match ORDER BY _file DESC, _row DESC) = 1) AS {name} "
                f"ON {name}._match = {value_sql.as_id(key)}"
            )
        if not joins:
            return self.raw.relation
        row_columns = ", ".join(f"_file_rows.{name}" for name in ("_row", "_item", "_unreadable"))
        columns_sql = [
            f"_file_rows.{name}" if number < len(self.raw.columns) else name
            for number, name in enumerate(result_columns)
        ]
        return f"(SELECT {', '.join(columns_sql)}, {row_columns} FROM {self.raw.relation} AS _file_rows{joins})"

    def missing_message(self, column: Column, rule_columns: Sequence[str]) -> str:
        """What to say of a needed column that the file does not have."""
        names = list(dict.fromkeys(rule_columns)) or [column.name]
        by_spelling = {re.sub(r"[\s_.-]+", "", name.casefold()): name for name in self.raw.columns}
        keys = [re.sub(r"[\s_.-]+", "", name.casefold()) for name in (*names, column.name)]
        suggestions = [
            by_spelling[spelling]
            for key in keys
            for spelling in difflib.get_close_matches(key, by_spelling, n=1, cutoff=0.6)
        ]
        suggestions = [name for name in suggestions if name not in self.used] or suggestions
        options = " or ".join(f"`{name}`" for name in names)
        hint = f"; did you mean `{suggestions[0]}`?" if suggestions else ""
        message = f"{self.raw.path.name}: the needed column {options} is not there"
        if column.name not in names:
            message += f" (it becomes `{column.name}`)"
        return f"{message}; the file has {listed(self.raw.columns)}{hint}"

    def _explode(self, con: duckdb.DuckDBPyConnection, column: str) -> None:
        if self.raw.column_of(column) is None:
            self.damage.append(
                f"{self.raw.path.name}: the column `{column}` is not there; the file has {listed(self.raw.columns)}"
            )
            return
        self.used.add(self.raw.column_of(column) or column)
        self.raw = explode(con, self.raw, column)

    def _open_lookups(self, exports: Path, open_file: Callable[[Path, ReadOptions], RawRows]) -> None:
        for name, lookup in self.feed.lookups.items():
            files = files_of_lookup(lookup, exports)
            if not files:
                reason = f"no file like {listed(lookup.files)} is beside it"
                message = f"{self.raw.path.name}: {reason}, so `{name}` cannot be looked up"
                (self.notes if lookup.optional else self.damage).append(message)
                continue
            raws = [open_file(path, lookup.read) for path in files]
            columns: dict[str, str] = {}
            for raw in raws:
                if raw.damage:
                    self.damage.append(f"{self.raw.path.name}: `{name}` is looked up in a damaged file: {raw.damage}")
                columns |= {column.casefold(): column for column in raw.columns}
            if lookup.match.casefold() not in columns:
                self.damage.append(
                    f"{files[0].name}: the column `{lookup.match}` is not there, so `{name}` cannot be looked up"
                )
                continue
            self._lookup_files[name] = (raws, columns)

    def _clean_sql(self, sql: str) -> str:
        markers = ", ".join(quoted(marker.casefold()) for marker in ("", *self.mapping.null_markers))
        return f"CASE WHEN lower({value_sql.trim(sql)}) NOT IN ({markers}) THEN {value_sql.trim(sql)} END"
