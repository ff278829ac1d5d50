"""Says, column by column, what a file would become: the quick way from one's own export to a mapping that fits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb
from rich.console import Group
from rich.table import Table as RichTable
from rich.text import Text as RichText

from opslib.errors import ExportError
from opslib.intake.mapping.export_files import find_files
from opslib.intake.mapping.feed_plan import Plan, plan_file
from opslib.intake.mapping.look_ups import LookUps
from opslib.intake.mapping.sources import STANDARD, SourceMapping, load_source
from opslib.intake.notation import parquet_source, quoted
from opslib.intake.reading.raw_rows import SHEET
from opslib.intake.reading.read import form_of
from opslib.settings import load_organisation
from opslib.tables import TABLES, Column

HIDDEN: Final = "(hidden)"
_EXAMPLES: Final = 3
_TOP: Final = 5
_FORMS: Final = {"csv": "CSV", "json": "JSON", "xlsx": "workbook", "parquet": "Parquet", "zip": "zip"}


@dataclass(frozen=True)
class Unreadable:
    """A value that a rule could not read; values of persons and free text are hidden."""

    row: int
    value: str
    expected: str

    def __str__(self) -> str:
        excerpt = self.value if self.value == HIDDEN else repr(self.value)
        return f"row {self.row:,}: {excerpt} is not {self.expected}"


@dataclass(frozen=True)
class ColumnCheck:
    """What one standard column would become.

    `read`, `empty` and `unreadable` count rows; `first` and `last` are those of a column of times (UTC) or dates; `top`
    the most frequent values of a category; `unknown` the values that the translation has no entry for; `strange` the
    results that neither the standard table nor params/org.yml names.
    """

    column: Column
    rule: str
    read: int
    empty: int
    unreadable: int
    examples: tuple[Unreadable, ...] = ()
    first: str | None = None
    last: str | None = None
    top: tuple[tuple[str, int], ...] = ()
    unknown: tuple[tuple[str, int], ...] = ()
    strange: tuple[tuple[str, int], ...] = ()

    def details(self) -> list[str]:
        """The lines under the column's own."""
        lines = [str(example) for example in self.examples]
        if self.unreadable > len(self.examples) and self.examples:
            lines.append(f"and {self.unreadable - len(self.examples):,} more")
        if self.first is not None:
            lines.append(f"from {self.first} to {self.last}")
        if self.top:
            lines.append("most frequent: " + _with_counts(self.top))
        if self.unknown:
            lines.append("no translation for: " + _with_counts(self.unknown))
        if self.strange:
            allowed = f"one of {', '.join(self.column.values)}" if self.column.values else "a team of the organisation"
            lines.append(f"not {allowed}: " + _with_counts(self.strange))
        return lines


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


@dataclass(frozen=True)
class FileCheck:
    """What one file would become."""

    path: Path
    form: str
    rows: int
    tables: tuple[TableCheck, ...]
    unused: tuple[str, ...] = ()
    damage: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckReport:
    """The answer of `opslib sources check`: as lines of text, or drawn by rich (`console.print(report)`)."""

    source: str
    description: str
    files: tuple[FileCheck, ...]
    problems: tuple[str, ...] = ()
    source_notes: tuple[str, ...] = field(default=())

    @property
    def fits(self) -> bool:
        """Whether every file could be read whole, with every value of every needed column."""
        whole = not self.problems and not any(file.damage for file in self.files)
        return whole and not any(
            table.broken_rows
            or any(check.column.needed and (check.unreadable or check.strange) for check in table.columns)
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
        report += [f"! {problem}" for problem in self.problems]
        for file in self.files:
            report += ["", f"{file.path.name}: {file.form}, {file.rows:,} rows"]
            report += [f"! {damage}" for damage in file.damage]
            report += [f"  note: {note}" for note in (*file.unread, *file.notes)]
            for table in file.tables:
                report += ["", f"  {_heading(table)}"]
                report += [f"  ! {text}" for text in _broken_rows(table)]
                cells = [_cells(check) for check in table.columns]
                widths = [max(len(row[n]) for row in [_HEADER, *cells]) for n in range(5)]
                report.append("    " + _align(_HEADER, widths))
                for check, row in zip(table.columns, cells, strict=True):
                    report.append("    " + _align(row, widths))
                    report += [f"        {detail}" for detail in check.details()]
                if table.absent:
                    report.append(f"    not in this export: {', '.join(table.absent)}")
            if file.unused:
                report.append(f"  columns of the file that nothing uses: {', '.join(file.unused)}")
        if self.source_notes:
            report += ["", "about this source:", *(f"  - {note}" for note in self.source_notes)]
        return [*report, "", self.verdict()]

    def __rich__(self) -> Group:
        parts: list[RichText | RichTable] = [RichText(f"source {self.source}: {self.description}", style="bold")]
        parts += [RichText(f"! {problem}", style="red") for problem in self.problems]
        for file in self.files:
            parts.append(RichText(f"\n{file.path.name}: {file.form}, {file.rows:,} rows", style="bold"))
            parts += [RichText(f"! {damage}", style="red") for damage in file.damage]
            parts += [RichText(f"note: {note}", style="dim") for note in (*file.unread, *file.notes)]
            for table in file.tables:
                parts += [RichText(f"! {text}", style="red") for text in _broken_rows(table)]
                grid = RichTable(title=RichText(_heading(table)), title_justify="left", caption_justify="left")
                for number, name in enumerate(_HEADER):
                    grid.add_column(name, justify="right" if number in _RIGHT else "left", overflow="fold")
                for check in table.columns:
                    row = _cells(check)
                    row[-1] = "\n".join([row[-1], *check.details()])
                    style = "red" if check.unreadable or check.strange else None
                    grid.add_row(*(RichText(cell) for cell in row), style=style)
                if table.absent:
                    grid.caption = RichText(f"not in this export: {', '.join(table.absent)}")
                parts.append(grid)
            if file.unused:
                parts.append(RichText(f"columns of the file that nothing uses: {', '.join(file.unused)}", style="dim"))
        parts += [RichText(f"- {note}", style="dim") for note in self.source_notes]
        parts.append(RichText(f"\n{self.verdict()}", style="green" if self.fits else "red"))
        return Group(*parts)


_HEADER: Final = ["column", "read", "empty", "unreadable", "type", "made"]
_RIGHT: Final = (1, 2, 3)


def check_source(params: Path, name: str, paths: Sequence[Path]) -> CheckReport:
    """Read files of a source and tell what each column would become; nothing is written.

    Args:
        params: the folder of the parameters.
        name: the source.
        paths: files, or folders whose fitting files are taken.

    Raises:
        SettingsError: there is no such source, or its file does not fit.

    Notes:
        A file that cannot be read is told of among the problems; the others are checked all the same. Values of columns
        that name persons or hold free text are never shown.
    """
    mapping = load_source(params, name)
    teams: tuple[str, ...] = ()
    if (params / f"{mapping.organisation}.yml").is_file():
        teams = load_organisation(params, mapping.organisation).team_names
    files, problems = [], []
    for path in paths:
        try:
            exports = [path] if path.is_file() else find_files(mapping, path)
        except ExportError as error:
            problems.append(str(error))
            continue
        for file in exports:
            try:
                files.append(_check_file(mapping, file, teams))
            except ExportError as error:
                problems.append(str(error))
    return CheckReport(name, mapping.description, tuple(files), tuple(problems), mapping.notes)


def _check_file(mapping: SourceMapping, path: Path, teams: Sequence[str]) -> FileCheck:
    with duckdb.connect() as con, LookUps(path.parent) as look_ups:
        plans = [plan.thorough() for plan in plan_file(con, mapping, path, look_ups)]
        try:
            used = {name for plan in plans for name in plan.used}
            names = list(dict.fromkeys(plan.table for plan in plans))
            tables = tuple(_check_table(con, [p for p in plans if p.table == name], teams) for name in names)
            return FileCheck(
                path=path,
                form=_FORMS[form_of(path)] if path.stat().st_size else "nothing",
                rows=plans[0].file_rows,
                tables=tables,
                unused=tuple(name for name in plans[0].file_columns if name not in used and name != SHEET),
                unread=tuple(dict.fromkeys(text for plan in plans for text in plan.unread)),
                damage=tuple(dict.fromkeys(damage for plan in plans for damage in plan.damage)),
                notes=tuple(dict.fromkeys(note for plan in plans for note in plan.notes)),
            )
        finally:
            plans[0].workspace.close()


def _check_table(con: duckdb.DuckDBPyConnection, plans: Sequence[Plan], teams: Sequence[str]) -> TableCheck:
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
        _check_column(con, rows, number, column, plans, teams, event)
        for number, column in enumerate(table)
        if column.name not in absent or column.needed
    ]
    total, broken = _row(con, f"SELECT count(*), count(_broken) FROM {rows}")
    examples = con.execute(
        f"SELECT _row, _broken FROM {rows} WHERE _broken IS NOT NULL ORDER BY _row LIMIT {_EXAMPLES}"
    ).fetchall()
    return TableCheck(
        table=table.name,
        rows=total,
        left_out=sum(plan.left_out(con) for plan in plans),
        columns=tuple(checks),
        absent=tuple(name for name in absent if not table[name].needed),
        broken=tuple((number, text) for number, text in examples),
        broken_rows=broken,
    )


def _check_column(
    con: duckdb.DuckDBPyConnection,
    rows: str,
    number: int,
    column: Column,
    plans: Sequence[Plan],
    teams: Sequence[str],
    event: int | None,
) -> ColumnCheck:
    value, failed = f"v{number}", Plan.unreadable(number)
    variants = [variant.columns[number] for plan in plans for variant in plan.variants]
    read, unreadable, total = _row(
        con,
        f"SELECT count({value}), count(*) FILTER ({failed}), count(*) FROM {rows} WHERE _broken IS NULL",
    )
    failures = con.execute(
        f"SELECT _row, left(r{number}, 40), _plan, _variant FROM {rows} WHERE {failed} AND _broken IS NULL "
        f"ORDER BY _row LIMIT {_EXAMPLES}"
    ).fetchall()
    hidden = column.type in ("person", "free_text")
    examples = tuple(
        Unreadable(row, HIDDEN if hidden else raw, plans[plan].variants[variant].columns[number].expected)
        for row, raw, plan, variant in failures
    )
    first = last = None
    if column.type in ("instant", "date") and read:
        cut = f"{value} AT TIME ZONE 'UTC'" if column.type == "instant" else value
        form = "%Y-%m-%d %H:%M:%S UTC" if column.type == "instant" else "%Y-%m-%d"
        first, last = _row(con, f"SELECT strftime(min({cut}), '{form}'), strftime(max({cut}), '{form}') FROM {rows}")
    top: tuple[tuple[str, int], ...] = ()
    unknown: tuple[tuple[str, int], ...] = ()
    strange: tuple[tuple[str, int], ...] = ()
    if column.type == "category":
        label, condition = value, "true"
        if event is not None and column.name == "value":
            # The value of an assignee event names a person.
            label, condition = f"concat(v{event}, ' ', {value})", f"v{event} <> 'assignee'"
        top = _most(con, f"SELECT {label} AS x FROM {rows} WHERE {value} IS NOT NULL AND {condition}")
        allowed = column.values or (tuple(teams) if column.name == "team" else ())
        if any(one.translated for one in variants):
            ours = f"{value} IN ({', '.join(quoted(name) for name in allowed)})" if allowed else "false"
            unknown = _most(
                con,
                f"SELECT r{number} AS x FROM {rows} WHERE u{number} AND {condition} "
                f"AND NOT coalesce(lower({value}) = lower(r{number}) AND {ours}, false)",
            )
        if allowed:
            strange = _most(
                con,
                f"SELECT {value} AS x FROM {rows} WHERE {value} NOT IN ({', '.join(quoted(name) for name in allowed)})",
            )
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
    )


def _row(con: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = con.execute(query).fetchone()
    assert row is not None
    return tuple(row)


def _most(con: duckdb.DuckDBPyConnection, query: str) -> tuple[tuple[str, int], ...]:
    """The most frequent values of `x`, cut at 40 characters."""
    rows = con.execute(
        f"SELECT left(x, 40), count(*) FROM ({query}) GROUP BY ALL ORDER BY 2 DESC, 1 LIMIT {_TOP}"
    ).fetchall()
    return tuple((str(value), count) for value, count in rows)


def _with_counts(values: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{value} ({count:,})" for value, count in values)


def _heading(table: TableCheck) -> str:
    left_out = f", {table.left_out:,} left out by the mapping" if table.left_out else ""
    return f"→ {table.table}: {table.rows:,} rows{left_out}"


def _broken_rows(table: TableCheck) -> list[str]:
    if not table.broken_rows:
        return []
    kinds = Counter(text for _, text in table.broken)
    rows = ", ".join(f"{number:,}" for number, _ in table.broken)
    return [f"{table.broken_rows:,} row(s) could not be split into columns, among them {rows} ({'; '.join(kinds)})"]


def _cells(check: ColumnCheck) -> list[str]:
    name = check.column.name + (" *" if check.column.needed else "")
    unreadable = f"{check.unreadable:,}" if check.unreadable else ""
    return [name, f"{check.read:,}", f"{check.empty:,}", unreadable, check.column.type, check.rule]


def _align(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if n in _RIGHT else cell.ljust(width)
        for n, (cell, width) in enumerate(zip(cells, widths, strict=False))
    ]
    return "  ".join([*padded, cells[-1]]).rstrip()
