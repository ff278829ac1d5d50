"""A week in which nothing happened and every goal is met: each page says so in its first line."""

from __future__ import annotations

import re
import shutil
from html import unescape
from pathlib import Path

import pytest

from opslib.analysis.findings.quiet_pages import chance_in_words
from opslib.display.headline import NOTHING, nothing_here
from opslib.weekly.run import SAMPLE_MARK, Selection, admit_exports, build_facts, render_reports
from tests.line.conftest import REPORTS, ROOT, TICKETS, WEEK, few_expectations, run_over
from tests.samples import shared_sample

TEAM = "us-general"
EASY = {"first_reply_median": "400h", "full_resolution_median": "400h", "reopen_share": "90%"}
"""Goals that any week meets; those that should be high are met at 1%."""


def quiet(step: str, line: str) -> None:
    """Say nothing."""


def easy_params(folder: Path) -> Path:
    """The shipped parameters with goals that are met."""
    shutil.copytree(ROOT / "params", folder)
    text = (folder / "org.yml").read_text(encoding="utf-8")
    eased = re.sub(
        r"\{metric: (\w+), from: ([\d-]+), target: [^}]+\}",
        lambda goal: f"{{metric: {goal[1]}, from: {goal[2]}, target: {EASY.get(goal[1], '1%')}}}",
        text,
    )
    (folder / "org.yml").write_text(eased, encoding="utf-8")
    return folder


def first_line(page: Path) -> str:
    [said] = re.findall(r'<p class="verdict">(.*?)</p>', page.read_text(encoding="utf-8"))
    return unescape(said)


def test_each_page_of_a_quiet_week_says_first_that_nothing_needs_anybody(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
):
    exports = tmp_path / "exports"
    shutil.copytree(
        shared_sample(tmp_path_factory, TICKETS, planted=False), exports, ignore=shutil.ignore_patterns(SAMPLE_MARK)
    )
    run = run_over(
        exports,
        tmp_path,
        week=WEEK,
        params=easy_params(tmp_path / "params"),
        expectations=few_expectations(tmp_path / "expectations"),
    )
    intake = admit_exports(run, quiet)
    build_facts(run, intake, quiet)
    render_reports(run, intake, Selection(teams=(TEAM,)), quiet)
    folder = run.folders.reports / WEEK
    pages = [folder / "index.html", folder / "data_quality.html", *(folder / TEAM / f"{name}.html" for name in REPORTS)]
    said = {page.stem: first_line(page) for page in pages}
    for name in ("index", "weekly_review"):
        assert said[name].startswith(f"{NOTHING} All "), said
    here = nothing_here("")[:-2]
    for name in ("contact_drivers", "routing_audit", "data_quality"):
        assert said[name].startswith(here), said
    assert chance_in_words(run.organisation.signals.rate) in unescape(pages[0].read_text(encoding="utf-8"))
