"""What the notebooks of a week find, checked as they hand it over."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from opslib.analysis.findings.register import HANDED_OVER, SCHEMA
from opslib.display import mime
from opslib.errors import OpslibError
from opslib.weekly.headline import bundles_of
from opslib.weekly.outcome import WRITTEN
from opslib.weekly.plan import Job

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from opslib.weekly.outcome import Outcome


Findings = dict[str, list[dict[str, Any]]]
"""Rows of the register by kind; a kind without any says that there are none."""


class FindingError(OpslibError):
    """What a notebook handed over is no finding."""


def findings_of(nb: NotebookNode, job: Job) -> Findings | None:
    """What an executed notebook found; None where it does not look for anything.

    Raises:
        FindingError: a row is of another week or team, has other columns than the register, or is of a kind that the
            run finds itself.
    """
    findings: Findings = {}
    for bundle in bundles_of(nb, mime.FINDINGS):
        kind, rows = bundle["kind"], bundle["findings"]
        for row in rows:
            is_own = (row.get("week"), row.get("team"), row.get("kind")) == (job.week, job.team, kind)
            if not is_own or set(row) != set(SCHEMA.names):
                raise FindingError(f"{job.identifier} hands over what is no finding: {json.dumps(row)[:200]}")
        if kind not in HANDED_OVER:
            raise FindingError(f"{job.identifier} hands over findings of the kind {kind!r}, which no notebook finds")
        findings.setdefault(kind, []).extend(rows)
    return findings or None


def handovers_of(outcomes: Iterable[Outcome]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """By team and kind what the reports of a week found; those that failed, were blocked or have no data tell nothing.

    Args:
        outcomes: what became of the week's reports.
    """
    return {
        (str(outcome.job.team), kind): rows
        for outcome in outcomes
        if outcome.findings is not None and outcome.status in WRITTEN
        for kind, rows in outcome.findings.items()
    }
