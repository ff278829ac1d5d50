"""A notebook run cell by cell in this process: what each of its sections shows."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import nbformat

Shown = dict[str, list[Any]]


def run_cells(notebook: Path, **parameters: object) -> Shown:
    """The values of the last expressions of the cells, by section, with other parameters than its own."""
    scope: dict[str, Any] = {}
    shown: Shown = {}
    section = ""
    for cell in nbformat.read(notebook, as_version=4).cells:
        if cell.cell_type == "markdown":
            section = ([section, *re.findall(r"^## (.+)$", cell.source, re.MULTILINE)])[-1]
            continue
        body = ast.parse(cell.source).body
        last = body.pop() if isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), "<cell>", "exec"), scope)
        if "parameters" in cell.metadata.get("tags", []):
            assert parameters.keys() <= scope.keys()
            scope |= parameters
        if isinstance(last, ast.Expr):
            shown.setdefault(section, []).append(eval(compile(ast.Expression(last.value), "<cell>", "eval"), scope))
    return shown


def text_of(shown: Shown, section: str) -> str:
    """All that a section shows, as plain text."""
    return "\n".join(repr(each) for each in shown[section])
