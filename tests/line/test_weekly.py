"""The whole line by its command: exports in, pages out, nothing personal on the way."""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from opslib.weekly.run import SAMPLE_MARK, admit_exports
from tests.line.conftest import REPORTS, ROOT, TEAMS, WEEK, run_over

OPSLIB = Path(sys.executable).with_name("opslib")
SETTINGS = [
    *("--params", str(ROOT / "params")),
    *("--notebooks", str(ROOT / "notebooks")),
    *("--expectations", str(ROOT / "expectations")),
]


def weekly(folder: Path, exports: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """`opslib weekly` with every folder of its own, as another process."""
    command = [str(OPSLIB), "weekly", *SETTINGS, "--exports", str(exports)]
    command += ["--warehouse", str(folder / "data" / "warehouse"), "--reports", str(folder / "reports"), *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The folder in which the sample was taken through the whole line, and what the command said."""
    folder = tmp_path_factory.mktemp("weekly")
    return folder, weekly(folder, sample)


def strings_in(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every text of every file: the values of Parquet files, the content of all others."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".parquet":
            for column in pq.read_table(path).itercolumns():
                if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                    yield path, "\n".join(value for value in column.unique().to_pylist() if value is not None)
        elif path.is_file() and path.name != "opslib.key":
            yield path, path.read_bytes().decode("utf-8", "replace")


def test_the_sample_gives_a_report_per_team_and_an_index(made):
    folder, answer = made
    assert answer.returncode == 0, answer.stderr + answer.stdout
    assert answer.stderr == ""
    week = folder / "reports" / WEEK
    made = {f"{team}/{report}.html" for team in TEAMS for report in REPORTS}
    assert {path.relative_to(week).as_posix() for path in week.glob("*/*.html")} == made
    index = (week / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{page}"' in index for page in made)
    assert (week / "data_quality.html").exists()
    assert (folder / "reports" / "index.html").exists()
    assert "simulated" in index


def test_the_manifest_says_what_went_in(made, sample):
    folder, _ = made
    manifest = json.loads((folder / "reports" / WEEK / "manifest.json").read_text())
    assert manifest["sample"] is True
    assert set(manifest["inputs"]) == {path.name for path in sample.iterdir()} - {SAMPLE_MARK}
    assert all(re.fullmatch(r"[0-9a-f]{64}", entry["sha256"]) for entry in manifest["inputs"].values())
    assert [entry["status"] for entry in manifest["reports"]] == ["ready"] * len(TEAMS) * len(REPORTS)


def test_nothing_planted_that_names_a_person_is_in_the_warehouse_the_reports_or_the_log(made, sample):
    folder, answer = made
    planted = json.loads((sample / SAMPLE_MARK).read_text())["planted_personal_data"]
    texts = {item["text"] for item in planted}
    assert len(texts) > 20
    raw_ids = re.compile(r"\breq-\d{8}\b|\bagent-[a-z]+-[a-z]+")
    exported = "\n".join(text for _, text in strings_in(sample))
    assert raw_ids.search(exported)
    for path, text in [*strings_in(folder), (Path("standard output"), answer.stdout + answer.stderr)]:
        assert raw_ids.search(text) is None, path
        assert {item for item in texts if item in text} == set(), path


def test_the_redacted_text_keeps_its_tickets_words(made, sample):
    """Were the descriptions simply dropped, the test above would pass as well."""
    folder, _ = made
    tickets = pd.concat(
        pq.read_table(path, columns=["description"]).to_pandas()
        for path in (folder / "data" / "warehouse" / "standard" / "tickets").glob("week=*/part.parquet")
    )
    assert tickets["description"].str.contains(r"\[email\]").any()
    assert tickets["description"].str.split().str.len().median() > 8


def test_the_key_is_kept_for_its_owner_only(made):
    folder, _ = made
    assert stat.S_IMODE((folder / "data" / "opslib.key").stat().st_mode) == 0o600


def test_a_second_run_takes_nothing_in_again_and_gives_the_same_facts(made, sample):
    folder, _ = made
    warehouse = folder / "data" / "warehouse"
    kept = [path for area in ("facts", "published") for path in (warehouse / area).rglob("*.parquet")]
    before = {path: path.stat().st_mtime_ns for path in kept}
    again = weekly(folder, sample, "--team", "us-safety")
    assert again.returncode == 0, again.stderr
    assert "reading" not in again.stdout
    assert "as before" in again.stdout
    assert {path: path.stat().st_mtime_ns for path in kept} == before
    assert (warehouse / "published" / "escalations" / f"week={WEEK}" / "part.parquet") in kept
    assert "3 unchanged" in again.stdout


def test_one_teams_broken_export_is_said_on_the_index_and_the_others_are_made(exports, tmp_path):
    path = exports / "tickets_us-safety.csv.gz"
    path.write_bytes(path.read_bytes()[:2000])
    params = Path(shutil.copytree(ROOT / "params", tmp_path / "params"))
    (params / "weekly.yml").write_text("notebooks:\n  - notebook: team/weekly_review\n    teams: all\n")
    answer = weekly(tmp_path, exports, "--source", "standard", "--params", str(params))
    assert answer.returncode == 3, answer.stderr + answer.stdout
    week = tmp_path / "reports" / WEEK
    reports = json.loads((week / "manifest.json").read_text())["reports"]
    assert len(reports) == len(TEAMS)
    assert {(entry["team"], entry["status"]) for entry in reports} == {
        (team, "blocked" if team == "us-safety" else "ready") for team in TEAMS
    }
    assert "tickets_us-safety.csv.gz" in (week / "index.html").read_text(encoding="utf-8")
    assert "simulated" not in (week / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--team", "us-genral"), "us-genral"),
        (("--week", "2026-46"), "2026-W46"),
        (("--source", "zendsk"), "did you mean 'zendesk'"),
    ],
)
def test_a_wrong_choice_is_refused_before_anything_is_read(sample, tmp_path, options, words):
    answer = weekly(tmp_path, sample, *options)
    assert answer.returncode == 2
    assert words in answer.stderr
    assert "Traceback" not in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_was_published_of_the_sample_is_no_past_of_real_exports(exports_by_team, sample, tmp_path):
    """Who tries the sample first and then brings exports of their own must read of no restated number."""
    first = run_over(sample, tmp_path)
    admit_exports(first, lambda step, line: None)
    rows = pd.DataFrame({"week": [WEEK], "team": ["us-general"], "value": [1.0]})
    first.warehouse.write("published", "values", rows, partition_by_week=True)
    admit_exports(first, lambda step, line: None)
    assert first.warehouse.has("published", "values")
    real = run_over(exports_by_team, tmp_path)
    admit_exports(real, lambda step, line: None)
    assert not real.warehouse.has("published", "values")


def test_the_sample_never_replaces_the_tables_of_real_exports(exports_by_team, sample, tmp_path):
    admit_exports(run_over(exports_by_team, tmp_path), lambda step, line: None)
    answer = weekly(tmp_path, sample)
    assert answer.returncode == 2
    assert "is the sample" in answer.stderr
