"""How the tests share the cores: two processes more than there are cores, the longest first, SQL once, no slow disk."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

LONGEST = (
    *("tests/line/test_weekly.py", "tests/line/test_killed_runs.py", "tests/line/test_made_anew.py"),
    *("tests/weekly/numbers/", "tests/notebooks/test_incomplete_exports.py", "tests/line/", "tests/weekly/"),
    "notebooks/",
)
"""Beginnings of node ids; what is started last has to be short, or one process works while the others have ended."""


def pytest_configure() -> None:
    """No test waits until its files are on the disk; processes of their own do."""
    os.fsync = lambda descriptor: None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Many tests wait for a kernel, a browser or a command of their own meanwhile."""
    return (os.cpu_count() or 1) + 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest first, all others in their order."""
    items.sort(key=lambda item: next((n for n, begin in enumerate(LONGEST) if item.nodeid.startswith(begin)), 99))


@pytest.fixture(scope="session", autouse=True)
def sql_compiled_once() -> Iterator[None]:
    """Many tests build facts, and most of them with the same SQL."""
    from tests.compiled_once import compiled_once

    with compiled_once():
        yield
