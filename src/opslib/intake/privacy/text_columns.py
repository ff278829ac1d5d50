"""Columns of ids and of free text as Arrow text, whatever an export or pandas made of them."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


def text_of_series(values: pd.Series) -> pa.Array:
    """Read a Series of any kind as text.

    Args:
        values: ids or texts; characters that no encoding has are replaced.

    Returns:
        Large strings of the same length; nulls of every kind are null.
    """
    try:
        array = pa.array(values, from_pandas=True)
    except (UnicodeEncodeError, pa.ArrowInvalid, pa.ArrowTypeError):
        # Lone surrogates and columns of mixed types come out of broken JSON; Arrow takes neither.
        array = pa.array(
            [None if pd.isna(value) else str(value).encode("utf-8", "replace").decode() for value in values],
            pa.large_string(),
        )
    return text_of_array(array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array)


def text_of_array(array: pa.Array) -> pa.Array:
    """Read an Arrow array as text.

    Args:
        array: texts, dictionaries of them, or numbers.

    Returns:
        Large strings of the same length; numbers as they are written, a column of whole floats as whole numbers.
    """
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_floating(array.type):
        # A column of whole numbers with a null in it arrives as floats; "4711.0" would be another person than "4711".
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
        if bool(pc.all(pc.equal(pc.floor(array), array)).as_py()) and array.null_count < len(array):
            array = array.cast(pa.int64(), safe=False)
    return array.cast(pa.large_string())
