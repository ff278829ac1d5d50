"""Tickets worked out with pencil and paper: what happened, and the seconds that must come out.

`nl` works Monday to Friday 09:00-17:00 in Amsterdam and is closed on 27 April 2026; `us` works 09:00-12:00 and
13:00-18:00 in New York and is closed on 26 November 2026. The world is known up to 1 December 2026, 00:00 UTC.
Seconds are pairs of calendar and business; what is not named has not happened and is null.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.facts.support_centre import at, event_at, question_at, ticket

REPLY, NOTE, STATUS = "public_comment", "internal_note", "status"
NOTHING = (0, 0)


def _reply(when: str, status: str) -> list[Any]:
    return [event_at(when, REPLY, "agent"), event_at(when, STATUS, "agent", status)]


@dataclass(frozen=True)
class WorkedTicket:
    """One ticket and its answers."""

    name: str
    ticket: Any
    requester_wait: tuple[int, int]
    agent_work: tuple[int, int]
    agent_wait: tuple[int, int] = NOTHING
    on_hold: tuple[int, int] = NOTHING
    first_reply: tuple[int, int] | None = None
    first_resolution: tuple[int, int] | None = None
    full_resolution: tuple[int, int] | None = None
    instants: dict[str, Any] = field(default_factory=dict)
    reopens: int = 0
    touches: int = 1


def _one_reply_that_solves(
    name: str, created: str, solved: str, seconds: tuple[int, int], team: str = "nl"
) -> WorkedTicket:
    life = ticket(name, created, *question_at(created), event_at(created, STATUS, None, "new"), *_reply(solved,
    "solved"),
                  team=team, status="solved")  # fmt: skip
    when = at(solved)
    return WorkedTicket(
        name, life, seconds, seconds, first_reply=seconds, first_resolution=seconds, full_resolution=seconds,
        instants={"first_reply_at": when, "first_solved_at": when, "last_solved_at": when},
    )  # fmt: skip


WORKED_TICKETS = (
    WorkedTicket(
        "a plain day",  # answered after 90 minutes, solved after five hours
        ticket("a plain day", "2026-03-02 09:00", *question_at("2026-03-02 09:00"), *_reply("2026-03-02 10:30", "open"),
               event_at("2026-03-02 14:00", STATUS, "agent", "solved"), status="solved"),
        (18000, 18000), (18000, 18000), first_reply=(5400, 5400), first_resolution=(18000, 18000),
        full_resolution=(18000, 18000),
        instants={"first_reply_at": at("2026-03-02 10:30"), "first_solved_at": at("2026-03-02 14:00"),
                  "last_solved_at": at("2026-03-02 14:00")},
    ),
    _one_reply_that_solves("over a weekend", "2026-03-06 15:00", "2026-03-09 09:00", (237600, 7200)),
    _one_reply_that_solves("over a clock change", "2026-03-27 15:00", "2026-03-30 08:00", (234000, 7200)),
    _one_reply_that_solves("over a holiday on Monday", "2026-04-24 14:00", "2026-04-28 08:00", (324000, 7200)),
    WorkedTicket(
        "hold and reopen",  # waits for the requester, then for a third, is solved straight from hold and reopened once
        ticket("hold and reopen", "2026-03-10 08:00", *question_at("2026-03-10 08:00"),
               event_at("2026-03-10 09:00", NOTE, "agent"), event_at("2026-03-10 09:00", STATUS, "agent", "open"),
               *_reply("2026-03-10 10:00", "pending"),
               event_at("2026-03-10 12:00", REPLY, "requester"), event_at("2026-03-10 12:00", STATUS, None, "open"),
               event_at("2026-03-10 13:00", STATUS, "agent", "on_hold"), *_reply("2026-03-10 14:00", "solved"),
               event_at("2026-03-11 08:00", REPLY, "requester"), event_at("2026-03-11 08:00", STATUS, None, "open"),
               *_reply("2026-03-11 09:00", "solved"), event_at("2026-03-15 09:00", STATUS, "automation", "closed"),
               status="closed"),
        (18000, 18000), (14400, 14400), (7200, 7200), (3600, 3600), (7200, 7200), (21600, 21600), (90000, 32400),
        instants={"first_reply_at": at("2026-03-10 10:00"), "first_solved_at": at("2026-03-10 14:00"),
                  "last_solved_at": at("2026-03-11 09:00")},
        reopens=1, touches=3,
    ),
    WorkedTicket(
        "answered and still open",
        ticket("answered and still open", "2026-03-11 08:00", *question_at("2026-03-11 08:00"),
               *_reply("2026-03-11 09:00", "open")),
        (22867200, 5414400), (22867200, 5414400), first_reply=(3600, 3600),
        instants={"first_reply_at": at("2026-03-11 09:00")},
    ),
    WorkedTicket(
        "never answered",
        ticket("never answered", "2026-03-12 08:00", *question_at("2026-03-12 08:00"), status="new"),
        (22780800, 5385600), (22780800, 5385600), touches=0,
    ),
    WorkedTicket(
        "opened by an agent",  # the reply is the one after the requester has spoken
        ticket("opened by an agent", "2026-03-13 08:00",
               event_at("2026-03-13 08:00", "created", "requester"), *_reply("2026-03-13 08:00", "open"),
               event_at("2026-03-13 09:00", REPLY, "requester"), event_at("2026-03-13 10:00", REPLY, "agent"),
               event_at("2026-03-13 12:00", STATUS, "agent", "solved"), status="solved"),
        (14400, 14400), (14400, 14400), first_reply=(7200, 7200), first_resolution=(14400, 14400),
        full_resolution=(14400, 14400),
        instants={"first_reply_at": at("2026-03-13 10:00"), "first_solved_at": at("2026-03-13 12:00"),
                  "last_solved_at": at("2026-03-13 12:00")},
        touches=2,
    ),
    _one_reply_that_solves("outside business hours", "2026-03-14 10:00", "2026-03-14 11:00", (3600, 0)),
    _one_reply_that_solves("one second", "2026-03-16 09:00:59", "2026-03-16 09:01", (1, 1)),
    WorkedTicket(
        "a note and an automatic answer",  # neither is a reply
        ticket("a note and an automatic answer", "2026-03-17 08:00", *question_at("2026-03-17 08:00"),
               event_at("2026-03-17 09:00", NOTE, "agent"), event_at("2026-03-17 09:30", REPLY, "automation"),
               event_at("2026-03-17 10:00", STATUS, "agent", "solved"), status="solved"),
        (7200, 7200), (7200, 7200), first_resolution=(7200, 7200), full_resolution=(7200, 7200),
        instants={"first_solved_at": at("2026-03-17 10:00"), "last_solved_at": at("2026-03-17 10:00")}, touches=0,
    ),
    _one_reply_that_solves("over lunch and a holiday", "2026-11-25 16:30", "2026-11-27 14:30", (165600, 21600), "us"),
)  # fmt: skip
