"""The routing audit, run cell by cell on a warehouse written by hand: with everything, and with tickets alone."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest

from opslib.display.headline import Headline
from opslib.display.theme import Drawing, Markup
from tests.routing_warehouse import CANDIDATE, LAST, WEEKS, write

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "team" / "routing_audit.ipynb"


def run(root: Path, *, candidate: str = "", **missing: bool) -> dict[str, list[Any]]:
    """What each section shows: the value of the last expression of its cells."""
    store, _ = write(root, **missing)
    store.write("facts", "weekly_values", pd.DataFrame({"week": WEEKS, "team": "shop"}), partition_by_week=True)
    parameters = (LAST, "shop", str(store.root), str(root), 4, candidate)
    scope: dict[str, Any] = {}
    shown: dict[str, list[Any]] = {}
    section = ""
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "markdown":
            section = ([section, *re.findall(r"^## (.+)$", cell.source, re.MULTILINE)])[-1]
            continue
        source = cell.source
        if "parameters" in cell.metadata.get("tags", []):
            source = f"week, team, warehouse, params, weeks, candidate = {parameters!r}"
        body = ast.parse(source).body
        last = body.pop() if isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), "<cell>", "exec"), scope)
        if isinstance(last, ast.Expr):
            shown.setdefault(section, []).append(eval(compile(ast.Expression(last.value), "<cell>", "eval"), scope))
    return shown


def text_of(shown: dict[str, list[Any]], section: str) -> str:
    return "\n".join(repr(each) for each in shown[section])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    return run(tmp_path_factory.mktemp("audit"))


def test_every_section_shows_something(shop: dict[str, list[Any]]):
    assert len(shop) == 7
    assert all(isinstance(each, Drawing | Markup | Headline) for shown in shop.values() for each in shown)


def test_each_section_tells_what_was_put_in(shop: dict[str, list[Any]]):
    assert "refund with 50.0 %" in text_of(shop, "Where do tickets go wrong?")
    assert "from orders to refunds" in text_of(shop, "How do tickets travel?")
    assert "R-2, 2026-11-02: refunds → orders | that it fits" in text_of(shop, "What does a transfer go along with?")
    assert "R-3 (this team) | shadowed (fault, exact)" in text_of(shop, "What is wrong with the rules?")
    assert "40 of them the right one instead of a wrong one" in text_of(shop, "What would another rule set have done?")


def test_a_candidate_file_takes_the_place_of_the_learnt_one(tmp_path: Path):
    (tmp_path / "candidate.yml").write_text(CANDIDATE, encoding="utf-8")
    shown = run(tmp_path, candidate=str(tmp_path / "candidate.yml"))
    assert "orders | 120 | 80 | −40" in text_of(shown, "What would another rule set have done?")


def test_with_tickets_alone_each_cell_says_what_is_missing_or_what_is_known(tmp_path: Path):
    """One line each: no figure of nothing, no share of queues that nobody knows, no empty table."""
    shown = run(tmp_path, events=False, rules=False)
    for section in ("Has something broken this week?", "Where do tickets go wrong?", "What is wrong with the rules?"):
        for each in shown[section]:
            assert repr(each).startswith("Not in this export")
            assert "\n" not in repr(each)
    assert "Queue | Solved | Median time to solve" in text_of(shown, "How do tickets travel?")
    assert "cannot be told from this export" in text_of(shown, "What would another rule set have done?")
