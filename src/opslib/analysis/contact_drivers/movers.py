"""Which contact reasons moved: counts of a week or a day against those of the eight weeks before, tested together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special, stats

from opslib.analysis.methods.discovery import benjamini_hochberg
from opslib.weeks import shift_week

Floats = npt.NDArray[np.float64]

TRAILING_WEEKS = 8
FALSE_DISCOVERY_RATE = 0.10
FEWEST_TICKETS = 10
ALL = "all"
UNLABELLED = "not labelled"

_MOVER_COLUMNS = (
    *("dimension", "segment", "contact_reason", "count", "trailing_mean", "flow", "season", "expected", "low", "high"),
    *("excess", "ratio", "z", "p", "q", "discovery", "direction"),
)
_TRIMMED = 0.2
_FEWEST_REASONS = 3
_STEADY_FLOW = 40.0  # tickets a week from which a segment's own flow says more than the team's
_EXACT_UP_TO = 3000  # tickets in all from where a beta distribution stands for the beta-binomial
_ALIKE = 2.0  # times that the usual reasons' flow may differ from that of all tickets
_FAR_OUT = 3.5  # standard deviations
_FEWEST_RISING = 4  # tickets of a week that can be called a rise
_WINDOWS = (1, 3)  # days that an early warning sums
_SURE = 0.9  # one-sided confidence that the variances of a family are as alike as they are taken to be
_MOST_STEPS = 100
_GRID = 2_000_000  # chances that are held at once


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
    names = sorted(set(weeks))
    place = pd.Index(names).get_indexer(pd.Index(tickets["week"]))
    inside, place = tickets[place >= 0], place[place >= 0]
    reason, reasons = pd.factorize(inside["contact_reason"].astype("str").fillna(UNLABELLED))
    rows = np.unique(np.array([*reasons, ALL], dtype=object).astype(str), return_inverse=True)
    labels, slot = rows[0].astype(object), rows[1]
    parts = []
    for name in sorted({ALL, *dimensions}):
        if name == ALL:
            segment, segments = np.zeros(len(inside), dtype=np.int64), pd.Index([ALL])
        elif name in inside and inside[name].notna().any():
            segment, segments = pd.factorize(inside[name].astype("str"), sort=True)
        else:
            continue
        known = segment >= 0
        shape = (len(segments), len(labels), len(names))
        cell = np.ravel_multi_index((segment[known], slot[reason[known]], place[known]), shape)
        counts = np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape)
        counts[:, slot[-1]] += counts.sum(axis=1)
        which, label = np.nonzero(counts.any(axis=2))
        parts.append(
            pd.DataFrame(
                {
                    "dimension": name,
                    "segment": np.repeat(np.asarray(segments, dtype=object)[which], len(names)),
                    "contact_reason": np.repeat(labels[label], len(names)),
                    "week": np.tile(np.array(names, dtype=object), len(which)),
                    "count": counts[which, label].ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True).astype(
        dict.fromkeys(("dimension", "segment", "contact_reason", "week"), "str") | {"count": "int64"}
    )


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
        (Smyth 2004), but for a row with a week far out of its range, which keeps its own. The degrees of freedom that
        the family lends are not their estimate but its lower 90 % limit: a dozen reasons tell little of how alike they
        are, and where they differ in burstiness the estimate showed a false signal in up to one quiet week of eight.
        Where the last trailing weeks are already far above those before them, the rise is going on, and they are left
        out of the measure.
        Given the tickets of all weeks together, the week's are beta-binomial; the mid-p of that is referred to
        Student's t with the degrees of freedom of the dispersion. Exposure is the trimmed ratio of the *other* reasons
        to their trailing means (Robinson and Oshlack 2010), so that a holiday moves no reason and a new reason does not
        push the others down. The row of all reasons of a segment is measured against the team's flow,
        the row of all tickets against nothing but its own weeks.

    References:
        Robinson, M. D., Oshlack, A. (2010). A scaling normalization method for differential expression analysis.
        Genome Biology 11, R25. Robinson, M. D., Smyth, G. K. (2008). Small-sample estimation of negative binomial
        dispersion. Biostatistics 9, 321-332. Smyth, G. K. (2004). Linear models and empirical Bayes methods.
        Statistical Applications in Genetics and Molecular Biology 3, 3. Phipson, B. et al. (2016). Robust
        hyperparameter estimation protects against hypervariable genes. Annals of Applied Statistics 10, 946-963.
    """
    found = movers_by_week(counts, [week], trailing=trailing, rate=rate, fewest=fewest).drop(columns="week")
    return found.sort_values(["p", "excess"], ascending=[True, False], kind="stable", ignore_index=True)


def movers_by_week(
    counts: pd.DataFrame,
    weeks: Sequence[str],
    *,
    trailing: int = TRAILING_WEEKS,
    rate: float = FALSE_DISCOVERY_RATE,
    fewest: int = FEWEST_TICKETS,
) -> pd.DataFrame:
    """As `weekly_movers`, of several weeks at once: each against the weeks before it, and each a family of its own.

    Args:
        counts: as of `weekly_counts`.
        weeks: the weeks tested.
        trailing: how many weeks before each are its measure.
        rate: false discovery rate within a week.
        fewest: tickets in a week and its trailing ones together from which a reason of a segment is tested.

    Returns:
        The columns of `weekly_movers` after week; the weeks in the order given, and within each the rows of `counts`.
    """
    wide = counts.pivot_table(index=["dimension", "segment", "contact_reason"], columns="week", values="count")
    spans = [(week, [shift_week(week, -back) for back in range(trailing, -1, -1)]) for week in weeks]
    known = [(week, span) for week, span in spans if len(wide) and all(each in wide for each in span)]
    untested = [
        _untested(wide.index, wide[week].to_numpy(dtype=np.int64) if week in wide else 0).assign(week=week)
        for week in weeks
        if week not in {week for week, _ in known}
    ]
    parts = [*untested, *([_tested(wide, known, rate, fewest)] if known else [])]
    frame = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
    frame = frame.sort_values(
        "week", key=lambda names: names.map({name: n for n, name in enumerate(weeks)}), kind="stable"
    )
    return frame[["week", *_MOVER_COLUMNS]].reset_index(drop=True)


def _tested(wide: pd.DataFrame, known: list[tuple[str, list[str]]], rate: float, fewest: int) -> pd.DataFrame:
    """The weeks that have all their trailing weeks, one below the other."""
    cells, families = _cells(wide.index), _numbered(_families(wide.index))
    values = wide.to_numpy(dtype=np.float64)
    counts = np.vstack([values[:, wide.columns.get_indexer(pd.Index(span))] for _, span in known])
    flow = np.vstack([_flows(cells, part) for part in np.split(counts, len(known))])
    seasons = [_season(wide, cells, week, len(span) - 1) for week, span in known]
    season, unsure = (np.concatenate(each) for each in zip(*seasons, strict=True))
    which = np.repeat(np.arange(len(known)), len(wide))
    now, past = counts[:, -1], counts[:, :-1]
    kinds = which * (families.max() + 1) + np.tile(families, len(known))
    found = predict(now, past, flow[:, -1] * season, flow[:, :-1], unsure=unsure, families=kinds)
    found.loc[counts.sum(axis=1) < fewest, ["p", "z"]] = np.nan
    told = [benjamini_hochberg(p, rate=rate) for p in np.split(found["p"].to_numpy(), len(known))]
    frame = pd.concat([wide.index.to_frame(index=False)] * len(known), ignore_index=True).assign(
        week=np.repeat([week for week, _ in known], len(wide)),
        count=now.astype(np.int64),
        trailing_mean=past.mean(axis=1),
        flow=np.divide(flow[:, -1], flow[:, :-1].mean(axis=1)),
        season=season,
        q=np.concatenate([each["q"].to_numpy() for each in told]),
        discovery=np.concatenate([each["discovery"].to_numpy() for each in told]),
    )
    columns = ["expected", "low", "high", "excess", "ratio", "z", "p"]
    frame[columns] = found[columns].to_numpy()
    frame["direction"] = np.where(frame["discovery"], np.where(frame["excess"] > 0, "up", "down"), "")
    return frame


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
    ends = [(str(day), place.get(str(day), -1) + 1) for day in days]
    ends = [(day, end) for day, end in ends if end >= 7 * trailing + max(_WINDOWS)]
    if not ends or counts.empty:
        return pd.DataFrame(columns=columns)
    values = counts.to_numpy(dtype=np.float64)
    running = np.concatenate([np.zeros((len(values), 1)), values.cumsum(axis=1)], axis=1)
    back = 7 * np.arange(trailing, -1, -1)
    looked = [(day, window, end - back) for day, end in ends for window in _WINDOWS]
    sums = [running[:, until] - running[:, until - window] for _, window, until in looked]
    flow = np.vstack([_leave_one_out(part, np.ones(trailing + 1)) for part in sums])
    summed = np.vstack(sums)
    which = np.repeat(np.arange(len(looked)), len(values))
    found = predict(summed[:, -1], summed[:, :-1], flow[:, -1], flow[:, :-1], families=which)
    every = pd.DataFrame(
        {
            "day": np.array([day for day, _, _ in looked])[which],
            "contact_reason": np.tile(counts.index.to_numpy(dtype=object), len(looked)),
            "days": np.array([window for _, window, _ in looked])[which],
            "count": summed[:, -1].astype(np.int64),
            "expected": found["expected"],
            "ratio": found["ratio"],
            "p": found["p_up"].where(summed.sum(axis=1) >= fewest),
        }
    )
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
    over = np.broadcast_to(np.asarray(exposure_before, dtype=np.float64), (rows, weeks))
    doubt = np.broadcast_to(np.asarray(unsure, dtype=np.float64), (rows,))
    kinds = np.zeros(rows, dtype=np.intp) if families is None else _numbered(families)
    over = over * ~_rising(past, over, kinds)
    past = np.where(over > 0, past, 0.0)
    total, over_total, used = past.sum(axis=1), over.sum(axis=1), (over > 0).sum(axis=1)
    expected = total / over_total * over_now
    dispersion, freedom = _dispersions(past, over, expected, kinds)
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


def _untested(index: pd.Index, count: npt.NDArray[np.int64] | int) -> pd.DataFrame:
    frame = index.to_frame(index=False).assign(count=count)
    numbers = ["trailing_mean", "flow", "season", "expected", "low", "high", "excess", "ratio", "z", "p", "q"]
    frame[numbers] = np.nan
    return frame.assign(discovery=False, direction="")


def _families(index: pd.Index) -> npt.NDArray[np.object_]:
    """Totals of the team, totals of segments, and reasons of each dimension lend each other their dispersion."""
    dimension = index.get_level_values("dimension").to_numpy(dtype=object)
    whole = index.get_level_values("contact_reason").to_numpy(dtype=object) == ALL
    return np.where(whole, dimension + " total", dimension)


@dataclass(frozen=True)
class _Cells:
    """Which rows of the counts are the reasons of a segment and which its total; the team's come first."""

    reasons: tuple[npt.NDArray[np.intp], ...]
    totals: tuple[npt.NDArray[np.intp], ...]
    has_team: bool


def _cells(index: pd.Index) -> _Cells:
    where = index.to_frame(index=False)
    whole = (where["contact_reason"] == ALL).to_numpy()
    found = where.groupby(["dimension", "segment"], sort=False).indices
    places = [np.asarray(rows, dtype=np.intp) for rows in found.values()]
    is_team = [bool(where["dimension"].iloc[rows[0]] == ALL) for rows in places]
    ordered = [places[number] for number in sorted(range(len(places)), key=lambda number: not is_team[number])]
    return _Cells(
        tuple(rows[~whole[rows]] for rows in ordered), tuple(rows[whole[rows]] for rows in ordered), any(is_team)
    )


def _flows(cells: _Cells, counts: Floats) -> Floats:
    """What each row's counts are measured against, per week; the last column is the week tested."""
    flow = np.ones_like(counts)
    team = np.ones(counts.shape[1])
    for number, (rows, total) in enumerate(zip(cells.reasons, cells.totals, strict=True)):
        is_team = number == 0 and cells.has_team
        if is_team:
            team = _trimmed(counts[rows], team)
        fits = len(rows) > 0 and counts[rows].sum(axis=0).mean() >= _STEADY_FLOW
        flow[rows] = _leave_one_out(counts[rows], team) if fits else team
        flow[total] = 1.0 if is_team else team
    return flow


def _trimmed(counts: Floats, otherwise: Floats) -> Floats:
    """How the reasons together went: their trimmed ratio to their trailing means, per week."""
    flow: Floats = _without(counts, np.zeros((1, len(counts)), dtype=np.bool_), otherwise)[0]
    return flow


def _leave_one_out(counts: Floats, otherwise: Floats) -> Floats:
    """For each reason how the other reasons went."""
    return _without(counts, np.eye(len(counts), dtype=np.bool_), otherwise)


def _without(counts: Floats, left_out: npt.NDArray[np.bool_], otherwise: Floats) -> Floats:
    """For each row of `left_out`, which leaves out one reason or none, how the others went, per week.

    With the reasons sorted by their ratio, a trimmed mean is the difference of two values of the running sum of weight
    × ratio over weight; without one reason, that sum is shorter by it from its place on.
    """
    mean = counts[:, :-1].mean(axis=1)
    used = mean >= 1.0
    flow = np.tile(otherwise, (len(left_out), 1))
    enough = used.sum() - left_out[:, used].sum(axis=1) >= _FEWEST_REASONS
    if not enough.any():
        return flow
    gone = left_out[enough]
    kept = counts.sum(axis=0) - gone @ counts
    whole = kept / (mean.sum() - gone @ mean)[:, None]
    ratio, weight = counts[used] / mean[used, None], mean[used]
    order = np.argsort(ratio, axis=0, kind="stable")
    place = np.argsort(order, axis=0, kind="stable")
    nothing = np.zeros((1, counts.shape[1]))
    passed = np.concatenate([nothing, np.cumsum(weight[order], axis=0)])
    summed = np.concatenate([nothing, np.cumsum(weight[order] * np.take_along_axis(ratio, order, axis=0), axis=0)])
    out = gone[:, used]
    own_weight = (out @ weight)[:, None]
    own_start = np.where(
        out.any(axis=1)[:, None], np.take_along_axis(passed, place, axis=0)[out.argmax(axis=1)], np.inf
    )
    own_sum = own_weight * ratio[out.argmax(axis=1)]
    left = weight.sum() - own_weight

    def until(share: float) -> Floats:
        behind = share * left > own_start
        at = share * left + np.where(behind, own_weight, 0.0)
        upper = np.clip((passed[:, None, :] < at[None]).sum(axis=0), 1, len(passed) - 1)
        first, last = np.take_along_axis(passed, upper - 1, axis=0), np.take_along_axis(passed, upper, axis=0)
        low, high = np.take_along_axis(summed, upper - 1, axis=0), np.take_along_axis(summed, upper, axis=0)
        value: Floats = low + (high - low) * (at - first) / (last - first) - np.where(behind, own_sum, 0.0)
        return value

    told = (until(1 - _TRIMMED) - until(_TRIMMED)) / ((1 - 2 * _TRIMMED) * left)
    # Where most reasons were renamed, they say nothing of the flow; what all tickets did still does.
    told = np.where((told < whole / _ALIKE) | (told > whole * _ALIKE), whole, told)
    flow[enough] = np.where((told > 0).all(axis=1)[:, None], told, otherwise)
    return flow


def _season(wide: pd.DataFrame, cells: _Cells, week: str, trailing: int) -> tuple[Floats, Floats]:
    """How much of its trailing level each row had in these weeks of last year, shrunk to 1; its relative variance."""
    one, none = np.ones(len(wide)), np.zeros(len(wide))
    then = [shift_week(week, -back) for back in (53, 52, 51)]
    earlier = [shift_week(week, -back) for back in range(53 + trailing, 53, -1)]
    if not all(each in wide for each in [*then, *earlier]):
        return one, none
    past = wide[earlier].to_numpy(dtype=np.float64)
    same = wide[then].to_numpy(dtype=np.float64)
    flow = _flows(cells, np.column_stack([past, same.mean(axis=1)]))
    rate = (same.mean(axis=1) + 0.5) / flow[:, -1]
    level = (past.sum(axis=1) + 0.5) / flow[:, :-1].sum(axis=1)
    change = np.log(rate / level)
    kinds = _numbered(_families(wide.index))
    dispersion, _ = _dispersions(past, flow[:, :-1], level, kinds)
    variance = 1 / (same.sum(axis=1) + 0.5) + 1 / (past.sum(axis=1) + 0.5) + dispersion * (1 / 3 + 1 / trailing)
    enough = past.sum(axis=1) >= trailing
    between = np.maximum(_mean_of(change**2 - variance, enough, kinds), 0.0)[kinds]
    shrunk = np.where(enough, between / (between + variance), 0.0)
    return np.exp(shrunk * change), shrunk * variance


def _numbered(families: npt.ArrayLike) -> npt.NDArray[np.intp]:
    codes: npt.NDArray[np.intp] = np.unique(np.asarray(families), return_inverse=True)[1].reshape(-1)
    return codes


def _mean_of(values: Floats, counted: npt.NDArray[np.bool_], kinds: npt.NDArray[np.intp]) -> Floats:
    """The mean of the counted values of each family; 0 where it has none."""
    size = np.bincount(kinds, counted)
    return np.divide(np.bincount(kinds, np.where(counted, values, 0.0)), size, out=np.zeros(len(size)), where=size > 0)


def _rising(past: Floats, over: Floats, kinds: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """The last weeks of each row that lie far above all weeks before them; at most half of the weeks."""
    rising = np.zeros(past.shape, dtype=np.bool_)
    weeks = past.shape[1]
    pooled = _pooled(past, over, kinds)[2][kinds]
    still = np.ones(len(past), dtype=np.bool_)
    for week in range(weeks - 1, weeks - 1 - weeks // 2, -1):
        earlier = np.maximum(past[:, :week].sum(axis=1), 0.5) / np.maximum(over[:, :week].sum(axis=1), 1e-9)
        level = earlier * over[:, week]
        reach = _FAR_OUT * np.sqrt((level + pooled * level**2) * (1 + 1 / week))
        still = still & (past[:, week] > level + reach) & (past[:, week] >= _FEWEST_RISING)
        rising[:, week] = still
    return rising


def _pooled(past: Floats, over: Floats, kinds: npt.NDArray[np.intp]) -> tuple[Floats, Floats, Floats]:
    """Squared distances from each row's mean, those means, and the dispersion that each family has in common."""
    total, over_total = past.sum(axis=1, keepdims=True), over.sum(axis=1, keepdims=True)
    mean = total / over_total * over
    square = np.where(over > 0, (past - mean) ** 2 / (1 - over / over_total), 0.0)
    used = total[:, 0] >= past.shape[1]
    counted = (over > 0) & used[:, None]
    # Where the exposures were taken from the same rows, each week has cost one degree of freedom over all rows.
    size = np.bincount(kinds, used)
    share = np.where(size < _FEWEST_REASONS, 1.0, 1.0 - 0.5 / np.maximum(size, 1))
    pooled = _common_dispersion(square, mean, counted, share, kinds)
    for _ in range(2):
        # A week that is far out tells of its own reason, not of how much the others vary.
        usual = square <= _FAR_OUT**2 * (mean + pooled[kinds, None] * mean**2)
        pooled = _common_dispersion(square, mean, counted & usual, share, kinds)
    return square, mean, pooled


def _dispersions(past: Floats, over: Floats, expected: Floats, kinds: npt.NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Relative variance beyond Poisson's for each row, and the degrees of freedom behind it."""
    weeks = (over > 0).sum(axis=1).astype(np.float64)
    total = past.sum(axis=1)
    used = total >= weeks
    square, mean, pooled = _pooled(past, over, kinds)
    variance = mean + pooled[kinds, None] * mean**2
    phi = np.divide(square, variance, out=np.zeros_like(square), where=variance > 0).sum(axis=1) / weeks
    burst = used & (square > _FAR_OUT**2 * variance).any(axis=1)
    prior, surely = (each[kinds] for each in _prior_freedom(phi, used & ~burst, past.shape[1] - 1.0, kinds))
    steady = np.where((total >= 3 * weeks) | burst, phi, 1.0)
    lent = np.where(np.isfinite(prior), (weeks - 1) / (weeks - 1 + np.where(np.isfinite(prior), prior, 1.0)), 0.0)
    moderated = np.where(burst, phi, 1.0 + lent * (steady - 1.0))
    level = np.maximum(expected, 0.5)
    dispersion = np.maximum((moderated * (1 + pooled[kinds] * level) - 1) / level, 0.0)
    most = np.maximum(np.bincount(kinds, np.where(used, weeks - 1, 0.0))[kinds], weeks - 1)
    return dispersion, np.where(burst, weeks - 1, np.minimum(surely + weeks - 1, most))


def _common_dispersion(
    square: Floats, mean: Floats, counted: npt.NDArray[np.bool_], share: Floats, kinds: npt.NDArray[np.intp]
) -> Floats:
    """For each family the dispersion at which Pearson's statistic equals its expectation; 0 where Poisson's suffices.

    The statistic falls and is convex in the dispersion, so that Newton's steps from 0 approach the root from one side.
    """
    wanted = np.bincount(kinds, counted.sum(axis=1)) * share
    square = np.where(counted, square, 0.0)
    mean = np.where(counted, mean, 1.0)
    dispersion = np.zeros(len(share))
    for _ in range(_MOST_STEPS):
        variance = mean + dispersion[kinds, None] * mean**2
        each = square / variance
        over = np.bincount(kinds, each.sum(axis=1)) - wanted
        slope = np.bincount(kinds, (each * mean**2 / variance).sum(axis=1))
        step = np.where(over > 0, over / np.maximum(slope, 1e-300), 0.0)
        dispersion = dispersion + step
        if (step <= 1e-10 * dispersion).all():
            break
    return dispersion


def _prior_freedom(
    phi: Floats, counted: npt.NDArray[np.bool_], freedom: float, kinds: npt.NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """How many degrees of freedom each family lends a row, from how alike the rows' own variances are: estimate, limit.

    A dozen rows tell little of how alike they are. By the estimate, families that look alike by chance lend without
    bound, and the tails of their bursty rows are taken for those of steady ones: the limit is where the spread of the
    variances is at its own upper limit.
    """
    size = np.bincount(kinds, counted)
    logs = np.log(np.maximum(phi, 0.05))
    middle = _mean_of(logs, counted, kinds)
    squares = np.bincount(kinds, np.where(counted, (logs - middle[kinds]) ** 2, 0.0))
    told = np.maximum(size - 1, 1)
    chance = float(special.polygamma(1, freedom / 2))
    estimate, limit = _lent(squares / told - chance), _lent(squares / stats.chi2.ppf(1 - _SURE, told) - chance)
    return np.where(size < _FEWEST_REASONS, 0.0, estimate), np.where(size < _FEWEST_REASONS, 0.0, limit)


def _lent(excess: Floats) -> Floats:
    """The prior freedom at which the logarithms of variances spread by so much more than chance makes them."""
    return np.where(excess > 0, 2 * _trigamma_inverse(np.maximum(excess, 1e-6)), np.inf)


def _trigamma_inverse(values: Floats) -> Floats:
    """Where the trigamma function has these values; Newton's steps on its reciprocal, which is convex (Smyth 2004)."""
    place = 0.5 + 1 / values
    for _ in range(_MOST_STEPS):
        at = special.polygamma(1, place)
        step = at * (1 - at / values) / special.polygamma(2, place)
        place = place + step
        if (-step / place < 1e-9).all():
            break
    return np.asarray(place)


def _tails(
    count: Floats, total: Floats, over_now: Floats, over_before: Floats, spread: Floats, weeks: Floats
) -> tuple[Floats, Floats]:
    """Mid-p of as few and of as many tickets as `count` out of `total`, under the past's rate."""
    share = over_now / (over_now + over_before)
    # Weeks with the same dispersion split their total by a Dirichlet distribution, in which each counts 1 / dispersion.
    size = np.divide(weeks + 1.0, spread, out=np.full(len(count), np.inf), where=spread > 0)
    below, above = np.full(len(count), 0.5), np.full(len(count), 0.5)
    small = np.flatnonzero((total <= _EXACT_UP_TO) & (total > 0))
    # Rows are taken in blocks, so that the grids of many rows fit into memory.
    for rows in np.split(small, np.flatnonzero(np.diff(total[small].cumsum() // _GRID)) + 1):
        below[rows], above[rows] = _exact(count[rows], total[rows], share[rows], size[rows])
    large = total > _EXACT_UP_TO
    if large.any():
        effective = total[large] / (1 + (total[large] - 1) / (size[large] + 1))
        first, second = share[large] * (effective - 1), (1 - share[large]) * (effective - 1)
        part = np.clip(count[large] / total[large], 0, 1)
        below[large], above[large] = special.betainc(first, second, part), special.betaincc(first, second, part)
    return below, above


def _exact(count: Floats, total: Floats, share: Floats, size: Floats) -> tuple[Floats, Floats]:
    """Mid-p of both tails of beta-binomial distributions, of binomial ones where `size` is without bound."""
    if not len(count):
        return count, count
    length = total.astype(np.int64) + 1
    first = np.concatenate([[0], length.cumsum()[:-1]])
    row = np.repeat(np.arange(len(length)), length)
    at = np.arange(len(row)) - first[row]
    # The chance of one more, over that of so many: (n - k) / (k + 1) times (a + k) / (b + n - k - 1).
    bound = np.isfinite(size) & (size < 1e7)
    rate = np.where(bound, 1 / np.where(bound, size, 1.0), 0.0)
    before = at - 1
    ratio = (total[row] - before) / np.maximum(at, 1)
    ratio *= share[row] + before * rate[row]
    ratio /= (1 - share[row]) + (total[row] - at) * rate[row]
    ratio[first] = 1.0
    logs = np.log(ratio).cumsum()
    logs -= logs[first][row]
    chance = np.exp(logs - np.maximum.reduceat(logs, first)[row])
    whole = np.add.reduceat(chance, first)
    own = chance[first + count.astype(np.int64)]
    # Each tail is summed by itself: as one less the other, a small one would lose its digits.
    under = np.add.reduceat(np.where(at < count[row], chance, 0.0), first)
    over = np.add.reduceat(np.where(at > count[row], chance, 0.0), first)
    return (under + own / 2) / whole, (over + own / 2) / whole


def _prediction(mean: Floats, spread: Floats) -> tuple[Floats, Floats]:
    size = 1 / np.maximum(spread, 1e-9)
    chance = size / (size + mean)
    return stats.nbinom.ppf(0.025, size, chance), stats.nbinom.ppf(0.975, size, chance)
