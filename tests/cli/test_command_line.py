"""What the command line takes for which command, and how it refuses what it cannot use."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from opslib.cli import app
from opslib.cli.options import RunOptions, offering

ROOT = Path(__file__).parents[2]


def opslib(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a user calls it, in a folder of its own."""
    command = [str(Path(sys.executable).with_name("opslib")), *arguments, "--params", str(ROOT / "params")]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("week", ["2026-W54", "latest"])
@pytest.mark.parametrize("command", ["weekly", "gate", "facts", "reports"])
def test_a_week_that_there_is_not_is_refused_in_one_message(tmp_path: Path, command: str, week: str) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    answer = opslib(tmp_path, command, "--source", "standard", "--exports", str(exports), "--week", week)
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"opslib: '{week}'")
    assert "2026-W46" in answer.stderr, "the message shows how a week is written"
    assert answer.stderr.count("\n") == 1
    assert "Traceback" not in answer.stderr
    assert list(tmp_path.iterdir()) == [exports], "nothing was read or made"


def test_a_command_takes_the_options_that_it_offers_and_no_other() -> None:
    """`exports` writes no report; an option that did nothing would be taken for one that does."""
    runner = CliRunner()
    assert "--reports" in runner.invoke(app, ["gate", "--help"]).stdout
    assert "--reports" not in runner.invoke(app, ["exports", "--help"]).stdout
    assert runner.invoke(app, ["exports", "--reports", "x"]).exit_code == 2


def test_an_option_that_no_run_has_is_refused_when_the_command_is_made() -> None:
    with pytest.raises(TypeError, match="RunOptions has no reprots"):
        offering(["reprots"])


def test_a_run_is_told_from_others_by_all_that_changes_its_pages() -> None:
    options = RunOptions(week="2026-W46")
    assert options.identity == replace(options, force=True, jobs=3).identity
    for other in (
        replace(options, week="2026-W45"),
        replace(options, team=["us-safety"]),
        replace(options, memory=300),
    ):
        assert other.identity != options.identity


def test_a_time_that_ends_in_z_is_utc() -> None:
    options = RunOptions(as_of=datetime(2026, 11, 16, 11))
    assert options.as_of_utc == datetime(2026, 11, 16, 11, tzinfo=UTC)
