"""What people do about a team's findings, as whoever shows a finding says it beside it."""

from __future__ import annotations

import pandas as pd

from opslib.analysis.findings.actions import COLUMNS, in_order
from opslib.display import words
from opslib.display.cells import is_known
from opslib.errors import NotInExport
from opslib.reports.week import Week
from opslib.store.warehouse import NOTES


def outcome(then: float | None, now: float | None, remark: str) -> str:
    """What became of an action: the size of its finding, and what somebody says of it.

    Args:
        then: tickets a week when it was due; None where that is not known.
        now: tickets a week in the week that is reported; 0 where it is found no more.
        remark: what stands in the file of actions.
    """
    parts = []
    if is_known(then) and is_known(now):
        was = f" now, {words.value(then, 'count')} when it was due" if now != then else ""
        parts.append("Found no more." if now == 0 else f"{words.value(now, 'count')} a week{was}.")
    return " ".join([*parts, *([f"“{remark}”"] if remark else [])])


def team_actions(week: Week) -> pd.DataFrame:
    """The team's actions in the order in which they are read.

    Args:
        week: of `open_week`.

    Returns:
        `analysis.findings.actions.COLUMNS` and is_overdue, whether it is at the end of the export.
    """
    try:
        rows = week.warehouse.read(NOTES, "actions", teams=[week.team])
    except NotInExport:
        rows = pd.DataFrame(columns=list(COLUMNS))
    return in_order(rows, week.as_of.astimezone(week.organisation.zone).date())


def with_actions(week: Week, findings: pd.DataFrame) -> pd.DataFrame:
    """Findings with who does something about each.

    Args:
        week: of `open_week`.
        findings: with finding_id.

    Returns:
        The frame with owner, due (ISO date) and state, "" where nobody took it on, and is_overdue, of its first action.
    """
    first = team_actions(week).drop_duplicates("finding_id").set_index("finding_id")
    taken = first.reindex(findings["finding_id"])[["owner", "due", "state", "is_overdue"]].reset_index(drop=True)
    texts = {name: taken[name].fillna("").to_numpy() for name in ("owner", "due", "state")}
    return findings.assign(**texts, is_overdue=taken["is_overdue"].eq(True).to_numpy())
