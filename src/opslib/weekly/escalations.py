"""Escalations as files for a product team, and the register that remembers them.

A Markdown and a CSV file per escalation; the register is `published/escalations` of the warehouse, which is kept.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pandas as pd

from opslib import drivers_report as report
from opslib.analysis import escalation
from opslib.drivers_report import AREA, TABLE, Drivers, Escalation
from opslib.store import Warehouse, write_text

MOST = 5
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&!]|^[-+=]|^\d+(?=[.)]))")
_LINK = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
_LINES = re.compile(r"[\r\n\t\f\v\x00-\x1f\x7f\x85\u2028\u2029]+")
_COLUMNS = ("ticket_id", "day", "week", "contact_reason", "channel", "language", "region", "form")
_TEXT = ("team", "subject", "kind", "reason", "phrases", "escalation_id", "escalated_week", "onset_on", "latest_week")


def write_escalations(contacts: Drivers, folder: Path, *, most: int = MOST) -> list[str]:
    """Escalate the week's candidates of a team: write their files and remember them; follow up the earlier ones.

    Args:
        contacts: the team's week, as of `drivers_report.open_drivers`.
        folder: where the files go, such as `reports/2026-W46/escalations`.
        most: how many candidates at most; those whose excess may be nothing (interval below 0) are never escalated.

    Returns:
        One line that says what was done.

    Notes:
        A subject that is in the register and not back to its level before is followed up and not escalated again. Doing
        the same week twice changes nothing.
    """
    week, team = contacts.week.week, contacts.week.team
    store = contacts.week.warehouse
    found = contacts.candidates
    found = found[found["excess_low"] > 0].head(most)
    names = [report.escalation_id(week, team, str(subject)) for subject in found["subject"]]
    known = register_of(store)
    kept = escalation.register(known, found.assign(escalation_id=names), team=team, week=week)
    followed = _followed_up(contacts, kept)
    store.write(AREA, TABLE, _typed(followed))
    fresh = set(kept.loc[(kept["team"] == team) & (kept["escalated_week"] == week), "escalation_id"])
    written = 0
    for name, (_, row) in zip(names, found.iterrows(), strict=True):
        if name in fresh:
            brief = report.brief(contacts, row)
            written += write_text(markdown(brief), folder / f"{name}.md")
            written += write_text(as_csv(brief), folder / f"{name}.csv")
    mine = followed[followed["team"] == team]
    return [f"escalations of {team}: {len(fresh)} this week ({written} files written), {len(mine)} in the register"]


def register_of(store: Warehouse) -> pd.DataFrame:
    """The register of all teams, empty where nothing was ever escalated."""
    if not store.has(AREA, TABLE):
        return pd.DataFrame(columns=list(escalation.REGISTER_COLUMNS))
    return store.read(AREA, TABLE)


def markdown(brief: Escalation) -> str:
    """An escalation as Markdown; whatever came from customers is escaped, so that it can be no markup.

    Args:
        brief: the candidate with its evidence.
    """
    row = brief.row
    phrases = [phrase for phrase in str(row["phrases"]).split(";") if phrase]
    said = [
        f"# {_plain(row['subject'])}",
        f"Escalation `{brief.escalation_id}` of {_plain(brief.team_label)}, {brief.week}.",
        f"- **Avoidable**: {row['excess']:,.0f} tickets a week (95 %: {row['excess_low']:,.0f} to "
        f"{row['excess_high']:,.0f}) beyond the {row['before_per_week']:,.0f} before.",
        f"- **Effort** per ticket: {row['effort_ratio']:.2f} times the team's average. **Dissatisfied** answers: "
        f"{row['dissatisfied_ratio']:.2f} times.",
        f"- **Score**: {row['score']:,.0f} average tickets a week (95 %: {row['score_low']:,.0f} to "
        f"{row['score_high']:,.0f}).",
        f"- **Since**: {_since(row)}. Found by: {row['found_by']}.",
        *([f"- **Customers say**: {_plain(', '.join(phrases))}."] if phrases else []),
        "\n## Trend\n",
        "| Week | Tickets |\n|---|---:|",
        *(f"| {week} | {count:,} |" for week, count in zip(brief.trend["week"], brief.trend["tickets"], strict=True)),
        "\n## Whom it touches\n",
        *_segment_lines(brief.segments),
        "\n## In customers' words (redacted)\n",
        *([f"{place}. {_plain(text)}" for place, text in enumerate(brief.examples, 1)] or ["No texts in this export."]),
        "\n## What bears on it\n",
        *_link_lines(brief.links),
        f"\nThe tickets are in `{brief.escalation_id}.csv`.",
    ]
    return "\n".join(said) + "\n"


def as_csv(brief: Escalation) -> str:
    """The tickets of an escalation since its onset as CSV, safe to open in a spreadsheet.

    Args:
        brief: the candidate with its evidence.

    Returns:
        CSV with a byte order mark, by which Excel knows UTF-8. A cell that a spreadsheet would take for a formula
        begins with an apostrophe. No person ids and no texts.
    """
    target = io.StringIO()
    columns = [name for name in _COLUMNS if name in brief.tickets]
    rows = brief.tickets.sort_values(["day", "ticket_id"], kind="stable")[columns].astype("str").fillna("")
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([[safe_cell(each) for each in line] for line in rows.itertuples(index=False)])
    return "\ufeff" + target.getvalue()


def safe_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula.

    >>> [safe_cell(text) for text in ("refund", '=HYPERLINK("x")', " +1", "\\t@SUM(A1)")]
    ['refund', '\\'=HYPERLINK("x")', "' +1", "'\\t@SUM(A1)"]
    """
    bare = text.lstrip(" \u00a0\ufeff\u200b")
    wide = bare[:1].translate({0xFF1D: "=", 0xFF0B: "+", 0xFF0D: "-", 0xFF20: "@"})
    return f"'{text}" if wide.startswith(_FORMULA) else text


def _followed_up(contacts: Drivers, register: pd.DataFrame) -> pd.DataFrame:
    """The register with what became of this team's escalations; what a later week has found out stays."""
    week, team = contacts.week.week, contacts.week.team
    lines = []
    for _, row in register.iterrows():
        due = row["team"] == team and row["escalated_week"] <= week and str(row["latest_week"]) <= week
        told = escalation.follow_up(row, report.weekly_of(contacts, row)) if due else {}
        lines.append({str(name): value for name, value in row.items()} | told)
    return pd.DataFrame(lines, columns=list(escalation.REGISTER_COLUMNS))


def _typed(register: pd.DataFrame) -> pd.DataFrame:
    numbers = [name for name in escalation.REGISTER_COLUMNS if name not in (*_TEXT, "state", "weeks_since")]
    kinds = dict.fromkeys(numbers, "float64") | {"weeks_since": "int64"}
    return register.astype(kinds | dict.fromkeys((*_TEXT, "state"), "str"))[list(escalation.REGISTER_COLUMNS)]


def _segment_lines(frame: pd.DataFrame) -> list[str]:
    if frame.empty:
        return ["No segment has enough customers to be shown."]
    return [
        "| Segment | Tickets | Share (95 %) | Of other tickets |\n|---|---:|---:|---:|",
        *(
            f"| {_plain(row['dimension'])}: {_plain(row['segment'])} | {row['tickets']:,} | {100 * row['share']:.0f} % "
            f"({100 * row['low']:.0f}–{100 * row['high']:.0f}) | {100 * row['others_share']:.0f} % |"
            for _, row in frame.iterrows()
        ),
    ]


def _link_lines(frame: pd.DataFrame) -> list[str]:
    lines = [
        f"- {row['kind']} {_plain(row['id'])}, {pd.Timestamp(row['at']):%Y-%m-%d}, {_plain(row['what'])} "
        f"({_plain(row['status'])}): it {row['why']}"
        for _, row in frame.iterrows()
    ]
    return lines or ["No tool request and no policy change."]


def _since(row: pd.Series) -> str:
    if not isinstance(row["onset_low"], str):
        return f"the week of {row['onset_on']}"
    return f"{row['onset_on']} (95 %: {row['onset_low']} to {row['onset_high']})"


def _plain(text: object) -> str:
    """One line in which Markdown and HTML mean nothing, and addresses are no links."""
    return _LINK.sub("\u200b", _MARKDOWN.sub(r"\\\1", _LINES.sub(" ", str(text)).strip()))
