"""Tables as HTML that a page can take as it is: captions, scoped headers, numbers aligned, all values escaped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, TypeGuard

import pandas as pd

from opslib.analysis.restatements import CAUSES
from opslib.display import words
from opslib.display.charts import NOTHING
from opslib.display.theme import BLUE, MUTED, Markup, note

_FLOW = {
    "opening": "Opening",
    "created": "+ Created",
    "reopened": "+ Reopened",
    "moved_in": "+ Moved in",
    "solved": "− Solved",
    "deleted": "− Deleted",
    "merged": "− Merged",
    "moved_out": "− Moved out",
    "closing": "= Closing",
    "difference": "Unexplained",
}


@dataclass(frozen=True)
class _Cell:
    """A cell: its text, its HTML where that is more than the text, and whether it is a number."""

    text: str
    html: str = ""
    number: bool = False
    header: bool = False

    def render(self) -> str:
        inside = self.html or escape(self.text)
        if self.header:
            return f'<th scope="row">{inside}</th>'
        return f'<td class="num">{inside}</td>' if self.number else f"<td>{inside}</td>"


def sparkline(values: Sequence[float | None], label: str) -> str:
    """A line of a few weeks as inline SVG, as tall as the text.

    Args:
        values: oldest first; None or NaN breaks the line.
        label: what it shows, for those who do not see it.

    Returns:
        SVG, empty where fewer than two values are known.
    """
    known = [each for each in values if _known(each)]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    step, span = 79.0 / (len(values) - 1), (high - low) or 1.0
    path, down, last = "", False, (0.0, 0.0)
    for place, each in enumerate(values):
        known_here = _known(each)
        if _known(each):
            last = (2.5 + place * step, 11.0 if high == low else 19.5 - (each - low) / span * 17.0)
            path += f"{'L' if down else 'M'}{last[0]:.1f} {last[1]:.1f}"
        down = known_here
    return (
        f'<svg class="spark" viewBox="0 0 84 22" width="84" height="22" role="img" aria-label="{escape(label)}">'
        f'<path d="{path}" fill="none" stroke="{MUTED}" stroke-width="1.5"></path>'
        f'<circle cx="{last[0]:.1f}" cy="{last[1]:.1f}" r="2.2" fill="{BLUE}"></circle></svg>'
    )


def signals(frame: pd.DataFrame) -> Markup:
    """What needs attention: the metrics that are signals in the week, and in one sentence those that are not.

    Args:
        frame: as of `analysis.review.signals`.
    """
    if frame.empty:
        return note(NOTHING)
    real = frame[frame["verdict"] == "signal"]
    noise = frame.loc[frame["verdict"] == "noise", "label"].tolist()
    tests, found = int(frame["tests"].iloc[0]), int(frame["discoveries"].iloc[0])
    said = (
        f"Week on week, {tests:,} changes were tested over all metrics and teams; "
        f"{found:,} {'is a discovery' if found == 1 else 'are discoveries'} at a false discovery rate of 10 %: about "
        "one in ten of what is found so is false."
    )
    calm = f"Noise, no more than what chance does: {words.listed(noise)}." if noise else ""
    if real.empty:
        return _lines("Nothing is a signal in this week.", said, calm)
    rows = [
        [
            _Cell(row.label, header=True),
            _Cell(words.value(row.value, row.unit), number=True),
            _Cell(words.value(row.before, row.unit), number=True),
            _Cell(words.change(row.before, row.value, row.unit) or words.NOT_SHOWN, number=True),
            _Cell(_range(row), number=True),
            _Cell(f"{row.turn}: {_reasons(row)}" if row.turn else _reasons(row)),
        ]
        for row in _rows(real)
    ]
    heads = ("Metric", "This week", "Before", "Change", "Usual range", "Signal")
    table = _table("Signals of the week, what got worse first", heads, rows)
    below = _lines(said, calm)
    return Markup(table.html + below.html, f"{table.text}\n{below.text}")


def metrics(frame: pd.DataFrame) -> Markup:
    """All metrics of a week with interval, goal, change, signal, thirteen weeks as a line, and definition.

    Args:
        frame: as of `report.metric_table`: metric, label, family, unit, better, definition, value, low, high, n, goal,
            before, signal, missing, history (list of the last values).
    """
    if frame.empty:
        return note(NOTHING)
    rows = []
    for row in _rows(frame):
        counted = "" if isinstance(row.missing, str) or row.unit == "count" else f" This week: {row.n:,} counted."
        name = _defined(row.label, row.definition + counted)
        if isinstance(row.missing, str):
            rows.append([name, _Cell(row.missing), *[_Cell("")] * 5])
            continue
        kept = words.met(row.value, row.goal, row.better)
        mark = "" if kept is None else ", met" if kept else ", not met"
        reached = words.value(row.value, row.unit) if row.value == row.value or not _known(row.low) else "not reached"
        usual = "usual" if row.limits else "too few weeks"
        spark = sparkline(row.history, _spark_words(row.label, row.history, row.unit))
        rows.append(
            [
                name,
                _Cell(reached, number=True),
                _Cell(words.interval(row.low, row.high, row.unit), number=True),
                _Cell(words.goal(row.goal, row.better, row.unit) + mark),
                _Cell(words.change(row.before, row.value, row.unit) or words.NOT_SHOWN, number=True),
                _Cell(words.rules(row.signal) or (usual if _known(row.value) else words.NOT_SHOWN)),
                _Cell("", html=spark or words.NOT_SHOWN),
            ]
        )
    heads = ("Metric", "This week", "95 % interval", "Goal", "Change", "Signal", "13 weeks")
    return _table("All metrics of the week", heads, rows)


def add_up(frame: pd.DataFrame) -> Markup:
    """The identity of the backlog, to be read downwards, by day and for the week.

    Args:
        frame: as of `analysis.review.add_up`.
    """
    if frame.empty:
        return note(NOTHING)
    heads = [
        "",
        *(
            "Week" if pd.isna(day) else f"{pd.Timestamp(day).day_name()[:3]} {pd.Timestamp(day).day}"
            for day in frame["day"]
        ),
    ]
    broken = frame["difference"] != 0
    rows = [
        [_Cell(label, header=True), *(_Cell(words.value(each, "count"), number=True) for each in frame[column])]
        for column, label in _FLOW.items()
        if column != "difference" or broken.any()
    ]
    wrong = int(broken.sum())
    verdict = (
        f"{wrong} of {len(frame)} columns do not add up: see Unexplained." if wrong else "It adds up, to the ticket."
    )
    table = _table("The backlog, day by day", heads, rows)
    below = _lines(verdict)
    return Markup(table.html + below.html, f"{table.text}\n{below.text}")


def restatements(frame: pd.DataFrame) -> Markup:
    """Numbers that were published once and are others now.

    Args:
        frame: as of `report.restatements`.
    """
    if frame.empty:
        return note("No number that was published before has changed.")
    rows = [
        [
            _Cell(row.week),
            _Cell(row.label),
            _Cell(words.value(row.was, row.unit), number=True),
            _Cell(words.value(row.now, row.unit), number=True),
            _Cell(row.cause),
        ]
        for row in _rows(frame.rename(columns={"is": "now"}))
    ]
    causes = sorted({cause for said in frame["cause"] for cause in str(said).split(", ") if cause in CAUSES})
    table = _table("Numbers that were published and changed since", ("Week", "Metric", "Was", "Is", "Why"), rows)
    below = _lines(*(f"{cause.capitalize()}: {CAUSES[cause]}." for cause in causes))
    return Markup(table.html + below.html, f"{table.text}\n{below.text}")


def missing(frame: pd.DataFrame) -> Markup:
    """What the export cannot tell.

    Args:
        frame: label, definition, missing.
    """
    if frame.empty:
        return note("Nothing is missing: this export tells every metric of the catalogue.")
    rows = [[_defined(row.label, row.definition), _Cell(row.missing)] for row in _rows(frame)]
    return _table("Not in this report, and why", ("Metric", "Why"), rows)


def frame(frame: pd.DataFrame, *, caption: str) -> Markup:
    """Any frame as a table, at most 200 rows of it.

    Args:
        frame: what to show; its index is left out.
        caption: what stands above.
    """
    numbers = [pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind) for kind in frame.dtypes]
    rows = [
        [_Cell(_plain(each), number=number) for each, number in zip(line, numbers, strict=True)]
        for line in frame.head(200).itertuples(index=False)
    ]
    table = _table(caption, tuple(str(column) for column in frame.columns), rows)
    if len(frame) <= 200:
        return table
    more = _lines(f"The first 200 of {len(frame):,} rows.")
    return Markup(table.html + more.html, f"{table.text}\n{more.text}")


def _rows(frame: pd.DataFrame) -> Iterable[Any]:
    """The rows as named tuples, of which the type checker knows nothing."""
    return frame.itertuples()


def _defined(label: str, definition: str) -> _Cell:
    fold = f'<details class="definition"><summary>{escape(label)}</summary><p>{escape(definition)}</p></details>'
    return _Cell(label, html=fold, header=True)


def _range(row: Any) -> str:
    if not _known(row.upper):
        return words.NOT_SHOWN
    return f"{words.value(row.lower, row.unit)} to {words.value(row.upper, row.unit)}"


def _reasons(row: Any) -> str:
    said = [words.rules(row.rule)] if row.rule else []
    if row.discovery:
        chance = "< 0.001" if row.q < 0.001 else f"= {row.q:.3f}"
        said.append(f"changed from the week before (q {chance})")
    return "; ".join(said)


def _spark_words(label: str, history: Sequence[float | None], unit: str) -> str:
    known = [each for each in history if _known(each)]
    if not known:
        return f"{label}: no values"
    low, high, latest = (words.value(each, unit) for each in (min(known), max(known), known[-1]))
    return f"{label}, last {len(history)} weeks: lowest {low}, highest {high}, latest {latest}"


def _table(caption: str, heads: Iterable[str], rows: Sequence[Sequence[_Cell]]) -> Markup:
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


def _lines(*sentences: str) -> Markup:
    said = [sentence for sentence in sentences if sentence]
    return Markup("".join(f"<p>{escape(sentence)}</p>" for sentence in said), "\n".join(said))


def _known(number: float | None) -> TypeGuard[float]:
    return number is not None and not math.isnan(number)


def _plain(each: object) -> str:
    if each is None or each is pd.NA or (isinstance(each, float) and math.isnan(each)):
        return words.NOT_SHOWN
    return f"{each:,.4g}" if isinstance(each, float) else str(each)
