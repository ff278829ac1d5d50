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


class TooManyBoxes(Exception):
    """Rules are too entangled to be decided within the budget; evidence from tickets is what remains."""


@dataclass(frozen=True)
class _Dimension:
    """A field, or one question to a text: the conditions on it and, class by class, what stands for it."""

    name: str
    shown: tuple[str, ...]
    masks: dict[Condition, int]

    @property
    def full(self) -> int:
        return (1 << len(self.shown)) - 1


class RuleSpace:
    """The classes of all fields that some rules ask about."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        """Take all conditions that are to be compared with each other."""
        asked: dict[str, list[Condition]] = {}
        free: list[Condition] = []
        for node in nodes:
            for condition in conditions_of(node):
                kind = kind_of(condition.field, [condition])
                known = condition.field == "priority" or condition.field in TABLES["tickets"].names
                if condition.operator in TEXTUAL or (condition.operator in _COMPARING and not known):
                    free.append(condition)
                else:
                    asked.setdefault(condition.field, []).append(condition)
        self.dimensions: list[_Dimension] = []
        self._place: dict[Condition, int] = {}
        self._plain: dict[str, int] = {}
        for field, conditions in asked.items():
            kind = kind_of(field)
            unique = list(dict.fromkeys(conditions))
            self._plain[field] = len(self.dimensions)
            named = [each for each in dict.fromkeys(free) if each.field == field]
            self._add(field, kind, unique, named)
        for condition in dict.fromkeys(free):
            self._place[condition] = len(self.dimensions)
            self.dimensions.append(_Dimension(condition.field, ("no", "yes"), {condition: 0b10}))
        self._free = {self._place[condition]: condition for condition in dict.fromkeys(free)}

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
        found: list[Box] = [{}]
        for part in node.parts:
            wide = self.boxes(part)
            found = [both for one in found for other in wide if (both := self.meet(one, other)) is not None]
            _within_budget(found)
        return found

    def meet(self, one: Box, other: Box) -> Box | None:
        """What two boxes share; None where that is nothing."""
        both = dict(one)
        for place, mask in other.items():
            had = both.get(place)
            shared = mask if had is None else had & mask
            if not shared:
                return None
            both[place] = shared
        return both if self._consistent(both) else None

    def without(self, boxes: Sequence[Box], taken: Sequence[Box]) -> list[Box]:
        """What is left of some boxes when others are taken away, in disjoint pieces per box.

        Raises:
            TooManyBoxes: there are more pieces than the budget.
        """
        left = list(boxes)
        for other in taken:
            pieces = []
            for box in left:
                pieces += self._cut(box, other)
            left = pieces
            _within_budget(left)
        return left

    def certain(self, box: Box) -> bool:
        """Whether a box surely holds some ticket: it asks nothing of a text that only the text itself can answer."""
        return not any(place in self._free for place in box)

    def say(self, box: Box) -> str:
        """A ticket of a box in words, one class per field that the box restricts."""
        said = []
        for place in sorted(box):
            dimension, mask = self.dimensions[place], box[place]
            if mask == dimension.full:
                continue
            first = dimension.shown[(mask & -mask).bit_length() - 1]
            if place in self._free:
                said.append(f"{self._free[place]}: {first}")
            else:
                said.append(f"{dimension.name} {first}")
        return ", ".join(said) or "any ticket"

    def _cut(self, box: Box, other: Box) -> list[Box]:
        if self.meet(box, other) is None:
            return [box]
        pieces, kept = [], dict(box)
        for place, mask in other.items():
            full = self.dimensions[place].full
            outside = kept.get(place, full) & ~mask
            if outside:
                piece = {**kept, place: outside}
                if self._consistent(piece):
                    pieces.append(piece)
            kept[place] = kept.get(place, full) & mask
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
        _within_budget(rest)
        return [{place: mask} for place, mask in single.items()] + rest

    def _consistent(self, box: Box) -> bool:
        """Whether what a box asks of texts can be true together, as far as that is known."""
        if self._free.keys().isdisjoint(box):
            return True
        asked = [(self._free[place], mask) for place, mask in box.items() if place in self._free and mask in (1, 2)]
        if not asked:
            return True
        able: Box = {}
        for condition, mask in asked:
            plain = self._plain.get(condition.field)
            if plain is None or condition not in self.dimensions[plain].masks:
                continue
            answers = self.dimensions[plain].masks[condition]
            # The last two classes are "another value", which may answer either way, and "empty", which fits nothing.
            other = 1 << (len(self.dimensions[plain].shown) - 2)
            able[plain] = able.get(plain, box.get(plain, self.dimensions[plain].full)) & (
                answers | other if mask == 2 else ~answers | other
            )
        if not all(able.values()):
            return False
        there = [one for one, mask in asked if mask == 2 and one.operator == "contains"]
        absent = [one for one, mask in asked if mask == 1 and one.operator == "contains"]
        return not any(
            one.field == other.field and str(other.wanted[0]).lower() in str(one.wanted[0]).lower()
            for one in there
            for other in absent
        )

    def _add(self, field: str, kind: FieldKind, conditions: list[Condition], named: list[Condition]) -> None:
        """A field's classes, and for each condition on it the set of classes in which it holds."""
        if kind in ("number", "instant"):
            texts, numbers, shown = _gaps(field, kind, conditions)
        else:
            values = sorted({value for each in conditions for value in each.wanted if value is not None})
            if kind == "ordered":
                texts = [*PRIORITIES, None]
                shown = [*(f"is {value}" for value in PRIORITIES), "is empty"]
            else:
                texts = [*values, _OTHER, None]
                shown = [*(f"is {value}" for value in values), "is something else", "is empty"]
            numbers = [as_number(value, kind) for value in texts]
        array, compared = pa.array(texts, pa.string()), np.array(numbers, dtype=np.float64)
        masks = {}
        for condition in [*conditions, *named]:
            held = holds(condition, array, compared, kind)
            masks[condition] = sum(1 << int(place) for place in np.flatnonzero(held))
        for condition in conditions:
            self._place[condition] = len(self.dimensions)
        self.dimensions.append(_Dimension(field, tuple(shown), masks))


def _gaps(field: str, kind: FieldKind, conditions: list[Condition]) -> tuple[list[str | None], list[float], list[str]]:
    """Thresholds and the gaps between them; a gap of whole numbers that has none in it is left out."""
    marks = sorted(
        {
            (as_number(value, kind), value)
            for each in conditions
            for value in each.wanted
            if value is not None and not np.isnan(as_number(value, kind))
        }
    )
    values = sorted({mark for mark, _ in marks})
    written = dict(reversed(marks))
    whole = kind == "instant" or TABLES["tickets"][field].type == "integer"
    texts: list[str | None] = []
    numbers: list[float] = []
    shown: list[str] = []
    word = ("before", "after") if kind == "instant" else ("below", "above")

    def add(text: str | None, number: float, said: str) -> None:
        texts.append(text)
        numbers.append(number)
        shown.append(said)

    for place, mark in enumerate(values):
        low = values[place - 1] if place else mark - 2
        inside = (np.floor(low) + 1) if whole else (low + mark) / 2
        if inside < mark:
            between = f"{word[0]} {written[mark]}" + (f" and {word[1]} {written[low]}" if place else "")
            add(_OTHER, float(inside), between)
        if not whole or float(mark).is_integer():
            add(written[mark], mark, f"is {written[mark]}")
    add(_OTHER, values[-1] + 1 if values else 0.0, f"{word[1]} {written[values[-1]]}" if values else "is any")
    add(None, np.nan, "is empty")
    return texts, numbers, shown


def _within_budget(boxes: Sequence[Box]) -> None:
    if len(boxes) > MOST_BOXES:
        raise TooManyBoxes(f"more than {MOST_BOXES} boxes")
