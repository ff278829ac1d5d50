from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from opslib.analysis.project_portfolio.snapshots import (
    forecast_calibration,
    plan_changes,
    scope_changes,
    tasks_known_on,
)
from tests.analysis.project_portfolio.plans import office_days, plan_of, planned, project, task

BEFORE, AFTER = "2026-01-11", "2026-01-18"


def changes(before: list[dict], after: list[dict], **projects: list[dict]) -> pd.DataFrame:
    earlier = plan_of(*before, as_of=BEFORE, projects=projects.get("was"))
    later = plan_of(*after, as_of=AFTER, projects=projects.get("now"))
    return plan_changes(earlier, later, office_days(later))


def shown(frame: pd.DataFrame) -> dict[tuple[str, str], tuple]:
    rows = frame.astype(object).where(frame.notna(), None)
    return {(row.task_id, row.change): (row.was, row.is_now, row.days, row.hours) for row in rows.itertuples()}


def test_each_kind_of_change_is_listed_with_what_was_and_what_is():
    one, two = planned("2026-01-05", "2026-01-14"), planned("2026-01-05", "2026-01-21")
    frame = changes(
        [
            task("due", **one),
            task("late", **planned("2026-01-05", "2026-01-09"), started_on="2026-01-05"),
            task("moved", **one),
            task("grown", likely_days=5, budget_hours=40),
            task("gone", budget_hours=16),
            task("forth", percent_complete=10),
            task("back", percent_complete=50),
            task("link"),
            task("given", owner="ann"),
            task("same", **two),
        ],
        [
            task("due", **one),
            task("late", **planned("2026-01-05", "2026-01-09"), started_on="2026-01-05", finished_on="2026-01-13"),
            task("moved", **two),
            task("grown", likely_days=8, budget_hours=60),
            task("new", budget_hours=24),
            task("forth", percent_complete=30, started_on="2026-01-12"),
            task("back", percent_complete=40),
            task("link", "same"),
            task("given", owner="bo"),
            task("same", **two),
        ],
    )
    assert shown(frame) == {
        ("due", "slipped"): ("2026-01-14", None, 2, None),
        ("late", "slipped"): ("2026-01-09", "2026-01-13", 2, None),
        ("moved", "re-baselined"): ("2026-01-14", "2026-01-21", 4, None),
        ("new", "added"): (None, None, None, 24),
        ("gone", "removed"): (None, None, None, -16),
        ("grown", "budget hours"): ("40", "60", None, 20),
        ("grown", "estimate"): ("5", "8", 3, None),
        ("link", "depends on"): (None, "same", None, None),
        ("given", "owner"): (None, None, None, None),
        ("back", "progress taken back"): ("50", "40", None, None),
        ("forth", "started"): (None, "2026-01-12", None, None),
        ("late", "finished"): (None, "2026-01-13", None, None),
        ("forth", "progress"): ("10", "30", None, None),
    }
    scope = scope_changes(frame).iloc[0]
    assert scope.drop("project_id").tolist() == [1, 1, 28, 3, 1]


def test_nothing_changed_gives_nothing():
    frame = changes([task("A", likely_days=3)], [task("A", likely_days=3)])
    assert len(frame) == 0
    assert len(scope_changes(frame)) == 0


def test_a_promised_date_that_moved_and_a_project_that_was_faulty():
    frame = changes(
        [task("A"), task("B", "B", project_id="Q")],
        [task("A"), task("B", project_id="Q")],
        was=[project(baseline_end_on="2026-02-06"), project("Q")],
        now=[project(baseline_end_on="2026-02-13"), project("Q")],
    )
    assert shown(frame) == {(None, "promised date"): ("2026-02-06", "2026-02-13", 5, None)}


def test_past_forecasts_are_held_against_what_came():
    past = pd.DataFrame(
        [
            ("2026-01-05", "P", "2026-01-30", "2026-02-02"),
            ("2026-01-12", "P", "2026-02-03", "2026-02-05"),
            ("2026-01-26", "P", "2026-02-05", "2026-02-06"),
            ("2026-01-05", "Q", "2026-01-15", "2026-01-20"),
            ("2026-01-05", "R", "2026-03-02", "2026-03-10"),
            ("2026-01-12", "R", "2026-02-27", "2026-03-06"),
            ("2026-01-26", "Q", "2026-01-16", "2026-01-16"),
        ],
        columns=["as_of", "project_id", "finish_50_on", "finish_80_on"],
    ).assign(promised_on=pd.Timestamp("2026-02-02"), chance=0.5)
    finishes = pd.DataFrame({"project_id": ["P", "Q"], "finished_on": ["2026-02-05", "2026-01-16"]})
    days = office_days(plan_of(task("A"), as_of="2026-03-31"))
    result = forecast_calibration(past, finishes, days)
    assert result.forecasts["error_days"].tolist() == [4, 2, 0, 1]
    assert result.forecasts["by_50"].tolist() == [False, False, True, False]
    assert result.forecasts["by_80"].tolist() == [False, True, True, True]
    drift = result.drift.set_index("project_id")
    assert drift["moved_days"].to_dict() == {"P": 4, "Q": 0, "R": -1}
    assert drift[["weeks_later", "weeks_earlier"]].to_numpy().tolist() == [[2, 0], [0, 0], [0, 1]]
    shares = result.shares.set_index("percent")
    assert shares["ended_by"].to_dict() == {50: 0, 80: 2}
    assert shares.loc[80, ["share", "low", "high"]].tolist() == pytest.approx([1.0, 0.342, 1.0], abs=0.001)


def test_without_ended_projects_nothing_is_said_of_how_right_forecasts_were():
    past = pd.DataFrame(
        {"as_of": ["2026-01-05"], "project_id": "P", "finish_50_on": "2026-02-02", "finish_80_on": "2026-02-06"}
    )
    result = forecast_calibration(
        past, pd.DataFrame({"project_id": [], "finished_on": []}), office_days(plan_of(task("A"), as_of="2026-03-31"))
    )
    assert len(result.forecasts) == 0
    assert result.shares["projects"].tolist() == [0, 0]
    assert result.shares["share"].isna().all()
    assert result.drift["forecasts"].tolist() == [1]


def test_what_was_known_on_an_earlier_day_is_what_dates_tell():
    tasks = pd.DataFrame(
        [
            task("done", started_on="2026-01-05", finished_on="2026-01-09", percent_complete=100, actual_hours=40),
            task("ran", started_on="2026-01-08", finished_on="2026-01-16", percent_complete=100, actual_hours=30),
            task("waited", started_on="2026-01-13", finished_on=None, percent_complete=20, actual_hours=5),
        ]
    )
    known = tasks_known_on(tasks, date(2026, 1, 11))
    assert known["started_on"].notna().tolist() == [True, True, False]
    assert known["finished_on"].notna().tolist() == [True, False, False]
    assert known["percent_complete"].fillna(-1).tolist() == [100, -1, 0]
    assert known["actual_hours"].fillna(-1).tolist() == [40, -1, 0]
    assert list(tasks_known_on(tasks[["task_id", "project_id"]], date(2026, 1, 11)).columns) == [
        "task_id",
        "project_id",
    ]
