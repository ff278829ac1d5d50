"""What an effect is worth in a year: hours of work, and money where an hour has a price."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from opslib.analysis.methods.impact.effects import Effect
from opslib.analysis.methods.impact.scales import LOG, LOGIT
from opslib.analysis.methods.impact.verdicts import HELPED, HURT

WEEKS_OF_A_YEAR = 365.25 / 7


@dataclass(frozen=True)
class YearlyGain:
    """What is saved in a year if the effect stays as in the weeks that it was measured in; below 0 where it costs.

    hours with hours_low and hours_high, the 95% interval; money likewise, None where an hour has no price. weeks: those
    that it was measured in.
    """

    hours: float
    hours_low: float
    hours_high: float
    money: float | None
    money_low: float | None
    money_high: float | None
    weeks: int


def can_be_hours(effect: Effect) -> bool:
    """Whether work hangs on the metric by the piece: replies, contacts and shares of cases, but no times or scores."""
    return effect.metric.unit in ("count", "per_ticket", "rate", "share")


def yearly_gain(effect: Effect, *, minutes: float, hourly_cost: float | None = None) -> YearlyGain | None:
    """What an effect saves in a year.

    Args:
        effect: as `measure_effect` returns it.
        minutes: of work that one of what the metric counts takes: a reply, a contact, a case of a share.
        hourly_cost: of an hour of work; None: no money is told.

    Returns:
        The gain; None unless the verdict is helped or hurt, and where no work hangs on the metric by the piece.

    Notes:
        The effect against what the present would be without it, times the present week's volume, times the weeks of a
        year. It is no forecast: it holds if nothing changes.
    """
    last = effect.held[-1][1] if effect.held else None
    if last is None or effect.verdict.name not in (HELPED, HURT) or not can_be_hours(effect):
        return None
    volume = 1.0 if effect.metric.kind == "count" else effect.volume
    hours = [
        -_in_present_units(effect, step) * volume * minutes / 60 * WEEKS_OF_A_YEAR * _work_of(effect)
        for step in (last.step, last.low, last.high)
    ]
    estimate, (low, high) = hours[0], sorted(hours[1:])
    money = [None if hourly_cost is None else each * hourly_cost for each in (estimate, low, high)]
    return YearlyGain(estimate, low, high, money[0], money[1], money[2], last.weeks_after)


def _work_of(effect: Effect) -> int:
    """1 where each one is work; -1 where each one spares it, as a first contact that settles a matter does."""
    return -1 if effect.metric.unit == "share" and effect.metric.better == "higher" else 1


def _in_present_units(effect: Effect, step: float) -> float:
    """The difference that a step makes at the level of the present, in the metric's unit."""
    present = effect.present
    if effect.scale.name == LOG:
        return float(present * -np.expm1(-step))
    if effect.scale.name == LOGIT:
        return float(present - special.expit(special.logit(present) - step))
    return step
