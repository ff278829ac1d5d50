"""A kernel that a fork server was asked for, held like a `subprocess.Popen`; and why there may be none."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from typing import IO

from opslib.errors import OpslibError
from opslib.weekly.kernels.wire import Request, send_request, take_lines

_SECONDS_TO_SIGNAL = 5.0


class NoForkError(OpslibError):
    """The fork server cannot give this kernel; it is launched the ordinary way.

    `lasting` tells that it would not be otherwise the next time.
    """

    def __init__(self, reason: str, *, lasting: bool = True) -> None:
        super().__init__(reason)
        self.lasting = lasting


class ServerLostError(NoForkError):
    """The server is gone, or must no longer be used; a new one can be."""


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


async def ask_for_kernel(path: str, request: Request, seconds: float) -> ForkedKernel:
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
