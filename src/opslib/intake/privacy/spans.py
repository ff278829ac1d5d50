"""Places in a text that hold personal data: put together, masked, replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from opslib.intake.privacy.kinds import KINDS

Span = tuple[int, int, str]
"""Start, end and kind of a piece of personal data in a text."""
MASK: Final = "\x00"
"""Stands in for a piece while the other kinds are looked for: part of no pattern, so that nothing matches across it."""


def windows(text: str, heads: re.Pattern[str], before: int, after: int) -> list[tuple[int, int]]:
    """Stretches of a text around certain words, without overlaps: patterns that begin slowly search only there.

    Args:
        text: as it is.
        heads: the words, in lower case and without any flag, so that the engine skips to their first letters.
        before: characters of a stretch before a word.
        after: characters of it behind the beginning of a word.
    """
    lowered = text.lower()
    if len(lowered) != len(text):
        return [(0, len(text))]
    stretches: list[tuple[int, int]] = []
    for match in heads.finditer(lowered):
        start, end = max(0, match.start() - before), match.start() + after
        if stretches and start <= stretches[-1][1]:
            stretches[-1] = (stretches[-1][0], end)
        else:
            stretches.append((start, end))
    return stretches


def matches_in(text: str, stretches: list[tuple[int, int]], *patterns: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """What patterns match within stretches of a text."""
    for pattern in patterns:
        for start, end in stretches:
            for match in pattern.finditer(text, start, end):
                # What reaches the end of a stretch may go on behind it.
                yield (pattern.match(text, match.start()) or match) if match.end() == end else match


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
