"""Which sheets of a workbook a feed reads, and what is said of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb

from opslib.intake.notation import listed
from opslib.intake.reading.joined_rows import joined
from opslib.intake.reading.raw_rows import RawRows, Sheet
from opslib.locales import whole


@dataclass(frozen=True)
class SheetUse:
    """What a feed finds in a sheet: the columns that its rules name, and the needed ones that are not there."""

    sheet: Sheet
    columns: frozenset[str]
    absent: tuple[str, ...]


def rows_of_sheets(con: duckdb.DuckDBPyConnection, raw: RawRows, uses: Sequence[SheetUse]) -> RawRows:
    """The rows that a feed reads of a workbook.

    Args:
        con: a DuckDB connection.
        raw: the workbook as it was read.
        uses: what the feed finds in each of its sheets.

    Returns:
        The rows of all sheets with the columns of the fitting one that has most, in order; `unread` names the others
        and says why. Hidden sheets are read only where no other fits. Where none fits, the rows of the sheet in which
        most is found.
    """
    fitting = [use for use in uses if use.sheet.rows.columns and not use.absent]
    visible = [use for use in fitting if not use.sheet.hidden] or fitting
    if not visible:
        filled = [use for use in uses if use.sheet.rows.rows and not use.sheet.hidden] or list(uses)
        nearest = max(filled, key=lambda use: len(use.columns))
        return replace(nearest.sheet.rows, path=raw.path, sheets=raw.sheets, notes=raw.notes, unread=raw.unread)
    best = max(visible, key=lambda use: len(use.columns))
    chosen = [use for use in visible if use.columns == best.columns]
    filled = [use for use in chosen if use.sheet.rows.rows] or chosen
    parts = [use.sheet.rows for use in filled]
    rows = parts[0] if len(parts) == 1 else joined(con, parts)
    unread = [_reason(use, best) for use in uses if use not in chosen]
    return replace(
        rows,
        path=raw.path,
        damage="; ".join(dict.fromkeys(part.damage for part in parts if part.damage)) or None,
        notes=tuple(dict.fromkeys([*raw.notes, *_names(filled), *(note for part in parts for note in part.notes)])),
        unread=(*raw.unread, *unread),
        head=parts[0].head,
    )


def _reason(use: SheetUse, best: SheetUse) -> str:
    """Why a sheet is not read."""
    name = f"the sheet `{use.sheet.title}` was not read:"
    if not use.sheet.rows.columns or not use.sheet.rows.rows:
        return f"{name} it is empty"
    if use.absent:
        return f"{name} it has no {listed(use.absent)}"
    if use.sheet.hidden:
        return f"{name} it is hidden, like a copy; {whole(use.sheet.rows.records)} rows"
    lacking = sorted(best.columns - use.columns)
    return (
        f"{name} its header is another than that of `{best.sheet.title}`"
        + (f" and lacks {listed(lacking)}" if lacking else "")
        + f"; {whole(use.sheet.rows.records)} rows. `read: {{sheet: …}}` chooses one"
    )


def _names(uses: Sequence[SheetUse]) -> list[str]:
    """Which sheets are read, where they are several."""
    if len(uses) < 2:
        return []
    return [f"{len(uses)} sheets were read one after the other: {listed([use.sheet.title for use in uses])}"]
