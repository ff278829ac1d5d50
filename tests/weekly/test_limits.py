"""A job that goes on for ever, takes too much memory or loses its kernel never touches the others."""

from __future__ import annotations

import pytest

from opslib.weekly.kernels import can_fork
from opslib.weekly.outcome import Outcome
from opslib.weekly.plan import Job
from opslib.weekly.render import run
from tests.weekly.weekly_notebooks import HEADLINE, edition, write_notebook

WEEK, TEAM = "2026-W46", "us-general"
READY = HEADLINE.replace("STATUS", '"ready"')


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    folder = tmp_path_factory.mktemp("limits")
    lost = folder / "lost"
    once = f"import os, pathlib, signal\nmark = pathlib.Path({str(lost)!r})"
    once += "\nif not mark.exists():\n    mark.touch()\n    os.kill(os.getpid(), signal.SIGKILL)"
    write_notebook(folder / "notebooks/team/endless.ipynb", "import time\ntime.sleep(120)")
    write_notebook(folder / "notebooks/team/greedy.ipynb", "blocks = [bytearray(100_000_000) for _ in range(40)]")
    write_notebook(folder / "notebooks/team/lost_once.ipynb", once, READY)
    write_notebook(folder / "notebooks/team/calm.ipynb", READY)
    jobs = [Job(f"team/{name}", WEEK, TEAM) for name in ("endless", "greedy", "lost_once", "calm")]
    outcomes = run(
        jobs,
        notebooks=folder / "notebooks",
        reports=folder / "reports",
        edition=edition(),
        parameters={"warehouse": str(folder)},
        blocked={},
        workers=2,
        on_event=lambda event: None,
        timeout_seconds=5,
        memory_bytes=1_200_000_000,
    )
    return {outcome.job.name: outcome for outcome in outcomes}


def test_a_cell_that_takes_too_long_is_stopped_and_said_to_be(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["endless"]
    assert outcome.status == "failed"
    assert "Timeout" in (outcome.error or "")
    assert outcome.seconds < 40
    assert outcome.path.exists()


@pytest.mark.skipif(not can_fork()[0], reason="the limit is set in forked kernels")
def test_a_notebook_that_takes_too_much_memory_fails_alone(outcomes: dict[str, Outcome]) -> None:
    assert outcomes["greedy"].status == "failed"
    assert "MemoryError" in (outcomes["greedy"].error or "")


def test_a_lost_kernel_is_tried_once_more(outcomes: dict[str, Outcome]) -> None:
    assert outcomes["lost_once"].status == "ready"


def test_the_others_are_not_touched(outcomes: dict[str, Outcome]) -> None:
    assert outcomes["calm"].status == "ready"
    assert outcomes["calm"].path.exists()
