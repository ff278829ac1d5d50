"""What somebody who waits sees: a bar on a terminal, a plain line per report elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from opslib.locales import decimal
from opslib.weekly.outcome import Event


@contextmanager
def progress_bar(
    total: int, say: Callable[[str, str], None], console: Console | None
) -> Iterator[Callable[[Event], None]]:
    """Show how far the reports are while the block runs.

    Args:
        total: how many reports there will be.
        say: told the step and a line, for each report that is done.
        console: what `say` writes on; None where nobody waits.

    Yields:
        What the renderer tells its events.
    """
    if console is None or not console.is_terminal:
        yield lambda event: _say_done(event, say)
        return
    columns = (TextColumn("reports ", style="bold"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns, TextColumn("{task.description}", markup=False), console=console, transient=True
    ) as progress:
        task = progress.add_task("", total=total)

        def show(event: Event) -> None:
            progress.update(task, description=event.job.identifier, advance=int(event.kind == "done"))
            _say_done(event, say)

        yield show


def _say_done(event: Event, say: Callable[[str, str], None]) -> None:
    if event.outcome is not None:
        why = f": {event.outcome.error}" if event.outcome.error else ""
        status = event.outcome.status.replace("_", " ")
        say("report", f"{event.job.identifier} {status} ({decimal(event.outcome.seconds, 1)} s){why}")
