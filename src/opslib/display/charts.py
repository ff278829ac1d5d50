"""Charts: a tidy frame in, a figure with its description out. What each takes is what `analysis.review` returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cbook import pts_to_midstep
from matplotlib.collections import PolyCollection
from matplotlib.patches import Polygon
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from opslib.display import theme, words
from opslib.display.theme import Drawing, Markup, note

NOTHING = "No tickets of this team in this week: nothing to show here."
_STEP_MINUTES = (1, 5, 10, 15, 30, 60, 120, 180, 240, 360, 480, 720, 1440, 2160, 2880, 4320, 7200, 10080, 20160, 43200)


def control_chart(frame: pd.DataFrame, *, title: str = "") -> Drawing | Markup:
    """One control chart: values with their interval, limits, goal, and the weeks that are signals.

    Args:
        frame: rows of one metric as of `analysis.review.control_frame`.
        title: what stands above; the metric's label where empty.

    Returns:
        The figure, or one line where there is nothing to draw.
    """
    if frame.empty:
        return note(NOTHING)
    if frame["value"].notna().sum() == 0:
        return note(f"{frame['label'].iloc[0]}: {_why(frame)}.")
    with theme.style():
        figure = theme.new_figure(7.6, 3.1)
        _draw_control(figure.add_subplot(), frame, title or str(frame["label"].iloc[0]))
        return theme.drawing(figure, describe(frame))


def control_charts(frame: pd.DataFrame) -> Drawing | Markup:
    """Control charts of several metrics, two in a row, on the same weeks.

    Args:
        frame: as of `analysis.review.control_frame`.

    Returns:
        The figure, or one line where there is nothing to draw. A metric without any value is named below.
    """
    if frame.empty:
        return note(NOTHING)
    panels = [(str(name), rows) for name, rows in frame.groupby("metric", sort=False)]
    drawn = [rows for _, rows in panels if rows["value"].notna().any()]
    absent = [f"{rows['label'].iloc[0]}: {_why(rows)}" for _, rows in panels if not rows["value"].notna().any()]
    if not drawn:
        return note("; ".join(absent) + ".")
    if len(drawn) == 1 and not absent:
        return control_chart(drawn[0])
    lines = -(-len(drawn) // 2)
    with theme.style():
        figure = theme.new_figure(9.6, 2.55 * lines + 0.22 * len(absent))
        for place, rows in enumerate(drawn, start=1):
            _draw_control(figure.add_subplot(lines, 2, place), rows, str(rows["label"].iloc[0]))
        if absent:
            figure.supxlabel("\n".join(absent), x=0.01, ha="left", fontsize=8.5, color=theme.MUTED)
        return theme.drawing(figure, " ".join([*(describe(rows) for rows in drawn), *(f"{one}." for one in absent)]))


def small_multiples(frame: pd.DataFrame) -> Drawing | Markup:
    """Control charts of one metric for several teams, on the same weeks and the same scale.

    Args:
        frame: as of `report.across_teams`: rows of one metric as of `analysis.review.control_frame`, and team_label.

    Returns:
        The figure, or one line where there is nothing to draw. A team without any value is named below.
    """
    panels = [(str(name), rows) for name, rows in frame.groupby("team_label", sort=False)]
    drawn = [(name, rows) for name, rows in panels if rows["value"].notna().any()]
    absent = [f"{name}: {_why(rows)}" for name, rows in panels if not rows["value"].notna().any()]
    if not drawn:
        return note("; ".join(absent) + "." if absent else NOTHING)
    lines, unit = -(-len(drawn) // 2), str(frame["unit"].iloc[0])
    with theme.style():
        figure = theme.new_figure(9.6, 2.3 * lines + 0.22 * len(absent))
        for place, (name, rows) in enumerate(drawn, start=1):
            axes = figure.add_subplot(lines, min(2, len(drawn)), place)
            _draw_control(axes, rows, f"{name}: {rows['label'].iloc[0]}")
        bottoms, tops = zip(*(axes.get_ylim() for axes in figure.charts), strict=True)
        for axes in figure.charts:
            axes.set_ylim(min(bottoms), max(tops))
            _unit_axis(axes, unit)
        if absent:
            figure.supxlabel("\n".join(absent), x=0.01, ha="left", fontsize=8.5, color=theme.MUTED)
        said = [f"{name}. {describe(rows)}" for name, rows in drawn]
        return theme.drawing(figure, " ".join([*said, *(f"{one}." for one in absent)]))


def backlog_chart(frame: pd.DataFrame) -> Drawing | Markup:
    """What came into the backlog, what went, and what was left.

    Args:
        frame: as of `analysis.review.weekly_backlog`.
    """
    if frame.empty:
        return note(NOTHING)
    with theme.style():
        figure = theme.new_figure(9.6, 3.3)
        flows, left = figure.subplots(1, 2, width_ratios=[1.25, 1])
        place = np.arange(len(frame))
        _draw_bars(flows, place - 0.39, place - 0.01, 0.0, frame["inflow"], theme.SKY)
        _draw_bars(flows, place + 0.01, place + 0.39, 0.0, frame["outflow"], theme.ORANGE)
        flows.set_xlim(-0.75, len(frame) - 0.25)
        top = float(frame[["inflow", "outflow"]].to_numpy().max())
        flows.set_ylim(0, top * 1.2 + 1)
        flows.text(0, 1, "in", transform=flows.transAxes, color=theme.BLUE, fontweight="bold", va="top")
        flows.text(0.05, 1, "out", transform=flows.transAxes, color=theme.ORANGE, fontweight="bold", va="top")
        flows.set_title("Tickets into and out of the backlog")
        left.plot(place, frame["closing"], color=theme.BLUE, marker="o", markersize=3.5)
        left.set_ylim(0, float(frame["closing"].max()) * 1.2 + 1)
        _label_last(left, place[-1], float(frame["closing"].iloc[-1]), words.value(frame["closing"].iloc[-1], "count"))
        left.set_title("Backlog at the week's end")
        for axes in (flows, left):
            weeks_below(axes, list(frame["week"]))
            _unit_axis(axes, "count")
        last = frame.iloc[-1]
        return theme.drawing(
            figure,
            f"Bars of tickets into and out of the backlog, a line of what was left, {_span(frame)}. "
            f"In {last['week']}: {last['inflow']:,.0f} in, {last['outflow']:,.0f} out, {last['closing']:,.0f} left, "
            f"after {frame['closing'].iloc[0]:,.0f} in {frame['week'].iloc[0]}.",
        )


def backlog_age_chart(frame: pd.DataFrame) -> Drawing | Markup:
    """The backlog by age, as stacked bars with the oldest at the bottom.

    Args:
        frame: as of `analysis.review.weekly_backlog`.
    """
    if frame.empty:
        return note(NOTHING)
    layers = (
        ("older_than_30d", "over 30 days", theme.ORANGE),
        ("from_8_to_30d", "8 to 30 days", theme.SAND),
        ("up_to_7d", "up to 7 days", theme.SKY),
    )
    with theme.style():
        figure = theme.new_figure(7.6, 3.1)
        axes = figure.add_subplot()
        place, floor = np.arange(len(frame)), np.zeros(len(frame))
        top = float(frame["closing"].max()) or 1.0
        lowest = -1.0
        for column, label, colour in layers:
            height = frame[column].to_numpy(dtype=np.float64)
            _draw_bars(axes, place - 0.39, place + 0.39, floor, floor + height, colour)
            middle = max(floor[-1] + height[-1] / 2, lowest + 0.085 * top)
            axes.text(place[-1] + 0.55, middle, f"{label}: {height[-1]:,.0f}", va="center", fontsize=8.5)
            lowest, floor = middle, floor + height
        axes.set_xlim(-0.6, len(frame) - 0.4 + 0.24 * len(frame))
        axes.set_ylim(0, 1.05 * top)
        axes.set_title("Backlog at the week's end by age")
        weeks_below(axes, list(frame["week"]))
        _unit_axis(axes, "count")
        last = frame.iloc[-1]
        return theme.drawing(
            figure,
            f"Stacked bars of the backlog by age, {_span(frame)}. In {last['week']} of {last['closing']:,.0f} tickets "
            f"{last['older_than_30d']:,.0f} were older than 30 days, {last['from_8_to_30d']:,.0f} from 8 to 30 days "
            f"and {last['up_to_7d']:,.0f} up to 7 days old.",
        )


def decomposition_chart(frame: pd.DataFrame, *, largest: int = 6) -> Drawing | Markup:
    """What each group adds to a change: through its own rate, and through its share of the whole.

    Args:
        frame: as of `analysis.review.explain`, of one or more metrics.
        largest: how many groups are drawn one by one; the others are summed.
    """
    if frame.empty:
        return note("No change to explain: nothing is a signal in this week, or there is nothing to compare it with.")
    panels = [rows for _, rows in frame.groupby(["metric", "by"], sort=False)]
    heights = [min(len(rows), largest + 1) + 1.7 for rows in panels]
    alts = []
    with theme.style():
        figure = theme.new_figure(8.6, 0.3 * sum(heights) + 0.35)
        rows_of_axes = np.atleast_1d(figure.subplots(len(panels), 1, height_ratios=heights))
        for axes, rows in zip(rows_of_axes, panels, strict=True):
            alts.append(_draw_parts(axes, rows, largest))
        return theme.drawing(figure, " ".join(alts))


def describe(frame: pd.DataFrame) -> str:
    """A control chart in words: what it shows, the last value, the goal, and the signals.

    Args:
        frame: rows of one metric as of `analysis.review.control_frame`.
    """
    last = frame.iloc[-1]
    unit = str(last["unit"])
    said = [f"{last['label']}, weekly, {_span(frame)}."]
    said.append(f"{last['week']}: {words.estimate(last['value'], last['low'], last['high'], unit)}.")
    if pd.notna(last["goal"]):
        kept = words.met(last["value"], last["goal"], str(last["better"]))
        verdict = "" if kept is None else ", met" if kept else ", not met"
        said.append(f"Goal: {words.goal(last['goal'], str(last['better']), unit)}{verdict}.")
    limited = frame[frame["upper"].notna()]
    if len(limited):
        usual = limited.iloc[-1]
        said.append(
            f"Usual range: {words.value(usual['lower'], unit)} to {words.value(usual['upper'], unit)}, around "
            f"{words.value(usual['centre'], unit)}."
        )
    marked = frame[frame["signal"] != ""]
    if len(marked):
        said.append(
            "Signals: "
            + "; ".join(
                f"{week} ({words.rules(str(signal))})"
                for week, signal in zip(marked["week"], marked["signal"], strict=True)
            )
            + "."
        )
    else:
        said.append("No signal." if len(limited) else "Too few weeks for limits.")
    return " ".join(said)


def _draw_control(axes: Axes, frame: pd.DataFrame, title: str) -> None:
    frame = frame.reset_index(drop=True)
    unit = str(frame["unit"].iloc[0])
    place = np.arange(len(frame))
    number = frame[["value", "low", "high", "centre", "lower", "upper", "goal"]].to_numpy(dtype=np.float64)
    value, low, high, centre, lower, upper, target = number.T
    if not np.isnan(upper).all():
        draw_range(axes, place, lower, upper)
        axes.plot(place, centre, color=theme.LINE, linewidth=1.0)
    known = ~np.isnan(low) & ~np.isnan(high)
    if known.any():
        across, along = np.repeat(place[known], 3), np.full(3 * known.sum(), np.nan)
        along[0::3], along[1::3] = low[known], high[known]
        axes.plot(across, along, color=theme.SKY, linewidth=2.2, alpha=0.75, solid_capstyle="butt")
    axes.plot(place, value, color=theme.BLUE, marker="o", markersize=3.6, linewidth=1.5)
    signal = (frame["signal"] != "").to_numpy() & ~np.isnan(value)
    mark_signals(axes, place[signal], value[signal])
    unreached = np.isnan(value) & ~np.isnan(low)
    if unreached.any():
        axes.plot(place[unreached], low[unreached], linestyle="none", marker="^", markersize=5, color=theme.SKY)
    if not np.isnan(target).all():
        axes.plot(place, target, color=theme.GREEN, linewidth=1.3, linestyle=(0, (4, 2)))
        said = f"goal {words.goal(target[-1], str(frame['better'].iloc[0]), unit)}"
        behind = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6}
        axes.text(-0.4, target[0], said, color=theme.GREEN, fontsize=8, va="bottom", bbox=behind, zorder=4)
    _limits(axes, np.concatenate([value, lower, upper, target, low[known], high[known], low[unreached]]), unit)
    if not np.isnan(value[-1]):
        _label_last(axes, place[-1], value[-1], words.value(value[-1], unit), signal=bool(signal[-1]))
    if signal[-1]:
        _label_signal(axes, str(frame["signal"].iloc[-1]))
    axes.set_title(title)
    axes.set_xlim(-0.5, len(frame) - 0.5 + 0.13 * len(frame))
    weeks_below(axes, list(frame["week"]))
    _unit_axis(axes, unit)


def _draw_bars(axes: Axes, left: Any, right: Any, bottom: Any, top: Any, colour: str) -> None:
    """Rectangles as one artist; limits are left to the caller."""
    edges = np.broadcast_arrays(*(np.asarray(edge, dtype=np.float64) for edge in (left, right, bottom, top)))
    corners = np.stack([edges[side] for side in (0, 2, 1, 2, 1, 3, 0, 3)], axis=-1).reshape(-1, 4, 2)
    axes.add_collection(
        PolyCollection(list(corners), facecolors=colour, edgecolors="white", linewidths=0.7), autolim=False
    )


def mark_signals(axes: Axes, place: Any, value: Any) -> None:
    """The diamonds of the weeks that are signals, if any."""
    if len(place) == 0:
        return
    look: dict[str, Any] = {"markersize": 7, "markerfacecolor": "white", "markeredgewidth": 1.8}
    axes.plot(place, value, linestyle="none", marker="D", markeredgecolor=theme.ORANGE, **look)


def draw_range(axes: Axes, place: Any, lower: Any, upper: Any) -> None:
    """The usual range in steps around each week; weeks without limits divide it."""
    known = np.concatenate([[False], ~np.isnan(lower) & ~np.isnan(upper), [False]])
    for first, end in np.flatnonzero(known[1:] != known[:-1]).reshape(-1, 2):
        across, low, high = pts_to_midstep(place[first:end], lower[first:end], upper[first:end])
        corners = np.column_stack([np.concatenate([across, across[::-1]]), np.concatenate([low, high[::-1]])])
        axes.add_patch(Polygon(corners, facecolor=theme.BAND, edgecolor="none", alpha=0.55, linewidth=0))


def _limits(axes: Axes, shown: Any, unit: str) -> None:
    """A scale on which what is shown fills the height; intervals of tiny weeks may leave it."""
    known = shown[~np.isnan(shown)]
    bottom, top = float(known.min()), float(known.max())
    room = 0.12 * ((top - bottom) or abs(top) or 1.0)
    if unit in ("seconds", "per_ticket") or (unit == "count" and bottom >= 0):
        bottom = max(bottom - room, 0.0)
    elif unit in ("share", "score"):
        bottom, top = max(bottom - room, -0.02), min(top, 1.0)
    else:
        bottom -= room
    axes.set_ylim(bottom, top + 1.6 * room)


def _draw_parts(axes: Axes, rows: pd.DataFrame, largest: int) -> str:
    unit, label, by = str(rows["unit"].iloc[0]), str(rows["label"].iloc[0]), str(rows["by"].iloc[0])
    named = rows.head(largest)
    rest = rows.iloc[largest:]
    names = [str(name) for name in named["group"]] + ([f"{len(rest)} others"] if len(rest) else [])
    parts = named[["mix", "rate", "total"]].to_numpy(dtype=np.float64)
    if len(rest):
        parts = np.vstack([parts, rest[["mix", "rate", "total"]].to_numpy(dtype=np.float64).sum(axis=0)])
    place = np.arange(len(names))[::-1]
    counted = bool(np.isnan(parts[:, 0]).all())
    if counted:
        _draw_bars(axes, 0.0, parts[:, 2], place - 0.3, place + 0.3, theme.BLUE)
    else:
        _draw_bars(axes, 0.0, parts[:, 1], place + 0.01, place + 0.37, theme.BLUE)
        _draw_bars(axes, 0.0, parts[:, 0], place - 0.37, place - 0.01, theme.SAND)
    reach = float(np.nanmax(np.abs(parts))) or 1.0
    for y, total in zip(place, parts[:, 2], strict=True):
        axes.text(1.55 * reach, y, words.points(total, unit), va="center", ha="right", fontsize=8.5)
    axes.axvline(0, color=theme.LINE, linewidth=1)
    axes.set_xlim(-1.15 * reach, 1.55 * reach)
    axes.set_ylim(-0.7, len(names) - 0.3)
    axes.set_yticks(place, names)
    axes.tick_params(axis="y", labelsize=9, labelcolor=theme.INK)
    axes.grid(False, axis="y")
    axes.grid(True, axis="x")
    axes.xaxis.set_major_locator(
        FixedLocator(
            [each for each in np.asarray(MaxNLocator(4).tick_values(-reach, reach)) if abs(each) <= 1.1 * reach]
        )
    )
    axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: words.points(number, unit) if number else "0"))
    total = float(rows["total"].sum())
    dimension = by.replace("_", " ")
    axes.set_title(f"{label}: {words.points(total, unit)}")
    heads = [(1.0, "total", theme.INK)]
    heads += [] if counted else [(0.91, "own rate", theme.BLUE), (0.80, "mix", "#8a6212")]
    for x, text, colour in heads:
        axes.text(x, 1.04, text, transform=axes.transAxes, ha="right", color=colour, fontweight="bold", fontsize=8.5)
    top = rows.iloc[0]
    return (
        f"{label} changed by {words.points(total, unit)}; bars by {dimension}, largest {top['group']} with "
        f"{words.points(top['total'], unit)}."
    )


def _label_last(axes: Axes, x: float, y: float, text: str, *, signal: bool = False) -> None:
    axes.annotate(
        text,
        (x, y),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        fontweight="bold",
        color=theme.ORANGE if signal else theme.BLUE,
        annotation_clip=False,
    )


def _label_signal(axes: Axes, rule: str) -> None:
    axes.text(
        1,
        0.98,
        f"signal: {words.rules(rule)}",
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=8.5,
        color=theme.ORANGE,
    )


def weeks_below(axes: Axes, weeks: Sequence[str]) -> None:
    """Name every third week below the axes, the last one always.

    Args:
        axes: whose places 0, 1, 2 … are the weeks.
        weeks: ISO weeks, in that order.
    """
    last = len(weeks) - 1
    chosen = [place for place in range(len(weeks)) if (last - place) % 3 == 0]
    axes.set_xticks(chosen, [words.short_week(weeks[place]) for place in chosen])


def _unit_axis(axes: Axes, unit: str) -> None:
    low, high = axes.get_ylim()
    if unit == "seconds":
        step = next((each * 60 for each in _STEP_MINUTES if (high - low) / (each * 60) <= 5), (high - low) / 4)
        ticks = np.arange(-(-low // step) * step, high, step)
    else:
        ticks = np.asarray(MaxNLocator(5, integer=unit == "count", steps=[1, 2, 5, 10]).tick_values(low, high))
        ticks = ticks[(ticks >= low) & (ticks <= high)]
    if unit in ("share", "score"):
        ticks = ticks[(ticks >= 0) & (ticks <= 1)]
        places = 0 if len(ticks) < 2 or ticks[1] - ticks[0] > 0.0099 else 1
        names = [f"{100 * tick:.{places}f} %" for tick in ticks]
    else:
        names = [words.value(tick, unit) if tick or unit != "seconds" else "0" for tick in ticks]
    axes.set_yticks(ticks, names)


def _span(frame: pd.DataFrame) -> str:
    return f"{frame['week'].iloc[0]} to {frame['week'].iloc[-1]}"


def _why(frame: pd.DataFrame) -> str:
    reasons = frame["missing"].dropna()
    return str(reasons.iloc[0]) if len(reasons) else "no values in these weeks"
