"""Bank accounts and payment cards in a text: by form and check sum, or after the word that names them."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from opslib.intake.privacy.spans import Span, matches_in, windows

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
    r"[0-9](?:(?<=[A-Z]{2}[0-9])(?<![A-Z0-9][A-Z]{2}[0-9])|(?<=[A-Z]{2}[ .-][0-9])(?<![A-Z0-9][A-Z]{2}[ "
    r".-][0-9]))[0-9](?:\W{0,2}_?[A-Z0-9]){11,32}",
    re.IGNORECASE,
)
_IBAN_BEFORE: Final = re.compile(
    r"iban[^\w\n]{0,3}(?:(?:is|no|nr|number|ist|es|est|code)\b[^\w\n]{0,3}){0,3}\Z", re.IGNORECASE
)
_IBAN_NAMED: Final = re.compile(
    r"\biban[^\w\n]{0,3}(?:(?:is|no|nr|number|ist|es|est|code)\b[^\w\n]{0,3}){0,3}([A-Z]{2}[0-9]{2}(?:[^\w\n]?(?=[A-Z"
    r"]{0,4}[0-9])[A-Z0-9]){9,30})(?![A-Z0-9])",
    re.IGNORECASE,
)
IBAN_SIGN: Final = r"(?i)[a-z]{2}[ .-]?[0-9]{2}[^0-9a-z\n]{0,2}[0-9a-z]{1,4}[^0-9a-z\n]{0,2}[0-9a-z]{3}"
_SEPARATORS: Final = re.compile(r"[\W_]")


_FEWEST_IBAN_DIGITS: Final = 8


def ibans(text: str) -> list[Span]:
    """International bank account numbers of the right length for their country and with a right check sum."""
    spans: list[Span] = []
    place = 0
    while (match := _IBAN.search(text, place)) is not None:
        place = match.start() + 2
        start = match.start() - (2 if text[match.start() - 1].isalpha() else 3)
        candidate = text[start : match.end()]
        length = _IBAN_LENGTHS.get(candidate[:2].upper(), 0)
        ends = [index + 1 for index, character in enumerate(candidate) if character.isalnum()]
        if not length or len(ends) < length:
            continue
        number = _SEPARATORS.sub("", candidate[: ends[length - 1]]).upper()
        rearranged = "".join(str(int(character, 36)) for character in number[4:] + number[:4])
        # Words may have the sum of an account by chance.
        if int(rearranged) % 97 == 1 and sum(map(str.isdecimal, number)) >= _FEWEST_IBAN_DIGITS:
            place = start + ends[length - 1]
            spans.append((start, place, "iban"))
    # One with a slip in it is still somebody's, where the text says what it is.
    spans.extend((*match.span(1), "iban") for match in _IBAN_NAMED.finditer(text))
    return spans


# Payment cards: digits in one piece, or in groups with whatever between them.
SHORTEST_CARD: Final = 13
_LONGEST_CARD: Final = 19
_DIGIT: Final = re.compile("[0-9]")
_CARD_RUN: Final = re.compile(r"[0-9]{13,}")
_GAP: Final = r"(?:[^0-9A-Za-z\x00]{1,3}|<br\s?/?>\s?)"
_CARD_GROUPS: Final = re.compile(
    r"(?=("
    rf"[0-9]{{4}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{1,7}}(?:{_GAP}[0-9]{{1,3}})?"
    rf"|[0-9]{{4}}{_GAP}[0-9]{{6}}{_GAP}[0-9]{{4,5}}"
    rf"|(?<![0-9])[0-9]{{8}}{_GAP}[0-9]{{8}}(?![0-9])|(?<![0-9])[0-9]{{6}}{_GAP}[0-9]{{10,13}}(?![0-9])|"
    rf"[0-9]{{4}}{_GAP}[0-9]{{12}}|[0-9]{{4}}{_GAP}[0-9]{{4}}{_GAP}[0-9]{{8}}(?![0-9])|"
    rf"[0-9]{{4}}{_GAP}[0-9]{{8}}{_GAP}[0-9]{{4}}"
    rf"|(?<![0-9])[0-9]{{2}}(?:{_GAP}[0-9]{{2}}){{6,9}}(?![0-9])|(?<![0-9])[0-9](?:{_GAP}[0-9]){{12,18}}(?![0-9])"
    r"))[2-6]"
)
CARD_SIGN: Final = (
    r"[0-9]{4}<br|[0-9]{13}|[0-9]{4}[^0-9A-Za-z]{1,3}[0-9]{4}|[0-9]{6}[^0-9A-Za-z]{1,3}[0-9]{4}|"
    r"(?:[0-9]{1,2}[^0-9A-Za-z]{1,3}){6}"
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
    for match in matches_in(text, windows(text, _DIGIT, 1, 60), _CARD_GROUPS):
        groups = match.group(1)
        ends = [index + 1 for index, character in enumerate(groups) if character.isdecimal()]
        digits = "".join(filter(str.isdecimal, groups))
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


# Accounts that have no form of their own: by the word before them.
_IS: Final = (
    r"(?:\s?(?:#|no\b\.?|nr\b\.?|n[°º]\.?|nº|num(?:ber|ero)?\b|number\b|numbers\b|num\b|nummer\b|número\b|numéro\b|"
    r"code\b|is\b|was\b|are\b|ist\b|lautet\b|es\b|est\b|é\b|for\b|of\b|my\b|the\b|bank\b|:|=|\(|\)|-|\"|')){0,7}\s?"
)
_NUMBER: Final = r"[0-9](?:[ ./-]?[0-9]){5,21}"
_ACCOUNT: Final = re.compile(
    rf"\b(?:(?:bank\s|checking\s|savings?\s|current\s|my\s|giro|deposit\s|beneficiary\s)?(?:account|acct|acc|"
    rf"a/c)(?:\s?(?:number|no\b\.?|nr\b\.?|num\b|\#))"
    rf"|(?:bank|checking|savings?|current|deposit|beneficiary|debit)\s(?:account|acct|acc|a/c)|a/c|acct\b\.?"
    rf"|kto\.?-?\s?nr\b\.?|(?:bank|giro)?konto(?:nummer|nr\b\.?|-nr\b\.?)|konto|bankverbindung|bankkonto|girokonto|"
    rf"rekening(?:nummer)?"
    rf"|(?:numéro\sde\s)?compte(?:\sbancaire|\scourant)|numéro\sde\scompte|(?:número\sde\s)?cuenta(?:\sbancaria|"
    rf"\scorriente)|número\sde\scuenta|cuenta\sn[º°o]"
    rf"|conta(?:\sbancária|\scorrente|\spoupança)|número\sda\sconta|clabe|cbu|conto\s(?:corrente|bancario)|"
    rf"numer\skonta)(?![A-Za-z])"
    rf"{_IS}({_NUMBER})(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_SORT_CODE: Final = re.compile(
    rf"\b(?:sort\s?-?code|s/c|sc|blz|bankleitzahl|bsb|bank\scode|branch\s(?:code|number)|transit(?:\snumber)?|"
    rf"institution\snumber)\b"
    rf"{_IS}([0-9]{{2}}[ ./_·-]?[0-9]{{2}}[ ./_·-]?[0-9]{{2,4}}|[0-9]{{3}}[ -]?[0-9]{{3}}(?:[ -]?[0-9]{{2}})?|"
    rf"[0-9]{{5}}-[0-9]{{3}})(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_ROUTING: Final = re.compile(
    rf"\b(?:routing|aba|rtn|ach|micr|ifsc|transit)(?:\s(?:number|no\b\.?|num|code|\#))?\b{_IS}([0-9]{{4}}[ "
    rf"-]?[0-9]{{4}}[ -]?[0-9]|[0-9]{{9}}|[A-Z]{{4}}0[A-Z0-9]{{6}})(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_AFTER_SORT_CODE: Final = re.compile(
    r"[\s,;:/|&+-]{0,4}(?:and|und|account|acct|acc|a/c|no\b\.?|number|is|#|:|\s){0,8}([0-9]{6,10}|[0-9]{4}[ "
    r"-][0-9]{4})(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_SORT_AND_ACCOUNT: Final = re.compile(
    r"(?<![\w-])([0-9]{2}-[0-9]{2}-[0-9]{2})[\s,;/|]{1,3}([0-9]{8}|[0-9]{4}[ ][0-9]{4})(?![0-9A-Za-z-])"
)
_BIC: Final = re.compile(
    rf"\b(?:swift|bic)(?:[\s/](?:bic|swift|code))?\b{_IS}(?-i:([A-Z]{{6}}[A-Z0-9]{{2}}(?:[A-Z0-9]{{3}})?))\b",
    re.IGNORECASE,
)
BANK_SIGN: Final = (
    r"(?is)(?:account|acct|\bacc\b|a/c|sort\s?-?code|\bs/c|\bsc\b|blz|bankleitzahl|\bbsb|bank|branch|transit|"
    r"institution|routing|\baba\b|\brtn|\bach\b|clabe|\bcbu|rekening|checking|savings?|"
    r"kto|kont(?:o|a)\b|konton|compte|cuenta|conta\b|conto\b).*[0-9](?:[ ./_-]?[0-9]){5}|ifsc|swift|\bbic\b|"
    r"[0-9]{2}-[0-9]{2}-[0-9]{2}[\s,;/|]{1,3}[0-9]{4}"
)


_BANK_HEADS: Final = re.compile(
    r"\b(?:acc|acct|account|a/c|ach|bank|checking|saving|giro|kont|kto|rekening|numer k|numéro|compte|cuenta|conta|"
    r"clabe|cbu|conto|sort|s/c|sc|blz|bsb|branch|transit|institution|routing|aba|rtn|micr|ifsc|swift|bic)|konto"
)


def bank_accounts(text: str) -> list[Span]:
    """Accounts, sort codes and routing numbers after the word that names them."""
    spans: list[Span] = []
    near = windows(text, _BANK_HEADS, 18, 160)
    for match in matches_in(text, near, _SORT_CODE):
        spans.append((*match.span(1), "bank"))
        if account := _AFTER_SORT_CODE.match(text, match.end(1)):
            spans.append((*account.span(1), "bank"))
    for match in _SORT_AND_ACCOUNT.finditer(text):
        spans += [(*match.span(1), "bank"), (*match.span(2), "bank")]
    spans.extend((*match.span(1), "bank") for match in matches_in(text, near, _ACCOUNT, _ROUTING, _BIC))
    return spans
