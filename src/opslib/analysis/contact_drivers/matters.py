"""Matters that are new and spread over several labels: their tickets share words, and no label tells of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from opslib.analysis.contact_drivers.phrases import changes_of
from opslib.analysis.contact_drivers.texts import FEWEST_TEXTS, TOGETHER, Corpus
from opslib.analysis.contact_drivers.words_together import words_together
from opslib.analysis.methods.discovery import benjamini_hochberg
from opslib.labels import phrase
from opslib.weeks import shift_week

Bools = npt.NDArray[np.bool_]

MATTER_RATE = 0.05
"""The half of what may be false among what is new in a language that phrases leave."""
MATTER_COLUMNS = (
    *("language", "matter", "words", "tickets", "before", "first_week", "labels", "spread", "q", "terms", "ticket_ids"),
)
_FEWEST_LABELS = 3
_MOST_OF_ONE_LABEL = 0.5
_SHARED = 0.5  # of the fewer tickets
_FEWEST_SHARED = 3
_TIMES_CHANCE = 2.0
_NAMED_WORDS = 4
_MOST_TERMS = 6


class _Term(NamedTuple):
    """A phrase or two words together that are new: the texts of all weeks that hold it, and its q."""

    name: str
    texts: Bools
    q: float

    @property
    def words(self) -> frozenset[str]:
        return frozenset(self.name.replace(TOGETHER, " ").split())

    @property
    def is_together(self) -> bool:
        return TOGETHER in self.name


def new_matters(
    corpus: Corpus,
    phrases: pd.DataFrame,
    week: str,
    *,
    trailing: int = 8,
    rate: float = MATTER_RATE,
    fewest: int = 5,
) -> pd.DataFrame:
    """What customers of several labels newly write about in the same words.

    Args:
        corpus: texts with week, language, contact_reason, and their terms.
        phrases: those that emerge in the week (`PHRASE_COLUMNS`).
        week: the week looked at.
        trailing: how many weeks before it are the measure.
        rate: false discovery rate over the words that stand together in a language.
        fewest: a matter has so many tickets of the week.

    Returns:
        One row per matter, most tickets first: language, matter (the words that most of its tickets hold, joined by
        commas), words (up to six terms that its tickets hold one of, joined by `;`, two words together as `a + b`),
        tickets (of the week), before (mean per trailing week, scaled to the texts of this week), first_week, labels
        (how many its tickets bear), spread (labels with their tickets, most first), q (of its surest term), terms (all,
        a tuple), ticket_ids (tuple).

    Notes:
        Phrases, and words together that stand in more tickets than the weeks before make likely, belong to one matter
        where half of the tickets of the rarer have the other, and twice as many as by chance. A matter says more than
        one thing (what is a single word or phrase is listed as such), and is spread: over three labels at least, none
        of them with more than half of its tickets. What is not spread belongs to its label.
    """
    weeks = [shift_week(week, -back) for back in range(trailing, -1, -1)]
    parts = [_matters_of(own, phrases, name, weeks, rate, fewest) for name, own in corpus.of_weeks(weeks).by_language()]
    lines = [line for part in parts for line in part]
    frame = pd.DataFrame(lines, columns=list(MATTER_COLUMNS))
    return frame.sort_values(["tickets", "matter"], ascending=[False, True], kind="stable", ignore_index=True)


def _matters_of(
    corpus: Corpus, phrases: pd.DataFrame, language: str, weeks: list[str], rate: float, fewest: int
) -> list[tuple[object, ...]]:
    """The matters of one language, as rows of `MATTER_COLUMNS`."""
    now = (corpus.texts["week"] == weeks[-1]).to_numpy()
    if now.sum() < FEWEST_TEXTS or (~now).sum() < FEWEST_TEXTS:
        return []
    own = phrases.loc[phrases["language"] == language, ["phrase", "q"]].astype({"phrase": "str", "q": "float64"})
    terms = [*_terms(corpus, own), *_terms(*_new_pairs(corpus, weeks, rate, fewest))]
    labels = corpus.texts["contact_reason"].to_numpy(dtype=object)
    matters = (_matter(group, corpus, now, labels, weeks) for group in _groups(terms, now))
    return [(language, *matter) for matter in matters if matter and int(str(matter[2])) >= fewest]


def _new_pairs(corpus: Corpus, weeks: list[str], rate: float, fewest: int) -> tuple[Corpus, pd.DataFrame]:
    """Words together that emerge in the last of the weeks: phrase and q."""
    pairs = words_together(corpus)
    if not len(pairs.vocabulary):
        return pairs, pd.DataFrame({"phrase": [], "q": []})
    change = changes_of(pairs, weeks)
    test = benjamini_hochberg(change.p, rate=rate)
    strong = np.flatnonzero(test["discovery"].to_numpy() & (change.tickets >= fewest))
    return pairs, pd.DataFrame({"phrase": pairs.vocabulary[strong], "q": test["q"].to_numpy()[strong]})


def _terms(corpus: Corpus, rows: pd.DataFrame) -> list[_Term]:
    rows = rows[rows["phrase"].isin(corpus.vocabulary)]
    if rows.empty:
        return []
    columns = pd.Index(corpus.vocabulary.astype(str)).get_indexer(pd.Index(rows["phrase"].astype("str")))
    held = corpus.terms[:, columns].toarray() > 0
    return [
        _Term(str(name), held[:, place], float(q))
        for place, (name, q) in enumerate(zip(rows["phrase"], rows["q"], strict=True))
    ]


def _groups(terms: list[_Term], now: Bools) -> list[list[_Term]]:
    """Terms that share their tickets of the week, surest first: each joins the first of which it shares any term's."""
    if not terms:
        return []
    held = np.array([term.texts[now] for term in terms], dtype=np.float64)
    size = held.sum(axis=1)
    shared = held @ held.T
    needed = np.maximum(_FEWEST_SHARED, _SHARED * np.minimum.outer(size, size))
    linked = (shared >= needed) & (shared >= _TIMES_CHANCE * np.outer(size, size) / max(int(now.sum()), 1))
    _, group = sparse.csgraph.connected_components(sparse.csr_matrix(linked), directed=False)
    order = sorted(range(len(terms)), key=lambda place: (terms[place].q, terms[place].name))
    return [[terms[place] for place in order if group[place] == number] for number in dict.fromkeys(group[order])]


def _matter(
    group: list[_Term], corpus: Corpus, now: Bools, labels: npt.NDArray[np.object_], weeks: list[str]
) -> tuple[object, ...] | None:
    """What is told of a group of terms, `MATTER_COLUMNS` but the language; None where it is no matter of its own."""
    if not (any(term.is_together for term in group) or _say_several_things(group)):
        return None
    kept = _covering(group, now)
    own = np.any([term.texts for term in kept], axis=0)
    spread = pd.Series(labels[own & now]).value_counts()
    if len(spread) < _FEWEST_LABELS or spread.iloc[0] > _MOST_OF_ONE_LABEL * spread.sum():
        return None
    by_week = corpus.texts.loc[own, "week"].value_counts().reindex(weeks, fill_value=0)
    return (
        ", ".join(_common_words(group, own & now)),
        ";".join(term.name for term in kept),
        int(by_week.iloc[-1]),
        float(by_week.iloc[:-1].sum() * now.sum() / (~now).sum()),
        weeks[int(np.argmax(by_week.to_numpy() > 0))],
        len(spread),
        ", ".join(
            f"{phrase('contact_reason', reason)} {count}"
            for reason, count in sorted(spread.items(), key=lambda each: (-each[1], each[0]))
        ),
        group[0].q,
        tuple(term.name for term in group),
        tuple(corpus.texts.loc[own & now, "ticket_id"].astype(str)),
    )


def _say_several_things(group: list[_Term]) -> bool:
    """Whether two of the terms have no word in common."""
    return any(not one.words & other.words for place, one in enumerate(group) for other in group[:place])


def _covering(group: list[_Term], now: Bools) -> list[_Term]:
    """Few terms of which nearly all of the group's tickets of the week hold one, each with most that are still left."""
    kept: list[_Term] = []
    left = np.any([term.texts for term in group], axis=0) & now
    while len(kept) < _MOST_TERMS and left.any():
        best = max(group, key=lambda term: int((term.texts & left).sum()))
        kept.append(best)
        left = left & ~best.texts
    return kept


def _common_words(group: list[_Term], own: Bools) -> list[str]:
    """The words of the terms that most of the tickets hold."""
    tickets: dict[str, Bools] = {}
    for term in group:
        for word in term.words:
            tickets[word] = tickets.get(word, np.zeros_like(own)) | (term.texts & own)
    return sorted(tickets, key=lambda word: (-int(tickets[word].sum()), word))[:_NAMED_WORDS]
