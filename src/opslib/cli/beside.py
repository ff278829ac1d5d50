"""The commands beside the run: the reports served, the metrics listed, the sample written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opslib.cli.terminal import console, say
from opslib.errors import OpslibError


def review(
    reports: Annotated[Path, typer.Option(help="Folder of the reports.")] = Path("reports"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="The first port to try.")] = 8765,
    token: Annotated[
        bool,
        typer.Option("--token", help="Serve only whom the printed address is given: for machines with more users."),
    ] = False,
) -> None:
    """Serve the reports on 127.0.0.1, for browsers that dislike files."""
    from secrets import token_urlsafe

    from opslib.weekly.pages.serve import serve

    serve(
        reports,
        port,
        lambda address: say("review", f"{address} (Ctrl-C ends)"),
        token=token_urlsafe() if token else None,
    )


def metrics() -> None:
    """List every metric with its unit, direction and definition."""
    from rich.table import Column, Table

    from opslib.metrics import CATALOGUE

    name = Column("metric", no_wrap=True, min_width=max(map(len, CATALOGUE)))
    table = Table(name, "label", "unit", "better", "definition", title="What the numbers mean", title_justify="left")
    for metric in CATALOGUE.values():
        table.add_row(metric.name, metric.label, metric.unit, metric.better, metric.definition)
    console.print(table)


def sample(
    folder: Annotated[Path, typer.Argument(help="Folder to write; it must not exist.")],
    tickets: Annotated[int, typer.Option(min=1)] = 60_000,
    seed: Annotated[int, typer.Option()] = 20261116,
    planted: Annotated[bool, typer.Option(help="Whether ground truth is planted.")] = True,
) -> None:
    """Write the exports of a simulated support centre."""
    from opslib.sample import write_sample

    if folder.exists():
        raise OpslibError(f"{folder} exists already; name a new folder")
    write_sample(folder, tickets=tickets, seed=seed, planted=planted, on_progress=lambda line: say("sample", line))
    say("sample", f"{folder}: {len(list(folder.iterdir()))} files")
