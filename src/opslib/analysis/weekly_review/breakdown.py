"""Each week beside the one before, group by group: what a change is explained from."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.analysis.methods.columns import Floats
from opslib.analysis.weekly_review import weekly_values

Integers = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.object_]

_KEY = ["week", "team", "metric", "by", "group"]
_SUMS = ["numerator", "denominator"]
_BEFORE = [f"{side}_before" for side in _SUMS]
COLUMNS = [*_KEY, *_BEFORE, *_SUMS, "limit_seconds"]
"""The columns of a breakdown, a row per week, team, metric, by (the dimension) and group: numerator_before and
denominator_before (sums of the week before), numerator and denominator (of the week), limit_seconds (of a percentile,
else NaN)."""


def long_sums(wide: pd.DataFrame, groups: Sequence[str]) -> pd.DataFrame:
    """Sums with a row per metric and group, from sums with columns per metric.

    Args:
        wide: week, team, the columns `groups`, and `<metric>|numerator` and `<metric>|denominator` of each metric.
            Rows without a team count nowhere.
        groups: the dimensions, such as channel.

    Returns:
        week, team, metric, by (the dimension), group, numerator, denominator.
    """
    columns = [column for column in wide.columns if column.endswith(tuple(f"|{side}" for side in _SUMS))]
    parts = [pd.DataFrame(columns=[*_KEY, *_SUMS])]
    for by in groups:
        sums = wide.groupby(["week", "team", by], sort=False)[columns].sum().reset_index()
        parts.append(weekly_values.long_sums(sums).rename(columns={by: "group"}).assign(by=by))
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def pair_weeks(sums: pd.DataFrame, weeks: Sequence[str]) -> pd.DataFrame:
    """Put the sums of each week beside those of the week before.

    Args:
        sums: week, team, metric, by, group, numerator, denominator, one row per week, team, metric, by and group.
        weeks: ISO weeks in order and without gaps; the first has none before it and gets no rows.

    Returns:
        `COLUMNS` (week, team, metric, by, group, numerator_before, denominator_before, numerator, denominator,
        limit_seconds), one row per group that either week has; sums that a week lacks are 0 and limit_seconds is NaN.

    >>> sums = pd.DataFrame({"week": ["2026-W01", "2026-W02"], "team": "a", "metric": "created", "by": "channel",
    ...                      "group": "chat", "numerator": [3.0, 5.0], "denominator": [3.0, 5.0]})
    >>> pair_weeks(sums, ["2026-W01", "2026-W02"])[["week", "numerator_before", "numerator"]].values.tolist()
    [['2026-W02', 3.0, 5.0]]
    """
    later = sums[sums["week"].isin(weeks[1:])]
    return _side_by_side(_a_week_on(sums, weeks), later).assign(limit_seconds=np.nan)[COLUMNS]


def limits_of_the_week_before(values: pd.DataFrame, weeks: Sequence[str]) -> pd.DataFrame:
    """What each percentile was in the week before.

    Args:
        values: week, team, metric and value (seconds; NaN where the percentile was not reached).
        weeks: ISO weeks in order and without gaps.

    Returns:
        team, week, metric, limit_seconds, where there is one.
    """
    limits = _a_week_on(values[values["value"].notna()], weeks)
    return limits[["team", "week", "metric", "value"]].rename(columns={"value": "limit_seconds"})


def pair_within(times: pd.DataFrame, limits: pd.DataFrame, weeks: Sequence[str], *, by: str) -> pd.DataFrame:
    """Put the times within a limit in each week beside those in the week before.

    A percentile cannot be split by group; the share of what was done within last week's percentile can.

    Args:
        times: week, team, the column `by`, seconds, ended (false: it ran for that long and had not ended).
        limits: team, week, metric, limit_seconds; a limit holds for its week and for the one before it.
        weeks: ISO weeks in order and without gaps.
        by: the column that names the group.

    Returns:
        `COLUMNS` (week, team, metric, by, group, numerator_before, denominator_before, numerator, denominator,
        limit_seconds), one row per group that either week has. A time that has not ended and not yet passed the limit
        counts nowhere.
    """
    week, team = pd.Index(weeks).get_indexer(pd.Index(times["week"])), pd.Categorical(times["team"])
    group = pd.Categorical(times[by])
    shape = (len(weeks), len(team.categories), len(group.categories))
    seconds, ended = times["seconds"].to_numpy(dtype=np.float64), times["ended"].to_numpy(dtype=bool)
    labels = (np.array(weeks, dtype=object), team.categories.to_numpy(), group.categories.to_numpy())
    parts = [pd.DataFrame(columns=COLUMNS)]
    for metric, rows in limits.groupby("metric", sort=True):
        limit = np.full(shape[:2], np.nan)
        place = pd.Index(weeks).get_indexer(pd.Index(rows["week"])), team.categories.get_indexer(pd.Index(rows["team"]))
        limit[place] = rows["limit_seconds"]
        before, now = (_within(week + later, team.codes, group.codes, seconds, ended, limit, shape) for later in (1, 0))
        part = _rows_of(np.stack([*before, *now], axis=-1), limit, labels)
        parts.append(part.assign(metric=metric, by=by)[COLUMNS])
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def _rows_of(counts: Floats, limit: Floats, labels: tuple[Labels, Labels, Labels]) -> pd.DataFrame:
    """Counts by week, team and group as rows, where either week has any: all columns but metric and by."""
    places = np.argwhere(counts[..., 1] + counts[..., 3] > 0)
    part = pd.DataFrame(counts[tuple(places.T)], columns=[*_BEFORE, *_SUMS])
    for name, label, place in zip(("week", "team", "group"), labels, places.T, strict=True):
        part[name] = pd.array(label[place], dtype="str")
    return part.assign(limit_seconds=limit[places[:, 0], places[:, 1]])


def _a_week_on(rows: pd.DataFrame, weeks: Sequence[str]) -> pd.DataFrame:
    """The rows under the week that follows theirs; those of the last week are left out."""
    after = dict(pairwise(weeks))
    earlier = rows[rows["week"].isin(after)]
    return earlier.assign(week=earlier["week"].map(after).astype("str"))


def _within(
    week: Integers,
    team: Integers,
    group: Integers,
    seconds: Floats,
    ended: Bools,
    limit: Floats,
    shape: tuple[int, int, int],
) -> tuple[Floats, Floats]:
    """How many times are within the limit of their week and team, and how many are decided either way: by `shape`."""
    inside = (week >= 1) & (week < shape[0]) & (team >= 0) & (group >= 0)
    limit_of_row = np.where(inside, limit[np.where(inside, week, 0), np.where(inside, team, 0)], np.nan)
    decided = inside & ~np.isnan(limit_of_row) & (ended | (seconds > limit_of_row))
    key = np.ravel_multi_index((week[decided], team[decided], group[decided]), shape)
    met = ended[decided] & (seconds[decided] <= limit_of_row[decided])
    size = int(np.prod(shape))
    above, below = (np.bincount(key, weights=weights, minlength=size).reshape(shape) for weights in (met, None))
    return above.astype(np.float64), below.astype(np.float64)


def _side_by_side(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """The sums of two weeks in one row per group that either has, 0 where it has none."""
    earlier = before[[*_KEY, *_SUMS]].rename(columns=dict(zip(_SUMS, _BEFORE, strict=True)))
    both = earlier.merge(after[[*_KEY, *_SUMS]], on=_KEY, how="outer")
    return both.fillna(dict.fromkeys([*_BEFORE, *_SUMS], 0.0))
