"""A short run of `make fuzz`: broken files of every form end in a message, and none loses a row without a word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.intake.mutations import WRITERS, fault, mutant

SEEDS = range(60)


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def test_a_broken_export_ends_in_a_message_and_loses_no_row_without_a_word(
    tmp_path: Path, con: duckdb.DuckDBPyConnection
) -> None:
    mutants = {seed: mutant(seed) for seed in SEEDS}
    assert {each.done[0] for each in mutants.values()} == set(WRITERS)
    faults = {seed: (each.done, fault(each, tmp_path, con)) for seed, each in mutants.items()}
    assert {seed: what for seed, what in faults.items() if what[1] is not None} == {}


def test_a_row_that_a_reader_drops_is_found(
    tmp_path: Path, con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a run without a fault would say nothing."""
    monkeypatch.setattr("opslib.intake.reading.json_text._SAMPLED_LINES", 0)
    monkeypatch.setattr("opslib.intake.reading.json_text._Brackets.of", _no_brackets)
    mutants = (mutant(seed) for seed in SEEDS)
    assert any(each.done[0] == "json" and fault(each, tmp_path, con) for each in mutants)


def _no_brackets(characters: object, depth: int = 0) -> object:
    raise ZeroDivisionError
