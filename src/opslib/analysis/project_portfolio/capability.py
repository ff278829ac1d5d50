"""Six Sigma's numbers of a process: defects per million, sigma level, yield, capability, and the DMAIC stage."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special, stats

from opslib.analysis.methods.columns import as_columns, as_floats
from opslib.analysis.methods.level_signals import level_shift
from opslib.analysis.project_portfolio.plan import Plan
from opslib.locales import whole

SHIFT = 1.5
"""Standard deviations by which Six Sigma lets the mean of a process wander in the long run."""
MILLION = 1_000_000
FEWEST_VALUES = 20
"""Fewest values from which capability is told; its interval says how little few tell."""
DEFINE, MEASURE, ANALYZE, IMPROVE, CONTROL, CLOSED = "define", "measure", "analyze", "improve", "control", "closed"
STAGES = (DEFINE, MEASURE, ANALYZE, IMPROVE, CONTROL)

_D2 = 1.128  # expected moving range of two
_FALSE_ALARM = 0.01
_SHIFT_T = 3.8  # what one in a hundred stable series of 20 to 1,000 values exceeds, simulated
_CONFIDENCE = 0.95


def defect_rates(
    defects: npt.ArrayLike, units: npt.ArrayLike, *, opportunities: float = 1, shift: float = SHIFT
) -> pd.DataFrame:
    """Defects per million opportunities, the yield, and the sigma level.

    Args:
        defects: how many.
        units: tickets, calls or whatever can have them.
        opportunities: for a defect, in each unit.
        shift: standard deviations added to the level of the long run; 0 for that level itself.

    Returns:
        dpu (per unit), dpmo (per million opportunities), yield_share (of opportunities without a defect),
        first_pass_yield (of units without one, exp(-dpu)), sigma_level (the normal quantile of the yield plus
        `shift`). NaN without units; a level without a defect is infinite.

    Raises:
        ValueError: there are more defects than opportunities, or less than none, or opportunities or units below 0.

    References:
        Harry, M. J., Schroeder, R. (2000). Six Sigma. Doubleday (the shift of 1.5).

    >>> defect_rates([3.4], [1_000_000])["sigma_level"].round(2).tolist()
    [6.0]
    """
    if opportunities <= 0:
        raise ValueError(f"opportunities must be above 0, not {opportunities}")
    columns, index = as_columns(defects=defects, units=units)
    count, total = columns["defects"], columns["units"]
    if (count < 0).any() or (total < 0).any() or (count > total * opportunities).any():
        raise ValueError("defects must be 0 or more, and no more than units times opportunities")
    total = np.where(total > 0, total, np.nan)
    per_unit = count / total
    share = per_unit / opportunities
    return pd.DataFrame(
        {
            "dpu": per_unit,
            "dpmo": MILLION * share,
            "yield_share": 1 - share,
            "first_pass_yield": np.exp(-per_unit),
            "sigma_level": -special.ndtri(share) + shift,
        },
        index=index,
    )


def rolled_yield(yields: npt.ArrayLike) -> float:
    """The share of units that pass all steps without a defect: the product of the steps' yields.

    Args:
        yields: of each step, 0 to 1.

    >>> round(rolled_yield([0.98, 0.95, 0.9]), 4)
    0.8379
    """
    return float(np.prod(as_floats(yields)))


class Limits(NamedTuple):
    """Limits of an XmR chart: its mean, and three standard deviations, told by the moving range, to both sides."""

    centre: float
    lower: float
    upper: float
    sigma: float


def xmr_limits(values: npt.ArrayLike) -> Limits:
    """The limits of individual values: mean ± 2.66 mean moving ranges.

    Args:
        values: in order of time, two or more.

    References:
        NIST/SEMATECH (2012). e-Handbook of statistical methods, 6.3.2.2.
    """
    x = as_floats(values)
    sigma = float(np.abs(np.diff(x)).mean() / _D2)
    centre = float(x.mean())
    return Limits(centre, centre - 3 * sigma, centre + 3 * sigma, sigma)


def instability(values: npt.ArrayLike) -> str:
    """Why a process is not stable by its control chart; "" where it is.

    Args:
        values: in order of time.

    Notes:
        A value farther from the mean of an XmR chart than 99 % of stable series have any (three standard deviations of
        few values, more of many), or a level that shifts, by the largest two-sample t over all places where it could:
        each calls out one stable series in a hundred. Rules of runs call out most long ones.

    References:
        Hawkins, D. M. (1977). Testing a sequence of observations for a shift in location. J. Amer. Statist. Assoc. 72,
        180-186.
    """
    x = as_floats(values)
    limits = xmr_limits(x)
    reach = -float(special.ndtri(_FALSE_ALARM / (2 * x.size))) * limits.sigma
    beyond = int((np.abs(x - limits.centre) > reach).sum())
    if beyond:
        return f"{whole(beyond)} of {whole(x.size)} values {'lies' if beyond == 1 else 'lie'} beyond its limits"
    shift, place = level_shift(x - limits.centre, np.ones(x.shape, dtype=bool))
    if shift > _SHIFT_T:
        return f"its level is another one from value {whole(int(place) + 1)} on"
    return ""


def capability(values: npt.ArrayLike, *, lower: float | None = None, upper: float | None = None) -> pd.Series:
    """How well a process fits within its limits.

    Args:
        values: in order of time.
        lower: what a value must not fall below.
        upper: what it must not exceed; one of the two may be None.

    Returns:
        n, mean, sd (overall), cp, cpk (by the spread from one value to the next), pp, ppk (by the overall spread), low
        and high (ppk, 95 %), outside_share (of the values), why (a sentence where it is refused, and the numbers of
        capability are then NaN: too few values, no spread, or a process that is not stable). cp and pp need both
        limits.

    Raises:
        ValueError: there is no limit, or the lower one is not below the upper one.

    References:
        NIST/SEMATECH (2012). e-Handbook of statistical methods, 6.1.6.
        Bissell, A. F. (1990). How reliable is your capability index? Appl. Statist. 39, 331-340 (the interval).
    """
    if lower is None and upper is None:
        raise ValueError("capability needs a lower or an upper limit")
    if lower is not None and upper is not None and not lower < upper:
        raise ValueError(f"the lower limit must lie below the upper one, not at {lower} and {upper}")
    x = as_floats(values)
    x = x[~np.isnan(x)]
    n = int(x.size)
    mean, sd = (float(x.mean()), float(x.std(ddof=1))) if n > 1 else (np.nan, np.nan)
    outside = (x < (-np.inf if lower is None else lower)) | (x > (np.inf if upper is None else upper))
    told = {"n": n, "mean": mean, "sd": sd, "outside_share": float(outside.mean()) if n else np.nan, "why": ""}
    names = ("cp", "cpk", "pp", "ppk", "low", "high")
    if n < FEWEST_VALUES:
        told["why"] = f"{whole(n)} values are too few for capability, which needs {FEWEST_VALUES}"
    elif sd == 0:
        told["why"] = "the values do not vary"
    elif reason := instability(x):
        told["why"] = f"the process is not stable, so that it has no capability to tell: {reason}"
    if told["why"]:
        return pd.Series({**told, **dict.fromkeys(names, np.nan)})
    cp, cpk = capability_indices(mean, xmr_limits(x).sigma, lower=lower, upper=upper)
    pp, ppk = capability_indices(mean, sd, lower=lower, upper=upper)
    half = float(stats.norm.ppf(0.5 + _CONFIDENCE / 2)) * np.sqrt(1 / (9 * n) + ppk**2 / (2 * (n - 1)))
    numbers = (cp, cpk, pp, ppk, ppk - half, ppk + half)
    return pd.Series({**told, **dict(zip(names, numbers, strict=True))})


def capability_indices(
    mean: float, sd: float, *, lower: float | None = None, upper: float | None = None
) -> tuple[float, float]:
    """Cp and Cpk of a mean and a standard deviation (Pp and Ppk where it is the overall one).

    Args:
        mean: of the process.
        sd: its standard deviation, above 0.
        lower: lower limit.
        upper: upper limit.

    Returns:
        (upper - lower) / 6 sd, NaN of one limit; and the distance of the mean to the nearer limit, in 3 sd.

    >>> tuple(round(each, 4) for each in capability_indices(16, 2, lower=8, upper=20))
    (1.0, 0.6667)
    """
    cp = np.nan if lower is None or upper is None else (upper - lower) / (6 * sd)
    to_upper = np.inf if upper is None else (upper - mean) / (3 * sd)
    to_lower = np.inf if lower is None else (mean - lower) / (3 * sd)
    return float(cp), float(min(to_upper, to_lower))


def before_and_after(
    before: npt.ArrayLike, after: npt.ArrayLike, *, lower: float | None = None, upper: float | None = None
) -> pd.DataFrame:
    """`capability` of a process before and after a change, a row each, indexed `before` and `after`."""
    rows = [capability(values, lower=lower, upper=upper) for values in (before, after)]
    return pd.DataFrame(rows, index=["before", "after"])


def dmaic_stages(plan: Plan) -> pd.DataFrame:
    """Where each project stands in define, measure, analyze, improve, control.

    Args:
        plan: the plans.

    Returns:
        project_id, dmaic, why.

    Notes:
        A project whose tasks are named by stages (`Measure: …`) is in that of its first task that is not done.
        Else a planned one defines, a live one controls, and a running one is taken to improve, for it changes things.
    """
    word = plan.tasks["name"].fillna("").str.extract(r"(?i)^\s*(define|measure|analy[sz]e|improve|control)\b")[0]
    word = word.str.lower().str.replace("analyse", ANALYZE)
    rank = word.map({name: place for place, name in enumerate(STAGES)})
    named = plan.tasks[["project_id", "is_done"]].assign(rank=rank)[rank.notna()]
    still = named[~named["is_done"]].groupby("project_id")["rank"].min()
    of_names = set(named["project_id"])
    by_stage = {"planned": DEFINE, "running": IMPROVE, "live": CONTROL, "closed": CLOSED}
    rows: list[tuple[str, str | None, str]] = []
    for project_id, stage in zip(plan.projects["project_id"], plan.projects["stage"], strict=True):
        if project_id in of_names and stage != "closed":
            told = STAGES[int(still[project_id])] if project_id in still else CONTROL
            why = "its first task that is not done" if project_id in still else "all its tasks are done"
            rows.append((project_id, told, why))
        elif stage in by_stage:
            rows.append((project_id, by_stage[stage], f"its stage is {stage}"))
        else:
            rows.append((project_id, None, "its stage says nothing"))
    return pd.DataFrame(rows, columns=["project_id", "dmaic", "why"])
