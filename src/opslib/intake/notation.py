"""How names and texts are written in SQL, in messages and in lists of words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from opslib.store.files import pattern_of

_LONGEST_NAME: Final = 60


def quoted(text: object) -> str:
    """A SQL text constant."""
    return "'" + str(text).replace("'", "''") + "'"


def quoted_list(values: Sequence[str]) -> str:
    """SQL text constants, as they stand between the brackets of a list."""
    return ", ".join(quoted(value) for value in values)


def parquet_source(path: Path, *options: str) -> str:
    """SQL for FROM: the rows of just this Parquet file, whatever characters its name and its folders' names have."""
    return parquet_sources([path], *options)


def parquet_sources(paths: Sequence[Path], *options: str) -> str:
    """SQL for FROM: the rows of Parquet files with the same columns; `file_index` is the place of each, from 0."""
    patterns = quoted_list([pattern_of(path) for path in paths])
    return f"read_parquet([{patterns}], {', '.join(['hive_partitioning = false', *options])})"


def printable(text: str) -> str:
    """A text whose control characters are written out."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def identifier(name: str) -> str:
    """A SQL name."""
    return '"' + name.replace('"', '""') + '"'


def listed(names: Sequence[str], most: int = 40) -> str:
    """`a`, `b`, `c` and so on, for messages."""
    shown = [name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…" for name in names[:most]]
    text = ", ".join(f"`{printable(name)}`" for name in shown)
    return f"{text} and {len(names) - most} more" if len(names) > most else text or "no columns"


def words_of(text: str) -> frozenset[str]:
    """The words of a list that is written as a text, several to a line."""
    return frozenset(text.split())
