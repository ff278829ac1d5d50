"""What the method says where nothing was changed: on each untouched group, and at dates before the change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from opslib.analysis.methods.columns import Floats
from opslib.analysis.methods.impact.step import fit_step

FEWEST_TO_WIDEN = 10
"""Controls from which on intervals are widened by what the controls show."""
FEWEST_TO_RANK = 19
"""Controls from which on a rank can be rare: with 19 the smallest p is 0.05."""
_SURE = 1e-300


@dataclass(frozen=True)
class Placebos:
    """The untouched groups as if each had been changed.

    score: by control how many standard deviations of a normal its step is away from 0; widening: by how much the
    interval of the treated is widened, at least 1; as_large: how many show as large an effect; rank_p: the share of
    effects as large as that of the treated, itself counted; None with fewer than 19 controls.
    """

    score: Floats
    widening: float
    as_large: int
    rank_p: float | None


@dataclass(frozen=True)
class PlaceboDate:
    """The step at a place among the weeks before the change: place, how many of them lie before; step, low and high."""

    place: int
    step: float
    low: float
    high: float


def score(chance_below: Floats) -> Floats:
    """How far a step is from 0: the normal deviate of its chance to be above 0."""
    return -np.asarray(special.ndtri(np.clip(chance_below, _SURE, 1 - 1e-16)))


def placebo_controls(treated_score: float, controls: Floats, before: int) -> Placebos | None:
    """Measure a step at the same week in each control, against the mean of the others; the treated are left out.

    Args:
        treated_score: of the treated.
        controls: shape (controls, weeks), on the working scale.
        before: weeks before the step.

    Returns:
        The placebos; None with fewer than 10 controls, which say nothing of how wide intervals should be.

    References:
        Schuemie, M. J. et al. (2018). Empirical confidence interval calibration for population-level effect estimation
        studies. PNAS 115, 2571. Conley, T. G. and Taber, C. R. (2011). Inference with "difference in differences" with
        a small number of policy changes. REStat 93, 113.
    """
    number = len(controls)
    if number < FEWEST_TO_WIDEN:
        return None
    others = (controls.sum(axis=0) - controls) / (number - 1)
    scores = score(fit_step(controls, before, others).chance_below(0.0))
    as_large = int((np.abs(scores) >= abs(treated_score)).sum())
    rank_p = (1 + as_large) / (number + 1) if number >= FEWEST_TO_RANK else None
    return Placebos(scores, max(1.0, float(np.sqrt(np.mean(scores**2)))), as_large, rank_p)


def placebo_dates(values: Floats, control: Floats | None, before: int) -> tuple[PlaceboDate, ...]:
    """Measure a step at half and at two thirds of the weeks before the change, where there is none.

    Args:
        values: of the treated, shape (weeks,), on the working scale.
        control: the mean of the controls, of the same shape; None: none.
        before: weeks before the change; the later ones are left out.

    Returns:
        One per date; none where the weeks before are too few to be cut. They are a picture: nothing is decided by them.

    References:
        Roth, J. (2022). Pretest with caution: event-study estimates after testing for parallel trends. AER: Insights 4,
        305.
    """
    found = []
    for place in sorted({before // 2, 2 * before // 3}):
        if place < 4 or before - place < 2:
            continue
        fit = fit_step(values[:before], place, None if control is None else control[:before])
        low, high = fit.interval()
        found.append(PlaceboDate(place, float(fit.estimate[0]), float(low[0]), float(high[0])))
    return tuple(found)
