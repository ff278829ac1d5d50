"""The kinds of personal data that are looked for in free text, and what each is replaced by."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


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
