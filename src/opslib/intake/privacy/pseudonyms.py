"""Keyed pseudonyms for ids that name a person: everything after intake sees these only, and no id is ever logged."""

from __future__ import annotations

import hmac
from typing import TypeVar, cast

import pandas as pd
import pyarrow as pa

from opslib.errors import OpslibError
from opslib.intake.privacy.secret import HOW_TO_MAKE_A_KEY, KEY_VARIABLE
from opslib.intake.privacy.text_columns import text_of_array, text_of_series

Ids = TypeVar("Ids", pa.ChunkedArray, pd.Series, list[str | None])


class Pseudonymiser:
    """Replaces ids that name a person by keyed pseudonyms: the same id gives the same pseudonym in every table.

    Args:
        key: the secret key; see `key.load_key`.

    Raises:
        OpslibError: the key is empty.

    Notes:
        HMAC-SHA-256 of the id without surrounding white space, as UTF-8; "p" and its first 20 hexadecimal digits. With
        80 bits, a collision among 10 million people is less likely than one in ten billion. Each distinct id is
        computed once in the life of the object.

    References:
        RFC 2104 and FIPS 198-1 (HMAC).

    >>> Pseudonymiser(b"0123456789abcdef").one(" 4711 ") == Pseudonymiser(b"0123456789abcdef").one("4711")
    True
    """

    __slots__ = ("_key", "_pseudonyms")

    def __init__(self, key: bytes) -> None:
        if not key:
            raise OpslibError(f"pseudonyms need a key, and this one is empty: set {KEY_VARIABLE}; {HOW_TO_MAKE_A_KEY}")
        self._key = key
        self._pseudonyms: dict[str, str | None] = {}

    def __repr__(self) -> str:
        return "Pseudonymiser()"

    def one(self, value: str) -> str:
        """Give the pseudonym of one id.

        Args:
            value: the id; surrounding white space does not count.

        Returns:
            "p" and 20 lower-case hexadecimal digits.

        Raises:
            OpslibError: the id is empty; in `many` it is a null.
        """
        pseudonym = self._of(value)
        if pseudonym is None:
            raise OpslibError(
                "an empty id has no pseudonym: leave it out, or use Pseudonymiser.many, which gives a null for it"
            )
        return pseudonym

    def many(self, values: Ids) -> Ids:
        """Give the pseudonyms of a column of ids.

        Args:
            values: ids as an Arrow column, a Series or a list; numbers are taken as they are written, whole floats as
                whole numbers.

        Returns:
            The pseudonyms, of the same kind and length, a Series with the same index and name. Nulls and empty ids are
            null.
        """
        if isinstance(values, pd.Series):
            pseudonyms = self._column(text_of_series(values))
            return pd.Series(pseudonyms, index=values.index, name=values.name, dtype="str")
        if isinstance(values, pa.ChunkedArray):
            pseudonyms = self._column(text_of_array(values.combine_chunks()))
            return cast("Ids", pa.chunked_array([pseudonyms.cast(pa.string())]))
        return [None if value is None else self._of(value) for value in values]

    def _column(self, values: pa.Array) -> pa.Array:
        distinct = values.dictionary_encode()
        pseudonyms = pa.array([self._of(value) for value in distinct.dictionary.to_pylist()], pa.large_string())
        return pseudonyms.take(distinct.indices)

    def _of(self, value: str) -> str | None:
        pseudonyms = self._pseudonyms
        try:
            return pseudonyms[value]
        except KeyError:
            text = value.strip()
            digest = hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256") if text else None
            pseudonyms[value] = None if digest is None else "p" + digest.hex()[:20]
            return pseudonyms[value]
