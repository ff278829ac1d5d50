"""A run that is killed at any moment is healed by the next, and two runs at once do not harm each other."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from opslib.intake.privacy.pseudonyms import KEY_FILE
from tests.line.conftest import ROOT, few_expectations
from tests.samples import shared_sample

KILLS = 6
IN_A_ROW = 3
"""Kills of runs that follow each other, before one may end."""

# The imports of a run take several times as long as its work on a small sample. A server that has done them forks the
# runs, so that the moments fall into the work.
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    [
        "opslib.weekly.run",
        "opslib.weekly.numbers.values",
        "opslib.weekly.numbers.signals",
        "opslib.cli",
        "great_expectations",
        "duckdb",
        "ibis.backends.duckdb",
    ]
)


def admit_and_build(exports: Path, expectations: Path, data: Path, output: Path) -> None:
    """`opslib facts`, in a process of its own."""
    from opslib.cli import app

    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1, closefd=False) for number in (1, 2))
    settings = ["--params", ROOT / "params", "--expectations", expectations, "--reports", data / "reports"]
    app(["facts", "--exports", str(exports), "--warehouse", str(data / "warehouse"), *map(str, settings)])


@dataclass
class Runs:
    """Runs over the same exports, each warehouse with the same key of the pseudonyms."""

    exports: Path
    expectations: Path
    key: Path

    def fresh(self, data: Path) -> Path:
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir()
        shutil.copy(self.key, data / KEY_FILE)
        return data

    def start(self, data: Path) -> multiprocessing.process.BaseProcess:
        run = _SERVER.Process(target=admit_and_build, args=(self.exports, self.expectations, data, data / "log.txt"))
        run.start()
        return run

    def whole(self, data: Path) -> float:
        """Seconds of a run that nobody disturbs."""
        started = time.perf_counter()
        run = self.start(data)
        run.join(300)
        assert run.exitcode == 0, log_of(data)
        return time.perf_counter() - started

    def killed(self, data: Path, after: float) -> bool:
        """Kill a run after so many seconds; False where it has ended before."""
        run = self.start(data)
        run.join(after)
        if run.exitcode is None:
            assert run.pid is not None
            os.kill(run.pid, signal.SIGKILL)
            run.join(30)
        assert run.exitcode in (0, -signal.SIGKILL), log_of(data)
        return run.exitcode != 0


def log_of(data: Path) -> str:
    return (data / "log.txt").read_text() if (data / "log.txt").exists() else "the log is empty"


def content(data: Path) -> dict[str, str]:
    """SHA-256 of every file of the warehouse and of quarantine, so that what a kill left lying about counts too."""
    files = [path for area in ("warehouse", "quarantine") for path in (data / area).rglob("*") if path.is_file()]
    return {
        str(path.relative_to(data)): hashlib.sha256(bytes_of(path)).hexdigest()
        for path in sorted(files)
        if path.name != ".lock"
    }


def bytes_of(path: Path) -> bytes:
    """The bytes of a file; of a memo all but when the files were written that it knows, which is another time now."""
    if path.parent.name != "memo":
        return path.read_bytes()
    entries = json.loads(path.read_text(encoding="utf-8"))
    made = {name: {file: size for file, (size, _) in entry["made"].items()} for name, entry in entries.items()}
    return json.dumps({name: entry | {"made": made[name]} for name, entry in entries.items()}).encode()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    folder = tmp_path_factory.mktemp("killed")
    key = folder / KEY_FILE
    key.write_text("a key for tests only, not a secret\n")
    key.chmod(0o600)
    return Runs(shared_sample(tmp_path_factory, 600), few_expectations(folder / "expectations"), key)


@pytest.fixture(scope="module")
def undisturbed(runs: Runs, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], float]:
    """What a run that is never killed leaves, and how long it takes."""
    first = _SERVER.Process(target=int)
    first.start()
    first.join()
    data = tmp_path_factory.mktemp("undisturbed") / "data"
    seconds = runs.whole(runs.fresh(data))
    digests = content(data)
    for area in ("standard/tickets", "facts/tickets", "facts/backlog", "facts/weekly_values"):
        assert any(name.startswith(f"warehouse/{area}/") for name in digests), area
    return digests, seconds


def test_a_run_killed_at_any_moment_is_healed_by_the_next(
    runs: Runs, undisturbed: tuple[dict[str, str], float], tmp_path: Path
) -> None:
    """A moment in each sixth of a whole run, in any order; a run that follows a kill may be killed as well."""
    whole, seconds = undisturbed
    seed = random.SystemRandom().randrange(1_000_000)
    chance = random.Random(seed)
    moments = [(part + chance.random()) / KILLS for part in range(KILLS)]
    chance.shuffle(moments)
    data = runs.fresh(tmp_path / "data")
    kills: list[float] = []
    in_a_row = 0

    def assert_healed() -> None:
        assert content(data) == whole, f"seed {seed}, killed at {kills} of a run of {seconds:.1f} s: {log_of(data)}"

    while len(kills) < KILLS:
        started = time.perf_counter()
        if runs.killed(data, moments[len(kills)] * seconds):
            kills.append(moments[len(kills)])
            in_a_row += 1
            if in_a_row < IN_A_ROW and len(kills) < KILLS:
                continue
            runs.whole(data)
        else:
            # It had less left to do than a whole run, or the machine has become faster.
            seconds = min(seconds, time.perf_counter() - started) if in_a_row == 0 else seconds
        assert_healed()
        runs.fresh(data)
        in_a_row = 0


def test_two_runs_at_once_wait_for_each_other(
    runs: Runs, undisturbed: tuple[dict[str, str], float], tmp_path: Path
) -> None:
    data = runs.fresh(tmp_path / "data")
    both = [runs.start(data), runs.start(data)]
    for run in both:
        run.join(300)
    assert [run.exitcode for run in both] == [0, 0], log_of(data)
    assert content(data) == undisturbed[0]
    assert log_of(data).count("as before") >= 1, "the second one finds the work done"


def test_a_run_waits_no_longer_than_it_should(runs: Runs, tmp_path: Path) -> None:
    """A run that stands still for ever must not leave the others without a word."""
    from opslib.errors import WarehouseError
    from opslib.store.warehouse import Warehouse

    warehouse = Warehouse(tmp_path / "warehouse")
    with (
        warehouse.locked(),
        pytest.raises(WarehouseError, match="another run has held"),
        Warehouse(warehouse.root).locked(wait_seconds=0.1),
    ):
        pass
