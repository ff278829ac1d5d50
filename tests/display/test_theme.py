"""What all figures have in common: the same bytes, text that stays text, a description, colours that can be read."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from opslib.display import theme
from opslib.display.control_charts import control_chart, control_charts
from tests.display.control_frames import control


def test_the_same_frame_gives_the_same_bytes():
    assert control_chart(control()).svg == control_chart(control()).svg


def test_a_figure_is_small_keeps_its_text_and_loads_nothing():
    svg = control_charts(pd.concat([control(metric=f"m{n}", label=f"Metric {n}") for n in range(6)])).svg
    assert len(svg) < 150_000
    assert "DejaVu" not in svg
    root = ElementTree.fromstring(svg)
    texts = ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "Metric 5" in texts
    assert not any("http" in value and "w3.org" not in value for node in root.iter() for value in node.attrib.values())


def test_a_figure_is_displayed_with_its_description():
    bundle, metadata = control_chart(control())._repr_mimebundle_()
    assert bundle["image/svg+xml"].startswith("<svg")
    assert metadata["image/svg+xml"]["alt"] == bundle["text/plain"] != ""


WRITTEN = [
    "Refund $5 or $10",
    "Fee: $3_$4",
    "$$ missing $$",
    "price {$5} vs {$6}",
    "100% $back^2$ \\frac{1}",
    "\\$5 off",
    "a_b^c & <d> 'e'",
    "猫 😀",
]


def test_every_word_on_a_chart_is_drawn_as_it_is_written():
    """Dollars are no formulas, on ticks, titles, notes and labels; what XML cannot hold is left out."""
    for label in WRITTEN:
        with theme.style():
            figure = theme.new_figure(8, 4)
            axes = figure.add_subplot()
            axes.set_xticks([0, 1], [f"{label} below", ""])
            axes.set_yticks([0, 1], [f"{label}\nbeside", "\x00nul\x1b[2J\ufffe"])
            axes.set_title(f"{label} above\nand more")
            axes.annotate(f"{label} noted", (0.5, 0.5))
            axes.text(0.2, 0.2, f"{label} on it\x07")
            axes.set_xlabel(f"{label} as axis")
            figure.supxlabel(f"{label} at the foot")
            picture = theme.drawing(figure, f"{label}\x0b\ud800")
        root = ElementTree.fromstring(picture.svg)
        texts = {"".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")}
        places = ("below", "beside", "above", "noted", "on it", "as axis", "at the foot")
        assert {f"{label} {place}" for place in places} | {"and more", "nul[2J"} <= texts
        assert picture.alt == label


@pytest.mark.parametrize("colour", [theme.INK, theme.MUTED, theme.BLUE, theme.ORANGE, theme.GREEN, theme.SAND_TEXT])
def test_colours_of_text_are_readable_on_white(colour: str):
    """WCAG 2.2, 1.4.3: a contrast of at least 4.5 to 1."""
    channels = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    assert 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05) >= 4.5
