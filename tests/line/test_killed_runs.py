"""A run that is killed at any moment is healed by the next, and two runs at once do not harm each other."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from opslib.intake.privacy.key import KEY_FILE
from tests.line.conftest import few_expectations
from tests.line.disturbed_runs import SERVER, Runs, content, log_of
from tests.samples import shared_sample

KILLS = 6
IN_A_ROW = 3
"""Kills of runs that follow each other, before one may end."""


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
    first = SERVER.Process(target=int)
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
