from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from opslib.errors import SettingsError
from opslib.intake.mapping.sources import (
    Case,
    ColumnRule,
    Condition,
    Feed,
    Lookup,
    RowRule,
    SourceMapping,
    load_source,
    source_names,
)
from opslib.intake.reading.read_options import ReadOptions
from tests.intake.mapping.mappings import tickets


def test_an_unknown_source_is_an_error_that_lists_those_there_are(source: Any, tmp_path: Path) -> None:
    source(tickets())
    assert source_names(tmp_path / "params") == ("standard", "crm")
    with pytest.raises(SettingsError, match=r"no source 'crn'; did you mean 'crm'\? There are: standard, crm"):
        load_source(tmp_path / "params", "crn")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "team: {constant: us-general}",
            "",
            r"crm\.yml:5: feeds\.0: tickets needs `team`: say what the column is made from",
        ),
        ("ticket_id: id", "ticket_idd: id", "tickets has no column 'ticket_idd'; did you mean 'ticket_id'"),
        ("created_at: created", "created_at: {from: created, time: isoo}", r"crm\.yml:9: .*'isoo' is no time format"),
        ("created_at: created", "created_at: {form: created}", r"crm\.yml:9: .*form: there is no such key"),
        ("table: tickets", "table: ticket", "there is no standard table 'ticket'; did you mean 'tickets'"),
        ("{constant: open}", "{constant: open, from: x}", "give exactly one of from, join, constant, cases"),
        ("{constant: open}", "{from: x, extract: '('}", r"crm\.yml:10: .*'\(' is no regular expression: missing \)"),
        ("{constant: open}", "{from: x, extract: '(?<=-)([a-z]+)'}", r"crm\.yml:10: .*no look-ahead, no look-behind"),
        ("{constant: open}", "{from: x, extract: '^[a-z]+'}", r"crm\.yml:10: .*has no group: put what is to be taken"),
        (
            "{constant: open}",
            "{cases: [{where: [{column: x, matches: '^(?!spam)'}], constant: open}]}",
            r"crm\.yml:10: .*matches: '\^\(\?!spam\)' is no regular expression",
        ),
        ("{constant: open}", "{from: x, extract: '((a{1000}){1000}){9}'}", r"crm\.yml:10: .*is no regular expression"),
        (
            "created_at: created",
            "created_at: {from: x, time: ['%Q %é']}",
            r"crm\.yml:9: .*'%Q %é' is no pattern of a time",
        ),
        ("created_at: created", "created_at: {from: x, time: '%d.%m.%'}", r"crm\.yml:9: .*Trailing format character"),
        ("{constant: open}", "{cases: [{where: [{column: x}], constant: y}]}", "give exactly one test beside `column`"),
        ("created_at: created", "created_at: {from: x, zone: Mars/Base}", "'Mars/Base' is not a zone"),
        (
            "created_at: created",
            "created_at: {from: x, time: [day_first, month_first]}",
            "cannot be day_first and month_first",
        ),
    ],
)
def test_a_wrong_mapping_says_the_line_and_what_is_wrong(source: Any, old: str, new: str, expected: str) -> None:
    text = tickets()
    assert old in text
    with pytest.raises(SettingsError, match=expected):
        source(text.replace(old, new))


def test_every_key_of_a_mapping_stands_in_its_page() -> None:
    page = (Path(__file__).parents[3] / "docs" / "mapping.md").read_text(encoding="utf-8")
    models = (SourceMapping, Feed, RowRule, Lookup, ColumnRule, Case, Condition, ReadOptions)
    keys = {field.alias or name for model in models for name, field in model.model_fields.items()} - {"name"}
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`]+)`", page))))
    assert keys - words == set()
