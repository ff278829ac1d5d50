"""Great Expectations, which runs the rules of the suites.

Importing it takes seconds, so that this module and `suites` do so only where a suite is read or run.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
from pandas.errors import Pandas4Warning

from opslib.errors import GateError
from opslib.intake.gate.memoised import derivations_memoised
from opslib.intake.gate.suites import Rule

if TYPE_CHECKING:
    from great_expectations.validator.validator import Validator

_ERROR_NAME = re.compile(r"^(?:\w+\.)*(\w*(?:Error|Exception))\b", re.MULTILINE)

Judgement = dict[str, Any]
"""What one rule saw in one frame: whether it held (`success`), and Great Expectations' own `result`."""


class Engine:
    """Great Expectations in memory: no files, no network, no progress bars; made once a run."""

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

    def run(
        self,
        table: str,
        frame: pd.DataFrame,
        rules: Sequence[Rule],
        parameters: Mapping[str, Any],
        form: Literal["BASIC", "COMPLETE"],
    ) -> dict[int, Judgement]:
        """Run the rules on one frame.

        Args:
            table: the name of the table, for the messages.
            frame: rows of the table, or one row per team.
            rules: the expectations to run.
            parameters: the values of what they name as `{"$PARAMETER": name}`.
            form: `COMPLETE` where the failing rows are to be named, else `BASIC`.

        Returns:
            By number of the rule, whether it held (`success`) and what it saw (`result`).

        Raises:
            GateError: a rule raised, fewer results came back than there are rules, or a rule judges no single rows.
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
        with derivations_memoised():
            results = validator.graph_validate(configurations, runtime_configuration={"result_format": result_format})
        judgements = _by_rule(table, rules, results)
        for rule in rules:
            _require_rows(table, rule, judgements[rule.number], form)
        return judgements

    def _validator(self, frame: pd.DataFrame) -> Validator:
        """The validator of one frame, as a batch has it, but without a fingerprint of every row."""
        from great_expectations.execution_engine import PandasExecutionEngine
        from great_expectations.validator.validator import Validator

        engine = PandasExecutionEngine()
        engine.load_batch_data("rows", frame)
        return Validator(engine, data_context=self.context)


def _by_rule(table: str, rules: Sequence[Rule], results: Sequence[Any]) -> dict[int, Judgement]:
    """What each rule saw, by its number; a rule that raised, or gave no result, is an error."""
    judgements: dict[int, Judgement] = {}
    phrases = {rule.number: rule.phrase for rule in rules}
    for result in results:
        configuration = result.expectation_config
        number = configuration.meta.get("number", -1) if configuration is not None and configuration.meta else -1
        exception = _exception_kind(result.exception_info)
        if exception is not None:
            phrase = phrases.get(number, "an expectation")
            raise GateError(
                f"expectations/{table}.json: {phrase}: Great Expectations could not judge it ({exception}): does the "
                "expectation fit the kind of the column?"
            )
        if number in phrases:
            judgements[number] = {"success": bool(result.success), "result": dict(result.result)}
    lost = [phrase for number, phrase in phrases.items() if number not in judgements]
    if lost:
        raise GateError(
            f"expectations/{table}.json: {len(judgements)} of {len(rules)} expectations ran; not run: {'; '.join(lost)}"
        )
    return judgements


def _require_rows(table: str, rule: Rule, judgement: Judgement, form: str) -> None:
    """Refuse a rule on rows or teams that does not count them, or does not name the failing ones where it should."""
    if rule.scope == "table":
        return
    if form == "COMPLETE" and not judgement["success"] and "unexpected_index_list" not in judgement["result"]:
        raise GateError(
            f"expectations/{table}.json: {rule.phrase}: {rule.type} does not say which rows fail; use another"
        )
    if "element_count" not in judgement["result"]:
        raise GateError(f"expectations/{table}.json: {rule.phrase}: {rule.type} judges no single rows; use another")


def _exception_kind(info: Mapping[str, Any] | None) -> str | None:
    """The kind of error that an expectation raised, in either form of Great Expectations; None where it did not raise.

    What the error says may quote the values that it met.
    """
    if not info:
        return None
    for part in [info] if "raised_exception" in info else list(info.values()):
        if isinstance(part, Mapping) and part.get("raised_exception"):
            kinds = _ERROR_NAME.findall(f"{part.get('exception_traceback')}\n{part.get('exception_message')}")
            return str(kinds[-1]) if kinds else "an error without a name"
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
