"""How tickets of a team were routed, and what its rules did: `open_audit`, then ask; `show` draws."""

from opslib.reports.routing_audit import show
from opslib.reports.routing_audit.findings import findings
from opslib.reports.routing_audit.frames import (
    Audit,
    before_after,
    cost,
    headline,
    lint,
    misrouted,
    misrouted_weeks,
    open_audit,
    queues,
    replay,
    signals,
    transfers,
    transitions,
)

__all__ = [
    "Audit",
    "before_after",
    "cost",
    "findings",
    "headline",
    "lint",
    "misrouted",
    "misrouted_weeks",
    "open_audit",
    "queues",
    "replay",
    "show",
    "signals",
    "transfers",
    "transitions",
]
