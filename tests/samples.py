"""Samples of the simulated support centre, each made once a run of the tests."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from opslib.sample import write_sample
from tests.built_once import built_once


def shared_sample(tmp_path_factory: pytest.TempPathFactory, tickets: int, *, planted: bool = True) -> Path:
    """The exports of a sample of so many tickets, to read only."""
    name = f"sample_{tickets}{'' if planted else '_null'}"
    return built_once(tmp_path_factory, name, partial(_write, tickets=tickets, planted=planted)) / "sample"


def _write(folder: Path, *, tickets: int, planted: bool) -> None:
    write_sample(folder / "sample", tickets=tickets, planted=planted)
