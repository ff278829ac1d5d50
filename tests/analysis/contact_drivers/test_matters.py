from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from opslib.analysis.contact_drivers.escalation import members
from opslib.analysis.contact_drivers.matters import new_matters
from opslib.analysis.contact_drivers.phrases import PHRASE_COLUMNS, emerging_phrases
from opslib.analysis.contact_drivers.texts import corpus_of, normalise, texts_of
from opslib.analysis.contact_drivers.words_together import words_together
from tests.analysis.contact_drivers.written_texts import LAST, WEEKS, corpus_of_tickets, tickets_with_texts

LABELS = ["login", "refund", "crash", "settings", "other"]
NO_PHRASES = pd.DataFrame(columns=list(PHRASE_COLUMNS))
SIGN_IN = [
    "since the update of my provider the sign-in fails",
    "sign-in is refused. i think it is the provider",
    "my provider changed something and now sign-in loops",
    "cannot use sign-in any more, the provider says all is well",
]


def matters_of(frame: pd.DataFrame) -> pd.DataFrame:
    corpus = corpus_of_tickets(frame)
    return new_matters(corpus, emerging_phrases(corpus, LAST), LAST)


def with_matter(
    frame: pd.DataFrame,
    sentences: list[str],
    *,
    now: int,
    before: tuple[int, ...] = (),
    labels: list[str] = LABELS,
    skip: int = 0,
) -> pd.DataFrame:
    """So many tickets of the last weeks say one of the sentences among their own words, under each label in turn."""
    counts = (*before, now)
    for week, count in zip(WEEKS[-len(counts) :], counts, strict=True):
        own = frame.index[frame["week"] == week][skip : skip + count]
        said = [sentences[place % len(sentences)] for place in range(len(own))]
        frame.loc[own, "description"] = [
            f"hello team. {line}. {text}" for line, text in zip(said, frame.loc[own, "subject"], strict=True)
        ]
        frame.loc[own, "contact_reason"] = [labels[place % len(labels)] for place in range(len(own))]
    return frame


def quiet(seed: int) -> pd.DataFrame:
    return tickets_with_texts(np.random.default_rng(seed), per_week=90)


def test_nineteen_tickets_of_five_labels_against_five_are_one_matter_with_their_words():
    frame = with_matter(quiet(1), SIGN_IN, now=19, before=(5, 3, 7, 5, 4, 6, 8, 2))
    (row,) = matters_of(frame).to_dict("records")
    assert {"provider", "sign-in"} <= set(row["matter"].split(", "))
    assert (row["tickets"], row["before"], row["labels"]) == (19, 5.0, 5)
    assert row["spread"] == "crash 4, login 4, refund 4, settings 4, other 3"
    assert set(row["ticket_ids"]) == set(frame.loc[frame["description"].str.contains("provider"), "ticket_id"]) & set(
        frame.loc[frame["week"] == LAST, "ticket_id"]
    )


def test_matters_that_share_no_tickets_are_told_apart():
    frame = with_matter(quiet(2), SIGN_IN, now=15)
    printer = ["the printer prints blank pages", "pages stay blank on my printer"]
    frame = with_matter(frame, printer, now=15, skip=20)
    words = [set(name.split(", ")) for name in matters_of(frame)["matter"]]
    assert len(words) == 2
    assert not words[0] & words[1]
    assert any({"provider", "sign-in"} <= each for each in words)
    assert any({"printer", "pages", "blank"} <= each for each in words)


@pytest.mark.parametrize(
    ("sentences", "labels"),
    [(SIGN_IN, ["login"]), (SIGN_IN, ["login", "login", "refund", "crash"][:3]), (["good tidings"], LABELS)],
    ids=["of one label", "mostly of one label", "a greeting"],
)
def test_what_a_label_tells_and_what_says_one_thing_is_no_matter(sentences: list[str], labels: list[str]):
    frame = with_matter(quiet(3), sentences, now=18, labels=labels)
    assert len(emerging_phrases(corpus_of_tickets(frame), LAST))
    assert matters_of(frame).empty


def test_weeks_alike_show_something_new_in_one_of_ten_cases_at_most():
    some = 0
    for seed in range(100, 120):
        corpus = corpus_of_tickets(tickets_with_texts(np.random.default_rng(seed)))
        phrases = emerging_phrases(corpus, LAST)
        some += len(phrases) + len(new_matters(corpus, phrases, LAST)) > 0
    assert some <= 4  # more than four of twenty at a rate of 10% are a chance of 4%


def test_words_together_are_those_of_going_through_the_texts_pair_by_pair():
    rng = np.random.default_rng(4)
    plain = [f"w{letter}" for letter in "abcdefgh"]
    lines = []
    for _ in range(300):
        said = [str(each) for each in rng.choice(plain, 3, replace=False)]
        if rng.random() < 0.2:
            said = ["pin", *said, "reset"] if rng.random() < 0.5 else ["new", "york", *said]
        lines.append(" ".join(said))
    corpus = corpus_of(texts_of(pd.DataFrame({"ticket_id": range(300), "week": LAST, "subject": lines})))
    texts_with = {
        word: {place for place, line in enumerate(lines) if word in line.split()}
        for word in [*plain, "pin", "reset", "new", "york"]
    }
    slowly = {}
    for one, other in combinations(sorted(texts_with), 2):
        both = texts_with[one] & texts_with[other]
        adjacent = sum(f"{one} {other}" in line or f"{other} {one}" in line for line in lines)
        frequent = all(12 <= len(texts_with[word]) <= 60 for word in (one, other))
        often = len(both) >= max(12, 3 * len(texts_with[one]) * len(texts_with[other]) / 300)
        if frequent and often and adjacent < 0.5 * len(both):
            slowly[f"{one} + {other}"] = both
    pairs = words_together(corpus)
    columns = pairs.terms.tocsc()
    quickly = {name: set(columns[:, [place]].nonzero()[0]) for place, name in enumerate(pairs.vocabulary)}
    assert quickly == slowly
    assert "pin + reset" in quickly
    assert "new + york" not in quickly


def test_a_matter_has_the_tickets_of_any_label_that_say_both_words():
    frame = pd.DataFrame(
        {
            "contact_reason": ["login", "refund", "other", None],
            "text": normalise(pd.Series(["provider broke sign-in", "sign-in, provider.", "provider only", "sign-ins"])),
        }
    )
    assert members(frame, "matter", "", ["provider + sign-in"]).tolist() == [True, True, False, False]
    assert members(frame, "matter", "", ["provider + sign-in", "only"]).tolist() == [True, True, True, False]


def test_too_few_texts_or_none_have_no_matter():
    frame = with_matter(quiet(5), SIGN_IN, now=19)
    few = frame[frame["week"].ne(LAST) | (frame.groupby("week").cumcount() < 20)]
    assert matters_of(few).empty
    empty = corpus_of(texts_of(pd.DataFrame({"ticket_id": [], "week": []}, dtype="str")))
    assert new_matters(empty, NO_PHRASES, LAST).empty
