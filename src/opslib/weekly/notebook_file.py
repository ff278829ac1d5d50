"""A notebook as it lies on disk: whether it is one, and which cell is which."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from opslib.errors import OpslibError
from opslib.locales import whole

if TYPE_CHECKING:
    from nbformat import NotebookNode

_MOST_BYTES: Final = 50_000_000
_LONGEST_LINE: Final = 60
_REMEDY: Final = "; take it from git again, or make it anew in JupyterLab"


class NoNotebookError(OpslibError):
    """A file is named like a notebook and is none."""


class StoppedCellError(OpslibError):
    """A cell was stopped, or lost its kernel; `source` is its code."""

    def __init__(self, message: str, source: str) -> None:
        super().__init__(message)
        self.source = source


def read_notebook(path: Path) -> NotebookNode:
    """The notebook that a file holds.

    Args:
        path: the file.

    Returns:
        The notebook, in the newest format.

    Raises:
        NoNotebookError: the file holds something else; the message says what.
    """
    import nbformat

    content = _content(path)
    problem = _problem(content)
    if problem is not None:
        raise NoNotebookError(f"{path.name} is no notebook: {problem}{_REMEDY}")
    try:
        notebook = nbformat.reads(json.dumps(content), as_version=4)
    except Exception as error:  # what nbformat raises of a notebook that it cannot read is of any kind
        raise NoNotebookError(f"{path.name} is no notebook that can be read: {error}") from error
    if not notebook.cells:
        raise NoNotebookError(f"{path.name} is no notebook: it has no cells{_REMEDY}")
    return notebook


def text_of(path: Path) -> str:
    """The text of a notebook's file; nothing where it is no text, so that the others are not held up by it."""
    try:
        return path.read_text(encoding="utf-8") if path.stat().st_size <= _MOST_BYTES else ""
    except (OSError, UnicodeDecodeError):
        return ""


def place_of(cell: NotebookNode, notebook: NotebookNode) -> str:
    """Which cell it is, for who looks for it: its number, its first line and the heading above it.

    Args:
        cell: as it ran; its id or source tells it.
        notebook: as it is on disk.
    """
    first = next(iter(cell.source.strip().splitlines()), "")
    number, heading = None, None
    for place, each in enumerate(notebook.cells, start=1):
        if each.cell_type == "markdown":
            heading = next((line.lstrip("# ") for line in each.source.splitlines() if line.startswith("#")), heading)
        elif each.source == cell.source and each.get("id") == cell.get("id"):
            number = place
            break
    under = f", under “{heading.strip()}”" if number is not None and heading else ""
    return f"cell {number or 'of the parameters'} (“{_short(first)}”{under})"


def _content(path: Path) -> Any:
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise NoNotebookError(
                f"{path.name} has {whole(size / 1e6)} MB, more than a notebook that is to be run may have "
                f"({whole(_MOST_BYTES / 1e6)} MB): clear its outputs in JupyterLab and save it again"
            )
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NoNotebookError(f"{path.name} cannot be read: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise NoNotebookError(
            f"{path.name} is no notebook: byte {whole(error.start)} is no UTF-8 text{_REMEDY}"
        ) from error
    except (ValueError, RecursionError) as error:
        line = f", from line {whole(error.lineno)} on" if isinstance(error, json.JSONDecodeError) else ""
        raise NoNotebookError(f"{path.name} is no notebook: it is empty, cut off or no JSON{line}{_REMEDY}") from error


def _problem(content: Any) -> str | None:
    if not isinstance(content, dict):
        return f"it holds a JSON {'list' if isinstance(content, list) else 'value'}"
    if not isinstance(content.get("nbformat"), int):
        return "it names no format (`nbformat`)"
    if content["nbformat"] < 4:
        return None
    cells = content.get("cells")
    if not isinstance(cells, list):
        return "it has no cells"
    for number, cell in enumerate(cells, start=1):
        if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
            return f"its cell {whole(number)} has no type"
        source = cell.get("source")
        if not isinstance(source, str) and not (isinstance(source, list) and all(isinstance(s, str) for s in source)):
            return f"its cell {whole(number)} has no text"
    return None


def _short(line: str) -> str:
    return line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…"
