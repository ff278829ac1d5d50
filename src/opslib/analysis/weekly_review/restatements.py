"""What was published once and is another number now, and why."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

CELL = ["metric", "team", "week"]
LATE_EVENTS = "late events"
CHANGED_ROWS = "changed rows"
CHANGED_PARAMETERS = "changed parameters"
CHANGED_DEFINITION = "changed definition"
TIME_WENT_ON = "time went on"
CAUSES = {
    LATE_EVENTS: "the exports now hold events of the time before the first number that they did not hold then",
    CHANGED_ROWS: "tickets, surveys or reviews were added, changed or taken away",
    CHANGED_PARAMETERS: "params/org.yml was changed: teams, calendars, policies or goals",
    CHANGED_DEFINITION: "the metric's definition, or the code that works it out, was changed",
    TIME_WENT_ON: "open tickets went on: what was censored then has ended or waited longer since",
}


def changed_values(last: pd.DataFrame, current: pd.DataFrame) -> pd.DataFrame:
    """Cells whose number is new, or is another than the one published last.

    Args:
        last: The numbers published last: metric, team, week, value; one row per cell.
        current: The numbers of now: the same columns, and any others.

    Returns:
        The rows of `current` that are new or changed, with `was` (the value published last, null where there was none)
        and `published` (bool: there was one, even if it was null).

    Notes:
        Two values are the same within a relative 1e-9: sums in another order are no restatement.
    """
    both = current.merge(
        last[[*CELL, "value"]].rename(columns={"value": "was"}), on=CELL, how="left", indicator="published"
    )
    both["published"] = both["published"] == "both"
    same = np.isclose(both["value"], both["was"], rtol=1e-9, atol=0, equal_nan=True)
    changed: pd.DataFrame = both[~(same & both["published"])].reset_index(drop=True)
    return changed


def causes(
    restated: pd.DataFrame,
    *,
    late: pd.DataFrame,
    rows: pd.DataFrame,
    parameters: bool,
    definitions: frozenset[str],
    code: bool,
    time_went_on: bool,
) -> pd.Series:
    """Why each restated number changed.

    Args:
        restated: Rows with metric, team and week.
        late: Team and week in which events of the time before the last publication have come in since.
        rows: Team and week of tickets, surveys and reviews that were added, changed or taken away.
        parameters: Whether the organisation's parameters changed.
        definitions: Metrics whose definition changed.
        code: Whether the code of the facts changed; named only where nothing else explains the change.
        time_went_on: Whether the exports reach further than they did then.

    Returns:
        A text per row: the causes that apply, joined by `, `. A number of a week also rests on tickets of the weeks
        before (backlog, solves), so a change in any week up to that one counts.
    """
    found = pd.DataFrame(index=restated.index)
    found[CHANGED_DEFINITION] = restated["metric"].isin(definitions)
    found[CHANGED_PARAMETERS] = parameters
    found[LATE_EVENTS] = _reached(restated, late)
    found[CHANGED_ROWS] = _reached(restated, rows)
    nothing = ~found.any(axis="columns")
    found[TIME_WENT_ON] = nothing & time_went_on
    found[CHANGED_DEFINITION] |= nothing & code & ~found[TIME_WENT_ON]
    names = np.array(found.columns)
    said = [", ".join(names[row]) for row in found.to_numpy(dtype=bool)]
    return pd.Series(said, index=restated.index, dtype="str").replace("", CHANGED_DEFINITION)


def restated(history: pd.DataFrame, since: datetime) -> pd.DataFrame:
    """The numbers that were restated by publications from an instant on.

    Args:
        history: Of `published/values`: metric, team, week, value, was, as_of, was_as_of, cause; a row per change.
        since: The instant that the earliest of those publications knew.

    Returns:
        week, metric, was, is, cause, was_as_of, as_of; the newest week first.
    """
    rows = history[history["cause"].notna() & (history["as_of"] >= pd.Timestamp(since))]
    rows = rows.rename(columns={"value": "is"}).sort_values(["week", "metric", "as_of"], ascending=[False, True, True])
    return rows[["week", "metric", "was", "is", "cause", "was_as_of", "as_of"]].reset_index(drop=True)


def _reached(restated: pd.DataFrame, changes: pd.DataFrame) -> pd.Series:
    """Whether a change of the team (of any team, for all) lies in a row's week or before it."""
    if changes.empty:
        return pd.Series(False, index=restated.index)
    first = changes.groupby("team")["week"].min()
    first.loc["all"] = first.min()
    reached: pd.Series = restated["team"].map(first).fillna("9999-W99") <= restated["week"]
    return reached
