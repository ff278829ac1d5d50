"""Each week beside the one before, by group, against a slow twin that walks from ticket to ticket."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from opslib.analysis.weekly_review import breakdown

WEEKS = ["2026-W44", "2026-W45", "2026-W46"]


def times(seconds: list[int], ended: list[bool], *, week: str = "2026-W46") -> pd.DataFrame:
    return pd.DataFrame({"week": week, "team": "a", "channel": "chat", "seconds": seconds, "ended": ended})


def limit(seconds: float, week: str = "2026-W46") -> pd.DataFrame:
    return pd.DataFrame({"team": ["a"], "week": [week], "metric": ["first_reply_median"], "limit_seconds": [seconds]})


def test_a_ticket_that_may_still_make_it_counts_neither_way():
    pairs = breakdown.pair_within(
        times([10, 30, 5, 40], [True, True, False, False]), limit(20), WEEKS, by="channel"
    ).iloc[0]
    assert (pairs["numerator"], pairs["denominator"]) == (1, 3)
    assert (pairs["numerator_before"], pairs["denominator_before"]) == (0, 0)


def test_the_limit_of_a_week_is_what_the_week_before_reached():
    values = pd.DataFrame(
        {"week": WEEKS, "team": "a", "metric": "first_reply_median", "value": [60.0, np.nan, 90.0], "n": 3}
    )
    limits = breakdown.limits_of_the_week_before(values, WEEKS)
    assert limits.to_dict("records") == [
        {"team": "a", "week": "2026-W45", "metric": "first_reply_median", "limit_seconds": 60.0}
    ]


def test_a_group_that_only_one_week_has_counts_nothing_in_the_other():
    sums = pd.DataFrame(
        {
            "week": ["2026-W45", "2026-W46"],
            "team": "a",
            "metric": "csat",
            "by": "channel",
            "group": ["chat", "email"],
            "numerator": [3.0, 4.0],
            "denominator": [5.0, 6.0],
        }
    )
    pairs = breakdown.pair_weeks(sums, WEEKS).set_index(["week", "group"])
    assert pairs.loc[("2026-W46", "chat"), ["numerator_before", "numerator"]].tolist() == [3, 0]
    assert pairs.loc[("2026-W46", "email"), ["denominator_before", "denominator"]].tolist() == [0, 6]
    assert ("2026-W44", "chat") not in pairs.index


def test_sums_by_metric_and_group_leave_out_who_belongs_to_no_team():
    wide = pd.DataFrame(
        {
            "week": "2026-W46",
            "team": ["a", "a", None],
            "channel": ["chat", "email", "chat"],
            "contact_reason": ["x", "x", "x"],
            "csat|numerator": [1.0, 2.0, 9.0],
            "csat|denominator": [2.0, 2.0, 9.0],
            "csat|squares": 0.0,
        }
    )
    sums = breakdown.long_sums(wide, ["channel", "contact_reason"])
    by_group = {(row.by, row.group): (row.numerator, row.denominator) for row in sums.itertuples()}
    assert by_group == {("channel", "chat"): (1, 2), ("channel", "email"): (2, 2), ("contact_reason", "x"): (3, 4)}


@pytest.mark.parametrize("seed", range(8))
def test_shares_within_a_limit_are_those_of_a_walk_from_ticket_to_ticket(seed: int):
    rng = np.random.default_rng(seed)
    count = 200
    rows = pd.DataFrame(
        {
            "week": rng.choice(WEEKS, count),
            "team": rng.choice(["a", "b"], count),
            "channel": rng.choice(["chat", "email", "web"], count),
            "seconds": rng.integers(0, 50, count),
            "ended": rng.random(count) < 0.7,
        }
    )
    limits = pd.DataFrame(
        [(team, week, "m", float(rng.integers(5, 40))) for team in ("a", "b") for week in WEEKS[1:]],
        columns=["team", "week", "metric", "limit_seconds"],
    )
    pairs = breakdown.pair_within(rows, limits, WEEKS, by="channel")
    met, decided = Counter(), Counter()
    for limit_row in limits.itertuples():
        for row in rows[rows["team"] == limit_row.team].itertuples():
            side = {0: "now", 1: "before"}.get(WEEKS.index(limit_row.week) - WEEKS.index(row.week))
            if side is None or (not row.ended and row.seconds <= limit_row.limit_seconds):
                continue
            key = (limit_row.week, row.team, row.channel, side)
            decided[key] += 1
            met[key] += row.ended and row.seconds <= limit_row.limit_seconds
    counts = {}
    for row in pairs.itertuples():
        counts[(row.week, row.team, row.group, "now")] = (row.numerator, row.denominator)
        counts[(row.week, row.team, row.group, "before")] = (row.numerator_before, row.denominator_before)
    assert {key: value for key, value in counts.items() if value[1]} == {
        key: (met[key], decided[key]) for key in decided
    }
