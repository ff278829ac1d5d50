"""The words that stand for an interval, and when they are said."""

from __future__ import annotations

import pytest

from opslib.analysis.methods.impact.verdicts import (
    CANNOT_TELL,
    HELPED,
    HURT,
    NO_IMPROVEMENT,
    Review,
    Verdict,
    next_review,
    reviews_of,
    verdict_of,
)


@pytest.mark.parametrize(
    ("low", "high", "size", "verdict"),
    [
        (0.01, 0.20, 0.10, Verdict(HELPED)),
        (0.01, 0.09, 0.10, Verdict(HELPED, less_than_promised=True)),
        (0.01, 0.09, None, Verdict(HELPED)),
        (-0.20, -0.01, 0.10, Verdict(HURT)),
        (-0.05, 0.09, 0.10, Verdict(NO_IMPROVEMENT, no_difference=True)),
        (-0.20, 0.09, 0.10, Verdict(NO_IMPROVEMENT)),
        (-0.20, 0.11, 0.10, Verdict(CANNOT_TELL)),
        (-0.05, 0.09, None, Verdict(CANNOT_TELL)),
        (0.0, 0.0, None, Verdict(CANNOT_TELL)),
    ],
)
def test_an_interval_has_one_verdict(low: float, high: float, size: float | None, verdict: Verdict):
    assert verdict_of(low, high, size) == verdict


def test_reviews_are_after_six_and_thirteen_weeks_and_half_a_year_where_that_is_needed():
    early = (Review(6, "2026-W53"), Review(13, "2027-W07"))
    assert reviews_of("2026-W48", weeks_needed=None) == early
    assert reviews_of("2026-W48", weeks_needed=13) == early
    assert reviews_of("2026-W48", weeks_needed=14) == (*early, Review(26, "2027-W20"))


def test_a_week_that_does_not_count_puts_the_reviews_off():
    weeks = [each.week for each in reviews_of("2026-W20", weeks_needed=None, left_out=["2026-W10", "2026-W22"])]
    assert weeks == ["2026-W26", "2026-W33"]


def test_the_next_review_is_the_first_that_lacks_weeks():
    reviews = reviews_of("2026-W48", weeks_needed=None)
    assert [next_review(reviews, weeks) for weeks in (5, 6, 13)] == [reviews[0], reviews[1], None]
