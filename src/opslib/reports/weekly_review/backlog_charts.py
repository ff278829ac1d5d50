"""The backlog drawn: what came, what went, what was left, and how old that was."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from opslib.display import theme, words
from opslib.display.charts import NOTHING, draw_bars, label_last, span_of, unit_axis, weeks_below
from opslib.display.theme import Drawing, Markup, note

_AGES = (
    ("older_than_30d", "over 30 days", theme.ORANGE),
    ("from_8_to_30d", "8 to 30 days", theme.SAND),
    ("up_to_7d", "up to 7 days", theme.SKY),
)

_NO_END = "The export ends before the week does: what was left at its end is not known."


def backlog_chart(frame: pd.DataFrame) -> Drawing | Markup:
    """Draw what came into the backlog, what went, and what was left.

    Args:
        frame: a row per week, in order: week, inflow, outflow, closing (tickets).

    Returns:
        The figure, or one line where there is nothing to draw.
    """
    if frame.empty:
        return note(NOTHING)
    if frame["closing"].isna().all():
        return note(_NO_END)
    with theme.style():
        figure = theme.new_figure(9.6, 3.3)
        flows, level = figure.subplots(1, 2, width_ratios=[1.25, 1])
        _draw_flows(flows, frame)
        _draw_level(level, frame)
        for axes in (flows, level):
            weeks_below(axes, list(frame["week"]))
            unit_axis(axes, "count")
        last = frame.iloc[-1]
        return theme.drawing(
            figure,
            f"Bars of tickets into and out of the backlog, a line of what was left, {span_of(frame)}. "
            f"In {words.week_number(last['week'])}: {words.whole(last['inflow'])} in, {words.whole(last['outflow'])} "
            "out, "
            f"{words.whole(last['closing'])} left, "
            f"after {words.whole(frame['closing'].iloc[0])} in {words.week_number(frame['week'].iloc[0])}.",
        )


def backlog_age_chart(frame: pd.DataFrame) -> Drawing | Markup:
    """Draw the backlog by age, as stacked bars with the oldest at the bottom.

    Args:
        frame: a row per week, in order: week, closing, and its parts older_than_30d, from_8_to_30d, up_to_7d (tickets).

    Returns:
        The figure, or one line where there is nothing to draw.
    """
    if frame.empty:
        return note(NOTHING)
    if frame["closing"].isna().all():
        return note(_NO_END)
    with theme.style():
        figure = theme.new_figure(7.6, 3.1)
        axes = figure.add_subplot()
        top = float(frame["closing"].max()) or 1.0
        _draw_ages(axes, frame, top)
        axes.set_xlim(-0.6, len(frame) - 0.4 + 0.24 * len(frame))
        axes.set_ylim(0, 1.05 * top)
        axes.set_title("Backlog at the week's end by age")
        weeks_below(axes, list(frame["week"]))
        unit_axis(axes, "count")
        last = frame.iloc[-1]
        return theme.drawing(
            figure,
            f"Stacked bars of the backlog by age, {span_of(frame)}. In {words.week_number(last['week'])} of "
            f"{words.whole(last['closing'])} tickets {words.whole(last['older_than_30d'])} were older than 30 days, "
            f"{words.whole(last['from_8_to_30d'])} from 8 to 30 days and {words.whole(last['up_to_7d'])} up to 7 "
            "days old.",
        )


def _draw_flows(axes: Axes, frame: pd.DataFrame) -> None:
    """Draw bars of what came and what went, side by side."""
    place = np.arange(len(frame))
    draw_bars(axes, place - 0.39, place - 0.01, 0.0, frame["inflow"], theme.SKY)
    draw_bars(axes, place + 0.01, place + 0.39, 0.0, frame["outflow"], theme.ORANGE)
    axes.set_xlim(-0.75, len(frame) - 0.25)
    axes.set_ylim(0, float(frame[["inflow", "outflow"]].to_numpy().max()) * 1.2 + 1)
    axes.text(0, 1, "in", transform=axes.transAxes, color=theme.BLUE, fontweight="bold", va="top")
    axes.text(0.05, 1, "out", transform=axes.transAxes, color=theme.ORANGE, fontweight="bold", va="top")
    axes.set_title("Tickets into and out of the backlog")


def _draw_level(axes: Axes, frame: pd.DataFrame) -> None:
    """Draw a line of what was left at each week's end."""
    closing = frame["closing"]
    axes.plot(np.arange(len(frame)), closing, color=theme.BLUE, marker="o", markersize=3.5)
    axes.set_ylim(0, float(closing.max()) * 1.2 + 1)
    label_last(axes, len(frame) - 1, float(closing.iloc[-1]), words.value(closing.iloc[-1], "count"))
    axes.set_title("Backlog at the week's end")


def _draw_ages(axes: Axes, frame: pd.DataFrame, top: float) -> None:
    """Draw a layer of bars for each age, and beside the last week what each layer holds."""
    place, floor, label_floor = np.arange(len(frame)), np.zeros(len(frame)), -1.0
    for column, label, colour in _AGES:
        height = frame[column].to_numpy(dtype=np.float64)
        draw_bars(axes, place - 0.39, place + 0.39, floor, floor + height, colour)
        middle = max(floor[-1] + height[-1] / 2, label_floor + 0.085 * top)
        axes.text(place[-1] + 0.55, middle, f"{label}: {words.whole(height[-1])}", va="center", fontsize=8.5)
        label_floor, floor = middle, floor + height
