"""One row per next reply: each stretch in which a requester waited for an answer after the first reply.

A stretch runs from the requester's public comment (the first after the agent's last) to the agent's next public
comment. The wait for the first reply is no stretch: it is `first_reply` of facts/tickets. What the requester writes
on a ticket that is solved and stays solved (a thank-you) waits for nothing. A stretch that nobody has answered is
censored at as_of, or at the last solve where the ticket was finished after the comment. Tickets that count in no
speed metric have none.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from opslib.facts.spells import at_epoch, is_known, is_missing, none_of
from opslib.facts.tickets import is_agent_comment, is_requester_comment


def stretches(timeline: ir.Table, endings: ir.Table) -> ir.Table:
    """The stretches in numbers: asked and replied in seconds since 1970 and on the ticket's clock, and where they stop.

    Args:
        timeline: of `spells.timeline`.
        endings: of `tickets.endings`.

    Returns:
        ticket, asked, asked_clock, asked_sequence, replied, replied_clock (null where nobody has), stop, stop_clock
        (up to where an unanswered one is known to have lasted).
    """
    agent, requester = is_agent_comment(timeline), is_requester_comment(timeline)
    comments = timeline.filter(agent | requester)
    agent, requester = is_agent_comment(comments), is_requester_comment(comments)
    seconds = comments.moment
    found = comments.group_by(stretch_ticket=comments.ticket, after=comments.agent_spoke.coalesce(-1)).agg(
        asked=seconds.min(where=requester),
        asked_clock=comments.clock.min(where=requester),
        asked_sequence=comments.sequence.min(where=requester),
        replied=seconds.min(where=agent),
        replied_clock=comments.clock.min(where=agent),
    )
    found = found.filter(is_known(found.asked))
    ends = endings.filter(endings.tells_comments & endings.counts_in_speed & is_known(endings.reply_sequence)).select(
        "ticket",
        "reply_sequence",
        "running",
        "untimed",
        "clocked",
        "last_solve",
        "last_solve_clock",
        "now",
        "now_clock",
    )
    placed = found.inner_join(ends, found.stretch_ticket == ends.ticket)
    placed = placed.filter(
        (placed.asked_sequence > placed.reply_sequence)
        & (is_known(placed.replied) | placed.running | (~placed.untimed & (placed.last_solve > placed.asked)))
    )

    def clocked(value: ir.Value) -> ir.Value:
        return ibis.ifelse(placed.clocked, value, none_of("int64"))

    return placed.select(
        "ticket",
        "asked",
        "asked_sequence",
        "replied",
        asked_clock=clocked(placed.asked_clock),
        replied_clock=clocked(placed.replied_clock),
        stop=ibis.ifelse(placed.running, placed.now, placed.last_solve),
        stop_clock=clocked(ibis.ifelse(placed.running, placed.now_clock, placed.last_solve_clock)),
    )


def replies(stretches: ir.Table, openings: ir.Table) -> ir.Table:
    """facts/replies.

    Args:
        stretches: of `stretches`.
        openings: of `spells.openings`.

    Returns:
        ticket_id, team (of the ticket today), week (of its creation), asked_at, replied_at, calendar_seconds,
        business_seconds, and the same with `_censored` for a stretch that nobody has answered. Sorted by team,
        ticket_id and asked_at.
    """
    ids = openings.select("ticket_id", "team", "week", opened=openings.ticket)
    row = stretches.inner_join(ids, stretches.ticket == ids.opened)
    open_ = is_missing(row.replied)
    return row.order_by("ticket", "asked_sequence").select(
        "ticket_id",
        "team",
        "week",
        asked_at=at_epoch(row.asked),
        replied_at=at_epoch(row.replied),
        calendar_seconds=row.replied - row.asked,
        business_seconds=row.replied_clock - row.asked_clock,
        calendar_censored_seconds=ibis.ifelse(open_, row.stop - row.asked, none_of("int64")),
        business_censored_seconds=ibis.ifelse(open_, row.stop_clock - row.asked_clock, none_of("int64")),
    )
