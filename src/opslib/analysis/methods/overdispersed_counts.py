"""Counts that vary by more than chance alone: what their past predicts, and how far out the latest one lies.

Rows (reasons, phrases, topics) are negative binomial with mean exposure × rate. Rows of one family lend each other
their dispersion, because eight weeks tell little of how much a single row varies.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.intp]

_TRIMMED = 0.2
_FEWEST_ROWS = 3
_EXACT_UP_TO = 3000  # counts in all from where a beta distribution stands for the beta-binomial
_ALIKE = 2.0  # times that the usual rows' flow may differ from that of all counts
_FAR_OUT = 3.5  # standard deviations
_FEWEST_RISING = 4  # counts of a week that can be called a rise
_SURE = 0.9  # one-sided confidence that the variances of a family are as alike as they are taken to be
_MOST_STEPS = 100
_GRID = 2_000_000  # chances that are held at once


def predict(
    now: npt.ArrayLike,
    before: npt.ArrayLike,
    exposure_now: npt.ArrayLike = 1.0,
    exposure_before: npt.ArrayLike = 1.0,
    *,
    unsure: npt.ArrayLike = 0.0,
    families: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Compare counts with what their past predicts, without those last weeks in which they had already risen.

    Args:
        now: a count per row, shape (n,).
        before: the past counts of each row, shape (n, weeks).
        exposure_now: what `now` is counted over, shape (n,) or one number.
        exposure_before: the same for `before`, shape (n, weeks) or (weeks,) or one number.
        unsure: relative variance of `exposure_now`, shape (n,) or one number.
        families: rows of one family lend each other their dispersion; None: all rows are one.

    Returns:
        The columns of `predict_from_whole_past`, and left_out (how many last weeks of the past are no part of the
        measure).

    Notes:
        Where the last weeks of the past are already far above those before them, the rise is going on, and they are
        left out of the measure. The test is that of `predict_from_whole_past`.

    >>> predict([30, 11], [[10, 11, 9, 10, 12, 8, 10, 10]] * 2)["p"].round(4).tolist()
    [0.0023, 0.7508]
    """
    past = np.asarray(before, dtype=np.float64)
    kinds = np.zeros(len(past), dtype=np.intp) if families is None else number_families(families)
    over = np.broadcast_to(np.asarray(exposure_before, dtype=np.float64), past.shape)
    rising = _rising(past, over, kinds)
    test = predict_from_whole_past(
        now, np.where(rising, 0.0, past), exposure_now, over * ~rising, unsure=unsure, families=kinds
    )
    return test.assign(left_out=rising.sum(axis=1))


def predict_from_whole_past(
    now: npt.ArrayLike,
    before: npt.ArrayLike,
    exposure_now: npt.ArrayLike = 1.0,
    exposure_before: npt.ArrayLike = 1.0,
    *,
    unsure: npt.ArrayLike = 0.0,
    families: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Compare counts with what all of their past predicts, allowing for more variation than Poisson's.

    Args:
        now: a count per row, shape (n,).
        before: the past counts of each row, shape (n, weeks).
        exposure_now: what `now` is counted over, shape (n,) or one number.
        exposure_before: the same for `before`, shape (n, weeks) or (weeks,) or one number; a week of 0 is left out.
        unsure: relative variance of `exposure_now`, shape (n,) or one number.
        families: rows of one family lend each other their dispersion; None: all rows are one.

    Returns:
        expected, low, high (95% prediction interval), excess, ratio (count over expected, of rates with half a ticket
        added to each side), z, p (two-sided), p_up, dispersion (relative variance beyond Poisson's), freedom.

    Notes:
        A row's dispersion is its own, shrunk to the family's (Smyth 2004), but for a row with a week far out of its
        range, which keeps its own. The degrees of freedom that the family lends are not their estimate but its lower
        90 % limit: a dozen rows tell little of how alike they are, and where they differ in burstiness the estimate
        showed a false signal in up to one quiet week of eight. Given the counts of all weeks together, the latest is
        beta-binomial; the mid-p of that is referred to Student's t with the degrees of freedom of the dispersion.

    References:
        Robinson, M. D., Smyth, G. K. (2008). Small-sample estimation of negative binomial dispersion. Biostatistics 9,
        321-332. Smyth, G. K. (2004). Linear models and empirical Bayes methods. Statistical Applications in Genetics
        and Molecular Biology 3, 3. Phipson, B. et al. (2016). Robust hyperparameter estimation protects against
        hypervariable genes. Annals of Applied Statistics 10, 946-963.

    >>> predict_from_whole_past([30], [[10, 10, 10, 10, 10, 10, 30, 30]])["expected"].tolist()
    [15.0]
    """
    count = np.atleast_1d(np.asarray(now, dtype=np.float64))
    past = np.asarray(before, dtype=np.float64)
    rows, weeks = past.shape
    over_now = np.broadcast_to(np.asarray(exposure_now, dtype=np.float64), (rows,))
    over = np.broadcast_to(np.asarray(exposure_before, dtype=np.float64), (rows, weeks))
    doubt = np.broadcast_to(np.asarray(unsure, dtype=np.float64), (rows,))
    kinds = np.zeros(rows, dtype=np.intp) if families is None else number_families(families)
    past = np.where(over > 0, past, 0.0)
    total, over_total, used = past.sum(axis=1), over.sum(axis=1), (over > 0).sum(axis=1)
    expected = total / over_total * over_now
    dispersion, freedom = dispersions(past, over, expected, kinds)
    spread = dispersion + doubt
    below, above = _tails(count, total + count, over_now, over_total, spread, used.astype(np.float64))
    p_up = special.stdtr(freedom, special.ndtri(np.clip(above, 1e-300, 1 - 1e-16)))
    p_down = special.stdtr(freedom, special.ndtri(np.clip(below, 1e-300, 1 - 1e-16)))
    p = np.minimum(1.0, 2 * np.minimum(p_up, p_down))
    z = np.where(p_up < p_down, 1.0, -1.0) * -special.ndtri(np.clip(np.minimum(p_up, p_down), 1e-300, 0.5))
    error = spread + np.divide(1.0 + dispersion * total / used, np.maximum(total, 0.5))
    low, high = _prediction_interval(np.maximum(expected, 0.5 * over_now / over_total), error)
    ratio = (count + 0.5) / over_now / ((total + 0.5) / over_total)
    return pd.DataFrame(
        {
            "expected": expected,
            "low": low,
            "high": high,
            "excess": count - expected,
            "ratio": ratio,
            "z": z,
            "p": p,
            "p_up": p_up,
            "dispersion": dispersion,
            "freedom": freedom,
        }
    )


def common_flow(counts: Floats, otherwise: Floats) -> Floats:
    """How the rows together went: their trimmed ratio to their past means, per week.

    Args:
        counts: rows × weeks, the latest week last.
        otherwise: what stands for it where fewer than three rows have a count a week, shape (weeks,).

    Returns:
        Shape (weeks,).

    Notes:
        Each row's count over its mean of the weeks before the latest, weighted by that mean, with a fifth of the weight
        cut off at either end (Robinson and Oshlack 2010): a row that is new or gone does not move it. Where it differs
        from the ratio of all counts by more than a factor of two, most rows were renamed and say nothing of the flow;
        that ratio stands for it.

    References:
        Robinson, M. D., Oshlack, A. (2010). A scaling normalization method for differential expression analysis.
        Genome Biology 11, R25.
    """
    flow: Floats = _flow_without(counts, np.zeros((1, len(counts)), dtype=np.bool_), otherwise)[0]
    return flow


def flow_of_others(counts: Floats, otherwise: Floats) -> Floats:
    """For each row how the other rows went, so that a row is not measured against itself.

    Args:
        counts: rows × weeks, the latest week last.
        otherwise: what stands for it where fewer than three other rows have a count a week, shape (weeks,).

    Returns:
        Rows × weeks: `common_flow` of the table without the row.
    """
    return _flow_without(counts, np.eye(len(counts), dtype=np.bool_), otherwise)


def dispersions(past: Floats, over: Floats, expected: Floats, kinds: Codes) -> tuple[Floats, Floats]:
    """Relative variance beyond Poisson's for each row, and the degrees of freedom behind it.

    Args:
        past: counts, rows × weeks.
        over: what they are counted over, rows × weeks; 0 where a week is left out.
        expected: the count at which the dispersion is to hold, shape (rows,).
        kinds: the family of each row, numbered from 0.

    Returns:
        dispersion and freedom, shape (rows,) each.
    """
    weeks = (over > 0).sum(axis=1).astype(np.float64)
    total = past.sum(axis=1)
    used = total >= weeks
    square, mean, pooled = _pooled_dispersion(past, over, kinds)
    variance = mean + pooled[kinds, None] * mean**2
    phi = np.divide(square, variance, out=np.zeros_like(square), where=variance > 0).sum(axis=1) / weeks
    burst = used & (square > _FAR_OUT**2 * variance).any(axis=1)
    prior, surely = (each[kinds] for each in _lent_freedom(phi, used & ~burst, past.shape[1] - 1.0, kinds))
    steady = np.where((total >= 3 * weeks) | burst, phi, 1.0)
    lent = np.where(np.isfinite(prior), (weeks - 1) / (weeks - 1 + np.where(np.isfinite(prior), prior, 1.0)), 0.0)
    moderated = np.where(burst, phi, 1.0 + lent * (steady - 1.0))
    level = np.maximum(expected, 0.5)
    dispersion = np.maximum((moderated * (1 + pooled[kinds] * level) - 1) / level, 0.0)
    most = np.maximum(np.bincount(kinds, np.where(used, weeks - 1, 0.0))[kinds], weeks - 1)
    return dispersion, np.where(burst, weeks - 1, np.minimum(surely + weeks - 1, most))


def common_dispersion(square: Floats, mean: Floats, included: Bools, share: Floats, kinds: Codes) -> Floats:
    """For each family the dispersion at which Pearson's statistic equals its expectation; 0 where Poisson's suffices.

    Args:
        square: squared distances of the counts from their means, rows × weeks.
        mean: those means, rows × weeks.
        included: which of them count, rows × weeks.
        share: degrees of freedom of each family over its observations, shape (families,).
        kinds: the family of each row, numbered from 0.

    Returns:
        Relative variance beyond Poisson's, shape (families,).

    Notes:
        The statistic falls and is convex in the dispersion, so that Newton's steps from 0 approach the root from one
        side.

    References:
        Breslow, N. E. (1984). Extra-Poisson variation in log-linear models. Applied Statistics 33, 38-44.
    """
    target = np.bincount(kinds, included.sum(axis=1)) * share
    square = np.where(included, square, 0.0)
    mean = np.where(included, mean, 1.0)
    values = np.zeros(len(share))
    for _ in range(_MOST_STEPS):
        variance = mean + values[kinds, None] * mean**2
        each = square / variance
        over = np.bincount(kinds, each.sum(axis=1)) - target
        slope = np.bincount(kinds, (each * mean**2 / variance).sum(axis=1))
        step = np.where(over > 0, over / np.maximum(slope, 1e-300), 0.0)
        values = values + step
        if (step <= 1e-10 * values).all():
            break
    return values


def beta_binomial_tails(count: Floats, total: Floats, share: Floats, size: Floats) -> tuple[Floats, Floats]:
    """Mid-p of both tails of beta-binomial distributions, of binomial ones where `size` is without bound.

    Args:
        count: successes, shape (rows,).
        total: trials, shape (rows,).
        share: expected share of successes, in (0, 1), shape (rows,).
        size: the sum of both parameters of the beta distribution, shape (rows,).

    Returns:
        below (as few successes or fewer) and above (as many or more), half of the chance of `count` in each.
    """
    if not len(count):
        return count, count
    length = total.astype(np.int64) + 1
    first = np.concatenate([[0], length.cumsum()[:-1]])
    row = np.repeat(np.arange(len(length)), length)
    at = np.arange(len(row)) - first[row]
    # The chance of one more, over that of so many: (n - k) / (k + 1) times (a + k) / (b + n - k - 1).
    bound = np.isfinite(size) & (size < 1e7)
    rate = np.where(bound, 1 / np.where(bound, size, 1.0), 0.0)
    before = at - 1
    ratio = (total[row] - before) / np.maximum(at, 1)
    ratio *= share[row] + before * rate[row]
    ratio /= (1 - share[row]) + (total[row] - at) * rate[row]
    ratio[first] = 1.0
    logs = np.log(ratio).cumsum()
    logs -= logs[first][row]
    chance = np.exp(logs - np.maximum.reduceat(logs, first)[row])
    whole = np.add.reduceat(chance, first)
    own = chance[first + count.astype(np.int64)]
    # Each tail is summed by itself: as one less the other, a small one would lose its digits.
    under = np.add.reduceat(np.where(at < count[row], chance, 0.0), first)
    over = np.add.reduceat(np.where(at > count[row], chance, 0.0), first)
    return (under + own / 2) / whole, (over + own / 2) / whole


def trigamma_inverse(values: Floats) -> Floats:
    """Where the trigamma function has these values.

    Args:
        values: above 0.

    Notes:
        Newton's steps on its reciprocal, which is convex (Smyth 2004, appendix).

    References:
        Smyth, G. K. (2004). Linear models and empirical Bayes methods. Statistical Applications in Genetics and
        Molecular Biology 3, 3.
    """
    place = 0.5 + 1 / values
    for _ in range(_MOST_STEPS):
        at = special.polygamma(1, place)
        step = at * (1 - at / values) / special.polygamma(2, place)
        place = place + step
        if (-step / place < 1e-9).all():
            break
    return np.asarray(place)


def number_families(families: npt.ArrayLike) -> Codes:
    """The family of each row, by name, numbered from 0."""
    codes: Codes = np.unique(np.asarray(families), return_inverse=True)[1].reshape(-1)
    return codes


def mean_by_family(values: Floats, included: Bools, kinds: Codes) -> Floats:
    """The mean of each family's values.

    Args:
        values: one per row.
        included: which rows count.
        kinds: the family of each row, numbered from 0.

    Returns:
        Shape (families,); 0 where none of its rows counts.
    """
    size = np.bincount(kinds, included)
    return np.divide(np.bincount(kinds, np.where(included, values, 0.0)), size, out=np.zeros(len(size)), where=size > 0)


def _flow_without(counts: Floats, left_out: Bools, otherwise: Floats) -> Floats:
    """For each row of `left_out`, which leaves out one row of the counts or none, how the others went, per week."""
    mean = counts[:, :-1].mean(axis=1)
    used = mean >= 1.0
    flow = np.tile(otherwise, (len(left_out), 1))
    enough = used.sum() - left_out[:, used].sum(axis=1) >= _FEWEST_ROWS
    if not enough.any():
        return flow
    left_out = left_out[enough]
    whole = (counts.sum(axis=0) - left_out @ counts) / (mean.sum() - left_out @ mean)[:, None]
    trimmed = _trimmed_means(counts[used] / mean[used, None], mean[used], left_out[:, used])
    trimmed = np.where((trimmed < whole / _ALIKE) | (trimmed > whole * _ALIKE), whole, trimmed)
    flow[enough] = np.where(np.all(trimmed > 0, axis=1, keepdims=True), trimmed, otherwise)
    return flow


class _RunningSums(NamedTuple):
    """Sums over the rows in the order of their values, from none to all of them, per week."""

    weight: Floats
    product: Floats  # of weight and value


def _trimmed_means(values: Floats, weight: Floats, left_out: Bools) -> Floats:
    """For each row of `left_out` the trimmed mean of the other values of each week.

    With the values sorted, a trimmed mean is the difference of two points of the running sum of weight × value over
    weight; without one row, that sum is shorter by it from its place on.
    """
    order = np.argsort(values, axis=0, kind="stable")
    place = np.argsort(order, axis=0, kind="stable")
    nothing = np.zeros((1, values.shape[1]))
    product = weight[order] * np.take_along_axis(values, order, axis=0)
    sums = _RunningSums(
        np.concatenate([nothing, np.cumsum(weight[order], axis=0)]),
        np.concatenate([nothing, np.cumsum(product, axis=0)]),
    )
    row = left_out.argmax(axis=1)
    own_weight = (left_out @ weight)[:, None]
    own_start = np.where(
        np.any(left_out, axis=1, keepdims=True), np.take_along_axis(sums.weight, place, axis=0)[row], np.inf
    )
    own_product = own_weight * values[row]
    rest = weight.sum() - own_weight

    def sum_up_to(share: float) -> Floats:
        behind = share * rest > own_start
        until = share * rest + np.where(behind, own_weight, 0.0)
        return _sum_until(sums, until) - np.where(behind, own_product, 0.0)

    return np.asarray((sum_up_to(1 - _TRIMMED) - sum_up_to(_TRIMMED)) / ((1 - 2 * _TRIMMED) * rest))


def _sum_until(sums: _RunningSums, until: Floats) -> Floats:
    """The running sum of weight × value where that of the weight has reached `until`, in between linear."""
    upper = np.clip((sums.weight[:, None, :] < until[None]).sum(axis=0), 1, len(sums.weight) - 1)
    first, last = (np.take_along_axis(sums.weight, at, axis=0) for at in (upper - 1, upper))
    low, high = (np.take_along_axis(sums.product, at, axis=0) for at in (upper - 1, upper))
    return np.asarray(low + (high - low) * (until - first) / (last - first))


def _rising(past: Floats, over: Floats, kinds: Codes) -> Bools:
    """Which last weeks of each row lie far above all weeks before them; at most half of the weeks."""
    rising = np.zeros(past.shape, dtype=np.bool_)
    weeks = past.shape[1]
    pooled = _pooled_dispersion(past, over, kinds)[2][kinds]
    still = np.ones(len(past), dtype=np.bool_)
    for week in range(weeks - 1, weeks - 1 - weeks // 2, -1):
        earlier = np.maximum(past[:, :week].sum(axis=1), 0.5) / np.maximum(over[:, :week].sum(axis=1), 1e-9)
        level = earlier * over[:, week]
        reach = _FAR_OUT * np.sqrt((level + pooled * level**2) * (1 + 1 / week))
        still = still & (past[:, week] > level + reach) & (past[:, week] >= _FEWEST_RISING)
        rising[:, week] = still
    return rising


def _pooled_dispersion(past: Floats, over: Floats, kinds: Codes) -> tuple[Floats, Floats, Floats]:
    """Squared distances from each row's mean, those means, and the dispersion that each family has in common."""
    total, over_total = past.sum(axis=1, keepdims=True), over.sum(axis=1, keepdims=True)
    mean = total / over_total * over
    square = np.where(over > 0, (past - mean) ** 2 / (1 - over / over_total), 0.0)
    used = total[:, 0] >= past.shape[1]
    included = (over > 0) & used[:, None]
    # Where the exposures were taken from the same rows, each week has cost one degree of freedom over all rows.
    size = np.bincount(kinds, used)
    share = np.where(size < _FEWEST_ROWS, 1.0, 1.0 - 0.5 / np.maximum(size, 1))
    pooled = common_dispersion(square, mean, included, share, kinds)
    for _ in range(2):
        # A week that is far out tells of its own reason, not of how much the others vary.
        usual = square <= _FAR_OUT**2 * (mean + pooled[kinds, None] * mean**2)
        pooled = common_dispersion(square, mean, included & usual, share, kinds)
    return square, mean, pooled


def _lent_freedom(phi: Floats, included: Bools, freedom: float, kinds: Codes) -> tuple[Floats, Floats]:
    """How many degrees of freedom each family lends a row, from how alike the rows' own variances are: estimate, limit.

    A dozen rows tell little of how alike they are. By the estimate, families that look alike by chance lend without
    bound, and the tails of their bursty rows are taken for those of steady ones: the limit is where the spread of the
    variances is at its own upper limit.
    """
    size = np.bincount(kinds, included)
    logs = np.log(np.maximum(phi, 0.05))
    middle = mean_by_family(logs, included, kinds)
    squares = np.bincount(kinds, np.where(included, (logs - middle[kinds]) ** 2, 0.0))
    spread_freedom = np.maximum(size - 1, 1)
    chance = float(special.polygamma(1, freedom / 2))
    estimate, limit = (
        _freedom_at(squares / spread_freedom - chance),
        _freedom_at(squares / (2 * special.gammaincinv(spread_freedom / 2, 1 - _SURE)) - chance),
    )
    return np.where(size < _FEWEST_ROWS, 0.0, estimate), np.where(size < _FEWEST_ROWS, 0.0, limit)


def _freedom_at(excess: Floats) -> Floats:
    """The prior freedom at which the logarithms of variances spread by so much more than chance makes them."""
    return np.where(excess > 0, 2 * trigamma_inverse(np.maximum(excess, 1e-6)), np.inf)


def _tails(
    count: Floats, total: Floats, over_now: Floats, over_before: Floats, spread: Floats, weeks: Floats
) -> tuple[Floats, Floats]:
    """Mid-p of as few and of as many tickets as `count` out of `total`, under the past's rate."""
    share = over_now / (over_now + over_before)
    # Weeks with the same dispersion split their total by a Dirichlet distribution, in which each counts 1 / dispersion.
    size = np.divide(weeks + 1.0, spread, out=np.full(len(count), np.inf), where=spread > 0)
    below, above = np.full(len(count), 0.5), np.full(len(count), 0.5)
    small = np.flatnonzero((total <= _EXACT_UP_TO) & (total > 0))
    # Rows are taken in blocks, so that the grids of many rows fit into memory.
    for rows in np.split(small, np.flatnonzero(np.diff(total[small].cumsum() // _GRID)) + 1):
        below[rows], above[rows] = beta_binomial_tails(count[rows], total[rows], share[rows], size[rows])
    large = total > _EXACT_UP_TO
    if large.any():
        effective = total[large] / (1 + (total[large] - 1) / (size[large] + 1))
        first, second = share[large] * (effective - 1), (1 - share[large]) * (effective - 1)
        part = np.clip(count[large] / total[large], 0, 1)
        below[large], above[large] = special.betainc(first, second, part), special.betaincc(first, second, part)
    return below, above


def _prediction_interval(mean: Floats, spread: Floats) -> tuple[Floats, Floats]:
    """The 95% interval of negative binomial counts of that mean and relative variance beyond Poisson's."""
    size = 1 / np.maximum(spread, 1e-9)
    chance = size / (size + mean)
    return negative_binomial_quantile(0.025, size, chance), negative_binomial_quantile(0.975, size, chance)


def negative_binomial_quantile(p: float, size: Floats, chance: Floats) -> Floats:
    """The smallest count up to which a negative binomial distribution has at least a chance of `p`.

    Args:
        p: between 0 and 1.
        size: its size, more than 0, shape (n,).
        chance: of a success, size / (size + mean), shape (n,).

    Returns:
        Whole counts, shape (n,).

    Notes:
        As `scipy.stats.nbinom.ppf`, without scipy.stats, which takes longer to import than signals to compute.
    """
    count = np.ceil(special.nbdtrik(p, size, chance))
    one_less = np.maximum(count - 1, 0)
    quantile: Floats = np.where(special.betainc(size, one_less + 1, chance) >= p, one_less, count)
    return quantile
