from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from opslib.analysis.routing_rules import in_force, read_rules
from opslib.errors import SettingsError
from opslib.rule_files import candidate_text, read_candidate
from tests.analysis.test_routing_rules import rule_table

AT = pd.Timestamp("2026-11-16T12:00:00Z")


def written(folder: Path, text: str) -> Path:
    path = folder / "candidate.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_rules_are_tried_in_the_order_of_the_file(tmp_path: Path):
    rules = read_candidate(
        written(
            tmp_path,
            """
rules:
  - rule: R-2
    queue: refunds
    conditions: {all: [[contact_reason, in, [refund, chargeback]], [created_at, after, 2026-03-01]]}
    active_from: 2026-09-14T04:00:00Z
  - rule: R-1
    queue: desk
    conditions: {all: []}
""",
        )
    )
    assert [(rule.rule_id, rule.queue, rule.fits_all) for rule in rules] == [
        ("R-2", "refunds", False),
        ("R-1", "desk", True),
    ]
    assert rules[0].active_from == pd.Timestamp("2026-09-14T04:00:00Z")
    assert str(rules[0].when) == "contact_reason in refund or chargeback and created_at after 2026-03-01"


def test_positions_win_over_the_order_of_the_file(tmp_path: Path):
    text = """
rules:
  - {rule: a, queue: x, conditions: {all: []}, position: 20}
  - {rule: b, queue: x, conditions: {any: [[channel, is, email]]}, position: 10}
"""
    assert [rule.rule_id for rule in read_candidate(written(tmp_path, text))] == ["b", "a"]


def test_all_that_is_wrong_is_listed_with_its_line(tmp_path: Path):
    path = written(
        tmp_path,
        """rules:
  - rule: R-1
    queue: refunds
    conditions: {all: [[contact_reason, equals, refund]]}
  - rule: R-2
    conditions: {all: []}
  - rule: R-3
    queue: desk
    condition: {all: []}
    conditions: {any: []}
    active_from: tomorrow
""",
    )
    with pytest.raises(SettingsError) as caught:
        read_candidate(path)
    lines = str(caught.value).splitlines()
    assert any(f"{path}:4: rules.0.conditions: " in line and "no operator 'equals'" in line for line in lines)
    assert any(f"{path}:5: rules.1.queue: this key is needed" in line for line in lines)
    assert any(f"{path}:9: rules.2.condition: there is no such key" in line for line in lines)
    assert any(f"{path}:10: rules.2.conditions: " in line and "fits no ticket" in line for line in lines)
    assert any(f"{path}:11: rules.2.active_from: 'tomorrow' is no instant" in line for line in lines)


def test_positions_of_some_rules_only_are_refused(tmp_path: Path):
    text = """
rules:
  - {rule: a, queue: x, conditions: {all: []}, position: 20}
  - {rule: b, queue: x, conditions: {all: []}}
"""
    with pytest.raises(SettingsError, match="give all or none"):
        read_candidate(written(tmp_path, text))


def test_todays_rules_written_as_a_candidate_are_read_back_the_same(tmp_path: Path):
    """What one edits must be what is in force, or the replay would compare something else."""
    nested = {
        "all": [["form", "is_not", None], ["channel", "in", ["yes", "no: it", "12:30"]]],
        "any": [["subject", "matches", '^#\\d+ "x"'], {"all": [["priority", "greater", "low"]]}],
    }
    rules = read_rules(
        rule_table(
            ("R-1", nested, "a"),
            ("R-2", {"all": [["language", "is", "no"]]}, "b", None, AT),
            ("R-2", {"all": [["language", "is", "no"]]}, "c", AT, None),
            ("R-9", {"all": []}, "desk"),
        )
    )
    read = read_candidate(written(tmp_path, candidate_text(rules, AT)))
    now = in_force(rules, AT)
    assert [(rule.rule_id, rule.queue, rule.when) for rule in read] == [
        (rule.rule_id, rule.queue, rule.when) for rule in now
    ]
