"""Redaction of free text: what personal data is looked for, how it is found, and what it is replaced by.

Everything after intake sees redacted text only. What was found is counted by kind; a text is never logged or put into
an error message.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers import Leniency, PhoneNumberMatcher

from opslib.intake.privacy.text_columns import text_of_series


class Kind(NamedTuple):
    """What one kind of personal data is replaced by, and what it means."""

    replacement: str
    meaning: str


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "query": Kind(
            "[query]", "query string or fragment of a web address: it carries tokens, search words and names"
        ),
        "user": Kind("[user]", "user name and password in a web address"),
        "email": Kind("[email]", "e-mail address, also written as name (at) host (dot) com"),
        "handle": Kind(
            "[handle]", "account name on a social platform: @name, u/name, or the name in the address of a profile"
        ),
        "iban": Kind("[iban]", "international bank account number with a right check sum (mod 97)"),
        "ip": Kind(
            "[ip]", "address of a device on the internet, version 4 or 6; loopback and unspecified addresses stay"
        ),
        "card": Kind(
            "[card]", "payment card number of 13 to 19 digits with a right check digit (Luhn) and a known first digit"
        ),
        "ssn": Kind("[ssn]", "US social security or individual taxpayer number"),
        "phone": Kind("[phone]", "telephone number, national or international, with its extension"),
        "address": Kind(
            "[address]", "street address with house number, US style, with its unit, city and ZIP code, or a PO box"
        ),
    }
)
"""Every kind of personal data that is looked for, in the order in which it is looked for."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_Span = tuple[int, int, str]
# Stands in for what is already found while the other kinds are looked for: part of no pattern, so that nothing is found
# across it.
_FOUND: Final = "\x00"

_DIGIT: Final = re.compile("[0-9]")
_PROFILE_HOST: Final = (
    r"(?:(?:twitter|x|instagram|facebook|fb|tiktok|snapchat|pinterest|twitch|github|linkedin|reddit|youtube|threads|venmo)"
    r"\.(?:com|net|tv)|t\.me)/"
)
# Run by Arrow (RE2) over all distinct values: what does not match holds nothing that is looked for.
_WORTH_A_LOOK: Final = (
    r"(?i)[\p{Nd}@\x{FF20}]|://|www\.|[(\[{<] ?at ?[)\]}>]|\bu/|\bdot\b|\?[\w.%\[\]-]+=|" + _PROFILE_HOST + r"|\bbox\b"
)


def redact(text: str, *, region: str = "US") -> tuple[str, Counter[str]]:
    """Replace the personal data in one text.

    Args:
        text: free text; HTML or not, any length.
        region: ISO 3166 code of the country whose national telephone numbers are meant where no country code is given.

    Returns:
        The text with every find replaced as `KINDS` says, and how many of each kind were found.

    Notes:
        Patterns with check sums (Luhn, mod 97), the standard library's `ipaddress`, and the phonenumbers library. Time
        is linear in the length of the text. Names of persons are not found, nor addresses outside the US form.
        Redacting twice changes nothing more.

    >>> redact("Mail jane@example.com or call (415) 555-2671")
    ('Mail [email] or call [phone]', Counter({'email': 1, 'phone': 1}))
    """
    spans = _spans(text, region)
    return (_replaced(text, spans), Counter(kind for _, _, kind in spans)) if spans else (text, Counter())


def redact_many(values: pd.Series, *, region: str = "US") -> tuple[pd.Series, dict[str, int]]:
    """Replace the personal data in a column of texts.

    Args:
        values: free texts; nulls stay null.
        region: as for `redact`.

    Returns:
        The texts as `redact` gives them, with the same index and name, and how many of each kind were found over all
        rows. Kinds that were not found are left out; the order is that of `KINDS`.

    Notes:
        Each distinct text is looked at once, and only if it holds a digit or another sign of personal data. It runs in
        one process: split the column to use more.
    """
    encoded = text_of_series(values).dictionary_encode()
    distinct: pa.Array = encoded.dictionary
    worth = np.flatnonzero(pc.match_substring_regex(distinct, _WORTH_A_LOOK).to_numpy(zero_copy_only=False))
    texts = distinct.take(pa.array(worth)).to_pylist()
    indices = encoded.indices
    rows_of = np.bincount(pc.drop_null(indices).to_numpy(), minlength=len(distinct))
    found: Counter[str] = Counter()
    changed_at: list[int] = []
    changed: list[str] = []
    for position, text in zip(worth.tolist(), texts, strict=True):
        spans = _spans(text, region)
        if spans:
            changed_at.append(position)
            changed.append(_replaced(text, spans))
            rows = int(rows_of[position])
            for _, _, kind in spans:
                found[kind] += rows
    if changed:
        source = np.arange(len(distinct))
        source[changed_at] = len(distinct) + np.arange(len(changed))
        distinct = pa.concat_arrays([distinct, pa.array(changed, pa.large_string())]).take(pa.array(source))
    texts_out = pd.Series(distinct.take(indices), index=values.index, name=values.name, dtype="str")
    return texts_out, {kind: found[kind] for kind in KINDS if found[kind]}


def _replaced(text: str, spans: list[_Span]) -> str:
    parts: list[str] = []
    done = 0
    for start, end, kind in spans:
        parts.append(text[done:start])
        parts.append(KINDS[kind].replacement)
        done = end
    parts.append(text[done:])
    return "".join(parts)


def _spans(text: str, region: str) -> list[_Span]:
    """Where something is found, in order, without overlaps."""
    seen, places = (text, None) if text.isascii() else _folded(text)
    spans: list[_Span] = []

    def look(find: Callable[[str], list[_Span]]) -> None:
        nonlocal seen
        found = find(seen)
        if found:
            found = _merged(found)
            spans.extend(found)
            seen = _masked(seen, found)

    lowered = seen.lower()
    if "://" in seen or "www." in lowered or "=" in seen:
        look(_queries)
    if "@" in seen:
        look(_emails)
    if " @ " in seen or _BRACKETED_AT.search(seen) or " dot " in lowered:
        look(_spelled_emails)
    if "@" in seen or "/" in seen:
        look(_handles)
    if _DIGIT.search(seen):
        look(_ibans)
        if ":" in seen:
            look(_ipv6)
        runs = [run for run in _RUN.findall(seen) if not _DATE.fullmatch(run)]
        if runs:
            look(_ipv4)
            longest = max(map(len, runs))
            if longest >= _SHORTEST_CARD:
                look(_cards)
            if longest >= _SHORTEST_SSN:
                look(_ssns)
            look(partial(_phones, region=region, full=longest >= _SHORTEST_NANP))
        look(_addresses)
    if places is not None:
        spans = [(places[start], places[end - 1] + 1, kind) for start, end, kind in spans]
    return sorted(spans)


def _merged(spans: list[_Span]) -> list[_Span]:
    spans.sort()
    merged = [spans[0]]
    for span in spans[1:]:
        start, end, kind = merged[-1]
        if span[0] < end:
            merged[-1] = (start, max(end, span[1]), kind)
        else:
            merged.append(span)
    return merged


def _masked(text: str, spans: list[_Span]) -> str:
    parts: list[str] = []
    done = 0
    for start, end, _ in spans:
        parts.append(text[done:start])
        parts.append(_FOUND * (end - start))
        done = end
    parts.append(text[done:])
    return "".join(parts)


# Look-alikes of what the patterns look for: digits of other scripts, full-width forms, dashes and spaces; one character
# for one character.
_FOLD: Final = {
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},
    **{base + digit: str(digit) for base in (0x660, 0x6F0, 0x966, 0x9E6, 0xE50) for digit in range(10)},
    **dict.fromkeys([0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2212, 0xFE63], "-"),
    **dict.fromkeys([0xA0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], " "),
}
# Characters without width are used to hide addresses from filters.
_NO_WIDTH: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")


def _folded(text: str) -> tuple[str, list[int] | None]:
    """The text as the patterns want it, and where its characters stood in the text, if that is not the same place."""
    folded = text.translate(_FOLD)
    if not _NO_WIDTH.search(folded):
        return folded, None
    places = [place for place, character in enumerate(folded) if not _NO_WIDTH.match(character)]
    return _NO_WIDTH.sub("", folded), places


# Web addresses. The anchor is what cannot be missing, so that no start is tried twice.
_WEB: Final = re.compile(r"(?:://|www\.)([^\s<>\"]+)", re.IGNORECASE)
_QUERY_BARE: Final = re.compile(r"\?(?<=[\w/]\?)[\w.%\[\]-]{1,64}=[^\s<>\"]*")
_AUTHORITY_END: Final = re.compile(r"[/?#\\]")
_MARK: Final = re.compile(r"\?|#(?<!&#)")
_TRAILING: Final = ".,;:!?)]}'*_"


def _queries(text: str) -> list[_Span]:
    spans: list[_Span] = []
    if "://" in text or "www." in text.lower():
        for match in _WEB.finditer(text):
            start, end = match.span(1)
            separator = _AUTHORITY_END.search(text, start, end)
            host_end = separator.start() if separator else end
            at = text.rfind("@", start, host_end)
            if at > start and text[start - 1] == "/" and text[start:at] != KINDS["user"].replacement:
                spans.append((start, at, "user"))
            mark = _MARK.search(text, host_end, end)
            if mark:
                _add_query(spans, text, mark.end(), end)
    if "?" in text:
        for match in _QUERY_BARE.finditer(text):
            _add_query(spans, text, match.start() + 1, match.end())
    return spans


def _add_query(spans: list[_Span], text: str, start: int, end: int) -> None:
    if text.startswith(KINDS["query"].replacement, start):
        return
    while end > start and text[end - 1] in _TRAILING:
        end -= 1
    if end > start:
        spans.append((start, end, "query"))


# E-mail. From each "@" to the right by pattern, to the left over the run of characters that a local part may have.
_HOST: Final = re.compile(r"@(?:(?:[\w-]{1,63}+\.){1,8}([^\W\d_][\w-]{1,62})|\[[0-9A-Fa-f.:IPv]{3,45}\])")
_LOCAL_REVERSED: Final = re.compile(r"[\w.+%'~-]*")
_IMAGES: Final = frozenset({"png", "jpg", "jpeg", "gif", "svg", "webp"})


def _emails(text: str) -> list[_Span]:
    spans: list[_Span] = []
    done = 0
    for match in _HOST.finditer(text):
        at = match.start()
        top = match.group(1)
        before = text[done:at][::-1]
        length = _LOCAL_REVERSED.match(before).end()  # type: ignore[union-attr]
        while length and before[length - 1] in "'.-":
            length -= 1
        if length and not (top and top.lower() in _IMAGES):
            spans.append((at - length, match.end(), "email"))
            done = match.end()
        else:
            # What looks like a host here may be the name before the next "@".
            done = at + 1
    return spans


# The top domains that are common enough to tell a host from a file name.
_TOP_DOMAINS: Final = _words(
    """
    com net org edu gov mil int info biz io co me us uk de fr es it ca au nz ie nl be ch at se no dk fi pl pt br mx ar
    in jp kr cn tw ru ua tr gr cz ro hu za eu app dev tv example test
    """
)
_BRACKETED_AT: Final = re.compile(r"[(\[{<]\s?(?:at|@)\s?[)\]}>]", re.IGNORECASE)
_AT: Final = re.compile(r"[(\[{<]\s?(?:at|@)\s?[)\]}>]|(?<=\s)(?:at|@)(?=\s)", re.IGNORECASE)
_SPELLED_DOT: Final = r"\s{0,2}[(\[{<]\s?(?:dot|\.)\s?[)\]}>]\s{0,2}|\s{1,2}dot\s{1,2}"
_SPELLED_HOST: Final = re.compile(
    rf"\s{{0,2}}((?:[\w-]{{1,63}}(?:\.|{_SPELLED_DOT})){{1,5}}[A-Za-z]{{2,24}})(?![\w@])", re.IGNORECASE
)
_PLAIN_AT_HOST: Final = re.compile(rf"\s(?:[\w-]{{1,63}}(?:{_SPELLED_DOT})){{1,4}}[A-Za-z]{{2,24}}\b", re.IGNORECASE)
_SPELLED_NAME: Final = re.compile(
    rf"[\w+%-]{{1,64}}(?:(?:\.|{_SPELLED_DOT})[\w+%-]{{1,64}}){{0,4}}\s{{0,2}}\Z", re.IGNORECASE
)


def _spelled_emails(text: str) -> list[_Span]:
    spans: list[_Span] = []
    for match in _AT.finditer(text):
        plain = match.group().lower() == "at"
        host = (_PLAIN_AT_HOST if plain else _SPELLED_HOST).match(text, match.end())
        if host is None:
            continue
        if match.group().lower() in ("@", "at") and not _ends_like_a_host(host.group()):
            continue
        name = _SPELLED_NAME.search(text[max(0, match.start() - 90) : match.start()])
        if name is not None:
            spans.append((match.start() - len(name.group()), host.end(), "email"))
    return spans


def _ends_like_a_host(name: str) -> bool:
    labels = re.split(r"\W+", name.lower())
    return len(labels) > 1 and labels[-1] in _TOP_DOMAINS


# Account names.
_AT_NAME: Final = re.compile(r"@(?<![\w@]@)(?<![A-Za-z0-9._+-]@)([A-Za-z0-9_](?:[\w.-]{0,29}+))", re.ASCII)
_U_NAME: Final = re.compile(r"u(?<![\w.]u)/[A-Za-z0-9_-]{3,20}+(?![/\w.])")
_PROFILE: Final = re.compile(
    r"(?<![A-Za-z0-9-])"
    + _PROFILE_HOST
    + r"(?:in/|user/|u/|add/|@)?([A-Za-z0-9_.-]{2,50}+)"
    + r"(?=/(?:status|posts|videos|photos|reels?)/|/?(?:[?\s<>\"'),;:!\x00]|\Z))",
    re.IGNORECASE,
)
# Words that follow an "@" in code and in chat rooms.
_NOT_A_NAME: Final = _words(
    """
    media import font-face keyframes charset supports namespace page layer container override param params return
    returns throws see property staticmethod classmethod dataclass deprecated test everyone here channel all
    """
)
_NOT_A_PROFILE: Final = _words(
    """
    help about policies privacy settings explore hashtag intent share sharer watch groups pages login signup home search
    business jobs company legal terms support ads developers marketplace events features pricing security contact status
    stories reel reels in user u add index.html
    """
)
_CLOCK: Final = re.compile(r"\d{1,2}(?:[.h]?\d\d)?(?:am|pm|h)?\.?", re.IGNORECASE)


def _handles(text: str) -> list[_Span]:
    spans: list[_Span] = []
    if "@" in text:
        for match in _AT_NAME.finditer(text):
            name = match.group(1).rstrip(".-")
            start, end = match.start(), match.start() + 1 + len(name)
            if len(name) < 2 or not any(map(str.isalpha, name)):
                continue
            if name.lower() in _NOT_A_NAME or _CLOCK.fullmatch(name) or text.startswith("://", end):
                continue
            # @scope/name is a package and @host.com the end of an address; /@name/ is a profile.
            if text[max(0, start - 1) : start] != "/" and (text.startswith("/", end) or _ends_like_a_host(name)):
                continue
            spans.append((start, end, "handle"))
    if "u/" in text:
        spans.extend((match.start(), match.end(), "handle") for match in _U_NAME.finditer(text))
    if "/" in text:
        for match in _PROFILE.finditer(text):
            name = match.group(1).rstrip(".-")
            if len(name) > 1 and name.lower() not in _NOT_A_PROFILE:
                spans.append((match.start(1), match.start(1) + len(name), "handle"))
    return spans


# Patterns that start with a digit skip fast over everything else: what has to stand before it is looked at afterwards.
# A run of digits and what may stand between them, long enough for a number that belongs to a person.
_RUN: Final = re.compile(r"[0-9][0-9().\-/+_\s]{5,}[0-9]")

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


def _ibans(text: str) -> list[_Span]:
    spans: list[_Span] = []
    place = 0
    while (match := _IBAN.search(text, place)) is not None:
        place = match.start() + 2
        start = match.start() - 2
        found = text[start : match.end()]
        length = _IBAN_LENGTHS.get(found[:2].upper(), 0)
        ends = [index + 1 for index, character in enumerate(found) if character.isalnum()]
        if not length or len(ends) < length:
            continue
        number = found[: ends[length - 1]].replace(" ", "").replace("-", "").upper()
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


def _ipv4(text: str) -> list[_Span]:
    spans: list[_Span] = []
    for match in _IPV4.finditer(text):
        start, end = match.span()
        if _names_a_device(match.group()) and not _VERSION_BEFORE.search(text, max(0, start - 14), start):
            spans.append((start, end, "ip"))
    return spans


def _ipv6(text: str) -> list[_Span]:
    if "::" not in text and text.count(":") < 7:
        return []
    spans: list[_Span] = []
    for match in _IPV6.finditer(text):
        found = match.group(1).rstrip(".")
        if found.endswith(":") and not found.endswith("::"):
            found = found[:-1]
        # "a::b" is a scope in several programming languages.
        if found.count(":") >= 2 and _DIGIT.search(found) and _names_a_device(found):
            spans.append((match.start(), match.start() + len(found), "ip"))
    return spans


def _names_a_device(found: str) -> bool:
    try:
        address = ipaddress.ip_address(found)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or found.startswith("255."))


# Payment cards: digits in one piece, or in the groups that are printed on cards.
_SHORTEST_CARD: Final = 13
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


def _cards(text: str) -> list[_Span]:
    spans: list[_Span] = []
    for match in _CARD_RUN.finditer(text):
        start, end = match.span()
        glued = text[max(0, start - 1) : start].isalpha() or text[end : end + 1].isalpha()
        if end - start <= _LONGEST_CARD and not glued and _is_card(match.group()):
            spans.append((start, end, "card"))
        else:
            spans.extend(_cards_within(match.group(), start))
    for match in _CARD_GROUPS.finditer(text):
        found = match.group(1)
        ends = [index + 1 for index, character in enumerate(found) if character.isdigit()]
        digits = "".join(filter(str.isdigit, found))
        for length in range(min(_LONGEST_CARD, len(digits)), _SHORTEST_CARD - 1, -1):
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


def _cards_within(run: str, offset: int) -> list[_Span]:
    """Card numbers inside a longer run of digits: the check sums of all windows at once, from running sums."""
    digits = np.frombuffer(run.encode("ascii"), dtype=np.uint8).astype(np.int64) - ord("0")
    doubled = digits * 2 - 9 * (digits > 4)
    even = np.arange(len(digits)) % 2 == 0
    plain_at_odd, plain_at_even = (
        np.concatenate([[0], np.cumsum(np.where(even == plain, digits, doubled))]) for plain in (False, True)
    )
    spans: list[_Span] = []
    for length in range(_SHORTEST_CARD + 1, min(_LONGEST_CARD, len(digits)) + 1):
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
_SHORTEST_SSN: Final = 9
_SSN: Final = re.compile(r"([0-9]{3})(?:\s?-\s?|([ .]))([0-9]{2})(?(2)\2|\s?-\s?)([0-9]{4})")
_NINE_DIGITS: Final = re.compile(r"[0-9](?<![0-9][0-9])[0-9]{8}(?![0-9])")
_NUMBER_BEFORE: Final = re.compile(r"(?:[\w.,$-]|[0-9][\s/])\Z")
_NUMBER_AFTER: Final = re.compile(r"[\w-]|[ .,][0-9]")
_SSN_NAMED: Final = re.compile(
    r"\b(?:ssn|social(?:\s(?:security|insurance))?|itin|tax\s?id)\b(?:\s(?:number|no\.?|num|#))?[\s:=#]{0,3}(?:is|was)?\s?\Z",
    re.IGNORECASE,
)


def _ssns(text: str) -> list[_Span]:
    spans: list[_Span] = []
    for match in _SSN.finditer(text):
        area, spaced, group, serial = match.groups()
        start, end = match.span()
        if area in ("000", "666") or group == "00" or serial == "0000":
            continue
        # With hyphens the form says enough; with spaces it may be part of a row of numbers.
        if spaced and (_NUMBER_BEFORE.search(text, max(0, start - 2), start) or _NUMBER_AFTER.match(text, end)):
            continue
        spans.append((start, end, "ssn"))
    for match in _NINE_DIGITS.finditer(text):
        start = match.start()
        if _SSN_NAMED.search(text, max(0, start - 40), start):
            spans.append((start, match.end(), "ssn"))
    return spans


# Telephone numbers as they are written in North America, whether the number is in use or not: 555-01xx is not.
_EXTENSION: Final = r"(?:[ ,]{0,2}(?:ext(?:ension)?\.?|x)[ :]?[0-9]{1,6})?"
_SHORTEST_NANP: Final = 10
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
_DATE: Final = re.compile(
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


def _phones(text: str, region: str, full: bool) -> list[_Span]:
    spans: list[_Span] = []
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
        spans = _merged(spans)
        text = _masked(text, spans)
    for match in _MAYBE_PHONE.finditer(text):
        start, end = match.span()
        if _DATE.match(text, start, end) or _GLUED_AFTER.match(text, end):
            continue
        glued = start and _GLUED_BEFORE.match(text, start - 1, start)
        if glued and not _TEL_BEFORE.search(text, max(0, start - 24), start):
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


def _is_international(found: str, region: str) -> bool:
    if found.startswith("00"):
        return any(True for _ in PhoneNumberMatcher("+" + found[2:], region, Leniency.VALID))
    digits = sum(map(str.isdigit, found))
    grouped = any(character in found for character in " -.()/")
    return grouped or digits >= 10 or any(True for _ in PhoneNumberMatcher(found, region, Leniency.VALID))


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
_PLAIN_SUFFIX: Final = _words(
    """
    street avenue ave road rd boulevard blvd lane ln parkway pkwy highway hwy terrace turnpike tpke expressway
    expy
    """
)
# Words that do not stand between a house number and the end of a street's name.
_NO_STREET: Final = _words(
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


def _addresses(text: str) -> list[_Span]:
    spans: list[_Span] = []
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
