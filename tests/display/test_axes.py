"""Ticks drawn in one go, held against what matplotlib draws with an object for each tick."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from opslib.display import theme
from opslib.display.axes import HouseAxes, HouseFigure


def _pixels(figure: Figure, draw: Callable[[Axes], None]) -> np.ndarray:
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_position((0.2, 0.25, 0.7, 0.5))
    draw(axes)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba(), dtype=np.float64)[..., :3]


def _weeks(axes: Axes) -> None:
    axes.plot(range(13), np.linspace(0.2, 0.9, 13))
    axes.set_xticks([0, 3, 6, 9, 12], ["W34", "W37", "W40", "W43", "W46"])
    axes.set_yticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axes.set_xlim(-0.5, 14)
    axes.set_ylim(0.1, 1.0)
    axes.set_title("A share")


def _bars(axes: Axes) -> None:
    axes.barh(range(4), [3.0, -1.0, 2.0, 0.5])
    axes.set_yticks(range(4), ["billing", "log-in", "a much longer reason", "other"])
    axes.tick_params(axis="y", labelsize=9, labelcolor=theme.INK)
    axes.grid(False, axis="y")
    axes.grid(True, axis="x")
    axes.set_xlabel("tickets")
    axes.xaxis.set_label_coords(0.5, -0.25)


def _own_places(axes: Axes) -> None:
    axes.plot([1, 3, 2], [1000, 5000, 3000])


def _no_marks(axes: Axes) -> None:
    axes.imshow(np.arange(12).reshape(3, 4), aspect="auto")
    axes.grid(visible=False)
    axes.set_xticks(range(4), list("abcd"))
    axes.tick_params(axis="both", length=0)


def _on_top(axes: Axes) -> None:
    axes.imshow(np.arange(12).reshape(3, 4), aspect="auto")
    axes.grid(visible=False)
    axes.set_xticks(range(4), ["to here", "to there", "away", "back"])
    axes.xaxis.tick_top()


def _turned(axes: Axes) -> None:
    names = ["to here", "to there", "away", "back"]
    axes.imshow(np.arange(12).reshape(3, 4), aspect="auto")
    axes.grid(visible=False)
    if isinstance(axes, HouseAxes):
        axes.set_xticks(range(4), names)
        axes.tick_params(axis="x", rotation=35)
    else:
        axes.set_xticks(range(4), names, rotation=35, ha="left")
    axes.xaxis.tick_top()


@pytest.mark.parametrize("draw", [_weeks, _bars, _own_places, _no_marks, _on_top, _turned])
def test_ticks_look_as_matplotlib_draws_them(draw: Callable[[Axes], None]):
    with theme.style():
        ours = _pixels(HouseFigure(figsize=(4, 2.5)), draw)
        theirs = _pixels(Figure(figsize=(4, 2.5)), draw)
        without_labels = _pixels(Figure(figsize=(4, 2.5)), lambda axes: (draw(axes), axes.set_yticks([])))
    assert np.abs(ours - theirs).mean() < 0.01
    assert np.abs(without_labels - theirs).mean() > 0.05


def test_ticks_out_of_view_are_not_shown_and_those_at_the_edge_are():
    with theme.style():
        axes = theme.new_figure(4, 2).add_subplot()
        axes.set_yticks([0, 0.1, 0.2, 0.3], ["none", "a", "b", "c"])
        axes.set_ylim(0.1, 0.3)
        shown = axes.yaxis.shown()
    assert shown.texts == ["a", "b", "c"]
    assert shown.places == pytest.approx([0.1, 0.2, 0.3])


def test_what_is_said_of_single_labels_is_refused():
    with theme.style():
        axes = theme.new_figure(4, 2).add_subplot()
        with pytest.raises(TypeError, match=r"\['color'\]: use tick_params"):
            axes.set_xticks([0, 1], ["a", "b"], color="red")


def test_an_axis_that_is_hidden_draws_nothing():
    with theme.style():
        hidden = _pixels(HouseFigure(figsize=(4, 2.5)), lambda axes: axes.set(xticks=[], yticks=[]))
        figure = HouseFigure(figsize=(4, 2.5))
        seen = _pixels(figure, lambda axes: (axes.xaxis.set_visible(False), axes.yaxis.set_visible(False)))
    assert np.abs(hidden - seen).max() == 0
