"""What a finding costs in hours on shift: its replies, at what a reply of the team takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

WEEKS = 8
"""Over how many weeks it is counted what a reply takes."""
METRICS = ("solves_per_agent_hour", "touches_per_solved")
"""The metrics whose parts tell it: hours on tickets, chat and phone, and the replies of what was solved in them."""
NO_HOURS = "Not in this export: hours on shift with the replies that were given in them."
NO_REPLIES = "Not measured: none of these tickets is solved yet, or the export does not tell their replies."
NO_MORE_REPLIES = "Not measured: too few tickets tell whether such a ticket takes more replies."


class Hours(NamedTuple):
    """Hours a week with their interval; where there are none, why."""

    hours: float | None = None
    low: float | None = None
    high: float | None = None
    missing: str = ""


def hours_a_reply(values: pd.DataFrame, week: str) -> float | None:
    """What a reply of a team takes, of the hours that its people were on tickets, chat and phone.

    Args:
        values: weekly values of one team over all channels: week, metric, numerator, denominator.
        week: the last of the weeks that count.

    Returns:
        Hours on shift over public replies of the tickets solved in them, of at most `WEEKS` weeks for which both are
        told; None where there are none. All that people do in these hours is in it, so that it is what a reply costs
        and not how long one is typed.
    """
    rows = values[(values["week"] <= week) & values["metric"].isin(METRICS)]
    wide = rows.pivot_table(index="week", columns="metric", values=["numerator", "denominator"], aggfunc="first")
    parts = wide.reindex(columns=[("denominator", METRICS[0]), ("numerator", METRICS[1])]).dropna().tail(WEEKS)
    hours, replies = parts.sum() if len(parts) else (0.0, 0.0)
    return float(hours / replies) if hours > 0 and replies > 0 else None


def of_replies(
    tickets: float, interval: tuple[float | None, float | None], replies: float, takes: float | None
) -> Hours:
    """Hours a week of tickets that would not be there.

    Args:
        tickets: so many a week.
        interval: of the tickets.
        replies: that such a ticket takes.
        takes: of `hours_a_reply`.
    """
    if takes is None:
        return Hours(missing=NO_HOURS)
    low, high = (None if end is None else end * replies * takes for end in interval)
    return Hours(tickets * replies * takes, low, high)


def of_more_replies(tickets: float, replies: tuple[float, float, float], takes: float | None) -> Hours:
    """Hours a week of tickets that take more replies than they would otherwise.

    Args:
        tickets: so many a week.
        replies: how many more each takes, with the ends of the interval; NaN where it could not be told.
        takes: of `hours_a_reply`.
    """
    if takes is None:
        return Hours(missing=NO_HOURS)
    more, low, high = (tickets * each * takes for each in replies)
    return Hours(missing=NO_MORE_REPLIES) if more != more or low != low else Hours(more, low, high)
