"""The routing audit, run cell by cell on a warehouse written by hand: with everything, and with tickets alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from opslib.display.headline import Headline
from opslib.display.section import LeftOut, Section
from tests.notebooks.notebook_cells import Shown, run_cells, text_of
from tests.reports.routing_warehouse import CANDIDATE, LAST, write_routing_warehouse
from tests.reports.small_warehouse import shared_warehouse

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "team" / "routing_audit.ipynb"


def run(tmp_path_factory: pytest.TempPathFactory, *, candidate: str = "", **lacking: bool) -> Shown:
    """What each section shows: the value of the last expression of its cells."""
    warehouse, params = shared_warehouse(tmp_path_factory, write_routing_warehouse, **lacking)
    folders = {"warehouse": str(warehouse), "params": str(params)}
    return run_cells(NOTEBOOK, week=LAST, team="shop", weeks=4, candidate=candidate, **folders)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    return run(tmp_path_factory)


def test_every_section_shows_something_or_says_why_not(shop: Shown):
    assert len(shop) == 14
    sections = [section for name, shown in shop.items() if name for section in shown]
    assert all(isinstance(each, Section) for each in sections)
    assert all(each.answer or each.missing for each in sections)
    assert [name for name, [each] in shop.items() if name and isinstance(each, LeftOut)] == [
        "What a candidate would have done"
    ]
    unfolded = [name for name, [each] in shop.items() if name and not each.folded and not each.missing]
    assert unfolded == ["Rules to fix", "Other faults", "Solved in another queue than entered", "What broke this week"]


def test_each_section_tells_what_was_put_in(shop: Shown):
    assert isinstance(shop[""][0], Headline)
    assert "R-2 (refund → orders): Broken since" in text_of(shop, "Rules to fix")
    assert "Never reached: R-2 takes these first" in text_of(shop, "Other faults")
    assert "Refund with 50.0%" in text_of(shop, "Where tickets go wrong")
    assert "from orders to refunds" in text_of(shop, "Where tickets travel").lower()
    assert "refunds → orders | matching the rule" in text_of(shop, "Before and after a rule was changed").lower()
    assert "R-3 (refund, email → refunds) (this team) | shadowed" in text_of(shop, "All that was seen in the rules")
    assert "Orders | 120 | 80 | −40" in text_of(shop, "Who gets more, who gets less")


def test_with_a_candidate_file_its_replay_has_a_section(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path):
    (tmp_path / "candidate.yml").write_text(CANDIDATE, encoding="utf-8")
    sections = run(tmp_path_factory, candidate=str(tmp_path / "candidate.yml"))
    [section] = sections["What a candidate would have done"]
    assert "40 of them the right one instead of a wrong one" in repr(section)
    assert "40 made right, 0 made wrong" in section.answer


def test_with_tickets_alone_there_is_one_paragraph(tmp_path_factory: pytest.TempPathFactory):
    """No figure of nothing, no share of queues that nobody knows, no empty table: what is lacking, and whom to ask."""
    sections = run(tmp_path_factory, events=False, rules=False)
    [headline] = sections[""]
    assert headline.verdict.startswith("This export does not tell how tickets were routed")
    assert "Ask whoever exports the CRM" in headline.lead
    shown = {name: each for name, [each] in sections.items() if name}
    assert [name for name, each in shown.items() if not isinstance(each, LeftOut)] == [
        "What the weekly review takes from here"
    ]
    reasons = {each.missing for each in shown.values() if each.missing.startswith("Not in this export")}
    assert len(reasons) <= 3


def test_without_rules_wrong_queues_are_still_told(tmp_path_factory: pytest.TempPathFactory):
    sections = run(tmp_path_factory, rules=False)
    assert sections[""][0].verdict == "25.0% of the tickets went into a wrong queue first; no rule can be named for it."
    assert sections["Rules to fix"][0].missing == "Not in this export: it has no routing rules."
    assert "Refund with 50.0%" in text_of(sections, "Where tickets go wrong")
