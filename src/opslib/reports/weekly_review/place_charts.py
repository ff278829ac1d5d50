"""Where and when it happens, drawn: panels of one question each, and the table of the places where replies are late."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from html import escape
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes

from opslib import labels, locales
from opslib.display import theme, words
from opslib.display.cells import Cell, rows_of, table_of
from opslib.display.charts import (
    draw_band,
    draw_bars,
    draw_line,
    label_last,
    span_of,
    unit_axis,
    weeks_below,
)
from opslib.display.control_charts import colour_of
from opslib.display.theme import Drawing, Markup
from opslib.reports.weekly_review.answers import closing_time
from opslib.reports.weekly_review.places import ALL_QUEUES, ANOTHER_TEAM

_PANEL: Final = (3.75, 2.05)
"""Inches: a panel is as wide on a phone as on a desk."""
_MONDAY: Final = date(2026, 1, 5)
"""Any: days and hours of it have names."""
_SHADES: Final = ("#eceff2", "#d3d9df", "#b3bcc6", "#8b97a3", "#5f6b78")
"""Few to many."""
_FEW: Final = "few"
_MOST_OF_A_WHOLE: Final = 0.5
"""Shares beyond it are drawn on an axis up to the whole."""
_DARK, _LIGHT = 0.5, 0.25
"""Of the late tickets of the fullest place, from which on a place is shaded."""


def panel(frame: pd.DataFrame) -> Drawing:
    """Draw one metric with its interval and goal, week by week.

    Args:
        frame: rows of a control chart of one metric, in order: week, label, unit, value, low, high, goal, goal_verdict,
            closed.
    """
    last = frame.iloc[-1]
    unit = str(last["unit"])
    values, low, high = (frame[name].to_numpy(dtype=np.float64) for name in ("value", "low", "high"))
    goal = float(last["goal"]) if pd.notna(last["goal"]) else np.nan
    with theme.style():
        figure = theme.new_figure(*_PANEL)
        axes = figure.add_subplot()
        place = np.arange(len(frame))
        draw_band(axes, place, low, high)
        draw_line(axes, place, values, color=theme.INK)
        known = np.concatenate([values, low, high, [goal]])
        bottom, top = float(np.nanmin([0.0, *known])), float(np.nanmax(known))
        is_share = unit in ("share", "score")
        axes.set_ylim(bottom, 1.0 if is_share and top > _MOST_OF_A_WHOLE else top * 1.1 + 1e-9)
        axes.set_xlim(-0.4, len(frame) - 0.6 + 0.2 * len(frame))
        weeks_below(axes, list(frame["week"]), list(frame["closed"]))
        unit_axis(axes, unit)
        if not np.isnan(goal):
            draw_line(
                axes, [-0.4, len(frame) - 0.6], [goal, goal], color=theme.INK, linewidth=1.1, linestyle=(0, (4, 3))
            )
        if not np.isnan(values[-1]):
            colour = colour_of(last)
            label_last(axes, len(frame) - 1, float(values[-1]), words.value(values[-1], unit), colour=colour)
        aimed = "" if np.isnan(goal) else words.goal(goal, str(last["better"]), unit)
        axes.set_title(f"{last['label']}{f', goal {aimed}' if aimed else ''}")
        aim = f"; the goal is {aimed}" if aimed else ""
        return theme.drawing(
            figure,
            f"Line of {last['label']}, {span_of(frame)}: {words.value(values[-1], unit)} in the last{aim}.",
        )


def standing_chart(frame: pd.DataFrame) -> Drawing:
    """Draw what the team held at its closing time, week by week.

    Args:
        frame: week, closes_at (an instant in the team's zone), tickets, closed, one row per week, in order.
    """
    last = frame.iloc[-1]
    with theme.style():
        figure = theme.new_figure(*_PANEL)
        axes = figure.add_subplot()
        place = np.arange(len(frame))
        draw_line(axes, place, frame["tickets"].to_numpy(dtype=np.float64), color=theme.INK)
        axes.set_xlim(-0.4, len(frame) - 0.6 + 0.16 * len(frame))
        axes.set_ylim(0, float(frame["tickets"].max()) * 1.25 + 1)
        weeks_below(axes, list(frame["week"]), list(frame["closed"]))
        unit_axis(axes, "count")
        label_last(axes, len(frame) - 1, float(last["tickets"]), words.whole(last["tickets"]), colour=theme.INK)
        axes.set_title(f"Open at {closing_time(last)}")
        return theme.drawing(
            figure,
            f"Line of the tickets open at {closing_time(last)}, {span_of(frame)}: {words.whole(last['tickets'])} in "
            f"the last, {words.whole(frame['tickets'].min())} to {words.whole(frame['tickets'].max())} in all.",
        )


def days_chart(frame: pd.DataFrame) -> Drawing:
    """Draw what came in and went out on each day.

    Args:
        frame: day (a date), came, went, left, closed, one row per day, in order.
    """
    with theme.style():
        figure = theme.new_figure(*_PANEL)
        axes = figure.add_subplot()
        place = np.arange(len(frame))
        came, went = (frame[name].to_numpy(dtype=np.float64) for name in ("came", "went"))
        top = float(max(came.max(), went.max()))
        for at in place[frame["closed"].to_numpy() != ""]:
            axes.axvspan(at - 0.5, at + 0.5, color=theme.CLOSED, zorder=-1)
        draw_bars(axes, place - 0.42, place - 0.02, 0.0, came, theme.BAND)
        draw_bars(axes, place + 0.02, place + 0.42, 0.0, went, theme.MUTED)
        for values, shift in ((came, -0.22), (went, 0.22)):
            for at, value in zip(place, values, strict=True):
                axes.text(at + shift, value + top * 0.02, words.whole(value), ha="center", va="bottom", fontsize=7)
        axes.set_xlim(-0.6, len(frame) - 0.4)
        axes.set_ylim(0, top * 1.18 + 1)
        axes.set_yticks([])
        names = [f"{locales.weekday_name(row.day, short=True)}\n{words.whole(row.left)}" for row in rows_of(frame)]
        axes.set_xticks(list(place), names)
        axes.set_title("In (light) and out (dark) by day")
        axes.set_xlabel("below each day: open at midnight", fontsize=8)
        days = [
            f"{locales.weekday(row.day)} {words.whole(row.came)} in, {words.whole(row.went)} out"
            + (f" ({row.closed})" if row.closed else "")
            for row in rows_of(frame)
        ]
        return theme.drawing(figure, f"Bars of tickets in and out by day: {'; '.join(days)}.")


def ages_chart(frame: pd.DataFrame, total: int) -> Drawing:
    """Draw how old what the team holds is.

    Args:
        frame: age (words), tickets, one row per age, the youngest first.
        total: how many tickets they are.
    """
    with theme.style():
        figure = theme.new_figure(*_PANEL)
        axes = figure.add_subplot()
        place = np.arange(len(frame))[::-1]
        tickets = frame["tickets"].to_numpy(dtype=np.float64)
        draw_bars(axes, 0.0, tickets, place - 0.32, place + 0.32, theme.MUTED)
        for at, value in zip(place, tickets, strict=True):
            axes.text(value + tickets.max() * 0.02, at, words.whole(value), va="center", fontweight="bold")
        axes.set_xlim(0, float(tickets.max()) * 1.2 + 1)
        axes.set_ylim(-0.7, len(frame) - 0.3)
        axes.set_xticks([])
        axes.set_yticks(list(place), list(frame["age"]))
        axes.grid(visible=False)
        axes.set_title(f"How old are the {words.whole(total)} at midnight?")
        parts = [f"{row.age} {words.whole(row.tickets)}" for row in rows_of(frame)]
        return theme.drawing(figure, f"Bars of open tickets by age: {', '.join(parts)}.")


def arrivals_chart(frame: pd.DataFrame) -> Drawing:
    """Draw when tickets arrive, by weekday and hour; hours in which the team was closed all the time are lighter.

    Args:
        frame: weekday (0 is Monday), hour, tickets, closed, 168 rows in that order.
    """
    grid = frame["tickets"].to_numpy(dtype=np.float64).reshape(7, 24)
    busiest = frame.sort_values("tickets", ascending=False, kind="stable").iloc[0]
    total, closed = int(frame["tickets"].sum()), int(frame["closed"].sum())
    with theme.style():
        figure = theme.new_figure(*_PANEL)
        axes = figure.add_subplot()
        _shade(axes, grid)
        axes.set_xlim(0, 24)
        axes.set_ylim(7, 0)
        axes.set_xticks([0, 6, 12, 18], [_hour(hour) for hour in (0, 6, 12, 18)])
        axes.set_yticks([day + 0.5 for day in range(7)], [_day_name(day) for day in range(7)])
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.set_title("When they arrive")
        return theme.drawing(
            figure,
            f"Tickets by weekday and hour of the team's own clock: {words.whole(total)} in all, "
            f"{words.whole(busiest['tickets'])} in the fullest hour ({_day_name(int(busiest['weekday']))} from "
            f"{_hour(int(busiest['hour']))}), {words.whole(closed)} while the team was closed.",
        )


def late_table(frame: pd.DataFrame) -> Markup:
    """The places of promised first replies: in time of due, a row per channel and priority, a column per queue.

    A row of which every place is of too few people is left out.

    Args:
        frame: channel, priority, queue, due, late, is_few, one row per place.
    """
    queues = sorted(frame["queue"].unique(), key=lambda name: (name == ALL_QUEUES, name == ANOTHER_TEAM, name))
    heads = ("Channel and priority", *map(_queue, queues))
    most = float(frame.loc[frame["queue"] != ALL_QUEUES, "late"].max()) or 1.0
    rows = []
    for (channel, priority), own in frame.groupby(["channel", "priority"], sort=True):
        if own["is_few"].all():
            continue
        by_queue = {str(row.queue): row for row in rows_of(own)}
        name = f"{labels.label('channel', channel)}, {priority!s}"
        cells = [_place_cell(by_queue[queue], most) if queue in by_queue else Cell("") for queue in queues]
        rows.append([Cell(name, header=True), *cells])
    return table_of("First replies in time, of those due; darker: more of them late", heads, rows)


def _place_cell(row: Any, most: float) -> Cell:
    if row.is_few:
        return Cell(_FEW, number=True)
    text = _of(int(row.due), int(row.late))
    share = float(row.late) / most if row.queue != ALL_QUEUES else 0.0
    shade = "much" if share >= _DARK else "some" if share >= _LIGHT else ""
    return Cell(text, html=f'<span class="shade {shade}">{escape(text)}</span>' if shade else "", number=True)


def _of(due: int, late: int) -> str:
    return f"{words.whole(due - late)} of {words.whole(due)}"


def _queue(name: str) -> str:
    return {ANOTHER_TEAM: "From another team", ALL_QUEUES: "All"}.get(name) or labels.label("queue", name)


def _hour(hour: int) -> str:
    return locales.time_of_day(datetime.combine(_MONDAY, time(hour)))


def _day_name(weekday: int) -> str:
    return locales.weekday_name(_MONDAY + timedelta(days=weekday), short=True)


def _shade(axes: Axes, grid: npt.NDArray[np.float64]) -> None:
    """Draw a cell for each hour of the week, the darker the more tickets."""
    levels = np.ceil(grid / (grid.max() or 1.0) * len(_SHADES)).astype(int)
    for level, colour in enumerate(_SHADES, 1):
        day, hour = np.nonzero(levels == level)
        if len(day):
            draw_bars(axes, hour, hour + 1, day, day + 1, colour)
