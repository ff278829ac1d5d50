"""Words and phrases that emerge: in more tickets of a week than the weeks before make likely."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from opslib.analysis.contact_drivers.texts import FEWEST_TEXTS, Corpus
from opslib.analysis.methods.discovery import benjamini_hochberg
from opslib.analysis.methods.overdispersed_counts import predict
from opslib.weeks import shift_week

Floats = npt.NDArray[np.float64]

PHRASE_COLUMNS = (
    *("language", "phrase", "tickets", "before", "log_odds", "z", "p", "q", "first_week", "reason", "reason_share"),
    "ticket_ids",
)
PHRASE_RATE = 0.05
"""Half of what is new in a language may be false by; the other half is left to matters."""
_SAME_TICKETS = 0.8


class Change(NamedTuple):
    """How each term of a corpus fares in the last of some weeks against the weeks before; one value per term."""

    by_week: Floats
    tickets: Floats
    before: Floats
    log_odds: Floats
    z: Floats
    p: Floats


def emerging_phrases(
    corpus: Corpus, week: str, *, trailing: int = 8, rate: float = PHRASE_RATE, fewest: int = 5, limit: int = 15
) -> pd.DataFrame:
    """Words and phrases that stand in more tickets of a week than the weeks before make likely.

    Args:
        corpus: texts with week, language, contact_reason, and their terms.
        week: the week looked at.
        trailing: how many weeks before it are the measure.
        rate: false discovery rate over all words and phrases of a language.
        fewest: a phrase is looked at where so many tickets of the week and the weeks before together hold it, and
            returned where as many of the week do.
        limit: at most so many phrases per language.

    Returns:
        One row per phrase, strongest and longest first within its language: language, phrase, tickets, before (mean
        per trailing week, scaled to the texts of this week), log_odds, z, p, q, first_week, reason (most frequent label
        of the tickets with the phrase), reason_share, ticket_ids (tuple). Words that stand in the same tickets as a
        longer phrase are left to it.

    Notes:
        A ticket counts once per phrase, however often it says it. Log-odds with an informative Dirichlet prior (the
        words of all weeks, weighing as much as one week) give strength and order. What is returned is decided by the
        test of `overdispersed_counts.predict`, upwards only, because the normal approximation of log-odds is far off
        for a phrase that nobody used before, and because phrases vary from week to week by more than chance.

    References:
        Monroe, B. L., Colaresi, M. P., Quinn, K. M. (2008). Fightin' words: lexical feature selection and evaluation
        for identifying the content of political conflict. Political Analysis 16, 372-403.
    """
    weeks = [shift_week(week, -back) for back in range(trailing, -1, -1)]
    parts = [_phrases_of(own, name, weeks, rate, fewest, limit) for name, own in corpus.of_weeks(weeks).by_language()]
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(PHRASE_COLUMNS))


def texts_per_language(texts: pd.DataFrame, week: str, *, trailing: int = 8) -> pd.DataFrame:
    """Texts per language in the week and the trailing weeks, and whether they are enough to compare.

    Args:
        texts: one row per text: week, language.
        week: the week looked at.
        trailing: how many weeks before it are the measure.

    Returns:
        language, texts, texts_before, enough (at least 30 in the week and as many before), most first.
    """
    weeks = [shift_week(week, -back) for back in range(trailing, 0, -1)]
    now = texts[texts["week"] == week].groupby("language").size()
    before = texts[texts["week"].isin(weeks)].groupby("language").size()
    frame = pd.DataFrame({"texts": now, "texts_before": before}).fillna(0).astype("int64")
    frame["enough"] = (frame["texts"] >= FEWEST_TEXTS) & (frame["texts_before"] >= FEWEST_TEXTS)
    frame = frame.rename_axis("language").reset_index()
    return frame.sort_values(["texts", "language"], ascending=[False, True], kind="stable", ignore_index=True)


def _phrases_of(corpus: Corpus, language: str, weeks: list[str], rate: float, fewest: int, limit: int) -> pd.DataFrame:
    """The phrases of one language that emerge in the last of the weeks."""
    texts = corpus.texts
    now = (texts["week"] == weeks[-1]).to_numpy()
    corpus = corpus.with_terms(corpus.frequency >= fewest)
    if now.sum() < FEWEST_TEXTS or (~now).sum() < FEWEST_TEXTS or not len(corpus.vocabulary):
        return pd.DataFrame()
    change = changes_of(corpus, weeks)
    test = benjamini_hochberg(change.p, rate=rate)
    strong = np.flatnonzero(test["discovery"].to_numpy() & (change.tickets >= fewest))
    ids = texts.loc[now, "ticket_id"].to_numpy(dtype=object)
    labels = texts.loc[now, "contact_reason"].to_numpy(dtype=object)
    lines = []
    for term, tickets in _distinct(corpus.with_texts(now), strong, change.z, limit):
        reason = pd.Series(labels[tickets]).value_counts()
        lines.append(
            (
                language,
                str(corpus.vocabulary[term]),
                len(tickets),
                change.before[term],
                change.log_odds[term],
                change.z[term],
                change.p[term],
                test["q"].iloc[term],
                weeks[int(np.argmax(change.by_week[term] > 0))],
                str(reason.index[0]),
                reason.iloc[0] / len(tickets),
                tuple(str(each) for each in ids[tickets]),
            )
        )
    return pd.DataFrame(lines, columns=list(PHRASE_COLUMNS))


def changes_of(corpus: Corpus, weeks: list[str]) -> Change:
    """Log-odds and test of each term. Each has odds of its own: tickets with it against tickets without it."""
    place = pd.Categorical(corpus.texts["week"], categories=weeks).codes.astype(np.int64)
    by_week = _by_place(corpus.terms, place, len(weeks))
    sizes = np.bincount(place, minlength=len(weeks)).astype(np.float64)
    current, past = by_week[:, -1], by_week[:, :-1].sum(axis=1)
    share, usual = (current + past) / sizes.sum(), sizes[:-1].mean()
    prior, empty = np.maximum(share * usual, 0.01), np.maximum((1 - share) * usual, 0.01)
    ratio = np.log((current + prior) / (sizes[-1] - current + empty))
    ratio -= np.log((past + prior) / (sizes[:-1].sum() - past + empty))
    z = ratio / np.sqrt(1 / (current + prior) + 1 / (past + prior))
    test = predict(current, by_week[:, :-1], sizes[-1], np.maximum(sizes[:-1], 1e-9)[None, :])
    before = past * (sizes[-1] / sizes[:-1].sum())
    return Change(by_week, current, before, ratio, z, test["p_up"].to_numpy())


def _distinct(corpus: Corpus, terms: npt.NDArray[np.intp], z: Floats, limit: int) -> list[tuple[int, list[int]]]:
    """The strongest of some terms that say something of their own, each with the texts that hold it.

    A phrase says more than its words, and comes before them unless they are much the stronger.
    """
    strength = np.round(z[terms] * (0.8 + 0.2 * corpus.lengths[terms]), 6)
    by_term = sparse.csc_matrix(corpus.terms)
    distinct: list[tuple[int, set[int]]] = []
    for number in np.lexsort((corpus.vocabulary[terms].astype(str), -strength)):
        term = int(terms[number])
        phrase = str(corpus.vocabulary[term])
        tickets = set(by_term[:, [term]].nonzero()[0].tolist())
        if any(_says_the_same(phrase, tickets, str(corpus.vocabulary[other]), own) for other, own in distinct):
            continue
        distinct.append((term, tickets))
        if len(distinct) == limit:
            break
    return [(term, sorted(tickets)) for term, tickets in distinct]


def _says_the_same(phrase: str, tickets: set[int], other: str, others: set[int]) -> bool:
    """Whether a phrase adds nothing to one before it: nearly the same tickets, or words of it in hardly any others."""
    common = len(tickets & others)
    nested = f" {phrase} " in f" {other} " or f" {other} " in f" {phrase} "
    return common >= _SAME_TICKETS * (min if nested else max)(len(tickets), len(others))


def _by_place(terms: sparse.csr_matrix, place: npt.NDArray[np.int64], places: int) -> Floats:
    """How many texts of each place hold each term, terms × places."""
    inside = sparse.csr_matrix((np.ones(len(place)), (place, np.arange(len(place)))), shape=(places, len(place)))
    return np.asarray((inside @ terms).toarray().T)
