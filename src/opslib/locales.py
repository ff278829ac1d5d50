"""How numbers, dates and times of day are written for people: in one locale, by Babel.

The locale is that of the process: a run and each opened week say once which it is (`write_in`), and whatever is written
afterwards is written in it, so that no function takes it as an argument. Files for machines do not go through here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opslib.weeks import monday_of

if TYPE_CHECKING:
    from babel import Locale

DEFAULT = "en_US"
NOT_SHOWN = "–"
_MINUS = "−"
_LONGEST_ZONE = 5
_EXAMPLES = "write it like en_US, en_GB or de_DE"

_current = DEFAULT


def write_in(locale: str) -> None:
    """Write numbers and dates of this process in a locale from now on.

    Args:
        locale: a name that `locale_name` takes.
    """
    global _current
    _current = locale_name(locale)


@lru_cache(maxsize=64)
def locale_name(text: str) -> str:
    """The name of a locale as Babel writes it.

    Args:
        text: language and, where it matters, country: `en_US`, `en-GB`, `de`.

    Raises:
        ValueError: there is no such locale; the message says what one looks like.

    >>> locale_name("en-gb")
    'en_GB'
    """
    from babel import Locale, UnknownLocaleError

    try:
        locale = Locale.parse(text.replace("-", "_"))
        # A country that is unknown makes Babel take the language's largest one instead.
        if (country := re.search(r"[_-]([A-Za-z]{2}|\d{3})$", text)) and locale.territory != country[1].upper():
            raise UnknownLocaleError(text)
        return str(locale)
    except (ValueError, UnknownLocaleError) as error:
        near = _locales_of(text)
        hint = f"of its language there are {', '.join(near)}" if near else _EXAMPLES
        raise ValueError(f"{text!r} is no locale that is known; {hint}") from error


def whole(number: float) -> str:
    """A number without decimals.

    >>> whole(1204), whole(-3.4), whole(float("nan"))
    ('1,204', '−3', '–')
    """
    return decimal(number, 0)


def decimal(number: float, digits: int) -> str:
    """A number with just so many decimals.

    >>> decimal(3.04, 1), decimal(-0.04, 1)
    ('3.0', '0.0')
    """
    return _number(number, f"#,##0.{'0' * digits}" if digits else "#,##0", digits)


def significant(number: float, figures: int = 4) -> str:
    """A number with at most so many figures that count, and no zeros after them; whole ones in full.

    >>> significant(1234567), significant(0.12347), significant(2.5)
    ('1,234,567', '0.1235', '2.5')
    """
    if not math.isfinite(number) or number == 0:
        return _number(number, "#,##0", 0)
    digits = max(figures - 1 - math.floor(math.log10(abs(number))), 0)
    return _number(number, f"#,##0.{'#' * digits}" if digits else "#,##0", digits)


def percent(share: float, digits: int = 1) -> str:
    """A share in percent.

    Args:
        share: a fraction; also beyond 1, and negative.
        digits: decimals.

    >>> percent(0.287), percent(0.9, 0), percent(-0.0312)
    ('28.7%', '90%', '−3.1%')
    """
    own = _locale(_current).percent_formats[None].pattern
    figures = f"#,##0.{'0' * digits}" if digits else "#,##0"
    return _number(share, re.sub(r"#,##,?##0|#,##0|#0", figures, own), digits + 2)


def decimal_sign() -> str:
    """What stands before the decimals of a number.

    >>> decimal_sign()
    '.'
    """
    return decimal(0.5, 1)[1]


def percent_figures(share: float, digits: int = 1) -> str:
    """A share in percent as it stands before another one, where the sign is said once: `81.0` of `81.0–87.1%`.

    >>> percent_figures(0.81)
    '81.0'
    """
    return re.sub(r"[\s\xa0]*%$", "", percent(share, digits))


def day(when: date) -> str:
    """A day of a year that the reader knows.

    >>> day(date(2026, 11, 9))
    'Nov 9'
    """
    return _dated(when, "MMMd")


def weekday(when: date) -> str:
    """A day with the name of its weekday.

    >>> weekday(date(2026, 11, 18))
    'Wed Nov 18'
    """
    return _dated(when, "MMMEd")


def weekday_name(when: date, *, short: bool = False) -> str:
    """The name of a day's weekday.

    >>> weekday_name(date(2026, 11, 18)), weekday_name(date(2026, 11, 18), short=True)
    ('Wednesday', 'Wed')
    """
    from babel.dates import format_date

    return str(format_date(when, "EEE" if short else "EEEE", locale=_locale(_current)))


def full_day(when: date) -> str:
    """A day with its year.

    >>> full_day(date(2026, 11, 9))
    'Nov 9, 2026'
    """
    return _dated(when, "yMMMd")


def stretch(first: date, last: date) -> str:
    """The days from one to another, both with their weekday; the year is said once where it is the same.

    >>> stretch(date(2026, 11, 9), date(2026, 11, 15))
    'Mon Nov 9 – Sun Nov 15, 2026'
    """
    start = weekday(first) if first.year == last.year else _dated(first, "yMMMEd")
    return f"{start} – {_dated(last, 'yMMMEd')}"


def week_days(week: str) -> str:
    """The days of an ISO week, with the year.

    >>> week_days("2026-W46"), week_days("2026-W53")
    ('Mon Nov 9 – Sun Nov 15, 2026', 'Mon Dec 28, 2026 – Sun Jan 3, 2027')
    """
    monday = monday_of(week)
    return stretch(monday, monday + timedelta(days=6))


def short_week_days(week: str) -> str:
    """The days of an ISO week in few characters.

    >>> short_week_days("2026-W40")
    'Sep 28 – Oct 4'
    """
    monday = monday_of(week)
    return f"{day(monday)} – {day(monday + timedelta(days=6))}"


def time_of_day(when: datetime, zone: tzinfo | None = None) -> str:
    """A time of day in a zone, with the zone's short name of all the year.

    Args:
        when: the instant, aware; or a time on the wall clock, naive, where no zone is named.
        zone: whose clock is read; None leaves the name out.

    >>> from datetime import UTC
    >>> from zoneinfo import ZoneInfo
    >>> time_of_day(datetime(2026, 11, 9, 10, 54, tzinfo=UTC), ZoneInfo("America/New_York"))
    '5:54 am ET'
    >>> time_of_day(datetime(2026, 11, 10, 3, 0, tzinfo=UTC), ZoneInfo("America/Los_Angeles"))
    '7 pm PT'
    >>> time_of_day(datetime(2026, 11, 9, 17, 30))
    '5:30 pm'
    """
    from babel.dates import format_time

    local = when if zone is None else when.astimezone(zone)
    locale = _locale(_current)
    pattern = locale.time_formats["short"].pattern
    if "a" in pattern and local.minute == 0:
        pattern = locale.datetime_skeletons["h"].pattern
    text = format_time(local.time(), pattern, locale=locale).lower()
    return _spaced(text if zone is None else f"{text} {zone_name(local)}")


def moment(when: datetime, zone: tzinfo) -> str:
    """An instant as the date and time of day of a zone.

    >>> from datetime import UTC
    >>> from zoneinfo import ZoneInfo
    >>> moment(datetime(2026, 11, 9, 10, 54, tzinfo=UTC), ZoneInfo("America/New_York"))
    'Mon Nov 9, 2026, 5:54 am ET'
    """
    return f"{_dated(when.astimezone(zone).date(), 'yMMMEd')}, {time_of_day(when, zone)}"


def zone_name(when: datetime) -> str:
    """The short name of an instant's zone that holds all year (`ET`), or where the locale has none, the one in force.

    Args:
        when: the instant, in its zone.
    """
    from babel.dates import get_timezone_name

    name = get_timezone_name(when.tzinfo, width="short", zone_variant="generic", locale=_locale(_current))
    if len(name) <= _LONGEST_ZONE:
        return str(name)
    in_force = when.tzname() or ""
    return re.sub(r"^([+-])0?", r"UTC\1", in_force)


def week_number(week: str) -> str:
    """An ISO week as a sentence names it.

    >>> week_number("2026-W46")
    'week 46'
    """
    return f"week {int(week[6:])}"


def week_numbers(weeks: Sequence[str]) -> str:
    """Several weeks as a sentence lists them.

    >>> week_numbers(["2026-W33"]), week_numbers(["2026-W33", "2026-W36", "2026-W37"])
    ('week 33', 'weeks 33, 36 and 37')
    """
    if len(weeks) < 2:
        return "".join(map(week_number, weeks))
    numbers = [str(int(week[6:])) for week in weeks]
    return f"weeks {', '.join(numbers[:-1])} and {numbers[-1]}"


def week_span(first: str, last: str = "") -> str:
    """A week, or all weeks from one to another.

    >>> week_span("2026-W45"), week_span("2026-W33", "2026-W45")
    ('week 45', 'weeks 33 to 45')
    """
    return f"weeks {int(first[6:])} to {int(last[6:])}" if last not in ("", first) else week_number(first)


def week_start(week: str) -> str:
    """An ISO week by its Monday, as axes and tables of weeks name it.

    >>> week_start("2026-W46")
    'Nov 9'
    """
    return day(monday_of(week))


def language_name(code: str) -> str:
    """The name of a language by its code; what is none stays as it is.

    >>> language_name("es"), language_name("pt_BR"), language_name("Klingon")
    ('Spanish', 'Brazilian Portuguese', 'Klingon')
    """
    names = _locale(_current).languages
    return str(names.get(code.replace("-", "_")) or names.get(code.lower()) or code)


def _dated(when: date, skeleton: str) -> str:
    """A date by a skeleton of the locale, its weekday set off by a space alone."""
    from babel.dates import format_date

    locale = _locale(_current)
    pattern = re.sub(r"^(E+), ", r"\1 ", locale.datetime_skeletons[skeleton].pattern)
    return _spaced(format_date(when, pattern, locale=locale))


def _spaced(text: str) -> str:
    """Dates and times may break over lines as words do."""
    return text.replace("\u202f", " ").replace("\xa0", " ")


def _number(number: float, pattern: str, decimals: int) -> str:
    if not math.isfinite(number):
        return NOT_SHOWN
    value = 0 if round(float(number), decimals) == 0 else number
    return _writer(_current, pattern)(value)


@lru_cache(maxsize=256)
def _writer(locale: str, pattern: str) -> Callable[[Any], str]:
    """What writes numbers by a pattern of a locale; to read a pattern takes longer than to use it."""
    from babel.numbers import parse_pattern

    parsed, own = parse_pattern(pattern), _locale(locale)
    grouping = own.decimal_formats[None].grouping
    if grouping != parsed.grouping:
        parsed.grouping = grouping
    return lambda number: str(parsed.apply(number, own)).replace("\u202f", "\xa0").replace("-", _MINUS)


@lru_cache(maxsize=16)
def _locale(name: str) -> Locale:
    from babel import Locale

    return Locale.parse(name)


def _locales_of(text: str) -> list[str]:
    """A few locales of the language that a text begins with."""
    from babel.localedata import locale_identifiers

    language = re.split("[_-]", text.lower())[0]
    return sorted(
        (name for name in locale_identifiers() if re.fullmatch(rf"{re.escape(language)}(_[A-Z]{{2}})?", name)),
        key=lambda name: (name not in (f"{language}_{language.upper()}", "en_US", "en_GB"), name),
    )[:4]
