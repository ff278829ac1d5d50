from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from opslib.settings import Organisation, WeeklyPlan
from opslib.weekly.plan import Job, PlanError, check_parameters, parameter_problems, parameters_of, plan
from tests.weekly.weekly_notebooks import PARAMETERS, write_notebook

CALENDAR = {"name": "always", "time_zone": "UTC", "hours": [{"from": "2020-01-01", "always": True}]}
ORGANISATION = Organisation.model_validate(
    {
        "organisation": "Test",
        "time_zone": "UTC",
        "calendars": [CALENDAR],
        "teams": [
            {"name": name, "label": name.upper(), "region": "us", "calendar": "always"}
            for name in ("alpha", "beta", "gamma")
        ],
    }
)
PLAN = WeeklyPlan.model_validate(
    {
        "notebooks": [
            {"notebook": "team/weekly_review"},
            {"notebook": "team/staffing_plan", "teams": ["gamma", "alpha"]},
            {"notebook": "org/stakeholder_update"},
        ]
    }
)


def test_every_notebook_is_planned_for_its_teams_in_the_order_of_the_organisation() -> None:
    assert [job.identifier for job in plan(PLAN, ORGANISATION, "2026-W46")] == [
        "2026-W46/alpha/weekly_review",
        "2026-W46/beta/weekly_review",
        "2026-W46/gamma/weekly_review",
        "2026-W46/alpha/staffing_plan",
        "2026-W46/gamma/staffing_plan",
        "2026-W46/org/stakeholder_update",
    ]


def test_asking_for_teams_leaves_out_the_other_teams_and_the_organisation() -> None:
    jobs = plan(PLAN, ORGANISATION, "2026-W46", ["gamma"])
    assert [job.identifier for job in jobs] == ["2026-W46/gamma/weekly_review", "2026-W46/gamma/staffing_plan"]


def test_an_unknown_team_is_named_with_what_there_is() -> None:
    with pytest.raises(PlanError, match=r"no team 'delta'.*alpha, beta, gamma"):
        plan(PLAN, ORGANISATION, "2026-W46", ["delta"])


def test_a_team_that_is_planned_for_but_does_not_exist_is_named() -> None:
    wrong = WeeklyPlan.model_validate({"notebooks": [{"notebook": "team/weekly_review", "teams": ["omega"]}]})
    with pytest.raises(PlanError, match="no team 'omega'"):
        plan(wrong, ORGANISATION, "2026-W46")


def test_a_plan_that_leaves_nothing_to_render_says_so() -> None:
    only_alpha = WeeklyPlan.model_validate({"notebooks": [{"notebook": "team/weekly_review", "teams": ["alpha"]}]})
    with pytest.raises(PlanError, match="nothing to render"):
        plan(only_alpha, ORGANISATION, "2026-W46", ["beta"])


PROJECTS = WeeklyPlan.model_validate(
    {
        "notebooks": [
            {"notebook": "project/status", "for": {"project": "running"}},
            {"notebook": "channel/calls", "for": {"channel": ["phone", "chat / web"]}},
            {"notebook": "team/weekly_review", "for": {"team": ["beta"]}},
        ]
    }
)


def test_a_notebook_runs_for_the_values_of_the_parameter_that_its_folder_is_named_after() -> None:
    jobs = plan(PROJECTS, ORGANISATION, "2026-W46", ranges={("project", "running"): ["PRJ-2", "../x", "lists"]})
    *projects, phone, chat, review = jobs
    assert [job.value for job in projects] == ["PRJ-2", "../x", "lists"]
    assert projects[0].identifier == "2026-W46/project/PRJ-2/status"
    assert phone.identifier == "2026-W46/channel/phone/calls"
    assert review.identifier == "2026-W46/beta/weekly_review"
    assert parameters_of(chat, {}) == {"week": "2026-W46", "channel": "chat / web"}
    folders = [job.folder.split("/") for job in [*projects, phone, chat]]
    assert {len(parts) for parts in folders} == {2}, "no value makes a folder of its own, or leaves its parameter's"
    assert not {".", "..", "lists", ""} & {parts[1] for parts in folders}
    assert len({job.identifier for job in jobs}) == len(jobs)
    assert [job.root for job in (phone, review)] == ["../../", "../"]


def test_values_that_a_run_does_not_know_yet_are_no_error_and_asking_for_a_team_leaves_them_out() -> None:
    assert [job.value for job in plan(PROJECTS, ORGANISATION, "2026-W46")[:2]] == ["phone", "chat / web"]
    assert [job.name for job in plan(PROJECTS, ORGANISATION, "2026-W46", ["beta"])] == ["weekly_review"]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"notebook": "project/status"}, "write `for: {project: …}`"),
        ({"notebook": "project/status", "for": {"team": "all"}}, "write `for: {project: …}`"),
        ({"notebook": "project/status", "for": {"project": "all", "team": "all"}}, "and nothing else"),
        ({"notebook": "channel/calls", "for": {"channel": "all"}}, "write a list of values"),
        ({"notebook": "team/weekly_review", "for": {"team": "running"}}, "write all or a list"),
        ({"notebook": "org/update", "for": {"team": "all"}}, "runs once for all"),
        ({"notebook": "team/weekly_review", "teams": "all", "for": {"team": "all"}}, "say the same"),
    ],
)
def test_what_a_notebook_cannot_range_over_is_refused(entry: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        WeeklyPlan.model_validate({"notebooks": [entry]})


def test_a_week_is_written_in_its_one_form() -> None:
    with pytest.raises(PlanError, match="2026-W46"):
        plan(PLAN, ORGANISATION, "2026-46")


def test_a_team_job_gets_week_and_team_and_an_organisation_job_the_week_alone() -> None:
    assert parameters_of(Job("team/a", "2026-W46", "alpha"), {"warehouse": "w"}) == {
        "warehouse": "w",
        "week": "2026-W46",
        "team": "alpha",
    }
    assert parameters_of(Job("org/a", "2026-W46"), {}) == {"week": "2026-W46"}


def test_parameters_that_fit_are_accepted(tmp_path: Path) -> None:
    write_notebook(tmp_path / "team/weekly_review.ipynb")
    check_parameters([Job("team/weekly_review", "2026-W46", "alpha")], tmp_path, {"warehouse": "/w"})


def test_an_unknown_parameter_is_refused_by_name(tmp_path: Path) -> None:
    """papermill itself only warns, and the notebook would quietly run with its default."""
    write_notebook(tmp_path / "team/weekly_review.ipynb")
    with pytest.raises(PlanError, match="weekly_review: it has no parameter 'warehose'; it has team, w"):
        check_parameters([Job("team/weekly_review", "2026-W46", "alpha")], tmp_path, {"warehose": "/w"})


def test_a_wrong_type_and_a_missing_parameter_are_refused_by_name(tmp_path: Path) -> None:
    write_notebook(
        tmp_path / "team/weekly_review.ipynb", parameters=PARAMETERS + "\nweeks: int = 13\nsource: str = None"
    )
    with pytest.raises(PlanError) as caught:
        check_parameters([Job("team/weekly_review", "2026-W46", "alpha")], tmp_path, {"weeks": "13"})
    assert "parameter 'weeks' takes int, not str ('13')" in str(caught.value)
    assert "parameter 'source' (str) is needed and not given" in str(caught.value)


@pytest.mark.parametrize(
    ("annotation", "default", "value", "fits"),
    [
        ("float", "0.5", 1, True),
        ("int", "1", True, False),
        ("bool", "False", "no", False),
        ("Optional[str]", "None", None, True),
        ("Optional[str]", "None", 3, False),
        ("None", '"text"', 3, False),
        ("None", "None", 3, True),
        ("Path", "None", "x", True),
    ],
)
def test_a_type_comes_from_the_annotation_else_from_the_default(
    annotation: str, default: str, value: object, fits: bool
) -> None:
    declared = {"x": {"name": "x", "inferred_type_name": annotation, "default": default}}
    assert (parameter_problems(declared, {"x": value}) == []) is fits


def test_a_notebook_that_is_not_there_or_has_no_parameters_is_named(tmp_path: Path) -> None:
    write_notebook(tmp_path / "team/bare.ipynb", parameters="# nothing")
    with pytest.raises(PlanError) as caught:
        check_parameters([Job("team/bare", "2026-W46", "a"), Job("team/gone", "2026-W46", "a")], tmp_path, {})
    assert "team/bare: it has no parameters" in str(caught.value)
    assert "team/gone: there is no" in str(caught.value)
    assert "there are team/bare" in str(caught.value)


def test_a_notebook_that_names_no_kernel_is_named(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "team/bare.ipynb")
    notebook = nbformat.read(path, as_version=4)
    del notebook.metadata["kernelspec"]
    nbformat.write(notebook, path)
    with pytest.raises(PlanError, match="team/bare: its parameters cannot be read"):
        check_parameters([Job("team/bare", "2026-W46", "a")], tmp_path, {})
