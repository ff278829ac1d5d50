"""Redaction of free text: one kind of personal data after the other, over one text or a column of texts.

Everything after intake sees redacted text only. What is replaced is counted by kind; a text is never logged or put into
an error message.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from opslib.intake.privacy.address_patterns import addresses
from opslib.intake.privacy.kinds import KINDS
from opslib.intake.privacy.number_patterns import RUN, SHORTEST_CARD, SHORTEST_SSN, cards, ibans, ipv4, ipv6, ssns
from opslib.intake.privacy.phone_patterns import DATE, SHORTEST_NANP, phones
from opslib.intake.privacy.spans import Span, mask, merge, replace
from opslib.intake.privacy.text_columns import text_of_series
from opslib.intake.privacy.web_patterns import BRACKETED_AT, PROFILE_HOST, emails, handles, queries, spelled_emails

_DIGIT: Final = re.compile("[0-9]")
# Run by Arrow (RE2) over all distinct values: what does not match holds nothing that is looked for.
_WORTH_A_LOOK: Final = (
    r"(?i)[\p{Nd}@\x{FF20}]|://|www\.|[(\[{<] ?at ?[)\]}>]|\bu/|\bdot\b|\?[\w.%\[\]-]+=|" + PROFILE_HOST + r"|\bbox\b"
)


def redact(text: str, *, region: str = "US") -> tuple[str, Counter[str]]:
    """Replace the personal data in one text.

    Args:
        text: free text; HTML or not, any length.
        region: ISO 3166 code of the country whose national telephone numbers are meant where no country code is given.

    Returns:
        The text with every piece of personal data replaced as `KINDS` says, and how many of each kind were found.

    Notes:
        Patterns with check sums (Luhn, mod 97), the standard library's `ipaddress`, and the phonenumbers library. Time
        is linear in the length of the text. Names of persons are not found, nor addresses outside the US form.
        Redacting twice changes nothing more.

    >>> redact("Mail jane@example.com or call (415) 555-2671")
    ('Mail [email] or call [phone]', Counter({'email': 1, 'phone': 1}))
    """
    spans = _spans(text, region)
    return (replace(text, spans), Counter(kind for _, _, kind in spans)) if spans else (text, Counter())


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
    dictionary = text_of_series(values).dictionary_encode()
    texts_once: pa.Array = dictionary.dictionary
    candidates = np.flatnonzero(pc.match_substring_regex(texts_once, _WORTH_A_LOOK).to_numpy(zero_copy_only=False))
    texts = texts_once.take(pa.array(candidates)).to_pylist()
    indices = dictionary.indices
    rows_of = np.bincount(pc.drop_null(indices).to_numpy(), minlength=len(texts_once))
    counts: Counter[str] = Counter()
    positions: list[int] = []
    redacted: list[str] = []
    for position, text in zip(candidates.tolist(), texts, strict=True):
        spans = _spans(text, region)
        if spans:
            positions.append(position)
            redacted.append(replace(text, spans))
            rows = int(rows_of[position])
            for _, _, kind in spans:
                counts[kind] += rows
    if redacted:
        source = np.arange(len(texts_once))
        source[positions] = len(texts_once) + np.arange(len(redacted))
        texts_once = pa.concat_arrays([texts_once, pa.array(redacted, pa.large_string())]).take(pa.array(source))
    result = pd.Series(texts_once.take(indices), index=values.index, name=values.name, dtype="str")
    return result, {kind: counts[kind] for kind in KINDS if counts[kind]}


def _spans(text: str, region: str) -> list[Span]:
    """Where personal data stands in a text, in order, without overlaps."""
    visible, places = (text, None) if text.isascii() else _fold_text(text)
    spans: list[Span] = []

    def look(find: Callable[[str], list[Span]]) -> None:
        """Find one kind in what no other kind has masked yet, and mask it."""
        nonlocal visible
        matches = find(visible)
        if matches:
            matches = merge(matches)
            spans.extend(matches)
            visible = mask(visible, matches)

    lowered = visible.lower()
    if "://" in visible or "www." in lowered or "=" in visible:
        look(queries)
    if "@" in visible:
        look(emails)
    if " @ " in visible or BRACKETED_AT.search(visible) or " dot " in lowered:
        look(spelled_emails)
    if "@" in visible or "/" in visible:
        look(handles)
    if _DIGIT.search(visible):
        look(ibans)
        if ":" in visible:
            look(ipv6)
        runs = [run for run in RUN.findall(visible) if not DATE.fullmatch(run)]
        if runs:
            look(ipv4)
            longest = max(map(len, runs))
            if longest >= SHORTEST_CARD:
                look(cards)
            if longest >= SHORTEST_SSN:
                look(ssns)
            look(partial(phones, region=region, full=longest >= SHORTEST_NANP))
        look(addresses)
    if places is not None:
        spans = [(places[start], places[end - 1] + 1, kind) for start, end, kind in spans]
    return sorted(spans)


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


def _fold_text(text: str) -> tuple[str, list[int] | None]:
    """The text as the patterns want it, and where its characters stood in the text, if that is not the same place."""
    folded = text.translate(_FOLD)
    if not _NO_WIDTH.search(folded):
        return folded, None
    places = [place for place, character in enumerate(folded) if not _NO_WIDTH.match(character)]
    return _NO_WIDTH.sub("", folded), places
