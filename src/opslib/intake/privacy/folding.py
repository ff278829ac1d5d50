"""Texts as the patterns want them: look-alikes, encodings and breaks undone, with the place of each character."""

from __future__ import annotations

import html
import re
import sys
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from operator import itemgetter
from typing import Final, NamedTuple

# Look-alikes of what patterns look for: digits of other scripts, full-width and mathematical forms, dashes, dots and
# spaces; one character for one character.
_DASHES: Final = [*range(0x2010, 0x2016), 0x2043, 0x2212, 0xFE58, 0xFE63]
_SPACES: Final = [0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000]
_DOTS: Final = [0x2024, 0x3002, 0xFE52, 0xFF61]
_ATS: Final = [0xFE6B, 0x24D0]
_FOLD: Final = {
    **{
        code: unicodedata.normalize("NFKC", chr(code))
        for code in [*range(0xFF01, 0xFF5F), *range(0x1D400, 0x1D800), *range(0x24B6, 0x24EA)]
        if len(unicodedata.normalize("NFKC", chr(code))) == 1
    },
    **{
        code: str(digit)
        for code in [*range(0x80, 0x10000), *range(0x10000, 0x1FC00)]
        if (digit := unicodedata.decimal(chr(code), None)) is not None
    },
    **{0x2460 + number: str(number + 1) for number in range(9)},
    0x24EA: "0",
    **dict.fromkeys(_DASHES, "-"),
    **dict.fromkeys(_SPACES, " "),
    **dict.fromkeys(_DOTS, "."),
    **dict.fromkeys(_ATS, "@"),
}
# Characters without width are used to hide addresses from filters.
_NO_WIDTH: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
)
# Escapes of visible characters only: what ends an address must not come out of one.
# Signs of an address only: behind a per cent sign digits are as often a number of their own.
_PERCENT: Final = r"%(?:25)?(?:40|2[BDEbde]|5[Ff])(?![0-9])"
_ENTITY: Final = (
    r"&(?:amp;)?(?:#[0-9]{1,7};|#0{0,5}(?:64|46)(?![0-9;-])|#[xX][0-9A-Fa-f]{1,6};"
    r"|(?:commat|period|nbsp|shy|zwnj|zwj|hyphen|lowbar|plus|colon);?)"
)
_QUOTED_PRINTABLE: Final = r"=40(?<=[\w.+-]=40)(?=[\w-]+(?:\.|=2[Ee])\w)|=2[Ee](?<=\w=2[Ee])(?=\w)"
_SOFT_BREAK: Final = r"=\r?\n(?=\S)"
_ESCAPE: Final = r"\\u00[2-7][0-9A-Fa-f]"
_TAG: Final = r"/?(?:b|i|u|em|strong|span|font|a|mark|code)\b[^<>]{0,120}>"
_TAGS: Final = (
    rf"<(?<=\w<)(?:wbr\s?/?>|!--[^<>]{{0,80}}-->)(?=[\w@.])|<(?<=[@.]<)(?:{_TAG}|wbr\s?/?>|"
    rf"!--[^<>]{{0,80}}-->)(?=[\w@<])"
    rf"|<(?<=\w<){_TAG}(?=[@.]\w|@)"
)
_HIDDEN: Final = re.compile(
    rf"(?P<nothing>[{_NO_WIDTH}]|{_SOFT_BREAK}|{_TAGS})"
    rf"|(?P<percent>{_PERCENT})|(?P<entity>{_ENTITY})|(?P<quoted>{_QUOTED_PRINTABLE})|(?P<escape>{_ESCAPE})",
)
# Dots in the middle of a line count as dots only between the labels of a host, and as separators between digits.
_MIDDLE_DOT: Final = re.compile("(?<=[A-Za-z])[\u00b7\u2027\u2022\u2219\u22c5\u30fb](?=[A-Za-z])")
_MARKS: Final = re.compile("(?<=[A-Za-z0-9])[\u0300-\u036f\u20d0-\u20f0]+")

FOLDABLE: Final = (
    r"[^\x00-\x{7F}\p{L}\x{2018}-\x{201E}\x{2026}\x{20AC}\x{A3}\x{A9}\x{AE}\x{BF}\x{A1}]|"
    r"[\x{FF21}-\x{FF5A}\x{1D400}-\x{1D7FF}]"
    r"|%(?:25)?[245]|&(?:amp;)?(?:#|commat|period|nbsp|shy|zw|hyphen|lowbar|plus|colon)|=40|=2[Ee]|=\r?\n|\\u00"
    r"|<wbr|<!--|[@.]<|\w</?[a-zA-Z][^<>]*>[@.]"
)
"""RE2 pattern of texts that `fold` may change."""


class Folded(NamedTuple):
    """A text as the patterns want it, and the pieces of the text as it stood that became something else in it.

    `pieces` are the place of a piece in `visible`, its length there, and where it begins and ends in the text.
    """

    visible: str
    pieces: tuple[tuple[int, int, int, int], ...] = ()

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Where in the text stands what is between two places of `visible`."""
        return self._origin(start)[0], self._origin(end - 1)[1]

    def _origin(self, place: int) -> tuple[int, int]:
        """Where in the text begins and ends what became one character."""
        number = bisect_right(self.pieces, place, key=itemgetter(0)) - 1
        if number < 0:
            return place, place + 1
        visible, length, start, end = self.pieces[number]
        if place < visible + length:
            return start, end
        return end + place - visible - length, end + place - visible - length + 1


def fold(text: str) -> Folded:
    """Undo what hides personal data from patterns.

    Args:
        text: as it stands in the export.

    Returns:
        The text as the patterns want it.

    Notes:
        Look-alikes (digits of other scripts, full-width and mathematical forms, dashes, dots, spaces) become ASCII;
        characters without width, soft line breaks and tags within an address go; `%40`, `&#64;`, `=40` and `\\u0040`
        are decoded where they stand for a visible character.
    """
    folded = text if text.isascii() else _MIDDLE_DOT.sub(".", text.translate(_FOLD))
    parts: list[str] = []
    pieces: list[tuple[int, int, int, int]] = []
    done = length = 0
    for start, end, meaning in _pieces(folded):
        parts += (folded[done:start], meaning)
        length += start - done
        pieces.append((length, len(meaning), start, end))
        length += len(meaning)
        done = end
    if not pieces:
        return Folded(folded)
    parts.append(folded[done:])
    return Folded("".join(parts), tuple(pieces))


def _pieces(text: str) -> Iterator[tuple[int, int, str]]:
    """Where something hides, and the character that it stands for, or nothing."""
    marks = () if text.isascii() else _MARKS.finditer(text)
    pieces = [(match.start(), match.end(), "") for match in marks]
    pieces += [(match.start(), match.end(), _meaning(match)) for match in _HIDDEN.finditer(text)]
    done = 0
    for start, end, meaning in sorted(pieces):
        if start >= done and text[start:end] != meaning:
            yield start, end, meaning
            done = end


def _meaning(match: re.Match[str]) -> str:
    piece = match.group()
    match match.lastgroup:
        case "percent" | "quoted" | "escape":
            return chr(int(piece[-2:], 16))
        case "entity":
            return _character(piece.replace("&amp;", "&", 1))
        case _:
            return ""


def _character(entity: str) -> str:
    """The character of an HTML entity, folded; an entity that has none, or one that ends a word, stays."""
    if entity.startswith("&#"):
        digits = entity[2:].rstrip(";")
        code = int(digits[1:], 16) if digits[:1] in "xX" else int(digits)
        if not 0x20 <= code <= sys.maxunicode or 0xD800 <= code < 0xE000 or chr(code) in "<>\"'&":
            return entity
        character = chr(code)
    else:
        character = html.unescape(entity if entity.endswith(";") else entity + ";")
    character = character.translate(_FOLD)
    return "" if re.fullmatch(f"[{_NO_WIDTH}]", character) else character
