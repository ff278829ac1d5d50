"""Opening a week: which folders, and what is said where it cannot be had."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd
import pytest

import opslib as ops
from opslib.errors import SettingsError, WarehouseError
from opslib.reports import weekly_review
from opslib.reports.week import open_week
from opslib.store.warehouse import READS, Warehouse, slices_read
from opslib.weekly.numbers.completeness import build_weekly_completeness
from opslib.weeks import NoSuchWeek, monday_of, shift_week
from tests.reports.review_warehouse import AS_OF, LAST, shared_warehouse
from tests.reports.small_warehouse import copy_warehouse

Folders = tuple[Path, Path]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return shared_warehouse(tmp_path_factory)


def test_a_week_does_not_change(folders: Folders):
    alpha = ops.open_week(LAST, "alpha", warehouse=str(folders[0]), params=str(folders[1]))
    with pytest.raises(dataclasses.FrozenInstanceError):
        alpha.week = "2026-W01"


def test_folders_come_from_the_environment_and_else_from_the_project(folders: Folders, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("OPSLIB_WAREHOUSE", str(folders[0]))
    monkeypatch.setenv("OPSLIB_PARAMS", str(folders[1]))
    assert ops.open_week(LAST, "alpha").has_data
    monkeypatch.delenv("OPSLIB_WAREHOUSE")
    (tmp_path / "pyproject.toml").write_text("")
    inside = tmp_path / "notebooks" / "team"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    with pytest.raises(WarehouseError, match=str(tmp_path / "data" / "warehouse")):
        ops.open_week(LAST, "alpha")


@pytest.mark.parametrize(
    ("week", "team", "error", "message"),
    [
        ("2026-46", "alpha", NoSuchWeek, "2026-W46"),
        ("2026-W47", "alpha", WarehouseError, "from 2026-W27 to 2026-W46, not 2026-W47"),
        ("2026-W20", "alpha", WarehouseError, "from 2026-W27"),
        (LAST, "gamma", SettingsError, "there are alpha, beta, quiet"),
    ],
)
def test_what_cannot_be_opened_says_what_can(
    folders: Folders, week: str, team: str, error: type[Exception], message: str
):
    with pytest.raises(error, match=message):
        ops.open_week(week, team, warehouse=str(folders[0]), params=str(folders[1]))


def test_a_past_week_reads_nothing_of_later_ones(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What comes later leaves a past page as it is; what comes late of its own week does not."""
    warehouse, params = copy_warehouse(shared_warehouse(tmp_path_factory), tmp_path)
    store, last = Warehouse(warehouse), open_week(LAST, "alpha", warehouse=str(warehouse), params=str(params))
    build_weekly_completeness(store, last.organisation, AS_OF)
    past = shift_week(LAST, -2)
    monkeypatch.setenv(READS, str(tmp_path / "reads"))
    review = weekly_review.open_review(open_week(past, "alpha", warehouse=str(warehouse), params=str(params)))
    for ask in (weekly_review.headline, weekly_review.trust, weekly_review.add_up, weekly_review.backlog):
        ask(review)
    monkeypatch.delenv(READS)
    slices = slices_read(tmp_path / "reads")
    assert {("facts", "weekly_completeness"), ("facts", "backlog")} <= {(part.area, part.table) for part in slices}

    def content() -> list[str]:
        return [store.digest_of(part) for part in slices]

    before = content()
    rows = store.read("facts", "weekly_completeness")
    later = pd.DataFrame({"week": [LAST], "team": ["alpha"], "scope": ["all"], "reason": ["cut off"]})
    store.write("facts", "weekly_completeness", pd.concat([rows, later], ignore_index=True), partition_by_week=True)
    days = store.read("facts", "backlog")
    of_last_week = days["day"] >= monday_of(LAST)
    store.write("facts", "backlog", days.assign(opening=days["opening"].mask(of_last_week, 99)))
    assert content() == before
    own = pd.concat([rows, later.assign(week=past)], ignore_index=True)
    store.write("facts", "weekly_completeness", own, partition_by_week=True)
    assert content() != before
