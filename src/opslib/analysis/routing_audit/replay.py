"""Two rule sets on the same past tickets: where each would have gone, and how often that is where it was solved."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.analysis.methods.intervals import wilson
from opslib.analysis.routing_audit.rules import (
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
_MOST_NAMED = 8


@dataclass(frozen=True)
class Replay:
    """What two rule sets do with the same tickets.

    Attributes:
        tickets: one row per ticket: ticket_id, created_at, queue_today, rule_today, queue_candidate, rule_candidate,
            solved_queue, misrouted_today, misrouted_candidate (missing where the past cannot tell).
        summary: one row: tickets, judged, changed, mended, spoilt, misrouted_today, misrouted_candidate (shares of the
            judged) with candidate_low, candidate_high (Wilson), difference, low, high (a bootstrap's), fallback
            (tickets that fit no rule of the candidate but one without conditions), as_it_was (share of tickets that the
            first rule set sends where they really went; missing where no rules were given). Where nothing tells where
            tickets went, the shares of today and the difference are missing.
        load: queue, today, candidate, difference, low, high: tickets that enter it; solved: tickets that it solved;
            misrouted_today, misrouted_candidate: of those that enter it and can be judged the share solved elsewhere.
            `(no queue)` is for those that no rule takes. What nothing tells is missing.
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
    decided = new != UNDECIDED
    if today is None:
        rows["queue_today"] = _text(fields, "first_queue")
        rows["rule_today"] = pd.Series(pd.NA, index=rows.index, dtype="str")
    else:
        today = in_order(today)
        old = route(today, fields)
        decided &= old != UNDECIDED
        rows["queue_today"] = queues_of(today, old)
        rows["rule_today"] = _rule_of(today, old)
    rows["queue_candidate"] = queues_of(candidate, new)
    rows["rule_candidate"] = _rule_of(candidate, new)
    rows["solved_queue"] = _text(fields, "solved_queue")
    seen = set(rows["solved_queue"].dropna().unique())
    for side in ("today", "candidate"):
        queue = rows[f"queue_{side}"]
        told = rows["solved_queue"].notna() & queue.isin(seen)
        wrong = (queue != rows["solved_queue"]).astype("boolean")
        rows[f"misrouted_{side}"] = wrong.where(told)
    compared = today is not None or bool(rows["queue_today"].notna().any())
    rng = np.random.default_rng(seed)
    changed = _changed(rows[decided] if compared else rows.head(0))
    return Replay(
        tickets=rows,
        summary=_summary(rows, changed, compared, rng, resamples, confidence).assign(
            fallback=_taken_by_fallback(candidate, new),
            as_it_was=_as_it_was(rows, fields) if today is not None else np.nan,
        ),
        load=_load(rows[decided], compared, rng, resamples, confidence),
        changed=changed,
        warnings=tuple(_warnings(today, candidate, compared, rows, new, fields)),
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
    compared: bool,
    rng: np.random.Generator,
    resamples: int,
    confidence: float,
) -> pd.DataFrame:
    judged = rows["misrouted_candidate"].notna() & (rows["misrouted_today"].notna() | (not compared))
    after = rows.loc[judged, "misrouted_candidate"].to_numpy(np.int64)
    before = rows.loc[judged, "misrouted_today"].to_numpy(np.int64) if compared else np.full(len(after), np.nan)
    count = len(after)
    alone = wilson(int(after.sum()), count, confidence=confidence).iloc[0]
    steps = _steps(after, before) if compared else np.zeros((0, 3), np.int64)
    [low], [high] = _bootstrap(steps, rng, resamples, confidence) if compared and count else ([np.nan], [np.nan])
    return pd.DataFrame(
        {
            "tickets": [len(rows)],
            "judged": [count],
            "changed": [len(changed)],
            "mended": [int((changed["verdict"] == "mended").sum())],
            "spoilt": [int((changed["verdict"] == "spoilt").sum())],
            "misrouted_today": [before.mean() if count else np.nan],
            "misrouted_candidate": [alone["share"]],
            "candidate_low": [alone["low"]],
            "candidate_high": [alone["high"]],
            "difference": [(after - before).mean() if count else np.nan],
            "low": [low / count if count else np.nan],
            "high": [high / count if count else np.nan],
        }
    )


def _as_it_was(rows: pd.DataFrame, fields: TicketFields) -> float:
    actual = _text(fields, "first_queue")
    known = actual.notna() & rows["queue_today"].notna()
    return float((rows["queue_today"] == actual)[known].mean()) if known.any() else np.nan


def _taken_by_fallback(rules: Sequence[Rule], found: Integers) -> int:
    return int(np.isin(found, [place for place, rule in enumerate(rules) if rule.fits_all]).sum())


def _load(
    told: pd.DataFrame, compared: bool, rng: np.random.Generator, resamples: int, confidence: float
) -> pd.DataFrame:
    sides = ("today", "candidate") if compared else ("candidate",)
    entered = {side: told[f"queue_{side}"].fillna(NO_QUEUE) for side in sides}
    named = {queue for each in entered.values() for queue in each.unique()}
    queues = sorted(named - {NO_QUEUE}) + [NO_QUEUE] * (NO_QUEUE in named)
    after = pd.Index(queues).get_indexer(entered["candidate"])
    load = pd.DataFrame({"queue": pd.Series(queues, dtype="str")})
    if compared:
        before = pd.Index(queues).get_indexer(entered["today"])
        crossed = after != before
        gained, lost = (np.bincount(each[crossed], minlength=len(queues)) for each in (after, before))
        steps = np.column_stack([lost, len(told) - gained - lost, gained])
        low, high = _bootstrap(steps, rng, resamples, confidence) if len(told) else (np.nan, np.nan)
        load = load.assign(
            today=np.bincount(before, minlength=len(queues)),
            candidate=np.bincount(after, minlength=len(queues)),
            difference=gained - lost,
            low=low,
            high=high,
        )
    else:
        load = load.assign(today=np.nan, candidate=np.bincount(after, minlength=len(queues)))
        load = load.assign(difference=np.nan, low=np.nan, high=np.nan)
    solved = told["solved_queue"].value_counts()
    load["solved"] = load["queue"].map(solved).fillna(0).astype("int64")
    for side in ("today", "candidate"):
        wrong = told[f"misrouted_{side}"].astype("float64").groupby(told[f"queue_{side}"]).mean()
        load[f"misrouted_{side}"] = load["queue"].map(wrong).astype("float64")
    return load


def _steps(after: Integers, before: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many tickets get better, stay and get worse, as one row."""
    difference = after - before
    return np.array([[(difference == value).sum() for value in (-1, 0, 1)]])


def _bootstrap(
    steps: npt.NDArray[np.int64], rng: np.random.Generator, resamples: int, confidence: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Percentile intervals of sums of −1, 0 and 1 when tickets are drawn anew, from how many there are of each."""
    count = int(steps[0].sum())
    drawn = rng.multinomial(count, steps / count, size=(resamples, len(steps)))
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn[:, :, 2] - drawn[:, :, 0], [tail, 1 - tail], axis=0)
    return low, high


def _warnings(
    today: Sequence[Rule] | None,
    candidate: Sequence[Rule],
    compared: bool,
    rows: pd.DataFrame,
    new: Integers,
    fields: TicketFields,
) -> Iterable[str]:
    asked = [condition for rule in candidate for condition in conditions_of(rule.when)]
    lacking = sorted({condition.field for condition in asked if not fields.knows(condition.field)})
    if lacking:
        count = int((new == UNDECIDED).sum())
        yield (
            f"The tickets of this export have no {_listed(lacking)}; {count:,} of {len(new):,} tickets meet a rule "
            "that asks for it, and where they would go is not told."
        )
    solved = set(rows["solved_queue"].dropna().unique())
    unseen = sorted({rule.queue for rule in candidate} - solved)
    for queue in unseen:
        count = int((rows["queue_candidate"] == queue).sum())
        if count:
            yield (
                f"No past ticket was solved in {queue}{_near(queue, solved)}: its load is told, but not whether the "
                f"{count:,} tickets that it gets belong there."
            )
        else:
            yield f"No past ticket was solved in {queue}{_near(queue, solved)}, and none of these would go there."
    for field, values in _unseen_values(asked, fields).items():
        named = values if len(values) <= _MOST_NAMED else [*values[:_MOST_NAMED], f"{len(values) - _MOST_NAMED} others"]
        yield f"No ticket of these weeks has {field} {_listed(named)}: what the rules do with it is not told."
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
    if not compared:
        yield "This export tells neither rules nor the first queue of a ticket: there is nothing to compare with."
    unsolved = int(rows["solved_queue"].isna().sum())
    if unsolved:
        yield f"{unsolved:,} of {len(rows):,} tickets are not solved, or nothing tells where; the load alone has them."


def _near(name: str, names: Iterable[str]) -> str:
    """The name that may have been meant, in brackets."""
    near = difflib.get_close_matches(name, sorted(names), n=1, cutoff=0.8)
    return f" (is {near[0]} meant?)" if near else ""


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
            for value in each.operands
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
