"""The weekly values that are not settled: times completed from past weeks, and what a reopening may still move."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from opslib import metrics
from opslib.analysis.weekly_review import completion as analysis
from opslib.analysis.weekly_review.weekly_values import BOUNDS, SO_FAR
from opslib.calendars import OpenClock
from opslib.display import words
from opslib.facts.spells import REMOVED, is_known
from opslib.metrics import ALL, CATALOGUE, NO_GROUP, Metric
from opslib.settings import Organisation
from opslib.store.warehouse import Warehouse
from opslib.tables import ACTIVE
from opslib.weeks import shift_week

COMPLETENESS = "weekly_completeness"
_ENDS = {"first_reply": "first_reply_at", "first_resolution": "first_solved_at", "full_resolution": "last_solved_at"}
_REOPENED = "full_resolution"
_YEAR = 366
_STATES = ["value", "low", "high", "state", "settles_on", "still_low", "still_high", "extra_variance"]


def with_completed(
    values: pd.DataFrame,
    tables: Mapping[str, ir.Table],
    warehouse: Warehouse,
    organisation: Organisation,
    weeks: pd.DataFrame,
    as_of: datetime,
) -> pd.DataFrame:
    """Weekly values with what is known so far of those that are not settled.

    Args:
        values: `weekly_values.COLUMNS`, as if every value was settled.
        tables: what `metrics.relation` has for `tickets` and `replies`, and the fact `spells`.
        warehouse: says which weeks the exports tell whole.
        organisation: teams, their calendars, zone.
        weeks: week, start_at and end_at (UTC), first_day and last_day, in order.
        as_of: the instant up to which the exports know the world.

    Returns:
        The values; of those that are not settled value, low, high, state, settles_on, still_low, still_high and
        extra_variance are set.
    """
    if weeks.empty:
        return values
    frame = _with_days_to_come(values, organisation, weeks, as_of)
    quantiles = sorted((each for each in CATALOGUE.values() if each.kind == "quantile"), key=_times_of)
    clocks = _clocks(organisation, weeks, as_of)
    place = {key: row for row, key in enumerate(zip(*(frame[name] for name in _KEY), strict=True))}
    columns = {name: frame[name].to_numpy(dtype=object, copy=True) for name in _STATES}
    histories: _Histories | None = None
    for (fact, *_), group in groupby(quantiles, _times_of):
        members = [each for each in group if fact in tables]
        open_weeks = _weeks_with_open(frame, members, weeks, as_of)
        if not open_weeks:
            continue
        if histories is None:
            histories = _Histories(_handed_over(tables["spells"], list(clocks)), _moved(tables))
        rows = tables[fact]
        measure = _Measure(members, rows, histories, warehouse, organisation, weeks, as_of, clocks, open_weeks)
        for key, state in measure.estimates(place):
            for name, part in state.items():
                columns[name][place[key]] = part
    for name in _STATES:
        frame[name] = pd.Series(columns[name], index=frame.index).astype(values[name].dtype)
    return frame


_KEY = ["week", "team", "channel", "metric"]


def _times_of(metric: Metric) -> tuple[str, str, str, str]:
    """What times on both clocks have in common."""
    return metric.fact, metric.dated_by, metric.team, metric.ended.replace("business", "calendar")


def _measure_of(metric: Metric) -> str:
    """The measure of a ticket's time; empty for questions."""
    return next((name for name in _ENDS if metric.ended.startswith(name)), "")


def _with_days_to_come(
    values: pd.DataFrame, organisation: Organisation, weeks: pd.DataFrame, as_of: datetime
) -> pd.DataFrame:
    """Mark what days to come may still move, or tell at all: the value, if there is one, stays as it is."""
    frame = values.reset_index(drop=True).copy()
    days = frame["metric"].map({name: each.reopens_days + each.settles_days for name, each in CATALOGUE.items()})
    ends = frame["week"].map(dict(zip(weeks["week"], weeks["end_at"], strict=True)))
    known_at = ends + pd.to_timedelta(days.fillna(0), unit="D")
    waits = frame["metric"].map({name: each.settles_days > 0 for name, each in CATALOGUE.items()}).eq(True)
    moves = (known_at > pd.Timestamp(as_of)) & (days > 0) & (frame["value"].notna() | waits) & frame["missing"].isna()
    frame.loc[moves, "state"] = SO_FAR
    frame.loc[moves, "settles_on"] = known_at[moves].dt.tz_convert(organisation.zone).dt.strftime("%Y-%m-%d")
    return frame


def _weeks_with_open(
    values: pd.DataFrame, members: Sequence[Metric], weeks: pd.DataFrame, as_of: datetime
) -> list[str]:
    """The weeks in which something has not ended, or may be reopened."""
    rows = values[values["metric"].isin([each.name for each in members]) & (values["team"] == ALL)]
    is_open = rows["missing"].isna() & (rows["censored"].fillna(0).gt(0) | rows["state"].eq(SO_FAR))
    return sorted(set(rows.loc[is_open, "week"]) & set(weeks["week"]))


def _clocks(organisation: Organisation, weeks: pd.DataFrame, as_of: datetime) -> dict[str, OpenClock]:
    """By team the open seconds of its calendar, from before the first week to a year after as_of."""
    first = weeks["first_day"].iloc[0] - timedelta(days=_YEAR)
    last = as_of.date() + timedelta(days=_YEAR)
    of_calendar = {each.name: OpenClock(each, first, last) for each in organisation.calendars}
    return {team.name: of_calendar[team.calendar] for team in organisation.teams if team.calendar in of_calendar}


def _handed_over(spells: ir.Table, teams: Sequence[str]) -> pd.DataFrame:
    """Of the tickets that more than one team held: ticket_id, start (seconds since 1970) and team (its place)."""
    passed = spells.group_by("ticket_id").agg(holders=spells.team.nunique())
    rows = spells.filter(spells.team.isin(teams)).semi_join(passed.filter(passed.holders > 1), "ticket_id")
    held = _frame(rows.select("ticket_id", "team", "start_at"))
    places = pd.Categorical(held["team"], categories=list(teams)).codes
    return held[["ticket_id"]].assign(start=_seconds(held["start_at"]), team=places)


def _moved(tables: Mapping[str, ir.Table]) -> pd.DataFrame:
    """The spells, active and removed ones, of the tickets that were reopened or do not count."""
    spells, tickets = tables["spells"], tables["tickets"]
    moves = tickets.filter(~tickets.counts_in_speed | (tickets.reopens > 0)).select("ticket_id")
    rows = spells.filter(spells.status.isin(ACTIVE + REMOVED)).select("ticket_id", "status", "start_at", "end_at")
    return _frame(rows.semi_join(moves, "ticket_id"))


@dataclass(frozen=True)
class _Histories:
    """What happened to the tickets that all measures ask about: which team held them, and when they were not solved."""

    handed_over: pd.DataFrame
    moved: pd.DataFrame


def _frame(rows: ir.Table) -> pd.DataFrame:
    """The rows in memory; Ibis's own way to pandas takes several times as long for texts."""
    frame: pd.DataFrame = rows.to_pyarrow().to_pandas()
    return frame


class _Measure:
    """The times of one measure, by team and week, on both clocks."""

    def __init__(
        self,
        members: Sequence[Metric],
        rows: ir.Table,
        histories: _Histories,
        warehouse: Warehouse,
        organisation: Organisation,
        weeks: pd.DataFrame,
        as_of: datetime,
        clocks: Mapping[str, OpenClock],
        open_weeks: Sequence[str],
    ) -> None:
        self._members, self._organisation = members, organisation
        self._teams, self._clocks = list(clocks), list(clocks.values())
        self._open_weeks, self._histories = open_weeks, histories
        self._as_of = float(int(as_of.timestamp()))
        self._first, self._name = members[0], _measure_of(members[0])
        self._reopens = self._name == _REOPENED
        self._ends = dict(zip(weeks["week"], _seconds(weeks["end_at"]), strict=True))
        donors = {shift_week(week, -back) for week in open_weeks for back in _BACK} | set(open_weeks)
        self._weeks = weeks[weeks["week"].isin(donors)]
        self._starts = dict(zip(weeks["week"], _seconds(weeks["start_at"]), strict=True))
        self._incomplete = _incomplete_weeks(warehouse, members[0])
        timed, spells, holders = self._timed(rows)
        self._cohorts = analysis.cohorts(timed, spells, holders, self._starts)

    def _timed(self, rows: ir.Table) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """The rows of the open weeks and of those before them, the spells of what was reopened, and who held what."""
        metric = self._first
        stem = metric.ended.removesuffix("_seconds").removesuffix("business").removesuffix("calendar")
        clocked = rows[f"{stem}business_seconds"].coalesce(rows[f"{stem}business_censored_seconds"])
        is_ticket = metric.fact == "tickets"
        columns = rows.select(
            _dated=rows[metric.dated_by],
            team=rows[metric.team],
            group=rows.channel.fill_null(NO_GROUP),
            ticket_id=rows.ticket_id,
            begin_at=rows.created_at if is_ticket else rows.asked_at,
            end_at=rows[_ENDS[self._name]] if is_ticket else rows.replied_at,
            active=rows.status.isin(ACTIVE) if is_ticket else ibis.literal(False),
            reopens=rows.reopens.fill_null(0) if is_ticket else ibis.literal(0),
            counts=rows.counts_in_speed if is_ticket else ibis.literal(True),
            ended=rows[f"{stem}calendar_seconds"].cast("float64"),
            censored=rows[f"{stem}calendar_censored_seconds"].cast("float64"),
            business=clocked.cast("float64"),
        )
        is_timed = is_known(columns.ended) | is_known(columns.censored)
        columns = columns.filter(is_known(columns.team) & (~columns.counts | is_timed))
        frame = _frame(metrics.in_weeks(columns, "_dated", self._weeks).drop("_dated").rename(week="_week"))
        frame = frame[frame["team"].isin(self._teams)].sort_values(
            ["team", "week", "begin_at", "ticket_id"], ignore_index=True
        )
        begin, end = _seconds(frame["begin_at"]), _seconds(frame["end_at"])
        has_ended = frame["ended"].notna().to_numpy()
        until = begin + frame["censored"].to_numpy()
        running = ~has_ended & frame["counts"].to_numpy() & (frame["active"].to_numpy() | (until >= self._as_of))
        stop = np.where(has_ended, end, np.where(running, self._as_of, until))
        spells, removed_at = self._spells(frame) if is_ticket else (_NO_SPELLS, np.full(len(frame), np.inf))
        stop = np.where(frame["counts"], stop, np.fmin(np.where(np.isnan(end), np.inf, end), removed_at))
        lasted = frame["ended"].fillna(frame["censored"]).to_numpy()
        timed = frame[["week", "group", "business"]].assign(
            team=pd.Categorical(frame["team"], categories=self._teams).codes,
            begin=np.where(has_ended | running, stop - lasted, begin),
            stop=stop,
            ended=has_ended,
            running=running,
            removed_at=removed_at,
        )
        return timed, spells, self._holders(frame["ticket_id"])

    def _holders(self, ticket_ids: pd.Series) -> pd.DataFrame:
        """Which team held those rows whose ticket was handed over, from when on."""
        keys = pd.DataFrame({"ticket_id": ticket_ids, "key": ticket_ids.index})
        held = keys.merge(self._histories.handed_over, on="ticket_id")
        return held.sort_values(["key", "start"], kind="stable")[["key", "start", "team"]]

    def _spells(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
        """The spells in which reopened tickets were not solved, and since when tickets are removed."""
        removed_at = np.where(frame["counts"], np.inf, np.nan)
        again = frame["counts"] & frame["reopens"].gt(0) & self._reopens
        asked = frame[again | ~frame["counts"]]
        if asked.empty:
            return _NO_SPELLS, removed_at
        moved = self._histories.moved
        rows = moved[moved["ticket_id"].isin(asked["ticket_id"])]
        key = pd.Series(asked.index, index=asked["ticket_id"])
        rows = rows.assign(key=rows["ticket_id"].map(key), start=_seconds(rows["start_at"]))
        rows["end"] = np.nan_to_num(_seconds(rows["end_at"]), nan=np.inf)
        is_removal = rows["status"].isin(REMOVED)
        first = rows[is_removal].groupby("key")["start"].min()
        removed_at[first.index.to_numpy()] = first.to_numpy()
        # A removal of which no event tells when: the ticket counted on no Monday.
        removed_at = np.where(np.isnan(removed_at), -np.inf, removed_at)
        active = rows[~is_removal & rows["key"].isin(frame.index[again])].sort_values(["key", "start"])
        return active[["key", "start", "end"]].reset_index(drop=True), removed_at

    def estimates(self, place: Mapping[tuple[str, ...], int]) -> Iterator[tuple[tuple[str, ...], dict[str, object]]]:
        """The state of each value that is not settled, by week, team, channel and metric."""
        for week in self._open_weeks:
            sets = self._completed(week)
            groups = sorted({str(name) for each in sets for name in each.group})
            for metric in self._members:
                for team, code in ((ALL, None), *((self._teams[each.holder], each.holder) for each in sets)):
                    for group in ("", *groups):
                        key = (week, team, group or ALL, metric.name)
                        if key in place and (state := self._state(sets, metric, week, code, group)):
                            yield key, state

    def _completed(self, week: str) -> list[analysis.Sets]:
        """The week of each team that has any of it, completed from past weeks that the exports tell whole."""
        cohort = self._cohorts.get(week)
        if cohort is None:
            return []
        age, looks = self._as_of - self._ends[week], {}
        for back in _BACK:
            donor = shift_week(week, -back)
            if donor in self._cohorts:
                looks[donor] = analysis.first_look(self._cohorts[donor], self._clocks, look=self._ends[donor] + age)
        return [
            analysis.complete(
                cohort,
                [look for donor, look in looks.items() if (donor, self._teams[code]) not in self._incomplete],
                self._clocks,
                holder=int(code),
                as_of=self._as_of,
                seed=f"{week} {self._teams[code]} {self._first.fact} {self._name}",
                reopens=self._may_reopen(week),
            )
            for code in np.unique(cohort.team[cohort.counts])
        ]

    def _may_reopen(self, week: str, metric: Metric | None = None) -> bool:
        days = metric.reopens_days if metric else max(each.reopens_days for each in self._members)
        return days > 0 and self._as_of < self._ends[week] + days * 86_400

    def _state(
        self, sets: Sequence[analysis.Sets], metric: Metric, week: str, team: int | None, group: str
    ) -> dict[str, object] | None:
        """What is known so far of one percentile; None where it is settled."""
        clock = "business" if "business" in metric.ended else "calendar"
        may_reopen, p = self._may_reopen(week, metric), metric.probability
        bounds = analysis.hard_bounds(sets, p, team=team, clock=clock, group=group)
        holds = analysis.is_settled(*bounds, words.duration)
        if holds and not may_reopen and not analysis.is_moving(sets, team=team, group=group):
            return None
        made = None
        if holds or analysis.is_told(sets, team=team, group=group):
            made = analysis.estimate(sets, p, team=team, clock=clock, group=group, reopens=may_reopen)
        if made is None:
            return None if holds else _limits(analysis.bounds_so_far(sets, p, team=team, clock=clock, group=group))
        if holds and not may_reopen and analysis.is_settled(made.still_low, made.still_high, words.duration):
            return None
        known_at = max(made.settles_at, self._as_of) if np.isfinite(made.settles_at) else self._as_of
        if may_reopen:
            known_at = max(known_at, self._ends[week] + metric.reopens_days * 86_400)
        day = datetime.fromtimestamp(known_at, self._organisation.zone).date()
        return {
            "value": made.value,
            "low": made.low,
            "high": made.high,
            "state": SO_FAR,
            "settles_on": day.isoformat(),
            "still_low": made.still_low,
            "still_high": made.still_high,
            "extra_variance": made.extra_variance,
        }


def _limits(made: analysis.Estimate) -> dict[str, object]:
    """The state of a value of which only bounds are known."""
    bounds = {"value": np.nan, "low": made.low, "high": made.high, "state": BOUNDS, "settles_on": None}
    return bounds | {"still_low": made.still_low, "still_high": made.still_high, "extra_variance": np.nan}


_BACK = range(2, 2 + analysis.DONOR_WEEKS)
_NO_SPELLS = pd.DataFrame({"key": pd.Series(dtype="int64"), "start": 0.0, "end": 0.0})


def _incomplete_weeks(warehouse: Warehouse, metric: Metric) -> frozenset[tuple[str, str]]:
    """The weeks and teams that the exports do not tell whole, which are no guide."""
    if not warehouse.has("facts", COMPLETENESS):
        return frozenset()
    rows = warehouse.read("facts", COMPLETENESS, columns=["week", "team", "scope"])
    scopes = ["all"] if metric.dated_by == "week" else ["all", "backlog"]
    rows = rows[rows["scope"].isin(scopes)]
    return frozenset(zip(rows["week"].astype(str), rows["team"].astype(str), strict=True))


def _seconds(instants: Iterable[object]) -> np.ndarray:
    """Seconds since 1970, NaN where there is no instant."""
    column = pd.Series(pd.to_datetime(pd.Series(instants), utc=True)).dt.tz_localize(None)
    whole = column.to_numpy().astype("datetime64[s]")
    return np.where(np.isnat(whole), np.nan, whole.astype("int64").astype("float64"))
