"""Weekly values: sums per week, team and channel rolled up, with their intervals; times with theirs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from opslib.analysis.methods.intervals import mean_interval, poisson_rate, wilson
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
    "state",
    "settles_on",
    "still_low",
    "still_high",
    "extra_variance",
)
"""The columns of weekly values, a row per week, team, channel and metric; `all` stands for all teams or channels.

value with low and high, its 95% interval, in the metric's unit; numerator and denominator, the sums; spread, the
standard deviation of a mean's rows; n, how many the value rests on; censored, how many of them had not ended; missing,
why there is no value; state, whether the value is known for good (one of `STATES`, null where it is missing);
settles_on, the date (ISO) on which it will be, null where it is; still_low and still_high, between which its final
value will lie; extra_variance, the variance of a value that is not settled, on the scale on which signals are tested.
"""
SETTLED, SO_FAR, BOUNDS = "settled", "so far", "bounds"
STATES = (SETTLED, SO_FAR, BOUNDS)
"""A value that no later event of these tickets moves; one that was completed from past weeks; one of which only hard
bounds are known, low and high."""
_KEY = ["week", "team", "channel"]
_SUMS = ["numerator", "denominator", "squares"]
_OF_STATE = ["state", "settles_on", "still_low", "still_high", "extra_variance"]
_MEASURED = [column for column in COLUMNS if column not in ("missing", *_OF_STATE)]


def long_sums(wide: pd.DataFrame) -> pd.DataFrame:
    """Sums with a row per metric, from sums with columns per metric.

    Args:
        wide: week, team, a group or several (such as channel), and for each metric the same sums, as
            `<metric>|numerator`, `<metric>|denominator`, `<metric>|squares`.

    Returns:
        week, team and the groups, metric, and a column per sum.
    """
    measured = [column.split("|") for column in wide.columns if "|" in column]
    names, sums = (list(dict.fromkeys(part)) for part in zip(*measured, strict=True))
    keys = [column for column in wide.columns if "|" not in column]
    long = wide[keys].take(np.tile(np.arange(len(wide)), len(names))).reset_index(drop=True)
    long["metric"] = pd.array(np.repeat(np.array(names, dtype=object), len(wide)), dtype="str")
    for each in sums:
        long[each] = np.concatenate([wide[f"{name}|{each}"].to_numpy(dtype=np.float64) for name in names])
    return long


def roll_up(sums: pd.DataFrame) -> pd.DataFrame:
    """Add the sums over channels, over teams and over both, as channel and team `all`.

    Args:
        sums: week, team, channel, metric, numerator, denominator, squares. Rows without a team count nowhere.

    Returns:
        week, team, channel, metric, numerator, denominator, squares, one row per week, team, channel and metric, sorted
        by them.

    >>> rows = pd.DataFrame({"week": "2026-W01", "team": ["a", "b"], "channel": "chat", "metric": "created"})
    >>> roll_up(rows.assign(numerator=[1.0, 2.0], denominator=1.0, squares=0.0))["numerator"].tolist()
    [1.0, 1.0, 3.0, 3.0, 2.0, 2.0]
    """
    grouped = pd.concat(_levels(sums[sums["team"].notna()]), ignore_index=True).groupby(
        [*_KEY, "metric"], sort=True, observed=True
    )
    return grouped[_SUMS].sum().reset_index()


def over_exposures(sums: pd.DataFrame, exposures: pd.DataFrame, catalogue: Mapping[str, Metric]) -> pd.DataFrame:
    """Put the exposure of the team's week in the place of the denominator, where a metric divides by one.

    Args:
        sums: week, team, channel, metric, numerator, denominator, squares, rolled up.
        exposures: exposure, week, team, size, is_shown.
        catalogue: the metrics by name.

    Returns:
        The sums; those of a metric with an exposure are there for channel `all` and for weeks and teams whose exposure
        is more than 0 and shown, with numerator 0 where nothing was counted.
    """
    exposure = sums["metric"].map({name: metric.exposure for name, metric in catalogue.items()})
    parts = [sums[exposure == ""]]
    shown = exposures[exposures["is_shown"] & (exposures["size"] > 0)]
    for name in sums.loc[exposure != "", "metric"].unique():
        rows = sums[(sums["metric"] == name) & (sums["channel"] == ALL)].drop(columns="denominator")
        sizes = shown.loc[shown["exposure"] == catalogue[name].exposure, ["week", "team", "size"]]
        part = sizes.rename(columns={"size": "denominator"}).merge(rows, on=["week", "team"], how="left")
        part = part.assign(metric=name, channel=ALL)
        parts.append(part.fillna({"numerator": 0.0, "squares": 0.0})[list(sums.columns)])
    return pd.concat(parts, ignore_index=True)


def _levels(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows as they are, over channels, over teams and over both."""
    return [rows, rows.assign(channel=ALL), rows.assign(team=ALL), rows.assign(team=ALL, channel=ALL)]


def with_intervals(sums: pd.DataFrame, catalogue: Mapping[str, Metric]) -> pd.DataFrame:
    """Values of all kinds but quantiles, with their intervals.

    Args:
        sums: week, team, channel, metric, numerator, denominator, squares.
        catalogue: the metrics by name.

    Returns:
        `COLUMNS` up to `censored`. A count has no interval: it is no estimate, and a control chart says how much it
        varies; nor has a ratio. A share has Wilson's, a mean Student's, a rate Garwood's exact one; what is divided by
        nothing is null. `spread` is the standard deviation of a mean's rows; n of a rate or ratio is its numerator.
    """
    frame = sums.reset_index(drop=True).assign(value=np.nan, low=np.nan, high=np.nan, spread=np.nan)
    kind = frame["metric"].map({name: metric.kind for name, metric in catalogue.items()})
    above, below = frame["numerator"], frame["denominator"]

    count = kind == "count"
    frame.loc[count, "value"] = above[count]
    share = kind == "share"
    _set_estimates(frame, share, wilson(above[share], below[share]))
    mean = (kind == "mean") & (below > 0)
    frame.loc[mean, "spread"] = _spread(frame[mean])
    _set_estimates(
        frame, mean, mean_interval(below[mean], above[mean] / below[mean], frame.loc[mean, "spread"].fillna(0.0))
    )
    rate = (kind == "rate") & (below > 0)
    per = frame["metric"].map({name: metric.per for name, metric in catalogue.items()}).astype("float64")
    _set_estimates(frame, rate, poisson_rate(above[rate], below[rate]).mul(per[rate], axis=0))
    ratio = (kind == "ratio") & (below > 0)
    frame.loc[ratio, "value"] = above[ratio] / below[ratio]
    _clip_to_scale(frame, catalogue)

    frame["n"] = below.where(~kind.isin(["count", "rate", "ratio"]), above).round().astype("Int64")
    frame["denominator"] = below.where(~count)
    frame["censored"] = pd.array([pd.NA] * len(frame), dtype="Int64")
    return frame[_MEASURED]


def _spread(sums: pd.DataFrame) -> pd.Series:
    """The sample standard deviation behind sums of means, NaN for a single row."""
    n, total = sums["denominator"], sums["numerator"]
    variance = ((sums["squares"] - total**2 / n) / (n - 1).where(n > 1)).clip(lower=0)
    spread: pd.Series = variance**0.5
    return spread


def _set_estimates(frame: pd.DataFrame, rows: pd.Series, estimates: pd.DataFrame) -> None:
    """Set value, low and high of some rows, in place, from three columns in this order."""
    for column, estimate in zip(("value", "low", "high"), estimates.columns, strict=True):
        frame.loc[rows, column] = estimates[estimate]


def _clip_to_scale(frame: pd.DataFrame, catalogue: Mapping[str, Metric]) -> None:
    """Keep the intervals, in place, within 0 to 1 for scores and at 0 or more for numbers per ticket."""
    unit = frame["metric"].map({name: metric.unit for name, metric in catalogue.items()})
    score = unit == "score"
    frame.loc[score, ["low", "high"]] = frame.loc[score, ["low", "high"]].clip(0, 1)
    per_ticket = unit == "per_ticket"
    frame.loc[per_ticket, "low"] = frame.loc[per_ticket, "low"].clip(lower=0)


def quantile_values(times: pd.DataFrame, metrics: Sequence[Metric]) -> pd.DataFrame:
    """Percentiles of times per week, team and channel, and over all of these.

    Args:
        times: week, team, channel, seconds and ended (bool; false: not ended after that long).
        metrics: quantiles of these times, which differ in their probability.

    Returns:
        `COLUMNS` up to `censored`; low and high are the 95% interval in seconds, numerator is the number of times
        that have ended, denominator that of all. Where the percentile is not reached, value and high are null and low
        is the bound.
    """
    if times.empty:
        return pd.DataFrame(columns=_MEASURED)
    name_of = {metric.probability: metric.name for metric in metrics}
    levels = pd.concat(_levels(times), ignore_index=True)
    quantiles = grouped_quantiles(levels, by=_KEY, duration="seconds", ended="ended", p=sorted(name_of))
    values = quantiles[_KEY].assign(
        metric=quantiles["p"].map(name_of),
        value=quantiles["value"],
        low=quantiles["low"],
        high=quantiles["high"],
        numerator=quantiles["ended"].astype("float64"),
        denominator=quantiles["n"].astype("float64"),
        spread=np.nan,
        n=quantiles["n"].astype("Int64"),
        censored=(quantiles["n"] - quantiles["ended"]).astype("Int64"),
    )
    return values[_MEASURED]


def weekly_values(
    parts: Iterable[pd.DataFrame],
    *,
    weeks: Sequence[str],
    teams: Sequence[str],
    catalogue: Mapping[str, Metric],
    missing: Mapping[str, str],
    missing_of_team: Mapping[tuple[str, str], str],
) -> pd.DataFrame:
    """All weekly values, complete: every week, team and metric has a row for channel `all`.

    Args:
        parts: `COLUMNS` up to `censored`, as `with_intervals` and `quantile_values` return them.
        weeks: ISO weeks in order; others are left out.
        teams: names of teams; others are left out, and `all` is added.
        catalogue: the metrics by name.
        missing: by metric why the export cannot tell it.
        missing_of_team: by (team, metric) why the team has none of it.

    Returns:
        `COLUMNS`, sorted by metric, team, channel and week. A count without rows is 0; anything else without rows is
        null. `missing` says why a whole metric, or that of a team, cannot be had; values are then null.
    """
    filled = [part for part in parts if len(part)]
    rows = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=_MEASURED)
    rows = rows[rows["week"].isin(weeks) & rows["team"].isin([*teams, ALL])]
    grid = pd.MultiIndex.from_product([weeks, [*teams, ALL], [ALL], list(catalogue)], names=[*_KEY, "metric"]).to_frame(
        index=False
    )
    frame = rows.merge(grid, how="outer", on=[*_KEY, "metric"])
    _fill_empty(frame, catalogue)

    reason = frame["metric"].map(dict(missing)).astype("object")
    cell = pd.Series(list(zip(frame["team"], frame["metric"], strict=True)), index=frame.index)
    frame["missing"] = reason.where(reason.notna(), cell.map(dict(missing_of_team)))
    is_missing = frame["missing"].notna()
    for column in ("value", "low", "high", "numerator", "denominator", "spread", "n", "censored"):
        frame[column] = frame[column].astype("Int64" if column in ("n", "censored") else "float64").mask(is_missing)
    frame["state"] = pd.Series(SETTLED, index=frame.index, dtype="str").mask(is_missing)
    frame["settles_on"] = pd.Series(index=frame.index, dtype="str")
    for column in ("still_low", "still_high", "extra_variance"):
        frame[column] = pd.Series(index=frame.index, dtype="float64")
    for column in (*_KEY, "metric", "missing"):
        frame[column] = frame[column].astype("str")
    ordered = frame.sort_values(["metric", "team", "channel", "week"], kind="stable", ignore_index=True)
    return ordered[list(COLUMNS)]


def _fill_empty(frame: pd.DataFrame, catalogue: Mapping[str, Metric]) -> None:
    """Make a count without rows 0, in place; of anything else without rows the sums are 0 and the value stays null."""
    kind = frame["metric"].map({name: metric.kind for name, metric in catalogue.items()})
    empty_count = (kind == "count") & frame["value"].isna()
    for column in ("value", "numerator", "n"):
        frame.loc[empty_count, column] = 0
    empty_rest = (kind != "count") & frame["n"].isna()
    for column in ("numerator", "denominator", "n"):
        frame.loc[empty_rest, column] = 0
