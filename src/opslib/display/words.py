"""Numbers in words and units, as the reports write them: in the locale of `opslib.locales`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from opslib import locales
from opslib.locales import (
    NOT_SHOWN,
    decimal,
    full_day,
    percent,
    percent_figures,
    significant,
    week_days,
    week_number,
    week_numbers,
    week_span,
    week_start,
    weekday,
    whole,
)
from opslib.weeks import weeks_between

_MINUS = "−"
__all__ = [
    "NOT_SHOWN",
    "change",
    "day",
    "decimal",
    "drawable",
    "duration",
    "estimate",
    "full_day",
    "goal",
    "groups_left_out",
    "interval",
    "is_signal",
    "left_out",
    "limits",
    "listed",
    "movement",
    "number_of",
    "ordinal",
    "percent",
    "percent_figures",
    "points",
    "short_day",
    "side",
    "signal",
    "significant",
    "standing",
    "value",
    "week_days",
    "week_number",
    "week_numbers",
    "week_span",
    "week_start",
    "weeks_outside",
    "whole",
]

_NOT_IN_XML = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def drawable(text: str) -> str:
    """A text as a chart can hold it: without control characters, which XML has no way to write.

    Args:
        text: of any kind; only the ends of lines are kept.

    >>> drawable("Fee:\\x00 $3_$4\\x1b")
    'Fee: $3_$4'
    """
    return _NOT_IN_XML.sub("", text.replace("\t", " ").replace("\r\n", "\n"))


def duration(seconds: float) -> str:
    """A time in hours and minutes; days would be ambiguous on a business clock.

    Args:
        seconds: also negative, for a difference.

    >>> [duration(seconds) for seconds in (42, 1500, 12000, 151200, 1.2e6)]
    ['42 s', '25 min', '3 h 20 min', '42 h', '333 h']
    """
    if seconds < 0:
        return _MINUS + duration(-seconds)
    if seconds < 59.5:
        return f"{whole(seconds)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes >= 24 * 60:
        return f"{whole(round(seconds / 3600))} h"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def value(number: float | None, unit: str) -> str:
    """A number with its unit.

    Args:
        number: in the metric's unit; None or NaN where there is none.
        unit: seconds, share, score, count, per_ticket, rate or days.

    >>> [value(0.8424, "share"), value(1204, "count"), value(1.537, "per_ticket"), value(3.04, "days")]
    ['84.2%', '1,204', '1.54', '3.0 days']
    >>> value(61.7, "rate")
    '61.7'
    >>> value(None, "count")
    '–'
    """
    if number is None or math.isnan(number):
        return NOT_SHOWN
    match unit:
        case "seconds":
            return duration(number)
        case "share" | "score":
            return percent(number)
        case "count":
            return whole(number)
        case "days":
            return f"{decimal(number, 1)} days"
        case _:
            return decimal(number, 1 if abs(number) >= 10 else 2)


def estimate(number: float | None, low: float | None, high: float | None, unit: str) -> str:
    """A value with its interval; a percentile that was not reached with its lower bound.

    Args:
        number: in the metric's unit; None or NaN where there is none.
        low: the lower end of its interval.
        high: the upper end; None or NaN where only the lower one can be told.
        unit: as `value` takes it.

    >>> estimate(0.842, 0.81, 0.871, "share")
    '84.2% (81.0–87.1)'
    >>> estimate(12000, 10800, None, "seconds")
    '3 h 20 min (at least 3 h)'
    >>> estimate(None, 14400, None, "seconds")
    'not reached, at least 4 h'
    """
    if number is None or math.isnan(number):
        return NOT_SHOWN if _is_missing(low) or unit != "seconds" else f"not reached, at least {value(low, unit)}"
    if _is_missing(low) and _is_missing(high):
        return value(number, unit)
    if _is_missing(high):
        return f"{value(number, unit)} (at least {value(low, unit)})"
    if unit in ("share", "score"):
        assert low is not None
        assert high is not None
        return f"{percent(number)} ({percent_figures(low)}–{percent_figures(high)})"
    return f"{value(number, unit)} ({interval(low, high, unit)})"


def standing(
    number: float | None,
    low: float | None,
    high: float | None,
    unit: str,
    *,
    state: str | None,
    settles_on: str | None,
) -> str:
    """A value that says by itself how far it is known: for good, so far, within bounds, or only later.

    Args:
        number: in the metric's unit; None or NaN where there is none.
        low: the lower end of its interval, or its lower bound.
        high: the upper end or bound; None or NaN where there is none.
        unit: as `value` takes it.
        state: `settled`, `so far` or `bounds`; None where there is nothing to know.
        settles_on: the date (ISO) on which it will be known; None where it is known, or nobody can say.

    >>> standing(12000, 10800, 14400, "seconds", state="so far", settles_on="2026-11-18")
    '3 h 20 min so far'
    >>> standing(None, 3600, None, "seconds", state="bounds", settles_on=None)
    'at least 1 h'
    >>> standing(None, 38100, 45720, "seconds", state="bounds", settles_on=None)
    '10.6–12.7 h'
    >>> standing(None, None, None, "share", state=None, settles_on="2026-11-24")
    'known Tue Nov 24'
    """
    if state == "bounds":
        if not low or math.isnan(low):
            return "not known yet" if _is_missing(high) else f"at most {value(high, unit)}"
        both_are_times = unit == "seconds" and not _is_missing(high)
        return _short_range(low, high) if both_are_times else interval(low, high, unit)
    if _is_missing(number):
        return f"known {day(settles_on)}" if isinstance(settles_on, str) else estimate(None, low, None, unit)
    return f"{value(number, unit)} so far" if state == "so far" else value(number, unit)


def _short_range(low: float, high: float | None) -> str:
    """Two times as one short text in one unit, which fits on a tile."""
    assert high is not None
    if high < 2 * 3600:
        return f"{whole(low / 60)}–{whole(high / 60)} min"
    tenths = [round(seconds / 3600, 1 if high < 24 * 3600 else 0) for seconds in (low, high)]
    ends = [whole(hours) if hours == int(hours) else decimal(hours, 1) for hours in tenths]
    return f"{'–'.join(ends)} h"


def day(iso: str) -> str:
    """A date with its weekday.

    >>> day("2026-11-18")
    'Wed Nov 18'
    """
    return weekday(date.fromisoformat(iso))


def short_day(iso: str) -> str:
    """A date without its weekday.

    >>> short_day("2026-11-18")
    'Nov 18'
    """
    return locales.day(date.fromisoformat(iso))


def change(before: float | None, after: float | None, unit: str) -> str:
    """How much a value has changed: in points for shares and scores, else in percent.

    Args:
        before: the value before, in the metric's unit; None or NaN where there is none, which gives "".
        after: the value now.
        unit: as `value` takes it.

    >>> [change(0.80, 0.831, "share"), change(100, 88, "count"), change(0, 4, "count"), change(None, 4, "count")]
    ['+3.1 points', '−12%', '+4', '']
    """
    if before is None or after is None or math.isnan(before) or math.isnan(after):
        return ""
    if unit in ("share", "score"):
        return _signed(100 * (after - before), 1, " points")
    if before <= 0 or after < 0:
        return _signed(after - before, 0, "")
    share = after / before - 1
    if round(share, 2) == 0:
        return f"±{percent(0, 0)}"
    return f"{'+' if share > 0 else _MINUS}{percent(abs(share), 0)}"


def points(difference: float, unit: str) -> str:
    """A difference in the unit's own terms, with its sign.

    Args:
        difference: in the unit; of shares and scores a fraction.
        unit: as `value` takes it.

    >>> [points(-0.012, "share"), points(12, "count"), points(0.25, "per_ticket")]
    ['−1.2 points', '+12', '+0.25']
    """
    if unit in ("share", "score"):
        return _signed(100 * difference, 1, " points")
    if unit == "seconds":
        return ("+" if difference >= 0 else "") + duration(difference)
    if unit == "days":
        return _signed(difference, 1, " days")
    return _signed(difference, 0 if unit == "count" else 2, "")


_SIDES = {"up": "above its usual level", "down": "below its usual level"}
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def signal(row: Any) -> str:
    """Whether a week's number is a signal, and for how long.

    Args:
        row: week; verdict (new, outside, back, within or not judged; "" where there is no number), direction (up, down
            or ""), since (the week from which it is outside or back), together (whether only two weeks together are
            outside), why (it was not judged).

    >>> from types import SimpleNamespace as Row
    >>> signal(Row(verdict="new", direction="up", since="2026-W46", week="2026-W46", together=True, why=""))
    'new signal: two weeks together above its usual level'
    >>> signal(Row(verdict="outside", direction="down", since="2026-W42", week="2026-W46", together=False, why=""))
    'still outside, 5th week: below its usual level'
    >>> signal(Row(verdict="not judged", together=False, why="not known yet"))
    'not judged: not known yet'
    """
    pair = "two weeks together " if row.together else ""
    match row.verdict:
        case "new":
            return f"new signal: {pair}{side(row)}"
        case "outside":
            return f"still outside, {ordinal(weeks_outside(row))} week: {pair}{side(row)}"
        case "back":
            return f"usual again since {week_number(row.since)}"
        case "within":
            return "usual"
        case "not judged":
            return f"not judged: {row.why}"
        case _:
            return ""


def side(row: Any) -> str:
    """On which side of its usual level a number is.

    Args:
        row: direction (up, down or "").
    """
    return _SIDES.get(row.direction, "outside its usual range")


def weeks_outside(row: Any) -> int:
    """For how many weeks a number has been outside its usual range, this one included.

    Args:
        row: since (the week from which it is outside) and week.
    """
    return len(weeks_between(row.since, row.week)) if isinstance(row.since, str) else 1


def ordinal(number: int) -> str:
    """A place in a row.

    >>> [ordinal(number) for number in (1, 2, 3, 5, 11, 22)]
    ['1st', '2nd', '3rd', '5th', '11th', '22nd']
    """
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def number_of(count: int, thing: str) -> str:
    """A small count in words, with its thing.

    >>> number_of(9, "week"), number_of(1, "week"), number_of(13, "week")
    ('nine weeks', 'one week', '13 weeks')
    """
    return f"{_NUMBERS[count] if count < len(_NUMBERS) else count} {thing}{'' if count == 1 else 's'}"


def movement(before: float | None, after: float | None, unit: str) -> str:
    """How a value has moved, as an arrow with its size, whichever way is better; "" where that is not known.

    Args:
        before: the value before, in the metric's unit.
        after: the value now.
        unit: as `value` takes it.

    >>> [movement(0.80, 0.831, "share"), movement(None, 4, "count"), movement(2, 2, "count")]
    ['↑ 3.1 points', '', 'unchanged']
    """
    text = change(before, after, unit)
    if not text or text[0] not in f"+{_MINUS}":
        return "unchanged" if text else ""
    return f"{'↓' if text[0] == _MINUS else '↑'} {text[1:]}"


def limits(row: Any) -> list[str]:
    """What a reader has to know of a number's limits before trusting them.

    Args:
        row: left_out (weeks on which the limits do not rest, separated by ", "), level_shift (the week in which what
            they rest on changes its level, or null).

    >>> from types import SimpleNamespace as Row
    >>> limits(Row(left_out="2026-W33, 2026-W36", level_shift=None))
    ['the limits leave out weeks 33 and 36 (far outside their neighbors)']
    >>> limits(Row(left_out="", level_shift="2026-W37"))
    ['the weeks that set the limits change level in week 37']
    """
    notes = [note] if (note := left_out(row)) else []
    if isinstance(row.level_shift, str):
        notes.append(f"the weeks that set the limits change level in {week_number(row.level_shift)}")
    return notes


def left_out(row: Any) -> str:
    """Which weeks a number's limits do not rest on; "" where they rest on all.

    Args:
        row: left_out (those weeks, separated by ", ").
    """
    weeks = [week for week in row.left_out.split(", ") if week]
    whose = "its" if len(weeks) == 1 else "their"
    return f"the limits leave out {week_numbers(weeks)} (far outside {whose} neighbors)" if weeks else ""


def is_signal(verdict: str) -> bool:
    """Whether a verdict calls a number a signal: outside its limits, newly or still."""
    return verdict in ("new", "outside")


def goal(target: float | None, better: str, unit: str) -> str:
    """A goal: at most for what should be low, at least for what should be high.

    Args:
        target: in the metric's unit; None or NaN where there is no goal.
        better: "lower" or "higher".
        unit: as `value` takes it.

    >>> goal(0.9, "higher", "share"), goal(14400, "lower", "seconds")
    ('≥ 90%', '≤ 4 h')
    """
    if target is None or math.isnan(target):
        return NOT_SHOWN
    is_round = unit in ("share", "score") and round(100 * target, 1) % 1 == 0
    return f"{'≤' if better == 'lower' else '≥'} {percent(target, 0) if is_round else value(target, unit)}"


def interval(low: float | None, high: float | None, unit: str) -> str:
    """An interval by itself.

    Args:
        low: its lower end, in the metric's unit; None or NaN where there is no interval.
        high: its upper end; None or NaN where only the lower one can be told.
        unit: as `value` takes it.

    >>> interval(0.81, 0.871, "share"), interval(3600, None, "seconds")
    ('81.0–87.1%', 'at least 1 h')
    """
    if low is None or math.isnan(low):
        return NOT_SHOWN
    if _is_missing(high):
        return f"at least {value(low, unit)}"
    first = percent_figures(low) if unit in ("share", "score") else value(low, unit)
    return f"{first}–{value(high, unit)}"


def listed(items: Sequence[str]) -> str:
    """Items as a sentence lists them.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def groups_left_out(few: str | None) -> str:
    """Which groups are not among those that are shown, and why; empty where none is missing.

    >>> groups_left_out("fewer than 5 people each")
    'Groups of fewer than 5 people each are left out, and those that would tell them.'
    """
    return f"Groups of {few} are left out, and those that would tell them." if few else ""


def _is_missing(number: float | None) -> bool:
    return number is None or math.isnan(number)


def _signed(number: float, digits: int, suffix: str) -> str:
    if round(number, digits) == 0:
        return f"±{decimal(0, digits)}{suffix}"
    return f"{_MINUS if number < 0 else '+'}{decimal(abs(number), digits)}{suffix}"
