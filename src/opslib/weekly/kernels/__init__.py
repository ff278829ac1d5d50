"""Kernels that start in a fraction of a second, because they are forked from a process that has its imports done.

A Jupyter tool uses them by the kernelspec `opslib-warm` (`install_kernelspec`), whose provisioner is `ForkProvisioner`.
Several processes can share one preloaded process: `shared_server`. Where forking is not to be had (`can_fork`), kernels
are launched the ordinary way.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from opslib.store.files import write_json
from opslib.weekly.kernels.client import KERNEL, PRELOAD, can_fork, shared_server

__all__ = [
    "KERNEL",
    "KERNEL_NAME",
    "PRELOAD",
    "PROVISIONER_NAME",
    "can_fork",
    "install_kernelspec",
    "shared_server",
]

KERNEL_NAME = "opslib-warm"
PROVISIONER_NAME = "opslib-fork"


def install_kernelspec(prefix: Path, *, memory_bytes: int | None = None, preload: Sequence[str] | None = None) -> Path:
    """Write the kernelspec `opslib-warm`.

    Args:
        prefix: the folder above `share/jupyter`, such as `sys.prefix`; elsewhere, put `<prefix>/share/jupyter` into
            JUPYTER_PATH.
        memory_bytes: the private writable memory that a kernel may use, of which the preloaded libraries take 0.3 GB;
            none is no limit.
        preload: modules to import before kernels are forked, in place of `PRELOAD`.

    Returns:
        The kernelspec's folder.

    >>> import tempfile
    >>> install_kernelspec(Path(tempfile.mkdtemp())).name
    'opslib-warm'
    """
    config: dict[str, object] = {}
    if memory_bytes is not None:
        config["memory_bytes"] = memory_bytes
    if preload is not None:
        config["preload"] = list(preload)
    specification = {
        "argv": ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3 (opslib, preloaded)",
        "language": "python",
        "interrupt_mode": "signal",
        "metadata": {
            "debugger": True,
            "kernel_provisioner": {"provisioner_name": PROVISIONER_NAME, "config": config},
        },
    }
    folder = prefix / "share" / "jupyter" / "kernels" / KERNEL_NAME
    write_json(specification, folder / "kernel.json")
    return folder
