"""What the notebooks of a week escalate: their files in the week's folder, and the register that remembers.

A notebook hands over what it displayed (in the type `display.mime.ESCALATIONS`); here it is checked, written and read
back. The bundle of a report that has not changed comes from the cache, so that a run that was killed before it wrote is
healed by the next.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from opslib.analysis.contact_drivers.escalation_register import AREA, SCHEMA, TABLE
from opslib.display import mime
from opslib.errors import OpslibError
from opslib.store.files import write_text
from opslib.store.warehouse import Warehouse
from opslib.weekly.headline import bundles_of
from opslib.weekly.outcome import WRITTEN
from opslib.weekly.plan import Job

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from opslib.weekly.outcome import Outcome

FOLDER = "escalations"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,150}")
_KINDS = ("md", "csv")


class EscalationError(OpslibError):
    """What a notebook handed over is no escalation."""


@dataclass(frozen=True)
class Escalated:
    """An escalation of the week, as the index lists it; links are relative to the index."""

    escalation_id: str
    team: str
    subject: str
    excess: float
    excess_low: float
    excess_high: float

    @property
    def brief(self) -> str:
        return f"{FOLDER}/{self.escalation_id}.md"

    @property
    def tickets(self) -> str:
        return f"{FOLDER}/{self.escalation_id}.csv"


def handover_of(nb: NotebookNode, job: Job) -> dict[str, Any] | None:
    """What an executed notebook hands over: rows of the register and files by name; None where it has nothing to do.

    Raises:
        EscalationError: a row is of another team or has other columns than the register, or a file belongs to no
            escalation of this week.
    """
    bundles = bundles_of(nb, mime.ESCALATIONS)
    if not bundles:
        return None
    rows = [row for bundle in bundles for row in bundle["register"]]
    files = {name: text for bundle in bundles for name, text in bundle["files"].items()}
    columns = set(SCHEMA.names) - {"week"}
    for row in rows:
        if set(row) != columns or row["team"] != job.team or not _ID.fullmatch(row["escalation_id"]):
            raise EscalationError(
                f"{job.identifier} hands over what is no row of its register: {json.dumps(row)[:200]}"
            )
    names = {row["escalation_id"] for row in rows if row["escalated_week"] == job.week}
    if unknown := set(files) - {f"{name}.{kind}" for name in names for kind in _KINDS}:
        raise EscalationError(f"{job.identifier} hands over files of no escalation: {', '.join(sorted(unknown))[:200]}")
    return {"register": rows, "files": files}


def open_register(warehouse: Warehouse, week: str) -> None:
    """Make the week's partition of the register, empty, before its notebooks run.

    To a report a register without rows is another thing than none at all: were it made only afterwards, the first run
    would change what its own reports depend on.
    """
    if not warehouse.files(AREA, TABLE, [week]):
        warehouse.write_week(AREA, TABLE, week, SCHEMA.empty_table())


def keep(warehouse: Warehouse, reports: Path, week: str, outcomes: Iterable[Outcome]) -> list[str]:
    """Write the files and the rows of the register that the reports of a week hand over.

    Args:
        warehouse: its `published/escalations` of the week is written.
        reports: the folder of all weeks.
        week: ISO week.
        outcomes: what became of the week's reports; those that failed, were blocked or have no data change nothing.

    Returns:
        One line that says what was escalated; none where no report hands anything over.

    Notes:
        An escalation of the week that a later run of it no longer finds stays, with its files: it was handed over.
        Doing the same twice changes no byte.
    """
    rows = _of(warehouse, week).to_pylist()
    handovers = files_written = 0
    for outcome in outcomes:
        if outcome.handover is None or outcome.status not in WRITTEN:
            continue
        handovers += 1
        rows_of_run = [{"week": week, **row} for row in outcome.handover["register"]]
        ids_of_run = {row["escalation_id"] for row in rows_of_run}
        others = [row for row in rows if row["team"] != outcome.job.team]
        earlier = [row for row in rows if row["team"] == outcome.job.team and row["escalated_week"] == week]
        rows = others + rows_of_run + [row for row in earlier if row["escalation_id"] not in ids_of_run]
        for name, text in sorted(outcome.handover["files"].items()):
            files_written += write_text(text, reports / week / FOLDER / name)
    if not handovers:
        return []
    rows.sort(key=lambda row: (row["team"], row["escalated_week"], row["escalation_id"]))
    warehouse.write_week(AREA, TABLE, week, pa.Table.from_pylist(rows, schema=SCHEMA))
    rows_of_week = sum(row["escalated_week"] == week for row in rows)
    earlier_rows = len(rows) - rows_of_week
    return [f"{rows_of_week} of {week}, {earlier_rows} of weeks before followed up; {files_written} files written"]


def of_week(warehouse: Warehouse, reports: Path, week: str) -> list[Escalated]:
    """The escalations of a week whose files are there, most to gain first."""
    rows = [row for row in _of(warehouse, week).to_pylist() if row["escalated_week"] == week]
    rows.sort(key=lambda row: -row["score"])
    names = [field.name for field in fields(Escalated)]
    escalations = [Escalated(**{name: row[name] for name in names}) for row in rows]
    return [escalation for escalation in escalations if (reports / week / escalation.brief).is_file()]


def _of(warehouse: Warehouse, week: str) -> pa.Table:
    """The week's partition of the register, without noting that it was read: no report depends on it."""
    files = warehouse.files(AREA, TABLE, [week])
    return pq.read_table(files[0], partitioning=None) if files else SCHEMA.empty_table()
