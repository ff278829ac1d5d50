"""From a folder of exports to staged files: each file is its own, once, of the bytes that were read."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from opslib.errors import ExportError
from opslib.intake.mapping.sources import SourceMapping, load_source
from opslib.intake.privacy.pseudonyms import Pseudonymiser
from opslib.intake.stage import Staged, stage
from opslib.intake.staged_rows import PLACE
from opslib.store.warehouse import Warehouse

MAPPING = """
description: a test
feeds:
  - table: tickets
    files: ["tickets*"]
    lookups:
      answer: {files: ["answers*"], key: answer, match: id, optional: true}
    columns:
      ticket_id: id
      created_at: created
      status: {constant: open}
      team: {constant: t1}
      solved_at: answer.at
"""
HEADER, AT = "id,created,answer\n", "2026-11-09T10:00:00Z"


@pytest.fixture
def source(tmp_path: Path) -> SourceMapping:
    folder = tmp_path / "params" / "sources"
    folder.mkdir(parents=True)
    (folder / "crm.yml").write_text(MAPPING)
    return load_source(tmp_path / "params", "crm")


class Exports:
    """A folder of exports, and a warehouse into which it is staged."""

    def __init__(self, root: Path, source: SourceMapping) -> None:
        self.folder, self._source = root / "exports", source
        self.folder.mkdir()
        self.warehouse = Warehouse(root / "warehouse")
        self.read: list[str] = []

    def write(self, name: str | bytes, *ids: str, answer: str = "") -> Path:
        path = self.folder / os.fsdecode(name)
        path.write_text(HEADER + "".join(f"{one},{AT},{answer}\n" for one in ids))
        return path

    def stage(self) -> list[Staged]:
        self.read = []
        return stage(self.warehouse, self._source, self.folder, Pseudonymiser(b"k" * 32), on_file=self.read.append)

    def solved(self, item: Staged) -> list[int | None]:
        """The days of the month on which the tickets of a file were solved."""
        return [at and at.day for at in self.rows(item)["solved_at"].to_pylist()]

    def rows(self, item: Staged) -> pa.Table:
        """The staged rows of a file."""
        place = pc.field(PLACE) == item.place
        return pq.read_table(self.warehouse.root / item.parquet, filters=place).drop_columns(PLACE)

    @property
    def parquet_files(self) -> set[Path]:
        """What lies in the warehouse of staged rows."""
        return set((self.warehouse.root / "staged").glob("*/tickets.parquet"))


@pytest.fixture
def exports(tmp_path: Path, source: SourceMapping) -> Exports:
    return Exports(tmp_path, source)


def test_the_sha256_of_a_file_is_what_sha256sum_prints(exports: Exports) -> None:
    path = exports.write("tickets.csv", "1")
    (item,) = exports.stage()
    assert item.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (item.rows_read, item.records) == (1, 1)


def test_files_of_any_name_are_staged_each_once_under_a_name_that_can_be_shown(exports: Exports) -> None:
    names: list[str | bytes] = ["tickets-1.csv", "tickets-[1].csv", "tickets-?.csv", b"tickets-\xe9.csv"]
    names += ["TICKETS-1.csv", "tickets-\n.csv", "tickets-" + "x" * 240 + ".csv"]
    for number, name in enumerate(names):
        exports.write(name, *map(str, range(number + 1)))
    staged = exports.stage()
    assert sorted(item.rows_read for item in staged) == list(range(1, len(names) + 1))
    assert len({item.file for item in staged}) == len(names)
    assert all(item.file.isprintable() for item in staged)
    exports.stage()
    assert exports.read == []


def test_a_file_that_changes_while_it_is_read_is_read_again(exports: Exports, monkeypatch: pytest.MonkeyPatch) -> None:
    path = exports.write("tickets.csv", "1")
    exports.write("tickets-2.csv", "2")
    late = iter([HEADER + f"7,{AT},\n8,{AT},\n"])
    change_while_read(monkeypatch, path, late)
    item = next(item for item in exports.stage() if item.file == "tickets.csv")
    assert item.rows_read == 2
    assert item.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_that_never_rests_is_refused(exports: Exports, monkeypatch: pytest.MonkeyPatch) -> None:
    path = exports.write("tickets.csv", "1")
    change_while_read(monkeypatch, path, (f"{HEADER}{number},{AT},\n" for number in range(1000)))
    with pytest.raises(ExportError, match=r"tickets\.csv: the file changes while it is read"):
        exports.stage()


def change_while_read(monkeypatch: pytest.MonkeyPatch, path: Path, contents: object) -> None:
    """Have a file written to whenever a file is mapped."""
    from opslib.intake import stage as module

    map_files = module.map_files

    def map_and_write(*given: object, **more: object) -> object:
        files = map_files(*given, **more)  # type: ignore[arg-type]
        content = next(contents, None)  # type: ignore[call-overload]
        if content is not None:
            path.write_text(content)
        return files

    monkeypatch.setattr(module, "map_files", map_and_write)


def test_of_several_files_looked_up_in_each_is_read_once_and_the_newest_row_counts(
    exports: Exports, monkeypatch: pytest.MonkeyPatch
) -> None:
    from opslib.intake.reading import csv_rows

    for day in range(1, 6):
        exports.write(f"tickets-2026-11-0{day}.csv", str(day), answer="a")
        (exports.folder / f"answers-2026-11-0{day}.csv").write_text(f"id,at\na,2026-11-1{day}T00:00:00Z\n")
    opened, copied = [], csv_rows._copied
    monkeypatch.setattr(
        csv_rows, "_copied", lambda reading, paths, *more: opened.extend(paths) or copied(reading, paths, *more)
    )
    staged = exports.stage()
    assert len(opened) == len(set(opened)) == 10
    assert [exports.solved(item) for item in staged] == [[15]] * 5


def test_a_new_file_is_read_alone_and_others_again_only_where_what_they_found_is_another(exports: Exports) -> None:
    def answer(day: int, *rows: str) -> None:
        (exports.folder / f"answers-2026-11-0{day}.csv").write_text("id,at\n" + "".join(f"{row}\n" for row in rows))

    for day in range(1, 4):
        exports.write(f"tickets-2026-11-0{day}.csv", str(day), answer=f"sam{day}@example.org")
        answer(day, f"sam{day}@example.org,2026-11-1{day}T00:00:00Z")
    exports.stage()
    assert len(exports.read) == 3
    digests = b"".join(path.read_bytes() for path in exports.folder.parent.rglob("found.parquet"))
    assert digests
    assert b"example.org" not in digests

    exports.write("tickets-2026-11-04.csv", "4", answer="late")
    answer(4, "d,2026-11-14T00:00:00Z")
    assert len(exports.stage()) == 4
    assert exports.read == ["tickets-2026-11-04.csv"]
    exports.stage()
    assert exports.read == []

    answer(5, "sam2@example.org,2026-11-25T00:00:00Z", "late,2026-11-26T00:00:00Z")
    staged = exports.stage()
    assert exports.read == ["tickets-2026-11-02.csv", "tickets-2026-11-04.csv"]
    assert [exports.solved(item) for item in staged] == [[11], [25], [13], [26]]

    exports.write("tickets-2026-11-03.csv", "3", answer="late")
    exports.stage()
    assert exports.read == ["tickets-2026-11-03.csv"]
    answer(6, "sam3@example.org,2026-11-27T00:00:00Z")
    assert [exports.solved(item) for item in exports.stage()] == [[11], [25], [26], [26]]
    assert exports.read == []

    for path in exports.folder.glob("answers*"):
        path.unlink()
    assert [exports.solved(item) for item in exports.stage()] == [[None]] * 4
    assert len(exports.read) == 4
