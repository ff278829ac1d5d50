"""What readers call the values of a field: by the organization's labels, else the identifier written as words.

Like the locale, the labels are those of the process: a run and each opened week say once which they are (`call`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from opslib.locales import language_name

FIELDS = ("contact_reason", "queue", "rule", "channel", "priority", "team", "form", "language", "region", "status")
"""The fields whose values may have labels."""

_ACRONYMS = frozenset(
    re.findall(
        r"\w+",
        "ai api atm csat csv faq gdpr iban id ip kyc nps otp pdf pin qa qr sdk sla sms sso tv ui uk url us usb vat "
        "vip vpn",
    )
)
_IDENTIFIER = re.compile(r"[^\W_]+(?:[_\-.:/]+[^\W_]+)*")
_BREAKS = re.compile(r"_+|(?<=[^\W\d_])-+(?=[^\W\d_])")

_current: Mapping[str, Mapping[str, str]] = MappingProxyType({})


def call(labels: Mapping[str, Mapping[str, str]]) -> None:
    """Call values by these labels from now on.

    Args:
        labels: for each of `FIELDS` that has any, the label of a value.
    """
    global _current
    _current = MappingProxyType({field: MappingProxyType(dict(own)) for field, own in labels.items()})


def label(field: str, value: Any) -> str:
    """What a reader calls a value.

    Args:
        field: such as one of `FIELDS`.
        value: as the tables have it; other than a text it stays as it is.

    >>> label("contact_reason", "upload_failure")
    'Upload failure'
    """
    if not isinstance(value, str):
        return str(value)
    if own := _current.get(field, {}).get(value):
        return own
    return language_name(value) if field == "language" else in_words(value)


def phrase(field: str, value: Any) -> str:
    """What a reader calls a value within a sentence: without a capital, unless its label or the identifier has one.

    >>> phrase("contact_reason", "upload_failure"), phrase("queue", "sso_login")
    ('upload failure', 'SSO login')
    """
    if not isinstance(value, str):
        return str(value)
    return _current.get(field, {}).get(value) or _spelled(value)


def field_name(field: str) -> str:
    """What a reader calls a field, within a sentence.

    >>> field_name("contact_reason")
    'contact reason'
    """
    return field.replace("_", " ")


def in_words(identifier: str) -> str:
    """An identifier written as words; what is no identifier, and a code, stays as it is.

    >>> [in_words(text) for text in ("upload_failure", "sso-login", "API_error", "R-134", "Street light out", "n/a")]
    ['Upload failure', 'SSO login', 'API error', 'R-134', 'Street light out', 'n/a']
    """
    text = _spelled(identifier)
    return text[:1].upper() + text[1:] if _is_identifier(identifier) and len(text) > 2 else text


def _spelled(identifier: str) -> str:
    if not _is_identifier(identifier):
        return identifier
    return " ".join(word.upper() if word in _ACRONYMS else word for word in _BREAKS.sub(" ", identifier).split())


def _is_identifier(text: str) -> bool:
    """Whether a text is lower-case words that are tied together; with a capital, only where underscores tie them."""
    if not _IDENTIFIER.fullmatch(text) or not any(map(str.isalpha, text)) or "/" in text:
        return False
    return "_" in text or not any(map(str.isupper, text))
