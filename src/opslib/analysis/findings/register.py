"""The register of findings: what a row says, its name from week to week, and where it lies in the warehouse.

`published/findings` is partitioned by week. Notebooks hand over what they find, the run adds missed goals, signals and
data that are not complete, and whoever shows findings reads them there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

import pyarrow as pa

from opslib.analysis.findings.hours import Hours

if TYPE_CHECKING:
    import pandas as pd

AREA, TABLE = "published", "findings"

Kind = Literal["data incomplete", "goal missed", "broken rule", "reason moved", "signal", "overdue action"]
Standing = Literal["first", "clear", "could be chance", "too few to say", "no need"]

KINDS: tuple[str, ...] = get_args(Kind)
HANDED_OVER = ("reason moved", "broken rule")
"""The kinds that notebooks find; the run finds the others."""
STANDINGS: tuple[str, ...] = get_args(Standing)
"""How sure a finding is, in the order of ranks: what makes other numbers doubtful, what is clear, what could be chance,
what is of too few to say, and what needs nobody."""

WITHOUT_HOURS: Mapping[Kind, str] = {
    "data incomplete": "None: what an export lacks is no work on tickets.",
    "goal missed": "Not measured: a ticket that misses a goal may take no more work for it.",
    "broken rule": "Not measured: no ticket is known to suffer from it.",
    "reason moved": "Not measured.",
    "signal": "Not measured: it says nothing of how much work there is.",
    "overdue action": "None: an action is no work on tickets.",
}
"""Why a finding of a kind has no hours, where nothing else is said."""

SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("week", "finding_id", "team", "kind", "subject", "what", "standing")),
        *((name, pa.float64()) for name in ("size", "size_low", "size_high", "hours", "hours_low", "hours_high")),
        ("hours_missing", pa.string()),
        ("score", pa.float64()),
        *((name, pa.string()) for name in ("since", "said_by", "causes", "next_step", "section", "tickets")),
        ("listed", pa.float64()),
    ]
)
"""week, finding_id, team; kind (of `KINDS`); subject (a metric, reason or rule); what (a sentence); standing (of
`STANDINGS`); size, tickets a week, with size_low and size_high; hours a week, with hours_low and hours_high, null where
they were not measured, and hours_missing, why not ("" where they were); score, what it is ranked by; since, a date
(ISO); said_by, the finding that says the same already, "" for none; causes, JSON of rows of `causes.COLUMNS` with their
text; next_step; section, page and anchor; tickets, JSON of what selects those behind it: kind, metric, rule, or what
moved with its reason, week, team; listed, how many tickets its own list has, null where it has none, as where the list
is that of a metric."""


def finding_id(kind: Kind, team: str, subject: str) -> str:
    """A short name that is the same every week for the same thing, and tells nobody what it is.

    Args:
        kind: of `KINDS`.
        team: a name in the organisation's file.
        subject: the metric, reason or rule.

    >>> finding_id("goal missed", "us-creators", "first_reply_sla")
    'F-a43362b9'
    """
    return f"F-{hashlib.sha256(json.dumps([kind, team, subject]).encode()).hexdigest()[:8]}"


def finding(
    kind: Kind,
    *,
    week: str,
    team: str,
    subject: str,
    what: str,
    next_step: str,
    section: str,
    tickets: Mapping[str, str],
    standing: Standing = "clear",
    size: float | None = None,
    interval: tuple[float | None, float | None] = (None, None),
    hours: Hours | None = None,
    listed: int | None = None,
    score: float | None = None,
    since: str = "",
    said_by: str = "",
    causes: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """A row of the register.

    Args:
        kind: of `KINDS`.
        week: ISO week.
        team: a name in the organisation's file.
        subject: the metric, reason or rule.
        what: a sentence.
        next_step: what is proposed.
        section: page and anchor, relative to the folder of the team.
        tickets: what selects those behind it, beside kind, week and team: `{"metric": …}`, `{"reason": …}`,
            `{"rule": …}`, `{"moved": …}`, or nothing.
        standing: of `STANDINGS`.
        size: tickets a week.
        interval: of the size.
        hours: a week; None where nothing of its kind measures any.
        listed: how many tickets the list has that is its own.
        score: what it is ranked by; the size where it is not given.
        since: a date (ISO).
        said_by: the finding that says the same already.
        causes: rows of `causes.COLUMNS`, each with its `text`.

    Returns:
        Values by the names of `SCHEMA`, as JSON can hold them.
    """
    low, high = interval
    cost = hours or Hours(missing=WITHOUT_HOURS[kind])
    row = {
        "week": week,
        "finding_id": finding_id(kind, team, subject),
        "team": team,
        "kind": kind,
        "subject": subject,
        "what": what,
        "standing": standing,
        "size": size,
        "size_low": low,
        "size_high": high,
        "hours": cost.hours,
        "hours_low": cost.low,
        "hours_high": cost.high,
        "hours_missing": cost.missing,
        "score": size if score is None else score,
        "since": since,
        "said_by": said_by,
        "causes": json.dumps([_plain(each) for each in causes]),
        "next_step": next_step,
        "section": section,
        "tickets": json.dumps({"kind": kind, **tickets, "week": week, "team": team}),
        "listed": None if listed is None else float(listed),
    }
    return _plain(row)


def causes_of(row: Any) -> list[dict[str, Any]]:
    """The candidates of a finding, most likely first, each with its text.

    Args:
        row: of the register, with its columns as attributes.
    """
    return list(json.loads(row.causes))


def selection_of(row: Any) -> dict[str, str]:
    """What selects the tickets behind a finding: kind, metric, reason or rule, week and team.

    Args:
        row: of the register, with its columns as attributes.
    """
    return dict(json.loads(row.tickets))


def empty() -> pd.DataFrame:
    """The register without any row."""
    frame: pd.DataFrame = SCHEMA.empty_table().to_pandas()
    return frame


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON can hold them: NumPy's numbers as Python's, NaN as null."""
    values = {name: value.item() if hasattr(value, "item") else value for name, value in row.items()}
    return {name: None if isinstance(value, float) and value != value else value for name, value in values.items()}
