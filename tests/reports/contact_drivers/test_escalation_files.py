from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from opslib.analysis.contact_drivers import escalation
from opslib.display import mime
from opslib.display.spreadsheet import safe_cell
from opslib.reports.contact_drivers.escalation_evidence import top_escalation
from opslib.reports.contact_drivers.escalation_files import (
    Escalation,
    EscalationHandover,
    as_csv,
    markdown,
)
from opslib.reports.contact_drivers.frames import open_drivers
from opslib.reports.week import open_week
from opslib.weekly.pages.safe_html import clean_output
from tests.reports.drivers_warehouse import LAST, write_drivers_warehouse
from tests.reports.small_warehouse import Folders, shared_warehouse


def first_of(folders: Folders) -> Escalation:
    week = open_week(LAST, "alpha", warehouse=str(folders[0]), params=str(folders[1]))
    escalation = top_escalation(open_drivers(week))
    assert escalation is not None
    return escalation


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Escalation:
    return first_of(shared_warehouse(tmp_path_factory, write_drivers_warehouse))


def test_the_brief_has_the_evidence_that_product_asks_for(brief: Escalation):
    text = markdown(brief)
    for part in ("**Avoidable**", "**Since**: Nov 9", "## Trend", "## Who is affected", "tool request T1"):
        assert part in text
    assert "policy change P1" in text
    assert "T2" not in text
    assert "T3" not in text
    assert re.findall(r"^(\d)\. ", text, re.MULTILINE) == ["1", "2"]


def test_no_text_of_a_customer_is_markup_in_the_brief(brief: Escalation):
    """The texts and the reason hold tags, a table cell, a link and a formula."""
    text = markdown(brief)
    assert "lost drafts \\<b\\>" in text
    for hostile in ("<script", "<b>", "](http"):
        assert hostile not in text.replace("\\<", "").replace("\\]", "")
    assert "http://evil" not in text


def test_a_cell_is_never_a_formula(brief: Escalation):
    tickets = brief.tickets.assign(region="=1+1")
    rows = list(csv.DictReader(io.StringIO(as_csv(replace(brief, tickets=tickets)).removeprefix("\ufeff"))))
    assert len(rows) == 50
    assert {row["region"] for row in rows} == {"'=1+1"}
    assert not {"requester_id", "description", "text", "subject"} & set(rows[0])


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "  =1", "\u00a0=1", "\uff1d1", "\n=1"])
def test_all_spellings_of_a_formula_are_defused(text: str):
    assert safe_cell(text) == f"'{text}"


def test_an_export_without_texts_and_tables_says_so_in_the_brief(tmp_path: Path):
    lacking = ("subject", "description", "language", "region", "form")
    text = markdown(first_of(write_drivers_warehouse(tmp_path, lacking=lacking, with_tables=False)))
    assert "No texts in this export." in text
    assert "No tool request and no policy change." in text


def test_what_is_shown_carries_the_files_and_the_rows_as_plain_json(brief: Escalation):
    columns = dict.fromkeys(escalation.REGISTER_COLUMNS)
    row = pd.DataFrame([columns | {"team": "alpha", "excess": 50.0, "weeks_since": 0, "latest_low": float("nan")}])
    bundle = EscalationHandover([brief], row.astype({"weeks_since": "int64"}))._repr_mimebundle_()
    record = json.loads(json.dumps(bundle[mime.ESCALATIONS], allow_nan=False))
    assert sorted(record["files"]) == [f"{brief.escalation_id}.csv", f"{brief.escalation_id}.md"]
    assert record["files"][f"{brief.escalation_id}.md"] == markdown(brief)
    assert (record["register"][0]["weeks_since"], record["register"][0]["latest_low"]) == (0, None)


def test_the_links_to_the_files_pass_the_shield_of_the_pages(brief: Escalation):
    html = clean_output(EscalationHandover([brief], pd.DataFrame()).table.html, section="s")
    assert re.findall(r'href="([^"]+)"', html) == [
        f"../escalations/{brief.escalation_id}.{kind}" for kind in ("md", "csv")
    ]
    assert "&lt;b&gt;" in html


def test_nothing_to_hand_over_is_one_line():
    assert repr(EscalationHandover([], pd.DataFrame())) == "Nothing new is proposed this week."
