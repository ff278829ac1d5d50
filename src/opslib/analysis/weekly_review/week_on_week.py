"""Whether anything changed from one week to the next: each metric by its own test, all at one false discovery rate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import special

from opslib.analysis.methods.discovery import benjamini_hochberg
from opslib.analysis.methods.intervals import proportion_change_p
from opslib.analysis.methods.survival import logrank_p
from opslib.analysis.weekly_review.review import TEST_COLUMNS
from opslib.metrics import ALL, Metric

FALSE_DISCOVERY_RATE = 0.10


def week_on_week(
    values: pd.DataFrame,
    catalogue: Mapping[str, Metric],
    week: str,
    before: str,
    *,
    times: Mapping[str, pd.DataFrame],
    rate: float = FALSE_DISCOVERY_RATE,
) -> pd.DataFrame:
    """Test every metric of every team for a change from the week before, at one false discovery rate.

    Args:
        values: weekly values of all teams for channel `all`: week, team, channel, metric, value, numerator,
            denominator, spread. Rows of team `all` are not tested, as the teams are.
        catalogue: the metrics by name.
        week: the week reported.
        before: the week before.
        times: the times behind each quantile metric to test, by its name: week, team, seconds, ended (bool).
        rate: the false discovery rate over all metrics and teams.

    Returns:
        `TEST_COLUMNS`, one row per metric and team: team, metric, before, value, p, q, discovery, tests and discoveries
        (how many there were in all, the same in every row). p is that of the score test for shares, of Welch's test for
        means, of the log-rank test for times; it is NaN for counts, which vary more than any simple test allows for
        (their control chart decides), and where a week has no value.

    References:
        Welch, B. L. (1947). The generalization of "Student's" problem when several different population variances are
        involved. Biometrika 34, 28-35.
    """
    rows = values[(values["channel"] == ALL) & (values["team"] != ALL) & values["metric"].isin(list(catalogue))]
    key = ["team", "metric"]
    columns = ["value", "numerator", "denominator", "spread"]
    later = rows[rows["week"] == week].set_index(key)[columns]
    earlier = rows[rows["week"] == before].set_index(key)[columns].reindex(later.index)
    p = _p_values(earlier, later, catalogue)
    for name, durations in times.items():
        for team, own in durations[durations["week"].isin([before, week])].groupby("team", observed=True):
            if (team, name) in p.index:
                p.loc[(team, name)] = logrank_p(own["seconds"], own["ended"], own["week"])
    family = benjamini_hochberg(p, rate=rate)
    changes = pd.DataFrame(
        {
            "before": earlier["value"],
            "value": later["value"],
            "p": p,
            "q": family["q"],
            "discovery": family["discovery"],
            "tests": int(family["p"].notna().sum()),
            "discoveries": int(family["discovery"].sum()),
        },
        index=later.index,
    )
    return changes.reset_index()[list(TEST_COLUMNS)]


def _p_values(earlier: pd.DataFrame, later: pd.DataFrame, catalogue: Mapping[str, Metric]) -> pd.Series:
    """p-values of shares and means that both weeks have, NaN for all else, by team and metric."""
    p = pd.Series(np.nan, index=later.index, dtype="float64")
    kind = pd.Series(p.index.get_level_values("metric"), index=p.index).map(
        {name: metric.kind for name, metric in catalogue.items()}
    )
    both = earlier["value"].notna() & later["value"].notna()
    share = (kind == "share") & both
    p.loc[share] = proportion_change_p(
        earlier.loc[share, "numerator"],
        earlier.loc[share, "denominator"],
        later.loc[share, "numerator"],
        later.loc[share, "denominator"],
    )
    mean = (kind == "mean") & both
    p.loc[mean] = _welch_p(earlier[mean], later[mean])
    return p


def _welch_p(before: pd.DataFrame, after: pd.DataFrame) -> pd.Series:
    """Two-sided p-values of Welch's test from counts, means and standard deviations; NaN below two rows or spread."""
    error_before = before["spread"] ** 2 / before["denominator"]
    error_after = after["spread"] ** 2 / after["denominator"]
    error = error_before + error_after
    usable = (before["denominator"] > 1) & (after["denominator"] > 1) & (error > 0)
    freedom = error**2 / (error_before**2 / (before["denominator"] - 1) + error_after**2 / (after["denominator"] - 1))
    t = (after["value"] - before["value"]) / error**0.5
    p = pd.Series(2 * special.stdtr(freedom.to_numpy(), -np.abs(t.to_numpy())), index=before.index)
    return p.where(usable)
