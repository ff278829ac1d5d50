"""What a notebook hands over of what it found, for whoever shows the findings of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opslib.analysis.findings.register import Kind
from opslib.display import mime
from opslib.display.cells import bullets
from opslib.display.markup import Markup, note


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
