"""The verdict of the gate, and the damage of files: plain values, written as JSON, read back and printed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Literal

import pyarrow as pa
from rich import box
from rich.table import Table as RichTable

from opslib.errors import GateError
from opslib.locales import whole
from opslib.tables import TABLES

Severity = Literal["critical", "warning"]
Scope = Literal["rows", "teams", "table"]
Outcome = Literal["passed", "warned", "set_aside", "blocked", "absent"]


@dataclass(frozen=True)
class DamagedFile:
    """A file that cannot be read whole; `teams` is None where nobody can tell whose rows it holds (all teams then)."""

    table: str
    file: str
    message: str
    teams: tuple[str, ...] | None
    rows: int


@dataclass(frozen=True)
class Result:
    """What one expectation saw.

    `checked` and `failed` count rows (scope `rows`), teams (`teams`) or 1 (`table`). `examples` are keys of failing
    rows, never text. `failures_by_week` counts failing rows by the ISO week that dates them, or as `undated`.
    """

    table: str
    expectation: str
    type: str
    column: str
    severity: Severity
    scope: Scope
    notes: str
    checked: int
    failed: int
    observed: str
    examples: tuple[str, ...]
    teams: tuple[str, ...]
    outcome: Outcome
    failures_by_week: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What the gate found for one week: every result, rows per table, and who is blocked and why."""

    week: str
    as_of: datetime
    results: tuple[Result, ...]
    blocked: dict[str, tuple[str, ...]]
    rows: dict[str, int]

    @property
    def status(self) -> Literal["passed", "warned", "blocked"]:
        """Blocked where a team is, else warned where a row or a warning failed, else passed."""
        if self.blocked:
            return "blocked"
        return "warned" if any(result.outcome in {"warned", "set_aside"} for result in self.results) else "passed"

    @property
    def exit_status(self) -> Literal[0, 3]:
        """What the command line ends with: 3 where a team is blocked, else 0."""
        return 3 if self.blocked else 0

    def to_json(self) -> str:
        """The same text for the same verdict: sorted keys, no clock, no ids."""
        tree = asdict(self) | {"as_of": self.as_of.astimezone(UTC).isoformat(), "status": self.status}
        return json.dumps(tree, indent=1, sort_keys=True, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Verdict:
        """Read what `to_json` wrote.

        Raises:
            GateError: the text is no verdict of this version.
        """
        try:
            tree = json.loads(text)
            results = tuple(
                Result(**{**result, "examples": tuple(result["examples"]), "teams": tuple(result["teams"])})
                for result in tree["results"]
            )
            return cls(
                week=tree["week"],
                as_of=datetime.fromisoformat(tree["as_of"]),
                results=results,
                blocked={team: tuple(reasons) for team, reasons in tree["blocked"].items()},
                rows=tree["rows"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise GateError("this is no verdict of the gate of this version; run `opslib gate` again") from error


@dataclass(frozen=True)
class GateRun:
    """A verdict and the rows that it sets aside: per table `_file`, `_row` and `reason`, one line per row."""

    verdict: Verdict
    set_aside: dict[str, pa.Table]


def verdict_lines(verdict: Verdict) -> RichTable:
    """The table that `opslib gate` prints: a line per expectation that did not pass, and one per table for the rest."""
    lines = RichTable(box=box.SIMPLE, title=f"Gate {verdict.week}: {verdict.status}", title_justify="left")
    for column in ("table", "expectation", "severity", "checked", "failed", "outcome", "teams"):
        lines.add_column(column, justify="right" if column in {"checked", "failed"} else "left", overflow="fold")
    styles = {"blocked": "bold red", "set_aside": "yellow", "warned": "yellow"}
    for table in TABLES:
        results = [result for result in verdict.results if result.table == table]
        for result in results:
            if result.outcome in styles:
                lines.add_row(
                    table,
                    f"{result.expectation} ({result.observed})",
                    result.severity,
                    whole(result.checked),
                    whole(result.failed),
                    result.outcome.replace("_", " "),
                    ", ".join(result.teams),
                    style=styles[result.outcome],
                )
        passed = sum(result.outcome == "passed" for result in results)
        absent = sum(result.outcome == "absent" for result in results)
        if table in verdict.rows:
            rest = f"{passed} passed" + (f", {absent} on columns that are not in this export" if absent else "")
            lines.add_row(table, rest, "", whole(verdict.rows[table]), "", "", "")
        elif all(result.outcome == "absent" for result in results):
            lines.add_row(table, "the table is not in this export", "", "", "", "absent", "", style="dim")
    return lines
