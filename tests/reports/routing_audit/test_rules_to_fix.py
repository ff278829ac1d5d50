"""Rules to fix as their page shows them: what is wrong, the lines to paste, who does it, and the findings of all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from opslib import labels
from opslib.analysis.findings.register import finding_id
from opslib.analysis.methods.ticket_lists import COLUMNS
from opslib.display import words
from opslib.display.section import LeftOut
from opslib.reports.routing_audit import findings, frames, other_faults, repairs, show
from opslib.reports.routing_audit.rule_files import read_candidate, rule_lines
from opslib.reports.tickets_behind import tickets_behind
from opslib.reports.week import Week
from opslib.settings import load_organisation
from opslib.store.warehouse import NOTES, Warehouse
from tests.reports.routing_warehouse import AS_OF, LAST, write_routing_warehouse
from tests.reports.small_warehouse import Folders, copy_warehouse, shared_warehouse


def audit_of(folders: Folders, team: str = "shop") -> frames.Audit:
    week = Week(LAST, Warehouse(folders[0]), load_organisation(folders[1]), AS_OF, team)
    return frames.open_audit(week, weeks=4)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return shared_warehouse(tmp_path_factory, write_routing_warehouse)


@pytest.fixture(scope="module")
def audit(folders: Folders) -> frames.Audit:
    return audit_of(folders)


def test_the_broken_rule_comes_with_its_repair(audit: frames.Audit):
    [row] = repairs(audit).to_dict("records")
    assert (row["rule_id"], row["queue"], row["better_queue"], row["since"]) == (
        "R-2",
        "orders",
        "refunds",
        "2026-11-02",
    )
    assert (row["mended"], row["spoilt"], row["a_week"]) == (40, 0, 20)
    assert (row["owner"], row["state"]) == ("", "")
    section = show.repairs(repairs(audit), frames.repaired_rules(audit), frames.cost(audit))
    text = repr(section)
    assert f"Broken since {words.short_day('2026-11-02')}" in text
    assert f"Until {words.day('2026-11-02')} it pointed there." in text
    assert "40 tickets right instead of wrong, 0 wrong instead of right" in text
    assert "Owner: no owner yet" in text
    assert "11.7% of all teams' tickets would go into a wrong queue first, now 28.3%" in section.answer


def test_the_lines_to_paste_are_read_as_the_repaired_rule(audit: frames.Audit, tmp_path: Path):
    path = tmp_path / "rules.yml"
    path.write_text(f"rules:\n{repairs(audit)['lines'].iloc[0]}\n", encoding="utf-8")
    [rule] = read_candidate(path)
    [today] = [each for each in audit.rules or () if each.rule_id == "R-2" and each.queue == "orders"]
    assert (rule.rule_id, rule.when, rule.queue) == ("R-2", today.when, "refunds")
    hostile = replace(today, queue="a: <b>#{x}")
    path.write_text(f"rules:\n{rule_lines(hostile)}\n", encoding="utf-8")
    assert read_candidate(path)[0].queue == hostile.queue


def test_who_does_it_stands_beside_the_rule(folders: Folders, tmp_path: Path):
    audit = audit_of(copy_warehouse(folders, tmp_path))
    name = finding_id("broken rule", "shop", "R-2")
    action = {"line": 2, "finding_id": name, "what": "", "team": "shop", "owner": "CRM <admin>", "due": "2026-11-13"}
    audit.warehouse.write(NOTES, "actions", pd.DataFrame([{**action, "state": "accepted", "remark": ""}]))
    [row] = repairs(audit).to_dict("records")
    assert (row["owner"], row["due"], row["state"], row["is_overdue"]) == (
        *("CRM <admin>", "2026-11-13", "accepted"),
        True,
    )
    section = show.repairs(repairs(audit), None, frames.cost(audit))
    assert f"Owner: CRM <admin>. Due: {words.day('2026-11-13')}. State: accepted, overdue." in repr(section)
    assert "CRM &lt;admin&gt;" in section.parts[0].html


def test_other_faults_say_what_to_do(audit: frames.Audit):
    rows = other_faults(audit).set_index("rule_id")
    assert set(rows.index) == {"R-3", "R-4"}
    text = repr(show.other_faults(other_faults(audit)))
    assert "Never reached: R-2 takes these first | 0 | 0 | Delete it: nothing changes." in text
    assert "No ticket fits it | 0 | 0 | Delete it: nothing changes." in text


def test_the_rule_of_another_team_is_a_row_with_its_team(folders: Folders):
    desk = audit_of(folders, "desk")
    assert isinstance(show.repairs(repairs(desk), frames.repaired_rules(desk), frames.cost(desk)), LeftOut)
    first = other_faults(desk).iloc[0]
    assert (first["rule_id"], first["team"], first["mended"]) == ("R-2", "Shop <b>team</b>", 40)
    section = show.other_faults(other_faults(desk))
    assert "Point it to Refunds" in repr(section)
    assert section.answer.startswith("One rule of other teams to fix and two rules with little or no harm")
    assert "Shop &lt;b&gt;team" in section.parts[0].html


def test_findings_are_the_rules_to_fix_and_the_teams_other_faults(audit: frames.Audit):
    rows = {row["subject"]: row for row in findings(audit).rows}
    assert set(rows) == {"R-2", "R-3", "R-4"}
    broken = rows["R-2"]
    assert (broken["size"], broken["since"]) == (20.0, "2026-11-02")
    assert 0 < broken["size_low"] <= 20 <= broken["size_high"]
    assert broken["what"].endswith("100.0% have to be sent on, 0.0% before.")
    assert broken["next_step"].startswith(f"Point R-2 back to {labels.phrase('queue', 'refunds')}: in four weeks 40 ")
    assert broken["section"] == "shop/routing_audit.html#s-rules-to-fix"
    assert rows["R-3"]["section"] == "shop/routing_audit.html#s-other-faults"
    assert rows["R-3"]["next_step"].startswith("Delete it")


def test_a_group_of_too_few_people_hides_a_repair(audit: frames.Audit, monkeypatch: pytest.MonkeyPatch):
    few = frames.Audit(audit.week, 4)
    monkeypatch.setattr(frames.Audit, "minimum_group", 45)
    assert repairs(few).empty
    assert frames.repaired_rules(few) is None
    assert not other_faults(few)["is_worth"].any()


def test_the_tickets_that_a_rule_sent_wrong_are_as_many_as_its_page_says(folders: Folders):
    week = audit_of(folders).week
    whole = frames.open_audit(week)
    [row] = repairs(whole).to_dict("records")
    wrong = whole.tickets[(whole.tickets["first_queue"] == "orders") & (whole.tickets["solved_queue"] == "refunds")]
    listed = tickets_behind(week, {"rule": "R-2"})
    assert set(listed["ticket_id"]) == set(wrong["ticket_id"])
    assert len(listed) == row["elsewhere"] == 40
    assert {finding["listed"] for finding in findings(whole).rows if finding["subject"] == "R-2"} == {40}
    assert list(listed.columns) == list(COLUMNS), "neither a text nor who wrote it"
    assert listed.attrs["title"] == "Tickets that rule R-2 sent to a wrong queue"


def test_a_rule_without_wrong_tickets_or_of_too_few_people_says_why_it_has_no_list(folders: Folders):
    week = audit_of(folders).week
    none = tickets_behind(week, {"rule": "R-4"})
    assert none.empty
    assert none.attrs["missing"] == "No ticket of these weeks is known to have been sent to a wrong queue by it."
    privacy = week.organisation.privacy.model_copy(update={"minimum_group": 41})
    few = replace(week, organisation=week.organisation.model_copy(update={"privacy": privacy}))
    hidden = tickets_behind(few, {"rule": "R-2"})
    assert hidden.empty
    assert hidden.attrs["missing"] == "Fewer than 41 people wrote these tickets: not listed."
    assert {finding["listed"] for finding in findings(frames.open_audit(few)).rows} == {None}
    for kind in ("data incomplete", "overdue action"):
        assert tickets_behind(week, {"kind": kind}).attrs["missing"]
