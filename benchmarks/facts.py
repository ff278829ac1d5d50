"""How long the facts take, how much memory, and how that compares with merely sorting the same events.

    python benchmarks/facts.py --tickets 1000000 10000000

For each number of tickets: standard tables as the intake writes them (26 weeks, 5 to 8 events a ticket), made without
being timed; then, each in a process of its own,

- the sort: DuckDB reads all columns of the same Parquet, sorts by ticket_id and occurred_at into a temporary table of
  its own and writes no file;
- the facts: `opslib.facts.build.build` on a warehouse that has none, all files written.

Both use DuckDB's default number of threads. CPU is user and system time of the process: beside seconds it tells whether
something else was using the machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from opslib.facts.build import build
from opslib.settings import Organisation, load_organisation
from opslib.store.files import write_json
from opslib.store.warehouse import Warehouse
from opslib.tables import PRIORITIES, TABLES
from opslib.weeks import shift_week, week_bounds

WEEKS = 26
LAST_WEEK = "2026-W46"
MINUTE, HOUR, DAY = 60, 3_600, 86_400
PEOPLE, AGENTS, TEXTS = 400_000, 300, 20_000

# What happens to a ticket: (event, role, value, seconds since the event before, on average), and how common that is.
_OPENS = [("created", "requester", None, 0), ("public_comment", "requester", None, 0)]
_LIVES: list[tuple[float, list[tuple[str, str, str | None, int]]]] = [
    (
        0.28,
        [
            *_OPENS,
            ("assignee", "automation", "agent", 20 * MINUTE),
            ("public_comment", "agent", None, 3 * HOUR),
            ("status", "agent", "solved", 0),
            ("satisfaction_offered", "automation", None, DAY),
        ],
    ),
    (
        0.22,
        [
            *_OPENS,
            ("assignee", "automation", "agent", HOUR),
            ("public_comment", "agent", None, 5 * HOUR),
            ("status", "agent", "pending", 0),
            ("public_comment", "requester", None, 14 * HOUR),
            ("status", "automation", "open", 0),
            ("status", "agent", "solved", DAY),
        ],
    ),
    (
        0.16,
        [
            *_OPENS,
            ("team", "automation", "team", 0),
            ("team", "agent", "team", 2 * HOUR),
            ("public_comment", "agent", None, 9 * HOUR),
            ("status", "agent", "solved", 6 * HOUR),
            ("status", "automation", "closed", 4 * DAY),
        ],
    ),
    (
        0.14,
        [
            *_OPENS,
            ("public_comment", "agent", None, 4 * HOUR),
            ("public_comment", "requester", None, 8 * HOUR),
            ("public_comment", "agent", None, 9 * HOUR),
            ("status", "agent", "solved", 2 * HOUR),
        ],
    ),
    (
        0.10,
        [
            *_OPENS,
            ("assignee", "automation", "agent", HOUR),
            ("public_comment", "agent", None, 4 * HOUR),
            ("status", "agent", "solved", 0),
            ("status", "requester", "open", 2 * DAY),
            ("public_comment", "agent", None, DAY),
            ("status", "agent", "solved", HOUR),
        ],
    ),
    (
        0.06,
        [
            *_OPENS,
            ("priority", "agent", "priority", HOUR),
            ("status", "agent", "on_hold", 3 * HOUR),
            ("internal_note", "agent", None, DAY),
            ("status", "agent", "solved", 2 * DAY),
        ],
    ),
    (
        0.03,
        [
            *_OPENS,
            ("queue", "agent", "queue", HOUR),
            ("assignee", "agent", "agent", HOUR),
            ("public_comment", "agent", None, 7 * HOUR),
        ],
    ),
    (
        0.01,
        [
            *_OPENS,
            ("internal_note", "agent", None, HOUR),
            ("assignee", "agent", "agent", 0),
            ("merged_into", "agent", None, 30 * MINUTE),
        ],
    ),
]


Result = TypeVar("Result")


@dataclass(frozen=True)
class Measurement:
    """One timed piece of work."""

    seconds: float
    cpu: float
    peak: float
    """GB"""
    rows: int


def make(root: Path, tickets: int) -> int:
    """Write the standard tables of so many tickets; the number of events."""
    organisation = _organisation()
    warehouse = Warehouse(root)
    random = np.random.default_rng(20_261_116)
    as_of = _as_of(organisation)
    words = random.integers(0, 5_000, (TEXTS, 24))
    texts = pa.array([" ".join(f"word{word}" for word in row) for row in words.tolist()])
    events, first_id = 0, 10_000_000
    for number in range(WEEKS):
        count = tickets * (number + 1) // WEEKS - tickets * number // WEEKS
        week = shift_week(LAST_WEEK, number - WEEKS + 1)
        events += _make_week(warehouse, organisation, random, week, first_id, count, as_of, texts)
        first_id += count
    present = {"tickets": TABLES["tickets"].names, "ticket_events": TABLES["ticket_events"].names}
    write_json(present, root / "standard" / "columns.json")
    return events


def _make_week(
    warehouse: Warehouse,
    organisation: Organisation,
    random: np.random.Generator,
    week: str,
    first_id: int,
    count: int,
    as_of: int,
    texts: pa.Array,
) -> int:
    start, end = (int(instant.timestamp()) for instant in week_bounds(week, organisation.zone))
    created = np.sort(random.integers(start, end, count))
    team = random.integers(0, len(organisation.teams), count)
    names = pa.array(sorted(organisation.team_names))
    order = np.argsort(team, kind="stable")
    created, team, ids = created[order], team[order], pa.array((first_id + order).astype(str))

    share = np.array([share for share, _ in _LIVES])
    life = random.choice(len(_LIVES), count, p=share / share.sum())
    longest = max(len(events) for _, events in _LIVES)
    steps = np.full((len(_LIVES), longest), -1)
    gaps = np.zeros((len(_LIVES), longest))
    kinds: list[tuple[str, str, str | None]] = []
    for number, (_, events) in enumerate(_LIVES):
        for place, (event, role, value, gap) in enumerate(events):
            if (event, role, value) not in kinds:
                kinds.append((event, role, value))
            steps[number, place], gaps[number, place] = kinds.index((event, role, value)), gap
    occurred = created[:, None] + np.cumsum(random.exponential(1, (count, longest)) * gaps[life], axis=1).astype(int)
    step = steps[life]
    there = (step >= 0) & (occurred <= as_of)
    ticket, sequence = np.nonzero(there)
    step, occurred = step[there], occurred[there]

    agent = random.integers(0, AGENTS, count)
    person = random.integers(0, PEOPLE, count)
    agents = _people("a", AGENTS)
    reads = _people("r", PEOPLE)
    role = np.array([role for _, role, _ in kinds])[step]
    event = np.array([event for event, _, _ in kinds])[step]
    value = np.array([value or "" for _, _, value in kinds])[step]
    size = len(step)
    queues = pa.array([f"queue {number}" for number in range(12)])
    values = pa.array(np.where(np.isin(value, ["agent", "team", "queue", "priority", ""]), None, value), pa.string())
    for kind, choices, numbers in (
        ("agent", agents, agent[ticket]),
        ("team", names, random.integers(0, len(names), size)),
        ("queue", queues, random.integers(0, len(queues), size)),
        ("priority", pa.array(PRIORITIES), random.integers(0, len(PRIORITIES), size)),
    ):
        values = pc.if_else(pa.array(value == kind), choices.take(pa.array(numbers)), values)
    actor = pc.if_else(
        pa.array(role == "agent"), agents.take(pa.array(agent[ticket])), reads.take(pa.array(person[ticket]))
    )
    actor = pc.if_else(pa.array(role == "automation"), pa.scalar(None, pa.string()), actor)
    columns = {
        "ticket_id": ids.take(pa.array(ticket)),
        "occurred_at": _instants(occurred),
        "event": pa.array(event),
        "actor_id": actor,
        "actor_role": pa.array(role),
        "value": values,
        "sequence": pa.array(sequence),
        "week": pa.array(np.full(size, week)),
    }
    warehouse.write_week("standard", "ticket_events", week, pa.table(columns))

    last = np.full(count, -1)
    changes = (event == "status") | (event == "merged_into")
    np.maximum.at(last, ticket[changes], np.nonzero(changes)[0])
    status = np.where(last < 0, "new", np.where(event[last] == "merged_into", "merged", value[last]))
    schema = TABLES["tickets"].schema.append(pa.field("week", pa.string()))
    rows = {
        "ticket_id": ids,
        "created_at": _instants(created),
        "status": pa.array(status),
        "team": names.take(pa.array(team)),
        "updated_at": _instants(np.maximum.reduceat(occurred, np.nonzero(sequence == 0)[0])),
        "queue": queues.take(pa.array(random.integers(0, len(queues), count))),
        "channel": pa.array(np.array(["chat", "email", "web"])[random.integers(0, 3, count)]),
        "priority": pa.array(np.array(PRIORITIES)[random.integers(0, len(PRIORITIES), count)]),
        "form": pa.array(np.array(["account", "billing"])[random.integers(0, 2, count)]),
        "requester_id": reads.take(pa.array(person)),
        "assignee_id": agents.take(pa.array(agent)),
        "contact_reason": pa.array(np.array([f"reason {n}" for n in range(30)])[random.integers(0, 30, count)]),
        "language": pa.array(np.full(count, "en")),
        "region": pa.array(np.array(["us-east", "us-south", "us-west"])[random.integers(0, 3, count)]),
        "subject": pc.utf8_slice_codeunits(texts, 0, 30).take(pa.array(random.integers(0, TEXTS, count))),
        "description": texts.take(pa.array(random.integers(0, TEXTS, count))),
        "week": pa.array(np.full(count, week)),
    }
    table = pa.table([rows.get(field.name, pa.nulls(count, field.type)) for field in schema], schema=schema)
    warehouse.write_week("standard", "tickets", week, table)
    return size


def _people(kind: str, count: int) -> pa.Array:
    return pa.array([f"{kind}{number * 2_654_435_761 % (1 << 64):020x}" for number in range(count)])


def _instants(seconds: np.ndarray) -> pa.Array:
    return pa.array(seconds.astype("datetime64[s]").astype("datetime64[us]")).cast(pa.timestamp("us", tz="UTC"))


def _organisation() -> Organisation:
    return load_organisation(Path(__file__).parents[1] / "params")


def _as_of(organisation: Organisation) -> int:
    return int((week_bounds(LAST_WEEK, organisation.zone)[1] + timedelta(hours=6)).timestamp())


def sort_events(root: Path) -> Measurement:
    """All events by ticket and time, in DuckDB alone."""
    warehouse = Warehouse(root)
    files = ", ".join(f"'{path}'" for path in warehouse.files("standard", "ticket_events"))
    with warehouse.connect() as connection:
        started = _now()
        connection.execute(
            f"CREATE TEMP TABLE sorted AS SELECT * FROM read_parquet([{files}]) ORDER BY ticket_id, occurred_at"
        )
        return _measurement(started, connection.table("sorted").shape[0])


def build_facts(root: Path) -> Measurement:
    """Everything in facts/, from nothing."""
    warehouse, organisation = Warehouse(root), _organisation()
    shutil.rmtree(root / "facts", ignore_errors=True)
    as_of = week_bounds(LAST_WEEK, organisation.zone)[1] + timedelta(hours=6)
    started = _now()
    build(warehouse, organisation, as_of)
    run = _measurement(started, 0)
    size = sum(path.stat().st_size for path in (root / "facts").rglob("*.parquet"))
    return Measurement(run.seconds, run.cpu, run.peak, size)


def _now() -> tuple[float, float]:
    """The clock on the wall and the CPU seconds of this process, user and system."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), usage.ru_utime + usage.ru_stime


def _measurement(started: tuple[float, float], rows: int) -> Measurement:
    seconds, cpu = (now - then for now, then in zip(_now(), started, strict=True))
    unit = 1 if sys.platform == "darwin" else 1024
    return Measurement(seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9, rows)


def alone(work: Callable[..., Result], *arguments: object) -> Result:
    """The result of a function in a new process, so that time and memory are its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def main() -> None:
    parser = argparse.ArgumentParser(description="Seconds and memory of the facts, against sorting the same events.")
    parser.add_argument("--tickets", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--folder", type=Path, help="where the tables go (removed afterwards)")
    parser.add_argument("--repeat", type=int, default=1, help="the fastest of so many runs counts")
    options = parser.parse_args()
    before: tuple[int, float] | None = None
    print(f"{os.cpu_count()} cores; seconds (CPU seconds, peak memory)")
    for tickets in options.tickets:
        root = Path(tempfile.mkdtemp(prefix="opslib-facts-", dir=options.folder))
        try:
            events = alone(make, root, tickets)
            sorting, facts = (
                min((alone(work, root) for _ in range(options.repeat)), key=lambda run: run.seconds)
                for work in (sort_events, build_facts)
            )
        finally:
            shutil.rmtree(root)
        print(f"{tickets:,} tickets, {events:,} events")
        print(f"  sort   {sorting.seconds:7.1f} s ({sorting.cpu:.1f} s CPU, {sorting.peak:.1f} GB)")
        print(f"  facts  {facts.seconds:7.1f} s ({facts.cpu:.1f} s CPU, {facts.peak:.1f} GB)")
        print(f"  facts / sort {facts.seconds / sorting.seconds:.2f}")
        if before is not None:
            growth, more = facts.seconds / before[1], tickets / before[0]
            print(f"  growth {growth:.1f} x for {more:.1f} x the tickets")
        before = (tickets, facts.seconds)


if __name__ == "__main__":
    main()
