"""Says, column by column, what a file would become: the quick way from one's own export to a mapping that fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import duckdb
from rich.console import Group
from rich.table import Table as RichTable
from rich.text import Text as RichText

from opslib.errors import ExportError
from opslib.intake.disclosure import NO_VALUES, OWNER_SEES, Counted, Disclosure, columns_in_words, shown_name
from opslib.intake.mapping import advice, time_sql
from opslib.intake.mapping.export_files import find_files
from opslib.intake.mapping.feed_plan import Plan, plan_file
from opslib.intake.mapping.file_columns import shown_columns
from opslib.intake.mapping.look_ups import LookUps
from opslib.intake.mapping.sources import STANDARD, SourceMapping, load_source
from opslib.intake.notation import parquet_source, printable, quoted, quoted_list
from opslib.intake.reading.read import form_of
from opslib.locales import whole
from opslib.settings import Limits, load_organisation
from opslib.tables import PRIORITIES, STATUSES, TABLES, Column, Table

HIDDEN: Final = "(hidden)"
_EXAMPLES: Final = 3
_TOP: Final = 5
_LISTED: Final = 12
_LONGEST: Final = 41
"""Of a value as it is asked for: one character more than a category may have."""
_MOST_LISTED: Final = 100
_MOST_JUDGED: Final = 1_000
_CATEGORY_EVENTS: Final = ("status", "team", "queue", "priority", "sla_policy")
"""Events whose value is a category."""
_FORMS: Final = {"csv": "CSV", "json": "JSON", "xlsx": "workbook", "parquet": "Parquet", "zip": "zip"}


@dataclass(frozen=True)
class Unreadable:
    """A value that a rule could not read, or what may be shown of it."""

    row: int
    value: str
    expected: str

    def __str__(self) -> str:
        excerpt = self.value if self.value == HIDDEN else repr(self.value)
        return f"row {whole(self.row)}: {excerpt} is not {self.expected}"


@dataclass(frozen=True)
class ColumnCheck:
    """What one standard column would become.

    `read`, `empty` and `unreadable` count rows; `first` and `last` are those of a column of times (UTC) or dates; `top`
    the most frequent values of a category; `unknown` the values that the translation has no entry for, `strange` the
    results that neither the standard table nor params/org.yml names, both at most 100 and the number of the others.
    `advice` is what to write into the mapping; `is_blocked` says that the gate would set aside more rows for this
    column than its limits allow.
    """

    column: Column
    rule: str
    read: int
    empty: int
    unreadable: int
    examples: tuple[Unreadable, ...] = ()
    first: str | None = None
    last: str | None = None
    top: Counted = NO_VALUES
    unknown: Counted = NO_VALUES
    strange: Counted = NO_VALUES
    advice: tuple[str, ...] = ()
    is_blocked: bool = False

    def details(self) -> list[str]:
        """The lines under the column's own."""
        lines = [str(example) for example in self.examples]
        if self.unreadable > len(self.examples) and self.examples:
            lines.append(f"and {whole(self.unreadable - len(self.examples))} more")
        if self.first is not None:
            lines.append(f"from {self.first} to {self.last}")
        if self.top.shown:
            lines.append("most frequent: " + Counted(self.top.shown).in_words(_TOP))
        if words := self.unknown.in_words(_LISTED):
            lines.append(f"no translation for: {words}")
        if words := self.strange.in_words(_LISTED):
            allowed = f"one of {', '.join(self.column.values)}" if self.column.values else "a team of the organization"
            lines.append(f"not {allowed}: {words}")
        return [*lines, *self.advice]


@dataclass(frozen=True)
class TableCheck:
    """What one file would give to one standard table."""

    table: str
    rows: int
    left_out: int
    columns: tuple[ColumnCheck, ...]
    absent: tuple[str, ...]
    broken: tuple[tuple[int, str], ...] = ()
    broken_rows: int = 0
    advice: tuple[str, ...] = ()
    is_blocked: bool = False


@dataclass(frozen=True)
class FileCheck:
    """What one file would become.

    `columns` are the names of all its columns, where the owner of the file has asked for them; `unused` says which of
    them nothing uses.
    """

    path: Path
    form: str
    rows: int
    tables: tuple[TableCheck, ...]
    columns: tuple[str, ...] = ()
    unused: str = ""
    damage: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckReport:
    """The answer of `opslib sources check`: as lines of text, or drawn by rich (`console.print(report)`).

    `to_owner` says that it shows all values, which only who may see the files is to read.
    """

    source: str
    description: str
    files: tuple[FileCheck, ...]
    problems: tuple[str, ...] = ()
    source_notes: tuple[str, ...] = field(default=())
    to_owner: bool = False

    @property
    def fits(self) -> bool:
        """Whether every file could be read whole, with as many values of needed columns as the gate asks for."""
        whole = not self.problems and not any(file.damage for file in self.files)
        return whole and not any(
            table.is_blocked or any(check.is_blocked for check in table.columns)
            for file in self.files
            for table in file.tables
        )

    def verdict(self) -> str:
        """One sentence: what to do next."""
        place = "the file" if self.source == STANDARD else f"params/sources/{self.source}.yml or the file"
        problems = len(self.problems) + sum(len(file.damage) for file in self.files)
        if self.fits:
            return "Everything that is needed could be read."
        if problems:
            return f"{problems} problem(s) stand in the way; each is marked with ! above. Fix {place}."
        return f"Some values could not be read or are not known. Fix {place}."

    def lines(self) -> list[str]:
        """The report as plain lines."""
        report = [f"source {self.source}: {self.description}"]
        report += [_TO_OWNER] if self.to_owner else []
        report += [f"! {problem}" for problem in self.problems]
        for file in self.files:
            report += ["", f"{shown_name(file.path)}: {file.form}, {whole(file.rows)} rows"]
            report += [f"! {damage}" for damage in file.damage]
            report += [f"  note: {note}" for note in (*file.unread, *file.notes)]
            report += [f"  {line}" for line in _legend(file)]
            for table in file.tables:
                report += ["", f"  {_heading(table)}"]
                report += [f"  ! {text}" for text in (*_broken_rows(table), *table.advice)]
                cells = [_cells(check) for check in table.columns]
                widths = [max(len(row[n]) for row in [_HEADER, *cells]) for n in range(5)]
                report.append("    " + _align(_HEADER, widths))
                for check, row in zip(table.columns, cells, strict=True):
                    report.append("    " + _align(row, widths))
                    report += [f"        {detail}" for detail in check.details()]
                if table.absent:
                    report.append(f"    not in this export: {', '.join(table.absent)}")
            if file.unused:
                report.append(f"  columns of the file that nothing uses: {file.unused}")
        if self.source_notes:
            report += ["", "about this source:", *(f"  - {note}" for note in self.source_notes)]
        return [*report, "", *self._hidden_values(), self.verdict()]

    def _hidden_values(self) -> list[str]:
        """How the values can be had that are not shown."""
        return [] if self.to_owner else [f"Values and columns that may name somebody are counted only; {OWNER_SEES}."]

    def __rich__(self) -> Group:
        parts: list[RichText | RichTable] = [RichText(f"source {self.source}: {self.description}", style="bold")]
        parts += [RichText(_TO_OWNER, style="yellow")] if self.to_owner else []
        parts += [RichText(f"! {problem}", style="red") for problem in self.problems]
        for file in self.files:
            parts.append(RichText(f"\n{shown_name(file.path)}: {file.form}, {whole(file.rows)} rows", style="bold"))
            parts += [RichText(f"! {damage}", style="red") for damage in file.damage]
            parts += [RichText(f"note: {note}", style="dim") for note in (*file.unread, *file.notes)]
            parts += [RichText(line, style="dim") for line in _legend(file)]
            for table in file.tables:
                parts += [RichText(f"! {text}", style="red") for text in (*_broken_rows(table), *table.advice)]
                grid = RichTable(title=RichText(_heading(table)), title_justify="left", caption_justify="left")
                for number, name in enumerate(_HEADER):
                    grid.add_column(name, justify="right" if number in _RIGHT else "left", overflow="fold")
                for check in table.columns:
                    row = _cells(check)
                    row[-1] = "\n".join([row[-1], *check.details()])
                    style = "red" if check.unreadable or check.strange != NO_VALUES else None
                    grid.add_row(*(RichText(cell) for cell in row), style=style)
                if table.absent:
                    grid.caption = RichText(f"not in this export: {', '.join(table.absent)}")
                parts.append(grid)
            if file.unused:
                parts.append(RichText(f"columns of the file that nothing uses: {file.unused}", style="dim"))
        parts += [RichText(f"- {note}", style="dim") for note in self.source_notes]
        parts += [RichText(f"\n{line}", style="dim") for line in self._hidden_values()]
        parts.append(RichText(f"\n{self.verdict()}", style="green" if self.fits else "red"))
        return Group(*parts)


_TO_OWNER: Final = (
    "This shows values of the files as they are, personal data among them: it is for who may see the files, and not to "
    "be passed on."
)
_HEADER: Final = ["column", "read", "empty", "unreadable", "type", "made"]
_RIGHT: Final = (1, 2, 3)


def check_source(params: Path, name: str, paths: Sequence[Path], *, to_owner: bool = False) -> CheckReport:
    """Read files of a source and tell what each column would become; nothing is written.

    Args:
        params: the folder of the parameters.
        name: the source.
        paths: files, or folders whose fitting files are taken.
        to_owner: whether all values and names of columns are shown, to who may see the files.

    Raises:
        SettingsError: there is no such source, or its file does not fit.

    Notes:
        A file that cannot be read is told of among the problems; the others are checked all the same. But for the
        owner of the files, values are shown as `Disclosure` decides, those of persons and of free text never.
    """
    mapping = load_source(params, name)
    allowance = _Allowance((), Limits(), Disclosure(mapping.vocabulary, to_owner=to_owner))
    if (params / f"{mapping.organisation}.yml").is_file():
        organisation = load_organisation(params, mapping.organisation)
        organisation.speak()
        allowance = _Allowance(
            organisation.team_names,
            organisation.limits,
            Disclosure(mapping.vocabulary, organisation.privacy.minimum_group, to_owner),
        )
    files, problems = [], []
    for path in paths:
        try:
            exports = [path] if path.is_file() else find_files(mapping, path)
        except ExportError as error:
            problems.append(str(error))
            continue
        for file in exports:
            try:
                files.append(_check_file(mapping, file, allowance))
            except ExportError as error:
                problems.append(str(error))
    return CheckReport(name, mapping.description, tuple(files), tuple(problems), mapping.notes, to_owner)


@dataclass(frozen=True)
class _Allowance:
    """The teams there are, how much the gate lets pass, and what is shown of values."""

    teams: Sequence[str]
    limits: Limits
    disclosure: Disclosure


def _check_file(mapping: SourceMapping, path: Path, allowance: _Allowance) -> FileCheck:
    reading = allowance.limits.reading
    with duckdb.connect() as con, LookUps(path.parent, reading) as look_ups:
        plans = [plan.thorough() for plan in plan_file(con, mapping, path, look_ups, reading)]
        try:
            used = {name for plan in plans for name in plan.used}
            columns = max((plan.file_columns for plan in plans), key=len)
            names = list(dict.fromkeys(plan.table for plan in plans))
            tables = tuple(_check_table(con, [p for p in plans if p.table == name], allowance) for name in names)
            return FileCheck(
                path=path,
                form=_FORMS[form_of(path)] if path.stat().st_size else "nothing",
                rows=plans[0].file_rows,
                tables=tables,
                columns=columns if allowance.disclosure.to_owner else (),
                unused=columns_in_words(columns, shown_columns(mapping), used) if set(columns) - used else "",
                unread=tuple(dict.fromkeys(text for plan in plans for text in plan.unread)),
                damage=tuple(dict.fromkeys(damage for plan in plans for damage in plan.damage)),
                notes=tuple(dict.fromkeys(note for plan in plans for note in plan.notes)),
            )
        finally:
            plans[0].workspace.close()


def _check_table(con: duckdb.DuckDBPyConnection, plans: Sequence[Plan], allowance: _Allowance) -> TableCheck:
    """Run the plans of one table and count what became of each column."""
    table = TABLES[plans[0].table]
    parquet = plans[0].workspace.new(".parquet")
    selects = [
        f"SELECT *, {number} AS _plan, {variant} AS _variant FROM {plan.read_sql(variant)}"
        for number, plan in enumerate(plans)
        for variant in range(len(plan.variants))
    ]
    con.execute(f"COPY ({' UNION ALL '.join(selects)}) TO {quoted(parquet)} (FORMAT parquet)")
    rows = parquet_source(parquet)
    absent = [name for name in table.names if not any(name in plan.present for plan in plans)]
    event = table.names.index("event") if table.name == "ticket_events" else None
    checks = [
        _check_column(con, rows, number, column, plans, allowance, event)
        for number, column in enumerate(table)
        if column.name not in absent or column.needed
    ]
    total, broken = _row(con, f"SELECT count(*), count(_broken) FROM {rows}")
    examples = con.execute(
        f"SELECT _row, _broken FROM {rows} WHERE _broken IS NOT NULL ORDER BY _row LIMIT {_EXAMPLES}"
    ).fetchall()
    present = [name for name in table.names if name not in absent]
    is_damaged = any(plan.damage for plan in plans)
    log = None if is_damaged else advice.log_advice(table, present, *_rows_and_keys(con, rows, table))
    return TableCheck(
        table=table.name,
        rows=total,
        left_out=sum(plan.left_out(con) for plan in plans),
        columns=tuple(checks),
        absent=tuple(name for name in absent if not table[name].needed),
        broken=tuple((number, text) for number, text in examples),
        broken_rows=broken,
        advice=(log,) if log else (),
        is_blocked=(log is not None and "updated_at" not in present)
        or broken > allowance.limits.unreadable_share * total,
    )


def _rows_and_keys(con: duckdb.DuckDBPyConnection, rows: str, table: Table) -> tuple[int, int]:
    """How many rows have a key, and how many keys they have."""
    keys = [f"v{table.names.index(name)}" for name in table.key]
    has_key = " AND ".join(f"{key} IS NOT NULL" for key in keys)
    with_key, different = _row(
        con, f"SELECT count(*), count(DISTINCT ({', '.join(keys)},)) FROM {rows} WHERE {has_key} AND _broken IS NULL"
    )
    return with_key, different


def _check_column(
    con: duckdb.DuckDBPyConnection,
    rows: str,
    number: int,
    column: Column,
    plans: Sequence[Plan],
    allowance: _Allowance,
    event: int | None,
) -> ColumnCheck:
    value, failed = f"v{number}", Plan.unreadable(number)
    variants = [variant.columns[number] for plan in plans for variant in plan.variants]
    read, unreadable, total = _row(
        con,
        f"SELECT count({value}), count(*) FILTER ({failed}), count(*) FROM {rows} WHERE _broken IS NULL",
    )
    excerpt = f"left(r{number}, 40)" if allowance.disclosure.to_owner else time_sql.excerpt(f"r{number}")
    hint = variants[0].advice.replace("{t}", f"r{number}")
    failures = con.execute(
        f"SELECT _row, {excerpt}, _plan, _variant, {hint} FROM {rows} WHERE {failed} AND _broken IS NULL "
        f"ORDER BY _row LIMIT {_EXAMPLES}"
    ).fetchall()
    is_hidden = column.type in ("person", "free_text") and not allowance.disclosure.to_owner
    examples = tuple(
        Unreadable(row, HIDDEN if is_hidden else text, plans[plan].variants[variant].columns[number].expected + words)
        for row, text, plan, variant, words in failures
    )
    first = last = None
    if column.type in ("instant", "date") and read:
        cut = f"{value} AT TIME ZONE 'UTC'" if column.type == "instant" else value
        form = "%Y-%m-%d %H:%M:%S UTC" if column.type == "instant" else "%Y-%m-%d"
        first, last = _row(con, f"SELECT strftime(min({cut}), '{form}'), strftime(max({cut}), '{form}') FROM {rows}")
    top = unknown = strange = NO_VALUES
    strange_rows = 0
    if column.type == "category":
        label, condition = value, "true"
        if event is not None and column.name == "value":
            # The value of an assignee event names a person, that of a merge a ticket.
            label, condition = f"concat(v{event}, ' ', {value})", f"v{event} IN ({quoted_list(_CATEGORY_EVENTS)})"
        allowed = column.values or (tuple(allowance.teams) if column.name == "team" else ())
        declared = {*allowed, *allowance.teams, *STATUSES, *PRIORITIES}
        labels = declared if event is None else {f"{e} {word}" for e in _CATEGORY_EVENTS for word in declared}
        disclosure = replace(
            allowance.disclosure, vocabulary=allowance.disclosure.vocabulary | {word.casefold() for word in labels}
        )
        top = _most(con, f"SELECT {label} AS x FROM {rows} WHERE {value} IS NOT NULL AND {condition}", disclosure)
        if any(one.translated for one in variants):
            ours = f"{value} IN ({', '.join(quoted(name) for name in allowed)})" if allowed else "false"
            untranslated = (
                f"SELECT r{number} AS x FROM {rows} WHERE u{number} AND {condition} "
                f"AND NOT coalesce(lower({value}) = lower(r{number}) AND {ours}, false)"
            )
            unknown = _most(con, untranslated, disclosure)
        if allowed:
            others = f"SELECT {value} AS x FROM {rows} WHERE {value} NOT IN ({quoted_list(allowed)})"
            (strange_rows,) = _row(con, f"SELECT count(*) FROM ({others})")
            strange = _most(con, others, disclosure)
    limits, empty = allowance.limits, total - read - unreadable
    lost = unreadable + strange_rows
    most_empty = limits.most_without_team_share if column.name == "team" else limits.unreadable_share
    lines: list[str] = []
    if column.type in ("instant", "date") and unreadable and len(variants) == 1:
        lines += advice.time_advice(con, rows, f"t{number}", variants[0].forms)
    if unknown.shown:
        lines += advice.translation_block(column.name, [word for word, _ in unknown.shown[:_MOST_LISTED]])
    if column.name == "team" and column.needed and variants[0].rule_columns:
        name = variants[0].sources[0] if variants[0].sources else variants[0].rule_columns[0]
        team_line = advice.team_advice(name, empty, total, allowance.teams, limits)
        lines += [team_line] if team_line else []
    rules = list(dict.fromkeys(one.rule for one in variants if one.present or one.rule_columns)) or ["not mapped"]
    return ColumnCheck(
        column=column,
        rule="; or ".join(rules[:3]) + (f"; and {len(rules) - 3} more" if len(rules) > 3 else ""),
        read=read,
        empty=total - read - unreadable,
        unreadable=unreadable,
        examples=examples,
        first=first,
        last=last,
        top=top,
        unknown=unknown,
        strange=strange,
        advice=tuple(lines),
        is_blocked=column.needed and (lost > limits.unreadable_share * total or empty > most_empty * total),
    )


def _row(con: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = con.execute(query).fetchone()
    assert row is not None
    return tuple(row)


def _most(con: duckdb.DuckDBPyConnection, query: str, disclosure: Disclosure) -> Counted:
    """The most frequent values of `x` that may be shown, and the number of the others."""
    rows = con.execute(
        f"SELECT left(x, {_LONGEST}), count(*) FROM ({query}) GROUP BY ALL ORDER BY 2 DESC, 1"
    ).fetchmany(_MOST_JUDGED)
    counted = disclosure.counted((str(value), count) for value, count in rows)
    if len(rows) < _MOST_JUDGED:
        return counted
    values, every = _row(con, f"SELECT count(DISTINCT left(x, {_LONGEST})), count(*) FROM ({query})")
    shown = sum(count for _, count in counted.shown)
    return Counted(counted.shown, values - len(counted.shown), every - shown)


def _legend(file: FileCheck) -> list[str]:
    """The names of all columns by their place, where they are shown."""
    names = ", ".join(f"{place} `{printable(name)}`" for place, name in enumerate(file.columns, 1))
    return [f"columns: {names}"] if file.columns else []


def _heading(table: TableCheck) -> str:
    left_out = f", {whole(table.left_out)} left out by the mapping" if table.left_out else ""
    return f"→ {table.table}: {whole(table.rows)} rows{left_out}"


def _broken_rows(table: TableCheck) -> list[str]:
    if not table.broken_rows:
        return []
    kinds = Counter(text for _, text in table.broken)
    rows = ", ".join(whole(number) for number, _ in table.broken)
    return [
        f"{whole(table.broken_rows)} row(s) could not be split into columns, among them {rows} ({'; '.join(kinds)})"
    ]


def _cells(check: ColumnCheck) -> list[str]:
    name = check.column.name + (" *" if check.column.needed else "")
    unreadable = whole(check.unreadable) if check.unreadable else ""
    return [name, whole(check.read), whole(check.empty), unreadable, check.column.type, check.rule]


def _align(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if n in _RIGHT else cell.ljust(width)
        for n, (cell, width) in enumerate(zip(cells, widths, strict=False))
    ]
    return "  ".join([*padded, cells[-1]]).rstrip()
