"""Times as people and programs spell them: abbreviations of zones, odd spaces and hours, months of other languages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from opslib.errors import SettingsError
from opslib.intake.mapping.month_names import LANGUAGES, languages_of, months_of
from opslib.intake.mapping.zone_abbreviations import names_of_zone, offsets_of_abbreviations
from tests.intake.mapping.mappings import tickets


def read(mapped: Any, source: Any, head: str, values: list[str]) -> tuple[list[str | None], list[str | None]]:
    """The instants that a source of these keys makes of texts, and what it says of those that it cannot read."""
    lines = "".join(f'{number};"{value}"\n' for number, value in enumerate(values))
    (file,) = mapped(source(tickets(head=head)), t__csv="id;created\n" + lines)
    rows = pa.concat_tables(file.chunks()).to_pylist()
    instants = [row["created_at"] and row["created_at"].strftime("%Y-%m-%d %H:%M:%S") for row in rows]
    return instants, [row["_unreadable"] for row in rows]


ABBREVIATED = {
    "America/New_York": {
        "2026-07-05 15:07 PDT": "2026-07-05 22:07:00",
        "2026-01-05 15:07 PST": "2026-01-05 23:07:00",
        "2026-07-05 15:07 EST": "2026-07-05 20:07:00",
        "2026-07-05 15:07 ADT": "2026-07-05 18:07:00",
        "2026-01-05 15:07 AST": "2026-01-05 19:07:00",
        "2026-01-05 15:07 CST": "2026-01-05 21:07:00",
        "2026-01-05 15:07 NST": "2026-01-05 18:37:00",
        "2026-07-05 15:07 CEST": "2026-07-05 13:07:00",
        "2026-07-05 15:07 (AEST)": "2026-07-05 05:07:00",
        "2026-07-05 15:07 SGT": "2026-07-05 07:07:00",
        "2026-07-05 15:07 MSK": "2026-07-05 12:07:00",
        "2026-07-05 15:07 UTC+8": "2026-07-05 07:07:00",
        "2026-07-05 15:07 America/Los_Angeles": "2026-07-05 22:07:00",
        "2026-07-05 15:07 UTC": "2026-07-05 15:07:00",
    },
    "Europe/London": {"2026-07-05 15:07 BST": "2026-07-05 14:07:00", "2026-01-05 15:07 GMT": "2026-01-05 15:07:00"},
    "Asia/Kolkata": {"2026-07-05 15:07 IST": "2026-07-05 09:37:00", "2026-07-05 15:07 CST": "2026-07-05 07:07:00"},
    "Europe/Dublin": {"2026-07-05 15:07 IST": "2026-07-05 14:07:00"},
    "Asia/Riyadh": {"2026-07-05 15:07 AST": "2026-07-05 12:07:00"},
}


@pytest.mark.parametrize("zone", ABBREVIATED)
def test_an_abbreviation_means_what_the_region_of_the_export_means(zone: str, mapped: Any, source: Any) -> None:
    cases = ABBREVIATED[zone]
    instants, unreadable = read(mapped, source, f"zone: {zone}\ntime: '%Y-%m-%d %H:%M %Z'", list(cases))
    assert dict(zip(cases, instants, strict=True)) == cases
    assert set(unreadable) == {None}


def test_an_abbreviation_of_several_meanings_is_refused_by_name_until_the_mapping_says_which(
    mapped: Any, source: Any
) -> None:
    pattern = "zone: UTC\ntime: ['%Y-%m-%d %H:%M %Z', iso]"
    names = ["BST", "IST", "CST", "AST", "NST"]
    instants, unreadable = read(mapped, source, pattern, [f"2026-07-05 15:07 {name}" for name in names])
    assert instants == [None] * 5
    for name, message in zip(names, unreadable, strict=True):
        assert f"'2026-07-05 15:07 {name}' is not" in str(message)
        assert f"; {name} is the name of several zones" in str(message)
        assert f"`abbreviations: {{{name}: " in str(message)
    own = f"{pattern}\nabbreviations: {{BST: '+01:00', ist: +02:00}}"
    instants, _ = read(mapped, source, own, ["2026-07-05 15:07 BST", "2026-07-05 15:07 IST"])
    assert instants == ["2026-07-05 14:07:00", "2026-07-05 13:07:00"]


def test_the_abbreviations_of_a_zone_are_those_of_the_tz_database() -> None:
    for zone in ("America/St_Johns", "America/Denver", "Europe/Paris", "Australia/Sydney", "Asia/Manila"):
        offsets = offsets_of_abbreviations(zone, {})
        for month in (1, 7):
            at = datetime(2025, month, 1, tzinfo=UTC).astimezone(ZoneInfo(zone))
            assert at.utcoffset() is not None
            assert offsets[str(at.tzname())] == at.utcoffset().total_seconds()  # type: ignore[union-attr]
        assert names_of_zone(zone).items() <= offsets.items()


ODD = {
    "zone: America/New_York\ntime: [iso, month_first, excel_serial]": {
        "3/5/2026, 3:07:33\u202fPM": "2026-03-05 20:07:33",
        "3/5/2026 3:07:33 p.m.": "2026-03-05 20:07:33",
        "3/5/2026 3:07 p.\u00a0m.": "2026-03-05 20:07:00",
        "\u200e3\u200e/\u200e5\u200e/\u200e2026\u200e 15:07": "2026-03-05 20:07:00",
        "3/5/2026 3:07 PM PST": "2026-03-05 23:07:00",
        "2026-03-05 9:07:33": "2026-03-05 14:07:33",
        "2026-3-5 9:07": "2026-03-05 14:07:00",
        "2026-03-05  15:07:33": "2026-03-05 20:07:33",
        "2026-03-05\u00a015:07:33": "2026-03-05 20:07:33",
        "2026-03-05\u202f15:07": "2026-03-05 20:07:00",
        "2026-03-05 3:07:33 pm": "2026-03-05 20:07:33",
        "2026-03-05T15:07:33-05:00[America/New_York]": "2026-03-05 20:07:33",
        "2026-03-05T9:07:33Z": "2026-03-05 09:07:33",
        "2026-07-05 15:07:33 PDT": "2026-07-05 22:07:33",
        "46086,63": "2026-03-05 20:07:12",
        "'2026-03-05 15:07:33": "2026-03-05 20:07:33",
        "2026-03-05 15:07:33": "2026-03-05 20:07:33",
        "": None,
    },
    "zone: Europe/London\ntime: day_first": {
        "05.07.26\u00a015:07": "2026-07-05 14:07:00",
        "5/7/2026 3:07 a. m. CEST": "2026-07-05 01:07:00",
    },
    "zone: UTC\ntime: ['%d/%b/%y %I:%M %p', '%d. %B %Y', '%d %b. %Y', '%A, %d de %B de %Y %H:%M']": {
        "19/ene/26 12:47 PM": "2026-01-19 12:47:00",
        "19/ene./26 1:47 p. m.": "2026-01-19 13:47:00",
        "19/Jan/26 12:47 PM": "2026-01-19 12:47:00",
        "5. März 2026": "2026-03-05 00:00:00",
        "5 mars 2026": "2026-03-05 00:00:00",
        "5 DÉC. 2026": "2026-12-05 00:00:00",
        "5 października 2026": "2026-10-05 00:00:00",
        "5 августа 2026": "2026-08-05 00:00:00",
        "martes, 3 de marzo de 2026 15:07": "2026-03-03 15:07:00",
    },
}


@pytest.mark.parametrize("head", ODD)
def test_times_are_read_as_programs_and_people_spell_them(head: str, mapped: Any, source: Any) -> None:
    instants, unreadable = read(mapped, source, head, list(ODD[head]))
    assert dict(zip(ODD[head], instants, strict=True)) == ODD[head]
    assert set(unreadable) == {None}


def test_a_month_that_two_languages_name_alike_needs_the_language(mapped: Any, source: Any) -> None:
    """Listopad is October in Zagreb and November in Prague and Warsaw."""
    assert languages_of("listopad") == ("cs", "hr", "pl")
    head = "zone: UTC\ntime: '%d %B %Y'"
    instants, unreadable = read(mapped, source, head, ["5 listopada 2026", "5 kwietnia 2026", "5 Jo Miller 2026"])
    assert instants == [None, "2026-04-05 00:00:00", None]
    assert "'5 listopada 2026' is not a time like %d %B %Y; listopada is another month in one language" in str(
        unreadable[0]
    )
    assert "Jo" not in str(unreadable[2])
    for language, month in {"pl": 11, "hr": 10}.items():
        instants, _ = read(mapped, source, f"{head}\nlanguage: {language}", ["5 listopada 2026"])
        assert instants == [f"2026-{month}-05 00:00:00"]


def test_every_language_names_twelve_months() -> None:
    for language in LANGUAGES:
        assert len(set(months_of(language).values())) == 12


def test_a_mapping_cannot_name_a_language_or_an_offset_that_there_is_not(source: Any) -> None:
    with pytest.raises(
        SettingsError, match=r"crm\.yml:3: language: the months of 'xx' are not known; there are ca, cs"
    ):
        source(tickets(head="language: xx"))
    with pytest.raises(SettingsError, match=r"'five' is no offset from UTC; write it like \+05:30"):
        source(tickets(head="abbreviations: {IST: five}"))
