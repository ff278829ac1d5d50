"""The answer of each section of a weekly review in one sentence, from the frame that the section shows."""

from __future__ import annotations

import pandas as pd

from opslib import labels, locales
from opslib.analysis.weekly_review.restatements import RESTATEMENT
from opslib.analysis.weekly_review.weekly_signals import NEW, NOT_JUDGED, OUTSIDE
from opslib.display import words
from opslib.display.cells import is_known, rows_of

_MOST = 3
_CLOSE = 0.05
"""Shares of late replies that are this close to each other say nothing of a place."""


def standing(frame: pd.DataFrame) -> str:
    """What the team held when it closed, and a week before: `places.standing`."""
    if frame.empty:
        return ""
    last = frame.iloc[-1]
    name = locales.weekday_name(last["closes_at"].date())
    before = f", {words.whole(frame['tickets'].iloc[-2])} a week before" if len(frame) > 1 else ""
    return f"{words.whole(last['tickets'])} open at {name}'s close{before}."


def late_places(frame: pd.DataFrame) -> str:
    """In which channel most of the promised first replies were late, and in which fewest: `places.late_places`."""
    shown = frame[~frame["is_few"]]
    by_channel = shown.groupby("channel")[["due", "late"]].sum()
    by_channel = by_channel[by_channel["due"] >= 30]
    if by_channel.empty or not by_channel["late"].sum():
        return "" if frame.empty else "Hardly any first reply was late."
    share = (by_channel["late"] / by_channel["due"]).sort_values(kind="stable")
    least, most = str(share.index[0]), str(share.index[-1])
    worst = f"{_late(by_channel.loc[most])} by {labels.phrase('channel', most)}"
    if len(share) == 1 or share.iloc[-1] - share.iloc[0] < _CLOSE:
        return f"Late everywhere alike: {worst}."
    return f"Most are late by {labels.phrase('channel', most)}, {_late(by_channel.loc[most])}; fewest by " + (
        f"{labels.phrase('channel', least)}, {_late(by_channel.loc[least])}."
    )


def arrivals(frame: pd.DataFrame) -> str:
    """How many tickets arrive while the team is closed: `places.arrivals`."""
    total, closed = int(frame["tickets"].sum()), int(frame["closed"].sum())
    return f"{words.percent(closed / total, 0)} of new tickets arrived while the team was closed." if closed else ""


def latest(frame: pd.DataFrame) -> str:
    """The last values of the first metrics of a control-chart frame."""
    last = frame.groupby("metric", sort=False).tail(1)
    known = [row for row in rows_of(last) if is_known(row.value)]
    return "; ".join(f"{row.label} {words.value(row.value, row.unit)}" for row in known[:_MOST])


def signals(frame: pd.DataFrame) -> str:
    """How many metrics are new signals, are still outside, and were not judged: `frames.signals`."""
    if frame.empty:
        return ""
    new, outside, unjudged = (int((frame["verdict"] == verdict).sum()) for verdict in (NEW, OUTSIDE, NOT_JUDGED))
    parts = [words.number_of(new, "new signal")] if new else []
    parts += [f"{outside} still outside"] if outside else []
    parts = parts or ["No signal"]
    parts += [f"{unjudged} not judged"] if unjudged else []
    return ", ".join(parts)


def explained(frame: pd.DataFrame) -> str:
    """Which metrics are split: `frames.explain`."""
    names = list(dict.fromkeys(frame.loc[frame["missing"].isna(), "label"]))
    return words.listed(names[:_MOST]) if names else "Nothing to explain"


def adds_up(frame: pd.DataFrame) -> str:
    """Whether every day adds up: `frames.add_up`."""
    if frame.empty:
        return ""
    return "Yes, to the ticket" if not frame["difference"].abs().sum() else "No: see the last line"


def restated(frame: pd.DataFrame) -> str:
    """How many published numbers are others now: `frames.restatements`."""
    count = int((frame["entry"] == RESTATEMENT).sum())
    return words.number_of(count, "number") if count else "Nothing"


def counted(frame: pd.DataFrame, thing: str) -> str:
    """How many rows there are."""
    return words.number_of(len(frame), thing) if len(frame) else "None"


def _late(row: pd.Series) -> str:
    return f"{words.whole(row['late'])} of {words.whole(row['due'])}"
