"""The ledger of published numbers: first known, settled, restated; and why a settled number is another one now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pandas as pd

from opslib.analysis.weekly_review.weekly_values import BOUNDS, SETTLED, SO_FAR
from opslib.metrics import ALL

CELL = ["metric", "team", "week"]
FIRST_KNOWN, SETTLING, RESTATEMENT, ESTIMATE = "first known", "settled", "restated", "so far"
"""What an entry of the ledger says of its number: it is the first one; it will not move any more by itself; it was
settled and is another one now. `so far` are those between the first and the settled, which older ledgers hold."""
SETTLES_AFTER_DAYS = 14
"""How long after its week a number counts as settled where a ledger does not say: full resolution takes that long."""

LATE_EVENTS = "late events"
CHANGED_ROWS = "changed rows"
CHANGED_SCORES = "changed scores"
FORGOTTEN = "forgotten on request"
KEPT_NO_LONGER = "kept no longer"
CHANGED_PARAMETERS = "changed parameters"
CHANGED_DEFINITION = "changed definition"
TIME_WENT_ON = "time went on"
NOT_KNOWN = "not known"
CAUSES = {
    LATE_EVENTS: "the exports now hold events of the time before the first number that they did not hold then",
    CHANGED_ROWS: "tickets were added, relabeled or taken away",
    CHANGED_SCORES: "answers to surveys or quality reviews were added, changed or taken away",
    FORGOTTEN: "people or tickets were forgotten on request",
    KEPT_NO_LONGER: "tickets grew older than params/org.yml keeps them",
    CHANGED_PARAMETERS: "params/org.yml was changed in what the number rests on",
    CHANGED_DEFINITION: "the metric's definition, or the code that works it out, was changed",
    TIME_WENT_ON: "tickets went on after their number had settled: reopened, merged, or handed to another team",
    NOT_KNOWN: "nothing that is on record of when it was published explains it",
}
REACH = ["team", "metric", "week"]
"""The columns of a reach: which numbers a change can touch, a row each; a null team or metric stands for any, week is
the first one that it can touch (null: any)."""


def entries(last: pd.DataFrame, current: pd.DataFrame) -> pd.DataFrame:
    """What the ledger has to take in: numbers that are known for the first time, that settled, or that are restated.

    Args:
        last: The last entry of each cell: metric, team, week, value, state, as_of.
        current: The numbers of now: metric, team, week, value, state.

    Returns:
        metric, team, week, value, state, entry (one of `FIRST_KNOWN`, `SETTLING`, `RESTATEMENT`), was (the value of the
        entry before, null where there is none) and was_as_of.

    Notes:
        Two values are the same within a relative 1e-9: sums in another order are no restatement. What moves before it
        has settled is no entry, and neither is what nobody knows.
    """
    before = last[[*CELL, "value", "state", "as_of"]]
    before = before.rename(columns={"value": "was", "state": "was_state", "as_of": "was_as_of"})
    both = current[[*CELL, "value", "state"]].merge(before, on=CELL, how="left", indicator=True)
    published, known = both["_merge"] == "both", both["value"].notna()
    same = np.isclose(both["value"], both["was"], rtol=1e-9, atol=0, equal_nan=True)
    was_settled = published & (both["was_state"] == SETTLED)
    both["entry"] = pd.Series(index=both.index, dtype="str")
    first = np.where(published, known & both["was"].isna(), known | (both["state"] == BOUNDS))
    both.loc[first, "entry"] = FIRST_KNOWN
    both.loc[published & ~was_settled & known & (both["state"] == SETTLED), "entry"] = SETTLING
    both.loc[was_settled & both["was"].notna() & ~same, "entry"] = RESTATEMENT
    taken: pd.DataFrame = both[both["entry"].notna()].drop(columns=["was_state", "_merge"]).reset_index(drop=True)
    return taken


def with_entries(
    history: pd.DataFrame, week_ends: Mapping[str, datetime], published_last: datetime | None
) -> pd.DataFrame:
    """An older ledger, which knew changes only, with the entries and states that this one has.

    Args:
        history: metric, team, week, value, was, as_of, was_as_of, cause, a row per change, the oldest first.
        week_ends: The instant at which each week ends.
        published_last: The instant that the last publication knew: what stood then unchanged has no later row.

    Returns:
        The same rows with state and entry; a cause is left only where a number was restated.

    Notes:
        Such a ledger does not say what had settled. A number counts as settled where it was published at least
        `SETTLES_AFTER_DAYS` after the end of its week.
    """
    ends = pd.to_datetime(history["week"].map(week_ends), utc=True) + pd.Timedelta(days=SETTLES_AFTER_DAYS)
    was_settled = (history["was_as_of"] >= ends) & history["was"].notna()
    cells = history.groupby(CELL, sort=False)
    settled = history["as_of"] >= ends
    if published_last is not None:
        settled |= (cells.cumcount(ascending=False) == 0) & (pd.Timestamp(published_last) >= ends)
    rows = history.assign(state=pd.Series(np.where(settled, SETTLED, SO_FAR), index=history.index, dtype="str"))
    rows["entry"] = pd.Series(ESTIMATE, index=history.index, dtype="str")
    rows.loc[history["as_of"] >= ends, "entry"] = SETTLING
    rows.loc[(cells.cumcount() == 0) | history["was"].isna(), "entry"] = FIRST_KNOWN
    rows.loc[history["cause"].notna() & was_settled, "entry"] = RESTATEMENT
    rows["cause"] = rows["cause"].where(rows["entry"] == RESTATEMENT)
    return rows


def causes(
    numbers: pd.DataFrame,
    *,
    changes: Mapping[str, pd.DataFrame],
    code: bool,
    moved: pd.DataFrame,
    reaches_further: bool,
) -> pd.Series:
    """Why each restated number changed.

    Args:
        numbers: Restated numbers with metric, team and week, a row each.
        changes: By cause what it can touch: `REACH`.
        code: Whether the code that works the numbers out changed.
        moved: Team and week of tickets that went on after the last publication.
        reaches_further: Whether the exports reach further than they did then.

    Returns:
        A text per row: the causes that apply, joined by `, `. Where no change can touch a number by its team and week,
        those count that touch its metric elsewhere: a ticket that two teams held brings the one's change into the
        other's number. Where there is none either, the code explains it if it changed, and time if the week has tickets
        that went on; where the code is the same and the exports reach further, it is time.
    """
    causes = pd.DataFrame({cause: _touched(numbers, reach) for cause, reach in changes.items()}, index=numbers.index)
    unexplained = ~causes.any(axis="columns")
    for cause, reach in changes.items():
        anywhere = reach.assign(team=None, week=None)
        causes[cause] |= unexplained & _touched(numbers, anywhere)
    unexplained = ~causes.any(axis="columns")
    time = unexplained & reaches_further & (_among(numbers, moved) | (not code))
    causes[CHANGED_DEFINITION] = (unexplained & code) | causes.get(CHANGED_DEFINITION, False)
    causes[TIME_WENT_ON] = time
    causes[NOT_KNOWN] = unexplained & ~time & (not code)
    names = [name for name in CAUSES if name in causes]
    texts = [", ".join(np.array(names)[row]) for row in causes[names].to_numpy(dtype=bool)]
    return pd.Series(texts, index=numbers.index, dtype="str")


def since(history: pd.DataFrame, instant: datetime) -> pd.DataFrame:
    """What publications from an instant on restated, and what settled in them.

    Args:
        history: Of `published/values`: metric, team, week, value, was, as_of, was_as_of, cause, entry.
        instant: The one that the earliest of those publications knew.

    Returns:
        week, metric, entry (`RESTATEMENT` or `SETTLING`), was, is, cause, was_as_of, as_of; the newest week first.
    """
    rows = history[history["entry"].isin([RESTATEMENT, SETTLING]) & (history["as_of"] >= pd.Timestamp(instant))]
    rows = rows.rename(columns={"value": "is"}).sort_values(["week", "metric", "as_of"], ascending=[False, True, True])
    return rows[["week", "metric", "entry", "was", "is", "cause", "was_as_of", "as_of"]].reset_index(drop=True)


def _touched(numbers: pd.DataFrame, reach: pd.DataFrame) -> pd.Series:
    """Whether a change can touch a number: by its metric, its team (that of any team, for all) and from its week on."""
    anywhere = pd.concat([reach, reach.assign(team=ALL)], ignore_index=True).fillna("")
    first = anywhere.groupby(["team", "metric"], sort=False)["week"].min().reset_index()
    touched = pd.Series(False, index=numbers.index)
    for team, metric, week in zip(first["team"], first["metric"], first["week"], strict=True):
        of_team, of_metric = numbers["team"] == team, numbers["metric"] == metric
        touched |= (numbers["week"] >= week) & (of_team | (team == "")) & (of_metric | (metric == ""))
    return touched


def _among(numbers: pd.DataFrame, cells: pd.DataFrame) -> pd.Series:
    """Whether a number's team and week is among some (that of any team, for all)."""
    pairs = set(zip(cells["team"], cells["week"], strict=True)) | {(ALL, week) for week in cells["week"]}
    cell = zip(numbers["team"], numbers["week"], strict=True)
    return pd.Series([pair in pairs for pair in cell], index=numbers.index, dtype="bool")
