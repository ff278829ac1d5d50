"""Weeks completed from past ones: hand-counted weeks, and a slow obvious twin on random ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from opslib.analysis.methods.survival import quantile
from opslib.analysis.weekly_review.completion import (
    DRAWS,
    Cohort,
    bounds_so_far,
    complete,
    estimate,
    first_look,
    hard_bounds,
    is_moving,
    is_settled,
    is_told,
    percentiles,
)

HOUR = 3600.0
WEEK = 7 * 24 * HOUR
Floats = npt.NDArray[np.float64]


class Always:
    """A clock that never stops."""

    def seconds_at(self, instants: npt.ArrayLike) -> Floats:
        return np.asarray(instants, dtype=np.float64)

    def instant_at(self, seconds: npt.ArrayLike) -> Floats:
        return np.asarray(seconds, dtype=np.float64)


class Weekdays(Always):
    """Open for the first five days of each week, counted from 0."""

    def seconds_at(self, instants: npt.ArrayLike) -> Floats:
        at = np.asarray(instants, dtype=np.float64)
        return at // WEEK * (WEEK * 5 / 7) + np.minimum(at % WEEK, WEEK * 5 / 7)

    def instant_at(self, seconds: npt.ArrayLike) -> Floats:
        count = np.asarray(seconds, dtype=np.float64)
        full = np.maximum(np.ceil(count / (WEEK * 5 / 7)) - 1, 0)
        return full * WEEK + count - full * (WEEK * 5 / 7)


def cohort(
    week: int,
    begin: npt.ArrayLike,
    end: npt.ArrayLike,
    *,
    as_of: float,
    clock: Always | None = None,
    removed_at: npt.ArrayLike | None = None,
    spells: tuple[list[int], list[float], list[float]] = ([], [], []),
    team: npt.ArrayLike | None = None,
    holders: tuple[list[int], list[float], list[int]] = ([], [], []),
) -> Cohort:
    """A week whose rows begin and end at hours of the week; an end of infinity is none yet."""
    clock = clock or Always()
    begins = week * WEEK + np.asarray(begin, dtype=np.float64) * HOUR
    ends = week * WEEK + np.asarray(end, dtype=np.float64) * HOUR
    ended = ends <= as_of
    stop = np.where(ended, ends, as_of)
    gone = np.full(len(stop), np.inf) if removed_at is None else np.asarray(removed_at, dtype=np.float64)
    return Cohort(
        start=week * WEEK,
        team=np.zeros(len(stop), dtype=np.int64) if team is None else np.asarray(team, dtype=np.int64),
        begin=begins,
        stop=stop,
        ended=ended,
        running=~ended & np.isinf(gone),
        removed_at=gone,
        business=clock.seconds_at(stop) - clock.seconds_at(begins),
        group=np.where(np.arange(len(stop)) % 2 == 0, "email", "web").astype(object),
        spells=(np.array(spells[0], dtype=np.int64), np.array(spells[1]), np.array(spells[2])),
        holders=(
            np.array(holders[0], dtype=np.int64),
            np.array(holders[1], dtype=np.float64),
            np.array(holders[2], dtype=np.int64),
        ),
    )


def minutes(value: float) -> str:
    return f"{value / 60:.0f} min" if np.isfinite(value) else "–"


def test_a_weekend_that_has_not_had_an_open_second_bounds_the_median_from_below():
    """Four tickets answered in an hour, six of Saturday: half of ten is not reached before they are answered."""
    as_of = WEEK - 1
    monday = cohort(0, [8, 32, 56, 80, *[124] * 6], [9, 33, 57, 81, *[np.inf] * 6], as_of=as_of, clock=Weekdays())
    sets = complete(monday, [], [Weekdays()], holder=0, as_of=as_of, seed="a", reopens=False)
    assert not is_told([sets])
    made = bounds_so_far([sets], 0.5)
    assert (made.low, np.isnan(made.high), np.isnan(made.value)) == (HOUR, True, True)
    assert hard_bounds([sets], 0.5)[0] == 0

    as_of = 2 * WEEK
    known = cohort(0, [8, 32, 56, 80, *[124] * 6], [9, 33, 57, 81, *[168 + 5] * 6], as_of=as_of, clock=Weekdays())
    sets = complete(known, [], [Weekdays()], holder=0, as_of=as_of, seed="a", reopens=False)
    assert hard_bounds([sets], 0.5) == (5 * HOUR, 5 * HOUR)
    assert estimate([sets], 0.5) is None


def past_weeks(random: np.random.Generator, as_of: float, rows: int = 60) -> list[Cohort]:
    return [
        cohort(week, np.sort(random.uniform(0, 168, rows)), 168 + random.uniform(0.5, 30, rows), as_of=as_of)
        for week in range(8)
    ]


def test_open_rows_run_on_for_as_long_as_those_of_past_weeks_did():
    """Every past row waited for exactly six hours more; so will each of these, and the value is known to the second."""
    as_of = 10 * WEEK
    begin = np.arange(40.0) * 4
    looks = [
        first_look(cohort(week, begin, np.full(40, 174.0), as_of=as_of), [Always()], look=(week + 1) * WEEK)
        for week in range(8)
    ]
    now = cohort(9, begin, np.full(40, np.inf), as_of=as_of)
    sets = complete(now, looks, [Always()], holder=0, as_of=as_of, seed="a", reopens=False)
    made = estimate([sets], 0.5)
    assert made is not None
    median = float(np.median(174 - begin)) * HOUR
    assert made.value == pytest.approx(median)
    assert (made.still_low, made.still_high, made.extra_variance) == (
        pytest.approx(median),
        pytest.approx(median),
        pytest.approx(0),
    )
    assert made.low < median < made.high
    assert made.settles_at == pytest.approx(as_of + 6 * HOUR)


def test_what_reopenings_added_is_added():
    """Of each past week's tickets all were reopened an hour after the look and solved two hours later."""
    as_of, begin, solved = 10 * WEEK, np.arange(40.0), np.arange(40.0) + 10
    looks = []
    for week in range(8):
        first = [week * WEEK + hour * HOUR for hour in begin]
        starts = [*first, *[(week + 1) * WEEK + HOUR] * 40]
        ends = [*(week * WEEK + hour * HOUR for hour in solved), *[(week + 1) * WEEK + 3 * HOUR] * 40]
        past = cohort(week, begin, np.full(40, 171.0), as_of=as_of, spells=([*range(40), *range(40)], starts, ends))
        look = first_look(past, [Always()], look=(week + 1) * WEEK)
        assert not look.is_open.any()
        assert look.rest / HOUR == pytest.approx(171 - solved)
        looks.append(look)
    now = cohort(9, begin, solved, as_of=as_of)
    sets = complete(now, looks, [Always()], holder=0, as_of=as_of, seed="a", reopens=True)
    made = estimate([sets], 0.5, reopens=True)
    assert made is not None
    assert made.value > 10 * HOUR + (171 - 50) * HOUR
    again = complete(now, looks, [Always()], holder=0, as_of=as_of, seed="a", reopens=False)
    assert estimate([again], 0.5) is None


def test_a_removed_row_of_a_past_week_removes_the_one_that_takes_it():
    as_of, begin = 10 * WEEK, np.arange(10.0)
    looks = [
        first_look(
            cohort(week, begin, np.full(10, np.inf), as_of=as_of, removed_at=np.full(10, (week + 2) * WEEK)),
            [Always()],
            look=(week + 1) * WEEK,
        )
        for week in range(4)
    ]
    assert all(look.is_open.all() for look in looks)
    sets = complete(
        cohort(9, begin, np.full(10, np.inf), as_of=as_of),
        looks,
        [Always()],
        holder=0,
        as_of=as_of,
        seed="a",
        reopens=False,
    )
    assert np.isnan(sets.times["business"]).all()


def test_what_past_weeks_handed_over_is_moving():
    """Team 0 passed on what it had open on Monday; team 1 was done with it after two hours, and is credited."""
    as_of, begin = 10 * WEEK, np.arange(20.0)
    looks = []
    for week in range(8):
        passed = [(week + 1) * WEEK + HOUR] * 20
        past = cohort(
            week,
            begin,
            np.full(20, 170.0),
            as_of=as_of,
            team=np.ones(20),
            holders=([*range(20), *range(20)], [week * WEEK] * 20 + passed, [0] * 20 + [1] * 20),
        )
        looks.append(first_look(past, [Always(), Always()], look=(week + 1) * WEEK))
        assert (looks[-1].holder == 0).all()
    now = cohort(9, np.arange(40.0), [*[np.inf] * 20, *np.arange(20.0) + 21], as_of=as_of, team=[0] * 20 + [1] * 20)
    sets = [
        complete(now, looks, [Always(), Always()], holder=team, as_of=as_of, seed="a", reopens=False) for team in (0, 1)
    ]
    assert not is_moving([sets[1]], team=1)
    assert is_moving(sets, team=1)
    made = estimate(sets, 0.5, team=1)
    assert made is not None
    times = np.concatenate([170 - np.arange(20.0), np.ones(20)]) * HOUR
    assert made.value == pytest.approx(float(np.median(times)))
    whole = estimate(sets, 0.5)
    assert whole is not None
    assert whole.value == pytest.approx(float(np.median(times)))


def test_three_past_weeks_are_too_few():
    random = np.random.default_rng(1)
    as_of = 10 * WEEK
    looks = [first_look(week, [Always()], look=week.start + WEEK) for week in past_weeks(random, as_of)]
    now = cohort(9, np.sort(random.uniform(0, 168, 60)), np.full(60, np.inf), as_of=as_of)
    for count in (3, 4):
        sets = complete(now, looks[:count], [Always()], holder=0, as_of=as_of, seed="a", reopens=False)
        assert is_told([sets]) == (count == 4)


def test_a_past_week_with_four_open_rows_tells_nothing():
    as_of, begin = 10 * WEEK, np.arange(20.0)
    looks = [
        first_look(
            cohort(week, begin, np.where(np.arange(20) < 4, 170.0, begin + 1), as_of=as_of),
            [Always()],
            look=(week + 1) * WEEK,
        )
        for week in range(8)
    ]
    sets = complete(
        cohort(9, begin, np.full(20, np.inf), as_of=as_of),
        looks,
        [Always()],
        holder=0,
        as_of=as_of,
        seed="a",
        reopens=False,
    )
    assert not sets.is_complete


def test_the_same_seed_draws_the_same_and_another_does_not():
    random = np.random.default_rng(2)
    as_of = 10 * WEEK
    looks = [first_look(week, [Always()], look=week.start + WEEK) for week in past_weeks(random, as_of)]
    now = cohort(9, np.sort(random.uniform(0, 168, 60)), np.full(60, np.inf), as_of=as_of)
    one, two, other = (
        complete(now, looks, [Always()], holder=0, as_of=as_of, seed=seed, reopens=False).times["business"]
        for seed in ("a", "a", "b")
    )
    assert (one == two).all()
    assert (one != other).any()


def test_a_channel_is_a_part_of_the_same_draws_and_all_teams_are_their_draws_side_by_side():
    random = np.random.default_rng(3)
    as_of = 10 * WEEK
    looks = [first_look(week, [Always()], look=week.start + WEEK) for week in past_weeks(random, as_of)]
    now = cohort(9, np.sort(random.uniform(0, 168, 60)), np.full(60, np.inf), as_of=as_of)
    sets = complete(now, looks, [Always()], holder=0, as_of=as_of, seed="a", reopens=False)
    channel, whole, twice = estimate([sets], 0.5, group="web"), estimate([sets], 0.5), estimate([sets, sets], 0.5)
    assert channel is not None
    assert whole is not None
    assert twice is not None
    medians = np.median(sets.times["business"][:, 1::2], axis=1)
    assert channel.value == pytest.approx(np.exp(np.log(medians).mean()))
    assert twice.value == pytest.approx(whole.value)
    assert twice.high / twice.low < whole.high / whole.low


@pytest.mark.parametrize("seed", range(6))
def test_percentiles_are_those_of_kaplan_and_meier(seed: int):
    random = np.random.default_rng(seed)
    times = random.integers(1, 12, size=(5, 30)).astype(np.float64)
    ended = random.random((5, 30)) < random.choice([0.6, 0.9, 1.0])
    times[random.random((5, 30)) < 0.1] = np.nan
    for p in (0.5, 0.9):
        value, below, above = percentiles(times, ended, p)
        for row in range(5):
            there = ~np.isnan(times[row])
            twin = quantile(times[row][there], ended[row][there], p)
            assert value[row] == pytest.approx(twin.value, nan_ok=True)
            if ended[row][there].all():
                n, ordered = int(there.sum()), np.sort(times[row][there])
                spread = np.sqrt(n * p * (1 - p))
                assert below[row] == ordered[max(int(np.floor(n * p - spread)), 1) - 1]
                assert above[row] == ordered[min(int(np.ceil(n * p + spread)), n) - 1]


@pytest.mark.parametrize("seed", range(4))
def test_a_slow_twin_takes_the_same_donors(seed: int):
    """Row by row and draw by draw: the open rows of a past week, nearest in arrival, three before and three after."""
    random = np.random.default_rng(seed)
    as_of, clock = 10 * WEEK + 7 * HOUR, Weekdays()
    begins = np.sort(random.uniform(0, 168, (10, 30)), axis=1)
    ends = begins + random.uniform(1, 90, (10, 30))
    weeks = [cohort(week, begins[week], ends[week], as_of=as_of, clock=clock) for week in range(1, 9)]
    looks = [first_look(week, [clock], look=week.start + WEEK + 7 * HOUR) for week in weeks]
    now = cohort(9, begins[9], ends[9], as_of=as_of, clock=clock)
    assert now.running.any()
    sets = complete(now, looks, [clock], holder=0, as_of=as_of, seed="a", reopens=False)

    usable = [week for week in weeks if sum(end > week.start + WEEK + 7 * HOUR for end in week.stop) >= 5]
    assert sets.donors == len(usable)
    for number, week in enumerate(usable):
        look = week.start + WEEK + 7 * HOUR
        waiting = sorted(
            (begin - week.start, clock.seconds_at(end) - clock.seconds_at(look))
            for begin, end in zip(week.begin, week.stop, strict=True)
            if end > look
        )
        for column in range(30):
            drawn = sets.times["business"][number * DRAWS : (number + 1) * DRAWS, column] - now.business[column]
            if not now.running[column]:
                assert (drawn == 0).all()
                continue
            arrival = now.begin[column] - now.start
            before = sum(place < arrival for place, _ in waiting)
            first = min(max(before - 3, 0), max(len(waiting) - 6, 0))
            rests = [float(rest) for _, rest in waiting[first : first + 6]]
            for each in drawn:
                assert min(abs(each - rest) for rest in rests) < 1e-3


def test_a_value_is_settled_where_its_bounds_are_printed_alike():
    assert is_settled(3600, 3629, minutes)
    assert not is_settled(3600, 3700, minutes)
    assert not is_settled(3600, np.nan, minutes)
    assert is_settled(np.nan, np.nan, minutes)


def test_the_interval_holds_the_final_value():
    """Weeks that differ by a factor of their own, on Monday and once known: at least nine of ten are held."""
    random = np.random.default_rng(11)
    held = 0
    for _ in range(40):
        as_of = 10 * WEEK
        weeks = []
        for _week in range(10):
            pace, begin = random.uniform(0.8, 1.25), np.sort(random.uniform(0, 168, 80))
            weeks.append((begin, np.where(begin < 120, begin + 4, 168) + pace * random.gamma(2, 4, 80)))
        looks = [first_look(cohort(n, *weeks[n], as_of=as_of), [Always()], look=(n + 1) * WEEK) for n in range(8)]
        begin, end = weeks[9]
        sets = complete(
            cohort(9, begin, end, as_of=as_of), looks, [Always()], holder=0, as_of=as_of, seed="a", reopens=False
        )
        made = estimate([sets], 0.9)
        assert made is not None
        final = float(quantile((end - begin) * HOUR, np.ones(80, dtype=bool), 0.9).value)
        held += made.low <= final <= made.high
    assert held >= 36
