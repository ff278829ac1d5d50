"""A small simulated support centre as its exports tell it on one Monday or another, from facts to publication."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from opslib.facts.build import build
from opslib.settings import Organisation
from opslib.store.files import write_json
from opslib.store.warehouse import Warehouse
from opslib.tables import TABLES
from opslib.weekly.numbers.published import close, publish
from opslib.weekly.numbers.values import build_weekly_values, last_week_of
from tests.iso_weeks import week_of
from tests.samples import shared_sample

TICKETS = 2000
FROM_THE_EVENTS = ("status", "team", "assignee", "priority", "queue")


@dataclass(frozen=True)
class Exports:
    """The standard tables that weekly values rest on, with instants in UTC; `events` in the order of the source."""

    tickets: pd.DataFrame
    events: pd.DataFrame
    satisfaction: pd.DataFrame
    quality_reviews: pd.DataFrame

    def known(self, at: datetime) -> Exports:
        """The exports as they were at an instant: nothing of later, and of each ticket the state that it had then."""
        events = self.events[self.events["occurred_at"] <= at]
        tickets = self.tickets[self.tickets["created_at"] <= at].set_index("ticket_id")
        for name in FROM_THE_EVENTS:
            column = "assignee_id" if name == "assignee" else name
            last = events[events["event"] == name].groupby("ticket_id")["value"].last()
            tickets[column] = last.reindex(tickets.index).fillna(tickets[column])
        tickets["updated_at"] = events.groupby("ticket_id")["occurred_at"].max().reindex(tickets.index)
        return Exports(
            tickets.reset_index(),
            events,
            self.satisfaction[self.satisfaction["answered_at"] <= at],
            self.quality_reviews[self.quality_reviews["reviewed_at"] <= at],
        )

    def with_tickets(self, tickets: pd.DataFrame) -> Exports:
        return replace(self, tickets=tickets)

    def write(self, warehouse: Warehouse, organisation: Organisation) -> None:
        """Write the standard tables as the intake does."""
        tickets = self.tickets.assign(week=week_of(self.tickets["created_at"], organisation.time_zone))
        weeks = tickets.set_index("ticket_id")["week"]
        events = self.events.assign(week=self.events["ticket_id"].map(weeks), sequence=range(len(self.events)))
        week = pa.field("week", pa.string())
        schema = TABLES["tickets"].schema.append(week)
        warehouse.write(
            "standard", "tickets", _arrow(tickets.sort_values(["team", "ticket_id"]), schema), partition_by_week=True
        )
        schema = TABLES["ticket_events"].schema.append(week)
        warehouse.write(
            "standard", "ticket_events", _arrow(events.dropna(subset="week"), schema), partition_by_week=True
        )
        for name in ("satisfaction", "quality_reviews"):
            warehouse.write("standard", name, _arrow(getattr(self, name), TABLES[name].schema))
        names = ("tickets", "ticket_events", "satisfaction", "quality_reviews")
        write_json({name: list(TABLES[name].names) for name in names}, warehouse.root / "standard" / "columns.json")


def shared_exports(tmp_path_factory: pytest.TempPathFactory, until: str) -> Exports:
    """What the sample's exports tell of the tickets that were created before a day, to its end."""
    sample = shared_sample(tmp_path_factory, TICKETS)
    tickets = _table(sample, "tickets")
    tickets = tickets[tickets["created_at"] < pd.Timestamp(until, tz="UTC")]
    own = {name: _table(sample, name) for name in ("ticket_events", "satisfaction", "quality_reviews")}
    own = {name: rows[rows["ticket_id"].isin(tickets["ticket_id"])] for name, rows in own.items()}
    return Exports(tickets, own["ticket_events"], own["satisfaction"], own["quality_reviews"])


def take(warehouse: Warehouse, organisation: Organisation, exports: Exports, as_of: datetime) -> str:
    """Take exports through the line, but for the gate; the line that says what was restated."""
    exports.write(warehouse, organisation)
    build(warehouse, organisation, as_of)
    build_weekly_values(warehouse, organisation, as_of)
    line = publish(warehouse, organisation, as_of, last_week_of(organisation, as_of), organisation.team_names)[0]
    close(warehouse, organisation.team_names)
    return line


def _table(sample: Path, name: str) -> pd.DataFrame:
    path = next(sample.glob(f"{name}.*"))
    frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype=str)
    for column in TABLES[name]:
        if column.name not in frame:
            frame[column.name] = None
        elif column.type == "instant":
            frame[column.name] = pd.to_datetime(frame[column.name], utc=True).astype("datetime64[us, UTC]")
        elif column.type in ("number", "integer"):
            frame[column.name] = pd.to_numeric(frame[column.name])
        elif column.type == "boolean":
            frame[column.name] = frame[column.name].astype(str).str.lower() == "true"
    return frame


def _arrow(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)
