"""Intervals and tests of change against published numbers and independent implementations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from opslib.analysis.methods.intervals import (
    mean_interval,
    newcombe_difference,
    poisson_rate,
    wilson,
)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_limits_that_newcombe_published(successes, trials, low, high):
    """Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3."""
    interval = wilson(successes, trials).iloc[0]
    assert interval["low"] == pytest.approx(low, abs=5e-5)
    assert interval["high"] == pytest.approx(high, abs=5e-5)


def test_wilson_agrees_with_r_for_a_hundred_of_two_hundred():
    """R 4.3.3, DescTools::BinomCI, as quoted in the tests of statsmodels."""
    assert wilson(100, 200).iloc[0].tolist() == pytest.approx([0.5, 0.4313609, 0.5686391], abs=1e-7)


def test_wilson_reaches_exactly_zero_and_one_at_the_ends():
    interval = wilson([0, 7], [7, 7])
    assert interval["low"].iloc[0] == 0.0
    assert interval["high"].iloc[1] == 1.0


def test_a_week_without_trials_has_no_share_and_no_limits():
    """A zero would read as a failure of everyone; NaN reads as nothing to measure."""
    interval = wilson([0, 3], [0, 4])
    assert interval.iloc[0].isna().all()
    assert interval.iloc[1].notna().all()


def test_missing_counts_stay_missing_and_the_index_is_kept():
    teams = pd.Index(["general", "safety"], name="team")
    interval = wilson(pd.Series([3, None], index=teams, dtype="Int64"), pd.Series([4, 5], index=teams))
    assert interval.index.equals(teams)
    assert interval["share"].tolist()[0] == 0.75
    assert interval.loc["safety"].isna().all()


def test_series_with_different_indexes_are_refused_instead_of_matched_by_position():
    with pytest.raises(ValueError, match="another index"):
        wilson(pd.Series([1, 2], index=["a", "b"]), pd.Series([3, 4], index=["b", "a"]))


def test_columns_of_different_lengths_are_refused_by_name():
    with pytest.raises(ValueError, match="successes 2, trials 3"):
        wilson([1, 2], [3, 4, 5])


def test_more_successes_than_trials_are_refused_with_their_position():
    with pytest.raises(ValueError, match="position 1"):
        wilson([1, 5], [2, 4])


def test_negative_counts_are_refused_with_their_position():
    with pytest.raises(ValueError, match="negative at position 2"):
        wilson([1, 1, -1], [2, 4, 4])


def test_a_confidence_in_percent_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        wilson(1, 2, confidence=95)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
@settings(max_examples=100, deadline=None)
def test_wilson_agrees_with_statsmodels_on_any_counts(counts, confidence):
    successes, trials = counts
    expected = proportion_confint(successes, trials, alpha=1 - confidence, method="wilson")
    assert wilson(successes, trials, confidence=confidence)[["low", "high"]].iloc[0].tolist() == pytest.approx(
        expected, abs=1e-9
    )


def test_the_difference_of_shares_has_the_limits_that_newcombe_published():
    """Newcombe (1998), Statistics in Medicine 17, 873-890: 56/70 less 48/80, method 10."""
    difference = newcombe_difference(56, 70, 48, 80).iloc[0]
    assert difference.tolist() == pytest.approx([0.2, 0.0524, 0.3339], abs=5e-5)


def test_swapping_the_groups_turns_the_difference_and_its_limits_round():
    one = newcombe_difference([56, 0, 9], [70, 10, 9], [48, 3, 2], [80, 10, 9])
    other = newcombe_difference([48, 3, 2], [80, 10, 9], [56, 0, 9], [70, 10, 9])
    np.testing.assert_allclose(one["difference"], -other["difference"])
    np.testing.assert_allclose(one["low"], -other["high"])


def test_a_difference_to_a_group_without_trials_is_missing():
    assert newcombe_difference(1, 2, 0, 0).iloc[0].isna().all()


@pytest.mark.parametrize(
    ("events", "low", "high"), [(0, 0, 3.689), (1, 0.0253, 5.572), (5, 1.623, 11.668), (10, 4.795, 18.390)]
)
def test_poisson_limits_are_those_of_garwoods_table(events, low, high):
    """Garwood (1936), Biometrika 28, the table of 95% limits for small counts."""
    assert poisson_rate(events, 1).iloc[0].tolist() == pytest.approx([events, low, high], abs=1e-3)


def test_poisson_limits_hold_exactly_half_of_the_error_in_each_tail():
    interval = poisson_rate([7], [1], confidence=0.9).iloc[0]
    assert stats.poisson.sf(6, interval["low"]) == pytest.approx(0.05)
    assert stats.poisson.cdf(7, interval["high"]) == pytest.approx(0.05)


def test_a_rate_per_thousand_scales_the_rate_and_its_limits_alike():
    thousand = poisson_rate(12, 48_000, per=1000).iloc[0]
    single = poisson_rate(12, 48_000).iloc[0]
    assert thousand.tolist() == pytest.approx((single * 1000).tolist())
    assert thousand["rate"] == 0.25


def test_a_rate_without_exposure_is_missing_and_events_without_exposure_are_refused():
    assert poisson_rate(0, 0).iloc[0].isna().all()
    with pytest.raises(ValueError, match="without exposure at position 1"):
        poisson_rate([0, 1], [0, 0])


def test_the_mean_interval_agrees_with_the_same_interval_from_the_raw_values():
    values = np.array([3.1, 4.7, 2.2, 8.0, 5.5, 4.1])
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    interval = mean_interval(len(values), values.mean(), values.std(ddof=1)).iloc[0]
    assert interval.tolist() == pytest.approx([values.mean(), low, high])


def test_one_observation_has_a_mean_but_no_limits_and_none_has_neither():
    interval = mean_interval([1, 0], [4.0, 0.0], [0.0, 0.0])
    assert interval["mean"].iloc[0] == 4.0
    assert interval[["low", "high"]].iloc[0].isna().all()
    assert interval.iloc[1].isna().all()
