"""Times that may not have ended yet: percentiles of Kaplan-Meier curves with intervals.

A ticket that is still open counts with the time that it has been open so far: it is censored, never left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from opslib.analysis.methods.columns import Floats, as_floats

Integers = npt.NDArray[np.intp]
Bools = npt.NDArray[np.bool_]
Interval = Literal["log-log", "log"]

# Steps of a curve are at least 1 / n apart, rounding of cumulative sums some 1e-13.
_TIE = 1e-9


@dataclass(frozen=True)
class Quantile:
    """A percentile of times: value, its interval, the times it rests on, and whether the curve falls far enough."""

    value: float
    low: float
    high: float
    n: int
    ended: int
    reached: bool


@dataclass(frozen=True)
class _Steps:
    """The curves of all groups, one row per group and time at which something ended, sorted by both."""

    group: Integers
    time: Floats
    survival: Floats
    hazard_variance: Floats
    last_time: Floats
    n: Integers
    ended: Integers


def quantile(
    durations: npt.ArrayLike,
    ended: npt.ArrayLike,
    p: float = 0.5,
    *,
    confidence: float = 0.95,
    interval: Interval = "log-log",
) -> Quantile:
    """Return a percentile of times of which some have not ended yet, with its interval.

    Args:
        durations: times, not negative: to the end where it has come, so far where it has not. Any unit.
        ended: bool (or 0 and 1) per time; False means censored.
        p: the percentile, between 0 and 1; 0.5 is the median.
        confidence: coverage of the interval.
        interval: "log-log" or "log"; "log" gives the limits of R's survfit.

    Returns:
        value, low, high (in the unit of the times), n (times), ended (how many of them have), reached. Where the curve
        never falls to 1 - p, value and high are NaN, reached is False and low is the lower bound.

    Raises:
        ValueError: a time is missing or negative, an `ended` is missing or neither 0 nor 1, p is not inside (0, 1).

    Notes:
        The value is the first time at which the curve is at or below 1 - p; where it runs level at exactly 1 - p, the
        middle of that stretch, so that the median of times that have all ended is the ordinary median. The limits are
        the same for the lower and upper limit of the curve; an upper limit that never falls so far gives NaN. Where
        value is not reached and not even the lower limit falls to 1 - p, low is the last time at which one ended: the
        interval says that the percentile lies beyond it (R leaves it out).

    References:
        Brookmeyer, R., Crowley, J. (1982). A confidence interval for the median survival time. Biometrics 38, 29-41.
        Kaplan, E. L., Meier, P. (1958). Nonparametric estimation from incomplete observations. JASA 53, 457-481.
        Greenwood, M. (1926). The natural duration of cancer. Reports on Public Health 33 (the variance).
        Kalbfleisch, J. D., Prentice, R. L. (1980). The statistical analysis of failure time data (log-log interval).

    >>> quantile([1, 2, 3, 9, 9], [True, True, True, False, False]).value
    3.0
    """
    times, has_ended = _times_and_ends(durations, ended)
    steps = _steps(np.zeros(len(times), dtype=np.intp), times, has_ended, 1)
    low_curve, high_curve = _band(steps.survival, steps.hazard_variance, confidence, interval)
    value, low, high, reached = _quantiles(steps, low_curve, high_curve, p)
    return Quantile(
        value=float(value[0]),
        low=float(low[0]),
        high=float(high[0]),
        n=int(steps.n[0]),
        ended=int(steps.ended[0]),
        reached=bool(reached[0]),
    )


def grouped_quantiles(
    frame: pd.DataFrame,
    *,
    by: list[str],
    duration: str,
    ended: str,
    p: Sequence[float] = (0.5, 0.9),
    confidence: float = 0.95,
    interval: Interval = "log-log",
) -> pd.DataFrame:
    """Return percentiles of times for each group, some times not having ended yet.

    Args:
        frame: one row per time.
        by: columns that name the group; a missing value is a group of its own.
        duration: column of times, not negative, in any unit.
        ended: column of bools (or 0 and 1); False means censored.
        p: the percentiles, between 0 and 1.
        confidence: coverage of the intervals.
        interval: "log-log" (the default here, in lifelines and SAS) or "log" (the default of R's survfit).

    Returns:
        One row per group and percentile, sorted by group: the `by` columns, p, value, low, high (in the unit of the
        times), n (times), ended (how many of them have), reached (bool). Where the curve never falls to 1 - p, value
        and high are NaN, reached is False and low is the lower bound.

    Raises:
        ValueError: a time is missing or negative, an `ended` is missing or neither 0 nor 1, a p is not inside (0, 1).

    Notes:
        All groups at once: one sort, then cumulative sums, by the formulas of `quantile`, where their references are.
    """
    times, has_ended = _times_and_ends(frame[duration], frame[ended])
    grouping = frame.groupby(by, dropna=False, observed=True, sort=True)
    code: Integers = np.asarray(grouping.ngroup(), dtype=np.intp)
    size = int(code.max()) + 1 if len(code) else 0
    steps = _steps(code, times, has_ended, size)
    low_curve, high_curve = _band(steps.survival, steps.hazard_variance, confidence, interval)

    first_row = np.full(size, len(code), dtype=np.intp)
    np.minimum.at(first_row, code, np.arange(len(code)))
    keys = frame[by].iloc[first_row].reset_index(drop=True)
    parts = []
    for each in p:
        value, low, high, reached = _quantiles(steps, low_curve, high_curve, each)
        parts.append(
            keys.assign(
                p=float(each), value=value, low=low, high=high, n=steps.n, ended=steps.ended, reached=reached
            ).rename_axis("group")
        )
    if not parts:
        raise ValueError("p names no percentile")
    return pd.concat(parts).sort_values("group", kind="stable").reset_index(drop=True)


def _times_and_ends(durations: npt.ArrayLike, ended: npt.ArrayLike) -> tuple[Floats, Bools]:
    """Times, and whether each has ended; ValueError for what is neither, with the first position."""
    times, has_ended = as_floats(durations), as_floats(ended)
    if times.ndim != 1 or times.shape != has_ended.shape:
        raise ValueError(f"durations and ended must be columns of one length, not {times.shape} and {has_ended.shape}")
    bad = np.isnan(times) | (times < 0) | np.isinf(times)
    if bad.any():
        raise ValueError(
            f"{int(bad.sum())} of {len(times)} durations are missing, infinite or negative, the first at position "
            f"{int(np.argmax(bad))}; a time that has not ended is given as the time so far with ended False"
        )
    if not ((has_ended == 0) | (has_ended == 1)).all():
        wrong = ~((has_ended == 0) | (has_ended == 1))
        raise ValueError(f"ended must be true or false; it is neither at position {int(np.argmax(wrong))}")
    return times, has_ended == 1


def _steps(code: Integers, times: Floats, has_ended: Bools, size: int) -> _Steps:
    """Curves of the groups 0 to size - 1 at the times at which something ended."""
    order = np.lexsort((times, code))
    code, times, has_ended = code[order], times[order], has_ended[order]
    n = np.bincount(code, minlength=size).astype(np.intp)
    group_end = np.cumsum(n)
    opens = np.ones(len(times), dtype=bool)
    opens[1:] = (times[1:] != times[:-1]) | (code[1:] != code[:-1])
    first = np.flatnonzero(opens)
    ended_up_to = np.concatenate(([0], np.cumsum(has_ended)))
    ended_here = np.diff(ended_up_to[np.append(first, len(times))])

    first, ended_here = first[ended_here > 0], ended_here[ended_here > 0]
    group = code[first]
    at_risk = (group_end[group] - first).astype(np.float64)
    left = at_risk - ended_here
    empties = left == 0
    log_survival = _sum_within(np.log1p(-np.where(empties, 0.0, ended_here / at_risk)), group)
    safe_left = np.where(empties, 1.0, left)
    hazard_variance = _sum_within(np.where(empties, 0.0, ended_here / (at_risk * safe_left)), group)
    last_time = np.full(size, np.nan)
    last_time[n > 0] = times[group_end[n > 0] - 1]
    return _Steps(
        group=group,
        time=times[first],
        survival=np.where(empties, 0.0, np.exp(log_survival)),
        hazard_variance=np.where(empties, np.nan, hazard_variance),
        last_time=last_time,
        n=n,
        ended=np.bincount(code, has_ended, minlength=size).astype(np.intp),
    )


def _sum_within(values: Floats, group: Integers) -> Floats:
    """Cumulative sum that starts anew with each group; equal groups stand together."""
    total = np.cumsum(values)
    starts = np.ones(len(group), dtype=bool)
    starts[1:] = group[1:] != group[:-1]
    before = np.where(starts, total - values, 0.0)[starts]
    within: Floats = total - before[np.cumsum(starts) - 1]
    return within


def _band(survival: Floats, hazard_variance: Floats, confidence: float, interval: Interval) -> tuple[Floats, Floats]:
    """Lower and upper limit of the curve at each time, NaN where it is at 0 or, for log-log, still at 1."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}")
    z = float(special.ndtri((1 + confidence) / 2))
    inside = (survival > 0) & (survival < 1)
    log_survival = np.log(np.where(inside, survival, np.nan))
    error = np.sqrt(np.where(inside, hazard_variance, np.nan))
    if interval == "log-log":
        stretch = np.exp(z * error / -log_survival)
        return np.exp(log_survival * stretch), np.exp(log_survival / stretch)
    if interval == "log":
        return np.exp(log_survival - z * error), np.minimum(np.exp(log_survival + z * error), 1.0)
    raise ValueError(f"interval must be 'log-log' or 'log', not {interval!r}")


def _quantiles(steps: _Steps, low_curve: Floats, high_curve: Floats, p: float) -> tuple[Floats, Floats, Floats, Bools]:
    """Per group the percentile, its limits, and whether the curve falls so far."""
    if not 0 < p < 1:
        raise ValueError(f"p must lie between 0 and 1, not {p}")
    value = _crossing(steps, steps.survival, 1 - p)
    low = _crossing(steps, low_curve, 1 - p)
    high = _crossing(steps, high_curve, 1 - p)
    reached = ~np.isnan(value)
    last_end = np.full(len(steps.n), np.nan)
    last_end[steps.group] = steps.time  # the last of several assignments stays: the group's last step
    bounded = np.zeros(len(steps.n), dtype=bool)
    bounded[steps.group[~np.isnan(low_curve)]] = True
    low = np.where(~reached & np.isnan(low) & bounded, last_end, low)
    return value, low, high, reached


def _crossing(steps: _Steps, curve: Floats, level: float) -> Floats:
    """Per group the first time at which the curve is at or below the level, the middle where it runs level there."""
    at_or_below = _first_time(steps, curve <= level + _TIE)
    below = _first_time(steps, curve < level - _TIE)
    return np.where(np.isnan(below), (at_or_below + steps.last_time) / 2, (at_or_below + below) / 2)


def _first_time(steps: _Steps, condition: Bools) -> Floats:
    """Per group the time of the first step at which the condition holds, NaN where it never does."""
    rows = np.flatnonzero(condition)
    times = np.full(len(steps.n), np.nan)
    groups, first = np.unique(steps.group[rows], return_index=True)
    times[groups] = steps.time[rows[first]]
    return times
