"""The head of a weekly review: the numbers with a goal, and in a sentence or two what they come to."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opslib.analysis.weekly_review.goal_verdicts import MISSED, NO_VALUE
from opslib.analysis.weekly_review.weekly_signals import NEW
from opslib.display import words
from opslib.display.cells import is_known, rows_of
from opslib.display.headline import Headline, nothing_but
from opslib.reports.actions import team_actions
from opslib.reports.weekly_review.frames import Review, headline_lines
from opslib.reports.weekly_review.points import points

_SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def headline(review: Review) -> Headline:
    """What stands above the report: goals first, and what all of it comes to."""
    if not review.week.has_data:
        return Headline([], has_data=False, verdict="No ticket of this team is in the export for this week.")
    now = review.chart[review.chart["week"] == review.week.week]
    found = points(review)
    verdict, lead = _verdict(review, now, has_points=bool(len(found))), _lead(review, found)
    return Headline(headline_lines(review), has_data=True, verdict=verdict, lead=lead)


def _verdict(review: Review, now: pd.DataFrame, *, has_points: bool) -> str:
    """The goal that needs most, and how many were missed; where none was, whether anything else needs somebody."""
    if review.week.incompleteness:
        return "The export does not tell this week whole, so nothing is compared."
    judged = now[(now["goal_verdict"] != "") & (now["goal_verdict"] != NO_VALUE)]
    missed = judged[judged["is_missed"]]
    count = _goals_in_words(len(judged), len(missed))
    if len(missed):
        worst = missed.assign(
            _surely=missed["goal_verdict"] == MISSED, _short=missed["short"].fillna(-1.0).astype("float64")
        ).sort_values(["_surely", "_short"], ascending=False, kind="stable")
        return f"{_missed_in_words(next(iter(rows_of(worst))))} {count}"
    new = now[now["verdict"] == NEW]
    is_better = new["direction"].map({"up": "higher", "down": "lower"}) == new["better"]
    if not is_better.all():
        return f"New this week: {_named(new)}. {count}".rstrip()
    if has_points:
        return count or "No number left its usual level; what needs somebody stands below."
    nothing = nothing_but(overdue=int(team_actions(review.week)["is_overdue"].sum()))
    better = f"Better than usual: {_named(new)}." if len(new) else ""
    return " ".join(filter(None, (nothing, count, better)))


def _named(signals: pd.DataFrame) -> str:
    return words.listed([f"{row.label} ({words.value(row.value, row.unit)})" for row in rows_of(signals.head(3))])


def _missed_in_words(row: Any) -> str:
    value, goal = words.value(row.value, row.unit), words.goal(row.goal, row.better, row.unit)
    return f"{row.label}: {value if is_known(row.value) else 'not reached'}; the goal is {goal}."


def _goals_in_words(told: int, missed: int) -> str:
    if not told:
        return ""
    total = _SMALL[told] if told < len(_SMALL) else str(told)
    if missed == told:
        return "The goal was missed." if told == 1 else f"All {total} goals were missed."
    if not missed:
        return "The goal was met." if told == 1 else f"All {total} goals were met."
    return f"{missed} of {told} goals {'was' if missed == 1 else 'were'} missed."


def _lead(review: Review, found: pd.DataFrame) -> str:
    """What lies behind the first point, and what day was closed."""
    sentences = []
    for row in rows_of(found.head(1)):
        measured = [each for each in rows_of(row.causes) if each.is_measured] if len(row.causes) else []
        if measured:
            cause = measured[0]
            share = f" ({words.whole(cause.cases)} of {words.whole(cause.of)})" if is_known(cause.cases) else ""
            sentences.append(f"What could be behind it first: {cause.text}{share}.")
    closed = [name for name in review.week.days().values() if name]
    if closed:
        days = "one open day" if len(closed) == 1 else f"{len(closed)} open days"
        sentences.append(f"The week had {days} less: {words.listed(closed)}.")
    return " ".join(sentences)
