from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from opslib.analysis.contact_drivers.follow_up import (
    ABOVE,
    BACK,
    FALSE_BACK_RATE,
    FELL,
    ROSE,
    UNKNOWN,
    WAITING,
    Levels,
    follow_up,
    levels_of,
    needed_weeks,
)
from opslib.weeks import shift_week, weeks_between

WEEK = "2026-W20"
AFTER = weeks_between(shift_week(WEEK, 1), shift_week(WEEK, 26))


def escalated(
    before: float, excess: float, *, error: float, dispersion: float = 1.0, **more: object
) -> dict[str, object]:
    row = {"escalated_week": WEEK, "before_per_week": before, "excess": excess, "dispersion": dispersion}
    return row | {"excess_low": excess - 1.96 * error, "excess_high": excess + 1.96 * error} | more


def weekly(*counts: float) -> pd.Series:
    return pd.Series(counts, index=AFTER[: len(counts)], dtype="float64")


@pytest.mark.parametrize(
    ("after", "state"),
    [
        ([], WAITING),
        ([12], UNKNOWN),
        ([12, 9, 10], BACK),
        ([24, 25, 24, 23], FELL),
        ([41, 38, 40, 39], ABOVE),
        ([60, 62, 58, 61], ABOVE),
        ([90, 95, 99, 91], ROSE),
    ],
)
def test_what_became_of_the_volume(after: list[int], state: str):
    outcome = follow_up(escalated(10.0, 30.0, error=5.0, dispersion=2.0), weekly(*after))
    assert outcome["state"] == state
    assert outcome["weeks_since"] == len(after)
    assert outcome["needed_weeks"] == 2


@pytest.mark.parametrize(("before", "excess", "dispersion"), [(2.0, 5.0, 1.0), (10.0, 10.0, 1.5), (40.0, 40.0, 3.0)])
def test_back_is_hardly_ever_said_of_what_is_as_high_as_when_it_was_escalated(
    before: float, excess: float, dispersion: float
):
    """In half a year of weekly looks, of levels that are themselves known to their error only."""
    rng = np.random.default_rng(3)
    error, paths, false_backs = float(np.sqrt(dispersion * (before + excess) / 3)), 60, 0
    for _ in range(paths):
        row = escalated(before, max(rng.normal(excess, error), error), error=error, dispersion=dispersion)
        mean = (before + excess) * np.ones(26)
        busy = rng.gamma(mean / max(dispersion - 1, 1e-9), max(dispersion - 1, 1e-9) / mean) if dispersion > 1 else 1.0
        counts = weekly(*rng.poisson(mean * busy))
        false_backs += any(follow_up(row, counts.iloc[:weeks])["state"] == BACK for weeks in range(1, 27))
    assert false_backs <= stats.binom.ppf(0.999, paths, FALSE_BACK_RATE)


def test_what_is_back_at_once_is_told_so_within_the_weeks_needed_in_four_cases_of_five():
    rng = np.random.default_rng(4)
    row = escalated(10.0, 15.0, error=3.0)
    needed = needed_weeks(levels_of(row))
    assert needed is not None
    told = [follow_up(row, weekly(*rng.poisson(10.0, needed)))["state"] == BACK for _ in range(150)]
    assert np.mean(told) >= 0.7


def test_the_weeks_needed_are_those_that_going_through_all_counts_gives():
    levels = Levels(before=10.0, excess=12.0, error=2.0, dispersion=1.0)
    power = [
        sum(stats.poisson.pmf(count, 10.0 * weeks) for count in range(500) if levels.is_below_half(count, weeks))
        for weeks in range(1, 14)
    ]
    assert needed_weeks(levels) == next(weeks for weeks, each in enumerate(power, 1) if each >= 0.8)


def test_of_a_level_that_is_known_the_chance_of_so_few_is_poissons():
    """Half of the excess of 20 above 5 is 15 a week, 30 in two; the chance of one look is 2.5%."""
    levels = Levels(before=5.0, excess=20.0, error=1e-9, dispersion=1.0)
    most = max(count for count in range(60) if stats.poisson.cdf(count, 30.0) <= 0.025)
    assert stats.poisson.cdf(most, 50.0) <= FALSE_BACK_RATE / 26
    assert levels.is_below_half(most, 2)
    assert not levels.is_below_half(most + 1, 2)


def test_a_fall_long_after_the_escalation_is_seen_by_the_latest_weeks():
    row = escalated(10.0, 30.0, error=4.0)
    outcome = follow_up(row, weekly(*[40] * 10, 10, 11, 9, 12))
    assert outcome["state"] == BACK
    assert outcome["latest_per_week"] == pytest.approx((10 + 11 + 9 + 12) / 4)


def test_a_quiet_team_is_not_taken_for_a_reason_that_is_back():
    """All of the team's tickets fall to a quarter, as at a year's end."""
    row = escalated(10.0, 30.0, error=4.0, others_per_week=400.0)
    counts = weekly(10, 10, 11, 9)
    assert follow_up(row, counts)["state"] == BACK
    assert follow_up(row, counts, weekly(*[100] * 4))["state"] != BACK


def test_weeks_since_tell_the_level_of_what_was_escalated_in_its_first_week():
    """Thirty more a week, give or take twelve: from it alone nothing can be told, with six weeks as high it can."""
    row = escalated(54.0, 30.0, error=12.0)
    assert needed_weeks(levels_of(row)) is None
    high = [84, 88, 80, 85, 90, 82]
    assert follow_up(row, weekly(*high))["state"] == ABOVE
    assert follow_up(row, weekly(*high, 55, 52, 54, 50, 56, 53))["state"] == BACK
    assert follow_up(row, weekly(*high, 84, 83, 85, 86, 80, 88))["state"] == ABOVE


def test_too_few_tickets_tell_nothing():
    outcome = follow_up(escalated(1.0, 1.0, error=0.5), weekly(*[1] * 20))
    assert (outcome["state"], outcome["needed_weeks"]) == (UNKNOWN, None)


def test_a_row_written_before_there_were_dispersions_is_followed_by_what_its_interval_implies():
    """An excess of 30 above 10, for one of thirteen weeks, at twice the variance of Poisson's."""
    error = np.sqrt(2.0 * (40.0 / 1 + 10.0 / 12))
    row = escalated(10.0, 30.0, error=error, onset_on="2026-05-11")
    assert levels_of(row | {"dispersion": None}).dispersion == pytest.approx(2.0, rel=0.01)
    assert levels_of(row | {"dispersion": None, "excess_low": np.nan}).dispersion == 1.0
    assert follow_up(row | {"dispersion": None}, weekly(10, 9, 12, 10, 11, 8))["state"] == BACK
