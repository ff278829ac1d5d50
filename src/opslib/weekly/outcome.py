"""What becomes of a report, and what is told of it on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from opslib.weekly.plan import Job

Status = Literal["ready", "unchanged", "no_data", "blocked", "failed"]
WRITTEN = frozenset[Status]({"ready", "unchanged"})
"""What a report's page with numbers has: made now, or made before and still right."""


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    `headline` is a list of label, value, change, note, tone, signal, spark and spark_label; `error` is the last line of
    what went wrong; `path` is the page, which there always is; `handover` is register (rows of the register of
    escalations) and files (text by name), None where the notebook hands nothing over; `findings` are rows of the
    register of findings by kind, None where it looks for none.
    """

    job: Job
    status: Status
    seconds: float
    path: Path
    error: str | None = None
    headline: list[dict[str, Any]] = field(default_factory=list)
    handover: dict[str, Any] | None = None
    findings: dict[str, list[dict[str, Any]]] | None = None


@dataclass(frozen=True)
class Event:
    """Something to tell who waits: a job was started, or is done (`outcome` is then there)."""

    kind: Literal["started", "done"]
    job: Job
    outcome: Outcome | None = None
