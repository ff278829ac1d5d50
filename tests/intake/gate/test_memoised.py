"""What replaces parts of Great Expectations is held to the version that it was measured with."""

from __future__ import annotations

from importlib.metadata import version

from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

from opslib.intake.gate.memoised import MEASURED_WITH, derivations_memoised


def test_the_installed_great_expectations_is_the_version_whose_classes_are_replaced() -> None:
    """With another one, measure again what it saves and look whether the two attributes still are what they were."""
    assert version("great-expectations").split(".")[:2] == MEASURED_WITH.split(".")


def test_within_it_a_derivation_is_made_once_and_afterwards_the_classes_are_as_before() -> None:
    before = (Expectation.configuration, ExpectationConfiguration.to_domain_obj)
    configuration = ExpectationConfiguration(type="expect_column_values_to_not_be_null", kwargs={"column": "queue"})
    with derivations_memoised():
        expectation = configuration.to_domain_obj()
        assert configuration.to_domain_obj() is expectation
        assert expectation.configuration is expectation.configuration
    assert configuration.to_domain_obj() is not expectation
    assert (Expectation.configuration, ExpectationConfiguration.to_domain_obj) == before
