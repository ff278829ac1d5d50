"""The backlog per team and local day, and the proof that it adds up.

The backlog of a team at a local midnight are the tickets that it holds then in new, open, pending or on_hold. Two
counts are made of the same events and must agree for every team and day, to the ticket:

- the terms count what happened, event by event: created, reopened (also restored after a deletion, merge or spam mark),
  moved_in, and solved (also closed without it), deleted (also spam), merged, moved_out;
- the closing count looks at the last state of each ticket on each day, whatever led there.

opening + created + reopened + moved_in - solved - deleted - merged - moved_out = closing; a day's opening is the
closing of the day before. A day runs from midnight to midnight of the organisation's zone; the last one runs to
as_of. Age is counted in whole local days since the day of creation, so older_than_7d are the tickets that are more
than 7 days old at midnight.

Of the closing backlog three parts are counted as they stood at that midnight, so that nothing later rewrites them:
unassigned (no assignee), unreplied (no agent has commented publicly yet) and unanswered (an agent has, and the
requester has commented publicly since). A part is null where the export cannot tell it: a ticket's column says who has
it today, not who had it then, so unassigned needs the events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opslib.facts.spells import CODES, OPENING, Kinds, is_active, is_event, is_missing, state_code, with_words
from opslib.facts.tickets import is_agent_comment, is_requester_comment

INFLOW = ("created", "reopened", "moved_in")
OUTFLOW = ("solved", "deleted", "merged", "moved_out")
TERMS = (*INFLOW, *OUTFLOW)
IDENTITY = ("opening", *TERMS, "closing")
PARTS = ("unassigned", "unreplied", "unanswered")
AGES = ("median_age_days", "older_than_7d", "older_than_30d")
_DAY = 86_400
_EPOCH = date(1970, 1, 1)
_HELD = 1 << 28
_PART_BITS = {"unanswered": 1, "unreplied": 2, "unassigned": 4}
_ACTIVE_BIT, _TEAM_BITS = 8, 16


def zone_offsets(zone: ZoneInfo, first: date, last: date) -> list[tuple[int, int]]:
    """The offsets of a zone between two dates: (seconds since 1970 from which it holds, offset in seconds).

    >>> from zoneinfo import ZoneInfo
    >>> [offset for _, offset in zone_offsets(ZoneInfo("America/New_York"), date(2026, 3, 1), date(2026, 3, 31))]
    [-18000, -14400]
    """

    def offset(second: int) -> int:
        shift = datetime.fromtimestamp(second, UTC).astimezone(zone).utcoffset()
        assert shift is not None
        return shift.days * _DAY + shift.seconds

    begin = (first - _EPOCH).days * _DAY
    offsets = [(begin, offset(begin))]
    for day in range(begin, (last - _EPOCH).days * _DAY, _DAY):
        low, high = day, day + _DAY
        if offset(high) == offsets[-1][1]:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == offsets[-1][1] else (low, middle)
        offsets.append((high, offset(high)))
    return offsets


def local_day(seconds: ir.Value, offsets: list[tuple[int, int]]) -> ir.Value:
    """Days since 1970 on the wall clock of a zone, of seconds since 1970."""
    branches = [(seconds >= start, seconds + offset) for start, offset in reversed(offsets[1:])]
    shifted = ibis.cases(*branches, else_=seconds + offsets[0][1]) if branches else seconds + offsets[0][1]
    return (shifted // _DAY).cast("int64")


def told_parts(kinds: Kinds, present: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Those of `PARTS` that an export can tell.

    Args:
        kinds: the kinds of events that it gives.
        present: per standard table the columns that it gives.
    """
    # Among events, a reply that only its column tells has no place in their order.
    tells_reply = "public_comment" in kinds or (not kinds and "first_reply_at" in set(present.get("tickets", ())))
    told = {
        "unassigned": "assignee" in kinds,
        "unreplied": tells_reply,
        "unanswered": "public_comment" in kinds,
    }
    return tuple(name for name in PARTS if told[name])


def _change_rows(timeline: ir.Table, openings: ir.Table, offsets: list[tuple[int, int]]) -> ir.Table:
    """Every change of what a team holds, in numbers: ticket, team (code), day, created_day, terms, held and parts."""
    active = is_active(timeline.status)
    was_active = is_active(timeline.status_before).fill_null(False)
    opening = is_event(timeline, OPENING)
    is_move = active & was_active & (timeline.team != timeline.team_before)
    row = timeline.mutate(
        day=local_day(timeline.moment, offsets),
        opening=opening,
        active=active,
        was_active=was_active,
        moved=is_move,
    )
    steps = row.filter(row.opening | (row.active != row.was_active) | row.moved)
    is_exit = steps.was_active & ~steps.active
    is_entry = ~steps.was_active & steps.active
    terms = _rows_of(
        steps,
        steps.team,
        created=steps.opening,
        reopened=is_entry & ~steps.opening,
        moved_in=steps.moved,
        solved=is_exit & steps.status.isin([state_code("solved"), state_code("closed")]),
        deleted=is_exit & steps.status.isin([state_code("deleted"), state_code("spam")]),
        merged=is_exit & (steps.status == state_code("merged")),
    )
    exits = steps.filter(steps.moved)
    rows = ibis.union(terms, _rows_of(exits, exits.team_before, moved_out=exits.moved), *_closing_rows(_standing(row)))
    births = openings.select("week", opened=openings.ticket, created_day=local_day(openings.created, offsets))
    return rows.inner_join(births, rows.ticket == births.opened).drop("opened")


def _standing(row: ir.Table) -> ir.Table:
    """How each ticket stood at the end of the days on which that changed.

    Returns:
        ticket, day, standing and standing_before: team, activity and parts in one number, 0 outside the backlog.
    """
    by_agent, by_requester = is_agent_comment(row), is_requester_comment(row)
    no_agent_before = is_missing(row.agent_spoke)
    open_before = (row.requester_spoke > row.agent_spoke // CODES).fill_null(False)
    before = {
        "unassigned": row.assignee_before == 0,
        "unreplied": no_agent_before,
        "unanswered": open_before,
    }
    after = {
        "unassigned": row.assignee == 0,
        "unreplied": no_agent_before & ~by_agent,
        "unanswered": ibis.ifelse(by_requester, ~no_agent_before, open_before & ~by_agent),
    }
    is_change = row.opening | (row.active != row.was_active) | row.moved
    for part in PARTS:
        is_change = is_change | (before[part] != after[part]).fill_null(False)
    parts = sum((ibis.ifelse(after[part], bit, 0) for part, bit in _PART_BITS.items()), ibis.literal(0))
    state = row.team * _TEAM_BITS + ibis.ifelse(row.active, _ACTIVE_BIT, 0) + parts
    states = row.filter(is_change).select("ticket", "day", last=(row.sequence * _HELD + state).cast("int64"))
    ends = states.group_by("ticket", "day").agg(last=states.last.max())
    ends = ends.mutate(state=ends.last % _HELD)
    ends = ends.mutate(standing=ibis.ifelse(ends.state // _ACTIVE_BIT % 2 == 1, ends.state, 0))
    in_order = ibis.window(group_by="ticket", order_by="day")
    ends = ends.mutate(standing_before=ends.standing.lag().over(in_order).coalesce(0))
    return ends.filter(ends.standing != ends.standing_before).select("ticket", "day", "standing", "standing_before")


def _closing_rows(standing: ir.Table) -> tuple[ir.Table, ir.Table]:
    """What the teams that hold the tickets now gain at a day's end, and what those that held them before lose."""
    holder, holder_before = standing.standing // _TEAM_BITS, standing.standing_before // _TEAM_BITS
    rows = standing.mutate(holder=holder, holder_before=holder_before, stays=holder == holder_before)

    def numbers(table: ir.Table, state: ir.Value) -> dict[str, ir.Value]:
        parts = {part: state // bit % 2 for part, bit in _PART_BITS.items()}
        return {"held": ibis.ifelse(state != 0, 1, 0), **parts}

    gains, losses = rows.filter(rows.holder != 0), rows.filter((rows.holder_before != 0) & ~rows.stays)
    had = numbers(gains, ibis.ifelse(gains.stays, gains.standing_before, 0))
    gained = {name: value - had[name] for name, value in numbers(gains, gains.standing).items()}
    lost = {name: -value for name, value in numbers(losses, losses.standing_before).items()}
    return _rows_of(gains, gains.holder, **gained), _rows_of(losses, losses.holder_before, **lost)


def _rows_of(table: ir.Table, team: ir.Value, **numbers: ir.Value) -> ir.Table:
    """ticket, day, team, and the terms, held and the parts: 0 where they are not named."""
    columns = {name: numbers.get(name, ibis.literal(0)).cast("int64") for name in (*TERMS, "held", *PARTS)}
    return table.select("ticket", "day", team=team.cast("int32"), **columns)


def changes(timeline: ir.Table, openings: ir.Table, words: ir.Table, *, offsets: list[tuple[int, int]]) -> ir.Table:
    """What the tickets that were created on a day add to a team's identity on each local day.

    Args:
        timeline: one row per ticket and event, with the state before and after it and its moment.
        openings: ticket, week, created.
        words: word, code.
        offsets: those of the organisation's zone: (seconds since 1970 from which it holds, offset in seconds).

    Returns:
        week (of creation), team, day and created_day (days since 1970), the seven terms, and held and the three parts:
        the change of what the team holds at the day's end. Sorted by the first four.
    """
    rows = _change_rows(timeline, openings, offsets)
    numbers = (*TERMS, "held", *PARTS)
    sums = rows.group_by("week", "team", "day", "created_day").agg(**{name: rows[name].sum() for name in numbers})
    of_teams = with_words(sums, words, {"name": "team"}).drop("team").rename(team="name")
    return of_teams.order_by("week", "team", "day", "created_day").select(
        "week", "team", "day", "created_day", *numbers
    )


def ticket_changes(
    timeline: ir.Table, openings: ir.Table, words: ir.Table, *, offsets: list[tuple[int, int]]
) -> ir.Table:
    """What a ticket adds to a team's identity on a local day: ticket_id, team, day, the seven terms and held."""
    rows = _change_rows(timeline, openings, offsets)
    sums = rows.group_by("ticket", "team", "day").agg(**{term: rows[term].sum() for term in (*TERMS, "held")})
    of_teams = with_words(sums, words, {"name": "team"}).drop("team").rename(team="name")
    ids = openings.select("ticket_id", opened=openings.ticket)
    return of_teams.inner_join(ids, of_teams.ticket == ids.opened).select("ticket_id", "team", "day", *TERMS, "held")


def backlog(changes: pd.DataFrame, *, last_day: date) -> pd.DataFrame:
    """facts/backlog: one row per team and local day, from the first change of any team to `last_day`.

    Args:
        changes: team, day, created_day, the seven terms, held and the parts, of all weeks together.
        last_day: the local day of as_of.

    Returns:
        team, day (a date), the nine terms of the identity (opening, created, reopened, moved_in, solved, deleted,
        merged, moved_out, closing), median_age_days (null where the backlog is empty), older_than_7d,
        older_than_30d, and of the closing backlog unassigned, unreplied and unanswered.
    """
    columns = ["team", "day", *IDENTITY, *AGES, *PARTS]
    if changes.empty:
        return pd.DataFrame(columns=columns)
    first = int(changes["day"].min())
    length = max((last_day - _EPOCH).days, int(changes["day"].max())) - first + 1
    frames = [_of_team(team, rows, first, length) for team, rows in changes.groupby("team", sort=True)]
    return pd.concat(frames, ignore_index=True)[columns]


def _of_team(team: object, rows: pd.DataFrame, first: int, length: int) -> pd.DataFrame:
    day = rows["day"].to_numpy() - first
    frame: dict[str, object] = {
        "team": team,
        "day": pd.array(np.arange(length) + first, dtype="int64").to_numpy().astype("datetime64[D]").astype(object),
    }
    for term in TERMS:
        frame[term] = np.bincount(day, weights=rows[term], minlength=length).astype(np.int64)
    for part in PARTS:
        frame[part] = np.bincount(day, weights=rows[part], minlength=length).astype(np.int64).cumsum()
    cohorts = np.zeros((length, length), dtype=np.int32)
    np.add.at(cohorts, (day, rows["created_day"].to_numpy() - first), rows["held"].to_numpy())
    np.cumsum(cohorts, axis=0, out=cohorts)
    np.cumsum(cohorts, axis=1, out=cohorts)
    closing = cohorts[:, -1].astype(np.int64)
    frame["closing"] = closing
    frame["opening"] = np.concatenate([[0], closing[:-1]])
    today = np.arange(length)

    def created_of(rank: np.ndarray) -> np.ndarray:
        """Day of creation of the ticket that comes at a rank (from 1) in order of creation."""
        return np.asarray((cohorts < rank[:, None]).sum(axis=1))

    middle = (created_of((closing + 1) // 2) + created_of(closing // 2 + 1)) / 2
    frame["median_age_days"] = np.where(closing > 0, today - middle, np.nan)
    for limit in (7, 30):
        oldest = today - limit
        frame[f"older_than_{limit}d"] = np.where(oldest >= 0, cohorts[today, np.maximum(oldest, 0)].astype(np.int64), 0)
    return pd.DataFrame(frame)


def check_identity(backlog: pd.DataFrame) -> pd.DataFrame:
    """The team-days on which the backlog does not add up.

    Args:
        backlog: facts/backlog, or some teams or days of it.

    Returns:
        The rows that break it, with `difference` (closing less what the terms say) and `gap` (opening less the
        closing of the day before); empty where every team and day adds up.

    >>> day = dict(team="a", day=date(2026, 1, 5), opening=3, created=2, reopened=0, moved_in=0, solved=1, deleted=0)
    >>> check_identity(pd.DataFrame([day | dict(merged=0, moved_out=0, closing=5)]))["difference"].tolist()
    [1]
    """
    ordered = backlog.sort_values(["team", "day"], kind="stable")
    expected = ordered["opening"] + ordered[list(INFLOW)].sum(axis=1) - ordered[list(OUTFLOW)].sum(axis=1)
    closing_before = ordered.groupby("team")["closing"].shift()
    gap = (ordered["opening"] - closing_before).fillna(0).astype("int64")
    breaks = ordered.assign(difference=ordered["closing"] - expected, gap=gap)
    return breaks[(breaks["difference"] != 0) | (breaks["gap"] != 0)]


def adds_up(changes: pd.DataFrame) -> bool:
    """True where the terms of `changes` explain what is held, for every team, day and day of creation."""
    sums = changes[list(INFLOW)].sum(axis=1) - changes[list(OUTFLOW)].sum(axis=1)
    return bool((sums == changes["held"]).all())


def tickets_that_break_it(ticket_changes: ir.Table) -> ir.Table:
    """The tickets whose events do not explain what the teams hold of them.

    Args:
        ticket_changes: ticket_id, team, day, the seven terms and held.

    Returns:
        team, day (days since 1970), ticket_id, difference: on that day what the team holds of the ticket changed by
        `difference` more than its events say. Empty where the backlog adds up to the ticket.
    """
    expected = sum((ticket_changes[term] for term in INFLOW), ibis.literal(0)) - sum(
        (ticket_changes[term] for term in OUTFLOW), ibis.literal(0)
    )
    breaks = ticket_changes.mutate(difference=ticket_changes.held - expected)
    return (
        breaks.filter(breaks["difference"] != 0)
        .order_by("team", "day", "ticket_id")
        .select("team", "day", "ticket_id", "difference")
    )
