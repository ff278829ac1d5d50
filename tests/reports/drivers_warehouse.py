"""A small warehouse with contacts and texts, for tests of what stands on contact drivers.

Fourteen weeks up to 2026-W46 and two teams. In the last week `alpha` gets tickets on a matter that is new: half of them
are labelled `lost drafts <b>`, the others `other`. Some texts are hostile. `quiet` has no tickets.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from opslib.store.warehouse import Warehouse
from opslib.weeks import shift_week, week_bounds, weeks_between
from tests.reports.small_warehouse import Folders, begin_warehouse, end_warehouse

LAST = "2026-W46"
WEEKS = weeks_between("2026-W33", LAST)
AS_OF = datetime(2026, 11, 16, 12, tzinfo=UTC)
EMERGING = "lost drafts <b>"
HOSTILE = '=HYPERLINK("http://x","y") <script>alert(1)</script> | [click](http://evil.example) studio sync ate it'

ORGANISATION = """
organisation: Test desk
time_zone: America/New_York
calendars:
  - name: always
    time_zone: America/New_York
    hours: [{from: 2020-01-01, always: true}]
teams:
  - {name: alpha, label: Alpha, region: US, calendar: always}
  - {name: beta, label: Beta, region: US, calendar: always}
  - {name: quiet, label: Quiet, region: US, calendar: always}
"""

MATTERS = {
    "refund": ("My refund", "Hello, the money for my order never came back to the card. Thanks"),
    "login": ("Cannot sign in", "Hello, the code for signing in never arrives on my phone. Thanks"),
    "crash": ("It crashes", "Hello, the player crashes whenever a video starts. Thanks"),
    "invoice": ("Invoice wrong", "Hello, the invoice shows another company and tax number. Thanks"),
}
COLUMNS = [
    *("ticket_id", "created_at", "status", "team", "channel", "language", "region", "form", "priority", "requester_id"),
    *("contact_reason", "subject", "description", "queue"),
]


def weeks_up_to(after: int) -> list[str]:
    """The weeks, and so many after the last of them."""
    return weeks_between(WEEKS[0], shift_week(LAST, after))


def tickets(*, with_emerging: bool = True, weeks_after: int = 0) -> pd.DataFrame:
    """facts/tickets with the columns that contact drivers read."""
    rng = np.random.default_rng(11)
    rows = []
    for number, week in enumerate(weeks_up_to(weeks_after)):
        start = pd.Timestamp(week_bounds(week, "America/New_York")[0])
        for team in ("alpha", "beta"):
            counts = rng.poisson([40, 30, 25, 20])
            reasons = [reason for reason, count in zip(MATTERS, counts, strict=True) for _ in range(count)]
            if with_emerging and team == "alpha" and week >= LAST:
                reasons += ["new"] * 50
            for place, reason in enumerate(reasons):
                subject, text = MATTERS.get(
                    reason, ("Studio sync", "Hello, studio sync ate my drafts overnight. Thanks")
                )
                if reason == "new" and place % 10 == 0:
                    text = HOSTILE
                label = (EMERGING if place % 2 else "other") if reason == "new" else reason
                rows.append(
                    {
                        "week": week,
                        "ticket_id": f"{team}-{number:02d}-{place:03d}",
                        "created_at": start + pd.Timedelta(seconds=int(rng.integers(0, 7 * 86_000))),
                        "status": "solved",
                        "team": team,
                        "channel": ("email", "chat", "web")[place % 3],
                        "language": "en-US" if place % 9 else "es",
                        "region": ("east", "west")[place % 2],
                        "form": "form_b" if place % 5 == 0 else "form_a",
                        "priority": "normal",
                        "requester_id": f"p{rng.integers(0, 10**9)}",
                        "contact_reason": label,
                        "subject": subject,
                        "description": text,
                        "queue": "right",
                        "agent_work_business_seconds": float(rng.integers(1800, 7200)),
                        "reopens": int(rng.random() < 0.05),
                        "first_queue": "wrong" if place % 5 == 0 and rng.random() < 0.8 else "right",
                        "solved_queue": "right",
                    }
                )
    frame = pd.DataFrame(rows)
    return frame.assign(counts_in_speed=True, first_team=frame["team"], solved_team=frame["team"])


def write_drivers_warehouse(
    root: Path,
    *,
    with_emerging: bool = True,
    lacking: tuple[str, ...] = (),
    with_tables: bool = True,
    weeks_after: int = 0,
    users: tuple[int, int] | None = None,
) -> Folders:
    """Write it; the warehouse's folder and the parameters' folder.

    Args:
        root: under which both are made.
        with_emerging: whether the last week has its new matter.
        lacking: columns of `tickets` that the export lacks.
        with_tables: whether there are satisfaction, tool requests and policy changes.
        weeks_after: so many weeks follow the last one, in which the new matter goes on.
        users: active users of every week in the east and in the west; None where the export has no such table.
    """
    store, params = begin_warehouse(root, ORGANISATION)
    facts = tickets(with_emerging=with_emerging, weeks_after=weeks_after)
    facts[list(lacking)] = None
    facts = facts.astype(dict.fromkeys(lacking, "str"))
    store.write("facts", "tickets", facts, partition_by_week=True)
    weeks = weeks_up_to(weeks_after)
    values = pd.DataFrame({"week": weeks, "metric": "created", "team": "alpha", "channel": "all", "value": 1.0})
    store.write("facts", "weekly_values", values, partition_by_week=True)
    present = {"tickets": [name for name in COLUMNS if name not in lacking]}
    if with_tables:
        _write_tables(store, facts)
        present |= {
            "satisfaction": ["ticket_id", "answered_at", "score", "scale_max"],
            "tool_requests": ["request_id", "kind", "platform", "opened_at", "status", "contact_reasons", "ticket_ids"],
            "policy_changes": ["policy_id", "effective_at", "summary", "contact_reasons"],
        }
    if users is not None:
        days = [week_bounds(week, "UTC")[0].date() for week in weeks]
        rows = {"active_on": np.repeat(days, 2), "users": users * len(days), "region": ("east", "west") * len(days)}
        store.write("standard", "activity", pd.DataFrame(rows))
        present |= {"activity": ["active_on", "users", "region"]}
    end_warehouse(store, present, AS_OF)
    return store.root, params


def _write_tables(store: Warehouse, facts: pd.DataFrame) -> None:
    rated = facts.iloc[::3].reset_index(drop=True)
    unhappy = (rated["subject"] == "Studio sync") | (np.arange(len(rated)) % 8 == 0)
    answers = pd.DataFrame({"ticket_id": rated["ticket_id"], "answered_at": rated["created_at"] + pd.Timedelta(days=1)})
    store.write("standard", "satisfaction", answers.assign(score=np.where(unhappy, 2.0, 5.0), scale_max=5))
    monday = pd.Timestamp(week_bounds(LAST, "America/New_York")[0])
    requests = pd.DataFrame(
        {
            "request_id": ["T1", "T2", "T3"],
            "kind": "bug",
            "platform": "editor",
            "opened_at": [monday, monday, monday + pd.Timedelta(days=30)],
            "status": "open",
            "severity": "high",
            "contact_reasons": [EMERGING, "refund", EMERGING],
            "ticket_ids": ["", "", ""],
        }
    )
    store.write("standard", "tool_requests", requests)
    changes = pd.DataFrame(
        {
            "policy_id": ["P1", "P2"],
            "effective_at": [monday, monday - pd.Timedelta(days=40)],
            "summary": ["New | rule", "Old rule"],
            "contact_reasons": [None, None],
        }
    )
    store.write("standard", "policy_changes", changes.astype({"contact_reasons": "str"}))
