"""The suites of `expectations/`: read, and held against what they may name."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opslib.errors import GateError
from opslib.intake.gate.derived import TEAM_COLUMNS
from opslib.intake.gate.phrases import expectation_in_words
from opslib.intake.gate.verdict import Scope, Severity
from opslib.tables import Table

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

_TYPE_EXPECTATIONS = frozenset({"expect_column_values_to_be_of_type", "expect_column_values_to_be_in_type_list"})
_TABLE_EXPECTATIONS = _TYPE_EXPECTATIONS | {"expect_table_columns_to_match_set", "expect_column_to_exist"}


@dataclass(frozen=True)
class Rule:
    """One expectation of a suite file, by its number in it, with the words that say what and why."""

    number: int
    type: str
    kwargs: dict[str, Any]
    severity: Severity
    scope: Scope
    notes: str
    phrase: str
    reason: str
    columns: tuple[str, ...]
    expectation: Expectation

    @property
    def column(self) -> str:
        return ", ".join(self.columns)

    @property
    def judges_types(self) -> bool:
        """Whether it asks what a column is, not what stands in it."""
        return self.type in _TYPE_EXPECTATIONS


def load_rules(path: Path, table: Table, derived: Collection[str], parameters: Mapping[str, Any]) -> list[Rule]:
    """Read one suite file.

    Args:
        path: the file.
        table: the standard table that it judges.
        derived: the columns that it may name beside the table's own.
        parameters: what its expectations may name as `{"$PARAMETER": name}`.

    Returns:
        Its expectations, in its order.

    Raises:
        GateError: there is no such file, it is no suite, is empty, or an expectation of it cannot be used.
    """
    try:
        suite = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise GateError(f"{path}: there is no such suite, and the export has the table {table.name}") from error
    except json.JSONDecodeError as error:
        raise GateError(f"{path}:{error.lineno}: not JSON: {error.msg}") from error
    entries = suite.get("expectations") if isinstance(suite, dict) else None
    if (
        not isinstance(entries, list)
        or suite.get("name") != table.name
        or set(suite) - {"name", "meta", "expectations"}
    ):
        raise GateError(f'{path}: a suite has "name": "{table.name}", "meta" and a list "expectations", nothing else')
    if not entries:
        raise GateError(
            f"{path}: the suite is empty; everything would pass. List its expectations or delete the export's file"
        )
    rules: list[Rule] = []
    contents: set[str] = set()
    for number, entry in enumerate(entries):
        where = f"{path}: expectation {number + 1}"
        rule = _rule(where, number, entry, table, derived, parameters)
        content = json.dumps([rule.type, rule.kwargs], sort_keys=True)
        if content in contents:
            raise GateError(f"{where} ({rule.phrase}) is there twice")
        contents.add(content)
        rules.append(rule)
    return rules


def _rule(
    where: str, number: int, entry: Any, table: Table, derived: Collection[str], parameters: Mapping[str, Any]
) -> Rule:
    """The rule that an entry of a suite file stands for, once it has passed every check."""
    _check_form(where, entry)
    type_, kwargs, severity, meta = entry["type"], entry["kwargs"], entry["severity"], entry["meta"]
    where = f"{where} ({type_})"
    _check_content(where, entry, parameters)
    expectation = _expectation(where, number, entry)
    names = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
    columns = tuple(str(name) for name in [*names, *kwargs.get("column_list", ())])
    _check_columns(where, meta["scope"], columns, table, derived)
    phrase = meta.get("expects") or expectation_in_words(table, type_, kwargs, parameters)
    return Rule(
        number=number,
        type=type_,
        kwargs=kwargs,
        severity=severity,
        scope=meta["scope"],
        notes=meta["notes"],
        phrase=phrase,
        reason=meta.get("reason") or f"expected: {phrase}",
        columns=columns,
        expectation=expectation,
    )


def _check_form(where: str, entry: Any) -> None:
    """Refuse an entry that is not made of the four parts that every entry has."""
    if not isinstance(entry, dict) or set(entry) != {"type", "kwargs", "severity", "meta"}:
        raise GateError(f"{where}: an expectation has type, kwargs, severity and meta, nothing else")


def _check_content(where: str, entry: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
    """Refuse an entry whose parts are of another kind, or say something that the gate does not know."""
    type_, kwargs, severity, meta = entry["type"], entry["kwargs"], entry["severity"], entry["meta"]
    if not isinstance(type_, str) or not isinstance(kwargs, dict) or not isinstance(meta, dict):
        raise GateError(f"{where}: type is text, kwargs and meta are objects")
    if severity not in {"critical", "warning"}:
        raise GateError(f"{where}: severity is critical or warning, not {severity!r}")
    if meta.get("scope") not in {"rows", "teams", "table"} or not meta.get("notes"):
        raise GateError(f"{where}: meta needs a scope (rows, teams or table) and notes that say why")
    if set(meta) - {"scope", "notes", "expects", "reason"}:
        raise GateError(f"{where}: meta has scope, notes, expects and reason, nothing else")
    if meta["scope"] == "table" and type_ not in _TABLE_EXPECTATIONS:
        raise GateError(f"{where}: scope table is for {', '.join(sorted(_TABLE_EXPECTATIONS))}")
    if meta["scope"] != "table" and (type_ in _TABLE_EXPECTATIONS or "mostly" in kwargs):
        raise GateError(
            f"{where}: every row and every team counts: no `mostly`, and columns and types have scope table"
        )
    for value in kwargs.values():
        if isinstance(value, dict) and "$PARAMETER" in value and value["$PARAMETER"] not in parameters:
            raise GateError(f"{where}: no parameter {value['$PARAMETER']!r}; there are {', '.join(sorted(parameters))}")


def _check_columns(where: str, scope: Scope, columns: Sequence[str], table: Table, derived: Collection[str]) -> None:
    """Refuse columns that there are not for the scope, and a rule on rows or teams that names none."""
    by_scope: dict[Scope, set[str]] = {
        "rows": {*table.names, *derived},
        "teams": set(TEAM_COLUMNS),
        "table": set(table.names),
    }
    for name in columns:
        if name not in by_scope[scope]:
            raise GateError(
                f"{where}: {table.name} has no column {name!r} to judge by {scope}; "
                f"there are {', '.join(sorted(by_scope[scope]))}"
            )
    if scope != "table" and not columns:
        raise GateError(f"{where}: it names no column, so it does not say which rows or teams fail")


def _expectation(where: str, number: int, entry: Mapping[str, Any]) -> Expectation:
    """The object of Great Expectations that an entry stands for; its `meta` holds the number of the rule."""
    from great_expectations.exceptions import GreatExpectationsError
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    try:
        return ExpectationConfiguration(
            type=entry["type"], kwargs=entry["kwargs"], severity=entry["severity"], meta={"number": number}
        ).to_domain_obj()
    except GreatExpectationsError as error:
        raise GateError(f"{where}: Great Expectations knows no such expectation") from error
    except (ValueError, TypeError) as error:
        raise GateError(f"{where}: its kwargs do not fit: {' '.join(str(error).split())}") from error
