"""Identifiers as words: labels of the organization before all, codes as they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from opslib import labels


@pytest.fixture(autouse=True)
def no_labels() -> Iterator[None]:
    yield
    labels.call({})


@pytest.mark.parametrize(
    ("identifier", "text"),
    [
        ("upload_failure", "Upload failure"),
        ("refund-not-received", "Refund not received"),
        ("billing.refund", "Billing.refund"),
        ("sso_login", "SSO login"),
        ("2fa_reset", "2fa reset"),
        ("covid-19", "Covid-19"),
        ("API_error", "API error"),
        ("Street Light Out", "Street Light Out"),
        ("PayPal", "PayPal"),
        ("R-134", "R-134"),
        ("TR-419", "TR-419"),
        ("1234", "1234"),
        ("en", "en"),
        ("", ""),
        ("größe_ändern", "Größe ändern"),
        ("<b>_x", "<b>_x"),
    ],
)
def test_an_identifier_becomes_words_and_a_code_stays(identifier: str, text: str):
    assert labels.in_words(identifier) == text


def test_a_label_of_the_organization_is_for_its_field_alone():
    labels.call({"contact_reason": {"upload_failure": "Upload failed"}})
    assert labels.label("contact_reason", "upload_failure") == "Upload failed"
    assert labels.label("queue", "upload_failure") == "Upload failure"
