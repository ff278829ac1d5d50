"""The project's own files agree with each other."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

from opslib.tables import TABLES

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text()
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))


def locked() -> dict[str, list[str]]:
    """Pinned versions by package; more than one where the Python version decides."""
    pins: dict[str, list[str]] = {}
    for name, pin in re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", LOCK, re.MULTILINE):
        pins.setdefault(canonicalize_name(name), []).append(pin)
    return pins


def declared() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"].values()
    return [Requirement(text) for text in (*PROJECT["dependencies"], *(text for extra in extras for text in extra))]


def test_the_lock_pins_what_pyproject_names():
    pins = locked()
    missing = [str(need) for need in declared() if canonicalize_name(need.name) not in pins]
    unfit = [
        str(need)
        for need in declared()
        for pin in pins.get(canonicalize_name(need.name), [])
        if pin not in need.specifier
    ]
    assert (missing, unfit) == ([], [])


def test_every_pin_has_a_hash():
    blocks = re.split(r"\n(?=[A-Za-z0-9])", LOCK.strip())
    assert len(blocks) > 100
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []


def test_the_environment_is_the_lock():
    pins = locked()
    other = {
        need.name: version(need.name)
        for need in declared()
        if version(need.name) not in pins[canonicalize_name(need.name)]
    }
    assert other == {}


def test_conda_users_get_the_same_environment():
    environment = YAML(typ="safe").load(ROOT / "environment.yml")
    plain = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert sorted(entry.split()[0] for entry in plain) == ["make", "pip", "python"]
    assert f"python {PROJECT['requires-python']}" in plain
    assert pip == ["--require-hashes", "-r requirements.lock"]


def test_imports_point_one_way():
    lint = Path(sys.executable).with_name("lint-imports")
    contracts = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert contracts.returncode == 0, contracts.stdout


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_no_outputs_in_git(path):
    committed = subprocess.run(
        ["git", "show", f"HEAD:{path.relative_to(ROOT)}"], cwd=ROOT, capture_output=True, check=False
    )
    content = committed.stdout if committed.returncode == 0 else path.read_bytes()
    cells = [cell for cell in json.loads(content)["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert [cell["source"] for cell in cells if cell["outputs"] or cell["execution_count"] is not None] == []


def test_git_strips_notebooks():
    assert "*.ipynb filter=nbstripout" in (ROOT / ".gitattributes").read_text()
    assert "git config filter.nbstripout.clean" in (ROOT / "Makefile").read_text()


def test_every_standard_table_has_a_suite_and_every_suite_a_table():
    assert sorted(path.stem for path in (ROOT / "expectations").glob("*.json")) == sorted(TABLES)


def test_every_column_says_what_it_means():
    for table in TABLES.values():
        assert set(table.key) <= set(table.names)
        assert [column.name for column in table if len(column.meaning) < 4] == []


def test_no_file_names_a_path_of_the_machine_it_was_written_on():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    text = [ROOT / name for name in tracked if not name.endswith((".png", ".lock"))]
    home = re.compile(r"/(home|Users)/[a-z]+/|[A-Z]:\\Users")
    assert [
        str(path) for path in text if path.exists() and path != Path(__file__) and home.search(path.read_text())
    ] == []
