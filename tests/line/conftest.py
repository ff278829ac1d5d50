"""A small simulated support centre as exports, one file of tickets per team, so that a fault can concern one team."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Collection
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from opslib.store.files import write_json
from opslib.weekly.run import SAMPLE_MARK, Run, open_run
from tests.built_once import built_once
from tests.samples import shared_sample

ROOT = Path(__file__).parents[2]
WEEK = "2026-W46"
TICKETS = 4000
TEAMS = ("us-general", "us-creators", "us-safety", "us-commerce")
REPORTS = ("weekly_review", "contact_drivers", "routing_audit")
LEAN = ("open_review", "headline", "points(", "places(", "shortfall", "metric_table")
"""Of the weekly review the cells with which it begins, which judge, and which answer in a sentence."""


@pytest.fixture(scope="session")
def exports_by_team(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's tickets and events, as a CRM that knows nothing of samples would export them."""
    sample = shared_sample(tmp_path_factory, TICKETS)
    return built_once(tmp_path_factory, "exports_by_team", lambda folder: write_by_team(sample, folder))


def write_by_team(sample: Path, folder: Path) -> None:
    """A sample's exports without their mark, with a file of tickets for each team."""
    for path in sample.iterdir():
        if path.name != SAMPLE_MARK and not path.name.startswith("tickets"):
            shutil.copy(path, folder)
    tickets = pd.read_csv(next(sample.glob("tickets*")), dtype=str, keep_default_na=False)
    for team, rows in tickets.groupby("team"):
        with gzip.open(folder / f"tickets_{team}.csv.gz", "wt", encoding="utf-8", newline="") as stream:
            rows.to_csv(stream, index=False)


@pytest.fixture
def exports(exports_by_team: Path, tmp_path: Path) -> Path:
    """A copy of the tickets and their events that a test may break; the other tables have tests of their own."""
    copied = tmp_path / "exports"
    copied.mkdir()
    for path in exports_by_team.glob("ticket*"):
        shutil.copy(path, copied)
    return copied


def run_over(exports: Path, folder: Path, **changes: object) -> Run:
    """A run over those exports with every folder of its own."""
    settings: dict[str, object] = {
        "source": "standard",
        "exports": exports,
        "params": ROOT / "params",
        "warehouse": folder / "data" / "warehouse",
        "reports": folder / "reports",
        "notebooks": ROOT / "notebooks",
        "expectations": ROOT / "expectations",
        "notes": folder / "notes",
        "week": None,
        "as_of": None,
        "workers": 1,
        "sample_tickets": TICKETS,
        "secret": None,
        "say": lambda step, line: None,
    }
    return open_run(**(settings | changes))  # type: ignore[arg-type]


def few_expectations(folder: Path, types: Collection[str] = ("expect_column_values_to_not_be_null",)) -> Path:
    """The suites with few types of expectation, where what the gate asks does not matter: asking takes time."""
    folder.mkdir()
    for path in (ROOT / "expectations").glob("*.json"):
        suite = json.loads(path.read_text(encoding="utf-8"))
        lean = [each for each in suite["expectations"] if each["type"] in types]
        write_json(suite | {"expectations": lean}, folder / path.name)
    return folder


def lean_review(folder: Path) -> Path:
    """The weekly review with few of its cells, in a folder of notebooks: most of its time are its charts."""
    notebook = nbformat.read(ROOT / "notebooks" / "team" / "weekly_review.ipynb", as_version=4)
    notebook.cells = [
        cell
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        or "parameters" in cell.metadata.get("tags", ())
        or any(part in cell.source for part in LEAN)
    ]
    (folder / "team").mkdir(parents=True)
    nbformat.write(notebook, folder / "team" / "weekly_review.ipynb")
    return folder
