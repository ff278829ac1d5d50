"""The gate: what must hold before a row or a team reaches a number.

The rules stand in `expectations/<table>.json`, one suite per standard table. Each table is staged with what Great
Expectations cannot see by itself (`staging`), the rules are run on its rows (`row_rules`) and on its teams
(`team_rules`), and what they saw becomes a verdict: rows to set aside, teams to block.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import duckdb
import pyarrow as pa

from opslib.errors import GateError
from opslib.intake.gate.derived import derived_columns
from opslib.intake.gate.engine import Engine, quiet
from opslib.intake.gate.export import Export
from opslib.intake.gate.results import (
    absent_result,
    absent_table_result,
    damage_result,
    nothing_kept_result,
    shape_result,
)
from opslib.intake.gate.row_rules import judge_rows, row_result, set_rows_aside
from opslib.intake.gate.staging import REFERRED_TO, stage_rows, temporary_tables
from opslib.intake.gate.suites import load_rules
from opslib.intake.gate.team_rules import judge_teams
from opslib.intake.gate.verdict import DamagedFile, GateRun, Result, Verdict
from opslib.settings import Organisation
from opslib.tables import EVENTS, PRIORITIES, ROLES, STATUSES, TABLES, Table

CLOCK_SKEW = timedelta(minutes=5)


def check(
    con: duckdb.DuckDBPyConnection,
    *,
    organisation: Organisation,
    week: str,
    as_of: datetime,
    expectations: Path,
    present: Mapping[str, frozenset[str]],
    damaged: Sequence[DamagedFile] = (),
    team_column: str = "team",
    now: datetime,
) -> GateRun:
    """Judge the candidate rows of every table that the export has.

    Args:
        con: a connection with a view `candidate_<table>` per table of `present`: the standard columns, `_file` (text),
            `_row` (a number, once in a file), `_source_row` (of the row in the file, from 1), `_unreadable` (text, null
            where every value was read) and `_repeats` (text: why a row that repeats the key of another is set aside;
            null for the others). The views are not changed.
        organisation: teams, time zone and limits.
        week: the ISO week that is reported, `2026-W46`.
        as_of: the instant up to which the export knows the world.
        expectations: the folder with one suite per table.
        present: per table of the export the columns that the source gives; an expectation on another column is
            `absent`, unless the column is needed.
        damaged: files that cannot be read whole; they block the teams that they concern.
        team_column: what the export calls the team of a ticket.
        now: rows dated after it (and five minutes for clocks that differ) lie in the future.

    Returns:
        The verdict, and per table the rows to set aside with the reason. Tickets are judged first; rows of tickets
        that are set aside go with them.

    Raises:
        GateError: a suite is missing, empty, not readable, names what does not exist, or not all of it ran.

    Notes:
        Volume and gaps are judged on the rows that were kept, against the trailing weeks since the team's history
        began (its first week with at least a tenth of its fullest), and only with three weeks of history or more.
        A silence before the end of the week counts beyond the longest such silence of the trailing weeks, so that a
        team without weekend work is not stopped every Sunday.
    """
    unknown = sorted(set(present) - set(TABLES))
    if unknown:
        raise GateError(f"{', '.join(unknown)}: not a standard table; there are {', '.join(TABLES)}")
    lost = {file.table for file in damaged if not present.get(file.table) and not TABLES[file.table].needed}
    export = Export(
        con, organisation, {table: columns for table, columns in present.items() if table not in lost}, team_column
    )
    with quiet(), temporary_tables(con):
        gate = _Gate(export, Engine(), expectations, _parameters(organisation, now), week, as_of)
        for file in damaged:
            gate.note(damage_result(file, organisation.team_names))
        for name in _references_first(export.present):
            gate.judge(TABLES[name])
        for name in sorted(lost):
            gate.note_lost_table(TABLES[name])
        for table in TABLES.values():
            if table.name not in gate.rows:
                gate.note(absent_table_result(table, organisation.team_names))
        return gate.finish()


def _parameters(organisation: Organisation, now: datetime) -> dict[str, Any]:
    """The values of what every suite may name as `{"$PARAMETER": name}`."""
    limits = organisation.limits
    return {
        "teams": list(organisation.team_names),
        "statuses": list(STATUSES),
        "priorities": list(PRIORITIES),
        "roles": list(ROLES),
        "events": list(EVENTS),
        "time_zones": sorted(available_timezones()),
        "first_day_of_1950": datetime(1950, 1, 1),
        "first_day_of_2000": datetime(2000, 1, 1),
        "start_of_2000": datetime(2000, 1, 1, tzinfo=UTC),
        "now": now + CLOCK_SKEW,
        "week_ends_within_hours": limits.week_ends_within_hours,
        "unreadable_share": limits.unreadable_share,
        "without_team_share": limits.without_team_share,
        "most_without_team_share": limits.most_without_team_share,
        "volume_ratio_low": limits.volume_ratio_low,
        "volume_ratio_high": limits.volume_ratio_high,
    }


def _references_first(names: Mapping[str, object]) -> list[str]:
    """The names of the tables, those first that rows of other tables refer to."""
    order = (*REFERRED_TO, *(name for name in TABLES if name not in REFERRED_TO))
    return [name for name in order if name in names]


@dataclass
class _Gate:
    """One run of the gate: it judges table by table and gathers the results, the rows set aside and who is blocked."""

    export: Export
    engine: Engine
    expectations: Path
    parameters: Mapping[str, Any]
    week: str
    as_of: datetime
    results: list[Result] = field(default_factory=list)
    reasons: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    set_aside: dict[str, pa.Table] = field(default_factory=dict)

    def judge(self, table: Table) -> None:
        """Run the suite of one table: its shape and rows first, then its teams on the rows that were kept."""
        all_teams = self.export.organisation.team_names
        derived = derived_columns(table, self.export.organisation)
        parameters = self._parameters_of(table)
        rules = load_rules(self.expectations / f"{table.name}.json", table, derived, parameters)
        staged = stage_rows(self.export, table, rules, derived)
        self.rows[table.name] = staged.rows
        frame_rules = [rule for rule in rules if rule.scope != "teams" and staged.can_judge(rule, derived)]
        row_rules = [rule for rule in frame_rules if rule.scope == "rows"]
        counts = judge_rows(self.engine, staged, frame_rules, parameters)
        results = {rule.number: row_result(self.export, table, rule, counts) for rule in row_rules}
        for rule in frame_rules:
            if rule.scope == "table":
                result = shape_result(table, rule, counts.details[rule.number], all_teams)
                results[rule.number] = result
                self._block(result)
        self.set_aside[table.name] = set_rows_aside(self.export, table, row_rules, derived)
        team_rules = [rule for rule in rules if rule.scope == "teams"]
        by_rule = judge_teams(self.engine, staged, team_rules, parameters, week=self.week, as_of=self.as_of)
        for number, (result, observed) in by_rule.items():
            results[number] = result
            self._block(result, observed)
        self.results += [results.get(rule.number) or absent_result(table, rule) for rule in rules]
        if table.needed and staged.rows and self.set_aside[table.name].num_rows == staged.rows:
            self.note(nothing_kept_result(table, staged.rows, all_teams))

    def note_lost_table(self, table: Table) -> None:
        """Note that no file of a table could be read: there are no rows to judge; the damage says whom that blocks."""
        derived = derived_columns(table, self.export.organisation)
        rules = load_rules(self.expectations / f"{table.name}.json", table, derived, self._parameters_of(table))
        self.results += [absent_result(table, rule, observed="no file of it could be read") for rule in rules]
        self.rows[table.name] = 0

    def note(self, result: Result) -> None:
        """Note a result that no suite gives, and block the teams that it says are blocked."""
        self.results.append(result)
        self._block(result)

    def finish(self) -> GateRun:
        """The verdict on what was judged and noted, in the order of the standard tables."""
        order = {name: number for number, name in enumerate(TABLES)}
        verdict = Verdict(
            week=self.week,
            as_of=self.as_of,
            results=tuple(sorted(self.results, key=lambda result: order[result.table])),
            blocked={
                team: tuple(self.reasons[team]) for team in self.export.organisation.team_names if team in self.reasons
            },
            rows={name: self.rows[name] for name in TABLES if name in self.rows},
        )
        return GateRun(verdict, self.set_aside)

    def _parameters_of(self, table: Table) -> dict[str, Any]:
        return {**self.parameters, "needed_columns": list(table.needed_columns)}

    def _block(self, result: Result, observed: Mapping[str, str] | None = None) -> None:
        """Block the teams of a result that blocks, for what was `observed` of each, else for what it saw as a whole."""
        if result.outcome != "blocked":
            return
        for team in result.teams:
            sentence = observed[team] if observed is not None else result.observed
            self.reasons.setdefault(team, []).append(f"{result.table}: {sentence}; expected: {result.expectation}")
