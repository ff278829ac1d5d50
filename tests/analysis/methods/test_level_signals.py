"""A week against its baseline: worked numbers of the method, and what must not move it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from opslib.analysis.methods import level_signals as levels
from opslib.analysis.methods.level_signals import Panel

MEDIANS = [4.1, 3.6, 4.4, 3.9, 5.0, 4.2, 3.7, 4.6, 4.0, 4.3]
SHARES = [(180, 210), (171, 205), (190, 221), (176, 208), (168, 200), (185, 214), (179, 209), (182, 212)]


def panel(
    y: list[float], variance: list[float] | None = None, *, has_floor: bool = False, is_time: bool = False
) -> Panel:
    """One series of one page."""
    value = np.array(y, dtype=float)[None, None, :]
    return Panel(
        value=value,
        variance=np.ones_like(value) if variance is None else np.array(variance)[None, None, :],
        extra=np.zeros_like(value),
        usable=np.isfinite(value),
        starts=np.zeros(value.shape, dtype=np.int64),
        family=np.zeros(1, dtype=np.int64),
        has_floor=np.array([has_floor]),
        is_time=np.array([is_time]),
    )


def hours(values: list[float]) -> list[float]:
    return np.log(np.array(values) * 3600).tolist()


def at_baseline(series: Panel) -> levels.Baseline:
    week = series.value.shape[-1] - 1
    return levels.baseline(series, series.usable, week)


@pytest.mark.parametrize(
    ("size", "ratio"),
    [(3, 1.155), (5, 1.764), (8, 2.274), (9, 2.387), (10, 2.482), (13, 2.699), (15, 2.806), (20, 3.001), (25, 3.135)],
)
def test_grubbs_ratio_is_that_of_the_published_table(size: int, ratio: float):
    """Grubbs and Beck (1972), Technometrics 14, 847, table I: upper 0.5%, which is 1 % two-sided."""
    assert levels.grubbs_ratio(size) == pytest.approx(ratio, abs=1.1e-3)


def test_no_ratio_leaves_out_a_week_of_two():
    assert np.isinf(levels.grubbs_ratio([0, 1, 2])).all()


@pytest.mark.parametrize(
    ("r", "size", "corrected"),
    [(0.1, 24, 0.17), (0.0, 20, 0.0625), (-0.05, 20, 0.0), (-0.6, 9, 0.0), (0.3, 24, 0.3), (0.2, 8, 0.3)],
)
def test_correlation_is_corrected_for_short_series_and_kept_within_its_bounds(r: float, size: float, corrected: float):
    """By hand: (0.1 + 1/24) / (1 - 4/24) = 0.17."""
    assert levels.unbiased_correlation(r, size) == pytest.approx(corrected)


def test_the_correction_takes_the_bias_off_short_correlated_series():
    """Marriott and Pope's is of first order: of 20 weeks with 0.2 the plain estimate is about 0.1 too low."""
    random = np.random.default_rng(8)
    y = random.normal(size=(4000, 20))
    y[:, 0] /= np.sqrt(1 - 0.2**2)
    for week in range(1, 20):
        y[:, week] += 0.2 * y[:, week - 1]
    e = y - y.mean(axis=1, keepdims=True)
    plain = ((e[:, 1:] * e[:, :-1]).mean(axis=1) / (e**2).mean(axis=1)).mean()
    assert plain < 0.13
    assert levels.unbiased_correlation(plain, 20) == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("size", [6, 13, 26])
def test_the_largest_t_of_all_splits_is_that_of_scipy(size: int):
    random = np.random.default_rng(size)
    residual = random.normal(size=(5, size)) + np.where(np.arange(size) >= size // 2, random.normal(0, 2, (5, 1)), 0.0)
    t, at = levels.level_shift(residual, np.ones(residual.shape, dtype=bool))
    for row, series in enumerate(residual):
        splits = {cut: abs(stats.ttest_ind(series[:cut], series[cut:]).statistic) for cut in range(3, size - 2)}
        assert at[row] == max(splits, key=splits.__getitem__)
        assert t[row] == pytest.approx(splits[at[row]])


def test_a_split_skips_weeks_that_do_not_count():
    series = np.array([0.1, 99.0, -0.2, 0.0, 5.2, 99.0, 5.0, 5.1, 99.0])
    kept = series < 99
    t, at = levels.level_shift(series, kept)
    assert at == 4
    assert t == pytest.approx(abs(stats.ttest_ind([0.1, -0.2, 0.0], [5.2, 5.0, 5.1]).statistic))


def test_five_weeks_cannot_be_divided():
    t, at = levels.level_shift(np.array([[0.0, 0.0, 0.0, 9.0, 9.0]]), np.ones((1, 5), dtype=bool))
    assert (t.tolist(), at.tolist()) == ([0.0], [1])
    assert levels.level_shift(np.zeros((2, 1)), np.ones((2, 1), dtype=bool))[0].tolist() == [0.0, 0.0]


def test_a_baseline_with_a_step_names_the_week_and_an_even_one_does_not():
    noise = np.random.default_rng(12).normal(0, 1, 20)
    assert at_baseline(panel([*noise, 0.0])).shift[0, 0] == -1
    assert at_baseline(panel([*(noise + 4 * (np.arange(20) >= 9)), 0.0])).shift[0, 0] == 9


def test_scales_turn_back_to_what_they_were_made_of():
    counts = np.array([0.0, 1.0, 7.0, 250.5])
    assert levels.count_of_root(levels.root(counts)) == pytest.approx(counts)
    trials = np.array([1, 8, 210, 210, 5000])
    successes = np.array([0, 8, 150, 209, 1])
    assert levels.share_of_arcsine(levels.arcsine(successes, trials), trials) == pytest.approx(successes / trials)


def test_limits_beyond_a_scale_are_the_end_of_it():
    assert levels.count_of_root([-3.0, 0.0]).tolist() == [0, 0]
    assert levels.share_of_arcsine([-0.4, 1.9], [20, 20]).tolist() == [0, 1]


def test_a_share_of_nothing_is_missing():
    assert np.isnan(levels.arcsine([0], [0])).all()
    assert np.isnan(levels.share_of_arcsine([1.0], [0])).all()


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_the_arcsine_of_a_share_varies_by_what_its_size_alone_tells(share: float):
    """Every number of successes, weighted by its probability."""
    n = 60
    x = np.arange(n + 1)
    y, p = levels.arcsine(x, np.full(n + 1, n)), stats.binom.pmf(x, n, share)
    assert (p * (y - (p * y).sum()) ** 2).sum() == pytest.approx(1 / (4 * n + 2), rel=0.04)


def test_the_root_of_a_count_varies_by_one():
    x = np.arange(400)
    y, p = levels.root(x), stats.poisson.pmf(x, 60)
    assert (p * (y - (p * y).sum()) ** 2).sum() == pytest.approx(1, rel=0.02)


def screened(y: list[float]) -> list[int]:
    """The places that are left out."""
    values = np.array(y)
    return np.flatnonzero(~levels.screened(values, np.ones(len(y)), np.ones(len(y), dtype=bool))).tolist()


EVEN = [1.0, -1.0, 0.5, -0.5, 0.2, -0.2, 0.8, -0.8, 0.1, -0.1, 0.6, -0.6]


@pytest.mark.parametrize(
    ("y", "gone"),
    [
        (EVEN, []),
        ([*EVEN[:7], 40.0], []),
        ([*EVEN[:8], 40.0], [8]),
        ([*EVEN[:10], 40.0, 400.0], [11]),
        ([*EVEN[:11], 40.0, 400.0], [11, 12]),
        ([4000.0, *EVEN[:12], 40.0, 400.0], [0, 14]),
    ],
    ids=["none", "none of eight", "one of nine", "one of twelve", "two of thirteen", "two of fifteen"],
)
def test_weeks_far_outside_are_left_out(y: list[float], gone: list[int]):
    assert screened(y) == gone


def test_how_far_a_week_is_outside_is_told_by_its_own_sampling_error():
    """A distance that is far for a large week is near for one of few tickets."""
    y, few = np.array([*EVEN, 6.0]), np.array([*[1.0] * 12, 0.01])
    assert not levels.screened(y, np.ones(13), np.ones(13, dtype=bool))[-1]
    assert levels.screened(y, few, np.ones(13, dtype=bool)).all()


def test_the_strongest_strand_of_grubbs_example_stays_in_at_one_percent():
    """Grubbs (1969), example 1: of ten strands of copper wire the strongest has T = 2.39, 2.48 is 1 % two-sided."""
    strength = [568.0, 570.0, 570.0, 570.0, 572.0, 572.0, 572.0, 578.0, 584.0, 596.0]
    assert (strength[-1] - np.mean(strength)) / np.std(strength, ddof=1) == pytest.approx(2.39, abs=0.005)
    assert screened(strength) == []


def test_a_rule_that_pins_a_third_and_more_of_the_weeks_is_named_and_none_is_judged():
    weeks = [72.0, 40, 55, 72.9, 33, 71.1, 47, 72, 38, 72.5, 60, 44]
    series = panel(hours([*weeks, 60.0]), is_time=True)
    judged = levels.judge(series, rate=0.10)
    assert np.exp(judged.ceiling[0, 0, -1]) / 3600 == pytest.approx(72, rel=0.02)
    assert not judged.judged[0, 0, -1]
    assert np.isnan([judged.p[0, 0, -1], judged.lower[0, 0, -1], judged.upper[0, 0, -1]]).all()
    assert levels.judge(panel(hours([*weeks, 60.0])), rate=0.10).judged[0, 0, -1]


def test_weeks_within_two_percent_of_the_80th_percentile_pin_it_from_more_than_35_percent_on():
    """Of 20 weeks 7 are 35%, which are not more; an eighth makes 40%."""
    below = [20, 22, 25, 27, 30, 33, 35, 38, 40, 42, 45, 48]
    seven = panel(hours([*below, 50, *[72.0] * 7, 60]), is_time=True)
    eight = panel(hours([*below, *[72.0] * 8, 60]), is_time=True)
    assert np.isnan(at_baseline(seven).ceiling).all()
    assert np.exp(at_baseline(eight).ceiling[0, 0]) == pytest.approx(72 * 3600)


def test_after_a_decision_what_is_outside_is_new_whatever_was_outside_before():
    noise = np.random.default_rng(3).normal(0, 1, 20)
    y = [*noise, 8.0, *(8 + noise[:9]), 20.0]
    anew = panel(y)
    anew.starts[..., 21:] = 21
    judged = levels.judge(anew, rate=0.10)
    assert (judged.side[0, 0, [20, 30]] == 1).all()
    assert not judged.judged[0, 0, 21:29].any()
    assert judged.is_new[0, 0, 30]
    assert (judged.since[0, 0, 30], judged.first[0, 0, 30]) == (30, 21)


def test_ten_medians_give_the_worked_centre_and_spread():
    base = at_baseline(panel(hours([*MEDIANS, 6.5])))
    assert base.centre[0, 0] == pytest.approx(9.6145, abs=5e-5)
    assert np.sqrt(base.variance[0, 0]) == pytest.approx(0.0993, abs=5e-5)
    assert base.correlation[0, 0] == 0


@pytest.mark.parametrize(("value", "t", "p"), [(6.5, 4.28, 0.0021), (5.5, 2.68, 0.025)])
def test_a_week_after_ten_medians_has_the_worked_p(value: float, t: float, p: float):
    series = panel(hours([*MEDIANS, value]))
    base = at_baseline(series)
    distance = np.log(value * 3600) - base.centre[0, 0]
    score = distance / np.sqrt(base.variance[0, 0] * (1 + 1 / 10))
    assert score == pytest.approx(t, abs=0.005)
    assert 2 * stats.t.sf(score, base.freedom[0, 0]) == pytest.approx(p, rel=0.03)


def test_shares_never_vary_by_less_than_the_binomial():
    y = [float(levels.arcsine([x], [n])[0]) for x, n in [*SHARES, (150, 210)]]
    variance = [1 / (4 * n + 2) for _, n in [*SHARES, (150, 210)]]
    bare = at_baseline(panel(y, variance))
    assert bare.centre[0, 0] == pytest.approx(1.17474, abs=5e-6)
    floored = at_baseline(panel(y, variance, has_floor=True))
    assert bare.variance[0, 0] == pytest.approx(0.185, abs=5e-4)
    assert floored.variance[0, 0] == 1
    judged = levels.judge(panel(y, variance, has_floor=True), rate=0.10)
    assert judged.is_new[0, 0, -1]
    assert judged.p[0, 0, -1] == pytest.approx(0.0024, rel=0.03)


def test_pages_lend_each_other_their_variance_as_worked():
    variance, freedom = levels.borrowed(
        np.array([[1.0], [2.0], [0.5], [1.5]]),
        np.full((4, 1), 12.0),
        np.zeros(1, dtype=np.int64),
        np.ones((4, 1), bool),
    )
    assert variance[:, 0].tolist() == pytest.approx([1.054, 1.552, 0.805, 1.303], abs=5e-4)
    assert freedom[0, 0] == pytest.approx(12 + 12.08, abs=5e-3)


def test_a_step_is_new_once_then_outside_and_sets_no_limits():
    noise = np.random.default_rng(3).normal(0, 1, 20).tolist()
    judged = levels.judge(panel([*noise, 8.0, 8.2, 7.9, 8.1]), rate=0.10)
    assert judged.is_new[0, 0, 20:].tolist() == [True, False, False, False]
    assert (judged.side[0, 0, 20:] == 1).all()
    assert judged.since[0, 0, 20:].tolist() == [20] * 4
    assert judged.last[0, 0, -1] == 19


def test_a_week_far_out_on_the_other_side_does_not_hide_since_when_it_has_been_outside():
    noise = np.random.default_rng(3).normal(0, 1, 20).tolist()
    judged = levels.judge(panel([*noise, 20.0, -50.0, 20.0, 20.0]), rate=0.10)
    assert judged.side[0, 0, 20:].tolist() == [1, -1, 1, 1]
    assert judged.is_new[0, 0, 20:].tolist() == [True, True, False, False]
    assert judged.since[0, 0, 20:].tolist() == [20, 21, 20, 20]


def test_what_comes_back_is_said_to_be_back_after_two_weeks_within():
    noise = np.random.default_rng(3).normal(0, 1, 20).tolist()
    judged = levels.judge(panel([*noise, 8.0, 8.2, 0.1, -0.2, 0.1, 0.0]), rate=0.10)
    (place,) = np.flatnonzero(judged.is_back[0, 0, 20:]) + 20
    assert judged.side[0, 0, place - 2 : place].tolist() == [1, 0]
    assert judged.since[0, 0, place] == place - 1


def test_an_outlier_of_the_past_is_left_out_and_named_and_seven_weeks_judge_nothing():
    noise = np.random.default_rng(4).normal(0, 1, 14).tolist()
    noise[5] = 30.0
    assert 5 in at_baseline(panel([*noise, 0.0])).left_out[0, 0]
    assert not levels.judge(panel(noise[:8]), rate=0.10).judged.any()


def test_a_week_rests_on_no_later_one():
    y = np.random.default_rng(5).normal(0, 1, 30).tolist()
    whole, part = levels.judge(panel(y)), levels.judge(panel(y[:25]))
    for one, other in zip(whole, part, strict=True):
        np.testing.assert_array_equal(one[:, :, :25], other)


def test_a_baseline_that_a_rule_pins_tells_nothing_of_the_mean_of_two_weeks_either():
    """Three of eight weeks lie at 72 h, which are too many; of nine they are not."""
    pinned = panel(hours([72, 30, 41, 72, 25, 38, 72, 33, 50, 20]), is_time=True)
    judged = levels.judge(pinned, rate=0.10)
    assert np.exp(judged.ceiling[0, 0, 8]) == pytest.approx(72 * 3600)
    assert judged.judged[0, 0, 8:].tolist() == [False, True]
    base = at_baseline(pinned)
    score = (pinned.value[0, 0, 9] - base.centre[0, 0]) / np.sqrt(base.variance[0, 0] * (1 + base.inflation[0, 0] / 9))
    assert judged.p[0, 0, 9] == pytest.approx(2 * stats.t.sf(abs(score), 8))


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_rate_that_is_none_is_refused(rate: float):
    with pytest.raises(ValueError, match="between 0 and 1"):
        levels.judge(panel(MEDIANS), rate=rate)
