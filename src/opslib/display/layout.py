"""Room for titles and labels around the axes of a figure, from what they say and not by drawing them.

Matplotlib's layout engines draw a figure once to measure it and once more to save it, and each time measure every label
several times. Here a text is measured once, and a figure is drawn once.

For the ten figures of a weekly review that saves 0.25 s of processor time a report over matplotlib's constrained or
tight layout (median of 9, each in a fresh process, on the axes of `axes`). On matplotlib's own axes, whose ticks its
engines measure one by one, it saves 0.5 to 0.7 s. A report of four or five figures saves 0.1 s.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.text import Annotation, Text
from matplotlib.textpath import text_to_path

from opslib.display.axes import HouseAxes, HouseAxis, HouseFigure

_POINTS = 72.0
_EDGE = 5.0  # points that stay free at the edges of a figure
_BETWEEN = 9.0  # points that stay free between the rooms of two axes
_GAP = 4.0  # points between tick labels and the label of their axis
_LINE = 1.2  # line height
_USUAL_WIDTH = 0.85  # share of a column that is axes, by which to tell labels that reach past their ends


class _Room(NamedTuple):
    """Points that titles and labels take around axes; `beside` and `along` are the tick labels' part of it."""

    left: float
    right: float
    above: float
    below: float
    beside: float
    along: float


class _Labels(NamedTuple):
    """The tick labels of an axis that say anything: the size of each, and where it stands (0 to 1 along the axis)."""

    sizes: list[tuple[float, float]]
    at: list[float]
    rotation: float
    padding: float
    on_top: bool

    def room_beside(self) -> float:
        """Points that they take beside the axes, with their distance from it."""
        return self.padding + max((width for width, _ in self.sizes), default=0.0)

    def room_along(self) -> float:
        """Points that they take below or above the axes, turned as they are, with their distance from it."""
        angle, tallest = math.radians(self.rotation), max((height for _, height in self.sizes), default=0.0)
        longest = max((width * math.sin(angle) for width, _ in self.sizes), default=0.0)
        return self.padding + longest + tallest * math.cos(angle)

    def reach(self, axes_width: float) -> tuple[float, float]:
        """Points by which the first labels reach past the left end of axes of this width, and the last past the right.

        A label stands on the middle of its tick, a turned one begins at it.
        """
        angle, tallest = math.radians(self.rotation), max((height for _, height in self.sizes), default=0.0)
        before = 0.0 if self.rotation else 0.5
        lengths = [width * math.cos(angle) + tallest * math.sin(angle) for width, _ in self.sizes]
        places = list(zip(lengths, self.at, strict=True))
        left = max((length * before - at * axes_width for length, at in places), default=0.0)
        right = max((length * (1 - before) - (1 - at) * axes_width for length, at in places), default=0.0)
        return left, right


def lay_out(figure: HouseFigure) -> None:
    """Place the axes of a figure so that titles, tick labels and axis labels have the room that they take.

    Args:
        figure: with axes in the cells of one grid, on which all is drawn already. Nothing is changed but positions.

    Notes:
        Axes of a row begin and end at the same height, axes of a column at the same width; what labels leave is shared
        out by the grid's ratios. Texts of the figure itself, such as `supxlabel`, stand below all axes.
    """
    cells = {axes: spec for axes in figure.charts if (spec := axes.get_subplotspec()) is not None}
    grid = next(iter(cells.values())).get_gridspec()
    width, height = (float(size) * _POINTS for size in figure.get_size_inches())
    rooms = {axes: _room(axes, _USUAL_WIDTH * width / grid.ncols) for axes in cells}
    left, right = np.zeros(grid.ncols), np.zeros(grid.ncols)
    above, below = np.zeros(grid.nrows), np.zeros(grid.nrows)
    for axes, room in rooms.items():
        row, column = cells[axes].rowspan.start, cells[axes].colspan.start
        left[column], right[column] = max(left[column], room.left), max(right[column], room.right)
        above[row], below[row] = max(above[row], room.above), max(below[row], room.below)
    foot = sum((text_size(text.get_text(), _points(text))[1] + _EDGE for text in figure.texts), 0.0)
    starts, widths = _spread(width, left, right, grid.get_width_ratios())
    tops, heights = _spread(height - foot, above, below, grid.get_height_ratios())
    for axes, room in rooms.items():
        row, column = cells[axes].rowspan.start, cells[axes].colspan.start
        wide, tall = widths[column], heights[row]
        axes.set_position((starts[column] / width, (height - tops[row] - tall) / height, wide / width, tall / height))
        _place_axis_labels(axes, room, wide, tall)


def text_size(text: str, points: float, *, bold: bool = False) -> tuple[float, float]:
    """Width and height of a text in points, in the font in which figures are measured.

    Args:
        text: one line or several.
        points: size of the font.
        bold: whether it is bold.

    >>> text_size("", 9.0)
    (0.0, 0.0)
    """
    lines, weight = text.split("\n") if text else [], "bold" if bold else "normal"
    return max((line_extent(line, points, weight)[0] for line in lines), default=0.0), _LINE * points * len(lines)


@lru_cache(maxsize=4096)
def line_extent(line: str, points: float, weight: str | int) -> tuple[float, float, float]:
    """Width, height and descent in points of a line of text in the font in which figures are measured.

    Args:
        line: without line breaks.
        points: size of the font.
        weight: as matplotlib takes it.
    """
    font = FontProperties(family="DejaVu Sans", size=points, weight=weight)
    width, height, descent = text_to_path.get_text_width_height_descent(line, font, False)
    return float(width), float(height), float(descent)


@lru_cache(maxsize=64)
def font_heights(points: float, weight: str | int) -> tuple[float, float, float]:
    """Ascent, descent and gap between two lines, in points, of the font in which figures are measured.

    Args:
        points: size of the font.
        weight: as matplotlib takes it.
    """
    font = get_font(findfont(FontProperties(family="DejaVu Sans", weight=weight)))
    heights, head = font.get_sfnt_table("OS/2"), font.get_sfnt_table("head")
    assert heights is not None
    assert head is not None
    scale = 1 / head["unitsPerEm"] * points
    return heights["sTypoAscender"] * scale, -heights["sTypoDescender"] * scale, heights["sTypoLineGap"] * scale


def _place_axis_labels(axes: HouseAxes, room: _Room, width: float, height: float) -> None:
    """Put the label of each axis beyond its tick labels: else an axis measures these once more for it."""
    axes.yaxis.set_label_coords(-(room.beside + _GAP) / width, 0.5)
    on_top = axes.xaxis.get_label_position() == "top"
    axes.xaxis.set_label_coords(0.5, 1 + (room.along + _GAP) / height if on_top else -(room.along + _GAP) / height)


def _spread(
    length: float, before: npt.NDArray[np.float64], after: npt.NDArray[np.float64], ratios: Any
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Where the axes of a grid's rows or columns begin, and how long they are."""
    parts = np.ones(len(before)) if ratios is None else np.asarray(ratios, dtype=np.float64)
    free = max(length - float((before + after).sum()) - 2 * _EDGE - _BETWEEN * (len(before) - 1), 1.0)
    lengths = free * parts / parts.sum()
    ends = _EDGE - _BETWEEN + np.cumsum(before + lengths + after + _BETWEEN)
    return ends - lengths - after, lengths


def _room(axes: HouseAxes, axes_width: float) -> _Room:
    """The room that the title and the labels of axes take, were they so wide."""
    beside, along = _labels(axes.yaxis), _labels(axes.xaxis)
    past_left, past_right = along.reach(axes_width)
    label_along = along.room_along() + _label_height(axes.xaxis)
    title = axes.get_title(loc="left")
    title_height = text_size(title, _points(axes.title), bold=True)[1] + mpl.rcParams["axes.titlepad"] if title else 0.0
    return _Room(
        left=max(beside.room_beside() + _label_height(axes.yaxis), past_left),
        right=max(past_right, _overhang(axes, axes_width), 0.0),
        above=title_height + (label_along if along.on_top else 0.0),
        below=0.0 if along.on_top else label_along,
        beside=beside.room_beside(),
        along=along.room_along(),
    )


def _overhang(axes: HouseAxes, axes_width: float) -> float:
    """Points by which notes on points reach past the right end of axes of this width."""
    first, last = axes.get_xlim()
    notes = [text for text in axes.texts if isinstance(text, Annotation)]
    ends = [
        ((note.xy[0] - first) / (last - first) - 1) * axes_width
        + note.xyann[0]
        + text_size(note.get_text(), _points(note), bold=note.get_fontweight() == "bold")[0]
        for note in notes
    ]
    return max(ends, default=0.0)


def _labels(axis: HouseAxis) -> _Labels:
    first, last = axis.get_view_interval()
    ticks = axis.ticks_in_view()
    labels = [(text, place) for text, place in zip(ticks.texts, ticks.places, strict=True) if text]
    return _Labels(
        sizes=[text_size(text, ticks.points) for text, _ in labels],
        at=[(place - first) / ((last - first) or 1.0) for _, place in labels],
        rotation=ticks.rotation,
        padding=ticks.padding,
        on_top=ticks.opposite,
    )


def _points(text: Text) -> float:
    return float(text.get_fontsize())


def _label_height(axis: HouseAxis) -> float:
    text = axis.get_label_text()
    return text_size(text, _points(axis.label))[1] + _GAP if text else 0.0
