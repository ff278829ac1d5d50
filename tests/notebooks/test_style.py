"""Every notebook reads well: measured against what good notebooks have in common."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest

import opslib as ops

ROOT = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(path for path in ROOT.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
REPORTS = [path for path in NOTEBOOKS if path.parent.name != "explore"]


SUBJECTS_OF_OTHERS = {"status": "project_portfolio"}
"""Notebooks that ask the subject of another one."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").as_posix()


def lines_of(cell: nbformat.NotebookNode) -> list[str]:
    """Lines of code, without blank ones."""
    return [line for line in cell.source.splitlines() if line.strip()]


def code_of(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose_of(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "markdown"]


def words_in(notebook: nbformat.NotebookNode) -> int:
    return sum(len(re.findall(r"[^\W\d_][\w’'-]*", cell.source)) for cell in prose_of(notebook))


@pytest.fixture(params=NOTEBOOKS, ids=name_of)
def notebook(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    return nbformat.read(request.param, as_version=4)


def test_there_are_notebooks():
    assert NOTEBOOKS
    assert REPORTS


@pytest.mark.parametrize("path", REPORTS, ids=name_of)
def test_a_report_has_twenty_to_fifty_cells(path: Path):
    assert 20 <= len(nbformat.read(path, as_version=4).cells) <= 50


def test_it_is_valid(notebook: nbformat.NotebookNode):
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"


def test_it_opens_with_prose_that_says_who_reads_it_and_what_for(notebook: nbformat.NotebookNode):
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    heading, _, text = first.source.strip().partition("\n")
    assert re.match(r"# \w", heading)
    assert 2 <= len(re.findall(r"[.?!](?:\s|$)", text)) <= 3


def test_there_is_as_much_prose_as_code(notebook: nbformat.NotebookNode):
    lines = sum(len(lines_of(cell)) for cell in code_of(notebook))
    assert len(prose_of(notebook)) / len(code_of(notebook)) >= 0.7
    assert words_in(notebook) / lines >= 4


def test_cells_of_code_are_short(notebook: nbformat.NotebookNode):
    lengths = sorted(len(lines_of(cell)) for cell in code_of(notebook))
    assert lengths[-1] <= 12
    assert lengths[int(0.9 * (len(lengths) - 1))] <= 6
    assert sum(lengths) <= 70


def test_it_defines_nothing_and_hardly_branches(notebook: nbformat.NotebookNode):
    """A function belongs into opslib, where it is typed and tested."""
    nodes = [node for cell in code_of(notebook) for node in ast.walk(ast.parse(cell.source))]
    defined = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    assert not [node for node in nodes if isinstance(node, defined)]
    turns = (ast.For, ast.While, ast.If, ast.IfExp, ast.Match, ast.Try, ast.With, ast.comprehension)
    assert len([node for node in nodes if isinstance(node, turns)]) <= 1


def test_code_never_runs_on_for_more_than_three_cells(notebook: nbformat.NotebookNode):
    kinds = "".join("c" if cell.cell_type == "code" else "m" for cell in notebook.cells)
    assert "cccc" not in kinds


def test_it_imports_opslib_and_nothing_else(notebook: nbformat.NotebookNode):
    imports = [
        ast.unparse(node)
        for cell in code_of(notebook)
        for node in ast.walk(ast.parse(cell.source))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert imports == ["import opslib as ops"]


def test_one_cell_holds_the_parameters_and_each_has_a_type(notebook: nbformat.NotebookNode):
    """Papermill takes a type only from an annotation, and a parameter that is misspelt must be found before the run."""
    tagged = [cell for cell in code_of(notebook) if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    assert tagged[0] is code_of(notebook)[0]
    body = ast.parse(tagged[0].source).body
    assert body
    assert all(isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Constant) for node in body)


def test_a_team_report_takes_week_team_and_folders(notebook: nbformat.NotebookNode):
    names = re.findall(r"^(\w+): (\w+) =", code_of(notebook)[0].source, re.MULTILINE)
    assert {("week", "str"), ("warehouse", "str"), ("params", "str")} <= set(names)


def dialect_fault(statement: ast.stmt, subject: str, frames: set[str]) -> str | None:
    """What a statement of a report does that is neither `show.x(ops.<subject>.y(…))` nor a name for such a frame.

    A section or fold shows its answer (`ops.<subject>.answers.x(frame)`) and what else is shown.
    """
    own = rf"ops\.{subject}\.(answers\.)?\w+\(.*\)"
    code = ast.unparse(statement)
    if isinstance(statement, ast.Assign) and re.fullmatch(rf"\w+ = (ops\.open_week\(.*\)|{own})", code):
        frames.add(statement.targets[0].id)
        return None
    if isinstance(statement, ast.Expr) and re.fullmatch(own, code):
        return None
    if isinstance(statement, ast.Expr) and draws(statement.value, own, frames):
        return None
    return code


def draws(value: ast.expr, own: str, frames: set[str]) -> bool:
    """Whether a value is something shown of frames only, or a section of such things with its answer."""
    if not isinstance(value, ast.Call) or not re.fullmatch(r"show\.\w+", ast.unparse(value.func)):
        return False
    parts = [each.value if isinstance(each, ast.Starred) else each for each in value.args]
    is_section = ast.unparse(value.func) in ("show.section", "show.fold")
    return bool(parts) and all(
        ast.unparse(each) in frames
        or re.fullmatch(own, ast.unparse(each)) is not None
        or (is_section and (draws(each, own, frames) or isinstance(each, ast.Constant)))
        for each in parts
    )


@pytest.mark.parametrize("path", REPORTS, ids=name_of)
def test_all_reports_speak_one_dialect(path: Path):
    """`show = ops.<subject>.show`, then `show.x(ops.<subject>.y(…))`: who can read one report can read all."""
    subject = SUBJECTS_OF_OTHERS.get(path.stem, path.stem)
    _, second, *rest = code_of(nbformat.read(path, as_version=4))
    first, show, *opening = ast.parse(second.source).body
    assert [ast.unparse(first), ast.unparse(show)] == ["import opslib as ops", f"show = ops.{subject}.show"]
    statements = [*opening, *(statement for cell in rest for statement in ast.parse(cell.source).body)]
    frames: set[str] = set()
    faults = [dialect_fault(statement, subject, frames) for statement in statements]
    assert [fault for fault in faults if fault] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_everything_that_a_notebook_calls_exists(path: Path):
    """Found here in a second, and not on Monday."""
    code = "\n".join(cell.source for cell in code_of(nbformat.read(path, as_version=4)))
    for call in re.findall(r"\bops\.[\w.]+", code) + [
        f"{subject}.{name}"
        for subject in re.findall(r"^show = (ops\.\w+\.show)$", code, re.MULTILINE)
        for name in re.findall(r"\bshow\.(\w+)\(", code)
    ]:
        value = ops
        for name in call.split(".")[1:]:
            value = getattr(value, name)
        assert value is not None


def test_no_outputs_are_stored(notebook: nbformat.NotebookNode):
    assert [cell.source for cell in code_of(notebook) if cell.outputs or cell.execution_count is not None] == []


def test_nothing_is_silenced(notebook: nbformat.NotebookNode):
    code = "\n".join(cell.source for cell in code_of(notebook))
    assert not re.search(r"filterwarnings|except\b|%%capture|warnings\.", code)
