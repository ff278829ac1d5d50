"""Opening a week: which folders, and what is said where it cannot be had."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

import opslib as ops
from opslib.errors import SettingsError, WarehouseError
from opslib.weeks import NoSuchWeek
from tests.reports.review_warehouse import LAST, shared_warehouse

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
