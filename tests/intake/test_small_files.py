"""Many small files: read, mapped and staged in batches, and each as if it were alone."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from opslib.intake import stage as staging
from opslib.intake.mapping import map_file
from opslib.intake.mapping.sources import SourceMapping, load_source
from opslib.intake.privacy import shield
from opslib.intake.privacy.pseudonyms import Pseudonymiser
from opslib.intake.reading import csv_rows, small_files
from opslib.intake.stage import Staged, stage
from opslib.intake.staged_rows import PLACE
from opslib.store.warehouse import Warehouse

MAPPING = """
description: a test
feeds:
  - table: tickets
    files: ["tickets*"]
    where: [{column: kind, is_not: test}]
    lookups:
      answer: {files: ["answers*"], key: answer, match: id, optional: true}
    columns:
      ticket_id: id
      created_at: created
      status: {constant: open}
      team: {constant: t1}
      requester_id: who
      subject: subject
      description: text
      solved_at: answer.at
"""
HEADER = "id,created,kind,who,answer,subject,text\n"
DAYS = 300


def rows(day: int, number: int = 2) -> str:
    return "".join(
        f"{day * 10 + n},2026-01-01T10:00:{n:02},,user{n},a{day},hello,day {day}\n" for n in range(1, number + 1)
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SourceMapping:
    params = tmp_path_factory.mktemp("params")
    (params / "sources").mkdir()
    (params / "sources" / "crm.yml").write_text(MAPPING)
    return load_source(params, "crm")


class Exports:
    """A folder of exports, and a warehouse into which it is staged."""

    def __init__(self, root: Path, source: SourceMapping) -> None:
        self.folder, self.warehouse, self._source = root / "exports", Warehouse(root / "warehouse"), source
        self.folder.mkdir()
        self.read: list[str] = []

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def stage(self, warehouse: Warehouse | None = None) -> list[Staged]:
        self.read = []
        pseudonymiser = Pseudonymiser(b"k" * 32)
        return stage(warehouse or self.warehouse, self._source, self.folder, pseudonymiser, on_file=self.read.append)

    @property
    def parquet_files(self) -> dict[Path, int]:
        """What is staged, with its time."""
        staged = (self.warehouse.root / "staged").glob("*/*.parquet")
        return {path: path.stat().st_mtime_ns for path in staged}


def staged_rows(warehouse: Warehouse, item: Staged) -> pa.Table:
    place = pc.field(PLACE) == item.place
    return pq.read_table(warehouse.root / item.parquet, filters=place).drop_columns(PLACE)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the costly steps, as often as they are taken."""
    names: list[str] = []

    def count(module: ModuleType, name: str) -> None:
        step: Callable[..., object] = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *given, **more: names.append(name) or step(*given, **more))

    count(csv_rows, "_copied")
    count(csv_rows, "_record_by_record")
    count(map_file, "_mapped")
    count(shield, "redact_many")
    return names


def test_many_files_take_as_many_steps_as_they_are_batches_and_a_new_one_takes_one(
    tmp_path: Path, source: SourceMapping, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    exports = Exports(tmp_path, source)
    for day in range(DAYS):
        exports.write(f"tickets-{day:03}.csv", HEADER + rows(day))
        exports.write(f"answers-{day:03}.csv", f"id,at\na{day},2026-02-01T00:00:00Z\n")
    before = exports.stage()
    assert sum(item.rows_read for item in before) == 2 * DAYS
    assert len(exports.read) == DAYS
    # One query for the tickets, one for the answers; subjects and texts are redacted once each.
    assert sorted(calls) == ["_copied", "_copied", "_mapped", "redact_many", "redact_many"]
    assert sorted(path.name for path in exports.parquet_files) == ["found.parquet", "tickets.parquet"]
    kept = exports.parquet_files

    exports.write("tickets-300.csv", HEADER + rows(DAYS))
    calls.clear()
    after = exports.stage()
    assert exports.read == ["tickets-300.csv"]
    assert calls.count("_mapped") == 1
    assert kept.items() < exports.parquet_files.items()
    assert after[:DAYS] == before

    # What is no longer exported is no longer kept, and nobody else's file is read for it.
    (exports.folder / "tickets-007.csv").unlink()
    exports.write("tickets-008.csv", HEADER + rows(8, number=3))
    items = {item.file: item for item in exports.stage()}
    assert exports.read == ["tickets-008.csv"]
    tables = [pq.read_table(path) for path in exports.parquet_files if path.name == "tickets.parquet"]
    ids = {name for table in tables for name in table["ticket_id"].to_pylist()}
    assert ids == {str(day * 10 + n) for day in range(DAYS + 1) for n in (1, 2) if day != 7} | {"83"}
    assert sum(len(table) for table in tables) == 2 * DAYS + 1
    for day in (6, 8, 299):
        own = staged_rows(exports.warehouse, items[f"tickets-{day:03}.csv"])
        assert set(own["description"].to_pylist()) == {f"day {day}"}
        assert own["_row"].to_pylist() == list(range(1, 4 if day == 8 else 3))
    exports.stage()
    assert exports.read == []

    # A run that is killed while it parts a batch is made good by the next; what is lost is read again, and no more.
    (exports.folder / "tickets-009.csv").unlink()
    with monkeypatch.context() as killed:
        killed.setattr(staging, "_part", lambda *given: sys.exit("killed"))
        with pytest.raises(SystemExit):
            exports.stage()
    (exports.warehouse.root / items["tickets-008.csv"].parquet).unlink()
    items = {item.file: item for item in exports.stage()}
    assert exports.read == ["tickets-008.csv"]
    assert sum(pq.read_metadata(path).num_rows for path in exports.parquet_files if path.stem == "tickets") == (
        sum(item.rows_read for item in items.values())
    )
    assert items.keys() == {path.name for path in exports.folder.glob("tickets*")}


def test_each_file_of_a_batch_is_what_it_would_be_alone(
    tmp_path: Path, source: SourceMapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports = Exports(tmp_path, source)
    private = '1,2026-01-01T10:00,,u,a,mail me: jane@example.org,"call 415-555-2671 or +1 415 555 2672"\n'
    within = "2,2026-01-01T10:00,,u,a,https://x.example.com/p?to=[email]&id=7,see [phone]\n"
    odd = {
        "plain": HEADER + rows(1),
        "test-rows": HEADER + rows(2) + "29,2026-01-01T10:00,test,u,,s,t\n",
        "private": HEADER + private * 2,
        "more-private": HEADER + private + within,
        "header-again": HEADER + rows(3) + HEADER + rows(4),
        "one-field-too-many": HEADER + rows(5) + "1,2\n" + rows(6),
        "odd-quote": HEADER + rows(7) + '8,2026-01-01T10:00,,u,,"s,t\n' + rows(9),
        "unreadable-time": HEADER + "8,yesterday at bob@example.org,,u,,s,t\n",
        "lines": HEADER + '9,2026-01-01T10:00,,u,a1,"one\r\ntwo, ""three""",\n',
        "other-columns": "id,created,kind,who,answer,extra,subject,text\n1,2026-01-01T10:00,,u,,x,s,t\n",
        "needed-column-missing": "id,kind,who,answer,subject,text\n1,,u,,s,t\n",
        "semicolons": HEADER.replace(",", ";") + rows(10).replace(",", ";"),
        "empty": "",
        "no-rows": HEADER,
        "formulas": HEADER + '="007",2026-01-01T10:00,,u,,s,t\n',
        "latin": (HEADER + rows(11).replace("hello", "caf\u00e9")).encode("latin-1"),
        "utf-16": (HEADER + rows(12)).encode("utf-16"),
        "marked": b"\xef\xbb\xbf" + (HEADER + rows(13)).encode(),
        "nul": HEADER + rows(14).replace("hello", "hel\0lo"),
        "page": "<!doctype html><html></html>",
    }
    for name, content in odd.items():
        exports.write(f"tickets-{name}.csv", content)
    exports.write("tickets-cut.csv.gz", gzip.compress((HEADER + rows(15, number=60)).encode())[:-90])
    exports.write("tickets-packed.csv.gz", gzip.compress((HEADER + rows(16)).encode()))
    exports.write("tickets-json.jsonl", '{"id": 1, "created": "2026-01-01T10:00:00Z", "answer": "a1"}\n')
    exports.write("answers-1.csv", "id,at\na1,2026-02-01T00:00:00Z\n")
    exports.write("answers-2.csv", "id,at\na1,2026-02-02T00:00:00Z\na13,2026-02-03T00:00:00Z\n")
    together = exports.stage()
    monkeypatch.setattr(small_files, "_SMALL_BYTES", 0)
    alone = Warehouse(tmp_path / "alone")
    one_by_one = exports.stage(alone)

    assert len({item.parquet for item in together}) < len({item.parquet for item in one_by_one}) == len(odd) + 3
    plain = {"parquet": "", "place": 0, "found": ""}
    assert [replace(item, **plain) for item in together] == [replace(item, **plain) for item in one_by_one]
    for one, other in zip(together, one_by_one, strict=True):
        assert staged_rows(exports.warehouse, one).equals(staged_rows(alone, other)), one.file
    items = {item.file.partition(".")[0].removeprefix("tickets-"): item for item in together}
    damaged = {name for name, item in items.items() if item.damage is not None}
    assert damaged == {"empty", "no-rows", "needed-column-missing", "page", "cut"}
    assert items["private"].redacted == {"email": 2, "phone": 4}
    assert items["more-private"].redacted == {"email": 1, "phone": 2, "query": 1}
    assert (items["test-rows"].rows_read, items["test-rows"].left_out) == (3, 1)
    assert (items["header-again"].rows_read, items["header-again"].records) == (4, 4)
    assert staged_rows(exports.warehouse, items["header-again"])["_row"].to_pylist() == [1, 2, 4, 5]
    assert staged_rows(exports.warehouse, items["formulas"])["ticket_id"].to_pylist() == ["007"]
    assert [at.day for at in staged_rows(exports.warehouse, items["lines"])["solved_at"].to_pylist()] == [2]
