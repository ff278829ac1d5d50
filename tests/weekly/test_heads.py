"""What stands below a team's name: its own open days, warnings and verdict, and whom a blocked page asks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from opslib.display import words
from opslib.intake.gate.verdict import Result, Verdict
from opslib.settings import Contact, Organisation, load_organisation
from opslib.store.warehouse import Warehouse
from opslib.weekly.heads import closures_in_words, team_heads

PARAMS = Path(__file__).parents[2] / "params"
WEEK = "2026-W46"
SILENCE = "no ticket of this team was created after Tue 10 Nov, 14:02"


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return load_organisation(PARAMS)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Safety has 16 tickets where 56 are usual, none after Tuesday; Commerce's last ticket is of October."""
    warehouse = Warehouse(tmp_path_factory.mktemp("heads"))
    weeks = [f"2026-W{number}" for number in range(38, 47)]
    rows = pd.DataFrame({"week": weeks, "value": [56.0] * 8 + [16.0]})
    rows = rows.assign(team="us-safety", channel="all", metric="created")
    warehouse.write("facts", "weekly_values", rows, partition_by_week=True)
    lacking = pd.DataFrame({"week": [WEEK], "team": "us-safety", "scope": "all", "reason": SILENCE})
    warehouse.write("facts", "weekly_completeness", lacking)
    tickets = pd.DataFrame({"team": ["us-commerce"], "created_at": pd.to_datetime(["2026-10-25T18:00Z"], utc=True)})
    warehouse.write("standard", "tickets", tickets.assign(week="2026-W43"), partition_by_week=True)
    return warehouse


def result(table: str, outcome: str, column: str = "volume_ratio", **by_team: str) -> Result:
    sentences = {name.replace("_", "-"): sentence for name, sentence in by_team.items()}
    return Result(
        table=table, expectation="x", type="t", column=column, severity="warning", scope="teams", notes="", checked=4,
        failed=1, observed="", examples=(), teams=tuple(sentences), outcome=outcome, by_team=sentences,
    )  # fmt: skip


def verdict(*results: Result, **blocked: str) -> Verdict:
    reasons = {name.replace("_", "-"): (reason,) for name, reason in blocked.items()}
    return Verdict(WEEK, datetime(2026, 11, 16, tzinfo=UTC), results, reasons, {})


def test_each_team_has_its_own_open_days_and_holiday(organisation, warehouse):
    heads = team_heads(organisation, verdict(), warehouse, WEEK)
    day = words.day("2026-11-11")
    assert {name: head.days for name, head in heads.items()} == {
        "us-general": f"4 of 5 open days: closed {day}, Veterans Day",
        "us-creators": f"5 of 6 open days: closed {day}, Veterans Day",
        "us-safety": "",
        "us-commerce": f"6 of 7 open days: closed {day}, Veterans Day",
    }
    assert closures_in_words(organisation, WEEK) == (
        f"Veterans Day on {day} closed General support, Creator support and Commerce and payments support"
    )
    assert closures_in_words(organisation, "2026-W45") == ""


def test_a_half_exported_team_is_told_in_words_on_its_own_pages_only(organisation, warehouse):
    """The gate's own word on the same lack of tickets is not said a second time."""
    seen = verdict(
        result("tickets", "warned", us_safety="16 rows in 2026-W46, usually 56"),
        result("satisfaction", "warned", us_general="3 rows in 2026-W46, usually 40"),
    )
    heads = team_heads(organisation, seen, warehouse, WEEK)
    safety = heads["us-safety"]
    assert (safety.gate, safety.gate_text) == ("warned", "Data incomplete")
    assert safety.warnings == (
        f"Only 16 tickets, usually 56; {SILENCE}: the export may be incomplete, so nothing of this week is compared.",
    )
    assert heads["us-general"].warnings == ("Satisfaction: 3 rows in 2026-W46, usually 40.",)
    assert heads["us-general"].gate == "warned"
    assert (heads["us-creators"].gate, heads["us-creators"].warnings) == ("passed", ())


def test_a_blocked_team_says_whom_to_ask_for_what_from_when_on(organisation, warehouse):
    seen = verdict(result("tickets", "blocked", us_commerce="late"), us_commerce="tickets: late")
    (head,) = team_heads(organisation, seen, warehouse, WEEK, ["us-commerce"]).values()
    assert (head.gate, head.warnings) == ("blocked", ())
    assert head.request.what == "tickets"
    assert head.request.since == words.day("2026-10-25")
    assert head.request.who == "whoever exports them from the CRM"
    contacts = (Contact(who="quality lead"), Contact(who="CRM admin", exports=("tickets", "ticket_events")))
    named = organisation.model_copy(update={"contacts": contacts})
    (head,) = team_heads(named, seen, warehouse, WEEK, ["us-commerce"]).values()
    assert head.request.who == "CRM admin"
    assert named.contact_for("shifts") == "quality lead"
    general = verdict(result("shifts", "blocked", us_general="late"), us_general="shifts: late")
    (head,) = team_heads(named, general, warehouse, WEEK, ["us-general"]).values()
    assert (head.request.who, head.request.what, head.request.since) == (
        "quality lead",
        "shifts",
        words.day("2026-11-09"),
    )
