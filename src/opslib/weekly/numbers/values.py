"""The step from facts to weekly values: read through Ibis, counted in the engine, written to the warehouse."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from time import perf_counter

import ibis
import ibis.expr.types as ir
import pandas as pd

from opslib import metrics
from opslib.analysis.weekly_review import breakdown
from opslib.analysis.weekly_review import weekly_values as analysis
from opslib.metrics import ALL, CATALOGUE, NO_GROUP, Metric
from opslib.settings import Organisation
from opslib.store.memo import Basis, code_of, digest_of, digest_of_files
from opslib.store.warehouse import Warehouse
from opslib.weeks import last_complete_week, week_bounds, weeks_between

TABLE = "weekly_values"
BREAKDOWN = "weekly_breakdown"
GROUPS = ("channel", "contact_reason")
_FACTS = ("tickets", "replies", "sla", "backlog")
_STANDARD = ("satisfaction", "quality_reviews")
_GROUP, _BETWEEN = "_group", "\x1f"
_NO_TARGET = "no team has such a target"
_NO_ROWS = "not in this export: nothing in it tells this"


def build_weekly_values(warehouse: Warehouse, organisation: Organisation, as_of: datetime) -> list[str]:
    """Write `facts/weekly_values` and `facts/weekly_breakdown`.

    The first has every metric per week, team and channel with its interval, the second what its changes from the week
    before are explained from, by channel and by contact reason.

    Weeks that reach beyond `as_of` (by more than the organisation's `week_ends_within_hours`) are left out. Where
    neither the facts' bytes nor the settings have changed since the last time, nothing is done.

    Args:
        warehouse: holds the facts.
        organisation: teams, zone, goals.
        as_of: the instant up to which the exports know the world.

    Returns:
        One line that says what was done.

    Raises:
        SettingsError: a goal names a metric that there is not.
        NotInExport: there are no facts.
    """
    metrics.check_goals(organisation)
    started = perf_counter()
    memo, basis = warehouse.memo("weekly_values"), _basis(warehouse, organisation, as_of)
    if warehouse.has("facts", TABLE) and memo.holds(TABLE, basis):
        return ["weekly values as before"]
    memo.forget([TABLE])

    weeks = _weeks(warehouse, organisation, as_of)
    engine = warehouse.engine()
    try:
        tables = {name: warehouse.scan(engine, "facts", name) for name in _FACTS}
        tables |= {
            name: warehouse.scan(engine, "standard", name) for name in _STANDARD if warehouse.has("standard", name)
        }
        present = warehouse.present()
        lacking = {name: reason for name, metric in CATALOGUE.items() if (reason := metric.lacking(present))}
        wanted = [metric for name, metric in CATALOGUE.items() if name not in lacking]
        given = [name for name in GROUPS if name in present.get("tickets", ())]
        summed = list(_summed(wanted, tables, weeks, as_of, given))
        timed = list(_timed(wanted, tables, weeks, given))
    finally:
        engine.disconnect()
    parts = [*map(_values_of_sums, summed), *itertools.starmap(analysis.quantile_values, timed)]
    parts = parts if "channel" in given else [part[part["channel"] == ALL] for part in parts]
    told = pd.concat([part[part["n"].fillna(0) > 0] for part in parts]) if parts else pd.DataFrame()
    values = analysis.weekly_values(
        parts,
        weeks=list(weeks["week"]),
        teams=organisation.team_names,
        catalogue=CATALOGUE,
        missing=lacking | _never_told(wanted, told),
        missing_of_team=_without_target(organisation, told),
    )
    warehouse.write("facts", TABLE, values, partition_by_week=True)
    groups = _breakdown(summed, timed, values, list(weeks["week"]), given)
    warehouse.write("facts", BREAKDOWN, groups, partition_by_week=True)
    memo.keep(TABLE, basis)
    seconds = perf_counter() - started
    absent = f", {len(lacking)} of them not in this export" if lacking else ""
    return [
        f"weekly values: {len(CATALOGUE)} metrics{absent}, {len(weeks)} weeks, {len(values):,} rows ({seconds:.1f} s)"
    ]


def _weeks(warehouse: Warehouse, organisation: Organisation, as_of: datetime) -> pd.DataFrame:
    """The complete weeks from the first ticket on."""
    zone = organisation.zone
    tolerance = timedelta(hours=organisation.limits.week_ends_within_hours)
    last = last_complete_week(as_of, zone, tolerance)
    # An export of an old period tells of solves long after its last ticket; those weeks are not reported.
    held = [week for week in warehouse.weeks("facts", "tickets") if week <= last]
    names = weeks_between(held[0], held[-1]) if held else []
    return metrics.week_frame(names, lambda week: week_bounds(week, zone))


def _summed(
    wanted: Iterable[Metric],
    tables: Mapping[str, ir.Table],
    weeks: pd.DataFrame,
    as_of: datetime,
    given: Sequence[str],
) -> Iterator[pd.DataFrame]:
    """Sums of counts, shares and means by channel and contact reason: one query per kind of row, date and team."""

    def rows_of(metric: Metric) -> tuple[str, str, str, int]:
        return (metric.fact, metric.dated_by, metric.team, metric.settles_days)

    counted = sorted((metric for metric in wanted if metric.kind != "quantile"), key=rows_of)
    for (fact, *_), group in itertools.groupby(counted, rows_of):
        together = list(group)
        rows = _grouped(metrics.relation(fact, tables), given)
        known = metrics.settled(together[0], weeks, as_of=as_of)
        yield _parted(metrics.cells(together, rows, known, by=_GROUP).to_pandas())


def _timed(
    wanted: Iterable[Metric], tables: Mapping[str, ir.Table], weeks: pd.DataFrame, given: Sequence[str]
) -> Iterator[tuple[pd.DataFrame, list[Metric]]]:
    """Times with the percentiles that are taken over them: those of the same times from one read."""

    def times_of(metric: Metric) -> tuple[str, str]:
        return (metric.fact, metric.ended)

    quantiles = sorted((metric for metric in wanted if metric.kind == "quantile"), key=times_of)
    for (fact, _), group in itertools.groupby(quantiles, times_of):
        together = list(group)
        rows = _grouped(metrics.relation(fact, tables), given)
        yield _parted(metrics.times(together[0], rows, weeks, by=_GROUP).to_pandas()), together


def _grouped(rows: ir.Table, given: Sequence[str]) -> ir.Table:
    """The rows with channel and contact reason as one text, by which the engine groups once for both."""
    names = [rows[name].fill_null(NO_GROUP) if name in given else ibis.literal(NO_GROUP) for name in GROUPS]
    return rows.mutate(**{_GROUP: names[0] + _BETWEEN + names[1]})


def _parted(rows: pd.DataFrame) -> pd.DataFrame:
    both = rows[_GROUP].astype("category").cat
    named = [str(each).partition(_BETWEEN) for each in both.categories]
    parts = {
        name: pd.Series([each[place] for each in named], dtype="str").take(both.codes.to_numpy()).to_numpy()
        for name, place in zip(GROUPS, (0, 2), strict=True)
    }
    return rows.drop(columns=_GROUP).assign(**parts)


def _values_of_sums(wide: pd.DataFrame) -> pd.DataFrame:
    """Values with intervals, by channel and over all; the backlog has no channel."""
    by_channel = wide.groupby(["week", "team", "channel"], sort=False).sum(numeric_only=True).reset_index()
    values = analysis.with_intervals(analysis.roll_up(analysis.long_sums(by_channel)), CATALOGUE)
    held = values["metric"].map({name: metric.fact == "backlog" for name, metric in CATALOGUE.items()}).astype(bool)
    return values[~held | (values["channel"] == ALL)]


def _breakdown(
    summed: Iterable[pd.DataFrame],
    timed: Iterable[tuple[pd.DataFrame, list[Metric]]],
    values: pd.DataFrame,
    weeks: Sequence[str],
    given: Sequence[str],
) -> pd.DataFrame:
    """Every metric by channel and by contact reason, each week beside the one before: what changes are explained from.

    Made once for all, so that a report reads a few rows of it and not all its tickets.
    """
    whole = values[values["channel"] == ALL]
    found = [pd.DataFrame(columns=breakdown.COLUMNS)]
    for wide in summed:
        sums = breakdown.long_sums(wide, [name for name in GROUPS if name in given])
        held = sums["metric"].map({name: metric.fact == "backlog" for name, metric in CATALOGUE.items()}).astype(bool)
        found.append(breakdown.pair_weeks(sums[~held], weeks))
    for times, together in timed:
        names = [metric.name for metric in together]
        limits = breakdown.limits_of_the_week_before(whole[whole["metric"].isin(names)], weeks)
        found += [breakdown.pair_within(times, limits, weeks, by=name) for name in given]
    rows = pd.concat([part for part in found if len(part)] or found, ignore_index=True)
    return rows.sort_values(["week", "team", "metric", "by", "group"], ignore_index=True)


def _never_told(wanted: Iterable[Metric], told: pd.DataFrame) -> dict[str, str]:
    """Shares, means and times of which no week has any: the columns are there, but they do not tell it."""
    some = set(told["metric"]) if len(told) else set()
    return {
        metric.name: _NO_TARGET if metric.family == "sla" else _NO_ROWS
        for metric in wanted
        if metric.kind != "count" and metric.name not in some
    }


def _without_target(organisation: Organisation, told: pd.DataFrame) -> dict[tuple[str, str], str]:
    """SLA metrics for which a team has no target, neither in its policy nor in its tickets."""
    promised = {policy.name: {target.metric for target in policy.targets} for policy in organisation.sla_policies}
    measured = set(zip(told["team"], told["metric"], strict=True)) if len(told) else set()
    return {
        (team.name, metric.name): "this team has no such target"
        for team in organisation.teams
        for metric in CATALOGUE.values()
        if metric.family == "sla"
        and metric.name.removesuffix("_sla") not in promised.get(team.sla_policy or "", set())
        and (team.name, metric.name) not in measured
    }


def _basis(warehouse: Warehouse, organisation: Organisation, as_of: datetime) -> Basis:
    """What the values are made of."""
    files = [path for name in _FACTS for path in warehouse.files("facts", name)]
    files += [path for name in _STANDARD for path in warehouse.files("standard", name)]
    return {
        "code": code_of(__name__),
        "parameters": digest_of(organisation.model_dump_json()),
        "as_of": as_of.isoformat(),
        "columns": digest_of({table: sorted(columns) for table, columns in warehouse.present().items()}),
        "rows": digest_of_files(files, warehouse.root),
    }
