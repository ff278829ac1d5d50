"""The fit of a step, held against published numbers, a slow twin, textbook intervals and weeks in which nothing is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from opslib.analysis.methods.columns import Floats
from opslib.analysis.methods.impact import step
from opslib.analysis.methods.impact.detectable import detectable
from opslib.analysis.methods.impact.step import StepFit, fit_step, step_variance

TREATED = np.log([52, 48, 50, 55, 51, 47, 49, 53, 54, 50, 48, 51, 45, 44, 46, 43, 47, 45])
CONTROLS = np.log(
    [
        [60, 58, 59, 63, 60, 57, 58, 62, 62, 60, 57, 60, 59, 58, 61, 57, 62, 60],
        [40, 39, 41, 42, 40, 38, 40, 41, 43, 39, 39, 41, 40, 38, 41, 39, 41, 40],
    ]
)


def ends(fit: StepFit) -> tuple[float, float]:
    low, high = fit.interval()
    return float(low[0]), float(high[0])


def test_the_numbers_of_a_worked_example_are_met_with_controls():
    fit = fit_step(TREATED, 12, CONTROLS.mean(axis=0))
    low, high = fit.interval()
    assert (fit.estimate[0], low[0], high[0]) == pytest.approx((-0.1093, -0.1279, -0.0902), abs=5e-5)
    assert detectable(low, high)[0] == pytest.approx(0.0283, abs=5e-5)
    assert fit.autocorrelation[0] == pytest.approx(0.016, abs=5e-4)
    assert fit.control_coefficient[0] == pytest.approx(1.236, abs=5e-4)
    assert (fit.degrees, len(step.AUTOCORRELATIONS)) == (16, 70)


def test_the_numbers_of_a_worked_example_are_met_without():
    fit = fit_step(TREATED, 12)
    assert (fit.estimate[0], *ends(fit)) == pytest.approx((-0.1188, -0.1813, -0.0587), abs=5e-5)
    assert np.isnan(fit.control_coefficient[0])


def twin(values: Floats, before: int, control: Floats | None) -> tuple[float, float, float]:
    """The same slowly: whitened week by week, rows appended, least squares, and the quantiles of the mixture sought."""
    weeks = len(values)
    parts = []
    for rho in step.AUTOCORRELATIONS:
        whiten = np.eye(weeks) - rho * np.eye(weeks, k=-1)
        whiten[0, 0] = np.sqrt(1 - rho**2)
        columns = [np.ones(weeks), np.arange(weeks) >= before, np.arange(weeks) - (weeks - 1) / 2]
        columns += [] if control is None else [control - control.mean()]
        design = whiten @ np.column_stack(columns).astype(float)
        answer = whiten @ values
        slope = np.sqrt(1 - rho**2) / 0.015
        rows, log_rows = [np.eye(design.shape[1])[2] * slope], np.log(slope)
        extra = [0.0]
        if control is not None:
            size = np.sqrt(8 * design[:, 3].var())
            rows.append(np.eye(4)[3] * size)
            extra.append(size)
            log_rows += np.log(size)
        design, answer = np.vstack([design, *rows]), np.append(answer, extra)
        solution = np.linalg.lstsq(design, answer, rcond=None)[0]
        left = float(((answer - design @ solution) ** 2).sum())
        freedom = len(answer) - design.shape[1]
        inverse = np.linalg.inv(design.T @ design)
        log = 0.5 * np.log(1 - rho**2) + 0.5 * np.linalg.slogdet(inverse)[1] + log_rows - freedom / 2 * np.log(left)
        parts.append((log, solution[1], np.sqrt(inverse[1, 1] * left / freedom), freedom))
    logs, steps, spreads, freedoms = (np.array(each) for each in zip(*parts, strict=True))
    weight = np.exp(logs - logs.max())
    weight /= weight.sum()

    def at(chance: float) -> float:
        def excess(x: float) -> float:
            return float((weight * stats.t.cdf((x - steps) / spreads, freedoms)).sum() - chance)

        reach = 40 * spreads.max()
        return float(optimize.brentq(excess, steps.min() - reach, steps.max() + reach, xtol=1e-13))

    return float((weight * steps).sum()), at(0.025), at(0.975)


@pytest.mark.parametrize("has_control", [True, False])
def test_many_series_at_once_are_what_a_slow_twin_finds_one_by_one(has_control: bool):
    random = np.random.default_rng(5)
    values = 40 + random.normal(size=(4, 26)).cumsum(axis=1) * np.array([[0.01], [1], [30], [0.3]])
    control = values * 0.5 + random.normal(size=(4, 26))
    fit = fit_step(values, 17, control if has_control else None)
    low, high = fit.interval()
    for place in range(4):
        expected = twin(values[place], 17, control[place] if has_control else None)
        scale = expected[2] - expected[1]
        assert (fit.estimate[place], low[place], high[place]) == pytest.approx(expected, abs=1e-6 * scale)


def test_without_autocorrelation_slope_and_control_it_is_the_interval_of_two_samples(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(step, "AUTOCORRELATIONS", np.array([0.0]))
    monkeypatch.setattr(step, "SLOPE_SPREAD", 1e-7)
    expected = stats.ttest_ind(TREATED[12:], TREATED[:12]).confidence_interval()
    assert ends(fit_step(TREATED, 12)) == pytest.approx((expected.low, expected.high), rel=1e-6)


def test_with_a_control_that_is_sure_to_move_alike_it_is_the_difference_in_differences(monkeypatch: pytest.MonkeyPatch):
    """The two-by-two estimate, by hand; packages that compute it agree with this closed form to the last digit."""
    monkeypatch.setattr(step, "AUTOCORRELATIONS", np.array([0.0]))
    monkeypatch.setattr(step, "SLOPE_SPREAD", 1e-7)
    monkeypatch.setattr(step, "CONTROL_WEEKS", 1e9)
    control = CONTROLS.mean(axis=0)
    by_hand = (TREATED[12:].mean() - TREATED[:12].mean()) - (control[12:].mean() - control[:12].mean())
    assert fit_step(TREATED, 12, control).estimate[0] == pytest.approx(by_hand, rel=1e-6)


def test_seventy_autocorrelations_are_as_good_as_ten_times_as_many(monkeypatch: pytest.MonkeyPatch):
    coarse = ends(fit_step(TREATED, 12, CONTROLS.mean(axis=0)))
    monkeypatch.setattr(step, "AUTOCORRELATIONS", np.linspace(-0.4, 0.98, 691))
    fine = ends(fit_step(TREATED, 12, CONTROLS.mean(axis=0)))
    assert coarse == pytest.approx(fine, rel=0.01)


@pytest.mark.parametrize(("factor", "shift"), [(1e-9, 0.0), (1e6, 1e9), (1.0, -7.0)])
def test_another_unit_changes_nothing_but_the_unit(factor: float, shift: float):
    control = CONTROLS.mean(axis=0)
    plain = ends(fit_step(TREATED, 12, control))
    scaled = ends(fit_step(factor * TREATED + shift, 12, factor * control - shift))
    assert np.array(scaled) / factor == pytest.approx(plain, rel=1e-4)


def test_a_quantile_is_where_the_chance_is():
    fit = fit_step(np.stack([TREATED, TREATED**2]), 12)
    for chance in (0.001, 0.025, 0.5, 0.975, 0.999):
        assert fit.chance_below(fit.quantile(chance)) == pytest.approx([chance, chance], abs=1e-8)


def test_a_control_that_never_moves_is_as_good_as_none():
    assert ends(fit_step(TREATED, 12, np.full(18, 3.0))) == pytest.approx(ends(fit_step(TREATED, 12)), rel=0.1)


@pytest.mark.parametrize(
    ("values", "before", "control", "says"),
    [
        ([1.0, 2.0, np.nan, 4.0, 5.0, 6.0], 3, None, "a value is missing"),
        ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3, [1.0, 2.0], "shape"),
        ([1.0, 2.0, 3.0, 4.0], 2, None, "too few"),
        ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 1, None, "too few"),
    ],
)
def test_what_cannot_be_fitted_is_an_error(values: list[float], before: int, control: list[float] | None, says: str):
    with pytest.raises(ValueError, match=says):
        fit_step(values, before, control)


def test_the_variance_of_a_step_is_that_of_the_two_means_where_weeks_are_independent(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(step, "AUTOCORRELATIONS", np.array([0.0]))
    monkeypatch.setattr(step, "SLOPE_SPREAD", 1e-7)
    assert step_variance(20, 5) == pytest.approx([1 / 20 + 1 / 5], rel=1e-6)


@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_where_nothing_happens_intervals_cover_what_they_promise(rho: float):
    random = np.random.default_rng(20)
    noise = random.normal(size=(2, 800, 24))
    for week in range(1, 24):
        noise[:, :, week] = rho * noise[:, :, week - 1] + np.sqrt(1 - rho**2) * noise[:, :, week]
    chance = fit_step(noise[0], 16, noise[1] * 0.6 + noise[0] * 0.2).chance_below(0.0)
    assert 0.93 <= np.mean((chance > 0.025) & (chance < 0.975)) <= 0.99
