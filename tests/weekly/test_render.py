"""Real kernels: one run of all kinds of jobs, looked at from several sides."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from opslib.weekly.outcome import Event, Outcome
from opslib.weekly.plan import Job, PlanError
from opslib.weekly.render import run, warm
from tests.weekly.weekly_notebooks import HEADLINE, edition, write_notebook

WEEK = "2026-W46"
JOBS = [
    Job("team/ready", WEEK, "us-general"),
    Job("team/failing", WEEK, "us-general"),
    Job("team/empty", WEEK, "us-general"),
    Job("team/ready", WEEK, "us-safety"),
    Job("team/dying", WEEK, "us-general"),
]


@dataclass
class MixedRun:
    outcomes: dict[str, Outcome]
    events: list[Event]
    reports: Path
    notebooks: Path


@pytest.fixture(scope="module")
def mixed_run(tmp_path_factory: pytest.TempPathFactory) -> MixedRun:
    folder = tmp_path_factory.mktemp("run")
    notebooks, reports = folder / "notebooks", folder / "reports"
    here = "import os\nprint('in', os.getcwd(), 'for', team, week, warehouse)"
    write_notebook(notebooks / "team/ready.ipynb", here, HEADLINE.replace("STATUS", '"ready"'))
    write_notebook(notebooks / "team/empty.ipynb", HEADLINE.replace("STATUS", '"no_data"'))
    write_notebook(
        notebooks / "team/failing.ipynb", "column = 'solved_at'", "raise ValueError(f'no column <{column}>')"
    )
    write_notebook(notebooks / "team/dying.ipynb", "import os, signal", "os.kill(os.getpid(), signal.SIGKILL)")
    events: list[Event] = []
    outcomes = run(
        JOBS,
        notebooks=notebooks,
        reports=reports,
        edition=edition(),
        parameters={"warehouse": "/somewhere"},
        blocked={"us-safety": ["tickets end on Thursday"]},
        workers=2,
        on_event=events.append,
    )
    assert [outcome.job for outcome in outcomes] == JOBS
    return MixedRun({outcome.job.identifier: outcome for outcome in outcomes}, events, reports, notebooks)


def outcome_of(mixed_run: MixedRun, name: str, team: str = "us-general") -> Outcome:
    return mixed_run.outcomes[f"{WEEK}/{team}/{name}"]


def test_a_notebook_runs_in_its_folder_with_its_parameters(mixed_run: MixedRun) -> None:
    outcome = outcome_of(mixed_run, "ready")
    assert outcome.status == "ready"
    assert outcome.path == mixed_run.reports / WEEK / "us-general" / "ready.html"
    expected = f"in {(mixed_run.notebooks / 'team').resolve()} for us-general {WEEK} /somewhere"
    assert expected in outcome.path.read_text(encoding="utf-8")


def test_the_headline_comes_out_of_the_notebook(mixed_run: MixedRun) -> None:
    assert [(item["label"], item["value"], item["change"]) for item in outcome_of(mixed_run, "ready").headline] == [
        ("Created", "12", "+3")
    ]


def test_a_team_without_data_is_told_apart(mixed_run: MixedRun) -> None:
    assert outcome_of(mixed_run, "empty").status == "no_data"


def test_a_failed_notebook_gives_a_page_that_says_what_happened_and_where(mixed_run: MixedRun) -> None:
    outcome = outcome_of(mixed_run, "failing")
    assert outcome.status == "failed"
    assert outcome.error == "ValueError: no column <solved_at>"
    html = outcome.path.read_text(encoding="utf-8")
    assert html.index("ValueError: no column &lt;solved_at&gt;") < html.index("<summary>Traceback</summary>")
    assert "<strong>What happened?</strong>" in html
    assert "raise ValueError" in html
    assert "\x1b" not in html


def test_a_notebook_that_loses_its_kernel_fails_alone(mixed_run: MixedRun) -> None:
    outcome = outcome_of(mixed_run, "dying")
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert outcome.error.startswith("Kernel lost: cell 5 ")
    assert outcome.path.is_file()


def test_a_blocked_team_is_not_run_and_its_page_says_why(mixed_run: MixedRun) -> None:
    outcome = outcome_of(mixed_run, "ready", "us-safety")
    assert (outcome.status, outcome.error) == ("blocked", "tickets end on Thursday")
    html = outcome.path.read_text(encoding="utf-8")
    assert "tickets end on Thursday" in html
    assert 'href="../data_quality.html"' in html
    assert "there is no good page of an earlier week" in html
    assert outcome.job not in [event.job for event in mixed_run.events if event.kind == "started"]


def test_each_job_is_announced_once_when_done(mixed_run: MixedRun) -> None:
    jobs = [event.job for event in mixed_run.events if event.kind == "done"]
    assert sorted(jobs, key=str) == sorted(JOBS, key=str)
    assert all((event.outcome is None) == (event.kind == "started") for event in mixed_run.events)


def test_nothing_is_left_beside_the_pages(mixed_run: MixedRun) -> None:
    assert {path.name for path in mixed_run.reports.rglob("*") if path.is_file()} == {
        "ready.html",
        "empty.html",
        "failing.html",
        "dying.html",
    }
    assert not list(mixed_run.notebooks.rglob("*.json"))
    assert os.getcwd() != str(mixed_run.notebooks / "team")


def test_parameters_are_refused_before_anything_runs(tmp_path: Path) -> None:
    write_notebook(tmp_path / "notebooks/team/ready.ipynb", "1")
    with pytest.raises(PlanError, match="no parameter 'warehose'"):
        run(
            [Job("team/ready", WEEK, "us-general")],
            notebooks=tmp_path / "notebooks",
            reports=tmp_path / "reports",
            edition=edition(),
            parameters={"warehose": "/somewhere"},
            blocked={},
            workers=1,
            on_event=lambda event: None,
        )
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize("blocked", [{"*": ["no tickets at all"]}, {"us-general": ["none"], "us-safety": ["none"]}])
def test_a_report_about_all_teams_is_blocked_where_no_team_is_left(
    tmp_path: Path, blocked: dict[str, list[str]]
) -> None:
    jobs = [Job("team/ready", WEEK, "us-general"), Job("org/update", WEEK)]
    outcomes = run(
        jobs,
        notebooks=tmp_path,
        reports=tmp_path / "reports",
        edition=edition(),
        parameters={},
        blocked=blocked,
        workers=1,
        on_event=lambda event: None,
    )
    assert [outcome.status for outcome in outcomes] == ["blocked", "blocked"]


def test_kernels_are_forked_with_what_the_notebooks_of_the_run_call_and_no_more(tmp_path: Path):
    called = write_notebook(
        tmp_path / "called.ipynb", "import opslib as ops", "import seaborn", "ops.contact_drivers.movers()"
    )
    with warm([called]) as variables:
        folder = Path(variables["JUPYTER_PATH"].split(os.pathsep)[0])
        specification = json.loads((folder / "kernels" / "opslib-warm" / "kernel.json").read_text())
    preload = specification["metadata"]["kernel_provisioner"]["config"]["preload"]
    assert {
        "ipykernel.kernelapp",
        "opslib.reports.week",
        "opslib.reports.contact_drivers",
        "seaborn",
    } <= set(preload)
    assert not {"opslib.reports.routing_audit.frames", "scipy.stats", "duckdb"} & set(preload)
