"""What a notebook calls: open a week of a team, then ask it.

Every function takes the week and returns a tidy frame; `display.charts` and `display.tables` (`ops.charts`, `ops.show`)
draw such frames. A week without tickets of the team gives empty frames, which are drawn as one line that says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

import pandas as pd

from opslib import calendars
from opslib.analysis import restatements as changed
from opslib.analysis import review
from opslib.analysis.breakdown import COLUMNS
from opslib.display import words
from opslib.display.headline import Headline, Line
from opslib.errors import NotInExport, WarehouseError
from opslib.metrics import ALL, CATALOGUE, Metric, check_goals, week_frame
from opslib.settings import Organisation, Team, load_organisation
from opslib.store import Warehouse

_HEADLINES = ("first_reply_median", "first_reply_sla", "full_resolution_median", "csat", "backlog_closing")
_EXPLAINED = 3


@dataclass(frozen=True)
class Week:
    """A week of a team, as one warehouse knows it. Slices are read when they are first asked for."""

    week: str
    team: str
    warehouse: Warehouse
    organisation: Organisation
    as_of: datetime

    @property
    def label(self) -> str:
        """What a reader calls the team."""
        return self.settings.label

    @property
    def settings(self) -> Team:
        """The team's entry in params/org.yml."""
        return self.organisation.team(self.team)

    @property
    def before(self) -> str:
        """The week before."""
        return calendars.shift_week(self.week, -1)

    @cached_property
    def every_value(self) -> pd.DataFrame:
        """Weekly values of the team, by channel and for all, up to this week."""
        weeks = [week for week in self.warehouse.weeks("facts", "weekly_values") if week <= self.week]
        return self.warehouse.read("facts", "weekly_values", weeks=weeks, teams=[self.team])

    @cached_property
    def own_values(self) -> pd.DataFrame:
        """Those for channel `all`."""
        return self.every_value[self.every_value["channel"] == ALL].reset_index(drop=True)

    @cached_property
    def own_backlog(self) -> pd.DataFrame:
        """facts/backlog of the team."""
        return self.warehouse.read("facts", "backlog", teams=[self.team])

    @cached_property
    def has_data(self) -> bool:
        """Whether the team had anything to do in the week."""
        now = self.own_values[self.own_values["week"] == self.week].set_index("metric")["value"]
        return bool(now.reindex(["created", "solved", "backlog_closing"]).fillna(0).sum() > 0)

    @cached_property
    def goals(self) -> dict[str, float]:
        """The targets in force on the week's Monday, by metric."""
        monday = week_frame([self.week], self._bounds)["first_day"].iloc[0]
        found = {name: self.settings.goal(name, monday) for name in CATALOGUE}
        return {name: target for name, target in found.items() if target is not None}

    @cached_property
    def chart(self) -> pd.DataFrame:
        """Control-chart frames of all metrics that the export tells."""
        return _charted(self, CATALOGUE.values())

    @cached_property
    def tests(self) -> pd.DataFrame:
        """Tests of the team's changes from the week before; they stand among those of all metrics and teams."""
        return self._of_the_week("weekly_changes", review.TEST_COLUMNS)

    @cached_property
    def breakdown(self) -> pd.DataFrame:
        """What the team's changes from the week before are explained from, as of `analysis.breakdown`."""
        return self._of_the_week("weekly_breakdown", COLUMNS)

    def weeks(self, names: Iterable[str]) -> pd.DataFrame:
        """Weeks with their bounds in the organisation's zone."""
        return week_frame(names, self._bounds)

    def _of_the_week(self, table: str, columns: Sequence[str]) -> pd.DataFrame:
        """The team's rows of a table on changes; a warehouse of a single week has no week before and no such table."""
        if not self.warehouse.has("facts", table):
            return pd.DataFrame(columns=list(columns))
        return self.warehouse.read("facts", table, weeks=[self.week], teams=[self.team])

    def _bounds(self, week: str) -> tuple[datetime, datetime]:
        return calendars.week_bounds(week, self.organisation.zone)


def open_week(week: str, team: str, *, warehouse: str = "", params: str = "") -> Week:
    """Open a week of a team.

    Args:
        week: ISO week, like `2026-W46`.
        team: a name in the organisation's file in params/.
        warehouse: its folder; empty: the environment's OPSLIB_WAREHOUSE, else data/warehouse of the project.
        params: the parameters' folder; empty: the environment's OPSLIB_PARAMS, else params of the project. The project
            is the nearest folder upwards with a pyproject.toml.

    Returns:
        The week, to be handed to the other functions of this module.

    Raises:
        OpslibError: the week is not written like one, or its values have not been made.
        SettingsError: there is no such team, or a goal names a metric that there is not.
        WarehouseError: the warehouse is empty, or ends before the week.
    """
    calendars.week_bounds(week, "UTC")
    store = Warehouse(_folder(warehouse, "OPSLIB_WAREHOUSE", Path("data") / "warehouse"))
    about = store.facts_of_the_run()
    organisation = load_organisation(_folder(params, "OPSLIB_PARAMS", Path("params")), about.get("organisation", "org"))
    organisation.team(team)
    check_goals(organisation)
    if not store.has("facts", "weekly_values"):
        raise WarehouseError(f"{store.root} has no weekly values yet; `make facts` makes them")
    known = store.weeks("facts", "weekly_values")
    if week not in known:
        raise WarehouseError(f"the warehouse knows complete weeks from {known[0]} to {known[-1]}, not {week}")
    return Week(week, team, store, organisation, datetime.fromisoformat(about["as_of"]))


def flow(week: Week) -> pd.DataFrame:
    """Control-chart frames of created, solved, reopened and the net flow; as `analysis.review.control_frame`."""
    return _family(week, ["created", "solved", "reopened", "net_flow"])


def speed(week: Week) -> pd.DataFrame:
    """Control-chart frames of reply and resolution times on the business clock."""
    return _family(
        week,
        ["first_reply_median", "first_reply_p90", "full_resolution_median", "full_resolution_p90", "next_reply_median"],
    )


def sla(week: Week) -> pd.DataFrame:
    """Control-chart frames of the attainment of each SLA metric that is promised to anybody."""
    return _family(week, [name for name, metric in CATALOGUE.items() if metric.family == "sla"])


def quality(week: Week) -> pd.DataFrame:
    """Control-chart frames of satisfaction, survey response and QA score."""
    return _family(week, [name for name, each in CATALOGUE.items() if each.family in ("satisfaction", "quality")])


def effort(week: Week) -> pd.DataFrame:
    """Control-chart frames of replies, one-touch, first contact, transfers, reopens and ping-pong."""
    return _family(week, [name for name, metric in CATALOGUE.items() if metric.family == "effort"])


def metric(week: Week, name: str, *, shown: int = review.SHOWN_WEEKS) -> pd.DataFrame:
    """Control-chart frame of one metric, of so many weeks.

    Raises:
        WarehouseError: there is no such metric; the message lists them.
    """
    chosen = _named(name)
    return _charted(week, [chosen], shown=shown) if week.has_data else week.chart.head(0)


def across_teams(week: Week, name: str, *, shown: int = review.SHOWN_WEEKS) -> pd.DataFrame:
    """Control-chart frames of one metric for every team of the organisation, in the order of its file.

    Args:
        week: of `open_week`; its own team is among them.
        name: a metric's name.
        shown: how many weeks.

    Returns:
        As `analysis.review.control_frame`, with team and team_label; teams without anything to do are left out.

    Raises:
        WarehouseError: there is no such metric; the message lists them.
    """
    chosen = _named(name)
    teams = [replace(week, team=team) for team in week.organisation.team_names]
    parts = [
        _charted(each, [chosen], shown=shown).assign(team=each.team, team_label=each.label)
        for each in teams
        if each.has_data
    ]
    return pd.concat(parts, ignore_index=True) if parts else week.chart.head(0).assign(team="", team_label="")


def values(week: Week, *, by_channel: bool = False) -> pd.DataFrame:
    """Weekly values of the team up to the week, to go deeper from.

    Returns:
        The columns of `analysis.weekly_values.COLUMNS`; with `by_channel` a row per channel too.
    """
    return week.every_value if by_channel else week.own_values


def backlog(week: Week) -> pd.DataFrame:
    """The backlog per week: inflow, outflow, closing, age, thirteen weeks; as `analysis.review.weekly_backlog`."""
    names = [calendars.shift_week(week.week, -back) for back in reversed(range(review.SHOWN_WEEKS))]
    days = week.own_backlog if week.has_data else week.own_backlog.head(0)
    return review.weekly_backlog(days, week.weeks(names))


def add_up(week: Week) -> pd.DataFrame:
    """The identity of the backlog by day and for the week; as `analysis.review.add_up`."""
    bounds = week.weeks([week.week]).iloc[0]
    days = pd.to_datetime(week.own_backlog["day"])
    inside = days.between(pd.Timestamp(bounds["first_day"]), pd.Timestamp(bounds["last_day"])) & week.has_data
    return review.add_up(week.own_backlog[inside])


def signals(week: Week) -> pd.DataFrame:
    """What is a signal in the week and what is noise; as `analysis.review.signals`.

    Times on the calendar clock are left to their chart: they say a second time what the business clock says.
    """
    chart = week.chart[~week.chart["metric"].str.contains("_calendar_")] if week.has_data else week.chart.head(0)
    return review.signals(week.tests, chart, week.week)


def explain(week: Week, metric: str = "", *, by: str = "channel") -> pd.DataFrame:
    """Split the change from the week before into what groups add to it.

    Args:
        week: of `open_week`.
        metric: a metric's name; empty: those whose change from the week before is a discovery, at most three.
        by: `channel` or `contact_reason`.

    Returns:
        As `analysis.review.explain`, one metric after the other. A median or percentile cannot be split; the share of
        tickets that were done within the last week's value is split instead, and the label says so.

    Raises:
        WarehouseError: there is no such metric; the message lists them.
    """
    chosen = [_named(metric)] if metric else []
    if not week.has_data:
        return _explained(week, CATALOGUE["created"], by).head(0)
    found = signals(week)
    strongest = found[found["discovery"]].sort_values("q", kind="stable")["metric"].head(_EXPLAINED)
    parts = [_explained(week, each, by) for each in chosen or map(_named, strongest)]
    some = [part for part in parts if len(part)]
    return pd.concat(some, ignore_index=True) if some else _explained(week, CATALOGUE["created"], by).head(0)


def metric_table(week: Week) -> pd.DataFrame:
    """All metrics of the week.

    Returns:
        metric, label, family, unit, better, definition, value, low, high, n, goal, before, signal, limits (whether
        there are any), missing, history (the last thirteen values).
    """
    told = pd.DataFrame(
        [(each.name, each.family, each.definition) for each in CATALOGUE.values()],
        columns=["metric", "family", "definition"],
    )
    chart = week.chart if week.has_data else week.chart.head(0)
    history = chart.groupby("metric", sort=False)["value"].agg(list).rename("history").reset_index()
    before = chart.loc[chart["week"] == week.before, ["metric", "value"]].rename(columns={"value": "before"})
    now = chart[chart["week"] == week.week].assign(limits=chart["centre"].notna())
    frame = now.merge(told, on="metric").merge(history, on="metric").merge(before, on="metric", how="left")
    return frame[
        [
            *("metric", "label", "family", "unit", "better", "definition", "value", "low", "high", "n", "goal"),
            *("before", "signal", "limits", "missing", "history"),
        ]
    ]


def missing(week: Week) -> pd.DataFrame:
    """The metrics that this export cannot tell of the team: metric, label, definition, missing."""
    now = week.own_values[(week.own_values["week"] == week.week) & week.own_values["missing"].notna()]
    rows = [
        (name, CATALOGUE[name].label, CATALOGUE[name].definition, reason)
        for name, reason in zip(now["metric"], now["missing"], strict=True)
        if name in CATALOGUE
    ]
    return pd.DataFrame(rows, columns=["metric", "label", "definition", "missing"])


def restatements(week: Week) -> pd.DataFrame:
    """Numbers of this week and of those before that were published once and changed since the week ended.

    Returns:
        week, metric, label, unit, was, is, cause, was_as_of, as_of; the newest week first.
    """
    weeks = [each for each in week.warehouse.weeks("published", "values") if each <= week.week]
    tolerance = timedelta(hours=week.organisation.limits.week_ends_within_hours)
    try:
        history = week.warehouse.read("published", "values", weeks=weeks, teams=[week.team])
    except NotInExport:
        history = pd.DataFrame(columns=["metric", "week", "value", "was", "as_of", "was_as_of", "cause"])
    found = changed.restated(history, week._bounds(week.week)[1] - tolerance)
    found = found[found["metric"].isin(list(CATALOGUE))]
    names = found["metric"].map({name: each.label for name, each in CATALOGUE.items()})
    return found.assign(label=names, unit=found["metric"].map({name: each.unit for name, each in CATALOGUE.items()}))


def headline(week: Week) -> Headline:
    """The numbers that stand above the report; a metric that the export lacks is left out."""
    if not week.has_data:
        return Headline([], has_data=False)
    lines = []
    for name in _HEADLINES:
        rows = week.chart[week.chart["metric"] == name]
        if rows.empty or rows["missing"].notna().all():
            continue
        last, unit = rows.iloc[-1], CATALOGUE[name].unit
        before = rows["value"].iloc[-2] if len(rows) > 1 else None
        reached = pd.notna(last["value"])
        spark = tuple(None if pd.isna(each) else float(each) for each in rows["value"])
        target = words.goal(last["goal"], CATALOGUE[name].better, unit) if pd.notna(last["goal"]) else ""
        lines.append(
            Line(
                label=CATALOGUE[name].label,
                value=words.value(last["value"], unit) if reached else words.estimate(None, last["low"], None, unit),
                better=CATALOGUE[name].better,
                change=words.change(before, last["value"], unit),
                signal=bool(last["signal"]),
                note=words.rules(str(last["signal"])) if last["signal"] else f"goal {target}" if target else "",
                spark=spark,
                unit=unit,
            )
        )
    return Headline(lines, has_data=True)


def _family(week: Week, names: list[str]) -> pd.DataFrame:
    if not week.has_data:
        return week.chart.head(0)
    chosen = week.chart[week.chart["metric"].isin(names)]
    promised = ~chosen["missing"].str.contains("such a target|such target", na=False)
    return (chosen[promised] if promised.any() else chosen).reset_index(drop=True)


def _charted(week: Week, metrics: Iterable[Metric], *, shown: int = review.SHOWN_WEEKS) -> pd.DataFrame:
    return review.control_frame(week.own_values, list(metrics), week.week, goals=week.goals, shown=shown)


def _explained(week: Week, metric: Metric, by: str) -> pd.DataFrame:
    known = week.breakdown
    rows = known[(known["metric"] == metric.name) & (known["by"] == by)]
    found = review.explain(_long(week, rows, by), metric, by=by, before=week.before, after=week.week)
    limits = rows["limit_seconds"].dropna()
    if limits.empty:
        return found
    return found.assign(label=f"{metric.label.partition(',')[0]} within {words.duration(float(limits.iloc[0]))}")


def _long(week: Week, rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """Rows of the breakdown as sums of either week, as `analysis.review.explain` takes them."""
    sums = ["numerator", "denominator"]
    before = rows[["group", "numerator_before", "denominator_before"]].set_axis([by, *sums], axis=1)
    after = rows[["group", *sums]].set_axis([by, *sums], axis=1)
    return pd.concat([before.assign(week=week.before), after.assign(week=week.week)], ignore_index=True)


def _named(name: str) -> Metric:
    if name not in CATALOGUE:
        raise WarehouseError(f"there is no metric {name!r}; there are {', '.join(sorted(CATALOGUE))}")
    return CATALOGUE[name]


def _folder(given: str, variable: str, default: Path) -> Path:
    """The folder that was given, else the environment's, else the project's."""
    if given or os.environ.get(variable):
        return Path(given or os.environ[variable])
    here = Path.cwd()
    project = next((each for each in (here, *here.parents) if (each / "pyproject.toml").exists()), here)
    return project / default
