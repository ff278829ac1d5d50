"""Limits against the NIST handbook, Montgomery, and R's qcc and qicharts2; rules against qcc's own cases."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opslib.analysis.methods.control_charts import D2, RULES, laney_p_prime, xmr

NIST_FLOW = [49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]
VISCOSITY = [34.05, 34.4, 33.59, 35.96, 34.7, 33.51, 33.79, 34.04, 34.52, 33.75]
VISCOSITY += [33.27, 33.71, 34.03, 34.58, 34.02, 33.97, 34.05, 34.04, 33.73, 34.05]
ORANGE_JUICE = [
    12,
    15,
    8,
    10,
    4,
    7,
    16,
    9,
    14,
    10,
    5,
    6,
    17,
    12,
    22,
    8,
    10,
    5,
    13,
    11,
    20,
    18,
    24,
    15,
    9,
    12,
    7,
    13,
    9,
    6,
]
# The first six weeks of attendances seen within four hours, Mohammed et al. (2013), BMJ Quality & Safety 22, 362-368.
WITHIN_FOUR_HOURS = [266501, 264225, 276532, 281461, 269071, 261215]
ATTENDANCES = [280443, 276823, 291681, 296155, 282343, 275888]
STEADY = [10.0, 12, 9, 11, 10, 12, 9, 11, 10, 12]


# Six points with the mean 0 and the mean moving range D2: as a baseline they make the centre 0 and sigma 1, so that
# what follows them is in standard deviations. The gap after them breaks every run.
UNIT_BASELINE = [D2 / 2, -D2 / 2, np.nan, D2 / 2, -D2 / 2, np.nan, D2 / 2, -D2 / 2, np.nan]


def chart_of(z):
    """The chart of values whose baseline has the centre 0 and the standard deviation 1."""
    chart = xmr([*UNIT_BASELINE, *z], baseline=len(UNIT_BASELINE))
    return chart.iloc[len(UNIT_BASELINE) :]


def ends_of(z, rule):
    """Positions from 1 at which a rule marks a point."""
    return (np.flatnonzero(chart_of(z)[f"nelson_{rule}"]) + 1).tolist()


def test_the_baseline_of_these_cases_has_the_centre_zero_and_the_standard_deviation_one():
    chart = xmr(UNIT_BASELINE)
    assert chart[["centre", "sigma"]].iloc[0].tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("rule", "z", "ends"),
    [
        (1, [0, 3.2, -3.4, 3], [2, 3]),
        (2, [0.5] * 9 + [0.5, -0.5] + [-0.5] * 9, [9, 10, 19, 20]),
        (3, [1, 2, 3, 4, 5, 6, 7, 7, 6, 5, 4, 3, 2, 1], [6, 7, 13, 14]),
        (4, [1, 3, 2, 4, 3, 5, 4, 6, 5, 7, 6, 8, 7, 9, 8], [14, 15]),
    ],
)
def test_each_rule_fires_where_qcc_says(rule, z, ends):
    """Cases of tests/testthat/test-rules.R of the R package qcc (centre 0, standard deviation 1)."""
    assert ends_of(z, rule) == ends


def test_a_point_exactly_on_the_limit_is_not_beyond_it():
    assert ends_of([3.0, -3.0], 1) == []


def test_a_point_on_the_centre_breaks_a_run_on_one_side():
    assert ends_of([1.0] * 8 + [0.0] + [1.0] * 8, 2) == []


def test_equal_neighbours_break_a_rise():
    assert ends_of([1, 2, 3, 3, 4, 5, 6], 3) == []


@pytest.mark.parametrize(
    ("rule", "run"),
    [(2, [1.0] * 9), (3, [1.0, 2, 3, 4, 5, 6]), (4, [1.0, 2] * 7)],
)
def test_a_week_without_data_breaks_every_run(rule, run):
    """A gap read as zero, or skipped, would join two runs that nobody saw joined."""
    assert ends_of(run, rule) == [len(run)]
    middle = len(run) // 2
    assert ends_of([*run[:middle], np.nan, *run[middle:]], rule) == []


def slow_rules(z):
    """The four rules read literally, one window after the other."""
    points = {rule: [False] * len(z) for rule in RULES}
    for end in range(len(z)):
        points[1][end] = abs(z[end]) > 3
        nine, six, fourteen = (z[max(0, end - size + 1) : end + 1] for size in (9, 6, 14))
        points[2][end] = len(nine) == 9 and (all(x > 0 for x in nine) or all(x < 0 for x in nine))
        steps = list(pairwise(six))
        points[3][end] = len(six) == 6 and (all(a < b for a, b in steps) or all(a > b for a, b in steps))
        ups = [a < b if a != b and a == a and b == b else None for a, b in pairwise(fourteen)]
        points[4][end] = len(fourteen) == 14 and None not in ups and all(a is not b for a, b in pairwise(ups))
    return points


levels = st.sampled_from([-3.5, -2.0, -1.0, 0.0, 1.0, 2.0, 3.5, float("nan")])
rises = st.integers(1, 20).map(lambda n: [k / 8 - 1 for k in range(n)])
swings = st.integers(1, 20).map(lambda n: [(-1) ** k * (1 + k / 32) for k in range(n)])
stays = st.integers(1, 12).flatmap(lambda n: st.sampled_from([[0.5 + k % 3 / 8 for k in range(n)], [-0.5] * n]))
stretches = st.lists(st.one_of(st.lists(levels, max_size=4), rises, swings, stays), max_size=6)


@given(stretches)
@settings(max_examples=300, deadline=None)
def test_the_rules_agree_with_reading_them_window_by_window(drawn):
    z = [value for stretch in drawn for value in stretch]
    chart = chart_of(z)
    for rule, expected in slow_rules(z).items():
        assert chart[f"nelson_{rule}"].tolist() == expected


def test_the_constant_of_the_moving_range_is_the_exact_one():
    assert pytest.approx(1.128379, abs=5e-7) == D2


def test_xmr_gives_the_limits_of_the_nist_handbook():
    """NIST/SEMATECH e-Handbook 6.3.2.2, which rounds the constant to 1.128."""
    chart = xmr(NIST_FLOW)
    assert chart["centre"].iloc[0] == pytest.approx(50.81)
    assert chart["moving_range"].mean() == pytest.approx(1.8778, abs=5e-5)
    assert chart["lower"].iloc[0] == pytest.approx(45.8159, abs=2e-3)
    assert chart["upper"].iloc[0] == pytest.approx(55.8041, abs=2e-3)


def test_xmr_gives_the_limits_of_qcc_for_the_viscosity_of_paint():
    """The vignette of qcc gives .5076521 and 32.56504 to 35.61096 with the constant 1.128."""
    chart = xmr(VISCOSITY)
    assert chart["centre"].iloc[0] == pytest.approx(34.088)
    assert chart["sigma"].iloc[0] * D2 / 1.128 == pytest.approx(0.5076521, abs=5e-8)
    assert chart["lower"].iloc[0] == pytest.approx(32.56556, abs=5e-5)
    assert chart["upper"].iloc[0] == pytest.approx(35.61044, abs=5e-5)
    assert chart.loc[chart["signal"] != "", "value"].tolist() == [35.96]


def test_limits_from_the_first_weeks_stay_frozen_whatever_comes_later():
    later = xmr([*STEADY, 40, 50, 60], baseline=10)
    alone = xmr(STEADY)
    for column in ("centre", "lower", "upper", "sigma"):
        assert (later[column] == alone[column].iloc[0]).all()
    assert later["in_baseline"].tolist() == [True] * 10 + [False] * 3
    assert later["signal"].tolist() == [""] * 10 + ["beyond the limits"] * 3


def test_a_mask_chooses_the_baseline_and_no_moving_range_reaches_out_of_it():
    """The jump into and out of the excluded weeks is not part of the ordinary variation."""
    values = [*STEADY[:5], 500, 500, *STEADY[5:]]
    mask = np.array([True] * 5 + [False] * 2 + [True] * 5)
    chart = xmr(values, baseline=mask)
    ranges = [*np.abs(np.diff(STEADY[:5])), *np.abs(np.diff(STEADY[5:]))]
    assert chart["centre"].iloc[0] == pytest.approx(np.mean(STEADY))
    assert chart["sigma"].iloc[0] == pytest.approx(np.mean(ranges) / D2)


def test_a_week_without_data_is_a_gap_and_not_a_zero():
    weeks = pd.Index([f"2026-W{week}" for week in range(30, 41)], name="week")
    values = pd.Series([*STEADY[:5], None, *STEADY[5:]], index=weeks)
    chart = xmr(values)
    assert chart.index.equals(weeks)
    assert chart["centre"].iloc[0] == pytest.approx(np.mean(STEADY))
    assert chart["moving_range"].isna().tolist() == [True] + [False] * 4 + [True] * 2 + [False] * 4
    assert np.isnan(chart["value"].iloc[5])
    assert chart["signal"].iloc[5] == ""


def test_fewer_than_six_baseline_weeks_with_data_give_no_limits_and_no_signal():
    five = xmr([10, 12, np.nan, 9, 11, 10, 900], baseline=6)
    assert five[["centre", "lower", "upper", "sigma"]].isna().all(axis=None)
    assert five["signal"].tolist() == [""] * 7
    six = xmr([10, 12, 9, 11, 10, 12, 900], baseline=6)
    assert six["signal"].iloc[-1] == "beyond the limits"


def test_six_weeks_without_neighbours_give_no_limits_either():
    alternate = np.array([10, np.nan] * 6)
    assert xmr(alternate)["upper"].isna().all()


def test_a_baseline_that_never_varies_gives_no_limits():
    """Limits of no width would call every later change a signal; the constant .1 also has a mean with rounding."""
    chart = xmr([0.1] * 12 + [0.2], baseline=12)
    assert chart["centre"].iloc[0] == pytest.approx(0.1)
    assert chart["upper"].isna().all()
    assert (chart["signal"] == "").all()


def test_weeks_on_the_centre_are_on_neither_side_even_where_the_mean_is_rounded():
    """The mean of .1, .2 and .3 is a hair off .2 in floating point; nine weeks at .2 are no shift."""
    baseline = [0.1, 0.2, 0.3] * 4
    assert np.mean(baseline) != 0.2
    assert (xmr([*baseline, *[0.2] * 9], baseline=12)["signal"] == "").all()


def test_several_rules_at_once_are_all_named():
    shifted = xmr([*STEADY, *np.arange(17.0, 27.0)], baseline=10)
    assert shifted["signal"].iloc[-1] == "beyond the limits; nine on one side of the centre; six rising or falling"


@pytest.mark.parametrize("baseline", [0, -3, [True, False], "first"])
def test_a_baseline_that_is_neither_a_count_nor_a_mask_is_refused(baseline):
    with pytest.raises(ValueError, match="baseline"):
        xmr(STEADY, baseline=baseline)


def test_no_values_give_an_empty_chart():
    assert xmr([]).empty
    assert "signal" in xmr([]).columns


def test_laney_gives_what_two_other_implementations_give():
    """pccpy 0.16.2 and shewhart 0.1.1 on the first six weeks of the NHS attendances."""
    chart = laney_p_prime(WITHIN_FOUR_HOURS, ATTENDANCES)
    assert chart["centre"].iloc[0] == pytest.approx(0.9504923582176826)
    assert chart["sigma_z"].iloc[0] == pytest.approx(9.420899478772222)
    assert chart["upper"].tolist() == pytest.approx(
        [0.96206951, 0.96214496, 0.9618443, 0.96175822, 0.96203049, 0.96216469], abs=5e-9
    )
    assert chart["lower"].tolist() == pytest.approx(
        [0.93891521, 0.93883975, 0.93914042, 0.93922649, 0.93895423, 0.93882003], abs=5e-9
    )


def test_laney_limits_are_the_p_limits_of_qcc_times_sigma_z():
    """qcc's p chart of the orange juice cans: centre .2313333, standard deviation .05963526, limits .0524 and .4102."""
    chart = laney_p_prime(ORANGE_JUICE, [50] * 30)
    assert chart["centre"].iloc[0] == pytest.approx(0.2313333, abs=5e-8)
    assert (chart["sigma"] / chart["sigma_z"]).iloc[0] == pytest.approx(0.05963526, abs=5e-9)
    half = (chart["upper"] - chart["centre"]) / chart["sigma_z"]
    assert (chart["centre"] + half).iloc[0] == pytest.approx(0.4102391, abs=5e-8)
    assert (chart["centre"] - half).iloc[0] == pytest.approx(0.05242755, abs=5e-8)


def test_shares_that_vary_as_the_binomial_does_have_a_factor_near_one():
    rng = np.random.default_rng(7)
    trials = rng.integers(200, 2000, 400)
    assert laney_p_prime(rng.binomial(trials, 0.3), trials)["sigma_z"].iloc[0] == pytest.approx(1, abs=0.1)


def test_large_teams_whose_share_drifts_a_little_are_not_all_signals():
    """With 300,000 trials a week a plain p chart would flag nearly every week."""
    plain_sigma = np.sqrt(0.9505 * 0.0495 / 280_000)
    chart = laney_p_prime(WITHIN_FOUR_HOURS, ATTENDANCES)
    assert (np.abs(chart["value"] - chart["centre"]) > 3 * plain_sigma).sum() >= 3
    assert (chart["signal"] == "").all()


def test_limits_of_shares_stay_between_zero_and_one_and_widen_for_small_weeks():
    chart = laney_p_prime([9, 18, 10, 19, 9, 20, 10, 2], [10, 20, 10, 20, 10, 20, 10, 2])
    assert chart["upper"].max() <= 1
    assert chart["lower"].min() >= 0
    assert chart["lower"].iloc[7] < chart["lower"].iloc[1]


def test_a_week_without_trials_is_a_gap_in_the_chart_of_shares():
    chart = laney_p_prime([*WITHIN_FOUR_HOURS, 0, 200_000], [*ATTENDANCES, 0, 280_000], baseline=6)
    assert chart.iloc[6][["value", "lower", "upper", "moving_range"]].isna().all()
    assert chart["signal"].tolist() == [""] * 7 + ["beyond the limits"]
    assert chart["centre"].iloc[7] == pytest.approx(sum(WITHIN_FOUR_HOURS) / sum(ATTENDANCES))


def test_a_baseline_in_which_everyone_succeeds_gives_no_limits_of_shares():
    chart = laney_p_prime([10] * 8 + [9], [10] * 9, baseline=8)
    assert chart["centre"].iloc[0] == 1
    assert chart["upper"].isna().all()
    assert (chart["signal"] == "").all()


def test_more_successes_than_trials_are_refused_in_the_chart_of_shares():
    with pytest.raises(ValueError, match="position 1"):
        laney_p_prime([1, 3], [2, 2])
