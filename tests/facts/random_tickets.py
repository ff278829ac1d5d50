"""Random tickets that go through everything that tickets go through, and an organisation to hold them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from opslib.settings import Organisation

FIRST, LAST = datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 4, 22, tzinfo=UTC)
AS_OF = datetime(2026, 4, 22, 15, 30, 7, tzinfo=UTC)
POLICIES = ("standard", "safety")
AGENTS = tuple(f"agent {number}" for number in range(6))
QUEUES = ("first line", "billing", "appeals")
PRIORITIES = ("low", "normal", "high", "urgent")
STATUSES = ("new", "open", "pending", "on_hold", "solved", "closed")


def organisation() -> Organisation:
    """Five schedules in three zones: each changes its clocks between March and April 2026, one by half an hour."""

    def schedule(name: str, zone: str, *hours: dict[str, Any], closed: tuple[str, ...] = ()) -> dict[str, Any]:
        days = [{"on": day, "name": "holiday"} for day in closed]
        return {"name": name, "time_zone": zone, "hours": list(hours), "holidays": {"closed": days}}

    def since(start: str, **days: list[str]) -> dict[str, Any]:
        return {"from": start, "days": {key.replace("_", "-"): value for key, value in days.items()}}

    lord_howe, new_york, amsterdam = "Australia/Lord_Howe", "America/New_York", "Europe/Amsterdam"
    target = {"urgent": "30min", "high": "2h", "normal": "8h", "low": "20h"}
    metrics = ("first_reply", "next_reply", "requester_wait", "agent_work", "full_resolution")
    return Organisation.model_validate(
        {
            "organisation": "test",
            "time_zone": new_york,
            "calendars": [
                schedule("office", amsterdam, since("2020-01-01", mon_fri=["09:00-17:00"]), closed=("2026-04-06",)),
                schedule(
                    "lunch",
                    new_york,
                    since("2020-01-01", mon_fri=["09:00-12:00", "13:00-18:00"]),
                    since("2026-03-30", mon_fri=["08:30-17:15"], sat=["10:00-12:00"]),
                    closed=("2026-03-17", "2026-04-03"),
                ),
                schedule("nights", lord_howe, since("2020-01-01", mon_sun=["22:00-06:00"]), closed=("2026-04-04",)),
                schedule("weekends", amsterdam, since("2020-01-01", sat=["00:00-24:00"], sun=["00:00-20:30"])),
                {"name": "always", "time_zone": new_york, "hours": [{"from": "2020-01-01", "always": True}]},
            ],
            "sla_policies": [
                {
                    "name": name,
                    "targets": [{"metric": metric, "clock": clock, "targets": target} for metric in metrics],
                }
                for name, clock in zip(POLICIES, ("business", "calendar"), strict=True)
            ],
            "teams": [
                {"name": name, "label": name, "region": "-", "calendar": calendar, "sla_policy": policy}
                for name, calendar, policy in (
                    ("t-office", "office", "standard"),
                    ("t-lunch", "lunch", "standard"),
                    ("t-nights", "nights", "safety"),
                    ("t-weekends", "weekends", None),
                    ("t-always", "always", "standard"),
                    ("t-office-too", "office", "safety"),
                )
            ],
        }
    )


def make(seed: int, count: int) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Tickets and their events, the same for the same seed."""
    chance = random.Random(seed)
    return [_ticket(chance, f"{seed}-{number:05d}") for number in range(count)]


def _when(chance: random.Random, start: datetime, longest: timedelta) -> datetime:
    """Some time later: often at the same instant, or on the full hour, where schedules open and days end."""
    kind = chance.random()
    if kind < 0.25:
        return start
    moment = start + timedelta(seconds=int(chance.random() ** 3 * longest.total_seconds()))
    if kind < 0.5:
        moment = moment.replace(minute=chance.choice((0, 30)), second=0)
    return max(moment, start)


def _ticket(chance: random.Random, ticket_id: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    teams = organisation_teams
    born = FIRST + timedelta(seconds=chance.randrange(int((LAST - FIRST).total_seconds())))
    created = _when(chance, born, timedelta(days=1))
    own: dict[str, Any] = {
        "ticket_id": ticket_id,
        "created_at": created,
        "team": chance.choice(teams),
        "status": "open",
        "queue": chance.choice((*QUEUES, None)),
        "priority": chance.choice((*PRIORITIES, None)),
        "assignee_id": chance.choice((*AGENTS, None)),
        "requester_id": chance.choice((None, *(f"requester {number}" for number in range(300)))),
        "contact_reason": chance.choice((None, "refund", "login")),
        "channel": random.Random(ticket_id).choice(("email", "phone", "chat", None)),
    }
    if chance.random() < 0.3:
        own["due_at"] = _when(chance, created, timedelta(days=6))
    if chance.random() < 0.12:
        return _without_events(chance, own), []
    events: list[dict[str, Any]] = []
    apart = random.Random(f"{ticket_id} apart")

    def add(event: str, role: str | None = None, value: str | None = None, longest: timedelta = timedelta(0)) -> None:
        last = events[-1]["occurred_at"] if events else created
        moment = _when(chance, last, longest) if longest else last
        if chance.random() < 0.03:
            moment -= timedelta(hours=5)
        who = chance.choice((*AGENTS, None)) if role == "agent" else None
        events.append({"event": event, "actor_role": role, "actor_id": who, "value": value, "occurred_at": moment})

    if chance.random() < 0.85:
        add("created", chance.choice(("requester",) * 6 + ("agent", "automation", None)))
    if chance.random() < 0.7:
        add("public_comment", chance.choice(("requester",) * 5 + ("agent",)))
    if chance.random() < 0.6:
        add("team", None, chance.choice(teams))
    if chance.random() < 0.5:
        queue = chance.choice(QUEUES)
        add("queue", None, queue if apart.random() < 0.8 else None)
    if chance.random() < 0.4:
        add("sla_policy", "automation", chance.choice(POLICIES))
    span = chance.choice((timedelta(minutes=20), timedelta(hours=6), timedelta(days=3)))
    for _ in range(chance.choice((0, 1, 2, 3, 5, 8, 13, 24))):
        kind = chance.choice(_KINDS)
        value = {
            "status": chance.choice(STATUSES),
            "team": chance.choice(teams),
            "queue": chance.choice((*QUEUES, *QUEUES, None)),
            "assignee": chance.choice((*AGENTS, None)),
            "priority": chance.choice(PRIORITIES),
            "sla_policy": chance.choice((*POLICIES, None, "unknown")),
        }.get(kind)
        add(kind, chance.choice(_ROLES), value, span)
    ending = chance.random()
    if ending < 0.4:
        add("status", "agent", "solved", span)
    elif ending < 0.44:
        add("merged_into", "agent", "another", span)
    elif ending < 0.48:
        add("deleted", "agent", None, span)
    elif ending < 0.52:
        add("status", "agent", "spam", span)
    if ending < 0.6 and chance.random() < 0.15:
        add("status", None, "open", span)
    finished = chance.random()
    if finished < 0.06:
        own["status"] = chance.choice(("solved", "closed", "spam", "merged"))
        own["updated_at"] = chance.choice((None, _when(chance, created, timedelta(days=9))))
        if chance.random() < 0.5:
            own["solved_at"] = _when(chance, created, timedelta(days=9))
        if apart.random() < 0.5:
            own["closed_at"] = _when(apart, created, timedelta(days=9))
    last = events[-1]["occurred_at"] if events else created
    if apart.random() < 0.06:
        own["status"] = apart.choice(("solved", "closed", "deleted", "open", "pending"))
        own["updated_at"] = _when(apart, last, timedelta(hours=9))
        if apart.random() < 0.5:
            own["solved_at"] = own["updated_at"]
    if events and apart.random() < 0.05:
        events.append(events[-1] | {"event": "status", "value": "closed", "occurred_at": _when(apart, last, span)})
    return own, [{"ticket_id": ticket_id, "sequence": number, **event} for number, event in enumerate(events[:30])]


def _without_events(chance: random.Random, own: dict[str, Any]) -> dict[str, Any]:
    created, long = own["created_at"], timedelta(days=9)
    own["status"] = chance.choice((*STATUSES, "spam", "deleted"))
    own["updated_at"] = chance.choice((None, _when(chance, created, long)))
    for column in ("first_reply_at", "solved_at", "closed_at"):
        if chance.random() < 0.6:
            own[column] = _when(chance, created, long)
    own["reopen_count"] = chance.choice((None, 0, 0, 1))
    own["transfer_count"] = chance.choice((None, 0, 2))
    return own


_KINDS = ("public_comment",) * 8 + ("status",) * 7 + (
    "internal_note", "team", "team", "queue", "queue", "assignee", "assignee", "priority", "sla_policy",
    "satisfaction_offered",
)  # fmt: skip
_ROLES = ("agent",) * 5 + ("requester",) * 4 + ("automation", None)
organisation_teams = organisation().team_names
