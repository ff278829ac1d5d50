"""Who and what must not come in again: keyed digests of ids, by which nobody learns an id without the key.

They cannot be made anew: a tombstone that is lost lets in what the exports still hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from opslib.errors import OpslibError
from opslib.intake.notation import quoted
from opslib.intake.privacy.pseudonyms import Pseudonymiser
from opslib.intake.privacy.subjects import Subjects, id_columns
from opslib.store.memo import digest_of
from opslib.store.warehouse import Warehouse

AREA: Final = "forgotten"
TABLE: Final = "tombstones"
ON_REQUEST, BY_AGE = "request", "age"
"""Why something stays out: somebody asked for it, or it is older than params/org.yml keeps it."""
_KEYED_BY: Final = "what is forgotten"
_DIGITS: Final = 32
_SCHEMA: Final = pa.schema([("cause", pa.string()), ("kind", pa.string()), ("digest", pa.string())])
_TICKET, _REQUESTER, _AGENT, _KEY = "ticket", "requester", "agent", "key"
"""Of what something is a tombstone; that of the key tells whether the others can be recognised."""


class Tombstones:
    """The tombstones of a warehouse.

    Args:
        warehouse: Keeps them, in `forgotten/tombstones`.
        pseudonymiser: Its key is the one that they are keyed with.

    Raises:
        OpslibError: they were made with another key, under which nobody can be recognised.
    """

    def __init__(self, warehouse: Warehouse, pseudonymiser: Pseudonymiser) -> None:
        self._warehouse = warehouse
        self._secret = pseudonymiser.one(_KEYED_BY)
        files = warehouse.files(AREA, TABLE)
        self._rows = pq.read_table(files[0], partitioning=None).cast(_SCHEMA) if files else _SCHEMA.empty_table()
        if len(self) and not self._known(_KEY, [pa.chunked_array([[_KEYED_BY]])], ""):
            raise OpslibError(
                f"{files[0]}: what was forgotten was forgotten under another key than today's, and would come back "
                "with the exports: put the former key back; or remove this file, and forget anew with `opslib forget` "
                "whoever the exports still hold"
            )

    def __len__(self) -> int:
        return max(int(self._rows.num_rows) - 1, 0)

    @property
    def digest(self) -> str:
        """By which all of them together are told from others."""
        return digest_of(sorted(self._rows["digest"].to_pylist()))

    def digests(self, kind: str, ids: Iterable[str]) -> list[str]:
        """The keyed digests of ids of a kind, in their order."""
        ids_of_kind = pa.table({"id": pa.array(list(ids), pa.string())})
        with duckdb.connect() as con:
            con.register("ids", ids_of_kind)
            return [digest for (digest,) in con.execute(f"SELECT {self._digest_sql(kind)} FROM ids").fetchall()]

    def among(self, rows: pa.Table, table: str, cause: str) -> Subjects:
        """The people and tickets, of those that stay out for a cause, that rows of a table tell of.

        Args:
            rows: of a standard table or a fact; people are named by their pseudonyms.
            table: its name.
            cause: `ON_REQUEST` or `BY_AGE`.
        """
        if not self._rows.num_rows:
            return Subjects()
        names = id_columns(rows.schema, table)
        tickets = [rows[name] for name in names if name in ("ticket_id", "value")]
        if "ticket_ids" in names:
            items = pc.list_flatten(pc.split_pattern(rows["ticket_ids"], ";"))
            tickets.append(pc.utf8_trim_whitespace(items))
        people = [rows[name] for name in names if (name.endswith("_id") and name != "ticket_id") or name == "owner"]
        if table == "ticket_events":
            people.append(rows["value"])
        return Subjects(
            self._known(_TICKET, tickets, cause),
            self._known(_REQUESTER, people, cause),
            self._known(_AGENT, people, cause),
        )

    def add(self, subjects: Subjects, cause: str) -> list[str]:
        """Keep people and tickets out from now on; returns their digests."""
        kinds = {_TICKET: subjects.tickets, _REQUESTER: subjects.requesters, _AGENT: subjects.agents}
        digests = {kind: self.digests(kind, sorted(ids)) for kind, ids in kinds.items() if ids}
        parts = [_rows(cause, kind, each) for kind, each in digests.items()]
        parts.append(_rows("", _KEY, self.digests(_KEY, [_KEYED_BY])))
        self._write(pa.concat_tables([self._rows, *parts]).group_by(_SCHEMA.names).aggregate([]))
        return [digest for each in digests.values() for digest in each]

    def drop(self, cause: str) -> None:
        """Let in again what stayed out for a cause."""
        rows = self._rows.filter(pc.not_equal(self._rows["cause"], cause))
        if rows.num_rows < self._rows.num_rows:
            self._write(rows)

    def _write(self, rows: pa.Table) -> None:
        self._rows = rows.select(_SCHEMA.names).sort_by([(name, "ascending") for name in _SCHEMA.names])
        self._warehouse.write(AREA, TABLE, self._rows)

    def _known(self, kind: str, columns: Sequence[pa.ChunkedArray], cause: str) -> frozenset[str]:
        """The ids in columns that have a tombstone of a kind and a cause."""
        of_kind = pc.and_(pc.equal(self._rows["kind"], kind), pc.equal(self._rows["cause"], cause))
        tombstones = self._rows.filter(of_kind)
        if not (columns and tombstones.num_rows):
            return frozenset()
        ids = pa.concat_arrays([pc.unique(column.cast(pa.string())) for column in columns])
        with duckdb.connect() as con:
            con.register("ids", pa.table({"id": pc.drop_null(ids)}))
            con.register("tombstones", tombstones)
            known = con.execute(
                f"SELECT DISTINCT id FROM (SELECT id, {self._digest_sql(kind)} AS digest FROM ids) "
                "SEMI JOIN tombstones USING (digest)"
            )
            return frozenset(id_ for (id_,) in known.fetchall())

    def _digest_sql(self, kind: str) -> str:
        return f"left(sha256(concat({quoted(self._secret)}, {quoted(kind)}, chr(31), id)), {_DIGITS})"


def _rows(cause: str, kind: str, digests: Sequence[str]) -> pa.Table:
    return pa.table({"cause": [cause] * len(digests), "kind": [kind] * len(digests), "digest": digests}, _SCHEMA)
