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
NOT_KNOWN = "not known"
CAUSES = {
    LATE_EVENTS: "the exports now hold events of the time before the first number that they did not hold then",
    CHANGED_ROWS: "tickets, surveys or reviews were added, changed or taken away",
    CHANGED_PARAMETERS: "params/org.yml was changed: teams, calendars, policies or goals",
    CHANGED_DEFINITION: "the metric's definition, or the code that works it out, was changed",
    TIME_WENT_ON: "open tickets went on: what was censored then has ended or waited longer since",
    NOT_KNOWN: "what the number rested on when it was published is not on record any more",
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
    numbers: pd.DataFrame,
    *,
    late: pd.DataFrame,
    rows: pd.DataFrame,
    parameters: bool,
    definitions: frozenset[str],
    code: bool,
    unsettled: pd.DataFrame,
    reaches_further: bool,
) -> pd.Series:
    """Why each restated number changed.

    Args:
        numbers: Restated numbers with metric, team and week, a row each.
        late: Team and week in which events of the time before the last publication have come in since.
        rows: Team and week of tickets, surveys and reviews that were added, changed or taken away.
        parameters: Whether the organisation's parameters changed.
        definitions: Metrics whose definition changed.
        code: Whether the code that works the numbers out changed.
        unsettled: Team and week of tickets that were not done at the last publication, or went on since.
        reaches_further: Whether the exports reach further than they did then.

    Returns:
        A text per row: the causes that apply, joined by `, `. A number of a week also rests on tickets of the weeks
        before (backlog, solves), so a late event or changed row in any week up to that one counts. Where none of them
        explains a number, the code does if it changed, and time if the week has tickets that went on; where the code is
        the same and the exports reach further, it is time.
    """
    causes = pd.DataFrame(index=numbers.index)
    causes[CHANGED_DEFINITION] = numbers["metric"].isin(definitions)
    causes[CHANGED_PARAMETERS] = parameters
    causes[LATE_EVENTS] = _reached(numbers, late)
    causes[CHANGED_ROWS] = _reached(numbers, rows)
    unexplained = ~causes.any(axis="columns")
    causes[TIME_WENT_ON] = unexplained & reaches_further & (_among(numbers, unsettled) | (not code))
    causes[CHANGED_DEFINITION] |= unexplained & ~causes[TIME_WENT_ON] | unexplained & code
    names = np.array(causes.columns)
    texts = [", ".join(names[row]) for row in causes.to_numpy(dtype=bool)]
    return pd.Series(texts, index=numbers.index, dtype="str")


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


def _reached(numbers: pd.DataFrame, changes: pd.DataFrame) -> pd.Series:
    """Whether a change of the team (of any team, for all) lies in a number's week or before it."""
    if changes.empty:
        return pd.Series(False, index=numbers.index)
    first = changes.groupby("team")["week"].min()
    first.loc["all"] = first.min()
    reached: pd.Series = numbers["team"].map(first).fillna("9999-W99") <= numbers["week"]
    return reached


def _among(numbers: pd.DataFrame, cells: pd.DataFrame) -> pd.Series:
    """Whether a number's team and week is among some (that of any team, for all)."""
    pairs = set(zip(cells["team"], cells["week"], strict=True)) | {("all", week) for week in cells["week"]}
    cell = zip(numbers["team"], numbers["week"], strict=True)
    return pd.Series([pair in pairs for pair in cell], index=numbers.index, dtype="bool")
