"""What findings are explained from: the cases that a metric counts, one by one, and what else is known of the weeks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opslib import metrics
from opslib.analysis.findings.causes import Change, Level, Surroundings
from opslib.calendars import OpenClock, closed_weeks
from opslib.metrics import Metric
from opslib.settings import Organisation
from opslib.store.warehouse import Warehouse
from opslib.weeks import monday_of, shift_week, week_bounds

FACTS = ("tickets", "replies", "sla", "solves", "spells")
STANDARD = ("satisfaction", "quality_reviews", "shifts", "agents")
CHANGES = ("policy_changes", "tool_requests")

_OF_TICKETS = ("priority", "created_at", "first_queue", "requester_id")
_OF_PROMISES = ("priority", "target_seconds", "elapsed_seconds")
_CHANGE_BEFORE = timedelta(weeks=3)
_MOST_CHANGES = 3
_FEWEST_TICKETS_OF_CHANGE = 5


def tables_of(warehouse: Warehouse, engine: ibis.BaseBackend) -> dict[str, ir.Table]:
    """The facts and standard tables from which cases are read, as far as there are any."""
    areas = {"facts": FACTS, "standard": STANDARD}
    return {
        name: warehouse.scan(engine, area, name)
        for area, names in areas.items()
        for name in names
        if warehouse.has(area, name)
    }


def has_cases(metric: Metric) -> bool:
    """Whether a metric counts things one by one: the backlog and what is divided by people or hours does not."""
    return metric.fact not in ("backlog", "offers") and metric.kind in ("share", "mean", "quantile", "count")


def cases_of(
    metric: Metric,
    tables: Mapping[str, ir.Table],
    weeks: Iterable[str],
    teams: Iterable[str],
    organisation: Organisation,
) -> pd.DataFrame:
    """The cases that a metric counts, with what tickets tell of them.

    Args:
        metric: one that `has_cases`.
        tables: of `tables_of`.
        weeks: ISO weeks.
        teams: whose.
        organisation: its zone dates the weeks, its calendars tell when a team is open.

    Returns:
        week, team, ticket_id, amount (what the metric sums of it, or its seconds), contact_reason, channel, priority,
        created_at, created_team, first_queue, requester_id, arrived_closed and, of promises, target_seconds and
        elapsed_seconds.
    """
    frame = metrics.week_frame(sorted(weeks), lambda week: week_bounds(week, organisation.zone))
    rows = metrics.relation(metric.fact, tables, live_channels=organisation.live_channels)
    if metric.kind == "quantile":
        amount = rows[metric.ended].coalesce(rows[metric.censored]).cast("float64")
        counts = amount.notnull()  # noqa: PD004
    else:
        assert metric.numerator is not None
        assert metric.denominator is not None
        amount = metric.numerator(rows).cast("float64")
        counts = (metric.denominator(rows).cast("float64") > 0).fill_null(False) & amount.notnull()  # noqa: PD004
    own = [name for name in _OF_PROMISES if name in rows.columns] if metric.fact == "sla" else []
    cases = rows.select(
        _dated=rows[metric.dated_by],
        team=rows[metric.team],
        ticket_id=rows["reviewed_id" if metric.fact == "reviews" else "ticket_id"],
        amount=amount,
        _counts=counts,
        contact_reason=rows["contact_reason"],
        channel=rows["channel"],
        **{name: rows[name] for name in own},
    )
    cases = metrics.in_weeks(cases.filter(cases["_counts"] & cases["team"].isin(list(teams))), "_dated", frame)
    tickets = tables["tickets"]
    about = tickets.select(
        _ticket=tickets["ticket_id"],
        created_team=tickets["first_team"].coalesce(tickets["team"]),
        **{name: tickets[name] for name in _OF_TICKETS if name not in own and name in tickets.columns},
    )
    joined = cases.inner_join(about, cases["ticket_id"] == about["_ticket"])
    result: pd.DataFrame = joined.drop("_dated", "_counts", "_ticket").rename(week="_week").to_pandas()
    result = result.sort_values(["week", "team", "ticket_id"], kind="stable", ignore_index=True)
    return result.dropna(axis="columns", how="all").assign(
        week=result["week"],
        team=result["team"],
        ticket_id=result["ticket_id"],
        arrived_closed=_is_closed(result, organisation),
    )


def misses(metric: Metric, amount: pd.Series, threshold: float | None) -> pd.Series:
    """Which cases miss a goal.

    Args:
        metric: what they are cases of.
        amount: of `cases_of`.
        threshold: the goal, or the usual level; of a share and a count none is needed.

    Returns:
        A bool for each: of a share whether it counts against it; of a time or score whether it lies on the wrong side
        of the threshold; of a count always.
    """
    if metric.kind == "count":
        return pd.Series(True, index=amount.index)
    if metric.kind == "share":
        return (amount > 0) if metric.better == "lower" else (amount <= 0)
    level = np.inf if threshold is None else threshold
    return (amount < level) if metric.better == "higher" else (amount > level)


def surroundings(
    organisation: Organisation,
    values: pd.DataFrame,
    exposures: pd.DataFrame,
    changes: pd.DataFrame,
    open_days: pd.Series,
    *,
    week: str,
    team: str,
    usual: list[str],
    since: str,
    reasons: pd.Series,
) -> Surroundings:
    """What else is known of a team's week, beside its usual weeks.

    Args:
        organisation: its teams and their calendars.
        values: weekly values for channel `all`.
        exposures: of `metrics.exposures`.
        changes: of `changes_of`.
        open_days: of `open_days_of` the team.
        week: the one that is explained.
        team: whose.
        usual: the weeks with which it is compared.
        since: the first week of what is explained.
        reasons: tickets of the week by contact reason.
    """
    created = values[(values["metric"] == "created") & (values["team"] == team)].set_index("week")["value"].dropna()
    own = exposures[(exposures["team"] == team) & exposures["is_shown"].astype(bool)] if len(exposures) else exposures
    sizes = {
        name: own[own["exposure"] == name].set_index("week")["size"] if len(own) else pd.Series(dtype="float64")
        for name in ("agents", "hours")
    }
    return Surroundings(
        created=_level(created, week, usual),
        open_days=_level(open_days, week, usual),
        closed=closed_weeks(organisation, [week]).get((team, week), ""),
        people=_level(sizes["agents"], week, usual),
        hours=_level(sizes["hours"], week, usual),
        changes=_changes(organisation, changes, week, since, reasons),
    )


def _level(values: pd.Series, week: str, usual: list[str]) -> Level | None:
    """A number of the week beside the mean and the range of its usual weeks; None where either is not told."""
    before = values.reindex(usual).dropna()
    if week not in values.index or before.empty:
        return None
    return Level(float(values[week]), float(before.mean()), float(before.min()), float(before.max()))


def open_days_of(organisation: Organisation, team: str, weeks: Sequence[str]) -> pd.Series:
    """On how many days of each week a team is open, by week."""
    calendar = organisation.calendar(organisation.team(team).calendar)
    first, last = monday_of(min(weeks)), monday_of(max(weeks)) + timedelta(days=8)
    clock = OpenClock(calendar, first - timedelta(days=1), last + timedelta(days=1))
    days = pd.date_range(first, last, tz=str(calendar.time_zone))
    edges = days.tz_convert("UTC").as_unit("s").asi8.astype(np.float64)
    is_open = np.diff(clock.seconds_at(edges)) > 0
    by_day = pd.Series(is_open, index=days[:-1].tz_localize(None))
    by_week = by_day.groupby(days[:-1].strftime("%G-W%V")).sum()
    return by_week.reindex(list(weeks)).astype("float64")


def _is_closed(cases: pd.DataFrame, organisation: Organisation) -> pd.Series:
    """Whether each ticket came while the team was closed."""
    closed = pd.Series(False, index=cases.index)
    if cases.empty:
        return closed
    at = cases["created_at"].dt.as_unit("s").astype("int64").astype("float64")
    first, last = cases["created_at"].min().date(), cases["created_at"].max().date()
    for team, rows in cases.groupby("team").groups.items():
        calendar = organisation.calendar(organisation.team(str(team)).calendar)
        clock = OpenClock(calendar, first - timedelta(days=1), last + timedelta(days=2))
        closed.loc[rows] = clock.seconds_at(at.loc[rows] + 1) <= clock.seconds_at(at.loc[rows])
    return closed


def changes_of(warehouse: Warehouse, organisation: Organisation) -> pd.DataFrame:
    """Policies and tool requests, as far as the export has them.

    Returns:
        name, at (UTC), until (UTC; null where it still is), detail, reason; a row for each contact reason that it
        names.
    """
    columns = ["name", "at", "until", "detail", "reason"]
    parts = []
    if warehouse.columns("policy_changes"):
        rows = warehouse.read("standard", "policy_changes")
        parts.append(rows.assign(name=rows["policy_id"], at=rows["effective_at"], detail=rows["summary"]))
    if warehouse.columns("tool_requests"):
        rows = warehouse.read("standard", "tool_requests")
        detail = rows["kind"] + " in " + rows["platform"]
        parts.append(rows.assign(name=rows["request_id"], at=rows["opened_at"], detail=detail))
    parts = [part.assign(reason=part["contact_reasons"].str.split(";")) for part in parts if "contact_reasons" in part]
    if not parts:
        return pd.DataFrame(columns=columns)
    parts = [part.rename(columns={"closed_at": "until"}).reindex(columns=columns) for part in parts]
    rows = pd.concat([part.explode("reason") for part in parts], ignore_index=True)
    until = pd.to_datetime(rows["until"], utc=True)
    return rows.assign(reason=rows["reason"].str.strip(), until=until).dropna(subset=["reason"])


def _changes(
    organisation: Organisation, changes: pd.DataFrame, week: str, since: str, reasons: pd.Series
) -> list[Change]:
    """The changes of the time that name reasons of the week's tickets, those of most tickets first."""
    if changes.empty:
        return []
    start, end = (pd.Timestamp(edge) for edge in week_bounds(week, organisation.zone))
    first = pd.Timestamp(week_bounds(since, organisation.zone)[0]) - _CHANGE_BEFORE
    is_open = changes["until"].isna() | (changes["until"] >= start)
    rows = changes[(changes["at"] >= first) & (changes["at"] < end) & is_open]
    rows = rows.assign(tickets=rows["reason"].map(reasons.to_dict()).fillna(0))
    by = rows.groupby("name", sort=True).agg(tickets=("tickets", "sum"), at=("at", "first"), detail=("detail", "first"))
    by = by[by["tickets"] >= _FEWEST_TICKETS_OF_CHANGE].sort_values("tickets", ascending=False, kind="stable")
    days = by["at"].dt.tz_convert(str(organisation.zone)).dt.strftime("%Y-%m-%d")
    return [
        Change(str(name), day, "" if pd.isna(detail) else str(detail))
        for name, day, detail in list(zip(by.index, days, by["detail"], strict=True))[:_MOST_CHANGES]
    ]


def weeks_before(week: str, number: int) -> list[str]:
    """So many weeks up to the one before, oldest first."""
    return [shift_week(week, -back) for back in range(number, 0, -1)]
