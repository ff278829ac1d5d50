"""The subject that stands beside a new phrase: one that says it, without addresses and markup."""

from __future__ import annotations

import pandas as pd

from opslib.reports.contact_drivers.phrase_examples import example_subjects

PHRASES = pd.DataFrame({"phrase": ["drafts lost", "sync"], "ticket_ids": [("1", "2", "3"), ("4",)]})


def test_a_subject_that_says_the_phrase_goes_before_a_frequent_one():
    subjects = ["Help me", "Help me", "My <i>drafts</i> lost, write to ann@example.org", None]
    texts = pd.DataFrame({"ticket_id": ["1", "2", "3", "4"], "subject": pd.array(subjects, dtype="str")})
    first, second = example_subjects(PHRASES, texts)
    assert first.startswith("My drafts lost")
    assert "ann@example.org" not in first
    assert second == ""


def test_a_long_subject_is_cut_and_an_export_without_subjects_has_no_example():
    texts = pd.DataFrame({"ticket_id": ["1"], "subject": ["drafts lost " * 20]})
    assert len(example_subjects(PHRASES, texts)[0]) <= 90
    assert example_subjects(PHRASES, texts[["ticket_id"]]).tolist() == ["", ""]
