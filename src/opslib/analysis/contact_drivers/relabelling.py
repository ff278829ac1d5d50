"""Whether reasons changed because labels did: what goes from some labels to others is no news to a product team."""

from __future__ import annotations

import numpy as np
import pandas as pd

_LEAST_SHARE = 0.3  # of the tickets before, that labels lost
_CLOSE = 0.5  # what was gained and what was lost are at most this far apart
_BEYOND_CHANCE = 2.0  # standard errors of the difference of two Poisson rates


def labels_replaced(tickets: pd.DataFrame, onset_on: str, *, window_days: int = 28) -> bool:
    """Tell whether at a day tickets went from some labels to others while about as many came.

    Args:
        tickets: one row per ticket: day (local ISO date) and contact_reason, up to the last day of the week.
        onset_on: the first day of what may be new, ISO date.
        window_days: so many days before it are compared with as many from it on, or as there are.

    Returns:
        True where labels that fell beyond chance lost three tenths of all tickets before or more, and those that rose
        gained as much within a factor of two. A matter that comes on top takes nothing from the others.

    Notes:
        A label counts where its rates per day differ by two standard errors of Poisson counts: of many small labels
        some always rise and others fall.
    """
    first = pd.Timestamp(onset_on)
    day = pd.to_datetime(tickets["day"])
    last = min(day.max(), first + pd.Timedelta(days=window_days - 1))
    start = max(day.min(), first - pd.Timedelta(days=window_days))
    days_before, days_after = (first - start).days, (last - first).days + 1
    if days_before < 1 or days_after < 1:
        return False
    earlier = tickets[(day >= start) & (day < first)].groupby("contact_reason").size()
    later = tickets[(day >= first) & (day <= last)].groupby("contact_reason").size()
    both = pd.DataFrame({"before": earlier, "after": later}).fillna(0)
    change = both["after"] / days_after - both["before"] / days_before
    error = np.sqrt(both["after"] / days_after**2 + both["before"] / days_before**2)
    beyond_chance = change[change.abs() > _BEYOND_CHANCE * error]
    gained, lost = float(beyond_chance[beyond_chance > 0].sum()), -float(beyond_chance[beyond_chance < 0].sum())
    enough = lost >= _LEAST_SHARE * both["before"].sum() / days_before
    return bool(enough and min(gained, lost) >= _CLOSE * max(gained, lost))
