"""The whole line by its command: exports in, pages out, nothing personal on the way."""

from __future__ import annotations

import json
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bs4 import BeautifulSoup

from opslib.analysis.findings import ranking
from opslib.errors import OpslibError
from opslib.sample import truth
from opslib.store.warehouse import Warehouse
from opslib.weekly.run import SAMPLE_MARK, Run, admit_exports
from tests.command_line import SETTINGS, in_this_process
from tests.line.conftest import REPORTS, ROOT, TEAMS, WEEK, few_expectations, lean_review, run_over, write_by_team
from tests.line.test_broken_exports import renamed_column, truncated_gzip
from tests.samples import shared_sample
from tests.weekly.weekly_notebooks import PARAMETERS, write_notebook
from tests.whole_line import OWNER, PLANTED, RUNS, WholeLine, weekly, whole_line

ABOUT_PROJECTS = {"org/project_portfolio.html", *(f"project/PRJ-{number}/status.html" for number in (1, 2, 3))}


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> WholeLine:
    return whole_line(tmp_path_factory)


def strings_in(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every text of every file: the values of Parquet files, the content of all others."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".parquet":
            for column in pq.read_table(path).itercolumns():
                if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                    yield path, "\n".join(value for value in column.unique().to_pylist() if value is not None)
        elif path.is_file() and "opslib.key" not in path.parts:
            yield path, path.read_bytes().decode("utf-8", "replace")


def test_the_sample_gives_a_report_per_team_and_an_index(line: WholeLine):
    for run in RUNS:
        assert (line.answer(run).status, line.answer(run).err) == (0, ""), line.answer(run)
    week = line.reports / WEEK
    pages = {f"{team}/{report}.html" for team in TEAMS for report in REPORTS} | ABOUT_PROJECTS
    reports = [*week.glob("*/*.html"), *week.glob("project/*/*.html")]
    reports = [path for path in reports if not path.name.endswith(".compare.html")]
    assert {path.relative_to(week).as_posix() for path in reports} == pages
    assert (week / "project" / "PRJ-3" / "status.md").read_text(encoding="utf-8").startswith("# Refund status page")
    index = (week / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{page}"' in index for page in pages)
    assert (week / "data_quality.html").exists()
    assert (line.reports / "index.html").exists()
    assert ">Sample data, no real people<" in index


def test_what_notebooks_find_reaches_the_reviews_and_the_index(line: WholeLine):
    """The planted rule of commerce is handed over by its routing audit, and its review names it."""
    findings = Warehouse(line.warehouse).read("published", "findings", weeks=["2026-W46"])
    (rule,) = findings[findings["subject"] == truth.MISROUTING_RULE].itertuples()
    assert (rule.team, rule.kind, rule.since) == ("us-commerce", "broken rule", "2026-09-14")
    assert rule.size > 0
    audit = line.reports / "2026-W46" / "us-commerce" / "routing_audit.html"
    assert (rule.finding_id, OWNER in audit.read_text(encoding="utf-8")) == (PLANTED, True)
    shown = ranking.first_lines(findings)
    assert 0 < len(shown) <= 5
    assert shown["team"].value_counts().max() <= 2
    index = (line.reports / "2026-W46" / "index.html").read_text(encoding="utf-8")
    assert [name for name in shown["finding_id"] if name not in index] == []
    for team, own in findings.groupby("team"):
        page = (line.reports / "2026-W46" / str(team) / "weekly_review.html").read_text(encoding="utf-8")
        points = ranking.first_lines(own, most=3, most_of_a_team=3)
        assert [name for name in points["finding_id"] if name not in page] == []


def test_the_manifest_says_what_went_in(line: WholeLine):
    manifest = json.loads((line.reports / WEEK / "manifest.json").read_text())
    assert manifest["sample"] is True
    assert set(manifest["inputs"]) == {path.name for path in line.sample.iterdir()} - {SAMPLE_MARK}
    assert all(re.fullmatch(r"[0-9a-f]{64}", entry["sha256"]) for entry in manifest["inputs"].values())
    assert len(manifest["reports"]) == len(TEAMS) * len(REPORTS) + len(ABOUT_PROJECTS)
    assert {entry["status"] for entry in manifest["reports"]} <= {"ready", "unchanged"}
    assert f"{len(TEAMS) * len(REPORTS) + len(ABOUT_PROJECTS)} ready (" in line.answer("week").out


def test_nothing_planted_that_names_a_person_is_in_the_warehouse_the_reports_or_the_log(line: WholeLine):
    planted = json.loads((line.sample / SAMPLE_MARK).read_text())["planted_personal_data"]
    texts = {item["text"] for item in planted}
    assert len(texts) > 20
    raw_ids = re.compile(r"\breq-\d{8}\b|\bagent-[a-z]+-[a-z]+")
    exported = "\n".join(text for _, text in strings_in(line.sample))
    assert raw_ids.search(exported)
    logs = [(Path(f"log of {run}"), line.answer(run).out + line.answer(run).err) for run in RUNS]
    for path, text in [*strings_in(line.folder), *logs]:
        assert raw_ids.search(text) is None, path
        assert {item for item in texts if item in text} == set(), path


def test_the_redacted_text_keeps_its_tickets_words(line: WholeLine):
    """Were the descriptions simply dropped, the test above would pass as well."""
    tickets = pd.concat(
        pq.read_table(path, columns=["description"]).to_pandas()
        for path in (line.warehouse / "standard" / "tickets").glob("week=*/part.parquet")
    )
    assert tickets["description"].str.contains(r"\[email\]").any()
    assert tickets["description"].str.split().str.len().median() > 8


def test_the_key_is_kept_for_its_owner_only(line: WholeLine):
    assert stat.S_IMODE((line.warehouse / "opslib.key").stat().st_mode) == 0o600


def test_a_second_run_takes_nothing_in_again_and_gives_the_same_facts(line: WholeLine):
    before, after = (
        {path: time for path, time in line.written(run).items() if path.startswith(("facts/", "published/"))}
        for run in ("week", "week_again")
    )
    again = line.answer("week_again").out
    assert "reading" in line.answer("week_before").out
    assert "reading" not in again
    assert re.search(r"^gate .*as before$", again, re.MULTILINE)
    assert after == before
    assert f"published/escalations/week={WEEK}/part.parquet" in before
    assert "3 unchanged" in again


def test_teams_with_broken_exports_in_the_first_week_ever_are_held_back_and_the_others_are_made(
    tmp_path_factory, tmp_path
):
    """What no page shows is published nowhere, so that a whole export restates nothing of it a day later."""
    exports = tmp_path / "exports"
    exports.mkdir()
    write_by_team(shared_sample(tmp_path_factory, 600), exports)
    faults = {"us-safety": truncated_gzip, "us-creators": renamed_column}
    for team, fault in faults.items():
        fault(exports, team)
    params = Path(shutil.copytree(ROOT / "params", tmp_path / "params"))
    (params / "weekly.yml").write_text(
        "notebooks:\n  - notebook: team/weekly_review\n    teams: all\n"
        "  - notebook: team/fails\n    teams: [us-general]\n"
    )
    notebooks = lean_review(tmp_path / "notebooks")
    write_notebook(notebooks / "team" / "fails.ipynb", "1 / 0", parameters=f'{PARAMETERS}\nparams: str = "params"')
    own = ["--source", "standard", "--params", str(params), "--notebooks", str(notebooks)]
    answer = weekly(tmp_path, exports, *own, "--week", WEEK)
    assert answer.status == 1, "a failed report is not hidden behind a blocked team"
    assert "2 blocked, 1 failed, 2 ready" in answer.out
    assert re.search(r"^blocked +us-safety: tickets: tickets_us-safety.csv.gz", answer.out, re.MULTILINE)
    assert list((tmp_path / "reports" / ".runs").glob("*.json")) == [], "nor is the run remembered as done"
    week = tmp_path / "reports" / WEEK
    reports = json.loads((week / "manifest.json").read_text())["reports"]
    assert sorted((entry["team"], entry["status"]) for entry in reports) == sorted(
        [("us-general", "failed"), *((team, "blocked" if team in faults else "ready") for team in TEAMS)]
    )
    index = words_of(week / "index.html")
    assert "tickets_us-safety.csv.gz" in index
    assert "simulated" not in index
    assert index.count("There is no good page of an earlier week.") == len(faults)
    for team in faults:
        page = words_of(week / team / "weekly_review.html")
        assert re.search(r"Ask whoever exports them from the CRM for the tickets of .+ from \w+ \w+ \d+ on", page)
        assert f"run make weekly WEEK={WEEK}" in page
        assert "Until then there is no good page of an earlier week" in page
        assert not (week / team / "lists").exists()
    warehouse = Warehouse(tmp_path / "data" / "warehouse")
    published = warehouse.read("published", "values")
    assert set(published["team"]) == {"us-general", "us-commerce"}
    assert set(published["entry"]) == {"first known"}
    assert set(warehouse.read("published", "findings", weeks=[WEEK])["team"]) <= {"us-general", "us-commerce"}


def words_of(page: Path) -> str:
    """What a page says, without its looks."""
    return " ".join(BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").get_text(" ").split())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--team", "us-genral"), "us-genral"),
        (("--week", "2026-46"), "2026-W46"),
        (("--source", "zendsk"), "did you mean 'zendesk'"),
    ],
)
def test_a_wrong_choice_is_refused_before_anything_is_read(
    tmp_path_factory, tmp_path, monkeypatch, capsys, options, words
):
    exports = ["--exports", str(shared_sample(tmp_path_factory, 600))]
    answer = in_this_process(monkeypatch, capsys, tmp_path, "weekly", *SETTINGS, *exports, *options)
    assert answer.status == 2
    assert words in answer.err
    assert "Traceback" not in answer.err
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def sample_and_own(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> tuple[Run, Run]:
    """A run over the sample and one over exports of one's own, with the same folders."""
    sample = shared_sample(tmp_path_factory, 600)
    own = tmp_path / "own"
    own.mkdir()
    write_by_team(sample, own)
    expectations = few_expectations(tmp_path / "expectations")
    return tuple(run_over(exports, tmp_path, expectations=expectations) for exports in (sample, own))


def test_what_was_published_of_the_sample_is_no_past_of_real_exports(sample_and_own):
    """Who tries the sample first and then brings exports of their own must read of no restated number."""
    first, real = sample_and_own
    admit_exports(first, lambda step, line: None)
    rows = pd.DataFrame({"week": [WEEK], "team": ["us-general"], "value": [1.0]})
    first.warehouse.write("published", "values", rows, partition_by_week=True)
    admit_exports(first, lambda step, line: None)
    assert first.warehouse.has("published", "values")
    admit_exports(real, lambda step, line: None)
    assert not real.warehouse.has("published", "values")


def test_the_sample_never_replaces_the_tables_of_real_exports(sample_and_own):
    sample, real = sample_and_own
    admit_exports(real, lambda step, line: None)
    with pytest.raises(OpslibError, match="is the sample"):
        admit_exports(sample, lambda step, line: None)
