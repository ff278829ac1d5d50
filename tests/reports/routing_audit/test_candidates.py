from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from opslib.errors import NotInExport, SettingsError, WarehouseError
from opslib.reports.routing_audit.candidates import learn_file, replay_files, start_file
from opslib.reports.routing_audit.rule_files import read_candidate
from opslib.settings import Organisation, load_organisation
from opslib.store.warehouse import Warehouse
from tests.reports.routing_warehouse import CANDIDATE, write_routing_warehouse
from tests.reports.small_warehouse import Folders, copy_warehouse, shared_warehouse


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return shared_warehouse(tmp_path_factory, write_routing_warehouse)


@pytest.fixture(scope="module")
def organisation(folders: Folders) -> Organisation:
    return load_organisation(folders[1])


@pytest.fixture
def store(folders: Folders) -> Warehouse:
    return Warehouse(folders[0])


@pytest.fixture
def changed_store(folders: Folders, tmp_path: Path) -> Warehouse:
    """A copy that a test may write into."""
    return Warehouse(copy_warehouse(folders, tmp_path)[0])


def test_a_candidate_file_is_replayed_on_the_last_complete_weeks(
    store: Warehouse, organisation: Organisation, tmp_path: Path
):
    path = tmp_path / "candidate.yml"
    path.write_text(CANDIDATE, encoding="utf-8")
    done = replay_files(store, organisation, path, weeks=4)
    assert (done.first, done.last) == ("2026-W43", "2026-W46")
    assert done.result.summary.iloc[0][["tickets", "mended", "spoilt"]].tolist() == [240, 40, 0]
    text = str(done)
    assert "40 would enter another queue" in text
    assert "orders" in text
    assert "R-2 (refund → orders) was changed on Nov 2, 2026 (another queue)" in text
    assert "Nothing is wrong with the candidate itself." in text


def test_faults_of_the_candidate_stand_below_it(store: Warehouse, organisation: Organisation, tmp_path: Path):
    path = tmp_path / "candidate.yml"
    twice = CANDIDATE.replace(
        "  - rule: R-9", "  - {rule: R-8, queue: x, conditions: {all: [[contact_reason, is, login]]}}\n  - rule: R-9"
    )
    path.write_text(twice, encoding="utf-8")
    assert "R-8: shadowed (exact). R-1 (login → frontdesk) takes every ticket" in str(
        replay_files(store, organisation, path, weeks=2)
    )


def test_a_candidate_that_is_wrong_is_refused_before_anything_is_read(
    store: Warehouse, organisation: Organisation, tmp_path: Path
):
    path = tmp_path / "candidate.yml"
    path.write_text("rules:\n  - rule: R-1\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"candidate\.yml:2: rules\.0\.queue"):
        replay_files(store, organisation, path, weeks=2)


def test_todays_rules_are_a_file_to_start_from_and_change_nothing(
    store: Warehouse, organisation: Organisation, tmp_path: Path
):
    path = start_file(store, tmp_path / "start.yml")
    assert [rule.rule_id for rule in read_candidate(path)] == ["R-1", "R-2", "R-3", "R-4", "R-9"]
    assert replay_files(store, organisation, path, weeks=2).result.changed.empty


def test_what_was_learnt_is_a_candidate_file_that_says_from_what(
    store: Warehouse, organisation: Organisation, tmp_path: Path
):
    path = tmp_path / "learnt.yml"
    basis = learn_file(store, organisation, path, week="2026-W44")
    assert basis.startswith("3 of 3 values of contact_reason to the queue that solved most of each, by 480 tickets of")
    assert path.read_text(encoding="utf-8").startswith(f"# Learnt: {basis}.\n")
    assert [(str(rule.when), rule.queue) for rule in read_candidate(path)] == [
        ("contact_reason in login", "frontdesk"),
        ("contact_reason in delivery", "orders"),
        ("contact_reason in refund", "refunds"),
        ("every ticket", "orders"),
    ]
    done = replay_files(store, organisation, path, weeks=2, week="2026-W46")
    assert (done.first, done.last) == ("2026-W45", "2026-W46")
    assert done.result.summary.iloc[0][["tickets", "mended", "spoilt"]].tolist() == [120, 40, 0]


def test_what_was_solved_after_the_week_is_not_learnt_from(
    changed_store: Warehouse, organisation: Organisation, tmp_path: Path
):
    """Else a rule set would be scored on what it has seen."""
    frame = changed_store.read("facts", "tickets")
    late = frame["week"] == "2026-W38"
    frame.loc[late, "last_solved_at"] += pd.Timedelta(days=30)
    changed_store.write("facts", "tickets", frame, partition_by_week=True)
    assert "by 60 tickets of 2026-W37 to 2026-W38" in learn_file(
        changed_store, organisation, tmp_path / "a.yml", week="2026-W38"
    )


def test_a_field_or_week_that_cannot_be_learnt_from_is_refused(
    store: Warehouse, organisation: Organisation, tmp_path: Path
):
    with pytest.raises(NotInExport, match="by 'priority', only by contact_reason, form and channel"):
        learn_file(store, organisation, tmp_path / "a.yml", by="priority")
    with pytest.raises(WarehouseError, match="complete weeks from 2026-W37 to 2026-W46, not 2027-W01"):
        learn_file(store, organisation, tmp_path / "a.yml", week="2027-W01")
    assert not (tmp_path / "a.yml").exists()


def test_fields_that_todays_rules_ask_for_may_be_asked_for(
    changed_store: Warehouse, organisation: Organisation, tmp_path: Path
):
    """An export's rules may go by fields that the tickets lack; what `start_file` wrote must be read back."""
    rules = changed_store.read("standard", "routing_rules")
    rules.loc[0, "conditions"] = '{"all": [["tag", "is", "vip"]]}'
    changed_store.write("standard", "routing_rules", rules)
    path = start_file(changed_store, tmp_path / "start.yml")
    assert "have no tag" in str(replay_files(changed_store, organisation, path, weeks=2))


def test_an_export_without_rules_has_no_file_to_start_from(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path):
    store = Warehouse(shared_warehouse(tmp_path_factory, write_routing_warehouse, rules=False)[0])
    with pytest.raises(NotInExport, match="no routing rules"):
        start_file(store, tmp_path / "start.yml")


def test_a_queue_made_for_a_few_people_tells_nothing_of_them(
    store: Warehouse, organisation: Organisation, tmp_path: Path
):
    """Ten people ask about logins by chat, twenty have a refund sent elsewhere: fifteen are needed to be counted."""
    path = tmp_path / "candidate.yml"
    of_few = "  - {rule: R-0, queue: vip, conditions: {all: [[contact_reason, is, login], [channel, is, chat]]}}\n"
    path.write_text(CANDIDATE.replace("rules:\n", f"rules:\n{of_few}"), encoding="utf-8")
    privacy = organisation.privacy.model_copy(update={"minimum_group": 15})
    done = replay_files(store, organisation.model_copy(update={"privacy": privacy}), path, weeks=4)
    load = done.result.load.set_index("queue")
    assert load.loc[["vip", "frontdesk"], ["candidate", "difference", "low", "high"]].isna().all(axis=None)
    assert load["candidate"].isna().sum() > 2, "the ten are all who leave the one queue and enter the other"
    hidden = done.result.changed["verdict"] == "not told"
    assert (done.result.changed.loc[hidden, ["rule_candidate", "solved_queue"]] == "fewer than 15 people each").all(
        axis=None
    )
    text = str(done)
    assert text.count("– stands for numbers of fewer than 15 people each, and for those that would tell them.") == 1
    assert "vip" in text
    only_of_few = CANDIDATE.replace("rules:\n", f"rules:\n{of_few}").replace("is, refund", "is, nothing")
    path.write_text(only_of_few.replace("queue: refunds", "queue: orders"), encoding="utf-8")
    whole = replay_files(store, organisation.model_copy(update={"privacy": privacy}), path, weeks=1)
    assert "of too few people to be counted here" in str(whole)
    assert whole.result.summary[["changed", "mended", "spoilt", "difference"]].isna().all(axis=None)
