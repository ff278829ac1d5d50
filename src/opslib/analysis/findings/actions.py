"""What people do about findings, and what they say of a week: the texts that they write, read and checked."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd

STATES = ("proposed", "accepted", "sent", "declined", "done")
OPEN = ("proposed", "accepted")
"""The states of an action that can be overdue."""
COLUMNS = ("line", "finding_id", "what", "team", "owner", "due", "state", "remark")
"""The columns of actions: line, of the file; finding_id, "" for an action of no finding; what, its text where it has no
finding; team, "" where it is of none; owner; due (ISO date, "" for none); state (of `STATES`); remark."""

_NEEDED = ("finding_id", "owner", "due", "state")
_ID = re.compile(r"F-[0-9a-f]{8}", re.IGNORECASE)
_DATES = ("%Y-%m-%d", "%m/%d/%Y", "%m/%d/%y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")
_DELIMITERS = (",", ";", "\t")
_SEPARATOR_LINE = re.compile(r"sep=(.)\s*", re.IGNORECASE)
_FRONT = re.compile(r"\s*---[ \t]*\n(.*?)\n---[ \t]*(?:\n|$)", re.DOTALL)
_BY = re.compile(r"(?P<author>[^,\n]{1,80}), (?P<at>\d{4}-\d{2}-\d{2}(?:[ T]\d{1,2}:\d{2})?)")
_TIMES = ("%Y-%m-%d %H:%M", "%Y-%m-%d")


@dataclass(frozen=True)
class Note:
    """What somebody says of a team's week: the text, by whom and when ("" where that is not told)."""

    author: str
    at: str
    text: str


def read_actions(
    text: str, *, place: str, team_of: Mapping[str, str], teams: Collection[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Read a table of actions that people keep by hand or in a spreadsheet.

    Args:
        text: comma, semicolon or tab separated, with a first line that names the columns finding_id, owner, due, state
            and, where there are any, remark and team, in any order and case; others are left alone.
        place: what the file is called in messages.
        team_of: the team of every finding that there is or was, by its id.
        teams: the names of teams.

    Returns:
        `COLUMNS`, a row per action in the order of the file, and what is wrong, a line each. A row with an unknown
        state is left out; one with a date that is none has no due date, one of an unknown finding is of none.

    Notes:
        finding_id may hold a free text instead: an action of no finding, of the team in the column team. A date is
        written 2026-11-16 or 11/16/2026. An empty state is `proposed`. Messages name line and column, never what
        stands there.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        return pd.DataFrame(columns=list(COLUMNS)), []
    delimiter = None
    if separator := _SEPARATOR_LINE.fullmatch(lines[first]):
        delimiter, first = separator[1], first + 1
    heads = lines[first] if first < len(lines) else ""
    delimiter = delimiter or max(_DELIMITERS, key=heads.count)
    reader = csv.reader(io.StringIO("\n".join(lines[first:])), delimiter=delimiter)
    problems: list[str] = []
    rows: list[dict[str, object]] = []
    names = [re.sub(r"[\s_]+", "_", head.strip().lower()) for head in next(reader, [])]
    if lacking := [name for name in _NEEDED if name not in names]:
        columns = "columns" if lacking[1:] else "column"
        needed = f"{', '.join(_NEEDED)}, and may name remark and team"
        problem = f"{place}, line {first + 1}: no {columns} {', '.join(lacking)}; the first line has to name {needed}"
        return pd.DataFrame(columns=list(COLUMNS)), [problem]
    begin = reader.line_num
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error:
            problems.append(f"{place}, line {first + reader.line_num}: cannot be read as a line of a table; left out")
            begin = reader.line_num
            continue
        number, begin = first + begin + 1, reader.line_num
        if not any(cell.strip() for cell in cells):
            continue
        row = {name: " ".join(cell.split()) for name, cell in zip(names, cells, strict=False)}
        rows += _action(row, f"{place}, line {number}", number, team_of, teams, problems)
    return pd.DataFrame(rows, columns=list(COLUMNS)), problems


def _action(
    row: Mapping[str, str],
    place: str,
    number: int,
    team_of: Mapping[str, str],
    teams: Collection[str],
    problems: list[str],
) -> list[dict[str, object]]:
    """A row of the file as an action, or none; what is wrong with it is added to the problems."""
    about, team = row["finding_id"], row.get("team", "")
    state = row.get("state", "").lower() or STATES[0]
    if not about:
        problems.append(f"{place}, column finding_id: empty; write the name of a finding or what is to be done")
        return []
    if state not in STATES:
        problems.append(f"{place}, column state: not one of {', '.join(STATES)}; the line is left out")
        return []
    due = _date(row.get("due", ""))
    if due is None:
        problems.append(f"{place}, column due: not a date like 2026-11-16 or 11/16/2026; it has no due date")
    if team and team not in teams:
        problems.append(f"{place}, column team: no such team; there are {', '.join(teams)}")
        team = ""
    name = about[:1].upper() + about[1:].lower() if _ID.fullmatch(about) else ""
    if name and name not in team_of:
        problems.append(f"{place}, column finding_id: no finding {name}; its page has the name of each finding")
    is_known = name in team_of
    return [
        {
            "line": number,
            "finding_id": name if is_known else "",
            "what": "" if is_known else about,
            "team": team_of[name] if is_known else team,
            "owner": row.get("owner", ""),
            "due": due or "",
            "state": state,
            "remark": row.get("remark", ""),
        }
    ]


def _date(text: str) -> str | None:
    """A date as ISO, "" for none, None where it is no date."""
    if not text:
        return ""
    for form in _DATES:
        try:
            return datetime.strptime(text, form).date().isoformat()
        except ValueError:
            continue
    return None


def read_note(text: str) -> Note:
    """Read what somebody says of a week.

    Args:
        text: the sentences, below the lines `author:` and `time:` between two lines of `---`, or below a first line
            `Creators lead, 2026-11-13 16:40`.

    Returns:
        The note; a text that says neither author nor time is all text.

    >>> read_note("Creators lead, 2026-11-13 16:40\\n\\nTwo people were out.")
    Note(author='Creators lead', at='2026-11-13 16:40', text='Two people were out.')
    """
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if front := _FRONT.match(plain):
        pairs = [line.partition(":") for line in front[1].split("\n")]
        fields = {key.strip().lower(): value.strip().strip("\"'") for key, _, value in pairs}
        return Note(fields.get("author", ""), _time(fields.get("time", "")), plain[front.end() :].strip())
    first, _, rest = plain.strip().partition("\n")
    if by := _BY.fullmatch(first.strip()):
        return Note(by["author"].strip(), _time(by["at"]), rest.strip())
    return Note("", "", plain.strip())


def _time(text: str) -> str:
    """A date with or without time as ISO; a text that is none as it is, without what follows its first line."""
    plain = text.replace("T", " ")
    for form in _TIMES:
        try:
            at = datetime.strptime(plain[:16].strip(), form)
        except ValueError:
            continue
        return at.strftime(form)
    return text[:40]


def is_overdue(actions: pd.DataFrame, today: date) -> pd.Series:
    """Which actions are proposed or accepted, and were due before a day.

    Args:
        actions: `COLUMNS`.
        today: the day.
    """
    return actions["state"].isin(OPEN) & (actions["due"] != "") & (actions["due"] < today.isoformat())


def in_order(actions: pd.DataFrame, today: date) -> pd.DataFrame:
    """Actions as they are read: overdue ones first, then open ones by their date, then what is settled.

    Args:
        actions: `COLUMNS`.
        today: the day.

    Returns:
        `COLUMNS` and is_overdue.
    """
    late = is_overdue(actions, today)
    place = pd.Series(STATES.index("done"), index=actions.index).mask(actions["state"].isin(OPEN), 1).mask(late, 0)
    rows = actions.assign(is_overdue=late, _place=place, _due=actions["due"].replace("", "9999"))
    return rows.sort_values(["_place", "_due", "line"]).drop(columns=["_place", "_due"]).reset_index(drop=True)


def then_and_now(history: pd.DataFrame, finding: str, week: str, since: str) -> Sequence[float | None]:
    """What became of the size of a finding: in the last week that it was found up to a day, and in this one.

    Args:
        history: rows of the register of findings of all weeks: week, finding_id, size.
        finding: its name.
        week: the one reported.
        since: an ISO week.

    Returns:
        The size then, None where there is none; and now, 0 where it is not found any more.
    """
    own = history[history["finding_id"] == finding].set_index("week")["size"].sort_index()
    before = own[own.index <= since].dropna()
    now = own.get(week, 0.0)
    return (float(before.iloc[-1]) if len(before) else None, None if pd.isna(now) else float(now))
