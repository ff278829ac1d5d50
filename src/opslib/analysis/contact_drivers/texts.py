"""What customers wrote: the texts of tickets, read once, and the words and phrases that each holds.

Texts are redacted at intake. Languages are never mixed: phrases, topics and labels each work within one language.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer

from opslib.analysis.contact_drivers.marks import without_marks
from opslib.analysis.contact_drivers.movers import UNLABELLED

SEED = 20100713
FEWEST_TEXTS = 30
MOST_TEXTS = 20_000
TOGETHER = " + "
"""Between two words of which a text holds both, wherever; no word holds it."""
WORD = r"[^\W\d_](?:[^\W_]|['’\-](?=[^\W_])){1,29}"

_TAG = re.compile(r"<[^<>]{0,500}>|https?://\S+|\[[a-z ]{2,20}\]|&[a-z]+;|&#\d+;")
_CLAUSE_END = r"[.,;:!?()\"“”«»\n\r\t]+(?=\s|$)|[;:!?()\"“”«»\n\r\t]+"
_TEXT_END = "\x1e"
_PIECE = re.compile(f"{WORD}|{_CLAUSE_END}|{_TEXT_END}")
_LONGEST = 4000


@dataclass(frozen=True)
class Corpus:
    """Texts and the words and phrases that each holds, counted once for all that looks at them.

    `terms` has a row per text and a column per term, 1 where the text holds the term; `vocabulary` names the terms,
    `lengths` tells how many words each has.
    """

    texts: pd.DataFrame
    terms: sparse.csr_matrix
    vocabulary: npt.NDArray[np.object_]
    lengths: npt.NDArray[np.int64]

    def with_texts(self, rows: npt.NDArray[np.bool_]) -> Corpus:
        """Some of the texts, with the same terms."""
        return Corpus(self.texts[rows].reset_index(drop=True), self.terms[rows], self.vocabulary, self.lengths)

    def of_weeks(self, weeks: Sequence[str]) -> Corpus:
        """The texts of some weeks."""
        return self.with_texts(self.texts["week"].isin(list(weeks)).to_numpy())

    def with_terms(self, columns: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Corpus:
        """The same texts with some of the terms."""
        return Corpus(self.texts, self.terms[:, columns], self.vocabulary[columns], self.lengths[columns])

    @property
    def frequency(self) -> npt.NDArray[np.int64]:
        """In how many of the texts each term stands."""
        return np.bincount(self.terms.indices, minlength=self.terms.shape[1])

    def by_language(self) -> list[tuple[str, Corpus]]:
        """The texts of each language, by its name."""
        languages = self.texts["language"].to_numpy(dtype=object)
        return [(str(name), self.with_texts(languages == name)) for name in sorted(set(languages))]


def base_language(tags: pd.Series) -> pd.Series:
    """The language of each tag without region or script, in lower case; missing where there is none.

    >>> base_language(pd.Series(["en-US", "pt_BR", "EN"])).tolist()
    ['en', 'pt', 'en']
    >>> base_language(pd.Series([None, None])).isna().all()
    np.True_
    """
    return tags.astype("str").str.lower().str.replace(r"[-_].*", "", regex=True)


def texts_of(tickets: pd.DataFrame) -> pd.DataFrame:
    """The texts of tickets, ready to be counted.

    Args:
        tickets: ticket_id, week, subject and description (either may be missing), and optionally language,
            contact_reason.

    Returns:
        ticket_id, week, language (without region; `und` where the export has none), contact_reason, text: subject and
        description in one, without tags, addresses, placeholders of redaction and moderators' marks, in lower case, at
        most 4,000 characters. Rows without text are left out. Of more than 20,000 texts a week and language, a sample
        that depends on the ticket ids alone.
    """
    rows = tickets.reset_index(drop=True)
    missing = pd.Series(pd.NA, index=rows.index, dtype="str")
    reason = (rows["contact_reason"].astype("str") if "contact_reason" in rows else missing).fillna(UNLABELLED)
    subject, description = (
        rows[name].astype("str").fillna("").str.slice(0, 2 * _LONGEST) if name in rows else missing.fillna("")
        for name in ("subject", "description")
    )
    subject, description = without_marks(subject, description, reason)
    text = (
        (subject + " . " + description + " . ")
        .str.slice(0, 2 * _LONGEST)
        .str.replace(_TAG, " ", regex=True)
        .str.lower()
        .str.slice(0, _LONGEST)
    )
    frame = pd.DataFrame(
        {
            "ticket_id": rows["ticket_id"].astype("str"),
            "week": rows["week"].astype("str"),
            "language": (base_language(rows["language"]) if "language" in rows else missing).fillna("und"),
            "contact_reason": reason,
            "text": text,
        }
    )
    frame = frame[frame["text"].str.contains(WORD, regex=True)]
    cells = frame.groupby(["language", "week"])["ticket_id"]
    if len(frame) and cells.size().max() > MOST_TEXTS:
        lot = frame["ticket_id"].map(lambda name: zlib.crc32(name.encode()))
        frame = frame[lot.groupby([frame["language"], frame["week"]]).rank(method="first") <= MOST_TEXTS]
    return frame.reset_index(drop=True)


def normalise(texts: pd.Series) -> pd.Series:
    """The words of each text as `corpus_of` counts them, so that a phrase is searched for where it was counted.

    Args:
        texts: in lower case, without tags (the column text that `texts_of` returns).

    Returns:
        The words with a space on either side, and a full stop where a phrase cannot go on.

    >>> normalise(pd.Series(["version 128.1esr, at last!"])).tolist()
    [' version esr . at last . ']
    """
    joined = _TEXT_END.join([*texts.str.replace(_TEXT_END, " ", regex=False), ""])
    pieces = (piece if piece[0].isalpha() or piece == _TEXT_END else "." for piece in _PIECE.findall(joined))
    return pd.Series((" " + " ".join(pieces)).split(_TEXT_END)[:-1], index=texts.index, dtype="str")


def corpus_of(texts: pd.DataFrame, *, words: int = 3, fewest: int = 3, block: int = 20_000) -> Corpus:
    """Count in which texts words stand, and phrases that no comma or full stop divides.

    Args:
        texts: one row per text: text, and whatever else is to be known of it (the columns of `texts_of`).
        words: phrases have at most so many words.
        fewest: terms of fewer texts are left out.
        block: of so many texts the words are held as text at once.

    Returns:
        The texts with their terms, words first, then phrases of two words, of three.

    Notes:
        A phrase stands in no more texts than any part of it, so that only words and phrases that are frequent enough
        are looked at for being the beginning of a longer one (Agrawal and Srikant 1994). Words are numbers throughout:
        a phrase is the number of all but its last word and that of its last. scikit-learn's CountVectorizer, which
        builds all phrases of all texts before it drops the rare ones, has the same terms after two to three times as
        long.

    References:
        Agrawal, R., Srikant, R. (1994). Fast algorithms for mining association rules. Proceedings of the 20th
        International Conference on Very Large Data Bases, 487-499.
    """
    terms, names = zip(*_terms_by_length(_pieces(texts["text"], block), len(texts), words, fewest), strict=True)
    return Corpus(
        texts.reset_index(drop=True),
        sparse.csr_matrix(sparse.hstack(terms, format="csr")),
        np.concatenate(names),
        np.repeat(np.arange(1, words + 1), [len(each) for each in names]),
    )


def tf_idf(counts: Any) -> sparse.csr_matrix:
    """Weights of terms in texts: logarithm of the count times inverse document frequency, of length 1 per text.

    Args:
        counts: texts × terms.
    """
    return sparse.csr_matrix(TfidfTransformer(sublinear_tf=True).fit_transform(counts))


def typical_tickets(texts: pd.DataFrame, ticket_ids: Sequence[str], *, count: int = 3) -> list[str]:
    """The tickets whose words are most like those of all of them, no two of the same text.

    Args:
        texts: ticket_id, language, text.
        ticket_ids: the tickets to choose from.
        count: how many.

    Returns:
        Ticket ids, most typical first; those of the most frequent language.
    """
    own = texts[texts["ticket_id"].isin(list(ticket_ids))].drop_duplicates("text")
    if own.empty:
        return []
    own = own[own["language"] == own["language"].mode().iloc[0]].sort_values("ticket_id", kind="stable")
    weights = tf_idf(corpus_of(own, words=1, fewest=1).terms)
    likeness = np.asarray(weights @ np.asarray(weights.mean(axis=0)).T).ravel()
    return [str(each) for each in own["ticket_id"].iloc[np.argsort(-likeness, kind="stable")[:count]]]


@dataclass(frozen=True)
class _Pieces:
    """The words of all texts in order: the number of each (-1 between clauses and texts), whose text it is; names."""

    word: npt.NDArray[np.int64]
    text: npt.NDArray[np.int64]
    names: npt.NDArray[np.object_]


def _pieces(texts: pd.Series, block: int) -> _Pieces:
    """Divide texts into words and ends of clauses, and number the words by their first appearance."""
    codes, names = [np.zeros(0, dtype=np.int64)], [np.array([_TEXT_END], dtype=object)]
    size = 1
    for start in range(0, len(texts), block):
        rows = texts.iloc[start : start + block].str.replace(_TEXT_END, " ", regex=False)
        code, name = pd.factorize(np.array(_PIECE.findall(_TEXT_END.join([*rows, ""])), dtype=object))
        codes.append(code + size)
        names.append(name)
        size += len(name)
    number, vocabulary = pd.factorize(np.concatenate(names))
    piece = number[np.concatenate(codes)]
    is_word = np.array([name[0].isalpha() for name in vocabulary])
    return _Pieces(np.where(is_word, np.cumsum(is_word) - 1, -1)[piece], np.cumsum(piece == 0), vocabulary[is_word])


def _terms_by_length(
    pieces: _Pieces, texts: int, words: int, fewest: int
) -> Iterator[tuple[sparse.csr_matrix, npt.NDArray[np.object_]]]:
    """Words, then phrases of two words, and so on: texts × terms that enough texts hold, and the terms' names."""
    place = np.flatnonzero(pieces.word >= 0)
    code = pieces.word[place]
    word_at = np.full(len(pieces.word) + 1, -1, dtype=np.int64)
    names = first_words = pieces.names
    pairs = np.zeros(0, dtype=np.int64)
    for length in range(1, words + 1):
        terms = _held_by(pieces.text[place], code, texts)
        frequent = np.flatnonzero(np.bincount(terms.indices, minlength=terms.shape[1]) >= fewest)
        if length > 1:
            beginning, last = np.divmod(pairs[frequent], len(first_words))
            names = names[beginning] + " " + first_words[last] if len(frequent) else names[:0]
        else:
            names = first_words = names[frequent]
        yield terms[:, frequent], names
        number = np.full(terms.shape[1], -1, dtype=np.int64)
        number[frequent] = np.arange(len(frequent))
        stays = number[code] >= 0
        place, code = place[stays], number[code[stays]]
        if length == 1:
            word_at[place] = code
        follower = word_at[np.minimum(place + length, len(pieces.word))]
        goes_on = follower >= 0
        place = place[goes_on]
        code, pairs = pd.factorize(code[goes_on] * len(first_words) + follower[goes_on])


def _held_by(text: npt.NDArray[np.int64], code: npt.NDArray[np.int64], texts: int) -> sparse.csr_matrix:
    """1 where a text (in order) holds a term at all."""
    bounds = np.searchsorted(text, np.arange(texts + 1))
    shape = (texts, int(code.max()) + 1 if len(code) else 0)
    terms = sparse.csr_matrix((np.ones(len(code), dtype=np.float32), code, bounds), shape=shape)
    terms.sum_duplicates()
    terms.data[:] = 1.0
    return terms
