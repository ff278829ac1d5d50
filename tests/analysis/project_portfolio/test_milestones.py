from __future__ import annotations

import pandas as pd

from opslib.analysis.project_portfolio.finish_forecast import finish_forecast
from opslib.analysis.project_portfolio.milestones import milestones
from tests.analysis.project_portfolio.plans import office_days, plan_of, planned, points, project, task


def test_overdue_milestones_come_first_then_those_of_the_next_four_weeks():
    plan = plan_of(
        task("A", **points(3, 3, 3), **planned("2026-01-07", "2026-01-09"), started_on="2026-01-07"),
        task("M1", **planned("2026-01-09", "2026-01-09"), **points(1, 1, 1), milestone=True),
        task("M2", "A", **planned("2026-01-14", "2026-01-14"), milestone=True),
        task("M3", "M2", **planned("2026-03-02", "2026-03-02"), milestone=True),
        task("M4", **planned("2026-01-08", "2026-01-08"), milestone=True, finished_on="2026-01-08"),
        task("Q1", **points(2, 9, 30), project_id="Q"),
        projects=[project("P"), project("Q", baseline_end_on="2026-01-22")],
        as_of="2026-01-11",
    )
    days = office_days(plan)
    frame = milestones(plan, finish_forecast(plan, days))
    shown = frame[["project_id", "kind", "task_id", "state"]].astype(object).fillna("").to_numpy().tolist()
    assert shown == [
        ["P", "milestone", "M1", "overdue"],
        ["P", "milestone", "M2", "due"],
        ["Q", "promised date", "", "due"],
        ["P", "milestone", "M3", "later"],
        ["P", "promised date", "", "later"],
        ["P", "milestone", "M4", "reached"],
    ]
    assert frame["days"].tolist() == [-2, 3, 11, 50, 50, -3]
    assert frame["chance"].iloc[[0, 3, 5]].tolist() == [0, 1, 1]
    assert 0.5 < frame["chance"].iloc[1] < 1  # A goes on although it has had its three days
    assert 0.2 < frame["chance"].iloc[2] < 0.6
    assert frame["reached_on"].iloc[-1] == pd.Timestamp("2026-01-08")
    assert frame["reached_on"].iloc[:-1].isna().all()


def test_without_a_column_of_milestones_the_promised_dates_are_left():
    projects = [project("P"), project("Q", baseline_end_on="2026-01-02")]
    plan = plan_of(task("A", likely_days=3, finished_on=None), projects=projects)
    frame = milestones(plan, finish_forecast(plan, office_days(plan)))
    assert frame[["project_id", "state"]].to_numpy().tolist() == [["Q", "overdue"], ["P", "undated"]]
    assert frame["chance"].isna().all()


def test_nothing_is_overdue_where_the_export_tells_no_progress():
    plan = plan_of(task("A", likely_days=3), projects=[project("Q", baseline_end_on="2026-01-02")])
    frame = milestones(plan, finish_forecast(plan, office_days(plan)))
    assert frame[["project_id", "state"]].to_numpy().tolist() == [["Q", "not told"]]
