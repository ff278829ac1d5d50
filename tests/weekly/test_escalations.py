"""What a week escalates is written once, remembered, and never lost to another run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from opslib.analysis.contact_drivers import escalation
from opslib.analysis.contact_drivers.escalation_register import AREA, SCHEMA, TABLE
from opslib.display import mime
from opslib.store.warehouse import Warehouse
from opslib.weekly.cache import Cache
from opslib.weekly.escalations import EscalationError, handover_of, keep, of_week, open_register
from opslib.weekly.outcome import Outcome, Status
from opslib.weekly.plan import Job
from opslib.weekly.render import run, warm
from opslib.weeks import shift_week
from tests.reports.drivers_warehouse import EMERGING, LAST, WEEKS, write_drivers_warehouse
from tests.weekly.weekly_notebooks import edition

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "team" / "contact_drivers.ipynb"
BEFORE = WEEKS[-2]


def row(name: str, *, team: str = "alpha", week: str = LAST, **more: Any) -> dict[str, Any]:
    """A row of the register as a notebook hands it over."""
    plain = dict.fromkeys(escalation.REGISTER_COLUMNS, "") | {
        **dict.fromkeys(("before_per_week", "excess", "excess_low", "excess_high", "score"), 1.0),
        **dict.fromkeys(("latest_per_week", "latest_low", "latest_high", "needed_weeks"), None),
        **dict.fromkeys(("dispersion", "others_per_week"), None),
        "escalation_id": name,
        "team": team,
        "escalated_week": week,
        "weeks_since": 0,
        "subject": name,
    }
    return plain | more


def outcome(*rows: dict[str, Any], status: Status = "ready", team: str = "alpha", week: str = LAST) -> Outcome:
    names = [each["escalation_id"] for each in rows if each["escalated_week"] == week]
    files = {f"{name}.{kind}": f"{kind} of {name}" for name in names for kind in ("md", "csv")}
    job = Job("team/contact_drivers", week, team)
    return Outcome(job, status, 0.0, Path(), handover={"register": list(rows), "files": files})


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "warehouse")


def names_in(warehouse: Warehouse, week: str = LAST) -> list[tuple[str, str]]:
    rows = warehouse.read(AREA, TABLE, weeks=[week])
    return list(zip(rows["team"], rows["escalation_id"], strict=True))


def state_of(*folders: Path) -> dict[Path, tuple[bytes, int]]:
    """Bytes and time of every file, the reports' memory left out."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and ".runs" not in path.parts]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_the_register_has_the_columns_that_the_analysis_gives():
    assert SCHEMA.names == ["week", *escalation.REGISTER_COLUMNS]


def test_files_and_register_are_written_once(warehouse: Warehouse, tmp_path: Path):
    outcomes = [outcome(row("a"), row("old", week=BEFORE)), outcome(row("b", team="beta"), team="beta")]
    lines = keep(warehouse, tmp_path / "reports", LAST, outcomes)
    assert lines == [f"2 of {LAST}, 1 of weeks before followed up; 4 files written"]
    assert (tmp_path / "reports" / LAST / "escalations" / "a.md").read_text() == "md of a"
    assert names_in(warehouse) == [("alpha", "old"), ("alpha", "a"), ("beta", "b")]
    before = state_of(tmp_path)
    assert "0 files written" in keep(warehouse, tmp_path / "reports", LAST, outcomes[::-1])[0]
    assert state_of(tmp_path) == before


@pytest.mark.parametrize("status", ["failed", "blocked", "no_data"])
def test_a_report_that_was_not_made_leaves_files_and_register_alone(
    warehouse: Warehouse, tmp_path: Path, status: Status
):
    keep(warehouse, tmp_path / "reports", LAST, [outcome(row("a"))])
    before = state_of(tmp_path)
    assert keep(warehouse, tmp_path / "reports", LAST, [outcome(row("z"), status=status)]) == []
    assert state_of(tmp_path) == before


def test_a_run_of_some_teams_leaves_the_others(warehouse: Warehouse, tmp_path: Path):
    keep(warehouse, tmp_path / "reports", LAST, [outcome(row("a")), outcome(row("b", team="beta"), team="beta")])
    keep(warehouse, tmp_path / "reports", LAST, [outcome(row("b", team="beta", excess=9.0), team="beta")])
    assert names_in(warehouse) == [("alpha", "a"), ("beta", "b")]
    assert warehouse.read(AREA, TABLE, teams=["beta"])["excess"].tolist() == [9.0]


def test_what_was_handed_over_stays_when_a_later_run_of_the_week_no_longer_finds_it(
    warehouse: Warehouse, tmp_path: Path
):
    """A follow-up is another thing: it says what the week knows of an earlier one, and that may change."""
    keep(warehouse, tmp_path / "reports", LAST, [outcome(row("a"), row("old", week=BEFORE, state="unchanged"))])
    keep(warehouse, tmp_path / "reports", LAST, [outcome(row("c"))])
    assert names_in(warehouse) == [("alpha", "a"), ("alpha", "c")]
    assert [each.escalation_id for each in of_week(warehouse, tmp_path / "reports", LAST)] == ["a", "c"]


def test_an_earlier_week_made_again_leaves_what_later_weeks_found(warehouse: Warehouse, tmp_path: Path):
    keep(warehouse, tmp_path / "reports", LAST, [outcome(row("a"))])
    before = state_of(tmp_path)
    keep(warehouse, tmp_path / "reports", BEFORE, [outcome(row("a", week=BEFORE), week=BEFORE)])
    assert {path: state for path, state in state_of(tmp_path).items() if path in before} == before


def test_an_empty_register_tells_a_report_the_same_as_one_of_other_weeks(warehouse: Warehouse, tmp_path: Path):
    """Else the first run would change what its own reports depend on."""
    from opslib.store.warehouse import Slice

    earlier = Slice(AREA, TABLE, weeks=tuple(WEEKS[:-1]), teams=("alpha",))
    open_register(warehouse, LAST)
    empty = warehouse.digest_of(earlier)
    keep(warehouse, tmp_path / "reports", LAST, [outcome(row("a"))])
    assert warehouse.digest_of(earlier) == empty
    open_register(warehouse, LAST)
    assert names_in(warehouse) == [("alpha", "a")]
    keep(
        warehouse, tmp_path / "reports", BEFORE, [outcome(row("b", team="beta", week=BEFORE), team="beta", week=BEFORE)]
    )
    assert warehouse.digest_of(earlier) == empty
    keep(warehouse, tmp_path / "reports", BEFORE, [outcome(row("a", week=BEFORE), week=BEFORE)])
    assert warehouse.digest_of(earlier) != empty


def displayed(register: list[dict[str, Any]], files: dict[str, str]) -> dict[str, Any] | None:
    output = new_output("display_data", data={mime.ESCALATIONS: {"register": register, "files": files}})
    return handover_of(
        new_notebook(cells=[new_code_cell(outputs=[output])]), Job("team/contact_drivers", LAST, "alpha")
    )


def test_a_notebook_that_shows_no_escalations_hands_nothing_over():
    assert handover_of(new_notebook(cells=[new_code_cell()]), Job("team/x", LAST, "alpha")) is None
    assert displayed([row("a")], {"a.md": "said"}) == {"register": [row("a")], "files": {"a.md": "said"}}


@pytest.mark.parametrize("name", ["../a.md", "a.html", "b.md", "old.md", "/a.md", "a.md/../../x", "a.csv.md"])
def test_a_file_that_belongs_to_no_escalation_of_the_week_is_refused(name: str):
    with pytest.raises(EscalationError, match="files of no escalation"):
        displayed([row("a"), row("old", week=BEFORE)], {name: "x"})


@pytest.mark.parametrize(
    "wrong", [row("a", team="beta"), row("../a"), row("a/b"), row(""), {**row("a"), "more": 1}, {"escalation_id": "a"}]
)
def test_a_row_that_is_none_of_the_teams_register_is_refused(wrong: dict[str, Any]):
    with pytest.raises(EscalationError, match="no row of its register"):
        displayed([wrong], {})


@dataclass
class Desk:
    """The real notebook on a small warehouse, made as a run makes it."""

    folder: Path
    warehouse: Warehouse
    params: Path
    kernels: dict[str, str]

    @property
    def reports(self) -> Path:
        return self.folder / "reports"

    def render(self, week: str = LAST, *, killed: bool = False) -> str:
        """One run of a week; a killed one ends before the files are written."""
        open_register(self.warehouse, week)
        [done] = run(
            [Job("team/contact_drivers", week, "alpha")],
            notebooks=self.folder / "notebooks",
            reports=self.reports,
            edition=edition(week),
            parameters={"warehouse": str(self.warehouse.root), "params": str(self.params)},
            blocked={},
            workers=1,
            on_event=lambda event: None,
            cache=Cache(self.warehouse, self.reports, {}),
            kernels=self.kernels,
        )
        assert done.error is None
        if not killed:
            keep(self.warehouse, self.reports, week, [done])
        return done.status


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    warehouse, params = write_drivers_warehouse(folder, weeks_after=1)
    (folder / "notebooks" / "team").mkdir(parents=True)
    shutil.copy(NOTEBOOK, folder / "notebooks" / "team")
    with warm([NOTEBOOK]) as kernels:
        yield Desk(folder, Warehouse(warehouse), params, kernels)


def test_a_run_writes_what_its_report_links_and_the_next_finds_everything_unchanged(desk: Desk):
    """A run that was killed before it wrote is healed by the next, which runs no notebook for it."""
    assert desk.render(killed=True) == "ready"
    assert not (desk.reports / LAST / "escalations").exists()
    assert desk.render() == "unchanged"
    files = sorted(path.name for path in (desk.reports / LAST / "escalations").iterdir())
    assert [name.partition("alpha-")[2][:13] for name in files] == ["lost-drafts-b"] * 2
    page = (desk.reports / LAST / "alpha" / "contact_drivers.html").read_text(encoding="utf-8")
    links = re.findall(r'href="([^"]*escalations/[^"]+)"', page)
    assert sorted((desk.reports / LAST / "alpha" / link).resolve().name for link in links) == files
    assert all((desk.reports / LAST / "alpha" / link).is_file() for link in links)
    assert mime.ESCALATIONS not in page
    before = state_of(desk.reports, desk.warehouse.root)
    assert desk.render() == "unchanged"
    assert state_of(desk.reports, desk.warehouse.root) == before


def test_the_next_week_follows_up_and_does_not_escalate_again(desk: Desk):
    following = shift_week(LAST, 1)
    assert desk.render(following) == "ready"
    rows = desk.warehouse.read(AREA, TABLE, weeks=[following])
    assert rows["subject"].tolist() == [EMERGING]
    assert (rows["escalated_week"].iloc[0], rows["latest_week"].iloc[0]) == (LAST, following)
    assert rows["weeks_since"].tolist() == [1]
    assert not (desk.reports / following / "escalations").exists()
    page = (desk.reports / following / "alpha" / "contact_drivers.html").read_text(encoding="utf-8")
    assert "Nothing new is proposed this week." in page
    assert "proposed in week 46" in page
    assert desk.render(LAST) == "unchanged"
    assert desk.render(following) == "unchanged"
