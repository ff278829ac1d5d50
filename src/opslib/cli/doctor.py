"""`opslib doctor`: what is not as it should be, and `--repair`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from opslib.cli.options import Reports, WarehouseFolder
from opslib.cli.terminal import Exit, say


def doctor(
    warehouse: WarehouseFolder = None,
    reports: Reports = None,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended without a run.")] = False,
) -> None:
    """Check warehouse, key, reports, locks, leftovers, disk space and versions; say what would be repaired.

    The exit status is 0 where all is well or was repaired, else 2.
    """
    from opslib.store.warehouse import Warehouse
    from opslib.weekly.checkup import examine

    store, pages = Warehouse(warehouse or Path("data") / "warehouse"), reports or Path("reports")
    if not store.root.is_dir():
        say("doctor", f"there is no warehouse {store.root} yet; `make facts` makes it")
    elif store.is_held():
        say("doctor", f"another run holds {store.root}: look again once it has ended")
        raise typer.Exit(Exit.BAD_INPUT)
    findings = examine(store, pages)
    for finding in findings:
        say("doctor", f"{finding.what}: {finding.remedy}")
    repairs = [finding.repair for finding in findings if finding.repair is not None]
    if repair and repairs:
        with store.locked():
            for mend in repairs:
                mend()
        left = examine(store, pages)
        say("doctor", f"{len(findings) - len(left)} repaired, {len(left)} left for a run or for you")
        findings = left
    elif findings:
        say("doctor", f"{len(findings)} found, {len(repairs)} of which `opslib doctor --repair` mends")
    else:
        say("doctor", "all is well")
    raise typer.Exit(Exit.BAD_INPUT if findings else Exit.DONE)
