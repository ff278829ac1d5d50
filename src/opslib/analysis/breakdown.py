"""Each week beside the one before, group by group: what a change is explained from."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

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
    later = times[times["week"].isin(weeks[1:])]
    paired = _side_by_side(*(_within(side, limits, by) for side in (_a_week_on(times, weeks), later)))
    return paired.merge(limits, on=["team", "week", "metric"])[COLUMNS]


def _a_week_on(rows: pd.DataFrame, weeks: Sequence[str]) -> pd.DataFrame:
    """The rows under the week that follows theirs; those of the last week are left out."""
    after = dict(pairwise(weeks))
    earlier = rows[rows["week"].isin(after)]
    return earlier.assign(week=earlier["week"].map(after).astype("str"))


def _within(times: pd.DataFrame, limits: pd.DataFrame, by: str) -> pd.DataFrame:
    held = times.rename(columns={by: "group"}).merge(limits, on=["team", "week"])
    known = held[held["ended"] | (held["seconds"] > held["limit_seconds"])]
    met = (known["ended"] & (known["seconds"] <= known["limit_seconds"])).astype("float64")
    counted = known.assign(by=by, numerator=met, denominator=1.0)
    return counted.groupby(_KEY, sort=False, observed=True)[_SUMS].sum().reset_index()


def _side_by_side(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    earlier = before[[*_KEY, *_SUMS]].rename(columns=dict(zip(_SUMS, _BEFORE, strict=True)))
    both = earlier.merge(after[[*_KEY, *_SUMS]], on=_KEY, how="outer")
    return both.fillna(dict.fromkeys([*_BEFORE, *_SUMS], 0.0))
