"""Censored times against published tables, statsmodels and a slow twin."""

from __future__ import annotations

import math
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight

from opslib.analysis.methods.survival import grouped_quantiles, quantile
from tests.analysis.methods.lung import DAYS, DIED, SEX

# Weeks of remission of acute myelogenous leukaemia with and without maintenance, Miller (1981), Survival Analysis.
MAINTAINED = [9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161]
MAINTAINED_ENDED = [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0]
NONMAINTAINED = [5, 5, 8, 8, 12, 16, 23, 27, 30, 33, 43, 45]
NONMAINTAINED_ENDED = [1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("times", "ended", "ends", "survival"),
    [
        (
            MAINTAINED,
            MAINTAINED_ENDED,
            [9, 13, 18, 23, 31, 34, 48],
            [0.909, 0.818, 0.716, 0.614, 0.491, 0.368, 0.184],
        ),
        (
            NONMAINTAINED,
            NONMAINTAINED_ENDED,
            [5, 8, 12, 23, 27, 30, 33, 43, 45],
            [0.8333, 0.6667, 0.5833, 0.4861, 0.3889, 0.2917, 0.1944, 0.0972, 0],
        ),
    ],
)
def test_the_leukaemia_curves_fall_where_the_published_ones_do(times, ended, ends, survival):
    """tests/doaml.Rout.save of the R package survival: just above each level a percentile is the next end."""
    levels = [1.0, *survival]
    for end, above, level in zip(ends, levels, survival, strict=False):
        assert quantile(times, ended, 1 - (level + 0.001)).value == end
        if above < 1:
            assert quantile(times, ended, 1 - (above - 0.001)).value == end


@pytest.mark.parametrize(
    ("times", "ended", "median", "low"),
    [(MAINTAINED, MAINTAINED_ENDED, 31, 18), (NONMAINTAINED, NONMAINTAINED_ENDED, 23, 8)],
)
def test_the_leukaemia_medians_have_the_log_limits_of_r(times, ended, median, low):
    """R prints no upper limit: the curve's upper limit never falls to one half."""
    result = quantile(times, ended, interval="log")
    assert (result.value, result.low, result.reached) == (median, low, True)
    assert math.isnan(result.high)
    assert result.n == len(times)
    assert result.ended == sum(ended)


@pytest.mark.parametrize(
    ("sex", "median", "low", "high"), [(None, 310, 285, 363), (1, 270, 212, 310), (2, 426, 348, 550)]
)
def test_the_lung_cancer_medians_have_the_log_limits_of_r(sex, median, low, high):
    """The vignettes of the R package survival print these figures for the data of Loprinzi et al. (1994)."""
    of_sex = [sex in (None, each) for each in SEX]
    days, died = np.array(DAYS)[of_sex], np.array(DIED)[of_sex]
    result = quantile(days, died, interval="log")
    assert (result.value, result.low, result.high) == (median, low, high)


def test_the_lung_cancer_median_has_the_log_log_limits_of_other_packages():
    """lifelines and scikit-survival give 284 to 361."""
    result = quantile(DAYS, DIED)
    assert (result.value, result.low, result.high) == (310, 284, 361)


def test_the_median_of_times_that_have_all_ended_is_the_ordinary_median():
    """Whoever checks a report with one line of SQL gets the same number."""
    even = [1.0, 2.0, 4.0, 10.0]
    assert quantile(even, [True] * 4).value == np.median(even) == 3.0
    odd = [1.0, 2.0, 4.0, 10.0, 11.0]
    assert quantile(odd, [True] * 5).value == np.median(odd)


def test_open_tickets_raise_the_median_that_an_average_of_solved_ones_would_hide():
    solved_only = quantile([1, 2, 3], [True] * 3).value
    with_open = quantile([1, 2, 3, 8, 9], [True, True, True, False, False]).value
    assert solved_only == 2
    assert with_open == 3


def test_a_level_stretch_to_the_last_open_ticket_is_halved():
    """As R's survfit does where the curve ends at exactly one half."""
    assert quantile([1, 2, 6, 10], [True, True, False, False]).value == (2 + 10) / 2


def test_a_median_that_is_not_reached_gives_its_lower_bound():
    """Ten of thirty ended: the curve stays at 2/3; its log-log lower limit is .5026 at 9 and .4693 at 10."""
    times = [*range(1, 11), *[20] * 20]
    ended = [True] * 10 + [False] * 20
    result = quantile(times, ended)
    assert not result.reached
    assert math.isnan(result.value)
    assert math.isnan(result.high)
    assert result.low == 10


def test_where_even_the_lower_limit_stays_above_the_bound_is_the_last_end():
    times = [1.0, 2.0, 5.0] + [9.0] * 200
    result = quantile(times, [True] * 3 + [False] * 200)
    assert not result.reached
    assert result.low == 5.0


def test_times_of_which_none_has_ended_have_no_bound_and_no_times_no_numbers():
    none = quantile([3, 4], [False, False])
    assert (none.n, none.ended, none.reached) == (2, 0, False)
    assert math.isnan(none.low)
    assert math.isnan(quantile([], []).value)
    assert quantile([], []).n == 0


def test_a_single_ended_time_has_a_value_and_no_interval():
    result = quantile([5], [True])
    assert (result.value, result.reached) == (5, True)
    assert math.isnan(result.low)
    assert math.isnan(result.high)


def test_an_end_at_the_same_time_as_a_censoring_still_sees_the_censored_one_at_risk():
    assert quantile([2, 2], [True, False], 0.4).value == 2
    assert not quantile([2, 2], [True, False], 0.6).reached


@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf])
def test_a_time_that_is_missing_or_negative_is_refused(bad):
    """A negative resolution time is a broken export and must not become a fast one."""
    frame = pd.DataFrame({"team": "a", "hours": [1.0, bad], "ended": [True, True]})
    for call in (
        lambda: quantile(frame["hours"], frame["ended"]),
        lambda: grouped_quantiles(frame, by=["team"], duration="hours", ended="ended"),
    ):
        with pytest.raises(ValueError, match="the first at position 1"):
            call()


def test_an_end_that_is_neither_true_nor_false_is_refused():
    with pytest.raises(ValueError, match="ended must be true or false"):
        quantile(pd.Series([1.0, 2.0]), pd.Series([True, None], dtype="boolean"))


def test_an_unknown_interval_and_a_percentile_out_of_range_are_refused():
    with pytest.raises(ValueError, match="log-log"):
        quantile([1, 2], [True, True], interval="plain")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile([1, 2], [True, True], 90)


observations = st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=60)


def slow_curve(times, ended):
    """Survival and Greenwood's sum at each end, ticket by ticket."""
    survival, variance, rows = 1.0, 0.0, []
    for instant in sorted({t for t, e in zip(times, ended, strict=True) if e}):
        at_risk = sum(t >= instant for t in times)
        ends = sum(t == instant and e for t, e in zip(times, ended, strict=True))
        survival *= (at_risk - ends) / at_risk
        variance += ends / (at_risk * (at_risk - ends)) if at_risk > ends else math.nan
        rows.append((instant, survival, variance))
    return rows


def slow_quantile(times, ended, p, interval, z=1.959963984540054):
    rows = slow_curve(times, ended)

    def crossing(curve):
        at = [i for i, y in enumerate(curve) if y <= 1 - p + 1e-9]
        below = [i for i, y in enumerate(curve) if y < 1 - p - 1e-9]
        if not at:
            return math.nan
        return (rows[at[0]][0] + (rows[below[0]][0] if below else max(times))) / 2

    lows, highs = [], []
    for _, survival, variance in rows:
        if survival <= 0:
            lows.append(math.nan)
            highs.append(math.nan)
        elif interval == "log":
            lows.append(survival * math.exp(-z * math.sqrt(variance)))
            highs.append(min(1.0, survival * math.exp(z * math.sqrt(variance))))
        else:
            error = z * math.sqrt(variance) / abs(math.log(survival))
            lows.append(survival ** math.exp(error))
            highs.append(survival ** math.exp(-error))
    value = crossing([survival for _, survival, _ in rows])
    low = crossing(lows)
    if math.isnan(value):
        if math.isnan(low) and any(not math.isnan(y) for y in lows):
            low = rows[-1][0]
        return value, low, math.nan
    return value, low, crossing(highs)


@given(observations, st.sampled_from([0.1, 0.25, 0.5, 0.9]), st.sampled_from(["log-log", "log"]))
@settings(max_examples=300, deadline=None)
def test_a_percentile_agrees_with_the_slow_twin(drawn, p, interval):
    times, ended = [t for t, _ in drawn], [e for _, e in drawn]
    result = quantile(times, ended, p, interval=interval)
    expected = slow_quantile(times, ended, p, interval)
    assert (result.value, result.low, result.high) == pytest.approx(expected, nan_ok=True)
    assert result.reached == (not math.isnan(expected[0]))


@pytest.mark.parametrize(("interval", "method"), [("log-log", "cloglog"), ("log", "log")])
def test_the_limits_agree_with_statsmodels_on_distinct_times(interval, method):
    rng = np.random.default_rng(11)
    for _ in range(40):
        times, ended = rng.exponential(10, 121), rng.random(121) < 0.8
        oracle = SurvfuncRight(times, ended.astype(int))
        for p in (0.25, 0.5):
            with np.errstate(divide="ignore", invalid="ignore"):  # statsmodels takes the log of a curve at 0
                low, high = oracle.quantile_ci(p, method=method)
            result = quantile(times, ended, p, interval=interval)
            assert result.value == pytest.approx(oracle.quantile(p))
            assert (result.low, result.high) == pytest.approx((low, high))


groups = st.lists(
    st.tuples(st.sampled_from(["general", "safety", None]), st.integers(1, 3), st.integers(0, 20), st.booleans()),
    min_size=1,
    max_size=80,
)


@given(groups)
@settings(max_examples=60, deadline=None)
def test_all_groups_at_once_give_what_each_group_gives_alone(drawn):
    frame = pd.DataFrame(drawn, columns=["team", "week", "hours", "over"]).astype({"team": "str"})
    table = grouped_quantiles(frame, by=["team", "week"], duration="hours", ended="over", p=(0.5, 0.9))
    alone = []
    for keys, rows in frame.groupby(["team", "week"], dropna=False, sort=True):
        for p in (0.5, 0.9):
            one = quantile(rows["hours"], rows["over"], p)
            alone.append((*keys, p, one.value, one.low, one.high, one.n, one.ended, one.reached))
    expected = pd.DataFrame(alone, columns=table.columns)
    pd.testing.assert_frame_equal(table, expected, check_dtype=False)


def test_no_rows_give_an_empty_table_with_its_columns():
    frame = pd.DataFrame(
        {"team": pd.Series(dtype="str"), "hours": pd.Series(dtype=float), "over": pd.Series(dtype=bool)}
    )
    table = grouped_quantiles(frame, by=["team"], duration="hours", ended="over")
    assert table.empty
    assert table.columns.tolist() == ["team", "p", "value", "low", "high", "n", "ended", "reached"]


def test_a_million_times_in_two_hundred_groups_take_less_than_two_seconds():
    """Processor time, so that a busy machine does not decide; some .3 s where this was written."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "week": rng.integers(0, 50, 1_000_000),
            "team": rng.choice(["a", "b", "c", "d"], 1_000_000),
            "seconds": np.floor(rng.lognormal(9, 1.5, 1_000_000)),
            "ended": rng.random(1_000_000) < 0.9,
        }
    )
    start = time.process_time()
    table = grouped_quantiles(frame, by=["week", "team"], duration="seconds", ended="ended")
    assert time.process_time() - start < 2
    assert len(table) == 400
    assert table["reached"].all()
