"""Cells, tables and lines of text as HTML that a page can take as it is: captions, scoped headers, values escaped."""

from __future__ import annotations

import math
from collections import namedtuple
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any, TypeGuard

from opslib.display import words
from opslib.display.colours import BLUE, MUTED
from opslib.display.markup import Markup

if TYPE_CHECKING:
    import pandas as pd

_MOST_ROWS = 200  # of a frame of an analyst's own


@dataclass(frozen=True)
class Cell:
    """A cell: its text, its HTML where that is more than the text, and whether it is a number or stays on one line."""

    text: str
    html: str = ""
    number: bool = False
    header: bool = False
    whole: bool = False

    def render(self) -> str:
        """The cell as HTML: a header of its row, or a value with the class that aligns it."""
        inside = self.html or escape(self.text)
        if self.header:
            return f'<th scope="row">{inside}</th>'
        style = "num" if self.number else "nowrap" if self.whole else ""
        return f'<td class="{style}">{inside}</td>' if style else f"<td>{inside}</td>"


def sparkline(
    values: Sequence[float | None], label: str, closed: Sequence[str] = (), *, goal: float | None = None, look: str = ""
) -> str:
    """A line of a few weeks as inline SVG, as tall as the text.

    Args:
        values: oldest first; None or NaN breaks the line.
        label: what it shows, for those who do not see it.
        closed: of each of the last weeks the holidays that close the team, "" for none; a small triangle marks them.
        goal: where dashes stand for it; None draws none.
        look: of the verdict on the last value, by which the sheet of the pages colours its point.

    Returns:
        SVG, empty where there are fewer than two values.
    """
    numbers = [value for value in values if is_known(value)]
    if len(numbers) < 2:
        return ""
    ends = [*numbers, goal] if is_known(goal) else numbers
    low, high = min(ends), max(ends)
    step, span = 79.0 / (len(values) - 1), (high - low) or 1.0

    def height(value: float) -> float:
        return 11.0 if high == low else 19.5 - (value - low) / span * 17.0

    path, pen_down, end = "", False, (0.0, 0.0)
    for place, value in enumerate(values):
        if is_known(value):
            end = (2.5 + place * step, height(value))
            path += f"{'L' if pen_down else 'M'}{end[0]:.1f} {end[1]:.1f}"
        pen_down = is_known(value)
    marks = "".join(
        f"M{2.5 + place * step - 2.2:.1f} 0h4.4l-2.2 3.6z"
        for place, names in enumerate(closed, start=len(values) - len(closed))
        if names and place >= 0
    )
    triangles = f'<path d="{marks}" fill="{MUTED}"></path>' if marks else ""
    dashes = (
        f'<path class="goal" d="M0 {height(goal):.1f}H84" stroke="{MUTED}" stroke-dasharray="3 2.5"></path>'
        if is_known(goal)
        else ""
    )
    point = f' class="point-{look}"' if look else ""
    return (
        f'<svg class="spark" viewBox="0 0 84 22" width="84" height="22" role="img" aria-label="{escape(label)}">'
        f'{dashes}<path d="{path}" fill="none" stroke="{MUTED}" stroke-width="1.5"></path>{triangles}'
        f'<circle{point} cx="{end[0]:.1f}" cy="{end[1]:.1f}" r="2.2" fill="{BLUE}"></circle></svg>'
    )


def spark_words(label: str, history: Sequence[float | None], unit: str, closed: Sequence[str] = ()) -> str:
    """What a sparkline of a few weeks shows, for those who do not see it; `closed` as `sparkline` takes it."""
    numbers = [number for number in history if is_known(number)]
    if not numbers:
        return f"{label}: no values"
    low, high, latest = (words.value(number, unit) for number in (min(numbers), max(numbers), numbers[-1]))
    days = [names for names in closed[-len(history) :] if names]
    holidays = f"; weeks with a closed day: {words.listed(days)}" if days else ""
    return f"{label}, last {len(history)} weeks: lowest {low}, highest {high}, latest {latest}{holidays}"


def table_of(caption: str, heads: Iterable[str], rows: Sequence[Sequence[Cell | str]]) -> Markup:
    """A table of a report: a caption, a head for each column, and rows of cells. All reports make their tables so.

    Args:
        caption: what stands above the table.
        heads: a head for each column.
        rows: a cell for each column; a text alone is a cell of just that text. The first cell of a row is its header
            where it says what the row is about.

    Returns:
        The table as HTML and as plain text; a column is aligned as numbers where any of its cells is one.

    Raises:
        ValueError: a row that has more or fewer cells than there are heads.

    Notes:
        Numbers are written out by `words` before they come here. For a frame of an analyst's own, without a column
        that needs a unit or an interval, there is `frame`.

    >>> rows = [[Cell("email", header=True), Cell("1,204", number=True), "billing"]]
    >>> print(table_of("Tickets by channel", ("Channel", "Tickets", "Most to"), rows).text)
    Tickets by channel
    Channel | Tickets | Most to
    email | 1,204 | billing
    """
    heads = list(heads)
    lines = [[Cell(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    for line in lines:
        if len(line) != len(heads):
            raise ValueError(
                f"{caption}: {len(line)} cells under {len(heads)} heads, in {[cell.text for cell in line]}"
            )
    numbers = [any(line[column].number for line in lines) for column in range(len(heads))]
    top = "".join(
        f'<th scope="col" class="num">{escape(head)}</th>' if number else f'<th scope="col">{escape(head)}</th>'
        for head, number in zip(heads, numbers, strict=True)
    )
    body = "".join(f"<tr>{''.join(cell.render() for cell in line)}</tr>" for line in lines)
    html = (
        f'<table class="ops-table"><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )
    texts = [" | ".join(heads), *(" | ".join(cell.text for cell in line) for line in lines)]
    return Markup(html, "\n".join([caption, *texts]))


def excerpt(
    caption: str, heads: Iterable[str], rows: Sequence[Sequence[Cell | str]], *, most: int, plural: str
) -> Markup:
    """The first rows of a long table, and below them a sentence that says of how many.

    Args:
        caption: as `table_of` takes it.
        heads: a head for each column.
        rows: all rows, a cell for each column.
        most: how many rows are drawn.
        plural: what the rows are, such as "queues".

    >>> rows = [["billing", "12"], ["log-in", "9"], ["other", "3"]]
    >>> excerpt("Queues", ("Queue", "Tickets"), rows, most=2, plural="queues").text.splitlines()[-1]
    'The first 2 of 3 queues; all are in the notebook.'
    """
    table = table_of(caption, heads, rows[:most])
    if len(rows) <= most:
        return table
    return stacked(
        table, paragraphs(f"The first {most} of {words.whole(len(rows))} {plural}; all are in the notebook.")
    )


def stacked(*parts: Markup) -> Markup:
    """Parts below each other; empty ones are left out."""
    return Markup("".join(part.html for part in parts), "\n".join(part.text for part in parts if part.text))


def paragraphs(*sentences: str) -> Markup:
    """A paragraph for each sentence; empty ones are left out."""
    texts = [sentence for sentence in sentences if sentence]
    return Markup("".join(f"<p>{escape(text)}</p>" for text in texts), "\n".join(texts))


def bullets(items: Sequence[str]) -> Markup:
    """A list with a point for each item.

    >>> bullets(["<a>", "b"]).html
    '<ul><li>&lt;a&gt;</li><li>b</li></ul>'
    """
    return Markup(f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>", "\n".join(items))


def rows_of(frame: pd.DataFrame) -> Iterable[Any]:
    """The rows as named tuples, of which the type checker knows nothing."""
    columns = [column.tolist() for _, column in frame.items()]
    return map(_row_type(tuple(map(str, frame.columns)))._make, zip(*columns, strict=True))


@cache
def _row_type(columns: tuple[str, ...]) -> Any:
    """The type of rows with these columns; to make one takes longer than to read a frame."""
    return namedtuple("Row", columns, rename=True)


def is_known(number: float | None) -> TypeGuard[float]:
    """Whether there is a number."""
    return number is not None and not math.isnan(number)


def frame(frame: pd.DataFrame, *, caption: str) -> Markup:
    """An analyst's own frame as a table, at most 200 rows of it.

    Args:
        frame: any columns; a column's name is its head, the index is left out.
        caption: what stands above the table.

    Returns:
        The table; numbers with at most four digits, and a dash where there is no value.
    """
    import pandas as pd  # here, as the pages of the run use the cells above without it

    numeric = [pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind) for kind in frame.dtypes]
    rows = [
        [Cell(_value_text(value), number=number) for value, number in zip(values, numeric, strict=True)]
        for values in frame.head(_MOST_ROWS).itertuples(index=False)
    ]
    table = table_of(caption, [str(column) for column in frame.columns], rows)
    if len(frame) <= _MOST_ROWS:
        return table
    return stacked(table, paragraphs(f"The first {_MOST_ROWS} of {words.whole(len(frame))} rows."))


def _value_text(value: object) -> str:
    import pandas as pd

    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return words.NOT_SHOWN
    if isinstance(value, float):
        return words.significant(value)
    return str(value)
