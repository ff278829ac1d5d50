"""People and tickets that are taken out of rows: which rows and values tell of them, in a standard table or any other.

A ticket goes with every row that has its id. A requester goes with their tickets. Of an agent go the rows that are
about the agent (membership, shifts, reviews); where one is only named, as by a ticket, the name goes, the row stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from opslib.tables import TABLES

_ABOUT_A_PERSON: Mapping[str, tuple[str, ...]] = {
    table.name: (*(name for name in table.of_type("person") if table[name].needed), *also)
    for table in TABLES.values()
    for also in [("agent_id",) if table.name == "quality_reviews" else ()]
}
_TICKET_LISTS = ("ticket_ids",)
_OTHER_TICKET = "merged_into"


@dataclass(frozen=True)
class Subjects:
    """Who and what is taken out: ticket ids as in the CRM, requesters and agents by their pseudonyms."""

    tickets: frozenset[str] = frozenset()
    requesters: frozenset[str] = frozenset()
    agents: frozenset[str] = frozenset()

    @property
    def people(self) -> frozenset[str]:
        return self.requesters | self.agents

    def __bool__(self) -> bool:
        return bool(self.tickets or self.people)

    def __or__(self, other: Subjects) -> Subjects:
        return Subjects(self.tickets | other.tickets, self.requesters | other.requesters, self.agents | other.agents)


def id_columns(schema: pa.Schema, table: str) -> list[str]:
    """The columns of a file of rows that may hold an id: all text but for what customers wrote.

    Args:
        schema: of the file.
        table: the standard table or the fact that its rows are of.
    """
    texts = TABLES[table].of_type("free_text") if table in TABLES else ()
    return [
        field.name
        for field in schema
        if (pa.types.is_string(field.type) or pa.types.is_large_string(field.type)) and field.name not in texts
    ]


def about(rows: pa.Table, table: str, subjects: Subjects) -> pa.ChunkedArray | pa.Array:
    """Which rows tell of a subject and go as a whole: a mask of true and false."""
    mask = pa.repeat(pa.scalar(False), rows.num_rows)
    if "ticket_id" in rows.column_names:
        mask = _or(mask, rows["ticket_id"], subjects.tickets)
    if table == "tickets" and "requester_id" in rows.column_names:
        mask = _or(mask, rows["requester_id"], subjects.requesters)
    for name in _ABOUT_A_PERSON.get(table, ()):
        if name in rows.column_names:
            mask = _or(mask, rows[name], subjects.people)
    return mask


def naming(rows: pa.Table, table: str, subjects: Subjects) -> pa.ChunkedArray | pa.Array:
    """Which rows only name a subject, in a column of ids: a mask of true and false."""
    mask = pa.repeat(pa.scalar(False), rows.num_rows)
    for name in id_columns(rows.schema, table):
        mask = _or(mask, rows[name], subjects.people)
        if name in _TICKET_LISTS:
            mask = pc.or_(mask, _lists_any(rows[name], subjects.tickets))
    if {"event", "value"} <= set(rows.column_names):
        other = pc.and_(_is_in(rows["value"], subjects.tickets), _is_in(rows["event"], [_OTHER_TICKET]))
        mask = pc.or_(mask, other)
    return mask


def without(rows: pa.Table, table: str, subjects: Subjects) -> pa.Table:
    """The rows that do not tell of the subjects, without their ids.

    Args:
        rows: of a standard table or a fact, any columns of it.
        table: its name.
        subjects: who and what is taken out.
    """
    rows = rows.filter(pc.invert(about(rows, table, subjects)))
    if not pc.any(naming(rows, table, subjects)).as_py():
        return rows
    if {"event", "value"} <= set(rows.column_names):
        is_other = pc.and_(_is_in(rows["value"], subjects.tickets), _is_in(rows["event"], [_OTHER_TICKET]))
        rows = _with(
            rows, "value", pc.if_else(is_other, pa.scalar(None, rows.schema.field("value").type), rows["value"])
        )
    for name in id_columns(rows.schema, table):
        nothing = pa.scalar(None, rows.schema.field(name).type)
        rows = _with(rows, name, pc.if_else(_is_in(rows[name], subjects.people), nothing, rows[name]))
        if name in _TICKET_LISTS:
            rows = _with(rows, name, _without_items(rows[name], subjects.tickets))
    return rows


def tickets_of(rows: pa.Table, requesters: frozenset[str]) -> frozenset[str]:
    """The ids of the tickets that requesters opened; `rows` are of tickets, with ticket_id and requester_id."""
    return frozenset(pc.drop_null(rows["ticket_id"].filter(_is_in(rows["requester_id"], requesters))).to_pylist())


def _is_in(values: pa.ChunkedArray, among: Iterable[str]) -> pa.ChunkedArray:
    return pc.is_in(values, value_set=pa.array(sorted(among), values.type), skip_nulls=True)


def _or(mask: pa.Array, values: pa.ChunkedArray, among: frozenset[str]) -> pa.Array:
    return pc.or_(mask, _is_in(values, among)) if among else mask


def _lists_any(lists: pa.ChunkedArray, items: frozenset[str]) -> pa.ChunkedArray:
    """Which lists, with `;` between their items, name any of the items; there are few rows of lists."""
    return pa.chunked_array(
        [pa.array([bool(items.intersection(_items(text))) for text in lists.to_pylist()], pa.bool_())]
    )


def _without_items(lists: pa.ChunkedArray, items: frozenset[str]) -> pa.Array:
    kept = [
        ";".join(item for item in _items(text) if item not in items) or None
        if items.intersection(_items(text))
        else text
        for text in lists.to_pylist()
    ]
    return pa.array(kept, lists.type)


def _items(text: str | None) -> list[str]:
    return [item.strip() for item in (text or "").split(";")]


def _with(rows: pa.Table, name: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index(name), name, values)
