"""Categories and titles lose personal data; an id that is personal data becomes the same pseudonym everywhere."""

from __future__ import annotations

import pyarrow as pa
import pytest

from opslib.intake.privacy.labels import pseudonymise_personal_ids, pseudonymise_personal_items, redact_labels
from opslib.intake.privacy.pseudonyms import Pseudonymiser

PSEUDONYMISER = Pseudonymiser(b"0123456789abcdef")


def column(*texts: str | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(texts, pa.string())])


def test_labels_are_redacted_and_counted_by_row() -> None:
    labels, pieces = redact_labels(column("app", None, "of jane@example.com", "219_09_9999", "of jane@example.com"))
    assert labels.to_pylist() == ["app", None, "of [email]", "[ssn]", "of [email]"]
    assert pieces == {"email": 2, "ssn": 1}
    untouched = column("app_crash", "us-general", None)
    assert redact_labels(untouched)[0] is untouched


@pytest.mark.parametrize(
    "text",
    [
        *("1042", "INC-2026-0001", "4711000000000000001", "215473869000123", "2195550134", "ab12cd34"),
        *("550e8400-e29b-41d4-a716-446655440000", "65f1c0ffee12345678901234", "R-101", "4155552671", "1.2.3"),
    ],
)
def test_ids_of_systems_stay_as_they_are(text: str) -> None:
    assert pseudonymise_personal_ids(column(text), PSEUDONYMISER)[0].to_pylist() == [text]


@pytest.mark.parametrize(
    "text",
    ["jane@example.com", "+1 415 555 2671", "415-555-2671", "219-09-9999", "4111111111111111", "4111 1111 1111 1111"],
)
def test_ids_that_are_personal_data_become_pseudonyms_also_in_lists(text: str) -> None:
    pseudonym = PSEUDONYMISER.one(text)
    ids, pieces = pseudonymise_personal_ids(column("1", text, None, text), PSEUDONYMISER)
    assert ids.to_pylist() == ["1", pseudonym, None, pseudonym]
    assert sum(pieces.values()) == 2
    lists, _ = pseudonymise_personal_items(column(f"1; {text}", None, "2;3"), PSEUDONYMISER)
    assert lists.to_pylist() == [f"1;{pseudonym}", None, "2;3"]
