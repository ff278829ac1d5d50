"""Room around axes, held against what matplotlib measures when it draws."""

from __future__ import annotations

import io
import itertools
from unittest.mock import patch

import numpy as np
import pytest
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from opslib.display import theme
from opslib.display.axes import HouseFigure
from opslib.display.layout import lay_out, text_size


def boxes_of(figure: HouseFigure) -> list[Bbox]:
    """The room that each axes takes with all that is drawn for it, in points."""
    lay_out(figure)
    renderer = renderer_of(figure)
    boxes = {axes: [axes.get_tightbbox(renderer)] for axes in figure.axes}
    draw = Text.draw

    def measure(text: Text, on: RendererSVG) -> None:
        draw(text, on)
        if text.axes is not None and text.get_text():
            boxes[text.axes].append(text.get_window_extent(on))

    with patch.object(Text, "draw", measure):
        figure.draw(renderer)
    assert all(len(extents) > 2 for extents in boxes.values())
    return [Bbox.union(extents) for extents in boxes.values()]


def renderer_of(figure: Figure) -> RendererSVG:
    """What draws our figures; 72 dots per inch make its dots points."""
    figure.set_dpi(72)
    return RendererSVG(*(figure.get_size_inches() * 72), io.StringIO())


def with_labels(figure: HouseFigure, rows: int, columns: int, **ratios: list[float]) -> HouseFigure:
    for place, axes in enumerate(figure.subplots(rows, columns, squeeze=False, **ratios).flat):
        axes.barh(range(3), [1, 2, 3 + place])
        axes.set_yticks(range(3), ["short", "a much longer name", "middling one"])
        axes.set_title(f"Title of the chart {place}")
        axes.set_xlabel("below")
    return figure


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 2), (3, 1), (1, 3)])
def test_nothing_is_cut_off_and_no_two_charts_overlap(rows: int, columns: int):
    with theme.style():
        figure = with_labels(theme.new_figure(9.6, 2.4 * rows), rows, columns)
        boxes = boxes_of(figure)
    width, height = figure.get_size_inches() * 72
    for box in boxes:
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= width
        assert box.y1 <= height
    for one, other in itertools.combinations(boxes, 2):
        assert not one.overlaps(other)


def test_the_room_that_is_left_is_used():
    with theme.style():
        figure = with_labels(theme.new_figure(8.0, 3.0), 1, 1)
        (box,) = boxes_of(figure)
    assert box.width > 0.95 * 8.0 * 72
    assert box.height > 0.9 * 3.0 * 72


def test_charts_of_a_row_begin_and_end_at_the_same_height_and_share_the_width_by_their_ratios():
    with theme.style():
        figure = with_labels(theme.new_figure(9.6, 3.0), 1, 2, width_ratios=[2, 1])
        figure.axes[1].set_yticks([])
        boxes_of(figure)
    left, right = (axes.get_position() for axes in figure.axes)
    assert (left.y0, left.y1) == pytest.approx((right.y0, right.y1))
    assert left.width == pytest.approx(2 * right.width)


def test_turned_labels_on_top_and_axis_labels_have_room():
    with theme.style():
        figure = theme.new_figure(6.0, 3.0)
        axes = figure.add_subplot()
        axes.imshow(np.zeros((3, 4)), aspect="auto")
        axes.set_xticks(range(4), ["a long name of a queue"] * 4)
        axes.tick_params(axis="x", rotation=35)
        axes.xaxis.tick_top()
        axes.xaxis.set_label_position("top")
        axes.set_xlabel("to")
        axes.set_ylabel("from")
        (box,) = boxes_of(figure)
    assert box.y1 <= 3.0 * 72
    assert box.x1 <= 6.0 * 72
    assert box.x0 >= 0


def test_a_note_on_the_last_point_is_not_cut_off():
    with theme.style():
        figure = theme.new_figure(4.0, 2.0)
        axes = figure.add_subplot()
        axes.plot(range(5), range(5))
        axes.annotate("eleven hours and more", (4, 4), xytext=(8, 0), textcoords="offset points", annotation_clip=False)
        (box,) = boxes_of(figure)
    assert box.x1 <= 4.0 * 72


def test_texts_of_the_figure_stand_below_all_axes():
    with theme.style():
        figure = with_labels(theme.new_figure(8.0, 3.0), 1, 2)
        note = figure.supxlabel("not in this export\nnor this", x=0.01, ha="left")
        boxes = boxes_of(figure)
        below = note.get_window_extent(renderer_of(figure))
    assert below.y0 >= 0
    assert all(box.y0 >= below.y1 for box in boxes)


@pytest.mark.parametrize("bold", [False, True])
def test_a_text_is_as_wide_as_matplotlib_draws_it(bold: bool):
    with theme.style():
        figure = theme.new_figure(6.0, 1.0)
        text = figure.text(0, 0, "First reply, 90th percentile", fontsize=10.5, fontweight="bold" if bold else "normal")
        width = text.get_window_extent(renderer_of(figure)).width
    assert text_size(text.get_text(), 10.5, bold=bold)[0] == pytest.approx(width, abs=0.5)
