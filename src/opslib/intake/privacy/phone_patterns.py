"""Telephone numbers in a text: by the forms that are usual, and by the phonenumbers library."""

from __future__ import annotations

import re
from typing import Final

from phonenumbers import Leniency, PhoneNumberMatcher

from opslib.intake.privacy.spans import Span, mask, merge

# Telephone numbers as they are written in North America, whether the number is in use or not: 555-01xx is not.
_EXTENSION: Final = r"(?:[ ,]{0,2}(?:ext(?:ension)?\.?|x)[ :]?[0-9]{1,6})?"
SHORTEST_NANP: Final = 10
_NANP: Final = re.compile(
    r"(?<![\w.,$€£#/+-])(?:\+?1[ .-]?)?"
    r"(?:\([0-9]{3}\)[ .-]{0,2}[0-9]{3}[ .-]?|(?:[0-9]{3}[.-]|[2-9][0-9]{2} )[0-9]{3}[ .-])[0-9]{4}(?![0-9]|[-/][0-9])"
    + _EXTENSION,
    re.IGNORECASE,
)
_SEVEN_DIGITS: Final = re.compile(r"[2-9](?<![\w.,#$-][2-9])[0-9]{2}[-. ]?[0-9]{4}(?![0-9-])")
_CALL_BEFORE: Final = re.compile(
    r"\b(?:call|calling|called|phone|tel|telephone|cell|mobile|text|fax|reach(?:ed)?|ring)\b[^0-9\n\x00]{0,24}\Z",
    re.IGNORECASE,
)
_PAUSE: Final = r"(?:[ ]{1,2}|[ ]?[.\-/][ ]?|[ .-]?\(|\)[ .-]?)?"
_INTERNATIONAL: Final = re.compile(
    rf"(?<![\w+.])(?:\+|\(\+|00(?=[ ]?[1-9]))[ ]?\(?[1-9](?:{_PAUSE}[0-9]){{7,14}}(?![0-9])" + _EXTENSION, re.IGNORECASE
)
# The bound keeps one call of the library short; what is longer is looked at in pieces.
_MAYBE_PHONE: Final = re.compile(rf"(?<![0-9])\(?[0-9](?:{_PAUSE}[0-9]){{6,39}}+" + _EXTENSION, re.IGNORECASE)
_GLUED_BEFORE: Final = re.compile(r"[\w#$€£¥.=:/\\-]\Z")
_GLUED_AFTER: Final = re.compile(r"[\w%]|[-/.:][0-9]|,[0-9]{3}(?![0-9])")
DATE: Final = re.compile(
    r"(?:(?:19|20)[0-9]{2}[-/. ][01]?[0-9][-/. ][0-3]?[0-9]|[0-3]?[0-9][-/.][0-3]?[0-9][-/.](?:19|20)?[0-9]{2}"
    r"|(?:19|20)[0-9]{6})(?![0-9])"
)
_NUMBER_OF_A_THING: Final = re.compile(
    r"\b(?:order|ticket|case|invoice|ref(?:erence)?|tracking|bug|issue|serial|sku|isbn|asin|upc|transaction|confirmation|request|session|build|"
    r"batch|account|user|device|video|post|id)s?\b(?:\s?(?:ids?|no\.?|numbers?|num|code))?(?:\s(?:is|was))?[\s:#=(\[\"']{0,3}\Z",
    re.IGNORECASE,
)


def _is_of_a_thing(text: str, start: int) -> bool:
    return _NUMBER_OF_A_THING.search(text, max(0, start - 40), start) is not None


def phones(text: str, region: str, full: bool) -> list[Span]:
    """Telephone numbers; `region` is the country whose national numbers are meant.

    With `full`, the text has digits enough in a row for a whole number of North America.
    """
    spans: list[Span] = []
    if full:
        for match in _NANP.finditer(text):
            # No area begins with 0 or 1, but people write 123-456-7890.
            if match.group().lstrip("(")[0] in "01" and _is_of_a_thing(text, match.start()):
                continue
            spans.append((match.start(), match.end(), "phone"))
    if "+" in text or (full and "00" in text):
        spans.extend(
            (match.start(), match.end(), "phone")
            for match in _INTERNATIONAL.finditer(text)
            if _is_international(match.group(), region)
        )
    if spans:
        spans = merge(spans)
        text = mask(text, spans)
    for match in _MAYBE_PHONE.finditer(text):
        start, end = match.span()
        if DATE.match(text, start, end) or _GLUED_AFTER.match(text, end):
            continue
        has_prefix = start and _GLUED_BEFORE.match(text, start - 1, start)
        if has_prefix and not _TEL_BEFORE.search(text, max(0, start - 24), start):
            continue
        if _is_of_a_thing(text, start):
            continue
        for hit in PhoneNumberMatcher(match.group(), region, Leniency.VALID):
            # What follows a decimal point is the rest of a number.
            if hit.start == 0 or not match.group()[: hit.start].endswith("."):
                spans.append((start + hit.start, start + hit.end, "phone"))
    for match in _SEVEN_DIGITS.finditer(text):
        start = match.start()
        if _CALL_BEFORE.search(text, max(0, start - 36), start) and not _is_of_a_thing(text, start):
            spans.append((start, match.end(), "phone"))
    return spans


_TEL_BEFORE: Final = re.compile(
    r"(?:tel|phone|mobile|cell|call|fax|sms|whatsapp|number)\s?(?:no\.?|number)?\s?[:=.]\Z", re.IGNORECASE
)


def _is_international(number: str, region: str) -> bool:
    if number.startswith("00"):
        return any(True for _ in PhoneNumberMatcher("+" + number[2:], region, Leniency.VALID))
    digits = sum(map(str.isdigit, number))
    has_groups = any(character in number for character in " -.()/")
    return has_groups or digits >= 10 or any(True for _ in PhoneNumberMatcher(number, region, Leniency.VALID))
