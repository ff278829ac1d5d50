"""How long a replay and the lint take.

    python benchmarks/routing.py --tickets 100000 --rules 500

Tickets with the fields of a support centre (60 reasons, 10 forms, 5 channels, 8 languages, subjects that are nearly all
different); rules with two to four conditions each, one in five of which looks into the subject, in two versions a third
of the time. Printed: seconds to find the queue of every ticket under one rule set (`route`), of the whole replay of two
with its bootstrap, and of the lint, each on freshly made columns so that nothing is cached; and beside them the CPU
seconds of the process, which tell whether something else was using the machine.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from opslib.analysis.routing_audit.lint import lint
from opslib.analysis.routing_audit.replay import replay
from opslib.analysis.routing_audit.rules import Condition, Group, Rule, TicketFields, route
from opslib.tables import PRIORITIES

START = pd.Timestamp("2026-01-05T00:00:00Z")
WORDS = np.array([f"word{number}" for number in range(800)])
VALUES = {
    "contact_reason": [f"reason-{number}" for number in range(60)],
    "form": [f"form-{number}" for number in range(10)],
    "channel": ["email", "chat", "web", "phone", "social"],
    "language": ["en", "es", "pt", "fr", "de", "it", "nl", "pl"],
    "priority": list(PRIORITIES),
}
QUEUES = [f"queue-{number}" for number in range(40)]


def made_tickets(count: int, rng: np.random.Generator) -> pd.DataFrame:
    """Tickets of half a year; one in twenty fields is empty."""
    frame = pd.DataFrame({"ticket_id": np.arange(count).astype(str)})
    frame["created_at"] = START + pd.to_timedelta(np.sort(rng.integers(0, 26 * 7 * 86400, count)), unit="s")
    for name, values in VALUES.items():
        frame[name] = pd.Series(rng.choice(values, count), dtype="str").mask(rng.random(count) < 0.05)
    words = WORDS[rng.integers(0, len(WORDS), (count, 6))]
    frame["subject"] = pd.Series([" ".join(row) for row in words], dtype="str")
    frame["solved_queue"] = pd.Series(rng.choice(QUEUES, count), dtype="str")
    frame["first_queue"] = pd.Series(rng.choice(QUEUES, count), dtype="str")
    return frame


def made_rules(count: int, rng: np.random.Generator) -> list[Rule]:
    """Rules of two to four conditions and a fallback."""
    rules = []
    for number in range(count - 1):
        fields = rng.choice(list(VALUES), rng.integers(1, 4), replace=False)
        parts = []
        for field in fields:
            many = bool(rng.random() < 0.5)
            values = rng.choice(VALUES[str(field)], rng.integers(1, 4) if many else 1, replace=False)
            parts.append(Condition(str(field), "in" if many else "is", tuple(map(str, values))))
        if rng.random() < 0.2:
            parts.append(Condition("subject", "contains", (str(rng.choice(WORDS)),)))
        begins = START + pd.Timedelta(days=int(rng.integers(0, 90))) if rng.random() < 0.33 else None
        rules.append(
            Rule(f"R-{number}", 10 * number, Group("all", tuple(parts)), str(rng.choice(QUEUES)), active_from=begins)
        )
    return [*rules, Rule("R-fallback", 10 * count, Group("all", ()), QUEUES[0])]


def timed(what: Callable[[], object]) -> str:
    """How long one call takes, by the clock and of the CPU."""
    clock, busy = time.perf_counter(), time.process_time()
    what()
    return f"{time.perf_counter() - clock:6.2f} s, CPU {time.process_time() - busy:6.2f} s"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--tickets", type=int, default=100_000)
    arguments.add_argument("--rules", type=int, default=500)
    options = arguments.parse_args()
    rng = np.random.default_rng(20260105)
    tickets = made_tickets(options.tickets, rng)
    today, candidate = made_rules(options.rules, rng), made_rules(options.rules, rng)
    at = START + pd.Timedelta(weeks=26)
    print(f"{options.tickets:,} tickets, {options.rules:,} rules")
    print(f"route, one rule set   {timed(lambda: route(today, TicketFields(tickets)))}")
    print(f"replay, two rule sets {timed(lambda: replay(today, candidate, TicketFields(tickets)))}")
    print(f"lint                  {timed(lambda: lint(today, TicketFields(tickets), at=at, minimum_group=5))}")


if __name__ == "__main__":
    main()
