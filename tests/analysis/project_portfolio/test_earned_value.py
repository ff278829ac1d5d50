from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from opslib.analysis.project_portfolio.earned_value import (
    ALL_OR_NOTHING,
    LINEAR,
    REPORTED,
    earned_schedule,
    earned_value,
    indices,
)
from tests.analysis.project_portfolio.plans import office_days, plan_of, planned, task

LINEAR_PLAN = [10_000 * month for month in range(11)]


def test_the_toy_project_of_pra():
    """The worked project of the R package PRA, vignette evm: period 3, 35 % done, costs 9,000, 18,000 and 36,000."""
    bac, schedule = 100_000, [0.1, 0.2, 0.4, 0.7, 1.0]
    row = indices([bac * schedule[2]], [bac * 0.35], [9_000 + 18_000 + 36_000], [bac], all_estimates=True).iloc[0]
    assert row[["sv", "cv"]].tolist() == [-5_000, -28_000]
    assert row[["spi", "cpi", "tcpi"]].round(2).tolist() == [0.88, 0.56, 1.76]
    assert row[["eac", "eac_at_plan", "eac_of_both"]].round(2).tolist() == [180_000, 128_000, 196_714.29]
    assert row[["etc", "vac"]].round(6).tolist() == [117_000, -80_000]


@pytest.mark.parametrize(
    ("at", "ev", "ac", "expected"),
    [
        (4, 30_000, 35_000, (-5_000, -10_000, 6 / 7, 0.75, 700_000 / 6, 14 / 13, 3.0, 0.75, 40 / 3)),
        (4, 50_000, 45_000, (5_000, 10_000, 10 / 9, 1.25, 90_000, None, 5.0, 1.25, 8.0)),
        (5, 40_000, 38_000, (2_000, -10_000, 20 / 19, 0.8, 95_000, None, 4.0, 0.8, 12.5)),
        (10, 100_000, 110_000, (-10_000, 0, 10 / 11, 1.0, 110_000, None, 10.0, 1.0, 10.0)),
    ],
)
def test_the_worked_projects_of_pmcontrols(at: int, ev: int, ac: int, expected: tuple):
    """The validation cases of the Python package pmcontrols: 100,000 in ten equal months."""
    cv, sv, cpi, spi, eac, tcpi, es, spi_t, ieac_t = expected
    row = indices([LINEAR_PLAN[at]], [ev], [ac], [100_000]).iloc[0]
    assert row[["cv", "sv", "cpi", "spi", "eac"]].tolist() == pytest.approx([cv, sv, cpi, spi, eac])
    if tcpi is not None:
        assert row["tcpi"] == pytest.approx(tcpi)
    (periods,) = earned_schedule(LINEAR_PLAN, [ev])
    assert (periods, periods / at, 10 / (periods / at)) == pytest.approx((es, spi_t, ieac_t))


@pytest.mark.parametrize(
    ("pv", "ev", "es"),
    [
        (LINEAR_PLAN, 34_000, 3.4),
        ([0, 20, 50, 90, 140, 200], 70, 2.5),
        ([0, 30, 70, 120, 180, 250], 100, 2.6),
        ([0, 10, 10, 10, 30], 10, 1.0),
        ([0, 10, 10, 10, 30], 20, 3.5),
        ([0, 10, 30], 99, 2.0),
        ([0, 10, 30], 0, 0.0),
    ],
)
def test_earned_schedule_by_lipkes_interpolation(pv: list, ev: float, es: float):
    assert earned_schedule(pv, [ev]).tolist() == pytest.approx([es])


def two_tasks(**columns: object) -> list[dict]:
    """40 hours in the first week, 60 over the next two; the first took a week and a half and 50 hours."""
    return [
        task("A", **planned("2026-01-05", "2026-01-09"), started_on="2026-01-05", finished_on="2026-01-14")
        | {"budget_hours": 40, "actual_hours": 50},
        task("B", "A", **planned("2026-01-12", "2026-01-26"), budget_hours=60) | columns,
    ]


def test_value_by_week_from_dates_alone():
    """B has ten working days (one Monday is a holiday); it was started on the Thursday and is a quarter done."""
    plan = plan_of(*two_tasks(started_on="2026-01-15", percent_complete=25, actual_hours=20), as_of="2026-01-18")
    frame = earned_value(plan, office_days(plan))
    assert frame["status_on"].dt.strftime("%m-%d").tolist() == ["01-11", "01-18"]
    assert frame["pv"].tolist() == pytest.approx([40, 40 + 60 * 5 / 10])
    assert frame["ev"].tolist() == pytest.approx([40 * 5 / 8, 40 + 15])
    assert frame["ac"].tolist() == pytest.approx([50 * 5 / 8, 70])
    assert frame["ev_from"].tolist() == [LINEAR, REPORTED]
    assert frame["es_weeks"].tolist() == pytest.approx([25 / 40, 1 + 15 / 30])
    assert frame["spi_t"].tolist() == pytest.approx([25 / 40, 0.75])
    assert frame["pd_weeks"].tolist() == [4, 4]
    assert frame["ieac_t_weeks"].tolist() == pytest.approx([6.4, 16 / 3])
    # 37 1/3 days from Monday, January 5, the 38th of which is February 11.
    assert frame["ieac_t_on"].iloc[-1] == pd.Timestamp("2026-02-11")


def test_what_snapshots_reported_counts_before_what_dates_tell():
    plan = plan_of(*two_tasks(started_on="2026-01-15", percent_complete=25, actual_hours=20), as_of="2026-01-18")
    state = pd.DataFrame({"as_of": "2026-01-11", "task_id": ["A"], "percent_complete": [30.0], "actual_hours": [38.0]})
    frame = earned_value(plan, office_days(plan), snapshots=state)
    assert frame["ev"].tolist() == pytest.approx([12, 55])
    assert frame["ac"].tolist() == pytest.approx([38, 70])
    assert frame[["ev_from", "ac_from"]].to_numpy().ravel().tolist() == [REPORTED] * 4


def test_without_percentages_a_task_earns_nothing_until_it_is_finished():
    tasks = [{k: v for k, v in each.items() if k != "percent_complete"} for each in two_tasks(started_on="2026-01-15")]
    plan = plan_of(*tasks, as_of="2026-01-18")
    frame = earned_value(plan, office_days(plan))
    assert frame["ev"].tolist() == [0, 40]
    assert set(frame["ev_from"]) == {ALL_OR_NOTHING}


def test_what_the_export_lacks_is_missing_and_no_zero():
    no_hours = [{k: v for k, v in each.items() if k != "actual_hours"} for each in two_tasks(percent_complete=0)]
    plan = plan_of(*no_hours, as_of="2026-01-18")
    frame = earned_value(plan, office_days(plan))
    assert frame[["ac", "cpi", "eac", "etc", "vac", "tcpi"]].isna().all(axis=None)
    assert frame["spi"].notna().all()
    bare = plan_of(task("A", **planned("2026-01-05", "2026-01-09")), as_of="2026-01-18")
    assert len(earned_value(bare, office_days(bare))) == 0
    mixed = plan_of(*two_tasks(), task("C"), as_of="2026-01-18")
    assert earned_value(mixed, office_days(mixed))["tasks_without_budget"].tolist() == [1, 1]


def test_the_series_ends_with_the_week_in_which_all_was_earned():
    plan = plan_of(
        *two_tasks(started_on="2026-01-15", finished_on="2026-02-06", percent_complete=100, actual_hours=66),
        as_of="2026-05-03",
    )
    frame = earned_value(plan, office_days(plan))
    last = frame.iloc[-1]
    assert last["status_on"] == pd.Timestamp("2026-02-08")
    assert (last["ev"], last["pv"], last["spi"], last["es_weeks"], last["at_weeks"]) == (100, 100, 1.0, 4.0, 5.0)
    assert last["spi_t"] == 0.8  # late, though the SPI of its end is 1
    assert np.isnan(last["tcpi"])
