"""What became of every metric of a team from one week to the next: both values, the change, the verdicts of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opslib.analysis.weekly_review.goal_verdicts import NO_VALUE
from opslib.analysis.weekly_review.weekly_signals import NEW, NOT_JUDGED, OUTSIDE
from opslib.display import verdicts, words
from opslib.display.verdicts import Verdict
from opslib.metrics import CATALOGUE
from opslib.settings import Organisation
from opslib.store.warehouse import Warehouse
from opslib.weekly.brief.goals import WeekNumbers, week_numbers
from opslib.weeks import shift_week

Pair = dict[str, Any]
"""label; value and was, of the week and of the one before; change; chips and chips_before, the verdicts of both; goal;
verdict_changed, whether both weeks were judged and otherwise; needs_somebody, whether the week's goal is missed or it
is a signal that is not for the better."""


def metric_pairs(warehouse: Warehouse, organisation: Organisation, week: str) -> dict[str, list[Pair]]:
    """All metrics of a week beside those of the week before.

    Args:
        warehouse: its weekly values and signals.
        organisation: its teams and goals.
        week: ISO week.

    Returns:
        By team a row per metric that the export has, in the order of the catalogue; no team where the warehouse does
        not hold both weeks.
    """
    before = shift_week(week, -1)
    numbers = week_numbers(warehouse, organisation, week, organisation.team_names, weeks=2)
    if numbers.weeks != (before, week):
        return {}
    pairs = {team: _pairs_of(numbers, team, before) for team in organisation.team_names}
    return {team: rows for team, rows in pairs.items() if rows}


def _pairs_of(numbers: WeekNumbers, team: str, before: str) -> list[Pair]:
    rows = ((numbers.row(team, name, before), numbers.row(team, name)) for name in CATALOGUE)
    is_whole = not {(team, before), (team, numbers.week)} & numbers.incomplete
    return [
        _pair(was, now, is_whole=is_whole)
        for was, now in rows
        if any(row is not None and not isinstance(row.missing, str) for row in (was, now))
    ]


def _pair(was: Any, now: Any, *, is_whole: bool) -> Pair:
    about = now if now is not None else was
    change = ""
    if is_whole and was is not None and now is not None:
        change = words.movement(was.value, now.value, about.unit)
    changed = [_goal(was) != _goal(now) and bool(_goal(was) and _goal(now))]
    changed.append(_signal(was) != _signal(now) and bool(_signal(was) and _signal(now)))
    goal = next((row for row in (now, was) if row is not None and row.goal_verdict), None)
    return {
        "label": about.label,
        "was": _value(was),
        "value": _value(now),
        "change": change,
        "chips_before": _chips(was),
        "chips": _chips(now),
        "goal": words.goal(goal.goal, goal.better, goal.unit) if goal is not None else "",
        "verdict_changed": any(changed),
        "needs_somebody": now is not None
        and (bool(now.is_missed) or (_signal(now) == "signal" and not _is_better(now))),
    }


def _value(row: Any) -> str:
    if row is None or isinstance(row.missing, str):
        return words.NOT_SHOWN
    return words.standing(row.value, row.low, row.high, row.unit, state=row.state, settles_on=row.settles_on)


def _chips(row: Any) -> list[Verdict]:
    chips: Sequence[Verdict | None] = (verdicts.of_goal(row), verdicts.of_signal(row)) if row is not None else ()
    return [chip for chip in chips if chip is not None]


def _goal(row: Any) -> str:
    """What was decided of a goal; "" where nothing was."""
    chip = verdicts.of_goal(row) if row is not None and row.goal_verdict != NO_VALUE else None
    return chip.text if chip is not None else ""


def _is_better(row: Any) -> bool:
    return bool({"up": "higher", "down": "lower"}.get(row.direction) == row.better)


def _signal(row: Any) -> str:
    """Whether a week was a signal, new or not; "" where it was not judged."""
    if row is None or row.verdict in ("", NOT_JUDGED):
        return ""
    return "signal" if row.verdict in (NEW, OUTSIDE) else "usual"
