"""No process outlives the one that it works for, by whatever that ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil
import pytest

from opslib.processes import workers_beside

SCRIPT = """
import os, signal, time
from opslib.processes import workers_beside
if __name__ == "__main__":
    with workers_beside(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(time.sleep, 60)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def wait_for_the_end(pid: int, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, f"process {pid} lives on"
        time.sleep(0.02)


def test_workers_end_with_a_process_that_was_killed(tmp_path) -> None:
    script = tmp_path / "go.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode < 0
    wait_for_the_end(int(done.stdout))


def test_workers_end_at_once_where_their_block_ends_by_an_exception() -> None:
    pids: list[int] = []

    def work() -> None:
        with workers_beside(1) as pool:
            assert pool is not None
            pids.append(pool.submit(os.getpid).result())
            pool.submit(time.sleep, 60)
            raise ValueError("no more")

    started = time.monotonic()
    with pytest.raises(ValueError, match="no more"):
        work()
    wait_for_the_end(pids[0])
    assert time.monotonic() - started < 30
