"""What the rows of a staged file have beside the columns of their table."""

from __future__ import annotations

from typing import Final

PLACE: Final = "_place"
"""The column of a staged Parquet file that tells which file of its batch a row is of."""
