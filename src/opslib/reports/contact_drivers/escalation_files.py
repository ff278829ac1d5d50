"""Escalations as files for a product team: Markdown and CSV that neither customers' words nor reasons can break.

What a notebook displays of them carries the files and the rows of the register along, in a type of our own beside the
HTML; the run writes both, so that nothing is worked out twice.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from opslib import labels
from opslib.display import mime, spreadsheet, words
from opslib.display.cells import Cell, table_of
from opslib.display.theme import Markup, note

_FOLDER = "../escalations"  # of the week, seen from a report
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&!]|^[-+=]|^\d+(?=[.)]))")
_LINK = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
_LINES = re.compile(r"[\r\n\t\f\v\x00-\x1f\x7f\x85\u2028\u2029]+")
IDENTIFYING_COLUMNS = ("contact_reason", "channel", "language", "region", "form")
"""The columns of a ticket that together may tell who wrote it."""
TICKET_COLUMNS = ("ticket_id", "day", "week", *IDENTIFYING_COLUMNS)
"""What is handed over of a ticket."""


@dataclass(frozen=True)
class Escalation:
    """A candidate with the evidence that a product team asks for."""

    escalation_id: str
    team: str
    team_label: str
    week: str
    row: pd.Series
    trend: pd.DataFrame
    segments: pd.DataFrame
    links: pd.DataFrame
    examples: tuple[str, ...]
    tickets: pd.DataFrame


class EscalationHandover:
    """The escalations of a team's week: a table with links to their files, and with it the files and the register."""

    def __init__(self, escalations: Sequence[Escalation], register: pd.DataFrame) -> None:
        self.rows = [_json_values(row) for row in register.to_dict("records")]
        self.files: dict[str, str] = {}
        for each in escalations:
            self.files |= {f"{each.escalation_id}.md": markdown(each), f"{each.escalation_id}.csv": as_csv(each)}
        self.table = _table(escalations)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        record = {"register": self.rows, "files": self.files}
        return {mime.ESCALATIONS: record, "text/html": self.table.html, "text/plain": self.table.text}

    def __repr__(self) -> str:
        return self.table.text


def escalation_id(week: str, team: str, subject: str) -> str:
    """A name that is safe as a file name and the same for the same subject.

    >>> escalation_id("2026-W41", "us-creators", "draft_sync_loss")
    '2026-W41-us-creators-draft-sync-loss-cbe0'
    """
    name = re.sub(r"[^a-z0-9]+", "-", subject.lower()).strip("-")[:40].strip("-") or "subject"
    safe_team = re.sub(r"[^a-z0-9]+", "-", team.lower()).strip("-")
    return f"{week}-{safe_team}-{name}-{zlib.crc32(subject.encode()) & 0xFFFF:04x}"


def markdown(escalation: Escalation) -> str:
    """An escalation as Markdown; whatever came from customers is escaped, so that it can be no markup.

    Args:
        escalation: the candidate with its evidence.
    """
    row = escalation.row
    phrases = [phrase for phrase in str(row["phrases"]).split(";") if phrase]
    lines = [
        f"# {_literal(labels.label('contact_reason', row['subject']))}",
        f"Escalation `{escalation.escalation_id}` of {_literal(escalation.team_label)}, "
        f"{words.week_number(escalation.week)} "
        f"({words.week_days(escalation.week)}).",
        f"- **Avoidable**: {avoidable_in_words(row)}.",
        f"- **Dissatisfied** answers: {words.decimal(row['dissatisfied_ratio'], 2)} times the team's share.",
        f"- **Score**: {words.whole(row['score'])} average tickets a week (95%: {words.whole(row['score_low'])} to "
        f"{words.whole(row['score_high'])}): avoidable tickets times dissatisfaction.",
        f"- **Since**: {since_in_words(row)}. Found by: {words.listed(str(row['found_by']).split(' and '))}.",
        *([f"- **Customers say**: {_literal(words.listed([f'“{each}”' for each in phrases]))}."] if phrases else []),
        "\n## Trend\n",
        "| Week of | Tickets |\n|---|---:|",
        *(
            f"| {words.week_start(week)} | {words.whole(count)} |"
            for week, count in zip(escalation.trend["week"], escalation.trend["tickets"], strict=True)
        ),
        "\n## Who is affected\n",
        *_segment_lines(escalation.segments),
        "\n## In customers' words (redacted)\n",
        *(
            [f"{place}. {_literal(text)}" for place, text in enumerate(escalation.examples, 1)]
            or ["No texts in this export."]
        ),
        "\n## Related tool requests and policy changes\n",
        *_link_lines(escalation.links),
        f"\nThe tickets are in `{escalation.escalation_id}.csv`.",
    ]
    return "\n".join(lines) + "\n"


def as_csv(escalation: Escalation) -> str:
    """The tickets of an escalation since its onset as CSV, safe to open in a spreadsheet.

    Args:
        escalation: the candidate with its evidence.

    Returns:
        CSV with a byte order mark, by which Excel knows UTF-8. A cell that a spreadsheet would take for a formula
        begins with an apostrophe. No person ids and no texts; groups of too few people have no name.
    """
    columns = [name for name in TICKET_COLUMNS if name in escalation.tickets]
    return spreadsheet.as_csv(escalation.tickets.sort_values(["day", "ticket_id"], kind="stable")[columns])


def avoidable_in_words(row: pd.Series) -> str:
    """What a subject has above its level before: allowing for having been picked, and as counted.

    Args:
        row: of the candidates.
    """
    return (
        f"about {words.whole(row['excess'])} tickets a week (95%: {words.whole(row['excess_low'])} to "
        f"{words.whole(row['excess_high'])}) "
        f"above the {words.whole(row['before_per_week'])} before, after allowing for having been picked as large "
        f"({words.whole(row['excess_as_counted'])} as counted)"
    )


def since_in_words(row: pd.Series) -> str:
    """Since when a subject is above its level, with the days between which it may have begun.

    Args:
        row: of the candidates.
    """
    on = words.short_day(row["onset_on"])
    if not isinstance(row["onset_low"], str):
        return f"the week of {on}"
    low, high = words.short_day(row["onset_low"]), words.short_day(row["onset_high"])
    return on if low == high else f"{on} (95%: {low} to {high})"


def _table(escalations: Sequence[Escalation]) -> Markup:
    if not escalations:
        return note("Nothing new is proposed this week.")
    rows = [
        [
            Cell(labels.label("contact_reason", row["subject"]), header=True),
            Cell(
                f"{words.whole(row['excess'])} ({words.whole(row['excess_low'])} to {words.whole(row['excess_high'])})",
                number=True,
            ),
            *(
                _link(each.escalation_id, kind, about=labels.label("contact_reason", row["subject"]))
                for kind in ("md", "csv")
            ),
        ]
        for each in escalations
        for row in [each.row]
    ]
    heads = ("Subject", "Avoidable a week (95%)", "To read", "Its tickets")
    return table_of("Proposed this week", heads, rows)


def _link(escalation_id: str, kind: str, *, about: str) -> Cell:
    name = f"{escalation_id}.{kind}"
    label = {"md": "Markdown", "csv": "CSV"}[kind]
    hidden = f'<span class="visually-hidden"> of {escape(about)}</span>'
    return Cell(name, html=f'<a href="{_FOLDER}/{escape(name)}">{label}{hidden}</a>')


def _json_values(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row of a frame as JSON can hold it: NumPy's numbers as Python's, NaN as null."""
    values = {str(name): value.item() if hasattr(value, "item") else value for name, value in row.items()}
    return {name: None if pd.isna(value) else value for name, value in values.items()}


def _segment_lines(frame: pd.DataFrame) -> list[str]:
    if frame.empty:
        return ["No segment stands out from the team's other tickets, or none has enough customers to be shown."]
    return [
        "| Segment | Tickets | Share (95%) | Of other tickets |\n|---|---:|---:|---:|",
        *(
            f"| {_literal(labels.field_name(row['dimension']))}: "
            f"{_literal(labels.label(row['dimension'], row['segment']))} | {words.whole(row['tickets'])} | "
            f"{words.percent(row['share'], 0)} "
            f"({words.percent_figures(row['low'], 0)}–{words.percent_figures(row['high'], 0)}) | "
            f"{words.percent(row['others_share'], 0)} |"
            for _, row in frame.iterrows()
        ),
    ]


def _link_lines(frame: pd.DataFrame) -> list[str]:
    lines = [
        f"- {row['kind']} {_literal(row['id'])}, {words.full_day(pd.Timestamp(row['at']))}, {_literal(row['what'])} "
        f"({_literal(row['status'])}): it {row['why']}"
        for _, row in frame.iterrows()
    ]
    return lines or ["No tool request and no policy change."]


def _literal(text: object) -> str:
    """One line in which Markdown and HTML mean nothing, and addresses are no links."""
    return _LINK.sub("\u200b", _MARKDOWN.sub(r"\\\1", _LINES.sub(" ", str(text)).strip()))
