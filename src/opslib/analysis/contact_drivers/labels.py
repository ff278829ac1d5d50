"""Labels that the text contradicts, by a classifier that has not seen the text it judges."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, sparse, special
from sklearn.model_selection import StratifiedKFold

from opslib.analysis.contact_drivers.movers import UNLABELLED
from opslib.analysis.contact_drivers.texts import SEED, Corpus, tf_idf
from opslib.analysis.methods.intervals import wilson

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.intp]

ACCURACY_COLUMNS = ("language", "texts", "labels", "accuracy", "low", "high", "baseline")
PAIR_COLUMNS = (
    *("language", "contact_reason", "text_says", "tickets", "contradicted", "share", "low", "high", "ticket_ids"),
)
_TERMS = 8000
_PRIOR = 0.5


def label_check(corpus: Corpus, *, fewest: int = 20, folds: int = 5) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Find reasons whose texts say something else than their label, by a classifier that has not seen them.

    Args:
        corpus: texts with ticket_id, language, contact_reason, and their terms.
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
        learning, whose threshold is that average: it finds half of the errors).

    References:
        Northcutt, C., Jiang, L., Chuang, I. (2021). Confident learning: estimating uncertainty in dataset labels.
        Journal of Artificial Intelligence Research 70, 1373-1411.
    """
    accuracy, pairs = [], []
    labelled = corpus.with_texts((corpus.texts["contact_reason"] != UNLABELLED).to_numpy())
    for name, whole in labelled.by_language():
        sizes = whole.texts["contact_reason"].value_counts()
        own = whole.with_texts(whole.texts["contact_reason"].isin(sizes[sizes >= fewest].index).to_numpy())
        if own.texts["contact_reason"].nunique() < 2:
            continue
        names, codes = np.unique(own.texts["contact_reason"].to_numpy(dtype=object).astype(str), return_inverse=True)
        chance = held_out_probabilities(own, codes, folds=folds)
        right = wilson([int((chance.argmax(axis=1) == codes).sum())], [len(codes)]).iloc[0]
        accuracy.append(
            (name, len(codes), len(names), right["share"], right["low"], right["high"], sizes.max() / len(codes))
        )
        pairs.append(_contradictions(own.texts, name, chance, codes, names.astype(object)))
    pairs = [part for part in pairs if len(part)]
    columns = list(PAIR_COLUMNS)
    frame = pd.concat(pairs, ignore_index=True)[columns] if pairs else pd.DataFrame(columns=columns)
    frame = frame.sort_values("contradicted", ascending=False, kind="stable", ignore_index=True)
    return pd.DataFrame(accuracy, columns=list(ACCURACY_COLUMNS)), frame


def held_out_probabilities(corpus: Corpus, labels: Codes, *, folds: int = 5) -> Floats:
    """For each text the probability of each label, from a classifier that was trained without it.

    Args:
        corpus: the texts, with their terms.
        labels: the number of each text's label, from 0, shape (texts,).
        folds: of the cross-validation.

    Returns:
        Texts × labels; rows sum to 1.

    Notes:
        Multinomial naive Bayes on TF-IDF of words and pairs of words with Jeffreys' prior, all labels alike likely
        beforehand, with probabilities that `calibrate` draws back. It is as accurate as logistic regression on the same
        words, and forty times as fast.

    References:
        Rennie, J. D. M. et al. (2003). Tackling the poor assumptions of naive Bayes text classifiers. Proceedings of
        the 20th International Conference on Machine Learning, 616-623.
    """
    frequency = np.where(corpus.lengths <= 2, corpus.frequency, 0)
    frequent = np.argsort(-frequency, kind="stable")[:_TERMS]
    weights = tf_idf(corpus.terms[:, np.sort(frequent[frequency[frequent] >= 3])]).astype(np.float64)
    member = sparse.csr_matrix((np.ones(len(labels)), (labels, np.arange(len(labels)))))
    whole = (member @ weights).toarray()
    logs = np.empty((len(labels), len(whole)))
    for _, fold in StratifiedKFold(folds, shuffle=True, random_state=SEED).split(labels, labels):
        others = np.maximum(whole - (member[:, fold] @ weights[fold]).toarray(), 0.0) + _PRIOR
        logs[fold] = weights[fold] @ np.log(others / others.sum(axis=1, keepdims=True)).T
    return calibrate(special.log_softmax(logs, axis=1), labels)


def calibrate(logs: Floats, labels: Codes) -> Floats:
    """Raise probabilities that are too sure to the one power under which the labels are likeliest.

    Args:
        logs: logarithms of the probabilities of each label, texts × labels, of texts that the classifier has not seen.
        labels: the number of each text's label.

    Returns:
        Probabilities, texts × labels; rows sum to 1.

    References:
        Guo, C. et al. (2017). On calibration of modern neural networks. Proceedings of the 34th International
        Conference on Machine Learning, 1321-1330 (temperature scaling).
    """
    own = logs[np.arange(len(labels)), labels].mean()

    def unlikeliness(log_power: float) -> float:
        power = np.exp(log_power)
        return float(special.logsumexp(power * logs, axis=1).mean() - power * own)

    best = optimize.minimize_scalar(unlikeliness, bounds=(-4.0, 4.0), method="bounded", options={"xatol": 1e-3})
    return np.asarray(special.softmax(np.exp(best.x) * logs, axis=1))


def _contradictions(
    texts: pd.DataFrame, language: str, chance: Floats, codes: Codes, names: npt.NDArray[np.object_]
) -> pd.DataFrame:
    """Pairs of labels and of the reasons that the texts speak of instead; `PAIR_COLUMNS` in another order."""
    place = np.arange(len(codes))
    own = chance[place, codes]
    mean = np.array([own[codes == label].mean() for label in range(len(names))])
    other = chance.argmax(axis=1)
    against = (other != codes) & (chance[place, other] >= 3 * own) & (chance[place, other] >= mean[other] / 2)
    rows = texts.assign(text_says=names[other], surety=chance[place, other], language=language)[against].sort_values(
        ["surety", "ticket_id"], ascending=[False, True], kind="stable"
    )
    if rows.empty:
        return pd.DataFrame()
    keys = ["language", "contact_reason", "text_says"]
    pairs: pd.DataFrame = rows.groupby(keys)["ticket_id"].agg(contradicted="size", ticket_ids=tuple).reset_index()
    pairs["tickets"] = pairs["contact_reason"].map(texts["contact_reason"].value_counts())
    pairs[["share", "low", "high"]] = wilson(pairs["contradicted"], pairs["tickets"]).to_numpy()
    return pairs
