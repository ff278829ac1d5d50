"""One row per solve: which team and agent solved the ticket, and when it came back.

A ticket that was solved, reopened and solved again has two rows. The team is the one that held the ticket when it was
solved, the agent the one who held it then or, where nobody did, the one who solved it: what happens to the ticket later
moves neither. A solve is reopened by the first change from solved or closed back to new, open, pending or on hold that
comes before the next solve. Where a ticket has no events on its status, its own solved_at or closed_at is its only
solve, and whether that was reopened is not told.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from opslib.facts.spells import FINISHED, UNTIMED_END, at_epoch, is_active, is_event, none_of, state_code, with_words
from opslib.facts.tickets import FOLLOW_UP, is_solve


def solve_rows(timeline: ir.Table) -> ir.Table:
    """The solves in numbers.

    Args:
        timeline: one row per ticket and event, with the state before and after it and its moment.

    Returns:
        ticket, sequence, solved (seconds since 1970), team and agent (codes, agent 0 where there is none), reopened
        (seconds since 1970, null where it was not).
    """
    is_reopen = timeline.status_before.isin([state_code(name) for name in FINISHED]) & is_active(timeline.status)
    rows = timeline.mutate(solving=is_solve(timeline), reopening=is_reopen.fill_null(False))
    rows = rows.filter((rows.solving | rows.reopening) & ~is_event(rows, UNTIMED_END))
    rows = rows.select(
        "ticket",
        "sequence",
        "team",
        "solving",
        solved=rows.moment,
        agent=rows.assignee.nullif(0).coalesce(rows.actor).coalesce(0),
        reopens=ibis.ifelse(rows.reopening, rows.moment, none_of("int64")),
    )
    after = rows.reopens.lead().over(ibis.window(group_by="ticket", order_by="sequence"))
    rows = rows.mutate(reopened=after)
    return rows.filter(rows.solving).drop("solving", "reopens")


def tickets_back_soon(solve_rows: ir.Table) -> ir.Table:
    """The tickets of which at least one solve was reopened within `FOLLOW_UP`: back_soon_ticket."""
    is_soon = solve_rows.reopened - solve_rows.solved <= int(FOLLOW_UP.total_seconds())
    return solve_rows.filter(is_soon).select(back_soon_ticket=solve_rows.ticket).distinct()


def solves(solve_rows: ir.Table, openings: ir.Table, words: ir.Table) -> ir.Table:
    """facts/solves.

    Args:
        solve_rows: ticket, sequence, solved, team, agent, reopened.
        openings: ticket, ticket_id, week, tells_statuses.
        words: word, code.

    Returns:
        ticket_id, week (of the ticket's creation), team, agent_id, solved_at, reopened_at (null where it was not, or
        not yet), tells_reopens (whether the export tells of reopenings of this ticket). Sorted by the ticket's team
        and id, and by solve.
    """
    rows = with_words(solve_rows, words, {"team_name": "team", "agent_id": "agent"})
    ids = openings.select("ticket_id", "week", "tells_statuses", opened=openings.ticket)
    rows = rows.inner_join(ids, rows.ticket == ids.opened)
    return rows.order_by("ticket", "sequence").select(
        "ticket_id",
        "week",
        team=rows.team_name,
        agent_id=rows.agent_id,
        solved_at=at_epoch(rows.solved),
        reopened_at=at_epoch(rows.reopened),
        tells_reopens=rows.tells_statuses,
    )
