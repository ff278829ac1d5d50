"""Which contact reasons moved: counts of a week or a day against those of the eight weeks before, tested together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.analysis.methods.discovery import FALSE_DISCOVERY_RATE, benjamini_hochberg
from opslib.analysis.methods.overdispersed_counts import (
    common_flow,
    dispersions,
    flow_of_others,
    mean_by_family,
    number_families,
    predict,
    predict_from_whole_past,
)
from opslib.analysis.methods.small_groups import groups_to_hide
from opslib.weeks import shift_week

Floats = npt.NDArray[np.float64]

TRAILING_WEEKS = 8
FEWEST_TICKETS = 10
ALL = "all"
UNLABELLED = "not labelled"

_MOVER_COLUMNS = (
    *("dimension", "segment", "contact_reason", "count", "trailing_mean", "flow", "season", "expected", "low", "high"),
    *("left_out", "excess", "ratio", "z", "p", "q", "discovery", "direction"),
)
_STEADY_FLOW = 40.0  # tickets a week from which a segment's own flow says more than the team's
_WINDOWS = (1, 3)  # days that an early warning sums


def of_few_people(counts: pd.DataFrame, tickets: pd.DataFrame, *, minimum_group: int) -> pd.Series:
    """Tell which counts are of too few people to be shown, or would tell those that are.

    Args:
        counts: of `weekly_counts`.
        tickets: one row per ticket of the weeks that count: contact_reason, the dimensions and requester_id.
        minimum_group: how many people a group must have.

    Returns:
        One bool per count.
    """
    people = tickets[["requester_id"]] if "requester_id" in tickets else tickets[[]]
    labels = people.assign(contact_reason=tickets["contact_reason"].astype("str").fillna(UNLABELLED))
    hidden: set[tuple[str, str, str]] = set()
    for name in counts["dimension"].unique():
        rows = labels.assign(segment=ALL if name == ALL else tickets[name].astype("str")).dropna(subset="segment")
        totals = [["segment"], ["contact_reason"]]
        is_hidden = groups_to_hide(rows, ["segment", "contact_reason"], minimum=minimum_group, totals=totals)
        pairs = rows.loc[is_hidden, ["segment", "contact_reason"]].drop_duplicates()
        hidden |= {(name, *pair) for pair in pairs.itertuples(index=False, name=None)}
        small = rows.loc[groups_to_hide(rows, ["segment"], minimum=minimum_group), "segment"].unique()
        own = counts[(counts["dimension"] == name) & counts["segment"].isin(list(small)) & (name != ALL)]
        hidden |= {
            (name, segment, reason) for segment, reason in zip(own["segment"], own["contact_reason"], strict=True)
        }
    keys = pd.MultiIndex.from_frame(counts[["dimension", "segment", "contact_reason"]])
    return pd.Series(keys.isin(list(hidden)), index=counts.index)


def weekly_counts(
    tickets: pd.DataFrame, weeks: Sequence[str], *, dimensions: Sequence[str] = ("channel", "language", "region")
) -> pd.DataFrame:
    """Count tickets per week and reason, in all and by each dimension.

    Args:
        tickets: one row per ticket: week, contact_reason and the dimensions; a dimension without any value is left out.
        weeks: the ISO weeks; those without tickets count 0.
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
        filled = segment >= 0
        shape = (len(segments), len(labels), len(names))
        cell = np.ravel_multi_index((segment[filled], slot[reason[filled]], place[filled]), shape)
        counts = np.bincount(cell, minlength=int(np.prod(shape))).reshape(shape)
        counts[:, slot[-1]] += counts.sum(axis=1)
        row, label = np.nonzero(counts.any(axis=2))
        parts.append(
            pd.DataFrame(
                {
                    "dimension": name,
                    "segment": np.repeat(np.asarray(segments, dtype=object)[row], len(names)),
                    "contact_reason": np.repeat(labels[label], len(names)),
                    "week": np.tile(np.array(names, dtype=object), len(row)),
                    "count": counts[row, label].ravel(),
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
        counts: dimension, segment, contact_reason, week, count (of `weekly_counts`); from 62 weeks on, last year's
            weeks give the seasonality of each reason.
        week: the week tested.
        trailing: how many weeks before it are the measure.
        rate: false discovery rate over reasons and segments.
        fewest: a reason of a segment is tested where it has so many tickets in the week and the trailing ones together.

    Returns:
        One row per reason and segment: dimension, segment, contact_reason, count, trailing_mean, flow (how the tickets
        of the segment's other reasons went against the trailing weeks), season, expected, low, high (95% prediction),
        left_out (how many of the last trailing weeks, in which it had already risen, are no part of what is expected),
        excess (count less expected), ratio, z, p, q, discovery, direction (up, down or ""). Without enough trailing
        weeks (`trailing` of them must be in `counts`) or tickets, p is NaN.

    Notes:
        The counting model is that of `overdispersed_counts.predict`; reasons of a dimension lend each other their
        dispersion. Exposure is the trimmed ratio of the *other* reasons to their trailing means
        (`overdispersed_counts.flow_of_others`), so that a holiday moves no reason and a new reason does not push the
        others down. The row of all reasons of a segment is measured against the team's flow, the row of all tickets
        against nothing but its own weeks.
    """
    frame = movers_by_week(counts, [week], trailing=trailing, rate=rate, fewest=fewest).drop(columns="week")
    return frame.sort_values(["p", "excess"], ascending=[True, False], kind="stable", ignore_index=True)


def movers_by_week(
    counts: pd.DataFrame,
    weeks: Sequence[str],
    *,
    trailing: int = TRAILING_WEEKS,
    rate: float = FALSE_DISCOVERY_RATE,
    fewest: int = FEWEST_TICKETS,
) -> pd.DataFrame:
    """Test which reasons moved in several weeks at once: each against the weeks before it, each a family of its own.

    Args:
        counts: dimension, segment, contact_reason, week, count (of `weekly_counts`).
        weeks: the weeks tested.
        trailing: how many weeks before each are its measure.
        rate: false discovery rate within a week.
        fewest: tickets in a week and its trailing ones together from which a reason of a segment is tested.

    Returns:
        week, dimension, segment, contact_reason, count, trailing_mean, flow, season, expected, low, high, left_out,
        excess, ratio, z, p, q, discovery, direction (explained at `weekly_movers`); the weeks in their order, and
        within each the rows of `counts`.
    """
    wide = counts.pivot_table(index=["dimension", "segment", "contact_reason"], columns="week", values="count")
    spans = [(week, [shift_week(week, -back) for back in range(trailing, -1, -1)]) for week in weeks]
    complete = [(week, span) for week, span in spans if len(wide) and all(each in wide for each in span)]
    without_test = [
        _without_test(wide.index, wide[week].to_numpy(dtype=np.int64) if week in wide else 0).assign(week=week)
        for week in weeks
        if week not in {week for week, _ in complete}
    ]
    parts = [*without_test, *([_tests(wide, complete, rate, fewest)] if complete else [])]
    frame = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
    frame = frame.sort_values(
        "week", key=lambda names: names.map({name: n for n, name in enumerate(weeks)}), kind="stable"
    )
    return frame[["week", *_MOVER_COLUMNS]].reset_index(drop=True)


def _tests(wide: pd.DataFrame, weeks: list[tuple[str, list[str]]], rate: float, fewest: int) -> pd.DataFrame:
    """The tests of weeks, each with its trailing weeks and itself, one week below the other."""
    cells, families = _cells(wide.index), number_families(_families_of(wide.index))
    values = wide.to_numpy(dtype=np.float64)
    counts = np.vstack([values[:, wide.columns.get_indexer(pd.Index(span))] for _, span in weeks])
    flow = np.vstack([_flows(cells, part) for part in np.split(counts, len(weeks))])
    seasons = [_season(wide, cells, week, len(span) - 1) for week, span in weeks]
    season, unsure = (np.concatenate(each) for each in zip(*seasons, strict=True))
    block = np.repeat(np.arange(len(weeks)), len(wide))
    now, past = counts[:, -1], counts[:, :-1]
    kinds = block * (families.max() + 1) + np.tile(families, len(weeks))
    test = predict(now, past, flow[:, -1] * season, flow[:, :-1], unsure=unsure, families=kinds)
    test.loc[counts.sum(axis=1) < fewest, ["p", "z"]] = np.nan
    signals = [benjamini_hochberg(p, rate=rate) for p in np.split(test["p"].to_numpy(), len(weeks))]
    frame = pd.concat([wide.index.to_frame(index=False)] * len(weeks), ignore_index=True).assign(
        week=np.repeat([week for week, _ in weeks], len(wide)),
        count=now.astype(np.int64),
        trailing_mean=past.mean(axis=1),
        flow=np.divide(flow[:, -1], flow[:, :-1].mean(axis=1)),
        season=season,
        q=np.concatenate([each["q"].to_numpy() for each in signals]),
        discovery=np.concatenate([each["discovery"].to_numpy() for each in signals]),
    )
    columns = ["expected", "low", "high", "left_out", "excess", "ratio", "z", "p"]
    frame[columns] = test[columns].to_numpy()
    frame["direction"] = np.where(frame["discovery"], np.where(frame["excess"] > 0, "up", "down"), "")
    return frame


def daily_counts(tickets: pd.DataFrame, days: Sequence[str]) -> pd.DataFrame:
    """Count tickets per local day and reason.

    Args:
        tickets: one row per ticket: day (ISO date as text), contact_reason.
        days: ISO dates, in order and without gaps.

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
        counts: reasons × days (of `daily_counts`), with `7 * trailing + 2` days before the first of `days`.
        days: the days, each judged on the tickets up to its end; a day without enough days before it is left out.
        trailing: how many weeks before are the measure.
        weekly_rate: the chance of any false warning in seven quiet days.
        fewest: a reason is tested where it has so many tickets in the days and their measure together.

    Returns:
        One row per warning: day, contact_reason, days (how many were summed: 1 or 3), count, expected, before (tuple:
        the counts of the same weekdays of the weeks before, oldest first), flow (how the other reasons went against
        these), ratio, p, q. expected is the mean of `before` times `flow`.

    Notes:
        The test of `weekly_movers`, upwards only, against all of the weeks before: a rise that has gone on for weeks is
        no news of a day, and what is expected is what these weekdays had. The days' family (reasons × windows) is held
        at a seventh of `weekly_rate`; under no change, the false discovery rate of a family is its chance of any
        discovery.
    """
    columns = ["day", "contact_reason", "days", "count", "expected", "before", "flow", "ratio", "p", "q"]
    place = {str(day): number for number, day in enumerate(counts.columns)}
    ends = [(str(day), place.get(str(day), -1) + 1) for day in days]
    ends = [(day, end) for day, end in ends if end >= 7 * trailing + max(_WINDOWS)]
    if not ends or counts.empty:
        return pd.DataFrame(columns=columns)
    values = counts.to_numpy(dtype=np.float64)
    running = np.concatenate([np.zeros((len(values), 1)), values.cumsum(axis=1)], axis=1)
    back = 7 * np.arange(trailing, -1, -1)
    sums_of = [(day, window, end - back) for day, end in ends for window in _WINDOWS]
    sums = [running[:, until] - running[:, until - window] for _, window, until in sums_of]
    flow = np.vstack([flow_of_others(part, np.ones(trailing + 1)) for part in sums])
    summed = np.vstack(sums)
    family = np.repeat(np.arange(len(sums_of)), len(values))
    test = predict_from_whole_past(summed[:, -1], summed[:, :-1], flow[:, -1], flow[:, :-1], families=family)
    tests = pd.DataFrame(
        {
            "day": np.array([day for day, _, _ in sums_of])[family],
            "contact_reason": np.tile(counts.index.to_numpy(dtype=object), len(sums_of)),
            "days": np.array([window for _, window, _ in sums_of])[family],
            "count": summed[:, -1].astype(np.int64),
            "expected": test["expected"],
            "flow": flow[:, -1] / flow[:, :-1].mean(axis=1),
            "ratio": test["ratio"],
            "row": np.arange(len(summed)),
            "p": test["p_up"].where(summed.sum(axis=1) >= fewest),
        }
    )
    signals = [
        rows.assign(q=test["q"])[test["discovery"].to_numpy()]
        for _, rows in tests.groupby("day", sort=True)
        for test in [benjamini_hochberg(rows["p"], rate=weekly_rate / 7)]
    ]
    warnings = pd.concat(signals, ignore_index=True).sort_values(["day", "p"], kind="stable", ignore_index=True)
    warnings = warnings.drop_duplicates(["day", "contact_reason"], ignore_index=True)
    past = summed[warnings["row"], :-1].astype(np.int64)
    return warnings.assign(before=pd.Series(list(map(tuple, past.tolist())), dtype="object"))[columns]


def _without_test(index: pd.Index, count: npt.NDArray[np.int64] | int) -> pd.DataFrame:
    """The rows of a week that lacks some of its trailing weeks."""
    frame = index.to_frame(index=False).assign(count=count)
    numbers = ["trailing_mean", "flow", "season", "expected", "low", "high", "excess", "ratio", "z", "p", "q"]
    frame[numbers] = np.nan
    return frame.assign(left_out=0, discovery=False, direction="")


def _families_of(index: pd.Index) -> npt.NDArray[np.object_]:
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
    """The segments of the counts, by the places of their rows."""
    rows_of = index.to_frame(index=False)
    whole = (rows_of["contact_reason"] == ALL).to_numpy()
    segments = rows_of.groupby(["dimension", "segment"], sort=False).indices
    places = [np.asarray(rows, dtype=np.intp) for rows in segments.values()]
    is_team = [bool(rows_of["dimension"].iloc[rows[0]] == ALL) for rows in places]
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
            team = common_flow(counts[rows], team)
        fits = len(rows) > 0 and counts[rows].sum(axis=0).mean() >= _STEADY_FLOW
        flow[rows] = flow_of_others(counts[rows], team) if fits else team
        flow[total] = 1.0 if is_team else team
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
    kinds = number_families(_families_of(wide.index))
    dispersion, _ = dispersions(past, flow[:, :-1], level, kinds)
    variance = 1 / (same.sum(axis=1) + 0.5) + 1 / (past.sum(axis=1) + 0.5) + dispersion * (1 / 3 + 1 / trailing)
    enough = past.sum(axis=1) >= trailing
    between = np.maximum(mean_by_family(change**2 - variance, enough, kinds), 0.0)[kinds]
    shrinkage = np.where(enough, between / (between + variance), 0.0)
    return np.exp(shrinkage * change), shrinkage * variance
