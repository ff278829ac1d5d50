"""The benchmark's texts, fewer of them: what is found of each kind, and what is taken for personal data and is none."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pandas as pd
import pytest

from opslib.intake.privacy.redaction import redact_many

_PATH = Path(__file__).parents[3] / "benchmarks" / "redaction.py"
_LEAST_FOUND = 0.95
_LEAST_EMAILS = 0.99
_MOST_WRONG = 0.03


@pytest.fixture(scope="module")
def benchmark():
    specification = importlib.util.spec_from_file_location("redaction_benchmark", _PATH)
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module
    specification.loader.exec_module(module)
    return module


def test_of_every_kind_nearly_all_is_found(benchmark):
    planted = list(benchmark.texts(7, 8))
    redacted, _ = redact_many(pd.Series([one.text for one in planted]))
    found = benchmark.recall(planted, redacted.tolist())["found"]
    assert len(found) > 20
    assert found["email"] >= _LEAST_EMAILS
    assert found[found < _LEAST_FOUND].empty, found[found < _LEAST_FOUND]


def test_names_are_found_by_what_tells_them_and_words_that_are_names_stay(benchmark):
    named = benchmark.named_texts(7)
    left = pd.Series([one.told_by for one, _ in benchmark.names_left(named)]).value_counts()
    missed = left / pd.Series([one.told_by for one in named]).value_counts()
    assert len(missed) == 6
    assert missed.fillna(0).drop("nothing").max() <= 1 - _LEAST_FOUND
    assert missed.fillna(0)["nothing"] <= _MOST_WRONG


def test_ordinary_texts_stay_as_they_are(benchmark):
    ordinary = pd.Series(benchmark.ordinary_texts(7, 3))
    redacted, _ = redact_many(ordinary)
    assert (redacted != ordinary).mean() <= _MOST_WRONG
