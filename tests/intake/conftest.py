"""The small support centre whose exports the gate judges, the suites that are quick to run, and a source to write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from opslib.intake.mapping.sources import SourceMapping, load_source
from tests.intake.gate.healthy_exports import healthy
from tests.intake.gate.judging import LEAN, OF_TYPE, Tables, suites_with


@pytest.fixture(scope="session", autouse=True)
def lean_suites(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Types have a test of their own, and of the warnings about rows few are spoken of by name: most run without."""
    spoken_of = {"priority", "other_values_are_readable", "agent_is_known"}

    def kept(rule: dict[str, Any]) -> bool:
        quiet = rule["severity"] == "warning" and rule["meta"]["scope"] == "rows"
        return rule["type"] != OF_TYPE and (not quiet or rule["kwargs"].get("column") in spoken_of)

    LEAN.append(suites_with(tmp_path_factory.mktemp("expectations"), kept))


@pytest.fixture(scope="session")
def clean() -> Tables:
    return healthy()


@pytest.fixture
def tables(clean: Tables) -> Tables:
    return {name: frame.copy() for name, frame in clean.items()}


@pytest.fixture
def tickets(tables: Tables) -> pd.DataFrame:
    return tables["tickets"]


@pytest.fixture
def source(tmp_path: Path) -> Callable[[str], SourceMapping]:
    """Write a mapping and load it."""

    def written(text: str) -> SourceMapping:
        folder = tmp_path / "params" / "sources"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "crm.yml").write_text(text)
        return load_source(tmp_path / "params", "crm")

    return written
