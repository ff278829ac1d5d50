"""No word of a file is markup or a control sequence on the terminal, and what the environment refuses is one line."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from rich.table import Table
from rich.text import Text

from opslib.cli import terminal
from opslib.cli.terminal import Terminal, fault_in_words
from tests.command_line import ROOT, in_this_process

ODD = [
    "[/b]created",
    "[link=https://example.com]click[/link]",
    ":smiley:",
    "cre\x1b[2J\x1b]0;pwned\x07ated",
    "\x1b]8;;https://example.com\x1b\\click\x1b]8;;\x1b\\",
    "status\x9b31m",
    "back\rward\x08s",
    "user\u202egnp.exe",
    "na\udce4me",
]


@pytest.mark.parametrize("text", ODD)
def test_a_word_of_a_file_is_shown_as_text_wherever_it_stands(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    console = Terminal(file=stream, force_terminal=True, width=200, color_system=None)
    monkeypatch.setattr(terminal, "console", console)
    table = Table(title=text)
    table.add_column(text)
    table.add_row(text)
    terminal.say("gate", text)
    console.print(table)
    console.print(Text(text))
    console.print(text)
    shown = stream.getvalue()
    assert not {character for character in shown if not character.isprintable()} - {"\n"}
    letters = "".join(character for character in text if character.isalnum() and character.isascii())
    plain = "".join(character for character in shown if character.isalnum() and character.isascii())
    assert plain.count(letters) >= 5, "nothing that can be read is lost"


def test_an_error_shows_the_header_of_a_file_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tickets.csv"
    path.write_text("ticket_id,[/b]cre\x1b[2Jated,status,team\n1,2026-11-10T10:00:00Z,open,us-general\n")
    params = ["--params", str(ROOT / "params")]
    command = ("sources", "check", "standard", str(path), *params)
    answer = in_this_process(monkeypatch, capsys, tmp_path, *command)
    assert "1 that no mapping names (column 2)" in answer.out
    assert "[/b]cre" not in answer.out
    answer = in_this_process(monkeypatch, capsys, tmp_path, *command, "--show-values")
    assert answer.status == 2
    assert "it is for who may see the files, and not to be passed on" in answer.out
    assert "[/b]cre" in answer.out
    assert "\x1b" not in answer.out + answer.err


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "wh/.lock"), "wh/.lock: permission denied; give this user"),
        (OSError(errno.ENOSPC, "No space left on device"), "no space left on device; make room"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "r/2026-W46"), "r/2026-W46: not a directory; a folder"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", 4), "is a directory"),
        (OSError("a disk that is gone"), "a disk that is gone"),
        (OSError(errno.EMFILE, "Too many open files", "a"), "a: too many open files; allow more open files (`ulimit"),
        (OSError(errno.EFBIG, "File too large"), "file too large; allow larger files"),
        (BlockingIOError(errno.EAGAIN, "Try again"), "try again; allow more processes"),
        (RuntimeError("can't start new thread"), "no more threads can be started; allow more processes"),
        (BrokenProcessPool("A process ended"), "a process of the run was ended from outside, as where memory runs out"),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"), "there is no folder for"),
        (duckdb.IOException("IO Error: Cannot open file: Too many open files"), "IO Error: Cannot open file: Too many"),
        (MemoryError(), "there is not enough memory"),
        (duckdb.IOException("IO Error: Could not write\nfile"), "IO Error: Could not write file"),
        (PermissionError(errno.EACCES, "Permission denied", "e/jane@example.com.csv"), "e/[email].csv: permission"),
        (duckdb.ConversionException("Could not convert jane@example.com"), "ConversionException in an engine: this is"),
        (pa.ArrowInvalid("Could not convert 'Jane Doe'"), "ArrowInvalid in an engine: this is a fault of opslib"),
        (ValueError("a fault of opslib"), None),
    ],
)
def test_what_the_environment_refuses_is_said_with_what_to_do(fault: Exception, words: str | None) -> None:
    told = fault_in_words(fault)
    assert told is None if words is None else told is not None and told.startswith(words) and "\n" not in told


def test_an_output_that_cannot_write_a_letter_shows_its_number(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with path.open("w", encoding="ascii") as stream, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", stream)
        terminal.take_any_text()
        print("Zürich")
    assert path.read_text() == "Z\\xfcrich\n"


@pytest.mark.skipif(os.name != "posix", reason="a file where a folder is needed is another error elsewhere")
def test_a_warehouse_that_is_a_file_ends_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "tickets.csv").write_text("ticket_id,created_at,status,team\n")
    (tmp_path / "wh").write_text("a file")
    options = ["--exports", "exports", "--params", str(ROOT / "params"), "--warehouse", "wh", "--reports", "r"]
    answer = in_this_process(monkeypatch, capsys, tmp_path, "gate", *options)
    assert (answer.status, answer.err.count("\n")) == (2, 1)
    assert answer.err.startswith("opslib: wh: file exists")


@pytest.mark.skipif(os.name != "posix", reason="descriptors as POSIX has them")
def test_a_closed_or_narrow_output_and_a_folder_that_is_gone_end_in_no_traceback(tmp_path: Path) -> None:
    """One run of the command each: nobody reads, nothing is open, no folder is there, an argument fills a screen."""
    opslib = str(Path(sys.executable).with_name("opslib"))
    params = ROOT / "params"
    cases = {
        f"{opslib} metrics | head -1; exit ${{PIPESTATUS[0]}}": (0, ""),
        f"{opslib} sources list --params {params} <&- >&- 2>&-": (0, ""),
        "mkdir gone && cd gone && rmdir ../gone && " + f"{opslib} sources list --params {params}": (
            2,
            "opslib: the folder in which this was started is gone",
        ),
        f"COLUMNS=1 TERM= {opslib} sources check {'9' * 5_000} nowhere --params {params}": (2, "opslib: "),
        f"{opslib} sources list --params {params} > /dev/full": (2, "opslib: no space left on device; make room"),
    }
    for command, (status, words) in cases.items():
        done = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        )
        assert (done.returncode, done.stderr[: len(words)]) == (status, words), command
        assert "Traceback" not in done.stderr
        assert len(done.stderr) < 1_000
