"""Projects of a week, their plans, forecasts, hours and benefit: `open_portfolio`, then ask; `show` draws."""

from opslib.reports.project_portfolio import show, status_page
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
from opslib.reports.project_portfolio.status_page import Project, open_project

__all__ = [
    "Portfolio",
    "Project",
    "decisions",
    "drivers",
    "due",
    "earned",
    "headline",
    "open_portfolio",
    "open_project",
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
    "status_page",
    "timeline",
]
