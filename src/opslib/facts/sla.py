"""One row per ticket, policy, metric and wait: what was promised, how long it took, and when the promise broke.

The rules:

- A policy applies from its `sla_policy` event, with the targets of the priority **in force at that moment**; a later
  change of priority changes nothing, a later `sla_policy` event applies anew (an empty one lifts the policy). A ticket
  without such an event has the policy of its first team from creation. What governs a metric is the last application at
  or before the metric's end (as_of while it runs), and its target counts from the metric's start, not from the
  application; a metric that ended before any application is not measured.
- first_reply runs as in facts/tickets, from creation or from the requester's return; it is met by a reply or a solve,
  whichever comes first.
- next_reply runs in each stretch of facts/replies and is met by a reply or a solve after the comment. Each stretch is
  a row of its own, told apart by `started_at`; the other metrics have one row per ticket and policy.
- requester_wait and agent_work run while the ticket is in their statuses, until its last solve.
- full_resolution runs from creation to the last solve; it stands still while the ticket is solved, and runs on after a
  reopening.
- `due_at`: where the source gives a deadline, the policy `due_at` has the metric full_resolution on the calendar clock.
- Elapsed as long as the target is met, a second more is breached. `breached_at` is the earliest instant at which the
  whole target had passed: for a business clock in opening hours (or at closing time) of the team that held the ticket.
- `team` held the ticket when it was decided: at the reply or solve that met the target, or at `breached_at`; while it
  runs it is the team of today.
- Tickets that are merged, deleted or spam have no rows, nor have metrics that the export cannot tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import ibis
import ibis.expr.types as ir
import pandas as pd

from opslib.calendars import instant_at_open
from opslib.facts.spells import (
    CODES,
    OPENING,
    at_epoch,
    code_of,
    is_event,
    is_known,
    is_missing,
    none_of,
    seconds_of,
    where_clocked,
    with_calendar,
    with_words,
)
from opslib.facts.tickets import held_by, in_span, is_solve
from opslib.settings import Organisation

DUE_AT = "due_at"
SPAN_METRICS = ("requester_wait", "agent_work", "full_resolution")
"""Metrics that run in some statuses only."""
_KEYS = ("ticket", "policy", "metric", "clock", "instance")


def targets(organisation: Organisation) -> pd.DataFrame:
    """The targets of all policies: policy, metric, clock, priority, target_seconds."""
    rows = [
        (policy.name, target.metric, target.clock, priority, seconds)
        for policy in organisation.sla_policies
        for target in policy.targets
        for priority, seconds in target.targets.items()
    ]
    frame = pd.DataFrame(rows, columns=["policy", "metric", "clock", "priority", "target_seconds"])
    return frame.astype(
        {"policy": "str", "metric": "str", "clock": "str", "priority": "str", "target_seconds": "int64"}
    )


def applications(timeline: ir.Table, openings: ir.Table, words: ir.Table, teams: ir.Table) -> ir.Table:
    """When which policy applied to a ticket, and at which priority.

    Args:
        timeline: one row per ticket and event, with event, moment, priority and sets_policy.
        openings: ticket, created, has_policy, first_team, first_priority.
        words: word, code.
        teams: team, sla_policy.

    Returns:
        ticket, sequence, policy, applied_priority, applied, until (seconds since 1970; null where none follows).
    """
    events = timeline.filter(is_event(timeline, "sla_policy"))
    policy_events = with_words(events, words, {"policy_name": "sets_policy", "priority_name": "priority"})
    explicit = policy_events.select(
        "ticket",
        sequence=policy_events.sequence,
        policy=policy_events.policy_name,
        applied_priority=policy_events.priority_name,
        applied=policy_events.moment,
    )
    own = openings.filter(~openings.has_policy)
    team_policies = teams.filter(is_known(teams.sla_policy)).select("sla_policy", promised_by=teams.team)
    implied = own.inner_join(team_policies, own.first_team == team_policies.promised_by)
    both = explicit.union(
        implied.select(
            "ticket",
            sequence=ibis.literal(0, type="int64"),
            policy=implied.sla_policy,
            applied_priority=implied.first_priority,
            applied=implied.created,
        )
    )
    return both.mutate(until=both.applied.lead().over(ibis.window(group_by="ticket", order_by="sequence")))


def _earliest(left: ir.Value, right: ir.Value) -> ir.Value:
    """The smaller of two numbers, or the one that is there: `least` treats nulls differently on different engines."""
    return ibis.ifelse(is_missing(right) | (left <= right), left, right).coalesce(right)


_MEASURE = {
    "ticket": "int32",
    "metric": "string",
    "instance": "int64",
    "start": "int64",
    "start_clock": "int64",
    "ended": "int64",
    "holder": "int32",
    "elapsed_calendar": "int64",
    "elapsed_business": "int64",
}


_JUDGEMENT = (
    *_KEYS,
    "priority",
    "target_seconds",
    "elapsed_seconds",
    "state",
    "applied",
    "start",
    "start_clock",
    "ended",
    "holder",
)


def _measure(table: ir.Table, metric: str, **columns: ir.Value) -> ir.Table:
    columns = {"ticket": table.ticket, "metric": ibis.literal(metric), "instance": ibis.literal(0), **columns}
    return table.select(**{name: columns[name].cast(type_) for name, type_ in _MEASURE.items()})


def measures(
    timeline: ir.Table,
    endings: ir.Table,
    returns: ir.Table,
    stretches: ir.Table,
    openings: ir.Table,
    *,
    present: Mapping[str, Iterable[str]],
) -> ir.Table:
    """What the clocks show for every metric, whatever has been promised.

    Args:
        timeline: one row per ticket and event: the state before and after it, moment and clock.
        endings: one row per ticket: instants, clocks and waits.
        returns: where the wait for a first reply starts again, and the first solve after it.
        stretches: one row per wait for a next reply: where it begins, is answered and stops.
        openings: ticket, tells_statuses.
        present: per standard table the columns that the export gives.

    Returns:
        One row per ticket and metric, several for next_reply: ticket, metric, instance (sequence of the question; 0
        for the other metrics), start, start_clock, ended and holder (code of the team that held the ticket then; both
        null while it runs), elapsed_calendar, elapsed_business (seconds; null where a team's calendar is not known).
    """
    flags = openings.select("tells_statuses", flagged=openings.ticket)
    tickets = endings.filter(endings.counts_in_speed).inner_join(flags, endings.ticket == flags.flagged)
    timed = tickets.filter(~tickets.untimed)
    return ibis.union(
        _first_replies(tickets, returns, has_reply_column="first_reply_at" in set(present.get("tickets", ()))),
        *_spans(timed),
        _next_replies(stretches, timeline),
    )


def _first_replies(tickets: ir.Table, returns: ir.Table, *, has_reply_column: bool) -> ir.Table:
    """The first replies that are there, by a reply or a solve, and those that are awaited."""
    row = tickets.left_join(returns, tickets.ticket == returns.returned_ticket)
    came_back = is_known(row.returned_ticket)
    row = row.mutate(
        start=row.returned.coalesce(row.created),
        start_clock=row.returned_clock.coalesce(row.created_clock),
        end=_earliest(row.reply, ibis.ifelse(came_back, row.met, row.awaiting_solve)),
        end_clock=_earliest(row.reply_clock, ibis.ifelse(came_back, row.met_clock, row.awaiting_solve_clock)),
        end_held=_earliest(row.reply_held, ibis.ifelse(came_back, row.met_held, row.awaiting_solve_held)),
    )
    row = row.filter((row.tells_comments | has_reply_column) & (is_known(row.end) | (row.reply_awaited & row.running)))
    end_clock = ibis.ifelse(is_missing(row.end), row.now_clock, row.end_clock)
    return _measure(
        row,
        "first_reply",
        start=row.start,
        start_clock=row.start_clock,
        ended=row.end,
        holder=code_of(row.end_held),
        elapsed_calendar=row.end.coalesce(row.now) - row.start,
        elapsed_business=where_clocked(row, end_clock - row.start_clock),
    )


def _spans(tickets: ir.Table) -> list[ir.Table]:
    """What runs by status, to the last solve; where the events do not tell statuses only the resolution is known."""
    return [
        _measure(
            row,
            metric,
            start=row.created,
            start_clock=row.created_clock,
            ended=ibis.ifelse(row.running, none_of("int64"), row.last_solve),
            holder=ibis.ifelse(row.running, none_of("int64"), row.solved_team),
            elapsed_calendar=row[f"{metric}_calendar"],
            elapsed_business=where_clocked(row, row[f"{metric}_business"]),
        )
        for metric in SPAN_METRICS
        for row in [tickets if metric == "full_resolution" else tickets.filter(tickets.tells_statuses)]
    ]


def _next_replies(stretches: ir.Table, timeline: ir.Table) -> ir.Table:
    """Each stretch to its reply or to the first solve after the requester's comment, whichever comes first."""
    solves = timeline.filter(is_solve(timeline))
    solves = solves.select(
        solved_ticket=solves.ticket,
        solved_sequence=solves.sequence,
        solved=solves.moment,
        solved_clock=solves.clock,
        solved_held=held_by(solves),
    )
    later = stretches.inner_join(
        solves, (stretches.ticket == solves.solved_ticket) & (stretches.asked_sequence < solves.solved_sequence)
    )
    first = later.group_by(met_ticket=later.ticket, met_sequence=later.asked_sequence).agg(
        solved=later.solved.min(), solved_clock=later.solved_clock.min(), solved_held=later.solved_held.min()
    )
    row = stretches.left_join(
        first, (stretches.ticket == first.met_ticket) & (stretches.asked_sequence == first.met_sequence)
    )
    end, end_clock = _earliest(row.replied, row.solved), _earliest(row.replied_clock, row.solved_clock)
    return _measure(
        row,
        "next_reply",
        instance=row.asked_sequence,
        start=row.asked,
        start_clock=row.asked_clock,
        ended=end,
        holder=code_of(_earliest(row.replied_held, row.solved_held)),
        elapsed_calendar=end.coalesce(row.stop) - row.asked,
        elapsed_business=ibis.ifelse(is_missing(end), row.stop_clock, end_clock) - row.asked_clock,
    )


def judgements(measures: ir.Table, applications: ir.Table, targets: ir.Table, *, as_of: datetime) -> ir.Table:
    """Measures against the targets that govern them: one row per ticket, policy, metric, clock and instance.

    Args:
        measures: ticket, metric, instance, start, start_clock, ended, holder, elapsed_calendar, elapsed_business.
        applications: ticket, policy, applied_priority, applied, until.
        targets: policy, metric, clock, priority, target_seconds.
        as_of: the instant up to which the exports know the world.

    Returns:
        ticket, policy, metric, clock, instance, priority, target_seconds, elapsed_seconds, state, applied, start,
        start_clock, ended, holder.
    """
    promises = applications.inner_join(
        targets, (applications.policy == targets.policy) & (applications.applied_priority == targets.priority),
        rname="target_{name}",
    )  # fmt: skip
    promises = promises.select(
        "policy",
        "priority",
        "clock",
        "target_seconds",
        "applied",
        "until",
        promised_ticket=promises.ticket,
        promised_metric=promises.metric,
    )
    row = measures.inner_join(
        promises, (measures.ticket == promises.promised_ticket) & (measures.metric == promises.promised_metric)
    )
    end = row.ended.coalesce(seconds_of(as_of))
    row = row.filter((row.applied <= end) & (is_missing(row.until) | (row.until > end)))
    row = row.mutate(elapsed_seconds=ibis.ifelse(row.clock == "business", row.elapsed_business, row.elapsed_calendar))
    row = row.filter(is_known(row.elapsed_seconds))
    over = row.elapsed_seconds > row.target_seconds
    row = row.mutate(state=ibis.cases((over, "breached"), (is_missing(row.ended), "running"), else_="met"))
    return row.select(*_JUDGEMENT)


def breaches(
    judgements: ir.Table, timeline: ir.Table, corrections: ir.Table, words: ir.Table, teams: ir.Table, days: ir.Table
) -> ir.Table:
    """The instant at which each breached target had passed, and the team that held the ticket then.

    Args:
        judgements: ticket, policy, metric, clock, instance, target_seconds, state, start, start_clock.
        timeline: one row per ticket and event: the state before and after it, moment and clock.
        corrections: ticket, since, correction (seconds).
        words: word, code.
        teams: team, calendar.
        days: the day table of the calendars.

    Returns:
        ticket, policy, metric, clock, instance, breached_at (UTC), breached_by (code of the team).
    """
    breached = judgements.filter(judgements.state == "breached")
    runs_by_status = breached.metric.isin(SPAN_METRICS) & (breached.policy != DUE_AT)
    columns = (*_KEYS, "reading", "holder")
    waits = _span_crossings(breached.filter(runs_by_status), timeline).select(*columns)
    readings = _readings(breached.filter(~runs_by_status), timeline).select(*columns).union(waits)
    of_calendar = readings.filter(readings.clock == "calendar")
    return of_calendar.select(
        *_KEYS, breached_at=at_epoch(of_calendar.reading), breached_by=code_of(of_calendar.holder)
    ).union(_instants_of_readings(readings.filter(readings.clock == "business"), corrections, words, teams, days))


def _readings(breached: ir.Table, timeline: ir.Table) -> ir.Table:
    """What a clock that runs through shows when its target has passed, and who holds the ticket then.

    Returns:
        ticket, policy, metric, clock, instance, reading (seconds of the ticket's business clock, or since 1970), holder
        (packed: sequence of the event that set the team, and its code).
    """
    start = ibis.ifelse(breached.clock == "business", breached.start_clock, breached.start)
    row = breached.mutate(reading=start + breached.target_seconds)
    segments = timeline.filter(is_event(timeline, OPENING, "team"))
    segments = segments.select(
        held_ticket=segments.ticket,
        held_clock=segments.clock,
        held_moment=segments.moment,
        opens=is_event(segments, OPENING),
        held=held_by(segments),
    )
    row = row.inner_join(segments, row.ticket == segments.held_ticket)
    # A target that ends just as the ticket moves has passed under the team that held it before.
    held_from = ibis.ifelse(row.clock == "business", row.held_clock, row.held_moment)
    row = row.filter(row.opens | (held_from < row.reading))
    return row.group_by(*_KEYS).agg(reading=row.reading.max(), holder=row.held.max())


def _instants_of_readings(
    readings: ir.Table, corrections: ir.Table, words: ir.Table, teams: ir.Table, days: ir.Table
) -> ir.Table:
    """The earliest instant at which the ticket's business clock shows a reading: the keys, breached_at, breached_by."""
    row = readings.mutate(team=code_of(readings.holder), since=readings.holder // CODES)
    shifts = corrections.select("correction", moved_ticket=corrections.ticket, moved_since=corrections.since)
    row = row.left_join(shifts, (row.ticket == shifts.moved_ticket) & (row.since == shifts.moved_since))
    row = with_calendar(row.mutate(passed=row.reading - row.correction.coalesce(0)), words, teams)
    row = instant_at_open(row, "passed", "calendar", days, name="breached_at")
    return row.select(
        *_KEYS, breached_at=row.breached_at.cast("timestamp('UTC', 6)"), breached_by=row.team.cast("int64")
    )


def _span_crossings(breached: ir.Table, timeline: ir.Table) -> ir.Table:
    """Where the sum of a span reaches its target: the reading of its clock there, and who holds the ticket."""
    rows = timeline.select(
        "sequence",
        "moment",
        "status",
        "status_before",
        "team",
        "team_since",
        timeline_ticket=timeline.ticket,
        business=timeline.clock,
    )
    row = breached.inner_join(rows, breached.ticket == rows.timeline_ticket)
    before, after = (
        ibis.cases(*((row.metric == metric, in_span(state, metric)) for metric in SPAN_METRICS))
        for state in (row.status_before, row.status)
    )
    row = row.mutate(at=ibis.ifelse(row.clock == "business", row.business, row.moment), before=before, after=after)
    so_far = ibis.rows_window(group_by=_KEYS, order_by="sequence", preceding=None, following=0)
    row = row.mutate(waited=(row.at * (row.before - row.after)).sum().over(so_far) + row.at * row.after)
    # Both grow along the ticket, so their maxima stand in its last row below the target: there the stretch begins.
    row = row.filter(row.waited < row.target_seconds)
    last = row.group_by(*_KEYS).agg(
        at=row.at.max(),
        waited=row.waited.max(),
        target=row.target_seconds.max(),
        holder=(row.team_since * CODES + row.team).max(),
    )
    return last.mutate(reading=(last.at + last.target - last.waited).cast("int64"))


def deadlines(endings: ir.Table, openings: ir.Table) -> ir.Table:
    """The deadlines that the source gives, judged as a policy of its own: the columns of `judgements`."""
    ends = endings.filter(endings.counts_in_speed & ~endings.untimed).select(
        "created", "created_clock", "running", "last_solve", "solved_team", "now", ending=endings.ticket
    )
    due = openings.filter(is_known(openings.due_at)).select("ticket", "due_at")
    due = due.inner_join(ends, due.ticket == ends.ending)
    ended = ibis.ifelse(due.running, none_of("int64"), due.last_solve)
    elapsed = ended.coalesce(due.now) - due.created
    target = due.due_at - due.created
    row = due.mutate(
        policy=ibis.literal(DUE_AT),
        metric=ibis.literal("full_resolution"),
        clock=ibis.literal("calendar"),
        instance=ibis.literal(0, type="int64"),
        priority=none_of("string"),
        target_seconds=target,
        elapsed_seconds=elapsed,
        state=ibis.cases((elapsed > target, "breached"), (is_missing(ended), "running"), else_="met"),
        applied=due.created,
        start=due.created,
        start_clock=due.created_clock,
        ended=ended,
        holder=ibis.ifelse(due.running, none_of("int32"), due.solved_team.cast("int32")),
    )
    return row.select(*_JUDGEMENT)


def sla_facts(judgements: ir.Table, breaches: ir.Table, openings: ir.Table, words: ir.Table) -> ir.Table:
    """facts/sla.

    Args:
        judgements: ticket, policy, metric, clock, instance, priority, target_seconds, elapsed_seconds, state, applied,
            start, ended, holder.
        breaches: ticket, policy, metric, clock, instance, breached_at, breached_by.
        openings: ticket, ticket_id, team, week.
        words: word, code.

    Returns:
        ticket_id, team (that held the ticket when it was decided; while it runs, the ticket's of today), week (of its
        creation), policy, metric, clock, priority (at application), target_seconds, elapsed_seconds, state,
        breached_at, applied_at, started_at, ended_at. Sorted by the ticket's team, ticket_id, policy, metric, clock and
        start.
    """
    instants = breaches.rename({f"broken_{key}": key for key in _KEYS})
    row = judgements.left_join(instants, [judgements[key] == instants[f"broken_{key}"] for key in _KEYS])
    row = row.mutate(decider=ibis.ifelse(row.state == "breached", row.breached_by, row.holder))
    row = with_words(row, words, {"decider_name": "decider"})
    ids = openings.select("ticket_id", "week", opened=openings.ticket, team_today=openings.team)
    row = row.inner_join(ids, row.ticket == ids.opened).order_by("ticket", "policy", "metric", "clock", "instance")
    return row.select(
        "ticket_id",
        "week",
        "policy",
        "metric",
        "clock",
        "priority",
        "target_seconds",
        "elapsed_seconds",
        "state",
        "breached_at",
        team=row.decider_name.coalesce(row.team_today),
        applied_at=at_epoch(row.applied),
        started_at=at_epoch(row.start),
        ended_at=at_epoch(row.ended),
    )
