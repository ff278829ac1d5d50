"""What is made anew after which change of the code: a function is edited in each package, in a copy of it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from opslib.store import memo
from opslib.store.files import digest
from opslib.weekly.cache import Cache, shared_basis
from opslib.weekly.numbers.published import basis_of
from opslib.weekly.run import Intake, Run, Selection, admit_exports, build_facts, planned_jobs, publish
from tests.line.conftest import REPORTS, WEEK, few_expectations, run_over
from tests.samples import shared_sample

ALL = {f"report {name}" for name in REPORTS}
EDITS = {
    "intake/reading/csv_rows.py": {"staged", "gate"},
    "intake/privacy/redaction.py": {"staged", "gate", "report contact_drivers"},
    "intake/gate/verdict.py": {"gate"},
    "calendars.py": {"facts", "completeness", "values", "signals", "code of numbers"},
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
        code_changed = "code" in self.run.warehouse.memo("published").changed("published", basis_of())
        intake = admit_exports(self.run, self.say)
        build_facts(self.run, intake, self.say)
        publish(self.run, intake, self.say)
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
                cache.remember(job, notebook, {}, slices=[], status="ready", headline=[], handover=None)
        return anew


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
    """Cut off, emptied, filled with other bytes, or gone: what a crash, a full disk or a hand leaves behind."""
    root = desk.run.warehouse.root
    before = contents_of(root)
    first = {area: next(iter(sorted((root / area).rglob("*.parquet")))) for area in ("standard", "staged", "published")}
    week = desk.run.warehouse.weeks("facts", "spells")[-1]
    damages: dict[Path, Callable[[Path], object]] = {
        first["standard"]: Path.unlink,
        first["staged"]: lambda path: path.write_bytes(path.read_bytes()[:-100]),
        first["published"]: lambda path: path.write_bytes(b""),
        root / "facts" / "spells" / f"week={week}" / "part.parquet": lambda path: path.write_bytes(b"PAR1 but no more"),
        root / "facts" / "backlog" / "part.parquet": Path.unlink,
        root / "facts" / "weekly_completeness" / "part.parquet": lambda path: path.write_bytes(b""),
        root / "gate" / f"{WEEK}.json": lambda path: path.write_text(path.read_text()[:200]),
        root / "standard" / "columns.json": lambda path: path.write_bytes(b"\xff\xfe\x00"),
        root / "warehouse.json": lambda path: path.write_bytes(b""),
    }
    for path, damage in damages.items():
        damage(path)
    named = {root / path for path in desk.run.warehouse.damage()}
    assert named == set(damages)
    desk.remade()
    assert desk.lines[0].endswith(f"and {len(damages) - 1} more files are missing or not as written: made anew")
    assert contents_of(root) == before
    (root / "memo" / "weekly_signals.json").write_text("{")
    assert desk.run.warehouse.damage() == [Path("memo/weekly_signals.json")]
    assert desk.remade() == {"signals"}
    assert contents_of(root) == before
    assert desk.remade() == set()


def contents_of(root: Path) -> dict[Path, str]:
    """The bytes of each file of a warehouse; memos tell when files were written, which is another time now."""
    return {path: digest(path) for path in root.rglob("*") if path.is_file() and path.parent.name != "memo"}
