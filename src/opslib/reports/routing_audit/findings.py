"""What the routing audit found, for the weekly review and the index: rules that are broken."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opslib.analysis.findings.register import finding
from opslib.analysis.routing_audit.lint import FAULTS
from opslib.display import words
from opslib.reports.findings import FindingsHandover
from opslib.reports.routing_audit.frames import NO_RULES, Audit, before_after, lint

_PAGE = "routing_audit.html#s-"
_DAYS = 7


def findings(audit: Audit) -> FindingsHandover:
    """The rules of the team that send tickets to the wrong queue since a change, and those that are at fault.

    Args:
        audit: of `open_audit`.
    """
    rows = _changed_rules(audit)
    told = {row["subject"] for row in rows}
    faults = lint(audit)
    faults = faults[(faults["severity"] == "fault") & faults["ours"].astype(bool) & ~faults["rule_id"].isin(list(told))]
    faults = faults.drop_duplicates("rule_id")
    rows += [_faulty(audit, row) for _, row in faults.iterrows()]
    nothing = NO_RULES if audit.rules is None else "No rule of this team is broken."
    return FindingsHandover("broken rule", rows, nothing=nothing)


def _changed_rules(audit: Audit) -> list[dict[str, Any]]:
    """Rules that were given another queue, from which more tickets have to be sent on than from the one before."""
    rows = before_after(audit)
    worse = rows[(rows["group"] == "affected") & (rows["outcome"] == "misrouted") & (rows["low"] > 0)]
    if worse.empty:
        return []
    latest = worse.sort_values("changed_at", kind="stable").drop_duplicates("rule_id", keep="last")
    at = audit.end - pd.Timedelta(seconds=1)
    queues = {rule.rule_id: rule.queue for rule in audit.rules or () if rule.active(at)}
    return [_changed(audit, row) for _, row in latest.iterrows() if queues.get(row["rule_id"]) == row["queue_after"]]


def _changed(audit: Audit, row: pd.Series) -> dict[str, Any]:
    changed_on = row["changed_at"].tz_convert(str(audit.week.organisation.zone))
    rule, since = str(row["rule_id"]), changed_on.date().isoformat()
    days = min((audit.end - row["changed_at"]) / pd.Timedelta(days=1), float(_DAYS * audit.span))
    a_week = float(row["tickets_after"]) * _DAYS / max(days, 1.0)
    size, low, high = (float(round(a_week * row[name])) for name in ("difference", "low", "high"))
    return finding(
        "broken rule",
        week=audit.week.week,
        team=audit.week.team,
        subject=rule,
        what=(
            f"Rule {rule} sends tickets to {row['queue_after']} since {words.day(since)}: "
            f"{words.value(row['after'], 'share')} have to be sent on, {words.value(row['before'], 'share')} before."
        ),
        size=size,
        interval=(low, high),
        since=since,
        next_step=f"Point {rule} back to {row['queue_before']}.",
        section=f"{audit.week.team}/{_PAGE}what-does-a-transfer-go-along-with",
        tickets={"rule": rule},
    )


def _faulty(audit: Audit, row: pd.Series) -> dict[str, Any]:
    rule, fault = str(row["rule_id"]), str(row["fault"])
    return finding(
        "broken rule",
        week=audit.week.week,
        team=audit.week.team,
        subject=rule,
        what=f"Rule {rule} to {row['queue']} is at fault: {FAULTS[fault]}. {row['why']}",
        next_step=f"Mend or remove {rule}.",
        section=f"{audit.week.team}/{_PAGE}what-is-wrong-with-the-rules",
        tickets={"rule": rule},
    )
