"""Weekly analysis of user-support operations. A notebook says `import opslib as ops` and finds here:

- `ops.open_week`: a week of a team, from which every notebook starts.
- `ops.weekly_review`: speed, SLA, backlog, quality and effort of a team's week, its signals and what explains them.
- `ops.contact_drivers`: why customers write, what moved, what is new in their words, what a product team should hear.
- `ops.routing_audit`: how tickets travel between queues, which rule is wrong, what other rules would have done.
- `ops.project_portfolio`: which projects are on time, what decides their end, who has too much to do, what it brought.
- `ops.tickets_behind`: the tickets behind a number of a week, a reason, a rule or an escalation.
- `ops.display`: how anything is drawn, such as `ops.display.frame` for a table of your own.

Each notebook's name is a package of `opslib.reports`: its functions ask, and those of its `show` draw the answers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    # What editors and type checkers follow; `__getattr__` gives the same at run time.
    from opslib import display as display
    from opslib.reports import contact_drivers as contact_drivers
    from opslib.reports import project_portfolio as project_portfolio
    from opslib.reports import routing_audit as routing_audit
    from opslib.reports import weekly_review as weekly_review
    from opslib.reports.tickets_behind import tickets_behind as tickets_behind
    from opslib.reports.week import Week as Week
    from opslib.reports.week import open_week as open_week

SUBJECTS = ("weekly_review", "contact_drivers", "routing_audit", "project_portfolio")
"""The subjects that there are: each is the name of a notebook and of its package in `opslib.reports`."""

__all__ = [
    "SUBJECTS",
    "Week",
    "contact_drivers",
    "display",
    "open_week",
    "project_portfolio",
    "routing_audit",
    "tickets_behind",
    "weekly_review",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Load what a notebook calls when it first does: `import opslib.settings` needs none of it."""
        if name in SUBJECTS:
            return import_module(f"opslib.reports.{name}")
        if name == "display":
            return import_module("opslib.display")
        if name == "tickets_behind":
            return import_module("opslib.reports.tickets_behind").tickets_behind
        if name in __all__:
            return getattr(import_module("opslib.reports.week"), name)
        raise AttributeError(f"opslib has no {name!r}; a notebook can call {', '.join(__all__)}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
