from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.intake.reading.exports import Folder


@pytest.fixture
def exports(tmp_path: Path) -> Iterator[Folder]:
    with duckdb.connect() as con:
        yield Folder(tmp_path, con)


@pytest.fixture(params=["fast", "careful"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two ways in which a CSV is read, of which small ones would only see the careful one."""
    size = 0 if request.param == "fast" else 1 << 30
    monkeypatch.setattr("opslib.intake.reading.csv_rows._SMALL_BYTES", size)
