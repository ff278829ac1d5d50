from __future__ import annotations

from datetime import date

import pandas as pd

from opslib.analysis.project_portfolio.risks import rank_risks


def test_risks_are_ranked_by_likelihood_times_impact_and_the_closed_come_last():
    risks = pd.DataFrame(
        [
            ("R1", "P", 2, 3, "2026-01-01", "2026-03-01", None),
            ("R2", "P", 4, 5, "2026-01-14", "2026-01-10", None),
            ("R3", "P", 3, 2, "2026-01-01", "2026-02-01", None),
            ("R4", "P", 5, 5, "2026-01-01", "2026-01-02", "2026-01-13"),
            ("R5", "P", 5, 5, "2026-01-01", None, "2026-01-02"),
            ("R6", "P", 5, 5, "2026-01-01", "2026-02-01", "2026-05-01"),
            ("R7", "P", 6, 5, None, None, None),
            ("R8", "Q", 1, 1, None, None, None),
        ],
        columns=["risk_id", "project_id", "likelihood", "impact", "opened_on", "due_on", "closed_on"],
    ).assign(description="…")
    frame = rank_risks(risks, as_of=date(2026, 1, 18), since=date(2026, 1, 11)).set_index("risk_id")
    assert frame.index.tolist() == ["R6", "R2", "R3", "R1", "R7", "R8", "R4", "R5"]
    assert frame["score"].dropna().to_dict() == {"R6": 25, "R2": 20, "R3": 6, "R1": 6, "R8": 1, "R4": 25, "R5": 25}
    assert frame["rank"].dropna().to_dict() == {"R6": 1, "R2": 2, "R3": 3, "R1": 4, "R8": 1}
    assert frame.loc[["R6", "R2", "R4", "R5"], "state"].tolist() == ["open", "overdue", "closed since", "closed"]
    assert frame.index[frame["is_new"]].tolist() == ["R2"]
    assert frame["days_overdue"].to_dict()["R2"] == 8
    assert frame.loc["R7", "why"] == "likelihood and impact must be numbers from 1 to 5"


def test_the_needed_columns_alone_are_enough():
    risks = pd.DataFrame(
        {"risk_id": ["R1"], "project_id": ["P"], "description": ["…"], "likelihood": [3], "impact": [3]}
    )
    row = rank_risks(risks, as_of=date(2026, 1, 18), since=date(2026, 1, 11)).iloc[0]
    assert (row["score"], row["state"], row["rank"], row["is_new"]) == (9, "open", 1, False)
    assert row[["owner", "due_on", "response"]].isna().all()
