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
from opslib.locales import decimal, whole
from opslib.metrics import ALL, CATALOGUE, NO_GROUP, Metric
from opslib.settings import Organisation
from opslib.store.memo import Basis, code_of, digest_of, digest_of_files
from opslib.store.warehouse import Warehouse
from opslib.tables import EVENTS, telling_events
from opslib.weekly.numbers.completion import COMPLETENESS, with_completed
from opslib.weeks import last_complete_week, week_bounds, weeks_between

TABLE = "weekly_values"
BREAKDOWN = "weekly_breakdown"
GROUPS = ("channel", "contact_reason")
_FACTS = ("tickets", "replies", "sla", "solves", "backlog", "spells")
_STANDARD = ("satisfaction", "quality_reviews", "shifts", "agents", "activity")
_TOLD_BY = {"tickets"} | {
    need.partition(".")[0] for metric in CATALOGUE.values() for needs in metric.needs for need in needs.split("|")
}
"""The standard tables whose columns say what can be known."""
_NOTHING = pd.Series(dtype="float64")
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
    if memo.holds(TABLE, basis):
        return ["weekly values as before"]
    memo.forget([TABLE])

    weeks = reported_weeks(warehouse, organisation, as_of)
    engine = warehouse.engine()
    try:
        tables = {name: warehouse.scan(engine, "facts", name) for name in _FACTS}
        tables |= {
            name: warehouse.scan(engine, "standard", name) for name in _STANDARD if warehouse.has("standard", name)
        }
        present = _present(warehouse, engine)
        lacking = {name: reason for name, metric in CATALOGUE.items() if (reason := metric.lacking(present))}
        measurable = [metric for name, metric in CATALOGUE.items() if name not in lacking]
        groups = [name for name in GROUPS if name in present.get("tickets", ())]
        counted = {
            fact: _view(engine, fact, metrics.relation(fact, tables, live_channels=organisation.live_channels), groups)
            for fact in dict.fromkeys(metric.fact for metric in measurable)
        }
        sums = list(_sums(measurable, counted, weeks, as_of))
        exposures = metrics.exposures(tables, weeks, organisation)
        times = list(_times(measurable, counted, weeks))
        parts = [
            _values_of_sums(sums, exposures),
            *itertools.starmap(analysis.quantile_values, times),
        ]
        parts = parts if "channel" in groups else [part[part["channel"] == ALL] for part in parts]
        filled = pd.concat([part[part["n"].fillna(0) > 0] for part in parts]) if parts else pd.DataFrame()
        values = analysis.weekly_values(
            parts,
            weeks=list(weeks["week"]),
            teams=organisation.team_names,
            catalogue=CATALOGUE,
            missing=lacking | _without_values(measurable, filled, sums),
            missing_of_team=_without_target(organisation, filled)
            | _of_too_few_people(exposures, organisation.privacy.minimum_group),
        )
        values = with_completed(values, tables | counted, warehouse, organisation, weeks, as_of)
    finally:
        engine.disconnect()
    warehouse.write("facts", TABLE, values, partition_by_week=True)
    rows = _breakdown(sums, times, values, list(weeks["week"]), groups)
    warehouse.write("facts", BREAKDOWN, rows, partition_by_week=True)
    memo.keep(TABLE, basis, made=[*warehouse.files("facts", TABLE), *warehouse.files("facts", BREAKDOWN)])
    seconds = perf_counter() - started
    absent = f", {len(lacking)} of them not in this export" if lacking else ""
    return [
        f"weekly values: {len(CATALOGUE)} metrics{absent}, {len(weeks)} weeks, {whole(len(values))} rows "
        f"({decimal(seconds, 1)} s)"
    ]


def _present(warehouse: Warehouse, engine: ibis.BaseBackend) -> dict[str, frozenset[str]]:
    """What the export gives, as metrics need it: columns by table and, beside those of the events, their kinds."""
    present = warehouse.present()
    if "ticket_events" in present:
        kinds = list(EVENTS)
        if warehouse.has("standard", "ticket_events"):
            kinds = warehouse.scan(engine, "standard", "ticket_events").select("event").distinct().event.to_list()
        present["ticket_events"] |= {f"{kind} events" for kind in telling_events(kinds, present["ticket_events"])}
    return present


def reported_weeks(warehouse: Warehouse, organisation: Organisation, as_of: datetime) -> pd.DataFrame:
    """The weeks that have ended, from the first ticket on, as `metrics.week_frame` gives them.

    Where none of those with tickets has ended, the first of them, as far as it goes.
    """
    zone = organisation.zone
    # An export of an old period tells of solves long after its last ticket; those weeks are not reported.
    weeks = warehouse.weeks("facts", "tickets")
    last = max(last_week_of(organisation, as_of), weeks[0]) if weeks else ""
    names = weeks_between(weeks[0], min(last, weeks[-1])) if weeks else []
    return metrics.week_frame(names, lambda week: week_bounds(week, zone))


def last_week_of(organisation: Organisation, as_of: datetime) -> str:
    """The last week that the exports know to its end, or so near to it that no row need be missing."""
    return last_complete_week(as_of, organisation.zone, timedelta(hours=organisation.limits.week_ends_within_hours))


def _sums(
    measurable: Iterable[Metric], counted: Mapping[str, ir.Table], weeks: pd.DataFrame, as_of: datetime
) -> Iterator[pd.DataFrame]:
    """Sums of all metrics but quantiles by channel and contact reason: one query per kind of row, date and team."""

    def rows_of(metric: Metric) -> tuple[str, str, str, int]:
        return (metric.fact, metric.dated_by, metric.team, metric.settles_days)

    sums = sorted((metric for metric in measurable if metric.kind != "quantile"), key=rows_of)
    for (fact, *_), group in itertools.groupby(sums, rows_of):
        members = list(group)
        settled_weeks = metrics.settled(members[0], weeks, as_of=as_of)
        yield _split_group(metrics.cells(members, counted[fact], settled_weeks, by=_GROUP).to_pandas())


def _times(
    measurable: Iterable[Metric], counted: Mapping[str, ir.Table], weeks: pd.DataFrame
) -> Iterator[tuple[pd.DataFrame, list[Metric]]]:
    """Times with the percentiles that are taken over them: those of the same times from one read."""

    def times_of(metric: Metric) -> tuple[str, str]:
        return (metric.fact, metric.ended)

    quantiles = sorted((metric for metric in measurable if metric.kind == "quantile"), key=times_of)
    for (fact, _), group in itertools.groupby(quantiles, times_of):
        members = list(group)
        yield _split_group(metrics.times(members[0], counted[fact], weeks, by=_GROUP).to_pandas()), members


def _view(engine: ibis.BaseBackend, fact: str, rows: ir.Table, groups: Sequence[str]) -> ir.Table:
    """The rows of a fact with channel and contact reason as one text, by which the engine groups once for both.

    A view, as Ibis would compile the same rows again with every query.
    """
    names = [rows[name].fill_null(NO_GROUP) if name in groups else ibis.literal(NO_GROUP) for name in GROUPS]
    return engine.create_view(f"counted_{fact}", rows.mutate(**{_GROUP: names[0] + _BETWEEN + names[1]}))


def _split_group(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with that text as the two columns it was made of."""
    both = rows[_GROUP].astype("category").cat
    pairs = [str(text).partition(_BETWEEN) for text in both.categories]
    parts = {
        name: pd.Series([pair[place] for pair in pairs], dtype="str").take(both.codes.to_numpy()).to_numpy()
        for name, place in zip(GROUPS, (0, 2), strict=True)
    }
    return rows.drop(columns=_GROUP).assign(**parts)


def _values_of_sums(sums: Iterable[pd.DataFrame], exposures: pd.DataFrame) -> pd.DataFrame:
    """Values with intervals, by channel and over all; neither the backlog nor an exposure has a channel."""
    by_channel = [
        wide.groupby(["week", "team", "channel"], sort=False).sum(numeric_only=True).reset_index() for wide in sums
    ]
    rolled_up = analysis.roll_up(pd.concat([analysis.long_sums(wide) for wide in by_channel], ignore_index=True))
    values = analysis.with_intervals(analysis.over_exposures(rolled_up, exposures, CATALOGUE), CATALOGUE)
    return values[_has_groups(values["metric"]) | (values["channel"] == ALL)]


def _has_groups(names: pd.Series) -> pd.Series:
    """Whether each metric can be split by channel and contact reason."""
    splits = {name: metric.fact != "backlog" and not metric.exposure for name, metric in CATALOGUE.items()}
    return names.map(splits).astype(bool)


def _breakdown(
    sums: Iterable[pd.DataFrame],
    times: Iterable[tuple[pd.DataFrame, list[Metric]]],
    values: pd.DataFrame,
    weeks: Sequence[str],
    groups: Sequence[str],
) -> pd.DataFrame:
    """Every metric by channel and by contact reason, each week beside the one before: what changes are explained from.

    Made once for all, so that a report reads a few rows of it and not all its tickets.
    """
    whole = values[values["channel"] == ALL]
    parts = [pd.DataFrame(columns=breakdown.COLUMNS)]
    long = pd.concat([breakdown.long_sums(wide, groups) for wide in sums], ignore_index=True)
    parts.append(breakdown.pair_weeks(long[_has_groups(long["metric"])], weeks))
    for rows, members in times:
        names = [metric.name for metric in members]
        limits = breakdown.limits_of_the_week_before(whole[whole["metric"].isin(names)], weeks)
        parts += [breakdown.pair_within(rows, limits, weeks, by=name) for name in groups]
    all_parts = pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
    return all_parts.sort_values(["week", "team", "metric", "by", "group"], ignore_index=True)


def _without_values(measurable: Iterable[Metric], filled: pd.DataFrame, sums: Iterable[pd.DataFrame]) -> dict[str, str]:
    """Shares, means, times and counts of the backlog of which no week has any: what is there does not tell them.

    Of anything else that is counted, none at all is 0.
    """
    names = set(filled["metric"]) if len(filled) else set()
    names |= {
        metric.name
        for metric in measurable
        for wide in sums
        if not metric.exposure and (wide.get(f"{metric.name}|denominator", _NOTHING) > 0).any()
    }
    return {
        metric.name: _NO_TARGET if metric.family == "sla" else _NO_ROWS
        for metric in measurable
        if (metric.kind != "count" or metric.fact == "backlog") and metric.name not in names
    }


def _of_too_few_people(exposures: pd.DataFrame, minimum_group: int) -> dict[tuple[str, str], str]:
    """Metrics that divide by people or their hours, of the teams in which there never were enough of them."""
    ever = exposures.groupby(["exposure", "team"], as_index=False).agg(is_shown=("is_shown", "any"))
    hidden = ever[~ever["is_shown"]]
    return {
        (str(team), metric.name): f"not shown: fewer than {minimum_group} people"
        for exposure, team in zip(hidden["exposure"], hidden["team"], strict=True)
        for metric in CATALOGUE.values()
        if metric.exposure == exposure
    }


def _without_target(organisation: Organisation, filled: pd.DataFrame) -> dict[tuple[str, str], str]:
    """SLA metrics for which a team has no target, neither in its policy nor in its tickets."""
    targets = {policy.name: {target.metric for target in policy.targets} for policy in organisation.sla_policies}
    measured = set(zip(filled["team"], filled["metric"], strict=True)) if len(filled) else set()
    return {
        (team.name, metric.name): "this team has no such target"
        for team in organisation.teams
        for metric in CATALOGUE.values()
        if metric.family == "sla"
        and metric.name.removesuffix("_sla") not in targets.get(team.sla_policy or "", set())
        and (team.name, metric.name) not in measured
    }


def _basis(warehouse: Warehouse, organisation: Organisation, as_of: datetime) -> Basis:
    """What the values are made of."""
    present = warehouse.present()
    files = [path for name in _FACTS for path in warehouse.files("facts", name)]
    files += warehouse.files("facts", COMPLETENESS)
    files += [path for name in _STANDARD for path in warehouse.files("standard", name)]
    return {
        "code": code_of(__name__),
        "parameters": digest_of(organisation.model_dump_json()),
        "as_of": as_of.isoformat(),
        "columns": digest_of({table: sorted(present[table]) for table in sorted(_TOLD_BY & set(present))}),
        "rows": digest_of_files(files, warehouse.root),
    }
