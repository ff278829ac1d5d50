"""What findings are explained from: the cases that a metric counts, one by one, and what else is known of the weeks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opslib import metrics
from opslib.analysis.findings.causes import Change, Level, Surroundings
from opslib.calendars import OpenClock
from opslib.metrics import Metric
from opslib.settings import Organisation
from opslib.store.warehouse import Warehouse
from opslib.weekly.numbers.signals import closed_weeks
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
        counts = amount.notnull()
    else:
        assert metric.numerator is not None
        assert metric.denominator is not None
        amount = metric.numerator(rows).cast("float64")
        counts = (metric.denominator(rows).cast("float64") > 0).fill_null(False) & amount.notnull()
    own = _OF_PROMISES if metric.fact == "sla" else ()
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
    warehouse: Warehouse,
    organisation: Organisation,
    values: pd.DataFrame,
    exposures: pd.DataFrame,
    *,
    week: str,
    team: str,
    usual: list[str],
    since: str,
    reasons: pd.Series,
) -> Surroundings:
    """What else is known of a team's week, beside its usual weeks.

    Args:
        warehouse: holds the tables `policy_changes` and `tool_requests`, where the export has them.
        organisation: its teams and their calendars.
        values: weekly values for channel `all`.
        exposures: of `metrics.exposures`.
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
    days = pd.Series(_open_days(organisation, team, [*usual, week]), dtype="float64")
    return Surroundings(
        created=_level(created, week, usual),
        open_days=_level(days, week, usual),
        closed=closed_weeks(organisation, [week]).get((team, week), ""),
        people=_level(sizes["agents"], week, usual),
        hours=_level(sizes["hours"], week, usual),
        changes=_changes(warehouse, organisation, week, since, reasons),
    )


def _level(values: pd.Series, week: str, usual: list[str]) -> Level | None:
    """A number of the week beside the mean and the range of its usual weeks; None where either is not told."""
    before = values.reindex(usual).dropna()
    if week not in values.index or before.empty:
        return None
    return Level(float(values[week]), float(before.mean()), float(before.min()), float(before.max()))


def _open_days(organisation: Organisation, team: str, weeks: list[str]) -> dict[str, float]:
    """On how many days of each week the team is open."""
    calendar = organisation.calendar(organisation.team(team).calendar)
    first, last = monday_of(min(weeks)), monday_of(max(weeks)) + timedelta(days=8)
    clock = OpenClock(calendar, first - timedelta(days=1), last + timedelta(days=1))
    days = pd.date_range(first, last, tz=str(calendar.time_zone))
    edges = days.tz_convert("UTC").as_unit("s").asi8.astype(np.float64)
    is_open = np.diff(clock.seconds_at(edges)) > 0
    by_day = pd.Series(is_open, index=days[:-1].tz_localize(None))
    by_week = by_day.groupby(by_day.index.strftime("%G-W%V")).sum()
    return {week: float(by_week[week]) for week in weeks}


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


def _changes(
    warehouse: Warehouse, organisation: Organisation, week: str, since: str, reasons: pd.Series
) -> list[Change]:
    """The policies and open tool requests of the time that name a reason of the week's tickets, the largest first."""
    start, end = (pd.Timestamp(edge) for edge in week_bounds(week, organisation.zone))
    first = pd.Timestamp(week_bounds(since, organisation.zone)[0]) - _CHANGE_BEFORE
    rows = []
    if warehouse.columns("policy_changes"):
        policies = warehouse.read("standard", "policy_changes")
        inside = policies[(policies["effective_at"] >= first) & (policies["effective_at"] < end)]
        rows += [(row, row["policy_id"], row["effective_at"], row["summary"]) for row in inside.to_dict("records")]
    if warehouse.columns("tool_requests"):
        requests = warehouse.read("standard", "tool_requests")
        is_open = requests["closed_at"].isna() | (requests["closed_at"] >= start)
        inside = requests[(requests["opened_at"] >= first) & (requests["opened_at"] < end) & is_open]
        rows += [
            (row, row["request_id"], row["opened_at"], f"{row['kind']} in {row['platform']}")
            for row in inside.to_dict("records")
        ]
    zone = str(organisation.zone)
    sized = []
    for row, name, at, detail in rows:
        named = [each.strip() for each in str(row.get("contact_reasons") or "").split(";") if each.strip()]
        tickets = int(reasons.reindex(named).fillna(0).sum())
        if tickets >= _FEWEST_TICKETS_OF_CHANGE:
            day = pd.Timestamp(at).tz_convert(zone).date().isoformat()
            sized.append((tickets, Change(str(name), day, str(detail))))
    sized.sort(key=lambda each: (-each[0], each[1].subject))
    return [change for _, change in sized[:_MOST_CHANGES]]


def weeks_before(week: str, number: int) -> list[str]:
    """So many weeks up to the one before, oldest first."""
    return [shift_week(week, -back) for back in range(number, 0, -1)]
