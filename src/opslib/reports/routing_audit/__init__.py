"""How tickets of a team were routed, and what its rules did: `open_audit`, then ask; `show` draws."""

from opslib.reports.routing_audit import show
from opslib.reports.routing_audit.findings import findings
from opslib.reports.routing_audit.frames import (
    Audit,
    before_after,
    cost,
    lint,
    misrouted,
    misrouted_total,
    misrouted_weeks,
    open_audit,
    queues,
    repaired_rules,
    replay,
    signals,
    transfers,
    transitions,
)
from opslib.reports.routing_audit.page_head import headline
from opslib.reports.routing_audit.rules_to_fix import other_faults, repairs

__all__ = [
    "Audit",
    "before_after",
    "cost",
    "findings",
    "headline",
    "lint",
    "misrouted",
    "misrouted_total",
    "misrouted_weeks",
    "open_audit",
    "other_faults",
    "queues",
    "repaired_rules",
    "repairs",
    "replay",
    "show",
    "signals",
    "transfers",
    "transitions",
]
