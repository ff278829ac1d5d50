"""A value is shown only if it is declared, or frequent, without personal data and like a category."""

from __future__ import annotations

from pathlib import Path

import pytest

from opslib.intake.disclosure import Disclosure, columns_in_words, looks_like_id, shown_name

DISCLOSURE = Disclosure(frozenset({"us-safety", "on_hold", "open"}), 5)


@pytest.mark.parametrize(
    ("value", "rows", "is_shown"),
    [
        ("us-safety", 1, True),
        ("US-Safety", 1, True),
        ("us-saftey", 1, True),
        ("Trust & Safety (EU)", 5, True),
        ("Trust & Safety (EU)", 4, False),
        ("opes", 1, False),
        ("jane_doe_219_09_9999", 90, False),
        ("4111_1111_1111_1111", 90, False),
        ("415_555_0134", 90, False),
        ("192.0.2.44 Jane Doe", 90, False),
        ("jane@example.com", 90, False),
        ("Doe, Jane", 90, False),
        ("12 Elm Street", 90, False),
        ("4711", 90, False),
        ("a" * 41, 90, False),
        ("My card was stolen. Please call!", 90, False),
        ("", 90, False),
    ],
)
def test_what_is_shown_of_a_category(value: str, rows: int, is_shown: bool) -> None:
    assert DISCLOSURE.shows(value, rows) is is_shown


def test_what_is_not_shown_is_counted_and_shown_to_the_owner() -> None:
    values = [("Trust", 6), ("Jane Doe", 2), ("415-555-0134", 9)]
    assert DISCLOSURE.counted(values).in_words(3) == "Trust (6) and 2 values not shown here (11)"
    assert Disclosure(to_owner=True).counted(values).in_words(2) == "Trust (6), Jane Doe (2) and 1 more"


@pytest.mark.parametrize(
    ("text", "is_id"),
    [
        *[(text, True) for text in ("1042", "INC-1042", "p03f2aa", "2026-11-09T10:00:00Z", "#77", "R-101")],
        *[
            (text, False)
            for text in ("Jane", "Jane 5", "j5@example.com", "415-555-0134", "219-09-9999", "x" * 41 + "1")
        ],
    ],
)
def test_what_is_shown_as_the_id_of_a_row(text: str, is_id: bool) -> None:
    assert looks_like_id(text) is is_id


def test_columns_that_nothing_names_are_told_by_their_place() -> None:
    columns = ["ID", "Jane Doe", "12 Elm Street", "x", "status", "y"]
    assert columns_in_words(columns, {"id", "status"}) == (
        "`ID`, `status`, and 4 that no mapping names (columns 2 to 4 and 6)"
    )
    assert columns_in_words(columns, {"id", "status"}, but={"x", "y", "ID"}) == (
        "`status`, and 2 that no mapping names (columns 2 and 3)"
    )
    assert columns_in_words([], set()) == "no columns"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("tickets-2026-11-09.csv", "tickets-2026-11-09.csv"),
        ("tickets_20261109_153000.csv.gz", "tickets_20261109_153000.csv.gz"),
        ("export 2026-W46 (2).xlsx", "export 2026-W46 (2).xlsx"),
        ("tickets-jane@example.com.json", "[email].json"),
        ("jane@example.com", "[email]"),
        ("tickets_4111_1111_1111_1111.zip", "tickets_[card].zip"),
        ("bell\x07.csv", "bell\\x07.csv"),
    ],
)
def test_names_of_files_are_shown_without_personal_data(name: str, shown: str) -> None:
    assert shown_name(Path(name)) == shown
