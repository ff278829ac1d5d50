"""How much a notebook may show: an IPython extension that counts in the kernel, before anything is sent or kept.

A page that is too large for a browser helps nobody, and what makes it takes the memory of the machine on its way. The
cell that shows more than the limits allow fails, and what it has yet to say is left out.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from opslib.locales import whole

LIMITS = "OPSLIB_OUTPUT"
"""The variable that holds the limits: megabytes and number of outputs, as `20 500`."""

_LONGEST_ERROR = 20_000


class OutputLimitError(Exception):
    """A notebook shows more than it may."""


class Meter:
    """What a notebook has shown so far.

    Args:
        megabytes: that all its outputs may have together.
        outputs: figures, tables and values that it may show.
    """

    def __init__(self, megabytes: int, outputs: int) -> None:
        self.fault: OutputLimitError | None = None
        self._megabytes, self._outputs = megabytes, outputs
        self._bytes = self._shown = 0
        self._lock = threading.Lock()

    def add(self, number: int, *, outputs: int = 0) -> None:
        """Count before anything is shown.

        Raises:
            OutputLimitError: it is too much; so is all that comes after it.
        """
        with self._lock:
            self._bytes += number
            self._shown += outputs
            if self.fault is None and self._bytes > self._megabytes * 1_000_000:
                self.fault = _fault(f"{whole(self._megabytes)} MB", "output_megabytes")
            elif self.fault is None and self._shown > self._outputs:
                self.fault = _fault(f"{whole(self._outputs)} figures, tables and values", "outputs")
            if self.fault is not None:
                raise self.fault


def load_ipython_extension(shell: Any) -> None:
    """Count what a kernel's shell shows, where the environment names limits."""
    if LIMITS not in os.environ:
        return
    meter = Meter(*map(int, os.environ[LIMITS].split()))
    for stream in (sys.stdout, sys.stderr):
        stream.write = _counted(stream, meter)  # type: ignore[method-assign]
        _keep_off_the_terminal(stream)
    publish, write_value, show_error = (
        shell.display_pub.publish,
        shell.displayhook.write_format_data,
        shell._showtraceback,
    )

    def publish_counted(data: dict[str, Any], *others: Any, **settings: Any) -> Any:
        meter.add(_size(data), outputs=1)
        return publish(data, *others, **settings)

    def write_counted(data: dict[str, Any], *others: Any) -> Any:
        meter.add(_size(data), outputs=1)
        return write_value(data, *others)

    def show_short(kind: type[BaseException], error: BaseException, lines: list[str]) -> None:
        text = str(error)
        if len(text) > _LONGEST_ERROR:
            error = RuntimeError(f"{text[:_LONGEST_ERROR]} … and {whole(len(text) - _LONGEST_ERROR)} characters more")
        show_error(kind, error, [line[-_LONGEST_ERROR:] for line in lines])

    def name_the_limit(shell: Any, kind: type[BaseException], error: BaseException, trace: Any, **_: Any) -> None:
        """An interrupt that came of the limit is told as what it is."""
        if meter.fault is not None:
            kind, error = type(meter.fault), meter.fault
        shell.showtraceback((kind, error, trace))
        told.append(error)

    def tell() -> None:
        """Where a cell went on after it had shown too much, it fails at its end."""
        if meter.fault is not None and meter.fault not in told:
            shell.showtraceback((type(meter.fault), meter.fault, None))
            told.append(meter.fault)

    told: list[BaseException] = []
    shell.display_pub.publish, shell.displayhook.write_format_data = publish_counted, write_counted
    shell._showtraceback = show_short
    shell.set_custom_exc((OutputLimitError, KeyboardInterrupt), name_the_limit)
    shell.events.register("post_run_cell", lambda result: tell())


def _counted(stream: Any, meter: Meter) -> Callable[[str], int]:
    write = stream.write
    interrupted = threading.Event()

    def write_counted(text: str) -> int:
        try:
            meter.add(len(text))
        except OutputLimitError:
            if threading.current_thread() is not getattr(stream, "watch_fd_thread", None):
                raise
            # a program that the cell has started writes it
            if not interrupted.is_set():
                interrupted.set()
                _interrupt()
            return len(text)
        return int(write(text))

    return write_counted


def _interrupt() -> None:
    """Interrupt the cell and what it has started."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGINT)
    else:
        os.kill(os.getpid(), signal.SIGINT)


def _keep_off_the_terminal(stream: Any) -> None:
    """Have what programs write go to the page alone: the terminal of a run shows no contents of tickets."""
    terminal = getattr(stream, "_original_stdstream_copy", None)
    if terminal is not None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, terminal)
        os.close(nowhere)


def _size(data: dict[str, Any]) -> int:
    return sum(
        len(value) if isinstance(value, str | bytes) else len(json.dumps(value, default=str)) for value in data.values()
    )


def _fault(most: str, limit: str) -> OutputLimitError:
    return OutputLimitError(
        f"the notebook shows more than {most}: show less of it, or raise `limits.notebooks.{limit}` in params"
    )
