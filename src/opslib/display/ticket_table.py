"""A list of tickets as a table: the same columns under a headline of a page and on the page of the list itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from opslib import labels, locales
from opslib.display import words
from opslib.display.markup import Markup

if TYPE_CHECKING:
    import pandas as pd

BRIEF = ("ticket_id", "priority", "queue", "contact_reason", "over_seconds", "due_at")
"""The columns under a headline; the page of a list has those of the age, the way and the owner too."""
WHOLE = (
    *("ticket_id", "over_seconds", "age_days", "priority", "queue", "channel", "contact_reason", "due_at"),
    *("status", "owner"),
)

_HEADS = {
    "ticket_id": "Ticket",
    "over_seconds": "Over by",
    "age_days": "Age",
    "priority": "Priority",
    "queue": "Queue",
    "channel": "Channel",
    "contact_reason": "Reason",
    "due_at": "Due",
    "status": "State",
    "owner": "Owner",
}
_NUMBERS = frozenset({"over_seconds", "age_days"})
_PSEUDONYM = re.compile(r"p[0-9a-f]{20}")


def ticket_table(
    caption: str, rows: pd.DataFrame, *, time_zone: str, ticket_url: str | None, columns: Sequence[str] = BRIEF
) -> Markup:
    """Tickets as a table, which a narrow screen shows as cards.

    Args:
        caption: what stands above the table.
        rows: ticket_id, over_seconds, age_days, priority, queue, channel, contact_reason, due_at (UTC), status, owner,
            as far as `columns` name them; columns without any value are left out.
        time_zone: in which due times are told.
        ticket_url: where a ticket opens in the CRM, with `{ticket_id}` in it; None makes no links, nor has a ticket
            whose id is a pseudonym one.
        columns: which columns, in their order.
    """
    shown = [name for name in columns if name == "ticket_id" or rows[name].notna().any()]
    texts = {name: _texts_of(rows[name], name, time_zone) for name in shown}
    # Few different values stand in many cells: each is escaped once.
    cells = {
        name: list(map({text: _cell(text, name) for text in dict.fromkeys(texts[name])}.__getitem__, texts[name]))
        for name in shown
        if name != "ticket_id"
    }
    heads = [_link(id_, ticket_url) for id_ in texts["ticket_id"]]
    lines = [
        f'<tr role="row"><th scope="row" role="rowheader">{head}</th>{"".join(line)}</tr>'
        for head, *line in zip(heads, *cells.values(), strict=True)
    ]
    top = "".join(f'<th scope="col" role="columnheader"{_style(name)}>{_HEADS[name]}</th>' for name in shown)
    html = (
        f'<table class="tickets" role="table"><caption>{escape(caption)}</caption><thead role="rowgroup">'
        f'<tr role="row">{top}</tr></thead><tbody role="rowgroup">{"".join(lines)}</tbody></table>'
    )
    plain = [" | ".join(line) for line in zip(*texts.values(), strict=True)]
    return Markup(html, "\n".join([caption, " | ".join(_HEADS[name] for name in shown), *plain]))


def _texts_of(column: pd.Series, name: str, time_zone: str) -> list[str]:
    if name == "over_seconds":
        return [words.value(seconds, "seconds") for seconds in column.tolist()]
    if name == "age_days":
        return [words.value(days, "days") for days in column.tolist()]
    if name == "due_at":
        local = column.dt.tz_convert(time_zone).dt.tz_localize(None)
        days = {day: words.day(f"{day:%Y-%m-%d}") for day in local.dt.floor("D").dropna().unique()}
        times = {at: locales.time_of_day(at.to_pydatetime()) for at in local.dt.floor("min").dropna().unique()}
        return [
            f"{days[day]}, {times[at]}" if day in days else words.NOT_SHOWN
            for day, at in zip(local.dt.floor("D").tolist(), local.dt.floor("min").tolist(), strict=True)
        ]
    if name in labels.FIELDS:
        called = {value: labels.label(name, value) for value in column.dropna().unique()}
        return [called.get(value, words.NOT_SHOWN) for value in column.tolist()]
    return [text if isinstance(text, str) else words.NOT_SHOWN for text in column.tolist()]


def _cell(text: str, name: str) -> str:
    return f'<td role="cell" data-label="{_HEADS[name]}"{_style(name)}>{escape(text)}</td>'


def _style(name: str) -> str:
    return ' class="num"' if name in _NUMBERS else ""


def _link(ticket_id: str, ticket_url: str | None) -> str:
    text = escape(ticket_id)
    if ticket_url is None or _PSEUDONYM.fullmatch(ticket_id):
        return text
    return f'<a href="{escape(ticket_url.replace("{ticket_id}", quote(ticket_id, safe="")))}">{text}</a>'
