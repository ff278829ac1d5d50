from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from opslib.weekly.manifest import (
    ManifestError,
    Record,
    commit_of,
    installed_versions,
    read_records,
    records_of_week,
    write_manifest,
)
from opslib.weekly.outcome import Outcome
from opslib.weekly.plan import Job
from tests.weekly.weekly_notebooks import edition


def write(path: Path, records: list[Record]) -> None:
    values: dict[str, Any] = {"status": "passed"}
    write_manifest(
        path,
        edition=edition(),
        parameters={"week": "2026-W46"},
        records=records,
        verdict=values,
        times={"gate": 1.23456},
    )


def outcome(reports: Path, team: str, status: Any) -> Outcome:
    job = Job("team/weekly_review", "2026-W46", team)
    job.page(reports).parent.mkdir(parents=True, exist_ok=True)
    job.page(reports).write_text("page")
    return Outcome(job, status, 2.0, job.page(reports))


def test_a_manifest_says_what_went_in_and_what_came_out(tmp_path: Path) -> None:
    path = tmp_path / "2026-W46/manifest.json"
    write(path, records_of_week(tmp_path, "2026-W46", [outcome(tmp_path, "us-general", "ready")]))
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["inputs"] == {"tickets.csv": {"sha256": "a" * 64}}
    assert content["gate"] == {"status": "passed"}
    assert content["seconds"] == {"gate": 1.235}
    assert content["as_of"] == "2026-11-16T11:00:00+00:00"
    assert content["reports"][0]["identifier"] == "2026-W46/us-general/weekly_review"
    assert list(content) == sorted(content)


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    records = records_of_week(tmp_path, "2026-W46", [outcome(tmp_path, team, "ready") for team in ("b", "a")])
    write(tmp_path / "one.json", records)
    write(tmp_path / "two.json", records[::-1])
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_a_run_for_one_team_keeps_what_is_known_of_the_others(tmp_path: Path) -> None:
    """`TEAMS=us-general` must not wipe the other teams off the index; a page that is gone must go from it."""
    first = [outcome(tmp_path, team, "ready") for team in ("us-general", "us-safety", "us-gone")]
    write(tmp_path / "2026-W46/manifest.json", records_of_week(tmp_path, "2026-W46", first))
    first[2].path.unlink()
    again = records_of_week(tmp_path, "2026-W46", [outcome(tmp_path, "us-general", "failed")])
    assert [(record.team, record.status) for record in again] == [("us-general", "failed"), ("us-safety", "ready")]


def test_a_damaged_manifest_is_named(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text('{"reports": [{"identifier": 1}]}')
    with pytest.raises(ManifestError, match=r"manifest\.json is no manifest"):
        read_records(path)


def test_the_commit_is_marked_where_files_differ_from_it(tmp_path: Path) -> None:
    assert commit_of(tmp_path) is None
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    (tmp_path / "x").write_text("1")
    for arguments in (["init", "-q"], ["add", "x"], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *arguments], cwd=tmp_path, check=True)
    clean = commit_of(tmp_path)
    assert clean is not None
    assert len(clean) == 40
    (tmp_path / "x").write_text("2")
    assert commit_of(tmp_path) == f"{clean}+"


def _with_a_filtered_notebook(folder: Path, cleaning: str) -> str:
    """A repository with one notebook, committed as `A`, whose filter is the given shell command."""
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    (folder / ".gitattributes").write_text("*.ipynb filter=nbstripout\n")
    (folder / "a.ipynb").write_text("A")
    for arguments in (
        ["init", "-q"],
        ["add", "."],
        ["commit", "-q", "-m", "one"],
        ["config", "filter.nbstripout.clean", cleaning],
    ):
        subprocess.run([*git, *arguments], cwd=folder, check=True)
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_a_notebook_with_outputs_alone_does_not_differ_from_the_commit(tmp_path: Path) -> None:
    head = _with_a_filtered_notebook(tmp_path, "tr -d '[:digit:]'")
    (tmp_path / "a.ipynb").write_text("A1")
    assert commit_of(tmp_path) == head
    (tmp_path / "a.ipynb").write_text("B1")
    assert commit_of(tmp_path) == f"{head}+"


def test_the_filter_of_notebooks_is_not_started_where_the_bytes_are_the_same(tmp_path: Path) -> None:
    head = _with_a_filtered_notebook(tmp_path, f"touch {tmp_path / 'started'}; cat")
    os.utime(tmp_path / "a.ipynb", (1, 1))
    assert commit_of(tmp_path) == head
    assert not (tmp_path / "started").exists()


def test_a_git_that_does_not_answer_costs_the_commit_and_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_a_filtered_notebook(tmp_path, "cat")

    def late(command: list[str], **options: object) -> None:
        raise subprocess.TimeoutExpired(command, 10)

    monkeypatch.setattr(subprocess, "run", late)
    assert commit_of(tmp_path) is None


def test_versions_are_those_installed() -> None:
    assert installed_versions(["pandas", "no-such-package-here"]).keys() == {"python", "pandas"}
