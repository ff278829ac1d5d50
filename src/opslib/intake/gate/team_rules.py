"""The rules on teams: run on a frame with one row per team, made of the rows that were kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from opslib.intake.disclosure import NO_VALUES, Counted
from opslib.intake.gate.engine import Engine
from opslib.intake.gate.export import Export
from opslib.intake.gate.phrases import repeated_keys_in_words, value_in_words
from opslib.intake.gate.results import rule_result, team_outcome
from opslib.intake.gate.staging import StagedTable
from opslib.intake.gate.suites import Rule
from opslib.intake.gate.team_summary import range_in_words, team_summary
from opslib.intake.gate.verdict import Result
from opslib.intake.notation import quoted_list
from opslib.tables import Table
from opslib.weeks import shift_week, week_bounds

TeamResult = tuple[Result, dict[str, str]]
"""The result of a rule on teams, and what is to be said of each team that fails it."""


def judge_teams(
    engine: Engine,
    staged: StagedTable,
    rules: Sequence[Rule],
    parameters: Mapping[str, Any],
    *,
    week: str,
    as_of: datetime,
) -> dict[int, TeamResult]:
    """Run the rules on teams of one table.

    Args:
        engine: Great Expectations.
        staged: the rows; `gate_set_aside` says which of them were set aside.
        rules: those of scope `teams`.
        parameters: the values of what the rules name as parameters.
        week: the ISO week that is reported.
        as_of: the instant up to which the export knows the world.

    Returns:
        By number of the rule its result, and what is to be said of each team that fails it.
    """
    if not rules:
        return {}
    export, table = staged.export, staged.table
    summary, sentences = _summarise(staged, {name for rule in rules for name in rule.columns}, week, as_of)
    results = engine.run(table.name, summary, rules, parameters, "COMPLETE")
    teams = export.organisation.team_names
    by_rule: dict[int, TeamResult] = {}
    for rule in rules:
        column = rule.columns[0]
        values = summary[column]
        failing = tuple(teams[index] for index in results[rule.number]["result"].get("unexpected_index_list") or ())
        observed = {
            team: sentences[column].get(team, value_in_words(values.iloc[teams.index(team)])) for team in failing
        }
        result = rule_result(
            table,
            rule,
            checked=int(values.notna().sum()),
            failed=len(failing),
            observed="; ".join(f"{team}: {sentence}" for team, sentence in observed.items()) or range_in_words(values),
            teams=failing,
            outcome=team_outcome(rule, fails=bool(failing)),
            by_team=observed,
        )
        by_rule[rule.number] = (result, observed)
    return by_rule


def _summarise(
    staged: StagedTable, columns: Collection[str], week: str, as_of: datetime
) -> tuple[pd.DataFrame, dict[str, dict[str, str]]]:
    """The summary of `team_summary`; what costs a query of its own is counted only where a rule names its column."""
    export, table = staged.export, staged.table
    repeated = export.count(f"select count(*) from gate_{table.name} where _repeats is not null")
    return team_summary(
        _counts(export, table),
        organisation=export.organisation,
        week=week,
        as_of=as_of,
        team_column=export.team_column,
        by_team=export.team_origin(table) != "nowhere",
        rows_without_team=_rows_without_team(export, table) if "share_without_team" in columns else None,
        rows_of_unknown_tickets=_rows_of_unknown_tickets(staged) if "unknown_ticket_share" in columns else None,
        by_day=_counts_by_day(export, table, week) if "cut_days" in columns else None,
        unknown_teams=(
            _unknown_teams(export, table)
            if {"team_keeps_its_name", "share_of_unknown_teams"} & set(columns)
            else NO_VALUES
        ),
        repeated_keys=repeated_keys_in_words(table, export.present[table.name], repeated, staged.rows),
    )


def _counts(export: Export, table: Table) -> pd.DataFrame:
    """Rows kept, set aside for reasons of their own, and all, by team and week; the last kept instant; the cases."""
    counts: pd.DataFrame = (
        export.con.sql(
            "select _team, _week, count(*) filter (s.position is null) as kept, "
            f"{_cases(table)} filter (s.position is null) as cases, "
            "count(*) filter (coalesce(s.own, false)) as own, count(*) as every, "
            "max(_dated) filter (s.position is null) as last "
            f"from gate_{table.name} g left join gate_set_aside s on s.position = g._position group by 1, 2"
        )
        .to_arrow_table()
        .to_pandas()
    )
    return counts


def _counts_by_day(export: Export, table: Table, week: str) -> pd.DataFrame:
    """Cases kept by team and local day, over the trailing weeks and the one that is reported.

    What an automation does of an evening, such as to close what was solved long ago, may be done of another.
    """
    organisation = export.organisation
    start = week_bounds(shift_week(week, -organisation.limits.trailing_weeks - 1), organisation.zone)[0]
    by_people = " and actor_role is distinct from 'automation'" if "actor_role" in table.names else ""
    counts: pd.DataFrame = (
        export.con.sql(
            f"select _team as team, cast(timezone('{organisation.time_zone}', _dated) as date) as day, "
            f"{_cases(table)} as rows from gate_{table.name} g left join gate_set_aside s on s.position = g._position "
            f"where s.position is null and _team is not null and _dated between $start and $until{by_people} "
            "group by 1, 2",
            params={"start": start, "until": week_bounds(week, organisation.zone)[1]},
        )
        .to_arrow_table()
        .to_pandas()
    )
    return counts


def _cases(table: Table) -> str:
    """SQL of how many things happened of which none made another: the rows of one ticket come in a bunch."""
    return "count(distinct ticket_id)" if "ticket_id" in table.key and len(table.key) > 1 else "count(*)"


def _rows_without_team(export: Export, table: Table) -> int | None:
    """Rows that name no team may be anybody's; rows of a team that is not the organisation's are nobody's here."""
    if export.team_origin(table) != "own":
        return None
    return export.count(f"select count(*) from gate_{table.name} where team is null")


def _unknown_teams(export: Export, table: Table) -> Counted:
    """The names of teams that params/org.yml does not have, most frequent first, with their rows."""
    if export.team_origin(table) != "own":
        return NO_VALUES
    known = quoted_list(export.organisation.team_names)
    rows = export.con.execute(
        f"select team, count(*) from gate_{table.name} where team not in ({known}) and _repeats is null "
        "group by 1 order by 2 desc, 1"
    ).fetchall()
    return export.disclosure.counted((str(label), int(count)) for label, count in rows)


def _rows_of_unknown_tickets(staged: StagedTable) -> int | None:
    """Rows of tickets that are not in this export; None where rows do not tell their ticket, or there are none."""
    export, table = staged.export, staged.table
    if export.team_origin(table) == "nowhere" or not staged.rows or "tickets" not in export.present:
        return None
    return export.count(
        f"select count(*) from gate_{table.name} g anti join gate_index_tickets t on t.id = g.ticket_id "
        "where g.ticket_id is not null"
    )
