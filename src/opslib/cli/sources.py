"""`opslib sources …`: how the exports of a CRM map to the standard tables."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opslib.cli.options import PARAMS, Params
from opslib.cli.terminal import Exit, console, say

app = typer.Typer(no_args_is_help=True, help="How the exports of a CRM map to the standard tables.")


@app.command("list")
def list_sources(params: Params = PARAMS) -> None:
    """The sources there are."""
    from opslib.intake.mapping.sources import load_source, source_names

    for name in source_names(params):
        say(name, load_source(params, name).description.strip().splitlines()[0])


@app.command("check")
def check(
    name: Annotated[str, typer.Argument(help="The source: a name in params/sources, or standard.")],
    paths: Annotated[list[Path], typer.Argument(help="Export files, or a folder of them.")],
    params: Params = PARAMS,
    show_values: Annotated[
        bool,
        typer.Option(
            "--show-values",
            help="Show all values and names of columns, personal data among them: for who may see the files.",
        ),
    ] = False,
) -> None:
    """Read export files and say, column by column, what each would become and what could not be read.

    Values are shown only where they name nobody; the others are counted, and `--show-values` shows them.
    """
    from opslib.intake.mapping.check import check_source

    report = check_source(params, name, paths, to_owner=show_values)
    console.print(report)
    raise typer.Exit(Exit.DONE if report.fits else Exit.BAD_INPUT)
