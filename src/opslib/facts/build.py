"""Build the facts of a warehouse, week of creation by week of creation, and only those whose inputs have changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from opslib.calendars import day_table
from opslib.errors import NotInExport, WarehouseError
from opslib.facts import backlog, replies, sla, solves, spells, tickets
from opslib.facts.spells import Kinds, seconds_of
from opslib.settings import Organisation
from opslib.store.files import week_rows_source
from opslib.store.memo import Basis, Memo, code_of, digest_of, digest_of_files
from opslib.store.warehouse import Warehouse
from opslib.tables import TABLES, telling_events
from opslib.weeks import week_bounds

FACTS = ("tickets", "replies", "sla", "solves", "spells", "backlog_changes")
"""The facts with a partition per week of creation; facts/backlog is one table."""

ROWS_OF_A_PASS = 2_000_000
"""Neighbouring weeks are built together up to so many rows of tickets and events."""

_NAMED_TICKETS = 20
_WRITERS = 2


def build(warehouse: Warehouse, organisation: Organisation, as_of: datetime) -> list[str]:
    """Build facts/tickets, replies, sla, solves, spells and backlog from standard/tickets and standard/ticket_events.

    A week is left alone where its standard partitions, the organisation's teams, calendars and policies, the code,
    and, if it holds tickets that are still open, `as_of` are what they were when it was built, and where no later
    ticket undoes a first-contact resolution. Building anew gives the same bytes as building on.

    Args:
        warehouse: holds the standard tables.
        organisation: its teams, calendars and SLA policies.
        as_of: the instant up to which the exports know the world, in whole seconds.

    Returns:
        What was done, a line each.

    Raises:
        NotInExport: the warehouse has no tickets.
        WarehouseError: the backlog does not add up; the message names the tickets.
    """
    if as_of.tzinfo is None:
        raise ValueError("as_of needs a time zone")
    as_of = as_of.astimezone(UTC).replace(microsecond=0)
    weeks = warehouse.weeks("standard", "tickets")
    if not weeks:
        raise NotInExport("standard/tickets is not in this warehouse; `make facts` takes the exports in first")
    memo = warehouse.memo("facts")
    connection = warehouse.connect()
    try:
        line = _Line(warehouse, connection, organisation, as_of, weeks)
        basis = {week: line.basis(week) for week in weeks}
        current = [
            week
            for week in weeks
            # The note is as_of where the week depends on it: where tickets were open then.
            if memo.holds(week, basis[week]) and memo.note(week) in (None, as_of.isoformat())
        ]
        stale = set(weeks) - set(current) | line.weeks_with_other_follow_ups(current)
        breaks: list[pd.DataFrame] = []
        later_tickets = 0
        for weeks_of_pass in line.passes(sorted(stale)):
            memo.forget(weeks_of_pass)
            unsettled = line.run(weeks_of_pass)
            breaks.append(line.tickets_that_break_the_identity())
            later_tickets += line.tickets_after_as_of()
            memo.keep_all(
                {
                    week: (
                        basis[week],
                        as_of.isoformat() if week in unsettled else None,
                        _files_of(warehouse, week),
                    )
                    for week in weeks_of_pass
                }
            )
        removed = _remove_other_weeks(warehouse, weeks, memo)
        _refuse_breaks(breaks)
        days = _write_backlog(warehouse, organisation, as_of, line.told_parts)
    finally:
        connection.close()
    lines = [f"facts: {len(stale)} weeks built, {len(weeks) - len(stale)} unchanged, {removed} removed"]
    if later_tickets:
        lines.append(f"facts: {later_tickets} tickets created after {as_of:%Y-%m-%dT%H:%M:%SZ} left out")
    lines.append(f"facts/backlog: {days} team-days, all add up")
    return lines


@dataclass(frozen=True)
class Step:
    """SQL of a table on the way, or, with the schema that it is written in, of a fact."""

    name: str
    sql: str
    schema: pa.Schema | None = None


class _Line:
    """The steps from standard tables to facts: compiled once, run for each week in turn."""

    def __init__(
        self,
        warehouse: Warehouse,
        connection: duckdb.DuckDBPyConnection,
        organisation: Organisation,
        as_of: datetime,
        weeks: list[str],
    ) -> None:
        self._warehouse, self._connection, self._as_of = warehouse, connection, as_of
        self._present = {table: sorted(columns) for table, columns in sorted(warehouse.present().items())}
        self._kinds = self._kinds_of_events()
        self._live_channels = organisation.live_channels
        built_on = {"time_zone", "teams", "calendars", "sla_policies", "live_channels"}
        settings = organisation.model_dump(mode="json", include=built_on)
        self._rests_on = {
            "code": code_of(__name__),
            "parameters": digest_of(settings),
            "columns": digest_of([self._present.get("tickets"), sorted(self._kinds)]),
        }
        first = week_bounds(weeks[0], organisation.zone)[0].date() - timedelta(days=2)
        last = as_of.date() + timedelta(days=2)
        self._tables: dict[str, ir.Table] = {}
        self._register("teams", _teams(organisation))
        self._register("targets", sla.targets(organisation))
        self._register("days", day_table(organisation.calendars, min(first, as_of.date()), last))
        self._view_of(weeks[:1])
        self._make_contacts()
        self._offsets = backlog.zone_offsets(organisation.zone, min(first, as_of.date()), last)
        self._steps: list[Step] = []
        self._changes = pd.DataFrame()

    @property
    def told_parts(self) -> tuple[str, ...]:
        """The parts of the closing backlog that the export can tell."""
        return backlog.told_parts(self._kinds, self._present)

    def basis(self, week: str) -> Basis:
        """All that a week's facts are made of, but for as_of and the follow-ups."""
        tables = ("tickets", "ticket_events")
        files = [path for table in tables for path in self._warehouse.files("standard", table, [week])]
        return self._rests_on | {"rows": digest_of_files(files)}

    def passes(self, weeks: list[str]) -> list[list[str]]:
        """Neighbouring weeks that are built together: what a pass costs beside its rows is shared."""
        passes: list[list[str]] = []
        rows = 0
        for week in weeks:
            files = self._warehouse.files("standard", "ticket_events", [week])
            files += self._warehouse.files("standard", "tickets", [week])
            own = sum(pq.read_metadata(path).num_rows for path in files)
            if not passes or rows + own > ROWS_OF_A_PASS:
                passes.append([])
                rows = 0
            passes[-1].append(week)
            rows += own
        return passes

    def run(self, weeks: list[str]) -> set[str]:
        """Build and write some weeks; those of them that depend on as_of."""
        self._view_of(weeks)
        with ThreadPoolExecutor(1) as engine, ThreadPoolExecutor(_WRITERS) as writers:
            reads: list[Future[list[Future[None]]]] = []

            def begin(step: Step) -> None:
                reads.append(engine.submit(self._take, step, weeks, writers))

            try:
                if self._steps:
                    for step in self._steps:
                        begin(step)
                else:
                    self._steps = self._compile(begin)
                for writing in [each for read in reads for each in read.result()]:
                    writing.result()
            except BaseException:
                self._connection.interrupt()
                raise
        now = seconds_of(self._as_of)
        rows = self._connection.execute(
            f"""
            SELECT week FROM openings SEMI JOIN (FROM endings WHERE running) USING (ticket)
            UNION SELECT week FROM part_tickets JOIN part_events USING (ticket_id) WHERE occurred_at_seconds > {now}
            UNION SELECT week FROM part_tickets WHERE created_at_seconds > {now}
            """
        ).fetchall()
        return {week for (week,) in rows}

    def _take(self, step: Step, weeks: list[str], writers: ThreadPoolExecutor) -> list[Future[None]]:
        """Make a table on the way, or read a fact and have its weeks written."""
        if step.schema is None:
            self._connection.execute(f'CREATE OR REPLACE TEMP TABLE "{step.name}" AS {step.sql}')
            return []
        rows = self._connection.sql(step.sql).to_arrow_table().cast(step.schema)
        if step.name == "backlog_changes":
            self._changes = rows.to_pandas()
        return [writers.submit(self._write, step.name, week, part) for week, part in _by_week(rows, weeks)]

    def _write(self, fact: str, week: str, rows: pa.Table) -> None:
        if fact == "tickets":
            rows = _with_untouched(rows, self._warehouse.files("standard", "tickets", [week])[0])
        self._warehouse.write_week("facts", fact, week, rows.combine_chunks())

    def tickets_after_as_of(self) -> int:
        """How many tickets of the pass were created after as_of."""
        return self._count("SELECT (SELECT count(*) FROM part_tickets) - (SELECT count(*) FROM openings)")

    def tickets_that_break_the_identity(self) -> pd.DataFrame:
        """Of the week that has just been run; each ticket is asked only where their sums do not agree."""
        if backlog.adds_up(self._changes):
            return pd.DataFrame(columns=["ticket_id"])
        timeline, openings, words = (self._expression_of(name) for name in ("timeline", "openings", "words"))
        changes = backlog.ticket_changes(timeline, openings, words, offsets=self._offsets)
        return self._connection.execute(_sql(backlog.tickets_that_break_it(changes).limit(_NAMED_TICKETS))).df()

    def weeks_with_other_follow_ups(self, weeks: list[str]) -> set[str]:
        """The weeks whose stored first-contact resolution is no longer what the tickets of all weeks say."""
        if not weeks:
            return set()
        files = week_rows_source(self._warehouse.files("facts", "tickets", weeks))
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW built_tickets AS SELECT * FROM {files}")
        facts = self._expression_of("built_tickets").rename(stored="first_contact_resolution")
        anew = tickets.with_first_contact_resolution(
            facts, self._tables["contacts"], as_of=self._as_of, live_channels=self._live_channels
        )
        changes = anew.filter(~anew.first_contact_resolution.identical_to(anew.stored))
        return {row[0] for row in self._connection.execute(_sql(changes.select("week").distinct())).fetchall()}

    def _count(self, sql: str) -> int:
        return int(self._connection.execute(sql).fetchall()[0][0])

    def _kinds_of_events(self) -> frozenset[str]:
        files = self._warehouse.files("standard", "ticket_events")
        if not files:
            return frozenset()
        rows = self._connection.execute(f"SELECT DISTINCT event FROM {week_rows_source(files)}").fetchall()
        columns = self._present.get("ticket_events", [column.name for column in TABLES["ticket_events"]])
        return telling_events((row[0] for row in rows), columns)

    def _register(self, name: str, rows: pd.DataFrame | pa.Table) -> None:
        self._connection.register("incoming", rows)
        self._connection.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS SELECT * FROM incoming')
        self._connection.unregister("incoming")
        self._tables[name] = self._expression_of(name)

    def _expression_of(self, name: str) -> ir.Table:
        """A table of the connection as an expression that is bound to no engine."""
        schema = self._connection.sql(f'SELECT * FROM "{name}" LIMIT 0').to_arrow_table().schema
        return ibis.table(ibis.Schema.from_pyarrow(schema), name=name)

    def _view_of(self, weeks: list[str]) -> None:
        files = self._warehouse.files("standard", "tickets", weeks)
        table = TABLES["tickets"]
        columns = ", ".join(f'"{name}"' for name in (*table.names, "week"))
        seconds = ", ".join(f'epoch_us("{name}") // 1000000 AS {name}_seconds' for name in table.of_type("instant"))
        self._connection.execute(
            f"CREATE OR REPLACE TEMP VIEW part_tickets AS SELECT {columns}, {seconds} FROM {week_rows_source(files)}"
        )
        events = self._warehouse.files("standard", "ticket_events", weeks)
        if events:
            columns = ", ".join(f'"{name}"' for name in TABLES["ticket_events"].names)
            self._connection.execute(
                f"CREATE OR REPLACE TEMP VIEW part_events AS "
                f"SELECT {columns}, epoch_us(occurred_at) // 1000000 AS occurred_at_seconds "
                f"FROM {week_rows_source(events)}"
            )
        else:
            self._connection.register("no_events", TABLES["ticket_events"].schema.empty_table())
            self._connection.execute(
                "CREATE OR REPLACE TEMP VIEW part_events AS "
                "SELECT *, epoch_us(occurred_at) // 1000000 AS occurred_at_seconds FROM no_events"
            )

    def _make_contacts(self) -> None:
        columns = ["requester_id", "contact_reason", "created_at", "ticket_id"]
        files = week_rows_source(self._warehouse.files("standard", "tickets"))
        self._connection.execute(
            f"CREATE OR REPLACE TEMP VIEW all_tickets AS SELECT {', '.join(columns)}, '' AS week FROM {files}"
        )
        expression = tickets.contacts(self._expression_of("all_tickets"))
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE contacts AS {_sql(expression)}")
        self._tables["contacts"] = self._expression_of("contacts")

    def _compile(self, begin: Callable[[Step], None]) -> list[Step]:
        """The steps of any pass; the engine begins each while the next is compiled."""
        steps: list[Step] = []

        def begin_and_keep(step: Step) -> None:
            steps.append(step)
            begin(step)

        weeks = {name: self._expression_of(name) for name in ("part_tickets", "part_events")}
        with _selects_left_to_the_engine():
            compile_steps(
                self._tables | weeks,
                begin_and_keep,
                as_of=self._as_of,
                kinds=self._kinds,
                present=self._present,
                live_channels=self._live_channels,
                offsets=self._offsets,
            )
        return steps


def compile_steps(
    tables: Mapping[str, ir.Table],
    begin: Callable[[Step], None],
    *,
    as_of: datetime,
    kinds: Kinds,
    present: Mapping[str, Collection[str]],
    live_channels: Collection[str],
    offsets: list[tuple[int, int]],
) -> None:
    """Compile the tables on the way and the facts, each of which may begin while the next is compiled.

    Args:
        tables: part_tickets, part_events, teams, targets, days and contacts, by name.
        begin: is called with each step in turn, which reads these tables and those of the steps before it.
        as_of: the instant up to which the exports know the world.
        kinds: the kinds of events that the export tells.
        present: per standard table the columns that the export gives.
        live_channels: the channels in which the agent and the requester talk at the same time.
        offsets: those of the organisation's zone, as `backlog.zone_offsets` has them.
    """
    rows, events, teams, days = (tables[name] for name in ("part_tickets", "part_events", "teams", "days"))

    def step(name: str, expression: ir.Table) -> ir.Table:
        begin(Step(name, _sql(expression)))
        return ibis.table(expression.schema(), name=name)

    numbered_tickets = step("numbered_tickets", spells.numbered_tickets(rows, as_of=as_of))
    words = step("words", spells.words(numbered_tickets, events))
    coded_events = step("coded_events", spells.coded_events(numbered_tickets, events, words, as_of=as_of))
    openings = step("openings", spells.openings(numbered_tickets, coded_events, words, kinds=kinds))
    states = step("states", spells.states(openings, coded_events, as_of=as_of))
    corrections = step("corrections", spells.corrections(states, words, teams, days))
    timeline = step("timeline", spells.timeline(states, corrections, words, teams, days))
    endings = step("endings", tickets.endings(timeline, openings, words, teams, corrections, days, as_of=as_of))
    returns = step("returns", tickets.returns(timeline, endings))
    stretches = step("stretches", replies.stretches(timeline, endings))
    applications = sla.applications(timeline, openings, words, teams)
    measures = sla.measures(timeline, endings, returns, stretches, openings, present=present)
    promises = sla.judgements(measures, applications, tables["targets"], as_of=as_of)
    judgements = step("judgements", promises.union(sla.deadlines(endings, openings)))
    breaches = step("breaches", sla.breaches(judgements, timeline, corrections, words, teams, days))
    solve_rows = step("solve_rows", solves.solve_rows(timeline))
    facts = tickets.ticket_facts(
        openings,
        timeline,
        endings,
        returns,
        solves.tickets_back_soon(solve_rows),
        words,
        as_of=as_of,
        present=present,
        kinds=kinds,
    )
    ticket_rows = tickets.with_first_contact_resolution(
        facts, tables["contacts"], as_of=as_of, live_channels=live_channels
    )
    outputs: Mapping[str, ir.Table] = {
        "tickets": ticket_rows.order_by("ticket").drop("ticket"),
        "replies": replies.replies(stretches, openings, words),
        "sla": sla.sla_facts(judgements, breaches, openings, words),
        "solves": solves.solves(solve_rows, openings, words),
        "spells": spells.spells(timeline, openings, words, teams, corrections, days, as_of=as_of),
        "backlog_changes": backlog.changes(timeline, openings, words, offsets=offsets),
    }
    for fact, expression in outputs.items():
        sql = str(ibis.to_sql(expression, dialect="duckdb"))
        begin(Step(fact, sql, expression.schema().to_pyarrow()))


@contextmanager
def _selects_left_to_the_engine() -> Iterator[None]:
    """Have Ibis write a query step by step: to merge its selects takes a third of the compiling, and DuckDB does it."""
    merges = ibis.options.sql.fuse_selects
    ibis.options.sql.fuse_selects = False
    try:
        yield
    finally:
        ibis.options.sql.fuse_selects = merges


def _files_of(warehouse: Warehouse, week: str) -> list[Path]:
    """The files of a week's facts."""
    return [warehouse.folder("facts", fact) / f"week={week}" / "part.parquet" for fact in FACTS]


def _sql(expression: ir.Table) -> str:
    """DuckDB's SQL, with whole numbers as the expression has them: DuckDB sums to 128 bits, which Ibis does not see."""
    columns = ", ".join(
        f'CAST("{name}" AS BIGINT) AS "{name}"' if type_.is_int64() else f'"{name}"'
        for name, type_ in expression.schema().items()
    )
    return f"SELECT {columns} FROM ({ibis.to_sql(expression, dialect='duckdb')})"


def _by_week(rows: pa.Table, weeks: list[str]) -> Iterator[tuple[str, pa.Table]]:
    """The rows of each week, which come one week after the other."""
    counts = dict(zip(*(column.to_pylist() for column in pc.value_counts(rows["week"]).flatten()), strict=True))
    start = 0
    for week in weeks:
        size = counts.pop(week, 0)
        yield week, rows.slice(start, size)
        start += size
    assert not counts, f"weeks of another pass: {sorted(counts)}"


def _with_untouched(facts: pa.Table, standard: Path) -> pa.Table:
    """facts/tickets of a week with what it takes over from standard/tickets, which needs no engine."""
    rows = pq.read_table(standard, columns=list(tickets.UNTOUCHED), partitioning=None)
    if not rows["ticket_id"].equals(facts["ticket_id"]):
        rows = rows.take(pc.index_in(facts["ticket_id"], rows["ticket_id"].combine_chunks()))
    own = {name: facts[name] for name in facts.column_names if name not in rows.column_names}
    return pa.table({"week": own.pop("week")} | {name: rows[name] for name in rows.column_names} | own)


def _teams(organisation: Organisation) -> pd.DataFrame:
    """team, calendar, sla_policy."""
    return pd.DataFrame(
        {
            "team": pd.Series([team.name for team in organisation.teams], dtype="str"),
            "calendar": pd.Series([team.calendar for team in organisation.teams], dtype="str"),
            "sla_policy": pd.Series([team.sla_policy for team in organisation.teams], dtype="str"),
        }
    )


def _remove_other_weeks(warehouse: Warehouse, weeks: list[str], memo: Memo) -> int:
    surplus: set[str] = set()
    for fact in FACTS:
        surplus |= {
            path.parent.name.removeprefix("week=") for path in warehouse.remove_weeks("facts", fact, keep=weeks)
        }
    memo.forget(surplus)
    return len(surplus)


def _refuse_breaks(breaks: list[pd.DataFrame]) -> None:
    names = sorted({name for rows in breaks for name in rows["ticket_id"]})[:_NAMED_TICKETS]
    if names:
        raise WarehouseError(f"the backlog does not add up; what the events of these tickets say differs: {names}")


def _write_backlog(
    warehouse: Warehouse, organisation: Organisation, as_of: datetime, told_parts: tuple[str, ...]
) -> int:
    """Sum the changes of all weeks, null what the export cannot tell; the number of team-days."""
    changes = warehouse.read("facts", "backlog_changes")
    last_day: date = (as_of - timedelta(seconds=1)).astimezone(organisation.zone).date()
    team_days = backlog.backlog(changes, last_day=last_day)
    violations = backlog.check_identity(team_days)
    if not violations.empty:
        examples = violations.head(5)[["team", "day"]].astype(str).agg(" ".join, axis=1).tolist()
        raise WarehouseError(f"the backlog does not add up for {len(violations)} team-days: {', '.join(examples)}")
    schema = pa.schema(
        [
            pa.field("team", pa.string()),
            pa.field("day", pa.date32()),
            *(pa.field(term, pa.int64()) for term in backlog.IDENTITY),
            pa.field("median_age_days", pa.float64()),
            pa.field("older_than_7d", pa.int64()),
            pa.field("older_than_30d", pa.int64()),
            *(pa.field(part, pa.int64()) for part in backlog.PARTS),
        ]
    )
    for part in set(backlog.PARTS) - set(told_parts):
        team_days[part] = None
    warehouse.write("facts", "backlog", pa.Table.from_pandas(team_days, schema=schema, preserve_index=False))
    warehouse.memo("backlog").keep("backlog", {}, made=warehouse.files("facts", "backlog"))
    return len(team_days)
