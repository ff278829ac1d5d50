"""Tickets with texts about three matters, in words that tests of texts, phrases, topics and labels share."""

from __future__ import annotations

import numpy as np
import pandas as pd

from opslib.analysis.contact_drivers.texts import Corpus, corpus_of, texts_of
from opslib.weeks import weeks_between

WEEKS = weeks_between("2026-W37", "2026-W46")
LAST = WEEKS[-1]
MATTERS = {
    "refund": ["the money for my order never came back", "my refund is late", "the card shows no refund yet"],
    "login": ["the code never arrives on my phone", "signing in fails with a wrong code", "the login page loops"],
    "crash": ["the player crashes at every start", "a video freezes and the player closes", "the app crashes"],
}
SPANISH = ["mi reembolso no llega", "el código no llega a mi teléfono", "la aplicación se cierra sola"]
MANNERS = ["hello team", "good morning", "please help soon", "thank you so much", "i tried it twice", "kind regards"]


def tickets_with_texts(
    rng: np.random.Generator, *, per_week: int = 60, language: str = "en-US", prefix: str = "t"
) -> pd.DataFrame:
    """Ten weeks in which nothing changes."""
    rows = []
    for week in WEEKS:
        for _ in range(per_week):
            reason = str(rng.choice(list(MATTERS)))
            matter = SPANISH[list(MATTERS).index(reason)] if language == "es" else str(rng.choice(MATTERS[reason]))
            manners = rng.choice(MANNERS, 2, replace=False)
            text = f"{manners[0]}. {matter}. {manners[1]}."
            rows.append((f"{prefix}{len(rows)}", week, language, reason, matter, text))
    names = ["ticket_id", "week", "language", "contact_reason", "subject", "description"]
    return pd.DataFrame(rows, columns=names)


def with_new_matter(frame: pd.DataFrame, count: int = 14) -> pd.DataFrame:
    """The same, with a matter in the last week that nobody wrote about before."""
    new = frame.index[frame["week"] == LAST][:count]
    frame.loc[new, "subject"] = "studio sync"
    frame.loc[new, "description"] = "hello team. studio sync ate my drafts overnight. kind regards."
    frame.loc[new[::2], "contact_reason"] = "other"
    frame.loc[new[1::2], "contact_reason"] = "drafts"
    return frame


def corpus_of_tickets(tickets: pd.DataFrame) -> Corpus:
    return corpus_of(texts_of(tickets))
