"""What people write in notes/: actions, the sentence on a week, the words on a project; redacted, into the warehouse.

Reports read them from there, so that a page is made again where a note or an action of its team has changed, and no
other. They are not kept in the warehouse: the folder is in git.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from opslib.analysis.findings import register
from opslib.analysis.findings.actions import COLUMNS, read_actions, read_note
from opslib.analysis.project_portfolio import own_words
from opslib.intake.privacy.redaction import redact_many
from opslib.metrics import CATALOGUE
from opslib.settings import Organisation
from opslib.store.warehouse import NOTES, Slice, Warehouse
from opslib.weekly.ranges import projects_by_folder

ACTIONS, SENTENCES, PROJECT_WORDS = "actions", "sentences", "project_words"
ALL_ACTIONS = Slice(NOTES, ACTIONS)
ACTIONS_SCHEMA = pa.schema([("line", pa.int64()), *((name, pa.string()) for name in COLUMNS[1:])])
SENTENCES_SCHEMA = pa.schema([(name, pa.string()) for name in ("week", "team", "author", "at", "text")])
PROJECT_WORDS_SCHEMA = pa.schema(
    [("project_id", pa.string()), ("line", pa.int64()), *((name, pa.string()) for name in own_words.COLUMNS[1:])]
)
_FILE = "actions.csv"
_PROJECTS = "projects"
_LONGEST_NOTE = 4_000
_MOST_NAMED = 10
_ENCODINGS = ("utf-8-sig", "cp1252")


def take_in_notes(warehouse: Warehouse, organisation: Organisation, folder: Path, week: str) -> list[str]:
    """Read actions, the week's notes and what is written of projects, and write the tables of `notes`.

    Args:
        warehouse: its tables are written; its `published/findings` tells which findings there are.
        organisation: its teams, and the countries whose telephone numbers are taken out of texts.
        folder: of `actions.csv`, `<week>/<team>.md` and `projects/<project>.md`; it need not be there.
        week: ISO week, whose notes are read.

    Returns:
        What is wrong, and how many actions are open, a line each; none where nobody wrote anything.
    """
    region = " ".join(organisation.countries)
    lines: list[str] = []
    actions = pd.DataFrame(columns=list(COLUMNS))
    if (path := folder / _FILE).is_file():
        text = _text_of(path)
        if text is None:
            lines.append(f"{path} is no text; save it as CSV (UTF-8)")
        else:
            team_of = {**_teams_of_goals(organisation), **_teams_of_findings(warehouse)}
            actions, problems = read_actions(text, place=str(path), team_of=team_of, teams=organisation.team_names)
            lines += problems
    for name in ("what", "owner", "remark"):
        actions[name] = redact_many(actions[name].astype("str"), region=region)[0]
    warehouse.write(NOTES, ACTIONS, _table(actions, ACTIONS_SCHEMA))
    sentences = []
    for path in sorted((folder / week).glob("*.md")):
        if path.stem not in organisation.team_names:
            lines.append(f"{path}: no team {path.stem}; there are {', '.join(organisation.team_names)}")
        elif (text := _text_of(path)) is None:
            lines.append(f"{path} is no text; save it as UTF-8")
        elif (note := read_note(text)).text:
            if len(note.text) > _LONGEST_NOTE:
                lines.append(f"{path}: only the first {_LONGEST_NOTE:,} characters are shown")
            if not (note.author and note.at):
                lines.append(f"{path}: begins with no author and time, such as `Team lead, 2026-11-13 16:40`")
            sentences.append((week, path.stem, note.author, note.at, note.text[:_LONGEST_NOTE]))
    frame = pd.DataFrame(sentences, columns=SENTENCES_SCHEMA.names)
    for name in ("author", "at", "text"):
        frame[name] = redact_many(frame[name].astype("str"), region=region)[0]
    warehouse.write_week(NOTES, SENTENCES, week, _table(frame, SENTENCES_SCHEMA))
    projects, problems = _project_words(warehouse, folder / _PROJECTS, region)
    warehouse.write(NOTES, PROJECT_WORDS, _table(projects, PROJECT_WORDS_SCHEMA))
    lines += problems
    if len(actions) or sentences or len(projects):
        told = f", words on {projects['project_id'].nunique()} of the projects" if len(projects) else ""
        lines.append(f"{len(actions)} actions, {len(sentences)} notes on {week}{told}")
    return lines


def _project_words(warehouse: Warehouse, folder: Path, region: str) -> tuple[pd.DataFrame, list[str]]:
    """What is written of the projects of the export: `PROJECT_WORDS_SCHEMA`; and what is wrong, a line each."""
    ids = projects_by_folder(warehouse)
    frames, lines = [], []
    for path in sorted(folder.glob("*.md")):
        if path.stem not in ids:
            there = f"there are {', '.join(list(ids)[:_MOST_NAMED])}" if ids else "this export has no projects"
            lines.append(f"{path}: no such project; {there}")
        elif (text := _text_of(path)) is None:
            lines.append(f"{path} is no text; save it as UTF-8")
        else:
            words, problems = own_words.read_words(text, place=str(path))
            frames.append(words.assign(project_id=ids[path.stem]))
            lines += problems
    if not frames:
        return pd.DataFrame(columns=PROJECT_WORDS_SCHEMA.names), lines
    frame = pd.concat(frames, ignore_index=True)
    for name in ("title", "who", "text"):
        frame[name] = redact_many(frame[name].astype("str"), region=region)[0]
    return frame[PROJECT_WORDS_SCHEMA.names], lines


def actions_of(warehouse: Warehouse) -> pd.DataFrame:
    """The actions as last read, without noting that they were: `actions.COLUMNS`."""
    files = warehouse.files(NOTES, ACTIONS)
    table = pq.read_table(files[0], partitioning=None) if files else ACTIONS_SCHEMA.empty_table()
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _teams_of_findings(warehouse: Warehouse) -> dict[str, str]:
    """The team of every finding that was ever kept."""
    teams: dict[str, str] = {}
    for path in warehouse.files(register.AREA, register.TABLE):
        rows = pq.read_table(path, columns=["finding_id", "team"], partitioning=None)
        teams.update(zip(rows["finding_id"].to_pylist(), rows["team"].to_pylist(), strict=True))
    return teams


def _teams_of_goals(organisation: Organisation) -> dict[str, str]:
    """The team of what the run could find itself, found or not: a new warehouse knows it too."""
    kinds: tuple[register.Kind, ...] = ("goal missed", "signal")
    of_export = {register.finding_id("data incomplete", team, "export"): team for team in organisation.team_names}
    return of_export | {
        register.finding_id(kind, team, metric): team
        for team in organisation.team_names
        for metric in CATALOGUE
        for kind in kinds
    }


def _table(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pandas(frame, schema=schema, preserve_index=False)


def _text_of(path: Path) -> str | None:
    """A file as text, as UTF-8, UTF-16 with its mark, or as an old spreadsheet writes it; None where it is no text."""
    content = path.read_bytes()
    marked = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else _ENCODINGS:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return None if "\x00" in text else text
    return None
