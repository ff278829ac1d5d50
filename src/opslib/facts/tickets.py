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
- A **solve** is a change to `solved`, or straight to `closed`, from any status but those two. First and full
  resolution run from creation to the first and the last of them; a ticket that is not finished is censored at as_of
  (the full one also after a reopening). A **reopen** is a change from solved or closed back to one of those four.
- Spells: requester wait = new + open + on_hold, agent work = new + open, agent wait = pending, on hold = on_hold; open
  ones run to as_of.
- **Transfers** are the instants after creation's assignment at which the team or the queue changed (both at the same
  instant are one); a **ping-pong** is a change back to a queue that the ticket had left. **Touches** are public
  comments by agents. **One-touch**: finished with exactly one, never reopened.
- A ticket that ended as merged, deleted or spam counts in no speed metric (`counts_in_speed`): its seconds are null.
- What a ticket without events cannot tell is null in the value and in the censored column: touches, waits by status,
  ping-pongs, and the first reply where the source has no first_reply_at. Reopens and transfers are the source's own.
  With reopens, its `solved_at` is the last solve and the first is not known. So are resolution and waits of a ticket
  that is finished, while nothing says when.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    spoken,
    state_code,
)
from opslib.tables import TABLES

WAITS = {
    "requester_wait": ("new", "open", "on_hold"),
    "agent_work": ("new", "open"),
    "agent_wait": ("pending",),
    "on_hold": ("on_hold",),
}
ENDS_ONCE = ("first_reply", "first_resolution", "full_resolution")
CLOCKS = ("calendar", "business")
FOLLOW_UP = timedelta(days=7)


def in_wait(state: ir.Value, wait: str) -> ir.Value:
    """1 where a status belongs to a wait, else 0 (also where there is no status)."""
    return ibis.ifelse(state.isin([state_code(name) for name in WAITS[wait]]).fill_null(False), 1, 0)


def is_solve(timeline: ir.Table) -> ir.Value:
    return ~is_finished(timeline.status_before) & is_finished(timeline.status)


def is_agent_comment(timeline: ir.Table) -> ir.Value:
    return is_event(timeline, "public_comment") & is_by(timeline, "agent").fill_null(False)


def is_requester_comment(timeline: ir.Table) -> ir.Value:
    return is_event(timeline, "public_comment") & is_by(timeline, "requester").fill_null(False)


def is_transfer(timeline: ir.Table) -> ir.Value:
    moved = is_event(timeline, "team") & (timeline.team != timeline.team_before)
    queued = is_event(timeline, "queue") & (timeline.queue != timeline.queue_before) & (timeline.queue_before != 0)
    return moved | queued


def endings(
    timeline: ir.Table, openings: ir.Table, words: ir.Table, teams: ir.Table, corrections: ir.Table, days: ir.Table,
    *, as_of: datetime,
) -> ir.Table:  # fmt: skip
    """Per ticket the instants, clocks and counts that the facts and SLAs are made of.

    Each part is summed over the rows that it concerns only, which is several times faster than one aggregation with a
    condition for each number.

    Returns:
        ticket; the moment (seconds since 1970) and clock of creation, first reply, first and last solve, and of the
        first solve that ends the wait for a first reply; sums of the waits on both clocks; counts; packed team, queue
        and agent of the last solve and agent of the survey; final state; whether an agent opened it, whether anybody
        waits.
    """
    found = _with_parts(timeline, _whole(timeline), _agents_part(timeline), _solves(timeline), _surveys(timeline))
    found = found.inner_join(_waits(timeline), "ticket")
    found = found.mutate(
        state=found.last_state % CODES,
        team=found.last_team % CODES,
        team_since=found.last_team // CODES,
        touches=found.touches.coalesce(0),
        **{name: code_of(found[name]) for name in ("solved_team", "solved_queue", "solved_agent", "survey_team")},
        survey_agent=code_of(found.survey_agent),
    )
    found = clock_at(found, words, teams, corrections, days, as_of=as_of)
    flags = openings.select("tells_comments", "status", opened=openings.ticket)
    found = found.inner_join(flags, found.ticket == flags.opened).drop("opened")

    by_agent = found.tells_comments & (
        found.creator_is_no_requester | (found.agent_alone_at == found.created).fill_null(False)
    )
    running = is_active(found.state)
    seconds_now = ibis.literal(seconds_of(as_of), type="int64")
    for wait in WAITS:
        inside = ibis.ifelse(running, in_wait(found.state, wait), 0)
        found = found.mutate(**{
            f"{wait}_calendar": found[f"{wait}_calendar"] + inside * seconds_now,
            f"{wait}_business": found[f"{wait}_business"] + inside * found.now_clock,
        })  # fmt: skip
    return found.mutate(
        now=seconds_now,
        running=running,
        counts_in_speed=~is_removed(found.state) & ~found.status.isin(REMOVED),
        finished=is_finished(found.state),
        reply=ibis.ifelse(by_agent, found.later_reply, found.any_reply),
        reply_clock=ibis.ifelse(by_agent, found.later_reply_clock, found.any_reply_clock),
        reply_sequence=ibis.ifelse(by_agent, found.later_reply_sequence, found.any_reply_sequence),
        awaiting_solve=ibis.ifelse(by_agent, found.asked_solve, found.first_solve),
        awaiting_solve_clock=ibis.ifelse(by_agent, found.asked_solve_clock, found.first_solve_clock),
        reply_awaited=~by_agent | (found.spoke & (running | is_known(found.last_asked_solve))),
    ).drop("status")


def _with_parts(timeline: ir.Table, *parts: ir.Table) -> ir.Table:
    """One row per ticket, from its opening row, with what was found in the parts."""
    opening = timeline.filter(is_event(timeline, OPENING))
    found = opening.select("ticket", created=opening.moment, created_clock=opening.clock)
    for number, part in enumerate(parts):
        renamed = part.rename({f"part_{number}": "ticket"})
        found = found.left_join(renamed, found.ticket == renamed[f"part_{number}"]).drop(f"part_{number}")
    return found


def _whole(timeline: ir.Table) -> ir.Table:
    return timeline.group_by("ticket").agg(
        clocked=is_known(timeline.clock).all(),
        last_state=(timeline.sequence * CODES + timeline.status).max(),
        last_team=(timeline.team_since * CODES + timeline.team).max(),
        creator_is_no_requester=(is_event(timeline, "created") & is_by(timeline, "agent", "automation")).any(),
        spoke=is_requester_comment(timeline).any(),
        untimed=is_event(timeline, UNTIMED_END).any(),
    )


def _agents_part(timeline: ir.Table) -> ir.Table:
    """What agents said."""
    said = timeline.filter(is_agent_comment(timeline))
    asked = is_known(said.requester_spoke)
    later = {"later_reply": said.moment, "later_reply_clock": said.clock, "later_reply_sequence": said.sequence}
    return said.group_by("ticket").agg(
        any_reply=said.moment.min(),
        any_reply_clock=said.clock.min(),
        any_reply_sequence=said.sequence.min(),
        touches=said.count(),
        agent_alone_at=_where(~asked, said.moment).min(),
        **{name: _where(asked, value).min() for name, value in later.items()},
    )


def _solves(timeline: ir.Table) -> ir.Table:
    solves = timeline.filter(is_solve(timeline))
    timed = ~is_event(solves, UNTIMED_END)
    asked = timed & is_known(solves.requester_spoke)
    moment, clock = solves.moment, solves.clock
    agent = solves.assignee.nullif(0).coalesce(solves.actor).coalesce(0)
    return solves.group_by("ticket").agg(
        first_solve=_where(timed, moment).min(),
        first_solve_clock=_where(timed, clock).min(),
        last_solve=_where(timed, moment).max(),
        last_solve_clock=_where(timed, clock).max(),
        asked_solve=_where(asked, moment).min(),
        asked_solve_clock=_where(asked, clock).min(),
        last_asked_solve=_where(asked, moment).max(),
        solved_team=(solves.sequence * CODES + solves.team).max(),
        solved_queue=(solves.sequence * CODES + solves.queue).max(),
        solved_agent=(solves.sequence * CODES + agent).max(),
    )


def _surveys(timeline: ir.Table) -> ir.Table:
    offered = timeline.filter(is_event(timeline, "satisfaction_offered"))
    return offered.group_by("ticket").agg(
        survey_team=(offered.sequence * CODES + offered.team).max(), survey_agent=offered.agent_spoke.max()
    )


def _waits(timeline: ir.Table) -> ir.Table:
    """Sums of the waits as if none was still running, and the reopens, from the rows where the status changes."""
    changes = timeline.filter(is_event(timeline, OPENING) | (timeline.status != timeline.status_before))
    reopened = changes.status_before.isin([state_code(name) for name in FINISHED]) & is_active(changes.status)
    sums: dict[str, ir.Value] = {"reopens": ibis.ifelse(reopened.fill_null(False), 1, 0).sum().cast("int64")}
    for wait in WAITS:
        change = in_wait(changes.status_before, wait) - in_wait(changes.status, wait)
        sums[f"{wait}_calendar"] = (changes.moment * change).sum().cast("int64")
        sums[f"{wait}_business"] = (changes.clock * change).sum().cast("int64")
    return changes.group_by("ticket").agg(**sums)


def transfers(timeline: ir.Table) -> ir.Table:
    """Per ticket at how many instants its team or queue changed: moved_ticket, transfers (only where it did)."""
    moves = (
        timeline.filter(is_transfer(timeline)).select(moved_ticket=timeline.ticket, moment=timeline.moment).distinct()
    )
    return moves.group_by("moved_ticket").agg(transfers=moves.count())


def ping_pongs(timeline: ir.Table) -> ir.Table:
    """Per ticket how often it came back to a queue that it had left: back_ticket, ping_pongs (only where it did)."""
    entered = timeline.filter(
        is_event(timeline, OPENING) | (is_event(timeline, "queue") & (timeline.queue != timeline.queue_before))
    )
    entered = entered.filter(entered.queue != 0)
    times = entered.select(
        "ticket",
        nth=ibis.row_number().over(ibis.window(group_by=["ticket", "queue"], order_by="sequence")),
    )
    back = times.filter(times.nth > 0)
    return back.group_by(back_ticket=back.ticket).agg(ping_pongs=back.count())


UNTOUCHED = tuple(name for name in TABLES["tickets"].names if name != "first_reply_at")
"""The columns that facts/tickets takes over from standard/tickets as they are."""


def ticket_facts(
    openings: ir.Table,
    timeline: ir.Table,
    endings: ir.Table,
    words: ir.Table,
    *,
    as_of: datetime,
    present: Mapping[str, Iterable[str]],
    kinds: Kinds = ALL_KINDS,
) -> ir.Table:
    """facts/tickets but for the `UNTOUCHED` columns, and for first_contact_resolution, which needs later weeks too.

    Args:
        openings, timeline, endings, words: of the functions of these names.
        as_of: the instant up to which the exports know the world.
        present: per standard table the columns that the export gives.
        kinds: the kinds of events that it gives.

    Returns:
        One row per ticket: ticket, ticket_id, requester_id, contact_reason, week, first_reply_at, counts_in_speed,
        first_solved_at, last_solved_at, `<measure>_<clock>_seconds` and, for the three that end once,
        `<measure>_<clock>_censored_seconds`, reopens, transfers, ping_pongs, touches, one_touch, first_team,
        first_queue, solved_team, solved_queue, solved_agent_id, survey_agent_id, survey_team.
    """
    has_reply_column = "first_reply_at" in set(present.get("tickets", ()))
    named = spoken(
        endings,
        words,
        {
            "solved_team_name": "solved_team",
            "solved_queue_name": "solved_queue",
            "solved_agent_name": "solved_agent",
            "survey_agent_id": "survey_agent",
            "survey_team_name": "survey_team",
        },
    ).drop("tells_comments", "team", "team_since")
    mine = openings.select(
        "first_team",
        "first_queue",
        "has_events",
        "tells_comments",
        "tells_statuses",
        "week",
        "ticket_id",
        "requester_id",
        "contact_reason",
        "reopen_count",
        "transfer_count",
        opened=openings.ticket,
    )
    row = named.inner_join(mine, named.ticket == mine.opened).drop("opened")
    moved = transfers(timeline)
    row = row.left_join(moved, row.ticket == moved.moved_ticket).drop("moved_ticket")
    back = ping_pongs(timeline)
    row = row.left_join(back, row.ticket == back.back_ticket).drop("back_ticket")

    speed = row.counts_in_speed
    replies = row.tells_comments | has_reply_column
    timed = speed & ~row.untimed
    reopened_before_columns = ~row.tells_statuses & (row.reopen_count.coalesce(0) > 0)
    known_first = timed & ~reopened_before_columns
    ended_full = row.finished & is_known(row.last_solve)

    measures: dict[str, ir.Value] = {}

    def measure(name: str, applies: ir.Value, ended: ir.Value, end: tuple[ir.Value, ir.Value], stop: ir.Value) -> None:
        """Value where it has ended, the censored time where it has not."""
        for clock, at, start, now, last in (
            ("calendar", end[0], row.created, row.now, row.last_solve),
            ("business", end[1], row.created_clock, row.now_clock, row.last_solve_clock),
        ):
            known = applies if clock == "calendar" else applies & row.clocked
            until = ibis.ifelse(stop, last, now)
            measures[f"{name}_{clock}_seconds"] = _where(known & ended, at - start)
            measures[f"{name}_{clock}_censored_seconds"] = _where(known & ~ended, until - start)

    never, replied = ibis.literal(False), is_known(row.reply)
    measure(
        "first_reply",
        speed & replies & (replied | (row.reply_awaited & ~row.untimed)),
        replied,
        (row.reply, row.reply_clock),
        row.finished,
    )
    measure(
        "first_resolution",
        known_first,
        is_known(row.first_solve),
        (row.first_solve, row.first_solve_clock),
        never,
    )
    measure("full_resolution", timed, ended_full, (row.last_solve, row.last_solve_clock), never)
    waits = {
        f"{wait}_{clock}_seconds": _where(
            timed & row.tells_statuses & (row.clocked if clock == "business" else True), row[f"{wait}_{clock}"]
        )
        for wait in WAITS
        for clock in CLOCKS
    }
    tells_moves = row.has_events & bool(kinds & {"team", "queue"})
    tells_queues = row.has_events & ("queue" in kinds)
    reopens = ibis.ifelse(row.tells_statuses, row.reopens, row.reopen_count)
    columns = {
        "ticket": row.ticket,
        "ticket_id": row.ticket_id,
        "requester_id": row.requester_id,
        "contact_reason": row.contact_reason,
        "week": row.week,
        "first_reply_at": at_epoch(ibis.ifelse(replies, row.reply, none_of("int64"))),
        "counts_in_speed": speed,
        "first_solved_at": at_epoch(ibis.ifelse(reopened_before_columns, none_of("int64"), row.first_solve)),
        "last_solved_at": at_epoch(row.last_solve),
        **measures,
        **waits,
        "reopens": reopens.cast("int64"),
        "transfers": ibis.ifelse(tells_moves, row.transfers.coalesce(0), row.transfer_count).cast("int64"),
        "ping_pongs": _where(tells_queues, row.ping_pongs.coalesce(0)),
        "touches": _where(row.tells_comments, row.touches),
        "one_touch": ibis.ifelse(
            row.tells_comments & is_known(reopens),
            row.finished & (row.touches == 1) & (reopens == 0),
            none_of("boolean"),
        ),
        "first_team": row.first_team,
        "first_queue": row.first_queue,
        "solved_team": row.solved_team_name,
        "solved_queue": row.solved_queue_name,
        "solved_agent_id": row.solved_agent_name,
        "survey_agent_id": row.survey_agent_id,
        "survey_team": row.survey_team_name,
    }
    return row.select(**columns)


def contacts(tickets: ir.Table) -> ir.Table:
    """The tickets of requesters who wrote more than once for the same reason, with their reason and created_at.

    A ticket can only have a follow-up among these, so first_contact_resolution needs no more of the other weeks.
    """
    known = tickets.filter(is_known(tickets.requester_id) & is_known(tickets.contact_reason)).select(
        "requester_id", "contact_reason", "created_at", "ticket_id", "week"
    )
    repeated = (
        known.group_by("requester_id", "contact_reason")
        .agg(tickets=known.count())
        .filter(lambda found: found.tickets > 1)
    )
    return known.semi_join(repeated, ["requester_id", "contact_reason"])


def with_first_contact_resolution(facts: ir.Table, contacts: ir.Table, *, as_of: datetime) -> ir.Table:
    """Add `first_contact_resolution` to facts/tickets.

    True where the ticket is one-touch and the same requester opened no other for the same reason in the 7 days after
    the solve; false where it is not one-touch or there was another; null where the export has no requester or reason,
    where one_touch is not known, and while the 7 days have not passed.

    Args:
        facts: of `ticket_facts`.
        contacts: of `contacts`, over the tickets of all weeks.
        as_of: the instant up to which the exports know the world.
    """
    touched = facts.filter(facts.one_touch).select("ticket_id", "requester_id", "contact_reason", "last_solved_at")
    others = contacts.select(
        "requester_id", "contact_reason", other_created_at=contacts.created_at, other_id=contacts.ticket_id
    )
    again = touched.inner_join(others, ["requester_id", "contact_reason"])
    again = again.filter(
        (again.other_id != again.ticket_id)
        & (again.other_created_at > again.last_solved_at)
        & (epoch(again.other_created_at) - epoch(again.last_solved_at) <= int(FOLLOW_UP.total_seconds()))
        & (again.other_created_at <= instant(as_of))
    )
    ids = again.select(followed_id=again.ticket_id).distinct()
    joined = facts.left_join(ids, facts.ticket_id == ids.followed_id)
    passed = joined.last_solved_at <= instant(as_of - FOLLOW_UP)
    known = is_known(joined.requester_id) & is_known(joined.contact_reason) & is_known(joined.one_touch)
    resolved = ibis.cases(
        (~known, none_of("boolean")),
        (~joined.one_touch | is_known(joined.followed_id), False),
        (passed, True),
    )
    return joined.mutate(first_contact_resolution=resolved).drop("followed_id")


def _where(known: ir.Value, value: ir.Value) -> ir.Value:
    return ibis.ifelse(known, value, none_of("int64")).cast("int64")
