"""Redaction of free text: one kind of personal data after the other, over one text or a column of texts.

Everything after intake sees redacted text only. What is replaced is counted by kind; a text is never logged or put into
an error message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from opslib.intake.privacy.address_patterns import ADDRESS_SIGN, addresses
from opslib.intake.privacy.bank_patterns import BANK_SIGN, CARD_SIGN, IBAN_SIGN, bank_accounts, cards, ibans
from opslib.intake.privacy.device_patterns import (
    IPV4_SIGN,
    IPV6_SIGN,
    LOCATION_SIGN,
    MAC_SIGN,
    ipv4,
    ipv6,
    locations,
    macs,
)
from opslib.intake.privacy.email_patterns import EMAIL_SIGN, SPELLED_SIGN, emails, spelled_emails
from opslib.intake.privacy.folding import FOLDABLE, Folded, fold
from opslib.intake.privacy.handle_patterns import HANDLE_SIGN, SAID_SIGN, handles, said_handles
from opslib.intake.privacy.identity_patterns import BIRTH_SIGN, DOCUMENT_SIGN, SSN_SIGN, births, documents, ssns
from opslib.intake.privacy.kinds import KINDS
from opslib.intake.privacy.name_patterns import (
    CLOSING_SIGN,
    GREETING_SIGN,
    QUIET_GREETING_SIGN,
    SAID_NAME_SIGN,
    TO_NOBODY,
    greeted_names,
    said_names,
    signed_names,
)
from opslib.intake.privacy.person_names import PersonNames, named_persons
from opslib.intake.privacy.phone_patterns import PHONE_SIGN, phones
from opslib.intake.privacy.secret_patterns import (
    CODE_SIGN,
    KEY_SIGN,
    LONG_SIGN,
    PASSWORD_SIGN,
    codes,
    keys,
    named_keys,
    passwords,
)
from opslib.intake.privacy.spans import Span, mask, merge, replace
from opslib.intake.privacy.text_columns import text_of_series
from opslib.intake.privacy.web_patterns import WEB_SIGN, queries


class _Search(NamedTuple):
    """What finds one sort of personal data.

    `sign` is what a text has in which it can be found (RE2: Arrow looks for it in whole columns), `among` the sign of
    more texts that is looked for first, `unless` one of texts that are passed over; `find` gives its places in one
    text, given the countries whose national telephone numbers are meant.
    """

    sign: str
    find: Callable[[str, str], list[Span]]
    among: str | None = None
    unless: str | None = None


def _anywhere(find: Callable[[str], list[Span]]) -> Callable[[str, str], list[Span]]:
    """A search to which the country is all the same."""
    return lambda text, regions: find(text)


_WORTH_SIGNS: Final = 8_000
"""Characters of a column from which on to look for signs first is worth the compiling of their patterns."""
_STRETCH: Final = 600
"""Characters of a long text that are looked at together; what has no sign of something there is passed over."""
_LONG: Final = 2 * _STRETCH
_MARGIN: Final = 300
"""Characters to both sides of a stretch that are seen with it: more than lies between a word and what it names."""
_DIGITS: Final = r"[0-9](?:[^0-9A-Za-z]{0,3}[0-9]){3}"
_ACCOUNTS: Final = "|".join(f"(?:{sign})" for sign in (WEB_SIGN, EMAIL_SIGN, SPELLED_SIGN, HANDLE_SIGN, SAID_SIGN))
_DEVICES: Final = "|".join(f"(?:{sign})" for sign in (MAC_SIGN, IPV6_SIGN, IPV4_SIGN))
_SEARCHES: Final = (
    _Search(WEB_SIGN, _anywhere(queries), among=_ACCOUNTS),
    _Search(EMAIL_SIGN, _anywhere(emails), among=_ACCOUNTS),
    _Search(SPELLED_SIGN, _anywhere(spelled_emails), among=_ACCOUNTS),
    _Search(SSN_SIGN, _anywhere(ssns), among=_DIGITS),
    _Search(LONG_SIGN, _anywhere(keys)),
    _Search(KEY_SIGN, _anywhere(named_keys)),
    _Search(PASSWORD_SIGN, _anywhere(passwords)),
    _Search(CODE_SIGN, _anywhere(codes)),
    _Search(HANDLE_SIGN, _anywhere(handles), among=_ACCOUNTS),
    _Search(SAID_SIGN, _anywhere(said_handles), among=_ACCOUNTS),
    _Search(IBAN_SIGN, _anywhere(ibans), among=_DIGITS),
    _Search(MAC_SIGN, _anywhere(macs), among=_DEVICES),
    _Search(IPV6_SIGN, _anywhere(ipv6), among=_DEVICES),
    _Search(IPV4_SIGN, _anywhere(ipv4), among=_DEVICES),
    _Search(LOCATION_SIGN, _anywhere(locations), among=_DIGITS),
    _Search(CARD_SIGN, _anywhere(cards), among=_DIGITS),
    _Search(BIRTH_SIGN, _anywhere(births), among=_DIGITS),
    _Search(DOCUMENT_SIGN, _anywhere(documents), among=_DIGITS),
    _Search(BANK_SIGN, _anywhere(bank_accounts), among=_DIGITS),
    _Search(PHONE_SIGN, phones, among=_DIGITS),
    _Search(ADDRESS_SIGN, _anywhere(addresses)),
    _Search(GREETING_SIGN, _anywhere(greeted_names)),
    _Search(QUIET_GREETING_SIGN, _anywhere(greeted_names), unless=TO_NOBODY),
    _Search(CLOSING_SIGN, _anywhere(signed_names)),
    _Search(SAID_NAME_SIGN, _anywhere(said_names)),
)
"""In the order in which they look: what one has found the others do not see."""

_Stretches = list[tuple[int, int]]
_EVERYWHERE: Final[dict[int, _Stretches | None]] = dict.fromkeys(range(len(_SEARCHES)))


def redact(text: str, *, region: str = "US") -> tuple[str, Counter[str]]:
    """Replace the personal data in one text.

    Args:
        text: free text; HTML or not, any length.
        region: ISO 3166 codes, separated by spaces, of the countries whose national telephone numbers are meant where
            no country code is given and nothing in the text says that it is a telephone number.

    Returns:
        The text with every piece of personal data replaced as `KINDS` says, and how many of each kind were found.

    Notes:
        Patterns with check sums (Luhn, mod 97) and context, the standard library's `ipaddress`, and the numbering plans
        of the phonenumbers library. Time is linear in the length of the text. Redacting twice changes nothing more.

    >>> redact("Mail jane@example.com or call (415) 555-2671")
    ('Mail [email] or call [phone]', Counter({'email': 1, 'phone': 1}))
    """
    spans = _spans(fold(text), region, _EVERYWHERE)
    return (replace(text, spans), Counter(kind for _, _, kind in spans)) if spans else (text, Counter())


def redact_many(
    values: pd.Series, *, region: str | pd.Series = "US", persons: PersonNames | None = None
) -> tuple[pd.Series, dict[str, int]]:
    """Replace the personal data in a column of texts.

    Args:
        values: free texts; nulls stay null.
        region: as for `redact`; or one for each text.
        persons: the names that are known of agents, and of the person of each text.

    Returns:
        The texts as `redact` gives them, without the names that are known, with the same index and name, and how many
        of each kind were found over all rows. Kinds that were not found are left out; the order is that of `KINDS`.

    Notes:
        Each distinct text is looked at once for each region, and only for what it has a sign of. It runs in one
        process: split the column to use more.
    """
    texts = text_of_series(values)
    counts: Counter[str] = Counter()
    if persons is not None:
        texts, found = _without_names(texts, persons)
        counts["name"] += found
    dictionary = texts.dictionary_encode()
    texts_once: pa.Array = dictionary.dictionary
    rows = pc.fill_null(dictionary.indices, len(texts_once)).to_numpy()
    regions, own = (np.zeros(len(rows), dtype=np.int64), [region]) if isinstance(region, str) else _coded(region)
    # A text is another one where another country's numbers are meant.
    pairs, indices = np.unique(rows * len(own) + regions, return_inverse=True) if len(own) > 1 else (None, rows)
    if pairs is not None:
        texts_once = texts_once.take(pa.array(np.where(pairs // len(own) < len(texts_once), pairs // len(own), 0)))
    is_null = rows == len(dictionary.dictionary)
    rows_of = np.bincount(indices[~is_null], minlength=len(texts_once))
    positions: list[int] = []
    redacted: list[str] = []
    for position, text, folded, places in _worth_a_look(texts_once):
        region_of_text = own[0] if pairs is None else own[int(pairs[position]) % len(own)]
        spans = _spans(folded, region_of_text, places)
        if spans:
            positions.append(position)
            redacted.append(replace(text, spans))
            for _, _, kind in spans:
                counts[kind] += int(rows_of[position])
    if redacted:
        texts_once = _with(texts_once, np.array(positions), redacted)
    result = texts_once.take(pa.array(indices, mask=is_null))
    series = pd.Series(result, index=values.index, name=values.name, dtype="str")
    return series, {kind: counts[kind] for kind in KINDS if counts[kind]}


def _coded(regions: pd.Series) -> tuple[np.ndarray, list[str]]:
    """The regions of each row as numbers, and what each number stands for."""
    codes, names_of_codes = pd.factorize(regions.fillna(""))
    return codes.astype(np.int64), names_of_codes.tolist() or [""]


class _Candidate(NamedTuple):
    """A text in which something may be found: its place, itself, its folded form, and what may be found where in it.

    `places` are, by the number of a search, the stretches in which it has a sign; None is the whole text.
    """

    position: int
    text: str
    folded: Folded
    places: dict[int, _Stretches | None]


def _worth_a_look(texts: pa.Array) -> list[_Candidate]:
    """The texts that have any sign of personal data, each with the searches that are worth their time."""
    lengths = pc.utf8_length(texts)
    if (pc.sum(lengths).as_py() or 0) < _WORTH_SIGNS:
        return [_Candidate(place, text, fold(text), _EVERYWHERE) for place, text in enumerate(texts.to_pylist())]
    folded: dict[int, Folded] = {}
    foldable = np.flatnonzero(_matches(texts, FOLDABLE))
    visible = texts
    if len(foldable):
        for position, text in zip(foldable.tolist(), texts.take(pa.array(foldable)).to_pylist(), strict=True):
            folded[position] = fold(text)
        visible = _with(texts, foldable, [form.visible for form in folded.values()])
    # A long text is looked at by stretches, each with what stands around it.
    long = np.flatnonzero(pc.greater(pc.utf8_length(visible), _LONG).to_numpy(zero_copy_only=False))
    stretches: list[tuple[int, int]] = []
    around: list[str] = []
    for position, text in zip(long.tolist(), visible.take(pa.array(long)).to_pylist(), strict=True):
        for start in range(0, len(text), _STRETCH):
            stretches.append((position, start))
            around.append(text[max(0, start - _MARGIN) : start + _STRETCH + _MARGIN])
    pieces = pa.concat_arrays([_with(visible, long, [""] * len(long)), pa.array(around, pa.large_string())])
    wanted = _signs(pieces)
    places: dict[int, dict[int, _Stretches | None]] = {}
    rows, numbers = np.nonzero(wanted)
    for row, number in zip(rows.tolist(), numbers.tolist(), strict=True):
        if row < len(texts):
            places.setdefault(row, {})[number] = None
            continue
        position, start = stretches[row - len(texts)]
        of_text = places.setdefault(position, {}).setdefault(number, [])
        if of_text and of_text[-1][1] == start:
            of_text[-1] = (of_text[-1][0], start + _STRETCH)
        elif of_text is not None:
            of_text.append((start, start + _STRETCH))
    candidates = sorted(places)
    return [
        _Candidate(position, text, folded.get(position) or Folded(text), dict(sorted(places[position].items())))
        for position, text in zip(candidates, texts.take(pa.array(candidates, pa.int64())).to_pylist(), strict=True)
    ]


def _signs(texts: pa.Array) -> np.ndarray:
    """For each text and search, whether the text has the sign of it."""
    several = {among: np.flatnonzero(_matches(texts, among)) for among in {s.among for s in _SEARCHES if s.among}}
    signs = np.zeros((len(texts), len(_SEARCHES)), dtype=bool)
    for number, search in enumerate(_SEARCHES):
        if search.among is None:
            signs[:, number] = _matches(texts, search.sign)
        else:
            rows = several[search.among]
            signs[rows, number] = _matches(texts.take(pa.array(rows)), search.sign)
        if search.unless is not None:
            rows = np.flatnonzero(signs[:, number])
            signs[rows, number] &= ~_matches(texts.take(pa.array(rows)), search.unless)
    return signs


def _with(texts: pa.Array, rows: np.ndarray, others: list[str]) -> pa.Array:
    """The texts with others in some rows."""
    source = np.arange(len(texts))
    source[rows] = len(texts) + np.arange(len(rows))
    return pa.concat_arrays([texts, pa.array(others, pa.large_string())]).take(pa.array(source))


def _matches(texts: pa.Array, pattern: str) -> np.ndarray:
    matches: np.ndarray = pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)
    return matches.astype(bool)


def _spans(folded: Folded, region: str, places: dict[int, _Stretches | None]) -> list[Span]:
    """Where personal data stands in a text, in order, without overlaps."""
    spans: list[Span] = []
    visible = folded.visible
    for number, stretches in places.items():
        find = _SEARCHES[number].find
        matches = find(visible, region) if stretches is None else _within(find, visible, region, stretches)
        if matches:
            matches = merge(matches)
            spans.extend(matches)
            visible = mask(visible, matches)
    if not spans:
        return []
    if folded.pieces:
        spans = [(*folded.place(start, end), kind) for start, end, kind in spans]
    return merge(spans)


def _within(find: Callable[[str, str], list[Span]], text: str, region: str, stretches: _Stretches) -> list[Span]:
    """What begins in some stretches of a text."""
    spans: list[Span] = []
    for start, end in stretches:
        first, last = max(0, start - _MARGIN), end + _MARGIN
        for begin, stop, kind in find(text[first:last], region):
            # What reaches the end of what was looked at may go on behind it.
            if first + stop == last < len(text):
                return find(text, region)
            if start <= first + begin < end:
                spans.append((first + begin, first + stop, kind))
    return spans


def _without_names(texts: pa.Array, persons: PersonNames) -> tuple[pa.Array, int]:
    """The texts without the names that are known, and how many were found."""
    spans = named_persons(texts, persons)
    if not spans:
        return texts, 0
    rows = list(spans)
    replaced = [
        replace(text, spans[row]) for row, text in zip(rows, texts.take(pa.array(rows)).to_pylist(), strict=True)
    ]
    return _with(texts, np.array(rows), replaced), sum(map(len, spans.values()))
