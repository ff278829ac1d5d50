"""Turns handled work into the event log of the CRM, and the log into the tickets as they stand at the export."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from opslib.sample import centre, plan
from opslib.sample.arrivals import Arrivals
from opslib.sample.waiting import NEVER, Handling
from opslib.tables import EVENTS, PRIORITIES, ROLES, STATUSES

EVENT = {name: code for code, name in enumerate(EVENTS)}
REQUESTER, AGENT, AUTOMATION = (ROLES.index(name) for name in ("requester", "agent", "automation"))
POLICIES = ("standard", "safety")

# One dictionary of values for all events: statuses, teams, queues, priorities and policies; agents and tickets follow.
_WORDS = (*STATUSES, *centre.TEAM_NAMES, *centre.QUEUES, *PRIORITIES, *POLICIES)
_TEAM = len(STATUSES)
_QUEUE = _TEAM + len(centre.TEAM_NAMES)
_PRIORITY = _QUEUE + len(centre.QUEUES)
_POLICY = _PRIORITY + len(PRIORITIES)
WORDS = _WORDS
AGENT_VALUE = len(_WORDS)
STATUS = {name: code for code, name in enumerate(STATUSES)}
NOTHING = -1

_FIRST_LIVE_REPLY = 20  # seconds after an agent takes a chat or a call


@dataclass
class EventLog:
    """Events sorted by ticket and time.

    Attributes:
        ticket: row of the ticket.
        instant: epoch seconds.
        event: position in tables.EVENTS.
        role: position in tables.ROLES.
        agent: position of the acting agent, -1 where a requester or automation acts.
        value: position in WORDS; from AGENT_VALUE on an agent; -1 for none.
        merged: for merged_into the row of the other ticket, else -1.
    """

    ticket: np.ndarray
    instant: np.ndarray
    event: np.ndarray
    role: np.ndarray
    agent: np.ndarray
    value: np.ndarray
    merged: np.ndarray

    def __len__(self) -> int:
        return len(self.ticket)

    def is_(self, event: str) -> np.ndarray:
        matches: np.ndarray = self.event == EVENT[event]
        return matches


@dataclass
class _Pieces:
    """Collects events block by block; events at the same instant keep the order of their blocks."""

    blocks: list[tuple[np.ndarray, ...]] = field(default_factory=list)

    def add(
        self,
        tickets: np.ndarray,
        at: np.ndarray,
        event: str,
        role: int,
        *,
        agent: np.ndarray | int = NOTHING,
        value: np.ndarray | int = NOTHING,
        merged: np.ndarray | int = NOTHING,
    ) -> None:
        count = len(tickets)
        rest = [np.broadcast_to(np.asarray(one, dtype=np.int32), count) for one in (agent, value, merged)]
        codes = np.full((2, count), [[EVENT[event]], [role]], dtype=np.int8)
        order = np.full(count, len(self.blocks), dtype=np.int64)
        self.blocks.append((tickets.astype(np.int64), at.astype(np.int64), codes[0], codes[1], *rest, order))

    def log(self) -> EventLog:
        ticket, at, event, role, agent, value, merged, order = (
            np.concatenate(column) for column in zip(*self.blocks, strict=True)
        )
        until_export = at <= centre.END
        key = (ticket << 32) | ((at - centre.SIMULATION_START) << 7) | order
        rows = np.flatnonzero(until_export)
        rows = rows[np.argsort(key[rows], kind="stable")]
        return EventLog(*(column[rows] for column in (ticket, at, event, role, agent, value, merged)))


def write_log(rng: np.random.Generator, tickets: Arrivals, work: plan.Work, handling: Handling) -> EventLog:
    """All events until the export."""
    pieces = _Pieces()
    _openings(rng, pieces, tickets)
    first = np.append(True, work.ticket[1:] != work.ticket[:-1])
    _returns(rng, pieces, work, handling, first)
    _pick_ups(rng, pieces, tickets, work, handling, first)
    _work_done(rng, pieces, tickets, work, handling)
    _after_solving(rng, pieces, work, handling)
    return pieces.log()


def _openings(rng: np.random.Generator, pieces: _Pieces, tickets: Arrivals) -> None:
    """Creation, with the requester's message and the fields that triggers set at once."""
    rows, at = np.arange(len(tickets)), tickets.created
    team = np.array(centre.TEAM_OF_QUEUE)[tickets.queue]
    pieces.add(rows, at, "created", REQUESTER)
    pieces.add(rows, at, "public_comment", REQUESTER)
    pieces.add(rows, at, "status", AUTOMATION, value=STATUS["new"])
    pieces.add(rows, at, "team", AUTOMATION, value=_TEAM + team)
    pieces.add(rows, at, "queue", AUTOMATION, value=_QUEUE + tickets.queue)
    pieces.add(rows, at, "priority", AUTOMATION, value=_PRIORITY + tickets.priority)
    pieces.add(rows, at, "sla_policy", AUTOMATION, value=_POLICY + _policy(team))
    with_auto_reply = ~tickets.live & (rng.random(len(tickets)) < 0.35)
    later = at + rng.integers(1, 15, len(tickets))
    pieces.add(rows[with_auto_reply], later[with_auto_reply], "public_comment", AUTOMATION)


def _policy(team: np.ndarray) -> np.ndarray:
    policies: np.ndarray = np.array([POLICIES.index(one.policy) for one in centre.TEAMS])[team]
    return policies


def _returns(rng: np.random.Generator, pieces: _Pieces, work: plan.Work, handling: Handling, first: np.ndarray) -> None:
    """What brings a ticket back: the requester writes again, or the reason to hold it has ended."""
    before = np.append(0, work.kind[:-1])
    due = ~first & (handling.due < NEVER)
    customer_returns = due & np.isin(before, (plan.ANSWER, *plan.SOLVING))
    pieces.add(work.ticket[customer_returns], handling.due[customer_returns], "public_comment", REQUESTER)
    pieces.add(work.ticket[customer_returns], handling.due[customer_returns], "status", REQUESTER, value=STATUS["open"])
    hold_ends = due & (before == plan.HOLD)
    pieces.add(work.ticket[hold_ends], handling.due[hold_ends], "status", AUTOMATION, value=STATUS["open"])
    waits = np.minimum(handling.picked, centre.END) - handling.due
    asks = (handling.due < NEVER) & (waits > 6 * centre.HOUR) & (rng.random(len(work)) < 0.07)
    at = handling.due + (waits * (0.4 + 0.5 * rng.random(len(work)))).astype(np.int64)
    pieces.add(work.ticket[asks], at[asks], "public_comment", REQUESTER)


def _pick_ups(
    rng: np.random.Generator,
    pieces: _Pieces,
    tickets: Arrivals,
    work: plan.Work,
    handling: Handling,
    first: np.ndarray,
) -> None:
    is_work = (handling.picked < NEVER) & np.isin(work.kind, (plan.MERGE, plan.DELETE, plan.SPAM), invert=True)
    agent = handling.agent
    openings = is_work & first
    pieces.add(
        work.ticket[openings], handling.picked[openings], "status", AGENT, agent=agent[openings], value=STATUS["open"]
    )
    changes = is_work & (first | (agent != np.append(-1, agent[:-1])))
    pieces.add(
        work.ticket[changes],
        handling.picked[changes],
        "assignee",
        AGENT,
        agent=agent[changes],
        value=AGENT_VALUE + agent[changes],
    )
    live = openings & tickets.live[work.ticket] & np.isin(work.kind, (plan.ANSWER, plan.ANSWER_AND_SOLVE, plan.HOLD))
    pieces.add(work.ticket[live], handling.picked[live] + _FIRST_LIVE_REPLY, "public_comment", AGENT, agent=agent[live])
    revisions = openings & (rng.random(len(work)) < 0.03)
    step = np.where(rng.random(len(work)) < 0.6, 1, -1)
    priority = tickets.priority[work.ticket]
    new = np.clip(priority + step, 0, len(PRIORITIES) - 1)
    revisions &= new != priority
    pieces.add(
        work.ticket[revisions],
        handling.picked[revisions] + 30,
        "priority",
        AGENT,
        agent=agent[revisions],
        value=_PRIORITY + new[revisions],
    )


def _work_done(
    rng: np.random.Generator, pieces: _Pieces, tickets: Arrivals, work: plan.Work, handling: Handling
) -> None:
    is_done = handling.ended < NEVER
    with_note = (rng.random(len(work)) < 0.12) | (work.kind == plan.HOLD) | (work.kind == plan.ESCALATE)
    with_note |= (work.kind == plan.TRANSFER) & (rng.random(len(work)) < 0.5)

    def add(rows: np.ndarray, event: str, value: np.ndarray | int = NOTHING, role: int = AGENT) -> None:
        agent = handling.agent[rows] if role == AGENT else NOTHING
        pieces.add(work.ticket[rows], handling.ended[rows], event, role, agent=agent, value=value)

    add(is_done & with_note, "internal_note")
    moves = is_done & np.isin(work.kind, (plan.TRANSFER, plan.ESCALATE))
    team = np.array(centre.TEAM_OF_QUEUE)
    was, becomes = team[work.queue], team[work.next_queue]
    team_moves = moves & (was != becomes)
    add(team_moves, "team", _TEAM + becomes[team_moves])
    add(moves, "queue", _QUEUE + work.next_queue[moves])
    new_policy = team_moves & (_policy(was) != _policy(becomes))
    add(new_policy, "sla_policy", _POLICY + _policy(becomes[new_policy]), AUTOMATION)
    add(is_done & np.isin(work.kind, (plan.ANSWER, *plan.SOLVING)), "public_comment")
    for kind, status in (
        (plan.ANSWER, "pending"),
        (plan.UNANSWERED, "pending"),
        (plan.HOLD, "on_hold"),
        (plan.ANSWER_AND_SOLVE, "solved"),
        (plan.SPAM, "spam"),
    ):
        add(is_done & (work.kind == kind), "status", STATUS[status])
    merges = is_done & (work.kind == plan.MERGE)
    pieces.add(
        work.ticket[merges],
        handling.ended[merges],
        "merged_into",
        AGENT,
        agent=handling.agent[merges],
        merged=tickets.duplicate_of[work.ticket[merges]],
    )
    add(is_done & (work.kind == plan.DELETE), "deleted")


def _after_solving(rng: np.random.Generator, pieces: _Pieces, work: plan.Work, handling: Handling) -> None:
    """Automation solves what stays unanswered, closes after four days, and offers a survey once."""
    solving = (handling.ended < NEVER) & np.isin(work.kind, plan.SOLVING)
    unanswered = solving & (work.kind == plan.UNANSWERED)
    solve_times = np.where(unanswered, handling.ended + centre.SOLVE_UNANSWERED_AFTER, handling.ended)
    pieces.add(work.ticket[unanswered], solve_times[unanswered], "status", AUTOMATION, value=STATUS["solved"])
    follows = work.wait >= 0
    returns = np.where(follows, handling.ended + work.wait, NEVER)
    closes = solving & (solve_times + centre.CLOSE_AFTER < returns)
    at = solve_times + centre.CLOSE_AFTER
    pieces.add(work.ticket[closes], at[closes], "status", AUTOMATION, value=STATUS["closed"])
    first = solving.copy()
    rows = np.flatnonzero(solving)
    first[rows[1:][work.ticket[rows][1:] == work.ticket[rows][:-1]]] = False
    offers = first & (solve_times + centre.OFFER_SURVEY_AFTER < returns) & (rng.random(len(work)) < 0.9)
    at = solve_times + centre.OFFER_SURVEY_AFTER
    pieces.add(work.ticket[offers], at[offers], "satisfaction_offered", AUTOMATION)


@dataclass
class States:
    """Per ticket what the CRM shows at the export; instants in epoch seconds, -1 where it did not happen."""

    status: np.ndarray  # positions in tables.STATUSES
    team: np.ndarray
    queue: np.ndarray
    priority: np.ndarray
    assignee: np.ndarray  # -1 where there is none
    updated: np.ndarray
    first_reply: np.ndarray
    solved: np.ndarray  # last time
    closed: np.ndarray
    reopens: np.ndarray
    transfers: np.ndarray
    offered: np.ndarray
    credited_agent: np.ndarray  # of the last public comment before the survey was offered
    offered_team: np.ndarray


def states(log: EventLog, count: int) -> States:
    """The tickets after all their events."""

    def last(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
        values_by_ticket = np.full(count, -1, dtype=np.int64)
        values_by_ticket[log.ticket[rows]] = values[rows]
        return values_by_ticket

    def number(rows: np.ndarray) -> np.ndarray:
        return np.bincount(log.ticket[rows], minlength=count)

    status, queue = log.is_("status"), log.is_("queue")
    solved = status & (log.value == STATUS["solved"])
    done = status & np.isin(log.value, [STATUS["solved"], STATUS["closed"]])
    replies = log.is_("public_comment") & (log.role == AGENT)
    first_reply = np.full(count, -1, dtype=np.int64)
    first_reply[log.ticket[replies][::-1]] = log.instant[replies][::-1]
    rows = np.flatnonzero(status)
    again = np.append(False, done[rows[:-1]] & ~done[rows[1:]] & (log.ticket[rows[:-1]] == log.ticket[rows[1:]]))
    reopened = np.zeros(len(log), dtype=bool)
    reopened[rows[again]] = True
    state = last(status, log.value)
    state[log.ticket[log.is_("merged_into")]] = STATUS["merged"]
    state[log.ticket[log.is_("deleted")]] = STATUS["deleted"]
    assignee = last(log.is_("assignee"), log.value)
    offered = last(log.is_("satisfaction_offered"), log.instant)
    before_offer = log.instant <= offered[log.ticket]
    team = last(log.is_("team"), log.value) - _TEAM
    return States(
        status=state,
        team=team,
        queue=last(queue, log.value) - _QUEUE,
        priority=last(log.is_("priority"), log.value) - _PRIORITY,
        assignee=np.where(assignee >= 0, assignee - AGENT_VALUE, -1),
        updated=last(np.ones(len(log), dtype=bool), log.instant),
        first_reply=first_reply,
        solved=last(solved, log.instant),
        closed=last(status & (log.value == STATUS["closed"]), log.instant),
        reopens=number(reopened),
        transfers=number(queue) - 1,
        offered=offered,
        credited_agent=last(replies & before_offer, log.agent),
        offered_team=last(log.is_("team") & before_offer, log.value) - _TEAM,
    )
