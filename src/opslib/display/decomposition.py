"""What each group adds to a change of a metric, as bars."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator
from matplotlib.transforms import ScaledTranslation

from opslib import labels
from opslib.display import theme, words
from opslib.display.charts import draw_bars, write_below
from opslib.display.theme import Drawing, Markup, note

_ABOVE = 5.0  # points between the axes and the heads of their columns, which stand below the title
_PARTS = ["mix", "rate", "total"]


def decomposition_chart(frame: pd.DataFrame, *, largest: int = 6) -> Drawing | Markup:
    """Draw what each group adds to a difference: through its own rate, and through its share of the whole.

    Args:
        frame: metric, label, unit, by (what the groups are), group, mix, rate and total (in the unit; mix and rate NaN
            where the metric is a count), against (with what it is compared), the largest groups first, for one or more
            metrics and groupings; missing (why a metric cannot be split, in the only row that it then has, else null).
        largest: how many groups are drawn one by one; the others are summed.

    Returns:
        The figure, a chart for each metric and grouping, or one line where there is nothing to draw. What cannot be
        split is named below.
    """
    if frame.empty:
        return note(
            "No change to explain: no number that was judged is outside its usual range, and none misses its goal."
        )
    whole = frame[frame["missing"].notna()]
    absences = [f"{label} {reason}." for label, reason in zip(whole["label"], whole["missing"], strict=True)]
    panels = [rows for _, rows in frame[frame["missing"].isna()].groupby(["metric", "by"], sort=False)]
    if not panels:
        return note(" ".join(absences))
    heights = [min(len(rows), largest + 1) + 2.2 for rows in panels]
    with theme.style():
        figure = theme.new_figure(8.6, 0.3 * sum(heights) + 0.35 + 0.22 * len(absences))
        charts = np.atleast_1d(figure.subplots(len(panels), 1, height_ratios=heights))
        for axes, rows in zip(charts, panels, strict=True):
            _draw_groups(axes, rows, largest)
        write_below(figure, absences)
        return theme.drawing(figure, " ".join([*(_describe(rows) for rows in panels), *absences]))


def _draw_groups(axes: Axes, rows: pd.DataFrame, largest: int) -> None:
    """Draw the bars of one change, its total as the title and the totals of the groups at the right."""
    unit, label = str(rows["unit"].iloc[0]), str(rows["label"].iloc[0])
    names, parts = _largest_and_others(rows, largest)
    mix, rate, total = parts.T
    place = np.arange(len(names))[::-1]
    is_count = bool(np.isnan(mix).all())
    if is_count:
        draw_bars(axes, 0.0, total, place - 0.3, place + 0.3, theme.BLUE)
    else:
        draw_bars(axes, 0.0, rate, place + 0.01, place + 0.37, theme.BLUE)
        draw_bars(axes, 0.0, mix, place - 0.37, place - 0.01, theme.SAND)
    reach = float(np.nanmax(np.abs(parts))) or 1.0
    for y, number in zip(place, total, strict=True):
        axes.text(1.55 * reach, y, words.points(number, unit), va="center", ha="right", fontsize=8.5)
    axes.axvline(0, color=theme.LINE, linewidth=1)
    _set_scales(axes, names, reach, unit)
    against = words.week_span(*str(rows["against"].iloc[0]).split(" to "))
    axes.set_title(f"{label}: {words.points(float(rows['total'].sum()), unit)} against {against}\n")
    heads = [(1.0, "total", theme.INK)]
    heads += [] if is_count else [(0.91, "own rate", theme.BLUE), (0.80, "make-up", theme.SAND_TEXT)]
    above = axes.transAxes + ScaledTranslation(0, _ABOVE / 72, axes.figure.dpi_scale_trans)
    for x, text, colour in heads:
        axes.text(x, 1, text, transform=above, ha="right", color=colour, fontweight="bold", fontsize=8.5)


def _largest_and_others(rows: pd.DataFrame, largest: int) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Names of the largest groups and their mix, rate and total; what is left is summed as one more group."""
    by = str(rows["by"].iloc[0])
    names = [labels.label(by, group) for group in rows["group"].head(largest)]
    parts = rows[_PARTS].head(largest).to_numpy(dtype=np.float64)
    others = rows[_PARTS].iloc[largest:].to_numpy(dtype=np.float64)
    if len(others) == 0:
        return names, parts
    return [*names, f"{len(others)} others"], np.vstack([parts, others.sum(axis=0)])


def _set_scales(axes: Axes, names: list[str], reach: float, unit: str) -> None:
    """Name the groups beside the axes, and the differences below it as far as the bars reach."""
    axes.set_xlim(-1.15 * reach, 1.55 * reach)
    axes.set_ylim(-0.7, len(names) - 0.3)
    axes.set_yticks(np.arange(len(names))[::-1], names)
    axes.tick_params(axis="y", labelsize=9, labelcolor=theme.INK)
    axes.grid(False, axis="y")
    axes.grid(True, axis="x")
    ticks = np.asarray(MaxNLocator(4).tick_values(-reach, reach))
    axes.xaxis.set_major_locator(FixedLocator(list(ticks[np.abs(ticks) <= 1.1 * reach])))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda number, _: words.points(number, unit) if number else "0"))


def _describe(rows: pd.DataFrame) -> str:
    """The chart of one change in words."""
    first = rows.iloc[0]
    unit, by = str(first["unit"]), str(first["by"]).replace("_", " ")
    return (
        f"{first['label']} changed by {words.points(float(rows['total'].sum()), unit)}; bars by {by}, largest "
        f"{labels.label(str(first['by']), first['group'])} with {words.points(first['total'], unit)}."
    )
