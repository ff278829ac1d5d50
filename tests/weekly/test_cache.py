"""What is made again, and what is not, after which change: with the real notebook on a small warehouse."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from opslib.settings import load_organisation
from opslib.store.files import write_json
from opslib.store.warehouse import Warehouse
from opslib.weekly.cache import Cache, pages_not_as_written, shared_basis
from opslib.weekly.numbers.signals import build_weekly_signals
from opslib.weekly.numbers.values import build_weekly_values
from opslib.weekly.pages.neighbours import _MARKED, digest_of_page
from opslib.weekly.plan import Job
from opslib.weekly.render import run, warm
from tests.reports.review_warehouse import AS_OF, LAST, shared_warehouse, tickets
from tests.reports.small_warehouse import copy_warehouse
from tests.weekly.weekly_notebooks import edition

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "team" / "weekly_review.ipynb"
JOBS = [Job("team/weekly_review", LAST, team) for team in ("alpha", "beta")]


@dataclass
class Desk:
    folder: Path
    warehouse: Warehouse
    params: Path
    kernels: dict[str, str]

    def render(self, lock: str = "the lock") -> dict[str | None, str]:
        done = run(
            JOBS,
            notebooks=self.folder / "notebooks",
            reports=self.folder / "reports",
            edition=edition(LAST),
            parameters={"warehouse": str(self.warehouse.root), "params": str(self.params)},
            blocked={},
            workers=2,
            on_event=lambda event: None,
            cache=Cache(self.warehouse, self.folder / "reports", {"lock": lock}),
            kernels=self.kernels,
        )
        return {outcome.job.team: outcome.status for outcome in done}

    def change(self, team: str, week: str, **columns: object) -> None:
        """Other values in some columns of every ticket of a team and week, and what follows from it."""
        facts = tickets()
        facts.loc[(facts["team"] == team) & (facts["week"] == week), list(columns)] = list(columns.values())
        self.warehouse.write("facts", "tickets", facts, partition_by_week=True)
        build_weekly_values(self.warehouse, load_organisation(self.params), AS_OF)
        build_weekly_signals(self.warehouse, load_organisation(self.params))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("made")
    warehouse, params = copy_warehouse(shared_warehouse(tmp_path_factory), folder)
    (folder / "notebooks" / "team").mkdir(parents=True)
    shutil.copy(NOTEBOOK, folder / "notebooks" / "team")
    with warm([NOTEBOOK]) as kernels:
        desk = Desk(folder, Warehouse(warehouse), params, kernels)
        assert desk.render() == {"alpha": "ready", "beta": "ready"}
        yield desk


@pytest.fixture
def desk(made: Desk, tmp_path: Path) -> Iterator[Desk]:
    """A desk whose reports are made, for one test to change something; afterwards it is as it was."""
    assert made.render() == {"alpha": "unchanged", "beta": "unchanged"}
    as_made = shutil.copytree(made.folder, tmp_path / "as_made")
    yield made
    shutil.rmtree(made.folder)
    shutil.copytree(as_made, made.folder)


def test_nothing_changed_makes_nothing_and_leaves_the_pages(desk: Desk) -> None:
    pages = [job.page(desk.folder / "reports") for job in JOBS]
    before = [page.stat().st_mtime_ns for page in pages]
    assert desk.render() == {"alpha": "unchanged", "beta": "unchanged"}
    assert [page.stat().st_mtime_ns for page in pages] == before


def test_a_change_of_one_teams_tickets_makes_that_teams_report_again(desk: Desk) -> None:
    desk.change("beta", "2026-W40", contact_reason="delivery")
    assert desk.render() == {"alpha": "unchanged", "beta": "ready"}


def test_a_number_by_which_all_teams_are_judged_makes_all_reports_again(desk: Desk) -> None:
    """How much a metric varies from week to week is borrowed among the teams, and so are its limits."""
    desk.change("beta", "2026-W40", touches=2)
    assert desk.render() == {"alpha": "ready", "beta": "ready"}


def test_another_lock_makes_all_reports_again(desk: Desk) -> None:
    assert desk.render("another lock") == {"alpha": "ready", "beta": "ready"}


def test_a_page_that_is_not_as_it_was_written_is_made_again(desk: Desk) -> None:
    alpha, beta = (job.page(desk.folder / "reports") for job in JOBS)
    html = alpha.read_bytes()
    alpha.write_bytes(html[: len(html) // 2])
    assert pages_not_as_written(desk.folder / "reports") == [alpha]
    beta.write_text(_MARKED.sub(r"\g<1>another week by now\g<2>", beta.read_text()))
    assert desk.render() == {"alpha": "ready", "beta": "unchanged"}
    assert len(alpha.read_bytes()) == len(html)


@pytest.mark.parametrize("damage", ["gone", "<html>tampered</html>", "a folder", "no text"])
def test_another_page_than_was_written_has_another_digest(tmp_path: Path, damage: str) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html><!-- neighbours -->\nW45<!-- end of neighbours --></html>")
    digest = digest_of_page(page)
    page.write_text(page.read_text().replace("W45", "W45 and W47"))
    assert digest_of_page(page) == digest
    page.unlink()
    if damage == "a folder":
        page.mkdir()
    elif damage != "gone":
        page.write_bytes(b"\xff\xfe\x00" if damage == "no text" else damage.encode())
    assert digest_of_page(page) != digest


def test_a_changed_notebook_is_run_again(desk: Desk) -> None:
    path = desk.folder / "notebooks" / "team" / NOTEBOOK.name
    before = path.read_text(encoding="utf-8")
    path.write_text(before.replace("## Flow and backlog", "## Flow"), encoding="utf-8")
    assert desk.render() == {"alpha": "ready", "beta": "ready"}


def test_what_is_forgotten_is_made_again(desk: Desk) -> None:
    Cache(desk.warehouse, desk.folder / "reports", {"lock": "the lock"}).forget(JOBS[1])
    assert desk.render() == {"alpha": "unchanged", "beta": "ready"}


def test_a_table_or_column_that_the_export_did_not_give_before_makes_all_reports_again(tmp_path: Path) -> None:
    """A report that found no table of active users read nothing of it, so no slice tells that there is one now."""
    warehouse, params = Warehouse(tmp_path / "warehouse"), tmp_path / "params"
    params.mkdir()
    (params / "org.yml").write_text("organisation: Test desk")
    without = shared_basis(params, warehouse)
    write_json({"tickets": ["team"]}, warehouse.folder("standard", "columns.json"))
    before = shared_basis(params, warehouse)
    write_json({"tickets": ["team"], "activity": ["users"]}, warehouse.folder("standard", "columns.json"))
    after = shared_basis(params, warehouse)
    assert len({without["columns"], before["columns"], after["columns"]}) == 3
    (params / "weekly.yml").write_text("notebooks: []")
    write_json({"tickets": ["team"]}, warehouse.folder("standard", "columns.json"))
    assert shared_basis(params, warehouse) == before
