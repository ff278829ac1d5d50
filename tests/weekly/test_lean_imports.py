"""What the run does not load: a grammar that nobody asks, and subjects where only pages are written."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

from opslib.weekly.lean_imports import MEASURED


def modules_after(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after the code."""
    code = f"import sys\n{code}\nprint(*(name for name, module in sys.modules.items() if module is not None))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


@pytest.mark.parametrize("package", MEASURED)
def test_the_grammar_is_skipped_with_the_versions_for_which_it_was_measured(package: str) -> None:
    installed = ".".join(version(package).split(".")[:2])
    assert installed == MEASURED[package], (
        f"{package} is {installed} now; measure what `skip_iri_grammar` still saves of importing papermill: "
        "where it is more than a second, write the version into MEASURED, else delete the module"
    )


def test_jsonschema_does_without_the_grammar() -> None:
    loaded = modules_after(
        "from opslib.weekly.lean_imports import skip_iri_grammar; skip_iri_grammar(); import jsonschema, nbformat"
    )
    assert "jsonschema" in loaded
    assert not {name for name in loaded if name.startswith(("rfc3987_syntax", "lark"))}


def test_importing_the_run_changes_nothing_for_other_packages_and_loads_no_languages() -> None:
    """A kernel is forked from a process that has imported `opslib.weekly`, and an analyst may want the format."""
    loaded = modules_after("import opslib.weekly.run, opslib.weekly.render, opslib.facts.text_languages, jsonschema")
    assert "rfc3987_syntax" in loaded
    assert "py3langid" not in loaded


def test_workers_load_no_subject_and_nothing_to_draw_with() -> None:
    loaded = modules_after("import opslib.weekly.worker_imports")
    assert "papermill" in loaded
    assert not {name for name in loaded if name.startswith("opslib.reports.")}
    assert not {"matplotlib", "pandas"} & loaded
