"""Staged rows to standard tables: the later row of a key replaces the earlier, the gate judges, the rest is written.

Rows are accounted for: read = left out by the mapping + replaced + set aside + kept, per file and table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from opslib.errors import ExportError
from opslib.intake.gate import gate
from opslib.intake.gate.verdict import DamagedFile, Verdict
from opslib.intake.notation import parquet_source, quoted
from opslib.intake.stage import Staged, accounting
from opslib.settings import Organisation
from opslib.store.files import write_json, write_text
from opslib.store.memo import digest_of
from opslib.store.warehouse import WEEKLY_TABLES, Warehouse, write_parquet
from opslib.tables import TABLES, Table
from opslib.weeks import last_complete_week, week_bounds

_PAST = {
    "tickets": ("created_at", "updated_at", "solved_at", "closed_at"),
    "ticket_events": ("occurred_at",),
    "satisfaction": ("answered_at",),
}
_FIRST = "created"
_ROWS_OF_A_PASS = 2_000_000
_WRITERS = 2
_LAST = ("merged_into", "deleted")
_LONGEST_NAME_BYTES = 160


@dataclass(frozen=True)
class Admission:
    """What came of the exports: the verdict, the instant they reach, the week that was judged, the rows.

    `rows` has a row per `file` and `table` with the numbers of rows `read`, `left_out`, `replaced`, `set_aside` and
    `kept`.
    """

    verdict: Verdict
    as_of: datetime
    week: str
    rows: pd.DataFrame


def admit(
    warehouse: Warehouse,
    staged: Sequence[Staged],
    organisation: Organisation,
    *,
    expectations: Path,
    quarantine: Path,
    week: str | None,
    as_of: datetime | None,
    now: datetime,
    team_column: str = "team",
) -> Admission:
    """Judge the staged rows and replace the standard tables by those that passed.

    Args:
        warehouse: Holds the staged files; its `standard/` and `gate/` are written.
        staged: What was staged, one entry per file and table.
        organisation: Teams, zone and limits.
        expectations: The folder of the suites.
        quarantine: Where rows that are set aside go, a folder per table.
        week: The ISO week to judge for; the last complete week in the data where None.
        as_of: The instant up to which the exports know the world; the latest instant in them where None.
        now: The present: nothing can have happened after it.
        team_column: What the export calls the team of a ticket.

    Returns:
        The verdict, the instant, the week, and the rows: `file`, `table`, and the numbers of rows `read`, `left_out`,
        `replaced`, `set_aside` and `kept`.

    Raises:
        ExportError: no row of the exports tells a time, so that there is no week to report.
        GateError: the suites are not usable.
    """
    with warehouse.connect() as con:
        rows = accounting(staged).assign(replaced=0, set_aside=0, kept=0).set_index(["file", "table"]).sort_index()
        present = _present(staged)
        for table in present:
            repeated = _candidates(con, warehouse, TABLES[table], staged, rows)
            _add_repeated(con, warehouse, TABLES[table], staged, repeated)
        as_of = as_of or _as_of(con, present, now, staged)
        week = week or _last_week(con, as_of, organisation)
        damaged_files = _damaged_files(con, warehouse, staged, organisation)
        run = gate.check(
            con,
            organisation=organisation,
            week=week,
            as_of=as_of,
            expectations=expectations,
            present=present,
            damaged=damaged_files,
            team_column=team_column,
            now=now,
        )
        aside = {table: run.set_aside.get(table, _REASONS.empty_table()).cast(_REASONS) for table in present}
        _write_quarantine(con, warehouse, quarantine, staged, aside, rows)
        for table in present:
            _write_standard(con, warehouse, TABLES[table], aside[table], organisation, rows)
        for table in set(TABLES) - set(present):
            for path in warehouse.files("standard", table):
                path.unlink()
    rows = rows.reset_index()
    _check_accounting(rows)
    write_json({table: sorted(columns) for table, columns in present.items()}, warehouse.root / "standard/columns.json")
    write_text(run.verdict.to_json(), warehouse.root / "gate" / f"{week}.json")
    return Admission(run.verdict, as_of, week, rows)


_REASONS = pa.schema([("_file", pa.string()), ("_row", pa.int64()), ("reason", pa.string())])


def _present(staged: Iterable[Staged]) -> dict[str, frozenset[str]]:
    """The columns that the source gives, in any of its whole files."""
    present: dict[str, set[str]] = {}
    for item in staged:
        present.setdefault(item.table, set())
        if item.damage is None:
            present[item.table] |= set(item.present)
    return {table: frozenset(present[table]) for table in TABLES if table in present}


def _candidates(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, table: Table, staged: Sequence[Staged], rows: pd.DataFrame
) -> pa.Table:
    """Make `candidate_<table>` of the whole files, one row per key.

    Returns:
        `_file`, `_row` and `reason` of the rows that repeat a key and that nothing puts in order.
    """
    whole = [item for item in staged if item.table == table.name and item.damage is None]
    selects = [
        f"SELECT {_columns(table.names)}, {quoted(item.file)} AS _file, {item.order} AS _order, "
        f"file_row_number AS _row, _row AS _source_row, _unreadable FROM {_staged_rows(warehouse, item)}"
        for item in whole
    ]
    nothing = ", ".join(f'NULL::{_sql_type(column.arrow)} AS "{column.name}"' for column in table)
    empty = f"SELECT {nothing}, '' AS _file, 0 AS _order, 0 AS _row, 0 AS _source_row, NULL::VARCHAR AS _unreadable"
    source = " UNION ALL ".join(selects) if selects else f"{empty} LIMIT 0"
    key = _columns(table.key)
    has_key = " AND ".join(f'"{name}" IS NOT NULL' for name in table.key if table[name].needed)
    later = '"updated_at" DESC NULLS LAST, ' if "updated_at" in table.names else ""
    # Overlapping exports repeat an event; the first place where it stood tells its order among others of that instant.
    order = "_order, _row" if table.name == "ticket_events" else f"{later}_order DESC, _row DESC"
    content = f"hash({_columns(table.names)})"
    updated = '"updated_at"' if "updated_at" in table.names else "NULL::TIMESTAMPTZ"
    con.execute(f"CREATE TEMP TABLE read_rows AS {source}")
    # Few keys repeat, mostly none; only their rows are put in order.
    con.execute(f"""
        CREATE TEMP TABLE ranked AS
        SELECT *, {content} AS _content, CASE WHEN {has_key} THEN row_number() OVER same ELSE 1 END AS _rank,
               first_value({content}) OVER same AS _kept_content, first_value(_file) OVER same AS _kept_file,
               first_value(_source_row) OVER same AS _kept_row, first_value({updated}) OVER same AS _kept_updated
        FROM read_rows
        WHERE hash({key}) IN (SELECT hash({key}) FROM read_rows GROUP BY ALL HAVING count(*) > 1)
        WINDOW same AS (PARTITION BY {key} ORDER BY {order})
    """)
    con.execute(f"""
        CREATE TEMP TABLE superseded AS
        SELECT _file, _row, _content <> _kept_content AND _file = _kept_file
               AND {updated} IS NOT DISTINCT FROM _kept_updated AS _conflict, _kept_row
        FROM ranked WHERE _rank > 1
    """)
    con.execute("DELETE FROM read_rows r USING superseded s WHERE r._file = s._file AND r._row = s._row")
    con.execute("ALTER TABLE read_rows DROP COLUMN _source_row")
    con.execute(f'ALTER TABLE read_rows RENAME TO "candidate_{table.name}"')
    for file, replaced in con.execute(
        "SELECT _file, count(*) FROM superseded WHERE NOT _conflict GROUP BY _file"
    ).fetchall():
        rows.loc[(file, table.name), "replaced"] = replaced
    names = ", ".join(name for name in table.key if table[name].needed)
    conflicts = con.sql(f"""
        SELECT _file, _row, 'the same {names} again in row ' || _kept_row || ' with other content, and nothing says '
               || 'which is later; that row was kept' AS reason
        FROM superseded WHERE _conflict ORDER BY _file, _row
    """).to_arrow_table()
    con.execute("DROP TABLE ranked")
    con.execute("DROP TABLE superseded")
    return conflicts


def _add_repeated(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, table: Table, staged: Sequence[Staged], repeated: pa.Table
) -> None:
    """Put the rows that repeat a key back among the candidates, with the reason as `_repeats`: the gate counts them."""
    name = f'"candidate_{table.name}"'
    con.execute(f"ALTER TABLE {name} ADD COLUMN _repeats VARCHAR")
    if not repeated.num_rows:
        return
    con.register("repeated", repeated)
    for file in pc.unique(repeated["_file"]).to_pylist():
        item = next(each for each in staged if (each.table, each.file) == (table.name, file))
        con.execute(
            f"INSERT INTO {name} BY NAME SELECT {_columns(table.names, 's.')}, w._file, {item.order} AS _order, "
            f"w._row, s._unreadable, w.reason AS _repeats FROM {_staged_rows(warehouse, item)} s "
            "JOIN repeated w ON w._row = s.file_row_number WHERE w._file = $file ORDER BY w._row",
            {"file": file},
        )
    con.unregister("repeated")


def _as_of(
    con: duckdb.DuckDBPyConnection, present: Mapping[str, frozenset[str]], now: datetime, staged: Sequence[Staged]
) -> datetime:
    """The latest instant at which something happened; instants in the future are errors of the export, not news."""
    latest = [
        f'SELECT max("{column}") AS latest FROM "candidate_{table}" WHERE "{column}" <= $now'
        for table, columns in _PAST.items()
        if table in present
        for column in columns
    ]
    newest = (
        con.execute(f"SELECT epoch_us(max(latest)) FROM ({' UNION ALL '.join(latest)})", {"now": now}).fetchone()
        if latest
        else None
    )
    if newest is None or newest[0] is None:
        damages = dict.fromkeys(f"{item.file}: {item.damage}" for item in staged if item.damage is not None)
        if damages:
            raise ExportError("\n".join(["nothing is left to report; what cannot be read:", *damages]))
        raise ExportError(
            "no row of the exports has a time that can be read, so there is no week to report; "
            "`opslib sources check` says column by column what the files would become"
        )
    return datetime.fromtimestamp(newest[0] // 1_000_000, UTC)


def _last_week(con: duckdb.DuckDBPyConnection, as_of: datetime, organisation: Organisation) -> str:
    """The last complete week in which tickets were created.

    An export of an old period knows of solves long after its last ticket; its last ticket then decides.
    """
    tolerance = timedelta(hours=organisation.limits.week_ends_within_hours)
    week = last_complete_week(as_of, organisation.zone, tolerance)
    start, _ = week_bounds(week, organisation.zone)
    newest = con.execute(
        "SELECT epoch_us(max(created_at)) FROM candidate_tickets WHERE created_at <= $as_of", {"as_of": as_of}
    ).fetchone()
    if newest is None or newest[0] is None:
        return week
    last = datetime.fromtimestamp(newest[0] // 1_000_000, UTC)
    return week if last >= start else last_complete_week(last, organisation.zone, tolerance)


def _damaged_files(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, staged: Sequence[Staged], organisation: Organisation
) -> list[DamagedFile]:
    """The files that could not be read whole, each with the teams that its readable rows or its name concern."""
    files = []
    for item in staged:
        if item.damage is None:
            continue
        rows = _staged_rows(warehouse, item)
        table = TABLES[item.table]
        if "team" in table.names:
            query = f"SELECT DISTINCT team FROM {rows}"
        elif "ticket_id" in table.names:
            query = f"SELECT DISTINCT team FROM candidate_tickets SEMI JOIN {rows} USING (ticket_id)"
        elif "agent_id" in table.names and _is_there(con, "candidate_agents"):
            query = f"SELECT DISTINCT team FROM candidate_agents SEMI JOIN {rows} USING (agent_id)"
        else:
            query = "SELECT NULL WHERE false"
        teams = {team for (team,) in con.execute(query).fetchall()} & set(organisation.team_names)
        teams_in_name = {team for team in organisation.team_names if team in item.file}
        count = con.execute(f"SELECT count(*) FROM {rows}").fetchone()
        assert count is not None
        files.append(
            DamagedFile(
                table=item.table,
                file=item.file,
                message=item.damage,
                teams=tuple(sorted(teams_in_name or teams)) or None,
                rows=count[0],
            )
        )
    return files


def _staged_rows(warehouse: Warehouse, item: Staged) -> str:
    """The rows of a staged file; `file_row_number` is unique where one row of an export gives several of a table."""
    return parquet_source(warehouse.root / item.parquet, "file_row_number = true")


def _is_there(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    return bool(con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = $name", {"name": name}).fetchall())


def _write_quarantine(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    quarantine: Path,
    staged: Sequence[Staged],
    aside: Mapping[str, pa.Table],
    rows: pd.DataFrame,
) -> None:
    """Write the rows that were set aside with their reasons, and forget those of earlier runs."""
    paths = set()
    for item in staged:
        source = _staged_rows(warehouse, item)
        reasons = aside[item.table]
        if item.damage is not None:
            query = (
                f"SELECT {quoted(item.file)} AS file, _row AS row, $why AS reason, "
                f"* EXCLUDE (_row, _unreadable, file_row_number) FROM {source} ORDER BY file_row_number"
            )
            rejected = con.sql(query, params={"why": item.damage}).to_arrow_table()
            rows.loc[(item.file, item.table), "set_aside"] = len(rejected)
        else:
            con.register("reasons", reasons)
            query = (
                f"SELECT {quoted(item.file)} AS file, s._row AS row, "
                "concat_ws('; ', w.reason, s._unreadable) AS reason, "
                "s.* EXCLUDE (_row, _unreadable, file_row_number) "
                f"FROM {source} s JOIN "
                "(SELECT _row, string_agg(reason, '; ' ORDER BY reason) AS reason FROM reasons "
                "WHERE _file = $file GROUP BY _row) w ON w._row = s.file_row_number ORDER BY s.file_row_number"
            )
            rejected = con.sql(query, params={"file": item.file}).to_arrow_table()
            con.unregister("reasons")
            rows.loc[(item.file, item.table), "set_aside"] = len(rejected)
        if len(rejected):
            path = quarantine / item.table / f"{_safe_name(item.file)}.parquet"
            write_parquet(rejected, path)
            paths.add(path)
    for path in quarantine.glob("*/*.parquet"):
        if path not in paths:
            path.unlink()


def _safe_name(file: str) -> str:
    """A file's name as a name in another folder: its own where it can be, else one that no other file gets."""
    plain = file.replace("/", "_")
    if plain == file and len(file.encode()) <= _LONGEST_NAME_BYTES and "~" not in file:
        return file
    return f"{plain.encode()[:_LONGEST_NAME_BYTES].decode(errors='ignore')}~{digest_of(file)[:12]}"


def _write_standard(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    table: Table,
    aside: pa.Table,
    organisation: Organisation,
    rows: pd.DataFrame,
) -> None:
    con.register("aside", aside)
    con.execute(f"""
        CREATE TEMP TABLE "kept_{table.name}" AS SELECT c.* EXCLUDE (_unreadable, _repeats)
        FROM "candidate_{table.name}" c ANTI JOIN aside a ON a._file = c._file AND a._row = c._row
    """)
    con.unregister("aside")
    for file, kept in con.execute(f'SELECT _file, count(*) FROM "kept_{table.name}" GROUP BY _file').fetchall():
        rows.loc[(file, table.name), "kept"] = kept
    columns = _columns(table.names, "k.")
    if table.name not in WEEKLY_TABLES:
        key = _columns(table.key, "k.")
        query = f'SELECT {columns} FROM "kept_{table.name}" k ORDER BY {key}, k._order, k._row'
        warehouse.write("standard", table.name, con.sql(query).to_arrow_table().cast(table.schema))
        return
    order = "w.week, k.team, k.ticket_id"
    if table.name == "tickets":
        _name_weeks(con, organisation)
    else:
        order = f"w.week, w.team, k.ticket_id, occurred_at, event <> '{_FIRST}', event IN {_LAST}, _order, _row"
    dated_rows = f'"kept_{table.name}" k JOIN ticket_weeks w USING (ticket_id)'
    query = f"SELECT {columns}, w.week FROM {dated_rows} WHERE w.week BETWEEN $first AND $last ORDER BY {order}"
    rows_of = dict(con.execute(f"SELECT w.week, count(*) FROM {dated_rows} GROUP BY w.week").fetchall())
    week_rows = con.execute("SELECT DISTINCT week FROM ticket_weeks WHERE week IS NOT NULL ORDER BY week").fetchall()
    weeks = [week for (week,) in week_rows]
    with ThreadPoolExecutor(_WRITERS) as writers:
        for weeks_of_pass in _passes(weeks, rows_of):
            sorted_rows = con.sql(query, params={"first": weeks_of_pass[0], "last": weeks_of_pass[-1]}).to_arrow_table()
            if table.name == "ticket_events":
                sorted_rows = _with_sequence(sorted_rows)
            writing, start = [], 0
            for week in weeks_of_pass:
                size = rows_of.get(week, 0)
                part = sorted_rows.slice(start, size).combine_chunks()
                writing.append(writers.submit(warehouse.write_week, "standard", table.name, week, part))
                start += size
            for each in writing:
                each.result()
    warehouse.remove_weeks("standard", table.name, keep=weeks)


def _with_sequence(events: pa.Table) -> pa.Table:
    """Events that come ticket by ticket, with their number within the ticket, from 0, as `sequence` before `week`."""
    places = np.arange(len(events))
    tickets = events["ticket_id"].combine_chunks()
    starts = np.ones(len(events), dtype=bool)
    starts[1:] = pc.not_equal(tickets[1:], tickets[:-1]).to_numpy(zero_copy_only=False)
    sequence = places - np.maximum.accumulate(np.where(starts, places, 0))
    return events.add_column(events.schema.get_field_index("week"), "sequence", pa.array(sequence, pa.int64()))


def _passes(weeks: Sequence[str], rows: Mapping[str, int]) -> Iterator[list[str]]:
    """Neighbouring weeks that are put in order together."""
    weeks_of_pass: list[str] = []
    for week in weeks:
        if weeks_of_pass and sum(rows.get(label, 0) for label in (*weeks_of_pass, week)) > _ROWS_OF_A_PASS:
            yield weeks_of_pass
            weeks_of_pass = []
        weeks_of_pass.append(week)
    if weeks_of_pass:
        yield weeks_of_pass


def _name_weeks(con: duckdb.DuckDBPyConnection, organisation: Organisation) -> None:
    """The ISO week of each ticket's creation in the organisation's zone; its events go to the same partition."""
    con.execute(f"""
        CREATE TEMP TABLE ticket_weeks AS
        SELECT ticket_id, team, strftime(created_at AT TIME ZONE '{organisation.time_zone}', '%G-W%V') AS week
        FROM kept_tickets
    """)


def _check_accounting(rows: pd.DataFrame) -> None:
    off = rows[rows["read"] != rows["left_out"] + rows["replaced"] + rows["set_aside"] + rows["kept"]]
    if len(off):
        raise ExportError(
            f"rows are not accounted for; this is a fault of opslib, please report it:\n{off.to_string()}"
        )


def read_verdict(warehouse: Warehouse, week: str) -> Verdict:
    """The verdict on a week's exports.

    Raises:
        FileNotFoundError: the gate has not judged that week.
    """
    return Verdict.from_json((warehouse.root / "gate" / f"{week}.json").read_text(encoding="utf-8"))


def files_of_admission(warehouse: Warehouse, week: str) -> list[str]:
    """What the admission of a week's exports wrote, from the warehouse's folder on: the verdict and the tables."""
    files = [warehouse.root / "gate" / f"{week}.json", warehouse.folder("standard", "columns.json")]
    files += [path for table in TABLES for path in warehouse.files("standard", table)]
    return [path.relative_to(warehouse.root).as_posix() for path in files]


def verdict_weeks(warehouse: Warehouse) -> list[str]:
    """The weeks that the gate has judged."""
    return sorted(path.stem for path in (warehouse.root / "gate").glob("*.json"))


def _columns(names: Iterable[str], prefix: str = "") -> str:
    return ", ".join(f'{prefix}"{name}"' for name in names)


def _sql_type(type_: pa.DataType) -> str:
    if pa.types.is_timestamp(type_):
        return "TIMESTAMPTZ"
    return {"string": "VARCHAR", "date32[day]": "DATE", "int64": "BIGINT", "double": "DOUBLE", "bool": "BOOLEAN"}[
        str(type_)
    ]
