"""Candidate rule sets as YAML files: read with line numbers for what is wrong, written from today's rules."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from pydantic import BeforeValidator, Field, field_validator
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from opslib.analysis.routing_rules import Condition, Group, Node, Rule, RuleError, in_force, in_order, parse_conditions
from opslib.settings import Settings, load


def _instant(value: object) -> object:
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

    @field_validator("conditions")
    @classmethod
    def _conditions_can_be_read(cls, written: Any) -> Group:
        try:
            return parse_conditions(_plain(written), "")
        except RuleError as error:
            # The file, line and key are told already.
            raise ValueError(str(error).removeprefix("rule , ").removeprefix("rule : ")) from error


class CandidateFile(Settings):
    """A file of candidate rules."""

    rules: tuple[CandidateRule, ...] = Field(min_length=1)

    @field_validator("rules")
    @classmethod
    def _positions_are_given_or_not(cls, rules: tuple[CandidateRule, ...]) -> tuple[CandidateRule, ...]:
        without = [rule.rule for rule in rules if rule.position is None]
        if 0 < len(without) < len(rules):
            raise ValueError(
                f"some rules have a position and some have none ({', '.join(without[:5])}); give all or none, and "
                "without any they are tried in the order of the file"
            )
        return rules


def read_candidate(path: Path) -> list[Rule]:
    """Read a candidate file.

    Args:
        path: YAML: `rules`, a list of rule, queue, conditions and, if need be, position, active_from, active_to.

    Returns:
        The rules in the order in which they are tried.

    Raises:
        SettingsError: the file is missing or wrong; all that is wrong is listed with file and line.
    """
    found = load(path, CandidateFile)
    return in_order(
        Rule(
            rule.rule,
            10 * place + 10 if rule.position is None else rule.position,
            rule.conditions,
            rule.queue,
            rule.active_from,
            rule.active_to,
        )
        for place, rule in enumerate(found.rules)
    )


def candidate_text(rules: Iterable[Rule], at: pd.Timestamp) -> str:
    """Write the rules in force at an instant as a candidate file to start from.

    Args:
        rules: all versions of all rules.
        at: the instant.

    Returns:
        YAML that `read_candidate` reads to the same rules.
    """
    listed = CommentedSeq()
    for rule in in_force(rules, at):
        entry = CommentedMap({"rule": rule.rule_id, "queue": rule.queue, "conditions": _written(rule.when)})
        listed.append(entry)
    yaml = YAML()
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    yaml.dump({"rules": listed}, text)
    return text.getvalue()


def _written(node: Node) -> Any:
    if isinstance(node, Condition):
        value = list(node.wanted) if node.operator == "in" else node.wanted[0]
        entry = CommentedSeq([node.field, node.operator, value])
        entry.fa.set_flow_style()
        return entry
    return {node.kind: [_written(part) for part in node.parts]}


def _plain(written: Any) -> Any:
    """Dates, which YAML reads as such, back to text."""
    if isinstance(written, dict):
        return {key: _plain(value) for key, value in written.items()}
    if isinstance(written, (list, tuple)):
        return [_plain(value) for value in written]
    return written.isoformat() if isinstance(written, (date, datetime)) else written
