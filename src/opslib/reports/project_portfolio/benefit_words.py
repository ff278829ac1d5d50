"""What is said of a project's measured benefit: a verdict of a few words, and what stands behind it."""

from __future__ import annotations

from opslib import labels
from opslib.analysis.methods.impact.effects import Effect, Measured
from opslib.analysis.methods.impact.gains import YearlyGain
from opslib.display import words
from opslib.locales import percent, significant, whole
from opslib.reports.benefits import Benefit
from opslib.weeks import monday_of

NOT_LIVE, NOT_MEASURED = "not live yet", "not measured"
"""Verdicts beside those of `impact.verdicts`: it has not reached customers; nothing says what to measure it by."""
_NOT_ASKED = (
    "no metric",
    "no such metric",
    "no direction",
    "not in this export",
    "not by this group",
    "nothing touched",
)


def of(benefit: Benefit | None) -> tuple[str, str]:
    """The verdict on a project's benefit, and a sentence or two.

    Args:
        benefit: of `benefits.BenefitReader`; None where the export does not tell of the project.

    Returns:
        The verdict: helped, hurt, no improvement of that size, cannot tell yet, `NOT_LIVE` or `NOT_MEASURED`.
    """
    if benefit is None:
        return NOT_MEASURED, "This export does not say what it is to move."
    reasons = {refusal.name: refusal.sentence for refusal in benefit.refusals}
    if asked := next((name for name in _NOT_ASKED if name in reasons), None):
        return NOT_MEASURED, reasons[asked]
    effect = benefit.effect
    if effect is None:
        return NOT_MEASURED, next(iter(reasons.values()), "Nothing could be measured.")
    if "not begun" in reasons or benefit.change.began_on is None:
        return NOT_LIVE, _outlook(benefit, effect)
    sentences = [_size_of(benefit, effect, effect.now)] if effect.now is not None else []
    sentences += list(reasons.values())[:1]
    if effect.to_come is not None:
        sentences.append(f"Judged again in the week of {words.short_day(monday_of(effect.to_come.week).isoformat())}.")
    return effect.verdict.name, " ".join(sentences)


def gain_in_words(gain: YearlyGain | None, currency: str) -> str:
    """What an effect is worth in a year, if it stays as it was; "" where no price or verdict says so."""
    if gain is None:
        return ""
    hours = (
        f"{whole(round(gain.hours))} hours a year ({whole(round(gain.hours_low))} to {whole(round(gain.hours_high))})"
    )
    stays = f"if it stays as in these {words.number_of(gain.weeks, 'week')}"
    if gain.money is None or gain.money_low is None or gain.money_high is None:
        return f"{hours}, {stays}."
    money = f"{whole(round(gain.money))} {currency} ({whole(round(gain.money_low))} to {whole(round(gain.money_high))})"
    return f"{hours}, or {money}, {stays}."


def scope_of(benefit: Benefit) -> str:
    """On what it is measured, and against what.

    Args:
        benefit: with an effect.
    """
    effect = benefit.effect
    on = (
        f"tickets about {words.listed([labels.label('contact_reason', each) for each in benefit.change.reasons])}"
        if benefit.by_reason
        else f"all tickets of {words.listed([labels.label('team', each) for each in benefit.change.teams]) or 'all teams'}"
    )
    if effect is None or not effect.controls:
        return f"Measured on {on}, against nothing: season and what hits everybody are not taken out."
    kind = "other reason" if benefit.by_reason else "other team"
    return f"Measured on {on}, against {words.number_of(len(effect.controls), kind)}."


def change_in_words(effect: Effect, number: float) -> str:
    """A change of the metric: a ratio in percent, points of a share, or units."""
    match effect.scale.name:
        case "log":
            return percent(abs(number), 0)
        case "logit":
            return f"{significant(abs(number) * 100)} points"
        case _:
            return words.value(abs(number), effect.metric.unit)


def _size_of(benefit: Benefit, effect: Effect, measured: Measured) -> str:
    """By how much the metric moved, with its interval."""
    better = measured.change * effect.turned > 0
    ends = sorted([measured.change_low * effect.turned, measured.change_high * effect.turned])
    size = change_in_words(effect, measured.change)
    low, high = (f"{'−' * (end < 0)}{change_in_words(effect, end)}" for end in ends)
    moved = "better" if better else "worse"
    after = words.number_of(measured.weeks_after, "week")
    return f"{effect.metric.label}: {size} {moved} ({low} to {high}) after {after}."


def _outlook(benefit: Benefit, effect: Effect) -> str:
    """How long it takes to tell, once it is live."""
    if effect.size is not None and effect.weeks_needed is not None:
        size = change_in_words(effect, effect.size)
        return f"If it saves {size}, {words.number_of(effect.weeks_needed, 'week')} after launch will tell."
    if effect.planned:
        weeks, found = next(iter(effect.planned.items()))
        after = words.number_of(weeks, "week").capitalize()
        return f"{after} after launch, {change_in_words(effect, found)} would be seen."
    return ""
