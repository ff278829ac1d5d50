"""Numbers in words: the edges beside the examples in the docstrings."""

from __future__ import annotations

import pytest

from opslib.display import words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (3599, "1 h"),
        (3600, "1 h"),
        (86_399, "24 h"),
        (-5400, "−1 h 30 min"),
    ],
)
def test_a_time_is_rounded_before_it_is_split(seconds: float, text: str):
    """Else 59.6 s reads as 60 s, and 3,599 s as 60 min."""
    assert words.duration(seconds) == text


def test_a_change_that_rounds_to_nothing_has_no_direction():
    assert words.change(0.8001, 0.8, "share") == "±0.0 points"
    assert words.change(1000, 1001, "count") == "±0%"


def test_a_change_from_nothing_is_a_number_and_no_percentage():
    assert words.change(0, 3, "count") == "+3"
    assert words.change(-20, 5, "count") == "+25"


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (3600.0, None, "at least 1 h"),
        (3600.0, 7200.0, "1–2 h"),
        (0.0, 7200.0, "at most 2 h"),
        (0.0, float("nan"), "not known yet"),
    ],
)
def test_bounds_are_told_as_bounds(low: float, high: float | None, text: str):
    assert words.standing(None, low, high, "seconds", state="bounds", settles_on=None) == text


def test_only_a_settled_value_stands_by_itself():
    of = {"low": 0.8, "high": 0.9, "unit": "share"}
    assert words.standing(0.85, **of, state="settled", settles_on=None) == "85.0%"
    assert words.standing(0.85, **of, state="so far", settles_on=None) == "85.0% so far"
    assert words.standing(None, None, None, "share", state=None, settles_on=None) == "–"
