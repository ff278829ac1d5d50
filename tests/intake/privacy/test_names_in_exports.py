from __future__ import annotations

import io
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opslib.intake.disclosure import shown_way
from opslib.intake.mapping.sources import SourceMapping
from opslib.intake.privacy.person_names import BETWEEN, PersonNames
from opslib.intake.privacy.pseudonyms import Pseudonymiser
from opslib.intake.privacy.redaction import redact_many
from opslib.intake.stage import stage
from opslib.store.warehouse import Warehouse

TICKETS = """id,created,status,team,subject,description,requester_name,requester_login,agent_name
1,2026-11-16,open,a,Hello from jane,"Wanda helped; jane DOE here, jdoe42. I will pay",Jane Doe,jdoe42,Wanda Pruitt
2,2026-11-16T10:00:00Z,open,a,Jane and will,"WANDA PRUITT was kind; will you, Will Young?",Will Young,,Support Team
o@example.com,2026-11-16T10:00:00Z,open,4155552671@example.com,Café,call José now,José Núñez,,
"""
COMMENTS = """ticket,at,score,comment
2,2026-11-17T10:00:00Z,5,"young at heart, thanks to Wanda"
o@example.com,2026-11-17T10:00:00Z,5,Jose again
"""
COLUMNS = {name: name for name in ("status", "team", "subject", "description")}


def as_json(path: Path) -> None:
    rows = pd.read_csv(io.StringIO(TICKETS), dtype=str)
    path.write_text(json.dumps([row.dropna().to_dict() for _, row in rows.iterrows()]), encoding="utf-8")


WRITTEN = {
    "csv": lambda path: path.write_text(TICKETS, encoding="utf-8"),
    "json": as_json,
    "parquet": lambda path: pd.read_csv(io.StringIO(TICKETS), dtype=str).to_parquet(path),
    "xlsx": lambda path: pd.read_csv(io.StringIO(TICKETS), dtype=str).to_excel(path, index=False),
}


@pytest.fixture(scope="module", params=WRITTEN)
def staged(request, tmp_path_factory):
    """Two files of one export, staged with the columns of names named, twice; and every byte that was written."""
    folder = tmp_path_factory.mktemp("names")
    (folder / "exports").mkdir()
    WRITTEN[request.param](folder / "exports" / f"tickets.{request.param}")
    (folder / "exports" / "comments.csv").write_text(COMMENTS, encoding="utf-8")
    source = SourceMapping.model_validate(
        {
            "name": "crm",
            "description": "a CRM",
            "redact": ["requester_name", "requester_login", "agent_name"],
            "feeds": [
                {
                    "table": "tickets",
                    "files": "tickets.*",
                    "columns": {"ticket_id": "id", "created_at": "created", **COLUMNS},
                },
                {
                    "table": "satisfaction",
                    "files": "comments.csv",
                    "redact": [],
                    "columns": {"ticket_id": "ticket", "answered_at": "at", "score": "score", "comment": "comment"},
                },
            ],
        }
    )
    warehouse, read = Warehouse(folder / "warehouse"), []
    for _ in range(2):
        items = stage(warehouse, source, folder / "exports", Pseudonymiser(b"k" * 32), on_file=read.append)
    rows = {item.table: pq.read_table(warehouse.root / item.parquet).to_pylist() for item in items}
    written = b"".join(path.read_bytes() for path in warehouse.root.rglob("*") if path.is_file())
    return rows, written, read


def test_a_requesters_names_leave_that_tickets_texts_and_an_agents_all(staged):
    rows, _, _ = staged
    assert [(row["subject"], row["description"]) for row in rows["tickets"]] == [
        ("Hello from [name]", "[name] helped; [name] here, [name]. I will pay"),
        ("Jane and will", "[name] was kind; will you, [name]?"),
        ("Café", "call [name] now"),
    ]
    assert [row["comment"] for row in rows["satisfaction"]] == ["young at heart, thanks to [name]", "[name] again"]


def test_a_file_name_that_tells_a_person_is_stored_without_it():
    assert shown_way(Path("tickets-2026-11-16.csv.gz"), "p1") == "tickets-2026-11-16.csv.gz"
    assert shown_way(Path("export jane.doe@example.com.csv"), "p1") == "export [email] p1.csv"
    assert shown_way(Path("tickets 219-09-9999.csv.gz"), "p1") == "tickets [ssn] p1.csv.gz"
    assert shown_way(Path("of jane@example.com/tickets.csv"), "p1") == "of [email]/tickets p1.csv"


def test_names_are_kept_nowhere_and_what_is_staged_is_found_again(staged):
    _, written, read = staged
    assert [name.partition(".")[0] for name in sorted(read)] == ["comments", "tickets"]
    assert not [word for word in (b"Pruitt", b"jdoe42", b"Doe", b"Young") if word in written]


def test_ids_and_categories_that_tell_a_person_do_so_no_more(staged):
    rows, written, _ = staged
    ids = [row["ticket_id"] for row in rows["tickets"]]
    assert ids[:2] == ["1", "2"]
    assert ids[2].startswith("p")
    assert rows["satisfaction"][1]["ticket_id"] == ids[2]
    assert rows["tickets"][2]["team"] == "[email]"
    assert b"example.com" not in written


@pytest.mark.parametrize(
    ("text", "own", "expected"),
    [
        ("ask grant, not Grant Hill", None, "ask grant, not [name]"),
        ("Wanda's reply", None, "[name]'s reply"),
        ("a wanda is no Wanda", None, "a wanda is no [name]"),
        ("山田太郎です", "山田 太郎", "[name]です"),
        ("it was o'brien", "Sean O'Brien", "it was [name]"),
        ("Doe, Jane", "Jane Doe", "[name]"),
        ("we support the team", "Support Team", "we support the team"),
        ("ask +1 555", "a+b@c.example", "ask +1 555"),
    ],
)
def test_a_name_is_found_in_its_ways_and_a_word_that_is_none_stays(text, own, expected):
    persons = PersonNames(
        frozenset({"Grant Hill", "Wanda Pruitt"}), pa.array([own, f"Omar{BETWEEN}x"], pa.large_string())
    )
    redacted, counts = redact_many(pd.Series([text, "nothing"]), persons=persons)
    assert redacted.tolist() == [expected, "nothing"]
    assert counts.get("name", 0) == expected.count("[name]")
