"""Tables for a spreadsheet: CSV that Excel reads as UTF-8, in which no cell is taken for a formula."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = "^([ \u00a0\ufeff\u200b]*[=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20])"
_ONE = re.compile(_FORMULA)
MARK = "\ufeff"


def safe_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula.

    >>> [safe_cell(text) for text in ("refund", '=HYPERLINK("x")', " +1", "\\t@SUM(A1)")]
    ['refund', '\\'=HYPERLINK("x")', "' +1", "'\\t@SUM(A1)"]
    """
    return _ONE.sub(r"'\1", text)


def as_csv(rows: pd.DataFrame) -> str:
    """A frame as CSV, whole columns at a time.

    Args:
        rows: texts, numbers, instants; each missing value becomes an empty cell.

    Returns:
        CSV with a byte order mark, by which Excel knows UTF-8, and a line of heads. A text that a spreadsheet would
        take for a formula begins with an apostrophe; instants are ISO 8601 in UTC, to the second.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = []
    for name in rows:
        column = pa.Array.from_pandas(rows[name])
        column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        if pa.types.is_timestamp(column.type):
            text = pc.strftime(column.cast(pa.timestamp("s", "UTC"), safe=False), "%Y-%m-%dT%H:%M:%SZ")
        elif pa.types.is_floating(column.type):
            text = pc.round(column, 3).cast(pa.string())
        else:
            text = pc.replace_substring_regex(column.cast(pa.string()), _FORMULA, "'\\1")
        text = pc.fill_null(text, "").cast(pa.string())
        quoted = pc.binary_join_element_wise('"', pc.replace_substring(text, '"', '""'), '"', "")
        columns.append(pc.if_else(pc.match_substring_regex(text, '[",\\r\\n]'), quoted, text))
    lines = pc.binary_join_element_wise(*columns, ",").to_pylist() if len(columns) > 1 else columns[0].to_pylist()
    return MARK + "".join(f"{line}\r\n" for line in (",".join(map(str, rows)), *lines))
