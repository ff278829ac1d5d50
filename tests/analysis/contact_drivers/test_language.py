from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import MultinomialNB

from opslib.analysis.contact_drivers import language
from opslib.analysis.contact_drivers.language import (
    Corpus,
    corpus_of,
    emerging_phrases,
    label_check,
    languages_looked_at,
    log_odds,
    texts_of,
    topics,
    typical,
)
from opslib.weeks import weeks_between

WEEKS = weeks_between("2026-W37", "2026-W46")
LAST = WEEKS[-1]
MATTERS = {
    "refund": ["the money for my order never came back", "my refund is late", "the card shows no refund yet"],
    "login": ["the code never arrives on my phone", "signing in fails with a wrong code", "the login page loops"],
    "crash": ["the player crashes at every start", "a video freezes and the player closes", "the app crashes"],
}
SPANISH = ["mi reembolso no llega", "el código no llega a mi teléfono", "la aplicación se cierra sola"]
MANNERS = ["hello team", "good morning", "please help soon", "thank you so much", "i tried it twice", "kind regards"]


def written(
    rng: np.random.Generator, *, per_week: int = 60, language: str = "en-US", prefix: str = "t"
) -> pd.DataFrame:
    rows = []
    for week in WEEKS:
        for _ in range(per_week):
            reason = str(rng.choice(list(MATTERS)))
            said = SPANISH[list(MATTERS).index(reason)] if language == "es" else str(rng.choice(MATTERS[reason]))
            manners = rng.choice(MANNERS, 2, replace=False)
            rows.append((f"{prefix}{len(rows)}", week, language, reason, said, f"{manners[0]}. {said}. {manners[1]}."))
    names = ["ticket_id", "week", "language", "contact_reason", "subject", "description"]
    return pd.DataFrame(rows, columns=names)


def corpus_of_tickets(tickets: pd.DataFrame) -> Corpus:
    return corpus_of(texts_of(tickets))


def with_new_matter(frame: pd.DataFrame, count: int = 14) -> pd.DataFrame:
    chosen = frame.index[frame["week"] == LAST][:count]
    frame.loc[chosen, "subject"] = "studio sync"
    frame.loc[chosen, "description"] = "hello team. studio sync ate my drafts overnight. kind regards."
    frame.loc[chosen[::2], "contact_reason"] = "other"
    frame.loc[chosen[1::2], "contact_reason"] = "drafts"
    return frame


def test_log_odds_are_those_of_the_published_equations():
    """Equations 16, 20 and 22 of Monroe, Colaresi and Quinn, by hand for one word of two."""
    found = log_odds([30, 70], [10, 190], [4, 6]).iloc[0]
    delta = np.log(34 / (100 + 10 - 34)) - np.log(14 / (200 + 10 - 14))
    assert found["delta"] == pytest.approx(delta)
    assert found["variance"] == pytest.approx(1 / 34 + 1 / 14)
    assert found["z"] == pytest.approx(delta / np.sqrt(1 / 34 + 1 / 14))


def test_a_stronger_prior_draws_a_rare_word_to_no_difference():
    weak, strong = (log_odds([3, 97], [0, 200], np.array([0.02, 0.98]) * size)["z"].iloc[0] for size in (10, 2000))
    assert abs(strong) < 3 * abs(weak)
    assert log_odds([3, 97], [0, 200], np.array([0.02, 0.98]) * 2000)["delta"].iloc[0] < 0.7
    with pytest.raises(ValueError, match="above 0"):
        log_odds([1], [1], [0])


def terms_slowly(texts: list[str], words: int, fewest: int) -> dict[str, set[int]]:
    """Clause by clause, word by word."""
    held: dict[str, set[int]] = {}
    for place, text in enumerate(texts):
        for clause in re.split(language._CLAUSE_END, text):
            said = re.findall(language._WORD, clause)
            for length in range(1, words + 1):
                for start in range(len(said) - length + 1):
                    held.setdefault(" ".join(said[start : start + length]), set()).add(place)
    return {term: places for term, places in held.items() if len(places) >= fewest}


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
    found = corpus_of(frame, words=words, fewest=fewest)
    columns = found.terms.tocsc()
    told = {
        term: set(columns.indices[columns.indptr[place] : columns.indptr[place + 1]].tolist())
        for place, term in enumerate(found.said)
    }
    assert told == terms_slowly(texts, words, fewest)
    assert found.length.tolist() == [len(term.split()) for term in found.said]
    assert found.terms.max() <= 1 if found.terms.nnz else True


def test_texts_are_counted_alike_in_one_block_and_in_many(monkeypatch: pytest.MonkeyPatch):
    texts = texts_of(written(np.random.default_rng(12)))
    whole = corpus_of(texts)
    monkeypatch.setattr(language, "_BLOCK", 7)
    blocks = corpus_of(texts)
    assert blocks.said.tolist() == whole.said.tolist()
    assert (blocks.terms != whole.terms).nnz == 0


def test_the_classifier_is_naive_bayes_trained_without_each_fold():
    corpus = corpus_of_tickets(written(np.random.default_rng(14)))
    given_labels = np.unique(corpus.texts["contact_reason"].to_numpy(dtype=object).astype(str), return_inverse=True)[1]
    found = language._held_out(corpus, given_labels, 5)
    weights = language._weighed(corpus.terms[:, corpus.length <= 2])
    split = StratifiedKFold(5, shuffle=True, random_state=language.SEED)
    model = MultinomialNB(alpha=0.5, fit_prior=False)
    logs = cross_val_predict(model, weights, given_labels, cv=split, method="predict_log_proba")
    assert found == pytest.approx(language._calibrated(logs, given_labels), abs=1e-4)


def test_probabilities_that_are_right_stay_as_they_are_and_those_too_sure_are_drawn_back():
    """The labels are drawn with the very probabilities; cubed, they are too sure by a power of three."""
    rng = np.random.default_rng(13)
    chance = rng.dirichlet([0.5, 0.5, 0.5], 6000)
    given_labels = (rng.random(6000)[:, None] > chance.cumsum(axis=1)).sum(axis=1)
    for power in (1, 3):
        found = language._calibrated(power * np.log(np.maximum(chance, 1e-30)), given_labels)
        assert found == pytest.approx(chance, abs=0.02)


def test_a_phrase_that_nobody_used_before_is_found_with_its_labels():
    texts = corpus_of_tickets(with_new_matter(written(np.random.default_rng(1))))
    found = emerging_phrases(texts, LAST)
    first = found.iloc[0]
    assert first["phrase"] in "studio sync ate my drafts overnight"
    assert " " in first["phrase"]
    assert (first["tickets"], first["before"], first["first_week"]) == (14, 0.0, LAST)
    assert first["reason_share"] == pytest.approx(0.5)
    assert len(first["ticket_ids"]) == 14
    manners = {"hello", "team", "hello team", "kind regards", "thank you"}
    assert not manners & set(found["phrase"])


def test_phrases_do_not_reach_over_the_end_of_a_sentence():
    texts = corpus_of_tickets(with_new_matter(written(np.random.default_rng(1))))
    assert not emerging_phrases(texts, LAST)["phrase"].str.contains("team studio|overnight kind").any()


def test_weeks_alike_show_a_phrase_in_few_of_twenty_cases():
    shown = [
        len(emerging_phrases(corpus_of_tickets(written(np.random.default_rng(seed))), LAST)) > 0 for seed in range(20)
    ]
    assert sum(shown) <= 5


def test_languages_are_never_mixed():
    """A team that takes on Spanish tickets has no new phrases because of it: Spanish is measured against Spanish."""
    rng = np.random.default_rng(3)
    english = written(rng)
    spanish = written(rng, per_week=80, language="es", prefix="s")
    grown = pd.concat([english, spanish[(spanish["week"] == LAST) | (spanish.index % 4 == 0)]], ignore_index=True)
    texts = corpus_of_tickets(grown)
    found = emerging_phrases(texts, LAST)
    assert found.empty
    new = pd.concat([english, spanish[spanish["week"] == LAST]], ignore_index=True)
    assert emerging_phrases(corpus_of_tickets(new), LAST).empty
    looked = languages_looked_at(texts_of(new), LAST).set_index("language")["enough"]
    assert looked.to_dict() == {"en": True, "es": False}
    both = topics(texts, LAST)
    words = both.groupby("language")["terms"].agg(", ".join)
    assert "reembolso" not in words["en"]
    assert "refund" not in words["es"]


def test_topics_are_matters_and_keep_their_number_from_week_to_week():
    texts = corpus_of_tickets(written(np.random.default_rng(4), per_week=120))
    now, then = topics(texts, LAST, most=6), topics(texts, WEEKS[-2], most=6)
    assert now["tickets"].sum() > 100
    assert (now["reason_share"] > 0.9).all()
    assert (now["similarity"] > 0.8).sum() >= 4
    assert not now["discovery"].any()
    assert topics(texts, LAST, most=6).equals(now)
    assert len(then)


def test_a_new_topic_is_a_signal_and_has_no_number_of_last_week():
    texts = corpus_of_tickets(with_new_matter(written(np.random.default_rng(5), per_week=120), count=40))
    found = topics(texts, LAST, most=8)
    new = found[found["discovery"] & (found["ratio"] > 1)]
    assert new["terms"].str.contains("drafts|studio|sync|overnight").any()
    assert new["similarity"].isna().any()


def test_labels_that_the_text_contradicts_are_found_with_the_accuracy_of_the_classifier():
    frame = written(np.random.default_rng(6), per_week=80)
    wrong = frame.index[(frame["contact_reason"] == "refund").to_numpy() & (frame.index % 8 == 0)]
    frame.loc[wrong, "contact_reason"] = "crash"
    accuracy, pairs = label_check(corpus_of_tickets(frame))
    row = accuracy.iloc[0]
    assert row["accuracy"] == pytest.approx(1 - len(wrong) / len(frame), abs=0.02)
    assert row["low"] < row["accuracy"] < row["high"]
    assert row["baseline"] < 0.45
    first = pairs.iloc[0]
    assert (first["contact_reason"], first["text_says"]) == ("crash", "refund")
    assert first["contradicted"] == pytest.approx(len(wrong), rel=0.1)
    assert set(first["ticket_ids"]) <= set(frame.loc[wrong, "ticket_id"])


def test_labels_drawn_at_random_show_an_accuracy_of_chance():
    frame = written(np.random.default_rng(7), per_week=50)
    frame["contact_reason"] = np.random.default_rng(8).choice(list("abc"), len(frame))
    accuracy, _ = label_check(corpus_of_tickets(frame))
    assert accuracy["accuracy"].iloc[0] == pytest.approx(1 / 3, abs=0.08)


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


def test_hostile_texts_cost_no_more_time_than_others():
    """Long runs of one character are what breaks careless patterns."""
    hostile = ["<" * 9000, "a" * 9000, "[" * 9000, "http://" * 1200, "'-" * 4000, "=" * 9000, "&" * 9000]
    frame = written(np.random.default_rng(9))
    frame.loc[frame.index[: len(hostile)], "description"] = hostile
    frame.loc[frame.index[-len(hostile) :], "description"] = hostile
    assert isinstance(emerging_phrases(corpus_of_tickets(frame), LAST), pd.DataFrame)


def test_nothing_to_read_gives_empty_frames():
    empty = texts_of(pd.DataFrame({"ticket_id": [], "week": []}, dtype="str"))
    assert empty.empty
    assert emerging_phrases(corpus_of(empty), LAST).empty
    assert topics(corpus_of(empty), LAST).empty
    assert all(part.empty for part in label_check(corpus_of(empty)))
    assert typical(empty, ["1"]) == []


def test_typical_tickets_are_of_different_texts_and_one_language():
    frame = texts_of(
        pd.concat(
            [written(np.random.default_rng(10)), written(np.random.default_rng(11), language="es", prefix="s").head(50)]
        )
    )
    chosen = typical(frame, list(frame.loc[frame["contact_reason"] == "login", "ticket_id"]))
    shown = frame.set_index("ticket_id").loc[chosen]
    assert len(chosen) == 3
    assert shown["text"].is_unique
    assert set(shown["language"]) == {"en"}
