from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pandas as pd

from opslib.intake.gate.verdict import Result, Verdict
from opslib.weekly.escalations import Escalated
from opslib.weekly.manifest import Record
from opslib.weekly.pages.index import weeks_in, write_data_quality, write_index
from tests.weekly.weekly_notebooks import edition

HEADLINE = {
    "label": "Created",
    "value": "1,204",
    "change": "+6%",
    "note": "",
    "signal": False,
    "spark": [1.0, 2.0],
}


def record(team: str | None, status: Any = "ready", name: str = "weekly_review", **more: Any) -> Record:
    kind = "team" if team else "org"
    return Record(f"2026-W46/{team or 'org'}/{name}", f"{kind}/{name}", team, status, 1.0, **more)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html.partition("<body>")[2])))


def test_the_index_shows_each_team_with_status_headline_and_link(tmp_path: Path) -> None:
    records = [
        record("us-safety", "failed", error="ValueError: <b>"),
        record("us-general", headline=[HEADLINE]),
        record("us-general", "unchanged", name="staffing_plan"),
        record(None, "no_data", name="stakeholder_update"),
    ]
    html = write_index(tmp_path, edition=edition(), records=records, blocked={}).read_text(encoding="utf-8")
    rows = [text_of("<body>" + row) for row in re.findall(r'<tr role="row" data-text.*?</tr>', html, re.DOTALL)]
    assert len(rows) == 3
    assert "US General" in rows[0], "teams stand in the order of the organisation"
    assert "ready" in rows[0]
    assert "1,204" in rows[0]
    assert "unchanged" in rows[0]
    assert "failed" in rows[1]
    assert "ValueError: <b>" in rows[1]
    assert "not planned" in rows[1]
    assert "no data" in rows[2]
    assert 'href="us-general/weekly_review.html"' in html
    assert 'href="org/stakeholder_update.html"' in html
    assert "<b>" not in html


def test_the_index_begins_with_the_goals_the_surest_misses_on_top(tmp_path: Path) -> None:
    def goal(label: str, verdict: str, *, is_missed: bool) -> dict[str, Any]:
        chip = {"look": "missed", "text": f"{verdict} {label}"}
        return HEADLINE | {"label": label, "goal_verdict": verdict, "is_missed": is_missed, "chips": [chip]}

    lines = [
        goal("A", "too few to say", is_missed=True),
        goal("B", "at risk", is_missed=False),
        goal("C", "no value", is_missed=False),
        *[goal(f"M{number}", "met", is_missed=False) for number in range(5)],
        goal("D", "missed", is_missed=True),
    ]
    index = write_index(tmp_path, edition=edition(), records=[record("us-general", headline=lines)], blocked={})
    html = index.read_text(encoding="utf-8")
    section = html[html.index('aria-labelledby="goals"') : html.index('aria-labelledby="reports"')]
    text = text_of("<body>" + section)
    assert "6 of 8 goals met" in text
    assert "1 of the 6 at risk. 2 missed, 1 of them by more than chance. 1 more could not be judged." in text
    assert re.findall(r'<td class="long">(\w)</td>', section) == ["D", "A"]
    assert text_of(html).count("missed D") == 2, "on the card too, beyond the sixth headline"
    plain = write_index(tmp_path, edition=edition(), records=[record("us-general", headline=[HEADLINE])], blocked={})
    assert "goals met" not in plain.read_text(encoding="utf-8")


def test_the_index_lists_what_was_escalated_with_both_files(tmp_path: Path) -> None:
    matter = Escalated("2026-W46-us-safety-x-1a2b", "us-safety", "sync <b>", 1234.5, 20.0, 41.0)
    html = write_index(
        tmp_path, edition=edition(), records=[record("us-safety")], blocked={}, escalated=[matter]
    ).read_text(encoding="utf-8")
    section = html[html.index('aria-labelledby="escalated"') : html.index('aria-labelledby="changed"')]
    assert "US Safety: sync <b> , 1,234 tickets a week (20 to 41)" in text_of("<body>" + section)
    assert re.findall(r'href="(escalations/[^"]+)"', section) == [
        f"escalations/{matter.escalation_id}.{kind}" for kind in ("md", "csv")
    ]
    quiet = write_index(tmp_path, edition=edition(), records=[record("us-safety")], blocked={})
    assert "Escalated this week" not in quiet.read_text(encoding="utf-8")


def test_the_index_says_who_is_blocked_and_why(tmp_path: Path) -> None:
    blocked = {"us-safety": ["tickets end on Thursday"], "*": ["no events"]}
    index = write_index(tmp_path, edition=edition(), records=[record("us-safety", "blocked")], blocked=blocked)
    text = text_of(index.read_text(encoding="utf-8"))
    assert "US Safety tickets end on Thursday" in text
    assert "All teams no events" in text
    assert "blocked by the gate 1" in text


def test_weeks_know_each_other_and_the_front_door_leads_to_the_newest(tmp_path: Path) -> None:
    """An index made before a later week learns of it; a late run of an old week does not become the front page."""
    old = write_index(tmp_path, edition=edition("2026-W45"), records=[record("us-general")], blocked={})
    new = write_index(tmp_path, edition=edition("2026-W46"), records=[record("us-general")], blocked={})
    assert 'href="../2026-W46/index.html" data-key="newer"' in old.read_text(encoding="utf-8")
    assert 'href="../2026-W45/index.html" data-key="older"' in new.read_text(encoding="utf-8")
    write_index(tmp_path, edition=edition("2026-W45"), records=[record("us-general")], blocked={})
    assert "url=2026-W46/index.html" in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert weeks_in(tmp_path) == ["2026-W46", "2026-W45"]


def test_the_index_links_last_weeks_report_only_where_there_is_one(tmp_path: Path) -> None:
    page = tmp_path / "2026-W45/us-general/weekly_review.html"
    page.parent.mkdir(parents=True)
    page.write_text("x")
    records = [record("us-general"), record("us-safety")]
    html = write_index(tmp_path, edition=edition(), records=records, blocked={}).read_text(encoding="utf-8")
    assert 'href="../2026-W45/us-general/weekly_review.html"' in html
    assert "2026-W45/us-safety" not in html


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
    verdict = Verdict("2026-W46", datetime(2026, 11, 16, 11, tzinfo=UTC), results, blocked or {}, {})
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
