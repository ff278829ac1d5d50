"""Export files to staged Parquet: mapped, pseudonymised and redacted, one file per table and batch of export files.

A large export file is a batch of its own; small ones are read and staged together. What was staged once is found again
by the content of the export, of its mapping and of the code that reads it: a file that changes is read alone, and what
was staged of it is taken out of its batch.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from opslib.errors import ExportError
from opslib.intake.disclosure import shown_name, shown_way
from opslib.intake.exclusions import EXPIRED, FORGOTTEN, Exclusions
from opslib.intake.mapping.export_files import find_files, lookup_files
from opslib.intake.mapping.known_persons import KnownPersons, feeds_with_names, read_persons
from opslib.intake.mapping.look_ups import LookUps, label_of
from opslib.intake.mapping.map_file import MappedFile, map_files
from opslib.intake.mapping.sources import SourceMapping
from opslib.intake.notation import parquet_sources
from opslib.intake.privacy.key import FINGERPRINT
from opslib.intake.privacy.kinds import KINDS
from opslib.intake.privacy.pseudonyms import Pseudonymiser
from opslib.intake.privacy.shield import Shield
from opslib.intake.reading.small_files import batches_of
from opslib.intake.staged_rows import PLACE
from opslib.processes import workers_beside
from opslib.settings import ReadingLimits
from opslib.store.files import remove_all, sha256_of, write_aside
from opslib.store.memo import Basis, code_of, digest_of
from opslib.store.warehouse import Warehouse
from opslib.tables import TABLES, Table

_STAGED: Final = re.compile(r"[0-9a-f]{24}(-\d+)?")
"""What a folder of staged files is called; any other is somebody else's."""
_KEPT_AT_ONCE: Final = 16
_LOOKED_UP: Final = "what export files look up in each other"
"""Of which the pseudonym keys the digests of looked-up rows; it is kept nowhere."""
_PSEUDONYMS: Final = "pseudonyms"
_PERSONS: Final = "names of persons"
"""Of which the pseudonym keys the digests of names; the names are kept nowhere."""
_READINGS: Final = 3
"""How often a file that changes is read before it is refused."""


@dataclass(frozen=True)
class Staged:
    """One export file as it feeds one standard table.

    `records` is the number of records in the file, counted by another way than the rows that were read; `forgotten` and
    `expired` rows stay out on request and by age; `unread` says what of the file was not read, and why.
    `parquet` holds the rows of the file, and of others of its batch, by `place`; `found` are digests of what these
    found in the files that they look up; `changed_ns` is when the file was last changed, in nanoseconds since 1970.
    """

    table: str
    file: str
    sha256: str
    order: int
    rows_read: int
    left_out: int
    records: int
    present: tuple[str, ...]
    damage: str | None
    redacted: dict[str, int] = field(default_factory=dict)
    parquet: str = ""
    place: int = 0
    found: str = ""
    unread: tuple[str, ...] = ()
    forgotten: int = 0
    expired: int = 0
    changed_ns: int = 0


def stage(
    warehouse: Warehouse,
    source: SourceMapping,
    exports: Path,
    pseudonymiser: Pseudonymiser,
    *,
    region: str = "US",
    limits: ReadingLimits | None = None,
    exclusions: Exclusions | None = None,
    workers: int = 1,
    on_file: Callable[[str], None] | None = None,
) -> list[Staged]:
    """Map every export file that the source knows and keep the result beside the warehouse.

    Args:
        warehouse: Where the staged files are kept, in `staged/`.
        source: How the source's files map to the standard tables.
        exports: The folder with the export files; they are read, never copied.
        pseudonymiser: Makes the pseudonyms of ids that name a person.
        region: The organisation's countries, whose national telephone numbers are taken out of texts: ISO 3166 codes
            separated by spaces.
        limits: How much one export file may ask for.
        exclusions: What of the rows stays out; nothing where None.
        workers: Processes that redact free text side by side.
        on_file: Called with the name of each file as it is read.

    Returns:
        One entry per file and table that it feeds, in the order of the files.

    Raises:
        ExportError: there is nothing to read, or a file does not rest.
    """
    files = find_files(source, exports)
    looked_up = lookup_files(source, exports)
    versions = {path: _Version.of(path) for path in dict.fromkeys([*files, *looked_up])}
    if exclusions:
        exclusions.begin()
    rests_on = {
        "code": code_of(__name__),
        "mapping": digest_of(source.model_dump_json()),
        _PSEUDONYMS: pseudonymiser.one(FINGERPRINT),
        "region": region,
        "limits": digest_of((limits or ReadingLimits()).model_dump_json()),
        "kept": exclusions.basis if exclusions else "",
        # A mapping with look-ups depends on the files looked up too.
        "looked_up": digest_of([versions[path].sha256 for path in looked_up]),
    }
    names = {path: _name_of(path, exports, pseudonymiser) for path in files}
    memo = warehouse.memo("staged")
    staged: list[Staged] = []
    fresh: dict[str, tuple[Basis, list[dict[str, Any]], list[Path]]] = {}
    contents = {path: versions[path].sha256 for path in files}
    persons = _Persons(warehouse, source, contents, exports, rests_on, pseudonymiser)
    rests_on |= {"persons": persons.digest}
    bases = {path: rests_on | {"content": digest_of([names[path], versions[path].sha256])} for path in files}
    new = [path for path in files if not memo.holds(names[path], bases[path])]
    secret = pseudonymiser.one(_LOOKED_UP)
    beside = workers_beside(workers) if workers > 1 else nullcontext()
    with beside as pool, LookUps(exports, limits, secret) as look_ups:
        found = {
            names[path]: {warehouse.root / entry["found"] for entry in memo.note(names[path]) if entry["found"]}
            for path in new
            if memo.holds_but_for(names[path], bases[path], "looked_up")
        }
        finding_the_same = found.keys() - _finding_otherwise(source, look_ups, found)
        for path in [path for path in new if names[path] in finding_the_same]:
            entries = memo.note(names[path])
            fresh[names[path]] = (bases[path], entries, _made(warehouse, entries))
            new.remove(path)
        known = persons.read(look_ups) if new else KnownPersons(frozenset(), None)
        shield = Shield(pseudonymiser, region, known.agents, known.tickets)
        work = _Staging(warehouse, source, exports, shield, limits, look_ups, pool, exclusions)
        for paths in _batches(source, new):
            for path in paths:
                if on_file is not None:
                    on_file(names[path])
            for path, items, version in work.read_whole({path: versions[path] for path in paths}, names, rests_on):
                bases[path] = rests_on | {"content": digest_of([names[path], version.sha256])}
                entries = [asdict(item) for item in items]
                fresh[names[path]] = (bases[path], entries, _made(warehouse, entries))
            # To write all that is known after each file would take time by the square of their number.
            if len(fresh) > _KEPT_AT_ONCE + len(memo.names()):
                if exclusions:
                    exclusions.remember()
                memo.keep_all(fresh)
                fresh = {}
        for path in looked_up:
            if _Version.state_of(path) != versions[path].state:
                raise _changes_while_read(path)
    if exclusions:
        exclusions.remember()
    memo.keep_all(fresh)
    memo.forget(set(memo.names()) - set(names.values()))
    parted = _without_others(warehouse, {name: memo.note(name) for name in names.values()})
    if parted:
        memo.keep_all(
            {
                names[path]: (bases[path], entries, _made(warehouse, entries))
                for path in files
                if (entries := parted.get(names[path])) is not None
            }
        )
    if exclusions:
        exclusions.sweep(memo)
    for order, path in enumerate(files):
        staged += [
            Staged(**(entry | {"present": tuple(entry["present"]), "unread": tuple(entry["unread"]), "order": order}))
            for entry in memo.note(names[path])
        ]
    made = {name for item in staged for name in (item.parquet, item.found) if name}
    _remove_others(warehouse.root / "staged", {Path(name).parent.name for name in made})
    return staged


def fingerprint_of(warehouse: Warehouse) -> str | None:
    """The pseudonym of `FINGERPRINT` that the staged files were made with; None where there are none."""
    memo = warehouse.memo("staged")
    return next((memo.basis(name).get(_PSEUDONYMS) for name in memo.names()), None)


def _made(warehouse: Warehouse, entries: Iterable[Mapping[str, Any]]) -> list[Path]:
    """The files that were made of an export file."""
    return [warehouse.root / entry[name] for entry in entries for name in ("parquet", "found") if entry[name]]


def _finding_otherwise(
    source: SourceMapping, look_ups: LookUps, found: Mapping[str, Collection[Path]]
) -> frozenset[str]:
    """Of export files and the digests of what they found, those that would find anything else now."""
    kept = sorted({path.absolute() for paths in found.values() for path in paths})
    if not kept:
        return frozenset()
    now = [
        look_ups.digests_of(label_of(source, feed, name), feed, name) for feed in source.feeds for name in feed.lookups
    ]
    with duckdb.connect() as con:
        rows = con.execute(
            f"""SELECT DISTINCT before.file, before.filename
                FROM {parquet_sources(kept, "filename = true")} AS before
                LEFT JOIN {parquet_sources(now)} AS now
                    ON now.look_up = before.look_up AND now.key = before.key
                WHERE now.says IS DISTINCT FROM before.says"""
        ).fetchall()
    # What a file found before it was changed may still lie beside what others found.
    return frozenset(file for file, path in rows if Path(path) in {each.absolute() for each in found.get(file, ())})


def _batches(source: SourceMapping, paths: Iterable[Path]) -> Iterator[list[Path]]:
    """Files to be read together: those small ones that the same feeds fit."""
    alike: dict[tuple[int, ...], list[Path]] = {}
    for path in paths:
        feeds = tuple(number for number, feed in enumerate(source.feeds) if feed.fits(path.name))
        alike.setdefault(feeds, []).append(path)
    for group in alike.values():
        yield from batches_of(group)


@dataclass(frozen=True)
class _Version:
    """What a file's bytes are, and the state by which it is seen that they were changed since."""

    state: tuple[int, int, int, int]
    sha256: str

    @property
    def changed_ns(self) -> int:
        return self.state[2]

    @classmethod
    def of(cls, path: Path) -> _Version:
        return cls(cls.state_of(path), sha256_of(path))

    @staticmethod
    def state_of(path: Path) -> tuple[int, int, int, int]:
        stat = path.stat()
        return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _changes_while_read(path: Path) -> ExportError:
    return ExportError(f"{shown_name(path)}: the file changes while it is read; run again once it is written whole")


def _name_of(path: Path, exports: Path, pseudonymiser: Pseudonymiser) -> str:
    """What an export file is called: its way from the folder of the exports, without personal data."""
    way = path.relative_to(exports) if path.is_relative_to(exports) else Path(path.name)
    return shown_way(way, pseudonymiser.one(os.fsencode(way).decode("utf-8", "backslashreplace"))[:8])


@dataclass
class _Persons:
    """The names of persons that the export tells, and a keyed digest of them that can be known without reading."""

    warehouse: Warehouse
    source: SourceMapping
    contents: Mapping[Path, str]
    exports: Path
    rests_on: Basis
    pseudonymiser: Pseudonymiser
    known: KnownPersons | None = None

    @property
    def _files(self) -> list[Path]:
        return [path for path in self.contents if feeds_with_names(self.source, path)]

    @property
    def digest(self) -> str:
        """A digest by which it is seen that other names are known than before; empty where none are."""
        if not self._files:
            return ""
        memo = self.warehouse.memo("persons")
        basis = {**self.rests_on, "content": digest_of([self.contents[path] for path in self._files])}
        if not memo.holds(_PERSONS, basis):
            with LookUps(self.exports) as look_ups:
                known = self.read(look_ups)
            memo.keep(_PERSONS, basis, self.pseudonymiser.one(digest_of(sorted(known.agents)) + _PERSONS))
        return str(memo.note(_PERSONS))

    def read(self, look_ups: LookUps) -> KnownPersons:
        """The names; read once."""
        if self.known is None:
            self.known = read_persons(self.source, self._files, look_ups)
        return self.known


@dataclass(frozen=True)
class _Staging:
    """What the staging of each file of a run needs."""

    warehouse: Warehouse
    source: SourceMapping
    exports: Path
    shield: Shield
    limits: ReadingLimits | None
    look_ups: LookUps
    pool: ProcessPoolExecutor | None
    exclusions: Exclusions | None

    def read_whole(
        self, versions: Mapping[Path, _Version], names: Mapping[Path, str], rests_on: Basis
    ) -> Iterator[tuple[Path, list[Staged], _Version]]:
        """Stage files from the very bytes that their versions tell; one that changes meanwhile is read again.

        Args:
            versions: of files that are to be read together.
            names: what the files are called.
            rests_on: what any staged file rests on, beside its content.

        Yields:
            A file, an entry per table that it feeds, and the version that was read.

        Raises:
            ExportError: a file does not rest.
        """
        for _ in range(_READINGS):
            resting = {path: one for path, one in versions.items() if _Version.state_of(path) == one.state}
            entries = self._read(resting, names, rests_on) if resting else {}
            whole = {path for path in resting if _Version.state_of(path) == resting[path].state}
            yield from ((path, entries[path], resting[path]) for path in whole)
            versions = {path: _Version.of(path) for path in versions if path not in whole}
            for path in versions:
                self.look_ups.forget(path)
            if not versions:
                return
        raise _changes_while_read(next(iter(versions)))

    def _read(
        self, versions: Mapping[Path, _Version], names: Mapping[Path, str], rests_on: Basis
    ) -> dict[Path, list[Staged]]:
        with self.warehouse.connect() as con, ExitStack() as stack:
            files = map_files(con, self.source, list(versions), look_ups=self.look_ups, limits=self.limits)
            by_table: dict[str, dict[int, MappedFile]] = {}
            for place, mapped_files in enumerate(files):
                for mapped_file in mapped_files:
                    stack.callback(mapped_file.close)
                    by_table.setdefault(mapped_file.table, {})[place] = mapped_file
            contents = [[names[path], one.sha256] for path, one in versions.items()]
            folder = _folder(self.warehouse, [contents, dict(rests_on)], len(files))
            found = folder / "found.parquet"
            _write_found({names[path]: each for path, each in zip(versions, files, strict=True)}, found)
            written = {
                table: _write(members, folder / f"{table}.parquet", self.shield, self.pool, self.exclusions)
                for table, members in by_table.items()
            }
        root = self.warehouse.root
        return {
            path: [
                Staged(
                    table=mapped_file.table,
                    file=names[path],
                    sha256=version.sha256,
                    order=0,
                    rows_read=mapped_file.rows_read + mapped_file.left_out,
                    left_out=mapped_file.left_out,
                    records=mapped_file.records,
                    present=tuple(sorted(mapped_file.present)),
                    damage=mapped_file.damage,
                    unread=mapped_file.unread,
                    redacted=dict(sorted(written[mapped_file.table][0].get(place, {}).items())),
                    **written[mapped_file.table][1].get(place, Counter()),
                    changed_ns=version.changed_ns,
                    parquet=(folder / f"{mapped_file.table}.parquet").relative_to(root).as_posix(),
                    place=place,
                    found="" if mapped_file.found is None else found.relative_to(root).as_posix(),
                )
                for mapped_file in files[place]
            ]
            for place, (path, version) in enumerate(versions.items())
        }


def _folder(warehouse: Warehouse, basis: object, files: int) -> Path:
    """Where lies what rests on this and was made of so many export files."""
    return warehouse.root / "staged" / f"{digest_of(basis)[:24]}-{files}"


def _without_others(
    warehouse: Warehouse, notes: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[str, list[dict[str, Any]]]:
    """Part the files of a batch from what was staged beside them of files that have changed or are gone since.

    Args:
        warehouse: where they are staged.
        notes: the entries of all files by name.

    Returns:
        The new entries of those files whose batch became smaller.
    """
    members: dict[Path, list[str]] = {}
    for name, entries in notes.items():
        for folder in {(warehouse.root / entry["parquet"]).parent for entry in entries}:
            members.setdefault(folder, []).append(name)
    parted = {}
    for folder, names in members.items():
        if folder.name.endswith(f"-{len(names)}"):
            continue
        entries = [entry for name in names for entry in notes[name]]
        smaller = _folder(warehouse, [folder.name, names], len(names))
        for parquet in {entry["parquet"] for entry in entries}:
            places = [entry["place"] for entry in entries if entry["parquet"] == parquet]
            _part(warehouse.root / parquet, smaller, pc.is_in(pc.field(PLACE), pa.array(places, pa.int32())))
        for found in {entry["found"] for entry in entries if entry["found"]}:
            _part(warehouse.root / found, smaller, pc.is_in(pc.field("file"), pa.array(names, pa.string())))
        for name in names:
            parted[name] = [
                dict(entry) | {key: _moved(entry[key], smaller.name) for key in ("parquet", "found")}
                for entry in notes[name]
            ]
    return parted


def _part(parquet: Path, folder: Path, condition: pc.Expression) -> None:
    """Write those rows of a staged file into another folder that a condition fits."""
    rows = pq.read_table(parquet, filters=condition)
    write_aside(folder / parquet.name, partial(pq.write_table, rows, compression="zstd"))


def _moved(staged: str, folder: str) -> str:
    """The path of a staged file in another folder of them."""
    path = Path(staged)
    return (path.parent.with_name(folder) / path.name).as_posix() if staged else ""


def _write_found(files: Mapping[str, Sequence[MappedFile]], parquet: Path) -> None:
    """Keep digests of what files that were read together found in those that they look up, if they look anything up."""
    found = [
        one.found.drop_columns("_row").append_column("file", pa.repeat(name, len(one.found)))
        for name, mapped_files in files.items()
        for one in mapped_files
        if one.found is not None
    ]
    if found:
        write_aside(parquet, partial(pq.write_table, pa.concat_tables(found)))


def _write(
    members: Mapping[int, MappedFile],
    parquet: Path,
    shield: Shield,
    pool: ProcessPoolExecutor | None,
    exclusions: Exclusions | None,
) -> tuple[dict[int, Counter[str]], dict[int, Counter[str]]]:
    """Write what the files of a batch give to one table.

    Returns:
        By their places the pieces that were redacted, and the rows that stay out.
    """
    table = TABLES[next(iter(members.values())).table]
    schema = pa.schema([*table.schema, ("_row", pa.int64()), ("_unreadable", pa.string()), (PLACE, pa.int32())])
    pieces: dict[int, Counter[str]] = {}
    left_out: dict[int, Counter[str]] = {}

    def write(aside: Path) -> None:
        with pq.ParquetWriter(aside, schema, compression="zstd") as writer:
            for chunk in _chunks(members):
                rows, counts = shield.without_personal_data(chunk.select(schema.names), table, pool)
                for place, of_place in _by_place(chunk, rows, counts, table, shield).items():
                    pieces.setdefault(place, Counter()).update(of_place)
                rows = rows.cast(schema)
                if exclusions:
                    rows, excluded = exclusions.leave_out(rows, table.name)
                    for place, of_place in excluded.items():
                        left_out.setdefault(place, Counter()).update(of_place)
                writer.write_table(rows)

    write_aside(parquet, write)
    return pieces, left_out


def _chunks(members: Mapping[int, MappedFile]) -> Iterator[pa.Table]:
    """The rows of a batch, each with the place of its file: those of several files, which are small, at once."""
    parts = (
        chunk.append_column(PLACE, pa.repeat(pa.scalar(place, pa.int32()), len(chunk)))
        for place, mapped_file in members.items()
        for chunk in mapped_file.chunks()
    )
    if len(members) > 1:
        chunks = list(parts)
        # Files of nothing but a header give none.
        yield from [pa.concat_tables(chunks).combine_chunks()] if chunks else []
    else:
        yield from parts


def _by_place(
    before: pa.Table, after: pa.Table, pieces: Counter[str], table: Table, shield: Shield
) -> dict[int, Counter[str]]:
    """The pieces redacted by kind of each file of a batch: what was put in their place is counted in its rows."""
    places = before[PLACE].to_numpy()
    if not pieces:
        return {}
    if (places == places[0]).all():
        return {int(places[0]): pieces}
    counts = {kind: np.zeros(places.max() + 1, dtype=np.int64) for kind in pieces}
    for name in (*table.of_type("free_text", "category", "text"), "_unreadable"):
        changed = pc.fill_null(pc.not_equal(before[name], after[name]), False)
        texts = [rows[name].filter(changed) for rows in (before, after)]
        places_of_texts = places[changed.to_numpy()]
        for kind, of_kind in counts.items():
            old, new = (pc.count_substring(each, KINDS[kind].replacement).to_numpy() for each in texts)
            np.add.at(of_kind, places_of_texts, new - old)
    if any(of_kind.sum() != pieces[kind] for kind, of_kind in counts.items()):
        # Where a text holds such a word of its own within what was taken out, each file is counted by itself.
        by_file = {place: before.filter(pc.equal(before[PLACE], place)) for place in np.unique(places).tolist()}
        return {place: shield.without_personal_data(rows, table, None)[1] for place, rows in by_file.items()}
    return {
        place: Counter({kind: int(of_kind[place]) for kind, of_kind in counts.items() if of_kind[place]})
        for place in np.unique(places).tolist()
    }


def _remove_others(folder: Path, current: Iterable[str]) -> None:
    """Remove what was staged of exports that are no longer there or have changed."""
    keep = set(current)
    for entry in folder.iterdir() if folder.exists() else ():
        if entry.is_dir() and _STAGED.fullmatch(entry.name) and entry.name not in keep:
            remove_all([entry])


def accounting(staged: Sequence[Staged]) -> pd.DataFrame:
    """The rows that each file gives to each table: `file`, `table`, and how many were `read`, and which stay out.

    These are `left_out` by the mapping, `forgotten` on request and `expired` by age.
    """
    names = ["file", "table", "read", "left_out", FORGOTTEN, EXPIRED]
    rows = [(item.file, item.table, item.rows_read, item.left_out, item.forgotten, item.expired) for item in staged]
    return pd.DataFrame(rows, columns=names)
