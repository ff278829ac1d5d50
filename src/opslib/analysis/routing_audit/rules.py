"""Routing rules: what they say, which tickets they fit, and where they send each.

Conditions are `all` or `any` of (field, operator, value), as deep as one likes; the first rule that fits decides.

| operator | fits where the field |
|---|---|
| is, in | has the value, or one of the values, case and all; `null` is an empty field |
| is_not | has another value, or is empty |
| contains | has the text in it, whatever its case |
| matches | has a place that fits the regular expression (RE2: no look-ahead, no back-reference) |
| before, after | is an instant before or after the value; a date is its midnight in UTC |
| less, greater | is a number below or above the value; a priority is ordered from low to urgent |

An empty field fits nothing but `is_not` and `null`. A field that the tickets do not have is not empty but unknown: a
rule may or may not fit then, and a ticket for which that matters is undecided.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeGuard, cast, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from opslib import labels
from opslib.analysis.methods.small_groups import distinct_people
from opslib.errors import OpslibError
from opslib.tables import PRIORITIES, TABLES

Operator = Literal["is", "is_not", "in", "contains", "matches", "before", "after", "less", "greater"]
FieldKind = Literal["text", "number", "instant", "ordered"]
Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]

OPERATORS = get_args(Operator)
NOWHERE, UNDECIDED = -1, -2
TEXTUAL = frozenset({"contains", "matches"})
_COMPARING = frozenset({"before", "after", "less", "greater"})
_RANK = {name: rank for rank, name in enumerate(PRIORITIES)}
_KINDS: tuple[Literal["all"], Literal["any"]] = ("all", "any")
_COMPARED_BY: dict[FieldKind, str] = {
    "text": "is, is_not or in",
    "number": "less or greater",
    "ordered": "less or greater",
    "instant": "before or after",
}
_VALUE_OF: dict[FieldKind, str] = {
    "number": "a number",
    "ordered": f"one of {', '.join(PRIORITIES)}",
    "instant": "an instant like 2026-03-13T09:00:00Z",
}
_OPERATORS_IN_WORDS: dict[Operator, str] = {
    "is": "is",
    "is_not": "is not",
    "in": "is",
    "contains": "has",
    "matches": "matches",
    "before": "is before",
    "after": "is after",
    "less": "is below",
    "greater": "is above",
}
_VALUES_NAMED = 3
_SHAPE = 'write {"all": [[field, operator, value], …]} or {"any": […]}'


Place = tuple[str | int, ...]


class RuleError(OpslibError):
    """A routing rule cannot be read; the message names the rule and the condition, a line for each that is wrong.

    Attributes:
        problems: the same by place: the keys and positions that lead to it within the conditions, and what is wrong.
    """

    def __init__(self, message: str, problems: Sequence[tuple[Place, str]] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Condition:
    """One condition; `operands` has one entry but for `in`, and None stands for an empty field."""

    field: str
    operator: Operator
    operands: tuple[str | None, ...]

    def __str__(self) -> str:
        values = ["empty" if value is None else value for value in self.operands]
        return f"{self.field} {self.operator.replace('_', ' ')} {' or '.join(values)}"

    @property
    def in_words(self) -> str:
        """The condition as a sentence says it: `contact reason is refund not received`."""
        return f"{labels.field_name(self.field)} {_OPERATORS_IN_WORDS[self.operator]} {self._values_in_words}"

    @property
    def subject(self) -> str:
        """What it is about, in as few words as tell it: the values that it asks for, where it asks for values."""
        return self._values_in_words if self.operator in ("is", "in") and None not in self.operands else self.in_words

    @property
    def _values_in_words(self) -> str:
        values = ["empty" if value is None else labels.phrase(self.field, value) for value in self.operands]
        rest = len(values) - _VALUES_NAMED
        return " or ".join([*values[:_VALUES_NAMED], f"{rest} more"] if rest > 1 else values)


@dataclass(frozen=True)
class Group:
    """Conditions of which all, or any one, must fit; `all` of nothing fits every ticket."""

    kind: Literal["all", "any"]
    parts: tuple[Condition | Group, ...]

    def __str__(self) -> str:
        if not self.parts:
            return "every ticket"
        texts = [f"({part})" if isinstance(part, Group) and len(part.parts) > 1 else str(part) for part in self.parts]
        return (" and " if self.kind == "all" else " or ").join(texts)

    @property
    def in_words(self) -> str:
        """The conditions as a sentence says them."""
        if not self.parts:
            return "every ticket"
        texts = [
            f"({part.in_words})" if isinstance(part, Group) and len(part.parts) > 1 else part.in_words
            for part in self.parts
        ]
        return (" and " if self.kind == "all" else " or ").join(texts)

    @property
    def subject(self) -> str:
        """What they are about, in as few words as tell it."""
        texts = [
            f"({part.subject})" if isinstance(part, Group) and len(part.parts) > 1 else part.subject
            for part in self.parts
        ]
        return (", " if self.kind == "all" else " or ").join(texts) or "everything else"


Node = Condition | Group


@dataclass(frozen=True)
class Rule:
    """One version of a rule: where it stands, whom it fits, where it sends them and when it was in force."""

    rule_id: str
    position: int
    when: Group
    queue: str
    active_from: pd.Timestamp | None = None
    active_to: pd.Timestamp | None = None

    @property
    def name(self) -> str:
        """What a reader calls it: its id, and its label or else what it is about and where it sends that.

        >>> Rule("R-134", 1, Group("all", (Condition("contact_reason", "is", ("refund",)),)), "commerce_orders").name
        'R-134 (refund → commerce orders)'
        """
        label = labels.phrase("rule", self.rule_id)
        if label != self.rule_id:
            return f"{self.rule_id} ({label})"
        return f"{self.rule_id} ({self.when.subject} → {labels.phrase('queue', self.queue)})"

    @property
    def fits_all(self) -> bool:
        """Whether it has no condition: the fallback."""
        return self.when == Group("all", ())

    def active(self, at: pd.Timestamp) -> bool:
        """Whether it was in force at an instant."""
        begun = self.active_from is None or self.active_from <= at
        return begun and (self.active_to is None or at < self.active_to)


def conditions_of(node: Node) -> Iterator[Condition]:
    """All conditions of a node, from left to right."""
    if isinstance(node, Condition):
        yield node
    else:
        for part in node.parts:
            yield from conditions_of(part)


def parse_conditions(source: str | Mapping[str, Any] | Sequence[Any], rule_id: str) -> Group:
    """Read the conditions of a rule.

    Args:
        source: JSON, or what JSON or YAML gave: {"all": […]}, {"any": […]}, or both, of which each must hold.
        rule_id: the rule, for messages.

    Returns:
        The conditions as a group.

    Raises:
        RuleError: the conditions are not written so, an operator does not exist or does not suit the field, or a value
            is no number, instant or expression where one is needed; all that is wrong is listed.

    >>> str(parse_conditions('{"all": [["channel", "is", "email"], ["form", "is_not", "other"]]}', "R-1"))
    'channel is email and form is not other'
    """
    if isinstance(source, str):
        try:
            source = json.loads(source)
        except json.JSONDecodeError as error:
            raise RuleError(f"rule {rule_id}: the conditions are not JSON ({error.msg}); {_SHAPE}") from error
    try:
        node = _node(source, ())
    except _Unreadable as error:
        lines = [f"rule {rule_id}, {_path(place)}: {problem}" for place, problem in error.problems]
        raise RuleError("\n".join(lines), error.problems) from error
    return node if isinstance(node, Group) else Group("all", (node,))


def read_rules(rows: pd.DataFrame) -> list[Rule]:
    """Read the rows of the table routing_rules.

    Args:
        rows: rule_id, position, conditions (JSON), target_queue, active_from, active_to (optional).

    Returns:
        All versions of all rules in the order in which they are tried.

    Raises:
        RuleError: some conditions cannot be read; the message lists all of them.
    """
    rules, complaints = [], []
    for row in rows.to_dict("records"):
        rule_id = str(row["rule_id"])
        try:
            when = parse_conditions(row["conditions"], rule_id)
        except RuleError as error:
            complaints.append(str(error))
            continue
        bounds = [_instant_or_none(row.get(name)) for name in ("active_from", "active_to")]
        rules.append(Rule(rule_id, int(row["position"]), when, str(row["target_queue"]), *bounds))
    if complaints:
        raise RuleError("\n".join(complaints))
    return in_order(rules)


def in_order(rules: Iterable[Rule]) -> list[Rule]:
    """Rules in the order in which they are tried: by position, then by name, then the older version first."""
    start = pd.Timestamp.min.tz_localize("UTC")
    return sorted(rules, key=lambda rule: (rule.position, rule.rule_id, rule.active_from or start))


def in_force(rules: Iterable[Rule], at: pd.Timestamp) -> list[Rule]:
    """The versions in force at an instant, in order, as if they had always been."""
    return [replace(rule, active_from=None, active_to=None) for rule in in_order(rules) if rule.active(at)]


def kind_of(field: str, conditions: Iterable[Condition] = ()) -> FieldKind:
    """How the values of a field compare: as its column is typed, else as the conditions on it ask."""
    if field == "priority":
        return "ordered"
    if field in TABLES["tickets"].names:
        match TABLES["tickets"][field].type:
            case "instant" | "date":
                return "instant"
            case "integer" | "number":
                return "number"
        return "text"
    operators = {condition.operator for condition in conditions}
    if operators & {"before", "after"}:
        return "instant"
    return "number" if operators & {"less", "greater"} else "text"


def as_number(value: str | None, kind: FieldKind) -> float:
    """A value as the number that it is compared by (instants as seconds since 1970); NaN where it is none."""
    if value is None:
        return np.nan
    if kind == "ordered":
        return float(_RANK.get(value, np.nan))
    if kind == "instant":
        instant = _instant(value)
        return np.nan if instant is None else instant.timestamp()
    try:
        return float(value)
    except ValueError:
        return np.nan


def holds(condition: Condition, texts: pa.Array, numbers: npt.NDArray[np.float64], kind: FieldKind) -> Bools:
    """Whether a condition holds for each of some values of its field.

    Args:
        condition: what is asked.
        texts: the values as text, null where empty.
        numbers: the same as numbers by `as_number`, NaN where they are none.
        kind: how the field's values compare.

    Returns:
        One bool per value.
    """
    match condition.operator:
        case "is" | "in":
            return _among(condition.operands, texts, numbers, kind)
        case "is_not":
            return ~_among(condition.operands, texts, numbers, kind)
        case "contains":
            return _as_bools(pc.match_substring(pc.utf8_lower(texts), str(condition.operands[0]).lower()))
        case "matches":
            return _as_bools(pc.match_substring_regex(texts, str(condition.operands[0])))
        case "before" | "less":
            return numbers < as_number(condition.operands[0], kind)
        case "after" | "greater":
            return numbers > as_number(condition.operands[0], kind)


class TicketFields:
    """Tickets by columns, each with its distinct values, so that a condition is asked once per value.

    A condition that several rules share is evaluated once, and a column only when a rule asks for it.
    """

    def __init__(self, tickets: pd.DataFrame, *, unknown: Iterable[str] = ()) -> None:
        """Take tickets with the fields they had at creation.

        Args:
            tickets: one row per ticket; ticket_id, created_at and any fields.
            unknown: columns that are there but not in the export.
        """
        self.tickets = tickets
        self.unknown = frozenset(unknown)
        self._columns: dict[tuple[str, FieldKind], _Column] = {}
        self._masks: dict[Condition, Bools] = {}

    def __len__(self) -> int:
        return len(self.tickets)

    @cached_property
    def created(self) -> Integers:
        """Creation in microseconds since 1970."""
        created = pd.to_datetime(self.tickets["created_at"], utc=True)
        return np.asarray(created.dt.as_unit("us").astype("int64"), dtype=np.int64)

    def knows(self, field: str) -> bool:
        """Whether the tickets have the field."""
        return field in self.tickets.columns and field not in self.unknown

    def occurring(self, field: str) -> pd.Series:
        """Per value of a text field how many tickets have it."""
        return self.tickets[field].dropna().astype(str).value_counts()

    def mask(self, condition: Condition) -> Bools:
        """Which tickets a condition fits.

        Raises:
            RuleError: the tickets have no such field.
        """
        if condition not in self._masks:
            if not self.knows(condition.field):
                raise RuleError(f"the tickets have no field {condition.field!r}; ask `fits` which rules may fit")
            self._masks[condition] = self._column(condition).mask(condition)
        return self._masks[condition]

    def fits(self, node: Node) -> tuple[Bools, Bools]:
        """Which tickets conditions fit surely, and which possibly: the same where every field is known."""
        if isinstance(node, Condition):
            if self.knows(node.field):
                return (mask := self.mask(node)), mask
            return np.zeros(len(self), bool), np.ones(len(self), bool)
        if not node.parts:
            return (everything := np.ones(len(self), bool)), everything
        surely, possibly = self.fits(node.parts[0])
        for part in node.parts[1:]:
            more = self.fits(part)
            same = surely is possibly and more[0] is more[1]
            combine = np.logical_and if node.kind == "all" else np.logical_or
            surely = combine(surely, more[0])
            possibly = surely if same else combine(possibly, more[1])
        return surely, possibly

    def active(self, rule: Rule) -> Bools | None:
        """Which tickets were created while a rule was in force; None for all."""
        inside: Bools | None = None
        if rule.active_from is not None:
            inside = self.created >= rule.active_from.value // 1000
        if rule.active_to is not None:
            until = self.created < rule.active_to.value // 1000
            inside = until if inside is None else inside & until
        return inside

    def _column(self, condition: Condition) -> _Column:
        field = condition.field
        kind = kind_of(field, [condition])
        if (field, kind) not in self._columns:
            self._columns[field, kind] = _Column(self.tickets[field], kind)
        return self._columns[field, kind]


def route(rules: Sequence[Rule], fields: TicketFields) -> Integers:
    """Find the rule that decides each ticket: the first in force at its creation that fits.

    Args:
        rules: in the order in which they are tried.
        fields: the tickets.

    Returns:
        Per ticket the position in `rules`; NOWHERE (-1) where none fits, UNDECIDED (-2) where a rule that is reached
        asks for a field that the tickets do not have.
    """
    places = np.full(len(fields), NOWHERE, dtype=np.int64)
    open_tickets = np.ones(len(fields), bool)
    for number, rule in enumerate(rules):
        surely, possibly = fields.fits(rule.when)
        active = fields.active(rule)
        here = open_tickets & possibly if active is None else open_tickets & possibly & active
        if surely is possibly:
            places[here] = number
        else:
            places[here] = np.where(surely[here], number, UNDECIDED)
        open_tickets &= ~here
        if not open_tickets.any():
            break
    return places


def queues_of(rules: Sequence[Rule], places: Integers) -> pd.Series:
    """The queue of each ticket by the places of `route`; missing where it was sent nowhere or is undecided."""
    return _at([rule.queue for rule in rules], places)


def rule_ids_of(rules: Sequence[Rule], places: Integers) -> pd.Series:
    """The name of the rule that decides each ticket by the places of `route`; missing where none does."""
    return _at([rule.rule_id for rule in rules], places)


def _at(texts: Sequence[str], places: Integers) -> pd.Series:
    """The text at each place; missing at negative ones."""
    array = pd.array(texts or [""], dtype="str")
    return pd.Series(array.take(np.maximum(places, 0)), dtype="str").where(places >= 0)


def listed(items: Sequence[str]) -> str:
    """Items as a sentence lists them.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return f"{', '.join(items[:-1])} and {items[-1]}" if len(items) > 1 else "".join(items)


def learn_rules(tickets: pd.DataFrame, *, field: str = "contact_reason", least: int = 5) -> list[Rule]:
    """Make the simplest rule set that the past suggests: each value of a field to the queue that solves most of it.

    Args:
        tickets: `field` and solved_queue; tickets without either are left out.
        field: which field decides.
        least: values of fewer people (of fewer tickets, where requester_id tells nobody) get no rule of their own.

    Returns:
        One rule per queue, the fallback to the queue that solves most of all last. Nothing for no tickets.

    >>> solved = pd.DataFrame({"contact_reason": ["a"] * 5 + ["b"] * 6, "solved_queue": ["x"] * 5 + ["y"] * 6})
    >>> [f"{rule.when} -> {rule.queue}" for rule in learn_rules(solved)]
    ['contact_reason in a -> x', 'contact_reason in b -> y', 'every ticket -> y']
    """
    solves = tickets[tickets[[field, "solved_queue"]].notna().all(axis=1)]
    if solves.empty:
        return []
    people = distinct_people(solves).groupby(solves[field]).nunique()
    counts = solves.groupby([field, "solved_queue"], observed=True).size().rename("tickets").reset_index()
    counts = counts.sort_values([field, "tickets", "solved_queue"], ascending=[True, False, True], kind="stable")
    best = counts.drop_duplicates(field)
    enough = set(people.index[people >= least])
    rules: list[Rule] = []
    for queue, rows in best[best[field].isin(enough)].groupby("solved_queue", sort=True):
        values = tuple(sorted(str(value) for value in rows[field]))
        rules.append(
            Rule(
                f"learnt-{len(rules) + 1}",
                10 * len(rules) + 10,
                Group("all", (Condition(field, "in", values),)),
                str(queue),
            )
        )
    fallback = solves["solved_queue"].value_counts().sort_index().idxmax()
    return [*rules, Rule("learnt-fallback", 10 * len(rules) + 10, Group("all", ()), str(fallback))]


class _Column:
    """A column as codes of its distinct values; the code after the last stands for an empty field."""

    def __init__(self, values: pd.Series, kind: FieldKind) -> None:
        codes, distinct = pd.factorize(values, use_na_sentinel=True)
        self.kind = kind
        self.codes = np.where(codes < 0, len(distinct), codes).astype(np.int32)
        self.distinct = pd.Series(distinct)

    @cached_property
    def texts(self) -> pa.Array:
        """The distinct values as the exports write them, null last."""
        if pd.api.types.is_datetime64_any_dtype(self.distinct):
            texts = self.distinct.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        elif pd.api.types.is_numeric_dtype(self.distinct) or self.distinct.dtype == object:
            texts = self.distinct.map(_value_text)
        else:
            texts = self.distinct
        return pa.array([*texts, None], pa.string())

    @cached_property
    def lower_texts(self) -> pa.Array:
        """The same in lower case."""
        return pc.utf8_lower(self.texts)

    @cached_property
    def numbers(self) -> npt.NDArray[np.float64]:
        """The distinct values as the numbers that they are compared by, NaN where they are none."""
        if pd.api.types.is_datetime64_any_dtype(self.distinct):
            numbers = pd.to_datetime(self.distinct, utc=True).dt.as_unit("us").astype("int64").to_numpy() / 1e6
        elif self.kind == "number":
            numbers = pd.to_numeric(self.distinct, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        elif self.kind == "text":
            numbers = np.full(len(self.distinct), np.nan)
        else:
            numbers = np.array([as_number(_value_text(value), self.kind) for value in self.distinct], dtype=np.float64)
        return np.append(numbers, np.nan)

    def mask(self, condition: Condition) -> Bools:
        """Which rows a condition fits."""
        if condition.operator == "contains":
            fitting = _as_bools(pc.match_substring(self.lower_texts, str(condition.operands[0]).lower()))
        else:
            fitting = holds(condition, self.texts, self.numbers, self.kind)
        return fitting[self.codes]


def _among(values: tuple[str | None, ...], texts: pa.Array, numbers: npt.NDArray[np.float64], kind: FieldKind) -> Bools:
    """Which values of a field are one of some others, by number or by text."""
    if kind in ("number", "instant"):
        others = [number for value in values if not np.isnan(number := as_number(value, kind))]
        by_number = np.isin(numbers, others)
    else:
        by_number = np.zeros(len(numbers), bool)
    # Text compares too: a field that is a number by the conditions on it may still hold words.
    spellings = pa.array([value for value in values if value is not None], pa.string())
    by_text = _as_bools(pc.is_in(texts, value_set=spellings))
    empty = _as_bools(pc.is_null(texts)) if None in values else np.zeros(len(numbers), bool)
    return by_number | by_text | empty


def _as_bools(answers: pa.Array) -> Bools:
    """Answers of Arrow as an array, null as no."""
    return cast(Bools, pc.fill_null(answers, False).to_numpy(zero_copy_only=False))


class _Unreadable(Exception):
    """What is wrong within some conditions, by place."""

    def __init__(self, *problems: tuple[Place, str]) -> None:
        super().__init__()
        self.problems = problems


def _path(place: Place) -> str:
    """A place as one writes it: `conditions.all[1].any[0]`."""
    return "conditions" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)


def _node(source: Any, place: Place) -> Node:
    """A group or a condition, as the source has it."""
    if isinstance(source, Mapping):
        return _group(source, place)
    if _is_list(source):
        return _condition(source, place)
    raise _Unreadable((place, f"{_quoted(source)} is no condition; {_SHAPE}"))


def _group(source: Mapping[str, Any], place: Place) -> Group:
    """The conditions under `all`, those under `any`, or both as one group."""
    unknown = sorted(set(map(str, source)) - {"all", "any"})
    if unknown or not source:
        lack = f"{_quoted(unknown[0])} is neither `all` nor `any`" if unknown else "there is neither `all` nor `any`"
        raise _Unreadable((place, f"{lack}; {_SHAPE}"))
    groups: list[Group] = []
    problems: list[tuple[Place, str]] = []
    for kind in _KINDS:
        if kind not in source:
            continue
        parts, here = source[kind], (*place, kind)
        if not _is_list(parts):
            problems.append((here, f"{_quoted(parts)} is no list of conditions; {_SHAPE}"))
            continue
        if kind == "any" and not parts:
            if "all" not in source:
                problems.append((here, '`any` of nothing fits no ticket; for every ticket write {"all": []}'))
            continue
        nodes = []
        for number, part in enumerate(parts):
            try:
                nodes.append(_node(part, (*here, number)))
            except _Unreadable as error:
                problems += error.problems
        groups.append(Group(kind, tuple(nodes)))
    if problems:
        raise _Unreadable(*problems)
    if len(groups) == 1:
        return groups[0]
    return Group("all", (*groups[0].parts, groups[1]))


def _condition(source: Sequence[Any], place: Place) -> Condition:
    """A field, an operator that there is and that suits it, and a value or a list of them."""
    if len(source) != 3 or not isinstance(source[0], str) or not source[0]:
        raise _Unreadable((place, f"{_quoted(source)} is not [field, operator, value]"))
    field, operator, value = source
    if operator not in OPERATORS:
        raise _Unreadable((place, f"there is no operator {_quoted(operator)}; there are {', '.join(OPERATORS)}"))
    values = list(value) if _is_list(value) else [value]
    if operator != "in" and _is_list(value):
        raise _Unreadable((place, f"`{operator}` takes one value, not a list; for several write `in`"))
    if any(isinstance(each, (Mapping, list, tuple)) for each in values):
        raise _Unreadable((place, f"{_quoted(value)} is no value; write text, a number or null"))
    if operator not in ("is", "is_not", "in") and value in (None, ""):
        raise _Unreadable((place, f"`{operator}` needs a value; for an empty field write `is` null"))
    condition = Condition(field, operator, tuple(None if each is None else _value_text(each) for each in values))
    if problem := _misfit(condition):
        raise _Unreadable((place, problem))
    return condition


def _misfit(condition: Condition) -> str:
    """What is wrong with an operator for its field or a value for its operator; empty where it fits."""
    field, operator, kind = condition.field, condition.operator, kind_of(condition.field, [condition])
    value = condition.operands[0] if condition.operands else None
    if operator in _COMPARING:
        fitting = ("instant",) if operator in ("before", "after") else ("number", "ordered")
        if kind not in fitting:
            return f"`{operator}` does not suit {field!r}; it takes {_COMPARED_BY[kind]}"
        if np.isnan(as_number(value, kind)):
            return f"{_quoted(value)} is not {_VALUE_OF[kind]}"
    if operator in TEXTUAL and kind != "text":
        return f"`{operator}` looks into text, and {field!r} is none"
    if operator == "matches":
        try:
            pc.match_substring_regex(pa.array([""]), str(value))
        except pa.ArrowInvalid as error:
            return f"{_quoted(value)} is no regular expression of RE2: {str(error).splitlines()[0]}"
    return ""


def _is_list(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, (list, tuple))


def _value_text(value: object) -> str:
    """A value as the exports write it: whole numbers without a point, `true` and `false`, instants in ISO form.

    >>> _value_text(3.0), _value_text(True), _value_text("web")
    ('3', 'true', 'web')
    """
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _instant(value: str) -> pd.Timestamp | None:
    """An instant in UTC; None where the text is none."""
    try:
        return _instant_or_none(value)
    except (ValueError, OverflowError):
        return None


def _instant_or_none(value: Any) -> pd.Timestamp | None:
    """An instant in UTC; None for an empty value."""
    if pd.isna(value):
        return None
    instant = pd.Timestamp(value)
    return instant.tz_localize("UTC") if instant.tzinfo is None else instant.tz_convert("UTC")


def _quoted(value: object) -> str:
    """A value in quotes, cut where it is long."""
    text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
    return repr(text if len(text) <= 60 else f"{text[:57]}…")
