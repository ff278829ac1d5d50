"""A CSV gives all its records, by whichever way it is read."""

from __future__ import annotations

import numpy as np
import pytest

from opslib.intake.reading.text_shape import RecordShape
from opslib.settings import ReadingLimits
from tests.intake.reading.exports import Folder


@pytest.mark.usefixtures("way")
def test_fields_longer_than_pythons_limit_are_read(exports: Folder) -> None:
    for text in ("d" * 200_000, '"' + "d, " * 50_000 + '"', '"' + "line\n" * 40_000 + '"'):
        export = exports.read("t.csv", f"id,text\n1,{text}\n2,b\n")
        assert export.ids == ["1", "2"]
        assert len(export.values[0][1]) == len(text.strip('"'))


def test_a_text_of_one_line_has_a_header_and_no_rows_however_long_it_is(exports: Folder) -> None:
    for text in ("d" * 400_000, ",".join(f"column {number}" for number in range(1500))):
        export = exports.read("t.csv", text)
        assert export.damage == "t.csv: the file has a header but no rows"


def test_a_line_a_value_or_a_header_beyond_its_limit_names_the_limit(exports: Folder) -> None:
    small = ReadingLimits(value_megabytes=1, columns=3)
    assert "limits.reading.value_megabytes" in exports.read("t.csv", "id\n" + "x" * 1_100_000, limits=small).damage
    assert "limits.reading.columns" in exports.read("t.csv", "a,b,c,d\n1,2,3,4\n", limits=small).damage


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("line", ["sep=;\n", "sep=;\r\n", '"sep=;"\r\n', "SEP=;\n", "Sep=;;\n", '"SEP=;"\r'])
def test_the_separator_line_is_no_header_however_it_is_written(exports: Folder, line: str) -> None:
    for end in ("\n", "\r\n"):
        export = exports.read("t.csv", line + f"id;name{end}101;a,b{end}102;c{end}103;d{end}")
        assert export.values == [("101", "a,b"), ("102", "c"), ("103", "d")]


@pytest.mark.usefixtures("way")
def test_ids_kept_from_excel_are_read_as_what_they_mean(exports: Folder) -> None:
    content = 'id,text\n="000101",a\n"=""0002""",b\n=1+2,c\n="",d\n'
    assert exports.read("t.csv", content).ids == ["000101", "0002", "=1+2", None]
    careful = exports.read("t.csv", content + "too,many,fields\n")
    assert careful.ids == ["000101", "0002", "=1+2", None, None]


@pytest.mark.usefixtures("way")
def test_nul_bytes_within_values_are_left_out_and_said(exports: Folder) -> None:
    export = exports.read("t.csv", b"id,name\n10\x002,a\n103,b\n")
    assert export.ids == ["102", "103"]
    assert export.raw.notes == ("1 NUL character(s) were left out",)
    cut = exports.read("t.csv", b"id,name\n102,a\n103,b\n" + bytes(4096))
    assert cut.ids == ["102", "103", None]


def test_a_quote_that_closes_within_another_record_does_not_swallow_the_rows_between(exports: Folder) -> None:
    export = exports.read("t.csv", 'id,name\n1,"a\n2,b\n3,"c\n4,d\n')
    assert export.ids == [None, "2", None, "4"]
    assert set(export.unreadable.values()) == {"row: a quote is opened and not closed"}


def test_rows_that_go_missing_on_the_way_are_counted_and_named(
    exports: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The count is of the file's bytes, so that it holds whatever loses the rows."""
    monkeypatch.setattr("opslib.intake.reading.csv_rows._through_duckdb", lambda *given: False)
    monkeypatch.setattr("opslib.intake.reading.csv_rows.RowWriter.add", lambda *given, **more: None)
    export = exports.read("t.csv", "id,name\n1,a\n2,b\n")
    assert export.damage.startswith("t.csv: the file has 2 record(s), 0 could be read")


CONTENTS = [
    b"id,t\n1,a\n2,b\n",
    b"id,t\r\n1,a\r\n\r\n2,b",
    b"id,t\r1,a\r2,b\r",
    b'id,t\n1,"a\n\n b"\n2,"x\r\n"\n',
    b'id,t\n1,"a ""b"" c"\n\n\n2,d\n',
]


@pytest.mark.parametrize("content", CONTENTS)
def test_lines_and_records_are_counted_the_same_however_the_text_is_cut_into_blocks(content: bytes) -> None:
    whole = counts(content, len(content))
    assert whole[2] == 3
    assert all(counts(content, size) == whole for size in range(1, len(content)))


def counts(content: bytes, size: int) -> tuple[int, ...]:
    shape = RecordShape()
    for start in range(0, len(content), size):
        shape.add(content[start : start + size])
    shape.end()
    return shape.lines, shape.filled_lines, shape.records, shape.quotes, shape.longest_line


@pytest.mark.usefixtures("way")
def test_every_export_gives_as_many_rows_as_its_bytes_have_records(exports: Folder) -> None:
    """Random texts of quotes, separators and line ends, each against a count of its own."""
    chance = np.random.default_rng(12)
    fields = ["", "a", '"b"', '"c ""d"""', '"e\nf"', '"g,h"', "i", '"\n\n"']
    for _ in range(60):
        rows = chance.choice(fields, size=(chance.integers(1, 30), 3))
        end = chance.choice(["\n", "\r\n"])
        export = exports.read("t.csv", end.join(["x,y,z", *(",".join(row) for row in rows)]))
        assert (export.raw.rows, export.raw.records, export.damage) == (len(rows), len(rows), "")
