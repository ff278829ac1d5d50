"""Missed goals become findings with hand-counted sizes and causes, and a second run changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from opslib.analysis.findings.register import causes_of, finding, finding_id, selection_of
from opslib.display.cells import rows_of
from opslib.reports import weekly_review
from opslib.reports.week import open_week
from opslib.settings import Organisation, load_organisation
from opslib.store.warehouse import Warehouse
from opslib.weekly.brief import brief_of_week
from opslib.weekly.notes import take_in_notes
from opslib.weekly.numbers.findings import build_findings, findings_of, keep_findings
from opslib.weekly.numbers.signals import build_weekly_signals
from tests.reports.review_warehouse import AS_OF, LAST, shared_warehouse
from tests.reports.small_warehouse import Folders, copy_warehouse

SLA = finding_id("goal missed", "alpha", "first_reply_sla")
GOAL = "      - {metric: first_reply_sla, from: 2026-01-01, target: 95%, weight: 2}\n"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """The small warehouse with a goal for promises that alpha's chats break in the last week, weighing double."""
    root = tmp_path_factory.mktemp("findings")
    warehouse, params = copy_warehouse(shared_warehouse(tmp_path_factory), root)
    text = (params / "org.yml").read_text(encoding="utf-8")
    (params / "org.yml").write_text(text.replace("    goals:\n", f"    goals:\n{GOAL}"), encoding="utf-8")
    build_weekly_signals(Warehouse(warehouse), load_organisation(params))
    return warehouse, params


@pytest.fixture(scope="module")
def warehouse(folders: Folders) -> Warehouse:
    return Warehouse(folders[0])


@pytest.fixture(scope="module")
def organisation(folders: Folders) -> Organisation:
    return load_organisation(folders[1])


@pytest.fixture(scope="module")
def findings(warehouse: Warehouse, organisation: Organisation) -> dict[str, Any]:
    """The findings of alpha by subject, one of another notebook among them."""
    moved = finding(
        "reason moved",
        week=LAST,
        team="alpha",
        subject="refund",
        what="Refunds moved.",
        size=9.0,
        since="2026-11-09",
        next_step="",
        section="alpha/contact_drivers.html",
        tickets={"reason": "refund"},
    )
    keep_findings(warehouse, LAST, {("alpha", "reason moved"): [moved]})
    build_findings(warehouse, organisation, LAST, AS_OF)
    rows = findings_of(warehouse, LAST).to_pandas()
    assert set(rows.loc[rows["kind"] == "goal missed", "team"]) == {"alpha"}, "nobody else has goals"
    return {row.subject: row for row in rows_of(rows[rows["team"] == "alpha"])}


def test_a_missed_goal_is_counted_in_its_own_tickets(warehouse: Warehouse, findings: dict[str, Any]):
    sla = warehouse.read("facts", "sla", weeks=[LAST], teams=["alpha"])
    late, all_ = int((sla["state"] == "breached").sum()), len(sla)
    row = findings["first_reply_sla"]
    assert row.finding_id == SLA
    assert row.standing == "clear"
    assert f"{late} of {all_} tickets late" in row.what
    assert row.size == late - int(0.05 * all_)
    assert row.score == 2 * row.size
    assert row.size_low < row.size < row.size_high
    assert row.since == "2026-11-09"
    assert row.section == "alpha/weekly_review.html#s-sla"
    assert selection_of(row) == {"kind": "goal missed", "metric": "first_reply_sla", "week": LAST, "team": "alpha"}


def test_what_could_be_behind_it_begins_with_what_began(warehouse: Warehouse, findings: dict[str, Any]):
    sla = warehouse.read("facts", "sla", weeks=[LAST], teams=["alpha"])
    tickets = warehouse.read("facts", "tickets", weeks=[LAST], teams=["alpha"])
    refunds = set(tickets.loc[tickets["contact_reason"] == "refund", "ticket_id"])
    late = sla[sla["state"] == "breached"]
    first = causes_of(findings["first_reply_sla"])[0]
    assert (first["cause"], first["subject"], first["since"]) == ("reason", "refund", "2026-11-09")
    assert first["cases"] == late["ticket_id"].isin(refunds).sum()
    assert first["of"] == len(late)
    assert first["share"] == pytest.approx(first["cases"] / first["of"])
    assert "Refund" in findings["first_reply_sla"].next_step


def test_a_time_whose_promise_is_missed_too_is_said_by_that_one(findings: dict[str, Any]):
    assert findings["first_reply_median"].said_by == SLA
    assert causes_of(findings["first_reply_median"]) == []


def test_an_answer_stands_for_the_tickets_that_were_solved(warehouse: Warehouse, findings: dict[str, Any]):
    values = warehouse.read("facts", "weekly_values", weeks=[LAST], teams=["alpha"])
    values = values[values["channel"] == "all"].set_index("metric")
    if (row := findings.get("csat")) is None:
        assert values.loc["csat", "value"] >= 0.9
        return
    assert row.score == pytest.approx(row.size * values.loc["solved", "value"] / values.loc["csat", "n"])


def test_a_second_run_changes_nothing_and_a_blocked_team_has_no_finding(
    folders: Folders, findings: dict[str, Any], tmp_path: Path
):
    root, params = copy_warehouse(folders, tmp_path)
    copy, organisation = Warehouse(root), load_organisation(params)
    build_findings(copy, organisation, LAST, AS_OF)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert build_findings(copy, organisation, LAST, AS_OF) == ["findings as before"]
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
    build_findings(copy, organisation, LAST, AS_OF, blocked={"alpha"})
    assert "alpha" not in findings_of(copy, LAST)["team"].to_pylist()


def test_the_review_shows_the_points_with_who_does_what_and_escapes_what_people_write(
    folders: Folders, findings: dict[str, Any], tmp_path: Path
):
    root, params = copy_warehouse(folders, tmp_path)
    copy, organisation = Warehouse(root), load_organisation(params)
    notes = tmp_path / "notes"
    (notes / LAST).mkdir(parents=True)
    (notes / "actions.csv").write_text(
        f"finding_id,owner,due,state,remark,team\n{SLA},<i>Lead</i>,2026-11-13,accepted,,\n"
        f"{findings['refund'].finding_id},Liaison,2026-11-20,sent,,\nTidy up,,,proposed,<script>,alpha\n"
    )
    (notes / LAST / "alpha.md").write_text("Lead, 2026-11-13 16:40\n<b>Two</b> were out.\n\nAll is well now.")
    take_in_notes(copy, organisation, notes, LAST)
    build_findings(copy, organisation, LAST, AS_OF)
    review = weekly_review.open_review(open_week(LAST, "alpha", warehouse=str(root), params=str(params)))

    points = weekly_review.points(review)
    assert points["subject"].iloc[0] == "first_reply_sla"
    assert points[["owner", "due", "state", "is_overdue"]].iloc[0].tolist() == [
        "<i>Lead</i>",
        "2026-11-13",
        "accepted",
        True,
    ]
    html = weekly_review.show.points(points).html
    assert "<i>Lead</i>" not in html
    assert "accepted, overdue" in html
    assert "Refund" in html
    assert "no owner yet" in html or len(points) < 3

    actions = weekly_review.actions(review)
    assert actions["state"].tolist() == ["accepted", "proposed", "sent"]
    shown = weekly_review.show.actions(actions)
    assert "<script>" not in shown.html
    assert "Tidy up" in shown.text
    note = weekly_review.show.team_note(weekly_review.team_note(review))
    assert "<b>" not in note.html
    assert "All is well now." in note.text

    (overdue,) = [row for row in rows_of(findings_of(copy, LAST).to_pandas()) if row.kind == "overdue action"]
    assert overdue.subject == SLA
    assert overdue.score == findings["first_reply_sla"].score
    brief = brief_of_week(
        copy, organisation, LAST, teams=["alpha"], blocked=(), folder=tmp_path / LAST, today=AS_OF.date()
    )
    first = brief.points[0]
    assert first.finding_id == SLA
    assert (first.owner, first.state, first.is_overdue) == ("<i>Lead</i>", "accepted", True)
    assert "refund" in dict(first.causes)["Cause"].lower()


def test_a_review_of_a_warehouse_without_findings_says_so(tmp_path_factory: pytest.TempPathFactory):
    root, params = shared_warehouse(tmp_path_factory)
    review = weekly_review.open_review(open_week(LAST, "alpha", warehouse=str(root), params=str(params)))
    assert "make weekly" in weekly_review.show.points(weekly_review.points(review)).text
    assert weekly_review.causes(review, SLA).empty
    assert weekly_review.show.actions(weekly_review.actions(review)).text == ""
    assert isinstance(weekly_review.team_note(review), pd.DataFrame)
