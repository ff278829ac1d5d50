"""Build the facts of a warehouse, week of creation by week of creation, and only those whose inputs have changed."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

import opslib.calendars
import opslib.facts
import opslib.tables
from opslib.calendars import day_table, week_bounds
from opslib.errors import NotInExport, WarehouseError
from opslib.facts import backlog, replies, sla, spells, tickets
from opslib.settings import Organisation
from opslib.store import Warehouse, digest, write_json
from opslib.tables import TABLES

FACTS = ("tickets", "replies", "sla", "spells", "backlog_changes")
"""The facts with a partition per week of creation; facts/backlog is one table."""

Progress = Callable[[str, int, int], None]
_NAMED_TICKETS = 20


def build(
    warehouse: Warehouse, organisation: Organisation, as_of: datetime, *, on_progress: Progress | None = None
) -> list[str]:
    """Build facts/tickets, replies, sla, spells and backlog from standard/tickets and standard/ticket_events.

    A week is left alone where its standard partitions, the organisation's teams, calendars and policies, the code,
    and, if it holds tickets that are still open, `as_of` are what they were when it was built, and where no later
    ticket undoes a first-contact resolution. Building anew gives the same bytes as building on.

    Args:
        warehouse: holds the standard tables.
        organisation: its teams, calendars and SLA policies.
        as_of: the instant up to which the exports know the world, in whole seconds.
        on_progress: called with (week, number, of how many) before each week that is built.

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
    remembered = _Remembered(warehouse)
    connection = warehouse.connect()
    try:
        line = _Line(warehouse, connection, organisation, as_of, weeks)
        inputs = {week: line.inputs(week) for week in weeks}
        current = [week for week in weeks if remembered.holds(week, inputs[week], as_of)]
        outdated = set(weeks) - set(current) | line.weeks_with_other_follow_ups(current)
        broken: list[pd.DataFrame] = []
        left_out = 0
        for number, week in enumerate(sorted(outdated), 1):
            if on_progress is not None:
                on_progress(week, number, len(outdated))
            remembered.forget(week)
            settled = line.run(week)
            broken.append(line.tickets_that_break_the_identity())
            left_out += line.tickets_after_as_of()
            remembered.keep(week, inputs[week], None if settled else as_of)
        removed = _remove_other_weeks(warehouse, weeks, remembered)
        _refuse_broken(broken)
        days = _write_backlog(warehouse, organisation, as_of)
    finally:
        connection.close()
    lines = [f"facts: {len(outdated)} weeks built, {len(weeks) - len(outdated)} unchanged, {removed} removed"]
    if left_out:
        lines.append(f"facts: {left_out} tickets created after {as_of:%Y-%m-%dT%H:%M:%SZ} left out")
    lines.append(f"facts/backlog: {days} team-days, all add up")
    return lines


class _Remembered:
    """What each week was built from, in facts/_inputs.json."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._path = warehouse.root / "facts" / "_inputs.json"
        self._weeks: dict[str, dict[str, str | None]] = (
            json.loads(self._path.read_text()) if self._path.exists() else {}
        )

    def holds(self, week: str, inputs: str, as_of: datetime) -> bool:
        known = self._weeks.get(week)
        there = all(
            (self._warehouse.folder("facts", fact) / f"week={week}" / "part.parquet").exists() for fact in FACTS
        )
        return there and known is not None and known["inputs"] == inputs and known["as_of"] in (None, as_of.isoformat())

    def forget(self, week: str) -> None:
        """Before a week is written, so that a run that is killed half-way is made good by the next."""
        if self._weeks.pop(week, None) is not None:
            self._save()

    def keep(self, week: str, inputs: str, as_of: datetime | None) -> None:
        self._weeks[week] = {"inputs": inputs, "as_of": None if as_of is None else as_of.isoformat()}
        self._save()

    def _save(self) -> None:
        write_json(self._weeks, self._path)


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
        self._parameters = json.dumps(
            [
                organisation.model_dump(mode="json", include={"time_zone", "teams", "calendars", "sla_policies"}),
                self._present.get("tickets"),
                sorted(self._kinds),
                code_version(),
            ],
            sort_keys=True,
        )
        first = week_bounds(weeks[0], organisation.zone)[0].date() - timedelta(days=2)
        last = as_of.date() + timedelta(days=2)
        self._tables: dict[str, ir.Table] = {}
        self._register("teams", _teams(organisation))
        self._register("targets", sla.targets(organisation))
        self._register("days", day_table(organisation.calendars, min(first, as_of.date()), last))
        self._view_of(weeks[0])
        self._find_contacts()
        self._offsets = backlog.zone_offsets(organisation.zone, min(first, as_of.date()), last)
        self._steps: list[tuple[str, str]] = []
        self._outputs: dict[str, tuple[str, pa.Schema]] = {}
        self._changes = pd.DataFrame()

    def inputs(self, week: str) -> str:
        """SHA-256 of all that a week's facts are made of, but for as_of and the follow-ups."""
        files = [
            path for table in ("tickets", "ticket_events") for path in self._warehouse.files("standard", table, [week])
        ]
        return hashlib.sha256(f"{self._parameters}{len(files)}{digest(*files)}".encode()).hexdigest()

    def run(self, week: str) -> bool:
        """Build and write one week; True where it does not depend on as_of."""
        self._view_of(week)
        if not self._steps:
            self._steps, self._outputs = self._compile()
        for name, sql in self._steps:
            self._connection.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS {sql}')
        for fact, (sql, schema) in self._outputs.items():
            rows = self._connection.sql(sql).to_arrow_table().cast(schema)
            self._warehouse.write_week("facts", fact, week, rows)
            if fact == "backlog_changes":
                self._changes = rows.to_pandas()
        literal = f"TIMESTAMPTZ '{self._as_of:%Y-%m-%d %H:%M:%S}+00'"
        open_ones = self._count("SELECT count(*) FROM endings WHERE running")
        later = self._count(f"SELECT count(*) FROM part_events WHERE occurred_at > {literal}")
        return not (open_ones or later or self.tickets_after_as_of())

    def tickets_after_as_of(self) -> int:
        """How many tickets of the week were created after as_of."""
        return self._count("SELECT (SELECT count(*) FROM part_tickets) - (SELECT count(*) FROM openings)")

    def tickets_that_break_the_identity(self) -> pd.DataFrame:
        """Of the week that has just been run; each ticket is asked only where their sums do not agree."""
        if backlog.adds_up(self._changes):
            return pd.DataFrame(columns=["ticket_id"])
        known = self._tables
        each = backlog.ticket_changes(known["states"], known["openings"], known["words"], offsets=self._offsets)
        return self._connection.execute(_sql(backlog.tickets_that_break_it(each).limit(_NAMED_TICKETS))).df()

    def weeks_with_other_follow_ups(self, weeks: list[str]) -> set[str]:
        """The weeks whose stored first-contact resolution is no longer what the tickets of all weeks say."""
        if not weeks:
            return set()
        files = _parquet(self._warehouse.files("facts", "tickets", weeks))
        self._connection.execute(f"CREATE OR REPLACE TEMP VIEW built_tickets AS SELECT * FROM {files}")
        facts = self._declared("built_tickets").rename(stored="first_contact_resolution")
        anew = tickets.with_first_contact_resolution(facts, self._tables["contacts"], as_of=self._as_of)
        other = anew.filter(~anew.first_contact_resolution.identical_to(anew.stored))
        return {row[0] for row in self._connection.execute(_sql(other.select("week").distinct())).fetchall()}

    def _count(self, sql: str) -> int:
        return int(self._connection.execute(sql).fetchall()[0][0])

    def _kinds_of_events(self) -> frozenset[str]:
        files = self._warehouse.files("standard", "ticket_events")
        if not files:
            return frozenset()
        found = self._connection.execute(f"SELECT DISTINCT event FROM {_parquet(files)}").fetchall()
        return frozenset(row[0] for row in found)

    def _register(self, name: str, rows: pd.DataFrame | pa.Table) -> None:
        self._connection.register("incoming", rows)
        self._connection.execute(f'CREATE OR REPLACE TEMP TABLE "{name}" AS SELECT * FROM incoming')
        self._connection.unregister("incoming")
        self._tables[name] = self._declared(name)

    def _declared(self, name: str) -> ir.Table:
        """A table of the connection as an expression that is bound to no engine."""
        schema = self._connection.sql(f'SELECT * FROM "{name}" LIMIT 0').to_arrow_table().schema
        return ibis.table(ibis.Schema.from_pyarrow(schema), name=name)

    def _view_of(self, week: str) -> None:
        files = self._warehouse.files("standard", "tickets", [week])
        columns = ", ".join(f'"{name}"' for name in TABLES["tickets"].names)
        self._connection.execute(
            f"CREATE OR REPLACE TEMP VIEW part_tickets AS SELECT {columns}, '{week}' AS week FROM {_parquet(files)}"
        )
        events = self._warehouse.files("standard", "ticket_events", [week])
        if events:
            columns = ", ".join(f'"{name}"' for name in (*TABLES["ticket_events"].names, "sequence"))
            self._connection.execute(
                f"CREATE OR REPLACE TEMP VIEW part_events AS "
                f"SELECT {columns}, CAST(epoch(occurred_at) AS BIGINT) AS seconds FROM {_parquet(events)}"
            )
        else:
            schema = TABLES["ticket_events"].schema.append(pa.field("sequence", pa.int64()))
            self._connection.register("no_events", schema.empty_table())
            self._connection.execute(
                "CREATE OR REPLACE TEMP VIEW part_events AS "
                "SELECT *, CAST(epoch(occurred_at) AS BIGINT) AS seconds FROM no_events"
            )

    def _find_contacts(self) -> None:
        whole = ["requester_id", "contact_reason", "created_at", "ticket_id"]
        files = _parquet(self._warehouse.files("standard", "tickets"))
        self._connection.execute(
            f"CREATE OR REPLACE TEMP VIEW all_tickets AS SELECT {', '.join(whole)}, '' AS week FROM {files}"
        )
        expression = tickets.contacts(self._declared("all_tickets"))
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE contacts AS {_sql(expression)}")
        self._tables["contacts"] = self._declared("contacts")

    def _compile(self) -> tuple[list[tuple[str, str]], dict[str, tuple[str, pa.Schema]]]:
        """SQL of the tables on the way, in order, and of the facts."""
        known, as_of = self._tables, self._as_of
        tickets_in, events, teams, days = self._declared("part_tickets"), self._declared("part_events"), *(
            known[name] for name in ("teams", "days")
        )  # fmt: skip
        steps: list[tuple[str, str]] = []

        def step(name: str, expression: ir.Table) -> ir.Table:
            steps.append((name, _sql(expression)))
            known[name] = ibis.table(expression.schema(), name=name)
            return known[name]

        openings = step("openings", spells.openings(tickets_in, events, as_of=as_of, kinds=self._kinds))
        words = step("words", spells.words(openings, events))
        states = step("states", spells.states(openings, events, words, teams, days, as_of=as_of))
        corrections = step("corrections", spells.corrections(states, words, teams, days))
        timeline = spells.timeline(states, corrections)
        endings = step("endings", tickets.endings(timeline, openings, words, teams, corrections, days, as_of=as_of))
        stretches = step("stretches", replies.stretches(timeline, endings))
        applied = sla.applications(states, openings, words, teams)
        measured = sla.measures(timeline, endings, stretches, openings, present=self._present)
        judged = step("judgements", sla.judgements(measured, applied, known["targets"], as_of=as_of))
        broken = step("breaches", sla.breaches(judged, timeline, corrections, words, teams, days))
        facts = tickets.ticket_facts(
            tickets_in, openings, timeline, endings, words, as_of=as_of, present=self._present, kinds=self._kinds
        )
        outputs: Mapping[str, ir.Table] = {
            "tickets": tickets.with_first_contact_resolution(facts, known["contacts"], as_of=as_of),
            "replies": replies.replies(stretches, openings),
            "sla": sla.sla_facts(judged, broken, endings, openings),
            "spells": spells.spells(timeline, openings, words, teams, corrections, days, as_of=as_of),
            "backlog_changes": backlog.changes(states, openings, words, offsets=self._offsets),
        }
        return steps, {
            fact: (str(ibis.to_sql(expression, dialect="duckdb")), expression.schema().to_pyarrow())
            for fact, expression in outputs.items()
        }


def code_version() -> str:
    """SHA-256 of the code that the facts depend on."""
    modules = [Path(str(module.__file__)) for module in (opslib.calendars, opslib.tables)]
    return digest(*modules, *sorted(Path(str(opslib.facts.__file__)).parent.glob("*.py")))


def _sql(expression: ir.Table) -> str:
    """DuckDB's SQL, with whole numbers as the expression has them: DuckDB sums to 128 bits, which Ibis does not see."""
    columns = ", ".join(
        f'CAST("{name}" AS BIGINT) AS "{name}"' if type_.is_int64() else f'"{name}"'
        for name, type_ in expression.schema().items()
    )
    return f"SELECT {columns} FROM ({ibis.to_sql(expression, dialect='duckdb')})"


def _parquet(files: list[Path]) -> str:
    quoted = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
    return f"read_parquet([{quoted}], hive_partitioning = false)"


def _teams(organisation: Organisation) -> pd.DataFrame:
    """team, calendar, sla_policy."""
    return pd.DataFrame(
        {
            "team": pd.Series([team.name for team in organisation.teams], dtype="str"),
            "calendar": pd.Series([team.calendar for team in organisation.teams], dtype="str"),
            "sla_policy": pd.Series([team.sla_policy for team in organisation.teams], dtype="str"),
        }
    )


def _remove_other_weeks(warehouse: Warehouse, weeks: list[str], remembered: _Remembered) -> int:
    gone: set[str] = set()
    for fact in FACTS:
        for week in set(warehouse.weeks("facts", fact)) - set(weeks):
            shutil.rmtree(warehouse.folder("facts", fact) / f"week={week}")
            gone.add(week)
    for week in sorted(gone):
        remembered.forget(week)
    return len(gone)


def _refuse_broken(broken: list[pd.DataFrame]) -> None:
    found = [rows for rows in broken if not rows.empty]
    if found:
        names = sorted(set(pd.concat(found)["ticket_id"]))[:_NAMED_TICKETS]
        raise WarehouseError(f"the backlog does not add up; what the events of these tickets say differs: {names}")


def _write_backlog(warehouse: Warehouse, organisation: Organisation, as_of: datetime) -> int:
    """Sum the changes of all weeks; the number of team-days."""
    changes = warehouse.read("facts", "backlog_changes")
    last_day: date = (as_of - timedelta(seconds=1)).astimezone(organisation.zone).date()
    found = backlog.backlog(changes, last_day=last_day)
    violations = backlog.check_identity(found)
    if not violations.empty:
        shown = violations.head(5)[["team", "day"]].astype(str).agg(" ".join, axis=1).tolist()
        raise WarehouseError(f"the backlog does not add up for {len(violations)} team-days: {', '.join(shown)}")
    schema = pa.schema(
        [
            pa.field("team", pa.string()),
            pa.field("day", pa.date32()),
            *(pa.field(term, pa.int64()) for term in backlog.IDENTITY),
            pa.field("median_age_days", pa.float64()),
            pa.field("older_than_7d", pa.int64()),
            pa.field("older_than_30d", pa.int64()),
        ]
    )
    warehouse.write("facts", "backlog", pa.Table.from_pandas(found, schema=schema, preserve_index=False))
    return len(found)
