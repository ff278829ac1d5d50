"""The contact drivers, run cell by cell on a warehouse written by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest

from opslib.analysis.contact_drivers.escalation_register import AREA, SCHEMA, TABLE
from opslib.display.headline import Headline
from opslib.display.theme import Drawing, Markup
from opslib.reports.contact_drivers.escalation_files import EscalationHandover
from opslib.store.warehouse import Warehouse
from opslib.weekly.pages.safe_html import clean_output
from tests.notebooks.notebook_cells import Shown, run_cells, text_of
from tests.reports.drivers_warehouse import EMERGING, LAST, WEEKS, write_drivers_warehouse
from tests.reports.small_warehouse import Folders, copy_warehouse, shared_warehouse

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "team" / "contact_drivers.ipynb"


def run(folders: Folders, *, team: str = "alpha", week: str = LAST) -> Shown:
    return run_cells(NOTEBOOK, week=week, team=team, warehouse=str(folders[0]), params=str(folders[1]))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return shared_warehouse(tmp_path_factory, write_drivers_warehouse)


@pytest.fixture(scope="module")
def alpha(folders: Folders) -> Shown:
    return run(folders)


def test_every_section_shows_something(alpha: Shown):
    assert len(alpha) >= 8
    assert all(
        isinstance(each, Drawing | Markup | Headline | EscalationHandover)
        for section in alpha.values()
        for each in section
    )


def test_what_is_new_is_found_in_every_way(alpha: Shown):
    assert EMERGING in text_of(alpha, "What moved this week?")
    assert "sync" in text_of(alpha, "What is new in what customers say?")
    assert f"\n{EMERGING} | " in text_of(alpha, "What should the product team hear about?")
    assert "form: Form b | misrouted" in text_of(alpha, "Which choices on the form go wrong?")


def test_the_headline_says_what_to_escalate(alpha: Shown):
    headline = alpha[""][0]
    assert headline.status == "ready"
    assert [line.label for line in headline.lines] == ["Contacts", "Reasons that moved", "New phrases", "To escalate"]
    assert EMERGING in headline.lines[-1].note


def test_no_text_of_a_ticket_becomes_markup(alpha: Shown):
    everything = [each for section in alpha.values() for each in section]
    fragments = [each.html for each in everything if isinstance(each, Markup)]
    fragments += [each.svg for each in everything if isinstance(each, Drawing)]
    assert any("&lt;b&gt;" in each for each in fragments)
    assert not any("<script" in each or "lost drafts <b>" in each for each in fragments)


def test_tables_pass_the_shield_of_the_pages_whole(alpha: Shown):
    for each in (each for section in alpha.values() for each in section if isinstance(each, Markup)):
        cleaned = clean_output(each.html, section="s")
        for element in ("<table", "<caption", 'scope="row"', "<svg", "<blockquote", "<ol"):
            assert (element in each.html) == (element in cleaned), element


def test_figures_have_descriptions_with_the_largest_and_the_last(alpha: Shown):
    assert "largest first: Refund with" in text_of(alpha, "Why do customers write?")
    assert re.search(
        r"tickets about .* per week, 2026-W34 to 2026-W46: \d+ in the last",
        text_of(alpha, "What should the product team hear about?"),
        re.IGNORECASE,
    )


def test_a_team_without_tickets_says_so_and_nothing_fails(folders: Folders):
    quiet = run(folders, team="quiet")
    assert quiet[""][0].status == "no_data"
    assert "No tickets of this team" in text_of(quiet, "Why do customers write?")
    assert not any(isinstance(each, Drawing) for section in quiet.values() for each in section)


def test_the_first_weeks_say_what_they_wait_for(folders: Folders):
    early = run(folders, week=WEEKS[1])
    moved = text_of(early, "What moved this week?")
    assert "it takes eight complete weeks before this one" in moved
    assert "No week could be judged." in moved
    assert "Nothing to escalate" in text_of(early, "What should the product team hear about?")


def test_what_the_export_lacks_is_named_and_is_no_zero(tmp_path: Path):
    lacking = ("contact_reason", "subject", "description", "language", "region", "form", "priority", "requester_id")
    bare = run(write_drivers_warehouse(tmp_path, lacking=lacking, with_tables=False))
    assert "Contact reasons are not in this export" in text_of(bare, "Why do customers write?")
    assert "Satisfaction is not in this export" in text_of(bare, "Why do customers write?")
    assert "Not in this export: the region of these tickets." in text_of(bare, "Who writes about what?")
    assert "No texts in this export" in text_of(bare, "What is new in what customers say?")
    assert "No label can be checked" in text_of(bare, "Are the labels right?")


def test_what_is_new_is_handed_over_and_what_was_before_is_followed_up(alpha: Shown, folders: Folders, tmp_path: Path):
    handover = alpha["What should the product team hear about?"][-1]
    assert sorted(name.rpartition(".")[2] for name in handover.files) == ["csv", "md"]
    assert "Nothing has been escalated for this team" in text_of(alpha, "What became of earlier escalations?")
    later = copy_warehouse(folders, tmp_path)
    row = dict(handover.rows[0], week=WEEKS[-2], escalated_week=WEEKS[-2], latest_week=WEEKS[-2])
    rows = pa.Table.from_pylist([row], schema=SCHEMA)
    Warehouse(later[0]).write_week(AREA, TABLE, WEEKS[-2], rows)
    page = run(later)
    assert f"{EMERGING} | {WEEKS[-2]}" in text_of(page, "What became of earlier escalations?")
    assert "handed over in week 45" in text_of(page, "What should the product team hear about?")
    assert page["What should the product team hear about?"][-1].files == {}
    assert page[""][0].lines[-1].note == f"still open: {EMERGING} since {WEEKS[-2]}"


def test_users_who_write_more_often_than_others_are_told(tmp_path_factory: pytest.TempPathFactory, alpha: Shown):
    """All of a week's tickets stand against its users; two thirds of the users are in the east."""
    assert "Active users of these weeks are not in this export" in text_of(alpha, "Who writes about what?")
    page = run(shared_warehouse(tmp_path_factory, write_drivers_warehouse, users=(80_000, 40_000)))
    assert "| Per 1,000" in text_of(page, "Why do customers write?")
    users = text_of(page, "Who writes about what?")
    assert "120,000" in users
    assert re.search(r"region: east \| \d+ \| 80,000 \| 0\.\d+ \(0\.\d+–0\.\d+\)", users)
