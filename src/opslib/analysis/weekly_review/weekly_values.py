"""Weekly values: sums per week, team and channel rolled up, with their intervals; times with theirs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from opslib.analysis.methods.intervals import mean_interval, wilson
from opslib.analysis.methods.survival import grouped_quantiles
from opslib.metrics import ALL, Metric

COLUMNS = (
    "week",
    "team",
    "channel",
    "metric",
    "value",
    "low",
    "high",
    "numerator",
    "denominator",
    "spread",
    "n",
    "censored",
    "missing",
)
_KEY = ["week", "team", "channel"]
_SUMS = ["numerator", "denominator", "squares"]


def long_sums(wide: pd.DataFrame) -> pd.DataFrame:
    """Sums with a row per metric, from sums with columns per metric.

    Args:
        wide: of `metrics.cells`.

    Returns:
        week, team, channel, metric, numerator, denominator, squares.
    """
    names = list(dict.fromkeys(column.partition("|")[0] for column in wide.columns if "|" in column))
    parts = [
        wide[_KEY].assign(metric=name, **{sum_: wide[f"{name}|{sum_}"].astype("float64") for sum_ in _SUMS})
        for name in names
    ]
    return pd.concat(parts, ignore_index=True)


def roll_up(sums: pd.DataFrame) -> pd.DataFrame:
    """Add the sums over channels, over teams and over both, as channel and team `all`.

    Args:
        sums: of `long_sums`. Rows without a team count nowhere.

    Returns:
        The same columns, one row per week, team, channel and metric, sorted by them.

    >>> rows = pd.DataFrame({"week": "2026-W01", "team": ["a", "b"], "channel": "chat", "metric": "created"})
    >>> roll_up(rows.assign(numerator=[1.0, 2.0], denominator=1.0, squares=0.0))["numerator"].tolist()
    [1.0, 1.0, 3.0, 3.0, 2.0, 2.0]
    """
    known = sums[sums["team"].notna()]
    levels = [known, known.assign(channel=ALL), known.assign(team=ALL), known.assign(team=ALL, channel=ALL)]
    grouped = pd.concat(levels, ignore_index=True).groupby([*_KEY, "metric"], sort=True, observed=True)
    return grouped[_SUMS].sum().reset_index()


def with_intervals(sums: pd.DataFrame, catalogue: Mapping[str, Metric]) -> pd.DataFrame:
    """Values of counts, shares and means, with their intervals.

    Args:
        sums: of `roll_up`.
        catalogue: the metrics by name.

    Returns:
        `COLUMNS` but for `missing`. A count has no interval: it is no estimate, and a control chart says how much it
        varies. A share has Wilson's, a mean Student's; a share or mean of nothing is null. `spread` is the standard
        deviation of a mean's rows.
    """
    frame = sums.reset_index(drop=True).assign(value=np.nan, low=np.nan, high=np.nan, spread=np.nan)
    kind = frame["metric"].map({name: metric.kind for name, metric in catalogue.items()})
    above, below = frame["numerator"], frame["denominator"]

    count = kind == "count"
    frame.loc[count, "value"] = above[count]
    share = kind == "share"
    _fill(frame, share, wilson(above[share], below[share]))
    mean = (kind == "mean") & (below > 0)
    n, total = below[mean], above[mean]
    variance = ((frame.loc[mean, "squares"] - total**2 / n) / (n - 1).where(n > 1)).clip(lower=0)
    frame.loc[mean, "spread"] = variance**0.5
    _fill(frame, mean, mean_interval(n, total / n, (variance**0.5).fillna(0.0)))
    scored = frame["metric"].isin([name for name, metric in catalogue.items() if metric.unit == "score"])
    frame.loc[scored, ["low", "high"]] = frame.loc[scored, ["low", "high"]].clip(0, 1)
    positive = frame["metric"].isin([name for name, metric in catalogue.items() if metric.unit == "per_ticket"])
    frame.loc[positive, "low"] = frame.loc[positive, "low"].clip(lower=0)

    frame["n"] = below.where(~count, above).round().astype("Int64")
    frame["denominator"] = below.where(~count)
    frame["censored"] = pd.array([pd.NA] * len(frame), dtype="Int64")
    return frame[[column for column in COLUMNS if column != "missing"]]


def _fill(frame: pd.DataFrame, rows: pd.Series, found: pd.DataFrame) -> None:
    for column, values in zip(("value", "low", "high"), found.columns, strict=True):
        frame.loc[rows, column] = found[values]


def quantile_values(times: pd.DataFrame, metrics: Sequence[Metric]) -> pd.DataFrame:
    """Percentiles of times per week, team and channel, and over all of these.

    Args:
        times: week, team, channel, seconds and ended (bool; false: not ended after that long).
        metrics: quantiles of these times, which differ in their probability.

    Returns:
        `COLUMNS` but for `missing`; numerator is the number of times that have ended, denominator that of all. Where
        the percentile is not reached, value and high are null and low is the bound.
    """
    levels = [times, times.assign(channel=ALL), times.assign(team=ALL), times.assign(team=ALL, channel=ALL)]
    name_of = {metric.probability: metric.name for metric in metrics}
    parts = []
    for level in levels if len(times) else ():
        found = grouped_quantiles(level, by=_KEY, duration="seconds", ended="ended", p=sorted(name_of))
        parts.append(
            found[_KEY].assign(
                metric=found["p"].map(name_of),
                value=found["value"],
                low=found["low"],
                high=found["high"],
                numerator=found["ended"].astype("float64"),
                denominator=found["n"].astype("float64"),
                spread=np.nan,
                n=found["n"].astype("Int64"),
                censored=(found["n"] - found["ended"]).astype("Int64"),
            )
        )
    columns = [column for column in COLUMNS if column != "missing"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def weekly_values(
    parts: Iterable[pd.DataFrame],
    *,
    weeks: Sequence[str],
    teams: Sequence[str],
    catalogue: Mapping[str, Metric],
    lacking: Mapping[str, str],
    untold: Mapping[tuple[str, str], str],
) -> pd.DataFrame:
    """All weekly values, complete: every week, team and metric has a row for channel `all`.

    Args:
        parts: of `with_intervals` and `quantile_values`.
        weeks: the weeks wanted, in order.
        teams: the teams wanted; `all` is added.
        catalogue: the metrics by name.
        lacking: by metric why the export cannot tell it.
        untold: by (team, metric) why the team has none of it.

    Returns:
        `COLUMNS`, sorted by metric, team, channel and week. A count without rows is 0; anything else without rows is
        null. `missing` says why a whole metric, or that of a team, cannot be had; values are then null.
    """
    some = [part for part in parts if len(part)]
    columns = [column for column in COLUMNS if column != "missing"]
    known = pd.concat(some, ignore_index=True) if some else pd.DataFrame(columns=columns)
    known = known[known["week"].isin(weeks) & known["team"].isin([*teams, ALL])]
    grid = pd.MultiIndex.from_product([weeks, [*teams, ALL], [ALL], list(catalogue)], names=[*_KEY, "metric"]).to_frame(
        index=False
    )
    frame = known.merge(grid, how="outer", on=[*_KEY, "metric"])

    kind = frame["metric"].map({name: metric.kind for name, metric in catalogue.items()})
    empty_count = (kind == "count") & frame["value"].isna()
    for column in ("value", "numerator", "n"):
        frame.loc[empty_count, column] = 0
    empty_rest = (kind != "count") & frame["n"].isna()
    for column in ("numerator", "denominator", "n"):
        frame.loc[empty_rest, column] = 0

    reasons = frame["metric"].map(dict(lacking)).astype("object")
    of_team = pd.Series(list(zip(frame["team"], frame["metric"], strict=True)), index=frame.index).map(dict(untold))
    frame["missing"] = reasons.where(reasons.notna(), of_team)
    gone = frame["missing"].notna()
    for column in ("value", "low", "high", "numerator", "denominator", "spread", "n", "censored"):
        frame[column] = frame[column].astype("Int64" if column in ("n", "censored") else "float64").mask(gone)
    for column in (*_KEY, "metric", "missing"):
        frame[column] = frame[column].astype("str")
    ordered = frame.sort_values(["metric", "team", "channel", "week"], kind="stable", ignore_index=True)
    return ordered[list(COLUMNS)]
