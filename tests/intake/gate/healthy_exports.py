"""A small support centre whose exports hold every expectation; the tests of the gate break one thing at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from opslib.settings import Organisation
from opslib.tables import TABLES

WEEK = "2026-W46"
WEEKS = 10
TICKETS_A_WEEK = 112
TEAMS = ("us-general", "us-safety", "us-commerce")
FIRST_MONDAY = datetime(2026, 9, 7, 4, tzinfo=UTC)  # midnight in New York, nine weeks before the week that is judged
WEEK_END = datetime(2026, 11, 16, 5, tzinfo=UTC)
AS_OF = WEEK_END + timedelta(hours=6)
NOW = WEEK_END + timedelta(hours=8)

ORGANISATION = Organisation.model_validate(
    {
        "organisation": "Test support",
        "time_zone": "America/New_York",
        "calendars": [
            {"name": "always", "time_zone": "America/New_York", "hours": [{"from": "2020-01-01", "always": True}]}
        ],
        "teams": [{"name": team, "label": team, "region": "US", "calendar": "always"} for team in TEAMS],
    }
)


def healthy(tickets_a_week: int = TICKETS_A_WEEK) -> dict[str, pd.DataFrame]:
    """Every column of every standard table, clean: ten weeks, three teams, a ticket every hour and a half in each."""
    per_team = WEEKS * tickets_a_week
    step = (WEEK_END - FIRST_MONDAY) / per_team
    number = np.arange(per_team)
    created = pd.DatetimeIndex(pd.Timestamp(FIRST_MONDAY) + number * pd.Timedelta(step)).floor("s")
    tickets = pd.concat(
        [
            pd.DataFrame(
                {
                    "ticket_id": [f"{place + 1}{i:06d}" for i in number],
                    "created_at": created,
                    "status": "solved",
                    "team": team,
                    "priority": "normal",
                    "channel": "email",
                    "queue": "first line",
                    "form": "contact",
                    "requester_id": [f"r{i}" for i in number],
                    "assignee_id": "a0",
                    "contact_reason": "refund",
                    "language": "en-US",
                    "region": "US",
                    "subject": "Hello",
                    "description": "Where is it?",
                    "first_reply_at": created + timedelta(minutes=40),
                    "solved_at": created + timedelta(hours=3),
                    "closed_at": created + timedelta(hours=3),
                    "updated_at": created + timedelta(hours=3),
                    "due_at": created + timedelta(hours=30),
                    "reopen_count": 0,
                    "transfer_count": 0,
                    "recorded_sla": "met",
                }
            )
            for place, team in enumerate(TEAMS)
        ],
        ignore_index=True,
    )
    return {"tickets": tickets, **_about_tickets(tickets), **_about_people(), **_about_the_organisation(tickets)}


def _about_tickets(tickets: pd.DataFrame) -> dict[str, pd.DataFrame]:
    steps = (
        ("created", timedelta(0), "requester", None),
        ("public_comment", timedelta(minutes=40), "agent", None),
        ("status", timedelta(hours=3), "agent", "solved"),
    )
    events = pd.concat(
        [
            pd.DataFrame(
                {
                    "ticket_id": tickets["ticket_id"],
                    "occurred_at": tickets["created_at"] + after,
                    "event": event,
                    "actor_id": "a0",
                    "actor_role": role,
                    "value": value,
                    "event_id": f"{event} " + tickets["ticket_id"],
                    "sequence": place,
                }
            )
            for place, (event, after, role, value) in enumerate(steps)
        ],
        ignore_index=True,
    )
    satisfaction = pd.DataFrame(
        {
            "ticket_id": tickets["ticket_id"],
            "answered_at": tickets["created_at"] + timedelta(hours=5),
            "score": 4.0,
            "offered_at": tickets["created_at"] + timedelta(hours=4),
            "scale_max": 5,
            "comment": "thanks",
            "answer_id": "s" + tickets["ticket_id"],
        }
    )
    reviews = pd.DataFrame(
        {
            "review_id": "v" + tickets["ticket_id"],
            "ticket_id": tickets["ticket_id"],
            "reviewer_id": "lead",
            "reviewed_at": tickets["created_at"] + timedelta(hours=6),
            "criterion": "tone",
            "score": 3.0,
            "max_score": 4.0,
            "min_score": 1.0,
            "weight": 2.0,
            "agent_id": "a0",
            "critical": False,
            "calibration": False,
        }
    )
    return {"ticket_events": events, "satisfaction": satisfaction, "quality_reviews": reviews}


def _about_people() -> dict[str, pd.DataFrame]:
    agents = pd.DataFrame(
        {
            "agent_id": [f"a{i}" for i in range(12)],
            "team": [TEAMS[i % 3] for i in range(12)],
            "site": "Austin",
            "time_zone": "America/New_York",
            "hired_on": date(2024, 2, 1),
            "left_on": date(2026, 12, 31),
        }
    )
    days = pd.date_range(WEEK_END - timedelta(days=12), periods=10, freq="D")
    shifts = pd.DataFrame(
        [
            {
                "agent_id": agent,
                "start_at": day,
                "end_at": day + timedelta(hours=8),
                "activity": "tickets",
                "planned": True,
            }
            for agent in agents["agent_id"]
            for day in days
        ]
    )
    return {"agents": agents, "shifts": shifts}


def _about_the_organisation(tickets: pd.DataFrame) -> dict[str, pd.DataFrame]:
    some = ";".join(tickets["ticket_id"].iloc[:3])
    early, late = WEEK_END - timedelta(days=30), WEEK_END - timedelta(days=10)
    return {
        "activity": pd.DataFrame(
            {
                "active_on": [date(2026, 11, 2), date(2026, 11, 9), date(2026, 11, 9)],
                "users": [900, 500, 450],
                "channel": None,
                "language": ["en", "en", "en"],
                "region": ["us-south", "us-south", "us-west"],
            }
        ),
        "routing_rules": pd.DataFrame(
            {
                "rule_id": ["rule-1", "rule-2"],
                "position": [1, 2],
                "conditions": '{"all": [["channel", "is", "email"]]}',
                "target_queue": "mail",
                "active_from": early,
                "active_to": late,
            }
        ),
        "articles": pd.DataFrame(
            {
                "article_id": ["art-1", "art-2"],
                "kind": ["macro", "policy"],
                "title": "Refunds",
                "updated_at": late,
                "published_at": early,
                "review_due_on": date(2027, 1, 1),
                "contact_reasons": "refund",
                "uses": [3, 4],
            }
        ),
        "policy_changes": pd.DataFrame(
            {
                "policy_id": ["pol-1"],
                "effective_at": late,
                "summary": "shorter",
                "contact_reasons": "refund",
                "article_ids": "art-1; art-2",
            }
        ),
        "projects": pd.DataFrame(
            {
                "project_id": ["p1"],
                "name": "New form",
                "stage": "running",
                "baseline_start_on": date(2026, 9, 1),
                "baseline_end_on": date(2026, 12, 1),
                "owner": "lead",
                "goal_metric": "first_reply_median",
                "went_live_on": date(2026, 11, 1),
                "budget_hours": 100.0,
                "teams": "us-general;us-safety",
                "contact_reasons": "refund",
                "ramp_weeks": 2,
                "promised_change": -0.1,
            }
        ),
        "project_tasks": pd.DataFrame(
            {
                "task_id": ["t1", "t2"],
                "project_id": "p1",
                "name": "Build",
                "depends_on": [None, "t1"],
                "baseline_start_on": date(2026, 9, 1),
                "baseline_end_on": date(2026, 10, 1),
                "optimistic_days": 2.0,
                "likely_days": 4.0,
                "pessimistic_days": 8.0,
                "started_on": date(2026, 9, 2),
                "finished_on": date(2026, 9, 20),
                "percent_complete": 100.0,
                "budget_hours": 10.0,
                "actual_hours": 12.0,
            }
        ),
        "tool_requests": pd.DataFrame(
            {
                "request_id": ["q1"],
                "kind": "bug",
                "platform": "CRM",
                "opened_at": early,
                "status": "done",
                "severity": "low",
                "contact_reasons": "refund",
                "promised_on": date(2026, 12, 1),
                "ticket_ids": some,
                "closed_at": late,
            }
        ),
        "feedback_actions": pd.DataFrame(
            {
                "action_id": ["f1"],
                "raised_at": early,
                "theme": "tone",
                "action": "pair up",
                "owner": "lead",
                "due_on": date(2026, 11, 20),
                "team": "us-general",
                "metric": "csat",
                "done_at": late,
            }
        ),
    }


def present_in(tables: Mapping[str, pd.DataFrame], without: Iterable[str] = ()) -> dict[str, frozenset[str]]:
    """The columns that the frames give; `table.column` in `without` is one that the source does not have."""
    lacking = set(without)
    return {
        table: frozenset(n for n in frame.columns if n in TABLES[table].names and f"{table}.{n}" not in lacking)
        for table, frame in tables.items()
    }


def candidates(con: duckdb.DuckDBPyConnection, tables: Mapping[str, pd.DataFrame]) -> None:
    """Make the views that the gate judges: typed as the standard tables, with what `check` asks for besides."""
    con.execute("SET TimeZone='UTC'")
    for name, frame in tables.items():
        arrays = {c.name: _array(frame, c.name, c.arrow) for c in TABLES[name]}
        arrays["_file"] = _array(frame, "_file", pa.string(), f"exports/{name}.csv")
        arrays["_row"] = arrays["_source_row"] = pa.array(np.arange(1, len(frame) + 1))
        arrays["_unreadable"] = _array(frame, "_unreadable", pa.string())
        arrays["_repeats"] = _array(frame, "_repeats", pa.string())
        con.register(f"arrow_{name}", pa.table(arrays))
        con.execute(f"create or replace temp table candidate_{name} as select * from arrow_{name}")
        con.unregister(f"arrow_{name}")


def _array(frame: pd.DataFrame, column: str, kind: pa.DataType, otherwise: str | None = None) -> pa.Array:
    if column not in frame:
        return pa.array([otherwise] * len(frame), kind)
    if frame[column].dtype == object and pa.types.is_string(kind):
        return pa.array([None if pd.isna(v) else str(v) for v in frame[column]], kind)
    return pa.Array.from_pandas(frame[column], type=kind, safe=False)
