"""What the notebooks of a week find, checked as they hand it over."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from opslib.analysis.findings.actions import in_order
from opslib.analysis.findings.ranking import first_lines
from opslib.analysis.findings.register import HANDED_OVER, SCHEMA, causes_of
from opslib.display import mime, words
from opslib.display.cells import rows_of
from opslib.errors import OpslibError
from opslib.weekly.headline import bundles_of
from opslib.weekly.plan import Job

if TYPE_CHECKING:
    import pandas as pd
    from nbformat import NotebookNode

    from opslib.weekly.outcome import Outcome


@dataclass(frozen=True)
class IndexLine:
    """A finding as the index lists it: what it is, its likeliest cause, the next step, and who does it by when."""

    finding_id: str
    team: str
    what: str
    cause: str
    next_step: str
    href: str
    owner: str
    due: str
    state: str


Findings = dict[str, list[dict[str, Any]]]
"""Rows of the register by kind; a kind without any says that there are none."""

_WRITTEN = frozenset({"ready", "unchanged"})


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


def first_of_week(findings: pd.DataFrame, actions: pd.DataFrame, today: date) -> list[IndexLine]:
    """The findings of all teams that are read first, at most five.

    Args:
        findings: rows of the register, of one week.
        actions: `actions.COLUMNS`.
        today: the day on which actions are overdue or not.
    """
    taken = {row.finding_id: row for row in reversed(list(rows_of(in_order(actions, today))))}
    lines = []
    for row in rows_of(first_lines(findings)):
        action = taken.get(row.finding_id)
        causes = causes_of(row)
        lines.append(
            IndexLine(
                finding_id=row.finding_id,
                team=row.team,
                what=row.what,
                cause=_cause_in_words(causes[0]) if causes else "",
                next_step=row.next_step,
                href=row.section,
                owner=action.owner if action is not None else "",
                due=words.day(action.due) if action is not None and action.due else "",
                state=f"{action.state}{', overdue' if action.is_overdue else ''}" if action is not None else "proposed",
            )
        )
    return lines


def _cause_in_words(cause: Mapping[str, Any]) -> str:
    return f"{'Cause' if cause['is_measured'] else 'At the same time'}: {cause['text']}."


def handovers_of(outcomes: Iterable[Outcome]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """By team and kind what the reports of a week found; those that failed, were blocked or have no data tell nothing.

    Args:
        outcomes: what became of the week's reports.
    """
    return {
        (str(outcome.job.team), kind): rows
        for outcome in outcomes
        if outcome.findings is not None and outcome.status in _WRITTEN
        for kind, rows in outcome.findings.items()
    }
