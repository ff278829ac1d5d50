"""Changes whose effect is asked for, what each touches, and which others touch the same, from the tables that tell.

A project, a change of policy, an action from feedback and a version of a routing rule are one thing here: something
that began on a day, for some teams and some contact reasons.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pandas as pd

Kind = Literal["project", "policy change", "action", "routing rule"]
WATCHED_WEEKS_BEFORE = 4
"""From how many weeks before a change on another one on the same tickets spoils what is seen."""
POLICY_METRIC = "contacts_per_1000"
"""What a change of policy is measured by where nobody says: contacts, which it makes or spares."""


@dataclass(frozen=True)
class Change:
    """A change of how work is done.

    began_on: the day on which it reached customers, None while it has not. teams: those that it touches, empty for all.
    reasons: the contact reasons that it touches, empty for all of its teams' tickets. metric: what it is to move, ""
    where nobody said; promised: by how much, above 0 (a ratio, points of a share, or units), None where nobody said.
    ramp_weeks: how long it takes to be used to, None where nobody said.
    """

    kind: Kind
    change_id: str
    name: str
    began_on: date | None
    teams: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    metric: str = ""
    promised: float | None = None
    ramp_weeks: int | None = None


def changes_of(tables: Mapping[str, pd.DataFrame], zone: ZoneInfo) -> list[Change]:
    """The changes that the tables tell of.

    Args:
        tables: `projects`, `policy_changes`, `feedback_actions` and `routing_rules`, as far as the export has them;
            optional columns may be missing.
        zone: of the organisation, in which instants are days.

    Returns:
        The changes, those of a table in its order. Of a rule every version that begins or ends is one.
    """
    readers: dict[str, Callable[[Mapping[str, Any], ZoneInfo], Iterable[Change]]] = {
        "projects": _project,
        "policy_changes": _policy,
        "feedback_actions": _action,
        "routing_rules": _rule,
    }
    return [
        change
        for name, read in readers.items()
        if name in tables
        for row in tables[name].to_dict("records")
        for change in read({str(key): value for key, value in row.items()}, zone)
    ]


def same_tickets(change: Change, others: Iterable[Change], *, until: date, reasons: Sequence[str]) -> list[Change]:
    """The other changes on what a change touches, from shortly before it on.

    Args:
        change: it must have begun.
        others: all changes, itself among them or not.
        until: the last day that is looked at.
        reasons: the contact reasons that its teams' tickets have: what it touches if it names none.

    Returns:
        Those that began between four weeks before it and that day on any of the same tickets, in order. An action from
        feedback touches only the metric that it names.
    """
    assert change.began_on is not None
    since = change.began_on - timedelta(weeks=WATCHED_WEEKS_BEFORE)
    own = set(change.reasons) or set(reasons)
    found = [
        other
        for other in others
        if other.began_on is not None
        and since <= other.began_on <= until
        and (other.kind, other.change_id) != (change.kind, change.change_id)
        and touches(other, change.teams, own)
        and (other.kind != "action" or other.metric == change.metric)
    ]
    return sorted(found, key=lambda each: (each.began_on or until, each.kind, each.change_id))


def touches(change: Change, teams: Sequence[str], reasons: Iterable[str]) -> bool:
    """Whether a change touches any ticket of some teams (empty: all) with one of some reasons."""
    shares_team = not change.teams or not teams or bool(set(change.teams) & set(teams))
    return shares_team and (not change.reasons or bool(set(change.reasons) & set(reasons)))


def _project(row: Mapping[str, Any], zone: ZoneInfo) -> Iterable[Change]:
    promised = row.get("promised_change")
    ramp = row.get("ramp_weeks")
    yield Change(
        "project",
        str(row["project_id"]),
        str(row["name"]),
        _day(row.get("went_live_on"), zone),
        teams=_items(row.get("teams")),
        reasons=_items(row.get("contact_reasons")),
        metric=_text(row.get("goal_metric")),
        promised=None if promised is None or _is_missing(promised) else abs(float(promised)) or None,
        ramp_weeks=None if ramp is None or _is_missing(ramp) else int(ramp),
    )


def _policy(row: Mapping[str, Any], zone: ZoneInfo) -> Iterable[Change]:
    yield Change(
        "policy change",
        str(row["policy_id"]),
        str(row["summary"]),
        _day(row.get("effective_at"), zone),
        reasons=_items(row.get("contact_reasons")),
        metric=POLICY_METRIC,
    )


def _action(row: Mapping[str, Any], zone: ZoneInfo) -> Iterable[Change]:
    yield Change(
        "action",
        str(row["action_id"]),
        str(row["action"]),
        _day(row.get("done_at"), zone),
        teams=_items(row.get("team")),
        metric=_text(row.get("metric")),
    )


def _rule(row: Mapping[str, Any], zone: ZoneInfo) -> Iterable[Change]:
    """A rule that names no contact reason may take any ticket, and is a change for nobody in particular: left out."""
    reasons = tuple(dict.fromkeys(_reasons_in(row.get("conditions"))))
    if not reasons:
        return
    for verb, column in (("begins", "active_from"), ("ends", "active_to")):
        day = _day(row.get(column), zone)
        if day is not None:
            yield Change("routing rule", str(row["rule_id"]), f"rule {row['rule_id']} {verb}", day, reasons=reasons)


def _reasons_in(conditions: Any) -> Iterable[str]:
    """The contact reasons that a rule's conditions ask for."""
    try:
        parts = [json.loads(conditions)]
    except (TypeError, json.JSONDecodeError):
        return
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            parts += part.values()
        elif isinstance(part, list) and part[:1] == ["contact_reason"] and part[1:2] in (["is"], ["in"]):
            values = part[2] if isinstance(part[2], list) else [part[2]]
            yield from (str(value) for value in values if value is not None)
        elif isinstance(part, list):
            parts += part


def _items(value: Any) -> tuple[str, ...]:
    """The items of a list that is separated by semicolons."""
    if _is_missing(value):
        return ()
    return tuple(dict.fromkeys(item for each in str(value).split(";") if (item := each.strip())))


def _day(value: Any, zone: ZoneInfo) -> date | None:
    """A date, or the day of an instant in the zone."""
    if _is_missing(value):
        return None
    at = pd.Timestamp(value)
    return (at.tz_convert(zone) if at.tzinfo is not None else at).date()


def _text(value: Any) -> str:
    return "" if _is_missing(value) else str(value).strip()


def _is_missing(value: Any) -> bool:
    return value is None or bool(pd.isna(value))
