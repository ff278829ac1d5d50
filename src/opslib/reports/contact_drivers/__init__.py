"""Why customers write to a team, what moved, what is new, what to escalate: `open_drivers`, then ask; `show` draws."""

from opslib.reports.contact_drivers import show
from opslib.reports.contact_drivers.escalation_evidence import evidence, handover, top_escalation
from opslib.reports.contact_drivers.findings import findings
from opslib.reports.contact_drivers.frames import (
    Drivers,
    candidates,
    emerging,
    forms,
    history,
    labels,
    languages,
    matters,
    movers,
    open_drivers,
    pareto,
    per_segment,
    per_user,
    register,
    topics,
    warnings,
)
from opslib.reports.contact_drivers.page_head import headline

__all__ = [
    "Drivers",
    "candidates",
    "emerging",
    "evidence",
    "findings",
    "forms",
    "handover",
    "headline",
    "history",
    "labels",
    "languages",
    "matters",
    "movers",
    "open_drivers",
    "pareto",
    "per_segment",
    "per_user",
    "register",
    "show",
    "top_escalation",
    "topics",
    "warnings",
]
