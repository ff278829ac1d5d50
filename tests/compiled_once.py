"""Most of what building the facts of a handful of tickets takes is compiling SQL; here it is compiled once a process.

SQL follows from the expression alone, which holds its literals and types; equal expressions have equal SQL. And the
steps to the facts follow from what they are compiled of: tables of equal columns and all else that is handed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ibis
import ibis.expr.types as ir
import pytest

from opslib.facts import build
from opslib.facts.build import Step

compile_steps = build.compile_steps
"""As the package has it: for a test that changes a function on the way to the facts."""

_SQL: dict[tuple[Any, str], str] = {}
_STEPS: dict[Any, list[Step]] = {}


@contextmanager
def compiled_once() -> Iterator[None]:
    """Remember the SQL of each expression and the steps to the facts, for as long as this process runs."""
    compile_sql = ibis.to_sql

    def to_sql(expression: ir.Expr, dialect: str) -> str:
        key = expression.op(), dialect
        if key not in _SQL:
            _SQL[key] = compile_sql(expression, dialect=dialect)
        return _SQL[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ibis, "to_sql", to_sql)
        patch.setattr(build, "compile_steps", _remembered_steps)
        yield


def _remembered_steps(tables: Mapping[str, ir.Table], begin: Callable[[Step], None], **rest: Any) -> None:
    key = _hashable({name: table.op() for name, table in tables.items()} | rest)
    if key not in _STEPS:
        steps: list[Step] = []
        compile_steps(tables, steps.append, **rest)
        _STEPS[key] = steps
    for step in _STEPS[key]:
        begin(step)


def _hashable(value: Any) -> Any:
    """The same for equal values: lists as tuples, mappings as the tuple of their sorted items."""
    if isinstance(value, Mapping):
        return tuple((name, _hashable(value[name])) for name in sorted(value))
    return tuple(map(_hashable, value)) if isinstance(value, list | tuple) else value
