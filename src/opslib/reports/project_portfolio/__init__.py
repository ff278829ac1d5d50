"""Projects of a week, their plans, forecasts, hours and benefit: `open_portfolio`, then ask; `show` draws."""

from opslib.reports.project_portfolio import show
from opslib.reports.project_portfolio.frames import (
    decisions,
    drivers,
    due,
    earned,
    overloaded,
    own_sections,
    owned,
    owners,
    past_forecasts,
    plan_changes,
    problems,
    projects,
    risks,
    scope,
    timeline,
)
from opslib.reports.project_portfolio.page_head import headline
from opslib.reports.project_portfolio.portfolio import Portfolio, open_portfolio

__all__ = [
    "Portfolio",
    "decisions",
    "drivers",
    "due",
    "earned",
    "headline",
    "open_portfolio",
    "overloaded",
    "own_sections",
    "owned",
    "owners",
    "past_forecasts",
    "plan_changes",
    "problems",
    "projects",
    "risks",
    "scope",
    "show",
    "timeline",
]
