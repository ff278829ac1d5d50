"""Which rules of a team are worth fixing, with the repair and who does it, and which other rules are at fault."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from opslib.analysis.findings.register import finding_id
from opslib.analysis.routing_audit.repairs import tickets_of_rule
from opslib.analysis.routing_audit.rules import Rule
from opslib.reports.actions import with_actions
from opslib.reports.routing_audit.frames import NO_RULES, Audit, lint
from opslib.reports.routing_audit.rule_files import rule_lines
from opslib.reports.week import answer
from opslib.weeks import week_bounds

_CLOCK_CHANGE = pd.Timedelta(hours=1)


def repairs(audit: Audit) -> pd.DataFrame:
    """The rules of the team that another queue would mend, the most harm first.

    Returns:
        The columns of `Audit.repairs`, since as a date ("" for as long as the export goes back), begins (the first day
        of the tickets); lines (YAML of the repaired rule, to be pasted); finding_id, owner, due, state, is_overdue (of
        its action; "" where nobody took it on).
    """
    if audit.rules is None:
        return answer(audit.repairs, is_known=False, missing=NO_RULES)
    rows = audit.repairs[audit.repairs["is_worth"] & audit.repairs["ours"]].reset_index(drop=True)
    versions = {rule.rule_id: rule for rule in audit.rules if rule.active(audit.end - pd.Timedelta(seconds=1))}
    lines = [
        rule_lines(replace(versions[rule], queue=queue))
        for rule, queue in zip(rows["rule_id"], rows["better_queue"], strict=True)
    ]
    ids = [finding_id("broken rule", audit.week.team, rule) for rule in rows["rule_id"]]
    rows = rows.assign(
        since=["" if pd.isna(instant) else _local_day(audit, instant) for instant in rows["since"]],
        begins=[_begins(audit, versions[rule]) for rule in rows["rule_id"]],
        lines=pd.Series(lines, index=rows.index, dtype="str"),
        finding_id=pd.Series(ids, index=rows.index, dtype="str"),
    )
    return with_actions(audit.week, rows)


def other_faults(audit: Audit) -> pd.DataFrame:
    """The other rules that are at fault or that somebody should look at, one row for each, the most harm first.

    Returns:
        fault, severity, rule_id, rule, others, queue, basis, tickets and why, as `lint` tells them; mended, spoilt,
        solved and elsewhere, better_queue and is_worth of its repair; ours, and team (who gets its tickets).
    """
    faults = lint(audit)
    missing = faults.attrs.get("missing")
    tried = audit.repairs.drop(columns=["rule", "queue", "tickets", "ours"])
    faults = faults[faults["severity"].isin(["fault", "look"])].drop_duplicates("rule_id")
    shown = set(audit.repairs.loc[audit.repairs["is_worth"] & audit.repairs["ours"], "rule_id"])
    rows = faults[~faults["rule_id"].isin(list(shown))].merge(tried, on="rule_id", how="left")
    order = rows["a_week"].fillna(0).sort_values(ascending=False, kind="stable").index
    rows = rows.loc[order].reset_index(drop=True)
    names = {team.name: team.label for team in audit.week.organisation.teams}
    rows = rows.assign(
        team=rows["team"].fillna("").replace(names), is_worth=rows["is_worth"].fillna(False).astype(bool)
    )
    return answer(rows, is_known=missing is None, missing=str(missing))


def sent_wrong(audit: Audit, rule_id: str) -> pd.DataFrame:
    """The tickets of the audit's weeks that the rule in force has sent to another queue than the one that solved them.

    As many as `repairs` says of it; none where fewer people wrote them than a group must have.

    Args:
        audit: of `open_audit`; it knows the rules.
        rule_id: the rule.

    Returns:
        The columns of `Audit.tickets`; `attrs["is_hidden"]` says whether there are some of too few people.
    """
    start = pd.Timestamp(week_bounds(audit.weeks[0], audit.week.organisation.zone)[0])
    rows = tickets_of_rule(audit.rules or (), audit.all_fields, rule_id, start=start, end=audit.end)
    wrong = rows[rows["is_wrong"].fillna(False).astype(bool)]
    is_hidden = 0 < wrong["person"].nunique() < audit.minimum_group
    listed = audit.tickets.iloc[wrong["place"].to_numpy()[: 0 if is_hidden else None]]
    listed.attrs["is_hidden"] = is_hidden
    return listed


def _local_day(audit: Audit, instant: pd.Timestamp) -> str:
    """The day of a midnight, also where the clock has changed since."""
    local = (instant + _CLOCK_CHANGE).tz_convert(str(audit.week.organisation.zone))
    return str(local.date())


def _begins(audit: Audit, rule: Rule) -> str:
    """The first local day of which there are tickets that a version of a rule can have got."""
    first = audit.tickets["created_at"].min()
    begun = first if rule.active_from is None else max(first, rule.active_from)
    return str(begun.tz_convert(str(audit.week.organisation.zone)).date())
