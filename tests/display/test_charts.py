"""Marks and scales of charts: each on axes of its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from opslib.display import charts, theme
from opslib.display.axes import HouseAxes
from tests.display.artists import bars_of


@pytest.fixture
def axes() -> Iterator[HouseAxes]:
    with theme.style():
        yield theme.new_figure(6, 3).add_subplot()


def test_bars_are_one_artist_with_the_edges_that_they_are_drawn_with(axes: HouseAxes):
    charts.draw_bars(axes, np.array([0.0, 1.0]), np.array([0.5, 1.5]), 0.0, np.array([3.0, -2.0]), theme.BLUE)
    assert len(axes.collections) == 1
    assert [bar.extents.tolist() for bar in bars_of(axes)] == [[0, 0, 0.5, 3], [1, -2, 1.5, 0]]


def test_weeks_without_limits_divide_the_usual_range(axes: HouseAxes):
    lower = np.array([1.0, 1.0, np.nan, 2.0])
    charts.draw_range(axes, np.arange(4), lower, lower + 3)
    spans = [patch.get_xy() for patch in axes.patches]
    assert [(span[:, 0].min(), span[:, 0].max()) for span in spans] == [(0, 1), (3, 3)]
    assert [(span[:, 1].min(), span[:, 1].max()) for span in spans] == [(1, 4), (2, 5)]


def test_signals_are_marked_where_there_are_any(axes: HouseAxes):
    charts.mark_signals(axes, np.array([]), np.array([]))
    assert len(axes.lines) == 0
    charts.mark_signals(axes, np.array([2]), np.array([0.7]))
    (diamonds,) = axes.lines
    assert diamonds.get_marker() == "D"
    assert (diamonds.get_xdata().tolist(), diamonds.get_ydata().tolist()) == ([2], [0.7])


@pytest.mark.parametrize(
    ("count", "labels"),
    [(1, ["Dec 29"]), (3, ["Jan 12"]), (4, ["Dec 29", "Jan 19"]), (8, ["Jan 5", "Jan 26", "Feb 16"])],
)
def test_every_third_week_is_named_and_the_last_one_always(axes: HouseAxes, count: int, labels: list[str]):
    axes.set_xlim(-0.5, 8)
    charts.weeks_below(axes, [f"2026-W{number:02d}" for number in range(1, count + 1)])
    ticks = axes.xaxis.ticks_in_view()
    assert ticks.texts == labels
    assert ticks.places[-1] == count - 1


@pytest.mark.parametrize(
    ("unit", "limits", "labels"),
    [
        ("seconds", (0, 9 * 3600), ["0", "2 h", "4 h", "6 h", "8 h"]),
        ("share", (-0.02, 1.05), ["0%", "50%", "100%"]),
        ("count", (0, 3), ["0", "1", "2", "3"]),
        ("per_ticket", (1, 2), ["1.00", "1.20", "1.40", "1.60", "1.80", "2.00"]),
    ],
)
def test_ticks_stand_at_round_values_of_the_unit(
    axes: HouseAxes, unit: str, limits: tuple[float, float], labels: list[str]
):
    axes.set_ylim(*limits)
    charts.unit_axis(axes, unit)
    assert axes.yaxis.ticks_in_view().texts == labels


def test_a_share_of_a_few_per_mille_has_an_axis_that_tells_its_ticks_apart(axes: HouseAxes):
    axes.set_ylim(0, 0.013)
    charts.unit_axis(axes, "share")
    labels = axes.yaxis.ticks_in_view().texts
    assert len(set(labels)) == len(labels) > 2
