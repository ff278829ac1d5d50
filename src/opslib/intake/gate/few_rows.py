"""Whether so few rows came by chance: a day that was cut off, a week that is missing, beside a team that is quiet.

Counts are negative binomial about what the same weekdays of the past weeks had. How much they vary beyond Poisson's is
the team's own, told by those weeks; the mean is not known either, and its error is part of what may happen by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from opslib.locales import weekday, whole
from opslib.settings import Organisation
from opslib.weeks import monday_of, shift_week

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FEWEST_PAST_DAYS = 4
"""So many of the same weekdays make a day one that can be judged."""

COLUMNS = ["team", "week", "day", "rows", "usual"]
_LEAST_VARIANCE = 0.01  # relative: no team's counts are as even as Poisson's for long
_SURE = 1.5  # standard errors by which the variance may be greater than it looks
_NOT_USUAL = 1 / 4  # of the median: a day of the past with less was cut itself, or a holiday that no calendar names
_MOST_NOT_USUAL = 1 / 4  # of the past days of a weekday
_LESS_THAN = 1 / 2  # of the usual: a day with more is not cut, however sure that is
_MOST_OF_A_DAY = 0.75  # from where on a last day that has not ended can be judged


def chance(count: npt.ArrayLike, mean: npt.ArrayLike, variance: npt.ArrayLike, past: npt.ArrayLike) -> Floats:
    """The chance of so few.

    Args:
        count: what came.
        mean: what came in the past, on average.
        variance: relative to the squared mean, beyond Poisson's.
        past: of how many past counts that is the mean.

    Returns:
        The chance of that count or a lower one, of the shape of the arguments.

    >>> chance([0, 0], [25.0, 2.0], 0.01, 8).round(4).tolist()
    [0.0, 0.1548]
    """
    usual = np.maximum(np.asarray(mean, dtype=np.float64), 1e-9)
    spread = np.asarray(variance, dtype=np.float64)
    size = 1 / (spread + (1 / usual + spread) / np.maximum(np.asarray(past, dtype=np.float64), 1))
    lower: Floats = special.betainc(size, np.asarray(count, dtype=np.float64) + 1, size / (size + usual))
    return lower


def relative_variance(past: Floats, used: Bools) -> Floats:
    """How much counts vary beyond Poisson's, relative to their squared mean, by moments.

    Args:
        past: counts of shape (teams, weekdays, weeks); with one weekday, weeks as they are.
        used: which of them tell anything.

    Returns:
        Per team, at least what no team's counts fall below. Of several weekdays, weeks that are busier or quieter as a
        whole are allowed for.
    """
    counts = np.where(used, past, 0)
    times = used.sum(axis=-1)
    mean = np.divide(counts.sum(axis=-1), np.maximum(times, 1))
    weekdays, weeks = (times > 0).sum(axis=1), used.any(axis=1).sum(axis=1)
    expected = np.where(used, mean[..., None], 0)
    parameters = weekdays
    if past.shape[1] > 1:
        level = np.divide(counts.sum(axis=1), np.maximum(expected.sum(axis=1), 1e-9))
        expected = expected * level[:, None]
        parameters = weekdays + np.maximum(weeks - 1, 0)
    size = times.sum(axis=-1)
    spent = np.divide(np.maximum(size - parameters, 0), np.maximum(size, 1))
    excess = ((counts - expected) ** 2).sum(axis=(1, 2)) - spent * expected.sum(axis=(1, 2))
    scale = spent * (expected**2).sum(axis=(1, 2))
    told = np.divide(excess, np.maximum(scale, 1e-9))
    # An estimate from few counts is as often too low as too high; too low would call chance a cut.
    unsure = 1 + _SURE * np.sqrt(2 / np.maximum(size - parameters, 1))
    variance: Floats = np.maximum(told * unsure, _LEAST_VARIANCE)
    return variance


def cut_days(by_day: pd.DataFrame, weeks: Sequence[str], organisation: Organisation, until: datetime) -> pd.DataFrame:
    """The days of some weeks of which a team has far fewer rows than of the same weekdays before.

    Args:
        by_day: team, day (local date) and rows, one row per team and day that has any.
        weeks: the ISO weeks that are judged.
        organisation: teams with their calendars, trailing weeks, and the rate of false alarms.
        until: the instant up to which the exports know the world.

    Returns:
        team, week, day, rows and usual; `limits.false_alarm_rate` is the chance that a week in which nothing is cut has
        any, over all teams and days.

    Notes:
        A holiday of the team's calendar is neither judged nor part of the past. Where the rest of the week is low too,
        as much less is expected of the day: a quiet week has no cut days.
    """
    teams = list(organisation.team_names)
    rows = by_day[by_day["team"].isin(teams)]
    if rows.empty or not weeks:
        return pd.DataFrame(columns=COLUMNS)
    back = organisation.limits.trailing_weeks
    first = shift_week(min(weeks), -back)
    begin = monday_of(first)
    length = (monday_of(max(weeks)) - begin).days // 7 + 1
    places = pd.Series([(day - begin).days for day in rows["day"]], index=rows.index)
    inside = (places >= 0) & (places < 7 * length)
    counts = np.zeros((len(teams), length * 7))
    counts[rows.loc[inside, "team"].map(teams.index), places[inside]] = rows.loc[inside, "rows"]
    open_ = _open_days(organisation, begin, length * 7)
    begun = [(rows.loc[rows["team"] == team, "day"].min()) for team in teams]
    since = np.array([(day - begin).days if isinstance(day, date) else length * 7 for day in begun])
    # A team begins in the course of a week, with fewer rows than it has from then on.
    used = open_ & (np.arange(length * 7) // 7 > (since // 7)[:, None])
    reach = _reach(organisation, begin, length * 7, until)
    limit = organisation.limits.false_alarm_rate / (7 * len(teams))
    parts = [pd.DataFrame(columns=COLUMNS)]
    cube, used_cube = counts.reshape(-1, length, 7), used.reshape(-1, length, 7)
    for week in sorted(set(weeks)):
        place = (monday_of(week) - begin).days // 7
        past = cube[:, place - back : place].transpose(0, 2, 1)
        now = cube[:, place]
        told = used_cube[:, place - back : place].transpose(0, 2, 1)
        told = told & ~_unusual(past, told)
        share = reach[7 * place : 7 * place + 7]
        times = told.sum(axis=-1)
        mean = np.divide(np.where(told, past, 0).sum(axis=-1), np.maximum(times, 1)) * share
        judged = (times >= FEWEST_PAST_DAYS) & used_cube[:, place] & (share >= _MOST_OF_A_DAY)
        expected, came = np.where(judged, mean, 0), np.where(judged, now, 0)
        others = expected.sum(axis=1, keepdims=True) - expected
        level = np.divide(came.sum(axis=1, keepdims=True) - came, others, out=np.ones_like(mean), where=others > 0)
        usual = mean * np.minimum(level, 1)
        variance = relative_variance(past, told)[:, None]
        is_cut = judged & (now < _LESS_THAN * usual) & (chance(now, usual, variance, times) < limit)
        team, weekday = np.nonzero(is_cut)
        monday = monday_of(week)
        parts.append(
            pd.DataFrame(
                {
                    "team": [teams[each] for each in team],
                    "week": week,
                    "day": [monday + timedelta(days=int(each)) for each in weekday],
                    "rows": now[team, weekday].astype(int),
                    "usual": mean[team, weekday],
                }
            )
        )
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def _unusual(past: Floats, told: Bools) -> Bools:
    """The days of the past with so few rows that they were cut themselves, at most some of each weekday."""
    known = np.where(told, past, np.where(told.any(axis=-1, keepdims=True), np.nan, 0.0))
    median = np.nanmedian(known, axis=-1, keepdims=True)
    low = told & (past < _NOT_USUAL * median)
    few = low.sum(axis=-1, keepdims=True) <= _MOST_NOT_USUAL * told.sum(axis=-1, keepdims=True)
    unusual: Bools = low & few
    return unusual


def _open_days(organisation: Organisation, begin: date, days: int) -> Bools:
    """Which days are no holiday in the calendar of each team."""
    dates = [begin + timedelta(days=place) for place in range(days)]
    years = range(dates[0].year, dates[-1].year + 1)
    closed = {calendar.name: set(calendar.holidays.dates(years)) for calendar in organisation.calendars}
    return np.array([[day not in closed[team.calendar] for day in dates] for team in organisation.teams])


def _reach(organisation: Organisation, begin: date, days: int, until: datetime) -> Floats:
    """The share of each local day that lies before an instant."""
    local = until.astimezone(organisation.zone)
    passed = (datetime.combine(local.date(), time()) - datetime.combine(begin, time())).days
    today = (local.hour * 3600 + local.minute * 60 + local.second) / 86_400
    share: Floats = np.clip(passed + today - np.arange(days), 0, 1)
    return share


def cut_day_in_words(cut: Any) -> str:
    """A row of `cut_days`: "1 on Thu Mar 26, usually 25"."""
    return f"{whole(cut.rows)} on {weekday(cut.day)}, usually {whole(cut.usual)}"
