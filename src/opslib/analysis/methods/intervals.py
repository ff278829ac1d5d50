"""Intervals for shares, rates and means, and for the change of a share between two periods."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from opslib.analysis.methods.columns import Floats, as_columns


def _refuse(bad: npt.NDArray[np.bool_], complaint: str) -> None:
    """Raise ValueError with the complaint and the first bad position, if there is one."""
    if bad.any():
        positions = np.flatnonzero(bad)
        raise ValueError(f"{complaint} at position {positions[0]} ({len(positions)} of {len(bad)} rows)")


def _check_counts(successes: Floats, trials: Floats, suffix: str = "") -> None:
    """Raise ValueError for counts of which no share can be taken; the suffix names the group."""
    _refuse(successes < 0, f"successes{suffix} are negative")
    _refuse(trials < 0, f"trials{suffix} are negative")
    _refuse(successes > trials, f"successes{suffix} exceed trials{suffix}")


def _tail(confidence: float) -> float:
    """The error that an interval of this confidence leaves at each end."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    return (1 - confidence) / 2


def _ratio(above: Floats, below: Floats) -> Floats:
    """Ratios, NaN where there is nothing below the line."""
    ratio = np.full(len(below), np.nan)
    np.divide(above, below, out=ratio, where=below > 0)
    return ratio


def _wilson(successes: Floats, trials: Floats, tail: float) -> tuple[Floats, Floats, Floats]:
    """Shares, and their lower and upper limits with this much error in each tail."""
    share = _ratio(successes, trials)
    positive = np.where(trials > 0, trials, np.nan)
    z = -special.ndtri(tail)
    middle = (share + z**2 / (2 * positive)) / (1 + z**2 / positive)
    half = z / (1 + z**2 / positive) * np.sqrt(share * (1 - share) / positive + z**2 / (4 * positive**2))
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
        share, low, high, one row per input row, with the index of the Series among the arguments; NaN where trials are
        0 or missing.

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
        difference (share a less share b), low, high, one row per input row; NaN where either group has no trials.

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
        rate, low, high, in events per `per` of exposure, one row per input row; NaN where exposure is 0 or missing.

    Raises:
        ValueError: a count or an exposure is negative, or there are events without exposure.

    References:
        Garwood, F. (1936). Fiducial limits for the Poisson distribution. Biometrika 28, 437-442.

    >>> poisson_rate([0, 10], [1, 1]).round(3).values.tolist()
    [[0.0, 0.0, 3.689], [10.0, 4.795, 18.39]]
    """
    columns, index = as_columns(events=events, exposure=exposure)
    count, base = columns["events"], columns["exposure"]
    tail = _tail(confidence)
    _refuse(count < 0, "events are negative")
    _refuse(base < 0, "exposure is negative")
    _refuse((count > 0) & (base == 0), "there are events without exposure")
    positive = np.where(count > 0, count, np.nan)
    low = np.where(count == 0, 0.0, special.gammaincinv(positive, tail))
    high = special.gammainccinv(count + 1, tail)
    return pd.DataFrame(
        {
            "rate": _ratio(count, base) * per,
            "low": _ratio(low, base) * per,
            "high": _ratio(high, base) * per,
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
        mean, low, high, one row per input row; the limits are NaN for fewer than two observations, the mean too for
        none.

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
    at_least_two = np.where(n >= 2, n, np.nan)
    half = -special.stdtrit(at_least_two - 1, tail) * spread / np.sqrt(at_least_two)
    return pd.DataFrame({"mean": centre, "low": centre - half, "high": centre + half}, index=index)
