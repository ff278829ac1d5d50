"""What routing needs of the warehouse: the rules, and tickets with their first and solving queue, as rules saw them."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from opslib.analysis.routing_audit.replay import at_creation
from opslib.analysis.routing_audit.rules import Rule, TicketFields, conditions_of, read_rules
from opslib.store.warehouse import Warehouse
from opslib.weeks import shift_week

_COLUMNS = (
    *("ticket_id", "week", "created_at", "team", "queue", "channel", "priority", "form", "contact_reason", "language"),
    *("region", "requester_id", "due_at", "counts_in_speed", "last_solved_at", "full_resolution_business_seconds"),
    *("full_resolution_business_censored_seconds", "transfers", "ping_pongs", "first_team", "first_queue"),
    *("solved_team", "solved_queue"),
)
_TEXTS = ("subject", "description")


def routing_rules(warehouse: Warehouse) -> list[Rule] | None:
    """All versions of all routing rules, in the order in which they are tried; None where the export has none."""
    if not warehouse.columns("routing_rules") or not warehouse.has("standard", "routing_rules"):
        return None
    return read_rules(warehouse.read("standard", "routing_rules"))


def routed_tickets(
    warehouse: Warehouse, *, last: str, weeks: int | None = None, rules: Iterable[Rule] = ()
) -> pd.DataFrame:
    """Read what routing needs of facts/tickets.

    Args:
        warehouse: where it lies.
        last: the last week.
        weeks: how many weeks up to it; None for all.
        rules: texts and first priorities are read only where one of these asks for them, because they are large.

    Returns:
        Tickets without those that were merged, deleted or spam; with `first_priority` where rules ask for it and the
        export has events. Where no event tells a queue, first_queue is missing: the fact then repeats the queue that
        the ticket has today.
    """
    first = shift_week(last, 1 - weeks) if weeks else ""
    span = [week for week in warehouse.weeks("facts", "tickets") if first <= week <= last]
    fields = {condition.field for rule in rules for condition in conditions_of(rule.when)}
    columns = [*_COLUMNS, *(name for name in _TEXTS if name in fields)]
    tickets = warehouse.read("facts", "tickets", columns=columns, weeks=span)
    tickets = tickets[tickets["counts_in_speed"]].reset_index(drop=True)
    # The fact counts ping-pongs only where events tell queues.
    tickets["first_queue"] = tickets["first_queue"].where(tickets["ping_pongs"].notna())
    if "priority" in fields and warehouse.has("standard", "ticket_events"):
        tickets["first_priority"] = tickets["ticket_id"].map(_first_priorities(warehouse, span))
    return tickets


def fields_at_creation(warehouse: Warehouse, tickets: pd.DataFrame) -> TicketFields:
    """Tickets of `routed_tickets` as they were when they were created."""
    priorities = tickets.set_index("ticket_id")["first_priority"] if "first_priority" in tickets else None
    return at_creation(tickets, priorities, present=warehouse.columns("tickets"))


def _first_priorities(warehouse: Warehouse, weeks: list[str]) -> pd.Series:
    """The priority that the events give a ticket first, by ticket_id."""
    columns = ["ticket_id", "event", "value", "sequence"]
    events = warehouse.read("standard", "ticket_events", columns=columns, weeks=weeks)
    changes = events[(events["event"] == "priority") & events["value"].notna()].sort_values("sequence", kind="stable")
    return changes.drop_duplicates("ticket_id").set_index("ticket_id")["value"]
