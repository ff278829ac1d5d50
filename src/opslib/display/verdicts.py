"""Verdicts in words and as chips: how a week's number stands to its goal, and how to its own past.

Nothing is decided here. Each function takes a row that says already what was decided: goal, goal_verdict, is_missed,
gap, short, missed_weeks, goal_weeks, missed_run, is_open and goal_why for the goal; verdict, direction, since, week,
together and why for the signal; and value, low, high, n, cases, unit, better, state and settles_on of the number.
"""

from __future__ import annotations

from html import escape
from typing import Any, NamedTuple

from opslib.display import words
from opslib.display.cells import Cell, is_known

_GOALS = {
    "met": ("met", "Met"),
    "at risk": ("at-risk", "At risk"),
    "missed": ("missed", "Missed"),
    "missed, could be chance": ("by-chance", "Missed, could be chance"),
    "no value": ("unknown", "No goal judged"),
}


class Verdict(NamedTuple):
    """A verdict as a reader sees it: its look (one of a few, as the sheet of the pages names them) and its words."""

    look: str
    text: str


def of_goal(row: Any) -> Verdict | None:
    """How a number stands to its goal; None where it has none.

    >>> from types import SimpleNamespace as Row
    >>> of_goal(Row(goal=0.9, goal_verdict="missed, could be chance", is_missed=True)).text
    'Missed, could be chance'
    >>> of_goal(Row(goal=0.9, goal_verdict="too few to say", is_missed=False)).text
    'Met, too few to say'
    """
    if not row.goal_verdict:
        return None
    if row.goal_verdict == "too few to say":
        return Verdict("too-few", f"{'Missed' if row.is_missed else 'Met'}, too few to say")
    return Verdict(*_GOALS[row.goal_verdict])


def of_signal(row: Any) -> Verdict | None:
    """How a number stands to its own past; None where there is no number.

    >>> from types import SimpleNamespace as Row
    >>> of_signal(Row(value=0.4, verdict="outside", since="2026-W42", week="2026-W46"))
    Verdict(look='outside', text='Still outside, 5th week')
    """
    if not is_known(row.value):
        return None
    match row.verdict:
        case "new":
            return Verdict("new", "New signal")
        case "outside":
            return Verdict("outside", f"Still outside, {words.ordinal(words.weeks_outside(row))} week")
        case "back" | "within":
            return Verdict("usual", "Usual")
        case "not judged":
            return Verdict("unknown", "Not judged")
    return None


def gap(row: Any) -> str:
    """How far a number is from its goal, in its own unit, and in cases where these make a share; "" without one.

    >>> from types import SimpleNamespace as Row
    >>> shares = {"unit": "share", "better": "higher", "cases": "tickets"}
    >>> gap(Row(gap=0.25, short=403, is_missed=True, **shares))
    '25.0 points, 403 tickets short'
    >>> gap(Row(gap=-3600.0, short=None, is_missed=False, unit="seconds", better="lower", cases="tickets"))
    '1 h under'
    """
    if not is_known(row.gap):
        return ""
    distance = abs(row.gap)
    size = words.points(distance, row.unit).lstrip("+±") if row.unit in ("share", "score") else ""
    size = size or words.value(distance, row.unit)
    if row.is_missed and row.unit == "share" and is_known(row.short):
        size += f", {words.value(row.short, 'count')} {_counted(row.short, row.cases)}"
    falls = row.better == "lower"
    side = ("over" if falls else "short") if row.is_missed else ("under" if falls else "above")
    return f"{size} {side}"


def misses(row: Any) -> str:
    """In how many of the last weeks the goal was missed, and how many in a row by now; "" where none can be told.

    >>> from types import SimpleNamespace as Row
    >>> [misses(Row(missed_weeks=missed, goal_weeks=13, missed_run=run)) for missed, run in ((9, 6), (13, 20))]
    ['missed 9 of 13 weeks, the last 6 in a row', 'missed 13 of 13 weeks']
    """
    if not is_known(row.goal_weeks) or not row.goal_weeks:
        return ""
    weeks = "week" if row.goal_weeks == 1 else "weeks"
    text = f"missed {row.missed_weeks:.0f} of {row.goal_weeks:.0f} {weeks}"
    return f"{text}, the last {row.missed_run:.0f} in a row" if 1 < row.missed_run < row.missed_weeks else text


def size(row: Any) -> str:
    """How many cases a number rests on, and its interval; "" for a plain count.

    >>> from types import SimpleNamespace as Row
    >>> size(Row(n=1204, cases="answers", unit="share", low=None, high=None, state="settled"))
    '1,204 answers'
    """
    if row.unit in ("count", "days") or not is_known(row.n):
        return ""
    text = f"{words.value(row.n, 'count')} {_counted(row.n, row.cases)}"
    has_interval = row.state != "bounds" and is_known(row.low)
    return f"{text}, {words.interval(row.low, row.high, row.unit)}" if has_interval else text


def outlook(row: Any) -> str:
    """That the final value may still lie on the other side of the goal, and when it is known; else ""."""
    if not row.is_open:
        return ""
    verb = "met" if row.is_missed else "missed"
    when = f", known {words.day(row.settles_on)}" if isinstance(row.settles_on, str) else ""
    return f"may still be {verb if is_known(row.gap) else 'met or missed'}{when}"


def goal_facts(row: Any) -> list[str]:
    """What stands below the verdict on a goal: the goal, the gap, the weeks missed, what may still change."""
    if not row.goal_verdict:
        return []
    why = row.goal_why if row.goal_verdict == "no value" else ""
    goal = f"goal {words.goal(row.goal, row.better, row.unit)}"
    return [text for text in (goal, gap(row), misses(row), outlook(row) or why) if text]


def goal_in_words(row: Any) -> str:
    """The verdict on a goal with all that belongs to it, as a sentence; "" without a goal."""
    verdict = of_goal(row)
    if verdict is None:
        return ""
    goal, *others = goal_facts(row)
    return f"{goal[0].upper()}{goal[1:]}: {'; '.join([verdict.text[0].lower() + verdict.text[1:], *others])}."


def chip(verdict: Verdict) -> str:
    """A verdict as HTML; the sheet of the pages gives each look its colours and an icon."""
    return f'<span class="chip chip-{verdict.look}">{escape(verdict.text)}</span>'


def cell(verdict: Verdict | None, *below: str) -> Cell:
    """A cell of a table with a verdict, and smaller lines below it; a dash where there is none."""
    if verdict is None:
        return Cell(words.NOT_SHOWN)
    lines = [line for line in below if line]
    html = "".join(f"<br> <small>{escape(line)}</small>" for line in lines)
    return Cell("; ".join([verdict.text, *lines]), html=chip(verdict) + html)


def _counted(number: float, cases: str) -> str:
    if number != 1:
        return cases
    return "reply" if cases == "replies" else cases.removesuffix("s")
