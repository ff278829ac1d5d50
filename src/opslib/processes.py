"""The processes of a run: none of them outlives what it works for."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing.process import BaseProcess

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_IMPORTED_IN = os.getpid()
"""This process, or the one that it was forked from."""
_SECONDS_TO_DIE = 2.0
_PROC = Path("/proc")


def end_with_parent() -> None:
    """Have this process killed as soon as the one that forked or started it is gone, by whatever that died.

    Notes:
        Linux does it (PR_SET_PDEATHSIG). Elsewhere a thread watches what `multiprocessing` calls the parent.
    """
    from multiprocessing import parent_process

    starter = parent_process()
    if not _control(_PR_SET_PDEATHSIG, signal.SIGKILL) and starter is not None:
        Thread(target=_follow, args=(starter,), daemon=True).start()
    # either may have died before
    has_lost_forker = os.getpid() != _IMPORTED_IN and os.getppid() != _IMPORTED_IN
    if has_lost_forker or (starter is not None and not starter.is_alive()):
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of what is left of this process's descendants, however they were started, where Linux can."""
    _control(_PR_SET_CHILD_SUBREAPER, 1)


def end_orphans(own: Collection[int]) -> None:
    """End all children of this process but its own, and then the children that these leave to it, until none is left.

    Args:
        own: the process ids of children that live on.
    """
    deadline = time.monotonic() + _SECONDS_TO_DIE
    while time.monotonic() < deadline:
        orphans = [pid for pid, parent in _parents() if parent == os.getpid() and pid not in own]
        if not orphans:
            return
        for pid in orphans:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        for pid in orphans:
            with suppress(ChildProcessError):
                while os.waitpid(pid, os.WNOHANG) == (0, 0) and time.monotonic() < deadline:
                    time.sleep(0.001)


@contextmanager
def ending_with_descendants() -> Iterator[None]:
    """Take in, while the block runs, what descendants leave behind in sessions of their own, and end it with the block.

    Notes:
        Children that were there before, or that stand in this process's session, are left alone.
    """
    adopt_orphans()
    before = {pid for pid, parent in _parents() if parent == os.getpid()}
    try:
        yield
    finally:
        end_orphans(own={*before, *(pid for pid, parent in _parents() if parent == os.getpid() and _is_near(pid))})


def end_processes_with(variable: str, value: str) -> None:
    """End every process that was started with a value of an environment variable, but this one and its children.

    Args:
        variable: its name.
        value: one that no other process has.
    """
    mark = f"{variable}={value}".encode()
    for pid, parent in _parents():
        if os.getpid() not in (pid, parent) and _is_marked(pid, mark):
            with suppress(OSError):
                watch = os.pidfd_open(pid)
                try:
                    # the number may be another's by now
                    if _is_marked(pid, mark):
                        signal.pidfd_send_signal(watch, signal.SIGKILL)
                finally:
                    os.close(watch)


@contextmanager
def workers_beside(number: int) -> Iterator[ProcessPoolExecutor | None]:
    """Processes that work for this one; they end with the block, at once where it ends by an exception.

    Args:
        number: how many, at least 1.

    Yields:
        The processes; None where there is no shared memory (/dev/shm) by which to talk to them.
    """
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import active_children, get_context

    others = set(active_children())
    try:
        pool = ProcessPoolExecutor(number, mp_context=get_context("spawn"), initializer=_begin)
    except OSError:
        yield None
        return
    try:
        yield pool
        pool.shutdown()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        end_children(set(active_children()) - others, seconds=0.0)
        raise


def end_children(children: Collection[BaseProcess], *, seconds: float) -> None:
    """Ask processes of `multiprocessing` to end, and kill those that have not after some seconds."""
    for child in children:
        child.terminate()
    deadline = time.monotonic() + seconds
    for child in children:
        child.join(max(0.0, deadline - time.monotonic()))
        if child.is_alive():
            child.kill()
            child.join()


def _begin() -> None:
    # Ctrl-C is heard by the process that they work for
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def _control(option: int, value: int) -> bool:
    """Whether Linux sets an attribute of this process."""
    return sys.platform == "linux" and bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)


def _follow(starter: BaseProcess) -> None:
    starter.join()
    os._exit(1)


def _parents() -> Iterator[tuple[int, int]]:
    """The process ids that can be seen here, each with its parent's; none where there is no /proc."""
    for name in os.listdir(_PROC) if _PROC.is_dir() else ():
        if name.isdecimal():
            with suppress(OSError, ValueError, IndexError):
                # the name of a program stands in parentheses and may hold any character
                state = (_PROC / name / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
                yield int(name), int(state.split()[1])


def _is_near(pid: int) -> bool:
    """Whether a process stands in the session of this one."""
    try:
        return os.getsid(pid) == os.getsid(0)
    except OSError:
        return False


def _is_marked(pid: int, mark: bytes) -> bool:
    try:
        return mark in (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
