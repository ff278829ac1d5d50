"""Two words that the same tickets hold, wherever in the text: what customers tell in sentences of their own."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from opslib.analysis.contact_drivers.texts import TOGETHER, Corpus

_FEWEST = 12
_MOST_OF_TEXTS = 0.2
_TIMES_AS_MANY = 3.0
_AS_A_PHRASE = 0.5


def words_together(corpus: Corpus) -> Corpus:
    """Count pairs of words as terms, where one is seldom without the other.

    Args:
        corpus: texts of one language and of all weeks that are compared, with their terms.

    Returns:
        The same texts with the pairs as their terms, `a + b`. Twelve texts hold both, three
        times as many as if the words fell on texts by chance. Words of more than a fifth of the texts make no pair:
        every language has its own that say nothing. Neither do words that mostly follow each other: these are a phrase.

    Notes:
        Which pairs are counted is decided over all weeks together. How a pair falls on the weeks is then still open,
        so that a test of the latest keeps its size (Bourgon, Gentleman and Huber 2010).

    References:
        Bourgon, R., Gentleman, R., Huber, W. (2010). Independent filtering increases detection power for
        high-throughput experiments. PNAS 107, 9546-9551.
    """
    texts, frequency = len(corpus.texts), corpus.frequency
    order = np.argsort(corpus.vocabulary.astype(str), kind="stable")
    is_word = (corpus.lengths == 1) & (frequency >= _FEWEST) & (frequency <= _MOST_OF_TEXTS * texts)
    place = order[is_word[order]]
    words, names, count = sparse.csc_matrix(corpus.terms)[:, place], corpus.vocabulary[place], frequency[place]
    both = sparse.triu(words.T @ words, k=1).tocoo()
    chance = count[both.row].astype(np.float64) * count[both.col] / max(texts, 1)
    close = (both.data >= _FEWEST) & (both.data >= _TIMES_AS_MANY * chance)
    first, second, shared = both.row[close], both.col[close], both.data[close]
    phrases = pd.Series(frequency, index=corpus.vocabulary.astype(str))
    follow = sum(
        phrases.reindex(names[one] + " " + names[other]).fillna(0).to_numpy()
        for one, other in ((first, second), (second, first))
    )
    loose = follow < _AS_A_PHRASE * shared
    first, second = first[loose], second[loose]
    pairs = sparse.csr_matrix(words[:, first].multiply(words[:, second]))
    return Corpus(corpus.texts, pairs, names[first] + TOGETHER + names[second], np.full(len(first), 2))
