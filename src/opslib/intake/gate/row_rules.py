"""The rules on rows and on a table as a whole: run frame by frame, and what the failing rows have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from opslib.intake.disclosure import looks_like_id
from opslib.intake.gate.derived import DerivedColumn
from opslib.intake.gate.engine import Engine
from opslib.intake.gate.export import Export
from opslib.intake.gate.phrases import repeated_keys_in_words, rows_in_words
from opslib.intake.gate.results import rule_result
from opslib.intake.gate.staging import REFERRED_TO, StagedTable
from opslib.intake.gate.suites import Rule
from opslib.intake.gate.verdict import Result
from opslib.locales import whole
from opslib.tables import Table

EXAMPLES = 5
_FREQUENT = 3
_KEY_FORMS = {
    "id": "cast({} as varchar)",
    "person": "cast({} as varchar)",
    "instant": "strftime(timezone('UTC', {}), '%Y-%m-%dT%H:%M:%SZ')",
    "date": "strftime({}, '%Y-%m-%d')",
}
"""SQL of the columns of a key of which an example is told: categories and texts are left out."""

_FAILURES = pa.schema([("number", pa.int64()), ("position", pa.int64())])


@dataclass
class RowCounts:
    """What the rules saw, by their number: rows `checked` and `failed`, and the `details` of rules on the table."""

    checked: dict[int, int]
    failed: dict[int, int]
    details: dict[int, Mapping[str, Any]] = field(default_factory=dict)


def judge_rows(engine: Engine, staged: StagedTable, rules: Sequence[Rule], parameters: Mapping[str, Any]) -> RowCounts:
    """Run rules over the rows of a table; the failing ones become the table `gate_failures`.

    Args:
        engine: Great Expectations.
        staged: the rows.
        rules: those of scope `rows`, and those of scope `table`, which see the first frame only.
        parameters: the values of what the rules name as parameters.

    Returns:
        The counts. `gate_failures` has a row per failure: `number` of the rule, `position` of the row.
    """
    counts = RowCounts(checked={rule.number: 0 for rule in rules}, failed={rule.number: 0 for rule in rules})
    failures = [_FAILURES.empty_table()]
    row_rules = [rule for rule in rules if rule.scope == "rows"]
    table = staged.table
    columns = {name for rule in rules for name in rule.columns}
    columns |= staged.export.present[table.name] & set(table.needed_columns)
    with closing(staged.frames(sorted(columns))) as frames:
        for frame_number, (positions, frame) in enumerate(frames):
            rules_of_frame = rules if frame_number == 0 else row_rules
            results = engine.run(table.name, frame, rules_of_frame, parameters, "BASIC")
            failing = _count(counts, rules_of_frame, results)
            if not failing:
                continue
            # Only the rules that fail are run again in the form that names the rows: it is many times slower.
            results = engine.run(table.name, frame, failing, parameters, "COMPLETE")
            for rule in failing:
                indexes = np.asarray(results[rule.number]["result"]["unexpected_index_list"], dtype=np.int64)
                counts.failed[rule.number] += len(indexes)
                numbers = np.full(len(indexes), rule.number)
                failures.append(pa.table({"number": numbers, "position": positions[indexes]}))
    con = staged.export.con
    con.register("gate_failing_rows", pa.concat_tables(failures))
    con.execute("create or replace temp table gate_failures as select * from gate_failing_rows")
    con.unregister("gate_failing_rows")
    return counts


def _count(counts: RowCounts, rules: Sequence[Rule], results: Mapping[int, Mapping[str, Any]]) -> list[Rule]:
    """Add what the rules saw in one frame to the counts; returns the rules on rows that failed there."""
    failing = []
    for rule in rules:
        success, result = results[rule.number]["success"], results[rule.number]["result"]
        if rule.scope == "table":
            counts.details[rule.number] = {"success": success, **result}
            continue
        counts.checked[rule.number] += result["element_count"] - result.get("missing_count", 0)
        if not success:
            failing.append(rule)
    return failing


def row_result(export: Export, table: Table, rule: Rule, counts: RowCounts) -> Result:
    """The result of a rule on rows, with the teams, the weeks and some keys of the rows in `gate_failures`."""
    checked, failed = counts.checked[rule.number], counts.failed[rule.number]
    observed = f"{whole(failed)} of {rows_in_words(checked)}" if checked else "no value to judge"
    if not failed:
        return rule_result(table, rule, checked=checked, failed=0, observed=observed, outcome="passed")
    failing = f"gate_{table.name} g join gate_failures f on f.position = g._position and f.number = {rule.number}"
    weeks = export.con.sql(
        f"select coalesce(_week, 'undated'), count(*) from {failing} group by 1 order by 1"
    ).fetchall()
    teams = {row[0] for row in export.con.sql(f"select distinct _team from {failing}").fetchall()}
    key = [name for name in table.key[:3] if table[name].type in _KEY_FORMS]
    examples = export.con.sql(
        f"select parse_filename(g._file) || ' row ' || g._source_row, {_key_sql(table, key)} "
        f"from {failing} order by g._position limit {EXAMPLES}"
    ).fetchall()
    return rule_result(
        table,
        rule,
        checked=checked,
        failed=failed,
        observed=observed + _frequent_values(export, table, rule, failing),
        examples=tuple(_example(place, values) for place, *values in examples),
        teams=tuple(team for team in export.organisation.team_names if team in teams),
        outcome="set_aside" if rule.severity == "critical" else "warned",
        failures_by_week={str(label): int(rows) for label, rows in weeks} if table.dated_by else {},
    )


def set_rows_aside(
    export: Export, table: Table, rules: Sequence[Rule], derived: Mapping[str, DerivedColumn]
) -> pa.Table:
    """Collect the rows of critical failures with all their reasons, and index what other tables refer to.

    Returns:
        `_file`, `_row` and `reason`, one line per row. `gate_set_aside` has their `position`, `own` (whether a reason
        is the row's own) and `reason`; `gate_index_<table>` of a table that others refer to has `id`, `created_at`,
        `team` and `kept`.
    """
    critical = [rule for rule in rules if rule.severity == "critical"]
    inherited = {name for name, column in derived.items() if column.inherited}
    reasons = pa.table(
        {
            "number": pa.array([rule.number for rule in critical], pa.int64()),
            "reason": pa.array([rule.reason for rule in critical], pa.string()),
            "names_columns": pa.array([rule.column == "needed_values_are_readable" for rule in critical], pa.bool_()),
            "names_the_other": pa.array([rule.column == "key_is_unique" for rule in critical], pa.bool_()),
            "own": pa.array([inherited.isdisjoint(rule.columns) for rule in critical], pa.bool_()),
        }
    )
    con = export.con
    con.register("gate_reasons", reasons)
    con.execute(
        "create or replace temp table gate_set_aside as select f.position, bool_or(r.own) as own, "
        "string_agg(case when r.names_columns then r.reason || ': ' || g._unreadable "
        "when r.names_the_other then coalesce(g._repeats, r.reason) else r.reason end, '; ' "
        "order by r.number) as reason from gate_failures f join gate_reasons r using (number) "
        f"join gate_{table.name} g on g._position = f.position group by f.position"
    )
    con.unregister("gate_reasons")
    if table.name in REFERRED_TO:
        con.execute(
            f"create or replace temp table gate_index_{table.name} as select {table.key[0]} as id, "
            "min(_dated) as created_at, min(_team) as team, bool_or(s.position is null) as kept "
            f"from gate_{table.name} g left join gate_set_aside s on s.position = g._position "
            f"where {table.key[0]} is not null and g._repeats is null group by 1"
        )
    return con.sql(
        f"select g._file, g._row, s.reason from gate_{table.name} g "
        "join gate_set_aside s on s.position = g._position order by g._position"
    ).to_arrow_table()


def _frequent_values(export: Export, table: Table, rule: Rule, failing: str) -> str:
    """The most frequent values that failed, where they are categories and may be shown; the others are counted."""
    column = rule.columns[0]
    if column == "key_is_unique":
        repeated = export.count(f"select count(*) from gate_{table.name} where _repeats is not null")
        rows = export.count(f"select count(*) from gate_{table.name}")
        return "".join(
            f": {each}" for each in repeated_keys_in_words(table, export.present[table.name], repeated, rows)
        )
    if column.endswith("values_are_readable"):
        column = "_unreadable"
    elif not ("value_set" in rule.kwargs and column in table.names and table[column].type == "category"):
        return ""
    values = export.con.sql(f"select {column}, count(*) from {failing} group by 1 order by 2 desc, 1").fetchall()
    if column == "_unreadable":
        return ": " + "; ".join(f"{names} ({whole(count)})" for names, count in values[:_FREQUENT])
    return ": " + export.disclosure.counted((str(value), int(count)) for value, count in values).in_words(_FREQUENT)


def _key_sql(table: Table, names: Sequence[str]) -> str:
    """SQL of the columns of a row's key, as a reader would look for them."""
    return ", ".join(_KEY_FORMS[table[name].type].format(f"g.{name}") for name in names) or "null"


def _example(place: str, key: Sequence[str | None]) -> str:
    """A row by its key; by its file and number where it has none, or one that is not like ids of rows."""
    parts = [part for part in key if part is not None]
    return " · ".join(parts) if parts and all(map(looks_like_id, parts)) else place
