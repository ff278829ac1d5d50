"""What pages and files hold of the forgotten is found where it can stand, and nothing else is touched."""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import Path

import pytest

from opslib.weekly.pages.traces import REMOVED, Traces, erase

WORDS = "the violet kettle sings at four whenever my neighbour waters her plants"


@pytest.mark.parametrize(
    ("id_", "before", "after"),
    [
        ("105923", "41, latest 105923, 105752", f"41, latest {REMOVED}, 105752"),
        ("105923", "105,923 tickets, 1059230, 3.105923, x105923", "105,923 tickets, 1059230, 3.105923, x105923"),
        ("17", "17 tickets, 3.17 hours, W17, 17% of 17", "17 tickets, 3.17 hours, W17, 17% of 17"),
        ("17", "latest 17, 18", f"latest {REMOVED}, 18"),
        ("2026", "2026-W46, in 2026", "2026-W46, in 2026"),
        ("INC-1", "INC-1, INC-12, xINC-1", f"{REMOVED}, INC-12, xINC-1"),
        ("a&b", "a&amp;b and a&b", f"{REMOVED} and {REMOVED}"),
        ("p0a1b2c3", "people: p0a1b2c3.", f"people: {REMOVED}."),
    ],
)
def test_an_id_is_found_where_one_can_stand(id_: str, before: str, after: str) -> None:
    assert Traces(frozenset({id_})).without(before) == after


@pytest.mark.parametrize(
    ("shown", "is_held"),
    [
        (f"Kettle — {WORDS[:50]}…", True),
        ("The VIOLET kettle \\- sings at four, whenever my neighbour", True),
        ("the violet kettle sings", False),
        ("Others wrote that the kettle sings", False),
    ],
)
def test_what_a_customer_wrote_is_known_by_eight_words_in_a_row(shown: str, is_held: bool) -> None:
    assert Traces(frozenset(), frozenset({WORDS})).in_text(shown) is is_held


def test_a_chart_that_names_it_goes_and_another_stays(tmp_path: Path) -> None:
    charts = [base64.b64encode(f"<svg><text>{text}</text></svg>".encode()).decode() for text in ("990017", "a week")]
    page = tmp_path / "page.html"
    page.write_text("".join(f'<img src="data:image/svg+xml;base64,{each}" alt="x">' for each in charts))
    assert erase(page, Traces(frozenset({"990017"})), dry_run=True)
    assert charts[0] in page.read_text()
    assert erase(page, Traces(frozenset({"990017"})), dry_run=False)
    assert charts[0] not in page.read_text()
    assert charts[1] in page.read_text()
    assert not erase(page, Traces(frozenset({"990017"})), dry_run=False)


def test_a_bundle_that_holds_it_is_removed(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("xl/sharedStrings.xml", "<si><t>990017</t></si>")
    workbook = tmp_path / "week.xlsx"
    workbook.write_bytes(content.getvalue())
    assert not erase(workbook, Traces(frozenset({"990018"})), dry_run=False)
    assert erase(workbook, Traces(frozenset({"990017"})), dry_run=False)
    assert not workbook.exists()
