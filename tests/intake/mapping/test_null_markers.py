"""Words that stand for no value, and where they are values all the same."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from opslib.intake.mapping.sources import NULL_MARKERS
from tests.intake.mapping.mappings import tickets

NOTHING = [
    "-",
    "--",
    "—",
    "N/A",
    "n/a",
    "#N/A",
    "None",
    "NONE",
    "NaN",
    "nan",
    "NaT",
    "(blank)",
    "null",
    "NULL",
    "[]",
    "_",
]
NOTHING += ["\\N", "?", "", "  -  "]
MORE = "priority: word\ncontact_reason: word\nsubject: word\nrequester_id: word\nsolved_at: word\nreopen_count: word"
NAMES = ("priority", "contact_reason", "subject", "requester_id", "solved_at", "reopen_count")


def read(mapped: Any, source: Any, text: str, words: list[str]) -> list[dict[str, Any]]:
    lines = "".join(f'{number};2026-11-09T10:00:00Z;"{word}"\n' for number, word in enumerate(words))
    (file,) = mapped(source(text), t__csv="id;created;word\n" + lines)
    return pa.concat_tables(file.chunks()).to_pylist()


def test_words_for_nothing_are_no_values_in_any_column(mapped: Any, source: Any) -> None:
    rows = read(mapped, source, tickets(more=MORE), NOTHING)
    assert {row[name] for row in rows for name in NAMES} == {None}
    assert {row["_unreadable"] for row in rows} == {None}


def test_words_that_only_hold_such_a_word_are_values(mapped: Any, source: Any) -> None:
    words = ["NA", "none of them", "- login", "x-", "N/A or later", "0", "No"]
    rows = read(mapped, source, tickets(more="subject: word"), words)
    assert [row["subject"] for row in rows] == words


def test_a_source_says_that_a_word_is_a_value(mapped: Any, source: Any) -> None:
    """By a translation of it, by a condition that asks for it, or for all words at once."""
    translated = tickets(more="channel: {from: word, values: {none: web, '-': email}}")
    assert [row["channel"] for row in read(mapped, source, translated, ["None", "-", "--"])] == ["web", "email", None]
    asked = tickets(more="channel: {cases: [{where: [{column: word, is: '-'}], constant: web}, {constant: email}]}")
    assert [row["channel"] for row in read(mapped, source, asked, ["-", "--"])] == ["web", "email"]
    every_word = tickets(head="null_markers: []", more="subject: word")
    assert [row["subject"] for row in read(mapped, source, every_word, ["-", "None", ""])] == ["-", "None", None]
    own = tickets(head="null_markers: [nobody]", more="subject: word")
    assert [row["subject"] for row in read(mapped, source, own, ["-", "Nobody"])] == ["-", None]


@pytest.mark.parametrize("form", ["json", "parquet"])
def test_words_for_nothing_of_other_forms(form: str, mapped: Any, source: Any, tmp_path: Any) -> None:
    words = [*NULL_MARKERS, "login"]
    table = pa.table(
        {"id": [str(n) for n in range(len(words))], "created": ["2026-11-09T10:00:00Z"] * len(words), "word": words}
    )
    if form == "json":
        content = pa.Table.to_pandas(table).to_json(orient="records").encode()
    else:
        pa.parquet.write_table(table, tmp_path / "made.parquet")
        content = (tmp_path / "made.parquet").read_bytes()
    (file,) = mapped(source(tickets(more="subject: word")), **{f"t__{form}": content})
    rows = pa.concat_tables(file.chunks()).to_pylist()
    assert [row["subject"] for row in rows] == [*[None] * len(NULL_MARKERS), "login"]
