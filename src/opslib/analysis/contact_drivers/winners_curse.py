"""How large something is that was picked because it looked large: what is picked by its size is overstated by it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import special

_STEPS = 6001
_BELOW, _ABOVE = 25.0, 6.0  # standard errors around what was measured, within which the true size is looked for


class Size(NamedTuple):
    """A size with its 95% interval."""

    value: float
    low: float
    high: float


def size_after_selection(measure: float, error: float, threshold: float) -> Size:
    """Estimate a size that was picked because it lay so far from zero.

    Args:
        measure: what was measured, above 0.
        error: its standard error, in the same unit.
        threshold: so many standard errors from zero, on either side, were needed to be picked.

    Returns:
        The size with its 95% interval, in the unit of `measure`. A measure that lies below the threshold was just
        picked: it is taken for one that lies on it.

    Notes:
        The likelihood of a normal measure, given that it was picked. The size is the mean of the place of its maximum
        and of its own mean (the third estimate of Ghosh, Zou and Wright), which is less biased than either. The
        interval has 2.5 % of that likelihood on either side: the posterior of a flat prior after selection (Yekutieli).
        What lies far beyond the threshold stays as it was measured.

    References:
        Ghosh, A., Zou, F., Wright, F. A. (2008). Estimating odds ratios in genome scans: an approximate conditional
        likelihood approach. American Journal of Human Genetics 82, 1064-1074. Yekutieli, D. (2012). Adjusted Bayesian
        inference for selected parameters. Journal of the Royal Statistical Society B 74, 515-541.

    >>> [round(each, 1) for each in size_after_selection(40.0, 10.0, 3.0)]
    [33.1, 4.1, 56.8]
    >>> [round(each, 1) for each in size_after_selection(100.0, 10.0, 3.0)]
    [100.0, 80.4, 119.6]
    """
    if error <= 0:
        return Size(measure, measure, measure)
    z = measure / error
    limit = max(0.0, min(threshold, z))
    true = np.linspace(z - _BELOW, z + _ABOVE, _STEPS)
    picked = np.logaddexp(special.log_ndtr(true - limit), special.log_ndtr(-true - limit))
    log = -0.5 * (z - true) ** 2 - picked
    weight = np.exp(log - log.max())
    likeliest, mean = true[np.argmax(log)], (true * weight).sum() / weight.sum()
    low, high = np.interp([0.025, 0.975], weight.cumsum() / weight.sum(), true)
    return Size(float((likeliest + mean) / 2 * error), float(low * error), float(high * error))
