"""Everything has its one place: a subject has one name everywhere, and the tests mirror the package."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import opslib as ops

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "opslib"
TESTS = ROOT / "tests"

OF_THE_ROOT = {
    *("__init__", "cli", "errors", "tables", "settings", "weeks", "calendars", "metrics", "store", "intake", "facts"),
    *("analysis", "display", "reports", "weekly", "sample", "processes", "locales", "labels"),
}
"""The modules and packages of opslib; a subject's code goes into their folders."""

SHARED_BY_SUBJECTS = {"methods", "findings"}
"""Folders of analysis that are no subject, but what several of them use."""

WITHOUT_A_PACKAGE = {"notebooks", "browser", "line"}
"""Folders of tests that test no package of opslib: the notebooks, the pages in a real browser, the whole run."""


OF_OTHER_SUBJECTS = {"start_here", "status"}
"""Notebooks that are no subject: an introduction, and the page of one project of the portfolio."""


def folders_in(path: Path) -> set[str]:
    return {each.name for each in path.iterdir() if each.is_dir() and any(each.glob("*.py"))}


@pytest.mark.parametrize(
    ("place", "names"),
    [
        ("notebooks", {path.stem for path in (ROOT / "notebooks").glob("*/*.ipynb")} - OF_OTHER_SUBJECTS),
        ("opslib.reports", folders_in(PACKAGE / "reports")),
        ("opslib.analysis", folders_in(PACKAGE / "analysis") - SHARED_BY_SUBJECTS),
        ("tests/reports", folders_in(TESTS / "reports")),
        ("tests/analysis", folders_in(TESTS / "analysis") - SHARED_BY_SUBJECTS),
        (
            "params/weekly.yml",
            {
                Path(entry["notebook"]).name
                for entry in YAML(typ="safe").load(ROOT / "params" / "weekly.yml")["notebooks"]
            }
            - OF_OTHER_SUBJECTS,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_subject_has_the_same_name_everywhere(place: str, names: set[str]):
    assert names == set(ops.SUBJECTS), place


@pytest.mark.parametrize("subject", ops.SUBJECTS)
def test_a_subject_has_a_test_of_its_notebook(subject: str):
    assert (TESTS / "notebooks" / f"test_{subject}.py").exists()


def test_reports_are_kept_apart_by_the_contract_on_imports():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (apart,) = (contract["modules"] for contract in contracts if contract["type"] == "independence")
    assert apart == [f"opslib.reports.{subject}" for subject in ops.SUBJECTS]


def test_the_docstring_of_opslib_has_a_line_for_each_subject():
    names = re.findall(r"^- `ops\.(\w+)`: \w.*\.$", ops.__doc__, re.MULTILINE)
    assert names == ["open_week", *ops.SUBJECTS, "tickets_behind", "display"]


def test_tab_completion_lists_what_a_notebook_calls():
    assert set(dir(ops)) == {"open_week", "Week", "display", "tickets_behind", "SUBJECTS", "__version__", *ops.SUBJECTS}


@pytest.mark.parametrize("subject", ops.SUBJECTS)
def test_a_subject_says_in_a_line_what_it_is_and_where_to_begin(subject: str):
    package = getattr(ops, subject)
    assert package.__name__ == f"opslib.reports.{subject}"
    (line,) = package.__doc__.strip().splitlines()
    begin = re.search(r"`(open_\w+)`", line)
    assert begin
    assert callable(getattr(package, begin[1]))
    assert set(package.__all__) >= {"show", begin[1]}


def test_editors_and_type_checkers_find_by_a_static_import_what_is_loaded_when_first_called():
    """Else go-to-definition ends at `__getattr__`."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    imports = [
        (f"{node.module}.{alias.name}", alias.asname)
        for block in tree.body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    assert {name for _, name in imports} == set(ops.__all__) - {"SUBJECTS"}
    assert {target for target, name in imports if name in ops.SUBJECTS} == {
        f"opslib.reports.{name}" for name in ops.SUBJECTS
    }


def test_the_root_of_the_package_has_no_room_for_a_subject():
    modules = {path.stem for path in PACKAGE.glob("*.py")}
    assert modules | folders_in(PACKAGE) == OF_THE_ROOT


def test_every_folder_of_tests_mirrors_a_package():
    places = {path.parent.relative_to(TESTS) for path in TESTS.rglob("test_*.py")} - {Path()}
    mirrors = {place for place in places if place.parts[0] not in WITHOUT_A_PACKAGE}
    assert mirrors
    assert sorted(str(place) for place in mirrors if not (PACKAGE / place / "__init__.py").exists()) == []


def test_importing_opslib_loads_nothing_heavy():
    """The command line reads settings; it must not wait for what only notebooks need."""
    code = "import sys, opslib, opslib.errors; print([m for m in ('pandas', 'matplotlib', 'ibis') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_everything_offered_is_there_and_anything_else_is_an_error_that_lists_it():
    assert all(hasattr(ops, name) for name in ops.__all__)
    with pytest.raises(AttributeError, match=r"a notebook can call .*open_week"):
        ops.nonsense  # noqa: B018
