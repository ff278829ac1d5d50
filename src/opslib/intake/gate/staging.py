"""The rows of a table as its suite sees them: with team and week, and with what one row alone cannot tell.

Whether a key is unique and whether a row refers to one that is there is worked out in SQL over whole tables, as boolean
columns that Great Expectations then judges like any other.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from opslib.errors import GateError
from opslib.intake.gate.derived import DerivedColumn
from opslib.intake.gate.export import Export
from opslib.intake.gate.suites import Rule
from opslib.intake.notation import quoted_list
from opslib.tables import Table

CHUNK_ROWS = 500_000
REFERRED_TO = ("tickets", "agents", "projects", "articles")
"""The tables that rows of other tables refer to: they are judged first, and each has an index `gate_index_<table>`."""

_DUCKDB_TYPES = {
    "instant": "TIMESTAMP WITH TIME ZONE",
    "date": "DATE",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
}


@dataclass(frozen=True)
class StagedTable:
    """The rows of `gate_<table>`: how many, and which columns have another type than the standard table's."""

    export: Export
    table: Table
    rows: int
    mistyped: frozenset[str]

    def can_judge(self, rule: Rule, derived: Mapping[str, DerivedColumn]) -> bool:
        """False where the export lacks a column or a table that the rule speaks of, or has it as another type."""
        present = self.export.present[self.table.name]
        readable = present - self.mistyped
        own = present if rule.judges_types else readable
        return all(
            set(derived[name].columns) <= readable and set(derived[name].tables) <= set(self.export.present)
            if name in derived
            else name in own
            for name in rule.columns
        )

    def frames(self, columns: Sequence[str]) -> Generator[tuple[np.ndarray, pd.DataFrame]]:
        """The rows as frames of at most `CHUNK_ROWS` rows, each with the positions of its rows in `gate_<table>`.

        Args:
            columns: those of the frames; one of a wrong type comes as the export has it.

        Yields:
            Positions, and the frame. An empty table is one empty frame.
        """
        con, name = self.export.con, f"gate_{self.table.name}"
        staged_columns = set(con.sql(f"select * from {name} limit 0").columns)
        selected = ", ".join(
            f'"raw {column}" as {column}' if f"raw {column}" in staged_columns else column for column in columns
        )
        query = con.sql(f"select _position{', ' if selected else ''}{selected} from {name}")
        pending: list[pa.RecordBatch] = []
        empty = True
        with query.to_arrow_reader(CHUNK_ROWS) as reader:
            schema = reader.schema
            for batch in reader:
                if pending and sum(part.num_rows for part in pending) + batch.num_rows > CHUNK_ROWS:
                    yield _framed(pa.Table.from_batches(pending))
                    pending = []
                if batch.num_rows:
                    pending.append(batch)
                    empty = False
        if pending or empty:
            yield _framed(pa.Table.from_batches(pending, schema))


def stage_rows(
    export: Export, table: Table, rules: Sequence[Rule], derived: Mapping[str, DerivedColumn]
) -> StagedTable:
    """Make `gate_<table>` of `candidate_<table>`.

    Args:
        export: the export.
        table: one of its tables.
        rules: the suite of the table; columns that it does not name are left out.
        derived: the columns that it may name beside the table's own.

    Returns:
        What became `gate_<table>`: `_position`, `_file`, `_row`, `_source_row`, `_team`, `_dated`, `_week` (ISO),
        `_unreadable` (names of columns), `_repeats`, the key, the needed columns and those that the rules name; a
        column of a wrong type also as it is, as `raw <column>`.

    Raises:
        GateError: the candidate rows cannot be read or lack a column.
    """
    mistyped = _mistyped_columns(export.con, table)
    casts = [f"try_cast({n} as {_DUCKDB_TYPES.get(table[n].type, 'VARCHAR')}) as {n}" for n in mistyped]
    replaced = f" replace ({', '.join(casts)})" if casts else ""
    raw = "".join(f', {name} as "raw {name}"' for name in mistyped)
    keys = ", ".join(f"c.{name}" for name in table.key)
    same_key = " and ".join(f"d.{name} is not distinct from c.{name}" for name in table.key)
    whole = ", ".join(f"c.{name}" for name in table.names)
    dated = f"c.{table.dated_by}" if table.dated_by else "null::timestamptz"
    selected = [*_selected_columns(export, table, rules, derived), *(f'c."raw {name}"' for name in mistyped)]
    export.con.execute(
        f"create or replace temp table gate_{table.name} as "
        f"with c as (select row_number() over () as _position, *{replaced}{raw} from candidate_{table.name}), "
        f"d as (select {keys}, min(c._position) as first, min(hash({whole})) = max(hash({whole})) as identical "
        f"from c where hash({keys}) in (select hash({keys}) from c group by all having count(*) > 1) "
        f"and c._repeats is null group by {keys} having count(*) > 1) "
        f"select c._position, c._file, c._row, c._source_row, {_team_sql(export, table)} as _team, {dated} as _dated, "
        f"strftime(timezone('{export.organisation.time_zone}', {dated}), '%G-W%V') as _week, "
        f"{_unreadable_columns_sql(table.names)} as _unreadable, c._repeats, {', '.join(selected)} "
        f"from c left join d on {same_key}{_references_sql(export, table)}"
    )
    rows = export.count(f"select count(*) from gate_{table.name}")
    return StagedTable(export, table, rows, frozenset(mistyped))


@contextmanager
def temporary_tables(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Drop what the gate has staged on the connection, however it ends."""
    try:
        yield
    finally:
        names = con.execute(
            "select table_name from duckdb_tables() where temporary and table_name like 'gate\\_%' escape '\\'"
        ).fetchall()
        for (name,) in names:
            con.execute(f'drop table if exists temp."{name}"')


def _mistyped_columns(con: duckdb.DuckDBPyConnection, table: Table) -> list[str]:
    """The columns of the candidate rows that have another type than in the standard table, by name."""
    try:
        description = con.execute(f"describe select * from candidate_{table.name}").fetchall()
    except duckdb.Error as error:
        raise GateError(f"the candidate rows of {table.name} cannot be read: {error}") from error
    types = {str(row[0]): str(row[1]) for row in description}
    lacking = sorted({*table.names, "_file", "_row", "_source_row", "_unreadable", "_repeats"} - set(types))
    if lacking:
        raise GateError(f"the candidate rows of {table.name} lack the columns {', '.join(lacking)}")
    return sorted({c.name for c in table if types[c.name] != _DUCKDB_TYPES.get(c.type, "VARCHAR")})


def _selected_columns(
    export: Export, table: Table, rules: Sequence[Rule], derived: Mapping[str, DerivedColumn]
) -> list[str]:
    """SQL of the columns that the rules on rows name, of the key, the needed ones, the team."""
    names = {name for rule in rules if rule.scope != "teams" for name in rule.columns}
    names |= {*table.key, *table.needed_columns}
    own = [name for name in table.names if name in names or name == "team"]
    return [
        *(f"cast(c.{name} as timestamp) as {name}" if table[name].type == "date" else f"c.{name}" for name in own),
        *(
            f"{column.sql} as {name}"
            for name, column in derived.items()
            if name in names and set(column.tables) <= set(export.present)
        ),
    ]


def _team_sql(export: Export, table: Table) -> str:
    """SQL of the team that a row concerns; null where it names none of the organisation's."""
    match export.team_origin(table):
        case "own":
            return f"case when c.team in ({quoted_list(export.organisation.team_names)}) then c.team end"
        case "ticket":
            return "t.team"
        case "agent":
            return "a.team"
        case "nowhere":
            return "null::varchar"


def _references_sql(export: Export, table: Table) -> str:
    """SQL that joins the indexes of the ticket `t`, the agent `a` and the project `p` that a row names."""
    joins = ""
    for alias, other, column in (
        ("t", "tickets", "ticket_id"),
        ("a", "agents", "agent_id"),
        ("p", "projects", "project_id"),
    ):
        if column in table.names and other in export.present and other != table.name:
            joins += f" left join gate_index_{other} {alias} on {alias}.id = c.{column}"
    return joins


def _unreadable_columns_sql(columns: Sequence[str]) -> str:
    """SQL of the names of the columns that could not be read; the values are left out, they may be anything."""
    names = f"regexp_extract_all(c._unreadable, '(?:^|; )({'|'.join(columns)}): ', 1)"
    return f"case when c._unreadable is not null then array_to_string({names}, ', ') end"


def _framed(chunk: pa.Table) -> tuple[np.ndarray, pd.DataFrame]:
    """Positions, and the frame that Great Expectations sees; whole numbers and booleans keep their type with nulls."""
    nullable = {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype(), pa.bool_(): pd.BooleanDtype()}
    frame = chunk.drop_columns(["_position"]).to_pandas(types_mapper=nullable.get)
    return chunk.column("_position").to_numpy(), frame
