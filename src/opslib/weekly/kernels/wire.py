"""What the fork server and those who ask it for kernels say to each other, over one Unix socket per kernel.

A connection is one kernel. It begins with a request (JSON, and the kernel's stdin, stdout and stderr as descriptors),
which is answered by a JSON line: the process id, or why there is no kernel. After that each byte that the client sends
is the number of a signal for the kernel's process group, acknowledged by a line, and the last line of the server is the
exit code. A client that goes away takes its kernel with it.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from dataclasses import asdict, dataclass, field
from typing import Any

_LENGTH = struct.Struct("!I")
_MOST_BYTES = 16 * 2**20
_STREAMS = 3
_FIELDS = {"arguments", "environment", "cwd", "memory_bytes", "folder"}


@dataclass(frozen=True)
class Request:
    """A kernel to be started.

    `arguments` are those after `python -m ipykernel_launcher`; `environment` is the whole of it; `memory_bytes` limits
    its private writable memory; `folder` is removed after it where the client cannot do so any more; `descriptors` are
    stdin, stdout and stderr, in this order.
    """

    arguments: list[str]
    environment: dict[str, str]
    cwd: str
    memory_bytes: int | None = None
    folder: str | None = None
    descriptors: list[int] = field(default_factory=list)

    def close(self) -> None:
        """Close the descriptors, which are of this process and not of the kernel."""
        for descriptor in self.descriptors:
            os.close(descriptor)


def send_request(connection: socket.socket, request: Request) -> None:
    """Send a request; the server gets copies of its descriptors."""
    content = asdict(request)
    descriptors = content.pop("descriptors")
    packed = json.dumps(content).encode()
    socket.send_fds(connection, [_LENGTH.pack(len(packed))], descriptors)
    connection.sendall(packed)


def receive_request(connection: socket.socket) -> Request:
    """The request; its descriptors are the caller's to close.

    Raises:
        ValueError: it is none; the descriptors that came with it are closed.
        OSError: the connection broke or timed out; likewise.
    """
    head, descriptors, _, _ = socket.recv_fds(connection, _LENGTH.size, _STREAMS)
    try:
        head += _receive(connection, _LENGTH.size - len(head))
        (length,) = _LENGTH.unpack(head)
        if length > _MOST_BYTES or len(descriptors) != _STREAMS:
            raise ValueError(f"a request of {length} bytes with {len(descriptors)} descriptors")
        content = json.loads(_receive(connection, length))
        if not isinstance(content, dict) or set(content) != _FIELDS:
            raise ValueError("a request with other fields than expected")
    except BaseException:
        for descriptor in descriptors:
            os.close(descriptor)
        raise
    return Request(**content, descriptors=list(descriptors))


def send_line(connection: socket.socket, message: dict[str, Any]) -> None:
    """Send one JSON line."""
    connection.sendall(json.dumps(message).encode() + b"\n")


def take_lines(received: bytearray) -> list[dict[str, Any]]:
    """Take the whole lines out of what was received so far."""
    *lines, rest = bytes(received).split(b"\n")
    received[:] = rest
    return [json.loads(line) for line in lines]


def _receive(connection: socket.socket, length: int) -> bytes:
    content = bytearray()
    while len(content) < length:
        part = connection.recv(length - len(content))
        if not part:
            raise ValueError(f"a request that ends after {len(content)} of {length} bytes")
        content += part
    return bytes(content)
