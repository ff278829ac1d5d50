"""Numbers and dates in other locales than the examples of the docstrings have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from opslib import locales
from opslib.display import words


@pytest.fixture(autouse=True)
def default_locale() -> Iterator[None]:
    yield
    locales.write_in(locales.DEFAULT)


EVENING = datetime(2026, 11, 9, 22, 30, tzinfo=UTC)
NEW_YORK, BERLIN = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("locale", "texts"),
    [
        (
            "en_US",
            ["1,234,567", "−3.2", "28.7%", "Nov 9", "Mon Nov 9 – Sun Nov 15, 2026", "5:30 pm ET", "11:30 pm CET"],
        ),
        ("en_GB", ["1,234,567", "−3.2", "28.7%", "9 Nov", "Mon 9 Nov – Sun 15 Nov 2026", "17:30 EST", "23:30 CET"]),
        (
            "de_DE",
            ["1.234.567", "−3,2", "28,7\xa0%", "9. Nov.", "Mo. 9. Nov. – So. 15. Nov. 2026", "17:30 EST", "23:30 MEZ"],
        ),
        (
            "en_IN",
            ["12,34,567", "−3.2", "28.7%", "9 Nov", "Mon 9 Nov – Sun 15 Nov, 2026", "5:30 pm EST", "11:30 pm CET"],
        ),
    ],
)
def test_a_locale_changes_numbers_dates_and_times(locale: str, texts: list[str]):
    locales.write_in(locale)
    assert [
        locales.whole(1_234_567),
        locales.decimal(-3.21, 1),
        locales.percent(0.2871),
        locales.day(date(2026, 11, 9)),
        locales.week_days("2026-W46"),
        locales.time_of_day(EVENING, NEW_YORK),
        locales.time_of_day(EVENING, BERLIN),
    ] == texts


def test_what_is_made_of_numbers_follows_the_locale():
    locales.write_in("de_DE")
    assert words.estimate(0.842, 0.81, 0.871, "share") == "84,2\xa0% (81,0–87,1)"
    assert words.interval(0.81, 0.871, "share") == "81,0–87,1\xa0%"
    assert words.duration(1.2e7) == "3.333 h"
    assert words.change(0.8, 0.831, "share") == "+3,1 points"
    assert words.goal(0.925, "higher", "share") == "≥ 92,5\xa0%"


def test_an_hour_of_a_zone_is_named_for_all_year():
    """A page of July and one of November name the same clock the same way."""
    assert locales.time_of_day(datetime(2026, 7, 1, 23, 0, tzinfo=UTC), NEW_YORK) == "7 pm ET"
    assert locales.time_of_day(datetime(2026, 7, 1, 23, 0, tzinfo=UTC), ZoneInfo("Asia/Kolkata")) == "4:30 am IST"
    assert locales.time_of_day(datetime(2026, 7, 1, 23, 0, tzinfo=UTC), ZoneInfo("Asia/Dubai")) == "3 am UTC+4"


@pytest.mark.parametrize("text", ["xx_YY", "english", "de_XX", "", "en_ZZ"])
def test_a_locale_that_there_is_not_is_refused(text: str):
    with pytest.raises(ValueError, match="is no locale that is known"):
        locales.locale_name(text)
