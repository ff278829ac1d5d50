from __future__ import annotations

import os
import threading
import time

import pandas as pd
import pytest

from opslib.errors import NotInExport, WarehouseError
from opslib.store.files import write_text
from opslib.store.warehouse import Slice, Warehouse, slices_read


@pytest.fixture
def warehouse(tmp_path):
    return Warehouse(tmp_path / "warehouse")


@pytest.fixture
def tickets():
    return pd.DataFrame(
        {
            "ticket_id": ["1", "2", "3"],
            "team": ["b", "a", "a"],
            "created_at": pd.to_datetime(["2026-11-02T10:00Z", "2026-11-09T10:00Z", "2026-11-10T10:00Z"]),
            "week": ["2026-W45", "2026-W46", "2026-W46"],
        }
    )


def test_a_table_is_read_by_week_team_and_column(warehouse, tickets):
    warehouse.write("facts", "tickets", tickets, partition_by_week=True)
    assert warehouse.weeks("facts", "tickets") == ["2026-W45", "2026-W46"]
    slice_ = warehouse.read("facts", "tickets", columns=["ticket_id"], weeks=["2026-W46"], teams=["a"])
    assert slice_.to_dict("list") == {"ticket_id": ["2", "3"]}
    assert str(warehouse.read("facts", "tickets")["created_at"].dtype) == "datetime64[us, UTC]"


def test_a_week_without_rows_is_an_empty_slice_with_its_columns(warehouse, tickets):
    warehouse.write("facts", "tickets", tickets, partition_by_week=True)
    empty = warehouse.read("facts", "tickets", weeks=["2020-W01"])
    assert len(empty) == 0
    assert list(empty.columns) == list(tickets.columns)


def test_the_same_rows_leave_the_file_untouched(warehouse, tickets):
    assert len(warehouse.write("facts", "tickets", tickets, partition_by_week=True)) == 2
    before = {path: os.stat(path).st_mtime_ns for path in warehouse.files("facts", "tickets")}
    tickets.loc[0, "team"] = "c"
    changed = warehouse.write("facts", "tickets", tickets, partition_by_week=True)
    after = {path: os.stat(path).st_mtime_ns for path in warehouse.files("facts", "tickets")}
    assert [path.parent.name for path in changed] == ["week=2026-W45"]
    assert [path.parent.name for path in before if before[path] == after[path]] == ["week=2026-W46"]


def test_a_week_that_is_gone_is_removed(warehouse, tickets):
    warehouse.write("facts", "tickets", tickets, partition_by_week=True)
    warehouse.write("facts", "tickets", tickets[tickets["week"] == "2026-W46"], partition_by_week=True)
    assert warehouse.weeks("facts", "tickets") == ["2026-W46"]


def test_a_table_that_is_not_there_is_not_in_this_export(warehouse):
    with pytest.raises(NotInExport, match="the export has no satisfaction"):
        warehouse.read("standard", "satisfaction")


def test_what_a_killed_run_left_aside_is_swept_by_the_next(warehouse):
    left = warehouse.root / "facts" / "tickets" / ".aside-x.parquet"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half a fi")
    with warehouse.locked():
        assert not left.exists()


def test_a_second_run_waits_for_the_first(warehouse):
    order = []

    def second() -> None:
        with Warehouse(warehouse.root).locked(wait_seconds=10):
            order.append("second")

    with warehouse.locked():
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.3)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_run_that_waited_too_long_says_so(warehouse):
    said = []

    def second() -> None:
        try:
            with Warehouse(warehouse.root).locked(wait_seconds=0.1):
                pass
        except WarehouseError as error:
            said.append(str(error))

    with warehouse.locked():
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
    assert "another run has held" in said[0]


def test_text_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "reports" / "index.html"
    assert write_text("one", path)
    assert not write_text("one", path)
    with pytest.raises(UnicodeEncodeError):
        write_text("two\ud800", path)
    assert path.read_text() == "one"
    assert [entry.name for entry in path.parent.iterdir()] == ["index.html"]


def test_a_slice_has_the_digest_of_its_own_rows_only(warehouse, tickets):
    warehouse.write("facts", "tickets", tickets, partition_by_week=True)
    own, other = Slice("facts", "tickets", teams=("a",)), Slice("facts", "tickets", teams=("b",))
    before = warehouse.digest_of(own), warehouse.digest_of(other)
    tickets.loc[tickets["team"] == "b", "ticket_id"] = "9"
    warehouse.write("facts", "tickets", tickets, partition_by_week=True)
    assert warehouse.digest_of(own) == before[0]
    assert warehouse.digest_of(other) != before[1]
    assert warehouse.digest_of(Slice("facts", "replies")) == "not in this export"


def test_a_process_notes_the_slices_that_it_reads(warehouse, tickets, tmp_path, monkeypatch):
    warehouse.write("facts", "tickets", tickets, partition_by_week=True)
    monkeypatch.setenv("OPSLIB_READS", str(tmp_path / "reads"))
    for _ in range(2):
        warehouse.read("facts", "tickets", weeks=["2026-W46"], teams=["a"])
    with pytest.raises(NotInExport):
        warehouse.read("facts", "replies")
    assert slices_read(tmp_path / "reads") == [
        Slice("facts", "tickets", weeks=("2026-W46",), teams=("a",)),
        Slice("facts", "replies"),
    ]


def test_a_table_that_changes_its_layout_is_not_read_twice(warehouse, tickets):
    """A warehouse that an earlier version filled must not count every row two times."""
    warehouse.write("facts", "tickets", tickets)
    warehouse.write("facts", "tickets", tickets, partition_by_week=True)
    assert len(warehouse.read("facts", "tickets")) == len(tickets)
    warehouse.write("facts", "tickets", tickets)
    assert len(warehouse.read("facts", "tickets")) == len(tickets)
