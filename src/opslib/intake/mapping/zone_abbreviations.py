"""What an abbreviation of a time zone means in the exports of a region: PDT, CEST, BST."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

ABBREVIATION: Final = r"[A-Za-z]{2,6}"
_OFFSET: Final = r"([+-])(\d\d):([0-5]\d)"

_ONE_MEANING: Final = """
    Z +00:00  UTC +00:00  UT +00:00  GMT +00:00  WET +00:00  WEST +01:00  CET +01:00  CEST +02:00  MEZ +01:00
    MESZ +02:00  EET +02:00  EEST +03:00  MSK +03:00  MSD +04:00  TRT +03:00  SAST +02:00  CAT +02:00  EAT +03:00
    WAT +01:00  IDT +03:00  IRST +03:30  PKT +05:00  NPT +05:45  ICT +07:00  WIB +07:00  WITA +08:00  WIT +09:00
    PHT +08:00  MYT +08:00  SGT +08:00  HKT +08:00  JST +09:00  KST +09:00  AWST +08:00  ACST +09:30  ACDT +10:30
    AEST +10:00  AEDT +11:00  NZST +12:00  NZDT +13:00  CHST +10:00  HST -10:00  HDT -09:00  AKST -09:00
    AKDT -08:00  PDT -07:00  MDT -06:00  NDT -02:30  BRT -03:00  BRST -02:00  ART -03:00  CLT -04:00  CLST -03:00
    COT -05:00  PET -05:00  UYT -03:00  VET -04:00
"""
_MEANING_OF_PLACE: Final[dict[str, dict[str, str | None]]] = {
    "PST": {"": "-08:00", "Asia": None, "Asia/Manila": "+08:00"},
    "MST": {"": "-07:00", "Asia": None},
    "EST": {"": "-05:00", "Australia": None},
    "EDT": {"": "-04:00", "Australia": None},
    "CST": {"America": "-06:00", "America/Havana": "-05:00", "Asia": "+08:00"},
    "CDT": {"America": "-05:00", "America/Havana": "-04:00"},
    "AST": {"America": "-04:00", "Atlantic": "-04:00", "Asia": "+03:00"},
    "ADT": {"America": "-03:00", "Atlantic": "-03:00"},
    "NST": {"America": "-03:30", "Asia/Kathmandu": "+05:45"},
    "BST": {"Europe": "+01:00", "Asia/Dhaka": "+06:00", "Pacific/Bougainville": "+11:00"},
    "GST": {"Asia": "+04:00", "Atlantic/South_Georgia": "-02:00"},
    "SST": {"Pacific": "-11:00", "Asia/Singapore": "+08:00"},
    "IST": {"Asia/Kolkata": "+05:30", "Europe/Dublin": "+01:00", "Asia/Jerusalem": "+02:00"},
    "WST": {"Pacific/Apia": "+13:00"},
    "ECT": {"America/Guayaquil": "-05:00"},
    "AMT": {"America/Manaus": "-04:00", "Asia/Yerevan": "+04:00"},
    "BDT": {"Asia/Dhaka": "+06:00", "Asia/Brunei": "+08:00"},
}
"""Those that mean one thing here and another there: by zone or continent, `` where no other is named, else refused."""
_AMERICAN: Final = ("US", "Canada", "Mexico", "Brazil", "Chile", "Jamaica", "Cuba")
"""How zones of America begin beside `America/`."""


def seconds_of(offset: str) -> int:
    """Seconds of an offset like +05:30.

    Raises:
        ValueError: it is none.
    """
    match = re.fullmatch(_OFFSET, offset)
    if match is None or int(match[2]) > 14:
        raise ValueError(f"{offset!r} is no offset from UTC; write it like +05:30")
    return (1 if match[1] == "+" else -1) * (int(match[2]) * 3600 + int(match[3]) * 60)


def offsets_of_abbreviations(zone: str, own: Mapping[str, str]) -> dict[str, int]:
    """What abbreviations mean in exports whose times are of a zone.

    Args:
        zone: the zone of the mapping.
        own: what the mapping itself says of abbreviations, as offsets like +05:30.

    Returns:
        Seconds from UTC of each abbreviation that means one thing there, in capitals: what the mapping says, what the
        zone itself is called in winter and summer, what its continent means by it. Others are not in it.
    """
    return {**_offsets_in(zone), **{name.upper(): seconds_of(offset) for name, offset in own.items()}}


@cache
def _offsets_in(zone: str) -> dict[str, int]:
    words = _ONE_MEANING.split()
    offsets = {name: seconds_of(offset) for name, offset in zip(words[::2], words[1::2], strict=True)}
    continent = zone.partition("/")[0]
    continent = "America" if continent in _AMERICAN else continent
    for name, meanings in _MEANING_OF_PLACE.items():
        offset = meanings.get(zone, meanings.get(continent, meanings.get("")))
        if offset is not None:
            offsets[name] = seconds_of(offset)
    return offsets | names_of_zone(zone)


def names_of_zone(zone: str) -> dict[str, int]:
    """What a zone is called in the course of the years 2024 and 2025, with its seconds from UTC then."""
    names = {}
    for month in range(24):
        at = (datetime(2024, 1, 15, tzinfo=UTC) + timedelta(days=30 * month)).astimezone(ZoneInfo(zone))
        offset, name = at.utcoffset(), at.tzname() or ""
        if offset is not None and re.fullmatch(ABBREVIATION, name):
            names[name.upper()] = int(offset.total_seconds())
    return names


def abbreviations() -> tuple[str, ...]:
    """All that are known, of one meaning or of several."""
    return (*_ONE_MEANING.split()[::2], *_MEANING_OF_PLACE)


def example_of(abbreviation: str) -> str:
    """One of the offsets that an abbreviation of several meanings stands for."""
    return next((offset for offset in _MEANING_OF_PLACE[abbreviation].values() if offset), "+00:00")
