"""Maps the files of a CRM's export to the standard tables, as params/sources/NAME.yml says.

A mapping is compiled to SQL that DuckDB runs over the columns of a file; no value is handled one by one in Python. A
value that cannot be read never costs its row: the column is null there and `_unreadable` says what stood in it and what
was expected.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from opslib.errors import ExportError, SettingsError
from opslib.intake.json_rows import exploded
from opslib.intake.notation import identifier, listed, quoted
from opslib.intake.raw_rows import RawRows, Workspace
from opslib.intake.read import open_export
from opslib.intake.read_options import SUFFIXES, ReadOptions
from opslib.settings import Settings, Zone, load
from opslib.tables import TABLES, Column

STANDARD: Final = "standard"
CHUNK_ROWS: Final = 500_000
_EARLIEST, _LATEST = 631_152_000, 4_102_444_800  # 1990 and 2100: an epoch outside of them is in another unit
_TIME_FORMATS: Final = {
    "iso": "an ISO time",
    "day_first": "a day-first time like 31/12/2026 17:00",
    "month_first": "a month-first time like 12/31/2026 17:00",
    "epoch_s": "a time in seconds since 1970",
    "epoch_ms": "a time in milliseconds since 1970",
    "excel_serial": "an Excel serial date",
}
_DATE_FORMATS: Final = {
    "iso": "an ISO date",
    "day_first": "a day-first date like 31/12/2026",
    "month_first": "a month-first date like 12/31/2026",
}
_SQL_TYPES: Final = {
    "instant": "TIMESTAMP WITH TIME ZONE",
    "date": "DATE",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
}
_ENTITIES: Final = {
    "&nbsp;": " ",
    "&lt;": "<",
    "&gt;": ">",
    "&quot;": '"',
    "&#34;": '"',
    "&#39;": "'",
    "&#x27;": "'",
    "&apos;": "'",
    "&rsquo;": "’",
    "&lsquo;": "‘",
    "&rdquo;": "”",
    "&ldquo;": "“",
    "&ndash;": "–",
    "&mdash;": "—",
    "&hellip;": "…",
    "&#64;": "@",
    "&#x40;": "@",
    "&commat;": "@",
    "&#46;": ".",
    "&period;": ".",
    "&amp;": "&",
}

# ----------------------------------------------------------------------------------------------- what a mapping may say


def _as_text(value: object) -> object:
    """Text of a YAML scalar: `1` and `true` are words here."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else value


def _as_texts(value: object) -> object:
    return tuple(_as_text(item) for item in value) if isinstance(value, (list, tuple)) else (_as_text(value),)


def _as_table(value: object) -> object:
    return {key: _as_text(item) for key, item in value.items()} if isinstance(value, Mapping) else value


def _time_format(value: str) -> str:
    if value not in _TIME_FORMATS and "%" not in value:
        raise ValueError(
            f"{value!r} is no time format; write {', '.join(_TIME_FORMATS)} or a pattern like '%d.%m.%Y %H:%M'"
        )
    return value


def _pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is no regular expression: {error}") from error
    return value


def _rule(value: object) -> object:
    """A column's name, or several of which the first that is filled counts, are short for `from`."""
    return {"from": value} if isinstance(value, (str, list, tuple)) else value


Text = Annotated[str, BeforeValidator(_as_text)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_as_texts)]
TimeFormats = Annotated[tuple[Annotated[str, AfterValidator(_time_format)], ...], BeforeValidator(_as_texts)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Translation = Annotated[dict[str, str | None], BeforeValidator(_as_table)]
TableName = Annotated[str, AfterValidator(lambda name: _known_table(name))]


def _known_table(name: str) -> str:
    if name not in TABLES:
        near = difflib.get_close_matches(name, TABLES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(TABLES)}"
        raise ValueError(f"there is no standard table {name!r}{hint}")
    return name


class Condition(Settings):
    """A test of one column of the file. Texts are compared without regard to case; an empty field equals nothing."""

    column: str
    equals: Text | None = Field(default=None, alias="is")
    differs: Text | None = Field(default=None, alias="is_not")
    among: Texts | None = Field(default=None, alias="in")
    not_among: Texts | None = Field(default=None, alias="not_in")
    filled: bool | None = None
    matches: Pattern | None = None
    same_as: str | None = None
    differs_from: str | None = None

    @model_validator(mode="after")
    def _one_test(self) -> Condition:
        if len(self.model_fields_set - {"column"}) != 1:
            tests = "is, is_not, in, not_in, filled, matches, same_as, differs_from"
            raise ValueError(f"give exactly one test beside `column`: {tests}")
        if next(iter(self.model_dump(exclude={"column"}, exclude_none=True)), None) is None:
            raise ValueError("for an empty column write `filled: false`")
        return self


class ColumnRule(Settings):
    """What a standard column is made from.

    One of `from` (a column, or several of which the first that is filled counts), `join` (columns put together `with` a
    text between), `constant`, `cases`. Then, in this order: `extract` (the first group of a regular expression),
    `values` (a translation; `else` is what becomes of other values: keep, null, unreadable, or a constant), `missing`
    (what an empty field becomes), and the reading of its type.
    """

    source: Texts = Field(default=(), alias="from")
    join: tuple[str, ...] = ()
    between: str = Field(default=" ", alias="with")
    constant: Text | None = None
    cases: tuple[Case, ...] = ()
    extract: Pattern | None = None
    values: Translation = Field(default={})
    otherwise: Text | None = Field(default="keep", alias="else")
    missing: Text | None = None
    nulls: Texts = ()
    time: TimeFormats | None = None
    zone: Zone | None = None
    decimal: Literal[".", ","] | None = None
    html: bool = False

    @model_validator(mode="after")
    def _one_origin(self) -> ColumnRule:
        origins = [bool(self.source), bool(self.join), self.constant is not None, bool(self.cases)]
        if sum(origins) != 1:
            raise ValueError("give exactly one of from, join, constant, cases")
        if self.time and {"day_first", "month_first"} <= set(self.time):
            raise ValueError("a time cannot be day_first and month_first at once")
        return self


class Case(ColumnRule):
    """A rule that holds where all its conditions do; the first that fits counts, one without conditions fits always."""

    where: tuple[Condition, ...] = ()


ColumnRule.model_rebuild()
Case.model_rebuild()
Rules = dict[str, Annotated[ColumnRule, BeforeValidator(_rule)]]


class Lookup(Settings):
    """Another file of the export, one row of which belongs to each row: its columns are `NAME.column` in the rules."""

    files: Texts
    key: str
    match: str
    read: ReadOptions = ReadOptions()
    optional: bool = False


class RowRule(Settings):
    """One row that a row of the file gives: where the conditions hold and the table's dating instant is not empty."""

    columns: Rules
    where: tuple[Condition, ...] = ()


class Feed(Settings):
    """How files of one form feed one standard table."""

    table: TableName
    files: Texts
    read: ReadOptions = ReadOptions()
    explode: str | None = None
    lookups: dict[Annotated[str, Field(pattern=r"^[a-z_]+$")], Lookup] = Field(default={})
    where: tuple[Condition, ...] = ()
    time: TimeFormats | None = None
    zone: Zone | None = None
    columns: Rules = Field(default={})
    rows: tuple[RowRule, ...] = ()

    @model_validator(mode="after")
    def _columns_are_known(self) -> Feed:
        table, wrong = TABLES[self.table], []
        for name in dict.fromkeys([*self.columns, *(name for row in self.rows for name in row.columns)]):
            if name not in table.names:
                near = difflib.get_close_matches(name, table.names, n=1)
                wrong.append(f"{self.table} has no column {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        for columns in [{**self.columns, **row.columns} for row in self.rows] or [self.columns]:
            absent = [name for name in table.needed_columns if name not in columns]
            if absent:
                wrong.append(f"{self.table} needs {listed(absent)}: say what the column is made from")
        if wrong:
            raise ValueError("; ".join(dict.fromkeys(wrong)))
        return self

    def fits(self, name: str) -> bool:
        """Whether a file of that name is one of this feed's."""
        return _fits(name, self.files)


class SourceMapping(Settings):
    """params/sources/NAME.yml: how the exports of one CRM become the standard tables."""

    name: str = ""
    description: str
    organisation: str = "org"
    zone: Zone = "UTC"
    time: TimeFormats = ("iso",)
    decimal: Literal[".", ","] = "."
    null_markers: Texts = ("NULL", "\\N", "?")
    yes: Texts = ("true", "t", "yes", "y", "1")
    no: Texts = ("false", "f", "no", "n", "0")
    notes: Texts = ()
    feeds: tuple[Feed, ...] = Field(min_length=1)


def source_names(params: Path) -> tuple[str, ...]:
    """The sources there are: `standard` and the files of params/sources."""
    return (STANDARD, *sorted(path.stem for path in (params / "sources").glob("*.yml") if path.stem != STANDARD))


def load_source(params: Path, name: str) -> SourceMapping:
    """Read the mapping of one source.

    Args:
        params: the folder of the parameters.
        name: `standard`, or the name of a file in `params/sources` without `.yml`.

    Raises:
        SettingsError: there is no such source (the message lists those there are), or its file does not fit; every
            problem with its line.
    """
    if name == STANDARD:
        return _standard()
    known = source_names(params)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise SettingsError(
            f"there is no source {name!r}{hint} There are: {', '.join(known)}. "
            f"A new one is a file {params / 'sources' / 'NAME.yml'}"
        )
    return load(params / "sources" / f"{name}.yml", SourceMapping).model_copy(update={"name": name})


def _standard() -> SourceMapping:
    """The source whose files bear the names and columns of the standard tables."""
    endings = [ending + more for ending in SUFFIXES for more in ("", ".gz")]
    return SourceMapping(
        name=STANDARD,
        description="files that bear the names and the columns of the standard tables",
        feeds=tuple(
            Feed.model_validate(
                {
                    "table": table.name,
                    "files": [f"{table.name}{more}{ending}" for more in ("", "-*", "_*") for ending in endings],
                    "columns": {name: name for name in table.names},
                }
            )
            for table in TABLES.values()
        ),
    )


# ---------------------------------------------------------------------------------------------------------------- files


def find_files(mapping: SourceMapping, exports: Path) -> list[Path]:
    """The files of an export that feed a standard table, oldest first.

    Args:
        mapping: the source.
        exports: the folder of the exports (one file is taken as itself).

    Returns:
        The files in the order of the last date in their name (`2026-11-09`, `20261109`), else of their time of change,
        then of their name: the order in which later rows replace earlier ones.

    Raises:
        ExportError: there is no such folder, or no file in it fits the source.
    """
    found = [path for path in _files(exports) if any(feed.fits(path.name) for feed in mapping.feeds)]
    if not found:
        looked_for = _looked_for(mapping)
        there = [path.name for path in _files(exports)]
        raise ExportError(
            f"{exports}: no file fits the source {mapping.name!r}. It looks for {listed(looked_for, 12)}; "
            f"the folder has {listed(there, 12) if there else 'no files'}"
        )
    return sorted(found, key=lambda path: (_file_date(path), path.name))


def lookup_files(mapping: SourceMapping, exports: Path) -> list[Path]:
    """The files that rows of other files are looked up in: a change in one of them changes what the others become."""
    patterns = [pattern for feed in mapping.feeds for lookup in feed.lookups.values() for pattern in lookup.files]
    return [path for path in _files(exports) if _fits(path.name, patterns)]


def unused_files(mapping: SourceMapping, exports: Path) -> list[Path]:
    """The files of the folder that the source neither maps nor looks anything up in."""
    used = set(lookup_files(mapping, exports))
    return [
        path for path in _files(exports) if path not in used and not any(feed.fits(path.name) for feed in mapping.feeds)
    ]


def _looked_for(mapping: SourceMapping) -> list[str]:
    if mapping.name == STANDARD:
        return [f"{table}.csv" for table in TABLES]
    return list(dict.fromkeys(pattern for feed in mapping.feeds for pattern in feed.files))


def _files(exports: Path) -> list[Path]:
    if exports.is_file():
        return [exports]
    if not exports.is_dir():
        raise ExportError(f"{exports}: there is no such folder of exports")
    return sorted(path for path in exports.iterdir() if path.is_file() and not path.name.startswith("."))


def _fits(name: str, patterns: Iterable[str]) -> bool:
    folded = name.casefold()
    return any(
        # The start tells most of them apart, and needs no pattern compiled.
        folded.startswith(re.split(r"[*?[]", pattern, maxsplit=1)[0]) and fnmatch.fnmatchcase(folded, pattern)
        for pattern in map(str.casefold, patterns)
    )


def _file_date(path: Path) -> datetime:
    for year, month, day in reversed(re.findall(r"(?<!\d)(20\d\d)[-_.]?(\d\d)[-_.]?(\d\d)(?!\d)", path.name)):
        try:
            return datetime(int(year), int(month), int(day), tzinfo=UTC)
        except ValueError:
            continue
    return datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)


# --------------------------------------------------------------------------------------------------------------- result


@dataclass(frozen=True)
class MappedFile:
    """The rows that one file gives to one standard table.

    `present` are the standard columns that the file gives; `rows_read` the rows that come out of `chunks()`;
    `source_rows` the rows of the file (or the items of its arrays); `left_out` those that the mapping's `where` leaves
    out; `unused` the file's columns that no feed uses; `damage` what is wrong with the file as a whole.
    """

    table: str
    path: Path
    present: frozenset[str]
    rows_read: int
    source_rows: int
    left_out: int
    damage: str | None
    notes: tuple[str, ...]
    unused: tuple[str, ...]
    parquet: Path = field(repr=False)
    workspace: Workspace = field(repr=False)

    def chunks(self) -> Iterator[pa.Table]:
        """The rows in the order of the file, at most 500,000 at a time.

        Yields:
            All columns of the standard table in their types, `_row` (the data row of the file, from 1) and
            `_unreadable`.
        """
        schema = _chunk_schema(self.table)
        with pq.ParquetFile(self.parquet) as stored:
            for batch in stored.iter_batches(batch_size=CHUNK_ROWS):
                yield pa.Table.from_batches([batch]).cast(schema)

    def close(self) -> None:
        """Remove the temporary files (of all tables that the same file feeds)."""
        self.workspace.close()


def _chunk_schema(table: str) -> pa.Schema:
    return pa.schema([*TABLES[table].schema, ("_row", pa.int64()), ("_unreadable", pa.string())])


def map_file(con: duckdb.DuckDBPyConnection, mapping: SourceMapping, path: Path, exports: Path) -> list[MappedFile]:
    """Read one file and make its rows those of the standard tables that it feeds.

    Args:
        con: a DuckDB connection; it is not held after the call.
        mapping: the source.
        path: a file that the source maps.
        exports: the folder of the exports, for lookups.

    Returns:
        One for each standard table that the file feeds, in the order of the mapping.

    Raises:
        ExportError: the source maps no file of that name, or the file is not there.

    Notes:
        Times without an offset are in the mapping's zone. In the hour that a change to summer time skips they are read
        with the offset from before the change (02:30 becomes 03:30); in the hour that comes twice in autumn, as the
        second one (standard time). Instants are cut to whole seconds. The rows keep the order of the file; those from
        one row of it, the order of the mapping.
    """
    plans = plan_file(con, mapping, path, exports)
    workspace = plans[0].workspace
    used = {name for plan in plans for name in plan.used}
    files = []
    for table in dict.fromkeys(plan.table for plan in plans):
        own = [plan for plan in plans if plan.table == table]
        target, cursor = workspace.new(".parquet"), con.cursor()
        names = ", ".join(identifier(name) for name in (*TABLES[table].names, "_row", "_unreadable"))
        selects = [plan.final_sql(number, row) for number, plan in enumerate(own) for row in range(len(plan.variants))]
        order = "ORDER BY _row, _item, _feed, _rule" if len(selects) > 1 or any(plan.reordered for plan in own) else ""
        cursor.execute(
            f"COPY (SELECT {names} FROM ({' UNION ALL '.join(selects)}) {order}) TO {quoted(target)} (FORMAT parquet)"
        )
        damage = list(dict.fromkeys(said for plan in own for said in plan.damage))
        files.append(
            MappedFile(
                table=table,
                path=path,
                present=frozenset(name for plan in own for name in plan.present),
                rows_read=pq.read_metadata(target).num_rows,
                source_rows=sum(plan.raw.rows for plan in own),
                left_out=sum(plan.left_out(cursor) for plan in own),
                damage="; ".join(damage) or None,
                notes=tuple(dict.fromkeys(note for plan in own for note in plan.notes)),
                unused=tuple(name for name in own[0].file_columns if name not in used),
                parquet=target,
                workspace=workspace,
            )
        )
    return files


# ----------------------------------------------------------------------------------------------------------------- plan


@dataclass(frozen=True)
class PlannedColumn:
    """How one standard column is made: in words, and in SQL.

    `raw` is what stands in the file, `text` what it is after translation, `failed` whether the translation does not
    know it, `value` the typed value over a column `t` of text. `sources` are the file's columns that are used, `wanted`
    all that the rule names.
    """

    column: Column
    rule: str
    sources: tuple[str, ...]
    wanted: tuple[str, ...]
    present: bool
    translated: bool
    expected: str
    raw: str
    text: str
    failed: str
    unknown: str
    value: str


@dataclass(frozen=True)
class Variant:
    """One row rule of a feed (or the feed's columns, where it has none)."""

    columns: tuple[PlannedColumn, ...]
    condition: str


@dataclass(frozen=True)
class Plan:
    """A feed, compiled for one file."""

    table: str
    raw: RawRows
    relation: str
    where: str
    variants: tuple[Variant, ...]
    used: frozenset[str]
    file_columns: tuple[str, ...]
    file_rows: int
    damage: tuple[str, ...]
    notes: tuple[str, ...]
    reordered: bool
    workspace: Workspace

    @property
    def present(self) -> tuple[str, ...]:
        """The standard columns that the file gives."""
        given = {planned.column.name for variant in self.variants for planned in variant.columns if planned.present}
        return tuple(name for name in TABLES[self.table].names if name in given)

    def left_out(self, con: duckdb.DuckDBPyConnection) -> int:
        """How many rows of the file give no row, because the conditions leave them out."""
        wanted = f"({self.where}) AND ({' OR '.join(f'({variant.condition})' for variant in self.variants)})"
        if wanted == "(true) AND ((true))":
            return 0
        return _count(con, f"SELECT count(*) FROM {self.relation} WHERE _unreadable IS NULL AND NOT ({wanted})")

    def read_sql(self, variant: int) -> str:
        """SQL of the rows with `rN` (as it stands in the file), `tN` (as text), `fN` (whether the
        translation failed), `uN` (whether it has no entry for it) and `vN` (typed)."""
        chosen = self.variants[variant]
        # A row that does not fit the header comes out once, whatever the conditions say of its lost values.
        broken = "_unreadable IS NOT NULL" if variant == 0 else "false"
        kept = f"({broken}) OR (_unreadable IS NULL AND ({self.where}) AND ({chosen.condition}))"
        texts = [
            f"{planned.raw} AS r{number}, {planned.text} AS t{number}, "
            f"{planned.failed} AS f{number}, {planned.unknown} AS u{number}"
            for number, planned in enumerate(chosen.columns)
        ]
        values = [
            planned.value.replace("{t}", f"t{number}") + f" AS v{number}"
            for number, planned in enumerate(chosen.columns)
        ]
        return (
            f"(SELECT *, {', '.join(values)} FROM "
            f"(SELECT _row, _item, _unreadable AS _broken, {', '.join(texts)} FROM {self.relation} WHERE {kept}))"
        )

    def final_sql(self, feed: int, variant: int) -> str:
        """SQL of the rows as they come out: the standard columns, `_row`, `_unreadable` and what orders them."""
        chosen = self.variants[variant].columns
        names = [planned.column.name for planned in chosen]
        values = [f"v{number} AS {identifier(planned.column.name)}" for number, planned in enumerate(chosen)]
        if self.table == "ticket_events":
            event, value = names.index("event"), names.index("value")
            plain = _normalised(f"v{value}")
            values[value] = (
                f"CASE WHEN v{event} IN ('status', 'priority') THEN {plain} ELSE v{value} END AS {identifier('value')}"
            )
        said = [
            f"CASE WHEN {self.unreadable(number)} THEN {_message(f'r{number}', planned)} END"
            for number, planned in enumerate(chosen)
            if planned.present and (planned.column.type in _SQL_TYPES or planned.failed != "false")
        ]
        unreadable = f"nullif(concat_ws('; ', {', '.join(['_broken', *said])}), '') AS _unreadable"
        order = f"_item, {feed} AS _feed, {variant} AS _rule"
        return f"SELECT {', '.join(values)}, _row, {unreadable}, {order} FROM {self.read_sql(variant)}"

    @staticmethod
    def unreadable(number: int) -> str:
        """SQL: whether column number N has a value in the file that could not be read."""
        return f"(f{number} OR (t{number} IS NOT NULL AND v{number} IS NULL))"


def plan_file(con: duckdb.DuckDBPyConnection, mapping: SourceMapping, path: Path, exports: Path) -> list[Plan]:
    """Compile the feeds of one file: what `map_file` runs and `check_source` explains.

    Raises:
        ExportError: the source maps no file of that name, or the file is not there.
    """
    feeds = [feed for feed in mapping.feeds if feed.fits(path.name)]
    if not feeds:
        patterns = _looked_for(mapping)
        raise ExportError(
            f"{path.name}: the source {mapping.name!r} has no mapping for this file; it maps {listed(patterns, 12)}"
        )
    opened: dict[tuple[Path, ReadOptions], RawRows] = {}

    def opened_once(file: Path, options: ReadOptions) -> RawRows:
        if (file, options) not in opened:
            opened[file, options] = open_export(con, file, options)
        return opened[file, options]

    holder = opened_once(path, feeds[0].read).workspace
    plans = [
        _Compiler(con, mapping, feed, opened_once(path, feed.read), exports, opened_once).plan(holder) for feed in feeds
    ]
    for raw in opened.values():
        holder.keep(raw.workspace)
    return plans


def _count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    row = con.execute(query).fetchone()
    assert row is not None
    return int(row[0])


_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_SHOWABLE = f"(?i)([0-9\\s:/.,+-]|am|pm|t|z|utc|gmt|({_MONTHS})[a-z]*|n/?a|nan|none|null|true|false|yes|no|on|off)*"


def _message(raw: str, planned: PlannedColumn) -> str:
    """SQL: what could not be read. A shifted column puts names into the place of times, so only what looks like a time,
    a number or a truth value is shown."""
    shown = f"regexp_replace(left({raw}, 40), '\\s+', ' ', 'g')"
    if planned.column.type in _SQL_TYPES:
        hidden = f"concat('(text of ', length({raw}), ' characters)')"
        shown = f"CASE WHEN regexp_full_match({shown}, {quoted(_SHOWABLE)}) THEN {shown} ELSE {hidden} END"
    start, end = quoted(f"{planned.column.name}: '"), quoted(f"' is not {planned.expected}")
    return f"concat({start}, {shown}, {end})"


@dataclass
class _Compiler:
    """Turns the rules of one feed into SQL over the columns of one file."""

    con: duckdb.DuckDBPyConnection
    mapping: SourceMapping
    feed: Feed
    raw: RawRows
    exports: Path
    open: Any
    used: set[str] = field(default_factory=set)
    lookups_used: dict[str, set[str]] = field(default_factory=dict)
    looked_up: dict[str, tuple[list[RawRows], dict[str, str]]] = field(default_factory=dict)
    damage: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def plan(self, workspace: Workspace) -> Plan:
        table = TABLES[self.feed.table]
        file_columns, file_rows = self.raw.columns, self.raw.rows
        self.notes += self.raw.notes
        if self.raw.damage:
            self.damage.append(self.raw.damage)
        if self.feed.explode and self.raw.columns:
            self._explode(self.feed.explode)
        self._open_lookups()
        where = self._conditions(self.feed.where)
        rules = [({**self.feed.columns, **row.columns}, row.where) for row in self.feed.rows] or [
            (self.feed.columns, ())
        ]
        variants = []
        for columns, conditions in rules:
            planned = tuple(self._column(column, columns.get(column.name)) for column in table)
            condition = self._conditions(conditions)
            if self.feed.rows and table.dated_by:
                dated = next(one for one in planned if one.column.name == table.dated_by)
                condition = f"({condition}) AND {dated.raw} IS NOT NULL"
            variants.append(Variant(planned, condition))
        for column in table:
            ways = [one for variant in variants for one in variant.columns if one.column.name == column.name]
            if column.needed and self.raw.columns and not any(one.present for one in ways):
                self.damage.append(self._missing(column, [name for one in ways for name in one.wanted]))
        return Plan(
            table=table.name,
            raw=self.raw,
            relation=self._relation(),
            where=where,
            variants=tuple(variants),
            used=frozenset(self.used),
            file_columns=file_columns,
            file_rows=file_rows,
            damage=tuple(self.damage),
            notes=tuple(self.notes),
            reordered=bool(self.lookups_used) or self.feed.explode is not None,
            workspace=workspace,
        )

    def _missing(self, column: Column, wanted: Sequence[str]) -> str:
        """What to say of a needed column that the file does not have."""
        names = list(dict.fromkeys(wanted)) or [column.name]
        plain = {re.sub(r"[\s_.-]+", "", name.casefold()): name for name in self.raw.columns}
        keys = [re.sub(r"[\s_.-]+", "", name.casefold()) for name in (*names, column.name)]
        near = [plain[key] for wish in keys for key in difflib.get_close_matches(wish, plain, n=1, cutoff=0.6)]
        near = [name for name in near if name not in self.used] or near
        asked = " or ".join(f"`{name}`" for name in names)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        said = f"{self.raw.path.name}: the needed column {asked} is not there"
        if column.name not in names:
            said += f" (it becomes `{column.name}`)"
        return f"{said}; the file has {listed(self.raw.columns)}{hint}"

    # ---------------------------------------------------------------------------------------------- columns of the file

    def _explode(self, column: str) -> None:
        if self.raw.named(column) is None:
            self.damage.append(
                f"{self.raw.path.name}: the column `{column}` is not there; the file has {listed(self.raw.columns)}"
            )
            return
        self.used.add(self.raw.named(column) or column)
        self.raw = exploded(self.con, self.raw, column)

    def _open_lookups(self) -> None:
        for name, lookup in self.feed.lookups.items():
            folder = self.exports if self.exports.is_dir() else self.exports.parent
            files = sorted(
                (path for path in _files(folder) if _fits(path.name, lookup.files)),
                key=lambda p: (_file_date(p), p.name),
            )
            if not files:
                wanted = f"no file like {listed(lookup.files)} is beside it"
                said = f"{self.raw.path.name}: {wanted}, so `{name}` cannot be looked up"
                (self.notes if lookup.optional else self.damage).append(said)
                continue
            raws = [self.open(path, lookup.read) for path in files]
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
            self.looked_up[name] = (raws, columns)

    def _named(self, name: str) -> str | None:
        """SQL of a column of the file or of a lookup, cleaned of spaces and null markers; None where there is none."""
        prefix, _, rest = name.partition(".")
        if prefix in self.feed.lookups and rest:
            _, columns = self.looked_up.get(prefix, ([], {}))
            own = columns.get(rest.casefold())
            if own is None:
                return None
            self.lookups_used.setdefault(prefix, set()).add(own)
            return self._cleaned(identifier(f"{prefix}.{own}"))
        column = self.raw.named(name)
        if column is None:
            return None
        self.used.add(column)
        return self._cleaned(identifier(column))

    def _cleaned(self, sql: str) -> str:
        markers = ", ".join(quoted(marker.casefold()) for marker in ("", *self.mapping.null_markers))
        return f"CASE WHEN lower(trim({sql}, {_SPACES})) NOT IN ({markers}) THEN trim({sql}, {_SPACES}) END"

    def _relation(self) -> str:
        joined = ""
        chosen = [identifier(name) for name in self.raw.columns]
        for name, columns in sorted(self.lookups_used.items()):
            lookup = self.feed.lookups[name]
            raws, _ = self.looked_up[name]
            wanted = sorted(columns)
            selects = []
            for number, raw in enumerate(raws):
                own = [
                    f"{identifier(c)} AS {identifier(c)}" if raw.named(c) else f"NULL AS {identifier(c)}"
                    for c in wanted
                ]
                match = raw.named(lookup.match)
                if match is not None:
                    selects.append(
                        f"SELECT {_as_id(f'trim({identifier(match)})')} AS _match, {number} AS _file, _row, "
                        f"{', '.join(own)} FROM {raw.relation}"
                    )
            key = self._named(lookup.key)
            if key is None:
                self.damage.append(
                    f"{self.raw.path.name}: the column `{lookup.key}` is not there, so `{name}` cannot be looked up; "
                    f"the file has {listed(self.raw.columns)}"
                )
                key = "NULL::VARCHAR"
            chosen += [f"{name}.{identifier(c)} AS {identifier(f'{name}.{c}')}" for c in wanted]
            joined += (
                f" LEFT JOIN (SELECT * FROM ({' UNION ALL '.join(selects)}) WHERE _match IS NOT NULL "
                f"QUALIFY row_number() OVER (PARTITION BY _match ORDER BY _file DESC, _row DESC) = 1) AS {name} "
                f"ON {name}._match = {_as_id(key)}"
            )
        if not joined:
            return self.raw.relation
        own_columns = ", ".join(f"_file_rows.{name}" for name in ("_row", "_item", "_unreadable"))
        plain = [f"_file_rows.{name}" if number < len(self.raw.columns) else name for number, name in enumerate(chosen)]
        return f"(SELECT {', '.join(plain)}, {own_columns} FROM {self.raw.relation} AS _file_rows{joined})"

    # ------------------------------------------------------------------------------------------------------------ rules

    def _conditions(self, conditions: Sequence[Condition]) -> str:
        return " AND ".join(self._condition(condition) for condition in conditions) or "true"

    def _condition(self, condition: Condition) -> str:
        column = self._named(condition.column)
        if column is None:
            self.notes.append(
                f"the column `{condition.column}` that a condition names is not in the file; it counts as empty"
            )
            column = "NULL::VARCHAR"
        if condition.filled is not None:
            return f"({column} IS {'NOT ' if condition.filled else ''}NULL)"
        if condition.matches is not None:
            return f"coalesce(regexp_matches({column}, {quoted(condition.matches)}), false)"
        other = condition.same_as or condition.differs_from
        if other is not None:
            second = self._named(other) or "NULL::VARCHAR"
            operator = "=" if condition.same_as else "<>"
            return f"coalesce({_as_id(column)} {operator} {_as_id(second)}, false)"
        wanted = condition.among or condition.not_among
        if wanted is None:
            text = condition.equals if condition.equals is not None else condition.differs
            assert text is not None
            wanted = (text,)
        found = f"coalesce(lower({column}) IN ({', '.join(quoted(text.casefold()) for text in wanted)}), false)"
        return f"(NOT {found})" if condition.not_among is not None or condition.differs is not None else found

    def _column(self, column: Column, rule: ColumnRule | None) -> PlannedColumn:
        sql_type = _SQL_TYPES.get(column.type, "VARCHAR")
        if rule is None:
            null = "NULL::VARCHAR"
            return PlannedColumn(
                column, "not mapped", (), (), False, False, "", null, null, "false", "false", f"NULL::{sql_type}"
            )
        origin = self._origin(rule)
        value, expected, reading = self._typed(column, rule)
        text = origin.text
        if rule.missing is not None:
            text = f"CASE WHEN {origin.raw} IS NULL THEN {quoted(rule.missing)} ELSE {text} END"
        words = f"{origin.words}{reading}" + (f", empty becomes {rule.missing!r}" if rule.missing is not None else "")
        if rule.values or any(case.values or case.extract for case in rule.cases) or rule.extract:
            expected = "a value that the mapping knows" if column.type not in _SQL_TYPES else expected
        return PlannedColumn(
            column=column,
            rule=words,
            sources=tuple(dict.fromkeys(origin.found)),
            wanted=tuple(dict.fromkeys(origin.wanted)),
            present=origin.present or (rule.missing is not None and not column.needed),
            translated=bool(rule.values) or any(case.values for case in rule.cases),
            expected=expected,
            raw=origin.raw,
            text=text,
            failed=origin.failed,
            unknown=origin.unknown,
            value=f"({value})::{sql_type}",
        )

    def _origin(self, rule: ColumnRule) -> _Origin:
        """The text that a rule gives, before its type is read."""
        if rule.cases:
            return self._cases(rule)
        names = rule.source or rule.join
        found = [(name, sql) for name in names if (sql := self._named(name)) is not None]
        columns = list(dict.fromkeys(sql for _, sql in found))
        if rule.constant is not None:
            raw = quoted(rule.constant) if rule.constant else "NULL::VARCHAR"
            words = f"always {rule.constant!r}" if rule.constant else "always empty"
        elif not columns:
            raw, words = "NULL::VARCHAR", f"from {' or '.join(f'`{name}`' for name in names)}, which is not there"
        elif rule.join:
            raw = f"nullif(concat_ws({quoted(rule.between)}, {', '.join(columns)}), '')"
            words = "from " + " and ".join(f"`{name}`" for name, _ in found)
        else:
            raw = columns[0] if len(columns) == 1 else f"coalesce({', '.join(columns)})"
            words = "from " + ", else ".join(f"`{name}`" for name, _ in found)
        if rule.nulls:
            markers = ", ".join(quoted(marker.casefold()) for marker in rule.nulls)
            raw = f"CASE WHEN lower({raw}) NOT IN ({markers}) THEN {raw} END"
        text, failed, unknown = raw, "false", "false"
        if rule.extract is not None:
            text = f"nullif(regexp_extract({raw}, {quoted(rule.extract)}, 1), '')"
            failed = f"({raw} IS NOT NULL AND {text} IS NULL)"
            words += ", a part of it"
        if rule.html:
            text = _plain_text(text)
            words += ", HTML to text"
        if rule.values:
            text, failed, unknown = _translated(rule, text)
            words += ", translated"
        return _Origin(
            raw,
            text,
            failed,
            unknown,
            words,
            [name for name, _ in found],
            list(names),
            bool(columns) or bool(rule.constant),
        )

    def _cases(self, rule: ColumnRule) -> _Origin:
        arms = [(self._conditions(case.where), self._origin(case)) for case in rule.cases]

        def chosen(what: str, last: str) -> str:
            return (
                f"CASE {' '.join(f'WHEN {test} THEN {getattr(origin, what)}' for test, origin in arms)} ELSE {last} END"
            )

        tested = [
            name for case in rule.cases for c in case.where for name in (c.column, c.same_as, c.differs_from) if name
        ]
        found = [name for name in dict.fromkeys(tested) if self._named(name) is not None]
        given = any(origin.found for _, origin in arms) or bool(found) or (bool(arms) and not tested)
        return _Origin(
            raw=chosen("raw", "NULL"),
            text=chosen("text", "NULL"),
            failed=chosen("failed", "false"),
            unknown=chosen("unknown", "false"),
            words="the first case that fits: " + "; ".join(origin.words for _, origin in arms),
            found=[*(name for _, origin in arms for name in origin.found), *found],
            wanted=[*(name for _, origin in arms for name in origin.wanted), *tested],
            present=given and any(origin.present for _, origin in arms),
        )

    def _typed(self, column: Column, rule: ColumnRule) -> tuple[str, str, str]:
        """SQL of the typed value over `{t}`, what was expected, and the words for the rule."""
        zone = rule.zone or self.feed.zone or self.mapping.zone
        formats = rule.time or self.feed.time or self.mapping.time
        decimal = rule.decimal or self.mapping.decimal
        match column.type:
            case "instant" | "date":
                tried = [*formats, *(["iso"] if self.raw.typed and "iso" not in formats else [])]
                if column.type == "instant":
                    ways, names = [_instant(form, zone) for form in tried], _TIME_FORMATS
                else:
                    ways, names = [_date(form, zone) for form in tried], {**_TIME_FORMATS, **_DATE_FORMATS}
                expected = " or ".join(names.get(form, f"a time like {form}") for form in formats)
                words = f", read as {' or '.join(formats)}"
                if column.type == "instant" and any(form not in ("epoch_s", "epoch_ms") for form in formats):
                    words += f", {zone} where it has no offset"
                return f"coalesce({', '.join(ways)})", expected, words
            case "integer" | "number":
                return _number(decimal, whole=column.type == "integer"), _NUMBER_WORDS[column.type], ", a number"
            case "boolean":
                yes, no = (
                    ", ".join(quoted(word.casefold()) for word in words)
                    for words in (self.mapping.yes, self.mapping.no)
                )
                sql = f"CASE WHEN lower({{t}}) IN ({yes}) THEN true WHEN lower({{t}}) IN ({no}) THEN false END"
                return sql, f"a yes or no ({'/'.join((*self.mapping.yes, *self.mapping.no))})", ", yes or no"
            case "id" | "person":
                return _as_id("{t}"), "an id", ""
            case _:
                return (_normalised("{t}") if column.values else "{t}"), "text", ""


@dataclass(frozen=True)
class _Origin:
    raw: str
    text: str
    failed: str
    unknown: str
    words: str
    found: list[str]
    wanted: list[str]
    present: bool


# ------------------------------------------------------------------------------------------------------------------ SQL

_SPACES: Final = "' ' || chr(9) || chr(10) || chr(13) || chr(160)"
_NUMBER_WORDS: Final = {"integer": "a whole number", "number": "a number"}
_ISO_DAY: Final = r"(\d{4}-\d{2}-\d{2})"
_ISO_TIME: Final = r"(\d{2}:\d{2})(:\d{2})?(?:[.,]\d+)?"


def _as_id(sql: str) -> str:
    """An id that a spreadsheet or a data frame has turned into a number loses its `.0`."""
    return f"regexp_replace({sql}, '^(\\d+)\\.0+$', '\\1')"


def _normalised(sql: str) -> str:
    """`On-hold` is on_hold."""
    return f"regexp_replace(lower(trim({sql})), '[\\s-]+', '_', 'g')"


def _translated(rule: ColumnRule, text: str) -> tuple[str, str, str]:
    """SQL of the translation, of whether that makes the value unreadable, and of whether there is no entry for it."""
    arms = " ".join(
        f"WHEN {quoted(word.strip().casefold())} THEN {'NULL' if value is None else quoted(value)}"
        for word, value in rule.values.items()
    )
    known = ", ".join(quoted(word.strip().casefold()) for word in rule.values)
    match rule.otherwise:
        case "keep":
            other = text
        case None | "null" | "unreadable":
            other = "NULL"
        case constant:
            other = f"CASE WHEN {text} IS NOT NULL THEN {quoted(constant)} END"
    unknown = f"coalesce(lower({text}) NOT IN ({known}), false)"
    failed = unknown if rule.otherwise == "unreadable" else "false"
    return f"CASE lower({text}) {arms} ELSE {other} END", failed, unknown


def _plain_text(sql: str) -> str:
    """The text of HTML: tags out, breaks kept as new lines, the usual entities read."""
    sql = f"regexp_replace({sql}, '(?is)<(script|style)[^>]*>.*?</(script|style)\\s*>', ' ', 'g')"
    sql = f"regexp_replace({sql}, '(?i)<(br|/p|/div|/li|/tr|/h[1-6])\\s*/?>', chr(10), 'g')"
    sql = f"regexp_replace({sql}, '<[a-zA-Z/!][^>]*>', '', 'g')"
    for entity, character in _ENTITIES.items():
        sql = f"replace({sql}, {quoted(entity)}, {quoted(character)})"
    return f"nullif(trim(regexp_replace({sql}, '[ \\t]+', ' ', 'g'), {_SPACES}), '')"


def _number(decimal: str, *, whole: bool) -> str:
    """SQL that reads a number: thousands may be set off, whole numbers may end in `.0`."""
    point, comma = ("\\.", ",") if decimal == "." else (",", "\\.")
    form = f"^[+-]?(\\d+|\\d{{1,3}}({comma}\\d{{3}})+)({point}\\d+)?([eE][+-]?\\d+)?$"
    plain = "replace(replace({t}, ',', ''), ' ', '')" if decimal == "." else "replace(replace({t}, '.', ''), ',', '.')"
    value = f"CASE WHEN regexp_matches({{t}}, {quoted(form)}) THEN try_cast({plain} AS DOUBLE) END"
    if not whole:
        return value
    exact = "CASE WHEN regexp_matches({t}, '^[+-]?\\d+$') THEN try_cast({t} AS BIGINT) END"
    return f"coalesce({exact}, CASE WHEN ({value}) = floor({value}) THEN try_cast({value} AS BIGINT) END)"


def _instant(form: str, zone: str) -> str:
    """SQL of the instant in `{t}`, null where it is not of that form."""
    match form:
        case "iso":
            utc = f"^{_ISO_DAY}[Tt ]{_ISO_TIME} ?(?:[Zz]|UTC|GMT)$"
            offset = f"^{_ISO_DAY}[Tt ]{_ISO_TIME} ?([+-]\\d{{2}}):?(\\d{{2}})?$"
            local = f"^{_ISO_DAY}(?:[Tt ]{_ISO_TIME})?$"
            return (
                f"CASE WHEN regexp_matches({{t}}, {quoted(local)}) THEN "
                f"try_cast(trim(regexp_replace({{t}}, {quoted(local)}, '\\1 \\2\\3')) AS TIMESTAMP) "
                f"AT TIME ZONE {quoted(zone)} "
                f"WHEN regexp_matches({{t}}, {quoted(utc)}) THEN "
                f"try_cast(regexp_replace({{t}}, {quoted(utc)}, '\\1 \\2\\3') AS TIMESTAMP) AT TIME ZONE 'UTC' "
                f"WHEN regexp_matches({{t}}, {quoted(offset)}) THEN "
                f"try_cast(regexp_replace({{t}}, {quoted(offset)}, '\\1 \\2\\3\\4\\5') AS TIMESTAMP WITH TIME ZONE) END"
            )
        case "epoch_s" | "epoch_ms":
            seconds = "floor(try_cast({t} AS DOUBLE)" + (" / 1000)" if form == "epoch_ms" else ")")
            return f"CASE WHEN {seconds} BETWEEN {_EARLIEST} AND {_LATEST} THEN to_timestamp({seconds}) END"
        case _ if "%z" in form or "%Z" in form:
            return f"date_trunc('second', try_strptime({{t}}, {quoted(form)}) AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"
        case _:
            return f"{_wall_clock(form)} AT TIME ZONE {quoted(zone)}"


def _date(form: str, zone: str) -> str:
    """SQL of the date in `{t}`: the day as it is written, or the local day of an epoch."""
    match form:
        case "iso":
            return (
                f"CASE WHEN regexp_matches({{t}}, '^{_ISO_DAY}([Tt ].*)?$') THEN try_cast(left({{t}}, 10) AS DATE) END"
            )
        case "epoch_s" | "epoch_ms":
            return f"({_instant(form, zone)} AT TIME ZONE {quoted(zone)})::DATE"
        case _ if "%z" in form or "%Z" in form:
            return f"({_instant(form, zone)} AT TIME ZONE {quoted(zone)})::DATE"
        case _:
            return f"({_wall_clock(form)})::DATE"


def _wall_clock(form: str) -> str:
    """SQL of a time without a zone in `{t}`, in whole seconds."""
    match form:
        case "day_first" | "month_first":
            day = "%d/%m" if form == "day_first" else "%m/%d"
            clocks = ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p")
            long, short = ([f"{day}/{year}{clock}" for clock in clocks] for year in ("%Y", "%y"))
            # Only the separators of the date, before the first space, are made alike, and the fraction of a second is
            # left out.
            plain = "regexp_replace({t}, '^(\\d{1,2})[./-](\\d{1,2})[./-](\\d{2,4})[,]?', '\\1/\\2/\\3')"
            plain = f"upper(replace(regexp_replace({plain}, '(:\\d\\d)[.]\\d+', '\\1'), 'T', ' '))"
            form_of_date = "'^\\d{1,2}/\\d{1,2}/\\d{%d}( |$)'"
            return (
                f"CASE WHEN regexp_matches({plain}, {form_of_date % 4}) THEN try_strptime({plain}, {long}) "
                f"WHEN regexp_matches({plain}, {form_of_date % 2}) THEN try_strptime({plain}, {short}) END"
            )
        case "excel_serial":
            # Excel believes that 1900 had a 29 February (serial 60): days before it are one off, the day itself does
            # not exist.
            # A time is a fraction of a day, which misses the whole second by a few microseconds: hence the
            # milliseconds.
            serial = "try_cast({t} AS DOUBLE)"
            return (
                f"CASE WHEN {serial} >= 1 AND {serial} < 2958466 AND floor({serial}) <> 60 THEN "
                f"date_trunc('second', CASE WHEN {serial} < 60 THEN TIMESTAMP '1899-12-31' "
                f"ELSE TIMESTAMP '1899-12-30' END "
                f"+ to_milliseconds(CAST(round({serial} * 86400000) AS BIGINT))) END"
            )
        case _:
            return f"date_trunc('second', try_strptime({{t}}, {quoted(form)}))"
