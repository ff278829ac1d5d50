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
            "[query]",
            "query string, fragment or parameter of a web address, or a token in its path: they carry sessions, search "
            "words and names",
        ),
        "user": Kind("[user]", "user name and password in a web address"),
        "email": Kind("[email]", "e-mail address, also spelled (name at host dot com), encoded or broken over lines"),
        "secret": Kind("[secret]", "password, one-time code, API key, token, private key"),
        "handle": Kind(
            "[handle]",
            "account name on a social platform: @name, u/name, the name in the address of a profile, or said in words",
        ),
        "iban": Kind("[iban]", "international bank account number with a right check sum (mod 97), or after its name"),
        "ip": Kind(
            "[ip]",
            "address of a device on the internet, version 4 or 6, also in a host name; loopback and unspecified "
            "addresses stay",
        ),
        "mac": Kind("[mac]", "hardware address of a device"),
        "location": Kind("[location]", "pair of geographic coordinates"),
        "card": Kind(
            "[card]", "payment card number of 13 to 19 digits with a right check digit (Luhn) and a known first digit"
        ),
        "birth": Kind("[birth]", "date of birth, where the text says that it is one"),
        "ssn": Kind("[ssn]", "US social security or individual taxpayer number, or its last four digits"),
        "document": Kind(
            "[document]", "number of a passport, a driving licence or a national identity card, after its name"
        ),
        "bank": Kind("[bank]", "bank account, sort code or routing number, after its name"),
        "phone": Kind("[phone]", "telephone number, national or international, with its extension"),
        "address": Kind(
            "[address]", "street address with house number, US style, with its unit, city and ZIP code, or a PO box"
        ),
        "name": Kind(
            "[name]", "name of a person: as the export tells it, in a greeting, a signature or after `my name is`"
        ),
    }
)
"""Every kind of personal data that is looked for, in the order in which counts of them are shown."""
