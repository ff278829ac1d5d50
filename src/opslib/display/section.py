"""What a section of a report shows: its answer in a sentence, what backs it, and whether a reader has to open it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from opslib.display import mime


class Section:
    """Everything below one heading of a notebook that a page shows, folds or leaves out as one.

    Args:
        parts: what it shows: figures, tables, lines of text, in this order.
        answer: one sentence, the answer to what the heading asks; a page sets it beside the heading.
        folded: whether a page shows no more than the heading and the answer until it is opened.
    """

    missing = ""

    def __init__(self, *parts: Any, answer: str = "", folded: bool = False) -> None:
        self.parts = parts
        self.answer = answer
        self.folded = folded

    def _ipython_display_(self) -> None:
        from IPython import display

        publish: Callable[..., Any] = display.display
        said = self.answer or self.missing
        bundle = {
            mime.SECTION: {"answer": self.answer, "folded": self.folded, "missing": self.missing},
            "text/html": f"<p>{escape(said)}</p>" if said else "",
            "text/plain": said,
        }
        publish(bundle, raw=True)
        for part in self.parts:
            publish(part)

    def __repr__(self) -> str:
        return "\n".join([*([said] if (said := self.answer or self.missing) else []), *map(repr, self.parts)])


class LeftOut(Section):
    """A section without content: a page names it, with the reason, in one list at its end.

    Args:
        reason: why there is nothing, in a sentence.
    """

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.missing = reason
