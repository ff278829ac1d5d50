"""What of the exports is not taken in: who was forgotten on request, and what is older than params/org.yml keeps it.

Rows are left out as a file is staged. What was staged before is seen to as well: tickets and texts grow old in it, and
a ticket that comes late may tell that what was staged of it belongs to somebody who was forgotten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from opslib.intake.privacy.row_files import (
    empty_old_texts,
    ids_before,
    old_texts_held,
    take_out,
    tickets_before,
    without_old_texts,
)
from opslib.intake.privacy.subjects import Subjects, about, id_columns, tickets_of, without
from opslib.intake.privacy.tombstones import BY_AGE, ON_REQUEST, Tombstones
from opslib.intake.staged_rows import PLACE
from opslib.settings import Keep, Organisation
from opslib.store.memo import Basis, Memo, digest_of
from opslib.store.warehouse import Warehouse

FORGOTTEN, EXPIRED = "forgotten", "expired"
"""What the account of rows calls those that are left out: on request, and by age."""
COUNTED_AS: Final = {ON_REQUEST: FORGOTTEN, BY_AGE: EXPIRED}
_MEMO: Final = "exclusions"
_KEPT, _DUE = "kept", "due"
"""Named in the memo: for how long things are kept, and what was swept when with what in mind."""


@dataclass(frozen=True)
class Limits:
    """The instants before which texts, tickets and rows set aside are too old to be kept; None where they are not."""

    text: datetime | None = None
    tickets: datetime | None = None
    quarantine: datetime | None = None

    @classmethod
    def of(cls, keep: Keep, organisation: Organisation, now: datetime) -> Limits:
        """Of what is kept for so long, seen from a present: whole days of the organisation's zone."""
        today = now.astimezone(organisation.zone).date()
        kept = {name: getattr(keep, name) for name in ("text", "tickets", "quarantine")}
        return cls(
            **{
                name: None if each is None else datetime.combine(each.before(today), time(), organisation.zone)
                for name, each in kept.items()
            }
        )


class Exclusions:
    """What is left out of the rows of a warehouse.

    Args:
        warehouse: Holds the staged files.
        tombstones: Of what stays out.
        limits: From which age on texts and tickets stay out.
        keep: What the limits come of.
    """

    def __init__(self, warehouse: Warehouse, tombstones: Tombstones, limits: Limits, keep: Keep) -> None:
        self._warehouse, self.tombstones, self.limits = warehouse, tombstones, limits
        self._news: dict[str, set[str]] = {cause: set() for cause in COUNTED_AS}
        self._memo = warehouse.memo(_MEMO)
        self.basis = digest_of([str(keep.text), str(keep.tickets)])

    def begin(self) -> None:
        """Before exports are read: where more is kept than before, what had grown too old may come in again."""
        if self._memo.note(_KEPT) not in (None, self.basis):
            self.tombstones.drop(BY_AGE)
        if self._memo.note(_KEPT) != self.basis:
            self._memo.keep(_KEPT, {}, self.basis)

    def leave_out(self, rows: pa.Table, table: str) -> tuple[pa.Table, dict[int, Counter[str]]]:
        """Rows that are to be staged without what stays out.

        Returns:
            The rows, and by the place of a file how many of it were left out: `FORGOTTEN` and `EXPIRED`.
        """
        counts: dict[int, Counter[str]] = {}
        for cause, name in COUNTED_AS.items():
            subjects = self.tombstones.among(rows, table, cause)
            if table == "tickets" and subjects.requesters:
                self._news[cause] |= tickets_of(rows, subjects.requesters)
            if table == "tickets" and cause == BY_AGE and self.limits.tickets is not None:
                old = ids_before(rows, self.limits.tickets)
                self._news[cause] |= old
                subjects |= Subjects(tickets=old)
            if subjects:
                for place, count in _by_place(rows.filter(about(rows, table, subjects))).items():
                    counts.setdefault(place, Counter())[name] += count
                rows = without(rows, table, subjects)
        return without_old_texts(rows, table, self.limits.text), counts

    def remember(self) -> None:
        """Keep those tickets out that were found to belong to what stays out."""
        for cause, ids in self._news.items():
            if ids:
                rows = pa.table({"ticket_id": pa.array(sorted(ids), pa.string())})
                known = self.tombstones.among(rows, "tickets", cause).tickets
                if ids - known:
                    self.tombstones.add(Subjects(tickets=frozenset(ids - known)), cause)
                ids.clear()

    def sweep(self, memo: Memo) -> bool:
        """Take out of what is staged what was found since to stay out, and what has grown too old.

        Args:
            memo: Of the staged files; their entries count the rows that are left out.

        Returns:
            Whether anything was taken out.
        """
        self.remember()
        if not len(self.tombstones) and self.limits.text is self.limits.tickets is None:
            return False
        notes = {name: memo.note(name) for name in memo.names()}
        files = {self._warehouse.root / entry["parquet"]: entry["table"] for each in notes.values() for entry in each}
        if self._memo.holds(_DUE, self._due(files)):
            return False
        for path in [path for path, table in files.items() if table == "tickets"]:
            rows = _ids_in(path, "tickets")
            for cause in COUNTED_AS:
                self._news[cause] |= tickets_of(rows, self.tombstones.among(rows, "tickets", cause).requesters)
            if self.limits.tickets is not None:
                self._news[BY_AGE] |= tickets_before(path, self.limits.tickets)
        self.remember()
        old_texts = [path for path, table in files.items() if old_texts_held(path, table, self.limits.text)]
        subjects = {
            (cause, path): among
            for cause in COUNTED_AS
            for path, table in files.items()
            if (among := self.tombstones.among(_ids_in(path, table), table, cause))
        }
        swept = {*old_texts, *(path for _, path in subjects)}
        if swept:
            # Before anything changes: a run that is killed meanwhile does not pass for one that changed nothing.
            self._memo.keep(_DUE, {}, self.sweeps + 1)
        for path in old_texts:
            empty_old_texts(path, files[path], self.limits.text)
        for (cause, path), among in subjects.items():
            name = COUNTED_AS[cause]
            with pq.ParquetFile(path) as file:
                names = [*id_columns(file.schema_arrow, files[path]), PLACE]
                rows = file.read(columns=[name for name in names if name in file.schema_arrow.names])
            counts = _by_place(rows.filter(about(rows, files[path], among)))
            for entry in [entry for each in notes.values() for entry in each]:
                if self._warehouse.root / entry["parquet"] == path:
                    entry[name] = entry.get(name, 0) + counts.get(entry.get("place", 0), 0)
            take_out(path, files[path], among)
        memo.renew(swept, notes)
        self._memo.keep(_DUE, self._due(files), self.sweeps)
        return bool(swept)

    @property
    def sweeps(self) -> int:
        """How often anything was taken out of what had been staged."""
        return self._memo.note(_DUE) or 0

    def _due(self, files: Iterable[Path]) -> Basis:
        return {
            "limits": digest_of([str(self.limits.text), str(self.limits.tickets)]),
            "files": digest_of(sorted(path.as_posix() for path in files)),
            "tombstones": self.tombstones.digest,
        }


def _by_place(rows: pa.Table) -> dict[int, int]:
    """How many rows there are of each file of a batch; an earlier version staged each file by itself."""
    if PLACE not in rows.column_names:
        return {0: rows.num_rows}
    return {each["values"]: each["counts"] for each in pc.value_counts(rows[PLACE]).to_pylist()}


def _ids_in(path: Path, table: str) -> pa.Table:
    """The columns of a Parquet file that may hold ids."""
    with pq.ParquetFile(path) as file:
        return file.read(columns=id_columns(file.schema_arrow, table))
