from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from opslib.intake.mapping.map_file import MappedFile, map_file
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


@pytest.fixture
def mapped(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> Iterator[Any]:
    """Write exports and map the first of them; several tables come as a list."""
    open_files: list[MappedFile] = []
    exports = tmp_path / "exports"
    exports.mkdir()

    def map_(mapping: SourceMapping, **files: str | bytes) -> list[MappedFile]:
        for name, content in files.items():
            path = exports / name.replace("__", ".")
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        first = exports / next(iter(files)).replace("__", ".")
        files = map_file(con, mapping, first, exports)
        open_files.extend(files)
        return files

    yield map_
    for file in open_files:
        file.close()
