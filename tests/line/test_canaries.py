"""A person is planted in every column of every table and in names of files: nothing of it may be found anywhere."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
from collections.abc import Iterable, Iterator
from itertools import chain, count
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from opslib.intake.mapping.check import check_source
from opslib.tables import TABLES, Table
from tests.command_line import SETTINGS, Answer, in_a_process
from tests.line.conftest import REPORTS, ROOT, few_expectations
from tests.samples import shared_sample

CANARIES = {
    "email": "jane.canary@canarymail.com",
    "phone": "(415) 555-2671",
    "card": "4111 1111 1111 1111",
    "ssn": "219-09-9999",
    "address": "742 Evergreen Terrace, Springfield, IL 62704",
}
TRACE = re.compile(r"canarymail|jane\.canary|555\W?2671|4111.?1111|219.?09.?9999|evergreen", re.IGNORECASE)
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
        planted = plant(table, template.reindex(list(names), fill_value=""), numbers)
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


def line_over(exports: Path, folder: Path, *options: str) -> Answer:
    """`opslib weekly` with all its folders, and the folder for temporary files, under one."""
    (folder / "tmp").mkdir(parents=True)
    suites = few_expectations(folder / "expectations", _KEPT)
    own = [
        "--expectations",
        str(suites),
        "--warehouse",
        str(folder / "data" / "warehouse"),
        "--reports",
        str(folder / "reports"),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder / "tmp"))
        patch.setenv("COLUMNS", "4000")
        return in_a_process(
            folder, "weekly", *SETTINGS[:4], "--source", "standard", "--exports", str(exports), *own, *options
        )


def test_nothing_of_a_person_is_found_after_the_whole_line(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    exports, folder = tmp_path / "exports", tmp_path / "run"
    write_planted(shared_sample(tmp_path_factory, TICKETS), exports)
    write_broken(exports)
    answer = line_over(exports, folder, "--team", TEAM, "--team", BROKEN, "--week", WEEK)
    assert answer.status == 3, answer.out + answer.err
    for notebook in REPORTS:
        assert (folder / "reports" / WEEK / TEAM / f"{notebook}.html").is_file(), answer.out
    report = check_source(ROOT / "params", "standard", sorted(exports.glob("tickets[-_]*")))
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(report)
    said = [answer.out, answer.err, "\n".join(report.lines()), console.export_text()]
    assert traces(folder, said) == []
    standard = folder / "data" / "warehouse" / "standard" / "tickets"
    kept = pd.concat([pq.ParquetFile(path).read().to_pandas() for path in sorted(standard.rglob("*.parquet"))])
    for name in ("description", "queue", "form"):
        assert kept[name].str.contains(r"\[(?:email|phone|card|ssn|address)\]").any(), "the canaries were read"
    assert kept["ticket_id"].str.fullmatch("p[0-9a-f]{20}").sum() == 2
