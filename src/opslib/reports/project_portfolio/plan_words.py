"""What happened in a plan and what comes next, in short sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from opslib.analysis.project_portfolio import snapshots
from opslib.display import words
from opslib.display.cells import rows_of

if TYPE_CHECKING:
    from opslib.reports.project_portfolio.portfolio import Portfolio

_MOST = 3
_WEEK = timedelta(days=7)


def changed_in_words(portfolio: Portfolio, project: str) -> str:
    """What changed since last week: by the plan that was kept, else what the dates of tasks tell; "" for nothing.

    Args:
        portfolio: of `open_portfolio`.
        project: its id.
    """
    sentences = done_last_week(portfolio, project)
    if portfolio.changes is not None:
        own = portfolio.changes[portfolio.changes["project_id"] == project]
        sentences = [_change(row) for row in rows_of(own) if row.change in _SAID][:_MOST] or sentences
    return " ".join(sentences[:_MOST])


def done_last_week(portfolio: Portfolio, project: str) -> list[str]:
    """The tasks that were begun or finished in the week, a sentence each."""
    tasks = portfolio.plan.tasks
    own = tasks[tasks["project_id"] == project]
    end, start = pd.Timestamp(portfolio.today), pd.Timestamp(portfolio.today) - _WEEK
    finished = own[(own["finished_on"] > start) & (own["finished_on"] <= end)]
    begun = own[(own["started_on"] > start) & (own["started_on"] <= end) & ~own["is_done"].astype("bool")]
    return [
        *(f"{row.name} done {words.short_day(_iso(row.finished_on))}." for row in _named(finished)),
        *(f"{row.name} begun {words.short_day(_iso(row.started_on))}." for row in _named(begun)),
    ]


def next_steps(portfolio: Portfolio, project: str, *, days: int) -> list[str]:
    """What ends, starts or goes on in the next days by forecast, a sentence each, the nearest first."""
    end = pd.Timestamp(portfolio.today) + timedelta(days=days)
    rows = portfolio.forecast.tasks
    own = rows[(rows["project_id"] == project) & ~rows["is_done"].astype("bool")]
    started = portfolio.plan.tasks.set_index("task_id")["started_on"].reindex(own["task_id"]).notna().to_numpy()
    finishes = own[own["finish_50_on"] <= end].sort_values("finish_50_on", kind="stable")
    going = own[started & ~(own["finish_50_on"] <= end)]
    starts = own[~started & (own["start_50_on"] <= end) & ~(own["finish_50_on"] <= end)]
    return [
        *(f"{row.name}: done by {words.short_day(_iso(row.finish_50_on))}." for row in _named(finishes)),
        *(f"{row.name} goes on, to {words.short_day(_iso(row.finish_50_on))}." for row in _named(going)),
        *(
            f"{row.name}: starts {words.short_day(_iso(row.start_50_on))}."
            for row in _named(starts.sort_values("start_50_on", kind="stable"))
        ),
    ]


def next_in_words(portfolio: Portfolio, project: str, *, days: int) -> str:
    """The next few of `next_steps` in one text; "" where nothing is left."""
    return " ".join(next_steps(portfolio, project, days=days)[:_MOST])


def _change(row: Any) -> str:
    return _SAID[str(row.change)](row)


def _moved(row: Any) -> str:
    days = float(row.days)
    return f"{words.number_of(abs(round(days)), 'working day')} {'later' if days > 0 else 'earlier'}"


_SAID: Mapping[str, Callable[[Any], str]] = {
    snapshots.SLIPPED: lambda row: f"{row.name} slipped, {_moved(row)} than planned.",
    snapshots.PROMISE: lambda row: (
        f"Promised date {words.short_day(row.was)} → {words.short_day(row.is_now)}."
        if row.was and row.is_now
        else "Its promised date was set or taken away."
    ),
    snapshots.REBASELINED: lambda row: (
        f"{row.name} re-planned to end {words.short_day(row.is_now)}." if row.is_now else f"{row.name} re-planned."
    ),
    snapshots.ADDED: lambda row: f"{row.name} was added.",
    snapshots.REMOVED: lambda row: f"{row.name} was taken out.",
    snapshots.HOURS: lambda row: f"{row.name}: {row.was or 'no'} → {row.is_now or 'no'} planned hours.",
    snapshots.FINISHED: lambda row: f"{row.name} done.",
    snapshots.STARTED: lambda row: f"{row.name} begun.",
    snapshots.PROGRESS: lambda row: f"{row.name} {row.was or '0'}% → {row.is_now}%.",
    snapshots.BACK: lambda row: f"{row.name} back from {row.was}% to {row.is_now or '0'}%.",
}
"""How a change is said; those that a reader need not know of are not in it."""


def _named(frame: pd.DataFrame) -> list[Any]:
    """The rows, a task without a name by its id."""
    names = frame["name"].fillna("")
    return list(rows_of(frame.assign(name=names.where(names != "", frame["task_id"]))))


def _iso(day: pd.Timestamp) -> str:
    return day.date().isoformat()
