"""Which metrics of a team's week left their past level: weekly values judged page by page at `signals.rate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.analysis.methods import level_signals as levels
from opslib.analysis.methods.columns import Floats
from opslib.analysis.methods.level_signals import FEWEST_WEEKS, Judgement, Panel
from opslib.analysis.weekly_review.completeness import ALL_METRICS, OF_BACKLOG
from opslib.analysis.weekly_review.weekly_values import SETTLED
from opslib.metrics import Metric

COLUMNS = (
    *("week", "team", "metric", "centre", "lower", "upper", "p", "verdict", "since", "direction", "why", "together"),
    *("baseline_from", "baseline_to", "baseline_weeks", "left_out", "level_shift"),
)
"""The columns of weekly signals, a row per week, team and metric that the export has.

centre, lower and upper, the usual level and range in the metric's unit; p, of the week alone and with the one before;
verdict (one of `VERDICTS`); since, the week from which it is outside or back; direction (up, down or ""); why it was
not judged; together, whether only the mean of two weeks is outside; baseline_from, baseline_to and baseline_weeks, what
the limits rest on; left_out, weeks screened from it; level_shift, the week where the baseline itself changes level.
"""
NEW, OUTSIDE, BACK, WITHIN, NOT_JUDGED = "new", "outside", "back", "within", "not judged"
VERDICTS = (NEW, OUTSIDE, BACK, WITHIN, NOT_JUDGED)

_LEAST_SECONDS = 30.0
_TRUNCATED_WEEKS = 2
_TIMES, _SLA, _FLOW, _OTHERS = range(4)

Texts = npt.NDArray[np.object_]


def weekly_signals(
    values: pd.DataFrame,
    catalogue: Mapping[str, Metric],
    *,
    teams: Sequence[str],
    rate: float,
    closed: Mapping[tuple[str, str], str] | None = None,
    baselines: Mapping[tuple[str, str], Sequence[str]] | None = None,
    incomplete: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Judge every week, team and metric.

    Args:
        values: weekly values for channel `all`, all weeks that there are without a gap: week, team, metric, value,
            numerator, denominator, spread, missing, state, extra_variance.
        catalogue: the metrics by name.
        teams: whose pages are judged; each is a family of tests of its own.
        rate: the chance, at most, of any new signal on a page on which nothing has moved.
        closed: by team and week the holiday that closes the team on one of its days.
        baselines: by team and metric the weeks from which a decision begins the baseline anew.
        incomplete: week, team, scope (`all`, or `backlog`: metrics that rest on tickets from before), reason.

    Returns:
        `COLUMNS`, sorted by week, team and metric. A metric that the export lacks has no row.

    Notes:
        Times are judged by their logarithm, counts, rates and ratios by their root, shares by their arcsine, means and
        the net flow as they are (`level_signals`). A metric with a twin is not judged beside it. Without `incomplete`
        the first two weeks are taken for incomplete.
    """
    if not set(values["metric"]) & set(catalogue):
        return pd.DataFrame(columns=list(COLUMNS))
    series = working_series(values, catalogue, teams=teams, closed=closed, baselines=baselines, incomplete=incomplete)
    return _rows(series, values, levels.judge(series.panel, rate=rate))


def working_series(
    values: pd.DataFrame,
    catalogue: Mapping[str, Metric],
    *,
    teams: Sequence[str],
    closed: Mapping[tuple[str, str], str] | None = None,
    baselines: Mapping[tuple[str, str], Sequence[str]] | None = None,
    incomplete: pd.DataFrame | None = None,
) -> Series:
    """Weekly values as what is judged: on their working scale, by team, metric and week.

    Args:
        values: weekly values for channel `all`, all weeks that there are without a gap: week, team, metric, value,
            numerator, denominator, spread, extra_variance.
        catalogue: the metrics by name, one of which there are values of at least.
        teams: whose values.
        closed: by team and week the holiday that closes the team on one of its days.
        baselines: by team and metric the weeks from which a decision begins the baseline anew.
        incomplete: week, team, scope and reason of what cannot be judged.
    """
    weeks, present = sorted(set(values["week"])), set(values["metric"])
    metrics = [metric for name, metric in catalogue.items() if name in present]
    axes = Axes(list(teams), [metric.name for metric in metrics], weeks)
    cells = {
        column: axes.grid(values, column)
        for column in ("value", "numerator", "denominator", "spread", "extra_variance")
    }
    y, variance = _working_scale(metrics, cells)
    labels = {metric.name: metric.label for metric in catalogue.values()}
    why = _reasons(axes, values, metrics, labels, closed or {}, incomplete)
    why[np.isfinite(y) & ~np.isfinite(variance) & (why == "")] = "nothing tells yet how much it varies"
    usable = np.isfinite(y) & (why == "")
    if incomplete is None:
        usable[:, :, :_TRUNCATED_WEEKS] = False
    panel = Panel(
        value=np.where(usable, y, np.nan),
        variance=np.where(np.isfinite(variance), variance, 1.0),
        extra=np.nan_to_num(cells["extra_variance"]),
        usable=usable,
        starts=_starts(axes, baselines or {}),
        family=np.array([_family_of(metric) for metric in metrics]),
        has_floor=np.array([_has_variance(metric) for metric in metrics]),
        is_time=np.array([metric.unit == "seconds" for metric in metrics]),
    )
    return Series(axes, metrics, panel, cells["denominator"], why)


class Series(NamedTuple):
    """What is judged, by team, metric and week.

    axes; metrics, in their order; panel, the values on their working scale; trials, what shares are shares of; why, the
    reason for which a value can neither be judged nor set limits, "" where it can.
    """

    axes: Axes
    metrics: list[Metric]
    panel: Panel
    trials: Floats
    why: Texts


class Axes:
    """Teams, metrics and weeks, and where each row of a frame stands among them."""

    def __init__(self, teams: list[str], metrics: list[str], weeks: list[str]) -> None:
        self.teams, self.metrics, self.weeks = teams, metrics, weeks
        self.shape = (len(teams), len(metrics), len(weeks))

    def places(self, rows: pd.DataFrame) -> tuple[npt.NDArray[np.intp], ...]:
        """Places along the axes of which the rows have a column; -1 for a name that is not among them."""
        names = {"team": self.teams, "metric": self.metrics, "week": self.weeks}
        return tuple(pd.Index(own).get_indexer(pd.Index(rows[name])) for name, own in names.items() if name in rows)

    def grid(self, rows: pd.DataFrame, column: str) -> Floats:
        """A column by team, metric and week; NaN where there is no row."""
        team, metric, week = self.places(rows)
        inside = (team >= 0) & (metric >= 0) & (week >= 0)
        result = np.full(self.shape, np.nan)
        result[team[inside], metric[inside], week[inside]] = rows[column].to_numpy(np.float64, na_value=np.nan)[inside]
        return result


def _has_variance(metric: Metric) -> bool:
    """Whether the sampling variance of its values can be told."""
    return metric.kind in ("share", "mean") or (metric.kind in ("count", "rate") and not _is_signed(metric))


def _is_signed(metric: Metric) -> bool:
    """Whether it is a difference, which may be below 0."""
    return metric.name == "net_flow"


def _is_rooted(metric: Metric) -> bool:
    return metric.kind in ("count", "rate", "ratio") and not _is_signed(metric)


def _family_of(metric: Metric) -> int:
    if metric.unit == "seconds":
        return _TIMES
    if metric.fact == "backlog":
        return _FLOW
    return {"sla": _SLA, "flow": _FLOW}.get(metric.family, _OTHERS)


def _rests_on_open_days(metric: Metric) -> bool:
    """Whether a week in which the team has a day less is no week like others."""
    return _family_of(metric) != _OTHERS or metric.exposure in ("agents", "users")


def _working_scale(metrics: Sequence[Metric], cells: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    """Values on their working scale and their sampling variances, 1 where these are not known."""
    value, above, below = cells["value"], cells["numerator"], cells["denominator"]
    y, variance = value.copy(), np.ones_like(value)
    for place, metric in enumerate(metrics):
        own = value[:, place]
        if metric.unit == "seconds":
            y[:, place] = np.log(np.maximum(own, _LEAST_SECONDS))
        elif metric.kind == "share":
            there = np.where(np.isfinite(own), below[:, place], np.nan)
            y[:, place] = levels.arcsine(above[:, place], there)
            variance[:, place] = 1 / (4 * np.where(there > 0, there, np.nan) + 2)
        elif metric.kind == "mean":
            variance[:, place] = _variance_of_mean(cells["spread"][:, place], below[:, place])
        elif _is_rooted(metric):
            y[:, place] = levels.root(np.maximum(own, 0.0))
            if metric.kind == "rate":
                variance[:, place] = metric.per / np.where(below[:, place] > 0, below[:, place], np.nan)
    return y, variance


def _variance_of_mean(spread: Floats, size: Floats) -> Floats:
    """Sampling variances; a week of one row, or of equal ones, takes the spread of the weeks up to it."""
    usable = (size > 1) & (spread > 0)
    freedom = np.where(usable, size - 1, 0.0)
    squares = np.cumsum(np.where(usable, freedom * spread**2, 0.0), axis=-1)
    so_far = np.cumsum(freedom, axis=-1)
    pooled = np.divide(squares, so_far, out=np.full_like(squares, np.nan), where=so_far > 0)
    return np.asarray(np.where(usable, spread**2, pooled) / np.where(size > 0, size, np.nan))


def _reasons(
    axes: Axes,
    values: pd.DataFrame,
    metrics: Sequence[Metric],
    labels: Mapping[str, str],
    closed: Mapping[tuple[str, str], str],
    incomplete: pd.DataFrame | None,
) -> Texts:
    """Why a value can neither be judged nor set limits, "" where it can."""
    why = np.full(axes.shape, "", dtype=object)
    with_days = np.array([_rests_on_open_days(metric) for metric in metrics])
    for (own, day_off), name in closed.items():
        if own in axes.teams and day_off in axes.weeks:
            why[axes.teams.index(own), with_days, axes.weeks.index(day_off)] = f"holiday week ({name})"
    if incomplete is not None and len(incomplete):
        concerned = {
            ALL_METRICS: np.ones(len(metrics), dtype=bool),
            OF_BACKLOG: np.array([metric.rests_on_backlog for metric in metrics]),
        }
        for scope in (OF_BACKLOG, ALL_METRICS):
            rows = incomplete[incomplete["scope"] == scope]
            at_team, at_week = axes.places(rows)
            for row in np.flatnonzero((at_team >= 0) & (at_week >= 0)).tolist():
                why[at_team[row], concerned[scope], at_week[row]] = rows["reason"].iloc[row]
    team, metric, week = axes.places(values)
    inside = (team >= 0) & (metric >= 0) & (week >= 0)
    lacks = values["value"].isna()
    for cells, reason in ((lacks, "no value"), (lacks & values["state"].ne(SETTLED), "not known yet")):
        here = inside & cells.to_numpy(bool)
        why[team[here], metric[here], week[here]] = reason
    for place, one in enumerate(metrics):
        if one.twin:
            why[:, place] = f"see {labels[one.twin]}"
    return why


def _starts(axes: Axes, baselines: Mapping[tuple[str, str], Sequence[str]]) -> npt.NDArray[np.int64]:
    """For each week the place of the first one that its baseline may reach back to."""
    starts = np.zeros(axes.shape, dtype=np.int64)
    for (team, metric), begins in baselines.items():
        if team in axes.teams and metric in axes.metrics:
            for week in sorted(begins):
                place = int(np.searchsorted(np.array(axes.weeks), week))
                starts[axes.teams.index(team), axes.metrics.index(metric), place:] = place
    return starts


def _rows(series: Series, values: pd.DataFrame, judgement: Judgement) -> pd.DataFrame:
    """The judgement as `COLUMNS`, in the metrics' units."""
    axes, metrics = series.axes, series.metrics
    verdict = np.select(
        [judgement.is_new, judgement.side != 0, judgement.is_back, judgement.judged],
        [NEW, OUTSIDE, BACK, WITHIN],
        default=NOT_JUDGED,
    ).astype(object)
    limits = {
        name: _in_units(metrics, getattr(judgement, name), series.trials) for name in ("centre", "lower", "upper")
    }
    columns: dict[str, Any] = {
        **limits,
        "p": judgement.p,
        "verdict": verdict,
        "since": _names(axes.weeks, judgement.since),
        "direction": np.select([judgement.side > 0, judgement.side < 0], ["up", "down"], default="").astype(object),
        "why": np.where(verdict == NOT_JUDGED, _why_not(series.why, judgement), ""),
        "together": judgement.together,
        "baseline_from": _names(axes.weeks, judgement.first),
        "baseline_to": _names(axes.weeks, judgement.last),
        "baseline_weeks": judgement.size,
        "left_out": _listed(axes.weeks, judgement.left_out),
        "level_shift": _names(axes.weeks, judgement.shift),
    }
    present = values[values["missing"].isna() & values["team"].isin(axes.teams) & values["metric"].isin(axes.metrics)]
    keys = present[["week", "team", "metric"]].sort_values(["week", "team", "metric"], ignore_index=True)
    place = axes.places(keys)
    frame = keys.assign(**{name: grid[place] for name, grid in columns.items()})
    texts = ("week", "team", "metric", "verdict", "since", "direction", "why", "baseline_from", "baseline_to")
    return frame.astype(dict.fromkeys((*texts, "left_out", "level_shift"), "str"))[list(COLUMNS)]


def _in_units(metrics: Sequence[Metric], scaled: Floats, trials: Floats) -> Floats:
    """Values of the working scale in the metrics' units."""
    result = scaled.copy()
    for place, metric in enumerate(metrics):
        own = scaled[:, place]
        if metric.unit == "seconds":
            result[:, place] = np.exp(own)
        elif metric.kind == "share":
            result[:, place] = levels.share_of_arcsine(own, trials[:, place])
        elif _is_rooted(metric):
            result[:, place] = levels.count_of_root(own)
        elif not _is_signed(metric):
            result[:, place] = np.clip(own, 0.0, 1.0 if metric.unit == "score" else np.inf)
    return result


def _why_not(why: Texts, judgement: Judgement) -> Texts:
    """Why each cell was not judged."""
    few = judgement.size < FEWEST_WEEKS
    text = why.copy()
    short = (text == "") & few
    text[short] = np.array([_too_few(size) for size in judgement.size[short]], dtype=object)
    pinned = (text == "") & np.isfinite(judgement.ceiling)
    hours = np.exp(judgement.ceiling[pinned]) / 3600
    text[pinned] = np.array([f"a rule holds it at {one:.3g} h" for one in hours], dtype=object)
    text[(text == "") & ~judgement.varies] = "the same in every week so far"
    return text


def _too_few(size: int) -> str:
    return f"no limits yet ({size} of the {FEWEST_WEEKS} weeks that they need)"


def _names(weeks: Sequence[str], places: npt.NDArray[np.int64]) -> Texts:
    """The weeks at these places; None at -1."""
    return np.array([*weeks, None], dtype=object)[places]


def _listed(weeks: Sequence[str], places: npt.NDArray[np.int64]) -> Texts:
    """The weeks of the last axis, parted by a comma."""
    names = np.array([*weeks, ""], dtype=object)[places]
    first, second = names[..., 0], names[..., 1]
    return np.asarray(np.where((first != "") & (second != ""), first + ", " + second, first + second))
