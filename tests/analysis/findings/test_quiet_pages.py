"""How often a page finds something where there is nothing is kept in one place, and every page says just that."""

from __future__ import annotations

from html import unescape
from pathlib import Path

import pytest

from opslib.analysis.findings import quiet_pages
from opslib.analysis.findings.quiet_pages import PAGES, RATE, WITH_ANY, chance_in_words, weeks_in_words
from opslib.analysis.methods.intervals import wilson
from opslib.settings import Signals
from opslib.weekly.brief.opening import chance_of_signal
from opslib.weekly.pages.index import write_how_we_decide
from tests.weekly.weekly_notebooks import edition


def how_we_decide(folder: Path, rate: float) -> str:
    page = write_how_we_decide(folder, edition=edition(), rate=rate, minimum_group=5)
    return unescape(page.read_text(encoding="utf-8"))


def test_all_places_say_the_rate_that_was_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(WITH_ANY, "weekly_review", 4)
    monkeypatch.setitem(WITH_ANY, "contact_drivers", 0)
    monkeypatch.setattr(quiet_pages, "PAGES", 200)
    said = "a team's page finds something by chance in about one week in 50."
    for place in (chance_in_words(RATE), chance_of_signal(RATE), how_we_decide(tmp_path, RATE)):
        assert said in place
    assert weeks_in_words("contact_drivers") == "fewer than one week in 66"
    assert "fewer than one week in 66" in how_we_decide(tmp_path, RATE)


def test_it_is_not_said_of_signals_that_are_judged_at_another_rate(tmp_path: Path):
    assert Signals().rate == RATE, "what was counted is what the parameters have where nobody changes them"
    for place in (chance_in_words(0.1), chance_of_signal(0.1), how_we_decide(tmp_path, 0.1)):
        assert "all kinds of findings" not in place


def test_the_pages_keep_near_one_week_in_ten():
    for count in WITH_ANY.values():
        assert wilson(count, PAGES)["high"].iloc[0] < 0.15
