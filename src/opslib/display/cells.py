"""Cells, tables and lines of text as HTML that a page can take as it is: captions, scoped headers, values escaped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, TypeGuard

import pandas as pd

from opslib.display import words
from opslib.display.theme import BLUE, MUTED, Markup


@dataclass(frozen=True)
class Cell:
    """A cell: its text, its HTML where that is more than the text, and whether it is a number or stays on one line."""

    text: str
    html: str = ""
    number: bool = False
    header: bool = False
    whole: bool = False

    def render(self) -> str:
        inside = self.html or escape(self.text)
        if self.header:
            return f'<th scope="row">{inside}</th>'
        named = "num" if self.number else "nowrap" if self.whole else ""
        return f'<td class="{named}">{inside}</td>' if named else f"<td>{inside}</td>"


def sparkline(values: Sequence[float | None], label: str) -> str:
    """A line of a few weeks as inline SVG, as tall as the text.

    Args:
        values: oldest first; None or NaN breaks the line.
        label: what it shows, for those who do not see it.

    Returns:
        SVG, empty where fewer than two values are known.
    """
    known = [each for each in values if is_known(each)]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    step, span = 79.0 / (len(values) - 1), (high - low) or 1.0
    path, down, last = "", False, (0.0, 0.0)
    for place, each in enumerate(values):
        known_here = is_known(each)
        if is_known(each):
            last = (2.5 + place * step, 11.0 if high == low else 19.5 - (each - low) / span * 17.0)
            path += f"{'L' if down else 'M'}{last[0]:.1f} {last[1]:.1f}"
        down = known_here
    return (
        f'<svg class="spark" viewBox="0 0 84 22" width="84" height="22" role="img" aria-label="{escape(label)}">'
        f'<path d="{path}" fill="none" stroke="{MUTED}" stroke-width="1.5"></path>'
        f'<circle cx="{last[0]:.1f}" cy="{last[1]:.1f}" r="2.2" fill="{BLUE}"></circle></svg>'
    )


def spark_words(label: str, history: Sequence[float | None], unit: str) -> str:
    """What a sparkline of a few weeks shows, for those who do not see it."""
    known = [each for each in history if is_known(each)]
    if not known:
        return f"{label}: no values"
    low, high, latest = (words.value(each, unit) for each in (min(known), max(known), known[-1]))
    return f"{label}, last {len(history)} weeks: lowest {low}, highest {high}, latest {latest}"


def table_of(caption: str, heads: Iterable[str], rows: Sequence[Sequence[Cell]]) -> Markup:
    """A table with its caption; a column is aligned as numbers where any of its cells is one."""
    heads = list(heads)
    numbers = [bool(rows) and any(row[place].number for row in rows) for place in range(len(heads))]
    top = "".join(
        f'<th scope="col" class="num">{escape(head)}</th>' if number else f'<th scope="col">{escape(head)}</th>'
        for head, number in zip(heads, numbers, strict=True)
    )
    body = "".join(f"<tr>{''.join(cell.render() for cell in row)}</tr>" for row in rows)
    html = (
        f'<table class="ops-table"><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )
    lines = [" | ".join(heads), *(" | ".join(cell.text for cell in row) for row in rows)]
    return Markup(html, "\n".join([caption, *lines]))


def stacked(*parts: Markup) -> Markup:
    """Parts below each other."""
    return Markup("".join(part.html for part in parts), "\n".join(part.text for part in parts))


def paragraphs(*sentences: str) -> Markup:
    """A paragraph per sentence; empty ones are left out."""
    said = [sentence for sentence in sentences if sentence]
    return Markup("".join(f"<p>{escape(sentence)}</p>" for sentence in said), "\n".join(said))


def rows_of(frame: pd.DataFrame) -> Iterable[Any]:
    """The rows as named tuples, of which the type checker knows nothing."""
    return frame.itertuples()


def is_known(number: float | None) -> TypeGuard[float]:
    """Whether there is a number."""
    return number is not None and not math.isnan(number)


def frame(frame: pd.DataFrame, *, caption: str) -> Markup:
    """Any frame as a table, at most 200 rows of it.

    Args:
        frame: what to show; its index is left out.
        caption: what stands above.
    """
    numbers = [pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind) for kind in frame.dtypes]
    rows = [
        [Cell(_as_text(each), number=number) for each, number in zip(line, numbers, strict=True)]
        for line in frame.head(200).itertuples(index=False)
    ]
    table = table_of(caption, tuple(str(column) for column in frame.columns), rows)
    if len(frame) <= 200:
        return table
    more = paragraphs(f"The first 200 of {len(frame):,} rows.")
    return stacked(table, more)


def _as_text(each: object) -> str:
    if each is None or each is pd.NA or (isinstance(each, float) and math.isnan(each)):
        return words.NOT_SHOWN
    return f"{each:,.4g}" if isinstance(each, float) else str(each)
