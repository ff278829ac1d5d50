"""Rows of a standard table without personal data: pseudonyms for ids of persons, every text redacted."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from opslib.intake.privacy.labels import pseudonymise_personal_ids, pseudonymise_personal_items, redact_labels
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
        pieces: Counter[str] = Counter()
        for name in table.of_type("person"):
            rows = _with_column(rows, name, self.pseudonymiser.many(rows[name]))
        if table.name == "ticket_events":
            rows = _with_column(rows, "value", self._values_of_events(rows, pieces))
        for name in table.of_type("id"):
            rows = _with_column(rows, name, self._ids(rows[name], pieces))
        for name in table.of_type("ids"):
            items, counts = pseudonymise_personal_items(rows[name], self.pseudonymiser)
            pieces.update(counts)
            rows = _with_column(rows, name, items)
        for name in (*table.of_type("free_text"), _UNREADABLE):
            if rows[name].null_count == len(rows):
                continue
            is_large = rows[name].nbytes >= _WORTH_A_PROCESS_BYTES
            text, counts_of_texts = self._redact(rows[name], region, of_rows, pool if is_large else None)
            pieces.update(counts_of_texts)
            rows = _with_column(rows, name, pa.Array.from_pandas(text, type=pa.string()))
        agents = PersonNames(self.agents) if self.agents else None
        for name in table.of_type("category", "text"):
            # Whatever a column is for, a person may stand in it.
            labels, counts = redact_labels(rows[name], region=self.region, persons=agents)
            pieces.update(counts)
            rows = _with_column(rows, name, labels)
        return rows, pieces

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

    def _values_of_events(self, rows: pa.Table, pieces: Counter[str]) -> pa.ChunkedArray:
        """Values of events, with the pseudonyms that persons and tickets have elsewhere."""
        nothing = pa.scalar(None, pa.string())
        is_person, is_ticket = pc.equal(rows["event"], _NAMES_A_PERSON), pc.equal(rows["event"], _NAMES_A_TICKET)
        people = self.pseudonymiser.many(pc.if_else(is_person, rows["value"], nothing))
        tickets = self._ids(pc.if_else(is_ticket, rows["value"], nothing), pieces)
        return pc.if_else(is_person, people, pc.if_else(is_ticket, tickets, rows["value"]))

    def _ids(self, ids: pa.ChunkedArray, pieces: Counter[str]) -> pa.ChunkedArray:
        """Ids, with a pseudonym for each that tells a person by itself; the same in every table."""
        pseudonyms, counts = pseudonymise_personal_ids(ids, self.pseudonymiser)
        pieces.update(counts)
        return pseudonyms

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


def _redact_part(
    texts: pd.Series, region: str | pd.Series, persons: PersonNames | None
) -> tuple[pd.Series, dict[str, int]]:
    return redact_many(texts, region=region, persons=persons)


def _with_column(rows: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index(name), name, values)
