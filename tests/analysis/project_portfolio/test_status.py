from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from opslib.analysis.project_portfolio.status import Marks, Thresholds, marks_of_signal, project_status, series_marks


def status_of(
    chance: float, *, state: str = "open", cpi: float | None = None, overdue: tuple[str, ...] = (), promised: str = ""
) -> tuple:
    promised_on = [pd.Timestamp(promised) if promised else pd.NaT]
    forecast = pd.DataFrame({"project_id": ["P"], "state": [state], "chance": [chance], "promised_on": promised_on})
    late = pd.DataFrame(
        [("P", kind, "overdue") for kind in overdue] + [("P", "milestone", "due"), ("Q", "milestone", "overdue")],
        columns=["project_id", "kind", "state"],
    )
    told = pd.Series(dtype="float64") if cpi is None else pd.Series({"P": cpi})
    row = project_status(forecast, cpi=told, milestones=late).iloc[0]
    return row["status"], row["reasons"]


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        ({"chance": 0.7}, ("on track", "the chance of its date is 70% or more")),
        ({"chance": 0.699}, ("at risk", "the chance of its date is below 70%")),
        ({"chance": 0.3}, ("at risk", "the chance of its date is below 70%")),
        ({"chance": 0.299}, ("off track", "the chance of its date is below 30%")),
        ({"chance": 0.9, "cpi": 0.9}, ("on track", "the chance of its date is 70% or more")),
        ({"chance": 0.9, "cpi": 0.89}, ("at risk", "its CPI is below 0.9")),
        ({"chance": 0.9, "cpi": 0.59}, ("off track", "its CPI is below 0.6")),
        ({"chance": 0.9, "overdue": ("milestone",)}, ("off track", "a milestone is overdue")),
        (
            {"chance": 0.0, "overdue": ("milestone", "milestone", "promised date"), "cpi": 0.8},
            (
                "off track",
                "its promised date has passed; 2 milestones are overdue; the chance of its date is below 30%; "
                "its CPI is below 0.9",
            ),
        ),
        ({"chance": np.nan}, ("cannot be told", "there is no forecast of its end")),
        ({"chance": np.nan, "cpi": 0.5}, ("off track", "its CPI is below 0.6")),
        ({"chance": 1.0, "state": "finished", "cpi": 0.2}, ("done on time", "it ended by its promised date")),
        ({"chance": 0.0, "state": "finished"}, ("done late", "it ended later")),
        ({"chance": np.nan, "state": "finished"}, ("done", "no date was promised")),
        ({"chance": np.nan, "state": "finished", "promised": "2026-11-09"}, ("done", "when it ended is not told")),
    ],
)
def test_the_rule(of: dict, expected: tuple[str, str]):
    assert status_of(**of) == expected


def test_the_rule_is_printed_with_its_thresholds():
    assert Thresholds(on_track_chance=0.8, off_track_cpi=0.5).rule == (
        "On track: a chance of the promised date of 80% or more, and a CPI of 0.9 or more. Off track: a chance below "
        "30%, a CPI below 0.5, or a milestone is overdue. At risk: all between. What cannot be told counts for neither."
    )


@pytest.mark.parametrize("wrong", [{"on_track_chance": 0.2}, {"on_track_chance": 70}, {"off_track_cpi": 0.95}])
def test_thresholds_in_the_wrong_order_are_refused(wrong: dict):
    with pytest.raises(ValueError, match="must be 0 <="):
        Thresholds(**wrong)


@pytest.mark.parametrize(
    ("side", "target", "higher_is_better", "expected"),
    [
        (0, 7.9, True, ("common cause", "passes by itself")),
        (1, 9, True, ("improving", "hit or miss")),
        (-1, 10.1, True, ("concerning", "fails by itself")),
        (1, 10.1, False, ("concerning", "passes by itself")),
        (-1, 9, False, ("improving", "hit or miss")),
        (0, 7.9, False, ("common cause", "fails by itself")),
        (0, None, True, ("common cause", "cannot be told")),
    ],
)
def test_variation_and_assurance(side: int, target: float | None, higher_is_better: bool, expected: tuple[str, str]):
    assert marks_of_signal(side, 8, 10, target, higher_is_better=higher_is_better)[:2] == expected


def test_a_series_that_nobody_has_judged():
    noise = np.random.default_rng(3).normal(1.0, 0.05, 20)
    assert series_marks([*noise, 1.0], 0.6)[:2] == ("common cause", "passes by itself")
    assert series_marks([*noise, 0.5], 1.3)[:2] == ("concerning", "fails by itself")
    assert series_marks([*noise, 1.5], 1.0)[:2] == ("improving", "hit or miss")
    assert series_marks([*noise[:10], np.nan, np.nan, *noise[10:], 1.5], 1.0)[0] == "improving"
    nothing = Marks("cannot be told", "cannot be told", np.nan, np.nan)
    for short in (noise[:8], [], [1.0] * 12, [*noise, np.nan]):
        marks = series_marks(short, 1.0)
        assert marks[:2] == nothing[:2]
        assert np.isnan(marks[2:]).all()
