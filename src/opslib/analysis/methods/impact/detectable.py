"""How large an effect must be to be found: in the weeks that are there, and in those to come."""

from __future__ import annotations

import numpy as np
from scipy import special

from opslib.analysis.methods.columns import Floats
from opslib.analysis.methods.impact.step import StepFit, step_variance

MOST_WEEKS = 52
"""How many weeks after a change are planned for, at most."""
_PER_HALF_WIDTH = 1.5  # 1.43 of a textbook, (t.975 + t.80) / t.975, and the price of not knowing the half-width
_UPPER = 0.975


def detectable(low: Floats, high: Floats) -> Floats:
    """The size of a step that is found four times in five.

    Args:
        low: lower ends of 95% intervals, by series.
        high: upper ends.

    Returns:
        One and a half times half the interval.
    """
    return np.asarray(_PER_HALF_WIDTH * (high - low) / 2)


def planned_detectable(fit: StepFit, before: int, after: int, *, fitted: int = 0) -> Floats:
    """The size of a step that will be found four times in five after so many weeks.

    Args:
        fit: of the weeks before alone, without a step, or of those before and after.
        before: weeks before the step.
        after: weeks after it that there will be.
        fitted: weeks after it that the fit rests on.

    Returns:
        By series, on the working scale.

    Notes:
        Half the interval to come is that of a regression on level, step and slope whose errors have the innovation
        variances and autocorrelations of the fit.
    """
    variance = (fit.weight * fit.innovation_variance * step_variance(before, after)[None, :]).sum(axis=1)
    reach = special.stdtrit(float(fit.degrees + after - fitted), _UPPER)
    return np.asarray(_PER_HALF_WIDTH * reach * np.sqrt(variance))


def weeks_needed(fit: StepFit, before: int, size: float, *, fitted: int = 0, widening: float = 1.0) -> int | None:
    """After how many weeks a step of a size is found four times in five.

    Args:
        fit: of one series, as `planned_detectable` takes it.
        before: weeks before the step.
        size: of the step, on the working scale, above 0.
        fitted: weeks after it that the fit rests on.
        widening: by how much intervals are widened.

    Returns:
        Weeks after the step, those that are there included; None where even a year does not do.
    """
    for after in range(max(1, fitted), MOST_WEEKS + 1):
        if widening * float(planned_detectable(fit, before, after, fitted=fitted)[0]) <= size:
            return after
    return None
