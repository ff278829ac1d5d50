"""Every notebook on logs that tell what happened to tickets and not a word that was said, from their files on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from opslib.facts.build import build
from opslib.weekly.numbers.completeness import build_weekly_completeness
from opslib.weekly.numbers.signals import build_weekly_signals
from opslib.weekly.numbers.values import build_weekly_values
from opslib.weekly.run import admit_exports
from tests.boston_311 import boston_311
from tests.line.conftest import few_expectations, run_over
from tests.notebooks.notebook_cells import run_cells

ROOT = Path(__file__).parents[2]
NOTEBOOKS = tuple(sorted((ROOT / "notebooks" / "team").glob("*.ipynb")))
DAYS = 21


def process_log(folder: Path) -> str:
    """Cases that are created, pass from one group to the next and are closed, as process mining has them."""
    tickets = ["ticket_id,created_at,status,team,updated_at,queue,contact_reason"]
    events = ["ticket_id,occurred_at,event,actor_id,actor_role,value"]
    for number in range(12 * DAYS):
        begin = datetime(2026, 5, 4, tzinfo=UTC) + timedelta(hours=2 * number)
        queue = "second line" if number % 3 == 0 else "first line"
        end = begin + timedelta(hours=5)
        tickets.append(f"T{number},{begin.isoformat()},closed,us-general,{end.isoformat()},{queue},reason {number % 4}")
        steps = [(0, "status", "new"), (0, "queue", ""), (1, "queue", "first line"), (1, "assignee", f"a{number % 6}")]
        steps += [(2, "queue", "second line")] * (number % 3 == 0)
        steps += [(3, "status", "open"), (5, "status", "closed")]
        for hours, event, value in steps:
            at = (begin + timedelta(hours=hours)).isoformat()
            events.append(f"T{number},{at},{event},a{number % 6},agent,{value}")
    (folder / "tickets.csv").write_text("\n".join(tickets), encoding="utf-8")
    (folder / "ticket_events.csv").write_text("\n".join(events), encoding="utf-8")
    return "us-general"


def service_requests(folder: Path) -> str:
    """Some weeks of one department of Boston, which tell the last state of each request and no event."""
    rows = pd.read_csv(boston_311(), dtype=str, keep_default_na=False)
    is_early = rows["open_dt"] < "2011-08-08"
    rows[is_early & (rows["department"] == "ISD")].to_csv(folder / "boston_311_early.csv", index=False)
    return "inspectional-services"


@pytest.mark.parametrize(
    ("source", "export"),
    [
        pytest.param("standard", process_log, id="process log"),
        pytest.param("boston_311", service_requests, id="service requests", marks=pytest.mark.public_data),
    ],
)
def test_every_notebook_reads_a_log_without_a_word(tmp_path: Path, source: str, export: object) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    team = export(exports)  # type: ignore[operator]
    run = run_over(exports, tmp_path, source=source, expectations=few_expectations(tmp_path / "expectations"))
    intake = admit_exports(run, lambda step, line: None)
    build(run.warehouse, run.organisation, intake.as_of)
    build_weekly_completeness(run.warehouse, run.organisation, intake.as_of)
    build_weekly_values(run.warehouse, run.organisation, intake.as_of)
    build_weekly_signals(run.warehouse, run.organisation)
    values = run.warehouse.read("facts", "weekly_values").query("team == @team and week == @intake.week")
    most = values.groupby("metric")["value"].max()
    assert most["created"] > 50
    assert most[["touches_per_solved", "one_touch_share", "first_reply_median", "next_reply_median"]].isna().all()
    folders = {"warehouse": str(run.warehouse.root), "params": str(run.folders.params)}
    for path in NOTEBOOKS:
        assert run_cells(path, week=intake.week, team=team, **folders), path.stem
