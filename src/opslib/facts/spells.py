"""What a ticket was at every moment: its events in order, the state that each leaves, and its business clock.

The rules, which every other fact stands on:

- A ticket's events are ordered by `sequence` and by nothing else. An event dated before the one that precedes it counts
  at the instant of that one, and none counts before `created_at`. Events dated after `as_of` are not known yet, nor are
  tickets created after it.
- A ticket is `new` from its creation until its first status event, also where its `created` event is missing. A status
  stays until the next status event; `deleted` and `merged_into` are status events. What was merged, deleted or marked
  as spam and is closed afterwards, as CRMs do with what they merge, stays what it was.
- Before its first team (queue, priority) event a ticket has the team that this event names, because nothing tells an
  earlier one; without any such event the one of the ticket's own column holds throughout. Before its first assignee
  event it is nobody's; without any, the ticket's own column holds. An empty queue or assignee is none, also the first
  one: a ticket whose first queue event is empty began in no queue. An empty team, status or priority says nothing.
- A ticket without events, or whose export has no events, gets them from its own columns: creation, an agent's public
  comment at `first_reply_at`, solved at `solved_at`, closed at `closed_at`. The same holds for the end of a ticket that
  is finished or removed in its own columns while no event ends it. Where those columns have no instant either, it
  leaves the backlog at `updated_at` (or its last event), and nothing that depends on when it ended is known.
- Where a ticket's own columns and the last of its events disagree on whether it is in the backlog, the columns decide,
  unless they are older (the latest of `updated_at`, `solved_at` and `closed_at` lies before the last event of a
  status): an event is missing. Finished or removed there and open by its events, it ends as above, by those of its
  instants that do not lie before that event; open there and finished by its events, it is reopened at `updated_at`.
  Columns that tell no instant are taken to be as new as the events where they say that a ticket ended, not otherwise.
- The business clock of a ticket counts the open seconds of the calendar of the team that holds it at that moment.

Text that is compared and carried along (teams, queues, agents) is coded as numbers, so that "the last value up to this
event" is a running maximum of `sequence` and code in one number: one sort per ticket, the same on every engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from opslib.calendars import open_seconds_at
from opslib.tables import ACTIVE, EVENTS, ROLES

FINISHED = ("solved", "closed")
REMOVED = ("merged", "deleted", "spam")
STATES = (*ACTIVE, *FINISHED, *REMOVED)

ALL_KINDS = frozenset(EVENTS)
"""The kinds of events that an export gives, where nothing else is said."""

CODES = 1 << 24
"""Room for codes below the sequence number in a packed number."""

_FROM_COLUMNS = 1 << 28
_CODED = ("team", "queue", "assignee", "priority", "sla_policy")
Kinds = frozenset[str]

OPENING, UNTIMED_END = "opening", "untimed_end"
_EVENT_CODES = {name: code for code, name in enumerate((*EVENTS, OPENING, UNTIMED_END))}
_ROLE_CODES = {name: code for code, name in enumerate(ROLES)}


def instant(moment: datetime) -> ir.Scalar:
    """A literal instant in UTC, in whole seconds."""
    if moment.tzinfo is None:
        raise ValueError("as_of needs a time zone")
    return ibis.literal(moment.astimezone(UTC), type=dt.Timestamp("UTC", 6))


def epoch(moment: ir.Value) -> ir.Value:
    """Whole seconds since 1970, in every session time zone."""
    return moment.delta(ibis.timestamp("1970-01-01 00:00:00", timezone="UTC"), unit="second").cast("int64")


def seconds_of(moment: datetime) -> int:
    """Whole seconds from 1970 to an instant.

    Raises:
        ValueError: it has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("as_of needs a time zone")
    return int(moment.timestamp())


def at_epoch(seconds: ir.Value) -> ir.Value:
    """The instant so many seconds after 1970."""
    return seconds.cast("int64").as_timestamp("s").cast(dt.Timestamp("UTC", 6))


def is_missing(value: ir.Value) -> ir.Value:
    return value.isnull()


def is_known(value: ir.Value) -> ir.Value:
    return value.notnull()


def none_of(type_: str) -> ir.Value:
    return ibis.null(type_)


def state_code(name: str) -> int:
    """The number of a status in `STATES`."""
    return STATES.index(name)


def is_active(state: ir.Value) -> ir.Value:
    return state < len(ACTIVE)


def is_finished(state: ir.Value) -> ir.Value:
    return (state >= len(ACTIVE)) & (state < len(ACTIVE) + len(FINISHED))


def is_removed(state: ir.Value) -> ir.Value:
    return state >= len(ACTIVE) + len(FINISHED)


def is_event(timeline: ir.Table, *names: str) -> ir.Value:
    """True for the rows of a timeline that are one of these events."""
    return timeline.event.isin([_EVENT_CODES[name] for name in names])


def is_by(timeline: ir.Table, *roles: str) -> ir.Value:
    """True for the rows of a timeline whose actor had one of these roles (null where the role is not known)."""
    return timeline.role.isin([_ROLE_CODES[role] for role in roles])


def code_of(packed: ir.Value) -> ir.Value:
    """The code in a packed number, null where it is 0 (none)."""
    return (packed % CODES).nullif(0)


def seconds_at(table: ir.Table, column: str) -> ir.Value:
    """Whole seconds from 1970 to an instant of a standard table.

    An engine that counts them faster than the difference of two timestamps brings them along as `<column>_seconds`.
    """
    ready = f"{column}_seconds"
    return table[ready] if ready in table.columns else epoch(table[column])


def numbered_tickets(tickets: ir.Table, *, as_of: datetime) -> ir.Table:
    """Number the tickets that were created by as_of.

    Args:
        tickets: standard tickets, with their `week` of creation.
        as_of: the instant up to which the exports know the world.

    Returns:
        ticket (a number in the order of week, team and ticket_id), ticket_id, week, created (seconds since 1970), and
        the ticket's own columns that stand in for events; their instants are seconds since 1970 too.
    """
    tickets = tickets.filter(tickets.created_at <= instant(as_of))
    instants = ("updated_at", "first_reply_at", "solved_at", "closed_at", "due_at")
    return tickets.select(
        "ticket_id",
        "week",
        "status",
        "team",
        "queue",
        "priority",
        "assignee_id",
        "requester_id",
        "contact_reason",
        "channel",
        "reopen_count",
        "transfer_count",
        ticket=ibis.row_number()
        .over(ibis.window(order_by=[tickets.week, tickets.team, tickets.ticket_id]))
        .cast("int32"),
        created=seconds_at(tickets, "created_at"),
        **{name: seconds_at(tickets, name) for name in instants},
    )


def words(numbered_tickets: ir.Table, events: ir.Table) -> ir.Table:
    """Numbers for the teams, queues, agents, priorities and policies that occur: word, code (from 1)."""
    columns = [
        numbered_tickets.select(word=numbered_tickets[column]).distinct()
        for column in ("team", "queue", "priority", "assignee_id")
    ]
    events_with_words = events.filter(events.event.isin(_CODED) | (events.actor_role == "agent")).select(
        valued=ibis.ifelse(events.event.isin(_CODED), events.value, none_of("string")),
        acting=ibis.ifelse(events.actor_role == "agent", events.actor_id, none_of("string")),
    )
    pairs = events_with_words.distinct()
    columns += [pairs.select(word=pairs.valued), pairs.select(word=pairs.acting)]
    texts = ibis.union(*columns, distinct=True)
    texts = texts.filter(is_known(texts.word))
    code = ibis.row_number().over(ibis.window(order_by=texts.word)) + 1
    return texts.select("word", code=code.cast("int32"))


def coded_events(numbered_tickets: ir.Table, events: ir.Table, words: ir.Table, *, as_of: datetime) -> ir.Table:
    """The events up to as_of, in numbers.

    Args:
        numbered_tickets: ticket, ticket_id.
        events: standard events with `sequence`.
        words: word, code.
        as_of: the instant up to which the exports know the world.

    Returns:
        ticket, sequence (from 1; 0 is for the opening), moment (seconds since 1970), event, role, actor (agents only),
        code (of the value, where it is a team, queue, assignee, priority or policy), status (that it sets).
    """
    rows = events.mutate(moment=seconds_at(events, "occurred_at"))
    rows = rows.filter(rows.moment <= seconds_of(as_of))
    kinds = [_EVENT_CODES[name] for name in _CODED]
    rows = rows.select(
        "ticket_id",
        "sequence",
        "moment",
        "value",
        event=ibis.cases(*((rows.event == name, code) for name, code in _EVENT_CODES.items())).cast("int8"),
        role=ibis.cases(*((rows.actor_role == name, code) for name, code in _ROLE_CODES.items())).cast("int8"),
        acting=ibis.ifelse(rows.actor_role == "agent", rows.actor_id, none_of("string")),
    )
    rows = rows.mutate(valued=ibis.ifelse(rows.event.isin(kinds), rows.value, none_of("string")))
    status = ibis.cases(
        (rows.event == _EVENT_CODES["deleted"], state_code("deleted")),
        (rows.event == _EVENT_CODES["merged_into"], state_code("merged")),
        (rows.event != _EVENT_CODES["status"], none_of("int8")),
        *((rows.value == name, state_code(name)) for name in STATES),
    )
    ids = numbered_tickets.select("ticket", numbered_id=numbered_tickets.ticket_id)
    coded = rows.inner_join(ids, rows.ticket_id == ids.numbered_id)
    actors = words.select(acting_is=words.word, actor=words.code)
    coded = coded.left_join(actors, coded.acting == actors.acting_is)
    values = words.select(valued_is=words.word, code=words.code)
    coded = coded.left_join(values, coded.valued == values.valued_is)
    return coded.select(
        "ticket",
        "moment",
        "event",
        "role",
        "actor",
        "code",
        sequence=(coded.sequence + 1).cast("int64"),
        status=status.cast("int8"),
    )


def openings(
    numbered_tickets: ir.Table, coded_events: ir.Table, words: ir.Table, *, kinds: Kinds = ALL_KINDS
) -> ir.Table:
    """One row per ticket: how it begins, and what its events and columns can tell.

    Args:
        numbered_tickets: one row per ticket, with its own columns.
        coded_events: ticket, sequence, event, code, status.
        words: word, code.
        kinds: the kinds of events that the export gives at all.

    Returns:
        The columns of `numbered_tickets`; first_team, first_queue, first_priority (text); opens_team, opens_queue,
        opens_priority, opens_assignee (codes); turns_at (seconds since 1970: from where on its own columns tell of its
        end or reopening; null where events have it right); and booleans: has_events, has_policy, tells_comments,
        tells_statuses.
    """
    firsts = _first_codes(coded_events)
    counts = coded_events.group_by(active_ticket=coded_events.ticket).agg(events=coded_events.count())
    row = numbered_tickets.left_join(counts, numbered_tickets.ticket == counts.active_ticket)
    row = row.left_join(firsts, row.ticket == firsts.telling_ticket)
    columns = {"team": "own_team", "queue": "own_queue", "priority": "own_priority", "assignee_id": "own_assignee"}
    for text, code in columns.items():
        codes = words.select(**{f"_{code}_is": words.word, code: words.code})
        row = row.left_join(codes, row[text] == codes[f"_{code}_is"]).drop(f"_{code}_is")
    has_events = is_known(row.active_ticket)
    rows = row.select(
        *numbered_tickets.columns,
        opens_team=row.event_team.coalesce(row.own_team).cast("int32"),
        opens_queue=ibis.ifelse(row.has_queue.fill_null(False), row.event_queue, row.own_queue).cast("int32"),
        opens_priority=row.event_priority.coalesce(row.own_priority).cast("int32"),
        opens_assignee=ibis.ifelse(row.has_assignee.fill_null(False), none_of("int32"), row.own_assignee),
        has_events=has_events,
        has_policy=row.has_policy.fill_null(False),
        turns_at=_turns_at(row),
        tells_comments=has_events & ("public_comment" in kinds),
        tells_statuses=has_events & ("status" in kinds),
    )
    return with_words(
        rows,
        words,
        {"first_team": "opens_team", "first_queue": "opens_queue", "first_priority": "opens_priority"},
    )


def _first_codes(coded_events: ir.Table) -> ir.Table:
    """Per ticket what its events tell of its beginning and end.

    Returns:
        telling_ticket; event_team, event_priority (codes, null where no event names one); event_queue (the first one's
        code, null where it names none); last_status (in which its events leave it), last_status_at (seconds since
        1970); booleans: has_queue, has_assignee, has_policy, ends (an event ends it at least once).
    """
    telling = coded_events.filter(is_event(coded_events, *_CODED) | is_known(coded_events.status))

    def first(event: str, code: ir.Value) -> ir.Value:
        """The code of the first event of a kind that has one."""
        own = is_event(telling, event) & is_known(code)
        return ibis.ifelse(own, telling.sequence * CODES + code, none_of("int64")).min() % CODES

    sets = telling.sequence * CODES + telling.status
    last_unclosed = ibis.ifelse(is_finished(telling.status), none_of("int64"), sets).max()

    return telling.group_by(telling_ticket=telling.ticket).agg(
        event_team=first("team", telling.code),
        event_queue=first("queue", telling.code.coalesce(0)).nullif(0),
        event_priority=first("priority", telling.code),
        last_status=_removed_or_last(sets.max(), last_unclosed) % CODES,
        last_status_at=ibis.ifelse(is_known(telling.status), telling.moment, none_of("int64")).max(),
        has_queue=is_event(telling, "queue").any(),
        has_assignee=is_event(telling, "assignee").any(),
        has_policy=is_event(telling, "sla_policy").any(),
        ends=(telling.status >= len(ACTIVE)).any(),
    )


def _removed_or_last(last: ir.Value, last_unclosed: ir.Value) -> ir.Value:
    """The last status, packed; of a ticket that was closed after its removal the status of the removal."""
    stays_removed = is_finished(last % CODES) & is_removed(last_unclosed % CODES)
    return ibis.ifelse(stays_removed.fill_null(False), last_unclosed, last)


def _turns_at(row: ir.Table) -> ir.Value:
    """From where on a ticket's own columns tell what its events do not: its end, or that it was reopened.

    Returns:
        Seconds since 1970: creation where no event ends it, else the last event of a status; null where its events have
        it right, or are newer.
    """
    newest = ibis.greatest(*(row[name].coalesce(0) for name in ("updated_at", "solved_at", "closed_at"))).nullif(0)
    ended, stands_open = row.status.isin([*FINISHED, *REMOVED]), is_active(row.last_status)
    removed_later = row.status.isin(REMOVED) & is_finished(row.last_status)
    never_ends = ended & ~row.ends.fill_null(False)
    ends_again = ended & (stands_open | removed_later) & (newest >= row.last_status_at).fill_null(True)
    reopens = row.status.isin(ACTIVE) & is_finished(row.last_status) & (row.updated_at >= row.last_status_at)
    return ibis.cases(
        (never_ends, row.created),
        ((ends_again | reopens).fill_null(False), row.last_status_at),
        else_=none_of("int64"),
    )


def with_words(table: ir.Table, words: ir.Table, columns: Mapping[str, str]) -> ir.Table:
    """Add the words of codes.

    Args:
        table: has columns of codes.
        words: word, code.
        columns: the text columns to add (keys), and the columns with their codes (values).

    Returns:
        The table with the text columns, null where a code is null or 0.
    """
    joined = table
    for text, code in columns.items():
        names = words.select(**{f"_{text}_code": words.code, text: words.word})
        joined = joined.left_join(names, joined[code] == names[f"_{text}_code"])
    return joined.select(*table.columns, *columns)


def _opening_rows(openings: ir.Table) -> ir.Table:
    return _row(
        openings,
        sequence=ibis.literal(0),
        moment=openings.created,
        event=_event(OPENING),
        sets_status=ibis.literal(0),
        sets_team=openings.opens_team,
        sets_queue=openings.opens_queue.coalesce(0),
        sets_priority=openings.opens_priority,
        sets_assignee=openings.opens_assignee.coalesce(0),
    )


def _event_rows(coded_events: ir.Table) -> ir.Table:
    code = coded_events.code
    sets = {name: ibis.ifelse(is_event(coded_events, name), code, none_of("int32")) for name in ("team", "priority")}
    may_empty = {
        name: ibis.ifelse(is_event(coded_events, name), code.coalesce(0), none_of("int32"))
        for name in ("queue", "assignee", "sla_policy")
    }
    return _row(
        coded_events,
        sequence=coded_events.sequence,
        moment=coded_events.moment,
        event=coded_events.event,
        role=coded_events.role,
        actor=coded_events.actor,
        sets_status=coded_events.status,
        sets_team=sets["team"],
        sets_priority=sets["priority"],
        sets_queue=may_empty["queue"],
        sets_assignee=may_empty["assignee"],
        sets_policy=may_empty["sla_policy"],
    )


def _column_events(openings: ir.Table) -> list[ir.Table]:
    """Events made from the ticket's own columns, where it has none that say the same."""
    replies = openings.filter(~openings.tells_comments & is_known(openings.first_reply_at))
    turns = openings.filter(is_known(openings.turns_at))
    turns = turns.mutate(
        **{
            name: ibis.ifelse(
                (turns.turns_at == turns.created) | (turns[name] >= turns.turns_at), turns[name], none_of("int64")
            )
            for name in ("solved_at", "closed_at")
        }
    )
    finished_tickets, removals = turns.filter(turns.status.isin(FINISHED)), turns.filter(turns.status.isin(REMOVED))
    reopenings = turns.filter(turns.status.isin(ACTIVE))
    solves = finished_tickets.filter(is_known(finished_tickets.solved_at))
    closes = finished_tickets.filter(
        is_known(finished_tickets.closed_at)
        & ((finished_tickets.status == "closed") | is_missing(finished_tickets.solved_at))
    )
    untimed_ends = finished_tickets.filter(
        is_missing(finished_tickets.solved_at) & is_missing(finished_tickets.closed_at)
    )
    before_reply = ~solves.tells_comments & (solves.solved_at < solves.first_reply_at)
    return [
        _row(
            replies,
            sequence=ibis.literal(_FROM_COLUMNS + 2, type="int64"),
            moment=replies.first_reply_at,
            event=_event("public_comment"),
            role=ibis.literal(_ROLE_CODES["agent"]),
        ),
        _row(
            solves,
            sequence=ibis.ifelse(before_reply.fill_null(False), _FROM_COLUMNS + 1, _FROM_COLUMNS + 3).cast("int64"),
            moment=solves.solved_at,
            event=_event("status"),
            sets_status=ibis.literal(state_code("solved")),
        ),
        _row(
            closes,
            sequence=ibis.literal(_FROM_COLUMNS + 4, type="int64"),
            moment=closes.closed_at,
            event=_event("status"),
            sets_status=ibis.literal(state_code("closed")),
        ),
        _row(
            untimed_ends,
            sequence=ibis.literal(_FROM_COLUMNS + 5, type="int64"),
            moment=untimed_ends.updated_at.coalesce(untimed_ends.created),
            event=_event(UNTIMED_END),
            sets_status=ibis.literal(state_code("closed")),
        ),
        _row(
            removals,
            sequence=ibis.literal(_FROM_COLUMNS + 6, type="int64"),
            moment=removals.closed_at.coalesce(removals.updated_at).coalesce(removals.created),
            event=_event("status"),
            sets_status=ibis.cases(*((removals.status == name, state_code(name)) for name in REMOVED)),
        ),
        _row(
            reopenings,
            sequence=ibis.literal(_FROM_COLUMNS + 7, type="int64"),
            moment=reopenings.updated_at,
            event=_event("status"),
            sets_status=ibis.cases(*((reopenings.status == name, state_code(name)) for name in ACTIVE)),
        ),
    ]


def _event(name: str) -> ir.Value:
    return ibis.literal(_EVENT_CODES[name])


_ROW = {
    "ticket": "int32",
    "sequence": "int64",
    "moment": "int64",
    "event": "int8",
    "role": "int8",
    "actor": "int32",
    "sets_status": "int8",
    "sets_team": "int32",
    "sets_queue": "int32",
    "sets_assignee": "int32",
    "sets_priority": "int32",
    "sets_policy": "int32",
}


def _row(table: ir.Table, **columns: ir.Value) -> ir.Table:
    """These columns, null for the rest, in the one shape that the union needs."""
    columns = {"ticket": table.ticket, **columns}
    return table.select(
        **{name: columns[name].cast(type_) if name in columns else none_of(type_) for name, type_ in _ROW.items()}
    )


def states(openings: ir.Table, coded_events: ir.Table, *, as_of: datetime) -> ir.Table:
    """Every event of every ticket with the state before and after it, from one sort.

    Args:
        openings: one row per ticket: what it begins with, and its own columns.
        coded_events: ticket, sequence, moment, event, role, actor, code, status.
        as_of: the instant up to which the exports know the world.

    Returns:
        Per ticket and sequence (0 is the opening, an event's own sequence comes one later): moment, event, role and
        actor of it; status, team, queue and assignee after it and before it (codes; statuses are numbers in `STATES`;
        before the opening they are null), priority after it; team_since (sequence of the event that set the team),
        agent_spoke (packed: sequence and agent of the last public comment by an agent before it), requester_spoke
        (sequence of the last public comment by the requester before it).
    """
    column_events = ibis.union(*_column_events(openings))
    column_events = column_events.filter(column_events.moment <= seconds_of(as_of))
    rows = ibis.union(_opening_rows(openings), _event_rows(coded_events), column_events)

    before = ibis.rows_window(group_by="ticket", order_by="sequence", preceding=(None, 1))
    comment = is_event(rows, "public_comment")
    sets = {
        "status": rows.sets_status,
        "unclosed": ibis.ifelse(is_finished(rows.sets_status), none_of("int8"), rows.sets_status),
        "team": rows.sets_team,
        "queue": rows.sets_queue,
        "assignee": rows.sets_assignee,
        "priority": rows.sets_priority,
        "agent_spoke": ibis.ifelse(comment & is_by(rows, "agent"), rows.actor.coalesce(0), none_of("int32")),
    }
    own = rows.select(
        "ticket",
        "sequence",
        "moment",
        "event",
        "role",
        "actor",
        "sets_policy",
        asks=ibis.ifelse(comment & is_by(rows, "requester"), rows.sequence, none_of("int64")),
        **{f"own_{name}": rows.sequence * CODES + code for name, code in sets.items()},
    )
    wide = own.mutate(
        moment_before=own.moment.max().over(before),
        requester_spoke=own.asks.max().over(before),
        **{f"{name}_before": own[f"own_{name}"].max().over(before) for name in sets},
    )
    before_it = {name: wide[f"{name}_before"] for name in sets}
    after = {name: wide[f"own_{name}"].coalesce(before_it[name]) for name in sets}
    for state in (before_it, after):
        state["status"] = _removed_or_last(state["status"], state["unclosed"])
    codes = {"status": "int8", "team": "int32", "queue": "int32", "assignee": "int32"}
    return wide.select(
        "ticket",
        "sequence",
        "event",
        "role",
        "actor",
        "sets_policy",
        "requester_spoke",
        moment=ibis.ifelse(wide.moment_before > wide.moment, wide.moment_before, wide.moment),
        agent_spoke=wide.agent_spoke_before,
        team_since=after["team"] // CODES,
        priority=(after["priority"] % CODES).cast("int32"),
        **{name: (after[name] % CODES).cast(type_) for name, type_ in codes.items()},
        **{f"{name}_before": (before_it[name] % CODES).cast(type_) for name, type_ in codes.items()},
    )


def with_calendar(
    table: ir.Table, words: ir.Table, teams: ir.Table, *, team: str = "team", name: str = "calendar"
) -> ir.Table:
    """Add the calendar of the team whose code is in a column."""
    coded = words.inner_join(teams, words.word == teams.team)
    calendars = coded.select(_team_code=coded.code, **{name: coded.calendar})
    return table.left_join(calendars, table[team] == calendars["_team_code"]).drop("_team_code")


def corrections(states: ir.Table, words: ir.Table, teams: ir.Table, days: ir.Table) -> ir.Table:
    """What to add to a calendar's count to get the ticket's own business clock, after it has moved between calendars.

    Returns:
        ticket, since (sequence of the event that set the team), correction (seconds, never 0).
    """
    moves = states.filter(is_event(states, "team")).select(
        "ticket", "sequence", "team", "team_before", left_at="moment", came_at="moment"
    )
    moves = with_calendar(moves, words, teams, team="team_before", name="left")
    moves = with_calendar(moves, words, teams, team="team", name="came")
    moves = open_seconds_at(open_seconds_at(moves, "left_at", "left", days), "came_at", "came", days)
    so_far = ibis.rows_window(group_by="ticket", order_by="sequence", preceding=None, following=0)
    sums = moves.select(
        "ticket",
        since=moves.sequence,
        correction=(moves.left_at_open - moves.came_at_open).coalesce(0).sum().over(so_far).cast("int64"),
    )
    return sums.filter(sums.correction != 0)


def timeline(states: ir.Table, corrections: ir.Table, words: ir.Table, teams: ir.Table, days: ir.Table) -> ir.Table:
    """Add `clock` to the states: business seconds of the ticket's own clock, comparable within the ticket only.

    Args:
        states: one row per ticket and event, with moment, team and team_since.
        corrections: ticket, since, correction (seconds).
        words: word, code.
        teams: team, calendar: the calendar that each team works to.
        days: the day table of these calendars.
    """
    row = open_seconds_at(with_calendar(states, words, teams), "moment", "calendar", days)
    shifts = corrections.select("since", "correction", moved_ticket=corrections.ticket)
    row = row.left_join(shifts, (row.ticket == shifts.moved_ticket) & (row.team_since == shifts.since))
    return row.select(*states.columns, clock=row.moment_open + row.correction.coalesce(0))


def clock_at(
    table: ir.Table, words: ir.Table, teams: ir.Table, corrections: ir.Table, days: ir.Table, *, as_of: datetime
) -> ir.Table:
    """Add `now_clock`, the ticket's business clock at as_of, to a table with ticket, team (code) and team_since."""
    counters = open_seconds_at(teams.mutate(now=ibis.literal(seconds_of(as_of), type="int64")), "now", "calendar", days)
    coded = words.inner_join(counters, words.word == counters.team)
    counts = coded.select(_team_code=coded.code, _now_open=coded.now_open)
    rows = table.left_join(counts, table.team == counts["_team_code"])
    shifts = corrections.select(_since=corrections.since, _correction=corrections.correction, _moved=corrections.ticket)
    rows = rows.left_join(shifts, (rows.ticket == shifts["_moved"]) & (rows.team_since == shifts["_since"]))
    clock = rows["_now_open"] + rows["_correction"].coalesce(0)
    return rows.mutate(now_clock=clock).drop("_team_code", "_now_open", "_since", "_correction", "_moved")


def where_clocked(table: ir.Table, seconds: ir.Value) -> ir.Value:
    """Business seconds, null where a team that held the ticket has no calendar (`clocked` is false)."""
    return ibis.ifelse(table.clocked, seconds, none_of("int64"))


def spells(
    timeline: ir.Table,
    openings: ir.Table,
    words: ir.Table,
    teams: ir.Table,
    corrections: ir.Table,
    days: ir.Table,
    *,
    as_of: datetime,
) -> ir.Table:
    """The stretches in which a ticket's status, team, queue and assignee stayed the same.

    A state that lasted no time leaves no spell (the stretches on its two sides stay two).

    Returns:
        ticket_id, team (that held it), week (of creation), status, queue, assignee_id, start_at, end_at,
        calendar_seconds, business_seconds. The last spell of a ticket has no end: its seconds run to as_of while it is
        in the backlog, and are null once it is finished or removed. Sorted by the ticket's team and id, and by start.
    """
    changes = timeline.filter(
        is_event(timeline, OPENING)
        | (timeline.status != timeline.status_before)
        | (timeline.team != timeline.team_before)
        | (timeline.queue != timeline.queue_before)
        | (timeline.assignee != timeline.assignee_before)
    )
    in_order = ibis.window(group_by="ticket", order_by="sequence")
    stretches = changes.select(
        "ticket",
        "sequence",
        "moment",
        "clock",
        "status",
        "team",
        "team_since",
        "queue",
        "assignee",
        until=changes.moment.lead().over(in_order),
        until_clock=changes.clock.lead().over(in_order),
    )
    stretches = stretches.filter(is_missing(stretches.until) | (stretches.until > stretches.moment))
    stretches = clock_at(stretches, words, teams, corrections, days, as_of=as_of)
    rows = with_words(stretches, words, {"team_name": "team", "queue_name": "queue", "assignee_id": "assignee"})
    ids = openings.select("ticket_id", "week", opened=openings.ticket)
    rows = rows.inner_join(ids, rows.ticket == ids.opened)
    running = is_missing(rows.until) & is_active(rows.status)
    end = ibis.ifelse(running, seconds_of(as_of), rows.until)
    end_clock = ibis.ifelse(running, rows.now_clock, rows.until_clock)
    return rows.order_by("ticket", "sequence").select(
        "ticket_id",
        "week",
        team=rows.team_name,
        status=status_names(rows.status),
        queue=rows.queue_name,
        assignee_id=rows.assignee_id,
        start_at=at_epoch(rows.moment),
        end_at=at_epoch(rows.until),
        calendar_seconds=end - rows.moment,
        business_seconds=(end_clock - rows.clock).cast("int64"),
    )


def status_names(code: ir.Value) -> ir.Value:
    return ibis.cases(*((code == number, name) for number, name in enumerate(STATES)))
