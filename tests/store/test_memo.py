"""What a result rests on: the code that it stands on, and whether any part of its basis is another than it was."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from opslib.store import memo as memo_module
from opslib.store.memo import PACKAGE, Memo, code_files, code_of

BASIS = {"code": "a", "rows": "b"}


@pytest.fixture
def memo(tmp_path: Path) -> Memo:
    memo = Memo(tmp_path / "memo.json")
    memo.keep("facts", BASIS, {"as_of": "2026-11-16"})
    return memo


def test_a_result_holds_while_it_rests_on_the_same(memo: Memo, tmp_path: Path) -> None:
    again = Memo(tmp_path / "memo.json")
    assert again.holds("facts", BASIS)
    assert again.note("facts") == {"as_of": "2026-11-16"}
    assert not again.holds("facts", BASIS | {"rows": "c"})
    assert not again.holds("facts", {"code": "a"})
    assert not again.holds("values", BASIS)


def test_a_result_does_not_hold_where_what_was_made_of_it_is_gone_or_other_than_it_was(
    memo: Memo, tmp_path: Path
) -> None:
    made = tmp_path / "facts" / "part.parquet"
    made.parent.mkdir()
    made.write_bytes(b"PAR1")
    memo.keep("facts", BASIS, made=[made])
    assert Memo(tmp_path / "memo.json").holds("facts", BASIS)
    for damage in (lambda: made.write_bytes(b"PAR"), lambda: made.write_bytes(b"RAP1"), made.unlink):
        damage()
        again = Memo(tmp_path / "memo.json")
        assert not again.holds("facts", BASIS)
        assert [path.resolve() for path in again.lost()] == [made]


def test_what_has_changed_is_named(memo: Memo) -> None:
    assert memo.changed("facts", BASIS) == frozenset()
    assert memo.changed("facts", BASIS | {"rows": "c"}) == {"rows"}
    assert memo.changed("facts", {"code": "a", "columns": "d"}) == {"rows", "columns"}
    assert memo.changed("values", BASIS) == {"code", "rows"}


def test_what_is_forgotten_is_made_again_even_if_the_run_is_killed(memo: Memo, tmp_path: Path) -> None:
    memo.forget(["facts", "values"])
    again = Memo(tmp_path / "memo.json")
    assert not again.holds("facts", BASIS)
    assert again.note("facts") is None
    assert again.names() == []


@pytest.mark.parametrize("text", ["", "[]", '{"facts": 1}', '{"facts": {"basis": {}}}', '{"facts": {"basis"'])
def test_nothing_holds_of_a_damaged_memo(memo: Memo, tmp_path: Path, text: str) -> None:
    (tmp_path / "memo.json").write_text(text)
    again = Memo(tmp_path / "memo.json")
    assert (again.names(), again.is_damaged) == ([], True)


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("opslib", exclude_type_checking_imports=True, cache_dir=None)


@pytest.mark.parametrize(
    "module",
    ["opslib.intake.stage", "opslib.intake.admit", "opslib.facts.build", "opslib.weekly.numbers.values"]
    + [f"opslib.reports.{name}" for name in ("weekly_review", "contact_drivers", "routing_audit")]
    + ["opslib.weekly.run", "opslib.weekly.render", "opslib.cli"],
)
def test_the_code_of_a_module_is_all_that_the_import_graph_reaches(graph: grimp.ImportGraph, module: str) -> None:
    """Code that is left out would outlive the mending of it; the graph is that of the linter of imports."""
    reached = {module, *graph.find_upstream_modules(module)}
    code = {path.relative_to(PACKAGE.parent) for path in code_files(module) if path.suffix == ".py"}
    assert {".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in code} == reached


def test_templates_and_word_lists_are_code_of_the_modules_beside_them() -> None:
    names = {path.name for path in code_files("opslib.weekly.pages.page")}
    assert {"page.py", "base.html.j2", "style.css"} <= names
    assert "words.toml" in {path.name for path in code_files("opslib.sample.words")}
    assert "words.toml" not in names


def test_a_file_that_is_renamed_or_edited_is_other_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "opslib"
    shutil.copytree(PACKAGE, copy)
    monkeypatch.setattr(memo_module, "PACKAGE", copy)
    before = {name: code_of(name) for name in ("opslib.weeks", "opslib.calendars", "opslib.tables")}
    with (copy / "weeks.py").open("a") as stream:
        stream.write("\n")
    changed = {name for name, code in before.items() if code_of(name) != code}
    assert changed == {"opslib.weeks", "opslib.calendars"}
    (copy / "tables.py").rename(copy / "standard.py")
    assert code_of("opslib.standard") != before["opslib.tables"]


def test_a_module_that_there_is_not_is_an_error() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"opslib\.nowhere is no module"):
        code_of("opslib.nowhere")


def test_asking_loads_nothing_heavy() -> None:
    code = "import sys, opslib.store.memo; print([m for m in ('pandas', 'pyarrow', 'duckdb') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
