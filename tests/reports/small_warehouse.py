"""What the small warehouses that tests write by hand have in common: how each begins and ends, is shared and copied."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from opslib.store.files import write_json
from opslib.store.warehouse import Warehouse
from tests.built_once import built_once

Folders = tuple[Path, Path]
"""The warehouse's folder and the parameters' folder."""


def begin_warehouse(root: Path, organisation: str) -> tuple[Warehouse, Path]:
    """An empty warehouse under a root, and the folder of parameters with the text of its `org.yml`."""
    params = root / "params"
    params.mkdir(parents=True)
    (params / "org.yml").write_text(organisation, encoding="utf-8")
    return Warehouse(root / "warehouse"), params


def end_warehouse(warehouse: Warehouse, columns: dict[str, list[str]], as_of: datetime) -> None:
    """Say which columns of which tables the export gave, and up to when it knows the world."""
    write_json(columns, warehouse.folder("standard", "columns.json"))
    about = {"source": "standard", "organisation": "org", "sample": False, "as_of": as_of.isoformat()}
    write_json(about, warehouse.root / "warehouse.json")


def shared_warehouse(
    tmp_path_factory: pytest.TempPathFactory, write: Callable[..., Folders], **options: object
) -> Folders:
    """What the function writes with those options, written once a run for all its processes: to read only."""
    name = "-".join([write.__name__, *(f"{option}={value}" for option, value in sorted(options.items()))])
    folder = built_once(tmp_path_factory, name, partial(write, **options))
    return folder / "warehouse", folder / "params"


def copy_warehouse(folders: Folders, root: Path) -> Folders:
    """A copy of a warehouse's folder and its parameters' folder under a root, to be changed."""
    warehouse, params = folders
    shutil.copytree(warehouse, root / "warehouse")
    shutil.copytree(params, root / "params")
    return root / "warehouse", root / "params"
