from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from opslib.display.heat_map import heat_map
from tests.display.artists import figure_of

NUMBERS = pd.DataFrame([[4.0, 1.0], [np.nan, 0.0]], index=["a <b>", "c"], columns=["to x", "to y"])
TEXTS = pd.DataFrame([["4", "1"], ["", "0"]])


def test_each_cell_has_its_number_as_a_shade_and_its_text_in_the_middle():
    figure, drawing = figure_of(lambda: heat_map(NUMBERS, "Two by two.", texts=TEXTS, width=4, title="Shares"))
    (axes,) = figure.charts
    (mesh,) = axes.collections
    assert mesh.get_array().tolist() == [[4.0, 1.0], [None, 0.0]]
    assert {text.get_text(): text.get_position() for text in axes.texts} == {
        "4": (0.5, 0.5),
        "1": (1.5, 0.5),
        "0": (1.5, 1.5),
    }
    assert axes.xaxis.ticks_in_view().texts == ["to x", "to y"]
    assert sorted(axes.yaxis.ticks_in_view().texts) == ["a <b>", "c"]
    assert not axes.xaxis.ticks_in_view().opposite
    assert axes.get_title(loc="left") == "Shares"
    assert drawing.alt == "Two by two."


def test_named_columns_stand_turned_above_the_cells():
    figure, _ = figure_of(
        lambda: heat_map(NUMBERS.rename_axis(index="from", columns="to"), "Moves.", texts=TEXTS, width=4)
    )
    (axes,) = figure.charts
    ticks = axes.xaxis.ticks_in_view()
    assert ticks.opposite
    assert ticks.rotation > 0
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("to", "from")


def test_a_small_gamma_tells_small_numbers_apart():
    shades = []
    for gamma in (1.0, 0.5):
        figure, _ = figure_of(lambda gamma=gamma: heat_map(NUMBERS, "", texts=TEXTS, width=4, gamma=gamma))
        mesh = figure.charts[0].collections[0]
        shades.append(float(mesh.norm(1.0)))
    assert shades == pytest.approx([0.25, 0.5])


def test_nothing_but_zeros_is_drawn_in_the_lightest_shade():
    figure, _ = figure_of(lambda: heat_map(NUMBERS * 0, "", texts=TEXTS, width=4))
    assert float(figure.charts[0].collections[0].norm(0.0)) == 0.0


def test_a_text_for_each_cell_is_asked_for():
    with pytest.raises(ValueError, match="a text for each cell"):
        heat_map(NUMBERS, "", texts=TEXTS.head(1), width=4)
