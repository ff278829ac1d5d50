"""What became of what was escalated: whether its tickets are back at their level before, told at a stated rate."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial

import numpy as np
import pandas as pd
from scipy import special

WAITING = "no week since"
UNKNOWN = "not known yet"
BACK = "back to its level before"
FELL = "fell, still above its level before"
ABOVE = "still above its level before"
ROSE = "rose further"
AGAIN = "escalated again"

FOLLOWED_WEEKS = 26
FALSE_BACK_RATE = 0.05
"""The chance that any of 26 weekly looks says `BACK` of what is still as high as when it was escalated."""

_HALF_RATE = 0.025  # of one look, of what is still half as high
_SURE = 0.025
_POWER = 0.8
_MOST_WEEKS = 13
_LATEST_WEEKS = 4  # which are looked at where fewer would do
_EACH_LOOK = FALSE_BACK_RATE / FOLLOWED_WEEKS
_LEAST_LEVEL = 0.5  # tickets a week below which a level before cannot be told from none
_WEEKS_OF_STEP = 13


@dataclass(frozen=True)
class Levels:
    """The levels between which an escalation is followed, in tickets a week, and how surely they are known.

    Attributes:
        before: before it began.
        excess: above that when it was escalated.
        error: standard error of the excess.
        dispersion: variance of a week's tickets over their mean, at least 1.
    """

    before: float
    excess: float
    error: float
    dispersion: float

    @property
    def escalated(self) -> float:
        """The level when it was escalated."""
        return max(self.before + self.excess, _LEAST_LEVEL)

    @property
    def half(self) -> float:
        """The level at which half of the excess is left."""
        return max(self.before + self.excess / 2, _LEAST_LEVEL)

    def is_below_half(self, tickets: float, weeks: float) -> bool:
        """Whether so many tickets lie surely below the escalated level, and more than half of the excess is gone."""
        return bool(
            _chance_of_fewer(tickets, weeks, self.escalated, self.error, self.dispersion) <= _EACH_LOOK
            and _chance_of_fewer(tickets, weeks, self.half, self.error / 2, self.dispersion) <= _HALF_RATE
        )

    def is_above_before(self, tickets: float, weeks: float) -> bool:
        """Whether so many tickets lie surely above the level before."""
        level = max(self.before, _LEAST_LEVEL)
        return bool(_chance_of_more(tickets, weeks, level, self._error_before, self.dispersion) <= _SURE)

    def is_below_escalated(self, tickets: float, weeks: float) -> bool:
        """Whether so many tickets lie surely below the escalated level."""
        return bool(_chance_of_fewer(tickets, weeks, self.escalated, self.error, self.dispersion) <= _SURE)

    def has_grown(self, tickets: float, weeks: float) -> bool:
        """Whether so many tickets lie surely above the level at which the excess is half as large again."""
        level = self.escalated + self.excess / 2
        return bool(_chance_of_more(tickets, weeks, level, 1.5 * self.error, self.dispersion) <= _EACH_LOOK)

    @property
    def _error_before(self) -> float:
        """At most that of the excess; a level of thirteen weeks is known to their own variance."""
        return float(min(self.error, np.sqrt(self.dispersion * max(self.before, _LEAST_LEVEL) / _WEEKS_OF_STEP)))


def needed_weeks(levels: Levels) -> int | None:
    """How many weeks it takes to tell that an escalation is back at its level before.

    Args:
        levels: of the escalation.

    Returns:
        The fewest weeks of which four in five would tell so if it had been back in all of them; None where thirteen
        do not.
    """
    if not levels.excess > 0:
        return None
    for weeks in range(1, _MOST_WEEKS + 1):
        counts = range(int(np.ceil(weeks * levels.half)) + 1)
        enough = bisect_left(counts, True, key=partial(_is_many, levels, weeks))
        mean = weeks * max(levels.before, 1e-9) / levels.dispersion
        if enough and special.gammaincc(_gamma_place(enough - 1, levels.dispersion), mean) >= _POWER:
            return weeks
    return None


def _is_many(levels: Levels, weeks: int, tickets: int) -> bool:
    return not levels.is_below_half(tickets, weeks)


def follow_up(
    row: Mapping[Hashable, object] | pd.Series, weekly: pd.Series, others: pd.Series | None = None
) -> dict[str, object]:
    """What became of an escalation's volume.

    Args:
        row: of the register: escalated_week, onset_on, before_per_week, excess with excess_low and excess_high,
            dispersion, others_per_week. Rows of before there were dispersions have none.
        weekly: tickets of its subject per week, index ISO weeks in order, up to the week reported.
        others: the team's other tickets in the same weeks; None where the flow of the team is not looked at.

    Returns:
        latest_week, weeks_since, needed_weeks (which it takes to tell; missing where thirteen are too few),
        latest_per_week with latest_low and latest_high (mean of the weeks looked at, 95%), state: `WAITING`,
        `UNKNOWN`, `BACK`, `FELL`, `ABOVE` or `ROSE`.

    Notes:
        Each week the tickets of the latest weeks are looked at, as many as it takes, and at least four once there are
        so many. `BACK` is said where they lie below the escalated level, at a chance of error of 5 % over all looks of
        half a year (Bonferroni), and below the level at which half of the excess is left, at 2.5 % of that look, and
        not surely above the level before. Counts are quasi-Poisson, their levels known to their standard errors: the
        chance of so few is that of a negative binomial distribution. Where the team's other tickets rise or fall, the
        levels go with them. Of an escalation whose own level is known too badly, the weeks since that lie before those
        looked at are added to it. `ROSE` is said where they lie above the level at which the excess is half as large
        again, at the chance of error of `BACK`.

    >>> row = {"escalated_week": "2026-W41", "before_per_week": 10.0, "excess": 20.0}
    >>> weekly = pd.Series([30, 12, 9, 11], index=["2026-W41", "2026-W42", "2026-W43", "2026-W44"])
    >>> [follow_up(row, weekly.iloc[:weeks])["state"] for weeks in (1, 2, 4)]
    ['no week since', 'not known yet', 'back to its level before']
    """
    levels = levels_of(row)
    needed = needed_weeks(levels)
    week = str(row["escalated_week"])
    after = weekly[weekly.index > week].astype("float64")
    outcome: dict[str, object] = {
        "latest_week": max(str(weekly.index.max()) if len(weekly) else week, week),
        "weeks_since": len(after),
        "needed_weeks": needed,
    }
    if after.empty:
        return outcome | {"latest_per_week": np.nan, "latest_low": np.nan, "latest_high": np.nan, "state": WAITING}
    flow = pd.Series(_flow(row, others, after.index), index=after.index)
    if needed is None:
        levels, needed = _levels_of_weeks_since(levels, after, flow)
        outcome["needed_weeks"] = needed
    latest = after.iloc[-max(needed or _MOST_WEEKS, _LATEST_WEEKS) :]
    tickets, weeks = float(latest.sum()), float(flow[latest.index].sum())
    is_enough = needed is not None and len(after) >= needed
    state = _state(levels, tickets, weeks, is_enough=is_enough)
    return outcome | _mean(tickets, len(latest), levels.dispersion) | {"state": state}


def levels_of(row: Mapping[Hashable, object] | pd.Series) -> Levels:
    """The levels between which an escalation is followed.

    Args:
        row: of the register, or of the candidates.

    Returns:
        The levels. An older row tells no dispersion: it is that which its interval implies.
    """
    before, excess = (_number(row.get(name)) for name in ("before_per_week", "excess"))
    width = _number(row.get("excess_high")) - _number(row.get("excess_low"))
    after = max(before + excess, _LEAST_LEVEL)
    if not width > 0:
        return Levels(before, excess, float(np.sqrt(after)), 1.0)
    error = width / 2 / -float(special.ndtri(0.025))
    dispersion = _number(row.get("dispersion"))
    if np.isnan(dispersion):
        since = _weeks_between(row)
        dispersion = error**2 / (after / since + before / max(_WEEKS_OF_STEP - since, 1.0))
    return Levels(before, excess, error, max(1.0, dispersion))


def _levels_of_weeks_since(levels: Levels, after: pd.Series, flow: pd.Series) -> tuple[Levels, int | None]:
    """The levels, and the weeks that it takes to tell, once the weeks before the latest tell the escalated one better.

    Nobody picked these weeks. Where tickets are back at once, they draw the two levels together, and nothing is told.
    """
    for latest in range(_LATEST_WEEKS, min(_MOST_WEEKS, len(after) - 1) + 1):
        tickets, weeks = float(after.iloc[:-latest].sum()), float(flow.iloc[:-latest].sum())
        if weeks <= 0:
            break
        precision = weeks / (levels.dispersion * levels.escalated)
        share = precision / (precision + 1 / levels.error**2)
        excess = levels.excess + share * (tickets / weeks - levels.escalated)
        closer = replace(levels, excess=excess, error=levels.error * np.sqrt(1 - share))
        needed = needed_weeks(closer)
        if needed is not None and needed <= latest:
            return closer, latest
    return levels, None


def _state(levels: Levels, tickets: float, weeks: float, *, is_enough: bool) -> str:
    """What the tickets of so many weeks (at the flow of then) say."""
    is_above = levels.is_above_before(tickets, weeks)
    if is_enough and not is_above and levels.is_below_half(tickets, weeks):
        return BACK
    if levels.has_grown(tickets, weeks):
        return ROSE
    if not is_above:
        return UNKNOWN
    return FELL if is_enough and levels.is_below_escalated(tickets, weeks) else ABOVE


def _chance_of_fewer(tickets: float, weeks: float, level: float, error: float, dispersion: float) -> float:
    """The chance of so many tickets or fewer in so many weeks at a level that is known to its standard error."""
    return _negative_binomial(_gamma_place(tickets, dispersion), weeks * level / dispersion, error / level)


def _chance_of_more(tickets: float, weeks: float, level: float, error: float, dispersion: float) -> float:
    """The chance of so many tickets or more."""
    place = _gamma_place(tickets, dispersion) - 1 / dispersion
    return 1.0 if place <= 0 else 1 - _negative_binomial(place, weeks * level / dispersion, error / level)


def _gamma_place(tickets: float, dispersion: float) -> float:
    """Where the distribution of counts over their dispersion, made continuous, has its upper end of so many tickets."""
    return tickets / dispersion + 0.5 * (1 + 1 / dispersion)


def _negative_binomial(place: float, mean: float, relative_error: float) -> float:
    """Its distribution function below a place between the counts; Poisson's where the mean is known."""
    if relative_error < 1e-6:
        return float(special.gammaincc(place, mean))
    size = 1 / relative_error**2
    return float(special.betainc(size, place, size / (size + mean)))


def _flow(row: Mapping[Hashable, object] | pd.Series, others: pd.Series | None, weeks: pd.Index) -> np.ndarray:
    """How many times as many other tickets the team has as when it was escalated."""
    usual = _number(row.get("others_per_week"))
    if others is None or not usual > 0:
        return np.ones(len(weeks))
    return others.reindex(weeks).to_numpy(dtype=np.float64, na_value=usual) / usual


def _mean(tickets: float, weeks: int, dispersion: float) -> dict[str, object]:
    """Tickets a week with their interval: gamma limits of the tickets over their dispersion."""
    place = tickets / dispersion
    low = special.gammaincinv(place, 0.025) if place > 0 else 0.0
    high = special.gammaincinv(place + 1, 0.975)
    limits = {"latest_low": float(low * dispersion / weeks), "latest_high": float(high * dispersion / weeks)}
    return {"latest_per_week": tickets / weeks, **limits}


def _weeks_between(row: Mapping[Hashable, object] | pd.Series) -> float:
    """From the onset to the end of the week of the escalation; one where the row does not tell."""
    onset = str(row.get("onset_on") or "")
    if not onset[:4].isdigit():
        return 1.0
    sunday = datetime.strptime(f"{row['escalated_week']}-7", "%G-W%V-%u").date()
    return max(1.0, ((sunday - date.fromisoformat(onset)).days + 1) / 7)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float | np.number) else np.nan
