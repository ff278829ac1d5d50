"""What to write into a mapping for what a check of its source saw: lines that can be pasted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import duckdb

from opslib.intake.mapping import time_sql
from opslib.intake.mapping.time_sql import TimeWords
from opslib.locales import whole
from opslib.settings import Limits
from opslib.tables import Table

_DAY_OR_MONTH: Final = ("day_first", "month_first")
_CANDIDATES: Final = (*_DAY_OR_MONTH, "iso", "excel_serial", "epoch_s", "epoch_ms")
_LOOKS_LIKE_A_LOG: Final = 0.1
_CHOICE: Final = '"?"'


def translation_block(column: str, words: Sequence[str]) -> list[str]:
    """Lines of YAML that give each word a place for its translation.

    >>> translation_block("channel", ["Fax", "Walk-in: desk"])
    ['to translate them, paste under `channel` and fill in:', '  values:', '    "Fax": "?"', '    "Walk-in: desk": "?"']
    """
    lines = [f"    {_quoted(word)}: {_CHOICE}" for word in words]
    return [f"to translate them, paste under `{column}` and fill in:", "  values:", *lines]


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in escaped) + '"'


def time_advice(con: duckdb.DuckDBPyConnection, rows: str, text: str, forms: Sequence[str]) -> list[str]:
    """Which way of reading times would read all of them, where the mapping's does not.

    Args:
        con: a DuckDB connection.
        rows: SQL for FROM.
        text: SQL of the text of the times.
        forms: how the mapping reads them.
    """
    words = TimeWords.of("UTC", {}, None)
    others = [form for form in forms if form not in _DAY_OR_MONTH]
    ways = [[*others, form] for form in _CANDIDATES if form not in forms]
    counts = [
        f"count(*) FILTER (coalesce({time_sql.instant(way, 'UTC')}, {time_sql.spelt_instant(way, 'UTC', words)}) "
        "IS NOT NULL)".replace("{t}", text)
        for way in ways
    ]
    row = _row(con, f"SELECT count({text}), {', '.join(counts)} FROM {rows}")
    for way, read in zip(ways, row[1:], strict=True):
        if read == row[0]:
            return [f"`time: [{', '.join(way)}]` would read all {whole(read)}"]
    return []


def log_advice(table: Table, present: Sequence[str], rows: int, keys: int) -> str | None:
    """What to write where so many rows repeat a key that the file is a log with a row per update."""
    if rows - keys < max(2, _LOOKS_LIKE_A_LOG * rows) or "updated_at" not in table.names:
        return None
    name = ", ".join(table.key)
    repeated = (
        f"{whole(rows - keys)} of {whole(rows)} rows repeat a {name}: this looks like a log with a row per update"
    )
    if "updated_at" in present:
        return (
            f"{repeated}; the latest row by `updated_at` counts. A value of the first or last update is had by "
            "`take: least` or `take: greatest` under its column"
        )
    return f"{repeated}: map `updated_at`, so that the latest row counts, or map the rows to ticket_events"


def team_advice(column: str, empty: int, rows: int, teams: Sequence[str], limits: Limits) -> str | None:
    """What to write where rows have no team."""
    if not empty:
        return None
    example = teams[0] if teams else "TEAM"
    advice = (
        f"{whole(empty)} of {whole(rows)} rows have no {column}: give them a team with `missing: {example}` "
        "under `team`"
    )
    if empty > limits.without_team_share * rows:
        advice += ", or raise `limits.without_team_share` in params/org.yml; "
        blocks = empty > limits.most_without_team_share * rows
        advice += "with so many the gate blocks" if blocks else "the gate sets them aside and warns"
    return advice


def _row(con: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = con.execute(query).fetchone()
    assert row is not None
    return tuple(row)
