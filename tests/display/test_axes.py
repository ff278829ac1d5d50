"""Ticks drawn in one go, held against what matplotlib draws with an object for each tick."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from opslib.display import theme
from opslib.display.axes import HouseAxes, HouseFigure
from tests.display.artists import Canvas, canvas_of


def canvas_with(figure: Figure, draw: Callable[[Axes], object]) -> Canvas:
    axes = figure.add_subplot()
    axes.set_position((0.2, 0.25, 0.7, 0.5))
    draw(axes)
    return canvas_of(figure)


def weeks(axes: Axes) -> None:
    axes.plot(range(13), np.linspace(0.2, 0.9, 13))
    axes.set_xticks([0, 3, 6, 9, 12], ["W34", "W37", "W40", "W43", "W46"])
    axes.set_yticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0%", "25%", "50%", "75%", "100%"])
    axes.set_xlim(-0.5, 14)
    axes.set_ylim(0.1, 1.0)
    axes.set_title("A share")


def bars(axes: Axes) -> None:
    axes.barh(range(4), [3.0, -1.0, 2.0, 0.5])
    axes.set_yticks(range(4), ["billing", "log-in", "a much longer reason", "other"])
    axes.tick_params(axis="y", labelsize=9, labelcolor=theme.INK)
    axes.grid(False, axis="y")
    axes.grid(True, axis="x")
    axes.set_xlabel("tickets")
    axes.xaxis.set_label_coords(0.5, -0.25)


def own_places(axes: Axes) -> None:
    axes.plot([1, 3, 2], [1000, 5000, 3000])


def no_marks(axes: Axes) -> None:
    axes.grid(visible=False)
    axes.set_xticks(range(4), list("abcd"))
    axes.tick_params(axis="both", length=0)


def on_top(axes: Axes) -> None:
    axes.grid(visible=False)
    axes.set_xticks(range(4), ["to here", "to there", "away", "back"])
    axes.xaxis.tick_top()


def turned(axes: Axes) -> None:
    queues = ["to here", "to there", "away", "back"]
    axes.grid(visible=False)
    if isinstance(axes, HouseAxes):
        axes.set_xticks(range(4), queues)
        axes.tick_params(axis="x", rotation=35)
    else:
        axes.set_xticks(range(4), queues, rotation=35, ha="left")
    axes.xaxis.tick_top()


def rows(artists: Iterable[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """In one order, places to a tenth of a point, each row once: an object for each tick may draw a line twice."""
    return sorted({tuple(round(each, 1) + 0.0 if isinstance(each, float) else each for each in row) for row in artists})


@pytest.mark.parametrize("draw", [weeks, bars, own_places, no_marks, on_top, turned])
def test_labels_gridlines_and_marks_are_those_that_matplotlib_draws(draw: Callable[[Axes], None]):
    with theme.style():
        ours = canvas_with(HouseFigure(figsize=(4, 2.5)), draw)
        theirs = canvas_with(Figure(figsize=(4, 2.5)), draw)
    assert len(theirs.texts) >= 4
    assert rows(ours.texts) == rows(theirs.texts)
    assert rows(ours.strokes) == rows(theirs.strokes)
    assert rows(ours.marks) == rows(theirs.marks)


def test_ticks_out_of_view_are_left_out_and_those_at_the_edge_are_not():
    with theme.style():
        axes = theme.new_figure(4, 2).add_subplot()
        axes.set_yticks([0, 0.1, 0.2, 0.3], ["none", "a", "b", "c"])
        axes.set_ylim(0.1, 0.3)
        ticks = axes.yaxis.ticks_in_view()
    assert ticks.texts == ["a", "b", "c"]
    assert ticks.places == pytest.approx([0.1, 0.2, 0.3])


def test_settings_of_single_labels_are_refused():
    with theme.style():
        axes = theme.new_figure(4, 2).add_subplot()
        with pytest.raises(TypeError, match=r"\['color'\]: use tick_params"):
            axes.set_xticks([0, 1], ["a", "b"], color="red")


def test_an_axis_that_is_hidden_draws_nothing():
    with theme.style():
        canvas = canvas_with(
            HouseFigure(figsize=(4, 2.5)),
            lambda axes: (
                axes.xaxis.set_visible(False),
                axes.yaxis.set_visible(False),
                axes.spines[:].set_visible(False),
            ),
        )
    assert (canvas.texts, canvas.strokes, canvas.marks) == ([], [], [])
