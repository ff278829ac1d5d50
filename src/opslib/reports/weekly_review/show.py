"""What the weekly review shows: a chart or table per frame of `frames`, under the same name."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd

from opslib.analysis.weekly_review.restatements import CAUSES
from opslib.display import words
from opslib.display.cells import (
    Cell,
    is_known,
    paragraphs,
    rows_of,
    spark_words,
    sparkline,
    stacked,
    table_of,
)
from opslib.display.charts import NOTHING
from opslib.display.control_charts import control_chart, control_charts, small_multiples
from opslib.display.decomposition import decomposition_chart
from opslib.display.theme import Drawing, Markup, note
from opslib.reports.weekly_review.backlog_charts import backlog_age_chart, backlog_chart

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
        return paragraphs("Nothing is a signal in this week.", said, calm)
    rows = [
        [
            Cell(row.label, header=True),
            Cell(words.value(row.value, row.unit), number=True),
            Cell(words.value(row.before, row.unit), number=True),
            Cell(words.change(row.before, row.value, row.unit) or words.NOT_SHOWN, number=True),
            Cell(_range(row), number=True),
            Cell(f"{row.turn}: {_reasons(row)}" if row.turn else _reasons(row)),
        ]
        for row in rows_of(real)
    ]
    heads = ("Metric", "This week", "Before", "Change", "Usual range", "Signal")
    table = table_of("Signals of the week, what got worse first", heads, rows)
    below = paragraphs(said, calm)
    return stacked(table, below)


def flow(frame: pd.DataFrame) -> Drawing | Markup:
    """Created, solved, reopened and the net flow, a control chart each."""
    return control_charts(frame)


def speed(frame: pd.DataFrame) -> Drawing | Markup:
    """Reply and resolution times, a control chart each."""
    return control_charts(frame)


def sla(frame: pd.DataFrame) -> Drawing | Markup:
    """The attainment of each SLA metric, a control chart each."""
    return control_charts(frame)


def quality(frame: pd.DataFrame) -> Drawing | Markup:
    """Satisfaction, survey response and QA score, a control chart each."""
    return control_charts(frame)


def effort(frame: pd.DataFrame) -> Drawing | Markup:
    """Replies, one-touch, first contact, transfers, reopens and ping-pong, a control chart each."""
    return control_charts(frame)


def metric(frame: pd.DataFrame) -> Drawing | Markup:
    """The control chart of one metric."""
    return control_chart(frame)


def across_teams(frame: pd.DataFrame) -> Drawing | Markup:
    """One metric of every team, a small chart each on the same scale."""
    return small_multiples(frame)


def backlog(frame: pd.DataFrame) -> Drawing | Markup:
    """Tickets into and out of the backlog, and what was left, week by week."""
    return backlog_chart(frame)


def backlog_age(frame: pd.DataFrame) -> Drawing | Markup:
    """The backlog by the age of its tickets, week by week."""
    return backlog_age_chart(frame)


def explain(frame: pd.DataFrame) -> Drawing | Markup:
    """What each group adds to a change: by its own rate, and by its share of the whole."""
    return decomposition_chart(frame)


def metric_table(frame: pd.DataFrame) -> Markup:
    """All metrics of a week with interval, goal, change, signal, thirteen weeks as a line, and definition.

    Args:
        frame: as of `report.metric_table`: metric, label, family, unit, better, definition, value, low, high, n, goal,
            before, signal, missing, history (list of the last values).
    """
    if frame.empty:
        return note(NOTHING)
    rows = []
    for row in rows_of(frame):
        counted = "" if isinstance(row.missing, str) or row.unit == "count" else f" This week: {row.n:,} counted."
        name = _defined(row.label, row.definition + counted)
        if isinstance(row.missing, str):
            rows.append([name, Cell(row.missing), *[Cell("")] * 5])
            continue
        kept = words.met(row.value, row.goal, row.better)
        mark = "" if kept is None else ", met" if kept else ", not met"
        reached = words.value(row.value, row.unit) if row.value == row.value or not is_known(row.low) else "not reached"
        usual = "usual" if row.limits else "too few weeks"
        spark = sparkline(row.history, spark_words(row.label, row.history, row.unit))
        rows.append(
            [
                name,
                Cell(reached, number=True),
                Cell(words.interval(row.low, row.high, row.unit), number=True),
                Cell(words.goal(row.goal, row.better, row.unit) + mark, whole=True),
                Cell(words.change(row.before, row.value, row.unit) or words.NOT_SHOWN, number=True),
                Cell(words.rules(row.signal) or (usual if is_known(row.value) else words.NOT_SHOWN)),
                Cell("", html=spark or words.NOT_SHOWN),
            ]
        )
    heads = ("Metric", "This week", "95 % interval", "Goal", "Change", "Signal", "13 weeks")
    return table_of("All metrics of the week", heads, rows)


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
        [Cell(label, header=True), *(Cell(words.value(each, "count"), number=True) for each in frame[column])]
        for column, label in _FLOW.items()
        if column != "difference" or broken.any()
    ]
    wrong = int(broken.sum())
    verdict = (
        f"{wrong} of {len(frame)} columns do not add up: see Unexplained." if wrong else "It adds up, to the ticket."
    )
    table = table_of("The backlog, day by day", heads, rows)
    below = paragraphs(verdict)
    return stacked(table, below)


def restatements(frame: pd.DataFrame) -> Markup:
    """Numbers that were published once and are others now.

    Args:
        frame: as of `report.restatements`.
    """
    if frame.empty:
        return note("No number that was published before has changed.")
    rows = [
        [
            Cell(row.week),
            Cell(row.label),
            Cell(words.value(row.was, row.unit), number=True),
            Cell(words.value(row.now, row.unit), number=True),
            Cell(row.cause),
        ]
        for row in rows_of(frame.rename(columns={"is": "now"}))
    ]
    causes = sorted({cause for said in frame["cause"] for cause in str(said).split(", ") if cause in CAUSES})
    table = table_of("Numbers that were published and changed since", ("Week", "Metric", "Was", "Is", "Why"), rows)
    below = paragraphs(*(f"{cause.capitalize()}: {CAUSES[cause]}." for cause in causes))
    return stacked(table, below)


def missing(frame: pd.DataFrame) -> Markup:
    """What the export cannot tell.

    Args:
        frame: label, definition, missing.
    """
    if frame.empty:
        return note("Nothing is missing: this export tells every metric of the catalogue.")
    rows = [[_defined(row.label, row.definition), Cell(row.missing)] for row in rows_of(frame)]
    return table_of("Not in this report, and why", ("Metric", "Why"), rows)


def _defined(label: str, definition: str) -> Cell:
    fold = f'<details class="definition"><summary>{escape(label)}</summary><p>{escape(definition)}</p></details>'
    return Cell(label, html=fold, header=True)


def _range(row: Any) -> str:
    if not is_known(row.upper):
        return words.NOT_SHOWN
    return f"{words.value(row.lower, row.unit)} to {words.value(row.upper, row.unit)}"


def _reasons(row: Any) -> str:
    said = [words.rules(row.rule)] if row.rule else []
    if row.discovery:
        chance = "< 0.001" if row.q < 0.001 else f"= {row.q:.3f}"
        said.append(f"changed from the week before (q {chance})")
    return "; ".join(said)
