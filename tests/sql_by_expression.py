"""Most of what building the facts of a handful of tickets takes is compiling SQL; here an expression is compiled once.

SQL follows from the expression alone, which holds its literals and types; equal expressions have equal SQL.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ibis
import ibis.expr.types as ir
import pytest

_SQL: dict[tuple[Any, str], str] = {}


@contextmanager
def sql_by_expression() -> Iterator[None]:
    """Remember the SQL of each expression, for as long as this process runs."""
    compile_sql = ibis.to_sql

    def to_sql(expression: ir.Expr, dialect: str) -> str:
        key = expression.op(), dialect
        if key not in _SQL:
            _SQL[key] = compile_sql(expression, dialect=dialect)
        return _SQL[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ibis, "to_sql", to_sql)
        yield
