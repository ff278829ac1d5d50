"""What is said of a measured benefit: the verdict, what can be found, what it is worth, in sentences."""

from __future__ import annotations

from opslib.analysis.methods.impact.effects import Effect, Measured
from opslib.analysis.methods.impact.gains import YearlyGain
from opslib.analysis.methods.impact.verdicts import CANNOT_TELL, HELPED, HURT, NO_IMPROVEMENT
from opslib.display import words
from opslib.reports.benefits import Benefit

_MORE = {1: "more", -1: "less"}


def verdict_sentence(benefit: Benefit) -> str:
    """The verdict on a change, with what it rests on or why there is none.

    Args:
        benefit: as `benefits.measured_benefits` returns it.
    """
    effect = benefit.effect
    if benefit.refusals or effect is None:
        return " ".join(["Cannot tell.", *(each.sentence for each in benefit.refusals)])
    if not effect.held:
        return f"Cannot tell yet.{_next(effect)}"
    review, found = effect.held[-1]
    said = {
        HELPED: f"Helped: at least {size_in_words(effect, _worst(effect, found))}",
        HURT: f"Hurt: at least {size_in_words(effect, _best(effect, found))}",
        NO_IMPROVEMENT: (
            f"{'No difference' if found.verdict.no_difference else 'No improvement'} of"
            f" {size_in_words(effect, (effect.size or 0.0) * effect.turned)} or more"
        ),
        CANNOT_TELL: "Cannot tell yet",
    }[found.verdict.name]
    if found.verdict.less_than_promised:
        said += ", less than promised"
    unsure = "" if effect.controls else " Season and what hits everybody are not removed: nothing untouched to compare."
    return (
        f"{said} ({interval_in_words(effect, found)}, {words.whole(review.weeks_after)} weeks).{unsure}{_next(effect)}"
    )


def interval_in_words(effect: Effect, found: Measured) -> str:
    """The effect with its 95% interval."""
    low, high = sorted((found.change_low, found.change_high))
    return f"{change_in_words(effect, found.change)}, {change_in_words(effect, low)} to {change_in_words(effect, high)}"


def change_in_words(effect: Effect, change: float) -> str:
    """A change with its sign: in percent of a time or count, in points of a share, else in the metric's unit."""
    if effect.scale.change == "ratio":
        return f"{'+' if change >= 0 else '−'}{_percent(change)}"
    return words.points(change, effect.metric.unit)


def size_in_words(effect: Effect, change: float) -> str:
    """How large a change is and to which side, without a sign."""
    side = _MORE[1 if change >= 0 else -1]
    if effect.scale.change == "ratio":
        return f"{_percent(change)} {side}"
    text = words.points(abs(change), effect.metric.unit).lstrip("+")
    return f"{text} {side}"


def detectable_sentence(benefit: Benefit) -> str:
    """Which improvement can be found, and when; "" where nothing is known of it."""
    effect = benefit.effect
    if effect is None or not effect.planned:
        return ""
    parts = [
        f"{size_in_words(effect, change * effect.turned)} after {words.whole(weeks)} weeks"
        for weeks, change in effect.planned.items()
    ]
    said = f"Would be found four times in five: {', '.join(parts)}."
    if effect.size is None:
        return said
    wanted = size_in_words(effect, effect.size * effect.turned)
    if effect.weeks_needed is None:
        ahead = effect.a_year
        floor = "" if ahead is None else f": a year finds {size_in_words(effect, ahead * effect.turned)}"
        return f"{said} Not {wanted} with this measure{floor}."
    return f"{said} It takes {words.whole(effect.weeks_needed)} weeks after the change to find {wanted}."


def gain_sentence(gain: YearlyGain, currency: str) -> str:
    """What an effect is worth in a year, with its interval and what that rests on.

    Args:
        gain: of a benefit.
        currency: of its money, by its three letters.
    """
    verb = "saves" if gain.hours >= 0 else "costs"
    said = f"It {verb} {_from_to(gain.hours, gain.hours_low, gain.hours_high)} hours a year"
    if gain.money is not None and gain.money_low is not None and gain.money_high is not None:
        said += f", {currency} {_from_to(gain.money, gain.money_low, gain.money_high)}"
    return f"{said}, if it stays as in these {words.whole(gain.weeks)} weeks."


def _percent(change: float) -> str:
    return words.percent(abs(change), 0 if abs(change) >= 0.1 else 1)


def _from_to(estimate: float, low: float, high: float) -> str:
    ends = sorted((abs(low), abs(high)))
    return f"{words.whole(abs(estimate))} ({words.whole(ends[0])} to {words.whole(ends[1])})"


def _next(effect: Effect) -> str:
    if effect.to_come is None:
        return ""
    return f" Next review after {words.week_number(effect.to_come.week)}."


def _worst(effect: Effect, found: Measured) -> float:
    """The end of the interval that is least of an improvement."""
    return found.change_low if effect.turned > 0 else found.change_high


def _best(effect: Effect, found: Measured) -> float:
    return found.change_high if effect.turned > 0 else found.change_low
