"""What contact drivers found, for the weekly review and the index: reasons that moved up and stayed there."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opslib import labels
from opslib.analysis.findings import hours
from opslib.analysis.findings.register import finding
from opslib.display import words
from opslib.reports.contact_drivers.frames import NO_CANDIDATES, Drivers
from opslib.reports.findings import FindingsHandover

_PAGE = "contact_drivers.html#s-what-a-product-team-should-hear"


def findings(contacts: Drivers) -> FindingsHandover:
    """The subjects that are above their level before, each with its size; those of a change of labels are none.

    Args:
        contacts: of `open_drivers`.
    """
    rows = contacts.candidates[~contacts.is_relabelled] if len(contacts.candidates) else contacts.candidates
    is_told = contacts.judges_reasons or contacts.compares_texts
    nothing = "No reason is above its level before." if is_told else NO_CANDIDATES
    return FindingsHandover("reason moved", [_finding(contacts, row) for _, row in rows.iterrows()], nothing=nothing)


def _finding(contacts: Drivers, row: pd.Series) -> dict[str, Any]:
    subject, reason = str(row["subject"]), str(row["reason"] or "")
    size, low, high = (float(round(row[name])) for name in ("excess", "excess_low", "excess_high"))
    is_reason = row["kind"] == "reason"
    name = labels.label("contact_reason", subject) if is_reason else subject
    return finding(
        "reason moved",
        week=contacts.week.week,
        team=contacts.week.team,
        subject=subject,
        standing="clear" if row["excess_low"] > 0 else "could be chance",
        what=(
            f"“{name}”: about {size:,.0f} more tickets a week ({low:,.0f} to {high:,.0f}) since "
            f"{words.day(str(row['onset_on']))}, {row['before_per_week']:,.0f} before."
        ),
        size=size,
        interval=(low, high),
        hours=hours.of_tickets(size, (low, high), hours.hours_a_ticket(contacts.week.own_values, contacts.week.week)),
        listed=len(contacts.tickets_since(row)),
        since=str(row["onset_on"]),
        next_step=f"Send the escalation about “{name}” to the product team.",
        section=f"{contacts.week.team}/{_PAGE}",
        tickets={"moved": subject, **({"reason": reason} if is_reason else {})},
    )
