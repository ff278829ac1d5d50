"""Risks of projects, the heaviest first: open, overdue, new and closed since a day."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

LOWEST, HIGHEST = 1, 5
COLUMNS = (
    *("risk_id", "project_id", "description", "likelihood", "impact", "score", "rank", "state", "days_overdue"),
    *("is_new", "owner", "opened_on", "due_on", "closed_on", "response", "why"),
)
OPEN, OVERDUE, CLOSED, CLOSED_SINCE = "open", "overdue", "closed", "closed since"

_OPTIONAL = ("owner", "opened_on", "due_on", "closed_on", "response")


def rank_risks(risks: pd.DataFrame, *, as_of: date, since: date) -> pd.DataFrame:
    """Rank risks by likelihood times impact.

    Args:
        risks: the table `risks`: risk_id, project_id, description, likelihood and impact (1 to 5); owner, opened_on,
            due_on, closed_on, response may be missing.
        as_of: the last day that counts.
        since: the day after which a risk is new, or closed since; that of the last run.

    Returns:
        The risks with score (1 to 25), rank within the project among those that are open (1 is the heaviest; equal
        scores: the earlier due), state (open, overdue, closed, closed since), days_overdue (0 where it is not), is_new,
        and why a score is missing. Open ones first, by project and rank.

    Notes:
        A risk of a likelihood or impact that is no number from 1 to 5 has no score and ranks last: it is shown, and
        says why.
    """
    frame = risks.reset_index(drop=True).copy()
    for column in _OPTIONAL:
        if column not in frame:
            frame[column] = None
    for column in ("opened_on", "due_on", "closed_on"):
        frame[column] = pd.to_datetime(frame[column]).astype("datetime64[s]")
    likelihood, impact = (pd.to_numeric(frame[column], errors="coerce") for column in ("likelihood", "impact"))
    fits = likelihood.between(LOWEST, HIGHEST) & impact.between(LOWEST, HIGHEST)
    frame["score"] = (likelihood * impact).where(fits)
    frame["why"] = np.where(fits, "", f"likelihood and impact must be numbers from {LOWEST} to {HIGHEST}")
    now, last = pd.Timestamp(as_of), pd.Timestamp(since)
    is_closed = frame["closed_on"].notna() & (frame["closed_on"] <= now)
    is_overdue = ~is_closed & frame["due_on"].notna() & (frame["due_on"] < now)
    frame["state"] = np.select(
        [is_closed & (frame["closed_on"] > last), is_closed, is_overdue], [CLOSED_SINCE, CLOSED, OVERDUE], OPEN
    )
    frame["days_overdue"] = (now - frame["due_on"]).dt.days.where(is_overdue, 0).astype(np.int64)
    frame["is_new"] = (frame["opened_on"] > last) & (frame["opened_on"] <= now)
    frame = frame.assign(closed=is_closed).sort_values(
        ["project_id", "closed", "score", "due_on", "risk_id"],
        ascending=[True, True, False, True, True],
        na_position="last",
        kind="stable",
        ignore_index=True,
    )
    rank = frame.groupby(["project_id", "closed"]).cumcount() + 1
    frame["rank"] = rank.where(~frame["closed"] & frame["score"].notna()).astype("float64")
    frame = frame.sort_values("closed", kind="stable", ignore_index=True)
    return frame.reindex(columns=list(COLUMNS))
