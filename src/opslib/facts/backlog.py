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
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opslib.facts.spells import OPENING, is_active, is_event, state_code, with_words

INFLOW = ("created", "reopened", "moved_in")
OUTFLOW = ("solved", "deleted", "merged", "moved_out")
TERMS = (*INFLOW, *OUTFLOW)
IDENTITY = ("opening", *TERMS, "closing")
AGES = ("median_age_days", "older_than_7d", "older_than_30d")
_DAY = 86_400
_EPOCH = date(1970, 1, 1)
_HELD = 1 << 25


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


def _change_rows(timeline: ir.Table, openings: ir.Table, offsets: list[tuple[int, int]]) -> ir.Table:
    """Every change of what a team holds, in numbers: ticket, team (code), day, created_day, the terms and held."""
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
    row = row.filter(row.opening | (row.active != row.was_active) | row.moved)
    is_exit = row.was_active & ~row.active
    is_entry = ~row.was_active & row.active
    parts = [
        _terms(
            row,
            row.team,
            created=row.opening,
            reopened=is_entry & ~row.opening,
            moved_in=row.moved,
            solved=is_exit & row.status.isin([state_code("solved"), state_code("closed")]),
            deleted=is_exit & row.status.isin([state_code("deleted"), state_code("spam")]),
            merged=is_exit & (row.status == state_code("merged")),
        ),
    ]
    exits = row.filter(row.moved)
    parts.append(_terms(exits, exits.team_before, moved_out=exits.moved))

    ends = row.group_by("ticket", "day").agg(
        last=(row.sequence * _HELD + row.team * 2 + ibis.ifelse(row.active, 1, 0)).max()
    )
    state = ends.last % _HELD
    ends = ends.mutate(holder=ibis.ifelse(state % 2 == 1, state // 2, 0))
    ends = ends.mutate(holder_before=ends.holder.lag().over(ibis.window(group_by="ticket", order_by="day")).coalesce(0))
    ends = ends.filter(ends.holder != ends.holder_before)
    gains, losses = ends.filter(ends.holder != 0), ends.filter(ends.holder_before != 0)
    parts.append(_terms(gains, gains.holder, held=1))
    parts.append(_terms(losses, losses.holder_before, held=-1))

    rows = ibis.union(*parts)
    births = openings.select("week", opened=openings.ticket, created_day=local_day(openings.created, offsets))
    return rows.inner_join(births, rows.ticket == births.opened).drop("opened")


def _terms(table: ir.Table, team: ir.Value, *, held: int = 0, **terms: ir.Value) -> ir.Table:
    """ticket, day, team, 1 or 0 for each of the terms (0 where it is not named), and `held` in every row."""
    columns = {name: ibis.ifelse(terms[name], 1, 0) if name in terms else ibis.literal(0) for name in TERMS}
    columns["held"] = ibis.literal(held)
    return table.select(
        "ticket", "day", team=team.cast("int32"), **{name: value.cast("int64") for name, value in columns.items()}
    )


def changes(timeline: ir.Table, openings: ir.Table, words: ir.Table, *, offsets: list[tuple[int, int]]) -> ir.Table:
    """What the tickets that were created on a day add to a team's identity on each local day.

    Args:
        timeline: one row per ticket and event, with the state before and after it and its moment.
        openings: ticket, week, created.
        words: word, code.
        offsets: those of the organisation's zone: (seconds since 1970 from which it holds, offset in seconds).

    Returns:
        week (of creation), team, day and created_day (days since 1970), the seven terms, and held: the change of what
        the team holds at the day's end. Sorted by the first four.
    """
    rows = _change_rows(timeline, openings, offsets)
    sums = rows.group_by("week", "team", "day", "created_day").agg(
        **{term: rows[term].sum() for term in (*TERMS, "held")}
    )
    of_teams = with_words(sums, words, {"name": "team"}).drop("team").rename(team="name")
    return of_teams.order_by("week", "team", "day", "created_day").select(
        "week", "team", "day", "created_day", *TERMS, "held"
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
        changes: team, day, created_day, the seven terms and held, of all weeks together.
        last_day: the local day of as_of.

    Returns:
        team, day (a date), the nine terms of the identity (opening, created, reopened, moved_in, solved, deleted,
        merged, moved_out, closing), median_age_days (null where the backlog is empty), older_than_7d and
        older_than_30d.
    """
    columns = ["team", "day", *IDENTITY, *AGES]
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
