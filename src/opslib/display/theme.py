"""The house style, and the objects that a notebook displays.

Figures are SVG on white: the pages turn them for the dark theme with a filter that keeps the hues, and JupyterLab
shows them on white in either theme. Colours are told apart by people who do not see all of them (Okabe and Ito's,
darkened until lines reach 3:1 and text 4.5:1 on white), and nothing is said by colour alone. Text stays text, in the
reader's own font.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG, RendererSVG
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text

from opslib.display.axes import HouseFigure
from opslib.display.colours import (
    AMBER,
    BAND,
    BLUE,
    CLOSED,
    GREEN,
    GRID,
    INK,
    LINE,
    MUTED,
    ORANGE,
    RED,
    SAND,
    SAND_TEXT,
    SKY,
    VIOLET,
)
from opslib.display.layout import font_heights, lay_out, line_extent
from opslib.display.markup import Markup, note
from opslib.display.words import drawable

__all__ = [
    "AMBER",
    "BAND",
    "BLUE",
    "CLOSED",
    "GREEN",
    "GRID",
    "INK",
    "LINE",
    "MUTED",
    "ORANGE",
    "RED",
    "SAND",
    "SAND_TEXT",
    "SKY",
    "VIOLET",
    "Drawing",
    "Markup",
    "drawing",
    "new_figure",
    "note",
    "style",
]

_FONTS = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', 'Liberation Sans', Arial, sans-serif"
)
_DPI = 72  # dots of an SVG are points
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))
_MEASURING_FONT = re.compile(r"'DejaVu Sans'(?:, [^;\"]*?sans-serif)?")

_STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": LINE,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": MUTED,
    "axes.labelsize": 9.6,
    "axes.linewidth": 1.0,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.titlepad": 8.0,
    "axes.titleweight": "bold",
    "axes.titley": 1.0,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "patch.edgecolor": "white",
    "patch.force_edgecolor": True,
    "patch.linewidth": 0.8,
    "svg.fonttype": "none",
    "svg.hashsalt": "opslib",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.bottom": True,
    "xtick.color": LINE,
    "xtick.labelcolor": MUTED,
    "xtick.labelsize": 8.5,
    "xtick.major.size": 3,
    "xtick.major.width": 1.0,
    "ytick.color": LINE,
    "ytick.labelcolor": MUTED,
    "ytick.labelsize": 8.5,
    "ytick.left": False,
}


class Drawing:
    """A figure as SVG with a description in words; displaying it is all that it does."""

    def __init__(self, svg: str, alt: str) -> None:
        self.svg = svg
        self.alt = drawable(alt)

    def as_html(self) -> str:
        """The figure as a picture within HTML, where it stands beside text."""
        content = base64.b64encode(self.svg[self.svg.index("<svg") :].encode()).decode()
        picture = f'<img class="figure" src="data:image/svg+xml;base64,{content}" alt="{escape(self.alt)}">'
        return f'<div class="figure-box panel">{picture}</div>'

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict[str, str], dict[str, Any]]:
        return {"image/svg+xml": self.svg, "text/plain": self.alt}, {"image/svg+xml": {"alt": self.alt}}

    def __repr__(self) -> str:
        return self.alt


class _Renderer(RendererSVG):  # type: ignore[misc]  # untyped in matplotlib
    """Draws SVG, and measures a text once for all figures: labels of weeks and of shares come again and again."""

    def get_text_width_height_descent(self, s: str, prop: FontProperties, ismath: Any) -> tuple[float, float, float]:
        """Width, height and descent of a line of text, in points."""
        if ismath:
            return super().get_text_width_height_descent(s, prop, ismath)  # type: ignore[no-any-return]
        return line_extent(s, prop.get_size_in_points(), prop.get_weight())

    def _get_font_height_metrics(self, prop: FontProperties) -> tuple[float, float, float]:
        """Ascent, descent and line gap of a font in points, which matplotlib looks up in its tables for each text."""
        return font_heights(prop.get_size_in_points(), prop.get_weight())


@contextmanager
def style() -> Iterator[None]:
    """Draw in the house style: a light grid on white, our colours, bytes that depend on the frame alone."""
    with mpl.rc_context(_STYLE):
        yield


def new_figure(width: float, height: float) -> HouseFigure:
    """A figure that no notebook shows by itself.

    Args:
        width: in inches.
        height: in inches.
    """
    figure = HouseFigure(figsize=(width, height))
    FigureCanvasSVG(figure)
    return figure


def drawing(figure: HouseFigure, alt: str) -> Drawing:
    """The figure as SVG whose bytes are the same for the same figure.

    Args:
        figure: of `new_figure`, with all that it shows.
        alt: what it shows, for those who do not see it.

    Notes:
        Text is measured in DejaVu Sans, which comes with matplotlib and is wider than what readers have, so it fits.
    """
    for text in figure.findobj(Text):
        text.set_text(drawable(text.get_text()))
    lay_out(figure)
    target, image_dpi = io.StringIO(), figure.dpi
    figure.dpi = _DPI
    wide, high = figure.get_size_inches() * _DPI
    renderer = _Renderer(wide, high, target, image_dpi=image_dpi, metadata=_NO_METADATA)
    figure.draw(renderer)
    renderer.finalize()
    svg = target.getvalue()
    return Drawing(_MEASURING_FONT.sub(_FONTS, svg[svg.index("<svg") :]), alt)
