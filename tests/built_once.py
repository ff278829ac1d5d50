"""What several tests read and takes long to build: built once a run of the tests, by the first process that asks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def built_once(tmp_path_factory: pytest.TempPathFactory, name: str, build: Callable[[Path], object]) -> Path:
    """The folder of that name, to read only: a test that changes it copies it first.

    Args:
        tmp_path_factory: of the run of the tests.
        name: of the folder; one name, one way of building it.
        build: fills the empty folder that it is called with.

    Returns:
        The folder, whole: a process that comes while another one builds it waits.
    """
    root = tmp_path_factory.getbasetemp()
    folder = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "built_once" / name
    whole = folder.with_name(f"{name}.whole")
    folder.parent.mkdir(exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            build(folder)
            whole.touch()
    return folder
