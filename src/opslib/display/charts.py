"""What charts are made of: bars, ranges, signals, labels and scales on the axes of one chart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cbook import pts_to_midstep
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.ticker import MaxNLocator

from opslib.display import theme, words
from opslib.display.axes import HouseFigure

NOTHING = "No tickets of this team in this week: nothing to show here."
_STEP_MINUTES = (1, 5, 10, 15, 30, 60, 120, 180, 240, 360, 480, 720, 1440, 2160, 2880, 4320, 7200, 10080, 20160, 43200)
_WEEKS_BETWEEN_LABELS = 3
_LONGEST_HOLIDAY = 28  # letters that a column of the smallest chart has room for
_LABEL_HEIGHT = 0.1  # of the axes, which a line of a label takes


def draw_bars(axes: Axes, left: Any, right: Any, bottom: Any, top: Any, colour: str) -> None:
    """Draw rectangles as one artist; the limits of the axes are left to the caller.

    Args:
        axes: to draw on.
        left: an edge for each rectangle, or one for all of them; so are right, bottom and top.
        right: as left.
        bottom: as left.
        top: as left.
        colour: of all rectangles.
    """
    edges = np.broadcast_arrays(*(np.asarray(edge, dtype=np.float64) for edge in (left, right, bottom, top)))
    corners = np.stack([edges[side] for side in (0, 2, 1, 2, 1, 3, 0, 3)], axis=-1).reshape(-1, 4, 2)
    axes.add_collection(
        PolyCollection(list(corners), facecolors=colour, edgecolors="white", linewidths=0.7), autolim=False
    )


def draw_line(axes: Axes, place: Any, value: Any, **look: Any) -> None:
    """Draw a line, or the points of one, as one artist; the limits of the axes are left to the caller.

    Args:
        axes: to draw on.
        place: where each point stands.
        value: its height; NaN divides the line.
        look: what matplotlib may know of a line.
    """
    axes.add_artist(Line2D(place, value, **look))


def draw_range(axes: Axes, place: Any, lower: Any, upper: Any) -> None:
    """Draw the usual range in steps around each week; the limits of the axes are left to the caller.

    Args:
        axes: to draw on.
        place: where each week stands.
        lower: the lower limit of each week, NaN where there is none, which divides the range.
        upper: the upper limit.
    """
    limits = np.concatenate([[False], ~np.isnan(lower) & ~np.isnan(upper), [False]])
    for first, end in np.flatnonzero(limits[1:] != limits[:-1]).reshape(-1, 2):
        across, low, high = pts_to_midstep(place[first:end], lower[first:end], upper[first:end])
        corners = np.column_stack([np.concatenate([across, across[::-1]]), np.concatenate([low, high[::-1]])])
        axes.add_artist(Polygon(corners, facecolor=theme.BAND, edgecolor="none", alpha=0.55, linewidth=0))


def draw_band(axes: Axes, place: Any, lower: Any, upper: Any) -> None:
    """Draw the interval around a line as a grey band; the limits of the axes are left to the caller.

    Args:
        axes: to draw on.
        place: where each point stands.
        lower: the lower end of each point's interval, NaN where there is none, which divides the band.
        upper: the upper end.
    """
    ends = np.concatenate([[False], ~np.isnan(lower) & ~np.isnan(upper), [False]])
    for first, end in np.flatnonzero(ends[1:] != ends[:-1]).reshape(-1, 2):
        part = slice(first, end)
        across = np.concatenate([place[part], place[part][::-1]])
        corners = np.column_stack([across, np.concatenate([lower[part], upper[part][::-1]])])
        axes.add_artist(Polygon(corners, facecolor=theme.GRID, edgecolor="none", linewidth=0))


def mark_signals(axes: Axes, place: Any, value: Any, *, colour: str = "white") -> None:
    """Draw diamonds on the weeks that are signals, if any; the limits of the axes are left to the caller.

    Args:
        axes: to draw on.
        place: where those weeks stand.
        value: their values.
        colour: of their inside.
    """
    if len(place) == 0:
        return
    look: dict[str, Any] = {"markersize": 7, "markerfacecolor": colour, "markeredgewidth": 1.8}
    draw_line(axes, place, value, linestyle="none", marker="D", markeredgecolor=theme.VIOLET, **look)


def label_last(axes: Axes, x: float, y: float, text: str, *, colour: str = theme.BLUE) -> None:
    """Write the last value of a line to the right of its point.

    Args:
        axes: to draw on.
        x: where the point stands.
        y: its value.
        text: the value in words.
        colour: of the text: that of a verdict on the point, where there is one.
    """
    bottom, top = axes.get_ylim()
    is_low = y - bottom < _LABEL_HEIGHT * text.count("\n") * (top - bottom)
    write_beside(axes, x, y, text, colour, size=9, fontweight="bold", va="bottom" if is_low else "center")


def write_beside(axes: Axes, x: float, y: float, text: str, colour: str, *, size: float = 8.5, **look: Any) -> None:
    """Write to the right of a point, beyond the axes where they end there.

    Args:
        axes: to write on.
        x: where the point stands.
        y: its height.
        text: the words.
        colour: theirs.
        size: in points.
        look: what else matplotlib may know of a text.
    """
    usual: dict[str, Any] = {"xytext": (8, 0), "textcoords": "offset points", "va": "center", "annotation_clip": False}
    axes.annotate(text, (x, y), fontsize=size, color=colour, **(usual | look))


def weeks_below(axes: Axes, weeks: Sequence[str], closed: Sequence[str] | None = None) -> None:
    """Name every third week below the axes, the last one always, and mark the weeks with a closed day.

    Args:
        axes: whose places 0, 1, 2 … are the weeks.
        weeks: ISO weeks, in that order.
        closed: of each week the holidays that close the team, "" for none; a grey column bears their names.
    """
    for place, names in enumerate(closed or ()):
        if names:
            _mark_closed(axes, place, names)
    places = range((len(weeks) - 1) % _WEEKS_BETWEEN_LABELS, len(weeks), _WEEKS_BETWEEN_LABELS)
    axes.set_xticks(list(places), [words.week_start(weeks[place]) for place in places])


def _mark_closed(axes: Axes, place: float, names: str) -> None:
    """Draw a grey column on a week, with the names in it."""
    edges = [place - 0.5, place - 0.5, place + 0.5, place + 0.5]
    corners = np.column_stack([edges, [0.0, 1.0, 1.0, 0.0]])
    beneath = axes.get_xaxis_transform()
    axes.add_artist(Polygon(corners, facecolor=theme.CLOSED, edgecolor="none", zorder=-1, transform=beneath))
    is_high = _is_high(axes, place)
    text = names if len(names) <= _LONGEST_HOLIDAY else f"{names[: _LONGEST_HOLIDAY - 1].rstrip(' ,')}…"
    look: dict[str, Any] = {
        "rotation": 90,
        "ha": "center",
        "va": "bottom" if is_high else "top",
        "fontsize": 6.5,
        "color": theme.MUTED,
    }
    axes.text(place, 0.03 if is_high else 0.97, words.drawable(text), transform=beneath, zorder=0.5, **look)


def _is_high(axes: Axes, place: float) -> bool:
    """Whether the lines of a chart leave more room below than above at a place."""
    bottom, top = axes.get_ylim()
    points = [
        (float(y) - bottom) / (top - bottom)
        for line in axes.lines
        for x, y in zip(np.atleast_1d(line.get_xdata()), np.atleast_1d(line.get_ydata()), strict=True)
        if x == place and np.isfinite(y)
    ]
    return bool(points) and min(points) > 1 - max(points)


def closed_in_words(weeks: Sequence[str], closed: Sequence[str]) -> str:
    """The weeks with a closed day, as the description of a chart says them.

    Args:
        weeks: ISO weeks.
        closed: of each week the holidays that close the team, "" for none.

    >>> closed_in_words(["2026-W45", "2026-W46"], ["", "Veterans Day"])
    'Weeks with a closed day: 2026-W46 (Veterans Day).'
    """
    named = [f"{week} ({names})" for week, names in zip(weeks, closed, strict=True) if names]
    return f"Weeks with a closed day: {words.listed(named)}." if named else ""


def unit_axis(axes: Axes, unit: str) -> None:
    """Put ticks beside the axes at round values of a unit: whole minutes or hours, whole counts, percent.

    Args:
        axes: with its limits set.
        unit: seconds, share, score, count, per_ticket, rate or days.
    """
    low, high = axes.get_ylim()
    ticks = _times(low, high) if unit == "seconds" else _round_values(low, high, whole=unit == "count")
    if unit in ("share", "score"):
        ticks = ticks[(ticks >= 0) & (ticks <= 1)]
        digits = 0 if len(ticks) < 2 or ticks[1] - ticks[0] > 0.0099 else 1
        labels = [words.percent(tick, digits) for tick in ticks]
    elif unit == "days":
        labels = [words.significant(tick) for tick in ticks]
    else:
        labels = [words.value(tick, unit) if tick or unit != "seconds" else "0" for tick in ticks]
    axes.set_yticks(ticks, labels)


def write_below(figure: HouseFigure, sentences: Iterable[str]) -> None:
    """Write sentences below all charts of a figure, a line each.

    Args:
        figure: to write on.
        sentences: of one line each.
    """
    if text := "\n".join(sentences):
        figure.supxlabel(text, x=0.01, ha="left", fontsize=8.5, color=theme.MUTED)


def span_of(frame: pd.DataFrame) -> str:
    """The weeks of a frame in words.

    Args:
        frame: with a column week, in order.

    >>> span_of(pd.DataFrame({"week": ["2026-W44", "2026-W45", "2026-W46"]}))
    'weeks 44 to 46'
    """
    return words.week_span(frame["week"].iloc[0], frame["week"].iloc[-1])


def _times(low: float, high: float) -> npt.NDArray[np.float64]:
    """Round times in seconds within limits, five of them at most."""
    steps = (60 * minutes for minutes in _STEP_MINUTES)
    step = next((step for step in steps if (high - low) / step <= 5), (high - low) / 4)
    return np.arange(-(-low // step) * step, high, step)


def _round_values(low: float, high: float, *, whole: bool) -> npt.NDArray[np.float64]:
    """Round values within limits."""
    values = np.asarray(MaxNLocator(5, integer=whole, steps=[1, 2, 5, 10]).tick_values(low, high))
    return values[(values >= low) & (values <= high)]
