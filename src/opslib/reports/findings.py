"""What a notebook hands over of what it found, for whoever shows the findings of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opslib.analysis.findings.register import HANDED_OVER, Kind
from opslib.display import mime, words
from opslib.display.cells import bullets, is_known
from opslib.display.markup import Markup, note


def hours_in_words(row: Any) -> str:
    """What a finding costs in hours, in a sentence; why that is not known, where its kind can cost any; else "".

    Args:
        row: of the register, with its columns as attributes.
    """
    if not is_known(row.hours):
        return str(row.hours_missing or "") if row.kind in HANDED_OVER and is_known(row.size) else ""
    is_ranged = is_known(row.hours_low) and is_known(row.hours_high)
    span = f" ({words.decimal(row.hours_low, 1)} to {words.decimal(row.hours_high, 1)})" if is_ranged else ""
    return f"About {words.decimal(row.hours, 1)} hours of work a week{span}."


class FindingsHandover:
    """The findings of one kind of a team's week: a list to read, and with it the rows of the register.

    Args:
        kind: what they are; those of the week before this run are replaced, also by none.
        rows: of `register.finding`.
        nothing: what stands there where there is none.
    """

    def __init__(self, kind: Kind, rows: Sequence[Mapping[str, Any]], *, nothing: str) -> None:
        self.kind = kind
        self.rows = [dict(row) for row in rows]
        self.list: Markup = bullets([str(row["what"]) for row in self.rows]) if self.rows else note(nothing)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        record = {"kind": self.kind, "findings": self.rows}
        return {mime.FINDINGS: record, "text/html": self.list.html, "text/plain": self.list.text}

    def __repr__(self) -> str:
        return self.list.text
