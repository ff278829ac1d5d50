"""One row per ticket: when it was answered and solved, how long it waited for whom, and how it was handled.

The rules, on top of those of `spells`:

- A ticket is **opened by an agent** where its `created` event is an agent's (or an automation's), or where an agent
  comments publicly at the instant of creation before the requester has said anything. Otherwise the requester opened
  it, with the first comment or, where there is none, by creating it.
- **First reply**: creation to the first public comment by an agent; where an agent opened it, by an agent after the
  requester's first public comment. The role is the one recorded with the event, so replies of agents who have left
  count; automation and actors without a role are not agents. Not replied: censored at as_of, or at the last solve
  where it was finished without a reply. Opened by an agent and the requester has not spoken: nobody waits, neither
  value.
- **A return** starts the wait for the first reply again: where a ticket is finished before that reply, whoever finished
  it and whether or not they were a person, and the requester then comments publicly or reopens it, the reply is due
  from there. Of several rounds the last one before the reply counts, and within a round what the requester did first. A
  reopening by anybody else starts nothing (the wait runs on from where it began), nor does a comment on a ticket that
  stays finished and unanswered. Only events tell of returns.
- **Whose it is**: `first_reply_team`, `first_solved_team` and `solved_team` held the ticket at its first reply, first
  solve and last solve; no later hand-over changes them.
- A **solve** is a change to `solved`, or straight to `closed`, from any status but those two. First and full
  resolution run from creation to the first and the last of them; a ticket that is not finished is censored at as_of
  (the full one also after a reopening). A **reopen** is a change from solved or closed back to one of those four.
- Spells: requester wait = new + open + on_hold, agent work = new + open, agent wait = pending, on hold = on_hold; open
  ones run to as_of.
- **Transfers** are the instants after creation's assignment at which the team or the queue changed (both at the same
  instant are one); a **ping-pong** is a change back to a queue that the ticket had left. What is moved after its last
  solve counts as neither: its number is that of the week of the solve. **Touches** are public comments by agents.
  **One-touch**: finished with exactly one, never reopened. **One-contact**: finished, and no solve was reopened within
  7 days (where only a count of reopens tells of them: never reopened). **Escalated**: the first move to another team
  came after an agent's comment or note.
- **First-contact resolution** is one-contact for tickets of live channels, where a contact takes as many turns as it
  takes, and one-touch for written ones; either without another ticket of the requester for the same reason in the 7
  days after the solve.
- A ticket that ended as merged, deleted or spam counts in no speed metric (`counts_in_speed`): its seconds are null.
- What a ticket without events cannot tell is null in the value and in the censored column: touches, waits by status,
  ping-pongs, and the first reply where the source has no first_reply_at. Reopens and transfers are the source's own.
  With reopens, its `solved_at` is the last solve and the first is not known. So are resolution and waits of a ticket
  that is finished, while nothing says when.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir

from opslib.facts.spells import (
    ALL_KINDS,
    CODES,
    FINISHED,
    OPENING,
    REMOVED,
    UNTIMED_END,
    Kinds,
    at_epoch,
    clock_at,
    code_of,
    epoch,
    instant,
    is_active,
    is_by,
    is_event,
    is_finished,
    is_known,
    is_removed,
    none_of,
    seconds_of,
    state_code,
    with_words,
)
from opslib.tables import TABLES

WAITS = {
    "requester_wait": ("new", "open", "on_hold"),
    "agent_work": ("new", "open"),
    "agent_wait": ("pending",),
    "on_hold": ("on_hold",),
}
SPANS = {**WAITS, "full_resolution": ("new", "open", "pending", "on_hold")}
"""What runs in which statuses: the waits, and the clock of the resolution target, which stands still while solved."""
CLOCKS = ("calendar", "business")
FOLLOW_UP = timedelta(days=7)
_NEVER = 1 << 62


def in_span(state: ir.Value, span: str) -> ir.Value:
    """1 where a status belongs to one of `SPANS`, else 0 (also where there is no status)."""
    return ibis.ifelse(state.isin([state_code(name) for name in SPANS[span]]).fill_null(False), 1, 0)


def is_solve(timeline: ir.Table) -> ir.Value:
    return ~is_finished(timeline.status_before) & is_finished(timeline.status)


def is_agent_comment(timeline: ir.Table) -> ir.Value:
    return is_event(timeline, "public_comment") & is_by(timeline, "agent").fill_null(False)


def is_requester_comment(timeline: ir.Table) -> ir.Value:
    return is_event(timeline, "public_comment") & is_by(timeline, "requester").fill_null(False)


def held_by(timeline: ir.Table) -> ir.Value:
    """When, in the ticket's own order, and by which team it is held, packed: the least is the first."""
    return timeline.sequence * CODES + timeline.team


def is_transfer(timeline: ir.Table) -> ir.Value:
    team_moves = is_event(timeline, "team") & (timeline.team != timeline.team_before)
    queue_moves = is_event(timeline, "queue") & (timeline.queue != timeline.queue_before) & (timeline.queue_before != 0)
    return team_moves | queue_moves


def endings(
    timeline: ir.Table, openings: ir.Table, words: ir.Table, teams: ir.Table, corrections: ir.Table, days: ir.Table,
    *, as_of: datetime,
) -> ir.Table:  # fmt: skip
    """Per ticket the instants, clocks and counts that the facts and SLAs are made of.

    Each part is summed over the rows that it concerns only, which is several times faster than one aggregation with a
    condition for each number.

    Args:
        timeline: one row per ticket and event: the state before and after it, moment and clock.
        openings: ticket, status, tells_comments.
        words: word, code.
        teams: team, calendar.
        corrections: ticket, since, correction.
        days: the day table of the calendars.
        as_of: the instant up to which the exports know the world.

    Returns:
        ticket; the moment (seconds since 1970) and clock of creation, first reply, first and last solve, and of the
        first solve that ends the wait for a first reply, with the team that held it at each (`…_held` with the
        sequence, else codes); sums of the waits on both clocks; counts; queue and agent of the last solve and agent of
        the survey; final state; whether an agent opened it, whether anybody waits.
    """
    rows = clock_at(_sums(timeline), words, teams, corrections, days, as_of=as_of)
    flags = openings.select("tells_comments", "status", opened=openings.ticket)
    rows = rows.inner_join(flags, rows.ticket == flags.opened).drop("opened")
    rows = rows.mutate(now=ibis.literal(seconds_of(as_of), type="int64"), running=is_active(rows.state))
    return _with_reply(_with_running_spans(rows)).drop("status")


def _with_running_spans(rows: ir.Table) -> ir.Table:
    """Let the spans that a ticket is still in run to as_of, on both clocks."""
    for span in SPANS:
        inside = ibis.ifelse(rows.running, in_span(rows.state, span), 0)
        rows = rows.mutate(**{
            f"{span}_calendar": rows[f"{span}_calendar"] + inside * rows.now,
            f"{span}_business": rows[f"{span}_business"] + inside * rows.now_clock,
        })  # fmt: skip
    return rows


def _with_reply(rows: ir.Table) -> ir.Table:
    """Add the reply and the solve that end the first wait, by who opened the ticket, and what became of it.

    Returns:
        The rows with counts_in_speed, finished, reply_awaited (booleans); reply and awaiting_solve with their clocks
        and packed sequence and team.
    """
    by_agent = rows.tells_comments & (
        rows.creator_is_no_requester | (rows.agent_alone_at == rows.created).fill_null(False)
    )
    return rows.mutate(
        counts_in_speed=~is_removed(rows.state) & ~rows.status.isin(REMOVED),
        finished=is_finished(rows.state),
        reply=ibis.ifelse(by_agent, rows.later_reply, rows.any_reply),
        reply_clock=ibis.ifelse(by_agent, rows.later_reply_clock, rows.any_reply_clock),
        reply_held=ibis.ifelse(by_agent, rows.later_reply_held, rows.any_reply_held),
        awaiting_solve=ibis.ifelse(by_agent, rows.asked_solve, rows.first_solve),
        awaiting_solve_clock=ibis.ifelse(by_agent, rows.asked_solve_clock, rows.first_solve_clock),
        awaiting_solve_held=ibis.ifelse(by_agent, rows.asked_solve_held, rows.first_solve_held),
        reply_awaited=~by_agent | (rows.spoke & (rows.running | is_known(rows.last_asked_solve))),
    )


def returns(timeline: ir.Table, endings: ir.Table) -> ir.Table:
    """Where the wait for a first reply starts again, because the requester came back to a ticket finished without one.

    Args:
        timeline: one row per ticket and event: the state before and after it, moment and clock.
        endings: one row per ticket: its first reply, its first and last solve, and what its events tell.

    Returns:
        Only such tickets: returned_ticket; returned, returned_clock (where the wait starts); met, met_clock, met_held
        (the first solve after it; null where there is none).
    """
    last = ibis.cases(
        (is_known(endings.reply_held), endings.reply_held // CODES),
        # an end of which no time is known is the last of all
        (endings.finished & ~endings.untimed, endings.solved_held // CODES),
        else_=ibis.literal(_NEVER, type="int64"),
    )
    ends = endings.filter(
        endings.tells_comments & endings.counts_in_speed & (is_known(endings.reply_held) | endings.reply_awaited)
    )
    ends = ends.select(ended_ticket=ends.ticket, first=ends.first_solve_held // CODES, last=last)
    ends = ends.filter(ends.first < ends.last)

    by_requester = is_by(timeline, "requester").fill_null(False)
    reopens = is_finished(timeline.status_before) & is_active(timeline.status)
    comes_back = by_requester & (is_event(timeline, "public_comment") | reopens.fill_null(False))
    solves = is_solve(timeline).fill_null(False) & ~is_event(timeline, UNTIMED_END)
    rows = timeline.mutate(comes_back=comes_back, solves=solves)
    rows = rows.filter(rows.comes_back | rows.solves)
    rows = rows.inner_join(ends, rows.ticket == ends.ended_ticket)
    rows = rows.filter((rows.sequence >= rows.first) & (rows.sequence <= rows.last))
    so_far = ibis.rows_window(group_by="ticket", order_by="sequence", preceding=None, following=0)
    rows = rows.select(
        "ticket", "moment", "clock", "sequence", "comes_back", "solves",
        held=held_by(rows),
        solved=_where(rows.solves, rows.sequence).max().over(so_far),
    )  # fmt: skip
    comebacks = rows.filter(rows.comes_back)
    comebacks = comebacks.mutate(last_round=comebacks.solved.max().over(ibis.window(group_by="ticket")))
    comebacks = comebacks.filter(comebacks.solved == comebacks.last_round)
    starts = comebacks.group_by(returned_ticket=comebacks.ticket).agg(
        returned=comebacks.moment.min(),
        returned_clock=comebacks.clock.min(),
        returned_sequence=comebacks.sequence.min(),
    )
    solves = rows.filter(rows.solves).select(
        solved_ticket="ticket", solve="moment", solve_clock="clock", solve_sequence="sequence", solve_held="held"
    )
    later = starts.left_join(
        solves,
        (starts.returned_ticket == solves.solved_ticket) & (starts.returned_sequence < solves.solve_sequence),
    )
    return later.group_by("returned_ticket", "returned", "returned_clock").agg(
        met=later.solve.min(), met_clock=later.solve_clock.min(), met_held=later.solve_held.min()
    )


def _sums(timeline: ir.Table) -> ir.Table:
    """One row per ticket: its creation, and the sums over its comments, solves, surveys and waits."""
    opening = timeline.filter(is_event(timeline, OPENING))
    rows = opening.select("ticket", created=opening.moment, created_clock=opening.clock)
    parts = (_ticket_sums(timeline), _agent_comments(timeline), _solves(timeline), _surveys(timeline))
    for number, part in enumerate(parts):
        renamed = part.rename({f"part_{number}": "ticket"})
        rows = rows.left_join(renamed, rows.ticket == renamed[f"part_{number}"]).drop(f"part_{number}")
    rows = rows.inner_join(_spans(timeline), "ticket")
    return rows.mutate(
        state=rows.last_state % CODES,
        team=rows.last_team % CODES,
        team_since=rows.last_team // CODES,
        touches=rows.touches.coalesce(0),
        solved_team=code_of(rows.solved_held),
        **{name: code_of(rows[name]) for name in ("solved_queue", "solved_agent", "survey_team")},
        survey_agent=code_of(rows.survey_agent),
    )


def _ticket_sums(timeline: ir.Table) -> ir.Table:
    """Per ticket what all its events tell: its last state and team, who created it, whether its end has a time."""
    return timeline.group_by("ticket").agg(
        clocked=is_known(timeline.clock).all(),
        last_state=(timeline.sequence * CODES + timeline.status).max(),
        last_team=(timeline.team_since * CODES + timeline.team).max(),
        creator_is_no_requester=(is_event(timeline, "created") & is_by(timeline, "agent", "automation")).any(),
        spoke=is_requester_comment(timeline).any(),
        untimed=is_event(timeline, UNTIMED_END).any(),
    )


def _agent_comments(timeline: ir.Table) -> ir.Table:
    """Per ticket the agents' first public comments: any, after the requester's first, before it; and their number."""
    comments = timeline.filter(is_agent_comment(timeline))
    after_requester = is_known(comments.requester_spoke)
    held = held_by(comments)
    later = {"later_reply": comments.moment, "later_reply_clock": comments.clock, "later_reply_held": held}
    return comments.group_by("ticket").agg(
        any_reply=comments.moment.min(),
        any_reply_clock=comments.clock.min(),
        any_reply_held=held.min(),
        touches=comments.count(),
        agent_alone_at=_where(~after_requester, comments.moment).min(),
        **{name: _where(after_requester, value).min() for name, value in later.items()},
    )


def _solves(timeline: ir.Table) -> ir.Table:
    """Per ticket its first and last solve, also of those after the requester's first comment, and who held it last."""
    solves = timeline.filter(is_solve(timeline))
    timed = ~is_event(solves, UNTIMED_END)
    after_requester = timed & is_known(solves.requester_spoke)
    moment, clock, held = solves.moment, solves.clock, held_by(solves)
    agent = solves.assignee.nullif(0).coalesce(solves.actor).coalesce(0)
    return solves.group_by("ticket").agg(
        first_solve=_where(timed, moment).min(),
        first_solve_clock=_where(timed, clock).min(),
        first_solve_held=_where(timed, held).min(),
        last_solve=_where(timed, moment).max(),
        last_solve_clock=_where(timed, clock).max(),
        asked_solve=_where(after_requester, moment).min(),
        asked_solve_clock=_where(after_requester, clock).min(),
        asked_solve_held=_where(after_requester, held).min(),
        last_asked_solve=_where(after_requester, moment).max(),
        solved_held=held.max(),
        solved_queue=(solves.sequence * CODES + solves.queue).max(),
        solved_agent=(solves.sequence * CODES + agent).max(),
    )


def _surveys(timeline: ir.Table) -> ir.Table:
    """Per ticket the team, and the agent who had commented last, when the last survey was offered."""
    offers = timeline.filter(is_event(timeline, "satisfaction_offered"))
    return offers.group_by("ticket").agg(
        survey_team=(offers.sequence * CODES + offers.team).max(), survey_agent=offers.agent_spoke.max()
    )


def _spans(timeline: ir.Table) -> ir.Table:
    """Sums of the spans as if none was still running, and the reopens, from the rows where the status changes."""
    changes = timeline.filter(is_event(timeline, OPENING) | (timeline.status != timeline.status_before))
    is_reopen = changes.status_before.isin([state_code(name) for name in FINISHED]) & is_active(changes.status)
    sums: dict[str, ir.Value] = {"reopens": ibis.ifelse(is_reopen.fill_null(False), 1, 0).sum().cast("int64")}
    for span in SPANS:
        change = in_span(changes.status_before, span) - in_span(changes.status, span)
        sums[f"{span}_calendar"] = (changes.moment * change).sum().cast("int64")
        sums[f"{span}_business"] = (changes.clock * change).sum().cast("int64")
    return changes.group_by("ticket").agg(**sums)


def until_finished(rows: ir.Table, endings: ir.Table) -> ir.Table:
    """The rows of a timeline up to the last solve of their ticket, or all of them while it is open."""
    ends = endings.select(
        ending="ticket",
        end=ibis.ifelse(endings.finished & ~endings.untimed, endings.last_solve, ibis.literal(_NEVER, type="int64")),
    )
    upto = rows.inner_join(ends, rows.ticket == ends.ending)
    return upto.filter(upto.moment <= upto.end).drop("ending", "end")


def transfers(timeline: ir.Table, endings: ir.Table) -> ir.Table:
    """Per ticket at how many instants its team or queue changed (only where it did): moved_ticket, transfers."""
    moves = until_finished(timeline.filter(is_transfer(timeline)).select("ticket", "moment"), endings)
    moves = moves.select(moved_ticket="ticket", moment="moment").distinct()
    return moves.group_by("moved_ticket").agg(transfers=moves.count())


def ping_pongs(timeline: ir.Table, endings: ir.Table) -> ir.Table:
    """Per ticket how often it came back to a queue that it had left: back_ticket, ping_pongs (only where it did)."""
    entries = timeline.filter(
        is_event(timeline, OPENING) | (is_event(timeline, "queue") & (timeline.queue != timeline.queue_before))
    )
    entries = entries.filter(entries.queue != 0).select("ticket", "sequence", "moment", "queue")
    entries = until_finished(entries, endings)
    visits = entries.select(
        "ticket",
        nth=ibis.row_number().over(ibis.window(group_by=["ticket", "queue"], order_by="sequence")),
    )
    returns = visits.filter(visits.nth > 0)
    return returns.group_by(back_ticket=returns.ticket).agg(ping_pongs=returns.count())


UNTOUCHED = tuple(name for name in TABLES["tickets"].names if name != "first_reply_at")
"""The columns that facts/tickets takes over from standard/tickets as they are."""


def escalations(timeline: ir.Table, endings: ir.Table) -> ir.Table:
    """The tickets whose first team handed them to another after an agent had commented or noted: escalated_ticket."""
    moves = is_event(timeline, "team") & (timeline.team != timeline.team_before)
    acts = is_event(timeline, "public_comment", "internal_note") & is_by(timeline, "agent").fill_null(False)
    rows = until_finished(timeline.filter(moves | acts), endings)
    moves = is_event(rows, "team")
    firsts = rows.group_by("ticket").agg(
        first_move=_where(moves, rows.sequence).min(), first_act=_where(~moves, rows.sequence).min()
    )
    return firsts.filter(firsts.first_act < firsts.first_move).select(escalated_ticket=firsts.ticket)


def ticket_facts(
    openings: ir.Table,
    timeline: ir.Table,
    endings: ir.Table,
    returns: ir.Table,
    back_soon: ir.Table,
    words: ir.Table,
    *,
    as_of: datetime,
    present: Mapping[str, Iterable[str]],
    kinds: Kinds = ALL_KINDS,
) -> ir.Table:
    """facts/tickets but for the `UNTOUCHED` columns, and for first_contact_resolution, which needs later weeks too.

    Args:
        openings: one row per ticket: its own columns, how it begins, and what its events can tell.
        timeline: one row per ticket and event: the state before and after it, moment and clock.
        endings: one row per ticket: instants, clocks, waits and codes of its last solve.
        returns: returned_ticket, returned, returned_clock: where the wait for a first reply starts again.
        back_soon: back_soon_ticket: those of which a solve was reopened within `FOLLOW_UP`.
        words: word, code.
        as_of: the instant up to which the exports know the world.
        present: per standard table the columns that the export gives.
        kinds: the kinds of events that it gives.

    Returns:
        One row per ticket: ticket, ticket_id, requester_id, contact_reason, channel, week, first_reply_start_at (from
        where the first reply is awaited; null where nobody waits), first_reply_at, counts_in_speed, first_solved_at,
        last_solved_at, `<measure>_<clock>_seconds` and, for first_reply, first_resolution and full_resolution,
        `<measure>_<clock>_censored_seconds`, reopens, transfers, ping_pongs, touches, one_touch, one_contact,
        escalated, first_team, first_queue, first_reply_team, first_solved_team, solved_team, solved_queue,
        solved_agent_id, survey_agent_id, survey_team.
    """
    row = _ticket_rows(openings, timeline, endings, returns, back_soon, words)
    tells_reply = row.tells_comments | ("first_reply_at" in set(present.get("tickets", ())))
    awaits_reply = _awaits_reply(row, tells_reply)
    return row.select(
        "ticket",
        "ticket_id",
        "requester_id",
        "contact_reason",
        "channel",
        "week",
        first_reply_start_at=at_epoch(_where(awaits_reply, row.returned.coalesce(row.created))),
        first_reply_at=at_epoch(ibis.ifelse(tells_reply, row.reply, none_of("int64"))),
        counts_in_speed=row.counts_in_speed,
        first_solved_at=at_epoch(ibis.ifelse(_hides_first_solve(row), none_of("int64"), row.first_solve)),
        last_solved_at=at_epoch(row.last_solve),
        **_durations(row, awaits_reply),
        **_wait_seconds(row),
        **_handling(row, kinds),
        first_team=row.first_team,
        first_queue=row.first_queue,
        first_reply_team=ibis.ifelse(tells_reply, row.reply_team_name, none_of("string")),
        first_solved_team=ibis.ifelse(_hides_first_solve(row), none_of("string"), row.first_solved_team_name),
        solved_team=row.solved_team_name,
        solved_queue=row.solved_queue_name,
        solved_agent_id=row.solved_agent_name,
        survey_agent_id=row.survey_agent_id,
        survey_team=row.survey_team_name,
    )


def _ticket_rows(
    openings: ir.Table,
    timeline: ir.Table,
    endings: ir.Table,
    returns: ir.Table,
    back_soon: ir.Table,
    words: ir.Table,
) -> ir.Table:
    """One row per ticket with all that its facts are made of: endings in words, its beginning, moves and return."""
    names = {
        "reply_team_name": "reply_team",
        "first_solved_team_name": "first_solved_team",
        "solved_team_name": "solved_team",
        "solved_queue_name": "solved_queue",
        "solved_agent_name": "solved_agent",
        "survey_agent_id": "survey_agent",
        "survey_team_name": "survey_team",
    }
    ends = endings.mutate(reply_team=code_of(endings.reply_held), first_solved_team=code_of(endings.first_solve_held))
    ends = with_words(ends, words, names).drop("tells_comments", "team", "team_since")
    beginnings = openings.select(
        "first_team",
        "first_queue",
        "has_events",
        "tells_comments",
        "tells_statuses",
        "week",
        "ticket_id",
        "requester_id",
        "contact_reason",
        "channel",
        "reopen_count",
        "transfer_count",
        opened=openings.ticket,
    )
    row = ends.inner_join(beginnings, ends.ticket == beginnings.opened).drop("opened")
    moves = transfers(timeline, endings)
    row = row.left_join(moves, row.ticket == moves.moved_ticket)
    ways_back = ping_pongs(timeline, endings)
    row = row.left_join(ways_back, row.ticket == ways_back.back_ticket)
    starts = returns.select("returned_ticket", "returned", "returned_clock")
    row = row.left_join(starts, row.ticket == starts.returned_ticket)
    row = row.left_join(back_soon, row.ticket == back_soon.back_soon_ticket)
    handed_on = escalations(timeline, endings)
    return row.left_join(handed_on, row.ticket == handed_on.escalated_ticket)


def _hides_first_solve(row: ir.Table) -> ir.Value:
    """True where a ticket was reopened and nothing but its own columns tells of its solves: they give the last."""
    return ~row.tells_statuses & (row.reopen_count.coalesce(0) > 0)


def _awaits_reply(row: ir.Table, tells_reply: ir.Value) -> ir.Value:
    """True where somebody waits or has waited for a first reply, for a time that can be told."""
    return row.counts_in_speed & tells_reply & (is_known(row.reply) | (row.reply_awaited & ~row.untimed))


def _durations(row: ir.Table, awaits_reply: ir.Value) -> dict[str, ir.Value]:
    """Seconds and censored seconds, on both clocks, of first_reply, first_resolution and full_resolution."""
    timed = row.counts_in_speed & ~row.untimed
    created = (row.created, row.created_clock)
    return {
        **_duration(
            row,
            "first_reply",
            (row.returned.coalesce(row.created), row.returned_clock.coalesce(row.created_clock)),
            (row.reply, row.reply_clock),
            applies=awaits_reply,
            ended=is_known(row.reply),
            stops_at_solve=row.finished,
        ),
        **_duration(
            row,
            "first_resolution",
            created,
            (row.first_solve, row.first_solve_clock),
            applies=timed & ~_hides_first_solve(row),
            ended=is_known(row.first_solve),
            stops_at_solve=ibis.literal(False),
        ),
        **_duration(
            row,
            "full_resolution",
            created,
            (row.last_solve, row.last_solve_clock),
            applies=timed,
            ended=row.finished & is_known(row.last_solve),
            stops_at_solve=ibis.literal(False),
        ),
    }


def _duration(
    row: ir.Table,
    measure: str,
    start: tuple[ir.Value, ir.Value],
    end: tuple[ir.Value, ir.Value],
    *,
    applies: ir.Value,
    ended: ir.Value,
    stops_at_solve: ir.Value,
) -> dict[str, ir.Value]:
    """From a start to an end, on both clocks: the seconds where it has ended, the censored seconds where it has not.

    Args:
        row: one row per ticket.
        measure: begins the names of the columns.
        start: the moment of the start, and its reading on the ticket's business clock.
        end: the moment of the end, and its reading on the ticket's business clock.
        applies: where the measure says anything.
        ended: where it has ended.
        stops_at_solve: where the censored time runs to the last solve; it runs to as_of elsewhere.
    """
    columns = {}
    for clock, since, at, now, last_solve, tells in (
        ("calendar", start[0], end[0], row.now, row.last_solve, applies),
        ("business", start[1], end[1], row.now_clock, row.last_solve_clock, applies & row.clocked),
    ):
        until = ibis.ifelse(stops_at_solve, last_solve, now)
        columns[f"{measure}_{clock}_seconds"] = _where(tells & ended, at - since)
        columns[f"{measure}_{clock}_censored_seconds"] = _where(tells & ~ended, until - since)
    return columns


def _wait_seconds(row: ir.Table) -> dict[str, ir.Value]:
    """`<wait>_<clock>_seconds` of the waits by status, null where the events do not tell statuses or their end."""
    timed = row.counts_in_speed & ~row.untimed
    return {
        f"{wait}_{clock}_seconds": _where(
            timed & row.tells_statuses & (row.clocked if clock == "business" else True), row[f"{wait}_{clock}"]
        )
        for wait in WAITS
        for clock in CLOCKS
    }


def _handling(row: ir.Table, kinds: Kinds) -> dict[str, ir.Value]:
    """What the ticket went through: from events, or from its own columns."""
    tells_moves = row.has_events & bool(kinds & {"team", "queue"})
    tells_queues = row.has_events & ("queue" in kinds)
    tells_escalations = row.has_events & ("team" in kinds) & bool(kinds & {"public_comment", "internal_note"})
    reopens = ibis.ifelse(row.tells_statuses, row.reopens, row.reopen_count)
    comes_back_soon = ibis.ifelse(row.tells_statuses, is_known(row.back_soon_ticket), reopens > 0)
    return {
        "reopens": reopens.cast("int64"),
        "transfers": ibis.ifelse(tells_moves, row.transfers.coalesce(0), row.transfer_count).cast("int64"),
        "ping_pongs": _where(tells_queues, row.ping_pongs.coalesce(0)),
        "touches": _where(row.tells_comments, row.touches),
        "one_touch": ibis.ifelse(
            row.tells_comments & is_known(reopens),
            row.finished & (row.touches == 1) & (reopens == 0),
            none_of("boolean"),
        ),
        "one_contact": ibis.ifelse(is_known(reopens), row.finished & ~comes_back_soon, none_of("boolean")),
        "escalated": ibis.ifelse(tells_escalations, is_known(row.escalated_ticket), none_of("boolean")),
    }


def contacts(tickets: ir.Table) -> ir.Table:
    """The tickets of requesters who wrote more than once for the same reason, with their reason and created_at.

    A ticket can only have a follow-up among these, so first_contact_resolution needs no more of the other weeks.
    """
    rows = tickets.filter(is_known(tickets.requester_id) & is_known(tickets.contact_reason)).select(
        "requester_id", "contact_reason", "created_at", "ticket_id", "week"
    )
    groups = (
        rows.group_by("requester_id", "contact_reason")
        .agg(tickets=rows.count())
        .filter(lambda group: group.tickets > 1)
    )
    return rows.semi_join(groups, ["requester_id", "contact_reason"])


def with_first_contact_resolution(
    facts: ir.Table, contacts: ir.Table, *, as_of: datetime, live_channels: Collection[str]
) -> ir.Table:
    """Add `first_contact_resolution` to facts/tickets.

    True where the ticket was solved at its first contact (one-contact if it came in by a live channel, else one-touch)
    and the same requester opened no other for the same reason in the 7 days after the solve; false where it was not, or
    there was another; null where the export has no requester or reason, where it does not tell whether there was one
    contact, and while the 7 days have not passed.

    Args:
        facts: ticket_id, requester_id, contact_reason, channel, one_touch, one_contact, last_solved_at.
        contacts: requester_id, contact_reason, created_at and ticket_id of the tickets of all weeks whose requester
            wrote more than once for the same reason.
        as_of: the instant up to which the exports know the world.
        live_channels: the channels in which the agent and the requester talk at the same time.
    """
    is_live = facts.channel.isin(list(live_channels)).fill_null(False)
    facts = facts.mutate(at_once=ibis.ifelse(is_live, facts.one_contact, facts.one_touch))
    first_contacts = facts.filter(facts.at_once).select("ticket_id", "requester_id", "contact_reason", "last_solved_at")
    others = contacts.select(
        "requester_id", "contact_reason", other_created_at=contacts.created_at, other_id=contacts.ticket_id
    )
    follow_ups = first_contacts.inner_join(others, ["requester_id", "contact_reason"])
    follow_ups = follow_ups.filter(
        (follow_ups.other_id != follow_ups.ticket_id)
        & (follow_ups.other_created_at > follow_ups.last_solved_at)
        & (epoch(follow_ups.other_created_at) - epoch(follow_ups.last_solved_at) <= int(FOLLOW_UP.total_seconds()))
        & (follow_ups.other_created_at <= instant(as_of))
    )
    ids = follow_ups.select(followed_id=follow_ups.ticket_id).distinct()
    rows = facts.left_join(ids, facts.ticket_id == ids.followed_id)
    has_settled = rows.last_solved_at <= instant(as_of - FOLLOW_UP)
    can_tell = is_known(rows.requester_id) & is_known(rows.contact_reason) & is_known(rows.at_once)
    resolved = ibis.cases(
        (~can_tell, none_of("boolean")),
        (~rows.at_once | is_known(rows.followed_id), False),
        (has_settled, True),
    )
    return rows.mutate(first_contact_resolution=resolved).drop("followed_id", "at_once")


def _where(condition: ir.Value, value: ir.Value) -> ir.Value:
    return ibis.ifelse(condition, value, none_of("int64")).cast("int64")
