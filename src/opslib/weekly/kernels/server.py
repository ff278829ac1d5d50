"""The fork server: a process that has imported what notebooks import, and forks itself for each kernel asked for.

It is started by `client.ForkServer` with a listening socket, and never by hand. A process is safe to fork only while it
has one thread, so nothing here starts one, opens no zmq context and no database; where a preloaded module did, every
request is refused with the reason and kernels are launched the ordinary way.

It ends with its owner, by whatever the owner died; its kernels end with it, each kernel ends with the process that
asked for it, and what a kernel's cells have started ends with the kernel, in whatever session it runs.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import logging
import os
import random
import selectors
import shutil
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from opslib.processes import adopt_orphans, end_orphans, end_with_parent
from opslib.weekly.kernels.wire import Request, receive_request, send_line

_SECONDS_TO_ASK = 10.0
_SECONDS_TO_ANSWER = 1.0
_INLINE = "module://matplotlib_inline.backend_inline"


@dataclass(frozen=True)
class _Call:
    """A kernel that is asked for, and by whom."""

    request: Request
    connection: socket.socket
    client: int


@dataclass(frozen=True)
class _Kernel:
    """A kernel of this server; the watches are descriptors of its process and of the one that asked for it."""

    pid: int
    watch: int
    client_watch: int
    connection: socket.socket
    folder: str | None


class _Server:
    """The loop. `serve` returns in the server when all is over, and in each forked child with what it is to become."""

    def __init__(self, listener: socket.socket, owner: int, problem: str | None, unloaded: Mapping[str, str]) -> None:
        self._listener = listener
        self._owner_watch = os.pidfd_open(owner)
        self._over = os.getppid() != owner
        self._problem = problem
        self._unloaded = dict(unloaded)
        self._loaded = _source_files()
        self._selector = selectors.DefaultSelector()
        self._calls: list[_Call] = []
        self._kernels: dict[int, _Kernel] = {}
        self._abandoned: set[int] = set()

    def serve(self) -> Request | None:
        self._selector.register(self._owner_watch, selectors.EVENT_READ, self._end)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        while not self._over and (self._kernels or self._listener.fileno() >= 0):
            for key, _ in self._selector.select():
                # an earlier event of this round may have closed what this one is about
                if self._selector.get_map().get(key.fd) is key:
                    key.data()
            while self._calls and not self._over:
                call = self._calls.pop()
                if self._fork(call) == 0:
                    return call.request
        return None

    def close(self) -> None:
        """End every kernel, with what it started."""
        for kernel in self._kernels.values():
            _signal_group(kernel.pid, signal.SIGKILL)
        for kernel in self._kernels.values():
            os.waitpid(kernel.pid, 0)
            _remove(kernel.folder)
        end_orphans(own=())

    def _end(self) -> None:
        self._over = True

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        try:
            connection.settimeout(_SECONDS_TO_ASK)
            client, user = _peer(connection)
            request = receive_request(connection) if user == os.getuid() else None
        except (OSError, ValueError):
            request = None
        if request is None:
            connection.close()  # who does not ask properly gets no answer, and the others do not suffer from it
        elif refusal := self._refusal():
            _answer_and_close(connection, refusal)
            request.close()
        else:
            self._calls.append(_Call(request, connection, client))

    def _refusal(self) -> dict[str, Any] | None:
        if self._problem is not None:
            return {"refused": self._problem, "lasting": True}
        if changed := _changed(self._loaded):
            # who asks next starts a server that has the new source; this one stays only for the kernels it has
            self._selector.unregister(self._listener)
            self._listener.close()
            return {"stale": f"{changed} has changed since it was loaded"}
        return None

    def _fork(self, call: _Call) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        # a signal for the child must find the child's handlers, not the server's: _become unblocks
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        client_watch = -1
        try:
            client_watch = os.pidfd_open(call.client)
            pid = os.fork()
        except OSError as error:
            if client_watch >= 0:
                os.close(client_watch)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            _answer_and_close(call.connection, {"refused": f"no process could be forked: {error}", "lasting": False})
            call.request.close()
            return -1
        if pid == 0:
            self._forget(call, client_watch)
            return 0
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        call.request.close()
        call.connection.setblocking(False)
        kernel = _Kernel(pid, os.pidfd_open(pid), client_watch, call.connection, call.request.folder)
        self._kernels[pid] = kernel
        self._selector.register(kernel.watch, selectors.EVENT_READ, lambda: self._reap(kernel))
        self._selector.register(kernel.client_watch, selectors.EVENT_READ, lambda: self._client_is_gone(kernel))
        self._selector.register(kernel.connection, selectors.EVENT_READ, lambda: self._pass_signals(kernel))
        with contextlib.suppress(OSError):
            send_line(kernel.connection, {"pid": pid, "unloaded": self._unloaded})
        return pid

    def _forget(self, call: _Call, client_watch: int) -> None:
        """Close, in a child, what belongs to the server and to its other kernels."""
        self._selector.close()
        self._listener.close()
        call.connection.close()
        os.close(client_watch)
        os.close(self._owner_watch)
        for other in self._kernels.values():
            os.close(other.watch)
            os.close(other.client_watch)
            other.connection.close()
        for waiting in self._calls:
            waiting.request.close()
            waiting.connection.close()

    def _pass_signals(self, kernel: _Kernel) -> None:
        try:
            numbers = kernel.connection.recv(256)
        except BlockingIOError:
            return
        except OSError:
            numbers = b""
        if not numbers:
            self._client_is_gone(kernel)
        for number in numbers:
            _signal_group(kernel.pid, number)
            with contextlib.suppress(OSError):
                send_line(kernel.connection, {"signalled": number})

    def _client_is_gone(self, kernel: _Kernel) -> None:
        for watched in (kernel.client_watch, kernel.connection):
            if watched in self._selector.get_map():
                self._selector.unregister(watched)
        _signal_group(kernel.pid, signal.SIGKILL)
        self._abandoned.add(kernel.pid)

    def _reap(self, kernel: _Kernel) -> None:
        _, status = os.waitpid(kernel.pid, 0)
        del self._kernels[kernel.pid]
        end_orphans(own=self._kernels)
        for watched in (kernel.watch, kernel.client_watch, kernel.connection):
            if watched in self._selector.get_map():
                self._selector.unregister(watched)
        with contextlib.suppress(OSError):
            send_line(kernel.connection, {"exit": os.waitstatus_to_exitcode(status)})
        os.close(kernel.watch)
        os.close(kernel.client_watch)
        kernel.connection.close()
        if kernel.pid in self._abandoned:
            self._abandoned.remove(kernel.pid)
            _remove(kernel.folder)


def preload(names: Iterable[str], owner: int) -> dict[str, str]:
    """Import modules while the owner lives; returns those that could not be, with the reason.

    A module that raises is left to the notebook that imports it, which then shows the error where it belongs.
    """
    unloaded = {}
    for name in names:
        if os.getppid() != owner:
            break
        try:
            importlib.import_module(name)
        except Exception as error:  # whatever a module raises on import must not end the server
            unloaded[name] = f"{type(error).__name__}: {error}"
    return unloaded


def _threads() -> int:
    return len(os.listdir("/proc/self/task"))


def _become(request: Request, environment: Mapping[str, str], server: int, leave: _Leave) -> NoReturn:
    """Turn a forked child into the kernel that was asked for, as if it had been launched the ordinary way."""
    os.setsid()
    # the kernel must not outlive the server, which is what watches the client
    end_with_parent()
    # what cells start in sessions of its own stays with the kernel, and after it with the server
    adopt_orphans()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for standard, descriptor in enumerate(request.descriptors):
        os.dup2(descriptor, standard)
    request.close()
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    tempfile.tempdir = None
    try:
        os.chdir(request.cwd)
    except OSError as error:
        sys.exit(f"the kernel's folder: {error}")
    if request.memory_bytes is not None:
        _limit_memory(request.memory_bytes)
    random.seed()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "matplotlib" in sys.modules:
        # the variable that ipykernel sets for the inline backend is read when matplotlib is imported: too early here
        os.environ.setdefault("MPLBACKEND", _INLINE)
        sys.modules["matplotlib"].rcParams["backend"] = os.environ["MPLBACKEND"]
    gc.enable()
    from ipykernel.kernelapp import IPKernelApp

    sys.argv = ["ipykernel_launcher", *request.arguments]
    app = IPKernelApp.instance(parent_handle=server)
    app.initialize(request.arguments)
    app.start()
    # ipykernel hangs for seconds at its end where the thread that answers a shutdown is still about to flush its output
    app.control_thread.join(_SECONDS_TO_ANSWER)
    leave.code = 0
    sys.exit(0)


def _limit_memory(memory_bytes: int) -> None:
    """Hold the private writable memory of this process to a limit.

    RLIMIT_DATA and not RLIMIT_AS: the address space also counts what costs no memory, as mapped Parquet files, the text
    of the preloaded libraries and the gigabytes that allocators reserve without using them.
    """
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = memory_bytes if most == resource.RLIM_INFINITY else min(memory_bytes, most)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _source_files() -> dict[str, tuple[int, int]]:
    """Modification time and size of the file of each loaded module."""
    files = {}
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and (state := _state(path)) is not None:
            files[path] = state
    return files


def _changed(loaded: Mapping[str, tuple[int, int]]) -> str | None:
    return next((path for path, state in loaded.items() if _state(path) != state), None)


def _state(path: str) -> tuple[int, int] | None:
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size


def _peer(connection: socket.socket) -> tuple[int, int]:
    """Process and user at the other end."""
    credentials = struct.Struct("3i")
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
    pid, user, _ = credentials.unpack(packed)
    return pid, user


def _answer_and_close(connection: socket.socket, answer: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        send_line(connection, answer)
    connection.close()


def _signal_group(pid: int, number: int) -> None:
    """Signal a kernel and what it started; the kernel alone where it has not yet made its group."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    except (PermissionError, OSError):
        return


def _remove(folder: str | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


class _Leave:
    """The last of the exit functions: it leaves out the end of the interpreter.

    That would take most of a second, as it touches all that the server and its kernels share, and extensions would
    report what is frozen as leaks.
    """

    code = 1

    def __call__(self) -> None:
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(self.code)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def main() -> None:
    """Preload, serve, and in each child become a kernel.

    Command line: the listener's descriptor, the owner's process id, the modules to preload as a JSON list.
    """
    leave = _Leave()
    atexit.register(leave)  # before preloading, as exit functions run from the last to the first
    listener = socket.socket(fileno=int(sys.argv[1]))
    listener.set_inheritable(False)
    owner, server = int(sys.argv[2]), os.getpid()
    folder = Path(listener.getsockname()).parent
    if not sys.flags.safe_path:
        # this process's folder; each kernel puts its notebook's there
        del sys.path[0]
    signal.signal(signal.SIGTERM, _terminate)
    serving, request, set_by_modules = None, None, dict[str, str]()
    try:
        gc.disable()
        before = frozenset(os.environ)
        adopt_orphans()
        unloaded = preload(json.loads(sys.argv[3]), owner)
        set_by_modules = {name: value for name, value in os.environ.items() if name not in before}
        problem = None
        if (threads := _threads()) > 1:
            names = ", ".join(thread.name for thread in threading.enumerate()[1:]) or "of native libraries"
            problem = f"preloading left {threads - 1} thread(s) running ({names}), with which a fork is not safe"
        # what imports leave as garbage is little, and collecting it takes a tenth of what they do
        gc.freeze()
        serving = _Server(listener, owner, problem, unloaded)
        request = serving.serve()
    finally:
        if os.getpid() == server:
            if serving is not None:
                serving.close()
            shutil.rmtree(folder, ignore_errors=True)
    if request is not None:
        del serving
        _become(request, {**set_by_modules, **request.environment}, server, leave)


if __name__ == "__main__":
    main()
