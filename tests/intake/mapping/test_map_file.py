from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opslib.errors import ExportError
from opslib.intake.mapping.export_files import find_files
from opslib.intake.mapping.map_file import MappedFile, map_file
from opslib.intake.mapping.sources import load_source
from opslib.tables import TABLES
from tests.intake.mapping.mappings import WIDE, tickets


def table(file: MappedFile) -> list[dict[str, Any]]:
    return pa.concat_tables(file.chunks()).to_pylist()


def column(file: MappedFile, name: str) -> list[Any]:
    return pa.concat_tables(file.chunks())[name].to_pylist()


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def created(mapped: Any, source: Any, rule: str, values: list[str], head: str = "") -> tuple[list[Any], list[Any]]:
    """The instants that a rule makes of values, and what it says of those that it cannot read."""
    lines = "".join(f'{number};"{value}"\n' for number, value in enumerate(values))
    (file,) = mapped(source(tickets(rule, head)), t__csv="id;created\n" + lines)
    return column(file, "created_at"), column(file, "_unreadable")


# ------------------------------------------------------------------------------------------------------- the contract


def test_chunks_have_all_columns_of_the_table_in_their_types(source: Any, mapped: Any) -> None:
    (file,) = mapped(source(tickets()), t__csv="id,created\n1,2026-11-09T10:00:00Z\n")
    (chunk,) = file.chunks()
    assert chunk.schema == pa.schema([*TABLES["tickets"].schema, ("_row", pa.int64()), ("_unreadable", pa.string())])
    assert file.present == {"ticket_id", "created_at", "status", "team"}
    assert (file.table, file.rows_read, file.left_out, file.damage) == ("tickets", 1, 0, None)


def test_a_large_file_comes_in_chunks_and_in_order(source: Any, mapped: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("opslib.intake.mapping.map_file.CHUNK_ROWS", 70_000)
    text = "id,created\n" + "".join(f"{n},2026-11-09T10:00:00Z\n" for n in range(150_000))
    (file,) = mapped(source(tickets()), t__csv=text)
    sizes = [chunk.num_rows for chunk in file.chunks()]
    assert max(sizes) <= 70_000
    assert sum(sizes) == file.rows_read == 150_000
    assert column(file, "_row") == list(range(1, 150_001))


def excerpt_of(text: str) -> str:
    """How an unreadable value is shown: words are not, and of digits that are no year of these times the places."""
    if text in {"soon", "five", "1e"}:
        return f"(text of {len(text)} characters)"
    return text if sum(map(str.isdigit, text)) <= 3 or re.search(r"(?<!\d)20\d\d", text) else re.sub(r"\d", "#", text)


def test_an_unreadable_value_costs_the_value_not_the_row(source: Any, mapped: Any) -> None:
    more = "reopen_count: reopens\ndue_at: due"
    (file,) = mapped(
        source(tickets(more=more)),
        t__csv="id,created,reopens,due\n1,13/03/2026 09:00,two,2026-03-14\n2,2026-03-13,2,\n",
    )
    first, second = table(file)
    assert (first["ticket_id"], first["created_at"], first["reopen_count"]) == ("1", None, None)
    assert first["due_at"] == utc("2026-03-14")
    assert first["_unreadable"] == (
        "created_at: '13/03/2026 09:00' is not an ISO time; "
        "reopen_count: '(text of 3 characters)' is not a whole number"
    )
    assert (second["reopen_count"], second["_unreadable"]) == (2, None)


def test_what_is_said_of_an_unreadable_value_is_cut(source: Any, mapped: Any) -> None:
    (file,) = mapped(source(tickets()), t__csv="id,created\n1," + "9" * 500 + "\n")
    assert column(file, "_unreadable") == ["created_at: '" + "#" * 40 + "' is not an ISO time"]


def test_words_that_stand_in_the_place_of_a_time_are_not_repeated(source: Any, mapped: Any) -> None:
    """A column that is shifted by one puts names and addresses there."""
    (file,) = mapped(source(tickets()), t__csv="id,created\n1,Maria Lopez\n2,13 March 2026 9:00 PM\n")
    assert column(file, "_unreadable") == [
        "created_at: '(text of 11 characters)' is not an ISO time",
        "created_at: '13 March 2026 9:00 PM' is not an ISO time",
    ]


def test_a_missing_needed_column_is_damage_with_a_suggestion(source: Any, mapped: Any) -> None:
    (file,) = mapped(source(tickets("created_at")), t__csv="id,created,other\n1,2026-11-09,x\n")
    assert file.damage == (
        "t.csv: the needed column `created_at` is not there; the file has `id`, and 2 that no mapping names "
        "(columns 2 and 3); did you mean column 2?"
    )
    assert column(file, "ticket_id") == ["1"]
    assert "created_at" not in file.present


@pytest.mark.parametrize(
    "row",
    [
        ["100818", "2026-09-21T14:46:38Z", "Maria Lopez", "maria@example.org", "My card is lost"],
        ["A-1", "Maria Lopez", "lost", "card", "asks for a refund"],
        ["A-1", "Maria Lopez", "id", "maria@example.org", "the id"],
        ["id", "21.9.2026 14:46", "Maria Lopez", "no", "+44 20 7946 0000"],
    ],
    ids=["values", "words", "a word that is a name", "times"],
)
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_of_a_first_line_that_may_be_data_nothing_is_said(
    source: Any, mapped: Any, tmp_path: Path, row: list[str], form: str
) -> None:
    if form == "xlsx":
        book = xlsxwriter.Workbook(tmp_path / "made.xlsx")
        sheet = book.add_worksheet()
        for number in range(3):
            sheet.write_row(number, 0, row)
        book.close()
        (file,) = mapped(source(tickets()), t__xlsx=(tmp_path / "made.xlsx").read_bytes())
    else:
        (file,) = mapped(source(tickets()), t__csv=f"{','.join(row)}\n" * 3)
    assert "its first line has 5 field(s), and " in file.damage
    assert "is the header missing, or do lines stand above it (`read: {skip_lines: N}`)?" in file.damage
    said = " ".join([file.damage, *file.notes, *file.unread])
    assert [value for value in row if value != "id" and len(value) > 2 and value in said] == []


def test_a_missing_other_column_is_only_absent(source: Any, mapped: Any) -> None:
    (file,) = mapped(source(tickets(more="priority: prio")), t__csv="id,created\n1,2026-11-09\n")
    assert file.damage is None
    assert "priority" not in file.present
    assert column(file, "priority") == [None]


@pytest.mark.parametrize(
    ("content", "damage"),
    [
        ("", "t.csv: the file is empty (0 bytes)"),
        ("id,created\n", "t.csv: the file has a header but no rows"),
    ],
)
def test_a_file_without_rows_is_damage_and_gives_no_rows(source: Any, mapped: Any, content: str, damage: str) -> None:
    (file,) = mapped(source(tickets()), t__csv=content)
    assert file.damage == damage
    assert file.rows_read == sum(chunk.num_rows for chunk in file.chunks()) == 0


def test_a_truncated_gzip_keeps_the_rows_before_the_cut(source: Any, mapped: Any) -> None:
    whole = gzip.compress(("id,created\n" + "".join(f"{n * n},2026-11-09\n" for n in range(12_000))).encode())
    (file,) = mapped(source(tickets()), t__csv__gz=whole[: len(whole) // 2])
    assert "gzip file is damaged" in (file.damage or "")
    assert 2_400 < file.rows_read < 12_000
    assert file.rows_read == len(table(file))


def test_a_row_with_the_wrong_number_of_fields_comes_out_empty_and_named(source: Any, mapped: Any) -> None:
    (file,) = mapped(source(tickets()), t__csv="id,created\n1,2026-11-09,surplus\n2,2026-11-09\n")
    first, second = table(file)
    assert (first["ticket_id"], first["_row"]) == (None, 1)
    assert first["_unreadable"] == "row: 3 field(s) where the header has 2"
    assert second["ticket_id"] == "2"


# -------------------------------------------------------------------------------------------------------------- times


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-09T10:00:00Z",
        "2026-11-09T10:00:00z",
        "2026-11-09 10:00:00 UTC",
        "2026-11-09T10:00:00+0000",
        "2026-11-09 10:00:00 +0000",
        "2026-11-09T10:00:00+00:00",
        "2026-11-09T10:00:00.999Z",
        "2026-11-09T10:00:00,5Z",
        "2026-11-09 10:00:00",
        "2026-11-09T10:00",
        "2026-11-09T11:00+01",
        "2026-11-09T15:30:00.123456+05:30",
        "2026-11-09 05:00:00-0500",
    ],
)
def test_forms_of_iso_times(mapped: Any, source: Any, text: str) -> None:
    assert created(mapped, source, "created", [text]) == ([utc("2026-11-09T10:00:00")], [None])


def test_a_date_is_its_local_midnight(mapped: Any, source: Any) -> None:
    values, _ = created(mapped, source, "created", ["2026-11-09"], head="zone: America/New_York")
    assert values == [utc("2026-11-09T05:00:00")]


@pytest.mark.parametrize(
    "text",
    ["13/03/2026 09:00", "2026-13-01", "2026-02-30 10:00:00", "2026-11-09T25:00:00Z", "20261109", "soon", "46335.5"],
)
def test_what_is_no_iso_time_is_unreadable(mapped: Any, source: Any, text: str) -> None:
    assert created(mapped, source, "created", [text]) == (
        [None],
        [f"created_at: '{excerpt_of(text)}' is not an ISO time"],
    )


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("day_first", "13/03/2026 09:05", "2026-03-13T09:05:00"),
        ("day_first", "3.4.2026 9:05:07", "2026-04-03T09:05:07"),
        ("day_first", "03-04-26", "2026-04-03T00:00:00"),
        ("day_first", "03/04/2026 09:05 pm", "2026-04-03T21:05:00"),
        ("month_first", "03/13/2026 09:05", "2026-03-13T09:05:00"),
        ("month_first", "3/4/2026 12:05:09 AM", "2026-03-04T00:05:09"),
        ("epoch_s", "1773392700", "2026-03-13T09:05:00"),
        ("epoch_s", "1773392700.75", "2026-03-13T09:05:00"),
        ("epoch_ms", "1773392700999", "2026-03-13T09:05:00"),
        ("excel_serial", "46094.3784722222", "2026-03-13T09:05:00"),
        ("excel_serial", "46094", "2026-03-13T00:00:00"),
        ("excel_serial", "61", "1900-03-01T00:00:00"),
        ("excel_serial", "59", "1900-02-28T00:00:00"),
        ("excel_serial", "1", "1900-01-01T00:00:00"),
        ("'%d %b %Y %H.%M'", "13 Mar 2026 09.05", "2026-03-13T09:05:00"),
        ("'%Y%m%dT%H%M%S%z'", "20260313T100500+0100", "2026-03-13T09:05:00"),
        ("[iso, '%d.%m.%Y']", "13.03.2026", "2026-03-13T00:00:00"),
        ("[epoch_s, iso]", "2026-03-13 09:05", "2026-03-13T09:05:00"),
    ],
)
def test_time_formats(mapped: Any, source: Any, form: str, text: str, expected: str) -> None:
    assert created(mapped, source, f"{{from: created, time: {form}}}", [text]) == ([utc(expected)], [None])


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("day_first", "03/13/2026"),
        ("day_first", "2026-03-13"),
        ("month_first", "13/03/2026"),
        ("epoch_s", "1773392700999"),
        ("epoch_ms", "1773392700"),
        ("epoch_s", "0"),
        ("epoch_s", "-1773392700"),
        ("excel_serial", "60"),
        ("excel_serial", "0.5"),
        ("excel_serial", "2026-03-13"),
        ("'%d.%m.%Y'", "13/03/2026"),
    ],
)
def test_a_time_of_another_form_is_unreadable(mapped: Any, source: Any, form: str, text: str) -> None:
    """Seconds read as milliseconds lie in 1970, milliseconds read as seconds in the year 58166: neither is believed.

    Serial 60 is the 29 February 1900 that Excel invented.
    """
    values, messages = created(mapped, source, f"{{from: created, time: {form}}}", [text])
    assert values == [None]
    assert messages[0].startswith(f"created_at: '{excerpt_of(text)}' is not a")


def test_times_without_an_offset_around_a_change_of_the_clock(mapped: Any, source: Any) -> None:
    """New York 2026: 02:00 becomes 03:00 on 8 March; 02:00 becomes 01:00 again on 1 November.

    The rule is the one that `map_file` documents.
    """
    local = {
        "2026-03-08 01:59:59": "2026-03-08T06:59:59",
        "2026-03-08 02:30:00": "2026-03-08T07:30:00",
        "2026-03-08 03:00:00": "2026-03-08T07:00:00",
        "2026-11-01 00:59:59": "2026-11-01T04:59:59",
        "2026-11-01 01:30:00": "2026-11-01T06:30:00",
        "2026-11-01 01:30:00-04:00": "2026-11-01T05:30:00",
        "2026-11-01 02:00:00": "2026-11-01T07:00:00",
    }
    values, _ = created(mapped, source, "created", list(local), head="zone: America/New_York")
    assert values == [utc(text) for text in local.values()]


def test_the_zone_of_a_column_comes_before_that_of_the_file(mapped: Any, source: Any) -> None:
    rule = "{from: created, zone: Asia/Kolkata}"
    values, _ = created(mapped, source, rule, ["2026-11-09 10:00:00"], head="zone: America/New_York")
    assert values == [utc("2026-11-09T04:30:00")]


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moments=st.lists(
        st.datetimes(datetime(1991, 1, 1), datetime(2099, 1, 1)).map(lambda at: at.replace(microsecond=0)),
        min_size=50,
        max_size=100,
    )
)
def test_every_format_reads_what_was_written_in_it(
    tmp_path_factory: pytest.TempPathFactory, moments: list[datetime]
) -> None:
    folder = tmp_path_factory.mktemp("times")
    forms: dict[str, Callable[[datetime], str]] = {
        "iso": lambda at: at.isoformat(),
        "day_first": lambda at: at.strftime("%d/%m/%Y %H:%M:%S"),
        "month_first": lambda at: at.strftime("%m/%d/%Y %I:%M:%S %p"),
        "epoch_s": lambda at: str(int(at.replace(tzinfo=UTC).timestamp())),
        "epoch_ms": lambda at: str(int(at.replace(tzinfo=UTC).timestamp()) * 1000 + 999),
        "excel_serial": lambda at: f"{(at - datetime(1899, 12, 30)) / timedelta(days=1):.10f}",
    }
    columns = dict(zip(TABLES["tickets"].of_type("instant"), forms, strict=True))
    rules = {name: f"{{from: {form}, time: {form}}}" for name, form in columns.items()}
    mapping = tickets(rules.pop("created_at"), more="\n".join(f"{name}: {rule}" for name, rule in rules.items()))
    (folder / "params" / "sources").mkdir(parents=True)
    (folder / "params" / "sources" / "crm.yml").write_text(mapping)
    rows = (",".join([str(n), *(write(at) for write in forms.values())]) for n, at in enumerate(moments))
    (folder / "t.csv").write_text("\n".join([",".join(["id", *forms]), *rows]) + "\n")
    with duckdb.connect() as con:
        (file,) = map_file(con, load_source(folder / "params", "crm"), folder / "t.csv", folder)
        result = pa.concat_tables(file.chunks())
        file.close()
    expected = pa.array([at.replace(tzinfo=UTC) for at in moments], TABLES["tickets"]["created_at"].arrow)
    for name, form in columns.items():
        assert result[name].combine_chunks().equals(expected), form


def test_typed_cells_of_a_workbook_are_times_whatever_the_rule_is(mapped: Any, source: Any, tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(tmp_path / "made.xlsx")
    sheet, form = book.add_worksheet(), book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
    sheet.write_row(0, 0, ["id", "created"])
    sheet.write(1, 0, 1042)
    sheet.write_datetime(1, 1, datetime(2026, 3, 4, 9, 5), form)
    sheet.write_row(2, 0, ["1043", "04/03/2026 09:05"])
    book.close()
    (file,) = mapped(source(tickets("{from: created, time: day_first}")), t__xlsx=(tmp_path / "made.xlsx").read_bytes())
    assert column(file, "created_at") == [utc("2026-03-04T09:05:00")] * 2
    assert column(file, "ticket_id") == ["1042", "1043"]


def test_dates_are_the_day_as_it_is_written(mapped: Any, source: Any) -> None:
    text = """
description: a test
zone: America/New_York
feeds:
  - table: feedback_actions
    files: ["t*"]
    columns: {action_id: id, raised_at: raised, theme: theme, action: action, owner: owner,
              due_on: {from: due, time: [iso, day_first, epoch_s]}}
"""
    lines = ["2026-11-09", "2026-11-09T23:30:00Z", "09/11/2026", "1762660800", "someday"]
    body = "".join(f"{n},2026-11-01,t,a,o,{due}\n" for n, due in enumerate(lines))
    (file,) = mapped(source(text), t__csv="id,raised,theme,action,owner,due\n" + body)
    assert column(file, "due_on") == [date(2026, 11, 9)] * 3 + [date(2025, 11, 8), None]
    assert column(file, "_unreadable")[-1].startswith(
        "due_on: '(text of 7 characters)' is not an ISO date or a day-first date"
    )


# -------------------------------------------------------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("a", ["x", None, None, "Y"]),
        ("[a, b]", ["x", "p", None, "Y"]),
        ("[missing, b]", ["q", "p", None, None]),
        ("{join: [a, b], with: /}", ["x/q", "p", None, "Y"]),
        ("{constant: web}", ["web"] * 4),
        ("{from: a, values: {x: one, y: two}}", ["one", None, None, "two"]),
        ("{from: a, values: {x: one}}", ["one", None, None, "Y"]),
        ("{from: a, values: {x: one}, else: null}", ["one", None, None, None]),
        ("{from: a, values: {x: one}, else: other}", ["one", None, None, "other"]),
        ("{from: a, values: {x: null}}", [None, None, None, "Y"]),
        ("{from: a, missing: none}", ["x", "none", "none", "Y"]),
        ("{from: a, nulls: y}", ["x", None, None, None]),
        ("{from: c, extract: '^(\\d+)'}", ["3", "4", None, None]),
        ("{cases: [{where: [{column: a, is: X}], constant: first}, {from: b}]}", ["first", "p", None, None]),
        ("{cases: [{where: [{column: a, filled: false}], from: b, values: {p: P}}]}", [None, "P", None, None]),
        (
            "{cases: [{where: [{column: b, in: [p, q]}, {column: a, is_not: x}], constant: both}]}",
            [None, "both", None, None],
        ),
        ("{cases: [{where: [{column: a, same_as: a2}], constant: same}, {constant: other}]}", ["same", *["other"] * 3]),
        ("{cases: [{where: [{column: c, matches: ' - '}], constant: coded}]}", ["coded", "coded", None, None]),
    ],
)
def test_rules_of_a_column(mapped: Any, source: Any, rule: str, expected: list[Any]) -> None:
    rows = (
        "1,2026-01-01,x,q,3 - Moderate,x\n2,2026-01-01,NULL,p,4 - Low,\n3,2026-01-01, ,\\N,?,\n4,2026-01-01,Y,,none,x\n"
    )
    (file,) = mapped(source(tickets(more=f"channel: {rule}")), t__csv="id,created,a,b,c,a2\n" + rows)
    assert column(file, "channel") == expected


def test_a_value_without_translation_can_be_unreadable(mapped: Any, source: Any) -> None:
    more = "channel: {from: a, values: {x: one}, else: unreadable}"
    (file,) = mapped(source(tickets(more=more)), t__csv="id,created,a\n1,2026-01-01,x\n2,2026-01-01,z\n3,2026-01-01,\n")
    assert column(file, "channel") == ["one", None, None]
    assert column(file, "_unreadable") == [None, "channel: 'z' is not a value that the mapping knows", None]


def test_statuses_and_priorities_are_written_alike_and_else_left_to_the_gate(mapped: Any, source: Any) -> None:
    text = tickets(more="priority: prio").replace("{constant: open}", "state")
    (file,) = mapped(
        source(text), t__csv="id,created,state,prio\n1,2026-01-01,On-hold,High\n2,2026-01-01, In Limbo ,P1\n"
    )
    assert column(file, "status") == ["on_hold", "in_limbo"]
    assert column(file, "priority") == ["high", "p1"]


@pytest.mark.parametrize(
    ("decimal", "text", "expected"),
    [
        (".", "4.5", 4.5), (".", "1,234.5", 1234.5), (".", "-3", -3.0), (".", "1e2", 100.0), (".", "4,5", None),
        (".", "1e", None),
        (",", "4,5", 4.5), (",", "1.234,5", 1234.5), (",", "4.5", None), (",", "five", None),
    ],
)  # fmt: skip
def test_numbers(mapped: Any, source: Any, decimal: str, text: str, expected: float | None) -> None:
    mapping = source(f"""
description: a test
decimal: "{decimal}"
feeds:
  - table: satisfaction
    files: ["t*"]
    columns: {{ticket_id: id, answered_at: at, score: score}}
""")
    (file,) = mapped(mapping, t__csv=f"id;at;score\n1;2026-01-01;{text}\n")
    assert column(file, "score") == [expected]
    assert column(file, "_unreadable") == [
        None if expected is not None else f"score: '{excerpt_of(text)}' is not a number"
    ]


def test_ids_that_a_data_frame_has_made_numbers_are_ids_again(mapped: Any, source: Any) -> None:
    """pandas writes a column of ids with gaps as floats; the same agent must have the same id in every file."""
    (file,) = mapped(
        source(tickets(more="assignee_id: who")), t__csv="id,created,who\n1.0,2026-01-01,35.0\n2.0,2026-01-01,\n"
    )
    assert (column(file, "ticket_id"), column(file, "assignee_id")) == (["1", "2"], ["35", None])


def test_html_becomes_text(mapped: Any, source: Any) -> None:
    html = "<p>Hi &amp; <b>bye</b></p><script>alert(1)</script><p>a&#64;b.c<br/>2 &lt; 3 < 4</p><a href='http://x'>link</a>"
    (file,) = mapped(
        source(tickets(more="description: {from: text, html: true}")),
        t__jsonl=json.dumps({"id": 1, "created": "2026-01-01", "text": html}),
    )
    assert [part.strip() for part in column(file, "description")[0].split("\n")] == [
        "Hi & bye",
        "a@b.c",
        "2 < 3 < 4",
        "link",
    ]


def test_booleans_are_the_words_of_the_mapping(mapped: Any, source: Any) -> None:
    mapping = source("""
description: a test
yes: [ja, "1"]
no: [nein, "0"]
feeds:
  - table: shifts
    files: ["t*"]
    columns: {agent_id: who, start_at: at, end_at: at, activity: {constant: tickets}, planned: planned}
""")
    (file,) = mapped(
        mapping, t__csv="who,at,planned\na,2026-01-01,Ja\na,2026-01-02,nein\na,2026-01-03,\na,2026-01-04,yes\n"
    )
    assert column(file, "planned") == [True, False, None, None]
    assert column(file, "_unreadable")[3] == "planned: 'yes' is not a yes or no (ja/1/nein/0)"


# -------------------------------------------------------------------------------------- rows, lookups, several tables


def test_a_wide_file_of_tickets_also_gives_events_in_order(mapped: Any, source: Any) -> None:
    wide = (
        "id,created,held,solved,state,asker,solver_id,kind\n"
        "1,2026-01-01,2026-01-02,2026-01-03,solved,u1,7.0,\n"
        "2,2026-01-01,,2026-01-03,open,u2,,\n"
        "3,2026-01-01,never,2026-01-04,solved,8,8,\n"
        "4,2026-01-01,,2026-01-04,solved,u3,7,test\n"
        "5,broken\n"
    )
    people = "id,login\n7,old\n7,sam\n8,kim\n9,alex\n"
    one, two = mapped(source(WIDE), t__csv=wide, people__csv=people)
    assert (one.table, one.rows_read, one.left_out) == ("tickets", 4, 1)
    assert column(one, "ticket_id") == ["1", "2", "3", None]
    assert two.left_out == 1
    events = [tuple(row[n] for n in ("_row", "event", "value", "actor_id", "actor_role")) for row in table(two)]
    assert events == [
        (1, "created", None, "u1", "requester"),
        (1, "status", "on_hold", None, None),
        (1, "status", "solved", "sam", "agent"),
        (2, "created", None, "u2", "requester"),
        (3, "created", None, "8", "requester"),
        (3, "status", "on_hold", None, None),
        (3, "status", "solved", "kim", "requester"),
        (5, "created", None, None, "requester"),
    ]
    assert column(two, "_unreadable")[5] == "occurred_at: '(text of 5 characters)' is not an ISO time"
    assert column(two, "_unreadable")[7] == "row: 2 field(s) where the header has 8"


def test_a_lookup_without_its_file_is_damage_unless_it_is_optional(mapped: Any, source: Any) -> None:
    wide = "id,created,held,solved,state,asker,solver_id,kind\n1,2026-01-01,,,open,u1,,\n"
    _, events = mapped(source(WIDE), t__csv=wide)
    assert events.damage == "t.csv: no file like `people*` is beside it, so `solver` cannot be looked up"
    _, events = mapped(source(WIDE.replace("match: id", "match: id, optional: true")), t__csv=wide)
    assert events.damage is None
    assert events.rows_read == 1


def test_a_file_that_nothing_maps_is_refused(mapped: Any, source: Any) -> None:
    with pytest.raises(ExportError, match=r"x\.csv: the source 'crm' has no mapping for this file; it maps `t\*`"):
        mapped(source(tickets()), x__csv="id\n1\n")


def test_the_standard_source_needs_no_file(tmp_path: Path, con: Any) -> None:
    for name in (
        "tickets_2026-11-09.csv",
        "tickets.parquet.bak",
        "ticket_events.csv.gz",
        "agents-old.jsonl",
        "people.csv",
    ):
        (tmp_path / name).write_text(
            "ticket_id,created_at,status,team,mood\n1,2026-11-09T10:00:00Z,open,us-general,x\n"
        )
    mapping = load_source(tmp_path / "nowhere", "standard")
    assert {path.name for path in find_files(mapping, tmp_path)} == {
        "tickets_2026-11-09.csv", "ticket_events.csv.gz", "agents-old.jsonl",
    }  # fmt: skip
    (file,) = map_file(con, mapping, tmp_path / "tickets_2026-11-09.csv", tmp_path)
    assert file.table == "tickets"
    file.close()


def test_rows_are_left_out_by_a_pattern_that_they_do_not_match(source: Any, mapped: Any) -> None:
    kept = tickets().replace(
        'files: ["t*"]', 'files: ["t*"]\n    where: [{column: tags, not_matches: "(^| )spam( |$)"}]'
    )
    text = "id,created,tags\n1,2026-01-01,order spam\n2,2026-01-01,order spammer\n3,2026-01-01,\n4,2026-01-01,spam\n"
    (file,) = mapped(source(kept), t__csv=text)
    assert (column(file, "ticket_id"), file.left_out) == (["2", "3"], 2)


def test_a_log_with_a_row_per_update_gives_the_first_and_last_values_of_a_key(source: Any, mapped: Any) -> None:
    mapping = source(
        tickets(
            created="{from: at, take: least}",
            more="updated_at: at\nsolved_at: {from: solved, take: greatest}\nreopen_count: {from: n, take: greatest}\n"
            "queue: queue",
        )
    )
    text = (
        "id,at,solved,n,queue\n1,2026-01-02,,0,b\n1,2026-01-01,,,a\n2,2026-01-05,,,a\n1,2026-01-03,2026-01-03,2,c\n"
        ",2026-01-09,,,d\n,2026-01-08,,,e\n"
    )
    (file,) = mapped(mapping, t__csv=text)
    rows = [
        [row[name] and str(row[name])[:10] for name in ("ticket_id", "created_at", "updated_at", "solved_at")]
        for row in table(file)
    ]
    assert rows == [
        ["1", "2026-01-01", "2026-01-02", "2026-01-03"],
        ["1", "2026-01-01", "2026-01-01", "2026-01-03"],
        ["2", "2026-01-05", "2026-01-05", None],
        ["1", "2026-01-01", "2026-01-03", "2026-01-03"],
        [None, "2026-01-09", "2026-01-09", None],
        [None, "2026-01-08", "2026-01-08", None],
    ]
    assert column(file, "reopen_count") == [2, 2, None, 2, None, None]
    assert column(file, "queue") == ["b", "a", "a", "c", "d", "e"]


def test_thousands_of_values_and_cases_are_translated_in_no_time(source: Any, mapped: Any) -> None:
    """A word that folds to one further up counts as that one, an empty value is null, what is not there is kept."""
    words = ", ".join(f"'Word {number}': code {number % 7}" for number in range(3_000))
    cases = ", ".join(
        f"{{where: [{{column: kind, is: Kind {number}}}], constant: form {number}}}" for number in range(150)
    )
    more = f"""queue: {{from: word, values: &words {{{words}, 'word 8 ': another, void: null}}}}
channel: {{from: word, values: *words, else: unreadable}}
form: {{cases: [{cases}, {{from: kind}}]}}"""
    mapping = source(tickets(more=more))
    started = time.process_time()
    [file] = mapped(
        mapping,
        t__csv="id,created,word,kind\n1,2026-11-09,WORD 8,kind 149\n2,2026-11-09,Other,Kinder\n3,2026-11-09,Void,\n",
    )
    assert time.process_time() - started < 2
    columns = ["queue", "channel", "form", "_unreadable"]
    assert [tuple(row[name] for name in columns) for row in table(file)] == [
        ("code 1", "code 1", "form 149", None),
        ("Other", None, "Kinder", "channel: '(text of 5 characters)' is not a value that the mapping knows"),
        (None, None, None, None),
    ]
