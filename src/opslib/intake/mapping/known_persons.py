"""Names of persons that the export tells in columns of their own: read for redaction, kept nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import duckdb
import pyarrow as pa

from opslib.intake.mapping.feed_plan import Plan, plan_feeds
from opslib.intake.mapping.look_ups import LookUps
from opslib.intake.mapping.sources import Feed, SourceMapping
from opslib.intake.notation import quoted
from opslib.intake.privacy.person_names import BETWEEN
from opslib.tables import TABLES

_AGENTS: Final = "agents"


class KnownPersons(NamedTuple):
    """Names of agents, and `tickets`: `ticket_id` and the `names` of its person, set apart by `BETWEEN`."""

    agents: frozenset[str]
    tickets: pa.Table | None


def feeds_with_names(source: SourceMapping, path: Path) -> list[Feed]:
    """The feeds of a file that name columns for redaction."""
    return [feed for feed in source.feeds if feed.fits(path.name) and source.redact_of(feed)]


def read_persons(source: SourceMapping, files: Iterable[Path], look_ups: LookUps) -> KnownPersons:
    """Read the names of persons in the columns that a source names under `redact`.

    Args:
        source: the source.
        files: those of its files that were found.
        look_ups: what the files are read by.
    """
    agents: set[str] = set()
    parts: list[pa.Table] = []
    with duckdb.connect() as con:
        for path in files:
            for feed in feeds_with_names(source, path):
                (plan,) = plan_feeds(con, source, [feed], partial(look_ups.open, path), look_ups)
                for column, of_agents in plan.names:
                    if of_agents or feed.table == _AGENTS:
                        agents.update(_values(con, plan, column))
                of_tickets = [column for column, of_agents in plan.names if not of_agents]
                if of_tickets and "ticket_id" in TABLES[feed.table].names:
                    parts.append(_names_of_tickets(con, plan, of_tickets))
        if not parts:
            return KnownPersons(frozenset(agents), None)
        own = con.cursor()
        own.register("names", pa.concat_tables(parts))
        tickets = own.sql(
            f"SELECT ticket_id, string_agg(DISTINCT name, {quoted(BETWEEN)} ORDER BY name) AS names FROM names "
            "WHERE ticket_id IS NOT NULL AND name IS NOT NULL GROUP BY ticket_id ORDER BY ticket_id"
        ).to_arrow_table()
    return KnownPersons(frozenset(agents), tickets)


def _values(con: duckdb.DuckDBPyConnection, plan: Plan, column: str) -> Iterator[str]:
    for (value,) in con.execute(f"SELECT DISTINCT {column} FROM {plan.relation} WHERE {column} IS NOT NULL").fetchall():
        yield value


def _names_of_tickets(con: duckdb.DuckDBPyConnection, plan: Plan, columns: Iterable[str]) -> pa.Table:
    """`ticket_id` as it comes out of the mapping, and `name`."""
    ticket = next(one for one in plan.variants[0].columns if one.column.name == "ticket_id")
    selects = [
        f"SELECT {ticket.value.replace('{t}', 't')} AS ticket_id, name FROM "
        f"(SELECT {ticket.text} AS t, {column} AS name FROM {plan.relation} WHERE _unreadable IS NULL)"
        for column in columns
    ]
    # Of its own: reading and planning leave results that nobody reads to their end, and another file may follow.
    return (
        con.cursor()
        .sql(f"SELECT ticket_id::VARCHAR AS ticket_id, name FROM ({' UNION ALL '.join(selects)})")
        .to_arrow_table()
    )
