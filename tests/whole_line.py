"""The sample taken through the whole line by its command, once a run of the tests."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from opslib.analysis.findings.register import finding_id
from opslib.sample import truth
from tests.built_once import built_once
from tests.command_line import SETTINGS, Answer, in_a_process
from tests.samples import shared_sample

TICKETS = 4000
BEFORE = "2026-W45"
TEAM = "us-safety"
RUNS = {
    "week_before": ("--week", BEFORE, "--only", f"{BEFORE}/{TEAM}/weekly_review"),
    "week": (),
    "week_again": ("--team", TEAM),
}
"""The runs one after the other, by their options: one review of the week before, the week, and it once more."""
PLANTED = finding_id("broken rule", "us-commerce", truth.MISROUTING_RULE)
OWNER = "Keeper of the rules"
"""A rule that is at fault, and who takes it on before any run has found it."""


@dataclass(frozen=True)
class WholeLine:
    """Everything that the runs made, to read only."""

    folder: Path
    sample: Path

    @property
    def reports(self) -> Path:
        return self.folder / "reports"

    @property
    def warehouse(self) -> Path:
        return self.folder / "data" / "warehouse"

    def answer(self, run: str) -> Answer:
        """What the command answered."""
        return Answer(**json.loads((self.folder.parent / f"{run}.json").read_text(encoding="utf-8")))

    def written(self, run: str) -> dict[str, int]:
        """When each file of the warehouse was written last, as it was after the run, by its path."""
        return dict(json.loads((self.folder.parent / f"{run}.times.json").read_text(encoding="utf-8")))


def whole_line(tmp_path_factory: pytest.TempPathFactory) -> WholeLine:
    """The folder in which the sample was taken through the line, with what the command answered."""
    sample = shared_sample(tmp_path_factory, TICKETS)

    def build(root: Path) -> None:
        line = WholeLine(root / "line", sample)
        (line.folder / "notes").mkdir(parents=True)
        action = f"finding_id,owner,due,state\n{PLANTED},{OWNER},,accepted\n"
        (line.folder / "notes" / "actions.csv").write_text(action, encoding="utf-8")
        for run, options in RUNS.items():
            answer = weekly(line.folder, sample, *options)
            (root / f"{run}.json").write_text(json.dumps(asdict(answer)), encoding="utf-8")
            files = sorted(path for path in line.warehouse.rglob("*.parquet"))
            times = {str(path.relative_to(line.warehouse)): path.stat().st_mtime_ns for path in files}
            (root / f"{run}.times.json").write_text(json.dumps(times), encoding="utf-8")

    return WholeLine(built_once(tmp_path_factory, "whole_line", build) / "line", sample)


def weekly(folder: Path, exports: Path, *options: str) -> Answer:
    """`opslib weekly` with every folder of its own, as another process."""
    own = ["--warehouse", str(folder / "data" / "warehouse"), "--reports", str(folder / "reports")]
    return in_a_process(folder, "weekly", *SETTINGS, "--exports", str(exports), *own, *options)
