from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import MultinomialNB

from opslib.analysis.contact_drivers.labels import calibrate, held_out_probabilities, label_check
from opslib.analysis.contact_drivers.texts import SEED, corpus_of, texts_of, tf_idf
from tests.analysis.contact_drivers.written_texts import corpus_of_tickets, tickets_with_texts


def test_the_classifier_is_naive_bayes_trained_without_each_fold():
    corpus = corpus_of_tickets(tickets_with_texts(np.random.default_rng(14)))
    labels = np.unique(corpus.texts["contact_reason"].to_numpy(dtype=object).astype(str), return_inverse=True)[1]
    chance = held_out_probabilities(corpus, labels, folds=5)
    weights = tf_idf(corpus.terms[:, corpus.lengths <= 2])
    split = StratifiedKFold(5, shuffle=True, random_state=SEED)
    model = MultinomialNB(alpha=0.5, fit_prior=False)
    logs = cross_val_predict(model, weights, labels, cv=split, method="predict_log_proba")
    assert chance == pytest.approx(calibrate(logs, labels), abs=1e-4)


def test_probabilities_that_are_right_stay_as_they_are_and_those_too_sure_are_drawn_back():
    """The labels are drawn with the very probabilities; cubed, they are too sure by a power of three."""
    rng = np.random.default_rng(13)
    chance = rng.dirichlet([0.5, 0.5, 0.5], 6000)
    labels = (rng.random(6000)[:, None] > chance.cumsum(axis=1)).sum(axis=1)
    for power in (1, 3):
        calibrated = calibrate(power * np.log(np.maximum(chance, 1e-30)), labels)
        assert calibrated == pytest.approx(chance, abs=0.02)


def test_labels_that_the_text_contradicts_are_found_with_the_accuracy_of_the_classifier():
    frame = tickets_with_texts(np.random.default_rng(6), per_week=80)
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
    frame = tickets_with_texts(np.random.default_rng(7), per_week=50)
    frame["contact_reason"] = np.random.default_rng(8).choice(list("abc"), len(frame))
    accuracy, _ = label_check(corpus_of_tickets(frame))
    assert accuracy["accuracy"].iloc[0] == pytest.approx(1 / 3, abs=0.08)


def test_nothing_to_read_gives_empty_frames():
    empty = texts_of(pd.DataFrame({"ticket_id": [], "week": []}, dtype="str"))
    assert all(part.empty for part in label_check(corpus_of(empty)))
