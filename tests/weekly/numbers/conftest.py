from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sql_by_expression import sql_by_expression


@pytest.fixture(scope="package", autouse=True)
def compiled_once() -> Iterator[None]:
    """The numbers stand on facts, which most of these tests build with the same SQL."""
    with sql_by_expression():
        yield
