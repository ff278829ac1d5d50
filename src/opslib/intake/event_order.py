"""The order of events that happened in one instant, as the source, its files or a stated rule tell it.

The first of these that tells it counts:

- `created` comes first, `merged_into` and `deleted` come last, but for the `solved` or `closed` of that instant, which
  is what the removal does to the status;
- the source's own `sequence`, the least first;
- the order of the file. A file in which the events of a ticket go back in time from row to row is written newest first
  and is read from its end; so are files that follow each other newest first. What one row of a file gives stays in the
  order of the mapping;
- where a file is in no order of time, or where several files tell different kinds of events, nothing in the export
  tells it, and `tables.ORDER_OF_AN_INSTANT` does: a comment and a hand-over come before the status that ends them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import duckdb
import pandas as pd

from opslib.intake.notation import quoted
from opslib.tables import ORDER_OF_AN_INSTANT

_SAMPLED_ROWS = 100_000
_IN_ORDER = 0.75
"""The share of steps from row to row that has to go one way for a file to be in that order."""
_ALONE = frozenset({"created", "satisfaction_offered", "merged_into", "deleted"})
"""Kinds of events whose place in an instant is the same wherever they come from."""


@dataclass(frozen=True)
class EventOrder:
    """How rows of events are ordered within an instant.

    `terms` are SQL of what is sorted by, over the row `k` and what `joins` (SQL too) adds to it.
    """

    terms: tuple[str, ...]
    joins: str


def event_order(con: duckdb.DuckDBPyConnection, rows: str) -> EventOrder:
    """Find out in which order the files tell the events of one instant.

    Args:
        con: has the table `rows`; what the order is joined to is made there.
        rows: the name of a table of events with `_file`, `_order` (of the file), `_row` and `_source_row` (the row of
            the file that gave it).

    Returns:
        The order.
    """
    first, joins = [f"k.event <> {quoted(ORDER_OF_AN_INSTANT[0])}"], ""
    removals = f"SELECT DISTINCT ticket_id, occurred_at FROM {rows} WHERE event IN ('merged_into', 'deleted')"
    con.execute(f"CREATE OR REPLACE TEMP TABLE removals AS {removals}")
    if con.execute("SELECT count(*) FROM removals").fetchall()[0][0]:
        joins += " LEFT JOIN removals m ON m.ticket_id = k.ticket_id AND m.occurred_at = k.occurred_at"
        first.append(
            "CASE WHEN m.ticket_id IS NULL THEN 0 WHEN k.event IN ('merged_into', 'deleted') THEN 1 "
            "WHEN k.event = 'status' AND k.value IN ('solved', 'closed') THEN 2 ELSE 0 END"
        )
    if con.execute(f"SELECT bool_or(sequence IS NOT NULL) FROM {rows}").fetchall()[0][0]:
        first.append("k.sequence")
    files = _steps(con, rows)
    files["backwards"] = files["falls"] > _IN_ORDER * (files["falls"] + files["rises"])
    files["in_order"] = files["backwards"] | (files["rises"] >= _IN_ORDER * (files["falls"] + files["rises"]))
    if _tell_different_kinds(con, rows, len(files)):
        files["in_order"] = False
    if files["in_order"].all() and not files["backwards"].any():
        return EventOrder((*first, "k._order", "k._row"), joins)
    backwards = files[files["backwards"]].sort_values("place")
    falls = sum(later < earlier for earlier, later in pairwise(backwards["newest"]))
    is_newest_first = len(backwards) == len(files) and falls > (len(backwards) - 1) / 2
    files["place"] *= -1 if is_newest_first else 1
    con.register("files_of_events", files)
    con.execute("CREATE OR REPLACE TEMP TABLE event_files AS SELECT * FROM files_of_events")
    con.unregister("files_of_events")
    kinds = ", ".join(quoted(kind) for kind in ORDER_OF_AN_INSTANT)
    terms = (
        *first,
        f"CASE WHEN f.in_order THEN 0 ELSE list_position([{kinds}], k.event) END",
        "f.place",
        "CASE WHEN f.backwards THEN -k._source_row ELSE 0 END",
        "k._row",
    )
    return EventOrder(terms, f"{joins} JOIN event_files f USING (_file)")


def _steps(con: duckdb.DuckDBPyConnection, rows: str) -> pd.DataFrame:
    """How often time rises and falls from row to row of a file, on a sample of the tickets.

    Returns:
        _file, place (of the file among the others), newest (seconds since 1970), rises, falls: of the rows of one
        ticket, or of all of them where no ticket has two instants; such a file can only be seen to run backwards.
    """
    count = con.execute(f"SELECT count(*) FROM {rows}").fetchall()[0][0]
    steps = con.execute(f"""
        WITH sampled AS (
            SELECT _file, _order, _row, _source_row, ticket_id, epoch(occurred_at) AS moment
            FROM {rows} WHERE occurred_at IS NOT NULL AND hash(ticket_id) % {1 + count // _SAMPLED_ROWS} = 0
        ), stepped AS (
            SELECT _file, _order, moment,
                   moment - lag(moment) OVER ticket AS step, _source_row <> lag(_source_row) OVER ticket AS is_other,
                   moment - lag(moment) OVER file AS any_step
            FROM sampled
            WINDOW ticket AS (PARTITION BY _file, ticket_id ORDER BY _row), file AS (PARTITION BY _file ORDER BY _row)
        )
        SELECT _file, min(_order) AS place, max(moment) AS newest,
               count(*) FILTER (is_other AND step > 0) AS rises, count(*) FILTER (is_other AND step < 0) AS falls,
               count(*) FILTER (any_step > 0) AS any_rises, count(*) FILTER (any_step < 0) AS any_falls
        FROM stepped GROUP BY _file
    """).df()
    silent = (steps["rises"] + steps["falls"] == 0) & (
        steps["any_falls"] > _IN_ORDER * (steps["any_rises"] + steps["any_falls"])
    )
    steps.loc[silent, "falls"] = steps["any_falls"]
    return steps.drop(columns=["any_rises", "any_falls"])


def _tell_different_kinds(con: duckdb.DuckDBPyConnection, rows: str, files: int) -> bool:
    """True where the files are several logs, none of which has a kind of event that another one has."""
    if files < 2:
        return False
    kinds_of: dict[str, set[str]] = {}
    for file, event in con.execute(f"SELECT DISTINCT _file, event FROM {rows}").fetchall():
        if event not in _ALONE:
            kinds_of.setdefault(file, set()).add(event)
    logs: list[set[str]] = []
    for kinds in kinds_of.values():
        of_this = [log for log in logs if log & kinds]
        logs = [log for log in logs if not log & kinds] + [kinds.union(*of_this)]
    return len(logs) > 1
