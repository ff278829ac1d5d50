"""The rule of signals against a slow twin that takes one series and one week at a time, in loops and plain formulas."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from scipy import optimize, special, stats

from opslib.analysis.methods import level_signals as levels
from opslib.analysis.methods.level_signals import Judgement, Panel

PAGES, WEEKS = 3, 40
FAMILIES = [0, 0, 0, 1, 1, 1]
HAS_FLOOR = [False, False, True, True, False, True]
IS_TIME = [True, True, False, False, False, False]
SEEDS = range(6)
RATE = 0.20


# --- the twin -----------------------------------------------------------------------------------------------------


@dataclass
class Past:
    """What the weeks before one tell of a series."""

    weeks: list[int]
    gone: list[int]
    centre: float
    weight: float
    residuals: list[float]
    variance: float
    scatters: bool
    varies: bool
    ceiling: float
    shift: int
    correlation: float = 0.0
    inflation: float = 1.0
    freedom: float = 0.0

    @property
    def is_enough(self) -> bool:
        return len(self.weeks) >= 8

    @property
    def can_judge(self) -> bool:
        return self.is_enough and self.varies and math.isnan(self.ceiling)


@dataclass
class Verdict:
    week: int
    side: int
    since: int


def fit(weeks: Sequence[int], y: Sequence[float], v: Sequence[float]) -> tuple[float, float, list[float], float]:
    """Weighted mean, sum of weights, residuals and their variance."""
    total = sum(1 / v[week] for week in weeks)
    centre = sum(y[week] / v[week] for week in weeks) / total
    residuals = [(y[week] - centre) / math.sqrt(v[week]) for week in weeks]
    return centre, total, residuals, sum(e * e for e in residuals) / max(len(weeks) - 1, 1)


@cache
def critical_ratio(n: int) -> float:
    q = stats.t.isf(0.005 / n, n - 2)
    return float((n - 1) / math.sqrt(n) * math.sqrt(q * q / (n - 2 + q * q)))


def screen(weeks: list[int], y: Sequence[float], v: Sequence[float]) -> list[int]:
    """Grubbs' test at 1%, two-sided: once, twice of 13 weeks and more, not of 8 and fewer."""
    times = 0 if len(weeks) <= 8 else 1 if len(weeks) < 13 else 2
    for _ in range(times):
        n = len(weeks)
        _, _, residuals, variance = fit(weeks, y, v)
        limit = critical_ratio(n)
        sizes = [abs(e) for e in residuals]
        if variance > 0 and max(sizes) / math.sqrt(variance) > limit:
            farthest = sizes.index(max(sizes))
            weeks = weeks[:farthest] + weeks[farthest + 1 :]
    return weeks


def shift_of(weeks: list[int], residuals: list[float]) -> int:
    """Where the second part of a baseline begins that is not level, by the largest two-sample t."""
    n, best, at = len(weeks), 0.0, -1
    if n < 8:
        return -1
    for cut in range(3, n - 2):
        left, right = residuals[:cut], residuals[cut:]
        means = sum(left) / len(left), sum(right) / len(right)
        squares = sum((e - means[0]) ** 2 for e in left) + sum((e - means[1]) ** 2 for e in right)
        t = abs(means[0] - means[1]) / math.sqrt(squares / (n - 2) * (1 / len(left) + 1 / len(right)) or math.inf)
        if t > best:
            best, at = t, weeks[cut]
    knots = [(8, 4.69), (13, 4.16), (20, 3.89), (26, 3.80)]
    for (low, high_limit), (high, low_limit) in itertools.pairwise(knots):
        if low <= n <= high:
            limit = high_limit + (n - low) / (high - low) * (low_limit - high_limit)
    return at if best > limit else -1


def ceiling_of(weeks: list[int], y: Sequence[float]) -> float:
    """Where more than 35% of a baseline's weeks lie within 2% of its 80th percentile."""
    times = [math.exp(y[week]) for week in weeks]
    top = float(np.quantile(times, 0.8))
    near = sum(abs(time / top - 1) <= 0.02 for time in times)
    return math.log(top) if near / len(times) > 0.35 else math.nan


def past_of(weeks: list[int], y: Sequence[float], v: Sequence[float], *, has_floor: bool, is_time: bool) -> Past:
    """A series by itself, before families and pages lend each other anything."""
    if not weeks:
        return Past([], [], math.nan, 1.0, [], 0.0, False, False, math.nan, -1)
    kept = screen(weeks, y, v)
    centre, weight, residuals, variance = fit(kept, y, v)
    enough = len(kept) >= 8
    scatters = variance > 1e-12 * max(centre**2, 1.0)
    return Past(
        weeks=kept,
        gone=[week for week in weeks if week not in kept],
        centre=centre,
        weight=weight,
        residuals=residuals,
        variance=variance,
        scatters=scatters,
        varies=scatters or (has_floor and enough),
        ceiling=ceiling_of(kept, y) if is_time and enough else math.nan,
        shift=shift_of(kept, residuals),
    )


def correlation_of(pasts: list[Past]) -> float:
    """Lag-1 correlation pooled over the series of a family, by Marriott and Pope, within 0 and 0.3."""
    rs, sizes = [], []
    for past in pasts:
        squares = sum(e * e for e in past.residuals)
        pairs = [
            (past.residuals[i], past.residuals[i + 1])
            for i in range(len(past.weeks) - 1)
            if past.weeks[i + 1] == past.weeks[i] + 1
        ]
        if past.can_judge and past.scatters and pairs:
            rs.append(sum(a * b for a, b in pairs) / (len(pairs) * squares / len(past.weeks)))
            sizes.append(len(past.weeks))
    if not rs:
        return 0.0
    r, n = sum(rs) / len(rs), sum(sizes) / len(sizes)
    return min(max((r + 1 / n) / (1 - 4 / n), 0.0), 0.3)


def lend(pasts: dict[tuple[int, int], Past], metrics: list[int]) -> None:
    """Smyth's empirical Bayes over the pages, one prior of freedom per family and one variance per metric."""
    logs: dict[tuple[int, int], float] = {}
    excesses: list[float] = []
    for metric in metrics:
        own = [page for page in range(PAGES) if pasts[page, metric].can_judge]
        if len(own) < 2:
            continue
        for page in own:
            half = (len(pasts[page, metric].weeks) - 1) / 2
            logs[page, metric] = math.log(pasts[page, metric].variance) - special.digamma(half) + math.log(half)
        mean = sum(logs[page, metric] for page in own) / len(own)
        for page in own:
            half = (len(pasts[page, metric].weeks) - 1) / 2
            spread = (logs[page, metric] - mean) ** 2 * len(own) / (len(own) - 1)
            excesses.append(spread - special.polygamma(1, half))
    if not excesses:
        return
    excess, d0 = sum(excesses) / len(excesses), 20.0
    if excess > 0.1:
        d0 = min(2 * optimize.brentq(lambda x: special.polygamma(1, x) - excess, 1e-3, 1e3, xtol=1e-13), 20.0)
    for metric in metrics:
        own = [page for page in range(PAGES) if (page, metric) in logs]
        if own:
            mean = sum(logs[page, metric] for page in own) / len(own)
            prior = math.exp(mean + special.digamma(d0 / 2) - math.log(d0 / 2))
            for page in own:
                past, d = pasts[page, metric], len(pasts[page, metric].weeks) - 1
                past.variance, past.freedom = (d0 * prior + d * past.variance) / (d0 + d), d0 + d


def pasts_before(panel: Panel, week: int, out: set[tuple[int, int, int]]) -> dict[tuple[int, int], Past]:
    """The baselines of all series as they stand before a week."""
    pasts = {}
    for page in range(PAGES):
        for metric in range(len(panel.family)):
            eligible = [
                at
                for at in range(panel.starts[page, metric, week], week)
                if panel.usable[page, metric, at]
                and panel.extra[page, metric, at] == 0
                and (page, metric, at) not in out
            ]
            pasts[page, metric] = past_of(
                eligible[-26:],
                panel.value[page, metric].tolist(),
                panel.variance[page, metric].tolist(),
                has_floor=bool(panel.has_floor[metric]),
                is_time=bool(panel.is_time[metric]),
            )
    for family in sorted(set(panel.family.tolist())):
        metrics = [metric for metric in range(len(panel.family)) if panel.family[metric] == family]
        own = {key: past for key, past in pasts.items() if key[1] in metrics}
        correlation = correlation_of(list(own.values()))
        for (_, metric), past in own.items():
            n = len(past.weeks)
            past.correlation, past.freedom = correlation, n - 1
            past.inflation = min((1 + correlation) / (1 - correlation), max(n, 1) / 3)
            if past.is_enough:
                past.variance *= (n - 1) / (n - past.inflation)
                past.variance = max(past.variance, 1.0) if panel.has_floor[metric] else past.variance
        lend(pasts, metrics)
    for (_, metric), past in pasts.items():
        past.variance = max(past.variance, 1.0) if panel.has_floor[metric] else past.variance
    return pasts


def two_sided(score: float, freedom: float) -> float:
    return float(2 * stats.t.sf(abs(score), freedom))


def plainly_judged(panel: Panel, rate: float) -> Judgement:
    """The twin of `judge`."""
    shape = panel.value.shape
    nothing = {name: np.full(shape, -1) for name in ("since", "first", "last", "shift")}
    nothing |= {name: np.full(shape, 0) for name in ("side", "size")}
    nothing |= {name: np.full(shape, np.nan) for name in ("centre", "lower", "upper", "p", "ceiling")}
    nothing |= {name: np.full(shape, False) for name in ("judged", "together", "is_new", "is_back", "varies")}
    result = Judgement(**nothing, left_out=np.full((*shape, 2), -1))
    out: set[tuple[int, int, int]] = set()
    history: dict[tuple[int, int], list[Verdict]] = {}
    earlier: dict[tuple[int, int], Past] = {}
    for week in range(shape[-1]):
        pasts = pasts_before(panel, week, out)
        for page in range(PAGES):
            tests = {}
            for metric in range(shape[1]):
                past, place = pasts[page, metric], (page, metric, week)
                result.size[place], result.shift[place] = len(past.weeks), past.shift
                result.varies[place], result.ceiling[place] = past.varies, past.ceiling
                if past.weeks:
                    result.first[place], result.last[place] = past.weeks[0], past.weeks[-1]
                for at, gone in enumerate(reversed(past.gone)):
                    result.left_out[(*place, 1 - at)] = gone
                if past.is_enough:
                    result.centre[place] = past.centre
                if past.can_judge and panel.usable[place]:
                    tests[metric] = outcome_of(panel, place, past, earlier.get((page, metric)))
            judge_page(panel, result, page, week, tests, pasts, history, rate)
            out |= {(page, metric, week) for metric in tests if result.side[page, metric, week]}
        earlier = pasts
    return result


def outcome_of(panel: Panel, place: tuple[int, int, int], past: Past, earlier: Past | None) -> tuple[float, ...]:
    """p; p and score of the week alone; p and score of two weeks (NaN where there is no such test)."""
    *series, week = place
    before = (*series, week - 1)
    y, v, extra = (float(each[place]) for each in (panel.value, panel.variance, panel.extra))
    error = math.sqrt(past.variance * (v + past.inflation / past.weight) + extra)
    first = (y - past.centre) / error
    alone = two_sided(first, past.freedom)
    has_both = (
        earlier is not None and earlier.can_judge and week - 1 >= panel.starts[place] and bool(panel.usable[before])
    )
    if not has_both:
        return alone, alone, first, math.nan, math.nan
    w = 1 / v, 1 / float(panel.variance[before])
    mean = (w[0] * y + w[1] * float(panel.value[before])) / (w[0] + w[1])
    of_mean = (1 + earlier.correlation) / (w[0] + w[1]) + earlier.inflation / earlier.weight
    extra_of_mean = (extra + float(panel.extra[before])) / 4
    second = (mean - earlier.centre) / math.sqrt(earlier.variance * of_mean + extra_of_mean)
    both = two_sided(second, earlier.freedom)
    return min(1.0, 2 * min(alone, both)), alone, first, both, second


outcome_of.__test__ = False  # type: ignore[attr-defined]


def judge_page(
    panel: Panel,
    result: Judgement,
    page: int,
    week: int,
    tests: dict[int, tuple[float, ...]],
    pasts: dict[tuple[int, int], Past],
    history: dict[tuple[int, int], list[Verdict]],
    rate: float,
) -> None:
    """Holm over the metrics of a page, and what each verdict is called."""
    rejected: set[int] = set()
    for step, metric in enumerate(sorted(tests, key=lambda each: tests[each][0])):
        if tests[metric][0] > rate / (len(tests) - step):
            break
        rejected.add(metric)
    for metric in range(len(panel.family)):
        place = (page, metric, week)
        past = history.setdefault((page, metric), [])
        if week and panel.starts[place] != panel.starts[page, metric, week - 1]:
            past.clear()
        if metric not in tests:
            continue
        p, alone, first, both, second = tests[metric]
        own = pasts[page, metric]
        result.judged[place], result.p[place] = True, p
        error = math.sqrt(
            own.variance * (panel.variance[place] + own.inflation / own.weight) + float(panel.extra[place])
        )
        half = stats.t.isf(rate / (4 * len(tests)), own.freedom) * error
        result.lower[place], result.upper[place] = own.centre - half, own.centre + half
        verdict = Verdict(week, 0, -1)
        if metric in rejected:
            verdict.side = int(np.sign(second if both < alone else first))
            same = [each for each in past[-2:] if each.side == verdict.side]
            verdict.since = same[-1].since if same else week
            result.is_new[place] = not same
            result.together[place] = both < alone and result.lower[place] <= panel.value[place] <= result.upper[place]
            result.since[place] = verdict.since
        elif len(past) > 1 and past[-1].side == 0 and past[-2].side != 0:
            result.is_back[place] = True
            result.since[place] = past[-1].week
        result.side[place] = verdict.side
        past.append(verdict)


# --- made series --------------------------------------------------------------------------------------------------


def made(seed: int) -> Panel:
    """Series with all that weekly values have: gaps, unequal variances, correlation, outliers, steps, ceilings."""
    random = np.random.default_rng(seed)
    shape = (PAGES, len(FAMILIES), WEEKS)
    has_floor = np.array(HAS_FLOOR)
    variance = np.where(has_floor[:, None], random.uniform(0.5, 4, shape), 1.0)
    noise = random.normal(size=shape)
    for week in range(1, WEEKS):
        noise[:, 3:, week] += 0.4 * noise[:, 3:, week - 1]
    spread = np.exp(random.normal(0, [0.1, 1.2][seed % 2], (PAGES, len(FAMILIES), 1)))
    scale = np.where(np.array(IS_TIME)[:, None], 0.2, 1.0) * spread * np.sqrt(variance)
    value = random.uniform(2, 9, (PAGES, len(FAMILIES), 1)) + scale * noise
    for page, metric in random.permutation([(page, metric) for page in range(PAGES) for metric in range(6)])[:7]:
        week = random.integers(12, WEEKS - 5)
        height = random.choice([-1, 1]) * random.uniform(2.5, 6) * scale[page, metric].mean()
        value[page, metric, week : week + random.integers(1, 9)] += height
    for page, metric, week in zip(*(random.integers(0, size, 6) for size in (PAGES, 6, 20)), strict=True):
        value[page, metric, week] += 9 * scale[page, metric, week]
    at_ceiling = random.random(WEEKS) < 0.3 + 0.05 * (seed % 4)
    value[0, 0] = np.where(at_ceiling, 4.0 + random.normal(0, 0.004, WEEKS), 4.0 - abs(noise[0, 0]) * 0.4)
    value[1, 1] = 5.0
    value[2, 2] = 3.0
    usable = random.random(shape) > 0.06
    usable[1:, 4] = False
    usable[2, 5, random.integers(0, WEEKS) :] = False
    value = np.where(usable | (random.random(shape) < 0.5), value, np.nan)
    extra = np.where(random.random(shape) < 0.05, random.uniform(0.01, 0.5, shape), 0.0)
    starts = np.zeros(shape, dtype=np.int64)
    starts[0, 3, 14:], starts[1, 0, 20:], starts[1, 0, 33:] = 14, 20, 33
    return Panel(
        value=value,
        variance=variance,
        extra=extra,
        usable=usable,
        starts=starts,
        family=np.array(FAMILIES, dtype=np.int64),
        has_floor=has_floor,
        is_time=np.array(IS_TIME),
    )


@cache
def both(seed: int) -> tuple[Judgement, Judgement]:
    panel = made(seed)
    return levels.judge(panel, rate=RATE), plainly_judged(panel, RATE)


@pytest.mark.parametrize("seed", SEEDS)
def test_judged_page_by_page_in_arrays_is_as_judged_one_by_one(seed: int):
    quick, slow = both(seed)
    for name in Judgement._fields:
        np.testing.assert_allclose(
            np.asarray(getattr(quick, name), dtype=float),
            np.asarray(getattr(slow, name), dtype=float),
            rtol=1e-7,
            atol=1e-10,
            err_msg=name,
        )


def test_the_made_series_bring_out_every_verdict():
    """Else the twin would agree on what neither does."""
    verdicts = [both(seed)[1] for seed in SEEDS]
    counts = {
        "new": sum(each.is_new.sum() for each in verdicts),
        "outside, not new": sum(((each.side != 0) & ~each.is_new).sum() for each in verdicts),
        "above": sum((each.side > 0).sum() for each in verdicts),
        "below": sum((each.side < 0).sum() for each in verdicts),
        "back": sum(each.is_back.sum() for each in verdicts),
        "together": sum(each.together.sum() for each in verdicts),
        "one left out": sum(((each.left_out >= 0).sum(axis=-1) == 1).sum() for each in verdicts),
        "two left out": sum(((each.left_out >= 0).sum(axis=-1) == 2).sum() for each in verdicts),
        "not level": sum((each.shift >= 0).sum() for each in verdicts),
        "pinned": sum(np.isfinite(each.ceiling).sum() for each in verdicts),
        "all the same": sum(((each.size >= 8) & ~each.varies).sum() for each in verdicts),
        "begun anew, or begun late": sum(((each.size < 26) & (each.first > 0)).sum() for each in verdicts),
    }
    assert [name for name, count in counts.items() if count < 3] == []
