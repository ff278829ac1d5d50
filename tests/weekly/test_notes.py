"""What people write becomes tables of the warehouse: redacted, of its team, and the same bytes for the same notes."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from opslib.analysis.findings.register import finding_id
from opslib.settings import Organisation, load_organisation
from opslib.store.warehouse import Warehouse
from opslib.weekly.notes import take_in_notes
from tests.reports.review_warehouse import LAST, ORGANISATION

SLA = finding_id("goal missed", "alpha", "first_reply_sla")


@pytest.fixture
def organisation(tmp_path: Path) -> Organisation:
    (tmp_path / "params").mkdir()
    (tmp_path / "params" / "org.yml").write_text(ORGANISATION, encoding="utf-8")
    return load_organisation(tmp_path / "params")


def test_notes_are_taken_in_for_their_teams_and_leave_other_teams_alone(tmp_path: Path, organisation: Organisation):
    warehouse, notes = Warehouse(tmp_path / "warehouse"), tmp_path / "notes"
    assert take_in_notes(warehouse, organisation, notes, LAST) == []
    (notes / LAST).mkdir(parents=True)
    table = f"finding_id;owner;due;state;remark\n{SLA};Lead;11/13/2026;accepted;mail jane@example.com\n"
    (notes / "actions.csv").write_bytes(table.encode("utf-16"))
    (notes / LAST / "alpha.md").write_text("Lead, 2026-11-13 16:40\nCall (415) 555-2671.", encoding="utf-8")
    (notes / LAST / "beta.md").write_text("No author here.", encoding="utf-8")
    (notes / LAST / "gamma.md").write_text("Who?", encoding="utf-8")
    lines = take_in_notes(warehouse, organisation, notes, LAST)
    assert lines[-1] == f"1 actions, 2 notes on {LAST}"
    assert [line.partition(": ")[2] for line in lines[:-1]] == [
        "begins with no author and time, such as `Team lead, 2026-11-13 16:40`",
        "no team gamma; there are alpha, beta, quiet",
    ]
    (action,) = warehouse.read("notes", "actions", teams=["alpha"]).to_dict("records")
    assert (action["finding_id"], action["owner"], action["due"]) == (SLA, "Lead", "2026-11-13")
    assert action["remark"] == "mail [email]"
    assert warehouse.read("notes", "actions", teams=["beta"]).empty
    sentences = warehouse.read("notes", "sentences", weeks=[LAST])
    assert sentences["text"].tolist() == ["Call [phone].", "No author here."]
    before = {path: path.read_bytes() for path in warehouse.root.rglob("*.parquet")}
    take_in_notes(warehouse, organisation, notes, LAST)
    assert {path: path.read_bytes() for path in warehouse.root.rglob("*.parquet")} == before


def test_words_on_projects_are_of_projects_that_there_are(tmp_path: Path, organisation: Organisation):
    warehouse, folder = Warehouse(tmp_path / "warehouse"), tmp_path / "notes" / "projects"
    folder.mkdir(parents=True)
    (folder / "PRJ-2.md").write_text("## Status\n2026-11-13, PM: Done. Call (415) 555-2671.\nand\n## Scope\nAll.\n")
    (folder / "PRJ-9.md").write_text("## Scope\nNothing.\n")
    lines = take_in_notes(warehouse, organisation, tmp_path / "notes", LAST)
    assert [line.rpartition(".md: ")[2] for line in lines] == ["no such project; this export has no projects"] * 2
    columns = {"name": "A / B", "stage": "running", "baseline_start_on": None, "baseline_end_on": None}
    ids = ["PRJ-2", "PRJ-3"]
    warehouse.write("standard", "projects", pa.Table.from_pylist([{"project_id": name, **columns} for name in ids]))
    *problems, last = take_in_notes(warehouse, organisation, tmp_path / "notes", LAST)
    assert [line.rpartition(".md: ")[2] for line in problems] == ["no such project; there are PRJ-2, PRJ-3"]
    assert last.endswith(", words on 1 of the projects")
    words = warehouse.read("notes", "project_words")
    assert words[["project_id", "kind", "on", "who", "text"]].to_numpy().tolist() == [
        ["PRJ-2", "status", "2026-11-13", "PM", "Done. Call [phone]. and"],
        ["PRJ-2", "section", "", "", "All."],
    ]


def test_a_file_that_is_no_text_is_named_and_the_rest_goes_on(tmp_path: Path, organisation: Organisation):
    warehouse, notes = Warehouse(tmp_path / "warehouse"), tmp_path / "notes"
    (notes / LAST).mkdir(parents=True)
    (notes / "actions.csv").write_bytes(b"PK\x03\x04\x00\x00 a workbook")
    (notes / LAST / "alpha.md").write_bytes("Müller war krank.".encode("cp1252"))
    lines = take_in_notes(warehouse, organisation, notes, LAST)
    assert lines[0].endswith("actions.csv is no text; save it as CSV (UTF-8)")
    assert warehouse.read("notes", "sentences", weeks=[LAST])["text"].tolist() == ["Müller war krank."]
