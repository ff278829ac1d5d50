from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from opslib.intake.mapping.sources import SourceMapping, load_source


@pytest.fixture
def source(tmp_path: Path) -> Callable[[str], SourceMapping]:
    """Write a mapping and load it."""

    def write_and_load(text: str) -> SourceMapping:
        folder = tmp_path / "params" / "sources"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "crm.yml").write_text(text)
        return load_source(tmp_path / "params", "crm")

    return write_and_load
