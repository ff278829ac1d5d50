from __future__ import annotations

import re

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from opslib.analysis.contact_drivers.texts import WORD, corpus_of, texts_of, typical_tickets
from tests.analysis.contact_drivers.written_texts import LAST, tickets_with_texts

CLAUSE_END = re.compile(r"[;:!?()\"“”«»\n\r\t]|[.,]+(?=\s|$)")
"""Full stops and commas divide where a space follows, all other marks anywhere."""


def terms_slowly(texts: list[str], words: int, fewest: int) -> dict[str, set[int]]:
    """Clause by clause, word by word."""
    texts_of_term: dict[str, set[int]] = {}
    for place, text in enumerate(texts):
        for clause in CLAUSE_END.split(text):
            spelled = re.findall(WORD, clause)
            for length in range(1, words + 1):
                for start in range(len(spelled) - length + 1):
                    texts_of_term.setdefault(" ".join(spelled[start : start + length]), set()).add(place)
    return {term: places for term, places in texts_of_term.items() if len(places) >= fewest}


@settings(deadline=None)
@given(
    st.lists(
        st.lists(
            st.sampled_from(
                ["a b", "refund", "don't", "no-one", "42", "über", ".", ", ", "! ", '"', "\n", " ", "x\x1ey"]
            ),
            max_size=12,
        ).map(" ".join),
        max_size=8,
    ),
    st.integers(1, 4),
    st.integers(1, 3),
)
def test_terms_are_those_of_going_through_the_texts_word_by_word(texts: list[str], words: int, fewest: int):
    frame = pd.DataFrame({"text": pd.Series(texts, dtype="str")})
    corpus = corpus_of(frame, words=words, fewest=fewest)
    columns = corpus.terms.tocsc()
    texts_of_term = {
        term: set(columns.indices[columns.indptr[place] : columns.indptr[place + 1]].tolist())
        for place, term in enumerate(corpus.vocabulary)
    }
    assert texts_of_term == terms_slowly(texts, words, fewest)
    assert corpus.lengths.tolist() == [len(term.split()) for term in corpus.vocabulary]
    assert corpus.terms.nnz == sum(map(len, texts_of_term.values()))
    assert set(corpus.terms.data.tolist()) <= {1.0}


def test_texts_are_counted_alike_in_one_block_and_in_many():
    texts = texts_of(tickets_with_texts(np.random.default_rng(12)))
    whole = corpus_of(texts)
    blocks = corpus_of(texts, block=7)
    assert blocks.vocabulary.tolist() == whole.vocabulary.tolist()
    assert (blocks.terms != whole.terms).nnz == 0


def test_texts_are_stripped_of_markup_and_placeholders():
    frame = pd.DataFrame(
        {
            "ticket_id": ["1", "2", "3", "4"],
            "week": LAST,
            "subject": ["<b>Refund</b>", None, "&nbsp;", "x" * 50_000],
            "description": ["write to [email] or https://a.example/x?y", None, "<script>alert(1)</script>", "y" * 9],
        }
    )
    texts = texts_of(frame).set_index("ticket_id")["text"]
    assert "[email]" not in texts["1"]
    assert "https" not in texts["1"]
    assert "<" not in "".join(texts)
    assert "2" not in texts.index
    assert texts.str.len().max() <= 4000


def test_typical_tickets_are_of_different_texts_and_one_language():
    frame = texts_of(
        pd.concat(
            [
                tickets_with_texts(np.random.default_rng(10)),
                tickets_with_texts(np.random.default_rng(11), language="es", prefix="s").head(50),
            ]
        )
    )
    typical = typical_tickets(frame, list(frame.loc[frame["contact_reason"] == "login", "ticket_id"]))
    rows = frame.set_index("ticket_id").loc[typical]
    assert len(typical) == 3
    assert rows["text"].is_unique
    assert set(rows["language"]) == {"en"}


def test_nothing_to_read_has_no_typical_ticket():
    empty = texts_of(pd.DataFrame({"ticket_id": [], "week": []}, dtype="str"))
    assert typical_tickets(empty, ["1"]) == []
    assert len(corpus_of(empty).vocabulary) == 0
