"""Which contact reasons moved: counts of a week or a day against those of the eight weeks before, tested together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special, stats

from opslib.analysis.discovery import benjamini_hochberg
from opslib.calendars import shift_week

Floats = npt.NDArray[np.float64]

TRAILING_WEEKS = 8
FALSE_DISCOVERY_RATE = 0.10
FEWEST_TICKETS = 10
ALL = "all"
UNLABELLED = "not labelled"

_TRIMMED = 0.2
_FEWEST_REASONS = 3
_STEADY_FLOW = 40.0  # tickets a week from which a segment's own flow says more than the team's
_EXACT_UP_TO = 3000  # tickets in all from where a beta distribution stands for the beta-binomial
_ALIKE = 2.0  # times that the usual reasons' flow may differ from that of all tickets
_FAR_OUT = 3.5  # standard deviations
_FEWEST_RISING = 4  # tickets of a week that can be called a rise
_WINDOWS = (1, 3)  # days that an early warning sums


def weekly_counts(
    tickets: pd.DataFrame, weeks: Sequence[str], *, dimensions: Sequence[str] = ("channel", "language", "region")
) -> pd.DataFrame:
    """Count tickets per week and reason, in all and by each dimension.

    Args:
        tickets: one row per ticket: week, contact_reason and the dimensions; a dimension without any value is left out.
        weeks: the ISO weeks wanted; weeks without tickets count 0.
        dimensions: columns of `tickets`.

    Returns:
        dimension, segment, contact_reason, week, count (int64). Dimension and segment `all` hold the team's tickets,
        contact_reason `all` those of all reasons. Every combination that occurs has a row for every week.
    """
    inside = tickets[tickets["week"].isin(list(weeks))]
    inside = inside.assign(contact_reason=inside["contact_reason"].astype("str").fillna(UNLABELLED))
    parts = [inside.assign(dimension=ALL, segment=ALL)]
    parts += [
        inside.assign(dimension=name, segment=inside[name].astype("str")).dropna(subset=["segment"])
        for name in dimensions
        if name in inside and inside[name].notna().any()
    ]
    rows = pd.concat([part[["dimension", "segment", "contact_reason", "week"]] for part in parts])
    rows = pd.concat([rows, rows.assign(contact_reason=ALL)])
    keys = ["dimension", "segment", "contact_reason"]
    wide = rows.groupby([*keys, "week"], observed=True).size().reset_index(name="count")
    wide = wide.pivot_table(index=keys, columns="week", values="count", fill_value=0)
    wide = wide.reindex(columns=pd.Index(list(weeks), name="week"), fill_value=0).reset_index()
    long = wide.melt(id_vars=keys, var_name="week", value_name="count").astype({"count": "int64"})
    return long.sort_values([*keys, "week"], kind="stable", ignore_index=True)


def weekly_movers(
    counts: pd.DataFrame,
    week: str,
    *,
    trailing: int = TRAILING_WEEKS,
    rate: float = FALSE_DISCOVERY_RATE,
    fewest: int = FEWEST_TICKETS,
) -> pd.DataFrame:
    """Test which reasons moved in a week against the trailing weeks, in all and by segment, as one family.

    Args:
        counts: as of `weekly_counts`; from 62 weeks on, last year's weeks give the seasonality of each reason.
        week: the week tested.
        trailing: how many weeks before it are the measure.
        rate: false discovery rate over reasons and segments.
        fewest: a reason of a segment is tested where it has so many tickets in the week and the trailing ones together.

    Returns:
        One row per reason and segment: dimension, segment, contact_reason, count, trailing_mean, flow (how the tickets
        of the segment's other reasons went against the trailing weeks), season, expected, low, high (95 % prediction),
        excess (count less expected), ratio, z, p, q, discovery, direction (up, down or ""). Without enough trailing
        weeks (`trailing` of them must be in `counts`) or tickets, p is NaN.

    Notes:
        Counts are negative binomial with mean exposure × rate: a row's dispersion is its own, shrunk to the family's
        (Smyth 2004), but for a row with a week far out of its range, which keeps its own. Where the last trailing
        weeks are already far above those before them, the rise is going on, and they are left out of the measure.
        Given the tickets of all weeks together, the week's are beta-binomial; the mid-p of that is
        referred to Student's t with the degrees of freedom of the dispersion. Exposure is the trimmed ratio of the
        *other* reasons to their trailing means (Robinson and Oshlack 2010), so that a holiday moves no reason and a new
        reason does not push the others down. The row of all reasons of a segment is measured against the team's flow,
        the row of all tickets against nothing but its own weeks.

    References:
        Robinson, M. D., Oshlack, A. (2010). A scaling normalization method for differential expression analysis.
        Genome Biology 11, R25. Robinson, M. D., Smyth, G. K. (2008). Small-sample estimation of negative binomial
        dispersion. Biostatistics 9, 321-332. Smyth, G. K. (2004). Linear models and empirical Bayes methods.
        Statistical Applications in Genetics and Molecular Biology 3, 3.
    """
    wide = counts.pivot_table(index=["dimension", "segment", "contact_reason"], columns="week", values="count")
    before = [shift_week(week, -back) for back in range(trailing, 0, -1)]
    known = week in wide and all(each in wide for each in before)
    if not known or wide.empty:
        return _untested(wide, week)
    now = wide[week].to_numpy(dtype=np.float64)
    past = wide[before].to_numpy(dtype=np.float64)
    flow = _flows(wide.index, np.column_stack([past, now]))
    season, unsure = _season(wide, week, trailing)
    tested = (past.sum(axis=1) + now) >= fewest
    found = predict(now, past, flow[:, -1] * season, flow[:, :-1], unsure=unsure, families=_families(wide.index))
    found.loc[~tested, ["p", "z"]] = np.nan
    told = benjamini_hochberg(found["p"].to_numpy(), rate=rate)
    frame = wide.index.to_frame(index=False).assign(
        count=now.astype(np.int64),
        trailing_mean=past.mean(axis=1),
        flow=np.divide(flow[:, -1], flow[:, :-1].mean(axis=1)),
        season=season,
    )
    columns = ["expected", "low", "high", "excess", "ratio", "z", "p"]
    frame[columns] = found[columns].to_numpy()
    frame["q"], frame["discovery"] = told["q"].to_numpy(), told["discovery"].to_numpy()
    frame["direction"] = np.where(frame["discovery"], np.where(frame["excess"] > 0, "up", "down"), "")
    return frame.sort_values(["p", "excess"], ascending=[True, False], kind="stable", ignore_index=True)


def daily_counts(tickets: pd.DataFrame, days: Sequence[str]) -> pd.DataFrame:
    """Count tickets per local day and reason.

    Args:
        tickets: one row per ticket: day (ISO date as text), contact_reason.
        days: the days wanted, in order and without gaps.

    Returns:
        One row per reason, one column per day; index contact_reason.
    """
    inside = tickets[tickets["day"].isin(list(days))]
    reason = inside["contact_reason"].astype("str").fillna(UNLABELLED).rename("contact_reason")
    long = inside.groupby([reason, "day"], observed=True).size().reset_index(name="count")
    wide = long.pivot_table(index="contact_reason", columns="day", values="count", fill_value=0)
    return wide.reindex(columns=pd.Index(list(days), name="day"), fill_value=0).astype("int64")


def early_warnings(
    counts: pd.DataFrame,
    days: Sequence[str],
    *,
    trailing: int = TRAILING_WEEKS,
    weekly_rate: float = FALSE_DISCOVERY_RATE,
    fewest: int = FEWEST_TICKETS,
) -> pd.DataFrame:
    """Warn, day by day, of reasons with more tickets than the same weekdays of the weeks before.

    Args:
        counts: as of `daily_counts`, with `7 * trailing + 2` days before the first of `days`.
        days: the days judged, each on what was known at its end; a day without enough days before it is left out.
        trailing: how many weeks before are the measure.
        weekly_rate: the chance of any false warning in seven quiet days.
        fewest: a reason is tested where it has so many tickets in the days and their measure together.

    Returns:
        One row per warning: day, contact_reason, days (how many were summed: 1 or 3), count, expected, ratio, p, q.

    Notes:
        As `weekly_movers`, upwards only. The days' family (reasons × windows) is held at a seventh of `weekly_rate`;
        under no change, the false discovery rate of a family is its chance of any discovery.
    """
    columns = ["day", "contact_reason", "days", "count", "expected", "ratio", "p", "q"]
    place = {str(day): number for number, day in enumerate(counts.columns)}
    values = counts.to_numpy(dtype=np.float64)
    running = np.concatenate([np.zeros((len(values), 1)), values.cumsum(axis=1)], axis=1)
    parts = []
    for day in days:
        end = place.get(str(day), -1) + 1
        if end < 7 * trailing + max(_WINDOWS) or values.size == 0:
            continue
        for window in _WINDOWS:
            ends = end - 7 * np.arange(trailing, -1, -1)
            sums = running[:, ends] - running[:, ends - window]
            flow = _leave_one_out(sums, np.ones(trailing + 1))
            found = predict(sums[:, -1], sums[:, :-1], flow[:, -1], flow[:, :-1])
            tested = sums.sum(axis=1) >= fewest
            parts.append(
                pd.DataFrame(
                    {
                        "day": str(day),
                        "contact_reason": counts.index.astype("str"),
                        "days": window,
                        "count": sums[:, -1].astype(np.int64),
                        "expected": found["expected"].to_numpy(),
                        "ratio": found["ratio"].to_numpy(),
                        "p": np.where(tested, found["p_up"], np.nan),
                    }
                )
            )
    if not parts:
        return pd.DataFrame(columns=columns)
    every = pd.concat(parts, ignore_index=True)
    judged = [
        rows.assign(q=told["q"])[told["discovery"].to_numpy()]
        for _, rows in every.groupby("day", sort=True)
        for told in [benjamini_hochberg(rows["p"], rate=weekly_rate / 7)]
    ]
    warned = pd.concat(judged, ignore_index=True).sort_values(["day", "p"], kind="stable", ignore_index=True)
    return warned.drop_duplicates(["day", "contact_reason"], ignore_index=True)[columns]


def predict(
    now: npt.ArrayLike,
    before: npt.ArrayLike,
    exposure_now: npt.ArrayLike = 1.0,
    exposure_before: npt.ArrayLike = 1.0,
    *,
    unsure: npt.ArrayLike = 0.0,
    families: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Compare counts with what their past predicts, allowing for more variation than Poisson's.

    Args:
        now: a count per row, shape (n,).
        before: the past counts of each row, shape (n, weeks).
        exposure_now: what `now` is counted over, shape (n,) or one number.
        exposure_before: the same for `before`, shape (n, weeks) or (weeks,) or one number.
        unsure: relative variance of `exposure_now`, shape (n,) or one number.
        families: rows of one family lend each other their dispersion; None: all rows are one.

    Returns:
        expected, low, high (95 % prediction interval), excess, ratio (count over expected, of rates with half a ticket
        added to each side), z, p (two-sided), p_up, dispersion (relative variance beyond Poisson's), freedom.

    >>> predict([30, 11], [[10, 11, 9, 10, 12, 8, 10, 10]] * 2)["p"].round(4).tolist()
    [0.0023, 0.7508]
    """
    count = np.atleast_1d(np.asarray(now, dtype=np.float64))
    past = np.asarray(before, dtype=np.float64)
    rows, weeks = past.shape
    over_now = np.broadcast_to(np.asarray(exposure_now, dtype=np.float64), (rows,))
    over = np.broadcast_to(np.asarray(exposure_before, dtype=np.float64), (rows, weeks)).copy()
    doubt = np.broadcast_to(np.asarray(unsure, dtype=np.float64), (rows,))
    kinds = np.zeros(rows, dtype=np.int64)
    if families is not None:
        kinds = np.unique(np.asarray(families), return_inverse=True)[1].reshape(rows)
    every = [np.flatnonzero(kinds == kind) for kind in np.unique(kinds)]
    for own in every:
        over[own] *= ~_rising(past[own], over[own])
    past = np.where(over > 0, past, 0.0)
    total, over_total, used = past.sum(axis=1), over.sum(axis=1), (over > 0).sum(axis=1)
    expected = total / over_total * over_now
    dispersion, freedom = np.zeros(rows), np.full(rows, float(weeks - 1))
    for own in every:
        dispersion[own], freedom[own] = _dispersions(past[own], over[own], expected[own])
    spread = dispersion + doubt
    below, above = _tails(count, total + count, over_now, over_total, spread, used.astype(np.float64))
    p_up = stats.t.sf(-special.ndtri(np.clip(above, 1e-300, 1 - 1e-16)), freedom)
    p_down = stats.t.sf(-special.ndtri(np.clip(below, 1e-300, 1 - 1e-16)), freedom)
    p = np.minimum(1.0, 2 * np.minimum(p_up, p_down))
    z = np.where(p_up < p_down, 1.0, -1.0) * -special.ndtri(np.clip(np.minimum(p_up, p_down), 1e-300, 0.5))
    error = spread + np.divide(1.0 + dispersion * total / used, np.maximum(total, 0.5))
    low, high = _prediction(np.maximum(expected, 0.5 * over_now / over_total), error)
    ratio = (count + 0.5) / over_now / ((total + 0.5) / over_total)
    return pd.DataFrame(
        {
            "expected": expected,
            "low": low,
            "high": high,
            "excess": count - expected,
            "ratio": ratio,
            "z": z,
            "p": p,
            "p_up": p_up,
            "dispersion": dispersion,
            "freedom": freedom,
        }
    )


def _untested(wide: pd.DataFrame, week: str) -> pd.DataFrame:
    frame = wide.index.to_frame(index=False)
    frame["count"] = wide[week].to_numpy() if week in wide else 0
    numbers = ["trailing_mean", "flow", "season", "expected", "low", "high", "excess", "ratio", "z", "p", "q"]
    frame[numbers] = np.nan
    return frame.assign(discovery=False, direction="")


def _families(index: pd.Index) -> npt.NDArray[np.object_]:
    """Totals of the team, totals of segments, and reasons of each dimension lend each other their dispersion."""
    dimension = index.get_level_values("dimension").to_numpy(dtype=object)
    whole = index.get_level_values("contact_reason").to_numpy(dtype=object) == ALL
    return np.where(whole, dimension + " total", dimension)


def _flows(index: pd.Index, counts: Floats) -> Floats:
    """What each row's counts are measured against, per week; the last column is the week tested."""
    where = index.to_frame(index=False)
    whole = (where["contact_reason"] == ALL).to_numpy()
    flow = np.ones_like(counts)
    team = np.ones(counts.shape[1])
    cells = where.groupby(["dimension", "segment"], sort=False).indices
    for place in sorted(cells.values(), key=lambda rows: where["dimension"].iloc[rows[0]] != ALL):
        rows = place[~whole[place]]
        is_team = where["dimension"].iloc[place[0]] == ALL
        own = _trimmed(counts[rows], team) if is_team else team
        if is_team:
            team = own
        fits = counts[rows].sum(axis=0).mean() >= _STEADY_FLOW
        flow[rows] = _leave_one_out(counts[rows], team) if fits else team
        flow[place[whole[place]]] = 1.0 if is_team else team
    return flow


def _leave_one_out(counts: Floats, otherwise: Floats) -> Floats:
    """For each reason how the other reasons went: their trimmed ratio to their trailing means, per week."""
    flow = np.empty_like(counts)
    for row in range(len(counts)):
        flow[row] = _trimmed(np.delete(counts, row, axis=0), otherwise)
    return flow


def _trimmed(counts: Floats, otherwise: Floats) -> Floats:
    mean = counts[:, :-1].mean(axis=1)
    used = mean >= 1.0
    if used.sum() < _FEWEST_REASONS:
        return otherwise
    whole = counts.sum(axis=0) / mean.sum()
    counts, mean = counts[used], mean[used]
    ratio = counts / mean[:, None]
    order = np.argsort(ratio, axis=0, kind="stable")
    weight = mean[order]
    passed = np.cumsum(weight, axis=0) / mean.sum()
    kept = np.clip(passed, _TRIMMED, 1 - _TRIMMED) - np.clip(passed - weight / mean.sum(), _TRIMMED, 1 - _TRIMMED)
    flow: Floats = (kept * np.take_along_axis(ratio, order, axis=0)).sum(axis=0) / kept.sum(axis=0)
    # Where most reasons were renamed, they say nothing of the flow; what all tickets did still does.
    flow = np.where((flow < whole / _ALIKE) | (flow > whole * _ALIKE), whole, flow)
    return flow if bool((flow > 0).all()) else otherwise


def _season(wide: pd.DataFrame, week: str, trailing: int) -> tuple[Floats, Floats]:
    """How much of its trailing level each row had in these weeks of last year, shrunk to 1; its relative variance."""
    one, none = np.ones(len(wide)), np.zeros(len(wide))
    then = [shift_week(week, -back) for back in (53, 52, 51)]
    earlier = [shift_week(week, -back) for back in range(53 + trailing, 53, -1)]
    if not all(each in wide for each in [*then, *earlier]):
        return one, none
    past = wide[earlier].to_numpy(dtype=np.float64)
    same = wide[then].to_numpy(dtype=np.float64)
    flow = _flows(wide.index, np.column_stack([past, same.mean(axis=1)]))
    rate = (same.mean(axis=1) + 0.5) / flow[:, -1]
    level = (past.sum(axis=1) + 0.5) / flow[:, :-1].sum(axis=1)
    change = np.log(rate / level)
    families = _families(wide.index)
    factor, unsure = one, none
    for kind in np.unique(families):
        own = families == kind
        dispersion, _ = _dispersions(past[own], flow[own, :-1], level[own])
        variance = 1 / (same[own].sum(axis=1) + 0.5) + 1 / (past[own].sum(axis=1) + 0.5)
        variance = variance + dispersion * (1 / 3 + 1 / trailing)
        enough = past[own].sum(axis=1) >= trailing
        between = float(np.mean(change[own][enough] ** 2 - variance[enough])) if enough.any() else 0.0
        between = max(between, 0.0)
        shrunk = np.where(enough, between / (between + variance), 0.0)
        factor = np.where(own, np.exp(np.bincount(np.flatnonzero(own), shrunk * change[own], len(one))), factor)
        unsure = np.where(own, np.bincount(np.flatnonzero(own), shrunk * variance, len(one)), unsure)
    return factor, unsure


def _rising(past: Floats, over: Floats) -> npt.NDArray[np.bool_]:
    """The last weeks of each row that lie far above all weeks before them; at most half of the weeks."""
    rising = np.zeros(past.shape, dtype=np.bool_)
    weeks = past.shape[1]
    pooled = _pooled(past, over)[2]
    still = np.ones(len(past), dtype=np.bool_)
    for week in range(weeks - 1, weeks - 1 - weeks // 2, -1):
        earlier = np.maximum(past[:, :week].sum(axis=1), 0.5) / np.maximum(over[:, :week].sum(axis=1), 1e-9)
        level = earlier * over[:, week]
        reach = _FAR_OUT * np.sqrt((level + pooled * level**2) * (1 + 1 / week))
        still = still & (past[:, week] > level + reach) & (past[:, week] >= _FEWEST_RISING)
        rising[:, week] = still
    return rising


def _pooled(past: Floats, over: Floats) -> tuple[Floats, Floats, float]:
    """Squared distances from each row's mean, those means, and the dispersion that the rows have in common."""
    total, over_total = past.sum(axis=1, keepdims=True), over.sum(axis=1, keepdims=True)
    mean = total / over_total * over
    square = np.where(over > 0, (past - mean) ** 2 / (1 - over / over_total), 0.0)
    used = total[:, 0] >= past.shape[1]
    counted = (over > 0) & used[:, None]
    # Where the exposures were taken from the same rows, each week has cost one degree of freedom over all rows.
    share = 1.0 if used.sum() < _FEWEST_REASONS else 1.0 - 0.5 / used.sum()
    pooled = _common_dispersion(square, mean, counted, share)
    for _ in range(2):
        # A week that is far out tells of its own reason, not of how much the others vary.
        usual = square <= _FAR_OUT**2 * (mean + pooled * mean**2)
        pooled = _common_dispersion(square, mean, counted & usual, share)
    return square, mean, pooled


def _dispersions(past: Floats, over: Floats, expected: Floats) -> tuple[Floats, Floats]:
    """Relative variance beyond Poisson's for each row of a family, and the degrees of freedom behind it."""
    weeks = (over > 0).sum(axis=1).astype(np.float64)
    total = past.sum(axis=1)
    used = total >= weeks
    square, mean, pooled = _pooled(past, over)
    variance = mean + pooled * mean**2
    phi = np.divide(square, variance, out=np.zeros_like(square), where=variance > 0).sum(axis=1) / weeks
    burst = used & (square > _FAR_OUT**2 * variance).any(axis=1)
    prior = _prior_freedom(phi[used & ~burst], past.shape[1] - 1.0)
    steady = np.where((total >= 3 * weeks) | burst, phi, 1.0)
    lent = 0.0 if not np.isfinite(prior) else 1.0
    moderated = 1.0 + lent * (weeks - 1) / (weeks - 1 + (prior if lent else 1.0)) * (steady - 1.0)
    moderated = np.where(burst, phi, moderated)
    level = np.maximum(expected, 0.5)
    dispersion = np.maximum((moderated * (1 + pooled * level) - 1) / level, 0.0)
    freedom = np.minimum(prior + weeks - 1, np.maximum((weeks - 1)[used].sum(), weeks - 1))
    return dispersion, np.where(burst, weeks - 1, freedom)


def _common_dispersion(square: Floats, mean: Floats, counted: npt.NDArray[np.bool_], share: float) -> float:
    """The dispersion at which Pearson's statistic equals its expectation; 0 where Poisson's variance suffices."""
    square, mean = square[counted], mean[counted]
    wanted = len(square) * share

    def pearson(dispersion: float) -> float:
        return float((square / (mean + dispersion * mean**2)).sum())

    if len(square) == 0 or pearson(0.0) <= wanted:
        return 0.0
    low, high = 0.0, 1.0
    while pearson(high) > wanted and high < 1e6:
        high *= 4
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if pearson(middle) > wanted else (low, middle)
    return (low + high) / 2


def _prior_freedom(phi: Floats, freedom: float) -> float:
    """How many degrees of freedom the family lends a row: from how alike the rows' own variances are."""
    if len(phi) < _FEWEST_REASONS:
        return 0.0
    logs = np.log(np.maximum(phi, 0.05))
    excess = float(np.var(logs, ddof=1)) - float(special.polygamma(1, freedom / 2))
    if excess <= 0:
        return np.inf
    low, high = 1e-3, 1e6
    for _ in range(80):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if float(special.polygamma(1, middle / 2)) > excess else (low, middle)
    return low


def _tails(
    count: Floats, total: Floats, over_now: Floats, over_before: Floats, spread: Floats, weeks: Floats
) -> tuple[Floats, Floats]:
    """Mid-p of as few and of as many tickets as `count` out of `total`, under the past's rate."""
    share = over_now / (over_now + over_before)
    # Weeks with the same dispersion split their total by a Dirichlet distribution, in which each counts 1 / dispersion.
    size = np.divide(weeks + 1.0, spread, out=np.full(len(count), np.inf), where=spread > 0)
    below, at = np.zeros(len(count)), np.zeros(len(count))
    small = (total <= _EXACT_UP_TO) & (total > 0)
    for row in np.flatnonzero(small):
        below[row], at[row] = _exact(int(count[row]), int(total[row]), float(share[row]), float(size[row]))
    large = total > _EXACT_UP_TO
    if large.any():
        effective = total[large] / (1 + (total[large] - 1) / (size[large] + 1))
        first, second = share[large] * (effective - 1), (1 - share[large]) * (effective - 1)
        below[large] = special.betainc(first, second, np.clip((count[large]) / total[large], 0, 1))
    at[total == 0] = 1.0
    middle = below + at / 2
    return np.asarray(middle), np.asarray(1 - middle)


def _exact(count: int, total: int, share: float, size: float) -> tuple[float, float]:
    grid = np.arange(total + 1, dtype=np.float64)
    choose = special.gammaln(total + 1) - special.gammaln(grid + 1) - special.gammaln(total - grid + 1)
    if np.isfinite(size) and size < 1e7:
        first, second = share * size, (1 - share) * size
        logs = choose + special.betaln(grid + first, total - grid + second) - special.betaln(first, second)
    else:
        logs = choose + grid * np.log(share) + (total - grid) * np.log1p(-share)
    chance = np.exp(logs)
    # The smaller tail is summed by itself: as one less the larger, it would lose its digits.
    under, over = float(chance[:count].sum()), float(chance[count + 1 :].sum())
    at = float(chance[count])
    return (under, at) if under < over else (1 - over - at, at)


def _prediction(mean: Floats, spread: Floats) -> tuple[Floats, Floats]:
    size = 1 / np.maximum(spread, 1e-9)
    chance = size / (size + mean)
    return stats.nbinom.ppf(0.025, size, chance), stats.nbinom.ppf(0.975, size, chance)
