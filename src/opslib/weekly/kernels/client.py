"""The side that asks: starting a fork server, and holding one of its kernels like a `subprocess.Popen`."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from opslib.errors import OpslibError
from opslib.weekly.kernels.wire import Request, send_request, take_lines

KERNEL = (
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.core.pylabtools",
    "IPython.extensions.storemagic",
    "ipykernel.debugger",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "tornado.platform.asyncio",
)
"""What a kernel would else import while it starts; debugpy behind ipykernel.debugger is most of it."""

PRELOAD = (
    *KERNEL,
    "numpy",
    "pandas",
    "pyarrow.parquet",
    "pyarrow.dataset",
    "duckdb",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "seaborn",
    "scipy.stats",
    "opslib",
)
"""What a server imports unless the kernelspec says otherwise."""

SERVER_VARIABLE = "OPSLIB_KERNEL_SERVER"

# What acts when an interpreter or a library starts, and can therefore not be given to a kernel that is forked: kernels
# that differ in it have different servers.
_AT_START = ("PYTHON", "LD_", "LC_", "MALLOC_", "ARROW_", "GLIBC_")
_AT_START_EXACTLY = frozenset({"HOME", "LANG", "LANGUAGE", "MATPLOTLIBRC", "MPLCONFIGDIR", "XDG_CONFIG_HOME"})
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "BLIS_NUM_THREADS")
_LONGEST_FOLDER = 50
_SECONDS_TO_SIGNAL = 5.0

# Arrow's allocator would else make a gigabyte writable at once, which RLIMIT_DATA counts though it is not used.
COUNT_ONLY_USED_MEMORY = {"MIMALLOC_ARENA_EAGER_COMMIT": "0"}


class NoForkError(OpslibError):
    """The fork server cannot give this kernel; it is launched the ordinary way.

    `lasting` tells that it would not be otherwise the next time.
    """

    def __init__(self, reason: str, *, lasting: bool = True) -> None:
        super().__init__(reason)
        self.lasting = lasting


class ServerLostError(NoForkError):
    """The server is gone, or must no longer be used; a new one can be."""


@dataclass(frozen=True)
class Recipe:
    """What a server is made of; kernels of one recipe can share a server.

    `interpreter` is the command up to and without `-m`; `at_start` are the variables that act when a process starts.
    """

    interpreter: tuple[str, ...]
    preload: tuple[str, ...]
    at_start: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, interpreter: Sequence[str], preload: Sequence[str], environment: Mapping[str, str]) -> Recipe:
        """The recipe of the server for kernels with this interpreter and environment."""
        at_start = {
            name: value
            for name, value in environment.items()
            if name.startswith(_AT_START) or name in _AT_START_EXACTLY
        }
        return cls(tuple(interpreter), tuple(preload), tuple(sorted(at_start.items())))

    @property
    def digest(self) -> str:
        """Short name of the recipe."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


class ForkServer:
    """A fork server that this process owns and that ends with it.

    It answers from the start: who asks while it still imports waits. Its folder is for the user alone, and holds its
    socket and those of its kernels; the server removes it when it ends.
    """

    def __init__(self, recipe: Recipe, environment: Mapping[str, str]) -> None:
        """Start the server.

        Raises:
            OSError: the process or its socket could not be made.
        """
        self.recipe = recipe
        self.owner = os.getpid()
        self.folder = short_folder()
        self.path = str(self.folder / "server")
        arrow = environment.get("JE_ARROW_MALLOC_CONF")
        started_with = {
            **COUNT_ONLY_USED_MEMORY,
            **environment,
            **dict.fromkeys(_ONE_THREAD, "1"),
            "MPLBACKEND": "agg",
            # else importing debugpy prints a warning that ordinary kernels swallow
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            # else importing pyarrow starts a thread of its jemalloc
            "JE_ARROW_MALLOC_CONF": ",".join([*([arrow] if arrow else []), "background_thread:false"]),
        }
        started_with.pop(SERVER_VARIABLE, None)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
                listener.bind(self.path)
                listener.listen(128)
                self._process = subprocess.Popen(
                    [
                        *recipe.interpreter,
                        *("-m", "opslib.weekly.kernels.server"),
                        *(str(listener.fileno()), str(self.owner), json.dumps(recipe.preload)),
                    ],
                    pass_fds=[listener.fileno()],
                    stdin=subprocess.DEVNULL,
                    cwd=self.folder,
                    env=started_with,
                    start_new_session=True,
                )
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        atexit.register(self.close)

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether it can still be asked."""
        return os.getpid() != self.owner or (self._process.poll() is None and os.path.exists(self.path))

    def close(self) -> None:
        """End the server and its kernels."""
        if os.getpid() != self.owner:
            return
        atexit.unregister(self.close)
        self._process.terminate()
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class ForkedKernel:
    """A kernel that the fork server started, with what `LocalProvisioner` uses of `subprocess.Popen`."""

    stdin: IO[bytes] | None = None
    stdout: IO[bytes] | None = None
    stderr: IO[bytes] | None = None

    def __init__(self, connection: socket.socket, pid: int, unloaded: Mapping[str, str], received: bytearray) -> None:
        self.pid = pid
        self.unloaded = dict(unloaded)
        self.returncode: int | None = None
        self._connection = connection
        self._received = received
        self._lock = threading.Lock()
        self._sent = self._passed_on = 0

    def poll(self) -> int | None:
        """The exit code, negative where a signal ended it; None while it runs."""
        with self._lock:
            while self.returncode is None:
                for line in take_lines(self._received):
                    self._passed_on += "signalled" in line
                    if "exit" in line:
                        self.returncode = int(line["exit"])
                        self._connection.close()
                        return self.returncode
                try:
                    part = self._connection.recv(4096)
                except BlockingIOError:
                    return None
                except OSError:
                    part = b""
                if not part:
                    # the server is gone, and takes its kernels with it
                    self.returncode = -signal.SIGKILL
                    self._connection.close()
                self._received += part
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(["kernel", str(self.pid)], timeout or 0.0)
            time.sleep(0.005)
        return code

    def send_signal(self, number: int) -> None:
        """Signal the kernel and what it started.

        By way of the server, which alone knows that the process id is still the kernel's. Returns when the signal was
        sent: an interrupt that came later than the message after it would hit the kernel while it shuts down.
        """
        if self.poll() is not None:
            return
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._connection.send(bytes([number]))
            self._sent += 1
        deadline = time.monotonic() + _SECONDS_TO_SIGNAL
        while self._passed_on < self._sent and self.poll() is None and time.monotonic() < deadline:
            time.sleep(0.0005)

    def terminate(self) -> None:
        """SIGTERM to the kernel."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to the kernel."""
        self.send_signal(signal.SIGKILL)

    def __del__(self) -> None:
        self._connection.close()


async def _ask(path: str, request: Request, seconds: float) -> ForkedKernel:
    """Ask the server at a socket for a kernel, and wait for it without blocking the event loop.

    Raises:
        NoForkError: there is no kernel, and why.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    received = bytearray()
    loop = asyncio.get_running_loop()
    deadline = time.monotonic() + seconds
    try:
        connection.connect(path)
        send_request(connection, request)
        connection.setblocking(False)
        while not (lines := take_lines(received)):
            part = await asyncio.wait_for(loop.sock_recv(connection, 65536), deadline - time.monotonic())
            if not part:
                raise ServerLostError("the fork server ended before it answered")
            received += part
        if "stale" in lines[0]:
            raise ServerLostError(lines[0]["stale"], lasting=False)
        if "pid" not in lines[0]:
            raise NoForkError(lines[0]["refused"], lasting=lines[0]["lasting"])
    except TimeoutError as error:
        connection.close()
        raise NoForkError(f"the fork server did not answer within {seconds:g} s") from error
    except ConnectionResetError as error:
        connection.close()
        raise ServerLostError("the fork server ended before it answered") from error
    except OSError as error:
        connection.close()
        raise ServerLostError(f"the fork server cannot be reached: {error}") from error
    except BaseException:
        connection.close()
        raise
    # an exit that came together with the answer must not be lost
    later = b"".join(json.dumps(line).encode() + b"\n" for line in lines[1:])
    return ForkedKernel(connection, lines[0]["pid"], lines[0]["unloaded"], bytearray(later) + received)


def can_fork() -> tuple[bool, str]:
    """Whether kernels can be forked here, and why not (or on what ground).

    Returns:
        (True, a sentence) on Linux with pidfd (5.3 or later); otherwise (False, the reason), and kernels are launched
        the ordinary way.

    >>> possible, reason = can_fork()
    """
    if not hasattr(os, "fork"):
        return False, f"{sys.platform} has no fork"
    if sys.platform != "linux":
        return (
            False,
            f"on {sys.platform} system libraries are not safe to use in a process that was forked without exec",
        )
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as error:
        return False, f"processes cannot be watched by descriptor (Linux 5.3 or later): {error}"
    return True, "kernels are forked from a preloaded process"


_servers: dict[str, ForkServer] = {}
_retired: set[str] = set()
_failed: dict[str, str] = {}
_said: set[str] = set()
_lock = threading.Lock()


async def fork_kernel(recipe: Recipe, request: Request, *, seconds: float) -> ForkedKernel:
    """A kernel from a server of this recipe: one shared by another process, or this process's own, started if need be.

    Args:
        recipe: what the server is made of.
        request: the kernel; its environment is also the server's.
        seconds: to wait for an answer, which includes the preloading of a new server.

    Returns:
        The running kernel.

    Raises:
        NoForkError: there is none, and why. Where trying again would not help, later calls raise it at once.
    """
    possible, reason = can_fork()
    if not possible:
        raise NoForkError(reason)
    with _lock:
        if known := _failed.get(recipe.digest):
            raise NoForkError(known)
    for attempt in range(2):
        path = _find_server(recipe, request.environment)
        try:
            return await _ask(path, request, seconds)
        except NoForkError as error:
            lost = isinstance(error, ServerLostError)
            with _lock:
                if lost:
                    _retired.add(path)
                if lost and not attempt:
                    continue
                if error.lasting:
                    _failed[recipe.digest] = str(error)
            raise
    raise AssertionError("the second attempt returns or raises")


def _find_server(recipe: Recipe, environment: Mapping[str, str]) -> str:
    """The path of a server's socket."""
    digest, _, shared = environment.get(SERVER_VARIABLE, "").partition(":")
    with _lock:
        if digest == recipe.digest and shared not in _retired and os.path.exists(shared):
            return shared
        server = _servers.get(recipe.digest)
        if server is None or server.path in _retired or not server.usable:
            try:
                server = _servers[recipe.digest] = ForkServer(recipe, environment)
            except OSError as error:
                _failed[recipe.digest] = f"no fork server could be started: {error}"
                raise NoForkError(_failed[recipe.digest]) from error
        return server.path


@contextmanager
def shared_server(
    *, preload: Sequence[str] = PRELOAD, environment: Mapping[str, str] | None = None
) -> Iterator[dict[str, str]]:
    """A fork server for this process and those it starts; it preloads while the caller goes on.

    Args:
        preload: modules to import.
        environment: of the kernels to come; this process's where it is not given.

    Yields:
        The environment variables by which other processes find it; empty where kernels cannot be forked.
    """
    variables = dict(environment if environment is not None else os.environ)
    recipe = Recipe.of([sys.executable], preload, variables)
    if not can_fork()[0]:
        yield {}
        return
    variables.pop(SERVER_VARIABLE, None)
    try:
        server = ForkServer(recipe, variables)
    except OSError:
        yield {}
        return
    try:
        yield {SERVER_VARIABLE: f"{recipe.digest}:{server.path}"}
    finally:
        server.close()


def first_time(said: str) -> bool:
    """Whether this process has not said it yet; what holds for every kernel is said once."""
    with _lock:
        known = said in _said
        _said.add(said)
    return not known


def short_folder() -> Path:
    """A new folder for the user alone, with a path short enough for Unix sockets in it."""
    return Path(tempfile.mkdtemp(prefix="opslib-", dir=short_parent()))


def short_parent() -> str:
    """The folder of temporary files, or /tmp where a long TMPDIR leaves no room for a socket's 100 characters."""
    folder = tempfile.gettempdir()
    return folder if len(folder) <= _LONGEST_FOLDER else "/tmp"
