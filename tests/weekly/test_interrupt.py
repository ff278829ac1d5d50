from __future__ import annotations

import os
import signal
import subprocess
import sys
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


@pytest.mark.skipif(os.name != "posix", reason="signals of a terminal are sent as POSIX has them")
def test_ctrl_c_leaves_no_page_no_kernel_and_no_socket(tmp_path: Path) -> None:
    mark = tmp_path / "kernel.pid"
    slow = f"import os, pathlib, time\npathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\ntime.sleep(120)"
    write_notebook(tmp_path / "team/slow.ipynb", slow)
    script = tmp_path / "go.py"
    script.write_text(SCRIPT)
    sockets = tmp_path / "t"
    sockets.mkdir()
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
    os.killpg(process.pid, signal.SIGINT)
    started = time.monotonic()
    process.wait(timeout=20)
    stopped_after = time.monotonic() - started
    kernel = int(mark.read_text())
    while alive(kernel) and time.monotonic() - started < 10:
        time.sleep(0.1)
    assert not alive(kernel)
    assert not list((tmp_path / "reports").rglob("*"))
    assert not list(sockets.rglob("*"))
    assert stopped_after < 6
