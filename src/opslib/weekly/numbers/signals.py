"""From weekly values to verdicts: every week judged against those before it and its goals, in the warehouse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from time import perf_counter

import numpy as np
import pandas as pd
import pyarrow as pa

from opslib.analysis.weekly_review import goal_verdicts, weekly_signals
from opslib.locales import decimal
from opslib.metrics import ALL, CATALOGUE
from opslib.settings import Baseline, Calendar, Organisation
from opslib.store.memo import Basis, code_of, digest_of, digest_of_files
from opslib.store.warehouse import Warehouse
from opslib.weekly.numbers.completeness import TABLE as COMPLETENESS
from opslib.weekly.numbers.values import TABLE as VALUES
from opslib.weeks import monday_of, week_of_day

TABLE = "weekly_signals"
COLUMNS = (*weekly_signals.COLUMNS, *goal_verdicts.JUDGED)
"""The columns of the table: how a week's number stands to its past, and beside it how it stands to its goal."""
_READ = [
    *("week", "team", "channel", "metric", "value", "low", "high", "numerator", "denominator", "spread", "n"),
    *("missing", "state", "still_low", "still_high", "extra_variance"),
]


def build_weekly_signals(warehouse: Warehouse, organisation: Organisation) -> list[str]:
    """Write `facts/weekly_signals`, a partition per week; a week rests on all weeks up to it and on no later one.

    Args:
        warehouse: holds the weekly values.
        organisation: its teams, their calendars, baselines and goals, and the rate of false alarms.

    Returns:
        A line that says what was done, and one for each baseline that begins after the last week.
    """
    started = perf_counter()
    memo = warehouse.memo(TABLE)
    weeks = warehouse.weeks("facts", VALUES)
    basis = _bases(warehouse, organisation, weeks)
    outdated = [week for week in weeks if not memo.holds(week, basis[week])]
    memo.forget({*outdated, *(set(memo.names()) - set(weeks))})
    if outdated:
        rows = _judged(warehouse, organisation, [week for week in weeks if week <= outdated[-1]])
        rows_of = {str(week): part for week, part in rows.groupby("week")}
        for week in outdated:
            part = rows_of.get(week, rows.head(0))
            warehouse.write_week("facts", TABLE, week, pa.Table.from_pandas(part, preserve_index=False))
    removed = warehouse.remove_weeks("facts", TABLE, keep=weeks)
    memo.keep_all({week: (basis[week], None, warehouse.files("facts", TABLE, [week])) for week in outdated})
    if not outdated and not removed:
        return ["weekly signals as before", *_not_yet(organisation, weeks)]
    count = f"{len(outdated)} of {len(weeks)} weeks"
    line = f"weekly signals: {count} judged against those before ({decimal(perf_counter() - started, 1)} s)"
    return [line, *_not_yet(organisation, weeks)]


def _judged(warehouse: Warehouse, organisation: Organisation, weeks: list[str]) -> pd.DataFrame:
    """The signals of all these weeks with their goal verdicts: `COLUMNS`."""
    values = warehouse.read("facts", VALUES, columns=_READ, weeks=weeks)
    values = values[values["channel"] == ALL]
    incomplete = warehouse.read("facts", COMPLETENESS) if warehouse.has("facts", COMPLETENESS) else None
    rows = weekly_signals.weekly_signals(
        values,
        CATALOGUE,
        teams=organisation.team_names,
        rate=organisation.signals.rate,
        closed=closed_weeks(organisation, weeks),
        baselines=_baselines(organisation),
        incomplete=incomplete,
    )
    goals = goal_verdicts.goal_verdicts(_with_goals(values, organisation), CATALOGUE, incomplete=incomplete)
    return goal_verdicts.beside(rows, goals)


def _with_goals(values: pd.DataFrame, organisation: Organisation) -> pd.DataFrame:
    """The values with the goal in force on each week's Monday; those of metrics without any are left out."""
    mondays = {week: monday_of(week) for week in values["week"].unique()}
    targets = {
        (week, team.name, metric): team.goal(metric, monday)
        for team in organisation.teams
        for metric in {goal.metric for goal in team.goals}
        for week, monday in mondays.items()
    }
    keys = list(zip(values["week"], values["team"], values["metric"], strict=True))
    goal = np.array([targets.get(key) for key in keys], dtype=np.float64)
    return values.assign(goal=goal)[~np.isnan(goal)]


def closed_weeks(organisation: Organisation, weeks: Iterable[str]) -> dict[tuple[str, str], str]:
    """By team and week the holidays on days on which the team would be open.

    Args:
        organisation: its teams and their calendars.
        weeks: ISO weeks.
    """
    mondays = {week: monday_of(week) for week in weeks}
    years = {day.year for monday in mondays.values() for day in (monday, monday + timedelta(days=6))}
    names_of = {calendar.name: _closed_days(calendar, years) for calendar in organisation.calendars}
    closed = {}
    for team in organisation.teams:
        days = names_of[team.calendar]
        for week, monday in mondays.items():
            names = [days[day] for day in (monday + timedelta(days=step) for step in range(7)) if day in days]
            if names:
                closed[team.name, week] = ", ".join(names)
    return closed


def _closed_days(calendar: Calendar, years: Iterable[int]) -> dict[date, str]:
    """The closed days of a calendar that would have hours."""
    days = {}
    for day, name in calendar.holidays.dates(years).items():
        hours = [entry for entry in calendar.hours if entry.start <= day] or list(calendar.hours[:1])
        if hours[-1].by_weekday()[day.weekday()]:
            days[day] = name
    return days


def _baselines(organisation: Organisation) -> Mapping[tuple[str, str], list[str]]:
    """By team and metric the first whole weeks from which its baseline begins anew."""
    begins: dict[tuple[str, str], list[str]] = {}
    for team in organisation.teams:
        for each in team.baselines:
            begins.setdefault((team.name, each.metric), []).append(_first_whole_week(each))
    return begins


def _first_whole_week(baseline: Baseline) -> str:
    return week_of_day(baseline.start + timedelta(days=-baseline.start.weekday() % 7))


def _not_yet(organisation: Organisation, weeks: list[str]) -> list[str]:
    """The baselines that begin after the last week; no error, for the week of an older export may be made again."""
    return [
        f"team {team.name!r}: the baseline of {each.metric} from {each.start} begins after {weeks[-1]}, and changes "
        "nothing yet"
        for team in organisation.teams
        for each in team.baselines
        if weeks and _first_whole_week(each) > weeks[-1]
    ]


def _bases(warehouse: Warehouse, organisation: Organisation, weeks: list[str]) -> dict[str, Basis]:
    """What the signals of each week rest on: the bytes of it and of all weeks before."""
    shared = {
        "code": code_of(__name__),
        "parameters": digest_of(organisation.model_dump_json()),
        "completeness": digest_of_files(warehouse.files("facts", COMPLETENESS), warehouse.root),
    }
    bases: dict[str, Basis] = {}
    so_far = ""
    for week in weeks:
        so_far = digest_of([so_far, digest_of_files(warehouse.files("facts", VALUES, [week]), warehouse.root)])
        bases[week] = shared | {VALUES: so_far}
    return bases
