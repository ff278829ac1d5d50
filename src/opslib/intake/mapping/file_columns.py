"""What a column's name in a mapping stands for in one file: a column of it, or one of a file looked up beside it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import duckdb

from opslib.intake.disclosure import columns_in_words, places_in_words
from opslib.intake.mapping import value_sql
from opslib.intake.mapping.look_ups import MATCH, LookUpRows, LookUps, label_of
from opslib.intake.mapping.sources import Feed, SourceMapping
from opslib.intake.notation import identifier, listed, parquet_source, quoted
from opslib.intake.reading.json_rows import explode
from opslib.intake.reading.raw_rows import SHEET, RawRows
from opslib.locales import whole
from opslib.tables import TABLES, Column, Table

_BETWEEN: Final = "\x1f"
"""Sets the null markers apart, and stands in no cell."""

_VALUE: Final = re.compile(
    r"\S+@\S+\.\S+|\d{4,}|\+?[\d ()/-]{7,}|.*\d{1,4}[-./]\d{1,2}[-./]\d{1,4}.*|.{100,}", re.DOTALL
)
"""What is no name of a column: an address, a number, a time, a sentence."""

_ITEM = re.compile(r"(?P<array>[^\[\]]+)\[(?P<key>[^\[\]=]+)=(?P<word>[^\[\]]+)\]\.(?P<path>[^\[\]]+)")
"""`answers[type=open_ended].value`: of an array the first object whose `type` is that word, and of it `value`."""


def _item_sql(array: str, item: re.Match[str]) -> str:
    """SQL of a value in an object of an array that a column holds as JSON; null where it holds none."""
    key, path = quoted(f"$.{item['key']}"), quoted(f"$.{item['path']}")
    matches = f"lambda x: json_extract_string(x, {key}) = {quoted(item['word'])}"
    value = f"json_extract_string(list_filter(json_extract({array}, '$[*]'), {matches})[1], {path})"
    return f"CASE WHEN json_valid({array}) THEN {value} END"


def shown_columns(mapping: SourceMapping) -> frozenset[str]:
    """The names of columns that may be shown of a file, in lower case: those of the mapping and of the tables."""
    return mapping.vocabulary | {name for table in TABLES.values() for name in table.names}


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
    _texts: dict[str, str] = field(default_factory=dict)
    _lookup_columns: dict[str, set[str]] = field(default_factory=dict)
    _looked_up: dict[str, LookUpRows] = field(default_factory=dict)
    _look_ups: LookUps | None = None

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
        damage = [file.damage] if file.damage else []
        columns = cls(mapping, feed, file, file, damage=damage, notes=list(file.notes), _look_ups=look_ups)
        if feed.explode and file.columns:
            columns._explode(con, feed.explode)
        columns._open_lookups(look_ups)
        return columns

    @property
    def reordered(self) -> bool:
        """Whether the rows of `relation` may come in another order than those of the file."""
        return bool(self._lookup_columns) or self.feed.explode is not None

    def sql_of(self, name: str, values: Collection[str] = ()) -> str | None:
        """SQL of a column of the file or of a look-up, cleaned of spaces and null markers; None where there is none.

        Args:
            name: the column's name in the mapping.
            values: texts that are values here, though they may be null markers elsewhere.

        Notes:
            It is the name of a column of `relation`: a mapping of thousands of cases names the same one in each.
        """
        text = self._text_of(name, values)
        return None if text is None else identifier(self._texts.setdefault(text, f"text {len(self._texts)}"))

    def _text_of(self, name: str, values: Collection[str] = ()) -> str | None:
        """SQL of such a column over the rows of the file and those that are looked up."""
        prefix, _, rest = name.partition(".")
        if prefix in self.feed.lookups and rest:
            looked_up = self._looked_up.get(prefix)
            own = looked_up.columns.get(rest.casefold()) if looked_up else None
            if own is None:
                return None
            self._lookup_columns.setdefault(prefix, set()).add(own)
            return self._clean_sql(identifier(f"{prefix}.{own}"), values)
        item = _ITEM.fullmatch(name)
        column = self.raw.column_of(item["array"] if item else name)
        if column is None:
            return None
        self.used.add(column)
        return self._clean_sql(_item_sql(identifier(column), item) if item else identifier(column), values)

    def places_of(self, name: str) -> Iterator[tuple[RawRows, str]]:
        """Where a column's name is found: the file, or the rows of a look-up, and what the column is called there."""
        prefix, _, rest = name.partition(".")
        if prefix in self.feed.lookups and rest:
            raw = self._looked_up[prefix].rows if prefix in self._looked_up else None
        else:
            raw, rest = self.raw, name
        column = raw.column_of(rest) if raw is not None else None
        if raw is not None and column is not None:
            yield raw, column

    def relation(self) -> str:
        """SQL for FROM: `_row`, `_item`, `_unreadable`, and the columns that `sql_of` was called for."""
        texts = [f"{text} AS {identifier(name)}" for text, name in self._texts.items()]
        return f"(SELECT {', '.join(['_row', '_item', '_unreadable', *texts])} FROM {self._rows()})"

    def _rows(self) -> str:
        """SQL for FROM: the rows of the file, each beside the columns of look-ups that rules name."""
        joins = ""
        columns_sql = [f"_file_rows.{identifier(name)}" for name in self.raw.columns]
        for name, columns in sorted(self._lookup_columns.items()):
            lookup = self.feed.lookups[name]
            key = self._text_of(lookup.key)
            if key is None:
                self.damage.append(
                    f"{self.raw.name}: the column `{lookup.key}` is not there, so `{name}` cannot be looked up; "
                    + self._own_columns()
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

    def found(self) -> Iterator[str]:
        """SQL of digests of what the file looks up and finds, one per look-up: `_row` (0 for the look-up as a whole),
        `look_up`, `key` and `says`."""
        if self._look_ups is None or not self._look_ups.secret:
            return
        for name, lookup in self.feed.lookups.items():
            label = label_of(self.mapping, self.feed, name)
            digests = parquet_source(self._look_ups.digests_of(label, self.feed, name))
            keys = "SELECT 0 AS _row, '' AS key"
            if (key := self._text_of(lookup.key)) is not None:
                own = f"SELECT _row, {value_sql.as_id(key)} AS id FROM {self.raw.relation}"
                digest = self._look_ups.digest_sql("id")
                keys += f" UNION ALL SELECT _row, {digest} FROM ({own}) WHERE id IS NOT NULL"
            yield (
                f"SELECT _row, {quoted(label)} AS look_up, keys.key, says "
                f"FROM ({keys}) AS keys LEFT JOIN {digests} AS digests ON digests.key = keys.key"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the file by name, in order."""
        return tuple(name for name in self.file.columns if name != SHEET)

    @property
    def _has_header(self) -> bool:
        """Whether the first line can be a header, and is no row of data."""
        return bool(self.used - {SHEET}) and not any(_VALUE.fullmatch(name) for name in self.names)

    def missing_messages(
        self, table: Table, missing: Mapping[str, Sequence[str]], needed: Iterable[Sequence[str]]
    ) -> list[str]:
        """What to say of needed columns that the file does not have.

        Args:
            table: the standard table.
            missing: for each of its columns that cannot be made, the names of which any would do.
            needed: the same names for all columns that are needed.
        """
        if not missing:
            return []
        elsewhere = self._place_of_header([names for names in needed if names])
        if elsewhere is not None:
            options = listed([names[0] if names else name for name, names in missing.items()])
            return [f"{self.raw.name}: the needed columns {options} are not in the first line; {elsewhere}"]
        if not self._has_header:
            options = listed([names[0] if names else name for name, names in missing.items()])
            return [f"{self.raw.name}: the needed columns {options} are not there; {self._header_doubt()}"]
        return [self._missing_message(table[name], names) for name, names in missing.items()]

    def _header_doubt(self) -> str:
        """What to say of a first line that may be no header, and must not be shown."""
        number = len(self.names)
        found = "some of them are values, not names" if self.used - {SHEET} else "none is a column that the feed names"
        return (
            f"its first line has {whole(number)} field(s), and {found}: is the header missing, or do lines stand "
            "above it "
            f"(`read: {{skip_lines: N}}`)?{self._layout_hint()}"
        )

    def _place_of_header(self, ways: Sequence[Sequence[str]]) -> str | None:
        """Where the header is, if it is not in the first line, and what to write; what the lines hold is never said."""
        wanted = [{name.strip().casefold() for name in names} for names in ways]
        lines = [{cell.strip().casefold() for cell in line} for line in self.file.head]
        options = self.feed.read
        for number, cells in enumerate(lines):
            if number and all(names & cells for names in wanted):
                return (
                    f"{number} line(s) stand above its header: "
                    f"write `read: {{skip_lines: {options.skip_lines + number}}}` under the feed"
                )
        for number in range(len(lines) - 1):
            both = lines[number] | lines[number + 1]
            if options.header_lines == 1 and all(names & both for names in wanted):
                skip = f"skip_lines: {options.skip_lines + number}, " if number else ""
                return f"its header takes two lines: write `read: {{{skip}header_lines: 2}}` under the feed"
        return None

    def _missing_message(self, column: Column, rule_columns: Sequence[str]) -> str:
        """What to say of a needed column that the file does not have."""
        names = list(dict.fromkeys(rule_columns)) or [column.name]
        own_names = [name for name in self.raw.columns if name != SHEET]
        by_spelling = {re.sub(r"[\s_.-]+", "", name.casefold()): name for name in own_names}
        vocabulary = shown_columns(self.mapping)
        keys = [re.sub(r"[\s_.-]+", "", name.casefold()) for name in (*names, column.name)]
        suggestions = [
            by_spelling[spelling]
            for key in keys
            for spelling in difflib.get_close_matches(key, by_spelling, n=1, cutoff=0.6)
        ]
        suggestions = [name for name in suggestions if name not in self.used] or suggestions
        options = " or ".join(f"`{name}`" for name in names)
        hint = ""
        if suggestions:
            is_shown = suggestions[0].strip().casefold() in vocabulary
            name = listed(suggestions[:1]) if is_shown else places_in_words([own_names.index(suggestions[0]) + 1])
            hint = f"; did you mean {name}?"
        message = f"{self.raw.name}: the needed column {options} is not there"
        if column.name not in names:
            message += f" (it becomes `{column.name}`)"
        return f"{message}; the file has {columns_in_words(own_names, vocabulary)}{hint}{self._layout_hint()}"

    def _own_columns(self) -> str:
        if not self._has_header:
            return self._header_doubt()
        return f"the file has {columns_in_words(self.names, shown_columns(self.mapping))}"

    def _layout_hint(self) -> str:
        """How to read another part of a workbook, or of a file with lines above its header."""
        if not self.raw.typed or SHEET not in self.raw.columns:
            return ""
        others = listed([sheet.title for sheet in self.file.sheets]) if self.file.sheets else None
        sheets = f"; the workbook has the sheets {others}: `read: {{sheet: …}}` chooses one" if others else ""
        return f"{sheets}; `read: {{skip_lines: …}}` leaves out lines above the header"

    def _explode(self, con: duckdb.DuckDBPyConnection, column: str) -> None:
        if self.raw.column_of(column) is None:
            self.damage.append(f"{self.raw.name}: the column `{column}`, an array to take apart, is not there")
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

    def _clean_sql(self, sql: str, values: Collection[str]) -> str:
        text = value_sql.trim(sql)
        kept = {value.strip().casefold() for value in values}
        markers = {marker.casefold() for marker in self.mapping.null_markers} - kept
        words = sorted({"", *markers})
        # One text with all markers: a list of so many constants becomes a join for each column of each rule. A text of
        # more bytes than any marker need not be made lower case to be told from all of them.
        listed_words = quoted(_BETWEEN.join(["", *words, ""]))
        is_longer = f"strlen({text}) > {4 * max(map(len, words))}"
        is_marker = f"contains({listed_words}, concat({quoted(_BETWEEN)}, lower({text}), {quoted(_BETWEEN)}))"
        return f"CASE WHEN {is_longer} OR NOT {is_marker} THEN {text} END"
