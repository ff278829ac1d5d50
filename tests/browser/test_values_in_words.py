"""A value that is a sentence stays inside its tile, on a desk and on a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opslib.display import mime
from opslib.weekly.pages.write import write_report
from opslib.weekly.plan import Job
from tests.browser.browser_pages import report_notebook
from tests.weekly.weekly_notebooks import edition

NOT_REACHED = "not reached, at least 191 h 20 min"
OVERFLOWS = "tiles => tiles.filter(tile => tile.scrollWidth > tile.clientWidth).map(tile => tile.innerText)"


@pytest.mark.parametrize("width", [360, 390, 1280])
def test_a_time_that_is_not_reached_stays_inside_its_tile(width: int, visit: Any, tmp_path: Path) -> None:
    notebook = report_notebook(figures=0)
    (bundle,) = [
        output.data[mime.HEADLINE] for cell in notebook.cells for output in cell.get("outputs", [])
        if mime.HEADLINE in output.get("data", {})
    ]  # fmt: skip
    bundle["headlines"][1]["value"] = NOT_REACHED
    job = Job("team/weekly_review", "2026-W46", "us-general")
    page = visit(write_report(job, tmp_path, edition(), {}, notebook), viewport={"width": width, "height": 844}).page
    tiles = page.locator(".headlines > div, .headlines .value")
    assert NOT_REACHED in " ".join(tiles.all_inner_texts())
    assert tiles.evaluate_all(OVERFLOWS) == []
