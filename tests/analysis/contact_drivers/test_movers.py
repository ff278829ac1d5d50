from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats

from opslib.analysis.contact_drivers import movers
from opslib.analysis.contact_drivers.movers import (
    ALL,
    UNLABELLED,
    daily_counts,
    early_warnings,
    movers_by_week,
    predict,
    weekly_counts,
    weekly_movers,
)
from opslib.weeks import shift_week, weeks_between

WEEKS = weeks_between("2026-W38", "2026-W46")
REASONS = 12


def frame_of(cells: np.ndarray, weeks: list[str]) -> pd.DataFrame:
    """Counts of shape reasons × segments × weeks as `weekly_counts` gives them."""
    reasons, segments, _ = cells.shape
    rows = [
        (dimension, segment, reason, week, int(count))
        for dimension, segment, part in (
            ("all", "all", cells.sum(axis=1)),
            *(("channel", f"c{place}", cells[:, place]) for place in range(segments)),
        )
        for reason, counts in (
            *((f"r{place}", part[place]) for place in range(reasons)),
            (ALL, part.sum(axis=0)),
        )
        for week, count in zip(weeks, counts, strict=True)
    ]
    return pd.DataFrame(rows, columns=["dimension", "segment", "contact_reason", "week", "count"])


def null_counts(rng: np.random.Generator, dispersion: np.ndarray, *, weeks: int = 9) -> np.ndarray:
    """Nothing moves: negative binomial reasons of very different size, in weeks that are busier and calmer."""
    mean = np.exp(rng.normal(3.6, 0.6, len(dispersion)))
    mood = np.exp(rng.normal(0, 0.1, weeks))
    size = np.maximum(dispersion, 1e-6)[:, None]
    rate = mean[:, None] * mood * rng.gamma(1 / size, size, (len(dispersion), weeks))
    return rng.poisson(rate[:, None, :] * np.array([0.5, 0.3, 0.2])[None, :, None])


@pytest.mark.parametrize("kind", ["poisson", "alike", "unlike"])
def test_a_quiet_week_shows_a_signal_as_often_as_the_rate_says(kind: str):
    """Under no change the false discovery rate is the chance of any discovery in a week: 10 %."""
    rng = np.random.default_rng(5)
    weeks, p, some = 60, [], 0
    for _ in range(weeks):
        dispersion = {
            "poisson": np.zeros(REASONS),
            "alike": np.full(REASONS, 0.03),
            "unlike": np.exp(rng.normal(-3.5, 1.0, REASONS)),
        }[kind]
        found = weekly_movers(frame_of(null_counts(rng, dispersion), WEEKS), WEEKS[-1])
        p.append(found["p"].dropna())
        some += bool(found["discovery"].any())
    values = np.concatenate(p)
    assert some <= stats.binom.ppf(0.999, weeks, 0.10)
    assert 0.025 < (values < 0.05).mean() < 0.065
    assert 0.002 < (values < 0.01).mean() < 0.018


@pytest.mark.parametrize("kind", ["unlike", "a quarter bursty", "log-normal bursts"])
def test_reasons_that_differ_in_burstiness_raise_no_more_far_out_signals_than_their_p_says(kind: str):
    """A false signal of a family of twelve has a p of some 0.005: what counts is the far tail, not 5 %.

    With the family's degrees of freedom at their estimate, one p in 400 or 300 was below 1 in 500 here.
    """
    rng = np.random.default_rng(16)
    weeks, reasons = 2500, REASONS
    dispersion = {
        "unlike": np.exp(rng.normal(-3.5, 1.0, (weeks, reasons, 1))),
        "a quarter bursty": np.where(rng.random((weeks, reasons, 1)) < 0.25, 0.25, 0.003),
        "log-normal bursts": np.exp(rng.normal(-3.5, 1.0, (weeks, reasons, 1))),
    }[kind]
    sigma = np.sqrt(np.log1p(dispersion))
    shape = (weeks, reasons, 9)
    burst = {
        "log-normal bursts": np.exp(sigma * rng.normal(size=shape) - sigma**2 / 2),
    }.get(kind, rng.gamma(1 / dispersion, dispersion, shape))
    counts = rng.poisson(np.exp(rng.normal(3.6, 0.6, (weeks, reasons, 1))) * burst).reshape(-1, 9)
    found = predict(counts[:, -1], counts[:, :-1], families=np.repeat(np.arange(weeks), reasons))
    p = found["p"].to_numpy().reshape(weeks, reasons)
    assert (p < 0.002).mean() < 0.0025
    some = (np.sort(p, axis=1) <= 0.10 * np.arange(1, reasons + 1) / reasons).any(axis=1).sum()
    assert some <= stats.binom.ppf(0.9, weeks, 0.10)


def test_a_poisson_test_would_raise_many_more_false_alarms():
    """What the overdispersion is for: the same weeks, taken to be Poisson, break the rate."""
    rng = np.random.default_rng(6)
    naive = []
    for _ in range(40):
        counts = null_counts(rng, np.full(REASONS, 0.05)).sum(axis=1)
        total = counts.sum(axis=1)
        naive.append(stats.binom.sf(counts[:, -1] - 1, total, 1 / 9))
    assert (np.concatenate(naive) < 0.01).mean() > 0.05


def test_a_reason_that_doubles_is_found_with_its_direction_and_excess():
    rng = np.random.default_rng(7)
    counts = null_counts(rng, np.full(REASONS, 0.01))
    counts[3, :, :-1] = rng.poisson(20, (3, 8))
    counts[3, :, -1] = rng.poisson(44, 3)
    found = weekly_movers(frame_of(counts, WEEKS), WEEKS[-1])
    row = found.query("contact_reason == 'r3' and dimension == 'all'").iloc[0]
    assert (row["discovery"], row["direction"]) == (True, "up")
    assert row["excess"] == pytest.approx(row["count"] - row["expected"])
    assert row["count"] > row["high"]
    assert not found.query("contact_reason == 'r5' and dimension == 'all'")["discovery"].iloc[0]


def test_a_holiday_on_which_all_reasons_halve_moves_no_reason():
    rng = np.random.default_rng(8)
    counts = null_counts(rng, np.zeros(REASONS))
    counts[..., -1] = rng.poisson(counts[..., :-1].mean(axis=-1) / 2)
    found = weekly_movers(frame_of(counts, WEEKS), WEEKS[-1])
    reasons = found[found["contact_reason"] != ALL]
    assert not reasons["discovery"].any()
    assert reasons.query("dimension == 'all'")["flow"].median() == pytest.approx(0.5, abs=0.1)


def test_a_new_reason_does_not_push_the_others_down():
    rng = np.random.default_rng(9)
    counts = null_counts(rng, np.zeros(REASONS))
    counts[0, :, :-1] = 0
    counts[0, :, -1] = 60
    found = weekly_movers(frame_of(counts, WEEKS), WEEKS[-1])
    reasons = found.query("dimension == 'all' and contact_reason != 'all'")
    assert set(reasons.loc[reasons["discovery"], "contact_reason"]) == {"r0"}
    total = counts.sum(axis=(0, 1))
    assert total[-1] / total[:-1].mean() > 1.25
    assert reasons.loc[reasons["contact_reason"] != "r0", "flow"].mean() == pytest.approx(1.0, abs=0.15)


def test_where_most_reasons_are_renamed_the_sum_of_all_stays_what_is_expected():
    """Thunderbird's forum got another list of topics on 4 September 2024: old ones ended, new ones began."""
    rng = np.random.default_rng(15)
    counts = rng.poisson(30, (2 * REASONS, 3, 9))
    counts[:REASONS, :, -1] = 0
    counts[REASONS:, :, :-1] = 0
    found = weekly_movers(frame_of(counts, WEEKS), WEEKS[-1]).set_index(["dimension", "segment", "contact_reason"])
    sums = found.xs(ALL, level="contact_reason")
    assert (sums["count"] / sums["expected"]).between(0.8, 1.25).all()
    assert not sums["discovery"].any()
    assert found.loc[("all", "all", "r0"), "direction"] == "down"
    assert found.loc[("all", "all", f"r{REASONS}"), "direction"] == "up"


def test_a_rise_that_goes_on_is_a_signal_in_its_second_week_too():
    """The first week of the rise is no part of the measure, nor of how much the reason usually varies."""
    rng = np.random.default_rng(10)
    counts = null_counts(rng, np.full(REASONS, 0.01))
    counts[2, :, :-2] = 0
    counts[2, :, -2:] = 15
    found = weekly_movers(frame_of(counts, WEEKS), WEEKS[-1]).query("dimension == 'all' and contact_reason == 'r2'")
    assert found["discovery"].iloc[0]
    assert found["expected"].iloc[0] < 3


def test_a_season_that_came_last_year_is_expected_and_without_that_year_it_is_a_signal():
    rng = np.random.default_rng(12)
    weeks = weeks_between(shift_week("2026-W46", -61), "2026-W46")
    mean = np.full((REASONS, len(weeks)), 60.0)
    for week in ("2025-W45", "2025-W46", "2025-W47", "2026-W46"):
        mean[:6, weeks.index(week)] = 150.0
        mean[6:, weeks.index(week)] = 60.0
    counts = rng.poisson(np.repeat(mean[:, None, :] / 3, 3, axis=1))
    frame = frame_of(counts, weeks)
    known = weekly_movers(frame, "2026-W46").query("dimension == 'all' and contact_reason == 'r1'").iloc[0]
    short = frame[frame["week"].isin(weeks[-9:])]
    unknown = weekly_movers(short, "2026-W46").query("dimension == 'all' and contact_reason == 'r1'").iloc[0]
    assert known["season"] > 1.2
    assert not known["discovery"]
    assert unknown["season"] == 1.0
    assert unknown["p"] < known["p"]


def test_weeks_without_a_past_or_with_few_tickets_are_not_tested():
    counts = frame_of(np.ones((3, 2, 9), dtype=int), WEEKS)
    assert weekly_movers(counts, WEEKS[3])["p"].isna().all()
    assert weekly_movers(counts, WEEKS[-1]).query("dimension == 'channel' and contact_reason == 'r0'")["p"].isna().all()


def test_poisson_counts_give_the_exact_conditional_test():
    """With no overdispersion and no freedom to estimate it from, given the sum the count is binomial."""
    past = np.full((1, 8), 10.0)
    found = predict([24], past)
    upper = stats.binom.sf(24, 104, 1 / 9) + 0.5 * stats.binom.pmf(24, 104, 1 / 9)
    assert found["p_up"].iloc[0] == pytest.approx(stats.t.sf(stats.norm.isf(upper), found["freedom"].iloc[0]), rel=1e-6)


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
    found = movers._common_dispersion(
        (plates[:, None] - mean) ** 2, mean, np.ones((18, 1), dtype=bool), np.array([15 / 18]), np.zeros(18, dtype=int)
    )
    assert found[0] == pytest.approx(0.0718, abs=5e-5)


def test_the_dispersion_of_each_family_is_the_root_that_a_bracketing_search_finds():
    rng = np.random.default_rng(17)
    mean = np.exp(rng.normal(2, 1, (60, 8)))
    square = (rng.negative_binomial(4, 4 / (4 + mean)) - mean) ** 2
    counted, kinds = rng.random((60, 8)) < 0.9, rng.integers(0, 5, 60)
    found = movers._common_dispersion(square, mean, counted, np.full(5, 0.9), kinds)
    for kind in range(5):
        own = counted & (kinds == kind)[:, None]
        root = optimize.brentq(
            lambda d, own=own: (square[own] / (mean[own] + d * mean[own] ** 2)).sum() - 0.9 * own.sum(), 0, 100
        )
        assert found[kind] == pytest.approx(root, rel=1e-8)


def test_the_inverse_of_trigamma_is_one():
    values = np.geomspace(1e-5, 1e5, 41)
    assert special.polygamma(1, movers._trigamma_inverse(values)) == pytest.approx(values, rel=1e-6)


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
    below, above = movers._exact(count, total, share, size)
    for row in range(len(rows)):
        chance = (
            stats.betabinom(total[row], share[row] * size[row], (1 - share[row]) * size[row])
            if np.isfinite(size[row])
            else stats.binom(total[row], share[row])
        )
        half = chance.pmf(count[row]) / 2
        assert above[row] == pytest.approx(chance.sf(count[row]) + half, rel=1e-6, abs=1e-12)
        assert below[row] == pytest.approx(chance.cdf(count[row] - 1) + half, rel=1e-6, abs=1e-12)


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
        told = summed / (0.6 * total)
        flow.append(told if whole / 2 <= told <= 2 * whole else whole)
    return np.array(flow) if min(flow) > 0 else otherwise


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 9))
def test_the_flow_of_the_other_reasons_is_that_of_the_table_without_the_reason(seed: int, reasons: int):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(np.exp(rng.normal(1.5, 1.5, (reasons, 1))) * rng.gamma(3, 1 / 3, (reasons, 9))).astype(float)
    otherwise = np.linspace(0.8, 1.2, 9)
    found = movers._leave_one_out(counts, otherwise)
    for reason in range(reasons):
        assert found[reason] == pytest.approx(trimmed_slowly(np.delete(counts, reason, axis=0), otherwise))
    assert movers._trimmed(counts, otherwise) == pytest.approx(trimmed_slowly(counts, otherwise))


def test_rows_of_families_tested_together_are_as_those_of_each_family_alone():
    rng = np.random.default_rng(18)
    counts = rng.negative_binomial(5, 0.1, (40, 9))
    counts[3, -2:] = 300
    over = rng.uniform(0.5, 2, (40, 9))
    families = rng.integers(0, 4, 40)
    found = predict(counts[:, -1], counts[:, :-1], over[:, -1], over[:, :-1], families=families)
    for family in range(4):
        own = families == family
        alone = predict(counts[own, -1], counts[own, :-1], over[own, -1], over[own, :-1])
        pd.testing.assert_frame_equal(found[own].reset_index(drop=True), alone)


def test_weeks_tested_together_are_as_each_week_alone():
    rng = np.random.default_rng(19)
    weeks = weeks_between("2026-W30", "2026-W46")
    counts = frame_of(rng.negative_binomial(5, 0.2, (REASONS, 3, len(weeks))), weeks)
    together = movers_by_week(counts, weeks)
    keys = ["dimension", "segment", "contact_reason"]
    assert together["week"].drop_duplicates().tolist() == weeks
    for week in weeks:
        part = together[together["week"] == week].drop(columns="week").sort_values(keys, ignore_index=True)
        alone = weekly_movers(counts, week).sort_values(keys, ignore_index=True)
        pd.testing.assert_frame_equal(part, alone, check_dtype=False)


def test_counts_are_those_of_going_through_the_tickets_one_by_one():
    rng = np.random.default_rng(20)
    weeks = weeks_between("2026-W40", "2026-W46")
    tickets = pd.DataFrame(
        {
            "week": rng.choice([*weeks, "2026-W39"], 300),
            "contact_reason": rng.choice(["a", "b", "all", None], 300),
            "channel": rng.choice(["email", "chat", None], 300),
        }
    )
    expected: dict[tuple[str, str, str, str], int] = {}
    for ticket in tickets.astype(object).where(tickets.notna(), None).to_dict("records"):
        for where in (("all", "all"), ("channel", ticket["channel"])):
            for reason in (ticket["contact_reason"] or UNLABELLED, ALL):
                if ticket["week"] in weeks and where[1] is not None:
                    key = (*where, reason, ticket["week"])
                    expected[key] = expected.get(key, 0) + 1
    found = weekly_counts(tickets, weeks, dimensions=("channel",))
    told = {tuple(row[:4]): row[4] for row in found.itertuples(index=False) if row[4]}
    assert told == expected
    assert len(found) == len(weeks) * len(found[["dimension", "segment", "contact_reason"]].drop_duplicates())


def test_counting_fills_weeks_without_tickets_and_names_what_has_no_label():
    tickets = pd.DataFrame(
        {
            "week": ["2026-W45", "2026-W46", "2026-W46"],
            "contact_reason": ["a", "a", None],
            "channel": ["email", None, "chat"],
            "language": [None, None, None],
        }
    )
    counts = weekly_counts(tickets, ["2026-W44", "2026-W45", "2026-W46"])
    cells = counts.set_index(["dimension", "segment", "contact_reason", "week"])["count"]
    assert cells["all", "all", "a"].tolist() == [0, 1, 1]
    assert cells["all", "all", UNLABELLED].tolist() == [0, 0, 1]
    assert cells["all", "all", ALL].tolist() == [0, 1, 2]
    assert cells["channel", "email", ALL].tolist() == [0, 1, 0]
    assert set(counts["dimension"]) == {"all", "channel"}


def days_of(first: str, count: int) -> list[str]:
    return list(pd.date_range(first, periods=count).strftime("%Y-%m-%d"))


def test_a_day_with_an_outage_is_warned_of_on_that_day():
    rng = np.random.default_rng(13)
    days = days_of("2026-09-07", 70)
    weekday = np.tile([12, 11, 10, 10, 9, 3, 2], 10)
    counts = pd.DataFrame(rng.poisson(np.tile(weekday, (8, 1))), index=[f"r{n}" for n in range(8)], columns=days)
    counts.loc["r4", days[66]] += 25
    found = early_warnings(counts, days[-7:])
    assert (days[66], "r4") in set(zip(found["day"], found["contact_reason"], strict=True))
    assert found["day"].min() == days[66]


def test_seven_quiet_days_raise_a_warning_in_at_most_one_week_of_ten():
    rng = np.random.default_rng(14)
    days = days_of("2026-09-07", 70)
    weekday = np.tile([12, 11, 10, 10, 9, 3, 2], 10) * 1.0
    weeks, warned = 30, 0
    for _ in range(weeks):
        rate = weekday * np.exp(rng.normal(0, 0.08, 70)) * np.exp(rng.normal(0, 0.6, 10))[:, None]
        counts = pd.DataFrame(rng.poisson(rate), index=[f"r{n}" for n in range(10)], columns=days)
        warned += len(early_warnings(counts, days[-7:])) > 0
    assert warned <= stats.binom.ppf(0.999, weeks, 0.10)


def test_days_are_counted_by_reason():
    tickets = pd.DataFrame({"day": ["2026-11-02", "2026-11-02", "2026-11-04"], "contact_reason": ["a", "a", None]})
    counts = daily_counts(tickets, days_of("2026-11-02", 3))
    assert counts.loc["a"].tolist() == [2, 0, 0]
    assert counts.loc[UNLABELLED].tolist() == [0, 0, 1]
