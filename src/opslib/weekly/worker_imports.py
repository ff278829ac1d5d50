"""What the workers that make reports need, imported once by the server that forks them and by nobody else."""

from __future__ import annotations

from importlib import import_module

from opslib.weekly.lean_imports import skip_iri_grammar

_MODULES = (
    "papermill",
    "babel.dates",
    "babel.numbers",
    "opslib.weekly.report_maker",
    "opslib.weekly.workers",
    "opslib.weekly.kernels.provisioner",
    "opslib.weekly.kernels.ready",
    "nbconvert.exporters.html",
    "IPython.lib.lexers",  # colours the folded code
)

skip_iri_grammar()
for _module in _MODULES:
    import_module(_module)
