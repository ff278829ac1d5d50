"""What notebooks hand over is checked, and only those that were made replace what was found before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from opslib.analysis.findings.register import finding
from opslib.display import mime
from opslib.reports.findings import FindingsHandover
from opslib.store.warehouse import Warehouse
from opslib.weekly.findings import FindingError, findings_of, handovers_of
from opslib.weekly.numbers import findings as numbers
from opslib.weekly.outcome import Outcome, Status
from opslib.weekly.plan import Job

WEEK = "2026-W46"
JOB = Job("team/routing_audit", WEEK, "alpha")


def rule(name: str, **more: Any) -> dict[str, Any]:
    plain = {"week": WEEK, "team": "alpha", "what": f"{name} is broken.", "next_step": "", "section": "", "tickets": {}}
    return finding("broken rule", subject=name, **plain | more)


def notebook(bundle: dict[str, Any]) -> Any:
    output = new_output("display_data", data={mime.FINDINGS: bundle, "text/plain": ""})
    return new_notebook(cells=[new_code_cell("", outputs=[output])])


def test_what_a_notebook_displays_is_what_the_run_reads():
    shown = FindingsHandover("broken rule", [rule("R-1 <b>")], nothing="None.")._repr_mimebundle_()
    assert shown["text/html"] == "<ul><li>R-1 &lt;b&gt; is broken.</li></ul>"
    assert findings_of(notebook(shown[mime.FINDINGS]), JOB) == {"broken rule": [rule("R-1 <b>")]}
    assert findings_of(new_notebook(), JOB) is None
    none = FindingsHandover("broken rule", [], nothing="No rule is broken.")
    assert repr(none) == "No rule is broken."
    assert findings_of(notebook(none._repr_mimebundle_()[mime.FINDINGS]), JOB) == {"broken rule": []}


@pytest.mark.parametrize(
    "bundle",
    [
        {"kind": "broken rule", "findings": [rule("R-1", team="beta")]},
        {"kind": "broken rule", "findings": [rule("R-1", week="2026-W45")]},
        {"kind": "reason moved", "findings": [rule("R-1")]},
        {"kind": "broken rule", "findings": [{**rule("R-1"), "more": 1}]},
        {"kind": "goal missed", "findings": []},
    ],
    ids=["another team", "another week", "another kind", "another column", "a kind of the run"],
)
def test_what_is_no_finding_of_the_report_is_refused(bundle: dict[str, Any]):
    with pytest.raises(FindingError, match="2026-W46/alpha/routing_audit"):
        findings_of(notebook(bundle), JOB)


def test_a_report_replaces_its_own_findings_and_one_that_failed_replaces_none(tmp_path: Path):
    warehouse = Warehouse(tmp_path)

    def keep(*rows: dict[str, Any], status: Status = "ready", team: str = "alpha") -> list[str]:
        outcome = Outcome(
            Job("team/routing_audit", WEEK, team), status, 0.0, Path(), findings={"broken rule": list(rows)}
        )
        numbers.keep_findings(warehouse, WEEK, handovers_of([outcome]))
        return [str(subject) for subject in numbers.findings_of(warehouse, WEEK)["subject"].to_pylist()]

    assert keep(rule("R-1"), rule("R-2")) == ["R-1", "R-2"]
    assert keep(rule("R-9", team="beta"), team="beta") == ["R-1", "R-2", "R-9"]
    assert keep(rule("R-3"), status="failed") == ["R-1", "R-2", "R-9"]
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert keep(rule("R-2"), rule("R-1"), status="unchanged") == ["R-1", "R-2", "R-9"]
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before
    assert keep() == ["R-9"]
