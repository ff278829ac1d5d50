"""What is loaded ahead of the reports: the server that forks the workers, and the one that forks the kernels."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.forkserver import ensure_running
from pathlib import Path

from opslib.store.temporary import short_parent
from opslib.weekly.kernels import KERNEL, PRELOAD, install_kernelspec, shared_server
from opslib.weekly.notebook_file import text_of
from opslib.weekly.plan import subjects_of

_IMPORT = re.compile(r"\b(?:import|from) ([\w.]+)")
_WORKER_MODULES = ("opslib.weekly.worker_server", "__main__", "opslib.weekly.worker_imports")


@contextmanager
def warm(notebooks: Iterable[Path], *, memory_bytes: int | None = None) -> Iterator[dict[str, str]]:
    """Begin to load what workers and kernels need; they load while the caller goes on.

    Args:
        notebooks: what will be run.
        memory_bytes: private writable memory that a notebook may use; None is no limit.

    Yields:
        Environment variables by which workers find the kernels.
    """
    preload = kernel_modules(notebooks)
    if "forkserver" in get_all_start_methods():
        get_context("forkserver").set_forkserver_preload(list(_WORKER_MODULES))
        ensure_running()
    with tempfile.TemporaryDirectory(prefix="ops-", dir=short_parent()) as prefix:
        install_kernelspec(Path(prefix), memory_bytes=memory_bytes, preload=preload)
        paths = [str(Path(prefix) / "share" / "jupyter"), *filter(None, [os.environ.get("JUPYTER_PATH")])]
        with shared_server(preload=preload) as variables:
            yield {**variables, "JUPYTER_PATH": os.pathsep.join(paths)}


def kernel_modules(notebooks: Iterable[Path]) -> list[str]:
    """What kernels are forked with: what all need, what these notebooks import, and what stands behind their calls."""
    notebooks = sorted(set(notebooks))
    imports = {name for path in notebooks for name in _IMPORT.findall(text_of(path))}
    return [
        *KERNEL,
        "pyarrow.dataset",
        "babel.dates",
        "babel.numbers",
        "opslib.reports.week",
        *(f"opslib.reports.{subject}" for subject in subjects_of(notebooks)),
        *(module for module in PRELOAD if module in imports and module not in KERNEL),
    ]
