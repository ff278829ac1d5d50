"""What moderators and tools write into tickets: `[closed]`, `(edited)`, `- moved to billing`. No customer said it."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

FEWEST_MARKED = 3

_FEWEST_REASONS = 3
_MOST_OF_ONE_REASON = 0.5
_SAID_BESIDE = 0.2  # of the tickets with a mark, that say it in their own words as well
_AT_THE_START = r"^\s*[\[(]([^\[\]()]{2,80})[\])]"
_AT_THE_END = r"[\[(]([^\[\]()]{2,80})[\])]\s*$"
_AFTER_A_DASH = r"\s[-–—|]\s+([^-–—|\[\]()]{2,40}?)\s*$"
_NOTE = r"\[(?![a-z ]{2,20}\])([^\[\]]{2,80})\]"  # in lower case it is a placeholder of redaction
# In these words customers, too, speak of other things; as a mark they stand at the edge of a subject.
_STATES = re.compile(
    r"(?:solved|resolved|closed|locked|edited|fixed|answered|merged|moved|duplicate|archived|split|gelöst|geschlossen|"
    r"verschoben|resuelto|cerrado|movido|resolvido|fechado|résolu|fermé|risolto|chiuso|opgelost|gesloten|解決済み)\b"
)


def without_marks(
    subjects: pd.Series, descriptions: pd.Series, reasons: pd.Series, *, fewest: int = FEWEST_MARKED
) -> tuple[pd.Series, pd.Series]:
    """Take out of texts what was added to them.

    Args:
        subjects: one text per ticket, empty where there is none.
        descriptions: the same.
        reasons: label of each ticket.
        fewest: so many tickets at least bear the same mark.

    Returns:
        The subjects and the descriptions without their marks.

    Notes:
        A mark stands in brackets at either end of a subject, after a dash or bar at its end, or in square brackets in
        a description; the same (but for its digits) in several tickets, whatever their reason: of three reasons at
        least, where there are as many, and none with more than half of them. Those tickets do not say it besides, and
        unless it names a state of a ticket, hardly any other ticket says it: `Printer - not working` is a customer's.
    """
    marks = _marks(subjects, descriptions, reasons, fewest)
    if not marks:
        return subjects, descriptions
    any_of = "|".join(re.escape(mark) for mark in sorted(marks, key=lambda mark: (-len(mark), mark)))
    edge = re.compile(
        rf"^\s*[\[(](?:{any_of})[\])]|[\[(](?:{any_of})[\])]\s*$|\s[-–—|]\s+(?:{any_of})\s*$", re.IGNORECASE
    )
    note = re.compile(rf"\[(?:{any_of})\]", re.IGNORECASE)
    return subjects.str.replace(edge, " ", regex=True), descriptions.str.replace(note, " ", regex=True)


def _marks(subjects: pd.Series, descriptions: pd.Series, reasons: pd.Series, fewest: int) -> list[str]:
    """The marks, in lower case."""
    matches = [
        *(_matches(subjects, form, r"[\[(]") for form in (_AT_THE_START, _AT_THE_END)),
        _matches(subjects, _AFTER_A_DASH, r"\s[-–—|]\s"),
        _matches(descriptions, _NOTE, r"\["),
    ]
    written = pd.concat(matches).str.strip().str.lower()
    if written.empty:
        return []
    uses = pd.DataFrame({"ticket": written.index, "mark": written.to_numpy()}).drop_duplicates()
    uses["kind"] = uses["mark"].str.replace(r"\d", "#", regex=True)
    uses["reason"] = reasons.loc[uses["ticket"]].to_numpy()
    uses = uses[uses.groupby("kind")["ticket"].transform("nunique") >= fewest]
    if uses.empty:
        return []
    text = (subjects + " . " + descriptions).str.lower()
    own = text.loc[uses["ticket"]].tolist()
    uses["said"] = [line.count(mark) > 1 for mark, line in zip(uses["mark"], own, strict=True)]
    kinds = uses.groupby("kind").agg(
        tickets=("ticket", "nunique"), reasons=("reason", "nunique"), said=("said", "mean")
    )
    most = uses.groupby(["kind", "reason"]).size().groupby("kind").max() / uses.groupby("kind").size()
    labels = len(reasons.unique())
    wide = (kinds["reasons"] >= min(_FEWEST_REASONS, labels)) & ((most <= _MOST_OF_ONE_REASON) | (labels < 2))
    kinds = kinds[wide & (kinds["said"] <= _SAID_BESIDE)]
    marks: list[str] = []
    for kind, tickets in zip(kinds.index.astype(str), kinds["tickets"], strict=True):
        written_so = [str(mark) for mark in uses.loc[uses["kind"] == kind, "mark"].unique()]
        if _STATES.match(kind) or _texts_with(text, written_so) < 2 * int(tickets):
            marks += written_so
    return sorted(marks)


def _matches(texts: pd.Series, form: str, hint: str) -> pd.Series:
    """What stands in a form, by the place of its text; only texts with the hint are looked at closely."""
    own = texts[texts.str.contains(hint, regex=True)]
    return own.str.extractall(form)[0].droplevel(1) if len(own) else own


def _texts_with(texts: pd.Series, marks: Iterable[str]) -> int:
    """How many of the texts hold any of the marks."""
    return int(texts.str.contains("|".join(re.escape(mark) for mark in sorted(set(marks))), regex=True).sum())
