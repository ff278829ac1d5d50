"""Regular expressions and patterns of times, checked by the engine that will run them."""

from __future__ import annotations

from functools import cache

import duckdb

from opslib.intake.notation import quoted


@cache
def fault_of_pattern(pattern: str) -> str | None:
    """What is wrong with a regular expression; None where nothing is."""
    return _fault(f"SELECT regexp_matches('', {quoted(pattern)})")


@cache
def fault_of_time_pattern(pattern: str) -> str | None:
    """What is wrong with a pattern of a time; None where nothing is."""
    return _fault(f"SELECT try_strptime('', {quoted(pattern)})::VARCHAR")


@cache
def has_group(pattern: str) -> bool:
    """Whether a regular expression, one that is right, has a group that takes something out."""
    return _fault(f"SELECT regexp_extract('', {quoted(pattern)}, ['first'])") is None


def _fault(query: str) -> str | None:
    try:
        _engine().cursor().execute(query)
    except duckdb.Error as error:
        return str(error).splitlines()[0].partition(": ")[2] or str(error)
    return None


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})
