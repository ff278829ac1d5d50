from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from opslib import drivers_report as report
from opslib.drivers_report import Drivers
from opslib.report import open_week
from opslib.weekly.escalations import as_csv, markdown, register_of, safe_cell, write_escalations
from tests.drivers_warehouse import EMERGING, LAST, WEEKS, write_drivers_warehouse


def opened(folders: tuple[Path, Path], *, week: str = LAST, team: str = "alpha") -> Drivers:
    return report.open_drivers(open_week(week, team, warehouse=str(folders[0]), params=str(folders[1])))


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return write_drivers_warehouse(tmp_path / "w")


def test_the_new_matter_is_escalated_with_both_files_and_remembered(folders: tuple[Path, Path], tmp_path: Path):
    told = write_escalations(opened(folders), tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(names) == 2
    assert all(re.fullmatch(rf"{LAST}-alpha-lost-drafts-b-[0-9a-f]{{4}}\.(md|csv)", name) for name in names)
    assert told == ["escalations of alpha: 1 this week (2 files written), 1 in the register"]
    row = register_of(opened(folders).week.warehouse).iloc[0]
    assert (row["team"], row["subject"], row["escalated_week"]) == ("alpha", EMERGING, LAST)
    assert row["excess_low"] <= 50 <= row["excess_high"]


def test_the_brief_has_the_evidence_that_product_asks_for(folders: tuple[Path, Path]):
    text = markdown(report.top_escalation(opened(folders)))
    for part in ("**Avoidable**", "**Since**: 2026-11-09", "## Trend", "## Whom it touches", "tool request T1"):
        assert part in text
    assert "policy change P1" in text
    assert "T2" not in text
    assert "T3" not in text
    assert re.findall(r"^(\d)\. ", text, re.MULTILINE) == ["1", "2"]


def test_no_text_of_a_customer_is_markup_in_the_brief(folders: tuple[Path, Path]):
    """The texts and the reason hold tags, a table cell, a link and a formula."""
    text = markdown(report.top_escalation(opened(folders)))
    assert "lost drafts \\<b\\>" in text
    for hostile in ("<script", "<b>", "](http"):
        assert hostile not in text.replace("\\<", "").replace("\\]", "")
    assert "http://evil" not in text


def test_a_cell_is_never_a_formula(folders: tuple[Path, Path]):
    brief = report.top_escalation(opened(folders))
    brief.tickets["region"] = "=1+1"
    rows = list(csv.DictReader(io.StringIO(as_csv(brief).removeprefix("\ufeff"))))
    assert len(rows) == 50
    assert {row["region"] for row in rows} == {"'=1+1"}
    assert not {"requester_id", "description", "text", "subject"} & set(rows[0])


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "  =1", "\u00a0=1", "\uff1d1", "\n=1"])
def test_all_spellings_of_a_formula_are_defused(text: str):
    assert safe_cell(text) == f"'{text}"


def test_doing_it_twice_changes_no_byte(folders: tuple[Path, Path], tmp_path: Path):
    write_escalations(opened(folders), tmp_path / "out")
    files = [*(tmp_path / "out").iterdir(), *folders[0].glob("published/**/*.parquet")]
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]
    assert "0 files written" in write_escalations(opened(folders), tmp_path / "out")[0]
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in files] == before


def test_an_earlier_week_or_another_team_leaves_the_register_as_it_is(folders: tuple[Path, Path], tmp_path: Path):
    write_escalations(opened(folders), tmp_path / "out")
    kept = register_of(opened(folders).week.warehouse)
    write_escalations(opened(folders, week=WEEKS[-2]), tmp_path / "earlier")
    write_escalations(opened(folders, team="beta"), tmp_path / "other")
    now = register_of(opened(folders).week.warehouse)
    assert now[now["team"] == "alpha"].reset_index(drop=True).equals(kept)


def test_a_quiet_team_and_an_export_without_texts_escalate_without_failing(tmp_path: Path):
    bare = write_drivers_warehouse(
        tmp_path / "bare", lacking=("subject", "description", "language", "region", "form"), with_tables=False
    )
    assert "1 in the register" in write_escalations(opened(bare), tmp_path / "out")[0]
    (text,) = [path.read_text() for path in (tmp_path / "out").glob("*.md")]
    assert "No texts in this export." in text
    assert "No tool request and no policy change." in text
    assert "0 in the register" in write_escalations(opened(bare, team="quiet"), tmp_path / "quiet")[0]
