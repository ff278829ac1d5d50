"""What is wrong with a set of routing rules, and whether logic or tickets say so."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from opslib import labels
from opslib.analysis.methods.intervals import wilson
from opslib.analysis.methods.small_groups import distinct_people
from opslib.analysis.routing_audit.rule_space import Box, RuleLogic
from opslib.analysis.routing_audit.rules import (
    NOWHERE,
    Bools,
    Condition,
    Group,
    Rule,
    TicketFields,
    conditions_of,
    in_force,
    in_order,
    kind_of,
    listed,
    route,
)
from opslib.locales import full_day, percent, whole

Basis = Literal["exact", "tickets"]
FAULTS = {
    "unreachable": "its conditions contradict each other",
    "shadowed": "earlier rules take every ticket that it could take",
    "dead": "no ticket fits it",
    "conflict": "it takes tickets that belong to the queue of a later rule",
    "misroutes": "most of what it sends is solved in another queue",
    "no_fallback": "some tickets can fit no rule at all",
    "split_reason": "rules send one reason to different queues",
    "stale_value": "it names a value that no longer occurs",
    "overlap": "it and a later rule with another queue fit the same tickets, so their order decides",
    "not_in_export": "it asks for a field that the export does not have",
}
SEVERITIES = ("fault", "look", "note")
COLUMNS = ("fault", "severity", "rule_id", "rule", "others", "queue", "basis", "tickets", "ticket_ids", "why")
LEAST_SEEN = 30
LEAST_SOLVED = 10
LEAST_CONFLICT = 5
EXAMPLES = 5
CLEARLY = 2 / 3


@dataclass(frozen=True, kw_only=True)
class _Finding:
    """A row of the answer."""

    fault: str
    severity: str
    rule_id: str
    rule: str
    others: str
    queue: str
    basis: Basis
    tickets: int | None
    ticket_ids: str
    why: str


@dataclass(frozen=True, kw_only=True)
class _Overlap:
    """Two rules with different queues that some tickets fit both.

    It is a conflict where these tickets belong to the queue of the later rule.
    """

    first: int
    later: int
    is_conflict: bool
    example: Box | None


def lint(
    rules: Iterable[Rule], fields: TicketFields, *, at: pd.Timestamp, minimum_group: int, recent_days: int = 56
) -> pd.DataFrame:
    """Find what is wrong with the rules in force.

    Args:
        rules: all versions of all rules.
        fields: tickets of the past with the fields they had at creation, and, where the export tells, first_queue and
            solved_queue. As long a past as there is: a rule for a rare reason is dead in a short one.
        at: the instant whose rules are meant.
        minimum_group: how many people must have written the tickets that a number or an example tells of: what a rule
            asks for makes them a group.
        recent_days: a value that occurs in no ticket of so many days before `at` no longer occurs.

    Returns:
        One row per finding, the most serious first: fault (a key of `FAULTS`), severity (fault, look, note), rule_id,
        others (rules it has to do with), queue, basis, tickets (how many it touches; missing where they are of too few
        people), ticket_ids (the latest of them, separated by ;) and why in a sentence. The basis is `exact` where it
        follows from the conditions alone, whatever tickets come, and `tickets` where it is what these tickets show.

    Notes:
        Exact reasoning covers is, is_not, in, less, greater, before and after on the fields of tickets, and what
        contained texts and named values imply for contains and matches. An overlap that rests on texts, or rules too
        entangled for the budget, are left to the tickets. A conflict is an overlap whose tickets are solved in the
        queue of the later rule rather than in that of the rule that took them, with a 95% Wilson bound above one half.
        A rule misroutes where that bound of the share solved elsewhere is above one half. It is a fault where for one
        other queue it is above two thirds, so that another target would mend it, else something to look at.
    """
    evidence = _Evidence(in_order(rules), fields, at, minimum_group)
    idle = _idle_rules(evidence)
    live = [number for number in range(len(evidence.rules)) if number not in idle]
    # A rule whose values occur, only never together yet, is there for a case that may still come.
    potential = sorted({*live, *(number for number, causes in idle.items() if _is_waiting(causes[0]))})
    overlaps = list(_overlaps(evidence, live))
    conflicts = [overlap for overlap in overlaps if overlap.is_conflict]
    pairs = {(overlap.first, overlap.later) for overlap in conflicts}
    findings = [
        *(finding for causes in idle.values() for finding in causes),
        *(_conflict(evidence, overlap) for overlap in conflicts),
        *_deciding_orders(evidence, [overlap for overlap in overlaps if not overlap.is_conflict]),
        *_split_reasons(evidence, potential, pairs),
        *_misrouting_rules(evidence, {first for first, _ in pairs}),
        *_stale_values(evidence, live, at, recent_days),
        *_missing_fallback(evidence),
        *_absent_fields(evidence),
    ]
    return _table(findings, evidence.rules)


def _table(findings: Sequence[_Finding], rules: Sequence[Rule]) -> pd.DataFrame:
    """Findings with the columns of `COLUMNS`: by severity, by fault, then in the order in which rules are tried."""
    severities, faults = ({name: place for place, name in enumerate(names)} for names in (SEVERITIES, FAULTS))
    places = {rule.rule_id: place for place, rule in enumerate(rules)}
    rows = sorted(
        findings,
        key=lambda finding: (
            severities[finding.severity],
            faults[finding.fault],
            places.get(finding.rule_id, len(places)),
        ),
    )
    return pd.DataFrame([vars(finding) for finding in rows], columns=list(COLUMNS)).astype({"tickets": "Int64"})


class _Evidence:
    """The rules in force, what follows from their conditions, and which tickets fit each and which each took."""

    def __init__(self, versions: Sequence[Rule], fields: TicketFields, at: pd.Timestamp, minimum_group: int) -> None:
        self.fields = fields
        self.minimum_group = minimum_group
        known = (
            fields.tickets
            if fields.knows("requester_id")
            else fields.tickets.drop(columns="requester_id", errors="ignore")
        )
        self._people = distinct_people(known).to_numpy()
        self.versions = [version for version in versions if version.active(at)]
        self.rules = in_force(versions, at)
        self.logic = RuleLogic(self.rules)
        fits = [fields.fits(rule.when) for rule in self.rules]
        self.fits: list[Bools] = [surely for surely, _ in fits]
        self.is_decided = [surely is possibly for surely, possibly in fits]
        self.deciding = route(self.rules, fields)
        self.first_queue = _TextColumn(fields, "first_queue")
        self.solved_queue = _TextColumn(fields, "solved_queue")
        self.created = pd.DatetimeIndex(fields.tickets["created_at"])
        self._ticket_ids = fields.tickets["ticket_id"].astype(str).to_numpy()
        self._latest_first = np.argsort(-fields.created, kind="stable")

    def takes(self, number: int) -> Bools:
        """Which tickets a rule decides."""
        return np.asarray(self.deciding == number)

    def names(self, numbers: Iterable[int]) -> list[str]:
        """What a reader calls some rules."""
        return [self.rules[number].name for number in numbers]

    def is_of_few(self, tickets: Bools) -> bool:
        """Whether so few people have written some tickets that nothing may be told of these alone."""
        return 0 < len(np.unique(self._people[tickets])) < self.minimum_group

    def count(self, tickets: Bools) -> str:
        """How many tickets these are, in words where they are of too few people."""
        return f"a few, of fewer than {self.minimum_group} people," if self.is_of_few(tickets) else whole(tickets.sum())

    def latest(self, tickets: Bools, most: int) -> str:
        """The latest of some tickets, separated by ;, none where they are of too few people."""
        if self.is_of_few(tickets):
            return ""
        return "; ".join(self._ticket_ids[self._latest_first[tickets[self._latest_first]][:most]])

    def finding(
        self,
        fault: str,
        *,
        severity: str,
        number: int | None,
        why: str,
        basis: Basis,
        others: Iterable[int] = (),
        tickets: Bools | None = None,
        examples: str | None = None,
    ) -> _Finding:
        """A finding on a rule, or on all where there is no number, with the tickets that it touches."""
        touched = np.zeros(len(self.fields), bool) if tickets is None else tickets
        is_of_few = self.is_of_few(touched)
        return _Finding(
            fault=fault,
            severity=severity,
            rule_id="" if number is None else self.rules[number].rule_id,
            rule="" if number is None else self.rules[number].name,
            others="; ".join(self.rules[other].rule_id for other in others),
            queue="" if number is None else self.rules[number].queue,
            basis=basis,
            tickets=None if is_of_few else int(touched.sum()),
            ticket_ids=self.latest(touched, EXAMPLES) if examples is None or is_of_few else examples,
            why=why,
        )


def _idle_rules(evidence: _Evidence) -> dict[int, list[_Finding]]:
    """The rules that decide nothing, each with what is wrong with it: the first cause that holds."""
    idle = {}
    for number in range(len(evidence.rules)):
        for cause in (_unreachable, _shadowed_by_logic, _never_fitting, _shadowed_by_tickets):
            if findings := cause(evidence, number):
                idle[number] = findings
                break
    return idle


def _is_waiting(finding: _Finding) -> bool:
    """Whether a rule is idle only because what it asks for has not come together yet."""
    return finding.fault == "dead" and finding.severity == "look"


def _unreachable(evidence: _Evidence, number: int) -> list[_Finding]:
    """A rule whose conditions no ticket can fit."""
    if not evidence.logic.is_impossible(number):
        return []
    why = f"No ticket can fit: {evidence.rules[number].when.in_words}."
    return [evidence.finding("unreachable", severity="fault", number=number, basis="exact", why=why)]


def _shadowed_by_logic(evidence: _Evidence, number: int) -> list[_Finding]:
    """A rule that earlier ones leave nothing, and the conflict where one has its very conditions and another queue."""
    earlier = evidence.logic.shadowing(number)
    if not earlier:
        return []
    rule, names, fits = evidence.rules[number], evidence.names(earlier), evidence.fits[number]
    queues = sorted({evidence.rules[each].queue for each in earlier} - {rule.queue})
    take, send = ("take", "send") if len(earlier) > 1 else ("takes", "sends")
    target = f" and {send} them to {_queues(queues)}" if queues else ""
    why = f"{listed(names)} {take} every ticket that it could take{target}."
    causes = {"shadowed": why}
    if len(earlier) == 1 and queues and evidence.logic.is_same(earlier[0], number):
        causes["conflict"] = (
            f"{rule.name} and {names[0]} have the same conditions and different queues: {rule.when.in_words}."
        )
    return [
        evidence.finding(
            fault, severity="fault", number=number, others=earlier, basis="exact", tickets=fits, why=sentence
        )
        for fault, sentence in causes.items()
    ]


def _never_fitting(evidence: _Evidence, number: int) -> list[_Finding]:
    """A rule that none of enough tickets since it is in force fits: a fault where it names what never occurs."""
    rule, first = evidence.rules[number], evidence.versions[number].active_from
    since = np.ones(len(evidence.fields), bool) if first is None else np.asarray(evidence.created >= first)
    count = int(since.sum())
    if not evidence.is_decided[number] or evidence.fits[number].any() or count < LEAST_SEEN:
        return []
    absent = _absent_value(rule, evidence.fields)
    begin = full_day(evidence.created[since].min())
    why = f"None of {whole(count)} tickets since {begin} fits: {absent or rule.when.in_words}."
    severity = "fault" if absent else "look"
    return [evidence.finding("dead", severity=severity, number=number, basis="tickets", why=why)]


def _absent_value(rule: Rule, fields: TicketFields) -> str:
    """The condition that no ticket fulfils, where every value that it names occurs in none."""
    for condition in _needs(rule):
        if fields.knows(condition.field) and not fields.mask(condition).any():
            return condition.in_words.replace(" is ", " is never ", 1)
    return ""


def _shadowed_by_tickets(evidence: _Evidence, number: int) -> list[_Finding]:
    """A rule that enough tickets fit of which it got none, and none is undecided.

    A fallback that nothing needs is as it should be.
    """
    fits = evidence.fits[number]
    if not evidence.is_decided[number] or evidence.rules[number].fits_all or fits.sum() < LEAST_SEEN:
        return []
    takers = sorted(set(evidence.deciding[fits].tolist()))
    if takers[0] < 0 or number in takers:
        return []
    why = f"All tickets that fit ({evidence.count(fits).rstrip(',')}) were taken by {listed(evidence.names(takers))}."
    return [
        evidence.finding(
            "shadowed", severity="look", number=number, others=takers, basis="tickets", tickets=fits, why=why
        )
    ]


def _overlaps(evidence: _Evidence, live: Sequence[int]) -> Iterator[_Overlap]:
    """Pairs of rules with different queues that logic or tickets show to overlap, or that logic cannot tell apart.

    Left out are pairs of which the first fits only what the later fits too, unless its tickets say that it is wrong: so
    exceptions are written.
    """
    solved_in = {queue: evidence.solved_queue.is_in(queue) for queue in {rule.queue for rule in evidence.rules}}
    for place, first in enumerate(live):
        takes, queue = evidence.takes(first), evidence.rules[first].queue
        for later in live[place + 1 :]:
            rival = evidence.rules[later]
            if rival.queue == queue or rival.fits_all:
                continue
            boxes = evidence.logic.shared(first, later)
            if boxes == []:
                continue
            both = takes & evidence.fits[later]
            solved_first, solved_later = (int((both & solved_in[each]).sum()) for each in (queue, rival.queue))
            is_conflict = (
                solved_later >= LEAST_CONFLICT and _lower_bound(solved_later, solved_first + solved_later) > 0.5
            )
            example = evidence.logic.certain(boxes or ())
            is_seen = example is not None or both.any()
            if is_conflict or (is_seen and not evidence.logic.is_inside(first, later)):
                yield _Overlap(
                    first=first,
                    later=later,
                    is_conflict=is_conflict,
                    example=example,
                )


def _conflict(evidence: _Evidence, overlap: _Overlap) -> _Finding:
    """A rule that takes tickets which belong to the queue of a later one."""
    first, later = evidence.rules[overlap.first], evidence.rules[overlap.later]
    both = evidence.takes(overlap.first) & evidence.fits[overlap.later]
    solved_first, solved_later = (both & evidence.solved_queue.is_in(rule.queue) for rule in (first, later))
    why = (
        f"It takes tickets that {later.name} fits too. Of those, {evidence.count(solved_later)} were solved in "
        f"{_queue(later.queue)}, where {later.rule_id} would have sent them, and {evidence.count(solved_first)} in "
        f"{_queue(first.queue)}."
    )
    return evidence.finding(
        "conflict",
        severity="fault",
        number=overlap.first,
        others=[overlap.later],
        basis="tickets",
        tickets=solved_later,
        why=why,
    )


def _deciding_orders(evidence: _Evidence, overlaps: Sequence[_Overlap]) -> Iterator[_Finding]:
    """Per rule the later ones with which only the order decides."""
    by_first: dict[int, list[_Overlap]] = {}
    for overlap in overlaps:
        by_first.setdefault(overlap.first, []).append(overlap)
    for first, group in by_first.items():
        others = [overlap.later for overlap in group]
        example = next((overlap.example for overlap in group if overlap.example is not None), None)
        instance = "" if example is None else f", for instance {evidence.logic.describe(example)}"
        names = listed(evidence.names(others))
        yield evidence.finding(
            "overlap",
            severity="note",
            number=first,
            others=others,
            basis="tickets" if example is None else "exact",
            tickets=evidence.takes(first) & np.logical_or.reduce([evidence.fits[later] for later in others]),
            why=f"Some tickets fit it and {names} as well{instance}: it wins because it is tried first.",
        )


def _split_reasons(
    evidence: _Evidence, numbers: Sequence[int], conflicts: Collection[tuple[int, int]]
) -> Iterator[_Finding]:
    """Contact reasons that several rules send to different queues, unless that is a conflict already."""
    senders: dict[str, list[int]] = {}
    for number in numbers:
        for reason in _contact_reasons(evidence.rules[number]):
            senders.setdefault(reason, []).append(number)
    reasons_of: dict[tuple[int, ...], list[str]] = {}
    for reason, group in senders.items():
        if len({evidence.rules[number].queue for number in group}) > 1 and tuple(group) not in conflicts:
            reasons_of.setdefault(tuple(group), []).append(reason)
    for senders_of_all, reasons in reasons_of.items():
        yield _split_reason(evidence, senders_of_all, reasons)


def _split_reason(evidence: _Evidence, senders: Sequence[int], reasons: Sequence[str]) -> _Finding:
    """Some reasons that the same rules send to different queues, with the latest ticket of each rule."""
    rules = [evidence.rules[number] for number in senders]
    targets = [f"{rule.rule_id} to {_queue(rule.queue)} ({_besides_the_reason(rule)})" for rule in rules]
    names = [labels.phrase("contact_reason", reason) for reason in reasons]
    of_reasons, _ = evidence.fields.fits(Condition("contact_reason", "in", tuple(reasons)))
    examples = [evidence.latest(of_reasons & evidence.takes(number), 1) for number in senders]
    return evidence.finding(
        "split_reason",
        severity="note",
        number=senders[0],
        others=senders[1:],
        basis="exact",
        tickets=of_reasons & np.isin(evidence.deciding, senders),
        examples="; ".join(ticket_id for ticket_id in examples if ticket_id),
        why=f"Rules send {listed(names)} to different queues: {listed(targets)}.",
    )


def _misrouting_rules(evidence: _Evidence, conflicting: Collection[int]) -> Iterator[_Finding]:
    """Rules of whose tickets most are solved in another queue, unless a conflict says already why."""
    solved_queue = evidence.solved_queue
    for number, rule in enumerate(evidence.rules):
        solves = evidence.takes(number) & evidence.first_queue.is_in(rule.queue) & solved_queue.is_known
        active = evidence.fields.active(evidence.versions[number])
        solves = solves if active is None else solves & active
        elsewhere = solves & ~solved_queue.is_in(rule.queue)
        total, wrong = int(solves.sum()), int(elsewhere.sum())
        if number in conflicting or total < LEAST_SOLVED or _lower_bound(wrong, total) <= 0.5:
            continue
        queue, most = solved_queue.most_frequent(elsewhere)
        share, low, high = (100 * wilson(wrong, total).iloc[0]).round()
        since = evidence.created[solves].min()
        in_queue = evidence.count(elsewhere & solved_queue.is_in(queue))
        why = (
            f"Most of the solved tickets that it sent to {_queue(rule.queue)} were solved elsewhere, most often in "
            f"{_queue(queue)}. "
            f"They are of fewer than {evidence.minimum_group} people."
            if evidence.is_of_few(elsewhere)
            else f"Of {whole(total)} solved tickets that it sent to {_queue(rule.queue)} since {full_day(since)}, "
            f"{percent(share / 100, 0)} ({whole(low)} to {whole(high)}) were solved elsewhere, {in_queue} of them in "
            f"{_queue(queue)}."
        )
        severity = "fault" if _lower_bound(most, total) > CLEARLY else "look"
        yield evidence.finding(
            "misroutes", severity=severity, number=number, basis="tickets", tickets=elsewhere, why=why
        )


def _stale_values(evidence: _Evidence, live: Sequence[int], at: pd.Timestamp, recent_days: int) -> Iterator[_Finding]:
    """Values that rules name and no ticket of the last days has."""
    recent = evidence.fields.tickets[np.asarray(evidence.created > at - pd.Timedelta(days=recent_days))]
    if len(recent) < LEAST_SEEN:
        return
    occurring: dict[str, set[str]] = {}
    for number in live:
        phrases: dict[str, None] = {}
        tickets = np.zeros(len(evidence.fields), bool)
        for field, value in _text_values(evidence.rules[number], evidence.fields):
            if field not in occurring:
                occurring[field] = set(recent[field].dropna().astype(str).unique())
            if value in occurring[field]:
                continue
            holders = evidence.fields.mask(Condition(field, "is", (value,)))
            last = f"last seen {full_day(evidence.created[holders].max())}" if holders.any() else "never seen"
            last = f"seen of fewer than {evidence.minimum_group} people" if evidence.is_of_few(holders) else last
            phrases[f"{labels.field_name(field)} {labels.phrase(field, value)} ({last})"] = None
            tickets |= holders
        if phrases:
            why = f"None of {whole(len(recent))} tickets of the last {recent_days} days has {listed(list(phrases))}."
            yield evidence.finding(
                "stale_value", severity="note", number=number, basis="tickets", tickets=tickets, why=why
            )


def _text_values(rule: Rule, fields: TicketFields) -> Iterator[tuple[str, str]]:
    """The fields of text that tickets have and a rule names values of, with each value."""
    for condition in conditions_of(rule.when):
        field = condition.field
        if condition.operator in ("is", "in") and kind_of(field) == "text" and fields.knows(field):
            yield from ((field, value) for value in condition.operands if value is not None)


def _missing_fallback(evidence: _Evidence) -> Iterator[_Finding]:
    """A ticket that fits no rule, by logic or among those that came."""
    if any(rule.fits_all for rule in evidence.rules):
        return
    unmatched = evidence.deciding == NOWHERE
    uncovered = evidence.logic.uncovered()
    example = evidence.logic.certain(uncovered or ())
    if uncovered == [] or (example is None and not unmatched.any()):
        return
    instance = "" if example is None else f" A ticket that fits none: {evidence.logic.describe(example)}."
    yield evidence.finding(
        "no_fallback",
        severity="fault",
        number=None,
        basis="tickets" if example is None else "exact",
        tickets=unmatched,
        why=f"Of {whole(len(unmatched))} tickets {evidence.count(unmatched)} fit no rule.{instance}",
    )


def _absent_fields(evidence: _Evidence) -> Iterator[_Finding]:
    """Fields that rules ask for and the export does not have."""
    for number, rule in enumerate(evidence.rules):
        fields = {condition.field for condition in conditions_of(rule.when)}
        absent = sorted(field for field in fields if not evidence.fields.knows(field))
        if absent:
            names = listed([labels.field_name(field) for field in absent])
            why = f"The tickets of this export have no {names}, so they cannot tell what it takes."
            yield evidence.finding("not_in_export", severity="note", number=number, basis="exact", why=why)


class _TextColumn:
    """A text column of the tickets as codes of its values, all of them unknown where there is none."""

    def __init__(self, fields: TicketFields, name: str) -> None:
        values = fields.tickets[name] if fields.knows(name) else pd.Series(None, fields.tickets.index, dtype="str")
        codes, names = pd.factorize(values, sort=True)
        self._codes = np.asarray(codes, dtype=np.int64)
        self._names = pd.Index(names)
        self.is_known: Bools = self._codes >= 0

    def is_in(self, name: str) -> Bools:
        """Which tickets have the value."""
        [code] = self._names.get_indexer([name])
        return np.asarray(self.is_known & (self._codes == code))

    def most_frequent(self, tickets: Bools) -> tuple[str, int]:
        """The most frequent value of tickets that have one, the first by name among equals, and how many have it."""
        counts = np.bincount(self._codes[tickets])
        return str(self._names[int(counts.argmax())]), int(counts.max())


def _needs(rule: Rule) -> list[Condition]:
    """The conditions by value without which a rule does not fit."""
    parts = rule.when.parts if rule.when.kind == "all" else ()
    return [part for part in parts if isinstance(part, Condition) and part.operator in ("is", "in")]


def _contact_reasons(rule: Rule) -> list[str]:
    """The contact reasons that a rule names among what it needs."""
    conditions = [condition for condition in _needs(rule) if condition.field == "contact_reason"]
    return [value for condition in conditions for value in condition.operands if value is not None]


def _besides_the_reason(rule: Rule) -> str:
    """What a rule asks besides the reason."""
    rest = tuple(
        part for part in rule.when.parts if not (isinstance(part, Condition) and part.field == "contact_reason")
    )
    return Group("all", rest).in_words if rest else "no other condition"


def _queue(name: str) -> str:
    return labels.phrase("queue", name)


def _queues(names: Iterable[str]) -> str:
    return listed([_queue(name) for name in names])


def _lower_bound(part: int, whole: int) -> float:
    """The lower end of the 95% interval of a share."""
    return float(wilson(part, whole)["low"].iloc[0]) if whole else 0.0
