"""Whether a change helped: the verdict on an interval, when it is given, and why it may not be given at all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from opslib.weeks import shift_week

VerdictName = Literal["helped", "hurt", "no improvement of that size", "cannot tell yet"]
HELPED: VerdictName = "helped"
HURT: VerdictName = "hurt"
NO_IMPROVEMENT: VerdictName = "no improvement of that size"
CANNOT_TELL: VerdictName = "cannot tell yet"
REVIEWS = (6, 13)
"""After how many weeks an effect is judged; not every Monday, which would find something in the end."""
LATE_REVIEW = 26
"""The review that is added where the planned weeks do not do."""

RefusalName = Literal[
    "no metric",
    "no such metric",
    "no direction",
    "not by this group",
    "not in this export",
    "no date",
    "not begun",
    "nothing touched",
    "few people",
    "few weeks before",
    "few weeks after",
    "few events",
    "gap",
    "definition change",
    "other changes",
    "no control",
    "no variation",
]


@dataclass(frozen=True)
class Refusal:
    """Why nothing is said of an effect: a name to tell reasons apart by, and a sentence for a reader."""

    name: RefusalName
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """What an interval says of a change.

    less_than_promised: it helped, but by less than what was promised; no_difference: no improvement, nor a harm, of the
    size that matters.
    """

    name: VerdictName
    less_than_promised: bool = False
    no_difference: bool = False


@dataclass(frozen=True)
class Review:
    """When an effect is judged: after so many weeks that count, which are there at the earliest in this week."""

    weeks_after: int
    week: str


def verdict_of(low: float, high: float, size: float | None) -> Verdict:
    """What an interval says.

    Args:
        low: its lower end, turned so that what is above 0 is better.
        high: its upper end.
        size: the improvement that matters, above 0; None where nobody said.

    Returns:
        The verdict; without a size it is never that there is no improvement.

    >>> verdict_of(0.01, 0.04, 0.05).less_than_promised, verdict_of(-0.02, 0.03, 0.05).no_difference
    (True, True)
    """
    if low > 0:
        return Verdict(HELPED, less_than_promised=size is not None and high < size)
    if high < 0:
        return Verdict(HURT)
    if size is not None and high < size:
        return Verdict(NO_IMPROVEMENT, no_difference=low > -size)
    return Verdict(CANNOT_TELL)


def reviews_of(first_after: str, *, weeks_needed: int | None, left_out: Collection[str] = ()) -> tuple[Review, ...]:
    """When an effect is judged, fixed as the change goes live.

    Args:
        first_after: the first week after the ramp.
        weeks_needed: after how many weeks the size that matters is found, by what was known at the change; None where
            not within a year, or where nobody said what matters.
        left_out: weeks that do not count.

    Returns:
        The reviews in order; that of half a year only where it is needed.
    """
    numbers = [*REVIEWS, *([LATE_REVIEW] if weeks_needed is not None and weeks_needed > REVIEWS[-1] else [])]
    later = (shift_week(first_after, place) for place in range(numbers[-1] + len(left_out)))
    counting = [week for week in later if week not in left_out]
    return tuple(Review(number, counting[number - 1]) for number in numbers)


def next_review(reviews: Sequence[Review], weeks_after: int) -> Review | None:
    """The first review for which there are not enough weeks yet; None where all were held."""
    return next((review for review in reviews if review.weeks_after > weeks_after), None)
