"""Which weeks an export holds only in part: at its start, at its end, and where a team's tickets break off between."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.analysis.methods.columns import Floats
from opslib.analysis.methods.survival import quantile
from opslib.intake.gate.few_rows import chance, relative_variance

ALL_METRICS, OF_BACKLOG = "all", "backlog"
COLUMNS = ["week", "team", "scope", "reason"]
"""scope `all`: every metric of the week; `backlog`: those that rest on tickets from before it
(`Metric.rests_on_backlog`)."""

AND = "; "
"""What stands between the reasons of a week that has several."""
FIRST_WEEKS = 2
_NEIGHBOURS = 8
_WHOLE_SHARE = 0.95
_FEWEST_WEEKS = 4
_EXPECTED, _EXPECTED_IN_A_WEEK = 15, 5
_WEEK_SECONDS = 604_800


def days_until_whole(lifetimes: pd.DataFrame) -> float | None:
    """How long after the start of an export its backlog lacks no more than a few of the tickets from before.

    Args:
        lifetimes: Seconds from creation to full resolution on the calendar clock, with ended (bool; false: still open).

    Returns:
        The days within which 19 of 20 tickets are solved for good (Kaplan–Meier): by then, as many of those that were
        open at the start have gone. 0 where nothing tells of lifetimes, None where tickets live longer than the export
        reaches back.
    """
    if lifetimes.empty or not lifetimes["ended"].any():
        return 0.0
    lifetime = quantile(lifetimes["seconds"], lifetimes["ended"], _WHOLE_SHARE)
    return lifetime.value / 86_400 if lifetime.reached else None


def start_of_export(
    created: Sequence[int], weeks: pd.DataFrame, *, first_at: pd.Timestamp, days: float | None, low_share: float
) -> pd.DataFrame:
    """The weeks at the start of an export that it holds only in part.

    Args:
        created: Tickets created in each week, over all teams.
        weeks: week and start_at (UTC), in order, as many.
        first_at: The first ticket's creation.
        days: Of `days_until_whole`.
        low_share: A week with less than this share of the weeks after it holds only some of its tickets.

    Returns:
        week, scope and whole (bool: whether the backlog will be whole within the export); no rows where all is there.

    Notes:
        An export of all tickets created since a day is truncated on the left: it lacks those that were open before. One
        of all tickets changed since a day begins with a few old ones in each of many weeks; the backlog is whole when
        its full weeks begin, and the weeks before hold only what lived so long.
    """
    counts = pd.Series(created, dtype="float64")
    usual = counts[::-1].rolling(_NEIGHBOURS, min_periods=1).median()[::-1].shift(-1)
    is_full = (counts >= low_share * usual) | usual.isna()
    begins = int(np.argmax(is_full.to_numpy())) if len(counts) else 0
    place = np.arange(len(weeks))
    if begins >= FIRST_WEEKS:
        partial, lacking, whole = place <= begins, np.zeros(len(weeks), dtype=bool), True
    else:
        partial, whole = place < FIRST_WEEKS, days is not None
        from_then = weeks["start_at"] < first_at + pd.Timedelta(days=days or 0)
        lacking = from_then.to_numpy() if whole else np.ones(len(weeks), dtype=bool)
    scope = np.where(partial, ALL_METRICS, np.where(lacking, OF_BACKLOG, ""))
    rows = pd.DataFrame({"week": weeks["week"].to_numpy(), "scope": scope, "whole": whole})
    return rows[rows["scope"] != ""].reset_index(drop=True)


def silences(arrivals: pd.DataFrame, weeks: pd.DataFrame, until: pd.Timestamp, *, rate: float) -> pd.DataFrame:
    """Where a team's tickets break off at hours at which they usually come, week by week.

    Args:
        arrivals: team and at (when a ticket was created).
        weeks: week, start_at and end_at (UTC), in order.
        until: The instant up to which the exports know the world.
        rate: The chance that a week of any team is called silent in which nothing is missing.

    Returns:
        team, begins_at, ends_at (null: the end of the export) and week, one row per silence and week that lacks tickets
        by it.

    Notes:
        Of a silence are expected as many tickets as the median of those that came at the same hours in the eight weeks
        before: no team is silent where 15 are expected, unless its tickets are missing (three in ten million, if they
        come by chance), and none where fewer are and the chance that none comes, as much as the team's own weeks vary,
        keeps to the rate over all its tickets of a week and all teams. So a quiet week of a small team is none, nor are
        nights and weekends without tickets. A week lacks tickets where five of them are expected in it. The first four
        weeks of a team cannot be judged.
    """
    columns = ["team", "begins_at", "ends_at", "week"]
    parts = [pd.DataFrame(columns=columns)]
    starts, ends = (_epoch_seconds(weeks[name]) for name in ("start_at", "end_at"))
    by_team = arrivals.sort_values("at", kind="stable").groupby("team")
    for team, rows in by_team:
        at = _epoch_seconds(rows["at"])
        last = np.append(at[1:], int(until.timestamp()))
        expected = _expected(at, at, last)
        by_week = np.searchsorted(at, ends) - np.searchsorted(at, starts)
        counts: Floats = by_week[by_week > 0].astype(np.float64)
        limit = rate / (by_team.ngroups * (float(np.median(counts)) if len(counts) else 1.0))
        varies = relative_variance(counts[None, None], np.ones((1, 1, len(counts)), dtype=bool))[0]
        is_sure = chance(np.zeros(len(at)), expected, varies, _NEIGHBOURS) < limit
        silent = np.flatnonzero((expected >= _EXPECTED) | is_sure)
        begins, until_then = at[silent, None], last[silent, None]
        lacks = _expected(at, np.maximum(begins, starts), np.minimum(until_then, ends)) >= _EXPECTED_IN_A_WEEK
        place, week = np.nonzero(lacks)
        own = rows.assign(team=team, begins_at=rows["at"], ends_at=rows["at"].shift(-1)).iloc[silent[place]]
        parts.append(own.assign(week=weeks["week"].to_numpy()[week])[columns])
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def _epoch_seconds(instants: pd.Series) -> npt.NDArray[np.int64]:
    return np.asarray(instants.astype("datetime64[s, UTC]").astype("int64"), dtype=np.int64)


def _expected(at: npt.NDArray[np.int64], begins: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> Floats:
    """How many arrivals the same hours of the weeks before had, the median; 0 where too few weeks tell."""
    back = _WEEK_SECONDS * np.arange(1, _NEIGHBOURS + 1).reshape(-1, *[1] * begins.ndim)
    counts = np.searchsorted(at, ends - back) - np.searchsorted(at, begins - back)
    told = begins - back >= at[0]
    median = np.sort(np.where(told, counts, -1), axis=0)[::-1]
    weeks = told.sum(axis=0)
    middle = np.take_along_axis(median, np.maximum(weeks // 2, 0)[None].clip(max=_NEIGHBOURS - 1), axis=0)[0]
    expected: Floats = np.where((weeks >= _FEWEST_WEEKS) & (ends > begins), middle, 0).astype("float64")
    return expected


def is_at_the_start(rows: pd.DataFrame, weeks: Sequence[str], week: str) -> bool:
    """Whether a week is not complete for the same reason as the first one.

    Args:
        rows: week, scope and reason of one team: `COLUMNS`.
        weeks: The complete weeks of the calendar that the warehouse has, in order.
        week: The one in question.
    """
    first, own = (
        {reason for text in rows.loc[rows["week"] == each, "reason"] for reason in str(text).split(AND)}
        for each in (weeks[0], week)
    )
    return bool(first & own)


def reasons(rows: pd.DataFrame, weeks: Sequence[str], week: str, back: int) -> pd.DataFrame:
    """What a reader of some weeks has to know of those that are not complete.

    Args:
        rows: week, scope and reason of one team: `COLUMNS`.
        weeks: The complete weeks of the calendar that the warehouse has, in order.
        week: The last one that is shown.
        back: How many are shown.

    Returns:
        reason, weeks (list of those not complete up to the last one shown, of scope `all`), begins (bool: the export
        begins with them), trusted_from and backlog_trusted_from (the first week after those of scope `all` and after
        those of either; null where there is none yet). A row per reason that concerns a week shown.
    """
    shown = [each for each in weeks if each <= week][-back:]
    rows = rows.assign(reason=rows["reason"].str.split(AND)).explode("reason")
    parts = []
    for reason, part in rows[rows["week"] <= week].groupby("reason", sort=False):
        if not part["week"].isin(shown).any():
            continue
        every = rows[rows["reason"] == reason]
        partial = every.loc[every["scope"] == ALL_METRICS, "week"]
        parts.append(
            {
                "reason": reason,
                "weeks": sorted(part.loc[part["scope"] == ALL_METRICS, "week"]),
                "begins": bool((every["week"] == weeks[0]).any()),
                "trusted_from": _first_after(partial, weeks),
                "backlog_trusted_from": _first_after(every["week"], weeks),
            }
        )
    return pd.DataFrame(parts, columns=["reason", "weeks", "begins", "trusted_from", "backlog_trusted_from"])


def _first_after(incomplete: pd.Series, weeks: Sequence[str]) -> str | None:
    return next((week for week in weeks if incomplete.empty or week > incomplete.max()), None)
