from __future__ import annotations

import codecs
import gzip
import json
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import xlsxwriter

from opslib.errors import ExportError
from opslib.intake.reading.json_rows import explode
from opslib.intake.reading.raw_rows import RawRows
from opslib.intake.reading.read import open_export
from opslib.intake.reading.read_options import ReadOptions


@pytest.fixture
def export(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> Iterator[Any]:
    """Write bytes to a file and read it."""
    opened: list[RawRows] = []

    def read(name: str, content: bytes | str, **options: Any) -> RawRows:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        opened.append(open_export(con, path, ReadOptions(**options)))
        return opened[-1]

    yield read
    for raw in opened:
        raw.close()


def rows(con: duckdb.DuckDBPyConnection, raw: RawRows) -> list[tuple[Any, ...]]:
    """The values of the file's columns, in the order of the rows."""
    names = ", ".join(f'"{name}"' for name in raw.columns)
    return con.execute(f"SELECT {names} FROM {raw.relation} ORDER BY _row, _item").fetchall()


def row_numbers(con: duckdb.DuckDBPyConnection, raw: RawRows) -> list[int]:
    return [row for (row,) in con.execute(f"SELECT _row FROM {raw.relation} ORDER BY _row, _item").fetchall()]


def unreadable(con: duckdb.DuckDBPyConnection, raw: RawRows) -> dict[int, str]:
    return dict(con.execute(f"SELECT _row, _unreadable FROM {raw.relation} WHERE _unreadable IS NOT NULL").fetchall())


TEXT = "id;name\n1;Zoë “quoted”\n2;plain\n"


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(TEXT.encode("utf-8"), id="utf-8"),
        pytest.param(TEXT.encode("utf-8-sig"), id="utf-8 with a mark"),
        pytest.param(codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), id="utf-16-le with a mark"),
        pytest.param(codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), id="utf-16-be with a mark"),
        pytest.param(TEXT.encode("utf-16-le"), id="utf-16-le without a mark"),
        pytest.param(TEXT.encode("utf-16-be"), id="utf-16-be without a mark"),
        pytest.param(TEXT.encode("cp1252"), id="windows-1252"),
        pytest.param(TEXT.replace("\n", "\r\n").encode("utf-8"), id="windows line ends"),
        pytest.param(TEXT.replace("\n", "\r\n", 1).encode("utf-8"), id="mixed line ends"),
    ],
)
def test_every_encoding_gives_the_same_rows(export: Any, con: Any, content: bytes) -> None:
    raw = export("tickets.csv", content)
    assert raw.columns == ("id", "name")
    assert rows(con, raw) == [("1", "Zoë “quoted”"), ("2", "plain")]
    assert raw.damage is None


def test_an_encoding_of_another_alphabet_is_found(export: Any, con: Any) -> None:
    text = "id;name\n" + "1;Не могу войти в свою учётную запись\n" * 20
    raw = export("tickets.csv", text.encode("cp1251"))
    assert rows(con, raw)[0] == ("1", "Не могу войти в свою учётную запись")
    assert raw.notes == ("the text is not UTF-8; it was read as cp1251",)


def test_the_encoding_can_be_given(export: Any, con: Any) -> None:
    raw = export("tickets.csv", "id,name\n1,Łódź\n".encode("cp1250"), encoding="cp1250")
    assert rows(con, raw) == [("1", "Łódź")]


def test_an_unknown_encoding_is_refused(export: Any) -> None:
    with pytest.raises(ExportError, match=r"tickets\.csv: there is no encoding 'latin-99'"):
        export("tickets.csv", "id\n1\n", encoding="latin-99")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(export: Any, con: Any, separator: str) -> None:
    text = "\n".join(separator.join(row) for row in [["id", "a"], ["1", '"x,y;z"'], ["2", "p"]]) + "\n"
    assert rows(con, export("t.csv", text)) == [("1", "x,y;z"), ("2", "p")]


def test_the_separator_line_of_excel_is_no_header(export: Any, con: Any) -> None:
    raw = export("t.csv", "sep=;\r\nid;name\r\n1;a,b\r\n")
    assert raw.columns == ("id", "name")
    assert rows(con, raw) == [("1", "a,b")]


def test_lines_above_the_header_can_be_skipped(export: Any, con: Any) -> None:
    raw = export("t.csv", "Tickets of the week\n\nid,name\n1,a\n", skip_lines=2)
    assert rows(con, raw) == [("1", "a")]


@pytest.mark.usefixtures("way")
def test_newlines_in_quotes_stay_in_their_field(export: Any, con: Any) -> None:
    raw = export("t.csv", 'id,text\n1,"first\nsecond ""line"""\n2,"a,b"\n')
    assert rows(con, raw) == [("1", 'first\nsecond "line"'), ("2", "a,b")]
    assert row_numbers(con, raw) == [1, 2]


@pytest.mark.usefixtures("way")
def test_repeated_headers_are_skipped_and_counted_and_keep_their_row_number(export: Any, con: Any) -> None:
    """A spreadsheet shows row N of the data on line N + 1; that must hold after a repeated header too."""
    raw = export("t.csv", "id,name\n1,a\nid,name\n2,b\nid,name\n")
    assert rows(con, raw) == [("1", "a"), ("2", "b")]
    assert row_numbers(con, raw) == [1, 3]
    assert (raw.rows, raw.repeated_headers) == (2, 2)


@pytest.mark.usefixtures("way")
def test_a_row_with_too_few_or_too_many_fields_is_kept_and_named_but_not_believed(export: Any, con: Any) -> None:
    raw = export("t.csv", "id,name,team\n1,a,x\n2,b\n3,c,y,z\n4,d,w\n")
    assert rows(con, raw) == [("1", "a", "x"), (None,) * 3, (None,) * 3, ("4", "d", "w")]
    assert unreadable(con, raw) == {
        2: "row: 2 field(s) where the header has 3",
        3: "row: 4 field(s) where the header has 3",
    }


@pytest.mark.usefixtures("way")
def test_empty_fields_beyond_the_header_do_no_harm(export: Any, con: Any) -> None:
    raw = export("t.csv", "id,name\n1,a,,\n2,b\n")
    assert rows(con, raw) == [("1", "a"), ("2", "b")]
    assert unreadable(con, raw) == {}


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_a_quote_that_is_never_closed_costs_its_own_row_only(export: Any, con: Any, mark: bytes) -> None:
    """DuckDB alone drops all rows after such a quote without a word."""
    body = "id,name,team\n1,a,x\n" + '2,"b,y\n' + "".join(f"{n},c,z\n" for n in range(3, 1000))
    raw = export("t.csv", mark + body.encode())
    assert raw.rows == 999
    assert unreadable(con, raw) == {2: "row: a quote is opened and not closed"}
    assert rows(con, raw)[-1] == ("999", "c", "z")


def test_names_of_columns_are_made_distinct(export: Any) -> None:
    """SQL does not tell case apart, so `ID` beside `id` would be the same column."""
    assert export("t.csv", "id,ID,, name ,_row\n1,2,3,4,5\n").columns == ("id", "ID_2", "column_3", "name", "_row_2")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"  \n"])
def test_an_empty_file_is_damage(export: Any, content: bytes) -> None:
    raw = export("t.csv", content)
    assert raw.rows == 0
    assert raw.damage.startswith("t.csv: the file is empty")


@pytest.mark.parametrize(
    ("name", "content"),
    [("t.csv", b"id,name\n"), ("t.csv.gz", gzip.compress(b"id,name\n", mtime=0)), ("t.csv", b"id,name")],
)
def test_a_header_without_rows_is_damage(export: Any, name: str, content: bytes) -> None:
    raw = export(name, content)
    assert raw.columns == ("id", "name")
    assert raw.damage == f"{name}: the file has a header but no rows"


def test_gzip_is_told_from_the_bytes_not_the_name(export: Any, con: Any) -> None:
    two_members = gzip.compress(b"id,name\n1,a\n", mtime=0) + gzip.compress(b"2,b\n")
    assert rows(con, export("t.csv", two_members)) == [("1", "a"), ("2", "b")]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_truncated_gzip_is_damage_and_its_first_rows_are_saved(export: Any, con: Any, share: float) -> None:
    whole = "id,text\n" + "".join(f'{n},"line {n * n % 9973}\nmore"\n' for n in range(20_000))
    packed = gzip.compress(whole.encode())
    raw = export("t.csv.gz", packed[: int(len(packed) * share)])
    assert raw.damage.startswith("t.csv.gz: the gzip file is damaged (truncated after")
    assert 0.5 * share * 20_000 < raw.rows < 20_000
    broken = unreadable(con, raw)
    assert set(broken.values()) <= {"row: cut off where the file ends"}
    assert set(broken) <= {raw.rows}
    saved = rows(con, raw)[: raw.rows - len(broken)]
    assert saved == [(str(n), f"line {n * n % 9973}\nmore") for n in range(len(saved))]


def test_a_zip_of_several_files_is_one_export(export: Any, con: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
        archive.writestr("part2.csv", "name;id;extra\nb;2;x\n")
        archive.writestr("part1.csv", "id,name\n1,a\n")
        archive.writestr("readme.pdf", "no table")
        archive.writestr("__MACOSX/part1.csv", "rubbish")
    raw = export("tickets.zip", (tmp_path / "made.zip").read_bytes())
    assert raw.columns == ("id", "name", "extra")
    assert rows(con, raw) == [("1", "a", None), ("2", "b", "x")]
    assert row_numbers(con, raw) == [1, 2]
    assert raw.unread == ("`readme.pdf` in the zip was not read: it is no CSV, JSON, XLSX or Parquet file",)


def test_a_broken_zip_is_damage(export: Any, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "made.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.csv", "id,name\n" + "1,a\n" * 5000)
    content = (tmp_path / "made.zip").read_bytes()
    assert "the zip file is damaged" in export("cut.zip", content[: len(content) // 2]).damage
    changed = bytearray(content)
    changed[60] ^= 0xFF
    assert "is damaged" in export("changed.zip", bytes(changed)).damage


def workbook(path: Path) -> bytes:
    book = xlsxwriter.Workbook(path)
    sheet, other = book.add_worksheet("Tickets"), book.add_worksheet("Notes")
    moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm:ss"})
    sheet.write_row(0, 0, ["id", "at", "score", "solved"])
    sheet.write(1, 0, 1042)
    sheet.write_datetime(1, 1, datetime(2026, 3, 13, 8, 59, 59), moment)
    sheet.write(1, 2, 4.5)
    sheet.write_boolean(1, 3, True)
    sheet.write(3, 0, "T-7")
    other.write_row(0, 0, ["note"])
    other.write_row(1, 0, ["hello"])
    book.close()
    return path.read_bytes()


def test_cells_of_a_workbook_come_as_text_and_times_to_the_second(export: Any, con: Any, tmp_path: Path) -> None:
    """A workbook holds 08:59:59 as a fraction of a day, a few microseconds off."""
    raw = export("t.xlsx", workbook(tmp_path / "made.xlsx"))
    assert rows(con, raw) == [
        ("1042", "2026-03-13 08:59:59", "4.5", "true", "Tickets"),
        ("T-7", None, None, None, "Tickets"),
    ]
    assert row_numbers(con, raw) == [1, 3]
    assert raw.typed
    assert [(sheet.name, sheet.rows.columns) for sheet in raw.sheets] == [
        ("Tickets", ("id", "at", "score", "solved", "_sheet")),
        ("Notes", ("note", "_sheet")),
    ]


def test_the_sheet_can_be_chosen(export: Any, con: Any, tmp_path: Path) -> None:
    content = workbook(tmp_path / "made.xlsx")
    raw = export("t.xlsx", content, sheet="Notes")
    assert rows(con, raw) == [("hello", "Notes")]
    assert raw.sheets == ()
    with pytest.raises(ExportError, match=r"no sheet 'Ticket'; the workbook has `Tickets`, `Notes`"):
        export("t.xlsx", content, sheet="Ticket")


def test_a_damaged_workbook_or_parquet_file_is_damage(export: Any) -> None:
    assert "workbook is damaged" in export("t.xlsx", b"PK\x03\x04 not a workbook").damage
    assert "Parquet file is damaged" in export("t.parquet", b"PAR1 not Parquet").damage


OBJECTS = [
    {"id": 1, "via": {"channel": "web", "source": {"rel": None}}, "tags": ["a", "b"], "score": 1.5},
    {"id": 12345678901234567, "via": {"channel": "email"}, "ok": True, "text": "Zoë\n“x”"},
]


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("t.jsonl", "\n".join(json.dumps(item) for item in OBJECTS), {}),
        ("t.jsonl", "\r\n".join(json.dumps(item, ensure_ascii=False) for item in OBJECTS) + "\r\n\r\n", {}),
        ("t.json", json.dumps(OBJECTS), {}),
        ("t.json", json.dumps(OBJECTS, indent=2), {}),
        ("t.json", "\n".join(json.dumps(item, indent=2) for item in OBJECTS), {}),
        ("t.json", json.dumps({"tickets": OBJECTS, "next_page": None}), {"records": "tickets"}),
        ("t.json", json.dumps({"tickets": OBJECTS}, indent=1), {"records": "tickets"}),
        ("t.json", json.dumps(OBJECTS), {"records": "tickets"}),
    ],
    ids=["lines", "lines from Windows", "array", "pretty array", "pretty objects", "page", "pretty page", "no page"],
)
def test_every_form_of_json_gives_the_same_rows(export: Any, con: Any, name: str, content: str, options: Any) -> None:
    raw = export(name, content, **options)
    by_name = {column: [row[n] for row in rows(con, raw)] for n, column in enumerate(raw.columns)}
    assert by_name["id"] == ["1", "12345678901234567"]
    assert by_name["via.channel"] == ["web", "email"]
    assert by_name["via.source.rel"] == [None, None]
    assert by_name["tags"] == ['["a","b"]', None]
    assert by_name["score"] == ["1.5", None]
    assert by_name["ok"] == [None, "true"]
    assert by_name["text"] == [None, "Zoë\n“x”"]
    assert row_numbers(con, raw) == [1, 2]


def test_a_broken_line_of_json_is_kept_and_named(export: Any, con: Any) -> None:
    raw = export("t.jsonl", '{"id": 1}\n{"id": 2\n[3]\n{"id": 4}')
    assert rows(con, raw) == [("1",), (None,), (None,), ("4",)]
    assert unreadable(con, raw) == {2: "row: not valid JSON", 3: "row: not a JSON object"}


def test_a_truncated_array_is_damage_and_its_first_rows_are_saved(export: Any, con: Any) -> None:
    raw = export("t.json", json.dumps(OBJECTS)[:-20])
    assert raw.rows == 1
    assert "ends or breaks in the middle (after row 1)" in raw.damage


def test_arrays_are_taken_apart_and_keep_their_order(export: Any, con: Any) -> None:
    lines = [
        {"id": 1, "events": [{"type": "Create", "value": "new"}, {"type": "Comment", "public": True}]},
        {"id": 2, "events": []},
        {"id": 3, "events": "none"},
        {"id": 4, "events": [{"type": "Change", "value": {"a": 1}}]},
    ]
    raw = explode(con, export("t.jsonl", "\n".join(json.dumps(line) for line in lines)), "events")
    assert set(raw.columns) == {"id", "events.type", "events.value", "events.public"}
    items = con.execute(f'SELECT id, "events.type", _row, _item FROM {raw.relation} ORDER BY _row, _item').fetchall()
    assert items == [("1", "Create", 1, 0), ("1", "Comment", 1, 1), ("3", None, 3, 0), ("4", "Change", 4, 0)]
    assert unreadable(con, raw) == {3: "row: `events` is not a JSON array"}


def test_parquet_times_come_as_iso_text(export: Any, con: Any, tmp_path: Path) -> None:
    made = tmp_path / "made.parquet"
    con.execute(
        f"""COPY (SELECT 7 AS id, TIMESTAMPTZ '2026-01-01 10:00:00+02' AS at, TIMESTAMP '2026-01-01 10:00:00' AS local,
                  DATE '2026-01-02' AS day, {{'channel': 'web', 'tags': [1, 2]}} AS via) TO '{made}' (FORMAT parquet)"""
    )
    raw = export("t.parquet", made.read_bytes())
    assert raw.columns == ("id", "at", "local", "day", "via.channel", "via.tags")
    assert rows(con, raw) == [("7", "2026-01-01T08:00:00Z", "2026-01-01 10:00:00", "2026-01-02", "web", "[1,2]")]


def test_temporary_files_are_removed(tmp_path: Path, con: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """They hold personal data: nothing may stay behind, after an error neither."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    export = tmp_path / "t.csv"
    export.write_text("id\n1\n")
    raw = open_export(con, export)
    (folder,) = scratch.iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    raw.close()
    assert list(scratch.iterdir()) == []
    with pytest.raises(ExportError):
        open_export(con, export, ReadOptions(encoding="nonsense"))
    assert list(scratch.iterdir()) == []


def test_a_missing_file_is_named(con: Any, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"tickets\.csv: there is no such file"):
        open_export(con, tmp_path / "tickets.csv")
