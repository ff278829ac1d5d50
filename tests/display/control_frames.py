"""Frames of control charts: thirteen weeks of customer satisfaction, the last of them a signal."""

from __future__ import annotations

import numpy as np
import pandas as pd


def control(**changes: object) -> pd.DataFrame:
    """A row per week with every column that a control chart draws; `changes` replace whole columns."""
    frame = pd.DataFrame(
        {
            "week": [f"2026-W{number}" for number in range(34, 47)],
            "metric": "csat",
            "label": "Customer satisfaction",
            "unit": "share",
            "better": "higher",
            "value": np.linspace(0.7, 0.82, 13),
            "low": np.linspace(0.65, 0.77, 13),
            "high": np.linspace(0.75, 0.87, 13),
            "missing": None,
            "state": "settled",
            "settles_on": None,
            "still_low": np.nan,
            "still_high": np.nan,
            "n": 200.0,
            "cases": "answers",
            "goal": 0.85,
            "goal_verdict": "missed",
            "is_missed": True,
            "gap": np.linspace(0.15, 0.03, 13),
            "short": np.linspace(30, 6, 13).round(),
            "missed_weeks": 13.0,
            "goal_weeks": 13.0,
            "missed_run": 13.0,
            "too_easy": False,
            "is_open": False,
            "goal_why": "",
            "centre": 0.75,
            "lower": 0.68,
            "upper": 0.80,
            "verdict": ["within"] * 12 + ["new"],
            "direction": [""] * 12 + ["up"],
            "since": [None] * 12 + ["2026-W46"],
            "together": False,
            "why": "",
            "left_out": "",
            "level_shift": None,
        }
    )
    return frame.assign(**changes)
