"""The effect of a change on series made by hand: what is found, what is refused, and when it is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from opslib.analysis.methods.columns import Floats
from opslib.analysis.methods.impact.detectable import planned_detectable, weeks_needed
from opslib.analysis.methods.impact.effects import Arms, Effect, measure_effect
from opslib.analysis.methods.impact.gains import WEEKS_OF_A_YEAR, yearly_gain
from opslib.analysis.methods.impact.placebos import placebo_controls, placebo_dates, score
from opslib.analysis.methods.impact.step import fit_step
from opslib.analysis.methods.impact.study_weeks import StudyWeeks
from opslib.analysis.methods.impact.verdicts import CANNOT_TELL, HELPED, HURT, NO_IMPROVEMENT, Refusal
from opslib.metrics import CATALOGUE
from opslib.weeks import shift_week

TOUCHES, CSAT, BACKLOG = CATALOGUE["touches_per_solved"], CATALOGUE["csat"], CATALOGUE["backlog_closing"]


def arms(
    *, before: int = 20, after: int = 8, controls: int = 3, factor: float = 1.0, cases: float = 100.0, seed: int = 3
) -> Arms:
    """Means of about 2 with a swing in common of a tenth; those of the treated times the factor after the change."""
    random = np.random.default_rng(seed)
    weeks = [shift_week("2026-W01", place) for place in range(before + after)]
    swing = 1 + 0.1 * np.sin(np.arange(before + after))
    means = 2 * swing * np.exp(random.normal(0, 0.02, (1 + controls, before + after)))
    means[0, before:] *= factor
    below = np.full(means.shape, cases)
    return Arms(
        StudyWeeks(tuple(weeks[:before]), tuple(weeks[before:]), shift_week("2026-W01", before)),
        means[0] * cases,
        below[0],
        tuple(f"c{number}" for number in range(controls)),
        means[1:] * cases,
        below[1:],
    )


def names(effect: Effect) -> set[str]:
    return {each.name for each in effect.refusals}


def test_a_tenth_less_is_found_and_told_as_a_ratio():
    effect = measure_effect(arms(factor=0.9), TOUCHES, size=0.05)
    assert effect.verdict.name == HELPED
    assert effect.now is not None
    assert effect.now.change_low < -0.1 < effect.now.change_high < 0
    assert effect.now.change == pytest.approx(-0.1, abs=0.02)
    assert effect.now.chance_better > 0.999
    assert (effect.refusals, effect.baseline) == ((), pytest.approx(2, rel=0.02))
    assert effect.present == pytest.approx(1.8, rel=0.05)


def test_less_is_worse_where_more_is_better():
    """The same weeks as shares of satisfied customers."""
    weeks = replace(
        arms(factor=0.7), numerator=arms(factor=0.7).numerator / 4, control_numerators=arms().control_numerators / 4
    )
    effect = measure_effect(weeks, CSAT, size=0.05)
    assert effect.verdict.name == HURT
    assert effect.now is not None
    assert effect.now.change_low < -0.15 < effect.now.change_high
    assert effect.now.chance_better < 0.001


def test_no_effect_excludes_the_size_that_matters_or_says_nothing_without_one():
    assert measure_effect(arms(), TOUCHES, size=0.2).verdict.name == NO_IMPROVEMENT
    assert measure_effect(arms(), TOUCHES).verdict.name == CANNOT_TELL


def test_the_verdict_is_that_of_the_review_whatever_the_weeks_since_then_say():
    """Six weeks as before and then two far better ones: the interval moves, the verdict waits for the next review."""
    weeks = arms()
    moved = weeks.numerator.copy()
    moved[-2:] *= 0.2
    at_review = measure_effect(weeks.until(6), TOUCHES, size=0.05)
    effect = measure_effect(replace(weeks, numerator=moved), TOUCHES, size=0.05)
    assert [review.weeks_after for review, _ in effect.held] == [6]
    assert effect.held[0][1] == at_review.held[0][1]
    assert effect.verdict == at_review.verdict
    assert effect.now is not None
    assert effect.now.step < at_review.held[0][1].step
    assert effect.to_come is not None
    assert effect.to_come.weeks_after == 13


def test_before_the_first_review_there_is_an_interval_and_no_verdict():
    effect = measure_effect(arms(after=5, factor=0.5), TOUCHES)
    assert effect.now is not None
    assert effect.now.verdict.name == HELPED
    assert (effect.verdict.name, effect.held) == (CANNOT_TELL, ())


def missing_week(each: Arms) -> Arms:
    below = each.denominator.copy()
    below[3] = 0
    return replace(each, denominator=below)


@pytest.mark.parametrize(
    ("make", "metric", "refusal", "is_measured"),
    [
        (lambda: arms(before=9), TOUCHES, "few weeks before", False),
        (lambda: arms(after=3), TOUCHES, "few weeks after", False),
        (lambda: missing_week(arms()), TOUCHES, "gap", False),
        (lambda: replace(arms(), weeks=replace(arms().weeks, gaps_after=("2026-W25",))), TOUCHES, "gap", True),
        (lambda: arms(controls=0), BACKLOG, "no control", True),
        (lambda: replace(arms(), numerator=arms().numerator * 0), CSAT, "few events", False),
        (lambda: replace(arms(), numerator=np.full(28, 7.0)), TOUCHES, "no variation", False),
    ],
)
def test_what_cannot_be_told_is_refused_by_name(
    make: Callable[[], Arms], metric: object, refusal: str, is_measured: bool
):
    effect = measure_effect(make(), metric, size=0.05)  # type: ignore[arg-type]
    assert refusal in names(effect)
    assert effect.verdict.name == CANNOT_TELL
    assert (effect.now is not None) is is_measured


def test_a_refusal_from_outside_leaves_the_interval_and_takes_the_verdict():
    refusal = Refusal("other changes", "A policy changed.")
    effect = measure_effect(arms(factor=0.5), TOUCHES, refusals=[refusal])
    assert effect.refusals == (refusal,)
    assert effect.now is not None
    assert effect.verdict.name == CANNOT_TELL


def test_without_a_control_a_mean_is_still_judged():
    assert measure_effect(arms(controls=0, factor=0.5), TOUCHES).verdict.name == HELPED


def test_controls_that_lack_a_week_are_dropped_by_name():
    weeks = arms()
    below = weeks.control_denominators.copy()
    below[1, 5] = 0
    effect = measure_effect(replace(weeks, control_denominators=below), TOUCHES)
    assert (effect.controls, effect.dropped) == (("c0", "c2"), ("c1",))


def test_a_metric_without_direction_and_a_size_of_nothing_are_errors():
    with pytest.raises(ValueError, match="no direction"):
        measure_effect(arms(), CATALOGUE["created"])
    with pytest.raises(ValueError, match="above 0"):
        measure_effect(arms(), TOUCHES, size=0.0)


def test_what_can_be_found_is_said_before_anything_has_happened():
    weeks = arms(after=0)
    effect = measure_effect(weeks, TOUCHES, size=0.05)
    assert effect.now is None
    assert set(effect.planned) == {6, 13}
    assert effect.planned[13] < effect.planned[6] < 0.2
    assert effect.weeks_needed is not None
    assert effect.planned[13] < 0.05 or effect.weeks_needed > 13


def test_the_weeks_needed_are_the_fewest_that_do_and_none_where_a_year_does_not():
    values = np.random.default_rng(1).normal(size=(1, 20))
    fit = fit_step(values, 20)
    sizes = [float(planned_detectable(fit, 20, after)[0]) for after in range(1, 53)]
    assert weeks_needed(fit, 20, sizes[11] * 1.0001) == 12
    assert weeks_needed(fit, 20, sizes[-1] * 0.99) is None


def test_placebos_widen_as_their_scores_scatter_and_are_ranked_from_nineteen_on():
    random = np.random.default_rng(2)
    controls = random.normal(size=(19, 24)) + np.linspace(-1, 1, 19)[:, None] * np.linspace(0, 6, 24)
    one_by_one = [
        float(score(fit_step(each, 16, np.delete(controls, place, axis=0).mean(axis=0)).chance_below(0.0))[0])
        for place, each in enumerate(controls)
    ]
    placebos = placebo_controls(1.5, controls, 16)
    assert placebos is not None
    assert placebos.score == pytest.approx(one_by_one, rel=1e-6)
    assert placebos.widening == pytest.approx(max(1, np.sqrt(np.mean(np.square(one_by_one)))), rel=1e-6)
    as_large = sum(abs(each) >= 1.5 for each in one_by_one)
    assert (placebos.as_large, placebos.rank_p) == (as_large, (1 + as_large) / 20)
    fewer = placebo_controls(1.5, controls[:18], 16)
    assert fewer is not None
    assert fewer.rank_p is None
    assert placebo_controls(1.5, controls[:9], 16) is None


def test_with_ten_controls_that_step_by_themselves_the_interval_is_wider_on_both_sides():
    weeks = arms(controls=10)
    steps = np.exp(np.linspace(-0.1, 0.1, 10)[:, None] * (np.arange(28) >= 20))
    wild = replace(weeks, control_numerators=weeks.control_numerators * steps)
    effect = measure_effect(wild, TOUCHES)
    assert effect.now is not None
    assert effect.now.placebos is not None
    assert effect.now.placebos.widening > 1.05
    values = np.log(wild.numerator / wild.denominator)
    low, high = fit_step(
        values, 20, np.log(wild.control_numerators / wild.control_denominators).mean(axis=0)
    ).interval()
    assert effect.now.high - effect.now.low == pytest.approx(effect.now.placebos.widening * (high - low)[0], rel=1e-6)


def test_placebo_dates_lie_at_half_and_two_thirds_of_the_weeks_before_and_know_no_later_ones():
    values: Floats = np.random.default_rng(4).normal(size=30)
    values[18:] += 100
    dates = placebo_dates(values, None, 18)
    assert [each.place for each in dates] == [9, 12]
    assert all(abs(each.step) < 5 for each in dates)


def test_a_year_of_spared_replies_is_counted_by_hand():
    """A tenth of two replies on a hundred tickets a week, five minutes each: about 87 hours, at 40 each."""
    effect = measure_effect(arms(factor=0.9), TOUCHES)
    gain = yearly_gain(effect, minutes=5, hourly_cost=40)
    assert gain is not None
    step = effect.held[-1][1].step
    hours = effect.present * (np.exp(-step) - 1) * 100 * 5 / 60 * WEEKS_OF_A_YEAR
    assert gain.hours == pytest.approx(hours)
    assert 70 < gain.hours < 110
    assert 0 < gain.hours_low < gain.hours < gain.hours_high
    assert (gain.money, gain.weeks) == (pytest.approx(40 * gain.hours), 6)
    without = yearly_gain(effect, minutes=5)
    assert without is not None
    assert without.money is None


def test_there_are_no_hours_without_a_verdict_nor_of_a_time():
    assert yearly_gain(measure_effect(arms(), TOUCHES), minutes=5) is None
    seconds = measure_effect(arms(factor=0.5), CATALOGUE["first_reply_median"])
    assert seconds.verdict.name == HELPED
    assert yearly_gain(seconds, minutes=5) is None
