"""The frames of a weekly review: charts with their limits, what is a signal, what explains it, what adds up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from opslib.analysis.methods.decomposition import kitagawa
from opslib.analysis.weekly_review.goal_verdicts import JUDGED, with_kinds
from opslib.analysis.weekly_review.goal_verdicts import VERDICTS as GOAL_VERDICTS
from opslib.analysis.weekly_review.weekly_signals import NEW, NOT_JUDGED, OUTSIDE, VERDICTS
from opslib.analysis.weekly_review.weekly_values import BOUNDS
from opslib.metrics import Metric
from opslib.weeks import shift_week, weeks_between

REPORT_WEEKS = 13
"""How many weeks a report looks back on."""

SIGNAL_COLUMNS = (
    *("centre", "lower", "upper", "verdict", "since", "direction", "why", "together"),
    *("baseline_from", "baseline_to", "baseline_weeks", "left_out", "level_shift"),
)
"""What a control chart takes from `weekly_signals.COLUMNS`."""

CHART_COLUMNS = (
    *("week", "metric", "label", "unit", "better", "value", "low", "high", "n", "cases", "censored", "missing"),
    *("state", "settles_on", "still_low", "still_high"),
    *SIGNAL_COLUMNS,
    *JUDGED,
    "closed",
)
"""The columns of a control-chart frame, in the metric's unit where they are values.

value with low and high, its 95% interval; n, how many cases it rests on; censored, how many of them had not ended;
missing, why the export cannot tell it; state, settles_on, still_low and still_high, as `weekly_values.COLUMNS` has
them; and what the week's judgement is (`weekly_signals.COLUMNS`): centre, lower and upper, its limits; verdict, ""
where the value is missing; since; direction; why; together; what the limits rest on; how it stands to its goal
(`goal_verdicts.COLUMNS`); closed, the holidays that close the team on one of the week's days, "" where none does.
"""

EXPLAIN_COLUMNS = (
    *("metric", "label", "unit", "by", "group", "before", "after", "share_before", "share_after"),
    *("mix", "rate", "total", "against", "missing"),
)
"""The columns of an explained change, a row per group: its values and shares of the whole, and what it adds.

against, the weeks with which the week is compared (the first and the last, or one); missing, why a metric cannot be
split, in the only row that it then has, else null.
"""
_OF_THE_CALLER = ("against", "missing")

FLOW_TERMS = ("created", "reopened", "moved_in", "solved", "deleted", "merged", "moved_out")
"""What goes into the backlog (the first three) and out of it, tickets a day."""

_IN, _OUT = FLOW_TERMS[:3], FLOW_TERMS[3:]


def control_frame(
    values: pd.DataFrame,
    signals: pd.DataFrame,
    metrics: Sequence[Metric],
    week: str,
    *,
    closed: Mapping[str, str] | None = None,
    weeks: int = REPORT_WEEKS,
) -> pd.DataFrame:
    """Weekly values with their limits, whether they are signals, and whether they met their goals.

    Args:
        values: weekly values of one team and channel: week, metric, value, low, high, n, censored, missing, state,
            settles_on, still_low, still_high.
        signals: weekly signals of that team: week, metric, `SIGNAL_COLUMNS`, `goal_verdicts.JUDGED`.
        metrics: which metrics, in the order of the rows.
        week: the week reported; later weeks are left out.
        closed: by week the holidays that close the team on one of its days.
        weeks: how many weeks are returned.

    Returns:
        `CHART_COLUMNS`, one row per metric and week.
    """
    shown = sorted(name for name in set(values["week"]) if name <= week)[-weeks:]
    order = {metric.name: place for place, metric in enumerate(metrics)}
    rows = values[values["week"].isin(shown) & values["metric"].isin(list(order))]
    standing = ["state", "settles_on", "still_low", "still_high"]
    rows = rows[["week", "metric", "value", "low", "high", "n", "censored", "missing", *standing]]
    about = pd.DataFrame(
        [(each.name, each.label, each.unit, each.better, each.cases) for each in metrics],
        columns=["metric", "label", "unit", "better", "cases"],
    )
    frame = rows.merge(about, on="metric").merge(
        signals[["week", "metric", *SIGNAL_COLUMNS, *JUDGED]], on=["week", "metric"], how="left"
    )
    is_unjudged = frame["verdict"].isna()
    frame["verdict"] = frame["verdict"].mask(is_unjudged, NOT_JUDGED).mask(frame["missing"].notna(), "")
    frame["why"] = frame["why"].mask(is_unjudged, "no signals in this warehouse yet")
    for column in ("direction", "left_out"):
        frame[column] = frame[column].astype("str").fillna("")
    frame["together"] = frame["together"].eq(True)
    frame = with_kinds(frame)
    frame["closed"] = frame["week"].map(closed or {}).astype("str").fillna("")
    frame["_place"] = frame["metric"].map(order)
    return frame.sort_values(["_place", "week"], ignore_index=True)[list(CHART_COLUMNS)]


def signals(chart: pd.DataFrame, week: str, before: str) -> pd.DataFrame:
    """What is a signal in a week, what is back within its limits or was never outside, and what was not judged.

    A metric of which nothing is known yet in the week stands with the week before, if that was judged: there it has
    become known since, and this is the first page that can say so. One that is known to miss its goal stays.

    Args:
        chart: `CHART_COLUMNS` of all metrics of the team.
        week: the week.
        before: the week before.

    Returns:
        One row per metric that the export has, missed goals first, the surest of them on top, then new signals and
        those still outside, each beginning with what got worse: metric, label, unit, better, cases, week (which it is
        about), value, low, high, n, state, settles_on, before (that of the week before it), `SIGNAL_COLUMNS`,
        `goal_verdicts.JUDGED`, turn (better, worse, or "" where the metric has no direction or is no signal),
        weeks_outside (how many weeks it has been outside, that one included; 0 where it is not).
    """
    own = chart[chart["missing"].isna()]
    now = own[own["week"] == week]
    is_open = now["value"].isna() & (now["settles_on"].notna() | now["state"].eq(BOUNDS)) & ~now["is_missed"]
    late = own[(own["week"] == before) & own["metric"].isin(now.loc[is_open, "metric"])]
    late = late[late["value"].notna() & ~late["verdict"].isin([NOT_JUDGED, ""])]
    now = pd.concat([now[~now["metric"].isin(late["metric"])], late]).sort_index()
    keys = pd.MultiIndex.from_arrays([now["metric"], [shift_week(each, -1) for each in now["week"]]])
    earlier = own.set_index(["metric", "week"])["value"].reindex(keys).to_numpy()
    about = ["metric", "label", "unit", "better", "cases", "week", "value", "low", "high", "n", "state", "settles_on"]
    rows = now[[*about, *SIGNAL_COLUMNS, *JUDGED]].assign(before=earlier)
    turns = rows["direction"].map({"up": 1, "down": -1}).astype("float64").fillna(0)
    gain = turns * rows["better"].map({"higher": 1, "lower": -1}).astype("float64")
    gains = gain.where(rows["verdict"].isin([NEW, OUTSIDE]), 0.0).fillna(0.0).to_numpy(np.float64)
    rows["turn"] = pd.array(np.select([gains > 0, gains < 0], ["better", "worse"], default=""), dtype="str")
    rows["weeks_outside"] = [
        len(weeks_between(since, judged)) if verdict == OUTSIDE else int(verdict == NEW)
        for verdict, since, judged in zip(rows["verdict"], rows["since"], rows["week"], strict=True)
    ]
    rows["_verdict"] = rows["verdict"].map({name: place for place, name in enumerate(VERDICTS)})
    rows["_turn"] = np.select([gains < 0, gains > 0], [0, 1], default=2)
    missed = {name: place for place, name in enumerate(GOAL_VERDICTS)}
    rows["_goal"] = rows["goal_verdict"].map(missed).where(rows["is_missed"], len(missed))
    rows = rows.sort_values(["_goal", "_verdict", "_turn"], kind="stable", ignore_index=True)
    return rows.drop(columns=["_goal", "_verdict", "_turn"])


def usual_weeks(chart: pd.DataFrame, week: str) -> dict[str, list[str]]:
    """By metric the weeks with which a week is compared: those on which its limits rest.

    Args:
        chart: `CHART_COLUMNS`, all weeks up to the one reported.
        week: the one reported.

    Returns:
        The weeks of its baseline in order, without those left out as outliers and those that were signals; the week
        before where there is no baseline yet.
    """
    now = chart[chart["week"] == week].set_index("metric")[["baseline_from", "baseline_to", "left_out"]]
    rows = chart.loc[chart["week"] < week, ["metric", "week", "value", "verdict"]]
    baselines = {metric: tuple(each) for metric, *each in now.itertuples() if isinstance(each[0], str)}
    counts = (rows["value"].notna() & ~rows["verdict"].isin([NEW, OUTSIDE])).tolist()
    weeks: dict[str, list[str]] = {}
    for metric, name, is_usual in zip(rows["metric"].tolist(), rows["week"].tolist(), counts, strict=True):
        own = weeks.setdefault(metric, [])
        if metric not in baselines:
            own[:] = [name]
            continue
        first, last, left_out = baselines[metric]
        if is_usual and first <= name <= last and name not in left_out.split(", "):
            own.append(name)
    return weeks


def explain(sums: pd.DataFrame, metric: Metric, *, by: str, before: Any, after: Any, weeks: int = 1) -> pd.DataFrame:
    """Split the change of a metric between two stretches of time by group.

    Args:
        sums: week (of which stretch they are), the column `by`, numerator and denominator; rows of one team and metric.
        metric: a count, share or mean, or a quantile of which `breakdown.pair_within` has made sums.
        by: column that names the group.
        before: the earlier stretch.
        after: the later stretch, a week.
        weeks: how many weeks are in the earlier one; a count is compared with a week of it, on average.

    Returns:
        `EXPLAIN_COLUMNS`: metric, label, unit, by, group, before and after (the group's value), share_before and
        share_after, mix, rate, total, sorted by the size of total. The totals sum to the change. For a count, total is
        the change of the group's count and mix and rate are NaN; against and missing are left to the caller. Empty
        where a stretch has nothing to compare.

    References:
        Kitagawa, E. M. (1955). Components of a difference between two rates. JASA 50, 1168-1194.
    """
    week, side = sums["week"].to_numpy(), "numerator" if metric.kind == "count" else "denominator"
    counts = sums[side].to_numpy() > 0
    if not (counts & (week == before)).any() or not (counts & (week == after)).any():
        return pd.DataFrame(columns=[name for name in EXPLAIN_COLUMNS if name not in _OF_THE_CALLER])
    if metric.kind == "count":
        parts, unit = _count_parts(sums, by=by, before=before, after=after, weeks=weeks), "count"
    else:
        split = kitagawa(
            sums, by=by, numerator="numerator", denominator="denominator", period="week", before=before, after=after
        )
        parts = split.rename(columns={by: "group", "rate_before": "before", "rate_after": "after"})
        unit = "share" if metric.kind == "quantile" else metric.unit
    order = np.argsort(-parts["total"].abs().to_numpy(), kind="stable")
    named = {"metric": metric.name, "label": metric.label, "unit": unit, "by": by}
    return pd.DataFrame(
        {
            name: named[name] if name in named else parts[name].array[order]
            for name in EXPLAIN_COLUMNS
            if name not in _OF_THE_CALLER
        }
    )


def _count_parts(sums: pd.DataFrame, *, by: str, before: Any, after: Any, weeks: int) -> pd.DataFrame:
    """What each group adds to the change of a count; mix and rate are NaN."""
    code, group = pd.factorize(sums[by], sort=True)
    week, numerator = sums["week"].to_numpy(), sums["numerator"].to_numpy(np.float64)
    total, end = (
        np.bincount(code[inside], numerator[inside], minlength=len(group))
        for inside in ((week == each) & (code >= 0) for each in (before, after))
    )
    start = total / weeks
    return pd.DataFrame(
        {
            "group": group,
            "before": start,
            "after": end,
            "share_before": start / start.sum(),
            "share_after": end / end.sum(),
            "mix": np.nan,
            "rate": np.nan,
            "total": end - start,
        }
    )


def add_up(backlog: pd.DataFrame) -> pd.DataFrame:
    """The identity of the backlog by day, and over all the days.

    Args:
        backlog: facts/backlog of one team and the days of a week: day, opening, `FLOW_TERMS`, closing.

    Returns:
        One row per day, in order, and a last one for the week: day (a date; None for the week), opening, created,
        reopened, moved_in, solved, deleted, merged, moved_out, closing, difference (what is unexplained; 0 where it
        adds up).
    """
    columns = ["day", "opening", *FLOW_TERMS, "closing"]
    days = backlog.sort_values("day")[columns].reset_index(drop=True)
    if days.empty:
        return days.assign(difference=pd.Series(dtype="int64"))
    week = days[list(FLOW_TERMS)].sum().to_dict() | {
        "day": None,
        "opening": days["opening"].iloc[0],
        "closing": days["closing"].iloc[-1],
    }
    both = pd.concat([days.astype({"day": "object"}), pd.DataFrame([week], dtype="object")], ignore_index=True)
    both = both.astype({column: "int64" for column in columns if column != "day"})
    explained = both["opening"] + both[list(_IN)].sum(axis=1) - both[list(_OUT)].sum(axis=1)
    return both.assign(difference=both["closing"] - explained)


def weekly_backlog(backlog: pd.DataFrame, weeks: pd.DataFrame) -> pd.DataFrame:
    """The backlog per week: what came, what went, what was left and how old that was.

    Args:
        backlog: facts/backlog of one team: day, `FLOW_TERMS`, closing, median_age_days, older_than_7d, older_than_30d.
        weeks: week, first_day and last_day (dates), in order.

    Returns:
        One row per week that the backlog covers to its last day: week, inflow (created, reopened, moved in), outflow
        (solved, deleted, merged, moved out), closing, up_to_7d, from_8_to_30d, older_than_30d, median_age_days.
    """
    days = backlog.assign(
        inflow=backlog[list(_IN)].sum(axis=1),
        outflow=backlog[list(_OUT)].sum(axis=1),
        day=pd.to_datetime(backlog["day"]),
    ).sort_values("day")
    first = pd.to_datetime(weeks["first_day"]).to_numpy()
    position = np.searchsorted(first, days["day"].to_numpy(), side="right") - 1
    days = days[position >= 0].assign(week=weeks["week"].to_numpy()[position[position >= 0]])
    ends = pd.to_datetime(weeks.set_index("week")["last_day"])
    last = days[days["day"] == days["week"].map(ends)].set_index("week")
    flows = days[days["day"] <= days["week"].map(ends)].groupby("week")[["inflow", "outflow"]].sum()
    per_week = last[["closing", "median_age_days"]].assign(
        inflow=flows["inflow"],
        outflow=flows["outflow"],
        up_to_7d=last["closing"] - last["older_than_7d"],
        from_8_to_30d=last["older_than_7d"] - last["older_than_30d"],
        older_than_30d=last["older_than_30d"],
    )
    columns = ["week", "inflow", "outflow", "closing", "up_to_7d", "from_8_to_30d", "older_than_30d", "median_age_days"]
    return per_week.reset_index()[columns]
