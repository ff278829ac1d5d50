"""A command that is ended says so in a line, and leaves no text of the exports behind."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command_line import ROOT

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")

STUBBORN = """
import signal, sys, time
from opslib.cli import ending
ending._SECONDS_TO_LEAVE = 0.1
for ignored in sys.argv[1:]:
    signal.signal(getattr(signal, ignored), signal.SIG_IGN)
with ending.heard_signals(lambda: print("removed", flush=True)) as heard:
    print("ready", flush=True)
    try:
        time.sleep(60)
    except SystemExit:
        print(heard.signal.name, heard.status, flush=True)
        time.sleep(60)
"""


def test_what_does_not_hear_a_signal_is_ended_after_some_seconds_without_its_files() -> None:
    process = subprocess.Popen([sys.executable, "-c", STUBBORN, "SIGHUP"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGHUP)  # ignored, as under nohup
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.stdout.read() == "SIGTERM 143\nremoved\n"
    assert process.wait(10) == 128 + signal.SIGTERM


def test_nothing_of_an_export_stays_when_its_reading_is_ended_or_killed(tmp_path: Path) -> None:
    """Killed, it stays until the next command starts, whichever that is."""
    export, temporary = tmp_path / "tickets.csv.gz", tmp_path / "t"
    temporary.mkdir()
    row = "1,2026-11-10T10:00:00Z,open,us-general,canary jane@example.com\n"
    with gzip.open(export, "wt", compresslevel=1) as stream:
        stream.write("ticket_id,created_at,status,team,description\n" + row * 1_500_000)
    opslib = str(Path(sys.executable).with_name("opslib"))
    params = ["--params", str(ROOT / "params")]
    environment = {**os.environ, "TMPDIR": str(temporary)}

    def begin() -> subprocess.Popen[str]:
        command = [opslib, "sources", "check", "standard", str(export), *params]
        reading = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size for path in temporary.rglob("*.raw")):
            assert reading.poll() is None, "read before it could be ended"
            assert time.monotonic() < deadline
            time.sleep(0.005)
        return reading

    ended = begin()
    ended.terminate()
    assert ended.stderr is not None
    # the line is missing where a library has not let the command hear the signal in time
    assert ended.stderr.read() in ("", "opslib: ended by SIGTERM; what is half done is made anew by the next run\n")
    assert ended.wait(30) == 128 + signal.SIGTERM
    assert list(temporary.iterdir()) == []

    killed = begin()
    killed.kill()
    killed.communicate()
    assert list(temporary.rglob("*.raw"))
    subprocess.run([opslib, "sources", "list", *params], env=environment, stdout=subprocess.DEVNULL, check=True)
    assert list(temporary.iterdir()) == []
