"""The key of the pseudonyms: where it lies, that nobody else reads it, and that it never changes without a word.

The secret is the environment's `OPSLIB_KEY`, else a file in the warehouse. Each organisation has a key of its own,
derived from the secret and its name, so that one secret never makes the same person of two organisations the same
pseudonym. Neither secret nor key is ever logged or put into an error message.
"""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from opslib.errors import OpslibError
from opslib.intake.privacy.pseudonyms import Pseudonymiser
from opslib.intake.privacy.secret import HOW_TO_MAKE_A_KEY, KEY_VARIABLE
from opslib.store.files import FOR_THIS_USER, write_bytes
from opslib.store.generations import Generations
from opslib.store.warehouse import former_neighbours

KEY_FILE: Final = "opslib.key"
ANOTHER_KEY_FILE: Final = "opslib.key.another"
SHORTEST_KEY: Final = 16
FINGERPRINT: Final = "fingerprint"
"""What is pseudonymised to tell a key from others without showing it."""
ALL_PSEUDONYMS_CHANGE: Final = (
    "every person gets another pseudonym, the tables are made anew from the exports, and pages, notes and escalations "
    "of before no longer match"
)
"""What another key costs."""
_OF_ALL_ORGANISATIONS: Final = b"used as it is, as before there was a key for each organisation"
"""Stands under a secret whose pseudonyms were made before keys were derived, so that they stay what they are."""


@dataclass(frozen=True)
class Key:
    """The key of an organisation, and what there is to say of where it comes from, a line each."""

    content: bytes
    lines: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "Key()"


def load_key(folder: Path, organisation: str, *, secret: str | None, fingerprint: str | None) -> Key:
    """Give the key of an organisation; its file is made for a warehouse that has no pseudonyms yet.

    Args:
        folder: the warehouse, in which `opslib.key` lies; one that lies beside it, where earlier versions kept it, is
            taken over.
        organisation: the name of the organisation; upper and lower case and spaces do not count.
        secret: what `OPSLIB_KEY` holds; None where it is not set.
        fingerprint: the pseudonym of `FINGERPRINT` that the warehouse was made with; None where it has none.

    Returns:
        The key, with a line for what was mended and where it is another than the pseudonyms were made with.

    Raises:
        OpslibError: the secret is shorter than 16 characters, the file and its copy are damaged or gone while the
            warehouse has pseudonyms, or the file belongs to another user and can be read by others.
    """
    lines: list[str] = []
    if secret is not None:
        content = secret.strip().encode("utf-8", "surrogateescape")
        if len(content) < SHORTEST_KEY:
            raise OpslibError(
                f"the environment variable {KEY_VARIABLE} is set, but empty or shorter than {SHORTEST_KEY} characters: "
                f"{HOW_TO_MAKE_A_KEY}, or unset it to use the key file in {folder}"
            )
    else:
        content = _content_of_file(folder, fingerprint, lines)
    written, _, mark = content.partition(b"\n")
    key = written if mark == _OF_ALL_ORGANISATIONS else _derived(written, organisation)
    if fingerprint not in (None, _fingerprint(key)):
        lines.append(
            f"the key ({KEY_VARIABLE}, or the name of the organization) is another than {folder} was made with: "
            f"{ALL_PSEUDONYMS_CHANGE}"
            + (
                "; this version derives a key for each organization, so that this happens once"
                if fingerprint == _fingerprint(written)
                else ""
            )
        )
    return Key(key, tuple(lines))


def rotate_key(folder: Path) -> None:
    """Put another secret into the key file of a warehouse; the one before is removed, its copies too."""
    path, generations = folder / KEY_FILE, Generations(folder)
    generations.write(_new_secret(), path, FOR_THIS_USER)
    generations.forget_older(path)


def key_fault(folder: Path) -> str | None:
    """What is wrong with the key file of a warehouse, in one line; None where there is none or all is well."""
    path, generations = folder / KEY_FILE, Generations(folder)
    if not path.exists() and not generations.paths(path):
        return None
    if not generations.is_newest(path):
        return f"{path} is damaged, or another than its copy"
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        return f"{path} can be read by others"
    return None


def mend_key(folder: Path) -> None:
    """Put the key file of a warehouse right from its copies, and close it to others."""
    path, generations = folder / KEY_FILE, Generations(folder)
    if generations.paths(path):
        _mend(path, generations)
    _read(path)


def _derived(secret: bytes, organisation: str) -> bytes:
    name = " ".join(organisation.split()).casefold()
    return hmac.digest(secret, f"organisation {name}".encode("utf-8", "surrogatepass"), "sha256")


def _fingerprint(key: bytes) -> str:
    return Pseudonymiser(key).one(FINGERPRINT)


def _content_of_file(folder: Path, fingerprint: str | None, lines: list[str]) -> bytes:
    path, generations = folder / KEY_FILE, Generations(folder)
    if generations.paths(path):
        lines += _mend(path, generations)
    elif not path.exists() and (former := folder.parent / KEY_FILE).is_file():
        lines.append(_take_over(former, path, fingerprint))
    elif not path.exists() and fingerprint is None:
        generations.write(_new_secret(), path, FOR_THIS_USER)
    elif not path.exists():
        raise _lost(path, "is not there")
    content = _read(path)
    generations.adopt(path, FOR_THIS_USER)
    return content


def _mend(path: Path, generations: Generations) -> list[str]:
    """Put the key file right from its copies; a key that somebody put there instead is set aside, not lost."""
    lines = []
    content = path.read_bytes().strip() if path.is_file() else b""
    if _could_be_a_key(content) and not generations.is_newest(path):
        another = path.with_name(ANOTHER_KEY_FILE)
        write_bytes(content + b"\n", another, FOR_THIS_USER)
        lines.append(
            f"{path} held something else than the key that the pseudonyms were made with; that lies in {another.name} "
            "now, to be deleted where it is nothing; `opslib key rotate` changes the key"
        )
    if line := generations.mend(path, FOR_THIS_USER):
        lines.append(line)
    if not path.exists():
        raise _lost(path, "and its copies are damaged")
    return lines


def _take_over(former: Path, path: Path, fingerprint: str | None) -> str:
    """Move the key that lies beside a warehouse into it; a copy stays where another warehouse still needs it."""
    content = _read(former)
    if fingerprint is not None and fingerprint == _fingerprint(content):
        content += b"\n" + _OF_ALL_ORGANISATIONS
    Generations(path.parent).write(content + b"\n", path, FOR_THIS_USER)
    if others := former_neighbours(path.parent):
        return (
            f"the key {former} was copied to {path}, as it lies in the warehouse now; it stays for "
            f"{', '.join(others)}, which takes it over when it is run"
        )
    former.unlink()
    return f"the key {former} was moved to {path}: it lies in the warehouse now"


def _read(path: Path) -> bytes:
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
        content = file.read().strip()
    if not _could_be_a_key(content):
        raise _lost(path, f"should hold a key of at least {SHORTEST_KEY} characters, but is damaged or shorter")
    return content


def _could_be_a_key(content: bytes) -> bool:
    return len(content) >= SHORTEST_KEY and b"\0" not in content


def _lost(path: Path, what: str) -> OpslibError:
    return OpslibError(
        f"the key of the pseudonyms {path} {what}: put it back from a backup (or set {KEY_VARIABLE}, if the pseudonyms "
        f"were made with it), or run `opslib key rotate --warehouse {path.parent}` to go on with another one; then "
        f"{ALL_PSEUDONYMS_CHANGE}"
    )


def _new_secret() -> bytes:
    return secrets.token_hex(32).encode("ascii") + b"\n"
