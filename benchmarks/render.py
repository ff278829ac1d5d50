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

PLOOMBER = """
import sys
from ploomber_engine import execute_notebook
execute_notebook(sys.argv[1], sys.argv[2], parameters={"week": sys.argv[3], "team": sys.argv[4]})
"""


def shell(report: Report, out: Path) -> None:
    """What a user would type for each report."""
    week, team = report
    made = out / f"{week}-{team}.ipynb"
    given = ["-p", "week", week, "-p", "team", team, "-k", "python3", "--no-progress-bar"]
    subprocess.run([str(BIN / "papermill"), str(NOTEBOOK), str(made), *given], check=True, capture_output=True)
    to_html(made)


def ploomber(report: Report, out: Path, packages: Path) -> None:
    week, team = report
    made = out / f"{week}-{team}.ipynb"
    environment = os.environ | {"PYTHONPATH": str(packages)}
    command = [sys.executable, "-c", PLOOMBER, str(NOTEBOOK), str(made), week, team]
    subprocess.run(command, check=True, capture_output=True, env=environment)
    to_html(made)


def to_html(notebook: Path) -> None:
    command = [str(BIN / "jupyter"), "nbconvert", "--to", "html", "--no-input", str(notebook)]
    subprocess.run(command, check=True, capture_output=True)


def ours(reports: list[Report], warehouse: Path, out: Path, workers: int) -> list[float]:
    """Render with opslib; returns when each report was done, in seconds from the start."""
    organisation = load_organisation(ROOT / "params")
    started, done = time.perf_counter(), list[float]()
    as_of = datetime.fromisoformat(Warehouse(warehouse).facts_of_the_run()["as_of"])

    def note(event: Event) -> None:
        if event.kind == "done":
            assert event.outcome is not None
            assert event.outcome.status == "ready", event.outcome.error
            done.append(time.perf_counter() - started)

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
        on_event=note,
    )
    return done


def timed(way: Callable[[], object]) -> float:
    started = time.perf_counter()
    way()
    return time.perf_counter() - started


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--warehouse", type=Path, default=ROOT / "data" / "warehouse")
    asked.add_argument("--weeks", nargs=2, default=["2026-W45", "2026-W46"])
    given = asked.parse_args()
    os.environ |= {"OPSLIB_WAREHOUSE": str(given.warehouse.resolve()), "OPSLIB_PARAMS": str(ROOT / "params")}
    teams = load_organisation(ROOT / "params").team_names
    reports = [(week, team) for week in given.weeks for team in teams]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        packages = folder / "packages"
        uv = shutil.which("uv") or str(BIN / "uv")
        install = [
            uv,
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            str(packages),
            "ploomber-engine",
            "ploomber-core",
        ]

        def one_by_one(way: Callable[[Report, Path], None], out: Path) -> None:
            for each in reports:
                way(each, out)

        has_ploomber = subprocess.run(install, check=False).returncode == 0
        outs = {key: folder / key for key in ("shell", "two", "ploomber", "ours", "one")}
        for out in outs.values():
            out.mkdir()
        seconds = {"papermill + nbconvert, shell loop": timed(lambda: one_by_one(shell, outs["shell"]))}

        def two_at_once() -> None:
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda each: shell(each, outs["two"]), reports))

        seconds["the same, two at once"] = timed(two_at_once)
        if has_ploomber:
            try:
                seconds["ploomber-engine + nbconvert"] = timed(
                    lambda: one_by_one(partial(ploomber, packages=packages), outs["ploomber"])
                )
            except subprocess.CalledProcessError as error:
                print(f"ploomber-engine cannot run the notebook: {error.stderr.decode().strip().splitlines()[-1]}")
        done = [ours(reports, given.warehouse, outs["ours"], 2)[-1] for _ in range(REPEATED)]
        seconds["opslib, from nothing, two at once"] = median(done)
        one = [ours(reports, given.warehouse, outs["one"], 1) for _ in range(REPEATED)]
        warm = median((ends[-1] - ends[0]) / (len(ends) - 1) for ends in one)
        seconds["opslib, processes up, one at a time"] = warm * len(reports)
    slowest = seconds["papermill + nbconvert, shell loop"]
    print(f"{'way':<38}{'seconds':>9}{'s/report':>10}{'reports/min':>13}{'× shell loop':>14}")
    for way, took in seconds.items():
        each = took / len(reports)
        print(f"{way:<38}{took:>9.1f}{each:>10.2f}{60 / each:>13.1f}{slowest / took:>14.1f}")


if __name__ == "__main__":
    main()
