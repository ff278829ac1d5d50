"""Whether a team's week met its goals, and how surely: one verdict per metric with a goal, beside that on signals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.analysis.weekly_review.completeness import ALL_METRICS, OF_BACKLOG
from opslib.analysis.weekly_review.weekly_values import BOUNDS, SETTLED, SO_FAR
from opslib.metrics import ALL, Metric

COLUMNS = (
    *("week", "team", "metric", "goal", "goal_verdict", "is_missed", "gap", "short", "missed_weeks", "goal_weeks"),
    *("missed_run", "too_easy", "is_open", "goal_why"),
)
"""The columns of goal verdicts, a row per week, team and metric with a goal in force on the week's Monday.

goal, in the metric's unit; goal_verdict (one of `VERDICTS`); is_missed, whether the value lies on the wrong side of the
goal, however surely; gap, how far, in the metric's unit: above 0 where it is missed, below where there is room; short,
how many more of the n would have had to meet it, or fewer (shares and scores that missed; null for all others);
missed_weeks, in how many of the last 13 weeks it was missed, of the goal_weeks in which that could be told; missed_run,
how many such weeks in a row it is missed by now; too_easy, whether it asks for far less than the team does; is_open,
whether the final value may still lie on the other side; goal_why, why nothing can be told ("" where it can).
"""
JUDGED = COLUMNS[3:]
"""Those that stand beside a week's signals."""
MET, AT_RISK, MISSED, BY_CHANCE = "met", "at risk", "missed", "missed, could be chance"
TOO_FEW, NO_VALUE = "too few to say", "no value"
VERDICTS = (MISSED, BY_CHANCE, TOO_FEW, AT_RISK, MET, NO_VALUE)
FEWEST = 30
"""Of fewer tickets, answers or reviews no estimate is surely on either side of a goal."""
WEEKS = 13
"""How many weeks back misses are counted."""

_KINDS: dict[str, str] = {
    **dict.fromkeys(("goal", "gap", "short", "missed_weeks", "goal_weeks", "missed_run"), "float64"),
    **dict.fromkeys(("is_missed", "too_easy", "is_open"), "bool"),
    **dict.fromkeys(("goal_verdict", "goal_why"), "str"),
}
_EXACT = ("count", "ratio")
_OF_A_WHOLE = ("share", "score")
_AS_SHOWN = 0.0005
"""Half of the last digit in which shares are written: 586 of 637 is 92.0%, and needs no 587th."""
_EASY_SHARE = 0.5

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def goal_verdicts(
    values: pd.DataFrame, catalogue: Mapping[str, Metric], *, incomplete: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Hold every week, team and metric against its goal.

    Args:
        values: weekly values for channel `all`, all weeks up to the last: week, team, metric, value, low, high,
            n, missing, state, still_low, still_high, in the metric's unit, and goal, the target in force on
            the week's Monday (NaN where there is none).
        catalogue: the metrics by name.
        incomplete: week, team, scope (`all`, or `backlog`: metrics that rest on tickets from before) and reason of
            weeks that the export holds only in part: no goal is judged there.

    Returns:
        `COLUMNS`, sorted by week, team and metric; what a week says rests on no later one.

    Notes:
        A value that is known so far counts as it stands, but is never surely met or missed while its final value may
        lie on the other side. Where only bounds are known, a goal is missed where even the better bound misses it, and
        met where even the worse one meets it; else there is no value. An estimate of fewer than `FEWEST` is too few to
        say; counts and ratios are no estimates. Could be chance, or at risk: the 95 % interval reaches the goal. A goal
        is too easy where it was met in each of the last 13 weeks, by more than chance, with half of what it allows (of
        the time, or of the share that may fail) left over.
    """
    own = values[values["goal"].notna() & values["metric"].isin(list(catalogue)) & values["missing"].isna()]
    own = own.sort_values(["week", "team", "metric"], ignore_index=True)
    metrics = [catalogue[name] for name in own["metric"]]
    sign = np.array([1.0 if metric.better == "lower" else -1.0 for metric in metrics])
    value, low, high, goal, still_low, still_high = (
        own[name].to_numpy(np.float64, na_value=np.nan)
        for name in ("value", "low", "high", "goal", "still_low", "still_high")
    )
    n = own["n"].to_numpy(np.float64, na_value=np.nan)
    why = _reasons(own, metrics, incomplete)
    is_bound = (own["state"] == BOUNDS).to_numpy(bool)
    is_so_far = (own["state"] == SO_FAR).to_numpy(bool)

    best, worst = _ends(sign, low, high, goal)
    still_best, still_worst = _ends(sign, still_low, still_high, goal)
    gap = np.where(is_bound, np.where(best > 0, best, np.where(worst <= 0, worst, np.nan)), sign * (value - goal))
    gap[why != ""] = np.nan
    can_tell = ~np.isnan(gap)
    is_missed = can_tell & (gap > 0)
    is_open = is_so_far & can_tell & np.where(is_missed, still_best <= 0, still_worst > 0)
    is_open |= is_bound & ~can_tell & (why == "")
    by_chance = np.where(is_missed, best <= 0, worst > 0) & ~is_bound | is_open
    is_estimate = np.array([metric.kind not in _EXACT for metric in metrics], dtype=bool)
    few = is_estimate & ~(n >= FEWEST)
    verdict = np.select(
        [~can_tell, few, is_missed & by_chance, is_missed, by_chance],
        [NO_VALUE, TOO_FEW, BY_CHANCE, MISSED, AT_RISK],
        default=MET,
    )
    is_settled = (own["state"] == SETTLED).to_numpy(bool)
    why[~can_tell & (why == "")] = np.where(is_settled, "no value", "not known yet")[~can_tell & (why == "")]
    past = _Past(own, is_missed, can_tell, _is_easy(metrics, value, goal) & (verdict == MET))
    frame = own[["week", "team", "metric", "goal"]].assign(
        goal_verdict=verdict,
        is_missed=is_missed,
        gap=gap,
        short=_short(metrics, own, goal, sign, is_missed & ~is_bound),
        missed_weeks=past.missed_weeks,
        goal_weeks=past.goal_weeks,
        missed_run=past.missed_run,
        too_easy=past.too_easy,
        is_open=is_open,
        goal_why=why,
    )
    return frame.astype(dict.fromkeys(("week", "team", "metric", "goal_verdict", "goal_why"), "str"))[list(COLUMNS)]


def beside(rows: pd.DataFrame, goals: pd.DataFrame | None = None) -> pd.DataFrame:
    """Put goal verdicts beside rows of weeks, teams and metrics.

    Args:
        rows: week, team, metric, and whatever else.
        goals: `COLUMNS`; None: no metric has a goal.

    Returns:
        The rows in their order with `JUDGED`, as `with_kinds` has them.
    """
    if goals is None:
        return with_kinds(rows.assign(**dict.fromkeys(JUDGED)))
    return with_kinds(rows.merge(goals, on=["week", "team", "metric"], how="left"))


def with_kinds(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the goal verdicts their types where some rows have none.

    Args:
        frame: `JUDGED`, and whatever else.

    Returns:
        The frame; without a goal, goal_verdict and goal_why are "", what is yes or no is no, and numbers are missing.
    """
    columns = {}
    for name, kind in _KINDS.items():
        column = frame[name].astype("object")
        columns[name] = column.where(column.notna(), {"str": "", "bool": False}.get(kind, np.nan))
    return frame.assign(**columns).astype(_KINDS)


def shortfall(values: pd.DataFrame, goals: pd.DataFrame) -> pd.DataFrame:
    """What each channel adds to a goal that was missed, in the goal's own unit.

    Args:
        values: weekly values of one team and week by channel, with `all`: channel, metric, value, n.
        goals: of the goals that were missed: metric, label, unit, better, cases, goal, in their order.

    Returns:
        metric, label, unit, better, cases, goal, channel, value, n, gap (how far the channel's value is from the goal,
        above 0 where it misses it) and over (cases that fail beyond those that the goal allows, below 0 where there are
        fewer; of shares and scores, null for all others), one row per metric and channel, `all` first, then what adds
        most. The channels' over sum to that of `all`.
    """
    rows = goals.merge(values[["metric", "channel", "value", "n"]].dropna(subset=["value", "n"]), on="metric")
    sign = np.where(rows["better"] == "lower", 1.0, -1.0)
    gap = (rows["value"] - rows["goal"]) * sign
    over = (gap * rows["n"].astype("float64")).where(rows["unit"].isin(_OF_A_WHOLE))
    order = {name: place for place, name in enumerate(goals["metric"])}
    rows = rows.assign(gap=gap, over=over, _metric=rows["metric"].map(order), _part=rows["channel"] != ALL)
    rows = rows.sort_values(["_metric", "_part", "over", "gap"], ascending=[True, True, False, False], kind="stable")
    return rows.drop(columns=["_metric", "_part"]).reset_index(drop=True)


def _reasons(own: pd.DataFrame, metrics: list[Metric], incomplete: pd.DataFrame | None) -> npt.NDArray[np.object_]:
    """Why a value is not held against its goal although there is one, "" where it is."""
    why = np.full(len(own), "", dtype=object)
    if incomplete is None or incomplete.empty:
        return why
    rests_on_backlog = np.array([metric.rests_on_backlog for metric in metrics], dtype=bool)
    for scope in (OF_BACKLOG, ALL_METRICS):
        reasons = incomplete[incomplete["scope"] == scope].set_index(["week", "team"])["reason"]
        found = reasons.reindex(pd.MultiIndex.from_frame(own[["week", "team"]]))
        here = found.notna().to_numpy(bool) & (rests_on_backlog | (scope == ALL_METRICS))
        why[here] = found.to_numpy(object)[here]
    return why


def _ends(sign: Floats, low: Floats, high: Floats, goal: Floats) -> tuple[Floats, Floats]:
    """How far the better and the worse end of a range lie beyond the goal; a missing end is as far as can be."""
    least = np.where(np.isnan(low), -np.inf, low)
    most = np.where(np.isnan(high), np.inf, high)
    without = np.isnan(low) & np.isnan(high)
    best = np.where(sign > 0, least, most)
    worst = np.where(sign > 0, most, least)
    return (
        np.where(without, np.nan, sign * (best - goal)),
        np.where(without, np.nan, sign * (worst - goal)),
    )


def _short(metrics: list[Metric], own: pd.DataFrame, goal: Floats, sign: Floats, is_missed: Bools) -> pd.Series:
    """How many more, or fewer, would have made the share that is written the goal's."""
    of_a_whole = np.array([metric.unit in _OF_A_WHOLE for metric in metrics], dtype=bool) & is_missed
    n = own["n"].to_numpy(np.float64, na_value=np.nan)
    over = sign * (own["value"].to_numpy(np.float64, na_value=np.nan) - goal) - _AS_SHOWN
    tickets = np.maximum(np.ceil(np.round(over * n, 6)), 1)
    return pd.Series(np.where(of_a_whole, tickets, np.nan)).astype("Int64")


def _is_easy(metrics: list[Metric], value: Floats, goal: Floats) -> Bools:
    """Whether a value needs no more than half of what its goal allows."""
    rises = np.array([metric.better != "lower" for metric in metrics], dtype=bool)
    of_a_whole = np.array([metric.unit in _OF_A_WHOLE for metric in metrics], dtype=bool)
    spent = np.where(rises & of_a_whole, 1 - value, np.where(rises, goal, value))
    allowed = np.where(rises & of_a_whole, 1 - goal, np.where(rises, value, goal))
    return np.asarray(spent <= _EASY_SHARE * allowed)


class _Past:
    """What the weeks up to each one come to, by team and metric: counts of the last 13 and the run in a row."""

    def __init__(self, own: pd.DataFrame, is_missed: Bools, can_tell: Bools, is_easy: Bools) -> None:
        series = own.groupby(["team", "metric"], sort=False).ngroup().to_numpy()
        weeks, week = np.unique(own["week"].to_numpy(str), return_inverse=True)
        shape = (int(series.max(initial=-1)) + 1, len(weeks))
        self._cells = (series, week)
        missed, told, easy = (np.zeros(shape, dtype=np.int64) for _ in range(3))
        for grid, of_rows in ((missed, is_missed), (told, can_tell), (easy, is_easy)):
            grid[self._cells] = of_rows
        run, runs = np.zeros(shape[0], dtype=np.int64), np.zeros(shape, dtype=np.int64)
        for place in range(shape[1]):
            run = np.where(told[:, place] == 0, run, np.where(missed[:, place] == 1, run + 1, 0))
            runs[:, place] = run * missed[:, place]
        self.missed_weeks = self._of_rows(_window(missed))
        self.goal_weeks = self._of_rows(_window(told))
        self.missed_run = self._of_rows(runs)
        self.too_easy = self._of_rows(_window(easy)) == WEEKS

    def _of_rows(self, grid: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return np.asarray(grid[self._cells])


def _window(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """By row, each cell with the twelve before it added."""
    total = np.cumsum(counts, axis=1)
    before = np.zeros_like(total)
    before[:, WEEKS:] = total[:, :-WEEKS]
    return np.asarray(total - before)
