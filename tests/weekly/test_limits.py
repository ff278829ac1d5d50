"""A job that goes on for ever, takes too much memory or loses its kernel never touches the others."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from opslib.settings import NotebookLimits
from opslib.weekly.kernels import can_fork
from opslib.weekly.outcome import Outcome
from opslib.weekly.plan import Job
from opslib.weekly.render import run
from tests.weekly.weekly_notebooks import HEADLINE, edition, write_notebook

WEEK, TEAM = "2026-W46", "us-general"
SHOWS_TOO_MUCH = {
    "prints": "for _ in range(200):\n    print('x' * 1_000_000)",
    "prints_at_once": "print('x' * 200_000_000)",
    "runs_a_program": "import os\nos.system('yes')",
    "shows_values": "from IPython.display import display\nfor number in range(10_000):\n    display(number)",
    "shows_figures": "import matplotlib.pyplot as plt\nwhile plt.figure(figsize=(1, 1)):\n    plt.show()",
    "shows_a_page": "from IPython.display import HTML\nHTML('x' * 4_000_000)",
    "goes_on": "for _ in range(9):\n    try:\n        print('x' * 1_000_000)\n    except Exception:\n        pass",
}
NO_NOTEBOOKS = {
    "a_list": b"[]",
    "an_object": b"{}",
    "cut_off": b'{"cells": [{"cell_type": "code", "sour',
    "empty": b"",
    "binary": bytes(range(256)) * 9,
    "utf_16": '{"cells": []}'.encode("utf-16"),
    "without_cells": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}',
    "cells_of_text": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": ["a"]}',
    "nested": b"[" * 100_000,
    "too_large": b'["' + b"x" * 50_000_000,
}
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
    for name, cell in SHOWS_TOO_MUCH.items():
        write_notebook(folder / f"notebooks/team/{name}.ipynb", cell)
    for name, content in NO_NOTEBOOKS.items():
        (folder / f"notebooks/team/{name}.ipynb").write_bytes(content)
    names = ["endless", "greedy", "lost_once", "calm", *SHOWS_TOO_MUCH, *NO_NOTEBOOKS]
    # In a process of its own: with this variable, which servers of kernels keep from their start, ipykernel leaves what
    # programs write to the terminal, and pytest would keep gigabytes of it.
    with pytest.MonkeyPatch.context() as patch, ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        patch.delenv("PYTEST_CURRENT_TEST", raising=False)
        outcomes = process.submit(outcomes_of, names, folder).result()
    return {outcome.job.name: outcome for outcome in outcomes}


def outcomes_of(names: list[str], folder: Path) -> list[Outcome]:
    return run(
        [Job(f"team/{name}", WEEK, TEAM) for name in names],
        notebooks=folder / "notebooks",
        reports=folder / "reports",
        edition=edition(),
        parameters={"warehouse": str(folder)},
        blocked={},
        workers=2,
        on_event=lambda event: None,
        timeout_seconds=10,
        memory_bytes=1_200_000_000,
        limits=NotebookLimits(output_megabytes=1, outputs=20),
    )


def test_a_cell_that_takes_too_long_is_stopped_and_said_to_be(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["endless"]
    assert outcome.status == "failed"
    assert outcome.error == (
        "Timeout: cell 4 (“import time”, under “What happened?”) took longer than 10 s; --timeout says how long a cell "
        "may take"
    )
    assert "<strong>What happened?</strong>" in outcome.path.read_text(encoding="utf-8")
    assert outcome.seconds < 40
    assert outcome.path.exists()


@pytest.mark.skipif(not can_fork()[0], reason="the limit is set in forked kernels")
def test_a_notebook_that_takes_too_much_memory_fails_alone(outcomes: dict[str, Outcome]) -> None:
    assert outcomes["greedy"].status == "failed"
    assert "MemoryError" in (outcomes["greedy"].error or "")


@pytest.mark.parametrize("name", SHOWS_TOO_MUCH)
def test_a_notebook_that_shows_too_much_ends_in_a_page_that_says_so(outcomes: dict[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert outcome.status == "failed"
    assert (outcome.error or "").startswith("OutputLimitError: the notebook shows more than ")
    assert "limits.notebooks.output" in (outcome.error or "")
    assert outcome.path.stat().st_size < 200_000


@pytest.mark.parametrize("name", NO_NOTEBOOKS)
def test_what_is_no_notebook_fails_alone(outcomes: dict[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert outcome.status == "failed"
    assert (outcome.error or "").startswith(f"{name}.ipynb ")
    assert "Traceback" not in outcome.path.read_text(encoding="utf-8")


def test_a_lost_kernel_is_tried_once_more(outcomes: dict[str, Outcome]) -> None:
    assert outcomes["lost_once"].status == "ready"


def test_the_others_are_not_touched(outcomes: dict[str, Outcome]) -> None:
    assert outcomes["calm"].status == "ready"
    assert outcomes["calm"].path.exists()
