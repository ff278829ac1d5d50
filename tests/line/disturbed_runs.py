"""Runs that are killed or find damage: each in a process of its own, and what they leave behind."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from opslib.intake.privacy.key import KEY_FILE
from tests.line.conftest import ROOT

# The imports of a run take several times as long as its work on a small sample. A server that has done them forks the
# runs, so that the moments fall into the work.
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    [
        "opslib.weekly.run",
        "opslib.weekly.numbers.values",
        "opslib.weekly.numbers.signals",
        "opslib.cli",
        "great_expectations",
        "duckdb",
        "ibis.backends.duckdb",
    ]
)


def in_a_process(command: tuple[str, ...], exports: Path, expectations: Path, data: Path, output: Path) -> None:
    """`opslib facts` or another command, with its temporary files beside its warehouse."""
    from opslib.cli import main

    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))
    temporary = data / TEMPORARY
    temporary.mkdir(exist_ok=True)
    os.environ["TMPDIR"] = str(temporary)
    tempfile.tempdir = None
    settings = ["--params", ROOT / "params", "--expectations", expectations, "--reports", data / "reports"]
    sys.argv = [
        "opslib",
        *command,
        "--exports",
        str(exports),
        "--warehouse",
        str(data / "warehouse"),
        *map(str, settings),
    ]
    main()


TEMPORARY = "tmp"
"""The folder, beside the warehouse, in which a run writes what it needs for a while."""


@dataclass
class Runs:
    """Runs over the same exports, each warehouse with the same key of the pseudonyms."""

    exports: Path
    expectations: Path
    key: Path
    command: tuple[str, ...] = ("facts",)

    def fresh(self, data: Path) -> Path:
        shutil.rmtree(data, ignore_errors=True)
        (data / "warehouse").mkdir(parents=True)
        shutil.copy(self.key, data / "warehouse" / KEY_FILE)
        return data

    def start(self, data: Path) -> multiprocessing.process.BaseProcess:
        output = data / "log.txt"
        run = SERVER.Process(target=in_a_process, args=(self.command, self.exports, self.expectations, data, output))
        run.start()
        return run

    def whole(self, data: Path) -> float:
        """Seconds of a run that nobody disturbs."""
        started = time.perf_counter()
        run = self.start(data)
        run.join(300)
        assert run.exitcode == 0, log_of(data)
        return time.perf_counter() - started

    def killed(self, data: Path, after: float) -> bool:
        """Kill a run after so many seconds; False where it has ended before."""
        run = self.start(data)
        run.join(after)
        if run.exitcode is None:
            assert run.pid is not None
            os.kill(run.pid, signal.SIGKILL)
            run.join(30)
        assert run.exitcode in (0, -signal.SIGKILL), log_of(data)
        return run.exitcode != 0


_GENERATION = re.compile(r"(?<=manifest\.json/)\d{6}-[0-9a-f]{64}$")
"""Of a manifest: its name tells its bytes, and with them when it was made, and how often it was made before."""
_WHEN = re.compile(
    rb"<dd>\w{3} \w+ \d+, \d{4}, [\d:]+ [ap]m \w+</dd>"
    rb'|<span class="pill status-\w+">\w+</span>(?: \d+)?'
    rb'|"(?:made_at|seconds|reports|page|sha256|files|status)": ?(?:"[^"]*"|[\d.]+)'
)


def log_of(data: Path) -> str:
    return (data / "log.txt").read_text() if (data / "log.txt").exists() else "the log is empty"


def content(data: Path) -> dict[str, str]:
    """SHA-256 of every file of warehouse, reports and temporary folder: what a kill left lying about counts too."""
    files = [path for name in ("warehouse", "reports", TEMPORARY) for path in (data / name).rglob("*")]
    return {
        _GENERATION.sub("…", str(path.relative_to(data))): hashlib.sha256(bytes_of(path, data)).hexdigest()
        for path in sorted(files)
        if path.is_file() and path.name != ".lock"
    }


def left_processes(data: Path) -> list[str]:
    """What still runs with the temporary folder of a run or writes into one of its files."""
    left = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            environment = (process / "environ").read_bytes()
            opened = [os.readlink(each) for each in (process / "fd").iterdir()]
            if f"TMPDIR={data / TEMPORARY}".encode() in environment or any(
                name.startswith(f"{data}/") for name in opened
            ):
                left.append(f"{process.name} {(process / 'cmdline').read_bytes().decode(errors='replace')[:80]}")
    return left


def bytes_of(path: Path, data: Path) -> bytes:
    """The bytes of a file, without the times at which it, or what it knows of, was made."""
    content = path.read_bytes()
    name = path.relative_to(data)
    if name.parts[:2] == ("warehouse", "memo") or (name.parts[:2] == ("reports", ".runs") and path.suffix == ".json"):
        content = _memo_without_times(content)
    return _WHEN.sub(b"", content) if name.parts[0] == "reports" else content


def _memo_without_times(content: bytes) -> bytes:
    entries = json.loads(content).get("results")
    if entries is None:
        return content
    made = {name: {file: size for file, (size, _) in entry["made"].items()} for name, entry in entries.items()}
    return json.dumps({name: entry | {"made": made[name]} for name, entry in entries.items()}).encode()


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _replace_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut": _cut,
    "emptied": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(b"\x00\xff\xfe garbage \x1b[2J"),
    "another type": lambda path: path.write_text("[1, {}]"),
    "a folder": _replace_by_a_folder,
    "gone": Path.unlink,
}
"""What a crash, a full disk or a hand leaves behind of a file."""


def kinds_of_files(folder: Path) -> dict[str, Path]:
    """One file of each kind in a warehouse or reports, by the name of the kind; paths are relative to the folder."""
    kinds: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != ".lock":
            relative = path.relative_to(folder)
            # Weeks, digests, numbers, the names of standard tables and of lists of tickets differ within a kind.
            name = re.sub(r"[0-9a-f]{20,}(-\d+)?", "…", re.sub(r"\d{4}-W\d\d|\d{6}(?=-)", "…", relative.as_posix()))
            name = re.sub(r"^(standard|staged/…|quarantine)/[a-z_]+(?=[./])", r"\1/…", name)
            name = re.sub(r"(?<=/lists/)[a-z0-9_]+(?=\.)", "…", name)
            kinds[name] = relative
    return kinds


def differences(right: dict[str, str], now: dict[str, str]) -> list[str]:
    """The files that are missing, too many or of other bytes."""
    return sorted(name for name in right.keys() | now.keys() if right.get(name) != now.get(name))
