"""`opslib …` as a user calls it: in a process of its own, or in this one where only status and messages are read."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from opslib.cli import main

ROOT = Path(__file__).parents[1]
SETTINGS = [
    *("--params", str(ROOT / "params")),
    *("--notebooks", str(ROOT / "notebooks")),
    *("--expectations", str(ROOT / "expectations")),
]


@dataclass(frozen=True)
class Answer:
    """What a command left behind: its exit status and what it wrote."""

    status: int
    out: str
    err: str


def in_a_process(folder: Path, *arguments: str) -> Answer:
    """The installed command, in a folder."""
    command = [str(Path(sys.executable).with_name("opslib")), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
    return Answer(done.returncode, done.stdout, done.stderr)


def in_this_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str
) -> Answer:
    """The command's entry point, in a folder: a Python more would prove nothing more of a status or a message."""
    with monkeypatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["opslib", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
    out, err = capsys.readouterr()
    assert isinstance(end.value.code, int)
    return Answer(end.value.code, out, err)
