"""A day that was cut off is told from a quiet one by how likely chance is, at a stated rate of false alarms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy import stats

from opslib.intake.gate.few_rows import chance, cut_day_in_words, cut_days, relative_variance
from opslib.settings import Organisation
from opslib.weeks import monday_of, weeks_between

WEEKS = weeks_between("2025-W40", "2026-W12")
LAST = WEEKS[-1]
UNTIL = datetime(2026, 4, 1, tzinfo=UTC)
TEAMS = ("large", "small")
ORGANISATION = Organisation.model_validate(
    {
        "organisation": "Test support",
        "time_zone": "Europe/Berlin",
        "calendars": [
            {
                "name": "weekdays",
                "time_zone": "Europe/Berlin",
                "hours": [{"from": "2020-01-01", "days": {"mon-fri": ["09:00-17:00"]}}],
                "holidays": {"country": "DE", "closed": [{"on": "2026-03-20", "name": "Outing"}]},
            }
        ],
        "teams": [{"name": team, "label": team, "region": "EU", "calendar": "weekdays"} for team in TEAMS],
    }
)


def by_day(counts: Mapping[str, Iterable[float]], weeks: list[str] = WEEKS) -> pd.DataFrame:
    """Rows of each team, day after day from the first Monday on."""
    begin = monday_of(weeks[0])
    rows = [
        (team, begin + timedelta(days=place), int(count))
        for team, days in counts.items()
        for place, count in enumerate(days)
        if count
    ]
    return pd.DataFrame(rows, columns=["team", "day", "rows"])


def steady(last_week: Mapping[int, int]) -> pd.DataFrame:
    """A team of 25 a weekday and 4 a day at weekends, and one of two tickets a week that has none in the last."""
    large = np.tile([25, 26, 24, 25, 25, 4, 4], len(WEEKS))
    for weekday, count in last_week.items():
        large[-7 + weekday] = count
    small = np.tile([1, 0, 0, 1, 0, 0, 0], len(WEEKS))
    small[-7:] = 0
    return by_day({"large": large, "small": small})


def test_a_day_without_rows_and_one_with_next_to_none_are_cut_and_a_quiet_team_is_not() -> None:
    cut = cut_days(steady({1: 0, 3: 1}), [LAST], ORGANISATION, UNTIL)
    assert cut[["team", "day", "rows"]].to_numpy().tolist() == [
        ["large", date(2026, 3, 17), 0],
        ["large", date(2026, 3, 19), 1],
    ]
    assert [cut_day_in_words(each) for each in cut.itertuples()] == [
        "0 on Tue Mar 17, usually 26",
        "1 on Thu Mar 19, usually 25",
    ]


@pytest.mark.parametrize(
    "last_week",
    [
        pytest.param({4: 0}, id="a holiday of the team"),
        pytest.param({5: 0}, id="a weekend of four a day"),
        pytest.param({2: 15}, id="three fifths of the usual"),
        pytest.param(dict.fromkeys(range(5), 6), id="a week that is low as a whole"),
    ],
)
def test_what_is_no_cut(last_week: dict[int, int]) -> None:
    assert cut_days(steady(last_week), [LAST], ORGANISATION, UNTIL).empty


def test_a_day_that_has_not_ended_is_judged_by_the_part_of_it_that_has() -> None:
    counts = steady({3: 0})
    assert cut_days(counts, [LAST], ORGANISATION, datetime(2026, 3, 19, 8, tzinfo=UTC)).empty
    assert len(cut_days(counts, [LAST], ORGANISATION, datetime(2026, 3, 19, 21, tzinfo=UTC))) == 1


def test_the_chance_is_that_of_a_negative_binomial_with_a_mean_that_is_not_known() -> None:
    """Its variance is mean + (own + error of the mean) · mean², and the error is that of a mean of n such counts."""
    mean, own, past = 25.0, 0.05, 8
    variance = own + (1 / mean + own) / past
    size = 1 / variance
    expected = stats.nbinom.cdf([0, 5, 20], size, size / (size + mean))
    assert chance([0, 5, 20], mean, own, past) == pytest.approx(expected)


def test_the_variance_of_weekdays_does_not_count_busy_weeks() -> None:
    """Weeks that are busy as a whole say nothing of how much a day differs from the rest of its week."""
    rng = np.random.default_rng(3)
    weeks = np.where(np.arange(40) % 2, 1.4, 0.6)
    past = rng.poisson(100 * weeks, (1, 7, 40)).astype(float)
    everything = np.ones(past.shape, dtype=bool)
    assert relative_variance(past, everything)[0] == pytest.approx(0.01)
    assert relative_variance(past[:, :1], everything[:, :1])[0] > 0.1


@pytest.mark.parametrize(("mean", "of_days", "of_weeks"), [(3, 0.0, 0.0), (25, 0.1, 0.05), (100, 0.3, 0.0)])
def test_quiet_weeks_have_cut_days_at_no_more_than_the_stated_rate_and_empty_days_are_found(
    mean: float, of_days: float, of_weeks: float
) -> None:
    weeks = weeks_between("2020-W01", "2024-W20")
    open_always = ORGANISATION.model_copy(
        update={
            "calendars": (
                ORGANISATION.calendars[0].model_copy(update={"holidays": type(ORGANISATION.calendars[0].holidays)()}),
            )
        }
    )
    rng = np.random.default_rng(11)

    def around_one(variance: float, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
        return rng.gamma(1 / variance, variance, shape) if variance else np.ones(shape)

    rates = mean * around_one(of_days, (2, len(weeks), 7)) * around_one(of_weeks, (2, len(weeks), 1))
    counts = rng.poisson(rates * [1.2, 1.2, 1.1, 1.0, 1.0, 0.8, 0.7]).reshape(2, -1)
    judged = weeks[10:-2]
    cut = cut_days(by_day(dict(zip(TEAMS, counts, strict=True)), weeks), judged, open_always, UNTIL)
    # 0.01 of 217 weeks are 2.2; more than 7 come in one of 500 such runs.
    assert cut["week"].nunique() <= 7
    emptied = counts.copy()
    emptied[0, 7 * 11 + 2 :: 7 * 8] = 0
    found = cut_days(by_day(dict(zip(TEAMS, emptied, strict=True)), weeks), judged, open_always, UNTIL)
    power = found[found["rows"] == 0]["week"].nunique() / len(range(11, len(weeks) - 2, 8))
    assert power == 0 if mean < 5 else power > 0.7
