"""What stands beside a week where the history has it: the same week of last year, and the quarter to date."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from opslib.metrics import Metric
from opslib.weeks import weeks_of_quarter

COLUMNS = ["metric", "last_year", "quarter"]
_LEVELS = ("backlog_closing", "backlog_unassigned", "backlog_unreplied", "backlog_days", "unanswered_questions")
"""What is counted at the end of a week, so that weeks cannot be added."""
_SUMMED = ("count", "share", "mean", "rate", "ratio")


def week_of_last_year(week: str) -> str:
    """The week of the same number a year before; of a 53rd the one before it, the last of that year.

    >>> week_of_last_year("2026-W46"), week_of_last_year("2026-W53")
    ('2025-W46', '2025-W52')
    """
    year, number = week.split("-")
    return f"{int(year) - 1:04d}-{'W52' if number == 'W53' else number}"


def year_and_quarter(
    values: pd.DataFrame, catalogue: Mapping[str, Metric], week: str, *, incomplete: Collection[tuple[str, str]] = ()
) -> pd.DataFrame:
    """Each metric in the same week of last year and in the quarter to date.

    Args:
        values: weekly values of a team for channel `all`: week, metric, value, numerator, denominator, missing.
        catalogue: the metrics by name.
        week: the week reported.
        incomplete: weeks and metrics of which the export does not tell all.

    Returns:
        metric, last_year and quarter (in the metric's unit; null where the history does not have it), one row per
        metric. A quarter is that of the week's Thursday; it is null in its first week, where any week of it is not
        whole, and for what no sum tells: percentiles, and what is counted at the end of a week.
    """
    own = values[values["missing"].isna() & values["metric"].isin(list(catalogue))]
    keys = pd.MultiIndex.from_frame(own[["week", "metric"]])
    own = own[~keys.isin(list(incomplete))] if len(incomplete) else own
    last_year = own[own["week"] == week_of_last_year(week)].set_index("metric")["value"]
    weeks = [each for each in weeks_of_quarter(week) if each <= week]
    rows = own[own["week"].isin(weeks)]
    names = [name for name in dict.fromkeys(own["metric"]) if _can_be_summed(catalogue[name])]
    sums = rows.groupby("metric")[["numerator", "denominator"]].sum(min_count=1)
    sums = sums[(rows.groupby("metric")["week"].nunique() == len(weeks)) & sums.index.isin(names)]
    quarter = pd.Series(dtype="float64")
    if len(weeks) > 1 and len(sums):
        is_count = np.array([catalogue[name].kind == "count" for name in sums.index])
        per = np.array([catalogue[name].per for name in sums.index])
        below = sums["denominator"].where(sums["denominator"] > 0).to_numpy(np.float64)
        ratio = per * sums["numerator"].to_numpy(np.float64) / below
        quarter = pd.Series(np.where(is_count, sums["numerator"], ratio), index=sums.index)
    metrics = list(dict.fromkeys(values["metric"]))
    return pd.DataFrame(
        {
            "metric": metrics,
            "last_year": last_year.reindex(metrics).to_numpy(np.float64, na_value=np.nan),
            "quarter": quarter.reindex(metrics).to_numpy(np.float64, na_value=np.nan),
        }
    )


def _can_be_summed(metric: Metric) -> bool:
    return metric.kind in _SUMMED and metric.name not in _LEVELS
