"""Which first replies ask back, read from the events of tickets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pandas as pd

from opslib.store.warehouse import Warehouse

_PENDING_WITHIN = timedelta(minutes=10)


def asks_back(store: Warehouse, ticket_ids: pd.Series, weeks: Sequence[str]) -> pd.DataFrame | None:
    """Whether the first agent's reply put the ticket on pending, and the customer wrote again.

    Args:
        store: the warehouse.
        ticket_ids: the tickets.
        weeks: ISO weeks of the events.

    Returns:
        ticket_id (with a reply of an agent), asked_back (1.0 or 0.0). None where the export has no reply of an agent.

    Notes:
        Texts of replies are in no export; an agent who needs to know more answers and sets the ticket to pending, and
        the next thing that happens is the customer's answer.
    """
    if not {"actor_role", "value"} <= store.columns("ticket_events") or not store.files(
        "standard", "ticket_events", weeks
    ):
        return None
    columns = ["ticket_id", "occurred_at", "event", "actor_role", "value"]
    events = store.read("standard", "ticket_events", columns=columns, weeks=weeks)
    events = events[events["event"].isin(["public_comment", "status"])]
    events = events[events["ticket_id"].isin(ticket_ids)]
    comment = events["event"] == "public_comment"
    replies = events[comment & (events["actor_role"] == "agent")].groupby("ticket_id")["occurred_at"].min()
    if replies.empty:
        return None
    since = events["occurred_at"] - events["ticket_id"].map(replies)
    waits = ~comment & (events["value"] == "pending") & since.between(timedelta(0), _PENDING_WITHIN)
    writes = comment & (events["actor_role"] == "requester") & (since > timedelta(0))
    is_back = replies.index.isin(events.loc[waits, "ticket_id"]) & replies.index.isin(events.loc[writes, "ticket_id"])
    return pd.DataFrame({"ticket_id": replies.index, "asked_back": is_back.astype("float64")})
