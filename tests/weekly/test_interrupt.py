from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.weekly.ctrl_c import hear_ctrl_c
from tests.weekly.weekly_notebooks import write_notebook

SCRIPT = """
import sys
from pathlib import Path
from opslib.weekly.plan import Job
from opslib.weekly.render import run
from tests.weekly.weekly_notebooks import edition

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    run([Job("team/slow", "2026-W46", "us-general")], notebooks=folder, reports=folder / "reports", edition=edition(),
        parameters={}, blocked={}, workers=1, on_event=lambda event: None)
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.fixture
def sockets(tmp_path: Path) -> Path:
    folder = tmp_path / "t"
    folder.mkdir()
    return folder


def a_run(tmp_path: Path, sockets: Path, cell: str = "") -> tuple[subprocess.Popen[str], int]:
    """A run whose only notebook waits for a while, and its kernel."""
    mark = tmp_path / "kernel.pid"
    slow = (
        f"import os, pathlib, time\n{cell}\npathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\ntime.sleep(120)"
    )
    write_notebook(tmp_path / "team/slow.ipynb", slow)
    script = tmp_path / "go.py"
    script.write_text(SCRIPT)
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(root), "TMPDIR": str(sockets) if len(str(sockets)) < 45 else "/tmp"},
        start_new_session=True,
        preexec_fn=hear_ctrl_c,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (mark.exists() and mark.read_text()):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "the kernel did not start"
        time.sleep(0.1)
    return process, int(mark.read_text())


def processes_that_read(folder: Path) -> list[int]:
    """Those that were started with a folder as that of temporary files."""
    mark = f"TMPDIR={folder}".encode()
    pids = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark in path.read_bytes().split(b"\0") and alive(int(path.parent.name)):
                pids.append(int(path.parent.name))
    return pids


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_no_process_outlives_a_run_that_was_killed_and_none_writes_a_page(tmp_path: Path) -> None:
    """Neither workers, fork servers and kernels, nor what a cell has started in a session of its own."""
    # a run of this length would have its sockets elsewhere
    sockets = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        cell = "import subprocess\nsubprocess.Popen('setsid sleep 90 & setsid setsid sleep 90', shell=True)\n"
        cell += "if os.fork() == 0:\n    os.setsid()\n    time.sleep(90)"
        process, kernel = a_run(tmp_path, sockets, cell)
        assert {kernel, process.pid} < set(processes_that_read(sockets))
        assert len(processes_that_read(sockets)) >= 8
        process.kill()
        process.wait()
        deadline = time.monotonic() + 10
        while left := processes_that_read(sockets):
            assert time.monotonic() < deadline, left
            time.sleep(0.05)
        assert not list((tmp_path / "reports").rglob("*"))
    finally:
        shutil.rmtree(sockets)


@pytest.mark.skipif(os.name != "posix", reason="signals of a terminal are sent as POSIX has them")
def test_ctrl_c_leaves_no_page_no_kernel_and_no_socket(tmp_path: Path, sockets: Path) -> None:
    process, kernel = a_run(tmp_path, sockets)
    os.killpg(process.pid, signal.SIGINT)
    started = time.monotonic()
    process.wait(timeout=20)
    stopped_after = time.monotonic() - started
    while alive(kernel) and time.monotonic() - started < 10:
        time.sleep(0.1)
    assert not alive(kernel)
    assert not list((tmp_path / "reports").rglob("*"))
    assert not list(sockets.rglob("*"))
    assert stopped_after < 6
