"""The plans of all projects in a week, opened: as they are, as they were, and what follows from them."""

from __future__ import annotations

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
from opslib.analysis.project_portfolio.snapshots import Calibration, forecast_calibration, plan_changes
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
        return monday_of(self.week.week) + timedelta(days=6)

    @cached_property
    def is_as_kept(self) -> bool:
        """Whether the plan is that of its week: of an older week, one that was kept then."""
        return self._is_newest or self.week.week in self._kept_weeks

    @cached_property
    def plan(self) -> Plan:
        """The plans as they were at the end of the week; where none was kept then, as they are known now."""
        if self._is_newest or self.week.week not in self._kept_weeks:
            return self._plan_of("standard", None, self.today)
        return self._plan_of(PLANS, self.week.week, self.today)

    @cached_property
    def earlier(self) -> Plan | None:
        """The plans that were kept last before this week; None where there are none."""
        before = [week for week in self._kept_weeks if week < self.week.week]
        return self._plan_of(PLANS, before[-1], monday_of(before[-1]) + timedelta(days=6)) if before else None

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
        weeks = [week for week in self._kept_weeks if week < self.week.week]
        try:
            rows = self.week.warehouse.read(PLANS, "project_tasks", weeks=weeks) if weeks else None
        except NotInExport:
            rows = None
        if rows is None or not {"week", *_KEPT} <= set(rows.columns):
            return earned_value(self.plan, self.days)
        as_of = rows["week"].map({week: monday_of(week) + timedelta(days=6) for week in weeks})
        return earned_value(self.plan, self.days, snapshots=rows[_KEPT].assign(as_of=pd.to_datetime(as_of)))

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

    @cached_property
    def benefits(self) -> dict[str, Benefit]:
        """What each project did to the metric that it was to move, by its id."""
        with BenefitReader(self.week.warehouse, self.week.organisation) as reader:
            return {
                change.change_id: reader.benefit_of(change) for change in reader.changes if change.kind == "project"
            }

    @property
    def _is_newest(self) -> bool:
        return is_newest(self.week.bounds[1], self.week.as_of)

    @cached_property
    def _kept_weeks(self) -> list[str]:
        return self.week.warehouse.weeks(PLANS, "projects")

    def _plan_of(self, area: str, week: str | None, as_of: date) -> Plan:
        weeks = None if week is None else [week]
        projects = self.week.warehouse.read(area, "projects", weeks=weeks)
        try:
            tasks = self.week.warehouse.read(area, "project_tasks", weeks=weeks)
        except NotInExport:
            tasks = pd.DataFrame(columns=_KEYS)
        return read_plan(projects, tasks, as_of=as_of)


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
