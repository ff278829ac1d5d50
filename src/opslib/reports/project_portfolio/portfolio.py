"""The plans of all projects in a week, opened: as they are, as they were, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import pandas as pd

from opslib.analysis.project_portfolio import own_words
from opslib.analysis.project_portfolio.critical_path import remaining_path
from opslib.analysis.project_portfolio.earned_value import earned_value
from opslib.analysis.project_portfolio.finish_forecast import FinishForecast, finish_forecast
from opslib.analysis.project_portfolio.milestones import milestones
from opslib.analysis.project_portfolio.plan import Plan, read_plan
from opslib.analysis.project_portfolio.risks import rank_risks
from opslib.analysis.project_portfolio.snapshots import Calibration, forecast_calibration, plan_changes, tasks_known_on
from opslib.analysis.project_portfolio.status import Thresholds, project_status
from opslib.analysis.project_portfolio.working_days import WorkingDays
from opslib.analysis.project_portfolio.workload import task_load, workload
from opslib.errors import NotInExport
from opslib.reports.benefits import Benefit, BenefitReader
from opslib.reports.week import WholeWeek, is_newest, open_whole_week
from opslib.store.warehouse import NOTES, PLANS
from opslib.weeks import monday_of

_KEYS = ["task_id", "project_id"]
_KEPT = ["task_id", "percent_complete", "actual_hours"]


@dataclass(frozen=True)
class Portfolio:
    """The projects of a week. Each slice is read, and each number computed, once, when it is first needed."""

    week: WholeWeek

    @property
    def today(self) -> date:
        """The last day that counts: the Sunday of the week."""
        return _last_day(self.week.week)

    @cached_property
    def is_as_kept(self) -> bool:
        """Whether the plan is that of its week: of an older week, one that was kept then."""
        return self._is_newest or self.week.week in self._kept_weeks

    @cached_property
    def plan(self) -> Plan:
        """The plans as they were at the end of the week; where none was kept then, as they are known now."""
        if not self._is_newest and self.is_as_kept:
            return self._kept_plan(self.week.week)
        warehouse = self.week.warehouse
        projects = warehouse.rows(warehouse.told("projects")).to_pandas()
        has_tasks = warehouse.has("standard", "project_tasks")
        tasks = (
            warehouse.rows(warehouse.told("project_tasks")).to_pandas() if has_tasks else pd.DataFrame(columns=_KEYS)
        )
        return read_plan(projects, tasks if self._is_newest else tasks_known_on(tasks, self.today), as_of=self.today)

    @cached_property
    def earlier(self) -> Plan | None:
        """The plans that were kept last before this week; None where there are none."""
        before = [week for week in self._kept_weeks if week < self.week.week]
        return self._kept_plan(before[-1]) if before else None

    @cached_property
    def days(self) -> WorkingDays:
        """The organisation's working days."""
        return WorkingDays.of_calendar(self.week.organisation.working_calendar, self.plan.dates)

    @cached_property
    def forecast(self) -> FinishForecast:
        """When each project and task ends."""
        return finish_forecast(self.plan, self.days)

    @cached_property
    def path(self) -> pd.DataFrame:
        """What is still to be done, with its slack: `remaining_path`."""
        return remaining_path(self.plan, self.days)

    @cached_property
    def earned(self) -> pd.DataFrame:
        """Earned value by week: `earned_value`, with what was kept of weeks before."""
        kept = [
            self._kept_tasks(week).assign(as_of=_last_day(week)) for week in self._kept_weeks if week < self.week.week
        ]
        told = [tasks for tasks in kept if set(_KEPT) <= set(tasks.columns)]
        snapshots = pd.concat(told, ignore_index=True) if told else None
        return earned_value(self.plan, self.days, snapshots=snapshots)

    @cached_property
    def milestones(self) -> pd.DataFrame:
        """Milestones and promised dates: `milestones`."""
        return milestones(self.plan, self.forecast)

    @cached_property
    def thresholds(self) -> Thresholds:
        """From where on a project is at risk or off track, as params/org.yml has it."""
        told = self.week.organisation.projects
        return Thresholds(told.on_track_chance, told.off_track_chance, told.at_risk_cpi, told.off_track_cpi)

    @cached_property
    def status(self) -> pd.DataFrame:
        """The status of each project by rule: `project_status`."""
        newest = self.earned.groupby("project_id")["cpi"].last() if len(self.earned) else None
        return project_status(
            self.forecast.projects, cpi=newest, milestones=self.milestones, thresholds=self.thresholds
        )

    @cached_property
    def load(self) -> pd.DataFrame:
        """Hours by task, owner and week: `task_load`."""
        return task_load(self.plan, self.days, forecast=self.forecast.tasks)

    @cached_property
    def workload(self) -> pd.DataFrame:
        """Hours by owner and week against what they have: `workload`."""
        return workload(self.load, self.days, hours_a_week=self.week.organisation.projects.hours_a_week)

    @cached_property
    def changes(self) -> pd.DataFrame | None:
        """What changed in the plans since the week before: `plan_changes`; None where no earlier plan was kept."""
        return None if self.earlier is None else plan_changes(self.earlier, self.plan, self.days)

    @cached_property
    def calibration(self) -> Calibration | None:
        """How right past forecasts were; None where none was kept."""
        weeks = [week for week in self._kept_weeks if week <= self.week.week]
        try:
            past = self.week.warehouse.read(PLANS, "forecasts", weeks=weeks) if weeks else None
        except NotInExport:
            past = None
        if past is None or past.empty:
            return None
        tasks, ends = self.plan.tasks, self.forecast.projects
        over = ends.loc[ends["state"] == "finished", "project_id"]
        own = tasks[tasks["project_id"].isin(over)]
        finishes = own.groupby("project_id", as_index=False).agg(finished_on=("finished_on", "max"))
        return forecast_calibration(past, finishes, self.days)

    @cached_property
    def risks(self) -> pd.DataFrame | None:
        """The risks of all projects, the heaviest first: `rank_risks`; None where the export has none."""
        try:
            rows = self.week.warehouse.read("standard", "risks")
        except NotInExport:
            return None
        return rank_risks(rows, as_of=self.today, since=self.today - timedelta(days=7))

    @cached_property
    def words(self) -> pd.DataFrame:
        """What was written of the projects by the Monday after the week: project_id, and `own_words.COLUMNS`."""
        try:
            rows = self.week.warehouse.read(NOTES, "project_words")
        except NotInExport:
            return pd.DataFrame(columns=["project_id", *own_words.COLUMNS])
        until = self.today + timedelta(days=1)
        parts = [own_words.as_of_day(own, until) for _, own in rows.groupby("project_id", sort=False)]
        return pd.concat(parts, ignore_index=True) if parts else rows

    def benefits_of(self, projects: Iterable[str]) -> dict[str, Benefit]:
        """What projects did to the metric that each was to move, by their ids; those of which nothing is told lack."""
        asked = [name for name in projects if name not in self._benefits]
        if asked:
            with BenefitReader(self.week.warehouse, self.week.organisation, until=self.week.week) as reader:
                changes = {change.change_id: change for change in reader.changes if change.kind == "project"}
                told = {name: reader.benefit_of(changes[name]) if name in changes else None for name in asked}
                self._benefits.update(told)
        return {name: benefit for name in projects if (benefit := self._benefits[name]) is not None}

    @cached_property
    def _benefits(self) -> dict[str, Benefit | None]:
        return {}

    @property
    def _is_newest(self) -> bool:
        return is_newest(self.week.bounds[1], self.week.as_of)

    @cached_property
    def _kept_weeks(self) -> list[str]:
        return self.week.warehouse.weeks(PLANS, "projects")

    def _kept_plan(self, week: str) -> Plan:
        projects = self.week.warehouse.read(PLANS, "projects", weeks=[week])
        return read_plan(projects, self._kept_tasks(week), as_of=_last_day(week))

    def _kept_tasks(self, week: str) -> pd.DataFrame:
        """The tasks as they were kept in a week; none where the export had none then."""
        if week not in self.week.warehouse.weeks(PLANS, "project_tasks"):
            return pd.DataFrame(columns=_KEYS)
        return self.week.warehouse.read(PLANS, "project_tasks", weeks=[week])


def open_portfolio(week: str, *, warehouse: str = "", params: str = "") -> Portfolio:
    """Open the projects of a week; what is shown from now on is written in the organisation's locale.

    Args:
        week: ISO week, like `2026-W46`.
        warehouse: of `ops.open_week`.
        params: of `ops.open_week`.

    Raises:
        NoSuchWeek: the week is not written like one.
        NotInExport: the export has no projects.
        WarehouseError: the warehouse is empty, or it ends before the week.
    """
    portfolio = Portfolio(open_whole_week(week, warehouse=warehouse, params=params))
    portfolio.week.warehouse.read("standard", "projects", columns=["project_id"])
    return portfolio


def _last_day(week: str) -> date:
    return monday_of(week) + timedelta(days=6)
