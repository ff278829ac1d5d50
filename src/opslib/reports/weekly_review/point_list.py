"""The points of a week as they stand on its page: text, causes, next step, who does it; and the actions of a team."""

from __future__ import annotations

from datetime import date
from html import escape
from typing import Any

import pandas as pd

from opslib.display import words
from opslib.display.cells import Cell, is_known, paragraphs, rows_of, stacked, table_of
from opslib.display.markup import Markup, note
from opslib.reports.actions import outcome
from opslib.reports.findings import hours_in_words
from opslib.reports.weekly_review.place_charts import panel

NO_OWNER = "no owner yet"
_QUIET = "Nothing needs anybody this week: no goal is missed, and nothing has left its usual level for the worse."
_SHORT = {"goal missed": "short of the goal", "broken rule": "sent wrong a week", "signal": "beyond what is usual"}
_STANDINGS = {"could be chance": "It could be chance.", "too few to say": "There are too few to say more."}
_MOST_CAUSES = 6


def points(frame: pd.DataFrame) -> Markup:
    """The points of a week, the first first: what it is, what could be behind it, the next step and who does it.

    Args:
        frame: finding_id, kind, what, size, size_low, size_high, since, standing, causes (a frame), next_step, section,
            owner, due, state, is_overdue, one row per point.
    """
    if frame.empty:
        return note(str(frame.attrs.get("missing", _QUIET)))
    return stacked(*(_point(place, row) for place, row in enumerate(rows_of(frame), 1)))


def _point(place: int, row: Any) -> Markup:
    facts = " ".join(filter(None, (_size(row), hours_in_words(row), _STANDINGS.get(row.standing, ""))))
    left = [f"<h3>{escape(row.what)}</h3>", f"<p>{escape(facts)}</p>" if facts else ""]
    left += [causes(row.causes).html] if len(row.causes) else []
    chart = panel(row.weeks) if len(row.weeks) else None
    right = [
        chart.as_html() if chart else "",
        f'<p class="step">{escape(row.next_step)}</p>',
        _who(row),
        _links(row),
    ]
    html = (
        f'<div class="point"><p class="rank">{place}</p><div class="what">{"".join(left)}</div>'
        f'<div class="do">{"".join(right)}</div></div>'
    )
    text = [f"{place}. {row.what}", facts, causes(row.causes).text if len(row.causes) else ""]
    text += [chart.alt if chart else "", f"Next step: {row.next_step}", _who_in_words(row), row.finding_id]
    return Markup(html, "\n".join(filter(None, text)))


def _links(row: Any) -> str:
    """The way to the tickets behind a point, and to the page that shows it."""
    links = [f'<a href="lists/{escape(name)}.html">{words.whole(count)} tickets</a>' for name, count in row.lists]
    page = row.section.rpartition("/")[2]
    if not page.startswith("weekly_review"):
        links.append(f'<a href="{escape(page)}">Where it shows</a>')
    return f'<p class="links">{" ".join(links)} <small>{escape(row.finding_id)}</small></p>'


def _size(row: Any) -> str:
    """How large it is and since when, where its sentence does not say that."""
    if row.kind not in _SHORT or not is_known(row.size):
        return ""
    span = f" ({words.whole(row.size_low)} to {words.whole(row.size_high)})" if is_known(row.size_low) else ""
    since = f", since {words.day(row.since)}" if row.since and row.kind == "goal missed" else ""
    return f"{words.whole(row.size)}{span} {_SHORT[row.kind]}{since}."


def _who(row: Any) -> str:
    due = words.day(row.due) if row.due else words.NOT_SHOWN
    owner = escape(row.owner) if row.owner else f'<span class="muted">{NO_OWNER}</span>'
    state = f'<span class="state{" late" if row.is_overdue else ""}">{escape(_state(row))}</span>'
    return f"<dl><dt>Owner</dt><dd>{owner}</dd><dt>Due</dt><dd>{escape(due)}</dd></dl><p>{state}</p>"


def _who_in_words(row: Any) -> str:
    due = words.day(row.due) if row.due else words.NOT_SHOWN
    return f"Owner: {row.owner or NO_OWNER}. Due: {due}. State: {_state(row)}."


def _state(row: Any) -> str:
    return f"{row.state or 'proposed'}{', overdue' if row.is_overdue else ''}"


def causes(frame: pd.DataFrame) -> Markup:
    """What could be behind a finding: this week, what is usual, and whether it was measured or only at the same time.

    Args:
        frame: text, now, usual, usual_low, usual_high, unit, is_measured, cases, cases_usual, of, one row per
            candidate.
    """
    if frame.empty:
        return note("Nothing was found that could be behind it.")
    rows = [
        [
            Cell(row.text, header=True),
            Cell(words.value(row.now, row.unit), number=True),
            Cell(_usual(row), number=True),
            Cell(_how_sure(row)),
        ]
        for row in rows_of(frame.head(_MOST_CAUSES))
    ]
    return table_of("What could be behind it", ("Cause", "This week", "Usual", "How sure"), rows)


def _usual(row: Any) -> str:
    usual = words.value(row.usual, row.unit)
    if not (is_known(row.usual_low) and is_known(row.usual_high)) or row.usual_low == row.usual_high:
        return usual
    return f"{usual} ({words.interval(row.usual_low, row.usual_high, row.unit)})"


def _how_sure(row: Any) -> str:
    """What was measured of a cause, in cases that miss the goal; else that it was at the same time."""
    if not row.is_measured:
        return "at the same time"
    if not is_known(row.cases):
        return f"measured: {words.points(row.now - row.usual, row.unit)}"
    usual = f", usually {words.value(row.cases_usual, 'count')}" if is_known(row.cases_usual) else ""
    return f"measured: {words.whole(row.cases)} of {words.whole(row.of)}{usual}"


def actions(frame: pd.DataFrame) -> Markup:
    """What people do about the team's findings, and what became of the number; nothing where there is no action.

    Args:
        frame: what, owner, due, state, remark, is_overdue, then, now, one row per action.
    """
    if frame.empty:
        return paragraphs()
    rows = [
        [
            Cell(row.what, header=True),
            Cell(row.owner or NO_OWNER),
            Cell(words.day(row.due) if row.due else words.NOT_SHOWN, whole=True),
            Cell(f"{row.state}, overdue" if row.is_overdue else row.state),
            Cell(outcome(row.then, row.now, row.remark) or words.NOT_SHOWN),
        ]
        for row in rows_of(frame)
    ]
    heads = ("Action", "Owner", "Due", "State", "What became of it")
    return table_of("What people do about it", heads, rows)


def team_note(frame: pd.DataFrame) -> Markup:
    """What somebody wrote of the week, with author and time; nothing where nobody did.

    Args:
        frame: author, at, text, one row or none.
    """
    parts = []
    for row in rows_of(frame):
        texts = [" ".join(part.split()) for part in row.text.split("\n\n")]
        by = ", ".join(filter(None, (row.author, _moment(row.at))))
        body = "".join(f"<p>{escape(text)}</p>" for text in texts if text)
        html = f"<blockquote>{body}{f'<p><small>{escape(by)}</small></p>' if by else ''}</blockquote>"
        parts.append(Markup(html, "\n".join([*texts, by])))
    return stacked(*parts)


def _moment(at: str) -> str:
    """A date and time in words; what is none as it is."""
    day, _, time = at.partition(" ")
    try:
        date.fromisoformat(day)
    except ValueError:
        return at
    return f"{words.day(day)}{f', {time}' if time else ''}"
