"""A portfolio beside the plan that was kept a week before, and beside what the project manager wrote."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from opslib.reports.project_portfolio import Portfolio, frames, headline, open_portfolio, open_project, show
from opslib.reports.project_portfolio.benefit import NOT_MEASURED, sentence_of, verdict_of
from opslib.settings import load_organisation
from opslib.store.warehouse import PLANS, Slice, Warehouse
from opslib.weekly.notes import take_in_notes
from tests.line.conftest import ROOT, WEEK
from tests.whole_line import BEFORE, whole_line

WORDS = """## Objective
Customers *see* where their refund stands.

## Status
- 2026-11-13, Project manager: On track. Live <b>before</b> Christmas.

## Decisions
- 2026-11-13, asked, by 2026-11-18, Head of Commerce: Take January 8?
- 2026-11-30, taken, Head of Commerce: January 8.
"""


@pytest.fixture(scope="module")
def portfolio(tmp_path_factory: pytest.TempPathFactory) -> Portfolio:
    """The sample's, whose plan a week before had a task less, another promise, and less of a task done."""
    folder = tmp_path_factory.mktemp("portfolio")
    shutil.copytree(whole_line(tmp_path_factory).warehouse, folder / "warehouse")
    warehouse = Warehouse(folder / "warehouse")
    projects, tasks = (warehouse.rows(Slice("standard", name)) for name in ("projects", "project_tasks"))
    name = "percent_complete"
    is_page = pc.equal(tasks["task_id"], "PRJ-3-T4")
    earlier = pc.if_else(is_page, pa.scalar(61.0), tasks[name].cast(pa.float64()))
    before = tasks.set_column(tasks.schema.get_field_index(name), name, earlier)
    warehouse.write_week(PLANS, "projects", BEFORE, projects)
    warehouse.write_week(PLANS, "project_tasks", BEFORE, before.filter(pc.not_equal(tasks["task_id"], "PRJ-2-T7")))
    forecasts = warehouse.rows(Slice(PLANS, "forecasts", weeks=(WEEK,)))
    as_of = pa.array([each.as_py().replace(day=8) for each in forecasts["as_of"]], pa.date32())
    warehouse.write_week(PLANS, "forecasts", BEFORE, forecasts.set_column(1, "as_of", as_of))
    (folder / "notes" / "projects").mkdir(parents=True)
    (folder / "notes" / "projects" / "PRJ-3.md").write_text(WORDS, encoding="utf-8")
    take_in_notes(warehouse, load_organisation(ROOT / "params"), folder / "notes", WEEK)
    return open_portfolio(WEEK, warehouse=str(folder / "warehouse"), params=str(ROOT / "params"))


def test_what_was_kept_tells_the_value_earned_by_then(portfolio: Portfolio) -> None:
    """The page was 61% done a week ago: 50 + 140 + 70 + 25 hours of what was finished, and 0.61 of 130."""
    rows = portfolio.earned.set_index(["project_id", "status_on"])
    then = rows.loc[("PRJ-3", "2026-11-08")]
    assert (then["ev"], then["ev_from"]) == (pytest.approx(285 + 0.61 * 130), "reported")


def test_a_week_of_which_no_plan_was_kept_is_told_by_dates_alone(portfolio: Portfolio) -> None:
    """In week 40 the ledger and the design had begun and nobody wrote how far they were; nothing later is known."""
    then = open_portfolio("2026-W40", warehouse=str(portfolio.week.warehouse.root), params=str(ROOT / "params"))
    assert not then.is_as_kept
    tasks = then.plan.tasks.set_index("task_id")
    assert tasks.loc["PRJ-3-T1", "is_done"]
    assert tasks.loc[["PRJ-3-T2", "PRJ-3-T3"], "percent_complete"].isna().all()
    assert tasks.loc["PRJ-3-T4", ["started_on", "finished_on"]].isna().all()
    assert "No plan of this week was kept" in headline(then).lead
    live = then.benefits_of(["PRJ-1"])["PRJ-1"]
    assert live.effect is not None
    assert max(live.effect.weekly["week"]) <= "2026-W40"


def test_what_changed_since_the_plan_that_was_kept_is_said(portfolio: Portfolio) -> None:
    rows = frames.projects(portfolio).set_index("project_id")
    assert "Build the page 61% → 68%." in rows.loc["PRJ-3", "changed"]
    assert "Go live was added." in rows.loc["PRJ-2", "changed"]
    scope = frames.scope(portfolio).set_index("project_id")
    assert scope.loc["PRJ-2", ["tasks_added", "hours"]].tolist() == [1, 20.0]
    assert "1 task added" in repr(show.changes(frames.scope(portfolio), frames.names(portfolio))).replace("one", "1")
    past = frames.past_forecasts(portfolio)
    assert past[["project_id", "forecasts"]].to_numpy().tolist() == [["PRJ-2", 2], ["PRJ-3", 2]]


def test_the_managers_word_stands_beside_the_rule_and_is_no_markup(portfolio: Portfolio) -> None:
    row = frames.projects(portfolio).set_index("project_id").loc["PRJ-3"]
    assert (row["status"], row["own_says"], row["differs"]) == ("off track", "on track", True)
    assert (row["decision"], row["decision_due"]) == ("Take January 8?", "2026-11-18")
    table = show.projects(frames.projects(portfolio), frames.rule(portfolio)).parts[0].html
    assert "&lt;b&gt;before" in table
    assert "<b>before" not in table
    warehouse = str(portfolio.week.warehouse.root)
    project = open_project(WEEK, "PRJ-3", warehouse=warehouse, params=str(ROOT / "params"))
    text = repr(show.project_text(project))
    assert r"On track. Live \<b\>before\</b\> Christmas." in text
    assert r"Customers \*see\* where" in text
    assert "January 8." not in text.replace("Take January 8?", ""), "it was decided after the week"


def test_of_a_project_that_says_nothing_no_benefit_is_made_up() -> None:
    assert verdict_of(None) == NOT_MEASURED
    assert sentence_of(None) == "This export does not say what it is to move."


def test_notes_lie_where_their_readme_says() -> None:
    assert "projects/<project>.md" in (Path(ROOT) / "notes" / "README.md").read_text(encoding="utf-8")
