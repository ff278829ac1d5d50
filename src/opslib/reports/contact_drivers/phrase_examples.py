"""A subject line for each new phrase, so that a reader sees what customers write."""

from __future__ import annotations

import re

import pandas as pd

from opslib.analysis.contact_drivers.texts import normalise
from opslib.intake.privacy.redaction import redact

_LONGEST = 90
_TAG = re.compile(r"<[^<>]{0,500}>")


def example_subjects(phrases: pd.DataFrame, raw_texts: pd.DataFrame) -> pd.Series:
    """The subject of each phrase that says it, else the most frequent one of its tickets.

    Args:
        phrases: phrase and ticket_ids (tuple), of people enough to be shown.
        raw_texts: ticket_id and, where the export has it, subject, as redacted at intake.

    Returns:
        A text for each row, redacted once more, because redaction may have learnt since their intake; "" for none.
    """
    if "subject" not in raw_texts or phrases.empty:
        return pd.Series("", index=phrases.index, dtype="str")
    needed = {ticket for ids in phrases["ticket_ids"] for ticket in ids}
    subjects = raw_texts[raw_texts["ticket_id"].isin(needed)].set_index("ticket_id")["subject"].dropna()
    plain = normalise(subjects)
    examples = [
        _example(str(phrase), subjects.reindex(list(ids)).dropna(), plain)
        for phrase, ids in zip(phrases["phrase"], phrases["ticket_ids"], strict=True)
    ]
    return pd.Series(examples, index=phrases.index, dtype="str")


def _example(phrase: str, subjects: pd.Series, plain: pd.Series) -> str:
    if subjects.empty:
        return ""
    said = pd.Series([all(word in text.split() for word in phrase.split()) for text in plain[subjects.index]])
    rows = pd.DataFrame({"subject": subjects.to_numpy(), "says": said.to_numpy()})
    ranked = rows.groupby("subject").agg(says=("says", "max"), times=("says", "size")).reset_index()
    best = ranked.sort_values(["says", "times", "subject"], ascending=[False, False, True])["subject"].iloc[0]
    line = redact(" ".join(_TAG.sub(" ", str(best)).split()))[0]
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1].rsplit(" ", 1)[0] + "…"
