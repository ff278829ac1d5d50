from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from opslib.analysis.contact_drivers.movers import (
    ALL,
    UNLABELLED,
    daily_counts,
    early_warnings,
    movers_by_week,
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
    """Under no change the false discovery rate is the chance of any discovery in a week: 10%."""
    rng = np.random.default_rng(5)
    weeks, tests = 60, []
    for _ in range(weeks // 6):
        samples = []
        for _ in range(6):
            dispersion = {
                "poisson": np.zeros(REASONS),
                "alike": np.full(REASONS, 0.03),
                "unlike": np.exp(rng.normal(-3.5, 1.0, REASONS)),
            }[kind]
            samples.append(null_counts(rng, dispersion))
        span = weeks_between(shift_week("2026-W46", -53), "2026-W46")
        tests.append(movers_by_week(frame_of(np.concatenate(samples, axis=2), span), span[8::9]))
    some = sum(frame.groupby("week")["discovery"].any().sum() for frame in tests)
    values = np.concatenate([frame["p"].dropna() for frame in tests])
    assert some <= stats.binom.ppf(0.999, weeks, 0.10)
    assert 0.025 < (values < 0.05).mean() < 0.065
    assert 0.002 < (values < 0.01).mean() < 0.018


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
    frame = weekly_movers(frame_of(counts, WEEKS), WEEKS[-1])
    row = frame.query("contact_reason == 'r3' and dimension == 'all'").iloc[0]
    assert (row["discovery"], row["direction"]) == (True, "up")
    assert row["excess"] == pytest.approx(row["count"] - row["expected"])
    assert row["count"] > row["high"]
    assert not frame.query("contact_reason == 'r5' and dimension == 'all'")["discovery"].iloc[0]


def test_a_holiday_on_which_all_reasons_halve_moves_no_reason():
    rng = np.random.default_rng(8)
    counts = null_counts(rng, np.zeros(REASONS))
    counts[..., -1] = rng.poisson(counts[..., :-1].mean(axis=-1) / 2)
    frame = weekly_movers(frame_of(counts, WEEKS), WEEKS[-1])
    reasons = frame[frame["contact_reason"] != ALL]
    assert not reasons["discovery"].any()
    assert reasons.query("dimension == 'all'")["flow"].median() == pytest.approx(0.5, abs=0.1)


def test_a_new_reason_does_not_push_the_others_down():
    rng = np.random.default_rng(9)
    counts = null_counts(rng, np.zeros(REASONS))
    counts[0, :, :-1] = 0
    counts[0, :, -1] = 60
    frame = weekly_movers(frame_of(counts, WEEKS), WEEKS[-1])
    reasons = frame.query("dimension == 'all' and contact_reason != 'all'")
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
    frame = weekly_movers(frame_of(counts, WEEKS), WEEKS[-1]).set_index(["dimension", "segment", "contact_reason"])
    sums = frame.xs(ALL, level="contact_reason")
    assert (sums["count"] / sums["expected"]).between(0.8, 1.25).all()
    assert not sums["discovery"].any()
    assert frame.loc[("all", "all", "r0"), "direction"] == "down"
    assert frame.loc[("all", "all", f"r{REASONS}"), "direction"] == "up"


def test_a_rise_that_goes_on_is_a_signal_in_its_second_week_too():
    """The first week of the rise is no part of the measure, nor of how much the reason usually varies."""
    rng = np.random.default_rng(10)
    counts = null_counts(rng, np.full(REASONS, 0.01))
    counts[2, :, :-2] = 0
    counts[2, :, -2:] = 15
    frame = weekly_movers(frame_of(counts, WEEKS), WEEKS[-1]).query("dimension == 'all' and contact_reason == 'r2'")
    assert frame["discovery"].iloc[0]
    assert frame["expected"].iloc[0] < 3


def test_a_season_that_came_last_year_is_expected_and_without_that_year_it_is_a_signal():
    rng = np.random.default_rng(12)
    weeks = weeks_between(shift_week("2026-W46", -61), "2026-W46")
    mean = np.full((REASONS, len(weeks)), 60.0)
    for week in ("2025-W45", "2025-W46", "2025-W47", "2026-W46"):
        mean[:6, weeks.index(week)] = 150.0
        mean[6:, weeks.index(week)] = 60.0
    counts = rng.poisson(np.repeat(mean[:, None, :] / 3, 3, axis=1))
    frame = frame_of(counts, weeks)
    with_year = weekly_movers(frame, "2026-W46").query("dimension == 'all' and contact_reason == 'r1'").iloc[0]
    short = frame[frame["week"].isin(weeks[-9:])]
    without_year = weekly_movers(short, "2026-W46").query("dimension == 'all' and contact_reason == 'r1'").iloc[0]
    assert with_year["season"] > 1.2
    assert not with_year["discovery"]
    assert without_year["season"] == 1.0
    assert without_year["p"] < with_year["p"]


def test_weeks_without_a_past_or_with_few_tickets_are_not_tested():
    counts = frame_of(np.ones((3, 2, 9), dtype=int), WEEKS)
    assert weekly_movers(counts, WEEKS[3])["p"].isna().all()
    assert weekly_movers(counts, WEEKS[-1]).query("dimension == 'channel' and contact_reason == 'r0'")["p"].isna().all()


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
    frame = weekly_counts(tickets, weeks, dimensions=("channel",))
    cells = {tuple(row[:4]): row[4] for row in frame.itertuples(index=False) if row[4]}
    assert cells == expected
    assert len(frame) == len(weeks) * len(frame[["dimension", "segment", "contact_reason"]].drop_duplicates())


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
    frame = early_warnings(counts, days[-7:])
    assert (days[66], "r4") in set(zip(frame["day"], frame["contact_reason"], strict=True))
    assert frame["day"].min() == days[66]


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


def test_what_is_expected_of_a_thursday_is_what_thursdays_had():
    """A reason of which the last three Thursdays had already risen: 4.75 on average, not the first five's 1.6.

    Others do not move, so that their flow is one.
    """
    days = days_of("2026-09-07", 70)
    counts = pd.DataFrame(6, index=[f"r{number}" for number in range(8)], columns=days)
    thursdays = [days[place] for place in range(66 - 56, 67, 7)]
    counts.loc["r4"] = 0
    counts.loc["r4", thursdays] = [1, 2, 1, 2, 2, 10, 9, 11, 60]
    row = early_warnings(counts, [days[66]]).set_index("contact_reason").loc["r4"]
    assert pd.Timestamp(days[66]).day_name() == "Thursday"
    assert row["before"] == (1, 2, 1, 2, 2, 10, 9, 11)
    assert (row["expected"], row["flow"]) == (pytest.approx(4.75), pytest.approx(1.0))


def test_what_is_expected_is_scaled_by_how_the_other_reasons_went():
    days = days_of("2026-09-07", 70)
    counts = pd.DataFrame(10, index=[f"r{number}" for number in range(8)], columns=days)
    counts[days[66]] = 5
    counts.loc["r4", days[66]] = 40
    row = early_warnings(counts, [days[66]]).set_index("contact_reason").loc["r4"]
    assert (row["flow"], row["expected"]) == (pytest.approx(0.5), pytest.approx(5.0))


def test_a_rise_that_has_gone_on_for_weeks_is_no_news_of_a_day():
    rng = np.random.default_rng(17)
    days = days_of("2026-09-07", 70)
    counts = pd.DataFrame(rng.poisson(8, (8, 70)), index=[f"r{number}" for number in range(8)], columns=days)
    counts.loc["r4"] = rng.poisson(np.where(np.arange(70) < 42, 8, 24))
    assert "r4" not in set(early_warnings(counts, days[-7:])["contact_reason"])


def test_weeks_of_a_rise_that_are_no_part_of_what_is_expected_are_counted():
    counts = np.full((REASONS, 3, 9), 10)
    counts[2, :, 6:] = 40
    row = (
        weekly_movers(frame_of(counts, WEEKS), WEEKS[-1]).query("dimension == 'all' and contact_reason == 'r2'").iloc[0]
    )
    assert row["left_out"] == 2
    assert row["expected"] < 40
    others = weekly_movers(frame_of(counts, WEEKS), WEEKS[-1]).query(
        "contact_reason != 'r2' and contact_reason != 'all'"
    )
    assert (others["left_out"] == 0).all()


def test_days_are_counted_by_reason():
    tickets = pd.DataFrame({"day": ["2026-11-02", "2026-11-02", "2026-11-04"], "contact_reason": ["a", "a", None]})
    counts = daily_counts(tickets, days_of("2026-11-02", 3))
    assert counts.loc["a"].tolist() == [2, 0, 0]
    assert counts.loc[UNLABELLED].tolist() == [0, 0, 1]
