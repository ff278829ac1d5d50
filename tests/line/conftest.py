"""A small simulated support centre as exports, one file of tickets per team, so that a fault can concern one team."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pandas as pd
import pytest

from opslib.sample import write_sample
from opslib.weekly.run import SAMPLE_MARK, Run, open_run

ROOT = Path(__file__).parents[2]
WEEK = "2026-W46"
TEAMS = ("us-general", "us-creators", "us-safety", "us-commerce")
REPORTS = ("weekly_review", "contact_drivers", "routing_audit")


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample as it is made where there are no exports, only smaller."""
    return write_sample(tmp_path_factory.mktemp("made") / "sample", tickets=4000)


@pytest.fixture(scope="session")
def exports_by_team(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's tickets and events, as a CRM that knows nothing of samples would export them."""
    folder = tmp_path_factory.mktemp("by_team") / "exports"
    folder.mkdir()
    for path in sample.iterdir():
        if path.name != SAMPLE_MARK and not path.name.startswith("tickets"):
            shutil.copy(path, folder)
    tickets = pd.read_csv(next(sample.glob("tickets*")), dtype=str, keep_default_na=False)
    for team, rows in tickets.groupby("team"):
        with gzip.open(folder / f"tickets_{team}.csv.gz", "wt", encoding="utf-8", newline="") as stream:
            rows.to_csv(stream, index=False)
    return folder


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
        "week": None,
        "as_of": None,
        "workers": 1,
        "sample_tickets": 4000,
        "say": lambda step, line: None,
    }
    return open_run(**(settings | changes))  # type: ignore[arg-type]
