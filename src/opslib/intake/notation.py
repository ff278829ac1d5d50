"""How names and texts are written in SQL and in messages."""

from __future__ import annotations

from collections.abc import Sequence


def quoted(text: object) -> str:
    """A SQL text constant."""
    return "'" + str(text).replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A SQL name."""
    return '"' + name.replace('"', '""') + '"'


def listed(names: Sequence[str], most: int = 40) -> str:
    """`a`, `b`, `c` and so on, for messages."""
    shown = ", ".join(f"`{name}`" for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown or "no columns"
