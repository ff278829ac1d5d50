"""A kernel manager whose clients know from the kernel's own words that it is ready.

The usual client takes a fifth of a second of silence as the sign that no message of the start is still under way.
"""

from __future__ import annotations

import time
from queue import Empty
from typing import Any

from jupyter_client import AsyncKernelManager
from jupyter_client.asynchronous import AsyncKernelClient
from traitlets import Type

_SECONDS_TO_REPLY = 1.0
_SECONDS_TO_BE_HEARD = 0.2


class ReadyClient(AsyncKernelClient):  # type: ignore[misc]  # jupyter_client is untyped here
    """A client that is ready when the kernel's "idle" after a request has come over the channel of outputs.

    What the kernel said before on that channel has then been read, and nothing that it says later is missed.
    """

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel answers on both channels.

        Args:
            timeout: seconds; None waits as long as the kernel lives.

        Raises:
            RuntimeError: the kernel has died, or has not answered in time.
        """
        deadline = float("inf") if timeout is None else time.monotonic() + timeout
        while not await self._is_heard(self.kernel_info()):
            if not await self.is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if time.monotonic() > deadline:
                raise RuntimeError(f"Kernel didn't respond in {timeout:.0f} seconds")

    async def _is_heard(self, request: str) -> bool:
        try:
            while not _answers(reply := await self.get_shell_msg(timeout=_SECONDS_TO_REPLY), request):
                continue
            self._handle_kernel_info_reply(reply)
            while not (
                _answers(message := await self.get_iopub_msg(timeout=_SECONDS_TO_BE_HEARD), request)
                and message["content"].get("execution_state") == "idle"
            ):
                continue
        except Empty:  # the subscription to outputs may have come too late for the messages of this request
            return False
        return True


class ReadyManager(AsyncKernelManager):  # type: ignore[misc]
    """A kernel manager with such clients."""

    client_factory = Type(ReadyClient, klass=AsyncKernelClient)


def _answers(message: dict[str, Any], request: str) -> bool:
    return bool(message["parent_header"].get("msg_id") == request)
