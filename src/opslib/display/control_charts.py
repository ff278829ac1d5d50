"""Control charts: weekly values with their intervals, limits, goal and signals, for one metric or several.

Every function here draws rows of the same columns: week, metric, label, unit (seconds, share, score, count, per_ticket,
rate or days), better ("lower", "higher" or ""), value, low and high (its interval), n and cases (how many of what it
rests on), missing (why there is no value), state (`settled`, `so far` or `bounds`), settles_on (the date on which it
will be known), still_low and still_high (between which its final value will lie); centre, lower and upper (its limits),
verdict, direction, since, together and why (as `words.signal` takes them), left_out (weeks on which the limits do not
rest, in words) and level_shift (the week in which what they rest on changes its level, or null); goal and how the value
stands to it (as `verdicts` names it); closed (the holidays that close the team on one of the week's days, "" for none).
There is a row per metric and week, the weeks in order. Numbers are in the metric's unit, NaN where there is none.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes

from opslib.display import theme, verdicts, words
from opslib.display.axes import HouseFigure
from opslib.display.cells import is_known, rows_of
from opslib.display.charts import (
    NOTHING,
    closed_in_words,
    draw_line,
    draw_range,
    label_last,
    mark_signals,
    unit_axis,
    weeks_below,
    write_below,
    write_beside,
)
from opslib.display.theme import Drawing, Markup, note

_ABOVE = 6.0  # points between the axes and the line that stands below a title
_APART = 0.2  # of the height of the axes, between the labels of the last value and of the goal
_numbers_of = attrgetter("value", "low", "high", "centre", "lower", "upper", "goal")
_COLOURS: dict[str, str] = {"missed": theme.RED, "by-chance": theme.RED, "at-risk": theme.AMBER, "met": theme.GREEN}
Weeks = list[Any]
"""The rows of a chart as `rows_of` makes them: in them a single cell is read sooner than in a frame."""
_OPEN = "Open circle: not settled yet"
_RANGE = "the dark bar through it is where the final value will lie"


def control_chart(frame: pd.DataFrame, *, title: str = "") -> Drawing | Markup:
    """Draw one control chart: values with their interval, limits, goal, and the weeks that are signals.

    Args:
        frame: rows of one metric, with the columns that this module's docstring lists.
        title: what stands above; the metric's label where empty.

    Returns:
        The figure, or one line where there is nothing to draw.
    """
    if frame.empty:
        return note(NOTHING)
    return _one_chart(list(rows_of(frame)), title)


def control_charts(frame: pd.DataFrame) -> Drawing | Markup:
    """Draw control charts of several metrics, two in a row, on the same weeks.

    Args:
        frame: rows of several metrics, with the columns that this module's docstring lists.

    Returns:
        The figure, or one line where there is nothing to draw. A metric without any value is named below.
    """
    if frame.empty:
        return note(NOTHING)
    rows = list(rows_of(frame))
    panels = list(_grouped(rows, "metric").values())
    charts = [weeks for weeks in panels if _has_values(weeks)]
    absences = [_absence(weeks[0].label, weeks) for weeks in panels if not _has_values(weeks)]
    if not charts:
        return note("; ".join(absences) + ".")
    if len(charts) == 1 and not absences:
        return _one_chart(charts[0])
    lines = -(-len(charts) // 2)
    below = [*_key(rows), *absences]
    with theme.style():
        figure = theme.new_figure(9.6, 2.55 * lines + 0.22 * len(below))
        for place, weeks in enumerate(charts, start=1):
            _draw_control(figure.add_subplot(lines, 2, place), weeks, weeks[0].label)
        write_below(figure, below)
        return theme.drawing(figure, _sentences([_in_words(weeks) for weeks in charts], absences))


def small_multiples(frame: pd.DataFrame) -> Drawing | Markup:
    """Draw control charts of one metric for several teams, on the same weeks and the same scale.

    Args:
        frame: rows of one metric, with the columns that this module's docstring lists, and team_label.

    Returns:
        The figure, or one line where there is nothing to draw. A team without any value is named below.
    """
    rows = list(rows_of(frame))
    panels = _grouped(rows, "team_label")
    charts = {team: weeks for team, weeks in panels.items() if _has_values(weeks)}
    absences = [_absence(team, weeks) for team, weeks in panels.items() if not _has_values(weeks)]
    if not charts:
        return note("; ".join(absences) + "." if absences else NOTHING)
    lines = -(-len(charts) // 2)
    below = [*_key(rows), *absences]
    with theme.style():
        figure = theme.new_figure(9.6, 2.3 * lines + 0.22 * len(below))
        for place, (team, weeks) in enumerate(charts.items(), start=1):
            axes = figure.add_subplot(lines, min(2, len(charts)), place)
            _draw_control(axes, weeks, f"{team}: {weeks[0].label}")
        _share_scale(figure, rows[0].unit)
        write_below(figure, below)
        descriptions = [f"{team}. {_in_words(weeks)}" for team, weeks in charts.items()]
        return theme.drawing(figure, _sentences(descriptions, absences))


def describe(frame: pd.DataFrame) -> str:
    """A control chart in words: what it shows, the last value, the goal, the limits, and the signals.

    Args:
        frame: rows of one metric, with the columns that this module's docstring lists.
    """
    return _in_words(list(rows_of(frame)))


def _one_chart(weeks: Weeks, title: str = "") -> Drawing | Markup:
    """The chart of one metric as a figure of its own, or why there is none."""
    if not _has_values(weeks):
        return note(f"{_absence(weeks[0].label, weeks)}.")
    with theme.style():
        figure = theme.new_figure(7.6, 3.1)
        _draw_control(figure.add_subplot(), weeks, title or weeks[0].label)
        write_below(figure, _key(weeks))
        return theme.drawing(figure, _in_words(weeks))


def _in_words(weeks: Weeks) -> str:
    """A control chart in words."""
    last = weeks[-1]
    unit = last.unit
    sentences = [
        f"{last.label}, weekly, {words.week_span(weeks[0].week, last.week)}.",
        f"{words.week_number(last.week).capitalize()}: {_last_in_words(last)}.",
    ]
    if goal := verdicts.goal_in_words(last):
        sentences.append(goal)
    if usual := next((row for row in reversed(weeks) if is_known(row.upper)), None):
        sentences.append(
            f"Usual: {words.value(usual.lower, unit)} to {words.value(usual.upper, unit)}, around "
            f"{words.value(usual.centre, unit)}."
        )
    sentences += [f"{note[0].upper()}{note[1:]}." for note in words.limits(last)]
    of_signals = [row for row in weeks if words.is_signal(row.verdict)]
    if signals := [f"{words.week_number(row.week)} ({words.signal(row)})" for row in of_signals]:
        sentences.append(f"Signals: {'; '.join(signals)}.")
    if not words.is_signal(last.verdict) and last.verdict:
        sentences.append(f"{words.week_number(last.week).capitalize()}: {words.signal(last)}.")
    sentences.append(closed_in_words([row.week for row in weeks], [row.closed for row in weeks]))
    return " ".join(filter(None, sentences))


def _last_in_words(last: Any) -> str:
    """The last value with its interval; where it is not settled, also where it will lie and when that is known."""
    unit, ends = last.unit, (last.low, last.high)
    if last.state not in ("so far", "bounds") and not isinstance(last.settles_on, str):
        return words.estimate(last.value, *ends, unit)
    now = words.standing(last.value, *ends, unit, state=last.state, settles_on=last.settles_on)
    if last.state != "so far":
        return now
    parts = [f"{now} ({words.interval(*ends, unit)})" if is_known(last.low) else now]
    if is_known(last.still_low):
        parts.append(f"the final value will lie within {words.interval(last.still_low, last.still_high, unit)}")
    if isinstance(last.settles_on, str):
        parts.append(f"known {words.day(last.settles_on)}")
    return "; ".join(parts)


def _draw_control(axes: Axes, weeks: Weeks, title: str) -> None:
    """Draw the chart of one metric with its title and scales."""
    last, place = weeks[-1], np.arange(len(weeks))
    value, low, high, centre, lower, upper, goal = np.array([_numbers_of(row) for row in weeks], dtype=np.float64).T
    if not np.isnan(upper).all():
        draw_range(axes, place, lower, upper)
        draw_line(axes, place, centre, color=theme.LINE, linewidth=1.0)
    interval = ~np.isnan(low) & ~np.isnan(high)
    _draw_intervals(axes, place[interval], low[interval], high[interval])
    draw_line(axes, place, value, color=theme.BLUE, marker="o", markersize=3.6, linewidth=1.5)
    still = _draw_unsettled(axes, place, weeks)
    verdicts = np.array([row.verdict for row in weeks])
    is_new, is_old = ((verdicts == verdict) & ~np.isnan(value) for verdict in ("new", "outside"))
    mark_signals(axes, place[is_old], value[is_old])
    mark_signals(axes, place[is_new], value[is_new], colour=theme.VIOLET)
    beyond = np.isnan(value) & ~np.isnan(low)
    if beyond.any():
        draw_line(axes, place[beyond], low[beyond], linestyle="none", marker="^", markersize=5, color=theme.SKY)
    if not np.isnan(goal).all():
        draw_line(axes, place, goal, color=theme.INK, linewidth=1.0, linestyle=(0, (4, 2)))
    heights = np.concatenate([value, lower, upper, goal, low[interval], high[interval], low[beyond], still])
    _set_scale(axes, heights[~np.isnan(heights)], last.unit)
    if is_known(last.value):
        so_far = "\nso far" if last.state == "so far" else ""
        text = words.value(last.value, last.unit) + so_far
        label_last(axes, place[-1], last.value, text, colour=colour_of(last))
    else:
        _label_unknown(axes, place, np.where(beyond, low, value), last)
    if not np.isnan(goal).all():
        shown = np.where(beyond, low, value)
        text = f"goal {words.goal(last.goal, last.better, last.unit)}"
        _label_goal(axes, place[-1], goal[-1], text, beside=shown[~np.isnan(shown)])
    _set_title(axes, title, last)
    axes.set_xlim(-0.5, len(weeks) - 0.5 + 0.13 * len(weeks))
    weeks_below(axes, [row.week for row in weeks], [row.closed for row in weeks])
    unit_axis(axes, last.unit)


def colour_of(last: Any) -> str:
    """The colour of what is said of a last week: that of its verdict on the goal, else of a signal, else none."""
    goal = verdicts.of_goal(last)
    if goal and goal.look in _COLOURS:
        return _COLOURS[goal.look]
    if goal is None and words.is_signal(last.verdict):
        return theme.VIOLET
    return theme.MUTED


def _draw_unsettled(axes: Axes, place: Any, weeks: Weeks) -> npt.NDArray[np.float64]:
    """Draw the weeks that are not settled as open circles, with the range of their final value; its ends."""
    is_open = np.array([_is_open(row) for row in weeks])
    if not is_open.any():
        return np.array([])
    ranges = [(row.value, row.still_low, row.still_high) for row in weeks if _is_open(row)]
    value, low, high = np.array(ranges, dtype=np.float64).T
    both = ~np.isnan(low) & ~np.isnan(high)
    _draw_intervals(axes, place[is_open][both], low[both], high[both], colour=theme.BLUE, alpha=1.0)
    look: dict[str, Any] = {"markersize": 5.5, "markerfacecolor": "white", "markeredgewidth": 1.5}
    draw_line(axes, place[is_open], value, linestyle="none", marker="o", markeredgecolor=theme.BLUE, **look)
    return np.concatenate([low[both], high[both]])


def _label_unknown(axes: Axes, place: Any, height: npt.NDArray[np.float64], last: Any) -> None:
    """Say in place of a last value that there is none yet what bounds it, or when it is known."""
    there = np.flatnonzero(~np.isnan(height))
    is_open = last.state == "bounds" or isinstance(last.settles_on, str)
    if not is_open or len(there) == 0:
        return
    text = words.standing(None, last.low, last.high, last.unit, state=last.state, settles_on=last.settles_on)
    text = text.replace(" ", "\n", 1) if text.startswith("known") else text.replace("at least ", "at least\n")
    write_beside(axes, place[-1], height[there[-1]], text, theme.MUTED)


def _draw_intervals(
    axes: Axes, place: Any, low: Any, high: Any, *, colour: str = theme.SKY, alpha: float = 0.75
) -> None:
    """Draw an upright line for the interval of each week, all of them as one artist."""
    if len(place) == 0:
        return
    across, along = np.repeat(place, 3), np.full(3 * len(place), np.nan)
    along[0::3], along[1::3] = low, high
    draw_line(axes, across, along, color=colour, linewidth=2.2, alpha=alpha, solid_capstyle="butt")


def _label_goal(axes: Axes, x: float, goal: float, text: str, *, beside: npt.NDArray[np.float64]) -> None:
    """Name the goal to the right of its line, far enough above or below the label of the last value."""
    bottom, top = axes.get_ylim()
    apart, height = _APART * (top - bottom), goal
    if len(beside) and abs(goal - beside[-1]) < apart:
        height = beside[-1] + (apart if goal >= beside[-1] else -apart)
    if height < bottom or height > top:
        height = beside[-1] + (apart if height < bottom else -apart)
    write_beside(axes, x, height, text, theme.MUTED, size=8)


def _set_title(axes: Axes, title: str, last: Any) -> None:
    """Write the title and, below it, the last week's verdicts where there is more to say."""
    goal = verdicts.of_goal(last)
    said = [goal.text] if goal else []
    if last.verdict not in ("", "within"):
        said.append(words.signal(last))
    if not said:
        axes.set_title(title)
        return
    axes.set_title(f"{title}\n")
    axes.annotate(
        "; ".join(said),
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, _ABOVE),
        textcoords="offset points",
        fontsize=8.5,
        color=colour_of(last),
        annotation_clip=False,
    )


def _set_scale(axes: Axes, heights: npt.NDArray[np.float64], unit: str) -> None:
    """Set a scale that these heights fill; intervals of tiny weeks may leave it."""
    bottom, top = float(heights.min()), float(heights.max())
    room = 0.12 * ((top - bottom) or abs(top) or 1.0)
    if unit in ("seconds", "per_ticket", "rate", "days") or (unit == "count" and bottom >= 0):
        bottom = max(bottom - room, 0.0)
    elif unit in ("share", "score"):
        bottom, top = max(bottom - room, -0.02), min(top, 1.0)
    else:
        bottom -= room
    axes.set_ylim(bottom, top + room)


def _share_scale(figure: HouseFigure, unit: str) -> None:
    """Give all charts of a figure the scale that holds every one of them."""
    bottoms, tops = zip(*(axes.get_ylim() for axes in figure.charts), strict=True)
    for axes in figure.charts:
        axes.set_ylim(min(bottoms), max(tops))
        unit_axis(axes, unit)


def _key(rows: Weeks) -> list[str]:
    """What an open circle is, and the bar through it, where there are any."""
    unsettled = [row for row in rows if _is_open(row)]
    has_range = any(is_known(row.still_low) and is_known(row.still_high) for row in unsettled)
    return [f"{'; '.join([_OPEN, _RANGE] if has_range else [_OPEN])}."] if unsettled else []


def _sentences(descriptions: Iterable[str], absences: Iterable[str]) -> str:
    return " ".join([*descriptions, *(f"{absence}." for absence in absences)])


def _grouped(rows: Weeks, column: str) -> dict[str, Weeks]:
    """The rows by what a column says, in the order in which it first says so."""
    groups: dict[str, Weeks] = {}
    for row in rows:
        groups.setdefault(getattr(row, column), []).append(row)
    return groups


def _is_open(row: Any) -> bool:
    """Whether a week has a value that is not settled."""
    return row.state == "so far" and is_known(row.value)


def _has_values(weeks: Weeks) -> bool:
    return any(is_known(row.value) for row in weeks)


def _absence(name: str, weeks: Weeks) -> str:
    """Why a metric or team has no chart."""
    reasons = (row.missing for row in weeks if isinstance(row.missing, str))
    return f"{name}: {next(reasons, 'no values in these weeks')}"
