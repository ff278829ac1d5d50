"""Routing rules of the simulated centre, in versions, and the queue that they give each ticket at its creation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from opslib.sample import centre, truth

Condition = tuple[str, str, str | tuple[str, ...]]
_ALWAYS = int(datetime(2026, 1, 5, 14, tzinfo=UTC).timestamp())

DEAD_RULE = "R-150"
SHADOWED_RULE = "R-135"
CONFLICTING_RULES = ("R-137", "R-133")


@dataclass(frozen=True)
class Rule:
    """One version of a rule: all conditions must hold; the first rule that fits decides."""

    rule_id: str
    position: int
    conditions: tuple[Condition, ...]
    queue: str
    active_from: int = _ALWAYS
    active_to: int | None = None

    def row(self) -> dict[str, Any]:
        """The row of the routing_rules table; instants as ISO text."""
        return {
            "rule_id": self.rule_id,
            "position": self.position,
            "conditions": json.dumps({"all": [list(condition) for condition in self.conditions]}),
            "target_queue": self.queue,
            "active_from": _iso(self.active_from),
            "active_to": None if self.active_to is None else _iso(self.active_to),
        }


def routing_rules(planted: bool) -> tuple[Rule, ...]:
    """The rules in the order in which they are tried; `planted` adds the misrouting version and three faulty rules."""
    by_queue = {queue: _reasons_of(queue) for queue in centre.QUEUES}
    other_form = centre.OTHER_FORM
    rules = [
        Rule("R-101", 10, (("contact_reason", "in", by_queue["safety-urgent"]),), "safety-urgent"),
        Rule(
            "R-102",
            20,
            (
                ("language", "is", "es"),
                ("contact_reason", "in", by_queue["general-account"] + by_queue["general-frontdesk"]),
            ),
            centre.SPANISH_QUEUE,
        ),
    ]
    ids = {
        "general-account": ("R-111", 110),
        "general-frontdesk": ("R-112", 120),
        "creators-content": ("R-121", 210),
        "creators-monetization": ("R-122", 220),
        "creators-growth": ("R-123", 230),
        "safety-reports": ("R-141", 410),
        "safety-appeals": ("R-142", 420),
        "commerce-orders": ("R-131", 310),
        "commerce-refunds": ("R-132", 320),
        "commerce-payments": ("R-133", 330),
    }
    for queue, (rule_id, position) in ids.items():
        reasons = tuple(name for name in by_queue[queue] if name != truth.MISROUTED_REASON)
        conditions: tuple[Condition, ...] = (("contact_reason", "in", reasons), ("form", "is_not", other_form))
        rules.append(Rule(rule_id, position, conditions, queue))
    misrouting_start = truth.begins(truth.MISROUTING_WEEK)
    refund: tuple[Condition, ...] = (("contact_reason", "is", truth.MISROUTED_REASON), ("form", "is_not", other_form))
    rules.append(
        Rule(truth.MISROUTING_RULE, 340, refund, "commerce-refunds", active_to=misrouting_start if planted else None)
    )
    if planted:
        emerging: tuple[Condition, ...] = (
            ("contact_reason", "is", centre.EMERGING.name),
            ("form", "is_not", other_form),
        )
        labelled_from = truth.begins(truth.EMERGING_WEEK)
        rules.append(Rule("R-124", 240, emerging, centre.EMERGING.queue, active_from=labelled_from))
        rules.append(Rule(truth.MISROUTING_RULE, 340, refund, truth.MISROUTED_TO, active_from=misrouting_start))
        rules.append(
            Rule(
                SHADOWED_RULE,
                350,
                (
                    ("contact_reason", "is", "damaged_item"),
                    ("form", "is_not", other_form),
                    ("channel", "is", "email"),
                ),
                "commerce-refunds",
            )
        )
        rules.append(Rule(DEAD_RULE, 60, (("channel", "is", "fax"),), "general-frontdesk"))
        rules.append(
            Rule(
                CONFLICTING_RULES[0],
                325,
                (("contact_reason", "is", "gift_card"), ("language", "is", "pt"), ("form", "is_not", other_form)),
                "commerce-refunds",
            )
        )
    for number, team in enumerate(centre.TEAMS):
        other: tuple[Condition, ...] = (("contact_reason", "is", centre.OTHER_REASON), ("form", "in", team.forms))
        rules.append(Rule(f"R-16{number}", 510 + 10 * number, other, team.front_queue))
    rules.append(Rule("R-199", 990, (), "general-frontdesk"))
    return tuple(sorted(rules, key=lambda rule: (rule.position, rule.rule_id, rule.active_from)))


def route(
    rules: Sequence[Rule], fields: Mapping[str, tuple[np.ndarray, Sequence[str]]], created: np.ndarray
) -> np.ndarray:
    """The queue that the rules in force at its creation give each ticket.

    Args:
        rules: in the order in which they are tried.
        fields: per field an array of codes (-1 where it is empty) and the values that the codes stand for.
        created: epoch seconds of creation.

    Returns:
        Positions in `centre.QUEUES`.
    """
    queue = np.full(len(created), -1, dtype=np.int16)
    for rule in rules:
        fits = (queue < 0) & (created >= rule.active_from)
        if rule.active_to is not None:
            fits &= created < rule.active_to
        for field, operator, value in rule.conditions:
            codes, values = fields[field]
            names = (value,) if isinstance(value, str) else value
            matches = np.isin(codes, [values.index(name) for name in names if name in values])
            fits &= ~matches if operator == "is_not" else matches
        queue[fits] = centre.QUEUES.index(rule.queue)
    return queue


def _reasons_of(queue: str) -> tuple[str, ...]:
    return tuple(reason.name for team in centre.TEAMS for reason in team.reasons if reason.queue == queue)


def _iso(instant: int) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
