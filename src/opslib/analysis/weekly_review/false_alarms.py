"""How often a week in which nothing has moved shows a signal: at most, as it is set, and as it was measured."""

from __future__ import annotations

from opslib.locales import significant

_RATES = {0.01: "one week in a hundred", 0.05: "one week in twenty", 0.1: "one week in ten", 0.2: "one week in five"}
MEASURED = {0.1: 23, 0.15: 18, 0.2: 14}
"""By rate, in how many weeks in which nothing had moved one showed a new signal (`benchmarks/false_signals.py`)."""


def rate_in_words(rate: float) -> str:
    """The share of quiet weeks that show a signal at most.

    >>> rate_in_words(0.2), rate_in_words(0.15)
    ('one week in five', '15 weeks in a hundred')
    """
    return _RATES.get(rate, f"{significant(100 * rate, 3)} weeks in a hundred")
