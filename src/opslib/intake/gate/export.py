"""The export as the gate reads it: candidate rows on a connection, whose they are, and what the source gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import duckdb

from opslib.intake.disclosure import Disclosure
from opslib.settings import Organisation
from opslib.tables import EVENTS, PRIORITIES, ROLES, SLA_OUTCOMES, STATUSES, Table

TeamOrigin = Literal["own", "ticket", "agent", "nowhere"]


@dataclass(frozen=True)
class Export:
    """The candidate rows of one run of the gate.

    `con` has a view `candidate_<table>` per table; `present` holds per table of the export the columns that the source
    gives; `team_column` is what the export calls the team of a ticket.
    """

    con: duckdb.DuckDBPyConnection
    organisation: Organisation
    present: Mapping[str, frozenset[str]]
    team_column: str = "team"

    @property
    def disclosure(self) -> Disclosure:
        """What is shown of categories that nobody knows."""
        words = {*self.organisation.team_names, *STATUSES, *PRIORITIES, *ROLES, *EVENTS, *SLA_OUTCOMES}
        return Disclosure(frozenset(word.casefold() for word in words), self.organisation.privacy.minimum_group)

    def team_origin(self, table: Table) -> TeamOrigin:
        """Where a row of the table has its team from: a column of its own, its ticket, its agent, or nowhere."""
        columns = self.present[table.name]
        if "team" in columns:
            return "own"
        if "ticket_id" in columns and "tickets" in self.present:
            return "ticket"
        return "agent" if "agent_id" in columns and "agents" in self.present else "nowhere"

    def count(self, query: str) -> int:
        """The number that a query counts."""
        return int(self.con.execute(query).fetchall()[0][0])
