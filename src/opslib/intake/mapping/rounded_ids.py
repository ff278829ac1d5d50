"""Tells ids that a spreadsheet or a program has rounded: they are no longer the ids of the source."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import duckdb

from opslib.intake.mapping import value_sql
from opslib.intake.notation import identifier
from opslib.intake.reading.raw_rows import RawRows
from opslib.locales import whole

_DIGITS: Final = {15: "a spreadsheet", 17: "a program that takes ids for numbers"}
"""How many digits of a number are kept, and by whom."""
_EXPONENTIAL_SHARE: Final = 0.01
"""Of the ids of a column from which on the file is refused and not only the rows."""
_CHANCE: Final = 1e-3
"""That ids of the source would end in so many zeros by themselves; `ends_in_zeros` is for a source whose ids do."""
_ADVICE: Final = (
    "so different ids became one. Export again as CSV and do not open it in a spreadsheet, "
    "or have the ids written as text"
)


def rounding_faults(con: duckdb.DuckDBPyConnection, raw: RawRows, columns: Iterable[str]) -> dict[str, str]:
    """What is to be said of the columns of ids that were rounded.

    Args:
        con: a DuckDB connection.
        raw: the rows of a file.
        columns: its columns that hold ids.

    Returns:
        A message for each column where ids are written like 1.57E+18, or where all their digits beyond those that a
        number keeps are zeros. Ids of up to 15 digits are never meant, nor now and then a longer one that ends in
        zeros.
    """
    names = list(dict.fromkeys(columns))
    if not names or not raw.rows:
        return {}
    texts = {name: value_sql.trim(identifier(name)) for name in names}
    counts = con.execute(
        "SELECT "
        + ", ".join(
            f"count(*) FILTER ({text} <> ''), count(*) FILTER ({value_sql.is_exponential(text)}), "
            f"count(*) FILTER (length({text}) > 15 AND {value_sql.is_long_whole_number(text)})"
            for text in texts.values()
        )
        + f" FROM {raw.relation}"
    ).fetchone()
    assert counts is not None
    faults = {}
    for number, (name, text) in enumerate(texts.items()):
        filled, exponential, long = counts[3 * number : 3 * number + 3]
        fault = None
        if exponential > _EXPONENTIAL_SHARE * filled:
            fault = f"{whole(exponential)} of {whole(filled)} are written like 1.57E+18"
        elif long and (maker := _rounded_by(con, raw, text)):
            fault = f"its ids of 16 digits and more end in zeros, as {maker} leaves them"
        if fault:
            faults[name] = f"{raw.name}: the ids of the column `{name}` were rounded ({fault}), {_ADVICE}"
    return faults


def _rounded_by(con: duckdb.DuckDBPyConnection, raw: RawRows, text: str) -> str | None:
    """Who rounded the whole numbers of 16 digits and more, if anybody did."""
    digits = value_sql.as_id(text)
    for kept, maker in _DIGITS.items():
        row = con.execute(
            f"SELECT count(*), count(*) FILTER (zeros), coalesce(sum(length(id) - {kept}), 0), "
            f"coalesce(sum(pow(10.0, {kept} - length(id))), 0), "
            f"count(*) FILTER (zeros AND substr(id, {kept}, 1) <> '0') FROM "
            f"(SELECT DISTINCT ltrim({digits}, '0') AS id, "
            f"trim(substr(ltrim({digits}, '0'), {kept + 1}), '0') = '' AS zeros FROM {raw.relation} "
            f"WHERE {value_sql.is_long_whole_number(text)}) WHERE length(id) > {kept}"
        ).fetchone()
        assert row is not None
        ids, rounded, dropped_digits, by_chance, full = row
        # Ids whose last kept digits are zeros as well, say a clock's milliseconds written as nanoseconds, are whole.
        if not rounded or full < rounded / 2:
            continue
        chance = (
            10.0**-dropped_digits
            if rounded == ids
            else math.exp(min(0.0, rounded - by_chance - rounded * math.log(rounded / by_chance)))
            if rounded > by_chance
            else 1.0
        )
        if chance <= (_CHANCE if rounded == ids else _CHANCE**3):
            return maker
    return None
