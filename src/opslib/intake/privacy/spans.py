"""Places in a text that hold personal data: put together, masked, replaced."""

from __future__ import annotations

from typing import Final

from opslib.intake.privacy.kinds import KINDS

Span = tuple[int, int, str]
"""Start, end and kind of a piece of personal data in a text."""
MASK: Final = "\x00"
"""Stands in for a piece while the other kinds are looked for: part of no pattern, so that nothing matches across it."""


def merge(spans: list[Span]) -> list[Span]:
    """The spans in order, with those that overlap put together under the kind of the first."""
    spans.sort()
    disjoint = [spans[0]]
    for span in spans[1:]:
        start, end, kind = disjoint[-1]
        if span[0] < end:
            disjoint[-1] = (start, max(end, span[1]), kind)
        else:
            disjoint.append(span)
    return disjoint


def mask(text: str, spans: list[Span]) -> str:
    """The text with `MASK` in the place of every character of a span."""
    parts: list[str] = []
    done = 0
    for start, end, _ in spans:
        parts.append(text[done:start])
        parts.append(MASK * (end - start))
        done = end
    parts.append(text[done:])
    return "".join(parts)


def replace(text: str, spans: list[Span]) -> str:
    """The text with the replacement of its kind in the place of each span."""
    parts: list[str] = []
    done = 0
    for start, end, kind in spans:
        parts.append(text[done:start])
        parts.append(KINDS[kind].replacement)
        done = end
    parts.append(text[done:])
    return "".join(parts)
