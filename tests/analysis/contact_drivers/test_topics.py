from __future__ import annotations

import numpy as np
import pandas as pd

from opslib.analysis.contact_drivers.texts import corpus_of, texts_of
from opslib.analysis.contact_drivers.topics import topics
from tests.analysis.contact_drivers.written_texts import (
    LAST,
    WEEKS,
    corpus_of_tickets,
    tickets_with_texts,
    with_new_matter,
)


def test_topics_are_matters_and_keep_their_number_from_week_to_week():
    texts = corpus_of_tickets(tickets_with_texts(np.random.default_rng(4), per_week=120))
    now, then = topics(texts, LAST, most=6), topics(texts, WEEKS[-2], most=6)
    assert now["tickets"].sum() > 100
    assert (now["reason_share"] > 0.9).all()
    assert (now["similarity"] > 0.8).sum() >= 4
    assert not now["discovery"].any()
    assert topics(texts, LAST, most=6).equals(now)
    assert len(then)


def test_a_new_topic_is_a_signal_and_has_no_number_of_last_week():
    texts = corpus_of_tickets(with_new_matter(tickets_with_texts(np.random.default_rng(5), per_week=120), count=40))
    rows = topics(texts, LAST, most=8)
    new = rows[rows["discovery"] & (rows["ratio"] > 1)]
    assert new["terms"].str.contains("drafts|studio|sync|overnight").any()
    assert new["similarity"].isna().any()


def test_topics_of_languages_are_never_mixed():
    rng = np.random.default_rng(3)
    both = pd.concat(
        [tickets_with_texts(rng), tickets_with_texts(rng, per_week=60, language="es", prefix="s")], ignore_index=True
    )
    words = topics(corpus_of_tickets(both), LAST, most=6).groupby("language")["terms"].agg(", ".join)
    assert "reembolso" not in words["en"]
    assert "refund" not in words["es"]


def test_nothing_to_read_gives_an_empty_frame():
    empty = texts_of(pd.DataFrame({"ticket_id": [], "week": []}, dtype="str"))
    assert topics(corpus_of(empty), LAST).empty
