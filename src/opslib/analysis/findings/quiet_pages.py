"""How often the pages of a team find something in a week in which nothing happened: as it was counted, and in words."""

from __future__ import annotations

from typing import Literal

Report = Literal["weekly_review", "contact_drivers", "routing_audit"]

RATE = 0.2
"""The rate of signals (`signals.rate` in params/org.yml) at which these pages were counted."""
PAGES = 192
"""How many of each report were counted, one of a team's week each (`benchmarks/quiet_pages.py`)."""
WITH_ANY: dict[Report, int] = {"weekly_review": 15, "contact_drivers": 15, "routing_audit": 16}
"""On how many of them anything but a missed goal was found; the weekly review has what needs somebody, of all three."""


def weeks_in_words(report: Report) -> str:
    """In how many quiet weeks a report finds something, as far as so many pages tell it."""
    count = WITH_ANY[report]
    return f"about one week in {round(PAGES / count)}" if count else f"fewer than one week in {PAGES // 3}"


def chance_in_words(rate: float) -> str:
    """The sentence by which a page says how often it finds something where there is nothing.

    Args:
        rate: that of the signals on the page.

    Returns:
        "" where signals are judged at another rate than on the pages that were counted.
    """
    if rate != RATE:
        return ""
    return f"With all kinds of findings, a team's page finds something by chance in {weeks_in_words('weekly_review')}."
