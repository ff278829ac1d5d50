"""Intervals for shares, rates and means, and p-values for their change between two periods."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from opslib.analysis.methods.columns import as_columns

Floats = npt.NDArray[np.float64]


def _refuse(bad: npt.NDArray[np.bool_], complaint: str) -> None:
    if bad.any():
        positions = np.flatnonzero(bad)
        raise ValueError(f"{complaint} at position {positions[0]} ({len(positions)} of {len(bad)} rows)")


def _check_counts(successes: Floats, trials: Floats, suffix: str = "") -> None:
    _refuse(successes < 0, f"successes{suffix} are negative")
    _refuse(trials < 0, f"trials{suffix} are negative")
    _refuse(successes > trials, f"successes{suffix} exceed trials{suffix}")


def _check_exposure(events: Floats, exposure: Floats, suffix: str = "") -> None:
    _refuse(events < 0, f"events{suffix} are negative")
    _refuse(exposure < 0, f"exposure{suffix} is negative")
    _refuse((events > 0) & (exposure == 0), f"there are events{suffix} without exposure{suffix}")


def _tail(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    return (1 - confidence) / 2


def _ratio(above: Floats, below: Floats) -> Floats:
    ratio = np.full(len(below), np.nan)
    np.divide(above, below, out=ratio, where=below > 0)
    return ratio


def _wilson(successes: Floats, trials: Floats, tail: float) -> tuple[Floats, Floats, Floats]:
    share = _ratio(successes, trials)
    counted = np.where(trials > 0, trials, np.nan)
    z = -special.ndtri(tail)
    middle = (share + z**2 / (2 * counted)) / (1 + z**2 / counted)
    half = z / (1 + z**2 / counted) * np.sqrt(share * (1 - share) / counted + z**2 / (4 * counted**2))
    # At the ends the limit is the end itself; rounding would leave it a hair inside or outside.
    low = np.where(share == 0, 0.0, np.maximum(middle - half, 0.0))
    high = np.where(share == 1, 1.0, np.minimum(middle + half, 1.0))
    return share, low, high


def wilson(successes: npt.ArrayLike, trials: npt.ArrayLike, *, confidence: float = 0.95) -> pd.DataFrame:
    """Return shares with their Wilson score interval.

    Args:
        successes: counts of what is meant (for example met targets), one per row.
        trials: counts of all, one per row.
        confidence: coverage of the interval.

    Returns:
        share, low, high, one row per input row, with the index of the Series given; NaN where trials are 0 or missing.

    Raises:
        ValueError: a count is negative or successes exceed trials; the message names the first position.

    References:
        Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. JASA 22, 209-212.

    >>> wilson([81], [263]).round(4).values.tolist()
    [[0.308, 0.2553, 0.3662]]
    """
    columns, index = as_columns(successes=successes, trials=trials)
    _check_counts(columns["successes"], columns["trials"])
    share, low, high = _wilson(columns["successes"], columns["trials"], _tail(confidence))
    return pd.DataFrame({"share": share, "low": low, "high": high}, index=index)


def newcombe_difference(
    successes_a: npt.ArrayLike,
    trials_a: npt.ArrayLike,
    successes_b: npt.ArrayLike,
    trials_b: npt.ArrayLike,
    *,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return differences of two independent shares, a less b, with Newcombe's hybrid score interval.

    Args:
        successes_a: successes of the first group, one per row.
        trials_a: trials of the first group.
        successes_b: successes of the second group.
        trials_b: trials of the second group.
        confidence: coverage of the interval.

    Returns:
        difference (share a less share b), low, high; NaN where either group has no trials.

    Raises:
        ValueError: a count is negative or successes exceed trials; the message names the first position.

    References:
        Newcombe, R. G. (1998). Interval estimation for the difference between independent proportions: comparison of
        eleven methods. Statistics in Medicine 17, 873-890 (method 10).

    >>> newcombe_difference(56, 70, 48, 80).round(4).values.tolist()
    [[0.2, 0.0524, 0.3339]]
    """
    columns, index = as_columns(successes_a=successes_a, trials_a=trials_a, successes_b=successes_b, trials_b=trials_b)
    tail = _tail(confidence)
    _check_counts(columns["successes_a"], columns["trials_a"], "_a")
    _check_counts(columns["successes_b"], columns["trials_b"], "_b")
    share_a, low_a, high_a = _wilson(columns["successes_a"], columns["trials_a"], tail)
    share_b, low_b, high_b = _wilson(columns["successes_b"], columns["trials_b"], tail)
    difference = share_a - share_b
    low = difference - np.hypot(share_a - low_a, high_b - share_b)
    high = difference + np.hypot(high_a - share_a, share_b - low_b)
    return pd.DataFrame({"difference": difference, "low": low, "high": high}, index=index)


def poisson_rate(
    events: npt.ArrayLike, exposure: npt.ArrayLike, *, per: float = 1.0, confidence: float = 0.95
) -> pd.DataFrame:
    """Return event rates with their exact (Garwood) interval.

    Args:
        events: counts of events, one per row.
        exposure: what they are counted over (users, hours, tickets), one per row.
        per: unit of the rate; 1000 gives events per 1,000 of exposure.
        confidence: coverage of the interval, which is at least this for every true rate.

    Returns:
        rate, low, high, per `per` of exposure; NaN where exposure is 0 or missing.

    Raises:
        ValueError: a count or an exposure is negative, or there are events without exposure.

    References:
        Garwood, F. (1936). Fiducial limits for the Poisson distribution. Biometrika 28, 437-442.

    >>> poisson_rate([0, 10], [1, 1]).round(3).values.tolist()
    [[0.0, 0.0, 3.689], [10.0, 4.795, 18.39]]
    """
    columns, index = as_columns(events=events, exposure=exposure)
    count, exposed = columns["events"], columns["exposure"]
    tail = _tail(confidence)
    _check_exposure(count, exposed)
    some = np.where(count > 0, count, np.nan)
    low = np.where(count == 0, 0.0, special.gammaincinv(some, tail))
    high = special.gammainccinv(count + 1, tail)
    return pd.DataFrame(
        {
            "rate": _ratio(count, exposed) * per,
            "low": _ratio(low, exposed) * per,
            "high": _ratio(high, exposed) * per,
        },
        index=index,
    )


def mean_interval(
    count: npt.ArrayLike, mean: npt.ArrayLike, std: npt.ArrayLike, *, confidence: float = 0.95
) -> pd.DataFrame:
    """Return means with Student's t interval from counts, means and standard deviations.

    Args:
        count: number of observations, one per row.
        mean: their means.
        std: their sample standard deviations (divisor count - 1).
        confidence: coverage of the interval.

    Returns:
        mean, low, high; the limits are NaN for fewer than two observations, the mean too for none.

    Raises:
        ValueError: a count or a standard deviation is negative.

    References:
        Student (1908). The probable error of a mean. Biometrika 6, 1-25.

    >>> mean_interval(9, 10.0, 3.0).round(3).values.tolist()
    [[10.0, 7.694, 12.306]]
    """
    columns, index = as_columns(count=count, mean=mean, std=std)
    n, centre, spread = columns["count"], columns["mean"], columns["std"]
    tail = _tail(confidence)
    _refuse(n < 0, "count is negative")
    _refuse(spread < 0, "std is negative")
    centre = np.where(n >= 1, centre, np.nan)
    enough = np.where(n >= 2, n, np.nan)
    half = -special.stdtrit(enough - 1, tail) * spread / np.sqrt(enough)
    return pd.DataFrame({"mean": centre, "low": centre - half, "high": centre + half}, index=index)


def proportion_change_p(
    successes_a: npt.ArrayLike, trials_a: npt.ArrayLike, successes_b: npt.ArrayLike, trials_b: npt.ArrayLike
) -> pd.Series:
    """Return two-sided p-values for the equality of two independent shares.

    Args:
        successes_a: successes of the first group, one per row.
        trials_a: trials of the first group.
        successes_b: successes of the second group.
        trials_b: trials of the second group.

    Returns:
        A Series named p; NaN where either group has no trials, 1 where both shares are 0 or both are 1.

    Raises:
        ValueError: a count is negative or successes exceed trials; the message names the first position.

    Notes:
        The score test: the difference over its standard error under one pooled share (its square is Pearson's
        chi-square without continuity correction). It can differ near the boundary from the interval of
        `newcombe_difference`, which does not assume equality.

    References:
        Pearson, K. (1900). On the criterion that a given system of deviations ... Philosophical Magazine 50, 157-175.

    >>> proportion_change_p(56, 70, 48, 80).round(4).tolist()
    [0.008]
    """
    columns, index = as_columns(successes_a=successes_a, trials_a=trials_a, successes_b=successes_b, trials_b=trials_b)
    met_a, all_a, met_b, all_b = columns.values()
    _check_counts(met_a, all_a, "_a")
    _check_counts(met_b, all_b, "_b")
    difference = _ratio(met_a, all_a) - _ratio(met_b, all_b)
    pooled = _ratio(met_a + met_b, all_a + all_b)
    # The counts say more reliably than the rounded pooled share whether there is any variance.
    varies = (met_a + met_b > 0) & (met_a + met_b < all_a + all_b)
    error = np.sqrt(pooled * (1 - pooled) * (_ratio(np.ones_like(all_a), all_a) + _ratio(np.ones_like(all_b), all_b)))
    z = np.divide(
        np.abs(difference), error, out=np.where(np.isnan(difference), np.nan, 0.0), where=varies & (error > 0)
    )
    return pd.Series(2 * special.ndtr(-z), index=index, name="p")


def count_change_p(
    events_a: npt.ArrayLike, exposure_a: npt.ArrayLike, events_b: npt.ArrayLike, exposure_b: npt.ArrayLike
) -> pd.Series:
    """Return two-sided exact p-values for the equality of two Poisson rates.

    Args:
        events_a: events of the first group, one per row.
        exposure_a: what they are counted over (1 for plain weekly counts).
        events_b: events of the second group.
        exposure_b: what they are counted over.

    Returns:
        A Series named p; NaN where an exposure is 0 or missing, 1 where there are no events at all.

    Raises:
        ValueError: a count or an exposure is negative, or there are events without exposure.

    Notes:
        Given the sum of both counts, the first is binomial with the share of its exposure; the p-value is twice the
        smaller tail, at most 1, so that it agrees with intervals of Clopper-Pearson type. The counts are taken to be
        Poisson: weekly ticket counts usually vary more than that, so a control chart decides on those.

    References:
        Przyborowski, J., Wilenski, H. (1940). Homogeneity of results in testing samples from Poisson series.
        Biometrika 31, 313-323.

    >>> count_change_p(10, 1, 20, 1).round(4).tolist()
    [0.0987]
    """
    columns, index = as_columns(events_a=events_a, exposure_a=exposure_a, events_b=events_b, exposure_b=exposure_b)
    count_a, exposed_a, count_b, exposed_b = columns.values()
    _check_exposure(count_a, exposed_a, "_a")
    _check_exposure(count_b, exposed_b, "_b")
    usable = (exposed_a > 0) & (exposed_b > 0)
    share = np.where(usable, _ratio(exposed_a, exposed_a + exposed_b), np.nan)
    at_most = np.where(count_b == 0, 1.0, special.betainc(np.maximum(count_b, 0.5), count_a + 1, 1 - share))
    at_least = np.where(count_a == 0, 1.0, special.betainc(np.maximum(count_a, 0.5), count_b + 1, share))
    p = np.minimum(1.0, 2 * np.minimum(at_most, at_least))
    known = usable & ~np.isnan(count_a) & ~np.isnan(count_b)
    return pd.Series(np.where(known, p, np.nan), index=index, name="p")
