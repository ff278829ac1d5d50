"""The lists beside the reports: a page and a CSV each, written when what they rest on has changed."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from opslib.metrics import CATALOGUE
from opslib.reports.ticket_lists import WeekTickets
from opslib.settings import Organisation, load_organisation
from opslib.store.warehouse import Warehouse
from opslib.weekly.edition import Edition
from opslib.weekly.lists import ROWS_ON_A_PAGE, ListWriter, lists_in
from tests.reports import review_warehouse
from tests.reports.review_warehouse import AS_OF, LAST

URL = "https://crm.example/tickets/{ticket_id}?tab=a"


@pytest.fixture
def writer(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> ListWriter:
    warehouse, params = review_warehouse.shared_warehouse(tmp_path_factory)
    organisation = load_organisation(params).model_copy(update={"ticket_url": URL})
    return ListWriter(Warehouse(warehouse), organisation, tmp_path, edition(organisation))


def edition(organisation: Organisation) -> Edition:
    return Edition(
        organisation=organisation.organisation,
        week=LAST,
        time_zone=organisation.time_zone,
        teams={team.name: team.label for team in organisation.teams},
        as_of=AS_OF,
        made_at=AS_OF,
    )


def rows_in(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def test_a_list_is_a_page_and_a_csv_with_the_same_tickets_and_is_left_alone_until_its_facts_change(writer: ListWriter):
    lists = writer.reports / LAST / "alpha" / "lists"
    lists.mkdir(parents=True)
    (lists / "no_metric_any_more.csv").write_text("ticket_id")
    (said,) = writer.write(["alpha"])
    assert re.match(r"\d+ lists of tickets, \d+ files written", said)
    assert not (lists / "no_metric_any_more.csv").exists()
    assert set(lists_in(writer.reports, LAST)) == {"alpha"}

    page, late = (lists / "first_reply_sla.html").read_text(), rows_in(lists / "first_reply_sla.csv")
    own = WeekTickets(LAST, writer.warehouse, writer.organisation, AS_OF)
    (found,) = own.behind(["first_reply_sla"], "alpha")
    assert [row["ticket_id"] for row in late] == found.rows["ticket_id"].tolist()
    assert re.findall(r'role="rowheader"><a href="([^"]*)">', page) == [
        URL.replace("{ticket_id}", id_) for id_ in found.rows["ticket_id"]
    ]
    assert f"{len(late)} tickets." in page
    assert "Alpha &lt;b&gt;team&lt;/b&gt;" in page
    assert "<script>alert" not in page

    times = {path: path.stat().st_mtime_ns for path in lists.iterdir()}
    assert writer.write(["alpha"]) == []
    later = replace(writer, edition=replace(writer.edition, made_at=AS_OF.replace(hour=20), gate_note="as before"))
    assert " 0 files" not in later.write(["alpha"])[0], "the head of a page tells what the gate says"
    changed = {path.suffix for path in lists.iterdir() if path.stat().st_mtime_ns != times[path]}
    assert changed == {".html"}
    writer.remove(["alpha"])
    assert list(lists.iterdir()) == []


def test_a_long_list_has_its_worst_on_the_page_and_all_in_the_csv(writer: ListWriter, monkeypatch: pytest.MonkeyPatch):
    ids = [f"=cmd|{number:05d}" for number in range(20_000)]
    rows = pd.DataFrame({"ticket_id": ids, "over_seconds": [float(20_000 - number) for number in range(20_000)]})
    told = (
        WeekTickets(LAST, writer.warehouse, writer.organisation, AS_OF)
        .tickets.iloc[[0] * len(ids)]
        .set_index(pd.Index(ids, name="ticket_id"))
    )
    monkeypatch.setattr(WeekTickets, "tickets", told)
    monkeypatch.setattr(WeekTickets, "_rows_of_team", lambda self, name, team: rows.assign(team=team, value=0.0))
    monkeypatch.setattr("opslib.weekly.lists.CATALOGUE", {"first_reply_sla": CATALOGUE["first_reply_sla"]})
    writer.write(["alpha"])
    lists = writer.reports / LAST / "alpha" / "lists"
    page = (lists / "first_reply_sla.html").read_text()
    assert "20,000 tickets." in page
    assert page.count('role="rowheader"') == ROWS_ON_A_PAGE
    assert "https://crm.example/tickets/%3Dcmd%7C00000?tab=a" in page
    every = rows_in(lists / "first_reply_sla.csv")
    assert len(every) == 20_000
    assert every[0]["ticket_id"] == "'=cmd|00000"


def test_without_an_address_of_the_crm_no_id_is_a_link(writer: ListWriter):
    plain = replace(writer, organisation=writer.organisation.model_copy(update={"ticket_url": None}))
    plain.write(["alpha"])
    page = (writer.reports / LAST / "alpha" / "lists" / "first_reply_sla.html").read_text()
    assert "crm.example" not in page
