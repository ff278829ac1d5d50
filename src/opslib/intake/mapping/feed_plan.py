"""A feed compiled for one file: the SQL that makes standard columns of the file's, and the words that explain it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import duckdb

from opslib.errors import ExportError
from opslib.intake.disclosure import shown_name
from opslib.intake.mapping import time_sql, value_sql
from opslib.intake.mapping.file_columns import FileColumns
from opslib.intake.mapping.look_ups import LookUps
from opslib.intake.mapping.rounded_ids import rounding_faults
from opslib.intake.mapping.sheet_choice import SheetUse, rows_of_sheets
from opslib.intake.mapping.sources import TIME_FORMATS, ColumnRule, Condition, Feed, SourceMapping
from opslib.intake.mapping.time_sql import TimeWords
from opslib.intake.notation import identifier, listed, quoted
from opslib.intake.reading.raw_rows import RawRows, Workspace
from opslib.intake.reading.read import open_export
from opslib.intake.reading.read_options import ReadOptions
from opslib.settings import ReadingLimits
from opslib.tables import TABLES, Column

_DATE_FORMATS: Final = {
    "iso": "an ISO date",
    "day_first": "a day-first date like 31/12/2026",
    "month_first": "a month-first date like 12/31/2026",
}
_CHECKED_TYPES: Final = (*value_sql.TYPES, "id", "person")
"""Of columns in which a text can be unreadable."""
_TAKEN: Final = {"least": "min", "greatest": "max"}
_NUMBER_WORDS: Final = {"integer": "a whole number", "number": "a number"}


@dataclass(frozen=True)
class ColumnPlan:
    """How one standard column is made: in words, and in SQL.

    `raw` is what stands in the file, `text` what it is after translation, `failed` whether the translation does not
    know it, `value` the typed value over a column `t` of text, `message` what to say of one that cannot be read.
    `slow_value` is a time that `value` cannot read, in another spelling, and `advice` what to write into the mapping
    for one that neither can, both over `t`; `forms` are those of times. `sources` are the file's columns that are used,
    `rule_columns` all that the rule names. `take` says which value of all rows of a key counts, where not each row's.
    """

    column: Column
    rule: str
    sources: tuple[str, ...]
    rule_columns: tuple[str, ...]
    present: bool
    translated: bool
    expected: str
    raw: str
    text: str
    failed: str
    unknown: str
    value: str
    slow_value: str = "NULL"
    advice: str = "''"
    message: str = "'unreadable'"
    forms: tuple[str, ...] = ()
    take: str | None = None


@dataclass(frozen=True)
class Variant:
    """One row rule of a feed (or the feed's columns, where it has none)."""

    columns: tuple[ColumnPlan, ...]
    condition: str


@dataclass(frozen=True)
class Plan:
    """A feed, compiled for one file.

    `ids` are the columns of it and of looked-up files that hold ids, `absent` the file's columns from which needed ones
    would be made and that it lacks; `unread` says what of the file is not read, and why; `found` is SQL of digests of
    what the file finds in its look-ups; `names` are the columns with names of persons, and whether they are agents'.
    """

    table: str
    raw: RawRows
    relation: str
    where: str
    variants: tuple[Variant, ...]
    used: frozenset[str]
    file_columns: tuple[str, ...]
    file_rows: int
    found: tuple[str, ...]
    damage: tuple[str, ...]
    notes: tuple[str, ...]
    reordered: bool
    ids: tuple[tuple[RawRows, str], ...]
    absent: tuple[str, ...]
    unread: tuple[str, ...]
    workspace: Workspace
    names: tuple[tuple[str, bool], ...] = ()

    @property
    def present(self) -> tuple[str, ...]:
        """The standard columns that the file gives."""
        names = {
            column_plan.column.name
            for variant in self.variants
            for column_plan in variant.columns
            if column_plan.present
        }
        return tuple(name for name in TABLES[self.table].names if name in names)

    def left_out(self, con: duckdb.DuckDBPyConnection) -> int:
        """How many rows of the file give no row, because the conditions leave them out."""
        return _count(con, f"SELECT count(*) FROM {self._left_out_source}")

    def left_out_rows(self, con: duckdb.DuckDBPyConnection) -> list[int]:
        """The numbers of those rows."""
        return [row for (row,) in con.execute(f"SELECT _row FROM {self._left_out_source}").fetchall()]

    @property
    def _left_out_source(self) -> str:
        condition = f"({self.where}) AND ({' OR '.join(f'({variant.condition})' for variant in self.variants)})"
        if condition == "(true) AND ((true))":
            return "(SELECT 0 AS _row WHERE false)"
        return f"{self.relation} WHERE _unreadable IS NULL AND NOT ({condition})"

    def read_sql(self, variant: int) -> str:
        """SQL of the rows with `rN` (as it stands in the file), `tN` (as text), `fN` (whether the
        translation failed), `uN` (whether it has no entry for it) and `vN` (typed)."""
        rule = self.variants[variant]
        # A row that does not fit the header comes out once, whatever the conditions say of its lost values.
        broken = "_unreadable IS NOT NULL" if variant == 0 else "false"
        condition = f"({broken}) OR (_unreadable IS NULL AND ({self.where}) AND ({rule.condition}))"
        texts = [
            f"{column_plan.raw} AS r{number}, {column_plan.text} AS t{number}, "
            f"{column_plan.failed} AS f{number}, {column_plan.unknown} AS u{number}"
            for number, column_plan in enumerate(rule.columns)
        ]
        values = [
            column_plan.value.replace("{t}", f"t{number}") + f" AS v{number}"
            for number, column_plan in enumerate(rule.columns)
        ]
        read = (
            f"SELECT *, {', '.join(values)} FROM "
            f"(SELECT _row, _item, _unreadable AS _broken, {', '.join(texts)} FROM {self.relation} WHERE {condition})"
        )
        over_rows = [
            f"CASE WHEN {self._key} IS NULL THEN v{number} ELSE "
            f"{_TAKEN[column_plan.take]}(v{number}) OVER (PARTITION BY {self._key}) END AS v{number}"
            for number, column_plan in enumerate(rule.columns)
            if column_plan.take is not None
        ]
        return f"(SELECT * REPLACE ({', '.join(over_rows)}) FROM ({read}))" if over_rows else f"({read})"

    @property
    def _key(self) -> str:
        """SQL of the key of a row, null where it has none."""
        table = TABLES[self.table]
        keys = [f"v{table.names.index(name)}" for name in table.key if table[name].needed]
        return (
            keys[0]
            if len(keys) == 1
            else f"CASE WHEN {' AND '.join(f'{k} IS NOT NULL' for k in keys)} THEN ({', '.join(keys)}) END"
        )

    def final_sql(self, feed: int, variant: int) -> str:
        """SQL of the rows as they come out: the standard columns, `_row`, `_unreadable` and what orders them."""
        columns = self.variants[variant].columns
        names = [column_plan.column.name for column_plan in columns]
        values = [f"v{number} AS {identifier(column_plan.column.name)}" for number, column_plan in enumerate(columns)]
        if self.table == "ticket_events":
            event, value = names.index("event"), names.index("value")
            normal = value_sql.normalise(f"v{value}")
            values[value] = (
                f"CASE WHEN v{event} IN ('status', 'priority') THEN {normal} ELSE v{value} END AS {identifier('value')}"
            )
        messages = [
            f"CASE WHEN {self.unreadable(number)} THEN {column_plan.message.replace('{r}', f'r{number}')} END"
            for number, column_plan in enumerate(columns)
            if column_plan.present and (column_plan.column.type in _CHECKED_TYPES or column_plan.failed != "false")
        ]
        unreadable = f"nullif(concat_ws('; ', {', '.join(['_broken', *messages])}), '') AS _unreadable"
        order = f"_item, {feed} AS _feed, {variant} AS _rule"
        return f"SELECT {', '.join(values)}, _row, {unreadable}, {order} FROM {self.read_sql(variant)}"

    def thorough(self) -> Plan:
        """The plan that reads by the slow ways what this one cannot, and says what neither can read.

        Its SQL takes long to compile, and few files need it.
        """
        return replace(
            self,
            variants=tuple(
                replace(variant, columns=tuple(_thorough(column_plan) for column_plan in variant.columns))
                for variant in self.variants
            ),
        )

    @staticmethod
    def unreadable(number: int) -> str:
        """SQL: whether column number N has a value in the file that could not be read."""
        return f"(f{number} OR (t{number} IS NOT NULL AND v{number} IS NULL))"


def plan_file(
    con: duckdb.DuckDBPyConnection,
    mapping: SourceMapping,
    path: Path,
    look_ups: LookUps,
    limits: ReadingLimits | None = None,
) -> list[Plan]:
    """Compile the feeds of one file: what `map_file` runs and `check_source` explains.

    Args:
        con: a DuckDB connection.
        mapping: the source.
        path: a file that the source maps.
        look_ups: what can be looked up beside it.
        limits: how much the file may ask for.

    Raises:
        ExportError: the source maps no file of that name, or the file is not there.
    """
    feeds = [feed for feed in mapping.feeds if feed.fits(path.name)]
    if not feeds:
        raise ExportError(
            f"{shown_name(path)}: the source {mapping.name!r} has no mapping for this file; "
            f"it maps {listed(mapping.file_patterns, 12)}"
        )
    files: dict[ReadOptions, RawRows] = {}

    def open_once(options: ReadOptions) -> RawRows:
        if options not in files:
            files[options] = open_export(con, path, options, limits)
        return files[options]

    plans = plan_feeds(con, mapping, feeds, open_once, look_ups)
    for raw in files.values():
        plans[0].workspace.keep(raw.workspace)
    return plans


def plan_feeds(
    con: duckdb.DuckDBPyConnection,
    mapping: SourceMapping,
    feeds: Sequence[Feed],
    open_once: Callable[[ReadOptions], RawRows],
    look_ups: LookUps,
) -> list[Plan]:
    """Compile feeds for the rows of a file that each of them fits.

    Args:
        con: a DuckDB connection.
        mapping: the source.
        feeds: those of its feeds that fit.
        open_once: the rows as they are read with some options.
        look_ups: what can be looked up beside them.
    """
    workspace = open_once(feeds[0].read).workspace
    plans = []
    for feed in feeds:

        def compiled(raw: RawRows, feed: Feed = feed) -> Plan:
            columns = FileColumns.of(con, mapping, feed, raw, look_ups)
            return _Compiler(mapping, feed, columns).plan(workspace)

        plans.append(compiled(_with_sheets(con, open_once(feed.read), compiled)))
    return _with_rounded_ids(con, plans)


def _with_sheets(con: duckdb.DuckDBPyConnection, raw: RawRows, compiled: Callable[[RawRows], Plan]) -> RawRows:
    """The rows of those sheets of a workbook that a feed reads; any other file as it is."""
    if not raw.sheets:
        return raw
    uses = []
    for sheet in raw.sheets:
        plan = compiled(sheet.rows)
        used = frozenset(name.casefold() for name in plan.used)
        uses.append(SheetUse(sheet, used, plan.absent))
    return rows_of_sheets(con, raw, uses)


def _with_rounded_ids(con: duckdb.DuckDBPyConnection, plans: Sequence[Plan]) -> list[Plan]:
    """The plans, each with the damage of the ids that it rests on; a file that several name is read once."""
    raws = {raw.parquet: raw for plan in plans for raw, _ in plan.ids}
    columns = {path: dict.fromkeys(c for plan in plans for r, c in plan.ids if r.parquet == path) for path in raws}
    faults = {
        (path, column): fault
        for path, raw in raws.items()
        for column, fault in rounding_faults(con, raw, columns[path]).items()
    }
    return [
        replace(
            plan,
            damage=(
                *plan.damage,
                *dict.fromkeys(faults[at] for raw, c in plan.ids if (at := (raw.parquet, c)) in faults),
            ),
        )
        for plan in plans
    ]


def _count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    row = con.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _thorough(column_plan: ColumnPlan) -> ColumnPlan:
    value = f"coalesce({column_plan.value}, CASE WHEN {{t}} IS NOT NULL THEN {column_plan.slow_value} END)"
    return replace(
        column_plan,
        value=column_plan.value if column_plan.slow_value == "NULL" else value,
        message=_message(column_plan),
    )


def _message(column_plan: ColumnPlan) -> str:
    """SQL: what could not be read of `{r}`. A shifted column puts names into the place of times and categories."""
    excerpt = time_sql.excerpt("{r}")
    start, end = quoted(f"{column_plan.column.name}: '"), quoted(f"' is not {column_plan.expected}")
    return f"concat({start}, {excerpt}, {end}, {column_plan.advice.replace('{t}', '{r}')})"


def _where_in_words(conditions: Sequence[Condition]) -> str:
    """The conditions of a case, as a report says them."""
    words = [f"`{condition.column}` {_test_in_words(condition)}" for condition in conditions]
    return f" where {' and '.join(words)}" if words else ""


def _test_in_words(condition: Condition) -> str:
    (test, value) = next(iter(condition.model_dump(exclude={"column"}, exclude_none=True).items()))
    match test:
        case "filled":
            return "is filled" if value else "is empty"
        case "among" | "not_among":
            return f"is {'none' if test == 'not_among' else 'one'} of {', '.join(map(repr, value))}"
        case "same_as" | "differs_from":
            return f"{'equals' if test == 'same_as' else 'differs from'} `{value}`"
        case "matches" | "not_matches":
            return f"{'matches' if test == 'matches' else 'does not match'} {value!r}"
        case _:
            return f"is {'not ' if test == 'differs' else ''}{value!r}"


@dataclass
class _Compiler:
    """Turns the rules of one feed into SQL over the columns of one file."""

    mapping: SourceMapping
    feed: Feed
    columns: FileColumns
    id_names: set[str] = field(default_factory=set)

    def plan(self, workspace: Workspace) -> Plan:
        table = TABLES[self.feed.table]
        where = self._conditions(self.feed.where)
        rules = [({**self.feed.columns, **row.columns}, row.where) for row in self.feed.rows] or [
            (self.feed.columns, ())
        ]
        variants = []
        for columns, conditions in rules:
            column_plans = tuple(self._column(column, columns.get(column.name)) for column in table)
            condition = self._conditions(conditions)
            if self.feed.rows and table.dated_by:
                dated = next(one for one in column_plans if one.column.name == table.dated_by)
                condition = f"({condition}) AND {dated.raw} IS NOT NULL"
            variants.append(Variant(column_plans, condition))
        needed: dict[str, list[str]] = {}
        missing: dict[str, list[str]] = {}
        for column in table:
            ways = [one for variant in variants for one in variant.columns if one.column.name == column.name]
            if column.needed and self.columns.raw.columns:
                needed[column.name] = [name for one in ways for name in one.rule_columns]
                if not any(one.present for one in ways):
                    missing[column.name] = needed[column.name]
        names = tuple(
            (sql, one.of == "agent")
            for one in self.mapping.redact_of(self.feed)
            if (sql := self.columns.sql_of(one.column)) is not None
        )
        self.columns.damage += self.columns.missing_messages(table, missing, needed.values())
        return Plan(
            table=table.name,
            raw=self.columns.raw,
            relation=self.columns.relation(),
            where=where,
            variants=tuple(variants),
            used=frozenset(self.columns.used),
            file_columns=self.columns.names,
            file_rows=self.columns.file.rows,
            found=tuple(self.columns.found()),
            damage=tuple(self.columns.damage),
            notes=tuple(self.columns.notes),
            reordered=self.columns.reordered
            or any(column_plan.take for variant in variants for column_plan in variant.columns),
            ids=tuple(self._ids()),
            absent=tuple(names[0] if names else name for name, names in missing.items()),
            unread=self.columns.file.unread,
            workspace=workspace,
            names=names,
        )

    def _ids(self) -> Iterator[tuple[RawRows, str]]:
        """The columns that hold ids: those that the rules of ids name, and both sides of each look-up."""
        for name in dict.fromkeys([*self.id_names, *(lookup.key for lookup in self.feed.lookups.values())]):
            yield from self.columns.places_of(name)
        for prefix, lookup in self.feed.lookups.items():
            yield from self.columns.places_of(f"{prefix}.{lookup.match}")

    def _conditions(self, conditions: Sequence[Condition]) -> str:
        return " AND ".join(self._condition(condition) for condition in conditions) or "true"

    def _condition(self, condition: Condition) -> str:
        asked_for = [text for text in (condition.equals, condition.differs) if text is not None]
        asked_for += [*(condition.among or ()), *(condition.not_among or ())]
        column = self.columns.sql_of(condition.column, asked_for)
        if column is None:
            self.columns.notes.append(
                f"the column `{condition.column}` that a condition names is not in the file; it counts as empty"
            )
            column = "NULL::VARCHAR"
        if condition.filled is not None:
            return f"({column} IS {'NOT ' if condition.filled else ''}NULL)"
        if condition.matches is not None:
            return f"coalesce(regexp_matches({column}, {quoted(condition.matches)}), false)"
        if condition.not_matches is not None:
            return f"coalesce(NOT regexp_matches({column}, {quoted(condition.not_matches)}), true)"
        other = condition.same_as or condition.differs_from
        if other is not None:
            second = self.columns.sql_of(other) or "NULL::VARCHAR"
            operator = "=" if condition.same_as else "<>"
            return f"coalesce({value_sql.as_id(column)} {operator} {value_sql.as_id(second)}, false)"
        texts = condition.among or condition.not_among
        if texts is None:
            text = condition.equals if condition.equals is not None else condition.differs
            assert text is not None
            texts = (text,)
        matches = f"coalesce(lower({column}) IN ({', '.join(quoted(text.casefold()) for text in texts)}), false)"
        return f"(NOT {matches})" if condition.not_among is not None or condition.differs is not None else matches

    def _column(self, column: Column, rule: ColumnRule | None) -> ColumnPlan:
        sql_type = value_sql.TYPES.get(column.type, "VARCHAR")
        if rule is None:
            null = "NULL::VARCHAR"
            return ColumnPlan(
                column, "not mapped", (), (), False, False, "", null, null, "false", "false", f"NULL::{sql_type}"
            )
        origin = self._origin(rule)
        if column.type in ("id", "person") and not rule.ends_in_zeros:
            self.id_names.update(origin.sources)
        value, expected, reading = self._typed(column, rule)
        text = origin.text
        if rule.missing is not None:
            text = f"CASE WHEN {origin.raw} IS NULL THEN {quoted(rule.missing)} ELSE {text} END"
        words = f"{origin.words}{reading}" + (f", empty becomes {rule.missing!r}" if rule.missing is not None else "")
        words += f", the {rule.take} of all rows of a {', '.join(TABLES[self.feed.table].key)}" if rule.take else ""
        if rule.values or any(case.values or case.extract for case in rule.cases) or rule.extract:
            expected = "a value that the mapping knows" if column.type not in value_sql.TYPES else expected
        return ColumnPlan(
            column=column,
            rule=words,
            sources=tuple(dict.fromkeys(origin.sources)),
            rule_columns=tuple(dict.fromkeys(origin.rule_columns)),
            present=origin.present or (rule.missing is not None and not column.needed),
            translated=bool(rule.values) or any(case.values for case in rule.cases),
            expected=expected,
            raw=origin.raw,
            text=text,
            failed=origin.failed,
            unknown=origin.unknown,
            value=f"({value})::{sql_type}",
            forms=tuple(self._forms(rule)),
            take=rule.take,
            slow_value=self._slow_value(column, rule, sql_type),
            advice=time_sql.advice(self._time_words(rule)) if column.type == "instant" else "''",
        )

    def _origin(self, rule: ColumnRule) -> _Origin:
        """The text that a rule gives, before its type is read."""
        if rule.cases:
            return self._cases(rule)
        names = rule.source or rule.join
        sources = [(name, sql) for name in names if (sql := self.columns.sql_of(name, rule.values)) is not None]
        columns = list(dict.fromkeys(sql for _, sql in sources))
        if rule.constant is not None:
            raw = quoted(rule.constant) if rule.constant else "NULL::VARCHAR"
            words = f"always {rule.constant!r}" if rule.constant else "always empty"
        elif not columns:
            raw, words = "NULL::VARCHAR", f"from {' or '.join(f'`{name}`' for name in names)}, which is not there"
        elif rule.join:
            raw = f"nullif(concat_ws({quoted(rule.between)}, {', '.join(columns)}), '')"
            words = "from " + " and ".join(f"`{name}`" for name, _ in sources)
        else:
            raw = columns[0] if len(columns) == 1 else f"coalesce({', '.join(columns)})"
            words = "from " + ", else ".join(f"`{name}`" for name, _ in sources)
        if rule.nulls:
            markers = ", ".join(quoted(marker.casefold()) for marker in rule.nulls)
            raw = f"CASE WHEN lower({raw}) NOT IN ({markers}) THEN {raw} END"
        text, failed, unknown = raw, "false", "false"
        if rule.extract is not None:
            text = f"nullif(regexp_extract({raw}, {quoted(rule.extract)}, 1), '')"
            failed = f"({raw} IS NOT NULL AND {text} IS NULL)"
            words += ", a part of it"
        if rule.html:
            text = value_sql.html_to_text(text)
            words += ", HTML to text"
        if rule.values:
            text, failed, unknown = value_sql.translate(rule, text)
            words += ", translated"
        return _Origin(
            raw,
            text,
            failed,
            unknown,
            words,
            [name for name, _ in sources],
            list(names),
            bool(columns) or bool(rule.constant),
        )

    def _cases(self, rule: ColumnRule) -> _Origin:
        arms = [(self._conditions(case.where), self._origin(case)) for case in rule.cases]

        def case_sql(what: str, last: str) -> str:
            results = [getattr(origin, what) for _, origin in arms]
            if set(results) == {last}:
                return last
            tests = " ".join(f"WHEN {test} THEN {result}" for (test, _), result in zip(arms, results, strict=True))
            return f"CASE {tests} ELSE {last} END"

        condition_columns = [
            name for case in rule.cases for c in case.where for name in (c.column, c.same_as, c.differs_from) if name
        ]
        sources = [name for name in dict.fromkeys(condition_columns) if self.columns.sql_of(name) is not None]
        has_source = (
            any(origin.sources for _, origin in arms) or bool(sources) or (bool(arms) and not condition_columns)
        )
        return _Origin(
            raw=case_sql("raw", "NULL"),
            text=case_sql("text", "NULL"),
            failed=case_sql("failed", "false"),
            unknown=case_sql("unknown", "false"),
            words="the first case that fits: "
            + "; ".join(
                origin.words + _where_in_words(case.where) for case, (_, origin) in zip(rule.cases, arms, strict=True)
            ),
            sources=[*(name for _, origin in arms for name in origin.sources), *sources],
            rule_columns=[*(name for _, origin in arms for name in origin.rule_columns), *condition_columns],
            present=has_source and any(origin.present for _, origin in arms),
        )

    def _slow_value(self, column: Column, rule: ColumnRule, sql_type: str) -> str:
        """SQL of a time in another spelling, null for what is no time."""
        if column.type not in ("instant", "date"):
            return "NULL"
        read = time_sql.spelt_instant if column.type == "instant" else time_sql.spelt_date
        return f"{read(self._forms(rule), self._zone(rule), self._time_words(rule))}::{sql_type}"

    def _zone(self, rule: ColumnRule) -> str:
        return rule.zone or self.feed.zone or self.mapping.zone

    def _forms(self, rule: ColumnRule) -> list[str]:
        """What a time may be written as; those of a file's own type are ISO texts."""
        formats = rule.time or self.feed.time or self.mapping.time
        return [*formats, *(["iso"] if self.columns.raw.typed and "iso" not in formats else [])]

    def _time_words(self, rule: ColumnRule) -> TimeWords:
        return TimeWords.of(self._zone(rule), self.mapping.abbreviations, self.mapping.language)

    def _typed(self, column: Column, rule: ColumnRule) -> tuple[str, str, str]:
        """SQL of the typed value over `{t}`, what was expected, and the words for the rule."""
        zone, formats = self._zone(rule), rule.time or self.feed.time or self.mapping.time
        decimal = rule.decimal or self.mapping.decimal
        match column.type:
            case "instant" | "date":
                if column.type == "instant":
                    value, names = time_sql.instant(self._forms(rule), zone), TIME_FORMATS
                else:
                    value, names = time_sql.date(self._forms(rule), zone), {**TIME_FORMATS, **_DATE_FORMATS}
                expected = " or ".join(names.get(form, f"a time like {form}") for form in formats)
                words = f", read as {' or '.join(formats)}"
                if column.type == "instant" and any(form not in ("epoch_s", "epoch_ms") for form in formats):
                    words += f", {zone} where it has no offset"
                return value, expected, words
            case "integer" | "number":
                sql = value_sql.number(decimal, whole=column.type == "integer")
                return sql, _NUMBER_WORDS[column.type], ", a number"
            case "boolean":
                yes, no = (
                    ", ".join(quoted(word.casefold()) for word in words)
                    for words in (self.mapping.yes, self.mapping.no)
                )
                sql = f"CASE WHEN lower({{t}}) IN ({yes}) THEN true WHEN lower({{t}}) IN ({no}) THEN false END"
                return sql, f"a yes or no ({'/'.join((*self.mapping.yes, *self.mapping.no))})", ", yes or no"
            case "id" | "person":
                whole = f"CASE WHEN NOT ({value_sql.is_exponential('{t}')}) THEN {value_sql.as_id('{t}')} END"
                return whole, "an id: a spreadsheet has rounded it", ""
            case _:
                return (value_sql.normalise("{t}") if column.values else "{t}"), "text", ""


@dataclass(frozen=True)
class _Origin:
    raw: str
    text: str
    failed: str
    unknown: str
    words: str
    sources: list[str]
    rule_columns: list[str]
    present: bool
