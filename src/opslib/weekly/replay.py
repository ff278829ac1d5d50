"""`opslib routing replay`: a candidate rule file on past tickets, in the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from opslib import calendars
from opslib.analysis.routing_replay import Replay, replay
from opslib.analysis.routing_rules import read_rules
from opslib.analysis.rule_lint import lint
from opslib.display import routing as show
from opslib.errors import NotInExport
from opslib.routed_tickets import fields_at_creation, routed_tickets
from opslib.rule_files import candidate_text, read_candidate
from opslib.settings import Organisation
from opslib.store import Warehouse


@dataclass(frozen=True)
class Replayed:
    """A replay and what is wrong with the candidate by itself; as text it is what the terminal shows."""

    candidate: Path
    first: str
    last: str
    found: Replay
    faults: pd.DataFrame

    def __str__(self) -> str:
        changes = show.changed(self.found).text
        moved = self.found.load[self.found.load["difference"] != 0]
        parts = [
            f"{self.candidate} on the tickets of {self.first} to {self.last}",
            show.replay(self.found).text,
            "",
            _aligned(moved) if len(moved) else "No queue gets more or fewer tickets.",
            "",
            changes,
            "",
            "What the past cannot tell:",
            *(f"  - {warning}" for warning in self.found.warnings),
            "",
            "What is wrong with the candidate itself:"
            if len(self.faults)
            else "Nothing is wrong with the candidate itself.",
            *(
                f"  - {row['rule_id'] or 'all rules'}: {row['fault'].replace('_', ' ')} ({row['basis']}). {row['why']}"
                for row in self.faults.to_dict("records")
            ),
        ]
        return "\n".join(parts)


def replay_files(warehouse: Warehouse, organisation: Organisation, candidate: Path, weeks: int) -> Replayed:
    """Replay a candidate file on the last complete weeks of a warehouse.

    Args:
        warehouse: with the facts.
        organisation: of its params file.
        candidate: YAML file of rules; see `rule_files.read_candidate`.
        weeks: how many weeks.

    Returns:
        The replay; print it.

    Raises:
        SettingsError: the candidate is missing or wrong; all that is wrong is listed with file and line.
        WarehouseError: the warehouse is empty.
    """
    rules = read_candidate(candidate)
    about = warehouse.facts_of_the_run()
    tolerance = timedelta(hours=organisation.limits.week_ends_within_hours)
    last = calendars.last_complete_week(datetime.fromisoformat(about["as_of"]), organisation.zone, tolerance)
    has_rules = bool(warehouse.columns("routing_rules")) and warehouse.has("standard", "routing_rules")
    today = read_rules(warehouse.read("standard", "routing_rules")) if has_rules else None
    tickets = routed_tickets(warehouse, last=last, weeks=weeks, rules=[*rules, *(today or ())])
    fields = fields_at_creation(warehouse, tickets)
    found = replay(today, rules, fields)
    faults = lint(rules, fields, at=pd.Timestamp(about["as_of"]))
    by_itself = faults["fault"].isin(["unreachable", "shadowed", "dead", "conflict", "no_fallback"])
    first = calendars.shift_week(last, 1 - weeks)
    return Replayed(candidate, first, last, found, faults[by_itself])


def start_file(warehouse: Warehouse, path: Path) -> Path:
    """Write the rules in force as a candidate file to start from.

    Raises:
        NotInExport: the export has no routing rules.
    """
    if not warehouse.columns("routing_rules") or not warehouse.has("standard", "routing_rules"):
        raise NotInExport("not in this export: it has no routing rules to start from")
    rules = read_rules(warehouse.read("standard", "routing_rules"))
    as_of = pd.Timestamp(warehouse.facts_of_the_run()["as_of"])
    path.write_text(candidate_text(rules, as_of), encoding="utf-8")
    return path


def _aligned(frame: pd.DataFrame) -> str:
    told = frame.rename(columns={"difference": "change", "low": "95 % from", "high": "to"})
    return str(told.to_string(index=False, float_format=lambda number: f"{number:,.0f}"))
