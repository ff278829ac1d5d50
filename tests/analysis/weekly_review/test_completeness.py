"""Where an export begins and breaks off, told from made-up arrivals; quiet teams are let be."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from opslib.analysis.weekly_review.completeness import (
    COLUMNS,
    days_until_whole,
    reasons,
    silences,
    start_of_export,
)
from opslib.weeks import monday_of, weeks_between

WEEKS = weeks_between("2026-W01", "2026-W20")
STARTS = pd.to_datetime([monday_of(week) for week in WEEKS], utc=True)
FRAME = pd.DataFrame({"week": WEEKS, "start_at": STARTS, "end_at": STARTS + pd.Timedelta(weeks=1)})
END = STARTS[-1] + pd.Timedelta(weeks=1)
DAY = 86_400


def marked(rows: pd.DataFrame) -> dict[str, list[str]]:
    return {str(scope): part["week"].tolist() for scope, part in rows.groupby("scope")}


def start(created: list[int], days: float | None) -> pd.DataFrame:
    return start_of_export(created, FRAME, first_at=STARTS[0], days=days, low_share=0.4)


def test_the_backlog_is_whole_when_nineteen_of_twenty_tickets_are_solved():
    seconds = [float(day * DAY) for day in range(1, 21)]
    lifetimes = pd.DataFrame({"seconds": seconds, "ended": True})
    assert days_until_whole(lifetimes) == pytest.approx(19.5, abs=0.51)


def test_tickets_that_live_longer_than_the_export_never_make_it_whole():
    lifetimes = pd.DataFrame({"seconds": [DAY, 2 * DAY, 30 * DAY, 30 * DAY], "ended": [True, True, False, False]})
    assert days_until_whole(lifetimes.astype({"seconds": "float64"})) is None


def test_an_export_that_tells_of_no_solve_says_nothing_of_lifetimes():
    assert days_until_whole(pd.DataFrame({"seconds": [5.0], "ended": [False]})) == 0


def test_two_weeks_at_least_and_then_as_long_as_the_backlog_takes():
    assert marked(start([100] * 20, 5.0)) == {"all": WEEKS[:2]}
    assert marked(start([100] * 20, 25.0)) == {"all": WEEKS[:2], "backlog": WEEKS[2:4]}


def test_a_backlog_that_never_is_whole_is_marked_in_every_week():
    rows = start([100] * 20, None)
    assert marked(rows) == {"all": WEEKS[:2], "backlog": WEEKS[2:]}
    assert not rows["whole"].any()


def test_an_export_of_what_changed_since_a_day_has_its_backlog_from_the_first_full_week_on():
    """Seven weeks of which only what lived so long is there; W08 is the first full one, and begins in the middle."""
    rows = start([1, 2, 2, 3, 6, 9, 14, 100, *[100] * 12], 25.0)
    assert marked(rows) == {"all": WEEKS[:8]}


def test_a_first_week_of_which_a_day_is_there_is_no_older_history():
    assert marked(start([15, *[100] * 19], 25.0)) == {"all": WEEKS[:2], "backlog": WEEKS[2:4]}


def arrivals(team: str, per_day: float, *, days: int = 140, seed: int = 1) -> pd.DataFrame:
    """Tickets by chance around the clock from the first Monday on."""
    rng = np.random.default_rng(seed)
    seconds = np.sort(rng.uniform(0, days * DAY, rng.poisson(per_day * days)))
    at = (STARTS[0] + pd.to_timedelta(seconds.astype("int64"), unit="s")).as_unit("us")
    return pd.DataFrame({"team": team, "at": at})


def lacking(rows: pd.DataFrame) -> dict[str, list[str]]:
    """The weeks of each team that lack tickets."""
    return {str(team): part["week"].tolist() for team, part in silences(rows, FRAME, END, rate=0.01).groupby("team")}


def without(rows: pd.DataFrame, first_day: float, last_day: float) -> pd.DataFrame:
    day = (rows["at"] - STARTS[0]) / pd.Timedelta(days=1)
    return rows[(day < first_day) | (day >= last_day)]


def test_a_team_whose_tickets_end_before_the_export_is_not_complete_from_there():
    """Nothing of it after the last Thursday at noon."""
    rows = silences(without(arrivals("big", 25), 136.5, 140), FRAME, END, rate=0.01)
    assert rows["ends_at"].isna().tolist() == [True]
    assert rows["begins_at"].iloc[0].day_name() == "Thursday"
    assert rows["week"].tolist() == ["2026-W20"]


def test_a_day_that_is_missing_inside_is_found_and_so_is_the_second_one():
    assert lacking(without(arrivals("big", 25), 78, 79)) == {"big": ["2026-W12"]}
    assert lacking(without(without(arrivals("big", 25), 78, 79), 92, 93)) == {"big": ["2026-W12", "2026-W14"]}


def test_weeks_in_which_nothing_comes_are_not_complete():
    lacks = lacking(without(arrivals("big", 25), 115, 140))
    assert lacks == {"big": ["2026-W17", "2026-W18", "2026-W19", "2026-W20"]}


def test_a_team_that_rests_from_friday_to_sunday_every_week_is_let_be():
    rows = arrivals("big", 25)
    assert lacking(rows[rows["at"].dt.day_of_week < 4]) == {}


def test_a_small_team_that_has_a_quiet_week_is_let_be():
    assert lacking(without(arrivals("small", 2 / 7), 126, 137)) == {}


def test_the_silence_of_a_small_team_is_told_as_soon_as_it_is_no_chance():
    """Nothing after the last Tuesday at noon: of 20 tickets a week it is told, of 5 a week nobody can say."""
    assert lacking(without(arrivals("twenty", 20 / 7), 134.5, 140)) == {"twenty": ["2026-W20"]}
    assert lacking(without(arrivals("five", 5 / 7), 134.5, 140)) == {}


def test_teams_of_any_size_that_nothing_is_wrong_with_are_let_be():
    rows = pd.concat([arrivals(f"{size}-{seed}", size, seed=seed) for size in (0.3, 2, 25) for seed in range(25)])
    assert lacking(rows) == {}


def team_rows(*cells: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame([(week, "a", scope, reason) for week, scope, reason in cells], columns=COLUMNS)


def test_a_reader_is_told_of_the_weeks_shown_and_from_when_on_numbers_can_be_trusted():
    rows = team_rows(
        *((week, "all", "the start") for week in WEEKS[:2]),
        *((week, "backlog", "the start") for week in WEEKS[2:4]),
        (WEEKS[15], "all", "a gap; another"),
    )
    early, late = reasons(rows, WEEKS, WEEKS[9], 13), reasons(rows, WEEKS, WEEKS[18], 13)
    assert early.to_dict("records") == [
        {
            "reason": "the start",
            "weeks": WEEKS[:2],
            "begins": True,
            "trusted_from": WEEKS[2],
            "backlog_trusted_from": WEEKS[4],
        }
    ]
    assert late["reason"].tolist() == ["a gap", "another"]
    assert reasons(rows, WEEKS, WEEKS[14], 10).empty


def test_what_never_is_whole_is_trusted_from_no_week_on():
    rows = team_rows((WEEKS[0], "all", "the start"), *((week, "backlog", "the start") for week in WEEKS[1:]))
    row = reasons(rows, WEEKS, WEEKS[18], 13).iloc[0]
    assert row["trusted_from"] == WEEKS[1]
    assert row["backlog_trusted_from"] is None
