"""The results of the gate: of an expectation, of a table that is not there, of a file that is damaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from opslib.intake.gate.phrases import rows_in_words, type_in_words
from opslib.intake.gate.suites import Rule
from opslib.intake.gate.verdict import DamagedFile, Outcome, Result
from opslib.tables import Table


def rule_result(
    table: Table,
    rule: Rule,
    *,
    checked: int,
    failed: int,
    observed: str,
    outcome: Outcome,
    examples: tuple[str, ...] = (),
    teams: tuple[str, ...] = (),
    failures_by_week: Mapping[str, int] | None = None,
) -> Result:
    """The result of a rule of a table's suite; what the suite says of the rule is taken from it."""
    return Result(
        table=table.name,
        expectation=rule.phrase,
        type=rule.type,
        column=rule.column,
        severity=rule.severity,
        scope=rule.scope,
        notes=rule.notes,
        checked=checked,
        failed=failed,
        observed=observed,
        examples=examples,
        teams=teams,
        outcome=outcome,
        failures_by_week=dict(failures_by_week or {}),
    )


def absent_result(table: Table, rule: Rule, observed: str = "not in this export") -> Result:
    """The result of a rule on what the export does not have."""
    return rule_result(table, rule, checked=0, failed=0, observed=observed, outcome="absent")


def shape_result(table: Table, rule: Rule, details: Mapping[str, Any], all_teams: tuple[str, ...]) -> Result:
    """The result of a rule on the table as a whole; where it fails it concerns every team.

    Args:
        table: the standard table.
        rule: a rule of scope `table`.
        details: what Great Expectations saw, and whether that is a `success`.
        all_teams: the teams of the organisation.
    """
    observed = details.get("observed_value", "")
    if rule.type == "expect_table_columns_to_match_set":
        lacking = details.get("details", {}).get("mismatched", {}).get("missing", [])
        observed = f"missing: {', '.join(lacking)}" if lacking else "all there"
    elif rule.judges_types:
        observed = type_in_words(str(observed))
    return rule_result(
        table,
        rule,
        checked=1,
        failed=0 if details["success"] else 1,
        observed=str(observed),
        teams=() if details["success"] else all_teams,
        outcome=team_outcome(rule, fails=not details["success"]),
    )


def team_outcome(rule: Rule, *, fails: bool) -> Outcome:
    """What it means for teams that a rule about them, or about the table as a whole, fails."""
    if not fails:
        return "passed"
    return "blocked" if rule.severity == "critical" else "warned"


def absent_table_result(table: Table, all_teams: tuple[str, ...]) -> Result:
    """The result of a table that the export does not have; without tickets no team has a number."""
    return Result(
        table=table.name,
        expectation="the table is in this export",
        type="table",
        column="",
        severity="critical" if table.needed else "warning",
        scope="table",
        notes="Every number is about tickets." if table.needed else "What rests on this table says so in the report.",
        checked=1,
        failed=1,
        observed="not in this export",
        examples=(),
        teams=all_teams if table.needed else (),
        outcome="blocked" if table.needed else "absent",
    )


def nothing_kept_result(table: Table, rows: int, all_teams: tuple[str, ...]) -> Result:
    """The result of a table of which every row was set aside: what is then no number, is no zero either."""
    return Result(
        table=table.name,
        expectation="a row is kept",
        type="table",
        column="",
        severity="critical",
        scope="table",
        notes="Every number is about the rows that are kept.",
        checked=rows,
        failed=rows,
        observed=f"all of {rows_in_words(rows)} set aside",
        examples=(),
        teams=all_teams,
        outcome="blocked",
    )


def damage_result(file: DamagedFile, all_teams: Sequence[str]) -> Result:
    """The result of a file that cannot be read whole: it blocks the teams that it concerns."""
    name = PurePath(file.file).name
    teams = tuple(team for team in all_teams if file.teams is None or team in file.teams)
    return Result(
        table=file.table,
        expectation="every file can be read whole",
        type="file",
        column="",
        severity="critical",
        scope="table",
        notes="The part that could not be read may change every number of these teams.",
        checked=file.rows,
        failed=1,
        observed=file.message if file.message.startswith(name) else f"{name}: {file.message}",
        examples=(name,),
        teams=teams,
        outcome="blocked" if teams else "warned",
    )
