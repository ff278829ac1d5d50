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
