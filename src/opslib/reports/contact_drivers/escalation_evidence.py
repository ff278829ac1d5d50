"""What is handed to a product team this week, with the evidence for each matter."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from opslib.analysis.contact_drivers import escalation
from opslib.analysis.contact_drivers.texts import typical_tickets
from opslib.analysis.methods.small_groups import mask_cells
from opslib.display import words
from opslib.intake.privacy.redaction import redact
from opslib.reports.contact_drivers.escalation_files import (
    IDENTIFYING_COLUMNS,
    TICKET_COLUMNS,
    Escalation,
    EscalationHandover,
    escalation_id,
)
from opslib.reports.contact_drivers.frames import Drivers

_LONGEST_EXCERPT = 280


def handover(contacts: Drivers) -> EscalationHandover:
    """What is handed over this week, with its files, and the register as this week leaves it.

    Args:
        contacts: of `open_drivers`.
    """
    new = escalation.register_rows(contacts.escalations, team=contacts.week.team, week=contacts.week.week)
    escalations = [evidence(contacts, row) for _, row in contacts.escalations.iterrows()]
    return EscalationHandover(escalations, pd.concat([contacts.register, new]) if len(contacts.register) else new)


def top_escalation(contacts: Drivers) -> Escalation | None:
    """What is handed over first this week, else the first candidate that is no matter of labels; None without any.

    Args:
        contacts: of `open_drivers`.
    """
    rows = contacts.escalations if len(contacts.escalations) else contacts.candidates[~contacts.is_relabelled]
    return evidence(contacts, rows.iloc[0]) if len(rows) else None


def evidence(contacts: Drivers, row: pd.Series) -> Escalation:
    """The evidence for a candidate: its weeks, segments, examples, tickets, and what bears on it.

    Args:
        contacts: of `open_drivers`.
        row: of `candidates`.
    """
    rows = contacts.tickets_with_text
    is_member = escalation.subject_tickets(rows, row)
    since = rows["day"] >= row["onset_on"]
    own = rows[is_member & since]
    segments = escalation.affected_segments(rows[since], is_member[since], minimum_group=contacts.minimum_group)
    trend = contacts.weekly_tickets(row)
    identifying = [name for name in IDENTIFYING_COLUMNS if name in own]
    masked = mask_cells(own, identifying, minimum=contacts.minimum_group)
    return Escalation(
        escalation_id=escalation_id(contacts.week.week, contacts.week.team, str(row["subject"])),
        team=contacts.week.team,
        team_label=contacts.week.label,
        week=contacts.week.week,
        row=row,
        trend=contacts.week.with_closures(trend.rename_axis("week").rename("tickets").reset_index()),
        # A segment that all of the team's tickets share tells nothing.
        segments=segments[(segments["share"] < 1) | (segments["others_share"] < 1)],
        links=_links(contacts, row, tuple(own["ticket_id"])),
        examples=tuple(_excerpts(contacts.raw_texts, typical_tickets(contacts.texts, list(own["ticket_id"])))),
        tickets=masked[[name for name in TICKET_COLUMNS if name in masked]],
    )


def _links(contacts: Drivers, row: pd.Series, ticket_ids: Sequence[str]) -> pd.DataFrame:
    """The tool requests and policy changes that bear on a candidate."""
    zone = str(contacts.week.organisation.zone)
    low = pd.Timestamp(row["onset_low"] or row["onset_on"], tz=zone).tz_convert("UTC")
    high = pd.Timestamp(row["onset_high"] or row["onset_on"], tz=zone).tz_convert("UTC") + pd.Timedelta(days=1)
    tables = {
        "tool requests": _up_to_the_week(contacts, "tool_requests", "opened_at"),
        "policy changes": _up_to_the_week(contacts, "policy_changes", "effective_at"),
    }
    links = escalation.linked_causes(
        str(row["reason"]) or None,
        ticket_ids,
        onset_low=low,
        onset_high=high,
        tool_requests=tables["tool requests"],
        policy_changes=tables["policy changes"],
    )
    lacking = [name for name, rows in tables.items() if rows is None]
    if lacking and links.empty:
        present = [name for name, rows in tables.items() if rows is not None]
        others = f"None of the {words.listed(present)} is related to it. " if present else ""
        links.attrs["missing"] = f"{others}Not in this export: {words.listed(lacking)}."
    return links


def _up_to_the_week(contacts: Drivers, table: str, dated_by: str) -> pd.DataFrame | None:
    """The rows of a table up to the week's end; None where the export has no such table."""
    store = contacts.week.warehouse
    if not store.columns(table):
        return None
    rows = store.read("standard", table)
    earlier: pd.DataFrame = rows[rows[dated_by] < contacts.week.frame_of([contacts.week.week])["end_at"].iloc[0]]
    return earlier


def _excerpts(raw_texts: pd.DataFrame, ticket_ids: Sequence[str]) -> list[str]:
    """Subject and beginning of the tickets, redacted once more: redaction may have learnt since their intake."""
    excerpts = []
    for row in raw_texts.set_index("ticket_id").reindex(list(ticket_ids)).to_dict("records"):
        parts = [str(row[name]) for name in ("subject", "description") if isinstance(row.get(name), str)]
        line = " ".join(re.sub(r"<[^<>]{0,500}>", " ", " — ".join(parts)).split())
        masked = redact(line)[0]
        short = masked[: _LONGEST_EXCERPT - 1].rsplit(" ", 1)[0] + "…"
        excerpts.append(masked if len(masked) <= _LONGEST_EXCERPT else short)
    return excerpts
