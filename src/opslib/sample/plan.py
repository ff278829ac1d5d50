"""What each ticket will need: its pieces of agent work in order, each with queue, length and the wait that follows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from opslib.sample import centre, truth
from opslib.sample.arrivals import Arrivals

# Kinds of work. Everything from ANSWER_AND_SOLVE on ends a ticket (unless it is reopened).
TRANSFER, ESCALATE, ANSWER, HOLD, ANSWER_AND_SOLVE, UNANSWERED, MERGE, DELETE, SPAM = range(1, 10)
SOLVING = (ANSWER_AND_SOLVE, UNANSWERED)
_SHORT = {TRANSFER: 0.2, ESCALATE: 0.5, HOLD: 0.7, MERGE: 0.15, DELETE: 0.1, SPAM: 0.1}
_SLOTS = 12
_ESCALATED, _FIRST_ROUND, _LAST_ROUND, _SOLVED, _REOPENED = 3, 4, 7, 8, 9


@dataclass
class Work:
    """One row per piece of work, those of a ticket together and in order.

    Attributes:
        ticket: row of the ticket.
        kind: one of the kinds above.
        queue: position in centre.QUEUES.
        seconds: handling time before the centre scales it.
        wait: seconds from the end of this piece to the moment at which the next is due; -1 where none follows.
        next_queue: the queue of the next piece (its own where none follows).
    """

    ticket: np.ndarray
    kind: np.ndarray
    queue: np.ndarray
    seconds: np.ndarray
    wait: np.ndarray
    next_queue: np.ndarray

    def __len__(self) -> int:
        return len(self.ticket)


def plan_work(rng: np.random.Generator, tickets: Arrivals, planted: bool) -> Work:
    """Draw the pieces of work of every ticket."""
    count = len(tickets)
    kind = np.zeros((count, _SLOTS), dtype=np.int8)
    queue = np.repeat(tickets.right_queue[:, None], _SLOTS, axis=1)
    _draw_transfers(rng, tickets, kind, queue)
    _draw_rounds(rng, tickets, kind, planted)
    _draw_ends(rng, tickets, kind, queue)
    ticket, slot = np.nonzero(kind)
    flat_kind, flat_queue = kind[ticket, slot], queue[ticket, slot]
    last = np.append(ticket[1:] != ticket[:-1], True)
    next_queue = np.where(last, flat_queue, np.append(flat_queue[1:], 0))
    wait = np.where(last, -1, _waits(rng, flat_kind, slot))
    seconds = _seconds(rng, tickets, ticket, flat_kind, planted)
    return Work(ticket, flat_kind, flat_queue, seconds, wait, next_queue)


def _draw_transfers(rng: np.random.Generator, tickets: Arrivals, kind: np.ndarray, queue: np.ndarray) -> None:
    luck = rng.random((len(tickets), 2))
    misrouted_tickets = tickets.queue != tickets.right_queue
    kind[misrouted_tickets, 0] = TRANSFER
    queue[misrouted_tickets, 0] = tickets.queue[misrouted_tickets]
    back = misrouted_tickets & (luck[:, 0] < 0.07)  # sent back once by the right queue
    kind[back, 1] = kind[back, 2] = TRANSFER
    queue[back, 2] = tickets.queue[back]
    escalations = luck[:, 1] < 0.025
    kind[escalations, _ESCALATED] = ESCALATE
    desk = np.array([centre.QUEUES.index(centre.TEAMS[team].queues[-1]) for team in centre.TEAM_OF_QUEUE])
    queue[escalations, _FIRST_ROUND:] = desk[tickets.right_queue[escalations]][:, None]


def _draw_rounds(rng: np.random.Generator, tickets: Arrivals, kind: np.ndarray, planted: bool) -> None:
    chance = np.array([reason.another_round for reason in centre.REASONS])[tickets.reason]
    chance = np.where(tickets.live, 0.45 * chance, chance)
    if planted:
        chance = np.where(_with_macros(tickets), chance * truth.PROJECT_ROUNDS, chance)
    luck = rng.random((len(tickets), _LAST_ROUND - _FIRST_ROUND + 1, 2))
    goes_on = np.ones(len(tickets), dtype=bool)
    for slot in range(_LAST_ROUND - _FIRST_ROUND + 1):
        goes_on &= luck[:, slot, 0] < chance
        kind[goes_on, _FIRST_ROUND + slot] = np.where(luck[goes_on, slot, 1] < 0.22, HOLD, ANSWER)


def _draw_ends(rng: np.random.Generator, tickets: Arrivals, kind: np.ndarray, queue: np.ndarray) -> None:
    luck = rng.random((len(tickets), 5))
    by_writing = ~tickets.live
    kind[:, _SOLVED] = np.where(by_writing & (luck[:, 0] < 0.10), UNANSWERED, ANSWER_AND_SOLVE)
    again = luck[:, 1] < 0.062
    kind[again, _REOPENED] = ANSWER_AND_SOLVE
    kind[again & (luck[:, 2] < 0.12), _REOPENED + 1] = ANSWER_AND_SOLVE
    gone = np.where(luck[:, 3] < 0.004, DELETE, np.where(luck[:, 3] < 0.009, SPAM, 0))
    gone = np.where(tickets.duplicate_of >= 0, MERGE, gone)
    originals = np.zeros(len(tickets), dtype=bool)
    originals[tickets.duplicate_of[tickets.duplicate_of >= 0]] = True
    ends_early = (gone > 0) & ~originals
    kind[ends_early] = 0
    kind[ends_early, _SOLVED] = gone[ends_early]
    queue[ends_early, _SOLVED] = tickets.queue[ends_early]


def _with_macros(tickets: Arrivals) -> np.ndarray:
    """Tickets that the macro project reaches."""
    positions = [centre.REASON_NAMES.index(name) for name in truth.PROJECT_REASONS]
    matches: np.ndarray = np.isin(tickets.reason, positions) & (tickets.created >= truth.begins(truth.PROJECT_WEEK))
    return matches


def _seconds(
    rng: np.random.Generator, tickets: Arrivals, ticket: np.ndarray, kind: np.ndarray, planted: bool
) -> np.ndarray:
    minutes = np.array([reason.minutes for reason in centre.REASONS])[tickets.reason[ticket]]
    share = np.ones(10)
    for one, value in _SHORT.items():
        share[one] = value
    seconds = 60 * minutes * share[kind] * np.exp(rng.normal(0, 0.55, len(ticket)) - 0.55**2 / 2)
    if planted:
        seconds = np.where(_with_macros(tickets)[ticket] & (kind >= ANSWER), seconds * truth.PROJECT_HANDLING, seconds)
    whole: np.ndarray = np.round(seconds).astype(np.int64)
    return whole


def _waits(rng: np.random.Generator, kind: np.ndarray, slot: np.ndarray) -> np.ndarray:
    """Seconds until the next piece is due: the customer answers, the hold ends, the solved ticket is reopened."""
    normal = rng.normal(0, 1, len(kind))
    luck = rng.random((2, len(kind)))
    answer = np.clip(np.exp(normal * 1.2) * 9 * centre.HOUR, 120, 12 * centre.DAY)
    hold = np.clip(np.exp(normal * 0.8) * 26 * centre.HOUR, 1800, 12 * centre.DAY)
    reopen = np.clip(np.exp(normal * 0.9) * 18 * centre.HOUR, 900, centre.CLOSE_AFTER - 3600 * (1 + luck[0]))
    late = centre.CLOSE_AFTER + centre.HOUR * (2 + 90 * luck[0])
    reopen = np.where(luck[1] < 0.05, late, reopen)
    reopen = np.where(kind == UNANSWERED, reopen + centre.SOLVE_UNANSWERED_AFTER, reopen)
    wait = np.select([kind == ANSWER, kind == HOLD, slot >= _SOLVED], [answer, hold, reopen], 0.0)
    whole: np.ndarray = np.round(wait).astype(np.int64)
    return whole
