"""What is wrong with a set of routing rules, and whether logic or tickets say so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from opslib.analysis.methods.intervals import wilson
from opslib.analysis.routing_audit.rule_space import Box, RuleSpace, TooManyBoxes
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
    route,
)

Basis = Literal["exact", "tickets"]
FAULTS = {
    "unreachable": "its conditions contradict each other",
    "shadowed": "earlier rules take every ticket that it could take",
    "dead": "no ticket fits it",
    "conflict": "it takes tickets that belong to the queue of a later rule",
    "misroutes": "most of what it sends is solved in another queue",
    "no_fallback": "a ticket can fit no rule at all",
    "split_reason": "rules send one reason to different queues",
    "stale_value": "it names a value that no longer occurs",
    "overlap": "it and a later rule with another queue fit the same tickets, so that their order decides",
    "not_in_export": "it asks for a field that the export does not have",
}
SEVERITIES = ("fault", "look", "note")
COLUMNS = ("fault", "severity", "rule_id", "others", "queue", "basis", "tickets", "ticket_ids", "why")
LEAST_SEEN = 30
LEAST_SOLVED = 10
LEAST_CONFLICT = 5
EXAMPLES = 5
CLEARLY = 2 / 3


@dataclass(frozen=True)
class _Finding:
    fault: str
    severity: str
    rule_id: str
    others: str
    queue: str
    basis: Basis
    tickets: int
    ticket_ids: str
    why: str


def lint(rules: Iterable[Rule], fields: TicketFields, *, at: pd.Timestamp, recent_days: int = 56) -> pd.DataFrame:
    """Find what is wrong with the rules in force.

    Args:
        rules: all versions of all rules.
        fields: tickets of the past with the fields they had at creation, and, where known, first_queue and
            solved_queue. Give as long a past as there is: a rule for a rare reason is dead in a short one.
        at: the instant whose rules are meant.
        recent_days: a value that occurs in no ticket of so many days before `at` no longer occurs.

    Returns:
        One row per finding, the gravest first: fault (a key of `FAULTS`), severity (fault, look, note), rule_id,
        others (rules it has to do with), queue, basis, tickets (how many it touches), ticket_ids (the latest of them,
        separated by ;) and why in a sentence. The basis is `exact` where it follows from the conditions alone, whatever
        tickets come, and `tickets` where it is what the tickets given show.

    Notes:
        Exact reasoning covers is, is_not, in, less, greater, before and after on the fields of tickets, and what
        contained texts and named values imply for contains and matches. An overlap that rests on texts, or rules too
        entangled for the budget, are left to the tickets. A conflict is an overlap whose tickets are solved in the
        queue of the later rule rather than in that of the rule that took them, with a 95 % Wilson bound above one half.
        A rule misroutes where that bound of the share solved elsewhere is above one half. It is a fault where for one
        other queue it is above two thirds, so that another target would mend it, else something to look at.
    """
    return _Lint(in_order(rules), fields, at, recent_days).table()


class _Lint:
    def __init__(self, rules: Sequence[Rule], fields: TicketFields, at: pd.Timestamp, recent_days: int) -> None:
        self.fields, self.at = fields, at
        self.versions = [rule for rule in rules if rule.active(at)]
        self.rules = in_force(rules, at)
        self.space = RuleSpace(rule.when for rule in self.rules)
        self.boxes = [self._boxes(rule) for rule in self.rules]
        fits = [fields.fits(rule.when) for rule in self.rules]
        self.fit: list[Bools] = [surely for surely, _ in fits]
        self.unsure = [surely is not possibly for surely, possibly in fits]
        self.found = route(self.rules, fields)
        self.solved = _Named(fields, "solved_queue")
        self.ids = fields.tickets["ticket_id"].astype(str).to_numpy()
        created = pd.DatetimeIndex(fields.tickets["created_at"])
        self.latest_first = np.argsort(-fields.created, kind="stable")
        self.created = created
        self.recent_days = recent_days
        self.recent = np.asarray(created > at - pd.Timedelta(days=recent_days))
        self.findings: list[_Finding] = []
        self.idle: set[int] = set()
        self.unmet: set[int] = set()  # idle only because what they ask for has not come together yet

    def table(self) -> pd.DataFrame:
        for number in range(len(self.rules)):
            self._reach(number)
        conflicts = self._pairs()
        self._split_reasons(conflicts)
        self._misroutes({first for first, _ in conflicts})
        self._stale_values()
        self._fallback()
        self._not_in_export()
        order = {rule.rule_id: place for place, rule in enumerate(self.rules)}
        faults = list(FAULTS)
        self.findings.sort(
            key=lambda one: (
                SEVERITIES.index(one.severity),
                faults.index(one.fault),
                order.get(one.rule_id, len(order)),
            )
        )
        return pd.DataFrame([vars(one) for one in self.findings], columns=list(COLUMNS))

    def _boxes(self, rule: Rule) -> list[Box] | None:
        try:
            return self.space.boxes(rule.when)
        except TooManyBoxes:
            return None

    def _reach(self, number: int) -> None:
        """Whether any ticket can fit a rule, reach it, and did."""
        rule, boxes = self.rules[number], self.boxes[number]
        if boxes == []:
            self.idle.add(number)
            why = f"No ticket can fit: {rule.when}."
            self._say("unreachable", "fault", number, basis="exact", why=why)
            return
        takers = self._takers(number)
        fitting = self.fit[number]
        if takers:
            self.idle.add(number)
            names = [self.rules[each].rule_id for each in takers]
            queues = sorted({self.rules[each].queue for each in takers} - {rule.queue})
            sent = f" and send them to {_listed(queues)}" if queues else ""
            verb = "take" if len(takers) > 1 else "takes"
            sent = sent if len(takers) > 1 else sent.replace("send", "sends")
            why = f"{_listed(names)} {verb} every ticket that it could take{sent}."
            self._say("shadowed", "fault", number, takers, basis="exact", proof=fitting, why=why)
            if len(takers) == 1 and queues and self._same(takers[0], number):
                why = f"{rule.rule_id} and {names[0]} have the same conditions and different queues: {rule.when}."
                self._say("conflict", "fault", number, takers, basis="exact", proof=fitting, why=why)
            return
        if self.unsure[number]:
            return
        first = self.versions[number].active_from
        since = np.ones(len(self.ids), bool) if first is None else np.asarray(self.created >= first)
        seen = int(since.sum())
        if not fitting.any() and seen >= LEAST_SEEN:
            self.idle.add(number)
            cause = self._never_seen(rule)
            if not cause:
                self.unmet.add(number)
            why = f"None of {seen:,} tickets since {self.created[since].min():%Y-%m-%d} fits: {cause or rule.when}."
            self._say("dead", "fault" if cause else "look", number, basis="tickets", why=why)
            return
        takers = sorted(set(self.found[fitting].tolist()))
        # A fallback that nothing needs is as it should be, and an undecided ticket may yet be its.
        if fitting.sum() >= LEAST_SEEN and not rule.fits_all and takers[0] >= 0 and number not in takers:
            self.idle.add(number)
            names = [self.rules[each].rule_id for each in takers]
            why = f"All {int(fitting.sum()):,} tickets that fit were taken by {_listed(names)}."
            self._say("shadowed", "look", number, takers, proof=fitting, why=why)

    def _takers(self, number: int) -> list[int]:
        """The earlier rules that take everything a rule could, by logic; none where something is left or unknown."""
        left = self.boxes[number]
        if left is None:
            return []
        cutting = []
        for earlier in range(number):
            taken = self.boxes[earlier]
            if not taken:
                continue
            if not any(self.space.meet(one, other) is not None for one in left for other in taken):
                continue
            cutting.append(earlier)
            try:
                left = self.space.without(left, taken)
            except TooManyBoxes:
                return []
            if not left:
                alone = [one for one in cutting if self._inside(number, one)]
                return alone[:1] or cutting
        return []

    def _inside(self, inner: int, outer: int) -> bool:
        """Whether one rule fits only tickets that another fits, by logic."""
        small, large = self.boxes[inner], self.boxes[outer]
        if small is None or large is None:
            return False
        try:
            return not self.space.without(small, large)
        except TooManyBoxes:
            return False

    def _same(self, one: int, other: int) -> bool:
        return self._inside(one, other) and self._inside(other, one)

    def _never_seen(self, rule: Rule) -> str:
        """The condition that no ticket fulfils, where every value that it names occurs in none."""
        for part in rule.when.parts if rule.when.kind == "all" else ():
            if not isinstance(part, Condition) or part.operator not in ("is", "in"):
                continue
            if self.fields.knows(part.field) and not self.fields.mask(part).any():
                return f"{part.field} is never {' or '.join(str(value) for value in part.wanted)}"
        return ""

    def _pairs(self) -> set[tuple[int, int]]:
        """Overlaps of rules with different queues; returns the conflicts among them."""
        conflicts = set()
        live = [number for number in range(len(self.rules)) if number not in self.idle]
        solved_in = {queue: self.solved.is_in(queue) for queue in {rule.queue for rule in self.rules}}
        for place, first in enumerate(live):
            decided = self.found == first
            overlapping: list[tuple[int, bool]] = []
            for later in live[place + 1 :]:
                if self.rules[first].queue == self.rules[later].queue or self.rules[later].fits_all:
                    continue
                shared = self._shared(first, later)
                if shared == []:
                    continue
                both = decided & self.fit[later]
                here = int((both & solved_in[self.rules[first].queue]).sum())
                there = int((both & solved_in[self.rules[later].queue]).sum())
                if there >= LEAST_CONFLICT and _bound(there, here + there) > 0.5:
                    conflicts.add((first, later))
                    self._conflict(first, later, both & solved_in[self.rules[later].queue], here, there)
                elif not self._inside(first, later):
                    certain = shared is not None and any(self.space.certain(box) for box in shared)
                    if certain or both.any():
                        overlapping.append((later, certain))
            if overlapping:
                self._overlap(first, overlapping)
        return conflicts

    def _shared(self, one: int, other: int) -> list[Box] | None:
        """The boxes that two rules share; None where logic cannot say."""
        first, second = self.boxes[one], self.boxes[other]
        if first is None or second is None:
            return None
        met = (self.space.meet(a, b) for a in first for b in second)
        return [box for box in met if box is not None]

    def _conflict(self, first: int, later: int, proof: Bools, here: int, there: int) -> None:
        one, other = self.rules[first], self.rules[later]
        why = (
            f"It takes tickets that {other.rule_id} fits too. Of those, {there:,} were solved in {other.queue}, where "
            f"{other.rule_id} would have sent them, and {here:,} in {one.queue}."
        )
        self._say("conflict", "fault", first, [later], proof=proof, why=why)

    def _overlap(self, first: int, overlapping: list[tuple[int, bool]]) -> None:
        others = [later for later, _ in overlapping]
        both = (self.found == first) & np.logical_or.reduce([self.fit[later] for later in others])
        certain = any(sure for _, sure in overlapping)
        names = [self.rules[later].rule_id for later in others]
        shared = next(
            (box for later in others for box in self._shared(first, later) or [] if self.space.certain(box)), None
        )
        example = f", for instance {self.space.say(shared)}" if shared is not None else ""
        why = f"Some tickets fit it and {_listed(names)} as well{example}: it wins because it is tried first."
        self._say("overlap", "note", first, others, basis="exact" if certain else "tickets", proof=both, why=why)

    def _split_reasons(self, conflicts: set[tuple[int, int]]) -> None:
        senders: dict[str, list[int]] = {}
        for number, rule in enumerate(self.rules):
            if number not in self.idle or number in self.unmet:
                for reason in self._reasons(rule):
                    senders.setdefault(reason, []).append(number)
        groups: dict[tuple[int, ...], list[str]] = {}
        for reason, numbers in senders.items():
            if len({self.rules[number].queue for number in numbers}) > 1 and tuple(numbers) not in conflicts:
                groups.setdefault(tuple(numbers), []).append(reason)
        for group, reasons in groups.items():
            numbers = list(group)
            rules = [self.rules[each] for each in numbers]
            told = [f"{rule.rule_id} to {rule.queue} ({_apart(rule)})" for rule in rules]
            named, _ = self.fields.fits(Condition("contact_reason", "in", tuple(reasons)))
            proof = named & np.isin(self.found, numbers)
            one_each = [self._examples(proof & (self.found == each), 1) for each in numbers]
            why = f"{_listed(reasons)} {'goes' if len(reasons) == 1 else 'go'} by {_listed(told)}."
            self._say(
                "split_reason",
                "note",
                numbers[0],
                numbers[1:],
                basis="exact",
                proof=proof,
                why=why,
                examples="; ".join(each for each in one_each if each),
            )

    def _reasons(self, rule: Rule) -> list[str]:
        """The contact reasons that a rule names among what it needs."""
        if rule.when.kind != "all":
            return []
        return [
            str(value)
            for part in rule.when.parts
            if isinstance(part, Condition) and part.field == "contact_reason" and part.operator in ("is", "in")
            for value in part.wanted
            if value is not None
        ]

    def _misroutes(self, told: set[int]) -> None:
        first, solved = _Named(self.fields, "first_queue"), self.solved
        for number, rule in enumerate(self.rules):
            inside = self.fields.active(self.versions[number])
            sent = (self.found == number) & first.is_in(rule.queue) & solved.known
            sent = sent if inside is None else sent & inside
            elsewhere = sent & ~solved.is_in(rule.queue)
            total, wrong = int(sent.sum()), int(elsewhere.sum())
            if number in told or total < LEAST_SOLVED or _bound(wrong, total) <= 0.5:
                continue
            best, most = solved.most(elsewhere)
            better = _bound(most, total) > CLEARLY
            share, low, high = (100 * wilson(wrong, total).iloc[0]).round()
            why = (
                f"Of {total:,} solved tickets that it sent to {rule.queue} since "
                f"{self.created[sent].min():%Y-%m-%d}, {share:.0f} % ({low:.0f} to {high:.0f}) were solved elsewhere, "
                f"{most:,} of them in {best}."
            )
            self._say("misroutes", "fault" if better else "look", number, proof=elsewhere, why=why)

    def _stale_values(self) -> None:
        if self.recent.sum() < LEAST_SEEN:
            return
        recent = self.fields.tickets[self.recent]
        now: dict[str, set[str]] = {}
        for number, rule in enumerate(self.rules):
            if number in self.idle:
                continue
            gone: list[str] = []
            proof = np.zeros(len(self.ids), bool)
            for condition in conditions_of(rule.when):
                field = condition.field
                if condition.operator not in ("is", "in") or kind_of(field) != "text" or not self.fields.knows(field):
                    continue
                if field not in now:
                    now[field] = set(recent[field].dropna().astype(str).unique())
                for value in condition.wanted:
                    if value is None or value in now[field]:
                        continue
                    had = self.fields.mask(Condition(field, "is", (value,)))
                    last = f"last seen {self.created[had].max():%Y-%m-%d}" if had.any() else "never seen"
                    gone.append(f"{field} {value} ({last})")
                    proof |= had
            if gone:
                named = _listed(list(dict.fromkeys(gone)))
                why = f"None of {len(recent):,} tickets of the last {self.recent_days} days has {named}."
                self._say("stale_value", "note", number, proof=proof, why=why)

    def _fallback(self) -> None:
        if any(rule.fits_all for rule in self.rules):
            return
        missed = self.found == NOWHERE
        box: Box | None = None
        if all(boxes is not None for boxes in self.boxes):
            try:
                taken = [each for boxes in self.boxes for each in boxes or []]
                left = self.space.without([{}], taken)
                if not left:
                    return
                box = next((each for each in left if self.space.certain(each)), None)
            except TooManyBoxes:
                box = None
        if box is None and not missed.any():
            return
        example = f" A ticket that fits none: {self.space.say(box)}." if box is not None else ""
        why = f"{int(missed.sum()):,} of {len(missed):,} tickets fit no rule.{example}"
        self._say("no_fallback", "fault", None, basis="tickets" if box is None else "exact", proof=missed, why=why)

    def _not_in_export(self) -> None:
        for number, rule in enumerate(self.rules):
            absent = sorted({one.field for one in conditions_of(rule.when) if not self.fields.knows(one.field)})
            if absent:
                why = f"The tickets of this export have no {_listed(absent)}, so they cannot tell what it takes."
                self._say("not_in_export", "note", number, basis="exact", why=why)

    def _say(
        self,
        fault: str,
        severity: str,
        number: int | None,
        others: Iterable[int] = (),
        *,
        basis: Basis = "tickets",
        proof: Bools | None = None,
        why: str,
        examples: str | None = None,
    ) -> None:
        shown = examples if examples is not None else self._examples(proof, EXAMPLES)
        self.findings.append(
            _Finding(
                fault,
                severity,
                "" if number is None else self.rules[number].rule_id,
                "; ".join(self.rules[each].rule_id for each in others),
                "" if number is None else self.rules[number].queue,
                basis,
                0 if proof is None else int(proof.sum()),
                shown,
                why,
            )
        )

    def _examples(self, proof: Bools | None, most: int) -> str:
        """The latest tickets of a set."""
        if proof is None:
            return ""
        chosen = self.latest_first[proof[self.latest_first]][:most]
        return "; ".join(self.ids[chosen])


class _Named:
    """A text column of the tickets as codes of its values, all of them unknown where there is none."""

    def __init__(self, fields: TicketFields, name: str) -> None:
        values = fields.tickets[name] if fields.knows(name) else pd.Series(None, fields.tickets.index, dtype="str")
        codes, names = pd.factorize(values, sort=True)
        self.codes = np.asarray(codes, dtype=np.int64)
        self.names = pd.Index(names)
        self.known: Bools = self.codes >= 0

    def is_in(self, name: str) -> Bools:
        """Which tickets have the value."""
        [code] = self.names.get_indexer([name])
        return np.asarray(self.known & (self.codes == code))

    def most(self, chosen: Bools) -> tuple[str, int]:
        """The most frequent value of tickets that have one, the first by name among equals, and how many have it."""
        counts = np.bincount(self.codes[chosen])
        return str(self.names[int(counts.argmax())]), int(counts.max())


def _bound(part: int, whole: int) -> float:
    return float(wilson(part, whole)["low"].iloc[0]) if whole else 0.0


def _apart(rule: Rule) -> str:
    """What a rule asks besides the reason."""
    rest = tuple(
        part for part in rule.when.parts if not (isinstance(part, Condition) and part.field == "contact_reason")
    )
    return str(Group("all", rest)) if rest else "whatever else"


def _listed(items: Sequence[str]) -> str:
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else "".join(items)
