"""What is made anew after which change of the code: a function is edited in each package, in a copy of it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from opslib.intake.privacy.key import KEY_FILE
from opslib.store import memo
from opslib.store.files import digest
from opslib.store.warehouse import KEPT, Warehouse
from opslib.weekly.cache import Cache, MadeReport, shared_basis
from opslib.weekly.numbers.published import basis_of, close
from opslib.weekly.run import Intake, Run, Selection, admit_exports, build_facts, check_plan, planned_jobs, publish
from tests.line.conftest import REPORTS, few_expectations, run_over
from tests.line.disturbed_runs import DAMAGES, kinds_of_files
from tests.samples import shared_sample

ALL = {f"report {name}" for name in (*REPORTS, "project_portfolio", "status")}
EDITS = {
    "intake/reading/csv_rows.py": {"staged", "gate"},
    "intake/privacy/redaction.py": {"staged", "gate", "report contact_drivers"},
    "intake/gate/verdict.py": {"gate"},
    "calendars.py": {"facts", "completeness", "values", "signals", "code of numbers", *ALL},
    "facts/sla.py": {"facts", "code of numbers"},
    "metrics.py": {"completeness", "values", "signals", "code of numbers", *ALL},
    "analysis/methods/discovery.py": {"report contact_drivers", "report routing_audit"},
    "analysis/weekly_review/weekly_signals.py": {"signals", "report weekly_review"},
    "analysis/routing_audit/lint.py": {"report routing_audit"},
    "display/words.py": {"completeness", "values", "signals", "code of numbers", *ALL},
    "reports/contact_drivers/show.py": {"report contact_drivers"},
    "weekly/numbers/signals.py": {"signals"},
    "weekly/pages/page.py": ALL,
    "weekly/pages/index.py weekly/run.py sample/arrivals.py": set[str](),
}
"""Modules, and what rests on them; the last finds nothing to make, also nothing of what was made before it."""


@dataclass
class Desk:
    """A week that the whole line has been through, with its reports remembered as made."""

    run: Run
    lines: list[str]

    def say(self, step: str, line: str) -> None:
        self.lines.append(f"{step} {line}")

    def cache(self) -> Cache:
        return Cache(
            self.run.warehouse, self.run.folders.reports, shared_basis(self.run.folders.params, self.run.warehouse)
        )

    def remade(self) -> set[str]:
        """Take the week through the line again; what was not found as it was."""
        self.lines.clear()
        intake = admit_exports(self.run, self.say)
        code_changed = code_published(self.run.warehouse) != basis_of()["code"]
        build_facts(self.run, intake, self.say)
        publish(self.run, intake, Selection(), self.say)
        close(self.run.warehouse, self.run.organisation.team_names)
        lines = "\n".join(self.lines)
        made = {
            "staged": "exports reading" in lines,
            "gate": not re.search(r"^gate .*as before$", lines, re.MULTILINE),
            "facts": not re.search(r"^facts facts: 0 weeks built", lines, re.MULTILINE),
            "values": "facts weekly values as before" not in lines,
            "completeness": "facts weekly completeness as before" not in lines,
            "signals": "facts weekly signals as before" not in lines,
            "code of numbers": code_changed,
        }
        return {name for name, anew in made.items() if anew} | self._reports(intake)

    def _reports(self, intake: Intake) -> set[str]:
        cache, anew = self.cache(), set()
        for job in planned_jobs(self.run, intake.week, Selection()):
            notebook = self.run.folders.notebooks / f"{job.notebook}.ipynb"
            if cache.recall(job, notebook, {}) is None:
                anew.add(f"report {job.name}")
                job.page(self.run.folders.reports).parent.mkdir(parents=True, exist_ok=True)
                job.page(self.run.folders.reports).touch()
                cache.remember(job, notebook, {}, slices=[], made=MadeReport("ready", [], None, None))
        return anew


def code_published(warehouse: Warehouse) -> str | None:
    """Of which code the numbers published last are; None where nothing tells."""
    path = warehouse.root / "published" / "marks.json"
    publications = json.loads(path.read_text(encoding="utf-8"))["publications"] if path.is_file() else {}
    return publications[max(publications, key=int)]["basis"]["code"] if publications else None


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the package that stands for the code of what is made."""
    copy = tmp_path_factory.mktemp("code") / "opslib"
    shutil.copytree(memo.PACKAGE, copy)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memo, "PACKAGE", copy)
        yield copy


@pytest.fixture(scope="module")
def desk(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("line")
    exports = shared_sample(tmp_path_factory, 600)
    desk = Desk(run_over(exports, folder, expectations=few_expectations(folder / "expectations")), [])
    assert desk.remade() == {"staged", "gate", "facts", "completeness", "values", "signals", "code of numbers", *ALL}
    assert desk.remade() == set()
    return desk


@pytest.mark.parametrize(("modules", "remade"), EDITS.items(), ids=EDITS)
def test_an_edit_makes_anew_what_rests_on_it_and_nothing_else(
    desk: Desk, package: Path, modules: str, remade: set[str]
) -> None:
    for module in modules.split():
        path = package / module
        text = path.read_text(encoding="utf-8")
        edited = re.sub(r"^(\s+return) ", r"\1  ", text, count=1, flags=re.MULTILINE)
        assert edited != text
        path.write_text(edited, encoding="utf-8")
    assert desk.remade() == remade


@pytest.mark.parametrize(
    ("folder", "remade"),
    [("facts", {"facts", "values", "signals"}), ("staged", {"staged"})],
)
def test_what_somebody_deleted_is_made_again(desk: Desk, folder: str, remade: set[str]) -> None:
    shutil.rmtree(desk.run.warehouse.root / folder)
    assert desk.remade() >= remade
    assert desk.remade() == set()


def test_what_is_damaged_is_named_and_made_anew_with_the_same_bytes(desk: Desk) -> None:
    """A file of each kind, memos and what is made of them apart: a memo that is gone makes all of its step anew."""
    warehouse = desk.run.warehouse
    before = contents_of(warehouse.root)
    kinds = [path for path in kinds_of_files(warehouse.root).values() if path.name != KEY_FILE]
    memos = [path for path in kinds if path.parent.name == "memo"]
    copies = [path for path in kinds if path.parts[0] == "generations"]
    made = [path for path in kinds if path not in memos + copies and path.parts[0] not in KEPT]
    kept = [path for path in kinds if path.parts[0] in KEPT]
    assert (len(memos), len(made) > 15, len(kept)) == (9, True, 7)
    ways = [way for name, way in DAMAGES.items() if name != "gone"] * 2
    for turn, paths in enumerate([[*kept, *made], [*copies, *memos]]):
        for number, path in enumerate(paths):
            ways[(number + turn) % 5](warehouse.root / path)
        assert {*warehouse.damage()} == {
            path for path in paths if path not in copies + kept or path.parts[0] in ("gate", "plans")
        }
        desk.remade()
        said = [line for line in desk.lines if line.startswith("repair")]
        assert all(any(path.as_posix() in line for line in said) for path in paths if path in kept), said
        assert any(re.search(r" and \d+ more files are missing or not as written: made anew$", line) for line in said)
        assert contents_of(warehouse.root) == before
    assert desk.remade() == set()


def test_a_damaged_table_stops_no_run_before_it_is_made_anew(desk: Desk) -> None:
    path = desk.run.warehouse.root / "standard" / "projects" / "part.parquet"
    before = path.read_bytes()
    path.write_bytes(b"garbage")
    check_plan(desk.run, Selection())
    desk.remade()
    assert path.read_bytes() == before


def test_a_folder_in_the_place_of_a_file_gives_way_with_what_it_holds(desk: Desk) -> None:
    path = desk.run.warehouse.root / "facts" / "backlog" / "part.parquet"
    before = path.read_bytes()
    path.unlink()
    path.mkdir()
    (path / "thesis.txt").write_text("mine")
    desk.remade()
    assert path.read_bytes() == before
    beside = path.with_name("part.parquet.not-ours-1")
    assert (beside / "thesis.txt").read_text() == "mine"
    shutil.rmtree(beside)


def test_a_kept_file_that_is_lost_with_its_copies_is_said_to_be(desk: Desk, tmp_path: Path) -> None:
    """It is the last that is damaged: the ledger's older generation, then nothing, stands in for it."""
    warehouse = Warehouse(shutil.copytree(desk.run.warehouse.root, tmp_path / "warehouse"))
    marks = warehouse.root / "published" / "marks.json"
    copies = warehouse.root / "generations" / "published" / "marks.json"
    then = marks.read_bytes()
    warehouse.generations.write(b"{}", marks)
    for path in (marks, max(copies.iterdir())):
        path.write_bytes(b"")
    (line,) = warehouse.mend()
    assert "published/marks.json and its newest copy were damaged: the one before is used" in line
    assert marks.read_bytes() == then
    for path in (marks, *copies.iterdir()):
        path.write_bytes(b"")
    (line,) = warehouse.mend()
    assert "nothing of it is left" in line
    assert code_published(warehouse) is None
    assert warehouse.mend() == []


def contents_of(root: Path) -> dict[Path, str]:
    """The bytes of each file of a warehouse; memos tell when files were written, which is another time now."""
    return {path: digest(path) for path in root.rglob("*") if path.is_file() and path.parent.name != "memo"}
