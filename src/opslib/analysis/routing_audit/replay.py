"""Two rule sets on the same past tickets: where each would have gone, and how often that is where it was solved."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib import labels
from opslib.analysis.methods.intervals import wilson
from opslib.analysis.routing_audit.rules import (
    NOWHERE,
    UNDECIDED,
    Bools,
    Condition,
    Integers,
    Rule,
    TicketFields,
    conditions_of,
    in_order,
    kind_of,
    listed,
    queues_of,
    route,
    rule_ids_of,
)
from opslib.locales import full_day, whole

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
            first rule set sends where they really went; missing where the export has no rules). Where nothing tells
            where tickets went, the shares of today and the difference are missing.
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
    fields = tickets[[name for name in (*_FIXED, *_LATER) if name in tickets]].copy()
    available = set(tickets.columns) if present is None else {*present, "ticket_id", "created_at"}
    for name, source in (("team", "first_team"), ("queue", "first_queue"), *((each, each) for each in OUTCOMES)):
        if source in tickets:
            fields[name] = tickets[source]
    if "priority" in tickets:
        fields["priority"] = tickets["priority"]
    if first_priority is not None:
        priority = tickets["ticket_id"].map(first_priority)
        fields["priority"] = priority.fillna(tickets["priority"]) if "priority" in tickets else priority
        available |= {"priority"}
    fields["status"] = "new"
    for name in _EMPTY:
        fields[name] = pd.Series(pd.NaT, index=fields.index, dtype="datetime64[us, UTC]")
    for name in _ZERO:
        fields[name] = 0
    available |= {"team", "queue", "status", *_EMPTY, *_ZERO, *OUTCOMES}
    return TicketFields(fields.reset_index(drop=True), unknown=set(fields.columns) - available)


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
        fields: tickets as they were at their creation, with ticket_id, created_at, solved_queue, and first_queue where
            the export tells.
        seed: of the bootstrap.
        resamples: of the bootstrap.
        confidence: coverage of the intervals.

    Returns:
        What changes, and what the past cannot tell; the columns stand at `Replay`.

    Notes:
        A ticket is misrouted where it enters another queue than the one that finally solved it. A ticket is judged
        where it is solved and both rule sets send it to queues that have solved something, or to the one that it really
        entered. The interval resamples tickets; a ticket adds −1, 0 or 1 to the difference, so the resamples are drawn
        as multinomial counts.
        Agents at times solve what lands with them although it belongs elsewhere; this favours the rules of the past.

    References:
        Efron, B., Tibshirani, R. J. (1993). An Introduction to the Bootstrap, chapter 13 (percentile intervals).
    """
    today, candidate = None if today is None else in_order(today), in_order(candidate)
    places = route(candidate, fields)
    rows, is_decided = _both_ways(today, candidate, places, fields)
    comparable = today is not None or bool(rows["queue_today"].notna().any())
    bootstrap = _Bootstrap(np.random.default_rng(seed), resamples, confidence)
    changed = _changed(rows[is_decided] if comparable else rows.head(0))
    return Replay(
        tickets=rows,
        summary=_summary(rows, changed, comparable, bootstrap).assign(
            fallback=_fallback_tickets(candidate, places),
            as_it_was=_as_it_was(rows, fields) if today is not None else np.nan,
        ),
        load=_load(rows[is_decided], comparable, bootstrap),
        changed=changed,
        warnings=tuple(_warnings(today, candidate, comparable, rows, places, fields)),
    )


def _both_ways(
    today: Sequence[Rule] | None, candidate: Sequence[Rule], places: Integers, fields: TicketFields
) -> tuple[pd.DataFrame, Bools]:
    """Each ticket under both rule sets: the columns of `Replay.tickets`, and whether both sets decide it."""
    tickets = fields.tickets
    rows = pd.DataFrame({"ticket_id": tickets["ticket_id"], "created_at": tickets["created_at"]})
    is_decided = places != UNDECIDED
    if today is None:
        rows["queue_today"] = _text(fields, "first_queue")
        rows["rule_today"] = pd.Series(pd.NA, index=rows.index, dtype="str")
    else:
        places_today = route(today, fields)
        is_decided &= places_today != UNDECIDED
        rows["queue_today"] = queues_of(today, places_today)
        rows["rule_today"] = rule_ids_of(today, places_today)
    rows["queue_candidate"] = queues_of(candidate, places)
    rows["rule_candidate"] = rule_ids_of(candidate, places)
    rows["solved_queue"] = _text(fields, "solved_queue")
    rows["misrouted_today"] = misrouted_in(rows["queue_today"], fields)
    rows["misrouted_candidate"] = misrouted_in(rows["queue_candidate"], fields)
    return rows, is_decided


def misrouted_in(queue: pd.Series, fields: TicketFields) -> pd.Series:
    """Tell of tickets whether a queue that they were sent to, or would be, is another than the one that solved them.

    Args:
        queue: of each ticket; missing for none.
        fields: the tickets, with solved_queue, and first_queue where the export tells.

    Returns:
        Boolean; missing where the ticket is not solved, or its queue has solved nothing and it never entered that one.
    """
    solved, first = (_text(fields, name) for name in ("solved_queue", "first_queue"))
    is_judged = solved.notna() & (queue.isin(set(solved.dropna().unique())) | (queue == first).fillna(False))
    return (queue != solved).astype("boolean").where(is_judged)


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
    changes = (change for versions in by_id.values() for change in _version_changes(versions))
    inside = [change for change in changes if start <= change[0] < end]
    frame = pd.DataFrame(inside, columns=["changed_at", "rule_id", "change", "queue_before", "queue_after"])
    return frame.sort_values(["changed_at", "rule_id"], kind="stable", ignore_index=True)


def _version_changes(
    versions: Sequence[Rule],
) -> Iterator[tuple[pd.Timestamp, str, str, str | None, str | None]]:
    """When, which rule, how it was changed, and its queue before and after, of all versions of one rule."""
    for place, rule in enumerate(versions):
        before = versions[place - 1] if place else None
        after = versions[place + 1] if place + 1 < len(versions) else None
        if rule.active_from is not None:
            if before is not None and before.active_to == rule.active_from:
                change = "another queue" if before.queue != rule.queue else "other conditions"
                yield rule.active_from, rule.rule_id, change, before.queue, rule.queue
            else:
                yield rule.active_from, rule.rule_id, "added", None, rule.queue
        if rule.active_to is not None and (after is None or after.active_from != rule.active_to):
            yield rule.active_to, rule.rule_id, "removed", rule.queue, None


def _changed(rows: pd.DataFrame) -> pd.DataFrame:
    """The tickets that enter another queue, with a verdict, by verdict and the latest first."""
    is_other = rows["queue_today"].fillna("") != rows["queue_candidate"].fillna("")
    others = rows[is_other].copy()
    before, after = others["misrouted_today"], others["misrouted_candidate"]
    is_judged = (before.notna() & after.notna()).to_numpy()
    wrong_before, wrong_after = (side.fillna(False).to_numpy(bool) for side in (before, after))
    verdicts = np.select(
        [~is_judged, wrong_before & ~wrong_after, ~wrong_before & wrong_after], VERDICTS[:3], VERDICTS[3]
    )
    others["verdict"] = pd.Series(verdicts, index=others.index, dtype="str")
    return others.sort_values(["verdict", "created_at"], ascending=[True, False], kind="stable", ignore_index=True)


def _summary(rows: pd.DataFrame, changed: pd.DataFrame, comparable: bool, bootstrap: _Bootstrap) -> pd.DataFrame:
    """The columns of `Replay.summary` but for fallback and as_it_was."""
    judged = rows["misrouted_candidate"].notna() & (rows["misrouted_today"].notna() | (not comparable))
    after = rows.loc[judged, "misrouted_candidate"].to_numpy(np.int64)
    before = rows.loc[judged, "misrouted_today"].to_numpy(np.int64) if comparable else np.full(len(after), np.nan)
    count = len(after)
    alone = wilson(int(after.sum()), count, confidence=bootstrap.confidence).iloc[0]
    low = high = np.nan
    if comparable and count:
        [low], [high] = bootstrap.limits(_steps(after, before))
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
    """The share of tickets that the rules of their day send where they really went; NaN where nothing tells."""
    actual = _text(fields, "first_queue")
    has_both = actual.notna() & rows["queue_today"].notna()
    return float((rows["queue_today"] == actual)[has_both].mean()) if has_both.any() else np.nan


def _fallback_tickets(rules: Sequence[Rule], places: Integers) -> int:
    """How many tickets fit no rule but one without conditions."""
    return int(np.isin(places, [place for place, rule in enumerate(rules) if rule.fits_all]).sum())


def _load(rows: pd.DataFrame, comparable: bool, bootstrap: _Bootstrap) -> pd.DataFrame:
    """The columns of `Replay.load`."""
    sides = ("today", "candidate") if comparable else ("candidate",)
    entries = {side: rows[f"queue_{side}"].fillna(NO_QUEUE) for side in sides}
    names = {queue for column in entries.values() for queue in column.unique()}
    queues = sorted(names - {NO_QUEUE}) + [NO_QUEUE] * (NO_QUEUE in names)
    after = pd.Index(queues).get_indexer(entries["candidate"])
    load = pd.DataFrame({"queue": pd.Series(queues, dtype="str")})
    if comparable:
        before = pd.Index(queues).get_indexer(entries["today"])
        is_other = after != before
        gained, lost = (np.bincount(side[is_other], minlength=len(queues)) for side in (after, before))
        steps = np.column_stack([lost, len(rows) - gained - lost, gained])
        low, high = bootstrap.limits(steps) if len(rows) else (np.nan, np.nan)
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
    solves = rows["solved_queue"].value_counts()
    load["solved"] = load["queue"].map(solves).fillna(0).astype("int64")
    for side in ("today", "candidate"):
        shares = rows[f"misrouted_{side}"].astype("float64").groupby(rows[f"queue_{side}"]).mean()
        load[f"misrouted_{side}"] = load["queue"].map(shares).astype("float64")
    return load


def _steps(after: Integers, before: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many tickets get better, stay and get worse, as one row."""
    difference = after - before
    return np.array([[(difference == value).sum() for value in (-1, 0, 1)]])


@dataclass(frozen=True)
class _Bootstrap:
    """Percentile intervals of sums when tickets are drawn anew."""

    rng: np.random.Generator
    resamples: int
    confidence: float

    def limits(self, steps: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The interval of each sum of −1, 0 and 1, from how many tickets add each, a row per sum."""
        count = int(steps[0].sum())
        draws = self.rng.multinomial(count, steps / count, size=(self.resamples, len(steps)))
        tail = (1 - self.confidence) / 2
        low, high = np.quantile(draws[:, :, 2] - draws[:, :, 0], [tail, 1 - tail], axis=0)
        return low, high


def _warnings(
    today: Sequence[Rule] | None,
    candidate: Sequence[Rule],
    comparable: bool,
    rows: pd.DataFrame,
    places: Integers,
    fields: TicketFields,
) -> Iterator[str]:
    """What the past cannot tell about a candidate, in sentences."""
    conditions = [condition for rule in candidate for condition in conditions_of(rule.when)]
    yield from _absent_fields(conditions, places, fields)
    yield from _new_queues(candidate, rows)
    yield from _new_values(conditions, fields)
    if (places == NOWHERE).any():
        yield f"Some tickets fit no rule of the candidate: they enter no queue, {NO_QUEUE} in the table of queues."
    yield from _doubtful_fields({condition.field for condition in conditions})
    if today and len(rows):
        first, last = rows["created_at"].min(), rows["created_at"].max()
        names = {rule.rule_id: rule.name for rule in today}
        for change in rule_changes(today, first, last).to_dict("records"):
            yield (
                f"{names[change['rule_id']]} was changed on {full_day(change['changed_at'])} ({change['change']}), "
                "within "
                "these weeks: each ticket met the version of its day."
            )
    if not comparable:
        yield "This export has neither rules nor the first queue of a ticket: there is nothing to compare with."
    unsolved = int(rows["solved_queue"].isna().sum())
    if unsolved:
        yield (
            f"{whole(unsolved)} of {whole(len(rows))} tickets are not solved, or the export does not say where; only "
            "the load "
            "counts them."
        )


def _absent_fields(conditions: Iterable[Condition], places: Integers, fields: TicketFields) -> Iterator[str]:
    """Fields that the candidate asks for and the export does not have."""
    absent = sorted({condition.field for condition in conditions if not fields.knows(condition.field)})
    if absent:
        count = int((places == UNDECIDED).sum())
        yield (
            f"The tickets of this export have no {listed([labels.field_name(field) for field in absent])}; "
            f"{whole(count)} of {whole(len(places))} tickets "
            "meet a rule "
            "that asks for it, and where they would go is not known."
        )


def _new_queues(candidate: Iterable[Rule], rows: pd.DataFrame) -> Iterator[str]:
    """Queues of the candidate in which no ticket was solved."""
    solving = set(rows["solved_queue"].dropna().unique())
    for queue in sorted({rule.queue for rule in candidate} - solving):
        count = int((rows["queue_candidate"] == queue).sum())
        if count:
            yield (
                f"No past ticket was solved in {queue}{_near(queue, solving)}: which tickets it gets is known, but not "
                "whether they belong there."
            )
        else:
            yield f"No past ticket was solved in {queue}{_near(queue, solving)}, and none of these would go there."


def _near(name: str, names: Iterable[str]) -> str:
    """The name that may have been meant, in brackets."""
    near = difflib.get_close_matches(name, sorted(names), n=1, cutoff=0.8)
    return f" (is {near[0]} meant?)" if near else ""


def _new_values(conditions: Iterable[Condition], fields: TicketFields) -> Iterator[str]:
    """Values that the candidate names and no ticket has, by field."""
    by_field: dict[str, set[str]] = {}
    for condition in conditions:
        if condition.operator in ("is", "is_not", "in"):
            values = (value for value in condition.operands if value is not None)
            by_field.setdefault(condition.field, set()).update(values)
    for field in sorted(by_field):
        if not fields.knows(field) or kind_of(field) not in ("text", "ordered"):
            continue
        absent = sorted(by_field[field] - set(fields.occurring(field).index))
        if len(absent) > _MOST_NAMED:
            absent = [*absent[:_MOST_NAMED], f"{len(absent) - _MOST_NAMED} others"]
        if absent:
            name = field.replace("_", " ")
            yield f"No ticket of these weeks has {name} {listed(absent)}: what the rules do with it cannot be seen."


def _doubtful_fields(names: Collection[str]) -> Iterator[str]:
    """Fields that a rule may have seen otherwise than the export shows them."""
    as_it_stands = [name.replace("_", " ") for name in sorted(_AS_IT_STANDS.intersection(names))]
    if as_it_stands:
        yield (
            f"No event says what {listed(as_it_stands)} was at creation; it is taken as it stands in the export, where "
            "agents may have set it later."
        )
    circular = sorted({"team", "queue"}.intersection(names))
    if circular:
        yield f"The first {listed(circular)} of a ticket may be the work of the rules themselves."
    if _REDACTED.intersection(names):
        yield "Texts are redacted: a rule that looks for names, addresses or numbers finds none."


def _text(fields: TicketFields, name: str) -> pd.Series:
    """A field as text; missing in every ticket where the export does not have it."""
    if not fields.knows(name):
        return pd.Series(pd.NA, index=fields.tickets.index, dtype="str")
    return fields.tickets[name].astype("str")
