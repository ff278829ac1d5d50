from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from opslib.weekly.unchanged import FOLDER, Before, memo_of, recall, remember

DONE = Before(0, (("reports", "4 ready"), ("index", "reports/index.html")))


@pytest.fixture
def watched(tmp_path):
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "tickets.csv").write_text("ticket_id\n1\n")
    lock = tmp_path / "requirements.lock"
    lock.write_text("pandas==3")
    return [folder, lock]


@pytest.fixture
def memo(tmp_path, watched):
    kept = memo_of(tmp_path / "reports", {"week": "2026-W46"})
    remember(kept, watched, DONE)
    return kept


def test_the_same_files_recall_how_the_run_ended(memo):
    assert recall(memo) == DONE


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "tickets.csv").write_text("ticket_id\n2\n"),
        lambda folder: (folder / "tickets.csv").unlink(),
        lambda folder: (folder / "more.csv").write_text("x"),
        lambda folder: (folder / "tickets.csv").rename(folder / "renamed.csv"),
        lambda folder: os.utime(folder / "tickets.csv", (1, 1)),
        lambda folder: (folder.parent / "requirements.lock").write_text("pandas==4"),
    ],
)
def test_any_change_of_a_file_means_doing_it_again(memo, watched, change):
    change(watched[0])
    assert recall(memo) is None


def test_a_file_that_was_changed_and_given_its_size_and_time_again_is_another(memo, watched):
    path = watched[0] / "tickets.csv"
    before = path.stat()
    path.write_text("ticket_id\n2\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert recall(memo) is None


def test_where_something_grows_too_old_the_next_day_is_another(memo, watched):
    now = datetime.now(UTC)
    remember(memo, watched, DONE, now + timedelta(hours=1))
    assert recall(memo) == DONE
    remember(memo, watched, DONE, now)
    assert recall(memo) is None


def test_a_link_to_nothing_stops_nothing(tmp_path, watched):
    (watched[0] / "gone.csv").symlink_to("nowhere.csv")
    kept = memo_of(tmp_path / "reports", {"week": "2026-W44"})
    remember(kept, watched, DONE)
    assert recall(kept) == DONE


def test_other_options_are_another_run(tmp_path, memo):
    assert recall(memo_of(tmp_path / "reports", {"week": "2026-W45"})) is None


def test_a_damaged_memo_means_doing_it_again(tmp_path, memo):
    (file,) = (tmp_path / "reports" / FOLDER).iterdir()
    file.write_text('{"run":')
    assert recall(memo_of(tmp_path / "reports", {"week": "2026-W46"})) is None


def test_asking_loads_nothing_heavy():
    code = "import sys, opslib.weekly.unchanged; print([m for m in ('pandas', 'ibis', 'pydantic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
