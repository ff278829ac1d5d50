"""What a finding costs in hours on shift: its tickets or replies, at what one of the team takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd

WEEKS = 8
"""Over how many weeks it is counted what a ticket or a reply takes."""
REPLIES = "touches_per_solved"
NO_HOURS = "Hours of work: not in this export, which has no hours on shift of enough people."
NO_HANDLING = "Hours of work: not measured, as nothing tells how long a ticket is handled before it is sent on."
_HOURS = "solves_per_agent_hour"


class Hours(NamedTuple):
    """Hours a week with their interval; where there are none, why."""

    hours: float | None = None
    low: float | None = None
    high: float | None = None
    missing: str = ""


def hours_a_ticket(values: pd.DataFrame, week: str) -> float | None:
    """What a solved ticket of a team takes, of the hours that its people were on tickets, chat and phone.

    Args:
        values: weekly values of one team over all channels: week, metric, numerator, denominator.
        week: the last of the weeks that count.

    Returns:
        Hours on shift over solves, of at most `WEEKS` weeks; None where the export does not tell them. All that people
        do in these hours is in it, so that it is what a ticket costs and not how long somebody types.
    """
    return _ratio(values, week, ("denominator", _HOURS), ("numerator", _HOURS))


def hours_a_reply(values: pd.DataFrame, week: str) -> float | None:
    """What a public reply of a team takes, likewise: hours on shift over the replies of what was solved in them.

    Args:
        values: as `hours_a_ticket` takes them.
        week: the last of the weeks that count.
    """
    return _ratio(values, week, ("denominator", _HOURS), ("numerator", REPLIES))


def _ratio(values: pd.DataFrame, week: str, above: tuple[str, str], below: tuple[str, str]) -> float | None:
    """One sum over another, of the last weeks for which both are told."""
    rows = values[(values["week"] <= week) & values["metric"].isin([_HOURS, REPLIES])]
    if rows.empty:
        return None
    wide = rows.pivot_table(index="week", columns="metric", values=["numerator", "denominator"], aggfunc="first")
    parts = wide.reindex(columns=[above, below]).dropna().tail(WEEKS)
    if parts.empty or (parts.sum() <= 0).any():
        return None
    return float(parts[above].sum() / parts[below].sum())


def of_tickets(tickets: float, interval: tuple[float | None, float | None], takes: float | None) -> Hours:
    """Hours a week of tickets that are too many.

    Args:
        tickets: so many a week.
        interval: of these.
        takes: of `hours_a_ticket`.
    """
    if takes is None:
        return Hours(missing=NO_HOURS)
    low, high = (None if end is None else end * takes for end in interval)
    return Hours(tickets * takes, low, high)
