"""Two weeks of all metrics beside each other, from stored numbers and verdicts written by hand."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from opslib.store.warehouse import Warehouse
from opslib.weekly.comparison import metric_pairs
from tests.weekly.brief.brief_warehouse import (
    BEFORE,
    CSAT,
    SLA,
    SPEED,
    WEEK,
    Judged,
    met,
    missed,
    organisation,
    write_numbers,
)

ROWS = [
    met("north", SLA, 0.95, week=BEFORE),
    missed("north", SLA, 0.8, verdict="missed, could be chance"),
    missed("north", CSAT, 0.8, week=BEFORE),
    missed("north", CSAT, 0.7),
    Judged("north", SPEED, 3600.0, week=BEFORE, verdict="new"),
    Judged("north", SPEED, 7200.0, verdict="outside", more={"since": BEFORE}),
    Judged("north", "created", 40.0, week=BEFORE, verdict="outside", more={"since": "2026-W44"}),
    Judged("north", "created", 44.0, verdict="within"),
    Judged("north", "solved", 40.0, week=BEFORE, verdict="outside"),
    Judged("north", "solved", 41.0, verdict="not judged"),
    Judged("north", "qa_score", None, week=BEFORE, missing="not in this export"),
    Judged("north", "qa_score", None, missing="not in this export"),
    Judged("south", "created", 3.0, week=BEFORE),
    Judged("south", "created", 9.0),
]


def test_every_metric_has_both_weeks_the_verdicts_of_both_and_whether_one_changed(tmp_path: Path):
    """A lasting signal is no change, and a week that was not judged changes no verdict."""
    warehouse = Warehouse(tmp_path / "warehouse")
    write_numbers(warehouse, ROWS)
    partly = {"week": [WEEK], "team": ["south"], "scope": ["all"], "reason": ["it breaks off"]}
    warehouse.write("facts", "weekly_completeness", pa.table(partly))
    pairs = metric_pairs(warehouse, organisation(tmp_path / "params", {"north": (SLA, CSAT)}), WEEK)
    told = {
        row["label"]: (
            *(row[name] for name in ("was", "value", "change", "goal", "verdict_changed")),
            [chip.text for chip in row["chips_before"]],
            [chip.text for chip in row["chips"]],
        )
        for row in pairs["north"]
    }
    assert told == {
        "Tickets created": ("40", "44", "↑ 10%", "", True, ["Still outside, 2nd week"], ["Usual"]),
        "Tickets solved": ("40", "41", "↑ 2%", "", False, ["Still outside, 1st week"], ["Not judged"]),
        "First reply, median": ("1 h", "2 h", "↑ 100%", "", False, ["New signal"], ["Still outside, 2nd week"]),
        "First reply within SLA": (
            *("95.0%", "80.0%", "↓ 15.0 points", "≥ 90%", True),
            *(["Met", "Usual"], ["Missed, could be chance", "Usual"]),
        ),
        "Customer satisfaction": (
            *("80.0%", "70.0%", "↓ 10.0 points", "≥ 85%", False),
            *(["Missed", "Usual"], ["Missed", "Usual"]),
        ),
    }
    assert [row["change"] for row in pairs["south"]] == [""], "a week that is not whole is compared with nothing"
    assert "west" not in pairs


def test_a_week_without_the_one_before_has_nothing_to_compare(tmp_path: Path):
    warehouse = Warehouse(tmp_path / "warehouse")
    desk = organisation(tmp_path / "params", {})
    assert metric_pairs(warehouse, desk, WEEK) == {}
    write_numbers(warehouse, [row for row in ROWS if row.week == WEEK] + [met("north", SLA, 0.9, week="2026-W44")])
    assert metric_pairs(warehouse, desk, WEEK) == {}
