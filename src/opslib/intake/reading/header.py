"""The header of a table of text, of one line or of several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from opslib.intake.reading.raw_rows import distinct_names


@dataclass(frozen=True)
class Header:
    """The names of the columns as the file writes them, and as columns, each once."""

    names: tuple[str, ...]
    columns: tuple[str, ...]

    def repeats(self, row: Sequence[str | None]) -> bool:
        """Whether a row is the header again."""
        return [(value or "").strip() for value in row] == [name.strip() for name in self.names]


def header_of(lines: Sequence[Sequence[str]]) -> Header:
    """The header that lines of a table make together.

    Args:
        lines: the cells of each line, from the top.

    Returns:
        Each column by its lowest name; where several have the same one, by the one above too (`Times Created`), which a
        merged cell gives to all columns below it.

    >>> header_of([["ID", "Times", ""], ["", "Created", "Solved"]]).columns
    ('ID', 'Created', 'Solved')
    >>> header_of([["ID", "First", "", "Last", ""], ["", "at", "by", "at", "by"]]).columns
    ('ID', 'First at', 'First by', 'Last at', 'Last by')
    """
    width = max((place for line in lines for place, value in enumerate(line, start=1) if value.strip()), default=0)
    rows = [[*(value.strip() for value in line[:width]), *[""] * (width - len(line))] for line in lines]
    groups = [_carried_on(row) for row in rows[:-1]]
    lowest = [next((row[place] for row in reversed(rows) if row[place]), "") for place in range(width)]
    counts = Counter(name.casefold() for name in lowest)
    names = [
        " ".join(dict.fromkeys([*(group[place] for group in groups if group[place]), name]))
        if counts[name.casefold()] > 1
        else name
        for place, name in enumerate(lowest)
    ]
    return Header(tuple(names), tuple(distinct_names(names)))


def _carried_on(row: Sequence[str]) -> list[str]:
    """Names of groups over all their columns."""
    carried, last = [], ""
    for value in row:
        last = value or last
        carried.append(last)
    return carried
