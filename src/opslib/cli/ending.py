"""How a command ends that somebody ends: with its temporary files gone, and in one line."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from types import FrameType

_SECONDS_TO_LEAVE = 5.0
_BY_DEFAULT = (signal.SIG_DFL, signal.default_int_handler)


class Ending:
    """Whether this process was asked to end, and by which signal."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self.over = Event()

    @property
    def status(self) -> int:
        """The exit status, as a shell has it of a process that a signal ended."""
        return 128 + (self.signal or 0)

    def hear(self, number: int, frame: FrameType | None) -> None:
        """Leave by an exception, once: what ends on the way is not interrupted again."""
        if self.signal is None:
            self.signal = signal.Signals(number)
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(self.status)


@contextmanager
def heard_signals(remove: Callable[[], object]) -> Iterator[Ending]:
    """Hear Ctrl-C, SIGTERM and SIGHUP while the block runs, unless they are ignored, as SIGHUP is under nohup.

    Args:
        remove: called before this process ends without its block, which may be at work in a library that hears nothing.

    Yields:
        What was heard; the first signal raises KeyboardInterrupt or SystemExit in the block.
    """
    ending = Ending()
    numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.getsignal(number) for number in numbers}
    heard = [number for number in numbers if before[number] in _BY_DEFAULT]
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    woken = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in heard:
        signal.signal(number, ending.hear)
    Thread(target=_watch, args=(reading, frozenset(heard), ending, remove), daemon=True).start()
    try:
        yield ending
    finally:
        ending.over.set()
        for number in heard:
            signal.signal(number, before[number])
        signal.set_wakeup_fd(woken)
        os.close(writing)


def _watch(reading: int, numbers: frozenset[int], ending: Ending, remove: Callable[[], object]) -> None:
    """End the process where the block has not ended some seconds after a signal."""
    with os.fdopen(reading, "rb", buffering=0) as stream:
        while number := stream.read(1):
            if number[0] in numbers and not ending.over.wait(_SECONDS_TO_LEAVE):
                remove()
                os._exit(128 + number[0])
