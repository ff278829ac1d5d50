"""The sections of the contact drivers: each function shows the frames of a question, with the answer in a sentence."""

from __future__ import annotations

import pandas as pd

from opslib.display import words
from opslib.display.charts import NOTHING
from opslib.display.markup import Markup
from opslib.display.section import LeftOut, Section
from opslib.labels import label, phrase
from opslib.reports.contact_drivers import drawings
from opslib.reports.contact_drivers.escalation_files import Escalation, EscalationHandover
from opslib.reports.findings import FindingsHandover

_NAMED = 3


def moved(movers: pd.DataFrame, history: pd.DataFrame) -> Section:
    """What moved against the eight weeks before, and the course of the first; folded where nothing did.

    Args:
        movers: of `frames.movers`.
        history: of `frames.history`.
    """
    if not movers["p"].notna().any():
        return LeftOut(drawings.movers(movers).text)
    signals = movers[movers["discovery"].astype(bool)]
    if signals.empty:
        return Section(
            drawings.movers(movers), drawings.history(history), answer="No reason that was judged.", folded=True
        )
    names = [
        "all reasons together" if reason == "all" else phrase("contact_reason", reason)
        for reason in dict.fromkeys(signals.sort_values("q", kind="stable")["contact_reason"])
    ]
    answer = f"{words.listed(_some(names))}."
    return Section(drawings.movers(movers), drawings.history(history), answer=answer[0].upper() + answer[1:])


def proposals(candidates: pd.DataFrame, handover: EscalationHandover) -> Section:
    """What a product team should hear, and the files that are proposed this week.

    Args:
        candidates: of `frames.candidates`.
        handover: of `escalation_evidence.handover`.
    """
    if candidates.empty:
        return Section(handover, answer=drawings.candidates(candidates).text, folded=True)
    new = int((candidates["done"].str.contains("proposed this week")).sum())
    first = candidates.iloc[0]
    answer = (
        f"{words.number_of(new, 'escalation')} proposed this week; first of all "
        f"{phrase('contact_reason', first['subject'])}, about {words.whole(first['excess'])} avoidable tickets a week."
    )
    return Section(drawings.candidates(candidates), handover, answer=answer[0].upper() + answer[1:])


def evidence(escalation: Escalation | None) -> Section:
    """The evidence for what is proposed first, folded.

    Args:
        escalation: of `escalation_evidence.top_escalation`.
    """
    if escalation is None:
        return LeftOut("There is no escalation to prove.")
    return Section(
        drawings.top_escalation_trend(escalation),
        drawings.top_escalation(escalation),
        answer=f"{label('contact_reason', escalation.row['subject'])}: when it began, whom it touches, what they say.",
        folded=True,
    )


def new_words(emerging: pd.DataFrame, languages: pd.DataFrame, matters: pd.DataFrame) -> Section:
    """Phrases and matters that are new in what customers say; folded where there is none.

    Args:
        emerging: of `frames.emerging`.
        languages: of `frames.languages`.
        matters: of `frames.matters`.
    """
    if languages.empty or not languages["enough"].any():
        return LeftOut(drawings.emerging(emerging, languages).text.partition("\n")[0])
    parts = [drawings.emerging(emerging, languages)]
    parts += [drawings.matters(matters)] if len(matters) else []
    said = [f"“{name}”" for name in [*matters["matter"], *emerging["phrase"]]]
    answer = f"{words.listed(_some(said))}." if said else "Nothing that stands out."
    return Section(*parts, answer=answer, folded=not said)


def choices(forms: pd.DataFrame) -> Section:
    """Choices of requesters that go wrong more often than the others; folded where there is none.

    Args:
        forms: of `frames.forms`.
    """
    if forms.empty:
        return LeftOut(drawings.forms(forms).text)
    wrong = forms[forms["discovery"].astype(bool)]
    if wrong.empty:
        return Section(drawings.forms(forms), answer="No choice more often than the others.", folded=True)
    first = wrong.iloc[0]
    answer = (
        f"{drawings.choice_name(first)} most: {words.whole(first['hits'])} of {words.whole(first['tickets'])} "
        f"{drawings.OUTCOMES[first['outcome']]}, {words.value(first['others_share'], 'share')} of the others."
    )
    return Section(drawings.forms(forms), answer=answer[0].upper() + answer[1:])


def reasons(pareto: pd.DataFrame) -> Section:
    """Why customers write, folded.

    Args:
        pareto: of `frames.pareto`.
    """
    if pareto.empty:
        return LeftOut(NOTHING)
    if set(pareto["contact_reason"]) == {"not labelled"}:
        return LeftOut(drawings.UNLABELLED)
    first = pareto.iloc[0]
    half = int((pareto["cumulative_share"] < 0.5).sum()) + 1
    answer = (
        f"{label('contact_reason', first['contact_reason'])} most, {words.value(first['share'], 'share')}; "
        f"{half} of {len(pareto)} reasons make up half of the tickets."
    )
    return Section(drawings.pareto(pareto), drawings.pareto_table(pareto), answer=answer, folded=True)


def segments(
    by_channel: pd.DataFrame, by_language: pd.DataFrame, by_region: pd.DataFrame, per_user: pd.DataFrame
) -> Section:
    """Who writes about what, folded.

    Args:
        by_channel: of `frames.per_segment`.
        by_language: the same by language.
        by_region: the same by region.
        per_user: of `frames.per_user`.
    """
    frames = {"channel": by_channel, "language": by_language, "region": by_region}
    drawn = [drawings.per_segment(frame, by=name) for name, frame in frames.items()]
    known = [name for name, frame in frames.items() if len(frame)]
    if not known:
        return LeftOut(" ".join(dict.fromkeys(each.text for each in drawn if isinstance(each, Markup))))
    return Section(*drawn, drawings.per_user(per_user), answer=f"By {words.listed(known)}.", folded=True)


def warnings(frame: pd.DataFrame) -> Section:
    """Days on which a reason rose, folded.

    Args:
        frame: of `frames.warnings`.
    """
    if frame.empty and "missing" in frame.attrs:
        return LeftOut(str(frame.attrs["missing"]))
    if frame.empty:
        return Section(drawings.warnings(frame), answer="No day of the week.", folded=True)
    first = frame.sort_values("day", kind="stable").iloc[0]
    answer = f"{label('contact_reason', first['contact_reason'])} first, on {words.day(first['day'])}."
    return Section(drawings.warnings(frame), answer=answer, folded=True)


def topics(frame: pd.DataFrame) -> Section:
    """Topics that cut across the labels, folded.

    Args:
        frame: of `frames.topics`.
    """
    if frame.empty:
        few = words.groups_left_out(frame.attrs.get("few"))
        return LeftOut(str(frame.attrs.get("missing", f"No topic cuts across the labels. {few}".rstrip())))
    return Section(drawings.topics(frame), answer=f"{words.number_of(len(frame), 'topic')} across labels.", folded=True)


def labels(accuracy: pd.DataFrame, pairs: pd.DataFrame) -> Section:
    """Labels that the text contradicts, folded.

    Args:
        accuracy: of `frames.labels`, the first.
        pairs: the second.
    """
    if accuracy.empty:
        return LeftOut(drawings.labels(accuracy, pairs).text)
    first = accuracy.iloc[0]
    answer = (
        f"{label('language', first['language'])}: text and label agree in {words.value(first['accuracy'], 'share')} of "
        f"{words.whole(first['texts'])} texts."
    )
    return Section(drawings.labels(accuracy, pairs), answer=answer, folded=True)


def register(frame: pd.DataFrame) -> Section:
    """What became of earlier escalations, folded.

    Args:
        frame: of `frames.register`.
    """
    if frame.empty:
        return LeftOut(drawings.register(frame).text)
    counts = frame["state"].value_counts()
    said = [f"{count} {state}" for state, count in counts.items()]
    return Section(drawings.register(frame), answer=f"{words.listed(said)}.", folded=True)


def findings(handover: FindingsHandover) -> Section:
    """What the weekly review ranks beside missed goals, folded.

    Args:
        handover: of `findings.findings`.
    """
    return Section(handover, answer=f"{words.number_of(len(handover.rows), 'finding')}.".capitalize(), folded=True)


def _some(names: list[str]) -> list[str]:
    more = len(names) - _NAMED
    return [*names[:_NAMED], f"{more} more"] if more > 0 else names
