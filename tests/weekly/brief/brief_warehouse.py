"""A warehouse with weekly numbers and verdicts as they are stored, written by hand, for what the brief says of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa

from opslib.analysis.findings.register import AREA, SCHEMA, TABLE, finding
from opslib.analysis.weekly_review.goal_verdicts import COLUMNS as GOAL_COLUMNS
from opslib.analysis.weekly_review.goal_verdicts import with_kinds
from opslib.analysis.weekly_review.weekly_signals import COLUMNS as SIGNAL_COLUMNS
from opslib.analysis.weekly_review.weekly_values import COLUMNS as VALUE_COLUMNS
from opslib.settings import Organisation, load_organisation
from opslib.store.warehouse import NOTES, Warehouse
from opslib.weekly.notes import ACTIONS, ACTIONS_SCHEMA, SENTENCES, SENTENCES_SCHEMA

WEEK, BEFORE = "2026-W46", "2026-W45"
TEAMS = {"north": "North desk", "south": "South desk", "west": "West desk"}
_TEAM = "  - {{name: {name}, label: {label}, region: US, calendar: {calendar}{goals}}}\n"
_HEAD = """
organisation: Test desk
time_zone: America/New_York
calendars:
  - {name: always, time_zone: America/New_York, hours: [{from: 2020-01-01, always: true}]}
  - name: weekdays
    time_zone: America/New_York
    hours: [{from: 2020-01-01, days: {mon-fri: ["09:00-17:00"]}}]
    holidays: {country: US}
teams:
"""
SLA, CSAT, SPEED = "first_reply_sla", "csat", "first_reply_median"
_TARGETS = {SLA: "90%", CSAT: "85%", SPEED: "4h"}
_GOALS = {SLA: 0.9, CSAT: 0.85, SPEED: 4 * 3600.0}


class Judged(NamedTuple):
    """A team's number of a week and what was decided of it; n is the denominator of a share."""

    team: str
    metric: str
    value: float | None
    goal_verdict: str = ""
    n: int = 100
    week: str = WEEK
    is_missed: bool = False
    verdict: str = "within"
    missing: str | None = None
    more: Mapping[str, Any] = {}


def met(team: str, metric: str, value: float, **more: Any) -> Judged:
    return Judged(team, metric, value, "met", **more)


def missed(team: str, metric: str, value: float, verdict: str = "missed", **more: Any) -> Judged:
    return Judged(team, metric, value, verdict, is_missed=True, **more)


def organisation(
    root: Path, goals: Mapping[str, Iterable[str]], *, teams: Mapping[str, str] = TEAMS, closed: Iterable[str] = ()
) -> Organisation:
    """Teams with goals for some metrics; those that are closed on holidays work on weekdays, the others always."""
    text = _HEAD
    for name, label in teams.items():
        own = ", ".join(
            f"{{metric: {each}, from: 2026-01-01, target: {_TARGETS[each]}}}" for each in goals.get(name, ())
        )
        calendar = "weekdays" if name in closed else "always"
        text += _TEAM.format(name=name, label=label, calendar=calendar, goals=f", goals: [{own}]" if own else "")
    root.mkdir(parents=True, exist_ok=True)
    (root / "org.yml").write_text(text, encoding="utf-8")
    return load_organisation(root)


def write_numbers(warehouse: Warehouse, rows: Iterable[Judged]) -> None:
    """Write `facts/weekly_values` and `facts/weekly_signals` of the weeks that the rows name."""
    values, signals = [], []
    for row in rows:
        key = {"week": row.week, "team": row.team, "metric": row.metric}
        of_share = row.value is not None and row.metric in (SLA, CSAT)
        numerator = round(row.value * row.n) if of_share and row.value is not None else None
        counts = {
            "numerator": numerator,
            "denominator": row.n if of_share else None,
            "n": row.n,
            "missing": row.missing,
        }
        values.append(
            {**dict.fromkeys(VALUE_COLUMNS), **key, "channel": "all", "value": row.value, "state": "settled", **counts}
        )
        judged: dict[str, Any] = {**dict.fromkeys((*SIGNAL_COLUMNS, *GOAL_COLUMNS)), **key, "verdict": row.verdict}
        if row.goal_verdict:
            goal = _GOALS[row.metric]
            judged |= {"goal": goal, "goal_verdict": row.goal_verdict, "is_missed": row.is_missed, "goal_weeks": 13}
            judged |= {"missed_weeks": 4 if row.is_missed else 0, "missed_run": 1 if row.is_missed else 0}
            if row.value is not None:
                judged |= {"gap": (1 if row.metric == SPEED else -1) * (row.value - goal)}
        signals.append(judged | {"since": row.week, "together": False} | dict(row.more))
    frame = pd.DataFrame(values)
    numbers = ["value", "low", "high", "numerator", "denominator", "spread", "n", "censored", "still_low", "still_high"]
    frame = frame.astype(dict.fromkeys([*numbers, "extra_variance"], "float64"))
    frame = frame.astype(dict.fromkeys(["missing", "state", "settles_on"], "object"))
    judgements = with_kinds(pd.DataFrame(signals))
    for week in sorted(frame["week"].unique()):
        for name, table in (("weekly_values", frame), ("weekly_signals", judgements)):
            part = table[table["week"] == week]
            warehouse.write_week("facts", name, week, pa.Table.from_pandas(part, preserve_index=False))


def goal_finding(team: str, metric: str, short: float, **more: Any) -> dict[str, Any]:
    """The finding of a missed goal as the run writes it."""
    plain = {"week": WEEK, "what": f"{metric} is missed.", "next_step": "Do it.", "tickets": {"metric": metric}}
    plain |= {"section": f"{team}/weekly_review.html#s-sla", "size": short}
    return finding("goal missed", team=team, subject=metric, **{**plain, **more})


def write_findings(warehouse: Warehouse, *rows: dict[str, Any]) -> None:
    for week in {row["week"] for row in rows}:
        own = [row for row in rows if row["week"] == week]
        warehouse.write_week(AREA, TABLE, week, pa.Table.from_pylist(own, schema=SCHEMA))


def write_notes(warehouse: Warehouse, *actions: Mapping[str, Any], sentences: Mapping[str, str] | None = None) -> None:
    """Actions as they are read from the file, and by team who wrote a sentence on the week."""
    empty = {"finding_id": "", "what": "", "team": "", "owner": "", "due": "", "state": "proposed", "remark": ""}
    rows = [{"line": line, **empty, **action} for line, action in enumerate(actions, 2)]
    warehouse.write(NOTES, ACTIONS, pa.Table.from_pylist(rows, schema=ACTIONS_SCHEMA))
    texts = [
        {"week": WEEK, "team": team, "author": author, "at": "", "text": "x"}
        for team, author in (sentences or {}).items()
    ]
    warehouse.write_week(NOTES, SENTENCES, WEEK, pa.Table.from_pylist(texts, schema=SENTENCES_SCHEMA))
