from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from opslib.analysis.project_portfolio.finish_forecast import finish_forecast
from opslib.analysis.project_portfolio.workload import overload, remaining_hours, task_load, workload
from tests.analysis.project_portfolio.plans import office_days, plan_of, planned, points, project, task


def test_remaining_hours_are_the_budget_that_is_not_complete():
    plan = plan_of(
        task("A", budget_hours=100, percent_complete=68, actual_hours=146),
        task("B", budget_hours=60),
        task("C", budget_hours=40, actual_hours=50, started_on="2026-01-02"),
        task("D", budget_hours=30, started_on="2026-01-02", finished_on="2026-01-02"),
        task("E"),
    )
    assert remaining_hours(plan)[:4].tolist() == pytest.approx([32, 60, 0, 0])
    assert np.isnan(remaining_hours(plan)[4])


def test_hours_are_spread_over_the_working_days_of_all_projects_and_overload_is_named():
    """Ann: 60 hours in the first two weeks (ten days) and 20 in the second; the third has a holiday on its Monday."""
    plan = plan_of(
        task("A", **points(10, 10, 10), budget_hours=60, owner="ann"),
        task("B", **planned("2026-01-12", "2026-01-16"), budget_hours=20, owner="ann", project_id="Q"),
        task("C", "A", **points(8, 8, 8), budget_hours=80),
        task("D", **points(1, 1, 1), budget_hours=5, project_id="R"),
        projects=[project("P", owner="bo"), project("Q"), project("R", owner=None)],
    )
    days = office_days(plan)
    load = task_load(plan, days)
    assert load["hours"].sum() == pytest.approx(165)
    weeks = workload(load, days)
    hours = weeks.set_index(["owner", "week"])["hours"].to_dict()
    assert hours == pytest.approx(
        {
            ("ann", "2026-W02"): 30,
            ("ann", "2026-W03"): 50,
            ("bo", "2026-W04"): 40,
            ("bo", "2026-W05"): 40,
        }
    )
    assert weeks["capacity_hours"].tolist() == [40, 40, 32, 40]
    over = overload(weeks)
    assert over[["owner", "first_week", "weeks", "week_names"]].to_numpy().tolist() == [
        ["ann", "2026-W03", 1, "2026-W03"],
        ["bo", "2026-W04", 1, "2026-W04"],
    ]
    assert over["over_hours"].tolist() == pytest.approx([10, 8])
    less = pd.DataFrame({"owner": ["ann"], "week": ["2026-W02"], "hours": [10.0]})
    assert overload(workload(load, days, capacity=less))["over_hours"].tolist() == pytest.approx([30, 8])
    assert len(overload(workload(load, days, hours_a_week=60))) == 0


def test_the_dates_of_a_forecast_count_where_there_are_some():
    plan = plan_of(task("A", **points(5, 5, 5), budget_hours=40), task("B", "A", **points(5, 5, 5), budget_hours=10))
    days = office_days(plan)
    forecast = finish_forecast(plan, days).tasks
    forecast.loc[1, "finish_50_on"] = pd.Timestamp("2026-01-23")
    hours = task_load(plan, days, forecast=forecast).groupby("week")["hours"].sum()
    # B has nine working days now, of which five are in its first week.
    assert hours.to_dict() == pytest.approx({"2026-W02": 40, "2026-W03": 50 / 9, "2026-W04": 40 / 9})


def test_hours_below_none_are_no_capacity():
    plan = plan_of(task("A", likely_days=1, budget_hours=8))
    with pytest.raises(ValueError, match="hours_a_week"):
        workload(task_load(plan, office_days(plan)), office_days(plan), hours_a_week=-1)
