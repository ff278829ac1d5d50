"""Times of a week that have not all ended, completed with what happened to weeks like it after the same age.

On Monday a ticket of the weekend has waited for no open second, and says nothing of how long it will wait. Weeks that
are past do: their tickets that were open as long after their week's end have mostly been answered since.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from opslib.analysis.methods.columns import Floats

Integers = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

DONOR_WEEKS = 8
"""How many past weeks tell what happens to open tickets; the latest is two weeks before the one completed."""
LEAST_DONOR_WEEKS = 4
LEAST_OPEN = 5
"""A past week with fewer open tickets at its first look tells nothing of open ones."""
DRAWS = 5
NEIGHBOURS = 6
SOLVED_NEIGHBOURS = 40
CONFIDENCE = 0.95
PROMISE = 0.8
"""The day on which a value settles is kept in so many of the draws."""
_NEGLIGIBLE = 0.05
_TIE = 1e-9
_LEAST_SECONDS = 1.0


class Clock(Protocol):
    """The open seconds of a calendar, as `calendars.OpenClock` counts them."""

    def seconds_at(self, instants: npt.ArrayLike) -> Floats:
        """Open seconds at instants (seconds since 1970)."""

    def instant_at(self, seconds: npt.ArrayLike) -> Floats:
        """The first instants with so many open seconds."""


@dataclass(frozen=True)
class Cohort:
    """What is known at as_of of the tickets or questions of a team that belong to one week.

    One entry per row: begin and stop (seconds since 1970; what has not ended stops where it was last known to run),
    ended, running (it may still end at any moment), removed_at (when it was merged, deleted or marked spam; inf),
    business (open seconds from begin to stop, NaN where they are not known), and group (the channel). `spells` has a
    row per stretch in which a ticket that was reopened was not solved: row (its place), start and end (inf: it runs).
    """

    start: float
    begin: Floats
    stop: Floats
    ended: Bools
    running: Bools
    removed_at: Floats
    business: Floats
    group: npt.NDArray[np.object_]
    spells: tuple[Integers, Floats, Floats]

    @property
    def counts(self) -> Bools:
        """The rows that were not removed."""
        return np.isinf(self.removed_at)


@dataclass(frozen=True)
class FirstLook:
    """A past week as it looked at an instant: what was open, since when the rest was done, and what came after."""

    arrival: Floats
    is_open: Bools
    done_for: Floats
    rest: Floats
    """Open seconds that followed until today; NaN where the row has been removed since."""
    unfinished: Bools
    """Finished since without what was waited for: solved without a reply."""


@dataclass(frozen=True)
class Sets:
    """A team's week completed again and again: a row per draw, a column per row of the cohort that counts.

    times by clock (seconds; NaN: removed), ended (whether a time is complete), end_at (instants), donors (how many past
    weeks it rests on, 0 where nothing was open), waits (the columns that run still).
    """

    times: Mapping[str, Floats]
    ended: Bools
    end_at: Floats
    group: npt.NDArray[np.object_]
    running: Bools
    so_far: Mapping[str, Floats]
    begin: Floats
    has_ended: Bools
    clock: Clock
    as_of: float
    donors: int
    is_complete: bool


@dataclass(frozen=True)
class Estimate:
    """A percentile of a week that is not settled, in seconds; settles_at in seconds since 1970, NaN where not known.

    Where only bounds are known value is NaN, and high is NaN where there is no upper limit.
    """

    value: float
    low: float
    high: float
    still_low: float
    still_high: float
    extra_variance: float
    settles_at: float


def first_look(cohort: Cohort, clock: Clock, *, look: float) -> FirstLook:
    """A week as it was known at an instant, with what has come since.

    Args:
        cohort: the week, as known now.
        clock: of the team's calendar.
        look: the instant, seconds since 1970.

    Returns:
        The rows that had begun and had not been removed by then.
    """
    is_open = (cohort.stop > look) | cohort.running
    stop = cohort.stop.copy()
    rows, starts, ends = cohort.spells
    if len(rows):
        again = np.unique(rows)
        is_open[again] = False
        is_open[rows[(starts <= look) & (look < ends)]] = True
        stop[again] = -np.inf
        over = ends <= look
        np.maximum.at(stop, rows[over], ends[over])
    there = (cohort.begin <= look) & (cohort.removed_at > look) & (is_open | (stop > -np.inf))
    reference = np.where(is_open, look, stop)[there]
    rest = clock.seconds_at(cohort.stop[there]) - clock.seconds_at(reference)
    return FirstLook(
        arrival=(cohort.begin - cohort.start)[there],
        is_open=is_open[there],
        done_for=np.where(is_open[there], np.nan, look - reference),
        rest=np.where(cohort.counts[there], np.maximum(rest, 0.0), np.nan),
        unfinished=(~cohort.ended & ~cohort.running)[there],
    )


def complete(
    cohort: Cohort, looks: Sequence[FirstLook], clock: Clock, *, as_of: float, seed: str, reopens: bool
) -> Sets:
    """Complete a week with what happened to past ones after the same age.

    Args:
        cohort: the week.
        looks: the past weeks, each at its first look.
        clock: of the team's calendar.
        as_of: the instant up to which the cohort is known, seconds since 1970.
        seed: the same text draws the same.
        reopens: whether what has ended may run again.

    Returns:
        The completed sets. Where too few past weeks have open rows, what runs stays as it is and `is_complete` is
        False.

    Notes:
        Every open row takes at random one of the six rows of the past week that were open at their first look and had
        begun nearest to it in the week, and runs on for as many open seconds as that one did; one that was removed
        removes it. Where rows can be reopened, each that has ended takes likewise one of the forty nearest in the time
        since the solve, with what a reopening added.

    References:
        Andridge, R. R., Little, R. J. A. (2010). A review of hot deck imputation. Int. Statist. Rev. 78, 40-64.
    """
    rows = np.flatnonzero(cohort.counts)
    begin, stop = cohort.begin[rows], cohort.stop[rows]
    running, has_ended = cohort.running[rows], cohort.ended[rows]
    arrival, done_for = begin - cohort.start, as_of - stop
    waits, done = np.flatnonzero(running), np.flatnonzero(has_ended)
    usable = [look for look in looks if not len(waits) or int(look.is_open.sum()) >= LEAST_OPEN]
    is_complete = len(usable) >= LEAST_DONOR_WEEKS
    has_draws = is_complete and (len(waits) > 0 or reopens)
    random = np.random.default_rng(crc32(seed.encode()))
    shape = (len(usable) * DRAWS if has_draws else 1, len(rows))
    rest, unfinished = np.zeros(shape), np.zeros(shape, dtype=bool)
    if has_draws:
        for number, look in enumerate(usable):
            place = slice(number * DRAWS, (number + 1) * DRAWS)
            if len(waits):
                taken = _nearest(arrival[waits], look.arrival, look.is_open, NEIGHBOURS, random)
                rest[place, waits], unfinished[place, waits] = look.rest[taken], look.unfinished[taken]
            solved = ~look.is_open & np.isfinite(look.done_for)
            if reopens and len(done) and solved.any():
                taken = _nearest(done_for[done], look.done_for, solved, SOLVED_NEIGHBOURS, random)
                rest[place, done] = look.rest[taken]
    moved = np.isnan(rest) | (rest > 0)
    end_at = np.where(moved, clock.instant_at(clock.seconds_at(stop) + rest), stop)
    business, calendar = cohort.business[rows], stop - begin
    return Sets(
        times={"business": business + rest, "calendar": end_at - begin},
        ended=(has_ended | (running & is_complete)) & ~unfinished,
        end_at=end_at,
        group=cohort.group[rows],
        running=running,
        so_far={"business": business, "calendar": calendar},
        begin=begin,
        has_ended=has_ended,
        clock=clock,
        as_of=as_of,
        donors=len(usable) if has_draws else 0,
        is_complete=is_complete or not (len(waits) or reopens),
    )


def _nearest(
    places: Floats, donor_places: Floats, usable: Bools, neighbours: int, random: np.random.Generator
) -> Integers:
    """For each place, five times, one of the usable donors nearest in order, half before and half after."""
    donors = np.flatnonzero(usable)
    donors = donors[np.argsort(donor_places[donors], kind="stable")]
    window = min(neighbours, len(donors))
    after = np.searchsorted(donor_places[donors], places)
    first = np.clip(after - window // 2, 0, len(donors) - window)
    taken: Integers = donors[first + random.integers(0, window, size=(DRAWS, len(places)))]
    return taken


def hard_bounds(sets: Sequence[Sets], p: float, *, clock: str = "business", group: str = "") -> tuple[float, float]:
    """Between which a percentile lies whatever happens: what runs ends now, or never.

    Args:
        sets: of one team or of all, one each.
        p: the percentile, between 0 and 1.
        clock: `business` or `calendar`.
        group: a channel; empty: all.

    Returns:
        The lower and the upper bound in seconds; the upper one is NaN where there is no limit.
    """
    times, ended, running = _known(sets, clock, group)
    low = percentiles(times[None, :], (ended | running)[None, :], p)[0]
    high = percentiles(np.where(running, np.inf, times)[None, :], ended[None, :], p)[0]
    return float(low[0]), float(high[0]) if np.isfinite(high[0]) else np.nan


def estimate(
    sets: Sequence[Sets],
    p: float,
    *,
    clock: str = "business",
    group: str = "",
    reopens: bool = False,
) -> Estimate | None:
    """A percentile of a week that is not settled, with the interval that holds it and the range still to come.

    Args:
        sets: of one team, or of all teams, one each.
        p: the percentile, between 0 and 1.
        clock: `business` or `calendar`.
        group: a channel; empty: all.
        reopens: whether what has ended may run again, so that the percentile has no hard lower bound.

    Returns:
        The estimate; None where nothing is open and nothing can be told of reopenings. Where past weeks do not tell
        how it goes on (of all teams: for more than one in twenty of what is open), low and high are hard bounds and
        value is NaN; low then rests on the rows that have been open for at least a second.

    Notes:
        value = exp(mean of the logs of the percentiles Q of all sets); B = variance of these logs; S = mean over the
        sets of ((ln x_b - ln x_a) / 2)^2 with a, b = n p -+ sqrt(n p (1 - p)) rounded outwards, k past weeks. The
        interval is value * exp(-+ t sqrt(S + B (1 + 1/k))) with (k - 1) (1 + S / (B (1 + 1/k)))^2 degrees of freedom,
        the range still to come value * exp(-+ t sqrt(B (1 + 1/k))) with k - 1.

    References:
        Rubin, D. B. (1987). Multiple imputation for nonresponse in surveys.
    """
    known, has_ended, running = _known(sets, clock, group)
    told = sum(int(_of_group(each, each.running, group).sum()) for each in sets if each.is_complete)
    if running.any() and told < (1 - _NEGLIGIBLE) * running.sum():
        return _bounds(known, has_ended, running, p)
    donors = [each.donors for each in sets if each.donors and _of_group(each, each.running, group, reopens).any()]
    if not donors:
        return None
    times, ended = _drawn(sets, clock, group)
    q, below, above = percentiles(times, ended, p)
    if not np.isfinite(q).all():
        return _bounds(known, has_ended, running, p) if running.any() else None
    k = min(donors)
    logs = np.log(np.maximum(q, _LEAST_SECONDS))
    value, between = float(np.exp(logs.mean())), float(logs.var(ddof=1)) * (1 + 1 / k)
    spread = (np.log(np.maximum(above, _LEAST_SECONDS)) - np.log(np.maximum(below, _LEAST_SECONDS))) / 2
    spread = spread[np.isfinite(spread)]
    within = float((spread**2).mean()) if len(spread) else 0.0
    degrees = (k - 1) * (1 + within / between) ** 2 if between > 0 else np.inf
    reach = _t(degrees) * np.sqrt(within + between)
    still = _t(k - 1) * np.sqrt(between)
    least = 0.0 if reopens else float(percentiles(known[None, :], (has_ended | running)[None, :], p)[0][0])
    return Estimate(
        value=value,
        low=value * np.exp(-reach),
        high=value * np.exp(reach),
        still_low=min(max(value * np.exp(-still), least), value),
        still_high=value * np.exp(still),
        extra_variance=between,
        settles_at=_settles_at(sets, q, clock, group),
    )


def percentiles(times: Floats, ended: Bools, p: float) -> tuple[Floats, Floats, Floats]:
    """Kaplan-Meier percentiles of many sets of times, with the order statistics that bracket them.

    Args:
        times: a row per set; NaN where a row does not count, inf where it never ends.
        ended: of the same shape; False: it ran for that long and had not ended.
        p: the percentile, between 0 and 1.

    Returns:
        Per set the percentile as `survival.quantile` has it (inf or NaN where it is not reached), and the times at
        n p - sqrt(n p (1 - p)) and n p + sqrt(n p (1 - p)), rounded outwards, from 1 to n.
    """
    order = np.lexsort((~ended, times), axis=-1)
    times, ended = np.take_along_axis(times, order, axis=-1), np.take_along_axis(ended, order, axis=-1)
    n = (~np.isnan(times)).sum(axis=-1)
    at_risk = n[:, None] - np.arange(times.shape[1])[None, :]
    left = np.where(ended & (at_risk > 0), 1 - 1 / np.maximum(at_risk, 1), 1.0)
    survival = np.cumprod(left, axis=-1)
    rows = np.arange(len(times))
    last = np.where(n > 0, times[rows, np.maximum(n - 1, 0)], np.nan) if times.shape[1] else np.full(len(times), np.nan)

    def first(level: Floats | float, slack: float) -> Floats:
        if not times.shape[1]:
            return np.full(len(times), np.nan)
        reached = survival <= np.reshape(level, (-1, 1)) + slack
        at = reached.argmax(axis=-1)
        return np.where(reached[rows, at], times[rows, at], np.nan)

    at_or_below, below = first(1 - p, _TIE), first(1 - p, -_TIE)
    value = np.where(np.isnan(below), (at_or_below + last) / 2, (at_or_below + below) / 2)
    error, safe = np.sqrt(n * p * (1 - p)), np.maximum(n, 1)
    a = np.clip(np.floor(n * p - error), 1, safe)
    b = np.clip(np.ceil(n * p + error), 1, safe)
    return value, first(1 - a / safe, _TIE), first(1 - b / safe, _TIE)


def _bounds(times: Floats, ended: Bools, running: Bools, p: float) -> Estimate:
    exposed = ~running | (times > 0)
    low = float(percentiles(times[None, exposed], (ended | running)[None, exposed], p)[0][0])
    high = float(percentiles(np.where(running, np.inf, times)[None, :], ended[None, :], p)[0][0])
    low = low if np.isfinite(low) else 0.0
    return Estimate(np.nan, low, high if np.isfinite(high) else np.nan, low, high, np.nan, np.nan)


def _of_group(sets: Sets, rows: Bools, group: str, every: bool = False) -> Bools:
    """Of some rows those of a channel; all of the channel where `every`."""
    inside: Bools = sets.group == group if group else np.ones(len(sets.group), dtype=bool)
    return inside if every else rows & inside


def _known(sets: Sequence[Sets], clock: str, group: str) -> tuple[Floats, Bools, Bools]:
    """Times so far, whether they have ended, whether they run, over all teams; those without a time are left out."""
    inside = [_of_group(each, each.running, group, every=True) & ~np.isnan(each.so_far[clock]) for each in sets]
    pairs = list(zip(sets, inside, strict=True))
    return (
        np.concatenate([each.so_far[clock][rows] for each, rows in pairs]),
        np.concatenate([each.has_ended[rows] for each, rows in pairs]),
        np.concatenate([each.running[rows] for each, rows in pairs]),
    )


def _drawn(sets: Sequence[Sets], clock: str, group: str) -> tuple[Floats, Bools]:
    """The draws of all teams side by side; a team with fewer of them is repeated."""
    count = max(len(each.ended) for each in sets)
    times, ended = [], []
    for each in sets:
        inside = _of_group(each, each.running, group, every=True)
        draw = np.arange(count) % len(each.ended)
        times.append(each.times[clock][:, inside][draw])
        ended.append(each.ended[:, inside][draw])
    return np.hstack(times), np.hstack(ended)


def _settles_at(sets: Sequence[Sets], q: Floats, clock: str, group: str) -> float:
    """When all that runs will have ended or have outlasted the percentile, in most of the draws."""
    latest = np.full(len(q), -np.inf)
    for each in sets:
        rows = _of_group(each, each.running, group)
        if not rows.any():
            continue
        draw = np.arange(len(q)) % len(each.ended)
        end_at = each.end_at[:, rows][draw]
        if clock == "calendar":
            outlasts = each.begin[rows][None, :] + q[:, None]
        else:
            left = np.maximum(q[:, None] - each.so_far[clock][rows][None, :], 0.0)
            outlasts = each.clock.instant_at(each.clock.seconds_at(each.as_of) + left)
        latest = np.fmax(latest, np.nanmax(np.fmin(end_at, outlasts), axis=1, initial=-np.inf))
    return float(np.quantile(latest, PROMISE)) if np.isfinite(latest).all() else np.nan


def _t(degrees: float) -> float:
    upper = (1 + CONFIDENCE) / 2
    return float(special.ndtri(upper) if np.isinf(degrees) else special.stdtrit(degrees, upper))


Printed = Callable[[float], str]


def is_settled(low: float, high: float, printed: Printed) -> bool:
    """Whether two hard bounds are the same number as it is printed.

    Args:
        low: the lower bound, NaN where nothing counts.
        high: the upper bound, NaN where there is none.
        printed: a number as a page has it.
    """
    if np.isnan(high):
        return bool(np.isnan(low))
    return printed(low) == printed(high)


def cohorts(rows: pd.DataFrame, spells: pd.DataFrame, starts: Mapping[str, float]) -> dict[tuple[str, str], Cohort]:
    """The rows of one measure by team and week.

    Args:
        rows: week, team, group, begin, stop (seconds since 1970), ended, running, removed_at, business (seconds).
        spells: key (the index of a row), start and end (seconds since 1970; inf: it runs) of those that were reopened.
        starts: by week the instant at which it starts, seconds since 1970.

    Returns:
        By team and week its cohort.
    """
    rows = rows.reset_index(drop=True)
    code = rows.groupby(["team", "week"], sort=True).ngroup().to_numpy()
    order = np.argsort(code, kind="stable")
    place = np.empty(len(rows), dtype=np.int64)
    edges = np.flatnonzero(np.diff(code[order])) + 1
    parts = np.split(order, edges)
    spell_code = code[spells["key"].to_numpy(dtype=np.int64)]
    result = {}
    columns = {name: rows[name].to_numpy() for name in rows.columns}
    for part in parts:
        if not len(part):
            continue
        place[part] = np.arange(len(part))
        own = spells[spell_code == code[part[0]]]
        week = str(columns["week"][part[0]])
        result[(str(columns["team"][part[0]]), week)] = Cohort(
            start=starts[week],
            begin=columns["begin"][part].astype(np.float64),
            stop=columns["stop"][part].astype(np.float64),
            ended=columns["ended"][part].astype(bool),
            running=columns["running"][part].astype(bool),
            removed_at=columns["removed_at"][part].astype(np.float64),
            business=columns["business"][part].astype(np.float64),
            group=columns["group"][part].astype(object),
            spells=(
                place[own["key"].to_numpy(dtype=np.int64)],
                own["start"].to_numpy(dtype=np.float64),
                own["end"].to_numpy(dtype=np.float64),
            ),
        )
    return result
