from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from opslib.display.headline import nothing_here
from opslib.display.verdicts import Verdict
from opslib.intake.gate.verdict import Result
from opslib.intake.gate.verdict import Verdict as GateVerdict
from opslib.weekly.brief import Brief
from opslib.weekly.brief.actions import ActionLine, Actions
from opslib.weekly.brief.goals import GoalCell, TeamGoals
from opslib.weekly.brief.opening import Number
from opslib.weekly.brief.points import Point
from opslib.weekly.edition import Head, Link, Request
from opslib.weekly.escalations import Escalated
from opslib.weekly.manifest import Record, write_manifest
from opslib.weekly.pages.index import weeks_in, write_data_quality, write_index
from tests.weekly.weekly_notebooks import edition


def record(team: str | None, status: Any = "ready", name: str = "weekly_review", **more: Any) -> Record:
    kind = "team" if team else "org"
    return Record(f"2026-W46/{team or 'org'}/{name}", f"{kind}/{name}", team, status, 1.0, **more)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html.partition("<body>")[2])))


def section(html: str, name: str) -> str:
    """The text of a section of a page; "" where there is none."""
    found = BeautifulSoup(html, "html.parser").select_one(f'section[aria-labelledby="{name}"]')
    return re.sub(r"\s+", " ", found.get_text(" ")).strip() if found else ""


def index(tmp_path: Path, records: list[Record], **more: Any) -> str:
    this = more.pop("edition", edition())
    return write_index(tmp_path, edition=this, records=records, **{"blocked": {}, **more}).read_text(encoding="utf-8")


def point(**more: Any) -> Point:
    usual: dict[str, Any] = {
        "finding_id": "F-1",
        "team": "us-general",
        "teams": ("us-general",),
        "kind": "goal missed",
        "subject": "csat",
        "what": "CSAT <b> 70%",
        "verdict": Verdict("missed", "Missed"),
        "share": 40,
        "size": "8 short",
        "facts": ("3 of 9 late",),
        "causes": (("Cause", "Rule <i>."),),
        "links": (Link("Why", "us-general/weekly_review.html#s"),),
        "next_step": "Mend <u>",
        "owner": "",
        "due": "",
        "state": "proposed",
        "is_overdue": False,
    }
    return Point(**usual | more)


def brief(**more: Any) -> Brief:
    usual: dict[str, Any] = {
        "verdict": "1 of 2 goals met.",
        "lead": "",
        "numbers": (Number("Goals met", "1", "of 2", move="↓ 2 last week"),),
        "points": (point(),),
        "also_missed": "Also missed: x.",
        "goals": ("csat",),
        "rows": (TeamGoals("us-general", (GoalCell("csat", "70.0%", Verdict("missed", "Missed"), ("15 short",)),)),),
        "too_easy": "",
        "actions": Actions(0, 0, 0, "", "", ()),
    }
    return Brief(**usual | more)


def test_the_pages_of_the_week_stand_by_team_and_only_what_is_not_ready_says_so(tmp_path: Path) -> None:
    records = [
        record("us-safety", "failed", error="ValueError: <b>"),
        record("us-general", "unchanged", name="routing_audit"),
        record("us-general"),
        record(None, "no_data", name="stakeholder_update"),
    ]
    html = index(tmp_path, records)
    text = section(html, "reports")
    assert "US General Weekly review of US General Routing audit of US General US Safety" in text, "in their orders"
    assert "US Safety Weekly review of US Safety failed" in text
    assert "All teams Stakeholder update of All teams no data" in text
    assert "unchanged" not in text_of(html), "what the builder did is for the terminal"
    assert "1 page could not be made US Safety: Weekly review ValueError: <b>" in section(html, "failed")
    assert 'href="org/stakeholder_update.html"' in html
    assert "<b>" not in html


def test_the_brief_stands_in_the_order_in_which_it_is_read(tmp_path: Path) -> None:
    html = index(tmp_path, [record("us-general")], brief=brief())
    text = text_of(html)
    parts = ["1 of 2 goals met.", "Goals met 1 of 2 ↓ 2 last week", "One thing", "Also missed: x.", "Goals by team"]
    places = [text.index(part) for part in [*parts, "What became of actions", "All pages of week 46"]]
    assert places == sorted(places)
    first = section(html, "first")
    assert "US General: CSAT <b> 70% Missed" in first
    assert "8 short 3 of 9 late Cause: Rule <i>. Why" in first
    assert "Mend <u> Owner no owner yet Due – Proposed" in first
    assert "US General 70.0% Missed 15 short" in section(html, "goals")
    assert not re.search("<[biu]>", html)
    assert '<rect width="40"' in html
    late = point(owner="Lead", due="Sun Nov 8", state="accepted", is_overdue=True)
    text = section(index(tmp_path, [record("us-general")], brief=brief(points=(late,))), "first")
    assert "Owner Lead Due Sun Nov 8 Accepted, overdue" in text


def test_a_quiet_week_has_neither_things_nor_empty_tables(tmp_path: Path) -> None:
    quiet = brief(points=(), also_missed="", rows=(), goals=(), verdict="Nothing needs anybody this week.")
    html = index(tmp_path, [record("us-general")], brief=quiet)
    assert "Nothing needs anybody this week." in html
    assert (section(html, "first"), section(html, "goals"), section(html, "escalated")) == ("", "", "")
    assert "No action is written down" in section(html, "actions")
    assert "No number of this week is known yet." in index(tmp_path, [record("us-general")])


def test_teams_are_filtered_only_where_there_are_many(tmp_path: Path) -> None:
    rows = [TeamGoals(f"t{number}", (None,)) for number in range(13)]
    few, many = (index(tmp_path, [record("us-general")], brief=brief(rows=tuple(rows[:count]))) for count in (12, 13))
    assert 'id="team-filter"' not in few
    assert 'id="team-filter"' in many
    assert section(many, "goals").count("no goal") == 13


def test_actions_stand_in_a_table_with_what_became_of_them(tmp_path: Path) -> None:
    done = ActionLine(
        "us-safety", "Call <them>", "", "", "", "three days overdue", is_overdue=True, outcome="49 a week."
    )
    html = index(tmp_path, [record("us-general")], brief=brief(actions=Actions(2, 1, 1, "2026-11-13", "One.", (done,))))
    text = section(html, "actions")
    assert "One." in text
    assert "Call <them> US Safety no owner yet – Three days overdue 49 a week." in text
    assert "1 of 2 actions; all stand in notes/actions.csv" in text


def test_the_index_lists_what_was_escalated_with_both_files(tmp_path: Path) -> None:
    matter = Escalated("2026-W46-us-safety-x-1a2b", "us-safety", "sync <b>", 1234.5, 20.0, 41.0)
    html = index(tmp_path, [record("us-safety")], escalated=[matter])
    assert "US Safety: sync <b> , 1,234 tickets a week (20 to 41)" in section(html, "escalated")
    assert re.findall(r'href="(escalations/[^"]+)"', html) == [
        f"escalations/{matter.escalation_id}.{kind}" for kind in ("md", "csv")
    ]


def test_a_blocked_team_comes_first_with_whom_to_ask_and_the_last_good_page(tmp_path: Path) -> None:
    make = tmp_path / "2026-W44/us-safety/weekly_review.html"
    make.parent.mkdir(parents=True)
    make.write_text("x")
    ready = record("us-safety")
    old = [Record(ready.identifier.replace("W46", "W44"), ready.notebook, ready.team, "ready", 1.0)]
    this = replace(edition("2026-W44"), sample=False)
    write_manifest(tmp_path / "2026-W44/manifest.json", edition=this, parameters={}, records=old, verdict={}, times={})
    heads = {
        "us-safety": Head("", "blocked", "Data blocked", request=Request("CRM admin", "tickets", "Thu Nov 12")),
        "us-general": Head("", "warned", "Data incomplete", warnings=("Only 16 tickets.",)),
    }
    records = [record("us-safety", "blocked"), record("us-general")]
    blocked = {"us-safety": ["tickets end on Thursday"]}
    html = index(tmp_path, records, brief=brief(), blocked=blocked, edition=replace(edition(), heads=heads))
    text = section(html, "blocked")
    assert "US Safety: data blocked, no numbers this week US Safety : tickets end on Thursday." in text
    assert "Ask CRM admin for the tickets from Thu Nov 12 on" in text
    assert "Until then: the last good page, week 44 ." in text
    assert 'href="../2026-W44/us-safety/weekly_review.html"' in html
    assert html.index('id="blocked"') < html.index('class="verdict"')
    data = section(html, "reports").partition("Data ")[2]
    assert data.startswith("Blocked US Safety Warning US General: Only 16 tickets.")
    assert "Data OK" not in text_of(html)
    assert "Data blocked for one team" in text_of(html)
    every = section(index(tmp_path, records, blocked={"*": ["no events"]}), "blocked")
    assert "All teams : no events." in every
    assert "good page" not in every
    first = index(tmp_path / "first", records, blocked=blocked, edition=replace(edition(), heads=heads))
    assert section(first, "blocked").endswith("There is no good page of an earlier week.")


def test_the_data_state_says_for_how_many_teams_all_is_well_and_what_was_restated(tmp_path: Path) -> None:
    records = [record("us-safety"), record("us-general")]
    sound = section(index(tmp_path, records, restated={"us-general": 0}), "reports")
    assert "Data OK for all teams" in sound
    assert "No number published earlier was restated." in sound
    heads = {"us-general": Head("", "warned", "w", warnings=("Half.",)), "us-safety": Head("", "passed", "p")}
    warned = index(tmp_path, records, restated={"us-general": 3}, edition=replace(edition(), heads=heads))
    assert "Data OK for 1 of 2 teams" in section(warned, "reports")
    assert "US General: 3 numbers of past weeks restated" in section(warned, "reports")
    assert "Warnings for one team" in text_of(warned)
    assert "restated" not in text_of(index(tmp_path, records)), "nobody looked"


def test_weeks_know_each_other_and_the_front_door_leads_to_the_newest(tmp_path: Path) -> None:
    """An index made before a later week learns of it; a late run of an old week does not become the front page."""
    old = write_index(tmp_path, edition=edition("2026-W45"), records=[record("us-general")], blocked={})
    new = write_index(tmp_path, edition=edition("2026-W46"), records=[record("us-general")], blocked={})
    assert 'href="../2026-W46/index.html" data-key="newer"' in old.read_text(encoding="utf-8")
    assert 'href="../2026-W45/index.html" data-key="older"' in new.read_text(encoding="utf-8")
    write_index(tmp_path, edition=edition("2026-W45"), records=[record("us-general")], blocked={})
    assert "url=2026-W46/index.html" in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert weeks_in(tmp_path) == ["2026-W46", "2026-W45"]


def test_a_report_is_set_beside_last_weeks_only_where_there_is_one(tmp_path: Path) -> None:
    for week in ("2026-W45", "2026-W46"):
        page = tmp_path / week / "us-general/weekly_review.html"
        page.parent.mkdir(parents=True)
        page.write_text("x")
    html = index(tmp_path, [record("us-general"), record("us-safety")])
    assert re.findall(r'href="([^"]*compare.html)"', html) == ["us-general/weekly_review.compare.html"]


def result(**fields: Any) -> Result:
    usual = {
        "table": "tickets",
        "expectation": "ticket_id is unique",
        "type": "t",
        "column": "ticket_id",
        "severity": "critical",
        "scope": "rows",
        "notes": "It would be counted twice.",
        "checked": 1000,
        "failed": 0,
        "observed": "all are",
        "examples": (),
        "teams": (),
        "outcome": "passed",
    }
    return Result(**{**usual, **fields})


ACCOUNTING = pd.DataFrame(
    {
        "file": ["a.csv", "b.csv"],
        "table": ["tickets"] * 2,
        "read": [1000, 10],
        "kept": [990, 8],
        "replaced": [4, 1],
        "set_aside": [6, 0],
    }
)


def quality(tmp_path: Path, *results: Result, blocked: dict[str, tuple[str, ...]] | None = None) -> str:
    verdict = GateVerdict("2026-W46", datetime(2026, 11, 16, 11, tzinfo=UTC), results, blocked or {}, {})
    path = write_data_quality(tmp_path, edition=edition(), verdict=verdict, accounting=ACCOUNTING)
    assert path == tmp_path / "2026-W46/data_quality.html"
    return path.read_text(encoding="utf-8")


def test_every_expectation_is_listed_with_what_it_saw(tmp_path: Path) -> None:
    failing = result(
        expectation="solved after created",
        outcome="set_aside",
        failed=7,
        observed="7 <b>rows</b>",
        examples=tuple(f"T{i}" for i in range(9)),
        failures_by_week={"2026-W40": 3, "2026-W46": 4, "undated": 1},
        teams=("us-general",),
    )
    html = quality(tmp_path, result(), failing, result(table="agents", outcome="absent"))
    text = text_of(html)
    assert "ticket_id is unique" in text
    assert "7 of 1,000 rows" in text
    assert "Concerns US General" in text
    assert "T4" in text
    assert "T5" not in text, "five example keys, not more"
    assert "7 <b>rows</b>" in text
    assert "<b>" not in html
    assert "not in this export" in text
    assert "It would be counted twice." in text


def test_the_trend_counts_weeks_without_failures_as_zero(tmp_path: Path) -> None:
    html = quality(tmp_path, result(outcome="warned", failed=4, failures_by_week={"2026-W46": 4}))
    label = "Failures of ticket_id is unique on tickets, last 13 weeks: lowest 0, highest 4, latest 4"
    assert f'aria-label="{label}"' in html


def test_when_all_hold_the_page_says_so(tmp_path: Path) -> None:
    assert "Every expectation held." in text_of(quality(tmp_path, result()))


@pytest.mark.parametrize(
    ("outcome", "blocked", "said"),
    [
        ("passed", {}, nothing_here("Every expectation held")),
        ("warned", {}, nothing_here("No row was set aside, and no warning concerns a team")),
        ("set_aside", {}, "Rows that break one expectation were set aside."),
        ("blocked", {"us-safety": ("too few",)}, "The data of one team are blocked."),
        ("blocked", {"*": ("too few",)}, "The data of all teams are blocked."),
    ],
)
def test_its_first_line_says_whether_the_data_need_anybody(
    tmp_path: Path, outcome: str, blocked: dict[str, tuple[str, ...]], said: str
) -> None:
    html = quality(tmp_path, result(outcome=outcome, failed=3), blocked=blocked)
    assert f'<p class="verdict">{said}</p>' in html


def test_rows_are_accounted_for_and_a_gap_is_shown(tmp_path: Path) -> None:
    text = text_of(quality(tmp_path, result(), blocked={"us-safety": ("too few",)}))
    assert "a.csv tickets 1,000 990 4 6 yes" in text
    assert "b.csv tickets 10 8 1 0 no" in text
    assert "US Safety too few" in text


def test_a_table_whose_expectations_hold_is_folded_and_what_did_not_hold_comes_first(tmp_path: Path) -> None:
    sound, failing = result(), result(expectation="team is one of the teams", outcome="warned", failed=2)
    absent = result(table="agents", outcome="absent")
    html = quality(tmp_path, sound, failing, result(table="shifts"), absent)
    folds = re.findall(r'<details class="held"( open)?>\s*<summary>(.*?)</summary>', html)
    assert folds == [
        (" open", "2 expectations: 1 warning, 1 holds"),
        ("", "1 expectation, which holds"),
        ("", "1 expectation: 1 not in this export"),
    ]
    table = html.partition("Expectations on tickets")[2]
    assert table.index("team is one of the teams") < table.index("ticket_id is unique")
