"""Replies that ask back, and exports that tell no reply at all."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from opslib.reports.contact_drivers.replies import asks_back
from opslib.store.files import write_json
from opslib.store.warehouse import Warehouse

WEEK = "2026-W45"
TICKETS = pd.Series(["asked", "answered"])
STATUSES = [("asked", "10:05", "status", "agent", "pending"), ("answered", "10:05", "status", "agent", "solved")]
COMMENTS = [
    ("asked", "10:00", "public_comment", "agent", None),
    ("asked", "12:00", "public_comment", "requester", None),
    ("answered", "10:00", "public_comment", "agent", None),
    ("answered", "12:00", "public_comment", "requester", None),
]


def warehouse_with(folder: Path, events: list[tuple[str, str, str, str, str | None]]) -> Warehouse:
    warehouse = Warehouse(folder)
    rows = pd.DataFrame(events, columns=["ticket_id", "occurred_at", "event", "actor_role", "value"])
    rows["occurred_at"] = pd.to_datetime("2026-11-03T" + rows["occurred_at"] + "Z").astype("datetime64[us, UTC]")
    rows = rows.astype({"value": "str"}).assign(week=WEEK)
    warehouse.write("standard", "ticket_events", rows, partition_by_week=True)
    write_json({"ticket_events": list(rows.columns)}, warehouse.folder("standard", "columns.json"))
    return warehouse


def test_a_reply_asks_back_where_it_sets_the_ticket_to_pending_and_the_customer_answers(tmp_path: Path) -> None:
    frame = asks_back(warehouse_with(tmp_path, [*STATUSES, *COMMENTS]), TICKETS, [WEEK])
    assert frame is not None
    assert dict(zip(frame["ticket_id"], frame["asked_back"], strict=True)) == {"asked": 1.0, "answered": 0.0}


def test_an_export_with_events_and_no_comment_of_an_agent_tells_no_reply(tmp_path: Path) -> None:
    """Every process-mining log is one: its statuses are there, its replies are not."""
    assert asks_back(warehouse_with(tmp_path, STATUSES), TICKETS, [WEEK]) is None
    customers = [event for event in COMMENTS if event[3] == "requester"]
    assert asks_back(warehouse_with(tmp_path / "customers", [*STATUSES, *customers]), TICKETS, [WEEK]) is None
