"""The page to which every other one leads: what the words mean, with the numbers of the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from opslib.weekly.pages.index import write_how_we_decide
from tests.weekly.weekly_notebooks import edition


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (0.2, "show a new signal in one week in five at most; on trial data it was one week in 14."),
        (0.03, "show a new signal in 3 weeks in a hundred at most. A number"),
    ],
)
def test_it_says_how_often_this_run_gives_a_false_alarm(tmp_path: Path, rate: float, said: str):
    html = write_how_we_decide(tmp_path, edition=edition(), rate=rate, minimum_group=7).read_text(encoding="utf-8")
    assert said in html
    assert "Groups of fewer than 7 people" in html
    assert '<a href="how_we_decide.html">How we decide</a>' in html
