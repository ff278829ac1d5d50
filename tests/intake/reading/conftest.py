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
