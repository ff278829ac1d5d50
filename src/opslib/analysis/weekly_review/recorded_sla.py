"""The CRM's own record of its SLA beside what the clocks here show, ticket by ticket."""

from __future__ import annotations

import pandas as pd

COLUMNS = ("tickets", "recorded_met", "own_met", "only_recorded", "only_own", "reopened")
"""tickets, of which both are known; recorded_met and own_met, the shares that are met by each; only_recorded and
only_own, the tickets that only the record or only the clocks here have as met; reopened, how many of those were
reopened after a solve (null where that is not told)."""


def compare_records(outcomes: pd.DataFrame, tickets: pd.DataFrame) -> pd.DataFrame:
    """Set what the source recorded of its SLA against what was found here.

    Args:
        outcomes: ticket_id, state (met or breached), one row per ticket and promise on its resolution.
        tickets: ticket_id, recorded_sla (met, breached or null), reopens (null where they are not told).

    Returns:
        `COLUMNS`, one row, or none where no ticket has both.

    Notes:
        A ticket with several promises is met where all are.
    """
    own = (outcomes["state"] == "met").groupby(outcomes["ticket_id"]).all().rename("own")
    both = tickets[tickets["recorded_sla"].notna()].merge(own, left_on="ticket_id", right_index=True)
    if both.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    recorded, own_met = both["recorded_sla"] == "met", both["own"].astype("bool")
    reopens = both.loc[recorded != own_met, "reopens"]
    row = (
        len(both),
        float(recorded.mean()),
        float(own_met.mean()),
        int((recorded & ~own_met).sum()),
        int((own_met & ~recorded).sum()),
        None if reopens.isna().any() else int((reopens > 0).sum()),
    )
    return pd.DataFrame([row], columns=list(COLUMNS))
