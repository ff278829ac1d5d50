"""Heat maps: a number for each pair of a row and a column, as a shade with the number written on it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm

from opslib.display import theme
from opslib.display.theme import Drawing

_ROW_INCHES = 0.27


def heat_map(
    numbers: pd.DataFrame,
    alt: str,
    *,
    texts: pd.DataFrame,
    width: float,
    title: str = "",
    gamma: float = 1.0,
) -> Drawing:
    """Draw a number for each row and column as a shade of one colour, with a text on it.

    Args:
        numbers: not negative, NaN for a cell that stays white; the index names the rows, the columns name themselves.
            Names of the index and of the columns are written beside them where they have one; a name of the columns
            puts their labels above the cells, turned, else they stand below.
        alt: what the figure shows, for those who do not see it.
        texts: what is written on each cell, of the same shape; "" for nothing.
        width: of the figure in inches; its height follows from the rows.
        title: what stands above.
        gamma: shades rise with this power of the number; below 1 it tells small numbers apart beside a large one.

    Returns:
        The figure.

    Raises:
        ValueError: `texts` is not of the shape of `numbers`.
    """
    if texts.shape != numbers.shape:
        raise ValueError(f"texts are {texts.shape}, numbers {numbers.shape}: a heat map takes a text for each cell")
    has_heads_above = numbers.columns.name is not None
    with theme.style():
        figure = theme.new_figure(width, _ROW_INCHES * len(numbers) + (1.5 if has_heads_above else 0.9))
        axes = figure.add_subplot()
        sns.heatmap(
            numbers,
            ax=axes,
            annot=texts,
            fmt="",
            annot_kws={"fontsize": 8.5, "color": theme.INK},
            cmap=sns.light_palette(theme.SKY, as_cmap=True),
            norm=PowerNorm(gamma, vmin=0, vmax=max(float(np.nanmax(numbers.to_numpy(dtype=np.float64))), 1e-12)),
            cbar=False,
            linewidths=0.6,
            xticklabels=False,
            yticklabels=False,
        )
        axes.grid(visible=False)
        axes.set_title(title)
        _name_cells(axes, numbers)
        if has_heads_above:
            _turn_heads(axes)
        return theme.drawing(figure, alt)


def _name_cells(axes: Axes, numbers: pd.DataFrame) -> None:
    """Write the names of rows and columns in the middle of their cells."""
    axes.set_xticks(np.arange(numbers.shape[1]) + 0.5, [str(name) for name in numbers.columns])
    axes.set_yticks(np.arange(numbers.shape[0]) + 0.5, [str(name) for name in numbers.index])
    axes.tick_params(axis="both", labelsize=8.5, labelcolor=theme.INK, length=0)
    axes.set(xlabel=numbers.columns.name or "", ylabel=numbers.index.name or "")


def _turn_heads(axes: Axes) -> None:
    """Put the names of the columns above the cells, turned, for names that are long."""
    axes.tick_params(axis="x", rotation=35)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
