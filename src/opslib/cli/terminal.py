"""What the command line says, and what its exit status means.

What is said may hold words of files: names, headers, labels. None of them is markup or moves the cursor.
"""

from __future__ import annotations

import errno
import os
import re
import sys
import traceback
from collections.abc import Iterable
from contextlib import suppress
from enum import IntEnum
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

# Controls but for the end of a line, and marks that turn the direction of writing: none of them takes a place.
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_LONGEST_WORD = 300
_LONG_WORD = re.compile(rf"\S{{{_LONGEST_WORD + 1},}}")
_HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")


class Terminal(Console):
    """A console on which a text is text: what would steer the terminal is left out."""

    def __init__(self, **options: Any) -> None:
        if os.environ.get("COLUMNS") == "0":
            options["width"] = 80
        super().__init__(highlight=False, soft_wrap=True, markup=False, emoji=False, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(shown(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Work on unheard: who reads `| head -1` has read enough, which is no reason to leave reports half made."""
        self.quiet = True
        unheard = os.open(os.devnull, os.O_WRONLY)
        os.dup2(unheard, self.file.fileno())
        os.close(unheard)


class Exit(IntEnum):
    """What the exit status says; where several would, the first of 2, 1 and 3."""

    DONE = 0
    REPORT_FAILED = 1
    BAD_INPUT = 2
    BLOCKED_BY_THE_GATE = 3


console = Terminal()


def say(step: str, line: str) -> None:
    """One line of what a step did."""
    console.print(f"{step:<8} ", style="bold", end="")
    console.print(line)


def say_error(message: object) -> None:
    """What a user can mend, in one message on the standard error."""
    text = _LONG_WORD.sub(lambda word: f"{word[0][:_LONGEST_WORD]}…", str(message))
    # where nothing can be written, the exit status has to do
    with suppress(OSError):
        Terminal(stderr=True).print(f"opslib: {text}", style="red")


def fault_in_words(error: BaseException) -> str | None:
    """What the environment did not allow (rights, space, memory, a wrong kind of path), or which engine failed where.

    What an engine says of a value quotes it, and is left out. None of other faults.
    """
    if isinstance(error, OSError):
        place = f"{_shown_path(error.filename)}: " if isinstance(error.filename, str) else ""
        if str(error.strerror).startswith("No usable temporary directory"):
            return "there is no folder for temporary files that can be written; name one by TMPDIR"
        return f"{place}{(error.strerror or str(error)).lower()}{_REMEDIES.get(error.errno or 0, '')}"
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    pools = sys.modules.get("concurrent.futures.process")
    if pools is not None and isinstance(error, pools.BrokenProcessPool):
        return "a process of the run was ended from outside, as where memory runs out; run again with fewer --jobs"
    if isinstance(error, RuntimeError) and str(error).startswith("can't start new thread"):
        return f"no more threads can be started{_PROCESSES}"
    duckdb = sys.modules.get("duckdb")
    if duckdb is not None and isinstance(error, duckdb.IOException | duckdb.OutOfMemoryException):
        words = " ".join(str(error).split())
        return f"{words}{_FILES}" if os.strerror(errno.EMFILE) in words else words
    engines = [duckdb.Error] if duckdb is not None else []
    engines += [pyarrow.ArrowException] if (pyarrow := sys.modules.get("pyarrow")) is not None else []
    if isinstance(error, tuple(engines)):
        return (
            f"{type(error).__name__} in {_place_of(error)}: this is a fault of opslib, please report it. What the "
            "engine says may quote values of the exports and is not shown"
        )
    return None


def _shown_path(path: str) -> str:
    """A path, the name of its file without personal data."""
    if not _MAY_NAME_SOMEBODY.search(path):
        # An environment that fails may also fail to import anything.
        return path
    from opslib.intake.disclosure import shown_name

    return str(Path(path).parent / shown_name(Path(path)))


def _place_of(error: BaseException) -> str:
    """The last line of opslib that an error went through."""
    steps = [step for step in traceback.extract_tb(error.__traceback__) if "opslib" in Path(step.filename).parts]
    return f"{Path(steps[-1].filename).name}, line {steps[-1].lineno}" if steps else "an engine"


_MAY_NAME_SOMEBODY = re.compile(r"@|(?:[0-9][^0-9/]?){7}")
_RIGHTS = "; give this user the right to read and write there, or name another folder"
_ROOM = "; make room, then run again: what is half done is made anew"
_FILES = "; allow more open files (`ulimit -n`), or use fewer --jobs"
_PROCESSES = "; allow more processes (`ulimit -u`), or use fewer --jobs"
_REMEDIES = {
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: _RIGHTS,
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EFBIG: "; allow larger files (`ulimit -f`)",
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    errno.EAGAIN: _PROCESSES,
    errno.ENOTDIR: "; a folder of the path is a file",
    errno.EEXIST: "; a file is there where a folder is needed",
    errno.EISDIR: "; a folder is there where a file is needed",
}


def shown(text: str) -> str:
    """A text without what would steer a terminal.

    >>> shown("us-general\\x1b[2J")
    'us-general[2J'
    """
    return _HALF_A_CHARACTER.sub("�", _CONTROL.sub("", text))


def hold_standard_streams() -> None:
    """Open what is closed of the standard streams on nothing: else the next file that is opened gets their number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def take_any_text() -> None:
    """Let what the locale cannot write be shown by its number, where it would end the run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
