"""Tests of a change, on values made by hand, against SciPy's, and on weeks in which nothing happens."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from opslib.analysis.weekly_review.week_on_week import week_on_week
from opslib.metrics import ALL, CATALOGUE


def two_weeks(metric: str, before: dict, after: dict, team: str = "a") -> pd.DataFrame:
    blank = {"channel": ALL, "metric": metric, "team": team, "spread": np.nan}
    return pd.DataFrame([blank | before | {"week": "2026-W45"}, blank | after | {"week": "2026-W46"}])


def test_shares_means_and_times_each_have_their_test_and_counts_have_none():
    rng = np.random.default_rng(5)
    values = pd.concat(
        [
            two_weeks(
                "csat",
                {"value": 0.8, "numerator": 80, "denominator": 100},
                {"value": 0.6, "numerator": 60, "denominator": 100},
            ),
            two_weeks(
                "touches_per_solved",
                {"value": 2.0, "numerator": 100, "denominator": 50, "spread": 1.0},
                {"value": 2.6, "numerator": 104, "denominator": 40, "spread": 1.5},
            ),
            two_weeks("first_reply_median", {"value": 100.0, "denominator": 60}, {"value": 300.0, "denominator": 60}),
            two_weeks("created", {"value": 100, "numerator": 100}, {"value": 900, "numerator": 900}),
        ]
    )
    times = pd.DataFrame(
        {
            "week": ["2026-W45"] * 60 + ["2026-W46"] * 60,
            "team": "a",
            "seconds": np.concatenate([rng.exponential(100, 60), rng.exponential(300, 60)]),
            "ended": True,
        }
    )
    changes = week_on_week(values, CATALOGUE, "2026-W46", "2026-W45", times={"first_reply_median": times}).set_index(
        "metric"
    )
    table = [[80, 20], [60, 40]]
    assert changes.loc["csat", "p"] == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)
    welch = stats.ttest_ind_from_stats(2.0, 1.0, 50, 2.6, 1.5, 40, equal_var=False).pvalue
    assert changes.loc["touches_per_solved", "p"] == pytest.approx(welch)
    assert changes.loc["first_reply_median", "p"] < 0.001
    assert np.isnan(changes.loc["created", "p"])
    assert not changes.loc["created", "discovery"]


def test_teams_are_tested_and_their_sum_is_not_tested_again():
    before = {"value": 0.8, "numerator": 80, "denominator": 100}
    after = {"value": 0.6, "numerator": 60, "denominator": 100}
    rows = [two_weeks("csat", before, after, team) for team in ("a", "b", ALL)]
    changes = week_on_week(pd.concat(rows), CATALOGUE, "2026-W46", "2026-W45", times={})
    assert sorted(changes["team"]) == ["a", "b"]


def test_no_change_is_seldom_a_discovery():
    """With nothing going on, any discovery at all comes about once in ten weeks, however many tests there are."""
    rng = np.random.default_rng(11)
    weeks_with_any = 0
    for _ in range(100):
        met = rng.binomial(300, 0.8, (25, 2))
        values = pd.DataFrame(
            {
                "channel": ALL,
                "metric": "csat",
                "team": np.repeat([f"team{n}" for n in range(25)], 2),
                "week": ["2026-W45", "2026-W46"] * 25,
                "value": met.ravel() / 300,
                "numerator": met.ravel(),
                "denominator": 300,
                "spread": np.nan,
            }
        )
        tests = week_on_week(values, CATALOGUE, "2026-W46", "2026-W45", times={})
        weeks_with_any += bool(tests["discovery"].any())
    assert 2 <= weeks_with_any <= 20
