"""What a column's name in a mapping stands for in one file: a column of it, or one of a file looked up beside it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from opslib.intake.mapping import value_sql
from opslib.intake.mapping.look_ups import MATCH, LookUpRows, LookUps
from opslib.intake.mapping.sources import Feed, SourceMapping
from opslib.intake.notation import identifier, listed, quoted
from opslib.intake.reading.json_rows import explode
from opslib.intake.reading.raw_rows import RawRows
from opslib.tables import Column


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
    _looked_up: dict[str, LookUpRows] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        con: duckdb.DuckDBPyConnection,
        mapping: SourceMapping,
        feed: Feed,
        file: RawRows,
        look_ups: LookUps,
    ) -> FileColumns:
        """Take the array apart that the feed names, and open the files that are looked up.

        Args:
            con: a DuckDB connection.
            mapping: the source.
            feed: one of its feeds, which the file fits.
            file: the file as it was read.
            look_ups: what can be looked up beside it.
        """
        columns = cls(mapping, feed, file, file, damage=[file.damage] if file.damage else [], notes=list(file.notes))
        if feed.explode and file.columns:
            columns._explode(con, feed.explode)
        columns._open_lookups(look_ups)
        return columns

    @property
    def reordered(self) -> bool:
        """Whether the rows of `relation` may come in another order than those of the file."""
        return bool(self._lookup_columns) or self.feed.explode is not None

    def sql_of(self, name: str) -> str | None:
        """SQL of a column of the file or of a lookup, cleaned of spaces and null markers; None where there is none."""
        prefix, _, rest = name.partition(".")
        if prefix in self.feed.lookups and rest:
            looked_up = self._looked_up.get(prefix)
            own = looked_up.columns.get(rest.casefold()) if looked_up else None
            if own is None:
                return None
            self._lookup_columns.setdefault(prefix, set()).add(own)
            return self._clean_sql(identifier(f"{prefix}.{own}"))
        column = self.raw.column_of(name)
        if column is None:
            return None
        self.used.add(column)
        return self._clean_sql(identifier(column))

    def relation(self) -> str:
        """SQL for FROM: the rows of the file, each beside the columns of look-ups that `sql_of` was called for."""
        joins = ""
        columns_sql = [f"_file_rows.{identifier(name)}" for name in self.raw.columns]
        for name, columns in sorted(self._lookup_columns.items()):
            lookup = self.feed.lookups[name]
            key = self.sql_of(lookup.key)
            if key is None:
                self.damage.append(
                    f"{self.raw.name}: the column `{lookup.key}` is not there, so `{name}` cannot be looked up; "
                    f"the file has {listed(self.raw.columns)}"
                )
                key = "NULL::VARCHAR"
            rows = self._looked_up[name].rows
            assert rows is not None
            columns_sql += [f"{name}.{identifier(c)} AS {identifier(f'{name}.{c}')}" for c in sorted(columns)]
            joins += f" LEFT JOIN {rows.relation} AS {name} ON {name}.{MATCH} = {value_sql.as_id(key)}"
        if not joins:
            return self.raw.relation
        columns_sql += [f"_file_rows.{name}" for name in ("_row", "_item", "_unreadable")]
        return f"(SELECT {', '.join(columns_sql)} FROM {self.raw.relation} AS _file_rows{joins})"

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
        message = f"{self.raw.name}: the needed column {options} is not there"
        if column.name not in names:
            message += f" (it becomes `{column.name}`)"
        return f"{message}; the file has {listed(self.raw.columns)}{hint}"

    def _explode(self, con: duckdb.DuckDBPyConnection, column: str) -> None:
        if self.raw.column_of(column) is None:
            self.damage.append(
                f"{self.raw.name}: the column `{column}` is not there; the file has {listed(self.raw.columns)}"
            )
            return
        self.used.add(self.raw.column_of(column) or column)
        self.raw = explode(con, self.raw, column)

    def _open_lookups(self, look_ups: LookUps) -> None:
        for name, lookup in self.feed.lookups.items():
            looked_up = look_ups.rows_of(self.feed, name)
            if looked_up.rows is None:
                reason = f"no file like {listed(lookup.files)} is beside it"
                message = f"{self.raw.name}: {reason}, so `{name}` cannot be looked up"
                (self.notes if lookup.optional else self.damage).append(message)
                continue
            self.damage += [
                f"{self.raw.name}: `{name}` is looked up in a damaged file: {damage}" for damage in looked_up.damage
            ]
            if lookup.match.casefold() not in looked_up.columns:
                self.damage.append(
                    f"{looked_up.file}: the column `{lookup.match}` is not there, so `{name}` cannot be looked up"
                )
                continue
            self._looked_up[name] = looked_up

    def _clean_sql(self, sql: str) -> str:
        markers = ", ".join(quoted(marker.casefold()) for marker in ("", *self.mapping.null_markers))
        return f"CASE WHEN lower({value_sql.trim(sql)}) NOT IN ({markers}) THEN {value_sql.trim(sql)} END"
