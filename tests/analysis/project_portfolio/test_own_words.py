"""What a project manager writes: read as it stands, dated, and never quoted where it cannot be read."""

from __future__ import annotations

from datetime import date

import pytest

from opslib.analysis.project_portfolio.own_words import COLUMNS, as_of_day, read_words, says

TEXT = """# Refund status page

## Objective
Customers see where their refund stands.
They need not ask.

## Status
- 2026-10-21, Project manager: On track.
- 11/13/2026, Project manager: At risk. Live before
  Christmas.

## Decisions
- 2026-10-19, asked, by 2026-10-23, Head of Commerce: Ship without macros?
- 2026-10-22, taken, Head of Commerce: With macros.
- 2026-11-13, asked, by 2026-11-18, Head of Commerce: Take January 8: or ship on December 11?
"""


def test_each_heading_gives_its_rows() -> None:
    words, problems = read_words(TEXT, place="notes/projects/PRJ-3.md")
    assert problems == []
    assert list(words.columns) == list(COLUMNS)
    objective, first, second, asked, taken, open_one = words.to_dict("records")
    assert (objective["kind"], objective["title"], objective["line"]) == ("section", "Objective", 4)
    assert objective["text"] == "Customers see where their refund stands.\nThey need not ask."
    assert (first["on"], first["who"], first["text"]) == ("2026-10-21", "Project manager", "On track.")
    assert (second["on"], second["text"]) == ("2026-11-13", "At risk. Live before Christmas.")
    assert (asked["kind"], asked["due"], asked["who"]) == ("asked", "2026-10-23", "Head of Commerce")
    assert (taken["kind"], taken["on"]) == ("taken", "2026-10-22")
    assert open_one["text"] == "Take January 8: or ship on December 11?"


def test_a_page_knows_what_was_said_by_its_day() -> None:
    words, _ = read_words(TEXT, place="x")
    then = as_of_day(words, date(2026, 10, 21))
    assert then["kind"].tolist() == ["section", "status", "asked"]
    assert then["text"].tolist()[1:] == ["On track.", "Ship without macros?"]
    now = as_of_day(words, date(2026, 11, 16))
    assert now["kind"].tolist() == ["section", "status", "asked", "taken"]
    assert now["text"].tolist()[1] == "At risk. Live before Christmas."
    assert now["due"].tolist()[2] == "2026-11-18"


def test_what_cannot_be_read_is_named_by_its_line_and_not_quoted() -> None:
    text = "## Status\nfine, says Jane Doe\n2026-13-40, Jane Doe: On track.\n## Decisions\n- 2026-11-13: Jane?\n"
    words, problems = read_words(text, place="notes/projects/P.md")
    assert words.empty
    assert [problem.split(": ")[0] for problem in problems] == [
        "notes/projects/P.md, line 2",
        "notes/projects/P.md, line 3",
        "notes/projects/P.md, line 5",
    ]
    assert "Jane" not in "".join(problems)


@pytest.mark.parametrize("text", ["", "\ufeff\r\n", "# Title alone\n"])
def test_an_empty_file_says_nothing(text: str) -> None:
    words, problems = read_words(text, place="x")
    assert (len(words), problems) == (0, [])


def test_words_without_headings_are_a_note() -> None:
    words, _ = read_words("We wait for legal.", place="x")
    assert words[["kind", "title", "text"]].to_numpy().tolist() == [["section", "Note", "We wait for legal."]]


@pytest.mark.parametrize(
    ("text", "saying"),
    [("OFF  TRACK since Monday", "off track"), ("Done.", "done"), ("Everything is at risk", ""), ("Doneness", "")],
)
def test_a_status_says_what_it_begins_with(text: str, saying: str) -> None:
    assert says(text) == saying
