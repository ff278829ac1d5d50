"""A small warehouse for tests of the routing audit: ten weeks of two teams, and a rule that was given a wrong queue.

From 2026-W45 on `R-2` sends refunds to orders; before, it sent them to refunds, where they are solved all the time.
`R-3` is shadowed. Every third login is transferred to the escalations.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from opslib.weeks import week_bounds, weeks_between
from tests.reports.small_warehouse import Folders, begin_warehouse, end_warehouse

LAST = "2026-W46"
WEEKS = weeks_between("2026-W37", LAST)
AS_OF = datetime(2026, 11, 16, 12, tzinfo=UTC)
PER_WEEK = 60
ZONE = "America/New_York"
CHANGED = pd.Timestamp(week_bounds("2026-W45", ZONE)[0])

ORGANISATION = """
organisation: Test desk
time_zone: America/New_York
calendars:
  - name: always
    time_zone: America/New_York
    hours: [{from: 2020-01-01, always: true}]
teams:
  - {name: shop, label: Shop <b>team</b>, region: US, calendar: always}
  - {name: desk, label: Desk, region: US, calendar: always}
  - {name: quiet, label: Quiet, region: US, calendar: always}
"""

REFUND = {"all": [["contact_reason", "is", "refund"]]}
RULES = [
    ("R-1", 10, {"all": [["contact_reason", "is", "login"]]}, "frontdesk", None, None),
    ("R-2", 20, REFUND, "refunds", None, CHANGED),
    ("R-2", 20, REFUND, "orders", CHANGED, None),
    ("R-3", 30, {"all": [["contact_reason", "is", "refund"], ["channel", "is", "email"]]}, "refunds", None, None),
    ("R-4", 40, {"all": [["priority", "is", "urgent"]]}, "orders", None, None),
    ("R-9", 90, {"all": []}, "orders", None, None),
]
CANDIDATE = """
rules:
  - rule: R-1
    queue: frontdesk
    conditions: {all: [[contact_reason, is, login]]}
  - rule: R-2
    queue: refunds
    conditions: {all: [[contact_reason, is, refund]]}
  - rule: R-9
    queue: orders
    conditions: {all: []}
"""


def tickets() -> pd.DataFrame:
    """facts/tickets, all solved two hours after creation, transferred ones after six."""
    parts = []
    for number, week in enumerate(WEEKS):
        place = np.arange(PER_WEEK)
        reason = np.array(["refund", "login", "delivery"])[place % 3]
        start = pd.Timestamp(week_bounds(week, ZONE)[0])
        late = number >= len(WEEKS) - 2
        first = np.select(
            [reason == "login", reason == "refund"], ["frontdesk", "orders" if late else "refunds"], "orders"
        )
        is_escalated = (reason == "login") & (place % 9 == 1)
        solved = np.select(
            [is_escalated, reason == "login", reason == "refund"], ["escalations", "frontdesk", "refunds"], "orders"
        )
        is_transferred = first != solved
        team = np.where(reason == "login", "desk", "shop")
        parts.append(
            pd.DataFrame(
                {
                    "week": week,
                    "ticket_id": [f"{number}-{each}" for each in place],
                    "created_at": start + pd.to_timedelta(place, unit="h"),
                    "status": "solved",
                    "team": team,
                    "queue": solved,
                    "channel": np.where(place % 2 == 0, "email", "chat"),
                    "priority": "high",
                    "form": np.where(reason == "login", "account_form", None),
                    "contact_reason": reason,
                    "language": "en",
                    "region": "us-south",
                    "requester_id": [f"r{each}" for each in place],
                    "subject": "<script>alert(1)</script>",
                    "description": None,
                    "due_at": pd.Series(pd.NaT, index=range(PER_WEEK), dtype="datetime64[us, UTC]"),
                    "counts_in_speed": True,
                    "full_resolution_business_seconds": np.where(is_transferred, 6 * 3600, 2 * 3600).astype(float),
                    "full_resolution_business_censored_seconds": np.nan,
                    "transfers": is_transferred.astype("int64"),
                    "ping_pongs": 0,
                    "first_team": team,
                    "first_queue": first,
                    "solved_team": team,
                    "solved_queue": solved,
                }
            )
        )
    frame = pd.concat(parts, ignore_index=True)
    seconds = pd.to_timedelta(frame["full_resolution_business_seconds"], unit="s")
    frame["last_solved_at"] = frame["created_at"] + seconds
    for column in ("created_at", "last_solved_at"):
        frame[column] = frame[column].dt.as_unit("us")
    return frame


def write_routing_warehouse(root: Path, *, events: bool = True, rules: bool = True) -> Folders:
    """Write the warehouse; without events nothing tells a first queue, without rules there is nothing to lint."""
    store, params = begin_warehouse(root, ORGANISATION)
    frame = tickets()
    if not events:
        frame[["ping_pongs", "transfers"]] = pd.array([None], dtype="Int64")[0]
    store.write("facts", "tickets", frame, partition_by_week=True)
    stretches = [
        frame[["ticket_id", "week"]].assign(
            start_at=frame["created_at"] + pd.Timedelta(hours=hours),
            queue=frame[f"{when}_queue"],
            team=frame[f"{when}_team"],
        )
        for hours, when in ((0, "first"), (1, "solved"))
    ]
    store.write("facts", "spells", pd.concat(stretches, ignore_index=True), partition_by_week=True)
    values = pd.DataFrame({"week": WEEKS, "team": "shop"})
    store.write("facts", "weekly_values", values, partition_by_week=True)
    present = {"tickets": ["ticket_id", "created_at", "status", "team", "queue", "channel", "contact_reason", "form"]}
    if events:
        events_of_kinds = [
            frame[["ticket_id", "week"]].assign(
                occurred_at=frame["created_at"], event=event, value=value, sequence=place
            )
            for place, (event, value) in enumerate(
                (("created", None), ("queue", frame["first_queue"]), ("priority", "low"))
            )
        ]
        rows = pd.concat(events_of_kinds, ignore_index=True).astype({"value": "str"})
        store.write("standard", "ticket_events", rows, partition_by_week=True)
        present["ticket_events"] = ["ticket_id", "occurred_at", "event", "value"]
        scored = frame.iloc[::5]
        answers = pd.DataFrame(
            {
                "ticket_id": scored["ticket_id"],
                "answered_at": scored["last_solved_at"],
                "score": np.where(scored["transfers"] > 0, 2.0, 5.0),
                "scale_max": 5,
            }
        )
        store.write("standard", "satisfaction", answers)
        present["satisfaction"] = list(answers.columns)
    if rules:
        columns = ["rule_id", "position", "conditions", "target_queue", "active_from", "active_to"]
        table = pd.DataFrame(RULES, columns=columns)
        table["conditions"] = table["conditions"].map(json.dumps)
        for column in ("active_from", "active_to"):
            table[column] = pd.to_datetime(table[column], utc=True).dt.as_unit("us")
        store.write("standard", "routing_rules", table)
        present["routing_rules"] = columns
    end_warehouse(store, present, AS_OF)
    return store.root, params
