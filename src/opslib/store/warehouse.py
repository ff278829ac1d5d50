"""The warehouse: Parquet files that are written aside and renamed, with the same bytes for the same rows."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial, reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from opslib.errors import NotInExport, WarehouseError
from opslib.locales import whole
from opslib.store.files import asides_in, make_way, pattern_of, remove_all, remove_file, write_aside
from opslib.store.generations import PLACE, Generations
from opslib.store.memo import Memo

if TYPE_CHECKING:
    import duckdb
    import ibis
    import pandas as pd

WEEKLY_TABLES = frozenset({"tickets", "ticket_events"})
LOCK = ".lock"
PUBLISHED, FORGOTTEN, NOTES, PLANS = "published", "forgotten", "notes", "plans"
KEPT = (".gitignore", "gate", PUBLISHED, FORGOTTEN, PLANS)
"""What cannot be made anew: how weeks were judged, what was published, who stays out, past plans."""
OWN = (
    *(".gitignore", ".lock", ".aside-", "opslib.key", "warehouse.json", "facts", "forgotten", "gate", "generations"),
    *("memo", "notes", "plans", "published", "quarantine", "staged", "standard"),
)
"""How the names of what lies in the folder of a warehouse begin."""

_WORTH_THREADS_ROWS = 50_000
"""Of a file from which on threads are worth their start: a week of a small table is read sooner without."""
READS = "OPSLIB_READS"
"""Names the file, if any, to which a process adds the slices that it reads: a report depends on these and no others."""


@dataclass(frozen=True)
class Slice:
    """Some of a table; None is all of it.

    A row belongs to a team where any of `team_columns` names it. `until` is a day (ISO), the last of those of the
    column `day` that count: what is told of later days leaves the slice as it is.
    """

    area: str
    table: str
    columns: tuple[str, ...] | None = None
    weeks: tuple[str, ...] | None = None
    teams: tuple[str, ...] | None = None
    team_columns: tuple[str, ...] = ("team",)
    until: str | None = None


class Warehouse:
    """A folder of Parquet: `<area>/<table>/part.parquet`, or `<area>/<table>/week=2026-W46/part.parquet`.

    Areas are `standard` (the gated tables) and `facts`. Every file is written aside and renamed, and is left alone
    where its bytes would not change, so that what depends on it can tell by its bytes whether it is still current.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection in UTC that spills into the warehouse."""
        import duckdb

        con = duckdb.connect()
        con.execute("SET TimeZone='UTC'")
        if con.execute("SELECT current_setting('enable_progress_bar')").fetchall() == [(True,)]:
            con.execute("SET enable_progress_bar=false")
        con.execute("SET preserve_insertion_order=true")
        spill = str(self.root / ".aside-spill").replace("'", "''")
        con.execute(f"SET temp_directory='{spill}'")
        return con

    def engine(self) -> ibis.BaseBackend:
        """An Ibis engine over such a connection."""
        import ibis

        return ibis.duckdb.from_connection(self.connect())

    @contextmanager
    def locked(self, *, wait_seconds: float = 900) -> Iterator[None]:
        """Hold the warehouse for one run; a second one waits.

        Raises:
            WarehouseError: another run held it for longer than `wait_seconds`.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        make_way(self.root / LOCK)
        lock = FileLock(self.root / LOCK)
        try:
            lock.acquire(timeout=wait_seconds)
        except Timeout as error:
            raise WarehouseError(
                f"another run has held {self.root} for {whole(wait_seconds)} s; wait for it to end, then run again"
            ) from error
        try:
            remove_all(asides_in(self.root))
            self._keep_out_of_git()
            yield
        finally:
            lock.release()

    def is_held(self) -> bool:
        """Whether a run holds the warehouse just now."""
        lock = self.root / LOCK
        if not lock.is_file():
            return False
        try:
            with FileLock(lock, timeout=0):
                return False
        except Timeout:
            return True

    def _keep_out_of_git(self) -> None:
        """Have git leave the warehouse alone, wherever it lies; a file of rules that somebody else wrote stays."""
        path = self.root / ".gitignore"
        if not path.is_file():
            others = {each.name for each in self.root.iterdir()} - set(OWN)
            rules = [f"/{name}*" for name in OWN] if others else ["*"]
            text = "\n".join(
                ["# A warehouse holds rows of customers and its key: none of it belongs into git.", *rules]
            )
            self.generations.write(f"{text}\n".encode(), path)

    @property
    def generations(self) -> Generations:
        """What keeps the files that cannot be made anew."""
        return Generations(self.root)

    def mend(self) -> list[str]:
        """Put right what cannot be made anew and is not as it was written; a line for each file."""
        paths = self._kept()
        lines = [line for path in paths if (line := self.generations.mend(path))]
        for path in sorted({*(self.root / PUBLISHED).rglob("part.parquet")} - {*paths}):
            # An earlier version kept no copies.
            try:
                pq.read_table(path, partitioning=None)
                self.generations.adopt(path)
            except (pa.ArrowException, OSError) as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise
                remove_file(path)
                lines.append(f"{path.relative_to(self.root)} was damaged and has no copy: what it held is lost")
        return lines

    def damage_of_kept(self) -> list[Path]:
        """The files that `mend` puts right, but for those of which only a copy is damaged."""
        return [path for path in self._kept() if not self.generations.is_newest(path)]

    def _kept(self) -> list[Path]:
        return [path for place in KEPT for path in self.generations.paths(self.root / place)]

    def folder(self, area: str, table: str) -> Path:
        return self.root / area / table

    def files(self, area: str, table: str, weeks: Iterable[str] | None = None) -> list[Path]:
        """The Parquet files of a table, of all weeks or of some."""
        folder = self.folder(area, table)
        if weeks is None:
            return sorted(folder.glob("part.parquet")) + sorted(folder.glob("week=*/part.parquet"))
        return [path for week in sorted(set(weeks)) if (path := folder / f"week={week}" / "part.parquet").exists()]

    def weeks(self, area: str, table: str) -> list[str]:
        """The weeks that a table partitioned by week holds."""
        return sorted(
            path.parent.name.removeprefix("week=") for path in self.folder(area, table).glob("week=*/part.parquet")
        )

    def memo(self, step: str) -> Memo:
        """What a step of the run made of what."""
        return Memo(self.root / "memo" / f"{step}.json")

    def damage(self) -> list[Path]:
        """The files that are missing, or not as a step of the run left them; what they hold is made anew."""
        files: list[Path] = []
        for path in sorted((self.root / "memo").glob("*.json")):
            memo = Memo(path)
            files += [path] if memo.is_damaged else memo.lost()
        names = sorted({os.path.relpath(path, self.root) for path in files})
        return [Path(name) for name in names]

    def has(self, area: str, table: str) -> bool:
        return bool(self.files(area, table))

    def write(
        self, area: str, table: str, rows: pa.Table | pd.DataFrame, *, partition_by_week: bool = False
    ) -> list[Path]:
        """Replace a table; its rows are written in the order in which they come.

        Args:
            area: `standard` or `facts`.
            table: Its name.
            rows: Its rows; with `partition_by_week` their column `week` (text) says which partition each goes to.
            partition_by_week: One file per week instead of one in all; weeks that are not in `rows` are removed.

        Returns:
            The files whose bytes changed (removed ones among them).
        """
        if not isinstance(rows, pa.Table):
            rows = pa.Table.from_pandas(rows, preserve_index=False)
        folder = self.folder(area, table)
        if not partition_by_week:
            self.remove_weeks(area, table, keep=())
            return [path for path in (folder / "part.parquet",) if self._replace(rows, path)]
        remove_file(folder / "part.parquet")
        changed = []
        weeks = sorted(week for week in pc.unique(rows["week"]).to_pylist() if week is not None)
        for week in weeks:
            path = folder / f"week={week}" / "part.parquet"
            if self._replace(rows.filter(pc.equal(rows["week"], week)), path):
                changed.append(path)
        return changed + self.remove_weeks(area, table, keep=weeks)

    def remove_weeks(self, area: str, table: str, *, keep: Iterable[str]) -> list[Path]:
        """Remove the weeks of a table but for some; returns the files that were removed."""
        weeks = sorted(set(self.weeks(area, table)) - set(keep))
        files = [self.folder(area, table) / f"week={week}" / "part.parquet" for week in weeks]
        for path in files:
            self.generations.forget(path)
            remove_file(path)
            # What others put there stays.
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
        return files

    def write_week(self, area: str, table: str, week: str, rows: pa.Table) -> bool:
        """Replace one week of a table that is partitioned by week; True where its bytes changed."""
        return self._replace(rows, self.folder(area, table) / f"week={week}" / "part.parquet")

    def _replace(self, rows: pa.Table, path: Path) -> bool:
        if any(path.is_relative_to(self.root / area) for area in (PUBLISHED, FORGOTTEN, PLANS)):
            return self.generations.write(parquet_of(rows), path)
        return write_parquet(rows, path)

    def read(
        self,
        area: str,
        table: str,
        *,
        columns: Sequence[str] | None = None,
        weeks: Iterable[str] | None = None,
        teams: Iterable[str] | None = None,
        until: date | None = None,
    ) -> pd.DataFrame:
        """A slice of a table as a pandas frame; instants are in UTC.

        Args:
            area: `standard`, `facts` or another.
            table: its name.
            columns: which; None is all.
            weeks: which partitions; None is all.
            teams: whose rows; None is everybody's.
            until: of a table by day, the last day; None is all.

        Raises:
            NotInExport: the warehouse has no such table.
        """
        last = None if until is None else until.isoformat()
        part = Slice(area, table, _tuple(columns), _tuple(weeks), _tuple(teams), until=last)
        frame: pd.DataFrame = self.rows(part).to_pandas()
        return frame

    def rows(self, part: Slice) -> pa.Table:
        """The rows of a slice.

        Raises:
            NotInExport: the warehouse has no such table.
        """
        _note_read(part)
        return self._rows(part)

    def digest_of(self, part: Slice) -> str:
        """SHA-256 of the rows of a slice; of none where the warehouse has no such table."""
        try:
            rows = self._rows(part)
        except NotInExport:
            return "not in this export"
        # Parquet, as it has the same bytes for the same rows; Arrow's own buffers keep what lies behind nulls.
        stream = io.BytesIO()
        pq.write_table(rows.replace_schema_metadata(None), stream, compression="none")
        return hashlib.sha256(stream.getbuffer()).hexdigest()

    def _rows(self, part: Slice) -> pa.Table:
        files = self.files(part.area, part.table, part.weeks)
        teams = part.teams
        if not files and not self.has(part.area, part.table):
            raise NotInExport(f"{part.area}/{part.table} is not in this warehouse: the export has no {part.table}")
        if not files:
            files = self.files(part.area, part.table)[:1]
            teams = ()
        columns = None if part.columns is None else list(part.columns)
        # A column that earlier weeks lack is null in them.
        parts = [_read(path, columns, teams, part.team_columns) for path in files]
        rows = pa.concat_tables(parts, promote_options="default")
        if part.until is None:
            return rows
        return rows.filter(pc.less_equal(rows["day"], pa.scalar(date.fromisoformat(part.until))))

    def scan(
        self, engine: ibis.BaseBackend, area: str, table: str, weeks: Iterable[str] | None = None
    ) -> ibis.expr.types.Table:
        """A table, or some weeks of it, as an Ibis table of the engine.

        Raises:
            NotInExport: the warehouse has none of it.
        """
        files = self.files(area, table, weeks)
        if not files:
            raise NotInExport(f"{area}/{table} is not in this warehouse: the export has no {table}")
        return engine.read_parquet([pattern_of(path) for path in files], hive_partitioning=False)

    def told(self, table: str) -> Slice:
        """A standard table with the columns that the export gives; all where it is not known which."""
        return Slice("standard", table, tuple(sorted(self.columns(table))) or None)

    def note_read(self, part: Slice) -> None:
        """Say that a report rests on rows which an engine reads, as `rows` says of those that it returns."""
        _note_read(part)

    def columns(self, table: str) -> frozenset[str]:
        """The columns of a standard table that the export gives; empty where it has no such table."""
        return self.present().get(table, frozenset())

    def present(self) -> dict[str, frozenset[str]]:
        """For each standard table the columns that the export gives."""
        path = self.root / "standard" / "columns.json"
        if not path.exists():
            return {}
        tables = _json_of(path)
        return {table: frozenset(columns) for table, columns in tables.items()}

    def facts_of_the_run(self) -> dict[str, Any]:
        """What is known of the export as a whole: source, as_of, whether it is the sample.

        Raises:
            WarehouseError: nothing has been taken in yet.
        """
        path = self.root / "warehouse.json"
        if not path.exists():
            raise WarehouseError(f"{self.root} is empty; `make facts` (or `make weekly`) fills it")
        return _json_of(path)


def former_neighbours(root: Path) -> list[str]:
    """The warehouses beside one that no run of this version has opened: they still share key and quarantine there."""
    beside = [each for each in root.absolute().parent.iterdir() if each.name != root.name and (each / "memo").is_dir()]
    return sorted(each.name for each in beside if not (each / PLACE).is_dir())


def _json_of(path: Path) -> dict[str, Any]:
    """What a file of the warehouse that holds JSON says."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, IsADirectoryError) as error:
        raise WarehouseError(f"{path} is damaged; `make facts` makes it anew") from error


def _read(
    path: Path, columns: list[str] | None, teams: tuple[str, ...] | None, team_columns: tuple[str, ...]
) -> pa.Table:
    """Some columns of a file, of the rows that belong to some teams; None is all.

    Raises:
        WarehouseError: the file is no Parquet, or not whole.
    """
    try:
        return _rows_of(path, columns, teams, team_columns)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise WarehouseError(f"{path} is damaged; `make facts` makes it anew") from error


def _rows_of(
    path: Path, columns: list[str] | None, teams: tuple[str, ...] | None, team_columns: tuple[str, ...]
) -> pa.Table:
    with pq.ParquetFile(path) as file:
        has_many = file.metadata.num_rows > _WORTH_THREADS_ROWS
        if teams is None:
            return file.read(columns=columns, use_threads=has_many)
        named = pa.array(teams, pa.string())
        if file.num_row_groups > 1:
            among = reduce(or_, (pc.field(name).isin(named) for name in team_columns))
            return pq.read_table(path, columns=columns, filters=among, partitioning=None)
        # a reader that filters takes several times as long, and saves nothing where there is nothing to skip
        needed = None if columns is None else list(dict.fromkeys([*columns, *team_columns]))
        rows = file.read(columns=needed, use_threads=has_many)
        rows = rows.filter(reduce(pc.or_kleene, (pc.is_in(rows[name], value_set=named) for name in team_columns)))
        return rows if columns is None else rows.select(columns)


def slices_read(path: Path) -> list[Slice]:
    """The slices that a process noted in its file of reads, each once."""
    if not path.exists():
        return []
    lines = dict.fromkeys(path.read_text(encoding="utf-8").splitlines())
    return [slice_of(json.loads(line)) for line in lines]


def slice_of(written: Mapping[str, Any]) -> Slice:
    """A slice read back from JSON, which knows lists only."""
    some = {name: _tuple(written[name]) for name in ("columns", "weeks", "teams")}
    return Slice(
        written["area"], written["table"], **some, team_columns=tuple(written["team_columns"]), until=written["until"]
    )


def _note_read(part: Slice) -> None:
    if path := os.environ.get(READS):
        with open(path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(part)) + "\n")


def _tuple(names: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)


def write_parquet(rows: pa.Table, path: Path) -> bool:
    """Replace a Parquet file; False, and untouched, where it already has these bytes."""
    return write_aside(path, partial(_write_rows, rows))


def parquet_of(rows: pa.Table) -> bytes:
    """The bytes that `write_parquet` writes."""
    stream = io.BytesIO()
    _write_rows(rows, stream)
    return stream.getvalue()


def _write_rows(rows: pa.Table, target: Path | io.BytesIO) -> None:
    # A dictionary pays for text that repeats; for numbers and instants it costs time and space.
    text = [field.name for field in rows.schema if pa.types.is_string(field.type)]
    bare = rows.replace_schema_metadata(None)
    pq.write_table(bare, target, compression="zstd", row_group_size=131_072, use_dictionary=text)
