"""One row per ticket, policy and metric: what was promised, how long it took, and when the promise broke.

The rules:

- A policy applies from its `sla_policy` event, with the targets of the priority **in force at that moment**; a later
  change of priority changes nothing, a later `sla_policy` event applies anew (an empty one lifts the policy). A ticket
  without such an event has the policy of its first team from creation. What governs a metric is the last application at
  or before the metric's end (as_of while it runs), and its target counts from the metric's start, not from the
  application; a metric that ended before any application is not measured.
- first_reply runs as in facts/tickets, from creation; it is met by a reply or a solve, whichever comes first.
- next_reply runs in each stretch of facts/replies and is met by a reply or a solve after the comment. All stretches
  of a ticket and policy are one row, that of the worst: breached before running before met, then the one furthest
  over.
- requester_wait and agent_work run while the ticket is in their statuses, until its last solve.
- full_resolution runs from creation to the last solve, and runs again after a reopening.
- `due_at`: where the source gives a deadline, the policy `due_at` has the metric full_resolution on the calendar clock.
- Elapsed as long as the target is met, a second more is breached. `breached_at` is the earliest instant at which the
  whole target had passed: for a business clock in opening hours (or at closing time) of the team that held the ticket.
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
    spoken,
    with_calendar,
)
from opslib.facts.tickets import in_wait, is_solve
from opslib.settings import Organisation

DUE_AT = "due_at"
WAIT_METRICS = ("requester_wait", "agent_work")
_KEYS = ("ticket", "policy", "metric", "clock")


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
    """When which policy applied to a ticket, at which priority: ticket, policy, priority, applied, until (seconds)."""
    events = timeline.filter(is_event(timeline, "sla_policy"))
    applied = spoken(events, words, {"policy_name": "sets_policy", "priority_name": "priority"})
    explicit = applied.select(
        "ticket",
        sequence=applied.sequence,
        policy=applied.policy_name,
        applied_priority=applied.priority_name,
        applied=applied.moment,
    )
    own = openings.filter(~openings.has_policy)
    promises = teams.filter(is_known(teams.sla_policy)).select("sla_policy", promised_by=teams.team)
    implied = own.inner_join(promises, own.first_team == promises.promised_by)
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
    "start": "int64",
    "start_clock": "int64",
    "ended": "int64",
    "elapsed_calendar": "int64",
    "elapsed_business": "int64",
}


def _measure(table: ir.Table, metric: str, **columns: ir.Value) -> ir.Table:
    columns = {"ticket": table.ticket, "metric": ibis.literal(metric), **columns}
    return table.select(**{name: columns[name].cast(type_) for name, type_ in _MEASURE.items()})


def measures(
    timeline: ir.Table,
    endings: ir.Table,
    stretches: ir.Table,
    openings: ir.Table,
    *,
    present: Mapping[str, Iterable[str]],
) -> ir.Table:
    """What the clocks show for every metric, whatever has been promised: one row per ticket and metric, several for
    next_reply. `ended` is null while it runs; business seconds are null where a team's calendar is not known.
    """
    has_reply_column = "first_reply_at" in set(present.get("tickets", ()))
    flags = openings.select("tells_statuses", flagged=openings.ticket)
    all_ = endings.filter(endings.counts_in_speed).inner_join(flags, endings.ticket == flags.flagged)

    def business(table: ir.Table, seconds: ir.Value) -> ir.Value:
        return ibis.ifelse(table.clocked, seconds, none_of("int64"))

    end, end_clock = _earliest(all_.reply, all_.awaiting_solve), _earliest(all_.reply_clock, all_.awaiting_solve_clock)
    first = all_.mutate(end=end, end_clock=end_clock)
    first = first.filter(
        (first.tells_comments | has_reply_column) & (is_known(first.end) | (first.reply_awaited & first.running))
    )
    timed = all_.filter(~all_.untimed)
    ended = ibis.ifelse(timed.running, none_of("int64"), timed.last_solve)
    end_clock = ibis.ifelse(timed.running, timed.now_clock, timed.last_solve_clock)
    waited = timed.filter(timed.tells_statuses)
    waited_end = ibis.ifelse(waited.running, none_of("int64"), waited.last_solve)

    solves = timeline.filter(is_solve(timeline))
    solves = solves.select(
        solved_ticket=solves.ticket,
        solved_sequence=solves.sequence,
        solved=solves.moment,
        solved_clock=solves.clock,
    )
    met = stretches.inner_join(
        solves, (stretches.ticket == solves.solved_ticket) & (stretches.asked_sequence < solves.solved_sequence)
    )
    met = met.group_by(met_ticket=met.ticket, met_sequence=met.asked_sequence).agg(
        solved=met.solved.min(), solved_clock=met.solved_clock.min()
    )
    next_ = stretches.left_join(
        met, (stretches.ticket == met.met_ticket) & (stretches.asked_sequence == met.met_sequence)
    )
    next_end = _earliest(next_.replied, next_.solved)
    next_clock = _earliest(next_.replied_clock, next_.solved_clock)

    return ibis.union(
        _measure(
            first,
            "first_reply",
            start=first.created,
            start_clock=first.created_clock,
            ended=first.end,
            elapsed_calendar=first.end.coalesce(first.now) - first.created,
            elapsed_business=business(
                first, ibis.ifelse(is_missing(first.end), first.now_clock, first.end_clock) - first.created_clock
            ),
        ),
        _measure(
            timed,
            "full_resolution",
            start=timed.created,
            start_clock=timed.created_clock,
            ended=ended,
            elapsed_calendar=ended.coalesce(timed.now) - timed.created,
            elapsed_business=business(timed, end_clock - timed.created_clock),
        ),
        *(
            _measure(
                waited,
                wait,
                start=waited.created,
                start_clock=waited.created_clock,
                ended=waited_end,
                elapsed_calendar=waited[f"{wait}_calendar"],
                elapsed_business=business(waited, waited[f"{wait}_business"]),
            )
            for wait in WAIT_METRICS
        ),
        _measure(
            next_,
            "next_reply",
            start=next_.asked,
            start_clock=next_.asked_clock,
            ended=next_end,
            elapsed_calendar=next_end.coalesce(next_.stop) - next_.asked,
            elapsed_business=ibis.ifelse(is_missing(next_end), next_.stop_clock, next_clock) - next_.asked_clock,
        ),
    )


def judgements(measures: ir.Table, applications: ir.Table, targets: ir.Table, *, as_of: datetime) -> ir.Table:
    """Measures against the targets that govern them: one row per ticket, policy, metric and clock.

    Returns:
        ticket, policy, metric, clock, priority, target_seconds, elapsed_seconds, state, applied, start, start_clock,
        ended.
    """
    promised = applications.inner_join(
        targets, (applications.policy == targets.policy) & (applications.applied_priority == targets.priority),
        rname="target_{name}",
    )  # fmt: skip
    promised = promised.select(
        "policy",
        "priority",
        "clock",
        "target_seconds",
        "applied",
        "until",
        promised_ticket=promised.ticket,
        promised_metric=promised.metric,
    )
    row = measures.inner_join(
        promised, (measures.ticket == promised.promised_ticket) & (measures.metric == promised.promised_metric)
    )
    end = row.ended.coalesce(seconds_of(as_of))
    row = row.filter((row.applied <= end) & (is_missing(row.until) | (row.until > end)))
    row = row.mutate(elapsed_seconds=ibis.ifelse(row.clock == "business", row.elapsed_business, row.elapsed_calendar))
    row = row.filter(is_known(row.elapsed_seconds))
    over = row.elapsed_seconds > row.target_seconds
    row = row.mutate(state=ibis.cases((over, "breached"), (is_missing(row.ended), "running"), else_="met"))
    kept = (
        "ticket",
        "policy",
        "metric",
        "clock",
        "priority",
        "target_seconds",
        "elapsed_seconds",
        "state",
        "applied",
        "start",
        "start_clock",
        "ended",
    )
    once, often = row.filter(row.metric != "next_reply"), row.filter(row.metric == "next_reply")
    rank = ibis.cases((often.state == "breached", 0), (often.state == "running", 1), else_=2)
    worst = often.mutate(
        place=ibis.row_number().over(
            ibis.window(
                group_by=_KEYS, order_by=[rank, (often.elapsed_seconds - often.target_seconds).desc(), often.start]
            )
        )
    )
    return once.select(*kept).union(worst.filter(worst.place == 0).select(*kept))


def breaches(
    judgements: ir.Table, timeline: ir.Table, corrections: ir.Table, words: ir.Table, teams: ir.Table, days: ir.Table
) -> ir.Table:
    """The instant at which each breached target had passed: ticket, policy, metric, clock, breached_at."""
    breached = judgements.filter(judgements.state == "breached")
    plain = breached.filter(~breached.metric.isin(WAIT_METRICS))
    by_calendar = plain.filter(plain.clock == "calendar")
    by_business = plain.filter(plain.clock == "business").mutate(
        reading=lambda row: row.start_clock + row.target_seconds
    )
    segments = timeline.filter(is_event(timeline, OPENING, "team"))
    segments = segments.select(
        "clock", "team", held_ticket=segments.ticket, held_since=segments.sequence, held_clock=segments.clock
    ).drop("clock")
    held = by_business.inner_join(segments, by_business.ticket == segments.held_ticket)
    # A target that ends just as the ticket moves has passed under the team that held it before.
    held = (
        held.filter(held.held_clock < held.reading)
        .group_by(*_KEYS)
        .agg(
            reading=lambda row: row.reading.max(), holder=lambda row: (row.held_since * CODES + row.team).max()
        )
    )  # fmt: skip

    crossings = _crossings(breached.filter(breached.metric.isin(WAIT_METRICS)), timeline)
    of_business = crossings.filter(crossings.clock == "business").select(*_KEYS, "reading", "holder")
    turned = held.select(*_KEYS, "reading", "holder").union(of_business)
    turned = turned.mutate(team=code_of(turned.holder), since=turned.holder // CODES)
    moved = corrections.select("correction", moved_ticket=corrections.ticket, moved_since=corrections.since)
    turned = turned.left_join(moved, (turned.ticket == moved.moved_ticket) & (turned.since == moved.moved_since))
    turned = with_calendar(turned.mutate(passed=turned.reading - turned.correction.coalesce(0)), words, teams)
    turned = instant_at_open(turned, "passed", "calendar", days, name="breached_at")

    of_calendar = crossings.filter(crossings.clock == "calendar")
    return ibis.union(
        by_calendar.select(*_KEYS, breached_at=at_epoch(by_calendar.start + by_calendar.target_seconds)),
        of_calendar.select(*_KEYS, breached_at=at_epoch(of_calendar.reading)),
        turned.select(*_KEYS, breached_at=turned.breached_at.cast("timestamp('UTC', 6)")),
    )


def _crossings(breached: ir.Table, timeline: ir.Table) -> ir.Table:
    """Where the sum of a wait reaches its target: the reading of its clock there, and who holds the ticket."""
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
    of_requester = row.metric == "requester_wait"
    before, after = (
        ibis.ifelse(of_requester, in_wait(state, "requester_wait"), in_wait(state, "agent_work"))
        for state in (row.status_before, row.status)
    )
    row = row.mutate(shown=ibis.ifelse(row.clock == "business", row.business, row.moment), before=before, after=after)
    so_far = ibis.rows_window(group_by=_KEYS, order_by="sequence", preceding=None, following=0)
    row = row.mutate(waited=(row.shown * (row.before - row.after)).sum().over(so_far) + row.shown * row.after)
    # Both grow along the ticket, so their maxima stand in its last row below the target: there the stretch begins.
    row = row.filter(row.waited < row.target_seconds)
    last = row.group_by(*_KEYS).agg(
        shown=row.shown.max(),
        waited=row.waited.max(),
        target=row.target_seconds.max(),
        holder=(row.team_since * CODES + row.team).max(),
    )
    return last.mutate(reading=(last.shown + last.target - last.waited).cast("int64"))


def sla_facts(judgements: ir.Table, breaches: ir.Table, endings: ir.Table, openings: ir.Table) -> ir.Table:
    """facts/sla.

    Args:
        judgements, breaches: of the functions of these names.
        endings: of `tickets.endings`.
        openings: of `spells.openings`.

    Returns:
        ticket_id, team (of the ticket today), week (of its creation), policy, metric, clock, priority (at
        application), target_seconds, elapsed_seconds, state, breached_at, applied_at, ended_at. Sorted by team,
        ticket_id, policy, metric and clock.
    """
    broken = breaches.rename({f"broken_{key}": key for key in _KEYS})
    judged = judgements.left_join(broken, [judgements[key] == broken[f"broken_{key}"] for key in _KEYS])
    ends = endings.filter(endings.counts_in_speed & ~endings.untimed).select(
        "created", "running", "last_solve", "now", ending=endings.ticket
    )
    due = openings.filter(is_known(openings.due_at)).select("ticket", "due_at")
    due = due.inner_join(ends, due.ticket == ends.ending)
    ended = ibis.ifelse(due.running, none_of("int64"), due.last_solve)
    elapsed = ended.coalesce(due.now) - due.created
    target = due.due_at - due.created
    late = elapsed > target
    promised = due.select(
        "ticket",
        policy=ibis.literal(DUE_AT),
        metric=ibis.literal("full_resolution"),
        clock=ibis.literal("calendar"),
        priority=none_of("string"),
        target_seconds=target,
        elapsed_seconds=elapsed,
        state=ibis.cases((late, "breached"), (is_missing(ended), "running"), else_="met"),
        breached_at=at_epoch(ibis.ifelse(late, due.due_at, none_of("int64"))),
        applied_at=at_epoch(due.created),
        ended_at=at_epoch(ended),
    )
    columns = tuple(promised.columns)
    rows = judged.mutate(applied_at=at_epoch(judged.applied), ended_at=at_epoch(judged.ended)).select(*columns)
    rows = rows.union(promised)
    ids = openings.select("ticket_id", "team", "week", opened=openings.ticket)
    named = rows.inner_join(ids, rows.ticket == ids.opened).order_by("ticket", "policy", "metric", "clock")
    return named.select("ticket_id", "team", "week", *columns[1:])
