"""What the weekly review asks of a team's week: a tidy frame per question, drawn by `show`.

A week without tickets of the team gives empty frames, which are drawn as one line that says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from opslib.analysis.methods.small_groups import few_people, groups_to_hide, small_sums
from opslib.analysis.methods.ticket_lists import count_behind, why_no_list
from opslib.analysis.weekly_review import completeness
from opslib.analysis.weekly_review import goal_verdicts as verdicts_on_goals
from opslib.analysis.weekly_review import recorded_sla as record
from opslib.analysis.weekly_review import restatements as ledger
from opslib.analysis.weekly_review import review as analysis
from opslib.analysis.weekly_review.breakdown import COLUMNS as BREAKDOWN_COLUMNS
from opslib.analysis.weekly_review.goal_verdicts import JUDGED, beside
from opslib.analysis.weekly_review.weekly_signals import COLUMNS as SIGNAL_COLUMNS
from opslib.analysis.weekly_review.weekly_signals import NEW, NOT_JUDGED, OUTSIDE
from opslib.analysis.weekly_review.weekly_values import BOUNDS, SETTLED, SO_FAR
from opslib.analysis.weekly_review.year_and_quarter import year_and_quarter
from opslib.display import cells, verdicts, words
from opslib.display.headline import Line
from opslib.display.ticket_table import BRIEF
from opslib.errors import NotInExport, WarehouseError
from opslib.metrics import ALL, CATALOGUE, NO_GROUP, Metric
from opslib.reports.ticket_lists import ROWS_ON_A_REPORT, open_lists_of, title_of
from opslib.reports.week import Week, answer, is_newest
from opslib.weeks import monday_of, shift_week

_FEWEST_HEADLINES = 3
_HEADLINES = ("first_reply_sla", "first_reply_median", "full_resolution_median", "csat", "backlog_closing")
_MOST_EXPLAINED, _LEAST_SIGNALS_EXPLAINED = 5, 2
_MIX = "live_channel_share"
_NUMBERS_OF_CASES = ("value", "low", "high", "numerator", "denominator", "spread", "n", "still_low", "still_high")
_SAMPLING_ERRORS = 1.96
"""Half of a 95% interval, in sampling errors."""
_ALL_WEEKS = 10_000
_USUAL, _NOW = 0, 1
"""The stretches of time whose difference is explained."""
_DIMENSIONS = {"contact_reason": "contact reason"}
_TIMES = ("first_reply_median", "first_reply_p90", "full_resolution_median", "full_resolution_p90", "next_reply_median")
_STANDING = ("state", "settles_on", "still_low", "still_high")
_WAITING = ("weekend", "unopened")
_WAS = ("was", "was_as_of", "as_of")
_OPEN_HOUR, _SATURDAY = 3600, 5
_WEEKS_ON_RECORD = 8
_TOUCHED_BY_CLOSURES = ("first_reply_median", "first_reply_sla", "solved")
_EARLIER_CLOSURES = 2
_OF_A_PAST_WEEK = "This week is past: the newest week's page has what is open now."
_TO_OPEN_TODAY = ("late_without_reply", "about_to_breach")


@dataclass(frozen=True)
class Review:
    """A week of a team as the weekly review reads it. Each slice is read once, when a function first needs it."""

    week: Week

    @cached_property
    def backlog_days(self) -> pd.DataFrame:
        """facts/backlog of the team, every day to the week's last: day, opening, `review.FLOW_TERMS`, closing, ages."""
        last = monday_of(self.week.week) + timedelta(days=6)
        return self.week.warehouse.read("facts", "backlog", teams=[self.week.team], until=last)

    @cached_property
    def weekly_backlog(self) -> pd.DataFrame:
        """The backlog of thirteen weeks, as `backlog` returns it."""
        names = [shift_week(self.week.week, -back) for back in reversed(range(analysis.REPORT_WEEKS))]
        days = self.backlog_days if self.week.has_data else self.backlog_days.head(0)
        return analysis.weekly_backlog(days, self.week.frame_of(names))

    @cached_property
    def closures(self) -> dict[str, str]:
        """By week up to this one the holidays that close the team on one of its days."""
        names = self.week.closures(sorted(self.week.own_values["week"].unique()))
        return dict(names[names != ""])

    @cached_property
    def all_weeks(self) -> pd.DataFrame:
        """Control-chart frames of all metrics, all weeks up to this one: `review.CHART_COLUMNS`."""
        return self.control_frame(CATALOGUE.values(), weeks=_ALL_WEEKS)

    @cached_property
    def chart(self) -> pd.DataFrame:
        """Control-chart frames of all metrics, the last thirteen weeks: `review.CHART_COLUMNS`."""
        weeks = sorted(self.all_weeks["week"].unique())[-analysis.REPORT_WEEKS :]
        return self.all_weeks[self.all_weeks["week"].isin(weeks)].reset_index(drop=True)

    @cached_property
    def lists(self) -> pd.DataFrame:
        """The lists of tickets behind the week's numbers, as `ticket_lists` returns them."""
        return ticket_lists(self)

    @cached_property
    def usual_weeks(self) -> dict[str, list[str]]:
        """By metric the weeks with which the week is compared."""
        return analysis.usual_weeks(self.all_weeks, self.week.week)

    @cached_property
    def groups(self) -> Mapping[Any, Any]:
        """By metric and dimension, which rows of the breakdown are theirs."""
        return self.breakdown.groupby(["metric", "by"], sort=False).indices

    @cached_property
    def spells(self) -> pd.DataFrame:
        """The team's stretches of tickets in one status, of those created up to the week's end: ticket_id, week (of the
        ticket), team, status, start_at, end_at; none where the export has no history of statuses."""
        columns = ["ticket_id", "week", "team", "status", "start_at", "end_at"]
        store = self.week.warehouse
        weeks = [week for week in store.weeks("facts", "spells") if week <= self.week.week]
        if not weeks:
            return pd.DataFrame(columns=columns)
        return store.read("facts", "spells", columns=columns, weeks=weeks, teams=[self.week.team])

    @cached_property
    def groups_of_few_people(self) -> dict[str, list[str]]:
        """The channels and contact reasons of which too few people have written in the weeks that are compared."""
        people, minimum = self._people, self.week.organisation.privacy.minimum_group
        few = {}
        for by in [name for name in ("channel", *_DIMENSIONS) if name in people]:
            groups = people.assign(**{by: people[by].astype("str").fillna(NO_GROUP)})
            few[by] = list(groups.loc[groups_to_hide(groups, [by], minimum=minimum), by].unique())
        return few

    @cached_property
    def _people(self) -> pd.DataFrame:
        """Who has written by which channel and why, in the weeks that are compared; nothing where that is not told."""
        columns = self.week.warehouse.columns("tickets") & {"requester_id", "channel", "contact_reason"}
        if "requester_id" not in columns:
            return pd.DataFrame()
        compared = {week for weeks in self.usual_weeks.values() for week in weeks} | {self.week.before, self.week.week}
        weeks = sorted(compared & set(self.week.warehouse.weeks("facts", "tickets")))
        return self.week.warehouse.read(
            "facts", "tickets", columns=[*sorted(columns), "team"], weeks=weeks, teams=[self.week.team]
        )

    @cached_property
    def judged(self) -> pd.DataFrame:
        """The metrics as `analysis.signals` has them, those left out that say a second time what their twin says."""
        chart = self.chart if self.week.has_data else self.chart.head(0)
        own = chart[~chart["metric"].isin([each.name for each in CATALOGUE.values() if each.twin])]
        return analysis.signals(own, self.week.week, self.week.before)

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """How every week of the team up to this one was judged: `weekly_signals.COLUMNS`, `goal_verdicts.JUDGED`."""
        rows = self._rows_so_far("weekly_signals", (*SIGNAL_COLUMNS, *JUDGED))
        return rows if set(JUDGED) <= set(rows) else beside(rows)

    @cached_property
    def breakdown(self) -> pd.DataFrame:
        """What the team's numbers are explained from, every week up to this one: `breakdown.COLUMNS`."""
        return self._rows_so_far("weekly_breakdown", BREAKDOWN_COLUMNS)

    @cached_property
    def published(self) -> pd.DataFrame:
        """The team's ledger of published numbers, of all weeks up to this one."""
        store = self.week.warehouse
        weeks = [each for each in store.weeks("published", "values") if each <= self.week.week]
        try:
            published = store.read("published", "values", weeks=weeks, teams=[self.week.team])
        except NotInExport:
            published = pd.DataFrame(columns=["metric", "week", "entry", "value", "was", "as_of", "was_as_of", "cause"])
        if "entry" in published:
            return published
        frame = self.week.frame_of(weeks)
        return ledger.with_entries(published, dict(zip(frame["week"], frame["end_at"], strict=True)), None)

    def control_frame(self, metrics: Iterable[Metric], *, weeks: int = analysis.REPORT_WEEKS) -> pd.DataFrame:
        """Control-chart frames of some metrics, the last `weeks` ones: `review.CHART_COLUMNS`."""
        return analysis.control_frame(
            self.week.own_values,
            self.verdicts,
            list(metrics),
            self.week.week,
            closed=self.closures,
            weeks=weeks,
        )

    def _rows_so_far(self, table: str, columns: Sequence[str]) -> pd.DataFrame:
        """The team's rows of a table up to the week; none where an older warehouse lacks it."""
        store = self.week.warehouse
        if not store.has("facts", table):
            return pd.DataFrame(columns=list(columns))
        weeks = [week for week in store.weeks("facts", table) if week <= self.week.week]
        return store.read("facts", table, weeks=weeks, teams=[self.week.team])


def open_review(week: Week) -> Review:
    """The review of a week, from which the other functions of this module start.

    Args:
        week: a week of a team, as `opslib.open_week` returns it.
    """
    return Review(week)


def trust(review: Review) -> pd.DataFrame:
    """Why weeks on this page are not complete, and from when on numbers can be trusted.

    Returns:
        reason; weeks (those that are not complete, up to this one); trusted_from and backlog_trusted_from (weeks; null
        where the export does not reach so far, and where it was complete before); one row per reason that concerns a
        week shown here.
    """
    week, rows = review.week, review.week.incomplete_weeks
    weeks = week.warehouse.weeks("facts", "weekly_values")
    if completeness.is_at_the_start(rows, weeks, week.week):
        # How far the start of an export reaches, only the weeks after it tell.
        rows = week.incomplete_among(weeks)
    else:
        weeks = [each for each in weeks if each <= week.week]
    return completeness.reasons(rows, weeks, week.week, analysis.REPORT_WEEKS)


def closures(review: Review) -> pd.DataFrame:
    """The holidays that close the team in the week, and what the last such weeks had.

    Returns:
        day (ISO date), name, one row per holiday on a day on which the team would be open; metric, label, unit, value,
        earlier (of the last two weeks before with a closed day, the newest first), earlier_weeks and usual (the median
        of the weeks without one among the last thirteen), one row per number that an open day less touches. Columns of
        the other kind of row are null.
    """
    closed = {day: name for day, name in review.week.days().items() if name}
    columns = ["day", "name", "metric", "label", "unit", "value", "earlier", "earlier_weeks", "usual"]
    if not closed or not review.week.has_data:
        return pd.DataFrame(columns=columns)
    rows = [{"day": day.isoformat(), "name": name} for day, name in closed.items()]
    whole = review.all_weeks[review.all_weeks["value"].notna()]
    incomplete = set(review.week.incomplete_values)
    for name in _TOUCHED_BY_CLOSURES:
        own = whole[(whole["metric"] == name) & ~whole["week"].isin([week for week, of in incomplete if of == name])]
        now, past = own[own["week"] == review.week.week], own[own["week"] < review.week.week]
        if now.empty:
            continue
        before = past[past["closed"] != ""].tail(_EARLIER_CLOSURES)[::-1]
        others = past[past["closed"] == ""].tail(analysis.REPORT_WEEKS)
        last = now.iloc[0]
        row = {"metric": name, "label": last["label"], "unit": last["unit"], "value": last["value"]}
        row |= {
            "earlier": list(before["value"]),
            "earlier_weeks": list(before["week"]),
            "usual": others["value"].median(),
        }
        rows.append(row)
    return pd.DataFrame(rows).reindex(columns=columns)


def open_tickets(review: Review) -> pd.DataFrame:
    """What to open today: the team's tickets that are late without a reply, and those about to miss a promise.

    Returns:
        list and title (of the list of all of them), count (how many it has), ticket_id, over_seconds, age_days,
        priority, queue, contact_reason, due_at, status, as far as the six worst of each list; `attrs` has time_zone
        and ticket_url. None of them, with the reason in `attrs["missing"]`, where a newer week is over.
    """
    week = review.week
    is_told = is_newest(week.bounds[1], week.as_of)
    has_any = is_told and week.has_data
    lists = open_lists_of(week.warehouse, week.organisation, week.team, week.as_of) if has_any else []
    shown = [
        each.rows.head(ROWS_ON_A_REPORT).assign(list=each.name, title=each.title, count=each.count)
        for each in lists
        if each.name in _TO_OPEN_TODAY
    ]
    rows = pd.concat(shown, ignore_index=True) if shown else pd.DataFrame(columns=["list", "title", "count"])
    rows = rows.reindex(columns=["list", "title", "count", *BRIEF])
    rows.attrs |= {"time_zone": week.organisation.time_zone, "ticket_url": week.organisation.ticket_url}
    return answer(rows, is_known=is_told, missing=_OF_A_PAST_WEEK)


def ticket_lists(review: Review) -> pd.DataFrame:
    """The lists of tickets behind the week's counts and shares, as the run writes them beside the report.

    Returns:
        list (the name of its files), title, count, of (how many count in the metric; null where it is a count), one row
        per list that has any.
    """
    own = review.week.own_values
    rows = []
    for row in cells.rows_of(own[own["week"] == review.week.week]):
        metric = CATALOGUE.get(row.metric)
        if metric is None or metric.twin or why_no_list(metric) is not None:
            continue
        if count := count_behind(metric, row.numerator, row.denominator):
            rows.append((metric.name, title_of(metric), count, row.denominator if metric.kind == "share" else np.nan))
    rows.sort(key=lambda each: list(CATALOGUE).index(each[0]))
    return pd.DataFrame(rows, columns=["list", "title", "count", "of"])


def flow(review: Review) -> pd.DataFrame:
    """Control-chart frames of what came, what went and what the backlog looks like, thirteen weeks.

    Returns:
        week, metric, label, unit, better, value, low, high, n, cases, censored, missing, and the judgements
        (`review.SIGNAL_COLUMNS`, `goal_verdicts.JUDGED`), one row per metric and week, in the metric's unit.
    """
    backlog_metrics = ["backlog_days", "backlog_unassigned", "backlog_unreplied"]
    return _family(review, ["created", "live_channel_share", "solved", *backlog_metrics])


def speed(review: Review) -> pd.DataFrame:
    """Control-chart frames of reply and resolution times on the business clock, thirteen weeks.

    Returns:
        week, metric, label, unit, better, value, low, high, n, cases, censored, missing, and the judgements
        (`review.SIGNAL_COLUMNS`, `goal_verdicts.JUDGED`), one row per metric and week, in the metric's unit.
    """
    return _family(
        review,
        [*_TIMES, "unanswered_questions"],
    )


def outlook(review: Review) -> pd.DataFrame:
    """What is known so far of the week's reply and resolution times, and what became of those of the week before.

    Returns:
        week, metric, label, unit, value, low, high, n, censored, state, settles_on, still_low, still_high, one row per
        time of the week that is not settled; weekend (of those that wait, how many came on a Saturday or Sunday) and
        unopened (how many have not had an open hour yet), null for questions. Then a row per headline time of the week
        before that has settled since this week ended: state is `settled`, with was (the first published value; null
        elsewhere), was_as_of and as_of (dates, ISO).
    """
    rows = review.chart[review.chart["metric"].isin(_TIMES) & review.chart["state"].isin([SO_FAR, BOUNDS])]
    rows = rows[(rows["week"] == review.week.week) & review.week.has_data]
    columns = [*("week", "metric", "label", "unit", "value", "low", "high", "n", "censored"), *_STANDING]
    waits = _waits(review, [CATALOGUE[name] for name in rows["metric"]])
    rows = rows[columns].assign(
        **{name: rows["metric"].map({each: wait[name] for each, wait in waits.items()}) for name in _WAITING}
    )
    return pd.concat([rows, _settled_since(review)], ignore_index=True).reindex(columns=[*columns, *_WAITING, *_WAS])


def reopenings(review: Review) -> pd.DataFrame:
    """The shares of the week that a solved ticket may still change by coming back, and how far that moved them before.

    Returns:
        metric, label, unit, settles_on (ISO date), weeks (how many of the last eight weeks are on record as first
        published and as settled), moved (the largest distance between the two; null without such a week), one row per
        share that is not settled.
    """
    chart = review.chart if review.week.has_data else review.chart.head(0)
    moves = [name for name, each in CATALOGUE.items() if each.reopens_days and each.unit == "share"]
    is_open = (chart["week"] == review.week.week) & (chart["state"] == SO_FAR) & chart["value"].notna()
    rows = chart.loc[is_open & chart["metric"].isin(moves), ["metric", "label", "unit", "settles_on"]]
    ledger_rows = review.published
    recent = [shift_week(review.week.week, -back) for back in range(1, _WEEKS_ON_RECORD + 1)]
    settled = ledger_rows[(ledger_rows["entry"] == ledger.SETTLING) & ledger_rows["week"].isin(recent)]
    settled = settled[settled["was"].notna()]
    distance = (
        (settled["value"] - settled["was"]).abs().astype("float64").groupby(settled["metric"]).agg(["size", "max"])
    )
    return rows.assign(
        weeks=rows["metric"].map(distance["size"]).fillna(0).astype("int64"), moved=rows["metric"].map(distance["max"])
    )


def sla(review: Review) -> pd.DataFrame:
    """Control-chart frames of the attainment of each SLA metric for which anybody has a target, thirteen weeks.

    Returns:
        week, metric, label, unit, better, value, low, high, n, cases, censored, missing, and the judgements
        (`review.SIGNAL_COLUMNS`, `goal_verdicts.JUDGED`), one row per metric and week, in the metric's unit.
    """
    return _family(review, [name for name, metric in CATALOGUE.items() if metric.family == "sla"])


def recorded_sla(review: Review) -> pd.DataFrame:
    """What the CRM recorded of its SLA on resolutions that were decided in the week, beside what the facts say.

    Returns:
        `recorded_sla.COLUMNS`: tickets, recorded_met, own_met (shares), only_recorded, only_own, reopened (tickets),
        one row, or none where the export has no such record.
    """
    week, store = review.week, review.week.warehouse
    if not week.has_data or "recorded_sla" not in store.columns("tickets") or not store.has("facts", "sla"):
        return pd.DataFrame(columns=list(record.COLUMNS))
    weeks = [each for each in store.weeks("facts", "sla") if each <= week.week]
    names = ["ticket_id", "metric", "state", "breached_at", "ended_at"]
    rows = store.read("facts", "sla", columns=names, weeks=weeks, teams=[week.team])
    rows = rows[(rows["metric"] == "full_resolution") & rows["state"].isin(["met", "breached"])]
    begin, end = (pd.Timestamp(bound) for bound in week.bounds)
    decided = rows["breached_at"].where(rows["state"] == "breached", rows["ended_at"])
    tickets = store.read("facts", "tickets", columns=["ticket_id", "recorded_sla", "reopens"], weeks=weeks)
    return record.compare_records(rows[(decided >= begin) & (decided < end)], tickets)


def quality(review: Review) -> pd.DataFrame:
    """Control-chart frames of satisfaction, survey response, QA score and critical errors, thirteen weeks.

    Returns:
        week, metric, label, unit, better, value, low, high, n, cases, censored, missing, and the judgements
        (`review.SIGNAL_COLUMNS`, `goal_verdicts.JUDGED`), one row per metric and week, in the metric's unit.
    """
    return _family(review, [name for name, each in CATALOGUE.items() if each.family in ("satisfaction", "quality")])


def effort(review: Review) -> pd.DataFrame:
    """Control-chart frames of first contact, reopens, escalations and solves per agent hour, thirteen weeks.

    Returns:
        week, metric, label, unit, better, value, low, high, n, cases, censored, missing, and the judgements
        (`review.SIGNAL_COLUMNS`, `goal_verdicts.JUDGED`), one row per metric and week, in the metric's unit.
    """
    return _family(review, ["first_contact_resolution", "reopen_share", "escalation_rate", "solves_per_agent_hour"])


def metric(review: Review, name: str, *, weeks: int = analysis.REPORT_WEEKS) -> pd.DataFrame:
    """Control-chart frame of one metric.

    Args:
        review: of `open_review`.
        name: a metric's name.
        weeks: how many weeks, up to the one reported.

    Returns:
        week, metric, label, unit, better, value, low, high, n, cases, censored, missing, and the judgements
        (`review.SIGNAL_COLUMNS`, `goal_verdicts.JUDGED`), one row per week, in the metric's unit.

    Raises:
        WarehouseError: there is no such metric; the message lists them.
    """
    return review.control_frame([_metric_of(name)], weeks=weeks) if review.week.has_data else review.chart.head(0)


def across_teams(review: Review, name: str, *, weeks: int = analysis.REPORT_WEEKS) -> pd.DataFrame:
    """Control-chart frames of one metric for every team of the organisation, in the order of its file.

    Args:
        review: of `open_review`; its own team is among them.
        name: a metric's name.
        weeks: how many weeks, up to the one reported.

    Returns:
        team, team_label, week, metric, label, unit, better, value, low, high, n, cases, censored, missing, and
        the judgements (`review.SIGNAL_COLUMNS`, `goal_verdicts.JUDGED`), one row per team and week, in the metric's
        unit; teams without anything to do are left out.

    Raises:
        WarehouseError: there is no such metric; the message lists them.
    """
    metric = _metric_of(name)
    teams = [Review(replace(review.week, team=team)) for team in review.week.organisation.team_names]
    parts = [
        each.control_frame([metric], weeks=weeks).assign(team=each.week.team, team_label=each.week.label)
        for each in teams
        if each.week.has_data
    ]
    return pd.concat(parts, ignore_index=True) if parts else review.chart.head(0).assign(team="", team_label="")


def values(review: Review, *, by_channel: bool = False) -> pd.DataFrame:
    """Weekly values of the team up to the week, to go deeper from.

    Returns:
        `weekly_values.COLUMNS`: week, team, channel, metric, value, low, high, numerator, denominator, spread, n,
        censored, missing, state, settles_on, still_low, still_high, extra_variance, one row per week and metric, in
        the metric's unit; channel is `all`, with `by_channel` there is a row per channel too. A channel's values of
        fewer cases than people that a group must have are missing, and those of the next smaller one where the total
        would else tell them.
    """
    if not by_channel:
        return review.week.own_values
    rows = review.week.every_value
    minimum = review.week.organisation.privacy.minimum_group
    cases = rows["n"].where(rows["channel"] != ALL, 0).fillna(0)
    few = (cases > 0) & (cases < minimum)
    total = [rows["week"], rows["metric"]]
    while True:
        together = cases.where(few, 0).groupby(total).transform("sum")
        left = cases[(cases > 0) & ~few & (together > 0) & (together < minimum)]
        if left.empty:
            break
        few.loc[left.groupby([each.loc[left.index] for each in total]).idxmin()] = True
    numbers = [name for name in _NUMBERS_OF_CASES if name in rows]
    missing = rows["missing"].astype("object").mask(few, f"not shown: fewer than {minimum}")
    return rows.assign(**{name: rows[name].mask(few) for name in numbers}, missing=missing)


def backlog(review: Review) -> pd.DataFrame:
    """The backlog of thirteen weeks: what came, what went, what was left and how old that was.

    Returns:
        week, inflow, outflow, closing, up_to_7d, from_8_to_30d, older_than_30d (tickets), median_age_days, closed (the
        holidays that close the team on one of the week's days, "" for none), one row per week.
    """
    return review.week.with_closures(review.weekly_backlog)


def add_up(review: Review) -> pd.DataFrame:
    """The identity of the backlog by day and for the week.

    Returns:
        day (a date; None in the last row, which is the week's), opening, created, reopened, moved_in, solved, deleted,
        merged, moved_out, closing, difference (what is unexplained), in tickets; closed (the holiday that closes the
        team on that day, "" for none).
    """
    bounds = review.week.frame_of([review.week.week]).iloc[0]
    days = pd.to_datetime(review.backlog_days["day"])
    inside = days.between(pd.Timestamp(bounds["first_day"]), pd.Timestamp(bounds["last_day"])) & review.week.has_data
    names = {pd.Timestamp(day): name for day, name in review.week.days().items()}
    rows = analysis.add_up(review.backlog_days[inside])
    return rows.assign(closed=pd.to_datetime(rows["day"]).map(names).astype("str").fillna(""))


def signals(review: Review) -> pd.DataFrame:
    """What left its usual level in the week or missed its goal, what did not, and what was not judged.

    A metric that says a second time what its twin says, such as a time on the calendar clock, is left to its chart.
    One that is known a week later stands with the week before.

    Returns:
        metric, label, family, unit, better, cases, week (the one it is about), value, low, high, n, state, settles_on,
        before, `review.SIGNAL_COLUMNS`, `goal_verdicts.JUDGED`, turn (better, worse or ""), weeks_outside, is_late
        (whether it is about the week before), rate (the chance, at most, of a false alarm among the metrics of a week),
        team (its name in the organisation's file), one row per metric that the export has, missed goals first, then
        signals.
    """
    rows = review.judged
    family = rows["metric"].map({name: each.family for name, each in CATALOGUE.items()})
    rate, is_late = review.week.organisation.signals.rate, rows["week"] != review.week.week
    return rows.assign(family=family, is_late=is_late, rate=rate, team=review.week.team)


def explain(review: Review, metric: str = "", *, by: str = "channel") -> pd.DataFrame:
    """Split what sets the week apart from its usual weeks into what groups add to it.

    Args:
        review: of `open_review`.
        metric: a metric's name; empty: those that missed their goal, and new signals up to five in all; by channel
            also those that are still outside their limits, and while the channel mix is, those with a goal that it has
            moved.
        by: `channel` or `contact_reason`.

    Returns:
        `review.EXPLAIN_COLUMNS`, one row per group, one metric after the other; total is what the group adds to the
        difference, by mix and by rate, from the weeks on which the metric's limits rest (against). A median or
        percentile cannot be split; the share of tickets that were done within the value of the week before is split
        instead, against that week, and the label says so. A metric that cannot be split at all has one row that says
        why (missing); so has a time beside whose SLA it would say the same, unless it is asked for by name.

    Raises:
        WarehouseError: there is no such metric; the message lists them.
    """
    nothing = pd.DataFrame(columns=list(analysis.EXPLAIN_COLUMNS))
    if not review.week.has_data:
        return nothing
    if metric:
        return _parts_of_change(review, _metric_of(metric), by)
    by_channel = by == "channel"
    verdicts = (NEW, OUTSIDE) if by_channel else (NEW,)
    chosen = _to_explain(review, verdicts)
    names = {each.name for each in chosen}
    parts = [
        _unsplit(each, by, f"is explained by {CATALOGUE[promise].label}")
        if (promise := _sla_of(each)) in names
        else _parts_of_change(review, each, by)
        for each in chosen
    ]
    if by_channel:
        explained = {name for part in parts for name in part["metric"]}
        parts += _moved_by_the_mix(review, explained)
    return pd.concat(parts, ignore_index=True) if parts else nothing


def _to_explain(review: Review, verdicts: Sequence[str]) -> list[Metric]:
    """New signals, those that missed their goal, and the other ones with such verdicts, in this order: goals all, the
    others up to five in all, but always two."""
    rows = signals(review)
    rows = rows[~rows["is_late"]]
    has_missed = rows["is_missed"].to_numpy(bool)
    rank = np.select([rows["verdict"] == NEW, has_missed, rows["verdict"].isin(verdicts)], [0, 1, 2], default=3)
    ordered = rows.assign(rank=rank, has_missed=has_missed)[rank < 3].sort_values("rank", kind="stable")
    others = (~ordered["has_missed"]).cumsum()
    room = max(_MOST_EXPLAINED - int(has_missed.sum()), _LEAST_SIGNALS_EXPLAINED)
    return [CATALOGUE[name] for name in ordered.loc[ordered["has_missed"] | (others <= room), "metric"]]


def _moved_by_the_mix(review: Review, explained: Collection[str]) -> list[pd.DataFrame]:
    """Of metrics with a goal, while the mix of channels is outside its limits, those that it has moved by more than
    the week's sampling error; what groups do within may hide it."""
    now = review.chart[review.chart["week"] == review.week.week].set_index("metric")
    if _MIX not in now.index or now.loc[_MIX, "verdict"] not in (NEW, OUTSIDE):
        return []
    is_other = now["goal"].notna() & now["value"].notna() & ~now.index.isin(list(explained))
    error = (now["high"] - now["low"]) / (2 * _SAMPLING_ERRORS)
    others = [name for name in now.index[is_other] if CATALOGUE[name].kind != "quantile"]
    parts = {name: _parts_of_change(review, CATALOGUE[name], "channel") for name in others}
    return [own for name, own in parts.items() if abs(own["mix"].sum()) > error[name]]


def shortfall(review: Review) -> pd.DataFrame:
    """What each channel adds to the goals that the week missed, in their own unit.

    Returns:
        metric, label, unit, better, cases, goal, channel, value, n, gap (to the goal, above 0 where it is missed), over
        (cases that fail beyond those that the goal allows; of shares and scores), one row per missed goal and channel,
        `all` first. Channels of fewer cases than people that a group must have are left out. Where no goal was judged,
        none with the reason in `attrs["missing"]`.
    """
    rows = signals(review)
    rows = rows[~rows["is_late"]]
    missed = rows[rows["is_missed"]]
    by_channel = values(review, by_channel=True)
    now = by_channel[(by_channel["week"] == review.week.week) & by_channel["missing"].isna()]
    frame = verdicts_on_goals.shortfall(now, missed[["metric", "label", "unit", "better", "cases", "goal"]])
    if not (~rows["goal_verdict"].isin(["", verdicts_on_goals.NO_VALUE])).any():
        frame.attrs["missing"] = "No goal was judged."
    return frame


def metric_table(review: Review) -> pd.DataFrame:
    """All metrics of the week.

    Returns:
        metric, label, family, unit, better, cases, definition, week, value, low, high, n, state, settles_on, still_low,
        still_high, before, verdict, since, direction, together, why, `goal_verdicts.JUDGED`, missing, history (the last
        thirteen values), closures (of each of those weeks the holidays that close the team, "" for none), last_year and
        quarter (the same week of last year and the quarter to date; null where the history does not have them).
    """
    catalogue = pd.DataFrame(
        [(each.name, each.family, each.definition) for each in CATALOGUE.values()],
        columns=["metric", "family", "definition"],
    )
    chart = review.chart if review.week.has_data else review.chart.head(0)
    by_metric = chart.groupby("metric", sort=False)
    history = by_metric.agg(history=("value", list), closures=("closed", list)).reset_index()
    before = chart.loc[chart["week"] == review.week.before, ["metric", "value"]].rename(columns={"value": "before"})
    if review.week.incompleteness:
        before = before.head(0)
    now = chart[chart["week"] == review.week.week]
    beside = year_and_quarter(
        review.week.own_values, CATALOGUE, review.week.week, incomplete=review.week.incomplete_values
    )
    frame = now.merge(catalogue, on="metric").merge(history, on="metric").merge(before, on="metric", how="left")
    frame = frame.merge(beside, on="metric", how="left")
    return frame[
        [
            *(
                "metric",
                "label",
                "family",
                "unit",
                "better",
                "cases",
                "definition",
                "week",
                "value",
                "low",
                "high",
                "n",
            ),
            *_STANDING,
            *("before", "verdict", "since", "direction", "together", "why", *JUDGED, "missing", "history", "closures"),
            *("last_year", "quarter"),
        ]
    ]


def missing(review: Review) -> pd.DataFrame:
    """The metrics that this export does not have for the team.

    Returns:
        metric, label, definition, missing (why).
    """
    values = review.week.own_values
    now = values[(values["week"] == review.week.week) & values["missing"].notna()]
    rows = [
        (name, CATALOGUE[name].label, CATALOGUE[name].definition, reason)
        for name, reason in zip(now["metric"], now["missing"], strict=True)
        if name in CATALOGUE
    ]
    return pd.DataFrame(rows, columns=["metric", "label", "definition", "missing"])


def restatements(review: Review) -> pd.DataFrame:
    """Numbers of this week and of those before that settled, or were restated after that, since the week ended.

    Returns:
        week, metric, label, unit, entry (`restated` or `settled`), was, is, cause (of a restatement), was_as_of, as_of;
        the newest week first.
    """
    tolerance = timedelta(hours=review.week.organisation.limits.week_ends_within_hours)
    rows = ledger.since(review.published, review.week.bounds[1] - tolerance)
    rows = rows[rows["metric"].isin(list(CATALOGUE))]
    labels = rows["metric"].map({name: each.label for name, each in CATALOGUE.items()})
    return rows.assign(label=labels, unit=rows["metric"].map({name: each.unit for name, each in CATALOGUE.items()}))


def headline_lines(review: Review) -> list[Line]:
    """The numbers that stand above the report: those with a goal; where these are few, the usual ones beside them.

    A metric that the export lacks is left out.
    """
    now = review.chart[review.chart["week"] == review.week.week]
    with_goal = list(now.loc[now["goal_verdict"] != "", "metric"])
    others = _HEADLINES if len(with_goal) < _FEWEST_HEADLINES else ()
    names = list(dict.fromkeys([*(name for name in _HEADLINES if name in with_goal), *with_goal, *others]))
    rows_of = {name: review.chart[review.chart["metric"] == name] for name in names}
    return [
        _headline_of(CATALOGUE[name], rows, is_whole=not review.week.incompleteness)
        for name, rows in rows_of.items()
        if rows["missing"].isna().any()
    ]


def _headline_of(metric: Metric, rows: pd.DataFrame, *, is_whole: bool) -> Line:
    """The headline of a metric, from its control-chart frame: the last week, its change, and what was decided of it."""
    last, unit = rows.iloc[-1], metric.unit
    before = rows["value"].iloc[-2] if len(rows) > 1 else None
    standing = {name: last[name] for name in ("state", "settles_on")}
    chips = (verdicts.of_goal(last), verdicts.of_signal(last))
    return Line(
        label=metric.label,
        value=words.standing(last["value"], last["low"], last["high"], unit, **standing),
        change=words.movement(before, last["value"], unit) if is_whole else "",
        signal=words.is_signal(last["verdict"]),
        note=_note_of(last),
        spark=tuple(None if pd.isna(each) else float(each) for each in rows["value"]),
        unit=unit,
        judged=last["verdict"] not in (NOT_JUDGED, ""),
        signal_verdict=last["verdict"],
        goal_verdict=last["goal_verdict"],
        is_missed=bool(last["is_missed"]),
        chips=tuple(chip for chip in chips if chip),
        facts=tuple(filter(None, [*verdicts.goal_facts(last), verdicts.size(last)])),
        closed=tuple(rows["closed"]),
    )


def _note_of(last: pd.Series) -> str:
    """The line below a headline that is not settled: when it will be, or what it waits for."""
    if last["state"] == SO_FAR and isinstance(last["settles_on"], str) and pd.notna(last["value"]):
        return f"settles {words.day(last['settles_on'])}"
    if last["state"] == BOUNDS and pd.notna(last["censored"]):
        return f"{words.whole(last['censored'])} of {words.whole(last['n'])} still wait"
    return ""


def _waits(review: Review, times: Iterable[Metric]) -> dict[str, dict[str, int]]:
    """By time of tickets, of those that wait for it to end, how many are from the weekend and how many saw no open hour
    yet."""
    columns = {each.name: each.censored for each in times if each.fact == "tickets"}
    if not columns:
        return {}
    week = review.week
    names = list(dict.fromkeys(["created_at", *columns.values()]))
    rows = week.warehouse.read("facts", "tickets", columns=names, weeks=[week.week], teams=[week.team])
    is_weekend = rows["created_at"].dt.tz_convert(week.organisation.zone).dt.day_of_week >= _SATURDAY
    return {
        name: {
            "weekend": int((is_weekend & rows[column].notna()).sum()),
            "unopened": int((rows[column] < _OPEN_HOUR).sum()),
        }
        for name, column in columns.items()
    }


def _settled_since(review: Review) -> pd.DataFrame:
    """Headline times of the week before that have settled since this week ended, as `outlook` returns them."""
    rows = restatements(review)
    is_own = (rows["week"] == review.week.before) & rows["metric"].isin(_HEADLINES) & (rows["unit"] == "seconds")
    rows = rows[is_own & (rows["entry"] == ledger.SETTLING) & rows["was"].notna()].rename(columns={"is": "value"})
    dates = {
        name: pd.to_datetime(rows[name], utc=True).dt.tz_convert(review.week.organisation.zone).dt.strftime("%Y-%m-%d")
        for name in ("was_as_of", "as_of")
    }
    return rows.assign(state=SETTLED, **dates)


def _family(review: Review, names: list[str]) -> pd.DataFrame:
    """Control-chart frames of some metrics; those for which nobody has a target only where there are no others."""
    if not review.week.has_data:
        return review.chart.head(0)
    rows = review.chart[review.chart["metric"].isin(names)]
    has_target = ~rows["missing"].str.contains("such a target|such target", na=False)
    return (rows[has_target] if has_target.any() else rows).reset_index(drop=True)


def _parts_of_change(review: Review, metric: Metric, by: str) -> pd.DataFrame:
    """What each group adds to what sets a metric's week apart: `review.EXPLAIN_COLUMNS`."""
    own = review.breakdown.take(review.groups.get((metric.name, by), []))
    week = own["week"].to_numpy()
    is_now = week == review.week.week
    usual = review.usual_weeks.get(metric.name, []) if metric.kind != "quantile" else [review.week.before]
    sums = [_sums_of(own, is_now, _NOW)]
    if metric.kind == "quantile":
        sums.append(_sums_of(own, is_now, _USUAL, suffix="_before"))
    else:
        # the sums of a week stand in its own rows; in the first week of a breakdown only beside those of the next
        first = min(week, default="")
        if (earlier := shift_week(first, -1) if first else "") in usual:
            sums.append(_sums_of(own, week == first, _USUAL, suffix="_before"))
        there = {earlier, *week}
        usual = [each for each in usual if each in there]
        sums.append(_sums_of(own, np.isin(week, usual), _USUAL))
    names = (by, "numerator", "denominator", "week")
    stretches = pd.DataFrame(
        {name: np.concatenate(each) for name, each in zip(names, zip(*sums, strict=True), strict=True)}
    )
    stretches = _without_small_groups(review, stretches, metric, by)
    parts = analysis.explain(stretches, metric, by=by, before=_USUAL, after=_NOW, weeks=len(usual))
    if parts.empty:
        return _unsplit(metric, by, _why_unsplit(review, metric, by))
    parts["group"] = parts["group"].replace(NO_GROUP, f"no {_DIMENSIONS.get(by, by)}")
    limits = own["limit_seconds"].to_numpy(np.float64)[is_now]
    limits = limits[~np.isnan(limits)]
    if len(limits):
        parts["label"] = f"{metric.label.partition(',')[0]} within {words.duration(float(limits[0]))}"
    parts["against"] = usual[0] if len(usual) == 1 else f"{usual[0]} to {usual[-1]}"
    parts["missing"] = None
    return parts


def _without_small_groups(review: Review, stretches: pd.DataFrame, metric: Metric, by: str) -> pd.DataFrame:
    """The sums with those of groups of too few people put together: by who asked, and by how many cases there are."""
    minimum = review.week.organisation.privacy.minimum_group
    side = "numerator" if metric.kind == "count" else "denominator"
    cases = stretches.pivot_table(index=by, columns="week", values=side, aggfunc="sum", fill_value=0)
    is_small = small_sums(cases, minimum=minimum, few=review.groups_of_few_people.get(by, []))
    few = stretches[by].isin(list(is_small.index[is_small]))
    return stretches.assign(**{by: stretches[by].mask(few, few_people(minimum))}) if few.any() else stretches


def _sums_of(
    rows: pd.DataFrame, is_in: npt.NDArray[np.bool_], stretch: int, *, suffix: str = ""
) -> tuple[npt.NDArray[Any], ...]:
    """Some rows of the breakdown as sums of one stretch of time: groups, numerators, denominators, stretches."""
    columns = ("group", f"numerator{suffix}", f"denominator{suffix}")
    return *(rows[name].to_numpy()[is_in] for name in columns), np.full(int(is_in.sum()), stretch)


def _why_unsplit(review: Review, metric: Metric, by: str) -> str:
    """Why a metric cannot be split."""
    dimension = _DIMENSIONS.get(by, by)
    if metric.fact == "backlog" or metric.exposure:
        return f"cannot be split by {dimension}: it is counted for the team as a whole"
    if not (review.breakdown["by"] == by).any():
        return f"cannot be split by {dimension}: tickets in this export have no {dimension}"
    return "cannot be split: this week, or all before it, have no number"


def _unsplit(metric: Metric, by: str, reason: str) -> pd.DataFrame:
    """The one row of a metric that is not split, which says why."""
    row = dict.fromkeys(analysis.EXPLAIN_COLUMNS) | {
        "metric": metric.name,
        "label": metric.label,
        "unit": metric.unit,
        "by": by,
        **dict.fromkeys(("mix", "rate", "total"), np.nan),
        "missing": reason,
    }
    return pd.DataFrame([row])


def _sla_of(metric: Metric) -> str:
    """The SLA that a time in business hours is promised by; empty where it is no such time."""
    is_time = metric.kind == "quantile" and not metric.twin
    return f"{metric.name.rpartition('_')[0]}_sla" if is_time else ""


def _metric_of(name: str) -> Metric:
    """The metric of that name; WarehouseError that lists them where there is none."""
    if name not in CATALOGUE:
        raise WarehouseError(f"there is no metric {name!r}; there are {', '.join(sorted(CATALOGUE))}")
    return CATALOGUE[name]
