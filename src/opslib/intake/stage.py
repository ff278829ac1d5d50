"""Export files to staged Parquet: mapped, pseudonymised and redacted, one file per export file and table.

What was staged once is found again by the content of the export, of its mapping and of the code that reads it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from opslib.intake.mapping.export_files import find_files, lookup_files
from opslib.intake.mapping.map_file import MappedFile, map_file
from opslib.intake.mapping.sources import SourceMapping
from opslib.intake.privacy.pseudonyms import Pseudonymiser
from opslib.intake.privacy.redaction import redact_many
from opslib.store.files import digest, write_aside
from opslib.store.memo import code_of, digest_of
from opslib.store.warehouse import Warehouse
from opslib.tables import TABLES, Table

_REDACTED_AT_ONCE = 20_000
_WORTH_A_PROCESS_BYTES = 50_000_000
"""Of text from which on processes are worth their start: redacting less takes no longer than importing pandas there."""


@dataclass(frozen=True)
class Staged:
    """One export file as it feeds one standard table."""

    table: str
    file: str
    sha256: str
    order: int
    rows_read: int
    left_out: int
    present: tuple[str, ...]
    damage: str | None
    redacted: dict[str, int] = field(default_factory=dict)
    parquet: str = ""


def stage(
    warehouse: Warehouse,
    source: SourceMapping,
    exports: Path,
    pseudonymiser: Pseudonymiser,
    *,
    workers: int = 1,
    on_file: Callable[[str], None] | None = None,
) -> list[Staged]:
    """Map every export file that the source knows and keep the result beside the warehouse.

    Args:
        warehouse: Where the staged files are kept, in `staged/`.
        source: How the source's files map to the standard tables.
        exports: The folder with the export files; they are read, never copied.
        pseudonymiser: Makes the pseudonyms of ids that name a person.
        workers: Processes that redact free text side by side.
        on_file: Called with the name of each file as it is read.

    Returns:
        One entry per file and table that it feeds, in the order of the files.

    Raises:
        ExportError: there is nothing to read.
    """
    files = find_files(source, exports)
    shas = {path: digest(path) for path in files}
    looked_up = [shas.get(path) or digest(path) for path in lookup_files(source, exports)]
    rests_on = {
        "code": code_of(__name__),
        "mapping": digest_of(source.model_dump_json()),
        "pseudonyms": pseudonymiser.one("fingerprint"),
    }
    names = {path: _name_of(path, exports) for path in files}
    memo = warehouse.memo("staged")
    staged: list[Staged] = []
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn")) if workers > 1 else None
    with pool or nullcontext():
        for order, path in enumerate(files):
            name = names[path]
            # A mapping with look-ups depends on the files looked up too.
            basis = rests_on | {"content": digest_of([path.name, shas[path], *looked_up])}
            folder = warehouse.root / "staged" / digest_of([name, basis])[:24]
            if not memo.holds(name, basis):
                if on_file is not None:
                    on_file(path.name)
                memo.forget([name])
                entries = _stage_file(warehouse, source, path, exports, shas[path], folder, pseudonymiser, pool)
                made = [warehouse.root / item.parquet for item in entries]
                memo.keep(name, basis, [asdict(item) for item in entries], made)
            staged += [
                Staged(**(entry | {"present": tuple(entry["present"]), "order": order})) for entry in memo.note(name)
            ]
    memo.forget(set(memo.names()) - set(names.values()))
    _remove_others(warehouse.root / "staged", {Path(item.parquet).parent.name for item in staged})
    return staged


def _name_of(path: Path, exports: Path) -> str:
    """What an export file is called: its way from the folder of the exports."""
    return path.relative_to(exports).as_posix() if path.is_relative_to(exports) else path.name


def _stage_file(
    warehouse: Warehouse,
    source: SourceMapping,
    path: Path,
    exports: Path,
    sha256: str,
    folder: Path,
    pseudonymiser: Pseudonymiser,
    pool: ProcessPoolExecutor | None,
) -> list[Staged]:
    folder.mkdir(parents=True, exist_ok=True)
    staged = []
    with warehouse.connect() as con, ExitStack() as stack:
        for mapped_file in map_file(con, source, path, exports):
            stack.callback(mapped_file.close)
            parquet = folder / f"{mapped_file.table}.parquet"
            pieces = _write(mapped_file, parquet, pseudonymiser, pool)
            item = Staged(
                table=mapped_file.table,
                file=_name_of(path, exports),
                sha256=sha256,
                order=0,
                rows_read=mapped_file.rows_read + mapped_file.left_out,
                left_out=mapped_file.left_out,
                present=tuple(sorted(mapped_file.present)),
                damage=mapped_file.damage,
                redacted=dict(sorted(pieces.items())),
                parquet=parquet.relative_to(warehouse.root).as_posix(),
            )
            staged.append(item)
    return staged


def _write(
    mapped_file: MappedFile, parquet: Path, pseudonymiser: Pseudonymiser, pool: ProcessPoolExecutor | None
) -> Counter[str]:
    table = TABLES[mapped_file.table]
    schema = pa.schema([*table.schema, ("_row", pa.int64()), ("_unreadable", pa.string())])
    pieces: Counter[str] = Counter()

    def write(aside: Path) -> None:
        with pq.ParquetWriter(aside, schema, compression="zstd") as writer:
            for chunk in mapped_file.chunks():
                rows, counts = _without_personal_data(chunk.select(schema.names), table, pseudonymiser, pool)
                pieces.update(counts)
                writer.write_table(rows.cast(schema))

    write_aside(parquet, write)
    return pieces


def _without_personal_data(
    rows: pa.Table, table: Table, pseudonymiser: Pseudonymiser, pool: ProcessPoolExecutor | None
) -> tuple[pa.Table, Counter[str]]:
    """The rows with pseudonyms for person ids and with redacted free text, and the pieces redacted by kind."""
    for name in table.of_type("person"):
        rows = _with_column(rows, name, pseudonymiser.many(rows[name]))
    if table.name == "ticket_events":
        names_a_person = pc.equal(rows["event"], "assignee")
        people = pc.if_else(names_a_person, rows["value"], pa.scalar(None, pa.string()))
        rows = _with_column(rows, "value", pc.if_else(names_a_person, pseudonymiser.many(people), rows["value"]))
    pieces: Counter[str] = Counter()
    for name in (*table.of_type("free_text"), "_unreadable"):
        if rows[name].null_count == len(rows):
            continue
        is_large = rows[name].nbytes >= _WORTH_A_PROCESS_BYTES
        text, counts = _redact(rows[name].to_pandas(), pool if is_large else None)
        pieces.update(counts)
        rows = _with_column(rows, name, pa.Array.from_pandas(text, type=pa.string()))
    return rows, pieces


def _redact(texts: pd.Series, pool: ProcessPoolExecutor | None) -> tuple[pd.Series, Counter[str]]:
    if pool is None:
        text, counts = redact_many(texts)
        return text, Counter(counts)
    parts = [texts.iloc[start : start + _REDACTED_AT_ONCE] for start in range(0, len(texts), _REDACTED_AT_ONCE)]
    results = list(pool.map(redact_many, parts))
    total: Counter[str] = Counter()
    for _, counts in results:
        total.update(counts)
    return pd.concat([text for text, _ in results]), total


def _with_column(rows: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index(name), name, values)


def _remove_others(folder: Path, current: Iterable[str]) -> None:
    """Remove what was staged of exports that are no longer there or have changed."""
    keep = set(current)
    for entry in folder.iterdir() if folder.exists() else ():
        if entry.is_dir() and entry.name not in keep:
            for file in entry.iterdir():
                file.unlink()
            entry.rmdir()


def accounting(staged: Sequence[Staged]) -> pd.DataFrame:
    """The rows that each file gives to each table: `file`, `table`, and the numbers of rows `read` and `left_out`."""
    rows = [(item.file, item.table, item.rows_read, item.left_out) for item in staged]
    return pd.DataFrame(rows, columns=["file", "table", "read", "left_out"])
