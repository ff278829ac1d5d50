"""A warehouse is one folder: it shares nothing with one beside it, stays out of git, and removes what it wrote only."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from opslib.store.files import digest
from opslib.weekly.run import Run, admit_exports
from tests.line.conftest import ROOT, few_expectations, run_over
from tests.line.test_states_as_they_are import ORGANISATION, TICKETS

ROWS = f"""{TICKETS},requester_id
A,2026-06-10T09:00:00Z,open,desk,r1
B,2026-06-10T09:00:00Z,open,desk,r2
C,,solved,desk,r3
"""
"""Nothing says when C was created: it is set aside."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exports, parameters and suites of a small desk, and a stranger's files where warehouses are to be."""
    folder = tmp_path_factory.mktemp("desk")
    for name in (
        "exports",
        "params/sources",
        "data/quarantine/mine",
        "data/quarantine/tickets",
        "data/wh1/staged/mine",
    ):
        (folder / name).mkdir(parents=True)
    (folder / "params" / "org.yml").write_text(ORGANISATION)
    (folder / "params" / "weekly.yml").write_text("notebooks: []\n")
    (folder / "exports" / "tickets.csv").write_text(ROWS)
    few_expectations(folder / "expectations")
    for path in strangers(folder):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a thesis")
    before = os.umask(0o077)
    for name in ("wh1", "wh2"):
        admit(run_of(folder, name))
    os.umask(before)
    return folder


def strangers(folder: Path) -> list[Path]:
    data = folder / "data"
    inside = ["quarantine/mine/thesis.parquet", "quarantine/tickets/thesis.parquet", "staged/mine/thesis.parquet"]
    inside += ["standard/tickets/week=2026-W24/thesis.txt", "standard/satisfaction/thesis.csv"]
    return [data / "quarantine" / "mine" / "thesis.parquet", *(data / "wh1" / name for name in inside)]


def run_of(folder: Path, name: str, **changes: object) -> Run:
    folders = {"params": folder / "params", "expectations": folder / "expectations"}
    settings = folders | {"warehouse": folder / "data" / name, "source": "standard"} | changes
    return run_over(folder / "exports", folder, **settings)


def admit(run: Run) -> list[str]:
    """Take the exports in; what was said."""
    lines: list[str] = []
    with run.warehouse.locked():
        admit_exports(run, lambda step, line: lines.append(f"{step} {line}"))
    return lines


def requesters(run: Run) -> list[str]:
    return run.warehouse.read("standard", "tickets")["requester_id"].tolist()


def quarantine_of(folder: Path, name: str) -> Path:
    return folder / "data" / name / "quarantine" / "tickets" / "tickets.csv.parquet"


def test_two_warehouses_in_one_folder_share_nothing(desk: Path) -> None:
    first, second = (run_of(desk, name) for name in ("wh1", "wh2"))
    assert requesters(first) != requesters(second)
    assert quarantine_of(desk, "wh1").exists()
    assert quarantine_of(desk, "wh2").exists()
    assert sorted(path.name for path in (desk / "data").iterdir()) == ["quarantine", "wh1", "wh2"]


def test_nothing_is_removed_that_somebody_else_wrote(desk: Path) -> None:
    assert [path for path in strangers(desk) if not path.is_file()] == []


def test_all_that_was_written_is_as_the_umask_has_it(desk: Path) -> None:
    paths = list((desk / "data" / "wh2").rglob("*"))
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o700, 0o600}


def test_git_sees_nothing_of_a_warehouse(desk: Path) -> None:
    subprocess.run(["git", "init", "-q", str(desk / "data")], check=True)
    status = ["git", "-C", str(desk / "data"), "status", "--porcelain", "--untracked-files=all"]
    seen = subprocess.run(status, capture_output=True, text=True, check=True).stdout.splitlines()
    shutil.rmtree(desk / "data" / ".git")
    # Where others have files, their files are not hidden from them.
    names = {path.relative_to(desk / "data").as_posix() for path in strangers(desk)}
    assert {line.removeprefix("?? ") for line in seen} <= names
    assert not any("wh2" in line for line in seen)


def test_a_damaged_quarantine_is_made_anew_and_one_without_rows_goes(desk: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(desk, tmp_path / "desk"))
    path, run = quarantine_of(folder, "wh1"), run_of(folder, "wh1")
    before = digest(path)
    path.write_bytes(path.read_bytes()[:100])
    assert any(line.startswith("repair") and "quarantine/tickets" in line for line in admit(run))
    assert digest(path) == before
    (folder / "exports" / "tickets.csv").write_text("\n".join(ROWS.splitlines()[:3]))
    admit(run)
    assert not path.exists()
    assert [path for path in strangers(folder) if not path.is_file()] == []


def test_one_secret_makes_a_person_of_two_organisations_two_pseudonyms(desk: Path, tmp_path: Path) -> None:
    secret = "a secret for tests only"
    shutil.copytree(desk / "params", tmp_path / "params")
    (tmp_path / "params" / "org.yml").write_text(ORGANISATION.replace("a desk", "another desk"))
    runs = [run_of(desk, str(tmp_path / name), secret=secret) for name in ("a", "b")]
    runs.append(run_of(desk, str(tmp_path / "c"), secret=secret, params=tmp_path / "params"))
    for run in runs:
        admit(run)
    same, again, other = map(requesters, runs)
    assert same == again
    assert not {*same} & {*other}
    assert not (tmp_path / "a" / "opslib.key").exists()
    assert secret not in repr(runs[0])


def test_a_warehouse_of_an_earlier_version_keeps_its_key_and_its_quarantine_moves(desk: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(desk, tmp_path / "desk"))
    run, data = run_of(folder, "wh1"), folder / "data"
    before = requesters(run)
    shutil.rmtree(data / "wh2")
    (data / "wh1" / "opslib.key").rename(data / "opslib.key")
    shutil.rmtree(data / "wh1" / "generations")
    quarantine_of(folder, "wh1").rename(data / "quarantine" / "tickets" / "tickets.csv.parquet")
    lines = admit(run)
    assert any(line.startswith("key the key") and "was moved to" in line for line in lines)
    assert any(line.startswith("gate rows that are set aside lie in") for line in lines)
    assert requesters(run) == before
    assert quarantine_of(folder, "wh1").exists()
    assert sorted(path.name for path in data.rglob("*") if "wh1" not in path.parts and path.is_file()) == [
        "thesis.parquet"
    ]


def test_a_notebook_and_its_workers_never_have_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    from opslib.cli import run as commands

    seen: list[object] = []
    monkeypatch.setenv("OPSLIB_KEY", "a secret for tests only")
    monkeypatch.setattr(commands, "_open_run", lambda options, secret: seen.append(secret))
    for command in (commands.weekly, commands.exports, commands.gate, commands.facts, commands.reports):
        monkeypatch.setenv("OPSLIB_KEY", "a secret for tests only")
        with pytest.raises(Exception):  # noqa: B017, PT011 - there is no run to go on with
            command(params=ROOT / "params")
        assert "OPSLIB_KEY" not in os.environ
    assert seen == ["a secret for tests only"] * 5
