"""The same week of last year and the quarter to date, counted by hand; nothing where the history lacks them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from opslib.analysis.weekly_review.year_and_quarter import week_of_last_year, year_and_quarter
from opslib.metrics import CATALOGUE
from opslib.weeks import weeks_of_quarter

QUARTER = ["2026-W40", "2026-W41", "2026-W42"]


def values() -> pd.DataFrame:
    """Three weeks of a quarter and the same week of last year: 20 tickets, 9 of 10, and a median."""
    rows = [("2025-W42", "created", 18.0, 18.0, np.nan)]
    for week, created, met, asked in zip(
        QUARTER, (20.0, 10.0, 30.0), (9.0, 4.0, 20.0), (10.0, 10.0, 20.0), strict=True
    ):
        rows += [
            (week, "created", created, created, np.nan),
            (week, "csat", met / asked, met, asked),
            (week, "first_reply_median", 3600.0, np.nan, np.nan),
            (week, "backlog_closing", 50.0, 50.0, np.nan),
        ]
    frame = pd.DataFrame(rows, columns=["week", "metric", "value", "numerator", "denominator"])
    return frame.assign(missing=pd.Series([None] * len(frame), dtype="str"))


def beside(frame: pd.DataFrame, week: str, **settings: object) -> pd.DataFrame:
    return year_and_quarter(frame, CATALOGUE, week, **settings).set_index("metric")


def test_counts_and_shares_of_a_quarter_are_sums_and_what_no_sum_tells_is_left_out():
    rows = beside(values(), "2026-W42")
    assert rows.loc["created", ["last_year", "quarter"]].tolist() == [18, 60]
    assert rows.loc["csat", "quarter"] == pytest.approx(33 / 40)
    assert rows.loc[["csat", "first_reply_median", "backlog_closing"], "last_year"].isna().all()
    assert rows.loc[["first_reply_median", "backlog_closing"], "quarter"].isna().all()


def test_the_first_week_of_a_quarter_and_one_with_a_gap_have_no_quarter():
    assert beside(values(), "2026-W40")["quarter"].isna().all()
    gap = values()[lambda rows: rows["week"] != "2026-W41"]
    assert beside(gap, "2026-W42")["quarter"].isna().all()
    cut = beside(values(), "2026-W42", incomplete=[("2026-W41", "created"), ("2025-W42", "created")])
    assert cut.loc["created"].isna().all()
    assert cut.loc["csat", "quarter"] == pytest.approx(33 / 40)


def test_weeks_belong_to_the_quarter_and_year_of_their_thursday():
    assert (weeks_of_quarter("2026-W53")[-1], weeks_of_quarter("2027-W01")[0]) == ("2026-W53", "2027-W01")
    assert [len(weeks_of_quarter(f"2026-W{week}")) for week in ("01", "14", "27", "40")] == [13, 13, 13, 14]
    assert weeks_of_quarter("2026-W27") == [f"2026-W{week}" for week in range(27, 40)]
    assert (week_of_last_year("2026-W46"), week_of_last_year("2026-W53")) == ("2025-W46", "2025-W52")
