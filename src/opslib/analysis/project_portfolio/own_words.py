"""What the project manager writes of a project: scope, her own status, decisions asked and taken, each dated."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from datetime import date, datetime

import pandas as pd

COLUMNS = ("line", "kind", "title", "on", "due", "who", "text")
"""The columns of a project's words: line, of the file; kind, of `KINDS`; title, the heading of a section, else "";
on, the day on which it was said (ISO, "" for a section); due, the day by which a decision is asked, else ""; who, the
author of a status, or who is to decide, else ""; text."""

KINDS = ("section", "status", "asked", "taken")
SAYINGS = ("on track", "at risk", "off track", "done", "on hold")
"""What a status may begin with, so that it can be held against what the rules say."""

_HEADING = re.compile(r"#{1,6}\s+(?P<title>\S.*?)\s*#*")
_ITEM = re.compile(r"(?:[-*+]\s+)?(?P<head>[^:]*\d[^:]*):\s*(?P<text>\S.*)")
_STARTS_AN_ENTRY = re.compile(r"(?:[-*+]\s+)?\*{0,2}\d{1,4}[-/]\d{1,2}[-/]\d{1,4}\b")
_DATES = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y")
_BY = re.compile(r"by\s+(?P<due>\S+)", re.IGNORECASE)
_STATUS, _DECISIONS = "status", "decisions"
_MOST_LETTERS = 4_000


def read_words(text: str, *, place: str) -> tuple[pd.DataFrame, list[str]]:
    """Read what a project manager wrote of her project.

    Args:
        text: headings that begin with `#`, and what stands below each. Below `## Status` a line each
            `2026-11-13, Project manager: At risk. Live before Christmas.`; below `## Decisions` a line each
            `2026-11-13, asked, by 2026-11-18, Head of Commerce: Take January 8?` or `2026-11-16, taken: January 8.`;
            below any other heading sentences as they are. A line may begin with `-`, and go on in lines below it.
        place: what the file is called in messages.

    Returns:
        `COLUMNS`, a row per section, status and decision in the order of the file; and what could not be read, a line
        each, which names the line and never says what stands there.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    rows: list[dict[str, object]] = []
    problems: list[str] = []
    for title, first, body in _sections(lines):
        name = title.casefold().rstrip(":")
        if name in (_STATUS, _DECISIONS):
            for number, entry in _entries(body, first):
                row = _status(entry) if name == _STATUS else _decision(entry)
                if row is None:
                    problems.append(f"{place}, line {number}: {_EXPECTED[name]}")
                else:
                    rows.append({"line": number, **row})
        elif content := "\n".join(body).strip():
            if len(content) > _MOST_LETTERS:
                problems.append(f"{place}, line {first}: only the first {_MOST_LETTERS:,} characters are shown")
            rows.append({"line": first, "kind": "section", "title": title, "text": content[:_MOST_LETTERS]})
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame["line"] = frame["line"].astype("int64")
    texts = [name for name in COLUMNS if name != "line"]
    return frame.assign(**{name: frame[name].astype("object").fillna("").astype("str") for name in texts}), problems


_EXPECTED = {
    _STATUS: "a status begins with a date and who says it, like `2026-11-13, Project manager: At risk.`",
    _DECISIONS: "a decision begins with a date and `asked` or `taken`, like `2026-11-13, asked, by 2026-11-18, Head of "
    "Commerce: Take January 8?`",
}


def as_of_day(words: pd.DataFrame, day: date) -> pd.DataFrame:
    """What was said up to a day; a decision that was taken after it was asked is no longer asked.

    Args:
        words: `COLUMNS`.
        day: the last one.

    Returns:
        `COLUMNS`: the sections, the last status, decisions that are asked and not taken, by their day, and those taken.

    Notes:
        A decision counts as taken where one that is taken stands below it in the file, and was taken on its day or
        later, with the same first words before a dash or the same one to decide; else it stays asked.
    """
    said = words[(words["on"] == "") | (words["on"] <= day.isoformat())]
    status = said[said["kind"] == "status"].sort_values(["on", "line"]).tail(1)
    taken = said[said["kind"] == "taken"].sort_values(["on", "line"])
    asked = said[said["kind"] == "asked"].sort_values(["due", "on", "line"])
    answered = [_is_answered(row, taken) for row in asked.to_dict("records")]
    still = asked[~pd.Series(answered, index=asked.index, dtype="bool")]
    return pd.concat([said[said["kind"] == "section"], status, still, taken]).reset_index(drop=True)


def says(text: str) -> str:
    """Which of `SAYINGS` a status begins with; "" where none.

    >>> says("At risk. Live before Christmas.")
    'at risk'
    """
    plain = " ".join(text.casefold().split())
    return next((saying for saying in SAYINGS if re.match(rf"{saying}\b", plain)), "")


def _is_answered(asked: Mapping[Hashable, str], taken: pd.DataFrame) -> bool:
    """Whether a decision was taken later that names who was to decide, or else any where nobody was named."""
    later = taken[taken["on"] >= asked["on"]]
    if later.empty:
        return False
    if not asked["who"]:
        return True
    return bool((later["who"].str.casefold() == asked["who"].casefold()).any())


def _sections(lines: Sequence[str]) -> list[tuple[str, int, list[str]]]:
    """The headings with the number of the first line below each, and those lines; text above any is of `Note`."""
    sections: list[tuple[str, int, list[str]]] = [("Note", 1, [])]
    for number, line in enumerate(lines, 1):
        if heading := _HEADING.fullmatch(line.strip()):
            sections.append((heading["title"], number + 1, []))
        else:
            sections[-1][2].append(line)
    return sections


def _entries(body: Sequence[str], first: int) -> list[tuple[int, str]]:
    """Lines that begin an entry, with what goes on below each; other text before the first is an entry of its own."""
    entries: list[tuple[int, str]] = []
    for number, line in enumerate(body, first):
        plain = line.strip()
        if not plain:
            continue
        if _STARTS_AN_ENTRY.match(plain) or not entries:
            entries.append((number, plain))
        else:
            entries[-1] = (entries[-1][0], f"{entries[-1][1]} {plain}")
    return entries


def _status(entry: str) -> dict[str, str] | None:
    if (item := _ITEM.fullmatch(entry)) is None:
        return None
    day, _, who = item["head"].partition(",")
    on = _day(day)
    return None if on is None else {"kind": "status", "on": on, "who": who.strip(), "text": item["text"]}


def _decision(entry: str) -> dict[str, str] | None:
    if (item := _ITEM.fullmatch(entry)) is None:
        return None
    day, *parts = (part.strip() for part in item["head"].split(","))
    on = _day(day)
    if on is None or not parts or parts[0].casefold() not in ("asked", "taken"):
        return None
    row = {"kind": parts[0].casefold(), "on": on, "due": "", "who": "", "text": item["text"]}
    for part in parts[1:]:
        due = _day(by["due"]) if (by := _BY.fullmatch(part)) else None
        if due is not None:
            row["due"] = due
        else:
            row["who"] = f"{row['who']}, {part}".removeprefix(", ")
    return row


def _day(text: str) -> str | None:
    """A date as ISO; None where it is none."""
    for form in _DATES:
        try:
            return datetime.strptime(text.strip(" *"), form).date().isoformat()
        except ValueError:
            continue
    return None
