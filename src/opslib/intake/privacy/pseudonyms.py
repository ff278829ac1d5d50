"""Keyed pseudonyms for ids that name a person, and the key that they rest on.

Everything after intake sees pseudonyms only; neither an id nor the key is ever logged or put into an error message.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeVar, cast

import pandas as pd
import pyarrow as pa

from opslib.errors import OpslibError
from opslib.intake.privacy.text_columns import text_of_array, text_of_series

# -------------------------------------------------------------------------------------------------------------- the key

KEY_VARIABLE: Final = "OPSLIB_KEY"
KEY_FILE: Final = "opslib.key"
SHORTEST_KEY: Final = 16
_HOW_TO_MAKE: Final = 'make one with: python -c "import secrets; print(secrets.token_hex(32))"'


def load_key(folder: Path, environment: Mapping[str, str] = os.environ) -> bytes:
    """Give the key of the pseudonyms: from the environment, else from the key file, which is made when it is not there.

    Args:
        folder: where `opslib.key` is kept; made when it does not exist.
        environment: the variables to look for `OPSLIB_KEY` in.

    Returns:
        The key, without surrounding white space.

    Raises:
        OpslibError: `OPSLIB_KEY` is set to fewer than 16 characters, or the key file is too short, or it belongs to
            another user and can be read by others.

    Notes:
        Pseudonyms stay the same from week to week only as long as the key does: keep it, and keep it apart from the
        reports.
    """
    secret = environment.get(KEY_VARIABLE)
    if secret is not None:
        if len(secret.strip()) < SHORTEST_KEY:
            raise OpslibError(
                f"the environment variable {KEY_VARIABLE} is set, but empty or shorter than {SHORTEST_KEY} characters: "
                f"{_HOW_TO_MAKE}, or unset it to use the key file in {folder}"
            )
        return secret.strip().encode("utf-8", "surrogateescape")
    path = Path(folder) / KEY_FILE
    if not path.exists():
        _make_key(path)
    return _read_key(path)


def _read_key(path: Path) -> bytes:
    # Permissions are looked at and mended on the open file, so that nobody can swap it in between.
    descriptor = os.open(path, os.O_RDONLY)
    with os.fdopen(descriptor, "rb") as file:
        if os.name == "posix":
            status = os.fstat(file.fileno())
            if stat.S_IMODE(status.st_mode) & 0o077:
                if status.st_uid != os.geteuid():
                    raise OpslibError(
                        f"{path} holds the key of the pseudonyms, can be read by others and belongs to another user: "
                        f"have its owner run `chmod 600` on it"
                    )
                os.fchmod(file.fileno(), 0o600)
        key = file.read().strip()
    if len(key) < SHORTEST_KEY:
        raise OpslibError(
            f"{path} should hold a key of at least {SHORTEST_KEY} characters, but it is empty or shorter: restore it, "
            f"or delete it to have a new key made (the pseudonyms of earlier weeks then no longer match)"
        )
    return key


def _make_key(path: Path) -> None:
    """Make the key file whole or not at all; of two runs at once, one makes it and both use it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    content = secrets.token_hex(32).encode("ascii") + b"\n"
    _write_new(aside, content)
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    except OSError:
        # Some file systems have no hard links; there, the one that creates the file first wins.
        with contextlib.suppress(FileExistsError):
            _write_new(path, content)
    finally:
        aside.unlink()


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


# ----------------------------------------------------------------------------------------------------------- pseudonyms

Ids = TypeVar("Ids", pa.ChunkedArray, pd.Series, list[str | None])


class Pseudonymiser:
    """Replaces ids that name a person by keyed pseudonyms: the same id gives the same pseudonym in every table.

    Args:
        key: the secret key; see `load_key`.

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
            raise OpslibError(f"pseudonyms need a key, and this one is empty: set {KEY_VARIABLE}; {_HOW_TO_MAKE}")
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
