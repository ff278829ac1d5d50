from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from opslib.analysis.contact_drivers.phrases import emerging_phrases, texts_per_language
from opslib.analysis.contact_drivers.texts import corpus_of, texts_of
from tests.analysis.contact_drivers.written_texts import LAST, corpus_of_tickets, tickets_with_texts, with_new_matter


def test_a_phrase_that_nobody_used_before_is_found_with_its_labels():
    texts = corpus_of_tickets(with_new_matter(tickets_with_texts(np.random.default_rng(1))))
    phrases = emerging_phrases(texts, LAST)
    first = phrases.iloc[0]
    assert first["phrase"] in "studio sync ate my drafts overnight"
    assert " " in first["phrase"]
    assert (first["tickets"], first["before"], first["first_week"]) == (14, 0.0, LAST)
    assert first["reason_share"] == pytest.approx(0.5)
    assert len(first["ticket_ids"]) == 14
    manners = {"hello", "team", "hello team", "kind regards", "thank you"}
    assert not manners & set(phrases["phrase"])


def test_phrases_do_not_reach_over_the_end_of_a_sentence():
    texts = corpus_of_tickets(with_new_matter(tickets_with_texts(np.random.default_rng(1))))
    assert not emerging_phrases(texts, LAST)["phrase"].str.contains("team studio|overnight kind").any()


def test_weeks_alike_show_a_phrase_in_few_of_twenty_cases():
    cases = [
        len(emerging_phrases(corpus_of_tickets(tickets_with_texts(np.random.default_rng(seed))), LAST)) > 0
        for seed in range(20)
    ]
    assert sum(cases) <= 5


def test_languages_are_never_mixed():
    """A team that takes on Spanish tickets has no new phrases because of it: Spanish is measured against Spanish."""
    rng = np.random.default_rng(3)
    english = tickets_with_texts(rng)
    spanish = tickets_with_texts(rng, per_week=80, language="es", prefix="s")
    grown = pd.concat([english, spanish[(spanish["week"] == LAST) | (spanish.index % 4 == 0)]], ignore_index=True)
    texts = corpus_of_tickets(grown)
    assert emerging_phrases(texts, LAST).empty
    new = pd.concat([english, spanish[spanish["week"] == LAST]], ignore_index=True)
    assert emerging_phrases(corpus_of_tickets(new), LAST).empty
    enough = texts_per_language(texts_of(new), LAST).set_index("language")["enough"]
    assert enough.to_dict() == {"en": True, "es": False}


def test_hostile_texts_cost_no_more_time_than_others():
    """Long runs of one character are what breaks careless patterns."""
    hostile = ["<" * 9000, "a" * 9000, "[" * 9000, "http://" * 1200, "'-" * 4000, "=" * 9000, "&" * 9000]
    frame = tickets_with_texts(np.random.default_rng(9))
    frame.loc[frame.index[: len(hostile)], "description"] = hostile
    frame.loc[frame.index[-len(hostile) :], "description"] = hostile
    assert isinstance(emerging_phrases(corpus_of_tickets(frame), LAST), pd.DataFrame)


def test_nothing_to_read_gives_an_empty_frame():
    empty = texts_of(pd.DataFrame({"ticket_id": [], "week": []}, dtype="str"))
    assert emerging_phrases(corpus_of(empty), LAST).empty
