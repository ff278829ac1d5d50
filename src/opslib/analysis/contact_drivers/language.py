"""What customers say: phrases that emerge, topics of the texts, and labels that the text contradicts.

Texts are redacted at intake. Languages are never mixed: each function works within one language of the texts at a time.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, sparse, special
from sklearn.decomposition import non_negative_factorization
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from opslib.analysis.contact_drivers.movers import UNLABELLED, predict
from opslib.analysis.methods.discovery import benjamini_hochberg
from opslib.analysis.methods.intervals import wilson
from opslib.weeks import shift_week

Floats = npt.NDArray[np.float64]

SEED = 20100713
FEWEST_TEXTS = 30
MOST_TEXTS = 20_000

_TAG = re.compile(r"<[^<>]{0,500}>|https?://\S+|\[[a-z ]{2,20}\]|&[a-z]+;|&#\d+;")
_WORD = r"[^\W\d_](?:[^\W_]|['’\-](?=[^\W_])){1,29}"
_CLAUSE_END = r"[.,;:!?()\"“”«»\n\r\t]+(?=\s|$)|[;:!?()\"“”«»\n\r\t]+"
_TEXT_END = "\x1e"
_PIECE = re.compile(f"{_WORD}|{_CLAUSE_END}|{_TEXT_END}")
_BLOCK = 20_000  # texts of which the words are held as text at once
_LONGEST = 4000
_SAME_TICKETS = 0.8
_TOPIC_WORDS = 800
_LABEL_TERMS = 8000
_FACTOR_ROUNDS = 400
_PRIOR = 0.5


@dataclass(frozen=True)
class Corpus:
    """Texts and the words and phrases that each holds, counted once for all that looks at them.

    `terms` has a row per text and a column per term, 1 where the text holds the term; `said` names the terms, `length`
    tells how many words each has.
    """

    texts: pd.DataFrame
    terms: sparse.csr_matrix
    said: npt.NDArray[np.object_]
    length: npt.NDArray[np.int64]

    def among(self, chosen: npt.NDArray[np.bool_]) -> Corpus:
        """Some of the texts."""
        return Corpus(self.texts[chosen].reset_index(drop=True), self.terms[chosen], self.said, self.length)

    def within(self, weeks: Sequence[str]) -> Corpus:
        """The texts of some weeks."""
        return self.among(self.texts["week"].isin(list(weeks)).to_numpy())

    def with_terms(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> Corpus:
        """The same texts with some of the terms."""
        return Corpus(self.texts, self.terms[:, chosen], self.said[chosen], self.length[chosen])

    @property
    def frequency(self) -> npt.NDArray[np.int64]:
        """In how many of the texts each term stands."""
        return np.bincount(self.terms.indices, minlength=self.terms.shape[1])

    def by_language(self) -> list[tuple[str, Corpus]]:
        """The texts of each language, by its name."""
        languages = self.texts["language"].to_numpy(dtype=object)
        return [(str(name), self.among(languages == name)) for name in sorted(set(languages))]


def tongue(languages: pd.Series) -> pd.Series:
    """The language of each tag without region or script, in lower case; missing where there is none.

    >>> tongue(pd.Series(["en-US", "pt_BR", "EN"])).tolist()
    ['en', 'pt', 'en']
    """
    return languages.astype("str").str.lower().str.split(r"[-_]", regex=True).str[0]


def texts_of(tickets: pd.DataFrame) -> pd.DataFrame:
    """The texts of tickets, ready to be counted.

    Args:
        tickets: ticket_id, week, subject and description (either may be missing), and optionally language,
            contact_reason.

    Returns:
        ticket_id, week, language (`tongue`; `und` where the export has none), contact_reason, text: subject and
        description in one, without tags, addresses and placeholders of redaction, in lower case, at most 4,000
        characters. Rows without text are left out. Of more than 20,000 texts a week and language, a sample that
        depends on the ticket ids alone.
    """
    rows = tickets.reset_index(drop=True)
    nothing = pd.Series(pd.NA, index=rows.index, dtype="str")
    parts = [rows[name].astype("str").fillna("") for name in ("subject", "description") if name in rows]
    whole = nothing.fillna("")
    for part in parts:
        whole = whole + part + " . "
    plain = whole.str.slice(0, 2 * _LONGEST).str.replace(_TAG, " ", regex=True).str.lower().str.slice(0, _LONGEST)
    frame = pd.DataFrame(
        {
            "ticket_id": rows["ticket_id"].astype("str"),
            "week": rows["week"].astype("str"),
            "language": (tongue(rows["language"]) if "language" in rows else nothing).fillna("und"),
            "contact_reason": (rows["contact_reason"].astype("str") if "contact_reason" in rows else nothing).fillna(
                UNLABELLED
            ),
            "text": plain,
        }
    )
    frame = frame[frame["text"].str.contains(_WORD, regex=True)]
    cells = frame.groupby(["language", "week"])["ticket_id"]
    if len(frame) and cells.size().max() > MOST_TEXTS:
        drawn = frame["ticket_id"].map(lambda name: zlib.crc32(name.encode()))
        frame = frame[drawn.groupby([frame["language"], frame["week"]]).rank(method="first") <= MOST_TEXTS]
    return frame.reset_index(drop=True)


def spoken(texts: pd.Series) -> pd.Series:
    """The words of each text as `corpus_of` takes them, so that a phrase is found where it was counted.

    Args:
        texts: as of `texts_of`.

    Returns:
        The words with a space on either side, and a full stop where a phrase cannot go on.

    >>> spoken(pd.Series(["version 128.1esr, at last!"])).tolist()
    [' version esr . at last . ']
    """
    whole = _TEXT_END.join([*texts.str.replace(_TEXT_END, " ", regex=False), ""])
    pieces = (piece if piece[0].isalpha() or piece == _TEXT_END else "." for piece in _PIECE.findall(whole))
    return pd.Series((" " + " ".join(pieces)).split(_TEXT_END)[:-1], index=texts.index, dtype="str")


def corpus_of(texts: pd.DataFrame, *, words: int = 3, fewest: int = 3) -> Corpus:
    """Count in which texts words stand, and phrases that no comma or full stop divides.

    Args:
        texts: as of `texts_of`.
        words: phrases have at most so many words.
        fewest: terms of fewer texts are left out.

    Notes:
        A phrase stands in no more texts than any part of it, so that only words and phrases that are frequent enough
        are looked at for being the beginning of a longer one (Agrawal and Srikant 1994). Words are numbers throughout:
        a phrase is the number of all but its last word and that of its last.

    References:
        Agrawal, R., Srikant, R. (1994). Fast algorithms for mining association rules. Proceedings of the 20th
        International Conference on Very Large Data Bases, 487-499.
    """
    piece, text, names = _pieces(texts["text"])
    place = np.flatnonzero(piece >= 0)
    code = piece[place]
    last_word = np.full(len(piece) + 1, -1, dtype=np.int64)
    head, parts, said, length = names, [], [], []
    first_words, pairs = names, np.zeros(0, dtype=np.int64)
    for count in range(1, words + 1):
        terms = _held_by(text[place], code, len(texts))
        kept = np.flatnonzero(np.bincount(terms.indices, minlength=terms.shape[1]) >= fewest)
        if count > 1:
            before, after = np.divmod(pairs[kept], len(first_words))
            head = head[before] + " " + first_words[after] if len(kept) else head[:0]
        else:
            head = first_words = names[kept]
        parts.append(terms[:, kept])
        said.append(head)
        length.append(np.full(len(kept), count))
        if count == words:
            break
        number = np.full(terms.shape[1], -1, dtype=np.int64)
        number[kept] = np.arange(len(kept))
        stays = number[code] >= 0
        place, code = place[stays], number[code[stays]]
        if count == 1:
            last_word[place] = code
        follower = last_word[np.minimum(place + count, len(piece))]
        goes_on = follower >= 0
        place = place[goes_on]
        code, pairs = pd.factorize(code[goes_on] * len(first_words) + follower[goes_on])
    return Corpus(
        texts.reset_index(drop=True),
        sparse.csr_matrix(sparse.hstack(parts, format="csr")),
        np.concatenate(said),
        np.concatenate(length),
    )


def _pieces(texts: pd.Series) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.object_]]:
    """The words of all texts in order as numbers (-1 between clauses and texts), whose text each is, their names."""
    codes, names = [np.zeros(0, dtype=np.int64)], [np.array([_TEXT_END], dtype=object)]
    known = 1
    for start in range(0, len(texts), _BLOCK):
        block = texts.iloc[start : start + _BLOCK].str.replace(_TEXT_END, " ", regex=False)
        pieces = np.array(_PIECE.findall(_TEXT_END.join([*block, ""])), dtype=object)
        code, name = pd.factorize(pieces)
        codes.append(code + known)
        names.append(name)
        known += len(name)
    one_number, whole = pd.factorize(np.concatenate(names))
    piece = one_number[np.concatenate(codes)]
    text = np.cumsum(piece == 0)
    word = np.array([name[0].isalpha() for name in whole])
    number = np.where(word, np.cumsum(word) - 1, -1)
    return number[piece], text, whole[word]


def _held_by(text: npt.NDArray[np.int64], code: npt.NDArray[np.int64], texts: int) -> sparse.csr_matrix:
    """1 where a text (in order) holds a term at all."""
    bounds = np.searchsorted(text, np.arange(texts + 1))
    shape = (texts, int(code.max()) + 1 if len(code) else 0)
    terms = sparse.csr_matrix((np.ones(len(code), dtype=np.float32), code, bounds), shape=shape)
    terms.sum_duplicates()
    terms.data[:] = 1.0
    return terms


def log_odds(
    counts_a: npt.ArrayLike, counts_b: npt.ArrayLike, prior: npt.ArrayLike, *, sizes: tuple[float, float] | None = None
) -> pd.DataFrame:
    """Weighted log-odds ratios of words in two sets of texts, with an informative Dirichlet prior.

    Args:
        counts_a: occurrences of each word in the first set.
        counts_b: in the second.
        prior: pseudo-counts of each word, such as their frequencies in a background scaled to so many words as the
            prior is to weigh; all above 0.
        sizes: all occurrences in either set; None: the sums of the counts.

    Returns:
        delta (log-odds in the first less those in the second), variance, z (delta over its standard error).

    Raises:
        ValueError: a prior is not positive, or lengths differ.

    References:
        Monroe, B. L., Colaresi, M. P., Quinn, K. M. (2008). Fightin' words: lexical feature selection and evaluation
        for identifying the content of political conflict. Political Analysis 16, 372-403 (equations 15, 16, 20, 22).

    >>> log_odds([10, 10], [2, 18], [1, 1])["delta"].round(4).tolist()
    [1.8458, -1.8458]
    """
    first, second, alpha = (np.asarray(each, dtype=np.float64) for each in (counts_a, counts_b, prior))
    if not (len(first) == len(second) == len(alpha)):
        raise ValueError(f"columns of different lengths: {len(first)}, {len(second)}, {len(alpha)}")
    if (alpha <= 0).any():
        raise ValueError("a prior must be above 0")
    size_a, size_b = sizes or (float(first.sum()), float(second.sum()))
    whole = float(alpha.sum())
    delta = np.log((first + alpha) / np.maximum(size_a + whole - first - alpha, 1e-9))
    delta -= np.log((second + alpha) / np.maximum(size_b + whole - second - alpha, 1e-9))
    variance = 1 / (first + alpha) + 1 / (second + alpha)
    return pd.DataFrame({"delta": delta, "variance": variance, "z": delta / np.sqrt(variance)})


def emerging_phrases(
    corpus: Corpus, week: str, *, trailing: int = 8, rate: float = 0.10, fewest: int = 5, shown: int = 15
) -> pd.DataFrame:
    """Words and phrases that stand in more tickets of a week than the weeks before make likely.

    Args:
        corpus: as of `corpus_of`.
        week: the week looked at.
        trailing: how many weeks before it are the measure.
        rate: false discovery rate over all words and phrases of a language.
        fewest: a phrase is looked at where so many tickets of the week and the weeks before together hold it, and shown
            where as many of the week do.
        shown: at most so many phrases per language.

    Returns:
        One row per phrase, strongest and longest first within its language: language, phrase, tickets, before (mean
        per trailing week, scaled to the texts of this week), log_odds, z, p, q, first_week, reason (most frequent label
        of the tickets with the phrase), reason_share, ticket_ids (tuple). Words that stand in the same tickets as a
        longer phrase are left to it.

    Notes:
        A ticket counts once per phrase, however often it says it. Log-odds with an informative Dirichlet prior (the
        words of all weeks, weighing as much as one week) give strength and order. What is shown is decided by the test
        of `movers.predict`, upwards only, because the normal approximation of log-odds is far off for a phrase that
        nobody used before, and because phrases vary from week to week by more than chance.

    References:
        Monroe, B. L., Colaresi, M. P., Quinn, K. M. (2008). Fightin' words. Political Analysis 16, 372-403.
    """
    weeks = [shift_week(week, -back) for back in range(trailing, -1, -1)]
    parts = [_phrases_of(own, name, weeks, rate, fewest, shown) for name, own in corpus.within(weeks).by_language()]
    columns = ["language", "phrase", "tickets", "before", "log_odds", "z", "p", "q", "first_week", "reason"]
    columns += ["reason_share", "ticket_ids"]
    some = [part for part in parts if len(part)]
    return pd.concat(some, ignore_index=True)[columns] if some else pd.DataFrame(columns=columns)


def languages_looked_at(texts: pd.DataFrame, week: str, *, trailing: int = 8) -> pd.DataFrame:
    """Texts per language in the week and the trailing weeks, and whether they are enough to compare.

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


def topics(corpus: Corpus, week: str, *, trailing: int = 8, most: int = 20, rate: float = 0.10) -> pd.DataFrame:
    """Topics of the texts of a week and the weeks before, matched with those that last week's report found.

    Args:
        corpus: as of `corpus_of`, from a week before the trailing ones on.
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
        are matters and not manners. Last week's topics are those of its own weeks, found anew on the same words; topics
        are paired so that their similarities sum to the most (Kuhn-Munkres), and those of at least 0.5 keep the number
        that the topic has among last week's.

    References:
        Lee, D. D., Seung, H. S. (1999). Learning the parts of objects by non-negative matrix factorization. Nature
        401, 788-791. Cichocki, A., Phan, A.-H. (2009). Fast local algorithms for large scale nonnegative matrix and
        tensor factorizations. IEICE Transactions on Fundamentals E92-A, 708-721. Kuhn, H. W. (1955). The Hungarian
        method for the assignment problem. Naval Research Logistics Quarterly 2, 83-97.
    """
    weeks = [shift_week(week, -back) for back in range(trailing + 1, -1, -1)]
    parts = [_topics_of(own, name, weeks, most) for name, own in corpus.within(weeks).by_language()]
    columns = ["language", "topic", "terms", "tickets", "expected", "low", "high", "ratio", "p", "q", "discovery"]
    columns += ["similarity", "reason", "reason_share", "history", "example_ids"]
    some = [part for part in parts if len(part)]
    if not some:
        return pd.DataFrame(columns=columns)
    frame = pd.concat(some, ignore_index=True)
    told = benjamini_hochberg(frame["p"], rate=rate)
    frame["q"], frame["discovery"] = told["q"], told["discovery"]
    order = frame.groupby("language")["tickets"].transform("sum")
    frame = frame.assign(order=order).sort_values(["order", "tickets", "topic"], ascending=[False, False, True])
    return frame.reset_index(drop=True)[columns]


def label_check(corpus: Corpus, *, fewest: int = 20, folds: int = 5) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Find reasons whose texts say something else than their label, by a classifier that has not seen them.

    Args:
        corpus: as of `corpus_of`.
        fewest: labels of fewer texts in a language are left out.
        folds: of the cross-validation; a text is judged by a classifier trained on the other folds.

    Returns:
        accuracy: one row per language: language, texts, labels, accuracy with low and high (Wilson 95 %), baseline (the
        share of the most frequent label).
        pairs: one row per language and pair of labels: language, contact_reason (the label), text_says (the reason that
        the text speaks of), tickets (of the label), contradicted, share, low, high (Wilson 95 %), ticket_ids (tuple of
        those contradicted, surest first). Most contradicted first.

    Notes:
        A text contradicts its label where another reason is the most probable, at least three times as probable as the
        label's, and at least half as probable as it is on average for texts that bear its label (after confident
        learning, whose threshold is that average: it finds half of the errors). Multinomial naive Bayes on TF-IDF of
        words and pairs of words with Jeffreys' prior, all reasons alike likely beforehand; its probabilities, which are
        too sure, are raised to the one power under which the labels of the texts held out are likeliest (temperature
        scaling). It is as accurate as logistic regression on the same words, and forty times as fast.

    References:
        Rennie, J. D. M. et al. (2003). Tackling the poor assumptions of naive Bayes text classifiers. Proceedings of
        the 20th International Conference on Machine Learning, 616-623. Guo, C. et al. (2017). On calibration of modern
        neural networks. Proceedings of the 34th International Conference on Machine Learning, 1321-1330.
        Northcutt, C., Jiang, L., Chuang, I. (2021). Confident learning: estimating uncertainty in dataset labels.
        Journal of Artificial Intelligence Research 70, 1373-1411.
    """
    accuracy, pairs = [], []
    labelled = corpus.among((corpus.texts["contact_reason"] != UNLABELLED).to_numpy())
    for name, every in labelled.by_language():
        sizes = every.texts["contact_reason"].value_counts()
        among = every.among(every.texts["contact_reason"].isin(sizes[sizes >= fewest].index).to_numpy())
        own = among.texts
        if own["contact_reason"].nunique() < 2:
            continue
        labels, given = np.unique(own["contact_reason"].to_numpy(dtype=object).astype(str), return_inverse=True)
        labels = labels.astype(object)
        chance = _held_out(among, given, folds)
        predicted = chance.argmax(axis=1)
        right = wilson([int((predicted == given).sum())], [len(own)]).iloc[0]
        accuracy.append(
            (name, len(own), len(labels), right["share"], right["low"], right["high"], sizes.max() / len(own))
        )
        pairs.append(_contradicted(own, name, chance, given, labels))
    heads = ["language", "texts", "labels", "accuracy", "low", "high", "baseline"]
    columns = [
        "language",
        "contact_reason",
        "text_says",
        "tickets",
        "contradicted",
        "share",
        "low",
        "high",
        "ticket_ids",
    ]
    some = [part for part in pairs if len(part)]
    found = pd.concat(some, ignore_index=True)[columns] if some else pd.DataFrame(columns=columns)
    found = found.sort_values("contradicted", ascending=False, kind="stable", ignore_index=True)
    return pd.DataFrame(accuracy, columns=heads), found


def typical(texts: pd.DataFrame, ticket_ids: Sequence[str], *, count: int = 3) -> list[str]:
    """The tickets whose words are most like those of all of them, no two of the same text.

    Args:
        texts: as of `texts_of`.
        ticket_ids: the tickets to choose from.
        count: how many.

    Returns:
        Ticket ids, most typical first; those of the most frequent language.
    """
    own = texts[texts["ticket_id"].isin(list(ticket_ids))].drop_duplicates("text")
    if own.empty:
        return []
    own = own[own["language"] == own["language"].mode().iloc[0]].sort_values("ticket_id", kind="stable")
    weights = _weighed(corpus_of(own, words=1, fewest=1).terms)
    like = np.asarray(weights @ np.asarray(weights.mean(axis=0)).T).ravel()
    return [str(each) for each in own["ticket_id"].iloc[np.argsort(-like, kind="stable")[:count]]]


def _weighed(counts: Any) -> sparse.csr_matrix:
    return sparse.csr_matrix(TfidfTransformer(sublinear_tf=True).fit_transform(counts))


def _phrases_of(corpus: Corpus, language: str, weeks: list[str], rate: float, fewest: int, shown: int) -> pd.DataFrame:
    texts = corpus.texts
    now = (texts["week"] == weeks[-1]).to_numpy()
    corpus = corpus.with_terms(corpus.frequency >= fewest)
    if now.sum() < FEWEST_TEXTS or (~now).sum() < FEWEST_TEXTS or not len(corpus.said):
        return pd.DataFrame()
    place = pd.Categorical(texts["week"], categories=weeks).codes.astype(np.int64)
    by_week = _summed(corpus.terms, place, len(weeks))
    sizes = np.bincount(place, minlength=len(weeks)).astype(np.float64)
    current, past = by_week[:, -1], by_week[:, :-1].sum(axis=1)
    # Each phrase has odds of its own: tickets with it against tickets without it.
    share, usual = (current + past) / sizes.sum(), sizes[:-1].mean()
    prior, empty = np.maximum(share * usual, 0.01), np.maximum((1 - share) * usual, 0.01)
    ratio = np.log((current + prior) / (sizes[-1] - current + empty))
    ratio -= np.log((past + prior) / (sizes[:-1].sum() - past + empty))
    z = ratio / np.sqrt(1 / (current + prior) + 1 / (past + prior))
    test = predict(current, by_week[:, :-1], sizes[-1], np.maximum(sizes[:-1], 1e-9)[None, :])
    p = test["p_up"].to_numpy()
    told = benjamini_hochberg(p, rate=rate)
    scale = sizes[-1] / sizes[:-1].sum()
    chosen = np.flatnonzero(told["discovery"].to_numpy() & (current >= fewest))
    rows = []
    held: list[tuple[set[int], str]] = []
    inside = sparse.csc_matrix(corpus.terms[now])
    ids = texts.loc[now, "ticket_id"].to_numpy(dtype=object)
    labels = texts.loc[now, "contact_reason"].to_numpy(dtype=object)
    # A phrase says more than its words, and comes before them unless they are much the stronger.
    strength = np.round(z[chosen] * (0.8 + 0.2 * corpus.length[chosen]), 6)
    for number in np.lexsort((corpus.said[chosen].astype(str), -strength)):
        word = chosen[number]
        said = str(corpus.said[word])
        tickets = set(inside[:, [word]].nonzero()[0].tolist())
        if any(_says_the_same(said, tickets, *other) for other in held):
            continue
        held.append((tickets, said))
        reason = pd.Series(labels[sorted(tickets)]).value_counts()
        rows.append(
            (
                language,
                said,
                len(tickets),
                past[word] * scale,
                ratio[word],
                z[word],
                p[word],
                told["q"].iloc[word],
                weeks[int(np.argmax(by_week[word] > 0))],
                str(reason.index[0]),
                reason.iloc[0] / len(tickets),
                tuple(str(each) for each in ids[sorted(tickets)]),
            )
        )
        if len(rows) == shown:
            break
    columns = ["language", "phrase", "tickets", "before", "log_odds", "z", "p", "q", "first_week", "reason"]
    return pd.DataFrame(rows, columns=[*columns, "reason_share", "ticket_ids"])


def _says_the_same(said: str, tickets: set[int], others: set[int], other: str) -> bool:
    """Whether a phrase adds nothing to one before it: nearly the same tickets, or words of it in hardly any others."""
    shared = len(tickets & others)
    nested = f" {said} " in f" {other} " or f" {other} " in f" {said} "
    return shared >= _SAME_TICKETS * (min if nested else max)(len(tickets), len(others))


def _summed(terms: sparse.csr_matrix, place: npt.NDArray[np.int64], places: int) -> Floats:
    """How many texts of each place hold each term, terms × places."""
    inside = sparse.csr_matrix((np.ones(len(place)), (place, np.arange(len(place)))), shape=(places, len(place)))
    return np.asarray((inside @ terms).toarray().T)


def _topics_of(corpus: Corpus, language: str, weeks: list[str], most: int) -> pd.DataFrame:
    texts = corpus.texts
    week = texts["week"].to_numpy(dtype=object)
    count = min(most, int((week != weeks[0]).sum()) // 25)
    if count < 2 or (week == weeks[-1]).sum() < FEWEST_TEXTS:
        return pd.DataFrame()
    frequency = corpus.frequency
    fewest, most_frequent = max(5, len(texts) // 1000), 0.4 * len(texts)
    corpus = corpus.with_terms((corpus.length == 1) & (frequency >= fewest) & (frequency <= most_frequent))
    if len(corpus.said) < 2 * count:
        return pd.DataFrame()
    telling = _telling(corpus.terms, texts["contact_reason"])
    heaviest = np.argsort(-telling * np.sqrt(corpus.frequency), kind="stable")[:_TOPIC_WORDS]
    kept = np.sort(heaviest)
    weights = sparse.csr_matrix(_weighed(corpus.terms[:, kept]).multiply(telling[kept]), dtype=np.float32)
    vocabulary = corpus.said[kept]
    now, then = week != weeks[0], week != weeks[-1]
    parts, shares = _factors(weights[now], count)
    earlier, _ = _factors(weights[then], count) if len(set(week[then])) > 1 else (np.zeros((0, weights.shape[1])), None)
    number, alike = _paired(parts, earlier)
    mine = shares.argmax(axis=1)
    mine[shares.max(axis=1) <= 0] = -1
    own = texts[now].reset_index(drop=True)
    place = pd.Categorical(own["week"], categories=weeks[1:]).codes
    history = np.zeros((count, len(weeks) - 1))
    np.add.at(history, (mine[mine >= 0], place[mine >= 0]), 1.0)
    sizes = np.bincount(place, minlength=len(weeks) - 1).astype(np.float64)
    test = predict(history[:, -1], history[:, :-1], sizes[-1], np.maximum(sizes[:-1], 1e-9)[None, :])
    tested = history.sum(axis=1) >= 10
    rows = []
    last = place == len(weeks) - 2
    for topic in range(count):
        members = np.flatnonzero((mine == topic) & last)
        reason = own.loc[members, "contact_reason"].value_counts()
        typical_rows = members[np.argsort(-shares[members, topic], kind="stable")[:3]]
        rows.append(
            (
                language,
                int(number[topic]),
                ", ".join(_spread_terms(list(vocabulary[np.argsort(-parts[topic], kind="stable")[:24]]), 8)),
                int(history[topic, -1]),
                *test.loc[topic, ["expected", "low", "high", "ratio"]],
                test.loc[topic, "p"] if tested[topic] else np.nan,
                alike[topic],
                str(reason.index[0]) if len(reason) else "",
                reason.iloc[0] / len(members) if len(reason) else np.nan,
                tuple(int(each) for each in history[topic]),
                tuple(str(each) for each in own.loc[typical_rows, "ticket_id"]),
            )
        )
    columns = ["language", "topic", "terms", "tickets", "expected", "low", "high", "ratio", "p", "similarity", "reason"]
    return pd.DataFrame(rows, columns=[*columns, "reason_share", "history", "example_ids"])


def _telling(found: sparse.csr_matrix, reasons: pd.Series) -> Floats:
    """How much each word tells of the reason, from 0 to 1: greetings and thanks stand with all reasons alike."""
    given = pd.get_dummies(reasons).to_numpy(dtype=np.float64)
    if given.shape[1] < 2:
        return np.ones(found.shape[1])
    usual = given.mean(axis=0)
    beside = np.asarray(found.T @ given)
    share = (beside + 2 * usual) / (beside.sum(axis=1, keepdims=True) + 2)
    told = (share * np.log(share / usual)).sum(axis=1)
    return np.asarray(told / max(float(told.max()), 1e-12))


def _factors(weights: sparse.csr_matrix, count: int) -> tuple[Floats, Floats]:
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
    alike = np.full(len(parts), np.nan)
    if len(earlier):
        cosine = parts @ earlier.T
        for row, column in zip(*optimize.linear_sum_assignment(-cosine), strict=True):
            if cosine[row, column] >= 0.5:
                number[row], alike[row] = column + 1, cosine[row, column]
    fresh = [each for each in range(1, len(parts) + len(earlier) + 1) if each not in set(number.tolist())]
    fresh = [each for each in fresh if each > len(earlier)]
    number[number < 0] = fresh[: int((number < 0).sum())]
    return number, alike


def _spread_terms(terms: Sequence[str], count: int) -> list[str]:
    """The heaviest terms, without those whose words others of them already have."""
    chosen: list[str] = []
    for term in terms:
        if any(set(term.split()) <= set(other.split()) for other in chosen):
            continue
        chosen = [other for other in chosen if not set(other.split()) <= set(term.split())]
        chosen.append(str(term))
        if len(chosen) == count:
            break
    return chosen


def _held_out(corpus: Corpus, given: npt.NDArray[np.intp], folds: int) -> Floats:
    """For each text the probability of each reason, from a classifier that was trained without it."""
    frequency = np.where(corpus.length <= 2, corpus.frequency, 0)
    frequent = np.argsort(-frequency, kind="stable")[:_LABEL_TERMS]
    weights = _weighed(corpus.terms[:, np.sort(frequent[frequency[frequent] >= 3])]).astype(np.float64)
    member = sparse.csr_matrix((np.ones(len(given)), (given, np.arange(len(given)))))
    whole = (member @ weights).toarray()
    logs = np.empty((len(given), len(whole)))
    for _, own in StratifiedKFold(folds, shuffle=True, random_state=SEED).split(given, given):
        others = np.maximum(whole - (member[:, own] @ weights[own]).toarray(), 0.0) + _PRIOR
        logs[own] = weights[own] @ np.log(others / others.sum(axis=1, keepdims=True)).T
    return _calibrated(special.log_softmax(logs, axis=1), given)


def _calibrated(logs: Floats, given: npt.NDArray[np.intp]) -> Floats:
    """Probabilities to the one power under which the labels given are likeliest."""
    own = logs[np.arange(len(given)), given].mean()

    def unlikeliness(log_power: float) -> float:
        power = np.exp(log_power)
        return float(special.logsumexp(power * logs, axis=1).mean() - power * own)

    found = optimize.minimize_scalar(unlikeliness, bounds=(-4.0, 4.0), method="bounded", options={"xatol": 1e-3})
    return np.asarray(special.softmax(np.exp(found.x) * logs, axis=1))


def _contradicted(
    texts: pd.DataFrame, language: str, chance: Floats, given: npt.NDArray[np.intp], labels: npt.NDArray[np.object_]
) -> pd.DataFrame:
    place = np.arange(len(given))
    own = chance[place, given]
    mean = np.array([own[given == label].mean() for label in range(len(labels))])
    other = chance.argmax(axis=1)
    against = (other != given) & (chance[place, other] >= 3 * own) & (chance[place, other] >= mean[other] / 2)
    rows = texts.assign(text_says=labels[other], surety=chance[place, other], language=language)[against].sort_values(
        ["surety", "ticket_id"], ascending=[False, True], kind="stable"
    )
    if rows.empty:
        return pd.DataFrame()
    keys = ["language", "contact_reason", "text_says"]
    pairs: pd.DataFrame = rows.groupby(keys)["ticket_id"].agg(contradicted="size", ticket_ids=tuple).reset_index()
    pairs["tickets"] = pairs["contact_reason"].map(texts["contact_reason"].value_counts())
    pairs[["share", "low", "high"]] = wilson(pairs["contradicted"], pairs["tickets"]).to_numpy()
    return pairs
