"""Ctrl-C for a process that a test starts, however the tests themselves were started."""

from __future__ import annotations

import signal


def hear_ctrl_c() -> None:
    """Run in the child before its program: a shell that starts the tests in the background has them ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
