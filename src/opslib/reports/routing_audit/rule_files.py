"""Candidate rule sets as YAML files: read with line numbers for what is wrong, written from today's rules."""

from __future__ import annotations

import difflib
import io
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import BeforeValidator, Field, field_validator
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from opslib.analysis.routing_audit.replay import OUTCOMES
from opslib.analysis.routing_audit.rules import (
    Condition,
    Node,
    Rule,
    RuleError,
    conditions_of,
    in_force,
    in_order,
    parse_conditions,
)
from opslib.settings import Problem, Settings, load
from opslib.tables import TABLES


def _instant(value: object) -> pd.Timestamp | None:
    """An instant in UTC of `2026-09-14` or `2026-09-14T04:00:00Z`."""
    if value is None:
        return None
    try:
        instant = pd.Timestamp(str(value)) if isinstance(value, (str, date, datetime)) else pd.NaT
    except ValueError:
        instant = pd.NaT
    if pd.isna(instant):
        raise ValueError(f"{value!r} is no instant; write it like 2026-09-14T04:00:00Z")
    return instant.tz_localize("UTC") if instant.tzinfo is None else instant.tz_convert("UTC")


Instant = Annotated[Any, BeforeValidator(_instant)]


class CandidateRule(Settings):
    """One rule of a candidate file; without a position it stands where it stands in the file."""

    rule: Annotated[str, Field(min_length=1)]
    queue: Annotated[str, Field(min_length=1)]
    conditions: Any
    position: int | None = None
    active_from: Instant = None
    active_to: Instant = None


class CandidateFile(Settings):
    """A file of candidate rules."""

    rules: tuple[CandidateRule, ...] = Field(min_length=1)

    @field_validator("rules")
    @classmethod
    def _all_or_no_positions(cls, rules: tuple[CandidateRule, ...]) -> tuple[CandidateRule, ...]:
        without = [rule.rule for rule in rules if rule.position is None]
        if 0 < len(without) < len(rules):
            raise ValueError(
                f"some rules have a position and some have none ({', '.join(without[:5])}); give all or none, and "
                "without any they are tried in the order of the file"
            )
        return rules


def read_candidate(path: Path, *, today: Iterable[Rule] = ()) -> list[Rule]:
    """Read a candidate file.

    Args:
        path: YAML: `rules`, a list of rule, queue, conditions and, if need be, position, active_from, active_to.
        today: the rules there are; a field that they ask for may be asked for, besides those of the table of tickets.

    Returns:
        The rules in the order in which they are tried.

    Raises:
        SettingsError: the file is missing or wrong; all that is wrong is listed with file and line: what cannot be
            read, fields that there are not, one name or position for two rules at the same time.
    """
    fields = {*TABLES["tickets"].names, *(each.field for rule in today for each in conditions_of(rule.when))}
    candidate = load(path, CandidateFile, also=lambda tree: _problems(tree, fields))
    return in_order(
        Rule(
            rule.rule,
            10 * place + 10 if rule.position is None else rule.position,
            parse_conditions(_with_text_dates(rule.conditions), rule.rule),
            rule.queue,
            rule.active_from,
            rule.active_to,
        )
        for place, rule in enumerate(candidate.rules)
    )


def candidate_text(rules: Iterable[Rule], at: pd.Timestamp) -> str:
    """Write the rules in force at an instant as a candidate file to start from.

    Args:
        rules: all versions of all rules.
        at: the instant.

    Returns:
        YAML that `read_candidate` reads to the same rules.
    """
    entries = CommentedSeq()
    entries.extend(_entry(rule) for rule in in_force(rules, at))
    return _as_yaml({"rules": entries}, width=120)


def rule_lines(rule: Rule) -> str:
    """Write one rule as it stands in a candidate file, to be pasted in place of its lines there.

    Args:
        rule: a version of it.

    Returns:
        YAML lines, indented as in the file.
    """
    return _as_yaml({"rules": CommentedSeq([_entry(rule)])}, width=60).partition("\n")[2].rstrip("\n")


def _problems(tree: Any, fields: Collection[str]) -> Iterator[Problem]:
    """What is wrong with conditions, and with rules beside each other, in a file of any shape."""
    rules = tree.get("rules") if isinstance(tree, dict) else None
    entries = [rule if isinstance(rule, dict) else {} for rule in rules] if isinstance(rules, list) else []
    spans = [_span(entry) for entry in entries]
    earlier: dict[tuple[str, Any], list[int]] = defaultdict(list)
    for number, entry in enumerate(entries):
        place = ("rules", number)
        if "conditions" in entry:
            for inner, problem in _condition_problems(entry["conditions"], fields):
                yield (*place, "conditions", *inner), problem
        begins, ends = spans[number]
        if begins >= ends:
            yield (*place, "active_to"), "the rule ends before it begins"
        for key in ("rule", "position"):
            value = entry.get(key)
            if not isinstance(value, (str, int)):
                continue
            for other in earlier[key, value]:
                if max(begins, spans[other][0]) < min(ends, spans[other][1]):
                    yield (*place, key), _clash(key, value, entries[other])
            earlier[key, value].append(number)


def _clash(key: str, value: object, other: dict[str, Any]) -> str:
    """What is wrong with a rule that has its name or its position in common with one in force at the same time."""
    if key == "position":
        return f"{other.get('rule')} stands at {value} too: which is tried first?"
    return (
        f"{value} is there twice and both are in force at once; name one otherwise, or give the versions "
        "active_from and active_to that do not overlap"
    )


def _condition_problems(source: Any, fields: Collection[str]) -> Iterator[Problem]:
    """What cannot be read of conditions, or asks for a field that tickets do not have."""
    try:
        when = parse_conditions(_with_text_dates(source), "")
    except RuleError as error:
        yield from error.problems or [((), str(error).removeprefix("rule : "))]
        return
    for condition in conditions_of(when):
        if condition.field in fields:
            continue
        near = difflib.get_close_matches(condition.field, [str(name) for name in fields], n=1)
        hint = f"; is it {near[0]}?" if near else ""
        if condition.field in OUTCOMES:
            hint = "; it is known only after the rules have decided"
        yield (), f"tickets have no field {condition.field!r} to go by{hint}"


def _span(rule: dict[str, Any]) -> tuple[pd.Timestamp, pd.Timestamp]:
    """From when to when a rule is in force; an end that cannot be read counts as open, and is a problem elsewhere."""
    ends = []
    for name, otherwise in (("active_from", pd.Timestamp.min), ("active_to", pd.Timestamp.max)):
        try:
            ends.append(_instant(rule.get(name)) or otherwise.tz_localize("UTC"))
        except ValueError:
            ends.append(otherwise.tz_localize("UTC"))
    return ends[0], ends[1]


def _entry(rule: Rule) -> CommentedMap:
    return CommentedMap({"rule": rule.rule_id, "queue": rule.queue, "conditions": _conditions_entry(rule.when)})


def _as_yaml(tree: dict[str, CommentedSeq], *, width: int) -> str:
    yaml = YAML()
    yaml.width = width
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    yaml.dump(tree, text)
    return text.getvalue()


def _conditions_entry(node: Node) -> Any:
    """Conditions as YAML writes them, each on one line."""
    if isinstance(node, Condition):
        value = list(node.operands) if node.operator == "in" else node.operands[0]
        entry = CommentedSeq([node.field, node.operator, value])
        entry.fa.set_flow_style()
        return entry
    return {node.kind: [_conditions_entry(part) for part in node.parts]}


def _with_text_dates(source: Any) -> Any:
    """Conditions with dates, which YAML reads as such, back as text."""
    if isinstance(source, dict):
        return {key: _with_text_dates(value) for key, value in source.items()}
    if isinstance(source, (list, tuple)):
        return [_with_text_dates(value) for value in source]
    return source.isoformat() if isinstance(source, (date, datetime)) else source
