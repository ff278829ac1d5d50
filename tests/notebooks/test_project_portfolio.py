"""The projects' notebooks, run cell by cell on the sample: what slips is seen, and what is missing is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from opslib.display.headline import Headline
from opslib.display.section import LeftOut, Section
from opslib.errors import NotInExport
from opslib.reports.project_portfolio import open_project
from tests.line.conftest import WEEK
from tests.notebooks.notebook_cells import Shown, run_cells, text_of
from tests.whole_line import whole_line

ROOT = Path(__file__).parents[2]
PORTFOLIO, STATUS = (ROOT / "notebooks" / name for name in ("org/project_portfolio.ipynb", "project/status.ipynb"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {"warehouse": str(whole_line(tmp_path_factory).warehouse), "params": str(ROOT / "params")}


@pytest.fixture(scope="module")
def portfolio(folders: dict[str, str]) -> Shown:
    return run_cells(PORTFOLIO, week=WEEK, **folders)


@pytest.fixture(scope="module")
def status(folders: dict[str, str]) -> Shown:
    return run_cells(STATUS, week=WEEK, project="PRJ-3", **folders)


@pytest.mark.parametrize("name", ["portfolio", "status"])
def test_every_section_shows_something_or_says_why_not(name: str, request: pytest.FixtureRequest) -> None:
    shown: Shown = request.getfixturevalue(name)
    sections = [section for title, own in shown.items() if title for section in own]
    assert len(sections) >= 9
    assert all(isinstance(each, Section) for each in sections)
    assert all(each.missing for each in sections if isinstance(each, LeftOut))
    assert all(repr(each) for each in sections)


def test_the_slipping_project_stands_first_with_its_dates(portfolio: Shown) -> None:
    (head,) = portfolio[""]
    assert isinstance(head, Headline)
    assert head.verdict.startswith(
        "One of three projects is on time. Refund status page, promised for Nov 9, will likely end between Dec"
    )
    first, second, third = text_of(portfolio, "Projects").splitlines()[-4:-1]
    assert first.startswith("Refund status page | Off track")
    assert second.startswith("Safety intake form | At risk")
    assert third.startswith("Sign-in macros | Done on time")
    assert "Load and privacy tests" in text_of(portfolio, "What holds them up")
    assert "Refund status page | 515 | 515 | 373 | 616 | 0.73 | 0.61" in text_of(
        portfolio, "Earned value for those who want it"
    )


def test_a_projects_page_says_when_it_ends_and_what_comes(status: Shown) -> None:
    (head,) = status[""]
    assert head.verdict.startswith("Late. Promised for Nov 9; likely between Dec")
    assert "Build the page" in text_of(status, "Last week, next two weeks")
    text = text_of(status, "The same as text, for a mail or a wiki")
    assert text.splitlines()[1] == "# Refund status page, week 46: off track"
    assert "Not live yet." in text_of(status, "Did it help?")


def test_an_unknown_project_is_named_with_those_that_there_are(folders: dict[str, str]) -> None:
    with pytest.raises(NotInExport, match=r"no project 'PRJ-9' in this export; there are PRJ-1, PRJ-2, PRJ-3"):
        open_project(WEEK, "PRJ-9", **folders)
