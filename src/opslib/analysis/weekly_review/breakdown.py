"""Each week beside the one before, group by group: what a change is explained from."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]

_KEY = ["week", "team", "metric", "by", "group"]
_SUMS = ["numerator", "denominator"]
_BEFORE = [f"{side}_before" for side in _SUMS]
COLUMNS = [*_KEY, *_BEFORE, *_SUMS, "limit_seconds"]


def long_sums(wide: pd.DataFrame, groups: Sequence[str]) -> pd.DataFrame:
    """Sums with a row per metric and group, from sums with columns per metric.

    Args:
        wide: week, team, the columns `groups`, and `<metric>|numerator` and `<metric>|denominator` of each metric, as
            of `metrics.cells`. Rows without a team count nowhere.
        groups: the dimensions wanted, such as channel.

    Returns:
        week, team, metric, by (the dimension), group, numerator, denominator.
    """
    names = list(dict.fromkeys(column.partition("|")[0] for column in wide.columns if "|" in column))
    columns = [f"{name}|{side}" for name in names for side in _SUMS]
    parts = [pd.DataFrame(columns=[*_KEY, *_SUMS])]
    for by in groups:
        sums = wide.groupby(["week", "team", by], sort=False)[columns].sum().reset_index()
        parts += [
            sums[["week", "team"]].assign(
                metric=name, by=by, group=sums[by], **{side: sums[f"{name}|{side}"] for side in _SUMS}
            )
            for name in names
        ]
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def pair_weeks(sums: pd.DataFrame, weeks: Sequence[str]) -> pd.DataFrame:
    """Put the sums of each week beside those of the week before.

    Args:
        sums: of `long_sums`, one row per week, team, metric, by and group.
        weeks: ISO weeks in order and without gaps; the first has none before it and gets no rows.

    Returns:
        `COLUMNS`, one row per group that either week has; sums that a week lacks are 0 and limit_seconds is NaN.

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
        weeks: as of `pair_weeks`.

    Returns:
        team, week, metric, limit_seconds, where there is one.
    """
    known = _a_week_on(values[values["value"].notna()], weeks)
    return known[["team", "week", "metric", "value"]].rename(columns={"value": "limit_seconds"})


def pair_within(times: pd.DataFrame, limits: pd.DataFrame, weeks: Sequence[str], *, by: str) -> pd.DataFrame:
    """Put the times within a limit in each week beside those in the week before.

    A percentile cannot be split by group; the share of what was done within last week's percentile can.

    Args:
        times: week, team, the column `by`, seconds, ended (false: it ran for that long and had not ended).
        limits: of `limits_of_the_week_before`; a limit holds for its week and for the one before it.
        weeks: as of `pair_weeks`.
        by: the column that names the group.

    Returns:
        `COLUMNS`, as of `pair_weeks`. A time that has not ended and not yet passed the limit counts nowhere.
    """
    week, team = pd.Index(weeks).get_indexer(pd.Index(times["week"])), pd.Categorical(times["team"])
    group = pd.Categorical(times[by])
    shape = (len(weeks), len(team.categories), len(group.categories))
    seconds, ended = times["seconds"].to_numpy(dtype=np.float64), times["ended"].to_numpy(dtype=bool)
    found = [pd.DataFrame(columns=COLUMNS)]
    for metric, own in limits.groupby("metric", sort=True):
        limit = np.full(shape[:2], np.nan)
        place = pd.Index(weeks).get_indexer(pd.Index(own["week"])), team.categories.get_indexer(pd.Index(own["team"]))
        limit[place] = own["limit_seconds"]
        sums = [_within(week + later, team.codes, group.codes, seconds, ended, limit, shape) for later in (1, 0)]
        told = np.stack([*sums[0], *sums[1]], axis=-1)
        some = np.argwhere(told[..., 1] + told[..., 3] > 0)
        part = pd.DataFrame(told[tuple(some.T)], columns=[*_BEFORE, *_SUMS])
        names = (np.array(weeks, dtype=object), team.categories.to_numpy(), group.categories.to_numpy())
        for name, known, at in zip(("week", "team", "group"), names, some.T, strict=True):
            part[name] = pd.array(known[at], dtype="str")
        part["limit_seconds"] = limit[some[:, 0], some[:, 1]]
        found.append(part.assign(metric=metric, by=by)[COLUMNS])
    return pd.concat([part for part in found if len(part)] or found, ignore_index=True)


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
    """How many times are within the limit of their week and team, and of how many that is known: by `shape`."""
    inside = (week >= 1) & (week < shape[0]) & (team >= 0) & (group >= 0)
    held = np.where(inside, limit[np.where(inside, week, 0), np.where(inside, team, 0)], np.nan)
    known = inside & ~np.isnan(held) & (ended | (seconds > held))
    key = np.ravel_multi_index((week[known], team[known], group[known]), shape)
    met = ended[known] & (seconds[known] <= held[known])
    size = int(np.prod(shape))
    counts = (np.bincount(key, weights=weights, minlength=size).reshape(shape) for weights in (met, None))
    above, below = counts
    return above.astype(np.float64), below.astype(np.float64)


def _side_by_side(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    earlier = before[[*_KEY, *_SUMS]].rename(columns=dict(zip(_SUMS, _BEFORE, strict=True)))
    both = earlier.merge(after[[*_KEY, *_SUMS]], on=_KEY, how="outer")
    return both.fillna(dict.fromkeys([*_BEFORE, *_SUMS], 0.0))
