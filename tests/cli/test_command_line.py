"""What the command line takes for which command, and how it refuses what it cannot use."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from opslib.cli import app
from opslib.cli.options import RunOptions, offering
from tests.command_line import ROOT, Answer, in_a_process, in_this_process


@pytest.mark.parametrize("week", ["2026-W54", "latest"])
@pytest.mark.parametrize("command", ["weekly", "gate", "facts", "reports"])
def test_a_week_that_there_is_not_is_refused_in_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, week: str
) -> None:
    answer = in_this_process(monkeypatch, capsys, tmp_path, *with_week(tmp_path, command, week))
    assert_refused(answer, week, tmp_path)


def test_a_user_reads_the_refusal_on_the_standard_error_of_the_command(tmp_path: Path) -> None:
    assert_refused(in_a_process(tmp_path, *with_week(tmp_path, "facts", "latest")), "latest", tmp_path)


def with_week(folder: Path, command: str, week: str) -> list[str]:
    """The command over a folder that has no exports yet."""
    (folder / "exports").mkdir()
    options = ["--source", "standard", "--exports", str(folder / "exports"), "--params", str(ROOT / "params")]
    return [command, *options, "--week", week]


def assert_refused(answer: Answer, week: str, folder: Path) -> None:
    """One message on the standard error, and nothing read or made."""
    assert answer.status == 2
    assert answer.err.startswith(f"opslib: '{week}'")
    assert "2026-W46" in answer.err, "the message shows how a week is written"
    assert answer.err.count("\n") == 1
    assert "Traceback" not in answer.err
    assert list(folder.iterdir()) == [folder / "exports"]


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
