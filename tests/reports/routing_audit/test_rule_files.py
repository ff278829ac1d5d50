from __future__ import annotations

import time
from pathlib import Path

import pandas as pd
import pytest

from opslib.analysis.routing_audit.rules import NOWHERE, TicketFields, in_force, read_rules, route
from opslib.errors import SettingsError
from opslib.reports.routing_audit.rule_files import candidate_text, read_candidate
from tests.analysis.routing_audit.test_rules import rule_table

AT = pd.Timestamp("2026-11-16T12:00:00Z")


def candidate_at(folder: Path, text: str) -> Path:
    path = folder / "candidate.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_rules_are_tried_in_the_order_of_the_file(tmp_path: Path):
    rules = read_candidate(
        candidate_at(
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
    assert [rule.rule_id for rule in read_candidate(candidate_at(tmp_path, text))] == ["b", "a"]


def test_all_that_is_wrong_is_listed_with_its_line(tmp_path: Path):
    path = candidate_at(
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
    with pytest.raises(SettingsError) as error:
        read_candidate(path)
    lines = str(error.value).splitlines()
    assert any(f"{path}:4: rules.0.conditions.all.0: " in line and "no operator 'equals'" in line for line in lines)
    assert any(f"{path}:5: rules.1.queue: this key is needed" in line for line in lines)
    assert any(f"{path}:9: rules.2.condition: there is no such key" in line for line in lines)
    assert any(f"{path}:10: rules.2.conditions.any: " in line and "fits no ticket" in line for line in lines)
    assert any(f"{path}:11: rules.2.active_from: 'tomorrow' is no instant" in line for line in lines)


def test_rules_that_contradict_each_other_or_ask_for_nothing_are_listed_beside_what_cannot_be_read(tmp_path: Path):
    path = candidate_at(
        tmp_path,
        """rules:
  - rule: R-1
    queue: refunds
    position: 10
    conditions: {all: [[contact_reasn, is, refund]]}
  - rule: R-1
    queue: desk
    position: 20
    conditions: {any: [[solved_queue, is, refunds], [channel, is, email]]}
  - rule: R-3
    queue: desk
    position: 20
    conditions:
      all:
        - [subject, matches, "(a+"]
        - any:
            - [created_at, before, 2026-13-45]
            - [channel, equals, email]
  - rule: R-4
    queue: desk
    position: x
    conditions: {all: []}
    active_from: 2026-10-01
    active_to: 2026-09-31
  - rule: R-5
    queue: desk
    position: 50
    conditions: {all: []}
    active_from: 2026-10-01
    active_to: 2026-09-01
""",
    )
    with pytest.raises(SettingsError) as error:
        read_candidate(path)
    expected = [
        "5: rules.0.conditions: tickets have no field 'contact_reasn' to go by; is it contact_reason?",
        "6: rules.1.rule: R-1 is there twice and both are in force at once",
        "9: rules.1.conditions: tickets have no field 'solved_queue' to go by; it is known only after",
        "12: rules.2.position: R-1 stands at 20 too",
        "15: rules.2.conditions.all.0: '(a+' is no regular expression",
        "17: rules.2.conditions.all.1.any.0: '2026-13-45' is not an instant like",
        "18: rules.2.conditions.all.1.any.1: there is no operator 'equals'",
        "21: rules.3.position: Input should be a valid integer",
        "24: rules.3.active_to: '2026-09-31' is no instant",
        "30: rules.4.active_to: the rule ends before it begins",
    ]
    lines = str(error.value).splitlines()
    assert len(lines) == len(expected)
    for line, message in zip(lines, expected, strict=True):
        assert line.startswith(f"{path}:{message}")


def test_versions_of_a_rule_may_follow_each_other(tmp_path: Path):
    text = """
rules:
  - {rule: a, queue: x, position: 10, conditions: {all: []}, active_to: 2026-10-01}
  - {rule: a, queue: y, position: 10, conditions: {all: []}, active_from: 2026-10-01}
"""
    assert [rule.queue for rule in read_candidate(candidate_at(tmp_path, text))] == ["x", "y"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: here stand keys"),
        ("- a\n- b\n", ":1: here stand keys"),
        ("rules: []\n", ":1: rules: give at least one"),
        ("rules: 5\n", ":1: rules: "),
        ("rules: [5]\n", ":1: rules.0: here stand keys"),
        ("rules:\n  - rule: [\n", ":3: not YAML"),
        ("rules:\n  - {rule: a, rule: b, queue: x, conditions: {all: []}}\n", ":2: not YAML: found duplicate key"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_its_line(tmp_path: Path, text: str, message: str):
    path = candidate_at(tmp_path, text)
    with pytest.raises(SettingsError) as error:
        read_candidate(path)
    assert str(error.value).startswith(f"{path}{message}")


def test_bytes_that_are_no_text_and_folders_are_refused(tmp_path: Path):
    (tmp_path / "bytes.yml").write_bytes(b"\xff\xfe\x00rules")
    for path, words in ((tmp_path / "bytes.yml", "no file of UTF-8 text"), (tmp_path, "is a directory")):
        with pytest.raises(SettingsError, match=words):
            read_candidate(path)


def test_an_expression_that_makes_others_hang_takes_no_time(tmp_path: Path):
    """Backtracking engines need 2^40 steps for this; RE2 needs one per letter."""
    text = 'rules:\n  - {rule: a, queue: x, conditions: {all: [[subject, matches, "^(a+)+$"]]}}\n'
    rules = read_candidate(candidate_at(tmp_path, text))
    frame = pd.DataFrame({"ticket_id": ["1"], "created_at": [AT], "subject": ["a" * 40 + "!"]})
    started = time.process_time()
    assert route(rules, TicketFields(frame)).tolist() == [NOWHERE]
    assert time.process_time() - started < 1


def test_positions_of_some_rules_only_are_refused(tmp_path: Path):
    text = """
rules:
  - {rule: a, queue: x, conditions: {all: []}, position: 20}
  - {rule: b, queue: x, conditions: {all: []}}
"""
    with pytest.raises(SettingsError, match="give all or none"):
        read_candidate(candidate_at(tmp_path, text))


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
    read = read_candidate(candidate_at(tmp_path, candidate_text(rules, AT)))
    now = in_force(rules, AT)
    assert [(rule.rule_id, rule.queue, rule.when) for rule in read] == [
        (rule.rule_id, rule.queue, rule.when) for rule in now
    ]
