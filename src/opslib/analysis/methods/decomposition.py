"""What explains the change of a ratio: other rates within the groups, or another mix of the groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.analysis.methods.columns import Floats

Integers = npt.NDArray[np.integer[Any]]
Flags = npt.NDArray[np.bool_]


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
    names = [by] if isinstance(by, str) else list(by)
    if before == after:
        raise ValueError(f"before and after are the same period, {before!r}")
    when = frame[period].to_numpy()
    is_earlier, is_later = when == before, when == after
    inside = is_earlier | is_later
    above, below = (frame[name].to_numpy(dtype=np.float64)[inside] for name in (numerator, denominator))
    _refuse_unusable(above, below, numerator, denominator)
    keys = [frame[name].array[inside] for name in names]
    code, first_row = _groups_of(keys)
    earlier, later = (
        _period_sums(above, below, code, is_now[inside], len(first_row), names=(numerator, denominator), at=at)
        for is_now, at in ((is_earlier, before), (is_later, after))
    )
    start = np.where(np.isnan(earlier.rate), later.rate, earlier.rate)
    end = np.where(np.isnan(later.rate), earlier.rate, later.rate)
    absent = np.isnan(start)
    rate_part = np.where(absent, 0.0, (end - start) * (earlier.share + later.share) / 2)
    level = (start + end) / 2 - (earlier.ratio + later.ratio) / 2
    mix_part = np.where(absent, 0.0, (later.share - earlier.share) * level)

    return pd.DataFrame(
        {
            **{name: key[first_row] for name, key in zip(names, keys, strict=True)},
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


def _refuse_unusable(above: Floats, below: Floats, numerator: str, denominator: str) -> None:
    """Raise ValueError where a value is missing or a denominator negative."""
    for name, values in ((numerator, above), (denominator, below)):
        if count := int(np.isnan(values).sum()):
            raise ValueError(f"'{name}' is missing in {count} rows; fill or drop them first")
    if count := int((below < 0).sum()):
        raise ValueError(f"'{denominator}' is negative in {count} rows")


def _groups_of(keys: Sequence[Any]) -> tuple[Integers, Integers]:
    """The number of each row's group, in the order of the groups' keys, and the first row of each group.

    A missing value stays a group of its own, the last one.
    """
    codes = np.stack([pd.factorize(key, sort=True, use_na_sentinel=False)[0] for key in keys])
    _, first_row, code = np.unique(codes, axis=1, return_index=True, return_inverse=True)
    return code.ravel(), first_row


def _period_sums(
    above: Floats, below: Floats, code: Integers, is_now: Flags, size: int, *, names: tuple[str, str], at: Any
) -> _PeriodSums:
    """Sum one period by group number; ValueError where it has no ratio, or a numerator without a denominator."""
    numerators, denominators = (np.bincount(code[is_now], each[is_now], minlength=size) for each in (above, below))
    total = denominators.sum()
    if total == 0:
        raise ValueError(f"'{names[1]}' is 0 throughout the period {at!r}: there is no ratio to explain")
    if ((denominators == 0) & (numerators != 0)).any():
        raise ValueError(f"a group has '{names[0]}' but no '{names[1]}' in the period {at!r}")
    rate = np.divide(numerators, denominators, out=np.full(size, np.nan), where=denominators > 0)
    return _PeriodSums(denominators / total, rate, float(numerators.sum() / total))
