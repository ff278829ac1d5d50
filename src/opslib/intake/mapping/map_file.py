"""Maps the files of a CRM's export to the standard tables, as params/sources/NAME.yml says.

A mapping is compiled to SQL that DuckDB runs over the columns of a file; no value is handled one by one in Python. A
value that cannot be read never costs its row: the column is null there and `_unreadable` says what stood in it and what
was expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from opslib.intake.mapping.feed_plan import Plan, plan_feeds, plan_file
from opslib.intake.mapping.look_ups import LookUps
from opslib.intake.mapping.sources import Feed, SourceMapping
from opslib.intake.notation import identifier, parquet_source, quoted
from opslib.intake.reading.joined_rows import joined
from opslib.intake.reading.raw_rows import RawRows, Workspace
from opslib.settings import ReadingLimits
from opslib.tables import TABLES

CHUNK_ROWS: Final = 500_000


@dataclass(frozen=True)
class MappedFile:
    """The rows that one file gives to one standard table.

    `present` are the standard columns that the file gives; `rows_read` the rows that come out of `chunks()`;
    `left_out` the number of those that the mapping's `where` leaves out; `records` the number of records in the file,
    counted by another way than its rows; `unread` says what of the file was not read, and why; `damage` is what is
    wrong with the file as a whole; `found` are digests of what the file looks up beside it and finds, where these are
    kept. `rows` are a Parquet file, or those of a small file itself.
    """

    table: str
    path: Path
    present: frozenset[str]
    rows_read: int
    left_out: int
    records: int
    damage: str | None
    notes: tuple[str, ...]
    unread: tuple[str, ...]
    rows: Path | pa.Table = field(repr=False)
    found: pa.Table | None = field(repr=False)
    workspace: Workspace = field(repr=False)

    def chunks(self) -> Iterator[pa.Table]:
        """The rows in the order of the file, at most 500,000 at a time.

        Yields:
            All columns of the standard table in their types, `_row` (the data row of the file, from 1) and
            `_unreadable`.
        """
        schema = _chunk_schema(self.table)
        if isinstance(self.rows, pa.Table):
            yield self.rows.cast(schema)
            return
        with pq.ParquetFile(self.rows) as parquet_file:
            for batch in parquet_file.iter_batches(batch_size=CHUNK_ROWS):
                yield pa.Table.from_batches([batch]).cast(schema)

    def close(self) -> None:
        """Remove the temporary files (of all tables that the same file feeds)."""
        self.workspace.close()


def _chunk_schema(table: str) -> pa.Schema:
    return pa.schema([*TABLES[table].schema, ("_row", pa.int64()), ("_unreadable", pa.string())])


def map_file(
    con: duckdb.DuckDBPyConnection,
    mapping: SourceMapping,
    path: Path,
    exports: Path,
    *,
    limits: ReadingLimits | None = None,
    look_ups: LookUps | None = None,
) -> list[MappedFile]:
    """Read one file and make its rows those of the standard tables that it feeds.

    Args:
        con: a DuckDB connection; it is not held after the call.
        mapping: the source.
        path: a file that the source maps.
        exports: the folder of the exports, for look-ups.
        limits: how much the file may ask for.
        look_ups: what can be looked up in the exports, where several files share it.

    Returns:
        One for each standard table that the file feeds, in the order of the mapping.

    Raises:
        ExportError: the source maps no file of that name, or the file is not there.

    Notes:
        Times without an offset are in the mapping's zone. In the hour that a change to summer time skips they are read
        with the offset from before the change (02:30 becomes 03:30); in the hour that comes twice in autumn, as the
        second one (standard time). Instants are cut to whole seconds. The rows keep the order of the file; those from
        one row of it, the order of the mapping.
    """
    if look_ups is None:
        with LookUps(exports, limits) as own:
            return _mapped(plan_file(con, mapping, path, own, limits), path, con)
    return _mapped(plan_file(con, mapping, path, look_ups, limits), path, con)


def map_files(
    con: duckdb.DuckDBPyConnection,
    mapping: SourceMapping,
    paths: Sequence[Path],
    *,
    look_ups: LookUps,
    limits: ReadingLimits | None = None,
) -> list[list[MappedFile]]:
    """Map several files as `map_file` does each, those together that have the same columns.

    Args:
        con: a DuckDB connection; it is not held after the call.
        mapping: the source.
        paths: files that the same feeds of the source fit.
        look_ups: what can be looked up in the exports.
        limits: how much one file may ask for.

    Returns:
        What `map_file` gives for each file, in their order.

    Notes:
        To compile a mapping takes longer than to run it on a small file.
    """
    feeds = [feed for feed in mapping.feeds if feed.fits(paths[0].name)]
    options = {feed.read for feed in feeds}
    mapped: dict[Path, list[MappedFile]] = {}
    if len(paths) > 1 and len(options) == 1:
        alike: dict[tuple[tuple[str, ...], bool], list[RawRows]] = {}
        raws = look_ups.open_all(paths, feeds[0].read)
        for raw in raws:
            if raw.damage is None and not raw.sheets:
                alike.setdefault((raw.columns, raw.typed), []).append(raw)
        for group in alike.values():
            if len(group) > 1:
                mapped |= _mapped_together(con, mapping, feeds, group, look_ups)
    return [mapped.get(path) or _mapped(plan_file(con, mapping, path, look_ups, limits), path, con) for path in paths]


def _mapped_together(
    con: duckdb.DuckDBPyConnection,
    mapping: SourceMapping,
    feeds: Sequence[Feed],
    raws: Sequence[RawRows],
    look_ups: LookUps,
) -> dict[Path, list[MappedFile]]:
    """The rows of files with the same columns, mapped as one file and parted again; none where anything is wrong."""
    workspace = Workspace()
    together = replace(joined(con, raws), workspace=workspace)
    plans = plan_feeds(con, mapping, feeds, lambda options: together, look_ups)
    files = _mapped(plans, together.path, con)
    if any(file.damage is not None or file.unread for file in files):
        workspace.close()
        return {}
    last_rows = np.cumsum([raw.rows + raw.repeated_headers for raw in raws])
    mapped: dict[Path, list[MappedFile]] = {raw.path: [] for raw in raws}
    for file in files:
        assert isinstance(file.rows, Path)
        rows = pq.read_table(file.rows)
        cuts = np.searchsorted(rows["_row"].to_numpy(), [0, *last_rows], side="right").tolist()
        dropped = [row for plan in plans if plan.table == file.table for row in plan.left_out_rows(con)]
        left_out = np.bincount(np.searchsorted(last_rows, dropped), minlength=len(raws))
        found = [None] * len(raws) if file.found is None else _parted(file.found, last_rows)
        for number, raw in enumerate(raws):
            part = rows.slice(cuts[number], cuts[number + 1] - cuts[number])
            first = int(last_rows[number - 1]) if number else 0
            own_rows = pc.subtract(part["_row"], pa.scalar(first, pa.int64()))
            mapped[raw.path].append(
                replace(
                    file,
                    path=raw.path,
                    rows_read=len(part),
                    left_out=int(left_out[number]),
                    records=raw.records,
                    notes=tuple(dict.fromkeys([*raw.notes, *file.notes])),
                    rows=part.set_column(part.schema.get_field_index("_row"), "_row", own_rows),
                    found=found[number],
                )
            )
    workspace.close()
    return mapped


def _parted(found: pa.Table, last_rows: np.ndarray) -> list[pa.Table]:
    """What each of several files found; what row 0 says holds for all of them."""
    cuts = np.searchsorted(found["_row"].to_numpy(), [0, *last_rows], side="right").tolist()
    of_all = found.slice(0, cuts[0])
    return [pa.concat_tables([of_all, found.slice(start, end - start)]) for start, end in pairwise(cuts)]


def _mapped(plans: Sequence[Plan], path: Path, con: duckdb.DuckDBPyConnection) -> list[MappedFile]:
    workspace = plans[0].workspace
    files = []
    for table in dict.fromkeys(plan.table for plan in plans):
        table_plans = [plan for plan in plans if plan.table == table]
        target, cursor = workspace.new(".parquet"), con.cursor()
        if _write(cursor, table_plans, target):
            # What could not be read is tried again by the slow ways, which cost time to compile.
            table_plans = [plan.thorough() for plan in table_plans]
            _write(cursor, table_plans, target)
        damage = list(dict.fromkeys(message for plan in table_plans for message in plan.damage))
        files.append(
            MappedFile(
                table=table,
                path=path,
                present=frozenset(name for plan in table_plans for name in plan.present),
                rows_read=pq.read_metadata(target).num_rows,
                left_out=sum(plan.left_out(cursor) for plan in table_plans),
                records=table_plans[0].raw.records,
                damage="; ".join(damage) or None,
                notes=tuple(dict.fromkeys(note for plan in table_plans for note in plan.notes)),
                unread=tuple(dict.fromkeys(text for plan in table_plans for text in plan.unread)),
                rows=target,
                found=_found(cursor, table_plans),
                workspace=workspace,
            )
        )
    return files


def _found(con: duckdb.DuckDBPyConnection, plans: Sequence[Plan]) -> pa.Table | None:
    """Digests of what the plans of one table look up and find, by row; None where they look nothing up."""
    selects = [sql for plan in plans for sql in plan.found]
    if not selects:
        return None
    with con.cursor() as own:
        return own.sql(f"SELECT * FROM ({' UNION ALL '.join(selects)}) ORDER BY _row").to_arrow_table()


def _write(con: duckdb.DuckDBPyConnection, plans: Sequence[Plan], target: Path) -> bool:
    """Write the rows that the plans of one table give, and tell whether any value could not be read."""
    names = ", ".join(identifier(name) for name in (*TABLES[plans[0].table].names, "_row", "_unreadable"))
    selects = [plan.final_sql(number, row) for number, plan in enumerate(plans) for row in range(len(plan.variants))]
    order = "ORDER BY _row, _item, _feed, _rule" if len(selects) > 1 or any(plan.reordered for plan in plans) else ""
    con.execute(
        f"COPY (SELECT {names} FROM ({' UNION ALL '.join(selects)}) {order}) TO {quoted(target)} (FORMAT parquet)"
    )
    row = con.execute(f"SELECT count(_unreadable) FROM {parquet_source(target)}").fetchone()
    return row is not None and row[0] > 0
