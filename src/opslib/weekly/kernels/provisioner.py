"""The provisioner by which any Jupyter tool starts such kernels."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.localinterfaces import is_local_ip
from jupyter_client.provisioning import LocalProvisioner
from traitlets import Float, Integer, List, Unicode

from opslib.weekly.kernels.client import (
    COUNT_ONLY_USED_MEMORY,
    PRELOAD,
    Recipe,
    first_time,
    fork_kernel,
    short_folder,
)
from opslib.weekly.kernels.forked import ForkedKernel, NoForkError
from opslib.weekly.kernels.wire import Request

_LAUNCHER = "ipykernel_launcher"
_UNDERSTOOD = frozenset({"cwd", "env", "extra_arguments", "independent", "kernel_id", "stdin", "stdout", "stderr"})
_CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
_SECONDS_TO_DIE = 1.0
_SECONDS_TO_SETTLE = 0.02
_SECONDS_TO_LISTEN = 5.0


class ForkProvisioner(LocalProvisioner):  # type: ignore[misc]  # jupyter_client is untyped here
    """Start a kernel by forking a process that has imported its libraries already.

    Where that is not to be had, the kernel is launched the ordinary way; `launch` and `launch_reason` say which it was.
    Kernels talk over Unix sockets in a folder of their own, unless the kernel manager was told another transport than
    its default.

    Notes:
        What a kernel is given counts as with an ordinary launch: command line, environment, folder, streams, process
        group. Variables that act when an interpreter or library starts select the server to fork from. BLAS has one
        thread. A `matplotlibrc` in the notebook's folder is not read, as matplotlib is loaded before.
    """

    preload = List(Unicode(), list(PRELOAD), help="Modules that are imported before kernels are forked.").tag(
        config=True
    )
    memory_bytes = Integer(
        None,
        allow_none=True,
        help="Private writable memory of a kernel (RLIMIT_DATA); the libraries take 0.3 GB of it.",
    ).tag(config=True)
    start_seconds = Float(120.0, help="How long to wait for the fork server, which first preloads.").tag(config=True)

    process: Any = None
    launch: str | None = None
    launch_reason = "no kernel was started yet"
    _folder: Path | None = None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Give the kernel sockets of its own, then prepare as usual."""
        manager, folder = self.parent, self._folder
        if folder is not None and manager.ip == str(folder / "k"):
            folder.mkdir(mode=0o700, exist_ok=True)
        elif manager is not None and os.name == "posix" and manager.transport == "tcp" and is_local_ip(manager.ip):
            self._folder = short_folder()
            manager.transport, manager.ip = "ipc", str(self._folder / "k")
        return await super().pre_launch(**kwargs)  # type: ignore[no-any-return]

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Fork the kernel, or launch it the ordinary way."""
        try:
            self.process = await self._fork(cmd, **kwargs)
        except NoForkError as error:
            return await self._launch_ordinarily(cmd, str(error), **kwargs)
        self.launch, self.launch_reason = "forked", f"process {self.process.pid} was forked from a preloaded one"
        self.log.debug("Kernel forked: %s", self.launch_reason)
        for module, reason in self.process.unloaded.items():
            if first_time(f"{module} {reason}"):
                self.log.warning("Not preloaded for kernels: %s (%s)", module, reason)
        await self._listening()
        self.pid = self.pgid = self.process.pid
        self.cwd = kwargs.get("cwd") or Path.cwd()
        return self.connection_info

    async def send_signal(self, signum: int) -> None:
        """Signal the kernel and what it started."""
        if signum == signal.SIGINT and getattr(self.parent, "shutting_down", False):
            # managers interrupt before they shut down; ipykernel hangs for seconds when that meets the last lines of
            # its handling of a message that it has answered already
            await asyncio.sleep(_SECONDS_TO_SETTLE)
        if isinstance(self.process, ForkedKernel):
            self.process.send_signal(signum)
        else:
            await super().send_signal(signum)

    async def kill(self, restart: bool = False) -> None:
        """Kill the kernel, and see it gone: the manager itself looks only every tenth of a second."""
        await super().kill(restart=restart)
        deadline = time.monotonic() + _SECONDS_TO_DIE
        while self.process is not None and self.process.poll() is None and time.monotonic() < deadline:
            await asyncio.sleep(0.002)

    async def cleanup(self, restart: bool = False) -> None:
        """Remove the kernel's sockets."""
        await super().cleanup(restart=restart)
        if self._folder is not None and not restart:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def get_provisioner_info(self) -> dict[str, Any]:
        """Add how the kernel was launched."""
        return {**await super().get_provisioner_info(), "launch": self.launch, "launch_reason": self.launch_reason}

    async def _fork(self, command: list[str], **kwargs: Any) -> ForkedKernel:
        others = sorted(set(kwargs) - _UNDERSTOOD)
        if others:
            raise NoForkError(f"a forked kernel has no {', '.join(others)}")
        if kwargs.get("independent"):
            raise NoForkError("a kernel that is to outlive its client cannot be forked from its client's server")
        command = [os.path.expanduser(part) for part in command]
        try:
            launcher = command.index(_LAUNCHER)
        except ValueError:
            launcher = 0
        if launcher < 2 or command[launcher - 1] != "-m":
            raise NoForkError(f"the kernel's command is not python -m {_LAUNCHER}")
        environment = {**kwargs["env"], "JPY_PARENT_PID": str(os.getpid())}
        with _streams(kwargs.get("stdin"), kwargs.get("stdout"), kwargs.get("stderr")) as (descriptors, ends):
            request = Request(
                arguments=command[launcher + 1 :],
                environment=environment,
                cwd=os.fspath(kwargs.get("cwd") or os.getcwd()),
                memory_bytes=self.memory_bytes,
                folder=str(self._folder) if self._folder is not None else None,
                descriptors=descriptors,
            )
            recipe = Recipe.of(command[: launcher - 1], self.preload, environment)
            kernel = await fork_kernel(recipe, request, seconds=self.start_seconds)
        kernel.stdin, kernel.stdout, kernel.stderr = ends
        return kernel

    async def _listening(self) -> None:
        """Wait for the kernel's sockets: a client that comes too early tries again only a tenth of a second later."""
        info = self.connection_info
        if info.get("transport") != "ipc":
            return
        sockets = [f"{info['ip']}-{info[f'{channel}_port']}" for channel in _CHANNELS]
        deadline = time.monotonic() + _SECONDS_TO_LISTEN
        while not all(map(os.path.exists, sockets)) and self.process.poll() is None and time.monotonic() < deadline:
            await asyncio.sleep(0.002)

    async def _launch_ordinarily(self, command: list[str], reason: str, **kwargs: Any) -> KernelConnectionInfo:
        self.launch, self.launch_reason = "ordinary", reason
        if first_time(reason):
            self.log.warning("Kernels are launched the ordinary way: %s", reason)
        if self.memory_bytes is not None:
            kwargs["env"] = {**COUNT_ONLY_USED_MEMORY, **kwargs["env"]}
        connection = await super().launch_kernel(command, **kwargs)
        if self.memory_bytes is not None:
            self._limit_memory(self.memory_bytes)
        return connection

    def _limit_memory(self, memory_bytes: int) -> None:
        try:
            from resource import RLIMIT_DATA, prlimit
        except ImportError:
            self.log.warning("The memory of kernels cannot be limited here")
            return
        with contextlib.suppress(ProcessLookupError):
            prlimit(self.process.pid, RLIMIT_DATA, (memory_bytes, memory_bytes))


@contextmanager
def _streams(stdin: Any, stdout: Any, stderr: Any) -> Iterator[tuple[list[int], list[IO[bytes] | None]]]:
    """The descriptors that a kernel gets for what `subprocess.Popen` was to be told, and our ends of pipes."""
    to_close: list[int] = []
    descriptors: list[int] = []
    ends: list[IO[bytes] | None] = []

    def null() -> int:
        to_close.append(os.open(os.devnull, os.O_RDWR))
        return to_close[-1]

    for standard, stream in enumerate((stdin, stdout, stderr)):
        ours: IO[bytes] | None = None
        if stream is None and standard == 0:
            # an ordinary kernel meets an end of file there
            theirs = null()
        elif stream is None:
            theirs = standard if _is_open(standard) else null()
        elif stream == subprocess.DEVNULL:
            theirs = null()
        elif stream == subprocess.STDOUT:
            theirs = descriptors[1]
        elif stream == subprocess.PIPE:
            reading, writing = os.pipe()
            theirs, mine = (reading, writing) if standard == 0 else (writing, reading)
            to_close.append(theirs)
            ours = os.fdopen(mine, "wb" if standard == 0 else "rb")
        else:
            theirs = stream if isinstance(stream, int) else stream.fileno()
        descriptors.append(theirs)
        ends.append(ours)
    try:
        yield descriptors, ends
    except BaseException:
        for ours in ends:
            if ours is not None:
                ours.close()
        raise
    finally:
        for descriptor in to_close:
            os.close(descriptor)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True
