"""A project's measured benefit as its pages say it: a verdict of a few words, and what stands behind it."""

from __future__ import annotations

from opslib import labels
from opslib.analysis.methods.impact.verdicts import CANNOT_TELL
from opslib.display import words
from opslib.reports.benefit_words import detectable_sentence, interval_in_words, verdict_sentence
from opslib.reports.benefits import Benefit
from opslib.weeks import monday_of

NOT_LIVE, NOT_MEASURED = "not live yet", "not measured"
"""Verdicts beside those of `impact.verdicts`: it has not reached customers; nothing says what to measure it by."""
_NOT_ASKED = frozenset(
    {"no metric", "no such metric", "no direction", "not in this export", "not by this group", "nothing touched"}
)
_NOT_BEGUN = "not begun"


def verdict_of(benefit: Benefit | None) -> str:
    """The verdict on a project's benefit, in a few words.

    Args:
        benefit: of `benefits.BenefitReader`; None where the export does not tell of the project.
    """
    if benefit is None or benefit.effect is None or _NOT_ASKED & _names(benefit):
        return NOT_MEASURED if benefit is None or _NOT_BEGUN not in _names(benefit) else NOT_LIVE
    if _NOT_BEGUN in _names(benefit):
        return NOT_LIVE
    return CANNOT_TELL if benefit.refusals or not benefit.effect.held else benefit.effect.verdict.name


def sentence_of(benefit: Benefit | None) -> str:
    """What the verdict rests on, or why there is none, in a sentence or two."""
    verdict = verdict_of(benefit)
    if benefit is None:
        return "This export does not say what it is to move."
    if verdict == NOT_MEASURED:
        return next((each.sentence for each in benefit.refusals), "Nothing could be measured.")
    if verdict == NOT_LIVE:
        return detectable_sentence(benefit)
    effect = benefit.effect
    if benefit.refusals:
        return " ".join(each.sentence for each in benefit.refusals)
    if verdict == CANNOT_TELL and effect is not None and effect.now is not None:
        now = f"So far {interval_in_words(effect, effect.now)}."
        again = (
            f" Judged after {words.short_day(monday_of(effect.to_come.week).isoformat())}." if effect.to_come else ""
        )
        return f"{effect.metric.label}: {now[0].lower()}{now[1:]}{again}"
    return verdict_sentence(benefit)


def scope_of(benefit: Benefit) -> str:
    """On what it is measured, and against what.

    Args:
        benefit: of `benefits.BenefitReader`.
    """
    reasons = words.listed([labels.label("contact_reason", each) for each in benefit.change.reasons])
    teams = words.listed([labels.label("team", each) for each in benefit.change.teams]) or "all teams"
    on = f"tickets about {reasons}" if benefit.by_reason else f"all tickets of {teams}"
    effect = benefit.effect
    if effect is None or not effect.controls:
        return f"Measured on {on}, against nothing: season and what hits everybody are not taken out."
    kind = "other reason" if benefit.by_reason else "other team"
    return f"Measured on {on}, against {words.number_of(len(effect.controls), kind)}."


def _names(benefit: Benefit) -> set[str]:
    return {refusal.name for refusal in benefit.refusals}
