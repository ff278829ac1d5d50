"""What became of the actions that people wrote down: overdue ones first, then open ones, then what was settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

from opslib.analysis.findings.actions import OPEN, in_order, then_and_now
from opslib.analysis.findings.register import finding_id
from opslib.display import words
from opslib.display.cells import rows_of
from opslib.reports.actions import outcome
from opslib.weekly.escalations import Escalated
from opslib.weeks import week_of_day

MOST_SHOWN = 12
_SETTLED_DAYS = 28
"""For how long after its date a settled action is still told of."""


@dataclass(frozen=True)
class ActionLine:
    """An action as the brief lists it.

    `what` is what is done, in the words of who wrote it or else as it was proposed; `about` the finding, "" for an
    action of none; `outcome` says what became of its number.
    """

    team: str
    what: str
    about: str
    owner: str
    due: str
    state: str
    is_overdue: bool
    outcome: str


@dataclass(frozen=True)
class Actions:
    """The actions of all teams: how many there are, are open, are overdue, since when, and the lines to show."""

    count: int
    open: int
    overdue: int
    oldest: str
    sentence: str
    lines: tuple[ActionLine, ...]


def actions_of_week(rows: pd.DataFrame, history: pd.DataFrame, week: str, today: date) -> Actions:
    """What the file of actions says at the end of a week.

    Args:
        rows: `actions.COLUMNS`.
        history: rows of the register of findings of all weeks up to this one.
        week: ISO week.
        today: the day on which actions are overdue or not.
    """
    every = list(rows_of(in_order(rows, today)))
    since = (today - timedelta(days=_SETTLED_DAYS)).isoformat()
    shown = [row for row in every if row.state in OPEN or not row.due or row.due >= since]
    late = [row for row in shown if row.is_overdue]
    newest = history.sort_values("week").drop_duplicates("finding_id", keep="last")
    findings: Mapping[str, Any] = {row.finding_id: row for row in rows_of(newest)}
    return Actions(
        count=len(every),
        open=sum(row.state in OPEN for row in every),
        overdue=len(late),
        oldest=min((row.due for row in late), default=""),
        sentence=_tally(shown),
        lines=tuple(
            ActionLine(
                team=row.team,
                what=row.what or _proposal(row, findings),
                about=findings[row.finding_id].what.partition(";")[0].removesuffix(".")
                if row.finding_id in findings
                else "",
                owner=row.owner,
                due=words.day(row.due) if row.due else "",
                state=_state(row, today),
                is_overdue=bool(row.is_overdue),
                outcome=_outcome(row, history, week),
            )
            for row in shown[:MOST_SHOWN]
        ),
    )


def escalation_states(escalated: Sequence[Escalated], rows: pd.DataFrame, today: date) -> dict[str, str]:
    """What people say became of escalations, such as `sent (Product liaison)`.

    Args:
        escalated: escalations of a week.
        rows: `actions.COLUMNS`.
        today: the day on which actions are overdue or not.

    Returns:
        By the id of the escalation; `proposed` where nobody wrote an action for its finding.
    """
    written = {row.finding_id: row for row in reversed(list(rows_of(in_order(rows, today)))) if row.finding_id}
    ids = {each.escalation_id: finding_id("reason moved", each.team, each.subject) for each in escalated}
    return {
        escalation: _state(written[finding], today) + (f" ({owner})" if (owner := written[finding].owner) else "")
        if finding in written
        else "proposed"
        for escalation, finding in ids.items()
    }


def _proposal(row: Any, findings: Mapping[str, Any]) -> str:
    """What was proposed for the finding of an action."""
    finding = findings.get(row.finding_id)
    return str((finding.next_step or finding.what) if finding is not None else row.finding_id)


def _state(row: Any, today: date) -> str:
    if not row.is_overdue:
        return str(row.state)
    return f"{words.number_of((today - date.fromisoformat(row.due)).days, 'day')} overdue"


def _outcome(row: Any, history: pd.DataFrame, week: str) -> str:
    """What became of the action's number, what somebody says of it, and whether it is overdue."""
    due = week_of_day(date.fromisoformat(row.due)) if row.due else week
    then, now = then_and_now(history, row.finding_id, week, due) if row.finding_id else (None, None)
    late = f"{row.state.capitalize()}, not done." if row.is_overdue else ""
    return " ".join(filter(None, (outcome(then, now, row.remark), late)))


def _tally(rows: Sequence[Any]) -> str:
    """How many are overdue, how many settled in which way, and how many are open still."""
    late = sum(row.is_overdue for row in rows)
    counts = {state: sum(row.state == state for row in rows) for state in ("done", "sent", "declined")}
    parts = [f"{late} {_are(late)} overdue"] if late else []
    parts += [f"{count} {_was(count)} {state}" for state, count in counts.items() if count]
    waiting = sum(row.state in OPEN for row in rows) - late
    if waiting:
        parts.append(f"{waiting} {_are(waiting)} open and not due yet")
    return f"{words.listed(parts)}." if parts else ""


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"
