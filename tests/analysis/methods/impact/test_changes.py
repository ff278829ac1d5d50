"""What the tables say of changes, and which changes touch the same tickets."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pandas as pd

from opslib.analysis.methods.impact.changes import Change, changes_of, same_tickets

ZONE = ZoneInfo("America/New_York")
TABLES = {
    "projects": pd.DataFrame(
        {
            "project_id": ["P1", "P2"],
            "name": ["Macros", "Form"],
            "goal_metric": ["touches_per_solved", None],
            "went_live_on": [date(2026, 9, 7), None],
            "teams": ["general", "general; safety"],
            "contact_reasons": ["login; password", None],
            "ramp_weeks": pd.array([2, None], dtype="Int64"),
            "promised_change": [-0.12, None],
        }
    ),
    "policy_changes": pd.DataFrame(
        {
            "policy_id": ["POL"],
            "effective_at": [pd.Timestamp("2026-09-01T02:00:00Z")],
            "summary": ["Identity is verified."],
            "contact_reasons": ["identity"],
        }
    ),
    "feedback_actions": pd.DataFrame(
        {
            "action_id": ["F1"],
            "action": ["Answer every question."],
            "done_at": [pd.Timestamp("2026-09-10T16:00:00Z")],
            "team": ["general"],
            "metric": ["qa_score"],
        }
    ),
    "routing_rules": pd.DataFrame(
        {
            "rule_id": ["R1", "R1", "R2", "R3"],
            "conditions": [
                '{"all": [["contact_reason", "is", "login"], ["language", "is", "es"]]}',
                '{"any": [{"all": [["contact_reason", "in", ["refund", "identity"]]]}]}',
                '{"all": [["language", "is", "pt"], ["contact_reason", "is_not", "login"]]}',
                "not JSON",
            ],
            "active_from": pd.to_datetime(["2026-01-05", "2026-09-20", "2026-09-20", "2026-09-20"], utc=True),
            "active_to": pd.to_datetime(["2026-09-20", None, None, None], utc=True),
        }
    ),
}


def test_each_table_tells_its_changes():
    changes = changes_of(TABLES, ZONE)
    assert changes[0] == Change(
        "project",
        "P1",
        "Macros",
        date(2026, 9, 7),
        ("general",),
        ("login", "password"),
        "touches_per_solved",
        0.12,
        2,
    )
    assert changes[1] == Change("project", "P2", "Form", None, ("general", "safety"))
    assert [(each.change_id, each.began_on, each.reasons, each.metric) for each in changes[2:4]] == [
        ("POL", date(2026, 8, 31), ("identity",), "contacts_per_1000"),
        ("F1", date(2026, 9, 10), (), "qa_score"),
    ]
    assert [(each.name, each.began_on, each.reasons) for each in changes[4:]] == [
        ("rule R1 begins", date(2026, 1, 4), ("login",)),
        ("rule R1 ends", date(2026, 9, 19), ("login",)),
        ("rule R1 begins", date(2026, 9, 19), ("refund", "identity")),
    ]


def test_tables_without_optional_columns_tell_what_they_have():
    projects = pd.DataFrame({"project_id": ["P"], "name": ["Bare"]})
    assert changes_of({"projects": projects}, ZONE) == [Change("project", "P", "Bare", None)]


def together(change: Change, until: date = date(2026, 11, 15)) -> list[str]:
    changes = changes_of(TABLES, ZONE)
    return [each.name for each in same_tickets(change, changes, until=until, reasons=["login", "password", "identity"])]


def test_other_changes_on_the_same_reasons_are_named():
    project = changes_of(TABLES, ZONE)[0]
    assert together(project) == ["rule R1 ends"]
    assert together(project, until=date(2026, 9, 10)) == []


def test_a_whole_team_is_touched_by_changes_on_any_of_its_reasons():
    whole = Change("project", "P9", "Whole team", date(2026, 9, 7), teams=("general",), metric="csat")
    assert together(whole) == ["Identity is verified.", "Macros", "rule R1 ends", "rule R1 begins"]


def test_an_action_touches_only_the_metric_that_it_names_and_only_its_team():
    def names(team: str, metric: str) -> list[str]:
        return together(Change("project", "P9", "Whole team", date(2026, 9, 7), teams=(team,), metric=metric))

    assert "Answer every question." in names("general", "qa_score")
    assert "Answer every question." not in names("general", "csat")
    assert "Answer every question." not in names("safety", "qa_score")


def test_what_began_long_before_spoils_nothing():
    later = Change("project", "P9", "Later", date(2026, 10, 19), reasons=("login", "identity"))
    assert together(later) == []
