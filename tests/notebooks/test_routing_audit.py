"""The routing audit, run cell by cell on a warehouse written by hand: with everything, and with tickets alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from opslib.display.headline import Headline
from opslib.display.theme import Drawing, Markup
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


def test_every_section_shows_something(shop: Shown):
    assert len(shop) == 7
    assert all(isinstance(answer, Drawing | Markup | Headline) for answers in shop.values() for answer in answers)


def test_each_section_tells_what_was_put_in(shop: Shown):
    assert "Refund with 50.0%" in text_of(shop, "Where do tickets go wrong?")
    assert "from orders to refunds" in text_of(shop, "How do tickets travel?")
    assert "R-2, 2026-11-02: refunds → orders | matching the rule" in text_of(
        shop, "What does a transfer go along with?"
    )
    assert "R-3 (this team) | shadowed (fault, exact)" in text_of(shop, "What is wrong with the rules?")
    assert "40 of them the right one instead of a wrong one" in text_of(shop, "What would another rule set have done?")


def test_a_candidate_file_takes_the_place_of_the_learnt_one(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path):
    (tmp_path / "candidate.yml").write_text(CANDIDATE, encoding="utf-8")
    sections = run(tmp_path_factory, candidate=str(tmp_path / "candidate.yml"))
    assert "Orders | 120 | 80 | −40" in text_of(sections, "What would another rule set have done?")


def test_with_tickets_alone_each_cell_says_what_is_missing_or_what_is_known(tmp_path_factory: pytest.TempPathFactory):
    """One line each: no figure of nothing, no share of queues that nobody knows, no empty table."""
    sections = run(tmp_path_factory, events=False, rules=False)
    for section in ("Has something broken this week?", "Where do tickets go wrong?", "What is wrong with the rules?"):
        for answer in sections[section]:
            assert repr(answer).startswith("Not in this export")
            assert "\n" not in repr(answer)
    assert "Queue | Solved | Median time to solve" in text_of(sections, "How do tickets travel?")
    assert "cannot be told from this export" in text_of(sections, "What would another rule set have done?")
