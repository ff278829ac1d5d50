"""Writes the sample as exports in the `standard` form, site by site, so that any number of tickets fits into memory."""

from __future__ import annotations

import gzip
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from opslib.errors import ExportError
from opslib.sample import (
    arrivals,
    audience,
    centre,
    events,
    feedback,
    office,
    personal,
    plan,
    planted,
    roster,
    rules,
    waiting,
    words,
)
from opslib.sample.personal import Planted
from opslib.tables import EVENTS, PRIORITIES, ROLES, STATUSES

_FEWEST = 500
_FIRST_ID = 100_001
_PEOPLE = 90_000_000


@dataclass
class _Site:
    """What one simulated site leaves behind for the tables that all sites share."""

    agents: pd.DataFrame
    personal: list[tuple[str, Planted]]
    hostile: list[tuple[str, Planted]]
    created: np.ndarray
    reason: np.ndarray
    ticket_ids: np.ndarray


def write_sample(
    folder: Path,
    *,
    tickets: int = centre.STANDARD_TICKETS,
    seed: int = 20261116,
    planted: bool = True,
    tickets_per_site: int = 200_000,
    on_progress: Callable[[str], None] | None = None,
) -> Path:
    """Simulate a support centre and write its exports, with `ground_truth.json` beside them.

    Args:
        folder: where the exports go; a sample that is there is replaced as a whole, anything else is left alone.
        tickets: number of tickets created in the 26 weeks and the hours after them, at least 500.
        seed: the same seed and tickets give the same bytes.
        planted: False for a null sample: no signal, no personal data, no hostile text is put in.
        tickets_per_site: a larger sample is made of independent sites of at most so many tickets, one after the other,
            each in its own files (`tickets-000.parquet`, …).
        on_progress: called with one line per step.

    Returns:
        The folder.

    Raises:
        ExportError: too few tickets are asked for, or the folder holds something that is no sample.

    Notes:
        Tickets arrive as a nonhomogeneous Poisson process. They wait, in order of urgency and age, until an agent on
        shift is free; no waiting time is drawn. Only the handling of a piece of work, the customer's pauses and the
        length of holds are.
    """
    if tickets < _FEWEST:
        raise ExportError(f"a sample has at least {_FEWEST} tickets; {tickets} were asked for")
    folder = Path(folder)
    if folder.exists() and not (folder / "ground_truth.json").is_file() and any(folder.iterdir()):
        raise ExportError(f"{folder}: there are files that are no sample; name another folder or empty it")
    say = on_progress or (lambda line: None)
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write_all(aside, tickets, seed, planted, tickets_per_site, say)
        aside.chmod(0o755)
        _put_in_place(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def _put_in_place(aside: Path, folder: Path) -> None:
    if folder.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
        folder.rename(old / folder.name)
        aside.rename(folder)
        shutil.rmtree(old)
    else:
        aside.rename(folder)


def _write_all(
    folder: Path, tickets: int, seed: int, with_truths: bool, per_site: int, say: Callable[[str], None]
) -> None:
    count = -(-tickets // per_site)
    sizes = [tickets // count + (number < tickets % count) for number in range(count)]
    sites: list[_Site] = []
    for number, size in enumerate(sizes):
        say(f"site {number + 1} of {count}: {size:,} tickets")
        mark = "" if count == 1 else f"-{number:03d}"
        agents_before = sum(len(site.agents) for site in sites)
        site = _write_site(folder, mark, seed, number, size, sum(sizes[:number]), agents_before, with_truths)
        if number:  # only the first site's tickets are linked to from the shared tables
            site.created = site.reason = site.ticket_ids = np.empty(0)
        sites.append(site)
    say("articles, rules, projects and the answer sheet")
    rng = _random(seed, 0, 9)
    first = sites[0]
    agents = pd.concat([site.agents for site in sites], ignore_index=True)
    articles = office.draw_articles(rng, with_truths)
    projects, tasks = office.draw_projects(rng, with_truths)
    shared = {
        "agents": pd.concat([agents, feedback.reviewer_rows(), office.owner_rows()], ignore_index=True),
        "articles": articles,
        "policy_changes": office.policy_changes(articles, with_truths),
        "projects": projects,
        "project_tasks": tasks,
        "tool_requests": office.draw_tool_requests(rng, first.created, first.reason, first.ticket_ids, with_truths),
        "feedback_actions": office.draw_actions(rng, first.agents),
        "activity": audience.draw_activity(_random(seed, 0, 10), tickets),
    }
    for name, frame in shared.items():
        _write_csv(folder / f"{name}.csv", frame)
    _write_json(folder / "routing_rules.json", [rule.row() for rule in rules.routing_rules(with_truths)])
    answers = planted.ground_truth(
        tickets=tickets,
        seed=seed,
        planted=with_truths,
        personal=[pair for site in sites for pair in site.personal],
        hostile=[pair for site in sites for pair in site.hostile],
    )
    _write_json(folder / "ground_truth.json", answers)


def _random(seed: int, site: int, subject: int) -> np.random.Generator:
    """Random numbers of one subject of one site: a change to one subject leaves the others as they were."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, site, subject])))


def _write_site(
    folder: Path,
    mark: str,
    seed: int,
    number: int,
    size: int,
    tickets_before: int,
    agents_before: int,
    with_truths: bool,
) -> _Site:
    people = roster.draw_roster(_random(seed, number, 1), size, agents_before)
    tickets = arrivals.draw_arrivals(_random(seed, number, 2), size, with_truths)
    work = plan.plan_work(_random(seed, number, 3), tickets, with_truths)
    handling = waiting.work_off(tickets, work, people)
    log = events.write_log(_random(seed, number, 4), tickets, work, handling)
    del work, handling
    after = events.states(log, len(tickets))

    warm_up = int(np.searchsorted(tickets.created, centre.START))
    ticket_rows = np.arange(warm_up, len(tickets))
    ids = pc.cast(pa.array(np.arange(len(tickets)) - warm_up + _FIRST_ID + tickets_before), pa.string())
    subjects, descriptions = words.write_texts(
        _random(seed, number, 5), tickets, ticket_rows, after.status[ticket_rows] == STATUSES.index("spam")
    )
    data: list[Planted] = []
    hostile: list[Planted] = []
    if with_truths and number == 0:
        subjects, descriptions, data, hostile = personal.plant(_random(seed, number, 6), subjects, descriptions)
    requesters = _requester_ids(tickets.requester, tickets_before)
    agent_ids = pa.array(people.agents["agent_id"], pa.string())

    table = _ticket_table(tickets, after, ticket_rows, ids, requesters, agent_ids, subjects, descriptions)
    if mark:
        _write_parquet(folder / f"tickets{mark}.parquet", table)
    else:
        _write_csv_gz(folder / f"tickets{mark}.csv.gz", table)
    _write_parquet(folder / f"ticket_events{mark}.parquet", _event_table(log, warm_up, ids, requesters, agent_ids))
    surveys = feedback.draw_surveys(_random(seed, number, 7), tickets, after, people)
    surveys = surveys[surveys["ticket"] >= warm_up]
    _write_csv(folder / f"satisfaction{mark}.csv", _survey_frame(surveys, ids))
    reviews = feedback.draw_reviews(_random(seed, number, 8), tickets, after, people, with_truths)
    reviews = reviews[reviews["ticket"] >= warm_up]
    _write_csv(folder / f"quality_reviews{mark}.csv", _review_frame(reviews, ids, agent_ids, mark))
    _write_csv(folder / f"shifts{mark}.csv", _shift_frame(people.shifts, agent_ids))

    names = np.asarray(ids.slice(warm_up).to_pylist(), dtype=object)
    return _Site(
        people.agents,
        [(names[one.row], one) for one in data],
        [(names[one.row], one) for one in hostile],
        tickets.created[ticket_rows],
        tickets.reason[ticket_rows],
        names,
    )


def _requester_ids(numbers: np.ndarray, tickets_before: int) -> pa.Array:
    """Ids of people: scattered over eight digits, each person one, none shared between sites."""
    scattered = ((numbers + 2 * tickets_before) * 48_271 + 1_234_567) % _PEOPLE + 10_000_000
    return pc.binary_join_element_wise("req", pc.cast(pa.array(scattered), pa.string()), "-")


def _words(codes: np.ndarray, values: tuple[str, ...]) -> pa.Array:
    """Codes as the words they stand for; a negative code is null."""
    return pa.array(values, pa.string()).take(pa.array(codes.astype(np.int64), mask=codes < 0))


def _instants(seconds: np.ndarray) -> pa.Array:
    return pa.array(seconds.astype(np.int64), mask=seconds < 0).cast(pa.timestamp("s", tz="UTC"))


def _iso(seconds: np.ndarray) -> pa.Array:
    return pc.strftime(_instants(seconds), format="%Y-%m-%dT%H:%M:%SZ")


def _ticket_table(
    tickets: arrivals.Arrivals,
    after: events.States,
    ticket_rows: np.ndarray,
    ids: pa.Array,
    requesters: pa.Array,
    agent_ids: pa.Array,
    subjects: pa.Array,
    descriptions: pa.Array,
) -> pa.Table:
    rows = pa.array(ticket_rows)
    assignee = after.assignee[ticket_rows]
    return pa.table(
        {
            "ticket_id": ids.take(rows),
            "created_at": _instants(tickets.created[ticket_rows]),
            "status": _words(after.status[ticket_rows], STATUSES),
            "team": _words(after.team[ticket_rows], centre.TEAM_NAMES),
            "updated_at": _instants(after.updated[ticket_rows]),
            "queue": _words(after.queue[ticket_rows], centre.QUEUES),
            "channel": _words(tickets.channel[ticket_rows], centre.CHANNELS),
            "priority": _words(after.priority[ticket_rows], PRIORITIES),
            "form": _words(tickets.form[ticket_rows], centre.FORMS),
            "requester_id": requesters.take(rows),
            "assignee_id": agent_ids.take(pa.array(assignee, mask=assignee < 0)),
            "contact_reason": _words(tickets.label[ticket_rows], centre.LABELS),
            "language": _words(tickets.language[ticket_rows], centre.LANGUAGES),
            "region": _words(tickets.region[ticket_rows], centre.REGIONS),
            "subject": subjects,
            "description": descriptions,
            "first_reply_at": _instants(after.first_reply[ticket_rows]),
            "solved_at": _instants(after.solved[ticket_rows]),
            "closed_at": _instants(after.closed[ticket_rows]),
            "reopen_count": after.reopens[ticket_rows],
            "transfer_count": after.transfers[ticket_rows],
        }
    )


def _event_table(
    log: events.EventLog, warm_up: int, ids: pa.Array, requesters: pa.Array, agent_ids: pa.Array
) -> pa.Table:
    keep = slice(int(np.searchsorted(log.ticket, warm_up)), None)
    ticket, role, value = log.ticket[keep], log.role[keep], log.value[keep].astype(np.int64)
    people = pa.concat_arrays([agent_ids, requesters])
    actor = np.where(role == events.REQUESTER, len(agent_ids) + ticket, log.agent[keep])
    values = pa.concat_arrays([pa.array(events.WORDS, pa.string()), agent_ids, ids])
    merged = log.merged[keep]
    value = np.where(merged >= 0, len(events.WORDS) + len(agent_ids) + merged, value)
    return pa.table(
        {
            "ticket_id": ids.take(pa.array(ticket)),
            "occurred_at": _instants(log.instant[keep]).cast(pa.timestamp("us", tz="UTC")),
            "event": _words(log.event[keep], EVENTS),
            "actor_id": people.take(pa.array(actor, mask=actor < 0)),
            "actor_role": _words(role, ROLES),
            "value": values.take(pa.array(value, mask=value < 0)),
        }
    )


def _survey_frame(surveys: pd.DataFrame, ids: pa.Array) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "ticket_id": ids.take(pa.array(surveys["ticket"].to_numpy())).to_pylist(),
            "answered_at": _iso(surveys["answered"].to_numpy()).to_pylist(),
            "score": surveys["score"].to_numpy(),
            "offered_at": _iso(surveys["offered"].to_numpy()).to_pylist(),
            "scale_max": surveys["scale_max"].to_numpy(),
            "comment": surveys["comment"].to_numpy(),
        }
    )


def _review_frame(reviews: pd.DataFrame, ids: pa.Array, agent_ids: pa.Array, mark: str) -> pd.DataFrame:
    reviewers = np.array(feedback.REVIEWERS, dtype=object)
    return pd.DataFrame(
        {
            "review_id": [f"QA{mark}-{number + 1:06d}" for number in reviews["review"]],
            "ticket_id": ids.take(pa.array(reviews["ticket"].to_numpy())).to_pylist(),
            "reviewer_id": reviewers[reviews["reviewer"].to_numpy()],
            "reviewed_at": _iso(reviews["reviewed"].to_numpy()).to_pylist(),
            "criterion": reviews["criterion"].to_numpy(),
            "score": reviews["score"].to_numpy(),
            "max_score": reviews["max_score"].to_numpy(),
            "agent_id": agent_ids.take(pa.array(reviews["agent"].to_numpy())).to_pylist(),
            "critical": _true_false(reviews["critical"]),
            "calibration": _true_false(reviews["calibration"]),
        }
    )


def _shift_frame(shifts: pd.DataFrame, agent_ids: pa.Array) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "agent_id": agent_ids.take(pa.array(shifts["agent"].to_numpy())).to_pylist(),
            "start_at": _iso(shifts["start"].to_numpy()).to_pylist(),
            "end_at": _iso(shifts["end"].to_numpy()).to_pylist(),
            "activity": shifts["activity"].to_numpy(),
            "planned": _true_false(shifts["planned"]),
        }
    )


def _true_false(column: pd.Series) -> np.ndarray:
    return np.where(column.to_numpy(dtype=bool), "true", "false")


def _write_csv(path: Path, frame: pd.DataFrame) -> None:
    frame.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_parquet(path: Path, table: pa.Table) -> None:
    pq.write_table(table, path, compression="zstd", row_group_size=500_000)


def _write_csv_gz(path: Path, table: pa.Table) -> None:
    """Instants as ISO text; no name and no time in the gzip header, so that equal tables give equal bytes."""
    for place, column in enumerate(table.schema):
        if pa.types.is_timestamp(column.type):
            text = pc.strftime(table.column(place), format="%Y-%m-%dT%H:%M:%SZ")
            table = table.set_column(place, column.name, text)
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", compresslevel=5, fileobj=raw, mtime=0) as packed,
    ):
        pa_csv.write_csv(table, packed, pa_csv.WriteOptions(quoting_style="needed"))
