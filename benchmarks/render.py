"""The same eight team reports made five ways, on one machine, one after the other: reports per minute and ratios.

    make facts && .venv/bin/python benchmarks/render.py

Ways: papermill and `jupyter nbconvert` per report in a shell loop; the same, two at once; ploomber-engine (installed
into a folder of its own for this run) with nbconvert; opslib from nothing; opslib with its processes up, one at a time.
The last two take seconds, in which a machine that others share may do anything: the median of three runs counts.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from pathlib import Path
from statistics import median

from opslib.settings import load_organisation
from opslib.store.warehouse import Warehouse
from opslib.weekly import render
from opslib.weekly.edition import Edition
from opslib.weekly.outcome import Event
from opslib.weekly.plan import Job

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
NOTEBOOK = ROOT / "notebooks" / "team" / "weekly_review.ipynb"
Report = tuple[str, str]
REPEATED = 3
SHELL_LOOP = "papermill + nbconvert, shell loop"

PLOOMBER = """
import sys
from ploomber_engine import execute_notebook
execute_notebook(sys.argv[1], sys.argv[2], parameters={"week": sys.argv[3], "team": sys.argv[4]})
"""


def shell(report: Report, out: Path) -> None:
    """What a user would type for each report."""
    week, team = report
    notebook = out / f"{week}-{team}.ipynb"
    parameters = ["-p", "week", week, "-p", "team", team, "-k", "python3", "--no-progress-bar"]
    subprocess.run([str(BIN / "papermill"), str(NOTEBOOK), str(notebook), *parameters], check=True, capture_output=True)
    to_html(notebook)


def ploomber(report: Report, out: Path, packages: Path) -> None:
    """The same with ploomber-engine, from a folder of packages."""
    week, team = report
    notebook = out / f"{week}-{team}.ipynb"
    environment = os.environ | {"PYTHONPATH": str(packages)}
    command = [sys.executable, "-c", PLOOMBER, str(NOTEBOOK), str(notebook), week, team]
    subprocess.run(command, check=True, capture_output=True, env=environment)
    to_html(notebook)


def to_html(notebook: Path) -> None:
    """A page of a notebook, as nbconvert makes it."""
    command = [str(BIN / "jupyter"), "nbconvert", "--to", "html", "--no-input", str(notebook)]
    subprocess.run(command, check=True, capture_output=True)


def ours(reports: list[Report], warehouse: Path, out: Path, workers: int) -> list[float]:
    """Render with opslib; returns when each report was ready, in seconds from the start."""
    organisation = load_organisation(ROOT / "params")
    start, ends = time.perf_counter(), list[float]()
    as_of = datetime.fromisoformat(Warehouse(warehouse).facts_of_the_run()["as_of"])

    def note_end(event: Event) -> None:
        if event.kind == "done":
            assert event.outcome is not None
            assert event.outcome.status == "ready", event.outcome.error
            ends.append(time.perf_counter() - start)

    edition = Edition(
        organisation=organisation.organisation,
        week=reports[0][0],
        time_zone=organisation.time_zone,
        teams={team.name: team.label for team in organisation.teams},
        as_of=as_of,
        made_at=as_of,
    )
    render.run(
        [Job("team/weekly_review", week, team) for week, team in reports],
        notebooks=ROOT / "notebooks",
        reports=out,
        edition=edition,
        parameters={"warehouse": str(warehouse.resolve()), "params": str(ROOT / "params")},
        blocked={},
        workers=workers,
        on_event=note_end,
    )
    return ends


def timed(way: Callable[[], object]) -> float:
    """Seconds that a way takes."""
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


def ways_of_others(reports: list[Report], folder: Path) -> dict[str, float]:
    """Seconds for all reports by each way that is not ours; ploomber-engine is left out where it cannot be had."""

    def one_by_one(way: Callable[[Report, Path], None], out: Path) -> None:
        out.mkdir()
        for report in reports:
            way(report, out)

    def two_at_once(way: Callable[[Report, Path], None], out: Path) -> None:
        out.mkdir()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda report: way(report, out), reports))

    seconds = {
        SHELL_LOOP: timed(lambda: one_by_one(shell, folder / "shell")),
        "the same, two at once": timed(lambda: two_at_once(shell, folder / "two")),
    }
    packages = folder / "packages"
    if installs_ploomber(packages):
        engine = partial(ploomber, packages=packages)
        try:
            seconds["ploomber-engine + nbconvert"] = timed(lambda: one_by_one(engine, folder / "ploomber"))
        except subprocess.CalledProcessError as error:
            print(f"ploomber-engine cannot run the notebook: {error.stderr.decode().strip().splitlines()[-1]}")
    return seconds


def installs_ploomber(packages: Path) -> bool:
    """Whether ploomber-engine can be installed into a folder of its own."""
    uv = shutil.which("uv") or str(BIN / "uv")
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--target", str(packages)]
    return subprocess.run([*command, "ploomber-engine", "ploomber-core"], check=False).returncode == 0


def our_ways(reports: list[Report], warehouse: Path, folder: Path) -> dict[str, float]:
    """Seconds for all reports with opslib: from nothing, and at the pace of one process that is up."""
    two, one = folder / "ours", folder / "one"
    two.mkdir()
    one.mkdir()
    from_nothing = median(ours(reports, warehouse, two, 2)[-1] for _ in range(REPEATED))
    ends = [ours(reports, warehouse, one, 1) for _ in range(REPEATED)]
    pace = median((run[-1] - run[0]) / (len(run) - 1) for run in ends)
    return {
        "opslib, from nothing, two at once": from_nothing,
        "opslib, processes up, one at a time": pace * len(reports),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--warehouse", type=Path, default=ROOT / "data" / "warehouse")
    parser.add_argument("--weeks", nargs=2, default=["2026-W45", "2026-W46"])
    options = parser.parse_args()
    os.environ |= {"OPSLIB_WAREHOUSE": str(options.warehouse.resolve()), "OPSLIB_PARAMS": str(ROOT / "params")}
    teams = load_organisation(ROOT / "params").team_names
    reports = [(week, team) for week in options.weeks for team in teams]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seconds = ways_of_others(reports, folder) | our_ways(reports, options.warehouse, folder)
    print(f"{'way':<38}{'seconds':>9}{'s/report':>10}{'reports/min':>13}{'× shell loop':>14}")
    for way, total in seconds.items():
        per_report = total / len(reports)
        print(f"{way:<38}{total:>9.1f}{per_report:>10.2f}{60 / per_report:>13.1f}{seconds[SHELL_LOOP] / total:>14.1f}")


if __name__ == "__main__":
    main()
