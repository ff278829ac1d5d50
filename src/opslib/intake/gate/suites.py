"""The suites of `expectations/`: read, held against what they may name, and run by Great Expectations.

No other module imports Great Expectations, and this one does so only where a suite is read or run: it takes seconds.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
from pandas.errors import Pandas4Warning

from opslib.errors import GateError
from opslib.intake.gate.derived import TEAM_COLUMNS
from opslib.intake.gate.phrases import expectation_in_words
from opslib.intake.gate.verdict import Scope, Severity
from opslib.tables import Table

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.validator.validator import Validator

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


class Engine:
    """Great Expectations in memory: no files, no network, no progress bars. Importing it takes seconds, once a run."""

    def __init__(self) -> None:
        import great_expectations as gx
        from great_expectations.data_context.types.base import (
            DataContextConfig,
            InMemoryStoreBackendDefaults,
            ProgressBarsConfig,
        )

        self.context = gx.get_context(
            mode="ephemeral",
            project_config=DataContextConfig(
                store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
                progress_bars=ProgressBarsConfig(globally=False),
                analytics_enabled=False,
            ),
        )

    def load(self, path: Path, table: Table, derived: Collection[str], parameters: Mapping[str, Any]) -> list[Rule]:
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
            raise GateError(
                f'{path}: a suite has "name": "{table.name}", "meta" and a list "expectations", nothing else'
            )
        if not entries:
            raise GateError(
                f"{path}: the suite is empty; everything would pass. List its expectations or delete the export's file"
            )
        rules: list[Rule] = []
        seen: set[str] = set()
        for number, entry in enumerate(entries):
            where = f"{path}: expectation {number + 1}"
            rule = self._rule(where, number, entry, table, derived, parameters)
            same = json.dumps([rule.type, rule.kwargs], sort_keys=True)
            if same in seen:
                raise GateError(f"{where} ({rule.phrase}) is there twice")
            seen.add(same)
            rules.append(rule)
        return rules

    def _rule(
        self,
        where: str,
        number: int,
        entry: Any,
        table: Table,
        derived: Collection[str],
        parameters: Mapping[str, Any],
    ) -> Rule:
        from great_expectations.exceptions import GreatExpectationsError
        from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

        if not isinstance(entry, dict) or set(entry) != {"type", "kwargs", "severity", "meta"}:
            raise GateError(f"{where}: an expectation has type, kwargs, severity and meta, nothing else")
        type_, kwargs, severity, meta = entry["type"], entry["kwargs"], entry["severity"], entry["meta"]
        where = f"{where} ({type_})"
        if not isinstance(type_, str) or not isinstance(kwargs, dict) or not isinstance(meta, dict):
            raise GateError(f"{where}: type is text, kwargs and meta are objects")
        if severity not in {"critical", "warning"}:
            raise GateError(f"{where}: severity is critical or warning, not {severity!r}")
        if meta.get("scope") not in {"rows", "teams", "table"} or not meta.get("notes"):
            raise GateError(f"{where}: meta needs a scope (rows, teams or table) and notes that say why")
        if set(meta) - {"scope", "notes", "expects", "reason"}:
            raise GateError(f"{where}: meta has scope, notes, expects and reason, nothing else")
        scope = meta["scope"]
        if scope == "table" and type_ not in _TABLE_EXPECTATIONS:
            raise GateError(f"{where}: scope table is for {', '.join(sorted(_TABLE_EXPECTATIONS))}")
        if scope != "table" and (type_ in _TABLE_EXPECTATIONS or "mostly" in kwargs):
            raise GateError(
                f"{where}: every row and every team counts: no `mostly`, and columns and types have scope table"
            )
        for value in kwargs.values():
            if isinstance(value, dict) and "$PARAMETER" in value and value["$PARAMETER"] not in parameters:
                raise GateError(
                    f"{where}: no parameter {value['$PARAMETER']!r}; there are {', '.join(sorted(parameters))}"
                )
        try:
            expectation = ExpectationConfiguration(
                type=type_, kwargs=kwargs, severity=severity, meta={"number": number}
            ).to_domain_obj()
        except GreatExpectationsError as error:
            raise GateError(f"{where}: Great Expectations knows no such expectation") from error
        except (ValueError, TypeError) as error:
            raise GateError(f"{where}: its kwargs do not fit: {' '.join(str(error).split())}") from error
        names = [kwargs[key] for key in ("column", "column_A", "column_B") if key in kwargs]
        columns = tuple(str(name) for name in [*names, *kwargs.get("column_list", ())])
        known = {"rows": {*table.names, *derived}, "teams": set(TEAM_COLUMNS), "table": set(table.names)}[scope]
        for name in columns:
            if name not in known:
                raise GateError(
                    f"{where}: {table.name} has no column {name!r} to judge by {scope}; "
                    f"there are {', '.join(sorted(known))}"
                )
        if scope != "table" and not columns:
            raise GateError(f"{where}: it names no column, so no row and no team can be told")
        phrase = meta.get("expects") or expectation_in_words(table, type_, kwargs, parameters)
        reason = meta.get("reason") or f"expected: {phrase}"
        return Rule(number, type_, kwargs, severity, scope, meta["notes"], phrase, reason, columns, expectation)

    def run(
        self,
        table: str,
        frame: pd.DataFrame,
        rules: Sequence[Rule],
        parameters: Mapping[str, Any],
        form: Literal["BASIC", "COMPLETE"],
    ) -> dict[int, dict[str, Any]]:
        """Run the rules on one frame.

        Args:
            table: the name of the table, for the messages.
            frame: rows of the table, or one row per team.
            rules: the expectations to run.
            parameters: the values of what they name as `{"$PARAMETER": name}`.
            form: `COMPLETE` where the failing rows are to be told, else `BASIC`.

        Returns:
            By number of the rule, whether it held (`success`) and what it saw (`result`).

        Raises:
            GateError: a rule raised, or fewer results came back than rules were given.
        """
        if not rules:
            return {}
        import great_expectations as gx

        suite = gx.ExpectationSuite(name=table, expectations=[rule.expectation for rule in rules])
        validator = self._validator(frame)
        configurations = validator.process_expectations_for_validation(
            suite.expectation_configurations, dict(parameters)
        )
        result_format = {"result_format": form, "return_unexpected_index_query": False}
        with _derived_once():
            results = validator.graph_validate(configurations, runtime_configuration={"result_format": result_format})
        found: dict[int, dict[str, Any]] = {}
        by_number = {rule.number: rule for rule in rules}
        for result in results:
            configuration = result.expectation_config
            number = configuration.meta.get("number") if configuration is not None and configuration.meta else None
            raised = _raised(result.exception_info)
            if raised is not None:
                phrase = by_number[number].phrase if number in by_number else "an expectation"
                raise GateError(f"expectations/{table}.json: {phrase}: Great Expectations could not judge it: {raised}")
            if number in by_number:
                found[number] = {"success": bool(result.success), "result": dict(result.result)}
        lost = [rule.phrase for rule in rules if rule.number not in found]
        if lost:
            raise GateError(
                f"expectations/{table}.json: {len(found)} of {len(rules)} expectations ran; not run: {'; '.join(lost)}"
            )
        for rule in rules:
            seen = found[rule.number]
            if (
                rule.scope != "table"
                and form == "COMPLETE"
                and not seen["success"]
                and "unexpected_index_list" not in seen["result"]
            ):
                raise GateError(
                    f"expectations/{table}.json: {rule.phrase}: {rule.type} does not say which rows fail; use another"
                )
            if rule.scope != "table" and "element_count" not in seen["result"]:
                raise GateError(
                    f"expectations/{table}.json: {rule.phrase}: {rule.type} judges no single rows; use another"
                )
        return found

    def _validator(self, frame: pd.DataFrame) -> Validator:
        """What judges one frame: the validator that a batch has, without a fingerprint of every row."""
        from great_expectations.execution_engine import PandasExecutionEngine
        from great_expectations.validator.validator import Validator

        engine = PandasExecutionEngine()
        engine.load_batch_data("rows", frame)
        return Validator(engine, data_context=self.context)


def _raised(info: Mapping[str, Any] | None) -> str | None:
    """What an expectation raised, in either form that Great Expectations hands it back; None where it did not."""
    if not info:
        return None
    for part in [info] if "raised_exception" in info else list(info.values()):
        if isinstance(part, Mapping) and part.get("raised_exception"):
            lines = str(part.get("exception_message") or "no message").strip().splitlines()
            return lines[0] if lines else "no message"
    return None


@contextmanager
def quiet() -> Iterator[None]:
    """Great Expectations logs what it also returns; what it returns is reported, so its log is silent meanwhile.

    It also compares instants through `Series.values`, which pandas will change; the comparison is right either way.
    """
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message="Series.values returning an ndarray that drops timezone", category=Pandas4Warning
            )
            yield
    finally:
        logger.setLevel(level)


@contextmanager
def _derived_once() -> Iterator[None]:
    """Great Expectations derives an expectation from its configuration, and back, some hundred times per result.

    Neither changes while a suite is judged, so that meanwhile what was derived once is handed out again.
    """
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    configuration, to_domain_obj = Expectation.configuration, ExpectationConfiguration.to_domain_obj
    derived: dict[int, tuple[object, Any]] = {}

    def once(of: Any, derive: Callable[[Any], Any]) -> Any:
        # The object is kept beside what was derived from it, so that no other one gets its id.
        if id(of) not in derived:
            derived[id(of)] = (of, derive(of))
        return derived[id(of)][1]

    Expectation.configuration = property(lambda self: once(self, configuration.fget))
    ExpectationConfiguration.to_domain_obj = lambda self: once(self, to_domain_obj)
    try:
        yield
    finally:
        Expectation.configuration = configuration
        ExpectationConfiguration.to_domain_obj = to_domain_obj
