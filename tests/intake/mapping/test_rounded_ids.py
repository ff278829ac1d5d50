"""Ids that a spreadsheet rounded stop the file; those that only look like it do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from tests.intake.mapping.mappings import tickets

CREATED = "2026-11-09T10:00:00Z"


def csv_of(ids: list[str]) -> str:
    return "id;created\n" + "".join(f"{each};{CREATED}\n" for each in ids)


def workbook_of(path: Path, ids: list[int | str]) -> bytes:
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["id", "created"])
    for row, each in enumerate(ids, start=1):
        sheet.write_row(row, 0, [each, CREATED])
    book.close()
    return path.read_bytes()


EXACT = 1_572_883_746_110_934_721
ROUNDED = {
    "shown as a number of six digits": ["1.57288E+18"] * 3,
    "with a comma": ["1,57288E+18"] * 3,
    "19 digits, 15 of them kept": [f"{number}0000" for number in range(157_288_374_611_093, 157_288_374_611_133)],
    "16 digits, 15 of them kept": [f"{number}0" for number in range(157_288_374_611_093, 157_288_374_611_133)],
    "19 digits, 17 of them kept": [f"{EXACT // 100 + number}00" for number in range(40)],
    "as a data frame writes them": [f"{EXACT // 10_000 + number}0000.0" for number in range(40)],
}
WHOLE = {
    "15 digits": [str(number) for number in range(157_288_374_611_000, 157_288_374_611_040)],
    "19 digits": [str(EXACT + 7 * number) for number in range(40)],
    "16 digits, one in ten of which ends in zero": [str(1_572_883_746_110_900 + number) for number in range(40)],
    "a clock's milliseconds as nanoseconds": [f"17000000{number:05}000000" for number in range(40)],
    "hexadecimal": ["12e5", "1e57288", "4e10", "5f3c"] * 3,
    "words": ["INC0010234", "E+14", "a.5E+14"],
}


@pytest.mark.parametrize("ids", ROUNDED.values(), ids=ROUNDED)
def test_rounded_ids_of_a_text_stop_the_file(ids: list[str], source: Any, mapped: Any) -> None:
    (file,) = mapped(source(tickets()), t__csv=csv_of(ids))
    assert "t.csv: the ids of the column `id` were rounded" in file.damage
    assert "Export again as CSV" in file.damage
    assert not any(each in file.damage for each in ids)


@pytest.mark.parametrize("ids", WHOLE.values(), ids=WHOLE)
def test_ids_that_nobody_rounded_pass(ids: list[str], source: Any, mapped: Any) -> None:
    (file,) = mapped(source(tickets()), t__csv=csv_of(ids))
    assert file.damage is None
    assert [chunk["ticket_id"].to_pylist() for chunk in file.chunks()] == [ids]


def test_cells_of_numbers_hold_ids_of_fifteen_digits_and_no_longer_ones(
    source: Any, mapped: Any, tmp_path: Path
) -> None:
    """A cell is a double: from 2^53 on it does not hold every whole number."""
    short: list[int | str] = [157_288_374_611_093, 9_007_199_254_740_991, str(EXACT)]
    (file,) = mapped(source(tickets()), t__xlsx=workbook_of(tmp_path / "made.xlsx", short))
    assert file.damage is None
    assert [row["ticket_id"] for chunk in file.chunks() for row in chunk.to_pylist()] == [str(each) for each in short]
    for ids in ([EXACT, EXACT + 1], [9_007_199_254_740_993], [15_728_837_461_109_347]):
        (file,) = mapped(source(tickets()), t__xlsx=workbook_of(tmp_path / "made.xlsx", [*ids]))
        assert "the ids of the column `id` were rounded" in file.damage


def test_ids_of_people_and_of_look_ups_are_ids_too_and_other_columns_are_not(source: Any, mapped: Any) -> None:
    by_person = tickets(more="requester_id: asker")
    (file,) = mapped(source(by_person), t__csv=f"id;created;asker\n1;{CREATED};1.2E+11\n2;{CREATED};1.3E+11\n")
    assert "the ids of the column `asker` were rounded" in file.damage
    looked_up = tickets(more="channel: asked.via").rstrip() + (
        "\n    lookups: {asked: {files: [people*], key: asker, match: no}}\n"
    )
    (file,) = mapped(
        source(looked_up), t__csv=f"id;created;asker\n1;{CREATED};1200\n", people__csv="no;via\n1.2E+11;web\n"
    )
    assert "people.csv: the ids of the column `no` were rounded" in file.damage
    (file,) = mapped(source(tickets(more="subject: size")), t__csv=f"id;created;size\n1;{CREATED};1.2E+11\n")
    assert file.damage is None


def test_one_rounded_id_among_many_costs_its_row_and_zeros_of_the_source_s_own_cost_nothing(
    source: Any, mapped: Any
) -> None:
    (file,) = mapped(source(tickets()), t__csv=csv_of([*map(str, range(300)), "1.57288E+14"]))
    rows = pa.concat_tables(file.chunks()).to_pylist()
    assert file.damage is None
    assert [row["ticket_id"] for row in rows[-2:]] == ["299", None]
    assert rows[-1]["_unreadable"] == "ticket_id: '(text of 11 characters)' is not an id: a spreadsheet has rounded it"
    own_zeros = tickets().replace("ticket_id: id", "ticket_id: {from: id, ends_in_zeros: true}")
    (file,) = mapped(source(own_zeros), t__csv=csv_of(ROUNDED["16 digits, 15 of them kept"]))
    assert file.damage is None


def test_ids_that_a_data_frame_made_floats_of_stop_the_file(source: Any, mapped: Any, tmp_path: Path) -> None:
    table = pa.table({"id": pa.array([float(EXACT), float(EXACT + 4096)]), "created": [CREATED, CREATED]})
    pq.write_table(table, tmp_path / "made.parquet")
    (file,) = mapped(source(tickets()), t__parquet=(tmp_path / "made.parquet").read_bytes())
    assert "the ids of the column `id` were rounded" in file.damage
    records = [{"id": float(EXACT + 9_999 * number), "created": CREATED} for number in range(9)]
    (file,) = mapped(source(tickets()), t__json=json.dumps(records))
    assert "the ids of the column `id` were rounded" in file.damage
