"""Two rule sets on the same past tickets: where each would have gone, and how often that is where it was solved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.analysis.routing_rules import (
    NOWHERE,
    UNDECIDED,
    Condition,
    Integers,
    Rule,
    TicketFields,
    conditions_of,
    in_order,
    kind_of,
    queues_of,
    route,
)

SEED = 20260105
RESAMPLES = 4000
OUTCOMES = ("first_queue", "solved_queue", "first_team", "solved_team")
_FIXED = ("ticket_id", "created_at", "channel", "form", "requester_id", "language", "region", "subject", "description")
_LATER = ("contact_reason", "due_at")
_EMPTY = ("first_reply_at", "solved_at", "closed_at")
_ZERO = ("reopen_count", "transfer_count")
_AS_IT_STANDS = frozenset({"contact_reason", "due_at"})
_REDACTED = frozenset({"subject", "description"})


@dataclass(frozen=True)
class Replay:
    """What two rule sets do with the same tickets.

    Attributes:
        tickets: one row per ticket: ticket_id, created_at, queue_today, rule_today, queue_candidate, rule_candidate,
            solved_queue, misrouted_today, misrouted_candidate (missing where the past cannot tell).
        summary: one row: tickets, judged, changed, mended, spoilt, misrouted_today, misrouted_candidate, difference,
            low, high (shares; the interval is a bootstrap's), as_it_was (share of tickets that the first rule set sends
            where they really went; missing where no rules were given). Where nothing
            tells where tickets went, the shares of today and the difference are missing.
        load: queue, today, candidate, difference, low, high: tickets that enter it; `(no queue)` for those that no rule
            takes.
        changed: the rows of `tickets` that enter another queue, with verdict: mended, spoilt, still elsewhere,
            not told.
        warnings: what the past cannot tell, in sentences.
    """

    tickets: pd.DataFrame
    summary: pd.DataFrame
    load: pd.DataFrame
    changed: pd.DataFrame
    warnings: tuple[str, ...]


NO_QUEUE = "(no queue)"
VERDICTS = ("not told", "mended", "spoilt", "still elsewhere")


def at_creation(
    tickets: pd.DataFrame, first_priority: pd.Series | None = None, *, present: Iterable[str] | None = None
) -> TicketFields:
    """Take tickets back to the instant of their creation.

    Args:
        tickets: facts/tickets.
        first_priority: the priority that the events give at creation, by ticket_id; without it the ticket's own.
        present: the columns of tickets that the export gives; others are unknown, not empty. None: all that are there.

    Returns:
        The tickets' fields. Team and queue are the first ones, which the rules themselves may have set; nothing is
        answered, solved or reopened yet; the reason is as it stands in the export, because no event tells it; who holds
        the ticket is unknown.
    """
    has = [name for name in (*_FIXED, *_LATER) if name in tickets]
    fields = tickets[has].copy()
    given = set(tickets.columns) if present is None else {*present, "ticket_id", "created_at"}
    for name, source in (("team", "first_team"), ("queue", "first_queue"), *((each, each) for each in OUTCOMES)):
        if source in tickets:
            fields[name] = tickets[source]
    if "priority" in tickets:
        fields["priority"] = tickets["priority"]
    if first_priority is not None:
        told = tickets["ticket_id"].map(first_priority)
        fields["priority"] = told.fillna(tickets["priority"]) if "priority" in tickets else told
        given |= {"priority"}
    fields["status"] = "new"
    for name in _EMPTY:
        fields[name] = pd.Series(pd.NaT, index=fields.index, dtype="datetime64[us, UTC]")
    for name in _ZERO:
        fields[name] = 0
    told_always = {"team", "queue", "status", *_EMPTY, *_ZERO, *OUTCOMES}
    return TicketFields(fields.reset_index(drop=True), unknown=set(fields.columns) - given - told_always)


def replay(
    today: Sequence[Rule] | None,
    candidate: Sequence[Rule],
    fields: TicketFields,
    *,
    seed: int = SEED,
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
) -> Replay:
    """Send past tickets through two rule sets.

    Args:
        today: all versions of the rules there are; each ticket meets those in force at its creation. None where the
            export has no rules: then the queue that each ticket really entered stands for them.
        candidate: the rules to try, likewise.
        fields: tickets as of `at_creation`, with solved_queue, and first_queue where known.
        seed: of the bootstrap.
        resamples: of the bootstrap.
        confidence: coverage of the intervals.

    Returns:
        What changes, and what the past cannot tell.

    Notes:
        A ticket is misrouted where it enters another queue than the one that finally solved it. A ticket is judged
        where it is solved and both rule sets send it to queues that have solved something. The interval resamples
        tickets; a ticket adds −1, 0 or 1 to the difference, so the resamples are drawn as multinomial counts.
        Agents at times solve what lands with them although it belongs elsewhere; this favours the rules of the past.

    References:
        Efron, B., Tibshirani, R. J. (1993). An Introduction to the Bootstrap, chapter 13 (percentile intervals).
    """
    tickets = fields.tickets
    candidate = in_order(candidate)
    rows = pd.DataFrame({"ticket_id": tickets["ticket_id"], "created_at": tickets["created_at"]})
    new = route(candidate, fields)
    if today is None:
        rows["queue_today"] = _text(fields, "first_queue")
        rows["rule_today"] = pd.Series(pd.NA, index=rows.index, dtype="str")
    else:
        today = in_order(today)
        old = route(today, fields)
        rows["queue_today"] = queues_of(today, old)
        rows["rule_today"] = _rule_of(today, old)
    rows["queue_candidate"] = queues_of(candidate, new)
    rows["rule_candidate"] = _rule_of(candidate, new)
    rows["solved_queue"] = _text(fields, "solved_queue")
    seen = set(rows["solved_queue"].dropna())
    for side in ("today", "candidate"):
        queue = rows[f"queue_{side}"]
        told = rows["solved_queue"].notna() & queue.isin(seen)
        wrong = (queue != rows["solved_queue"]).astype("boolean")
        rows[f"misrouted_{side}"] = wrong.where(told)
    rng = np.random.default_rng(seed)
    changed = _changed(rows)
    return Replay(
        tickets=rows,
        summary=_summary(rows, changed, today, fields, rng, resamples, confidence),
        load=_load(rows, new, rng, resamples, confidence),
        changed=changed,
        warnings=tuple(_warnings(today, candidate, rows, new, fields)),
    )


def rule_changes(rules: Iterable[Rule], start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """List what was changed in the rules within a stretch of time.

    Args:
        rules: all versions.
        start: from here on.
        end: up to here, this instant left out.

    Returns:
        changed_at, rule_id, change (added, removed, another queue, other conditions), queue_before, queue_after, oldest
        first.
    """
    by_id: dict[str, list[Rule]] = {}
    for rule in in_order(rules):
        by_id.setdefault(rule.rule_id, []).append(rule)
    found: list[tuple[pd.Timestamp, str, str, str | None, str | None]] = []
    for rule_id, versions in by_id.items():
        for place, rule in enumerate(versions):
            last = versions[place - 1] if place else None
            if rule.active_from is not None and start <= rule.active_from < end:
                follows = last is not None and last.active_to == rule.active_from
                if follows and last is not None:
                    change = "another queue" if last.queue != rule.queue else "other conditions"
                    found.append((rule.active_from, rule_id, change, last.queue, rule.queue))
                else:
                    found.append((rule.active_from, rule_id, "added", None, rule.queue))
            replaced = place + 1 < len(versions) and versions[place + 1].active_from == rule.active_to
            if rule.active_to is not None and start <= rule.active_to < end and not replaced:
                found.append((rule.active_to, rule_id, "removed", rule.queue, None))
    frame = pd.DataFrame(found, columns=["changed_at", "rule_id", "change", "queue_before", "queue_after"])
    return frame.sort_values(["changed_at", "rule_id"], kind="stable", ignore_index=True)


def _changed(rows: pd.DataFrame) -> pd.DataFrame:
    if rows["queue_today"].isna().all():
        return rows.head(0).assign(verdict=pd.Series(dtype="str"))
    old, new = rows["queue_today"], rows["queue_candidate"]
    moved = rows[(old.fillna("") != new.fillna(""))].copy()
    before, after = moved["misrouted_today"], moved["misrouted_candidate"]
    told = (before.notna() & after.notna()).to_numpy()
    was, is_now = (each.fillna(False).to_numpy(bool) for each in (before, after))
    verdicts = np.select([~told, was & ~is_now, ~was & is_now], VERDICTS[:3], VERDICTS[3])
    moved["verdict"] = pd.Series(verdicts, index=moved.index, dtype="str")
    return moved.sort_values(["verdict", "created_at"], ascending=[True, False], kind="stable", ignore_index=True)


def _summary(
    rows: pd.DataFrame,
    changed: pd.DataFrame,
    today: Sequence[Rule] | None,
    fields: TicketFields,
    rng: np.random.Generator,
    resamples: int,
    confidence: float,
) -> pd.DataFrame:
    compared = bool(rows["queue_today"].notna().any())
    judged = rows["misrouted_candidate"].notna() & (rows["misrouted_today"].notna() | (not compared))
    after = rows.loc[judged, "misrouted_candidate"].to_numpy(np.int64)
    before = rows.loc[judged, "misrouted_today"].to_numpy(np.int64) if compared else np.full(len(after), np.nan)
    count = len(after)
    low, high = _bootstrap(after - before, rng, resamples, confidence) if compared else (np.nan, np.nan)
    actual = _text(fields, "first_queue")
    known = actual.notna() & rows["queue_today"].notna()
    return pd.DataFrame(
        {
            "tickets": [len(rows)],
            "judged": [count],
            "changed": [len(changed)],
            "mended": [int((changed["verdict"] == "mended").sum())],
            "spoilt": [int((changed["verdict"] == "spoilt").sum())],
            "misrouted_today": [before.mean() if count else np.nan],
            "misrouted_candidate": [after.mean() if count else np.nan],
            "difference": [(after - before).mean() if count else np.nan],
            "low": [low / count if count else np.nan],
            "high": [high / count if count else np.nan],
            "as_it_was": [
                (rows["queue_today"] == actual)[known].mean() if today is not None and known.any() else np.nan
            ],
        }
    )


def _load(
    rows: pd.DataFrame, new: Integers, rng: np.random.Generator, resamples: int, confidence: float
) -> pd.DataFrame:
    told = rows[new != UNDECIDED]
    old, after = told["queue_today"].fillna(NO_QUEUE), told["queue_candidate"].fillna(NO_QUEUE)
    queues = sorted({*old, *after} - {NO_QUEUE}) + ([NO_QUEUE] if NO_QUEUE in {*old, *after} else [])
    found = []
    for queue in queues:
        was, is_now = (old == queue).to_numpy(), (after == queue).to_numpy()
        steps = is_now.astype(np.int64) - was.astype(np.int64)
        low, high = _bootstrap(steps, rng, resamples, confidence)
        found.append((queue, int(was.sum()), int(is_now.sum()), int(steps.sum()), low, high))
    return pd.DataFrame(found, columns=["queue", "today", "candidate", "difference", "low", "high"])


def _bootstrap(
    steps: npt.NDArray[np.int64], rng: np.random.Generator, resamples: int, confidence: float
) -> tuple[float, float]:
    """Percentile interval of the sum of values that are −1, 0 or 1 when the tickets are drawn anew."""
    if not len(steps):
        return np.nan, np.nan
    counts = np.array([(steps == value).sum() for value in (-1, 0, 1)])
    drawn = rng.multinomial(len(steps), counts / counts.sum(), size=resamples)
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn[:, 2] - drawn[:, 0], [tail, 1 - tail])
    return float(low), float(high)


def _warnings(
    today: Sequence[Rule] | None, candidate: Sequence[Rule], rows: pd.DataFrame, new: Integers, fields: TicketFields
) -> Iterable[str]:
    asked = [condition for rule in candidate for condition in conditions_of(rule.when)]
    lacking = sorted({condition.field for condition in asked if not fields.knows(condition.field)})
    if lacking:
        count = int((new == UNDECIDED).sum())
        yield (
            f"The tickets of this export have no {_listed(lacking)}; {count:,} of {len(new):,} tickets meet a rule "
            "that asks for it, and where they would go is not told."
        )
    solved = set(rows["solved_queue"].dropna())
    unseen = sorted({rule.queue for rule in candidate} - solved)
    for queue in unseen:
        count = int((rows["queue_candidate"] == queue).sum())
        if count:
            yield (
                f"No past ticket was solved in {queue}: its load is told, but not whether the {count:,} tickets "
                "that it gets belong there."
            )
        else:
            yield f"No past ticket was solved in {queue}, and none of these would go there."
    for field, values in _unseen_values(asked, fields).items():
        yield f"No ticket of these weeks has {field} {_listed(values)}: what the rules do with it is not told."
    nowhere = int((new == NOWHERE).sum())
    if nowhere:
        yield f"{nowhere:,} of {len(new):,} tickets fit no rule of the candidate and enter no queue."
    used = {condition.field for condition in asked}
    standing = sorted(used & _AS_IT_STANDS)
    if standing:
        yield (
            f"No event tells {_listed(standing)} at creation; it is taken as it stands in the export, where agents may "
            "have set it later."
        )
    circular = sorted(used & {"team", "queue"})
    if circular:
        yield f"The first {_listed(circular)} of a ticket may be the work of the rules themselves."
    if used & _REDACTED:
        yield "Texts are redacted: a rule that looks for names, addresses or numbers finds none."
    if today and len(rows):
        first, last = rows["created_at"].min(), rows["created_at"].max()
        for change in rule_changes(today, first, last).to_dict("records"):
            yield (
                f"{change['rule_id']} was changed on {change['changed_at']:%Y-%m-%d} ({change['change']}), within "
                "these weeks: each ticket met the version of its day."
            )
    if today is None and rows["queue_today"].isna().all():
        yield "This export tells neither rules nor the first queue of a ticket: there is nothing to compare with."
    unsolved = int(rows["solved_queue"].isna().sum())
    if unsolved:
        yield f"{unsolved:,} of {len(rows):,} tickets are not solved, or nothing tells where; the load alone has them."


def _unseen_values(asked: Iterable[Condition], fields: TicketFields) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for field in sorted({each.field for each in asked if each.operator in ("is", "is_not", "in")}):
        if not fields.knows(field) or kind_of(field) not in ("text", "ordered"):
            continue
        there = set(fields.occurring(field).index)
        named = {
            value
            for each in asked
            if each.field == field and each.operator in ("is", "is_not", "in")
            for value in each.wanted
            if value is not None
        }
        if named - there:
            found[field] = sorted(named - there)
    return found


def _rule_of(rules: Sequence[Rule], found: Integers) -> pd.Series:
    names = pd.array([rule.rule_id for rule in rules] or [""], dtype="str")
    return pd.Series(names.take(np.maximum(found, 0)), dtype="str").where(found >= 0)


def _text(fields: TicketFields, name: str) -> pd.Series:
    if not fields.knows(name):
        return pd.Series(pd.NA, index=fields.tickets.index, dtype="str")
    return fields.tickets[name].astype("str")


def _listed(items: Sequence[str]) -> str:
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else "".join(items)
