"""When a client takes a kernel for ready: a real kernel, and channels that say what a kernel might."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty
from typing import Any, TypeVar

import pytest

from opslib.weekly.kernels.ready import ReadyClient, ReadyManager

Answer = TypeVar("Answer")


def awaited(answer: Coroutine[Any, Any, Answer]) -> Answer:
    """The answer, awaited in a thread: the browser's tests leave a loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, answer).result()


def message(request: str, kind: str, **content: Any) -> dict[str, Any]:
    return {"parent_header": {"msg_id": request}, "msg_type": kind, "content": content}


def reply(request: str) -> dict[str, Any]:
    return message(request, "kernel_info_reply", protocol_version="5.4")


def status(request: str, state: str) -> dict[str, Any]:
    return message(request, "status", execution_state=state)


class Told(ReadyClient):
    """A client whose channels hold these messages; None is a silence."""

    def __init__(self, shell: Sequence[Any], outputs: Sequence[Any], *, alive: bool = True) -> None:
        super().__init__()
        self.shell, self.outputs, self.alive, self.requests = list(shell), list(outputs), alive, 0

    def kernel_info(self) -> str:
        self.requests += 1
        return f"request {self.requests}"

    async def get_shell_msg(self, timeout: float) -> dict[str, Any]:
        return self._next(self.shell)

    async def get_iopub_msg(self, timeout: float) -> dict[str, Any]:
        return self._next(self.outputs)

    async def is_alive(self) -> bool:
        return self.alive

    @staticmethod
    def _next(messages: list[Any]) -> dict[str, Any]:
        if not messages or (first := messages.pop(0)) is None:
            raise Empty
        return first


def test_ready_is_who_has_said_idle_and_what_came_before_has_been_read() -> None:
    outputs = [status("start", "starting"), status("request 1", "busy"), status("request 1", "idle"), "later"]
    client = Told([reply("request 1")], outputs)
    awaited(client.wait_for_ready(timeout=1))
    assert client.requests == 1
    assert client.outputs == ["later"]


def test_who_subscribed_too_late_to_hear_it_asks_again() -> None:
    heard = [None, status("request 1", "idle"), status("request 2", "busy"), status("request 2", "idle")]
    client = Told([reply("request 1"), reply("request 2")], heard)
    awaited(client.wait_for_ready(timeout=1))
    assert client.requests == 2
    assert client.outputs == []


def test_a_late_reply_to_an_earlier_request_is_not_taken_for_this_one() -> None:
    shell = [None, reply("request 1"), reply("request 2")]
    client = Told(shell, [status("request 1", "idle"), status("request 2", "idle")])
    awaited(client.wait_for_ready(timeout=1))
    assert client.shell == client.outputs == []


def test_a_kernel_that_died_is_not_waited_for() -> None:
    with pytest.raises(RuntimeError, match="died before replying"):
        awaited(Told([], [], alive=False).wait_for_ready())


def test_a_kernel_that_stays_silent_is_given_up() -> None:
    with pytest.raises(RuntimeError, match="didn't respond in 0 seconds"):
        awaited(Told([], []).wait_for_ready(timeout=0))


def test_nothing_that_a_ready_kernel_says_is_missed() -> None:
    async def first_outputs() -> list[str]:
        manager = ReadyManager(kernel_name="python3")
        await manager.start_kernel()
        client = manager.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=60)
            request, kinds = client.execute("print('first')"), list[str]()
            while kinds[-1:] != ["idle"]:
                heard = await client.get_iopub_msg(timeout=30)
                assert heard["parent_header"]["msg_id"] == request
                kinds.append(heard["content"].get("execution_state", heard["msg_type"]))
            return kinds
        finally:
            client.stop_channels()
            await manager.shutdown_kernel(now=True)

    assert awaited(first_outputs()) == ["busy", "execute_input", "stream", "idle"]
