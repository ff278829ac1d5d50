from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats

from opslib.analysis.methods.overdispersed_counts import (
    beta_binomial_tails,
    common_dispersion,
    common_flow,
    flow_of_others,
    negative_binomial_quantile,
    predict,
    trigamma_inverse,
)


@pytest.mark.parametrize("kind", ["unlike", "a quarter bursty", "log-normal bursts"])
def test_rows_that_differ_in_burstiness_raise_no_more_far_out_signals_than_their_p_says(kind: str):
    """A false signal of a family of twelve has a p of some 0.005: what counts is the far tail, not 5%.

    With the family's degrees of freedom at their estimate, one p in 400 or 300 was below 1 in 500 here.
    """
    rng = np.random.default_rng(16)
    families, rows = 2500, 12
    dispersion = {
        "unlike": np.exp(rng.normal(-3.5, 1.0, (families, rows, 1))),
        "a quarter bursty": np.where(rng.random((families, rows, 1)) < 0.25, 0.25, 0.003),
        "log-normal bursts": np.exp(rng.normal(-3.5, 1.0, (families, rows, 1))),
    }[kind]
    sigma = np.sqrt(np.log1p(dispersion))
    shape = (families, rows, 9)
    burst = {
        "log-normal bursts": np.exp(sigma * rng.normal(size=shape) - sigma**2 / 2),
    }.get(kind, rng.gamma(1 / dispersion, dispersion, shape))
    counts = rng.poisson(np.exp(rng.normal(3.6, 0.6, (families, rows, 1))) * burst).reshape(-1, 9)
    tests = predict(counts[:, -1], counts[:, :-1], families=np.repeat(np.arange(families), rows))
    p = tests["p"].to_numpy().reshape(families, rows)
    assert (p < 0.002).mean() < 0.0025
    some = (np.sort(p, axis=1) <= 0.10 * np.arange(1, rows + 1) / rows).any(axis=1).sum()
    assert some <= stats.binom.ppf(0.9, families, 0.10)


def test_poisson_counts_give_the_exact_conditional_test():
    """With no overdispersion and no freedom to estimate it from, given the sum the count is binomial."""
    past = np.full((1, 8), 10.0)
    test = predict([24], past)
    upper = stats.binom.sf(24, 104, 1 / 9) + 0.5 * stats.binom.pmf(24, 104, 1 / 9)
    assert test["p_up"].iloc[0] == pytest.approx(stats.t.sf(stats.norm.isf(upper), test["freedom"].iloc[0]), rel=1e-6)


def test_large_counts_are_tested_as_small_ones_are():
    """The beta distribution takes over from the exact beta-binomial without a jump."""
    past = np.tile([330.0, 320, 345, 325, 310, 335, 330, 328], (2, 1))
    exact = predict([380, 330], past)
    doubled = predict([400, 345], past * 1.05)
    assert past.sum() / 2 + 380 < 3050 < past.sum() / 2 * 1.05 + 400
    assert doubled["p"].to_numpy() == pytest.approx(exact["p"].to_numpy(), rel=0.25)


def test_the_common_dispersion_is_that_of_the_ames_assay():
    """Eighteen plates, three coefficients, relative variance 0.0718 (Breslow 1984; also R's dispmod)."""
    dose = np.repeat([0, 10, 33, 100, 333, 1000], 3)
    plates = np.array([15, 21, 29, 16, 18, 21, 16, 26, 33, 27, 41, 60, 33, 38, 41, 20, 27, 42], dtype=float)
    mean = np.exp(2.20307 - 0.000974061 * dose + 0.310963 * np.log(dose + 10))[:, None]
    dispersion = common_dispersion(
        (plates[:, None] - mean) ** 2, mean, np.ones((18, 1), dtype=bool), np.array([15 / 18]), np.zeros(18, dtype=int)
    )
    assert dispersion[0] == pytest.approx(0.0718, abs=5e-5)


def test_the_dispersion_of_each_family_is_the_root_that_a_bracketing_search_finds():
    rng = np.random.default_rng(17)
    mean = np.exp(rng.normal(2, 1, (60, 8)))
    square = (rng.negative_binomial(4, 4 / (4 + mean)) - mean) ** 2
    included, kinds = rng.random((60, 8)) < 0.9, rng.integers(0, 5, 60)
    dispersion = common_dispersion(square, mean, included, np.full(5, 0.9), kinds)
    for kind in range(5):
        own = included & (kinds == kind)[:, None]
        root = optimize.brentq(
            lambda d, own=own: (square[own] / (mean[own] + d * mean[own] ** 2)).sum() - 0.9 * own.sum(), 0, 100
        )
        assert dispersion[kind] == pytest.approx(root, rel=1e-8)


def test_the_inverse_of_trigamma_is_one():
    values = np.geomspace(1e-5, 1e5, 41)
    assert special.polygamma(1, trigamma_inverse(values)) == pytest.approx(values, rel=1e-6)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 400), st.floats(0, 1), st.floats(0.02, 0.9), st.sampled_from([0.7, 9.0, 250.0, np.inf])
        ),
        min_size=1,
        max_size=8,
    )
)
def test_tails_of_many_rows_at_once_are_those_of_scipys_distributions(rows: list[tuple[int, float, float, float]]):
    total = np.array([row[0] for row in rows], dtype=float)
    count = np.floor(total * [row[1] for row in rows])
    share, size = (np.array([row[place] for row in rows]) for place in (2, 3))
    below, above = beta_binomial_tails(count, total, share, size)
    for row in range(len(rows)):
        chance = (
            stats.betabinom(total[row], share[row] * size[row], (1 - share[row]) * size[row])
            if np.isfinite(size[row])
            else stats.binom(total[row], share[row])
        )
        half = chance.pmf(count[row]) / 2
        assert above[row] == pytest.approx(chance.sf(count[row]) + half, rel=1e-6, abs=1e-12)
        assert below[row] == pytest.approx(chance.cdf(count[row] - 1) + half, rel=1e-6, abs=1e-12)


def test_quantiles_of_the_negative_binomial_are_scipys():
    """From a fraction of a ticket to a hundred thousand, from Poisson's variation to hundreds of times as much."""
    rng = np.random.default_rng(3)
    mean = 10 ** rng.uniform(-3, 5, 2000)
    size = np.where(rng.random(2000) < 0.1, 1e9, 10 ** rng.uniform(-1, 6, 2000))
    chance = size / (size + mean)
    for p in (0.025, 0.975):
        assert np.array_equal(negative_binomial_quantile(p, size, chance), stats.nbinom.ppf(p, size, chance))


def trimmed_slowly(counts: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """A fifth of the weight cut off at either end, one week after the other, hundredths of a ticket at a time."""
    mean = counts[:, :-1].mean(axis=1)
    used = mean >= 1
    if used.sum() < 3:
        return otherwise
    flow = []
    for week in range(counts.shape[1]):
        ratio = counts[used, week] / mean[used]
        order = np.argsort(ratio, kind="stable")
        total, passed, summed = mean[used].sum(), 0.0, 0.0
        for weight, value in zip(mean[used][order], ratio[order], strict=True):
            inside = min(passed + weight, 0.8 * total) - max(passed, 0.2 * total)
            summed += max(inside, 0.0) * value
            passed += weight
        whole = counts[:, week].sum() / mean.sum()
        trimmed = summed / (0.6 * total)
        flow.append(trimmed if whole / 2 <= trimmed <= 2 * whole else whole)
    return np.array(flow) if min(flow) > 0 else otherwise


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 9))
def test_the_flow_of_the_other_rows_is_that_of_the_table_without_the_row(seed: int, rows: int):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(np.exp(rng.normal(1.5, 1.5, (rows, 1))) * rng.gamma(3, 1 / 3, (rows, 9))).astype(float)
    otherwise = np.linspace(0.8, 1.2, 9)
    flow = flow_of_others(counts, otherwise)
    for row in range(rows):
        assert flow[row] == pytest.approx(trimmed_slowly(np.delete(counts, row, axis=0), otherwise))
    assert common_flow(counts, otherwise) == pytest.approx(trimmed_slowly(counts, otherwise))


def test_rows_of_families_tested_together_are_as_those_of_each_family_alone():
    rng = np.random.default_rng(18)
    counts = rng.negative_binomial(5, 0.1, (40, 9))
    counts[3, -2:] = 300
    over = rng.uniform(0.5, 2, (40, 9))
    families = rng.integers(0, 4, 40)
    together = predict(counts[:, -1], counts[:, :-1], over[:, -1], over[:, :-1], families=families)
    for family in range(4):
        own = families == family
        alone = predict(counts[own, -1], counts[own, :-1], over[own, -1], over[own, :-1])
        pd.testing.assert_frame_equal(together[own].reset_index(drop=True), alone)
