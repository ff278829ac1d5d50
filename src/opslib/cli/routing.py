"""`opslib routing …`: candidate rules on past tickets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opslib.cli.options import PARAMS, Params, WarehouseFolder, Week
from opslib.cli.terminal import console, say
from opslib.errors import OpslibError

app = typer.Typer(no_args_is_help=True, help="Routing rules on past tickets.")

_WAREHOUSE = Path("data") / "warehouse"


@app.command("replay")
def replay(
    rules: Annotated[
        Path, typer.Option(help="The candidate file; where there is none, today's rules are written to it.")
    ],
    weeks: Annotated[int, typer.Option(min=1, help="So many complete weeks, up to the last.")] = 8,
    week: Week = None,
    params: Params = PARAMS,
    warehouse: WarehouseFolder = None,
) -> None:
    """Which queue past tickets would have entered under a candidate rule set, and what that changes."""
    from opslib.reports.routing_audit.candidates import replay_files, start_file
    from opslib.settings import load_organisation
    from opslib.store.warehouse import Warehouse

    store = Warehouse(warehouse or _WAREHOUSE)
    if not rules.exists():
        start_file(store, rules)
        say("routing", f"wrote today's rules to {rules}; change them and replay")
        return
    organisation = load_organisation(params, store.facts_of_the_run()["organisation"])
    organisation.speak()
    console.print(str(replay_files(store, organisation, rules, weeks, week=week)), markup=False)


@app.command("learn")
def learn(
    rules: Annotated[Path, typer.Option(help="The candidate file to write; it must not exist.")],
    by: Annotated[str, typer.Option(help="The field that decides.")] = "contact_reason",
    weeks: Annotated[
        int | None, typer.Option(min=1, help="Learn from so many complete weeks. [default: all up to --week]")
    ] = None,
    week: Week = None,
    params: Params = PARAMS,
    warehouse: WarehouseFolder = None,
) -> None:
    """Write the simplest candidate that the past suggests: each reason to the queue that has solved most of it."""
    from opslib.reports.routing_audit.candidates import learn_file
    from opslib.settings import load_organisation
    from opslib.store.warehouse import Warehouse

    if rules.exists():
        raise OpslibError(f"{rules} exists already; name a new file")
    store = Warehouse(warehouse or _WAREHOUSE)
    organisation = load_organisation(params, store.facts_of_the_run()["organisation"])
    organisation.speak()
    say("routing", f"{rules}: {learn_file(store, organisation, rules, by=by, weeks=weeks, week=week)}")
