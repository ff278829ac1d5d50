"""What stands below a team's name on its pages: its open days, how far its data can be trusted, and whom to ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

import pandas as pd

from opslib.analysis.weekly_review.completeness import ALL_METRICS, AND
from opslib.calendars import week_days
from opslib.display import words
from opslib.errors import NotInExport
from opslib.intake.gate.verdict import Result, Verdict
from opslib.metrics import ALL
from opslib.settings import Organisation
from opslib.store.warehouse import Warehouse
from opslib.weekly.edition import Head, Request
from opslib.weekly.numbers.completeness import TABLE as COMPLETENESS
from opslib.weekly.numbers.values import TABLE as VALUES
from opslib.weeks import monday_of

_ANYBODY = "whoever exports them from the CRM"
_EVERY_TEAM = "*"
_WORKING_DAYS = 5
_USUAL_WEEKS, _FEWEST_USUAL_WEEKS = 8, 3
_TOLD_BY_COMPLETENESS = {"volume_ratio", "hours_short_of_week_end", "cut_days", "week_is_there"}
"""What the gate sees of the rows of a week that lacks tickets, which one sentence says."""


def team_heads(
    organisation: Organisation, verdict: Verdict, warehouse: Warehouse, week: str, teams: Iterable[str] | None = None
) -> dict[str, Head]:
    """The head of each team's pages.

    Args:
        organisation: its teams with their calendars, and who exports what.
        verdict: of the gate, on that week.
        warehouse: its weekly values and completeness tell what is usual and what is not whole; where it has none,
            nothing is said of them.
        week: ISO week.
        teams: which; None is all of the organisation.

    Returns:
        Heads by the names of teams.
    """
    names = organisation.team_names if teams is None else tuple(teams)
    created, incomplete = _tickets_by_week(warehouse, week), _incompleteness(warehouse, week)
    return {
        name: _head(organisation, verdict, warehouse, week, name, created.get(name), incomplete.get(name, ()))
        for name in names
    }


def closures_in_words(organisation: Organisation, week: str) -> str:
    """The holidays of a week with the teams that each of them closes; "" where it has none."""
    teams_of: dict[tuple[date, str], list[str]] = {}
    for team in organisation.teams:
        for day, name in week_days(organisation.calendar(team.calendar), week).items():
            if name:
                teams_of.setdefault((day, name), []).append(team.label)
    return "; ".join(
        f"{name} on {words.day(day.isoformat())} closed {words.listed(labels)}"
        for (day, name), labels in sorted(teams_of.items())
    )


def days_in_words(days: Mapping[date, str]) -> str:
    """How many of a team's days were open, and which holiday closed the others.

    Args:
        days: of `week_days`.

    Returns:
        "" where a holiday closes none of them.
    """
    closed = [f"{words.day(day.isoformat())}, {name}" for day, name in days.items() if name]
    if not closed:
        return ""
    return f"{len(days) - len(closed)} of {len(days)} open days: closed {words.listed(closed)}"


def _head(
    organisation: Organisation,
    verdict: Verdict,
    warehouse: Warehouse,
    week: str,
    name: str,
    created: pd.Series | None,
    reasons: Sequence[str],
) -> Head:
    team = organisation.team(name)
    days = days_in_words(week_days(organisation.calendar(team.calendar), week))
    if blocked := [*verdict.blocked.get(name, ()), *verdict.blocked.get(_EVERY_TEAM, ())]:
        count = f"{len(blocked)} check{'' if len(blocked) == 1 else 's'} held this team's reports back"
        return Head(
            days, "blocked", "Data blocked", count, request=_request(organisation, verdict, warehouse, week, name)
        )
    warnings = [_incomplete_in_words(created, week, reasons)] if reasons else []
    warnings += [
        f"{_table_in_words(result)}: {result.by_team[name]}."
        for result in verdict.results
        if result.outcome == "warned"
        and name in result.by_team
        and not (reasons and result.column in _TOLD_BY_COMPLETENESS)
    ]
    note = f"{len(warnings)} warning{'' if len(warnings) == 1 else 's'} for this team" if warnings else ""
    if not warnings:
        return Head(days, "passed", "Data checked")
    return Head(days, "warned", "Data incomplete" if reasons else "Data checked, with warnings", note, tuple(warnings))


def _table_in_words(result: Result) -> str:
    return result.table.replace("_", " ").capitalize()


def _incomplete_in_words(created: pd.Series | None, week: str, reasons: Sequence[str]) -> str:
    """That the export may be incomplete: how many tickets there are and usually are, and what breaks off."""
    told = f"{AND.join(reasons)}: the export may be incomplete, so nothing of this week is compared."
    if created is None or week not in created:
        return f"{told[0].upper()}{told[1:]}"
    count = int(created[week])
    usual = created[created.index < week].tail(_USUAL_WEEKS)
    if len(usual) < _FEWEST_USUAL_WEEKS or count >= usual.median():
        return f"{told[0].upper()}{told[1:]}"
    tickets = f"Only {words.value(count, 'count')} ticket{'' if count == 1 else 's'}"
    return f"{tickets}, usually {words.value(usual.median(), 'count')}; {told}"


def _request(organisation: Organisation, verdict: Verdict, warehouse: Warehouse, week: str, name: str) -> Request:
    """Whom a blocked team's page asks for what."""
    tables = list(
        dict.fromkeys(each.table for each in verdict.results if each.outcome == "blocked" and name in each.teams)
    ) or ["tickets"]
    who = list(dict.fromkeys(contact for table in tables if (contact := organisation.contact_for(table))))
    what = words.listed([table.replace("_", " ") for table in tables])
    return Request(
        words.listed(who) or _ANYBODY, what, words.day(_first_day_lacking(organisation, warehouse, week, name))
    )


def _first_day_lacking(organisation: Organisation, warehouse: Warehouse, week: str, name: str) -> str:
    """The day (ISO) from which on rows are asked for: of the team's last ticket, where these break off, else Monday."""
    monday = monday_of(week)
    try:
        created = warehouse.read("standard", "tickets", columns=["created_at"], teams=[name])["created_at"]
    except NotInExport:
        return monday.isoformat()
    days = created.dt.tz_convert(organisation.time_zone).dt.date
    until = days[days < monday + timedelta(weeks=1)]
    is_cut = len(until) > 0 and until.max() < monday + timedelta(days=_WORKING_DAYS)
    return (until.max() if is_cut else monday).isoformat()


def _tickets_by_week(warehouse: Warehouse, week: str) -> dict[str, pd.Series]:
    """By team the tickets created in each week up to this one."""
    if not warehouse.has("facts", VALUES):
        return {}
    weeks = [each for each in warehouse.weeks("facts", VALUES) if each <= week]
    rows = warehouse.read("facts", VALUES, columns=["week", "team", "channel", "metric", "value"], weeks=weeks)
    rows = rows[(rows["channel"] == ALL) & (rows["metric"] == "created") & rows["value"].notna()]
    return {str(team): own.set_index("week")["value"].sort_index() for team, own in rows.groupby("team")}


def _incompleteness(warehouse: Warehouse, week: str) -> dict[str, list[str]]:
    """By team why the export does not tell the week whole."""
    if not warehouse.has("facts", COMPLETENESS):
        return {}
    rows = warehouse.read("facts", COMPLETENESS)
    rows = rows[(rows["week"] == week) & (rows["scope"] == ALL_METRICS)]
    return {str(team): own["reason"].tolist() for team, own in rows.groupby("team")}
