"""A week of a team, opened on a warehouse: what every notebook begins with."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path

import pandas as pd

from opslib.analysis.weekly_review import completeness
from opslib.calendars import closures, week_days
from opslib.errors import NotInExport, WarehouseError
from opslib.metrics import ALL, CATALOGUE, check_goals, week_frame
from opslib.settings import Organisation, Team, load_organisation
from opslib.store.warehouse import Warehouse
from opslib.weeks import monday_of, shift_week, week_bounds


@dataclass(frozen=True)
class WholeWeek:
    """A week of the whole organisation, as one warehouse knows it."""

    week: str
    warehouse: Warehouse
    organisation: Organisation
    as_of: datetime

    @property
    def before(self) -> str:
        """The week before."""
        return shift_week(self.week, -1)

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """The first instant of the week and of the next, in UTC."""
        return week_bounds(self.week, self.organisation.zone)


@dataclass(frozen=True)
class Week(WholeWeek):
    """A week of a team. Each slice is read once, when it is first needed."""

    team: str

    @property
    def label(self) -> str:
        """What a reader calls the team."""
        return self.settings.label

    @property
    def settings(self) -> Team:
        """The team's entry in params/org.yml."""
        return self.organisation.team(self.team)

    @cached_property
    def every_value(self) -> pd.DataFrame:
        """Weekly values of the team, by channel and for all, up to this week.

        week, team, channel, metric, value, low, high, numerator, denominator, spread, n, censored, missing, one row per
        week, channel and metric, in the metric's unit.
        """
        weeks = [week for week in self.warehouse.weeks("facts", "weekly_values") if week <= self.week]
        return self.warehouse.read("facts", "weekly_values", weeks=weeks, teams=[self.team])

    @cached_property
    def own_values(self) -> pd.DataFrame:
        """Weekly values of the team for channel `all`, up to this week, with the columns of `every_value`."""
        return self.every_value[self.every_value["channel"] == ALL].reset_index(drop=True)

    @cached_property
    def has_data(self) -> bool:
        """Whether the team had anything to do in the week."""
        now = self.own_values[self.own_values["week"] == self.week].set_index("metric")["value"]
        return bool(now.reindex(["created", "solved", "backlog_closing"]).fillna(0).sum() > 0)

    @cached_property
    def incomplete_weeks(self) -> pd.DataFrame:
        """The weeks of the team, up to this one, that the export does not tell whole: `completeness.COLUMNS`."""
        return self.incomplete_among(
            week for week in self.warehouse.weeks("facts", "weekly_values") if week <= self.week
        )

    def incomplete_among(self, weeks: Iterable[str]) -> pd.DataFrame:
        """Those of some weeks that the export does not tell whole of the team: `completeness.COLUMNS`."""
        try:
            return self.warehouse.read("facts", "weekly_completeness", weeks=weeks, teams=[self.team])
        except NotInExport:
            return pd.DataFrame(columns=completeness.COLUMNS)

    @property
    def incompleteness(self) -> str:
        """Why the export does not tell this week of the team whole, so that nothing is compared; "" where it does."""
        rows = self.incomplete_weeks
        is_own = (rows["week"] == self.week) & (rows["scope"] == completeness.ALL_METRICS)
        return completeness.AND.join(rows.loc[is_own, "reason"])

    @property
    def incomplete_values(self) -> list[tuple[str, str]]:
        """The weeks and metrics of the team of which the export does not tell all."""
        return [
            (week, metric.name)
            for week, scope in zip(self.incomplete_weeks["week"], self.incomplete_weeks["scope"], strict=True)
            for metric in CATALOGUE.values()
            if scope == completeness.ALL_METRICS or metric.rests_on_backlog
        ]

    def days(self) -> dict[date, str]:
        """The days on which the team has hours; the name of the holiday where one closes it, else ""."""
        return week_days(self.organisation.calendar(self.settings.calendar), self.week)

    def closures(self, weeks: Iterable[str]) -> pd.Series:
        """The holidays that close the team in some weeks.

        Args:
            weeks: ISO weeks.

        Returns:
            Names by week, in that order; "" where there is none.
        """
        weeks = list(weeks)
        names = closures(self.organisation.calendar(self.settings.calendar), dict.fromkeys(weeks))
        return pd.Series([names.get(week, "") for week in weeks], index=weeks, dtype="str")

    def with_closures(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A frame by `week` with the column closed: the holidays that close the team in that week, "" for none."""
        names = self.closures(frame["week"].unique())
        return frame.assign(closed=frame["week"].map(names).astype("str"))

    def tickets_of(self, weeks: Iterable[str], columns: Sequence[str]) -> pd.DataFrame:
        """Some columns of the tickets created in some weeks, of all teams."""
        return self.warehouse.read("facts", "tickets", columns=columns, weeks=sorted(weeks))

    def has_events(self, kind: str, weeks: Iterable[str]) -> bool:
        """Whether the export has events of a kind, such as team or queue, on the tickets of these weeks."""
        try:
            events = self.warehouse.read("standard", "ticket_events", columns=["event"], weeks=weeks)
        except NotInExport:
            return False
        return bool((events["event"] == kind).any())

    def frame_of(self, weeks: Iterable[str]) -> pd.DataFrame:
        """Weeks in order with their bounds in the organisation's zone.

        Returns:
            week, start_at, end_at (UTC), first_day, last_day (dates).
        """
        return week_frame(weeks, lambda week: week_bounds(week, self.organisation.zone))


def is_newest(end: datetime, as_of: datetime) -> bool:
    """Whether a week is the last that was over when the exports were made: only then they tell what is open now.

    Args:
        end: the first instant after the week.
        as_of: the instant up to which the exports know the world.
    """
    return as_of < end + timedelta(days=7)


def open_week(week: str, team: str, *, warehouse: str = "", params: str = "") -> Week:
    """Open a week of a team; what is shown from now on is written in the organisation's locale and by its labels.

    Args:
        week: ISO week, like `2026-W46`.
        team: a name in the organisation's file in params/.
        warehouse: its folder; empty: the environment's OPSLIB_WAREHOUSE, else data/warehouse of the project.
        params: the parameters' folder; empty: the environment's OPSLIB_PARAMS, else params of the project. The project
            is the nearest folder upwards with a pyproject.toml.

    Returns:
        The week, from which each notebook's own functions start.

    Raises:
        NoSuchWeek: the week is not written like one.
        SettingsError: there is no such team, or a goal names a metric that there is not.
        WarehouseError: the warehouse is empty, its values have not been made, or it ends before the week.
    """
    whole = open_whole_week(week, warehouse=warehouse, params=params)
    whole.organisation.team(team)
    return Week(whole.week, whole.warehouse, whole.organisation, whole.as_of, team)


def open_whole_week(week: str, *, warehouse: str = "", params: str = "") -> WholeWeek:
    """Open a week of the whole organisation, as `open_week` does that of a team.

    Args:
        week: ISO week, like `2026-W46`.
        warehouse: of `open_week`.
        params: of `open_week`.

    Raises:
        NoSuchWeek: the week is not written like one.
        SettingsError: a goal names a metric that there is not.
        WarehouseError: the warehouse is empty, its values have not been made, or it ends before the week.
    """
    monday_of(week)
    store = Warehouse(_folder(warehouse, "OPSLIB_WAREHOUSE", Path("data") / "warehouse"))
    about = store.facts_of_the_run()
    organisation = load_organisation(_folder(params, "OPSLIB_PARAMS", Path("params")), about.get("organisation", "org"))
    organisation.speak()
    check_goals(organisation)
    if not store.has("facts", "weekly_values"):
        raise WarehouseError(f"{store.root} has no weekly values yet; `make facts` makes them")
    complete = store.weeks("facts", "weekly_values")
    if week not in complete:
        raise WarehouseError(f"the warehouse knows complete weeks from {complete[0]} to {complete[-1]}, not {week}")
    return WholeWeek(week, store, organisation, datetime.fromisoformat(about["as_of"]))


def answer(frame: pd.DataFrame, *, is_known: bool, missing: str) -> pd.DataFrame:
    """An answer, or none of its rows with the reason where it cannot be known.

    Args:
        frame: the answer.
        is_known: whether the export tells it, and there is enough to judge by.
        missing: the reason, in words; it stands in the frame's `attrs` under that name.
    """
    if is_known:
        return frame
    nothing = frame.head(0)
    nothing.attrs["missing"] = missing
    return nothing


def _folder(path: str, variable: str, default: Path) -> Path:
    """The folder of this path, else the environment's, else the project's."""
    if path or os.environ.get(variable):
        return Path(path or os.environ[variable])
    here = Path.cwd()
    project = next((each for each in (here, *here.parents) if (each / "pyproject.toml").exists()), here)
    return project / default
