"""What the texts are about, whatever their label: topics that keep their number from one week to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, sparse
from sklearn.decomposition import non_negative_factorization
from threadpoolctl import threadpool_limits

from opslib.analysis.contact_drivers.texts import FEWEST_TEXTS, SEED, Corpus, tf_idf
from opslib.analysis.methods.discovery import benjamini_hochberg
from opslib.analysis.methods.overdispersed_counts import predict
from opslib.weeks import shift_week

Floats = npt.NDArray[np.float64]

TOPIC_COLUMNS = (
    *("language", "topic", "terms", "tickets", "expected", "low", "high", "ratio", "p", "q", "discovery"),
    *("similarity", "reason", "reason_share", "history", "example_ids"),
)
_WORDS = 800
_FACTOR_ROUNDS = 400
_SIMILAR = 0.5
_TEXTS_PER_TOPIC = 25
_FEWEST_TESTED = 10


class _Factors(NamedTuple):
    """Topics × terms, texts × topics, and for each topic the number and likeness of the one that it was last week."""

    terms: Floats
    shares: Floats
    number: npt.NDArray[np.int64]
    similarity: Floats


def topics(corpus: Corpus, week: str, *, trailing: int = 8, most: int = 20, rate: float = 0.10) -> pd.DataFrame:
    """Topics of the texts of a week and the weeks before, matched with those of last week's report.

    Args:
        corpus: texts with ticket_id, week, language, contact_reason, from a week before the trailing ones on, and their
            terms.
        week: the week looked at.
        trailing: how many weeks before it are the measure.
        most: how many topics at most; fewer where there are fewer than 25 texts for each.
        rate: false discovery rate over the topics of all languages.

    Returns:
        One row per topic and language: language, topic (number that a topic keeps from one week to the next), terms
        (its eight heaviest, in words), tickets (of the week), expected, low, high, ratio, p, q, discovery, similarity
        (cosine with last week's topic of that number; NaN for one that last week had not), reason, reason_share,
        history (tuple of tickets per week, oldest first), example_ids (the three most typical tickets of the week).
        Most tickets first.

    Notes:
        Non-negative matrix factorisation of TF-IDF weights by coordinate descent, seeded. Words weigh by how much they
        tell of the reason (divergence of the reasons of the tickets with the word from those of all), so that topics
        are matters and not manners. Last week's topics are those of its own weeks, worked out anew on the same words;
        topics are paired so that their similarities sum to the most (Kuhn-Munkres), and those of at least 0.5 keep the
        number that the topic has among last week's.

    References:
        Lee, D. D., Seung, H. S. (1999). Learning the parts of objects by non-negative matrix factorization. Nature
        401, 788-791. Cichocki, A., Phan, A.-H. (2009). Fast local algorithms for large scale nonnegative matrix and
        tensor factorizations. IEICE Transactions on Fundamentals E92-A, 708-721. Kuhn, H. W. (1955). The Hungarian
        method for the assignment problem. Naval Research Logistics Quarterly 2, 83-97.
    """
    weeks = [shift_week(week, -back) for back in range(trailing + 1, -1, -1)]
    parts = [_topics_of(own, name, weeks, most) for name, own in corpus.of_weeks(weeks).by_language()]
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame(columns=list(TOPIC_COLUMNS))
    frame = pd.concat(parts, ignore_index=True)
    test = benjamini_hochberg(frame["p"], rate=rate)
    frame["q"], frame["discovery"] = test["q"], test["discovery"]
    order = frame.groupby("language")["tickets"].transform("sum")
    frame = frame.assign(order=order).sort_values(["order", "tickets", "topic"], ascending=[False, False, True])
    return frame.reset_index(drop=True)[list(TOPIC_COLUMNS)]


def _topics_of(corpus: Corpus, language: str, weeks: list[str], most: int) -> pd.DataFrame:
    """The topics of one language in the last of the weeks; the first of them concerns last week's topics only."""
    week = corpus.texts["week"].to_numpy(dtype=object)
    count = min(most, int((week != weeks[0]).sum()) // _TEXTS_PER_TOPIC)
    if count < 2 or (week == weeks[-1]).sum() < FEWEST_TEXTS:
        return pd.DataFrame()
    words = _topic_words(corpus)
    if len(words.vocabulary) < 2 * count:
        return pd.DataFrame()
    weights, vocabulary = _weights(words)
    now, then = week != weeks[0], week != weeks[-1]
    parts, shares = _factorise(weights[now], count)
    several = len(set(week[then])) > 1  # texts of a single week had nothing to be compared with, and no topics
    earlier = _factorise(weights[then], count)[0] if several else np.zeros((0, weights.shape[1]))
    factors = _Factors(parts, shares, *_paired(parts, earlier))
    return _topic_lines(corpus.with_texts(now).texts, language, weeks[1:], factors, vocabulary)


def _topic_words(corpus: Corpus) -> Corpus:
    """The words that are neither rare nor in nearly every text."""
    frequency, texts = corpus.frequency, len(corpus.texts)
    fewest, most = max(5, texts // 1000), 0.4 * texts
    return corpus.with_terms((corpus.lengths == 1) & (frequency >= fewest) & (frequency <= most))


def _weights(words: Corpus) -> tuple[sparse.csr_matrix, npt.NDArray[np.object_]]:
    """TF-IDF of the words that tell most, times what they tell; and those words."""
    telling = _telling(words.terms, words.texts["contact_reason"])
    heaviest = np.argsort(-telling * np.sqrt(words.frequency), kind="stable")[:_WORDS]
    columns = np.sort(heaviest)
    weights = sparse.csr_matrix(tf_idf(words.terms[:, columns]).multiply(telling[columns]), dtype=np.float32)
    return weights, words.vocabulary[columns]


def _telling(terms: sparse.csr_matrix, reasons: pd.Series) -> Floats:
    """How much each word tells of the reason, from 0 to 1: greetings and thanks stand with all reasons alike."""
    by_reason = pd.get_dummies(reasons).to_numpy(dtype=np.float64)
    if by_reason.shape[1] < 2:
        return np.ones(terms.shape[1])
    usual = by_reason.mean(axis=0)
    beside = np.asarray(terms.T @ by_reason)
    share = (beside + 2 * usual) / (beside.sum(axis=1, keepdims=True) + 2)
    divergence = (share * np.log(share / usual)).sum(axis=1)
    return np.asarray(divergence / max(float(divergence.max()), 1e-12))


def _factorise(weights: sparse.csr_matrix, count: int) -> tuple[Floats, Floats]:
    """Term weights of each topic, of length 1, and how much of each topic every text has."""
    with threadpool_limits(1):  # sums of several threads differ in their last digits from run to run
        shares, parts, _ = non_negative_factorization(
            weights,
            n_components=count,
            init="nndsvd",
            solver="cd",
            max_iter=_FACTOR_ROUNDS,
            tol=1e-3,
            random_state=SEED,
        )
    length = np.linalg.norm(parts, axis=1)
    return parts / np.maximum(length, 1e-12)[:, None], shares * length


def _paired(parts: Floats, earlier: Floats) -> tuple[npt.NDArray[np.int64], Floats]:
    """The number of each topic: that of the earlier topic it is most like, else one that the earlier ones had not."""
    number = np.full(len(parts), -1, dtype=np.int64)
    similarity = np.full(len(parts), np.nan)
    if len(earlier):
        cosine = parts @ earlier.T
        for row, column in zip(*optimize.linear_sum_assignment(-cosine), strict=True):
            if cosine[row, column] >= _SIMILAR:
                number[row], similarity[row] = column + 1, cosine[row, column]
    alone = number < 0
    number[alone] = len(earlier) + 1 + np.arange(alone.sum())
    return number, similarity


def _topic_lines(
    texts: pd.DataFrame, language: str, weeks: list[str], factors: _Factors, vocabulary: npt.NDArray[np.object_]
) -> pd.DataFrame:
    """What is told of each topic, with the test of its last week against those before; `TOPIC_COLUMNS` but q."""
    count = len(factors.terms)
    main = factors.shares.argmax(axis=1)
    main[factors.shares.max(axis=1) <= 0] = -1
    place = pd.Categorical(texts["week"], categories=weeks).codes
    history = np.zeros((count, len(weeks)))
    np.add.at(history, (main[main >= 0], place[main >= 0]), 1.0)
    sizes = np.bincount(place, minlength=len(weeks)).astype(np.float64)
    test = predict(history[:, -1], history[:, :-1], sizes[-1], np.maximum(sizes[:-1], 1e-9)[None, :])
    test.loc[history.sum(axis=1) < _FEWEST_TESTED, "p"] = np.nan
    lines = []
    for topic in range(count):
        members = np.flatnonzero((main == topic) & (place == len(weeks) - 1))
        reason = texts.loc[members, "contact_reason"].value_counts()
        typical = members[np.argsort(-factors.shares[members, topic], kind="stable")[:3]]
        heaviest = vocabulary[np.argsort(-factors.terms[topic], kind="stable")[:24]]
        lines.append(
            (
                language,
                int(factors.number[topic]),
                ", ".join(_spread_terms(list(heaviest), 8)),
                int(history[topic, -1]),
                *test.loc[topic, ["expected", "low", "high", "ratio", "p"]],
                factors.similarity[topic],
                str(reason.index[0]) if len(reason) else "",
                reason.iloc[0] / len(members) if len(reason) else np.nan,
                tuple(int(each) for each in history[topic]),
                tuple(str(each) for each in texts.loc[typical, "ticket_id"]),
            )
        )
    return pd.DataFrame(lines, columns=[name for name in TOPIC_COLUMNS if name not in ("q", "discovery")])


def _spread_terms(terms: Sequence[str], count: int) -> list[str]:
    """The heaviest terms, without those whose words others of them already have."""
    spread: list[str] = []
    for term in terms:
        if any(set(term.split()) <= set(other.split()) for other in spread):
            continue
        spread = [other for other in spread if not set(other.split()) <= set(term.split())]
        spread.append(str(term))
        if len(spread) == count:
            break
    return spread
