from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from opslib.analysis.contact_drivers.relabelling import labels_replaced

DAYS = pd.date_range("2024-06-01", "2024-09-15").strftime("%Y-%m-%d")
ONSET = "2024-09-04"


def tickets(before: dict[str, float], after: dict[str, float], *, seed: int = 5) -> pd.DataFrame:
    """Poisson tickets a day of each label, before and from the onset on."""
    rng = np.random.default_rng(seed)
    rows = [
        (day, label)
        for day in DAYS
        for label, rate in (before if day < ONSET else after).items()
        for _ in range(rng.poisson(rate))
    ]
    return pd.DataFrame(rows, columns=["day", "contact_reason"])


OLD = {"fix-problems": 14.0, "other": 6.0, "settings": 5.0}
NEW = {"email": 15.0, "accounts": 5.0, "other": 1.0, "settings": 5.0}


def test_a_new_list_of_labels_is_told_as_one():
    assert labels_replaced(tickets(OLD, NEW), ONSET)


def test_a_matter_that_comes_on_top_is_none_however_large():
    assert not labels_replaced(tickets(OLD, OLD | {"outage": 20.0}), ONSET)


def test_a_matter_that_goes_for_good_is_none():
    assert not labels_replaced(tickets(OLD | {"outage": 20.0}, OLD), ONSET)


def test_a_day_without_days_before_or_after_tells_nothing():
    assert not labels_replaced(tickets(OLD, NEW), DAYS[0])
    assert not labels_replaced(tickets(OLD, NEW), "2024-12-01")


@pytest.mark.parametrize("seed", range(20))
def test_chance_among_many_small_labels_is_none(seed: int):
    """Three tickets a day over twenty labels: some rise and others fall in every week."""
    rates = {f"label {number}": 0.15 for number in range(20)}
    assert not labels_replaced(tickets(rates, rates, seed=seed), ONSET)
