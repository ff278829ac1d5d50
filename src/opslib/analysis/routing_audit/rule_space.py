"""What rules can fit, decided exactly: every field's values fall into finitely many classes that no rule tells apart.

A field that rules name by value has one class per named value, one for every other value and one for empty; a number
or instant has its thresholds and the gaps between them. A ticket is then a choice of one class per field, and a rule
is a union of boxes, each with a set of classes per field. What a text contains or matches is a field of its own that is
true or false, tied to the values that rules name and to expressions contained in each other but otherwise free. So
what is proven empty is empty; a box that is left over exists for certain where it asks nothing of a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from opslib.analysis.routing_audit.rules import (
    TEXTUAL,
    Condition,
    FieldKind,
    Node,
    Rule,
    as_number,
    conditions_of,
    holds,
    kind_of,
)
from opslib.tables import PRIORITIES, TABLES

Box = dict[int, int]

MOST_BOXES = 256
_COMPARING = frozenset({"before", "after", "less", "greater"})
_OTHER = "\0other"
_FEW_CLASSES = 64


class TooManyBoxes(Exception):
    """Rules are too entangled to be decided within the budget; evidence from tickets is what remains."""


@dataclass(frozen=True)
class _Dimension:
    """A field, or one question to a text: its classes in words, and per condition the classes in which it holds."""

    name: str
    labels: tuple[str, ...]
    masks: dict[Condition, int]

    @property
    def full(self) -> int:
        """All classes."""
        return (1 << len(self.labels)) - 1


class RuleSpace:
    """The classes of all fields that some rules ask about."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        """Take all conditions that are to be compared with each other."""
        by_field: dict[str, list[Condition]] = {}
        free: dict[Condition, None] = {}
        for condition in (each for node in nodes for each in conditions_of(node)):
            comparable = condition.field == "priority" or condition.field in TABLES["tickets"].names
            if condition.operator in TEXTUAL or (condition.operator in _COMPARING and not comparable):
                free[condition] = None
            else:
                by_field.setdefault(condition.field, []).append(condition)
        self.dimensions: list[_Dimension] = []
        self._place: dict[Condition, int] = {}
        self._field_place: dict[str, int] = {}
        for field, conditions in by_field.items():
            self._field_place[field] = len(self.dimensions)
            self._add(field, list(dict.fromkeys(conditions)), [each for each in free if each.field == field])
        for condition in free:
            self._place[condition] = len(self.dimensions)
            self.dimensions.append(_Dimension(condition.field, ("no", "yes"), {condition: 0b10}))
        self._free = {self._place[condition]: condition for condition in free}

    @property
    def field_places(self) -> list[int]:
        """The dimensions that are fields, not the answers of single conditions on texts."""
        return list(self._field_place.values())

    def boxes(self, node: Node) -> list[Box]:
        """A node as a union of boxes, none of them empty.

        Raises:
            TooManyBoxes: it takes more than the budget.
        """
        if isinstance(node, Condition):
            place = self._place[node]
            mask = self.dimensions[place].masks[node]
            return [{place: mask}] if mask else []
        if node.kind == "any":
            return self._merged([box for part in node.parts for box in self.boxes(part)])
        common: list[Box] = [{}]
        for part in node.parts:
            part_boxes = self.boxes(part)
            common = [both for one in common for other in part_boxes if (both := self.meet(one, other)) is not None]
            _check_budget(common)
        return common

    def meet(self, one: Box, other: Box) -> Box | None:
        """What two boxes share; None where that is nothing."""
        both = dict(one)
        for place, mask in other.items():
            own = both.get(place)
            shared = mask if own is None else own & mask
            if not shared:
                return None
            both[place] = shared
        return both if self._consistent(both) else None

    def without(self, boxes: Sequence[Box], others: Sequence[Box]) -> list[Box]:
        """What is left of some boxes when others are cut away, in disjoint pieces per box.

        Raises:
            TooManyBoxes: there are more pieces than the budget.
        """
        rest = list(boxes)
        for other in others:
            rest = [piece for box in rest for piece in self._cut(box, other)]
            _check_budget(rest)
        return rest

    def certain(self, box: Box) -> bool:
        """Whether a box surely holds some ticket: it asks nothing of a text that only the text itself can answer."""
        return not any(place in self._free for place in box)

    def describe(self, box: Box) -> str:
        """A ticket of a box in words, one class per field that the box restricts."""
        phrases = []
        for place in sorted(box):
            dimension, mask = self.dimensions[place], box[place]
            if mask == dimension.full:
                continue
            label = dimension.labels[(mask & -mask).bit_length() - 1]
            name = dimension.name.replace("_", " ")
            phrases.append(f"{self._free[place]}: {label}" if place in self._free else f"{name} {label}")
        return ", ".join(phrases) or "any ticket"

    def _cut(self, box: Box, other: Box) -> list[Box]:
        if self.meet(box, other) is None:
            return [box]
        pieces, rest = [], dict(box)
        for place, mask in other.items():
            whole = rest.get(place, self.dimensions[place].full)
            if outside := whole & ~mask:
                piece = {**rest, place: outside}
                if self._consistent(piece):
                    pieces.append(piece)
            rest[place] = whole & mask
        return pieces

    def _merged(self, boxes: list[Box]) -> list[Box]:
        """Boxes that restrict one and the same field alone become one."""
        single: dict[int, int] = {}
        rest = []
        for box in boxes:
            if len(box) == 1:
                [(place, mask)] = box.items()
                single[place] = single.get(place, 0) | mask
            else:
                rest.append(box)
        _check_budget(rest)
        return [{place: mask} for place, mask in single.items()] + rest

    def _consistent(self, box: Box) -> bool:
        """Whether what a box asks of texts can be true together, as far as that is known."""
        if self._free.keys().isdisjoint(box):
            return True
        answers = [(self._free[place], mask) for place, mask in box.items() if place in self._free and mask in (1, 2)]
        return not answers or (self._fit_values(box, answers) and not self._contradict(answers))

    def _fit_values(self, box: Box, answers: Sequence[tuple[Condition, int]]) -> bool:
        """Whether, of each field, one of the box's values gives all the answers that are asked of its text."""
        able: Box = {}
        for condition, mask in answers:
            place = self._field_place.get(condition.field)
            if place is None or condition not in self.dimensions[place].masks:
                continue
            yes = self.dimensions[place].masks[condition]
            # The last two classes are "another value", which may answer either way, and "empty", which fits nothing.
            other = 1 << (len(self.dimensions[place].labels) - 2)
            fitting = yes | other if mask == 2 else ~yes | other
            able[place] = able.get(place, box.get(place, self.dimensions[place].full)) & fitting
        return all(able.values())

    @staticmethod
    def _contradict(answers: Sequence[tuple[Condition, int]]) -> bool:
        """Whether a text is to contain one text and yet not another that is part of it."""
        present, absent = (
            [condition for condition, mask in answers if mask == answer and condition.operator == "contains"]
            for answer in (2, 1)
        )
        return any(
            one.field == other.field and str(other.operands[0]).lower() in str(one.operands[0]).lower()
            for one in present
            for other in absent
        )

    def _add(self, field: str, conditions: list[Condition], textual: list[Condition]) -> None:
        """A field's classes, and for each condition on it, or on its text, the set of classes in which it holds."""
        kind = kind_of(field)
        if kind in ("number", "instant"):
            texts, numbers, labels = _gaps(field, kind, conditions)
        else:
            if kind == "ordered":
                values, others = list(PRIORITIES), []
            else:
                values = sorted({value for each in conditions for value in each.operands if value is not None})
                others = ["is something else"]
            texts = [*values, *([_OTHER] if others else []), None]
            labels = [*(f"is {value}" for value in values), *others, "is empty"]
            numbers = [as_number(value, kind) for value in texts]
        array, compared = pa.array(texts, pa.string()), np.array(numbers, dtype=np.float64)
        masks = {}
        for condition in [*conditions, *textual]:
            fitting = holds(condition, array, compared, kind)
            masks[condition] = sum(1 << int(place) for place in np.flatnonzero(fitting))
        for condition in conditions:
            self._place[condition] = len(self.dimensions)
        self.dimensions.append(_Dimension(field, tuple(labels), masks))


def _few_classes(mask: int) -> list[int]:
    """The classes of a mask; none where they are many."""
    if mask.bit_count() > _FEW_CLASSES:
        return []
    classes = []
    while mask:
        classes.append((mask & -mask).bit_length() - 1)
        mask &= mask - 1
    return classes


class RuleLogic:
    """Rules in the order in which they are tried, and what follows from their conditions, whatever tickets come.

    A question that the rules are too entangled to decide is answered with None, or with no finding.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Take the rules in force."""
        self._space = RuleSpace(rule.when for rule in rules)
        self._boxes = [self._boxes_of(rule.when) for rule in rules]
        self._by_class = self._rules_by_class()

    def is_impossible(self, number: int) -> bool:
        """Whether the conditions of a rule contradict each other, so that no ticket can fit it."""
        return self._boxes[number] == []

    def shadowing(self, number: int) -> list[int]:
        """The earlier rules that together take every ticket a rule could take: one alone where one does; else none."""
        rest = self._boxes[number]
        if rest is None:
            return []
        rivals = []
        for earlier in self._rules_near(rest, number):
            boxes = self._boxes[earlier]
            if not boxes or not any(self._space.meet(one, other) is not None for one in rest for other in boxes):
                continue
            rivals.append(earlier)
            try:
                rest = self._space.without(rest, boxes)
            except TooManyBoxes:
                return []
            if not rest:
                return next(([rival] for rival in rivals if self.is_inside(number, rival)), rivals)
        return []

    def _rules_by_class(self) -> dict[tuple[int, int | None], list[int]]:
        """Per field and class the rules that ask for it, and per field, under None, those that ask for many or none."""
        by_class: dict[tuple[int, int | None], list[int]] = {}
        for number, boxes in enumerate(self._boxes):
            for place in self._space.field_places:
                classes = {each for box in boxes or () for each in _few_classes(box.get(place, 0)) or (None,)}
                for each in classes:
                    by_class.setdefault((place, each), []).append(number)
        return by_class

    def _rules_near(self, boxes: Sequence[Box], number: int) -> list[int]:
        """The rules before one, but for those that ask for other values of a field than all of some boxes do."""
        near: set[int] = set()
        for box in boxes:
            lists = [
                [self._by_class.get((place, each), []) for each in (*classes, None)]
                for place in self._space.field_places
                if place in box and (classes := _few_classes(box[place]))
            ]
            if not lists:
                return list(range(number))
            near.update(*min(lists, key=lambda rules: sum(map(len, rules))))
        return sorted(each for each in near if each < number)

    def is_inside(self, inner: int, outer: int) -> bool:
        """Whether one rule fits only tickets that another fits."""
        small, large = self._boxes[inner], self._boxes[outer]
        if small is None or large is None:
            return False
        try:
            return not self._space.without(small, large)
        except TooManyBoxes:
            return False

    def is_same(self, one: int, other: int) -> bool:
        """Whether two rules fit the same tickets."""
        return self.is_inside(one, other) and self.is_inside(other, one)

    def shared(self, one: int, other: int) -> list[Box] | None:
        """The boxes of tickets that two rules fit; None where that is not decided."""
        first, second = self._boxes[one], self._boxes[other]
        if first is None or second is None:
            return None
        common = (self._space.meet(a, b) for a in first for b in second)
        return [box for box in common if box is not None]

    def uncovered(self) -> list[Box] | None:
        """The boxes of tickets that no rule fits; None where that is not decided."""
        covered: list[Box] = []
        for boxes in self._boxes:
            if boxes is None:
                return None
            covered += boxes
        try:
            return self._space.without([{}], covered)
        except TooManyBoxes:
            return None

    def certain(self, boxes: Iterable[Box]) -> Box | None:
        """The first of some boxes that surely holds a ticket; None where none is certain."""
        return next((box for box in boxes if self._space.certain(box)), None)

    def describe(self, box: Box) -> str:
        """A ticket of a box in words."""
        return self._space.describe(box)

    def _boxes_of(self, node: Node) -> list[Box] | None:
        try:
            return self._space.boxes(node)
        except TooManyBoxes:
            return None


def _gaps(field: str, kind: FieldKind, conditions: list[Condition]) -> tuple[list[str | None], list[float], list[str]]:
    """Thresholds and the gaps between them, empty last; a gap of whole numbers that has none in it is left out.

    Returns:
        Per class: a text that stands for it, the number that it is compared by, and the class in words.
    """
    pairs = sorted(
        {
            (as_number(value, kind), value)
            for each in conditions
            for value in each.operands
            if value is not None and not np.isnan(as_number(value, kind))
        }
    )
    thresholds = sorted({number for number, _ in pairs})
    text_of = dict(reversed(pairs))
    whole = kind == "instant" or TABLES["tickets"][field].type == "integer"
    below, above = ("before", "after") if kind == "instant" else ("below", "above")
    classes: list[tuple[str | None, float, str]] = []
    for place, high in enumerate(thresholds):
        low = thresholds[place - 1] if place else high - 2
        inside = (np.floor(low) + 1) if whole else (low + high) / 2
        if inside < high:
            label = f"{below} {text_of[high]}" + (f" and {above} {text_of[low]}" if place else "")
            classes.append((_OTHER, float(inside), label))
        if not whole or float(high).is_integer():
            classes.append((text_of[high], high, f"is {text_of[high]}"))
    if thresholds:
        classes.append((_OTHER, thresholds[-1] + 1, f"{above} {text_of[thresholds[-1]]}"))
    else:
        classes.append((_OTHER, 0.0, "is any"))
    classes.append((None, np.nan, "is empty"))
    texts, numbers, labels = zip(*classes, strict=True)
    return list(texts), list(numbers), list(labels)


def _check_budget(boxes: Sequence[Box]) -> None:
    """Refuse to go on with more boxes than can be compared in reasonable time."""
    if len(boxes) > MOST_BOXES:
        raise TooManyBoxes(f"more than {MOST_BOXES} boxes")
