"""The scales on which effects are measured: what adds up on them, and what they say in a reader's terms.

Times, counts and numbers per ticket move in proportion (the logarithm), shares by their odds (the logit), scores and
differences by so much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import special

from opslib.analysis.methods.columns import Floats
from opslib.metrics import Metric

ScaleName = Literal["log", "logit", "identity"]
Change = Literal["ratio", "points", "units"]
LOG: ScaleName = "log"
LOGIT: ScaleName = "logit"
IDENTITY: ScaleName = "identity"
FEWEST_EVENTS = 1.0
"""How many events a week are wanted at least, of a share on its rarer side."""

_DIFFERENCES = ("net_flow",)


@dataclass(frozen=True)
class Scale:
    """A working scale, and how its steps are said: as a ratio less 1, in points of a share, or in units."""

    name: ScaleName

    @property
    def change(self) -> Change:
        """What a change on this scale is told in."""
        changes: dict[ScaleName, Change] = {"log": "ratio", "logit": "points", "identity": "units"}
        return changes[self.name]

    def of(self, numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> Floats:
        """Weekly values on the scale.

        Args:
            numerator: of a share its events, of anything else the sum that is divided; any shape.
            denominator: of the same shape; 1 where nothing is divided.

        Returns:
            log((k + 1/2) / (N - k + 1/2)) of a share, the logarithm of numerator / denominator, or that itself; NaN
            where the denominator is 0 or missing. The logarithm of a count of 0 is that of one half.
        """
        above, below = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.name == LOGIT:
                return np.where(below > 0, np.log((above + 0.5) / (below - above + 0.5)), np.nan)
            value = np.where(below > 0, above / below, np.nan)
            if self.name == IDENTITY:
                return np.asarray(value)
            half = np.where((above == 0) & (below > 0), 0.5 / below, value)
            return np.asarray(np.where(half > 0, np.log(half), np.nan))

    def level(self, numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> float:
        """The level of several weeks in the metric's unit.

        Args:
            numerator: as `of` takes it, one per week.
            denominator: likewise.

        Returns:
            Of a share all events over all cases; of the logarithm the geometric mean, else the mean.
        """
        above, below = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
        if self.name == LOGIT:
            return float(above.sum() / below.sum()) if below.sum() > 0 else float("nan")
        values = self.of(above, below)
        values = values[np.isfinite(values)]
        if not len(values):
            return float("nan")
        return float(np.exp(values.mean())) if self.name == LOG else float(values.mean())

    def change_of(self, step: float, level: float) -> float:
        """What a step on the scale is in its terms.

        Args:
            step: on the scale.
            level: that it starts from, in the metric's unit; only a share needs it.

        Returns:
            A ratio less 1 (-0.08 for 8 % less), a difference of shares, or units.

        >>> round(Scale(LOG).change_of(-0.0834, 12.0), 3), round(Scale(LOGIT).change_of(-0.5, 0.2), 3)
        (-0.08, -0.068)
        """
        if self.name == LOG:
            return float(np.expm1(step))
        if self.name == LOGIT:
            return float(special.expit(special.logit(level) + step) - level)
        return float(step)

    def step_of(self, change: float, level: float) -> float:
        """The step on the scale that is such a change: the inverse of `change_of`; infinite where none is as large."""
        if self.name == LOG:
            return float(np.log1p(change)) if change > -1 else float("-inf")
        if self.name == LOGIT:
            return float(special.logit(min(max(level + change, 0.0), 1.0)) - special.logit(level))
        return float(change)

    def in_units(self, change: float, level: float) -> float:
        """What a change is in the metric's unit, from a level in that unit."""
        return change * level if self.name == LOG else change

    def has_enough_events(self, numerator: npt.ArrayLike, denominator: npt.ArrayLike, *, is_count: bool) -> bool:
        """Whether a week holds enough events to be measured by.

        Args:
            numerator: as `of` takes it, one per week.
            denominator: likewise.
            is_count: whether the numerator counts events.

        Returns:
            Of a share whether its rarer side is expected to have one or more a week, of a count whether it has; true
            of anything else.
        """
        above, below = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
        if self.name == LOGIT:
            share = above.sum() / below.sum() if below.sum() > 0 else 0.0
            return bool(below.mean() * min(share, 1 - share) >= FEWEST_EVENTS)
        return not (is_count and self.name == LOG) or bool(above.mean() >= FEWEST_EVENTS)


def scale_of(metric: Metric) -> Scale:
    """The scale on which a metric's effects are measured."""
    if metric.kind == "share":
        return Scale(LOGIT)
    return Scale(IDENTITY if metric.unit == "score" or metric.name in _DIFFERENCES else LOG)
