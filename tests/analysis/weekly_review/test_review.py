"""What a review shows, on series and sums made by hand."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from opslib.analysis.weekly_review import review
from opslib.metrics import ALL, CATALOGUE
from opslib.weeks import weeks_between

WEEKS = weeks_between("2026-W20", "2026-W46")
CALM = list(np.round(np.random.default_rng(2).normal(100, 1, 27), 2))


def series(metric: str, values: list[float], *, team: str = "a", trials: float = 200.0) -> pd.DataFrame:
    """Weekly values that end with 2026-W46."""
    value = np.array(values, dtype=float)
    return pd.DataFrame(
        {
            "week": WEEKS[-len(value) :],
            "team": team,
            "channel": ALL,
            "metric": metric,
            "value": value,
            "low": value * 0.9,
            "high": value * 1.1,
            "numerator": value * trials,
            "denominator": trials,
            "spread": np.nan,
            "n": pd.array([int(trials)] * len(value), dtype="Int64"),
            "censored": pd.array([0] * len(value), dtype="Int64"),
            "missing": None,
        }
    )


def test_limits_rest_on_the_thirteen_weeks_before_the_quarter_and_stay_the_same_through_it():
    everything = [True] * len(WEEKS)
    in_baseline = review.baseline_of(WEEKS, "2026-W46", everything)
    assert [week for week, inside in zip(WEEKS, in_baseline, strict=True) if inside] == WEEKS[7:20]
    assert review.baseline_of(WEEKS, "2026-W40", everything) == in_baseline
    assert review.baseline_of(WEEKS, "2026-W39", everything) != in_baseline


def test_a_short_history_takes_its_first_weeks_but_never_the_week_reported():
    weeks = weeks_between("2026-W38", "2026-W46")
    in_baseline = review.baseline_of(weeks, "2026-W46", [True] * len(weeks))
    assert in_baseline == [True] * 8 + [False]


def test_the_frame_has_the_last_weeks_with_limits_from_earlier_ones():
    frame = review.control_frame(
        series("created", [*CALM[:-1], 130.0]), [CATALOGUE["created"]], "2026-W46", goals={"created": 90.0}
    )
    assert frame["week"].tolist() == WEEKS[-13:]
    last = frame.iloc[-1]
    assert last["signal"] == "beyond the limits"
    baseline = np.array(CALM[7:20])
    assert last["upper"] == pytest.approx(baseline.mean() + 3 * np.abs(np.diff(baseline)).mean() / 1.128379)
    assert last["goal"] == 90
    assert last["baseline"] == "2026-W27 to 2026-W39"
    assert (frame["signal"].iloc[:-1] != "beyond the limits").all()


def test_limits_of_times_and_shares_stay_where_values_can_be():
    wild = [0.5 + 0.45 * (-1) ** n for n in range(27)]
    share = review.control_frame(series("csat", wild), [CATALOGUE["csat"]], "2026-W46")
    assert share["lower"].min() >= 0
    assert share["upper"].max() <= 1
    times = series("first_reply_median", [3600 * value for value in wild])
    assert review.control_frame(times, [CATALOGUE["first_reply_median"]], "2026-W46")["lower"].min() >= 0
    flow = series("net_flow", [100 * (-1) ** n for n in range(27)])
    assert review.control_frame(flow, [CATALOGUE["net_flow"]], "2026-W46")["lower"].max() < 0


def test_few_weeks_have_no_limits_and_no_signals():
    frame = review.control_frame(series("created", [1.0, 2.0, 900.0]), [CATALOGUE["created"]], "2026-W46")
    assert frame["upper"].isna().all()
    assert (frame["signal"] == "").all()
    assert (frame["baseline"] == "").all()


def test_the_parts_of_an_explained_change_sum_to_it():
    sums = pd.DataFrame(
        {
            "week": ["2026-W45"] * 2 + ["2026-W46"] * 2,
            "channel": ["chat", "email"] * 2,
            "numerator": [90.0, 40.0, 50.0, 80.0],
            "denominator": [100.0, 50.0, 60.0, 110.0],
        }
    )
    parts = review.explain(sums, CATALOGUE["csat"], by="channel", before="2026-W45", after="2026-W46")
    assert parts["total"].sum() == pytest.approx(130 / 170 - 130 / 150)
    assert (parts["mix"] + parts["rate"]).tolist() == pytest.approx(parts["total"].tolist())
    assert parts["total"].abs().is_monotonic_decreasing


def test_a_count_is_explained_by_the_change_of_each_group():
    sums = pd.DataFrame(
        {
            "week": ["2026-W45", "2026-W46", "2026-W46"],
            "channel": ["chat", "chat", "email"],
            "numerator": [10.0, 4.0, 9.0],
            "denominator": [10.0, 4.0, 9.0],
        }
    )
    parts = review.explain(sums, CATALOGUE["created"], by="channel", before="2026-W45", after="2026-W46")
    assert dict(zip(parts["group"], parts["total"], strict=True)) == {"email": 9, "chat": -6}
    assert parts["mix"].isna().all()


def test_a_week_with_nothing_to_compare_explains_nothing():
    sums = pd.DataFrame({"week": ["2026-W46"], "channel": ["chat"], "numerator": [1.0], "denominator": [2.0]})
    assert review.explain(sums, CATALOGUE["csat"], by="channel", before="2026-W45", after="2026-W46").empty


def days(first: date, created: list[int], solved: list[int], *, start: int = 5) -> pd.DataFrame:
    frame = pd.DataFrame({"day": [first + timedelta(days=n) for n in range(len(created))]})
    frame["created"], frame["solved"] = created, solved
    for term in ("reopened", "moved_in", "deleted", "merged", "moved_out"):
        frame[term] = 0
    frame["closing"] = start + (frame["created"] - frame["solved"]).cumsum()
    frame["opening"] = frame["closing"].shift(fill_value=start)
    return frame.assign(median_age_days=1.0, older_than_7d=frame["closing"] // 2, older_than_30d=1)


def test_the_week_adds_up_from_its_days():
    identity = review.add_up(days(date(2026, 11, 9), [3, 4, 0, 0, 0, 0, 1], [2, 2, 1, 0, 0, 0, 0]))
    week = identity.iloc[-1]
    assert (week["opening"], week["created"], week["solved"], week["closing"]) == (5, 8, 5, 8)
    assert (identity["difference"] == 0).all()
    assert len(identity) == 8


def test_a_ticket_too_many_is_shown_as_unexplained():
    frame = days(date(2026, 11, 9), [3] * 7, [2] * 7)
    frame.loc[3, "closing"] += 1
    assert review.add_up(frame)["difference"].tolist() == [0, 0, 0, 1, 0, 0, 0, 0]


def test_a_week_of_backlog_sums_its_flows_and_takes_the_age_of_its_last_day():
    frame = days(date(2026, 11, 2), [1] * 14, [0] * 7 + [1] * 7)
    weeks = pd.DataFrame(
        {
            "week": ["2026-W45", "2026-W46"],
            "first_day": [date(2026, 11, 2), date(2026, 11, 9)],
            "last_day": [date(2026, 11, 8), date(2026, 11, 15)],
        }
    )
    per_week = review.weekly_backlog(frame, weeks)
    assert per_week["inflow"].tolist() == [7, 7]
    assert per_week["outflow"].tolist() == [0, 7]
    assert per_week["closing"].tolist() == [12, 12]
    layers = per_week["up_to_7d"] + per_week["from_8_to_30d"] + per_week["older_than_30d"]
    assert layers.tolist() == per_week["closing"].tolist()
