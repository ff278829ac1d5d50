"""Street addresses of the US form and PO boxes in a text."""

from __future__ import annotations

import re
from typing import Final

from opslib.intake.notation import words_of
from opslib.intake.privacy.spans import Span

# Street addresses of the US form.
_DIRECTION: Final = r"(?:[NSEW]\.?|N\.?[EW]\.?|S\.?[EW]\.?|north(?:east|west)?|south(?:east|west)?|east|west)"
_STATE: Final = (
    "A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|S[CD]|T[NX]|UT|V[AT]|"
    "W[AIVY]"
)
_BREAK: Final = r"(?:\s|,|<br\s?/?>){1,6}"
_ZIP: Final = r"[0-9]{5}(?:-[0-9]{4})?(?![0-9])"
_TOWN: Final = rf"(?:{_BREAK}[A-Za-z][A-Za-z.'-]{{0,24}}){{0,4}}?{_BREAK}(?:{_STATE})\.?(?:{_BREAK}{_ZIP})?(?![\w'])"
_WORD: Final = r"(?:[0-9]{1,3}(?:st|nd|rd|th)|[A-Za-z][\w.'-]{0,24}+)"
_ADDRESS: Final = re.compile(
    rf"[0-9](?<![\w.,$€£#:/@+=\x00-][0-9])[0-9]{{0,5}}+[A-Za-z]?(?:-[0-9]{{1,4}}|[ ]1/2)?[ \t]{{1,2}}"
    rf"(?:"
    rf"(?P<route>(?:US|U\.S\.|state|county|old|farm|rural)[ \t](?:highway|hwy|route|rte|road|rd)[ \t][0-9]{{1,4}}\b)"
    rf"|(?:{_DIRECTION}[ \t])?(?P<words>(?:{_WORD}[ \t]{{1,2}}){{1,4}}?)"
    rf"(?P<suffix>street|st|avenue|ave|av|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|place|pl|way|terrace|ter|circle|cir|parkway|pkwy|"
    rf"highway|hwy|square|sq|trail|trl|alley|aly|loop|plaza|plz|crescent|crossing|run|path|point|pt|row|ridge|turnpike|tpke|expressway|expy)\b\.?"
    rf"|(?P<bare>broadway)\b"
    rf")"
    rf"(?:[ \t]{_DIRECTION}(?![\w']))?"
    rf"(?P<unit>{_BREAK}"
    rf"(?:(?:apt|apartment|unit|suite|ste|floor|fl|room|rm|bldg|building)\b\.?[ \t]?#?[ \t]?[\w-]{{1,6}}"
    rf"|#[ \t]?[\w-]{{1,6}}))?"
    rf"(?P<place>{_TOWN}|(?:{_BREAK}(?-i:[A-Z])[A-Za-z.'-]{{0,24}}){{1,6}}?{_BREAK}{_ZIP})?",
    re.IGNORECASE,
)
_BOX: Final = re.compile(
    rf"\b(?:p\.?[ ]?o\.?|post office)[ ]?box[ ]#?[0-9]{{1,7}}\b(?:{_TOWN})?",
    re.IGNORECASE,
)
# Suffixes that are hardly ever another word; the others count only in a name written with capitals, or before a unit, a
# state or a ZIP code.
_PLAIN_SUFFIX: Final = words_of(
    """
    street avenue ave road rd boulevard blvd lane ln parkway pkwy highway hwy terrace turnpike tpke expressway
    expy
    """
)
# Words that do not stand between a house number and the end of a street's name.
_NO_STREET: Final = words_of(
    """
    a an and or the of on in at to from for by with without is are was were be been my your our their his her
    this that these those it i we you they about near off into onto over under down up out along across after
    before between than as not no but so if when where which who what how per via more less last next other
    same different mile miles block blocks car cars day days week weeks month months year years hour hours
    minute minutes second seconds min mins people person men women guys times time percent meters metres feet
    km hard disk usb flash external internal google one shared network cloud tape ssd hdd thumb pen virtual
    better best easy only single step steps pages items emails messages tickets users customers orders am pm gb
    mb tb kb ghz mhz bit new folders files accounts won't didn't can't don't has have had do does did will
    would can could should must get got gets went go goes come came take took takes find found see saw make
    made working
    """
)
_YEAR_BEFORE: Final = re.compile(
    r"\b(?:in|since|by|during|until|of|from|year|early|late|jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec|january|february|march|april|"
    r"august|september|october|november|december)\.?\s\Z",
    re.IGNORECASE,
)
_YEAR: Final = re.compile(r"(?:19|20)[0-9]{2}\s")


def addresses(text: str) -> list[Span]:
    """Street addresses with house number, and PO boxes."""
    spans: list[Span] = []
    place = 0
    while (match := _ADDRESS.search(text, place)) is not None:
        if _is_address(match, text):
            spans.append((match.start(), match.end(), "address"))
            place = match.end()
        else:
            # The words of one that is none may hold the number of the next.
            place = match.start() + 1
            while place < len(text) and text[place].isdigit():
                place += 1
    if "box" in text.lower():
        spans.extend((match.start(), match.end(), "address") for match in _BOX.finditer(text))
    return spans


def _is_address(match: re.Match[str], text: str) -> bool:
    start = match.start()
    if _YEAR.match(text, start) and _YEAR_BEFORE.search(text, max(0, start - 12), start):
        return False
    words, suffix = match.group("words"), match.group("suffix")
    if words is None:
        return True
    names = words.split()
    if any(name.lower().rstrip(".") in _NO_STREET for name in names):
        return False
    if match.group("unit") or match.group("place"):
        return True
    if suffix.lower() in _PLAIN_SUFFIX:
        return True
    if suffix.lower() == "st" and len(names) <= 2:
        return True
    return suffix[0].isupper() and all(name[0].isupper() or name[0].isdigit() for name in names)
