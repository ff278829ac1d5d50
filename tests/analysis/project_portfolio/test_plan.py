from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from opslib.analysis.project_portfolio.plan import PROBLEMS, Plan, read_plan
from tests.analysis.project_portfolio.plans import plan_of, planned, points, project, task

DONE = {"started_on": "2026-01-05", "finished_on": "2026-01-06", "percent_complete": 100}


def problems(plan: Plan) -> dict[tuple[str, str], str]:
    return {(row.project_id, row.problem): row.task_ids for row in plan.problems.itertuples()}


FAULTS = [
    ("circle", [task("A", "C"), task("B", "A"), task("C", "B"), task("D", "C")], "A; B; C"),
    ("circle", [task("A", "A"), task("B", "A")], "A"),
    ("dangling reference", [task("A", "X; B"), task("B")], "A"),
    ("same id", [task("A"), task("A"), task("B")], "A; A"),
    ("planned end before start", [task("A", **planned("2026-01-09", "2026-01-08"))], "A"),
    ("percent outside 0 to 100", [task("A", percent_complete=101), task("B", percent_complete=-1)], "A; B"),
]
DOUBTS = [
    ("finish before start", task("A", started_on="2026-01-09", finished_on="2026-01-08")),
    ("negative hours", task("A", budget_hours=-1)),
    ("hours before the start", task("A", actual_hours=3)),
    ("estimates out of order", task("A", **points(5, 4, 9))),
    ("dated in the future", task("A", started_on="2026-01-09", finished_on="2026-02-02", percent_complete=100)),
    ("finished below 100 percent", task("A", **DONE | {"percent_complete": 90})),
    ("100 percent without a finish", task("A", started_on="2026-01-05", percent_complete=100)),
    ("progress without a start", task("A", percent_complete=10)),
    ("out of sequence", task("A", "B", started_on="2026-01-05")),
]


@pytest.mark.parametrize(("problem", "tasks", "named"), FAULTS)
def test_an_error_lists_its_tasks_and_leaves_the_other_projects_whole(problem: str, tasks: list, named: str):
    plan = plan_of(
        *tasks, task("Z1", project_id="Q"), task("Z2", "Z1", project_id="Q"), projects=[project(), project("Q")]
    )
    assert problems(plan) == {("P", problem): named}
    assert plan.problems["severity"].tolist() == ["error"]
    assert plan.tasks["task_id"].tolist() == ["Z1", "Z2"]
    assert plan.network.predecessors == [[], [0]]
    assert plan.projects["has_numbers"].tolist() == [False, True]


@pytest.mark.parametrize(("problem", "doubtful"), DOUBTS, ids=lambda each: each if isinstance(each, str) else "")
def test_a_warning_lists_its_task_and_its_project_keeps_its_numbers(problem: str, doubtful: dict):
    plan = plan_of(doubtful, task("B"), as_of="2026-01-11")
    assert ("P", problem) in problems(plan)
    assert problems(plan)["P", problem] == "A"
    assert set(plan.problems["severity"]) == {"warning"}
    assert plan.tasks["task_id"].tolist() == ["A", "B"]


def test_a_message_says_which_tasks_and_what_to_do():
    plan = plan_of(task("A", "X9;X10"), *(task(f"B{n}", percent_complete=120) for n in range(7)))
    says = dict(zip(plan.problems["problem"], plan.problems["says"], strict=True))
    assert says["dangling reference"] == (
        "Tasks wait for a task that is not in the plan: Task A (A); it is not there: X9, X10. "
        "Add it, or take it out of depends_on."
    )
    assert says["percent outside 0 to 100"].startswith(
        "Tasks have a percent_complete below 0 or above 100: Task B0 (B0)"
    )
    assert "Task B4 (B4) and 2 more. Write a number" in says["percent outside 0 to 100"]


def test_hours_without_a_task_and_a_project_nobody_owns_are_warnings():
    plan = plan_of(
        task("A"),
        {"task_id": None, "project_id": "P", "name": None, "actual_hours": 7.5},
        projects=[project(owner=None), project("Q", budget_hours=80, owner="  ")],
    )
    assert problems(plan) == {
        ("P", "hours without a task"): "",
        ("Q", "hours without a task"): "",
        ("P", "nobody owns it"): "",
        ("Q", "nobody owns it"): "",
        ("Q", "no tasks"): "",
    }
    assert plan.problems["says"].str.contains("7.5 hours belong to no task").any()
    assert plan.problems["says"].str.contains("budget of 80 hours has no task").any()


def test_a_task_of_no_project_is_an_error_under_the_name_that_it_gives():
    plan = plan_of(task("A"), task("B", project_id="ghost"))
    assert problems(plan) == {("ghost", "no such project"): "B"}
    assert plan.tasks["task_id"].tolist() == ["A"]


def test_a_project_that_stands_in_two_rows_is_an_error():
    plan = plan_of(task("A"), task("B", project_id="Q"), projects=[project(), project(), project("Q")])
    assert problems(plan) == {("P", "same project id"): ""}
    assert plan.tasks["task_id"].tolist() == ["B"]


@pytest.mark.parametrize("kind", ["date", "arrow", "object"])
def test_tables_are_read_in_whatever_type_their_columns_come(kind: str):
    """Parquet's dates, pandas' nullable numbers and plain objects tell the same."""
    tasks = pd.DataFrame(
        [
            task(n, d, started_on=date(2026, 1, 5), finished_on=f, percent_complete=100.0 if f else None)
            for n, d, f in [("A", "", date(2026, 1, 6)), ("B", "A", None)]
        ]
    )
    if kind == "arrow":
        tasks = tasks.convert_dtypes(dtype_backend="pyarrow")
    elif kind == "object":
        tasks = tasks.astype(object)
    plan = read_plan(pd.DataFrame([project()]), tasks, as_of=date(2026, 1, 11))
    assert problems(plan) == {("P", "out of sequence"): "B"}
    assert plan.tasks["finished_on"].isna().tolist() == [False, True]
    assert plan.tasks["is_done"].tolist() == [True, False]


def test_a_project_that_waits_for_a_faulty_one_has_no_numbers_either():
    plan = plan_of(
        task("A", "A"),
        task("B", "A", project_id="Q"),
        task("C", "B", project_id="R"),
        task("D", project_id="S"),
        projects=[project(each) for each in "PQRS"],
    )
    assert problems(plan) == {
        ("P", "circle"): "A",
        ("Q", "waits for a faulty project"): "B",
        ("R", "waits for a faulty project"): "C",
    }
    assert plan.tasks["task_id"].tolist() == ["D"]


def test_columns_that_the_export_lacks_are_named_and_null():
    plan = plan_of(task("A"), projects=[{"project_id": "P", "name": "P", "stage": "running"}])
    assert len(plan.problems) == 0
    assert {"projects.owner", "project_tasks.budget_hours", "project_tasks.milestone"} <= set(plan.missing)
    assert "project_tasks.depends_on" not in plan.missing
    assert plan.tasks[["budget_hours", "started_on", "owner"]].isna().all(axis=None)


@pytest.mark.parametrize(("told", "expected"), [([True, False], [True, False]), (["yes", None], [True, False])])
def test_a_milestone_is_marked_by_true_or_by_any_word_but_no(told: list, expected: list):
    plan = plan_of(task("A", milestone=told[0]), task("B", milestone=told[1]))
    assert plan.tasks["milestone"].tolist() == expected


def test_a_finish_after_the_last_day_known_has_not_happened():
    plan = plan_of(task("A", started_on="2026-01-06", finished_on="2026-01-20"), as_of="2026-01-11")
    assert plan.tasks["started_on"].notna().all()
    assert plan.tasks["finished_on"].isna().all()
    assert not plan.tasks["is_done"].any()


def test_an_empty_plan_is_read():
    plan = plan_of(projects=[project()])
    assert problems(plan) == {("P", "no tasks"): ""}
    assert pd.isna(plan.projects.loc[0, "budget_hours"])


def test_every_problem_has_a_severity_and_says_what_to_do():
    assert {kind.severity for kind in PROBLEMS.values()} == {"error", "warning"}
    assert all(kind.ask.endswith(".") for kind in PROBLEMS.values())
