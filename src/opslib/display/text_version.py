"""A report as text that can be pasted into a mail or a wiki; the run writes it into a file beside the page."""

from __future__ import annotations

from html import escape
from typing import Any

from opslib.display import mime


class TextVersion:
    """Markdown of a report.

    Args:
        markdown: what came from data is escaped in it by who made it.
    """

    def __init__(self, markdown: str) -> None:
        self.markdown = markdown

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {
            mime.TEXT: {"markdown": self.markdown},
            "text/html": f"<pre>{escape(self.markdown)}</pre>",
            "text/plain": self.markdown,
        }

    def __repr__(self) -> str:
        return self.markdown
