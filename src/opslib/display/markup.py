"""What a notebook displays that is no figure: HTML, and the same in plain text."""

from __future__ import annotations

from html import escape
from typing import Any


class Markup:
    """HTML with the same in plain text. All that came from data has been escaped by who made it."""

    def __init__(self, html: str, text: str) -> None:
        self.html = html
        self.text = text

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}

    def __repr__(self) -> str:
        return self.text


def note(text: str) -> Markup:
    """A line that stands where a figure or table would, such as what an export lacks.

    Args:
        text: one sentence.
    """
    return Markup(f'<p class="note">{escape(text)}</p>', text)
