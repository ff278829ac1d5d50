from __future__ import annotations

from pathlib import Path

import pytest

from opslib.errors import NotInExport, SettingsError
from opslib.rule_files import read_candidate
from opslib.weekly.replay import replay_files, start_file
from tests.routing_warehouse import CANDIDATE, write


def test_a_candidate_file_is_replayed_on_the_last_complete_weeks(tmp_path: Path):
    store, organisation = write(tmp_path)
    path = tmp_path / "candidate.yml"
    path.write_text(CANDIDATE, encoding="utf-8")
    done = replay_files(store, organisation, path, weeks=4)
    assert (done.first, done.last) == ("2026-W43", "2026-W46")
    assert done.found.summary.iloc[0][["tickets", "mended", "spoilt"]].tolist() == [240, 40, 0]
    text = str(done)
    assert "40 would enter another queue" in text
    assert "orders" in text
    assert "R-2 was changed on 2026-11-02 (another queue)" in text
    assert "Nothing is wrong with the candidate itself." in text


def test_faults_of_the_candidate_are_told_with_it(tmp_path: Path):
    store, organisation = write(tmp_path)
    path = tmp_path / "candidate.yml"
    twice = CANDIDATE.replace(
        "  - rule: R-9", "  - {rule: R-8, queue: x, conditions: {all: [[contact_reason, is, login]]}}\n  - rule: R-9"
    )
    path.write_text(twice, encoding="utf-8")
    assert "R-8: shadowed (exact). R-1 takes every ticket" in str(replay_files(store, organisation, path, weeks=2))


def test_a_candidate_that_is_wrong_is_refused_before_anything_is_read(tmp_path: Path):
    store, organisation = write(tmp_path)
    path = tmp_path / "candidate.yml"
    path.write_text("rules:\n  - rule: R-1\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"candidate\.yml:2: rules\.0\.queue"):
        replay_files(store, organisation, path, weeks=2)


def test_todays_rules_are_a_file_to_start_from_and_change_nothing(tmp_path: Path):
    store, organisation = write(tmp_path)
    path = start_file(store, tmp_path / "start.yml")
    assert [rule.rule_id for rule in read_candidate(path)] == ["R-1", "R-2", "R-3", "R-4", "R-9"]
    assert replay_files(store, organisation, path, weeks=2).found.changed.empty


def test_an_export_without_rules_has_no_file_to_start_from(tmp_path: Path):
    store, _ = write(tmp_path, rules=False)
    with pytest.raises(NotInExport, match="no routing rules"):
        start_file(store, tmp_path / "start.yml")
