"""How often a week in which nothing is missing has a cut day, and how often a day without rows is found.

python benchmarks/cut_days.py            # 651 quiet weeks of four teams for each way in which counts vary
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.intake.gate.few_rows import cut_days
from opslib.settings import Organisation
from opslib.weeks import monday_of, weeks_between

TEAMS = ("one", "two", "three", "four")
WEEKS = weeks_between("2020-W01", "2024-W20")
WEEKDAYS = np.array([1.2, 1.2, 1.1, 1.05, 1.0, 0.75, 0.7])
UNTIL = datetime(2025, 1, 1, tzinfo=UTC)
ORGANISATION = Organisation.model_validate(
    {
        "organisation": "Benchmark",
        "time_zone": "UTC",
        "calendars": [{"name": "always", "time_zone": "UTC", "hours": [{"from": "2015-01-01", "always": True}]}],
        "teams": [{"name": team, "label": team, "region": "", "calendar": "always"} for team in TEAMS],
    }
)
CASES = [(0.3, 0.0, 0.0, 0.0), (3, 0.0, 0.0, 0.0), (25, 0.0, 0.0, 0.0), (25, 0.02, 0.0, 0.0), (25, 0.1, 0.0, 0.0)]
CASES += [(25, 0.1, 0.05, 0.0), (25, 0.3, 0.0, 0.0), (100, 0.02, 0.02, 0.03), (100, 0.1, 0.1, 0.05), (100, 0.3, 0, 0)]
"""Rows a day, the relative variance of days and of weeks, and the drift of a week."""


def around_one(rng: np.random.Generator, variance: float, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    return rng.gamma(1 / variance, variance, shape) if variance else np.ones(shape)


def counts_of(
    rng: np.random.Generator, mean: float, of_days: float, of_weeks: float, drift: float
) -> npt.NDArray[np.int64]:
    """Rows of each team, week and weekday."""
    trend = np.exp(np.cumsum(rng.normal(0, drift, (len(TEAMS), len(WEEKS), 1)), axis=1))
    days = around_one(rng, of_days, (len(TEAMS), len(WEEKS), 7))
    weeks = around_one(rng, of_weeks, (len(TEAMS), len(WEEKS), 1))
    counts: npt.NDArray[np.int64] = rng.poisson(mean * trend * days * weeks * WEEKDAYS)
    return counts


def by_day(counts: npt.NDArray[np.int64]) -> pd.DataFrame:
    begin = monday_of(WEEKS[0])
    flat = counts.reshape(len(TEAMS), -1)
    team, place = np.nonzero(flat)
    days = [begin + timedelta(days=int(each)) for each in place]
    return pd.DataFrame({"team": np.array(TEAMS, dtype=object)[team], "day": days, "rows": flat[team, place]})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    rng = np.random.default_rng(7)
    judged = WEEKS[10:-2]
    emptied = range(12, len(WEEKS) - 2, 9)
    print("rows a day, variance of days, of weeks, drift: weeks with a false cut day, empty days found")
    for case in CASES:
        false = found = 0
        for _ in range(repeats):
            counts = counts_of(rng, *case)
            false += cut_days(by_day(counts), judged, ORGANISATION, UNTIL)["week"].nunique()
            weekdays = rng.integers(0, 7, len(emptied))
            counts[0, list(emptied), weekdays] = 0
            cut = cut_days(by_day(counts), judged, ORGANISATION, UNTIL)
            days = {monday_of(WEEKS[w]) + timedelta(days=int(d)) for w, d in zip(emptied, weekdays, strict=True)}
            found += len(days & set(cut.loc[cut["team"] == TEAMS[0], "day"]))
        weeks, days_emptied = repeats * len(judged), repeats * len(emptied)
        print(f"{case}: {false} of {weeks} ({false / weeks:.2%}), {found} of {days_emptied}")


if __name__ == "__main__":
    main()
