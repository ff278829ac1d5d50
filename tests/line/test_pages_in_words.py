"""What stands on the pages are words of the trade: no name that only the program knows, no number that is none."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup

from opslib.metrics import CATALOGUE
from opslib.tables import TABLES
from tests.line.conftest import TEAMS, WEEK
from tests.whole_line import WholeLine, whole_line

_PROGRAM = {name for name in CATALOGUE if "_" in name}
_EXPORT = {name for name in TABLES if "_" in name}
_EXPORT |= {column.name for table in TABLES.values() for column in table.columns if "_" in column.name}
_NO_NUMBERS = {"nan", "NaN", "NaT", "<NA>", "None", "inf"}
_LINE_TO_PASTE = re.compile(r"add to [\w-]+ under baselines in params/org\.yml.*?\}", re.DOTALL)


def names_on(html: str) -> set[str]:
    """The names of metrics, columns, tables and teams, and the numbers that are none, in what a reader sees."""
    page = BeautifulSoup(html, "html.parser")
    for element in page.select("details.code, footer, script, style, code, pre"):
        element.decompose()
    seen = "\n".join([page.get_text(" "), *(str(image["alt"]) for image in page.select("img[alt]"))])
    names = _PROGRAM | _EXPORT | _NO_NUMBERS | set(TEAMS)
    any_name = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    found = re.findall(rf"(?<![\w/.-])({any_name})(?![\w-])(?! of\b)", _LINE_TO_PASTE.sub("", seen))
    return set(found)


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> WholeLine:
    return whole_line(tmp_path_factory)


def test_pages_have_labels_and_numbers_and_no_names_of_the_program(line: WholeLine):
    """Data quality speaks to whoever makes the exports, and names their columns."""
    pages = [path for path in (line.reports / WEEK).rglob("*.html") if path.name != "data_quality.html"]
    assert len(pages) > len(TEAMS)
    named = {page.relative_to(line.reports).as_posix(): names_on(page.read_text(encoding="utf-8")) for page in pages}
    assert {page: names for page, names in named.items() if names} == {}


def test_a_name_a_missing_number_and_a_team_are_seen_and_words_are_not():
    html = '<p>first_reply_median is nan in us-safety</p><img alt="ticket_events"><p>None of 5 is created</p>'
    assert names_on(html) == {"first_reply_median", "nan", "us-safety", "ticket_events"}
    assert names_on("<footer>us-safety</footer><code>created_at</code><p>draft_sync_loss</p>") == set()
