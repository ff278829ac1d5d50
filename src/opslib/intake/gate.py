"""The gate: what must hold before a row or a team reaches a number, judged by Great Expectations.

The rules stand in `expectations/<table>.json`, one suite per standard table. This module computes what Great
Expectations cannot see by itself (keys over the whole table, references between tables, a row per team with
freshness and volume), runs every suite, and turns the results into a verdict: rows to set aside, teams to block.
"""

from __future__ import annotations

import json
import logging
import math
import re
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import available_timezones

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.errors import Pandas4Warning

from opslib.calendars import shift_week, week_bounds
from opslib.errors import GateError
from opslib.intake.verdict import DamagedFile, GateRun, Outcome, Result, Scope, Severity, Verdict
from opslib.settings import Organisation
from opslib.tables import EVENTS, PRIORITIES, ROLES, STATUSES, TABLES, Table

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.validator.validator import Validator

CHUNK_ROWS = 500_000
EXAMPLES = 5
CLOCK_SKEW = timedelta(minutes=5)
LEAST_HISTORY_WEEKS = 3
# A team whose usual week has 7 rows has an empty one by chance less than once in 1,000 weeks (Poisson); 20 rows keep
# the ratio of a usual week within the limits; from 100 rows on a silence of half a day is no chance either.
JUDGED_FROM = {"week_is_there": 7, "missing_weeks": 7, "volume_ratio": 20, "hours_short_of_week_end": 100}
NEXT_TO_NOTHING = 1 / 20
NAMED_ONE_BY_ONE = 5

_DUCKDB_TYPES = {
    "instant": "TIMESTAMP WITH TIME ZONE",
    "date": "DATE",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
}
_TYPE_EXPECTATIONS = frozenset({"expect_column_values_to_be_of_type", "expect_column_values_to_be_in_type_list"})
_TABLE_EXPECTATIONS = _TYPE_EXPECTATIONS | {"expect_table_columns_to_match_set", "expect_column_to_exist"}
_ORDER = "expect_column_pair_values_a_to_be_greater_than_b"
_KINDS = {
    "id": "an id",
    "person": "the id of a person",
    "category": "a name",
    "text": "text",
    "free_text": "text",
    "instant": "an instant",
    "date": "a date",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no",
}
_SHOWABLE = re.compile(r"^(?!.*\d{7})\w[\w .:/+-]{0,39}$")


@dataclass(frozen=True)
class _Derived:
    """A boolean column that Great Expectations judges: SQL over `c` (the row), `t` (its ticket), `a`, `p`."""

    sql: str
    columns: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    inherited: bool = False


@dataclass(frozen=True)
class _Rule:
    """One expectation of a suite file."""

    number: int
    type: str
    kwargs: dict[str, Any]
    severity: Severity
    scope: Scope
    notes: str
    phrase: str
    reason: str
    columns: tuple[str, ...]
    expectation: Expectation

    @property
    def column(self) -> str:
        return ", ".join(self.columns)


_TICKET_IS_KNOWN = _Derived("t.id is not null", ("ticket_id",), ("tickets",))
_TICKET_IS_KEPT = _Derived("t.kept", ("ticket_id",), ("tickets",), inherited=True)
_AGENT_IS_KNOWN = _Derived("case when c.agent_id is not null then a.id is not null end", ("agent_id",), ("agents",))


def _not_before_ticket(column: str) -> _Derived:
    return _Derived(f"c.{column} >= t.created_at - interval 1 minute", ("ticket_id", column), ("tickets",))


def _all_known(column: str, known: str, *tables: str) -> _Derived:
    """Whether every item of a list column is among the rows of the query `known`; null where the list is empty."""
    items = f"unnest(string_split(c.{column}, ';')) as u(item)"
    return _Derived(
        f"(select bool_and(trim(u.item) in ({known})) from {items} where trim(u.item) <> '')", (column,), tables
    )


def _event_value(event: str, values: Sequence[str] | None = None) -> _Derived:
    known = "true" if values is None else f"c.value in ({_quoted(values)})"
    return _Derived(
        f"case when c.event = '{event}' then c.value is not null and coalesce({known}, false) end", ("event", "value")
    )


def _derived(table: Table, organisation: Organisation) -> dict[str, _Derived]:
    """The boolean columns that the suite of a table may name beside the table's own columns."""
    teams = organisation.team_names
    others = tuple(name for name in table.names if name not in table.needed_columns)
    columns = {
        "key_is_unique": _Derived(
            f"case when {' and '.join(f'c.{name} is not null' for name in table.key if table[name].needed)} "
            "then d.first is null or (d.identical and d.first = c._position) end",
            tuple(name for name in table.key if table[name].needed),
        ),
        "needed_values_are_readable": _Derived(f"coalesce(not {_unreadable(table.needed_columns)}, true)"),
        "other_values_are_readable": _Derived(f"coalesce(not {_unreadable(others)}, true)"),
    }
    match table.name:
        case "tickets":
            columns["solved_ticket_has_its_time"] = _Derived(
                "case when c.status in ('solved', 'closed') then coalesce(c.solved_at, c.closed_at) is not null end",
                ("status", "solved_at"),
            )
        case "ticket_events":
            columns |= {
                "ticket_is_known": _TICKET_IS_KNOWN,
                "ticket_is_kept": _TICKET_IS_KEPT,
                "is_not_before_its_ticket": _not_before_ticket("occurred_at"),
                "new_status_is_known": _event_value("status", STATUSES),
                "new_team_is_known": _event_value("team", teams),
                "new_priority_is_known": _event_value("priority", PRIORITIES),
                "merge_names_its_target": _event_value("merged_into"),
                "comment_says_who_wrote": _Derived(
                    "case when c.event = 'public_comment' then c.actor_role is not null end", ("event", "actor_role")
                ),
            }
        case "shifts":
            columns |= {
                "agent_is_known": _AGENT_IS_KNOWN,
                "is_at_most_a_day_long": _Derived("c.end_at - c.start_at <= interval 24 hours", ("start_at", "end_at")),
                "does_not_overlap": _Derived(
                    "c.start_at >= max(c.end_at) over (partition by c.agent_id, c.planned order by c.start_at, c.end_at"
                    " rows between unbounded preceding and 1 preceding)",
                    ("agent_id", "start_at", "end_at"),
                ),
            }
        case "satisfaction":
            columns |= {
                "ticket_is_known": _TICKET_IS_KNOWN,
                "ticket_is_kept": _TICKET_IS_KEPT,
                "is_not_before_its_ticket": _not_before_ticket("answered_at"),
                "score_is_within_its_scale": _Derived(
                    "c.score between 1 and coalesce(c.scale_max, 5) and isfinite(c.score)", ("score",)
                ),
            }
        case "quality_reviews":
            columns |= {
                "ticket_is_known": _TICKET_IS_KNOWN,
                "ticket_is_kept": _TICKET_IS_KEPT,
                "is_not_before_its_ticket": _not_before_ticket("reviewed_at"),
                "agent_is_known": _AGENT_IS_KNOWN,
                "score_is_within_its_range": _Derived("c.score between 0 and c.max_score", ("score", "max_score")),
                "reviewer_is_not_the_agent": _Derived("c.reviewer_id <> c.agent_id", ("reviewer_id", "agent_id")),
            }
        case "activity":
            columns["is_no_total_beside_its_parts"] = _Derived(
                "coalesce(c.channel, c.language, c.region) is not null "
                "or count(coalesce(c.channel, c.language, c.region)) over (partition by c.active_on) = 0",
                ("active_on",),
            )
        case "policy_changes":
            columns["articles_are_known"] = _all_known("article_ids", "select id from gate_index_articles", "articles")
        case "projects":
            columns["teams_are_known"] = _all_known("teams", f"select unnest([{_quoted(teams)}])")
        case "project_tasks":
            columns |= {
                "project_is_known": _Derived("p.id is not null", ("project_id",), ("projects",)),
                "project_is_kept": _Derived("p.kept", ("project_id",), ("projects",), inherited=True),
                "tasks_it_waits_for_are_known": _all_known(
                    "depends_on",
                    "select cast(task_id as varchar) from candidate_project_tasks where task_id is not null",
                ),
                "does_not_wait_for_itself": _Derived(
                    "not list_contains(list_transform(string_split(c.depends_on, ';'), lambda x: trim(x)), c.task_id)",
                    ("depends_on", "task_id"),
                ),
                "finished_task_is_complete": _Derived(
                    "case when c.finished_on is not null then c.percent_complete >= 100 end",
                    ("finished_on", "percent_complete"),
                ),
            }
        case "tool_requests":
            columns["tickets_are_known"] = _all_known("ticket_ids", "select id from gate_index_tickets", "tickets")
        case "feedback_actions":
            zone = organisation.time_zone
            columns["is_not_due_before_it_was_agreed"] = _Derived(
                f"c.due_on >= cast(timezone('{zone}', c.raised_at) as date)", ("due_on", "raised_at")
            )
    return columns


_SUMMARY_COLUMNS = {
    "rows_in_table": "the number of rows in the table",
    "team_has_rows": "the team has rows",
    "set_aside_share": "the share of rows set aside",
    "set_aside_share_of_the_week": "the share of the week's rows set aside",
    "share_without_team": "the share of rows that name no team",
    "unknown_ticket_share": "the share of rows of tickets that are not in this export",
    "export_hours_short_of_week_end": "the silence of the export before the end of the week (hours beyond the usual)",
    "hours_short_of_week_end": "the silence of the team before the end of the week (hours beyond the usual)",
    "week_is_there": "the week is there",
    "missing_weeks": "the number of weeks missing before",
    "volume_ratio": "the number of rows against the usual week",
}


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
    with _quiet(), _cleaned_up(con):
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
        self.engine = _Engine()
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
        derived = _derived(table, self.organisation)
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
            _derived(table, self.organisation),
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

    def _stage(self, table: Table, rules: Sequence[_Rule], derived: Mapping[str, _Derived]) -> frozenset[str]:
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
        teams = _quoted(self.organisation.team_names)
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
        self, rule: _Rule, table: Table, derived: Mapping[str, _Derived], mistyped: frozenset[str]
    ) -> bool:
        """False where the export lacks a column or a table that the rule speaks of, or has it as something else."""
        if rule.scope == "teams":
            return False
        present = self.present[table.name]
        usable = present if rule.type in _TYPE_EXPECTATIONS else present - mistyped
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
        self, table: Table, rules: Sequence[_Rule], parameters: Mapping[str, Any]
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

    def _row_result(self, table: Table, rule: _Rule, checked: Mapping[int, int], failed: Mapping[int, int]) -> Result:
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
            f"{count:,} of {_rows(checked[rule.number])}" if checked[rule.number] else "no value to judge",
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

    def _values_seen(self, table: Table, rule: _Rule, failing: str) -> str:
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

    def _table_result(self, table: Table, rule: _Rule, details: Mapping[int, Mapping[str, Any]]) -> Result:
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

    def _set_rows_aside(self, table: Table, rules: Sequence[_Rule], derived: Mapping[str, _Derived]) -> None:
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

    def _team_results(self, table: Table, rules: Sequence[_Rule], parameters: Mapping[str, Any]) -> dict[int, Result]:
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
            said = {team: words[column].get(team, _shown(summary[column].iloc[teams.index(team)])) for team in failing}
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
                "; ".join(f"{team}: {text}" for team, text in said.items()) or _range_seen(summary[column]),
                (),
                failing,
                outcome,
            )
            found[rule.number] = result
            if outcome == "blocked":
                self._block(result, said)
        return found

    def _summary(self, table: Table, wanted: set[str]) -> tuple[pd.DataFrame, dict[str, dict[str, str]]]:
        """One row per team: the columns of `_SUMMARY_COLUMNS` (null: not judged), and what to say of each by team."""
        teams = self.organisation.team_names
        counts = self._counts(table)
        together = counts.assign(_team=None).groupby("_week", dropna=False, as_index=False)
        whole = _TeamRows(
            together.agg({"kept": "sum", "own": "sum", "every": "sum", "last": "max"}), self.week, self.organisation
        )
        found: dict[str, dict[str, Any]] = {name: {} for name in _SUMMARY_COLUMNS}
        words: dict[str, dict[str, str]] = {name: {} for name in _SUMMARY_COLUMNS}
        without_team = self._share_without_team(table) if "share_without_team" in wanted else None
        unknown_share = self._unknown_ticket_share(table) if "unknown_ticket_share" in wanted else None
        for team in teams:
            mine = whole
            if self._team_from(table) != "nowhere":
                mine = _TeamRows(counts[counts["_team"] == team], self.week, self.organisation)
            found["rows_in_table"][team] = whole.every
            found["team_has_rows"][team] = mine.every > 0
            found["share_without_team"][team] = without_team
            found["unknown_ticket_share"][team] = unknown_share
            found["set_aside_share"][team] = _judged_share(mine.own, mine.every)
            found["set_aside_share_of_the_week"][team] = _judged_share(mine.own_in_week, mine.every_in_week)
            found["export_hours_short_of_week_end"][team] = whole.hours_short(self.as_of) if table.dated_by else None
            found["hours_short_of_week_end"][team] = (
                mine.hours_short(self.as_of) if mine.judged("hours_short_of_week_end") else None
            )
            found["week_is_there"][team] = not mine.is_gap(mine.in_week) if mine.judged("week_is_there") else None
            found["missing_weeks"][team] = len(mine.gaps) if mine.judged("missing_weeks") else None
            found["volume_ratio"][team] = mine.ratio if mine.judged("volume_ratio") else None
            usual = f"usually {mine.usual:,.0f}"
            words["rows_in_table"][team] = _rows(whole.every)
            words["team_has_rows"][team] = "no rows"
            words["set_aside_share"][team] = f"{mine.own:,} of {_rows(mine.every)} set aside"
            words["set_aside_share_of_the_week"][team] = (
                f"{mine.own_in_week:,} of {_rows(mine.every_in_week)} of {self.week} set aside"
            )
            words["week_is_there"][team] = f"{_rows(mine.in_week)} in {self.week}, {usual}"
            words["missing_weeks"][team] = f"next to no rows in {', '.join(mine.gaps)}, {usual}"
            words["volume_ratio"][team] = f"{_rows(mine.in_week)} in {self.week}, {usual}"
            for name in ("export_hours_short_of_week_end", "hours_short_of_week_end"):
                rows = whole if name.startswith("export") else mine
                if found[name][team] is not None:
                    words[name][team] = f"last row {rows.last_row}, {found[name][team]:,.0f} h earlier than usual"
        frame = pd.DataFrame({name: pd.Series([by[team] for team in teams]) for name, by in found.items()})
        flags = {"team_has_rows", "week_is_there"}
        return frame.astype({name: "boolean" if name in flags else "Float64" for name in _SUMMARY_COLUMNS}), words

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

    def _share_without_team(self, table: Table) -> float | None:
        """Rows that name no team may be anybody's; rows of a team that is not the organisation's are nobody's here."""
        if self._team_from(table) != "own":
            return None
        nameless = self._number(f"select count(*) from gate_{table.name} where team is null")
        return _judged_share(nameless, self.rows[table.name])

    def _unknown_ticket_share(self, table: Table) -> float | None:
        if self._team_from(table) == "nowhere" or not self.rows[table.name] or "tickets" not in self.present:
            return None
        lost = self._number(
            f"select count(*) from gate_{table.name} g anti join gate_index_tickets t on t.id = g.ticket_id "
            "where g.ticket_id is not null"
        )
        return lost / self.rows[table.name]

    def _block(self, result: Result, said: Mapping[str, str]) -> None:
        for team, text in said.items():
            self.reasons.setdefault(team, []).append(f"{result.table}: {text}; expected: {result.expectation}")

    def _number(self, query: str) -> int:
        return int(self.con.execute(query).fetchall()[0][0])


class _TeamRows:
    """The rows of one team (or of all) by week: how many, how usual, and how far they reach."""

    def __init__(self, counts: pd.DataFrame, week: str, organisation: Organisation) -> None:
        self.zone = organisation.zone
        self.week = week
        self.every = int(counts["every"].sum())
        self.own = int(counts["own"].sum())
        dated = counts.dropna(subset=["_week"]).set_index("_week")
        kept = dated["kept"]
        self.own_in_week = int(dated["own"].get(week, 0))
        self.every_in_week = int(dated["every"].get(week, 0))
        self.in_week = int(kept.get(week, 0))
        self.last: pd.Series = dated["last"].dropna()
        trailing = [shift_week(week, -back) for back in range(organisation.limits.trailing_weeks, 0, -1)]
        rows = kept.reindex(trailing, fill_value=0)
        begun = rows >= max(1.0, rows.max() / 10)
        self.history = rows[begun.cummax()]
        self.usual = float(self.history.median()) if len(self.history) else 0.0

    def judged(self, column: str) -> bool:
        return len(self.history) >= LEAST_HISTORY_WEEKS and self.usual >= JUDGED_FROM[column]

    def is_gap(self, rows: int) -> bool:
        return rows < max(1.0, NEXT_TO_NOTHING * self.usual)

    @property
    def gaps(self) -> list[str]:
        return [str(label) for label, rows in self.history.items() if self.is_gap(int(rows))]

    @property
    def ratio(self) -> float | None:
        """Rows against the usual; None where the week is missing, which another column says."""
        return None if self.is_gap(self.in_week) else self.in_week / self.usual

    @property
    def last_row(self) -> str:
        return f"{self.last.max().tz_convert(self.zone):%Y-%m-%d %H:%M}" if len(self.last) else "nowhere"

    def hours_short(self, as_of: datetime) -> float | None:
        """Hours from the last row to the end of the week, beyond the longest such silence of the trailing weeks."""
        if not len(self.last):
            return None
        reached = min(self.last.max().to_pydatetime(), as_of)
        silence: float = (week_bounds(self.week, self.zone)[1] - reached).total_seconds() / 3600
        usual: list[float] = [
            (week_bounds(str(label), self.zone)[1] - self.last[label].to_pydatetime()).total_seconds() / 3600
            for label in self.history.index.intersection(self.last.index)
            if len(self.history) >= LEAST_HISTORY_WEEKS and not self.is_gap(int(self.history[label]))
        ]
        return max(0.0, silence - max(usual, default=0.0))


class _Engine:
    """Great Expectations in memory: no files, no network, no progress bars. Importing it takes seconds, once a run."""

    def __init__(self) -> None:
        import great_expectations as gx
        from great_expectations.data_context.types.base import (
            DataContextConfig,
            InMemoryStoreBackendDefaults,
            ProgressBarsConfig,
        )

        self.context = gx.get_context(
            mode="ephemeral",
            project_config=DataContextConfig(
                store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
                progress_bars=ProgressBarsConfig(globally=False),
                analytics_enabled=False,
            ),
        )

    def load(
        self, path: Path, table: Table, derived: Mapping[str, _Derived], parameters: Mapping[str, Any]
    ) -> list[_Rule]:
        """Read one suite file.

        Raises:
            GateError: there is no such file, it is no suite, is empty, or an expectation of it cannot be used.
        """
        try:
            suite = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise GateError(f"{path}: there is no such suite, and the export has the table {table.name}") from error
        except json.JSONDecodeError as error:
            raise GateError(f"{path}:{error.lineno}: not JSON: {error.msg}") from error
        entries = suite.get("expectations") if isinstance(suite, dict) else None
        if (
            not isinstance(entries, list)
            or suite.get("name") != table.name
            or set(suite) - {"name", "meta", "expectations"}
        ):
            raise GateError(
                f'{path}: a suite has "name": "{table.name}", "meta" and a list "expectations", nothing else'
            )
        if not entries:
            raise GateError(
                f"{path}: the suite is empty; everything would pass. List its expectations or delete the export's file"
            )
        rules: list[_Rule] = []
        seen: set[str] = set()
        for number, entry in enumerate(entries):
            where = f"{path}: expectation {number + 1}"
            rule = self._rule(where, number, entry, table, derived, parameters)
            same = json.dumps([rule.type, rule.kwargs], sort_keys=True)
            if same in seen:
                raise GateError(f"{where} ({rule.phrase}) is there twice")
            seen.add(same)
            rules.append(rule)
        return rules

    def _rule(
        self,
        where: str,
        number: int,
        entry: Any,
        table: Table,
        derived: Mapping[str, _Derived],
        parameters: Mapping[str, Any],
    ) -> _Rule:
        from great_expectations.exceptions import GreatExpectationsError
        from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

        if not isinstance(entry, dict) or set(entry) != {"type", "kwargs", "severity", "meta"}:
            raise GateError(f"{where}: an expectation has type, kwargs, severity and meta, nothing else")
        type_, kwargs, severity, meta = entry["type"], entry["kwargs"], entry["severity"], entry["meta"]
        where = f"{where} ({type_})"
        if not isinstance(type_, str) or not isinstance(kwargs, dict) or not isinstance(meta, dict):
            raise GateError(f"{where}: type is text, kwargs and meta are objects")
        if severity not in {"critical", "warning"}:
            raise GateError(f"{where}: severity is critical or warning, not {severity!r}")
        if meta.get("scope") not in {"rows", "teams", "table"} or not meta.get("notes"):
            raise GateError(f"{where}: meta needs a scope (rows, teams or table) and notes that say why")
        if set(meta) - {"scope", "notes", "expects", "reason"}:
            raise GateError(f"{where}: meta has scope, notes, expects and reason, nothing else")
        scope = meta["scope"]
        if scope == "table" and type_ not in _TABLE_EXPECTATIONS:
            raise GateError(f"{where}: scope table is for {', '.join(sorted(_TABLE_EXPECTATIONS))}")
        if scope != "table" and (type_ in _TABLE_EXPECTATIONS or "mostly" in kwargs):
            raise GateError(
                f"{where}: every row and every team counts: no `mostly`, and columns and types have scope table"
            )
        for value in kwargs.values():
            if isinstance(value, dict) and "$PARAMETER" in value and value["$PARAMETER"] not in parameters:
                raise GateError(
                    f"{where}: no parameter {value['$PARAMETER']!r}; there are {', '.join(sorted(parameters))}"
                )
        try:
            expectation = ExpectationConfiguration(
                type=type_, kwargs=kwargs, severity=severity, meta={"number": number}
            ).to_domain_obj()
        except GreatExpectationsError as error:
            raise GateError(f"{where}: Great Expectations knows no such expectation") from error
        except (ValueError, TypeError) as error:
            raise GateError(f"{where}: its kwargs do not fit: {' '.join(str(error).split())}") from error
        names = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
        columns = tuple(str(name) for name in [*names, *kwargs.get("column_list", ())])
        known = {"rows": {*table.names, *derived}, "teams": set(_SUMMARY_COLUMNS), "table": set(table.names)}[scope]
        for name in columns:
            if name not in known:
                raise GateError(
                    f"{where}: {table.name} has no column {name!r} to judge by {scope}; "
                    f"there are {', '.join(sorted(known))}"
                )
        if scope != "table" and not columns:
            raise GateError(f"{where}: it names no column, so no row and no team can be told")
        phrase = meta.get("expects") or _phrase(table, type_, kwargs, parameters)
        reason = meta.get("reason") or f"expected: {phrase}"
        return _Rule(number, type_, kwargs, severity, scope, meta["notes"], phrase, reason, columns, expectation)

    def run(
        self,
        table: str,
        frame: pd.DataFrame,
        rules: Sequence[_Rule],
        parameters: Mapping[str, Any],
        form: Literal["BASIC", "COMPLETE"],
    ) -> dict[int, dict[str, Any]]:
        """Run the rules on one frame; by number, whether each held and what it saw.

        Raises:
            GateError: a rule raised, or fewer results came back than rules were given.
        """
        if not rules:
            return {}
        import great_expectations as gx

        suite = gx.ExpectationSuite(name=table, expectations=[rule.expectation for rule in rules])
        validator = self._validator(frame)
        configurations = validator.process_expectations_for_validation(
            suite.expectation_configurations, dict(parameters)
        )
        result_format = {"result_format": form, "return_unexpected_index_query": False}
        with _derived_once():
            results = validator.graph_validate(configurations, runtime_configuration={"result_format": result_format})
        found: dict[int, dict[str, Any]] = {}
        by_number = {rule.number: rule for rule in rules}
        for result in results:
            configuration = result.expectation_config
            number = configuration.meta.get("number") if configuration is not None and configuration.meta else None
            raised = _raised(result.exception_info)
            if raised is not None:
                phrase = by_number[number].phrase if number in by_number else "an expectation"
                raise GateError(f"expectations/{table}.json: {phrase}: Great Expectations could not judge it: {raised}")
            if number in by_number:
                found[number] = {"success": bool(result.success), "result": dict(result.result)}
        lost = [rule.phrase for rule in rules if rule.number not in found]
        if lost:
            raise GateError(
                f"expectations/{table}.json: {len(found)} of {len(rules)} expectations ran; not run: {'; '.join(lost)}"
            )
        for rule in rules:
            seen = found[rule.number]
            if (
                rule.scope != "table"
                and form == "COMPLETE"
                and not seen["success"]
                and "unexpected_index_list" not in seen["result"]
            ):
                raise GateError(
                    f"expectations/{table}.json: {rule.phrase}: {rule.type} does not say which rows fail; use another"
                )
            if rule.scope != "table" and "element_count" not in seen["result"]:
                raise GateError(
                    f"expectations/{table}.json: {rule.phrase}: {rule.type} judges no single rows; use another"
                )
        return found

    def _validator(self, frame: pd.DataFrame) -> Validator:
        """What judges one frame: the validator that a batch has, without a fingerprint of every row."""
        from great_expectations.execution_engine import PandasExecutionEngine
        from great_expectations.validator.validator import Validator

        engine = PandasExecutionEngine()
        engine.load_batch_data("rows", frame)
        return Validator(engine, data_context=self.context)


def _raised(info: Mapping[str, Any] | None) -> str | None:
    """What an expectation raised, in either form that Great Expectations hands it back; None where it did not."""
    if not info:
        return None
    for part in [info] if "raised_exception" in info else list(info.values()):
        if isinstance(part, Mapping) and part.get("raised_exception"):
            lines = str(part.get("exception_message") or "no message").strip().splitlines()
            return lines[0] if lines else "no message"
    return None


def _phrase(table: Table, type_: str, kwargs: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    """The expectation as a reader would say it."""

    def said(value: Any) -> str:
        if isinstance(value, dict) and "$PARAMETER" in value:
            name = str(value["$PARAMETER"])
            if isinstance(parameters[name], int | float):
                return _shown(parameters[name])
            return "now" if name == "now" else f"the {name.replace('_', ' ')}"
        return _shown(value)

    column = str(kwargs.get("column", ""))
    match type_:
        case "expect_table_columns_to_match_set":
            return "the needed columns are there"
        case "expect_column_values_to_not_be_null":
            return f"{column} is given"
        case "expect_column_values_to_be_in_set" if kwargs.get("value_set") == [True]:
            return _SUMMARY_COLUMNS.get(column, column.replace("_", " "))
        case "expect_column_values_to_be_in_set":
            values = kwargs["value_set"]
            listed = ", ".join(str(v) for v in values) if isinstance(values, list) else said(values)
            return f"{column} is one of {listed}"
        case "expect_column_values_to_be_between":
            low, high = kwargs.get("min_value"), kwargs.get("max_value")
            name = _SUMMARY_COLUMNS.get(column, column)
            if low is not None and high is not None and not (kwargs.get("strict_min") or kwargs.get("strict_max")):
                return f"{name} is between {said(low)} and {said(high)}"
            bounds = [f"{'above' if kwargs.get('strict_min') else 'at least'} {said(low)}"] if low is not None else []
            bounds += [f"{'below' if kwargs.get('strict_max') else 'at most'} {said(high)}"] if high is not None else []
            return f"{name} is {' and '.join(bounds)}"
        case "expect_column_values_to_be_of_type":
            return f"{column} is {_KINDS[table[column].type]}"
        case "expect_column_values_to_be_json_parseable":
            return f"{column} is JSON"
    if type_ == _ORDER:
        later, earlier = str(kwargs["column_A"]), str(kwargs["column_B"])
        if later in table.names and table[later].type in {"instant", "date"}:
            return f"{later} is {'not before' if kwargs.get('or_equal') else 'after'} {earlier}"
        return f"{later} is {'at least' if kwargs.get('or_equal') else 'above'} {earlier}"
    others = ", ".join(f"{key} {said(value)}" for key, value in kwargs.items() if key != "column")
    words = type_.removeprefix("expect_").removeprefix("column_").replace("_", " ")
    return " ".join(part for part in (column, words, f"({others})" if others else "") if part)


def _absent(table: Table, rule: _Rule) -> Result:
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


def _judged_share(own: int, every: int) -> float | None:
    """The share of rows set aside; None where they are few enough to be named one by one, or where there is no row."""
    return own / every if every and (own == 0 or own >= NAMED_ONE_BY_ONE or own == every) else None


def _unreadable(columns: Sequence[str]) -> str:
    return f"regexp_matches(c._unreadable, '(^|; )({'|'.join(columns)}): ')"


def _unreadable_columns(columns: Sequence[str]) -> str:
    """SQL of the names of the columns that could not be read; the values are left out, they may be anything."""
    found = f"regexp_extract_all(c._unreadable, '(?:^|; )({'|'.join(columns)}): ', 1)"
    return f"case when c._unreadable is not null then array_to_string({found}, ', ') end"


def _key_text(table: Table) -> str:
    """SQL of the key of a row as a reader would look for it; of a row without one its file and number."""
    forms = {"instant": "strftime(timezone('UTC', {}), '%Y-%m-%dT%H:%M:%SZ')", "date": "strftime({}, '%Y-%m-%d')"}
    parts = [forms.get(table[name].type, "cast({} as varchar)").format(f"g.{name}") for name in table.key[:3]]
    return f"coalesce(nullif(concat_ws(' · ', {', '.join(parts)}), ''), parse_filename(g._file) || ' row ' || g._row)"


def _quoted(values: Sequence[str]) -> str:
    return ", ".join("'" + value.replace("'", "''") + "'" for value in values)


def _shown(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.3g}" if abs(value) < 1000 and not math.isinf(value) else f"{value:,.0f}"
    return str(value)


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def _range_seen(column: pd.Series) -> str:
    """What a team column that passed looked like."""
    given, silent = column.dropna(), int(column.isna().sum())
    if given.empty:
        return "not judged: too few rows or too short a history"
    seen = (
        f"{len(given)} teams"
        if column.dtype == "boolean"
        else f"{_shown(float(given.min()))} to {_shown(float(given.max()))}"
    )
    return seen + (f"; {silent} not judged" if silent else "")


@contextmanager
def _quiet() -> Iterator[None]:
    """Great Expectations logs what it also returns; what it returns is reported, so its log is silent meanwhile.

    It also compares instants through `Series.values`, which pandas will change; the comparison is right either way.
    """
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message="Series.values returning an ndarray that drops timezone", category=Pandas4Warning
            )
            yield
    finally:
        logger.setLevel(level)


@contextmanager
def _derived_once() -> Iterator[None]:
    """Great Expectations derives an expectation from its configuration, and back, some hundred times per result.

    Neither changes while a suite is judged, so that meanwhile what was derived once is handed out again.
    """
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    configuration, to_domain_obj = Expectation.configuration, ExpectationConfiguration.to_domain_obj
    derived: dict[int, tuple[object, Any]] = {}

    def once(of: Any, derive: Callable[[Any], Any]) -> Any:
        # The object is kept beside what was derived from it, so that no other one gets its id.
        if id(of) not in derived:
            derived[id(of)] = (of, derive(of))
        return derived[id(of)][1]

    Expectation.configuration = property(lambda self: once(self, configuration.fget))
    ExpectationConfiguration.to_domain_obj = lambda self: once(self, to_domain_obj)
    try:
        yield
    finally:
        Expectation.configuration = configuration
        ExpectationConfiguration.to_domain_obj = to_domain_obj


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
