"""A person is planted in every column of every table and in names of files: nothing of it may be found anywhere.

The name of the person is told by a column that is read for redaction only. Then a requester, an agent and a ticket that
stand in every table are forgotten, and the exports are read again.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from itertools import chain, count
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from rich.console import Console

from opslib.intake.mapping.check import check_source
from opslib.tables import TABLES, Table
from opslib.weekly.run import open_erasure
from tests.command_line import Answer, in_a_process
from tests.line.conftest import REPORTS, ROOT, few_expectations
from tests.samples import shared_sample

CANARIES = {
    "email": "jane.canary@canarymail.com",
    "phone": "(415) 555-2671",
    "card": "4111 1111 1111 1111",
    "ssn": "219-09-9999",
    "address": "742 Evergreen Terrace, Springfield, IL 62704",
}
PERSON = "Zebedee Quillfeather"
TRACE = re.compile(
    r"canarymail|jane\.canary|555\W?2671|4111.?1111|219.?09.?9999|evergreen|zebedee|quillfeather", re.IGNORECASE
)
REQUESTER, AGENT, TICKET, OWN = "cust-7700431", "agent-7700432", "88112233", "88112234"
"""To be forgotten; the last is a ticket of the requester."""
TICKETS = 800
TEAM, BROKEN, WEEK = "us-safety", "us-commerce", "2026-W46"
_KEPT = tuple(f"expect_column_values_to_{rest}" for rest in ("not_be_null", "be_in_set", "be_json_parseable"))
NAME = "jane.canary@canarymail.com_415-555-2671"


def rows_of(sample: Path, table: Table) -> pd.DataFrame:
    """A table of the sample as text; its columns with one invented row where the sample has none."""
    path = next(iter(sorted(sample.glob(f"{table.name}.*"))), None)
    if path is None:
        return pd.DataFrame([["x"] * len(table.names)], columns=list(table.names))
    if path.suffix == ".parquet":
        rows = pq.read_table(path).slice(0, 2_000).to_pandas()
    elif path.suffix == ".json":
        rows = pd.DataFrame(json.loads(path.read_text(encoding="utf-8")))
    else:
        rows = pd.read_csv(path, dtype=str, keep_default_na=False, nrows=2_000)
    return rows.astype("object").where(rows.notna(), "").astype(str)


def plant(table: Table, template: pd.Series, numbers: Iterator[int]) -> pd.DataFrame:
    """Rows like one of the table's, each with a canary in one column, and every kind somewhere in the table."""
    kinds, rows = list(CANARIES.values()), []
    for place, name in enumerate(table.names):
        for text in {kinds[0], kinds[1 + place % (len(kinds) - 1)]}:
            key = {table.key[0]: f"9{next(numbers):05}"} if table[table.key[0]].type == "id" else {}
            rows.append({**template, **key, name: text})
    return pd.DataFrame(rows)


def to_be_forgotten(table: Table, template: pd.Series) -> pd.DataFrame:
    """Rows of a table in which the requester, the agent and the tickets stand, in each column where they may."""
    rows = []
    for ticket, person in ((TICKET, AGENT), (OWN, REQUESTER), (OWN, AGENT)):
        ids = {name: ticket for name in ("ticket_id", "ticket_ids") if name in table.names}
        key = {} if "ticket_id" in ids else {table.key[0]: f"key-{len(rows)}-{table.name}"}
        people = dict.fromkeys(table.of_type("person"), person)
        if table.name == "tickets":
            text = f"{PERSON} cannot sign in. Zebedee needs the account before noon"
            people |= {"requester_id": REQUESTER if ticket == OWN else "cust-1", "assignee_id": AGENT}
            people |= {"requester_name": PERSON, "description": text, "subject": f"Quillfeather {ticket}"}
        if table.name == "ticket_events":
            people |= {"event": "assignee", "value": AGENT}
        rows.append({**template, **key, **ids, **people})
    frame = pd.DataFrame(rows)
    return frame.drop_duplicates("ticket_id") if table.name == "tickets" else frame


def write_source(params: Path, sample: Path) -> Path:
    """Parameters whose one more source reads each file as it stands, and the names of requesters for redaction only."""
    shutil.copytree(ROOT / "params", params)
    feeds: list[dict[str, object]] = []
    for table in TABLES.values():
        sampled = sorted(path.name for path in sample.glob(f"{table.name}.*"))
        present = rows_of(sample, table).columns
        feeds.append({"table": table.name, "files": sampled, "columns": {name: name for name in present}})
        planted = {
            "table": table.name,
            "files": [f"{table.name}[-_]*"],
            "columns": {name: name for name in table.names},
        }
        feeds.append(planted | ({"redact": ["requester_name"]} if table.name == "tickets" else {}))
    source = {
        "description": "As it stands",
        "zone": "America/New_York",
        "time": "iso",
        "feeds": [feed for feed in feeds if feed["files"]],
    }
    (params / "sources" / "canaries.yml").write_text(yaml.safe_dump(source, sort_keys=False), encoding="utf-8")
    return params


def write_planted(sample: Path, exports: Path) -> None:
    """The sample's exports, beside them a file per table with canaries, one of them with a person in its name."""
    exports.mkdir()
    for path in sample.iterdir():
        if path.suffix != ".mark" and not path.name.startswith("."):
            os.link(path, exports / path.name)
    tickets = rows_of(sample, TABLES["tickets"])
    ours = tickets[tickets["team"] == TEAM].iloc[-1]
    numbers = count(1)
    for table in TABLES.values():
        rows = rows_of(sample, table)
        template = ours if table.name == "tickets" else rows.iloc[0]
        names = table.names
        template = template.reindex(list(names), fill_value="")
        planted = pd.concat([plant(table, template, numbers), to_be_forgotten(table, template)])
        more = f"_{NAME}" if table.name == "tickets" else "-planted"
        planted.to_csv(exports / f"{table.name}{more}.csv", index=False)


def write_broken(exports: Path) -> None:
    """Files of one team that lost their header, have other columns or were cut off; and one whose columns shifted."""
    planted = pd.read_csv(exports / f"tickets_{NAME}.csv", dtype=str, keep_default_na=False)
    planted.to_csv(exports / f"tickets-{BROKEN}-headless.csv", index=False, header=False)
    renamed = planted.rename(columns={"created_at": CANARIES["email"], "subject": CANARIES["address"]})
    renamed.to_csv(exports / f"tickets-{BROKEN}-renamed.csv", index=False)
    (exports / f"tickets-{BROKEN}-cut.csv.gz").write_bytes(gzip.compress(planted.to_csv(index=False).encode())[:900])
    shifted = planted.set_axis([*planted.columns[1:], planted.columns[0]], axis=1)
    pd.concat([shifted.head(8)] * 2).to_csv(exports / "tickets-shifted.csv", index=False)


def texts_under(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file by its name, its text, and of Parquet what its columns and their names decode to."""
    for path in sorted(folder.rglob("*")):
        yield f"name of {path.name}", path.name
        if not path.is_file():
            continue
        content = path.read_bytes()
        yield str(path.relative_to(folder)), content.decode("latin-1")
        if path.suffix == ".parquet":
            rows = pq.ParquetFile(path).read()
            texts = (column.cast("string").drop_null().unique().to_pylist() for column in rows.columns)
            yield f"{path.relative_to(folder)}, decoded", "\n".join([*rows.column_names, *chain.from_iterable(texts)])


def traces(folder: Path, said: Iterable[str]) -> list[str]:
    """Where anything of a canary stands: in what was said, and in what lies under a folder."""
    matches = ((place, TRACE.search(text)) for place, text in chain(enumerate(said), texts_under(folder)))
    return [f"{place}: {match.group()}" for place, match in matches if match]


def command(folder: Path, *arguments: str) -> Answer:
    """`opslib …` with all its folders, and the folder for temporary files, under one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder / "tmp"))
        patch.setenv("COLUMNS", "4000")
        places = ("--warehouse", str(folder / "data" / "warehouse"), "--reports", str(folder / "reports"))
        return in_a_process(folder, *arguments, "--params", str(folder / "params"), *places)


def stand(folder: Path, needles: Iterable[str]) -> list[str]:
    """Where anything that was to be forgotten stands under a folder."""
    return [f"{place}: {needle}" for place, text in texts_under(folder) for needle in needles if needle in text]


def test_nothing_of_a_person_is_found_after_the_whole_line(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    sample, exports, folder = shared_sample(tmp_path_factory, TICKETS), tmp_path / "exports", tmp_path / "run"
    write_planted(sample, exports)
    write_broken(exports)
    (folder / "tmp").mkdir(parents=True)
    write_source(folder / "params", sample)
    suites = few_expectations(folder / "expectations", _KEPT)
    line = ["weekly", "--source", "canaries", "--exports", str(exports), "--expectations", str(suites)]
    line += ["--notebooks", str(ROOT / "notebooks"), "--week", WEEK, "--team", TEAM, "--team", BROKEN]
    answer = command(folder, *line)
    assert answer.status == 3, answer.out + answer.err
    for notebook in REPORTS:
        assert (folder / "reports" / WEEK / TEAM / f"{notebook}.html").is_file(), answer.out
    report = check_source(folder / "params", "canaries", sorted(exports.glob("tickets[-_]*")))
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(report)
    said = [answer.out, answer.err, "\n".join(report.lines()), console.export_text()]
    assert traces(folder, said) == []
    standard = folder / "data" / "warehouse" / "standard" / "tickets"
    kept = pd.concat([pq.ParquetFile(path).read().to_pandas() for path in sorted(standard.rglob("*.parquet"))])
    for name in ("description", "queue", "form"):
        assert kept[name].str.contains(r"\[(?:email|phone|card|ssn|address)\]").any(), "the canaries were read"
    assert kept["description"].str.contains(r"\[name\].*\[name\] needs").any(), "the name was known"
    assert kept["ticket_id"].str.fullmatch("p[0-9a-f]{20}").sum() == 2

    erasure, _ = open_erasure(
        source="canaries",
        params=folder / "params",
        warehouse=folder / "data" / "warehouse",
        reports=folder / "reports",
        secret=None,
    )
    people = [erasure.pseudonymiser.one(REQUESTER), erasure.pseudonymiser.one(AGENT)]
    needles = [REQUESTER, AGENT, TICKET, OWN, *people]
    stood = "\n".join(stand(folder / "data", needles))
    assert all(needle in stood for needle in (TICKET, OWN, *people)), "what is to be forgotten was kept"
    forgotten = command(folder, "forget", "--requester", REQUESTER, "--agent", AGENT, "--ticket", TICKET)
    assert forgotten.status == 0, forgotten.out + forgotten.err
    assert stand(folder, needles) == []
    again = command(folder, "gate", *line[1 : line.index("--notebooks")])
    assert again.status == 3, again.out + again.err
    assert stand(folder, needles) == []
    assert traces(folder, [forgotten.out, forgotten.err, again.out, again.err]) == []
