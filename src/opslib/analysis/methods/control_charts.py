"""Control charts with frozen baselines: XmR for times and counts, Laney p' for shares, Nelson's rules by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.analysis.methods.columns import Floats, as_columns

Bools = npt.NDArray[np.bool_]

D2 = 2 / np.sqrt(np.pi)
"""Expected range of two values from a normal distribution with standard deviation 1, 1.128379."""

MINIMUM_BASELINE = 6
"""Fewest points with a value from which limits are computed."""

RULES = {
    1: "beyond the limits",
    2: "nine on one side of the centre",
    3: "six rising or falling",
    4: "fourteen alternating",
}
"""The four of Nelson's rules that charts mark, by number, in plain words.

1: one point more than 3 sigma from the centre. 2: nine in a row on the same side; one on the centre breaks it. 3: six
in a row steadily rising or falling; equal neighbours break it. 4: fourteen in a row alternately up and down. A point is
marked where it completes the pattern, and every further one that prolongs it; a missing value completes nothing and
breaks every run. On independent normal values each rule fires by chance at about 0.3 to 0.5 % of the points.

Nelson, L. S. (1984). The Shewhart control chart: tests for special causes. Journal of Quality Technology 16, 237-239.
"""


def xmr(values: npt.ArrayLike, *, baseline: int | npt.ArrayLike | None = None) -> pd.DataFrame:
    """Return the chart of individual values with limits from their moving range.

    Args:
        values: one value per period in the order of time (hours, tickets); NaN where a period has none.
        baseline: the number of first periods, or a bool per period, that the limits are computed from; they stay
            frozen for all other periods. None takes all periods.

    Returns:
        One row per period with the index of the Series: value, centre, lower, upper, sigma, moving_range (all in the
        unit of the values; moving_range is NaN where either neighbour is missing), nelson_1 to nelson_4 (bool), signal
        (the `RULES` that fired, parted by "; ", empty for none), in_baseline (bool).

    Raises:
        ValueError: a baseline that is no count of at least 1 and no mask of the right length.

    Notes:
        Centre = mean, sigma = mean moving range / 1.128379, limits = centre -+ 3 sigma, over baseline points and over
        moving ranges with both ends in the baseline. Fewer than 6 points or 3 moving ranges give no centre and no
        limits; a baseline without any variation gives a centre but no limits, since a width of zero would make
        a signal of every later change. Where there are no limits there are no signals. The lower limit may be negative.

    References:
        Wheeler, D. J., Chambers, D. S. (1992). Understanding statistical process control, 2nd edition. SPC Press.
        NIST/SEMATECH e-Handbook of statistical methods, 6.3.2.2.
    """
    columns, index = as_columns(values=values)
    value = columns["values"]
    in_baseline = _baseline_mask(baseline, len(value))
    moving_range, sigma = _spread(value, in_baseline)
    centre = float(np.mean(value[in_baseline & ~np.isnan(value)])) if _long_enough(value, in_baseline) else np.nan
    deviation = _deviation(value, centre)
    chart = _chart(
        value=value,
        centre=centre,
        sigma=np.full(len(value), sigma),
        deviation=deviation,
        moving_range=moving_range,
        in_baseline=in_baseline,
    )
    return pd.DataFrame(chart, index=index)


def laney_p_prime(
    successes: npt.ArrayLike, trials: npt.ArrayLike, *, baseline: int | npt.ArrayLike | None = None
) -> pd.DataFrame:
    """Return the chart of shares whose limits allow for more variation between periods than the binomial has.

    Args:
        successes: count of what is meant per period, in the order of time.
        trials: count of all per period; 0 or NaN where a period has none.
        baseline: the number of first periods, or a bool per period, that the limits are computed from; they stay
            frozen for all other periods. None takes all periods.

    Returns:
        One row per period with the index of the Series: value, centre, lower, upper, sigma (shares; the limits vary
        with the trials and lie within 0 to 1), moving_range (of the standardised shares), nelson_1 to nelson_4 (bool),
        signal (the `RULES` that fired, parted by "; ", empty for none), in_baseline (bool), and sigma_z, the factor by
        which the periods vary more than binomially.

    Raises:
        ValueError: a count is negative, successes exceed trials, or the baseline is not usable.

    Notes:
        centre p = sum of successes / sum of trials; s_i = sqrt(p (1 - p) / n_i); z_i = (p_i - p) / s_i; sigma_z = mean
        moving range of z / 1.128379; limits p -+ 3 s_i sigma_z. Rules 1 and 2 look at the distance in sigma, rules 3
        and 4 at the shares as drawn. A baseline of fewer than 6 points or 3 moving ranges gives no centre and no
        limits, one without any variation no limits; where there are no limits there are no signals.

    References:
        Laney, D. B. (2002). Improved control charts for attributes. Quality Engineering 14, 531-537.
    """
    columns, index = as_columns(successes=successes, trials=trials)
    met, total = columns["successes"], columns["trials"]
    wrong = np.flatnonzero((met < 0) | (total < 0) | (met > total))
    if len(wrong):
        raise ValueError(f"successes must lie between 0 and trials; they do not at position {wrong[0]}")
    value = np.divide(met, total, out=np.full(len(met), np.nan), where=total > 0)
    in_baseline = _baseline_mask(baseline, len(value))
    usable = in_baseline & ~np.isnan(value)
    centre = float(met[usable].sum() / total[usable].sum()) if _long_enough(value, in_baseline) else np.nan
    binomial = np.sqrt(centre * (1 - centre) / np.where(np.isnan(value), np.nan, total))
    deviation = _deviation(value, centre)
    z = np.divide(deviation, binomial, out=np.full(len(value), np.nan), where=binomial > 0)
    moving_range, sigma_z = _spread(z, in_baseline)
    chart = _chart(
        value=value,
        centre=centre,
        sigma=binomial * sigma_z,
        deviation=deviation,
        moving_range=moving_range,
        in_baseline=in_baseline,
    )
    within = {"lower": np.maximum(chart["lower"], 0.0), "upper": np.minimum(chart["upper"], 1.0)}
    return pd.DataFrame(chart | within | {"sigma_z": np.full(len(value), sigma_z)}, index=index)


def _rule_points(values: Floats) -> dict[int, Bools]:
    """By rule the points that it marks, of distances from the centre in sigma."""
    step = np.zeros(len(values))
    if len(values) > 1:
        before, after = values[:-1], values[1:]
        # Compared, not subtracted: two infinite values have no difference.
        step[1:] = (after > before).astype(np.float64) - (after < before)
    turn = np.zeros(len(values))
    turn[1:] = step[1:] * step[:-1] == -1
    side = (values > 0).astype(np.float64) - (values < 0)
    return {
        1: np.abs(values) > 3,
        2: (side != 0) & (_run_length(side) >= 9),
        3: (step != 0) & (_run_length(step) >= 5),
        4: (turn != 0) & (_run_length(turn) >= 12),
    }


def _run_length(states: Floats) -> npt.NDArray[np.int64]:
    """For each position, how many equal values in a row end there."""
    position = np.arange(len(states))
    starts = np.ones(len(states), dtype=bool)
    starts[1:] = states[1:] != states[:-1]
    return position - np.maximum.accumulate(np.where(starts, position, 0)) + 1


def _baseline_mask(baseline: int | npt.ArrayLike | None, length: int) -> Bools:
    """The baseline as a bool per period; ValueError for what is neither a count nor a mask of this length."""
    if baseline is None:
        return np.ones(length, dtype=bool)
    if isinstance(baseline, (int, np.integer)) and not isinstance(baseline, (bool, np.bool_)):
        if baseline < 1:
            raise ValueError(f"a baseline takes at least 1 period, not {baseline}")
        return np.arange(length) < baseline
    mask = np.asarray(baseline)
    if mask.dtype != np.bool_ or mask.shape != (length,):
        raise ValueError(f"the baseline must be a count or one bool for each of the {length} periods")
    return mask.copy()


def _deviation(value: Floats, centre: float) -> Floats:
    """Distance from the centre, 0 where only rounding of the mean parts the two."""
    distance = value - centre
    return np.where(np.isclose(value, centre, rtol=1e-12, atol=0), 0.0, distance)


def _ranges(value: Floats, in_baseline: Bools) -> tuple[Floats, Floats]:
    """All moving ranges, and those with both ends in the baseline."""
    moving_range = np.full(len(value), np.nan)
    moving_range[1:] = np.abs(np.diff(value))
    within = np.zeros(len(value), dtype=bool)
    within[1:] = in_baseline[1:] & in_baseline[:-1]
    return moving_range, moving_range[within & ~np.isnan(moving_range)]


def _long_enough(value: Floats, in_baseline: Bools) -> bool:
    """Whether the baseline has enough points and moving ranges for limits."""
    points = int((in_baseline & ~np.isnan(value)).sum())
    return points >= MINIMUM_BASELINE and 2 * len(_ranges(value, in_baseline)[1]) >= MINIMUM_BASELINE


def _spread(value: Floats, in_baseline: Bools) -> tuple[Floats, float]:
    """Moving ranges and the baseline's standard deviation, NaN where the baseline is too short or never varies."""
    moving_range, within = _ranges(value, in_baseline)
    sigma = float(np.mean(within)) / D2 if _long_enough(value, in_baseline) else np.nan
    return moving_range, sigma if sigma > 0 else np.nan


def _chart(
    *,
    value: Floats,
    centre: float,
    sigma: Floats,
    deviation: Floats,
    moving_range: Floats,
    in_baseline: Bools,
) -> dict[str, Any]:
    """The columns of a chart."""
    z = np.divide(deviation, sigma, out=np.full(len(value), np.nan), where=sigma > 0)
    by_distance, by_value = _rule_points(z), _rule_points(np.where(np.isnan(z), np.nan, value))
    points = {1: by_distance[1], 2: by_distance[2], 3: by_value[3], 4: by_value[4]}
    signal = ["; ".join(RULES[rule] for rule, marks in points.items() if marks[place]) for place in range(len(value))]
    return {
        "value": value,
        "centre": np.full(len(value), centre),
        "lower": centre - 3 * sigma,
        "upper": centre + 3 * sigma,
        "sigma": sigma,
        "moving_range": moving_range,
        **{f"nelson_{rule}": marks for rule, marks in points.items()},
        "signal": pd.array(signal, dtype="str"),
        "in_baseline": in_baseline,
    }
