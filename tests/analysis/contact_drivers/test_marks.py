from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from opslib.analysis.contact_drivers.marks import without_marks
from opslib.analysis.contact_drivers.phrases import emerging_phrases
from tests.analysis.contact_drivers.written_texts import LAST, MATTERS, corpus_of_tickets, tickets_with_texts

REASONS = ["login", "refund", "crash", "login", "refund", "crash"]
MATTER = ["The code is wrong", "Money never came", "It freezes", "Page loops", "Card empty", "App stops"]


def stripped(subjects: list[str], descriptions: list[str], reasons: list[str] = REASONS) -> tuple[list[str], list[str]]:
    texts = (pd.Series(texts, dtype="str") for texts in (subjects, descriptions, reasons))
    subject, description = without_marks(*texts)
    return subject.str.strip().tolist(), description.str.strip().tolist()


@pytest.mark.parametrize(
    "form",
    [
        "{} [closed]",
        "[SOLVED] {}",
        "{} (edited)",
        "{} - moved to billing",
        "{} | moved to billing",
        "{} (bug1890230)",
        "{} [see ticket 4711]",
    ],
)
def test_what_a_moderator_adds_to_subjects_is_taken_out(form: str):
    subjects, descriptions = stripped([form.format(matter) for matter in MATTER], ["it happens daily"] * 6)
    assert subjects == MATTER
    assert descriptions == ["it happens daily"] * 6


def test_a_moderators_note_in_a_description_is_taken_out():
    note = "call me at [edited phone# from public forum] any time"
    assert stripped(MATTER, [note] * 6)[1] == ["call me at   any time"] * 6


@pytest.mark.parametrize(
    ("subjects", "descriptions", "reasons"),
    [
        ([f"{matter} is not working" for matter in MATTER], ["since monday"] * 6, REASONS),
        ([f"{matter} (outlook)" for matter in MATTER], ["with outlook since monday"] * 6, REASONS),
        ([f"{matter} (billing app)" for matter in MATTER], ["since monday"] * 6, ["billing"] * 4 + ["login", "crash"]),
        ([f"{matter} [closed]" for matter in MATTER[:2]] + MATTER[2:], ["since monday"] * 6, REASONS),
        ([f"Account {number} - closed" for number in "abcdef"], ["my account was closed"] * 6, REASONS),
    ],
    ids=["no mark", "said besides", "of one matter", "too few", "a state that customers complain of"],
)
def test_what_customers_say_stays(subjects: list[str], descriptions: list[str], reasons: list[str]):
    assert stripped(subjects, descriptions, reasons) == (subjects, descriptions)


def test_what_other_tickets_say_in_plain_words_stays():
    others = 14
    subjects = [f"{matter} - not working" for matter in MATTER] + ["The page"] * others
    descriptions = ["since monday"] * 6 + ["it is not working"] * others
    reasons = REASONS + ["login"] * others
    assert stripped(subjects, descriptions, reasons) == (subjects, descriptions)


def test_a_week_of_closed_subjects_shows_no_phrase():
    frame = tickets_with_texts(np.random.default_rng(5))
    marked = frame.index[frame["week"] == LAST][::2]
    plain = set(emerging_phrases(corpus_of_tickets(frame), LAST)["phrase"])
    frame.loc[marked, "subject"] = frame.loc[marked, "subject"] + " [closed by staff]"
    assert set(emerging_phrases(corpus_of_tickets(frame), LAST)["phrase"]) == plain
    frame.loc[marked, "subject"] = frame.loc[marked, "subject"].str.replace(r" \[.*", " closed by staff", regex=True)
    assert any("closed" in phrase for phrase in emerging_phrases(corpus_of_tickets(frame), LAST)["phrase"])
    assert set(frame["contact_reason"]) == set(MATTERS)
