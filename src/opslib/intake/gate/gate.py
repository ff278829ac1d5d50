"""The gate: what must hold before a row or a team reaches a number.

The rules stand in `expectations/<table>.json`, one suite per standard table. This module stages each table with what
Great Expectations cannot see by itself (keys over the whole table, references between tables, a row per team with
freshness and volume), has its suite run, and turns the results into a verdict: rows to set aside, teams to block.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePath
from typing import Any, Literal
from zoneinfo import available_timezones

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from opslib.errors import GateError
from opslib.intake.gate.derived import DerivedColumn, derived_columns
from opslib.intake.gate.phrases import rows_in_words, value_in_words
from opslib.intake.gate.suites import Engine, Rule, quiet
from opslib.intake.gate.team_summary import range_seen, team_summary
from opslib.intake.gate.verdict import DamagedFile, GateRun, Outcome, Result, Verdict
from opslib.intake.notation import quoted_list
from opslib.settings import Organisation
from opslib.tables import EVENTS, PRIORITIES, ROLES, STATUSES, TABLES, Table

CHUNK_ROWS = 500_000
EXAMPLES = 5
CLOCK_SKEW = timedelta(minutes=5)

_DUCKDB_TYPES = {
    "instant": "TIMESTAMP WITH TIME ZONE",
    "date": "DATE",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
}
_SHOWABLE = re.compile(r"^(?!.*\d{7})\w[\w .:/+-]{0,39}$")


def check(
    con: duckdb.DuckDBPyConnection,
    *,
    organisation: Organisation,
    week: str,
    as_of: datetime,
    expectations: Path,
    present: Mapping[str, frozenset[str]],
    damaged: Sequence[DamagedFile] = (),
    now: datetime,
) -> GateRun:
    """Judge the candidate rows of every table that the export has.

    Args:
        con: a connection with a view `candidate_<table>` per table of `present`: the standard columns, `_file` (text),
            `_row` (1-based) and `_unreadable` (text, null where every value was read). The views are not changed.
        organisation: teams, time zone and limits.
        week: the ISO week that is reported, `2026-W46`.
        as_of: the instant up to which the export knows the world.
        expectations: the folder with one suite per table.
        present: per table of the export the columns that the source gives; an expectation on another column is
            `absent`, unless the column is needed.
        damaged: files that cannot be read whole; they block the teams that they concern.
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
    with quiet(), _cleaned_up(con):
        lost = {file.table for file in damaged if not present.get(file.table) and not TABLES[file.table].needed}
        judged = {table: columns for table, columns in present.items() if table not in lost}
        gate = _Gate(con, organisation, week, as_of, expectations, judged, now)
        for table in _in_order(judged):
            gate.judge(TABLES[table])
        for table in sorted(lost):
            gate.note_lost_table(TABLES[table])
        gate.note_absent_tables()
        for file in damaged:
            gate.note_damage(file)
        return gate.finish()


class _Gate:
    """One run of the gate over one export."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        organisation: Organisation,
        week: str,
        as_of: datetime,
        expectations: Path,
        present: Mapping[str, frozenset[str]],
        now: datetime,
    ) -> None:
        self.con = con
        self.organisation = organisation
        self.week = week
        self.as_of = as_of
        self.now = now
        self.expectations = expectations
        self.present = present
        self.engine = Engine()
        self.results: list[Result] = []
        self.reasons: dict[str, list[str]] = {}
        self.rows: dict[str, int] = {}
        self.set_aside: dict[str, pa.Table] = {}
        limits = organisation.limits
        self.parameters: dict[str, Any] = {
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
            "volume_ratio_low": limits.volume_ratio_low,
            "volume_ratio_high": limits.volume_ratio_high,
        }

    def judge(self, table: Table) -> None:
        """Run the suite of one table: its shape and rows first, then its teams on the rows that were kept."""
        derived = derived_columns(table, self.organisation)
        parameters = self.parameters | {"needed_columns": list(table.needed_columns)}
        rules = self.engine.load(self.expectations / f"{table.name}.json", table, derived, parameters)
        mistyped = self._stage(table, rules, derived)
        judged = [rule for rule in rules if self._can_be_judged(rule, table, derived, mistyped)]
        row_rules = [rule for rule in judged if rule.scope == "rows"]
        frame_rules = [rule for rule in judged if rule.scope != "teams"]
        checked, failed, details = self._run_rows(table, frame_rules, parameters)
        found = {rule.number: self._row_result(table, rule, checked, failed) for rule in row_rules}
        found |= {
            rule.number: self._table_result(table, rule, details) for rule in frame_rules if rule.scope == "table"
        }
        self._set_rows_aside(table, row_rules, derived)
        found |= self._team_results(table, [rule for rule in rules if rule.scope == "teams"], parameters)
        self.results += [found.get(rule.number) or _absent(table, rule) for rule in rules]

    def note_absent_tables(self) -> None:
        """A table that the export does not have is a result too; without tickets no team has a number."""
        for table in TABLES.values():
            if table.name in self.rows:
                continue
            result = Result(
                table.name,
                "the table is in this export",
                "table",
                "",
                "critical" if table.needed else "warning",
                "table",
                "Every number is about tickets." if table.needed else "What rests on this table says so in the report.",
                1,
                1,
                "not in this export",
                (),
                self.organisation.team_names if table.needed else (),
                "blocked" if table.needed else "absent",
            )
            self.results.append(result)
            if table.needed:
                self._block(result, dict.fromkeys(result.teams, result.observed))

    def note_lost_table(self, table: Table) -> None:
        """A table none of whose files could be read has no rows to judge; the damage says whom that blocks."""
        rules = self.engine.load(
            self.expectations / f"{table.name}.json",
            table,
            derived_columns(table, self.organisation),
            self.parameters | {"needed_columns": list(table.needed_columns)},
        )
        self.results += [replace(_absent(table, rule), observed="no file of it could be read") for rule in rules]
        self.rows[table.name] = 0

    def note_damage(self, file: DamagedFile) -> None:
        """A file that cannot be read whole blocks the teams that it concerns."""
        name = PurePath(file.file).name
        known = self.organisation.team_names
        teams = known if file.teams is None else tuple(team for team in known if team in file.teams)
        result = Result(
            file.table,
            "every file can be read whole",
            "file",
            "",
            "critical",
            "table",
            "Nobody can tell what the part that was not read would have said.",
            file.rows,
            1,
            f"{name}: {file.message}",
            (name,),
            teams,
            "blocked" if teams else "warned",
        )
        self.results.append(result)
        self._block(result, dict.fromkeys(teams, result.observed))

    def finish(self) -> GateRun:
        order = {table: number for number, table in enumerate(TABLES)}
        verdict = Verdict(
            self.week,
            self.as_of,
            tuple(sorted(self.results, key=lambda result: order[result.table])),
            {team: tuple(self.reasons[team]) for team in self.organisation.team_names if team in self.reasons},
            {table: self.rows[table] for table in TABLES if table in self.rows},
            {table: self.set_aside[table].num_rows for table in TABLES if table in self.set_aside},
        )
        return GateRun(verdict, self.set_aside)

    def _stage(self, table: Table, rules: Sequence[Rule], derived: Mapping[str, DerivedColumn]) -> frozenset[str]:
        """Make `gate_<table>`: what the suite names, each row's team and week. Returns the columns of a wrong type."""
        try:
            described = self.con.execute(f"describe select * from candidate_{table.name}").fetchall()
        except duckdb.Error as error:
            raise GateError(f"the candidate rows of {table.name} cannot be read: {error}") from error
        types = {str(row[0]): str(row[1]) for row in described}
        lacking = sorted({*table.names, "_file", "_row", "_unreadable"} - set(types))
        if lacking:
            raise GateError(f"the candidate rows of {table.name} lack the columns {', '.join(lacking)}")
        mistyped = {c.name for c in table if types[c.name] != _DUCKDB_TYPES.get(c.type, "VARCHAR")}
        casts = [f"try_cast({n} as {_DUCKDB_TYPES.get(table[n].type, 'VARCHAR')}) as {n}" for n in sorted(mistyped)]
        replaced = f" replace ({', '.join(casts)})" if casts else ""
        raw = "".join(f', {name} as "raw {name}"' for name in sorted(mistyped))
        named = {name for rule in rules if rule.scope != "teams" for name in rule.columns} | set(table.key)
        own = [name for name in table.names if name in named or name == "team"]
        needs = {name: set(derived[name].tables) <= set(self.present) for name in derived}
        keys = ", ".join(f"c.{name}" for name in table.key)
        same_key = " and ".join(f"d.{name} is not distinct from c.{name}" for name in table.key)
        whole = ", ".join(f"c.{name}" for name in table.names)
        selected = [
            *(f"cast(c.{name} as timestamp) as {name}" if table[name].type == "date" else f"c.{name}" for name in own),
            *(f'c."raw {name}"' for name in sorted(mistyped)),
            *(f"{derived[name].sql} as {name}" for name in derived if name in named and needs[name]),
        ]
        dated = f"c.{table.dated_by}" if table.dated_by else "null::timestamptz"
        zone = self.organisation.time_zone
        self.con.execute(
            f"create or replace temp table gate_{table.name} as "
            f"with c as (select row_number() over () as _position, *{replaced}{raw} from candidate_{table.name}), "
            f"d as (select {keys}, min(c._position) as first, min(hash({whole})) = max(hash({whole})) as identical "
            f"from c where hash({keys}) in (select hash({keys}) from c group by all having count(*) > 1) "
            f"group by {keys} having count(*) > 1) "
            f"select c._position, c._file, c._row, {self._team_of(table)} as _team, {dated} as _dated, "
            f"strftime(timezone('{zone}', {dated}), '%G-W%V') as _week, "
            f"{_unreadable_columns(table.names)} as _unreadable, {', '.join(selected)} "
            f"from c left join d on {same_key}{self._references(table)}"
        )
        self.rows[table.name] = self._number(f"select count(*) from gate_{table.name}")
        return frozenset(mistyped)

    def _team_of(self, table: Table) -> str:
        """SQL of the team that a row concerns; null where it names none of the organisation's."""
        teams = quoted_list(self.organisation.team_names)
        match self._team_from(table):
            case "own":
                return f"case when c.team in ({teams}) then c.team end"
            case "ticket":
                return "t.team"
            case "agent":
                return "a.team"
        return "null::varchar"

    def _team_from(self, table: Table) -> Literal["own", "ticket", "agent", "nowhere"]:
        present = self.present[table.name]
        if "team" in present:
            return "own"
        if "ticket_id" in present and "tickets" in self.present:
            return "ticket"
        return "agent" if "agent_id" in present and "agents" in self.present else "nowhere"

    def _references(self, table: Table) -> str:
        joins = ""
        for alias, other, column in (
            ("t", "tickets", "ticket_id"),
            ("a", "agents", "agent_id"),
            ("p", "projects", "project_id"),
        ):
            if column in table.names and other in self.present and other != table.name:
                joins += f" left join gate_index_{other} {alias} on {alias}.id = c.{column}"
        return joins

    def _can_be_judged(
        self, rule: Rule, table: Table, derived: Mapping[str, DerivedColumn], mistyped: frozenset[str]
    ) -> bool:
        """False where the export lacks a column or a table that the rule speaks of, or has it as something else."""
        if rule.scope == "teams":
            return False
        present = self.present[table.name]
        usable = present if rule.judges_types else present - mistyped
        for name in rule.columns:
            if name in derived:
                if not set(derived[name].columns) <= present - mistyped or not set(derived[name].tables) <= set(
                    self.present
                ):
                    return False
            elif name not in usable:
                return False
        return True

    def _run_rows(
        self, table: Table, rules: Sequence[Rule], parameters: Mapping[str, Any]
    ) -> tuple[dict[int, int], dict[int, int], dict[int, Mapping[str, Any]]]:
        """Run the rules chunk by chunk; the positions of failing rows go to the table `gate_failures`."""
        checked: dict[int, int] = dict.fromkeys((rule.number for rule in rules), 0)
        failed = dict(checked)
        details: dict[int, Mapping[str, Any]] = {}
        failures: list[pa.Table] = []
        row_rules = [rule for rule in rules if rule.scope == "rows"]
        named = sorted(
            {name for rule in rules for name in rule.columns} | (self.present[table.name] & set(table.needed_columns))
        )
        with closing(self._chunks(table, named)) as chunks:
            for first, (positions, frame) in enumerate(chunks):
                results = self.engine.run(table.name, frame, rules if first == 0 else row_rules, parameters, "BASIC")
                broken = []
                for rule in rules if first == 0 else row_rules:
                    result = results[rule.number]
                    if rule.scope == "table":
                        details[rule.number] = {"success": result["success"], **result["result"]}
                        continue
                    seen = result["result"]
                    checked[rule.number] += seen["element_count"] - seen.get("missing_count", 0)
                    if not result["success"]:
                        broken.append(rule)
                if not broken:
                    continue
                named_rows = self.engine.run(table.name, frame, broken, parameters, "COMPLETE")
                for rule in broken:
                    indexes = np.asarray(named_rows[rule.number]["result"]["unexpected_index_list"], dtype=np.int64)
                    failed[rule.number] += len(indexes)
                    numbers = np.full(len(indexes), rule.number)
                    failures.append(pa.table({"number": numbers, "position": positions[indexes]}))
        empty = pa.schema([("number", pa.int64()), ("position", pa.int64())]).empty_table()
        self.con.register("gate_found", pa.concat_tables([empty, *failures]))
        self.con.execute("create or replace temp table gate_failures as select * from gate_found")
        self.con.unregister("gate_found")
        return checked, failed, details

    def _chunks(self, table: Table, columns: Sequence[str]) -> Generator[tuple[np.ndarray, pd.DataFrame]]:
        """The rows of `gate_<table>` as frames of at most `CHUNK_ROWS` rows; an empty table is one empty frame."""
        staged = set(self.con.sql(f"select * from gate_{table.name} limit 0").columns)
        selected = ", ".join(f'"raw {name}" as {name}' if f"raw {name}" in staged else name for name in columns)
        query = self.con.sql(f"select _position{', ' if selected else ''}{selected} from gate_{table.name}")
        pending: list[pa.RecordBatch] = []
        schema, found = None, False
        with query.to_arrow_reader(CHUNK_ROWS) as reader:
            schema = reader.schema
            for batch in reader:
                if pending and sum(part.num_rows for part in pending) + batch.num_rows > CHUNK_ROWS:
                    yield _framed(pa.Table.from_batches(pending))
                    pending = []
                if batch.num_rows:
                    pending.append(batch)
                    found = True
        if pending or not found:
            yield _framed(pa.Table.from_batches(pending, schema))

    def _row_result(self, table: Table, rule: Rule, checked: Mapping[int, int], failed: Mapping[int, int]) -> Result:
        count = failed[rule.number]
        result = Result(
            table.name,
            rule.phrase,
            rule.type,
            rule.column,
            rule.severity,
            rule.scope,
            rule.notes,
            checked[rule.number],
            count,
            f"{count:,} of {rows_in_words(checked[rule.number])}" if checked[rule.number] else "no value to judge",
            (),
            (),
            "passed",
        )
        if not count:
            return result
        failing = f"gate_{table.name} g join gate_failures f on f.position = g._position and f.number = {rule.number}"
        weeks = self.con.sql(
            f"select coalesce(_week, 'undated'), count(*) from {failing} group by 1 order by 1"
        ).fetchall()
        teams = {row[0] for row in self.con.sql(f"select distinct _team from {failing}").fetchall()}
        examples = self.con.sql(
            f"select {_key_text(table)} from {failing} order by g._position limit {EXAMPLES}"
        ).fetchall()
        return replace(
            result,
            observed=result.observed + self._values_seen(table, rule, failing),
            examples=tuple(str(row[0]) for row in examples),
            teams=tuple(team for team in self.organisation.team_names if team in teams),
            outcome="set_aside" if rule.severity == "critical" else "warned",
            failures_by_week={str(label): int(rows) for label, rows in weeks} if table.dated_by else {},
        )

    def _values_seen(self, table: Table, rule: Rule, failing: str) -> str:
        """The commonest values that failed, where they are names (never ids, never text that somebody wrote)."""
        column = rule.columns[0]
        if column.endswith("values_are_readable"):
            column = "_unreadable"
        elif not ("value_set" in rule.kwargs and column in table.names and table[column].type == "category"):
            return ""
        rows = self.con.sql(
            f"select {column}, count(*) from {failing} group by 1 order by 2 desc, 1 limit 3"
        ).fetchall()
        shown = [
            str(v) if _SHOWABLE.match(str(v)) or column == "_unreadable" else "a value not shown here" for v, _ in rows
        ]
        return ": " + "; ".join(f"{value} ({count:,})" for value, (_, count) in zip(shown, rows, strict=True))

    def _table_result(self, table: Table, rule: Rule, details: Mapping[int, Mapping[str, Any]]) -> Result:
        seen = details[rule.number]
        observed = seen.get("observed_value", "")
        if rule.type == "expect_table_columns_to_match_set":
            lacking = seen.get("details", {}).get("mismatched", {}).get("missing", [])
            observed = f"missing: {', '.join(lacking)}" if lacking else "all there"
        teams = () if seen["success"] else self.organisation.team_names
        failed = 0 if seen["success"] else 1
        outcome: Outcome = "passed" if not failed else "blocked" if rule.severity == "critical" else "warned"
        result = Result(
            table.name,
            rule.phrase,
            rule.type,
            rule.column,
            rule.severity,
            rule.scope,
            rule.notes,
            1,
            failed,
            str(observed),
            (),
            teams,
            outcome,
        )
        if outcome == "blocked":
            self._block(result, dict.fromkeys(teams, result.observed))
        return result

    def _set_rows_aside(self, table: Table, rules: Sequence[Rule], derived: Mapping[str, DerivedColumn]) -> None:
        """Collect the rows of critical failures with all their reasons, and index what other tables refer to."""
        critical = [rule for rule in rules if rule.severity == "critical"]
        reasons = pa.table(
            {
                "number": pa.array([rule.number for rule in critical], pa.int64()),
                "reason": pa.array([rule.reason for rule in critical], pa.string()),
                "names_columns": pa.array(
                    [rule.column == "needed_values_are_readable" for rule in critical], pa.bool_()
                ),
                "own": pa.array(
                    [
                        not any(name in derived and derived[name].inherited for name in rule.columns)
                        for rule in critical
                    ],
                    pa.bool_(),
                ),
            }
        )
        self.con.register("gate_reasons", reasons)
        self.con.execute(
            "create or replace temp table gate_set_aside as select f.position, bool_or(r.own) as own, "
            "string_agg(r.reason || case when r.names_columns then ': ' || g._unreadable else '' end, '; ' "
            "order by r.number) as reason from gate_failures f join gate_reasons r using (number) "
            f"join gate_{table.name} g on g._position = f.position group by f.position"
        )
        self.con.unregister("gate_reasons")
        self.set_aside[table.name] = self.con.sql(
            f"select g._file, g._row, s.reason from gate_{table.name} g "
            "join gate_set_aside s on s.position = g._position order by g._position"
        ).to_arrow_table()
        if table.name in {"tickets", "agents", "projects", "articles"}:
            self.con.execute(
                f"create or replace temp table gate_index_{table.name} as select {table.key[0]} as id, "
                "min(_dated) as created_at, any_value(_team) as team, bool_or(s.position is null) as kept "
                f"from gate_{table.name} g left join gate_set_aside s on s.position = g._position "
                f"where {table.key[0]} is not null group by 1"
            )

    def _team_results(self, table: Table, rules: Sequence[Rule], parameters: Mapping[str, Any]) -> dict[int, Result]:
        """Run the team rules on a frame with one row per team."""
        summary, words = self._summary(table, {name for rule in rules for name in rule.columns})
        if not rules:
            return {}
        found: dict[int, Result] = {}
        results = self.engine.run(table.name, summary, rules, parameters, "COMPLETE")
        teams = self.organisation.team_names
        for rule in rules:
            column = rule.columns[0]
            failing = tuple(teams[index] for index in results[rule.number]["result"].get("unexpected_index_list") or ())
            judged = int(summary[column].notna().sum())
            said = {
                team: words[column].get(team, value_in_words(summary[column].iloc[teams.index(team)]))
                for team in failing
            }
            outcome: Outcome = "passed" if not failing else "blocked" if rule.severity == "critical" else "warned"
            result = Result(
                table.name,
                rule.phrase,
                rule.type,
                rule.column,
                rule.severity,
                rule.scope,
                rule.notes,
                judged,
                len(failing),
                "; ".join(f"{team}: {text}" for team, text in said.items()) or range_seen(summary[column]),
                (),
                failing,
                outcome,
            )
            found[rule.number] = result
            if outcome == "blocked":
                self._block(result, said)
        return found

    def _summary(self, table: Table, wanted: set[str]) -> tuple[pd.DataFrame, dict[str, dict[str, str]]]:
        """One row per team, and what to say of each by team; what costs a query is counted only where it is wanted."""
        return team_summary(
            self._counts(table),
            organisation=self.organisation,
            week=self.week,
            as_of=self.as_of,
            by_team=self._team_from(table) != "nowhere",
            rows_without_team=self._rows_without_team(table) if "share_without_team" in wanted else None,
            rows_of_unknown_tickets=self._rows_of_unknown_tickets(table) if "unknown_ticket_share" in wanted else None,
        )

    def _counts(self, table: Table) -> pd.DataFrame:
        """Rows kept, set aside for reasons of their own, and all, and the last kept instant, by team and week."""
        counts: pd.DataFrame = (
            self.con.sql(
                "select _team, _week, count(*) filter (s.position is null) as kept, "
                "count(*) filter (coalesce(s.own, false)) as own, count(*) as every, "
                "max(_dated) filter (s.position is null) as last "
                f"from gate_{table.name} g left join gate_set_aside s on s.position = g._position group by 1, 2"
            )
            .to_arrow_table()
            .to_pandas()
        )
        return counts

    def _rows_without_team(self, table: Table) -> int | None:
        """Rows that name no team may be anybody's; rows of a team that is not the organisation's are nobody's here."""
        if self._team_from(table) != "own":
            return None
        return self._number(f"select count(*) from gate_{table.name} where team is null")

    def _rows_of_unknown_tickets(self, table: Table) -> int | None:
        if self._team_from(table) == "nowhere" or not self.rows[table.name] or "tickets" not in self.present:
            return None
        return self._number(
            f"select count(*) from gate_{table.name} g anti join gate_index_tickets t on t.id = g.ticket_id "
            "where g.ticket_id is not null"
        )

    def _block(self, result: Result, said: Mapping[str, str]) -> None:
        for team, text in said.items():
            self.reasons.setdefault(team, []).append(f"{result.table}: {text}; expected: {result.expectation}")

    def _number(self, query: str) -> int:
        return int(self.con.execute(query).fetchall()[0][0])


def _absent(table: Table, rule: Rule) -> Result:
    return Result(
        table.name,
        rule.phrase,
        rule.type,
        rule.column,
        rule.severity,
        rule.scope,
        rule.notes,
        0,
        0,
        "not in this export",
        (),
        (),
        "absent",
    )


def _framed(chunk: pa.Table) -> tuple[np.ndarray, pd.DataFrame]:
    """Positions, and the frame that Great Expectations sees; whole numbers and booleans keep their type with nulls."""
    nullable = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype(), pa.bool_(): pd.BooleanDtype()}
    frame = chunk.drop_columns(["_position"]).to_pandas(types_mapper=nullable.get)
    return chunk.column("_position").to_numpy(), frame


def _in_order(present: Mapping[str, frozenset[str]]) -> list[str]:
    """What other tables refer to comes first."""
    first = ("tickets", "agents", "projects", "articles")
    return [table for table in (*first, *(name for name in TABLES if name not in first)) if table in present]


def _unreadable_columns(columns: Sequence[str]) -> str:
    """SQL of the names of the columns that could not be read; the values are left out, they may be anything."""
    found = f"regexp_extract_all(c._unreadable, '(?:^|; )({'|'.join(columns)}): ', 1)"
    return f"case when c._unreadable is not null then array_to_string({found}, ', ') end"


def _key_text(table: Table) -> str:
    """SQL of the key of a row as a reader would look for it; of a row without one its file and number."""
    forms = {"instant": "strftime(timezone('UTC', {}), '%Y-%m-%dT%H:%M:%SZ')", "date": "strftime({}, '%Y-%m-%d')"}
    parts = [forms.get(table[name].type, "cast({} as varchar)").format(f"g.{name}") for name in table.key[:3]]
    return f"coalesce(nullif(concat_ws(' · ', {', '.join(parts)}), ''), parse_filename(g._file) || ' row ' || g._row)"


@contextmanager
def _cleaned_up(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Drop what the gate staged, however it ends."""
    try:
        yield
    finally:
        staged = con.execute(
            "select table_name from duckdb_tables() where temporary and table_name like 'gate\\_%' escape '\\'"
        )
        for (name,) in staged.fetchall():
            con.execute(f'drop table if exists temp."{name}"')
