"""Rules to fix as points: what is wrong, what the repair would have changed, the lines to paste, and who does it."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd

from opslib import labels
from opslib.display import words
from opslib.display.cells import Cell, is_known, rows_of, stacked
from opslib.display.markup import Markup

NO_OWNER = "no owner yet"


def points(frame: pd.DataFrame) -> Markup:
    """The rules to fix, the most harm first.

    Args:
        frame: of `rules_to_fix.repairs`.
    """
    return stacked(*(_point(place, row) for place, row in enumerate(rows_of(frame), 1)))


def _point(place: int, row: Any) -> Markup:
    head = f"{place}. {row.rule}"
    left = [*_what_is_wrong(row), _what_it_mends(row)]
    change = f"Its queue, {row.better_queue} instead of {row.queue}. To be pasted:"
    right = [change, row.lines, *_who(row)]
    html = (
        f'<div class="repair"><div><h3>{escape(head)} <span class="chip chip-outside">{escape(_age(row))}</span></h3>'
        f"{''.join(f'<p>{escape(text)}</p>' for text in left)}</div>"
        f'<div><p class="muted">{escape(change)}</p><pre>{escape(row.lines)}</pre>'
        f"{''.join(f'<p>{escape(text)}</p>' for text in right[2:])}</div></div>"
    )
    return Markup(html, "\n".join([f"{head}: {_age(row)}", *left, *right]))


def _age(row: Any) -> str:
    if row.since and row.queue_before and row.queue_before != row.queue:
        return f"Broken since {words.short_day(row.since)}"
    if row.since:
        return f"Worse since about {words.short_day(row.since)}"
    return f"Wrong ever since {words.short_day(row.begins)}"


def _what_is_wrong(row: Any) -> list[str]:
    share = words.value(row.elsewhere / row.solved, "share")
    most = "nearly all" if row.mended >= 0.9 * row.elsewhere else "most often"
    before = (
        f" Until {words.day(row.since)} it pointed {_there(row)}."
        if row.since and row.queue_before and row.queue_before != row.queue
        else ""
    )
    return [
        f"{share} of what it sends to {labels.label('queue', row.queue)} ({words.whole(row.elsewhere)} of "
        f"{words.whole(row.solved)} solved) is solved elsewhere, {most} in {labels.label('queue', row.better_queue)}."
        f"{before}"
    ]


def _there(row: Any) -> str:
    return "there" if row.queue_before == row.better_queue else f"to {labels.label('queue', row.queue_before)}"


def _what_it_mends(row: Any) -> str:
    rest = row.tickets - row.mended - row.spoilt
    return (
        f"With the repair {words.whole(row.mended)} tickets right instead of wrong, {words.whole(row.spoilt)} wrong "
        f"instead of right, {words.whole(rest)} without a change or not known: {words.whole(round(row.a_week))} a week."
    )


def _who(row: Any) -> list[str]:
    due = words.day(row.due) if row.due else words.NOT_SHOWN
    late = ", overdue" if row.is_overdue else ""
    return [f"Owner: {row.owner or NO_OWNER}. Due: {due}. State: {row.state or 'proposed'}{late}. ({row.finding_id})"]


def faults(frame: pd.DataFrame) -> tuple[tuple[str, ...], list[list[Cell | str]]]:
    """The heads and rows of the table of other faults.

    Args:
        frame: of `rules_to_fix.other_faults`.
    """
    heads = ("Rule", "Team", "What is wrong", "Made right", "Made wrong", "What to do")
    rows: list[list[Cell | str]] = [
        [
            Cell(row.rule or "All rules", header=True),
            row.team or words.NOT_SHOWN,
            _fault(row),
            Cell(words.value(row.mended, "count"), number=True),
            Cell(words.value(row.spoilt, "count"), number=True),
            what_to_do(row),
        ]
        for row in rows_of(frame)
    ]
    return heads, rows


def _fault(row: Any) -> str:
    others = words.listed(row.others.split("; ")) if row.others else ""
    match row.fault:
        case "shadowed":
            return f"Never reached: {others} {'take' if ';' in row.others else 'takes'} these first"
        case "dead":
            return "No ticket fits it"
        case "unreachable":
            return "No ticket can fit it: its conditions contradict each other"
        case "conflict":
            return f"Takes tickets that belong where {others} sends them"
        case "no_fallback":
            return "Some tickets can fit no rule at all"
    if not is_known(row.solved) or not row.solved:
        return "Most of what it sends is solved elsewhere"
    return f"{words.value(row.elsewhere / row.solved, 'share')} of what it sends is solved elsewhere"


def what_to_do(row: Any) -> str:
    """The next step for a rule that another queue would not mend, or that is another team's.

    Args:
        row: of `rules_to_fix.other_faults`.
    """
    if row.is_worth:
        return f"Point it to {labels.label('queue', row.better_queue)}: its team's page has the lines."
    others = words.listed(row.others.split("; ")) if row.others else ""
    match row.fault:
        case "shadowed":
            if row.basis == "exact":
                return f"Delete it: nothing changes. If it is meant to win, move it before {others}."
            return f"Leave it as a net, or move it before {others}."
        case "dead":
            return "Delete it: nothing changes." if row.severity == "fault" else "Leave it if its case may still come."
        case "unreachable":
            return "Delete it, or mend its conditions: as it stands it does nothing."
        case "conflict":
            return f"Delete it, or move it behind {others}."
        case "no_fallback":
            return "Add a rule without conditions at the end."
    return "No other queue would make two right for each that it makes wrong. Leave it, or ask for more on the form."
