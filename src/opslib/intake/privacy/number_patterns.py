"""Bank accounts, addresses of devices, payment cards and social security numbers in a text, by form and check sum."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

import numpy as np

from opslib.intake.privacy.spans import Span

_DIGIT: Final = re.compile("[0-9]")
# Patterns that start with a digit skip fast over everything else: what has to stand before it is looked at afterwards.
# A run of digits and what may stand between them, long enough for a number that belongs to a person.
RUN: Final = re.compile(r"[0-9][0-9().\-/+_\s]{5,}[0-9]")

# Lengths from the registry of ISO 13616.
_IBAN_LENGTHS: Final = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FK FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH CR HR LI LV",
        22: "BG BH DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}
_IBAN: Final = re.compile(
    r"[0-9](?<=[A-Z]{2}[0-9])(?<![A-Z0-9][A-Z]{2}[0-9])[0-9](?:[ -]?[A-Z0-9]){11,29}", re.IGNORECASE
)


def ibans(text: str) -> list[Span]:
    """International bank account numbers of the right length for their country and with a right check sum."""
    spans: list[Span] = []
    place = 0
    while (match := _IBAN.search(text, place)) is not None:
        place = match.start() + 2
        start = match.start() - 2
        candidate = text[start : match.end()]
        length = _IBAN_LENGTHS.get(candidate[:2].upper(), 0)
        ends = [index + 1 for index, character in enumerate(candidate) if character.isalnum()]
        if not length or len(ends) < length:
            continue
        number = candidate[: ends[length - 1]].replace(" ", "").replace("-", "").upper()
        rearranged = "".join(str(int(character, 36)) for character in number[4:] + number[:4])
        if int(rearranged) % 97 == 1:
            place = start + ends[length - 1]
            spans.append((start, place, "iban"))
    return spans


_IPV4: Final = re.compile(r"[0-9](?<![0-9.][0-9])[0-9]{0,2}(?:\.[0-9]{1,3}){3}(?![0-9]|\.[0-9])")
_VERSION_BEFORE: Final = re.compile(
    r"(?:\b(?:v|ver|version|build|release|firmware|driver|revision)s?\b\.?|[A-Za-z]/|\bv)\s?:?\s?\Z", re.IGNORECASE
)
_IPV6: Final = re.compile(r"(?<![\w:.])(?=[0-9A-Fa-f]{0,4}:)([0-9A-Fa-f:.]{3,45}+)(?![\w:])")


def ipv4(text: str) -> list[Span]:
    """Addresses of devices, version 4; version numbers of software look the same and are left."""
    spans: list[Span] = []
    for match in _IPV4.finditer(text):
        start, end = match.span()
        if _names_a_device(match.group()) and not _VERSION_BEFORE.search(text, max(0, start - 14), start):
            spans.append((start, end, "ip"))
    return spans


def ipv6(text: str) -> list[Span]:
    """Addresses of devices, version 6."""
    if "::" not in text and text.count(":") < 7:
        return []
    spans: list[Span] = []
    for match in _IPV6.finditer(text):
        candidate = match.group(1).rstrip(".")
        if candidate.endswith(":") and not candidate.endswith("::"):
            candidate = candidate[:-1]
        # "a::b" is a scope in several programming languages.
        if candidate.count(":") >= 2 and _DIGIT.search(candidate) and _names_a_device(candidate):
            spans.append((match.start(), match.start() + len(candidate), "ip"))
    return spans


def _names_a_device(candidate: str) -> bool:
    try:
        address = ipaddress.ip_address(candidate)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or candidate.startswith("255."))


# Payment cards: digits in one piece, or in the groups that are printed on cards.
SHORTEST_CARD: Final = 13
_LONGEST_CARD: Final = 19
_CARD_RUN: Final = re.compile(r"[0-9]{13,}")
_GAP: Final = r"(?:\s?[-./_]\s?|\s{1,2})"
_CARD_GROUPS: Final = re.compile(
    r"(?=("
    rf"[0-9]{{4}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{1,7}}(?:{_GAP}[0-9]{{1,3}})?"
    rf"|[0-9]{{4}}{_GAP}[0-9]{{6}}{_GAP}[0-9]{{4,5}}"
    r"))[2-6]"
)
# Issuer ranges by length, after ISO/IEC 7812: used where a number has to be found within a longer run.
_ISSUED: Final = re.compile(
    r"3(?:0[0-5]|[689]\d)\d{11}|3[47]\d{13}|4\d{12}(?:\d{3}){0,2}|5[0-8]\d{14}|6\d{15}(?:\d{3})?"
    r"|2(?:2(?:2[1-9]|[3-9]\d)|[3-6]\d\d|7(?:[01]\d|20))\d{12}|220[0-4]\d{12}|35(?:2[89]|[3-8]\d)\d{12}"
)
_DOUBLED: Final = str.maketrans("0123456789", "0246813579")


def cards(text: str) -> list[Span]:
    """Numbers of payment cards, in one piece, in groups, or within a longer run of digits."""
    spans: list[Span] = []
    for match in _CARD_RUN.finditer(text):
        start, end = match.span()
        glued = text[max(0, start - 1) : start].isalpha() or text[end : end + 1].isalpha()
        if end - start <= _LONGEST_CARD and not glued and _is_card(match.group()):
            spans.append((start, end, "card"))
        else:
            spans.extend(_cards_within(match.group(), start))
    for match in _CARD_GROUPS.finditer(text):
        groups = match.group(1)
        ends = [index + 1 for index, character in enumerate(groups) if character.isdigit()]
        digits = "".join(filter(str.isdigit, groups))
        for length in range(min(_LONGEST_CARD, len(digits)), SHORTEST_CARD - 1, -1):
            number = digits[:length]
            if _is_card(number) if length == len(digits) else _ISSUED.fullmatch(number) and _luhn(number):
                spans.append((match.start(), match.start() + ends[length - 1], "card"))
                break
    return spans


def _is_card(digits: str) -> bool:
    # 2 begins some cards, and every year and timestamp.
    return (digits[0] in "3456" or _ISSUED.fullmatch(digits) is not None) and _luhn(digits)


def _luhn(digits: str) -> bool:
    # Where doubling gives two digits, their sum is what counts.
    doubled = digits[-2::-2].translate(_DOUBLED)
    return (sum(map(int, digits[::-2])) + sum(map(int, doubled))) % 10 == 0


def _cards_within(run: str, offset: int) -> list[Span]:
    """Card numbers inside a longer run of digits: the check sums of all windows at once, from running sums."""
    digits = np.frombuffer(run.encode("ascii"), dtype=np.uint8).astype(np.int64) - ord("0")
    doubled = digits * 2 - 9 * (digits > 4)
    even = np.arange(len(digits)) % 2 == 0
    plain_at_odd, plain_at_even = (
        np.concatenate([[0], np.cumsum(np.where(even == plain, digits, doubled))]) for plain in (False, True)
    )
    spans: list[Span] = []
    for length in range(SHORTEST_CARD + 1, min(_LONGEST_CARD, len(digits)) + 1):
        last_is_even = even[length - 1 :]
        totals = np.where(
            last_is_even,
            plain_at_even[length:] - plain_at_even[:-length],
            plain_at_odd[length:] - plain_at_odd[:-length],
        )
        for start in np.flatnonzero(totals % 10 == 0).tolist():
            if _ISSUED.fullmatch(run, start, start + length):
                spans.append((offset + start, offset + start + length, "card"))
    return spans


# A number of the Social Security Administration has no part of zeros only and no area 666; from 900 on they are
# taxpayer numbers.
SHORTEST_SSN: Final = 9
_SSN: Final = re.compile(r"([0-9]{3})(?:\s?-\s?|([ .]))([0-9]{2})(?(2)\2|\s?-\s?)([0-9]{4})")
_NINE_DIGITS: Final = re.compile(r"[0-9](?<![0-9][0-9])[0-9]{8}(?![0-9])")
_NUMBER_BEFORE: Final = re.compile(r"(?:[\w.,$-]|[0-9][\s/])\Z")
_NUMBER_AFTER: Final = re.compile(r"[\w-]|[ .,][0-9]")
_SSN_NAMED: Final = re.compile(
    r"\b(?:ssn|social(?:\s(?:security|insurance))?|itin|tax\s?id)\b(?:\s(?:number|no\.?|num|#))?[\s:=#]{0,3}(?:is|was)?\s?\Z",
    re.IGNORECASE,
)


def ssns(text: str) -> list[Span]:
    """US social security and taxpayer numbers."""
    spans: list[Span] = []
    for match in _SSN.finditer(text):
        area, separator, group, serial = match.groups()
        start, end = match.span()
        if area in ("000", "666") or group == "00" or serial == "0000":
            continue
        # With hyphens the form says enough; with spaces it may be part of a row of numbers.
        if separator and (_NUMBER_BEFORE.search(text, max(0, start - 2), start) or _NUMBER_AFTER.match(text, end)):
            continue
        spans.append((start, end, "ssn"))
    for match in _NINE_DIGITS.finditer(text):
        start = match.start()
        if _SSN_NAMED.search(text, max(0, start - 40), start):
            spans.append((start, match.end(), "ssn"))
    return spans
