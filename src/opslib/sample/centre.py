"""The simulated support centre: its weeks, teams, queues and contact reasons. Numbers only; it draws nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

ORGANISATION_ZONE = ZoneInfo("America/New_York")
FIRST_DAY = date(2026, 5, 18)  # Monday of 2026-W21
WARM_UP_DAYS = 7  # simulated before the first week, so that it does not start with empty queues; then dropped
AS_OF = datetime(2026, 11, 16, 11, tzinfo=UTC)  # Monday 06:00 in New York
ROSTER_END = date(2026, 11, 30)  # rosters are planned two weeks ahead
STANDARD_TICKETS = 60_000

DAY = 86_400
HOUR = 3_600
CLOSE_AFTER = 4 * DAY
SOLVE_UNANSWERED_AFTER = 3 * DAY
OFFER_SURVEY_AFTER = DAY

CHANNELS = ("email", "chat", "web", "phone", "social")
LIVE = ("chat", "phone")
LANGUAGES = ("en", "es", "pt")
REGIONS = ("us-northeast", "us-south", "us-midwest", "us-west", "us-territories")
REGION_SHARES = (0.18, 0.39, 0.20, 0.22, 0.01)
PRIORITIES = ("low", "normal", "high", "urgent")
OTHER_FORM = "other_request"
OTHER_REASON = "other"


def local(day: date, minute: int, zone: ZoneInfo) -> int:
    """Epoch seconds of a minute of a local day (minutes may pass 1,440: the next day)."""
    whole, rest = divmod(minute, 1440)
    moment = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(days=whole, minutes=rest)
    return int(moment.timestamp())


def monday(week: int) -> date:
    """Monday of an ISO week of 2026."""
    return date.fromisocalendar(2026, week, 1)


def week_start(week: int) -> int:
    """Epoch seconds at which an ISO week of 2026 begins in the organisation's zone."""
    return local(monday(week), 0, ORGANISATION_ZONE)


START = week_start(21)
SIMULATION_START = local(FIRST_DAY - timedelta(days=WARM_UP_DAYS), 0, ORGANISATION_ZONE)
END = int(AS_OF.timestamp())


@dataclass(frozen=True)
class Reason:
    """Why customers write: its right queue, its share of the team's tickets, the work it makes."""

    name: str
    queue: str
    form: str
    weight: float
    minutes: float  # relative handling time; the centre scales it to its staff
    another_round: float  # chance that an answer does not settle it
    satisfaction: float = 0.0  # on the logit scale
    urgent: float = 0.03
    high: float = 0.15


@dataclass(frozen=True)
class ShiftPattern:
    """One kind of working day in a team: local minutes, weekdays (0 = Monday), share of the team on it."""

    start: int
    end: int
    weekdays: tuple[tuple[int, ...], ...]  # agents of the pattern take these in turn
    share: float


@dataclass(frozen=True)
class Team:
    """A team: when it works, how busy it is, what its customers are like."""

    name: str
    zone: ZoneInfo
    site: str
    policy: str
    ticket_share: float
    agents: int  # at STANDARD_TICKETS
    occupancy: float  # handling time offered over the time that agents are there
    backlog_days: float  # waiting work that it lives with, in days of its arrivals
    open_hours: dict[int, tuple[int, int]]  # weekday to local minutes in which chat and phone are open
    patterns: tuple[ShiftPattern, ...]
    closed: frozenset[date]
    channels: tuple[float, ...]  # shares in the order of CHANNELS while chat and phone are open
    languages: tuple[float, ...]
    queues: tuple[str, ...]  # the last one takes escalations
    front_queue: str
    reasons: tuple[Reason, ...]
    satisfaction: float  # logit of a satisfied answer before waiting and reasons
    scale_max: int = 5

    @property
    def forms(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(reason.form for reason in self.reasons))


_MONDAY_TO_FRIDAY = ((0, 1, 2, 3, 4),)
_FIVE_OF_SEVEN = (
    (0, 1, 2, 3, 4),
    (2, 3, 4, 5, 6),
    (5, 6, 0, 1, 2),
    (0, 1, 3, 4, 5),
    (6, 0, 1, 2, 3),
    (3, 4, 5, 6, 0),
    (1, 2, 4, 5, 6),
)
_FEDERAL = frozenset(
    date(2026, month, day) for month, day in ((5, 25), (6, 19), (7, 3), (7, 4), (9, 7), (10, 12), (11, 11), (11, 26))
)
_COLUMBUS = date(2026, 10, 12)
QUIET_DAYS = _FEDERAL | {date(2026, 11, 27)}  # customers write less, wherever the team is

GENERAL = Team(
    name="us-general",
    zone=ZoneInfo("America/New_York"),
    site="New York",
    policy="standard",
    ticket_share=0.30,
    agents=13,
    occupancy=0.93,
    backlog_days=0.75,
    open_hours=dict.fromkeys(range(5), (9 * 60, 18 * 60)),
    patterns=(ShiftPattern(9 * 60, 18 * 60, _MONDAY_TO_FRIDAY, 1.0),),
    closed=(_FEDERAL - {_COLUMBUS}) | {date(2026, 11, 27)},
    channels=(0.38, 0.16, 0.30, 0.10, 0.06),
    languages=(0.86, 0.11, 0.03),
    queues=("general-frontdesk", "general-account", "general-spanish", "general-escalations"),
    front_queue="general-frontdesk",
    reasons=(
        Reason("password_reset", "general-account", "account_form", 17, 9, 0.24, 0.3),
        Reason("login_code", "general-account", "account_form", 13, 10, 0.28, 0.1),
        Reason("account_hacked", "general-account", "account_form", 8, 24, 0.48, -0.2, 0.10, 0.35),
        Reason("identity_verification", "general-account", "account_form", 8, 18, 0.42, -0.2),
        Reason("change_email", "general-account", "account_form", 7, 10, 0.26, 0.2),
        Reason("delete_account", "general-account", "account_form", 6, 10, 0.22, 0.0),
        Reason("app_crash", "general-frontdesk", "app_form", 12, 16, 0.46, -0.1, 0.03, 0.20),
        Reason("notification_settings", "general-frontdesk", "app_form", 7, 9, 0.22, 0.2),
        Reason("feature_question", "general-frontdesk", "app_form", 9, 9, 0.24, 0.3),
        Reason("language_settings", "general-frontdesk", "app_form", 4, 8, 0.20, 0.3),
        Reason("accessibility", "general-frontdesk", "app_form", 4, 15, 0.36, 0.0),
        Reason("data_download", "general-frontdesk", "app_form", 5, 13, 0.32, -0.1),
    ),
    satisfaction=2.25,
)

CREATORS = Team(
    name="us-creators",
    zone=ZoneInfo("America/Los_Angeles"),
    site="Los Angeles",
    policy="standard",
    ticket_share=0.23,
    agents=11,
    occupancy=0.90,
    backlog_days=0.50,
    open_hours={**dict.fromkeys(range(5), (7 * 60, 19 * 60)), 5: (9 * 60, 15 * 60)},
    patterns=(
        ShiftPattern(7 * 60, 15 * 60 + 30, _MONDAY_TO_FRIDAY, 0.45),
        ShiftPattern(10 * 60 + 30, 19 * 60, _MONDAY_TO_FRIDAY, 0.35),
        ShiftPattern(9 * 60, 17 * 60, ((1, 2, 3, 4, 5), (5, 0, 2, 3, 4)), 0.20),
    ),
    closed=_FEDERAL - {_COLUMBUS},
    channels=(0.42, 0.22, 0.28, 0.0, 0.08),
    languages=(0.88, 0.07, 0.05),
    queues=("creators-content", "creators-monetization", "creators-growth", "creators-escalations"),
    front_queue="creators-growth",
    reasons=(
        Reason("upload_failure", "creators-content", "creator_form", 14, 15, 0.42, -0.1, 0.04, 0.25),
        Reason("copyright_claim", "creators-content", "creator_form", 11, 22, 0.44, -0.3),
        Reason("captions_subtitles", "creators-content", "creator_form", 5, 12, 0.28, 0.2),
        Reason("live_stream", "creators-content", "creator_form", 8, 17, 0.40, -0.1, 0.12, 0.35),
        Reason("monetization_eligibility", "creators-monetization", "payout_form", 12, 16, 0.34, 0.0),
        Reason("payout_delay", "creators-monetization", "payout_form", 11, 19, 0.40, -0.2, 0.05, 0.30),
        Reason("tax_form", "creators-monetization", "payout_form", 6, 14, 0.32, 0.1),
        Reason("ad_suitability", "creators-monetization", "payout_form", 8, 16, 0.36, -0.2),
        Reason("channel_verification", "creators-growth", "creator_form", 7, 12, 0.28, 0.2),
        Reason("analytics_gap", "creators-growth", "creator_form", 7, 14, 0.34, 0.1),
        Reason("comment_moderation", "creators-growth", "creator_form", 6, 10, 0.24, 0.3),
        Reason("brand_partnership", "creators-growth", "creator_form", 5, 15, 0.30, 0.3),
    ),
    satisfaction=2.40,
)

SAFETY = Team(
    name="us-safety",
    zone=ZoneInfo("America/New_York"),
    site="Austin",
    policy="safety",
    ticket_share=0.24,
    agents=15,
    occupancy=0.79,
    backlog_days=0.06,
    open_hours=dict.fromkeys(range(7), (0, 1440)),
    patterns=(
        ShiftPattern(6 * 60, 14 * 60 + 30, _FIVE_OF_SEVEN, 0.34),
        ShiftPattern(11 * 60, 19 * 60 + 30, _FIVE_OF_SEVEN, 0.20),
        ShiftPattern(14 * 60, 22 * 60 + 30, _FIVE_OF_SEVEN, 0.28),
        ShiftPattern(22 * 60, 30 * 60 + 30, _FIVE_OF_SEVEN, 0.18),
    ),
    closed=frozenset(),
    channels=(0.30, 0.42, 0.20, 0.0, 0.08),
    languages=(0.89, 0.08, 0.03),
    queues=("safety-urgent", "safety-reports", "safety-appeals", "safety-specialists"),
    front_queue="safety-reports",
    reasons=(
        Reason("harassment_report", "safety-urgent", "report_form", 12, 17, 0.30, 0, 0.12, 0.50),
        Reason("threat_report", "safety-urgent", "report_form", 5, 24, 0.34, 0, 0.55, 0.40),
        Reason("self_harm_concern", "safety-urgent", "report_form", 3, 26, 0.26, 0, 0.75, 0.25),
        Reason("minor_safety", "safety-urgent", "report_form", 4, 24, 0.30, 0, 0.60, 0.35),
        Reason("spam_account_report", "safety-reports", "report_form", 15, 8, 0.16, 0, 0.01, 0.08),
        Reason("impersonation", "safety-reports", "report_form", 11, 16, 0.34, 0, 0.05, 0.30),
        Reason("scam_report", "safety-reports", "report_form", 12, 15, 0.30, 0, 0.06, 0.30),
        Reason("hate_speech", "safety-reports", "report_form", 9, 14, 0.22, 0, 0.08, 0.40),
        Reason("suspension_appeal", "safety-appeals", "appeal_form", 12, 20, 0.36, 0, 0.02, 0.20),
        Reason("content_removed_appeal", "safety-appeals", "appeal_form", 10, 16, 0.30, 0, 0.01, 0.12),
        Reason("age_restriction_appeal", "safety-appeals", "appeal_form", 4, 14, 0.28, 0, 0.01, 0.10),
        Reason("strike_appeal", "safety-appeals", "appeal_form", 5, 17, 0.32, 0, 0.01, 0.15),
    ),
    satisfaction=0.0,
    scale_max=2,
)

COMMERCE = Team(
    name="us-commerce",
    zone=ZoneInfo("America/Chicago"),
    site="Chicago",
    policy="standard",
    ticket_share=0.23,
    agents=11,
    occupancy=0.90,
    backlog_days=0.60,
    open_hours={**dict.fromkeys(range(5), (8 * 60, 20 * 60)), 5: (10 * 60, 16 * 60), 6: (10 * 60, 16 * 60)},
    patterns=(
        ShiftPattern(8 * 60, 16 * 60 + 30, _MONDAY_TO_FRIDAY, 0.42),
        ShiftPattern(11 * 60 + 30, 20 * 60, _MONDAY_TO_FRIDAY, 0.34),
        ShiftPattern(9 * 60 + 30, 16 * 60 + 30, ((5, 6, 0, 1, 2), (3, 4, 5, 6, 0), (5, 6, 1, 3, 4)), 0.24),
    ),
    closed=_FEDERAL,
    channels=(0.36, 0.20, 0.26, 0.13, 0.05),
    languages=(0.87, 0.10, 0.03),
    queues=("commerce-orders", "commerce-refunds", "commerce-payments", "commerce-escalations"),
    front_queue="commerce-orders",
    reasons=(
        Reason("order_not_arrived", "commerce-orders", "order_form", 16, 13, 0.36, -0.2),
        Reason("wrong_item", "commerce-orders", "order_form", 7, 14, 0.34, -0.1),
        Reason("damaged_item", "commerce-orders", "order_form", 7, 14, 0.36, 0.0),
        Reason("address_change", "commerce-orders", "order_form", 5, 8, 0.18, 0.4, 0.06, 0.35),
        Reason("order_cancellation", "commerce-orders", "order_form", 8, 9, 0.20, 0.2, 0.06, 0.30),
        Reason("refund_request", "commerce-refunds", "billing_form", 12, 13, 0.30, 0.0),
        Reason("refund_not_received", "commerce-refunds", "billing_form", 10, 16, 0.36, -0.3, 0.03, 0.25),
        Reason("return_label", "commerce-refunds", "billing_form", 6, 9, 0.20, 0.3),
        Reason("payment_declined", "commerce-payments", "billing_form", 10, 14, 0.36, -0.1, 0.04, 0.25),
        Reason("double_charge", "commerce-payments", "billing_form", 8, 17, 0.34, -0.2, 0.05, 0.35),
        Reason("gift_card", "commerce-payments", "billing_form", 5, 12, 0.30, 0.0),
        Reason("subscription_renewal", "commerce-payments", "billing_form", 6, 11, 0.26, 0.0),
    ),
    satisfaction=1.95,
)

TEAMS = (GENERAL, CREATORS, SAFETY, COMMERCE)
TEAM_NAMES = tuple(team.name for team in TEAMS)
EMERGING = Reason("draft_sync_loss", "creators-content", "creator_form", 0.0, 18, 0.45, -0.4, 0.05, 0.30)
REASONS = (*tuple(reason for team in TEAMS for reason in team.reasons), EMERGING)
REASON_NAMES = tuple(reason.name for reason in REASONS)
LABELS = (*REASON_NAMES, OTHER_REASON)
QUEUES = tuple(queue for team in TEAMS for queue in team.queues)
TEAM_OF_QUEUE = tuple(number for number, team in enumerate(TEAMS) for _ in team.queues)
FORMS = (*dict.fromkeys(reason.form for reason in REASONS), OTHER_FORM)
SPANISH_QUEUE = "general-spanish"

# Satisfied answers per channel in us-safety: constant, whatever the wait, so that only the mix can move its CSAT.
SAFETY_SATISFIED = {"email": 0.63, "chat": 0.86, "web": 0.72, "phone": 0.80, "social": 0.58}
SAFETY_ANSWERED = {"email": 0.36, "chat": 0.44, "web": 0.38, "phone": 0.40, "social": 0.24}
ANSWERED_SHARE = {"email": 0.24, "chat": 0.36, "web": 0.26, "phone": 0.30, "social": 0.14}
