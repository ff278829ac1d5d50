"""Expectations, values and numbers of rows in words."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from opslib.intake.gate.derived import TEAM_COLUMNS
from opslib.locales import significant, whole
from opslib.tables import Table

FEW = 5
"""So many names or rows are told one by one."""

_LOOKS_LIKE_A_LOG = 1 / 10
_ORDER = "expect_column_pair_values_a_to_be_greater_than_b"
_KINDS = {
    "id": "an id",
    "ids": "a list of ids",
    "person": "the id of a person",
    "category": "a name",
    "text": "text",
    "free_text": "text",
    "instant": "an instant",
    "date": "a date",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no",
}

_TYPES = {
    "str": "text",
    "object": "mixed values",
    "timestamp": "time",
    "datetime": "time",
    "timedelta": "length of time",
    "date": "date",
    "int": "whole number",
    "uint": "whole number",
    "float": "number",
    "bool": "yes or no",
}


def expectation_in_words(table: Table, type_: str, kwargs: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    """Say an expectation as a reader would.

    Args:
        table: the standard table that it judges.
        type_: its type, as Great Expectations calls it.
        kwargs: its arguments; `{"$PARAMETER": name}` stands for a value that the run gives.
        parameters: what the run gives, by name; numbers are written out, all else is called by its name.

    Returns:
        A phrase that fits behind "expected:".
    """

    def words(value: Any) -> str:
        if isinstance(value, dict) and "$PARAMETER" in value:
            name = str(value["$PARAMETER"])
            if isinstance(parameters[name], int | float):
                return value_in_words(parameters[name])
            return "now" if name == "now" else f"the {name.replace('_', ' ')}"
        return value_in_words(value)

    column = str(kwargs.get("column", ""))
    match type_:
        case "expect_table_columns_to_match_set":
            return "the needed columns are there"
        case "expect_column_values_to_not_be_null":
            return f"{column} is given"
        case "expect_column_values_to_be_in_set" if kwargs.get("value_set") == [True]:
            return TEAM_COLUMNS.get(column, column.replace("_", " "))
        case "expect_column_values_to_be_in_set":
            values = kwargs["value_set"]
            options = ", ".join(str(v) for v in values) if isinstance(values, list) else words(values)
            return f"{column} is one of {options}"
        case "expect_column_values_to_be_between":
            low, high = kwargs.get("min_value"), kwargs.get("max_value")
            name = TEAM_COLUMNS.get(column, column)
            if low is not None and high is not None and not (kwargs.get("strict_min") or kwargs.get("strict_max")):
                return f"{name} is between {words(low)} and {words(high)}"
            bounds = [f"{'above' if kwargs.get('strict_min') else 'at least'} {words(low)}"] if low is not None else []
            bounds += (
                [f"{'below' if kwargs.get('strict_max') else 'at most'} {words(high)}"] if high is not None else []
            )
            return f"{name} is {' and '.join(bounds)}"
        case "expect_column_values_to_be_of_type":
            return f"{column} is {_KINDS[table[column].type]}"
        case "expect_column_values_to_be_json_parseable":
            return f"{column} is JSON"
    if type_ == _ORDER:
        later, earlier = str(kwargs["column_A"]), str(kwargs["column_B"])
        if later in table.names and table[later].type in {"instant", "date"}:
            return f"{later} is {'not before' if kwargs.get('or_equal') else 'after'} {earlier}"
        return f"{later} is {'at least' if kwargs.get('or_equal') else 'above'} {earlier}"
    others = ", ".join(f"{key} {words(value)}" for key, value in kwargs.items() if key != "column")
    verb = type_.removeprefix("expect_").removeprefix("column_").replace("_", " ")
    return " ".join(part for part in (column, verb, f"({others})" if others else "") if part)


def value_in_words(value: Any) -> str:
    """A single value: yes or no, a number with three digits that count, or the text itself."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float):
        return significant(value, 3) if abs(value) < 1000 and not math.isinf(value) else whole(value)
    return str(value)


def rows_in_words(count: int) -> str:
    """A number of rows.

    >>> rows_in_words(1), rows_in_words(3360)
    ('1 row', '3,360 rows')
    """
    return f"{whole(count)} row" if count == 1 else f"{whole(count)} rows"


def type_in_words(name: str) -> str:
    """What a column holds, by the name of its type in a frame.

    >>> [type_in_words(name) for name in ("str", "Timestamp", "int64", "boolean", "datetime64[us, UTC]", "list")]
    ['text', 'time', 'whole number', 'yes or no', 'time', 'something else']
    """
    return next((words for start, words in _TYPES.items() if name.lower().startswith(start)), "something else")


def repeated_keys_in_words(table: Table, present: Collection[str], repeated: int, rows: int) -> tuple[str, ...]:
    """What it means that rows repeat a key with other content and nothing says which is later; nothing where few do.

    Args:
        table: the standard table.
        present: its columns that the source gives.
        repeated: such rows.
        rows: all rows.
    """
    if repeated < _LOOKS_LIKE_A_LOG * rows or not repeated:
        return ()
    if "updated_at" not in table.names:
        return (f"{', '.join(table.key)} do not tell these rows apart: map what does",)
    if "updated_at" in present:
        return ("the rows of one key have the same updated_at: map the time that says which is later",)
    return ("this looks like a log with a row per update: map updated_at, or ticket_events",)
