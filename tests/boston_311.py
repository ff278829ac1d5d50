"""A public export as a warehouse: service requests of Boston's second half of 2011, with their last queue, no event."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from opslib.intake.mapping.map_file import map_file
from opslib.intake.mapping.sources import load_source
from opslib.settings import Organisation, load_organisation
from opslib.store.files import write_json
from opslib.store.warehouse import Warehouse
from opslib.tables import TABLES
from tests.iso_weeks import week_of

ROOT = Path(__file__).parents[1]
PARAMS = ROOT / "params"
PUBLIC = Path(os.environ.get("OPSLIB_PUBLIC_DATA", ROOT.parent / "shared" / "data"))
NAME = "boston_311_2011h2.zip"


def boston_311() -> Path:
    """The export's file; the test skips where it is not there."""
    path = PUBLIC / NAME
    if not path.is_file():
        pytest.skip(f"the public export {NAME} is not there; set OPSLIB_PUBLIC_DATA to its folder")
    return path


def standard_tickets(path: Path, root: Path) -> tuple[Warehouse, Organisation, pd.DataFrame]:
    """A warehouse with the tickets of the export, the organisation, and the tickets."""
    organisation = load_organisation(PARAMS, "org_boston_311")
    warehouse = Warehouse(root)
    schema = TABLES["tickets"].schema
    with warehouse.connect() as connection:
        (mapped,) = map_file(connection, load_source(PARAMS, "boston_311"), path, PUBLIC)
        tickets = pa.concat_tables(chunk.select(schema.names).cast(schema) for chunk in mapped.chunks())
    weeks = week_of(tickets["created_at"].to_pandas(), organisation.zone)
    tickets = tickets.append_column("week", pa.Array.from_pandas(weeks, type=pa.string())).sort_by("ticket_id")
    warehouse.write("standard", "tickets", tickets, partition_by_week=True)
    write_json({"tickets": sorted(mapped.present)}, warehouse.root / "standard" / "columns.json")
    return warehouse, organisation, tickets.to_pandas()
