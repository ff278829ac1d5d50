"""The side that asks: fork servers are started, shared with other processes, and asked for kernels."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from opslib.store.temporary import short_parent
from opslib.weekly.kernels.forked import ForkedKernel, NoForkError, ServerLostError, ask_for_kernel
from opslib.weekly.kernels.wire import Request

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

# Arrow's allocator would else make a gigabyte writable at once, which RLIMIT_DATA counts though it is not used.
COUNT_ONLY_USED_MEMORY = {"MIMALLOC_ARENA_EAGER_COMMIT": "0"}


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


def can_fork() -> tuple[bool, str]:
    """Whether kernels can be forked here, and why not (or on what ground).

    Returns:
        (True, a sentence) on Linux with pidfd (5.3 or later); otherwise (False, the reason), and kernels are launched
        the ordinary way.
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


class Servers:
    """The fork servers that this process has started, and what it knows against using one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_recipe: dict[str, ForkServer] = {}
        self._retired_paths: set[str] = set()
        self._refusals: dict[str, str] = {}

    def path_for(self, recipe: Recipe, environment: Mapping[str, str]) -> str:
        """The socket of a server of this recipe: one shared by another process, or this process's own.

        Args:
            recipe: what the server is made of.
            environment: of the kernel; it may name a shared server, and is what a new server starts with.

        Returns:
            The path of the socket.

        Raises:
            NoForkError: there can be none, now or any time.
        """
        digest, _, shared = environment.get(SERVER_VARIABLE, "").partition(":")
        with self._lock:
            if refusal := self._refusals.get(recipe.digest):
                raise NoForkError(refusal)
            if digest == recipe.digest and shared not in self._retired_paths and os.path.exists(shared):
                return shared
            server = self._by_recipe.get(recipe.digest)
            if server is None or server.path in self._retired_paths or not server.usable:
                try:
                    server = self._by_recipe[recipe.digest] = ForkServer(recipe, environment)
                except OSError as error:
                    refusal = self._refusals[recipe.digest] = f"no fork server could be started: {error}"
                    raise NoForkError(refusal) from error
            return server.path

    def retire(self, path: str) -> None:
        """Never use the server at this socket again."""
        with self._lock:
            self._retired_paths.add(path)

    def refuse(self, recipe: Recipe, reason: str) -> None:
        """Never try again for kernels of this recipe."""
        with self._lock:
            self._refusals[recipe.digest] = reason

    def close(self) -> None:
        """End the servers of this process, and forget what is known against any."""
        with self._lock:
            for server in self._by_recipe.values():
                server.close()
            self._by_recipe.clear()
            self._retired_paths.clear()
            self._refusals.clear()


servers = Servers()
"""Those of this process."""


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
    for attempt in range(2):
        path = servers.path_for(recipe, request.environment)
        try:
            return await ask_for_kernel(path, request, seconds)
        except NoForkError as error:
            if isinstance(error, ServerLostError):
                servers.retire(path)
                if not attempt:
                    continue
            if error.lasting:
                servers.refuse(recipe, str(error))
            raise
    raise AssertionError("the second attempt returns or raises")


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


_repeated: set[str] = set()


def first_time(sentence: str) -> bool:
    """Whether this process asks for the first time; what holds for every kernel is logged once."""
    first = sentence not in _repeated
    _repeated.add(sentence)
    return first


def short_folder() -> Path:
    """A new folder for the user alone, with a path short enough for Unix sockets in it."""
    return Path(tempfile.mkdtemp(prefix="opslib-", dir=short_parent()))
