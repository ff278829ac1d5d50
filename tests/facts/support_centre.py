"""A warehouse made of a few tickets and events in plain Python, for the tests of the facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from opslib.facts.build import build
from opslib.settings import Organisation
from opslib.store.files import write_json
from opslib.store.warehouse import Warehouse
from opslib.tables import TABLES
from tests.iso_weeks import week_of

Row = Mapping[str, Any]


def at(text: str) -> datetime:
    """An instant in UTC, written `2026-03-02 09:00` or with seconds."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def event_at(when: str, event: str, role: str | None = None, value: str | None = None, who: str | None = None) -> Row:
    """One event, without its ticket and its place."""
    return {"occurred_at": at(when), "event": event, "actor_role": role, "value": value, "actor_id": who}


def question_at(when: str) -> list[Row]:
    """What opens a ticket: it is created and the requester says why."""
    return [event_at(when, "created", "requester"), event_at(when, "public_comment", "requester")]


def ticket(ticket_id: str, created: str, *events: Row, **columns: Any) -> tuple[Row, list[Row]]:
    """A ticket of the team `nl` (unless the columns name another) and its events in their order."""
    own = {"ticket_id": ticket_id, "created_at": at(created), "status": "open", "team": "nl", **columns}
    return own, [{"ticket_id": ticket_id, "sequence": number, **event} for number, event in enumerate(events)]


def fill(
    warehouse: Warehouse,
    organisation: Organisation,
    tickets: Iterable[tuple[Row, list[Row]]],
    *,
    without: Iterable[str] = (),
) -> None:
    """Write tickets and their events as the intake writes them; `without`: ticket columns that the export lacks."""
    tickets = list(tickets)
    frame = pd.DataFrame([own for own, _ in tickets])
    for name in TABLES["tickets"].names:
        if name not in frame:
            frame[name] = None
    frame["week"] = week_of(pd.Series(pd.DatetimeIndex(frame["created_at"])), organisation.zone).to_numpy()
    frame = frame.sort_values(["team", "ticket_id"])
    schema = TABLES["tickets"].schema.append(pa.field("week", pa.string()))
    warehouse.write("standard", "tickets", _arrow(frame, schema), partition_by_week=True)

    present = {"tickets": sorted(set(TABLES["tickets"].names) - set(without))}
    rows = [event for _, events in tickets for event in events]
    if rows:
        weeks = dict(zip(frame["ticket_id"], frame["week"], strict=True))
        events = pd.DataFrame(rows)
        events["week"] = events["ticket_id"].map(weeks)
        schema = TABLES["ticket_events"].schema.append(pa.field("week", pa.string()))
        warehouse.write("standard", "ticket_events", _arrow(events, schema), partition_by_week=True)
        present["ticket_events"] = list(TABLES["ticket_events"].names)
    write_json(present, warehouse.root / "standard" / "columns.json")


def _arrow(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist(
        [{name: None if pd.isna(value) else value for name, value in row.items()} for row in frame.to_dict("records")],
        schema=schema,
    )


def facts_of(
    folder: Path,
    organisation: Organisation,
    *tickets: tuple[Row, list[Row]],
    as_of: str = "2026-12-01 00:00",
    without: Iterable[str] = (),
) -> dict[str, pd.DataFrame]:
    """Build everything; facts by name, facts/tickets by ticket_id."""
    warehouse = Warehouse(folder)
    fill(warehouse, organisation, tickets, without=without)
    build(warehouse, organisation, at(as_of))
    facts = {name: warehouse.read("facts", name) for name in ("tickets", "replies", "sla", "spells", "backlog")}
    return facts | {"tickets": facts["tickets"].set_index("ticket_id")}


def organisation(**changes: Any) -> Organisation:
    """Two teams with the schedules of the worked tickets, and a third around the clock."""

    def closed(on: str) -> dict[str, Any]:
        return {"closed": [{"on": on, "name": "holiday"}]}

    settings: dict[str, Any] = {
        "organisation": "test",
        "time_zone": "America/New_York",
        "calendars": [
            {
                "name": "amsterdam",
                "time_zone": "Europe/Amsterdam",
                "hours": [{"from": "2020-01-01", "days": {"mon-fri": ["09:00-17:00"]}}],
                "holidays": closed("2026-04-27"),
            },
            {
                "name": "new-york-with-lunch",
                "time_zone": "America/New_York",
                "hours": [{"from": "2020-01-01", "days": {"mon-fri": ["09:00-12:00", "13:00-18:00"]}}],
                "holidays": closed("2026-11-26"),
            },
            {"name": "always", "time_zone": "America/New_York", "hours": [{"from": "2020-01-01", "always": True}]},
        ],
        "sla_policies": [
            {
                "name": "standard",
                "targets": [
                    {"metric": "first_reply", "clock": "business", "targets": {"high": "1h", "normal": "4h"}},
                    {"metric": "next_reply", "clock": "business", "targets": {"high": "1h", "normal": "4h"}},
                    {"metric": "requester_wait", "clock": "calendar", "targets": {"high": "4h", "normal": "24h"}},
                    {"metric": "agent_work", "clock": "business", "targets": {"high": "2h", "normal": "8h"}},
                    {"metric": "full_resolution", "clock": "business", "targets": {"high": "8h", "normal": "16h"}},
                ],
            }
        ],
        "teams": [
            {"name": "nl", "label": "NL", "region": "EU", "calendar": "amsterdam"},
            {"name": "us", "label": "US", "region": "US", "calendar": "new-york-with-lunch"},
            {"name": "promised", "label": "SLA", "region": "EU", "calendar": "amsterdam", "sla_policy": "standard"},
            {"name": "night", "label": "Night", "region": "US", "calendar": "always", "sla_policy": "standard"},
        ],
    }
    return Organisation.model_validate(settings | changes)
