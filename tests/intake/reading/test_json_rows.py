"""Every record of a JSON file is a row, or the file is named: whatever it looks like."""

from __future__ import annotations

import json

import pytest

from opslib.settings import ReadingLimits
from tests.intake.reading.exports import Folder

HARD = 'a "quoted" [ { , ] } \\ \n \u00e9'


def ticket(number: int) -> dict[str, object]:
    return {"id": number, "text": HARD, "tags": [{"a": [1]}, "x,y"]}


def text(*numbers: int, indent: int | None = None) -> str:
    return json.dumps([ticket(number) for number in numbers], indent=indent)


def lines(*numbers: int, end: str = "\n") -> str:
    return "".join(json.dumps(ticket(number)) + end for number in numbers)


FOUR = {
    "two arrays": text(1, 2) + "\n" + text(3, 4),
    "two arrays with nothing between": text(1, 2) + text(3, 4),
    "pretty arrays": text(1, 2, indent=2) + "\n" + text(3, 4, indent=1),
    "an array a line": text(1) + "\n" + text(2, 3) + "\n\n" + text(4) + "\n",
    "objects in one line": lines(1, 2, 3, 4, end=""),
    "objects behind an array": text(1, 2) + ",\n" + lines(3, 4),
    "arrays within an array": f"[{text(1, 2)}, {text(3, 4)}]",
    "records with their own marks": "".join(f"\x1e{json.dumps(ticket(number))}\n" for number in (1, 2, 3, 4)),
    "byte-order marks between": text(1, 2) + "\ufeff" + text(3, 4),
    "lines that end in commas": lines(1, 2, 3, 4, end=",\n"),
    "an item a line": "[\n" + ",\n".join(json.dumps(ticket(number)) for number in (1, 2, 3, 4)) + "\n]\n",
}


@pytest.mark.parametrize("name", ["tickets.json", "tickets.jsonl"])
def test_every_record_is_read_in_whatever_layout_it_comes(exports: Folder, name: str) -> None:
    for layout, content in FOUR.items():
        export = exports.read(name, content)
        assert export.ids == ["1", "2", "3", "4"], layout
        assert {value[1] for value in export.values} == {HARD}, layout
        assert (export.damage, export.raw.records) == ("", 4), layout


def test_records_over_several_blocks_are_read_once_each(exports: Folder) -> None:
    """Blocks of a megabyte end anywhere: within a string, behind a backslash, between two bytes of a character."""
    records = [{"id": number, "text": HARD * (number % 97)} for number in range(5_000)]
    content = json.dumps(records[:2_500], ensure_ascii=False) + json.dumps(records[2_500:], ensure_ascii=False)
    assert len(content.encode()) > 3 << 20
    export = exports.read("tickets.json", content)
    assert export.values == [(str(record["id"]), record["text"]) for record in records]
    assert export.damage == ""


@pytest.mark.parametrize("broken", ["hello, who is there", '{"id": 1, "text": "not clo', "[" * 5000 + "]" * 5000])
def test_a_line_that_is_no_json_costs_its_line_also_where_it_is_the_first(exports: Folder, broken: str) -> None:
    export = exports.read("tickets.jsonl", broken + "\n" + lines(2, 3, 4))
    assert export.ids == [None, "2", "3", "4"]
    assert list(export.unreadable) == [1]
    assert export.damage == ""


def test_what_stands_behind_the_last_bracket_is_a_damage(exports: Folder) -> None:
    for behind in ("]", "}", " and so on", '"a"', "{"):
        export = exports.read("tickets.json", text(1, 2) + behind)
        assert export.ids == ["1", "2"], behind
        assert "tickets.json: the JSON ends or breaks in the middle (after row 2)" in export.damage, behind


@pytest.mark.parametrize(
    ("content", "ids", "damage"),
    [
        ('{"error": {"message": "slow down"}}', None, "value 1 of the file is an error"),
        ('{"tickets": [{"id": 1}]}{"errors": ["x"]}', None, "value 2 of the file is an error"),
        ('{"tickets": [{"id": 1}]}\n{"message": "gone"}', None, "value 2 of the file is an error"),
        ('{"tickets": {"1": {"id": 1}}}', None, "`tickets` is no array of records"),
        ('{"tickets": [{"id": 1}], "error": null}{"tickets": []}', ["1"], ""),
        ('[{"tickets": [{"id": 1}]}, {"tickets": [{"id": 2}, {"id": 3}]}]', ["1", "2", "3"], ""),
        ('{"id": 1}\n{"id": 2}', ["1", "2"], ""),
    ],
)
def test_a_page_without_its_array_is_no_row(exports: Folder, content: str, ids: list[str] | None, damage: str) -> None:
    export = exports.read("tickets.json", content, records="tickets")
    assert damage in export.damage
    assert bool(export.damage) == bool(damage)
    if ids is not None:
        assert export.ids == ids


def test_numbers_and_names_that_no_parser_likes_are_read_as_they_stand(exports: Folder) -> None:
    digits = "7" * 6000
    export = exports.read("t.json", f'[{{"id": 1, "id": 2, "n": {digits}, "x": NaN, "long": "{"y" * 3_000_000}"}}]')
    (value,) = export.values
    assert (value[0], value[1], len(value[3])) == ("1", digits, 3_000_000)
    assert exports.read("t.json", '[{"id": 12345678901234567890123}]').ids == ["12345678901234567890123"]


def test_json_deeper_or_longer_than_its_limits_is_named_and_so_is_the_limit(exports: Folder) -> None:
    for deep in ("[" * 100_000 + "]" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000):
        export = exports.read("t.json", deep)
        assert "limits.reading.depth" in export.unreadable[1]
    between = exports.read("t.json", f'[{{"id": 1}}, {{"id": 2, "a": {"[" * 500}{"]" * 500}}}, {{"id": 3}}]')
    assert between.ids == ["1", None, "3"]
    long = '{"id": 1}\n{"id": 2, "a": "' + "x" * 2_500_000 + '"}\n{"id": 3}\n'
    for content in (long, f"[{long.replace(chr(10), ',')}]"):
        export = exports.read("t.jsonl", content, limits=ReadingLimits(value_megabytes=1))
        assert "limits.reading.value_megabytes" in export.damage
    wide = json.dumps([{f"c{number}": 1 for number in range(30)}])
    assert "limits.reading.columns" in exports.read("t.json", wide, limits=ReadingLimits(columns=29)).damage
