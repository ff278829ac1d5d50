"""Findings and their causes in sentences, built from frames."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from opslib import labels
from opslib.analysis.findings import causes
from opslib.display import words
from opslib.metrics import Metric

_FIELDS = {"reason": "contact_reason"}
_DIMENSIONS = {"channel": "channels", "contact_reason": "contact reasons"}
_OF_WHAT = {"surveys": "answers", "reviews": "reviews", "offers": "offers", "replies": "questions"}
_NEXT = {
    "reason": "Send the escalation about “{subject}” to the product team.",
    "rule": "{detail}",
    "order": "Work by due time instead of age, {subject} first.",
    "closed": "Plan people for the hour in which the team opens, for what came while it was closed.",
    "handed": "Let the team that hands tickets over do so at once, or send them here by rule.",
    "days": "Plan a half day on the next such holiday, or say in advance that replies take longer.",
    "people": "Ask for people from another team until the level is back.",
    "hours": "Ask for people from another team until the level is back.",
    "volume": "Ask for people from another team until the level is back.",
    "change": "Ask whoever owns {subject} what customers were told.",
}
_OF_WORK = ("flow", "speed", "sla")
_ASK_WHAT_CHANGED = "Ask what changed for customers then; nothing is wrong by itself."
_OPEN_THE_TICKETS = "Open the tickets that missed it and look for what they share."


def things(metric: Metric) -> str:
    """What a metric counts, in the plural."""
    return _OF_WHAT.get(metric.fact, "tickets")


def missed_goal(metric: Metric, row: Any, missed: int | None, of: int | None) -> str:
    """A missed goal: the value, the goal, how many missed it, and since when.

    Args:
        metric: whose goal.
        row: of the goal verdicts, with its value and better.
        missed: how many cases missed it; None where they cannot be told.
        of: of how many.
    """
    goal = words.goal(row.goal, metric.better, metric.unit)
    parts = [f"{metric.label} {words.value(row.value, metric.unit)}, goal {goal}"]
    if missed is not None and of:
        verb = "late" if metric.family in ("sla", "speed") else "that miss it"
        parts.append(f"{missed:,} of {of:,} {things(metric)} {verb}")
    if row.goal_weeks > 1:
        parts.append(f"missed in {row.missed_weeks:.0f} of the last {row.goal_weeks:.0f} weeks")
    return f"{'; '.join(parts)}."


def signal(metric: Metric, row: Any) -> str:
    """A signal: the value, what is usual, and since when.

    Args:
        metric: what it is a signal of.
        row: of the weekly signals, with its value.
    """
    usual = words.interval(row.lower, row.upper, metric.unit)
    side = {"up": "above", "down": "below"}.get(row.direction, "outside")
    if row.lower <= row.value <= row.upper:
        with_before = "has" if row.since != row.week else "has, together with the week before,"
        since = f" since {monday(row.since)}" if row.since != row.week else ""
        return f"{metric.label} {words.value(row.value, metric.unit)} {with_before} been {side} its usual level{since}."
    first = f"{metric.label} {words.value(row.value, metric.unit)} is {side} what is usual ({usual})"
    return f"{first}{'' if row.since == row.week else f' since {monday(row.since)}'}."


def overdue(row: Any) -> str:
    """An action that was due and is not done.

    Args:
        row: of the actions.
    """
    about = row.what or f"the action on {row.finding_id}"
    return f"“{about}” was due on {words.day(row.due)} and is {row.state}."


def incomplete(reason: str) -> str:
    """Data that are not complete."""
    return f"The data of this week are not complete: {reason}. Its numbers are too low or too early to judge."


def monday(week: str) -> str:
    """A week by its Monday."""
    return words.day(date.fromisocalendar(int(week[:4]), int(week[6:]), 1).isoformat())


def next_step(rows: pd.DataFrame, metric: Metric) -> str:
    """What is proposed for a finding with these candidates, by the first of them that somebody can do something about.

    What was only at the same time proposes something for waits and backlogs alone: more people answer sooner, but do
    not make answers better.

    Args:
        rows: of `causes.candidates`.
        metric: that missed its goal or is a signal.
    """
    is_told = rows["is_measured"].astype(bool) | (metric.family in _OF_WORK)
    steps = rows[rows["cause"].isin(list(_NEXT)) & is_told]
    if metric.better == "neither":
        return _ASK_WHAT_CHANGED
    if steps.empty:
        return _OPEN_THE_TICKETS
    first = steps.iloc[0]
    field = _FIELDS.get(str(first["cause"]), "")
    subject = labels.label(field, first["subject"]) if field else first["subject"]
    return _NEXT[str(first["cause"])].format(subject=subject, detail=first["detail"])


def with_texts(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Candidates with the text of each.

    Args:
        rows: of `causes.candidates`.

    Returns:
        A dict for each row: `causes.COLUMNS` and text.
    """
    lines = rows.reindex(columns=list(causes.COLUMNS)).to_dict("records")
    return [{**{str(name): value for name, value in line.items()}, "text": _cause(line)} for line in lines]


def _cause(line: dict[Any, Any]) -> str:
    subject, detail, since = str(line["subject"]), str(line["detail"]), str(line["since"])
    day = words.day(since) if since else ""
    match line["cause"]:
        case "reason":
            return f"“{labels.label('contact_reason', subject)}” stepped up{f' on {day}' if day else ''}"
        case "rule":
            return f"Rule {subject} broke{f' on {day}' if day else ''}"
        case "volume":
            return "New tickets"
        case "order":
            return (
                f"Waits hardly differ by priority: {subject} wait about as long as the rest (promised for {detail}: "
                f"{words.duration(line['usual_low'])})"
            )
        case "mix":
            share = "more" if line["now"] > line["usual"] else "less"
            return f"Another mix of {_DIMENSIONS[detail]}: {share} {labels.phrase(detail, subject)}"
        case "closed":
            return "Came while the team was closed"
        case "handed":
            return "Came by way of another team"
        case "days":
            return f"Open days: closed for {subject}"
        case "people":
            return "People who solved tickets"
        case "hours":
            return "Hours on tickets, chat and phone"
        case _:
            return f"{subject}{f': {detail}' if detail else ''}{f', since {day}' if day else ''}"
