"""`opslib key …`: another key for the pseudonyms."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from opslib.cli.options import WarehouseFolder
from opslib.cli.terminal import say
from opslib.errors import OpslibError, WarehouseError
from opslib.intake.privacy.secret import HOW_TO_MAKE_A_KEY, KEY_VARIABLE, take_secret

app = typer.Typer(no_args_is_help=True, help="The key of the pseudonyms.")


@app.command("rotate")
def rotate(
    warehouse: WarehouseFolder = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, where somebody sits at the terminal.")] = False,
) -> None:
    """Put another key in the place of a warehouse's, and say what that costs."""
    from opslib.intake.privacy.key import ALL_PSEUDONYMS_CHANGE, KEY_FILE, rotate_key
    from opslib.intake.privacy.tombstones import AREA, TABLE
    from opslib.store.warehouse import Warehouse

    store = Warehouse(warehouse or Path("data") / "warehouse")
    if take_secret() is not None:
        raise OpslibError(
            f"the pseudonyms are made with {KEY_VARIABLE}, which only you can change ({HOW_TO_MAKE_A_KEY}); with "
            f"another one {ALL_PSEUDONYMS_CHANGE}"
        )
    if not store.root.is_dir():
        raise WarehouseError(f"there is no warehouse {store.root}, so there is no key to change")
    say("key", f"with another key {ALL_PSEUDONYMS_CHANGE}; published numbers stay; the key of before is not kept")
    if store.has(AREA, TABLE):
        say("key", "tombstones do not hold under another key: the next run stops until who was forgotten is anew")
    if sys.stdin is not None and sys.stdin.isatty() and not yes:
        typer.confirm("Change the key?", abort=True)
    with store.locked():
        rotate_key(store.root)
    say("key", f"{store.root / KEY_FILE} holds another key; the next run reads all exports again: back the key up")
