"""`opslib forget`: people and tickets taken out on request, and what is kept no longer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from opslib.cli.options import PARAMS, Params, Reports, Source, WarehouseFolder
from opslib.cli.terminal import say
from opslib.errors import OpslibError
from opslib.intake.privacy.secret import take_secret

_AS_KEPT = "keep"


def forget(
    requester: Annotated[
        list[str] | None, typer.Option(help="Id of a requester in the CRM, with their tickets; may be given again.")
    ] = None,
    ticket: Annotated[list[str] | None, typer.Option(help="Id of a ticket in the CRM; may be given again.")] = None,
    agent: Annotated[
        list[str] | None,
        typer.Option(help="Id of an agent in the CRM; their tickets stay without it; may be given again."),
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option(
            help="Tickets created before, and rows set aside: a time like `3 years`; `keep` for what privacy.keep of "
            "params/org.yml says of texts, tickets, rows set aside and reports."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would be taken out, and change nothing.")
    ] = False,
    source: Source = None,
    params: Params = PARAMS,
    warehouse: WarehouseFolder = None,
    reports: Reports = None,
) -> None:
    """Take people and tickets out of tables, pages and lists, and keep them out when the exports are read again.

    Numbers that were published stay: they are counts. The exports, copies of pages and backups are not touched.
    """
    from opslib.intake.exclusions import Limits
    from opslib.intake.privacy.tombstones import BY_AGE, ON_REQUEST
    from opslib.settings import Keep, period
    from opslib.weekly.erasure import Request
    from opslib.weekly.run import open_erasure

    request = Request(_ids(requester, "--requester"), _ids(ticket, "--ticket"), _ids(agent, "--agent"))
    is_asked_for = bool(request.requesters or request.tickets or request.agents)
    if not (is_asked_for or older_than):
        raise OpslibError("name whom or what to forget: --requester ID, --ticket ID, --agent ID or --older-than TIME")
    try:
        time = None if older_than in (None, _AS_KEPT) else period(older_than)
    except ValueError as error:
        raise OpslibError(f"--older-than: {error}; or `{_AS_KEPT}` for what params/org.yml says") from error
    erasure, organisation = open_erasure(
        source=source or None, params=params, warehouse=warehouse, reports=reports, secret=take_secret()
    )
    now = datetime.now(UTC)
    with erasure.holdings.warehouse.locked():
        lines = erasure.forget(request, dry_run=dry_run) if is_asked_for else []
        if older_than:
            keep = Keep(tickets=time, quarantine=time) if time else organisation.privacy.keep
            cause = ON_REQUEST if time else BY_AGE
            limits, today = Limits.of(keep, organisation, now), now.astimezone(organisation.zone).date()
            lines += erasure.take_out_the_old(keep, limits, today, cause, dry_run=dry_run)
    for line in lines:
        say("forget", line)
    if dry_run:
        say("forget", "nothing was changed: this was a dry run")


def _ids(ids: list[str] | None, option: str) -> tuple[str, ...]:
    """Ids without the spaces around them.

    Raises:
        OpslibError: one is empty.
    """
    if any(not each.strip() for each in ids or ()):
        raise OpslibError(f"{option}: an id is empty")
    return tuple(dict.fromkeys(each.strip() for each in ids or ()))
