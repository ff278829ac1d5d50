"""Temporary files end with the run that writes them: at its end, and at the next start where it was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from opslib.store.temporary import remove_left_folders, short_parent, temporary_folder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what was started by a killed run is told by /proc")

RUN = """
import os, subprocess, sys, tempfile, time
from opslib.store.temporary import temporary_folder
with temporary_folder():
    with open(os.path.join(tempfile.mkdtemp(), "0.raw"), "w") as raw:
        raw.write("jane@example.com")
    beside = subprocess.Popen("sleep 60 >/dev/null & echo $!", shell=True, start_new_session=True)
    beside.wait()
    sys.stdin.read()
"""


@pytest.fixture
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "t"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


def a_run() -> tuple[subprocess.Popen[str], psutil.Process]:
    """A run that has written a text and started a program in a session of its own."""
    run = subprocess.Popen(
        [sys.executable, "-c", RUN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert run.stdout is not None
    return run, psutil.Process(int(run.stdout.readline()))


def end(run: subprocess.Popen[str]) -> None:
    run.communicate("")


def test_all_temporary_files_lie_in_one_folder_that_ends_with_the_block(parent: Path) -> None:
    with temporary_folder() as folders:
        made = Path(tempfile.mkdtemp())
        (made / "0.raw").write_text("jane@example.com", encoding="utf-8")
        told = subprocess.run(["sh", "-c", "echo $TMPDIR"], capture_output=True, text=True, check=True).stdout.strip()
        assert [made.parent] == [Path(told)] == folders[:1]
        assert made.parent.parent == parent
        assert made.parent.stat().st_mode & 0o077 == 0
        assert len(short_parent()) <= 70
    assert list(parent.iterdir()) == []
    assert not any(folder.exists() for folder in folders)
    assert (os.environ["TMPDIR"], tempfile.gettempdir()) == (str(parent), str(parent))


def test_the_next_start_removes_what_a_killed_run_left_and_nothing_of_a_living_one(parent: Path) -> None:
    killed, left = a_run()
    killed.kill()
    end(killed)
    living, beside = a_run()
    assert not left.is_running() or left.status() == psutil.STATUS_ZOMBIE
    (folder,) = parent.glob("opslib-*")
    assert [path.read_text(encoding="utf-8") for path in folder.rglob("0.raw")] == ["jane@example.com"]
    strangers = parent / "opslib-of-somebody"
    strangers.mkdir()
    assert remove_left_folders(parent) == []
    end(living)
    assert [path.name for path in parent.iterdir()] == [strangers.name]
    deadline = time.monotonic() + 5
    while beside.is_running() and beside.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "what a run has started ends with it too"
        time.sleep(0.01)


def test_where_there_can_be_no_such_folder_the_run_goes_on(parent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **settings: object) -> str:
        raise PermissionError(13, "Permission denied", str(parent))

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    with temporary_folder() as folders:
        assert folders == []
        assert tempfile.gettempdir() == str(parent)
