"""What the weekly review asks of a team's week: a tidy frame per question, drawn by `show`.

A week without tickets of the team gives empty frames, which are drawn as one line that says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property

import pandas as pd

from opslib.analysis.weekly_review import restatements as changed
from opslib.analysis.weekly_review import review as analysis
from opslib.analysis.weekly_review.breakdown import COLUMNS
from opslib.display import words
from opslib.display.headline import Headline, Line
from opslib.errors import NotInExport, WarehouseError
from opslib.metrics import CATALOGUE, Metric
from opslib.reports.week import Week
from opslib.weeks import shift_week

_HEADLINES = ("first_reply_median", "first_reply_sla", "full_resolution_median", "csat", "backlog_closing")
_EXPLAINED = 3


@dataclass(frozen=True)
class Review:
    """A week of a team as the weekly review asks it. Slices are read when they are first review for."""

    opened: Week

    @property
    def week(self) -> str:
        """The ISO week."""
        return self.opened.week

    @property
    def before(self) -> str:
        """The week before."""
        return self.opened.before

    @property
    def has_data(self) -> bool:
        """Whether the team had anything to do in the week."""
        return self.opened.has_data

    @cached_property
    def backlog_days(self) -> pd.DataFrame:
        """facts/backlog of the team."""
        return self.opened.warehouse.read("facts", "backlog", teams=[self.opened.team])

    @cached_property
    def goals(self) -> dict[str, float]:
        """The targets in force on the week's Monday, by metric."""
        monday = self.opened.frame_of([self.week])["first_day"].iloc[0]
        targets = {name: self.opened.settings.goal(name, monday) for name in CATALOGUE}
        return {name: target for name, target in targets.items() if target is not None}

    @cached_property
    def chart(self) -> pd.DataFrame:
        """Control-chart frames of all metrics that the export tells."""
        return self.charted(CATALOGUE.values())

    @cached_property
    def tests(self) -> pd.DataFrame:
        """Tests of the team's changes from the week before; they stand among those of all metrics and teams."""
        return self._of_the_week("weekly_changes", analysis.TEST_COLUMNS)

    @cached_property
    def breakdown(self) -> pd.DataFrame:
        """What the team's changes from the week before are explained from: a row per metric, grouping and group."""
        return self._of_the_week("weekly_breakdown", COLUMNS)

    def charted(self, metrics: Iterable[Metric], *, shown: int = analysis.SHOWN_WEEKS) -> pd.DataFrame:
        """Control-chart frames of some metrics, of so many weeks."""
        return analysis.control_frame(self.opened.own_values, list(metrics), self.week, goals=self.goals, shown=shown)

    def _of_the_week(self, table: str, columns: Sequence[str]) -> pd.DataFrame:
        """The team's rows of a table on changes; a warehouse of a single week has no week before and no such table."""
        if not self.opened.warehouse.has("facts", table):
            return pd.DataFrame(columns=list(columns))
        return self.opened.warehouse.read("facts", table, weeks=[self.week], teams=[self.opened.team])


def open_review(opened: Week) -> Review:
    """The review of a week, to be handed to the other functions of this module."""
    return Review(opened)


def flow(review: Review) -> pd.DataFrame:
    """Control-chart frames of created, solved, reopened and the net flow; as `analysis.review.control_frame`."""
    return _family(review, ["created", "solved", "reopened", "net_flow"])


def speed(review: Review) -> pd.DataFrame:
    """Control-chart frames of reply and resolution times on the business clock."""
    return _family(
        review,
        ["first_reply_median", "first_reply_p90", "full_resolution_median", "full_resolution_p90", "next_reply_median"],
    )


def sla(review: Review) -> pd.DataFrame:
    """Control-chart frames of the attainment of each SLA metric that is promised to anybody."""
    return _family(review, [name for name, metric in CATALOGUE.items() if metric.family == "sla"])


def quality(review: Review) -> pd.DataFrame:
    """Control-chart frames of satisfaction, survey response and QA score."""
    return _family(review, [name for name, each in CATALOGUE.items() if each.family in ("satisfaction", "quality")])


def effort(review: Review) -> pd.DataFrame:
    """Control-chart frames of replies, one-touch, first contact, transfers, reopens and ping-pong."""
    return _family(review, [name for name, metric in CATALOGUE.items() if metric.family == "effort"])


def metric(review: Review, name: str, *, shown: int = analysis.SHOWN_WEEKS) -> pd.DataFrame:
    """Control-chart frame of one metric, of so many weeks.

    Raises:
        WarehouseError: there is no such metric; the message lists them.
    """
    chosen = _named(name)
    return review.charted([chosen], shown=shown) if review.has_data else review.chart.head(0)


def across_teams(review: Review, name: str, *, shown: int = analysis.SHOWN_WEEKS) -> pd.DataFrame:
    """Control-chart frames of one metric for every team of the organisation, in the order of its file.

    Args:
        review: of `open_review`; its own team is among them.
        name: a metric's name.
        shown: how many weeks.

    Returns:
        As `analysis.review.control_frame`, with team and team_label; teams without anything to do are left out.

    Raises:
        WarehouseError: there is no such metric; the message lists them.
    """
    chosen = _named(name)
    teams = [Review(replace(review.opened, team=team)) for team in review.opened.organisation.team_names]
    parts = [
        each.charted([chosen], shown=shown).assign(team=each.opened.team, team_label=each.opened.label)
        for each in teams
        if each.has_data
    ]
    return pd.concat(parts, ignore_index=True) if parts else review.chart.head(0).assign(team="", team_label="")


def values(review: Review, *, by_channel: bool = False) -> pd.DataFrame:
    """Weekly values of the team up to the week, to go deeper from.

    Returns:
        The columns of `analysis.weekly_values.COLUMNS`; with `by_channel` a row per channel too.
    """
    return review.opened.every_value if by_channel else review.opened.own_values


def backlog(review: Review) -> pd.DataFrame:
    """The backlog per week: inflow, outflow, closing, age, thirteen weeks; as `analysis.review.weekly_backlog`."""
    names = [shift_week(review.week, -back) for back in reversed(range(analysis.SHOWN_WEEKS))]
    days = review.backlog_days if review.has_data else review.backlog_days.head(0)
    return analysis.weekly_backlog(days, review.opened.frame_of(names))


def add_up(review: Review) -> pd.DataFrame:
    """The identity of the backlog by day and for the week; as `analysis.review.add_up`."""
    bounds = review.opened.frame_of([review.week]).iloc[0]
    days = pd.to_datetime(review.backlog_days["day"])
    inside = days.between(pd.Timestamp(bounds["first_day"]), pd.Timestamp(bounds["last_day"])) & review.has_data
    return analysis.add_up(review.backlog_days[inside])


def signals(review: Review) -> pd.DataFrame:
    """What is a signal in the week and what is noise; as `analysis.review.signals`.

    Times on the calendar clock are left to their chart: they say a second time what the business clock says.
    """
    chart = (
        review.chart[~review.chart["metric"].str.contains("_calendar_")] if review.has_data else review.chart.head(0)
    )
    return analysis.signals(review.tests, chart, review.week)


def explain(review: Review, metric: str = "", *, by: str = "channel") -> pd.DataFrame:
    """Split the change from the week before into what groups add to it.

    Args:
        review: of `open_review`.
        metric: a metric's name; empty: those whose change from the week before is a discovery, at most three.
        by: `channel` or `contact_reason`.

    Returns:
        As `analysis.review.explain`, one metric after the other. A median or percentile cannot be split; the share of
        tickets that were done within the last week's value is split instead, and the label says so.

    Raises:
        WarehouseError: there is no such metric; the message lists them.
    """
    chosen = [_named(metric)] if metric else []
    if not review.has_data:
        return _explained(review, CATALOGUE["created"], by).head(0)
    found = signals(review)
    strongest = found[found["discovery"]].sort_values("q", kind="stable")["metric"].head(_EXPLAINED)
    parts = [_explained(review, each, by) for each in chosen or map(_named, strongest)]
    some = [part for part in parts if len(part)]
    return pd.concat(some, ignore_index=True) if some else _explained(review, CATALOGUE["created"], by).head(0)


def metric_table(review: Review) -> pd.DataFrame:
    """All metrics of the week.

    Returns:
        metric, label, family, unit, better, definition, value, low, high, n, goal, before, signal, limits (whether
        there are any), missing, history (the last thirteen values).
    """
    told = pd.DataFrame(
        [(each.name, each.family, each.definition) for each in CATALOGUE.values()],
        columns=["metric", "family", "definition"],
    )
    chart = review.chart if review.has_data else review.chart.head(0)
    history = chart.groupby("metric", sort=False)["value"].agg(list).rename("history").reset_index()
    before = chart.loc[chart["week"] == review.before, ["metric", "value"]].rename(columns={"value": "before"})
    now = chart[chart["week"] == review.week].assign(limits=chart["centre"].notna())
    frame = now.merge(told, on="metric").merge(history, on="metric").merge(before, on="metric", how="left")
    return frame[
        [
            *("metric", "label", "family", "unit", "better", "definition", "value", "low", "high", "n", "goal"),
            *("before", "signal", "limits", "missing", "history"),
        ]
    ]


def missing(review: Review) -> pd.DataFrame:
    """The metrics that this export cannot tell of the team: metric, label, definition, missing."""
    values = review.opened.own_values
    now = values[(values["week"] == review.week) & values["missing"].notna()]
    rows = [
        (name, CATALOGUE[name].label, CATALOGUE[name].definition, reason)
        for name, reason in zip(now["metric"], now["missing"], strict=True)
        if name in CATALOGUE
    ]
    return pd.DataFrame(rows, columns=["metric", "label", "definition", "missing"])


def restatements(review: Review) -> pd.DataFrame:
    """Numbers of this week and of those before that were published once and changed since the week ended.

    Returns:
        week, metric, label, unit, was, is, cause, was_as_of, as_of; the newest week first.
    """
    weeks = [each for each in review.opened.warehouse.weeks("published", "values") if each <= review.week]
    tolerance = timedelta(hours=review.opened.organisation.limits.week_ends_within_hours)
    try:
        history = review.opened.warehouse.read("published", "values", weeks=weeks, teams=[review.opened.team])
    except NotInExport:
        history = pd.DataFrame(columns=["metric", "week", "value", "was", "as_of", "was_as_of", "cause"])
    found = changed.restated(history, review.opened.bounds[1] - tolerance)
    found = found[found["metric"].isin(list(CATALOGUE))]
    names = found["metric"].map({name: each.label for name, each in CATALOGUE.items()})
    return found.assign(label=names, unit=found["metric"].map({name: each.unit for name, each in CATALOGUE.items()}))


def headline(review: Review) -> Headline:
    """The numbers that stand above the report; a metric that the export lacks is left out."""
    if not review.has_data:
        return Headline([], has_data=False)
    lines = []
    for name in _HEADLINES:
        rows = review.chart[review.chart["metric"] == name]
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


def _family(review: Review, names: list[str]) -> pd.DataFrame:
    if not review.has_data:
        return review.chart.head(0)
    chosen = review.chart[review.chart["metric"].isin(names)]
    promised = ~chosen["missing"].str.contains("such a target|such target", na=False)
    return (chosen[promised] if promised.any() else chosen).reset_index(drop=True)


def _explained(review: Review, metric: Metric, by: str) -> pd.DataFrame:
    known = review.breakdown
    rows = known[(known["metric"] == metric.name) & (known["by"] == by)]
    found = analysis.explain(_long(review, rows, by), metric, by=by, before=review.before, after=review.week)
    limits = rows["limit_seconds"].dropna()
    if limits.empty:
        return found
    return found.assign(label=f"{metric.label.partition(',')[0]} within {words.duration(float(limits.iloc[0]))}")


def _long(review: Review, rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """Rows of the breakdown as sums of either week, as `analysis.review.explain` takes them."""
    sums = ["numerator", "denominator"]
    before = rows[["group", "numerator_before", "denominator_before"]].set_axis([by, *sums], axis=1)
    after = rows[["group", *sums]].set_axis([by, *sums], axis=1)
    return pd.concat([before.assign(week=review.before), after.assign(week=review.week)], ignore_index=True)


def _named(name: str) -> Metric:
    if name not in CATALOGUE:
        raise WarehouseError(f"there is no metric {name!r}; there are {', '.join(sorted(CATALOGUE))}")
    return CATALOGUE[name]
