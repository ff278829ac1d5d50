"""Goals held against weekly values: hand-counted cases, and a slow twin on random ones."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from opslib.analysis.weekly_review.goal_verdicts import COLUMNS, WEEKS, goal_verdicts, shortfall
from opslib.metrics import CATALOGUE
from opslib.weeks import weeks_between

LAST = weeks_between("2026-W20", "2026-W46")
HOUR = 3600.0


def rows(metric: str, value: object, goal: float, **columns: object) -> pd.DataFrame:
    """Weekly values of one metric that end with 2026-W46; a settled one of 100 without an interval where not said."""
    values = value if isinstance(value, list) else [value]
    return pd.DataFrame(
        {
            "week": LAST[-len(values) :],
            "team": "alpha",
            "metric": metric,
            "value": np.array(values, dtype=float),
            "low": np.nan,
            "high": np.nan,
            "n": pd.array([100] * len(values), dtype="Int64"),
            "missing": None,
            "state": "settled",
            "still_low": np.nan,
            "still_high": np.nan,
            "goal": goal,
        }
    ).assign(**columns)


def verdict(metric: str, value: object, goal: float, **columns: object) -> pd.Series:
    """The verdict of the last week."""
    return goal_verdicts(rows(metric, value, goal, **columns), CATALOGUE).iloc[-1]


@pytest.mark.parametrize(
    ("metric", "value", "goal", "columns", "expected"),
    [
        ("csat", 0.70, 0.85, {"low": 0.60, "high": 0.80}, "missed"),
        ("csat", 0.80, 0.85, {"low": 0.70, "high": 0.87}, "missed, could be chance"),
        ("csat", 0.80, 0.85, {"low": 0.70, "high": 0.85}, "missed, could be chance"),
        ("csat", 0.87, 0.85, {"low": 0.80, "high": 0.92}, "at risk"),
        ("csat", 0.85, 0.85, {"low": 0.85, "high": 0.92}, "met"),
        ("csat", 0.10, 0.85, {"low": 0.01, "high": 0.20, "n": 29}, "too few to say"),
        ("csat", 0.10, 0.85, {"low": 0.01, "high": 0.20, "n": 30}, "missed"),
        ("csat", math.nan, 0.85, {"n": 0}, "no value"),
        ("reopen_share", 0.10, 0.08, {"low": 0.09, "high": 0.11}, "missed"),
        ("reopen_share", 0.07, 0.08, {"low": 0.05, "high": 0.09}, "at risk"),
        ("first_reply_median", 2 * HOUR, 2 * HOUR, {"low": HOUR, "high": 2 * HOUR}, "met"),
        ("first_reply_median", 3 * HOUR, 2 * HOUR, {"low": 2.5 * HOUR, "high": math.nan}, "missed"),
        ("first_reply_median", 1 * HOUR, 2 * HOUR, {"low": 0.5 * HOUR, "high": math.nan}, "at risk"),
        ("backlog_closing", 12, 20, {"n": 12}, "met"),
        ("backlog_closing", 21, 20, {"n": 21}, "missed"),
    ],
)
def test_a_verdict_is_the_side_of_the_goal_and_whether_the_interval_reaches_it(metric, value, goal, columns, expected):
    assert verdict(metric, value, goal, **columns)["goal_verdict"] == expected


SO_FAR = {"state": "so far", "low": 2.2 * HOUR, "high": 2.4 * HOUR}


@pytest.mark.parametrize(
    ("value", "columns", "expected", "is_open"),
    [
        (2.3, SO_FAR | {"still_low": 1.9 * HOUR, "still_high": 3 * HOUR}, "missed, could be chance", True),
        (2.3, SO_FAR | {"still_low": 2.1 * HOUR, "still_high": 3 * HOUR}, "missed", False),
        (1.5, SO_FAR | {"low": HOUR, "high": 1.8 * HOUR, "still_low": HOUR, "still_high": 2.1 * HOUR}, "at risk", True),
        (1.5, SO_FAR | {"low": HOUR, "high": 1.8 * HOUR, "still_low": HOUR, "still_high": math.nan}, "at risk", True),
        (1.5, SO_FAR | {"low": HOUR, "high": 1.8 * HOUR}, "met", False),
        (math.nan, {"state": "bounds", "low": 1.5 * HOUR}, "no value", True),
        (math.nan, {"state": "bounds", "low": 2.5 * HOUR}, "missed", False),
        (math.nan, {"state": "bounds", "low": 0.5 * HOUR, "high": 1.5 * HOUR}, "met", False),
        (math.nan, {"state": "so far", "settles_on": "2026-11-23"}, "no value", False),
    ],
)
def test_what_is_not_settled_is_sure_only_where_no_end_of_it_lies_on_the_other_side(value, columns, expected, is_open):
    """Never met by a lower bound of a time."""
    row = verdict("first_reply_median", value * HOUR, 2 * HOUR, **columns)
    assert (row["goal_verdict"], row["is_open"]) == (expected, is_open)


def test_the_gap_is_in_the_unit_and_short_in_tickets_up_to_the_share_that_is_written():
    """183 of 637 against 92%: 586 are written 92.0%. 92 of 113 against 88%: 99 are 87.6%, so it takes 100."""
    sla = verdict("first_reply_sla", 183 / 637, 0.92, n=637, low=0.25, high=0.33)
    assert sla["short"] == 403
    assert sla["gap"] == pytest.approx(0.92 - 183 / 637)
    assert verdict("csat", 92 / 113, 0.88, n=113)["short"] == 8
    assert verdict("first_reply_sla", 466 / 600, 0.9, n=600)["short"] == 74
    assert verdict("reopen_share", 15 / 100, 0.08)["short"] == 7
    assert verdict("csat", 0.8799, 0.88)["short"] == 1
    median = verdict("first_reply_median", 5 * HOUR, 2 * HOUR)
    assert median["gap"] == 3 * HOUR
    assert pd.isna(median["short"])
    met = verdict("first_reply_median", 1.5 * HOUR, 2 * HOUR)
    assert (met["gap"], pd.isna(met["short"]), met["is_missed"]) == (-0.5 * HOUR, True, False)


def test_weeks_missed_are_counted_over_thirteen_and_a_week_without_a_number_ends_no_run():
    values = [0.5] * 10 + [0.9] * 5 + [0.5, math.nan, 0.5, 0.5]
    frame = goal_verdicts(rows("csat", values, 0.85, n=10), CATALOGUE)
    last = frame.iloc[-1]
    assert (last["missed_weeks"], last["goal_weeks"], last["missed_run"]) == (7, 12, 3)
    assert frame["missed_run"].tolist() == [*range(1, 11), 0, 0, 0, 0, 0, 1, 0, 2, 3]


def test_a_goal_is_too_easy_where_thirteen_weeks_leave_half_of_it():
    easy = {"low": 0.5 * HOUR, "high": 1.5 * HOUR}
    assert verdict("first_reply_median", [HOUR] * 13, 2 * HOUR, **easy)["too_easy"]
    assert not verdict("first_reply_median", [HOUR] * 12, 2 * HOUR, **easy)["too_easy"]
    assert not verdict("first_reply_median", [HOUR] * 6 + [1.1 * HOUR] + [HOUR] * 6, 2 * HOUR, **easy)["too_easy"]
    assert not verdict("first_reply_median", [HOUR] * 13, 2 * HOUR, low=0.5 * HOUR, high=2.5 * HOUR)["too_easy"]
    assert verdict("csat", [0.96] * 13, 0.9, low=0.93, high=0.99)["too_easy"]
    assert not verdict("csat", [0.94] * 13, 0.9, low=0.93, high=0.99)["too_easy"]


def test_no_goal_is_judged_in_a_week_that_the_export_holds_in_part():
    values = pd.concat([rows("csat", [0.5, 0.5], 0.85), rows("backlog_closing", [50, 50], 20)])
    part = pd.DataFrame(
        {"week": ["2026-W45", "2026-W46"], "team": "alpha", "scope": ["backlog", "all"], "reason": ["r1", "r2"]}
    )
    frame = goal_verdicts(values, CATALOGUE, incomplete=part).set_index(["week", "metric"])
    assert frame["goal_verdict"].to_dict() == {
        ("2026-W45", "backlog_closing"): "no value",
        ("2026-W45", "csat"): "missed",
        ("2026-W46", "backlog_closing"): "no value",
        ("2026-W46", "csat"): "no value",
    }
    assert frame["goal_why"].tolist() == ["r1", "", "r2", "r2"]
    assert frame["missed_weeks"].loc[("2026-W46", "csat")] == 1


def test_what_channels_add_to_a_missed_goal_sums_to_the_whole():
    """Of 100 replies 60 are in time, and 90 should be: email lacks 33, chat has 3 to spare."""
    channels = pd.DataFrame(
        [("chat", 0.96, 50), ("all", 0.6, 100), ("email", 0.24, 50), ("web", math.nan, 0)],
        columns=["channel", "value", "n"],
    ).assign(metric="first_reply_sla")
    goal = {"metric": "first_reply_sla", "label": "In time", "unit": "share", "better": "higher", "cases": "tickets"}
    frame = shortfall(channels, pd.DataFrame([goal | {"goal": 0.9}]))
    assert frame["channel"].tolist() == ["all", "email", "chat"]
    assert frame["over"].tolist() == pytest.approx([30, 33, -3])
    assert frame["gap"].tolist() == pytest.approx([0.3, 0.66, -0.06])


def test_only_metrics_with_a_goal_in_force_have_a_verdict():
    values = rows("csat", [0.5, 0.5, 0.5], 0.85)
    values.loc[0, "goal"] = math.nan
    values.loc[1, "missing"] = "no surveys"
    frame = goal_verdicts(values, CATALOGUE)
    assert frame["week"].tolist() == ["2026-W46"]
    nothing = goal_verdicts(values.head(0), CATALOGUE)
    assert nothing.empty
    assert tuple(nothing.columns) == COLUMNS


def test_a_later_week_changes_nothing_that_an_earlier_one_said():
    values = rows("csat", list(np.random.default_rng(3).uniform(0.7, 1.0, 20)), 0.85, low=0.7, high=0.95)
    whole = goal_verdicts(values, CATALOGUE)
    part = goal_verdicts(values.head(15), CATALOGUE)
    pd.testing.assert_frame_equal(whole.head(15), part)


def test_random_weeks_agree_with_a_slow_obvious_twin():
    random = np.random.default_rng(11)
    parts = []
    for metric, goal in (("csat", 0.85), ("reopen_share", 0.1), ("qa_score", 0.5), ("created", 100.0)):
        value = np.round(random.uniform(0.5 * goal, 1.2 * goal, 27), 3)
        part = rows(metric, list(value), goal, n=pd.array(random.integers(10, 90, 27), dtype="Int64"))
        part["low"], part["high"] = value - random.uniform(0, 0.2, 27), value + random.uniform(0, 0.2, 27)
        part.loc[random.random(27) < 0.15, "value"] = np.nan
        parts.append(part)
    values = pd.concat(parts, ignore_index=True)
    frame = goal_verdicts(values, CATALOGUE).set_index(["metric", "week"])
    for metric, own in values.groupby("metric"):
        lower = CATALOGUE[metric].better == "lower"
        weeks = own.to_dict("records")
        for place, row in enumerate(weeks):
            found = frame.loc[(metric, row["week"])]
            sides = [None if math.isnan(each["value"]) else _misses(each, lower) for each in weeks[: place + 1]]
            assert found["goal_verdict"] == _slow(row, lower, exact=metric == "created"), (metric, row)
            assert found["missed_weeks"] == sum(side is True for side in sides[-WEEKS:])
            assert found["goal_weeks"] == sum(side is not None for side in sides[-WEEKS:])
            told = [side for side in sides if side is not None]
            run = next((n for n, side in enumerate(reversed(told)) if not side), len(told))
            assert found["missed_run"] == (run if sides[-1] else 0)


def _misses(row: dict, lower: bool) -> bool:
    return row["value"] > row["goal"] if lower else row["value"] < row["goal"]


def _slow(row: dict, lower: bool, *, exact: bool) -> str:
    if math.isnan(row["value"]):
        return "no value"
    if row["n"] < 30 and not exact:
        return "too few to say"
    reaches = row["low"] <= row["goal"] <= row["high"]
    if _misses(row, lower):
        return "missed, could be chance" if reaches else "missed"
    touches = row["low"] < row["goal"] if not lower else row["high"] > row["goal"]
    return "at risk" if touches else "met"
