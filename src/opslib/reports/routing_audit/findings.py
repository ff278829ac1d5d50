"""What the routing audit found, for the weekly review and the index: rules that are broken."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opslib import labels
from opslib.analysis.findings.hours import NO_HANDLING, Hours
from opslib.analysis.findings.register import finding
from opslib.analysis.methods.intervals import wilson
from opslib.analysis.routing_audit.lint import FAULTS
from opslib.display import words
from opslib.display.cells import rows_of
from opslib.reports.findings import FindingsHandover
from opslib.reports.routing_audit.frames import NO_RULES, Audit, before_after
from opslib.reports.routing_audit.repair_points import what_to_do
from opslib.reports.routing_audit.rules_to_fix import other_faults, repairs, sent_wrong

_PAGE = "routing_audit.html#s-"
_DAYS = 7


def findings(audit: Audit) -> FindingsHandover:
    """The rules of the team that are worth fixing, those worse since a change, and those otherwise at fault.

    Args:
        audit: of `open_audit`.
    """
    if audit.rules is None:
        return FindingsHandover("broken rule", [], nothing=NO_RULES)
    changed = _changed_rules(audit)
    rows = [_repair(audit, row, changed.get(str(row["rule_id"]))) for _, row in repairs(audit).iterrows()]
    told = {str(row["subject"]) for row in rows}
    rows += [_changed(audit, row) for rule, row in changed.items() if rule not in told]
    told |= changed.keys()
    faults = other_faults(audit)
    faults = faults[(faults["severity"] == "fault") & faults["ours"].astype(bool) & ~faults["rule_id"].isin(list(told))]
    rows += [_faulty(audit, row) for row in rows_of(faults)]
    return FindingsHandover("broken rule", rows, nothing="No rule of this team is broken.")


def _repair(audit: Audit, row: pd.Series, changed: pd.Series | None) -> dict[str, Any]:
    """A rule that another queue mends: what it mends a week, less what it spoils."""
    rule, since = str(row["rule_id"]), str(row["since"])
    judged = float(row["mended"] + row["spoilt"])
    share = wilson(float(row["mended"]), judged).iloc[0]
    low, high = (float(round((2 * share[name] - 1) * judged / row["weeks"])) for name in ("low", "high"))
    queue, better = (labels.phrase("queue", row[name]) for name in ("queue", "better_queue"))
    elsewhere = f"{words.value(row['elsewhere'] / row['solved'], 'share')} have to be sent on"
    if changed is not None:
        what = f"Rule {rule} sends tickets to {queue} since {words.day(since)}: {_before_and_after(changed)}."
    else:
        what = f"Rule {rule} sends tickets to {queue}: {elsewhere}, most often to {better}."
    return finding(
        "broken rule",
        week=audit.week.week,
        team=audit.week.team,
        subject=rule,
        what=what,
        size=float(round(row["a_week"])),
        interval=(low, high),
        hours=Hours(missing=NO_HANDLING),
        listed=_listed(audit, rule),
        since=since,
        next_step=(
            f"Point {rule} {'back ' if row['queue_before'] == row['better_queue'] else ''}to {better}: in "
            f"{words.number_of(audit.span, 'week')} {words.whole(row['mended'])} right instead of wrong, "
            f"{words.whole(row['spoilt'])} wrong instead of right."
        ),
        section=f"{audit.week.team}/{_PAGE}rules-to-fix",
        tickets={"rule": rule},
    )


def _changed_rules(audit: Audit) -> dict[str, pd.Series]:
    """Rules that were given another queue, from which more tickets have to be sent on than from the one before."""
    rows = before_after(audit)
    worse = rows[(rows["group"] == "affected") & (rows["outcome"] == "misrouted") & (rows["low"] > 0)]
    latest = worse.sort_values("changed_at", kind="stable").drop_duplicates("rule_id", keep="last")
    at = audit.end - pd.Timedelta(seconds=1)
    queues = {rule.rule_id: rule.queue for rule in audit.rules or () if rule.active(at)}
    return {
        str(row["rule_id"]): row
        for _, row in latest.iterrows()
        if queues.get(str(row["rule_id"])) == row["queue_after"]
    }


def _changed(audit: Audit, row: pd.Series) -> dict[str, Any]:
    """A rule that is worse since it was changed, though no other queue surely mends it."""
    changed_on = row["changed_at"].tz_convert(str(audit.week.organisation.zone))
    rule, since = str(row["rule_id"]), changed_on.date().isoformat()
    days = min((audit.end - row["changed_at"]) / pd.Timedelta(days=1), float(_DAYS * audit.span))
    a_week = float(row["tickets_after"]) * _DAYS / max(days, 1.0)
    size, low, high = (float(round(a_week * row[name])) for name in ("difference", "low", "high"))
    queue, before = (labels.phrase("queue", row[name]) for name in ("queue_after", "queue_before"))
    return finding(
        "broken rule",
        week=audit.week.week,
        team=audit.week.team,
        subject=rule,
        what=f"Rule {rule} sends tickets to {queue} since {words.day(since)}: {_before_and_after(row)}.",
        size=size,
        interval=(low, high),
        hours=Hours(missing=NO_HANDLING),
        listed=_listed(audit, rule),
        since=since,
        next_step=f"Point {rule} back to {before}.",
        section=f"{audit.week.team}/{_PAGE}before-and-after-a-rule-was-changed",
        tickets={"rule": rule},
    )


def _before_and_after(row: pd.Series) -> str:
    return f"{words.value(row['after'], 'share')} have to be sent on, {words.value(row['before'], 'share')} before"


def _listed(audit: Audit, rule: str) -> int | None:
    return len(sent_wrong(audit, rule)) or None


def _faulty(audit: Audit, row: Any) -> dict[str, Any]:
    """A rule at fault of which no ticket is known to suffer: for the keeper of the rules, not for the meeting."""
    return finding(
        "broken rule",
        week=audit.week.week,
        team=audit.week.team,
        subject=str(row.rule_id),
        what=f"Rule {row.rule_id} to {labels.phrase('queue', row.queue)} is at fault: {FAULTS[row.fault]}. {row.why}",
        standing="no need",
        next_step=what_to_do(row),
        section=f"{audit.week.team}/{_PAGE}other-faults",
        tickets={"rule": str(row.rule_id)},
        listed=_listed(audit, str(row.rule_id)),
    )
