"""The false discovery rate against the example of its authors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from opslib.analysis.methods.discovery import benjamini_hochberg

# Benjamini and Hochberg (1995), section 4: fifteen comparisons of two treatments after a heart attack.
THROMBOLYSIS = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459]
THROMBOLYSIS += [0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000]


def test_four_of_the_fifteen_thrombolysis_comparisons_are_discoveries_at_five_percent():
    """Bonferroni finds three of them; the fifth p-value is below .05 and still no discovery."""
    table = benjamini_hochberg(THROMBOLYSIS, rate=0.05)
    assert table["discovery"].tolist() == [True] * 4 + [False] * 11
    assert table["q"].iloc[3] == pytest.approx(0.0095 * 15 / 4)


def test_the_order_of_the_rows_does_not_matter_and_is_kept():
    shuffled = pd.Series(THROMBOLYSIS).sample(frac=1, random_state=3)
    table = benjamini_hochberg(shuffled, rate=0.05)
    assert table.index.equals(shuffled.index)
    pd.testing.assert_frame_equal(table.sort_index(), benjamini_hochberg(THROMBOLYSIS, rate=0.05))


def test_a_metric_without_a_test_does_not_make_the_family_larger():
    with_gaps = benjamini_hochberg([np.nan, *THROMBOLYSIS, np.nan], rate=0.05)
    assert with_gaps["q"].iloc[1:-1].tolist() == benjamini_hochberg(THROMBOLYSIS, rate=0.05)["q"].tolist()
    assert with_gaps.iloc[[0, -1]][["p", "q"]].isna().all(axis=None)
    assert not with_gaps.iloc[[0, -1]]["discovery"].any()


def test_a_later_smaller_q_pulls_the_earlier_ones_down_with_it():
    """The step goes up: the largest p-value under its line carries all smaller ones."""
    assert benjamini_hochberg([0.06, 0.07, 0.08], rate=0.10)["discovery"].tolist() == [True, True, True]


def test_an_empty_family_has_no_discoveries():
    assert benjamini_hochberg([]).empty
    assert not benjamini_hochberg([np.nan])["discovery"].any()


def test_a_value_that_is_no_probability_is_refused_with_its_position():
    with pytest.raises(ValueError, match="position 1"):
        benjamini_hochberg([0.5, 1.5])


def test_a_rate_in_percent_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        benjamini_hochberg([0.5], rate=10)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
@settings(max_examples=200, deadline=None)
def test_q_values_agree_with_statsmodels_on_any_p_values(p_values):
    expected = multipletests(p_values, method="fdr_bh")[1]
    np.testing.assert_allclose(benjamini_hochberg(p_values)["q"], expected, rtol=1e-12, atol=1e-300)
