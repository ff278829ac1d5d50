"""A step in weekly values whose errors hang together: its size, and how well that is known.

Ordinary intervals are too narrow for weekly values, since a week resembles the one before, and too narrow still where
the autocorrelation is estimated first and then taken for granted. Here it is integrated out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from opslib.analysis.methods.columns import Floats

AUTOCORRELATIONS: Floats = np.round(np.arange(-0.40, 0.985, 0.02), 2)
"""The autocorrelations over which a fit is integrated, each as likely beforehand as any other."""
CONTROL_WEEKS = 8.0
"""How many weeks' worth it is taken as given that treated and control move alike."""
SLOPE_SPREAD = 0.015
"""How far, in standard deviations of a weekly value, the treated drift from the control in a week."""
LEVEL = 0.95

_MOST_STEPS, _ACCURACY = 60, 1e-9
_NEGLIGIBLE = 1e-10
_LEAST = 1e-12


@dataclass(frozen=True)
class StepFit:
    """What is known of the step of each of several series, on their working scale.

    By series and autocorrelation (`AUTOCORRELATIONS`): weight (sums to 1), step and spread of its t distribution,
    innovation_variance, and coefficient of the control (NaN without one). degrees: of freedom, the same for all.
    """

    weight: Floats
    step: Floats
    spread: Floats
    innovation_variance: Floats
    coefficient: Floats
    degrees: int

    @property
    def estimate(self) -> Floats:
        """The size of the step, by series."""
        return _mean(self.weight, self.step)

    @property
    def autocorrelation(self) -> Floats:
        """The mean autocorrelation of the errors, by series."""
        return _mean(self.weight, np.broadcast_to(AUTOCORRELATIONS, self.weight.shape))

    @property
    def control_coefficient(self) -> Floats:
        """By how much the treated move where the control moves by 1, by series; NaN without a control."""
        return _mean(self.weight, self.coefficient)

    def chance_below(self, size: npt.ArrayLike) -> Floats:
        """The chance that the step of each series is below a size, a number or one of each series."""
        z = (np.atleast_1d(np.asarray(size, dtype=np.float64))[:, None] - self.step) / self.spread
        return _mean(self.weight, special.stdtr(float(self.degrees), z))

    def interval(self, level: float = LEVEL) -> tuple[Floats, Floats]:
        """Between which sizes the step of each series lies with a chance of `level`."""
        return self.quantile((1 - level) / 2), self.quantile((1 + level) / 2)

    def quantile(self, chance: float) -> Floats:
        """The size below which the step of each series lies with this chance: Newton's steps within a bisection."""
        reach = special.stdtrit(float(self.degrees), chance) * self.spread
        counts = self.weight > _NEGLIGIBLE
        # The quantile of a mixture lies between the least and the greatest of its parts' quantiles.
        low = np.where(counts, self.step + reach, np.inf).min(axis=1)
        high = np.where(counts, self.step + reach, -np.inf).max(axis=1)
        size = _mean(self.weight, self.step + reach)
        for _ in range(_MOST_STEPS):
            excess = self.chance_below(size) - chance
            low, high = np.where(excess < 0, size, low), np.where(excess < 0, high, size)
            newton = size - excess / self._density(size)
            is_inside = (newton > low) & (newton < high)
            moved = np.where(is_inside, newton, (low + high) / 2)
            if np.all(np.abs(moved - size) <= _ACCURACY * np.abs(self.spread).max(axis=1)):
                return np.asarray(moved)
            size = moved
        return np.asarray(size)

    def _density(self, size: Floats) -> Floats:
        z = (size[:, None] - self.step) / self.spread
        nu = float(self.degrees)
        height = np.exp(special.gammaln((nu + 1) / 2) - special.gammaln(nu / 2)) / np.sqrt(nu * np.pi)
        return _mean(self.weight, height * (1 + z**2 / nu) ** (-(nu + 1) / 2) / self.spread)


def fit_step(values: npt.ArrayLike, before: int, control: npt.ArrayLike | None = None) -> StepFit:
    """Fit a step after the first weeks of each of several series.

    Args:
        values: shape (series, weeks) or (weeks,), on the working scale, none missing.
        before: how many weeks lie before the step. As many as there are: a fit without a step, of which only weight,
            innovation_variance and coefficient tell anything.
        control: the mean of the untouched on the same scale, of the same shape; None: no control.

    Returns:
        The fit.

    Raises:
        ValueError: a value is missing, shapes differ, or there are too few weeks to fit anything.

    Notes:
        Regression of the value on level, step, control and slope with AR(1) errors. For each autocorrelation the weeks
        are whitened, two rows are added, which draw the control's coefficient to 1 and the slope to 0, and the step
        has a t distribution; the weights are the marginal posterior of the autocorrelation.

    References:
        Zellner, A. and Tiao, G. C. (1964). Bayesian analysis of the regression model with autocorrelated errors. JASA
        59, 763. Box, G. E. P. and Tiao, G. C. (1975). Intervention analysis. JASA 70, 70. Harville, D. A. (1974).
        Bayesian inference for variance components using only error contrasts. Biometrika 61, 383.

    >>> fit = fit_step([5.0, 6.0, 5.5, 5.0, 6.0, 5.5, 5.2, 8.0, 8.5, 8.2, 8.1], 7)
    >>> low, high = fit.interval()
    >>> bool(low[0] < 2.7 < high[0])
    True
    """
    treated = np.atleast_2d(np.asarray(values, dtype=np.float64))
    others = None if control is None else np.atleast_2d(np.asarray(control, dtype=np.float64))
    if others is not None and others.shape != treated.shape:
        raise ValueError(f"values of shape {treated.shape} with a control of shape {others.shape}")
    if not np.isfinite(treated).all() or (others is not None and not np.isfinite(others).all()):
        raise ValueError("a value is missing; leave the week out, or cut the window at it")
    series, weeks = treated.shape
    has_step = before < weeks
    if before < 2 or weeks < 5:
        raise ValueError(f"{before} of {weeks} weeks lie before the step; that is too few to fit anything")

    # A series is fitted on a scale of its own, so that no sum of squares loses its digits.
    middle = treated.mean(axis=1, keepdims=True)
    size = treated.std(axis=1, keepdims=True)
    size = np.where(size > _LEAST * np.abs(middle), size, 1.0)
    place = np.arange(weeks, dtype=np.float64) - (weeks - 1) / 2
    columns = [np.ones((series, weeks)), np.broadcast_to(place, (series, weeks))]
    if has_step:
        columns.append(np.broadcast_to((np.arange(weeks) >= before).astype(np.float64), (series, weeks)))
    if others is not None:
        columns.append((others - others.mean(axis=1, keepdims=True)) / size)
    width = len(columns)
    gram = _whitened_gram(np.stack([*columns, (treated - middle) / size], axis=1))

    slope_row = (1 - AUTOCORRELATIONS**2) / SLOPE_SPREAD**2
    gram[:, :, 1, 1] += slope_row
    log_rows = np.broadcast_to(0.5 * np.log(slope_row), gram.shape[:2])
    if others is not None:
        row = CONTROL_WEEKS * _whitened_variance(columns[-1], gram[:, :, width - 1, width - 1])
        row = np.maximum(row, _LEAST)  # a control that never moves tells nothing
        gram[:, :, width - 1, width - 1] += row
        gram[:, :, width - 1, width] += row
        gram[:, :, width, width - 1] += row
        gram[:, :, width, width] += row
        log_rows = log_rows + 0.5 * np.log(row)

    degrees = weeks - width + 1 + (others is not None)
    design, cross = gram[:, :, :width, :width], gram[:, :, :width, width]
    inverse = np.linalg.inv(design)
    solution = np.einsum("srij,srj->sri", inverse, cross)
    left = gram[:, :, width, width] - np.einsum("sri,sri->sr", solution, cross)
    left = np.maximum(left, _LEAST)
    log_weight = (
        0.5 * np.log(1 - AUTOCORRELATIONS**2)
        - 0.5 * np.linalg.slogdet(design)[1]
        + log_rows
        - 0.5 * degrees * np.log(left)
    )
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    variance = left / degrees
    nothing = np.full(weight.shape, np.nan)
    return StepFit(
        weight=weight / weight.sum(axis=1, keepdims=True),
        step=solution[:, :, 2] * size if has_step else nothing,
        spread=np.sqrt(inverse[:, :, 2, 2] * variance) * size if has_step else nothing,
        innovation_variance=variance * size**2,
        coefficient=solution[:, :, width - 1] if others is not None else nothing,
        degrees=degrees,
    )


def step_variance(before: int, after: int) -> Floats:
    """The variance of a step's estimate, in innovation variances, by autocorrelation.

    Args:
        before: weeks before the step.
        after: weeks after it.

    Returns:
        By `AUTOCORRELATIONS`: the step's element of the inverse of the design of level, step and slope.
    """
    weeks = before + after
    place = np.arange(weeks, dtype=np.float64)
    columns = np.stack([np.ones(weeks), place - (weeks - 1) / 2, (place >= before).astype(np.float64)])
    gram = _whitened_gram(columns[None])
    gram[:, :, 1, 1] += (1 - AUTOCORRELATIONS**2) / SLOPE_SPREAD**2
    return np.asarray(np.linalg.inv(gram)[0, :, 2, 2])


def _whitened_gram(columns: Floats) -> Floats:
    """Products of whitened columns, shape (series, autocorrelations, columns, columns), from (series, columns, weeks).

    A product of whitened columns is a parabola of the autocorrelation, so that nothing need be whitened.
    """
    now, last = columns[:, :, 1:], columns[:, :, :-1]
    inner = columns[:, :, 1:-1]
    whole = np.einsum("sit,sjt->sij", columns, columns)
    beside = np.einsum("sit,sjt->sij", now, last)
    inside = np.einsum("sit,sjt->sij", inner, inner)
    rho = AUTOCORRELATIONS[None, :, None, None]
    return np.asarray(
        whole[:, None] - rho * (beside + beside.swapaxes(1, 2))[:, None] + rho**2 * inside[:, None], dtype=np.float64
    )


def _whitened_variance(column: Floats, squares: Floats) -> Floats:
    """The variance over weeks of a whitened column, by series and autocorrelation, given its sums of squares."""
    weeks = column.shape[1]
    rho = AUTOCORRELATIONS[None, :]
    total = np.sqrt(1 - rho**2) * column[:, :1] + column[:, 1:].sum(axis=1, keepdims=True)
    total = total - rho * column[:, :-1].sum(axis=1, keepdims=True)
    return np.asarray(np.maximum(squares / weeks - (total / weeks) ** 2, 0.0))


def _mean(weight: Floats, parts: Floats) -> Floats:
    return np.asarray((weight * parts).sum(axis=1))
