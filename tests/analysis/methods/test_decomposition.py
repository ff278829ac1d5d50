"""Mix and rate: a worked example, exactness on random input, groups that come and go."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opslib.analysis.methods.decomposition import kitagawa

# Two teams: the rate of each stays, only the share of the one with the lower rate grows, from a half to three quarters.
MIX_ONLY = pd.DataFrame(
    {
        "week": ["W45", "W45", "W46", "W46"],
        "team": ["commerce", "general", "commerce", "general"],
        "satisfied": [90, 60, 45, 90],
        "answered": [100, 100, 50, 150],
    }
)


def split(frame, **changes):
    arguments = {
        "by": "team",
        "numerator": "satisfied",
        "denominator": "answered",
        "period": "week",
        "before": "W45",
        "after": "W46",
    }
    return kitagawa(frame, **(arguments | changes))


def test_a_change_by_mix_alone_has_no_rate_part():
    """75% to 67.5%: the lower team's share grew by a quarter, its rate lies 11.25 points under the mean of both."""
    parts = split(MIX_ONLY).set_index("team")
    assert parts["rate"].tolist() == pytest.approx([0, 0])
    assert parts["mix"].sum() == pytest.approx(-0.075)
    assert parts.loc["general", "mix"] == pytest.approx(0.25 * (0.60 - 0.7125))
    assert parts.loc["commerce", "mix"] == pytest.approx(-0.25 * (0.90 - 0.7125))


def test_a_hand_worked_example_with_both_parts():
    """Shares .5/.5 to .2/.8, rates .8/.4 to .6/.5: ratio .60 to .52.

    rate: (.6-.8)(.5+.2)/2 = -.07 and (.5-.4)(.5+.8)/2 = .065. mix: -.3(.70-.56) = -.042 and .3(.45-.56) = -.033.
    """
    frame = pd.DataFrame(
        {
            "week": ["W45", "W45", "W46", "W46"],
            "team": ["a", "b", "a", "b"],
            "satisfied": [40, 20, 12, 40],
            "answered": [50, 50, 20, 80],
        }
    )
    parts = split(frame)
    assert parts["rate"].tolist() == pytest.approx([-0.07, 0.065])
    assert parts["mix"].tolist() == pytest.approx([-0.042, -0.033])
    assert parts["total"].sum() == pytest.approx(-0.08)
    assert parts.columns.tolist() == [
        "team",
        "share_before",
        "share_after",
        "rate_before",
        "rate_after",
        "mix",
        "rate",
        "total",
    ]


def test_a_group_that_is_new_or_gone_is_mix_and_shows_no_rate_where_it_was_absent():
    frame = pd.DataFrame(
        {
            "week": ["W45", "W45", "W46", "W46"],
            "team": ["gone", "stays", "stays", "new"],
            "satisfied": [10, 50, 55, 10],
            "answered": [20, 80, 80, 40],
        }
    )
    parts = split(frame).set_index("team")
    assert parts.loc["new", "rate"] == 0
    assert parts.loc["gone", "rate"] == 0
    assert np.isnan(parts.loc["new", "rate_before"])
    assert np.isnan(parts.loc["gone", "rate_after"])
    assert parts["total"].sum() == pytest.approx(65 / 120 - 60 / 100, abs=1e-12)


def test_several_columns_name_a_group_and_a_missing_value_is_one():
    """Dropping the tickets without a channel would break the sum."""
    frame = MIX_ONLY.assign(channel=["web", None, "web", None])
    parts = split(frame, by=["team", "channel"])
    assert len(parts) == 2
    assert parts["total"].sum() == pytest.approx(-0.075)


def test_other_periods_and_repeated_rows_are_handled():
    halves = pd.concat([MIX_ONLY, MIX_ONLY, MIX_ONLY.assign(week="W40", satisfied=0)])
    pd.testing.assert_frame_equal(split(halves), split(MIX_ONLY))


def test_a_group_without_any_answers_in_both_weeks_takes_no_part():
    quiet = pd.DataFrame({"week": ["W45", "W46"], "team": "quiet", "satisfied": 0, "answered": 0})
    parts = split(pd.concat([MIX_ONLY, quiet])).set_index("team")
    assert parts.loc["quiet", ["mix", "rate", "total"]].tolist() == [0, 0, 0]
    assert parts["total"].sum() == pytest.approx(-0.075)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (MIX_ONLY[MIX_ONLY["week"] == "W46"], "no ratio to explain"),
        (MIX_ONLY.assign(answered=[0, 100, 50, 150]), "no 'answered'"),
        (MIX_ONLY.assign(answered=[-1, 100, 50, 150]), "negative"),
        (MIX_ONLY.assign(satisfied=[None, 1, 1, 1]), "missing in 1 rows"),
    ],
)
def test_input_whose_parts_could_not_add_up_is_refused(frame, message):
    with pytest.raises(ValueError, match=message):
        split(frame)


def test_comparing_a_week_with_itself_is_refused():
    with pytest.raises(ValueError, match="same period"):
        split(MIX_ONLY, after="W45")


rows = st.tuples(st.sampled_from(["W45", "W46"]), st.sampled_from("abcdef"), st.floats(0, 1), st.integers(1, 10_000))


@given(st.lists(rows, min_size=2, max_size=40))
@settings(max_examples=100, deadline=None)
def test_the_parts_always_sum_to_the_change_of_the_ratio(drawn):
    frame = pd.DataFrame(drawn, columns=["week", "team", "share", "answered"])
    frame["satisfied"] = frame["share"] * frame["answered"]
    weeks = frame.groupby("week")[["satisfied", "answered"]].sum()
    if len(weeks) < 2:
        return
    ratio = weeks["satisfied"] / weeks["answered"]
    parts = split(frame)
    assert abs(parts["total"].sum() - (ratio["W46"] - ratio["W45"])) < 1e-12
    assert abs(parts["mix"].sum() + parts["rate"].sum() - parts["total"].sum()) < 1e-12
    assert parts["share_before"].sum() == pytest.approx(1)
