"""What is planted in the sample: sizes and first weeks. The simulation and its answer sheet both read it."""

from __future__ import annotations

from opslib.sample import centre

EMERGING_WEEK = 41
EMERGING_SHARES = (0.10, 0.14, 0.17)  # of the team's other tickets, in its first, second and every later week
EMERGING_LABELLED = 0.6  # labelled with its own new reason; the rest as "other"

MISROUTING_WEEK = 38
MISROUTED_REASON = "refund_not_received"
MISROUTING_RULE = "R-134"
MISROUTED_TO = "commerce-orders"

POLICY_WEEK = 36
POLICY_REASON = "identity_verification"
POLICY_VOLUME = 1.6  # times the reason's volume from then on
POLICY_ID = "POL-2026-09"
STALE_ARTICLES = ("ART-1003", "ART-1004")

MIX_WEEK = 40
MIX_TEAM = "us-safety"
MIX_AFTER = (0.50, 0.16, 0.25, 0.0, 0.09)  # shares of channels, in the order of centre.CHANNELS

PROJECT_WEEK = 37
PROJECT_ID = "PRJ-1"
PROJECT_REASONS = ("password_reset", "login_code")
PROJECT_HANDLING = 0.80  # times the handling time
PROJECT_ROUNDS = 0.70  # times the chance of another round

SLIPPING_PROJECT = "PRJ-3"
INCONSISTENT_REVIEWER = "agent-rowan-hale"


def emerging_share(week: int) -> float:
    """Tickets of the emerging reason over the team's other tickets, by ISO week of 2026."""
    if week < EMERGING_WEEK:
        return 0.0
    return EMERGING_SHARES[min(week - EMERGING_WEEK, len(EMERGING_SHARES) - 1)]


def begins(week: int) -> int:
    """Epoch seconds at which a planted truth of that ISO week begins."""
    return centre.week_start(week)
