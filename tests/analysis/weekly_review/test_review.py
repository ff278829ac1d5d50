"""What a review shows, on series and sums made by hand."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from opslib.analysis.weekly_review import review
from opslib.analysis.weekly_review.goal_verdicts import beside
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
            "state": "settled",
            "settles_on": None,
            "still_low": np.nan,
            "still_high": np.nan,
        }
    )


def judged(metric: str, verdicts: list[str], **changes: object) -> pd.DataFrame:
    """How the last weeks were judged, up to 2026-W46."""
    frame = pd.DataFrame({"week": WEEKS[-len(verdicts) :], "verdict": verdicts}).assign(
        metric=metric,
        centre=100.0,
        lower=95.0,
        upper=105.0,
        since=None,
        direction="",
        why="",
        together=False,
        baseline_from="2026-W20",
        baseline_to="2026-W45",
        baseline_weeks=26,
        left_out="",
        level_shift=None,
    )
    return beside(frame).assign(**changes)


def test_a_chart_has_the_last_weeks_each_with_its_own_verdict():
    verdicts = judged("created", ["within"] * 26 + ["new"], direction=[""] * 26 + ["up"])
    frame = review.control_frame(series("created", [*CALM[:-1], 130.0]), verdicts, [CATALOGUE["created"]], "2026-W46")
    assert frame["week"].tolist() == WEEKS[-13:]
    assert frame["verdict"].tolist() == ["within"] * 12 + ["new"]
    earlier = review.control_frame(series("created", CALM), verdicts, [CATALOGUE["created"]], "2026-W44")
    assert earlier["week"].iloc[-1] == "2026-W44"


def test_a_week_that_nobody_judged_is_not_within_its_limits():
    """A warehouse made before there were signals; a metric that the export lacks has no verdict at all."""
    values = pd.concat([series("created", [1.0]), series("csat", [np.nan]).assign(missing="no surveys")])
    metrics = [CATALOGUE["created"], CATALOGUE["csat"]]
    frame = review.control_frame(values, judged("created", ["new"]).head(0), metrics, "2026-W46")
    assert frame["verdict"].tolist() == ["not judged", ""]


def test_signals_come_first_and_what_got_worse_before_what_got_better():
    names = ["created", "csat", "solved", "first_reply_median", "backlog_closing"]
    verdicts = pd.concat(
        [
            judged("created", ["not judged"], why="holiday week"),
            judged("csat", ["outside"], direction="up", since="2026-W39"),
            judged("solved", ["new"], direction="up", since="2026-W46"),
            judged("first_reply_median", ["new"], direction="up", since="2026-W46"),
            judged("backlog_closing", ["within"]),
        ]
    )
    values = pd.concat([series(name, [90.0, 100.0]) for name in names])
    chart = review.control_frame(values, verdicts, [CATALOGUE[name] for name in names], "2026-W46")
    rows = review.signals(chart, "2026-W46", "2026-W45")
    assert rows["metric"].tolist() == ["first_reply_median", "solved", "csat", "backlog_closing", "created"]
    assert rows["turn"].tolist() == ["worse", "better", "better", "", ""]
    assert rows["weeks_outside"].tolist() == [1, 1, 8, 0, 0]
    assert rows["before"].tolist() == [90.0] * 5
    missed = (chart["metric"] == "created") & (chart["week"] == "2026-W46")
    chart.loc[missed, ["goal_verdict", "is_missed"]] = ["missed, could be chance", True]
    assert review.signals(chart, "2026-W46", "2026-W45")["metric"].iloc[0] == "created", "a missed goal leads"


def test_what_is_known_a_week_later_stands_with_the_week_before():
    """The newest page is the first that can say it; what is not judged there either is left as it is."""
    shares = series("reopen_share", [0.06, 0.091, np.nan])
    shares.loc[shares["week"] == "2026-W46", ["state", "settles_on"]] = ["so far", "2026-11-23"]
    verdicts = judged("reopen_share", ["within", "new", "not judged"], since="2026-W45", direction=["", "up", ""])
    chart = review.control_frame(shares, verdicts, [CATALOGUE["reopen_share"]], "2026-W46")
    late = review.signals(chart, "2026-W46", "2026-W45").iloc[0]
    assert (late["week"], late["verdict"], late["turn"], late["weeks_outside"]) == ("2026-W45", "new", "worse", 1)
    assert (late["value"], late["before"]) == (0.091, 0.06)
    holiday = chart.assign(verdict="not judged")
    assert review.signals(holiday, "2026-W46", "2026-W45")["week"].tolist() == ["2026-W46"]
    known = chart.assign(value=0.06)
    assert review.signals(known, "2026-W46", "2026-W45")["week"].tolist() == ["2026-W46"]


def test_a_week_is_compared_with_those_on_which_its_limits_rest():
    verdicts = judged("created", ["within"] * 20 + ["new", *["within"] * 5, "outside"], left_out="2026-W22")
    chart = review.control_frame(
        series("created", CALM), verdicts, [CATALOGUE["created"]], "2026-W46", weeks=len(WEEKS)
    )
    assert review.usual_weeks(chart, "2026-W46")["created"] == [
        week for week in WEEKS[:-1] if week not in ("2026-W22", "2026-W40")
    ]
    assert review.usual_weeks(chart.assign(baseline_from=None), "2026-W46") == {"created": ["2026-W45"]}


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


def test_a_count_is_compared_with_an_average_week():
    sums = pd.DataFrame(
        {"week": ["usual"] * 2 + ["now"], "channel": "chat", "numerator": [10.0, 20.0, 9.0], "denominator": 1.0}
    )
    parts = review.explain(sums, CATALOGUE["created"], by="channel", before="usual", after="now", weeks=2)
    assert parts[["before", "after", "total"]].to_numpy().tolist() == [[15.0, 9.0, -6.0]]


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
