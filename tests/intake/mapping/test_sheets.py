"""Workbooks as people have them: a sheet a month, a summary in front, lines above the header, files that are none."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import xlsxwriter

from opslib.intake.mapping.map_file import MappedFile
from tests.intake.mapping.mappings import tickets

HEADER = ["ID", "Created", "Group"]
MAPPING = tickets(created="Created", more="queue: Group\nform: _sheet").replace("ticket_id: id", "ticket_id: ID")
FEBRUARY = [["21", "2026-02-03 10:00", "Care"], ["22", "2026-02-04 10:00", "Chat"]]
MARCH = [["31", "2026-03-03 10:00", "Care"]]


def workbook(path: Path, sheets: dict[str, list[list[Any]]], hidden: str | None = None) -> bytes:
    book = xlsxwriter.Workbook(path)
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
        if name == hidden:
            sheet.hide()
    book.close()
    return path.read_bytes()


def ids(file: MappedFile) -> list[tuple[str | None, str | None, int]]:
    """The id, the sheet and the number of each row."""
    rows = pa.concat_tables(file.chunks()).to_pylist()
    return [(row["ticket_id"], row["form"], row["_row"]) for row in rows]


@pytest.fixture
def read(mapped: Any, source: Any, tmp_path: Path) -> Any:
    """Map a workbook of sheets."""

    def map_(sheets: dict[str, list[list[Any]]], hidden: str | None = None, options: str = "") -> MappedFile:
        mapping = MAPPING.replace('files: ["t*"]', f'files: ["t*"]\n    read: {{{options}}}')
        (file,) = mapped(source(mapping), t__xlsx=workbook(tmp_path / "made.xlsx", sheets, hidden))
        return file  # type: ignore[no-any-return]

    return map_


def test_all_sheets_with_the_columns_of_the_mapping_are_read_in_their_order(read: Any) -> None:
    file = read(
        {"March": [HEADER, *MARCH], "February": [["Created", "Group", "ID"], *[[b, c, a] for a, b, c in FEBRUARY]]}
    )
    assert ids(file) == [("31", "March", 1), ("21", "February", 2), ("22", "February", 3)]
    assert (file.damage, file.unread) == (None, ())
    assert "2 sheets were read one after the other: `March`, `February`" in file.notes


def test_sheets_that_are_left_are_named_with_the_reason(read: Any) -> None:
    sheets = {
        "Summary": [["Group", "Tickets"], ["Care", 2]],
        "Copy": [HEADER, ["99", "2026-01-01 10:00", "Care"]],
        "February": [HEADER, *FEBRUARY],
        "Empty": [],
        "April": [HEADER],
        "Oldest": [["ID", "Created"], ["21", "2026-02-03 10:00"]],
    }
    file = read(sheets, hidden="Copy")
    assert ids(file) == [("21", "February", 1), ("22", "February", 2)]
    assert file.damage is None
    assert file.unread == (
        "the sheet `Summary` was not read: it has no `ID`, `Created`",
        "the sheet `Copy` was not read: it is hidden, like a copy; 1 rows",
        "the sheet `Empty` was not read: it is empty",
        "the sheet `Oldest` was not read: its header is another than that of `February` and lacks `group`; 1 rows. "
        "`read: {sheet: …}` chooses one",
    )
    only_hidden = read({"Summary": [["Group"], ["Care"]], "Copy": [HEADER, *MARCH]}, hidden="Copy")
    assert ids(only_hidden) == [("31", "Copy", 1)]
    assert ids(read(sheets, options="sheet: Copy")) == [("99", "Copy", 1)]


def test_two_feeds_of_a_workbook_each_find_their_sheets(mapped: Any, source: Any, tmp_path: Path) -> None:
    comments = (
        "  - table: ticket_events\n    files: ['t*']\n    columns: {ticket_id: Ticket, occurred_at: At, "
        "event: {constant: public_comment}}\n"
    )
    sheets = {"Tickets": [HEADER, *FEBRUARY], "Comments": [["Ticket", "At"], ["21", "2026-02-05 10:00"]]}
    of_tickets, of_events = mapped(source(MAPPING + comments), t__xlsx=workbook(tmp_path / "made.xlsx", sheets))
    assert [row["ticket_id"] for chunk in of_tickets.chunks() for row in chunk.to_pylist()] == ["21", "22"]
    assert [row["ticket_id"] for chunk in of_events.chunks() for row in chunk.to_pylist()] == ["21"]
    assert (of_tickets.damage, of_events.damage) == (None, None)


def test_the_sheets_of_workbooks_in_a_zip_are_read_too(mapped: Any, source: Any, tmp_path: Path) -> None:
    months = {"February": [HEADER, *FEBRUARY], "Summary": [["Group"], ["Care"]]}
    with zipfile.ZipFile(tmp_path / "made.zip", "w") as archive:
        archive.writestr("a.xlsx", workbook(tmp_path / "a.xlsx", months))
        archive.writestr(
            "b.xlsx", workbook(tmp_path / "b.xlsx", {"Summary": [["Group"], ["Care"]], "March": [HEADER, *MARCH]})
        )
    (file,) = mapped(source(MAPPING), t__zip=(tmp_path / "made.zip").read_bytes())
    assert ids(file) == [("21", "February", 1), ("22", "February", 2), ("31", "March", 3)]
    assert [text.split(":")[0] for text in file.unread] == ["the sheet `a.xlsx", "the sheet `b.xlsx"]


TITLES = [["Tickets of Jo Miller"], ["made on 2026-03-09"], []]


def test_lines_above_the_header_are_counted_and_never_shown(read: Any, mapped: Any, source: Any) -> None:
    file = read({"Report": [*TITLES, HEADER, *MARCH]})
    assert file.damage == (
        "t.xlsx: the needed columns `ID`, `Created` are not in the first line; 3 line(s) stand above its header: "
        "write `read: {skip_lines: 3}` under the feed"
    )
    assert ids(read({"Report": [*TITLES, HEADER, *MARCH]}, options="skip_lines: 3")) == [("31", "Report", 1)]
    text = "\n".join(";".join(row) for row in [*TITLES, HEADER, *MARCH])
    (file,) = mapped(source(MAPPING), t__csv=text)
    assert "3 line(s) stand above its header: write `read: {skip_lines: 3}`" in file.damage
    assert "Miller" not in file.damage
    with_lines = MAPPING.replace('files: ["t*"]', 'files: ["t*"]\n    read: {skip_lines: 3}')
    (file,) = mapped(source(with_lines), t__csv=text)
    assert ids(file) == [("31", None, 1)]


def test_a_header_of_two_lines_takes_the_lower_names(read: Any, mapped: Any, source: Any) -> None:
    groups = [["ID", "Times", "", "Group"], ["", "Created", "Solved", ""]]
    rows = [["31", "2026-03-03 10:00", "2026-03-04 10:00", "Care"]]
    assert "its header takes two lines: write `read: {header_lines: 2}`" in str(
        read({"Report": [*groups, *rows]}).damage
    )
    assert ids(read({"Report": [*groups, *rows]}, options="header_lines: 2")) == [("31", "Report", 1)]
    text = "\n".join(";".join(row) for row in [*TITLES, *groups, *rows])
    (file,) = mapped(source(MAPPING), t__csv=text)
    assert "write `read: {skip_lines: 3, header_lines: 2}`" in file.damage
    of_both = MAPPING.replace('files: ["t*"]', 'files: ["t*"]\n    read: {skip_lines: 3, header_lines: 2}')
    (file,) = mapped(source(of_both), t__csv=text)
    assert (ids(file), file.damage) == ([("31", None, 1)], None)


PAGE = "<html><head></head><body><table><tr><th>ID</th><th>Created</th></tr></table></body></html>"
OTHERS = {
    "a web page (HTML)": PAGE.encode(),
    "a web page (HTML) ": b"\xef\xbb\xbf<!DOCTYPE html>\n" + PAGE.encode(),
    "a web page (HTML)  ": PAGE.encode("utf-16"),
    "an XML spreadsheet of 2003": b'<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n<Workbook>',
    "a web page in a mail (MHTML)": b"MIME-Version: 1.0\r\nContent-Type: multipart/related",
}


@pytest.mark.parametrize("form", OTHERS)
def test_a_page_under_the_name_of_a_workbook_is_named(form: str, mapped: Any, source: Any) -> None:
    for name in ("t__xls", "t__csv", "t__xlsx"):
        (file,) = mapped(source(MAPPING), **{name: OTHERS[form]})
        assert f"this is {form.strip()} under the name of a table; open it in a spreadsheet and save it" in file.damage


def test_text_under_the_name_of_a_workbook_is_read_as_text(mapped: Any, source: Any) -> None:
    text = "ID\tCreated\tGroup\n31\t2026-03-03 10:00\tCare\n"
    for content in (text.encode(), text.encode("utf-16")):
        (file,) = mapped(source(MAPPING), t__xls=content)
        assert (ids(file), file.damage) == ([("31", None, 1)], None)


def remade(content: bytes, tmp_path: Path, part: str, change: Any) -> bytes:
    """A workbook of which one part is another."""
    (tmp_path / "before.xlsx").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "before.xlsx") as before, zipfile.ZipFile(tmp_path / "after.xlsx", "w") as after:
        for name in before.namelist():
            after.writestr(name, change(before.read(name)) if name == part else before.read(name))
    return (tmp_path / "after.xlsx").read_bytes()


def test_a_binary_workbook_is_refused_by_name(mapped: Any, source: Any) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.bin", b"\0")
    for name in ("t__xlsb", "t__xlsx"):
        (file,) = mapped(source(MAPPING), **{name: content.getvalue()})
        assert "this is a binary workbook (XLSB), which is not read; open it in a spreadsheet" in file.damage


def test_a_cell_far_out_is_refused_before_memory_is_taken_for_all_before_it(
    mapped: Any, source: Any, tmp_path: Path
) -> None:
    content = workbook(tmp_path / "made.xlsx", {"Report": [HEADER, *MARCH]})
    far = remade(content, tmp_path, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b"A2", b"XFD1048576"))
    (file,) = mapped(source(MAPPING), t__xlsx=far)
    assert "reaches to row 1,048,576 and column 16,384, which are 17,179,869,184 cells" in file.damage
    assert "`limits.reading.cells` in params allows 50,000,000" in file.damage


def test_a_broken_workbook_is_damage(mapped: Any, source: Any, tmp_path: Path) -> None:
    content = workbook(tmp_path / "made.xlsx", {"Report": [HEADER, *MARCH]})
    changes = {
        "xl/worksheets/sheet1.xml": lambda xml: xml[: len(xml) // 2],
        "xl/workbook.xml": lambda xml: xml.replace(b"<sheets>", b"<sheets><!--").replace(b"</sheets>", b"--></sheets>"),
        "xl/sharedStrings.xml": lambda xml: b"",
    }
    broken = [remade(content, tmp_path, part, change) for part, change in changes.items()]
    place = content.index(b"xl/worksheets/sheet1.xml") + 60
    broken.append(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
    for each in broken:
        (file,) = mapped(source(MAPPING), t__xlsx=each)
        assert file.damage is not None
        assert "t.xlsx" in file.damage
