"""What explains the change of a ratio: other rates within the groups, or another mix of the groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.analysis.methods.columns import Floats

Integers = npt.NDArray[np.integer[Any]]


def kitagawa(
    frame: pd.DataFrame,
    *,
    by: list[str] | str,
    numerator: str,
    denominator: str,
    period: str,
    before: Any,
    after: Any,
) -> pd.DataFrame:
    """Split the change of a ratio between two periods exactly into mix and rate, group by group.

    Args:
        frame: one or more rows per group and period, with the columns named by the other arguments; sums are taken.
        by: column or columns that name the group (team, channel, reason); a missing value is a group of its own.
        numerator: column summed above the line (satisfied answers, seconds).
        denominator: column summed below the line (answers, tickets); never negative.
        period: column that names the period of a row; rows of other periods are left out.
        before: value of `period` for the earlier period.
        after: value of `period` for the later period.

    Returns:
        One row per group, sorted by group: the `by` columns; share_before and share_after (of the denominator);
        rate_before and rate_after (NaN where the group is absent); mix, rate and total = mix + rate, in the unit of the
        ratio. The totals sum to the ratio after less the ratio before.

    Raises:
        ValueError: a value is missing or a denominator negative, a group has a numerator without a denominator, or a
            period has no denominator at all, so that its ratio does not exist.

    Notes:
        With shares s, rates r and ratios R in the periods 0 and 1, for each group
        rate = (r1 - r0)(s0 + s1) / 2 and mix = (s1 - s0)((r0 + r1) / 2 - (R0 + R1) / 2).
        The sums are Kitagawa's. Measuring a group's rate from the mean ratio changes no sum, since the shares' changes
        add to zero, and gives each group's mix its sign: a growing group with a rate below the mean lowers the ratio.
        A group absent from one period has no rate there; it takes the rate of the other period, so that all of its
        part is mix.

    References:
        Kitagawa, E. M. (1955). Components of a difference between two rates. JASA 50, 1168-1194.
    """
    groups = [by] if isinstance(by, str) else list(by)
    if before == after:
        raise ValueError(f"before and after are the same period, {before!r}")
    rows = frame.loc[frame[period].isin([before, after]), [*groups, period, numerator, denominator]]
    _refuse_unusable(rows, numerator, denominator)

    # The group number, not its key, joins the two periods, so that a missing value stays a group of its own.
    grouping = rows.groupby(groups, dropna=False, observed=True, sort=True)
    code = grouping.ngroup().to_numpy()
    earlier, later = (
        _period_sums(rows, code, grouping.ngroups, numerator=numerator, denominator=denominator, period=period, at=at)
        for at in (before, after)
    )
    start = np.where(np.isnan(earlier.rate), later.rate, earlier.rate)
    end = np.where(np.isnan(later.rate), earlier.rate, later.rate)
    absent = np.isnan(start)
    rate_part = np.where(absent, 0.0, (end - start) * (earlier.share + later.share) / 2)
    level = (start + end) / 2 - (earlier.ratio + later.ratio) / 2
    mix_part = np.where(absent, 0.0, (later.share - earlier.share) * level)

    first_row = np.unique(code, return_index=True)[1]
    return pd.DataFrame(
        {
            **{name: rows[name].array[first_row] for name in groups},
            "share_before": earlier.share,
            "share_after": later.share,
            "rate_before": earlier.rate,
            "rate_after": later.rate,
            "mix": mix_part,
            "rate": rate_part,
            "total": mix_part + rate_part,
        }
    )


@dataclass(frozen=True)
class _PeriodSums:
    """A period: each group's share of the denominator and its rate (NaN where it is absent), and the ratio over all."""

    share: Floats
    rate: Floats
    ratio: float


def _refuse_unusable(rows: pd.DataFrame, numerator: str, denominator: str) -> None:
    """Raise ValueError where a value is missing or a denominator negative."""
    for column in (numerator, denominator):
        if rows[column].isna().any():
            raise ValueError(f"'{column}' is missing in {int(rows[column].isna().sum())} rows; fill or drop them first")
    if (rows[denominator] < 0).any():
        raise ValueError(f"'{denominator}' is negative in {int((rows[denominator] < 0).sum())} rows")


def _period_sums(
    rows: pd.DataFrame, code: Integers, size: int, *, numerator: str, denominator: str, period: str, at: Any
) -> _PeriodSums:
    """Sum one period by group number; ValueError where it has no ratio, or a numerator without a denominator."""
    inside = (rows[period] == at).to_numpy(dtype=bool)
    above, below = (
        np.bincount(code[inside], rows[column].to_numpy(dtype=np.float64)[inside], minlength=size)
        for column in (numerator, denominator)
    )
    if below.sum() == 0:
        raise ValueError(f"'{denominator}' is 0 throughout the period {at!r}: there is no ratio to explain")
    if ((below == 0) & (above != 0)).any():
        raise ValueError(f"a group has '{numerator}' but no '{denominator}' in the period {at!r}")
    rate = np.divide(above, below, out=np.full(size, np.nan), where=below > 0)
    return _PeriodSums(below / below.sum(), rate, float(above.sum() / below.sum()))
