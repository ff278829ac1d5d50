"""The options of the command line: one object for those of a run, of which each command offers the fields it needs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

PARAMS = Path("params")
Source = Annotated[
    str | None, typer.Option(help="A name in params/sources; `standard`, or the sample where there are no exports.")
]
Exports = Annotated[Path | None, typer.Option(help="Folder of the exports. [default: data/exports/SOURCE]")]
Params = Annotated[Path, typer.Option(help="Folder of org.yml, weekly.yml and sources/.")]
WarehouseFolder = Annotated[Path | None, typer.Option(help="Folder of the warehouse. [default: data/warehouse]")]
Reports = Annotated[Path | None, typer.Option(help="Folder of the reports. [default: reports]")]
Notebooks = Annotated[Path, typer.Option(help="Folder of the notebooks.")]
Expectations = Annotated[Path, typer.Option(help="Folder of the suites of the gate.")]
Notes = Annotated[Path, typer.Option(help="Folder of what people write: actions.csv, and WEEK/TEAM.md.")]
Week = Annotated[str | None, typer.Option(help="ISO week, like 2026-W46. [default: the last complete one in the data]")]
AsOf = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z"],
        help="Up to when the exports know the world, like 2026-11-16T11:00:00Z. [default: the latest instant in them]",
    ),
]
Teams = Annotated[list[str] | None, typer.Option("--team", help="Only this team; may be given more than once.")]
Only = Annotated[list[str] | None, typer.Option("--only", help="Only this report, by its identifier of --list.")]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many reports.")]
Jobs = Annotated[int | None, typer.Option(min=1, help="Reports rendered side by side. [default: the cores]")]
Timeout = Annotated[int, typer.Option(min=1, help="Seconds that one cell of a notebook may take.")]
Memory = Annotated[int | None, typer.Option(min=256, help="MB of memory a notebook may use. [default: as in params]")]
Force = Annotated[bool, typer.Option("--force", help="Make reports again of which nothing has changed.")]
ListOnly = Annotated[bool, typer.Option("--list", help="Say which reports there would be, and stop.")]
NoExecute = Annotated[bool, typer.Option("--no-execute", help="Stop before the notebooks.")]
SampleTickets = Annotated[
    int | None,
    typer.Option(min=1, help="Size of the sample; with it, it is made also in --exports. [default: 60,000]"),
]

_WITHOUT_EFFECT_ON_PAGES = frozenset({"force", "jobs"})


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """All options of a run, in the order in which help lists them; a command that does not offer one has its default.

    `jobs` is how many reports are made side by side, `timeout` seconds, `memory` MB.
    """

    source: Source = None
    exports: Exports = None
    params: Params = PARAMS
    warehouse: WarehouseFolder = None
    reports: Reports = None
    notebooks: Notebooks = Path("notebooks")
    expectations: Expectations = Path("expectations")
    notes: Notes = Path("notes")
    week: Week = None
    as_of: AsOf = None
    team: Teams = None
    only: Only = None
    limit: Limit = None
    jobs: Jobs = None
    timeout: Timeout = 600
    memory: Memory = None
    force: Force = False
    list_only: ListOnly = False
    no_execute: NoExecute = False
    sample_tickets: SampleTickets = None

    @property
    def as_of_utc(self) -> datetime | None:
        """`as_of` with its time zone: `…Z` is read as a time without one."""
        return self.as_of if self.as_of is None or self.as_of.tzinfo is not None else self.as_of.replace(tzinfo=UTC)

    @property
    def identity(self) -> dict[str, Any]:
        """What tells this run from others: the options by name, without those that change no page."""
        return {name: value for name, value in vars(self).items() if name not in _WITHOUT_EFFECT_ON_PAGES}


DATA = ("source", "exports", "params", "warehouse")
WEEK = ("week", "as_of")
CHOICE = ("team", "only", "limit", "jobs", "timeout", "memory", "force", "list_only")
"""Which reports, and how each is made."""


def offering(options: Iterable[str]) -> Callable[[Callable[[RunOptions], None]], Callable[..., None]]:
    """Make a function of `RunOptions` a command that Typer can build.

    Args:
        options: the fields of `RunOptions` that the command offers.

    Returns:
        A decorator. Typer sees a keyword parameter for each of these fields, in the order of the class, with its type,
        help and default.
    """
    offered = set(options)
    hints = get_type_hints(RunOptions, include_extras=True)
    unknown = offered - set(hints)
    if unknown:
        raise TypeError(f"RunOptions has no {', '.join(sorted(unknown))}")

    def decorate(command: Callable[[RunOptions], None]) -> Callable[..., None]:
        def command_of_options(**values: Any) -> None:
            command(RunOptions(**values))

        parameters = [
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
            )
            for field in fields(RunOptions)
            if field.name in offered and field.default is not MISSING
        ]
        command_of_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command_of_options.__name__, command_of_options.__doc__ = command.__name__, command.__doc__
        return command_of_options

    return decorate
