"""Identifiers as words: labels of the organization before all, codes as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opslib import labels, locales
from opslib.display import words
from opslib.settings import load_organisation


@pytest.fixture(autouse=True)
def no_labels() -> Iterator[None]:
    yield
    labels.call({})
    locales.write_in(locales.DEFAULT)


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


def test_what_an_organization_says_holds_for_the_process_from_then_on(tmp_path: Path):
    """A page, the console and a file for people are then written alike, with no argument passed through."""
    text = (Path(__file__).parents[1] / "params" / "org.yml").read_text(encoding="utf-8")
    text = text.replace("locale: en_US", "locale: de_DE").replace("labels: {}", "labels: {queue: {a_b: Erste Hilfe}}")
    (tmp_path / "org.yml").write_text(text, encoding="utf-8")
    load_organisation(tmp_path).speak()
    assert words.value(1204.0, "count") == "1.204"
    assert words.week_start("2026-W46") == "9. Nov."
    assert labels.label("queue", "a_b") == "Erste Hilfe"
    assert labels.label("team", "us-safety") == "Trust and safety support"
    assert labels.label("language", "es") == "Spanisch"
