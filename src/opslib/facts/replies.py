"""One row per next reply: each stretch in which a requester waited for an answer after the first reply.

A stretch runs from the requester's public comment (the first after the agent's last) to the agent's next public
comment. The wait for the first reply is no stretch: it is `first_reply` of facts/tickets. What the requester writes
on a ticket that is solved and stays solved (a thank-you) waits for nothing. A stretch that nobody has answered is
censored at as_of, or at the last solve where the ticket was finished after the comment. Tickets that count in no
speed metric have none. A stretch is that of the team that held the ticket when it ended: when it was replied to, or
last solved; while it waits, of the team of today.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from opslib.facts.spells import CODES, at_epoch, code_of, is_known, is_missing, none_of, where_clocked, with_words
from opslib.facts.tickets import held_by, is_agent_comment, is_requester_comment


def stretches(timeline: ir.Table, endings: ir.Table) -> ir.Table:
    """The stretches in numbers: asked and replied in seconds since 1970 and on the ticket's clock, and where they stop.

    Args:
        timeline: one row per ticket and event, with moment, clock, role and agent_spoke.
        endings: one row per ticket: its first reply, its last solve, as_of, and what is known of them.

    Returns:
        ticket, asked, asked_clock, asked_sequence, replied, replied_clock, replied_held (packed: sequence and team;
        these three null where nobody has), stop, stop_clock (up to where an unanswered one is known to have lasted),
        holder (code of the team that held the ticket when it ended; null while it waits).
    """
    agent, requester = is_agent_comment(timeline), is_requester_comment(timeline)
    comments = timeline.filter(agent | requester)
    agent, requester = is_agent_comment(comments), is_requester_comment(comments)
    seconds = comments.moment
    gaps = comments.group_by(stretch_ticket=comments.ticket, after=comments.agent_spoke.coalesce(-1)).agg(
        asked=seconds.min(where=requester),
        asked_clock=comments.clock.min(where=requester),
        asked_sequence=comments.sequence.min(where=requester),
        replied=seconds.min(where=agent),
        replied_clock=comments.clock.min(where=agent),
        replied_held=held_by(comments).min(where=agent),
    )
    gaps = gaps.filter(is_known(gaps.asked))
    ends = endings.filter(endings.tells_comments & endings.counts_in_speed & is_known(endings.reply_held)).select(
        "ticket",
        "reply_held",
        "running",
        "untimed",
        "clocked",
        "last_solve",
        "last_solve_clock",
        "solved_team",
        "now",
        "now_clock",
    )
    waits = gaps.inner_join(ends, gaps.stretch_ticket == ends.ticket)
    waits = waits.filter(
        (waits.asked_sequence > waits.reply_held // CODES)
        & (is_known(waits.replied) | waits.running | (~waits.untimed & (waits.last_solve > waits.asked)))
    )
    ending = ibis.ifelse(waits.running, none_of("int32"), waits.solved_team.cast("int32"))
    return waits.select(
        "ticket",
        "asked",
        "asked_sequence",
        "replied",
        "replied_held",
        asked_clock=where_clocked(waits, waits.asked_clock),
        replied_clock=where_clocked(waits, waits.replied_clock),
        stop=ibis.ifelse(waits.running, waits.now, waits.last_solve),
        stop_clock=where_clocked(waits, ibis.ifelse(waits.running, waits.now_clock, waits.last_solve_clock)),
        holder=code_of(waits.replied_held).cast("int32").coalesce(ending),
    )


def replies(stretches: ir.Table, openings: ir.Table, words: ir.Table) -> ir.Table:
    """facts/replies.

    Args:
        stretches: ticket, asked, asked_clock, asked_sequence, replied, replied_clock, stop, stop_clock, holder.
        openings: ticket, ticket_id, team, week.
        words: word, code.

    Returns:
        ticket_id, team (that held the ticket when the stretch ended; while it waits, the ticket's of today), week (of
        its creation), asked_at, replied_at, calendar_seconds, business_seconds, and the same with `_censored` for a
        stretch that nobody has answered. Sorted by the ticket's team, ticket_id and asked_at.
    """
    ids = openings.select("ticket_id", "week", opened=openings.ticket, team_today=openings.team)
    row = with_words(stretches, words, {"holder_name": "holder"})
    row = row.inner_join(ids, row.ticket == ids.opened)
    is_open = is_missing(row.replied)
    return row.order_by("ticket", "asked_sequence").select(
        "ticket_id",
        "week",
        team=row.holder_name.coalesce(row.team_today),
        asked_at=at_epoch(row.asked),
        replied_at=at_epoch(row.replied),
        calendar_seconds=row.replied - row.asked,
        business_seconds=row.replied_clock - row.asked_clock,
        calendar_censored_seconds=ibis.ifelse(is_open, row.stop - row.asked, none_of("int64")),
        business_censored_seconds=ibis.ifelse(is_open, row.stop_clock - row.asked_clock, none_of("int64")),
    )
