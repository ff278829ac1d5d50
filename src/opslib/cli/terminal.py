"""What the command line says, and what its exit status means."""

from __future__ import annotations

from enum import IntEnum

from rich.console import Console

console = Console(highlight=False, soft_wrap=True)


class Exit(IntEnum):
    """What the exit status says."""

    DONE = 0
    REPORT_FAILED = 1
    BAD_INPUT = 2
    BLOCKED_BY_THE_GATE = 3


def say(step: str, line: str) -> None:
    """One line of what a step did."""
    console.print(f"[bold]{step:<8}[/bold] ", end="")
    console.print(line, markup=False)


def say_error(error: Exception) -> None:
    """What a user can mend, in one message on the standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"opslib: {error}", style="red", markup=False)
