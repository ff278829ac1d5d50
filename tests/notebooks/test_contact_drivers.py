"""The contact drivers, run cell by cell on a warehouse written by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest

from opslib.analysis.contact_drivers.escalation_register import AREA, SCHEMA, TABLE
from opslib.display import words
from opslib.display.headline import Headline
from opslib.display.section import Section
from opslib.display.theme import Drawing, Markup
from opslib.reports.contact_drivers.escalation_files import EscalationHandover
from opslib.reports.findings import FindingsHandover
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


def parts_of(shown: Shown) -> list[object]:
    """All that sections are made of, in their order."""
    return [part for section in shown.values() for each in section for part in getattr(each, "parts", [each])]


def test_every_section_shows_something_or_says_why_not(alpha: Shown):
    assert len(alpha) == 13
    sections = [each for name, section in alpha.items() if name for each in section]
    assert all(isinstance(each, Section) and (each.answer or each.missing) for each in sections)
    kinds = (Drawing, Markup, Headline, EscalationHandover, FindingsHandover)
    assert all(isinstance(part, kinds) for part in parts_of(alpha))
    unfolded = [name for name, [each] in alpha.items() if name and not each.folded and not each.missing]
    assert unfolded == [
        *("What a product team should hear", "What moved", "What customers say that is new", "Choices that go wrong")
    ]


def test_what_is_new_is_found_in_every_way(alpha: Shown):
    assert EMERGING in text_of(alpha, "What moved")
    assert "sync" in text_of(alpha, "What customers say that is new")
    assert f"\n{EMERGING} | " in text_of(alpha, "What a product team should hear")
    assert "form: Form b | misrouted" in text_of(alpha, "Choices that go wrong")


def test_the_headline_says_what_to_escalate(alpha: Shown):
    headline = alpha[""][0]
    assert headline.status == "ready"
    assert [line.label for line in headline.lines] == ["Tickets held", "Reasons that moved", "Escalations proposed"]
    assert f"first: {EMERGING}" in headline.lines[-1].facts
    assert "an escalation is proposed" in headline.verdict


def test_no_text_of_a_ticket_becomes_markup(alpha: Shown):
    everything = parts_of(alpha)
    fragments = [each.html for each in everything if isinstance(each, Markup)]
    fragments += [each.svg for each in everything if isinstance(each, Drawing)]
    assert any("&lt;b&gt;" in each for each in fragments)
    assert not any("<script" in each or "lost drafts <b>" in each for each in fragments)


def test_tables_pass_the_shield_of_the_pages_whole(alpha: Shown):
    for each in (each for each in parts_of(alpha) if isinstance(each, Markup)):
        cleaned = clean_output(each.html, section="s")
        for element in ("<table", "<caption", 'scope="row"', "<svg", "<blockquote", "<ol"):
            assert (element in each.html) == (element in cleaned), element


def test_figures_have_descriptions_with_the_largest_and_the_last(alpha: Shown):
    assert "largest first: Refund with" in text_of(alpha, "Why customers write")
    assert re.search(
        r"tickets about .* per week, .*: \d+ in the last",
        text_of(alpha, "The evidence for the first"),
        re.IGNORECASE,
    )


def test_a_team_without_tickets_says_so_and_nothing_fails(folders: Folders):
    quiet = run(folders, team="quiet")
    assert quiet[""][0].status == "no_data"
    assert "No tickets of this team" in text_of(quiet, "Why customers write")
    assert not any(isinstance(each, Drawing) for each in parts_of(quiet))


def test_the_first_weeks_say_what_they_wait_for(folders: Folders):
    early = run(folders, week=WEEKS[1])
    moved = text_of(early, "What moved")
    assert "it takes eight complete weeks before this one" in moved
    assert "Nothing to escalate" in text_of(early, "What a product team should hear")


def test_what_the_export_lacks_is_named_and_is_no_zero(tmp_path: Path):
    lacking = ("contact_reason", "subject", "description", "language", "region", "form", "priority", "requester_id")
    bare = run(write_drivers_warehouse(tmp_path, lacking=lacking, with_tables=False))
    assert "Contact reasons are not in this export" in text_of(bare, "Why customers write")
    assert "rose" not in bare[""][0].verdict, "tickets without a label are no reason that rose"
    assert "Not in this export: the region of these tickets." in text_of(bare, "Who writes about what")
    assert "No texts in this export" in text_of(bare, "What customers say that is new")
    assert "No label can be checked" in text_of(bare, "Labels that the text contradicts")


def test_what_is_new_is_handed_over_and_what_was_before_is_followed_up(alpha: Shown, folders: Folders, tmp_path: Path):
    handover = alpha["What a product team should hear"][-1].parts[-1]
    assert sorted(name.rpartition(".")[2] for name in handover.files) == ["csv", "md"]
    assert "Nothing has been proposed for this team" in text_of(alpha, "What became of earlier escalations")
    later = copy_warehouse(folders, tmp_path)
    row = dict(handover.rows[0], week=WEEKS[-2], escalated_week=WEEKS[-2], latest_week=WEEKS[-2])
    rows = pa.Table.from_pylist([row], schema=SCHEMA)
    Warehouse(later[0]).write_week(AREA, TABLE, WEEKS[-2], rows)
    page = run(later)
    assert f"{EMERGING} | {words.week_start(WEEKS[-2])}" in text_of(page, "What became of earlier escalations")
    assert "proposed in week 45" in text_of(page, "What a product team should hear")
    assert page["What a product team should hear"][-1].parts[-1].files == {}
    assert page[""][0].lines[-1].facts == (f"still open: {EMERGING} since {words.week_number(WEEKS[-2])}",)


def test_users_who_write_more_often_than_others_are_told(tmp_path_factory: pytest.TempPathFactory, alpha: Shown):
    """All of a week's tickets stand against its users; two thirds of the users are in the east."""
    assert "Active users of these weeks are not in this export" in text_of(alpha, "Who writes about what")
    page = run(shared_warehouse(tmp_path_factory, write_drivers_warehouse, users=(80_000, 40_000)))
    assert "| Per 1,000" in text_of(page, "Why customers write")
    users = text_of(page, "Who writes about what")
    assert "120,000" in users
    assert re.search(r"region: East \| \d+ \| 80,000 \| 0\.\d+ \(0\.\d+–0\.\d+\)", users)
