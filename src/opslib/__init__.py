"""Weekly analysis of user-support operations. Notebooks say `import opslib as ops` and find here what they call."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from opslib import drivers_report as drivers
    from opslib import routing_report as routing
    from opslib.display import charts as charts
    from opslib.display import tables as show
    from opslib.report import (
        Week,
        across_teams,
        add_up,
        backlog,
        effort,
        explain,
        flow,
        headline,
        metric,
        metric_table,
        missing,
        open_week,
        quality,
        restatements,
        signals,
        sla,
        speed,
        values,
    )

__all__ = [
    "Week",
    "across_teams",
    "add_up",
    "backlog",
    "charts",
    "drivers",
    "effort",
    "explain",
    "flow",
    "headline",
    "metric",
    "metric_table",
    "missing",
    "open_week",
    "quality",
    "restatements",
    "routing",
    "show",
    "signals",
    "sla",
    "speed",
    "values",
]


MODULES = {
    "charts": "opslib.display.charts",
    "drivers": "opslib.drivers_report",
    "routing": "opslib.routing_report",
    "show": "opslib.display.tables",
}
"""What a notebook calls by a name of its own; all else is in `opslib.report`."""


def __getattr__(name: str) -> Any:
    """What a notebook calls, loaded when it is first asked for: `import opslib.settings` needs none of it."""
    if name not in __all__:
        raise AttributeError(f"opslib has no {name!r}; a notebook can call {', '.join(__all__)}")
    if name in MODULES:
        return import_module(MODULES[name])
    return getattr(import_module("opslib.report"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
