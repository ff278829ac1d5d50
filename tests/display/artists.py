"""What a chart draws, to assert on: the figure behind a drawing, and the strokes and texts that reach a renderer."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.transforms import Bbox

from opslib.display import theme
from opslib.display.axes import HouseFigure
from opslib.display.theme import Drawing, Markup

Point = tuple[float, float]


def figure_of(chart: Callable[[], Drawing | Markup]) -> tuple[HouseFigure, Drawing]:
    """The figure that a chart draws, and what it hands out."""
    figures: list[HouseFigure] = []
    finish = theme.drawing

    def keep(figure: HouseFigure, alt: str) -> Drawing:
        figures.append(figure)
        return finish(figure, alt)

    with patch.object(theme, "drawing", keep):
        drawing = chart()
    (figure,) = figures
    assert isinstance(drawing, Drawing)
    return figure, drawing


def texts_of(figure: Figure) -> list[str]:
    """All texts on the charts of a figure but the labels of ticks."""
    return [
        text for axes in figure.axes for text in [axes.get_title(loc="left"), *(each.get_text() for each in axes.texts)]
    ]


def bars_of(axes: Axes) -> list[Bbox]:
    """The rectangles of all bars, in the order in which they were drawn."""
    return [path.get_extents() for collection in axes.collections for path in collection.get_paths()]


class Canvas(RendererSVG):
    """Draws SVG and keeps what was drawn: texts with their place, straight strokes, and marks; all in points."""

    def __init__(self, figure: Figure) -> None:
        figure.set_dpi(72)
        super().__init__(*(figure.get_size_inches() * 72), io.StringIO())
        self.texts: list[tuple[str, float, float, float, float]] = []
        self.strokes: list[tuple[float, float, float, float]] = []
        self.marks: list[tuple[float, ...]] = []

    def draw_text(
        self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float, *others: Any, **more: Any
    ) -> None:
        self.texts.append((s, x, y, angle, prop.get_size_in_points()))
        super().draw_text(gc, x, y, s, prop, angle, *others, **more)

    def draw_path(self, gc: Any, path: Path, transform: Any, rgbFace: Any = None) -> None:
        if rgbFace is None:
            points = path.transformed(transform).cleaned(remove_nans=True)
            start = np.zeros(2)
            for point, code in zip(points.vertices, points.codes, strict=True):
                if code == Path.LINETO:
                    self.strokes.append((*start.tolist(), *point.tolist()))
                start = point
        super().draw_path(gc, path, transform, rgbFace)

    def draw_markers(self, gc: Any, marker_path: Path, marker_trans: Any, path: Path, trans: Any, *more: Any) -> None:
        shape = marker_path.transformed(marker_trans).vertices.ravel().tolist()
        self.marks += [(*point, *shape) for point in path.transformed(trans).vertices.tolist()]
        super().draw_markers(gc, marker_path, marker_trans, path, trans, *more)


def canvas_of(figure: Figure) -> Canvas:
    """What reaches the renderer when a figure is drawn."""
    canvas = Canvas(figure)
    figure.draw(canvas)
    return canvas
