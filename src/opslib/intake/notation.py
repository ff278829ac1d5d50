"""How names and texts are written in SQL, in messages and in lists of words."""

from __future__ import annotations

from collections.abc import Sequence


def quoted(text: object) -> str:
    """A SQL text constant."""
    return "'" + str(text).replace("'", "''") + "'"


def quoted_list(values: Sequence[str]) -> str:
    """SQL text constants, as they stand between the brackets of a list."""
    return ", ".join(quoted(value) for value in values)


def identifier(name: str) -> str:
    """A SQL name."""
    return '"' + name.replace('"', '""') + '"'


def listed(names: Sequence[str], most: int = 40) -> str:
    """`a`, `b`, `c` and so on, for messages."""
    text = ", ".join(f"`{name}`" for name in names[:most])
    return f"{text} and {len(names) - most} more" if len(names) > most else text or "no columns"


def words_of(text: str) -> frozenset[str]:
    """The words of a list that is written as a text, several to a line."""
    return frozenset(text.split())
