"""Arguments of the methods as arrays of one length: numbers, lists, arrays or Series."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]


def as_floats(values: npt.ArrayLike) -> Floats:
    """Turn a number, list, array or Series into an array of floats of one dimension or more; missing becomes NaN."""
    if isinstance(values, pd.Series):
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.atleast_1d(np.asarray(values, dtype=np.float64))


def as_columns(**columns: npt.ArrayLike) -> tuple[dict[str, Floats], pd.Index]:
    """Turn named array-likes into float arrays of one length, with the index of the Series among them.

    Args:
        columns: array-likes or numbers by name; numbers and arrays of length 1 are repeated. Missing values become NaN.

    Returns:
        The arrays by name, and the index that a result should carry.

    Raises:
        ValueError: the lengths do not fit, or two Series have different indexes.
    """
    index: pd.Index | None = None
    arrays: dict[str, Floats] = {}
    for name, values in columns.items():
        if isinstance(values, pd.Series):
            if index is not None and not values.index.equals(index):
                raise ValueError(f"'{name}' has another index than the columns before it; align the Series first")
            index = values.index
        arrays[name] = as_floats(values)
        if arrays[name].ndim != 1:
            raise ValueError(f"'{name}' must be one-dimensional, not of shape {arrays[name].shape}")
    try:
        broadcast = np.broadcast_arrays(*arrays.values())
    except ValueError as error:
        lengths = ", ".join(f"{name} {len(values)}" for name, values in arrays.items())
        raise ValueError(f"columns of different lengths: {lengths}") from error
    length = len(broadcast[0])
    if index is None:
        index = pd.RangeIndex(length)
    elif len(index) != length:
        raise ValueError(f"a Series of {len(index)} values met a column of {length}")
    return dict(zip(arrays, broadcast, strict=True)), index
