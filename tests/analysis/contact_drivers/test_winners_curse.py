from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from opslib.analysis.contact_drivers.winners_curse import size_after_selection


def test_what_lies_far_beyond_the_threshold_stays_as_it_was_measured():
    assert size_after_selection(90.0, 10.0, 3.0) == pytest.approx((90.0, 70.4, 109.6), abs=0.1)


def test_without_a_threshold_nothing_was_picked():
    assert size_after_selection(20.0, 10.0, 0.0) == pytest.approx((20.0, 0.4, 39.6), abs=0.1)


@pytest.mark.parametrize(("z", "threshold"), [(2.1, 1.96), (3.4, 3.0), (4.5, 3.5)])
def test_the_size_is_that_of_the_likelihood_given_that_it_was_picked(z: float, threshold: float):
    """By another way: a truncated normal's mean is likeliest where what was seen is its expectation."""

    def picked(true: float) -> float:
        return stats.norm.sf(threshold - true) + stats.norm.cdf(-threshold - true)

    def expectation(true: float) -> float:
        return true + (stats.norm.pdf(threshold - true) - stats.norm.pdf(-threshold - true)) / picked(true)

    grid = np.linspace(0.01, z, 20_001)
    likeliest = grid[np.argmin(np.abs([expectation(true) - z for true in grid[::20]])) * 20]
    weight = integrate.quad(lambda true: stats.norm.pdf(z - true) / picked(true), -20, z + 10, limit=200)[0]
    moment = integrate.quad(lambda true: true * stats.norm.pdf(z - true) / picked(true), -20, z + 10, limit=200)[0]
    assert size_after_selection(z, 1.0, threshold).value == pytest.approx((likeliest + moment / weight) / 2, abs=0.01)


def picked_at(true: float) -> np.ndarray:
    """Measures of one true size that exceed three standard errors."""
    z = true + np.random.default_rng(1).standard_normal(60_000)
    return z[z > 3.0][:250]


@pytest.mark.parametrize("true", [0.5, 1.5, 2.5])
def test_sizes_that_were_picked_by_luck_are_on_average_less_than_half_as_far_off(true: float):
    z = picked_at(true)
    mean = np.mean([size_after_selection(each, 1.0, 3.0).value for each in z])
    assert abs(mean - true) < 0.5 * (z.mean() - true)


@pytest.mark.parametrize("true", [1.5, 3.0, 4.5])
def test_the_interval_holds_the_true_size(true: float):
    sizes = np.array([size_after_selection(each, 1.0, 3.0) for each in picked_at(true)])
    assert ((sizes[:, 1] <= true) & (true <= sizes[:, 2])).mean() >= 0.9


def test_a_larger_measure_is_never_told_smaller():
    values = [size_after_selection(z, 1.0, 3.0).value for z in np.linspace(0.5, 8, 60)]
    assert (np.diff(values) > 0).all()
