"""The small support centre whose exports the gate judges, and the suites that are quick to run."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from tests.intake.gate.healthy_exports import healthy
from tests.intake.gate.judging import LEAN, OF_TYPE, Tables, suites_with


@pytest.fixture(scope="session", autouse=True)
def lean_suites(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Types have a test of their own, and tests name few of the warnings about rows: most run without the others."""
    named_in_tests = {"priority", "other_values_are_readable", "agent_is_known", "comment_stands_once"}

    def is_lean(rule: dict[str, Any]) -> bool:
        warns_of_rows = rule["severity"] == "warning" and rule["meta"]["scope"] == "rows"
        return rule["type"] != OF_TYPE and (not warns_of_rows or rule["kwargs"].get("column") in named_in_tests)

    LEAN.append(suites_with(tmp_path_factory.mktemp("expectations"), is_lean))


@pytest.fixture(scope="session")
def clean() -> Tables:
    return healthy()


@pytest.fixture
def tables(clean: Tables) -> Tables:
    return {name: frame.copy() for name, frame in clean.items()}


@pytest.fixture
def tickets(tables: Tables) -> pd.DataFrame:
    return tables["tickets"]
