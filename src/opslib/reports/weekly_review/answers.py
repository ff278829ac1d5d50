"""The answer of each section of a weekly review in one sentence, from the frame that the section shows."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opslib import labels, locales
from opslib.analysis.weekly_review.restatements import RESTATEMENT
from opslib.analysis.weekly_review.weekly_signals import NEW, NOT_JUDGED, OUTSIDE
from opslib.display import words
from opslib.display.cells import is_known, rows_of
from opslib.reports.weekly_review.places import ALL_QUEUES

_MOST = 3
_FEWEST = 30
"""Of fewer tickets a share says little."""
_CLOSE = 0.05
"""Shares of late replies that are this close to each other say nothing of a place."""


def standing(frame: pd.DataFrame) -> str:
    """What the team held when it closed, and a week before: `places.standing`."""
    if frame.empty:
        return ""
    last = frame.iloc[-1]
    before = f", {words.whole(frame['tickets'].iloc[-2])} a week before" if len(frame) > 1 else ""
    return f"{words.whole(last['tickets'])} open at {closing_time(last)}{before}."


def closing_time(row: pd.Series) -> str:
    """When the team closes before the weekend, in words."""
    at = row["closes_at"]
    if at.hour == 0 and at.minute == 0:
        return f"{locales.weekday_name((at - pd.Timedelta(days=1)).date())}'s midnight"
    instant = at.to_pydatetime()
    return f"{locales.weekday_name(at.date())}'s close, {locales.time_of_day(instant, instant.tzinfo)}"


def late_places(frame: pd.DataFrame) -> str:
    """In which channel most of the promised first replies were late, and in which fewest, or how many there are where
    these are too few to compare: `places.late_places`."""
    if frame.empty:
        return ""
    shown = frame[(frame["queue"] == ALL_QUEUES) & ~frame["is_few"].astype(bool)]
    by_channel = shown.groupby("channel")[["due", "late"]].sum()
    due, late = by_channel["due"].sum(), by_channel["late"].sum()
    if not due:
        return ""
    by_channel = by_channel[by_channel["due"] >= _FEWEST]
    if not by_channel["late"].sum():
        return (
            f"{words.whole(late) if late else 'None'} of the {words.whole(due)} first replies below {_was(late)} late."
        )
    places = sorted(rows_of(by_channel.reset_index()), key=lambda row: row.late / row.due)
    least, most = places[0], places[-1]
    if len(places) == 1 or most.late / most.due - least.late / least.due < _CLOSE:
        return f"Late everywhere alike: {_late(most)}."
    return f"Most are late by {_late(most)}; fewest by {_late(least)}."


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


def _was(count: float) -> str:
    return "was" if count <= 1 else "were"


def _late(row: Any) -> str:
    return f"{labels.phrase('channel', row.channel)}, {words.whole(row.late)} of {words.whole(row.due)}"
