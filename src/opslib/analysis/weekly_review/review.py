"""The frames of a weekly review: charts with frozen limits, what is a signal, what explains it, what adds up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from opslib.analysis.methods.control_charts import MINIMUM_BASELINE, laney_p_prime, xmr
from opslib.analysis.methods.decomposition import kitagawa
from opslib.metrics import Metric

REPORT_WEEKS = 13
"""How many weeks a report looks back on."""

BASELINE_WEEKS = 13
"""How many weeks the limits of a control chart rest on."""

CHART_COLUMNS = (
    *("week", "metric", "label", "unit", "better", "value", "low", "high", "n", "censored", "missing", "goal"),
    *("state", "settles_on", "still_low", "still_high"),
    *("centre", "lower", "upper", "signal", "in_baseline", "baseline"),
)
"""The columns of a control-chart frame, in the metric's unit where they are values.

value with low and high, its 95 % interval; n, how many it rests on; censored, how many of them had not ended; missing,
why the export cannot tell it; goal; state, settles_on, still_low and still_high, as `weekly_values.COLUMNS` has them;
centre, lower and upper, the limits; signal, the rules that fired, "" for none;
in_baseline (bool); baseline, its first and last week in words.
"""

TEST_COLUMNS = ("team", "metric", "before", "value", "p", "q", "discovery", "tests", "discoveries")
"""The columns of tested changes: team, metric, the value before and now, p, q, whether it is a discovery, and how many
tests and discoveries there were over all teams and metrics."""

EXPLAIN_COLUMNS = (
    *("metric", "label", "unit", "by", "group", "before", "after", "share_before", "share_after"),
    *("mix", "rate", "total"),
)
"""The columns of an explained change, a row per group: its values and shares of the whole, and what it adds."""

FLOW_TERMS = ("created", "reopened", "moved_in", "solved", "deleted", "merged", "moved_out")
"""What goes into the backlog (the first three) and out of it, tickets a day."""

_IN, _OUT = FLOW_TERMS[:3], FLOW_TERMS[3:]


def baseline_of(weeks: Sequence[str], week: str, has_value: Sequence[bool]) -> list[bool]:
    """Which weeks the limits of a control chart rest on.

    Args:
        weeks: ISO weeks in order.
        week: the week reported; it is never part of the baseline.
        has_value: whether the metric has a value in each of the weeks.

    Returns:
        One bool per week. The 13 weeks before the quarter (from week 1, 14, 27 or 40) in which `week` lies, so that the
        limits stay frozen for a quarter. Where those have fewer than 6 values, the first 13 weeks with a value.

    >>> weeks = [f"2026-W{number:02d}" for number in range(20, 47)]
    >>> in_baseline = baseline_of(weeks, "2026-W46", [True] * len(weeks))
    >>> [week for week, inside in zip(weeks, in_baseline) if inside][:1], sum(in_baseline)
    (['2026-W27'], 13)
    """
    year, number = int(week[:4]), int(week[6:])
    quarter = f"{year}-W{next(first for first in (40, 27, 14, 1) if number >= first):02d}"
    before = [each for each in weeks if each < quarter][-BASELINE_WEEKS:]
    usable = [each for each, there in zip(weeks, has_value, strict=True) if there and each < week]
    if len(set(before) & set(usable)) < MINIMUM_BASELINE:
        before = usable[:BASELINE_WEEKS]
    return [each in before for each in weeks]


def control_frame(
    values: pd.DataFrame,
    metrics: Sequence[Metric],
    week: str,
    *,
    goals: Mapping[str, float] | None = None,
    weeks: int = REPORT_WEEKS,
) -> pd.DataFrame:
    """Weekly values with the limits of their control charts.

    Args:
        values: weekly values of one team and channel, all weeks that there are: week, metric, value, low, high,
            numerator, denominator, n, censored, missing, state, settles_on, still_low, still_high.
        metrics: which metrics, in the order of the rows.
        week: the week reported; later weeks are left out.
        goals: targets by metric, in the metric's unit.
        weeks: how many weeks are returned; limits rest on earlier ones too.

    Returns:
        `CHART_COLUMNS`, one row per metric and week: week, metric, label, unit, better, value, low, high, n, censored,
        missing, goal, state, settles_on, still_low, still_high, centre, lower, upper, signal (rules that fired, "" for
        none), in_baseline, baseline (its weeks in words). Counts and times have XmR limits, shares Laney's p'.
    """
    targets = goals or {}
    until = values[values["week"] <= week].sort_values("week", kind="stable")
    rows_of = dict(iter(until.groupby("metric", sort=False)))
    charts = [
        _metric_chart(rows_of[metric.name], metric, week, targets.get(metric.name, np.nan)).tail(weeks)
        for metric in metrics
        if metric.name in rows_of
    ]
    columns = list(CHART_COLUMNS)
    return pd.concat(charts, ignore_index=True)[columns] if charts else pd.DataFrame(columns=columns)


def _metric_chart(rows: pd.DataFrame, metric: Metric, week: str, goal: float) -> pd.DataFrame:
    """The control chart of one metric over all its weeks: `CHART_COLUMNS`, in no order."""
    weeks = rows["week"].tolist()
    in_baseline = np.array(baseline_of(weeks, week, rows["value"].notna().tolist()))
    if metric.kind == "share":
        chart = laney_p_prime(rows["numerator"], rows["denominator"], baseline=in_baseline)
    else:
        chart = xmr(rows["value"], baseline=in_baseline)
    least = -np.inf if metric.name == "net_flow" else 0.0
    most = 1.0 if metric.unit in ("share", "score") else np.inf
    baseline_weeks = [name for name, inside in zip(weeks, in_baseline, strict=True) if inside]
    has_limits = baseline_weeks and chart["centre"].notna().any()
    columns = {
        **{name: rows[name] for name in ("week", "metric", "value", "low", "high", "n", "censored", "missing")},
        **{name: rows[name] for name in ("state", "settles_on", "still_low", "still_high")},
        **{name: chart[name] for name in ("centre", "signal", "in_baseline")},
        "label": metric.label,
        "unit": metric.unit,
        "better": metric.better,
        "goal": goal,
        "lower": np.maximum(chart["lower"], least),
        "upper": np.minimum(chart["upper"], most),
        "baseline": f"{baseline_weeks[0]} to {baseline_weeks[-1]}" if has_limits else "",
    }
    return pd.DataFrame(columns, index=rows.index)


def signals(tests: pd.DataFrame, chart: pd.DataFrame, week: str) -> pd.DataFrame:
    """What is a signal in a week, and what is noise.

    Args:
        tests: the team's rows of `TEST_COLUMNS`: metric, before, q, discovery, tests, discoveries.
        chart: `CHART_COLUMNS` of all metrics of the team.
        week: the week.

    Returns:
        One row per metric that has a value, signals first: metric, label, unit, better, before, value, centre, lower,
        upper, rule (of the control chart, "" for none), q (NaN where not tested), discovery, verdict (signal or noise),
        turn (better, worse, or "" where the metric has no direction or nothing to compare), tests and discoveries (how
        many there were in all, over all teams).
    """
    test_of = tests.set_index("metric")
    now = chart[(chart["week"] == week) & chart["value"].notna()]
    rows = now[["metric", "label", "unit", "better", "value", "centre", "lower", "upper"]].assign(rule=now["signal"])
    for column in ("before", "q"):
        rows[column] = rows["metric"].map(test_of[column]).astype("float64")
    rows["discovery"] = rows["metric"].map(test_of["discovery"]).eq(True)
    rows["verdict"] = np.where(rows["discovery"] | (rows["rule"] != ""), "signal", "noise")
    reference = rows["before"].where(rows["discovery"] | rows["centre"].isna(), rows["centre"])
    sign = np.select([rows["better"] == "higher", rows["better"] == "lower"], [1.0, -1.0], default=0.0)
    gain = (rows["value"].astype("float64") - reference.astype("float64")).to_numpy() * sign
    rows["turn"] = pd.array(np.select([gain > 0, gain < 0], ["better", "worse"], default=""), dtype="str")
    rows["tests"] = int(tests["tests"].max()) if len(tests) else 0
    rows["discoveries"] = int(tests["discoveries"].max()) if len(tests) else 0
    rows["_order"] = np.where(rows["verdict"] == "signal", 0, 3) + np.select([gain < 0, gain > 0], [0, 1], default=2)
    return rows.sort_values("_order", kind="stable", ignore_index=True).drop(columns="_order")


def explain(sums: pd.DataFrame, metric: Metric, *, by: str, before: Any, after: Any) -> pd.DataFrame:
    """Split the change of a metric between two weeks by group.

    Args:
        sums: week, the column `by`, numerator and denominator; rows of one team and metric.
        metric: a count, share or mean, or a quantile of which `breakdown.pair_within` has made sums.
        by: column that names the group.
        before: the earlier week.
        after: the later week.

    Returns:
        `EXPLAIN_COLUMNS`: metric, label, unit, by, group, before and after (the group's value), share_before and
        share_after, mix, rate, total, sorted by the size of total. The totals sum to the change. For a count, total is
        the change of the group's count and mix and rate are NaN. Empty where a week has nothing to compare.

    References:
        Kitagawa, E. M. (1955). Components of a difference between two rates. JASA 50, 1168-1194.
    """
    columns = list(EXPLAIN_COLUMNS)
    rows = sums[sums["week"].isin([before, after])]
    side = "numerator" if metric.kind == "count" else "denominator"
    if {before, after} - set(rows.loc[rows[side] > 0, "week"]):
        return pd.DataFrame(columns=columns)
    if metric.kind == "count":
        parts, unit = _count_parts(rows, by=by, before=before, after=after), "count"
    else:
        split = kitagawa(
            rows, by=by, numerator="numerator", denominator="denominator", period="week", before=before, after=after
        )
        parts = split.rename(columns={by: "group", "rate_before": "before", "rate_after": "after"})
        unit = "share" if metric.kind == "quantile" else metric.unit
    parts = parts.assign(metric=metric.name, label=metric.label, unit=unit, by=by)
    order = parts["total"].abs().sort_values(ascending=False, kind="stable").index
    return parts.loc[order, columns].reset_index(drop=True)


def _count_parts(rows: pd.DataFrame, *, by: str, before: Any, after: Any) -> pd.DataFrame:
    """What each group adds to the change of a count; mix and rate are NaN."""
    wide = rows.pivot_table(index=by, columns="week", values="numerator", aggfunc="sum", fill_value=0)
    parts = pd.DataFrame({"group": wide.index, "before": wide[before].to_numpy(), "after": wide[after].to_numpy()})
    parts["share_before"] = parts["before"] / parts["before"].sum()
    parts["share_after"] = parts["after"] / parts["after"].sum()
    return parts.assign(mix=np.nan, rate=np.nan, total=parts["after"] - parts["before"])


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
