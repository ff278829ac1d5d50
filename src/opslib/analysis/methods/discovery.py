"""Many tests at once: which changes are discoveries at a stated false discovery rate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.analysis.methods.columns import as_columns

FALSE_DISCOVERY_RATE = 0.10
"""The expected share of false ones among what is found of many things tested at once, where nothing else is said."""


def benjamini_hochberg(p_values: npt.ArrayLike, *, rate: float = FALSE_DISCOVERY_RATE) -> pd.DataFrame:
    """Return which of a family of p-values are discoveries at a false discovery rate.

    Args:
        p_values: p-values of one family, such as all metrics and teams of a week; NaN where no test could be made.
        rate: the expected share of false ones among the discoveries.

    Returns:
        One row per p-value, in their order and with the index of the Series: p, q (the smallest rate at which the row
        is a discovery), discovery (bool). A row without a p-value has no q, is no discovery, and does not count in the
        size of the family.

    Raises:
        ValueError: a p-value lies outside 0 to 1, or the rate outside (0, 1).

    Notes:
        With the p-values sorted, q of the i-th of m is the smallest p(j) * m / j over j >= i. Holds for independent and
        for positively dependent tests.

    References:
        Benjamini, Y., Hochberg, Y. (1995). Controlling the false discovery rate: a practical and powerful approach to
        multiple testing. Journal of the Royal Statistical Society B 57, 289-300.

    >>> benjamini_hochberg([0.01, 0.04, 0.9], rate=0.05)["discovery"].tolist()
    [True, False, False]
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate must lie between 0 and 1, not {rate}")
    columns, index = as_columns(p=p_values)
    p = columns["p"]
    outside = np.flatnonzero((p < 0) | (p > 1))
    if len(outside):
        raise ValueError(f"a p-value at position {outside[0]} lies outside 0 to 1 ({len(outside)} of {len(p)} rows)")

    tested = np.flatnonzero(~np.isnan(p))
    descending = tested[np.argsort(-p[tested], kind="stable")]
    rank = np.arange(len(tested), 0, -1)
    q = np.full(len(p), np.nan)
    q[descending] = np.minimum(np.minimum.accumulate(p[descending] * len(tested) / rank), 1.0)
    return pd.DataFrame({"p": p, "q": q, "discovery": q <= rate}, index=index)
