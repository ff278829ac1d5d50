"""Rows of a standard table without personal data: pseudonyms for ids of persons, every text redacted."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from opslib.intake.privacy.person_names import PersonNames
from opslib.intake.privacy.pseudonyms import Pseudonymiser
from opslib.intake.privacy.redaction import redact_many
from opslib.intake.privacy.regions import regions_of
from opslib.tables import Table

_REDACTED_AT_ONCE: Final = 20_000
_WORTH_A_PROCESS_BYTES: Final = 50_000_000
"""Of text from which on processes are worth their start: redacting less takes no longer than importing pandas there."""
_UNREADABLE: Final = "_unreadable"
_NAMES_A_PERSON: Final = "assignee"
_NAMES_A_TICKET: Final = "merged_into"
# Ids have digits by nature: only those that are written as nothing but a person's are looked at.
_PERSONAL_ID: Final = (
    r"[@+() ]|^[0-9]{3}-[0-9]{2}-[0-9]{4}$|^[0-9]{3}[-.][0-9]{3}[-.][0-9]{4}$|^[0-9]{4}(?:-[0-9]{4}){3}$|"
    r"^[A-Z]{2}[0-9]{2}[A-Z]{4}[0-9]{10,}$"
)


@dataclass(frozen=True)
class Shield:
    """What takes personal data out of rows.

    `region` are the organisation's countries, ISO 3166 codes separated by spaces; `agents` the names that are known of
    agents; `tickets` has, where names of requesters are known, `ticket_id` and `names` (set apart by
    `person_names.BETWEEN`).
    """

    pseudonymiser: Pseudonymiser
    region: str = "US"
    agents: frozenset[str] = frozenset()
    tickets: pa.Table | None = None

    def without_personal_data(
        self, rows: pa.Table, table: Table, pool: ProcessPoolExecutor | None
    ) -> tuple[pa.Table, Counter[str]]:
        """Give the rows without personal data.

        Args:
            rows: columns of a standard table, and `_unreadable`.
            table: the standard table.
            pool: processes that redact long columns side by side; None for none.

        Returns:
            The rows with pseudonyms for ids of persons and for ids that are an e-mail address or the like, and with
            every text redacted; and the pieces redacted, by kind.
        """
        of_rows = self._names_of(rows, table)
        region = self._region_of(rows)
        for name in table.of_type("person"):
            rows = _with_column(rows, name, self.pseudonymiser.many(rows[name]))
        if table.name == "ticket_events":
            rows = _with_column(rows, "value", self._values_of_events(rows))
        for name in table.of_type("id"):
            rows = _with_column(rows, name, self._ids(rows[name]))
        pieces: Counter[str] = Counter()
        for name in (*table.of_type("free_text"), _UNREADABLE):
            if rows[name].null_count == len(rows):
                continue
            is_large = rows[name].nbytes >= _WORTH_A_PROCESS_BYTES
            text, counts = self._redact(rows[name], region, of_rows, pool if is_large else None)
            pieces.update(counts)
            rows = _with_column(rows, name, pa.Array.from_pandas(text, type=pa.string()))
        return self._with_short_texts(rows, table, pieces), pieces

    def _names_of(self, rows: pa.Table, table: Table) -> pa.Array | None:
        """The names that are known of the person of each row's ticket."""
        if self.tickets is None or "ticket_id" not in table.names:
            return None
        places = pc.index_in(rows["ticket_id"], value_set=self.tickets["ticket_id"].combine_chunks())
        return self.tickets["names"].combine_chunks().take(pa.chunked_array(places).combine_chunks())

    def _region_of(self, rows: pa.Table) -> str | pd.Series:
        """The countries whose national telephone numbers are meant in each row."""
        columns = [rows[name].to_pandas() if name in rows.column_names else None for name in ("language", "region")]
        return regions_of(columns[0], columns[1], self.region)

    def _values_of_events(self, rows: pa.Table) -> pa.ChunkedArray:
        """Values of events, with pseudonyms where they are a person or an id that tells one."""
        nothing = pa.scalar(None, pa.string())
        is_person, is_ticket = pc.equal(rows["event"], _NAMES_A_PERSON), pc.equal(rows["event"], _NAMES_A_TICKET)
        people = self.pseudonymiser.many(pc.if_else(is_person, rows["value"], nothing))
        tickets = self._ids(pc.if_else(is_ticket, rows["value"], nothing))
        return pc.if_else(is_person, people, pc.if_else(is_ticket, tickets, rows["value"]))

    def _ids(self, ids: pa.ChunkedArray) -> pa.ChunkedArray:
        """Ids, with a pseudonym for each that tells a person by itself; the same in every table."""
        suspects = pc.fill_null(pc.match_substring_regex(ids, _PERSONAL_ID), False)
        if not pc.any(suspects).as_py():
            return ids
        texts = pc.if_else(suspects, ids, pa.scalar(None, pa.string()))
        redacted, counts = redact_many(texts.to_pandas(), region=self.region)
        if not counts:
            return ids
        tells = pc.fill_null(pc.not_equal(texts, pa.array(redacted, pa.string())), False)
        return pc.if_else(tells, self.pseudonymiser.many(pc.if_else(tells, ids, pa.scalar(None, pa.string()))), ids)

    def _redact(
        self,
        column: pa.ChunkedArray,
        region: str | pd.Series,
        of_rows: pa.Array | None,
        pool: ProcessPoolExecutor | None,
    ) -> tuple[pd.Series, Counter[str]]:
        texts = column.to_pandas()
        size = len(texts) if pool is None else _REDACTED_AT_ONCE
        starts = range(0, len(texts), size)
        parts = [texts.iloc[start : start + size] for start in starts]
        regions = [region if isinstance(region, str) else region.iloc[start : start + size] for start in starts]
        knows = self.agents or of_rows is not None
        persons = [
            PersonNames(self.agents, None if of_rows is None else of_rows.slice(start, size)) if knows else None
            for start in starts
        ]
        results = list((map if pool is None else pool.map)(_redact_part, parts, regions, persons))
        total: Counter[str] = Counter()
        for _, counts in results:
            total.update(counts)
        return pd.concat([text for text, _ in results]), total

    def _with_short_texts(self, rows: pa.Table, table: Table, pieces: Counter[str]) -> pa.Table:
        """The rows with their categories and short texts redacted: whatever a column is for, a person may stand in it.

        The different values of all these columns are looked at in one go, for they are few.
        """
        names = [name for name in table.free_words if rows[name].null_count < len(rows)]
        if not names:
            return rows
        encoded = {name: rows[name].combine_chunks().dictionary_encode() for name in names}
        values = pa.concat_arrays([encoded[name].dictionary for name in names])
        persons = PersonNames(self.agents) if self.agents else None
        redacted, counts = redact_many(values.to_pandas(), region=self.region, persons=persons)
        if not counts:
            return rows
        pieces.update(counts)
        texts = pa.array(redacted, pa.string())
        start = 0
        for name in names:
            size = len(encoded[name].dictionary)
            rows = _with_column(rows, name, texts.slice(start, size).take(encoded[name].indices))
            start += size
        return rows


def _redact_part(
    texts: pd.Series, region: str | pd.Series, persons: PersonNames | None
) -> tuple[pd.Series, dict[str, int]]:
    return redact_many(texts, region=region, persons=persons)


def _with_column(rows: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index(name), name, values)
