"""The weekly review, run as a reader gets it, on a warehouse written by hand."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from traitlets.config import Config

from opslib.display.theme import Drawing
from opslib.weekly.pages.safe_html import clean_output
from tests.notebooks.notebook_cells import Shown, run_cells, text_of
from tests.reports.review_warehouse import LAST, shared_warehouse, write_warehouse

ROOT = Path(__file__).parents[2]
SVG = "image/svg+xml"
HEADLINE = "application/vnd.opslib.headline+json"


def run(notebook: str, warehouse: Path, params: Path, *, team: str) -> nbformat.NotebookNode:
    """The notebook with its parameters replaced, executed in a kernel of its own."""
    node = nbformat.read(ROOT / "notebooks" / f"{notebook}.ipynb", as_version=4)
    cell = next(cell for cell in node.cells if "parameters" in cell.metadata.get("tags", []))
    values = {"week": LAST, "team": team, "warehouse": str(warehouse), "params": str(params)}
    cell.source = "\n".join(f"{name}: str = {value!r}" for name, value in values.items())
    with tempfile.TemporaryDirectory(prefix="ops") as folder:
        sockets = Config({"KernelManager": {"transport": "ipc", "ip": f"{folder}/k"}})
        NotebookClient(node, timeout=120, kernel_name="python3", config=sockets).execute(cwd=str(ROOT))
    return node


def data_of(node: nbformat.NotebookNode, mime: str) -> list[str]:
    return [
        output.data[mime] for cell in node.cells for output in cell.get("outputs", []) if mime in output.get("data", {})
    ]


def after(node: nbformat.NotebookNode, heading: str) -> str:
    """The plain text of all outputs of the section."""
    texts, inside = [], False
    for cell in node.cells:
        if cell.cell_type == "markdown":
            for title in re.findall(r"^## (.+)$", cell.source, re.MULTILINE):
                inside = title == heading
        elif inside:
            texts += [output.data["text/plain"] for output in cell.outputs if "data" in output]
    return "\n".join(texts)


def streams(node: nbformat.NotebookNode) -> list[str]:
    return [output.text for cell in node.cells for output in cell.get("outputs", []) if output.output_type == "stream"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return shared_warehouse(tmp_path_factory)


@pytest.fixture(scope="module")
def alpha(folders: tuple[Path, Path]) -> nbformat.NotebookNode:
    return run("team/weekly_review", *folders, team="alpha")


def test_every_section_shows_something_and_nothing_is_warned_of(alpha: nbformat.NotebookNode):
    silent = [cell.source for cell in alpha.cells[2:] if cell.cell_type == "code" and not cell.outputs]
    assert silent == []
    assert streams(alpha) == []


def test_the_slow_week_is_the_signal_and_the_calm_metrics_are_within_their_limits(alpha: nbformat.NotebookNode):
    table, _, below = after(alpha, "Signals").partition("Judged: ")
    assert re.search(r"First reply, median \| \d h .* New signal; above its usual level", table)
    assert "the metrics of one week in five at most show a new signal by chance" in below
    assert "As usual: " in below


def test_what_explains_it_are_the_chats(alpha: nbformat.NotebookNode):
    assert re.search(r"bars by channel, largest Chat with −", after(alpha, "What explains the change?"))


def test_figures_have_descriptions_with_the_last_value_and_the_goal(alpha: nbformat.NotebookNode):
    alts = [
        output.metadata[SVG]["alt"]
        for cell in alpha.cells
        for output in cell.get("outputs", [])
        if SVG in output.get("data", {})
    ]
    assert len(alts) == len(data_of(alpha, SVG)) >= 9
    speed = next(alt for alt in alts if alt.startswith("First reply, median, weekly"))
    assert "Goal ≤ 2 h: missed, could be chance; 4 h 42 min over" in speed
    assert f"Signals: week {int(LAST[6:])} (new signal: above its usual level)" in speed


def test_the_backlog_adds_up(alpha: nbformat.NotebookNode):
    assert "It adds up exactly." in after(alpha, "Day by day: do the numbers add up?")


def test_headlines_say_verdicts_movement_and_weeks(alpha: nbformat.NotebookNode):
    (headline,) = data_of(alpha, HEADLINE)
    assert headline["status"] == "ready"
    first = headline["headlines"][0]
    assert first["label"] == "First reply, median"
    assert (first["goal_verdict"], first["signal_verdict"]) == ("missed, could be chance", "new")
    assert [chip["text"] for chip in first["chips"]] == ["Missed, could be chance", "New signal"]
    assert first["change"].startswith("↑ ")
    assert len(first["spark"]) == 13
    assert re.fullmatch(r".*, last 13 weeks: lowest .* min, highest .* min, latest .* min", first["spark_label"])


def test_tables_pass_the_shield_of_the_pages_whole(alpha: nbformat.NotebookNode):
    for fragment in data_of(alpha, "text/html"):
        cleaned = clean_output(fragment, section="s")
        for markup in ("<table", "<caption", 'scope="row"', "<details", "<summary", "<svg", "<path", "aria-label"):
            assert (markup in fragment) == (markup in cleaned), markup


def test_no_text_of_a_ticket_becomes_markup(alpha: nbformat.NotebookNode):
    """The contact reasons of the fixture hold a script."""
    outputs = data_of(alpha, SVG) + data_of(alpha, "text/html")
    assert any("&lt;script&gt;" in each for each in outputs)
    assert not any("<script" in each for each in outputs)


def test_the_report_stays_light(alpha: nbformat.NotebookNode):
    assert sum(len(each) for each in data_of(alpha, SVG)) < 1_000_000


def cells_of(notebook: str, folders: tuple[Path, Path], *, team: str) -> Shown:
    """What the notebook's sections show, run in this process: a kernel more would prove nothing more."""
    warehouse, params = folders
    path = ROOT / "notebooks" / f"{notebook}.ipynb"
    return run_cells(path, week=LAST, team=team, warehouse=str(warehouse), params=str(params))


def test_a_team_without_tickets_says_so_in_every_section(folders: tuple[Path, Path]):
    quiet = cells_of("team/weekly_review", folders, team="quiet")
    headline = quiet[""][1]
    bundle = headline._repr_mimebundle_()[HEADLINE]
    assert (bundle["headlines"], bundle["status"]) == ([], "no_data")
    assert bundle["verdict"] == "No ticket of this team is in the export for this week."
    parts = [part for section in quiet.values() for each in section for part in getattr(each, "parts", [each])]
    assert not [part for part in parts if isinstance(part, Drawing)]
    for heading in ("Signals", "Flow and backlog", "Speed", "SLA", "Quality", "Effort"):
        assert "No tickets of this team in this week" in text_of(quiet, heading), heading
    assert "No change to explain" in text_of(quiet, "What explains the change?")


def test_an_export_without_satisfaction_says_so_and_shows_no_zero(tmp_path: Path):
    alpha = cells_of("team/weekly_review", write_warehouse(tmp_path, with_satisfaction=False), team="alpha")
    assert "Customer satisfaction: not in this export: no satisfaction surveys." in text_of(alpha, "Quality")
    no_surveys = "Customer satisfaction |  |  |  |  | not in this export: no satisfaction surveys"
    assert no_surveys in text_of(alpha, "All metrics")
    assert "Customer satisfaction | not in this export" in text_of(alpha, "What is missing from this export?")
    headline = alpha[""][1]
    assert [line.label for line in headline.lines if line.label == "Customer satisfaction"] == []
    assert headline.lines


def test_the_starting_point_for_analysts_runs(folders: tuple[Path, Path]):
    beta = cells_of("explore/start_here", folders, team="beta")
    assert "Ten tickets of the week" in text_of(beta, "The tables themselves")
    behind = text_of(beta, "The tickets behind it")
    assert "First reply within SLA" in behind
    assert behind.count("| email |") == 2, "two of twenty"
