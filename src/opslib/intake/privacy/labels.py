"""Personal data in short values: categories, titles, ids, names of files.

What was a text has often been made a name there, with underscores in the place of spaces.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from opslib.intake.privacy.person_names import PersonNames
from opslib.intake.privacy.pseudonyms import Pseudonymiser
from opslib.intake.privacy.redaction import redact, redact_many
from opslib.intake.privacy.text_columns import text_of_array

_SEPARATORS: Final = str.maketrans("_·", "  ")
_SEPARATED: Final = r"[\pL\pN][_·]+[\pL\pN]"
# Of ids, run by Arrow (RE2): an address, a text, nine digits or more, an address of a device.
_WORTH_A_LOOK: Final = r"[@\s(+%]|(?:[0-9][-._/·,:]{0,2}){9}|(?:[0-9]{1,3}\.){3}[0-9]"
# Numbers of most systems, UUIDs and the ids of document stores are nobody's.
_NOBODYS: Final = (
    r"^([A-Za-z]*[0-9]{1,12}|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9a-f]{24}|[0-9a-f]{32})$"
)
_NUMBER: Final = re.compile(r"[0-9]+")
_CARD_LENGTHS: Final = (15, 16)


def redact_label(text: str, *, region: str = "US") -> tuple[str, Counter[str]]:
    """Replace the personal data in a category, a title or the name of a file.

    Args:
        text: the label.
        region: as for `redact`.

    Returns:
        The label, and how many pieces of each kind were replaced.

    >>> redact_label("jane_doe_219_09_9999")[0], redact_label("us_general")[0]
    ('jane doe [ssn]', 'us_general')
    """
    redacted, pieces = redact(text, region=region)
    if pieces:
        return redacted, pieces
    spaced, pieces = redact(text.translate(_SEPARATORS), region=region)
    return (spaced, pieces) if pieces else (text, pieces)


def redact_labels(
    labels: pa.ChunkedArray, *, region: str = "US", persons: PersonNames | None = None
) -> tuple[pa.ChunkedArray, Counter[str]]:
    """Replace the personal data in a column of categories or titles.

    Args:
        labels: texts; nulls stay null.
        region: as for `redact`.
        persons: the names that are known of agents.

    Returns:
        The column, and how many pieces of each kind were replaced over all rows.
    """
    dictionary = text_of_array(labels.combine_chunks()).dictionary_encode()
    once: pa.Array = dictionary.dictionary
    pieces: Counter[str] = Counter()
    if redact_many(once.to_pandas(), region=region, persons=persons)[1]:
        texts, counts = redact_many(labels.to_pandas(), region=region, persons=persons)
        pieces.update(counts)
        labels = pa.chunked_array([pa.Array.from_pandas(texts, type=labels.type)])
        dictionary = text_of_array(labels.combine_chunks()).dictionary_encode()
        once = dictionary.dictionary
    is_separated = pc.match_substring_regex(once, _SEPARATED)
    if not pc.any(is_separated).as_py():
        return labels, pieces
    rows_of = np.bincount(pc.drop_null(dictionary.indices).to_numpy(), minlength=len(once))
    # One by one: labels are few.
    places = np.flatnonzero(is_separated.to_numpy(zero_copy_only=False)).tolist()
    spaced = {place: redact_label(once[place].as_py(), region=region) for place in places}
    labels, counts_of_spaced = _replaced(labels, dictionary, rows_of, spaced)
    return labels, pieces + counts_of_spaced


def pseudonymise_personal_ids(
    ids: pa.ChunkedArray, pseudonymiser: Pseudonymiser
) -> tuple[pa.ChunkedArray, Counter[str]]:
    """Give pseudonyms to those ids of things that are personal data: an e-mail address, a telephone or card number.

    Args:
        ids: of tickets, articles, answers; nulls stay null.
        pseudonymiser: as for persons; the same id gets the same pseudonym in every table.

    Returns:
        The column, and how many pieces of each kind were replaced over all rows.

    Notes:
        A number without separators is taken for one of the source's own, unless it is that of a payment card.
    """
    is_candidate = pc.match_substring_regex(ids, _WORTH_A_LOOK)
    if not pc.any(is_candidate).as_py():
        return ids, Counter()
    dictionary = text_of_array(ids.combine_chunks()).dictionary_encode()
    once: pa.Array = dictionary.dictionary
    rows_of = np.bincount(pc.drop_null(dictionary.indices).to_numpy(), minlength=len(once))
    candidates = pc.and_not(
        pc.match_substring_regex(once, _WORTH_A_LOOK), pc.match_substring_regex(once, _NOBODYS)
    ).to_numpy(zero_copy_only=False)
    personal = {}
    for place in np.flatnonzero(candidates).tolist():
        text: str = once[place].as_py()
        pieces = redact_label(text)[1]
        if _NUMBER.fullmatch(text) and not (pieces["card"] and len(text) in _CARD_LENGTHS):
            continue
        if pieces:
            personal[place] = (pseudonymiser.one(text), pieces)
    return _replaced(ids, dictionary, rows_of, personal)


def pseudonymise_personal_items(
    lists: pa.ChunkedArray, pseudonymiser: Pseudonymiser
) -> tuple[pa.ChunkedArray, Counter[str]]:
    """Give pseudonyms, as `pseudonymise_personal_ids` does, to the ids of lists that are separated by `;`.

    Args:
        lists: of ids; nulls stay null.
        pseudonymiser: as for persons.

    Returns:
        The column, and how many pieces of each kind were replaced over all rows.
    """
    if not pc.any(pc.match_substring_regex(lists, _WORTH_A_LOOK)).as_py():
        return lists, Counter()
    items = pc.split_pattern(lists.combine_chunks(), ";")
    trimmed = pc.utf8_trim_whitespace(items.flatten())
    ids, counts = pseudonymise_personal_ids(pa.chunked_array([trimmed]), pseudonymiser)
    if not counts:
        return lists, counts
    parted = pa.ListArray.from_arrays(items.offsets, ids.combine_chunks(), mask=items.is_null())
    return pa.chunked_array([pc.binary_join(parted, ";")]), counts


def _replaced(
    column: pa.ChunkedArray,
    dictionary: pa.DictionaryArray,
    rows_of: np.ndarray,
    by_place: dict[int, tuple[str, Counter[str]]],
) -> tuple[pa.ChunkedArray, Counter[str]]:
    """The column with other texts at some places of its dictionary, and the pieces of these texts over all rows."""
    by_place = {place: (text, pieces) for place, (text, pieces) in by_place.items() if pieces}
    if not by_place:
        return column, Counter()
    once = dictionary.dictionary
    source = np.arange(len(once))
    source[list(by_place)] = len(once) + np.arange(len(by_place))
    texts = pa.array([text for text, _ in by_place.values()], once.type)
    replaced = pa.concat_arrays([once, texts]).take(pa.array(source)).take(dictionary.indices)
    total: Counter[str] = Counter()
    for place, (_, pieces) in by_place.items():
        for kind, count in pieces.items():
            total[kind] += count * int(rows_of[place])
    return pa.chunked_array([replaced.cast(column.type)]), total
