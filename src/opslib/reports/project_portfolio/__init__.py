"""Projects of a week, their plans, forecasts, hours and benefit: `open_portfolio`, then ask; `show` draws."""

from opslib.reports.project_portfolio import show
from opslib.reports.project_portfolio.frames import (
    decisions,
    drivers,
    due,
    earned,
    names,
    own_sections,
    owned,
    owners,
    past_forecasts,
    problems,
    projects,
    risks,
    rule,
    scope,
    timeline,
    today,
)
from opslib.reports.project_portfolio.page_head import headline
from opslib.reports.project_portfolio.portfolio import Portfolio, open_portfolio
from opslib.reports.project_portfolio.status_page import Project, open_project, project_headline

__all__ = [
    "Portfolio",
    "Project",
    "decisions",
    "drivers",
    "due",
    "earned",
    "headline",
    "names",
    "open_portfolio",
    "open_project",
    "own_sections",
    "owned",
    "owners",
    "past_forecasts",
    "problems",
    "project_headline",
    "projects",
    "risks",
    "rule",
    "scope",
    "show",
    "timeline",
    "today",
]
