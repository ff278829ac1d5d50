"""Which rows of the exports tell of the same thing, and which of them is the later one.

- A row of a table is known by the table's key.
- An answer to a survey is known by the source's own number (`answer_id`); where it has none by its ticket and when it
  was asked for, else when it was given. Of one that was changed the last counts.
- An event has no key: two that are alike in one file are two, in a log by the minute as well as in one by the second,
  unless the source's own number (`event_id`) says that they are one. Files overlap, though: of events that are alike
  there are as many as the file has that has most of them. A file in which every event stands twice was written twice.
- An agent may be in several teams. A later file that names the agent, and the team, replaces what earlier ones said of
  the two: who has left a team is not in it for ever, and a file for each team is not one that replaces the others.
"""

from __future__ import annotations

import duckdb

from opslib.tables import Table

_LEAST_EVENTS_WRITTEN_TWICE = 10


def identity(table: Table) -> str:
    """SQL of what tells the rows of a table apart, over a row of it, as a list of expressions."""
    if table.name == "satisfaction":
        # What stands for a number that is missing must not be one: ids have no spaces before them.
        return (
            "ticket_id, coalesce(answer_id, ' offered ' || epoch_us(offered_at), ' answered ' || epoch_us(answered_at))"
        )
    return ", ".join(f'"{name}"' for name in table.key)


def version(table: Table) -> str | None:
    """The instant that tells which of two rows of one thing is the later; None where none does."""
    if table.name == "satisfaction":
        return "answered_at"
    return "updated_at" if "updated_at" in table.names else None


def repeated_rows(con: duckdb.DuckDBPyConnection, table: Table, rows: str) -> None:
    """Make `repeated_rows`: the rows of things that several rows tell of; mostly they are few or none.

    Args:
        con: has the table `rows`.
        table: the standard table that they are of.
        rows: the name of a table with the columns of the standard table, `_file`, `_order` and `_row`.

    Notes:
        `_copy` numbers the rows of one file that are alike and are several things all the same, from 1.
    """
    known_by = identity(table)
    is_event = table.name == "ticket_events"
    alike = f"(PARTITION BY {known_by}, _file, event_id IS NULL ORDER BY {{}})"
    copy = (
        f"CASE WHEN event_id IS NULL THEN row_number() OVER {alike.format('_row')} "
        f"ELSE dense_rank() OVER {alike.format('event_id')} END"
    )
    con.execute(f"""
        CREATE TEMP TABLE repeated_rows AS SELECT *, {copy if is_event else "1"} AS _copy FROM {rows}
        WHERE hash({known_by}) IN (SELECT hash({known_by}) FROM {rows} GROUP BY ALL HAVING count(*) > 1)
    """)
    if not is_event:
        return
    written_twice = con.execute(f"""
        WITH events AS (
            SELECT _file, count(*) AS rows, max(_copy) AS times FROM repeated_rows GROUP BY {known_by}, _file
        ), files AS (SELECT _file, count(*) AS rows FROM {rows} GROUP BY _file)
        SELECT _file, min(e.times) AS times FROM events e JOIN files f USING (_file)
        GROUP BY _file, f.rows
        HAVING sum(e.rows) = f.rows AND min(e.times) > 1 AND count(*) >= {_LEAST_EVENTS_WRITTEN_TWICE}
    """).fetchall()
    for file, times in written_twice:
        con.execute("UPDATE repeated_rows SET _copy = 1 + (_copy - 1) // $1 WHERE _file = $2", [times, file])


def outdate_memberships(con: duckdb.DuckDBPyConnection, rows: str, superseded: str) -> None:
    """Add to `superseded` the rows of agents in a team that a later file, which names both, no longer has together."""
    con.execute(f"""
        INSERT INTO {superseded}
        SELECT DISTINCT r._file, r._row, false, NULL FROM {rows} r
        JOIN (SELECT DISTINCT _order, agent_id FROM {rows}) a ON a.agent_id = r.agent_id AND a._order > r._order
        JOIN (SELECT DISTINCT _order, team FROM {rows}) t ON t._order = a._order AND t.team = r.team
        ANTI JOIN {superseded} s ON s._file = r._file AND s._row = r._row
    """)
