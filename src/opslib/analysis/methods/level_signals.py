"""Whether this week's level differs from its past: weekly series judged page by page at a stated rate of false alarms.

A page holds several metrics and is read as a whole, so that what is bounded is the chance of any false alarm on it.
Series are on a working scale on which a week's scatter does not depend on its level (`arcsine`, `root`, the logarithm).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from opslib.analysis.methods.columns import Floats
from opslib.analysis.methods.overdispersed_counts import trigamma_inverse

Bools = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]

MOST_WEEKS = 26
"""How many weeks a baseline has at most."""
FEWEST_WEEKS = 8
"""Fewest weeks of a baseline from which anything is judged."""

_SCREENED = 0.01  # chance of leaving out a week of a sound baseline
_TWICE_FROM = 13  # weeks from which a second one may be left out
_MOST_CORRELATION = 0.3
_MOST_BORROWED = 20.0  # degrees of freedom
_ALIKE = 0.1  # variance of the logarithms up to which pages are as alike as can be told
_PINNED_SHARE, _PINNED_WIDTH, _PINNED_QUANTILE = 0.35, 0.02, 0.8
_FEWEST_ON_A_SIDE = 3
_SHIFT_WEEKS, _SHIFT_LIMITS = (8, 13, 20, 26), (4.69, 4.16, 3.89, 3.80)  # 1 % each, simulated on independent weeks


def root(count: npt.ArrayLike) -> Floats:
    """Put counts on a scale on which Poisson's variance is 1: twice the square root.

    Args:
        count: counts, any shape, 0 or more.

    References:
        Anscombe, F. J. (1948). The transformation of Poisson, binomial and negative-binomial data. Biometrika 35, 246.
    """
    return 2 * np.sqrt(np.asarray(count, dtype=np.float64))


def count_of_root(scaled: npt.ArrayLike) -> Floats:
    """Turn `root` back to counts; what lies below its lowest point is 0."""
    return (np.maximum(scaled, 0.0) / 2) ** 2


def arcsine(successes: npt.ArrayLike, trials: npt.ArrayLike) -> Floats:
    """Put shares on a scale on which the binomial variance is 1 / (4 n + 2), without trouble at 0 and 1.

    Args:
        successes: of the trials, any shape.
        trials: how many there were; NaN comes of 0.

    References:
        Anscombe, F. J. (1948). The transformation of Poisson, binomial and negative-binomial data. Biometrika 35, 246.

    >>> arcsine([150], [210]).round(4).tolist()
    [1.006]
    """
    met, total = np.asarray(successes, dtype=np.float64), np.asarray(trials, dtype=np.float64)
    total = np.where(total > 0, total, np.nan)
    return np.arcsin(np.sqrt(np.clip((met + 0.375) / (total + 0.75), 0.0, 1.0)))


def share_of_arcsine(scaled: npt.ArrayLike, trials: npt.ArrayLike) -> Floats:
    """Turn `arcsine` back to shares of so many trials, within 0 to 1."""
    total = np.asarray(trials, dtype=np.float64)
    share = np.sin(np.clip(scaled, 0.0, np.pi / 2)) ** 2
    values = ((total + 0.75) * share - 0.375) / np.where(total > 0, total, np.nan)
    return np.asarray(np.clip(values, 0.0, 1.0))


@dataclass(frozen=True)
class Panel:
    """Weekly series on their working scale, by page and metric, the weeks in order.

    Args:
        value: shape (pages, metrics, weeks); NaN where a week has none.
        variance: the sampling variance of each value; 1 where it is not known.
        extra: variance of what is still to come to a value, 0 where it is settled; an unsettled week sets no limits.
        usable: whether a week can be judged and can set limits.
        starts: for each week the place of the first week that its baseline may reach back to.
        family: a code per metric; metrics of one lend each other correlation and likeness of pages.
        has_floor: per metric whether its variance is known, so that no series varies by less.
        is_time: per metric whether it is a logarithm of times, which a rule may pin to one length.
    """

    value: Floats
    variance: Floats
    extra: Floats
    usable: Bools
    starts: Places
    family: Places
    has_floor: Bools
    is_time: Bools


class Judgement(NamedTuple):
    """What `judge` returns, each of shape (pages, metrics, weeks); left_out has a last axis of two more.

    judged; centre, lower and upper on the working scale; p of both tests together; side (1 above, -1 below, 0 not
    called out); together (called out, though the week alone is within the limits); is_new; is_back; since (the place
    of the week from which it has been out, or back; -1 else); size (of the baseline); first, last (its weeks),
    left_out (weeks screened) and shift (where it is not level), as places, -1 where there is none; ceiling (to which a
    rule pins the series, on the working scale; NaN where none does); varies.
    """

    judged: Bools
    centre: Floats
    lower: Floats
    upper: Floats
    p: Floats
    side: Places
    together: Bools
    is_new: Bools
    is_back: Bools
    since: Places
    size: Places
    first: Places
    last: Places
    left_out: Places
    shift: Places
    ceiling: Floats
    varies: Bools


class Baseline(NamedTuple):
    """The past of every series as it stands before a week, each of shape (pages, metrics)."""

    centre: Floats
    variance: Floats
    weight: Floats
    freedom: Floats
    correlation: Floats
    inflation: Floats
    size: Places
    is_enough: Bools
    varies: Bools
    ceiling: Floats
    first: Places
    last: Places
    left_out: Places
    shift: Places

    @property
    def can_judge(self) -> Bools:
        """Whether a week can be held against it."""
        return self.is_enough & self.varies & np.isnan(self.ceiling)


def judge(panel: Panel, *, rate: float = 0.10) -> Judgement:
    """Judge every week of every series against the weeks before it.

    Args:
        panel: the series.
        rate: the chance, at most, that a page on which nothing has moved calls anything out in a week.

    Returns:
        The verdicts and limits of each week; one week of a page rests on all weeks of all pages up to it and on none
        after.

    Raises:
        ValueError: the rate is not between 0 and 1.

    Notes:
        The week is tested alone, and as a mean with the week before it, against `baseline`: Student's t with the
        baseline's degrees of freedom; the smaller p counts twice. Over a page's metrics Holm's step-down correction
        holds at `rate` however they hang together. What is called out stays out of later baselines; it is new unless
        one of the two judged weeks before was called out on the same side, and back after two that were not. The
        limits are those of the week alone at the strictest step.

    References:
        Hahn, G. J., Meeker, W. Q. (1991). Statistical intervals. Wiley (prediction limits).
        Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scand. J. Statist. 6, 65-70.
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate must lie between 0 and 1, not {rate}")
    shape = panel.value.shape
    weeks = shape[-1]
    result = _nothing_judged(shape)
    eligible = panel.usable & (panel.extra == 0)
    one_back = np.zeros((2, *shape[:2]), dtype=np.int64)  # the side of the last judged week and of the one before
    last_judged = np.full(shape[:2], -1)
    sides = np.array([1, -1])[:, None, None]
    since = np.full((2, *shape[:2]), -1)  # on each side, for a week on the other one ends nothing
    earlier: Baseline | None = None
    for week in range(weeks):
        start = panel.starts[..., week]
        base = baseline(panel, eligible & (np.arange(weeks) >= start[..., None]), week)
        judged = panel.usable[..., week] & base.can_judge
        with np.errstate(divide="ignore", invalid="ignore"):  # of series without scatter, which are not judged
            p, alone, score, is_mean = _test(panel, week, base, earlier)
        p = np.where(judged, p, np.nan)
        out = holm(p, rate=rate)
        side = np.where(out, np.sign(score), 0).astype(np.int64)
        if week:
            one_back = np.where(start != panel.starts[..., week - 1], 0, one_back)
        goes_on = out & (one_back == side).any(axis=0)
        is_back = judged & ~out & (one_back[0] == 0) & (one_back[1] != 0)
        since = np.where(out & ~goes_on & (side == sides), week, since)
        metrics = np.maximum(judged.sum(axis=-1, keepdims=True), 1)
        half = -special.stdtrit(base.freedom, rate / (4 * metrics)) * np.sqrt(_error(panel, week, base))
        has_limits = judged & np.isfinite(half)
        for name, values in {
            "judged": judged,
            "centre": np.where(base.is_enough, base.centre, np.nan),
            "lower": np.where(has_limits, base.centre - half, np.nan),
            "upper": np.where(has_limits, base.centre + half, np.nan),
            "p": p,
            "side": side,
            "together": out & is_mean & (alone > rate / (2 * metrics)),
            "is_new": out & ~goes_on,
            "is_back": is_back,
            "since": np.where(out, np.where(side > 0, *since), np.where(is_back, last_judged, -1)),
            **{name: getattr(base, name) for name in ("size", "first", "last", "left_out", "shift")},
            "ceiling": base.ceiling,
            "varies": base.varies,
        }.items():
            getattr(result, name)[:, :, week] = values
        eligible[..., week] &= ~out
        one_back = np.where(judged, np.stack([side, one_back[0]]), one_back)
        last_judged = np.where(judged, week, last_judged)
        earlier = base
    return result


def baseline(panel: Panel, eligible: Bools, week: int) -> Baseline:
    """What the weeks before one tell of each series: its centre, and how much a week varies around it.

    Args:
        panel: the series.
        eligible: which weeks may set limits, of the panel's shape.
        week: the place of the week; weeks from it on are not looked at.

    Returns:
        centre (mean, weighted by 1 / variance), variance (of a week in units of its sampling variance), weight (the
        sum of weights), freedom (degrees of it), correlation (of neighbours), inflation (of the centre's variance by
        it), size, and what else a `Judgement` says of a baseline.

    Notes:
        At most 26 weeks. A week further out than one in a hundred sound baselines would have it is left out (Grubbs
        1969). Correlation is pooled over the family and corrected for short series (Marriott, Pope 1954). Where the
        sampling variance is known no series varies by less. Pages lend each other their variance as far as those of
        the family are alike (Smyth 2004).

    References:
        Grubbs, F. E. (1969). Procedures for detecting outlying observations in samples. Technometrics 11, 1-21.
        Marriott, F. H. C., Pope, J. A. (1954). Bias in the estimation of autocorrelations. Biometrika 41, 390-402.
        Smyth, G. K. (2004). Linear models and empirical Bayes methods for assessing differential expression in
        microarray experiments. Statist. Appl. Genet. Molec. Biol. 3, 3.
    """
    shape = panel.value.shape[:2]
    places = np.sort(np.where(eligible[..., :week], np.arange(week), -1), axis=-1)[..., -MOST_WEEKS:]
    if week == 0:
        places = np.full((*shape, 1), -1)
    kept, at = places >= 0, np.maximum(places, 0)
    y = np.take_along_axis(panel.value, at, axis=-1)
    w = 1 / np.take_along_axis(panel.variance, at, axis=-1)
    kept = screened(y, w, kept)
    centre, weight, residual, variance = _fit(y, w, kept)
    size = kept.sum(axis=-1)
    is_enough, varies = size >= FEWEST_WEEKS, variance > 1e-12 * np.maximum(centre**2, 1.0)
    ceiling, share = _ceiling(y, kept)
    ceiling = np.where(is_enough & panel.is_time & (share > _PINNED_SHARE), ceiling, np.nan)
    sound = is_enough & varies & np.isnan(ceiling)
    correlation = _correlation(panel.family, residual, kept, places, sound)
    n = np.maximum(size, 1)
    inflation = np.minimum((1 + correlation) / (1 - correlation), n / 3)
    variance = variance * (n - 1) / np.maximum(n - inflation, 1e-9)
    variance = np.where(panel.has_floor, np.maximum(variance, 1.0), variance)
    varies |= panel.has_floor & is_enough
    variance, freedom = borrowed(variance, n - 1.0, panel.family, sound | (panel.has_floor & is_enough))
    variance = np.where(panel.has_floor, np.maximum(variance, 1.0), variance)
    was_there = places >= 0
    gone = np.where(was_there & ~kept, places, -1)
    return Baseline(
        centre=np.where(is_enough, centre, np.nan),
        variance=variance,
        weight=weight,
        freedom=freedom,
        correlation=correlation,
        inflation=inflation,
        size=size,
        is_enough=is_enough,
        varies=varies,
        ceiling=ceiling,
        first=np.where(kept.any(axis=-1), np.where(kept, places, np.iinfo(np.int64).max).min(axis=-1), -1),
        last=np.where(kept, places, -1).max(axis=-1),
        left_out=np.sort(gone, axis=-1)[..., -2:] if gone.shape[-1] > 1 else np.full((*shape, 2), -1),
        shift=_shift(residual, kept, places, is_enough),
    )


def screened(y: Floats, weight: Floats, kept: Bools) -> Bools:
    """Leave out weeks far outside the others: one at most, two of thirteen or more.

    Args:
        y: values, the weeks along the last axis.
        weight: of each value.
        kept: which values count.

    Returns:
        `kept` without what is left out.
    """
    size = kept.sum(axis=-1)
    kept = kept.copy()
    for fewest in (FEWEST_WEEKS + 1, _TWICE_FROM):
        _, _, residual, variance = _fit(y, weight, kept)
        distance = np.where(kept, np.abs(residual), -1.0)
        ratio = grubbs_ratio(np.maximum(kept.sum(axis=-1), 3))
        far = distance.max(axis=-1) > ratio * np.sqrt(variance)
        drop = far & (size >= fewest) & (variance > 0)
        farthest = np.arange(kept.shape[-1]) == distance.argmax(axis=-1)[..., None]
        kept &= ~(farthest & drop[..., None])
    return kept


def grubbs_ratio(size: npt.ArrayLike) -> Floats:
    """The largest distance from the mean, in standard deviations, that 99 % of sound samples do not exceed.

    Args:
        size: how many values a sample has, 3 or more; infinite below.

    References:
        Grubbs, F. E. (1969). Procedures for detecting outlying observations in samples. Technometrics 11, 1-21.

    >>> grubbs_ratio([9, 13, 20, 26]).round(3).tolist()
    [2.387, 2.699, 3.001, 3.158]
    """
    n = np.asarray(size, dtype=np.float64)
    safe = np.maximum(n, 3.0)
    q = special.stdtrit(safe - 2, _SCREENED / (2 * safe)) ** 2
    ratio = (safe - 1) / np.sqrt(safe) * np.sqrt(q / (safe - 2 + q))
    return np.where(n >= 3, ratio, np.inf)


def unbiased_correlation(r: float, size: float) -> float:
    """Correct the lag-1 correlation of short series, and keep it within 0 to 0.3.

    Args:
        r: as computed from residuals of series, or its mean over several.
        size: how many weeks a series has.
    """
    return float(np.clip((r + 1 / size) / (1 - 4 / size), 0.0, _MOST_CORRELATION))


def borrowed(variance: Floats, freedom: Floats, family: Places, counts: Bools) -> tuple[Floats, Floats]:
    """Draw each page's variance to that of the other pages, as far as pages of the family are alike.

    Args:
        variance: shape (pages, metrics).
        freedom: its degrees of freedom.
        family: a code per metric.
        counts: which variances lend and borrow.

    Returns:
        The variances and their degrees of freedom. A metric that a single page has keeps its own.

    References:
        Smyth, G. K. (2004). Linear models and empirical Bayes methods for assessing differential expression in
        microarray experiments. Statist. Appl. Genet. Molec. Biol. 3, 3.
    """
    pages = counts.sum(axis=0)
    lends = counts & (pages > 1)
    half = np.where(lends, freedom / 2, 1.0)
    log = np.where(lends, np.log(np.where(lends, variance, 1.0)) - special.digamma(half) + np.log(half), 0.0)
    mean = log.sum(axis=0) / np.maximum(pages, 1)
    spread = np.where(lends, (log - mean) ** 2 * pages / np.maximum(pages - 1, 1), 0.0)
    variance, freedom = variance.copy(), freedom.copy()
    for code in np.unique(family):
        own = lends & (family == code)
        if not own.any():
            continue
        excess = float((spread[own] - special.polygamma(1, half[own])).mean())
        lent = min(2 * float(trigamma_inverse(np.array(excess))), _MOST_BORROWED) if excess > _ALIKE else _MOST_BORROWED
        prior = np.exp(mean + special.digamma(lent / 2) - np.log(lent / 2))
        variance = np.where(own, (lent * prior + freedom * variance) / (lent + freedom), variance)
        freedom = np.where(own, lent + freedom, freedom)
    return variance, freedom


def holm(p: Floats, *, rate: float) -> Bools:
    """Which of a page's p-values are called out, at a chance of at most `rate` that any is where nothing has moved.

    Args:
        p: along the last axis those of one page; NaN where nothing was tested, which does not count.
        rate: that chance.

    References:
        Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scand. J. Statist. 6, 65-70.

    >>> holm(np.array([0.01, 0.04, 0.03, np.nan]), rate=0.05).tolist()
    [True, False, False, False]
    """
    order = np.argsort(p, axis=-1, kind="stable")
    ascending = np.take_along_axis(p, order, axis=-1)
    tests = (~np.isnan(p)).sum(axis=-1, keepdims=True)
    left = np.maximum(tests - np.arange(p.shape[-1]), 1)
    out = np.logical_and.accumulate(np.nan_to_num(ascending, nan=2.0) <= rate / left, axis=-1)
    result = np.zeros(p.shape, dtype=bool)
    np.put_along_axis(result, order, out, axis=-1)
    return result


def level_shift(residual: Floats, kept: Bools) -> tuple[Floats, Places]:
    """The largest two-sample t over all ways to divide a series in two, three weeks or more on each side.

    Args:
        residual: shape (..., weeks).
        kept: which of them count.

    Returns:
        Its absolute size, and where the second part begins.
    """
    x = np.where(kept, residual, 0.0)
    n_left, sum_left = np.cumsum(kept, axis=-1), np.cumsum(x, axis=-1)
    n, total, squares = n_left[..., -1:], sum_left[..., -1:], (x**2).sum(axis=-1, keepdims=True)
    n_left, sum_left = n_left[..., :-1], sum_left[..., :-1]
    n_right: Places = n - n_left
    sum_right: Floats = total - sum_left
    allowed = (n_left >= _FEWEST_ON_A_SIDE) & (n_right >= _FEWEST_ON_A_SIDE) & kept[..., 1:]
    left, right = sum_left / np.maximum(n_left, 1), sum_right / np.maximum(n_right, 1)
    within = np.maximum(squares - n_left * left**2 - n_right * right**2, 0.0) / np.maximum(n - 2, 1)
    error = np.sqrt(within * (1 / np.maximum(n_left, 1) + 1 / np.maximum(n_right, 1)))
    t = np.where(allowed, np.abs(left - right) / np.where(error > 0, error, np.inf), 0.0)
    if t.shape[-1] == 0:
        return np.zeros(t.shape[:-1]), np.zeros(t.shape[:-1], dtype=np.int64)
    return t.max(axis=-1), t.argmax(axis=-1) + 1


def _shift(residual: Floats, kept: Bools, places: Places, is_enough: Bools) -> Places:
    """The week from which a baseline has another level; -1 where it is level."""
    t, at = level_shift(residual, kept)
    limit = np.interp(kept.sum(axis=-1), _SHIFT_WEEKS, _SHIFT_LIMITS)
    week = np.take_along_axis(places, at[..., None], axis=-1)[..., 0]
    return np.where(is_enough & (t > limit), week, -1)


def _fit(y: Floats, weight: Floats, kept: Bools) -> tuple[Floats, Floats, Floats, Floats]:
    """Weighted centre, sum of weights, residuals in units of the sampling error, and their variance."""
    w = np.where(kept, weight, 0.0)
    total = w.sum(axis=-1)
    some = np.where(total > 0, total, 1.0)
    centre = (w * np.where(kept, y, 0.0)).sum(axis=-1) / some
    residual = np.where(kept, np.sqrt(w) * (np.where(kept, y, 0.0) - centre[..., None]), 0.0)
    variance = (residual**2).sum(axis=-1) / np.maximum(kept.sum(axis=-1) - 1, 1)
    return centre, some, residual, variance


def _correlation(family: Places, residual: Floats, kept: Bools, places: Places, sound: Bools) -> Floats:
    """The lag-1 correlation of each metric's family, shape (1, metrics)."""
    neighbours = kept[..., 1:] & kept[..., :-1] & (np.diff(places, axis=-1) == 1)
    pairs = neighbours.sum(axis=-1)
    size = np.maximum(kept.sum(axis=-1), 1)
    products = np.where(neighbours, residual[..., 1:] * residual[..., :-1], 0.0).sum(axis=-1)
    scale = pairs * (residual**2).sum(axis=-1) / size
    counts = sound & (scale > 0)
    r = np.divide(products, scale, out=np.zeros_like(products), where=counts)
    result = np.zeros((1, len(family)))
    for code in np.unique(family):
        own = counts & (family == code)
        if own.any():
            result[:, family == code] = unbiased_correlation(float(r[own].mean()), float(size[own].mean()))
    return result


def _ceiling(y: Floats, kept: Bools) -> tuple[Floats, Floats]:
    """The 80th percentile of all weeks, of logarithms, and the share of weeks within 2 % of it."""
    size = np.maximum(kept.sum(axis=-1), 1)
    ascending = np.sort(np.where(kept, y, np.inf), axis=-1)
    rank = _PINNED_QUANTILE * (size - 1)
    below = np.floor(rank).astype(np.int64)
    above = np.minimum(below + 1, size - 1)
    low, high = (np.take_along_axis(ascending, each[..., None], axis=-1)[..., 0] for each in (below, above))
    ends = np.exp(np.minimum(low, 700.0)), np.exp(np.minimum(high, 700.0))
    ceiling = ends[0] + (rank - below) * (ends[1] - ends[0])
    near = kept & (np.abs(np.exp(np.minimum(np.where(kept, y, 0.0), 700.0)) / ceiling[..., None] - 1) <= _PINNED_WIDTH)
    return np.log(ceiling), near.sum(axis=-1) / size


def _error(panel: Panel, week: int, base: Baseline) -> Floats:
    """The variance of a week's distance from its baseline."""
    of_week = panel.variance[..., week] + base.inflation / base.weight
    return np.asarray(base.variance * of_week + panel.extra[..., week])


def _test(panel: Panel, week: int, base: Baseline, earlier: Baseline | None) -> tuple[Floats, Floats, Floats, Bools]:
    """p of both tests together, p of the week alone, the score of whichever is the stronger, and whether that is the
    mean of two weeks."""
    y = panel.value[..., week]
    score = (y - base.centre) / np.sqrt(_error(panel, week, base))
    alone = 2 * special.stdtr(base.freedom, -np.abs(score))
    if earlier is None:
        return alone, alone, score, np.zeros(score.shape, dtype=bool)
    before = week - 1
    weights = 1 / panel.variance[..., week], 1 / panel.variance[..., before]
    both = weights[0] + weights[1]
    mean = (weights[0] * y + weights[1] * panel.value[..., before]) / both
    extra = (panel.extra[..., week] + panel.extra[..., before]) / 4
    of_both = (1 + earlier.correlation) / both + earlier.inflation / earlier.weight
    score_of_two = (mean - earlier.centre) / np.sqrt(earlier.variance * of_both + extra)
    p_of_two = 2 * special.stdtr(earlier.freedom, -np.abs(score_of_two))
    there = panel.usable[..., before] & earlier.can_judge
    two_is_stronger = there & (p_of_two < alone)
    p = np.where(there, np.minimum(1.0, 2 * np.where(two_is_stronger, p_of_two, alone)), alone)
    return p, alone, np.where(two_is_stronger, score_of_two, score), two_is_stronger


def _nothing_judged(shape: tuple[int, ...]) -> Judgement:
    """A judgement to be filled in."""

    def empty(of: Any, fill: Any) -> Any:
        return np.full(shape, fill, dtype=of)

    fills: dict[str, Any] = {
        **{name: empty(bool, False) for name in ("judged", "together", "is_new", "is_back", "varies")},
        **{name: empty(np.float64, np.nan) for name in ("centre", "lower", "upper", "p", "ceiling")},
        **{name: empty(np.int64, -1) for name in ("since", "first", "last", "shift")},
        **{name: empty(np.int64, 0) for name in ("side", "size")},
        "left_out": np.full((*shape, 2), -1, dtype=np.int64),
    }
    return Judgement(**fills)
