"""Staged rows to standard tables: the later row of a key replaces the earlier, the gate judges, the rest is written.

Rows are accounted for: read = left out by the mapping, on request or by age + replaced + set aside + kept, per file and
table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from opslib.errors import ExportError
from opslib.intake.event_order import event_order
from opslib.intake.gate import gate
from opslib.intake.gate.verdict import DamagedFile, GateRun, Verdict
from opslib.intake.identities import identity, outdate_memberships, repeated_rows, version
from opslib.intake.notation import listed, parquet_sources, quoted
from opslib.intake.stage import Staged, accounting
from opslib.intake.staged_rows import PLACE
from opslib.locales import moment, time_of_day, weekday, whole
from opslib.settings import Organisation
from opslib.store.files import remove_all, remove_file, write_json
from opslib.store.memo import digest_of
from opslib.store.warehouse import WEEKLY_TABLES, Warehouse, former_neighbours, write_parquet
from opslib.tables import TABLES, Table
from opslib.weeks import last_complete_week, week_bounds, week_of_day

MEMO = "intake"
"""What the memo of the standard tables and of the verdict is called."""
_PAST = {
    "tickets": ("created_at", "updated_at", "solved_at", "closed_at"),
    "ticket_events": ("occurred_at",),
    "satisfaction": ("answered_at",),
}
_WITHHELD = ("satisfaction",)
"""Tables of which a team's rows are withheld, and nothing else of the team, where too many cannot be used."""
_SHARES_SET_ASIDE = ("set_aside_share", "set_aside_share_of_the_week", "unknown_ticket_share")
_ROWS_OF_A_PASS = 2_000_000
_WRITERS = 2
_LONGEST_NAME_BYTES = 160
_DAYS_NAMED = 7


@dataclass(frozen=True)
class Admission:
    """What came of the exports: the verdict, the instant they reach, the week that was judged, the rows.

    `rows` has a row per `file` and `table` with the numbers of rows `read`, `left_out`, `replaced`, `set_aside` and
    `kept`. `shortage` says that no week is complete, where none is. `quarantined` are the files of rows set aside.
    """

    verdict: Verdict
    as_of: datetime
    week: str
    rows: pd.DataFrame
    shortage: str | None
    quarantined: tuple[Path, ...]


def admit(
    warehouse: Warehouse,
    staged: Sequence[Staged],
    organisation: Organisation,
    *,
    expectations: Path,
    quarantine: Path,
    quarantine_since: datetime | None = None,
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
        quarantine_since: The last change from which on an export file's rows that are set aside are kept there.
        week: The ISO week to judge for; the last complete week in the data where None.
        as_of: The instant up to which the exports know the world; the latest instant in them where None.
        now: The present: nothing can have happened after it.
        team_column: What the export calls the team of a ticket.

    Returns:
        The verdict, the instant, the week, and the rows: `file`, `table`, and the numbers of rows `read`, `left_out`,
        `replaced`, `set_aside` and `kept`.

    Raises:
        ExportError: no row of the exports tells a time, or they hold no day of the week.
        GateError: the suites are not usable.
    """
    with warehouse.connect() as con:
        rows = accounting(staged).assign(replaced=0, set_aside=0, kept=0).set_index(["file", "table"]).sort_index()
        present = _present(staged)
        if "tickets" not in present:
            raise ExportError(
                f"{listed(sorted({item.file for item in staged}))}: there are no tickets beside it. Whose an event "
                "or an answer is hangs on its ticket, and so does every number: add the export of tickets (ticket_id, "
                "created_at, status, team) of the same time"
            )
        for table in present:
            repeated = _candidates(con, warehouse, TABLES[table], staged, rows)
            _add_repeated(con, warehouse, TABLES[table], staged, repeated)
        as_of = as_of or _as_of(con, present, now, staged)
        whole = week or _last_week(con, as_of, organisation)
        held = _days_held(con, as_of, organisation)
        shortage = held.shortage_of(whole, as_of, organisation) if held else None
        if shortage and week:
            raise ExportError(shortage)
        # Where no week is complete the days there are can be seen all the same, as the last week that has begun.
        week = held.last_week if held and shortage else whole
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
        aside: dict[str, pa.Table] = {}
        for table in present:
            set_aside = run.set_aside.get(table, _REASONS.empty_table()).cast(_REASONS)
            unusable = _unusable(con, run, TABLES[table], set_aside)
            aside[table] = pa.concat_tables([set_aside, unusable.cast(_REASONS)])
        quarantined = _write_quarantine(con, warehouse, quarantine, quarantine_since, staged, aside, rows)
        for table in present:
            _write_standard(con, warehouse, TABLES[table], aside[table], organisation, rows)
        for table in set(TABLES) - set(present):
            for path in warehouse.files("standard", table):
                remove_file(path)
    rows = rows.reset_index()
    _check_accounting(rows)
    kept = rows.groupby("table")["kept"].sum()
    present = {name: columns for name, columns in present.items() if kept[name] or name not in _WITHHELD}
    write_json({table: sorted(columns) for table, columns in present.items()}, warehouse.root / "standard/columns.json")
    warehouse.generations.write(run.verdict.to_json().encode(), warehouse.root / "gate" / f"{week}.json")
    return Admission(run.verdict, as_of, week, rows, shortage, quarantined)


_OF_QUARANTINE = ["file", "row", "reason"]
_DAMAGE = pa.schema([("file", pa.string()), ("reason", pa.string())])
_REASONS = pa.schema([("_file", pa.string()), ("_row", pa.int64()), ("reason", pa.string())])


def _present(staged: Iterable[Staged]) -> dict[str, frozenset[str]]:
    """The columns that the source gives, in any of its whole files.

    A table of which the mapping leaves out every row, as it does with ratings where nothing says that they were asked
    for, is not in the export; a table that must be there is there without a row.
    """
    silent = {
        table
        for table in {item.table for item in staged}
        if not TABLES[table].needed
        and all(item.damage is None and 0 < item.rows_read == item.left_out for item in staged if item.table == table)
    }
    present: dict[str, set[str]] = {}
    for item in staged:
        if item.table in silent:
            continue
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
    read = f"SELECT * FROM {_staged_rows(warehouse, table, whole)}"
    nothing = ", ".join(f'NULL::{_sql_type(column.arrow)} AS "{column.name}"' for column in table)
    empty = f"SELECT {nothing}, '' AS _file, 0 AS _order, 0 AS _row, 0 AS _source_row, NULL::VARCHAR AS _unreadable"
    source = read if whole else f"{empty} LIMIT 0"
    has_key = " AND ".join(f'"{name}" IS NOT NULL' for name in table.key if table[name].needed)
    is_event = table.name == "ticket_events"
    versioned_by = version(table)
    later = f"{versioned_by} DESC NULLS LAST, " if versioned_by else ""
    # Overlapping exports repeat an event; the first place where it stood tells its order among others of that instant.
    order = "_order, _row" if is_event else f"{later}_order DESC, _row DESC"
    content = f"hash({_columns(table.key if is_event else table.names)})"
    updated = versioned_by or "NULL::TIMESTAMPTZ"
    con.execute(f"CREATE TEMP TABLE read_rows AS {source}")
    repeated_rows(con, table, "read_rows")
    con.execute(f"""
        CREATE TEMP TABLE ranked AS
        SELECT *, {content} AS _content, CASE WHEN {has_key} THEN row_number() OVER same ELSE 1 END AS _rank,
               first_value({content}) OVER same AS _kept_content, first_value(_file) OVER same AS _kept_file,
               first_value(_source_row) OVER same AS _kept_row, first_value({updated}) OVER same AS _kept_updated
        FROM repeated_rows WINDOW same AS (PARTITION BY {identity(table)}, _copy ORDER BY {order})
    """)
    con.execute(f"""
        CREATE TEMP TABLE superseded AS
        SELECT _file, _row, _content <> _kept_content AND _file = _kept_file
               AND {updated} IS NOT DISTINCT FROM _kept_updated AS _conflict, _kept_row
        FROM ranked WHERE _rank > 1
    """)
    if table.name == "agents":
        outdate_memberships(con, "read_rows", "superseded")
    con.execute("DELETE FROM read_rows r USING superseded s WHERE r._file = s._file AND r._row = s._row")
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
    con.execute("DROP TABLE repeated_rows")
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
    files = set(pc.unique(repeated["_file"]).to_pylist())
    items = [item for item in staged if item.table == table.name and item.file in files]
    con.register("repeated", repeated)
    con.execute(
        f"INSERT INTO {name} BY NAME SELECT s.*, w.reason AS _repeats FROM {_staged_rows(warehouse, table, items)} s "
        "JOIN repeated w ON w._file = s._file AND w._row = s._row ORDER BY s._file, s._row"
    )
    con.unregister("repeated")


def _unusable(con: duckdb.DuckDBPyConnection, run: GateRun, table: Table, set_aside: pa.Table) -> pa.Table:
    """The other rows of teams of whose rows too many were set aside, where they are only warned of it.

    What is left of them would describe the rest and not the team; what does not rest on them stands.
    """
    if table.name not in _WITHHELD:
        return _REASONS.empty_table()
    failing = [each for each in run.verdict.results if each.table == table.name and each.outcome == "warned"]
    teams = {team for each in failing if each.column in _SHARES_SET_ASIDE for team in each.teams}
    con.register("set_aside", set_aside)
    rows = con.sql(
        f"""
        SELECT c._file, c._row, 'too many rows of the team were set aside: the rest would not describe it' AS reason
        FROM candidate_{table.name} c JOIN candidate_tickets t USING (ticket_id)
        ANTI JOIN set_aside a ON a._file = c._file AND a._row = c._row WHERE list_contains($teams, t.team)
        """,
        params={"teams": sorted(teams)},
    ).to_arrow_table()
    con.unregister("set_aside")
    return rows


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
        if latest and _latest_of_all(con, latest) is not None:
            raise ExportError(
                f"every row of the exports is dated after now ({moment(now, UTC)}): the clock of this machine, "
                "the zone, or the order of day and month in the mapping is not right"
            )
        damages = dict.fromkeys(item.damage for item in staged if item.damage is not None)
        if damages:
            raise ExportError(f"no file of the exports can be read whole: {'; '.join(damages)}")
        raise ExportError(
            "no row of the exports has a time that can be read, so there is no week to report; "
            "`opslib sources check` says column by column what the files would become"
        )
    return datetime.fromtimestamp(newest[0] // 1_000_000, UTC)


def _latest_of_all(con: duckdb.DuckDBPyConnection, latest: Sequence[str]) -> object:
    """The latest instant, also of those in the future."""
    end = {"now": datetime.max.replace(tzinfo=UTC)}
    row = con.execute(f"SELECT epoch_us(max(latest)) FROM ({' UNION ALL '.join(latest)})", end).fetchone()
    return None if row is None else row[0]


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


@dataclass(frozen=True)
class _DaysHeld:
    """The days on which tickets were created, each with their number, and the first of these instants."""

    days: tuple[tuple[date, int], ...]
    begin: datetime

    @property
    def last_week(self) -> str:
        return week_of_day(self.days[-1][0])

    def shortage_of(self, week: str, as_of: datetime, organisation: Organisation) -> str | None:
        """Why a week cannot be reported that lies before the first ticket, or after all that the exports know.

        Every number of it would be a zero.
        """
        start, end = week_bounds(week, organisation.zone)
        if self.begin < end and start <= as_of:
            return None
        seen = [f"{whole(count)} on {weekday(day)}, {day.year}" for day, count in self.days]
        some = ", ".join(seen) if len(seen) <= _DAYS_NAMED else f"{seen[0]}, …, {seen[-1]}"
        first, tolerance = week_of_day(self.days[0][0]), timedelta(hours=organisation.limits.week_ends_within_hours)
        if last_complete_week(as_of, organisation.zone, tolerance) < first:
            return (
                f"the exports hold no complete week, from Monday to Sunday: they end on "
                f"{_day_in_words(as_of, organisation)} and have tickets created: {some}; export at least up to the end "
                f"of {first}; what is shown are the days there are of {self.last_week}"
            )
        return f"the exports hold no day of {week}: they have tickets of {first} to {self.last_week} (created: {some})"


def _days_held(con: duckdb.DuckDBPyConnection, as_of: datetime, organisation: Organisation) -> _DaysHeld | None:
    """The days with tickets up to an instant; None where there are none."""
    if not _is_there(con, "candidate_tickets"):
        return None
    days = con.execute(
        f"SELECT CAST(timezone('{organisation.time_zone}', created_at) AS DATE), count(*), epoch_us(min(created_at)) "
        "FROM candidate_tickets WHERE created_at <= $as_of AND _repeats IS NULL GROUP BY 1 ORDER BY 1",
        {"as_of": as_of},
    ).fetchall()
    if not days:
        return None
    return _DaysHeld(
        tuple((day, count) for day, count, _ in days), datetime.fromtimestamp(days[0][2] // 1_000_000, UTC)
    )


def _day_in_words(instant: datetime, organisation: Organisation) -> str:
    local = instant.astimezone(organisation.zone)
    return f"{weekday(local)}, {local.year}, {time_of_day(local)}"


def _damaged_files(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, staged: Sequence[Staged], organisation: Organisation
) -> list[DamagedFile]:
    """The files that could not be read whole, each with the teams that its readable rows or its name concern."""
    files = []
    for item in staged:
        if item.damage is None:
            continue
        table = TABLES[item.table]
        rows = _staged_rows(warehouse, table, [item])
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


def _staged_rows(warehouse: Warehouse, table: Table, items: Sequence[Staged]) -> str:
    """SQL for FROM: the rows that at least one export file gives to a table.

    Beside the columns of the table stand `_file` and `_order` of the export file, `_source_row` (the row there),
    `_row` (a number that is unique in the file where one row of it gives several of a table) and `_unreadable`.
    """
    members: dict[Path, dict[int, Staged]] = {}
    for item in items:
        members.setdefault(warehouse.root / item.parquet, {})[item.place] = item
    # By Parquet file and place in it; rows of export files that are not asked for stand at places that have no name.
    places = [of_file.get(place) for of_file in members.values() for place in range(max(of_file) + 1)]
    files = ", ".join("NULL" if item is None else quoted(item.file) for item in places)
    orders = ", ".join("NULL" if item is None else str(item.order) for item in places)
    lasts = [max(of_file) for of_file in members.values()]
    starts = accumulate((last + 1 for last in lasts[:-1]), initial=0)
    place = f"{_of_parquet(starts)} + {PLACE} + 1"
    return (
        f"(SELECT {_columns(table.names)}, [{files}][{place}] AS _file, [{orders}][{place}] AS _order, "
        f"file_row_number AS _row, _row AS _source_row, _unreadable "
        f"FROM {parquet_sources(list(members), 'file_row_number = true')} "
        f"WHERE {PLACE} <= {_of_parquet(lasts)} AND [{files}][{place}] IS NOT NULL)"
    )


def _of_parquet(numbers: Iterable[int]) -> str:
    """SQL of the number that belongs to the Parquet file of a row."""
    return f"[{', '.join(map(str, numbers))}][file_index::BIGINT + 1]"


def _is_there(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    return bool(con.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = $name", {"name": name}).fetchall())


def _write_quarantine(
    con: duckdb.DuckDBPyConnection,
    warehouse: Warehouse,
    quarantine: Path,
    since: datetime | None,
    staged: Sequence[Staged],
    aside: Mapping[str, pa.Table],
    rows: pd.DataFrame,
) -> tuple[Path, ...]:
    """Write the rows that were set aside with their reasons, and forget those of earlier runs; the files written."""
    paths = set()
    for table, reasons in aside.items():
        damage = {item.file: item.damage for item in staged if item.table == table and item.damage is not None}
        files = damage.keys() | set(pc.unique(reasons["_file"]).to_pylist())
        items = [item for item in staged if item.table == table and item.file in files]
        if not items:
            continue
        con.register("reasons", reasons)
        con.register("damage", pa.table([list(damage), list(damage.values())], schema=_DAMAGE))
        rejected = con.sql(f"""
            SELECT s._file AS file, s._source_row AS row,
                   coalesce(d.reason, concat_ws('; ', w.reason, s._unreadable)) AS reason,
                   {_columns(TABLES[table].names, "s.")}
            FROM {_staged_rows(warehouse, TABLES[table], items)} s
            LEFT JOIN damage d ON d.file = s._file
            LEFT JOIN (
                SELECT _file, _row, string_agg(reason, '; ' ORDER BY reason) AS reason FROM reasons GROUP BY _file, _row
            ) w ON w._file = s._file AND w._row = s._row
            WHERE d.file IS NOT NULL OR w._row IS NOT NULL ORDER BY s._order, s._row
        """).to_arrow_table()
        con.unregister("reasons")
        con.unregister("damage")
        counts = {each["values"]: each["counts"] for each in pc.value_counts(rejected["file"]).to_pylist()}
        start = 0
        for item in sorted(items, key=lambda each: each.order):
            count = counts.get(item.file, 0)
            rows.loc[(item.file, table), "set_aside"] = count
            if count and not is_too_old(item, since):
                path = quarantine / table / f"{_safe_name(item.file)}.parquet"
                write_parquet(rejected.slice(start, count), path)
                paths.add(path)
            start += count
    for path in quarantine.glob("*/*.parquet"):
        if path not in paths and _is_quarantine(path):
            path.unlink()
    return tuple(sorted(paths))


def remove_former_quarantine(warehouse: Warehouse) -> list[str]:
    """Remove the rows set aside beside a warehouse, where earlier versions kept them for all warehouses there.

    Returns:
        A line that says so; none where there are none, or where a warehouse that still uses the place is beside.
    """
    folder = warehouse.root.parent / "quarantine"
    paths = [path for path in folder.glob("*/*.parquet") if _is_quarantine(path)]
    if not paths or former_neighbours(warehouse.root):
        return []
    remove_all(paths)
    for place in [*{path.parent for path in paths}, folder]:
        if not any(place.iterdir()):
            place.rmdir()
    return [f"rows that are set aside lie in {warehouse.root / 'quarantine'} now; {len(paths)} files of {folder} went"]


def _is_quarantine(path: Path) -> bool:
    """Whether a file is one of rows set aside; what somebody else put there is left alone."""
    if path.parent.name not in TABLES or not path.is_file():
        return False
    try:
        return bool(pq.read_schema(path).names[:3] == _OF_QUARANTINE)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return False


def is_too_old(item: Staged, since: datetime | None) -> bool:
    """Whether a file was last changed too long ago for what is set aside of it to be kept."""
    return since is not None and item.changed_ns < since.timestamp() * 1e9


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
    order, joins = "w.week, k.team, k.ticket_id", ""
    if table.name == "tickets":
        _name_weeks(con, organisation)
    else:
        of_an_instant = event_order(con, f"kept_{table.name}")
        order = f"w.week, w.team, k.ticket_id, k.occurred_at, {', '.join(of_an_instant.terms)}"
        joins = of_an_instant.joins
    dated_rows = f'"kept_{table.name}" k JOIN ticket_weeks w USING (ticket_id){joins}'
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
    """Events that come ticket by ticket, with their number within the ticket, from 0, as `sequence`."""
    places = np.arange(len(events))
    tickets = events["ticket_id"].combine_chunks()
    starts = np.ones(len(events), dtype=bool)
    starts[1:] = pc.not_equal(tickets[1:], tickets[:-1]).to_numpy(zero_copy_only=False)
    sequence = places - np.maximum.accumulate(np.where(starts, places, 0))
    return events.set_column(events.schema.get_field_index("sequence"), "sequence", pa.array(sequence, pa.int64()))


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
    counts = rows.set_index(["file", "table"])
    off = counts[counts["read"] != counts.drop(columns="read").sum(axis="columns")]
    if len(off):
        raise ExportError(
            f"rows are not accounted for; this is a fault of opslib, please report it:\n{off.to_string()}"
        )


def read_verdict(warehouse: Warehouse, week: str) -> Verdict:
    """The verdict on a week's exports.

    Raises:
        FileNotFoundError: the gate has not judged that week.
        GateError: its file is damaged, or of another version.
    """
    text = (warehouse.root / "gate" / f"{week}.json").read_text(encoding="utf-8", errors="replace")
    return Verdict.from_json(text)


def files_of_admission(warehouse: Warehouse, week: str) -> list[Path]:
    """What the admission of a week's exports wrote: the verdict and the tables."""
    files = [warehouse.root / "gate" / f"{week}.json", warehouse.folder("standard", "columns.json")]
    return files + [path for table in TABLES for path in warehouse.files("standard", table)]


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
